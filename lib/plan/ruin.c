/* SPDX-License-Identifier: MIT */
/* Who is taken back in a round of the search. */
#include "plan/search_in.h"

#include <stddef.h>

#include "base/mem.h"

#define RUIN_MOST 10		/* VMs of one kind */
#define HOSTS_EMPTIED 3
#define SWAPS 4			/* VMs that try to make room for another */
#define DRAWS 4			/* starts of which the cheapest is wished */

int
vmf_ruin_log(struct vmf_state *s, int32_t i, struct vmf_err *e)
{
	const struct vmf_move *v = &s->m->vm[i];
	int rc;

	if (s->touched[i] == s->round)
		return 0;
	if ((rc = vmf_grow(&s->log, &s->log_cap, s->n_log + 1, e)) != 0 ||
	    (rc = vmf_grow(&s->order, &s->order_cap, s->n_order + 1,
	    e)) != 0)
		return rc;
	s->touched[i] = s->round;
	s->log[s->n_log++] = (struct vmf_change){ i, v->slot, v->to };
	s->order[s->n_order++] = i;
	return 0;
}

int
vmf_ruin_oust(struct vmf_state *s, int32_t i, struct vmf_err *e)
{
	int64_t n = 0, j;
	int rc;

	do {
		while ((j = vmf_occupancy_ousted(s->o, i)) >= 0) {
			if ((rc = vmf_ruin_log(s, (int32_t)j, e)) != 0 ||
			    (rc = vmf_grow(&s->stack, &s->stack_cap, n + 1,
			    e)) != 0)
				return rc;
			vmf_occupancy_take(s->o, j);
			s->stack[n++] = (int32_t)j;
		}
		i = n > 0 ? s->stack[--n] : -1;
	} while (i >= 0);
	return 0;
}

int
vmf_ruin(struct vmf_state *s, int32_t i, struct vmf_err *e)
{
	int rc;

	if (s->touched[i] == s->round)
		return 0;
	if ((rc = vmf_ruin_log(s, i, e)) != 0 || s->m->vm[i].slot < 0)
		return rc;
	vmf_occupancy_take(s->o, i);
	return vmf_ruin_oust(s, i, e);
}

int64_t
vmf_search_wish(struct vmf_state *s, int32_t i, int64_t from, int64_t last,
    int64_t draws)
{
	const uint16_t *q = s->m->cost + i * s->m->n_starts;
	int64_t best = -1;

	for (; draws > 0 && from <= last; draws--) {
		int64_t at = from + vmf_rng_below(&s->rng, last - from + 1);

		if (q[at] != VMF_COST_NONE && (best < 0 || q[at] < q[best]))
			best = at;
	}
	return best;
}

/* VM i may move at some time that is cheaper for it. */
static int64_t
wish(struct vmf_state *s, int32_t i)
{
	return vmf_search_wish(s, i, 0, s->m->n_starts - 1, DRAWS);
}

/* Take back up to n VMs that move while one that starts in slot would, on
 * the same host where host is known. */
static int
ruin_around(struct vmf_state *s, int64_t slot, int32_t host, int64_t n,
    struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t lo = slot - m->width + 1, span = 2 * m->width - 1;
	int64_t at = vmf_rng_below(&s->rng, span);
	int rc;

	for (int64_t k = 0; k < span && n > 0; k++) {
		int64_t t = lo + (at + k) % span, seen = 0;
		int32_t next;

		if (t < 0 || t >= m->n_starts)
			continue;
		for (int32_t j = s->o->at_head[t]; j >= 0 && n > 0 &&
		    seen++ < 64; j = next) {
			next = s->o->at_next[j];
			if (host >= 0 && m->vm[j].host != host &&
			    m->vm[j].to != host)
				continue;
			if ((rc = vmf_ruin(s, j, e)) != 0)
				return rc;
			n--;
			/* The list was cut: go on with what is left. */
			if (next >= 0 && m->vm[next].slot != t)
				break;
		}
	}
	return 0;
}

