/* SPDX-License-Identifier: MIT */
/*
 * Choosing the orders of a seasonal ARIMA in lanes.  A stepwise search would
 * go another way in each lane; a grid of candidates does not.  Each candidate
 * starts from the estimates of one with a parameter less, so that a few steps
 * of the optimiser are enough.
 */
#ifndef VMF_ARIMA_FIT_KERNEL_H
#define VMF_ARIMA_FIT_KERNEL_H

#include "kernel/arima_exact_kernel.h"

/* p, q, and the candidate before it that is the start. */
struct arima_pq {
	signed char p, q, from;
};
enum { ARIMA_GRID = 16 };

VMF_HD struct arima_pq
arima_pq_of(int g)
{
	static const struct arima_pq grid[ARIMA_GRID] = {
		{ 0, 0, 0 }, { 1, 0, 0 }, { 0, 1, 0 }, { 1, 1, 1 },
		{ 2, 0, 1 }, { 0, 2, 2 }, { 2, 1, 3 }, { 1, 2, 3 },
		{ 3, 0, 4 }, { 0, 3, 5 }, { 2, 2, 6 }, { 3, 1, 6 },
		{ 1, 3, 7 }, { 3, 2, 10 }, { 2, 3, 10 }, { 3, 3, 13 },
	};

	return grid[g];
}

/* Candidates that go on to their greatest likelihood. */
enum { ARIMA_TOP = 3 };

struct arima_best {
	vreal aicc, s2, n;
	struct arima_par par;
	vmask act[ARIMA_K];
};

/* The columns of orders (p,q)(P,Q), with the mean or without. */
VMF_HD int
arima_columns(int p, int q, int sp, int sq, int mean, int *col)
{
	int k = 0;

	for (int i = 0; i < p; i++)
		col[k++] = ARIMA_PHI + i;
	for (int i = 0; i < q; i++)
		col[k++] = ARIMA_THETA + i;
	if (sp)
		col[k++] = ARIMA_SPHI;
	if (sq)
		col[k++] = ARIMA_STHETA;
	if (mean)
		col[k++] = ARIMA_MEAN;
	return k;
}

/* What Akaike's criterion, corrected for small samples, adds to the deviance
 * for k parameters and the variance; infinite where n does not carry them. */
VMF_HD vreal
arima_penalty(vreal n, vreal k)
{
	vreal one = v_set(1.0), p = k + one, left = n - p - one;
	vmask ok = v_lt(one, left);

	left = v_sel(ok, left, one);
	return v_sel(ok, v_set(2.0) * p + v_set(2.0) * p * (p + one) / left,
	    v_set(INFINITY));
}

/* The criterion of a sum of squares. */
VMF_HD vreal
arima_aicc_of(vreal sse, vreal n, vreal k)
{
	vreal one = v_set(1.0);

	return n * v_log(v_max(sse / v_max(n, one), v_set(1e-300))) +
	    arima_penalty(n, k);
}

VMF_HD vreal
arima_aicc(vreal sse, vreal n, int k)
{
	return arima_aicc_of(sse, n, v_set((double)k));
}

VMF_HD void
arima_nothing(struct arima_best *best)
{
	best->aicc = v_set(INFINITY);
	best->s2 = best->n = v_set(0.0);
	for (int i = 0; i < ARIMA_K; i++) {
		best->par.b[i] = v_set(0.0);
		best->act[i] = v_lt(v_set(1.0), v_set(0.0));
	}
	best->par.d = best->par.sd = v_set(0.0);
}

/* Keep the candidate where it is better. */
VMF_HD void
arima_keep(struct arima_best *best, vmask better, const struct arima_par *m,
    vreal aicc, vreal sse, vreal n, const int *col, int k)
{
	vmask now[ARIMA_K], none = v_lt(v_set(1.0), v_set(0.0));

	for (int i = 0; i < ARIMA_K; i++)
		now[i] = none;
	for (int i = 0; i < k; i++)
		now[col[i]] = ~none;
	best->aicc = v_sel(better, aicc, best->aicc);
	best->s2 = v_sel(better, sse / v_max(n, v_set(1.0)), best->s2);
	best->n = v_sel(better, n, best->n);
	for (int i = 0; i < ARIMA_K; i++) {
		best->par.b[i] = v_sel(better, m->b[i], best->par.b[i]);
		best->act[i] = (now[i] & better) | (best->act[i] & ~better);
	}
	best->par.d = v_sel(better, m->d, best->par.d);
	best->par.sd = v_sel(better, m->sd, best->par.sd);
}

