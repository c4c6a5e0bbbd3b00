/* SPDX-License-Identifier: MIT */
#include "forecast/reconcile.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"

/* A forecast that claims to be surer than this share of its load is not. */
#define SURE 0.01

/* ---- columns ---- */

/* The standard normal quantile of p, by halving an interval. */
static double
normal_quantile(double p)
{
	double lo = -10.0, hi = 10.0;

	for (int k = 0; k < 60; k++) {
		double mid = (lo + hi) / 2.0;

		if (0.5 * erfc(-mid / sqrt(2.0)) < p)
			lo = mid;
		else
			hi = mid;
	}
	return (lo + hi) / 2.0;
}

static int
find_lists(const struct vmf_series *f, const char *metric,
    struct vmf_banded *b, struct vmf_err *e)
{
	int32_t lo = INT32_MAX, hi = 0;

	if ((b->mean = vmf_series_metric(f, metric, e)) < 0)
		return b->mean;
	for (int l = 0; l < f->n_lists; l++) {
		int32_t ppm = vmf_quantile_of_column(
		    f->schema->field[f->list[l]].name, metric);

		if (ppm <= 0 || b->n_q == VMF_QUANTILES_MAX)
			continue;
		b->q[b->n_q++] = f->list[l];
		if (ppm < lo) {
			lo = ppm;
			b->lo = f->list[l];
		}
		if (ppm > hi) {
			hi = ppm;
			b->hi = f->list[l];
		}
	}
	if (b->n_q < 2)
		return vmf_fail(e, VMF_EDATA, "%s: '%.64s' has %d quantiles, "
		    "expected two or more, which say how sure it is",
		    vmf_reader_name(f->r), metric, b->n_q);
	b->apart = normal_quantile(hi / 1e6) - normal_quantile(lo / 1e6);
	return 0;
}

static int
find_columns(struct vmf_reconcile *r, struct vmf_err *e)
{
	const struct vmf_series *f = r->vms;
	const char *unit;
	int rc;

	if (f->grid.step_s != r->totals->grid.step_s)
		return vmf_fail(e, VMF_EDATA, "%s has steps of %" PRId64
		    " s, but %s of %" PRId64 " s; expected the same",
		    vmf_reader_name(r->totals->r), r->totals->grid.step_s,
		    vmf_reader_name(f->r), f->grid.step_s);
	if ((rc = find_lists(f, r->metric, &r->of_vm, e)) != 0 ||
	    (rc = find_lists(r->totals, r->metric, &r->of_total, e)) != 0)
		return rc;
	unit = vmf_meta_get(&f->schema->field[r->of_vm.mean].meta, "unit");
	r->percent = unit == NULL || strcmp(unit, "%") == 0;
	r->group = vmf_schema_find(f->schema, r->by);
	r->vcpus = vmf_schema_find(f->schema, "vcpus");
	if (r->group >= 0 && f->schema->field[r->group].type == VMF_UTF8 &&
	    (!r->percent || r->vcpus >= 0))
		return 0;
	return vmf_fail(e, VMF_EDATA, "%s: no column '%s', which --reconcile "
	    "needs (vmf-aggregate --join adds those of an inventory)",
	    vmf_reader_name(f->r), r->group < 0 ||
	    f->schema->field[r->group].type != VMF_UTF8 ? r->by : "vcpus");
}

/* ---- rows ---- */

/* All forecasts begin at one moment and have as many steps. */
static int
check_steps(struct vmf_reconcile *r, const struct vmf_series *f, int64_t i,
    int64_t n, struct vmf_err *e)
{
	int64_t start = vmf_series_start(f, i), len;
	char has[32], had[32];
	const char *id;

	if (r->h == 0) {
		r->h = n;
		r->start = start;
	}
	if (n == r->h && start == r->start)
		return 0;
	vmf_time_format_utc(start, has);
	vmf_time_format_utc(r->start, had);
	id = vmf_series_id(f, i, &len);
	return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ", '%.*s': %" PRId64
	    " steps from %s, but others have %" PRId64 " from %s; expected "
	    "the same of all", vmf_reader_name(f->r), f->row + i,
	    (int)(len > 200 ? 200 : len), id, n, has, r->h, had);
}

/* Row i of f: its expected values into r->x and variances into r->v, both NaN
 * where one is missing.  False in *any where it has no forecast. */
