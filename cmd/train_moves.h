/* SPDX-License-Identifier: MIT */
/* vmf-train --model downtime, and what vmf-train says at its end. */
#ifndef VMF_TRAIN_MOVES_H
#define VMF_TRAIN_MOVES_H

#include "cmd.h"
#include "forecast/global.h"
#include "forecast/train.h"

/* Learn from the migrations at path.  0, or < 0 with e; foreign is an option
 * that was given and is about series, or NULL. */
int train_moves(struct cmd *c, const char *path, int64_t threads,
    const char *foreign, struct vmf_err *e) VMF_CHECK;

/* What was learned of series, and what of them update does not have. */
void train_note(const struct cmd *c, const struct vmf_train *t,
    const struct vmf_globals *g, const char *update);

/* Learn all series of s, and write them. */
int train_all(struct cmd *c, struct vmf_train *t, struct vmf_series *s,
    struct vmf_batch *batch, struct vmf_writer *w, struct vmf_err *e)
    VMF_CHECK;

#endif
