/* SPDX-License-Identifier: MIT */
/* What stands before a body that the CPU and CUDA compile from one text. */
#ifndef VMF_HD_H
#define VMF_HD_H

#ifdef __CUDACC__
#define VMF_HD static inline __host__ __device__
#else
#define VMF_HD static inline
#endif

#endif
