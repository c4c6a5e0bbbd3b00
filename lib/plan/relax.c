/* SPDX-License-Identifier: MIT */
/*
 * Plans that may break limits for a while, at a price: simulated annealing
 * (Kirkpatrick, Gelatt and Vecchi, "Optimization by Simulated Annealing",
 * 1983) in which a step takes any one VM back and gives it a place, or none,
 * of all that there are.  Where a dozen VMs have to change places for any of
 * them to gain, the way there leads through plans that no limit would allow.
 *
 * What is too much is counted in units, by slot (of loads by step): a move
 * too many is one, and a host that is too full is one and more by how full it
 * is.  What will stay too much after the last slot costs more than a place is
 * worth, so that it is the first to vanish when it gets colder; the price of
 * the rest rises, so that it does as well in the end.
 */
#include "plan/search_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TARGETS 1		/* tried for a VM in a step, besides its own */
/* The heat, and the price of a unit, at first and in the end, in mean losses
 * of a VM without its cheapest start. */
#define HOT 1.0
#define COLD 0.02
#define CHEAP 0.2
#define DEAR 10.0
#define LOSS_LEAST 0.001	/* of what a place is worth, if that is more */
#define LASTING 2.0		/* what stays costs so many VMs' places */
#define COOL_EACH 64		/* steps at the same heat */

struct option {
	int32_t slot, to;
	double units, energy;
};

struct relax {
	struct vmf_state *s;
	double price;		/* of a unit */
	double last;		/* units of the last slot, as it lasts */
	double mem_unit, load_unit;	/* a VM's, on average */
	int32_t *vm;		/* those that can move */
	int64_t n_vms;
	struct option *option;	/* of a VM: where it stays, places */
	int64_t n;
	double *source;		/* by slot: limits that have no room for a
				 * move of the VM, wherever it goes */
	double *units;		/* by start, of a target */
	double *adds, *come;	/* by slot or step: what the VM adds there, and
				 * units if it comes then */
	double *mem_gone, *load_gone;	/* units on its host if it has left
					 * by then */
};

/* What a host has, and may have, of memory or load. */
struct held {
	const double *have;
	double room, unit;
	int64_t n, first;	/* the first that counts, as no VM comes
				 * before */
};

static double
over(const struct held *h, double have)
{
	return have > h->room ? 1.0 + (have - h->room) / h->unit : 0.0;
}

/* come[t]: units more if a VM comes in t. */
static void
count_come(const struct relax *r, const struct held *h)
{
	double with = 0.0, without = 0.0, weight = r->last;

	for (int64_t t = h->n - 1; t >= 0; t--) {
		with += weight * over(h, h->have[t] + r->adds[t]);
		if (t >= h->first)
			without += weight * over(h, h->have[t]);
		r->come[t] = with - without;
		weight = 1.0;
	}
}

/* gone[t]: units more, none or less, if a VM that is there has left by t. */
static void
count_gone(const struct relax *r, const struct held *h, double *gone)
{
	double sum = 0.0, weight = r->last;

	for (int64_t t = h->n - 1; t >= h->first; t--) {
		if (h->have[t] > h->room)
			sum += weight * (over(h, h->have[t] - r->adds[t]) -
			    over(h, h->have[t]));
		gone[t] = sum;
		weight = 1.0;
	}
	for (int64_t t = h->first < h->n ? h->first : h->n; t > 0; t--)
		gone[t - 1] = sum;
}

/* The memory of host h, and what VM i adds to it. */
static struct held
memory_of(const struct relax *r, int64_t i, int64_t h, int64_t first)
{
	const struct vmf_occupancy *o = r->s->o;

	for (int64_t j = 0; j < o->n_slots; j++)
		r->adds[j] = o->m->vm[i].mem_mb;
	return (struct held){ o->mem + h * o->n_slots, o->m->host[h].mem_mb,
	    r->mem_unit, o->n_slots, first };
}

