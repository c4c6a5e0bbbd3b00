/* SPDX-License-Identifier: MIT */
/*
 * Nothing that a message claims is believed: every length is held against
 * the bytes received before it is used, and what is unpacked or converted
 * takes only the room that the row count and the type justify.
 */
#include "arrow/decode.h"

#include <lz4frame.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "arrow/bits.h"
#include "arrow/format.h"
#include "base/msan.h"
#include "base/num.h"

/* Values in lists that no byte stands for, beyond the bytes of a batch. */
#define BODILESS ((int64_t)1 << 20)
/* Rows of a batch: so that 8 more can be counted in 32 bits. */
#define ROWS_MAX (INT32_MAX - 8)

/* ---- messages about damage ---- */

static int bad(const struct vmf_record *r, struct vmf_err *e,
    const char *fmt, ...) VMF_PRINTF(3, 4);

static int
bad(const struct vmf_record *r, struct vmf_err *e, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (r->column == NULL)
		return vmf_fail(e, VMF_EDATA, "%s: message at byte %lld: %s",
		    r->name, (long long)r->byte, what);
	return vmf_fail(e, VMF_EDATA,
	    "%s: message at byte %lld, column '%.100s': %s", r->name,
	    (long long)r->byte, r->column, what);
}

static int64_t
load64(const uint8_t *p)
{
	int64_t v;

	memcpy(&v, p, 8);
	return v;
}

int
vmf_record_open(struct vmf_record *r, struct vmf_flat *f, int64_t table,
    struct vmf_err *e)
{
	int64_t pos, comp, codec;

	r->column = NULL;
	r->n_rows = vmf_flat_int(f, table, RECORD_LENGTH, 8, 0);
	pos = vmf_flat_vector(f, table, RECORD_NODES, 16, &r->n_nodes);
	r->node = f->p + pos;
	pos = vmf_flat_vector(f, table, RECORD_BUFFERS, 16, &r->n_buffers);
	r->buffer = f->p + pos;
	pos = vmf_flat_vector(f, table, RECORD_VARIADIC, 8, &r->n_variadic);
	r->variadic = f->p + pos;
	comp = vmf_flat_table(f, table, RECORD_COMPRESSION);
	codec = vmf_flat_int(f, comp, 0, 1, CODEC_LZ4_FRAME);
	if (f->bad || table == 0)
		return bad(r, e, "the metadata points outside itself");
	if (comp == 0)
		r->codec = VMF_CODEC_NONE;
	else if (codec == CODEC_LZ4_FRAME)
		r->codec = VMF_CODEC_LZ4;
	else if (codec == CODEC_ZSTD)
		r->codec = VMF_CODEC_ZSTD;
	else
		return bad(r, e, "compression %lld, expected LZ4 or ZSTD",
		    (long long)codec);
	if (r->n_rows < 0 || r->n_rows > ROWS_MAX)
		return bad(r, e, "%lld rows, expected 0 to %d",
		    (long long)r->n_rows, ROWS_MAX);
	r->at_node = r->at_buffer = r->at_variadic = 0;
	r->high = 0;
	r->bodiless = BODILESS + r->body_bytes;
	return 0;
}

int
vmf_record_close(const struct vmf_record *r, struct vmf_err *e)
{
	if (r->at_node != r->n_nodes || r->at_buffer != r->n_buffers ||
	    r->at_variadic != r->n_variadic)
		return bad(r, e, "%lld nodes, %lld buffers, expected %lld "
		    "and %lld", (long long)r->n_nodes,
		    (long long)r->n_buffers, (long long)r->at_node,
		    (long long)r->at_buffer);
	return 0;
}

void
vmf_room_free(struct vmf_room *room)
{
	vmf_buf_free(&room->valid);
	vmf_buf_free(&room->offsets);
	vmf_buf_free(&room->data);
	vmf_buf_free(&room->raw);
	vmf_buf_free(&room->raw2);
}

int64_t
vmf_room_bytes(const struct vmf_room *room)
{
	return room->valid.cap + room->offsets.cap + room->data.cap +
	    room->raw.cap + room->raw2.cap;
}

