/* SPDX-License-Identifier: MIT */
#include "plan/window.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

/* More possible starts than this are a slot chosen by mistake. */
#define STARTS_MAX 10000000

struct vmf_candidate {
	__int128 key;
	int64_t k;		/* slots after the first */
};

const char *
vmf_plan_status_name(enum vmf_plan_status s)
{
	static const char *const names[VMF_N_PLAN_STATUS] = { "placed",
	    "no-window", "blackout", "over-load", "no-room",
	    "over-budget", "forbidden" };

	return names[s];
}

void
vmf_windows_free(struct vmf_windows *w)
{
	free(w->v);
	free(w->load);
	free(w->risk);
	free(w->missing);
	free(w->cand);
	free(w->spans);
	free(w->blocked);
	free(w->taken);
	free(w->cost);
	*w = (struct vmf_windows){ 0 };
}

/* A load over time, as integers: sum[i] is that of the first i steps. */
struct ladder {
	const __int128 *sum;
	int64_t step_s;
	int shift;		/* values are scaled by 2^shift */
};

/*
 * Values become integers of up to 62 bits: float32 values within a factor
 * 2^38 of the greatest lose nothing.  Times seconds (below 2^39 of them)
 * their sums stay below 2^101.
 */
static int
ladder_build(struct ladder *l, __int128 **sum, int64_t *cap, const double *v,
    int64_t n, int64_t step_s, struct vmf_err *e)
{
	double top = 0.0;
	int exp, rc;

	if ((rc = vmf_grow(sum, cap, n + 1, e)) != 0)
		return rc;
	for (int64_t t = 0; t < n; t++)
		if (fabs(v[t]) > top)
			top = fabs(v[t]);
	(void)frexp(top, &exp);
	*l = (struct ladder){ *sum, step_s, top > 0.0 ? 62 - exp : 0 };
	(*sum)[0] = 0;
	for (int64_t t = 0; t < n; t++) {
		int64_t q = isnan(v[t]) ? 0 : llrint(ldexp(v[t], l->shift));

		(*sum)[t + 1] = (*sum)[t] + (__int128)q * step_s;
	}
	return 0;
}

/* Load times seconds from the forecast's start to x seconds after it. */
static __int128
ladder_at(const struct ladder *l, int64_t x)
{
	int64_t i = x / l->step_s, rest = x % l->step_s;

	if (rest == 0)
		return l->sum[i];
	return l->sum[i] + (l->sum[i + 1] - l->sum[i]) / l->step_s * rest;
}

static double
ladder_mean(const struct ladder *l, __int128 sum, int64_t length_s)
{
	return ldexp((double)sum, -l->shift) / (double)length_s;
}

/*
 * Mark the starts, n of them from first on, whose window meets a blackout.
 * All VMs of a fleet have the same starts, so the last answer is kept.
 */
static int
mark_blocked(struct vmf_windows *w, const struct vmf_window_opts *o,
    int64_t first, int64_t n, struct vmf_err *e)
{
	int64_t n_spans, s = 0;
	int rc;

	if (w->blocked != NULL && w->key_start == first && w->key_n == n &&
	    w->key_length == o->length_s)
		return 0;
	if ((rc = vmf_grow(&w->blocked, &w->blocked_cap, n, e)) != 0 ||
	    (rc = vmf_blackout_spans(o->blackout, o->n_blackouts, first,
	    first + (n - 1) * o->slot_s + o->length_s, &w->spans,
	    &w->spans_cap, &n_spans, e)) != 0)
		return rc;
	for (int64_t k = 0; k < n; k++) {
		int64_t t = first + k * o->slot_s;

		while (s < n_spans && w->spans[s].to <= t)
			s++;
		w->blocked[k] = s < n_spans &&
		    w->spans[s].from < t + o->length_s;
	}
	w->key_start = first;
	w->key_n = n;
	w->key_length = o->length_s;
	return 0;
}

static int
candidate_cmp(const void *a, const void *b)
{
	const struct vmf_candidate *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->k > y->k) - (x->k < y->k);
}

static void VMF_PRINTF(3, 4)
none(struct vmf_windows *w, enum vmf_plan_status status, const char *fmt,
    ...)
{
	va_list ap;

	w->status = status;
	va_start(ap, fmt);
	vsnprintf(w->reason, sizeof(w->reason), fmt, ap);
	va_end(ap);
}

/* First start and number of starts inside the forecast and the bounds. */
static int
find_starts(struct vmf_windows *w, const struct vmf_window_opts *o,
    int64_t start, int64_t end, int64_t *first, int64_t *n,
    struct vmf_err *e)
{
	bool early = o->not_after != VMF_TIME_NONE && o->not_after < end;
	char len[32], slot[32], from[32], to[32];

