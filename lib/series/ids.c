/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE		/* qsort_r */
#include "series/ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int32_t
vmf_ids_add(struct vmf_ids *ids, const char *s, int64_t len,
    struct vmf_err *e)
{
	return vmf_dict_intern(&ids->dict, s, len, e);
}

int
vmf_ids_compare(const struct vmf_ids *ids, int32_t a, int32_t b)
{
	int64_t la, lb;
	const char *sa = vmf_dict_str(&ids->dict, a, &la);
	const char *sb = vmf_dict_str(&ids->dict, b, &lb);
	int64_t l = la < lb ? la : lb;
	int cmp = l > 0 ? memcmp(sa, sb, (size_t)l) : 0;

	return cmp != 0 ? cmp : (la > lb) - (la < lb);
}

static int
compare_ids(const void *a, const void *b, void *ids)
{
	int32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return vmf_ids_compare(ids, x, y);
}

/* How many of the first n names in order come before id: by a search from
 * the end in steps that double, as Timsort gallops (Peters, listsort.txt). */
static int64_t
before(const struct vmf_ids *ids, int64_t n, int32_t id)
{
	int64_t low = n - 1, high = n, step = 1;

	while (low >= 0 && vmf_ids_compare(ids, ids->order[low], id) > 0) {
		high = low;
		low -= step;
		step *= 2;
	}
	low = low < -1 ? -1 : low;
	/* Those up to low come before it, those from high on do not. */
	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;

		if (vmf_ids_compare(ids, ids->order[mid], id) > 0)
			high = mid;
		else
			low = mid;
	}
	return high;
}

/* Sort the names after those that are, then merge the two from the end: few
 * of the old ones are looked at for few new ones. */
static void
sort_new(struct vmf_ids *ids, int64_t n)
{
	int64_t from = ids->ranked, old = from, new = n - from, to = n;
	int32_t *order = ids->order, *tail;
	bool sorted = true;

	/* Nothing to do when names come in order, as from sorted input. */
	for (int64_t i = from > 0 ? from : 1; i < n && sorted; i++)
		sorted = vmf_ids_compare(ids, order[i - 1], order[i]) < 0;
	if (sorted)
		return;
	qsort_r(order + from, (size_t)new, sizeof(*order), compare_ids, ids);
	/* rank is made anew in a moment. */
	tail = (int32_t *)(void *)ids->rank;
	memcpy(tail, order + from, (size_t)new * sizeof(*tail));
	while (new > 0) {
		int64_t keep = before(ids, old, tail[--new]);

		to -= old - keep;
		memmove(order + to, order + keep,
		    (size_t)(old - keep) * sizeof(*order));
		old = keep;
		order[--to] = tail[new];
	}
}

int
vmf_ids_rank(struct vmf_ids *ids, struct vmf_err *e)
{
	int64_t n = ids->dict.n;
	int rc;

	if (ids->ranked == n && ids->rank != NULL)
		return 0;
	rc = vmf_grow(&ids->rank, &ids->rank_cap, n, e);
	if (rc == 0)
		rc = vmf_grow(&ids->order, &ids->order_cap, n, e);
	if (rc != 0)
		return rc;
	for (int64_t i = ids->ranked; i < n; i++)
		ids->order[i] = (int32_t)i;
	sort_new(ids, n);
	for (int64_t i = 0; i < n; i++)
		ids->rank[ids->order[i]] = (uint32_t)i;
	ids->ranked = n;
	return 0;
}

int64_t
vmf_dict_bytes(const struct vmf_dict *d)
{
	/* Room that was never written to takes no memory. */
	return (d->n + 1) * (int64_t)sizeof(*d->off) +
	    (d->n > 0 ? d->off[d->n] : 0) +
	    d->n_slots * (int64_t)sizeof(*d->slot);
}

int64_t
vmf_ids_bytes(const struct vmf_ids *ids)
{
	/* rank, order, what qsort_r takes, and counts by rank. */
	return vmf_dict_bytes(&ids->dict) +
	    4 * (ids->dict.n + 1) * (int64_t)sizeof(int32_t);
}

void
vmf_ids_free(struct vmf_ids *ids)
{
	vmf_dict_free(&ids->dict);
	free(ids->rank);
	free(ids->order);
	*ids = (struct vmf_ids){ 0 };
}

int
vmf_remap_begin(struct vmf_remap *m, const struct vmf_dict *from,
    struct vmf_err *e)
{
	int rc;

	if (!m->made || m->gen != from->gen || from->n < m->n)
		m->n = 0;
	m->made = true;
	m->gen = from->gen;
	rc = vmf_grow(&m->to, &m->cap, from->n, e);
	if (rc != 0)
		return rc;
	for (; m->n < from->n; m->n++)
		m->to[m->n] = VMF_REMAP_NEW;
	return 0;
}

int32_t
vmf_remap_enter(struct vmf_remap *m, const struct vmf_dict *from,
    int32_t code, struct vmf_dict *to, struct vmf_err *e)
{
	int64_t len;
	const char *s;
	int32_t c;

	if (!vmf_bit(from->valid, code)) {
		m->to[code] = VMF_REMAP_NONE;
		return VMF_REMAP_NONE;
	}
	s = vmf_dict_str(from, code, &len);
	c = vmf_dict_intern(to, s, len, e);
	if (c < 0)
		return VMF_REMAP_NEW - 1;
	m->to[code] = c;
	return c;
}

void
vmf_remap_free(struct vmf_remap *m)
{
	free(m->to);
	*m = (struct vmf_remap){ 0 };
}
