/* SPDX-License-Identifier: MIT */
/*
 * What a model of downtimes says of the VMs of a forecast, for the planner:
 * downtime and length of a move as they depend on the load there.
 */
#ifndef VMF_DOWNTIME_COST_H
#define VMF_DOWNTIME_COST_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "downtime/downtime_rows.h"

#define VMF_DOWN_LOADS 5	/* 0, 25 ... 100 % */

struct vmf_predicted {
	float downtime_ms, downtime_p90_ms;
	float total_ms, total_p90_ms;
};

struct vmf_down_cost {
	/* set by the caller before vmf_down_cost_open: */
	struct vmf_downtime *m;
	const char *metric;
	double per_s;		/* cost of a second of median downtime */
	double per_min;		/* of a minute of median length */
	double budget_ms;	/* of downtime's p90; NaN: any */
	bool auto_length;	/* a move is as long as its p90 */
	/* told after it: */
	const char *load_of;	/* the list that is the load of CPUs: the
				 * metric, or else cpu_mean; NULL: none */
	int64_t n_partial;	/* rows without memory, load or vCPUs that
				 * moves had */
	int64_t n_strange;	/* rows of a workload of which no move is
				 * known */
	int64_t n_far;		/* rows of which another fact is unlike that
				 * of any move known */
	int64_t n_unrated;	/* rows with a dirty rate, which no move had */
	int64_t n_diverge;	/* rows whose pre-copy will not converge, by
				 * arithmetic */
	/* private */
	enum vmf_outcome downtime;	/* the hypervisor's, or else the
					 * guest's where that alone is known */
	int n_loads;		/* 1: load is no fact to the model, or not
				 * in the forecast's lists */
	bool apart;		/* load_of is not the metric */
	struct vmf_down_view view;
	struct vmf_predicted *row;	/* of the batch, n_loads a row */
	double *mean;		/* of the batch, a row's mean load */
	double *length_ms;	/* with auto_length, p90 of its move at that */
	struct vmf_facts *own;	/* of the batch, a row's own */
	struct vmf_facts *f, *once;	/* of all; each that differs once */
	const struct vmf_facts **order;
	int64_t *at;			/* which of those that differ */
	double (*q)[VMF_DOWN_LEVELS];
	uint8_t *strange;		/* of those that differ */
	struct vmf_precopy *pre;	/* of the batch, how a row's move goes
					 * by arithmetic alone */
	int64_t row_cap, mean_cap, length_cap, own_cap;
	int64_t f_cap, once_cap, order_cap, at_cap, q_cap, strange_cap, pre_cap;
};

/* r is the forecast, and kept until the end. */
void vmf_down_cost_open(struct vmf_down_cost *d, const struct vmf_reader *r);
/* Foretell all rows of a batch; at row i, d->n_loads entries from
 * d->row[i * d->n_loads] on. */
int vmf_down_cost_batch(struct vmf_down_cost *d, const struct vmf_batch *b,
    struct vmf_err *e) VMF_CHECK;
/* One row's entries at a load, linear between the loads there are. */
struct vmf_predicted vmf_predicted_at(const struct vmf_predicted *f,
    int n_loads, double load);
/* What of the two that are predicted no move has told, so that it is by
 * arithmetic, in words; "": both were learned. */
const char *vmf_down_cost_unlearned(const struct vmf_down_cost *d);
/* How long the VM of the batch's row i is stopped, by arithmetic, because its
 * pre-copy will not converge, in ms; 0: it will. */
double vmf_down_cost_stopped(const struct vmf_down_cost *d, int64_t i);
/* Why what is predicted of the batch's row i is less sure than it might be, in
 * words: facts that moves had and it has not, a workload of which no move is
 * known, what is by arithmetic, pre-copy that will not converge.  "": nothing.
 * Less than VMF_DOWN_DOUBTS bytes. */
#define VMF_DOWN_DOUBTS (VMF_DOWN_WHY + 320)
void vmf_down_cost_doubts(const struct vmf_down_cost *d, int64_t i,
    char *text, size_t size);
/* What is added to the cost of a start. */
double vmf_down_cost_of(const struct vmf_down_cost *d,
    const struct vmf_predicted *f);
/* The other way round: the load whose cost, with what is added for a row of
 * entries f, is within error of cost; of several the one nearest to near, and
 * where there is none that itself. */
double vmf_down_cost_load(const struct vmf_down_cost *d,
    const struct vmf_predicted *f, double cost, double error, double near);
/* With auto_length: the p90 of the length of a move in whole minutes, at the
 * row's mean load in whole per cent, both rounded up. */
int64_t vmf_down_cost_length(const struct vmf_down_cost *d, int64_t i);
void vmf_down_cost_free(struct vmf_down_cost *d);

#endif
