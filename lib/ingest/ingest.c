/* SPDX-License-Identifier: MIT */
#include "ingest/ingest.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "ingest/bind.h"
#include "ingest/csvread.h"
#include "ingest/source.h"

/* So many values that are no numbers, and not one that is: no metric. */
#define GUESS_TRIES 1000

#define ROW_BAD 1		/* convert: in->why says why */

struct vmf_ingest {
	const struct vmf_map *map;
	struct vmf_ingest_opts opt;
	struct vmf_bind bind;
	struct vmf_schema schema;
	bool bound;
	char *first_file;
	/* the open file */
	struct vmf_source *src;
	struct vmf_csv *csv;
	enum vmf_stamp stamp;
	bool detect;		/* stamp is that of the first time, if any */
	int64_t n_rows;		/* of the file, bad ones too */
	/* the row at hand */
	double *num;		/* by column; in a wide map by value */
	struct vmf_field_text *str;
	int64_t num_cap, str_cap;
	struct vmf_err why;	/* what is wrong with it */
	struct vmf_err first_bad;
	/* what the row before had: most have the same again */
	struct vmf_buf id;
	int32_t id_code;
	uint64_t id_gen;	/* of the dictionary; 0: code not valid */
	char time_text[40];
	int64_t time_len, time_s;
	int32_t *code;		/* wide: by value, -1 unknown */
	int64_t code_cap;
	uint64_t code_gen;
	int64_t base_bytes;	/* of the batch's dictionaries when empty */
	struct vmf_ingest_counts count;
	int64_t closed_bytes;
};

int
vmf_ingest_new(struct vmf_ingest **out, const struct vmf_map *map,
    const struct vmf_ingest_opts *opts, struct vmf_err *e)
{
	struct vmf_ingest *in;

	*out = NULL;
	for (int i = 0; i < map->n_cols; i++)
		if (map->col[i].name == NULL)
			return vmf_fail(e, VMF_EUSAGE, "the map does not "
			    "name its metric: expected --metric NAME");
	if (map->time_by_row && map->start_s == VMF_TIME_NONE &&
	    opts->start_s == VMF_TIME_NONE)
		return vmf_fail(e, VMF_EUSAGE, "the source has no times: "
		    "expected --start TIME, that of each file's first row");
	if (!map->time_by_row && (opts->start_s != VMF_TIME_NONE ||
	    opts->step_s != 0))
		return vmf_fail(e, VMF_EUSAGE, "--start and --step are for "
		    "sources without times, and the map has a time column");
	if (map->time_by_row && opts->stamp != VMF_STAMP_AUTO)
		return vmf_fail(e, VMF_EUSAGE,
		    "--time-format is of no use: the source has no times");
	if (opts->id != NULL && !map->id_from_file)
		return vmf_fail(e, VMF_EUSAGE, "--id is for sources whose "
		    "file name is the VM, and the map takes the VM from the "
		    "file's text");
	if (opts->id != NULL && (*opts->id == '\0' ||
	    !vmf_utf8_valid(opts->id, (int64_t)strlen(opts->id))))
		return vmf_fail(e, VMF_EUSAGE,
		    "--id: expected text in UTF-8 that is not empty");
	in = vmf_calloc(1, sizeof(*in), e);
	if (in == NULL)
		return VMF_ENOMEM;
	in->map = map;
	in->opt = *opts;
	*out = in;
	return 0;
}

static void
close_file(struct vmf_ingest *in)
{
	if (in->src != NULL)
		in->closed_bytes += vmf_source_bytes(in->src);
	vmf_csv_free(in->csv);
	vmf_source_free(in->src);
	in->csv = NULL;
	in->src = NULL;
}

/* s without the suffix, in place by *len. */
static bool
strip(const char *s, int64_t *len, const char *suffix)
{
	int64_t n = (int64_t)strlen(suffix);

	if (*len <= n || memcmp(s + *len - n, suffix, (size_t)n) != 0)
		return false;
	*len -= n;
	return true;
}

