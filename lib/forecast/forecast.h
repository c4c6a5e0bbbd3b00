/* SPDX-License-Identifier: MIT */
/*
 * Forecasting one series at a time: the algorithms there are, what they
 * share, and what is done where an algorithm cannot be used.
 */
#ifndef VMF_FORECAST_H
#define VMF_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "forecast/quantile.h"
#include "series/series.h"

struct vmf_global_ops;
struct vmf_kq_parts;

/* The closed list of vmf-stream(5). */
enum vmf_status {
	VMF_OK,
	VMF_SHORT,		/* too little history for the algorithm */
	VMF_CONSTANT,		/* every known value is the same */
	VMF_STALE,		/* nothing known shortly before the start */
	VMF_EMPTY,		/* nothing known at all */
	VMF_UNSEEN,		/* the model has no part for it */
	VMF_FALLBACK,		/* some steps by a simpler way */
	VMF_N_STATUS
};
const char *vmf_status_name(enum vmf_status s);

/* Room that one thread reuses from series to series. */
struct vmf_scratch {
	double *a, *b;
	int64_t a_cap, b_cap;
};
void vmf_scratch_free(struct vmf_scratch *w);

/* What an algorithm learned from one series.  Filled anew by each fit; the
 * arrays are kept and freed by vmf_fit_free. */
struct vmf_fit {
	double *params;
	int64_t n_params, params_cap;
	struct vmf_buf blob;	/* n = 0: none */
	double mase;		/* NaN: not defined */
};
void vmf_fit_free(struct vmf_fit *f);

/*
 * A forecast of h steps: mean[t], and q[j * h + t] for level j.  NaN is
 * missing.  reason is "" where there is nothing to say.
 */
struct vmf_forecast {
	int64_t h;
	struct vmf_quantiles levels;
	float *mean, *q;
	/* NULL, or the caller's: what parts of kq and auto say, gate.h */
	struct vmf_kq_parts *parts;
	enum vmf_status status;
	double mase;
	char reason[256];
};
/* Room for h steps at the levels; f is { 0 }. */
int vmf_forecast_init(struct vmf_forecast *f, int64_t h,
    const struct vmf_quantiles *levels, struct vmf_err *e) VMF_CHECK;
void vmf_forecast_free(struct vmf_forecast *f);

/*
 * An algorithm.  Both functions see only series with enough history
 * (vmf_history_status is VMF_OK): season is in steps, y is known up to the
 * forecast's start.
 *
 * fit learns.  Two fits of the same y give the same bits.
 * predict fills mean and q, given what fit made of this series (perhaps from
 * an older y).  It returns how many steps it had to fill by
 * vmf_forecast_flat, or < 0: VMF_EDATA when params cannot be its own.
 */
struct vmf_algo {
	const char *name;
	/* In lanes: bits of enum vmf_member, and the functions below are
	 * NULL; vmf_fit_many and vmf_forecast_many run them. */
	unsigned members;
	bool kernels;	/* kq, alone or with the members mixed in */
	unsigned without;	/* bits of its families that are left out */
	/* Of the whole fleet, forecast/global.h; then the others say what the
	 * parts of ids hold.  Where that has no predict it is used within
	 * them. */
	const struct vmf_global_ops *global;
	int (*fit)(struct vmf_fit *fit, const struct vmf_slice *y,
	    int64_t season, struct vmf_scratch *w, struct vmf_err *e);
	int64_t (*predict)(struct vmf_forecast *f, const struct vmf_slice *y,
	    int64_t season, const double *params, int64_t n_params,
	    const void *blob, int64_t blob_bytes, struct vmf_scratch *w,
	    struct vmf_err *e);
};
/* NULL when the name is not known. */
const struct vmf_algo *vmf_algo_find(const char *name, int64_t len);
/* What of n may run on a device, bits of VMF_ON_*; of NULL nothing does. */
unsigned vmf_algo_on(const struct vmf_algo *const *algo, int n);
/* "snaive, ...", for messages. */
const char *vmf_algo_names(void);
/* The error, of that code, that --model names none of them, nor any of others
 * (", NAME, ..."). */
int vmf_algo_unknown(const char *name, const char *others, int code,
    struct vmf_err *e);

/*
 * Is there enough history?  VMF_EMPTY, VMF_SHORT (fewer than
 * vmf_history_pairs(season) values have a known value one season earlier),
 * VMF_CONSTANT or VMF_OK.  Of a series both short and constant, short is
 * told.
 */
enum vmf_status vmf_history_status(const struct vmf_slice *y, int64_t season);
/* The season, and at most 10. */
int64_t vmf_history_pairs(int64_t season);

/*
 * Fill steps [from, to) with the mean and the empirical quantiles (type 7)
 * of all that is known; n of y must not be 0.
 */
int vmf_forecast_flat(struct vmf_forecast *f, const struct vmf_slice *y,
    int64_t from, int64_t to, struct vmf_scratch *w, struct vmf_err *e)
    VMF_CHECK;

/* How a fleet is forecast: the same for all its series. */
struct vmf_forecast_opts {
	int64_t step_s;
	int64_t start;		/* the forecast's first moment */
	int64_t season;		/* in steps */
	int64_t stale_after_s;
};

/* No sample for so long before the start? */
bool vmf_history_stale(const struct vmf_slice *y,
    const struct vmf_forecast_opts *o);

/*
 * The parts of one forecast, which vmf_forecast_many puts together; seen says
 * whether the model knows the entity, known whether it knows something of
 * use.  begin sets f->status and, unless that is VMF_OK, fills mean and q.
 * Where it is VMF_OK a model fills them, and filled hands over the steps that
 * it had no value for (NaN in mean, or so many were filled by the model
 * itself).  end adds what is so of the entity whatever the forecast.
 */
int vmf_forecast_begin(struct vmf_forecast *f, const struct vmf_slice *y,
    const struct vmf_forecast_opts *o, bool seen, bool known,
    struct vmf_scratch *w, struct vmf_err *e) VMF_CHECK;
int vmf_forecast_fill(struct vmf_forecast *f, const struct vmf_slice *y,
    int64_t filled, struct vmf_scratch *w, struct vmf_err *e) VMF_CHECK;
void vmf_forecast_end(struct vmf_forecast *f, const struct vmf_slice *y,
    const struct vmf_forecast_opts *o, bool seen);

#endif
