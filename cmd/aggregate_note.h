/* SPDX-License-Identifier: MIT */
/* What vmf-aggregate says at the end. */
#ifndef VMF_AGGREGATE_NOTE_H
#define VMF_AGGREGATE_NOTE_H

#include "cmd.h"
#include "series/aggregate.h"
#include "series/append.h"

/* A line of what was made, after one that doubts it where there is reason to,
 * and one of what it was joined to; either may be NULL. */
void aggregate_note(const struct cmd *c, const struct vmf_aggregate *g,
    const struct vmf_append *a);

#endif
