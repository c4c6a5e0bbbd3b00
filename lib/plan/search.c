/* SPDX-License-Identifier: MIT */
#include "plan/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SEED UINT64_C(0x766d662d706c616e)
/* Rounds: so many for each VM that is not at its best start, at least and at
 * most; and for a large fleet at most so many for each VM. */
#define ROUNDS_EACH 30000
#define ROUNDS_LEAST 4000
#define ROUNDS_MOST 600000
#define ROUNDS_VM 1
#define CYCLES 12
#define PASSES 3
#define SWAPS 4			/* VMs that try to make room for another */
#define RUIN_MOST 10		/* VMs taken back in a round */
#define WAITING_MOST 10		/* VMs without a place tried in a round */
#define HOSTS_MOST 8		/* targets tried for a VM in a round */
#define ASSIGN_MOST 40		/* VMs that places are assigned to at once */
#define NOT_HERE 1e12		/* the cost of a place that is not for a VM */

/* A VM's place before the round. */
struct change {
	int32_t vm, slot, to;
};

struct state {
	struct vmf_occupancy *o;
	struct vmf_moves *m;
	struct vmf_rng rng;
	struct change *log;	/* of the round, each VM once */
	int64_t n_log, log_cap;
	int64_t *touched;	/* round in which a VM was logged last */
	int64_t round;
	struct list {		/* of VMs, with their places in it */
		int32_t *vm, *at;
		int64_t n;
	} sore, waiting;	/* not at their cheapest start; not placed */
	int32_t *order;		/* those to place again */
	int64_t n_order, order_cap;
	int32_t *stack;
	int64_t stack_cap;
	float *spread;		/* what a VM may lose, and by how few starts */
	int32_t *best_slot, *best_to;
	int32_t *changed;	/* since the best, each VM once */
	bool *is_changed;
	int64_t n_changed;
	int64_t *host_vm, *host_from;	/* VMs that can move, by host */
	bool depends;		/* who leaves a host makes room on it */
};

static int
list_init(struct list *l, int64_t n, struct vmf_err *e)
{
	l->vm = vmf_calloc(n, (int64_t)sizeof(*l->vm), e);
	l->at = vmf_calloc(n, (int64_t)sizeof(*l->at), e);
	if (l->vm == NULL || l->at == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++)
		l->at[i] = -1;
	return 0;
}

static void
list_set(struct list *l, int32_t i, bool in)
{
	int32_t last;

	if (in == (l->at[i] >= 0))
		return;
	if (in) {
		l->at[i] = (int32_t)l->n;
		l->vm[l->n++] = i;
		return;
	}
	last = l->vm[--l->n];
	l->vm[l->at[i]] = last;
	l->at[last] = l->at[i];
	l->at[i] = -1;
}

static void
list_free(struct list *l)
{
	free(l->vm);
	free(l->at);
}

static bool
can_move(const struct vmf_moves *m, int64_t i)
{
	return m->vm[i].least != VMF_COST_NONE;
}

/* Is VM i where no plan could have it cheaper? */
static bool
at_best(const struct vmf_moves *m, int64_t i)
{
	const struct vmf_move *v = &m->vm[i];

	if (v->slot < 0)
		return false;
	if (v->old_slot >= 0 && m->limits.hysteresis > 0.0)
		return v->slot == v->old_slot && v->to == v->old_to &&
		    m->cost[i * m->n_starts + v->slot] == v->least;
	return m->cost[i * m->n_starts + v->slot] == v->least;
}

static void
note(struct state *s, int32_t i)
{
	list_set(&s->sore, i, !at_best(s->m, i));
	list_set(&s->waiting, i, s->m->vm[i].slot < 0);
	if (!s->is_changed[i]) {
		s->is_changed[i] = true;
		s->changed[s->n_changed++] = i;
	}
}

static int
log_vm(struct state *s, int32_t i, struct vmf_err *e)
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
	s->log[s->n_log++] = (struct change){ i, v->slot, v->to };
	s->order[s->n_order++] = i;
	return 0;
}

/* Take back those that VM i leaves no room for on its host, those that these
 * leave none for, and so on. */
