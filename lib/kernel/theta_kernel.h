/* SPDX-License-Identifier: MIT */
/*
 * Bodies of the dynamic optimised theta model (Fiorucci, Pellegrini, Louzada,
 * Petropoulos and Koehler, "Models for optimising the theta method and their
 * relationship to state space models", 2016) of the seasonally adjusted
 * series.  After i values, with level l, mean M and the running line A + B i,
 *
 *	mu = l + (1 - 1/theta) ((1-alpha)^i A +
 *	    (1 - (1-alpha)^(i+1)) B / alpha)
 *	l = alpha y + (1 - alpha) l
 *	M = (i M + y) / (i + 1)
 *	B = ((i - 1) B + 6 (y - M before) / (i + 1)) / (i + 2)
 *	A = M - B (i + 2) / 2
 *
 * The first level and 1 - 1/theta enter mu linearly: given alpha both come
 * from least squares, so that only alpha is searched.  Missing steps are
 * skipped.
 */
#ifndef VMF_THETA_KERNEL_H
#define VMF_THETA_KERNEL_H

#include "kernel/lanes.h"
#include "kernel/season_lanes_kernel.h"

struct theta_par {
	vreal alpha, kappa;	/* kappa = 1 - 1/theta, 0 to below 1 */
};

struct theta_state {
	vreal i, l, mean, a, b, pow;
};
/* theta at most 50. */
#define THETA_KAPPA 0.98

VMF_HD void
theta_begin(struct theta_state *x)
{
	x->i = x->l = x->mean = x->a = x->b = v_set(0.0);
	x->pow = v_set(1.0);
}

/* The forecast of the next value, without the level's part. */
VMF_HD vreal
theta_line(const struct theta_state *x, vreal alpha, vreal inverse)
{
	vreal one = v_set(1.0);

	return x->pow * x->a + (one - x->pow * (one - alpha)) * inverse *
	    x->b;
}

/* Before it is denormal, it is nothing. */
VMF_HD vreal
theta_fade(vreal pow)
{
	return v_keep(v_lt(v_set(1e-200), pow), pow);
}

/* y joins where ok. */
VMF_HD void
theta_step(struct theta_state *x, vreal alpha, vreal y, vmask ok)
{
	vreal one = v_set(1.0), n = x->i + one;
	vreal b, mean;
	vmask later = v_lt(v_set(0.5), x->i);

	mean = (x->i * x->mean + y) / n;
	b = v_keep(later, ((x->i - one) * x->b + v_set(6.0) *
	    (y - x->mean) / n) / (n + one));
	x->l = v_sel(ok, alpha * y + (one - alpha) * x->l, x->l);
	x->a = v_sel(ok, v_sel(later, mean - b * (n + one) * v_set(0.5), y),
	    x->a);
	x->b = v_sel(ok, b, x->b);
	x->mean = v_sel(ok, mean, x->mean);
	x->pow = theta_fade(v_sel(ok, x->pow * (one - alpha), x->pow));
	x->i = v_sel(ok, n, x->i);
}

/* The running lines of all steps: a[t], b[t] before step t. */
VMF_HD void
theta_lines(vcseq y, int64_t stride, int64_t n, vcseq idx,
    int64_t s, vreal centre, vseq a, vseq b)
{
	struct theta_state x;
	int64_t p = season_phase(n, 0, s);

	theta_begin(&x);
	for (int64_t t = 0; t < n; t++, p = season_next(p, s)) {
		vreal v = y[t * stride] - centre - idx[p];

		a[t] = x.a;
		b[t] = x.b;
		theta_step(&x, v_set(0.5), v, v_known(v));
	}
}

/*
 * Given alpha: kappa (unless it is given, fixed not NULL), the first level
 * (of the series less centre) and the sum of squared errors from the third
 * value on.
 */
