/* SPDX-License-Identifier: MIT */
/* Bitmaps and text, many values at a time.  Private to lib/arrow. */
#ifndef VMF_BITS_H
#define VMF_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline uint64_t
vmf_load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Bits set in v; the instruction for it is not in every x86-64. */
static inline int64_t
vmf_popcount(uint64_t v)
{
	v -= v >> 1 & UINT64_C(0x5555555555555555);
	v = (v & UINT64_C(0x3333333333333333)) +
	    (v >> 2 & UINT64_C(0x3333333333333333));
	v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (int64_t)(v * UINT64_C(0x0101010101010101) >> 56);
}

/* How many of n bits are 1. */
static inline int64_t
vmf_bits_count(const uint8_t *bits, int64_t n)
{
	int64_t sum = 0, i = 0;

	for (; i + 64 <= n; i += 64)
		sum += vmf_popcount(vmf_load64(bits + (i >> 3)));
	for (; i < n; i++)
		sum += bits[i >> 3] >> (i & 7) & 1;
	return sum;
}

/* Eight bits, of which k is 1 where value k is a number. */
static inline uint8_t
vmf_ordered32(const float *f)
{
#ifdef __SSE2__
	__m128 a = _mm_loadu_ps(f), b = _mm_loadu_ps(f + 4);

	return (uint8_t)(_mm_movemask_ps(_mm_cmpord_ps(a, a)) |
	    _mm_movemask_ps(_mm_cmpord_ps(b, b)) << 4);
#else
	unsigned v = 0;

	for (int k = 0; k < 8; k++)
		v |= (unsigned)(f[k] == f[k]) << k;
	return (uint8_t)v;
#endif
}

static inline uint8_t
vmf_ordered64(const double *d)
{
	unsigned v = 0;

	for (int k = 0; k < 8; k++)
		v |= (unsigned)(d[k] == d[k]) << k;
	return (uint8_t)v;
}

/* True when no byte is 0 and none is above 127. */
static inline bool
vmf_plain_ascii(const char *s, int64_t n)
{
	const uint64_t low = UINT64_C(0x0101010101010101);
	uint64_t odd = 0;
	int64_t i = 0;

	/* v - low borrows into bit 7 where a byte is 0 (or above 128, which
	 * counts as well). */
	for (; i + 8 <= n; i += 8) {
		uint64_t v = vmf_load64(s + i);

		odd |= v | (v - low);
	}
	for (; i < n; i++)
		odd |= (uint64_t)(unsigned char)s[i] |
		    (uint64_t)(s[i] == 0) << 7;
	return (odd & low << 7) == 0;
}

#endif
