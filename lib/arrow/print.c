/* SPDX-License-Identifier: MIT */
#include "arrow/print.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

/* Rows that a table looks at before it settles how wide its columns are. */
#define TABLE_ROWS 1000
#define TEXT_MAX 48		/* code points of text in a table's cell */

struct vmf_printer {
	struct vmf_out *out;
	const struct vmf_schema *schema;
	struct vmf_print_options opt;
	int *pick;		/* columns printed, in order */
	int n_pick;
	int id, start;		/* column, or -1 */
	int64_t lines;
	int64_t rows;		/* of the batches before this one */
	char *id_text;		/* of the row, NUL-terminated, for the glob */
	int64_t id_cap;
	/* the table's cells held back */
	struct vmf_buf text;
	int64_t *cell;		/* where each cell begins in text */
	int64_t n_cells, cell_cap;
	int *width;
	bool settled;
	struct vmf_buf line;
};

/* ---- cells ---- */

static int
put_base64(struct vmf_buf *b, const uint8_t *p, int64_t n, struct vmf_err *e)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char four[4];
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		for (int k = 0; k < 4; k++)
			four[k] = digit[v >> (18 - 6 * k) & 63];
		if (i + 2 >= n)
			four[3] = '=';
		if (i + 1 >= n)
			four[2] = '=';
		rc = vmf_buf_put(b, four, 4, e);
	}
	return rc;
}

static int
put_json_text(struct vmf_buf *b, const char *s, int64_t n, struct vmf_err *e)
{
	int rc = vmf_buf_put(b, "\"", 1, e);

	for (int64_t i = 0; rc == 0 && i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			rc = vmf_buf_printf(b, e, "\\%c", c);
		else if (c == '\n')
			rc = vmf_buf_put(b, "\\n", 2, e);
		else if (c == '\t')
			rc = vmf_buf_put(b, "\\t", 2, e);
		else if (c < 0x20 || c == 0x7f)
			rc = vmf_buf_printf(b, e, "\\u%04x", c);
		else
			rc = vmf_buf_put(b, s + i, 1, e);
	}
	return rc != 0 ? rc : vmf_buf_put(b, "\"", 1, e);
}

/* RFC 4180: quoted when it has to be.  An empty text is quoted so that it
 * differs from a missing one. */
static int
put_csv_text(struct vmf_buf *b, const char *s, int64_t n, struct vmf_err *e)
{
	bool quote = n == 0;
	int rc;

	for (int64_t i = 0; i < n; i++)
		quote |= s[i] == ',' || s[i] == '"' || s[i] == '\n' ||
		    s[i] == '\r';
	if (!quote)
		return vmf_buf_put(b, s, n, e);
	rc = vmf_buf_put(b, "\"", 1, e);
	for (int64_t i = 0; rc == 0 && i < n; i++)
		rc = vmf_buf_put(b, s[i] == '"' ? "\"\"" : s + i,
		    s[i] == '"' ? 2 : 1, e);
	return rc != 0 ? rc : vmf_buf_put(b, "\"", 1, e);
}

/* A terminal is not sent control characters (C0, nor C1 as U+0080 to
 * U+009F), nor lines that never end. */
static int
put_safe_text(struct vmf_buf *b, const char *s, int64_t n, int64_t max,
    struct vmf_err *e)
{
	int64_t points = 0;
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c & 0xc0) != 0x80 && ++points > max)
			return vmf_buf_put(b, "..", 2, e);
		if (c == 0xc2 && i + 1 < n &&
		    ((unsigned char)s[i + 1] & 0xe0) == 0x80) {
			rc = vmf_buf_put(b, "?", 1, e);
			i++;
			continue;
		}
		rc = vmf_buf_put(b, c < 0x20 || c == 0x7f ? "?" : s + i, 1, e);
	}
	return rc;
}

static int
put_table_text(struct vmf_buf *b, const char *s, int64_t n, struct vmf_err *e)
{
	return put_safe_text(b, s, n, TEXT_MAX, e);
}

