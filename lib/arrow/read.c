/* SPDX-License-Identifier: MIT */
/*
 * The stream's reader: framing, schema, dictionaries.  Memory grows with the
 * bytes that really arrive, never with what a length field claims.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/arrow.h"
#include "arrow/decode.h"
#include "arrow/flat.h"
#include "arrow/format.h"
#include "arrow/read_in.h"
#include "base/mem.h"
#include "base/num.h"

#define READ_CHUNK ((int64_t)1 << 20)
#define MAX_META 1000	/* entries of a schema, or of a field */
#define BODY_KEPT ((int64_t)16 << 20)	/* after a dictionary */

/* ---- bytes ---- */

static int
cut_off(const struct vmf_reader *r, const struct vmf_whole *w,
    struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDATA, "%s: cut off at byte %lld, in %s that "
	    "begins at byte %lld and has %lld bytes", r->name,
	    (long long)r->byte, w->what, (long long)w->begin,
	    (long long)w->n);
}

int
vmf_reader_more(struct vmf_reader *r, struct vmf_buf *b, int64_t n,
    const struct vmf_whole *w, struct vmf_err *e)
{
	int64_t end = b->n + n, got, part;
	int rc = vmf_buf_reserve(b, 16, e);

	while (rc == 0 && b->n < end) {
		part = b->n < READ_CHUNK ? READ_CHUNK : b->n;
		if (part > end - b->n)
			part = end - b->n;
		rc = vmf_buf_reserve(b, part, e);
		if (rc != 0)
			break;
		got = vmf_read_full(r->fd, b->p + b->n, part, r->name, e);
		if (got < 0)
			return (int)got;
		b->n += got;
		r->byte += got;
		if (got < part)
			return cut_off(r, w, e);
	}
	return rc;
}

static int
read_bytes(struct vmf_reader *r, struct vmf_buf *b, int64_t n,
    const char *what, struct vmf_err *e)
{
	struct vmf_whole w = { .what = what, .begin = r->byte, .n = n };

	b->n = 0;
	return vmf_reader_more(r, b, n, &w, e);
}

/* What a stream that does not begin like one looks like. */
static int
not_a_stream(const struct vmf_reader *r, const uint8_t *p, int64_t n,
    struct vmf_err *e)
{
	bool text = true;
	char hex[16] = "";

	if (n >= 6 && memcmp(p, "ARROW1", 6) == 0)
		return vmf_fail(e, VMF_EDATA, "%s: byte 0: an Arrow IPC "
		    "file, expected an Arrow IPC stream (pyarrow: "
		    "ipc.new_stream; polars: write_ipc_stream)", r->name);
	for (int64_t i = 0; i < n; i++)
		text &= (p[i] >= 0x20 && p[i] < 0x7f) || p[i] == '\n' ||
		    p[i] == '\r' || p[i] == '\t';
	if (text)
		return vmf_fail(e, VMF_EDATA, "%s: byte 0: text beginning "
		    "'%.*s', expected an Arrow IPC stream (vmf-ingest makes "
		    "one from CSV)", r->name, (int)strcspn((const char *)p,
		    "\r\n"), (const char *)p);
	if (n >= 4 && p[0] == 0x1f && p[1] == 0x8b)
		return vmf_fail(e, VMF_EDATA, "%s: byte 0: gzip, expected an "
		    "Arrow IPC stream (unpack it: gzip -dc FILE |)", r->name);
	if (n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
		return vmf_fail(e, VMF_EDATA, "%s: byte 0: zstd, expected an "
		    "Arrow IPC stream (unpack it: zstd -dc FILE |)", r->name);
	for (int64_t i = 0; i < n && i < 4; i++)
		snprintf(hex + 3 * i, 4, "%02x ", p[i]);
	return vmf_fail(e, VMF_EDATA, "%s: byte 0: found %.*s, expected an "
	    "Arrow IPC stream (ff ff ff ff)", r->name,
	    (int)strlen(hex) - 1, hex);
}

/*
 * The next message's metadata into r->meta.  1, or 0 at the end marker.
 * *begin is where the message stands.
 */
static int
next_message(struct vmf_reader *r, int64_t *begin, struct vmf_err *e)
{
	uint8_t prefix[9] = { 0 };
	uint32_t marker;
	int32_t n;
	int64_t got = vmf_read_full(r->fd, prefix, 8, r->name, e);
	int rc;

	if (got < 0)
		return (int)got;
	*begin = r->byte;
	r->byte += got;
	if (got == 0 && *begin == 0)
		return vmf_fail(e, VMF_EDATA, "%s: empty, expected an Arrow "
		    "IPC stream", r->name);
	memcpy(&marker, prefix, 4);
	memcpy(&n, prefix + 4, 4);
	if (*begin == 0 && memcmp(prefix, "\xff\xff\xff\xff",
	    got < 4 ? (size_t)got : 4) != 0)
		return not_a_stream(r, prefix, got, e);
	if (got == 0)
		return vmf_fail(e, VMF_EDATA, "%s: cut off at byte %lld: the "
		    "stream ends without its end marker, so what wrote it "
		    "did not finish", r->name, (long long)r->byte);
	if (got < 8)
		return vmf_fail(e, VMF_EDATA, "%s: cut off at byte %lld, in "
		    "the beginning of a message", r->name,
		    (long long)r->byte);
	if (marker != 0xffffffff)
		return vmf_fail(e, VMF_EDATA, "%s: byte %lld: found "
		    "%02x %02x %02x %02x, expected a message (ff ff ff ff)",
		    r->name, (long long)*begin, prefix[0], prefix[1],
		    prefix[2], prefix[3]);
	if (n == 0)
		return 0;
	if (n < 0 || n > r->max_batch)
		return vmf_fail(e, VMF_EDATA, "%s: byte %lld: a message's "
		    "metadata of %ld bytes, expected at most %lld "
		    "(--max-batch)", r->name, (long long)*begin, (long)n,
		    (long long)r->max_batch);
	rc = read_bytes(r, &r->meta, n, "a message's metadata", e);
	return rc != 0 ? rc : 1;
}

/* ---- schema ---- */

static int
bad_column(const struct vmf_reader *r, const char *name, const char *found,
    struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDATA, "%s: column '%.100s' has type %s; "
	    "expected numbers (of at most 64 bits, decimals of 128), text, "
	    "times, booleans, binary, or lists of numbers", r->name, name,
	    found);
}

