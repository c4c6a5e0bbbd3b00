/* SPDX-License-Identifier: MIT */
/*
 * A small network that says how far to trust each part of a mixture of
 * distributions, by numbers that describe them: one hidden layer of tanh, and
 * a factor exp(output) that the mass of each part is multiplied by, before
 * masses are made to add up to 1 again (a gate, as in Jacobs, Jordan, Nowlan
 * and Hinton, "Adaptive mixtures of local experts", 1991, that begins with
 * what is known of the experts).
 *
 * The loss is the continuous ranked probability score of the mixture, of
 * which the masses a are a quadratic form: sum a_k E|X_k - y| -
 * 1/2 sum a_k a_l E|X_k - X_l| (Gneiting and Raftery, "Strictly proper
 * scoring rules, prediction, and estimation", 2007, equation 21).  So a row
 * needs these expectations, and no distribution.
 */
#ifndef VMF_MIXER_H
#define VMF_MIXER_H

#include <stdint.h>

#include "base/err.h"

enum { VMF_MIXER_IN = 38, VMF_MIXER_HIDDEN = 16, VMF_MIXER_PARTS = 9,
    VMF_MIXER_OWN = 11,
    VMF_MIXER_PAIRS = VMF_MIXER_PARTS * (VMF_MIXER_PARTS + 1) / 2 };

/* What one distribution is learned from; floats alone. */
struct vmf_mixer_row {
	float own[VMF_MIXER_OWN];	/* the caller's: not looked at here */
	float x[VMF_MIXER_IN];
	/* masses of two mixtures of the same parts, and what the loss of
	 * each counts */
	float mass[2][VMF_MIXER_PARTS], weight[2];
	float miss[VMF_MIXER_PARTS];		/* E|X_k - y| */
	float apart[VMF_MIXER_PAIRS];	/* E|X_k - X_l|: k, then l <= k */
};

/* Floats alone. */
struct vmf_mixer {
	/* of each input: what is taken off it, and what it is multiplied by;
	 * it is then cut at -3 and 3 */
	float mid[VMF_MIXER_IN], per[VMF_MIXER_IN];
	float w1[VMF_MIXER_IN][VMF_MIXER_HIDDEN], b1[VMF_MIXER_HIDDEN];
	float w2[VMF_MIXER_HIDDEN][VMF_MIXER_PARTS], b2[VMF_MIXER_PARTS];
};

/* The outputs, before exp, added to tilt. */
void vmf_mixer_ask(const struct vmf_mixer *m, const float *x, float *tilt);
/* The loss of one of a row's mixtures, with its masses tilted, which are
 * made to add up to 1 into a[PARTS]; slope[PARTS] is that of the loss by a. */
float vmf_mixer_lose(const struct vmf_mixer_row *r, int which,
    const float *tilt, float *a, float *slope);
/* Mean loss of n rows, tilts being multiplied by part (0: without the
 * network) and the mean of those of n_nets. */
double vmf_mixer_loss(const struct vmf_mixer *m, int n_nets, float part,
    const struct vmf_mixer_row *row, int64_t n);
/* Add the gradient of one row's loss, by all but mid and per, to to; part
 * is 1. */
void vmf_mixer_gradient(const struct vmf_mixer *m,
    const struct vmf_mixer_row *row, struct vmf_mixer *to);
/*
 * Learn from n rows in so many passes, in batches of 512, by Adam (Kingma and
 * Ba, 2015) with a step that falls to 0 and a pull of all weights to 0.  The
 * same rows and seed give the same bits.
 */
int vmf_mixer_learn(struct vmf_mixer *m, const struct vmf_mixer_row *row,
    int64_t n, int passes, uint64_t seed, struct vmf_err *e) VMF_CHECK;

#endif
