/* SPDX-License-Identifier: MIT */
/*
 * From a forecast stream to a plan stream: the windows of each VM for
 * itself, and what that has in common with the plan of a fleet
 * (plan/planner.h).
 */
#ifndef VMF_PLAN_H
#define VMF_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "base/mem.h"
#include "downtime/downtime_cost.h"
#include "plan/binds.h"
#include "plan/window.h"
#include "series/join.h"
#include "series/series.h"

struct vmf_plan {
	/* set by the caller before vmf_plan_open: */
	struct vmf_series *forecast;	/* open, of kind forecast */
	const char *metric;
	int32_t risk_ppm;		/* 0: by the expected load */
	struct vmf_window_opts opts;	/* slot_s 0: the step or 5 minutes */
	bool fleet, place;		/* of a planner: columns target, wave */
	const struct vmf_down_cost *down;	/* and of downtime and length;
						 * or NULL */
	const struct vmf_inventory *known;	/* VMs that there are; NULL:
						 * all */
	double assume_load;		/* of each step of a VM none of whose
					 * steps is known; NaN: it has no
					 * window.  Its steps are those of the
					 * first VM that has some, where it has
					 * none at all */
	/* counted, by VM: */
	int64_t n_rows;
	int64_t n_status[VMF_N_PLAN_STATUS];
	int64_t n_gone;			/* see vmf_plan_gone */
	int64_t n_gone_rows;		/* of these, who have a row */
	int64_t n_assumed;		/* by assume_load, gone ones apart */
	struct vmf_binds binds;		/* of known, once it is open */
	/* private */
	int mean, risk;			/* list columns */
	int status, reason;		/* columns of the forecast, or -1 */
	int pinned, deadline;		/* alike */
	int *attr, n_attrs;
	int target;			/* of the plan's columns; -1: none */
	double *expected, *at_risk;
	int64_t expected_cap, at_risk_cap;
	bool assumed;			/* the lists of the row in hand are */
	int64_t start, n_steps;		/* the first that there are, where a
					 * load may be assumed */
	struct vmf_batch *held;		/* those before, without any */
	int64_t n_held, held_cap, held_at;
	bool looked;
	const struct vmf_batch *next;	/* the forecast's, after these */
	int64_t next_row;
	struct vmf_windows windows;
};

/* Find the columns and fill s, which is { 0 }, with the plan's schema.  A
 * metric or quantile that the forecast lacks is VMF_EDATA, with those there
 * are. */
int vmf_plan_open(struct vmf_plan *p, struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;
/* The next batch of the forecast, as vmf_series_next. */
int vmf_plan_next(struct vmf_plan *p, struct vmf_err *e) VMF_CHECK;
/* Plan row i of the forecast's batch in hand: append its windows to out, or
 * one row that says why there is none. */
int vmf_plan_row(struct vmf_plan *p, int64_t i, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
void vmf_plan_free(struct vmf_plan *p);

/* ---- shared with the planner of a fleet ---- */

/* The lists of row i: *n steps of expected load from *start, valid until the
 * next call, and of its quantile, valid until the view's next list; NULL
 * without.  A list of the quantile that is missing is one of missing steps.
 * Where no step is known all are assume_load, if there is one. */
int vmf_plan_lists(struct vmf_plan *p, int64_t i, int64_t *start,
    const double **expected, const double **risk, int64_t *n,
    struct vmf_err *e) VMF_CHECK;
/* The list of the metric's quantile that windows are compared by, of another
 * metric than theirs perhaps; -1: the forecast has none, or no quantile is
 * asked for. */
int vmf_plan_quantile(const struct vmf_plan *p, const char *metric);
/* The options with row i's own deadline; *pinned: it must not be moved.  One
 * that is no time, or that says neither yes nor no, is VMF_EDATA. */
int vmf_plan_own(const struct vmf_plan *p, int64_t i,
    struct vmf_window_opts *o, bool *pinned, struct vmf_err *e) VMF_CHECK;
/* A word, or a number as text, as an inventory may have it: 1, 0, or -1
 * where it says neither.  No text, NA and nan are no, as missing. */
int vmf_plan_yes(const char *s, int64_t len);
/* Row i, once, into p->binds. */
int vmf_plan_meet(struct vmf_plan *p, int64_t i, struct vmf_err *e) VMF_CHECK;
/* Is row i of a VM that is gone: one of which no sample is known lately (its
 * forecast is stale or empty), and that the inventory lacks? */
bool vmf_plan_gone(struct vmf_plan *p, int64_t i);
/* Say of the row in hand, in w, that it is gone, and count it. */
void vmf_plan_say_gone(struct vmf_plan *p, struct vmf_windows *w);
/* Append the reason own ("": none) of the row in hand, the load that is
 * assumed of it, then the forecast's status and reason where that is not ok;
 * missing where there is nothing to say. */
int vmf_plan_reason(const struct vmf_plan *p, int64_t i, const char *own,
    struct vmf_col *c, struct vmf_err *e) VMF_CHECK;
/* How row i, just planned, got its windows, in words. */
int vmf_plan_explain(const struct vmf_plan *p, int64_t i,
    struct vmf_buf *text, struct vmf_err *e) VMF_CHECK;
/* The cost and the limits on one VM, in words. */
int vmf_plan_explain_cost(const struct vmf_plan *p, struct vmf_buf *text,
    struct vmf_err *e) VMF_CHECK;

#endif
