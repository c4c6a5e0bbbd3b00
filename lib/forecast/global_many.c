/* SPDX-License-Identifier: MIT */
/* Forecasts of many series by models of the whole fleet. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "forecast/global.h"

static const int32_t nine[9] = { 100000, 200000, 300000, 400000, 500000,
    600000, 700000, 800000, 900000 };

/* The levels asked for and the nine, ascending; where each of the nine
 * is. */
static void
join_levels(struct vmf_quantiles *to, const struct vmf_quantiles *from,
    int *at)
{
	int i = 0, j = 0;

	to->n = 0;
	while (i < from->n || j < 9) {
		int32_t a = i < from->n ? from->ppm[i] : INT32_MAX;
		int32_t b = j < 9 ? nine[j] : INT32_MAX;

		if (b <= a)
			at[j++] = to->n;
		if (a <= b)
			i++;
		to->ppm[to->n++] = a < b ? a : b;
	}
}

/* Forecasts at more levels than were asked for. */
static int
make_wide(struct vmf_many *m, const struct vmf_problem *p, int64_t n,
    const struct vmf_quantiles *levels, struct vmf_err *e)
{
	int rc = vmf_grow(&m->wide, &m->wide_cap, n, e);

	if (rc != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		if (i == m->n_wide) {
			memset(&m->wide[i], 0, sizeof(m->wide[i]));
			m->n_wide++;
		}
		if (m->wide[i].h == p[i].f->h &&
		    m->wide[i].levels.n == levels->n &&
		    memcmp(m->wide[i].levels.ppm, levels->ppm,
		    (size_t)levels->n * sizeof(*levels->ppm)) == 0)
			continue;
		vmf_forecast_free(&m->wide[i]);
		if ((rc = vmf_forecast_init(&m->wide[i], p[i].f->h, levels,
		    e)) != 0)
			return rc;
	}
	return 0;
}

/* What was asked for, of the wide forecast. */
static void
narrow(struct vmf_forecast *f, const struct vmf_forecast *wide)
{
	for (int j = 0, i = 0; j < f->levels.n; j++, i++) {
		while (wide->levels.ppm[i] != f->levels.ppm[j])
			i++;
		memcpy(f->q + j * f->h, wide->q + i * wide->h,
		    (size_t)f->h * sizeof(*f->q));
	}
	memcpy(f->mean, wide->mean, (size_t)f->h * sizeof(*f->mean));
	memcpy(f->reason, wide->reason, sizeof(f->reason));
	f->status = wide->status;
	f->mase = wide->mase;
}

/* The windows of one model, in one go. */
static int
correct(const struct vmf_global *g, struct vmf_problem *p, int64_t n,
    const int *at, struct vmf_many *m, struct vmf_err *e)
{
	int64_t k = 0;

	for (int64_t i = 0; i < n; i++) {
		if (p[i].global != g || vmf_history_status(&p[i].y,
		    p[i].opts.season) != VMF_OK)
			continue;
		m->window[k] = (struct vmf_window){ .y = p[i].y,
		    .opts = &p[i].opts, .side = p[i].side,
		    .base = &m->wide[i], .level_at = at };
		m->target[k++] = &m->wide[i];
	}
	return k == 0 ? 0 : g->ops->predict(g, m->window, k,
	    m->target, &m->how, e);
}

int
vmf_global_many(const struct vmf_algo *algo, struct vmf_problem *p,
    int64_t n, struct vmf_many *m, struct vmf_err *e)
{
	const char *base = algo->global->base;
	struct vmf_quantiles levels;
	int at[9], rc;

	if (n == 0)
		return 0;
	join_levels(&levels, &p[0].f->levels, at);
	if ((rc = vmf_grow(&m->copy, &m->copy_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&m->target, &m->target_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&m->window, &m->window_cap, n, e)) != 0 ||
	    (rc = make_wide(m, p, n, &levels, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		m->copy[i] = p[i];
		m->copy[i].f = &m->wide[i];
	}
	if ((rc = vmf_forecast_many(vmf_algo_find(base,
	    (int64_t)strlen(base)), m->copy, n, m, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		const struct vmf_global *g = p[i].global;
		bool first = g != NULL && g->blob.n > 0;

		m->failed = i;
		if (g == NULL)
			return vmf_fail(e, VMF_EDATA, "no part of '%s' "
			    "without an id for its metric, expected one",
			    algo->name);
		for (int64_t j = 0; j < i && first; j++)
			first = p[j].global != g;
		if (first && (rc = correct(g, p, n, at, m, e)) != 0)
			return rc;
	}
	for (int64_t i = 0; i < n; i++)
		narrow(p[i].f, &m->wide[i]);
	return 0;
}
