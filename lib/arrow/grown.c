/* SPDX-License-Identifier: MIT */
/* Dictionaries that only grew. */
#include <string.h>

#include "arrow/format.h"
#include "arrow/read_in.h"

#define PART ((int64_t)256 << 10)	/* stays in the cache */

static int64_t
int_at(const uint8_t *p, int64_t i)
{
	int64_t v;

	memcpy(&v, p + 8 * i, 8);
	return v;
}

bool
vmf_grown_may_be(struct vmf_reader *r, struct vmf_flat *f, int64_t header,
    int64_t begin, int64_t body, struct vmf_grown *g)
{
	struct vmf_record rec = { .name = r->name, .byte = begin };
	int64_t id = vmf_flat_int(f, header, DBATCH_ID, 8, 0);
	const struct vmf_source *s = NULL;

	for (int i = 0; i < r->n_dicts; i++)
		if (r->dict[i].id == id) {
			g->d = &r->dict[i].d;
			s = &r->dict[i].values;
		}
	if (s == NULL || s->layout != LAYOUT_TEXT || s->width != 32 ||
	    g->d->n == 0 || g->d->valid != NULL ||
	    vmf_flat_int(f, header, DBATCH_DELTA, 1, 0) != 0 ||
	    vmf_record_open(&rec, f, vmf_flat_table(f, header,
	    DBATCH_DATA), NULL) != 0 || rec.codec != VMF_CODEC_NONE ||
	    rec.n_nodes != 1 || rec.n_buffers != 3 || rec.n_variadic != 0)
		return false;
	g->begin = begin;
	g->n = rec.n_rows;
	g->off_at = int_at(rec.buffer, 2);
	g->data_at = int_at(rec.buffer, 4);
	g->data_n = int_at(rec.buffer, 5);
	g->used = g->d->off[g->d->n];
	/* No nulls; offsets, then text, within the body. */
	return int_at(rec.node, 0) == g->n && int_at(rec.node, 1) == 0 &&
	    int_at(rec.buffer, 1) == 0 && g->n >= g->d->n &&
	    g->off_at >= 0 && g->off_at <= body &&
	    int_at(rec.buffer, 3) == 4 * (g->n + 1) &&
	    4 * (g->n + 1) <= body - g->off_at &&
	    g->data_at >= g->off_at + 4 * (g->n + 1) && g->data_at <= body &&
	    g->data_n >= g->used && g->data_n <= body - g->data_at;
}

/* The body as it came, of what take_new has of it in r->body: n + 1 offsets
 * less g->used, and from text_at on the text.  What is wrong with it is then
 * told as of any dictionary. */
static int
put_back(struct vmf_reader *r, const struct vmf_grown *g, int64_t n,
    int64_t text_at, const struct vmf_whole *w, struct vmf_err *e)
{
	struct vmf_buf *b = &r->part, t;
	uint32_t v;
	int rc;

	b->n = 0;
	rc = vmf_buf_reserve(b, g->data_at + g->data_n, e);
	if (rc != 0)
		return rc;
	memset(b->p, 0, (size_t)g->data_at);
	memcpy(b->p + g->off_at, g->d->off, (size_t)g->d->n * 4);
	for (int64_t i = 0; i <= n; i++) {
		memcpy(&v, r->body.p + 4 * i, 4);
		v += (uint32_t)g->used;
		memcpy(b->p + g->off_at + 4 * (g->d->n + i), &v, 4);
	}
	memcpy(b->p + g->data_at, g->d->bytes, (size_t)g->used);
	memcpy(b->p + g->data_at + g->used, r->body.p + text_at,
	    (size_t)(g->data_n - g->used));
	b->n = g->data_at + g->data_n;
	t = r->body;
	r->body = r->part;
	r->part = t;
	return vmf_reader_more(r, &r->body, w->n - r->body.n, w, e);
}

/* Take the strings after those known, whose offsets are in r->body and
 * whose text comes next: 1, or 0 where they are damaged and the body is in
 * r->body as it came. */
static int
take_new(struct vmf_reader *r, const struct vmf_grown *g,
    const struct vmf_whole *w, struct vmf_err *e)
{
	static const struct vmf_source text = { .layout = LAYOUT_TEXT,
	    .type = VMF_UTF8, .width = 32, .text = true };
	int64_t n = g->n - g->d->n, end = g->data_at + g->data_n;
	int64_t node[2] = { n, 0 };
	int64_t buffer[6] = { 0, 0, 0, 4 * (n + 1), 0, g->data_n - g->used };
	struct vmf_record rec = { .name = r->name, .byte = g->begin,
	    .column = "dictionary", .n_rows = n, .node = (uint8_t *)node,
	    .buffer = (uint8_t *)buffer, .n_nodes = 1, .n_buffers = 3,
	    .budget = r->max_batch };
	struct vmf_col c;
	uint8_t *off = r->body.p;
	uint32_t v;
	int rc;

	/* As if these were all; offsets that are not ascending will not be
	 * after the subtraction. */
	for (int64_t i = 0; i <= n; i++) {
		memcpy(&v, off + g->off_at + 4 * (g->d->n + i), 4);
		v -= (uint32_t)g->used;
		memcpy(off + 4 * i, &v, 4);
	}
	buffer[4] = r->body.n = (4 * (n + 1) + 7) / 8 * 8;
	rc = vmf_reader_more(r, &r->body, w->begin + end - r->byte, w, e);
	if (rc != 0)
		return rc;
	rec.body = r->body.p;
	rec.body_bytes = r->body.n;
	rc = vmf_record_column(&rec, &text, NULL, &r->room[r->schema.n], &c,
	    e);
	if (rc == VMF_EDATA)
		return put_back(r, g, n, buffer[4], w, e);
	if (rc == 0)
		rc = vmf_reader_set_dict(r, g->d, &c, true, g->begin, e);
	r->body.n = 0;
	/* The padding after the text. */
	if (rc == 0)
		rc = vmf_reader_more(r, &r->body, w->begin + w->n - r->byte,
		    w, e);
	return rc != 0 ? rc : 1;
}

int
vmf_grown_read(struct vmf_reader *r, struct vmf_grown *g, int64_t n,
    struct vmf_err *e)
{
	struct vmf_whole w = { .what = "a message's body", .begin = r->byte,
	    .n = n };
	const struct vmf_dict *d = g->d;
	int64_t at = 0, part;
	bool same;
	int rc;

	r->body.n = 0;
	rc = vmf_reader_more(r, &r->body, g->data_at, &w, e);
	if (rc != 0)
		return rc;
	same = memcmp(r->body.p + g->off_at, d->off,
	    (size_t)(d->n + 1) * 4) == 0;
	r->part.n = 0;
	for (; same && at < g->used; at += part) {
		part = g->used - at < PART ? g->used - at : PART;
		rc = vmf_reader_more(r, &r->part, part, &w, e);
		if (rc != 0)
			return rc;
		same = memcmp(r->part.p, d->bytes + at, (size_t)part) == 0;
		if (!same)
			break;
		r->part.n = 0;
	}
	if (same)
		return take_new(r, g, &w, e);
	/* Put together what it was up to here, and read the rest. */
	rc = vmf_buf_put(&r->body, d->bytes, at, e);
	if (rc == 0)
		rc = vmf_buf_put(&r->body, r->part.p, r->part.n, e);
	return rc != 0 ? rc :
	    vmf_reader_more(r, &r->body, n - r->body.n, &w, e);
}
