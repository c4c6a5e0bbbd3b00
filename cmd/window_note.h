/* SPDX-License-Identifier: MIT */
/* What vmf-window says on standard error. */
#ifndef VMF_WINDOW_NOTE_H
#define VMF_WINDOW_NOTE_H

#include "base/mem.h"
#include "cmd.h"
#include "plan/planner.h"
#include "window_opts.h"

/* Print the text and empty it. */
void window_say(struct vmf_buf *text);
/* The VMs of --explain. */
int window_explain(struct vmf_planner *p, const struct window_opts *o,
    struct vmf_err *e) VMF_CHECK;
/* The last line: how many of what. */
void window_note(const struct cmd *c, const struct vmf_planner *p,
    const struct window_opts *o);

#endif