static struct held
load_of(const struct relax *r, int64_t i, int64_t h, int64_t first)
{
	const struct vmf_moves *m = r->s->m;

	for (int64_t t = 0; t < m->n_steps; t++)
		r->adds[t] = vmf_moves_used(m, i, t);
	return (struct held){ r->s->o->load + h * m->n_steps,
	    m->host[h].room, r->load_unit, m->n_steps, first < m->n_starts ?
	    m->begins[first] : m->n_steps };
}

/* The first start to host h; n_slots: none. */
static int64_t
first_to(const struct vmf_occupancy *o, int64_t h)
{
	int64_t first = o->n_slots;

	for (int32_t j = o->in_head[h]; j >= 0; j = o->in_next[j])
		if (o->m->vm[j].slot < first)
			first = o->m->vm[j].slot;
	return first;
}

static void
mark(double *full, const uint16_t *count, int64_t n, int64_t most)
{
	for (int64_t j = 0; j < n; j++)
		full[j] += count[j] >= most;
}

static void
mark_wide(double *full, const int32_t *count, int64_t n, int64_t most)
{
	for (int64_t j = 0; j < n; j++)
		full[j] += count[j] >= most;
}

/* At VM i's end of its move. */
static void
look_at_source(struct relax *r, int64_t i)
{
	const struct vmf_occupancy *o = r->s->o;
	const struct vmf_limits *l = &o->m->limits;
	const struct vmf_move *v = &o->m->vm[i];
	int64_t n = o->n_slots, h = v->host, first;
	struct held held;

	memset(r->source, 0, (size_t)n * sizeof(*r->source));
	if (l->total > 0)
		mark_wide(r->source, o->total, n, l->total);
	if (o->out != NULL && h >= 0)
		mark(r->source, o->out + h * n, n, l->per_host);
	if (o->cluster != NULL && v->cluster >= 0)
		mark_wide(r->source, o->cluster + v->cluster * n, n,
		    l->per_cluster);
	if (h < 0)
		return;
	first = first_to(o, h);
	if (o->mem != NULL) {
		held = memory_of(r, i, h, first);
		count_gone(r, &held, r->mem_gone);
	}
	if (o->load != NULL) {
		held = load_of(r, i, h, first);
		count_gone(r, &held, r->load_gone);
	}
}

/* Units of two of a group that are on a host from those slots on, until end
 * (-1: for good). */
static double
together(const struct relax *r, int64_t from, int64_t also, int64_t end)
{
	if (also > from)
		from = also;
	if (end < 0)
		return (double)(r->s->o->n_slots - from) + r->last;
	return end > from ? (double)(end - from) : 0.0;
}

/* Units of VM i's group, if it moves to host to in slot; or stays, -1. */
static double
group_units(const struct relax *r, int64_t i, int64_t slot, int32_t to)
{
	const struct vmf_occupancy *o = r->s->o;
	const struct vmf_move *v = &o->m->vm[i];
	int64_t left = slot >= 0 && to >= 0 ? slot + v->width : -1;
	double sum = 0.0;

	for (int64_t k = o->member_from[v->group];
	    k < o->member_from[v->group + 1]; k++) {
		const struct vmf_move *u = &o->m->vm[o->member[k]];

		if (u == v)
			continue;
		if (v->host >= 0 && u->to == v->host)
			sum += together(r, u->slot, 0, left);
		if (left >= 0 && u->to == to)
			sum += together(r, slot, u->slot, -1);
		else if (left >= 0 && u->host == to)
			sum += together(r, slot, 0, u->to < 0 ? -1 :
			    u->slot + u->width);
	}
	return sum;
}

