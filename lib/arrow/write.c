/* SPDX-License-Identifier: MIT */
/*
 * The stream's writer.  A message is a prefix of eight bytes, the metadata
 * (a FlatBuffer) and a body of buffers, each at a multiple of 64 bytes.
 */
#include <assert.h>
#include <lz4frame.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "arrow/arrow.h"
#include "arrow/behind.h"
#include "arrow/bits.h"
#include "arrow/checksum.h"
#include "arrow/flat.h"
#include "arrow/format.h"
#include "base/mem.h"
#include "base/msan.h"

#define ALIGN 64
#define ZSTD_LEVEL 3
/* Bytes of dictionaries that may be sent in the hope that their strings are
 * used again, before there are as many bytes of rows. */
#define HOPE_BYTES ((int64_t)1 << 30)
/* What is not compressed goes out in parts of about so many bytes, so that
 * one is still in the cache when the next in the pipe looks at it. */
#define PART_BYTES (1 << 20)

/* A buffer of the body: borrowed bytes, or a place in the scratch buffer
 * (p == NULL), which may still move. */
struct piece {
	const void *p;
	int64_t at;		/* in scratch */
	int64_t n;		/* bytes in memory */
	int64_t offset, length;	/* in the body */
};

struct node {
	int64_t length, null_count;
};

struct writer_dict {
	uint64_t gen;		/* sent last */
	int64_t n;		/* -1: nothing sent yet */
};

struct vmf_writer {
	struct vmf_out *out;
	enum vmf_codec codec;
	struct vmf_schema schema;
	struct writer_dict *dict;	/* one a field */
	struct vmf_fbb fbb;
	struct vmf_buf scratch;		/* bitmaps, compressed buffers */
	struct piece *piece;
	struct node *node;
	int64_t n_pieces, piece_cap, n_nodes, node_cap;
	int32_t *remap;
	int64_t remap_cap;
	int64_t dict_bytes, row_bytes;	/* sent so far */
	ZSTD_CCtx *zstd;
	struct vmf_behind *behind;	/* NULL: put writes at once */
	struct vmf_checksum *sum;	/* NULL: none is asked for */
};

/* ---- messages ---- */

/* Message with its header still to link; the slot for it in *slot. */
static void
begin_message(struct vmf_fbb *f, int header_type, int64_t body_bytes,
    int64_t *slot)
{
	static const uint8_t size[] = { 2, 1, 4, 8 };
	int64_t root = vmf_fbb_begin(f), t = vmf_fbb_table(f, size, 4);

	vmf_fbb_link(f, root, t);
	vmf_fbb_put(f, vmf_fbb_slot(f, t, MESSAGE_VERSION), METADATA_V5, 2);
	vmf_fbb_put(f, vmf_fbb_slot(f, t, MESSAGE_HEADER_TYPE), header_type,
	    1);
	vmf_fbb_put(f, vmf_fbb_slot(f, t, MESSAGE_BODY), body_bytes, 8);
	*slot = vmf_fbb_slot(f, t, MESSAGE_HEADER);
}

static int
send_metadata(struct vmf_writer *w, struct vmf_err *e)
{
	uint32_t prefix[2] = { 0xffffffff, 0 };
	int rc;

	vmf_fbb_align(&w->fbb, 8);
	if (w->fbb.nomem)
		return vmf_fail_nomem(e, w->fbb.b.n);
	prefix[1] = (uint32_t)w->fbb.b.n;
	rc = vmf_out_write(w->out, prefix, 8, e);
	return rc != 0 ? rc :
	    vmf_out_write(w->out, w->fbb.b.p, w->fbb.b.n, e);
}

static int
send_zeros(struct vmf_writer *w, int64_t n, struct vmf_err *e)
{
	static const uint8_t zero[ALIGN];

	assert(n <= ALIGN);
	return vmf_out_write(w->out, zero, n, e);
}

/* ---- schema ---- */

static void
put_meta(struct vmf_fbb *f, int64_t slot, const struct vmf_meta *m)
{
	static const uint8_t size[] = { 4, 4 };
	int64_t v = vmf_fbb_vector(f, slot, m->n, 4);

	for (int i = 0; i < m->n; i++) {
		int64_t t = vmf_fbb_table(f, size, 2);

		vmf_fbb_link(f, v + 4 * i, t);
		vmf_fbb_string(f, vmf_fbb_slot(f, t, 0), m->key[i]);
		vmf_fbb_string(f, vmf_fbb_slot(f, t, 1), m->value[i]);
	}
}