/* ---- buffers ---- */

/* n bytes of room, from the budget. */
static int
claim(struct vmf_record *r, struct vmf_buf *b, int64_t n, struct vmf_err *e)
{
	if (n < 0 || n > r->budget)
		return bad(r, e, "the batch takes more memory than "
		    "--max-batch allows");
	r->budget -= n;
	b->n = 0;
	return vmf_buf_reserve(b, n + 8, e);
}

static int
unpack_zstd(const uint8_t *p, int64_t n, uint8_t *to, int64_t need)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	ZSTD_inBuffer in = { p, (size_t)n, 0 };
	ZSTD_outBuffer out = { to, (size_t)need, 0 };
	size_t left = 1;

	if (z == NULL)
		return VMF_ENOMEM;
	/* No more window than a decoder must have (format, section 3.1). */
	(void)ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 27);
	while (out.pos < out.size && in.pos < in.size && left != 0) {
		left = ZSTD_decompressStream(z, &out, &in);
		if (ZSTD_isError(left))
			break;
	}
	ZSTD_freeDCtx(z);
	VMF_WRITTEN(to, out.pos);
	if (ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation)
		return VMF_ENOMEM;
	return out.pos == out.size && !ZSTD_isError(left) ? 0 : VMF_EDATA;
}

static int
unpack_lz4(const uint8_t *p, int64_t n, uint8_t *to, int64_t need)
{
	LZ4F_dctx *z = NULL;
	int64_t in = 0, out = 0;
	size_t left = 1;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&z, LZ4F_VERSION)))
		return VMF_ENOMEM;
	while (out < need && in < n && left != 0) {
		size_t a = (size_t)(need - out), b = (size_t)(n - in);

		left = LZ4F_decompress(z, to + out, &a, p + in, &b, NULL);
		if (LZ4F_isError(left) || (a == 0 && b == 0))
			break;
		out += (int64_t)a;
		in += (int64_t)b;
	}
	LZ4F_freeDecompressionContext(z);
	VMF_WRITTEN(to, out);
	if (LZ4F_isError(left) && strcmp(LZ4F_getErrorName(left),
	    "ERROR_allocation_failed") == 0)
		return VMF_ENOMEM;
	return out == need && !LZ4F_isError(left) ? 0 : VMF_EDATA;
}

/*
 * The next buffer, at least need bytes of it (less is an error), in *p at a
 * multiple of eight bytes and writable.  *have: false when it is empty.
 */
static int
next_buffer(struct vmf_record *r, struct vmf_buf *room, int64_t need,
    uint8_t **p, bool *have, struct vmf_err *e)
{
	int64_t off, len, claimed;
	int rc;

	*have = false;
	*p = NULL;
	if (r->at_buffer == r->n_buffers)
		return bad(r, e, "only %lld buffers, expected more",
		    (long long)r->n_buffers);
	off = load64(r->buffer + 16 * r->at_buffer);
	len = load64(r->buffer + 16 * r->at_buffer + 8);
	if (off < 0 || len < 0 || off > r->body_bytes ||
	    len > r->body_bytes - off)
		return bad(r, e, "buffer %lld takes bytes %lld to %lld+%lld "
		    "of a body of %lld", (long long)r->at_buffer,
		    (long long)off, (long long)off, (long long)len,
		    (long long)r->body_bytes);
	r->at_buffer++;
	if (len == 0)
		return 0;
	*have = true;
	*p = (uint8_t *)(uintptr_t)r->body + off;
	if (r->codec != VMF_CODEC_NONE) {
		if (len < 8)
			return bad(r, e, "compressed buffer %lld has %lld "
			    "bytes, expected at least 8",
			    (long long)r->at_buffer - 1, (long long)len);
		claimed = load64(*p);
		*p += 8;
		len -= 8;
		off += 8;
		if (claimed != -1) {
			if (claimed < need)
				return bad(r, e, "buffer %lld unpacks to "
				    "%lld bytes, expected %lld",
				    (long long)r->at_buffer - 1,
				    (long long)claimed, (long long)need);
			rc = claim(r, room, need, e);
			if (rc != 0)
				return rc;
			rc = need == 0 ? 0 : r->codec == VMF_CODEC_ZSTD ?
			    unpack_zstd(*p, len, room->p, need) :
			    unpack_lz4(*p, len, room->p, need);
			if (rc == VMF_ENOMEM)
				return vmf_fail_nomem(e, need);
			if (rc != 0)
				return bad(r, e, "buffer %lld does not "
				    "unpack to %lld bytes: damaged %s",
				    (long long)r->at_buffer - 1,
				    (long long)need,
				    r->codec == VMF_CODEC_ZSTD ? "ZSTD" :
				    "LZ4");
			*p = room->p;
			return 0;
		}
	}
	if (len < need)
		return bad(r, e, "buffer %lld has %lld bytes, expected %lld",
		    (long long)r->at_buffer - 1, (long long)len,
		    (long long)need);
	/*
	 * Buffers are changed in place (NaN for null), so one that overlaps
	 * an earlier one is copied: what was checked must stay as it was.
	 */
	if ((off % 8 != 0 || off < r->high) && need > 0) {
		rc = claim(r, room, need, e);
		if (rc != 0)
			return rc;
		memcpy(room->p, *p, (size_t)need);
		*p = room->p;
	} else if (off + len > r->high) {
		r->high = off + len;
	}
	return 0;
}

