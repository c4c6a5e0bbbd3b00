/* SPDX-License-Identifier: MIT */
/*
 * A device that runs the lanes' text, a thread a series.  This header is the
 * way to it, as learn/lstm_cell.h is for lstm: gpu/device.c has it by CUDA,
 * and gpu/none.c has the same symbols in a build without.
 *
 * A device has streams, which work side by side: while one computes, others
 * copy.  Each has memory of the host's that the device copies from and to, and
 * memory of the device's; a stream is for one thread at a time.
 */
#ifndef VMF_DEVICE_H
#define VMF_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kernel/lanes_block.h"

/* Lanes of a block for a device: one warp. */
#define VMF_DEVICE_W 32

/*
 * The least and most streams that are worth it, and memory of the host's that
 * each may take, unless a single block needs more: 65 blocks of 2,016
 * five-minute steps with all members fit into that, so that 32 streams can
 * have 2,080 warps under way at once, about what lives on an H100 by the
 * registers of fit_kernel (gpu/lanes.cu).
 */
#define VMF_DEVICE_STREAMS_MIN 16
#define VMF_DEVICE_STREAMS 32
#ifndef VMF_DEVICE_HOST_BYTES
#define VMF_DEVICE_HOST_BYTES (INT64_C(256) << 20)
#endif

/* Streams for so many threads of the host's: twice as many, so that while one
 * half is laid out or made into quantiles the other computes. */
static inline int
vmf_device_streams_for(int threads)
{
	return threads < VMF_DEVICE_STREAMS_MIN / 2 ? VMF_DEVICE_STREAMS_MIN :
	    threads > VMF_DEVICE_STREAMS / 2 ? VMF_DEVICE_STREAMS :
	    2 * threads;
}

struct vmf_device;

/* What the device has done, over all its streams. */
struct vmf_device_work {
	int64_t n_blocks, n_batches, bytes_in, bytes_out;
	int n_streams;		/* that had a batch or more */
	double kernel_s;	/* summed over streams, which may overlap */
	double copy_s;		/* both ways, likewise */
	double busy_s;		/* in which one batch or more was under way,
				 * by the host's clock */
};

/*
 * What there is, in words, into text: the device's name, what it can do and
 * its memory; or why there is none.  True when there is one; *ratio, unless
 * NULL, is then how many times as fast as with doubles it is with floats.
 */
bool vmf_device_find(char *text, size_t size, int *ratio);

/*
 * Open the device with so many streams, VMF_DEVICE_STREAMS at most, fewer
 * where little of its memory is free, and take the memory that they share.
 * VMF_EDEV where there is none, naming what to do; VMF_ENOMEM.
 */
int vmf_device_open(struct vmf_device **d, int n_streams, struct vmf_err *e)
    VMF_CHECK;
/* NULL is fine. */
void vmf_device_free(struct vmf_device *d);

int vmf_device_streams(const struct vmf_device *d);
/* Bytes of the device's memory that each stream has. */
int64_t vmf_device_bytes(const struct vmf_device *d);
/* Its name, for messages. */
const char *vmf_device_name(const struct vmf_device *d);
void vmf_device_tally(struct vmf_device *d, struct vmf_device_work *w);

/*
 * Memory of a stream, both aligned to 256 bytes: *host, of at least bytes,
 * which are more than VMF_DEVICE_HOST_BYTES where a single block is; and *dev,
 * an address in the device's memory, of vmf_device_bytes, which the host
 * cannot read.  They are the device's, and *host is lost with the next call
 * for the same stream.
 */
int vmf_device_memory(struct vmf_device *d, int stream, int64_t bytes,
    void **host, void **dev, struct vmf_err *e) VMF_CHECK;

/*
 * One batch: bytes [0, in) of the stream's host memory are copied to the
 * device's, the n_blocks struct vmf_block at its beginning, whose pointers are
 * addresses of the device, are fitted or forecast, and bytes [out, end) are
 * copied back.  Returns when all of it is done; VMF_EDEV, naming the call
 * that failed and the device.
 */
struct vmf_device_batch {
	int64_t n_blocks, in, out, end;
	bool fit;
};
int vmf_device_run(struct vmf_device *d, int stream,
    const struct vmf_device_batch *b, struct vmf_err *e) VMF_CHECK;

#endif
