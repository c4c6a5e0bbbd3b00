/* SPDX-License-Identifier: MIT */
/* Scores of a forecast stream, wherever it came from. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/time.h"
#include "eval/eval_in.h"

#define N_LISTS (1 + VMF_SCORE_LEVELS)	/* of a metric: mean, q10, ... */

/* A utf8 column, or -1. */
static int
text_column(const struct vmf_schema *s, const char *name)
{
	int c = vmf_schema_find(s, name);

	return c >= 0 && s->field[c].type == VMF_UTF8 ? c : -1;
}

/* The lists of metric k: all nine quantiles, or none. */
static int
find_lists(struct vmf_eval *ev, int k, struct vmf_err *e)
{
	const struct vmf_series *f = ev->given;
	const char *metric = ev->metrics.v[k];
	int *list = ev->given_list + k * N_LISTS, found = 0, any = 0;
	char want[256];

	if ((list[0] = vmf_series_metric(f, metric, e)) < 0)
		return list[0];
	for (int j = 0; j < VMF_SCORE_LEVELS; j++)
		list[1 + j] = -1;
	for (int l = 0; l < f->n_lists; l++) {
		int32_t ppm = vmf_quantile_of_column(
		    f->schema->field[f->list[l]].name, metric);

		any += ppm > 0;
		for (int j = 0; j < VMF_SCORE_LEVELS; j++)
			if (ppm == vmf_score_levels.ppm[j]) {
				list[1 + j] = f->list[l];
				found++;
			}
	}
	ev->n_points += any == 0;
	if (any == 0 || found == VMF_SCORE_LEVELS)
		return 0;
	for (int j = 0; j < VMF_SCORE_LEVELS; j++)
		if (list[1 + j] < 0) {
			vmf_quantile_column(want, sizeof(want), metric,
			    vmf_score_levels.ppm[j]);
			break;
		}
	return vmf_fail(e, VMF_EDATA, "%s: quantiles of %.64s, but no list "
	    "'%.80s'; expected all of 0.1, 0.2, ..., 0.9, or none",
	    vmf_reader_name(f->r), metric, want);
}

/* The column of the event's probability. */
static int
find_risk(struct vmf_eval *ev, struct vmf_err *e)
{
	const struct vmf_series *f = ev->given;
	const struct vmf_target *t = ev->targets.v;
	char name[VMF_TARGET_TEXT];
	enum vmf_type type;

	vmf_target_column(t, name, sizeof(name));
	ev->given_risk = vmf_schema_find(f->schema, name);
	type = ev->given_risk < 0 ? VMF_NULL :
	    f->schema->field[ev->given_risk].type;
	if (type == VMF_FLOAT32 || type == VMF_FLOAT64)
		return 0;
	return vmf_fail(e, VMF_EDATA, "%s: no column '%.200s' of "
	    "probabilities, expected it for --target '%.200s' (vmf-train "
	    "--target makes models that have it)", vmf_reader_name(f->r),
	    name, t->text);
}

int
vmf_eval_open_given(struct vmf_eval *ev, struct vmf_err *e)
{
	const struct vmf_series *f = ev->given;
	int rc;

	if (f->grid.step_s != ev->series->grid.step_s)
		return vmf_fail(e, VMF_EDATA, "%s: the forecast's step is %"
		    PRId64 " s, but that of %s is %" PRId64 " s",
		    vmf_reader_name(f->r), f->grid.step_s,
		    vmf_reader_name(ev->series->r),
		    ev->series->grid.step_s);
	ev->given_list = vmf_calloc((int64_t)ev->metrics.n * N_LISTS,
	    (int64_t)sizeof(int), e);
	if (ev->given_list == NULL)
		return VMF_ENOMEM;
	for (int k = 0; k < ev->metrics.n; k++)
		if ((rc = find_lists(ev, k, e)) != 0)
			return rc;
	if (ev->targets.n > 0 && (rc = find_risk(ev, e)) != 0)
		return rc;
	ev->given_model = text_column(f->schema, "model");
	ev->given_status = text_column(f->schema, "status");
	if (ev->plan == NULL)
		return 0;
	if ((rc = vmf_eval_plan_open(ev->plan, e)) != 0 ||
	    ev->plan->hosts == NULL)
		return rc;
	if (f->grid.start == VMF_TIME_NONE || f->grid.end == VMF_TIME_NONE ||
	    f->grid.end <= f->grid.start)
		return vmf_fail(e, VMF_EDATA, "%s: its metadata do not say "
		    "from when to when it is, which --max-host-load needs",
		    vmf_reader_name(f->r));
	return vmf_eval_hosts_open(ev->plan->hosts, ev->series,
	    f->grid.start, (f->grid.end - f->grid.start) / f->grid.step_s, e);
}

