/* SPDX-License-Identifier: MIT */
#include "ingest/migread.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ingest/convert.h"
#include "ingest/migread_in.h"

int
vmf_mig_new(struct vmf_mig_in **out, const struct vmf_mig_map *map,
    const struct vmf_mig_opts *opts, struct vmf_err *e)
{
	struct vmf_mig_in *in;

	*out = NULL;
	if (opts->id != NULL && (*opts->id == '\0' ||
	    !vmf_utf8_valid(opts->id, (int64_t)strlen(opts->id))))
		return vmf_fail(e, VMF_EUSAGE,
		    "--id: expected text in UTF-8 that is not empty");
	if (opts->id != NULL && map->format == VMF_MIG_CSV)
		return vmf_fail(e, VMF_EUSAGE, "--id is for sources that "
		    "do not name the VM, and the map takes it from a "
		    "column");
	if (opts->n_ignore > 0 && map->format != VMF_MIG_CSV)
		return vmf_fail(e, VMF_EUSAGE, "--ignore is for sources "
		    "with columns, and the map's has none");
	if ((in = vmf_calloc(1, sizeof(*in), e)) == NULL)
		return VMF_ENOMEM;
	in->map = map;
	in->opt = *opts;
	*out = in;
	return 0;
}

static void
close_file(struct vmf_mig_in *in)
{
	for (int64_t i = 0; i < in->n_bound; i++)
		free(in->bound[i].from);
	in->n_bound = 0;
	free(in->repeats);
	in->repeats = NULL;
	vmf_csv_free(in->csv);
	in->csv = NULL;
	vmf_source_free(in->src);
	in->src = NULL;
	free(in->file);
	free(in->stem);
	in->file = in->stem = NULL;
	in->text.n = in->at = in->line = 0;
	in->ended = false;
}

void
vmf_mig_in_free(struct vmf_mig_in *in)
{
	if (in == NULL)
		return;
	close_file(in);
	free(in->bound);
	vmf_dict_free(&in->seen);
	vmf_buf_free(&in->key);
	vmf_buf_free(&in->text);
	vmf_buf_free(&in->raw);
	vmf_mig_free(&in->row);
	free(in);
}

void
vmf_mig_counts(const struct vmf_mig_in *in, struct vmf_mig_counts *c)
{
	*c = in->count;
	c->first_bad = in->first_bad.msg;
}

int
vmf_mig_why(struct vmf_mig_in *in, int64_t line, const char *fmt, ...)
{
	char text[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)vmf_fail(&in->why, VMF_EDATA, "%s:%lld: %s", in->file,
	    (long long)line, text);
	return VMF_MIG_BAD;
}

int
vmf_mig_line(struct vmf_mig_in *in, const char **s, int64_t *len,
    struct vmf_err *e)
{
	for (;;) {
		int64_t n = in->text.n - in->at, got;
		char *p = n > 0 ? (char *)in->text.p + in->at : NULL;
		char *end = n > 0 ? memchr(p, '\n', (size_t)n) : NULL;

		if (end != NULL || (in->ended && n > 0)) {
			*len = end != NULL ? end - p : n;
			in->whole = *len + (end != NULL);
			in->at += in->whole;
			if (in->line++ == 0 && *len >= 3 &&
			    memcmp(p, "\xef\xbb\xbf", 3) == 0) {
				p += 3;
				*len -= 3;
				in->whole -= 3;
			}
			if (*len > 0 && p[*len - 1] == '\r')
				--*len;
			*s = p;
			return 1;
		}
		if (in->ended)
			return 0;
		if (n > VMF_CSV_MAX_FIELD)
			return vmf_fail(e, VMF_EDATA, "%s:%lld: the line is "
			    "longer than %lld bytes", in->file,
			    (long long)in->line + 1,
			    (long long)VMF_CSV_MAX_FIELD);
		if (n > 0)
			memmove(in->text.p, p, (size_t)n);
		in->text.n = n;
		in->at = 0;
		if (vmf_buf_reserve(&in->text, 65536, e) != 0)
			return VMF_ENOMEM;
		got = vmf_source_read(in->src, in->text.p + n, 65536, e);
		if (got < 0)
			return (int)got;
		in->text.n += got;
		in->ended = got == 0;
	}
}

