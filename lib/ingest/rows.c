/* SPDX-License-Identifier: MIT */
/* One row of fields becomes one of the batch, or many of a wide map. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "ingest/convert.h"
#include "ingest/ingest_in.h"

/* So many values that are no numbers, and not one that is: no metric. */
#define GUESS_TRIES 1000

/* A batch of so many bytes is worth sending; not more, so that it is still
 * in the cache when the next in the pipe reads it. */
#define SEND_BYTES (1 << 20)

static int
row_bad(struct vmf_ingest *in, const struct vmf_row *row, int64_t field,
    const char *expected)
{
	const struct vmf_field_text *f = &row->field[field];
	const struct vmf_field_text *name = &in->bind.name[field];
	char shown[48], shown_name[48];

	(void)vmf_fail(&in->why, VMF_EDATA,
	    "%s:%lld: column '%s': found '%s', expected %s",
	    in->file, (long long)row->line,
	    vmf_show_text(name->s, name->len, shown_name),
	    vmf_show_text(f->s, f->len, shown), expected);
	return VMF_ROW_BAD;
}

bool
vmf_ingest_row_time(const struct vmf_ingest *in, int64_t row, int64_t *t)
{
	const struct vmf_ingest_opts *o = &in->opt;
	int64_t start = o->start_s != VMF_TIME_NONE ? o->start_s :
	    in->map->start_s;
	int64_t step = o->step_s != 0 ? o->step_s : in->map->step_s, off;

	return !__builtin_mul_overflow(row, step, &off) &&
	    !__builtin_add_overflow(start, off, t) &&
	    *t >= VMF_STAMP_MIN && *t <= VMF_STAMP_MAX;
}

static int
convert_time(struct vmf_ingest *in, const struct vmf_row *row,
    const struct vmf_bind *b)
{
	enum vmf_stamp f;
	struct vmf_field_text t;
	char want[128], shown[48];

	if (in->map->time_by_row) {
		if (vmf_ingest_row_time(in, in->n_rows - 1, &in->time_s))
			return 0;
		(void)vmf_fail(&in->why, VMF_EDATA, "%s:%lld: the row's time "
		    "by --start and --step is beyond the year 9999",
		    in->file, (long long)row->line);
		return VMF_ROW_BAD;
	}
	t = vmf_field_trim(&row->field[b->time]);
	if (t.len == in->time_len && t.len > 0 &&
	    memcmp(t.s, in->time_text, (size_t)t.len) == 0)
		return 0;
	in->time_len = 0;
	f = in->stamp;
	if (in->detect) {
		f = vmf_stamp_detect(t.s, t.len);
		if (f == VMF_STAMP_AUTO && in->stamp == VMF_STAMP_AUTO)
			return row_bad(in, row, b->time, vmf_stamp_name(f));
		/* A number of another size is milliseconds among seconds,
		 * not the year 1970. */
		if (in->stamp != VMF_STAMP_AUTO && f != in->stamp) {
			snprintf(want, sizeof(want),
			    "%s, as the file's first time",
			    vmf_stamp_name(in->stamp));
			return row_bad(in, row, b->time, want);
		}
	}
	if (vmf_stamp_parse(f, in->pattern, t.s, t.len, &in->time_s) != 0) {
		bool by = f == VMF_STAMP_PATTERN;

		snprintf(want, sizeof(want), "%s%s, in the years 1 to 9999",
		    by ? "a time as " : vmf_stamp_name(f), by ?
		    vmf_show_text(in->pattern, (int64_t)strlen(in->pattern),
		    shown) : "");
		return row_bad(in, row, b->time, want);
	}
	in->stamp = f;
	if (t.len <= (int64_t)sizeof(in->time_text)) {
		memcpy(in->time_text, t.s, (size_t)t.len);
		in->time_len = t.len;
	}
	return 0;
}