	*n = 0;
	if (o->not_before != VMF_TIME_NONE && o->not_before > start)
		start = o->not_before;
	if (early)
		end = o->not_after;
	*first = vmf_time_floor(start, o->slot_s);
	if (*first < start)
		*first += o->slot_s;
	if (*first <= end && o->length_s <= end - *first)
		*n = (end - *first - o->length_s) / o->slot_s + 1;
	vmf_format_duration(o->slot_s, slot);
	if (*n > STARTS_MAX)
		return vmf_fail(e, VMF_EUSAGE, "a --slot of %s gives %" PRId64
		    " possible starts, expected at most %d", slot, *n,
		    STARTS_MAX);
	if (*n == 0) {
		vmf_format_duration(o->length_s, len);
		vmf_time_format_utc(start, from);
		vmf_time_format_utc(end, to);
		if (end <= start && !early)
			none(w, VMF_NO_WINDOW, "the forecast ends at %s, and "
			    "no window begins before %s: expected a longer "
			    "--horizon of vmf-predict", to, from);
		else
			none(w, VMF_NO_WINDOW, "no window of %s that begins "
			    "on a slot of %s fits between %s and %s%s", len,
			    slot, from, to, early ?
			    " (its deadline or --not-after)" : "");
	}
	return 0;
}

/*
 * Windows that must not overlap begin more than reach slots apart.  So each
 * stretch of reach + 1 starts holds at most one that is taken (its start + 1
 * is kept; 0: none), and only its neighbours can be too near.
 */
static int
clear_taken(struct vmf_windows *w, int64_t n_starts, int64_t reach,
    struct vmf_err *e)
{
	int64_t n = n_starts / (reach + 1) + 1;
	int rc = vmf_grow(&w->taken, &w->taken_cap, n, e);

	if (rc == 0)
		memset(w->taken, 0, (size_t)n * sizeof(*w->taken));
	w->n_taken = n;
	return rc;
}

static bool
is_taken(const struct vmf_windows *w, int64_t k, int64_t reach)
{
	int64_t at = k / (reach + 1);

	for (int64_t i = at > 0 ? at - 1 : 0; i <= at + 1 && i < w->n_taken;
	    i++)
		if (w->taken[i] > 0 && llabs(k + 1 - w->taken[i]) <= reach)
			return true;
	return false;
}

/* The best of the n candidates into w->v. */
static int
take_best(struct vmf_windows *w, const struct vmf_window_opts *o, int64_t n,
    int64_t first, int64_t n_starts, struct vmf_err *e)
{
	/* A window that is taken keeps these many starts to either side. */
	int64_t reach = (o->length_s - 1) / o->slot_s;
	int rc;

	qsort(w->cand, (size_t)n, sizeof(*w->cand), candidate_cmp);
	if (o->apart && (rc = clear_taken(w, n_starts, reach, e)) != 0)
		return rc;
	for (int64_t c = 0; c < n && w->n < o->top; c++) {
		int64_t k = w->cand[c].k;

		if (o->apart && is_taken(w, k, reach))
			continue;
		if ((rc = vmf_grow(&w->v, &w->cap, w->n + 1, e)) != 0)
			return rc;
		w->v[w->n++].start = first + k * o->slot_s;
		if (o->apart)
			w->taken[k / (reach + 1)] = k + 1;
	}
	return 0;
}

/* A forecast whose windows are being looked at. */
struct view {
	const struct vmf_window_opts *o;
	struct ladder load, by;	/* by: what windows are compared by */
	int64_t start, step_s;
};

/* Begin: w->n_starts is 0 where there is no start at all. */
static int
view_open(struct view *v, struct vmf_windows *w,
    const struct vmf_window_opts *o, int64_t start, int64_t step_s,
    const double *expected, const double *risk, int64_t n,
    struct vmf_err *e)
{
	int rc;

	*v = (struct view){ .o = o, .start = start, .step_s = step_s };
	w->n = w->n_starts = w->n_free = w->n_known = w->n_under = 0;
	w->status = VMF_PLACED;
	w->reason[0] = '\0';
	if (n == 0) {
		none(w, VMF_NO_WINDOW, "the forecast has no steps");
		return 0;
	}
	if ((rc = find_starts(w, o, start, start + n * step_s, &w->first,
	    &w->n_starts, e)) != 0 || w->n_starts == 0)
		return rc;
	if ((rc = mark_blocked(w, o, w->first, w->n_starts, e)) != 0 ||
	    (rc = ladder_build(&v->load, &w->load, &w->load_cap, expected, n,
	    step_s, e)) != 0 ||
	    (rc = vmf_grow(&w->missing, &w->missing_cap, n + 1, e)) != 0)
		return rc;
	v->by = v->load;
	if (risk != NULL && (rc = ladder_build(&v->by, &w->risk,
	    &w->risk_cap, risk, n, step_s, e)) != 0)
		return rc;
	w->missing[0] = 0;
	for (int64_t t = 0; t < n; t++)
		w->missing[t + 1] = w->missing[t] + (isnan(expected[t]) ||
		    (risk != NULL && isnan(risk[t])));
	return 0;
}

