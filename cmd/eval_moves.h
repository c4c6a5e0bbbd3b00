/* SPDX-License-Identifier: MIT */
/* vmf-eval --model downtime. */
#ifndef VMF_EVAL_MOVES_H
#define VMF_EVAL_MOVES_H

#include "cmd.h"

#define EVAL_MOVES_ONLY "--model downtime is about migrations: of the " \
	"other options it has --hold-out, --folds and --threads"

/* Score the model of downtimes on the migrations of the operands: folds of
 * configurations, or each workload or file held out ("workload", "file").  0,
 * or < 0 with e. */
int eval_moves(struct cmd *c, const char *held_out, int64_t folds,
    int64_t threads, struct vmf_err *e) VMF_CHECK;

#endif
