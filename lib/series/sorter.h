/* SPDX-License-Identifier: MIT */
/*
 * Records in memory, sorted there or, beyond a limit, by way of a spill.
 */
#ifndef VMF_SORTER_H
#define VMF_SORTER_H

#include "series/ids.h"
#include "series/spill.h"

enum vmf_order {
	VMF_ORDER_VM_TIME,
	VMF_ORDER_TIME_VM,
};

/* What is sorted in place of a record: its key and where it is. */
struct vmf_key {
	uint64_t t;		/* with the sign bit turned: unsigned order */
	uint32_t rank;
	uint32_t at;
};

static inline struct vmf_key
vmf_key(int64_t t, uint32_t rank, int64_t at)
{
	return (struct vmf_key){ .t = (uint64_t)t ^ (uint64_t)1 << 63,
	    .rank = rank, .at = (uint32_t)at };
}

/* Stable sort of n keys; tmp has room for n.  The result is in k.  Radix
 * sort (LSD) over the bits in which the keys differ; sorted keys cost one
 * look. */
void vmf_keys_sort(struct vmf_key *k, struct vmf_key *tmp, int64_t n,
    enum vmf_order order);

struct vmf_sorter {
	int64_t rec_bytes;
	uint8_t *rec;		/* a ring of cap records, n from base on, in
				 * the order they came */
	int64_t n, cap, base;
	uint32_t *at;		/* sorted: the i-th record is at[i] */
	uint32_t *start;	/* by rank: where its records begin in at */
	uint32_t *twin;		/* of a step: places in at of a VM's further
				 * records, ascending */
	int64_t n_twins;	/* -1: not known */
	struct vmf_key *key, *tmp;
	int64_t at_cap, start_cap, twin_cap, key_cap, tmp_cap;
	struct vmf_spill spill;
	int64_t next;		/* of vmf_sorter_next, without a spill */
};

/* dir stays the caller's. */
void vmf_sorter_init(struct vmf_sorter *s, const char *dir,
    int64_t rec_bytes);

/* Bytes that a record takes with what sorting it needs. */
static inline int64_t
vmf_sorter_row_bytes(int64_t rec_bytes)
{
	return rec_bytes + 2 * (int64_t)sizeof(struct vmf_key) +
	    (int64_t)sizeof(uint32_t);
}

/* Of k more records, how many there is room for in one piece; 0 when
 * records have to be taken out first (vmf_sorter_pop). */
int64_t vmf_sorter_fit(const struct vmf_sorter *s, int64_t k);
/* Room for k more records (of vmf_sorter_fit), not initialised: fill them,
 * then add k to n.  NULL: no memory. */
void *vmf_sorter_room(struct vmf_sorter *s, int64_t k, struct vmf_err *e)
    VMF_CHECK;

/* Record i, in the order they came. */
static inline struct vmf_rec *
vmf_sorter_at(const struct vmf_sorter *s, int64_t i)
{
	i += s->base;
	if (i >= s->cap)
		i -= s->cap;
	return (struct vmf_rec *)(void *)(s->rec + i * s->rec_bytes);
}

/* Sort all, into at; records that came in time order are counted by VM
 * instead.  ids must be ranked. */
int vmf_sorter_sort(struct vmf_sorter *s, enum vmf_order order,
    const struct vmf_ids *ids, struct vmf_err *e) VMF_CHECK;
/* Sort records from..from+n-1, which are all of one time, into at and twin. */
int vmf_sorter_sort_step(struct vmf_sorter *s, int64_t from, int64_t n,
    const struct vmf_ids *ids, struct vmf_err *e) VMF_CHECK;
/* Forget the first k in sorted order; the others keep the order in which
 * they came.  Must follow vmf_sorter_sort. */
int vmf_sorter_drop(struct vmf_sorter *s, int64_t k, struct vmf_err *e)
    VMF_CHECK;
/* Forget the first k that came. */
void vmf_sorter_pop(struct vmf_sorter *s, int64_t k);

/* Sort all by (vm, time) and write them as a run; none is left here. */
int vmf_sorter_flush(struct vmf_sorter *s, struct vmf_ids *ids,
    struct vmf_err *e) VMF_CHECK;
/* No more records: prepare to read all in (vm, time) order.  With runs, all
 * are merged, within mem_bytes, and the memory of the records is freed. */
int vmf_sorter_finish(struct vmf_sorter *s, struct vmf_ids *ids,
    int64_t mem_bytes, struct vmf_err *e) VMF_CHECK;
/* 1 and the next record (valid until the next call), 0 at the end. */
int vmf_sorter_next(struct vmf_sorter *s, const struct vmf_rec **rec,
    struct vmf_err *e) VMF_CHECK;
void vmf_sorter_free(struct vmf_sorter *s);

#endif
