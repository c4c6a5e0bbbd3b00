/* SPDX-License-Identifier: MIT */
/*
 * The drivers of the lanes, included once for each width: VMF_W and
 * VMF_LANES_NAME are set by the file that does; or VMF_STRIDE, by
 * lanes_strided.h.
 */
#include "kernel/arima_fit_kernel.h"
#include "kernel/ets_kernel.h"
#include "kernel/lanes_block.h"
#include "kernel/snaive_lanes_kernel.h"
#include "kernel/theta_kernel.h"

#define GRID 12			/* pairs of p and q */
#define LAPS_FEW 12
#define LAPS_GRID 3		/* optimiser steps of a candidate */
#define LAPS_POLISH 8		/* of the model chosen */
#define LAPS_CLIMB 4		/* of a candidate's likelihood */
#define LAPS_TOP 24		/* of the likelihood of the model chosen */
#define LAPS_ETS 10		/* of the compass, and when it starts near */
#define LAPS_ETS_AGAIN 4

/* Room of one block, cut up. */
struct cut {
	vseq train;		/* n */
	vseq a, b;		/* n */
	vseq tmp;		/* 3 horizon */
	vseq idx, count;	/* season */
	struct arima_ring ring;	/* a season each */
};

VMF_HD_FN struct cut
cut_room(const struct vmf_block *b)
{
	struct cut c;
	vseq p = v_seq(b->room);

	c.train = p;
	p = p + b->n;
	c.a = p;
	p = p + b->n;
	c.b = p;
	p = p + b->n;
	c.tmp = p;
	p = p + 3 * b->horizon;
	c.idx = p;
	p = p + b->season;
	c.count = p;
	p = p + b->season;
	c.ring.y = p;
	p = p + b->season;
	c.ring.w = p;
	p = p + b->season;
	c.ring.c = p;
	p = p + b->season;
	c.ring.u = p;
	p = p + b->season;
	c.ring.v = p;
	return c;
}

VMF_HD_FN vreal
load(const double *x)
{
	vreal v;

	for (int i = 0; i < VMF_W; i++)
		v_put(&v, i, x[i]);
	return v;
}

VMF_HD_FN void
save_arima(const struct arima_best *a, vseq par)
{
	vreal zero = v_set(0.0), one = v_set(1.0);

	for (int i = 0; i < 6; i++)
		par[i] = zero;
	for (int i = 0; i < ARIMA_LAGS; i++) {
		par[0] += v_sel(a->act[ARIMA_PHI + i], one, zero);
		par[2] += v_sel(a->act[ARIMA_THETA + i], one, zero);
	}
	par[1] = a->par.d;
	par[3] = v_sel(a->act[ARIMA_SPHI], one, zero);
	par[4] = a->par.sd;
	par[5] = v_sel(a->act[ARIMA_STHETA], one, zero);
	par[6] = a->par.b[ARIMA_MEAN];
	for (int i = 0; i < ARIMA_MEAN; i++)
		par[7 + i] = a->par.b[i];
	par[15] = a->s2;
}

VMF_HD_FN struct arima_best
start_arima(vcseq par)
{
	struct arima_best a;
	vreal half = v_set(0.5);

	arima_nothing(&a);
	for (int i = 0; i < ARIMA_LAGS; i++) {
		a.act[ARIMA_PHI + i] = v_lt(v_set((double)i + 0.5), par[0]);
		a.act[ARIMA_THETA + i] = v_lt(v_set((double)i + 0.5), par[2]);
	}
	a.par.d = par[1];
	a.act[ARIMA_SPHI] = v_lt(half, par[3]);
	a.par.sd = par[4];
	a.act[ARIMA_STHETA] = v_lt(half, par[5]);
	a.par.b[ARIMA_MEAN] = par[6];
	/* A mean where nothing is differenced, a drift where there is one. */
	a.act[ARIMA_MEAN] = v_lt(par[1] + par[4], half) |
	    v_lt(v_set(0.0), v_abs(par[6]));
	for (int i = 0; i < ARIMA_MEAN; i++)
		a.par.b[i] = par[7 + i];
	return a;
}

