/* SPDX-License-Identifier: MIT */
/* VMs that are placed where the limits leave them no room, and who has to give
 * way for them. */
#include "plan/search_in.h"

#include <stddef.h>

#define CHAIN_MOST (VMF_OVER_MOST - 2)	/* VMs placed so in a round */
#define TRIES 8			/* to make room for one, of each kind */
#define DRAWS 4			/* starts of which the cheapest is taken */
#define LOOKED_AT 64		/* VMs that start in a slot */

struct chain {
	struct vmf_state *s;
	int32_t vm[CHAIN_MOST];
	int n;
	int64_t most_hosts;
	int32_t next;		/* has to leave, and found no place; -1: none */
	int64_t next_by;	/* its last start */
};

static bool
in_chain(const struct chain *c, int64_t i)
{
	for (int k = 0; k < c->n; k++)
		if (c->vm[k] == i)
			return true;
	return false;
}

/* Take VM i back, whomever that leaves no room for. */
static int
lift_out(struct vmf_state *s, int32_t i, struct vmf_err *e)
{
	int rc = vmf_ruin_log(s, i, e);

	if (rc == 0 && s->m->vm[i].slot >= 0)
		vmf_occupancy_take(s->o, i);
	return rc;
}

static bool
place(struct chain *c, int32_t i, int64_t last)
{
	struct vmf_choice at;

	if (!vmf_occupancy_best(c->s->o, i, last, NULL, &c->s->rng,
	    c->most_hosts, &at))
		return false;
	vmf_occupancy_put(c->s->o, i, at.slot, at.to);
	return true;
}

/* Does VM v move in one of these slots? */
static bool
meets(const struct vmf_move *v, int64_t slot, int64_t last)
{
	return v->slot >= 0 && v->slot <= last && v->slot + v->width > slot;
}

/* One of several, each as likely. */
struct any {
	int32_t vm;		/* -1: there was none */
	int64_t seen;
};

static void
add(struct chain *c, struct any *a, int32_t j)
{
	if (!in_chain(c, j) && vmf_rng_below(&c->s->rng, ++a->seen) == 0)
		a->vm = j;
}

/* Is VM i, which goes to host to, in cluster g at one of its ends? */
static bool
of_cluster(const struct vmf_moves *m, int64_t i, int32_t to, int32_t g)
{
	return g >= 0 && (m->vm[i].cluster == g ||
	    (to >= 0 && m->host[to].cluster == g));
}

static bool
share_cluster(const struct vmf_moves *m, int64_t i, int32_t to, int64_t j)
{
	return of_cluster(m, i, to, m->vm[j].cluster) ||
	    (m->vm[j].to >= 0 &&
	    of_cluster(m, i, to, m->host[m->vm[j].to].cluster));
}

/* Any VM that counts against limit what while VM i moves from slot on. */
static int32_t
any_counted(struct chain *c, int32_t i, int64_t slot, int32_t to, int what)
{
	const struct vmf_state *s = c->s;
	const struct vmf_moves *m = s->m;
	int64_t last = slot + m->vm[i].width - 1, first = slot - m->width + 1;
	int32_t host = m->vm[i].host;
	struct any any = { -1, 0 };

	if (what == VMF_BY_HOST) {
		for (int64_t k = s->host_from[host]; k < s->host_from[host +
		    1]; k++)
			if (meets(&m->vm[s->host_vm[k]], slot, last))
				add(c, &any, s->host_vm[k]);
		return any.vm;
	}
	for (int32_t j = what == VMF_BY_TARGET ? s->o->in_head[to] : -1;
	    j >= 0; j = s->o->in_next[j])
		if (meets(&m->vm[j], slot, last))
			add(c, &any, j);
	for (int64_t t = first > 0 ? first : 0; what != VMF_BY_TARGET &&
	    t <= last && t < m->n_starts; t++) {
		int32_t j = s->o->at_head[t];

		for (int k = 0; k < LOOKED_AT && j >= 0; k++) {
			if (meets(&m->vm[j], slot, last) &&
			    (what == VMF_BY_TOTAL || share_cluster(m, i, to,
			    j)))
				add(c, &any, j);
			j = s->o->at_next[j];
		}
	}
	return any.vm;
}

