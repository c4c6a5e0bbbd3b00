/* SPDX-License-Identifier: MIT */
/*
 * Many independent forecasts at once: what predicting and evaluating a fleet
 * come down to.
 */
#ifndef VMF_MANY_H
#define VMF_MANY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "forecast/forecast.h"
#include "forecast/kq.h"
#include "forecast/panel.h"

struct vmf_global;
struct vmf_side;
struct vmf_window;

/* One series up to one moment.  All pointers are the caller's. */
struct vmf_problem {
	struct vmf_slice y;		/* the past, and no more of it */
	struct vmf_forecast_opts opts;
	struct vmf_forecast *f;		/* filled; vmf_forecast_init it */
	const struct vmf_fit *fit;	/* NULL, or without params: cold */
	struct vmf_fit *own;		/* NULL, or where a cold fit is left */
	bool seen;			/* the model knows the entity */
	bool refit;			/* fit is only the start of own; set
					 * where it cannot be more */
	/* NULL, or a fit of the same series up to an earlier moment (own
	 * itself, perhaps): what kq adds up along the history goes on from
	 * there, to the same result */
	const struct vmf_fit *rolled;
	/* Of algorithms of the whole fleet: the metric's model, and what else
	 * is known of the entity (NULL: nothing). */
	const struct vmf_global *global;
	const struct vmf_side *side;
};

/* Room that is reused from call to call; { 0 } to begin with. */
struct vmf_many {
	struct vmf_panel how;		/* the caller's: width and threads */
	int64_t failed;			/* the problem that failed */
	/* private */
	struct vmf_scratch scratch;
	struct vmf_fit *own;
	int64_t own_cap, n_own;
	struct vmf_panel_job *job;
	int64_t job_cap;
	int64_t sample[VMF_PANEL_GROUPS * VMF_PANEL_SAMPLES];
	struct vmf_kq_job *kernel;
	int64_t kernel_cap;
	struct vmf_forecast *alt;	/* of the members, to be mixed in */
	int64_t alt_cap, n_alt;
	/* of vmf_global_many: */
	struct vmf_problem *copy;
	struct vmf_forecast *wide, **target;
	struct vmf_window *window;
	int64_t copy_cap, wide_cap, n_wide, target_cap, window_cap;
};
void vmf_many_free(struct vmf_many *m);

/*
 * Solve the n problems at p by one algorithm, each on its own: the result of
 * one does not depend on the others, nor on their order.
 * Where own is given it holds the fit of a problem that was fitted cold, and
 * no params where nothing was.  Returns 0, or < 0 with m->failed.
 */
int vmf_forecast_many(const struct vmf_algo *algo, struct vmf_problem *p,
    int64_t n, struct vmf_many *m, struct vmf_err *e) VMF_CHECK;

/*
 * Learn the n problems for the model stream, into own: where there is enough
 * history, else no params.  status[i] is VMF_STALE where that and not worse
 * is so.  A problem's fit, where it is given, is where its estimates start.
 */
int vmf_fit_many(const struct vmf_algo *algo, struct vmf_problem *p,
    int64_t n, enum vmf_status *status, struct vmf_many *m,
    struct vmf_err *e) VMF_CHECK;

#endif
