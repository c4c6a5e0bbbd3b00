/* SPDX-License-Identifier: MIT */
/*
 * cuDNN, and what of the CUDA runtime is called beside it, for
 * test/unit/lstm_cudnn.c where there is no GPU.  Memory of the device is at
 * addresses that the host cannot read and full of NaN; nothing is done before
 * a stream is waited for; the LSTM is plain loops over its formulas, with
 * weights in an order and with gaps of its own.  Wrong use is refused, with
 * what is wrong; and any one call can be made to fail.
 *
 * The functions have the names of those that they stand in for, so that the
 * compiler holds them to the headers' types.
 */
#ifndef CUDNN_STAND_IN_H
#define CUDNN_STAND_IN_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda_runtime_api.h>
#include <cudnn.h>

/* ---- calls ---- */

static int stand_in_calls;	/* that may fail, so far */
static int stand_in_fail_at;	/* the one that does; 0: none */
static const char *stand_in_fail_name = "";	/* or each of this name */
static const char *stand_in_failed;	/* its name, when it has */
static bool stand_in_remembers;	/* as CUDA does, until it is asked */
static int stand_in_live;	/* things that are not given back */
static char stand_in_wrong[128];	/* what was refused last */

static bool
fails(const char *name)
{
	if (++stand_in_calls != stand_in_fail_at &&
	    strcmp(name, stand_in_fail_name) != 0)
		return false;
	stand_in_failed = name;
	stand_in_remembers = true;
	return true;
}

static bool
wrong(const char *what)
{
	snprintf(stand_in_wrong, sizeof(stand_in_wrong), "%s", what);
	return true;
}

/* ---- memory ---- */

/* An address of the device is this far from where its bytes are. */
#define FAR ((uintptr_t)1 << 60)

struct piece {
	char *p;			/* as the host reads it */
	size_t bytes;
	bool device;
};
enum { PIECES = 64 };
static struct piece pieces[PIECES];

static struct piece *
piece_of(const void *p, size_t bytes, bool device)
{
	uintptr_t at = (uintptr_t)p - (device ? FAR : 0);

	for (int k = 0; k < PIECES; k++)
		if (pieces[k].p != NULL && pieces[k].device == device &&
		    at >= (uintptr_t)pieces[k].p &&
		    at - (uintptr_t)pieces[k].p <= pieces[k].bytes &&
		    bytes <= pieces[k].bytes - (at - (uintptr_t)pieces[k].p))
			return &pieces[k];
	return NULL;
}

/* As the host reads it: so many bytes at an address of the device. */
static void *
on_device(const void *p, size_t bytes)
{
	return piece_of(p, bytes, true) == NULL ? NULL :
	    (void *)((uintptr_t)p - FAR);
}

static cudaError_t
take(void **p, size_t bytes, bool device)
{
	int k = 0;

	while (pieces[k].p != NULL)
		if (++k == PIECES) {
			printf("more memory than there should be\n");
			exit(1);
		}
	pieces[k] = (struct piece){ malloc(bytes), bytes, device };
	memset(pieces[k].p, 0xff, bytes);
	*p = (void *)((uintptr_t)pieces[k].p + (device ? FAR : 0));
	stand_in_live++;
	return cudaSuccess;
}

static cudaError_t
give(void *p, bool device)
{
	struct piece *m = piece_of(p, 0, device);

	if (m == NULL)
		return cudaErrorInvalidValue;
	free(m->p);
	m->p = NULL;
	stand_in_live--;
	return cudaSuccess;
}

cudaError_t
cudaMalloc(void **p, size_t bytes)
{
	return fails("cudaMalloc") ? cudaErrorMemoryAllocation :
	    take(p, bytes, true);
}

cudaError_t
cudaFree(void *p)
{
	return give(p, true);
}

cudaError_t
cudaHostAlloc(void **p, size_t bytes, unsigned int flags)
{
	(void)flags;
	return fails("cudaHostAlloc") ? cudaErrorMemoryAllocation :
	    take(p, bytes, false);
}