/* The Type table of a column's values; returns the union's number. */
static int
put_type(struct vmf_fbb *f, int64_t slot, enum vmf_type type)
{
	static const uint8_t none[] = { 0 }, integer[] = { 4, 1 },
	    floating[] = { 2 }, timestamp[] = { 2, 4 };
	int64_t t;

	switch (type) {
	case VMF_INT32:
	case VMF_INT64:
		t = vmf_fbb_table(f, integer, 2);
		vmf_fbb_put(f, vmf_fbb_slot(f, t, 0),
		    type == VMF_INT32 ? 32 : 64, 4);
		vmf_fbb_put(f, vmf_fbb_slot(f, t, 1), 1, 1);
		vmf_fbb_link(f, slot, t);
		return TYPE_INT;
	case VMF_FLOAT32:
	case VMF_FLOAT64:
		t = vmf_fbb_table(f, floating, 1);
		vmf_fbb_put(f, vmf_fbb_slot(f, t, 0),
		    type == VMF_FLOAT32 ? 1 : 2, 2);
		vmf_fbb_link(f, slot, t);
		return TYPE_FLOAT;
	case VMF_TIME:
		t = vmf_fbb_table(f, timestamp, 2);
		vmf_fbb_string(f, vmf_fbb_slot(f, t, 1), "UTC");
		vmf_fbb_link(f, slot, t);
		return TYPE_TIMESTAMP;
	default:
		t = vmf_fbb_table(f, none, 1);
		vmf_fbb_link(f, slot, t);
		switch (type) {
		case VMF_NULL:
			return TYPE_NULL;
		case VMF_BOOL:
			return TYPE_BOOL;
		case VMF_UTF8:
			return TYPE_UTF8;
		case VMF_BINARY:
			return TYPE_BINARY;
		default:
			return TYPE_LIST;
		}
	}
}

static int64_t
put_field(struct vmf_fbb *f, const char *name, enum vmf_type type,
    int64_t dict_id, const struct vmf_meta *meta)
{
	const uint8_t size[] = { 4, 1, 1, 4, dict_id >= 0 ? 4 : 0, 4,
	    meta != NULL && meta->n > 0 ? 4 : 0 };
	static const uint8_t dict_size[] = { 8, 4 };
	bool list = type == VMF_LIST_FLOAT32 || type == VMF_LIST_FLOAT64;
	int64_t t = vmf_fbb_table(f, size, 7), v, d;
	int type_type;

	vmf_fbb_string(f, vmf_fbb_slot(f, t, FIELD_NAME), name);
	vmf_fbb_put(f, vmf_fbb_slot(f, t, FIELD_NULLABLE), 1, 1);
	type_type = put_type(f, vmf_fbb_slot(f, t, FIELD_TYPE), type);
	vmf_fbb_put(f, vmf_fbb_slot(f, t, FIELD_TYPE_TYPE), type_type, 1);
	if (dict_id >= 0) {
		d = vmf_fbb_table(f, dict_size, 2);
		vmf_fbb_link(f, vmf_fbb_slot(f, t, FIELD_DICTIONARY), d);
		vmf_fbb_put(f, vmf_fbb_slot(f, d, DICT_ID), dict_id, 8);
		(void)put_type(f, vmf_fbb_slot(f, d, DICT_INDEX), VMF_INT32);
	}
	v = vmf_fbb_vector(f, vmf_fbb_slot(f, t, FIELD_CHILDREN), list, 4);
	if (list) {
		int64_t child = put_field(f, "item",
		    type == VMF_LIST_FLOAT32 ? VMF_FLOAT32 : VMF_FLOAT64, -1,
		    NULL);

		vmf_fbb_link(f, v, child);
	}
	if (meta != NULL && meta->n > 0)
		put_meta(f, vmf_fbb_slot(f, t, FIELD_META), meta);
	return t;
}

