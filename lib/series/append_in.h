/* SPDX-License-Identifier: MIT */
/* What the parts of vmf_append share: append.c (schemas and rows) and
 * append_cells.c (what is in a row). */
#ifndef VMF_APPEND_IN_H
#define VMF_APPEND_IN_H

#include "series/append.h"
#include "series/series.h"

/* One of the two that are joined. */
struct vmf_append_side {
	const struct vmf_schema *schema;
	const char *name;
	int id, start;		/* columns */
	int *list, *attr;	/* by list (attribute) of the output: column,
				 * or -1 (attributes only) */
	struct vmf_grid grid;
	const struct vmf_batch *b;
	int64_t row;		/* of the stream: the batch's first */
	int64_t i;		/* the row in hand, of the batch */
};

/* The steps of a row that count: those of the span, from the first to the
 * last that has a value. */
struct vmf_append_part {
	const struct vmf_append_side *side;	/* NULL: no such row */
	int64_t first, n;	/* step (of the grid) and how many */
	int64_t skip;		/* items of its lists before the first */
	bool had_steps;		/* before the span was cut */
};

struct vmf_append {
	struct vmf_append_opts opts;
	struct vmf_append_stats stats;
	struct vmf_reader *reader;	/* of the history, or NULL */
	struct vmf_series series;
	bool more;			/* old.i is a row */
	struct vmf_append_side old, new;
	int n_attrs, n_lists;
	bool *above_0;			/* by attribute: struct vmf_attr */
	bool *in_inv;			/* by attribute: the inventory has it */
	int *count_of;			/* by list: that of its metric's counts,
					 * or -1; a list of counts has itself */
	int n_counts;
	int vms;			/* the list vms of hosts, or -1 */
	int64_t cut;			/* first step kept */
	struct vmf_batch out;
	uint8_t *seen;			/* by step of an overlap */
	double *all;			/* likewise: samples of all metrics,
					 * of the history and the new piece */
	int64_t seen_cap, all_cap;
};

/* What counts of the row in hand. */
int vmf_append_part_of(struct vmf_append *a, const struct vmf_append_side *s,
    struct vmf_append_part *p, struct vmf_err *e) VMF_CHECK;
/* Attribute k of the rows in hand, to column `to`: that of the first which has
 * a value; second may be NULL. */
int vmf_append_attr(struct vmf_append *a, struct vmf_col *to,
    const struct vmf_append_side *first, const struct vmf_append_side *second,
    int k, struct vmf_err *e) VMF_CHECK;
/*
 * The lists of a row, n steps from first on: of the history o and of the new
 * piece, either of which may have no steps, and NaN where neither has a
 * value.
 */
int vmf_append_lists(struct vmf_append *a, const struct vmf_append_part *o,
    const struct vmf_append_part *new, int64_t first, int64_t n,
    struct vmf_err *e) VMF_CHECK;

#endif