static int
put_missing(struct vmf_buf *b, enum vmf_print_format fmt, struct vmf_err *e)
{
	return fmt == VMF_PRINT_JSON ? vmf_buf_put(b, "null", 4, e) :
	    fmt == VMF_PRINT_TABLE ? vmf_buf_put(b, "-", 1, e) : 0;
}

static int
put_number(struct vmf_buf *b, double v, bool f32, enum vmf_print_format fmt,
    struct vmf_err *e)
{
	char text[32];
	int n;

	if (isnan(v))
		return put_missing(b, fmt, e);
	if (isinf(v) && fmt == VMF_PRINT_JSON)
		return vmf_buf_printf(b, e, "\"%sinf\"", v < 0 ? "-" : "");
	if (fmt == VMF_PRINT_TABLE)
		return vmf_buf_printf(b, e, "%.*g",
		    fabs(v) >= 1e4 && fabs(v) < 1e9 ? 9 : 5, v);
	n = f32 ? vmf_format_float((float)v, text) :
	    vmf_format_double(v, text);
	return vmf_buf_put(b, text, n, e);
}

static double
item(const struct vmf_col *c, int64_t k)
{
	return c->type == VMF_LIST_FLOAT32 ? (double)c->d.f32[k] :
	    c->d.f64[k];
}

/* JSON and CSV have all items; a table the first, the last and how many. */
static int
put_list(struct vmf_buf *b, const struct vmf_col *c, int64_t i,
    enum vmf_print_format fmt, struct vmf_err *e)
{
	int64_t at = c->off[i], n = c->off[i + 1] - at;
	bool f32 = c->type == VMF_LIST_FLOAT32;
	int rc = vmf_buf_put(b, "[", 1, e);

	for (int64_t k = 0; rc == 0 && k < n; k++) {
		if (fmt == VMF_PRINT_TABLE && n > 4 && k == 2) {
			rc = vmf_buf_put(b, " ..", 3, e);
			k = n - 1;
		}
		if (rc == 0 && k > 0)
			rc = vmf_buf_put(b, fmt == VMF_PRINT_TABLE ? " " :
			    ",", 1, e);
		if (rc != 0)
			break;
		if (isnan(item(c, at + k)))
			rc = vmf_buf_put(b, fmt == VMF_PRINT_TABLE ? "-" :
			    "null", fmt == VMF_PRINT_TABLE ? 1 : 4, e);
		else
			rc = put_number(b, item(c, at + k), f32, fmt, e);
	}
	if (rc == 0)
		rc = vmf_buf_put(b, "]", 1, e);
	if (rc == 0 && fmt == VMF_PRINT_TABLE && n > 4)
		rc = vmf_buf_printf(b, e, " x%lld", (long long)n);
	return rc;
}

static int
put_text(struct vmf_buf *b, const char *s, int64_t n,
    enum vmf_print_format fmt, struct vmf_err *e)
{
	return fmt == VMF_PRINT_JSON ? put_json_text(b, s, n, e) :
	    fmt == VMF_PRINT_CSV ? put_csv_text(b, s, n, e) :
	    put_table_text(b, s, n, e);
}

static int
put_time(struct vmf_buf *b, int64_t t, enum vmf_print_format fmt,
    struct vmf_err *e)
{
	char text[32];
	int n = vmf_time_format_wall(t, text);

	if (fmt == VMF_PRINT_JSON)
		return vmf_buf_printf(b, e, "\"%s\"", text);
	return vmf_buf_put(b, text, n, e);
}

static int
put_cell(struct vmf_buf *b, const struct vmf_col *c, int64_t i,
    enum vmf_print_format fmt, struct vmf_err *e)
{
	struct vmf_buf quoted = { 0 };
	const char *s;
	int64_t n;
	int rc;

