/* SPDX-License-Identifier: MIT */
/* vmf-predict --reconcile: forecasts that add up. */
#ifndef VMF_PREDICT_SUMS_H
#define VMF_PREDICT_SUMS_H

#include "cmd.h"

struct predict_sums {
	const char *totals;	/* the forecast of hosts or clusters */
	const char *path;	/* that of their VMs, or NULL */
	const char *by, *metric;	/* NULL: host, cpu_mean */
	int64_t step_s;
	bool put_totals;	/* instead of the VMs */
};

/* Reconcile the two forecasts: 0, or < 0 with e. */
int predict_sums(struct cmd *c, const struct predict_sums *o,
    struct vmf_err *e) VMF_CHECK;

#endif