/* best becomes one where better. */
VMF_HD void
arima_take(struct arima_best *best, vmask better, const struct arima_best *one)
{
	best->aicc = v_sel(better, one->aicc, best->aicc);
	best->s2 = v_sel(better, one->s2, best->s2);
	best->n = v_sel(better, one->n, best->n);
	for (int i = 0; i < ARIMA_K; i++) {
		best->par.b[i] = v_sel(better, one->par.b[i], best->par.b[i]);
		best->act[i] = (one->act[i] & better) |
		    (best->act[i] & ~better);
	}
	best->par.d = v_sel(better, one->par.d, best->par.d);
	best->par.sd = v_sel(better, one->par.sd, best->par.sd);
}

/*
 * First search: the seasonal orders.  ARMA(1,1), or ARMA(2,1) where that is
 * better, with each (P,Q) and differences d and D, which are the same in all
 * lanes.  best is what has the least AICc of them.  first is each lane's
 * first known step, skip the first one whose error counts; seasonal masks
 * the lanes that have history enough for a season.  mean is where y is all
 * about.
 */
VMF_HD void
arima_seasonal(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal first, vreal skip, vmask seasonal, vreal mean, int d,
    int sd, int iters, const struct arima_ring *r, struct arima_best *best)
{
	struct arima_par start[4];
	struct arima_sums sums;
	vreal begin = first + v_set((double)(s * sd + d)), aicc;
	int col[ARIMA_K], k;

	for (int sq = 0; sq < (s > 1 ? 4 : 1); sq++) {
		struct arima_par *m = &start[sq];

		/* Q joins before P and Q. */
		if (sq > 0)
			*m = start[sq == 3 ? 1 : 0];
		else {
			for (int i = 0; i < ARIMA_K; i++)
				m->b[i] = v_set(0.0);
			m->b[ARIMA_PHI] = v_set(d ? 0.2 : 0.5);
			m->b[ARIMA_THETA] = v_set(d ? -0.5 : 0.0);
			if (d + sd == 0)
				m->b[ARIMA_MEAN] = mean;
			m->d = v_set((double)d);
			m->sd = v_set((double)sd);
		}
		k = arima_columns(1, 1, sq >> 1, sq & 1, d + sd == 0, col);
		arima_descend(y, stride, from, n, s, begin, skip, m, r, col,
		    k, NULL, sq == 0 ? 2 * iters : iters, &sums);
		aicc = arima_aicc(sums.sse, sums.n, k);
		if (sq > 0 || sd)
			aicc = v_sel(seasonal, aicc, v_set(INFINITY));
		arima_keep(best, v_lt(aicc, best->aicc), m, aicc, sums.sse,
		    sums.n, col, k);
	}
}

/*
 * From the least sum of squares, sums, on to the greatest likelihood: climb
 * steps in lanes without a gap.  Returns Akaike's criterion there, of npar
 * parameters, NaN for the other lanes; sse and n of sums become its own.
 */
VMF_HD vreal
arima_exactly(vcseq y, int64_t stride, int64_t n, int64_t s,
    vreal begin, struct arima_par *m, const int *col, int k, const vmask *act,
    int climb, vreal npar, struct arima_sums *sums)
{
	struct arima_par best = *m;
	struct arima_exact x;
	vreal dev, part = v_set(2.0) * sums->n /
	    v_max(sums->sse, v_set(1e-300));
	int r = ARIMA_LAGS + 1, at = 0;
	vmask whole;

	/* The mean is profiled out; a longer season is in none of the lanes
	 * that this is for. */
	while (k > 0 && (col[k - 1] == ARIMA_MEAN ||
	    (col[k - 1] >= ARIMA_SPHI && s > ARIMA_EXACT_SEASON)))
		k--;
	for (int i = 0; i < k; i++) {
		if (col[i] == ARIMA_SPHI || col[i] == ARIMA_STHETA)
			r = ARIMA_LAGS + 1 + (int)s;
		for (int j = 0; j <= i; j++, at++)
			sums->h[at] = v_keep(act[col[i]] & act[col[j]],
			    sums->h[at] * part);
	}
	dev = arima_climb(y, stride, n, s, r, begin, &best, col,
	    climb > 0 ? k : 0, act, sums->h, climb, &x);
	whole = v_known(dev);
	for (int i = 0; i < ARIMA_K; i++)
		m->b[i] = v_sel(whole, best.b[i], m->b[i]);
	sums->sse = v_sel(whole, x.sse, sums->sse);
	sums->n = v_sel(whole, x.n, sums->n);
	return dev + arima_penalty(x.n, npar);
}

