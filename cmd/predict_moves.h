/* SPDX-License-Identifier: MIT */
/* vmf-predict with a model of downtimes. */
#ifndef VMF_PREDICT_MOVES_H
#define VMF_PREDICT_MOVES_H

#include "cmd.h"

/* The rows at path with what the model that r is open on says of them;
 * quantiles as the option has them, or NULL.  0, or < 0 with e. */
int predict_moves(struct cmd *c, struct vmf_reader *r, const char *path,
    const char *quantiles, const char *metric, struct vmf_err *e) VMF_CHECK;

#endif