	if (!vmf_col_valid(c, i))
		return put_missing(b, fmt, e);
	switch (c->type) {
	case VMF_NULL:
		return 0;
	case VMF_BOOL:
		return vmf_buf_printf(b, e, "%s",
		    c->d.b8[i] ? "true" : "false");
	case VMF_INT32:
		return vmf_buf_printf(b, e, "%d", (int)c->d.i32[i]);
	case VMF_INT64:
		return vmf_buf_printf(b, e, "%lld", (long long)c->d.i64[i]);
	case VMF_FLOAT32:
		return put_number(b, (double)c->d.f32[i], true, fmt, e);
	case VMF_FLOAT64:
		return put_number(b, c->d.f64[i], false, fmt, e);
	case VMF_TIME:
		return put_time(b, c->d.i64[i], fmt, e);
	case VMF_UTF8:
		s = vmf_col_str(c, i, &n);
		return put_text(b, s, n, fmt, e);
	case VMF_BINARY:
		s = vmf_col_str(c, i, &n);
		if (fmt == VMF_PRINT_TABLE)
			return vmf_buf_printf(b, e, "<%lld bytes>",
			    (long long)n);
		rc = fmt == VMF_PRINT_JSON ? vmf_buf_put(b, "\"", 1, e) : 0;
		if (rc == 0)
			rc = put_base64(b, (const uint8_t *)s, n, e);
		if (rc == 0 && fmt == VMF_PRINT_JSON)
			rc = vmf_buf_put(b, "\"", 1, e);
		return rc;
	case VMF_LIST_FLOAT32:
	case VMF_LIST_FLOAT64:
		if (fmt != VMF_PRINT_CSV)
			return put_list(b, c, i, fmt, e);
		rc = put_list(&quoted, c, i, fmt, e);
		if (rc == 0)
			rc = put_csv_text(b, (char *)quoted.p, quoted.n, e);
		vmf_buf_free(&quoted);
		return rc;
	}
	return 0;
}

/* ---- columns ---- */

static bool
is_list(const struct vmf_field *f)
{
	return f->type == VMF_LIST_FLOAT32 || f->type == VMF_LIST_FLOAT64;
}

static bool
is_number(const struct vmf_field *f)
{
	return f->type == VMF_INT32 || f->type == VMF_INT64 ||
	    f->type == VMF_FLOAT32 || f->type == VMF_FLOAT64;
}

static int
unknown_column(const struct vmf_schema *s, const char *name, int len,
    struct vmf_err *e)
{
	struct vmf_buf list = { 0 };
	int rc = 0;

	for (int i = 0; rc == 0 && i < s->n && list.n < 600; i++)
		rc = vmf_buf_printf(&list, e, "%s%s", i > 0 ? ", " : "",
		    s->field[i].name);
	if (rc == 0)
		rc = vmf_fail(e, VMF_EDATA, "no column '%.*s'; there are "
		    "%.*s", len, name, (int)list.n, (char *)list.p);
	vmf_buf_free(&list);
	return rc;
}

static int
pick_columns(struct vmf_printer *p, struct vmf_err *e)
{
	const struct vmf_schema *s = p->schema;
	const char *c = p->opt.columns;
	int64_t n = s->n + 1;
	int col;

	for (const char *t = c; t != NULL && *t != '\0'; t++)
		n += *t == ',';
	p->pick = vmf_calloc(n, sizeof(*p->pick), e);
	p->width = vmf_calloc(n, sizeof(*p->width), e);
	if (p->pick == NULL || p->width == NULL)
		return VMF_ENOMEM;
	if (c != NULL && *c == '\0')
		return vmf_fail(e, VMF_EUSAGE, "--columns: found '', "
		    "expected names of columns");
	if (c == NULL) {
		for (col = 0; col < s->n; col++)
			if (!p->opt.by_step || is_list(&s->field[col]))
				p->pick[p->n_pick++] = col;
		return 0;
	}
	while (*c != '\0') {
		size_t len = strcspn(c, ",");

		for (col = 0; col < s->n; col++)
			if (strlen(s->field[col].name) == len &&
			    strncmp(s->field[col].name, c, len) == 0)
				break;
		/* By step these two come first in any case. */
		if (p->opt.by_step && len == 4 && strncmp(c, "time", 4) == 0)
			col = p->id;
		if (col == s->n)
			return unknown_column(s, c, (int)len, e);
		if (!p->opt.by_step || is_list(&s->field[col]))
			p->pick[p->n_pick++] = col;
		c += len + (c[len] == ',');
	}
	if (p->opt.by_step && p->n_pick == 0)
		return vmf_fail(e, VMF_EDATA, "--long shows the steps of "
		    "lists, and none of --columns %.200s is one",
		    p->opt.columns);
	return 0;
}

