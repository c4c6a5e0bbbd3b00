/* SPDX-License-Identifier: MIT */
/*
 * Seasonal naive: each step repeats the last known value at its phase of the
 * season (Hyndman and Athanasopoulos, "Forecasting: Principles and
 * Practice", 3rd ed., 5.2), with quantiles from its own past errors.
 *
 * A forecast whose value stands k seasons before its step errs by
 * y(t) - y(t - k seasons), whatever its lead.  The params are the empirical
 * quantiles (type 7) of these errors over all of the history, at the 17
 * levels of vmf_snaive_levels, for k = 1, 2, ... as long as there are
 * vmf_history_pairs() of them, at most 14; later k use the last.  Level 0.5
 * is set to 0, and those below (above) it to at most (least) 0: q50 is the
 * value itself and the others lie around it.  params[0] is the least value
 * of the history, params[1 + 17 (k - 1) + j] the quantile of level j.
 */
#ifndef VMF_SNAIVE_H
#define VMF_SNAIVE_H

#include "forecast/forecast.h"

#define VMF_SNAIVE_LEVELS 17
#define VMF_SNAIVE_LAGS 14

extern const double vmf_snaive_levels[VMF_SNAIVE_LEVELS];
/* Where between the levels a quantile lies: level *at and *part of the way
 * to the next. */
void vmf_snaive_level(double q, int *at, double *part);
extern const struct vmf_algo vmf_snaive;

#endif