static int
oust(struct state *s, int32_t i, struct vmf_err *e)
{
	int64_t n = 0, j;
	int rc;

	do {
		while ((j = vmf_occupancy_ousted(s->o, i)) >= 0) {
			if ((rc = log_vm(s, (int32_t)j, e)) != 0 ||
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

/* Take VM i back, and whom that leaves no room for. */
static int
ruin(struct state *s, int32_t i, struct vmf_err *e)
{
	int rc;

	if (s->touched[i] == s->round)
		return 0;
	if ((rc = log_vm(s, i, e)) != 0 || s->m->vm[i].slot < 0)
		return rc;
	vmf_occupancy_take(s->o, i);
	return oust(s, i, e);
}

/* VM i may move at some time that is cheaper for it: one of a few, the
 * cheapest; else any.  -1: it has none. */
static int64_t
wish(struct state *s, int32_t i)
{
	const uint16_t *q = s->m->cost + i * s->m->n_starts;
	int64_t best = -1;

	for (int k = 0; k < 4; k++) {
		int64_t at = vmf_rng_below(&s->rng, s->m->n_starts);

		if (q[at] != VMF_COST_NONE && (best < 0 || q[at] < q[best]))
			best = at;
	}
	return best;
}

/* Take back up to n VMs that move while one that starts in slot would, on
 * the same host where host is known. */
static int
ruin_around(struct state *s, int64_t slot, int32_t host, int64_t n,
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
			if ((rc = ruin(s, j, e)) != 0)
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
ruin_host(struct state *s, int32_t host, int64_t n, struct vmf_err *e)
{
	int64_t from = s->host_from[host], all = s->host_from[host + 1] - from;
	int rc;

	for (int64_t k = 0; k < n && k < all; k++) {
		int64_t i = s->host_vm[from + vmf_rng_below(&s->rng, all)];

		if (s->m->vm[i].slot >= 0 &&
		    (rc = ruin(s, (int32_t)i, e)) != 0)
			return rc;
	}
	return 0;
}

/* Take back VM i and those that begin where it ends, where they end, and so
 * on (or the other way round): they can only be shifted together. */
static int
ruin_chain(struct state *s, int32_t i, int64_t way, struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t at;
	int rc;

	for (int64_t n = 0; i >= 0 && n < ASSIGN_MOST; n++) {
		int64_t skip = vmf_rng_below(&s->rng, 8);

		at = m->vm[i].slot;
		if ((rc = ruin(s, i, e)) != 0 || at < 0)
			return rc;
		at += way * m->width;
		if (at < 0 || at >= m->n_starts)
			return 0;
		for (i = s->o->at_head[at]; skip > 0 && i >= 0 &&
		    s->o->at_next[i] >= 0; skip--)
			i = s->o->at_next[i];
	}
	return 0;
}

/* Any host that VM i may go to, or -1. */
static int32_t
a_target(struct state *s, int64_t i)
{
	int64_t n;
	const int32_t *list = vmf_occupancy_targets(s->o, i, &n);

	return n > 0 ? list[vmf_rng_below(&s->rng, n)] : -1;
}

/* Take back up to n VMs that make room for VM i, or take it: those on its
 * target, those on the way to its host. */
static int
ruin_related(struct state *s, int32_t i, int32_t to, int64_t n,
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

		if ((rc = ruin(s, j, e)) != 0)
			return rc;
		j = next >= 0 && m->vm[next].to == m->vm[i].host ? next : -1;
	}
	return 0;
}

/*
 * Make way for a VM to a host, at some time: who is on the way there is taken
 * back, and who is to leave it, some of each; those that leave are placed
 * again first, so that they are gone by then, and then the VM.
 */
static int
make_way(struct state *s, int32_t i, int64_t *gone_by, struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t slot = wish(s, i), from, all, n, k;
	int32_t to = m->vm[i].to >= 0 && vmf_rng_below(&s->rng, 2) == 0 ?
	    m->vm[i].to : a_target(s, i);
	int rc;

	*gone_by = slot - m->width;
	if ((rc = ruin(s, i, e)) != 0 || slot < 0 || to < 0)
		return rc;
	from = s->host_from[to];
	all = s->host_from[to + 1] - from;
	n = vmf_rng_below(&s->rng, RUIN_MOST);
	for (k = 0; k < n && all > 0; k++) {
		int32_t j = (int32_t)s->host_vm[from +
		    vmf_rng_below(&s->rng, all)];

		if (m->vm[j].slot < 0 || m->vm[j].slot + m->width > slot)
			if ((rc = ruin(s, j, e)) != 0)
				return rc;
	}
	n = vmf_rng_below(&s->rng, RUIN_MOST / 2);
	for (int32_t j = s->o->in_head[to]; j >= 0 && n > 0;) {
		int32_t next = s->o->in_next[j];

		if (vmf_rng_below(&s->rng, 2) == 0) {
			n--;
			if ((rc = ruin(s, j, e)) != 0)
				return rc;
		}
		j = next >= 0 && m->vm[next].to == to ? next : -1;
	}
	for (k = 1; k < s->n_order && *gone_by >= 0; k++) {
		struct vmf_choice c;
		int32_t j = s->order[k];

		if (m->vm[j].host == to && vmf_occupancy_best(s->o, j,
		    *gone_by, NULL, &s->rng, HOSTS_MOST, &c))
			vmf_occupancy_put(s->o, j, c.slot, c.to);
	}
	if (vmf_occupancy_fits(s->o, i, (int32_t)slot, to))
		vmf_occupancy_put(s->o, i, (int32_t)slot, to);
	return 0;
}

/*
 * Two VMs that change places: neither can come before the other has left.  So
 * VM i is placed at once, some VMs leave its target if they can, to where it
 * was perhaps, and when that does not do it is taken back.
 */
static int
swap(struct state *s, int32_t i, struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t slot = wish(s, i), from, all;
	int32_t to = a_target(s, i), left[SWAPS];
	struct vmf_choice c;
	int rc, n = 0;

	if ((rc = ruin(s, i, e)) != 0 || slot < 0 || to < 0 ||
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
		if ((rc = log_vm(s, j, e)) != 0)
			return rc;
		if (m->vm[j].slot >= 0)
			vmf_occupancy_take(s->o, j);
		if (by >= 0 && vmf_occupancy_best(s->o, j, by, NULL,
		    &s->rng, HOSTS_MOST, &c))
			vmf_occupancy_put(s->o, j, c.slot, c.to);
		left[n++] = j;
	}
	if (!vmf_occupancy_holds(s->o, i)) {
		vmf_occupancy_take(s->o, i);
		if ((rc = oust(s, i, e)) != 0)
			return rc;
	}
	while (n > 0)
		if ((rc = oust(s, left[--n], e)) != 0)
			return rc;
	return 0;
}

/* Choose whom to take back in this round. */
static int
ruin_some(struct state *s, int64_t most, struct vmf_err *e)
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
	if ((rc = ruin(s, seed, e)) != 0)
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
		return ruin_related(s, seed, to >= 0 ? to : a_target(s, seed),
		    n, e);
	if (how < 9 && to >= 0) {
		for (int32_t j = s->o->in_head[to]; j >= 0 && n > 0; n--) {
			int32_t next = s->o->in_next[j];

			if ((rc = ruin(s, j, e)) != 0)
				return rc;
			j = next >= 0 && m->vm[next].to == to ? next : -1;
		}
		return 0;
	}
	for (int64_t k = 0; k < n; k++) {
		int32_t i = s->sore.vm[vmf_rng_below(&s->rng, s->sore.n)];

		if ((rc = ruin(s, i, e)) != 0)
			return rc;
	}
	return 0;
}

/* Those taken back, and some that wait, into an order to place them in. */
static int
make_order(struct state *s, struct vmf_err *e)
{
	int64_t n = s->waiting.n < WAITING_MOST ? s->waiting.n : WAITING_MOST;
	int64_t how = vmf_rng_below(&s->rng, 4);
	int rc;

	for (int64_t k = 0; k < n; k++) {
		int64_t at = s->waiting.n <= WAITING_MOST ? k :
		    vmf_rng_below(&s->rng, s->waiting.n);

		if ((rc = log_vm(s, s->waiting.vm[at], e)) != 0)
			return rc;
	}
	for (int64_t k = s->n_order - 1; k > 0; k--) {
		int64_t j = vmf_rng_below(&s->rng, k + 1);
		int32_t swap = s->order[k];

		s->order[k] = s->order[j];
		s->order[j] = swap;
	}
	/* Half of the rounds: those first that have most to lose. */
	for (int64_t k = 1; how < 2 && k < s->n_order; k++) {
		int32_t i = s->order[k];
		int64_t j = k;

		for (; j > 0 && s->spread[s->order[j - 1]] < s->spread[i]; j--)
			s->order[j] = s->order[j - 1];
		s->order[j] = i;
	}
	return 0;
}

/* Where it is cheapest, one after the other; some have a place already. */
static void
place_all(struct state *s, struct vmf_rng *rng, int64_t max_hosts)
{
	struct vmf_choice c;

	bool more = s->n_order > 0;

	/* Who leaves makes room for who could not come before. */
	for (int pass = 0; pass < PASSES && more; pass++) {
		int64_t missed = 0;

		more = false;
		for (int64_t k = 0; k < s->n_order; k++) {
			int32_t i = s->order[k];

			if (s->m->vm[i].slot >= 0)
				continue;
			if (!vmf_occupancy_best(s->o, i, INT64_MAX, NULL,
			    rng, max_hosts, &c)) {
				missed++;
				continue;
			}
			vmf_occupancy_put(s->o, i, c.slot, c.to);
			more = true;
		}
		more = more && missed > 0 && s->depends;
	}
}

/* One of those to place, anywhere: what is dear for it may be cheap for
 * those that wait for it to leave. */
static void
place_any(struct state *s)
{
	int32_t i = s->n_order > 0 ? s->order[vmf_rng_below(&s->rng,
	    s->n_order)] : -1;

	if (i < 0)
		return;
	for (int k = 0; k < 4 && s->m->vm[i].slot < 0; k++) {
		int32_t at = (int32_t)vmf_rng_below(&s->rng, s->m->n_starts);
		int32_t to = a_target(s, i);

		if ((to < 0 && s->m->vm[i].place) ||
		    !vmf_occupancy_fits(s->o, i, at, to))
			continue;
		vmf_occupancy_put(s->o, i, at, to);
	}
}

/* Each that was taken back by slots later than it was, the last first (or
 * earlier, the first first). */
static void
shift_all(struct state *s, int64_t by)
{
	for (int64_t k = 1; k < s->n_log; k++) {
		struct change c = s->log[k];
		int64_t j = k;

		for (; j > 0 && (by > 0 ? s->log[j - 1].slot < c.slot :
		    s->log[j - 1].slot > c.slot); j--)
			s->log[j] = s->log[j - 1];
		s->log[j] = c;
	}
	for (int64_t k = 0; k < s->n_log; k++) {
		const struct change *c = &s->log[k];
		int64_t at = c->slot + by;

		if (c->slot >= 0 && at >= 0 && at < s->m->n_starts &&
		    vmf_occupancy_fits(s->o, c->vm, (int32_t)at, c->to))
			vmf_occupancy_put(s->o, c->vm, (int32_t)at, c->to);
	}
}

/* The target with which VM i can take the place c; -2: none. */
static int32_t
target_for(const struct state *s, int64_t i, const struct change *c)
{
	const struct vmf_move *v = &s->m->vm[i];

	if (!v->place)
		return v->target;
	if (c->to < 0 || c->to == v->host || !s->m->host[c->to].open ||
	    (v->cluster >= 0 && s->m->host[c->to].cluster != v->cluster))
		return -2;
	return c->to;
}

/*
 * The assignment of least cost of n_rows rows to n_cols >= n_rows columns:
 * row_of[j] is the row of column j, counted from 1, or 0.  By shortest
 * augmenting paths with potentials: Jonker and Volgenant, "A Shortest
 * Augmenting Path Algorithm for Dense and Sparse Linear Assignment Problems"
 * (1987).
 */
static void
assign(double (*cost)[ASSIGN_MOST], int n_rows, int n_cols, int *row_of)
{
	double u[ASSIGN_MOST + 1] = { 0.0 }, v[ASSIGN_MOST + 1] = { 0.0 };
	int match[ASSIGN_MOST + 1] = { 0 }, way[ASSIGN_MOST + 1] = { 0 };

	for (int i = 1; i <= n_rows; i++) {
		double least[ASSIGN_MOST + 1];
		bool used[ASSIGN_MOST + 1] = { false };
		int j0 = 0;

		for (int j = 0; j <= n_cols; j++)
			least[j] = INFINITY;
		match[0] = i;
		do {
			double delta = INFINITY;
			int i0 = match[j0], j1 = 0;

			used[j0] = true;
			for (int j = 1; j <= n_cols; j++) {
				double x;

				if (used[j])
					continue;
				x = cost[i0 - 1][j - 1] - u[i0] - v[j];
				if (x < least[j]) {
					least[j] = x;
					way[j] = j0;
				}
				if (least[j] < delta) {
					delta = least[j];
					j1 = j;
				}
			}
			for (int j = 0; j <= n_cols; j++)
				if (used[j]) {
					u[match[j]] += delta;
					v[j] -= delta;
				} else {
					least[j] -= delta;
				}
			j0 = j1;
		} while (match[j0] != 0);
		for (; j0 != 0; j0 = way[j0])
			match[j0] = match[way[j0]];
	}
	for (int j = 0; j < n_cols; j++)
		row_of[j] = match[j + 1];
}

/* The places that were given up to those that have none now, so that their
 * costs are least. */
static void
assign_all(struct state *s)
{
	double cost[ASSIGN_MOST][ASSIGN_MOST];
	const struct change *place[ASSIGN_MOST];
	int row_of[ASSIGN_MOST];
	int n_rows = 0, n_cols = s->n_order < ASSIGN_MOST ?
	    (int)s->n_order : ASSIGN_MOST;

	for (int64_t k = 0; k < s->n_log && n_rows < n_cols; k++)
		if (s->log[k].slot >= 0)
			place[n_rows++] = &s->log[k];
	for (int r = 0; r < n_rows; r++)
		for (int j = 0; j < n_cols; j++) {
			int32_t i = s->order[j];
			int32_t to = target_for(s, i, place[r]);

			cost[r][j] = to == -2 || !vmf_occupancy_fits(s->o, i,
			    place[r]->slot, to) ? NOT_HERE :
			    vmf_occupancy_cost(s->o, i, place[r]->slot, to);
		}
	assign(cost, n_rows, n_cols, row_of);
	for (int j = 0; j < n_cols; j++) {
		int r = row_of[j] - 1;
		int32_t i = s->order[j], to;

		if (r < 0 || !(cost[r][j] < NOT_HERE))
			continue;
		to = target_for(s, i, place[r]);
		if (vmf_occupancy_fits(s->o, i, place[r]->slot, to))
			vmf_occupancy_put(s->o, i, place[r]->slot, to);
	}
}

/* As it was before the round. */
static void
undo(struct state *s)
{
	for (int64_t k = 0; k < s->n_log; k++)
		if (s->m->vm[s->log[k].vm].slot >= 0)
			vmf_occupancy_take(s->o, s->log[k].vm);
	for (int64_t k = 0; k < s->n_log; k++)
		if (s->log[k].slot >= 0)
			vmf_occupancy_put(s->o, s->log[k].vm,
			    s->log[k].slot, s->log[k].to);
}

static void
keep(struct state *s)
{
	for (int64_t k = 0; k < s->n_log; k++)
		note(s, s->log[k].vm);
}

static void
begin(struct state *s)
{
	s->round++;
	s->n_log = s->n_order = 0;
}

/* The present plan is the best. */
static void
save_best(struct state *s)
{
	for (int64_t k = 0; k < s->n_changed; k++) {
		int32_t i = s->changed[k];

		s->best_slot[i] = s->m->vm[i].slot;
		s->best_to[i] = s->m->vm[i].to;
		s->is_changed[i] = false;
	}
	s->n_changed = 0;
}

static void
load_best(struct state *s)
{
	for (int64_t k = 0; k < s->n_changed; k++)
		if (s->m->vm[s->changed[k]].slot >= 0)
			vmf_occupancy_take(s->o, s->changed[k]);
	for (int64_t k = 0; k < s->n_changed; k++) {
		int32_t i = s->changed[k];

		if (s->best_slot[i] >= 0)
			vmf_occupancy_put(s->o, i, s->best_slot[i],
			    s->best_to[i]);
	}
	for (int64_t k = 0; k < s->n_changed; k++)
		note(s, s->changed[k]);
	save_best(s);
}

static double
greatest_cost(const struct vmf_moves *m)
{
	double top = 0.0;

	for (int64_t i = 0; i < m->n; i++)
		for (int64_t k = 0; k < m->n_starts; k++)
			if (m->cost[i * m->n_starts + k] != VMF_COST_NONE)
				top = fmax(top, vmf_moves_cost(m, i, k));
	return top + m->limits.hysteresis;
}

/* One round; false where it was undone. */
static int
try_round(struct state *s, double heat, double worth, bool fair, bool *kept,
    struct vmf_err *e)
{
	int64_t was_placed = s->o->n_placed, how, way, n, slot;
	int32_t seed = -1;
	double was = s->o->cost, d;
	int rc;

	begin(s);
	how = vmf_rng_below(&s->rng, s->depends ? 15 : 10);
	way = vmf_rng_below(&s->rng, 2) == 0 ? 1 : -1;
	if (how >= 8)
		seed = s->waiting.n > 0 && how % 2 == 0 ?
		    s->waiting.vm[vmf_rng_below(&s->rng, s->waiting.n)] :
		    s->sore.vm[vmf_rng_below(&s->rng, s->sore.n)];
	if ((rc = how >= 13 ? swap(s, seed, e) : how >= 10 ? make_way(s, seed, &slot, e) :
	    how >= 8 ? ruin_chain(s, seed, way, e) :
	    ruin_some(s, how < 4 ? ASSIGN_MOST - WAITING_MOST : RUIN_MOST,
	    e)) != 0 || (rc = make_order(s, e)) != 0)
		return rc;
	if (how < 4)
		assign_all(s);
	else if (how < 6)
		place_any(s);
	else if (how >= 8 && how < 10)
		shift_all(s, way * (1 + vmf_rng_below(&s->rng, 2)));
	place_all(s, &s->rng, HOSTS_MOST);
	n = s->o->n_placed - was_placed;
	d = s->o->cost - was - (n == 0 ? 0.0 : (double)n * worth);
	/* By what VMs cost above their least: dear ones are as welcome. */
	for (int64_t k = 0; k < s->n_log && fair; k++) {
		const struct vmf_move *v = &s->m->vm[s->log[k].vm];

		if ((v->slot >= 0) != (s->log[k].slot >= 0))
			d += ldexp(v->least, v->cost_exp) *
			    (v->slot >= 0 ? -1.0 : 1.0);
	}
	*kept = d <= -heat * log(1.0 - vmf_rng_unit(&s->rng));
	if (*kept) {
		keep(s);
		return 0;
	}
	undo(s);
	/* Sums come back as they were, not nearly so. */
	s->o->cost = was;
	return 0;
}

/*
 * Cycles of rounds that cool down, each from the best plan so far.  In two
 * of three a VM may lose its place for a while, at a price that rises until
 * no VM is worth it: tight plans are not rearranged otherwise.
 */
static int
search_rounds(struct state *s, int64_t rounds, double loss, int64_t *done,
    struct vmf_err *e)
{
	double best = s->o->cost, most = greatest_cost(s->m);
	double mean = s->o->cost / fmax(1.0, (double)s->o->n_placed) + loss;
	double hot = loss > 0.0 ? loss / 2.0 : 1e-9;
	int64_t placed = s->o->n_placed;
	bool kept = false;
	int rc;

	for (*done = 0; *done < rounds && s->sore.n > 0; ++*done) {
		int64_t cycle = *done * CYCLES / rounds;
		double left = (double)*done * CYCLES / (double)rounds -
		    (double)cycle, heat = hot * pow(1.0 / 500.0, left);
		int kind = (int)(cycle % 3);
		double worth = kind == 0 ? NOT_HERE : kind == 1 ?
		    loss * (0.5 + 8.0 * left) : mean +
		    (most - mean) * fmin(1.0, 2.0 * left) + heat;

		if (*done * CYCLES % rounds < CYCLES)
			load_best(s);
		if ((rc = try_round(s, heat, worth, kind == 1, &kept,
		    e)) != 0)
			return rc;
		if (kept && (s->o->n_placed > placed ||
		    (s->o->n_placed == placed && s->o->cost < best))) {
			placed = s->o->n_placed;
			best = s->o->cost;
			save_best(s);
		}
	}
	load_best(s);
	return 0;
}

/* Each VM alone, to a cheaper start if there is one. */
static int
polish(struct state *s, struct vmf_err *e)
{
	bool better = true;
	int rc;

	for (int pass = 0; pass < 8 && better && s->sore.n > 0; pass++) {
		better = false;
		for (int64_t i = 0; i < s->m->n; i++) {
			int64_t placed = s->o->n_placed;
			double was = s->o->cost;

			if (!can_move(s->m, i) || at_best(s->m, i))
				continue;
			begin(s);
			if ((rc = ruin(s, (int32_t)i, e)) != 0)
				return rc;
			place_all(s, NULL, INT64_MAX);
			if (s->o->n_placed < placed ||
			    (s->o->n_placed == placed &&
			    !(s->o->cost < was))) {
				undo(s);
				s->o->cost = was;
				continue;
			}
			keep(s);
			better = true;
		}
	}
	return 0;
}

/* What VM i loses on average if it does not get its cheapest start, more
 * where there are few; returns the mean loss alone. */
static double
spread_of(struct state *s, int64_t i)
{
	const struct vmf_moves *m = s->m;
	const uint16_t *q = m->cost + i * m->n_starts;
	int64_t n = 0, sum = 0;
	double loss;

	for (int64_t k = 0; k < m->n_starts; k++)
		if (q[k] != VMF_COST_NONE) {
			sum += q[k] - m->vm[i].least;
			n++;
		}
	loss = n == 0 ? 0.0 : ldexp((double)sum / (double)n,
	    m->vm[i].cost_exp);
	s->spread[i] = (float)(n == 0 ? 0.0 :
	    loss * (double)m->n_starts / (double)n);
	return loss;
}

static int
open_state(struct state *s, struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t n = m->n, at = 0;
	int rc;

	if ((rc = list_init(&s->sore, n, e)) != 0 ||
	    (rc = list_init(&s->waiting, n, e)) != 0)
		return rc;
	s->depends = s->o->load != NULL || m->n_groups > 0;
	s->touched = vmf_calloc(n, (int64_t)sizeof(*s->touched), e);
	s->spread = vmf_calloc(n, (int64_t)sizeof(*s->spread), e);
	s->best_slot = vmf_calloc(n, (int64_t)sizeof(*s->best_slot), e);
	s->best_to = vmf_calloc(n, (int64_t)sizeof(*s->best_to), e);
	s->changed = vmf_calloc(n, (int64_t)sizeof(*s->changed), e);
	s->is_changed = vmf_calloc(n, (int64_t)sizeof(*s->is_changed), e);
	s->host_vm = vmf_calloc(n, (int64_t)sizeof(*s->host_vm), e);
	s->host_from = vmf_calloc(m->n_hosts + 1,
	    (int64_t)sizeof(*s->host_from), e);
	if (s->touched == NULL || s->spread == NULL ||
	    s->best_slot == NULL || s->best_to == NULL ||
	    s->changed == NULL || s->is_changed == NULL ||
	    s->host_vm == NULL || s->host_from == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++)
		if (can_move(m, i) && m->vm[i].host >= 0)
			s->host_from[m->vm[i].host]++;
	for (int64_t h = 0; h <= m->n_hosts; h++) {
		int64_t k = h < m->n_hosts ? s->host_from[h] : 0;

		s->host_from[h] = at;
		at += k;
	}
	for (int64_t i = n - 1; i >= 0; i--)
		if (can_move(m, i) && m->vm[i].host >= 0)
			s->host_vm[--s->host_from[m->vm[i].host + 1]] = i;
	/* Now host_from[h + 1] is where h begins. */
	for (int64_t h = 0; h < m->n_hosts; h++)
		s->host_from[h] = s->host_from[h + 1];
	s->host_from[m->n_hosts] = at;
	return 0;
}

static void
free_state(struct state *s)
{
	list_free(&s->sore);
	list_free(&s->waiting);
	free(s->log);
	free(s->order);
	free(s->stack);
	free(s->touched);
	free(s->spread);
	free(s->best_slot);
	free(s->best_to);
	free(s->changed);
	free(s->is_changed);
	free(s->host_vm);
	free(s->host_from);
}

struct by_spread {
	float spread;
	int32_t vm;
};

static int
by_spread_cmp(const void *a, const void *b)
{
	const struct by_spread *x = a, *y = b;

	if (x->spread != y->spread)
		return x->spread > y->spread ? -1 : 1;
	return (x->vm > y->vm) - (x->vm < y->vm);
}

/* Every VM once: what was planned before where it still fits, then those
 * that have most to lose. */
static int
insert_all(struct state *s, struct vmf_err *e)
{
	struct by_spread *list = vmf_calloc(s->m->n, (int64_t)sizeof(*list),
	    e);
	struct vmf_choice c;

	if (list == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < s->m->n; i++) {
		const struct vmf_move *v = &s->m->vm[i];

		list[i] = (struct by_spread){ s->spread[i], (int32_t)i };
		if (can_move(s->m, i) && v->old_slot >= 0 &&
		    vmf_occupancy_fits(s->o, i, v->old_slot, v->old_to))
			vmf_occupancy_put(s->o, i, v->old_slot, v->old_to);
	}
	qsort(list, (size_t)s->m->n, sizeof(*list), by_spread_cmp);
	for (int64_t k = 0; k < s->m->n; k++) {
		int32_t i = list[k].vm;

		if (can_move(s->m, i) && s->m->vm[i].slot < 0 &&
		    vmf_occupancy_best(s->o, i, INT64_MAX, NULL, NULL,
		    INT64_MAX, &c))
			vmf_occupancy_put(s->o, i, c.slot, c.to);
	}
	free(list);
	return 0;
}

int
vmf_search(struct vmf_search *out, struct vmf_occupancy *o,
    struct vmf_err *e)
{
	struct state s = { .o = o, .m = o->m, .rng = { SEED } };
	double loss = 0.0;
	int64_t n = 0, rounds;
	int rc;

	if ((rc = open_state(&s, e)) != 0)
		goto done;
	for (int64_t i = 0; i < s.m->n; i++)
		loss += spread_of(&s, i);
	if ((rc = insert_all(&s, e)) != 0)
		goto done;
	for (int64_t i = 0; i < s.m->n; i++)
		if (can_move(s.m, i)) {
			n++;
			note(&s, (int32_t)i);
		}
	save_best(&s);
	out->first_cost = o->cost;
	out->first_placed = o->n_placed;
	rounds = s.sore.n * ROUNDS_EACH;
	if (rounds < ROUNDS_LEAST)
		rounds = ROUNDS_LEAST;
	if (rounds > ROUNDS_MOST)
		rounds = n * ROUNDS_VM > ROUNDS_MOST ? n * ROUNDS_VM :
		    ROUNDS_MOST;
	if (out->max_rounds > 0)
		rounds = out->max_rounds;
	if ((rc = search_rounds(&s, rounds, n > 0 ? loss / (double)n : 0.0,
	    &out->rounds, e)) != 0 || (rc = polish(&s, e)) != 0)
		goto done;
	out->bound = NAN;
done:
	free_state(&s);
	return rc;
}
