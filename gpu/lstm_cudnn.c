/* SPDX-License-Identifier: MIT */
/*
 * The LSTM by cuDNN 9.  The library is loaded when a GPU is asked for, and
 * not linked: the same commands run where it is not installed.  Of a chunk
 * the steps, the weights and the slopes by the last state go to the device,
 * and that state or the weights' gradients come back.
 *
 * cuDNN says itself where in its memory the weights of each gate lie
 * (cudnnGetRNNWeightParams); its gates come in our order, and its matrices
 * are H x inputs where ours are inputs x 4H.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "base/mem.h"
#include "forecast/device.h"
#include "learn/lstm_cell.h"

#define LIBRARY "libcudnn.so.9"
#define N VMF_LSTM_CHUNK
#define ALIGN 256

enum { GATES = 4 };

/* What is called of it. */
#define CALLS(X) X(cudnnGetVersion) X(cudnnGetErrorString) \
	X(cudnnGetLastErrorString) X(cudnnCreate) X(cudnnDestroy) \
	X(cudnnSetStream) X(cudnnCreateTensorDescriptor) \
	X(cudnnDestroyTensorDescriptor) X(cudnnSetTensorNdDescriptor) \
	X(cudnnGetTensorNdDescriptor) X(cudnnCreateDropoutDescriptor) \
	X(cudnnDestroyDropoutDescriptor) X(cudnnSetDropoutDescriptor) \
	X(cudnnCreateRNNDescriptor) X(cudnnDestroyRNNDescriptor) \
	X(cudnnSetRNNDescriptor_v8) X(cudnnCreateRNNDataDescriptor) \
	X(cudnnDestroyRNNDataDescriptor) X(cudnnSetRNNDataDescriptor) \
	X(cudnnGetRNNWeightSpaceSize) X(cudnnGetRNNTempSpaceSizes) \
	X(cudnnGetRNNWeightParams) X(cudnnRNNForward) \
	X(cudnnRNNBackwardData_v8) X(cudnnRNNBackwardWeights_v8)

struct calls {
#define MEMBER(name) __typeof__(name) *name;
	CALLS(MEMBER)
#undef MEMBER
};

static const struct {
	const char *name;
	size_t at;			/* in struct calls */
} named[] = {
#define NAMED(name) { #name, offsetof(struct calls, name) },
	CALLS(NAMED)
#undef NAMED
};

struct vmf_lstm_device {
	void *library;
	struct calls call;
	char name[600];
	pthread_mutex_t lock;		/* of idle */
	struct cell *idle;		/* closed, for the next of their kind */
};

struct cell {
	struct vmf_lstm_cell cell;	/* first: what is seen of it */
	struct vmf_lstm_device *d;
	struct cell *next;		/* that is idle */
	struct vmf_lstm_shape shape;
	int64_t at[VMF_LSTM_PARTS + 1];
	bool train;
	bool whole;			/* opened, and nothing has failed */
	cudaStream_t stream;
	cudnnHandle_t handle;
	cudnnDropoutDescriptor_t dropout;	/* none, which has to be said */
	cudnnRNNDescriptor_t rnn;
	cudnnRNNDataDescriptor_t x_is, y_is;
	cudnnTensorDescriptor_t state_is;	/* h and c */
	cudnnTensorDescriptor_t matrix_is, bias_is;	/* of a gate */
	size_t x_bytes, h_bytes, w_bytes, work_bytes, reserve_bytes;
	/* The device's memory, and the host's that it copies from and to,
	 * each in one piece. */
	void *dev, *host;
	void *x, *y, *h, *w, *work, *reserve;
	void *zeros;			/* the beginning; slopes by y */
	void *dx, *dh, *dw;		/* to train only */
	float *host_x, *host_w;
	/* Where in w a gate's numbers begin, in floats: its matrix of x, of
	 * the state, and its bias. */
	int64_t wx_at[GATES], wr_at[GATES], b_at[GATES];
};

/* ---- what can fail ---- */

static int
cuda(const struct vmf_lstm_device *d, const char *call, cudaError_t rc,
    struct vmf_err *e)
{
	if (rc == cudaSuccess)
		return 0;
	(void)cudaGetLastError();	/* told here, and to nobody else */
	return vmf_fail(e, VMF_EDEV, "%s for lstm on device 0 (%s): %s (%s)",
	    call, d->name, cudaGetErrorString(rc), cudaGetErrorName(rc));
}

