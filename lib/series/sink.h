/* SPDX-License-Identifier: MIT */
/* Where finished batches go: a writer, or whoever reads on in this process. */
#ifndef VMF_SINK_H
#define VMF_SINK_H

#include "arrow/arrow.h"

/*
 * Rows of series are written in batches of about this size, whatever the
 * memory: the same rows are the same bytes, and a batch stays in the cache
 * from the time it is filled until it is written.
 */
#define VMF_SERIES_BATCH ((int64_t)1 << 20)

struct vmf_sink {
	/* Take the batch's rows; the batch stays the caller's. */
	int (*put)(void *arg, struct vmf_batch *b, struct vmf_err *e);
	void *arg;
};

#endif