/* May a window begin with start k?  Its load times seconds is *key, also
 * where that is more than --max-load. */
static bool
view_at(const struct view *v, struct vmf_windows *w, int64_t k,
    struct vmf_candidate *least, __int128 *key)
{
	const struct vmf_window_opts *o = v->o;
	int64_t x = w->first + k * o->slot_s - v->start;
	int64_t to = (x + o->length_s - 1) / v->step_s + 1;

	if (w->blocked[k])
		return false;
	w->n_free++;
	if (w->missing[to] != w->missing[x / v->step_s])
		return false;
	*key = ladder_at(&v->by, x + o->length_s) - ladder_at(&v->by, x);
	if (w->n_known++ == 0 || *key < least->key)
		*least = (struct vmf_candidate){ *key, k };
	if (!isnan(o->max_load) &&
	    ladder_mean(&v->by, *key, o->length_s) > o->max_load)
		return false;
	w->n_under++;
	return true;
}

/* Why there is no window, when all starts were looked at. */
static void
view_close(const struct view *v, struct vmf_windows *w,
    const struct vmf_candidate *least)
{
	char when[32], value[32], limit[32];

	if (w->n_starts == 0) {
		return;		/* find_starts told */
	} else if (w->n_free == 0) {
		none(w, VMF_BLACKOUT, "each of the %" PRId64 " possible "
		    "windows meets a blackout", w->n_starts);
	} else if (w->n_known == 0) {
		none(w, VMF_NO_WINDOW, "each of the %" PRId64 " possible "
		    "windows%s meets a missing step of the forecast",
		    w->n_free, w->n_free < w->n_starts ?
		    " out of blackouts" : "");
	} else if (w->n_under == 0) {
		vmf_time_format_utc(w->first + least->k * v->o->slot_s, when);
		vmf_format_float((float)ladder_mean(&v->by, least->key,
		    v->o->length_s), value);
		vmf_format_double(v->o->max_load, limit);
		none(w, VMF_OVER_LOAD, "the least load, %s at %s, is more "
		    "than %s", value, when, limit);
	}
}

int
vmf_windows_find(struct vmf_windows *w, const struct vmf_window_opts *o,
    int64_t start, int64_t step_s, const double *expected,
    const double *risk, int64_t n, struct vmf_err *e)
{
	struct vmf_candidate least = { 0, 0 }, c = { 0, 0 };
	int64_t n_cand = 0;
	struct view v;
	int rc;

	if ((rc = view_open(&v, w, o, start, step_s, expected, risk, n,
	    e)) != 0)
		return rc;
	for (c.k = 0; c.k < w->n_starts; c.k++) {
		if (!view_at(&v, w, c.k, &least, &c.key))
			continue;
		if (o->top == 1) {	/* no list: the least will do */
			n_cand = 1;
			continue;
		}
		if ((rc = vmf_grow(&w->cand, &w->cand_cap, n_cand + 1,
		    e)) != 0)
			return rc;
		w->cand[n_cand++] = c;
	}
	view_close(&v, w, &least);
	if (n_cand == 0)
		return 0;
	if (o->top == 1) {
		if ((rc = vmf_grow(&w->cand, &w->cand_cap, 1, e)) != 0)
			return rc;
		w->cand[0] = least;
	}
	if ((rc = take_best(w, o, n_cand, w->first, w->n_starts, e)) != 0)
		return rc;
	for (int64_t i = 0; i < w->n; i++) {
		int64_t x = w->v[i].start - start, y = x + o->length_s;

		w->v[i].load = ladder_mean(&v.load, ladder_at(&v.load, y) -
		    ladder_at(&v.load, x), o->length_s);
		w->v[i].risk = ladder_mean(&v.by, ladder_at(&v.by, y) -
		    ladder_at(&v.by, x), o->length_s);
	}
	return 0;
}

int
vmf_windows_costs(struct vmf_windows *w, const struct vmf_window_opts *o,
    int64_t start, int64_t step_s, const double *expected,
    const double *risk, int64_t n, struct vmf_err *e)
{
	struct vmf_candidate least = { 0, 0 };
	struct view v;
	int rc;

	if ((rc = view_open(&v, w, o, start, step_s, expected, risk, n,
	    e)) != 0 ||
	    (rc = vmf_grow(&w->cost, &w->cost_cap, w->n_starts, e)) != 0)
		return rc;
	for (int64_t k = 0; k < w->n_starts; k++) {
		__int128 key;

		w->cost[k] = view_at(&v, w, k, &least, &key) ?
		    ladder_mean(&v.by, key, o->length_s) : NAN;
	}
	view_close(&v, w, &least);
	return 0;
}
