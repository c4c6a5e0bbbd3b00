/* SPDX-License-Identifier: MIT */
#include "base/cpu.h"

#include <string.h>

static const char *const names[] = { "plain", "avx2", "avx512" };

int
vmf_simd_find(const char *word)
{
	for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++)
		if (strcmp(names[i], word) == 0)
			return i;
	return -1;
}

const char *
vmf_simd_name(enum vmf_simd level)
{
	return names[level];
}

bool
vmf_simd_have(enum vmf_simd level)
{
	if (level == VMF_SIMD_PLAIN)
		return true;
#ifdef VMF_X86
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2") ||
	    !__builtin_cpu_supports("bmi") ||
	    !__builtin_cpu_supports("bmi2") ||
	    !__builtin_cpu_supports("fma") ||
	    !__builtin_cpu_supports("popcnt"))
		return false;
	return level == VMF_SIMD_AVX2 ||
	    (__builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"));
#else
	return false;
#endif
}

enum vmf_simd
vmf_simd_best(void)
{
	int level = VMF_SIMD_AVX512;

	while (!vmf_simd_have((enum vmf_simd)level))
		level--;
	return (enum vmf_simd)level;
}