/* As next_buffer, but an empty buffer is right only when need is 0. */
static int
need_buffer(struct vmf_record *r, struct vmf_buf *room, int64_t need,
    uint8_t **p, struct vmf_err *e)
{
	bool have;
	int rc = next_buffer(r, room, need, p, &have, e);

	if (rc != 0)
		return rc;
	if (!have && need > 0)
		return bad(r, e, "buffer %lld is empty, expected %lld bytes",
		    (long long)r->at_buffer - 1, (long long)need);
	if (*p == NULL) {
		rc = vmf_buf_reserve(room, 16, e);
		if (rc != 0)
			return rc;
		memset(room->p, 0, 16);
		*p = room->p;
	}
	return 0;
}

/* The next node: n rows expected (n < 0: any), *nulls of them missing. */
static int
next_node(struct vmf_record *r, int64_t n, int64_t *length, int64_t *nulls,
    struct vmf_err *e)
{
	if (r->at_node == r->n_nodes)
		return bad(r, e, "only %lld nodes, expected more",
		    (long long)r->n_nodes);
	*length = load64(r->node + 16 * r->at_node);
	*nulls = load64(r->node + 16 * r->at_node + 8);
	r->at_node++;
	if (*length < 0 || *length > INT32_MAX - 8 ||
	    (n >= 0 && *length != n))
		return bad(r, e, "node of %lld values, expected %lld",
		    (long long)*length, (long long)(n < 0 ? r->n_rows : n));
	if (*nulls < 0 || *nulls > *length)
		return bad(r, e, "%lld nulls in %lld values",
		    (long long)*nulls, (long long)*length);
	return 0;
}

/* The bitmap of n values; NULL when none is missing. */
static int
next_validity(struct vmf_record *r, struct vmf_buf *room, int64_t n,
    int64_t nulls, uint8_t **bits, struct vmf_err *e)
{
	int64_t zeros;
	bool have;
	int rc = next_buffer(r, room, nulls == 0 ? 0 : (n + 7) / 8, bits,
	    &have, e);

	if (rc != 0)
		return rc;
	if (nulls == 0) {
		*bits = NULL;
		return 0;
	}
	if (!have)
		return bad(r, e, "%lld nulls but no validity bitmap",
		    (long long)nulls);
	zeros = n - vmf_bits_count(*bits, n);
	if (zeros != nulls)
		return bad(r, e, "the validity bitmap has %lld nulls, "
		    "expected %lld", (long long)zeros, (long long)nulls);
	return 0;
}

/* ---- numbers ---- */

