/* SPDX-License-Identifier: MIT */
/* The stream of scores: its schema and its rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval_in.h"

/* Columns between the names and the statuses. */
static const struct {
	const char *name;
	enum vmf_type type;
} columns[] = { { "n_series", VMF_INT64 }, { "n_windows", VMF_INT64 },
    { "n_points", VMF_INT64 }, { "n_missed", VMF_INT64 },
    { "mase", VMF_FLOAT64 }, { "crps", VMF_FLOAT64 }, { "nd", VMF_FLOAT64 },
    { "mae", VMF_FLOAT64 }, { "coverage80", VMF_FLOAT64 },
    { "crps_snaive", VMF_FLOAT64 }, { "crps_rel", VMF_FLOAT64 },
    { "regret", VMF_FLOAT64 }, { "regret_lo", VMF_FLOAT64 },
    { "regret_hi", VMF_FLOAT64 }, { "regret_mean", VMF_FLOAT64 },
    { "cpu_s", VMF_FLOAT64 } };
#define N_COLUMNS ((int)(sizeof(columns) / sizeof(*columns)))

static int
add(struct vmf_schema *s, const char *name, enum vmf_type type,
    struct vmf_err *e)
{
	int rc = vmf_schema_add(s, name, type, false, e);

	return rc < 0 ? rc : 0;
}

/* Of the plan's windows, where there is a plan. */
static const char *const plan_columns[] = { "plan_load", "plan_true",
    "plan_mean", "plan_best", "plan_snaive", "plan_regret" };
#define N_PLAN_COLUMNS (int)(sizeof(plan_columns) / sizeof(*plan_columns))

/* Of the hosts that VMs came to by it; not with by_vm. */
static const char *const host_columns[] = { "n_hosts", "n_hosts_over",
    "host_steps_over", "host_load_max" };
#define N_HOST_COLUMNS (int)(sizeof(host_columns) / sizeof(*host_columns))

static bool
has_hosts(const struct vmf_eval *ev)
{
	return ev->plan != NULL && ev->plan->hosts != NULL && !ev->by_vm;
}

int
vmf_eval_schema(const struct vmf_eval *ev, struct vmf_schema *s,
    int64_t first, struct vmf_err *e)
{
	const struct vmf_schema *from = ev->series->schema;
	struct vmf_grid g = ev->series->grid;
	char text[32];
	int rc;

	g.start = first;
	snprintf(text, sizeof(text), "%lld", (long long)ev->season_s);
	if ((rc = vmf_meta_set(&s->meta, "vmf:kind", "scores", e)) != 0 ||
	    (rc = vmf_grid_write(&g, s, e)) != 0 ||
	    (rc = vmf_meta_set(&s->meta, "vmf:season", text, e)) != 0 ||
	    (rc = vmf_meta_set(&s->meta, "vmf:history",
	    vmf_meta_get(&from->meta, "vmf:history"), e)) != 0 ||
	    (ev->by_vm && (rc = add(s, "id", VMF_UTF8, e)) != 0) ||
	    (rc = add(s, "model", VMF_UTF8, e)) != 0 ||
	    (rc = add(s, "beside", VMF_BOOL, e)) != 0 ||
	    (rc = add(s, "metric", VMF_UTF8, e)) != 0)
		return rc;
	for (int k = 0; k < N_COLUMNS; k++)
		if ((rc = add(s, columns[k].name, columns[k].type, e)) != 0)
			return rc;
	if (ev->targets.n > 0 && (rc = vmf_risk_schema(s, e)) != 0)
		return rc;
	if (ev->plan != NULL && (rc = add(s, "n_plan", VMF_INT64, e)) != 0)
		return rc;
	for (int k = 0; ev->plan != NULL && k < N_PLAN_COLUMNS; k++)
		if ((rc = add(s, plan_columns[k], VMF_FLOAT64, e)) != 0)
			return rc;
	if (ev->plan != NULL && (rc = add(s, "n_over", VMF_INT64, e)) != 0)
		return rc;
	for (int k = 0; has_hosts(ev) && k < N_HOST_COLUMNS; k++)
		if ((rc = add(s, host_columns[k], k < N_HOST_COLUMNS - 1 ?
		    VMF_INT64 : VMF_FLOAT64, e)) != 0)
			return rc;
	if (ev->by_vm)
		return add(s, "status", VMF_UTF8, e);
	for (int k = 0; k < VMF_N_STATUS; k++) {
		snprintf(text, sizeof(text), "n_%s",
		    vmf_status_name((enum vmf_status)k));
		if ((rc = add(s, text, VMF_INT64, e)) != 0)
			return rc;
	}
	return 0;
}

static int
put_text(struct vmf_col *c, const char *text, struct vmf_err *e)
{
	return vmf_col_put_str(c, text, (int64_t)strlen(text), e);
}

