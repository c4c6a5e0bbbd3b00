/* SPDX-License-Identifier: MIT */
#include "plan/search_in.h"
#include "plan/price.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"

#define SEED UINT64_C(0x766d662d706c616e)
/* Rounds: so many for each VM that is not at its best start, at least and at
 * most. */
#define ROUNDS_EACH 100000	/* twice that where a VM has no place */
#define ROUNDS_FEW 20000	/* instead, of what is placed at once */
#define ROUNDS_SLOTS 64		/* of a plan with more slots fewer, as each
				 * round looks at them */
#define ROUNDS_LEAST 4000
#define ROUNDS_MOST 600000	/* here too */
#define LARGE 200000		/* VMs of a fleet that has to be quick */
#define ROUNDS_LARGE 200000
#define OLD_PASSES 8		/* of the moves that were planned before */
#define PASSES 8		/* of each VM alone; in a large fleet: */
#define PASSES_LARGE 2
#define CYCLES 12
/* So many cycles without a gain end a search, more where a VM has no place,
 * which is harder; and so does a plan whose cost is near its bound. */
#define STILL 6
#define STILL_WAITING 9
#define CLOSE 0.0005
#define RELAXED 10		/* steps of annealing for a round */
#define EXACT_EACH 100		/* rounds to one of a few VMs as is best, */
#define EXACT_EACH_LARGE 500	/* and in a fleet of more than */
#define EXACT_LARGE 200		/* VMs */
#define PRICE_ROUNDS 50		/* fewer where that is much work: */
#define PRICE_LEAST 20
#define PRICE_WORK 7e9		/* VMs x starts x rounds */
#define HOT_ROUNDS 100		/* for each VM, to begin as hot as may be */
#define RUIN_MOST 10		/* VMs taken back in a round */
#define WAITING_MOST 10		/* VMs without a place tried in a round */
#define HOSTS_MOST 8		/* targets tried for a VM in a round */
/* Searches of a fleet of so few VMs whose plan costs more than its bound times
 * this, where the second does not end as the first did. */
#define SEARCHES 4
#define SMALL 200		/* and these may break limits for a while */
#define LOOSE 0.01
#define SAME 1e-9		/* of a cost, whose sums are rounded */
#define TELL_EACH 256		/* rounds to one that is told of */

struct vmf_place {
	int32_t slot, to;
};

static int
list_init(struct vmf_vm_list *l, int64_t n, struct vmf_err *e)
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
list_set(struct vmf_vm_list *l, int32_t i, bool in)
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
list_free(struct vmf_vm_list *l)
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
	return m->cost[i * m->n_starts + v->slot] == v->least &&
	    (m->limits.hysteresis == 0.0 ||
	    !vmf_moves_changes(v, v->slot, v->to));
}

void
vmf_search_note(struct vmf_state *s, int32_t i)
{
	list_set(&s->sore, i, !at_best(s->m, i));
	list_set(&s->waiting, i, s->m->vm[i].slot < 0);
	if (!s->is_changed[i]) {
		s->is_changed[i] = true;
		s->changed[s->n_changed++] = i;
	}
}

