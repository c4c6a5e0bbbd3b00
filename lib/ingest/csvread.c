/* SPDX-License-Identifier: MIT */
#include "ingest/csvread.h"

#include <assert.h>
#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK_BYTES (256 * 1024)
/* Limits are looked at where so many bytes of a row are read, counted from
 * its begin, and at line ends: not where the text happens to be cut. */
#define PIECE_BYTES (64 * 1024)

static const char quote_misplaced[] = "found a quote inside an unquoted "
    "field or text after a closing quote, expected fields as in RFC 4180";
static const char cr_inside[] = "found a carriage return inside the line";

struct vmf_csv {
	struct vmf_csv_text src;
	bool blank_rows;
	const char *comment;
	int64_t comment_len;	/* 0: there are none */
	bool begun;		/* a byte order mark is behind us */
	struct csv_parser p;
	bool p_open;
	struct vmf_buf in;
	int64_t start;		/* of the row at hand, in in */
	int64_t fed;		/* bytes of in that the parser has had */
	bool eof;
	int64_t line;		/* of byte fed */
	/* the row: fields after each other, and where each ends */
	struct vmf_buf text;
	int64_t *end;
	int64_t n, end_cap;
	struct vmf_field_text *field;
	int64_t field_cap;
	int64_t n_rows;		/* that the parser has finished */
	int64_t quote_line;	/* where the open quote began */
	int rc;			/* of the callbacks */
	struct vmf_err *e;	/* theirs, during csv_parse only */
};

static void
on_field(void *s, size_t len, void *arg)
{
	struct vmf_csv *c = arg;

	if (c->rc != 0)
		return;
	c->rc = vmf_buf_put(&c->text, s, (int64_t)len, c->e);
	if (c->rc == 0)
		c->rc = vmf_grow(&c->end, &c->end_cap, c->n + 1, c->e);
	if (c->rc == 0)
		c->end[c->n++] = c->text.n;
}

static void
on_row(int ch, void *arg)
{
	struct vmf_csv *c = arg;

	(void)ch;
	c->n_rows++;
}

static int
set_options(struct csv_parser *p, bool strict)
{
	return csv_set_opts(p, strict ? CSV_STRICT | CSV_STRICT_FINI : 0);
}

/* Forget a row that was left in the middle. */
static void
reset_parser(struct vmf_csv *c)
{
	/* Strict, csv_fini would refuse to end inside a quote. */
	set_options(&c->p, false);
	csv_fini(&c->p, NULL, NULL, NULL);
	set_options(&c->p, true);
}

int
vmf_csv_open(struct vmf_csv **out, const struct vmf_csv_text *text,
    char delim, bool blank_rows, struct vmf_err *e)
{
	struct vmf_csv *c = vmf_calloc(1, sizeof(*c), e);
	int rc;

	*out = NULL;
	if (c == NULL)
		return VMF_ENOMEM;
	c->src = *text;
	c->blank_rows = blank_rows;
	c->line = 1;
	rc = vmf_buf_reserve(&c->in, BLOCK_BYTES, e);
	if (rc == 0 && csv_init(&c->p, CSV_STRICT | CSV_STRICT_FINI) != 0)
		rc = vmf_fail_nomem(e, (long long)sizeof(c->p));
	if (rc != 0) {
		vmf_csv_free(c);
		return rc;
	}
	c->p_open = true;
	csv_set_delim(&c->p, (unsigned char)delim);
	csv_set_blk_size(&c->p, 4096);
	*out = c;
	return 0;
}

int64_t
vmf_csv_line(const struct vmf_csv *c)
{
	return c->line;
}

void
vmf_csv_set_line(struct vmf_csv *c, int64_t line)
{
	assert(c->fed == c->in.n);
	c->line = line;
	c->begun = c->begun || line > 1;
}

static int
too_long(struct vmf_csv *c, const char *what, int64_t limit,
    const char *unit, int64_t line, struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDATA, "%s:%lld: %s, expected at most %lld %s",
	    c->src.name, (long long)line, what, (long long)limit,
	    unit);
}

/*
 * Read more text after the row at hand, which moves to the front.  The
 * buffer only grows for a row longer than a block.
 */
static int
read_more(struct vmf_csv *c, struct vmf_err *e)
{
	int64_t got;
	int rc;

	if (c->start > 0) {
		c->in.n -= c->start;
		c->fed -= c->start;
		memmove(c->in.p, c->in.p + c->start, (size_t)c->in.n);
		c->start = 0;
	}
	if (c->in.cap - c->in.n < BLOCK_BYTES / 4) {
		rc = vmf_buf_reserve(&c->in, BLOCK_BYTES, e);
		if (rc != 0)
			return rc;
	}
	got = c->in.cap - c->in.n;
	got = c->src.read(c->src.arg, c->in.p + c->in.n,
	    got < BLOCK_BYTES ? got : BLOCK_BYTES, e);
	if (got < 0)
		return (int)got;
	c->in.n += got;
	c->eof = got == 0;
	return 0;
}

