/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "forecast/quantile.h"

/* Columns of the forecast that a plan has itself or has no use for. */
static const char *const own_names[] = { "id", "start", "end", "load",
    "rank", "wave", "status", "reason", "model", "mase", NULL };
static const char *const fleet_names[] = { "id", "start", "end", "load",
    "rank", "wave", "status", "reason", "model", "mase", "target", NULL };

int
vmf_plan_quantile(const struct vmf_plan *p, const char *metric)
{
	const struct vmf_series *f = p->forecast;

	for (int l = 0; l < f->n_lists && p->risk_ppm > 0; l++)
		if (vmf_quantile_of_column(f->schema->field[f->list[l]].name,
		    metric) == p->risk_ppm)
			return f->list[l];
	return -1;
}

static int
find_risk(struct vmf_plan *p, struct vmf_err *e)
{
	const struct vmf_series *f = p->forecast;
	char names[512] = "";
	size_t used = 0;

	if ((p->risk = vmf_plan_quantile(p, p->metric)) >= 0)
		return 0;
	for (int l = 0; l < f->n_lists; l++) {
		const char *name = f->schema->field[f->list[l]].name;
		int32_t ppm = vmf_quantile_of_column(name, p->metric);

		if (ppm > 0 && used + 16 < sizeof(names))
			used += (size_t)snprintf(names + used,
			    sizeof(names) - used, "%s%g",
			    used > 0 ? ", " : "", ppm / 1e6);
	}
	return vmf_fail(e, VMF_EDATA, "%s: no quantile %g of '%.64s'; there "
	    "are %s", vmf_reader_name(f->r), p->risk_ppm / 1e6, p->metric,
	    used > 0 ? names : "none");
}

/* The scalar column called name, or -1; text is all that is made of it. */
static int
find_text(const struct vmf_series *f, const char *name)
{
	int c = vmf_schema_find(f->schema, name);

	return c >= 0 && f->schema->field[c].type == VMF_UTF8 ? c : -1;
}

/* What is predicted of a move. */
static int
add_predicted(struct vmf_schema *s, struct vmf_err *e)
{
	static const char *const names[] = { "downtime_ms_q50",
	    "downtime_ms_q90", "total_ms_q50", "total_ms_q90" };
	int c, rc;

	for (int k = 0; k < 4; k++) {
		if (vmf_schema_find(s, names[k]) >= 0)
			return vmf_fail(e, VMF_EDATA, "attribute '%s' has "
			    "the name of a column of the plan", names[k]);
		if ((c = vmf_schema_add(s, names[k], VMF_FLOAT32, false,
		    e)) < 0)
			return c;
		if ((rc = vmf_meta_set(&s->field[c].meta, "unit", "ms",
		    e)) != 0)
			return rc;
	}
	return 0;
}

static int
make_schema(struct vmf_plan *p, struct vmf_schema *s, struct vmf_err *e)
{
	const struct vmf_series *f = p->forecast;
	const struct vmf_field *list = &f->schema->field[p->mean];
	const char *unit = vmf_meta_get(&list->meta, "unit");
	char risk[64];
	int rc, c;

	if ((rc = vmf_schema_add(s, "id", VMF_UTF8, false, e)) < 0)
		return rc;
	for (int a = 0; a < p->n_attrs; a++)
		if ((rc = vmf_schema_add_field(s,
		    &f->schema->field[p->attr[a]], e)) < 0)
			return rc;
	p->target = -1;
	if (p->fleet && (p->place ||
	    vmf_schema_find(f->schema, "target") >= 0) && (p->target = rc =
	    vmf_schema_add(s, "target", VMF_UTF8, false, e)) < 0)
		return rc;
	if ((rc = vmf_schema_add(s, "start", VMF_TIME, false, e)) < 0 ||
	    (rc = vmf_schema_add(s, "end", VMF_TIME, false, e)) < 0 ||
	    (c = rc = vmf_schema_add(s, "load", VMF_FLOAT32, false, e)) < 0)
		return rc;
	if (p->risk_ppm > 0) {
		vmf_quantile_column(risk, sizeof(risk), "load", p->risk_ppm);
		if (vmf_schema_find(s, risk) >= 0)
			return vmf_fail(e, VMF_EDATA, "attribute '%s' has "
			    "the name of a column of the plan", risk);
		if ((rc = vmf_schema_add(s, risk, VMF_FLOAT32, false,
		    e)) < 0)
			return rc;
	}
	for (; unit != NULL && c < s->n; c++)
		if ((rc = vmf_meta_set(&s->field[c].meta, "unit", unit,
		    e)) != 0)
			return rc;
	if (p->down != NULL && (rc = add_predicted(s, e)) != 0)
		return rc;
	if ((rc = vmf_schema_add(s, "rank", VMF_INT32, false, e)) < 0 ||
	    (p->fleet && (rc = vmf_schema_add(s, "wave", VMF_INT32, false,
	    e)) < 0) ||
	    (rc = vmf_schema_add(s, "status", VMF_UTF8, false, e)) < 0 ||
	    (rc = vmf_schema_add(s, "reason", VMF_UTF8, false, e)) < 0 ||
	    (rc = vmf_meta_set(&s->meta, "vmf:kind", "plan", e)) != 0)
		return rc;
	return vmf_meta_set(&s->meta, "vmf:history",
	    vmf_meta_get(&f->schema->meta, "vmf:history"), e);
}