static const char *
pick_name(const struct vmf_printer *p, int k)
{
	if (p->opt.by_step)
		return k == 0 ? p->schema->field[p->id].name :
		    k == 1 ? "time" : p->schema->field[p->pick[k - 2]].name;
	return p->schema->field[p->pick[k]].name;
}

static int
n_cells(const struct vmf_printer *p)
{
	return p->n_pick + (p->opt.by_step ? 2 : 0);
}

/* ---- lines ---- */

/* Before cell k of a line. */
static int
begin_cell(struct vmf_printer *p, int k, struct vmf_err *e)
{
	int rc;

	switch (p->opt.format) {
	case VMF_PRINT_TABLE:
		rc = vmf_grow(&p->cell, &p->cell_cap, p->n_cells + 2, e);
		if (rc == 0)
			p->cell[p->n_cells++] = p->text.n;
		return rc;
	case VMF_PRINT_CSV:
		return k > 0 ? vmf_buf_put(&p->line, ",", 1, e) : 0;
	default:
		rc = vmf_buf_put(&p->line, k > 0 ? "," : "{", 1, e);
		if (rc == 0)
			rc = put_json_text(&p->line, pick_name(p, k),
			    (int64_t)strlen(pick_name(p, k)), e);
		return rc != 0 ? rc : vmf_buf_put(&p->line, ":", 1, e);
	}
}

static struct vmf_buf *
cell_buf(struct vmf_printer *p)
{
	return p->opt.format == VMF_PRINT_TABLE ? &p->text : &p->line;
}

static int
points(const char *s, int64_t n)
{
	int count = 0;

	for (int64_t i = 0; i < n; i++)
		count += (s[i] & 0xc0) != 0x80;
	return count;
}

/* Print the cells held back, once their widths are known. */
static int
flush_table(struct vmf_printer *p, struct vmf_err *e)
{
	int cols = n_cells(p), rc = 0;
	int64_t rows = cols == 0 ? 0 : p->n_cells / cols;

	if (p->n_cells > 0)
		p->cell[p->n_cells] = p->text.n;
	for (int64_t i = 0; !p->settled && i < p->n_cells; i++) {
		int w = points((char *)p->text.p + p->cell[i],
		    p->cell[i + 1] - p->cell[i]);

		if (w > p->width[i % cols])
			p->width[i % cols] = w;
	}
	p->settled = true;
	for (int64_t r = 0; rc == 0 && r < rows; r++) {
		p->line.n = 0;
		for (int k = 0; rc == 0 && k < cols; k++) {
			int64_t i = r * cols + k, n;
			const char *s = (char *)p->text.p + p->cell[i];
			bool right = !p->opt.by_step ?
			    is_number(&p->schema->field[p->pick[k]]) : k > 1;
			int pad;

			n = p->cell[i + 1] - p->cell[i];
			pad = p->width[k] - points(s, n);
			if (pad < 0 || (!right && k == cols - 1))
				pad = 0;
			rc = vmf_buf_printf(&p->line, e, "%*s%.*s%*s%s",
			    right ? pad : 0, "", (int)n, s,
			    right ? 0 : pad, "", k < cols - 1 ? "  " : "\n");
		}
		if (rc == 0)
			rc = vmf_out_write(p->out, p->line.p, p->line.n, e);
	}
	p->n_cells = 0;
	p->text.n = 0;
	return rc;
}

