/* SPDX-License-Identifier: MIT */
/*
 * Mutations that know what a stream is made of: the bytes of one buffer
 * (unpacked where it is packed, and packed again), row counts, words of the
 * metadata, whole messages; and then the lengths and offsets are made to fit,
 * so that what is damaged is read, and not refused at the door.
 *
 * Messages are taken apart by the reader's own vmf_flat (arrow/flat.h), which
 * checks every position; what cannot be taken apart is left to libFuzzer.
 */
#ifndef VMF_FUZZ_MUTATE_H
#define VMF_FUZZ_MUTATE_H

#include <lz4frame.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "arrow/flat.h"
#include "arrow/format.h"

#define MESSAGES_MAX 64
#define BUFFER_MAX (1 << 16)	/* unpacked, that is mutated */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

struct mutation {
	uint8_t *p;
	size_t n, max;
	uint32_t x;		/* the state of its draws */
};

/* Numerical Recipes' generator; the high bits are the better ones. */
static uint32_t
draw(struct mutation *m, uint32_t of)
{
	m->x = m->x * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)m->x * of >> 32);
}

/* One message of the stream: its metadata, and its body after it. */
struct message {
	size_t at, meta, body, end;
	int64_t header_type, header, table;	/* positions in the metadata */
};

static uint32_t
get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static int64_t
get64(const uint8_t *p)
{
	int64_t v;

	memcpy(&v, p, 8);
	return v;
}

static void
put64(uint8_t *p, int64_t v)
{
	memcpy(p, &v, 8);
}

/* Where field id of the table stands; 0: absent, or damaged. */
static size_t
slot(const struct vmf_flat *f, int64_t table, int id, int64_t bytes)
{
	int64_t vt;
	uint16_t size, off;

	if (table < 4 || table + 4 > f->n)
		return 0;
	vt = table - (int32_t)get32(f->p + table);
	if (vt < 0 || vt + 6 + 2 * id > f->n)
		return 0;
	memcpy(&size, f->p + vt, 2);
	memcpy(&off, f->p + vt + 4 + 2 * id, 2);
	if (4 + 2 * id >= size || off == 0 || table + off + bytes > f->n)
		return 0;
	return (size_t)(table + off);
}

/* The message at `at`; false where there is none that is whole. */
static bool
message_at(const struct mutation *m, size_t at, struct message *g)
{
	struct vmf_flat f = { 0 };
	int64_t root, body;

	*g = (struct message){ .at = at, .meta = at + 8 };
	if (at + 8 > m->n || get32(m->p + at) != UINT32_MAX)
		return false;
	f.n = (int32_t)get32(m->p + at + 4);
	if (f.n < 8 || (size_t)f.n > m->n - g->meta)
		return false;
	f.p = m->p + g->meta;
	root = vmf_flat_root(&f);
	body = vmf_flat_int(&f, root, MESSAGE_BODY, 8, 0);
	g->table = root;
	g->header_type = vmf_flat_int(&f, root, MESSAGE_HEADER_TYPE, 1, 0);
	g->header = vmf_flat_table(&f, root, MESSAGE_HEADER);
	g->body = g->meta + (size_t)f.n;
	if (f.bad || body < 0 || (uint64_t)body > m->n - g->body)
		return false;
	g->end = g->body + (size_t)body;
	return true;
}

static int
messages(const struct mutation *m, struct message *g)
{
	size_t at = 0;
	int n = 0;

	while (n < MESSAGES_MAX && message_at(m, at, &g[n]))
		at = g[n++].end;
	return n;
}

/* The table of rows in a message: its own, or a dictionary's. */
static int64_t
rows_table(struct vmf_flat *f, const struct message *g)
{
	return g->header_type == HEADER_RECORD ? g->header :
	    g->header_type == HEADER_DICTIONARY ?
	    vmf_flat_table(f, g->header, DBATCH_DATA) : 0;
}

/* Replace the n bytes at `at` by the to_n at `to`; false: no room. */
static bool
replace(struct mutation *m, size_t at, size_t n, const uint8_t *to,
    size_t to_n)
{
	if (m->n - n + to_n > m->max)
		return false;
	memmove(m->p + at + to_n, m->p + at + n, m->n - at - n);
	if (to_n > 0)
		memcpy(m->p + at, to, to_n);
	m->n = m->n - n + to_n;
	return true;
}