static int
dnn(const struct vmf_lstm_device *d, const char *call, cudnnStatus_t rc,
    struct vmf_err *e)
{
	char more[256] = "";

	if (rc == CUDNN_STATUS_SUCCESS)
		return 0;
	(void)cudaGetLastError();
	d->call.cudnnGetLastErrorString(more, sizeof(more));
	more[sizeof(more) - 1] = '\0';
	return vmf_fail(e, VMF_EDEV, "%s on device 0 (%s): %s%s%s", call,
	    d->name, d->call.cudnnGetErrorString(rc),
	    more[0] != '\0' ? ": " : "", more);
}

/* A call for a cell: 0, or VMF_EDEV with its name. */
#define CUDA(c, e, name, ...) cuda((c)->d, #name, name(__VA_ARGS__), e)
#define DNN(c, e, name, ...) \
	dnn((c)->d, #name, (c)->d->call.name(__VA_ARGS__), e)

/* ---- the library ---- */

static int
load(struct vmf_lstm_device *d, const char *gpu, struct vmf_err *e)
{
	size_t version;

	/* It stays until the process ends: kernels of it are registered with
	 * the driver. */
	d->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (d->library == NULL)
		return vmf_fail(e, VMF_EDEV, "lstm on a GPU needs cuDNN 9, "
		    "which cannot be loaded: %s; install it, or name its "
		    "folder in LD_LIBRARY_PATH", dlerror());
	for (size_t k = 0; k < sizeof(named) / sizeof(named[0]); k++) {
		void *p = dlsym(d->library, named[k].name);

		if (p == NULL)
			return vmf_fail(e, VMF_EDEV, LIBRARY " has no %s, "
			    "expected one of cuDNN 9 with its RNN interface",
			    named[k].name);
		memcpy((char *)&d->call + named[k].at, &p, sizeof(p));
	}
	version = d->call.cudnnGetVersion();
	snprintf(d->name, sizeof(d->name), "cuDNN %zu.%zu.%zu, %s",
	    version / 10000, version / 100 % 100, version % 100, gpu);
	return 0;
}

static void destroy(struct cell *c);

/*
 * A chunk of the smallest network is read.  cuDNN 9 loads most of itself with
 * a first handle: only then is it known that the driver is too old for it, or
 * that cuBLAS is missing.
 */
static int
prove(struct vmf_lstm_device *d, struct vmf_err *e)
{
	const struct vmf_lstm_shape one = { .steps = 1, .in = 1, .hidden = 1,
	    .statics = 1, .lead_in = 1, .units = 1 };
	int64_t at[VMF_LSTM_PARTS + 1];
	struct vmf_lstm_cell *c = NULL;
	const float x[N] = { 0.0f };
	float *w;
	int rc;

	vmf_lstm_layout(&one, at);
	w = vmf_calloc(at[VMF_LSTM_PARTS], (int64_t)sizeof(*w), e);
	if (w == NULL)
		return VMF_ENOMEM;
	if ((rc = vmf_lstm_device_cell(d, &c, &one, false, e)) == 0)
		rc = c->ops->forward(c, w, x, e);
	if (c != NULL)
		destroy((struct cell *)c);
	free(w);
	return rc;
}

int
vmf_lstm_device_open(struct vmf_lstm_device **out, struct vmf_err *e)
{
	struct vmf_lstm_device *d;
	char gpu[512];
	int rc;

	*out = NULL;
	if (!vmf_device_find(gpu, sizeof(gpu), NULL))
		return vmf_fail(e, VMF_EDEV, "no device: %s", gpu);
	if ((d = vmf_calloc(1, (int64_t)sizeof(*d), e)) == NULL)
		return VMF_ENOMEM;
	pthread_mutex_init(&d->lock, NULL);
	*out = d;
	if ((rc = load(d, gpu, e)) != 0)
		return rc;
	/* A thread that waits for the device leaves its core to others. */
	if ((rc = cuda(d, "cudaSetDeviceFlags",
	    cudaSetDeviceFlags(cudaDeviceScheduleBlockingSync), e)) != 0)
		return rc;
	return prove(d, e);
}

void
vmf_lstm_device_free(struct vmf_lstm_device *d)
{
	if (d == NULL)
		return;
	while (d->idle != NULL) {
		struct cell *c = d->idle;

		d->idle = c->next;
		destroy(c);
	}
	pthread_mutex_destroy(&d->lock);
	if (d->library != NULL)
		(void)dlclose(d->library);
	free(d);
}

const char *
vmf_lstm_device_name(const struct vmf_lstm_device *d)
{
	return d->name;
}

/* ---- opening ---- */

/* What is to be computed, and of what. */
static int
describe(struct cell *c, struct vmf_err *e)
{
	const int steps = c->shape.steps, in = c->shape.in,
	    hidden = c->shape.hidden;
	const int dim[] = { 1, N, hidden }, stride[] = { N * hidden, hidden,
	    1 };
	int length[N], rc;

	for (int k = 0; k < N; k++)
		length[k] = steps;
	if ((rc = DNN(c, e, cudnnCreateDropoutDescriptor,
	    &c->dropout)) != 0 ||
	    (rc = DNN(c, e, cudnnSetDropoutDescriptor, c->dropout, c->handle,
	    0.0f, NULL, 0, 0)) != 0 ||
	    (rc = DNN(c, e, cudnnCreateRNNDescriptor, &c->rnn)) != 0 ||
	    /* FMA: float32 throughout, and no tensor cores' TF32.  As many
	     * projected as there are hidden: no projection. */
	    (rc = DNN(c, e, cudnnSetRNNDescriptor_v8, c->rnn,
	    CUDNN_RNN_ALGO_STANDARD, CUDNN_LSTM, CUDNN_RNN_SINGLE_INP_BIAS,
	    CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT,
	    CUDNN_DATA_FLOAT, CUDNN_FMA_MATH, in, hidden, hidden, 1,
	    c->dropout, CUDNN_RNN_PADDED_IO_ENABLED)) != 0 ||
	    (rc = DNN(c, e, cudnnCreateRNNDataDescriptor, &c->x_is)) != 0 ||
	    (rc = DNN(c, e, cudnnSetRNNDataDescriptor, c->x_is,
	    CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, steps,
	    N, in, length, NULL)) != 0 ||
	    (rc = DNN(c, e, cudnnCreateRNNDataDescriptor, &c->y_is)) != 0 ||
	    (rc = DNN(c, e, cudnnSetRNNDataDescriptor, c->y_is,
	    CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, steps,
	    N, hidden, length, NULL)) != 0 ||
	    (rc = DNN(c, e, cudnnCreateTensorDescriptor,
	    &c->matrix_is)) != 0 ||
	    (rc = DNN(c, e, cudnnCreateTensorDescriptor,
	    &c->bias_is)) != 0 ||
	    (rc = DNN(c, e, cudnnCreateTensorDescriptor,
	    &c->state_is)) != 0)
		return rc;
	return DNN(c, e, cudnnSetTensorNdDescriptor, c->state_is,
	    CUDNN_DATA_FLOAT, 3, dim, stride);
}

/* Parts of one piece of memory, one after the other, each aligned. */
struct part {
	void **p;
	size_t bytes;
};

static size_t
cut(const struct part *part, int n, void *mem)
{
	size_t all = 0;

	for (int k = 0; k < n; k++) {
		if (mem != NULL)
			*part[k].p = (char *)mem + all;
		all += (part[k].bytes + ALIGN - 1) / ALIGN * ALIGN;
	}
	return all;
}

/* What cuDNN has said that it needs, and what is copied; the last parts are
 * to train only. */
static int
take_memory(struct cell *c, struct vmf_err *e)
{
	void *host_x = NULL, *host_w = NULL, *host_h = NULL, *host_dh = NULL;
	size_t y_bytes = (size_t)c->shape.steps * c->h_bytes;
	const struct part dev[] = { { &c->x, c->x_bytes }, { &c->y, y_bytes },
	    { &c->h, c->h_bytes }, { &c->w, c->w_bytes },
	    { &c->work, c->work_bytes }, { &c->reserve, c->reserve_bytes },
	    { &c->zeros, y_bytes }, { &c->dx, c->x_bytes },
	    { &c->dh, c->h_bytes }, { &c->dw, c->w_bytes } };
	const struct part host[] = { { &host_x, c->x_bytes },
	    { &host_w, c->w_bytes }, { &host_h, c->h_bytes },
	    { &host_dh, c->h_bytes } };
	int n_dev = c->train ? 10 : 7, n_host = c->train ? 4 : 3, rc;
	size_t host_bytes = cut(host, n_host, NULL);

	if ((rc = CUDA(c, e, cudaMalloc, &c->dev, cut(dev, n_dev,
	    NULL))) != 0 ||
	    (rc = CUDA(c, e, cudaHostAlloc, &c->host, host_bytes,
	    cudaHostAllocDefault)) != 0)
		return rc;
	(void)cut(dev, n_dev, c->dev);
	(void)cut(host, n_host, c->host);
	memset(c->host, 0, host_bytes);
	c->host_x = host_x;
	c->host_w = host_w;
	c->cell.h = host_h;
	c->cell.dh = host_dh;
	return CUDA(c, e, cudaMemsetAsync, c->zeros, 0, y_bytes, c->stream);
}

/* Where p, of rows x cols as `is` says, begins in w, into *at. */
static int
place(const struct cell *c, cudnnTensorDescriptor_t is, const void *p,
    int rows, int cols, int64_t *at, struct vmf_err *e)
{
	int dim[3] = { 0 }, stride[3] = { 0 }, n = 0, rc;
	uintptr_t from = (uintptr_t)c->w, to = (uintptr_t)p;
	size_t bytes = (size_t)rows * (size_t)cols * sizeof(float);
	cudnnDataType_t type = CUDNN_DATA_DOUBLE;

	if ((rc = DNN(c, e, cudnnGetTensorNdDescriptor, is, 3, &type, &n, dim,
	    stride)) != 0)
		return rc;
	if (type != CUDNN_DATA_FLOAT || n != 3 || dim[0] != 1 ||
	    dim[1] != rows || dim[2] != cols || stride[1] != cols ||
	    stride[2] != 1)
		return vmf_fail(e, VMF_EDEV, "%s has weights of %d x %d x %d "
		    "in steps of %d and %d, expected 1 x %d x %d in steps of "
		    "%d and 1", c->d->name, dim[0], dim[1], dim[2], stride[1],
		    stride[2], rows, cols, cols);
	if (to < from || to - from > c->w_bytes ||
	    bytes > c->w_bytes - (to - from) ||
	    (to - from) % sizeof(float) != 0)
		return vmf_fail(e, VMF_EDEV, "%s has weights outside of their "
		    "%zu bytes", c->d->name, c->w_bytes);
	*at = (int64_t)((to - from) / sizeof(float));
	return 0;
}

/* Biases are with the matrices of x, as the descriptor wants it. */
static int
place_weights(struct cell *c, struct vmf_err *e)
{
	int hidden = c->shape.hidden, rc;

	for (int k = 0; k < 2 * GATES; k++) {
		void *matrix = NULL, *bias = NULL;
		bool of_x = k < GATES;

		if ((rc = DNN(c, e, cudnnGetRNNWeightParams, c->handle,
		    c->rnn, 0, c->w_bytes, c->w, k, c->matrix_is, &matrix,
		    c->bias_is, &bias)) != 0 ||
		    (rc = place(c, c->matrix_is, matrix, hidden, of_x ?
		    c->shape.in : hidden, of_x ? &c->wx_at[k] :
		    &c->wr_at[k - GATES], e)) != 0 ||
		    (of_x && (rc = place(c, c->bias_is, bias, hidden, 1,
		    &c->b_at[k], e)) != 0))
			return rc;
	}
	return 0;
}

/* One of the idle ones that does the same, or NULL: to open one takes memory,
 * a stream and a handle, and whoever forecasts does so for each batch. */
static struct cell *
take_idle(struct vmf_lstm_device *d, const struct vmf_lstm_shape *s,
    bool train)
{
	struct cell **at, *c;

	pthread_mutex_lock(&d->lock);
	at = &d->idle;
	while ((c = *at) != NULL && (c->train != train ||
	    memcmp(&c->shape, s, sizeof(*s)) != 0))
		at = &c->next;
	if (c != NULL)
		*at = c->next;
	pthread_mutex_unlock(&d->lock);
	return c;
}

static const struct vmf_lstm_cell_ops ops;

int
vmf_lstm_device_cell(struct vmf_lstm_device *d, struct vmf_lstm_cell **out,
    const struct vmf_lstm_shape *s, bool train, struct vmf_err *e)
{
	cudnnForwardMode_t mode = train ? CUDNN_FWD_MODE_TRAINING :
	    CUDNN_FWD_MODE_INFERENCE;
	struct cell *c;
	int rc;

	*out = NULL;
	if ((c = take_idle(d, s, train)) != NULL) {
		*out = &c->cell;
		return 0;
	}
	if ((c = vmf_calloc(1, (int64_t)sizeof(*c), e)) == NULL)
		return VMF_ENOMEM;
	*out = &c->cell;
	c->cell.ops = &ops;
	c->d = d;
	c->shape = *s;
	c->train = train;
	vmf_lstm_layout(s, c->at);
	c->h_bytes = N * (size_t)s->hidden * sizeof(float);
	c->x_bytes = N * (size_t)s->steps * (size_t)s->in * sizeof(float);
	if ((rc = CUDA(c, e, cudaStreamCreateWithFlags, &c->stream,
	    cudaStreamNonBlocking)) != 0 ||
	    (rc = DNN(c, e, cudnnCreate, &c->handle)) != 0 ||
	    (rc = DNN(c, e, cudnnSetStream, c->handle, c->stream)) != 0 ||
	    (rc = describe(c, e)) != 0 ||
	    (rc = DNN(c, e, cudnnGetRNNWeightSpaceSize, c->handle, c->rnn,
	    &c->w_bytes)) != 0 ||
	    (rc = DNN(c, e, cudnnGetRNNTempSpaceSizes, c->handle, c->rnn,
	    mode, c->x_is, &c->work_bytes, &c->reserve_bytes)) != 0 ||
	    (rc = take_memory(c, e)) != 0 ||
	    (rc = place_weights(c, e)) != 0)
		return rc;
	c->whole = true;
	return 0;
}

static void
destroy(struct cell *c)
{
	const struct calls *call = &c->d->call;

	/* What failed, or is under way, was told or is not wanted any more. */
	if (c->stream != NULL)
		(void)cudaStreamSynchronize(c->stream);
	if (c->state_is != NULL)
		(void)call->cudnnDestroyTensorDescriptor(c->state_is);
	if (c->bias_is != NULL)
		(void)call->cudnnDestroyTensorDescriptor(c->bias_is);
	if (c->matrix_is != NULL)
		(void)call->cudnnDestroyTensorDescriptor(c->matrix_is);
	if (c->y_is != NULL)
		(void)call->cudnnDestroyRNNDataDescriptor(c->y_is);
	if (c->x_is != NULL)
		(void)call->cudnnDestroyRNNDataDescriptor(c->x_is);
	if (c->rnn != NULL)
		(void)call->cudnnDestroyRNNDescriptor(c->rnn);
	if (c->dropout != NULL)
		(void)call->cudnnDestroyDropoutDescriptor(c->dropout);
	if (c->handle != NULL)
		(void)call->cudnnDestroy(c->handle);
	if (c->host != NULL)
		(void)cudaFreeHost(c->host);
	if (c->dev != NULL)
		(void)cudaFree(c->dev);
	if (c->stream != NULL)
		(void)cudaStreamDestroy(c->stream);
	free(c);
}

static void
close_cell(struct vmf_lstm_cell *cell)
{
	struct cell *c = (struct cell *)cell;

	if (!c->whole) {
		destroy(c);
		return;
	}
	pthread_mutex_lock(&c->d->lock);
	c->next = c->d->idle;
	c->d->idle = c;
	pthread_mutex_unlock(&c->d->lock);
}

/* ---- what is computed ---- */

/* A gate of a matrix, which lies as rows x 4H in the network, and as H x rows
 * with cuDNN: there, or back. */
static void
turn(float *of_cudnn, float *of_net, int64_t rows, int64_t h, int gate,
    bool back)
{
	for (int64_t j = 0; j < h; j++)
		for (int64_t i = 0; i < rows; i++) {
			float *a = of_cudnn + j * rows + i;
			float *b = of_net + i * GATES * h + gate * h + j;

			*(back ? b : a) = *(back ? a : b);
		}
}

/* The LSTM's weights from the network into host_w, or gradients back. */
static void
turn_all(struct cell *c, float *net, bool back)
{
	int64_t h = c->shape.hidden;

	for (int k = 0; k < GATES; k++) {
		turn(c->host_w + c->wx_at[k], net + c->at[VMF_LSTM_WX],
		    c->shape.in, h, k, back);
		turn(c->host_w + c->wr_at[k], net + c->at[VMF_LSTM_WR], h, h,
		    k, back);
		turn(c->host_w + c->b_at[k], net + c->at[VMF_LSTM_B], 1, h, k,
		    back);
	}
}

static int
forward(struct vmf_lstm_cell *cell, const float *weights, const float *x,
    struct vmf_err *e)
{
	struct cell *c = (struct cell *)cell;
	int rc;

	c->whole = false;	/* until all of it is done */
	/* Not written to where it is not turned back. */
	turn_all(c, (float *)weights, false);
	memcpy(c->host_x, x, c->x_bytes);
	/* Lengths on the device are for cuDNN before 8.9: NULL since. */
	if ((rc = CUDA(c, e, cudaMemcpyAsync, c->w, c->host_w, c->w_bytes,
	    cudaMemcpyHostToDevice, c->stream)) != 0 ||
	    (rc = CUDA(c, e, cudaMemcpyAsync, c->x, c->host_x, c->x_bytes,
	    cudaMemcpyHostToDevice, c->stream)) != 0 ||
	    (rc = DNN(c, e, cudnnRNNForward, c->handle, c->rnn, c->train ?
	    CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, NULL,
	    c->x_is, c->x, c->y_is, c->y, c->state_is, c->zeros, c->h,
	    c->state_is, c->zeros, NULL, c->w_bytes, c->w, c->work_bytes,
	    c->work, c->reserve_bytes, c->reserve)) != 0 ||
	    (rc = CUDA(c, e, cudaMemcpyAsync, cell->h, c->h, c->h_bytes,
	    cudaMemcpyDeviceToHost, c->stream)) != 0 ||
	    (rc = CUDA(c, e, cudaStreamSynchronize, c->stream)) != 0)
		return rc;
	c->whole = true;
	return 0;
}

/* Slopes are by the last state alone: by y there are none.  What cuDNN makes
 * of x is not asked for, but computed. */
static int
backward(struct vmf_lstm_cell *cell, float *grad, struct vmf_err *e)
{
	struct cell *c = (struct cell *)cell;
	int rc;

	c->whole = false;
	if ((rc = CUDA(c, e, cudaMemcpyAsync, c->dh, cell->dh, c->h_bytes,
	    cudaMemcpyHostToDevice, c->stream)) != 0 ||
	    (rc = CUDA(c, e, cudaMemsetAsync, c->dw, 0, c->w_bytes,
	    c->stream)) != 0 ||
	    (rc = DNN(c, e, cudnnRNNBackwardData_v8, c->handle, c->rnn, NULL,
	    c->y_is, c->y, c->zeros, c->x_is, c->dx, c->state_is, c->zeros,
	    c->dh, NULL, c->state_is, c->zeros, NULL, NULL, c->w_bytes, c->w,
	    c->work_bytes, c->work, c->reserve_bytes, c->reserve)) != 0 ||
	    (rc = DNN(c, e, cudnnRNNBackwardWeights_v8, c->handle, c->rnn,
	    CUDNN_WGRAD_MODE_ADD, NULL, c->x_is, c->x, c->state_is, c->zeros,
	    c->y_is, c->y, c->w_bytes, c->dw, c->work_bytes, c->work,
	    c->reserve_bytes, c->reserve)) != 0 ||
	    (rc = CUDA(c, e, cudaMemcpyAsync, c->host_w, c->dw, c->w_bytes,
	    cudaMemcpyDeviceToHost, c->stream)) != 0 ||
	    (rc = CUDA(c, e, cudaStreamSynchronize, c->stream)) != 0)
		return rc;
	c->whole = true;
	turn_all(c, grad, true);
	return 0;
}

static const struct vmf_lstm_cell_ops ops = { .forward = forward,
	.backward = backward, .close = close_cell };
