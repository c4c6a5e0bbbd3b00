/* SPDX-License-Identifier: MIT */
/* A stream whose rows are sorted by id, row by row, beside another. */
#ifndef VMF_SORTED_H
#define VMF_SORTED_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"

struct vmf_sorted {
	/* set by the caller: */
	struct vmf_reader *r;		/* the caller's */
	int id;				/* its column, of text */
	/* the row in hand, after vmf_sorted_peek: */
	const struct vmf_batch *b;
	int64_t row;
	/* private */
	char *last;			/* the id of the row before */
	int64_t last_len, last_cap;
	bool ended;
};

/* The next row is in hand, and its id in *id: 1, 0 at the end.  VMF_EDATA
 * where it has none, or one before that of the row before. */
int vmf_sorted_peek(struct vmf_sorted *s, const char **id, int64_t *len,
    struct vmf_err *e) VMF_CHECK;
/* The row in hand, which has this id, is done with. */
int vmf_sorted_next(struct vmf_sorted *s, const char *id, int64_t len,
    struct vmf_err *e) VMF_CHECK;
void vmf_sorted_free(struct vmf_sorted *s);

#endif