/* ---- CSV ---- */

static bool
same(const struct vmf_field_text *f, const char *name)
{
	return vmf_text_is(f->s, f->len, name);
}

/* What a column is there for. */
enum use { USE_NONE, USE_MAP, USE_IGNORED };

static int
find_ref(const struct vmf_mig_in *in, const struct vmf_row *h,
    const struct vmf_map_ref *ref, int64_t *at, uint8_t *use,
    struct vmf_err *e)
{
	char found[400];

	*at = -1;
	if (ref->name == NULL)
		*at = ref->pos <= h->n ? ref->pos - 1 : -1;
	for (int64_t i = 0; ref->name != NULL && i < h->n && *at < 0; i++)
		if (same(&h->field[i], ref->name))
			*at = i;
	if (*at >= 0 && use[*at] == USE_IGNORED)
		return vmf_fail(e, VMF_EDATA, "%s:%lld: column %lld is one "
		    "of the map, and --ignore names it", in->file,
		    (long long)h->line, (long long)*at + 1);
	if (*at >= 0) {
		use[*at] = USE_MAP;
		return 0;
	}
	if (ref->name == NULL)
		return vmf_fail(e, VMF_EDATA, "%s:%lld: found %lld columns, "
		    "but the map names column %lld", in->file,
		    (long long)h->line, (long long)h->n,
		    (long long)ref->pos);
	return vmf_fail(e, VMF_EDATA, "%s:%lld: no column '%.100s', which "
	    "the map names; %s", in->file, (long long)h->line, ref->name,
	    vmf_show_names(h->field, h->n, ref->name, found));
}

static int
bind(struct vmf_mig_in *in, const struct vmf_row *h, int col,
    const struct vmf_mig_field *f, const struct vmf_map_ref *ref, int n,
    uint8_t *use, struct vmf_err *e)
{
	struct vmf_mig_bound *b;
	int rc = vmf_grow(&in->bound, &in->bound_cap, in->n_bound + 1, e);

	if (rc != 0)
		return rc;
	b = &in->bound[in->n_bound++];
	*b = (struct vmf_mig_bound){ .field = f, .col = col };
	b->from = vmf_calloc(n, (int64_t)sizeof(*b->from), e);
	if (b->from == NULL)
		return VMF_ENOMEM;
	for (; rc == 0 && b->n_from < n; b->n_from++)
		rc = find_ref(in, h, &ref[b->n_from], &b->from[b->n_from],
		    use, e);
	return rc;
}

/* A column that no field of the map names. */
static int
bind_other(struct vmf_mig_in *in, const struct vmf_row *h, int64_t i,
    uint8_t *use, struct vmf_err *e)
{
	const struct vmf_field_text *f = &h->field[i];
	struct vmf_map_ref ref = { NULL, i + 1 };
	char shown[48];
	int col = vmf_mig_find(f->s, f->len);

	if (in->map->others == VMF_OTHERS_IGNORE)
		return 0;
	if (in->map->others != VMF_OTHERS_GUESS || col < 0)
		return vmf_fail(e, VMF_EDATA, "%s:%lld: column '%s' is not "
		    "one of migrations (vmf-stream(5) lists them); expected "
		    "it in a map, or --ignore", in->file, (long long)h->line,
		    vmf_show_text(f->s, f->len, shown));
	for (int64_t k = 0; k < in->n_bound; k++)
		if (in->bound[k].col == col)
			return vmf_fail(e, VMF_EDATA, "%s:%lld: column '%s' "
			    "comes twice", in->file, (long long)h->line,
			    vmf_mig_col(col)->name);
	return bind(in, h, col, NULL, &ref, 1, use, e);
}

/* --ignore names columns that are there, and each of the others comes
 * once. */
