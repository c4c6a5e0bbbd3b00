/* SPDX-License-Identifier: MIT */
/*
 * The texts of a dictionary column as the threads that read blocks see them:
 * one thread adds, all others look up at the same time.  Nothing in it ever
 * moves; what a thread does not see yet is merely not found.
 */
#ifndef VMF_IDTAB_H
#define VMF_IDTAB_H

#include <stdint.h>

#include "base/err.h"
#include "ingest/cells.h"

struct vmf_idtab;

#define VMF_ID_MISSING (-1)	/* a word for "no value" */
#define VMF_ID_UNKNOWN (-2)	/* good text that is not in the table yet */
#define VMF_ID_AS_LINE(l) (-3 - (l))	/* that of line l of the block, which
				 * was unknown; its own inverse */

int vmf_idtab_new(struct vmf_idtab **t, struct vmf_err *e) VMF_CHECK;
void vmf_idtab_free(struct vmf_idtab *t);

/* Where a block stands in its column, { .prev = -1 } at its begin. */
struct vmf_id_state {
	int32_t prev;		/* code of the line before, or < 0 */
	int64_t misses, n;	/* guesses that failed, and lines */
	const char *unknown;	/* the last such text, */
	int64_t unknown_len;
	int32_t unknown_line;	/* and where it was first */
};

/*
 * Codes of field f of all lines that are not odd.  A line with text that is
 * not UTF-8 is marked odd; so is one without, unless may_miss: then that and
 * the other words for "no value" are VMF_ID_MISSING.
 */
void vmf_idtab_find(struct vmf_idtab *t, enum vmf_simd level,
    const struct vmf_cells *c, int64_t f, bool may_miss,
    struct vmf_id_state *st, int32_t *code);

/* For the thread that adds: *code of the text, added if new; -1 when the
 * table is full. */
int vmf_idtab_add(struct vmf_idtab *t, const char *s, int64_t len,
    int32_t *code, struct vmf_err *e) VMF_CHECK;

#endif
