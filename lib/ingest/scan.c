/* SPDX-License-Identifier: MIT */
#include "ingest/scan.h"

#include <stdbool.h>
#include <string.h>

#ifdef VMF_X86
#include <immintrin.h>
#endif

static void
scan_plain(const char *text, int64_t n, char delim, struct vmf_marks *m)
{
	/* 1: delimiter, 2: line end, 4: carriage return, 8: odd */
	uint8_t kind[256] = { 0 };

	kind['\n'] = 2;
	kind['\r'] = 4;
	kind['"'] = kind[0] = 8;
	kind[(unsigned char)delim] = 1;
	for (int64_t i = 0; i < n; i++) {
		uint8_t k = kind[(unsigned char)text[i]];

		if (k == 0)
			continue;
		if (k <= 2) {
			m->pos[m->n_pos++] = (uint32_t)i;
			m->n_lines += k == 2;
		} else if (k == 8 || text[i + 1] != '\n') {
			m->odd[m->n_odd++] = (uint32_t)i;
		}
	}
}

#ifdef VMF_X86

/* What 64 bytes of text hold, a bit each. */
struct masks {
	uint64_t sep;		/* delimiters and line ends */
	uint64_t lf, cr, odd;	/* odd: quotes and NULs */
};

/* Positions of the bits; up to 7 words after are written as well. */
VMF_TARGET_AVX2 static inline __attribute__((always_inline)) uint32_t *
emit(uint32_t *to, uint64_t bits, uint32_t base)
{
	uint32_t *end = to + __builtin_popcountll(bits);

	while (to < end) {
#pragma GCC unroll 4
		for (int i = 0; i < 4; i++) {
			to[i] = base + (uint32_t)_tzcnt_u64(bits);
			bits = _blsr_u64(bits);
		}
		to += 4;
	}
	return end;
}

/* Take in the masks of the bytes at base; keep has a bit for each that is
 * text. */
VMF_TARGET_AVX2 static inline __attribute__((always_inline)) void
take(struct vmf_marks *m, const struct masks *k, uint64_t keep,
    uint32_t base, const char *next)
{
	uint64_t sep = k->sep & keep, lf = k->lf & keep, odd = k->odd & keep;
	uint64_t cr = k->cr & keep;

	if (__builtin_expect(cr != 0, 0))
		odd |= cr & ~(lf >> 1 | (uint64_t)(*next == '\n') << 63);
	m->n_lines += __builtin_popcountll(lf);
	m->n_pos = emit(m->pos + m->n_pos, sep, base) - m->pos;
	if (__builtin_expect(odd != 0, 0))
		m->n_odd = emit(m->odd + m->n_odd, odd, base) - m->odd;
}

/* The loop over a text, for one kind of masks. */
#define SCAN_LOOP(get) do { \
	struct vmf_marks r = *m; /* in registers */ \
	int64_t at = 0; \
	struct masks k; \
	for (; at + 64 <= n; at += 64) { \
		get(text + at, &c, &k); \
		take(&r, &k, ~(uint64_t)0, (uint32_t)at, text + at + 64); \
	} \
	if (at < n) { \
		get(text + at, &c, &k); \
		take(&r, &k, ((uint64_t)1 << (n - at)) - 1, (uint32_t)at, \
		    text + at + 64); \
	} \
	*m = r; \
} while (0)

struct wide2 {
	__m256i delim, lf, cr, quote;
};

struct wide5 {
	__m512i delim, lf, cr, quote;
};

