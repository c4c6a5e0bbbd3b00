/* SPDX-License-Identifier: MIT */
/* The kernels of kq for AVX-512. */
#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl")
#endif
#define VMF_KQ_OPS vmf_kq_avx512
#include "kernel/kq_body.h"
