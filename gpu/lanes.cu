/* SPDX-License-Identifier: MIT */
/*
 * The lanes on a device: a thread a series, a warp a block, by the text that
 * the CPU runs (lib/kernel/lanes_strided.h).  Nothing is shared between
 * threads, so there is nothing to wait for.
 *
 * Compiled with -fmad=false and without fast math: + - * / and sqrt are IEEE
 * 754's on both sides, in the same order.
 *
 * For sm_90 nvcc 13.0 reports (-Xptxas -v): fit_kernel 128 registers, a stack
 * frame of 9,104 bytes and, outside of the passes, 4.1 kB of spills stored and
 * 7.7 kB loaded; predict_kernel 168 registers, 3,488 bytes, next to no spills.
 * Passes, which are called (VMF_HD_PASS), spill next to nothing: inlined, they
 * shared the driver's registers and spilled 10 kB.  The frame is what is
 * indexed at run time: the optimiser's sums, the candidates of the grid, the
 * states of the exact likelihood.
 */
#include "forecast/device.h"
#include "kernel/lanes_strided.h"
#include "kernels.h"

static_assert(VMF_TILE == VMF_DEVICE_W, "a block is a warp");

/* Two warps to a thread block: small enough that no multiprocessor is left
 * with a long tail, as series differ in what they cost by their length. */
#define THREADS 64

__global__ static void __launch_bounds__(THREADS)
fit_kernel(const struct vmf_block *b, int64_t n)
{
	int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;

	if (i / VMF_TILE < n)
		fit_lane(&b[i / VMF_TILE], (int)(i % VMF_TILE));
}

__global__ static void __launch_bounds__(THREADS)
predict_kernel(const struct vmf_block *b, int64_t n)
{
	int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;

	if (i / VMF_TILE < n)
		predict_lane(&b[i / VMF_TILE], (int)(i % VMF_TILE));
}

static unsigned
grid(int64_t n)
{
	return (unsigned)((n * VMF_TILE + THREADS - 1) / THREADS);
}

cudaError_t
vmf_gpu_fit(const struct vmf_block *b, int64_t n, cudaStream_t stream)
{
	fit_kernel<<<grid(n), THREADS, 0, stream>>>(b, n);
	return cudaGetLastError();
}

cudaError_t
vmf_gpu_predict(const struct vmf_block *b, int64_t n, cudaStream_t stream)
{
	predict_kernel<<<grid(n), THREADS, 0, stream>>>(b, n);
	return cudaGetLastError();
}

cudaError_t
vmf_gpu_load(int64_t *bytes)
{
	struct cudaFuncAttributes fit, predict;
	int multiprocessors = 0, threads = 0;
	cudaError_t rc = cudaFuncGetAttributes(&fit, fit_kernel);
	size_t stack;

	if (rc == cudaSuccess)
		rc = cudaFuncGetAttributes(&predict, predict_kernel);
	if (rc == cudaSuccess)
		rc = cudaDeviceGetAttribute(&multiprocessors,
		    cudaDevAttrMultiProcessorCount, 0);
	if (rc == cudaSuccess)
		rc = cudaDeviceGetAttribute(&threads,
		    cudaDevAttrMaxThreadsPerMultiProcessor, 0);
	if (rc != cudaSuccess)
		return rc;
	stack = fit.localSizeBytes > predict.localSizeBytes ?
	    fit.localSizeBytes : predict.localSizeBytes;
	*bytes = (int64_t)stack * multiprocessors * threads;
	return cudaSuccess;
}

cudaError_t
vmf_gpu_fit_shape(struct vmf_gpu_shape *s)
{
	struct cudaFuncAttributes a;
	int blocks = 0, threads = 0;
	cudaError_t rc = cudaFuncGetAttributes(&a, fit_kernel);

	if (rc == cudaSuccess)
		rc = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks,
		    fit_kernel, THREADS, 0);
	if (rc == cudaSuccess)
		rc = cudaDeviceGetAttribute(&threads,
		    cudaDevAttrMaxThreadsPerMultiProcessor, 0);
	if (rc != cudaSuccess)
		return rc;
	s->registers = a.numRegs;
	s->stack = (int)a.localSizeBytes;
	s->warps = blocks * THREADS / 32;
	s->warps_max = threads / 32;
	return cudaSuccess;
}