static int
flat_bad(const struct vmf_reader *r, int64_t begin, struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDATA, "%s: message at byte %lld: the "
	    "metadata points outside itself", r->name, (long long)begin);
}

static int
decimal_parts(struct vmf_flat *f, int64_t type, int *width, int *scale)
{
	*scale = (int)vmf_flat_int(f, type, 1, 4, 0);
	*width = (int)vmf_flat_int(f, type, 2, 4, 128);
	return *scale > -100 && *scale < 100 && (*width == 32 ||
	    *width == 64 || *width == 128) ? 0 : VMF_EDATA;
}

/* The items of a list: numbers. */
static int
item_source(struct vmf_source *s, struct vmf_flat *f, int64_t field)
{
	int64_t n, v = vmf_flat_vector(f, field, FIELD_CHILDREN, 4, &n);
	int64_t child, type;

	if (n != 1)
		return VMF_EDATA;
	child = vmf_flat_elem(f, v, 0);
	/* Its type is that of the dictionary's values. */
	if (vmf_flat_table(f, child, FIELD_DICTIONARY) != 0)
		return VMF_EDATA;
	type = vmf_flat_table(f, child, FIELD_TYPE);
	s->type = VMF_LIST_FLOAT64;
	switch (vmf_flat_int(f, child, FIELD_TYPE_TYPE, 1, 0)) {
	case TYPE_NULL:
		s->item_layout = LAYOUT_NULL;
		s->type = VMF_LIST_FLOAT32;
		return 0;
	case TYPE_INT:
		s->item_layout = LAYOUT_INT;
		s->item_width = (int)vmf_flat_int(f, type, 0, 4, 0);
		s->item_signed = vmf_flat_int(f, type, 1, 1, 0) != 0;
		return s->item_width == 8 || s->item_width == 16 ||
		    s->item_width == 32 || s->item_width == 64 ? 0 :
		    VMF_EDATA;
	case TYPE_FLOAT:
		s->item_layout = LAYOUT_FLOAT;
		n = vmf_flat_int(f, type, 0, 2, 0);
		s->item_width = 16 << (n & 3);
		if (n != 2)
			s->type = VMF_LIST_FLOAT32;
		return n >= 0 && n <= 2 ? 0 : VMF_EDATA;
	case TYPE_DECIMAL:
		s->item_layout = LAYOUT_DECIMAL;
		return decimal_parts(f, type, &s->item_width, &s->item_scale);
	default:
		return VMF_EDATA;
	}
}

static int
int_source(struct vmf_source *s, struct vmf_flat *f, int64_t type)
{
	s->layout = LAYOUT_INT;
	s->width = (int)vmf_flat_int(f, type, 0, 4, 0);
	s->is_signed = vmf_flat_int(f, type, 1, 1, 0) != 0;
	s->type = s->width < 32 || (s->width == 32 && s->is_signed) ?
	    VMF_INT32 : VMF_INT64;
	return s->width == 8 || s->width == 16 || s->width == 32 ||
	    s->width == 64 ? 0 : VMF_EDATA;
}

