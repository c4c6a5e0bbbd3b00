/* SPDX-License-Identifier: MIT */
/* The table of kernels, included once for each variant: VMF_KQ_OPS is set by
 * the file that does. */
#include "forecast/kq_kernel.h"
#include "forecast/kq_ops.h"

const struct vmf_kq_ops VMF_KQ_OPS = {
	.states = kq_states,
	.ages = kq_ages,
	.likeness = kq_likeness,
	.phases = kq_phases,
	.product = kq_product,
	.add = kq_add,
	.dot = kq_dot,
	.sorted = kq_sorted,
};
