/* SPDX-License-Identifier: MIT */
/* Which wide instructions there are, asked at run time: one build serves
 * all machines. */
#ifndef VMF_CPU_H
#define VMF_CPU_H

#include <stdbool.h>

enum vmf_simd {
	VMF_SIMD_PLAIN,		/* what every machine has */
	VMF_SIMD_AVX2,		/* and BMI 1 and 2, POPCNT */
	VMF_SIMD_AVX512,	/* F, BW, DQ and VL */
};
#define VMF_SIMD_NAMES "plain, avx2 or avx512"

/* The level of the words plain, avx2, avx512; or < 0. */
int vmf_simd_find(const char *word);
const char *vmf_simd_name(enum vmf_simd level);
bool vmf_simd_have(enum vmf_simd level);
enum vmf_simd vmf_simd_best(void);

/* Functions of one level; without them that level is never had. */
#if defined(__x86_64__) && defined(__GNUC__)
#define VMF_X86 1
#define VMF_TARGET_AVX2 __attribute__((target("avx2,bmi,bmi2,fma,popcnt")))
#define VMF_TARGET_AVX512 __attribute__((target( \
	"avx2,bmi,bmi2,fma,popcnt,avx512f,avx512bw,avx512dq,avx512vl")))
#endif

#endif
