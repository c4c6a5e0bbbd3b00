/* SPDX-License-Identifier: MIT */
/*
 * One sample of a history may be damage: a counter that ran over, a sign that
 * was lost.  What is far from nearly all of a history is taken for no further
 * than its fence in whatever adds up or squares: means, losses, and what
 * theta, ets and arima are fitted to.
 */
#ifndef VMF_FENCE_H
#define VMF_FENCE_H

#include <stdint.h>

#include "base/err.h"

/* The fence of values the others of which go from lo to hi: ten times as far
 * from these as they are from each other and from 0. */
void vmf_fence(double lo, double hi, double bound[2]);

/* The n steps y, NaN where missing, held within the fence of all but two and a
 * thousandth of them, at either end: in *own, which is the caller's to free, or
 * NULL where all of them are.  VMF_ENOMEM. */
int vmf_fence_hold(const double *y, int64_t n, double **own,
    struct vmf_err *e) VMF_CHECK;

#endif
