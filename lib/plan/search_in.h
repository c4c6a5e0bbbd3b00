/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the search share: the state of it, ruin (who is taken
 * back in a round) and recreate (how they are placed again).
 */
#ifndef VMF_SEARCH_IN_H
#define VMF_SEARCH_IN_H

#include "plan/search.h"

#define VMF_ASSIGN_MOST 40	/* VMs that places are assigned to at once */
#define VMF_EXACT_MOST 7	/* VMs that are placed again as is best */
#define VMF_EXACT_CHOICES 128	/* of each of them */
#define VMF_NOT_HERE 1e12	/* the cost of a place that is not for a VM */

/* A VM's place before the round. */
struct vmf_change {
	int32_t vm, slot, to;
};

struct vmf_state {
	struct vmf_occupancy *o;
	struct vmf_moves *m;
	struct vmf_rng rng;
	struct vmf_change *log;	/* of the round, each VM once */
	int64_t n_log, log_cap;
	uint32_t *touched;	/* round in which a VM was logged last */
	uint32_t round;
	struct vmf_vm_list {		/* of VMs, with their places in it */
		int32_t *vm, *at;
		int64_t n;
	} sore, waiting;	/* not at their cheapest start; not placed */
	int32_t *order;		/* those to place again */
	int64_t n_order, order_cap;
	int32_t *stack;
	int64_t stack_cap;
	int64_t n_free;		/* VMs that can move */
	double loss;		/* mean, of a VM without its cheapest start */
	double bound;		/* what all VMs together cost at least */
	double *early;		/* prices of starts, room for them */
	float *spread;		/* what a VM may lose, and by how few starts */
	struct vmf_choice *choice;	/* VMF_EXACT_MOST x VMF_EXACT_CHOICES */
	int32_t *best_slot, *best_to;	/* the best plan that was seen, */
	int64_t best_placed;		/* which places so many VMs */
	double best_cost;
	int32_t *changed;	/* since the best, each VM once */
	bool *is_changed;
	int64_t n_changed;
	int32_t *host_vm;	/* VMs that can move, by host */
	int64_t *host_from;
	bool depends;		/* who leaves a host makes room on it */
};

/* ---- ruin ---- */

/* VM i is part of the round: its place is logged, it is to be placed. */
int vmf_ruin_log(struct vmf_state *s, int32_t i, struct vmf_err *e) VMF_CHECK;
/* Take back those that VM i leaves no room for on its host, those that these
 * leave none for, and so on. */
int vmf_ruin_oust(struct vmf_state *s, int32_t i, struct vmf_err *e)
    VMF_CHECK;
/* Take VM i back, and whom that leaves no room for. */
int vmf_ruin(struct vmf_state *s, int32_t i, struct vmf_err *e) VMF_CHECK;
/* Choose whom to take back in this round, about most VMs. */
int vmf_ruin_some(struct vmf_state *s, int64_t most, struct vmf_err *e)
    VMF_CHECK;
/* VM i and those that begin where it ends, where they end, and so on (way 1,
 * or -1 the other way round): they can only be shifted together. */
int vmf_ruin_chain(struct vmf_state *s, int32_t i, int64_t way,
    struct vmf_err *e) VMF_CHECK;
/*
 * Make way for VM i to a host, at some time: who is on the way there is taken
 * back, and who is to leave it, some of each; those that leave are placed
 * again first, so that they are gone by then, and then the VM.
 */
int vmf_ruin_make_way(struct vmf_state *s, int32_t i, int64_t most_hosts,
    struct vmf_err *e) VMF_CHECK;
/*
 * Two VMs that change places: neither can come before the other has left.  So
 * VM i is placed at once, some VMs leave its target if they can, to where it
 * was perhaps, and when that does not do it is taken back.
 */
int vmf_ruin_swap(struct vmf_state *s, int32_t i, int64_t most_hosts,
    struct vmf_err *e) VMF_CHECK;
/*
 * VM i goes to a host at some time, whatever the limits say: who is in the way
 * is taken back, or leaves first, as many as it takes; and those of them that
 * have no other place go the same way, a few in all.  So moves are found that
 * pass through plans which break a limit: ejection chains, as in Nagata and
 * Braysy, "A powerful route minimization heuristic for the vehicle routing
 * problem with time windows" (2009).
 */
int vmf_ruin_force(struct vmf_state *s, int32_t i, int64_t most_hosts,
    struct vmf_err *e) VMF_CHECK;
/*
 * Take back most of those that leave, or are on the way to, a few of the hosts
 * that VM i may go to, about most VMs: where a VM without a place needs several
 * others to go first, and these others.
 */
int vmf_ruin_hosts(struct vmf_state *s, int32_t i, int64_t most,
    struct vmf_err *e) VMF_CHECK;
/* Some start of VM i in from ... last, of so many drawn the cheapest; -1: at
 * none of them may it start. */
int64_t vmf_search_wish(struct vmf_state *s, int32_t i, int64_t from,
    int64_t last, int64_t draws);
/* Any host that VM i may go to, or -1. */
int32_t vmf_search_target(struct vmf_state *s, int64_t i);

/* ---- recreate: those of s->order that have no place ---- */

/* Where it is cheapest, one after the other. */
void vmf_recreate_best(struct vmf_state *s, struct vmf_rng *rng,
    int64_t max_hosts);
/* One of them anywhere: what is dear for it may be cheap for those that wait
 * for it to leave. */
void vmf_recreate_any(struct vmf_state *s);
/* Early, at a price of being late that is drawn: who is gone early makes
 * room. */
void vmf_recreate_early(struct vmf_state *s);
/* Each by slots later than it was. */
void vmf_recreate_shift(struct vmf_state *s, int64_t by);
/* The places that were given up, so that their costs are least. */
void vmf_recreate_assign(struct vmf_state *s);

/* ---- both ---- */

/* VM i has another place than before, or none. */
void vmf_search_note(struct vmf_state *s, int32_t i);
/* Does the present plan place more VMs than the best, or as many at a lower
 * cost?  Then it can be saved as the best. */
bool vmf_search_better(const struct vmf_state *s);
void vmf_search_save(struct vmf_state *s);
/*
 * So many steps of annealing from the present plan on, in which plans may
 * break limits at a price, and a place for a VM is worth so much.  Plans that
 * break none and are better than the best are saved, *gained where there was
 * one.  The last plan may break some: the caller goes back to the best.
 */
int vmf_search_relaxed(struct vmf_state *s, int64_t steps, double worth,
    bool *gained, struct vmf_err *e) VMF_CHECK;

/*
 * VM i, which can move, and a few others that have to do with it: placed
 * again so that their sum of costs is least and no more than allow above what
 * it is, where one that stays costs worth, and if fair what it costs at least
 * besides.  *found is false where no such places are known; then they stay
 * out, logged, for the caller to put back.
 */
int vmf_place_exactly(struct vmf_state *s, int32_t i, double worth, bool fair,
    double allow, bool *found, struct vmf_err *e) VMF_CHECK;

#endif