static int64_t
load_int(const uint8_t *p, int64_t i, int width, bool is_signed)
{
	uint64_t v = 0;
	int bytes = width / 8, shift = 64 - width;

	memcpy(&v, p + i * bytes, (size_t)bytes);
	if (is_signed && shift > 0)
		return (int64_t)(v << shift) >> shift;
	return (int64_t)v;
}

static double
load_half(const uint8_t *p, int64_t i)
{
	uint16_t h;
	int exp;
	double m, v;

	memcpy(&h, p + 2 * i, 2);
	exp = h >> 10 & 31;
	m = h & 1023;
	if (exp == 31)
		v = m == 0 ? INFINITY : NAN;
	else
		v = exp == 0 ? ldexp(m, -24) : ldexp(m + 1024, exp - 25);
	return h & 0x8000 ? -v : v;
}

/* 128-bit two's complement over 10^scale. */
static double
load_decimal(const uint8_t *p, int64_t i, int width, int scale)
{
	uint64_t lo, hi;

	if (width == 32 || width == 64)
		return vmf_decimal_double(load_int(p, i, width, true),
		    -scale);
	lo = (uint64_t)load64(p + 16 * i);
	hi = (uint64_t)load64(p + 16 * i + 8);
	return vmf_decimal_double((__int128)((unsigned __int128)hi << 64 |
	    lo), -scale);
}

static int64_t
floor_div(int64_t v, int64_t div)
{
	int64_t q = v / div;

	return q - (v % div < 0);
}

/* n values of the given layout as float32 or float64 at *out, NaN where
 * missing.  float32 and float64 stay where they are. */
static int
floats(struct vmf_record *r, enum vmf_layout layout, int width,
    bool is_signed, int scale, enum vmf_type type, const uint8_t *bits,
    int64_t n, uint8_t *p, struct vmf_buf *room, void **out,
    struct vmf_err *e)
{
	bool f32 = type == VMF_FLOAT32;
	float *f;
	double *d, v;
	int rc;

	if (layout == LAYOUT_FLOAT && width == (f32 ? 32 : 64)) {
		*out = p;
	} else {
		rc = claim(r, room, n * (f32 ? 4 : 8), e);
		if (rc != 0)
			return rc;
		*out = room->p;
		f = (float *)*out;
		d = (double *)*out;
		for (int64_t i = 0; i < n; i++) {
			if (layout == LAYOUT_DECIMAL)
				v = load_decimal(p, i, width, scale);
			else if (layout == LAYOUT_FLOAT)
				v = load_half(p, i);
			else if (layout == LAYOUT_NULL)
				v = NAN;
			else if (is_signed || width < 64)
				v = (double)load_int(p, i, width, is_signed);
			else
				v = (double)(uint64_t)load_int(p, i, 64, true);
			if (f32)
				f[i] = (float)v;
			else
				d[i] = v;
		}
	}
	if (bits == NULL)
		return 0;
	f = (float *)*out;
	d = (double *)*out;
	for (int64_t i = 0; i < n; i++) {
		/* Most values are there. */
		while (i % 8 == 0 && i + 64 <= n &&
		    vmf_load64(bits + (i >> 3)) == UINT64_MAX)
			i += 64;
		if (i >= n || (bits[i >> 3] >> (i & 7) & 1))
			continue;
		if (f32)
			f[i] = NAN;
		else
			d[i] = NAN;
	}
	return 0;
}

/* Bytes of n values of a layout. */
static int64_t
layout_bytes(enum vmf_layout layout, int width, int64_t n)
{
	return layout == LAYOUT_NULL ? 0 :
	    layout == LAYOUT_BOOL ? (n + 7) / 8 : n * (width / 8);
}

/* Integers, booleans and times. */
static int
integers(struct vmf_record *r, const struct vmf_source *s,
    struct vmf_room *room, uint8_t *p, struct vmf_col *c, struct vmf_err *e)
{
	int out_bytes = c->type == VMF_BOOL ? 1 :
	    c->type == VMF_INT32 || c->is_dict ? 4 : 8;
	int64_t v, lo = out_bytes == 4 ? INT32_MIN : INT64_MIN;
	int64_t hi = out_bytes == 4 ? INT32_MAX : INT64_MAX;
	int rc;

