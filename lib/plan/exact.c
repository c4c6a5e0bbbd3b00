/* SPDX-License-Identifier: MIT */
/*
 * A few VMs placed again, so that what they cost together is least.
 *
 * They are lifted: neither where they were nor where they are to go.  Then
 * they come down one after the other, each wherever there is room, cheapest
 * first, and what cannot become cheaper than the best so far is cut off:
 * branch and bound (Land and Doig, "An Automatic Method of Solving Discrete
 * Programming Problems", 1960).  Who is lifted needs no room, so a VM without
 * room would have none however the others came down, and a branch may end
 * there: VMs that make room for each other in a circle are found, which one
 * after the other are not.
 */
#include "plan/search_in.h"

#include <math.h>
#include <stddef.h>

#define WORK 600000		/* choices tried x steps, or slots */
#define HOSTS 3			/* whose VMs are looked at */
#define TARGETS 8		/* tried for a VM */

struct tree {
	struct vmf_occupancy *o;
	int n;
	int32_t vm[VMF_EXACT_MOST];
	int64_t n_choices[VMF_EXACT_MOST];
	const struct vmf_choice *choice[VMF_EXACT_MOST];
	double rest[VMF_EXACT_MOST + 1];	/* the least of those from
						 * this one on */
	struct vmf_choice now[VMF_EXACT_MOST], best[VMF_EXACT_MOST];
	double limit;		/* what the next one has to be below */
	int64_t tries;
	bool found;
};

static void
come_down(struct vmf_occupancy *o, int64_t i, const struct vmf_choice *c)
{
	vmf_occupancy_land(o, i);
	if (c->slot >= 0)
		vmf_occupancy_put(o, i, c->slot, c->to);
}

static void
go_up(struct vmf_occupancy *o, int64_t i)
{
	if (o->m->vm[i].slot >= 0)
		vmf_occupancy_take(o, i);
	vmf_occupancy_lift(o, i);
}

static void
descend(struct tree *t, int at, double sum)
{
	int32_t i;

	if (at == t->n) {
		for (int k = 0; k < t->n; k++)
			t->best[k] = t->now[k];
		t->limit = sum;
		t->found = true;
		return;
	}
	i = t->vm[at];
	for (int64_t k = 0; k < t->n_choices[at] && t->tries > 0; k++) {
		const struct vmf_choice *c = &t->choice[at][k];

		if (!(sum + c->cost + t->rest[at + 1] < t->limit))
			return;
		t->tries--;
		if (c->slot >= 0 && !vmf_occupancy_fits(t->o, i, c->slot,
		    c->to))
			continue;
		come_down(t->o, i, c);
		if (vmf_occupancy_ousted(t->o, i) < 0) {
			t->now[at] = *c;
			descend(t, at + 1, sum + c->cost);
		}
		go_up(t->o, i);
	}
}

/* VM i is one of them. */
static int
join(struct vmf_state *s, struct tree *t, int32_t i, struct vmf_err *e)
{
	if (s->touched[i] == s->round)
		return 0;
	t->vm[t->n++] = i;
	return vmf_ruin_log(s, i, e);
}

/* Any of those that are on the way to host h. */
static int32_t
any_coming(struct vmf_state *s, int32_t h)
{
	int32_t any = -1;
	int64_t seen = 0;

	for (int32_t j = s->o->in_head[h]; j >= 0; j = s->o->in_next[j])
		if (vmf_rng_below(&s->rng, ++seen) == 0)
			any = j;
	return any;
}

