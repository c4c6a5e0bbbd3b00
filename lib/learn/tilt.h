/* SPDX-License-Identifier: MIT */
/*
 * How far to trust each part of a mixture of distributions in rows of a kind:
 * a factor exp(tilt) a part and kind, that masses are multiplied by.  A row is
 * of several kinds at once (so far ahead, from such a group of series), whose
 * tilts add up; what one kind's rows have in common beyond that of the others
 * is thus learned by these alone.
 *
 * The loss is that of mixer.h.  A pull of all tilts to 0, the same for each
 * kind, shrinks those of which few rows tell (ridge regression: Hoerl and
 * Kennard, 1970; as an estimate, a normal distribution of tilts around 0 that
 * is known before).
 */
#ifndef VMF_TILT_H
#define VMF_TILT_H

#include <stdint.h>

#include "base/err.h"
#include "learn/mixer.h"

enum { VMF_TILT_KINDS = 2 };	/* of a row */

struct vmf_tilt_rows {
	int64_t n;
	const struct vmf_mixer_row *row;	/* the first of its mixtures */
	const float *weight;		/* [n] what a row's loss counts */
	const uint8_t (*kind)[VMF_TILT_KINDS];	/* [n] */
};

/*
 * Learn tilt[k][part] of n_kinds kinds from rows, by Adam over all of them at
 * each step.  pull is that of a row of mean weight.  No rows, or none that
 * counts: all are 0.  The same rows in the same order give the same bits.
 */
int vmf_tilt_learn(float (*tilt)[VMF_MIXER_PARTS], int n_kinds,
    const struct vmf_tilt_rows *r, float pull, struct vmf_err *e) VMF_CHECK;
/* Mean loss of the rows by their weights; tilt NULL: without. */
double vmf_tilt_loss(float (*tilt)[VMF_MIXER_PARTS],
    const struct vmf_tilt_rows *r);

#endif
