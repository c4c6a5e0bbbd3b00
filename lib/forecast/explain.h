/* SPDX-License-Identifier: MIT */
/*
 * What a model makes a VM's forecasts of, and why: a row for each group of
 * leads and each part that has a share in them, vmf-stream(5).
 */
#ifndef VMF_EXPLAIN_H
#define VMF_EXPLAIN_H

#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "forecast/model.h"

/* The schema of an explanation of the model, whose grid and history it has.
 * s is { 0 }. */
int vmf_explain_schema(struct vmf_schema *s, const struct vmf_model *m,
    struct vmf_err *e) VMF_CHECK;
/* Append the rows of one part of the model to a batch of that schema;
 * VMF_EDATA when it is not what vmf-train makes. */
int vmf_explain_put(struct vmf_batch *b, const struct vmf_model *m,
    const struct vmf_part *part, struct vmf_err *e) VMF_CHECK;

#endif
