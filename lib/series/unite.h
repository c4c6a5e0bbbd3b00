/* SPDX-License-Identifier: MIT */
/*
 * Several streams of readings as one: their columns by name, those of the
 * first in its order, then what others have more.
 */
#ifndef VMF_UNITE_H
#define VMF_UNITE_H

#include "arrow/arrow.h"

struct vmf_unite {
	struct vmf_schema schema;	/* of all so far */
	const char **of;	/* by column: whose it is, for messages */
	int64_t of_cap;
};

/*
 * Take in the schema of a stream; name must live as long as more are added.
 * VMF_EDATA: no readings, lists or binary columns, and where a column of that
 * name is of another type, role or unit in a stream before.
 */
int vmf_unite_add(struct vmf_unite *u, const struct vmf_schema *s,
    const char *name, struct vmf_err *e) VMF_CHECK;
void vmf_unite_free(struct vmf_unite *u);

#endif