	if (s->layout == LAYOUT_INT && s->is_signed && s->mul == 1 &&
	    s->div == 1 && s->width == 8 * out_bytes &&
	    c->type != VMF_BOOL) {
		c->d.p = p;
		return 0;
	}
	rc = claim(r, &room->data, c->n * out_bytes, e);
	if (rc != 0)
		return rc;
	c->d.p = room->data.p;
	for (int64_t i = 0; i < c->n; i++) {
		if (s->layout == LAYOUT_BOOL) {
			c->d.b8[i] = p[i >> 3] >> (i & 7) & 1;
			continue;
		}
		v = load_int(p, i, s->width, s->is_signed);
		if (!vmf_bit(c->valid, i))
			v = 0;
		if (c->type == VMF_BOOL) {
			c->d.b8[i] = v != 0;
			continue;
		}
		if ((s->width == 64 && !s->is_signed && v < 0) ||
		    __builtin_mul_overflow(v, s->mul, &v) ||
		    (v = floor_div(v, s->div)) < lo || v > hi)
			return bad(r, e, "row %lld of the batch is out of "
			    "the range of %s", (long long)i,
			    vmf_type_name(c->type));
		if (out_bytes == 4)
			c->d.i32[i] = (int32_t)v;
		else
			c->d.i64[i] = v;
	}
	return 0;
}

/* ---- offsets, text, lists ---- */

static bool
ascending(const int32_t *off, int64_t n)
{
	int down = 0;

	for (int64_t i = 1; i < n; i++)
		down |= off[i] < off[i - 1];
	return !down;
}

/*
 * n + 1 ascending offsets of 32 or 64 bits, turned into int32 beginning at
 * 0.  *first is what was subtracted, *items the last one then.
 */
static int
offsets(struct vmf_record *r, struct vmf_room *room, int width, int64_t n,
    int32_t **off, int64_t *first, int64_t *items, struct vmf_err *e)
{
	uint8_t *p;
	int64_t prev, v;
	bool have;
	int rc = next_buffer(r, &room->raw, n == 0 ? 0 : (n + 1) * (width / 8),
	    &p, &have, e);

	if (rc != 0)
		return rc;
	*first = *items = 0;
	if (!have || n == 0) {
		if (n > 0)
			return bad(r, e, "no offsets for %lld rows",
			    (long long)n);
		room->offsets.n = 0;
		rc = vmf_buf_reserve(&room->offsets, 8, e);
		if (rc == 0) {
			*off = (int32_t *)(void *)room->offsets.p;
			(*off)[0] = 0;
		}
		return rc;
	}
	*first = prev = load_int(p, 0, width, true);
	if (width == 32 && *first == 0) {
		*off = (int32_t *)(void *)p;
	} else {
		rc = claim(r, &room->offsets, (n + 1) * 4, e);
		if (rc != 0)
			return rc;
		*off = (int32_t *)(void *)room->offsets.p;
	}
	if ((uint8_t *)*off == p && ascending(*off, n + 1)) {
		*items = (*off)[n];
		return 0;
	}
	for (int64_t i = 0; i <= n; i++) {
		v = load_int(p, i, width, true);
		if (v < prev || *first < 0 || v - *first > INT32_MAX)
			return bad(r, e, "offset %lld is %lld after %lld, "
			    "expected ascending offsets below 2^31",
			    (long long)i, (long long)v, (long long)prev);
		prev = v;
		(*off)[i] = (int32_t)(v - *first);
	}
	*items = prev - *first;
	return 0;
}

static int
check_utf8(struct vmf_record *r, const struct vmf_col *c, struct vmf_err *e)
{
	if (vmf_plain_ascii(c->d.bytes, c->off[c->n]))
		return 0;
	for (int64_t i = 0; i < c->n; i++)
		if (vmf_bit(c->valid, i) &&
		    !vmf_utf8_valid(c->d.bytes + c->off[i],
		    c->off[i + 1] - c->off[i]))
			return bad(r, e, "row %lld of the batch %s",
			    (long long)i, memchr(c->d.bytes + c->off[i], 0,
			    (size_t)(c->off[i + 1] - c->off[i])) != NULL ?
			    "has a U+0000, which text here must not have" :
			    "is not valid UTF-8 text");
	return 0;
}