static int
time_source(struct vmf_source *s, int64_t per_second)
{
	s->layout = LAYOUT_INT;
	s->type = VMF_TIME;
	s->width = 64;
	s->is_signed = true;
	s->div = per_second;
	return 0;
}

/* What a field's type becomes; VMF_EDATA, without a message, for types that
 * vmf has no use for (the caller names it). */
static int
make_source(struct vmf_source *s, struct vmf_flat *f, int64_t field)
{
	static const int64_t per_second[] = { 1, 1000, 1000000, 1000000000 };
	int64_t type = vmf_flat_table(f, field, FIELD_TYPE), v;

	*s = (struct vmf_source){ .mul = 1, .div = 1 };
	switch (vmf_flat_int(f, field, FIELD_TYPE_TYPE, 1, 0)) {
	case TYPE_NULL:
		s->layout = LAYOUT_NULL;
		s->type = VMF_NULL;
		return 0;
	case TYPE_BOOL:
		s->layout = LAYOUT_BOOL;
		s->type = VMF_BOOL;
		return 0;
	case TYPE_INT:
		return int_source(s, f, type);
	case TYPE_FLOAT:
		v = vmf_flat_int(f, type, 0, 2, 0);
		s->layout = LAYOUT_FLOAT;
		s->type = v == 2 ? VMF_FLOAT64 : VMF_FLOAT32;
		s->width = 16 << (v & 3);
		return v >= 0 && v <= 2 ? 0 : VMF_EDATA;
	case TYPE_DECIMAL:
		s->layout = LAYOUT_DECIMAL;
		s->type = VMF_FLOAT64;
		return decimal_parts(f, type, &s->width, &s->scale);
	case TYPE_TIMESTAMP:
		v = vmf_flat_int(f, type, 0, 2, 0);
		return v >= 0 && v <= 3 ? time_source(s, per_second[v]) :
		    VMF_EDATA;
	case TYPE_DATE:
		if (vmf_flat_int(f, type, 0, 2, 1) == 1)
			return time_source(s, 1000);
		(void)time_source(s, 1);
		s->width = 32;
		s->mul = 86400;
		return 0;
	case TYPE_UTF8:
	case TYPE_LARGE_UTF8:
	case TYPE_BINARY:
	case TYPE_LARGE_BINARY:
		v = vmf_flat_int(f, field, FIELD_TYPE_TYPE, 1, 0);
		s->layout = LAYOUT_TEXT;
		s->text = v == TYPE_UTF8 || v == TYPE_LARGE_UTF8;
		s->type = s->text ? VMF_UTF8 : VMF_BINARY;
		s->width = v == TYPE_LARGE_UTF8 || v == TYPE_LARGE_BINARY ?
		    64 : 32;
		return 0;
	case TYPE_UTF8_VIEW:
	case TYPE_BINARY_VIEW:
		v = vmf_flat_int(f, field, FIELD_TYPE_TYPE, 1, 0);
		s->layout = LAYOUT_VIEW;
		s->text = v == TYPE_UTF8_VIEW;
		s->type = s->text ? VMF_UTF8 : VMF_BINARY;
		return 0;
	case TYPE_LIST:
	case TYPE_LARGE_LIST:
		s->layout = LAYOUT_LIST;
		s->width = vmf_flat_int(f, field, FIELD_TYPE_TYPE, 1, 0) ==
		    TYPE_LIST ? 32 : 64;
		return item_source(s, f, field);
	case TYPE_FIXED_LIST:
		s->layout = LAYOUT_FIXED_LIST;
		s->list_size = vmf_flat_int(f, type, 0, 4, 0);
		return s->list_size < 0 ? VMF_EDATA : item_source(s, f, field);
	default:
		return VMF_EDATA;
	}
}

