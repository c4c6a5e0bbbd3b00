/* SPDX-License-Identifier: MIT */
/*
 * A stream of readings: which column is what, and whose each row is.
 */
#ifndef VMF_READINGS_H
#define VMF_READINGS_H

#include "arrow/arrow.h"
#include "series/ids.h"

enum vmf_role {
	VMF_ROLE_KEY,		/* vm, time, id, ... */
	VMF_ROLE_METRIC,	/* a number that changes with time */
	VMF_ROLE_ATTRIBUTE,
	VMF_ROLE_LIST,		/* of floats: series */
	VMF_ROLE_NONE,		/* type null: there is nothing in it */
	VMF_ROLE_ODD,		/* binary, which neither can be */
};

/* By the field's metadata; without it, text, bools, times and the names that
 * vmf-stream(5) lists are attributes, other numbers are metrics. */
enum vmf_role vmf_field_role(const struct vmf_field *f);

struct vmf_readings {
	const char *name;	/* of the stream, for messages */
	const struct vmf_schema *schema;	/* the reader's */
	int vm, time;		/* columns */
	struct vmf_remap map;
};

/* Find the columns vm and time.  VMF_EDATA names what is missing or has
 * another type.  name and schema must live as long as r. */
int vmf_readings_bind(struct vmf_readings *r, const struct vmf_schema *s,
    const char *name, struct vmf_err *e) VMF_CHECK;

/*
 * The numbers of the VMs of rows from..from+n-1 of the batch into id[0..n),
 * new ones entered into ids.  skip (NULL: none) marks rows to leave alone by
 * a byte that is not 0; their id is -1.  first_row is vmf_reader_row().  A
 * row without a vm or a time is VMF_EDATA.
 */
int vmf_readings_ids(struct vmf_readings *r, const struct vmf_batch *b,
    int64_t from, int64_t n, const uint8_t *skip, int64_t first_row,
    struct vmf_ids *ids, int32_t *id, struct vmf_err *e) VMF_CHECK;

/* Bytes held. */
int64_t vmf_readings_bytes(const struct vmf_readings *r);
void vmf_readings_free(struct vmf_readings *r);

#endif
