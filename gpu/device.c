/* SPDX-License-Identifier: MIT */
/*
 * The device by CUDA: its memory, its streams, and one batch through one of
 * them.  Memory is taken once, when the device is opened, plain and never
 * managed; the host's side is pinned, so that copies run beside kernels.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cuda_runtime_api.h>

#include "base/mem.h"
#include "forecast/device.h"
#include "kernels.h"

/* What the kernels are compiled for, and later ones through PTX. */
#define CAPABILITY_MIN 8

/* Of the free memory a part is left to others, and no stream needs more. */
#define FREE_PART 0.75
#define STREAM_BYTES_MAX (INT64_C(2) << 30)
/* With less, there are fewer streams: a block of long histories wants it. */
#define STREAM_BYTES_MIN (INT64_C(64) << 20)
#define ALIGN 256

struct stream {
	cudaStream_t s;
	cudaEvent_t begin, there, done, back;
	void *host;
	int64_t host_bytes;
	char *dev;
	bool used;
};

struct vmf_device {
	char name[256];
	int n;
	struct stream stream[VMF_DEVICE_STREAMS];
	char *mem;
	int64_t bytes;			/* of it, each stream's */
	pthread_mutex_t lock;		/* of the tally, and of launches */
	struct vmf_device_work work;
	int under_way;			/* batches, and since when one is */
	double since_s;
};

/* call, of bytes where that tells, failed on the device. */
static int
fail(struct vmf_err *e, const struct vmf_device *d, const char *call,
    int64_t bytes, cudaError_t rc)
{
	char of[48] = "";

	/* What is told here a launch later on is not to be asked for. */
	(void)cudaGetLastError();
	if (bytes > 0)
		snprintf(of, sizeof(of), " of %lld bytes", (long long)bytes);
	return vmf_fail(e, VMF_EDEV, "%s%s on device 0 (%s): %s (%s)", call,
	    of, d->name, cudaGetErrorString(rc), cudaGetErrorName(rc));
}

/* The first device there is, described; or why there is none. */
static bool
look(char *text, size_t size, struct cudaDeviceProp *p)
{
	int n = 0, version = 0;
	cudaError_t rc = cudaGetDeviceCount(&n);

	if (rc == cudaSuccess && n == 0)
		rc = cudaErrorNoDevice;
	if (rc == cudaSuccess)
		rc = cudaGetDeviceProperties(p, 0);
	if (rc == cudaSuccess)
		rc = cudaDriverGetVersion(&version);
	if (rc == cudaErrorInsufficientDriver &&
	    cudaDriverGetVersion(&version) == cudaSuccess && version == 0) {
		snprintf(text, size, "no NVIDIA driver is installed here");
		return false;
	}
	if (rc != cudaSuccess) {
		snprintf(text, size, "CUDA says: %s (%s)",
		    cudaGetErrorString(rc), cudaGetErrorName(rc));
		return false;
	}
	if (p->major < CAPABILITY_MIN) {
		snprintf(text, size, "%s has compute capability %d.%d, "
		    "expected %d.0 or later", p->name, p->major, p->minor,
		    CAPABILITY_MIN);
		return false;
	}
	snprintf(text, size, "%s, compute capability %d.%d, %.1f GiB, driver "
	    "for CUDA %d.%d", p->name, p->major, p->minor,
	    (double)p->totalGlobalMem / (1 << 30), version / 1000,
	    version % 1000 / 10);
	return true;
}

bool
vmf_device_find(char *text, size_t size, int *ratio)
{
	struct cudaDeviceProp p;
	cudaError_t rc;

	if (!look(text, size, &p))
		return false;
	if (ratio == NULL)
		return true;
	rc = cudaDeviceGetAttribute(ratio,
	    cudaDevAttrSingleToDoublePrecisionPerfRatio, 0);
	if (rc == cudaSuccess)
		return true;
	snprintf(text, size, "CUDA says: %s (%s)", cudaGetErrorString(rc),
	    cudaGetErrorName(rc));
	return false;
}

/* One stream, its events and its part of the memory. */
static int
open_stream(struct vmf_device *d, int i, struct vmf_err *e)
{
	struct stream *s = &d->stream[i];
	cudaEvent_t *event[] = { &s->begin, &s->there, &s->done, &s->back };
	cudaError_t rc;

	s->dev = d->mem + i * d->bytes;
	rc = cudaStreamCreateWithFlags(&s->s, cudaStreamNonBlocking);
	if (rc != cudaSuccess)
		return fail(e, d, "cudaStreamCreateWithFlags", 0, rc);
	for (int k = 0; k < 4; k++)
		if ((rc = cudaEventCreate(event[k])) != cudaSuccess)
			return fail(e, d, "cudaEventCreate", 0, rc);
	return 0;
}