VMF_HD_FN struct arima_par
read_arima(vcseq par)
{
	struct arima_par m;

	m.d = par[1];
	m.sd = par[4];
	m.b[ARIMA_MEAN] = par[6];
	for (int i = 0; i < ARIMA_MEAN; i++)
		m.b[i] = par[7 + i];
	return m;
}

VMF_HD_FN int
any_lane(vreal weight)
{
	int any = 0;

	for (int i = 0; i < VMF_W; i++)
		any |= v_get(&weight, i) > 0.0;
	return any;
}

/* Mean of what is known. */
VMF_HD_FN vreal
mean_of(vcseq y, int64_t n)
{
	vreal sum = v_set(0.0), k = v_set(0.0);

	for (int64_t t = 0; t < n; t++) {
		vmask ok = v_known(y[t]);

		sum += v_keep(ok, y[t]);
		k += v_keep(ok, v_set(1.0));
	}
	return sum / v_max(k, v_set(1.0));
}

/* Lanes whose history, less what is held back, has three seasons. */
VMF_HD_FN vmask
is_seasonal(const struct vmf_block *b, vreal hold)
{
	vreal len = v_set((double)b->n) - load(b->first) - hold;

	return v_le(v_set(3.0 * (double)b->season), len) &
	    v_lt(v_set(1.0), v_set((double)b->season));
}

/* Lanes that have a season and not three: what they have of one is taken for
 * it, and nothing for a trend, which cannot be told from it. */
VMF_HD_FN vmask
is_young(const struct vmf_block *b, vreal hold)
{
	vreal len = v_set((double)b->n) - load(b->first) - hold;
	vreal season = v_set((double)b->season);

	return v_le(season, len) & v_lt(len, v_set(3.0) * season) &
	    v_lt(v_set(1.0), season);
}

/* The variance of n errors of a member with indices: where each phase was seen
 * once or twice, the indices have taken much of it. */
VMF_HD_FN vreal
variance(const struct vmf_block *b, vreal hold, vreal sse, vreal n)
{
	vreal own = v_keep(is_young(b, hold), v_set((double)b->season));

	return sse / v_max(n - own, v_set(1.0));
}

/* Sum of the absolute errors of forecasts at the origins that each lane
 * reaches, up to two seasons ahead. */
VMF_HD_FN vreal
roll_error(const struct vmf_block *b, vcseq f)
{
	vcseq y = v_cseq(b->y);
	vreal hold = load(b->hold), sum = v_set(0.0);

	for (int64_t k = 0; k < b->n_origins; k++) {
		vmask in = v_le(v_set((double)b->origin[k]), hold);
		int64_t h = b->origin[k] < b->horizon ? b->origin[k] :
		    b->horizon;

		for (int64_t j = 0; j < h; j++) {
			vreal d = v_abs(y[b->n - b->origin[k] + j] -
			    f[k * b->horizon + j]);

			sum += v_keep(in & v_known(d), d);
		}
	}
	return sum;
}

/* Lanes with a short history, and whether there is one. */
VMF_HD_FN vmask
short_lanes(const struct vmf_block *b)
{
	return v_lt(v_set((double)b->n) - load(b->first),
	    v_set(VMF_SHORT_STEPS));
}

VMF_HD_FN int
has_short(const struct vmf_block *b)
{
	int any = 0;

	for (int i = 0; i < VMF_W; i++)
		any |= b->first[i] < (double)b->n &&
		    (double)b->n - b->first[i] < VMF_SHORT_STEPS;
	return any;
}

/* Is there one whose exact likelihood can be told?  Its season must be one
 * that exact likelihoods have, or too long for so short a history. */
VMF_HD_FN int
is_exact(const struct vmf_block *b)
{
	return has_short(b) && (b->season <= ARIMA_EXACT_SEASON ||
	    3 * b->season > VMF_SHORT_STEPS);
}

