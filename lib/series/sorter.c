/* SPDX-License-Identifier: MIT */
#include "series/sorter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)
#define TWINS_MAX 128		/* that are sorted by insertion */

static bool
key_before(const struct vmf_key *a, const struct vmf_key *b,
    enum vmf_order order)
{
	if (order == VMF_ORDER_VM_TIME)
		return a->rank != b->rank ? a->rank < b->rank : a->t < b->t;
	return a->t != b->t ? a->t < b->t : a->rank < b->rank;
}

static int
bits_of(uint64_t v)
{
	return v == 0 ? 0 : 64 - __builtin_clzll(v);
}

/* One pass of the radix sort: by DIGIT_BITS bits of t (less t0) or rank. */
static void
digit_pass(const struct vmf_key *from, struct vmf_key *to, int64_t n,
    bool by_rank, int shift, uint64_t t0)
{
	int64_t at[DIGITS] = { 0 };
	int64_t sum = 0;

	for (int64_t i = 0; i < n; i++) {
		uint64_t v = by_rank ? from[i].rank : from[i].t - t0;

		at[v >> shift & (DIGITS - 1)]++;
	}
	for (int d = 0; d < DIGITS; d++) {
		int64_t c = at[d];

		at[d] = sum;
		sum += c;
	}
	for (int64_t i = 0; i < n; i++) {
		uint64_t v = by_rank ? from[i].rank : from[i].t - t0;

		to[at[v >> shift & (DIGITS - 1)]++] = from[i];
	}
}

void
vmf_keys_sort(struct vmf_key *k, struct vmf_key *tmp, int64_t n,
    enum vmf_order order)
{
	uint64_t t0 = UINT64_MAX, t1 = 0;
	uint32_t r1 = 0;
	bool sorted = true;
	struct vmf_key *from = k, *to = tmp;

	for (int64_t i = 0; i < n; i++) {
		if (i > 0 && sorted && key_before(&k[i], &k[i - 1], order))
			sorted = false;
		t0 = k[i].t < t0 ? k[i].t : t0;
		t1 = k[i].t > t1 ? k[i].t : t1;
		r1 = k[i].rank > r1 ? k[i].rank : r1;
	}
	if (sorted)
		return;
	/* The less important half of the key first. */
	for (int half = 0; half < 2; half++) {
		bool by_rank = (half == 0) == (order == VMF_ORDER_TIME_VM);
		int bits = by_rank ? bits_of(r1) : bits_of(t1 - t0);

		for (int shift = 0; shift < bits; shift += DIGIT_BITS) {
			struct vmf_key *old = from;

			digit_pass(from, to, n, by_rank, shift, t0);
			from = to;
			to = old;
		}
	}
	if (from != k)
		memcpy(k, from, (size_t)n * sizeof(*k));
}

void
vmf_sorter_init(struct vmf_sorter *s, const char *dir, int64_t rec_bytes)
{
	*s = (struct vmf_sorter){ .rec_bytes = rec_bytes };
	vmf_spill_init(&s->spill, dir, rec_bytes);
}

int64_t
vmf_sorter_fit(const struct vmf_sorter *s, int64_t k)
{
	int64_t to = s->base + s->n, fit;

	if (s->base == 0)
		return k;	/* it grows */
	fit = to < s->cap ? s->cap - to : s->base - (to - s->cap);
	return k < fit ? k : fit;
}

void *
vmf_sorter_room(struct vmf_sorter *s, int64_t k, struct vmf_err *e)
{
	if (s->n + k > UINT32_MAX) {
		(void)vmf_fail_nomem(e, INT64_MAX);
		return NULL;
	}
	assert(k <= vmf_sorter_fit(s, k));
	if ((s->rec == NULL || s->n + k > s->cap) &&
	    vmf_grow_bytes(&s->rec, &s->cap, s->n + k, s->rec_bytes, e) != 0)
		return NULL;
	return vmf_sorter_at(s, s->n);
}

/*
 * A stable counting sort of records from..from+n-1 by rank.  False when one
 * of them came before a record of an earlier time: at is not made then.
 */