VMF_TARGET_AVX2 static inline uint64_t
bits2(__m256i lo, __m256i hi)
{
	return (uint32_t)_mm256_movemask_epi8(lo) |
	    (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

VMF_TARGET_AVX2 static inline void
get2(const char *p, const struct wide2 *c, struct masks *k)
{
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i b = _mm256_loadu_si256(
	    (const __m256i *)(const void *)(p + 32));
	__m256i lf_a = _mm256_cmpeq_epi8(a, c->lf);
	__m256i lf_b = _mm256_cmpeq_epi8(b, c->lf);
	__m256i cr_a = _mm256_cmpeq_epi8(a, c->cr);
	__m256i cr_b = _mm256_cmpeq_epi8(b, c->cr);
	__m256i zero = _mm256_setzero_si256();
	__m256i odd_a = _mm256_or_si256(_mm256_cmpeq_epi8(a, c->quote),
	    _mm256_cmpeq_epi8(a, zero));
	__m256i odd_b = _mm256_or_si256(_mm256_cmpeq_epi8(b, c->quote),
	    _mm256_cmpeq_epi8(b, zero));
	__m256i any = _mm256_or_si256(_mm256_or_si256(odd_a, odd_b),
	    _mm256_or_si256(cr_a, cr_b));

	k->lf = bits2(lf_a, lf_b);
	k->sep = k->lf | bits2(_mm256_cmpeq_epi8(a, c->delim),
	    _mm256_cmpeq_epi8(b, c->delim));
	k->cr = k->odd = 0;
	if (__builtin_expect(!_mm256_testz_si256(any, any), 0)) {
		k->cr = bits2(cr_a, cr_b);
		k->odd = bits2(odd_a, odd_b);
	}
}

VMF_TARGET_AVX2 static void
scan_avx2(const char *text, int64_t n, char delim, struct vmf_marks *m)
{
	const struct wide2 c = { _mm256_set1_epi8(delim),
	    _mm256_set1_epi8('\n'), _mm256_set1_epi8('\r'),
	    _mm256_set1_epi8('"') };

	SCAN_LOOP(get2);
}

VMF_TARGET_AVX512 static inline void
get5(const char *p, const struct wide5 *c, struct masks *k)
{
	__m512i a = _mm512_loadu_si512(p);

	k->lf = _mm512_cmpeq_epi8_mask(a, c->lf);
	k->sep = k->lf | _mm512_cmpeq_epi8_mask(a, c->delim);
	k->cr = _mm512_cmpeq_epi8_mask(a, c->cr);
	k->odd = _mm512_cmpeq_epi8_mask(a, c->quote) |
	    _mm512_testn_epi8_mask(a, a);
}

VMF_TARGET_AVX512 static void
scan_avx512(const char *text, int64_t n, char delim, struct vmf_marks *m)
{
	const struct wide5 c = { _mm512_set1_epi8(delim),
	    _mm512_set1_epi8('\n'), _mm512_set1_epi8('\r'),
	    _mm512_set1_epi8('"') };

	SCAN_LOOP(get5);
}

/*
 * The positions of a chunk's bits by one instruction in place of a loop, of
 * which the number of turns cannot be foreseen.
 */
#define TARGET_VBMI2 __attribute__((target("avx2,bmi,bmi2,fma,popcnt,avx512f," \
	"avx512bw,avx512dq,avx512vl,avx512vbmi2")))

TARGET_VBMI2 static void
scan_vbmi2(const char *text, int64_t n, char delim, struct vmf_marks *m)
{
	const struct wide5 c = { _mm512_set1_epi8(delim),
	    _mm512_set1_epi8('\n'), _mm512_set1_epi8('\r'),
	    _mm512_set1_epi8('"') };
	static const uint8_t count[64] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	    11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	    27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
	    43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
	    59, 60, 61, 62, 63 };
	const __m512i place = _mm512_loadu_si512(count);
	uint32_t *pos = m->pos;
	int64_t at = 0, n_lines = 0;

	for (; at + 64 <= n; at += 64) {
		__m512i a = _mm512_loadu_si512(text + at), to;
		uint64_t lf = _mm512_cmpeq_epi8_mask(a, c.lf);
		uint64_t sep = lf | _mm512_cmpeq_epi8_mask(a, c.delim);
		uint64_t cr = _mm512_cmpeq_epi8_mask(a, c.cr);
		uint64_t odd = _mm512_cmpeq_epi8_mask(a, c.quote) |
		    _mm512_testn_epi8_mask(a, a);
		int n_sep = __builtin_popcountll(sep);

		if (__builtin_expect((odd | cr) != 0, 0) || n_sep > 16) {
			struct masks k = { sep, lf, cr, odd };

			m->n_pos = pos - m->pos;
			take(m, &k, ~(uint64_t)0, (uint32_t)at,
			    text + at + 64);
			pos = m->pos + m->n_pos;
			continue;
		}
		n_lines += __builtin_popcountll(lf);
		to = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(
		    _mm512_maskz_compress_epi8(sep, place)));
		to = _mm512_add_epi32(to, _mm512_set1_epi32((int)at));
		_mm512_storeu_si512(pos, to);
		pos += n_sep;
	}
	m->n_pos = pos - m->pos;
	m->n_lines += n_lines;
	if (at < n) {
		struct masks k;

		get5(text + at, &c, &k);
		take(m, &k, ((uint64_t)1 << (n - at)) - 1, (uint32_t)at,
		    text + at + 64);
	}
}

#endif

void
vmf_scan(enum vmf_simd level, const char *text, int64_t n, char delim,
    struct vmf_marks *m)
{
	m->n_pos = m->n_odd = m->n_lines = 0;
	switch (level) {
#ifdef VMF_X86
	case VMF_SIMD_AVX512:
		if (__builtin_cpu_supports("avx512vbmi2"))
			scan_vbmi2(text, n, delim, m);
		else
			scan_avx512(text, n, delim, m);
		break;
	case VMF_SIMD_AVX2:
		scan_avx2(text, n, delim, m);
		break;
#endif
	default:
		scan_plain(text, n, delim, m);
		break;
	}
}
