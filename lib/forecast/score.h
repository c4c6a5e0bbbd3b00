/* SPDX-License-Identifier: MIT */
/*
 * Scores of forecasts.  A struct vmf_score holds sums over points, which
 * add; scores are made of them at the end, always in the same order.
 *
 * A point is a step whose actual value is known and for which there is a
 * forecast.  All scores but the regret are of the nine quantiles 0.1, 0.2,
 * ..., 0.9; q50 is the point forecast.
 */
#ifndef VMF_SCORE_H
#define VMF_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "forecast/forecast.h"

#define VMF_SCORE_LEVELS 9
#define VMF_SCORE_MEDIAN 4
/* 0.1 to 0.9. */
extern const struct vmf_quantiles vmf_score_levels;

struct vmf_score {
	int64_t n_points;
	int64_t n_missed;	/* actual known, but no forecast */
	int64_t n_windows;	/* forecasts with a point */
	double abs_actual;	/* sum of |actual| */
	double abs_err;		/* sum of |actual - q50| */
	double pinball;		/* sum of 2 x pinball loss, mean of levels */
	double covered;		/* sum of the PIT's share in [0.1, 0.9] */
	int64_t n_ratio;	/* points of MASE */
	double ratio;		/* sum of |error| / scale */
	/* points that the reference has as well: */
	int64_t n_paired;
	double own_pinball, ref_pinball, ref_actual;
	/* windows to choose in, of forecasts with a choice: */
	int64_t n_regret;
	double regret, ref_regret;
};

/*
 * Mean |y(t) - y(t - season)| where both are known: the scale of MASE
 * (Hyndman and Koehler, "Another look at measures of forecast accuracy",
 * 2006).  NaN when there is no such pair.
 */
double vmf_score_scale(const double *y, int64_t n, int64_t season);

/*
 * The true mean of the window that the expected load would choose, less the
 * least true mean: into *regret.  Windows are width steps long and begin at
 * any step; one with a missing actual is left out, and of equal ones the
 * earliest is chosen.  False where there is none to choose.
 */
bool vmf_score_regret(const double *actual, const float *expected, int64_t h,
    int64_t width, double *regret);

/*
 * Add one forecast f, of the levels vmf_score_levels, and what became of it:
 * actual[t] for its steps, NaN where not known.  ref (or NULL) is the
 * reference's forecast of the same steps.  Points count towards MASE where
 * scale is above 0.
 */
void vmf_score_window(struct vmf_score *s, const double *actual,
    const struct vmf_forecast *f, const struct vmf_forecast *ref,
    double scale, int64_t width);
void vmf_score_add(struct vmf_score *to, const struct vmf_score *s);

/* Scores; NaN where they are not defined. */
double vmf_score_mase(const struct vmf_score *s);
double vmf_score_crps(const struct vmf_score *s);
double vmf_score_nd(const struct vmf_score *s);
double vmf_score_mae(const struct vmf_score *s);
double vmf_score_coverage80(const struct vmf_score *s);
/* The reference's CRPS on the points that both have. */
double vmf_score_crps_ref(const struct vmf_score *s);
/* Own CRPS over the reference's, on these points. */
double vmf_score_crps_rel(const struct vmf_score *s);
/* Own regret over the reference's, on the same windows. */
double vmf_score_regret_rel(const struct vmf_score *s);
double vmf_score_regret_mean(const struct vmf_score *s);

/*
 * An interval for a ratio of sums over VMs, by the Poisson bootstrap: each
 * of VMF_BOOT_N replicates takes each VM a Poisson(1) number of times
 * (Chamandy, Muralidharan, Najmi and Naidu, "Estimating Uncertainty for
 * Massive Data Streams", Google, 2012).  The sums are all that is kept,
 * however many VMs there are.  The draws depend on a VM's number alone.
 */
#define VMF_BOOT_N 1000
/* Of fewer VMs the draws tell nothing. */
#define VMF_BOOT_VMS 10
struct vmf_boot {
	int64_t n_vms;
	double num[VMF_BOOT_N], den[VMF_BOOT_N];
};
struct vmf_boot_weights {
	double w[VMF_BOOT_N];
};
/* How often each replicate takes VM number vm (0, 1, ...). */
void vmf_boot_draw(struct vmf_boot_weights *w, int64_t vm);
/* The same weights for numerator and denominator: they are paired. */
void vmf_boot_add(struct vmf_boot *b, const struct vmf_boot_weights *w,
    double num, double den);
/* The middle 95 % of the replicates' ratios; NaN where fewer than half of
 * them have one, or there are fewer than VMF_BOOT_VMS VMs. */
void vmf_boot_interval(const struct vmf_boot *b, double *lo, double *hi);

#endif