static int
send_schema(struct vmf_writer *w, struct vmf_err *e)
{
	static const uint8_t size[] = { 2, 4, 4 };
	const struct vmf_schema *s = &w->schema;
	struct vmf_fbb *f = &w->fbb;
	int64_t slot, t, v;

	begin_message(f, HEADER_SCHEMA, 0, &slot);
	t = vmf_fbb_table(f, size, 3);
	vmf_fbb_link(f, slot, t);
	v = vmf_fbb_vector(f, vmf_fbb_slot(f, t, SCHEMA_FIELDS), s->n, 4);
	for (int i = 0; i < s->n; i++) {
		int64_t field = put_field(f, s->field[i].name,
		    s->field[i].type, s->field[i].dict ? i : -1,
		    &s->field[i].meta);

		vmf_fbb_link(f, v + 4 * i, field);
	}
	put_meta(f, vmf_fbb_slot(f, t, SCHEMA_META), &s->meta);
	return send_metadata(w, e);
}

/* ---- bodies ---- */

static int
add_node(struct vmf_writer *w, int64_t length, int64_t null_count,
    struct vmf_err *e)
{
	int rc = vmf_grow(&w->node, &w->node_cap, w->n_nodes + 1, e);

	if (rc == 0)
		w->node[w->n_nodes++] = (struct node){ length, null_count };
	return rc;
}

static int
add_piece(struct vmf_writer *w, const void *p, int64_t at, int64_t n,
    struct vmf_err *e)
{
	int rc = vmf_grow(&w->piece, &w->piece_cap, w->n_pieces + 1, e);

	if (rc == 0)
		w->piece[w->n_pieces++] = (struct piece){ .p = p, .at = at,
		    .n = n };
	return rc;
}

/* Room in the scratch buffer, at a multiple of eight bytes. */
static int
scratch_room(struct vmf_writer *w, int64_t n, int64_t *at, struct vmf_err *e)
{
	int64_t pad = -w->scratch.n & 7;
	int rc = vmf_buf_reserve(&w->scratch, pad + n, e);

	if (rc != 0)
		return rc;
	memset(w->scratch.p + w->scratch.n, 0, (size_t)pad);
	*at = w->scratch.n + pad;
	w->scratch.n = *at + n;
	return 0;
}

/* Such room with zeros in it, for bits to be set. */
static int
scratch_bits(struct vmf_writer *w, int64_t n, int64_t *at, struct vmf_err *e)
{
	int rc = scratch_room(w, n, at, e);

	if (rc == 0)
		memset(w->scratch.p + *at, 0, (size_t)n);
	return rc;
}

/* Node and validity of n values of which bit i of the bitmap tells; a bitmap
 * of no zeros is not sent. */
static int
add_bitmap(struct vmf_writer *w, const uint8_t *bits, int64_t n,
    struct vmf_err *e)
{
	int64_t at, bytes = (n + 7) / 8;
	int64_t nulls = bits == NULL ? 0 : n - vmf_bits_count(bits, n);
	int rc;

	rc = add_node(w, n, nulls, e);
	if (rc != 0 || nulls == 0)
		return rc != 0 ? rc : add_piece(w, NULL, 0, 0, e);
	/* Copied, so that bits after the last row are always zero. */
	rc = scratch_bits(w, bytes, &at, e);
	if (rc != 0)
		return rc;
	memcpy(w->scratch.p + at, bits, (size_t)bytes);
	if (n & 7)
		w->scratch.p[at + bytes - 1] &= (uint8_t)((1 << (n & 7)) - 1);
	return add_piece(w, NULL, at, bytes, e);
}

/* Node and validity of floats: NaN is missing. */
static int
add_nan_bitmap(struct vmf_writer *w, const void *p, int64_t n, bool f64,
    struct vmf_err *e)
{
	int64_t at, valid, i = 0, bytes = (n + 7) / 8;
	const float *f = p;
	const double *d = p;
	uint8_t *bits;
	int rc = scratch_bits(w, bytes, &at, e);

