/* SPDX-License-Identifier: MIT */
/* The table of kernels, included once for each variant: VMF_KQ_OPS is set by
 * the file that does. */
#include "kernel/kq_kernel.h"
#include "kernel/kq_ops.h"

const struct vmf_kq_ops VMF_KQ_OPS = {
	.states = kq_states,
	.variance = kq_variance,
	.likeness = kq_likeness,
	.factors = kq_factors,
	.moments = kq_moments,
	.weigh = kq_weigh,
	.losses = kq_losses,
	.blend = kq_blend,
	.total = kq_total,
	.powers = kq_powers,
	.lags = kq_lags,
	.dot = kq_dot,
	.runs = kq_runs,
};
