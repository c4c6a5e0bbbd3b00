/* SPDX-License-Identifier: MIT */
/*
 * The drivers of the lanes, included once for each width: VMF_W and
 * VMF_LANES_NAME are set by the file that does.
 */
#include "forecast/arima_fit_kernel.h"
#include "forecast/lanes_block.h"
#include "forecast/snaive_lanes_kernel.h"

#define LAPS_GRID 3		/* optimiser steps of a candidate */
#define LAPS_POLISH 8		/* of the model chosen */
/* Longer histories are searched by their newest part. */
#define SEARCH_SEASONS 28

/* Room of one block, cut up. */
struct cut {
	vreal *train;		/* n */
	vreal *tmp;		/* 2 horizon */
	struct arima_ring ring;	/* a season each */
};

static struct cut
cut_room(const struct vmf_block *b)
{
	struct cut c;
	vreal *p = (vreal *)(void *)b->room;

	c.train = p;
	p += b->n;
	c.tmp = p;
	p += 2 * b->horizon;
	c.ring.y = p;
	p += b->season;
	c.ring.w = p;
	p += b->season;
	c.ring.c = p;
	p += b->season;
	c.ring.u = p;
	p += b->season;
	c.ring.v = p;
	return c;
}

static vreal
load(const double *x)
{
	vreal v;

	for (int i = 0; i < VMF_W; i++)
		v_put(&v, i, x[i]);
	return v;
}

static void
save_arima(const struct arima_best *a, vreal *par)
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

static struct arima_par
read_arima(const vreal *par)
{
	struct arima_par m;

	m.d = par[1];
	m.sd = par[4];
	m.b[ARIMA_MEAN] = par[6];
	for (int i = 0; i < ARIMA_MEAN; i++)
		m.b[i] = par[7 + i];
	return m;
}

/* Mean of what is known. */
static vreal
mean_of(const vreal *y, int64_t n)
{
	vreal sum = v_set(0.0), k = v_set(0.0);

	for (int64_t t = 0; t < n; t++) {
		vmask ok = v_known(y[t]);

		sum += v_keep(ok, y[t]);
		k += v_keep(ok, v_set(1.0));
	}
	return sum / v_max(k, v_set(1.0));
}

static void
fit_arima(struct vmf_block *b, const struct cut *c, const int64_t *at)
{
	const vreal *y = (const vreal *)(const void *)b->y;
	vreal *par = (vreal *)(void *)b->par[VMF_M_ARIMA];
	int64_t n = b->n, s = b->season, n_grid = 12;
	vreal first = load(b->first), hold = load(b->hold);
	vreal len = v_set((double)n) - first, season = v_set((double)s), skip;
	vmask seasonal = v_le(v_set(3.0) * season, len - hold) &
	    v_lt(v_set(1.0), season);
	struct arima_best best;

	skip = first + v_set(1.0) + v_keep(seasonal, season);
	arima_nothing(&best);
	for (int dd = 0; dd < (s > 1 ? 4 : 2); dd++)
		arima_search(c->train, 1, 0, n, s, first, skip, seasonal,
		    mean_of(c->train, n), dd & 1, dd >> 1, (int)n_grid,
		    LAPS_GRID, &c->ring, &best);
	arima_polish(c->train, 1, 0, n, s, first, skip, LAPS_POLISH, &c->ring,
	    &best);
	save_arima(&best, par);
	if (b->n_origins > 0) {
		struct arima_par m = read_arima(par);

		arima_roll(y, 1, 0, n, s, first + m.sd * season + m.d, &m,
		    &c->ring, at, b->n_origins, b->horizon,
		    (vreal *)(void *)b->f[VMF_M_ARIMA], c->tmp);
	}
	arima_polish(y, 1, 0, n, s, first, skip, LAPS_POLISH, &c->ring, &best);
	save_arima(&best, par);
}

static void
sd_arima(struct vmf_block *b, const struct cut *c)
{
	const vreal *par = (const vreal *)(const void *)b->par[VMF_M_ARIMA];
	vreal *sd = (vreal *)(void *)b->sd[VMF_M_ARIMA], sum = v_set(0.0);
	struct arima_par m = read_arima(par);

	arima_psi(&m, &c->ring, b->season, b->horizon, sd, c->tmp);
	for (int64_t h = 0; h < b->horizon; h++) {
		sum += sd[h] * sd[h];
		sd[h] = v_sqrt(par[15] * sum);
	}
}

static void
fit_block(struct vmf_block *b)
{
	struct cut c = cut_room(b);
	const vreal *y = (const vreal *)(const void *)b->y;
	vreal hold = load(b->hold);
	int64_t at[VMF_ORIGINS_MAX];

	for (int64_t k = 0; k < b->n_origins; k++)
		at[k] = b->n - b->origin[k];
	for (int64_t t = 0; t < b->n; t++)
		c.train[t] = v_sel(v_le(hold, v_set((double)(b->n - 1 - t))),
		    y[t], v_set(NAN));
	if (b->members & 1u << VMF_M_SNAIVE) {
		snaive_roll(y, 1, b->n, b->season, at, b->n_origins,
		    b->horizon, (vreal *)(void *)b->f[VMF_M_SNAIVE]);
		snaive_sd(y, 1, b->n, b->season, b->horizon,
		    (vreal *)(void *)b->sd[VMF_M_SNAIVE]);
	}
	if (b->members & 1u << VMF_M_ARIMA) {
		fit_arima(b, &c, at);
		sd_arima(b, &c);
	}
}

static void
predict_block(struct vmf_block *b)
{
	struct cut c = cut_room(b);
	const vreal *y = (const vreal *)(const void *)b->y;
	vreal first = load(b->first), season = v_set((double)b->season);

	if (b->members & 1u << VMF_M_SNAIVE) {
		snaive_roll(y, 1, b->n, b->season, &b->n, 1, b->horizon,
		    (vreal *)(void *)b->f[VMF_M_SNAIVE]);
		snaive_sd(y, 1, b->n, b->season, b->horizon,
		    (vreal *)(void *)b->sd[VMF_M_SNAIVE]);
	}
	if (b->members & 1u << VMF_M_ARIMA) {
		struct arima_par m = read_arima(
		    (const vreal *)(const void *)b->par[VMF_M_ARIMA]);

		arima_roll(y, 1, 0, b->n, b->season,
		    first + m.sd * season + m.d, &m, &c.ring, &b->n, 1,
		    b->horizon, (vreal *)(void *)b->f[VMF_M_ARIMA], c.tmp);
		sd_arima(b, &c);
	}
}

const struct vmf_lanes VMF_LANES_NAME = {
	.w = VMF_W,
	.fit = fit_block,
	.predict = predict_block,
};