	if (rc != 0)
		return rc;
	bits = w->scratch.p + at;
	if (f64)
		for (; i + 8 <= n; i += 8)
			bits[i >> 3] = vmf_ordered64(d + i);
	else
		for (; i + 8 <= n; i += 8)
			bits[i >> 3] = vmf_ordered32(f + i);
	for (; i < n; i++) {
		unsigned ok = f64 ? d[i] == d[i] : f[i] == f[i];

		bits[i >> 3] |= (uint8_t)(ok << (i & 7));
	}
	valid = vmf_bits_count(bits, n);
	rc = add_node(w, n, n - valid, e);
	if (rc != 0)
		return rc;
	if (valid == n) {
		w->scratch.n = at;
		return add_piece(w, NULL, 0, 0, e);
	}
	return add_piece(w, NULL, at, bytes, e);
}

/* They begin at 0, in batches that are built as in those of a reader. */
static int
add_offsets(struct vmf_writer *w, const struct vmf_col *c, struct vmf_err *e)
{
	return add_piece(w, c->off, 0, (c->n + 1) * 4, e);
}

static int
add_column(struct vmf_writer *w, const struct vmf_col *c, struct vmf_err *e)
{
	bool f64 = c->type == VMF_FLOAT64 || c->type == VMF_LIST_FLOAT64;
	int64_t items, at;
	int rc;

	switch (c->type) {
	case VMF_NULL:
		return add_node(w, c->n, c->n, e);
	case VMF_FLOAT32:
	case VMF_FLOAT64:
		rc = add_nan_bitmap(w, c->d.p, c->n, f64, e);
		return rc != 0 ? rc :
		    add_piece(w, c->d.p, 0, c->n * (f64 ? 8 : 4), e);
	default:
		break;
	}
	rc = add_bitmap(w, c->valid, c->n, e);
	if (rc != 0)
		return rc;
	switch (c->type) {
	case VMF_BOOL:
		rc = scratch_bits(w, (c->n + 7) / 8, &at, e);
		if (rc != 0)
			return rc;
		for (int64_t i = 0; i < c->n; i++)
			w->scratch.p[at + (i >> 3)] |=
			    (uint8_t)((c->d.b8[i] & 1) << (i & 7));
		return add_piece(w, NULL, at, (c->n + 7) / 8, e);
	case VMF_INT32:
		return add_piece(w, c->d.p, 0, c->n * 4, e);
	case VMF_INT64:
	case VMF_TIME:
		return add_piece(w, c->d.p, 0, c->n * 8, e);
	case VMF_LIST_FLOAT32:
	case VMF_LIST_FLOAT64:
		items = c->off[c->n];
		rc = add_offsets(w, c, e);
		if (rc == 0)
			rc = add_nan_bitmap(w, c->d.p, items, f64, e);
		return rc != 0 ? rc :
		    add_piece(w, c->d.p, 0, items * (f64 ? 8 : 4), e);
	default:
		if (c->is_dict)
			return add_piece(w, c->d.p, 0, c->n * 4, e);
		rc = add_offsets(w, c, e);
		return rc != 0 ? rc :
		    add_piece(w, c->d.p, 0, c->off[c->n], e);
	}
}

static const void *
piece_bytes(const struct vmf_writer *w, const struct piece *pc)
{
	return pc->p != NULL ? pc->p : w->scratch.p + pc->at;
}

/* Replace a piece by its length and its compressed bytes; when that is not
 * shorter, by -1 and the bytes as they are. */
static int
compress_piece(struct vmf_writer *w, struct piece *pc, struct vmf_err *e)
{
	LZ4F_preferences_t prefs = { 0 };
	int64_t at, n = pc->n, head = n;
	size_t bound, got;
	int rc;

	if (n == 0)
		return 0;
	bound = w->codec == VMF_CODEC_ZSTD ? ZSTD_compressBound((size_t)n) :
	    LZ4F_compressFrameBound((size_t)n, &prefs);
	if (bound < (size_t)n)
		bound = (size_t)n;
	rc = scratch_room(w, 8 + (int64_t)bound, &at, e);
	if (rc != 0)
		return rc;
	if (w->codec == VMF_CODEC_ZSTD) {
		got = ZSTD_compressCCtx(w->zstd, w->scratch.p + at + 8, bound,
		    piece_bytes(w, pc), (size_t)n, ZSTD_LEVEL);
		if (ZSTD_isError(got))
			return vmf_fail(e, VMF_EIO, "zstd: %s",
			    ZSTD_getErrorName(got));
	} else {
		got = LZ4F_compressFrame(w->scratch.p + at + 8, bound,
		    piece_bytes(w, pc), (size_t)n, &prefs);
		if (LZ4F_isError(got))
			return vmf_fail(e, VMF_EIO, "lz4: %s",
			    LZ4F_getErrorName(got));
	}
	VMF_WRITTEN(w->scratch.p + at + 8, got);
	if ((int64_t)got >= n) {
		memcpy(w->scratch.p + at + 8, piece_bytes(w, pc), (size_t)n);
		got = (size_t)n;
		head = -1;
	}
	memcpy(w->scratch.p + at, &head, 8);
	w->scratch.n = at + 8 + (int64_t)got;
	*pc = (struct piece){ .at = at, .n = 8 + (int64_t)got };
	return 0;
}