/* The VM of a file: its name without folder, packing and kind. */
static int
take_file_id(struct vmf_ingest *in, const char *path, struct vmf_err *e)
{
	const char *s = in->opt.id, *slash;
	int64_t len;

	in->id.n = 0;
	in->id_gen = 0;
	if (s != NULL)
		return vmf_buf_put(&in->id, s, (int64_t)strlen(s), e);
	if (path == NULL || strcmp(path, "-") == 0)
		return vmf_fail(e, VMF_EUSAGE, "the map takes the VM from "
		    "the file's name, and standard input has none: expected "
		    "--id ID");
	slash = strrchr(path, '/');
	s = slash == NULL ? path : slash + 1;
	len = (int64_t)strlen(s);
	if (!strip(s, &len, ".gz"))
		(void)strip(s, &len, ".zst");
	if (!strip(s, &len, ".csv") && !strip(s, &len, ".txt"))
		(void)strip(s, &len, ".tsv");
	if (!vmf_utf8_valid(s, len))
		return vmf_fail(e, VMF_EDATA, "%s: the file's name is not "
		    "UTF-8, expected the name of a VM", path);
	return vmf_buf_put(&in->id, s, len, e);
}

/* Lay the map on the columns of the first file, or of every wide one. */
static int
bind(struct vmf_ingest *in, const struct vmf_field_text *name, int64_t n,
    const char *where, struct vmf_err *e)
{
	int64_t n_num;
	int rc;

	vmf_bind_free(&in->bind);
	in->code_gen = 0;
	rc = vmf_bind_make(&in->bind, in->map, name, n, in->opt.ignore,
	    in->opt.n_ignore, where, e);
	if (rc != 0)
		return rc;
	n_num = in->map->wide ? in->bind.n_values : in->bind.n_cols;
	rc = vmf_grow(&in->num, &in->num_cap, n_num, e);
	if (rc == 0)
		rc = vmf_grow(&in->str, &in->str_cap, n_num, e);
	if (rc == 0 && in->map->wide)
		rc = vmf_grow(&in->code, &in->code_cap, n_num, e);
	if (rc == 0 && !in->bound)
		rc = vmf_bind_schema(&in->bind, &in->schema, e);
	if (rc == 0)
		in->bound = true;
	return rc;
}

static int
bind_map_columns(struct vmf_ingest *in, struct vmf_err *e)
{
	int n = in->map->n_columns, rc;
	struct vmf_field_text *name = vmf_calloc(n, sizeof(*name), e);

	if (name == NULL)
		return VMF_ENOMEM;
	for (int i = 0; i < n; i++) {
		name[i].s = in->map->column[i];
		name[i].len = (int64_t)strlen(name[i].s);
	}
	rc = bind(in, name, n, "the map's columns", e);
	free(name);
	return rc;
}

static int
read_header(struct vmf_ingest *in, struct vmf_err *e)
{
	const char *file = vmf_source_name(in->src);
	struct vmf_row row;
	char where[600];
	int rc = vmf_csv_next(in->csv, &row, e);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return vmf_fail(e, VMF_EDATA,
		    "%s: the file is empty, expected a header", file);
	if (row.bad != NULL)
		return vmf_fail(e, VMF_EDATA, "%s:%lld: %s", file,
		    (long long)row.line, row.bad);
	if (in->bound && !in->map->wide)
		return vmf_bind_same(&in->bind, &row, file, in->first_file,
		    e);
	snprintf(where, sizeof(where), "%.500s:%lld", file,
	    (long long)row.line);
	return bind(in, row.field, row.n, where, e);
}

int
vmf_ingest_open(struct vmf_ingest *in, const char *path, struct vmf_err *e)
{
	int rc;

	close_file(in);
	if (in->map->id_from_file) {
		rc = take_file_id(in, path, e);
		if (rc != 0)
			return rc;
	}
	rc = vmf_source_open(&in->src, path, e);
	if (rc != 0)
		return rc;
	rc = vmf_csv_open(&in->csv, in->src, in->map->delim,
	    in->map->time_by_row, e);
	if (rc == 0 && in->map->header)
		rc = read_header(in, e);
	else if (rc == 0 && !in->bound)
		rc = bind_map_columns(in, e);
	if (rc != 0)
		return rc;
	if (in->first_file == NULL) {
		in->first_file = vmf_strdup(vmf_source_name(in->src), e);
		if (in->first_file == NULL)
			return VMF_ENOMEM;
	}
	in->stamp = in->opt.stamp != VMF_STAMP_AUTO ? in->opt.stamp :
	    in->map->stamp;
	in->detect = in->stamp == VMF_STAMP_AUTO;
	in->time_len = 0;
	in->n_rows = 0;
	in->count.files++;
	return 0;
}

const struct vmf_schema *
vmf_ingest_schema(const struct vmf_ingest *in)
{
	return &in->schema;
}

