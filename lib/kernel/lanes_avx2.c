/* SPDX-License-Identifier: MIT */
/* The lanes, four at a time. */
#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC target("avx2")
#endif
#define VMF_W 4
#define VMF_LANES_NAME vmf_lanes_avx2
#include "kernel/lanes_body.h"
