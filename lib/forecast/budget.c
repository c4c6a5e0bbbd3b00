/* SPDX-License-Identifier: MIT */
#include "forecast/budget.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/global.h"
#include "forecast/kq_shares.h"
#include "forecast/parts.h"
#include "forecast/score.h"

enum { ORIGINS = 2 };

/* Milliseconds: of the other algorithms a step of history; of a family of kq
 * that weighs all steps, a step that is weighed; of all else of kq, a step. */
#define THETA_MS 85e-6
#define ETS_MS 260e-6
#define ARIMA_MS 550e-6
#define WEIGHED_MS 4.5e-6
#define REST_MS 800e-6

/* What can be left out, and what it is worth. */
static const char *const names[] = { "theta", "ets", "arima", "kq-day",
    "kq-week", "kq-state", "kq-age" };
enum { PARTS = sizeof(names) / sizeof(names[0]), FAMILY_FROM = 3, WEEK = 4 };

struct kept {
	uint64_t key;
	int64_t n;
	double *y;
};

struct trial {
	const struct vmf_algo *algo;
	struct vmf_budget *b;
	struct kept row[VMF_BUDGET_SERIES];
	int64_t n_rows, h, steps;	/* steps: mean of the histories */
	struct vmf_many many;
	struct vmf_forecast *f;
	struct vmf_problem *problem;
	double *loss;			/* [n_rows], of all parts */
	struct vmf_fit fit[VMF_BUDGET_SERIES];
};

void
vmf_budget_free(struct vmf_budget *b)
{
	vmf_buf_free(&b->out);
}

/* Steps that a family weighs while a history is learned from, from its first
 * `asleep` steps on, and of two days to forecast. */
static double
weighed(const struct vmf_forecast_opts *o, double n, double asleep)
{
	double day = (double)vmf_kq_day(o->step_s);

	return n < asleep ? 0.0 : VMF_KQ_GROUPS * VMF_KQ_SAMPLES *
	    (n * n - asleep * asleep) / 2.0 / (day * 13.0 / 24.0) +
	    2.0 * 24.0 * n;
}

static double
cost_of(const struct trial *t, int part)
{
	static const double by_step[FAMILY_FROM] = { THETA_MS, ETS_MS,
	    ARIMA_MS };
	const struct vmf_forecast_opts *o = &t->b->opts;
	double n = (double)t->steps, asleep = 0.0;

	if (part < FAMILY_FROM)
		return by_step[part] * n;
	if (part == WEEK) {
		asleep = (double)vmf_kq_week(o->step_s, o->season);
		if (!(asleep > 0.0))
			return 0.0;
	}
	return WEIGHED_MS * weighed(o, n, asleep);
}

/* 1 if the part is in what algo is made of, or 0; VMF_ENOMEM. */
static int
is_there(const struct vmf_algo *algo, int part, struct vmf_err *e)
{
	const struct vmf_algo *of[1] = { algo };
	struct vmf_algo room[1];
	int rc = vmf_parts_leave(of, 1, room, names[part], "", VMF_EDATA, e);

	/* Without memory it is not known: another model would be learned. */
	return rc == VMF_ENOMEM ? rc : rc == 0;
}

/* Keep those with the least keys. */
static int
take(struct trial *t, struct vmf_series *s, int64_t i, int list,
    const char *metric, struct vmf_err *e)
{
	int64_t len, most = 0;
	const char *id = vmf_series_id(s, i, &len);
	uint64_t key = vmf_sample_key(id, len, metric);
	struct vmf_slice y;
	struct kept *to;
	int rc = vmf_series_slice(s, i, list, t->b->opts.start, &y, e);

	if (rc != 0 || y.gap > 0 || y.n <= (ORIGINS + 2) * t->h)
		return rc;
	for (int64_t k = 1; k < t->n_rows; k++)
		if (t->row[k].key > t->row[most].key)
			most = k;
	if (t->n_rows < VMF_BUDGET_SERIES)
		most = t->n_rows++;
	else if (key >= t->row[most].key)
		return 0;
	to = &t->row[most];
	free(to->y);
	to->key = key;
	to->n = y.n;
	to->y = vmf_calloc(y.n, (int64_t)sizeof(double), e);
	if (to->y == NULL)
		return VMF_ENOMEM;
	memcpy(to->y, y.y, (size_t)y.n * sizeof(double));
	return 0;
}

