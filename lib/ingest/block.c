/* SPDX-License-Identifier: MIT */
#include "ingest/block.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ingest/convert.h"
#include "ingest/numcol.h"

int
vmf_block_reserve(struct vmf_block *b, int64_t n, struct vmf_err *e)
{
	bool fresh = b->buf == NULL;
	int rc = vmf_grow(&b->buf, &b->cap, n + 2 * VMF_CELLS_PAD, e);

	if (rc == 0 && fresh)
		memset(b->buf, 0, VMF_CELLS_PAD);
	return rc;
}

void
vmf_block_free(struct vmf_block *b)
{
	free(b->buf);
	free(b->sep);
	free(b->marks.odd);
	free(b->row);
	free(b->odd);
	free(b->time);
	free(b->id);
	free(b->state);
	for (int64_t i = 0; i < b->n_col_room; i++)
		free(b->col[i]);
	free(b->col);
	free(b->col_cap);
	*b = (struct vmf_block){ 0 };
}

/* So many lines are parsed column by column before the next: their text
 * stays in the first-level cache. */
#define TILE 256

/* Bytes of one value of a column as a block keeps it. */
static int64_t
value_bytes(const struct vmf_bound *c)
{
	return c->type == VMF_FLOAT32 || c->type == VMF_UTF8 ? 4 : 8;
}

/* Columns for as many lines as there are. */
static int
room_for_columns(struct vmf_block *b)
{
	const struct vmf_bind *bd = b->plan.bind;
	int64_t n = b->marks.n_lines + 1, old = b->n_col_room, cap = old;
	int rc = vmf_grow(&b->odd, &b->odd_cap, n, NULL);

	b->n_cols = b->plan.wide ? bd->n_values : bd->n_cols;
	if (rc == 0)
		rc = vmf_grow(&b->row, &b->row_cap, n, NULL);
	if (rc == 0)
		rc = vmf_grow(&b->time, &b->time_cap, n, NULL);
	if (rc == 0)
		rc = vmf_grow(&b->id, &b->id_cap, n, NULL);
	if (rc == 0)
		rc = vmf_grow(&b->state, &b->state_cap, b->n_cols + 1, NULL);
	if (rc == 0 && b->n_cols > old) {
		cap = old;
		rc = vmf_grow(&b->col, &cap, b->n_cols, NULL);
		cap = old;
		if (rc == 0)
			rc = vmf_grow(&b->col_cap, &cap, b->n_cols, NULL);
		if (rc != 0)
			return rc;
		for (int64_t i = old; i < b->n_cols; i++) {
			b->col[i] = NULL;
			b->col_cap[i] = 0;
		}
		b->n_col_room = b->n_cols;
	}
	for (int64_t i = 0; rc == 0 && i < b->n_cols; i++)
		rc = vmf_grow_bytes(&b->col[i], &b->col_cap[i], n *
		    (b->plan.wide ? 4 : value_bytes(&bd->col[i])), 1, NULL);
	return rc;
}

/*
 * Which sep each line begins with.  When every line has as many fields as
 * there should be, that is a multiplication; else line by line.
 */
static void
find_lines(struct vmf_block *b)
{
	const struct vmf_marks *m = &b->marks;
	const char *text = b->cells.text;
	int64_t n_fields = b->plan.bind->n_fields, at = 0, odd = 0, r;
	bool even = m->n_odd == 0 && m->n_pos == m->n_lines * n_fields &&
	    (n_fields > 1 || b->plan.blank_rows) &&
	    b->n - b->base <= VMF_CSV_MAX_FIELD;

	for (r = 0; even && r < m->n_lines; r++)
		even = text[m->pos[(r + 1) * n_fields - 1]] == '\n';
	b->cells.n = m->n_lines;
	b->cells.row = b->row;
	b->cells.odd = b->odd;
	memset(b->odd, 0, (size_t)m->n_lines);
	if (even) {
		for (r = 0; r <= m->n_lines; r++)
			b->row[r] = (uint32_t)(r * n_fields);
		return;
	}
	for (r = 0; r < m->n_lines; r++) {
		int64_t from = at;

		b->row[r] = (uint32_t)at;
		while (text[m->pos[at]] != '\n')
			at++;
		at++;
		b->odd[r] = at - from != n_fields;
		for (int64_t i = from; i < at; i++)
			b->odd[r] |= m->pos[i] - (uint32_t)(m->pos[i - 1] +
			    1) > VMF_CSV_MAX_FIELD;
		while (odd < m->n_odd && m->odd[odd] < m->pos[at - 1]) {
			b->odd[r] = 1;
			odd++;
		}
		/* A line of blanks is no row. */
		if (n_fields == 1 && !b->plan.blank_rows && !b->odd[r]) {
			const char *s, *end;

			vmf_cell(&b->cells, r, 0, &s, &end);
			b->odd[r] = s == end;
		}
	}
	b->row[r] = (uint32_t)at;
}

