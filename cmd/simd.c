/* SPDX-License-Identifier: MIT */
#include "simd.h"

#include <stdlib.h>

int
cmd_simd(enum vmf_simd *level, struct vmf_err *e)
{
	const char *word = getenv("VMF_SIMD");
	int found;

	*level = vmf_simd_best();
	if (word == NULL || *word == '\0')
		return 0;
	if ((found = vmf_simd_find(word)) < 0)
		return vmf_fail(e, VMF_EUSAGE, "VMF_SIMD is '%.32s', expected "
		    VMF_SIMD_NAMES, word);
	if (!vmf_simd_have((enum vmf_simd)found))
		return vmf_fail(e, VMF_EDEV, "VMF_SIMD is %s, which this "
		    "processor does not have; expected at most %s", word,
		    vmf_simd_name(*level));
	*level = (enum vmf_simd)found;
	return 0;
}