int
vmf_plan_open(struct vmf_plan *p, struct vmf_schema *s, struct vmf_err *e)
{
	const struct vmf_series *f = p->forecast;
	int rc;

	if (p->opts.slot_s == 0)
		p->opts.slot_s = f->grid.step_s < 300 ? f->grid.step_s : 300;
	if ((p->mean = vmf_series_metric(f, p->metric, e)) < 0)
		return p->mean;
	if (p->risk_ppm > 0 && (rc = find_risk(p, e)) != 0)
		return rc;
	p->status = find_text(f, "status");
	p->reason = find_text(f, "reason");
	p->pinned = vmf_schema_find(f->schema, "pinned");
	p->deadline = vmf_schema_find(f->schema, "deadline");
	p->attr = vmf_calloc(f->schema->n, (int64_t)sizeof(*p->attr), e);
	if (p->attr == NULL)
		return VMF_ENOMEM;
	if (p->known != NULL && (rc = vmf_binds_open(&p->binds, p->known,
	    e)) != 0)
		return rc;
	p->n_attrs = vmf_series_attributes(f, p->fleet ? fleet_names :
	    own_names, p->attr);
	return make_schema(p, s, e);
}

void
vmf_plan_free(struct vmf_plan *p)
{
	free(p->attr);
	free(p->expected);
	free(p->at_risk);
	for (int64_t k = 0; k < p->n_held; k++)
		vmf_batch_free(&p->held[k]);
	free(p->held);
	vmf_windows_free(&p->windows);
	vmf_binds_free(&p->binds);
}

/* The steps of the first row of the batch that has some. */
static int
find_steps(struct vmf_plan *p, struct vmf_err *e)
{
	struct vmf_series *f = p->forecast;
	const double *v;
	int rc;

	for (int64_t i = 0; i < f->b->n && p->n_steps == 0; i++) {
		if ((rc = vmf_series_list(f, i, p->mean, &v, &p->n_steps,
		    e)) != 0)
			return rc;
		p->start = vmf_series_start(f, i);
	}
	return 0;
}

/* Keep the batch in hand. */
static int
hold(struct vmf_plan *p, struct vmf_err *e)
{
	const struct vmf_batch *from = p->forecast->b;
	struct vmf_batch *b;
	int rc;

	if ((rc = vmf_grow(&p->held, &p->held_cap, p->n_held + 1, e)) != 0)
		return rc;
	b = &p->held[p->n_held];
	if ((rc = vmf_batch_init(b, p->forecast->schema, e)) != 0)
		return rc;
	p->n_held++;
	for (int64_t i = 0; i < from->n; i++) {
		for (int k = 0; k < p->forecast->schema->n; k++)
			if ((rc = vmf_col_put_from(&b->col[k], &from->col[k],
			    i, e)) != 0)
				return rc;
		vmf_batch_row(b);
	}
	return 0;
}

/* Where loads are assumed: on to a batch that tells for which steps, those
 * before it being kept. */