/* Finish a line.  1 when it was the last that was asked for. */
static int
end_line(struct vmf_printer *p, struct vmf_err *e)
{
	int rc = 0;

	if (p->opt.format == VMF_PRINT_TABLE) {
		if (p->n_cells >= TABLE_ROWS * (int64_t)n_cells(p))
			rc = flush_table(p, e);
	} else {
		if (p->opt.format == VMF_PRINT_JSON)
			rc = vmf_buf_printf(&p->line, e, n_cells(p) == 0 ?
			    "{}" : "}");
		if (rc == 0)
			rc = vmf_buf_put(&p->line, "\n", 1, e);
		if (rc == 0)
			rc = vmf_out_write(p->out, p->line.p, p->line.n, e);
		p->line.n = 0;
	}
	p->lines++;
	return rc != 0 ? rc : p->lines == p->opt.limit;
}

static int
print_header(struct vmf_printer *p, struct vmf_err *e)
{
	int rc = 0;

	if (p->opt.format == VMF_PRINT_JSON || p->opt.no_header)
		return 0;
	for (int k = 0; rc == 0 && k < n_cells(p); k++) {
		const char *name = pick_name(p, k);

		rc = begin_cell(p, k, e);
		if (rc == 0)
			rc = put_text(cell_buf(p), name,
			    (int64_t)strlen(name), p->opt.format, e);
	}
	if (rc == 0 && p->opt.format == VMF_PRINT_CSV) {
		rc = vmf_buf_put(&p->line, "\n", 1, e);
		if (rc == 0)
			rc = vmf_out_write(p->out, p->line.p, p->line.n, e);
		p->line.n = 0;
	}
	return rc;
}

static int
print_row(struct vmf_printer *p, const struct vmf_batch *b, int64_t i,
    struct vmf_err *e)
{
	int rc = 0;

	for (int k = 0; rc == 0 && k < p->n_pick; k++) {
		rc = begin_cell(p, k, e);
		if (rc == 0)
			rc = put_cell(cell_buf(p), &b->col[p->pick[k]], i,
			    p->opt.format, e);
	}
	return rc != 0 ? rc : end_line(p, e);
}

/* One line for each step of row i at which any list has a value. */
static int
print_steps(struct vmf_printer *p, const struct vmf_batch *b, int64_t i,
    struct vmf_err *e)
{
	const struct vmf_col *start = &b->col[p->start];
	int64_t steps = 0, n;
	int rc = 0;

	if (!vmf_col_valid(start, i))
		return 0;
	for (int k = 0; k < p->n_pick; k++) {
		const struct vmf_col *c = &b->col[p->pick[k]];

		n = vmf_col_valid(c, i) ? c->off[i + 1] - c->off[i] : 0;
		if (n > steps)
			steps = n;
	}
	for (int64_t t = 0; rc == 0 && t < steps; t++) {
		bool any = false;
		int64_t when;

		for (int k = 0; k < p->n_pick; k++) {
			const struct vmf_col *c = &b->col[p->pick[k]];

			n = vmf_col_valid(c, i) ? c->off[i + 1] - c->off[i] :
			    0;
			any |= t < n && !isnan(item(c, c->off[i] + t));
		}
		if (!any)
			continue;
		if (__builtin_mul_overflow(t, p->opt.step_s, &when) ||
		    __builtin_add_overflow(when, start->d.i64[i], &when))
			return vmf_fail(e, VMF_EDATA, "row %lld: its steps "
			    "leave the range of time",
			    (long long)(p->rows + i));
		rc = begin_cell(p, 0, e);
		if (rc == 0)
			rc = put_cell(cell_buf(p), &b->col[p->id], i,
			    p->opt.format, e);
		if (rc == 0)
			rc = begin_cell(p, 1, e);
		if (rc == 0)
			rc = put_time(cell_buf(p), when, p->opt.format, e);
		for (int k = 0; rc == 0 && k < p->n_pick; k++) {
			const struct vmf_col *c = &b->col[p->pick[k]];

			n = vmf_col_valid(c, i) ? c->off[i + 1] - c->off[i] :
			    0;
			rc = begin_cell(p, k + 2, e);
			if (rc == 0)
				rc = put_number(cell_buf(p), t < n ?
				    item(c, c->off[i] + t) : NAN,
				    c->type == VMF_LIST_FLOAT32,
				    p->opt.format, e);
		}
		if (rc == 0)
			rc = end_line(p, e);
	}
	return rc;
}

