/* SPDX-License-Identifier: MIT */
#include "series/accum.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/bits.h"
#include "base/mem.h"

#define SLAB_BYTES (256 * 1024)
#define AHEAD 8			/* segments that are fetched ahead */
#define SEG_HEAD 12		/* bytes of t and id, as spilled */
#define TURN_CELLS 1024		/* of a page, turned together */
#define FOLD_FROM 4096		/* what was rounded off, of one entity */

#define ALL_STEPS ((1u << VMF_SEG_STEPS) - 1)
#define WHOLE_FROM (VMF_SEG_STEPS / 2)

/* A bit for each of the metric's steps that have anything in them. */
static unsigned
used_steps(const struct vmf_seg_layout *l, void *seg, int m)
{
	const uint32_t *count = vmf_seg_count(l, seg, m);
	const double *sum = vmf_seg_sum(l, seg, m);
	unsigned used = 0;

	for (int i = 0; i < VMF_SEG_STEPS; i++)
		used |= (unsigned)(count[i] != 0) << i;
	/* A host's second sum, and series of maxima alone, have no counts. */
	for (int i = 0; (l->what & VMF_ACC_SUM) && i < VMF_SEG_STEPS; i++)
		used |= (unsigned)(sum[i] != 0.0) << i;
	if (l->what & VMF_ACC_MAX)
		used |= vmf_ordered32(vmf_seg_max(l, seg, m));
	if (l->what & VMF_ACC_MIN)
		used |= vmf_ordered32(vmf_seg_min(l, seg, m));
	return used;
}

/* No values of a metric. */
static void
clear_metric(const struct vmf_seg_layout *l, void *seg, int m)
{
	float *max = vmf_seg_max(l, seg, m);
	float *min = vmf_seg_min(l, seg, m);

	memset((char *)seg + sizeof(struct vmf_rec) + m * l->metric_bytes, 0,
	    (size_t)l->metric_bytes);
	for (int i = 0; i < VMF_SEG_STEPS; i++) {
		if (l->what & VMF_ACC_MAX)
			max[i] = NAN;
		if (l->what & VMF_ACC_MIN)
			min[i] = NAN;
	}
}

/* Where a segment's values stand one after the other: step i of the metric
 * is copied to or from p; the place after it. */
static uint8_t *
put_step(const struct vmf_seg_layout *l, void *seg, int m, int i, uint8_t *p)
{
	memcpy(p, &vmf_seg_count(l, seg, m)[i], 4);
	p += 4;
	if (l->what & VMF_ACC_SUM) {
		memcpy(p, &vmf_seg_sum(l, seg, m)[i], 8);
		p += 8;
	}
	if (l->what & VMF_ACC_MAX) {
		memcpy(p, &vmf_seg_max(l, seg, m)[i], 4);
		p += 4;
	}
	if (l->what & VMF_ACC_MIN) {
		memcpy(p, &vmf_seg_min(l, seg, m)[i], 4);
		p += 4;
	}
	return p;
}

static const uint8_t *
take_step(const struct vmf_seg_layout *l, void *seg, int m, int i,
    const uint8_t *p)
{
	memcpy(&vmf_seg_count(l, seg, m)[i], p, 4);
	p += 4;
	if (l->what & VMF_ACC_SUM) {
		memcpy(&vmf_seg_sum(l, seg, m)[i], p, 8);
		p += 8;
	}
	if (l->what & VMF_ACC_MAX) {
		memcpy(&vmf_seg_max(l, seg, m)[i], p, 4);
		p += 4;
	}
	if (l->what & VMF_ACC_MIN) {
		memcpy(&vmf_seg_min(l, seg, m)[i], p, 4);
		p += 4;
	}
	return p;
}

/*
 * A segment as it is spilled, without the steps that nothing came for: t, id,
 * a byte a metric with a bit for each step that has values, and of each
 * metric those of its steps in turn, or all of it.  arg: the layout.
 */
