/* SPDX-License-Identifier: MIT */
/*
 * A view of a series or forecast stream: one row an entity, sorted by id,
 * its lists on the fleet's grid.  Holds one batch (the reader's) and the id
 * before it.
 */
#ifndef VMF_SERIES_H
#define VMF_SERIES_H

#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "series/wall.h"

/* Times are within the years 1 to 9999, which RFC 3339 can write: sums of
 * them stay far from the ends of int64_t. */
#define VMF_TIME_LO INT64_C(-62135596800)
#define VMF_TIME_HI INT64_C(253402300799)

/*
 * The grid of the whole fleet: steps are multiples of step_s since the
 * epoch; end is exclusive, the moment at which forecasts start.
 */
struct vmf_grid {
	int64_t step_s;		/* 0: not known */
	int64_t start;		/* VMF_TIME_NONE: not known */
	int64_t end;		/* VMF_TIME_NONE: not known */
};

/*
 * Read the grid from the metadata vmf:step, vmf:start and vmf:end of the
 * stream called name.  step_opt (0: not given) stands in for a vmf:step that
 * was dropped, and must agree with one that was not.  at_opt (or
 * VMF_TIME_NONE) replaces vmf:end, and may lie before or after it.
 * VMF_EDATA when the step is not known, a value cannot be read, or the end
 * is not a multiple of the step; VMF_EUSAGE where an option is at fault.
 * An end that is not known is left to vmf_grid_need_end.
 */
int vmf_grid_read(struct vmf_grid *g, const struct vmf_schema *s,
    const char *name, int64_t step_opt, int64_t at_opt, struct vmf_err *e)
    VMF_CHECK;
int vmf_grid_need_end(const struct vmf_grid *g, const char *name,
    struct vmf_err *e) VMF_CHECK;
/* Set vmf:step, vmf:start and vmf:end; what is not known is removed. */
int vmf_grid_write(const struct vmf_grid *g, struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;

/*
 * Known values of one entity up to some moment: y[0] and y[n - 1] are not
 * missing (n = 0: nothing is known), NaN between them is.  The last of them
 * is gap steps and one before the moment: gap = 0 when the moment follows
 * it directly.
 */
struct vmf_slice {
	const double *y;
	int64_t n;
	int64_t gap;
};

struct vmf_series {
	struct vmf_reader *r;	/* the caller's */
	const struct vmf_schema *schema;
	const struct vmf_batch *b;	/* the batch in hand */
	struct vmf_grid grid;
	int64_t row;		/* of the batch's first row, from 0 */
	int id, start;		/* columns */
	int *list;		/* list columns, n_lists of them */
	int n_lists;
	int64_t limit;		/* no list may reach past it */
	char *last_id;		/* the id before the batch in hand */
	int64_t last_len, last_cap;
	/* NULL, or the caller's, of the same step: starts, lists and slices
	 * are handed out on this clock, and what is before a moment of it; the
	 * grid stays UTC */
	const struct vmf_wall *wall;
	double *buf, *laid;	/* of vmf_series_list */
	int64_t buf_cap, laid_cap;
};

/*
 * View the stream of r, whose vmf:kind must be kind or absent; s must be
 * { 0 }.  The columns id, start and at least one list must be there.
 */
int vmf_series_open(struct vmf_series *s, struct vmf_reader *r,
    const char *kind, int64_t step_opt, int64_t at_opt, struct vmf_err *e)
    VMF_CHECK;
/* Hand it out on the wall clock of zone, which w, { 0 }, becomes and is freed
 * after s; NULL: in UTC, as it is. */
int vmf_series_on_clock(struct vmf_series *s, struct vmf_wall *w,
    const char *zone, struct vmf_err *e) VMF_CHECK;
/*
 * The next batch: 1, 0 at the end, < 0 on failure.  All its rows are
 * checked, and a message names the row, counted from 0: ids ascend strictly
 * (memcmp) and are not missing, starts are multiples of the step, lists of
 * a row are equally long (or missing) and do not reach past vmf:end.
 */
int vmf_series_next(struct vmf_series *s, struct vmf_err *e) VMF_CHECK;
void vmf_series_free(struct vmf_series *s);

/* Index of the list column called metric; VMF_EDATA with the list columns
 * there are. */
int vmf_series_metric(const struct vmf_series *s, const char *metric,
    struct vmf_err *e) VMF_CHECK;
const char *vmf_series_id(const struct vmf_series *s, int64_t i,
    int64_t *len);
/* Row i of column col, any text or number, as text, in room where it is a
 * number; NULL where it is missing or empty, and where col is < 0. */
#define VMF_WORD_ROOM 32
const char *vmf_series_word(const struct vmf_series *s, int64_t i, int col,
    char room[VMF_WORD_ROOM], int64_t *len);
/* The same as a number: NaN where it is none. */
double vmf_series_number(const struct vmf_series *s, int64_t i, int col);
/* Start of row i, VMF_TIME_NONE when it has none. */
int64_t vmf_series_start(const struct vmf_series *s, int64_t i);
/*
 * Row i of list column col as doubles, whatever its width: *n of them, valid
 * until the next call.  An infinite value is VMF_EDATA.
 */
int vmf_series_list(struct vmf_series *s, int64_t i, int col,
    const double **y, int64_t *n, struct vmf_err *e) VMF_CHECK;
/*
 * What is known of row i, column col, before the moment at (a multiple of
 * the step): values of steps that begin at or after it are not handed out.
 */
int vmf_series_slice(struct vmf_series *s, int64_t i, int col, int64_t at,
    struct vmf_slice *y, struct vmf_err *e) VMF_CHECK;

/*
 * The scalar columns that travel on into the next stream: all but id, start
 * and those named in own (NULL at its end), which the next stream has
 * itself.  col is the caller's, room for schema->n; returns how many.
 */
int vmf_series_attributes(const struct vmf_series *s,
    const char *const *own, int *col);

/* memcmp order of ids: < 0, 0, > 0. */
int vmf_id_cmp(const char *a, int64_t a_len, const char *b, int64_t b_len);

#endif
