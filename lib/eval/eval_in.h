/* SPDX-License-Identifier: MIT */
/* What eval.c (models, from origins), eval_given.c (a forecast's rows),
 * eval_plan.c (a plan's windows) and eval_out.c (rows of scores) share;
 * nobody else includes it. */
#ifndef VMF_EVAL_IN_H
#define VMF_EVAL_IN_H

#include "eval/eval.h"

/* One series at one origin. */
struct vmf_case {
	double *past;		/* ends at the origin; y is a view of it */
	struct vmf_slice y;
	double scale;		/* of MASE; NaN: none */
	double *actual;		/* h steps from the origin on */
	int64_t h;
	struct vmf_forecast f, ref;
};
/* Take row i of list column col apart at the moment at. */
int vmf_case_fill(struct vmf_case *c, struct vmf_series *s, int64_t i,
    int col, int64_t at, int64_t h, int64_t season, struct vmf_err *e)
    VMF_CHECK;
void vmf_case_free(struct vmf_case *c);

/* Copy f's q50 into all its quantiles of to, and its mean. */
void vmf_rival_point(struct vmf_forecast *to, const struct vmf_forecast *f);
/* The last known value of y at all steps; NaN where there is none. */
void vmf_rival_naive(struct vmf_forecast *f, const struct vmf_slice *y);

/* A VM is done: its tallies are added up, its bootstrap weights drawn, and
 * with by_vm its rows appended to out. */
int vmf_eval_vm(struct vmf_eval *ev, const char *id, int64_t id_len,
    struct vmf_batch *out, struct vmf_err *e) VMF_CHECK;
/* A series (a metric of the VM in hand) is done. */
void vmf_tally_series(struct vmf_tally *t, const struct vmf_score *s);

/* Probability p of the event, by r, beside what came of it in y, the h steps of
 * its forecast's time. */
void vmf_eval_risk(struct vmf_rival *r, const struct vmf_target *t, double p,
    const double *y, int64_t h);

/* The schema of the scores; first is the moment of the first origin. */
int vmf_eval_schema(const struct vmf_eval *ev, struct vmf_schema *s,
    int64_t first, struct vmf_err *e) VMF_CHECK;
/* Append the rows of the VM in hand, or (id NULL) of all VMs. */
int vmf_eval_put(const struct vmf_eval *ev, const char *id, int64_t id_len,
    struct vmf_batch *out, struct vmf_err *e) VMF_CHECK;
int vmf_eval_open_given(struct vmf_eval *ev, struct vmf_err *e) VMF_CHECK;
/* The columns are there, and of their types. */
int vmf_eval_plan_open(struct vmf_eval_plan *p, struct vmf_err *e) VMF_CHECK;
/* The best windows of row i of the series, into its model's tally; c is the
 * case of the first metric. */
int vmf_eval_plan_row(struct vmf_eval *ev, int64_t i,
    const struct vmf_case *c, struct vmf_tally *t, struct vmf_err *e)
    VMF_CHECK;
/* Read to the end: a plan that is cut off is an error. */
int vmf_eval_plan_finish(struct vmf_eval_plan *p, struct vmf_err *e)
    VMF_CHECK;
int vmf_eval_finish_given(struct vmf_eval *ev, struct vmf_err *e) VMF_CHECK;

#endif
