/* SPDX-License-Identifier: MIT */
#include "arrow/flat.h"

#include <string.h>

/* ---- reading ---- */

/* True when size bytes at pos are inside; else marks the buffer bad. */
static bool
inside(struct vmf_flat *f, int64_t pos, int64_t size)
{
	if (!f->bad && pos >= 0 && size >= 0 && pos <= f->n &&
	    size <= f->n - pos)
		return true;
	f->bad = true;
	return false;
}

static uint32_t
u32(const struct vmf_flat *f, int64_t pos)
{
	uint32_t v;

	memcpy(&v, f->p + pos, 4);
	return v;
}

static uint16_t
u16(const struct vmf_flat *f, int64_t pos)
{
	uint16_t v;

	memcpy(&v, f->p + pos, 2);
	return v;
}

/* Follow the offset at pos, to something of at least 4 bytes. */
static int64_t
follow(struct vmf_flat *f, int64_t pos)
{
	int64_t to;

	if (!inside(f, pos, 4))
		return 0;
	to = pos + u32(f, pos);
	return to > pos && inside(f, to, 4) ? to : (f->bad = true, 0);
}

/* Where the field's value stands, or 0. */
static int64_t
field(struct vmf_flat *f, int64_t table, int id, int64_t bytes)
{
	int64_t vt, vt_bytes, at = 4 + 2 * (int64_t)id;
	uint16_t off;

	if (table == 0 || !inside(f, table, 4))
		return 0;
	vt = table - (int32_t)u32(f, table);
	if (!inside(f, vt, 4))
		return 0;
	vt_bytes = u16(f, vt);
	if (!inside(f, vt, vt_bytes) || at + 2 > vt_bytes)
		return 0;
	off = u16(f, vt + at);
	if (off == 0)
		return 0;
	return inside(f, table + off, bytes) ? table + off : 0;
}

int64_t
vmf_flat_root(struct vmf_flat *f)
{
	return follow(f, 0);
}

int64_t
vmf_flat_int(struct vmf_flat *f, int64_t table, int id, int bytes,
    int64_t dflt)
{
	int64_t pos = field(f, table, id, bytes), v = 0;

	if (pos == 0)
		return dflt;
	memcpy(&v, f->p + pos, (size_t)bytes);
	/* Sign-extend. */
	return (int64_t)((uint64_t)v << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}

int64_t
vmf_flat_table(struct vmf_flat *f, int64_t table, int id)
{
	int64_t pos = field(f, table, id, 4);

	return pos == 0 ? 0 : follow(f, pos);
}

int64_t
vmf_flat_vector(struct vmf_flat *f, int64_t table, int id,
    int64_t elem_bytes, int64_t *count)
{
	int64_t pos = vmf_flat_table(f, table, id);

	*count = 0;
	if (pos == 0)
		return 0;
	/* The count has 32 bits and elements are small: no overflow. */
	if (!inside(f, pos + 4, (int64_t)u32(f, pos) * elem_bytes))
		return 0;
	*count = u32(f, pos);
	return pos + 4;
}

int64_t
vmf_flat_elem(struct vmf_flat *f, int64_t vector, int64_t i)
{
	return vector == 0 ? 0 : follow(f, vector + 4 * i);
}

const char *
vmf_flat_string(struct vmf_flat *f, int64_t table, int id, int64_t *len)
{
	int64_t pos = vmf_flat_vector(f, table, id, 1, len);

	return pos == 0 ? NULL : (const char *)f->p + pos;
}

/* ---- building ---- */

/* Append n zero bytes; their position. */
static int64_t
zeros(struct vmf_fbb *f, int64_t n)
{
	int64_t pos = f->b.n;

	if (f->nomem || vmf_buf_reserve(&f->b, n, NULL) != 0) {
		f->nomem = true;
		return 0;
	}
	memset(f->b.p + pos, 0, (size_t)n);
	f->b.n += n;
	return pos;
}

void
vmf_fbb_align(struct vmf_fbb *f, int64_t n)
{
	(void)zeros(f, (n - f->b.n % n) % n);
}

int64_t
vmf_fbb_begin(struct vmf_fbb *f)
{
	f->b.n = 0;
	f->nomem = false;
	return zeros(f, 4);
}

int64_t
vmf_fbb_table(struct vmf_fbb *f, const uint8_t *size, int n)
{
	int64_t vt, table, at = 4;

	vmf_fbb_align(f, 2);
	vt = zeros(f, 4 + 2 * n);
	vmf_fbb_align(f, 8);
	table = f->b.n;
	for (int i = 0; i < n; i++) {
		if (size[i] == 0)
			continue;
		at = (at + size[i] - 1) / size[i] * size[i];
		vmf_fbb_put(f, vt + 4 + 2 * i, at, 2);
		at += size[i];
	}
	(void)zeros(f, at);
	vmf_fbb_put(f, vt, 4 + 2 * n, 2);
	vmf_fbb_put(f, vt + 2, at, 2);
	vmf_fbb_put(f, table, table - vt, 4);
	return table;
}

int64_t
vmf_fbb_slot(const struct vmf_fbb *f, int64_t table, int id)
{
	struct vmf_flat r = { f->b.p, f->b.n, f->nomem };

	return field(&r, table, id, 1);
}

void
vmf_fbb_put(struct vmf_fbb *f, int64_t pos, int64_t v, int bytes)
{
	if (!f->nomem)
		memcpy(f->b.p + pos, &v, (size_t)bytes);
}

void
vmf_fbb_link(struct vmf_fbb *f, int64_t slot, int64_t to)
{
	vmf_fbb_put(f, slot, to - slot, 4);
}

int64_t
vmf_fbb_vector(struct vmf_fbb *f, int64_t slot, int64_t count,
    int64_t elem_bytes)
{
	int64_t pos;

	/* The count ends where elements of eight bytes are aligned. */
	vmf_fbb_align(f, 4);
	if (elem_bytes >= 8 && f->b.n % 8 == 0)
		(void)zeros(f, 4);
	pos = zeros(f, 4);
	vmf_fbb_link(f, slot, pos);
	vmf_fbb_put(f, pos, count, 4);
	(void)zeros(f, count * elem_bytes);
	return pos + 4;
}

void
vmf_fbb_string(struct vmf_fbb *f, int64_t slot, const char *s)
{
	int64_t n = (int64_t)strlen(s), pos;

	pos = vmf_fbb_vector(f, slot, n, 1);
	(void)zeros(f, 1);
	if (!f->nomem)
		memcpy(f->b.p + pos, s, (size_t)n);
}