/* A place among the top for one, in the lanes of the mask. */
VMF_HD void
arima_rank(struct arima_best *top, int n, vmask lanes, struct arima_best one)
{
	for (int i = 0; i < n; i++) {
		vmask better = lanes & v_lt(one.aicc, top[i].aicc);
		struct arima_best was = top[i];

		arima_take(&top[i], better, &one);
		arima_take(&one, better, &was);
	}
}

/*
 * Second search: p and q, with the differences and seasonal orders that each
 * lane has in of, in the lanes of the mask; seasonal is whether one has any.
 * top becomes the best n_top of all; with exact, by the likelihood at the
 * least sum of squares where there is one.
 */
VMF_HD void
arima_orders(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal first, vreal skip, int grid, int iters, int seasonal,
    int exact, const struct arima_ring *r, const struct arima_best *of,
    vmask lanes, struct arima_best *top, int n_top)
{
	struct arima_par start[ARIMA_GRID];
	struct arima_sums sums;
	vreal begin = first + of->par.sd * v_set((double)s) + of->par.d;
	vreal extra = v_set(0.0), one = v_set(1.0);
	vmask all = v_le(one, one), act[ARIMA_K];
	int col[ARIMA_K];

	for (int i = 0; i < ARIMA_SPHI; i++)
		act[i] = all;
	for (int i = ARIMA_SPHI; i <= ARIMA_MEAN; i++) {
		extra += v_keep(of->act[i], one);
		act[i] = of->act[i];
	}
	for (int g = 0; g < grid; g++) {
		struct arima_par *m = &start[g];
		struct arima_best now;
		struct arima_pq o = arima_pq_of(g);
		int pq = o.p + o.q;
		int k = arima_columns(o.p, o.q, seasonal, seasonal, 1, col);
		vmask free[ARIMA_K];
		vreal npar = extra + v_set((double)pq), aicc;

		*m = g > 0 ? start[o.from] : of->par;
		for (int i = 0; i < ARIMA_SPHI && g == 0; i++)
			m->b[i] = v_set(0.0);
		for (int i = 0; i < k; i++)
			free[i] = act[col[i]];
		arima_descend(y, stride, from, n, s, begin, skip, m, r, col,
		    k, free, iters, &sums);
		aicc = arima_aicc_of(sums.sse, sums.n, npar);
		if (exact) {
			vreal a = arima_exactly(y, stride, n, s, begin, m,
			    col, k, act, 0, npar, &sums);

			aicc = v_sel(v_known(a), a, aicc);
		}
		arima_nothing(&now);
		arima_keep(&now, all, m, aicc, sums.sse, sums.n, col, pq);
		for (int i = ARIMA_SPHI; i <= ARIMA_MEAN; i++)
			now.act[i] = of->act[i];
		arima_rank(top, n_top, lanes, now);
	}
}

/*
 * All of the grid and of the seasonal orders, for lanes with a history so
 * short that it costs little: there a parameter more or less tells.  With
 * climb, the best few of them go on to their greatest likelihood.
 */
VMF_HD void
arima_all_orders(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal first, vreal skip, vmask seasonal, int grid,
    int iters, int climb, const struct arima_ring *r, vmask lanes,
    struct arima_best *best)
{
	static const int all[ARIMA_K] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct arima_best of = *best, top[ARIMA_TOP];
	vreal begin = first + of.par.sd * v_set((double)s) + of.par.d;
	vmask none = v_lt(v_set(1.0), v_set(0.0));