/* RecordBatch table for the nodes and pieces collected, linked at slot. */
static void
put_record(struct vmf_writer *w, int64_t slot, int64_t n_rows)
{
	const uint8_t size[] = { 8, 4, 4,
	    w->codec != VMF_CODEC_NONE ? 4 : 0 };
	static const uint8_t comp_size[] = { 1, 1 };
	struct vmf_fbb *f = &w->fbb;
	int64_t t = vmf_fbb_table(f, size, 4), v, c;

	vmf_fbb_link(f, slot, t);
	vmf_fbb_put(f, vmf_fbb_slot(f, t, RECORD_LENGTH), n_rows, 8);
	v = vmf_fbb_vector(f, vmf_fbb_slot(f, t, RECORD_NODES), w->n_nodes,
	    16);
	for (int64_t i = 0; i < w->n_nodes; i++) {
		vmf_fbb_put(f, v + 16 * i, w->node[i].length, 8);
		vmf_fbb_put(f, v + 16 * i + 8, w->node[i].null_count, 8);
	}
	v = vmf_fbb_vector(f, vmf_fbb_slot(f, t, RECORD_BUFFERS),
	    w->n_pieces, 16);
	for (int64_t i = 0; i < w->n_pieces; i++) {
		vmf_fbb_put(f, v + 16 * i, w->piece[i].offset, 8);
		vmf_fbb_put(f, v + 16 * i + 8, w->piece[i].length, 8);
	}
	if (w->codec != VMF_CODEC_NONE) {
		c = vmf_fbb_table(f, comp_size, 2);
		vmf_fbb_link(f, vmf_fbb_slot(f, t, RECORD_COMPRESSION), c);
		vmf_fbb_put(f, vmf_fbb_slot(f, c, 0),
		    w->codec == VMF_CODEC_ZSTD ? CODEC_ZSTD :
		    CODEC_LZ4_FRAME, 1);
	}
}

static void
begin_body(struct vmf_writer *w)
{
	w->n_nodes = 0;
	w->n_pieces = 0;
	w->scratch.n = 0;
}

/* Lay out, describe and send the body collected.  dict_id < 0: a record
 * batch; else the dictionary of that id. */
static int
send_body(struct vmf_writer *w, int64_t n_rows, int64_t dict_id,
    struct vmf_err *e)
{
	static const uint8_t dbatch_size[] = { 8, 4, 1 };
	struct vmf_fbb *f = &w->fbb;
	int64_t at = 0, slot, t;
	int rc;

	for (int64_t i = 0; i < w->n_pieces; i++) {
		struct piece *pc = &w->piece[i];

		if (w->codec != VMF_CODEC_NONE) {
			rc = compress_piece(w, pc, e);
			if (rc != 0)
				return rc;
		}
		pc->offset = at;
		pc->length = pc->n;
		at += (pc->n + ALIGN - 1) / ALIGN * ALIGN;
	}
	begin_message(f, dict_id < 0 ? HEADER_RECORD : HEADER_DICTIONARY, at,
	    &slot);
	if (dict_id >= 0) {
		t = vmf_fbb_table(f, dbatch_size, 3);
		vmf_fbb_link(f, slot, t);
		vmf_fbb_put(f, vmf_fbb_slot(f, t, DBATCH_ID), dict_id, 8);
		slot = vmf_fbb_slot(f, t, DBATCH_DATA);
	}
	put_record(w, slot, n_rows);
	if (dict_id < 0)
		w->row_bytes += at;
	else
		w->dict_bytes += at;
	rc = send_metadata(w, e);
	for (int64_t i = 0; rc == 0 && i < w->n_pieces; i++) {
		const struct piece *pc = &w->piece[i];

		rc = vmf_out_write(w->out, piece_bytes(w, pc), pc->n, e);
		if (rc == 0)
			rc = send_zeros(w, -pc->n & (ALIGN - 1), e);
	}
	return rc;
}

