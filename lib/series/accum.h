/* SPDX-License-Identifier: MIT */
/*
 * Sums, counts, maxima and minima by entity, step and metric.  They are
 * kept in segments of VMF_SEG_STEPS steps of one entity, made when a value
 * needs them: a clock that jumps costs one segment, not the time between.
 * All four merge by addition or comparison, so a part may be spilled at any
 * time, and input may come in any order: what adding to a sum rounds off,
 * which is nothing for values of like size, is kept beside it, so that the
 * sums are exact until they are rounded, once, at the end.
 */
#ifndef VMF_ACCUM_H
#define VMF_ACCUM_H

#include "series/exact.h"
#include "series/sorter.h"

#define VMF_SEG_BITS 3
#define VMF_SEG_STEPS (1 << VMF_SEG_BITS)

enum {
	VMF_ACC_SUM = 1,
	VMF_ACC_MAX = 2,
	VMF_ACC_MIN = 4,
};

/*
 * A segment: struct vmf_rec with t = step >> VMF_SEG_BITS, then for each
 * metric VMF_SEG_STEPS of each of: double sum (VMF_ACC_SUM), uint32_t count,
 * float max (VMF_ACC_MAX) and float min (VMF_ACC_MIN).  max and min are NaN
 * where there is no value.
 */
struct vmf_seg_layout {
	int n_metrics;
	unsigned what;
	int64_t sum, count, max, min;	/* byte of metric 0 */
	int64_t metric_bytes;		/* from one metric to the next */
	int64_t rec_bytes;
};

static inline double *
vmf_seg_sum(const struct vmf_seg_layout *l, void *seg, int metric)
{
	return (double *)(void *)((char *)seg + l->sum +
	    metric * l->metric_bytes);
}

static inline uint32_t *
vmf_seg_count(const struct vmf_seg_layout *l, void *seg, int metric)
{
	return (uint32_t *)(void *)((char *)seg + l->count +
	    metric * l->metric_bytes);
}

static inline float *
vmf_seg_max(const struct vmf_seg_layout *l, void *seg, int metric)
{
	return (float *)(void *)((char *)seg + l->max +
	    metric * l->metric_bytes);
}

static inline float *
vmf_seg_min(const struct vmf_seg_layout *l, void *seg, int metric)
{
	return (float *)(void *)((char *)seg + l->min +
	    metric * l->metric_bytes);
}

/* One entity's values of one metric in the step of the page. */
struct vmf_page_cell {
	double sum;
	uint32_t count;
	float max, min;		/* NaN: none */
	uint32_t used;		/* there is something in it */
};

/* What was rounded off a sum: rec.t is the step, rec.bits the metric. */
struct vmf_rest {
	struct vmf_rec rec;
	double v;
};

struct vmf_accum {
	struct vmf_seg_layout layout;
	uint8_t **slab;		/* memory for segments; they never move */
	int64_t n_slabs, slab_cap, slab_segs;
	int64_t n;		/* segments in use */
	uint32_t *slot;		/* hash table: segment + 1 */
	int64_t n_slots;	/* a power of two */
	uint8_t **last;		/* by entity: the segment used last */
	int64_t last_cap, n_last;
	/* the page: entity i's metric m is [i * n_metrics + m] */
	struct vmf_page_cell *page;
	int64_t page_cap, n_page;	/* cells */
	int64_t page_step;
	bool page_open;
	int64_t room;		/* bytes for all of this, as last told */
	int64_t other_step, other_rows;	/* met since, of another step */
	struct vmf_key *key, *tmp;
	int64_t key_cap, tmp_cap;
	struct vmf_spill spill;
	struct vmf_sorter rest;	/* what was rounded off: struct vmf_rest */
	/* reading: */
	const struct vmf_ids *ids;
	int64_t next;
	const struct vmf_rec *head;	/* next record; NULL: at the end */
	uint8_t *seg;		/* segments of one entity */
	int64_t seg_cap;
	const struct vmf_rec *rest_head;	/* likewise */
	struct vmf_rest *off;	/* what was rounded off of one entity */
	int64_t n_off, off_cap;
};

/* a must not move from here on. */
int vmf_accum_init(struct vmf_accum *a, int n_metrics, unsigned what,
    const char *dir, struct vmf_err *e) VMF_CHECK;

/* The segment of the entity at that step, new or old; NULL: no memory. */
void *vmf_accum_at(struct vmf_accum *a, int32_t id, int64_t step,
    struct vmf_err *e) VMF_CHECK;

/* Keep what was rounded off the sum of a metric; it is not 0.  What is not
 * finite is left out: the sum is not either. */
int vmf_accum_round_off(struct vmf_accum *a, int32_t id, int64_t step,
    int metric, double v, struct vmf_err *e) VMF_CHECK;

/* Add to a sum of the segment that vmf_accum_at gave for id and step. */
static inline int
vmf_accum_sum(struct vmf_accum *a, void *seg, int32_t id, int64_t step,
    int metric, double v, struct vmf_err *e)
{
	double *sum = vmf_seg_sum(&a->layout, seg, metric) +
	    (step & (VMF_SEG_STEPS - 1)), off;

	*sum = vmf_two_sum(*sum, v, &off);
	return off == 0.0 ? 0 :
	    vmf_accum_round_off(a, id, step, metric, off, e);
}

/*
 * The page: the values of one step side by side, for input that comes step by
 * step, where it is several times as fast as a segment for each row.  It is
 * turned over, into the segments, when enough rows of another step come; and
 * where they would take more than the room of vmf_accum_room, these are
 * flushed on the way, so that a fleet that is larger than memory is spilled
 * once a step.
 * *page is the page for n rows of that step, of the entities in ids, or NULL
 * where they belong into segments.  Returns 0 or < 0.
 */
int vmf_accum_page(struct vmf_accum *a, int64_t step, int64_t n,
    struct vmf_ids *ids, struct vmf_page_cell **page, struct vmf_err *e)
    VMF_CHECK;

/* Add to the sum of the entity's cell of the page. */
static inline int
vmf_accum_page_sum(struct vmf_accum *a, struct vmf_page_cell *cell,
    int32_t id, int metric, double v, struct vmf_err *e)
{
	double off;

	cell->sum = vmf_two_sum(cell->sum, v, &off);
	return off == 0.0 ? 0 :
	    vmf_accum_round_off(a, id, a->page_step, metric, off, e);
}

/* Bytes in use, with what k more segments and sorting all will need. */
int64_t vmf_accum_bytes(const struct vmf_accum *a, int64_t k);
/* Flush unless there is room, in so many bytes, for k more segments. */
int vmf_accum_room(struct vmf_accum *a, int64_t k, int64_t bytes,
    struct vmf_ids *ids, struct vmf_err *e) VMF_CHECK;

/* Write all segments, though not the page, as a run and forget them. */
int vmf_accum_flush(struct vmf_accum *a, struct vmf_ids *ids,
    struct vmf_err *e) VMF_CHECK;

/* No more values.  With runs, memory is freed and all merged within
 * mem_bytes. */
int vmf_accum_finish(struct vmf_accum *a, struct vmf_ids *ids,
    int64_t mem_bytes, struct vmf_err *e) VMF_CHECK;
/*
 * All segments of the entity, complete and by time, into *seg (valid until
 * the next call) and their count into *n; 0 where it has none.  Entities
 * must be asked for in the order of their ranks.  Returns 0 or < 0.
 */
int vmf_accum_next(struct vmf_accum *a, int32_t id, uint8_t **seg,
    int64_t *n, struct vmf_err *e) VMF_CHECK;

void vmf_accum_free(struct vmf_accum *a);

#endif
