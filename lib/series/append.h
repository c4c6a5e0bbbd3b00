/* SPDX-License-Identifier: MIT */
/*
 * A new piece of series (a day) joined to a history of the same fleet: both
 * are sorted by id, are read a batch at a time and merged row by row.  What
 * lies further back than a span from the new end falls out.
 */
#ifndef VMF_APPEND_H
#define VMF_APPEND_H

#include "arrow/arrow.h"
#include "series/join.h"
#include "series/sink.h"

/* Of two values of one step and list, which counts. */
enum vmf_prefer {
	VMF_PREFER_FULLER,	/* that of more samples; of as many, the new */
	VMF_PREFER_NEW,
	VMF_PREFER_OLD,
};

struct vmf_append_opts {
	int64_t span_s;		/* 0: keep all */
	enum vmf_prefer prefer;
	int64_t most_bytes;	/* a row may not take more */
	int64_t step_s;		/* of a history that does not say it; or 0 */
	/* That the new piece was joined with, or NULL: of the VMs and columns
	 * that it has, what the new piece says counts, null as well. */
	const struct vmf_inventory *inv;
	bool inner;		/* rows of the new piece without samples make
				 * no rows, but their attributes count */
};

struct vmf_append_stats {
	int64_t old_rows, new_rows, rows_out;
	int64_t appeared;	/* only in the new piece */
	int64_t vanished;	/* only in the history, and kept */
	int64_t dropped;	/* no step left in the span */
	int64_t overlaps;	/* steps that both have; of these */
	int64_t kept;		/* with all values from the history, */
	int64_t replaced;	/* with all values from the new piece */
	int64_t cut;		/* steps that fell out of the span */
	int64_t start, end;	/* of the grid; VMF_TIME_NONE: no sample */
};

struct vmf_append;

/* The history, which stays the caller's and must live as long as a; NULL:
 * there is none yet. */
int vmf_append_open(struct vmf_append **a, struct vmf_reader *history,
    const struct vmf_append_opts *opts, struct vmf_err *e) VMF_CHECK;
/* Its step in seconds; 0 where there is no history. */
int64_t vmf_append_step(const struct vmf_append *a);
/* Memory that merging takes, judged by the history's first batch. */
int64_t vmf_append_bytes(const struct vmf_append *a);
/*
 * The schema of the new piece, which with name (for messages) must live as
 * long as a.  Gives the schema of what is written, which knows the grid; out
 * must be { 0 } and is the caller's.  VMF_EDATA says where the two do not
 * fit: another step, other lists, lost metadata.
 */
int vmf_append_begin(struct vmf_append *a, const struct vmf_schema *s,
    const char *name, struct vmf_schema *out, struct vmf_err *e) VMF_CHECK;
/* The next rows of the new piece, checked by the caller (vmf_series_next, or
 * vmf_aggregate's own): sorted by id over all batches.  first_row is for
 * messages. */
int vmf_append_add(struct vmf_append *a, const struct vmf_batch *b,
    int64_t first_row, const struct vmf_sink *to, struct vmf_err *e)
    VMF_CHECK;
/* No more: the rest of the history. */
int vmf_append_finish(struct vmf_append *a, const struct vmf_sink *to,
    struct vmf_err *e) VMF_CHECK;
const struct vmf_append_stats *vmf_append_stats(const struct vmf_append *a);
/* The same as a line for people, without an end of line. */
void vmf_append_summary(const struct vmf_append *a, char *text, size_t size);
void vmf_append_free(struct vmf_append *a);

#endif
