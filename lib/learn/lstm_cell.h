/* SPDX-License-Identifier: MIT */
/*
 * The LSTM of the network (lstm.h) alone, which reads a chunk's steps: by
 * oneDNN on the CPU, or by cuDNN on a GPU.  What is above it, two layers and
 * the loss, is on the CPU in either case.
 *
 * This header is the way to the latter: gpu/lstm_cudnn.c has it, and
 * gpu/lstm_none.c has the same symbols in a build without.
 */
#ifndef VMF_LSTM_CELL_H
#define VMF_LSTM_CELL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "learn/lstm.h"

struct vmf_lstm_cell;
struct vmf_lstm_cell_ops {
	/* Read x [T][chunk][I] with these weights, which are those of the
	 * whole network: h is then there, until the next call. */
	int (*forward)(struct vmf_lstm_cell *c, const float *weights,
	    const float *x, struct vmf_err *e);
	/* After forward, with its weights and x, and where it was opened to
	 * train: by the slopes in dh those by the LSTM's own weights, into
	 * the parts WX, WR and B of grad, which are overwritten. */
	int (*backward)(struct vmf_lstm_cell *c, float *grad,
	    struct vmf_err *e);
	/* Also of one that was opened in part. */
	void (*close)(struct vmf_lstm_cell *c);
};

/* What one thread reads with. */
struct vmf_lstm_cell {
	const struct vmf_lstm_cell_ops *ops;
	float *h;		/* [chunk][H], the state after the last step */
	float *dh;		/* [chunk][H], the caller's to fill in; to
				 * train only */
};

/* By oneDNN.  *c is the caller's to close, also where this fails, unless it
 * is NULL then. */
int vmf_lstm_cell_open(struct vmf_lstm_cell **c,
    const struct vmf_lstm_shape *s, bool train, struct vmf_err *e) VMF_CHECK;

/* ---- a GPU ---- */

/*
 * Load cuDNN, for the first GPU there is, into *d, which is the caller's to
 * free, also where this fails, and have it read a smallest chunk, as much of
 * it is loaded only then.  VMF_EDEV where there is no GPU, no cuDNN, one that
 * does not compute, or a build without: which, and what to do; VMF_ENOMEM.
 */
int vmf_lstm_device_open(struct vmf_lstm_device **d, struct vmf_err *e)
    VMF_CHECK;
/* After all cells of it; NULL is fine. */
void vmf_lstm_device_free(struct vmf_lstm_device *d);

/* What it is, for messages. */
const char *vmf_lstm_device_name(const struct vmf_lstm_device *d);

/* As vmf_lstm_cell_open, with memory and a stream of its own on the device,
 * which keeps them when it is closed, for the next that is opened alike;
 * VMF_EDEV names the call that failed, and says what the device says. */
int vmf_lstm_device_cell(struct vmf_lstm_device *d, struct vmf_lstm_cell **c,
    const struct vmf_lstm_shape *s, bool train, struct vmf_err *e) VMF_CHECK;

#endif