/* Lines of comment are libcsv's reader's to pass over. */
static void
find_comments(struct vmf_block *b)
{
	size_t len = strlen(b->plan.comment);

	for (int64_t r = 0; r < b->cells.n; r++)
		if (memcmp(vmf_block_text(b) + vmf_block_line(b, r),
		    b->plan.comment, len) == 0)
			b->odd[r] = VMF_LINE_ODD;
}

/* A tile's field that more than one column is made from. */
struct shared {
	int64_t field;		/* -1: none yet */
	double v[TILE];
};

/* Numbers with a decimal comma, one by one, into single or, where that is
 * NULL, v. */
static void
by_comma(const struct vmf_cells *c, int64_t f, float *single, double *v)
{
	for (int64_t r = 0; r < c->n; r++) {
		struct vmf_field_text t;
		const char *end;
		bool ok;

		if (c->odd[r])
			continue;
		vmf_cell(c, r, f, &t.s, &end);
		t.len = end - t.s;
		if (single != NULL)
			ok = vmf_field_float(&t, true, &single[r]) == 0 &&
			    !isinf(single[r]);
		else
			ok = vmf_field_double(&t, true, &v[r]) == 0;
		if (!ok)
			c->odd[r] = VMF_LINE_ODD;
	}
}

static void
floats(const struct vmf_block *b, const struct vmf_cells *c, int64_t f,
    float *out)
{
	if (b->plan.bind->map->comma)
		by_comma(c, f, out, NULL);
	else
		vmf_numcol_floats(b->plan.simd, c, f, out);
}

static void
doubles(const struct vmf_block *b, const struct vmf_cells *c, int64_t f,
    double *out)
{
	if (b->plan.bind->map->comma)
		by_comma(c, f, NULL, out);
	else
		vmf_numcol_doubles(b->plan.simd, c, f, out);
}

/* A column that is computed as double: to for the values, or single for
 * those of a float32. */
static void
computed(struct vmf_block *b, const struct vmf_cells *c,
    const struct vmf_bound *bound, int64_t from, struct shared *sh,
    double *to, float *single)
{
	double v[TILE];
	const double *of = sh->v;

	if (from == sh->field)
		memcpy(v, sh->v, (size_t)c->n * sizeof(*v));
	else
		doubles(b, c, from, v);
	if (bound->percent_of >= 0 && bound->percent_of != sh->field) {
		sh->field = bound->percent_of;
		doubles(b, c, sh->field, sh->v);
	}
	for (int64_t r = 0; r < c->n; r++) {
		if (c->odd[r])
			continue;
		if (vmf_convert_value(bound, &v[r], bound->percent_of >= 0 ?
		    of[r] : NAN) != VMF_CONV_OK)
			c->odd[r] = 1;
		else if (single != NULL)
			single[r] = (float)v[r];
		else
			to[r] = v[r];
	}
}

/* Whether line r is of a metric that has a where. */
static bool
is_of(const struct vmf_cells *c, int64_t r, const struct vmf_bound *bound)
{
	const char *s, *end;

	vmf_cell(c, r, bound->where, &s, &end);
	return vmf_bound_is(bound, s, end - s);
}

/* The numbers of a column that not all lines of c are of. */
static void
some_numbers(struct vmf_block *b, const struct vmf_cells *c,
    const struct vmf_bound *bound, float *single)
{
	uint8_t none[TILE], odd[TILE];
	struct vmf_cells of = *c;
	struct shared sh = { .field = -1 };

	for (int64_t r = 0; r < c->n; r++)
		none[r] = odd[r] = c->odd[r] != 0 || !is_of(c, r, bound);
	of.odd = odd;
	if (vmf_bound_plain(bound))
		floats(b, &of, bound->from, single);
	else
		computed(b, &of, bound, bound->from, &sh, NULL, single);
	for (int64_t r = 0; r < c->n; r++)
		if (none[r])
			single[r] = NAN;
		else
			c->odd[r] |= odd[r];
}

