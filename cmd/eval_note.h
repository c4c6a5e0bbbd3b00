/* SPDX-License-Identifier: MIT */
/* What vmf-eval says at the end. */
#ifndef VMF_EVAL_NOTE_H
#define VMF_EVAL_NOTE_H

#include "cmd.h"
#include "eval/eval.h"

/* A line of how much was scored; forecast is the name of the stream that was,
 * or NULL. */
void eval_note(struct cmd *c, const struct vmf_eval *ev,
    const char *forecast);

/* At the end of the rows: VMF_EDATA where no VM of the forecast was scored. */
int eval_check(const struct vmf_eval *ev, const char *forecast,
    struct vmf_err *e) VMF_CHECK;

#endif