/* ---- one row ---- */

static int
row_bad(struct vmf_ingest *in, const struct vmf_row *row, int64_t field,
    const char *expected)
{
	const struct vmf_field_text *f = &row->field[field];
	const struct vmf_field_text *name = &in->bind.name[field];
	char shown[48], shown_name[48];

	(void)vmf_fail(&in->why, VMF_EDATA,
	    "%s:%lld: column '%s': found '%s', expected %s",
	    vmf_source_name(in->src), (long long)row->line,
	    vmf_show_text(name->s, name->len, shown_name),
	    vmf_show_text(f->s, f->len, shown), expected);
	return ROW_BAD;
}

static struct vmf_field_text
trim(const struct vmf_field_text *f)
{
	struct vmf_field_text t = *f;

	while (t.len > 0 && (*t.s == ' ' || *t.s == '\t')) {
		t.s++;
		t.len--;
	}
	while (t.len > 0 &&
	    (t.s[t.len - 1] == ' ' || t.s[t.len - 1] == '\t'))
		t.len--;
	return t;
}

/* The words for "no value". */
static bool
is_missing(const struct vmf_field_text *t)
{
	switch (t->len) {
	case 0:
		return true;
	case 2:
		return strncasecmp(t->s, "na", 2) == 0;
	case 3:
		return strncasecmp(t->s, "nan", 3) == 0;
	case 4:
		return strncasecmp(t->s, "null", 4) == 0;
	default:
		return false;
	}
}

/* 0 and a number, or NaN for a missing one; VMF_EDATA otherwise. */
static int
parse_number(const struct vmf_field_text *f, double *v)
{
	struct vmf_field_text t = trim(f);

	if (t.len == 0 || (*t.s >= 'A' && is_missing(&t))) {
		*v = NAN;
		return 0;
	}
	return vmf_parse_double(t.s, t.len, v);
}

