/* SPDX-License-Identifier: MIT */
/*
 * A wall clock for series: what people do by the hour moves, in UTC, whenever
 * their clocks are set.  On it a series lies as its days do: where a clock is
 * put forward steps are missing, and of steps that it shows twice the later
 * ones stay.
 */
#ifndef VMF_WALL_H
#define VMF_WALL_H

#include <stdint.h>

#include "base/err.h"

/* Offsets, in whole steps; n = 0 is UTC. */
struct vmf_wall {
	int64_t step_s;
	int64_t n;
	int64_t *from;		/* UTC, ascending; the first is before all */
	int64_t *offset_s;	/* the wall clock is ahead of UTC by */
	int64_t cap_from, cap_offset;
};

/*
 * The clock of zone as vmf_tz_set knows it (which it is set by: before
 * threads), of the years 1970 to 2100 and before and after as at their ends.
 * Offsets, and what changes them, are cut to whole steps: an hour does not
 * move steps of two.  w is { 0 }.
 */
int vmf_wall_open(struct vmf_wall *w, const char *zone, int64_t step_s,
    struct vmf_err *e) VMF_CHECK;
void vmf_wall_free(struct vmf_wall *w);

/* What the clock shows at t, as seconds; of NULL, t. */
int64_t vmf_wall_of(const struct vmf_wall *w, int64_t t);

/* From what it shows at moment start to what it shows n steps later: steps, 0
 * where that is before.  w is not NULL, nor is its n 0; so below. */
int64_t vmf_wall_len(const struct vmf_wall *w, int64_t start, int64_t n);
/*
 * Lay n values from start on, a step each, on the clock, into those
 * vmf_wall_len(w, start, n) steps: NaN where it shows none of them.
 */
void vmf_wall_lay(const struct vmf_wall *w, int64_t start, const double *y,
    int64_t n, double *to);

#endif
