/* SPDX-License-Identifier: MIT */
#include "series/append.h"

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
#include "series/attrs.h"
#include "series/series.h"

/* One of the two that are joined. */
struct side {
	const struct vmf_schema *schema;
	const char *name;
	int id, start;		/* columns */
	int *list, *attr;	/* by list (attribute) of the output: column,
				 * or -1 (attributes only) */
	struct vmf_grid grid;
	const struct vmf_batch *b;
	int64_t row;		/* of the stream: the batch's first */
	int64_t i;		/* the row in hand, of the batch */
};

/* The steps of a row that count: those of the span, from the first to the
 * last that has a value. */
struct part {
	const struct side *side;	/* NULL: no such row */
	int64_t first, n;	/* step (of the grid) and how many */
	int64_t skip;		/* items of its lists before the first */
	bool had_steps;		/* before the span was cut */
};

struct vmf_append {
	struct vmf_append_opts opts;
	struct vmf_append_stats stats;
	struct vmf_reader *reader;	/* of the history, or NULL */
	struct vmf_series series;
	bool more;			/* old.i is a row */
	struct side old, new;
	int n_attrs, n_lists;
	bool *above_0;			/* by attribute: struct vmf_attr */
	bool *in_inv;			/* by attribute: the inventory has it */
	int *count_of;			/* by list: that of its metric's counts,
					 * or -1; a list of counts has itself */
	int n_counts;
	int vms;			/* the list vms of hosts, or -1 */
	int64_t cut;			/* first step kept */
	struct vmf_batch out;
	uint8_t *seen;			/* by step of an overlap */
	double *all;			/* likewise: samples of all metrics,
					 * of the history and the new piece */
	int64_t seen_cap, all_cap;
};

/* Bits of seen: who has a value in a list, and whose was taken. */
enum { OLD_HAS = 1, NEW_HAS = 2, OLD_TAKEN = 4, NEW_TAKEN = 8 };

static const char *const own[] = { "id", "status", "start", NULL };

/* ---- what is joined with what ---- */

static bool
is_list(const struct vmf_field *f)
{
	return f->type == VMF_LIST_FLOAT32 || f->type == VMF_LIST_FLOAT64;
}

static bool
is_own(const char *name)
{
	for (int k = 0; own[k] != NULL; k++)
		if (strcmp(name, own[k]) == 0)
			return true;
	return false;
}

static bool
is_number(enum vmf_type t)
{
	return t == VMF_INT32 || t == VMF_INT64 || t == VMF_FLOAT32 ||
	    t == VMF_FLOAT64;
}

/* What holds the values of both: a wider number, or text. */
static enum vmf_type
common_type(enum vmf_type a, enum vmf_type b)
{
	if (a == b || b == VMF_NULL)
		return a;
	if (a == VMF_NULL)
		return b;
	if (!is_number(a) || !is_number(b))
		return VMF_UTF8;
	return (a == VMF_INT32 || a == VMF_INT64) &&
	    (b == VMF_INT32 || b == VMF_INT64) ? VMF_INT64 : VMF_FLOAT64;
}

/* The names of all lists, for messages. */
static void
list_names(const struct vmf_schema *s, char *to, size_t size)
{
	size_t n = 0;

	to[0] = '\0';
	for (int i = 0; i < s->n; i++)
		if (is_list(&s->field[i]) && n < size)
			n += (size_t)snprintf(to + n, size - n, "%s%.60s",
			    n > 0 ? ", " : "", s->field[i].name);
}

static int
check_lists(const struct side *old, const struct side *new,
    struct vmf_err *e)
{
	char found[256], expected[256];
	bool same = true;

	for (int way = 0; way < 2; way++) {
		const struct vmf_schema *s = way == 0 ? old->schema :
		    new->schema, *t = way == 0 ? new->schema : old->schema;

		for (int i = 0; i < s->n; i++) {
			int k = vmf_schema_find(t, s->field[i].name);

			if (is_list(&s->field[i]) &&
			    (k < 0 || !is_list(&t->field[k])))
				same = false;
		}
	}
	if (same)
		return 0;
	list_names(new->schema, found, sizeof(found));
	list_names(old->schema, expected, sizeof(expected));
	return vmf_fail(e, VMF_EDATA, "%s: found the lists %s, expected "
	    "those of %s: %s (--metric and --stat choose)", new->name,
	    found, old->name, expected);
}

