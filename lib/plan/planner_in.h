/* SPDX-License-Identifier: MIT */
/* What the parts of the planner share. */
#ifndef VMF_PLANNER_IN_H
#define VMF_PLANNER_IN_H

#include "plan/planner.h"

struct vmf_host_state {
	double cpus, mem_mb;	/* INFINITY: not given */
	int32_t cluster;	/* -1: not known */
	bool seen;		/* in the inventory, or a VM is on it */
	bool drained;
	bool has_vm, is_target;	/* of the forecast's rows */
};

/* The code of a host, new or old, with a state of its own; < 0: no memory. */
int32_t vmf_planner_add_host(struct vmf_planner *p, const char *name,
    int64_t len, struct vmf_err *e) VMF_CHECK;

/* What the move of VM i is like by load: down->n_loads entries. */
const struct vmf_predicted *vmf_planner_predicted(const struct vmf_planner *p,
    int64_t i);
/* The load of CPUs at which it is predicted in start k, where load is that by
 * which windows are compared. */
double vmf_planner_cpu(const struct vmf_planner *p, int64_t i, int64_t k,
    double load);

/* The plan before, beside the forecast: sorted by id as that is. */
int vmf_planner_old_open(struct vmf_planner *p, struct vmf_err *e) VMF_CHECK;
/* What it had for row i of the forecast's batch, into v, just added. */
int vmf_planner_old_row(struct vmf_planner *p, int64_t i, struct vmf_move *v,
    struct vmf_err *e) VMF_CHECK;
/* Read to its end. */
int vmf_planner_old_close(struct vmf_planner *p, struct vmf_err *e) VMF_CHECK;

#endif