/* A byte order mark at the very begin; no more text than it needs is read,
 * so that none is read beyond a line end. */
static int
pass_mark(struct vmf_csv *c, struct vmf_err *e)
{
	static const char mark[] = "\xef\xbb\xbf";
	int rc;

	while (c->in.n < 3 && !c->eof &&
	    memcmp(c->in.p, mark, (size_t)c->in.n) == 0) {
		rc = read_more(c, e);
		if (rc != 0)
			return rc;
	}
	if (c->in.n >= 3 && memcmp(c->in.p, mark, 3) == 0)
		c->fed = 3;
	c->begun = true;
	return 0;
}

/* The rest of the line at hand, whatever is in it; false: the text has
 * ended. */
static int
pass_line(struct vmf_csv *c, bool *whole, struct vmf_err *e)
{
	const uint8_t *lf = NULL;
	int rc;

	for (*whole = false;;) {
		if (c->fed < c->in.n)
			lf = memchr(c->in.p + c->fed, '\n',
			    (size_t)(c->in.n - c->fed));
		c->start = c->fed = lf != NULL ? lf - c->in.p + 1 : c->in.n;
		if (lf != NULL) {
			c->line++;
			*whole = true;
			return 0;
		}
		if (c->eof)
			return 0;
		if ((rc = read_more(c, e)) != 0)
			return rc;
	}
}

/* Lines of comment where a row may begin.  As in pass_mark no more is read
 * than has to be. */
