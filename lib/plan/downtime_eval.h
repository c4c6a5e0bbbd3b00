/* SPDX-License-Identifier: MIT */
/*
 * How good is a model of migrations?  Folds of past moves are held out, by
 * configuration or by workload, foretold from the rest, and scored beside
 * the empirical quantiles of their workload and beside arithmetic.
 */
#ifndef VMF_DOWNTIME_EVAL_H
#define VMF_DOWNTIME_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "plan/downtime.h"

struct vmf_down_eval {
	/* set by the caller: */
	bool by_workload;	/* each held out; else folds of configs */
	int folds;		/* of configs */
	struct vmf_down_opts opts;
	void (*on_fold)(void *arg, int fold, int n);	/* or NULL */
	void *arg;
};

/* The schema of the scores, a row a model and outcome; s is { 0 }. */
int vmf_down_eval_schema(struct vmf_schema *s, const struct vmf_schema *from,
    struct vmf_err *e) VMF_CHECK;
/* Score, and append the rows. VMF_EDATA where there are not enough configs
 * or workloads for two folds. */
int vmf_down_eval(const struct vmf_down_eval *v, const struct vmf_past *past,
    struct vmf_batch *out, struct vmf_err *e) VMF_CHECK;

#endif
