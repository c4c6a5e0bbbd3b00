/* SPDX-License-Identifier: MIT */
/* The kernels of kq for AVX2. */
#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC target("avx2")
#endif
#define VMF_KQ_OPS vmf_kq_avx2
#include "kernel/kq_body.h"
