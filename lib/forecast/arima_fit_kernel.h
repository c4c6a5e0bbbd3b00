/* SPDX-License-Identifier: MIT */
/*
 * Choosing the orders of a seasonal ARIMA in lanes.  A stepwise search would
 * go another way in each lane; a grid of candidates does not.  Each candidate
 * starts from the estimates of one with a parameter less, so that a few steps
 * of the optimiser are enough.
 */
#ifndef VMF_ARIMA_FIT_KERNEL_H
#define VMF_ARIMA_FIT_KERNEL_H

#include "forecast/arima_kernel.h"

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

/* Akaike's criterion, corrected for small samples, with k parameters and the
 * variance; infinite where n does not carry them. */
VMF_HD vreal
arima_aicc_of(vreal sse, vreal n, vreal k)
{
	vreal one = v_set(1.0), p = k + one, left = n - p - one;
	vmask ok = v_lt(one, left);
	vreal s2 = v_max(sse / v_max(n, one), v_set(1e-300));

	left = v_sel(ok, left, one);
	return v_sel(ok, n * v_log(s2) + v_set(2.0) * p +
	    v_set(2.0) * p * (p + one) / left, v_set(INFINITY));
}

VMF_HD vreal
arima_aicc(vreal sse, vreal n, int k)
{
	return arima_aicc_of(sse, n, v_set((double)k));
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
 * Second search: p and q, with the differences and seasonal orders that each
 * lane has in of, in the lanes of the mask.  best becomes the best of all.
 */
VMF_HD void
arima_orders(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal first, vreal skip, int grid, int iters,
    const struct arima_ring *r, const struct arima_best *of, vmask lanes,
    struct arima_best *best)
{
	struct arima_par start[ARIMA_GRID];
	struct arima_sums sums;
	vreal begin = first + of->par.sd * v_set((double)s) + of->par.d;
	vreal extra = v_set(0.0), one = v_set(1.0);
	vmask all = v_le(one, one), act[ARIMA_K];
	int col[ARIMA_K];

	for (int i = ARIMA_SPHI; i <= ARIMA_MEAN; i++)
		extra += v_keep(of->act[i], one);
	for (int g = 0; g < grid; g++) {
		struct arima_par *m = &start[g];
		struct arima_pq o = arima_pq_of(g);
		int pq = o.p + o.q;
		int k = arima_columns(o.p, o.q, 1, 1, 1, col);
		vreal aicc;
		vmask better;

		*m = g > 0 ? start[o.from] : of->par;
		for (int i = 0; i < ARIMA_SPHI && g == 0; i++)
			m->b[i] = v_set(0.0);
		for (int i = 0; i < k; i++)
			act[i] = i < pq ? all : of->act[col[i]];
		arima_descend(y, stride, from, n, s, begin, skip, m, r, col,
		    k, act, iters, &sums);
		aicc = arima_aicc_of(sums.sse, sums.n,
		    extra + v_set((double)pq));
		better = lanes & v_lt(aicc, best->aicc);
		arima_keep(best, better, m, aicc, sums.sse, sums.n, col, pq);
		for (int i = ARIMA_SPHI; i <= ARIMA_MEAN; i++)
			best->act[i] = (of->act[i] & better) |
			    (best->act[i] & ~better);
	}
}

/*
 * All of the grid and of the seasonal orders, for lanes with a history so
 * short that it costs little: there a parameter more or less tells.
 */
VMF_HD void
arima_all_orders(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal first, vreal skip, vmask seasonal, int grid,
    int iters, const struct arima_ring *r, vmask lanes,
    struct arima_best *best)
{
	struct arima_best of = *best;

	/* What was found is of another part of the history. */
	best->aicc = v_sel(lanes, v_set(INFINITY), best->aicc);
	for (int sq = 0; sq < (s > 1 ? 4 : 1); sq++) {
		vmask none = v_lt(v_set(1.0), v_set(0.0));

		for (int i = 0; i < ARIMA_MEAN; i++) {
			of.act[i] = none;
			of.par.b[i] = v_set(0.0);
		}
		if (sq >> 1)
			of.act[ARIMA_SPHI] = ~none;
		if (sq & 1)
			of.act[ARIMA_STHETA] = ~none;
		arima_orders(y, stride, from, n, s, first, skip, grid,
		    iters, r, &of, sq > 0 ? lanes & seasonal : lanes, best);
	}
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

/* The chosen orders, which differ by lane, estimated anew. */
VMF_HD void
arima_polish(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal first, vreal skip, int iters,
    const struct arima_ring *r, struct arima_best *best)
{
	static const int all[ARIMA_K] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct arima_sums sums;
	vreal begin = first + best->par.sd * v_set((double)s) + best->par.d;

	arima_descend(y, stride, from, n, s, begin, skip, &best->par, r, all,
	    ARIMA_K, best->act, iters, &sums);
	best->s2 = sums.sse / v_max(sums.n, v_set(1.0));
	best->n = sums.n;
}

#endif
