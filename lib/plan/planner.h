/* SPDX-License-Identifier: MIT */
/*
 * From a forecast stream to the plan of a fleet: all rows are read, the
 * moves are searched for together (plan/moves.h has the problem, plan/search.h
 * the method), and the rows of the plan written.
 *
 * Held are the forecast's scalar columns, and of each VM what moves.h says.
 */
#ifndef VMF_PLANNER_H
#define VMF_PLANNER_H

#include "plan/moves.h"
#include "plan/occupancy.h"
#include "plan/plan.h"
#include "plan/search.h"
#include "series/join.h"
#include "series/sorted.h"

#define VMF_PLAN_CPU_PARTS 65535.0	/* of 100 % */

struct vmf_planner {
	/* set by the caller before vmf_planner_open: */
	struct vmf_plan plan;		/* as for windows alone */
	struct vmf_limits limits;
	struct vmf_inventory *hosts;	/* NULL, or rows of hosts */
	const char *const *drain;	/* texts of names with commas */
	int n_drains;
	struct vmf_reader *old;		/* NULL, or the plan to replace */
	struct vmf_down_cost *down;	/* NULL, or what moves are like */
	/* counted: */
	int64_t n_stay;			/* VMs that --drain leaves alone */
	int64_t n_unknown;		/* without any known load */
	int64_t n_unsized;		/* without vcpus or mem_mb, and one of
					 * the limits needs it */
	int64_t n_nowhere;		/* without a host, and one of the limits
					 * counts what is on hosts */
	int64_t n_bare;			/* targets on which no VM is, where
					 * there is no inventory of hosts */
	const char *bare;		/* the first of them, of so many */
	int bare_len;			/* bytes; hosts_seen's */
	/* with a choice of targets: hosts of no known cluster, which no VM
	 * that has one may go to; and VMs of another cluster than their host
	 * (these also without) */
	int64_t n_no_cluster, n_other_cluster;
	int32_t no_cluster, other_cluster;	/* a host of each, in
					 * hosts_seen */
	int cpu_risk;			/* the list of the load of CPUs at risk
					 * where that is not the metric; -1:
					 * there is none */
	bool no_host_load;		/* max_load is not held on hosts: the
					 * metric is no load of CPUs */
	int64_t n_kept, n_changed;	/* moves of the old plan; those of VMs
					 * that are on their target, and that
					 * are no longer possible: */
	int64_t n_done, n_past;
	struct vmf_search search;
	/* the problem, to look at: */
	struct vmf_moves moves;
	struct vmf_occupancy room;
	/* private */
	int host, cluster, target, vcpus, mem_mb, group; /* columns, or -1 */
	bool counts_hosts;
	int64_t n_no_vcpus, n_no_mem;	/* of n_unsized */
	struct vmf_dict hosts_seen, clusters, groups;
	int64_t n_listed;		/* hosts of the inventory */
	struct vmf_host_state *state;
	int64_t state_cap;
	struct vmf_batch *kept;		/* rows of the plan, as far as known */
	int64_t n_kept_batches, kept_cap;
	struct vmf_schema kept_schema;
	int32_t *row_vm;		/* VM of each of these rows */
	int64_t n_rows, row_cap;
	struct vmf_dict predicted;	/* what moves are like, as bytes of
					 * down->n_loads entries: alike of
					 * VMs that are alike */
	int32_t *like;			/* by VM, which of them */
	int64_t like_cap;
	struct vmf_windows cpu;		/* of the row in hand, where the load
					 * of CPUs is not the metric */
	uint16_t *cpu_load;		/* then, by VM and start, in parts of
					 * VMF_PLAN_CPU_PARTS of it */
	int64_t cpu_load_cap;
	int32_t *wave;			/* by start */
	struct vmf_choice *other;	/* alternatives of a VM */
	int64_t other_cap;
	struct vmf_old_plan {
		struct vmf_sorted at;		/* its rows */
		int start, rank, target;	/* columns */
	} before;
};

/* As vmf_plan_open. */
int vmf_planner_open(struct vmf_planner *p, struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;
/* Take row i of the forecast's batch in hand.  A VM whose size is not known,
 * where a limit needs that, must not be moved, and counts as little as a VM
 * can (1 vCPU, no memory). */
int vmf_planner_row(struct vmf_planner *p, int64_t i, struct vmf_err *e)
    VMF_CHECK;
/* All rows are in: search.  VMF_EDATA where no VM has a size that a limit
 * needs, or a host to be drained is unknown. */
int vmf_planner_solve(struct vmf_planner *p, struct vmf_err *e) VMF_CHECK;
/* Append the plan's rows of row k (from 0, of p->n_rows) to out. */
int vmf_planner_put(struct vmf_planner *p, int64_t k, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
/* After solve: how the VM called id got its place, in words; VMF_EDATA where
 * there is no such VM. */
int vmf_planner_explain(struct vmf_planner *p, const char *id, int64_t len,
    struct vmf_buf *text, struct vmf_err *e) VMF_CHECK;
void vmf_planner_free(struct vmf_planner *p);

#endif