/* ---- dictionaries ---- */

/* Drop from c's dictionary the strings that the batch does not use. */
static int
shrink_dict(struct vmf_writer *w, struct vmf_col *c, struct vmf_err *e)
{
	struct vmf_dict fresh = { .gen = c->dict->gen + 1 };
	int64_t used = 0, n = c->dict->n, len;
	const char *s;
	int rc = vmf_grow(&w->remap, &w->remap_cap, n, e);

	if (rc != 0 || n == 0)
		return rc;
	memset(w->remap, 0, (size_t)n * sizeof(*w->remap));
	for (int64_t i = 0; i < c->n; i++)
		if (vmf_bit(c->valid, i) && w->remap[c->d.i32[i]]++ == 0 &&
		    ++used * 2 >= n)
			return 0;
	/*
	 * Where many strings hardly repeat within a batch, as in a file by
	 * time, they are likely to come again with the next step.
	 */
	if (used >= 4096 && c->n < 8 * used &&
	    w->dict_bytes + c->dict->off[n] <= HOPE_BYTES + w->row_bytes)
		return 0;
	for (int64_t i = 0; i < n; i++)
		w->remap[i] = -1;
	for (int64_t i = 0; i < c->n; i++) {
		int32_t *code = &c->d.i32[i];

		if (!vmf_bit(c->valid, i))
			continue;
		if (w->remap[*code] < 0) {
			s = vmf_dict_str(c->dict, *code, &len);
			rc = vmf_dict_intern(&fresh, s, len, e);
			if (rc < 0) {
				vmf_dict_free(&fresh);
				return rc;
			}
			w->remap[*code] = rc;
		}
		*code = w->remap[*code];
	}
	vmf_dict_free(c->dict);
	*c->dict = fresh;
	return 0;
}

static bool
dict_sent(const struct vmf_writer *w, int i, const struct vmf_dict *d)
{
	return w->dict[i].n == d->n && w->dict[i].gen == d->gen;
}

/* Drop what the batch does not use from its dictionaries that have to be sent
 * again. */
static int
shrink_dicts(struct vmf_writer *w, struct vmf_batch *b, struct vmf_err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && b->owned && i < b->n_cols; i++)
		if (b->col[i].is_dict && !dict_sent(w, i, b->col[i].dict))
			rc = shrink_dict(w, &b->col[i], e);
	return rc;
}

static int
send_dict(struct vmf_writer *w, int i, const struct vmf_dict *d,
    struct vmf_err *e)
{
	static const int32_t no_off[1] = { 0 };
	int rc;

	if (dict_sent(w, i, d))
		return 0;
	begin_body(w);
	rc = add_bitmap(w, d->valid, d->n, e);
	if (rc == 0)
		rc = add_piece(w, d->n > 0 ? d->off : no_off, 0,
		    (d->n + 1) * 4, e);
	if (rc == 0)
		rc = add_piece(w, d->bytes, 0, d->n > 0 ? d->off[d->n] : 0,
		    e);
	if (rc == 0)
		rc = send_body(w, d->n, i, e);
	w->dict[i].gen = d->gen;
	w->dict[i].n = d->n;
	return rc;
}

/* How many rows of the batch to send together. */
static int64_t
part_rows(const struct vmf_writer *w, const struct vmf_batch *b)
{
	int64_t parts = vmf_batch_bytes(b) / PART_BYTES;

	for (int i = 0; i < b->n_cols; i++)
		if (b->col[i].off != NULL)
			return b->n;
	if (w->codec != VMF_CODEC_NONE || parts < 2)
		return b->n;
	return (b->n / parts + 63) / 64 * 64;
}