/* A string of a view: 12 bytes at most stand in it, more in a buffer. */
struct view {
	int64_t len, buffer, at;
};

static struct view
view_of(const uint8_t *views, int64_t i)
{
	return (struct view){ load_int(views, 4 * i, 32, true),
	    load_int(views, 4 * i + 2, 32, true),
	    load_int(views, 4 * i + 3, 32, true) };
}

/* How much of each of n buffers the views reach, into reach; *total: how long
 * all strings are together. */
static int
measure_views(struct vmf_record *r, const uint8_t *views,
    const struct vmf_col *c, int64_t n, int64_t *reach, int64_t *total,
    struct vmf_err *e)
{
	*total = 0;
	memset(reach, 0, (size_t)n * sizeof(*reach));
	for (int64_t i = 0; i < c->n; i++) {
		struct view v;

		if (!vmf_bit(c->valid, i))
			continue;
		v = view_of(views, i);
		if (v.len < 0 || (v.len > 12 && (v.buffer < 0 ||
		    v.buffer >= n || v.at < 0)))
			return bad(r, e, "view %lld: %lld bytes at %lld of "
			    "buffer %lld of %lld", (long long)i,
			    (long long)v.len, (long long)v.at,
			    (long long)v.buffer, (long long)n);
		*total += v.len;
		if (v.len > 12 && reach[v.buffer] < v.at + v.len)
			reach[v.buffer] = v.at + v.len;
	}
	if (*total > INT32_MAX)
		return bad(r, e, "%lld bytes of text in one batch, expected "
		    "less than 2^31", (long long)*total);
	return 0;
}

/* The n buffers one after the other in room->raw2; where each begins into
 * start, which had how much of it is reached. */