/* The row's VM becomes in->id; its code is looked up when it is put. */
static int
convert_id(struct vmf_ingest *in, const struct vmf_row *row, int64_t field,
    struct vmf_err *e)
{
	struct vmf_field_text f = row->field[field];
	const char *until = in->map->until;
	char want[128], shown[48];

	if (until != NULL)
		f = vmf_field_until(&f, until);
	if (f.len == in->id.n && f.len > 0 &&
	    memcmp(f.s, in->id.p, (size_t)f.len) == 0)
		return 0;
	if (f.len == 0 || !vmf_utf8_valid(f.s, f.len)) {
		snprintf(want, sizeof(want), "the VM's id%s%s%s, UTF-8 and "
		    "not empty", until != NULL ? " before '" : "", until !=
		    NULL ? vmf_show_text(until, (int64_t)strlen(until),
		    shown) : "", until != NULL ? "'" : "");
		return row_bad(in, row, field, want);
	}
	in->id.n = 0;
	in->id_gen = 0;
	return vmf_buf_put(&in->id, f.s, f.len, e);
}

/* Letters, such as "MB" or " %": no digits, and no 0x10 or 1e cut short. */
static bool
is_unit(const char *s, int64_t n)
{
	bool any = false;

	if (n > 0 && strchr("eExX", s[0]) != NULL)
		return false;
	for (int64_t i = 0; i < n; i++) {
		if (strchr("0123456789+-._", s[i]) != NULL)
			return false;
		any |= s[i] != ' ';
	}
	return any && n <= 4;
}

/* What a field should have been that was taken for infinite. */
static const char *
want_finite(const struct vmf_field_text *f)
{
	for (int64_t i = 0; i < f->len; i++)
		if (f->s[i] >= '0' && f->s[i] <= '9')
			return "a number in the range of float64";
	return "a finite number";
}

/* What a field should have been that is nearly a number; NULL: it is not. */
static const char *
nearly(const struct vmf_field_text *f, bool comma)
{
	struct vmf_field_text number = *f;
	int64_t n = 0;
	double v;

	while (n < f->len && strchr("+-0123456789.,", f->s[n]) != NULL &&
	    f->s[n] != '\0')
		n++;
	if (n == f->len && vmf_field_double(f, !comma, &v) == 0)
		return comma ? "a number such as 1.234,5, with a decimal "
		    "comma" : "a number with a decimal point, not a comma "
		    "(--decimal , is for those)";
	number.len = n;
	if (n > 0 && is_unit(f->s + n, f->len - n) &&
	    vmf_field_double(&number, comma, &v) == 0)
		return "a number without a unit";
	return NULL;
}

static int
not_a_number(struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_bound *c, int64_t field)
{
	const char *hint = nearly(&row->field[field], c->comma);
	char want[240], shown[48];

	c->n_bad += !in->again;
	if (hint != NULL || !c->guessed || c->attribute || c->n_good > 0)
		return row_bad(in, row, field, hint != NULL ? hint :
		    "a number");
	snprintf(want, sizeof(want), "a number (a column that is no metric: "
	    "--ignore '%s', or name it in a --map FILE.json; one that names "
	    "the metric of its row: \"where\" there)",
	    vmf_show_text(in->bind.name[field].s, in->bind.name[field].len,
	    shown));
	return row_bad(in, row, field, want);
}

/* One number of the stream, in *v. */
static int
convert_number(struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_bound *c, double *v)
{
	const struct vmf_field_text *of = c->percent_of >= 0 ?
	    &row->field[c->percent_of] : NULL;
	enum vmf_conv conv;
	bool seen;

	conv = vmf_convert_number(c, &row->field[c->from], of, v, &seen);
	c->n_good += seen;
	switch (conv) {
	case VMF_CONV_OK:
		return 0;
	case VMF_CONV_NO_NUMBER:
		return not_a_number(in, row, c, c->from);
	case VMF_CONV_NO_NUMBER_OF:
		return not_a_number(in, row, c, c->percent_of);
	case VMF_CONV_INFINITE:
		return row_bad(in, row, c->from,
		    want_finite(&row->field[c->from]));
	case VMF_CONV_INFINITE_OF:
		return row_bad(in, row, c->percent_of,
		    want_finite(&row->field[c->percent_of]));
	case VMF_CONV_NO_INT32:
		return row_bad(in, row, c->from,
		    "a whole number of 32 bits");
	case VMF_CONV_NO_FLOAT32:
		return row_bad(in, row, c->from,
		    "a number in the range of float32");
	default:
		return row_bad(in, row, c->from,
		    "a number in the range of float64");
	}
}

