/* SPDX-License-Identifier: MIT */
/*
 * What a plan did to hosts: their true loads after the moves, beside the limit
 * that the plan was to keep (vmf-window --max-host-load).  A VM is on its host
 * up to the step in which its move ends, and on its target from the one in
 * which it begins; a host is looked at from its first VM that came to the
 * forecast's end.
 */
#ifndef VMF_EVAL_HOSTS_H
#define VMF_EVAL_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "series/join.h"
#include "series/series.h"

struct vmf_eval_hosts {
	/* set by the caller before vmf_eval_hosts_open: */
	const struct vmf_inventory *inv;	/* rows of hosts, with cpus */
	double max_load;			/* % of all CPUs of a host */
	/* counted by vmf_eval_hosts_close: */
	int64_t n_hosts;	/* in inv, that VMs came to */
	int64_t n_over;		/* of them, above max_load in some step */
	int64_t n_steps_over;	/* their steps above it */
	double most;		/* the greatest load of any; NaN: none */
	/* private */
	int64_t start, step_s, h;	/* of the forecast */
	int host, vcpus;		/* columns of the series */
	double *cpus;			/* by host */
	double *used;			/* by host and step: load x vCPUs */
	int64_t *first;			/* by host, a step; h: nobody came */
};

/* A move of the plan, or none (start VMF_TIME_NONE). */
struct vmf_eval_move {
	int64_t start, end;
	const char *target;		/* NULL: not known */
	int64_t target_len;
};

/* s is open, of VMs with host and vcpus; the forecast has h steps from start
 * on.  VMF_EDATA where a column is missing, or cpus no number above 0. */
int vmf_eval_hosts_open(struct vmf_eval_hosts *o, const struct vmf_series *s,
    int64_t start, int64_t h, struct vmf_err *e) VMF_CHECK;
/* Add the VM in row i of the batch of s in hand, whose load is the list in
 * column col, where it was: a step that is missing has the mean of the
 * others.  VMF_EDATA where a VM on a host has no vCPUs. */
int vmf_eval_hosts_add(struct vmf_eval_hosts *o, struct vmf_series *s,
    int64_t i, int col, const struct vmf_eval_move *m, struct vmf_err *e)
    VMF_CHECK;
void vmf_eval_hosts_close(struct vmf_eval_hosts *o);
void vmf_eval_hosts_free(struct vmf_eval_hosts *o);

#endif