cudaError_t
cudaFreeHost(void *p)
{
	return give(p, false);
}

/* ---- descriptors ---- */

struct cudnnTensorStruct {
	int dim[3], stride[3];
	bool set;
};
struct cudnnDropoutStruct {
	bool set;
};
struct cudnnRNNStruct {
	int in, hidden;
	uint32_t flags;
	bool set;
};
struct cudnnRNNDataStruct {
	int steps, batch, size;
	cudnnRNNDataLayout_t layout;
	bool set;
};

/* ---- streams: what is to be done, in order ---- */

struct shape {
	int steps, batch, in, hidden;
};

struct op {
	enum { COPY, CLEAR, FORWARD, BACK_DATA, BACK_WEIGHTS } what;
	struct shape s;
	bool training;
	void *to;
	const void *from;
	size_t bytes;
	/* addresses as the host reads them */
	const float *x, *hx, *cx, *w, *dy, *dhy, *dcy, *const_y;
	float *y, *hy, *dx, *dw;
	double *reserve;
};

struct CUstream_st {
	struct op op[64];
	int n;
};

struct cudnnContext {
	cudaStream_t stream;
};

static void carry_out(const struct op *o);

static struct op *
enqueue(cudaStream_t s)
{
	struct op *o = &s->op[s->n++];

	if (s->n > 64) {
		printf("nobody waits for the stream\n");
		exit(1);
	}
	memset(o, 0, sizeof(*o));
	return o;
}

cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *s, unsigned int flags)
{
	if (fails("cudaStreamCreateWithFlags"))
		return cudaErrorMemoryAllocation;
	*s = calloc(1, sizeof(**s));
	stand_in_live++;
	return flags == cudaStreamNonBlocking ? cudaSuccess :
	    cudaErrorInvalidValue;
}

cudaError_t
cudaStreamDestroy(cudaStream_t s)
{
	free(s);
	stand_in_live--;
	return cudaSuccess;
}

cudaError_t
cudaStreamSynchronize(cudaStream_t s)
{
	bool bad = fails("cudaStreamSynchronize");

	for (int k = 0; k < s->n && !bad; k++)
		carry_out(&s->op[k]);
	s->n = 0;
	return bad ? cudaErrorLaunchFailure : cudaSuccess;
}

cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t bytes,
    enum cudaMemcpyKind kind, cudaStream_t s)
{
	bool in = kind == cudaMemcpyHostToDevice;
	struct op *o;

	if (fails("cudaMemcpyAsync"))
		return cudaErrorIllegalAddress;
	/* Of memory that is not pinned it would not be a copy beside. */
	if (piece_of(to, bytes, in) == NULL ||
	    piece_of(from, bytes, !in) == NULL)
		return cudaErrorInvalidValue;
	o = enqueue(s);
	o->what = COPY;
	o->to = (void *)((uintptr_t)to - (in ? FAR : 0));
	o->from = (const void *)((uintptr_t)from - (in ? 0 : FAR));
	o->bytes = bytes;
	return cudaSuccess;
}

cudaError_t
cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t s)
{
	struct op *o;

	if (fails("cudaMemsetAsync"))
		return cudaErrorIllegalAddress;
	if (on_device(to, bytes) == NULL || value != 0)
		return cudaErrorInvalidValue;
	o = enqueue(s);
	o->what = CLEAR;
	o->to = on_device(to, bytes);
	o->bytes = bytes;
	return cudaSuccess;
}

cudaError_t
cudaSetDeviceFlags(unsigned int flags)
{
	(void)flags;
	return fails("cudaSetDeviceFlags") ? cudaErrorSetOnActiveProcess :
	    cudaSuccess;
}

cudaError_t
cudaGetLastError(void)
{
	cudaError_t rc = stand_in_remembers ? cudaErrorLaunchFailure :
	    cudaSuccess;

	stand_in_remembers = false;
	return rc;
}