/* The type of a field that is refused, for people. */
static const char *
type_text(struct vmf_flat *f, int64_t field, char text[64])
{
	static const char *const word[] = { "none", "null", "int", "float",
	    "binary", "utf8", "bool", "decimal", "date", "time", "timestamp",
	    "interval", "list", "struct", "union", "fixed-size binary",
	    "fixed-size list", "map", "duration", "large binary",
	    "large utf8", "large list", "run-end encoded", "binary view",
	    "utf8 view", "list view", "large list view" };
	int64_t type = vmf_flat_int(f, field, FIELD_TYPE_TYPE, 1, 0), n = 0;
	int64_t v = vmf_flat_vector(f, field, FIELD_CHILDREN, 4, &n), t;
	const char *of = "";

	/* Of a list that is as it should be, its items are not. */
	if ((type == TYPE_LIST || type == TYPE_LARGE_LIST ||
	    type == TYPE_FIXED_LIST) && n == 1) {
		of = "list of ";
		field = vmf_flat_elem(f, v, 0);
		type = vmf_flat_table(f, field, FIELD_DICTIONARY) != 0 ? -1 :
		    vmf_flat_int(f, field, FIELD_TYPE_TYPE, 1, 0);
	}
	t = vmf_flat_table(f, field, FIELD_TYPE);
	if (type == TYPE_INT)
		snprintf(text, 64, "%s%sint%lld", of, vmf_flat_int(f, t, 1, 1,
		    0) != 0 ? "" : "u", (long long)vmf_flat_int(f, t, 0, 4,
		    0));
	else if (type == TYPE_DECIMAL)
		snprintf(text, 64, "%sdecimal%lld(%lld, %lld)", of,
		    (long long)vmf_flat_int(f, t, 2, 4, 128),
		    (long long)vmf_flat_int(f, t, 0, 4, 0),
		    (long long)vmf_flat_int(f, t, 1, 4, 0));
	else
		snprintf(text, 64, "%s%s", of, type == -1 ? "dictionary" :
		    type >= 0 && type < (int64_t)(sizeof(word) /
		    sizeof(*word)) ? word[type] : "unknown");
	return text;
}

/*
 * FlatBuffers may share: many fields can point at one string.  What is
 * looked at and copied out of a message is at most as long as the message, so
 * that time and memory grow with the bytes received.  Called before the bytes
 * are looked at.
 */
static int
take_text(struct vmf_reader *r, int64_t bytes, struct vmf_err *e)
{
	r->text_left -= bytes + 1;
	if (r->text_left >= 0)
		return 0;
	return vmf_fail(e, VMF_EDATA, "%s: the schema's names and metadata "
	    "are longer than the schema itself", r->name);
}

static int
read_meta(struct vmf_reader *r, struct vmf_meta *m, struct vmf_flat *f,
    int64_t table, int id, struct vmf_err *e)
{
	int64_t n, v = vmf_flat_vector(f, table, id, 4, &n), kn, vn;
	char *key, *value;
	bool lost = false;
	int rc = 0;

	if (!f->bad && n > MAX_META)
		return vmf_fail(e, VMF_EDATA, "%s: found %lld entries "
		    "of metadata in one place, expected at most %d", r->name,
		    (long long)n, MAX_META);
	for (int64_t i = 0; rc == 0 && i < n; i++) {
		int64_t kv = vmf_flat_elem(f, v, i);
		const char *k = vmf_flat_string(f, kv, 0, &kn);
		const char *val = vmf_flat_string(f, kv, 1, &vn);

		if (f->bad)
			break;
		rc = take_text(r, kn + vn, e);
		if (rc != 0)
			break;
		/* Other tools' keys (pandas) travel unless they are odd. */
		if (k == NULL || val == NULL || !vmf_utf8_valid(k, kn) ||
		    !vmf_utf8_valid(val, vn)) {
			lost |= vmf_text_is(k, kn, VMF_EXTENSION_META);
			continue;
		}
		key = vmf_strndup(k, kn, e);
		value = vmf_strndup(val, vn, e);
		rc = key == NULL || value == NULL ? VMF_ENOMEM :
		    vmf_meta_set(m, key, value, e);
		free(key);
		free(value);
	}
	/* The name means something else without it. */
	if (rc == 0 && lost)
		rc = vmf_meta_set(m, VMF_EXTENSION_NAME, NULL, e);
	return rc;
}

/* Is a column of this field written as it came? */
static bool
keeps_type(const struct vmf_source *s, struct vmf_flat *f, int64_t field)
{
	int64_t type = vmf_flat_table(f, field, FIELD_TYPE), len;
	const char *zone;

	switch (s->type) {
	case VMF_INT32:
	case VMF_FLOAT32:
		return s->width == 32;
	case VMF_INT64:
		return s->width == 64 && s->is_signed;
	case VMF_FLOAT64:
		return s->layout == LAYOUT_FLOAT;
	case VMF_TIME:
		zone = vmf_flat_string(f, type, 1, &len);
		return s->div == 1 && s->mul == 1 &&
		    vmf_text_is(zone, len, "UTC");
	case VMF_UTF8:
	case VMF_BINARY:
		return s->layout == LAYOUT_TEXT && s->width == 32;
	case VMF_LIST_FLOAT32:
	case VMF_LIST_FLOAT64:
		return s->layout == LAYOUT_LIST && s->width == 32 &&
		    s->item_layout == LAYOUT_FLOAT && s->item_width ==
		    (s->type == VMF_LIST_FLOAT32 ? 32 : 64);
	default:
		return true;
	}
}

/* The name of an extension type is kept where the column is written as it
 * came.  DuckDB has booleans as one. */
