/* SPDX-License-Identifier: MIT */
/* The lanes, eight at a time. */
#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")
#endif
#define VMF_W 8
#define VMF_LANES_NAME vmf_lanes_avx512
#include "kernel/lanes_body.h"