/* VMs that leave or come to the same few hosts, with VM i first. */
static int
choose(struct vmf_state *s, struct tree *t, int32_t i, struct vmf_err *e)
{
	const struct vmf_move *v = &s->m->vm[i];
	int64_t n = 3 + vmf_rng_below(&s->rng, VMF_EXACT_MOST - 2);
	int32_t host[HOSTS] = { v->host, v->to };
	int rc = join(s, t, i, e);

	if (v->to < 0)
		host[1] = vmf_search_target(s, i);
	host[2] = vmf_search_target(s, i);
	for (int64_t k = 0; rc == 0 && k < 4 * n && t->n < n; k++) {
		int32_t h = host[vmf_rng_below(&s->rng, HOSTS)], j = -1;
		int64_t how = vmf_rng_below(&s->rng, 8), all;

		all = h < 0 ? 0 : s->host_from[h + 1] - s->host_from[h];
		if (how == 0 && s->waiting.n > 0)
			j = s->waiting.vm[vmf_rng_below(&s->rng,
			    s->waiting.n)];
		else if (how <= 1)
			j = s->sore.vm[vmf_rng_below(&s->rng, s->sore.n)];
		else if (how <= 4 && h >= 0)
			j = any_coming(s, h);
		else if (all > 0)
			j = s->host_vm[s->host_from[h] +
			    vmf_rng_below(&s->rng, all)];
		if (j >= 0)
			rc = join(s, t, j, e);
	}
	return rc;
}

/* Those with the fewest choices first. */
static void
sort(struct tree *t)
{
	for (int a = 1; a < t->n; a++)
		for (int b = a; b > 0 && t->n_choices[b - 1] >
		    t->n_choices[b]; b--) {
			const struct vmf_choice *c = t->choice[b];
			int64_t n = t->n_choices[b];
			int32_t i = t->vm[b];

			t->choice[b] = t->choice[b - 1];
			t->n_choices[b] = t->n_choices[b - 1];
			t->vm[b] = t->vm[b - 1];
			t->choice[b - 1] = c;
			t->n_choices[b - 1] = n;
			t->vm[b - 1] = i;
		}
}

/* To stay where it is, among the choices by cost. */
static int64_t
add_stay(struct vmf_choice *list, int64_t n, double cost)
{
	int64_t k = n;

	for (; k > 0 && list[k - 1].cost > cost; k--)
		list[k] = list[k - 1];
	list[k] = (struct vmf_choice){ -1, -1, cost };
	return n + 1;
}

/* What it costs that VM v stays where it is. */
static double
stay(const struct vmf_move *v, double worth, bool fair)
{
	return worth + (fair ? vmf_moves_worth(v, v->least) : 0.0);
}

int
vmf_place_exactly(struct vmf_state *s, int32_t i, double worth, bool fair,
    double allow, bool *found, struct vmf_err *e)
{
	/* A try looks at the slots of a host's memory, the steps of its load,
	 * or both. */
	int64_t slots = s->o->mem != NULL ? s->o->n_slots : 0;
	int64_t most = s->m->n_steps > slots ? s->m->n_steps : slots;
	struct tree t = { .o = s->o,
	    .tries = 1 + WORK / (1 + most), .limit = allow };
	double cost;
	int rc = choose(s, &t, i, e);

	*found = false;
	if (rc != 0)
		return rc;
	for (int k = 0; k < t.n; k++) {
		const struct vmf_move *v = &s->m->vm[t.vm[k]];

		t.limit += v->slot < 0 ? stay(v, worth, fair) :
		    vmf_occupancy_cost(s->o, t.vm[k], v->slot, v->to);
		go_up(s->o, t.vm[k]);
	}
	for (int k = 0; k < t.n; k++) {
		struct vmf_choice *list = s->choice + k * VMF_EXACT_CHOICES;

		t.choice[k] = list;
		t.n_choices[k] = vmf_occupancy_choices(s->o, t.vm[k],
		    &s->rng, TARGETS, list, VMF_EXACT_CHOICES - 1);
		t.n_choices[k] = add_stay(list, t.n_choices[k],
		    stay(&s->m->vm[t.vm[k]], worth, fair));
	}
	sort(&t);
	for (int k = t.n - 1; k >= 0; k--)
		t.rest[k] = t.rest[k + 1] + t.choice[k][0].cost;
	cost = s->o->cost;
	descend(&t, 0, 0.0);
	/* Sums come back as they were, not nearly so. */
	s->o->cost = cost;
	for (int k = 0; k < t.n; k++) {
		vmf_occupancy_land(s->o, t.vm[k]);
		if (t.found && t.best[k].slot >= 0)
			vmf_occupancy_put(s->o, t.vm[k], t.best[k].slot,
			    t.best[k].to);
	}
	*found = t.found;
	return 0;
}
