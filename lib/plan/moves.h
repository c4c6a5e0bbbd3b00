/* SPDX-License-Identifier: MIT */
/*
 * The moves of a fleet, as a problem: which VM begins its move in which
 * slot, and to which host.
 *
 * Time is cut into slots of slot_s seconds.  A move that starts in slot k
 * lasts its VM's length_s and is under way in the slots k ... k + width - 1,
 * so that counts by slot bound the moves at once at every moment.
 *
 * The objective is lexicographic: the most VMs placed, then the least sum of
 * costs.  The cost of a start is the VM's mean load in the window (a
 * quantile of it where the forecast's list is one), what its downtime and
 * length there cost where they are predicted, and with a plan to replace,
 * hysteresis more for every start or target but the planned one.
 *
 * Limits: moves at once by source host, target host, cluster (of either
 * end) and in all; and on a host that takes a VM, from the first step of the
 * first such move to the end of the forecast, the sum over the VMs there of
 * load times vCPUs is at most a share of what the host has.  A VM counts at
 * its target from the step in which its move begins, and at its source to
 * the step in which it ends.  So is the sum of memory, by slots, as it does
 * not change: a VM counts at its source while its move is under way.  Two VMs
 * of one group are never on one host, unless they were there to begin with.
 *
 * With a quantile, the load of a host is the sum of its VMs' quantiles (of
 * the expected load, where that is more): what the host's own quantile is if
 * all go up together, as quantiles of comonotonic variables add (Dhaene et
 * al., "The concept of comonotonicity in actuarial science and finance:
 * theory", 2002), and more than it if they do not.
 *
 * A fleet of a million VMs is held in 2 bytes a VM and slot for the costs,
 * and 2 a VM and step for the expected loads: integers of 16 bits times a
 * power of two of the VM's own, within 2^-16 of its greatest; and as many
 * for what the quantile is above that, or 1 beyond VMF_FINE_STEPS, within
 * 2^-7 of its greatest.  Both are rounded up, so that no limit is broken by
 * rounding, and sums of them are exact, so that none is by adding and taking
 * away.
 */
#ifndef VMF_MOVES_H
#define VMF_MOVES_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define VMF_COST_NONE UINT16_MAX	/* the VM must not start there */
#define VMF_OVER_MOST 8			/* VMs too many on a host for a while */
#define VMF_FINE_STEPS ((int64_t)1 << 25)	/* 116,000 VMs, 288 steps */

/* 0: no limit. */
struct vmf_limits {
	int64_t per_host, per_target, per_cluster, total;
	double max_host_load;	/* NaN: none; in the metric's unit */
	double max_host_mem;	/* NaN: none; % of what a host has */
	double hysteresis;
};

struct vmf_move {
	int32_t host, cluster;	/* where the VM is; -1: not known */
	int32_t target;		/* where it must go; -1: see place */
	int32_t group;		/* of anti-affinity; -1: none */
	int32_t slot, to;	/* the plan: its start and host, or -1 */
	int32_t width;		/* slots of its move */
	int64_t length_s;	/* of its move; 0: the fleet's */
	int32_t old_slot, old_to;	/* of the plan before, or -1; without
					 * a slot, its target alone is kept */
	double factor;		/* of its loads: 2^exp x vCPUs */
	double more;		/* the same of what is above them */
	double top;		/* the most that it adds to a host */
	double mem_mb;		/* a whole number; 0: not known */
	int16_t cost_exp, load_exp, above_exp;
	uint16_t cost_below, load_below;	/* what is kept as 0 is so
						 * many units below 0 */
	uint16_t least;		/* of its costs; VMF_COST_NONE: none */
	bool place;		/* a host has to be chosen */
	bool lifted;		/* see vmf_occupancy_lift */
};

struct vmf_host {
	double room;		/* load x vCPUs that it may hold; INFINITY */
	double mem_mb;		/* memory that it may hold; INFINITY */
	int32_t cluster;	/* -1: not known */
	bool open;		/* may be chosen for VMs */
};

struct vmf_moves {
	struct vmf_limits limits;
	int64_t n, vm_cap;
	struct vmf_move *vm;
	uint16_t *cost;		/* n x n_starts */
	uint16_t *load;		/* n x n_steps, where keep_load */
	uint16_t *above;	/* n x n_steps, where keep_above; or */
	uint8_t *above8;	/* this, of more than VMF_FINE_STEPS */
	bool keep_load, keep_above;	/* the second needs the first */
	bool keep_mem;
	int64_t cost_cap, load_cap, above_cap, above8_cap;
	int64_t above_n;	/* values of either */
	/* the grid, the same for all: */
	int64_t first, slot_s;	/* of the first start */
	int64_t length_s;	/* of a move, where it has none of its own */
	int64_t n_starts;
	int64_t width;		/* of the longest move */
	int64_t start, step_s, n_steps;	/* of the forecasts */
	int32_t *begins;	/* by start, the step in which it is */
	struct vmf_host *host;
	int64_t n_hosts, host_cap;
	int32_t n_clusters, n_groups;
};