static int
count_ranks(struct vmf_sorter *s, int64_t from, int64_t n,
    const struct vmf_ids *ids, bool *ascending, struct vmf_err *e)
{
	int64_t n_ids = ids->ranked, last = INT64_MIN;
	uint32_t sum = 0;
	int rc;

	*ascending = false;
	rc = vmf_grow(&s->at, &s->at_cap, n, e);
	if (rc == 0)
		rc = vmf_grow(&s->start, &s->start_cap, n_ids, e);
	if (rc != 0)
		return rc;
	memset(s->start, 0, (size_t)n_ids * sizeof(*s->start));
	for (int64_t i = from; i < from + n; i++) {
		const struct vmf_rec *r = vmf_sorter_at(s, i);

		if (r->t < last)
			return 0;
		last = r->t;
		s->start[ids->rank[r->id]]++;
	}
	*ascending = true;
	for (int64_t r = 0; r < n_ids; r++) {
		uint32_t count = s->start[r];

		s->start[r] = sum;
		sum += count;
	}
	for (int64_t i = from; i < from + n; i++)
		s->at[s->start[ids->rank[vmf_sorter_at(s, i)->id]]++] =
		    (uint32_t)i;
	return 0;
}

/* Any order, by keys. */
static int
sort_keys(struct vmf_sorter *s, int64_t from, int64_t n,
    enum vmf_order order, const struct vmf_ids *ids, struct vmf_err *e)
{
	int rc;

	rc = vmf_grow(&s->key, &s->key_cap, n, e);
	if (rc == 0)
		rc = vmf_grow(&s->tmp, &s->tmp_cap, n, e);
	if (rc == 0)
		rc = vmf_grow(&s->at, &s->at_cap, n, e);
	if (rc != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		const struct vmf_rec *r = vmf_sorter_at(s, from + i);

		assert(r->id < ids->ranked);
		s->key[i] = vmf_key(r->t, ids->rank[r->id], from + i);
	}
	vmf_keys_sort(s->key, s->tmp, n, order);
	for (int64_t i = 0; i < n; i++)
		s->at[i] = s->key[i].at;
	return 0;
}

int
vmf_sorter_sort(struct vmf_sorter *s, enum vmf_order order,
    const struct vmf_ids *ids, struct vmf_err *e)
{
	bool done = false;
	int rc = 0;

	if (order == VMF_ORDER_VM_TIME && ids->ranked <= s->n)
		rc = count_ranks(s, 0, s->n, ids, &done, e);
	return rc != 0 || done ? rc : sort_keys(s, 0, s->n, order, ids, e);
}

static uint32_t
rank_of(const struct vmf_sorter *s, const struct vmf_ids *ids, int64_t i)
{
	return ids->rank[vmf_sorter_at(s, i)->id];
}

/* Put record i after those of the n in at that it does not come before. */
static void
insert_by_rank(const struct vmf_sorter *s, const struct vmf_ids *ids,
    int64_t i, uint32_t *at, int64_t n)
{
	uint32_t r = rank_of(s, ids, i);

	for (; n > 0 && rank_of(s, ids, at[n - 1]) > r; n--)
		at[n] = at[n - 1];
	at[n] = (uint32_t)i;
}

/*
 * Records from..from+n-1, where there is mostly one a VM: each to the place
 * of its rank, then all places in turn.  Further ones of a VM wait in twin,
 * by rank; where they are many, n_twins is -1 and nothing is done.
 */
static int
place_by_rank(struct vmf_sorter *s, int64_t from, int64_t n,
    const struct vmf_ids *ids, struct vmf_err *e)
{
	int64_t n_ids = ids->ranked, r = 0, k = 0, n_twins = 0;
	int rc;

	/* A word more: empty places are written, too. */
	rc = vmf_grow(&s->at, &s->at_cap, n + 1, e);
	if (rc == 0)
		rc = vmf_grow(&s->start, &s->start_cap, n_ids, e);
	if (rc == 0)
		rc = vmf_grow(&s->twin, &s->twin_cap, TWINS_MAX, e);
	if (rc != 0)
		return rc;
	memset(s->start, 0xff, (size_t)n_ids * sizeof(*s->start));
	for (int64_t i = from; i < from + n; i++) {
		uint32_t *to = &s->start[rank_of(s, ids, i)];

		if (*to == UINT32_MAX)
			*to = (uint32_t)i;
		else if (n_twins < TWINS_MAX)
			insert_by_rank(s, ids, i, s->twin, n_twins++);
		else
			return 0;
	}
	for (int64_t j = 0; j <= n_twins; j++) {
		int64_t end = j == n_twins ? n_ids :
		    (int64_t)rank_of(s, ids, s->twin[j]) + 1;

		for (; r < end; r++) {
			s->at[k] = s->start[r];
			k += s->start[r] != UINT32_MAX;
		}
		if (j == n_twins)
			break;
		s->at[k] = s->twin[j];
		s->twin[j] = (uint32_t)k++;
	}
	s->n_twins = n_twins;
	return 0;
}