static int64_t
pack_segment(const void *arg, const struct vmf_rec *rec, uint8_t *to)
{
	const struct vmf_seg_layout *l = arg;
	/* The layout's accessors take what they may write to. */
	void *seg = (void *)(uintptr_t)rec;
	uint8_t *mask = to + SEG_HEAD, *p = mask + l->n_metrics;

	memcpy(to, &rec->t, 8);
	memcpy(to + 8, &rec->id, 4);
	for (int m = 0; m < l->n_metrics; m++) {
		unsigned used = used_steps(l, seg, m);

		/* To copy the metric whole is faster than step by step. */
		if (vmf_popcount(used) > WHOLE_FROM)
			used = ALL_STEPS;
		mask[m] = (uint8_t)used;
		if (used == ALL_STEPS) {
			memcpy(p, (char *)seg + sizeof(*rec) +
			    m * l->metric_bytes, (size_t)l->metric_bytes);
			p += l->metric_bytes;
			continue;
		}
		for (; used != 0; used &= used - 1)
			p = put_step(l, seg, m, __builtin_ctz(used), p);
	}
	return p - to;
}

static int64_t
unpack_segment(const void *arg, const uint8_t *from, int64_t n,
    struct vmf_rec *rec)
{
	const struct vmf_seg_layout *l = arg;
	const uint8_t *mask = from + SEG_HEAD, *p = mask + l->n_metrics;
	struct vmf_rec head = { 0 };
	int64_t steps = 0;

	if (n < SEG_HEAD + l->n_metrics)
		return -1;
	for (int m = 0; m < l->n_metrics; m++)
		steps += vmf_popcount(mask[m]);
	if (n < SEG_HEAD + l->n_metrics +
	    steps * l->metric_bytes / VMF_SEG_STEPS)
		return -1;
	memcpy(&head.t, from, 8);
	memcpy(&head.id, from + 8, 4);
	*rec = head;
	for (int m = 0; m < l->n_metrics; m++) {
		unsigned used = mask[m];

		if (used == ALL_STEPS) {
			memcpy((char *)rec + sizeof(*rec) +
			    m * l->metric_bytes, p, (size_t)l->metric_bytes);
			p += l->metric_bytes;
			continue;
		}
		clear_metric(l, rec, m);
		for (; used != 0; used &= used - 1)
			p = take_step(l, rec, m, __builtin_ctz(used), p);
	}
	return p - from;
}

int
vmf_accum_init(struct vmf_accum *a, int n_metrics, unsigned what,
    const char *dir, struct vmf_err *e)
{
	struct vmf_seg_layout *l = &a->layout;
	int64_t off = 0;

	*a = (struct vmf_accum){ 0 };
	l->n_metrics = n_metrics;
	l->what = what;
	l->sum = off;
	off += what & VMF_ACC_SUM ? VMF_SEG_STEPS * 8 : 0;
	l->count = off;
	off += VMF_SEG_STEPS * 4;
	l->max = off;
	off += what & VMF_ACC_MAX ? VMF_SEG_STEPS * 4 : 0;
	l->min = off;
	off += what & VMF_ACC_MIN ? VMF_SEG_STEPS * 4 : 0;
	l->metric_bytes = off;
	l->sum += (int64_t)sizeof(struct vmf_rec);
	l->count += (int64_t)sizeof(struct vmf_rec);
	l->max += (int64_t)sizeof(struct vmf_rec);
	l->min += (int64_t)sizeof(struct vmf_rec);
	if (n_metrics > INT32_MAX / 1024)
		return vmf_fail_nomem(e, INT64_MAX);
	l->rec_bytes = (int64_t)sizeof(struct vmf_rec) +
	    n_metrics * l->metric_bytes;
	a->slab_segs = SLAB_BYTES / l->rec_bytes;
	if (a->slab_segs < 1)
		a->slab_segs = 1;
	vmf_spill_init(&a->spill, dir, l->rec_bytes);
	a->spill.form = (struct vmf_spill_form){ .pack = pack_segment,
	    .unpack = unpack_segment, .arg = l, .most = SEG_HEAD +
	    n_metrics * (1 + l->metric_bytes) };
	vmf_sorter_init(&a->rest, dir, (int64_t)sizeof(struct vmf_rest));
	return 0;
}

