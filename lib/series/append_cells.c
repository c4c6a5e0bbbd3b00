/* SPDX-License-Identifier: MIT */
/* What is in a row of a series to which a piece is appended. */
#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "series/append_in.h"
#include "series/attrs.h"

/* Bits of seen: who has a value in a list, and whose was taken. */
enum { OLD_HAS = 1, NEW_HAS = 2, OLD_TAKEN = 4, NEW_TAKEN = 8 };

/* ---- attributes ---- */

/* True where there is a value. */
static bool
has_value(const struct vmf_col *c, int64_t i, bool above_0)
{
	const char *s;
	int64_t len;
	double v;

	switch (c->type) {
	case VMF_UTF8:
	case VMF_BINARY:
		s = vmf_col_str(c, i, &len);
		return vmf_attr_says(s, len, above_0);
	case VMF_BOOL:
	case VMF_TIME:
		return vmf_col_valid(c, i);
	case VMF_NULL:
		return false;
	default:
		v = vmf_col_num(c, i);
		return above_0 ? v > 0.0 : !isnan(v);
	}
}

static int
put_text(struct vmf_col *to, const struct vmf_col *c, int64_t i,
    struct vmf_err *e)
{
	char buf[32];
	int64_t len;

	switch (c->type) {
	case VMF_FLOAT32:
		len = vmf_format_float(c->d.f32[i], buf);
		break;
	case VMF_FLOAT64:
		len = vmf_format_double(c->d.f64[i], buf);
		break;
	case VMF_TIME:
		len = vmf_time_format_utc(c->d.i64[i], buf);
		break;
	case VMF_BOOL:
		len = snprintf(buf, sizeof(buf), "%s", c->d.b8[i] ? "true" :
		    "false");
		break;
	default:
		len = snprintf(buf, sizeof(buf), "%" PRId64,
		    c->type == VMF_INT32 ? c->d.i32[i] : c->d.i64[i]);
		break;
	}
	return vmf_col_put_str(to, buf, len, e);
}

/* Text, in a column that has been of something else. */
static int
not_a_number(const struct vmf_append *a, const struct vmf_append_side *s,
    const struct vmf_col *c, int64_t i, struct vmf_err *e)
{
	const char *name = s->schema->field[c - s->b->col].name, *id, *text;
	int64_t id_len, len;

	id = vmf_col_str(&s->b->col[s->id], i, &id_len);
	text = vmf_col_str(c, i, &len);
	return vmf_fail(e, VMF_EDATA, "%s: '%.*s': column '%s': found text "
	    "'%.*s', expected what %s has there", s->name,
	    (int)vmf_utf8_cut(id, id_len, 200), id, name,
	    (int)vmf_utf8_cut(text, len, 40), text, a->old.name);
}

int
vmf_append_attr(struct vmf_append *a, struct vmf_col *to,
    const struct vmf_append_side *first, const struct vmf_append_side *second,
    int k, struct vmf_err *e)
{
	const struct vmf_append_side *s[] = { first, second };

	for (int w = 0; w < 2; w++) {
		const struct vmf_col *c;
		int64_t i;

		if (s[w] == NULL || s[w]->attr[k] < 0)
			continue;
		c = &s[w]->b->col[s[w]->attr[k]];
		i = s[w]->i;
		if (!has_value(c, i, a->above_0[k]))
			continue;
		if (c->type == to->type)
			return vmf_col_put_from(to, c, i, e);
		if (to->type == VMF_UTF8)
			return put_text(to, c, i, e);
		if (c->type == VMF_UTF8)
			return not_a_number(a, s[w], c, i, e);
		if (to->type == VMF_INT64)
			return vmf_col_put_int(to, c->d.i32[i], e);
		return vmf_col_put_num(to, vmf_col_num(c, i), e);
	}
	return vmf_col_put_null(to, e);
}

/* ---- lists ---- */

static int64_t
list_len(const struct vmf_col *c, int64_t i)
{
	return vmf_bit(c->valid, i) ? c->off[i + 1] - c->off[i] : 0;
}

static void
fill_missing(float *to, int64_t n)
{
	for (int64_t k = 0; k < n; k++)
		to[k] = NAN;
}

/* n items of list l from item `from` of the row in hand on. */
static void
copy_items(const struct vmf_append_side *s, int l, int64_t from, int64_t n,
    float *to)
{
	const struct vmf_col *c = &s->b->col[s->list[l]];

	if (list_len(c, s->i) == 0) {
		fill_missing(to, n);
		return;
	}
	from += c->off[s->i];
	if (c->type == VMF_LIST_FLOAT32) {
		memcpy(to, c->d.f32 + from, (size_t)n * sizeof(*to));
		return;
	}
	for (int64_t k = 0; k < n; k++)
		to[k] = (float)c->d.f64[from + k];
}