static int
take_buffers(struct vmf_record *r, struct vmf_room *room, int64_t n,
    int64_t *start, struct vmf_buf *tmp, struct vmf_err *e)
{
	room->raw2.n = 0;
	for (int64_t b = 0; b < n; b++) {
		int64_t bytes = start[b];
		uint8_t *p;
		bool have;
		int rc = next_buffer(r, tmp, bytes, &p, &have, e);

		if (rc == 0 && !have && bytes > 0)
			rc = bad(r, e, "variadic buffer %lld is empty, "
			    "expected %lld bytes", (long long)b,
			    (long long)bytes);
		start[b] = room->raw2.n;
		if (rc == 0 && bytes > r->budget)
			rc = bad(r, e, "the batch takes more memory than "
			    "--max-batch allows");
		r->budget -= bytes;
		if (rc == 0)
			rc = vmf_buf_put(&room->raw2, p, bytes, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void
copy_views(const struct vmf_room *room, const uint8_t *views,
    const int64_t *start, struct vmf_col *c)
{
	int64_t at = 0;

	c->d.p = room->data.p;
	c->off = (int32_t *)(void *)room->offsets.p;
	c->off[0] = 0;
	for (int64_t i = 0; i < c->n; i++) {
		if (vmf_bit(c->valid, i)) {
			struct view v = view_of(views, i);

			memcpy(c->d.bytes + at, v.len <= 12 ? views +
			    16 * i + 4 : room->raw2.p + start[v.buffer] +
			    v.at, (size_t)v.len);
			at += v.len;
		}
		c->off[i + 1] = (int32_t)at;
	}
}

/* Text as views, into a column of offsets. */
static int
take_views(struct vmf_record *r, struct vmf_room *room, const uint8_t *views,
    struct vmf_col *c, struct vmf_err *e)
{
	struct vmf_buf reach = { 0 }, tmp = { 0 };
	int64_t n, total, *start;
	int rc;

	if (r->at_variadic == r->n_variadic)
		return bad(r, e, "no count of variadic buffers");
	n = load64(r->variadic + 8 * r->at_variadic++);
	if (n < 0 || n > r->n_buffers - r->at_buffer)
		return bad(r, e, "%lld variadic buffers, expected at most "
		    "%lld", (long long)n,
		    (long long)(r->n_buffers - r->at_buffer));
	rc = vmf_buf_reserve(&reach, (n + 1) * (int64_t)sizeof(*start), e);
	if (rc != 0)
		return rc;
	start = (int64_t *)(void *)reach.p;
	if ((rc = measure_views(r, views, c, n, start, &total, e)) == 0 &&
	    (rc = take_buffers(r, room, n, start, &tmp, e)) == 0 &&
	    (rc = claim(r, &room->data, total, e)) == 0 &&
	    (rc = claim(r, &room->offsets, (c->n + 1) * 4, e)) == 0)
		copy_views(room, views, start, c);
	vmf_buf_free(&reach);
	vmf_buf_free(&tmp);
	return rc;
}

/* Nulls, and lists whose type has no items, take no bytes of the body: how
 * many there are is a claim alone, while each takes some here. */
static int
take_bodiless(struct vmf_record *r, int64_t n, struct vmf_err *e)
{
	if (n > r->bodiless)
		return bad(r, e, "%lld empty lists or nulls in lists, for "
		    "which there are no bytes; expected at most %lld",
		    (long long)n, (long long)r->bodiless);
	r->bodiless -= n;
	return 0;
}

static int
list_items(struct vmf_record *r, const struct vmf_source *s,
    struct vmf_room *room, int64_t first, int64_t items, struct vmf_col *c,
    struct vmf_err *e)
{
	enum vmf_type item = c->type == VMF_LIST_FLOAT32 ? VMF_FLOAT32 :
	    VMF_FLOAT64;
	uint8_t *bits = NULL, *p = NULL;
	int64_t n, nulls;
	int rc;

	rc = next_node(r, -1, &n, &nulls, e);
	if (rc != 0)
		return rc;
	if (n < first + items)
		return bad(r, e, "lists reach item %lld of %lld",
		    (long long)(first + items), (long long)n);
	if (s->item_layout == LAYOUT_NULL) {
		rc = take_bodiless(r, n, e);
		if (rc != 0)
			return rc;
	} else {
		rc = next_validity(r, &room->raw2, n, nulls, &bits, e);
		if (rc == 0)
			rc = need_buffer(r, &room->raw, layout_bytes(
			    s->item_layout, s->item_width, n), &p, e);
		if (rc != 0)
			return rc;
	}
	rc = floats(r, s->item_layout, s->item_width, s->item_signed,
	    s->item_scale, item, bits, n, p, &room->data, &c->d.p, e);
	if (rc == 0)
		c->d.p = (uint8_t *)c->d.p +
		    first * (item == VMF_FLOAT32 ? 4 : 8);
	return rc;
}

static int
list_column(struct vmf_record *r, const struct vmf_source *s,
    struct vmf_room *room, struct vmf_col *c, struct vmf_err *e)
{
	int64_t first = 0, items;
	int rc = 0;

	if (s->layout == LAYOUT_LIST) {
		rc = offsets(r, room, s->width, c->n, &c->off, &first, &items,
		    e);
		if (rc != 0)
			return rc;
		/* The raw buffer may hold these offsets: the items need it. */
		if ((uint8_t *)c->off == room->raw.p) {
			struct vmf_buf t = room->raw;

			room->raw = room->offsets;
			room->offsets = t;
		}
	} else {
		if (__builtin_mul_overflow(c->n, s->list_size, &items) ||
		    items > INT32_MAX)
			return bad(r, e, "%lld lists of %lld items",
			    (long long)c->n, (long long)s->list_size);
		if (s->list_size == 0 || s->item_layout == LAYOUT_NULL)
			rc = take_bodiless(r, c->n, e);
		if (rc == 0)
			rc = claim(r, &room->offsets, (c->n + 1) * 4, e);
		if (rc != 0)
			return rc;
		c->off = (int32_t *)(void *)room->offsets.p;
		for (int64_t i = 0; i <= c->n; i++)
			c->off[i] = (int32_t)(i * s->list_size);
	}
	return list_items(r, s, room, first, items, c, e);
}

static int
text_column(struct vmf_record *r, const struct vmf_source *s,
    struct vmf_room *room, struct vmf_col *c, struct vmf_err *e)
{
	int64_t first, items;
	uint8_t *p;
	int rc;

	if (s->layout == LAYOUT_VIEW) {
		rc = need_buffer(r, &room->raw, c->n * 16, &p, e);
		if (rc == 0)
			rc = take_views(r, room, p, c, e);
	} else {
		rc = offsets(r, room, s->width, c->n, &c->off, &first, &items,
		    e);
		if (rc == 0)
			rc = need_buffer(r, &room->data, first + items, &p, e);
		if (rc == 0)
			c->d.p = p + first;
	}
	return rc == 0 && s->text ? check_utf8(r, c, e) : rc;
}

static int
check_codes(struct vmf_record *r, const struct vmf_dict *d,
    struct vmf_room *room, struct vmf_col *c, struct vmf_err *e)
{
	uint32_t most = 0;
	uint8_t *bits;
	bool null_entry = false;
	int rc;

	if (c->valid == NULL && d->valid == NULL) {
		for (int64_t i = 0; i < c->n; i++)
			most = most > (uint32_t)c->d.i32[i] ? most :
			    (uint32_t)c->d.i32[i];
		if (c->n == 0 || (int64_t)most < d->n)
			return 0;
	}
	for (int64_t i = 0; i < c->n; i++) {
		int32_t code = c->d.i32[i];

		if (!vmf_bit(c->valid, i)) {
			c->d.i32[i] = 0;
			continue;
		}
		if (code < 0 || code >= d->n)
			return bad(r, e, "row %lld of the batch has code %d, "
			    "expected 0 to %lld", (long long)i, (int)code,
			    (long long)d->n - 1);
		null_entry |= !vmf_bit(d->valid, code);
	}
	if (!null_entry)
		return 0;
	/* A row whose dictionary entry is null is a null. */
	rc = claim(r, &room->offsets, (c->n + 7) / 8, e);
	if (rc != 0)
		return rc;
	bits = room->offsets.p;
	memset(bits, 0, (size_t)(c->n + 7) / 8);
	for (int64_t i = 0; i < c->n; i++)
		if (vmf_bit(c->valid, i) && vmf_bit(d->valid, c->d.i32[i]))
			bits[i >> 3] |= (uint8_t)(1 << (i & 7));
	c->valid = bits;
	return 0;
}

int
vmf_record_column(struct vmf_record *r, const struct vmf_source *s,
    struct vmf_dict *d, struct vmf_room *room, struct vmf_col *c,
    struct vmf_err *e)
{
	int64_t n, nulls;
	uint8_t *p;
	int rc;

	*c = (struct vmf_col){ .type = s->type, .is_dict = s->is_dict,
	    .n = r->n_rows, .dict = d };
	rc = next_node(r, r->n_rows, &n, &nulls, e);
	if (rc != 0)
		return rc;
	if (s->layout == LAYOUT_NULL)
		return 0;
	rc = next_validity(r, &room->valid, n, nulls, &c->valid, e);
	if (rc != 0)
		return rc;
	switch (s->layout) {
	case LAYOUT_LIST:
	case LAYOUT_FIXED_LIST:
		return list_column(r, s, room, c, e);
	case LAYOUT_TEXT:
	case LAYOUT_VIEW:
		return text_column(r, s, room, c, e);
	default:
		break;
	}
	rc = need_buffer(r, &room->raw, layout_bytes(s->layout, s->width, n),
	    &p, e);
	if (rc != 0)
		return rc;
	if (c->type == VMF_FLOAT32 || c->type == VMF_FLOAT64) {
		rc = floats(r, s->layout, s->width, s->is_signed, s->scale,
		    c->type, c->valid, n, p, &room->data, &c->d.p, e);
		c->valid = NULL;
		return rc;
	}
	rc = integers(r, s, room, p, c, e);
	return rc == 0 && s->is_dict ? check_codes(r, d, room, c, e) : rc;
}
