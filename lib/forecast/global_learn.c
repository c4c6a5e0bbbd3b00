/* SPDX-License-Identifier: MIT */
/* Learning models of the whole fleet from one pass over its series. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "forecast/gate.h"
#include "forecast/global.h"
#include "forecast/score.h"

/* Series that are worked on at once, and values they may have. */
#define ROWS_MAX 256
#define VALUES_MAX (2 << 20)
/* Windows of a series: fewer where each costs more. */
#define WINDOWS_MIN 12
#define WINDOWS_MAX 48
#define WINDOWS_STEPS 96000
/* Leads that every window has; beyond, each third. */
#define LEADS_FEW 96

/* Series of one model on their way. */
struct learner {
	struct vmf_global *g;
	int list;			/* column of the metric */
	struct vmf_side_cols cols;
	struct vmf_sample sample;
	uint64_t last_key;
	/* in hand */
	int64_t n, n_values;
	struct vmf_slice y[ROWS_MAX];
	int64_t at[ROWS_MAX];
	uint64_t key[ROWS_MAX];
	struct vmf_fit fit[ROWS_MAX];
	struct vmf_forecast base[ROWS_MAX];
	struct vmf_kq_parts *parts;	/* [ROWS_MAX] where they are wanted */
	struct vmf_side_rows sides;
	double *values;
	int64_t values_cap;
};

static bool
is_side(const struct vmf_field *f, const char *metric, int round)
{
	size_t n = strlen(f->name);
	bool is_mean = n > 5 && strcmp(f->name + n - 5, "_mean") == 0;

	if ((f->type != VMF_LIST_FLOAT32 && f->type != VMF_LIST_FLOAT64) ||
	    strcmp(f->name, metric) == 0 ||
	    (n > 6 && strcmp(f->name + n - 6, "_count") == 0))
		return false;
	return is_mean == (round == 0);
}

/* What a model looks at beside its metric: means of others first, then other
 * statistics; and the numbers of an entity. */
static int
choose_sides(struct vmf_global *g, const struct vmf_schema *s,
    struct vmf_err *e)
{
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < s->n && g->n_sides < VMF_SIDES_MAX; i++) {
			if (!is_side(&s->field[i], g->metric, round))
				continue;
			g->side[g->n_sides] = vmf_strdup(s->field[i].name, e);
			if (g->side[g->n_sides] == NULL)
				return VMF_ENOMEM;
			g->n_sides++;
		}
	for (int i = 0; i < s->n && g->n_traits < VMF_TRAITS_MAX; i++) {
		enum vmf_type t = s->field[i].type;

		if (t != VMF_INT32 && t != VMF_INT64 && t != VMF_FLOAT32 &&
		    t != VMF_FLOAT64)
			continue;
		g->trait[g->n_traits] = vmf_strdup(s->field[i].name, e);
		if (g->trait[g->n_traits] == NULL)
			return VMF_ENOMEM;
		g->n_traits++;
	}
	return 0;
}

/* Where the windows of a series lie: so many steps before its last. */
struct plan {
	int64_t n, off, apart;
};

/*
 * Origins are spread over what lies after two and a half seasons, 13 hours
 * apart or more, and never a multiple of the season: all phases have their
 * turn.
 */
static struct plan
plan_windows(const struct vmf_slice *y, uint64_t key,
    const struct vmf_global_ops *ops, const struct vmf_forecast_opts *o)
{
	int64_t first = o->season * 5 / 2 > 24 ? o->season * 5 / 2 : 24;
	int64_t span, most;
	struct plan p = { .apart = 46800 / o->step_s };

	if (y->n > ops->steps_min + LEADS_FEW / 2 && first < ops->steps_min)
		first = ops->steps_min;
	span = y->n - 1 - first;
	if (span < 1)
		return p;
	most = WINDOWS_STEPS / y->n;
	most = most < WINDOWS_MIN ? WINDOWS_MIN : most > WINDOWS_MAX ?
	    WINDOWS_MAX : most;
	if (ops->windows_max > 0 && most > ops->windows_max)
		most = ops->windows_max;
	if (p.apart < span / most)
		p.apart = span / most;
	if (p.apart < 1)
		p.apart = 1;
	while (vmf_gcd(p.apart, o->season) > 1)
		p.apart++;
	p.off = (int64_t)(key % (uint64_t)(p.apart < span ? p.apart : span));
	p.n = (span - 1 - p.off) / p.apart + 1;
	if (p.n > most)
		p.n = most;
	return p;
}