static int64_t
hostile(struct mutation *m, int64_t old)
{
	static const int64_t v[] = { 0, 1, -1, 2, 7, 8, 63, 64, 127, 255,
	    1 << 16, INT32_MAX, INT32_MIN, INT64_C(1) << 31,
	    INT64_C(1) << 40, INT64_MAX, INT64_MIN };
	uint64_t u = (uint64_t)old;

	switch (draw(m, 4)) {
	case 0:
		u += draw(m, 2) == 0 ? 1 : (uint64_t)-1;
		break;
	case 1:
		u = draw(m, 3) == 0 ? u * 2 : draw(m, 2) == 0 ? -u : u / 2;
		break;
	default:
		u = (uint64_t)v[draw(m, sizeof(v) / sizeof(*v))];
	}
	return (int64_t)u;
}

/* A word of 1, 2, 4 or 8 bytes at a multiple of its size. */
static void
word(struct mutation *m, uint8_t *p, size_t n)
{
	static const double f[] = { 0, -0.0, 1, -1, 0.5, 1e-300, 1e300,
	    -1e300, 1e18, 4294967296.0, NAN, INFINITY, -INFINITY };
	size_t size = (size_t)1 << draw(m, 4), at;
	int64_t v = 0;

	while (size > n)
		size /= 2;
	if (size == 0)
		return;
	at = draw(m, (uint32_t)(n / size)) * size;
	if (size == 8 && draw(m, 2) == 0) {
		memcpy(p + at, &f[draw(m, 13)], 8);
		return;
	}
	if (size == 4 && draw(m, 3) == 0) {
		float g = (float)f[draw(m, 13)];

		memcpy(p + at, &g, 4);
		return;
	}
	memcpy(&v, p + at, size);
	v = hostile(m, v);
	memcpy(p + at, &v, size);
}

/* Bytes in hand: some words, or what libFuzzer would do. */
static size_t
bytes(struct mutation *m, uint8_t *p, size_t n, size_t max)
{
	if (n == 0 || draw(m, 3) == 0)
		return LLVMFuzzerMutate(p, n, max);
	for (uint32_t k = 1 + draw(m, 3); k > 0; k--)
		word(m, p, n);
	return n;
}

/* Behind the length stands a frame: what is in it, and then as a frame again.
 * 0: that did not work. */
static size_t
packed(struct mutation *m, uint8_t *b, size_t n, size_t max, bool zstd)
{
	static uint8_t plain[BUFFER_MAX];
	int64_t len = n >= 8 ? get64(b) : -1;
	LZ4F_dctx *d = NULL;
	size_t got, used = n - 8, to = BUFFER_MAX;

	if (len < 0 || len > BUFFER_MAX)
		return 0;
	if (zstd) {
		got = ZSTD_decompress(plain, BUFFER_MAX, b + 8, n - 8);
		if (ZSTD_isError(got))
			return 0;
	} else {
		if (LZ4F_isError(LZ4F_createDecompressionContext(&d,
		    LZ4F_VERSION)))
			return 0;
		got = LZ4F_decompress(d, plain, &to, b + 8, &used, NULL);
		LZ4F_freeDecompressionContext(d);
		if (LZ4F_isError(got))
			return 0;
		got = to;
	}
	got = bytes(m, plain, got, BUFFER_MAX);
	put64(b, draw(m, 16) == 0 ? hostile(m, len) : (int64_t)got);
	to = zstd ? ZSTD_compress(b + 8, max - 8, plain, got, 1) :
	    LZ4F_compressFrame(b + 8, max - 8, plain, got, NULL);
	return (zstd ? ZSTD_isError(to) : LZ4F_isError(to)) ? 0 : to + 8;
}

