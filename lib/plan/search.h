/* SPDX-License-Identifier: MIT */
/*
 * The search for a plan: greedy insertion at shadow prices, then ruin and
 * recreate.
 *
 * First every VM takes its cheapest start within the limits, those first
 * that would lose most by their second choice; prices of what is scarce
 * (plan/price.h) keep the first from taking what others need more.  Then, as
 * in Schrimpf et al., "Record Breaking Optimization Results Using the Ruin
 * and Recreate Principle" (2000), and Christiaens and Vanden Berghe, "Slack
 * Induction by String Removals for Vehicle Routing Problems" (2020), a few
 * VMs that stand in each other's way are taken back and placed again, in
 * another order; the change is kept when it places more VMs, or as many at a
 * cost that simulated annealing allows.  Where who leaves makes room, some
 * rounds place a few VMs as is best for all of them (plan/exact.c), and few
 * VMs are moved, one by one, through plans that break limits as well
 * (plan/relax.c).  The best plan that was seen is the answer, after a last
 * pass in which each VM moves alone.
 *
 * Tight plans of few VMs end where chance has it: they are searched for a few
 * times, unless the second search ends as the first, and the best is taken.
 * All random numbers come from seeds that are always the same, and one thread
 * makes all changes of a search: the same problem gives the same plan.
 */
#ifndef VMF_SEARCH_H
#define VMF_SEARCH_H

#include "plan/occupancy.h"

struct vmf_search {
	/* set by the caller: */
	int64_t max_rounds;	/* of a search; 0: by the number of VMs */
	int64_t searches;	/* 0: more than one where that may pay */
	int threads;		/* that these share; 0: one */
	void (*tell)(void *arg, const char *text);	/* progress, or NULL */
	void *tell_arg;
	/* filled: */
	int64_t rounds;		/* of ruin and recreate, in all */
	double bound;		/* no plan that places all of these VMs costs
				 * less; NaN where some are not placed */
	double first_cost;	/* before the rounds, and of how many VMs */
	int64_t first_placed;
};

/* Plan all VMs of m, none of which is placed: afterwards each entry's slot
 * and to are its place in the plan, and o, which is { 0 } before and the
 * caller's to free, is in step with them.  m must stay as long as o. */
int vmf_search(struct vmf_search *s, struct vmf_occupancy *o,
    struct vmf_moves *m, struct vmf_err *e) VMF_CHECK;

#endif