static int
convert_text(struct vmf_ingest *in, const struct vmf_row *row,
    const struct vmf_bound *c, struct vmf_field_text *s)
{
	*s = row->field[c->from];
	if (vmf_field_missing(s))
		s->s = NULL;
	else if (!vmf_utf8_valid(s->s, s->len))
		return row_bad(in, row, c->from, "text in UTF-8");
	return 0;
}

int
vmf_ingest_id_code(struct vmf_ingest *in, struct vmf_dict *d,
    struct vmf_err *e)
{
	if (in->id_gen != d->gen || in->id_gen == 0) {
		in->id_code = vmf_dict_intern(d, (const char *)in->id.p,
		    in->id.n, e);
		if (in->id_code < 0)
			return in->id_code;
		in->id_gen = d->gen;
	}
	return in->id_code;
}

static int
put_row(struct vmf_ingest *in, struct vmf_batch *b, struct vmf_err *e)
{
	int rc, code = vmf_ingest_id_code(in, b->col[0].dict, e);

	if (code < 0)
		return code;
	rc = vmf_col_put_codes(&b->col[0], &code, 1, e);
	if (rc == 0)
		rc = vmf_col_put_int(&b->col[1], in->time_s, e);
	for (int64_t i = 0; rc == 0 && i < in->bind.n_cols; i++) {
		struct vmf_col *c = &b->col[2 + i];

		if (c->type != VMF_UTF8)
			rc = vmf_col_put_num(c, in->num[i], e);
		else if (in->str[i].s == NULL)
			rc = vmf_col_put_null(c, e);
		else
			rc = vmf_col_put_str(c, in->str[i].s, in->str[i].len,
			    e);
		in->count.missing += c->type == VMF_FLOAT32 &&
		    isnan(in->num[i]) && in->bind.col[i].where < 0;
	}
	if (rc != 0)
		return rc;
	vmf_batch_rows(b, 1);
	in->count.rows_out++;
	return 0;
}

int
vmf_ingest_wide_code(struct vmf_ingest *in, struct vmf_dict *d, int64_t i,
    struct vmf_err *e)
{
	const struct vmf_field_text *name = &in->bind.name[in->bind.value[i]];

	if (in->code_gen != d->gen || in->code_gen == 0) {
		for (int64_t k = 0; k < in->bind.n_values; k++)
			in->code[k] = -1;
		in->code_gen = d->gen;
	}
	if (in->code[i] < 0)
		in->code[i] = vmf_dict_intern(d, name->s, name->len, e);
	return in->code[i];
}

static int
put_wide(struct vmf_ingest *in, struct vmf_batch *b, struct vmf_err *e)
{
	for (int64_t i = 0; i < in->bind.n_values; i++) {
		int rc, code;

		if (isnan(in->num[i])) {
			in->count.missing++;
			continue;
		}
		code = vmf_ingest_wide_code(in, b->col[0].dict, i, e);
		if (code < 0)
			return code;
		rc = vmf_col_put_codes(&b->col[0], &code, 1, e);
		if (rc == 0)
			rc = vmf_col_put_int(&b->col[1], in->time_s, e);
		if (rc == 0)
			rc = vmf_col_put_num(&b->col[2], in->num[i], e);
		if (rc != 0)
			return rc;
		vmf_batch_rows(b, 1);
		in->count.rows_out++;
	}
	return 0;
}