static uint8_t *
segment(const struct vmf_accum *a, int64_t i)
{
	return a->slab[i / a->slab_segs] +
	    i % a->slab_segs * a->layout.rec_bytes;
}

static uint64_t
hash(int32_t id, int64_t seg)
{
	uint64_t h = (uint64_t)(uint32_t)id * 0x9e3779b97f4a7c15u ^
	    (uint64_t)seg * 0xc2b2ae3d27d4eb4fu;

	return h ^ h >> 29;
}

static void
enter(struct vmf_accum *a, int64_t i)
{
	const struct vmf_rec *r = (const void *)segment(a, i);
	uint64_t mask = (uint64_t)a->n_slots - 1;
	uint64_t h = hash(r->id, r->t) & mask;

	while (a->slot[h] != 0)
		h = (h + 1) & mask;
	a->slot[h] = (uint32_t)i + 1;
}

static int
grow_table(struct vmf_accum *a, struct vmf_err *e)
{
	int64_t n = a->n_slots == 0 ? 1024 : 2 * a->n_slots;
	uint32_t *slot = vmf_calloc(n, sizeof(*slot), e);

	if (slot == NULL)
		return VMF_ENOMEM;
	free(a->slot);
	a->slot = slot;
	a->n_slots = n;
	for (int64_t i = 0; i < a->n; i++)
		enter(a, i);
	return 0;
}

/* A new segment without values. */
static uint8_t *
new_segment(struct vmf_accum *a, int32_t id, int64_t t, struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &a->layout;
	struct vmf_rec head = { .t = t, .id = id };
	uint8_t *seg;

	if (a->n >= UINT32_MAX - 1) {
		(void)vmf_fail_nomem(e, INT64_MAX);
		return NULL;
	}
	if (2 * (a->n + 1) > a->n_slots && grow_table(a, e) != 0)
		return NULL;
	if (a->n == a->n_slabs * a->slab_segs) {
		if (vmf_grow(&a->slab, &a->slab_cap, a->n_slabs + 1, e) != 0)
			return NULL;
		a->slab[a->n_slabs] = vmf_calloc(a->slab_segs, l->rec_bytes,
		    e);
		if (a->slab[a->n_slabs] == NULL)
			return NULL;
		a->n_slabs++;
	}
	seg = segment(a, a->n);
	memcpy(seg, &head, sizeof(head));
	for (int m = 0; m < l->n_metrics; m++)
		clear_metric(l, seg, m);
	enter(a, a->n++);
	return seg;
}

void *
vmf_accum_at(struct vmf_accum *a, int32_t id, int64_t step,
    struct vmf_err *e)
{
	int64_t t = step >> VMF_SEG_BITS;	/* towards the past */
	const struct vmf_rec *r;
	uint64_t h, mask;
	uint8_t *seg;

	if (id >= a->n_last) {
		int64_t n = a->n_last;

		if (vmf_grow(&a->last, &a->last_cap, id + 1, e) != 0)
			return NULL;
		a->n_last = a->last_cap;
		memset(a->last + n, 0,
		    (size_t)(a->n_last - n) * sizeof(*a->last));
	}
	seg = a->last[id];
	if (seg != NULL && ((const struct vmf_rec *)(void *)seg)->t == t)
		return seg;
	mask = (uint64_t)a->n_slots - 1;
	for (h = hash(id, t); a->n_slots > 0; h++) {
		h &= mask;
		if (a->slot[h] == 0)
			break;
		seg = segment(a, (int64_t)a->slot[h] - 1);
		r = (const void *)seg;
		if (r->id == id && r->t == t) {
			a->last[id] = seg;
			return seg;
		}
	}
	seg = new_segment(a, id, t, e);
	a->last[id] = seg;
	return seg;
}

