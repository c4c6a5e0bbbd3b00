/* SPDX-License-Identifier: MIT */
/*
 * Sums of doubles that do not depend on the order: what an addition rounds
 * off is kept, and the sum of all is rounded once.
 */
#ifndef VMF_EXACT_H
#define VMF_EXACT_H

#include <stdint.h>

/* a + b, and in *err what rounding took from it, exactly (Knuth, TAOCP 2,
 * 4.2.2, theorem B); NaN where the sum is not finite. */
static inline double
vmf_two_sum(double a, double b, double *err)
{
	double s = a + b, of_b = s - a;

	*err = (a - (s - of_b)) + (b - of_b);
	return s;
}

/* Parts that do not overlap, of rising magnitude; their sum is exact.
 * Doubles have 2098 bits, 53 a part. */
#define VMF_EXACT_PARTS 42

struct vmf_exact {
	double part[VMF_EXACT_PARTS];
	int n;
};

/* Add a finite number. */
void vmf_exact_add(struct vmf_exact *x, double v);
/* The sum, rounded to nearest, ties to even. */
double vmf_exact_round(const struct vmf_exact *x);

#endif
