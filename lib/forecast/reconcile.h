/* SPDX-License-Identifier: MIT */
/*
 * Forecasts of VMs that add up to that of their host (or cluster).
 *
 * A host is forecast on its own as well, and better than the sum of its VMs
 * where these go up and down together; but a planner that moves VMs needs
 * both to say the same.  Of a VM i with c vCPUs, x is the expected load in a
 * step and s its deviation, by the distance of the outermost quantiles; of the
 * host y, over its VMs' vCPUs C, and w.  What adds up and is nearest to all of
 * these by generalized least squares is, in closed form,
 *
 *   x_i' = x_i + k_i d / (C^2 w^2 + Q),   d = C y - sum c_i x_i,
 *   C y' = sum c_i x_i + Q d / (C^2 w^2 + Q) = sum c_i x_i',
 *
 * where k_i is the covariance of x_i's error with that of the VMs' sum, and Q
 * = sum c_i k_i the sum's variance: MinT (Wickramasuriya, Athanasopoulos and
 * Hyndman, "Optimal Forecast Reconciliation for Hierarchical and Grouped Time
 * Series Through Trace Minimization", 2019), with errors of the VMs that have
 * one correlation,
 *
 *   k_i = (1 - r) c_i s_i^2 + r s_i sum c_j s_j.
 *
 * How much VMs do together the host's own forecast tells: r is that with which
 * the sum is as sure as it, C^2 w^2 = Q, as both have seen the same past; 0
 * where it is surer than if they had nothing in common, and 1 where it is less
 * sure than if they were one.
 *
 * A VM stays between 0 and 100 % (and where it was, if that is more): what
 * would be beyond is taken from the others, by the room that they have, and
 * where they have none the host's is what its VMs add up to.  Quantiles are
 * multiplied as their expected value is.
 *
 * Memory: six doubles a host and step.  The forecast of the VMs is read three
 * times, that of the hosts once more where it is wanted.
 */
#ifndef VMF_RECONCILE_H
#define VMF_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "forecast/quantile.h"
#include "series/series.h"

/* A metric's lists in a forecast. */
struct vmf_banded {
	int mean;
	int q[VMF_QUANTILES_MAX], n_q;
	int lo, hi;		/* the outermost */
	double apart;		/* of a normal distribution's, in deviations */
};

struct vmf_reconcile {
	/* set by the caller: */
	struct vmf_series *vms, *totals;	/* open, of kind forecast; of
				 * totals an id is a host's or cluster's */
	const char *metric;
	const char *by;		/* the column that says which: "host" */
	/* counted: */
	int64_t n_vms, n_alone, n_blank;	/* in no total that is
				 * forecast; without a forecast */
	int64_t n_totals, n_idle;	/* idle: without VMs */
	int64_t n_short;	/* totals that their VMs cannot reach in some
				 * step */
	/* private */
	struct vmf_banded of_vm, of_total;
	int group, vcpus;
	bool percent;
	struct vmf_dict names;
	int64_t h, start;	/* 0: no forecast has been seen yet */
	int64_t cells, cell_cap;
	struct vmf_total {
		double y, aim;	/* aim: variance first; y: then what is
				 * given by deviation */
		double cpus, sum, give, room;	/* give: by variance; room:
				 * the sum of deviations first */
	} *cell;		/* by total and step */
	double *x, *v;		/* of the row in hand */
	int64_t x_cap, v_cap;
	double *item;
	float *item32;
	int64_t item_cap, item32_cap;
};

/*
 * Read all of the totals, and make the schema of the result, which is that of
 * the VMs' forecast; s is { 0 }.  VMF_EUSAGE or VMF_EDATA say which column or
 * quantile is missing.  A metric whose unit is % (or not known) is weighed by
 * the column vcpus; any other adds up as it is, without an upper bound.
 */
int vmf_reconcile_open(struct vmf_reconcile *r, struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;
/* The three passes, each a batch in hand of r->vms at a time.  Between the
 * first and the second comes vmf_reconcile_aim, between the second and the
 * third vmf_reconcile_close. */
int vmf_reconcile_sum(struct vmf_reconcile *r, struct vmf_err *e) VMF_CHECK;
void vmf_reconcile_aim(struct vmf_reconcile *r);
int vmf_reconcile_clip(struct vmf_reconcile *r, struct vmf_err *e) VMF_CHECK;
void vmf_reconcile_close(struct vmf_reconcile *r);
int vmf_reconcile_put(struct vmf_reconcile *r, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
/* Instead of the third: the batch in hand of r->totals, which was opened anew,
 * as the VMs' add up to it. */
int vmf_reconcile_put_totals(struct vmf_reconcile *r, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
/* The schema of that; s is { 0 }. */
int vmf_reconcile_totals_schema(struct vmf_reconcile *r,
    struct vmf_schema *s, struct vmf_err *e) VMF_CHECK;
void vmf_reconcile_free(struct vmf_reconcile *r);

#endif