static int
convert_time(struct vmf_ingest *in, const struct vmf_row *row,
    const struct vmf_bind *b)
{
	enum vmf_stamp f;
	struct vmf_field_text t;
	char want[128];
	int64_t off;

	if (in->map->time_by_row) {
		const struct vmf_ingest_opts *o = &in->opt;
		int64_t start = o->start_s != VMF_TIME_NONE ? o->start_s :
		    in->map->start_s;
		int64_t step = o->step_s != 0 ? o->step_s : in->map->step_s;

		if (!__builtin_mul_overflow(in->n_rows - 1, step, &off) &&
		    !__builtin_add_overflow(start, off, &in->time_s) &&
		    in->time_s >= VMF_STAMP_MIN &&
		    in->time_s <= VMF_STAMP_MAX)
			return 0;
		(void)vmf_fail(&in->why, VMF_EDATA, "%s:%lld: the row's time "
		    "by --start and --step is beyond the year 9999",
		    vmf_source_name(in->src), (long long)row->line);
		return ROW_BAD;
	}
	t = trim(&row->field[b->time]);
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
	if (vmf_stamp_parse(f, t.s, t.len, &in->time_s) != 0) {
		snprintf(want, sizeof(want), "%s, in the years 1 to 9999",
		    vmf_stamp_name(f));
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
	const struct vmf_field_text *f = &row->field[field];
	int rc;

	if (f->len == in->id.n && f->len > 0 &&
	    memcmp(f->s, in->id.p, (size_t)f->len) == 0)
		return 0;
	if (f->len == 0 || !vmf_utf8_valid(f->s, f->len))
		return row_bad(in, row, field,
		    "the VM's id, UTF-8 and not empty");
	in->id.n = 0;
	in->id_gen = 0;
	rc = vmf_buf_put(&in->id, f->s, f->len, e);
	return rc;
}

static int
not_a_number(struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_bound *c, int64_t field)
{
	char want[160], shown[48];

	c->n_bad++;
	if (!c->guessed || c->attribute || c->n_good > 0)
		return row_bad(in, row, field, "a number");
	snprintf(want, sizeof(want), "a number (a column that is no metric: "
	    "--ignore '%s', or name it in a --map FILE.json)",
	    vmf_show_text(in->bind.name[field].s, in->bind.name[field].len,
	    shown));
	return row_bad(in, row, field, want);
}

/* One number of the stream, in num[i]. */
static int
convert_number(struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_bound *c, double *v)
{
	double of;

	if (parse_number(&row->field[c->from], v) != 0)
		return not_a_number(in, row, c, c->from);
	if (isinf(*v))
		return row_bad(in, row, c->from, "a finite number");
	c->n_good += !isnan(*v);
	*v *= c->scale;
	if (c->percent_of >= 0) {
		if (parse_number(&row->field[c->percent_of], &of) != 0)
			return not_a_number(in, row, c, c->percent_of);
		if (isinf(of))
			return row_bad(in, row, c->percent_of,
			    "a finite number");
		*v = of == 0.0 ? NAN : 100.0 * *v / of;
	}
	if (isnan(*v))
		return 0;
	switch (c->type) {
	case VMF_INT32:
		if (c->scale != 1.0)
			*v = nearbyint(*v);
		if (*v != nearbyint(*v) || fabs(*v) > INT32_MAX)
			return row_bad(in, row, c->from,
			    "a whole number of 32 bits");
		break;
	case VMF_FLOAT32:
		/* Half a unit above FLT_MAX is where rounding gives inf. */
		if (!(fabs(*v) < 0x1.ffffffp127))
			return row_bad(in, row, c->from,
			    "a number in the range of float32");
		break;
	default:
		if (!isfinite(*v))
			return row_bad(in, row, c->from,
			    "a number in the range of float64");
		break;
	}
	return 0;
}

static int
convert_text(struct vmf_ingest *in, const struct vmf_row *row,
    const struct vmf_bound *c, struct vmf_field_text *s)
{
	*s = row->field[c->from];
	if (is_missing(s))
		s->s = NULL;
	else if (!vmf_utf8_valid(s->s, s->len))
		return row_bad(in, row, c->from, "text in UTF-8");
	return 0;
}

/* Append a code to a dictionary column that has no missing values: what
 * vmf_col_put_str does, without looking the text up again. */
static int
put_code(struct vmf_col *c, int32_t code, struct vmf_err *e)
{
	int rc = vmf_grow(&c->d.i32, &c->d_cap, c->n + 1, e);

	assert(c->is_dict && c->valid == NULL);
	if (rc == 0)
		c->d.i32[c->n++] = code;
	return rc;
}

static int
put_row(struct vmf_ingest *in, struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_dict *dict = b->col[0].dict;
	int rc;

	if (in->id_gen != dict->gen || in->id_gen == 0) {
		in->id_code = vmf_dict_intern(dict, (const char *)in->id.p,
		    in->id.n, e);
		if (in->id_code < 0)
			return in->id_code;
		in->id_gen = dict->gen;
	}
	rc = put_code(&b->col[0], in->id_code, e);
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
		    isnan(in->num[i]);
	}
	if (rc != 0)
		return rc;
	vmf_batch_row(b);
	in->count.rows_out++;
	return 0;
}

static int
put_wide(struct vmf_ingest *in, struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_dict *dict = b->col[0].dict;
	int64_t n = in->bind.n_values;
	int rc;

	if (in->code_gen != dict->gen || in->code_gen == 0) {
		for (int64_t i = 0; i < n; i++)
			in->code[i] = -1;
		in->code_gen = dict->gen;
	}
	for (int64_t i = 0; i < n; i++) {
		const struct vmf_field_text *name =
		    &in->bind.name[in->bind.value[i]];

		if (isnan(in->num[i])) {
			in->count.missing++;
			continue;
		}
		if (in->code[i] < 0)
			in->code[i] = vmf_dict_intern(dict, name->s,
			    name->len, e);
		if (in->code[i] < 0)
			return in->code[i];
		rc = put_code(&b->col[0], in->code[i], e);
		if (rc == 0)
			rc = vmf_col_put_int(&b->col[1], in->time_s, e);
		if (rc == 0)
			rc = vmf_col_put_num(&b->col[2], in->num[i], e);
		if (rc != 0)
			return rc;
		vmf_batch_row(b);
		in->count.rows_out++;
	}
	return 0;
}

/* Nothing is put before all of the row is known to be good. */
static int
convert(struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_bind *bd = &in->bind;
	int rc;

	if (row->n != bd->n_fields) {
		(void)vmf_fail(&in->why, VMF_EDATA, "%s:%lld: found %lld "
		    "field%s, expected %lld", vmf_source_name(in->src),
		    (long long)row->line, (long long)row->n,
		    row->n == 1 ? "" : "s", (long long)bd->n_fields);
		return ROW_BAD;
	}
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
	for (int64_t i = 0; rc == 0 && i < bd->n_cols; i++)
		rc = bd->col[i].type == VMF_UTF8 ?
		    convert_text(in, row, &bd->col[i], &in->str[i]) :
		    convert_number(in, row, &bd->col[i], &in->num[i]);
	return rc != 0 ? rc : put_row(in, b, e);
}

