/* SPDX-License-Identifier: MIT */
/*
 * All ways of vmf_scan() find the same marks.  Its text is taken in here, as
 * a processor that has VBMI2 never comes to the plain AVX-512 of those that
 * do not.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/scan.c"

#define MOST 1500

typedef void scan_fn(const char *, int64_t, char, struct vmf_marks *);

static uint32_t pos[2][MOST + 16], odd[2][MOST + 16];

static uint32_t
draw(uint32_t *x, uint32_t of)
{
	*x = *x * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)*x * of >> 32);
}

static void
same(scan_fn *scan, const char *text, int64_t n, char delim)
{
	struct vmf_marks a = { .pos = pos[0], .odd = odd[0] };
	struct vmf_marks b = { .pos = pos[1], .odd = odd[1] };

	scan_plain(text, n, delim, &a);
	scan(text, n, delim, &b);
	assert(a.n_pos == b.n_pos && a.n_odd == b.n_odd &&
	    a.n_lines == b.n_lines);
	assert(memcmp(a.pos, b.pos, (size_t)a.n_pos * sizeof(*a.pos)) == 0);
	assert(memcmp(a.odd, b.odd, (size_t)a.n_odd * sizeof(*a.odd)) == 0);
}

/* Texts of any density of marks, of all lengths about those of a vector. */
static void
all(scan_fn *scan)
{
	static const char some[] = ",;\n\r\"\0abc";
	char text[MOST + VMF_SCAN_PAD] = { 0 };
	uint32_t x = 7;

	for (int turn = 0; turn < 4000; turn++) {
		int64_t n = draw(&x, turn % 4 == 0 ? MOST : 200);
		uint32_t dense = 1 + draw(&x, 30);

		for (int64_t i = 0; i < n; i++)
			text[i] = draw(&x, dense) > 2 ? 'x' :
			    some[draw(&x, sizeof(some) - 1)];
		text[n] = '.';
		same(scan, text, n, turn % 2 == 0 ? ',' : ';');
	}
}

int
main(void)
{
	all(scan_plain);
#ifdef VMF_X86
	if (vmf_simd_have(VMF_SIMD_AVX2))
		all(scan_avx2);
	if (vmf_simd_have(VMF_SIMD_AVX512)) {
		all(scan_avx512);
		if (__builtin_cpu_supports("avx512vbmi2"))
			all(scan_vbmi2);
	}
#endif
	printf("scan: ok\n");
	return 0;
}