/* How many models with differences of their own there are. */
VMF_HD_FN int
arima_models(const struct vmf_block *b)
{
	return b->season > 1 ? VMF_ARIMA_MODELS : VMF_ARIMA_MODELS / 2;
}

/*
 * Weights by the errors at the origins, to the power of -4, as combine.c has
 * them of members; the first alone counts where the history is short, where
 * nothing was missed, and where no origin is reached.
 */
VMF_HD_FN void
weigh_arima(const struct vmf_block *b, const vreal *miss, vreal *weight)
{
	vreal least = miss[0], sum = v_set(0.0);
	vmask alone = short_lanes(b);

	for (int k = 1; k < VMF_ARIMA_MODELS; k++)
		least = v_sel(v_lt(miss[k], least), miss[k], least);
	alone |= v_le(least, v_set(0.0)) | v_le(v_set(INFINITY), least);
	for (int k = 0; k < VMF_ARIMA_MODELS; k++) {
		vreal part = v_sel(v_lt(miss[k], v_set(INFINITY)),
		    least / v_max(miss[k], least), v_set(0.0));

		part = part * part;
		part = part * part;
		weight[k] = v_sel(alone, v_set(k == 0 ? 1.0 : 0.0), part);
		sum += weight[k];
	}
	for (int k = 0; k < VMF_ARIMA_MODELS; k++)
		weight[k] = weight[k] / v_max(sum, v_set(1e-300));
}

/*
 * A model for each kind of differences, with the seasonal orders that have the
 * least AICc; the first, by the errors at the origins, gets its p, q and drift
 * by AICc as well: one-step errors tell little of which way a forecast goes
 * on, but they do tell orders.
 */
VMF_HD_FN void
choose_arima(struct vmf_block *b, const struct cut *c, const int64_t *at,
    vreal skip, vmask seasonal, struct arima_best *best, vreal *weight)
{
	vreal missed[VMF_ARIMA_MODELS];
	vcseq y = v_cseq(b->y);
	vseq f = v_seq(b->f[VMF_M_ARIMA]);
	vreal least = v_set(INFINITY), season = v_set((double)b->season);
	vreal first = load(b->first), mean = mean_of(c->train, b->n);
	vmask all = v_le(season, season);
	struct arima_best one;

	for (int k = 0; k < VMF_ARIMA_MODELS; k++) {
		arima_nothing(&best[k]);
		missed[k] = v_set(INFINITY);
	}
	for (int dd = 0; dd < arima_models(b); dd++) {
		vreal miss, was;
		vmask better;

		arima_nothing(&one);
		arima_seasonal(c->train, 1, 0, b->n, b->season, first, skip,
		    seasonal, mean, dd & 1, dd >> 1, LAPS_GRID, &c->ring,
		    &one);
		miss = one.aicc;
		if (b->n_origins > 0) {
			vreal err;

			arima_roll(y, 1, 0, b->n, b->season, first +
			    one.par.sd * season + one.par.d, &one.par,
			    &c->ring, at, b->n_origins, b->horizon, NULL, f,
			    c->tmp);
			err = roll_error(b, f);
			/* A lane that reaches no origin goes by AICc. */
			miss = v_sel(v_lt(one.aicc, v_set(INFINITY)) &
			    v_le(v_set((double)b->origin[0]), load(b->hold)),
			    v_log(err) + v_set(0.5) * one.aicc /
			    v_max(one.n, v_set(1.0)), one.aicc);
			missed[dd] = v_sel(v_lt(one.aicc, v_set(INFINITY)),
			    err, v_set(INFINITY));
		}
		better = dd == 0 ? all : v_lt(miss, least);
		least = v_sel(better, miss, least);
		/* The best changes places with the first. */
		best[dd] = one;
		one = *best;
		arima_take(best, better, &best[dd]);
		arima_take(&best[dd], better, &one);
		was = missed[0];
		missed[0] = v_sel(better, missed[dd], was);
		missed[dd] = v_sel(better, was, missed[dd]);
	}
	weigh_arima(b, missed, weight);
	one = *best;
	arima_orders(c->train, 1, 0, b->n, b->season, first, skip,
	    GRID, LAPS_GRID, b->season > 1, 0, &c->ring, &one, all,
	    best, 1);
	if (has_short(b)) {
		arima_all_orders(y, 1, 0, b->n, b->season, first, skip,
		    seasonal, ARIMA_GRID, LAPS_FEW, is_exact(b) ?
		    LAPS_CLIMB : 0, &c->ring, short_lanes(b), best);
	}
	arima_drift(c->train, 1, 0, b->n, b->season, first, skip, LAPS_GRID,
	    &c->ring, best);
}

