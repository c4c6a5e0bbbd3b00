/* SPDX-License-Identifier: MIT */
/* What gpu/lanes.cu gives to gpu/device.c: launches, in C. */
#ifndef VMF_GPU_KERNELS_H
#define VMF_GPU_KERNELS_H

#include <stdint.h>

#include <cuda_runtime_api.h>

#include "kernel/lanes_block.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Fit, or forecast, n blocks of VMF_DEVICE_W lanes at b, an address of the
 * device's as are the pointers in them, in the stream's order.  Returns what
 * the launch did; errors of the kernels come with the next call.
 */
cudaError_t vmf_gpu_fit(const struct vmf_block *b, int64_t n,
    cudaStream_t stream);
cudaError_t vmf_gpu_predict(const struct vmf_block *b, int64_t n,
    cudaStream_t stream);

/*
 * Load both kernels onto device 0, which tells whether there is code for it.
 * *bytes becomes what the stacks of all threads that can live at once take of
 * its memory, which CUDA takes with a first launch.
 */
cudaError_t vmf_gpu_load(int64_t *bytes);

/* What bounds fit_kernel on device 0: registers and bytes of stack of a
 * thread, and warps that live on a multiprocessor at once. */
struct vmf_gpu_shape {
	int registers, stack, warps, warps_max;
};
cudaError_t vmf_gpu_fit_shape(struct vmf_gpu_shape *s);

#ifdef __cplusplus
}
#endif

#endif