static int
look_ahead(struct vmf_plan *p, struct vmf_err *e)
{
	struct vmf_series *f = p->forecast;
	int got, rc;

	p->looked = true;
	while ((got = vmf_series_next(f, e)) > 0) {
		if ((rc = find_steps(p, e)) != 0)
			return rc;
		if (p->n_steps > 0)
			break;
		if ((rc = hold(p, e)) != 0)
			return rc;
	}
	p->next = got > 0 ? f->b : NULL;
	p->next_row = f->row;
	f->row = 0;
	return got;
}

int
vmf_plan_next(struct vmf_plan *p, struct vmf_err *e)
{
	struct vmf_series *f = p->forecast;
	int rc;

	if (isnan(p->assume_load))
		return vmf_series_next(f, e);
	if (!p->looked && (rc = look_ahead(p, e)) < 0)
		return rc;
	if (p->held_at < p->n_held) {
		f->row += p->held_at > 0 ? f->b->n : 0;
		f->b = &p->held[p->held_at++];
		return 1;
	}
	if (p->next != NULL) {
		f->b = p->next;
		f->row = p->next_row;
		p->next = NULL;
		return 1;
	}
	return p->n_steps == 0 ? 0 : vmf_series_next(f, e);
}

int
vmf_plan_reason(const struct vmf_plan *p, int64_t i, const char *own,
    struct vmf_col *c, struct vmf_err *e)
{
	const struct vmf_batch *b = p->forecast->b;
	const char *status = NULL, *reason = NULL;
	int64_t s_len = 0, r_len = 0;
	char text[2048], with[832];
	int n;

	if (p->assumed) {
		snprintf(with, sizeof(with), "%s%sa load of %g is assumed",
		    own, *own == '\0' ? "" : "; ", p->assume_load);
		own = with;
	}
	if (p->status >= 0)
		status = vmf_col_str(&b->col[p->status], i, &s_len);
	if (p->reason >= 0)
		reason = vmf_col_str(&b->col[p->reason], i, &r_len);
	if (status == NULL || vmf_text_is(status, s_len, "ok"))
		return *own == '\0' ? vmf_col_put_null(c, e) :
		    vmf_col_put_str(c, own, (int64_t)strlen(own), e);
	s_len = vmf_utf8_cut(status, s_len, 32);
	r_len = vmf_utf8_cut(reason, r_len, 1000);
	n = snprintf(text, sizeof(text), "%s%sforecast is %.*s%s%.*s", own,
	    *own == '\0' ? "" : "; ", (int)s_len, status,
	    r_len > 0 ? ": " : "", (int)r_len, r_len > 0 ? reason : "");
	return vmf_col_put_str(c, text, n, e);
}

/* One row: window w, or none where it is NULL. */
static int
put_row(struct vmf_plan *p, int64_t i, const struct vmf_window *w,
    int64_t rank, struct vmf_batch *out, struct vmf_err *e)
{
	const char *status = vmf_plan_status_name(p->windows.status);
	struct vmf_col *c = out->col;
	int64_t len;
	const char *id = vmf_series_id(p->forecast, i, &len);
	int rc;

	if ((rc = vmf_col_put_str(c++, id, len, e)) != 0)
		return rc;
	for (int a = 0; a < p->n_attrs; a++)
		if ((rc = vmf_col_put_from(c++,
		    &p->forecast->b->col[p->attr[a]], i, e)) != 0)
			return rc;
	if (w == NULL) {
		for (int k = p->risk_ppm > 0 ? 5 : 4; k > 0; k--)
			if ((rc = vmf_col_put_null(c++, e)) != 0)
				return rc;
	} else {
		if ((rc = vmf_col_put_int(c++, w->start, e)) != 0 ||
		    (rc = vmf_col_put_int(c++, w->start + p->opts.length_s,
		    e)) != 0 ||
		    (rc = vmf_col_put_num(c++, w->load, e)) != 0 ||
		    (p->risk_ppm > 0 &&
		    (rc = vmf_col_put_num(c++, w->risk, e)) != 0) ||
		    (rc = vmf_col_put_int(c++, rank, e)) != 0)
			return rc;
	}
	if ((rc = vmf_col_put_str(c++, status, (int64_t)strlen(status),
	    e)) != 0 || (rc = vmf_plan_reason(p, i, p->windows.reason,
	    c++, e)) != 0)
		return rc;
	vmf_batch_row(out);
	return 0;
}

