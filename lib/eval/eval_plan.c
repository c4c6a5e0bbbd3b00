/* SPDX-License-Identifier: MIT */
/* The windows of a plan stream, once their time has passed. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "eval/eval_in.h"

/* Starts of windows that plans are compared with. */
#define PLAN_SLOT_S 300

static int
find(const struct vmf_eval_plan *p, const char *name, bool number, int *col,
    struct vmf_err *e)
{
	const struct vmf_schema *s = vmf_reader_schema(p->at.r);
	int c = vmf_schema_find(s, name);
	enum vmf_type type = c < 0 ? VMF_NULL : s->field[c].type;

	if (c < 0)
		return vmf_fail(e, VMF_EDATA, "%s: no column '%s', which "
		    "every plan has", vmf_reader_name(p->at.r), name);
	if (number ? type == VMF_UTF8 || type == VMF_BINARY ||
	    type == VMF_LIST_FLOAT32 || type == VMF_LIST_FLOAT64 :
	    type != VMF_UTF8)
		return vmf_fail(e, VMF_EDATA, "%s: column '%s' is %s, "
		    "expected %s", vmf_reader_name(p->at.r), name,
		    vmf_type_name(type), number ? "a number or a time" :
		    "utf8");
	*col = c;
	return 0;
}

int
vmf_eval_plan_open(struct vmf_eval_plan *p, struct vmf_err *e)
{
	const char *kind = vmf_meta_get(&vmf_reader_schema(p->at.r)->meta,
	    "vmf:kind");
	int rc;

	if (kind != NULL && strcmp(kind, "plan") != 0)
		return vmf_fail(e, VMF_EDATA, "%s: a stream of kind '%.32s', "
		    "expected 'plan'", vmf_reader_name(p->at.r), kind);
	if ((rc = find(p, "id", false, &p->at.id, e)) != 0 ||
	    (rc = find(p, "start", true, &p->start, e)) != 0 ||
	    (rc = find(p, "end", true, &p->end, e)) != 0 ||
	    (rc = find(p, "load", true, &p->load, e)) != 0)
		return rc;
	p->target = vmf_schema_find(vmf_reader_schema(p->at.r), "target");
	if (p->target >= 0 && (rc = find(p, "target", false, &p->target,
	    e)) != 0)
		return rc;
	return find(p, "rank", true, &p->rank, e);
}

/* The row at p->at.row is the window that VM in hand got, or an alternative. */
static bool
is_first(const struct vmf_eval_plan *p)
{
	const struct vmf_col *col = p->at.b->col;

	/* NaN, a row without a window, is not inside either. */
	return vmf_col_num(&col[p->start], p->at.row) >= (double)VMF_TIME_LO &&
	    vmf_col_num(&col[p->end], p->at.row) <= (double)VMF_TIME_HI &&
	    vmf_col_num(&col[p->rank], p->at.row) <= 1.0;
}

/* That row is kept: its batch may be over before the VM is. */
static int
keep_move(struct vmf_eval_plan *p, struct vmf_err *e)
{
	const struct vmf_col *col = p->at.b->col;
	int64_t len = 0;
	const char *s = p->target < 0 ? NULL : vmf_col_str(&col[p->target],
	    p->at.row, &len);
	int rc = vmf_grow(&p->name, &p->name_cap, len + 1, e);

	if (rc != 0)
		return rc;
	if (s != NULL)
		memcpy(p->name, s, (size_t)len);
	p->move = (struct vmf_eval_move){
		.start = (int64_t)vmf_col_num(&col[p->start], p->at.row),
		.end = (int64_t)vmf_col_num(&col[p->end], p->at.row),
		.target = len > 0 ? p->name : NULL, .target_len = len };
	return 0;
}

/* The mean of the true load from one moment to another, each step by the
 * time that it has in it; NaN where one is not known. */
static double
load_between(const double *y, int64_t n, int64_t first, int64_t step_s,
    int64_t from, int64_t to)
{
	int64_t t = (vmf_time_floor(from, step_s) - first) / step_s;
	double sum = 0.0;

	/* first is a multiple of the step, so t is at least 0. */
	if (from < first || to <= from || (to - first - 1) / step_s >= n)
		return NAN;
	for (; first + t * step_s < to; t++) {
		int64_t a = first + t * step_s, b = a + step_s;

		sum += y[t] * (double)((b < to ? b : to) -
		    (a > from ? a : from));
	}
	return sum / (double)(to - from);
}

/* The mean of one of the two lists, of steps of step_s, from second x to y
 * after their start; NaN where a step of it is missing. */
