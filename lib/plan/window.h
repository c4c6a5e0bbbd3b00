/* SPDX-License-Identifier: MIT */
/*
 * The windows of least load in one forecast.
 */
#ifndef VMF_WINDOW_H
#define VMF_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "plan/blackout.h"

/* The closed list of vmf-stream(5). */
enum vmf_plan_status {
	VMF_PLACED,
	VMF_NO_WINDOW,
	VMF_BLACKOUT,
	VMF_OVER_LOAD,
	VMF_NO_ROOM,
	VMF_OVER_BUDGET,
	VMF_FORBIDDEN,
	VMF_N_PLAN_STATUS
};
const char *vmf_plan_status_name(enum vmf_plan_status s);

struct vmf_window_opts {
	int64_t length_s;
	int64_t slot_s;		/* starts are its multiples since the epoch */
	int64_t not_before;	/* or VMF_TIME_NONE */
	int64_t not_after;	/* the end of a window at the latest, or
				 * VMF_TIME_NONE */
	int64_t top;		/* windows wanted, at least 1 */
	bool apart;		/* they must not overlap */
	double max_load;	/* NaN: any */
	const struct vmf_blackout *blackout;
	int n_blackouts;
};

struct vmf_window {
	int64_t start;
	double load;		/* time-weighted mean of the expected load */
	double risk;		/* the same of the steps' quantile */
};

/* Room that is reused from forecast to forecast, and the blackouts of the
 * last one's starts: a fleet shares them. */
struct vmf_windows {
	struct vmf_window *v;	/* the answer, best first */
	int64_t n, cap;
	enum vmf_plan_status status;
	char reason[256];	/* "" when placed */
	/* of the starts: the first, all of them, and those out of blackouts,
	 * of these with a known load, of these within max_load */
	int64_t first, n_starts, n_free, n_known, n_under;
	double *cost;		/* of vmf_windows_costs, by start */
	int64_t cost_cap;
	/* private */
	__int128 *load, *risk;
	int64_t load_cap, risk_cap;
	int64_t *missing, missing_cap;
	struct vmf_candidate *cand;
	int64_t cand_cap;
	struct vmf_span *spans;
	int64_t spans_cap;
	uint8_t *blocked;
	int64_t blocked_cap;
	int64_t *taken, n_taken, taken_cap;
	int64_t key_start, key_n, key_length;
};
void vmf_windows_free(struct vmf_windows *w);

/*
 * Find the o->top windows of least load in a forecast of n steps of step_s
 * from start: expected[t] is the expected load of step t, risk[t] its
 * quantile, or NULL.  Windows are ranked by risk where it is given, else by
 * expected; equal ones by their start, and equal means equal: sums are made
 * in integers, scaled by a power of two, so that the place of a window does
 * not change its load.  A window lies wholly inside the forecast, covers no
 * missing step and no blackout, and its load (at risk, where given) is at
 * most o->max_load.
 *
 * Work is in proportion to n plus the number of slots, not their product
 * with the length.  w is { 0 } before the first call.  Returns 0 also where
 * there is no window: then w->n is 0 and status and reason say why.
 */
int vmf_windows_find(struct vmf_windows *w, const struct vmf_window_opts *o,
    int64_t start, int64_t step_s, const double *expected,
    const double *risk, int64_t n, struct vmf_err *e) VMF_CHECK;

/* The load by which windows are ranked of every start, into w->cost: NaN
 * where no window may begin.  Status and reason are as above; w->n is 0. */
int vmf_windows_costs(struct vmf_windows *w, const struct vmf_window_opts *o,
    int64_t start, int64_t step_s, const double *expected,
    const double *risk, int64_t n, struct vmf_err *e) VMF_CHECK;

#endif