/* ---- public ---- */

int
vmf_printer_open(struct vmf_printer **out, struct vmf_out *o,
    const struct vmf_schema *s, const struct vmf_print_options *opt,
    struct vmf_err *e)
{
	struct vmf_printer *p = vmf_calloc(1, sizeof(*p), e);
	bool lists = false;
	int rc;

	*out = NULL;
	if (p == NULL)
		return VMF_ENOMEM;
	p->out = o;
	p->schema = s;
	p->opt = *opt;
	p->id = vmf_schema_find(s, "id");
	if (p->id < 0)
		p->id = vmf_schema_find(s, "vm");
	p->start = vmf_schema_find(s, "start");
	for (int i = 0; i < s->n; i++)
		lists |= is_list(&s->field[i]);
	if (opt->by_step && (p->id < 0 || !lists || p->start < 0 ||
	    s->field[p->start].type != VMF_TIME))
		rc = vmf_fail(e, VMF_EDATA, "--long needs the columns id, "
		    "start and a list, as series and forecasts have");
	else if (opt->glob != NULL && (p->id < 0 ||
	    s->field[p->id].type != VMF_UTF8))
		rc = vmf_fail(e, VMF_EDATA, "--id needs a text column "
		    "called id or vm");
	else
		rc = pick_columns(p, e);
	if (rc == 0)
		rc = print_header(p, e);
	if (rc != 0) {
		vmf_printer_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

/* 1 when row i's id matches the glob. */
static int
id_matches(struct vmf_printer *p, const struct vmf_batch *b, int64_t i,
    struct vmf_err *e)
{
	int64_t n;
	const char *s;

	if (p->opt.glob == NULL)
		return 1;
	s = vmf_col_str(&b->col[p->id], i, &n);
	if (s == NULL)
		return 0;
	if (vmf_grow(&p->id_text, &p->id_cap, n + 1, e) != 0)
		return VMF_ENOMEM;
	memcpy(p->id_text, s, (size_t)n);
	p->id_text[n] = '\0';
	return fnmatch(p->opt.glob, p->id_text, 0) == 0;
}

int
vmf_printer_put(struct vmf_printer *p, const struct vmf_batch *b,
    struct vmf_err *e)
{
	int rc = p->opt.limit == 0;

	for (int64_t i = 0; rc == 0 && i < b->n; i++) {
		rc = id_matches(p, b, i, e);
		if (rc <= 0)
			continue;
		rc = p->opt.by_step ? print_steps(p, b, i, e) :
		    print_row(p, b, i, e);
	}
	p->rows += b->n;
	return rc;
}

int
vmf_printer_finish(struct vmf_printer *p, struct vmf_err *e)
{
	return p->opt.format == VMF_PRINT_TABLE ? flush_table(p, e) : 0;
}

void
vmf_printer_free(struct vmf_printer *p)
{
	if (p == NULL)
		return;
	free(p->pick);
	free(p->width);
	free(p->id_text);
	free(p->cell);
	vmf_buf_free(&p->text);
	vmf_buf_free(&p->line);
	free(p);
}

/* A member of a JSON object, after others. */
static int
put_member(struct vmf_buf *b, const char *key, const char *value,
    struct vmf_err *e)
{
	bool first = b->p[b->n - 1] == '{';
	int rc = vmf_buf_put(b, ",", !first, e);

	if (rc == 0)
		rc = put_json_text(b, key, (int64_t)strlen(key), e);
	if (rc == 0)
		rc = vmf_buf_put(b, ":", 1, e);
	return rc != 0 ? rc :
	    put_json_text(b, value, (int64_t)strlen(value), e);
}

/* One column of the schema: words of its name, type, unit and role. */
static int
put_schema_field(struct vmf_buf *b, const struct vmf_field *f,
    enum vmf_print_format fmt, struct vmf_err *e)
{
	const char *word[4] = { f->name, f->dict ? "dictionary of utf8" :
	    vmf_type_name(f->type), vmf_meta_get(&f->meta, "unit"),
	    vmf_meta_get(&f->meta, "role") };
	int rc = 0;

	if (fmt == VMF_PRINT_JSON) {
		rc = vmf_buf_put(b, "{", 1, e);
		if (rc == 0)
			rc = put_member(b, "column", word[0], e);
		if (rc == 0)
			rc = put_member(b, "type", word[1], e);
		for (int k = 0; rc == 0 && k < f->meta.n; k++)
			rc = put_member(b, f->meta.key[k], f->meta.value[k],
			    e);
		return rc != 0 ? rc : vmf_buf_put(b, "}\n", 2, e);
	}
	for (int k = 0; rc == 0 && k < 4; k++) {
		static const char *const label[] = { "", "", "unit=",
		    "role=" };
		static const int width[] = { 25, 21, 0, 0 };
		int64_t from = b->n;

		if (fmt == VMF_PRINT_CSV && k > 0)
			rc = vmf_buf_put(b, ",", 1, e);
		if (rc != 0 || word[k] == NULL)
			continue;
		if (fmt == VMF_PRINT_TABLE && k >= 2)
			rc = vmf_buf_printf(b, e, "%s%s", k == 3 &&
			    word[2] != NULL ? " " : "", label[k]);
		if (rc == 0)
			rc = put_text(b, word[k], (int64_t)strlen(word[k]),
			    fmt, e);
		if (rc == 0 && fmt == VMF_PRINT_TABLE && (k == 0 ||
		    (k == 1 && (word[2] != NULL || word[3] != NULL)))) {
			int pad = width[k] - points((char *)b->p + from,
			    b->n - from);

			rc = vmf_buf_printf(b, e, "%*s", pad > 1 ? pad : 1,
			    "");
		}
	}
	return rc != 0 ? rc : vmf_buf_put(b, "\n", 1, e);
}

/* One pair of the metadata; a table shows a text of several lines so. */
static int
put_schema_meta(struct vmf_buf *b, const char *key, const char *v,
    enum vmf_print_format fmt, struct vmf_err *e)
{
	int rc = 0;

	if (fmt == VMF_PRINT_JSON) {
		rc = vmf_buf_put(b, "{", 1, e);
		if (rc == 0)
			rc = put_member(b, "key", key, e);
		if (rc == 0)
			rc = put_member(b, "value", v, e);
		return rc != 0 ? rc : vmf_buf_put(b, "}\n", 2, e);
	}
	for (const char *k = key; rc == 0 && v != NULL; k = "") {
		int64_t from = b->n, n = (int64_t)strcspn(v, "\n");

		rc = put_table_text(b, k, (int64_t)strlen(k), e);
		if (rc == 0)
			rc = vmf_buf_printf(b, e, "%*s", b->n - from < 24 ?
			    (int)(25 - (b->n - from)) : 1, "");
		if (rc == 0)
			rc = put_safe_text(b, v, n, INT64_MAX, e);
		if (rc == 0)
			rc = vmf_buf_put(b, "\n", 1, e);
		v = v[n] == '\n' ? v + n + 1 : NULL;
	}
	return rc;
}

int
vmf_print_schema(struct vmf_out *out, const struct vmf_schema *s,
    enum vmf_print_format fmt, struct vmf_err *e)
{
	struct vmf_buf b = { 0 };
	int rc = fmt == VMF_PRINT_CSV ?
	    vmf_buf_printf(&b, e, "column,type,unit,role\n") : 0;

	for (int i = 0; rc == 0 && i < s->n; i++)
		rc = put_schema_field(&b, &s->field[i], fmt, e);
	/* Metadata are no columns, so they are not in the CSV. */
	for (int k = 0; rc == 0 && k < s->meta.n && fmt != VMF_PRINT_CSV; k++)
		rc = put_schema_meta(&b, s->meta.key[k], s->meta.value[k],
		    fmt, e);
	if (rc == 0)
		rc = vmf_out_write(out, b.p, b.n, e);
	vmf_buf_free(&b);
	return rc;
}