static int
check_header(const struct vmf_mig_in *in, const struct vmf_row *h,
    uint8_t *use, struct vmf_err *e)
{
	struct vmf_dict seen = { 0 };
	char where[600];
	int rc = 0;

	snprintf(where, sizeof(where), "%.500s:%lld", in->file,
	    (long long)h->line);
	for (int k = 0; k < in->opt.n_ignore; k++) {
		bool found = false;

		for (int64_t i = 0; i < h->n; i++)
			if (same(&h->field[i], in->opt.ignore[k])) {
				use[i] = USE_IGNORED;
				found = true;
			}
		if (!found)
			return vmf_fail(e, VMF_EDATA, "%s: no column "
			    "'%.100s', which --ignore names", where,
			    in->opt.ignore[k]);
	}
	for (int64_t i = 0; rc == 0 && i < h->n; i++) {
		if (use[i] != USE_IGNORED && h->field[i].len > 0)
			rc = vmf_bind_once(&seen, &h->field[i], i, where, e);
	}
	vmf_dict_free(&seen);
	return rc;
}

static int
bind_all(struct vmf_mig_in *in, const struct vmf_row *h, uint8_t *use,
    struct vmf_err *e)
{
	const struct vmf_mig_map *m = in->map;
	int rc = check_header(in, h, use, e);

	in->n_header = h->n;
	for (int i = 0; rc == 0 && i < m->n_fields; i++)
		rc = bind(in, h, m->field[i].col, &m->field[i],
		    m->field[i].from, m->field[i].n_from, use, e);
	if (rc == 0 && m->has_only)
		rc = find_ref(in, h, &m->only, &in->only, use, e);
	in->repeats = vmf_calloc(m->n_repeats, (int64_t)sizeof(*in->repeats),
	    e);
	if (in->repeats == NULL)
		return VMF_ENOMEM;
	for (int i = 0; rc == 0 && i < m->n_repeats; i++)
		rc = find_ref(in, h, &m->repeats[i], &in->repeats[i], use,
		    e);
	for (int64_t i = 0; rc == 0 && i < h->n; i++)
		if (use[i] == USE_NONE)
			rc = bind_other(in, h, i, use, e);
	return rc;
}

static int
read_header(struct vmf_mig_in *in, struct vmf_err *e)
{
	struct vmf_row h;
	uint8_t *use;
	int rc = vmf_csv_next(in->csv, &h, e);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return vmf_fail(e, VMF_EDATA,
		    "%s: the file is empty, expected a header", in->file);
	if (h.bad != NULL)
		return vmf_fail(e, VMF_EDATA, "%s:%lld: %s", in->file,
		    (long long)h.line, h.bad);
	use = vmf_calloc(h.n + 1, 1, e);
	if (use == NULL)
		return VMF_ENOMEM;
	rc = bind_all(in, &h, use, e);
	free(use);
	return rc;
}

/* The text of a field of the map: of its columns, or its own. */
static int
field_text(struct vmf_mig_in *in, const struct vmf_mig_bound *b,
    const struct vmf_row *r, const char **s, int64_t *len,
    struct vmf_err *e)
{
	if (b->n_from == 0) {
		*s = b->field->value;
		*len = (int64_t)strlen(*s);
		return 0;
	}
	*s = r->field[b->from[0]].s;
	*len = r->field[b->from[0]].len;
	if (b->n_from == 1)
		return 0;
	in->key.n = 0;
	for (int k = 0; k < b->n_from; k++) {
		const struct vmf_field_text *f = &r->field[b->from[k]];

		if ((k > 0 && vmf_buf_put(&in->key, "/", 1, e) != 0) ||
		    (f->len > 0 && vmf_buf_put(&in->key, f->s, f->len,
		    e) != 0))
			return VMF_ENOMEM;
	}
	*s = (const char *)in->key.p;
	*len = in->key.n;
	return 0;
}

