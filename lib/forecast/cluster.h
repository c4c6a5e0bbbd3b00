/* SPDX-License-Identifier: MIT */
/*
 * Clusters of VMs by what is known of each alone: its size within the fleet,
 * and how much its load varies about its mean.  A VM that the fleet did not
 * have is of the cluster that its numbers lie in.
 */
#ifndef VMF_CLUSTER_H
#define VMF_CLUSTER_H

#include <stdint.h>

#include "base/err.h"

enum { VMF_CLUSTER_SIZES = 3, VMF_CLUSTER_VARIES = 2,
    VMF_CLUSTERS = VMF_CLUSTER_SIZES * VMF_CLUSTER_VARIES,
    VMF_CLUSTER_NAME = 64 };

/* What a VM is told by: the mean of |y|, and the standard deviation over
 * it (the coefficient of variation). */
struct vmf_trait {
	float size, vary;
};
/* Of n values, NaN where missing; some is known.  vary of no load is 0. */
struct vmf_trait vmf_trait_of(const double *y, int64_t n);

/* Where one cluster ends and the next begins: at the fleet's quantiles. */
struct vmf_clusters {
	float size[VMF_CLUSTER_SIZES - 1], vary;
};
/* By n >= 1 traits, in any order; NaN is not among them. */
int vmf_clusters_find(struct vmf_clusters *c, const struct vmf_trait *t,
    int64_t n, struct vmf_err *e) VMF_CHECK;
/* From 0. */
int vmf_cluster_of(const struct vmf_clusters *c, struct vmf_trait t);
/* In words. */
void vmf_cluster_name(int cluster, char name[VMF_CLUSTER_NAME]);

#endif