/* One buffer of a message of rows; those after it and the body follow. */
static bool
buffer(struct mutation *m, const struct message *g)
{
	static uint8_t b[2 * BUFFER_MAX];
	struct vmf_flat f = { m->p + g->meta, (int64_t)(g->body - g->meta),
	    false };
	int64_t table = rows_table(&f, g), n_buf, comp, at, len, old, now;
	int64_t v = vmf_flat_vector(&f, table, RECORD_BUFFERS, 16, &n_buf);
	size_t size = slot(&f, g->table, MESSAGE_BODY, 8), n, room;
	uint32_t k;

	comp = vmf_flat_table(&f, table, RECORD_COMPRESSION);
	if (f.bad || v == 0 || n_buf < 1 || n_buf > 4096 || size == 0)
		return false;
	k = draw(m, (uint32_t)n_buf);
	at = get64(f.p + v + 16 * k);
	len = get64(f.p + v + 16 * k + 8);
	if (at < 0 || len < 0 || at > (int64_t)(g->end - g->body) ||
	    len > (int64_t)(g->end - g->body) - at || len > BUFFER_MAX)
		return false;
	memcpy(b, m->p + g->body + at, (size_t)len);
	room = (size_t)len + 256 < BUFFER_MAX ? (size_t)len + 256 :
	    BUFFER_MAX;
	n = comp == 0 ? 0 : packed(m, b, (size_t)len, sizeof(b),
	    vmf_flat_int(&f, comp, 0, 1, CODEC_LZ4_FRAME) == CODEC_ZSTD);
	if (n == 0)
		n = bytes(m, b, (size_t)len, room);
	/* Of the body in steps of 8, as all buffers are. */
	old = (len + 7) / 8 * 8;
	if (old > (int64_t)(g->end - g->body) - at)
		old = len;
	now = ((int64_t)n + 7) / 8 * 8;
	memset(b + n, 0, (size_t)now - n);
	if (!replace(m, g->body + (size_t)at, (size_t)old, b, (size_t)now))
		return false;
	put64(m->p + g->meta + v + 16 * k + 8, (int64_t)n);
	for (int64_t j = 0; j < n_buf; j++) {
		uint8_t *p = m->p + g->meta + v + 16 * j;

		if (j != k && get64(p) > at)
			put64(p, (int64_t)((uint64_t)get64(p) +
			    (uint64_t)(now - old)));
	}
	put64(m->p + g->meta + size, (int64_t)(g->end - g->body) + now -
	    old);
	return true;
}

/* The rows that a message claims, in all columns that had as many. */
static bool
rows(struct mutation *m, const struct message *g)
{
	struct vmf_flat f = { m->p + g->meta, (int64_t)(g->body - g->meta),
	    false };
	int64_t table = rows_table(&f, g), n_nodes, old, to;
	int64_t v = vmf_flat_vector(&f, table, RECORD_NODES, 16, &n_nodes);
	size_t at = slot(&f, table, RECORD_LENGTH, 8);

	if (f.bad || v == 0 || at == 0)
		return false;
	old = get64(m->p + g->meta + at);
	to = hostile(m, old);
	put64(m->p + g->meta + at, to);
	for (int64_t k = 0; k < n_nodes; k++)
		if (get64(m->p + g->meta + v + 16 * k) == old)
			put64(m->p + g->meta + v + 16 * k, to);
	return true;
}

/* The metadata itself, which may grow: its length follows. */
static bool
metadata(struct mutation *m, const struct message *g)
{
	static uint8_t b[BUFFER_MAX + 8];
	size_t n = g->body - g->meta, now;
	uint32_t len;

	if (n > BUFFER_MAX - 256)
		return false;
	if (draw(m, 4) > 0) {
		word(m, m->p + g->meta, n);
		return true;
	}
	memcpy(b, m->p + g->meta, n);
	now = LLVMFuzzerMutate(b, n, n + 256);
	memset(b + now, 0, 8);
	now = (now + 7) / 8 * 8;
	if (!replace(m, g->meta, n, b, now))
		return false;
	len = (uint32_t)now;
	memcpy(m->p + g->at + 4, &len, 4);
	return true;
}

/* A message left out, twice, in another's place, or the last one. */
static bool
whole(struct mutation *m, const struct message *g, int n)
{
	const struct message *a = &g[draw(m, (uint32_t)n)];
	const struct message *to = &g[draw(m, (uint32_t)n)];
	size_t len = a->end - a->at;
	uint8_t *copy;
	bool done;

	switch (draw(m, 4)) {
	case 0:
		return replace(m, a->at, len, NULL, 0);
	case 1:
		m->n = a->end;
		return true;
	default:
		if ((copy = malloc(len)) == NULL)
			abort();
		memcpy(copy, m->p + a->at, len);
		done = replace(m, to->at, draw(m, 2) == 0 ? 0 :
		    to->end - to->at, copy, len);
		free(copy);
		return done;
	}
}

/* What libFuzzer calls where a stream is the input. */
static size_t
mutate_stream(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct mutation m = { data, size, max, seed };
	struct message g[MESSAGES_MAX];
	int n = messages(&m, g);
	const struct message *one;
	bool done = false;

	(void)draw(&m, 2);
	if (n > 0) {
		one = &g[draw(&m, (uint32_t)n)];
		switch (draw(&m, 16)) {
		case 0:
			break;
		case 1:
			done = whole(&m, g, n);
			break;
		case 2:
		case 3:
			done = rows(&m, one);
			break;
		case 4:
		case 5:
		case 6:
			done = metadata(&m, one);
			break;
		default:
			done = buffer(&m, one);
		}
	}
	return done ? m.n : LLVMFuzzerMutate(data, size, max);
}

#endif