VMF_HD_FN void
fit_arima(struct vmf_block *b, const struct cut *c, const int64_t *at)
{
	vcseq y = v_cseq(b->y);
	vseq par = v_seq(b->par[VMF_M_ARIMA]);
	int64_t n = b->n, s = b->season;
	vreal first = load(b->first), season = v_set((double)s), skip;
	vreal weight[VMF_ARIMA_MODELS];
	vmask seasonal = is_seasonal(b, load(b->hold));
	struct arima_best best[VMF_ARIMA_MODELS];
	vmask few = short_lanes(b);
	vseq f = v_seq(b->f[VMF_M_ARIMA]);

	skip = first + v_set(3.0) + v_keep(seasonal, season);
	for (int k = 0; k < VMF_ARIMA_MODELS && b->again; k++) {
		best[k] = start_arima(par + k * VMF_ARIMA_ONE);
		weight[k] = par[k * VMF_ARIMA_ONE + VMF_ARIMA_WEIGHT];
	}
	if (!b->again)
		choose_arima(b, c, at, skip, seasonal, best, weight);
	for (int64_t i = 0; i < b->n_origins * b->horizon; i++)
		f[i] = v_set(0.0);
	for (int k = 0; k < VMF_ARIMA_MODELS; k++) {
		struct arima_best *m = &best[k];
		int laps = k == 0 ? LAPS_POLISH : LAPS_GRID;

		if (k > 0 && !any_lane(weight[k]))
			continue;
		arima_polish(c->train, 1, 0, n, s, first, skip, laps, 0, few,
		    &c->ring, m);
		if (b->n_origins > 0)
			arima_roll(y, 1, 0, n, s, first + m->par.sd * season +
			    m->par.d, &m->par, &c->ring, at, b->n_origins,
			    b->horizon, &weight[k], f, c->tmp);
		arima_polish(y, 1, 0, n, s, first, skip, laps, k == 0 &&
		    is_exact(b) ? LAPS_TOP : 0, few, &c->ring, m);
	}
	for (int k = 0; k < VMF_ARIMA_MODELS; k++) {
		vseq to = par + k * VMF_ARIMA_ONE;

		save_arima(&best[k], to);
		to[VMF_ARIMA_WEIGHT] = weight[k];
		/* What does not count may not depend on its neighbours. */
		for (int i = 0; i < VMF_ARIMA_WEIGHT; i++)
			to[i] = v_keep(v_lt(v_set(0.0), weight[k]), to[i]);
	}
}

VMF_HD_FN void
sd_arima(struct vmf_block *b, const struct cut *c)
{
	vseq sd = v_seq(b->sd[VMF_M_ARIMA]), psi = c->tmp + 2 * b->horizon;

	for (int64_t h = 0; h < b->horizon; h++)
		sd[h] = v_set(0.0);
	for (int k = 0; k < VMF_ARIMA_MODELS; k++) {
		vseq par = v_seq(b->par[VMF_M_ARIMA]) + k * VMF_ARIMA_ONE;
		struct arima_par m = read_arima(par);
		vreal sum = v_set(0.0), weight = par[VMF_ARIMA_WEIGHT];

		if (!any_lane(weight))
			continue;
		arima_psi(&m, &c->ring, b->season, b->horizon, psi, c->tmp);
		for (int64_t h = 0; h < b->horizon; h++) {
			sum += psi[h] * psi[h];
			sd[h] += v_keep(v_lt(v_set(0.0), weight), weight *
			    (par[15] * sum));
		}
	}
	for (int64_t h = 0; h < b->horizon; h++)
		sd[h] = v_sqrt(sd[h]);
}