/* Row i of the given forecast, metric k, into f. */
static int
read_forecast(struct vmf_eval *ev, int64_t i, int k, struct vmf_forecast *f,
    struct vmf_err *e)
{
	const int *list = ev->given_list + k * N_LISTS;
	const double *v;
	int64_t n;
	int rc;

	for (int j = 0; j < N_LISTS; j++) {
		float *to = j == 0 ? f->mean : f->q + (j - 1) * f->h;

		if ((rc = vmf_series_list(ev->given, i, list[j] < 0 ?
		    list[0] : list[j], &v, &n, e)) != 0)
			return rc;
		for (int64_t t = 0; t < f->h; t++)
			to[t] = t < n ? (float)v[t] : NAN;
	}
	return 0;
}

/* The status in the given forecast; where it has none, whether there is a
 * value. */
static enum vmf_status
given_status(const struct vmf_eval *ev, int64_t i,
    const struct vmf_forecast *f)
{
	int64_t len = 0;
	const char *s = ev->given_status < 0 ? NULL :
	    vmf_col_str(&ev->given->b->col[ev->given_status], i, &len);

	for (int k = 0; s != NULL && k < VMF_N_STATUS; k++) {
		const char *name = vmf_status_name((enum vmf_status)k);

		if (vmf_text_is(s, len, name))
			return (enum vmf_status)k;
	}
	for (int64_t t = 0; t < f->h; t++)
		if (!isnan(f->mean[t]))
			return VMF_OK;
	return VMF_EMPTY;
}

/* Those that stand beside, on the case in hand; r is one of them. */
static int
run_beside(struct vmf_eval *ev, struct vmf_rival *r, struct vmf_case *c,
    int64_t at, struct vmf_err *e)
{
	struct vmf_problem p = { .y = c->y, .f = &c->ref, .seen = true,
	    .opts = { .step_s = ev->series->grid.step_s, .start = at,
		.season = ev->season, .stale_after_s = VMF_EVAL_STALE_S } };

	switch (r->kind) {
	case VMF_RIVAL_SNAIVE:
		return vmf_forecast_many(r->algo, &p, 1, &ev->many, e);
	case VMF_RIVAL_SNAIVE_POINT:
		vmf_rival_point(&c->f, &c->ref);
		return 0;
	case VMF_RIVAL_NAIVE:
		vmf_rival_naive(&c->f, &c->y);
		return 0;
	case VMF_RIVAL_MODEL:
		break;
	}
	return 0;
}

/* The probability in row g, of metric k, beside what came of it in row i of the
 * series, also where the forecast is shorter. */
static int
score_risk(struct vmf_eval *ev, int own, int64_t i, int64_t g, int k,
    struct vmf_err *e)
{
	const struct vmf_target *t = ev->targets.v;
	double p = vmf_col_num(&ev->given->b->col[ev->given_risk], g);
	int64_t from = 0, n;
	const double *y;
	int rc;

	if (p < 0.0 || p > 1.0)
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ", column "
		    "'%.200s': found %g, expected a probability from 0 to 1",
		    vmf_reader_name(ev->given->r),
		    vmf_reader_row(ev->given->r) + g,
		    ev->given->schema->field[ev->given_risk].name, p);
	if ((rc = vmf_series_list(ev->series, i, ev->list[k], &y, &n,
	    e)) != 0 || (rc = vmf_grow(&ev->ahead, &ev->ahead_cap, t->to,
	    e)) != 0)
		return rc;
	if (n > 0)
		from = (vmf_series_start(ev->given, g) - vmf_series_start(
		    ev->series, i)) / ev->series->grid.step_s;
	for (int64_t j = 0; j < t->to; j++)
		ev->ahead[j] = n > 0 && from + j >= 0 && from + j < n ?
		    y[from + j] : NAN;
	vmf_eval_risk(&ev->rival[own], t, p, ev->ahead, t->to);
	return 0;
}

/* Score all that is to be said of metric k of a row. */
static int
eval_metric(struct vmf_eval *ev, int own, int64_t i, int64_t g, int k,
    struct vmf_err *e)
{
	int64_t at = vmf_series_start(ev->given, g), h;
	struct vmf_case *c = &ev->cases[0];
	const double *unused;
	int rc;

