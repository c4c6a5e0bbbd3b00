/* SPDX-License-Identifier: MIT */
/* vmf-train --budget. */
#ifndef VMF_TRAIN_BUDGET_H
#define VMF_TRAIN_BUDGET_H

#include "cmd.h"
#include "forecast/train.h"

/*
 * Leave parts of auto out of t, so that a series takes ms CPU milliseconds,
 * and say which on standard error; s is read to its end.  *without is what is
 * left out already (or NULL), and then all of it, in words.
 */
int train_budget(const struct cmd *c, double ms, struct vmf_train *t,
    struct vmf_series *s, const char **without, struct vmf_buf *words,
    struct vmf_err *e) VMF_CHECK;

#endif
