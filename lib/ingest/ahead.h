/* SPDX-License-Identifier: MIT */
/*
 * A thread that makes text before it is asked for: into a ring of chunks,
 * and, while nobody reads yet, into a temporary file when that is full.
 */
#ifndef VMF_AHEAD_H
#define VMF_AHEAD_H

#include <stdint.h>

#include "base/err.h"

#define VMF_AHEAD_CHUNK ((int64_t)256 * 1024)

struct vmf_ahead;

struct vmf_ahead_opts {
	/* Fill p with up to VMF_AHEAD_CHUNK bytes; 0 at the end.  *at: how
	 * far that is, for progress. */
	int64_t (*make)(void *arg, uint8_t *p, int64_t *at);
	void *arg;
	int n_chunks;
	const char *tmpdir;	/* of the temporary file */
	int64_t file_bytes;	/* at most so long; 0: none */
};

/* NULL where there is no memory or no thread: then nothing has begun. */
struct vmf_ahead *vmf_ahead_start(const struct vmf_ahead_opts *opts);

/* Up to n bytes; 0 at the end; < 0 where the temporary file failed, or memory
 * for what is to come. */
int64_t vmf_ahead_read(struct vmf_ahead *a, void *p, int64_t n,
    struct vmf_err *e) VMF_CHECK;

/* The mark of what was read last. */
int64_t vmf_ahead_at(const struct vmf_ahead *a);

/* Stops the thread, which may be cancelled in make where that allows it. */
void vmf_ahead_free(struct vmf_ahead *a);

#endif