static float
item(const struct vmf_append_side *s, int l, int64_t k)
{
	const struct vmf_col *c = &s->b->col[s->list[l]];

	if (list_len(c, s->i) == 0)
		return NAN;
	k += c->off[s->i];
	return c->type == VMF_LIST_FLOAT32 ? c->d.f32[k] :
	    (float)c->d.f64[k];
}

/* True where no list of the row in hand has a value at item k. */
static bool
step_missing(const struct vmf_append *a, const struct vmf_append_side *s,
    int64_t k)
{
	for (int l = 0; l < a->n_lists; l++)
		if (!isnan(item(s, l, k)))
			return false;
	return true;
}

/* No command reads an infinity; a list of 64 bits holds what one of 32 can. */
static int
check_items(const struct vmf_append_side *s, int l, struct vmf_err *e)
{
	const struct vmf_col *c = &s->b->col[s->list[l]];
	int64_t len;
	const char *id;

	for (int64_t k = c->off[s->i]; k < c->off[s->i + 1]; k++) {
		double v = c->type == VMF_LIST_FLOAT32 ?
		    (double)c->d.f32[k] : c->d.f64[k];

		if (!(fabs(v) > (double)FLT_MAX))
			continue;
		id = vmf_col_str(&s->b->col[s->id], s->i, &len);
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ": found "
		    "'%s' %g at item %" PRId64 " of '%.*s', expected at "
		    "most %g, or missing", s->name, s->row + s->i,
		    s->schema->field[s->list[l]].name, v, k - c->off[s->i],
		    (int)(len < 200 ? len : 200), id, (double)FLT_MAX);
	}
	return 0;
}

int
vmf_append_part_of(struct vmf_append *a, const struct vmf_append_side *s,
    struct vmf_append_part *p, struct vmf_err *e)
{
	const struct vmf_col *start = &s->b->col[s->start];
	int64_t n = 0, skip = 0;
	int rc;

	*p = (struct vmf_append_part){ .side = s };
	/* One that is missing, or of no items, has no value at any step. */
	for (int l = 0; l < a->n_lists; l++) {
		int64_t len = list_len(&s->b->col[s->list[l]], s->i);

		if (len == 0)
			continue;
		if ((rc = check_items(s, l, e)) != 0)
			return rc;
		assert(n == 0 || len == n);	/* both are read so */
		n = len;
	}
	if (n == 0)
		return 0;
	if (s->grid.end == VMF_TIME_NONE)
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ": found "
		    "%" PRId64 " steps, and no vmf:end in the metadata "
		    "(some tools drop it); expected it", s->name,
		    s->row + s->i, n);
	p->had_steps = true;
	p->first = start->d.i64[s->i] / s->grid.step_s;
	if (p->first < a->cut) {
		skip = a->cut - p->first < n ? a->cut - p->first : n;
		a->stats.cut += skip;
	}
	while (skip < n && step_missing(a, s, skip))
		skip++;
	while (n > skip && step_missing(a, s, n - 1))
		n--;
	p->first += skip;
	p->skip = skip;
	p->n = n - skip;
	return 0;
}

/* A count at item k; 0 where there is none. */
static double
count_at(const struct vmf_append_side *s, int l, int64_t k)
{
	double n = (double)item(s, l, k);

	return n > 0.0 ? n : 0.0;
}

/* The samples of all metrics at the steps that both have, lo to hi - 1. */
static int
sum_counts(struct vmf_append *a, const struct vmf_append_part *o,
    const struct vmf_append_part *n, int64_t lo, int64_t hi, struct vmf_err *e)
{
	if (vmf_grow(&a->all, &a->all_cap, 2 * (hi - lo), e) != 0)
		return VMF_ENOMEM;
	memset(a->all, 0, (size_t)(2 * (hi - lo)) * sizeof(*a->all));
	for (int l = 0; l < a->n_lists; l++)
		for (int64_t t = lo; a->count_of[l] == l && t < hi; t++) {
			double *all = a->all + 2 * (t - lo);

			all[0] += count_at(o->side, l, o->skip + t - o->first);
			all[1] += count_at(n->side, l, n->skip + t - n->first);
		}
	return 0;
}

/*
 * How many samples list l tells of at item k: those of its metric, or of all
 * metrics where its own are not counted.  Those of a host are its VMs times
 * the finer steps that have any.
 */
