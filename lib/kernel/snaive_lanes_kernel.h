/* SPDX-License-Identifier: MIT */
/*
 * The seasonal naive forecast in lanes, as a member of an average: the last
 * known value at the same phase, from at most seven seasons before.
 */
#ifndef VMF_SNAIVE_LANES_KERNEL_H
#define VMF_SNAIVE_LANES_KERNEL_H

#include "kernel/lanes.h"

#define SNAIVE_LANES_BACK 7

/* f[i * h + j] is the forecast of step at[i] + j from what is before at[i];
 * NaN where no value is known. */
VMF_HD void
snaive_roll(vcseq y, int64_t stride, int64_t n, int64_t s,
    const int64_t *at, int64_t n_at, int64_t h, vseq f)
{
	(void)n;
	for (int64_t i = 0; i < n_at; i++)
		for (int64_t j = 0; j < h; j++) {
			int64_t t = at[i] + j - s * (j / s + 1);
			vreal v = v_set(NAN);

			for (int k = 0; k < SNAIVE_LANES_BACK && t >= 0; k++) {
				v = v_sel(v_known(v), v, y[t * stride]);
				t -= s;
			}
			f[i * h + j] = v;
		}
}

/* Spread of the errors by lead: that of differences a season apart, times
 * the square root of the seasons. */
VMF_HD void
snaive_sd(vcseq y, int64_t stride, int64_t n, int64_t s, int64_t h,
    vseq sd)
{
	vreal sum = v_set(0.0), k = v_set(0.0);

	for (int64_t t = s; t < n; t++) {
		vreal d = y[t * stride] - y[(t - s) * stride];
		vmask ok = v_known(d);

		sum += v_keep(ok, d * d);
		k += v_keep(ok, v_set(1.0));
	}
	sum = sum / v_max(k, v_set(1.0));
	for (int64_t j = 0; j < h; j++)
		sd[j] = j > 0 && j % s != 0 ? sd[j - 1] :
		    v_sqrt(sum * v_set((double)(j / s + 1)));
}

#endif