static int
read_row(struct vmf_reconcile *r, struct vmf_series *f,
    const struct vmf_banded *b, int64_t i, bool *any, struct vmf_err *e)
{
	const double *y;
	int64_t n, m;
	int rc;

	*any = false;
	if ((rc = vmf_series_list(f, i, b->mean, &y, &n, e)) != 0)
		return rc;
	if (n == 0)
		return 0;
	if ((rc = check_steps(r, f, i, n, e)) != 0 ||
	    (rc = vmf_grow(&r->x, &r->x_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&r->v, &r->v_cap, n, e)) != 0)
		return rc;
	memcpy(r->x, y, (size_t)n * sizeof(*y));
	if ((rc = vmf_series_list(f, i, b->hi, &y, &m, e)) != 0)
		return rc;
	for (int64_t t = 0; t < n; t++)
		r->v[t] = t < m ? y[t] : NAN;
	if ((rc = vmf_series_list(f, i, b->lo, &y, &m, e)) != 0)
		return rc;
	for (int64_t t = 0; t < n; t++) {
		double sd = ((t < m ? r->v[t] - y[t] : NAN)) / b->apart;

		r->x[t] = r->x[t] < 0.0 ? 0.0 : r->x[t];
		if (isnan(sd) || isnan(r->x[t])) {
			r->x[t] = r->v[t] = NAN;
			continue;
		}
		sd = fmax(sd, SURE * r->x[t]);
		r->v[t] = sd * sd;
		*any = true;
	}
	return 0;
}

/* The cells of the total that row i of the VMs is part of, NULL where there
 * is none; and its weight. */
static int
find_total(const struct vmf_reconcile *r, int64_t i, bool any,
    struct vmf_total **cell, double *c, struct vmf_err *e)
{
	const struct vmf_series *f = r->vms;
	int64_t len;
	const char *s = vmf_col_str(&f->b->col[r->group], i, &len);
	int32_t code = s == NULL ? -1 : vmf_dict_find(&r->names, s, len);

	*cell = code < 0 ? NULL : r->cell + code * r->h;
	*c = r->percent ? vmf_col_num(&f->b->col[r->vcpus], i) : 1.0;
	if (code < 0 || !any || (*c > 0.0 && *c <= 1e6))
		return 0;
	s = vmf_series_id(f, i, &len);
	return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ", '%.*s': vcpus is "
	    "missing or not above 0, and --reconcile needs it",
	    vmf_reader_name(f->r), f->row + i, (int)(len > 200 ? 200 : len),
	    s);
}

static int
read_totals(struct vmf_reconcile *r, struct vmf_err *e)
{
	struct vmf_series *f = r->totals;
	int got, rc;
	bool any;

	while ((got = vmf_series_next(f, e)) > 0)
		for (int64_t i = 0; i < f->b->n; i++) {
			int64_t len;
			const char *id = vmf_series_id(f, i, &len);

			if ((rc = read_row(r, f, &r->of_total, i, &any,
			    e)) != 0)
				return rc;
			if (!any)
				continue;
			if (vmf_dict_intern(&r->names, id, len, e) < 0 ||
			    vmf_grow(&r->cell, &r->cell_cap, r->cells +
			    r->h, e) != 0)
				return VMF_ENOMEM;
			for (int64_t t = 0; t < r->h; t++)
				r->cell[r->cells++] = (struct vmf_total){
				    .y = r->x[t], .aim = r->v[t] };
			r->n_totals++;
		}
	return got;
}

static int
copy_schema(const struct vmf_series *f, struct vmf_schema *s,
    struct vmf_err *e)
{
	int rc;

	for (int c = 0; c < f->schema->n; c++)
		if ((rc = vmf_schema_add_field(s, &f->schema->field[c],
		    e)) < 0)
			return rc;
	if ((rc = vmf_meta_set(&s->meta, "vmf:kind", "forecast", e)) != 0 ||
	    (rc = vmf_grid_write(&f->grid, s, e)) != 0)
		return rc;
	return vmf_meta_set(&s->meta, "vmf:history",
	    vmf_meta_get(&f->schema->meta, "vmf:history"), e);
}

int
vmf_reconcile_open(struct vmf_reconcile *r, struct vmf_schema *s,
    struct vmf_err *e)
{
	int rc;

	if ((rc = find_columns(r, e)) != 0 || (rc = read_totals(r, e)) != 0)
		return rc;
	return copy_schema(r->vms, s, e);
}

int
vmf_reconcile_totals_schema(struct vmf_reconcile *r, struct vmf_schema *s,
    struct vmf_err *e)
{
	return copy_schema(r->totals, s, e);
}

/* Row i of the VMs: its values, whether there are any, and as find_total has
 * them the cells of its total and its weight. */