/* "cpu_mean,mem_mean": pooled, each series of theirs by itself. */
static int
put_metrics(struct vmf_col *c, const struct vmf_words *w, struct vmf_err *e)
{
	struct vmf_buf b = { 0 };
	int rc = 0;

	for (int k = 0; k < w->n && rc == 0; k++)
		rc = vmf_buf_printf(&b, e, "%s%s", k > 0 ? "," : "", w->v[k]);
	if (rc == 0)
		rc = vmf_col_put_str(c, (const char *)b.p, b.n, e);
	vmf_buf_free(&b);
	return rc;
}

static int
put_plan(struct vmf_col *c, const struct vmf_tally *t, struct vmf_err *e)
{
	double n = t->n_plan > 0 ? (double)t->n_plan : NAN;
	double m = t->n_beside > 0 ? (double)t->n_beside : NAN;
	const double v[N_PLAN_COLUMNS] = { t->plan_load / n,
	    t->plan_true / n, t->plan_mean / n, t->plan_best / m,
	    t->plan_snaive / m, t->plan_regret / m };
	int rc;

	if ((rc = vmf_col_put_int(c++, t->n_plan, e)) != 0)
		return rc;
	for (int k = 0; k < N_PLAN_COLUMNS; k++)
		if ((rc = vmf_col_put_num(c++, v[k], e)) != 0)
			return rc;
	return vmf_col_put_int(c, t->plan_over, e);
}

/* The hosts are those of the plan, not of what stands beside it. */
static int
put_hosts(struct vmf_col *c, const struct vmf_eval_hosts *o, bool beside,
    struct vmf_err *e)
{
	const double v[N_HOST_COLUMNS] = { (double)o->n_hosts,
	    (double)o->n_over, (double)o->n_steps_over, o->most };
	int rc = 0;

	for (int k = 0; rc == 0 && k < N_HOST_COLUMNS; k++)
		rc = beside ? vmf_col_put_null(c++, e) :
		    vmf_col_put_num(c++, v[k], e);
	return rc;
}

static int
put_row(const struct vmf_eval *ev, const struct vmf_rival *r,
    const char *id, int64_t id_len, struct vmf_batch *out, struct vmf_err *e)
{
	const struct vmf_tally *t = id != NULL ? &r->vm : &r->all;
	const struct vmf_score *s = &t->sum;
	struct vmf_col *c = out->col;
	double lo = NAN, hi = NAN;
	int rc;

	/* Of one VM there is nothing to draw from. */
	if (id == NULL)
		vmf_boot_interval(r->boot, &lo, &hi);
	{
		const double v[N_COLUMNS] = { (double)t->n_series,
		    (double)s->n_windows, (double)s->n_points,
		    (double)s->n_missed, vmf_score_mase(s),
		    vmf_score_crps(s), vmf_score_nd(s), vmf_score_mae(s),
		    vmf_score_coverage80(s), vmf_score_crps_ref(s),
		    t->n_rel > 0 ? t->rel / (double)t->n_rel : NAN,
		    vmf_score_regret_rel(s), lo, hi,
		    vmf_score_regret_mean(s), id == NULL && (ev->given ==
		    NULL || r->algo != NULL) ? t->cpu_s : NAN };

		if ((id != NULL && (rc = vmf_col_put_str(c++, id, id_len,
		    e)) != 0) || (rc = put_text(c++, r->name, e)) != 0 ||
		    (rc = vmf_col_put_bool(c++, r->beside, e)) != 0 ||
		    (rc = put_metrics(c++, &ev->metrics, e)) != 0)
			return rc;
		for (int k = 0; k < N_COLUMNS; k++)
			if ((rc = vmf_col_put_num(c++, v[k], e)) != 0)
				return rc;
	}
	if (ev->targets.n > 0 && (rc = vmf_risk_put(&c, id == NULL ? r->risk :
	    NULL, e)) != 0)
		return rc;
	if (ev->plan != NULL) {
		if ((rc = put_plan(c, t, e)) != 0)
			return rc;
		c += N_PLAN_COLUMNS + 2;
	}
	if (has_hosts(ev)) {
		if ((rc = put_hosts(c, ev->plan->hosts, r->beside, e)) != 0)
			return rc;
		c += N_HOST_COLUMNS;
	}
	if (id != NULL) {
		if ((rc = put_text(c++, vmf_status_name(r->status), e)) != 0)
			return rc;
	} else {
		for (int k = 0; k < VMF_N_STATUS; k++)
			if ((rc = vmf_col_put_int(c++, t->n_status[k],
			    e)) != 0)
				return rc;
	}
	vmf_batch_row(out);
	return 0;
}

int
vmf_eval_put(const struct vmf_eval *ev, const char *id, int64_t id_len,
    struct vmf_batch *out, struct vmf_err *e)
{
	int rc;

	/* What was asked for first, then what stands beside it. */
	for (int beside = 0; beside < 2; beside++)
		for (int m = 0; m < ev->n_rivals; m++) {
			const struct vmf_rival *r = &ev->rival[m];

			if (r->beside != (beside == 1) ||
			    (id != NULL && !r->seen))
				continue;
			if ((rc = put_row(ev, r, id, id_len, out, e)) != 0)
				return rc;
		}
	return 0;
}