/* A series: vmf_series_open has found its columns, or the aggregation has
 * made them. */
static int
bind_side(struct side *s, const struct vmf_schema *schema, const char *name,
    struct vmf_err *e)
{
	s->schema = schema;
	s->name = name;
	s->id = vmf_schema_find(schema, "id");
	s->start = vmf_schema_find(schema, "start");
	return vmf_grid_read(&s->grid, schema, name, 0, VMF_TIME_NONE, e);
}

/* Column c of side s becomes attribute k of the output. */
static int
add_attr(struct vmf_append *a, struct side *s, int c, struct vmf_schema *out,
    struct vmf_err *e)
{
	const struct vmf_field *f = &s->schema->field[c];
	int k = vmf_schema_find(out, f->name);
	int rc;

	if (k < 0) {
		k = vmf_schema_add_field(out, f, e);
		if (k < 0)
			return k;
		out->field[k].dict = false;
		a->n_attrs++;
	} else {
		enum vmf_type had = out->field[k].type;

		out->field[k].type = common_type(had, f->type);
		if (had != f->type && (had == VMF_BINARY ||
		    f->type == VMF_BINARY))
			return vmf_fail(e, VMF_EDATA, "%s: column '%s' is "
			    "%s, expected %s as in %s", s->name, f->name,
			    vmf_type_name(f->type), vmf_type_name(had),
			    a->old.name);
	}
	rc = vmf_meta_set(&out->field[k].meta, "role", "attribute", e);
	s->attr[k - 1] = c;	/* after id */
	a->above_0[k - 1] = vmf_attr_is_capacity(f->name);
	a->in_inv[k - 1] = a->opts.inv != NULL &&
	    vmf_schema_find(&a->opts.inv->schema, f->name) >= 0;
	return rc;
}

static int
add_attrs(struct vmf_append *a, struct side *s, struct vmf_schema *out,
    struct vmf_err *e)
{
	int rc = 0;

	for (int c = 0; rc == 0 && c < s->schema->n; c++)
		if (!is_list(&s->schema->field[c]) &&
		    !is_own(s->schema->field[c].name))
			rc = add_attr(a, s, c, out, e);
	return rc;
}

static int
add_list(struct vmf_append *a, const struct vmf_field *f,
    struct vmf_schema *out, struct vmf_err *e)
{
	int k = vmf_schema_add_field(out, f, e), other;
	const char *was = vmf_meta_get(&f->meta, "unit"), *is;

	if (k < 0)
		return k;
	out->field[k].type = VMF_LIST_FLOAT32;
	other = vmf_schema_find(a->new.schema, f->name);
	a->new.list[a->n_lists] = other;
	a->old.list[a->n_lists++] = a->reader == NULL ? -1 :
	    vmf_schema_find(a->old.schema, f->name);
	is = vmf_meta_get(&a->new.schema->field[other].meta, "unit");
	if (was != NULL && is != NULL && strcmp(was, is) != 0)
		return vmf_fail(e, VMF_EDATA, "%s: column '%s' is in %s, "
		    "expected %s as in %s", a->new.name, f->name, is, was,
		    a->old.name);
	return was != NULL || is == NULL ? 0 :
	    vmf_meta_set(&out->field[k].meta, "unit", is, e);
}

/* The grid of both together, less what falls out of the span. */
static int
join_grids(struct vmf_append *a, struct vmf_grid *g, struct vmf_err *e)
{
	const struct vmf_grid *o = &a->old.grid, *n = &a->new.grid;
	char was[32], is[32];
	int64_t back;

	*g = *n;
	if (a->reader != NULL && o->end != VMF_TIME_NONE) {
		if (n->end == VMF_TIME_NONE || o->end > n->end)
			g->end = o->end;
		if (o->start != VMF_TIME_NONE &&
		    (n->start == VMF_TIME_NONE || o->start < n->start))
			g->start = o->start;
	}
	a->cut = INT64_MIN / 2;
	if (a->opts.span_s == 0 || g->end == VMF_TIME_NONE)
		return 0;
	back = g->end - a->opts.span_s;
	/* Steps that begin in the span. */
	a->cut = -vmf_time_floor(-back, g->step_s) / g->step_s;
	if (a->reader != NULL && o->end != VMF_TIME_NONE &&
	    o->end <= a->cut * g->step_s) {
		vmf_time_format_utc(o->end, was);
		vmf_time_format_utc(g->end, is);
		return vmf_fail(e, VMF_EDATA, "%s: ends at %s, so that "
		    "nothing would be left of %s, which ends at %s: if a "
		    "clock was wrong, leave its samples out with --until; if "
		    "not, begin a new history with --create",
		    a->new.name, is, a->old.name, was);
	}
	if (g->start != VMF_TIME_NONE && g->start < a->cut * g->step_s)
		g->start = a->cut * g->step_s;
	return 0;
}

