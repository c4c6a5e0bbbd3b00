/* SPDX-License-Identifier: MIT */
#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "ingest/ingest_in.h"

/* The header is not sought in later lines. */
#define HEADER_LINES 10

int
vmf_ingest_new(struct vmf_ingest **out, const struct vmf_map *map,
    const struct vmf_ingest_opts *opts, struct vmf_err *e)
{
	struct vmf_ingest *in;
	int rc;

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
	if (opts->pick.n_only > 0 && map->wide)
		return vmf_fail(e, VMF_EUSAGE, "--only is for sources with a "
		    "column for each metric, and the map's has one for each "
		    "VM");
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
	if (opts->reader == VMF_READER_FAST) {
		rc = vmf_fast_new(in, e);
		if (rc != 0) {
			vmf_ingest_free(in);
			return rc;
		}
	}
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
	free(in->file);
	in->csv = NULL;
	in->src = NULL;
	in->file = NULL;
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

/* So many rows that their columns take about 256 KiB, as a power of two. */
static int64_t
check_rows(const struct vmf_schema *s)
{
	int64_t row_bytes = 0, n = 4096;

	for (int i = 0; i < s->n; i++)
		row_bytes += s->field[i].type == VMF_TIME ||
		    s->field[i].type == VMF_FLOAT64 ? 8 : 4;
	while (n > 16 && n * row_bytes > 256 * 1024)
		n /= 2;
	return n;
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
	rc = vmf_bind_make(&in->bind, in->map, name, n, &in->opt.pick, where,
	    e);
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
	if (rc != 0)
		return rc;
	if (!in->bound)
		in->check_rows = check_rows(&in->schema);
	in->bound = true;
	return 0;
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

/* The header lacked a name: say so where a line soon after has it. */
static void
find_header(struct vmf_ingest *in, struct vmf_err *e)
{
	const char *name = in->bind.lacking;
	int64_t len = (int64_t)strlen(name);
	struct vmf_row row;
	size_t used;

	while (vmf_csv_next(in->csv, &row, NULL) > 0 &&
	    row.line <= HEADER_LINES)
		for (int64_t i = 0; i < row.n; i++) {
			if (row.field[i].len != len || memcmp(row.field[i].s,
			    name, (size_t)len) != 0)
				continue;
			used = strlen(e->msg);
			snprintf(e->msg + used, sizeof(e->msg) - used, "; "
			    "line %lld has it: \"skip\": %lld in a map, if it "
			    "is the header", (long long)row.line,
			    (long long)row.line - 1);
			return;
		}
}

/* The header of a file that is not the first. */
static int
follow(struct vmf_ingest *in, const struct vmf_row *header,
    struct vmf_err *e)
{
	int64_t n = in->bind.n_fields;
	int rc;

	if (vmf_bind_same(&in->bind, header))
		return 0;
	rc = vmf_grow(&in->at, &in->at_cap, n, e);
	if (rc == 0)
		rc = vmf_grow(&in->followed, &in->followed_cap, n, e);
	if (rc == 0)
		rc = vmf_bind_follow(&in->bind, &in->opt.pick, header,
		    in->file, in->first_file, in->at, e);
	in->follow = rc == 0;
	return rc;
}

static int
read_header(struct vmf_ingest *in, struct vmf_err *e)
{
	const char *file = in->file;
	struct vmf_row row;
	char where[600];
	bool json;
	int rc = vmf_csv_next(in->csv, &row, e);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return vmf_fail(e, VMF_EDATA,
		    "%s: the file is empty, expected a header", file);
	json = vmf_ingest_is_json(&row);
	if (row.bad != NULL)
		return json ? vmf_ingest_json(in, &row, e) :
		    vmf_fail(e, VMF_EDATA, "%s:%lld: %s", file,
		    (long long)row.line, row.bad);
	snprintf(where, sizeof(where), "%.500s:%lld", file,
	    (long long)row.line);
	in->n_fields = row.n;
	if (in->bound && !in->map->wide)
		rc = follow(in, &row, e);
	else
		rc = bind(in, row.field, row.n, where, e);
	/* Columns of VMs are not missed where there is none. */
	if (json && (rc == VMF_EDATA || (rc == 0 && in->map->wide &&
	    in->bind.n_values == 0)))
		return vmf_ingest_json(in, &row, e);
	if (rc == VMF_EDATA && in->bind.lacking != NULL && e != NULL)
		find_header(in, e);
	return rc;
}

/* What the map says of lines that are no rows. */
static int
pass_lines(struct vmf_ingest *in, struct vmf_err *e)
{
	int64_t left = in->map->skip;
	/* Of no lines none would be read: not even what may be a mark. */
	int rc = left > 0 ? vmf_csv_skip(in->csv, &left, e) : 0;

	if (rc == 0 && left > 0 && in->map->header)
		return vmf_fail(e, VMF_EDATA, "%s: found %lld lines, "
		    "expected a header after %lld, which \"skip\" says",
		    in->file, (long long)(in->map->skip - left),
		    (long long)in->map->skip);
	if (in->map->comment != NULL)
		vmf_csv_set_comment(in->csv, in->map->comment);
	return rc;
}

static int64_t
read_source(void *arg, void *p, int64_t n, struct vmf_err *e)
{
	return vmf_source_read(arg, p, n, e);
}

enum vmf_stamp
vmf_ingest_given(const struct vmf_ingest *in, const char **pattern)
{
	bool told = in->opt.stamp != VMF_STAMP_AUTO;

	*pattern = told ? in->opt.pattern : in->map->pattern;
	return told ? in->opt.stamp : in->map->stamp;
}

int
vmf_ingest_expect(struct vmf_ingest *in, const char *const *path, int n,
    struct vmf_err *e)
{
	return in->fast != NULL ? vmf_fast_expect(in->fast, path, n, e) : 0;
}

int
vmf_ingest_open(struct vmf_ingest *in, const char *path, struct vmf_err *e)
{
	struct vmf_csv_text text = { .read = read_source };
	int rc;

	close_file(in);
	if (in->map->id_from_file) {
		rc = take_file_id(in, path, e);
		if (rc != 0)
			return rc;
	}
	in->file = vmf_strdup(vmf_in_name(path), e);
	if (in->file == NULL)
		return VMF_ENOMEM;
	rc = in->fast != NULL ? vmf_fast_open(in->fast, path, e) :
	    vmf_source_open(&in->src, path, e);
	if (rc != 0)
		return rc;
	text.arg = in->src;
	text.name = in->file;
	if (in->fast != NULL) {
		text.read = vmf_fast_read;
		text.arg = in->fast;
	}
	in->follow = false;
	in->n_fields = in->map->n_columns;
	rc = vmf_csv_open(&in->csv, &text, in->map->delim,
	    in->map->time_by_row, e);
	if (rc == 0)
		rc = pass_lines(in, e);
	if (rc == 0 && in->map->header)
		rc = read_header(in, e);
	else if (rc == 0 && !in->bound)
		rc = bind_map_columns(in, e);
	if (rc != 0)
		return rc;
	if (in->first_file == NULL) {
		in->first_file = vmf_strdup(in->file, e);
		if (in->first_file == NULL)
			return VMF_ENOMEM;
	}
	in->stamp = vmf_ingest_given(in, &in->pattern);
	in->detect = in->stamp == VMF_STAMP_AUTO;
	in->time_len = 0;
	in->n_rows = 0;
	in->count.files++;
	return in->fast != NULL ? vmf_fast_ready(in->fast, e) : 0;
}

const struct vmf_schema *
vmf_ingest_schema(const struct vmf_ingest *in)
{
	return &in->schema;
}

int
vmf_ingest_fill(struct vmf_ingest *in, struct vmf_batch *b,
    struct vmf_err *e)
{
	struct vmf_row row;
	int rc;

	if (b->n == 0)
		in->base_dict = vmf_ingest_dict_bytes(b);
	if (in->fast != NULL)
		return vmf_fast_fill(in->fast, b, e);
	while ((rc = vmf_csv_next(in->csv, &row, e)) > 0) {
		rc = vmf_ingest_row(in, &row, b, e);
		if (rc != 0)
			return rc;
		if (vmf_ingest_full(in, b))
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
			return vmf_ingest_never(in, c, e);
	}
	/* Then the map is wrong, or the file is none of its kind. */
	if (in->count.passed > 0 && in->count.passed == in->count.rows_in)
		return vmf_fail(e, VMF_EDATA, "none of %lld rows is of a "
		    "metric of the map (%s)", (long long)in->count.passed,
		    in->first_passed.msg);
	if (in->count.bad > 0 &&
	    in->count.bad + in->count.passed == in->count.rows_in)
		return vmf_fail(e, VMF_EDATA, "none of %lld rows can be read "
		    "(%s)", (long long)in->count.bad, in->first_bad.msg);
	return 0;
}

const struct vmf_bound *
vmf_ingest_unmet(const struct vmf_ingest *in, int64_t *i,
    struct vmf_field_text *field)
{
	while (*i < in->bind.n_cols) {
		const struct vmf_bound *c = &in->bind.col[(*i)++];

		if (c->where < 0 || c->n_good > 0)
			continue;
		*field = in->bind.name[c->where];
		return c;
	}
	return NULL;
}

enum vmf_stamp
vmf_ingest_stamp(const struct vmf_ingest *in, bool *guessed)
{
	*guessed = in->detect;
	return in->stamp;
}

void
vmf_ingest_counts(const struct vmf_ingest *in, struct vmf_ingest_counts *c)
{
	*c = in->count;
	c->bytes = in->fast != NULL ? vmf_fast_bytes(in->fast) :
	    in->closed_bytes +
	    (in->src != NULL ? vmf_source_bytes(in->src) : 0);
	c->first_bad = in->first_bad.msg;
}

void
vmf_ingest_free(struct vmf_ingest *in)
{
	if (in == NULL)
		return;
	vmf_fast_free(in->fast);
	close_file(in);
	vmf_bind_free(&in->bind);
	vmf_schema_free(&in->schema);
	free(in->first_file);
	free(in->at);
	free(in->followed);
	free(in->num);
	free(in->str);
	free(in->code);
	vmf_buf_free(&in->id);
	free(in);
}