int
vmf_accum_round_off(struct vmf_accum *a, int32_t id, int64_t step,
    int metric, double v, struct vmf_err *e)
{
	struct vmf_rest *r;

	if (!isfinite(v))
		return 0;
	r = vmf_sorter_room(&a->rest, 1, e);
	if (r == NULL)
		return VMF_ENOMEM;
	*r = (struct vmf_rest){ .rec = { .t = step, .id = id,
	    .bits = (uint32_t)metric }, .v = v };
	a->rest.n++;
	return 0;
}

static int64_t
rest_bytes(const struct vmf_accum *a)
{
	return a->rest.n *
	    vmf_sorter_row_bytes((int64_t)sizeof(struct vmf_rest));
}

int64_t
vmf_accum_bytes(const struct vmf_accum *a, int64_t k)
{
	int64_t segs = a->n + k, slots = a->n_slots;

	while (slots < 2 * segs)
		slots = slots == 0 ? 1024 : 2 * slots;
	return segs * (a->layout.rec_bytes +
	    2 * (int64_t)sizeof(struct vmf_key)) + SLAB_BYTES +
	    slots * (int64_t)sizeof(*a->slot) +
	    a->last_cap * (int64_t)sizeof(*a->last) +
	    a->page_cap * (int64_t)sizeof(*a->page) + rest_bytes(a);
}

static int
sort_segments(struct vmf_accum *a, const struct vmf_ids *ids,
    struct vmf_err *e)
{
	int rc;

	rc = vmf_grow(&a->key, &a->key_cap, a->n, e);
	if (rc == 0)
		rc = vmf_grow(&a->tmp, &a->tmp_cap, a->n, e);
	if (rc != 0)
		return rc;
	for (int64_t i = 0; i < a->n; i++) {
		const struct vmf_rec *r = (const void *)segment(a, i);

		a->key[i] = vmf_key(r->t, ids->rank[r->id], i);
	}
	vmf_keys_sort(a->key, a->tmp, a->n, VMF_ORDER_VM_TIME);
	return 0;
}

int
vmf_accum_flush(struct vmf_accum *a, struct vmf_ids *ids, struct vmf_err *e)
{
	int rc;

	/* Values that are in the page leave no segment, and yet what their
	 * sums round off; a little of that is not worth a run. */
	if (a->n == 0)
		return rest_bytes(a) < SLAB_BYTES ? 0 :
		    vmf_sorter_flush(&a->rest, ids, e);
	rc = vmf_ids_rank(ids, e);
	if (rc == 0)
		rc = sort_segments(a, ids, e);
	for (int64_t i = 0; rc == 0 && i < a->n; i++) {
		/* They stand anywhere: have a later one in the cache then. */
		const uint8_t *p = segment(a, a->key[i + AHEAD < a->n ?
		    i + AHEAD : i].at);

		for (int64_t k = 0; k < a->layout.rec_bytes && k < 192;
		    k += 64)
			__builtin_prefetch(p + k);
		rc = vmf_spill_put(&a->spill,
		    (const void *)segment(a, a->key[i].at), e);
	}
	if (rc == 0)
		rc = vmf_spill_end_run(&a->spill, e);
	if (rc == 0)
		rc = vmf_sorter_flush(&a->rest, ids, e);
	a->n = 0;
	if (a->n_slots > 0)
		memset(a->slot, 0, (size_t)a->n_slots * sizeof(*a->slot));
	if (a->n_last > 0)
		memset(a->last, 0, (size_t)a->n_last * sizeof(*a->last));
	return rc;
}

int
vmf_accum_room(struct vmf_accum *a, int64_t k, int64_t bytes,
    struct vmf_ids *ids, struct vmf_err *e)
{
	a->room = bytes;
	return vmf_accum_bytes(a, k) > bytes ? vmf_accum_flush(a, ids, e) :
	    0;
}

/* ---- the page ---- */