/* units[k], if VM i goes to host to from start k on. */
static void
look_at_target(struct relax *r, int64_t i, int32_t to)
{
	const struct vmf_occupancy *o = r->s->o;
	const struct vmf_moves *m = o->m;
	const struct vmf_move *v = &m->vm[i];
	int64_t n = o->n_slots, first;
	int32_t c = to < 0 ? -1 : m->host[to].cluster;
	double sum = 0.0;
	struct held held;

	memcpy(r->come, r->source, (size_t)n * sizeof(*r->come));
	if (to >= 0 && o->in != NULL)
		mark(r->come, o->in + to * n, n, m->limits.per_target);
	if (c >= 0 && c != v->cluster && o->cluster != NULL)
		mark_wide(r->come, o->cluster + c * n, n,
		    m->limits.per_cluster);
	for (int64_t j = 0; j < n; j++) {
		sum += r->come[j] - (j < v->width ? 0.0 :
		    r->come[j - v->width]);
		if (j - v->width + 1 >= 0 && j - v->width + 1 < m->n_starts)
			r->units[j - v->width + 1] = sum;
	}
	if (to < 0)
		return;
	first = first_to(o, to);
	if (o->mem != NULL) {
		held = memory_of(r, i, to, first);
		count_come(r, &held);
		for (int64_t k = 0; k < m->n_starts; k++)
			r->units[k] += r->come[k] + (v->host < 0 ? 0.0 :
			    r->mem_gone[k + v->width]);
	}
	if (o->load != NULL) {
		held = load_of(r, i, to, first);
		count_come(r, &held);
		for (int64_t k = 0; k < m->n_starts; k++) {
			int64_t left = vmf_moves_left(m, i, k);

			r->units[k] += r->come[m->begins[k]];
			if (v->host >= 0 && left < m->n_steps)
				r->units[k] += r->load_gone[left];
		}
	}
	for (int64_t k = 0; k < m->n_starts && v->group >= 0; k++)
		r->units[k] += group_units(r, i, k, to);
}

static void
add(struct relax *r, int32_t slot, int32_t to, double cost, double units)
{
	r->option[r->n++] = (struct option){ slot, to, units,
	    cost + r->price * units };
}

/* All that VM i, which was on the way to host was, may do: to stay costs
 * worth. */
static void
list_options(struct relax *r, int64_t i, int32_t was, double worth)
{
	struct vmf_state *s = r->s;
	const struct vmf_moves *m = s->m;
	const struct vmf_move *v = &m->vm[i];
	const uint16_t *q = m->cost + i * m->n_starts;
	double unit = ldexp(1.0, v->cost_exp), low = v->cost_below * unit;
	int64_t n, at;
	const int32_t *list = vmf_occupancy_targets(s->o, i, &n);

	r->n = 0;
	add(r, -1, -1, worth, v->group < 0 ? 0.0 : group_units(r, i, -1, -1));
	look_at_source(r, i);
	at = n > TARGETS ? vmf_rng_below(&s->rng, n) : 0;
	for (int64_t h = was < 0 ? 0 : -1; h < n && h < TARGETS; h++) {
		int32_t to = h < 0 ? was : list[(at + h) % n];

		if (to >= 0 && (to == v->host || (h >= 0 && to == was)))
			continue;
		look_at_target(r, i, to);
		for (int32_t k = 0; k < m->n_starts; k++)
			if (q[k] != VMF_COST_NONE)
				add(r, k, to, q[k] * unit - low +
				    (vmf_moves_changes(v, k, to) ?
				    m->limits.hysteresis : 0.0), r->units[k]);
	}
}

/* Any option that is no dearer than the cheapest and some heat. */
static const struct option *
draw(struct relax *r, double heat)
{
	double least = INFINITY;
	int64_t n = 0, k;

	for (k = 0; k < r->n; k++)
		if (r->option[k].energy < least)
			least = r->option[k].energy;
	least -= heat * log(1.0 - vmf_rng_unit(&r->s->rng));
	for (k = 0; k < r->n; k++)
		n += r->option[k].energy <= least;
	n = vmf_rng_below(&r->s->rng, n);
	for (k = 0; r->option[k].energy > least || n-- > 0; k++)
		;
	return &r->option[k];
}