void vmf_moves_free(struct vmf_moves *m);

/* The grid is known (first to n_starts and start to n_steps, the caller's
 * to set): make the tables. VMs that were added before it have no start and
 * no load. */
int vmf_moves_grid(struct vmf_moves *m, struct vmf_err *e) VMF_CHECK;

/*
 * One more VM, whose entry the caller goes on to fill (its index is
 * m->n - 1): cost[k] is the mean load in the window that start k begins, NaN
 * where it must not start (NULL: nowhere); length_s is that of its move, or 0
 * for that of all; load, n_steps of expected load (NULL: none), is kept with
 * keep_load, and what risk, as many of its quantile, is above it with
 * keep_above.  A missing step counts as the greatest that is known.  With
 * limits.max_host_load loads below 0 count as 0.
 */
int vmf_moves_add(struct vmf_moves *m, const double *cost, int64_t length_s,
    const double *load, const double *risk, double vcpus, struct vmf_err *e)
    VMF_CHECK;

/*
 * All VMs and hosts are there, with keep_load: make sums of what VMs add to
 * the hosts that have a limit exact, in whatever order they come and go.  With
 * floating-point numbers they are as long as each is a multiple of one unit
 * and none is more than 2^53 of it; so factors are rounded up to multiples of
 * the least unit that will do, and a VM of which 1 part in 65,535 is more than
 * any host has room for counts for less than it is, but for too much.  That
 * matters where loads differ by many powers of ten.  A host that has room for
 * everything has no limit.  While plans are tried a host may have up to
 * VMF_OVER_MOST VMs too many.  sum is room for n_hosts doubles, all 0.
 */
void vmf_moves_exact(struct vmf_moves *m, double *sum);

/* Does VM i, from start k on to that host, what the plan before had not? */
static inline bool
vmf_moves_changes(const struct vmf_move *v, int64_t k, int32_t to)
{
	return (v->old_slot >= 0 && v->old_slot != k) ||
	    ((v->old_slot >= 0 || v->old_to >= 0) && v->old_to != to);
}

/* What a cost of VM v that is kept as q is. */
static inline double
vmf_moves_worth(const struct vmf_move *v, uint16_t q)
{
	return ldexp(q - v->cost_below, v->cost_exp);
}

/* A cost, or a sum of them, and a part of it more, also where it is below
 * 0. */
static inline double
vmf_more_by(double cost, double part)
{
	return cost * (cost < 0.0 ? 1.0 - part : 1.0 + part);
}

/* The cost of a start that is not VMF_COST_NONE, without hysteresis. */
double vmf_moves_cost(const struct vmf_moves *m, int64_t i, int64_t k);
/* With keep_load: the mean expected load of VM i in the window from start k
 * on; with keep_above and risk, that of its quantile. */
double vmf_moves_load(const struct vmf_moves *m, int64_t i, int64_t k,
    bool risk);

/* With keep_above: how much a quantile is above the load, in units of
 * 2^above_exp of its VM. */
static inline int
vmf_moves_above(const struct vmf_moves *m, int64_t at)
{
	return m->above != NULL ? m->above[at] : m->above8[at];
}

/* What VM i adds to a host in step t, with keep_load: load x vCPUs. */
static inline double
vmf_moves_used(const struct vmf_moves *m, int64_t i, int64_t t)
{
	int64_t at = i * m->n_steps + t;
	double x = m->load[at] * m->vm[i].factor;

	return m->keep_above ? x + vmf_moves_above(m, at) * m->vm[i].more : x;
}

static inline int64_t
vmf_moves_start(const struct vmf_moves *m, int64_t k)
{
	return m->first + k * m->slot_s;
}

/* The seconds of VM i's move. */
static inline int64_t
vmf_moves_length(const struct vmf_moves *m, int64_t i)
{
	return m->vm[i].length_s > 0 ? m->vm[i].length_s : m->length_s;
}

/* The first step after the one in which VM i's move ends, from start k. */
static inline int64_t
vmf_moves_left(const struct vmf_moves *m, int64_t i, int64_t k)
{
	return (vmf_moves_start(m, k) - m->start + vmf_moves_length(m, i) -
	    1) / m->step_s + 1;
}

#endif