/* The rows of a batch, with the dictionaries that they need. */
static int
send_rows(void *arg, struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_writer *w = arg;
	int64_t part = part_rows(w, b), n;
	int rc = 0;

	for (int i = 0; rc == 0 && i < b->n_cols; i++)
		if (b->col[i].is_dict)
			rc = send_dict(w, i, b->col[i].dict, e);
	for (int64_t at = 0; rc == 0 && at < b->n; at += n) {
		n = part < b->n - at ? part : b->n - at;
		begin_body(w);
		for (int i = 0; rc == 0 && i < b->n_cols; i++) {
			struct vmf_col c = n == b->n ? b->col[i] :
			    vmf_col_part(&b->col[i], at, n);

			rc = add_column(w, &c, e);
		}
		if (rc == 0)
			rc = send_body(w, n, -1, e);
	}
	return rc;
}

/* ---- public ---- */

int
vmf_writer_open(struct vmf_writer **out, struct vmf_out *o,
    const struct vmf_schema *s, enum vmf_codec codec, struct vmf_err *e)
{
	struct vmf_writer *w = vmf_calloc(1, sizeof(*w), e);
	int rc = VMF_ENOMEM;

	*out = NULL;
	if (w == NULL)
		return VMF_ENOMEM;
	if (s->n > VMF_MAX_COLUMNS) {
		rc = vmf_fail(e, VMF_EDATA, "found %d columns to write, "
		    "expected at most %d, which are read again", s->n,
		    VMF_MAX_COLUMNS);
		goto fail;
	}
	w->out = o;
	w->codec = codec;
	w->dict = vmf_calloc(s->n, sizeof(*w->dict), e);
	if (w->dict == NULL)
		goto fail;
	for (int i = 0; i < s->n; i++)
		w->dict[i].n = -1;
	if (codec == VMF_CODEC_ZSTD) {
		w->zstd = ZSTD_createCCtx();
		if (w->zstd == NULL) {
			(void)vmf_fail_nomem(e, 0);
			goto fail;
		}
	}
	rc = vmf_schema_copy(&w->schema, s, e);
	if (rc == 0)
		rc = send_schema(w, e);
	if (rc != 0)
		goto fail;
	*out = w;
	return 0;
fail:
	vmf_writer_free(w);
	return rc;
}

void
vmf_writer_behind(struct vmf_writer *w)
{
	if (w->behind == NULL)
		w->behind = vmf_behind_start(&w->schema, send_rows, w);
}

int
vmf_writer_sum(struct vmf_writer *w, struct vmf_checksum *s,
    struct vmf_err *e)
{
	w->sum = s;
	return vmf_checksum_schema(s, &w->schema, "the output", e);
}

int
vmf_writer_put(struct vmf_writer *w, struct vmf_batch *b, struct vmf_err *e)
{
	int rc = 0;

	assert(b->n_cols == w->schema.n);
	for (int i = 0; i < b->n_cols; i++)
		assert(b->col[i].type == w->schema.field[i].type &&
		    b->col[i].n == b->n &&
		    b->col[i].is_dict == w->schema.field[i].dict);
	/* While the batch before is still being written. */
	if (w->sum != NULL)
		rc = vmf_checksum_add(w->sum, b, e);
	if (rc == 0 && w->behind != NULL)
		rc = vmf_behind_wait(w->behind, e);
	if (rc != 0 || b->n == 0)
		return rc;
	rc = shrink_dicts(w, b, e);
	if (rc == 0)
		rc = w->behind != NULL && b->owned ?
		    vmf_behind_put(w->behind, b, e) : send_rows(w, b, e);
	return rc;
}

int
vmf_writer_finish(struct vmf_writer *w, struct vmf_err *e)
{
	static const uint32_t marker[2] = { 0xffffffff, 0 };
	int rc = w->behind != NULL ? vmf_behind_wait(w->behind, e) : 0;

	return rc != 0 ? rc : vmf_out_write(w->out, marker, 8, e);
}

void
vmf_writer_free(struct vmf_writer *w)
{
	if (w == NULL)
		return;
	vmf_behind_free(w->behind);
	vmf_schema_free(&w->schema);
	free(w->dict);
	vmf_buf_free(&w->fbb.b);
	vmf_buf_free(&w->scratch);
	free(w->piece);
	free(w->node);
	free(w->remap);
	ZSTD_freeCCtx(w->zstd);
	free(w);
}