	if ((rc = vmf_series_list(ev->given, g, ev->given_list[k * N_LISTS],
	    &unused, &h, e)) != 0)
		return rc;
	if (at == VMF_TIME_NONE || h == 0) {
		if (k == 0)
			for (int m = 0; m < ev->n_rivals; m++)
				ev->rival[m].status = VMF_EMPTY;
		return 0;
	}
	if ((rc = vmf_case_fill(c, ev->series, i, ev->list[k], at, h,
	    ev->season, e)) != 0)
		return rc;
	/* The three beside stand first, snaive before all. */
	for (int m = 0; m < ev->n_rivals; m++) {
		struct vmf_rival *r = &ev->rival[m];
		struct vmf_score s = { 0 };
		const struct vmf_forecast *f = r->kind == VMF_RIVAL_SNAIVE ?
		    &c->ref : &c->f;

		if (r->kind == VMF_RIVAL_MODEL && m != own)
			continue;
		if ((rc = m == own ? read_forecast(ev, g, k, &c->f, e) :
		    run_beside(ev, r, c, at, e)) != 0)
			return rc;
		if (k == 0)
			r->status = m == own ? given_status(ev, g, f) :
			    f->status;
		vmf_score_window(&s, c->actual, f, &c->ref, c->scale,
		    ev->width);
		vmf_tally_series(&r->vm, &s);
	}
	if (ev->targets.n > 0 && strcmp(ev->metrics.v[k],
	    ev->targets.v->metric) == 0 && (rc = score_risk(ev, own, i, g, k,
	    e)) != 0)
		return rc;
	if (ev->plan != NULL && k == 0)
		return vmf_eval_plan_row(ev, i, c, &ev->rival[own].vm, e);
	return 0;
}

/* Row i of the series is row g of the forecast. */
static int
eval_row(struct vmf_eval *ev, int64_t i, int64_t g, struct vmf_batch *out,
    struct vmf_err *e)
{
	const char *name = NULL, *id;
	int64_t len = 0;
	int own, rc;

	if (ev->given_model >= 0)
		name = vmf_col_str(&ev->given->b->col[ev->given_model], g,
		    &len);
	if (name == NULL) {
		name = "forecast";
		len = (int64_t)strlen(name);
	}
	if ((own = vmf_eval_add(ev, name, len, VMF_RIVAL_MODEL, NULL,
	    e)) < 0)
		return own;
	for (int m = 0; m < ev->n_rivals; m++)
		ev->rival[m].seen = m == own ||
		    ev->rival[m].kind != VMF_RIVAL_MODEL;
	for (int k = 0; k < ev->metrics.n; k++)
		if ((rc = eval_metric(ev, own, i, g, k, e)) != 0)
			return rc;
	id = vmf_series_id(ev->series, i, &len);
	return vmf_eval_vm(ev, id, len, out, e);
}

/* Row i of the series onto the hosts, as the plan's row of it says. */
static int
add_to_hosts(struct vmf_eval *ev, int64_t i, struct vmf_err *e)
{
	struct vmf_eval_plan *p = ev->plan;

	return p == NULL || p->hosts == NULL ? 0 : vmf_eval_hosts_add(
	    p->hosts, ev->series, i, ev->list[0], &p->move, e);
}

/* The forecast's next row is at ev->given_row: 1, 0 at the end. */
static int
peek_given(struct vmf_eval *ev, struct vmf_err *e)
{
	int got = 1;

	while (!ev->given_ended && (!ev->given_any ||
	    ev->given_row == ev->given->b->n)) {
		if ((got = vmf_series_next(ev->given, e)) < 0)
			return got;
		ev->given_any = true;
		ev->given_ended = got == 0;
		ev->given_row = 0;
	}
	return ev->given_ended ? 0 : 1;
}

int
vmf_eval_given(struct vmf_eval *ev, struct vmf_batch *out, struct vmf_err *e)
{
	for (int64_t i = 0; i < ev->series->b->n; i++) {
		int64_t len, g_len;
		const char *id = vmf_series_id(ev->series, i, &len), *g_id;
		int got, rc, c = -1;

		while ((got = peek_given(ev, e)) > 0) {
			g_id = vmf_series_id(ev->given, ev->given_row,
			    &g_len);
			if ((c = vmf_id_cmp(g_id, g_len, id, len)) >= 0)
				break;
			ev->n_only_given++;
			ev->given_row++;
		}
		if (got < 0)
			return got;
		if (ev->plan != NULL)
			ev->plan->move.start = VMF_TIME_NONE;
		if (got == 0 || c > 0)
			ev->n_only_series++;
		else if ((rc = eval_row(ev, i, ev->given_row++, out, e)) != 0)
			return rc;
		if ((rc = add_to_hosts(ev, i, e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_eval_finish_given(struct vmf_eval *ev, struct vmf_err *e)
{
	int got;

	while ((got = peek_given(ev, e)) > 0) {
		ev->n_only_given++;
		ev->given_row++;
	}
	if (got == 0 && ev->plan != NULL)
		return vmf_eval_plan_finish(ev->plan, e);
	return got;
}