/* Lines that are of no metric. */
static void
pass_lines(const struct vmf_cells *c, const struct vmf_bind *bd)
{
	const struct vmf_field_text *name = &bd->name[bd->col->where];

	for (int64_t r = 0; r < c->n; r++) {
		const char *s, *end;
		int64_t i = 0;

		if (c->odd[r])
			continue;
		while (i < bd->n_cols && !bd->col[i].attribute &&
		    !is_of(c, r, &bd->col[i]))
			i++;
		if (i < bd->n_cols && !bd->col[i].attribute)
			continue;
		/* It may be the header again. */
		vmf_cell(c, r, bd->col->where, &s, &end);
		c->odd[r] = end - s == name->len && memcmp(s, name->s,
		    (size_t)name->len) == 0 ? VMF_LINE_ODD : VMF_LINE_PASSED;
	}
}

/* A column's part of c, a tile that begins at line r; from its field. */
static void
parse_column(struct vmf_block *b, const struct vmf_cells *c, int64_t i,
    int64_t r, struct shared *sh)
{
	const struct vmf_bind *bd = b->plan.bind;
	const struct vmf_bound *bound = &bd->col[b->plan.wide ? 0 : i];
	int64_t from = b->plan.wide ? bd->value[i] : bound->from;
	float *single = (float *)b->col[i] + r;

	if (bound->type == VMF_UTF8)
		vmf_idtab_find(b->plan.tab[1 + i], b->plan.simd, c, from,
		    true, &b->state[1 + i], (int32_t *)b->col[i] + r);
	else if (bound->where >= 0)
		some_numbers(b, c, bound, single);
	else if (vmf_bound_plain(bound))
		floats(b, c, from, single);
	else if (bound->type == VMF_FLOAT32)
		computed(b, c, bound, from, sh, NULL, single);
	else
		computed(b, c, bound, from, sh, (double *)b->col[i] + r,
		    NULL);
}

static void
parse_columns(struct vmf_block *b)
{
	const struct vmf_bind *bd = b->plan.bind;
	struct shared sh;

	b->stamp = b->plan.stamp;
	for (int64_t i = 0; i <= (b->plan.wide ? 0 : b->n_cols); i++)
		b->state[i] = (struct vmf_id_state){ .prev = -1 };
	for (int64_t r = 0; r < b->cells.n; r += TILE) {
		struct vmf_cells c = b->cells;

		c.row += r;
		c.odd += r;
		c.n = c.n - r < TILE ? c.n - r : TILE;
		if (bd->some_rows)
			pass_lines(&c, bd);
		if (bd->time >= 0)
			vmf_numcol_times(b->plan.simd, &c, bd->time,
			    &b->stamp, b->plan.pattern, b->plan.detect,
			    b->time + r);
		if (bd->id >= 0)
			vmf_idtab_find(b->plan.tab[0], b->plan.simd, &c,
			    bd->id, false, &b->state[0], b->id + r);
		sh.field = -1;
		for (int64_t i = 0; i < b->n_cols; i++)
			parse_column(b, &c, i, r, &sh);
	}
}

void
vmf_block_parse(struct vmf_block *b, int64_t base)
{
	char *text = vmf_block_text(b);
	int64_t n = b->n - base;
	int rc;

	b->parsed = true;
	b->base = b->tail = base;
	b->cells.n = 0;
	if (n == 0)
		return;
	rc = vmf_grow(&b->sep, &b->sep_cap, n + 32, NULL);
	if (rc == 0)
		rc = vmf_grow(&b->marks.odd, &b->odd_pos_cap, n + 16, NULL);
	if (rc != 0)
		return;
	memset(text + b->n, 0, VMF_SCAN_PAD);
	b->sep[0] = (uint32_t)-1;
	b->marks.pos = b->sep + 1;
	vmf_scan(b->plan.simd, text + base, n, b->plan.delim, &b->marks);
	if (room_for_columns(b) != 0)
		return;
	b->cells.text = text + base;
	b->cells.sep = b->marks.pos;
	find_lines(b);
	if (b->plan.comment != NULL)
		find_comments(b);
	/* A byte order mark is libcsv's reader's to pass over. */
	if (b->first && base == 0 && b->cells.n > 0 &&
	    memcmp(text, "\xef\xbb\xbf", 3) == 0)
		b->odd[0] = 1;
	parse_columns(b);
	if (b->cells.n > 0)
		b->tail = base + 1 + (int64_t)b->cells.sep[
		    (int64_t)b->row[b->cells.n] - 1];
}