VMF_HD_PASS vreal
theta_pass(vcseq y, int64_t stride, int64_t n, vcseq idx,
    int64_t s, vreal centre, vcseq a, vcseq b, vreal alpha,
    const vreal *fixed, vreal *kappa, vreal *level, vreal *count)
{
	vreal zero = v_set(0.0), one = v_set(1.0), keep = one - alpha;
	vreal l = zero, pow = one, k = zero, inverse = one / alpha;
	vreal rr = zero, rg = zero, rp = zero, gg = zero, gp = zero;
	vreal pp = zero, det, k0, l0;
	vmask fine;
	int64_t p = season_phase(n, 0, s);

	for (int64_t t = 0; t < n; t++) {
		vreal v = y[t * stride] - centre - idx[p], r, g;
		vmask ok = v_known(v), counts = ok & v_lt(v_set(1.5), k);

		v = v_keep(ok, v);
		r = v_keep(counts, v - l);
		g = v_keep(counts, pow * a[t] + (one - pow * keep) * inverse *
		    b[t]);
		rr += r * r;
		rg += r * g;
		gg += g * g;
		rp += r * pow;
		gp += g * pow;
		pp += v_keep(counts, pow * pow);
		l = v_sel(ok, alpha * v + keep * l, l);
		pow = theta_fade(v_sel(ok, pow * keep, pow));
		k += v_keep(ok, one);
		p = season_next(p, s);
	}
	det = gg * pp - gp * gp;
	fine = v_lt(gg * pp * v_set(1e-9), det);
	k0 = v_keep(fine, (rg * pp - rp * gp) / v_sel(fine, det, one));
	k0 = fixed != NULL ? *fixed : v_clamp(k0, zero, v_set(THETA_KAPPA));
	l0 = (rp - k0 * gp) / v_max(pp, v_set(1e-300));
	*kappa = k0;
	*level = l0;
	*count = v_max(k - v_set(2.0), zero);
	return v_max(rr - v_set(2.0) * (k0 * rg + l0 * rp) + k0 * k0 * gg +
	    v_set(2.0) * k0 * l0 * gp + l0 * l0 * pp, zero);
}

/* alpha by a grid and a few halvings about its best. */
VMF_HD vreal
theta_search(vcseq y, int64_t stride, int64_t n, vcseq idx,
    int64_t s, vreal centre, vcseq a, vcseq b,
    struct theta_par *m, vreal *count)
{
	static const double grid[] = { 0.005, 0.02, 0.05, 0.1, 0.17, 0.25,
	    0.35, 0.47, 0.6, 0.75, 0.9, 0.99 };
	vreal best = v_set(INFINITY), step = v_set(0.04), k0, l0;

	m->alpha = m->kappa = v_set(0.0);
	for (int i = 0; i < (int)(sizeof(grid) / sizeof(grid[0])); i++) {
		vreal sse = theta_pass(y, stride, n, idx, s, centre, a, b,
		    v_set(grid[i]), NULL, &k0, &l0, count);
		/* Of a constant all do as well: the quickest to learn. */
		vmask better = v_le(sse, best);

		best = v_sel(better, sse, best);
		m->alpha = v_sel(better, v_set(grid[i]), m->alpha);
		m->kappa = v_sel(better, k0, m->kappa);
	}
	for (int i = 0; i < 8; i++) {
		vreal at = v_clamp(m->alpha + (i % 2 ? -step : step),
		    v_set(0.001), v_set(0.999));
		vreal sse = theta_pass(y, stride, n, idx, s, centre, a, b, at,
		    NULL, &k0, &l0, count);
		vmask better = v_lt(sse, best);

		best = v_sel(better, sse, best);
		m->alpha = v_sel(better, at, m->alpha);
		m->kappa = v_sel(better, k0, m->kappa);
		if (i % 2)
			step *= v_set(0.5);
	}
	return best;
}

/* Forecasts at the moments at[], as arima_roll makes them: after the
 * moment, each forecast takes the place of its value. */
VMF_HD_PASS void
theta_roll(vcseq y, int64_t stride, int64_t n, vcseq idx,
    int64_t s, vreal centre, const struct theta_par *m, vreal level,
    const int64_t *at, int64_t n_at, int64_t h, vseq f)
{
	struct theta_state x;
	vreal inverse = v_set(1.0) / m->alpha;
	vmask all = v_le(v_set(0.0), v_set(0.0));
	int64_t p = season_phase(n, 0, s);

	theta_begin(&x);
	x.l = level;
	for (int64_t t = 0; t <= n; t++, p = season_next(p, s)) {
		vreal v;

		while (n_at > 0 && at[n_at - 1] <= t) {
			struct theta_state z = x;
			int64_t q = p;

			n_at--;
			for (int64_t j = 0; j < h; j++) {
				vreal mu = z.l + m->kappa * theta_line(&z,
				    m->alpha, inverse);

				f[n_at * h + j] = mu + centre + idx[q];
				q = season_next(q, s);
				theta_step(&z, m->alpha, mu, all);
			}
		}
		if (t == n)
			break;
		v = y[t * stride] - centre - idx[p];
		theta_step(&x, m->alpha, v, v_known(v));
	}
}

#endif