const char *
cudaGetErrorString(cudaError_t rc)
{
	return rc == cudaErrorInvalidValue ? "wrong use" : "the test says so";
}

const char *
cudaGetErrorName(cudaError_t rc)
{
	(void)rc;
	return "anError";
}

/* ---- cuDNN: handles and descriptors ---- */

size_t
cudnnGetVersion(void)
{
	return 90102;
}

const char *
cudnnGetErrorString(cudnnStatus_t rc)
{
	return rc == CUDNN_STATUS_BAD_PARAM ? "wrong use" :
	    "the test says so";
}

void
cudnnGetLastErrorString(char *message, size_t size)
{
	snprintf(message, size, "%s", stand_in_wrong);
}

#define MAKE(name, type) cudnnStatus_t \
name(type *out) \
{ \
	if (fails(#name)) \
		return CUDNN_STATUS_ALLOC_FAILED; \
	*out = calloc(1, sizeof(**out)); \
	stand_in_live++; \
	return CUDNN_STATUS_SUCCESS; \
}
#define DESTROY(name, type) cudnnStatus_t \
name(type p) \
{ \
	free(p); \
	stand_in_live--; \
	return CUDNN_STATUS_SUCCESS; \
}
MAKE(cudnnCreate, cudnnHandle_t)
DESTROY(cudnnDestroy, cudnnHandle_t)
MAKE(cudnnCreateTensorDescriptor, cudnnTensorDescriptor_t)
DESTROY(cudnnDestroyTensorDescriptor, cudnnTensorDescriptor_t)
MAKE(cudnnCreateDropoutDescriptor, cudnnDropoutDescriptor_t)
DESTROY(cudnnDestroyDropoutDescriptor, cudnnDropoutDescriptor_t)
MAKE(cudnnCreateRNNDescriptor, cudnnRNNDescriptor_t)
DESTROY(cudnnDestroyRNNDescriptor, cudnnRNNDescriptor_t)
MAKE(cudnnCreateRNNDataDescriptor, cudnnRNNDataDescriptor_t)
DESTROY(cudnnDestroyRNNDataDescriptor, cudnnRNNDataDescriptor_t)
#undef MAKE
#undef DESTROY

cudnnStatus_t
cudnnSetStream(cudnnHandle_t handle, cudaStream_t s)
{
	if (fails("cudnnSetStream"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	handle->stream = s;
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t t, cudnnDataType_t type,
    int n, const int *dim, const int *stride)
{
	if (fails("cudnnSetTensorNdDescriptor"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	if ((type != CUDNN_DATA_FLOAT || n != 3) && wrong("a tensor"))
		return CUDNN_STATUS_BAD_PARAM;
	memcpy(t->dim, dim, sizeof(t->dim));
	memcpy(t->stride, stride, sizeof(t->stride));
	t->set = true;
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnGetTensorNdDescriptor(const cudnnTensorDescriptor_t t, int most,
    cudnnDataType_t *type, int *n, int *dim, int *stride)
{
	if (fails("cudnnGetTensorNdDescriptor"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	if ((!t->set || most < 3) && wrong("a tensor that is not set"))
		return CUDNN_STATUS_BAD_PARAM;
	*type = CUDNN_DATA_FLOAT;
	*n = 3;
	memcpy(dim, t->dim, sizeof(t->dim));
	memcpy(stride, t->stride, sizeof(t->stride));
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t d, cudnnHandle_t handle,
    float dropout, void *states, size_t bytes, unsigned long long seed)
{
	(void)seed;
	if (fails("cudnnSetDropoutDescriptor"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	if ((handle == NULL || dropout > 0 || states != NULL || bytes != 0) &&
	    wrong("dropout"))
		return CUDNN_STATUS_BAD_PARAM;
	d->set = true;
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t r, cudnnRNNAlgo_t algo,
    cudnnRNNMode_t mode, cudnnRNNBiasMode_t bias, cudnnDirectionMode_t dir,
    cudnnRNNInputMode_t input, cudnnDataType_t data, cudnnDataType_t prec,
    cudnnMathType_t math, int32_t in, int32_t hidden, int32_t proj,
    int32_t layers, cudnnDropoutDescriptor_t dropout, uint32_t flags)
{
	if (fails("cudnnSetRNNDescriptor_v8"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	if ((algo != CUDNN_RNN_ALGO_STANDARD || mode != CUDNN_LSTM ||
	    bias != CUDNN_RNN_SINGLE_INP_BIAS || dir != CUDNN_UNIDIRECTIONAL ||
	    input != CUDNN_LINEAR_INPUT || data != CUDNN_DATA_FLOAT ||
	    prec != CUDNN_DATA_FLOAT || math != CUDNN_FMA_MATH ||
	    proj != hidden || layers != 1 || dropout == NULL ||
	    !dropout->set) && wrong("another kind of RNN"))
		return CUDNN_STATUS_BAD_PARAM;
	*r = (struct cudnnRNNStruct){ in, hidden, flags, true };
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t d, cudnnDataType_t type,
    cudnnRNNDataLayout_t layout, int steps, int batch, int size,
    const int *length, void *padding)
{
	(void)padding;
	if (fails("cudnnSetRNNDataDescriptor"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	if (type != CUDNN_DATA_FLOAT && wrong("a type"))
		return CUDNN_STATUS_BAD_PARAM;
	for (int k = 0; k < batch; k++)
		if (length[k] != steps && wrong("a shorter sequence"))
			return CUDNN_STATUS_NOT_SUPPORTED;
	*d = (struct cudnnRNNDataStruct){ steps, batch, size, layout, true };
	return CUDNN_STATUS_SUCCESS;
}

/* ---- cuDNN: where weights are ---- */

/* The other way round than one would think, and with a gap before each: where
 * matrix or bias k begins, in floats; and how many there are, at -1. */
static size_t
weights_at(int in, int hidden, int k, bool bias)
{
	size_t at = 0, h = (size_t)hidden;

	for (int j = 3; j >= 0; j--) {
		at += 5;
		if (bias && j == k)
			return at;
		at += h;
	}
	for (int j = 7; j >= 0; j--) {
		at += 3;
		if (!bias && j == k)
			return at;
		at += h * (j < 4 ? (size_t)in : h);
	}
	return at + 7;
}

static size_t
weight_bytes(const struct cudnnRNNStruct *r)
{
	return weights_at(r->in, r->hidden, -1, false) * sizeof(float);
}

cudnnStatus_t
cudnnGetRNNWeightSpaceSize(cudnnHandle_t handle, cudnnRNNDescriptor_t r,
    size_t *bytes)
{
	if (fails("cudnnGetRNNWeightSpaceSize"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	if ((handle == NULL || !r->set) && wrong("an RNN that is not set"))
		return CUDNN_STATUS_BAD_PARAM;
	*bytes = weight_bytes(r);
	return CUDNN_STATUS_SUCCESS;
}

/* What a test makes of it: a bias of another size, or places outside. */
static bool stand_in_odd_bias, stand_in_far_matrix;

cudnnStatus_t
cudnnGetRNNWeightParams(cudnnHandle_t handle, cudnnRNNDescriptor_t r,
    int32_t layer, size_t bytes, const void *w, int32_t k,
    cudnnTensorDescriptor_t matrix_is, void **matrix,
    cudnnTensorDescriptor_t bias_is, void **bias)
{
	uintptr_t at = (uintptr_t)w;
	int cols = k < 4 ? r->in : r->hidden, h = r->hidden;

	if (fails("cudnnGetRNNWeightParams"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	if ((handle == NULL || layer != 0 || k < 0 || k > 7 ||
	    bytes != weight_bytes(r) || on_device(w, bytes) == NULL) &&
	    wrong("other weights"))
		return CUDNN_STATUS_BAD_PARAM;
	*matrix_is = (struct cudnnTensorStruct){ { 1, h, cols },
	    { h * cols, cols, 1 }, true };
	*matrix = (void *)(at + sizeof(float) *
	    weights_at(r->in, h, k, false) +
	    (stand_in_far_matrix ? bytes : 0));
	/* One bias a gate, with the input. */
	*bias_is = (struct cudnnTensorStruct){ { 1, h, 1 }, { h, 1, 1 },
	    true };
	if (stand_in_odd_bias)
		bias_is->dim[2] = 2;
	*bias = k > 3 ? NULL : (void *)(at + sizeof(float) *
	    weights_at(r->in, h, k, true));
	return CUDNN_STATUS_SUCCESS;
}

/* ---- cuDNN: what is computed ---- */

/* Numbers of a step that backward needs: four gates and c, and slopes by the
 * gates before their functions.  The first tells how far it came. */
enum { KEPT = 9, DONE_FORWARD = 1, DONE_DATA = 2 };

static size_t
reserve_bytes(const struct cudnnRNNDataStruct *x, int hidden)
{
	return (1 + (size_t)x->steps * (size_t)x->batch * (size_t)hidden *
	    KEPT) * sizeof(double);
}

static size_t
work_bytes(const struct cudnnRNNDataStruct *x)
{
	return 1000 + (size_t)x->batch;
}

cudnnStatus_t
cudnnGetRNNTempSpaceSizes(cudnnHandle_t handle, cudnnRNNDescriptor_t r,
    cudnnForwardMode_t mode, cudnnRNNDataDescriptor_t x, size_t *work,
    size_t *reserve)
{
	if (fails("cudnnGetRNNTempSpaceSizes"))
		return CUDNN_STATUS_INTERNAL_ERROR;
	if ((handle == NULL || !r->set || !x->set) && wrong("not set"))
		return CUDNN_STATUS_BAD_PARAM;
	*work = work_bytes(x);
	*reserve = mode == CUDNN_FWD_MODE_TRAINING ?
	    reserve_bytes(x, r->hidden) : 0;
	return CUDNN_STATUS_SUCCESS;
}

/* What all three are told. */
struct told {
	cudnnHandle_t handle;
	cudnnRNNDescriptor_t r;
	const int32_t *length;
	cudnnRNNDataDescriptor_t x_is, y_is;
	cudnnTensorDescriptor_t h_is;
	size_t w_bytes, work_bytes, reserve_bytes;
	const void *work, *reserve;
	bool training;
};

static bool
is_wrong(const struct told *t)
{
	const struct cudnnRNNDataStruct *x = t->x_is, *y = t->y_is;
	const struct cudnnTensorStruct *h = t->h_is;
	int H = t->r->hidden;

	if (!t->r->set || !x->set || !y->set || !h->set)
		return wrong("a descriptor that is not set");
	if (x->size != t->r->in || y->size != H || x->steps != y->steps ||
	    x->batch != y->batch)
		return wrong("descriptors of other sizes");
	if (x->layout != CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED ||
	    y->layout != x->layout ||
	    (t->r->flags & CUDNN_RNN_PADDED_IO_ENABLED) == 0)
		return wrong("a layout that is not switched on");
	if (h->dim[0] != 1 || h->dim[1] != x->batch || h->dim[2] != H ||
	    h->stride[0] != x->batch * H || h->stride[1] != H ||
	    h->stride[2] != 1)
		return wrong("a state of another size");
	if (t->length != NULL && on_device(t->length, (size_t)x->batch *
	    sizeof(int32_t)) == NULL)
		return wrong("lengths that are not on the device");
	if (t->w_bytes != weight_bytes(t->r))
		return wrong("weights of another size");
	if (t->work_bytes < work_bytes(x) ||
	    on_device(t->work, t->work_bytes) == NULL)
		return wrong("too little work space");
	if (t->training && (t->reserve_bytes < reserve_bytes(x, H) ||
	    on_device(t->reserve, t->reserve_bytes) == NULL))
		return wrong("too little reserve space");
	return false;
}

/* floats at an address of the device; *bad where they are not there. */
static float *
floats_at(const void *p, size_t n, bool *bad)
{
	float *at = on_device(p, n * sizeof(float));

	if (at == NULL)
		*bad = wrong("an array that is not on the device, or short");
	return at;
}

static struct op *
enqueue_rnn(const struct told *t, const struct op *o, bool bad)
{
	struct op *to;

	if (bad)
		return NULL;
	to = enqueue(t->handle->stream);
	*to = *o;
	to->s = (struct shape){ t->x_is->steps, t->x_is->batch, t->r->in,
	    t->r->hidden };
	to->training = t->training;
	to->reserve = t->training ? on_device(t->reserve, 0) : NULL;
	return to;
}

#define SIZES(t) \
	size_t nx = (size_t)(t).x_is->steps * (size_t)(t).x_is->batch * \
	    (size_t)(t).r->in; \
	size_t nh = (size_t)(t).x_is->batch * (size_t)(t).r->hidden; \
	size_t ny = (size_t)(t).x_is->steps * nh

cudnnStatus_t
cudnnRNNForward(cudnnHandle_t handle, cudnnRNNDescriptor_t r,
    cudnnForwardMode_t mode, const int32_t *length,
    cudnnRNNDataDescriptor_t x_is, const void *x,
    cudnnRNNDataDescriptor_t y_is, void *y, cudnnTensorDescriptor_t h_is,
    const void *hx, void *hy, cudnnTensorDescriptor_t c_is, const void *cx,
    void *cy, size_t w_bytes, const void *w, size_t work_size, void *work,
    size_t reserve_size, void *reserve)
{
	const struct told t = { handle, r, length, x_is, y_is, h_is, w_bytes,
	    work_size, reserve_size, work, reserve,
	    mode == CUDNN_FWD_MODE_TRAINING };
	struct op o = { .what = FORWARD };
	bool bad = false;

	SIZES(t);
	if (fails("cudnnRNNForward"))
		return CUDNN_STATUS_EXECUTION_FAILED;
	if (is_wrong(&t) || c_is != h_is || cy != NULL)
		return CUDNN_STATUS_BAD_PARAM;
	o.x = floats_at(x, nx, &bad);
	o.y = floats_at(y, ny, &bad);
	o.hx = floats_at(hx, nh, &bad);
	o.cx = floats_at(cx, nh, &bad);
	o.hy = floats_at(hy, nh, &bad);
	o.w = floats_at(w, w_bytes / sizeof(float), &bad);
	return enqueue_rnn(&t, &o, bad) == NULL ? CUDNN_STATUS_BAD_PARAM :
	    CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnRNNBackwardData_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t r,
    const int32_t *length, cudnnRNNDataDescriptor_t y_is, const void *y,
    const void *dy, cudnnRNNDataDescriptor_t x_is, void *dx,
    cudnnTensorDescriptor_t h_is, const void *hx, const void *dhy, void *dhx,
    cudnnTensorDescriptor_t c_is, const void *cx, const void *dcy, void *dcx,
    size_t w_bytes, const void *w, size_t work_size, void *work,
    size_t reserve_size, void *reserve)
{
	const struct told t = { handle, r, length, x_is, y_is, h_is, w_bytes,
	    work_size, reserve_size, work, reserve, true };
	struct op o = { .what = BACK_DATA };
	bool bad = false;

	SIZES(t);
	if (fails("cudnnRNNBackwardData_v8"))
		return CUDNN_STATUS_EXECUTION_FAILED;
	if (is_wrong(&t) || c_is != h_is || dhx != NULL || dcx != NULL)
		return CUDNN_STATUS_BAD_PARAM;
	o.const_y = floats_at(y, ny, &bad);
	o.dy = floats_at(dy, ny, &bad);
	o.dx = floats_at(dx, nx, &bad);
	o.hx = floats_at(hx, nh, &bad);
	o.cx = floats_at(cx, nh, &bad);
	o.dhy = floats_at(dhy, nh, &bad);
	/* None is none. */
	o.dcy = dcy == NULL ? NULL : floats_at(dcy, nh, &bad);
	o.w = floats_at(w, w_bytes / sizeof(float), &bad);
	return enqueue_rnn(&t, &o, bad) == NULL ? CUDNN_STATUS_BAD_PARAM :
	    CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnRNNBackwardWeights_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t r,
    cudnnWgradMode_t mode, const int32_t *length,
    cudnnRNNDataDescriptor_t x_is, const void *x,
    cudnnTensorDescriptor_t h_is, const void *hx,
    cudnnRNNDataDescriptor_t y_is, const void *y, size_t w_bytes, void *dw,
    size_t work_size, void *work, size_t reserve_size, void *reserve)
{
	const struct told t = { handle, r, length, x_is, y_is, h_is, w_bytes,
	    work_size, reserve_size, work, reserve, true };
	struct op o = { .what = BACK_WEIGHTS };
	bool bad = false;

	SIZES(t);
	if (fails("cudnnRNNBackwardWeights_v8"))
		return CUDNN_STATUS_EXECUTION_FAILED;
	if (is_wrong(&t))
		return CUDNN_STATUS_BAD_PARAM;
	if (mode != CUDNN_WGRAD_MODE_ADD)
		return CUDNN_STATUS_NOT_SUPPORTED;
	o.x = floats_at(x, nx, &bad);
	o.const_y = floats_at(y, ny, &bad);
	o.hx = floats_at(hx, nh, &bad);
	o.dw = floats_at(dw, w_bytes / sizeof(float), &bad);
	return enqueue_rnn(&t, &o, bad) == NULL ? CUDNN_STATUS_BAD_PARAM :
	    CUDNN_STATUS_SUCCESS;
}

/* ---- the formulas ---- */

static double
squash(double x)
{
	return 1.0 / (1.0 + exp(-x));
}

/* What is kept of unit j of sequence b in step t. */
static double *
kept(const struct op *o, int t, int b, int j)
{
	return o->reserve + 1 + (((size_t)t * (size_t)o->s.batch +
	    (size_t)b) * (size_t)o->s.hidden + (size_t)j) * KEPT;
}

static float
weight(const struct op *o, int k, int row, int col)
{
	int cols = k < 4 ? o->s.in : o->s.hidden;

	return o->w[weights_at(o->s.in, o->s.hidden, k, false) +
	    (size_t)(row * cols + col)];
}

static void
do_forward(const struct op *o)
{
	int I = o->s.in, H = o->s.hidden, B = o->s.batch;
	double *c = calloc((size_t)H, sizeof(*c));

	for (int b = 0; b < B; b++) {
		for (int j = 0; j < H; j++)
			c[j] = o->cx[b * H + j];
		for (int t = 0; t < o->s.steps; t++) {
			const float *x = o->x + (t * B + b) * I;
			const float *h = t == 0 ? o->hx + b * H :
			    o->y + ((t - 1) * B + b) * H;

			for (int j = 0; j < H; j++) {
				double a[4], out[5];

				for (int k = 0; k < 4; k++) {
					a[k] = o->w[weights_at(I, H, k, true) +
					    (size_t)j];
					for (int i = 0; i < I; i++)
						a[k] += (double)weight(o, k,
						    j, i) * x[i];
					for (int i = 0; i < H; i++)
						a[k] += (double)weight(o,
						    k + 4, j, i) * h[i];
				}
				out[0] = squash(a[0]);
				out[1] = squash(a[1]);
				out[2] = tanh(a[2]);
				out[3] = squash(a[3]);
				c[j] = out[1] * c[j] + out[0] * out[2];
				out[4] = c[j];
				o->y[(t * B + b) * H + j] =
				    (float)(out[3] * tanh(c[j]));
				if (o->training)
					memcpy(kept(o, t, b, j), out,
					    sizeof(out));
			}
		}
		memcpy(o->hy + b * H, o->y + ((o->s.steps - 1) * B + b) * H,
		    (size_t)H * sizeof(float));
	}
	if (o->training)
		o->reserve[0] = DONE_FORWARD;
	free(c);
}

static void
do_back_data(const struct op *o)
{
	int I = o->s.in, H = o->s.hidden, B = o->s.batch;
	double *dh = calloc((size_t)H, sizeof(*dh));
	double *dc = calloc((size_t)H, sizeof(*dc));

	for (int b = 0; b < B; b++) {
		for (int j = 0; j < H; j++) {
			dh[j] = o->dhy[b * H + j];
			dc[j] = o->dcy == NULL ? 0.0 : o->dcy[b * H + j];
		}
		for (int t = o->s.steps - 1; t >= 0; t--) {
			for (int j = 0; j < H; j++) {
				double *v = kept(o, t, b, j);
				double i = v[0], f = v[1], g = v[2], u = v[3];
				double th = tanh(v[4]), before = t == 0 ?
				    o->cx[b * H + j] : kept(o, t - 1, b, j)[4];

				dh[j] += o->dy[(t * B + b) * H + j];
				dc[j] += dh[j] * u * (1.0 - th * th);
				v[5] = dc[j] * g * i * (1.0 - i);
				v[6] = dc[j] * before * f * (1.0 - f);
				v[7] = dc[j] * i * (1.0 - g * g);
				v[8] = dh[j] * th * u * (1.0 - u);
				dc[j] *= f;
			}
			memset(dh, 0, (size_t)H * sizeof(*dh));
			for (int i = 0; i < I; i++)
				o->dx[(t * B + b) * I + i] = 0.0f;
			for (int j = 0; j < H; j++)
				for (int k = 0; k < 4; k++) {
					double da = kept(o, t, b, j)[5 + k];

					for (int i = 0; i < H; i++)
						dh[i] += da * weight(o, k + 4,
						    j, i);
					for (int i = 0; i < I; i++)
						o->dx[(t * B + b) * I + i] +=
						    (float)(da * weight(o, k,
						    j, i));
				}
		}
	}
	o->reserve[0] = DONE_DATA;
	free(dh);
	free(dc);
}

static void
do_back_weights(const struct op *o)
{
	int I = o->s.in, H = o->s.hidden, B = o->s.batch;

	for (int k = 0; k < 8; k++) {
		int cols = k < 4 ? I : H;
		float *m = o->dw + weights_at(I, H, k, false);
		float *bias = o->dw + weights_at(I, H, k, true);

		for (int j = 0; j < H; j++)
			for (int i = k < 4 ? -1 : 0; i < cols; i++) {
				double sum = 0.0;

				for (int t = 0; t < o->s.steps; t++)
					for (int b = 0; b < B; b++)
						sum += kept(o, t, b, j)[5 +
						    k % 4] * (i < 0 ? 1.0 :
						    k < 4 ? o->x[(t * B + b) *
						    I + i] : t == 0 ?
						    o->hx[b * H + i] :
						    o->const_y[((t - 1) * B +
						    b) * H + i]);
				if (i < 0)
					bias[j] += (float)sum;
				else
					m[j * cols + i] += (float)sum;
			}
	}
}

/* Not to be told by a status, as it is found while the stream works: numbers
 * that show. */
static void
spoil(float *p)
{
	(void)wrong("calls in another order");
	*p = NAN;
}

static void
carry_out(const struct op *o)
{
	switch (o->what) {
	case COPY:
		memcpy(o->to, o->from, o->bytes);
		break;
	case CLEAR:
		memset(o->to, 0, o->bytes);
		break;
	case FORWARD:
		do_forward(o);
		break;
	case BACK_DATA:
		if (o->reserve[0] == DONE_FORWARD)
			do_back_data(o);
		else
			spoil(o->dx);
		break;
	case BACK_WEIGHTS:
		if (o->reserve[0] == DONE_DATA)
			do_back_weights(o);
		else
			for (int k = 0; k < 8; k++)
				spoil(o->dw + weights_at(o->s.in, o->s.hidden,
				    k, false));
		break;
	}
}

#endif