static int
pass_comments(struct vmf_csv *c, struct vmf_err *e)
{
	int64_t len = c->comment_len;
	bool whole = true;
	int rc;

	while (len > 0 && whole) {
		int64_t n = c->in.n - c->fed, m = n < len ? n : len;

		if (m > 0 && memcmp(c->in.p + c->fed, c->comment,
		    (size_t)m) != 0)
			return 0;
		if (m == len)
			rc = pass_line(c, &whole, e);
		else if (c->eof)
			return 0;
		else
			rc = read_more(c, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void
vmf_csv_set_comment(struct vmf_csv *c, const char *text)
{
	c->comment = text;
	c->comment_len = (int64_t)strlen(text);
}

int
vmf_csv_skip(struct vmf_csv *c, int64_t *n, struct vmf_err *e)
{
	bool whole = true;
	int rc = c->begun ? 0 : pass_mark(c, e);

	while (rc == 0 && *n > 0 && whole) {
		rc = pass_line(c, &whole, e);
		*n -= whole;
	}
	return rc;
}

/* Where a row of so many bytes may not go on. */
static int
check_limits(struct vmf_csv *c, bool bad, struct vmf_err *e)
{
	if (!bad && c->p.entry_pos > (size_t)VMF_CSV_MAX_FIELD)
		return too_long(c, "the field is too long", VMF_CSV_MAX_FIELD,
		    "bytes (is a closing quote missing?)",
		    c->quote_line > 0 ? c->quote_line : c->line, e);
	if (!bad && c->n > VMF_CSV_MAX_FIELDS)
		return too_long(c, "the row has too many fields",
		    VMF_CSV_MAX_FIELDS, "fields", c->line, e);
	if (c->fed - c->start > VMF_CSV_MAX_ROW)
		return too_long(c, "the row is too long", VMF_CSV_MAX_ROW,
		    "bytes", c->line, e);
	return 0;
}

/* Give the parser in.p[fed..to).  1: it met a quote where none may be. */
static int
feed(struct vmf_csv *c, int64_t to, struct vmf_err *e)
{
	size_t len = (size_t)(to - c->fed), used;

	c->e = e;
	used = csv_parse(&c->p, c->in.p + c->fed, len, on_field, on_row, c);
	c->e = NULL;
	c->fed = to;
	if (c->rc != 0)
		return c->rc;
	if (used == len)
		return 0;
	if (csv_error(&c->p) != CSV_EPARSE)
		return vmf_fail_nomem(e, (long long)c->p.entry_size);
	return 1;
}

static int
finish_row(struct vmf_csv *c, struct vmf_row *row, const char *bad,
    struct vmf_err *e)
{
	int64_t from = 0;
	int rc;

	row->raw = (const char *)c->in.p + c->start;
	row->raw_len = c->fed - c->start;
	row->bad = bad;
	row->n = 0;
	row->field = NULL;
	if (c->rc != 0)		/* an empty line's field, see on_field */
		return vmf_fail_nomem(e, 1);
	if (bad != NULL)
		return 1;
	if (memchr(row->raw, '\0', (size_t)row->raw_len) != NULL) {
		row->bad = "found a NUL byte, expected text";
		return 1;
	}
	rc = vmf_grow(&c->field, &c->field_cap, c->n, e);
	if (rc != 0)
		return rc;
	for (int64_t i = 0; i < c->n; i++) {
		int64_t len = c->end[i] - from;

		if (len > VMF_CSV_MAX_FIELD)
			return too_long(c, "the field is too long",
			    VMF_CSV_MAX_FIELD, "bytes", row->line, e);
		c->field[i].s = (const char *)c->text.p + from;
		c->field[i].len = len;
		from = c->end[i];
	}
	row->n = c->n;
	row->field = c->field;
	return 1;
}

static void
begin_row(struct vmf_csv *c, struct vmf_row *row)
{
	row->line = c->line;
	c->n = c->text.n = c->n_rows = c->quote_line = 0;
}

/* The last row, where no line end stands after it; or 0. */
static int
at_end(struct vmf_csv *c, struct vmf_row *row, const char *bad,
    struct vmf_err *e)
{
	int rc;

	if (c->fed == c->start)
		return 0;
	if (bad != NULL)
		return finish_row(c, row, bad, e);
	c->e = e;
	rc = csv_fini(&c->p, on_field, on_row, c);
	c->e = NULL;
	if (c->rc != 0)
		return c->rc;
	if (rc != 0)
		return vmf_fail(e, VMF_EDATA, "%s:%lld: the file ends inside "
		    "a quoted field that begins here, expected a closing "
		    "quote", c->src.name, (long long)
		    (c->quote_line > 0 ? c->quote_line : c->line));
	if (c->n_rows > 1)
		return finish_row(c, row, cr_inside, e);
	if (c->n_rows == 0 && !c->blank_rows)
		return 0;
	if (c->n_rows == 0)
		on_field(NULL, 0, c);
	return finish_row(c, row, NULL, e);
}

/* A line has ended, in a row that is bad if bad is set.  1: so has the row;
 * 0: it goes on, or it was empty and another began. */
static int
end_line(struct vmf_csv *c, struct vmf_row *row, const char **bad)
{
	c->line++;
	if (*bad == NULL && c->n_rows == 0 && c->p.quoted) {
		if (c->quote_line == 0)
			c->quote_line = c->line - 1;
		return 0;
	}
	if (*bad == NULL && c->n_rows == 0 && !c->blank_rows) {
		c->start = c->fed;
		begin_row(c, row);
		return 0;
	}
	if (*bad == NULL && c->n_rows == 0)
		on_field(NULL, 0, c);
	if (*bad == NULL && (c->n_rows > 1 || c->p.quoted))
		*bad = cr_inside;
	if (*bad != NULL)
		reset_parser(c);
	return 1;
}

int
vmf_csv_next(struct vmf_csv *c, struct vmf_row *row, struct vmf_err *e)
{
	const char *bad = NULL;
	int rc;

	if (!c->begun) {
		rc = pass_mark(c, e);
		if (rc != 0)
			return rc;
	}
	c->start = c->fed;
	begin_row(c, row);
	for (;;) {
		const uint8_t *lf;
		int64_t piece, to;

		if (c->fed == c->start && c->comment_len > 0) {
			rc = pass_comments(c, e);
			if (rc != 0)
				return rc;
			row->line = c->line;
		}
		if (c->fed == c->in.n) {
			if (c->eof)
				return at_end(c, row, bad, e);
			rc = read_more(c, e);
			if (rc != 0)
				return rc;
			continue;
		}
		piece = c->fed - (c->fed - c->start) % PIECE_BYTES +
		    PIECE_BYTES;
		to = piece < c->in.n ? piece : c->in.n;
		lf = memchr(c->in.p + c->fed, '\n', (size_t)(to - c->fed));
		if (lf != NULL)
			to = lf - c->in.p + 1;
		rc = 0;
		if (bad == NULL)
			rc = feed(c, to, e);
		c->fed = to;
		if (rc > 0) {
			bad = quote_misplaced;
			rc = 0;
		}
		if (rc == 0 && (lf != NULL || to == piece))
			rc = check_limits(c, bad != NULL, e);
		if (rc != 0)
			return rc;
		if (lf != NULL && end_line(c, row, &bad) != 0)
			return finish_row(c, row, bad, e);
	}
}

void
vmf_csv_free(struct vmf_csv *c)
{
	if (c == NULL)
		return;
	if (c->p_open)
		csv_free(&c->p);
	vmf_buf_free(&c->in);
	vmf_buf_free(&c->text);
	free(c->end);
	free(c->field);
	free(c);
}