/* Each model's forecasts from the end, by their weights. */
VMF_HD_FN void
predict_arima(struct vmf_block *b, const struct cut *c)
{
	vcseq y = v_cseq(b->y);
	vseq par = v_seq(b->par[VMF_M_ARIMA]);
	vreal first = load(b->first), season = v_set((double)b->season);
	vseq f = v_seq(b->f[VMF_M_ARIMA]);

	for (int64_t h = 0; h < b->horizon; h++)
		f[h] = v_set(0.0);
	for (int k = 0; k < VMF_ARIMA_MODELS; k++, par = par + VMF_ARIMA_ONE) {
		struct arima_par m = read_arima(par);
		vreal begin = first + m.sd * season + m.d;
		vreal weight = par[VMF_ARIMA_WEIGHT];

		if (!any_lane(weight))
			continue;
		arima_roll(y, 1, 0, b->n, b->season, begin, &m, &c->ring,
		    &b->n, 1, b->horizon, &weight, f, c->tmp);
		if (k == 0 && is_exact(b))
			arima_exact_ahead(y, 1, b->n, b->season, ARIMA_LAGS +
			    1 + (b->season <= ARIMA_EXACT_SEASON ?
			    (int)b->season : 0), begin, &m,
			    short_lanes(b), b->horizon, f);
	}
}

/* Seasonal indices of y, which is known up to hold steps before the end. */
VMF_HD_FN void
decompose(const struct vmf_block *b, const struct cut *c, vcseq y,
    vreal hold)
{
	season_indices(y, 1, b->n, b->season, load(b->first),
	    v_set((double)b->n) - hold, is_seasonal(b, hold),
	    is_young(b, hold), c->idx, c->count, c->a);
}

/* The trends and seasons there are, by AICc; a season alone where the history
 * is young. */
VMF_HD_FN void
search_ets(const struct vmf_block *b, const struct cut *c, vcseq y,
    vreal hold, struct ets_par *best, vreal *s2)
{
	vreal seasonal = v_keep(is_seasonal(b, hold), v_set(1.0));
	vmask young = is_young(b, hold);
	vreal skip = load(b->first) + v_set(1.0), least = v_set(INFINITY);

	*s2 = v_set(0.0);
	for (int i = 0; i < ETS_K; i++)
		best->x[i] = v_set(0.0);
	best->trend = best->season = v_set(0.0);
	for (int kind = 0; kind < (b->season > 1 ? 4 : 2); kind++) {
		int trend = kind & 1, season = kind >> 1;
		struct ets_par m = { .trend = v_set(trend),
		    .season = v_set(season) };
		vreal level, n, sse, aicc;
		vmask better;

		m.x[ETS_ALPHA] = v_set(0.3);
		m.x[ETS_BETA] = v_set(0.1);
		m.x[ETS_GAMMA] = v_set(0.05);
		m.x[ETS_PHI] = v_set(0.9);
		level = ets_level(y, 1, b->n, b->season, m.season, c->idx);
		sse = ets_search(y, 1, b->n, b->season, skip, &m, trend,
		    season, LAPS_ETS, 1.0, c->idx, level, c->ring.y, &n);
		aicc = arima_aicc(sse, n, 2 + 3 * trend + (season ?
		    (int)(b->season < 400 ? b->season : 400) : 0));
		if (season)
			aicc = v_sel(v_lt(v_set(0.5), seasonal), aicc,
			    v_set(INFINITY));
		aicc = v_sel(young, v_set(season && !trend ? 0.0 : INFINITY),
		    aicc);
		/* The first is taken even where none can be told. */
		better = kind == 0 ? v_le(aicc, least) : v_lt(aicc, least);
		least = v_sel(better, aicc, least);
		for (int i = 0; i < ETS_K; i++)
			best->x[i] = v_sel(better, m.x[i], best->x[i]);
		best->trend = v_sel(better, m.trend, best->trend);
		best->season = v_sel(better, m.season, best->season);
		*s2 = v_sel(better, variance(b, hold, sse, n), *s2);
	}
}

