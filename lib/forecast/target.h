/* SPDX-License-Identifier: MIT */
/*
 * Events that are to be predicted: that a metric is above a threshold in at
 * least one step of a part of the forecast.  Their parsing, whether one came,
 * what quantiles say of it, and the calibration of that.
 */
#ifndef VMF_TARGET_H
#define VMF_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "forecast/forecast.h"

#define VMF_TARGET_TEXT 256
/* Steps of the forecast where the text names none. */
#define VMF_TARGET_LEADS 48
#define VMF_TARGET_LEADS_MAX 10000

struct vmf_target {
	char text[VMF_TARGET_TEXT];	/* as it is written in models */
	char metric[128];
	double above;
	int64_t from, to;		/* steps, the first being 1 */
};

/*
 * Read "METRIC>X" or "METRIC>X@A-B": above X in one of the steps A to B of
 * the forecast; 1 to 48 where they are not named.  what names the option or
 * part in the message, of the given code.
 */
int vmf_target_parse(struct vmf_target *t, const char *text, int64_t len,
    const char *what, int code, struct vmf_err *e) VMF_CHECK;
struct vmf_targets {
	struct vmf_target *v;
	int n;
};
/* "T,T,...", none twice; text NULL: none. */
int vmf_targets_parse(struct vmf_targets *t, const char *text,
    const char *what, int code, struct vmf_err *e) VMF_CHECK;
/* "metric,...", and after it, with a NUL, metrics of targets that are not
 * among them. */
int vmf_targets_metrics(const struct vmf_targets *t, const char *metrics,
    struct vmf_buf *out, struct vmf_err *e) VMF_CHECK;
void vmf_targets_free(struct vmf_targets *t);

/* The column of a forecast: cpu_max>80@1-48 is cpu_max_gt80_1_48. */
void vmf_target_column(const struct vmf_target *t, char *buf, int64_t n);

/* Are all of its steps known, of y, h steps of the forecast's time, NaN where
 * missing? */
bool vmf_target_whole(const struct vmf_target *t, const double *y,
    int64_t h);
/* Did it come in one of those that are? */
bool vmf_target_came(const struct vmf_target *t, const double *y, int64_t h);

/*
 * What the forecast's quantiles at the nine levels 0.1 to 0.9 (its only ones)
 * say: the log odds of the step with the greatest probability, which would
 * be right if all steps went together, and of all steps if each went its own
 * way.  A quantile function is linear between levels and has exponential
 * tails.  y: of those steps alone that vmf_target_came looks at, so that what
 * came of a part of the window is learned from as that part; NULL: of all h.
 * False where a quantile is missing, or no step is left.
 */
bool vmf_target_odds(const struct vmf_target *t, const struct vmf_forecast *f,
    const double *y, int64_t h, double odds[2]);

/*
 * Calibration by logistic regression: log odds a + b odds[0] + c odds[1],
 * drawn to the mean of the two by the weight of a row (Platt, "Probabilistic
 * Outputs for Support Vector Machines", 1999; Newton's method).  odds is
 * [n][stride] of which the first two are used, came 0 or 1.
 */
void vmf_target_fit(const float *odds, int64_t stride, const float *came,
    int64_t came_stride, int64_t n, double abc[3]);
double vmf_target_calibrated(const double abc[3], const double odds[2]);

#endif