/* ---- many rows ---- */

static int
never_a_number(const struct vmf_ingest *in, const struct vmf_bound *c,
    struct vmf_err *e)
{
	char shown[48];

	vmf_show_text(c->name, c->name_len, shown);
	return vmf_fail(e, VMF_EDATA, "column '%s' never holds a number (%s)",
	    shown, in->first_bad.msg);
}

/* A bad row, by --bad-rows. */
static int
reject(struct vmf_ingest *in, const struct vmf_row *row, struct vmf_err *e)
{
	int rc;

	if (!in->opt.skip_bad) {
		*e = in->why;
		return VMF_EDATA;
	}
	if (in->count.bad++ == 0)
		in->first_bad = in->why;
	for (int64_t i = 0; i < in->bind.n_cols; i++)
		if (in->bind.col[i].guessed && in->bind.col[i].n_good == 0 &&
		    !in->bind.col[i].attribute &&
		    in->bind.col[i].n_bad >= GUESS_TRIES)
			return never_a_number(in, &in->bind.col[i], e);
	if (in->opt.bad_out == NULL)
		return 0;
	rc = vmf_out_write(in->opt.bad_out, row->raw, row->raw_len, e);
	/* The last row of a file may stand without a line end. */
	if (rc == 0 && row->raw[row->raw_len - 1] != '\n')
		rc = vmf_out_write(in->opt.bad_out, "\n", 1, e);
	return rc;
}

/* Bytes of the batch with those of its texts, which a dictionary keeps. */
static int64_t
full_bytes(const struct vmf_batch *b)
{
	int64_t sum = vmf_batch_bytes(b);

	for (int i = 0; i < b->n_cols; i++)
		if (b->col[i].is_dict && b->col[i].dict->n > 0)
			sum += b->col[i].dict->off[b->col[i].dict->n];
	return sum;
}

int
vmf_ingest_fill(struct vmf_ingest *in, struct vmf_batch *b,
    struct vmf_err *e)
{
	struct vmf_row row;
	int rc;

	if (b->n == 0)
		in->base_bytes = full_bytes(b);
	while ((rc = vmf_csv_next(in->csv, &row, e)) > 0) {
		in->count.rows_in++;
		in->n_rows++;
		if (row.bad != NULL) {
			(void)vmf_fail(&in->why, VMF_EDATA, "%s:%lld: %s",
			    vmf_source_name(in->src), (long long)row.line,
			    row.bad);
			rc = ROW_BAD;
		} else {
			rc = convert(in, &row, b, e);
		}
		if (rc == ROW_BAD)
			rc = reject(in, &row, e);
		if (rc != 0)
			return rc;
		/* Counting costs more than a row, and few are long. */
		if (((in->n_rows & 63) == 0 || in->map->wide ||
		    row.raw_len > 4096) &&
		    full_bytes(b) - in->base_bytes >= VMF_BATCH_BYTES)
			return 1;
	}
	return rc;
}

int
vmf_ingest_finish(struct vmf_ingest *in, struct vmf_err *e)
{
	close_file(in);
	for (int64_t i = 0; i < in->bind.n_cols; i++) {
		const struct vmf_bound *c = &in->bind.col[i];

		if (c->guessed && !c->attribute && c->n_bad > 0 &&
		    c->n_good == 0)
			return never_a_number(in, c, e);
	}
	return 0;
}

void
vmf_ingest_counts(const struct vmf_ingest *in, struct vmf_ingest_counts *c)
{
	*c = in->count;
	c->bytes = in->closed_bytes +
	    (in->src != NULL ? vmf_source_bytes(in->src) : 0);
	c->first_bad = in->first_bad.msg;
}

void
vmf_ingest_free(struct vmf_ingest *in)
{
	if (in == NULL)
		return;
	close_file(in);
	vmf_bind_free(&in->bind);
	vmf_schema_free(&in->schema);
	free(in->first_file);
	free(in->num);
	free(in->str);
	free(in->code);
	vmf_buf_free(&in->id);
	free(in);
}