/* Those taken back, and some that wait, into an order to place them in. */
static int
make_order(struct vmf_state *s, struct vmf_err *e)
{
	int64_t n = s->waiting.n < WAITING_MOST ? s->waiting.n : WAITING_MOST;
	int64_t how = vmf_rng_below(&s->rng, 4);
	int rc;

	for (int64_t k = 0; k < n; k++) {
		int64_t at = s->waiting.n <= WAITING_MOST ? k :
		    vmf_rng_below(&s->rng, s->waiting.n);

		if ((rc = vmf_ruin_log(s, s->waiting.vm[at], e)) != 0)
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

/* As it was before the round. */
static void
undo(struct vmf_state *s)
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
keep(struct vmf_state *s)
{
	for (int64_t k = 0; k < s->n_log; k++)
		vmf_search_note(s, s->log[k].vm);
}

/* Keep what was done, or go back to a plan that cost was. */
static void
end_round(struct vmf_state *s, bool kept, double was)
{
	if (kept) {
		keep(s);
		return;
	}
	undo(s);
	/* Sums come back as they were, not nearly so. */
	s->o->cost = was;
}

static void
begin(struct vmf_state *s)
{
	s->round++;
	s->n_log = s->n_order = 0;
}

/* What has changed is in the best plan as well. */
static void
copy_changed(struct vmf_state *s)
{
	for (int64_t k = 0; k < s->n_changed; k++) {
		int32_t i = s->changed[k];

		s->best_slot[i] = s->m->vm[i].slot;
		s->best_to[i] = s->m->vm[i].to;
		s->is_changed[i] = false;
	}
	s->n_changed = 0;
}

bool
vmf_search_better(const struct vmf_state *s)
{
	return s->o->n_placed > s->best_placed ||
	    (s->o->n_placed == s->best_placed && s->o->cost < s->best_cost);
}

void
vmf_search_save(struct vmf_state *s)
{
	copy_changed(s);
	s->best_placed = s->o->n_placed;
	s->best_cost = s->o->cost;
}

static void
load_best(struct vmf_state *s)
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
		vmf_search_note(s, s->changed[k]);
	copy_changed(s);
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

/* What is done in a round; the last four only where who leaves makes room,
 * and the last only where a VM has no place. */
enum kind {
	ASSIGN,
	ANY,
	BEST,
	SHIFT,
	MAKE_WAY,
	SWAP,
	FORCE,
	EARLY,
	N_KINDS
};

struct weighted {
	enum kind kind;
	int64_t weight;
};

static enum kind
draw(struct vmf_state *s, const struct weighted *list, int n)
{
	int64_t all = 0, at;

	for (int k = 0; k < n; k++)
		all += list[k].weight;
	at = vmf_rng_below(&s->rng, all);
	for (int k = 0; k < n - 1; k++) {
		if (at < list[k].weight)
			return list[k].kind;
		at -= list[k].weight;
	}
	return list[n - 1].kind;
}

static int32_t
draw_seed(struct vmf_state *s)
{
	const struct vmf_vm_list *list = s->waiting.n > 0 &&
	    vmf_rng_below(&s->rng, 2) == 0 ? &s->waiting : &s->sore;

	return list->vm[vmf_rng_below(&s->rng, list->n)];
}

/* A round in which a few VMs are placed as is best; the rest as below. */
static int
try_exact(struct vmf_state *s, double heat, double worth, bool fair,
    bool *kept, struct vmf_err *e)
{
	double was = s->o->cost;
	double allow = -heat * log(1.0 - vmf_rng_unit(&s->rng));
	int rc;

	begin(s);
	if ((rc = vmf_place_exactly(s, draw_seed(s), worth, fair, allow, kept,
	    e)) != 0)
		return rc;
	end_round(s, *kept, was);
	return 0;
}

/* One round; *kept is false where it was undone.  A place for one more VM is
 * worth that much load; fair: and what it costs at least. */
static int
try_round(struct vmf_state *s, double heat, double worth, bool fair,
    bool *kept, struct vmf_err *e)
{
	static const struct weighted kinds[N_KINDS] = { { ASSIGN, 4 },
	    { ANY, 2 }, { BEST, 2 }, { SHIFT, 2 }, { MAKE_WAY, 3 },
	    { SWAP, 2 }, { FORCE, 4 }, { EARLY, 3 } };
	int64_t was_placed = s->o->n_placed, way, n;
	enum kind how;
	int32_t seed;
	double was = s->o->cost, d;
	int rc;

	begin(s);
	how = draw(s, kinds, !s->depends ? N_KINDS - 4 : s->waiting.n == 0 ?
	    N_KINDS - 1 : N_KINDS);
	way = vmf_rng_below(&s->rng, 2) == 0 ? 1 : -1;
	seed = draw_seed(s);
	if (how == EARLY)
		seed = s->waiting.vm[vmf_rng_below(&s->rng, s->waiting.n)];
	if (how == EARLY)
		rc = vmf_ruin_hosts(s, seed, VMF_ASSIGN_MOST - WAITING_MOST,
		    e);
	else if (how == FORCE)
		rc = vmf_ruin_force(s, seed, HOSTS_MOST, e);
	else if (how == SWAP)
		rc = vmf_ruin_swap(s, seed, HOSTS_MOST, e);
	else if (how == MAKE_WAY)
		rc = vmf_ruin_make_way(s, seed, HOSTS_MOST, e);
	else if (how == SHIFT)
		rc = vmf_ruin_chain(s, seed, way, e);
	else
		rc = vmf_ruin_some(s, how == ASSIGN ? VMF_ASSIGN_MOST -
		    WAITING_MOST : RUIN_MOST, e);
	if (rc != 0 || (rc = make_order(s, e)) != 0)
		return rc;
	if (how == ASSIGN)
		vmf_recreate_assign(s);
	else if (how == EARLY)
		vmf_recreate_early(s);
	else if (how == ANY)
		vmf_recreate_any(s);
	else if (how == SHIFT)
		vmf_recreate_shift(s, way * (1 + vmf_rng_below(&s->rng, 2)));
	vmf_recreate_best(s, &s->rng, HOSTS_MOST);
	n = s->o->n_placed - was_placed;
	d = s->o->cost - was - (n == 0 ? 0.0 : (double)n * worth);
	/* By what VMs cost above their least: dear ones are as welcome. */
	for (int64_t k = 0; k < s->n_log && fair; k++) {
		const struct vmf_move *v = &s->m->vm[s->log[k].vm];

		if ((v->slot >= 0) != (s->log[k].slot >= 0))
			d += vmf_moves_worth(v, v->least) *
			    (v->slot >= 0 ? -1.0 : 1.0);
	}
	*kept = d <= -heat * log(1.0 - vmf_rng_unit(&s->rng));
	end_round(s, *kept, was);
	return 0;
}

/* How many rounds, where nobody says so. */
static int64_t
rounds_of(const struct vmf_state *s)
{
	int64_t n = s->n_free, often = s->waiting.n > 0 ? 2 : 1;
	int64_t rounds = s->sore.n * often *
	    (n <= VMF_EXACT_MOST ? ROUNDS_FEW : ROUNDS_EACH);

	if (rounds > often * ROUNDS_MOST)
		rounds = often * ROUNDS_MOST;
	if (s->o->n_slots > ROUNDS_SLOTS)
		rounds = rounds / s->o->n_slots * ROUNDS_SLOTS;
	if (rounds < ROUNDS_LEAST)
		rounds = ROUNDS_LEAST;
	return n > LARGE && rounds > ROUNDS_LARGE ? ROUNDS_LARGE : rounds;
}

/* How far it is, now and then: the plan so far, of so many VMs. */
static void
tell(const struct vmf_search *out, int64_t rounds, int64_t placed,
    double cost)
{
	char text[160];

	if (out->tell == NULL || out->rounds % TELL_EACH != 0)
		return;
	snprintf(text, sizeof(text), "%" PRId64 " VMs placed, mean cost %.4g; "
	    "%" PRId64 " %% of %" PRId64 " rounds", placed, cost /
	    fmax(1.0, (double)placed), 100 * out->rounds / rounds, rounds);
	out->tell(out->tell_arg, text);
}

/*
 * Cycles of rounds that cool down, each from the best plan so far.  In two
 * of three a VM may lose its place for a while, at a price that rises until
 * no VM is worth it: tight plans are not rearranged otherwise.  Of a small
 * fleet in which who leaves makes room, the first of these two begins with
 * plans that break limits (plan/relax.c).  They end early where nothing is to
 * be gained, or where nothing was for long.
 */
static int
search_rounds(struct vmf_state *s, struct vmf_search *out, struct vmf_err *e)
{
	int64_t n = s->n_free, *done = &out->rounds;
	int64_t rounds = out->max_rounds > 0 ? out->max_rounds : rounds_of(s);
	double loss = s->loss;
	double most = greatest_cost(s->m);
	double mean = s->o->cost / fmax(1.0, (double)s->o->n_placed) + loss;
	double hot = fmax(1e-9, loss / 2.0 * fmin(1.0, (double)rounds /
	    ((double)n * HOT_ROUNDS + 1.0)));
	int64_t each = n > EXACT_LARGE ? EXACT_EACH_LARGE : EXACT_EACH;
	int64_t gained = 0;	/* the cycle after the last that gained */
	bool relaxes = s->depends && n <= SMALL, kept = false;
	int rc;

	for (*done = 0; *done < rounds && s->sore.n > 0; ++*done) {
		int64_t cycle = *done * CYCLES / rounds;
		double left = (double)*done * CYCLES / (double)rounds -
		    (double)cycle, heat = hot * pow(1.0 / 500.0, left);
		int kind = (int)(cycle % 3);
		double worth = kind == 0 ? VMF_NOT_HERE : kind == 1 ?
		    loss * (0.5 + 8.0 * left) : mean +
		    (most - mean) * fmin(1.0, 2.0 * left) + heat;

		if (s->best_placed == n ? cycle - gained >= STILL ||
		    s->best_cost <= vmf_more_by(s->bound, CLOSE) :
		    cycle - gained >= STILL_WAITING)
			break;
		tell(out, rounds, s->best_placed, s->best_cost);
		if (*done * CYCLES % rounds < CYCLES) {
			load_best(s);
			if (kind == 1 && relaxes) {
				if ((rc = vmf_search_relaxed(s, rounds *
				    RELAXED / CYCLES, most + loss, &kept,
				    e)) != 0)
					return rc;
				gained = kept ? cycle + 1 : gained;
				load_best(s);
			}
		}
		rc = s->depends && *done % each == 0 ?
		    try_exact(s, heat, worth, kind == 1, &kept, e) :
		    try_round(s, heat, worth, kind == 1, &kept, e);
		if (rc != 0)
			return rc;
		if (kept && vmf_search_better(s)) {
			gained = cycle + 1;
			vmf_search_save(s);
		}
	}
	load_best(s);
	return 0;
}

/* Each VM alone, to a cheaper start if there is one. */
static int
polish(struct vmf_state *s, struct vmf_err *e)
{
	int passes = s->m->n > LARGE ? PASSES_LARGE : PASSES, rc;
	bool better = true;

	for (int pass = 0; pass < passes && better && s->sore.n > 0; pass++) {
		better = false;
		for (int64_t i = 0; i < s->m->n; i++) {
			int64_t placed = s->o->n_placed;
			double was = s->o->cost;

			if (!can_move(s->m, i) || at_best(s->m, i) ||
			    (s->m->vm[i].slot >= 0 &&
			    !vmf_occupancy_could(s->o, i)))
				continue;
			begin(s);
			if ((rc = vmf_ruin(s, (int32_t)i, e)) != 0)
				return rc;
			vmf_recreate_best(s, NULL, INT64_MAX);
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

/* Is there an earlier start for VM i that costs as much? */
static bool
could_be_earlier(const struct vmf_moves *m, int64_t i)
{
	const struct vmf_move *v = &m->vm[i];
	const uint16_t *q = m->cost + i * m->n_starts;

	if (v->slot < 0 || (v->old_slot == v->slot && v->old_to == v->to))
		return false;
	for (int64_t k = 0; k < v->slot; k++)
		if (q[k] == q[v->slot])
			return true;
	return false;
}

/* Of equal starts the earliest, so that a plan has no whims. */
static int
settle(struct vmf_state *s, struct vmf_err *e)
{
	int rc;

	for (int64_t i = 0; i < s->m->n; i++) {
		int64_t placed = s->o->n_placed, slot = s->m->vm[i].slot;
		double was = s->o->cost;

		if (!could_be_earlier(s->m, i) ||
		    !vmf_occupancy_could(s->o, i))
			continue;
		begin(s);
		if ((rc = vmf_ruin(s, (int32_t)i, e)) != 0)
			return rc;
		vmf_recreate_best(s, NULL, INT64_MAX);
		if (s->n_log == 1 && s->o->n_placed == placed &&
		    s->o->cost <= was && s->m->vm[i].slot < slot) {
			keep(s);
			continue;
		}
		undo(s);
		s->o->cost = was;
	}
	return 0;
}

/* What VM i loses on average if it does not get its cheapest start, more
 * where there are few; returns the mean loss alone. */
static double
spread_of(struct vmf_state *s, int64_t i)
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

/* How many VMs can move, and what they may lose. */
static int
measure(struct vmf_state *s, struct vmf_err *e)
{
	s->spread = vmf_calloc(s->m->n, (int64_t)sizeof(*s->spread), e);
	if (s->spread == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < s->m->n; i++) {
		s->loss += spread_of(s, i);
		s->n_free += can_move(s->m, i);
	}
	s->loss = s->n_free > 0 ? s->loss / (double)s->n_free : 0.0;
	return 0;
}

static int
open_state(struct vmf_state *s, struct vmf_err *e)
{
	const struct vmf_moves *m = s->m;
	int64_t n = m->n, at = 0;
	int rc;

	if ((rc = list_init(&s->sore, n, e)) != 0 ||
	    (rc = list_init(&s->waiting, n, e)) != 0)
		return rc;
	s->depends = s->o->load != NULL || s->o->mem != NULL ||
	    m->n_groups > 0;
	s->early = vmf_calloc(m->n_starts, (int64_t)sizeof(*s->early), e);
	s->touched = vmf_calloc(n, (int64_t)sizeof(*s->touched), e);
	s->choice = vmf_calloc(VMF_EXACT_MOST * VMF_EXACT_CHOICES,
	    (int64_t)sizeof(*s->choice), e);
	s->best_slot = vmf_calloc(n, (int64_t)sizeof(*s->best_slot), e);
	s->best_to = vmf_calloc(n, (int64_t)sizeof(*s->best_to), e);
	s->changed = vmf_calloc(n, (int64_t)sizeof(*s->changed), e);
	s->is_changed = vmf_calloc(n, (int64_t)sizeof(*s->is_changed), e);
	s->host_vm = vmf_calloc(n, (int64_t)sizeof(*s->host_vm), e);
	s->host_from = vmf_calloc(m->n_hosts + 1,
	    (int64_t)sizeof(*s->host_from), e);
	if (s->early == NULL || s->touched == NULL || s->choice == NULL ||
	    s->best_slot == NULL || s->best_to == NULL || s->changed == NULL ||
	    s->is_changed == NULL || s->host_vm == NULL ||
	    s->host_from == NULL)
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
			s->host_vm[--s->host_from[m->vm[i].host + 1]] =
			    (int32_t)i;
	/* Now host_from[h + 1] is where h begins. */
	for (int64_t h = 0; h < m->n_hosts; h++)
		s->host_from[h] = s->host_from[h + 1];
	s->host_from[m->n_hosts] = at;
	return 0;
}

static void
free_state(struct vmf_state *s)
{
	list_free(&s->sore);
	list_free(&s->waiting);
	free(s->log);
	free(s->order);
	free(s->stack);
	free(s->early);
	free(s->touched);
	free(s->spread);
	free(s->choice);
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

struct by_start {
	int32_t start, vm;
};

static int
by_start_cmp(const void *a, const void *b)
{
	const struct by_start *x = a, *y = b;

	if (x->start != y->start)
		return (x->start > y->start) - (x->start < y->start);
	return (x->vm > y->vm) - (x->vm < y->vm);
}

/* What was planned before, where it still fits: by start, as who leaves makes
 * room for who comes, and those that need a later move again. */
static int
insert_old(struct vmf_state *s, struct vmf_err *e)
{
	struct by_start *list = vmf_calloc(s->m->n, (int64_t)sizeof(*list),
	    e);
	int64_t n = 0, left, was = -1;

	if (list == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < s->m->n; i++)
		if (can_move(s->m, i) && s->m->vm[i].old_slot >= 0)
			list[n++] = (struct by_start){ s->m->vm[i].old_slot,
			    (int32_t)i };
	qsort(list, (size_t)n, sizeof(*list), by_start_cmp);
	left = n;
	for (int pass = 0; pass < OLD_PASSES && left != was; pass++) {
		was = left;
		left = 0;
		for (int64_t k = 0; k < was; k++) {
			const struct vmf_move *v = &s->m->vm[list[k].vm];

			if (vmf_occupancy_fits(s->o, list[k].vm, v->old_slot,
			    v->old_to))
				vmf_occupancy_put(s->o, list[k].vm,
				    v->old_slot, v->old_to);
			else
				list[left++] = list[k];
		}
	}
	free(list);
	return 0;
}

/* Every VM once: what was planned before, then those that have most to
 * lose. */
static int
insert_all(struct vmf_state *s, struct vmf_prices *p, struct vmf_err *e)
{
	struct by_spread *list;
	struct vmf_choice c;
	int rc = insert_old(s, e);

	if (rc != 0)
		return rc;
	if ((list = vmf_calloc(s->m->n, (int64_t)sizeof(*list), e)) == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < s->m->n; i++)
		list[i] = (struct by_spread){ s->spread[i], (int32_t)i };
	qsort(list, (size_t)s->m->n, sizeof(*list), by_spread_cmp);
	for (int64_t k = 0; k < s->m->n; k++) {
		int32_t i = list[k].vm;

		if (can_move(s->m, i) && s->m->vm[i].slot < 0 &&
		    vmf_occupancy_best(s->o, i, INT64_MAX,
		    vmf_prices_of(p, i), NULL, INT64_MAX, &c))
			vmf_occupancy_put(s->o, i, c.slot, c.to);
	}
	free(list);
	return 0;
}

static int64_t
price_rounds(const struct vmf_moves *m)
{
	double most = PRICE_WORK / fmax(1.0, (double)m->n *
	    (double)m->n_starts);

	return (int64_t)fmax(PRICE_LEAST, fmin(PRICE_ROUNDS, most));
}

/* Make the plan better. */
static int
improve(struct vmf_state *s, struct vmf_search *out, struct vmf_err *e)
{
	int rc;

	for (int64_t i = 0; i < s->m->n; i++)
		if (can_move(s->m, i))
			vmf_search_note(s, (int32_t)i);
	vmf_search_save(s);
	if ((rc = search_rounds(s, out, e)) != 0 || (rc = polish(s, e)) != 0)
		return rc;
	return settle(s, e);
}

/* The plan that places has, into o, which has none. */
static void
put_all(struct vmf_occupancy *o, const struct vmf_place *places)
{
	for (int64_t i = 0; i < o->m->n; i++)
		if (places[i].slot >= 0)
			vmf_occupancy_put(o, i, places[i].slot, places[i].to);
}

static void
get_all(const struct vmf_moves *m, struct vmf_place *places)
{
	for (int64_t i = 0; i < m->n; i++)
		places[i] = (struct vmf_place){ m->vm[i].slot, m->vm[i].to };
}

/* A search that begins where the first began, from other random numbers. */
struct again {
	struct vmf_moves m;	/* its VMs are its own, the rest is shared */
	struct vmf_occupancy o;
	struct vmf_search said;
	double bound;
	uint64_t seed;
};

static int
search_again(void *arg, int64_t k, struct vmf_err *e)
{
	struct again *a = (struct again *)arg + k;
	struct vmf_state s = { .o = &a->o, .m = &a->m, .bound = a->bound,
	    .rng = { a->seed } };
	int rc;

	if ((rc = measure(&s, e)) == 0 && (rc = open_state(&s, e)) == 0)
		rc = improve(&s, &a->said, e);
	free_state(&s);
	return rc;
}

/*
 * What one search ends in is chance where a plan is tight: n_more others,
 * after `had` of them, from the plan that places has; the best of all, and of
 * equal ones the first, is put into o.  *agree: all have ended at its cost.
 */
static int
search_more(struct vmf_search *out, struct vmf_occupancy *o, double bound,
    const struct vmf_place *places, int64_t had, int64_t n_more, bool *agree,
    struct vmf_err *e)
{
	struct again *a = vmf_calloc(n_more, (int64_t)sizeof(*a), e);
	const struct vmf_occupancy *best = o;
	struct vmf_moves *m = o->m;
	int rc = 0;

	if (a == NULL)
		return VMF_ENOMEM;
	for (int64_t k = 0; rc == 0 && k < n_more; k++) {
		a[k].m = *m;
		a[k].bound = bound;
		a[k].seed = SEED + (uint64_t)(had + k) + 1;
		a[k].said.max_rounds = out->max_rounds;
		if (k == 0) {	/* one tells, as only one may at a time */
			a[k].said.tell = out->tell;
			a[k].said.tell_arg = out->tell_arg;
		}
		a[k].m.vm = vmf_calloc(m->n, (int64_t)sizeof(*m->vm), e);
		if (a[k].m.vm == NULL) {
			rc = VMF_ENOMEM;
			break;
		}
		memcpy(a[k].m.vm, m->vm, (size_t)m->n * sizeof(*m->vm));
		for (int64_t i = 0; i < m->n; i++)
			a[k].m.vm[i].slot = a[k].m.vm[i].to = -1;
		/* Here, as it has hosts' room rounded, which all share. */
		if ((rc = vmf_occupancy_open(&a[k].o, &a[k].m, e)) == 0)
			put_all(&a[k].o, places);
	}
	if (rc == 0)
		rc = vmf_each(n_more, out->threads, search_again, a, e);
	*agree = true;
	for (int64_t k = 0; rc == 0 && k < n_more; k++) {
		out->rounds += a[k].said.rounds;
		*agree = *agree && a[k].o.n_placed == o->n_placed &&
		    fabs(a[k].o.cost - o->cost) <= fabs(o->cost) * SAME;
		if (a[k].o.n_placed > best->n_placed ||
		    (a[k].o.n_placed == best->n_placed &&
		    a[k].o.cost < best->cost))
			best = &a[k].o;
	}
	if (rc == 0 && best != o) {
		for (int64_t i = 0; i < m->n; i++)
			if (m->vm[i].slot >= 0)
				vmf_occupancy_take(o, i);
		for (int64_t i = 0; i < m->n; i++)
			if (best->m->vm[i].slot >= 0)
				vmf_occupancy_put(o, i, best->m->vm[i].slot,
				    best->m->vm[i].to);
		o->cost = best->cost;
	}
	for (int64_t k = 0; k < n_more; k++) {
		vmf_occupancy_free(&a[k].o);
		free(a[k].m.vm);
	}
	free(a);
	return rc;
}

/* Searches besides the first, where n VMs can move. */
static int64_t
more_searches(const struct vmf_search *out, const struct vmf_occupancy *o,
    int64_t n, double bound)
{
	if (n == 0)
		return 0;
	if (out->searches > 0)
		return out->searches - 1;
	return n > SMALL || (o->n_placed == n && o->cost <=
	    vmf_more_by(bound, LOOSE)) ? 0 : SEARCHES - 1;
}

int
vmf_search(struct vmf_search *out, struct vmf_occupancy *o,
    struct vmf_moves *m, struct vmf_err *e)
{
	struct vmf_state s = { .o = o, .m = m, .rng = { SEED } };
	struct vmf_prices prices = { 0 };
	struct vmf_place *first = NULL;
	int64_t more, probe;
	bool agree;
	int rc;

	if (out->tell != NULL)
		out->tell(out->tell_arg, "prices of what many VMs want");
	/* Prices first: what they are found with need not be there together
	 * with the room of hosts. */
	if ((rc = measure(&s, e)) != 0 || (rc = vmf_prices_find(&prices, m,
	    s.loss, price_rounds(m), e)) != 0 ||
	    (rc = vmf_occupancy_open(o, m, e)) != 0 ||
	    (rc = open_state(&s, e)) != 0 ||
	    (rc = insert_all(&s, &prices, e)) != 0)
		goto done;
	vmf_prices_free(&prices);
	out->first_cost = o->cost;
	out->first_placed = o->n_placed;
	if (out->searches > 1 || s.n_free <= SMALL) {
		first = vmf_calloc(m->n, (int64_t)sizeof(*first), e);
		if (first == NULL) {
			rc = VMF_ENOMEM;
			goto done;
		}
		get_all(m, first);
	}
	s.bound = prices.bound;
	if ((rc = improve(&s, out, e)) != 0)
		goto done;
	more = more_searches(out, o, s.n_free, prices.bound);
	probe = out->searches > 0 || more == 0 ? more : 1;
	if (probe > 0 && (rc = search_more(out, o, prices.bound, first, 0,
	    probe, &agree, e)) != 0)
		goto done;
	if (more > probe && !agree && (rc = search_more(out, o, prices.bound,
	    first, probe, more - probe, &agree, e)) != 0)
		goto done;
	out->bound = o->n_placed == s.n_free ? prices.bound : NAN;
done:
	vmf_prices_free(&prices);
	free_state(&s);
	free(first);
	return rc;
}