static double
samples(const struct vmf_append *a, const struct vmf_append_side *s, int l,
    int64_t k, double all)
{
	double vms = a->vms < 0 ? 1.0 : count_at(s, a->vms, k);

	if (a->count_of[l] >= 0)
		return vms * count_at(s, a->count_of[l], k);
	return a->n_counts == 0 && a->vms >= 0 ? vms : vms * all;
}

static bool
keeps_old(const struct vmf_append *a, const struct vmf_append_part *o,
    const struct vmf_append_part *n, int l, int64_t t, const double *all)
{
	if (a->opts.prefer != VMF_PREFER_FULLER)
		return a->opts.prefer == VMF_PREFER_OLD;
	return samples(a, o->side, l, o->skip + t - o->first, all[0]) >
	    samples(a, n->side, l, n->skip + t - n->first, all[1]);
}

/* The value of list l at step t, which both have from lo on; NaN where
 * neither has. */
static float
choose(struct vmf_append *a, const struct vmf_append_part *o,
    const struct vmf_append_part *n, int l, int64_t t, int64_t lo)
{
	float old = item(o->side, l, o->skip + t - o->first);
	float new = item(n->side, l, n->skip + t - n->first);
	uint8_t *seen = &a->seen[t - lo];
	bool keep = isnan(new) || (!isnan(old) &&
	    keeps_old(a, o, n, l, t, &a->all[2 * (t - lo)]));

	if (!isnan(old))
		*seen |= OLD_HAS;
	if (!isnan(new))
		*seen |= NEW_HAS;
	if (!isnan(old) || !isnan(new))
		*seen |= keep ? OLD_TAKEN : NEW_TAKEN;
	return keep ? old : new;
}

static void
count_overlap(struct vmf_append_stats *st, const uint8_t *seen, int64_t n)
{
	for (int64_t t = 0; t < n; t++) {
		if ((~seen[t] & (OLD_HAS | NEW_HAS)) != 0)
			continue;
		st->overlaps++;
		st->kept += (seen[t] & NEW_TAKEN) == 0;
		st->replaced += (seen[t] & OLD_TAKEN) == 0;
	}
}

/* Room for n items more in a list column, to be filled; the row counts
 * then.  NULL: no memory. */
static float *
extend_list(struct vmf_col *c, int64_t n, struct vmf_err *e)
{
	int64_t used = c->off[c->n];

	if (vmf_grow(&c->d.f32, &c->d_cap, used + n, e) != 0 ||
	    vmf_grow(&c->off, &c->off_cap, c->n + 2, e) != 0)
		return NULL;
	c->off[++c->n] = (int32_t)(used + n);
	return c->d.f32 + used;
}

int
vmf_append_lists(struct vmf_append *a, const struct vmf_append_part *o,
    const struct vmf_append_part *new, int64_t first, int64_t n,
    struct vmf_err *e)
{
	int64_t lo = o->first > new->first ? o->first : new->first;
	int64_t hi = o->first + o->n < new->first + new->n ?
	    o->first + o->n : new->first + new->n;
	bool both = o->n > 0 && new->n > 0, overlap = both && lo < hi;
	struct vmf_col *c = &a->out.col[a->out.n_cols - a->n_lists];

	if (overlap) {
		if (vmf_grow(&a->seen, &a->seen_cap, hi - lo, e) != 0 ||
		    sum_counts(a, o, new, lo, hi, e) != 0)
			return VMF_ENOMEM;
		memset(a->seen, 0, (size_t)(hi - lo));
	}
	for (int l = 0; l < a->n_lists; l++, c++) {
		float *to = extend_list(c, n, e);

		if (to == NULL)
			return VMF_ENOMEM;
		if (both && hi < lo)
			fill_missing(to + hi - first, lo - hi);
		if (new->n > 0)
			copy_items(new->side, l, new->skip, new->n,
			    to + new->first - first);
		if (o->n > 0 && !overlap)
			copy_items(o->side, l, o->skip, o->n,
			    to + o->first - first);
		if (!overlap)
			continue;
		if (o->first < lo)
			copy_items(o->side, l, o->skip, lo - o->first,
			    to + o->first - first);
		if (o->first + o->n > hi)
			copy_items(o->side, l, o->skip + hi - o->first,
			    o->first + o->n - hi, to + hi - first);
		for (int64_t t = lo; t < hi; t++)
			to[t - first] = choose(a, o, new, l, t, lo);
	}
	if (overlap)
		count_overlap(&a->stats, a->seen, hi - lo);
	return 0;
}