static int
room_for(struct side *s, int64_t n, struct vmf_err *e)
{
	s->list = vmf_calloc(n, sizeof(*s->list), e);
	s->attr = vmf_calloc(n, sizeof(*s->attr), e);
	if (s->list == NULL || s->attr == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++)
		s->list[i] = s->attr[i] = -1;
	return 0;
}

static int
room_by_column(struct vmf_append *a, int64_t n, struct vmf_err *e)
{
	a->above_0 = vmf_calloc(n, sizeof(*a->above_0), e);
	a->in_inv = vmf_calloc(n, sizeof(*a->in_inv), e);
	a->count_of = vmf_calloc(n, sizeof(*a->count_of), e);
	return a->above_0 == NULL || a->in_inv == NULL ||
	    a->count_of == NULL ? VMF_ENOMEM : 0;
}

/* Which list counts the samples of which: cpu_count those of cpu_mean and
 * cpu_p95.  The lists are the last columns. */
static void
find_counts(struct vmf_append *a, const struct vmf_schema *out)
{
	const struct vmf_field *f = out->field + out->n - a->n_lists;

	a->vms = -1;
	for (int l = 0; l < a->n_lists; l++) {
		const char *bar = strrchr(f[l].name, '_');
		size_t len = bar == NULL ? 0 : (size_t)(bar - f[l].name) + 1;

		a->count_of[l] = -1;
		for (int k = 0; len > 0 && k < a->n_lists; k++)
			if (strncmp(f[k].name, f[l].name, len) == 0 &&
			    strcmp(f[k].name + len, "count") == 0)
				a->count_of[l] = k;
		a->n_counts += a->count_of[l] == l;
		if (strcmp(f[l].name, "vms") == 0)
			a->vms = l;
	}
}

static int
make_schema(struct vmf_append *a, struct vmf_schema *out, struct vmf_err *e)
{
	const struct vmf_schema *base = a->reader != NULL ? a->old.schema :
	    a->new.schema;
	const char *history = vmf_meta_get(&a->new.schema->meta,
	    "vmf:history");
	struct vmf_grid grid;
	int rc;

	rc = join_grids(a, &grid, e);
	if (rc == 0)
		rc = vmf_schema_add(out, "id", VMF_UTF8, false, e);
	if (rc >= 0 && a->reader != NULL)
		rc = add_attrs(a, &a->old, out, e);
	if (rc >= 0)
		rc = add_attrs(a, &a->new, out, e);
	if (rc >= 0)
		rc = vmf_schema_add(out, "status", VMF_UTF8, false, e);
	if (rc >= 0)
		rc = vmf_schema_add(out, "start", VMF_TIME, false, e);
	for (int i = 0; rc >= 0 && i < base->n; i++)
		if (is_list(&base->field[i]))
			rc = add_list(a, &base->field[i], out, e);
	if (rc >= 0)
		rc = vmf_meta_set(&out->meta, "vmf:kind", "series", e);
	if (rc >= 0)
		rc = vmf_grid_write(&grid, out, e);
	if (rc >= 0 && history != NULL)
		rc = vmf_meta_set(&out->meta, "vmf:history", history, e);
	a->stats.start = grid.start;
	a->stats.end = grid.end;
	if (rc >= 0)
		find_counts(a, out);
	return rc < 0 ? rc : vmf_batch_init(&a->out, out, e);
}

/* ---- the history ---- */

static const struct vmf_batch no_rows;