static double
mean_between(const double *actual, const float *forecast, int64_t step_s,
    int64_t x, int64_t y)
{
	double sum = 0.0;

	for (int64_t t = x / step_s; t * step_s < y; t++) {
		int64_t a = t * step_s, b = a + step_s;

		sum += (actual != NULL ? actual[t] : (double)forecast[t]) *
		    (double)((b < y ? b : y) - (a > x ? a : x));
	}
	return sum / (double)(y - x);
}

/*
 * True load in the best window of length_s seconds of the case, and in the
 * one that the seasonal naive model would have chosen.  Windows begin where
 * those of a plan may, every step or 5 minutes; ties go to the earliest.
 */
static void
compare(const struct vmf_case *c, int64_t step_s, int64_t length_s,
    double *best, double *snaive)
{
	int64_t each = step_s < PLAN_SLOT_S ? step_s : PLAN_SLOT_S;
	double least = INFINITY;

	*best = *snaive = NAN;
	for (int64_t x = 0; x + length_s <= c->h * step_s; x += each) {
		double a = mean_between(c->actual, NULL, step_s, x,
		    x + length_s), f;

		if (isnan(a))
			continue;
		if (!(*best <= a))
			*best = a;
		f = mean_between(NULL, c->ref.mean, step_s, x, x + length_s);
		if (f < least) {
			least = f;
			*snaive = a;
		}
	}
}

/* A window of the VM in hand: into its model's tally. */
static int
score(struct vmf_eval *ev, int64_t i, const struct vmf_case *c,
    struct vmf_tally *t, struct vmf_err *e)
{
	const struct vmf_eval_plan *p = ev->plan;
	const struct vmf_col *col = p->at.b->col;
	double load = vmf_col_num(&col[p->load], p->at.row), mean = 0.0, was;
	double from = vmf_col_num(&col[p->start], p->at.row);
	double to = vmf_col_num(&col[p->end], p->at.row), best, snaive;
	int64_t n, known = 0;
	const double *y;
	int rc;

	if (!is_first(p) || isnan(load))
		return 0;
	if ((rc = vmf_series_list(ev->series, i, ev->list[0], &y, &n,
	    e)) != 0)
		return rc;
	if (n == 0)
		return 0;
	was = load_between(y, n, vmf_series_start(ev->series, i),
	    ev->series->grid.step_s, (int64_t)from, (int64_t)to);
	for (int64_t h = 0; h < c->h; h++)
		if (!isnan(c->actual[h])) {
			mean += c->actual[h];
			known++;
		}
	if (isnan(was) || known == 0)
		return 0;
	t->n_plan++;
	ev->plan->n_scored++;
	t->plan_load += load;
	t->plan_true += was;
	t->plan_mean += mean / (double)known;
	t->plan_over += was > p->max_load;
	compare(c, ev->series->grid.step_s, (int64_t)to - (int64_t)from,
	    &best, &snaive);
	if (isnan(best) || isnan(snaive))
		return 0;
	t->n_beside++;
	t->plan_best += best;
	t->plan_snaive += snaive;
	t->plan_regret += was - best;
	return 0;
}

int
vmf_eval_plan_row(struct vmf_eval *ev, int64_t i, const struct vmf_case *c,
    struct vmf_tally *t, struct vmf_err *e)
{
	struct vmf_eval_plan *p = ev->plan;
	int64_t len, p_len;
	const char *id = vmf_series_id(ev->series, i, &len), *p_id;
	int got, rc;

	p->move.start = VMF_TIME_NONE;
	while ((got = vmf_sorted_peek(&p->at, &p_id, &p_len, e)) > 0) {
		int cmp = vmf_id_cmp(p_id, p_len, id, len);

		if (cmp > 0)
			break;
		if (cmp == 0 && p->hosts != NULL && is_first(p) &&
		    (rc = keep_move(p, e)) != 0)
			return rc;
		if (cmp == 0 && c->h > 0 &&
		    (rc = score(ev, i, c, t, e)) != 0)
			return rc;
		if ((rc = vmf_sorted_next(&p->at, p_id, p_len, e)) != 0)
			return rc;
	}
	return got < 0 ? got : 0;
}

int
vmf_eval_plan_finish(struct vmf_eval_plan *p, struct vmf_err *e)
{
	const char *id;
	int64_t len;
	int got, rc;

	while ((got = vmf_sorted_peek(&p->at, &id, &len, e)) > 0)
		if ((rc = vmf_sorted_next(&p->at, id, len, e)) != 0)
			return rc;
	return got;
}
