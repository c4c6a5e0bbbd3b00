/* SPDX-License-Identifier: MIT */
/* The variant of vectorised code that the environment asks for. */
#ifndef VMF_CMD_SIMD_H
#define VMF_CMD_SIMD_H

#include "base/cpu.h"
#include "base/err.h"

/*
 * The level that VMF_SIMD names (plain, avx2, avx512), or the best there is.
 * VMF_EUSAGE for another word, VMF_EDEV for one this processor does not have:
 * a variant that was asked for is never replaced in silence.
 */
int cmd_simd(enum vmf_simd *level, struct vmf_err *e) VMF_CHECK;

#endif
