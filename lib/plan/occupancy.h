/* SPDX-License-Identifier: MIT */
/*
 * Who moves when, and what room that leaves: the counts of moves at once,
 * the load of every host, and who is on the way to it.  Every plan that is
 * made through these functions keeps the limits of vmf_moves.
 */
#ifndef VMF_OCCUPANCY_H
#define VMF_OCCUPANCY_H

#include "base/rng.h"
#include "plan/moves.h"

/* What may keep a VM from a start; counted for a reason in words. */
enum vmf_obstacle {
	VMF_BY_HOST,
	VMF_BY_TARGET,
	VMF_BY_CLUSTER,
	VMF_BY_TOTAL,
	VMF_BY_LOAD,
	VMF_BY_MEM,
	VMF_BY_GROUP,
	VMF_N_OBSTACLES
};

struct vmf_choice {
	int32_t slot, to;	/* to: -1 where the VM has no target */
	double cost;		/* hysteresis included */
};

struct vmf_occupancy {
	struct vmf_moves *m;
	int64_t n_placed;
	double cost;		/* of those placed, hysteresis included */
	/* private */
	int64_t n_slots;
	uint16_t *out, *in;		/* by host and slot */
	int32_t *cluster;		/* by cluster and slot */
	int32_t *total;			/* by slot */
	double *load;			/* by host and step */
	double *mem;			/* by host and slot, MB */
	double *load_top, *mem_top;	/* by host: never more than this */
	int32_t *in_head, *in_next, *in_prev;	/* VMs on the way to a host */
	int32_t *at_head, *at_next, *at_prev;	/* VMs by start */
	int32_t *member, *member_from;	/* VMs of a group */
	int32_t *open, *open_from;	/* hosts to choose from, by cluster */
	int64_t *turn;			/* whose turn it is of these */
	uint8_t *full, *full_to;
};

/* All VMs where they are, none placed.  m must stay; its entries' slot and
 * to are this one's to set from here on. */
int vmf_occupancy_open(struct vmf_occupancy *o, struct vmf_moves *m,
    struct vmf_err *e) VMF_CHECK;
void vmf_occupancy_free(struct vmf_occupancy *o);

/* The cost of a choice, hysteresis included. */
double vmf_occupancy_cost(const struct vmf_occupancy *o, int64_t i,
    int64_t slot, int32_t to);

/* Place VM i, which is not; or take it back.  Neither checks a limit. */
void vmf_occupancy_put(struct vmf_occupancy *o, int64_t i, int32_t slot,
    int32_t to);
void vmf_occupancy_take(struct vmf_occupancy *o, int64_t i);
/* VM i, which is not placed, needs no room where it is either, and keeps
 * nobody of its group away; until it lands, which has to be before it is
 * placed.  Where it has no room while others are lifted it has none when they
 * have come down, wherever that is. */
void vmf_occupancy_lift(struct vmf_occupancy *o, int64_t i);
void vmf_occupancy_land(struct vmf_occupancy *o, int64_t i);
/* A VM that VM i, staying (or until its own move ends, if it has a target)
 * where it is, leaves no room for on i's host: once i was taken back it must
 * be too, and this be asked again; -1: none. */
int64_t vmf_occupancy_ousted(const struct vmf_occupancy *o, int64_t i);

/*
 * The cheapest choice for VM i, which is not placed, within all limits and
 * with no start after last; of equal ones the first start, and of hosts the
 * next in turn.  price[k], where it is not NULL, is added to the cost of start
 * k (but not to c->cost).  With rng choices are passed over now and then, and
 * hosts are tried in random order; at most max_hosts of them.  False where
 * there is none.
 */
bool vmf_occupancy_best(struct vmf_occupancy *o, int64_t i, int64_t last,
    const double *price, struct vmf_rng *rng, int64_t max_hosts,
    struct vmf_choice *c);

/* The cheapest choices for VM i, which is not placed, within all limits, what
 * others need on its host aside: up to most of them, by cost, at no more than
 * max_hosts of its targets.  Returns how many. */
int64_t vmf_occupancy_choices(struct vmf_occupancy *o, int64_t i,
    struct vmf_rng *rng, int64_t max_hosts, struct vmf_choice *list,
    int64_t most);

/* Do the counts of moves at once, those of targets aside, leave VM i, which is
 * placed, a cheaper start than its own, or one before it that costs as much?
 * Where they do not, nor does anything else. */
bool vmf_occupancy_could(struct vmf_occupancy *o, int64_t i);

/* Hosts that VM i may go to, *n of them: its target (-1: none has to be), or
 * those to choose from: of its cluster, where that is known. */
const int32_t *vmf_occupancy_targets(const struct vmf_occupancy *o,
    int64_t i, int64_t *n);

/* Within all limits, what others need on i's host aside? */
bool vmf_occupancy_fits(struct vmf_occupancy *o, int64_t i, int32_t slot,
    int32_t to);

/* The same for the counts of moves alone, neither loads nor groups; and which
 * of them keeps VM i from there, an enum vmf_obstacle, or -1. */
bool vmf_occupancy_counts(const struct vmf_occupancy *o, int64_t i,
    int32_t slot, int32_t to);
int vmf_occupancy_counted(const struct vmf_occupancy *o, int64_t i,
    int32_t slot, int32_t to);
/* And for all but the counts: the first start from which on VM i, which is not
 * placed, may come to host to; n_starts: none. */
int64_t vmf_occupancy_room_from(struct vmf_occupancy *o, int64_t i,
    int32_t to);
/* Has the target of VM i, which is placed, room for it and all the others on
 * it, and is no VM of its group there? */
bool vmf_occupancy_holds(const struct vmf_occupancy *o, int64_t i);

/* Add to count what keeps VM i, which is not placed, from those of its
 * starts that cost less than below: each start counts once, for the first
 * obstacle.  Returns how many such starts there are. */
int64_t vmf_occupancy_obstacles(struct vmf_occupancy *o, int64_t i,
    double below, int64_t count[VMF_N_OBSTACLES]);

#endif
