/* SPDX-License-Identifier: MIT */
/*
 * One network for a whole fleet: an LSTM (Hochreiter and Schmidhuber, "Long
 * Short-Term Memory", 1997, with the forget gate of Gers, 2000) reads a
 * series' last steps, and a small network of two layers says the quantiles
 * of any lead from the LSTM's state, from what is known of the series and
 * from what is known of the lead: the direct way of Wen et al., "A
 * Multi-Horizon Quantile Recurrent Forecaster" (2017), with the lead as an
 * input instead of a layer for each.
 *
 * With state h, statics s, lead features z and M units:
 *   a = relu(h Wh + s Ws + z Wz + b1), b = relu(a W2 + b2),
 *   o = b W3 + z W4 + b3 (nine of them); q[4] = o[4],
 *   q[j] = q[j - 1] + softplus(o[j]) above, q[j] = q[j + 1] -
 *   softplus(o[j]) below: they cannot cross.
 *
 * Everything is float32.  Work is done a chunk of VMF_LSTM_CHUNK series at a
 * time, each on one thread, so that a result depends neither on the number
 * of threads nor on what else is in the chunk.  It does depend, in the last
 * places, on the widest instructions that oneDNN is allowed, and on whether
 * a GPU reads the steps (lstm_cell.h).
 */
#ifndef VMF_LSTM_H
#define VMF_LSTM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/mem.h"

enum { VMF_LSTM_LEVELS = 9,	/* quantiles .1, .2, ... .9 */
    VMF_LSTM_CHUNK = 48,	/* series of a chunk */
    VMF_LSTM_LEADS = 32 };	/* leads of each of them */

struct vmf_lstm_shape {
	int32_t steps;		/* T, of a context */
	int32_t in;		/* I, numbers of a step */
	int32_t hidden;		/* H, units of the LSTM */
	int32_t statics;	/* S, numbers of a series */
	int32_t lead_in;	/* F, numbers of a lead */
	int32_t units;		/* M, of each of the two layers */
};

/* The weights, in this order, rows by columns: Wx I x 4H, Wr H x 4H, b 4H
 * (gates input, forget, cell, output), Wh H x M, Ws S x M, Wz F x M, b1 M,
 * W2 M x M, b2 M, W3 M x 9, W4 F x 9, b3 9. */
enum { VMF_LSTM_WX, VMF_LSTM_WR, VMF_LSTM_B, VMF_LSTM_WH, VMF_LSTM_WS,
    VMF_LSTM_WZ, VMF_LSTM_B1, VMF_LSTM_W2, VMF_LSTM_B2, VMF_LSTM_W3,
    VMF_LSTM_W4, VMF_LSTM_B3, VMF_LSTM_PARTS };
/* Where each part begins; at[VMF_LSTM_PARTS] is how many weights there are. */
void vmf_lstm_layout(const struct vmf_lstm_shape *s,
    int64_t at[VMF_LSTM_PARTS + 1]);

struct vmf_lstm {
	struct vmf_lstm_shape shape;
	int64_t n;		/* weights */
	float *w;
	/* of training; NULL in a network that only forecasts: */
	float *avg;		/* the weights' running average */
	float *m, *v;		/* Adam's moments */
	int64_t steps;		/* done */
};

/* Weights drawn from the seed; net is { 0 }.  VMF_EDATA when a size of the
 * shape is out of range. */
int vmf_lstm_init(struct vmf_lstm *net, const struct vmf_lstm_shape *s,
    uint64_t seed, struct vmf_err *e) VMF_CHECK;
void vmf_lstm_free(struct vmf_lstm *net);

/*
 * One step down the gradient: Adam (Kingma and Ba, 2015) at the rate, the
 * gradient scaled down to the norm clip where it is longer; then avg += (1 -
 * keep) (w - avg), where keep is .99 or less in the first steps.  A gradient
 * that is not finite is VMF_EDATA, and nothing is changed.
 */
int vmf_lstm_step(struct vmf_lstm *net, const float *grad, double rate,
    double clip, struct vmf_err *e) VMF_CHECK;

/*
 * Append the network as bytes, little-endian: the shape, and the average of
 * the weights (what forecasts), or with training all that vmf_lstm_step has
 * to go on from.  Loading sets w to what was saved; net is { 0 }.
 * VMF_EDATA where the bytes cannot be such.
 */
int vmf_lstm_save(const struct vmf_lstm *net, bool training,
    struct vmf_buf *b, struct vmf_err *e) VMF_CHECK;
int vmf_lstm_load(struct vmf_lstm *net, const void *p, int64_t n,
    bool training, struct vmf_err *e) VMF_CHECK;

/* Numbers of a chunk, the caller's; series c of VMF_LSTM_CHUNK, lead l of
 * VMF_LSTM_LEADS. */
struct vmf_lstm_chunk {
	float *x;		/* [T][chunk][I] */
	float *s;		/* [chunk][S] */
	float *z;		/* [chunk][leads][F] */
	float *y;		/* [chunk][leads], of the quantiles */
	float *weight;		/* [chunk][leads]; 0: y is not looked at */
	/* [chunk]: the loss in values, see vmf_lstm_grad */
	float *loc, *spread, *gain;
};
int vmf_lstm_chunk_init(struct vmf_lstm_chunk *c,
    const struct vmf_lstm_shape *s, struct vmf_err *e) VMF_CHECK;
void vmf_lstm_chunk_free(struct vmf_lstm_chunk *c);

/* A chunk's loss and weights, added up, of quantiles q [chunk][leads][9];
 * see vmf_lstm_grad.  Its slope by each of them into dq, unless NULL. */
void vmf_lstm_loss(const struct vmf_lstm_chunk *c, const float *q, float *dq,
    double *loss, double *weight);

/* ---- through oneDNN; in a build without, open says so (VMF_EUSAGE) ---- */

bool vmf_lstm_have(void);
/* Let oneDNN use no wider instructions than these.  Once in a process, and
 * before any work is opened. */
int vmf_lstm_simd(enum vmf_simd level, struct vmf_err *e) VMF_CHECK;

/* What one thread works with. */
struct vmf_lstm_work;
struct vmf_lstm_device;		/* lstm_cell.h; NULL: the CPU */
int vmf_lstm_open(struct vmf_lstm_work **w, const struct vmf_lstm_shape *s,
    bool train, struct vmf_lstm_device *device, struct vmf_err *e) VMF_CHECK;
void vmf_lstm_close(struct vmf_lstm_work *w);

/* Read x, with these weights; decode goes on from there. */
int vmf_lstm_encode(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, struct vmf_err *e) VMF_CHECK;
/* The quantiles of the leads at z, into q [chunk][leads][9]. */
int vmf_lstm_decode(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, float *q, struct vmf_err *e) VMF_CHECK;
/*
 * The gradient of the chunk's loss by all weights into grad (overwritten),
 * and its loss and weights added up; encode was done with train, decode is
 * done within.  A cell's loss is its weight times the mean over the levels
 * of the pinball loss of q against y, and gain times that of
 * sinh(loc + spread q) against sinh(loc + spread y).
 */
int vmf_lstm_grad(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, float *grad, double *loss,
    double *weight, struct vmf_err *e) VMF_CHECK;

#endif