int
vmf_device_open(struct vmf_device **out, int n_streams, struct vmf_err *e)
{
	struct vmf_device *d;
	struct cudaDeviceProp p;
	size_t left = 0, all = 0;
	char text[512];
	int64_t stacks = 0, room;
	cudaError_t rc;
	int ret;

	*out = NULL;
	if (!look(text, sizeof(text), &p))
		return vmf_fail(e, VMF_EDEV, "no device: %s", text);
	if ((d = vmf_calloc(1, (int64_t)sizeof(*d), e)) == NULL)
		return VMF_ENOMEM;
	pthread_mutex_init(&d->lock, NULL);
	snprintf(d->name, sizeof(d->name), "%s", p.name);
	*out = d;
	/* A thread that waits for the device leaves its core to others. */
	rc = cudaSetDeviceFlags(cudaDeviceScheduleBlockingSync);
	if (rc != cudaSuccess)
		return fail(e, d, "cudaSetDeviceFlags", 0, rc);
	/* Before memory is counted, as both take of it. */
	if ((rc = vmf_gpu_load(&stacks)) != cudaSuccess)
		return fail(e, d, "loading kernels", 0, rc);
	if ((rc = cudaMemGetInfo(&left, &all)) != cudaSuccess)
		return fail(e, d, "cudaMemGetInfo", 0, rc);
	room = (int64_t)left - stacks;
	room = (int64_t)((double)room * FREE_PART);
	if (room / n_streams < STREAM_BYTES_MIN)
		n_streams = (int)(room / STREAM_BYTES_MIN);
	if (n_streams < 1)
		return vmf_fail(e, VMF_EDEV, "device 0 (%s) has %lld bytes "
		    "free, of which %lld are for the threads' stacks",
		    d->name, (long long)left, (long long)stacks);
	d->bytes = room / n_streams;
	if (d->bytes > STREAM_BYTES_MAX)
		d->bytes = STREAM_BYTES_MAX;
	d->bytes -= d->bytes % ALIGN;
	/* Who opens at the same moment has counted the same memory. */
	while ((rc = cudaMalloc((void **)&d->mem, (size_t)(d->bytes *
	    n_streams))) == cudaErrorMemoryAllocation &&
	    d->bytes / 2 >= STREAM_BYTES_MIN) {
		(void)cudaGetLastError();
		d->bytes = d->bytes / 2 / ALIGN * ALIGN;
	}
	if (rc != cudaSuccess)
		return fail(e, d, "cudaMalloc", d->bytes * n_streams, rc);
	for (; d->n < n_streams; d->n++)
		if ((ret = open_stream(d, d->n, e)) != 0)
			return ret;
	return 0;
}