static int
set_field(struct vmf_mig_in *in, const struct vmf_mig_bound *b,
    const struct vmf_row *r, struct vmf_err *e)
{
	const struct vmf_mig_field *f = b->field;
	const char *s, *expected = "";
	char shown[48];
	int64_t len;
	int rc = field_text(in, b, r, &s, &len, e);

	if (rc != 0)
		return rc;
	for (int k = 0; f != NULL && k < f->n_words; k++)
		if (vmf_text_is(s, len, f->word[k].from)) {
			s = f->word[k].to;
			len = (int64_t)strlen(s);
			break;
		}
	rc = vmf_mig_set(&in->row, b->col, s, len, f != NULL ? f->scale :
	    1.0, &expected, e);
	if (rc > 0)
		return vmf_mig_why(in, r->line, "%s is '%s', expected %s",
		    vmf_mig_col(b->col)->name, vmf_show_text(s, len, shown),
		    expected);
	return rc;
}

/* What the row has in the columns of "repeats", into in->key. */
static int
repeat_key(struct vmf_mig_in *in, const struct vmf_row *r, struct vmf_err *e)
{
	in->key.n = 0;
	for (int k = 0; k < in->map->n_repeats; k++) {
		const struct vmf_field_text *f = &r->field[in->repeats[k]];

		if (vmf_buf_put(&in->key, f->s, f->len, e) != 0 ||
		    vmf_buf_put(&in->key, "\x1f", 1, e) != 0)
			return VMF_ENOMEM;
	}
	return 0;
}

/* Has the row come before? */
static int
is_repeated(struct vmf_mig_in *in, const struct vmf_row *r, bool *repeated,
    struct vmf_err *e)
{
	int rc = in->map->n_repeats > 0 ? repeat_key(in, r, e) : 0;

	*repeated = rc == 0 && in->map->n_repeats > 0 &&
	    vmf_dict_find(&in->seen, (const char *)in->key.p, in->key.n) >= 0;
	return rc;
}

/* All fields; 1: one is bad.  A row counts as come when it was good, so that
 * a bad copy of it takes nothing away. */
static int
set_row(struct vmf_mig_in *in, const struct vmf_row *r, struct vmf_err *e)
{
	int32_t code;
	int rc = 0;

	vmf_mig_clear(&in->row);
	for (int64_t i = 0; rc == 0 && i < in->n_bound; i++)
		rc = set_field(in, &in->bound[i], r, e);
	if (rc != 0 || in->map->n_repeats == 0)
		return rc;
	if ((rc = repeat_key(in, r, e)) != 0)
		return rc;
	code = vmf_dict_intern(&in->seen, (const char *)in->key.p, in->key.n,
	    e);
	return code < 0 ? code : 0;
}

/* The next row that is wanted: 1, 0 at the end, < 0 on failure. */
static int
next_csv(struct vmf_mig_in *in, bool *bad, struct vmf_err *e)
{
	struct vmf_row r;
	bool repeated;
	int rc;

	*bad = false;
	while ((rc = vmf_csv_next(in->csv, &r, e)) > 0) {
		in->count.rows_in++;
		in->raw.n = 0;
		if (vmf_buf_put(&in->raw, r.raw, r.raw_len, e) != 0)
			return VMF_ENOMEM;
		*bad = true;
		if (r.bad != NULL) {
			(void)vmf_mig_why(in, r.line, "%s", r.bad);
			return 1;
		}
		if (r.n != in->n_header) {
			(void)vmf_mig_why(in, r.line, "found %lld fields, "
			    "expected %lld", (long long)r.n,
			    (long long)in->n_header);
			return 1;
		}
		if (in->map->has_only && !same(&r.field[in->only],
		    in->map->only_is)) {
			in->count.others++;
			continue;
		}
		if ((rc = is_repeated(in, &r, &repeated, e)) != 0)
			return rc;
		if (repeated) {
			in->count.repeated++;
			continue;
		}
		rc = set_row(in, &r, e);
		*bad = rc > 0;
		return rc < 0 ? rc : 1;
	}
	return rc;
}

/* ---- all formats ---- */