static bool
none_known(const double *v, int64_t n)
{
	for (int64_t t = 0; t < n; t++)
		if (!isnan(v[t]))
			return false;
	return true;
}

/* The quantiles of row i, n of them: as many as its expected loads, also where
 * it has none of them. */
static int
read_risk(struct vmf_plan *p, int64_t i, int64_t n, const double **risk,
    struct vmf_err *e)
{
	int64_t m;
	int rc;

	if ((rc = vmf_series_list(p->forecast, i, p->risk, risk, &m,
	    e)) != 0 || m >= n)
		return rc;
	if ((rc = vmf_grow(&p->at_risk, &p->at_risk_cap, n, e)) != 0)
		return rc;
	for (int64_t t = 0; t < n; t++)
		p->at_risk[t] = NAN;
	*risk = p->at_risk;
	return 0;
}

int
vmf_plan_lists(struct vmf_plan *p, int64_t i, int64_t *start,
    const double **expected, const double **risk, int64_t *n,
    struct vmf_err *e)
{
	const double *v;
	int rc;

	p->assumed = false;
	*start = vmf_series_start(p->forecast, i);
	if ((rc = vmf_series_list(p->forecast, i, p->mean, &v, n, e)) != 0 ||
	    (rc = vmf_grow(&p->expected, &p->expected_cap, (*n > p->n_steps ?
	    *n : p->n_steps) + 1, e)) != 0)
		return rc;
	/* The view hands out one list at a time. */
	if (*n > 0)
		memcpy(p->expected, v, (size_t)*n * sizeof(*v));
	*expected = p->expected;
	*risk = NULL;
	if (*n == 0 && p->n_steps > 0) {
		*start = p->start;
		*n = p->n_steps;
		v = NULL;
	}
	if (!isnan(p->assume_load) && *n > 0 && (v == NULL ||
	    none_known(v, *n))) {
		p->assumed = true;
		for (int64_t t = 0; t < *n; t++)
			p->expected[t] = p->assume_load;
		*risk = p->risk_ppm > 0 ? p->expected : NULL;
		return 0;
	}
	return p->risk_ppm == 0 ? 0 : read_risk(p, i, *n, risk, e);
}

int
vmf_plan_yes(const char *s, int64_t len)
{
	static const char *const words[][2] = { { "no", "yes" },
	    { "false", "true" }, { "n", "y" }, { "f", "t" },
	    { "off", "on" }, { "", "" }, { "na", "" }, { "nan", "" } };
	double v;

	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
		for (int yes = 0; yes < 2; yes++)
			if ((int64_t)strlen(words[k][yes]) == len &&
			    strncasecmp(words[k][yes], s, (size_t)len) == 0)
				return yes && len > 0;
	if (vmf_parse_double(s, len, &v) != 0 || !(v >= 0.0))
		return -1;
	return v > 0.0;
}

/* What must not be moved must say so in a way that is understood. */
static int
read_pinned(const struct vmf_plan *p, int64_t i, bool *pinned,
    struct vmf_err *e)
{
	const struct vmf_col *c = &p->forecast->b->col[p->pinned];
	int64_t len = 0, id_len;
	const char *s = NULL, *id = vmf_series_id(p->forecast, i, &id_len);
	char found[48];
	double v = NAN;
	int is = 0;

	if (c->type == VMF_UTF8)
		s = vmf_col_str(c, i, &len);
	else if (c->type != VMF_BINARY && c->type != VMF_LIST_FLOAT32 &&
	    c->type != VMF_LIST_FLOAT64)
		v = vmf_col_num(c, i);
	else
		is = -1;
	if (s != NULL)
		is = vmf_plan_yes(s, len);
	else if (!isnan(v))
		is = v < 0.0 ? -1 : v > 0.0;
	*pinned = is == 1;
	if (is >= 0)
		return 0;
	if (s != NULL)
		snprintf(found, sizeof(found), "'%.*s'",
		    (int)vmf_utf8_cut(s, len, 40), s);
	else if (!isnan(v))
		snprintf(found, sizeof(found), "%g", v);
	else
		snprintf(found, sizeof(found), "neither text nor a number");
	return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ", '%.*s': its "
	    "pinned is %s, expected yes or no, true or false, on or off, or "
	    "a number (above 0 for yes)", vmf_reader_name(p->forecast->r),
	    p->forecast->row + i, (int)(id_len > 200 ? 200 : id_len), id,
	    found);
}