static int
advance(struct vmf_append *a, struct vmf_err *e)
{
	int got;

	if (++a->old.i < a->old.b->n)
		return 0;
	got = vmf_series_next(&a->series, e);
	a->more = got > 0;
	/* A history without rows has no batch. */
	a->old.b = a->more ? a->series.b : &no_rows;
	a->old.row = a->series.row;
	a->old.i = 0;
	return got < 0 ? got : 0;
}

int
vmf_append_open(struct vmf_append **ap, struct vmf_reader *history,
    const struct vmf_append_opts *opts, struct vmf_err *e)
{
	struct vmf_append *a;
	int rc;

	a = vmf_calloc(1, sizeof(*a), e);
	if (a == NULL)
		return VMF_ENOMEM;
	*ap = a;
	a->opts = *opts;
	a->reader = history;
	a->stats.start = a->stats.end = VMF_TIME_NONE;
	if (history == NULL)
		return 0;
	rc = vmf_series_open(&a->series, history, "series", 0, VMF_TIME_NONE,
	    e);
	if (rc == 0)
		rc = bind_side(&a->old, vmf_reader_schema(history),
		    vmf_reader_name(history), e);
	a->old.b = &no_rows;
	return rc != 0 ? rc : advance(a, e);
}

int64_t
vmf_append_step(const struct vmf_append *a)
{
	return a->reader == NULL ? 0 : a->old.grid.step_s;
}

int64_t
vmf_append_bytes(const struct vmf_append *a)
{
	/* A batch of the history as it came and as the reader turned it, and
	 * one on its way out. */
	return 3 * VMF_SERIES_BATCH + (a->reader == NULL ? 0 :
	    2 * vmf_batch_bytes(a->old.b));
}

int
vmf_append_begin(struct vmf_append *a, const struct vmf_schema *s,
    const char *name, struct vmf_schema *out, struct vmf_err *e)
{
	int64_t n = s->n + (a->reader == NULL ? 0 : a->old.schema->n);
	char was[32], is[32];
	int rc;

	rc = bind_side(&a->new, s, name, e);
	if (rc == 0)
		rc = room_for(&a->old, n, e);
	if (rc == 0)
		rc = room_for(&a->new, n, e);
	if (rc == 0)
		rc = room_by_column(a, n, e);
	if (rc != 0)
		return rc;
	if (a->reader != NULL && a->old.grid.step_s != a->new.grid.step_s) {
		vmf_format_duration(a->old.grid.step_s, was);
		vmf_format_duration(a->new.grid.step_s, is);
		return vmf_fail(e, VMF_EDATA, "%s: found steps of %s, "
		    "expected %s as in %s", name, is, was, a->old.name);
	}
	if (a->reader != NULL)
		rc = check_lists(&a->old, &a->new, e);
	if (rc == 0 && a->opts.span_s > 0 &&
	    a->opts.span_s < a->new.grid.step_s) {
		vmf_format_duration(a->opts.span_s, was);
		vmf_format_duration(a->new.grid.step_s, is);
		return vmf_fail(e, VMF_EUSAGE, "--keep-span: found %s, "
		    "expected at least a step, %s", was, is);
	}
	return rc != 0 ? rc : make_schema(a, out, e);
}

/* ---- attributes ---- */

