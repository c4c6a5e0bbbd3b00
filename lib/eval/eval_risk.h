/* SPDX-License-Identifier: MIT */
/*
 * How good are probabilities of an event?  Sums, which add.
 */
#ifndef VMF_EVAL_RISK_H
#define VMF_EVAL_RISK_H

#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"

enum { VMF_RISK_BINS = 10, VMF_RISK_FINE = 2048 };

struct vmf_risk_score {
	int64_t n, came;
	double brier, log_loss;		/* sums */
	/* by probability: [b / 10, (b + 1) / 10) */
	int64_t bin_n[VMF_RISK_BINS], bin_came[VMF_RISK_BINS];
	double bin_p[VMF_RISK_BINS];
	/* by log odds, of those that did not come and that did */
	int64_t fine[2][VMF_RISK_FINE];
};

/* One probability, and 1 or 0. */
void vmf_risk_score_add(struct vmf_risk_score *s, double p, int came);
/*
 * The area under the ROC curve: the share of pairs, one that came and one
 * that did not, in which the former was given more; ties, which are
 * probabilities within 0.02 of log odds, count half (Mann and Whitney, 1947).
 * NaN where there is no pair.
 */
double vmf_risk_score_auc(const struct vmf_risk_score *s);

/* The columns: n_cases, n_came, brier, brier_rate (of the share that came,
 * given to all), log_loss, auc, and the reliability table as lists of ten:
 * how many, their mean probability, and the share of them that came. */
int vmf_risk_schema(struct vmf_schema *s, struct vmf_err *e) VMF_CHECK;
/* Their values, from column *c on; s NULL: missing. */
int vmf_risk_put(struct vmf_col **c, const struct vmf_risk_score *s,
    struct vmf_err *e) VMF_CHECK;

#endif