/* Windows number w of those rows in hand that have one, oldest first. */
static int
draw(const struct vmf_globals *gs, struct learner *l, int64_t w,
    const struct plan *plan, struct vmf_many *many, struct vmf_err *e)
{
	struct vmf_problem problem[ROWS_MAX];
	struct vmf_slice cut[VMF_SIDES_MAX];
	int64_t row[ROWS_MAX], k = 0, most = vmf_global_leads(l->g->step_s);
	int64_t few = most / 8 > LEADS_FEW ? most / 8 : LEADS_FEW;
	int at[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 }, rc;

	for (int64_t i = 0; i < l->n; i++) {
		int64_t back, ahead, h;
		struct vmf_problem *p = &problem[k];

		if (w >= plan[i].n)
			continue;
		/* Steps after the origin, and of these known ones. */
		ahead = 1 + plan[i].off + (plan[i].n - 1 - w) *
		    plan[i].apart;
		back = ahead + l->y[i].gap;
		h = most <= LEADS_FEW || w % 3 == 0 || most < few ? most :
		    few;
		if (l->g->leads > 0)
			h = l->g->leads;
		l->base[i].h = h < ahead ? h : ahead;
		*p = (struct vmf_problem){
			.y = vmf_slice_before(&l->y[i], back),
			.opts = gs->opts, .f = &l->base[i],
			.own = &l->fit[i], .rolled = &l->fit[i], .seen = true,
		};
		p->opts.start -= back * gs->opts.step_s;
		if (l->parts != NULL) {
			l->base[i].parts = &l->parts[i];
			l->g->ops->want(l->key[i], p->opts.start,
			    l->base[i].h, &l->parts[i]);
		}
		row[k++] = i;
	}
	if ((rc = vmf_forecast_many(&l->g->base, problem, k, many,
	    e)) != 0)
		return rc;
	for (int64_t j = 0; j < k; j++) {
		const struct vmf_problem *p = &problem[j];
		int64_t i = row[j];
		struct vmf_side side = l->sides.side[i];
		struct vmf_window x = { .y = p->y, .opts = &p->opts,
		    .side = &side, .base = p->f, .level_at = at,
		    .after = l->y[i].y + p->y.n + p->y.gap, .h = p->f->h,
		    .key = l->key[i] };

		if (p->f->status != VMF_OK)
			continue;
		for (int s = 0; s < side.n; s++)
			cut[s] = vmf_slice_before(&side.y[s], (gs->opts.start -
			    p->opts.start) / gs->opts.step_s);
		side.y = cut;
		if ((rc = l->g->ops->sample(l->g, &x, &l->sample, e)) != 0)
			return rc;
	}
	return 0;
}

/* All windows of the rows in hand. */
static int
work(const struct vmf_globals *gs, struct learner *l, struct vmf_many *many,
    struct vmf_err *e)
{
	struct plan plan[ROWS_MAX];
	int64_t most = 0, h = vmf_global_leads(gs->opts.step_s);
	int rc;

	if (h < l->g->leads)
		h = l->g->leads;
	vmf_side_rows_end(&l->sides, &l->cols);
	for (int64_t i = 0; i < l->n; i++) {
		l->y[i].y = l->values + l->at[i];
		l->fit[i].n_params = l->fit[i].blob.n = 0;
		plan[i] = plan_windows(&l->y[i], l->key[i],
		    l->g->ops, &gs->opts);
		if (plan[i].n > most)
			most = plan[i].n;
		if (l->base[i].mean == NULL && (rc = vmf_forecast_init(
		    &l->base[i], h, &vmf_score_levels, e)) != 0)
			return rc;
	}
	for (int64_t w = 0; w < most; w++)
		if ((rc = draw(gs, l, w, plan, many, e)) != 0)
			return rc;
	l->n = l->n_values = 0;
	vmf_side_rows_clear(&l->sides);
	return 0;
}

/* Take row i of the batch in hand. */
static int
take(const struct vmf_globals *gs, struct learner *l, struct vmf_series *s,
    int64_t i, struct vmf_many *many, struct vmf_err *e)
{
	int64_t len;
	const char *id = vmf_series_id(s, i, &len);
	uint64_t key = vmf_sample_key(id, len, l->g->metric);
	struct vmf_slice *y = &l->y[l->n];
	int rc;

	if (!vmf_sample_wants(&l->sample, key))
		return 0;
	if ((rc = vmf_series_slice(s, i, l->list, gs->opts.start, y,
	    e)) != 0 || (rc = vmf_grow(&l->values, &l->values_cap,
	    l->n_values + y->n + 1, e)) != 0)
		return rc;
	if (y->n > 0)
		memcpy(l->values + l->n_values, y->y,
		    (size_t)y->n * sizeof(double));
	l->at[l->n] = l->n_values;
	l->key[l->n] = key;
	l->n_values += y->n;
	if ((rc = vmf_side_rows_add(&l->sides, &l->cols, s, i,
	    gs->opts.start, e)) != 0)
		return rc;
	l->n++;
	return l->n == ROWS_MAX || l->n_values + l->sides.n_values >=
	    VALUES_MAX ? work(gs, l, many, e) : 0;
}

