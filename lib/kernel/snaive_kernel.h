/* SPDX-License-Identifier: MIT */
/*
 * Bodies of the seasonal naive model: pure functions of one series.  Step t
 * is y[t * stride]; NaN is a missing step.
 */
#ifndef VMF_SNAIVE_KERNEL_H
#define VMF_SNAIVE_KERNEL_H

#include <math.h>
#include <stdint.h>

#include "base/hd.h"

/* Seasons that are searched for a known value, the newest included. */
#define VMF_SNAIVE_BACK 7

/*
 * The value for the step that is lead (0 is the first) steps after the
 * forecast's start, which is gap steps after y's end: the last known value
 * at the same phase before the start, from at most VMF_SNAIVE_BACK seasons.
 * NaN when none is known; else *lag is how many seasons before the step it
 * stands.
 */
VMF_HD double
vmf_snaive_value(const double *y, int64_t n, int64_t stride, int64_t gap,
    int64_t season, int64_t lead, int64_t *lag)
{
	int64_t back = lead / season + 1;
	int64_t at = n + gap + lead - back * season;

	for (int k = 0; k < VMF_SNAIVE_BACK; k++) {
		if (at >= 0 && at < n && !isnan(y[at * stride])) {
			*lag = back;
			return y[at * stride];
		}
		at -= season;
		back++;
	}
	*lag = 0;
	return NAN;
}

/*
 * Errors y(t) - y(t - lag steps) where both are known, into e (room for n);
 * returns how many.
 */
VMF_HD int64_t
vmf_snaive_errors(const double *y, int64_t n, int64_t stride, int64_t lag,
    double *e)
{
	int64_t found = 0;

	for (int64_t t = lag; t < n; t++) {
		double d = y[t * stride] - y[(t - lag) * stride];

		if (!isnan(d))
			e[found++] = d;
	}
	return found;
}

#endif