/* One cell into its entity's segment. */
static int
turn_cell(struct vmf_accum *a, struct vmf_page_cell *c, int32_t id, int m,
    struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &a->layout;
	int64_t at = a->page_step & (VMF_SEG_STEPS - 1);
	void *seg = vmf_accum_at(a, id, a->page_step, e);
	float *to;

	if (seg == NULL)
		return VMF_ENOMEM;
	vmf_seg_count(l, seg, m)[at] += c->count;
	if ((l->what & VMF_ACC_SUM) && c->count > 0 &&
	    vmf_accum_sum(a, seg, id, a->page_step, m, c->sum, e) != 0)
		return VMF_ENOMEM;
	if (l->what & VMF_ACC_MAX) {
		to = &vmf_seg_max(l, seg, m)[at];
		if (!isnan(c->max) && !(c->max <= *to))
			*to = c->max;
	}
	if (l->what & VMF_ACC_MIN) {
		to = &vmf_seg_min(l, seg, m)[at];
		if (!isnan(c->min) && !(c->min >= *to))
			*to = c->min;
	}
	*c = (struct vmf_page_cell){ .max = NAN, .min = NAN };
	return 0;
}

static int
turn_page(struct vmf_accum *a, struct vmf_ids *ids, struct vmf_err *e)
{
	int width = a->layout.n_metrics, rc = 0;
	int64_t n = a->page_open ? a->n_page : 0;

	for (int64_t i = 0; rc == 0 && i < n; i++) {
		if (i % TURN_CELLS == 0)
			rc = vmf_accum_room(a, TURN_CELLS, a->room, ids, e);
		if (rc == 0 && a->page[i].used)
			rc = turn_cell(a, &a->page[i], (int32_t)(i / width),
			    (int)(i % width), e);
	}
	a->page_open = false;
	return rc;
}

static void
free_page(struct vmf_accum *a)
{
	free(a->page);
	a->page = NULL;
	a->page_cap = a->n_page = 0;
}

int
vmf_accum_page(struct vmf_accum *a, int64_t step, int64_t n,
    struct vmf_ids *ids, struct vmf_page_cell **page, struct vmf_err *e)
{
	int64_t cells = ids->dict.n * a->layout.n_metrics;
	/* With little room for segments beside it the page still is the better
	 * place: they are flushed a part at a time when it is turned. */
	bool fits = 10 * cells * (int64_t)sizeof(**page) <= 9 * a->room;
	int rc;

	*page = NULL;
	if (!a->page_open || step != a->page_step || !fits) {
		if (step != a->other_step)
			a->other_rows = 0;
		a->other_step = step;
		a->other_rows += n;
		/* To turn a page costs as much as it has entities. */
		if (a->page_open && fits && 8 * a->other_rows < ids->dict.n)
			return 0;
		rc = turn_page(a, ids, e);
		if (!fits)
			free_page(a);
		if (rc != 0 || !fits)
			return rc;
		a->page_step = step;
		a->page_open = true;
		a->other_rows = 0;
	}
	if (cells > a->n_page) {
		rc = vmf_grow(&a->page, &a->page_cap, cells, e);
		if (rc != 0)
			return rc;
		for (; a->n_page < cells; a->n_page++)
			a->page[a->n_page] = (struct vmf_page_cell){
			    .max = NAN, .min = NAN };
	}
	*page = a->page;
	return 0;
}

static void
free_segments(struct vmf_accum *a)
{
	for (int64_t i = 0; i < a->n_slabs; i++)
		free(a->slab[i]);
	free(a->slab);
	free(a->slot);
	free(a->last);
	free_page(a);
	free(a->key);
	free(a->tmp);
	a->slab = NULL;
	a->slot = NULL;
	a->last = NULL;
	a->key = a->tmp = NULL;
	a->n = a->n_slabs = a->slab_cap = a->n_slots = 0;
	a->last_cap = a->n_last = a->key_cap = a->tmp_cap = 0;
}

static int
advance_rest(struct vmf_accum *a, struct vmf_err *e)
{
	int got = vmf_sorter_next(&a->rest, &a->rest_head, e);

	if (got == 0)
		a->rest_head = NULL;
	return got < 0 ? got : 0;
}

