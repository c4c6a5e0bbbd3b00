/* SPDX-License-Identifier: MIT */
/*
 * How good is a model of migrations?  Folds of past moves are held out, by
 * configuration, by workload or by the stream they are of, predicted from the
 * rest, and scored beside the empirical quantiles of their workload and beside
 * arithmetic.
 */
#ifndef VMF_DOWNTIME_EVAL_H
#define VMF_DOWNTIME_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "downtime/downtime.h"

enum vmf_down_hold {
	VMF_HOLD_CONFIG,	/* folds of configs */
	VMF_HOLD_WORKLOAD,	/* each */
	VMF_HOLD_SET,		/* each stream, scored for itself */
};

struct vmf_down_eval {
	/* set by the caller: */
	enum vmf_down_hold hold;
	int folds;		/* of configs */
	const char *const *set;	/* streams' names, for VMF_HOLD_SET */
	struct vmf_down_opts opts;
	void (*on_fold)(void *arg, int fold, int n);	/* or NULL */
	void *arg;
};

/* The schema of the scores, a row a model and outcome; s is { 0 }. */
int vmf_down_eval_schema(struct vmf_schema *s, const struct vmf_schema *from,
    struct vmf_err *e) VMF_CHECK;
/* Score, and append the rows; what nothing was learned of is left out.
 * VMF_EDATA where there are not enough configs, workloads or streams for two
 * folds. */
int vmf_down_eval(const struct vmf_down_eval *v, const struct vmf_past *past,
    struct vmf_batch *out, struct vmf_err *e) VMF_CHECK;

#endif