static bool
is_of(const struct vmf_row *row, const struct vmf_bound *c)
{
	struct vmf_field_text t = vmf_field_trim(&row->field[c->where]);

	return vmf_bound_is(c, t.s, t.len);
}

/* VMF_ROW_PASSED: the row is of no metric. */
static int
pass_over(struct vmf_ingest *in, const struct vmf_row *row)
{
	const struct vmf_bound *c = in->bind.col;
	char want[64], shown[48];
	struct vmf_err why;

	for (int64_t i = 0; i < in->bind.n_cols && !c[i].attribute; i++)
		if (is_of(row, &c[i]))
			return 0;
	if (in->again || in->count.passed++ > 0)
		return VMF_ROW_PASSED;
	why = in->why;
	snprintf(want, sizeof(want), "'%s'",
	    vmf_show_text(c->is, c->is_len, shown));
	(void)row_bad(in, row, c->where, want);
	in->first_passed = in->why;
	in->why = why;
	return VMF_ROW_PASSED;
}

/* Nothing is put before all of the row is known to be good. */
static int
convert(struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_bind *bd = &in->bind;
	int rc;

	rc = bd->some_rows ? pass_over(in, row) : 0;
	if (rc == 0)
		rc = convert_time(in, row, bd);
	if (rc == 0 && bd->id >= 0)
		rc = convert_id(in, row, bd->id, e);
	if (in->map->wide) {
		struct vmf_bound c = bd->col[0];

		for (int64_t i = 0; rc == 0 && i < bd->n_values; i++) {
			c.from = bd->value[i];
			rc = convert_number(in, row, &c, &in->num[i]);
		}
		return rc != 0 ? rc : put_wide(in, b, e);
	}
	for (int64_t i = 0; rc == 0 && i < bd->n_cols; i++) {
		in->num[i] = NAN;
		if (bd->col[i].where >= 0 && !is_of(row, &bd->col[i]))
			continue;
		rc = bd->col[i].type == VMF_UTF8 ?
		    convert_text(in, row, &bd->col[i], &in->str[i]) :
		    convert_number(in, row, &bd->col[i], &in->num[i]);
	}
	return rc != 0 ? rc : put_row(in, b, e);
}

bool
vmf_ingest_is_json(const struct vmf_row *row)
{
	int64_t i = 0;

	while (i < row->raw_len && strchr(" \t", row->raw[i]) != NULL &&
	    row->raw[i] != '\0')
		i++;
	return i < row->raw_len && (row->raw[i] == '{' || row->raw[i] == '[');
}

int
vmf_ingest_json(const struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDATA, "%s:%lld: found JSON, expected CSV: "
	    "jq -r '... | @csv' makes it, see the example of Prometheus in "
	    "vmf-ingest(1)", in->file, (long long)row->line);
}

int
vmf_ingest_never(const struct vmf_ingest *in, const struct vmf_bound *c,
    struct vmf_err *e)
{
	char shown[48];

	vmf_show_text(c->name, c->name_len, shown);
	return vmf_fail(e, VMF_EDATA, "column '%s' never holds a number (%s)",
	    shown, in->first_bad.msg);
}

/* Whether the row is the header, as where files stand after each other: one
 * that is none of the data, as it is asked of rows that are bad or passed. */
static bool
is_header(const struct vmf_ingest *in, const struct vmf_row *row)
{
	const struct vmf_field_text *name = in->bind.name;
	int64_t i = 0;

	if (!in->map->header || row->n != in->bind.n_fields)
		return false;
	while (i < row->n && row->field[i].len == name[i].len &&
	    memcmp(row->field[i].s, name[i].s, (size_t)name[i].len) == 0)
		i++;
	return i == row->n;
}