/* The units of the option that is the present place. */
static double
units_of(const struct relax *r, int32_t slot, int32_t to)
{
	for (int64_t k = 0; k < r->n; k++)
		if (r->option[k].slot == slot && r->option[k].to == to)
			return r->option[k].units;
	return 0.0;
}

/* Does the plan keep all limits? */
static bool
keeps_limits(struct relax *r)
{
	struct vmf_occupancy *o = r->s->o;
	bool ok = true;

	for (int64_t k = 0; k < r->n_vms && ok; k++) {
		int32_t i = r->vm[k];
		int32_t slot = o->m->vm[i].slot, to = o->m->vm[i].to;

		if (slot < 0)
			continue;
		ok = vmf_occupancy_holds(o, i);
		vmf_occupancy_take(o, i);
		ok = ok && vmf_occupancy_counts(o, i, slot, to);
		vmf_occupancy_put(o, i, slot, to);
	}
	return ok;
}

static int
open_relax(struct relax *r, struct vmf_err *e)
{
	const struct vmf_moves *m = r->s->m;
	int64_t slots = r->s->o->n_slots + 1, steps = m->n_steps + 1;
	int64_t both = slots > steps ? slots : steps;
	double n = (double)m->n;

	r->vm = vmf_calloc(m->n, (int64_t)sizeof(*r->vm), e);
	r->option = vmf_calloc((TARGETS + 1) * m->n_starts + 1,
	    (int64_t)sizeof(*r->option), e);
	r->source = vmf_calloc(3 * slots + steps + 2 * both,
	    (int64_t)sizeof(*r->source), e);
	if (r->vm == NULL || r->option == NULL || r->source == NULL)
		return VMF_ENOMEM;
	r->units = r->source + slots;
	r->mem_gone = r->units + slots;
	r->load_gone = r->mem_gone + slots;
	r->adds = r->load_gone + steps;
	r->come = r->adds + both;
	for (int64_t i = 0; i < m->n; i++) {
		r->mem_unit += m->vm[i].mem_mb / n;
		r->load_unit += m->vm[i].top / n;
		if (m->vm[i].least != VMF_COST_NONE)
			r->vm[r->n_vms++] = (int32_t)i;
	}
	r->mem_unit = r->mem_unit > 0.0 ? r->mem_unit : 1.0;
	r->load_unit = r->load_unit > 0.0 ? r->load_unit : 1.0;
	return 0;
}

int
vmf_search_relaxed(struct vmf_state *s, int64_t steps, double worth,
    bool *gained, struct vmf_err *e)
{
	struct relax r = { .s = s };
	double loss = fmax(1e-9, fmax(s->loss, worth * LOSS_LEAST));
	double heat = 0.0, units = 0.0;	/* of the present plan */
	int rc = open_relax(&r, e);

	*gained = false;
	r.last = LASTING * worth / (CHEAP * loss);
	for (int64_t at = 0; rc == 0 && at < steps; at++) {
		int32_t i = r.vm[vmf_rng_below(&s->rng, r.n_vms)];
		int32_t slot = s->m->vm[i].slot, to = s->m->vm[i].to;
		const struct option *next;

		if (at % COOL_EACH == 0) {
			double past = (double)at / (double)steps;

			heat = loss * HOT * pow(COLD / HOT, past);
			r.price = loss * CHEAP * pow(DEAR / CHEAP, past);
		}
		if (slot >= 0)
			vmf_occupancy_take(s->o, i);
		list_options(&r, i, to, worth);
		next = draw(&r, heat);
		if (next->slot >= 0)
			vmf_occupancy_put(s->o, i, next->slot, next->to);
		if (next->slot == slot && next->to == to)
			continue;
		units += next->units - units_of(&r, slot, to);
		vmf_search_note(s, i);
		/* One that is broken is a unit or more. */
		if (units < 0.5 && vmf_search_better(s) && keeps_limits(&r)) {
			vmf_search_save(s);
			*gained = true;
		}
	}
	free(r.vm);
	free(r.option);
	free(r.source);
	return rc;
}
