/* SPDX-License-Identifier: MIT */
/*
 * Shadow prices of what is scarce, and a bound on all plans.
 *
 * The counts of moves at once are taken out of the problem and paid for: a
 * slot of the fleet, of a cluster, of a source or of a given target has a
 * price, and each VM takes the start whose cost and prices together are
 * least.  Whatever the prices (at least 0), the sum of these less prices
 * times limits is a lower bound of the cost of every plan that places all
 * these VMs (Geoffrion, "Lagrangean Relaxation for Integer Programming",
 * 1974).  Prices rise where more VMs want a slot than may have it and fall
 * where fewer do, by steps after Polyak, "Minimization of Unsmooth
 * Functionals" (1969), in directions that keep part of the last one (Camerini,
 * Fratta and Maffioli, "On Improving Relaxation Methods by Modified Gradient
 * Techniques", 1975); those of the greatest bound are kept.
 * Loads of hosts, groups and targets that are to be chosen cost nothing here.
 */
#ifndef VMF_PRICE_H
#define VMF_PRICE_H

#include "plan/moves.h"

struct vmf_prices {
	double bound;		/* of the prices below */
	/* private */
	const struct vmf_moves *m;
	struct vmf_scarce {	/* n x n_slots of each kind; NULL: no limit */
		float *price, *best, *way;	/* way: direction */
		int32_t *use;
		int64_t n, limit;
	} kind[4];
	int64_t n_slots;
	double *sum;		/* of prices, n_slots + 1 */
	double *window;		/* by start */
	int64_t of[3];		/* whose prices sum has: cluster, host and
				 * target; -2: nobody's */
	int32_t wide;		/* whose width window is for */
	int32_t *order;		/* VMs by host */
};

/* Find prices for all VMs of m that can move, in that many rounds; loss is
 * what VMs lose on average where they do not get their cheapest start.  p is
 * { 0 }. */
int vmf_prices_find(struct vmf_prices *p, const struct vmf_moves *m,
    double loss, int64_t rounds, struct vmf_err *e) VMF_CHECK;
/* The prices of VM i's starts, valid until the next call. */
const double *vmf_prices_of(struct vmf_prices *p, int64_t i);
/* The memory; the bound stays. */
void vmf_prices_free(struct vmf_prices *p);

#endif