/* True where there is a value. */
static bool
has_value(const struct vmf_col *c, int64_t i, bool above_0)
{
	int64_t len;
	double v;

	switch (c->type) {
	case VMF_UTF8:
	case VMF_BINARY:
		(void)vmf_col_str(c, i, &len);
		return len > 0;
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

/* Attribute k: that of first, or of second where first has none. */
static int
put_attr(struct vmf_append *a, struct vmf_col *to, const struct side *first,
    const struct side *second, int k, struct vmf_err *e)
{
	const struct side *s[] = { first, second };

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
copy_items(const struct side *s, int l, int64_t from, int64_t n, float *to)
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
item(const struct side *s, int l, int64_t k)
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
step_missing(const struct vmf_append *a, const struct side *s, int64_t k)
{
	for (int l = 0; l < a->n_lists; l++)
		if (!isnan(item(s, l, k)))
			return false;
	return true;
}

/* No command reads an infinity; a list of 64 bits holds what one of 32 can. */
static int
check_items(const struct side *s, int l, struct vmf_err *e)
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

/* What counts of the row in hand. */
static int
part_of(struct vmf_append *a, const struct side *s, struct part *p,
    struct vmf_err *e)
{
	const struct vmf_col *start = &s->b->col[s->start];
	int64_t n = 0, skip = 0;
	int rc;

	*p = (struct part){ .side = s };
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
count_at(const struct side *s, int l, int64_t k)
{
	double n = (double)item(s, l, k);

	return n > 0.0 ? n : 0.0;
}

/* The samples of all metrics at the steps that both have, lo to hi - 1. */
static int
sum_counts(struct vmf_append *a, const struct part *o, const struct part *n,
    int64_t lo, int64_t hi, struct vmf_err *e)
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
samples(const struct vmf_append *a, const struct side *s, int l, int64_t k,
    double all)
{
	double vms = a->vms < 0 ? 1.0 : count_at(s, a->vms, k);

	if (a->count_of[l] >= 0)
		return vms * count_at(s, a->count_of[l], k);
	return a->n_counts == 0 && a->vms >= 0 ? vms : vms * all;
}

static bool
keeps_old(const struct vmf_append *a, const struct part *o,
    const struct part *n, int l, int64_t t, const double *all)
{
	if (a->opts.prefer != VMF_PREFER_FULLER)
		return a->opts.prefer == VMF_PREFER_OLD;
	return samples(a, o->side, l, o->skip + t - o->first, all[0]) >
	    samples(a, n->side, l, n->skip + t - n->first, all[1]);
}

/* The value of list l at step t, which both have from lo on; NaN where
 * neither has. */
static float
choose(struct vmf_append *a, const struct part *o, const struct part *n,
    int l, int64_t t, int64_t lo)
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

/*
 * The lists of a row, n steps from first on: of the history o and of the new
 * piece, either of which may have no steps, and NaN where neither has a
 * value.
 */
static int
put_lists(struct vmf_append *a, const struct part *o, const struct part *new,
    int64_t first, int64_t n, struct vmf_err *e)
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

/* ---- rows ---- */

static int
too_long(const struct vmf_append *a, const char *id, int64_t len,
    int64_t first, int64_t n, struct vmf_err *e)
{
	char from[32], to[32];

	vmf_time_format_utc(first * a->new.grid.step_s, from);
	vmf_time_format_utc((first + n - 1) * a->new.grid.step_s, to);
	return vmf_fail(e, VMF_EDATA, "%s: found steps of '%.*s' from %s to "
	    "%s, expected a row that --memory and --max-batch can hold; use "
	    "a shorter --keep-span", a->new.name, (int)(len < 200 ? len :
	    200), id, from, to);
}

static int
flush(struct vmf_append *a, const struct vmf_sink *to, struct vmf_err *e)
{
	int rc = to->put(to->arg, &a->out, e);

	vmf_batch_clear(&a->out);
	return rc;
}

/* The row of the history, of the new piece, or both (NULL: not this one). */
static int
put_row(struct vmf_append *a, const struct side *old, const struct side *new,
    const struct vmf_sink *to, struct vmf_err *e)
{
	const struct side *any = new != NULL ? new : old, *first, *second;
	struct part o = { NULL, 0, 0, 0, false }, n = o;
	int64_t begin, end, steps, len;
	const char *id = vmf_col_str(&any->b->col[any->id], any->i, &len);
	struct vmf_col *c;
	bool named, bare;
	int rc = 0, k = 0;

	if (old != NULL)
		rc = part_of(a, old, &o, e);
	if (rc == 0 && new != NULL)
		rc = part_of(a, new, &n, e);
	if (rc != 0)
		return rc;
	bare = new == NULL || (a->opts.inner && !n.had_steps);
	a->stats.new_rows += !bare;
	/* A VM that the new piece lists without samples stays, as "empty". */
	if (o.n == 0 && n.n == 0 && (bare || n.had_steps)) {
		a->stats.dropped += old != NULL || n.had_steps;
		return 0;
	}
	a->stats.appeared += old == NULL;
	a->stats.vanished += bare;
	begin = n.n == 0 || (o.n > 0 && o.first < n.first) ? o.first :
	    n.first;
	end = n.n == 0 || (o.n > 0 && o.first + o.n > n.first + n.n) ?
	    o.first + o.n : n.first + n.n;
	steps = end - begin;
	if (steps > a->opts.most_bytes / 4 / (a->n_lists + 1))
		return too_long(a, id, len, begin, steps, e);
	if (a->out.n > 0 && vmf_batch_bytes(&a->out) +
	    steps * a->n_lists * 4 > VMF_SERIES_BATCH) {
		rc = flush(a, to, e);
		if (rc != 0)
			return rc;
	}
	/* The newer attributes are those of the part that ends later; a new
	 * piece without samples has them from an inventory of today, which
	 * counts whatever ends later. */
	named = new != NULL && a->opts.inv != NULL &&
	    vmf_dict_find(&a->opts.inv->vm, id, len) >= 0;
	first = new;
	second = old;
	if (o.n > 0 && n.n > 0 && o.first + o.n > n.first + n.n) {
		first = old;
		second = new;
	}
	c = a->out.col;
	rc = vmf_col_put_str(c++, id, len, e);
	for (; rc == 0 && k < a->n_attrs; k++)
		rc = named && a->in_inv[k] ?
		    put_attr(a, c++, new, NULL, k, e) :
		    put_attr(a, c++, first, second, k, e);
	if (rc == 0)
		rc = vmf_col_put_str(c++, steps > 0 ? "ok" : "empty",
		    steps > 0 ? 2 : 5, e);
	if (rc == 0)
		rc = steps > 0 ? vmf_col_put_int(c, begin *
		    a->new.grid.step_s, e) : vmf_col_put_null(c, e);
	if (rc == 0)
		rc = put_lists(a, &o, &n, begin, steps, e);
	if (rc != 0)
		return rc;
	vmf_batch_row(&a->out);
	a->stats.rows_out++;
	return 0;
}

/* Rows of the history that come before the id (NULL: all); *same: the next
 * one is its own. */
static int
catch_up(struct vmf_append *a, const char *id, int64_t len, bool *same,
    const struct vmf_sink *to, struct vmf_err *e)
{
	int rc = 0;

	*same = false;
	while (rc == 0 && a->more) {
		int64_t old_len;
		const char *old = vmf_col_str(&a->old.b->col[a->old.id],
		    a->old.i, &old_len);
		int cmp = id == NULL ? -1 :
		    vmf_id_cmp(old, old_len, id, len);

		if (cmp >= 0) {
			*same = cmp == 0;
			return 0;
		}
		a->stats.old_rows++;
		rc = put_row(a, &a->old, NULL, to, e);
		if (rc == 0)
			rc = advance(a, e);
	}
	return rc;
}

int
vmf_append_add(struct vmf_append *a, const struct vmf_batch *b,
    int64_t first_row, const struct vmf_sink *to, struct vmf_err *e)
{
	struct side *s = &a->new;

	s->b = b;
	s->row = first_row;
	for (s->i = 0; s->i < b->n; s->i++) {
		int64_t len;
		const char *id = vmf_col_str(&b->col[s->id], s->i, &len);
		bool same;
		int rc;

		assert(id != NULL);
		rc = catch_up(a, id, len, &same, to, e);
		if (rc == 0)
			rc = put_row(a, same ? &a->old : NULL, s, to, e);
		if (rc == 0 && same) {
			a->stats.old_rows++;
			rc = advance(a, e);
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
vmf_append_finish(struct vmf_append *a, const struct vmf_sink *to,
    struct vmf_err *e)
{
	bool same;
	int rc = catch_up(a, NULL, 0, &same, to, e);

	return rc != 0 ? rc : flush(a, to, e);
}

const struct vmf_append_stats *
vmf_append_stats(const struct vmf_append *a)
{
	return &a->stats;
}

void
vmf_append_free(struct vmf_append *a)
{
	if (a == NULL)
		return;
	vmf_series_free(&a->series);
	free(a->old.list);
	free(a->old.attr);
	free(a->new.list);
	free(a->new.attr);
	free(a->above_0);
	free(a->in_inv);
	free(a->count_of);
	vmf_batch_free(&a->out);
	free(a->seen);
	free(a->all);
	free(a);
}
