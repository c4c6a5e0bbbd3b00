/* SPDX-License-Identifier: MIT */
/*
 * The gate of auto, shared by the fleet: what the parts of a VM's forecast
 * count is drawn to what the fleet's and its cluster's VMs (cluster.h) lost by
 * them; and a small network sees what the parts say of a lead, and trusts
 * them more or less than all that does.  Both are learned from windows of the
 * past, as the other models of the whole fleet are (global.h), and used inside
 * of kq.
 *
 * Parts are the families of kq's members and, last, the other algorithms'
 * forecast.
 */
#ifndef VMF_GATE_H
#define VMF_GATE_H

#include <stdint.h>

#include "forecast/cluster.h"
#include "forecast/global.h"
#include "forecast/kq_mix.h"
#include "learn/mixer.h"

enum { VMF_GATE_OTHER = VMF_KQ_FAMILIES,
    VMF_GATE_PARTS = VMF_KQ_FAMILIES + 1,
    VMF_GATE_LEADS = 12,	/* of a window, to learn from */
    VMF_GATE_NETS = 3, VMF_GATE_DECILES = 9,
    /* Kinds of leads, that tilts are of: groups, and clusters. */
    VMF_GATE_GROUPS = 4, VMF_GATE_KINDS = VMF_GATE_GROUPS + VMF_CLUSTERS };
_Static_assert((int)VMF_GATE_PARTS == (int)VMF_MIXER_PARTS, "one a part");

/* What the parts say of a lead: quantiles at vmf_kq_levels, and what they
 * count in the mixture and in that of the median. */
struct vmf_kq_part {
	int64_t lead;			/* from 0 */
	struct vmf_trait trait;		/* of the past */
	float q[VMF_GATE_PARTS][VMF_KQ_LEVELS];
	float mass[2][VMF_GATE_PARTS];
	/* at what levels the mixture is asked for the nine deciles, where
	 * parts are asked for */
	double level[VMF_GATE_DECILES];
};
/* Some leads of a forecast, asked for by lead, ascending, and filled in. */
struct vmf_kq_parts {
	int n;
	struct vmf_kq_part at[VMF_GATE_LEADS];
};

/* Floats alone. */
struct vmf_gate {
	struct vmf_mixer net[VMF_GATE_NETS];
	/* of the rows that it was learned from: mean masses without and with
	 * it, and what it took off the loss of the newest, as a share */
	float mass[2][VMF_GATE_PARTS], gain;
	float part;			/* of what the networks say: is done */
	/* Before the networks: tilts of the masses in the mixture (not in
	 * that of the median), of the fleet by groups of leads, and of
	 * clusters, which add up; mean masses in each cluster without and
	 * with them; and what they took off the loss, 0 where there are
	 * none. */
	struct vmf_clusters clusters;
	float tilt[VMF_GATE_KINDS][VMF_GATE_PARTS];
	float cluster[2][VMF_CLUSTERS][VMF_GATE_PARTS], cluster_gain;
	/* How much wider intervals of a cluster are, at their lower and their
	 * upper end, as vmf_kq_widen has it; and what that took off the loss
	 * of all deciles but the median, 0 where it is not done. */
	float wider[2][VMF_CLUSTERS], wider_gain;
};

/* How much wider the interval of a VM of these traits is to be at its lower
 * end (and its upper one). */
double vmf_gate_wider(const struct vmf_gate *g, struct vmf_trait t,
    bool upper);

/* What each part's mass in the mixture, and in that of the median, is
 * multiplied by; day is in steps. */
void vmf_gate_factors(const struct vmf_gate *g, const struct vmf_kq_part *p,
    int64_t day, float factor[2][VMF_GATE_PARTS]);
/* The name of part k. */
const char *vmf_gate_part(int k);
/* Of a blob, which may be anything: VMF_EDATA. */
int vmf_gate_get(struct vmf_gate *g, const void *blob, int64_t bytes,
    struct vmf_err *e) VMF_CHECK;

extern const struct vmf_global_ops vmf_gate_ops;

#endif
