/* SPDX-License-Identifier: MIT */
/*
 * What trees are told of one step of one series: numbers relative to what the
 * local algorithm says of it, so that VMs of all sizes look alike.
 *
 * The unit of a step is half of the local forecast's 80 % interval and a
 * tenth of the series' own scale; its zero is the local median.  VMs differ
 * in size by a thousand, and raw values lead trees nowhere.
 */
#ifndef VMF_FEATURES_H
#define VMF_FEATURES_H

#include <stdint.h>

#include "forecast/global.h"

enum { VMF_FEATURES_OWN = 53,		/* without sides and traits */
    VMF_FEATURES_SIDE = 4,		/* of each side */
    VMF_FEATURES_MAX = VMF_FEATURES_OWN + VMF_FEATURES_SIDE * VMF_SIDES_MAX +
	VMF_TRAITS_MAX };

/* Numbers of a model's rows. */
int vmf_features(const struct vmf_global *g);

enum { VMF_ROLLS = 7 };

/* What is so of a window, whatever the lead. */
struct vmf_features {
	const struct vmf_global *g;
	const struct vmf_window *w;
	double scale;			/* of the series; 0: nothing to say */
	double lag[3];
	double mean[VMF_ROLLS];		/* of hours and days back */
	double sd[2], max[2], min[2];	/* of a day and a week */
	double day_before;		/* mean of the day before the last */
	double small[2];		/* share of values near 0 */
	double by_season, by_step;	/* mean |change|, over scale */
	float side[VMF_FEATURES_SIDE * VMF_SIDES_MAX];
	double side_scale[VMF_SIDES_MAX];
};
void vmf_features_window(struct vmf_features *f, const struct vmf_global *g,
    const struct vmf_window *w);

/*
 * The row of a lead (from 0): x has room for vmf_features(g) numbers, NaN
 * where something is missing; base is the local forecast's nine quantiles and
 * its mean, less *zero and in *unit.  False where there is no unit: nothing
 * can be said.
 */
bool vmf_features_row(const struct vmf_features *f, int64_t lead, float *x,
    float base[10], double *zero, double *unit);

#endif
