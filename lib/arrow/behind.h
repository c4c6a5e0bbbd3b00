/* SPDX-License-Identifier: MIT */
/*
 * Batches that a thread writes while the next is filled.  One batch is on its
 * way at a time, so that all there is in memory is two, and what is written
 * is what would be without the thread.
 */
#ifndef VMF_BEHIND_H
#define VMF_BEHIND_H

#include "arrow/arrow.h"

struct vmf_behind;

/* put writes a batch of the schema, which is not owned.  NULL: there is no
 * memory for it, or no thread. */
struct vmf_behind *vmf_behind_start(const struct vmf_schema *s,
    int (*put)(void *arg, struct vmf_batch *b, struct vmf_err *e), void *arg);

/* Wait until what was handed over is written; its code, and its message. */
int vmf_behind_wait(struct vmf_behind *h, struct vmf_err *e) VMF_CHECK;

/* Hand over the rows of b, which is owned, behind a wait: b is empty
 * afterwards, has the columns of the batch before, and keeps its
 * dictionaries, of which h has copies. */
int vmf_behind_put(struct vmf_behind *h, struct vmf_batch *b,
    struct vmf_err *e) VMF_CHECK;

/* Waits for what is being written. */
void vmf_behind_free(struct vmf_behind *h);

#endif
