/* SPDX-License-Identifier: MIT */
/* The kernels of kq for every machine. */
#define VMF_KQ_OPS vmf_kq_plain
#include "kernel/kq_body.h"