VMF_HD_FN void
roll_ets(struct vmf_block *b, const struct cut *c, vcseq start,
    const struct ets_par *m, const int64_t *at, int64_t n_at)
{
	vcseq y = v_cseq(b->y);

	ets_ring(c->ring.y, c->idx, b->season, m->season);
	ets_roll(y, 1, b->n, b->season, m, ets_level(start, 1, b->n,
	    b->season, m->season, c->idx), c->ring.y, at, n_at, b->horizon,
	    v_seq(b->f[VMF_M_ETS]));
}

VMF_HD_FN void
save_ets(struct vmf_block *b, const struct ets_par *m, vreal s2)
{
	vseq par = v_seq(b->par[VMF_M_ETS]);

	par[0] = m->trend;
	par[1] = m->season;
	for (int i = 0; i < ETS_K; i++)
		par[2 + i] = m->x[i];
	par[6] = s2;
}

VMF_HD_FN struct ets_par
read_ets(const struct vmf_block *b)
{
	vcseq par = v_cseq(b->par[VMF_M_ETS]);
	struct ets_par m = { .trend = par[0], .season = par[1] };

	for (int i = 0; i < ETS_K; i++)
		m.x[i] = par[2 + i];
	return m;
}

/* The parameters of a model whose trend and season are chosen, anew from
 * where they are; its variance. */
VMF_HD_FN vreal
again_ets(const struct vmf_block *b, const struct cut *c, vcseq y,
    vreal hold, struct ets_par *m)
{
	vreal n, sse = ets_search(y, 1, b->n, b->season, load(b->first) +
	    v_set(1.0), m, 1, b->season > 1, LAPS_ETS_AGAIN, 0.2, c->idx,
	    ets_level(y, 1, b->n, b->season, m->season, c->idx), c->ring.y,
	    &n);

	return variance(b, hold, sse, n);
}

VMF_HD_FN void
fit_ets(struct vmf_block *b, const struct cut *c, const int64_t *at)
{
	vcseq y = v_cseq(b->y);
	struct ets_par m;
	vreal s2;

	decompose(b, c, c->train, load(b->hold));
	if (b->again) {
		m = read_ets(b);
		s2 = again_ets(b, c, c->train, load(b->hold), &m);
	} else {
		search_ets(b, c, c->train, load(b->hold), &m, &s2);
	}
	roll_ets(b, c, c->train, &m, at, b->n_origins);
	decompose(b, c, y, v_set(0.0));
	s2 = again_ets(b, c, y, v_set(0.0), &m);
	save_ets(b, &m, s2);
}

VMF_HD_FN void
sd_ets(struct vmf_block *b)
{
	struct ets_par m = read_ets(b);

	ets_sd(&m, v_cseq(b->par[VMF_M_ETS])[6],
	    b->season, b->horizon, v_seq(b->sd[VMF_M_ETS]));
}

/* Forecasts of theta at the moments, its first level from start. */
VMF_HD_FN void
roll_theta(struct vmf_block *b, const struct cut *c, vcseq start,
    const struct theta_par *m, const int64_t *at, int64_t n_at)
{
	vreal centre = mean_of(start, b->n), kappa, level, n;

	theta_lines(start, 1, b->n, c->idx, b->season, centre, c->a, c->b);
	(void)theta_pass(start, 1, b->n, c->idx, b->season, centre, c->a,
	    c->b, m->alpha, &m->kappa, &kappa, &level, &n);
	theta_roll(v_cseq(b->y), 1, b->n, c->idx, b->season,
	    centre, m, level, at, n_at, b->horizon,
	    v_seq(b->f[VMF_M_THETA]));
}

VMF_HD_FN struct theta_par
search_theta(const struct vmf_block *b, const struct cut *c, vcseq y,
    vreal hold, vreal *s2)
{
	vreal centre = mean_of(y, b->n), sse, n;
	struct theta_par m;

	theta_lines(y, 1, b->n, c->idx, b->season, centre, c->a, c->b);
	sse = theta_search(y, 1, b->n, c->idx, b->season, centre, c->a, c->b,
	    &m, &n);
	*s2 = variance(b, hold, sse, n);
	return m;
}