static void
take_extension(struct vmf_reader *r, int i, bool keeps)
{
	struct vmf_source *s = &r->source[i];
	struct vmf_field *f = &r->schema.field[i];
	const char *name = vmf_meta_get(&f->meta, VMF_EXTENSION_NAME);

	if (name != NULL && strcmp(name, "arrow.bool8") == 0 &&
	    s->type == VMF_INT32 && s->width == 8 && s->is_signed)
		s->type = f->type = VMF_BOOL;
	if (!keeps)
		vmf_field_unnamed(f);
}

/* The reader's number of the dictionary with this id, added if new. */
static int
dict_number(struct vmf_reader *r, int64_t id, const struct vmf_source *values,
    struct vmf_err *e)
{
	int rc;

	for (int i = 0; i < r->n_dicts; i++)
		if (r->dict[i].id == id)
			return i;
	rc = vmf_grow(&r->dict, &r->dict_cap, r->n_dicts + 1, e);
	if (rc != 0)
		return rc;
	r->dict[r->n_dicts] = (struct vmf_reader_dict){ .id = id,
	    .values = *values, .d = { .gen = 1 } };
	return r->n_dicts++;
}

static int
read_field(struct vmf_reader *r, struct vmf_flat *f, int64_t field, int i,
    int64_t begin, struct vmf_err *e)
{
	struct vmf_source values, *s = &r->source[i];
	int64_t len, dict, index;
	const char *text = vmf_flat_string(f, field, FIELD_NAME, &len);
	char *name, type[64];
	bool keeps;
	int like, rc;

	rc = take_text(r, text == NULL ? 0 : len, e);
	if (rc != 0)
		return rc;
	name = vmf_strndup(text, text == NULL ? 0 : len, e);
	if (name == NULL)
		return VMF_ENOMEM;
	rc = make_source(s, f, field);
	dict = vmf_flat_table(f, field, FIELD_DICTIONARY);
	keeps = rc == 0 && keeps_type(s, f, field);
	if (f->bad) {
		rc = flat_bad(r, begin, e);
	} else if (text != NULL && !vmf_utf8_valid(text, len)) {
		rc = vmf_fail(e, VMF_EDATA, "%s: the name of column %d %s",
		    r->name, i, (int64_t)strlen(name) != len ?
		    "has a U+0000" : "is not valid UTF-8");
	} else if ((like = vmf_schema_find(&r->schema, name)) >= 0) {
		rc = vmf_fail(e, VMF_EDATA, "%s: column %d: two columns are "
		    "called '%.100s', the other is column %d", r->name, i,
		    name, like);
	} else if (rc != 0) {
		rc = bad_column(r, name, type_text(f, field, type), e);
	} else if (dict != 0) {
		values = *s;
		index = vmf_flat_table(f, dict, DICT_INDEX);
		*s = (struct vmf_source){ .mul = 1, .div = 1 };
		if (values.type == VMF_NULL)
			values.type = VMF_UTF8;
		if (index == 0)		/* the format's default */
			*s = (struct vmf_source){ .layout = LAYOUT_INT,
			    .width = 32, .is_signed = true, .mul = 1,
			    .div = 1 };
		if ((index != 0 && int_source(s, f, index) != 0) ||
		    values.type != VMF_UTF8)
			rc = bad_column(r, name,
			    "dictionary of other values than text", e);
		keeps = keeps && values.layout == LAYOUT_TEXT &&
		    s->width == 32 && s->is_signed &&
		    vmf_flat_int(f, dict, DICT_ORDERED, 1, 0) == 0;
		s->type = VMF_UTF8;
		s->is_dict = true;
		if (rc == 0) {
			s->dict = dict_number(r, vmf_flat_int(f, dict,
			    DICT_ID, 8, 0), &values, e);
			rc = s->dict < 0 ? s->dict : 0;
		}
	}
	if (rc == 0)
		rc = vmf_schema_add(&r->schema, name, s->type, s->is_dict, e);
	if (rc >= 0)
		rc = read_meta(r, &r->schema.field[i].meta, f, field,
		    FIELD_META, e);
	if (rc == 0)
		take_extension(r, i, keeps);
	free(name);
	return rc;
}

