/* SPDX-License-Identifier: MIT */
/*
 * The drivers over one lane of a block of VMF_TILE, as C++: what a thread of
 * a device runs.  Lane i of step t is [t * VMF_TILE + i] as in every block,
 * so that the threads of a warp read 256 bytes side by side.
 */
#ifndef VMF_LANES_STRIDED_H
#define VMF_LANES_STRIDED_H

#define VMF_TILE 32
#define VMF_STRIDE VMF_TILE

#include "kernel/lanes_body.h"

/* Lane i of b as a block of its own. */
VMF_HD struct vmf_block
lane_block(const struct vmf_block *b, int i)
{
	struct vmf_block lane = *b;

	lane.y += i;
	lane.first += i;
	lane.hold += i;
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		lane.par[m] += i;
		lane.f[m] += i;
		lane.sd[m] += i;
	}
	lane.room += i;
	return lane;
}

VMF_HD_FN void
fit_lane(const struct vmf_block *b, int i)
{
	struct vmf_block lane = lane_block(b, i);

	fit_block(&lane);
}

VMF_HD_FN void
predict_lane(const struct vmf_block *b, int i)
{
	struct vmf_block lane = lane_block(b, i);

	predict_block(&lane);
}

#endif
