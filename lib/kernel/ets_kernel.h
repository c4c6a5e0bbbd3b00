/* SPDX-License-Identifier: MIT */
/*
 * Bodies of exponential smoothing in state space form, errors additive, trend
 * none or damped, season none or additive (Hyndman, Koehler, Ord and Snyder,
 * "Forecasting with Exponential Smoothing", 2008):
 *
 *	e = y - l - phi b - s(t-m)
 *	l = l + phi b + alpha e,  b = phi b + beta e,  s = s(t-m) + gamma e
 *
 * The states begin with the decomposition's indices, the level of the first
 * season and no trend.  Of a missing step the error is 0.
 */
#ifndef VMF_ETS_KERNEL_H
#define VMF_ETS_KERNEL_H

#include "kernel/lanes.h"
#include "kernel/season_lanes_kernel.h"

/* What is searched: alpha, beta / alpha, gamma / (1 - alpha), phi. */
enum { ETS_ALPHA, ETS_BETA, ETS_GAMMA, ETS_PHI, ETS_K };

struct ets_par {
	vreal x[ETS_K];
	vreal trend, season;	/* 0 or 1 */
};

struct ets_state {
	vreal l, b;
};

struct ets_gain {
	vreal alpha, beta, gamma, phi;
};

VMF_HD struct ets_gain
ets_gains(const struct ets_par *m)
{
	struct ets_gain g;

	g.alpha = m->x[ETS_ALPHA];
	g.beta = m->trend * m->x[ETS_BETA] * g.alpha;
	g.gamma = m->season * m->x[ETS_GAMMA] * (v_set(1.0) - g.alpha);
	g.phi = m->trend * m->x[ETS_PHI];
	return g;
}

/* The level of the first steps known, one season of them and at least ten. */
VMF_HD vreal
ets_level(vcseq y, int64_t stride, int64_t n, int64_t s, vreal season,
    vcseq idx)
{
	vreal sum = v_set(0.0), k = v_set(0.0), one = v_set(1.0);
	vreal most = v_set((double)(s > 10 ? s : 10));
	int64_t p = season_phase(n, 0, s);

	for (int64_t t = 0; t < n; t++, p = season_next(p, s)) {
		vreal v = y[t * stride] - season * idx[p];
		vmask ok = v_known(v) & v_lt(k, most);

		sum += v_keep(ok, v);
		k += v_keep(ok, one);
	}
	return sum / v_max(k, one);
}

/* Sum of squared errors of the steps from skip on, and how many: the seasonal
 * states are in ring, by phase, and go on in it. */
VMF_HD_PASS vreal
ets_pass(vcseq y, int64_t stride, int64_t n, int64_t s, vreal skip,
    const struct ets_par *m, vreal level, vseq ring, vreal *count)
{
	struct ets_gain g = ets_gains(m);
	vreal l = level, b = v_set(0.0), sse = v_set(0.0), k = v_set(0.0);
	int64_t p = season_phase(n, 0, s);

	for (int64_t t = 0; t < n; t++) {
		vreal up = l + g.phi * b;
		vreal e = y[t * stride] - (up + ring[p]);
		vmask ok = v_known(e);

		e = v_keep(ok, e);
		l = up + g.alpha * e;
		b = g.phi * b + g.beta * e;
		ring[p] += g.gamma * e;
		p = season_next(p, s);
		ok &= v_le(skip, v_set((double)t));
		e = v_keep(ok, e);
		sse += e * e;
		k += v_keep(ok, v_set(1.0));
	}
	*count = k;
	return sse;
}

VMF_HD void
ets_ring(vseq ring, vcseq idx, int64_t s, vreal season)
{
	for (int64_t p = 0; p < s; p++)
		ring[p] = season * idx[p];
}

/*
 * Search by compass: along each free parameter a step up, else a step down,
 * else half the step, laps times; all lanes try together, each keeps its own.
 * m holds the start and then the best; returns its sum of squares.
 */
VMF_HD_PASS vreal
ets_search(vcseq y, int64_t stride, int64_t n, int64_t s, vreal skip,
    struct ets_par *m, int trend, int season, int laps, double pace,
    vcseq idx, vreal level, vseq ring, vreal *count)
{
	static const double lo[ETS_K] = { 0.001, 0.001, 0.0, 0.8 };
	static const double hi[ETS_K] = { 0.999, 0.999, 0.999, 0.98 };
	static const double wide[ETS_K] = { 0.2, 0.1, 0.1, 0.08 };
	vreal step[ETS_K], best, k;

	for (int i = 0; i < ETS_K; i++)
		step[i] = v_set(wide[i] * pace);
	ets_ring(ring, idx, s, m->season);
	best = ets_pass(y, stride, n, s, skip, m, level, ring, count);
	for (int lap = 0; lap < laps; lap++)
		for (int i = 0; i < ETS_K; i++) {
			vmask better[2];

			if ((!trend && (i == ETS_BETA || i == ETS_PHI)) ||
			    (!season && i == ETS_GAMMA))
				continue;
			for (int down = 0; down < 2; down++) {
				struct ets_par trial = *m;
				vreal sse;

				trial.x[i] = v_clamp(m->x[i] + (down ?
				    -step[i] : step[i]), v_set(lo[i]),
				    v_set(hi[i]));
				ets_ring(ring, idx, s, m->season);
				sse = ets_pass(y, stride, n, s, skip, &trial,
				    level, ring, &k);
				better[down] = v_lt(sse, best);
				best = v_sel(better[down], sse, best);
				m->x[i] = v_sel(better[down], trial.x[i],
				    m->x[i]);
			}
			step[i] = v_sel(better[0] | better[1], step[i],
			    step[i] * v_set(0.4));
		}
	return best;
}

/* Forecasts at the moments at[], as arima_roll makes them. */
VMF_HD_PASS void
ets_roll(vcseq y, int64_t stride, int64_t n, int64_t s,
    const struct ets_par *m, vreal level, vseq ring, const int64_t *at,
    int64_t n_at, int64_t h, vseq f)
{
	struct ets_gain g = ets_gains(m);
	vreal l = level, b = v_set(0.0);
	int64_t p = season_phase(n, 0, s);

	for (int64_t t = 0; t <= n; t++) {
		vreal up, e;

		while (n_at > 0 && at[n_at - 1] <= t) {
			vreal sum = v_set(0.0), w = g.phi;
			int64_t q = p;

			n_at--;
			for (int64_t j = 0; j < h; j++) {
				sum += w;
				w *= g.phi;
				f[n_at * h + j] = l + sum * b + ring[q];
				q = season_next(q, s);
			}
		}
		if (t == n)
			break;
		up = l + g.phi * b;
		e = y[t * stride] - (up + ring[p]);
		e = v_keep(v_known(e), e);
		l = up + g.alpha * e;
		b = g.phi * b + g.beta * e;
		ring[p] += g.gamma * e;
		p = season_next(p, s);
	}
}

/* Spread of the errors by lead (there, table 6.1). */
VMF_HD void
ets_sd(const struct ets_par *m, vreal s2, int64_t s, int64_t h, vseq sd)
{
	struct ets_gain g = ets_gains(m);
	vreal sum = v_set(1.0), w = g.phi, damp = v_set(0.0);

	for (int64_t j = 0; j < h; j++) {
		vreal c;

		sd[j] = v_sqrt(s2 * sum);
		damp += w;
		w *= g.phi;
		c = g.alpha + g.beta * damp;
		if ((j + 1) % s == 0)
			c += g.gamma;
		sum += c * c;
	}
}

#endif
