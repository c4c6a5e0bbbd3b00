/* SPDX-License-Identifier: MIT */
/*
 * Models of the whole fleet: one a metric, learned from windows of many
 * series, told what a local algorithm says of each, and kept in a part of
 * the model stream without an id.
 *
 * A window is a series as of a moment (its origin), and, when learning, what
 * came then.  The frame (global_learn.c, global_many.c) draws the windows,
 * cuts everything at the origin, has the local algorithm forecast, keeps the
 * rows to learn from within memory, and hands whole batches over to be
 * forecast.  An algorithm fills in struct vmf_global_ops.
 */
#ifndef VMF_GLOBAL_H
#define VMF_GLOBAL_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "forecast/forecast.h"
#include "forecast/many.h"
#include "forecast/model.h"
#include "forecast/sample.h"
#include "forecast/target.h"
#include "series/series.h"

enum { VMF_SIDES_MAX = 8,		/* other lists of a row that are seen */
    VMF_TRAITS_MAX = 8 };		/* and numbers */

/* What else is known of an entity at an origin.  All is the caller's. */
struct vmf_side {
	int n;
	const struct vmf_slice *y;	/* [n]; n = 0 in it: nothing known */
	int n_traits;
	const float *trait;		/* [n_traits]; NaN: missing */
};

/* One series as of its origin. */
struct vmf_window {
	struct vmf_slice y;		/* status ok: enough history */
	const struct vmf_forecast_opts *opts;	/* start is the origin */
	const struct vmf_side *side;	/* NULL: nothing */
	/* The local algorithm's forecast: of at least the nine levels 0.1 to
	 * 0.9, at level_at[0..8] of base->levels. */
	const struct vmf_forecast *base;
	const int *level_at;
	/* When learning: what came, h steps from the origin, NaN where it is
	 * missing; and the series' number, for draws.  base has h leads. */
	const double *after;
	int64_t h;
	uint64_t key;
};

/* A model of one metric, or of one event. */
struct vmf_global {
	const struct vmf_algo *algo;
	const struct vmf_global_ops *ops;	/* algo's, or those of risk.h */
	struct vmf_algo base;		/* what a window is told by */
	char *metric;
	bool is_target;			/* of an event, which is target */
	struct vmf_target target;
	/* Leads that every window has; 0: some days in each third, and fewer
	 * in the others. */
	int64_t leads;
	int64_t step_s, season;		/* season in steps */
	int64_t seed;
	/* Of lstm; 0 and NULL: its own choice, and no file. */
	int64_t epochs, hidden;
	const char *checkpoint;
	/* Lists and numbers of a row that are looked at, by name. */
	int n_sides, n_traits;
	char *side[VMF_SIDES_MAX], *trait[VMF_TRAITS_MAX];
	struct vmf_panel how;		/* threads; the caller's */
	/* Called with what is being done, in words; may be NULL. */
	void (*tell)(void *arg, const char *text);
	void *tell_arg;
	/* What was learned: the blob of its part, n = 0: too little to learn
	 * from, and the local algorithm's forecast is all there is. */
	struct vmf_buf blob;
	int64_t n_rows, n_series;	/* that it was learned from */
	void *state;			/* of ops->load */
};
void vmf_global_free(struct vmf_global *g);

/*
 * Where predict is NULL, what is learned is used within the local algorithm,
 * which is the algorithm itself, without what is learned here; a window has
 * what the parts of its forecast say at the leads that want asks for, and no
 * sides; and where too little is known to learn, the model has no part of it.
 */
struct vmf_kq_parts;
struct vmf_global_ops {
	/* The local algorithm whose forecasts a window has, by name (NULL:
	 * the algorithm itself); the parts of ids in the model stream hold
	 * what that one holds. */
	const char *base;
	/* NULL, or the leads of a window of h whose parts are asked for. */
	void (*want)(uint64_t key, int64_t start, int64_t h,
	    struct vmf_kq_parts *p);
	int64_t windows_max;		/* of a series; 0: as many as pay */
	int64_t steps_min;		/* before a window, where there are
					 * some more than these */
	/* NULL, or fails at once where this build cannot learn or forecast
	 * by it. */
	int (*ready)(struct vmf_err *e);
	/* Floats of a row to learn from, and most rows, whatever memory
	 * there is. */
	int64_t (*width)(const struct vmf_global *g);
	int64_t rows_max;
	/* Add rows of one window to the sample, by vmf_sample_add with the
	 * key of w. */
	int (*sample)(const struct vmf_global *g, const struct vmf_window *w,
	    struct vmf_sample *s, struct vmf_err *e);
	/* Learn from the sample, which is the callee's to reorder (see
	 * vmf_sample_split), into g->blob. */
	int (*learn)(struct vmf_global *g, struct vmf_sample *s,
	    struct vmf_err *e);
	/* Make g->state of g->blob, which may be anything: VMF_EDATA. */
	int (*load)(struct vmf_global *g, struct vmf_err *e);
	/* Forecast n windows: f[i] holds what base says, at levels of f's
	 * own, and is to be changed where the model knows better. */
	int (*predict)(const struct vmf_global *g, const struct vmf_window *w,
	    int64_t n, struct vmf_forecast *const *f,
	    const struct vmf_panel *how, struct vmf_err *e);
	void (*unload)(struct vmf_global *g);
};

