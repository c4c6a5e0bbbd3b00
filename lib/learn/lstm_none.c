/* SPDX-License-Identifier: MIT */
/*
 * In place of lstm_dnnl.c where oneDNN is not installed (DNNL=0): nothing
 * can be opened, and so the rest is never called.
 */
#include "learn/lstm.h"

static int
missing(struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDEV, "lstm needs oneDNN, which this build "
	    "is without: install libdnnl-dev and build again");
}

bool
vmf_lstm_have(void)
{
	return false;
}

int
vmf_lstm_simd(enum vmf_simd level, struct vmf_err *e)
{
	(void)level;
	(void)e;
	return 0;
}

int
vmf_lstm_open(struct vmf_lstm_work **w, const struct vmf_lstm_shape *s,
    bool train, struct vmf_lstm_device *device, struct vmf_err *e)
{
	(void)w;
	(void)s;
	(void)train;
	(void)device;
	return missing(e);
}

void
vmf_lstm_close(struct vmf_lstm_work *w)
{
	(void)w;
}

int
vmf_lstm_encode(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, struct vmf_err *e)
{
	(void)weights;
	(void)c;
	(void)w;
	return missing(e);
}

int
vmf_lstm_decode(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, float *q, struct vmf_err *e)
{
	(void)weights;
	(void)c;
	(void)q;
	(void)w;
	return missing(e);
}

int
vmf_lstm_grad(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, float *grad, double *loss,
    double *weight, struct vmf_err *e)
{
	(void)weights;
	(void)c;
	(void)grad;
	(void)loss;
	(void)weight;
	(void)w;
	return missing(e);
}