static int
read_vm(struct vmf_reconcile *r, int64_t i, struct vmf_total **cell,
    double *c, bool *any, struct vmf_err *e)
{
	int rc = read_row(r, r->vms, &r->of_vm, i, any, e);

	return rc != 0 ? rc : find_total(r, i, *any, cell, c, e);
}

int
vmf_reconcile_sum(struct vmf_reconcile *r, struct vmf_err *e)
{
	struct vmf_total *cell;
	double c;
	bool any;
	int rc;

	for (int64_t i = 0; i < r->vms->b->n; i++) {
		if ((rc = read_vm(r, i, &cell, &c, &any, e)) != 0)
			return rc;
		r->n_vms++;
		r->n_blank += !any;
		r->n_alone += any && cell == NULL;
		for (int64_t t = 0; any && cell != NULL && t < r->h; t++) {
			if (isnan(r->x[t]))
				continue;
			cell[t].cpus += c;
			cell[t].sum += c * r->x[t];
			cell[t].give += c * c * r->v[t];
			cell[t].room += c * sqrt(r->v[t]);
		}
	}
	return 0;
}

/* Until now give is the sum of c^2 v, room that of c times the deviation, and
 * aim the variance of the total. */
void
vmf_reconcile_aim(struct vmf_reconcile *r)
{
	for (int64_t k = 0; k < r->cells; k++) {
		struct vmf_total *p = &r->cell[k];
		double c = r->percent ? p->cpus : 1.0, own = c * c * p->aim;
		double apart = p->give, one = p->room * p->room;
		double alike = one > apart ? fmin(fmax((own - apart) /
		    (one - apart), 0.0), 1.0) : 0.0;
		double q = (1.0 - alike) * apart + alike * one;
		double d = isnan(p->y) || !(q > 0.0) ? 0.0 :
		    (c * p->y - p->sum) / (own + q);

		p->aim = p->sum + q * d;
		p->give = (1.0 - alike) * d;
		p->y = alike * p->room * d;
		p->sum = p->room = 0.0;
	}
}

static double
top_of(const struct vmf_reconcile *r, double x)
{
	return r->percent ? fmax(100.0, x) : INFINITY;
}

/* Where VM's value goes by what its total gives it, within its bounds. */
static double
moved(const struct vmf_reconcile *r, const struct vmf_total *p, double c,
    double x, double v)
{
	double by = c * v * p->give + sqrt(v) * p->y;

	return fmin(fmax(x + by, 0.0), top_of(r, x));
}

static bool
is_less(const struct vmf_total *p)
{
	return p->give + p->y < 0.0;
}

/* How much further it could go. */
static double
room_of(const struct vmf_reconcile *r, const struct vmf_total *p, double x,
    double y)
{
	return is_less(p) ? y : r->percent ? top_of(r, x) - y : 0.0;
}

int
vmf_reconcile_clip(struct vmf_reconcile *r, struct vmf_err *e)
{
	struct vmf_total *cell;
	double c;
	bool any;
	int rc;

	for (int64_t i = 0; i < r->vms->b->n; i++) {
		if ((rc = read_vm(r, i, &cell, &c, &any, e)) != 0)
			return rc;
		for (int64_t t = 0; any && cell != NULL && t < r->h; t++) {
			double y;

			if (isnan(r->x[t]))
				continue;
			y = moved(r, &cell[t], c, r->x[t], r->v[t]);
			cell[t].sum += c * y;
			cell[t].room += c * room_of(r, &cell[t], r->x[t], y);
		}
	}
	return 0;
}

/* The share of its room by which each VM goes on, into room; and what all of
 * that adds up to into aim. */
void
vmf_reconcile_close(struct vmf_reconcile *r)
{
	for (int64_t j = 0; r->h > 0 && j < r->cells / r->h; j++) {
		bool missed = false, idle = true;

		for (int64_t t = 0; t < r->h; t++) {
			struct vmf_total *p = &r->cell[j * r->h + t];
			double left = p->aim - p->sum, room = p->room;
			double most = is_less(p) ? -room : room;

			idle &= !(p->cpus > 0.0);
			p->room = room > 0.0 ? left / most : 0.0;
			/* What is left has the sign of what was given, up to
			 * rounding. */
			p->room = fmax(p->room, 0.0);
			missed |= p->room > 1.0;
			if (p->room > 1.0) {
				p->room = 1.0;
				p->aim = p->sum + most;
			}
		}
		r->n_short += missed;
		r->n_idle += idle;
	}
}

