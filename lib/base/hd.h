/* SPDX-License-Identifier: MIT */
/*
 * What stands before a body that the CPU and CUDA compile from one text:
 * VMF_HD where it is small, VMF_HD_FN where inlining is left to the compiler,
 * VMF_HD_OP for an operator of a C++ struct.  VMF_HD_PASS is VMF_HD for the
 * CPU, and for CUDA one copy that is called: a loop over all steps, whose
 * registers are then its own.
 */
#ifndef VMF_HD_H
#define VMF_HD_H

#ifdef __CUDACC__
#define VMF_HD static inline __host__ __device__
#define VMF_HD_FN static __host__ __device__
#define VMF_HD_OP __host__ __device__
#define VMF_HD_PASS static __noinline__ __host__ __device__
#else
#define VMF_HD static inline
#define VMF_HD_FN static
#define VMF_HD_OP
#define VMF_HD_PASS static inline
#endif

#endif