static int
advance(struct vmf_accum *a, struct vmf_err *e)
{
	int got;

	if (a->spill.n_runs > 0) {
		got = vmf_spill_next(&a->spill, &a->head, e);
		if (got < 0)
			return got;
		if (got == 0)
			a->head = NULL;
		return 0;
	}
	a->head = a->next == a->n ? NULL :
	    (const void *)segment(a, a->key[a->next++].at);
	return 0;
}

int
vmf_accum_finish(struct vmf_accum *a, struct vmf_ids *ids, int64_t mem_bytes,
    struct vmf_err *e)
{
	int rc;

	rc = turn_page(a, ids, e);
	free_page(a);
	if (rc == 0)
		rc = vmf_ids_rank(ids, e);
	if (rc != 0)
		return rc;
	a->ids = ids;
	if (a->spill.n_runs == 0) {
		rc = sort_segments(a, ids, e);
	} else {
		rc = vmf_accum_flush(a, ids, e);
		free_segments(a);
		/* What was rounded off is little, if there is any. */
		if (a->rest.spill.n_runs > 0)
			mem_bytes -= mem_bytes / 4;
		if (rc == 0)
			rc = vmf_spill_merge(&a->spill, ids->rank,
			    ids->ranked, mem_bytes, e);
	}
	if (rc == 0)
		rc = vmf_sorter_finish(&a->rest, ids, mem_bytes / 4, e);
	if (rc == 0)
		rc = advance_rest(a, e);
	return rc != 0 ? rc : advance(a, e);
}

static int
merge_segment(struct vmf_accum *a, void *to, const void *from,
    struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &a->layout;
	const struct vmf_rec *head = from;
	/* The layout's accessors take what they may write to. */
	void *f = (void *)(uintptr_t)from;

	for (int m = 0; m < l->n_metrics; m++)
		for (int i = 0; i < VMF_SEG_STEPS; i++) {
			double off = 0.0, *sum;
			float v;

			if (__builtin_add_overflow(vmf_seg_count(l, to, m)[i],
			    vmf_seg_count(l, f, m)[i],
			    &vmf_seg_count(l, to, m)[i]))
				return vmf_fail(e, VMF_EDATA, "more than "
				    "2^32 samples in one step");
			if (l->what & VMF_ACC_SUM) {
				sum = &vmf_seg_sum(l, to, m)[i];
				*sum = vmf_two_sum(*sum,
				    vmf_seg_sum(l, f, m)[i], &off);
			}
			if (off != 0.0 && isfinite(off)) {
				if (vmf_grow(&a->off, &a->off_cap,
				    a->n_off + 1, e) != 0)
					return VMF_ENOMEM;
				a->off[a->n_off++] = (struct vmf_rest){
				    .rec = { .t = head->t * VMF_SEG_STEPS + i,
				    .id = head->id, .bits = (uint32_t)m },
				    .v = off };
			}
			if (l->what & VMF_ACC_MAX) {
				v = vmf_seg_max(l, f, m)[i];
				if (!isnan(v) &&
				    !(v <= vmf_seg_max(l, to, m)[i]))
					vmf_seg_max(l, to, m)[i] = v;
			}
			if (l->what & VMF_ACC_MIN) {
				v = vmf_seg_min(l, f, m)[i];
				if (!isnan(v) &&
				    !(v >= vmf_seg_min(l, to, m)[i]))
					vmf_seg_min(l, to, m)[i] = v;
			}
		}
	return 0;
}

static int
compare_rests(const void *x, const void *y)
{
	struct vmf_rest a, b;

	memcpy(&a, x, sizeof(a));
	memcpy(&b, y, sizeof(b));
	if (a.rec.t != b.rec.t)
		return a.rec.t < b.rec.t ? -1 : 1;
	return (a.rec.bits > b.rec.bits) - (a.rec.bits < b.rec.bits);
}

/* Of what was rounded off of the entity, no more than it takes to know the
 * exact sum of each step and metric: never more of them than before. */