static int
ruin_host(struct vmf_state *s, int32_t host, int64_t n, struct vmf_err *e)
{
	int64_t from = s->host_from[host], all = s->host_from[host + 1] - from;
	int rc;

	for (int64_t k = 0; k < n && k < all; k++) {
		int64_t i = s->host_vm[from + vmf_rng_below(&s->rng, all)];

		if (s->m->vm[i].slot >= 0 &&
		    (rc = vmf_ruin(s, (int32_t)i, e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_ruin_chain(struct vmf_state *s, int32_t i, int64_t way, struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t at, width;
	int rc;

	for (int64_t n = 0; i >= 0 && n < VMF_ASSIGN_MOST; n++) {
		int64_t skip = vmf_rng_below(&s->rng, 8);

		at = m->vm[i].slot;
		width = m->vm[i].width;
		if ((rc = vmf_ruin(s, i, e)) != 0 || at < 0)
			return rc;
		at += way * width;
		if (at < 0 || at >= m->n_starts)
			return 0;
		for (i = s->o->at_head[at]; skip > 0 && i >= 0 &&
		    s->o->at_next[i] >= 0; skip--)
			i = s->o->at_next[i];
	}
	return 0;
}

int32_t
vmf_search_target(struct vmf_state *s, int64_t i)
{
	int64_t n;
	const int32_t *list = vmf_occupancy_targets(s->o, i, &n);

	return n > 0 ? list[vmf_rng_below(&s->rng, n)] : -1;
}

/* Take back up to n VMs that make room for VM i, or take it: those on its
 * target, those on the way to its host. */
static int
ruin_related(struct vmf_state *s, int32_t i, int32_t to, int64_t n,
    struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t take = vmf_rng_below(&s->rng, n + 1);
	int rc;

	if (to >= 0 && (rc = ruin_host(s, to, take, e)) != 0)
		return rc;
	n -= take;
	for (int32_t j = m->vm[i].host >= 0 ? s->o->in_head[m->vm[i].host] :
	    -1; j >= 0 && n > 0; n--) {
		int32_t next = s->o->in_next[j];

		if ((rc = vmf_ruin(s, j, e)) != 0)
			return rc;
		j = next >= 0 && m->vm[next].to == m->vm[i].host ? next : -1;
	}
	return 0;
}

int
vmf_ruin_make_way(struct vmf_state *s, int32_t i, int64_t most_hosts,
    struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t slot = wish(s, i), gone_by = slot - m->width;
	int64_t from, all, n, k;
	int32_t to = m->vm[i].to >= 0 && vmf_rng_below(&s->rng, 2) == 0 ?
	    m->vm[i].to : vmf_search_target(s, i);
	int rc;

	if ((rc = vmf_ruin(s, i, e)) != 0 || slot < 0 || to < 0)
		return rc;
	from = s->host_from[to];
	all = s->host_from[to + 1] - from;
	n = vmf_rng_below(&s->rng, RUIN_MOST);
	for (k = 0; k < n && all > 0; k++) {
		int32_t j = (int32_t)s->host_vm[from +
		    vmf_rng_below(&s->rng, all)];

		if (m->vm[j].slot < 0 || m->vm[j].slot +
		    m->vm[j].width > slot)
			if ((rc = vmf_ruin(s, j, e)) != 0)
				return rc;
	}
	n = vmf_rng_below(&s->rng, RUIN_MOST / 2);
	for (int32_t j = s->o->in_head[to]; j >= 0 && n > 0;) {
		int32_t next = s->o->in_next[j];

		if (vmf_rng_below(&s->rng, 2) == 0) {
			n--;
			if ((rc = vmf_ruin(s, j, e)) != 0)
				return rc;
		}
		j = next >= 0 && m->vm[next].to == to ? next : -1;
	}
	for (k = 1; k < s->n_order && gone_by >= 0; k++) {
		struct vmf_choice c;
		int32_t j = s->order[k];

		if (m->vm[j].host == to && vmf_occupancy_best(s->o, j,
		    gone_by, NULL, &s->rng, most_hosts, &c))
			vmf_occupancy_put(s->o, j, c.slot, c.to);
	}
	if (vmf_occupancy_fits(s->o, i, (int32_t)slot, to))
		vmf_occupancy_put(s->o, i, (int32_t)slot, to);
	return 0;
}

int
vmf_ruin_swap(struct vmf_state *s, int32_t i, int64_t most_hosts,
    struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t slot = wish(s, i), from, all;
	int32_t to = vmf_search_target(s, i), left[SWAPS];
	struct vmf_choice c;
	int rc, n = 0;

	if ((rc = vmf_ruin(s, i, e)) != 0 || slot < 0 || to < 0 ||
	    !vmf_occupancy_counts(s->o, i, (int32_t)slot, to))
		return rc;
	vmf_occupancy_put(s->o, i, (int32_t)slot, to);
	from = s->host_from[to];
	all = s->host_from[to + 1] - from;
	for (int k = 0; k < SWAPS && all > 0 && !vmf_occupancy_holds(s->o,
	    i); k++) {
		int32_t j = (int32_t)s->host_vm[from +
		    vmf_rng_below(&s->rng, all)];
		int64_t by = slot + m->width * (vmf_rng_below(&s->rng, 3) -
		    1);

		if (j == i || s->touched[j] == s->round)
			continue;
		if ((rc = vmf_ruin_log(s, j, e)) != 0)
			return rc;
		if (m->vm[j].slot >= 0)
			vmf_occupancy_take(s->o, j);
		if (by >= 0 && vmf_occupancy_best(s->o, j, by, NULL,
		    &s->rng, most_hosts, &c))
			vmf_occupancy_put(s->o, j, c.slot, c.to);
		left[n++] = j;
	}
	if (!vmf_occupancy_holds(s->o, i)) {
		vmf_occupancy_take(s->o, i);
		if ((rc = vmf_ruin_oust(s, i, e)) != 0)
			return rc;
	}
	while (n > 0)
		if ((rc = vmf_ruin_oust(s, left[--n], e)) != 0)
			return rc;
	return 0;
}

int
vmf_ruin_hosts(struct vmf_state *s, int32_t i, int64_t most,
    struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int rc = vmf_ruin(s, i, e);

	for (int k = 0; rc == 0 && k < HOSTS_EMPTIED; k++) {
		int32_t h = vmf_search_target(s, i);

		if (h < 0)
			return 0;
		for (int64_t j = s->host_from[h]; rc == 0 &&
		    j < s->host_from[h + 1] && s->n_order < most; j++)
			if (vmf_rng_below(&s->rng, 4) > 0)
				rc = vmf_ruin(s, s->host_vm[j], e);
		for (int32_t j = s->o->in_head[h]; rc == 0 && j >= 0 &&
		    s->n_order < most;) {
			int32_t next = s->o->in_next[j];

			if (vmf_rng_below(&s->rng, 4) > 0)
				rc = vmf_ruin(s, j, e);
			j = next >= 0 && m->vm[next].to == h ? next : -1;
		}
	}
	return rc;
}

int
vmf_ruin_some(struct vmf_state *s, int64_t most, struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int32_t seed = s->sore.vm[vmf_rng_below(&s->rng, s->sore.n)];
	const struct vmf_move *v = &m->vm[seed];
	int64_t n = 1 + vmf_rng_below(&s->rng, most);
	int64_t how = vmf_rng_below(&s->rng, 10), slot;
	int32_t to = v->to >= 0 ? v->to : v->target;
	int rc;

	if (s->waiting.n > 0 && how % 2 == 0) {
		seed = s->waiting.vm[vmf_rng_below(&s->rng, s->waiting.n)];
		v = &m->vm[seed];
		to = v->target;
	}
	if ((rc = vmf_ruin(s, seed, e)) != 0)
		return rc;
	slot = wish(s, seed);
	if (how < 4 && slot >= 0)
		return ruin_around(s, slot, -1, n, e);
	if (how < 7 && v->host >= 0 && slot >= 0)
		return ruin_around(s, slot, how < 6 || to < 0 ? v->host : to,
		    n, e);
	if (how < 8 && v->host >= 0)
		return ruin_host(s, v->host, n, e);
	if (how < 9 && s->depends)
		return ruin_related(s, seed, to >= 0 ? to :
		    vmf_search_target(s, seed), n, e);
	if (how < 9 && to >= 0) {
		for (int32_t j = s->o->in_head[to]; j >= 0 && n > 0; n--) {
			int32_t next = s->o->in_next[j];

			if ((rc = vmf_ruin(s, j, e)) != 0)
				return rc;
			j = next >= 0 && m->vm[next].to == to ? next : -1;
		}
		return 0;
	}
	for (int64_t k = 0; k < n; k++) {
		int32_t i = s->sore.vm[vmf_rng_below(&s->rng, s->sore.n)];

		if ((rc = vmf_ruin(s, i, e)) != 0)
			return rc;
	}
	return 0;
}