void
vmf_device_free(struct vmf_device *d)
{
	if (d == NULL)
		return;
	/* What failed, or is under way, was told or is not wanted any more. */
	(void)cudaDeviceSynchronize();
	for (int i = 0; i < VMF_DEVICE_STREAMS; i++) {
		struct stream *s = &d->stream[i];
		cudaEvent_t event[] = { s->begin, s->there, s->done, s->back };

		for (int k = 0; k < 4; k++)
			if (event[k] != NULL)
				(void)cudaEventDestroy(event[k]);
		if (s->s != NULL)
			(void)cudaStreamDestroy(s->s);
		if (s->host != NULL)
			(void)cudaFreeHost(s->host);
	}
	(void)cudaFree(d->mem);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

int
vmf_device_streams(const struct vmf_device *d)
{
	return d->n;
}

int64_t
vmf_device_bytes(const struct vmf_device *d)
{
	return d->bytes;
}

const char *
vmf_device_name(const struct vmf_device *d)
{
	return d->name;
}

void
vmf_device_tally(struct vmf_device *d, struct vmf_device_work *w)
{
	pthread_mutex_lock(&d->lock);
	*w = d->work;
	pthread_mutex_unlock(&d->lock);
}

int
vmf_device_memory(struct vmf_device *d, int stream, int64_t bytes,
    void **host, void **dev, struct vmf_err *e)
{
	struct stream *s = &d->stream[stream];
	cudaError_t rc;

	if (bytes > s->host_bytes) {
		/* Pinning is slow: with room for a batch that is larger. */
		int64_t want = bytes + bytes / 4;

		if (want > VMF_DEVICE_HOST_BYTES)
			want = VMF_DEVICE_HOST_BYTES;
		if (want < bytes)
			want = bytes;
		if (s->host != NULL && (rc = cudaFreeHost(s->host)) !=
		    cudaSuccess)
			return fail(e, d, "cudaFreeHost", 0, rc);
		s->host = NULL;
		s->host_bytes = 0;
		rc = cudaHostAlloc(&s->host, (size_t)want,
		    cudaHostAllocDefault);
		if (rc != cudaSuccess && want > bytes) {
			(void)cudaGetLastError();
			want = bytes;
			rc = cudaHostAlloc(&s->host, (size_t)want,
			    cudaHostAllocDefault);
		}
		if (rc != cudaSuccess)
			return fail(e, d, "cudaHostAlloc", want, rc);
		s->host_bytes = want;
	}
	*host = s->host;
	*dev = s->dev;
	return 0;
}

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One batch more is under way, or less. */
static void
under_way(struct vmf_device *d, int more)
{
	pthread_mutex_lock(&d->lock);
	if (d->under_way == 0)
		d->since_s = now_s();
	d->under_way += more;
	if (d->under_way == 0)
		d->work.busy_s += now_s() - d->since_s;
	pthread_mutex_unlock(&d->lock);
}

/* Add up what a batch took. */
static int
tally(struct vmf_device *d, struct stream *s,
    const struct vmf_device_batch *b, struct vmf_err *e)
{
	float in_ms = 0.0f, run_ms = 0.0f, out_ms = 0.0f;
	cudaError_t rc;

	if ((rc = cudaEventElapsedTime(&in_ms, s->begin, s->there)) !=
	    cudaSuccess ||
	    (rc = cudaEventElapsedTime(&run_ms, s->there, s->done)) !=
	    cudaSuccess ||
	    (rc = cudaEventElapsedTime(&out_ms, s->done, s->back)) !=
	    cudaSuccess)
		return fail(e, d, "cudaEventElapsedTime", 0, rc);
	pthread_mutex_lock(&d->lock);
	d->work.n_blocks += b->n_blocks;
	d->work.n_batches++;
	d->work.n_streams += !s->used;
	s->used = true;
	d->work.bytes_in += b->in;
	d->work.bytes_out += b->end - b->out;
	d->work.kernel_s += run_ms / 1e3;
	d->work.copy_s += in_ms / 1e3 + out_ms / 1e3;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static int
run(struct vmf_device *d, int stream, const struct vmf_device_batch *b,
    struct vmf_err *e)
{
	struct stream *s = &d->stream[stream];
	char *host = s->host;
	const struct vmf_block *block = (const void *)s->dev;
	cudaError_t rc;

	if ((rc = cudaEventRecord(s->begin, s->s)) != cudaSuccess)
		return fail(e, d, "cudaEventRecord", 0, rc);
	rc = cudaMemcpyAsync(s->dev, host, (size_t)b->in,
	    cudaMemcpyHostToDevice, s->s);
	if (rc != cudaSuccess)
		return fail(e, d, "cudaMemcpyAsync", b->in, rc);
	if ((rc = cudaEventRecord(s->there, s->s)) != cudaSuccess)
		return fail(e, d, "cudaEventRecord", 0, rc);
	/* What nvcc makes of a launch begins with a variable of its own, which
	 * without C++'s library nothing guards. */
	pthread_mutex_lock(&d->lock);
	rc = b->fit ? vmf_gpu_fit(block, b->n_blocks, s->s) :
	    vmf_gpu_predict(block, b->n_blocks, s->s);
	pthread_mutex_unlock(&d->lock);
	if (rc != cudaSuccess)
		return fail(e, d, b->fit ? "launch of fit_kernel" :
		    "launch of predict_kernel", 0, rc);
	if ((rc = cudaEventRecord(s->done, s->s)) != cudaSuccess)
		return fail(e, d, "cudaEventRecord", 0, rc);
	rc = cudaMemcpyAsync(host + b->out, s->dev + b->out,
	    (size_t)(b->end - b->out), cudaMemcpyDeviceToHost, s->s);
	if (rc != cudaSuccess)
		return fail(e, d, "cudaMemcpyAsync", b->end - b->out, rc);
	if ((rc = cudaEventRecord(s->back, s->s)) != cudaSuccess)
		return fail(e, d, "cudaEventRecord", 0, rc);
	if ((rc = cudaStreamSynchronize(s->s)) != cudaSuccess)
		return fail(e, d, b->fit ? "fit_kernel" : "predict_kernel", 0,
		    rc);
	return tally(d, s, b, e);
}

int
vmf_device_run(struct vmf_device *d, int stream,
    const struct vmf_device_batch *b, struct vmf_err *e)
{
	int rc;

	under_way(d, 1);
	rc = run(d, stream, b, e);
	under_way(d, -1);
	return rc;
}
