/* SPDX-License-Identifier: MIT */
/*
 * Blackouts: times of the week, on the wall clock, in which nothing may
 * move.  A rule is one text:
 *
 *	Mon-Fri 09:00-18:00	these days, from the first time until the second
 *	Sat,Sun			all day
 *	Fri-Mon,Wed 22:00-04:00	over midnight: belongs to the day it begins
 *	12:00-13:00		every day
 *
 * A moment is blacked out when the wall clock shows such a time at it.  So
 * an hour that the clock shows twice is blacked out twice, and one that it
 * skips never is.
 */
#ifndef VMF_BLACKOUT_H
#define VMF_BLACKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vmf_blackout {
	int days;		/* bit 0 is Monday */
	int from_s, to_s;	/* of the day; to_s <= from_s: over midnight */
	const char *text;	/* the caller's */
};

/* VMF_EUSAGE with what was expected. */
int vmf_blackout_parse(struct vmf_blackout *b, const char *text,
    struct vmf_err *e) VMF_CHECK;

/* Moments [from, to), UTC. */
struct vmf_span {
	int64_t from, to;
};

/*
 * The moments in [from, to) that any of the n rules blacks out, on the wall
 * clock of vmf_tz_set: spans that ascend and do not touch, in *spans (grown
 * by vmf_grow, the caller's to free), *n_spans of them.
 */
int vmf_blackout_spans(const struct vmf_blackout *b, int n, int64_t from,
    int64_t to, struct vmf_span **spans, int64_t *cap, int64_t *n_spans,
    struct vmf_err *e) VMF_CHECK;

#endif