/* web-1.txt.gz -> web-1 */
static int
take_stem(struct vmf_mig_in *in, const char *path, struct vmf_err *e)
{
	static const char *const ends[] = { ".gz", ".zst", ".txt", ".json",
	    ".jsonl", ".log" };
	const char *s = strrchr(path, '/');
	int64_t len;

	s = s == NULL ? path : s + 1;
	len = (int64_t)strlen(s);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		int64_t n = (int64_t)strlen(ends[i]);

		if (len > n && memcmp(s + len - n, ends[i], (size_t)n) == 0)
			len -= n;
	}
	if (!vmf_utf8_valid(s, len))
		return vmf_fail(e, VMF_EDATA, "%s: the file's name is not "
		    "UTF-8, expected the name of a VM", path);
	in->stem = vmf_strndup(s, len, e);
	return in->stem == NULL ? VMF_ENOMEM : 0;
}

static int64_t
read_source(void *arg, void *p, int64_t n, struct vmf_err *e)
{
	return vmf_source_read(arg, p, n, e);
}

int
vmf_mig_open(struct vmf_mig_in *in, const char *path, struct vmf_err *e)
{
	struct vmf_csv_text text = { .read = read_source };
	int rc;

	close_file(in);
	in->file = vmf_strdup(vmf_in_name(path), e);
	if (in->file == NULL)
		return VMF_ENOMEM;
	if ((rc = vmf_source_open(&in->src, path, e)) != 0)
		return rc;
	in->count.files++;
	if (in->map->format == VMF_MIG_CSV) {
		text.arg = in->src;
		text.name = in->file;
		rc = vmf_csv_open(&in->csv, &text, in->map->delim, false, e);
		return rc != 0 ? rc : read_header(in, e);
	}
	if (in->opt.id != NULL) {
		in->stem = vmf_strdup(in->opt.id, e);
		return in->stem == NULL ? VMF_ENOMEM : 0;
	}
	return path == NULL || strcmp(path, "-") == 0 ? 0 :
	    take_stem(in, path, e);
}

/* What the map says of every row, where the row does not say it. */
static int
add_values(struct vmf_mig_in *in, struct vmf_err *e)
{
	const char *expected;
	int rc = 0;

	for (int i = 0; rc == 0 && i < in->map->n_fields; i++) {
		const struct vmf_mig_field *f = &in->map->field[i];

		if (!in->row.has[f->col])
			rc = vmf_mig_set(&in->row, f->col, f->value,
			    (int64_t)strlen(f->value), f->scale, &expected,
			    e);
	}
	if (rc == 0 && in->stem != NULL && !in->row.has[VMF_MIG_VM])
		rc = vmf_mig_set(&in->row, VMF_MIG_VM, in->stem,
		    (int64_t)strlen(in->stem), 1.0, &expected, e);
	return rc;
}

/* The bad row as it stood. */
static int
keep_bad(struct vmf_mig_in *in, struct vmf_err *e)
{
	/* The last row of a file may stand without a line end. */
	if (in->raw.n > 0 && in->raw.p[in->raw.n - 1] != '\n' &&
	    vmf_buf_put(&in->raw, "\n", 1, e) != 0)
		return VMF_ENOMEM;
	return vmf_out_write(in->opt.bad_out, in->raw.p, in->raw.n, e);
}

int
vmf_mig_next(struct vmf_mig_in *in, struct vmf_batch *b, struct vmf_err *e)
{
	bool bad;
	int rc;

	do {
		bad = false;
		rc = in->map->format == VMF_MIG_CSV ? next_csv(in, &bad, e) :
		    in->map->format == VMF_MIG_QUERY ?
		    vmf_mig_query(in, &bad, e) :
		    vmf_mig_domjobinfo(in, &bad, e);
		if (rc <= 0)
			return rc;
		if (!bad)
			break;
		if (!in->opt.skip_bad)
			return vmf_fail(e, VMF_EDATA, VMF_BAD_ROW, in->why.msg);
		if (in->count.bad++ == 0)
			in->first_bad = in->why;
		if (in->opt.bad_out != NULL && (rc = keep_bad(in, e)) != 0)
			return rc;
	} while (true);
	if (in->map->format != VMF_MIG_CSV && (rc = add_values(in, e)) != 0)
		return rc < 0 ? rc : VMF_EDATA;
	if ((rc = vmf_mig_put(&in->row, b, e)) != 0)
		return rc;
	in->count.rows_out++;
	return 1;
}