struct cJSON;
/* "sides" and "traits" of g, as members of a JSON object; -1: no memory. */
int vmf_global_names_put(const struct vmf_global *g, struct cJSON *o);
/* And back into g, which loses those that it has. */
int vmf_global_names_get(struct vmf_global *g, const struct cJSON *o,
    struct vmf_err *e) VMF_CHECK;

/* Leads that are learned: two and a half days, at least 12; those beyond are
 * for the algorithm to treat as the last. */
int64_t vmf_global_leads(int64_t step_s);

/*
 * The size of a series by its own past: the mean of |y| over what is known of
 * its last `steps` steps.  0 where all of them are 0, NaN where none is
 * known.
 */
double vmf_own_scale(const struct vmf_slice *y, int64_t steps);

/* y as of `back` steps before its start: a view of the same values. */
struct vmf_slice vmf_slice_before(const struct vmf_slice *y, int64_t back);

/* What vmf_forecast_many does for algorithms of the whole fleet: all that
 * the local algorithm does, and then what the problems' models know better. */
int vmf_global_many(const struct vmf_algo *algo, struct vmf_problem *p,
    int64_t n, struct vmf_many *m, struct vmf_err *e) VMF_CHECK;

/* ---- learning (global_learn.c) ---- */

struct vmf_globals {
	/* set by the caller: */
	const struct vmf_algo *algo[VMF_WORDS_MAX];
	int n_algos;			/* NULL is passed */
	const struct vmf_words *metrics;
	const struct vmf_target *target;	/* [n_targets] */
	int n_targets;
	struct vmf_forecast_opts opts;	/* start: nothing from there on is
					 * looked at */
	int64_t mem_bytes;		/* for rows to learn from */
	int64_t seed;
	int64_t epochs, hidden;		/* as in struct vmf_global */
	const char *checkpoint;
	struct vmf_panel how;		/* its device is left alone */
	void (*tell)(void *arg, const char *text);	/* progress, or NULL */
	void *tell_arg;
	/* made: one an algorithm with global ops and metric, and one an
	 * algorithm and target */
	struct vmf_global *model;
	int n_models;
};
/* Is there anything to learn of the whole fleet? */
bool vmf_globals_any(const struct vmf_globals *g);
/* Read s, which is open at its first row, to the end, and learn. */
int vmf_globals_learn(struct vmf_globals *g, struct vmf_series *s,
    struct vmf_err *e) VMF_CHECK;
/* The model of a metric, by its name and an algorithm; NULL: there is none. */
struct vmf_global *vmf_globals_find(struct vmf_globals *g,
    const struct vmf_algo *algo, const char *metric, int64_t len);
/* The model of an event. */
struct vmf_global *vmf_globals_target(struct vmf_globals *g,
    const struct vmf_algo *algo, const char *text, int64_t len);
/* Append the models' parts, without ids, to a batch of vmf_model_schema; they
 * know what was before updated, UTC. */
int vmf_globals_put(const struct vmf_globals *g, struct vmf_batch *out,
    int64_t updated, struct vmf_err *e) VMF_CHECK;
/* Take a part without an id; g's opts have the step and the season. */
int vmf_globals_take(struct vmf_globals *g, const struct vmf_part *part,
    struct vmf_err *e) VMF_CHECK;
/* One more model, of a metric or (not NULL) a target; NULL: no memory. */
struct vmf_global *vmf_globals_add(struct vmf_globals *g,
    const struct vmf_algo *algo, const char *metric, int64_t len,
    const struct vmf_target *target, struct vmf_err *e);
void vmf_globals_free(struct vmf_globals *g);

/* ---- rows of a series, for forecasting (global_side.c) ---- */

/* Where the sides of a model are in a series' schema, and room for those of
 * rows in hand. */
struct vmf_side_cols {
	int n_sides, n_traits;
	int list[VMF_SIDES_MAX], trait[VMF_TRAITS_MAX];	/* -1: not there */
};
void vmf_side_cols(struct vmf_side_cols *c, const struct vmf_global *g,
    const struct vmf_schema *s);

/* Sides of rows in hand: copies, so that the batch may go on. */
struct vmf_side_rows {
	struct vmf_side *side;		/* [n], valid after _end */
	int64_t n;
	/* private */
	struct vmf_slice *y;
	float *trait;
	double *values;
	int64_t *at;
	int64_t side_cap, y_cap, trait_cap, values_cap, at_cap, n_values;
};
/* Forget them all. */
void vmf_side_rows_clear(struct vmf_side_rows *r);
/* Add row i of the batch in hand as of the moment at. */
int vmf_side_rows_add(struct vmf_side_rows *r, const struct vmf_side_cols *c,
    struct vmf_series *s, int64_t i, int64_t at, struct vmf_err *e)
    VMF_CHECK;
/* After the last: side[] is set. */
void vmf_side_rows_end(struct vmf_side_rows *r,
    const struct vmf_side_cols *c);
void vmf_side_rows_free(struct vmf_side_rows *r);

#endif
