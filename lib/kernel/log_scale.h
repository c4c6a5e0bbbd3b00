/* SPDX-License-Identifier: MIT */
/*
 * The scale that models in lanes learn on.  Loads are skewed and change in
 * proportion to what they are, so errors are more alike on
 *
 *	z = log(1 + y / c), c being .3 of the mean of the history,
 *
 * which is linear far below c and logarithmic far above it: the logarithm
 * with a shift of Box and Cox (1964), An analysis of transformations, Journal
 * of the Royal Statistical Society B 26(2).  A quantile of z is that of y; a
 * mean is not.
 */
#ifndef VMF_LOG_SCALE_H
#define VMF_LOG_SCALE_H

#include <math.h>

/* c > 0, or 0 for a history that is learned from as it is (one that grows
 * by adding, not in proportion). */
static inline double
vmf_to_log(double c, double y)
{
	return c > 0.0 ? log1p(y / c) : y;
}

static inline double
vmf_from_log(double c, double z)
{
	return c > 0.0 ? c * expm1(z) : z;
}

#endif