static void
fold_rests(struct vmf_accum *a)
{
	int64_t n = 0, k;

	qsort(a->off, (size_t)a->n_off, sizeof(*a->off), compare_rests);
	for (int64_t i = 0; i < a->n_off; i = k) {
		struct vmf_rest r = a->off[i];
		struct vmf_exact x = { .n = 0 };

		for (k = i; k < a->n_off &&
		    compare_rests(&a->off[k], &r) == 0; k++)
			vmf_exact_add(&x, a->off[k].v);
		for (int p = 0; p < x.n; p++) {
			r.v = x.part[p];
			a->off[n++] = r;
		}
	}
	a->n_off = n;
}

/* Put what was rounded off back into the sums of the n segments in hand. */
static int
add_rests(struct vmf_accum *a, int32_t id, int64_t n, struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &a->layout;
	int64_t s = 0, k, most = FOLD_FROM;

	while (a->rest_head != NULL && a->rest_head->id == id) {
		int rc;

		if (a->n_off >= most) {
			fold_rests(a);
			most = 2 * a->n_off > FOLD_FROM ? 2 * a->n_off :
			    FOLD_FROM;
		}
		rc = vmf_grow(&a->off, &a->off_cap, a->n_off + 1, e);
		if (rc != 0)
			return rc;
		memcpy(&a->off[a->n_off++], a->rest_head, sizeof(*a->off));
		rc = advance_rest(a, e);
		if (rc != 0)
			return rc;
	}
	if (a->n_off > 1)
		qsort(a->off, (size_t)a->n_off, sizeof(*a->off),
		    compare_rests);
	for (int64_t i = 0; i < a->n_off; i = k) {
		int64_t step = a->off[i].rec.t;
		struct vmf_exact x = { .n = 0 };
		double *sum;

		while (s < n && ((struct vmf_rec *)(void *)(a->seg +
		    s * l->rec_bytes))->t < step >> VMF_SEG_BITS)
			s++;
		assert(s < n);
		sum = vmf_seg_sum(l, a->seg + s * l->rec_bytes,
		    (int)a->off[i].rec.bits) + (step & (VMF_SEG_STEPS - 1));
		for (k = i; k < a->n_off &&
		    compare_rests(&a->off[k], &a->off[i]) == 0; k++)
			if (isfinite(*sum))
				vmf_exact_add(&x, a->off[k].v);
		if (!isfinite(*sum))
			continue;
		vmf_exact_add(&x, *sum);
		*sum = vmf_exact_round(&x);
	}
	return 0;
}

int
vmf_accum_next(struct vmf_accum *a, int32_t id, uint8_t **seg, int64_t *n,
    struct vmf_err *e)
{
	int64_t bytes = a->layout.rec_bytes;
	int rc;

	*n = 0;
	a->n_off = 0;
	assert(a->head == NULL ||
	    a->ids->rank[a->head->id] >= a->ids->rank[id]);
	while (a->head != NULL && a->head->id == id) {
		uint8_t *last = *n > 0 ? a->seg + (*n - 1) * bytes : NULL;

		if (last != NULL && ((struct vmf_rec *)(void *)last)->t ==
		    a->head->t) {
			rc = merge_segment(a, last, a->head, e);
			if (rc != 0)
				return rc;
		} else {
			if (a->seg == NULL || *n + 1 > a->seg_cap) {
				rc = vmf_grow_bytes(&a->seg, &a->seg_cap,
				    *n + 1, bytes, e);
				if (rc != 0)
					return rc;
			}
			memcpy(a->seg + *n * bytes, a->head, (size_t)bytes);
			++*n;
		}
		rc = advance(a, e);
		if (rc != 0)
			return rc;
	}
	*seg = a->seg;
	return a->n_off > 0 || a->rest_head != NULL ?
	    add_rests(a, id, *n, e) : 0;
}

void
vmf_accum_free(struct vmf_accum *a)
{
	free_segments(a);
	if (a->spill.rec_bytes > 0)
		vmf_spill_free(&a->spill);
	vmf_sorter_free(&a->rest);
	free(a->seg);
	free(a->off);
	*a = (struct vmf_accum){ 0 };
}