/* A bad row, by --bad-rows. */
static int
reject(struct vmf_ingest *in, const struct vmf_row *row, struct vmf_err *e)
{
	int rc;

	if (!in->opt.skip_bad)
		return vmf_fail(e, VMF_EDATA, VMF_BAD_ROW, in->why.msg);
	if (in->count.bad++ == 0)
		in->first_bad = in->why;
	for (int64_t i = 0; i < in->bind.n_cols; i++)
		if (in->bind.col[i].guessed && in->bind.col[i].n_good == 0 &&
		    !in->bind.col[i].attribute &&
		    in->bind.col[i].n_bad >= GUESS_TRIES)
			return vmf_ingest_never(in, &in->bind.col[i], e);
	if (in->opt.bad_out == NULL)
		return 0;
	rc = vmf_out_write(in->opt.bad_out, row->raw, row->raw_len, e);
	/* The last row of a file may stand without a line end. */
	if (rc == 0 && row->raw[row->raw_len - 1] != '\n')
		rc = vmf_out_write(in->opt.bad_out, "\n", 1, e);
	return rc;
}

/* The row as the first file would have it.  What nobody needs is as in the
 * header, for is_header. */
static struct vmf_row
followed(const struct vmf_ingest *in, const struct vmf_row *row)
{
	struct vmf_row r = *row;

	for (int64_t i = 0; i < in->bind.n_fields; i++)
		in->followed[i] = in->at[i] < 0 ? in->bind.name[i] :
		    row->field[in->at[i]];
	r.n = in->bind.n_fields;
	r.field = in->followed;
	return r;
}

int
vmf_ingest_row(struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_row there;
	int rc;

	in->count.rows_in++;
	in->n_rows++;
	in->again = false;
	if (row->bad != NULL) {
		(void)vmf_fail(&in->why, VMF_EDATA, "%s:%lld: %s", in->file,
		    (long long)row->line, row->bad);
		rc = VMF_ROW_BAD;
	} else if (row->n != in->n_fields) {
		(void)vmf_fail(&in->why, VMF_EDATA, "%s:%lld: found %lld "
		    "field%s, expected %lld", in->file,
		    (long long)row->line, (long long)row->n,
		    row->n == 1 ? "" : "s", (long long)in->n_fields);
		rc = VMF_ROW_BAD;
	} else {
		there = in->follow ? followed(in, row) : *row;
		in->again = is_header(in, &there);
		rc = convert(in, &there, b, e);
	}
	if (rc > 0 && in->again) {
		in->count.rows_in--;
		in->n_rows--;
		in->count.headers++;
		return 0;
	}
	if (rc == VMF_ROW_BAD && in->n_rows == 1 && !in->map->header &&
	    vmf_ingest_is_json(row))
		(void)vmf_ingest_json(in, row, &in->why);
	return rc == VMF_ROW_BAD ? reject(in, row, e) :
	    rc == VMF_ROW_PASSED ? 0 : rc;
}

/* ---- batches ---- */

int64_t
vmf_ingest_dict_bytes(const struct vmf_batch *b)
{
	int64_t sum = 0;

	for (int i = 0; i < b->n_cols; i++)
		if (b->col[i].is_dict && b->col[i].dict->n > 0)
			sum += b->col[i].dict->off[b->col[i].dict->n];
	return sum;
}

bool
vmf_ingest_full(const struct vmf_ingest *in, const struct vmf_batch *b)
{
	int64_t dict = vmf_ingest_dict_bytes(b), bytes;
	int64_t grown = dict - in->base_dict;

	if (grown >= VMF_BATCH_BYTES)
		return true;
	if (!in->map->wide && b->n % in->check_rows != 0)
		return false;
	bytes = vmf_batch_bytes(b);
	if (bytes + grown >= VMF_BATCH_BYTES)
		return true;
	/* A dictionary that grew is sent again, whole: not before there are
	 * as many bytes of rows. */
	return bytes >= SEND_BYTES && (grown == 0 || bytes >= 8 * dict);
}