static int
by_key(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* What each series loses by algo: 2 x pinball, summed. */
static int
run(struct trial *t, const struct vmf_algo *algo, double *loss,
    struct vmf_err *e)
{
	struct vmf_algo local = *algo;
	int rc = 0;

	local.global = NULL;
	for (int64_t i = 0; i < t->n_rows; i++)
		loss[i] = 0.0;
	for (int64_t i = 0; i < t->n_rows; i++)
		t->fit[i].n_params = t->fit[i].blob.n = 0;
	for (int w = ORIGINS; w > 0 && rc == 0; w--) {
		for (int64_t i = 0; i < t->n_rows; i++) {
			struct vmf_slice y = { .y = t->row[i].y,
			    .n = t->row[i].n };
			struct vmf_problem *p = &t->problem[i];

			*p = (struct vmf_problem){ .f = &t->f[i],
			    .y = vmf_slice_before(&y, w * t->h),
			    .opts = t->b->opts, .seen = true,
			    .own = &t->fit[i], .rolled = &t->fit[i] };
			p->opts.start -= w * t->h * p->opts.step_s;
		}
		rc = vmf_forecast_many(&local, t->problem, t->n_rows,
		    &t->many, e);
		for (int64_t i = 0; i < t->n_rows && rc == 0; i++) {
			struct vmf_score s = { 0 };

			vmf_score_window(&s, t->row[i].y + t->row[i].n -
			    w * t->h, &t->f[i], NULL, NAN, 1);
			loss[i] += s.pinball;
		}
	}
	return rc;
}

/* Mean over the series of what is lost, over what is lost with all. */
static int
compare(struct trial *t, const char *without, double *to,
    struct vmf_err *e)
{
	const struct vmf_algo *of[1] = { t->algo };
	double loss[VMF_BUDGET_SERIES], sum = 0.0;
	struct vmf_algo room[1];
	int64_t n = 0;
	int rc = vmf_parts_leave(of, 1, room, without, "--budget",
	    VMF_EUSAGE, e);

	if (rc != 0 || (rc = run(t, of[0], loss, e)) != 0)
		return rc;
	for (int64_t i = 0; i < t->n_rows; i++)
		if (t->loss[i] > 0.0) {
			sum += loss[i] / t->loss[i];
			n++;
		}
	*to = n > 0 ? sum / (double)n : NAN;
	return 0;
}

/* What the CRPS becomes where the part is left out too. */
static int
compare_less(struct trial *t, int part, double *to, struct vmf_err *e)
{
	struct vmf_buf *out = &t->b->out;
	int64_t n = out->n;
	int rc = vmf_buf_printf(out, e, "%s%s", n > 0 ? "," : "",
	    names[part]);

	if (rc == 0 && (rc = vmf_buf_put(out, "", 1, e)) == 0)
		rc = compare(t, (const char *)out->p, to, e);
	out->n = n;
	return rc;
}

/* The part of those left that is worth least for its time, and what the CRPS
 * is without it too; -1: there is none. */
static int
find_least(struct trial *t, const double *cost, double *lost, int *least,
    struct vmf_err *e)
{
	double before = t->b->lost, best = INFINITY;
	int rc;

	*least = -1;
	for (int i = 0; i < PARTS; i++) {
		double after = 1.0;

		if (!(cost[i] > 0.0))
			continue;
		if (t->n_rows > 0 && (rc = compare_less(t, i, &after,
		    e)) != 0)
			return rc;
		if (*least >= 0 && !((after - before) / cost[i] < best))
			continue;
		best = (after - before) / cost[i];
		*lost = after;
		*least = i;
	}
	return 0;
}

/* Leave parts out, one after the other: each time that which is worth least
 * for its time beside those that are left. */
static int
choose(struct trial *t, struct vmf_err *e)
{
	struct vmf_budget *b = t->b;
	double cost[PARTS];
	int least, rc;

	b->cost = REST_MS * (double)t->steps;
	for (int i = 0; i < PARTS; i++) {
		if ((rc = is_there(t->algo, i, e)) < 0)
			return rc;
		cost[i] = rc > 0 ? cost_of(t, i) : 0.0;
		b->cost += cost[i];
	}
	b->cost_left = b->cost;
	b->lost = 1.0;
	if (b->cost > b->ms && (rc = run(t, t->algo, t->loss, e)) != 0)
		return rc;
	while (b->cost_left > b->ms) {
		if ((rc = find_least(t, cost, &b->lost, &least, e)) != 0)
			return rc;
		if (least < 0)
			return vmf_fail(e, VMF_EUSAGE, "--budget is %g ms, "
			    "expected %.3g at least for histories of %lld "
			    "steps, or --model arima", b->ms, b->cost_left,
			    (long long)t->steps);
		b->cost_left -= cost[least];
		cost[least] = 0.0;
		if ((rc = vmf_buf_printf(&b->out, e, "%s%s", b->out.n > 0 ?
		    "," : "", names[least])) != 0)
			return rc;
	}
	return b->out.n == 0 ? 0 : vmf_buf_put(&b->out, "", 1, e);
}

int
vmf_budget_choose(struct vmf_budget *b, const struct vmf_algo *algo,
    struct vmf_series *s, int list, const char *metric, struct vmf_err *e)
{
	int64_t n = VMF_BUDGET_SERIES, all = 0, seen = 0;
	struct trial t = { .algo = algo, .b = b, .many.how = b->how,
	    .h = vmf_kq_day(b->opts.step_s) };
	int rc = 0;

	t.f = vmf_calloc(n, (int64_t)sizeof(*t.f), e);
	t.problem = vmf_calloc(n, (int64_t)sizeof(*t.problem), e);
	t.loss = vmf_calloc(n, (int64_t)sizeof(*t.loss), e);
	if (t.f == NULL || t.problem == NULL || t.loss == NULL)
		rc = VMF_ENOMEM;
	for (int64_t i = 0; i < n && rc == 0; i++)
		rc = vmf_forecast_init(&t.f[i], t.h, &vmf_score_levels, e);
	while (rc == 0 && (rc = vmf_series_next(s, e)) > 0) {
		rc = 0;
		for (int64_t i = 0; i < s->b->n && rc == 0; i++) {
			struct vmf_slice y;

			if ((rc = vmf_series_slice(s, i, list, b->opts.start,
			    &y, e)) != 0)
				break;
			all += y.n;
			seen++;
			rc = take(&t, s, i, list, metric, e);
		}
	}
	qsort(t.row, (size_t)t.n_rows, sizeof(*t.row), by_key);
	t.steps = seen > 0 ? all / seen : 0;
	b->n_series = t.n_rows;
	if (rc == 0)
		rc = choose(&t, e);
	for (int64_t i = 0; i < n; i++) {
		free(t.row[i].y);
		vmf_fit_free(&t.fit[i]);
		if (t.f != NULL)
			vmf_forecast_free(&t.f[i]);
	}
	vmf_many_free(&t.many);
	free(t.f);
	free(t.problem);
	free(t.loss);
	return rc;
}
