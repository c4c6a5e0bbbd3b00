/* SPDX-License-Identifier: MIT */
#include "series/append.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "series/append_in.h"
#include "series/attrs.h"

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
check_lists(const struct vmf_append_side *old,
    const struct vmf_append_side *new, struct vmf_err *e)
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
bind_side(struct vmf_append_side *s, const struct vmf_schema *schema,
    const char *name, int64_t step_s, struct vmf_err *e)
{
	s->schema = schema;
	s->name = name;
	s->id = vmf_schema_find(schema, "id");
	s->start = vmf_schema_find(schema, "start");
	return vmf_grid_read(&s->grid, schema, name, step_s, VMF_TIME_NONE,
	    e);
}

/* Column c of side s becomes attribute k of the output. */
static int
add_attr(struct vmf_append *a, struct vmf_append_side *s, int c,
    struct vmf_schema *out, struct vmf_err *e)
{
	const struct vmf_field *f = &s->schema->field[c];
	int k = vmf_schema_find(out, f->name);
	int rc;

	if (k < 0) {
		k = vmf_schema_add_field(out, f, e);
		if (k < 0)
			return k;
		vmf_field_retype(&out->field[k], f->type, false);
		a->n_attrs++;
	} else {
		enum vmf_type had = out->field[k].type;

		/* A column of the inventory that is empty is text, and
		 * does not say what it is. */
		if (f->type != VMF_UTF8 || a->opts.inv == NULL ||
		    vmf_schema_find(&a->opts.inv->schema, f->name) < 0 ||
		    vmf_inventory_tells(a->opts.inv, f->name))
			vmf_field_retype(&out->field[k],
			    vmf_attr_common(f->name, had, f->type), false);
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
	/* What it leaves empty is withdrawn, but for what is reckoned with. */
	a->in_inv[k - 1] = a->opts.inv != NULL &&
	    (vmf_attr_is_capacity(f->name) ?
	    vmf_inventory_tells(a->opts.inv, f->name) :
	    vmf_schema_find(&a->opts.inv->schema, f->name) >= 0);
	return rc;
}

static int
add_attrs(struct vmf_append *a, struct vmf_append_side *s,
    struct vmf_schema *out, struct vmf_err *e)
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
	vmf_field_retype(&out->field[k], VMF_LIST_FLOAT32, false);
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
room_for(struct vmf_append_side *s, int64_t n, struct vmf_err *e)
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
	int64_t step_s = 0;
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
	if (vmf_meta_get(&vmf_reader_schema(history)->meta,
	    "vmf:step") == NULL)
		step_s = opts->step_s;
	rc = vmf_series_open(&a->series, history, "series", step_s,
	    VMF_TIME_NONE, e);
	if (rc == 0)
		rc = bind_side(&a->old, vmf_reader_schema(history),
		    vmf_reader_name(history), step_s, e);
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

	rc = bind_side(&a->new, s, name, 0, e);
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
put_row(struct vmf_append *a, const struct vmf_append_side *old,
    const struct vmf_append_side *new, const struct vmf_sink *to,
    struct vmf_err *e)
{
	const struct vmf_append_side *any = new != NULL ? new : old;
	const struct vmf_append_side *first, *second;
	struct vmf_append_part o = { NULL, 0, 0, 0, false }, n = o;
	int64_t begin, end, steps, len;
	const char *id = vmf_col_str(&any->b->col[any->id], any->i, &len);
	struct vmf_col *c;
	bool named, bare;
	int rc = 0, k = 0;

	if (old != NULL)
		rc = vmf_append_part_of(a, old, &o, e);
	if (rc == 0 && new != NULL)
		rc = vmf_append_part_of(a, new, &n, e);
	if (rc != 0)
		return rc;
	bare = new == NULL || (a->opts.inner && !n.had_steps);
	a->stats.new_rows += !bare;
	/* A VM that the new piece lists without samples stays, as "empty",
	 * and so does one of the history where no span is given. */
	if (o.n == 0 && n.n == 0 && (a->opts.span_s > 0 ? bare ||
	    n.had_steps : a->opts.inner)) {
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
	/* The newer attributes are those of the part that ends later, also
	 * where it ended before all that is kept; a new piece that never had
	 * samples has them from an inventory of today, which counts whatever
	 * ends later. */
	named = new != NULL && a->opts.inv != NULL &&
	    vmf_dict_find(&a->opts.inv->vm, id, len) >= 0;
	first = new;
	second = old;
	if (o.n > 0 && (n.n > 0 ? o.first + o.n > n.first + n.n :
	    n.had_steps)) {
		first = old;
		second = new;
	}
	c = a->out.col;
	rc = vmf_col_put_str(c++, id, len, e);
	for (; rc == 0 && k < a->n_attrs; k++)
		rc = named && a->in_inv[k] ?
		    vmf_append_attr(a, c++, new, NULL, k, e) :
		    vmf_append_attr(a, c++, first, second, k, e);
	if (rc == 0)
		rc = vmf_col_put_str(c++, steps > 0 ? "ok" : "empty",
		    steps > 0 ? 2 : 5, e);
	if (rc == 0)
		rc = steps > 0 ? vmf_col_put_int(c, begin *
		    a->new.grid.step_s, e) : vmf_col_put_null(c, e);
	if (rc == 0)
		rc = vmf_append_lists(a, &o, &n, begin, steps, e);
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
	struct vmf_append_side *s = &a->new;

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