/* A time, or seconds since the epoch, or the text of a time. */
static int
read_deadline(const struct vmf_plan *p, int64_t i, int64_t *t,
    struct vmf_err *e)
{
	const struct vmf_col *c = &p->forecast->b->col[p->deadline];
	int64_t len = 0;
	const char *s = NULL;
	double v = NAN;

	*t = VMF_TIME_NONE;
	if (c->type == VMF_UTF8)
		s = vmf_col_str(c, i, &len);
	else if (c->type != VMF_BINARY && c->type != VMF_LIST_FLOAT32 &&
	    c->type != VMF_LIST_FLOAT64)
		v = vmf_col_num(c, i);
	if ((s == NULL || len == 0) && isnan(v))
		return 0;
	if (s == NULL && v >= (double)VMF_TIME_LO && v <= (double)VMF_TIME_HI)
		*t = (int64_t)v;
	if (s != NULL && vmf_time_parse_any(s, len, t) != 0)
		*t = VMF_TIME_NONE;
	if (*t >= VMF_TIME_LO && *t <= VMF_TIME_HI)
		return 0;
	s = vmf_series_id(p->forecast, i, &len);
	return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ", '%.*s': its "
	    "deadline is not a time, expected one such as "
	    "2024-05-01T06:00:00Z", vmf_reader_name(p->forecast->r),
	    p->forecast->row + i, (int)(len > 200 ? 200 : len), s);
}

int
vmf_plan_own(const struct vmf_plan *p, int64_t i, struct vmf_window_opts *o,
    bool *pinned, struct vmf_err *e)
{
	int64_t t;
	int rc;

	*o = p->opts;
	*pinned = false;
	if (p->pinned >= 0 && (rc = read_pinned(p, i, pinned, e)) != 0)
		return rc;
	if (p->deadline < 0)
		return 0;
	if ((rc = read_deadline(p, i, &t, e)) != 0)
		return rc;
	if (t != VMF_TIME_NONE && (o->not_after == VMF_TIME_NONE ||
	    t < o->not_after))
		o->not_after = t;
	return 0;
}

int
vmf_plan_meet(struct vmf_plan *p, int64_t i, struct vmf_err *e)
{
	int64_t len = 0;
	const char *s = NULL;

	if (p->known == NULL || vmf_plan_gone(p, i))
		return 0;
	if (p->status >= 0)
		s = vmf_col_str(&p->forecast->b->col[p->status], i, &len);
	if (vmf_text_is(s, len, "empty"))
		return 0;
	s = vmf_series_id(p->forecast, i, &len);
	return vmf_binds_vm(&p->binds, s, len, e);
}

bool
vmf_plan_gone(struct vmf_plan *p, int64_t i)
{
	int64_t len, id_len;
	const char *status, *id;

	if (p->known == NULL || p->status < 0)
		return false;
	status = vmf_col_str(&p->forecast->b->col[p->status], i, &len);
	if (!vmf_text_is(status, len, "stale") &&
	    !vmf_text_is(status, len, "empty"))
		return false;
	id = vmf_series_id(p->forecast, i, &id_len);
	return vmf_dict_find(&p->known->vm, id, id_len) < 0;
}

void
vmf_plan_say_gone(struct vmf_plan *p, struct vmf_windows *w)
{
	w->n = 0;
	p->assumed = false;
	w->status = VMF_FORBIDDEN;
	snprintf(w->reason, sizeof(w->reason), "it is gone: not in ");
	vmf_utf8_text(w->reason + strlen(w->reason), 200, p->known->name);
	p->n_gone++;
	p->n_gone_rows++;
}