VMF_HD_FN void
fit_theta(struct vmf_block *b, const struct cut *c, const int64_t *at)
{
	vcseq y = v_cseq(b->y);
	vseq par = v_seq(b->par[VMF_M_THETA]);
	struct theta_par m;

	decompose(b, c, c->train, load(b->hold));
	m = search_theta(b, c, c->train, load(b->hold), &par[2]);
	roll_theta(b, c, c->train, &m, at, b->n_origins);
	decompose(b, c, y, v_set(0.0));
	m = search_theta(b, c, y, v_set(0.0), &par[2]);
	par[0] = m.alpha;
	par[1] = m.kappa;
}

VMF_HD_FN void
sd_theta(struct vmf_block *b)
{
	vcseq par = v_cseq(b->par[VMF_M_THETA]);
	vseq sd = v_seq(b->sd[VMF_M_THETA]);

	for (int64_t j = 0; j < b->horizon; j++)
		sd[j] = v_sqrt(par[2] * (v_set(1.0) + v_set((double)j) *
		    par[0] * par[0]));
}

VMF_HD_FN void
fit_block(struct vmf_block *b)
{
	struct cut c = cut_room(b);
	vcseq y = v_cseq(b->y);
	vreal hold = load(b->hold);

	for (int64_t t = 0; t < b->n; t++)
		c.train[t] = v_sel(v_le(hold, v_set((double)(b->n - 1 - t))),
		    y[t], v_set(NAN));
	if (b->members & 1u << VMF_M_SNAIVE) {
		snaive_roll(y, 1, b->n, b->season, b->at, b->n_origins,
		    b->horizon, v_seq(b->f[VMF_M_SNAIVE]));
		snaive_sd(y, 1, b->n, b->season, b->horizon,
		    v_seq(b->sd[VMF_M_SNAIVE]));
	}
	if (b->members & 1u << VMF_M_THETA) {
		fit_theta(b, &c, b->at);
		sd_theta(b);
	}
	if (b->members & 1u << VMF_M_ETS) {
		fit_ets(b, &c, b->at);
		sd_ets(b);
	}
	if (b->members & 1u << VMF_M_ARIMA) {
		fit_arima(b, &c, b->at);
		sd_arima(b, &c);
	}
}

VMF_HD_FN void
predict_block(struct vmf_block *b)
{
	struct cut c = cut_room(b);
	vcseq y = v_cseq(b->y);

	if (b->members & 1u << VMF_M_SNAIVE) {
		snaive_roll(y, 1, b->n, b->season, &b->n, 1, b->horizon,
		    v_seq(b->f[VMF_M_SNAIVE]));
		snaive_sd(y, 1, b->n, b->season, b->horizon,
		    v_seq(b->sd[VMF_M_SNAIVE]));
	}
	if (b->members & (1u << VMF_M_THETA | 1u << VMF_M_ETS))
		decompose(b, &c, y, v_set(0.0));
	if (b->members & 1u << VMF_M_THETA) {
		vcseq par = v_cseq(b->par[VMF_M_THETA]);
		/* A lane without theta must not divide by 0. */
		struct theta_par m = { v_max(par[0], v_set(0.001)), par[1] };

		roll_theta(b, &c, y, &m, &b->n, 1);
		sd_theta(b);
	}
	if (b->members & 1u << VMF_M_ETS) {
		struct ets_par m = read_ets(b);

		roll_ets(b, &c, y, &m, &b->n, 1);
		sd_ets(b);
	}
	if (b->members & 1u << VMF_M_ARIMA) {
		predict_arima(b, &c);
		sd_arima(b, &c);
	}
}

#ifdef VMF_LANES_NAME
const struct vmf_lanes VMF_LANES_NAME = {
	.w = VMF_W,
	.fit = fit_block,
	.predict = predict_block,
};
#endif