static int
read_schema(struct vmf_reader *r, struct vmf_err *e)
{
	struct vmf_flat f;
	int64_t begin = 0, msg, t, v, n, type;
	int rc = next_message(r, &begin, e);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return vmf_fail(e, VMF_EDATA, "%s: the end marker is at byte "
		    "%lld, before any schema", r->name, (long long)begin);
	f = (struct vmf_flat){ r->meta.p, r->meta.n, false };
	msg = vmf_flat_root(&f);
	type = vmf_flat_int(&f, msg, MESSAGE_HEADER_TYPE, 1, 0);
	t = vmf_flat_table(&f, msg, MESSAGE_HEADER);
	v = vmf_flat_vector(&f, t, SCHEMA_FIELDS, 4, &n);
	if (f.bad)
		return flat_bad(r, begin, e);
	if (type != HEADER_SCHEMA || t == 0)
		return vmf_fail(e, VMF_EDATA, "%s: message at byte %lld: the "
		    "first message is not a schema", r->name,
		    (long long)begin);
	if (vmf_flat_int(&f, msg, MESSAGE_VERSION, 2, 0) < METADATA_V4)
		return vmf_fail(e, VMF_EDATA, "%s: Arrow metadata older than "
		    "version 4, expected 4 or 5", r->name);
	if (vmf_flat_int(&f, t, SCHEMA_ENDIANNESS, 2, 0) != 0)
		return vmf_fail(e, VMF_EDATA, "%s: a big-endian stream; "
		    "expected little-endian", r->name);
	r->text_left = r->meta.n;
	if (n > VMF_MAX_COLUMNS)
		return vmf_fail(e, VMF_EDATA, "%s: %lld columns, expected at "
		    "most %d", r->name, (long long)n, VMF_MAX_COLUMNS);
	r->source = vmf_calloc(n, sizeof(*r->source), e);
	r->room = vmf_calloc(n + 1, sizeof(*r->room), e);
	r->batch.col = vmf_calloc(n, sizeof(*r->batch.col), e);
	if (r->source == NULL || r->room == NULL || r->batch.col == NULL)
		return VMF_ENOMEM;
	for (int i = 0; i < n; i++) {
		rc = read_field(r, &f, vmf_flat_elem(&f, v, i), i, begin, e);
		if (rc < 0)
			return rc;
	}
	rc = read_meta(r, &r->schema.meta, &f, t, SCHEMA_META, e);
	if (rc == 0 && f.bad)
		rc = flat_bad(r, begin, e);
	return rc;
}

/* ---- dictionaries and batches ---- */

/* What the message in r->meta is, and how many bytes its body has. */
static int
read_header(const struct vmf_reader *r, struct vmf_flat *f, int64_t begin,
    int64_t *type, int64_t *header, int64_t *body, struct vmf_err *e)
{
	int64_t msg, bytes;

	*f = (struct vmf_flat){ r->meta.p, r->meta.n, false };
	msg = vmf_flat_root(f);
	*type = vmf_flat_int(f, msg, MESSAGE_HEADER_TYPE, 1, 0);
	*header = vmf_flat_table(f, msg, MESSAGE_HEADER);
	bytes = vmf_flat_int(f, msg, MESSAGE_BODY, 8, 0);
	if (f->bad || *header == 0)
		return flat_bad(r, begin, e);
	if (bytes < 0 || bytes > r->max_batch)
		return vmf_fail(e, VMF_EDATA, "%s: message at byte %lld has "
		    "a body of %lld bytes, expected at most %lld "
		    "(--max-batch)", r->name, (long long)begin,
		    (long long)bytes, (long long)r->max_batch);
	*body = bytes;
	return 0;
}

static int64_t
rooms_bytes(const struct vmf_reader *r)
{
	int64_t sum = 0;

	for (int i = 0; i <= r->schema.n; i++)
		sum += vmf_room_bytes(&r->room[i]);
	return sum;
}

/*
 * A message's buffers as they came and as they are unpacked take max_batch
 * together.  Rooms are kept from batch to batch; those of other batches must
 * not add up.
 */
static struct vmf_record
record_of(struct vmf_reader *r, int64_t begin)
{
	if (rooms_bytes(r) > r->max_batch / 4)
		for (int i = 0; i <= r->schema.n; i++)
			vmf_room_free(&r->room[i]);
	return (struct vmf_record){ .name = r->name, .byte = begin,
	    .body = r->body.p, .body_bytes = r->body.n,
	    .budget = r->max_batch - r->body.n };
}

/* True when the first old->n strings of c are those of the dictionary: our
 * own writer resends a dictionary that only grew. */
static bool
extends(const struct vmf_dict *old, const struct vmf_col *c)
{
	return old->n > 0 && c->n >= old->n && old->valid == NULL &&
	    c->valid == NULL &&
	    memcmp(old->off, c->off, (size_t)(old->n + 1) * 4) == 0 &&
	    memcmp(old->bytes, c->d.bytes, (size_t)old->off[old->n]) == 0;
}

/* The bits of c after those of the n strings there are, of which no more than
 * the last byte is looked at: a stream may have many small deltas. */
static int
add_validity(struct vmf_dict *d, int64_t n, const struct vmf_col *c,
    struct vmf_err *e)
{
	bool first = d->valid == NULL;
	int rc = vmf_grow(&d->valid, &d->valid_cap, (n + c->n) / 8 + 1, e);

