/* SPDX-License-Identifier: MIT */
/*
 * Probabilities of events: models of the whole fleet, one an algorithm and
 * target.  What the algorithm's quantiles say is calibrated on windows of the
 * past; xgboost has trees on top, of logistic loss.
 */
#ifndef VMF_RISK_H
#define VMF_RISK_H

#include "forecast/global.h"
#include "forecast/target.h"

extern const struct vmf_global_ops vmf_risk_ops;

/* Of fewer windows (vmf_global.n_rows) nothing is calibrated: a probability is
 * what quantiles say. */
#define VMF_RISK_FIT_MIN 50

/* Room that is reused; { 0 } to begin with. */
struct vmf_risk_room {
	struct vmf_forecast *f;
	struct vmf_problem *p;
	struct vmf_window *w;
	int64_t *row;
	int64_t f_cap, n_f, p_cap, w_cap, row_cap;
};
void vmf_risk_room_free(struct vmf_risk_room *r);

/*
 * The probability that g's event comes, for n problems of its metric: odds[i],
 * or NaN where there is none (nothing known of the series).  Their forecasts
 * f are not looked at; side is g's, where it has sides.  Fits that are not
 * known are made, and not kept.
 */
int vmf_risk_many(const struct vmf_global *g, const struct vmf_problem *p,
    int64_t n, struct vmf_risk_room *r, struct vmf_many *m, float *prob,
    struct vmf_err *e) VMF_CHECK;

#endif
