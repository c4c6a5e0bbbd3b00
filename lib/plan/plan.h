/* SPDX-License-Identifier: MIT */
/*
 * From a forecast stream to a plan stream: the windows of each VM.
 */
#ifndef VMF_PLAN_H
#define VMF_PLAN_H

#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "plan/window.h"
#include "series/series.h"

struct vmf_plan {
	/* set by the caller before vmf_plan_open: */
	struct vmf_series *forecast;	/* open, of kind forecast */
	const char *metric;
	int32_t risk_ppm;		/* 0: by the expected load */
	struct vmf_window_opts opts;	/* slot_s 0: the step or 5 minutes */
	/* counted, by VM: */
	int64_t n_rows;
	int64_t n_status[VMF_N_PLAN_STATUS];
	/* private */
	int mean, risk;			/* list columns */
	int status, reason;		/* columns of the forecast, or -1 */
	int *attr, n_attrs;
	double *expected;
	int64_t expected_cap;
	struct vmf_windows windows;
};

/* Find the columns and fill s, which is { 0 }, with the plan's schema.  A
 * metric or quantile that the forecast lacks is VMF_EUSAGE, with those there
 * are. */
int vmf_plan_open(struct vmf_plan *p, struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;
/* Plan row i of the forecast's batch in hand: append its windows to out, or
 * one row that says why there is none. */
int vmf_plan_row(struct vmf_plan *p, int64_t i, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
void vmf_plan_free(struct vmf_plan *p);

#endif
