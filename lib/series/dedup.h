/* SPDX-License-Identifier: MIT */
/*
 * Each (vm, time) of streams of readings once.
 *
 * Rows are held in memory until that is full.  If all fit, they are sorted
 * by (vm, time).  If not, and those so far came in (vm, time) or in time
 * order, the first half is handed on and the rest stays as a window, inside
 * which rows may still come late; otherwise sorted runs are spilled.
 */
#ifndef VMF_DEDUP_H
#define VMF_DEDUP_H

#include "arrow/arrow.h"
#include "series/sorter.h"

enum vmf_keep {
	VMF_KEEP_FIRST,
	VMF_KEEP_LAST,
	VMF_KEEP_MEAN,
	VMF_KEEP_MAX,
};

struct vmf_dedup_opts {
	enum vmf_keep keep;
	bool sort_always;	/* spill rather than stream */
	int64_t memory;		/* bytes in all, the reader's batch included */
	const char *tmpdir;
};

/* The least opts.memory that is worth trying. */
#define VMF_DEDUP_LEAST ((int64_t)16 << 20)

struct vmf_dedup_stats {
	int64_t rows_in, rows_out;
	int64_t dups;		/* rows that met an older one of their key: */
	int64_t identical;	/* equal to one of those in every column */
	int64_t merged;		/* differing only where one has a null */
	int64_t conflicts;	/* other values */
	int64_t spilled_bytes;
	enum vmf_order order;	/* of the output */
};

/* Called once, before the first row is written, with the schema of the
 * output: open it and set *w (which stays the callee's). */
struct vmf_dedup_sink {
	int (*open)(void *arg, struct vmf_schema *s, struct vmf_writer **w,
	    struct vmf_err *e);
	void *arg;
};

struct vmf_dedup;

/* schema, of vmf_unite_add, must live as long as d. */
int vmf_dedup_open(struct vmf_dedup **d, const struct vmf_schema *schema,
    const struct vmf_dedup_opts *opts, const struct vmf_dedup_sink *sink,
    struct vmf_err *e) VMF_CHECK;
/* The batches from here on, one at least, are of this stream, which is one of
 * those that were united; its schema and name (for messages) must live as
 * long as they come. */
int vmf_dedup_from(struct vmf_dedup *d, const struct vmf_schema *schema,
    const char *name, struct vmf_err *e) VMF_CHECK;
/* The next batch; first_row is vmf_reader_row(), and held_bytes what the
 * reader holds, vmf_reader_bytes(). */
int vmf_dedup_add(struct vmf_dedup *d, const struct vmf_batch *b,
    int64_t first_row, int64_t held_bytes, struct vmf_err *e) VMF_CHECK;
/* Write what is left.  The end marker is the caller's to write. */
int vmf_dedup_finish(struct vmf_dedup *d, struct vmf_err *e) VMF_CHECK;
const struct vmf_dedup_stats *vmf_dedup_stats(const struct vmf_dedup *d);
void vmf_dedup_free(struct vmf_dedup *d);

#endif
