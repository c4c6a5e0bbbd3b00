/* SPDX-License-Identifier: MIT */
/*
 * Classical additive decomposition in lanes: seasonal indices as the means,
 * phase by phase, of what stands above a centred moving average of a season.
 * They are shrunk towards 0 by the share of them that is noise, as the
 * variance of the rest and the number of seasons tell: where there is no
 * season there are no indices, without a test that would jump.
 */
#ifndef VMF_SEASON_LANES_KERNEL_H
#define VMF_SEASON_LANES_KERNEL_H

#include "kernel/lanes.h"

/* Phase of step t of n, counted back from the end, so that it does not depend
 * on how long the other lanes are; steps after the end have one too. */
VMF_HD int64_t
season_phase(int64_t n, int64_t t, int64_t s)
{
	int64_t p = (n - t) % s;

	return p < 0 ? p + s : p;
}

/* That of the next step: a division of 64 bits costs more than a step. */
VMF_HD int64_t
season_next(int64_t p, int64_t s)
{
	return p == 0 ? s - 1 : p - 1;
}

/* The mean of steps [first, last). */
VMF_HD vreal
season_mean(vcseq y, int64_t stride, int64_t n, vreal first, vreal last)
{
	vreal sum = v_set(0.0), have = v_set(0.0);

	for (int64_t t = 0; t < n; t++) {
		vreal v = y[t * stride];
		vmask ok = v_known(v) & v_le(first, v_set((double)t)) &
		    v_lt(v_set((double)t), last);

		sum += v_keep(ok, v);
		have += v_keep(ok, v_set(1.0));
	}
	return sum / v_max(have, v_set(1.0));
}

/*
 * idx[p], the index of each phase.  Steps [first, last) are looked at; k is
 * room for s values, trend for n.  Lanes that are young, too short for a moving
 * average, have their mean for a trend; lanes out of both masks get 0.
 */
VMF_HD_PASS void
season_indices(vcseq y, int64_t stride, int64_t n, int64_t s,
    vreal first, vreal last, vmask seasonal, vmask young, vseq idx, vseq k,
    vseq trend)
{
	vreal zero = v_set(0.0), one = v_set(1.0), half = v_set(0.5);
	vreal level = season_mean(y, stride, n, first, last);
	vreal sum = zero, have = zero, mean = zero, phases = zero;
	vreal rest = zero, steps = zero, between = zero, share;
	int64_t reach = s / 2, p = season_phase(n, 0, s);
	int even = s % 2 == 0;

	for (int64_t q = 0; q < s; q++)
		idx[q] = k[q] = zero;
	/* The window is [t - reach, t + reach], its ends halved when the
	 * season is even; what it has not, it does without. */
	for (int64_t t = 0; t < n + reach; t++) {
		int64_t mid = t - reach, out = mid - reach - 1;
		vreal v = t < n ? y[t * stride] : v_set(NAN), low, high;
		vreal w, wk;
		vmask ok = v_known(v), known;
		vmask lowok, in;

		sum += v_keep(ok, v);
		have += v_keep(ok, one);
		if (out >= 0) {
			vreal o = y[out * stride];

			ok = v_known(o);
			sum -= v_keep(ok, o);
			have -= v_keep(ok, one);
		}
		if (mid < 0)
			continue;
		w = sum;
		wk = have;
		if (even && mid >= reach) {
			low = y[(mid - reach) * stride];
			high = v;
			lowok = v_known(low);
			known = v_known(high);
			w -= half * (v_keep(lowok, low) + v_keep(known, high));
			wk -= half * (v_keep(lowok, one) + v_keep(known, one));
		}
		in = v_le(first + v_set((double)reach), v_set((double)mid)) &
		    v_lt(v_set((double)(mid + reach)), last) &
		    v_le(v_set(0.5 * (double)s), wk);
		trend[mid] = v_sel(in, w / v_max(wk, half), v_set(NAN));
		in = v_le(first, v_set((double)mid)) &
		    v_lt(v_set((double)mid), last);
		trend[mid] = v_sel(young, v_sel(in, level, v_set(NAN)),
		    trend[mid]);
	}
	for (int64_t t = 0; t < n; t++, p = season_next(p, s)) {
		vreal d = y[t * stride] - trend[t];
		vmask ok = v_known(d);

		idx[p] += v_keep(ok, d);
		k[p] += v_keep(ok, one);
	}
	for (int64_t q = 0; q < s; q++) {
		vmask ok = v_lt(zero, k[q]);

		idx[q] = idx[q] / v_max(k[q], one);
		mean += idx[q];
		phases += v_keep(ok, one);
		steps += k[q];
	}
	mean = mean / v_max(phases, one);
	for (int64_t q = 0; q < s; q++) {
		idx[q] = v_keep(v_lt(zero, k[q]), idx[q] - mean);
		between += idx[q] * idx[q];
	}
	p = season_phase(n, 0, s);
	for (int64_t t = 0; t < n; t++, p = season_next(p, s)) {
		vreal d = y[t * stride] - trend[t] - mean - idx[p];
		vmask ok = v_known(d);

		rest += v_keep(ok, d * d);
	}
	rest = rest / v_max(steps - phases, one);
	between = between / v_max(phases, one);
	/* A mean of steps / phases values has this share of the variance. */
	share = one - rest * phases / (v_max(steps, one) *
	    v_max(between, v_set(1e-300)));
	share = v_keep((seasonal | young) & v_lt(phases, steps),
	    v_max(share, zero));
	for (int64_t q = 0; q < s; q++)
		idx[q] *= share;
}

#endif