int
vmf_plan_row(struct vmf_plan *p, int64_t i, struct vmf_batch *out,
    struct vmf_err *e)
{
	struct vmf_windows *w = &p->windows;
	int64_t n, start;
	const double *expected, *risk;
	struct vmf_window_opts o;
	bool pinned;
	int rc;

	if ((rc = vmf_plan_meet(p, i, e)) != 0 ||
	    (rc = vmf_plan_own(p, i, &o, &pinned, e)) != 0 ||
	    (rc = vmf_plan_lists(p, i, &start, &expected, &risk, &n,
	    e)) != 0 ||
	    (rc = vmf_windows_find(w, &o, start, p->forecast->grid.step_s,
	    expected, risk, n, e)) != 0)
		return rc;
	if (pinned) {
		w->n = 0;
		w->status = VMF_FORBIDDEN;
		snprintf(w->reason, sizeof(w->reason), "it is pinned");
	}
	if (vmf_plan_gone(p, i))
		vmf_plan_say_gone(p, w);
	else
		p->n_assumed += p->assumed;
	p->n_rows++;
	p->n_status[w->status]++;
	if (w->n == 0)
		return put_row(p, i, NULL, 0, out, e);
	for (int64_t k = 0; k < w->n; k++)
		if ((rc = put_row(p, i, &w->v[k], k + 1, out, e)) != 0)
			return rc;
	return 0;
}

int
vmf_plan_explain_cost(const struct vmf_plan *p, struct vmf_buf *text,
    struct vmf_err *e)
{
	char length[32], slot[32], limit[48] = "";
	char by[64] = "the expected load", more[128] = "";

	vmf_format_duration(p->opts.length_s, length);
	vmf_format_duration(p->opts.slot_s, slot);
	if (p->risk_ppm > 0)
		snprintf(by, sizeof(by), "the steps' quantile %g of the load",
		    p->risk_ppm / 1e6);
	if (!isnan(p->opts.max_load))
		snprintf(limit, sizeof(limit), ", at most %g",
		    p->opts.max_load);
	if (p->down != NULL && p->down->auto_length)
		snprintf(length, sizeof(length), "p90 of its length");
	if (p->down != NULL)
		snprintf(more, sizeof(more), ", and %g for a second of median "
		    "downtime, %g for a minute of median length",
		    p->down->per_s, p->down->per_min);
	return vmf_buf_printf(text, e, "cost of a start: mean of %s (%s) in "
	    "the %s from it on%s%s; starts every %s\n", by, p->metric,
	    length, limit, more, slot);
}

int
vmf_plan_explain(const struct vmf_plan *p, int64_t i, struct vmf_buf *text,
    struct vmf_err *e)
{
	const struct vmf_windows *w = &p->windows;
	bool limited = !isnan(p->opts.max_load);
	char when[32];
	int64_t len;
	const char *id = vmf_series_id(p->forecast, i, &len);
	int rc;

	if ((rc = vmf_buf_printf(text, e, "%.*s: ", (int)len, id)) != 0 ||
	    (rc = vmf_plan_explain_cost(p, text, e)) != 0)
		return rc;
	if ((rc = vmf_buf_printf(text, e, "%.*s: %" PRId64 " starts, %"
	    PRId64 " out of blackouts, %" PRId64 " of these with a forecast"
	    "%s", (int)len, id, w->n_starts, w->n_free, w->n_known,
	    limited ? ", " : "\n")) != 0 || (limited &&
	    (rc = vmf_buf_printf(text, e, "%" PRId64 " of these within "
	    "--max-load\n", w->n_under)) != 0))
		return rc;
	if (w->n == 0)
		return vmf_buf_printf(text, e, "%.*s: %s: %s\n", (int)len,
		    id, vmf_plan_status_name(w->status), w->reason);
	for (int64_t k = 0; k < w->n; k++) {
		vmf_time_format_utc(w->v[k].start, when);
		if ((rc = vmf_buf_printf(text, e, "%.*s: rank %" PRId64
		    ": %s, cost %g, expected load %g\n", (int)len, id, k + 1,
		    when, p->risk_ppm > 0 ? w->v[k].risk : w->v[k].load,
		    w->v[k].load)) != 0)
			return rc;
	}
	return 0;
}