	for (int i = 0; i < ARIMA_TOP; i++)
		arima_nothing(&top[i]);
	for (int sq = 0; sq < (s > 1 ? 4 : 1); sq++) {
		for (int i = 0; i < ARIMA_MEAN; i++) {
			of.act[i] = none;
			of.par.b[i] = v_set(0.0);
		}
		if (sq >> 1)
			of.act[ARIMA_SPHI] = ~none;
		if (sq & 1)
			of.act[ARIMA_STHETA] = ~none;
		arima_orders(y, stride, from, n, s, first, skip, grid,
		    iters, sq > 0, climb > 0, r, &of,
		    sq > 0 ? lanes & seasonal : lanes, top, ARIMA_TOP);
	}
	for (int i = 0; i < ARIMA_TOP && climb > 0; i++) {
		struct arima_sums sums;
		vreal npar = v_set(0.0), aicc;
		vmask whole;

		for (int j = 0; j < ARIMA_K; j++)
			npar += v_keep(top[i].act[j], v_set(1.0));
		arima_pass(y, stride, from, n, s, begin, skip, &top[i].par, r,
		    all, ARIMA_K, &sums);
		aicc = arima_exactly(y, stride, n, s, begin, &top[i].par, all,
		    ARIMA_K, top[i].act, climb, npar, &sums);
		whole = v_known(aicc);
		top[i].aicc = v_sel(whole, aicc, top[i].aicc);
		top[i].s2 = sums.sse / v_max(sums.n, v_set(1.0));
		top[i].n = sums.n;
	}
	/* What was found is of another part of the history. */
	arima_take(best, lanes, &top[0]);
	for (int i = 1; i < ARIMA_TOP; i++)
		arima_take(best, lanes & v_lt(top[i].aicc, best->aicc),
		    &top[i]);
}

/* A drift, where y is differenced once and it is worth two parameters. */
VMF_HD void
arima_drift(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal first, vreal skip, int iters,
    const struct arima_ring *r, struct arima_best *best)
{
	static const int all[ARIMA_K] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct arima_best one = *best;
	struct arima_sums sums;
	vreal order = one.par.d + one.par.sd, k = v_set(0.0), aicc;
	vreal begin = first + one.par.sd * v_set((double)s) + one.par.d;
	vmask once = v_le(order, v_set(1.0)) & v_le(v_set(1.0), order);

	one.act[ARIMA_MEAN] |= once;
	for (int i = 0; i < ARIMA_K; i++)
		k += v_keep(one.act[i], v_set(1.0));
	arima_descend(y, stride, from, n, s, begin, skip, &one.par, r, all,
	    ARIMA_K, one.act, iters, &sums);
	aicc = arima_aicc_of(sums.sse, sums.n, k);
	one.aicc = aicc;
	one.s2 = sums.sse / v_max(sums.n, v_set(1.0));
	arima_take(best, once & v_lt(aicc + v_set(2.0), best->aicc), &one);
}

/* The chosen orders, which differ by lane, estimated anew; in the lanes of
 * exact by likelihood, climb steps. */
VMF_HD void
arima_polish(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal first, vreal skip, int iters, int climb, vmask exact,
    const struct arima_ring *r, struct arima_best *best)
{
	static const int all[ARIMA_K] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct arima_sums sums;
	struct arima_par was = best->par;
	vreal begin = first + best->par.sd * v_set((double)s) + best->par.d;

	arima_descend(y, stride, from, n, s, begin, skip, &best->par, r, all,
	    ARIMA_K, best->act, iters, &sums);
	if (climb > 0) {
		struct arima_sums own = sums;

		for (int i = 0; i < ARIMA_K; i++)
			was.b[i] = v_sel(exact, was.b[i], best->par.b[i]);
		(void)arima_exactly(y, stride, n, s, begin, &was, all,
		    ARIMA_K, best->act, climb, v_set(0.0), &own);
		for (int i = 0; i < ARIMA_K; i++)
			best->par.b[i] = v_sel(exact, was.b[i],
			    best->par.b[i]);
		sums.sse = v_sel(exact, own.sse, sums.sse);
		sums.n = v_sel(exact, own.n, sums.n);
	}
	best->s2 = sums.sse / v_max(sums.n, v_set(1.0));
	best->n = sums.n;
}

#endif