static int
make_models(struct vmf_globals *gs, struct vmf_err *e)
{
	for (int a = 0; a < gs->n_algos; a++) {
		const struct vmf_algo *algo = gs->algo[a];

		for (int k = 0; algo != NULL && algo->global != NULL &&
		    k < gs->metrics->n; k++)
			if (vmf_globals_add(gs, algo, gs->metrics->v[k],
			    (int64_t)strlen(gs->metrics->v[k]), NULL,
			    e) == NULL)
				return VMF_ENOMEM;
		for (int k = 0; algo != NULL && k < gs->n_targets; k++)
			if (vmf_globals_add(gs, algo, NULL, 0,
			    &gs->target[k], e) == NULL)
				return VMF_ENOMEM;
	}
	return 0;
}

static void
free_learner(struct learner *l)
{
	for (int i = 0; i < ROWS_MAX; i++) {
		vmf_fit_free(&l->fit[i]);
		vmf_forecast_free(&l->base[i]);
	}
	vmf_side_rows_free(&l->sides);
	vmf_sample_free(&l->sample);
	free(l->values);
	free(l->parts);
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Series that the rows are of; < 0: no memory. */
static int64_t
count_series(const struct vmf_sample *s, struct vmf_err *e)
{
	uint64_t *key = vmf_calloc(s->n, (int64_t)sizeof(*key), e);
	int64_t n = 0;

	if (key == NULL)
		return VMF_ENOMEM;
	if (s->n > 0)
		memcpy(key, s->key, (size_t)s->n * sizeof(*key));
	qsort(key, (size_t)s->n, sizeof(*key), compare);
	for (int64_t i = 0; i < s->n; i++)
		n += i == 0 || key[i] != key[i - 1];
	free(key);
	return n;
}

static int
open_learner(const struct vmf_globals *gs, struct learner *l,
    struct vmf_global *g, struct vmf_series *s, struct vmf_err *e)
{
	const struct vmf_global_ops *ops = g->ops;
	int rc;

	l->g = g;
	if (ops->ready != NULL && (rc = ops->ready(e)) != 0)
		return rc;
	if ((l->list = vmf_series_metric(s, g->metric, e)) < 0)
		return l->list;
	if (ops->want != NULL && (l->parts = vmf_calloc(ROWS_MAX,
	    (int64_t)sizeof(*l->parts), e)) == NULL)
		return VMF_ENOMEM;
	if (ops->predict != NULL && (rc = choose_sides(g, s->schema,
	    e)) != 0)
		return rc;
	vmf_side_cols(&l->cols, g, s->schema);
	/* A fifth: arrays grow by half and are copied, and what learns from
	 * them has copies of its own. */
	vmf_sample_init(&l->sample, ops->width(g), gs->mem_bytes / 5 /
	    gs->n_models, ops->rows_max);
	return 0;
}

int
vmf_globals_learn(struct vmf_globals *gs, struct vmf_series *s,
    struct vmf_err *e)
{
	struct vmf_many many = { .how = gs->how };
	struct learner *l = NULL;
	int64_t rows = 0;
	int rc;

	/* ROWS_MAX at once are eight warps: too few for a device. */
	many.how.device = NULL;
	if ((rc = make_models(gs, e)) != 0 || gs->n_models == 0)
		return rc;
	l = vmf_calloc(gs->n_models, (int64_t)sizeof(*l), e);
	if (l == NULL)
		return VMF_ENOMEM;
	for (int m = 0; m < gs->n_models && rc == 0; m++)
		rc = open_learner(gs, &l[m], &gs->model[m], s, e);
	while (rc == 0 && (rc = vmf_series_next(s, e)) > 0) {
		rc = 0;
		for (int64_t i = 0; i < s->b->n && rc == 0; i++)
			for (int m = 0; m < gs->n_models && rc == 0; m++)
				rc = take(gs, &l[m], s, i, &many, e);
		rows += s->b->n;
		if (gs->tell != NULL) {
			char text[64];

			snprintf(text, sizeof(text), "%" PRId64 " series "
			    "looked at", rows);
			gs->tell(gs->tell_arg, text);
		}
	}
	for (int m = 0; m < gs->n_models && rc == 0; m++) {
		struct vmf_global *g = &gs->model[m];

		if ((rc = work(gs, &l[m], &many, e)) != 0)
			break;
		g->n_rows = l[m].sample.n;
		g->n_series = count_series(&l[m].sample, e);
		if (g->n_series < 0) {
			rc = VMF_ENOMEM;
			break;
		}
		if ((rc = g->ops->learn(g, &l[m].sample, e)) == 0 &&
		    g->blob.n > 0)
			rc = g->ops->load(g, e);
	}
	for (int m = 0; m < gs->n_models; m++)
		free_learner(&l[m]);
	free(l);
	vmf_many_free(&many);
	return rc;
}