	if (rc != 0)
		return rc;
	if (first)
		memset(d->valid, 0xff, (size_t)(n / 8 + 1));
	for (int64_t i = 0; i < c->n; i++) {
		uint8_t bit = (uint8_t)(1u << ((n + i) & 7));
		uint8_t *at = &d->valid[(n + i) >> 3];

		if (bit == 1)
			*at = 0xff;
		if (!vmf_bit(c->valid, i))
			*at &= (uint8_t)~bit;
	}
	return 0;
}

int
vmf_reader_set_dict(struct vmf_reader *r, struct vmf_dict *d,
    const struct vmf_col *c, bool delta, int64_t begin, struct vmf_err *e)
{
	int64_t n = delta ? d->n : 0, used = n > 0 ? d->off[n] : 0;
	int64_t bytes = c->n > 0 ? c->off[c->n] : 0;
	int rc;

	if (used + bytes + 4 * (n + c->n) > r->max_batch)
		return vmf_fail(e, VMF_EDATA, "%s: message at byte %lld: a "
		    "dictionary of more than %lld bytes (--max-batch)",
		    r->name, (long long)begin, (long long)r->max_batch);
	if (!delta && !extends(d, c))
		d->gen++;
	rc = vmf_grow(&d->off, &d->off_cap, n + c->n + 1, e);
	if (rc == 0)
		rc = vmf_grow(&d->bytes, &d->bytes_cap, used + bytes, e);
	if (rc != 0)
		return rc;
	if (bytes > 0)
		memcpy(d->bytes + used, c->d.bytes, (size_t)bytes);
	d->off[n] = (int32_t)used;
	for (int64_t i = 0; i < c->n; i++)
		d->off[n + i + 1] = (int32_t)(used + c->off[i + 1]);
	if (!delta) {
		free(d->valid);
		d->valid = NULL;
		d->valid_cap = 0;
	}
	rc = c->valid == NULL && d->valid == NULL ? 0 :
	    add_validity(d, n, c, e);
	if (rc == 0)
		d->n = n + c->n;
	return rc;
}

static int
read_dict(struct vmf_reader *r, struct vmf_flat *f, int64_t header,
    int64_t begin, struct vmf_err *e)
{
	struct vmf_record rec = record_of(r, begin);
	int64_t id = vmf_flat_int(f, header, DBATCH_ID, 8, 0);
	bool delta = vmf_flat_int(f, header, DBATCH_DELTA, 1, 0) != 0;
	struct vmf_reader_dict *d = NULL;
	struct vmf_col c;
	int rc;

	for (int i = 0; i < r->n_dicts; i++)
		if (r->dict[i].id == id)
			d = &r->dict[i];
	if (d == NULL)
		return vmf_fail(e, VMF_EDATA, "%s: message at byte %lld: a "
		    "dictionary of id %lld that no column has", r->name,
		    (long long)begin, (long long)id);
	rc = vmf_record_open(&rec, f, vmf_flat_table(f, header, DBATCH_DATA),
	    e);
	if (rc != 0)
		return rc;
	rec.column = "dictionary";
	if (d->values.layout == LAYOUT_NULL) {
		if (rec.n_rows > 0)
			return vmf_fail(e, VMF_EDATA, "%s: message at byte "
			    "%lld: a dictionary of nulls", r->name,
			    (long long)begin);
		d->seen = true;
		return 0;
	}
	rc = vmf_record_column(&rec, &d->values, NULL,
	    &r->room[r->schema.n], &c, e);
	if (rc == 0)
		rc = vmf_record_close(&rec, e);
	if (rc == 0)
		rc = vmf_reader_set_dict(r, &d->d, &c, delta, begin, e);
	d->seen = true;
	/* A large fleet's names are not held twice. */
	if (r->body.cap > BODY_KEPT)
		vmf_buf_free(&r->body);
	return rc;
}

static int
read_record(struct vmf_reader *r, struct vmf_flat *f, int64_t header,
    int64_t begin, struct vmf_err *e)
{
	struct vmf_record rec = record_of(r, begin);
	int rc = vmf_record_open(&rec, f, header, e);

	for (int i = 0; rc == 0 && i < r->schema.n; i++) {
		const struct vmf_source *s = &r->source[i];

		rec.column = r->schema.field[i].name;
		if (s->is_dict && !r->dict[s->dict].seen && rec.n_rows > 0) {
			rc = vmf_fail(e, VMF_EDATA, "%s: message at byte "
			    "%lld: no dictionary was sent for column "
			    "'%.100s'", r->name, (long long)begin,
			    r->schema.field[i].name);
			break;
		}
		rc = vmf_record_column(&rec, s,
		    s->is_dict ? &r->dict[s->dict].d : NULL, &r->room[i],
		    &r->batch.col[i], e);
	}
	rec.column = NULL;
	if (rc == 0)
		rc = vmf_record_close(&rec, e);
	r->batch.n = rec.n_rows;
	r->batch.n_cols = r->schema.n;
	return rc;
}

