/* SPDX-License-Identifier: MIT */
#include "series/exact.h"

#include <assert.h>
#include <math.h>

/* Shewchuk, "Adaptive Precision Floating-Point Arithmetic" (1997), figure 8:
 * grow an expansion by one number. */
void
vmf_exact_add(struct vmf_exact *x, double v)
{
	int n = 0;

	for (int i = 0; i < x->n; i++) {
		double err;

		v = vmf_two_sum(v, x->part[i], &err);
		if (err != 0.0)
			x->part[n++] = err;
	}
	assert(n < VMF_EXACT_PARTS && isfinite(v));
	x->part[n++] = v;
	x->n = n;
}

double
vmf_exact_round(const struct vmf_exact *x)
{
	double sum = 0.0, err = 0.0, twice;
	int i = x->n;

	while (i > 0 && err == 0.0)
		sum = vmf_two_sum(sum, x->part[--i], &err);
	/* Of a tie, the parts that are left say which way it goes. */
	if (i > 0 && ((err < 0.0 && x->part[i - 1] < 0.0) ||
	    (err > 0.0 && x->part[i - 1] > 0.0))) {
		twice = 2.0 * err;
		if (sum + twice - sum == twice)
			sum += twice;
	}
	return sum;
}