int
vmf_sorter_sort_step(struct vmf_sorter *s, int64_t from, int64_t n,
    const struct vmf_ids *ids, struct vmf_err *e)
{
	bool done;
	int rc;

	s->n_twins = -1;
	/* Places are looked at for every VM, and keys for every digit. */
	if (n <= 64) {
		rc = vmf_grow(&s->at, &s->at_cap, n, e);
		for (int64_t i = 0; rc == 0 && i < n; i++)
			insert_by_rank(s, ids, from + i, s->at, i);
		return rc;
	}
	if (ids->ranked / 8 > n)
		return sort_keys(s, from, n, VMF_ORDER_TIME_VM, ids, e);
	rc = place_by_rank(s, from, n, ids, e);
	return rc != 0 || s->n_twins >= 0 ? rc :
	    count_ranks(s, from, n, ids, &done, e);
}

int
vmf_sorter_drop(struct vmf_sorter *s, int64_t k, struct vmf_err *e)
{
	uint8_t *gone;		/* scratch: a byte a record */
	int64_t to = 0;

	if (vmf_grow(&s->tmp, &s->tmp_cap, s->n / (int64_t)sizeof(*s->tmp) +
	    1, e) != 0)
		return VMF_ENOMEM;
	gone = (uint8_t *)s->tmp;
	memset(gone, 0, (size_t)s->n);
	for (int64_t i = 0; i < k; i++)
		gone[s->at[i]] = 1;
	for (int64_t i = 0; i < s->n; i++) {
		if (gone[i])
			continue;
		if (to != i)
			memcpy(vmf_sorter_at(s, to), vmf_sorter_at(s, i),
			    (size_t)s->rec_bytes);
		to++;
	}
	s->n = to;
	return 0;
}

void
vmf_sorter_pop(struct vmf_sorter *s, int64_t k)
{
	assert(k <= s->n);
	/* What was never used has no memory yet, and needs none. */
	if (s->base == 0)
		s->cap = s->n;
	s->n -= k;
	s->base += k;
	if (s->base >= s->cap)
		s->base -= s->cap;
	if (s->n == 0)
		s->base = 0;
}

int
vmf_sorter_flush(struct vmf_sorter *s, struct vmf_ids *ids,
    struct vmf_err *e)
{
	int rc;

	if (s->n == 0)
		return 0;
	rc = vmf_ids_rank(ids, e);
	if (rc == 0)
		rc = vmf_sorter_sort(s, VMF_ORDER_VM_TIME, ids, e);
	for (int64_t i = 0; rc == 0 && i < s->n; i++)
		rc = vmf_spill_put(&s->spill,
		    vmf_sorter_at(s, s->at[i]), e);
	if (rc == 0)
		rc = vmf_spill_end_run(&s->spill, e);
	s->n = s->base = 0;
	return rc;
}

static void
free_records(struct vmf_sorter *s)
{
	free(s->rec);
	free(s->at);
	free(s->start);
	free(s->twin);
	free(s->key);
	free(s->tmp);
	s->rec = NULL;
	s->at = s->start = s->twin = NULL;
	s->key = s->tmp = NULL;
	s->n = s->cap = s->base = s->key_cap = s->tmp_cap = 0;
	s->at_cap = s->start_cap = s->twin_cap = 0;
}

int
vmf_sorter_finish(struct vmf_sorter *s, struct vmf_ids *ids,
    int64_t mem_bytes, struct vmf_err *e)
{
	int rc;

	rc = vmf_ids_rank(ids, e);
	if (rc != 0)
		return rc;
	s->next = 0;
	if (s->spill.n_runs == 0)
		return vmf_sorter_sort(s, VMF_ORDER_VM_TIME, ids, e);
	rc = vmf_sorter_flush(s, ids, e);
	free_records(s);
	return rc != 0 ? rc :
	    vmf_spill_merge(&s->spill, ids->rank, ids->ranked, mem_bytes, e);
}

int
vmf_sorter_next(struct vmf_sorter *s, const struct vmf_rec **rec,
    struct vmf_err *e)
{
	if (s->spill.n_runs > 0)
		return vmf_spill_next(&s->spill, rec, e);
	if (s->next == s->n)
		return 0;
	*rec = vmf_sorter_at(s, s->at[s->next++]);
	return 1;
}

void
vmf_sorter_free(struct vmf_sorter *s)
{
	free_records(s);
	if (s->spill.rec_bytes > 0)
		vmf_spill_free(&s->spill);
	*s = (struct vmf_sorter){ 0 };
}
