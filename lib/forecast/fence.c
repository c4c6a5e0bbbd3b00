/* SPDX-License-Identifier: MIT */
#include "forecast/fence.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "forecast/quantile.h"

#define FAR 10.0

void
vmf_fence(double lo, double hi, double bound[2])
{
	double far = FAR * (hi - lo + fmax(fabs(lo), fabs(hi)));

	bound[0] = lo - far;
	bound[1] = hi + far;
}

static int64_t
few(int64_t n)
{
	return 2 + n / 1000;
}

/* Whether it can be seen without sorting that nothing lies beyond the fence:
 * where nothing is negative, and enough is not far from the most. */
static bool
is_plain(const double *y, int64_t n)
{
	double most = 0.0;
	int64_t known = 0, near = 0;

	for (int64_t t = 0; t < n; t++) {
		if (y[t] < 0.0)
			return false;
		most = y[t] > most ? y[t] : most;
		known += !isnan(y[t]);
	}
	for (int64_t t = 0; t < n; t++)
		near += y[t] * (1.0 + FAR) >= most;
	return near > few(known);
}

int
vmf_fence_hold(const double *y, int64_t n, double **own, struct vmf_err *e)
{
	double *sorted, bound[2];
	int64_t known = 0, cut;

	*own = NULL;
	if (n == 0 || is_plain(y, n))
		return 0;
	if ((sorted = vmf_calloc(2 * n, (int64_t)sizeof(*sorted), e)) == NULL)
		return VMF_ENOMEM;
	for (int64_t t = 0; t < n; t++)
		if (!isnan(y[t]))
			sorted[known++] = y[t];
	vmf_sort_doubles(sorted, sorted + n, known);
	cut = few(known);
	if (known > 2 * cut) {
		vmf_fence(sorted[cut], sorted[known - 1 - cut], bound);
		if (sorted[0] < bound[0] || sorted[known - 1] > bound[1]) {
			for (int64_t t = 0; t < n; t++)
				sorted[t] = y[t] < bound[0] ? bound[0] :
				    y[t] > bound[1] ? bound[1] : y[t];
			*own = sorted;
			return 0;
		}
	}
	free(sorted);
	return 0;
}