static int32_t
any_coming(struct chain *c, int32_t to)
{
	struct any any = { -1, 0 };

	for (int32_t j = c->s->o->in_head[to]; j >= 0;
	    j = c->s->o->in_next[j])
		add(c, &any, j);
	return any.vm;
}

/* One of those on the host that VM i comes to leaves, before that or at some
 * time. */
static int
leave(struct chain *c, int32_t i, struct vmf_err *e)
{
	struct vmf_state *s = c->s;
	const struct vmf_move *v = &s->m->vm[i], *u;
	int64_t from = s->host_from[v->to], last = s->m->n_starts - 1;
	int64_t all = s->host_from[v->to + 1] - from;
	int32_t j;
	int rc;

	if (all == 0)
		return 0;
	j = (int32_t)s->host_vm[from + vmf_rng_below(&s->rng, all)];
	u = &s->m->vm[j];
	if (vmf_rng_below(&s->rng, 2) == 0)
		last = v->slot - u->width;
	if (last < 0 || in_chain(c, j) || j == c->next ||
	    (u->slot >= 0 && u->slot <= last))
		return 0;
	if ((rc = lift_out(s, j, e)) == 0 && !place(c, j, last) &&
	    c->next < 0) {
		c->next = j;
		c->next_by = last;
	}
	return rc;
}

/* VM i at some start no later than last; it stays out where that fails. */
static int
force(struct chain *c, int32_t i, int64_t last, struct vmf_err *e)
{
	struct vmf_state *s = c->s;
	int32_t to = vmf_search_target(s, i), j;
	int64_t from, slot;
	int what, rc = 0;

	c->vm[c->n++] = i;
	if (to < 0 || to == s->m->vm[i].host)
		return 0;
	from = vmf_occupancy_room_from(s->o, i, to);
	if (from > last || vmf_rng_below(&s->rng, 2) == 0)
		from = 0;
	if ((slot = vmf_search_wish(s, i, from, last, 1 +
	    vmf_rng_below(&s->rng, DRAWS))) < 0)
		return 0;
	for (int k = 0; rc == 0 && (what = vmf_occupancy_counted(s->o, i,
	    (int32_t)slot, to)) >= 0; k++) {
		j = any_counted(c, i, slot, to, what);
		if (j < 0 || k == TRIES)
			return 0;
		rc = lift_out(s, j, e);
	}
	if (rc != 0)
		return rc;
	vmf_occupancy_put(s->o, i, (int32_t)slot, to);
	for (int k = 0; rc == 0 && k < TRIES && !vmf_occupancy_holds(s->o,
	    i); k++) {
		if (vmf_rng_below(&s->rng, 2) == 0)
			rc = leave(c, i, e);
		else if ((j = any_coming(c, to)) >= 0)
			rc = lift_out(s, j, e);
	}
	return rc;
}

/* Of those that were taken back, who has a place takes it; any of the others
 * is forced next, unless somebody has to leave. */
static void
go_on(struct chain *c)
{
	struct vmf_state *s = c->s;
	struct any any = { -1, 0 };

	for (int64_t k = 0; k < s->n_order; k++) {
		int32_t j = s->order[k];

		if (s->m->vm[j].slot < 0 && !in_chain(c, j) && j != c->next &&
		    !place(c, j, INT64_MAX))
			add(c, &any, j);
	}
	if (c->next < 0)
		c->next = any.vm;
}

int
vmf_ruin_force(struct vmf_state *s, int32_t i, int64_t most_hosts,
    struct vmf_err *e)
{
	struct chain c = { .s = s, .most_hosts = most_hosts, .next = i,
	    .next_by = s->m->n_starts - 1 };
	int rc = lift_out(s, i, e);

	while (rc == 0 && c.next >= 0 && c.n < CHAIN_MOST) {
		int64_t last = c.next_by;

		i = c.next;
		c.next = -1;
		c.next_by = s->m->n_starts - 1;
		rc = force(&c, i, last, e);
		go_on(&c);
	}
	for (int k = 0; k < c.n; k++)
		if (s->m->vm[c.vm[k]].slot >= 0 && !vmf_occupancy_holds(s->o,
		    c.vm[k]))
			vmf_occupancy_take(s->o, c.vm[k]);
	for (int64_t k = 0; rc == 0 && k < s->n_order; k++)
		rc = vmf_ruin_oust(s, s->order[k], e);
	return rc;
}
