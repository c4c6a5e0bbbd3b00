/* SPDX-License-Identifier: MIT */
#include "plan/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SEED UINT64_C(0x766d662d706c616e)
/* Rounds: so many for each VM that is not at its best start, at least and at
 * most; and for a large fleet at most so many for each VM. */
#define ROUNDS_EACH 2000
#define ROUNDS_LEAST 4000
#define ROUNDS_MOST 100000
#define ROUNDS_VM 1
#define RUIN_MOST 10		/* VMs taken back in a round */
#define WAITING_MOST 10		/* VMs without a place tried in a round */
#define HOSTS_MOST 8		/* targets tried for a VM in a round */

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
	float *spread;		/* what a VM may lose, and by how few starts */
	int32_t *best_slot, *best_to;
	int32_t *changed;	/* since the best, each VM once */
	bool *is_changed;
	int64_t n_changed;
	int64_t *host_vm, *host_from;	/* VMs that can move, by host */
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

/* Take VM i back, and whom that leaves no room for. */
static int
ruin(struct state *s, int32_t i, struct vmf_err *e)
{
	int64_t from = s->n_order;
	int rc;

	if (s->touched[i] == s->round)
		return 0;
	if ((rc = log_vm(s, i, e)) != 0 || s->m->vm[i].slot < 0)
		return rc;
	vmf_occupancy_take(s->o, i);
	for (int64_t k = from; k < s->n_order; k++) {
		int64_t j;

		while ((j = vmf_occupancy_ousted(s->o, s->order[k])) >= 0) {
			if ((rc = log_vm(s, (int32_t)j, e)) != 0)
				return rc;
			vmf_occupancy_take(s->o, j);
		}
	}
	return 0;
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

/* Choose whom to take back in this round. */
static int
ruin_some(struct state *s, struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int32_t seed = s->sore.vm[vmf_rng_below(&s->rng, s->sore.n)];
	const struct vmf_move *v = &m->vm[seed];
	int64_t n = 1 + vmf_rng_below(&s->rng, RUIN_MOST);
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

static void
place_all(struct state *s, struct vmf_rng *rng, int64_t max_hosts)
{
	struct vmf_choice c;

	for (int64_t k = 0; k < s->n_order; k++)
		if (vmf_occupancy_best(s->o, s->order[k], NULL, rng,
		    max_hosts, &c))
			vmf_occupancy_put(s->o, s->order[k], c.slot, c.to);
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

static int
search_rounds(struct state *s, int64_t rounds, double hot, int64_t *done,
    struct vmf_err *e)
{
	double best = s->o->cost, cold = hot / 500.0;
	int64_t placed = s->o->n_placed;
	int rc;

	for (*done = 0; *done < rounds && s->sore.n > 0; ++*done) {
		int64_t was_placed = s->o->n_placed, n;
		double was = s->o->cost, left = (double)*done /
		    (double)rounds, heat = hot * pow(cold / hot, left), d;

		begin(s);
		if ((rc = ruin_some(s, e)) != 0 ||
		    (rc = make_order(s, e)) != 0)
			return rc;
		place_all(s, &s->rng, HOSTS_MOST);
		n = s->o->n_placed - was_placed;
		d = s->o->cost - was;
		if (n < 0 || (n == 0 && d > -heat *
		    log(1.0 - vmf_rng_unit(&s->rng)))) {
			undo(s);
			/* Sums come back as they were, not nearly so. */
			s->o->cost = was;
			continue;
		}
		keep(s);
		if (s->o->n_placed > placed ||
		    (s->o->n_placed == placed && s->o->cost < best)) {
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
		    vmf_occupancy_best(s->o, i, NULL, NULL, INT64_MAX, &c))
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
	loss = n > 0 ? loss / (double)n : 0.0;
	if ((rc = search_rounds(&s, rounds, loss > 0.0 ? loss / 2.0 : 1e-9,
	    &out->rounds, e)) != 0 || (rc = polish(&s, e)) != 0)
		goto done;
	out->bound = NAN;
done:
	free_state(&s);
	return rc;
}
