/* SPDX-License-Identifier: MIT */
/*
 * Records that did not fit into memory: sorted runs in a file without a
 * name, and their merge.  A record is a header and a payload, rec_bytes in
 * all (a multiple of 8), the same for all records of one spill; in the file
 * it may be packed, to as many bytes as it needs.
 */
#ifndef VMF_SPILL_H
#define VMF_SPILL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vmf_rec {
	int64_t t;		/* a time, a step or a segment */
	int32_t id;		/* a number of struct vmf_ids */
	uint32_t bits;		/* the owner's */
};

struct vmf_run {
	int64_t off;		/* byte in the file */
	int64_t bytes;
};

/* How records are packed, if they are. */
struct vmf_spill_form {
	/* Writes rec to `to`, of at most `most` bytes: how many it takes. */
	int64_t (*pack)(const void *arg, const struct vmf_rec *rec,
	    uint8_t *to);
	/* Makes rec, all of it, of the first of the n bytes: how many it took,
	 * or < 0 where they are not what pack made. */
	int64_t (*unpack)(const void *arg, const uint8_t *from, int64_t n,
	    struct vmf_rec *rec);
	const void *arg;
	int64_t most;
};

struct vmf_run_in;		/* a run being read */
struct vmf_run_head;		/* its next record */

struct vmf_spill {
	const char *dir;	/* of the temporary file; the caller's */
	int64_t rec_bytes;
	struct vmf_spill_form form;	/* pack is NULL: as they are */
	int fd;			/* -1: nothing spilled yet */
	int64_t end;		/* bytes in the file */
	int64_t written;	/* bytes written in all, passes included */
	struct vmf_run *run;
	int64_t n_runs, run_cap;
	uint8_t *buf;		/* of the run being written */
	int64_t buf_n;
	/* merging: */
	struct vmf_run_in *in;
	struct vmf_run_head *head;	/* a heap */
	int64_t n_in;		/* runs that are not at their ends */
	uint8_t *in_buf;
	const uint32_t *rank;	/* of n_ids */
	int64_t n_ids;
	bool advance;		/* the head was handed out: step over it */
};

/* form may be set after it, before the first record; its arg is the
 * caller's. */
void vmf_spill_init(struct vmf_spill *s, const char *dir, int64_t rec_bytes);

/* Add a record to the present run, in (rank of id, t) order; end the run. */
int vmf_spill_put(struct vmf_spill *s, const struct vmf_rec *rec,
    struct vmf_err *e) VMF_CHECK;
int vmf_spill_end_run(struct vmf_spill *s, struct vmf_err *e) VMF_CHECK;

/*
 * Begin to merge all runs by (rank[id], t); of equal records those of the
 * earlier run come first.  rank is that of the n_ids ids there are, and stays
 * the caller's.
 * mem_bytes bounds the buffers: where there are more runs than buffers, they
 * are first merged to fewer.
 */
int vmf_spill_merge(struct vmf_spill *s, const uint32_t *rank, int64_t n_ids,
    int64_t mem_bytes, struct vmf_err *e) VMF_CHECK;
/* 1 and the next record (valid until the next call), 0 at the end; VMF_EIO
 * where the file is shorter than it was or not what was written. */
int vmf_spill_next(struct vmf_spill *s, const struct vmf_rec **rec,
    struct vmf_err *e) VMF_CHECK;

/* The least mem_bytes that vmf_spill_merge can work with. */
int64_t vmf_spill_least(const struct vmf_spill *s);

void vmf_spill_free(struct vmf_spill *s);

#endif