/* ---- the result ---- */

/* The item of a list of row i that was v. */
static double
changed(const struct vmf_reconcile *r, bool mean, int64_t t, double v)
{
	double to;

	if (isnan(r->x[t]))
		return v;
	if (mean)
		return r->x[t];
	/* Nothing times anything stays below what is expected now. */
	to = isnan(r->v[t]) ? v + r->x[t] : v * r->v[t];
	return r->percent ? fmin(to, top_of(r, v)) : to;
}

static int
put_list(struct vmf_reconcile *r, struct vmf_series *f, int64_t i, int c,
    bool mean, struct vmf_col *to, struct vmf_err *e)
{
	const double *y;
	int64_t n;
	int rc;

	if ((rc = vmf_series_list(f, i, c, &y, &n, e)) != 0 ||
	    (rc = vmf_grow(&r->item, &r->item_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&r->item32, &r->item32_cap, n + 1, e)) != 0)
		return rc;
	for (int64_t t = 0; t < n; t++) {
		r->item[t] = t < r->h ? changed(r, mean, t, y[t]) : y[t];
		r->item32[t] = (float)r->item[t];
	}
	return to->type == VMF_LIST_FLOAT32 ?
	    vmf_col_put_list32(to, r->item32, n, e) :
	    vmf_col_put_list64(to, r->item, n, e);
}

/* Append row i of f; of the metric, expected values are r->x, and quantiles
 * are multiplied by r->v, or where that is NAN moved by r->x. */
static int
put_row(struct vmf_reconcile *r, struct vmf_series *f,
    const struct vmf_banded *b, int64_t i, bool change,
    struct vmf_batch *out, struct vmf_err *e)
{
	int rc;

	for (int c = 0; c < f->schema->n; c++) {
		bool mine = c == b->mean;

		for (int k = 0; k < b->n_q; k++)
			mine |= c == b->q[k];
		if (!change || !mine) {
			if ((rc = vmf_col_put_from(&out->col[c],
			    &f->b->col[c], i, e)) != 0)
				return rc;
			continue;
		}
		if ((rc = put_list(r, f, i, c, c == b->mean, &out->col[c],
		    e)) != 0)
			return rc;
	}
	vmf_batch_row(out);
	return 0;
}

int
vmf_reconcile_put(struct vmf_reconcile *r, struct vmf_batch *out,
    struct vmf_err *e)
{
	struct vmf_total *cell;
	double c;
	bool any;
	int rc;

	for (int64_t i = 0; i < r->vms->b->n; i++) {
		if ((rc = read_vm(r, i, &cell, &c, &any, e)) != 0)
			return rc;
		for (int64_t t = 0; any && cell != NULL && t < r->h; t++) {
			double x = r->x[t], y;

			if (isnan(x))
				continue;
			y = moved(r, &cell[t], c, x, r->v[t]);
			y += (is_less(&cell[t]) ? -1.0 : 1.0) *
			    room_of(r, &cell[t], x, y) * cell[t].room;
			r->x[t] = y;
			r->v[t] = x > 0.0 ? y / x : NAN;
		}
		if ((rc = put_row(r, r->vms, &r->of_vm, i,
		    any && cell != NULL, out, e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_reconcile_put_totals(struct vmf_reconcile *r, struct vmf_batch *out,
    struct vmf_err *e)
{
	struct vmf_series *f = r->totals;
	bool any;
	int rc;

	for (int64_t i = 0; i < f->b->n; i++) {
		int64_t len;
		const char *id = vmf_series_id(f, i, &len);
		int32_t code = vmf_dict_find(&r->names, id, len);

		if ((rc = read_row(r, f, &r->of_total, i, &any, e)) != 0)
			return rc;
		for (int64_t t = 0; any && code >= 0 && t < r->h; t++) {
			const struct vmf_total *p = &r->cell[code * r->h + t];
			double x = r->x[t];

			r->v[t] = 1.0;
			if (isnan(x) || !(p->cpus > 0.0))
				continue;
			r->x[t] = p->aim / (r->percent ? p->cpus : 1.0);
			r->v[t] = x > 0.0 ? r->x[t] / x : 1.0;
		}
		if ((rc = put_row(r, f, &r->of_total, i, any && code >= 0,
		    out, e)) != 0)
			return rc;
	}
	return 0;
}

void
vmf_reconcile_free(struct vmf_reconcile *r)
{
	vmf_dict_free(&r->names);
	free(r->cell);
	free(r->x);
	free(r->v);
	free(r->item);
	free(r->item32);
}