/* A second stream after the first (cat a b) must not be lost silently. */
static int
check_end(struct vmf_reader *r, struct vmf_err *e)
{
	uint8_t byte;
	int64_t got = vmf_read_full(r->fd, &byte, 1, r->name, e);

	if (got < 0)
		return (int)got;
	if (got > 0)
		return vmf_fail(e, VMF_EDATA, "%s: byte %lld: more bytes "
		    "after the end marker, expected the end; streams are "
		    "not joined by cat, but readings by vmf-dedup FILE ...",
		    r->name, (long long)r->byte);
	return 0;
}

/* ---- public ---- */

int
vmf_reader_open(struct vmf_reader **out, const char *path, int64_t max_batch,
    struct vmf_err *e)
{
	int fd, rc = vmf_open_in(path, &fd, e);

	*out = NULL;
	return rc != 0 ? rc : vmf_reader_open_fd(out, fd, vmf_in_name(path),
	    max_batch, e);
}

int
vmf_reader_open_fd(struct vmf_reader **out, int fd, const char *name,
    int64_t max_batch, struct vmf_err *e)
{
	struct vmf_reader *r = vmf_calloc(1, sizeof(*r), e);
	int rc = VMF_ENOMEM;

	*out = NULL;
	if (r == NULL) {
		vmf_close_in(fd);
		return VMF_ENOMEM;
	}
	r->fd = fd;
	r->max_batch = max_batch > INT32_MAX ? INT32_MAX : max_batch;
	r->name = vmf_strdup(name, e);
	if (r->name != NULL)
		rc = read_schema(r, e);
	if (rc != 0) {
		vmf_reader_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

const struct vmf_schema *
vmf_reader_schema(const struct vmf_reader *r)
{
	return &r->schema;
}

const char *
vmf_reader_name(const struct vmf_reader *r)
{
	return r->name;
}

int
vmf_reader_next(struct vmf_reader *r, const struct vmf_batch **b,
    struct vmf_err *e)
{
	struct vmf_grown g = { .d = NULL };
	struct vmf_flat f;
	int64_t begin, type, header, body = 0;
	int rc;

	r->rows_before += r->batch.n;
	r->batch.n = 0;
	while (!r->ended) {
		rc = next_message(r, &begin, e);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			r->ended = true;
			return check_end(r, e);
		}
		rc = read_header(r, &f, begin, &type, &header, &body, e);
		if (rc == 0 && type == HEADER_DICTIONARY &&
		    vmf_grown_may_be(r, &f, header, begin, body, &g))
			rc = vmf_grown_read(r, &g, body, e);
		else if (rc == 0)
			rc = read_bytes(r, &r->body, body, "a message's body",
			    e);
		if (rc > 0)
			continue;
		if (rc == 0 && type == HEADER_DICTIONARY) {
			rc = read_dict(r, &f, header, begin, e);
		} else if (rc == 0 && type == HEADER_RECORD) {
			rc = read_record(r, &f, header, begin, e);
			if (rc == 0 && r->batch.n > 0) {
				*b = &r->batch;
				return 1;
			}
		} else if (rc == 0) {
			rc = vmf_fail(e, VMF_EDATA, "%s: message at byte "
			    "%lld is of kind %lld, expected a record batch "
			    "or a dictionary", r->name, (long long)begin,
			    (long long)type);
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

int64_t
vmf_reader_at(const struct vmf_reader *r)
{
	return r->byte;
}

int64_t
vmf_reader_bytes(const struct vmf_reader *r)
{
	int64_t sum = r->meta.cap + r->body.cap + r->part.cap +
	    rooms_bytes(r);

	for (int i = 0; i < r->n_dicts; i++)
		sum += r->dict[i].d.n == 0 ? 0 : 4 * (r->dict[i].d.n + 1) +
		    r->dict[i].d.off[r->dict[i].d.n];
	return sum;
}

int64_t
vmf_reader_row(const struct vmf_reader *r)
{
	return r->rows_before;
}

void
vmf_reader_free(struct vmf_reader *r)
{
	if (r == NULL)
		return;
	vmf_close_in(r->fd);
	for (int i = 0; r->room != NULL && i <= r->schema.n; i++)
		vmf_room_free(&r->room[i]);
	for (int i = 0; i < r->n_dicts; i++)
		vmf_dict_free(&r->dict[i].d);
	vmf_schema_free(&r->schema);
	free(r->source);
	free(r->room);
	free(r->dict);
	free(r->batch.col);
	vmf_buf_free(&r->meta);
	vmf_buf_free(&r->part);
	vmf_buf_free(&r->body);
	free(r->name);
	free(r);
}
