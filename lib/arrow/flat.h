/* SPDX-License-Identifier: MIT */
/*
 * FlatBuffers, as much of the format as Arrow's messages need: a reader that
 * checks every position before it is used, and a builder that writes parents
 * before children.  All numbers are little-endian, as on the machines vmf
 * runs on (base/machine.h).
 */
#ifndef VMF_FLAT_H
#define VMF_FLAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

/* ---- reading ---- */

struct vmf_flat {
	const uint8_t *p;
	int64_t n;
	bool bad;		/* a position was out of bounds */
};

/*
 * Positions are bytes from the start; 0 means "absent", or that the buffer
 * is damaged (then bad is set as well).  Once bad, everything is absent, so
 * that callers check once at the end.
 */
int64_t vmf_flat_root(struct vmf_flat *f);
/* Scalars of a table's field, or dflt when absent. */
int64_t vmf_flat_int(struct vmf_flat *f, int64_t table, int id, int bytes,
    int64_t dflt);
/* The table (or union member) a field points to. */
int64_t vmf_flat_table(struct vmf_flat *f, int64_t table, int id);
/* The elements of a vector field, and how many; elem_bytes each. */
int64_t vmf_flat_vector(struct vmf_flat *f, int64_t table, int id,
    int64_t elem_bytes, int64_t *count);
/* Element i of a vector of tables. */
int64_t vmf_flat_elem(struct vmf_flat *f, int64_t vector, int64_t i);
/* A string field; NULL when absent. */
const char *vmf_flat_string(struct vmf_flat *f, int64_t table, int id,
    int64_t *len);

/* ---- building ---- */

struct vmf_fbb {
	struct vmf_buf b;
	bool nomem;		/* checked once, at the end */
};

/* Begin: the root offset, to be linked to the first table. */
int64_t vmf_fbb_begin(struct vmf_fbb *f);
/* A table whose field i takes size[i] bytes (0: absent); all zero. */
int64_t vmf_fbb_table(struct vmf_fbb *f, const uint8_t *size, int n);
/* Position of a field's value. */
int64_t vmf_fbb_slot(const struct vmf_fbb *f, int64_t table, int id);
void vmf_fbb_put(struct vmf_fbb *f, int64_t pos, int64_t v, int bytes);
/* Make the offset at slot point to `to`. */
void vmf_fbb_link(struct vmf_fbb *f, int64_t slot, int64_t to);
/* A vector of zeroed elements, linked at slot; returns the first one. */
int64_t vmf_fbb_vector(struct vmf_fbb *f, int64_t slot, int64_t count,
    int64_t elem_bytes);
void vmf_fbb_string(struct vmf_fbb *f, int64_t slot, const char *s);
/* Pad to a multiple of n bytes. */
void vmf_fbb_align(struct vmf_fbb *f, int64_t n);

#endif
