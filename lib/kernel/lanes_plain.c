/* SPDX-License-Identifier: MIT */
/* The lanes, one at a time: for any processor. */
#define VMF_W 1
#define VMF_LANES_NAME vmf_lanes_plain
#include "kernel/lanes_body.h"
