/* SPDX-License-Identifier: MIT */
#include "ingest/numcol_in.h"

#ifdef VMF_X86

/*
 * Four numbers at once.  Of each the last 16 bytes are in one lane of a
 * register, flush right, and those before in the same lane of another, where
 * one is longer; a bit a byte in masks.
 */
#define FOUR_TIMES 0x0001000100010001u
#define TOPS (0x8000 * FOUR_TIMES)

/* What is the same for most numbers of a column, as it was for the last. */
struct guess {
	uint64_t dots;		/* where the points stand, if in all alike */
	uint64_t before;	/* the bits up to the points */
	__m256d scale;		/* by the digits after them */
	const double *scales;	/* from 0 digits on */
	bool lead, trail;	/* a blank on either side */
};

/* 1 in each lane that is not 0. */
INLINE uint64_t
lanes_used(uint64_t m)
{
	return ((((m & ~TOPS) + ~TOPS) | m) & TOPS) >> 15;
}

/* Sixteen digits, the last in the highest byte, of each of four lanes: pairs,
 * fours, eights, all. */
VMF_TARGET_AVX512 INLINE __m256i
sixteen(__m512i x)
{
	x = _mm512_maddubs_epi16(x, _mm512_set1_epi16(0x010a));
	x = _mm512_madd_epi16(x, _mm512_set1_epi32(0x00010064));
	x = _mm512_packus_epi32(x, x);
	x = _mm512_madd_epi16(x, _mm512_set1_epi32(0x00012710));
	x = _mm512_add_epi64(
	    _mm512_mul_epu32(x, _mm512_set1_epi64(100000000)),
	    _mm512_srli_epi64(x, 32));
	return _mm512_castsi512_si256(_mm512_permutexvar_epi64(
	    _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0), x));
}

VMF_TARGET_AVX512 INLINE __m512i
load_four(const char *const end[4], int back)
{
	__m512i v = _mm512_castsi128_si512(_mm_loadu_si128(
	    (const __m128i *)(const void *)(end[0] - back)));

	v = _mm512_inserti64x2(v, _mm_loadu_si128(
	    (const __m128i *)(const void *)(end[1] - back)), 1);
	v = _mm512_inserti64x2(v, _mm_loadu_si128(
	    (const __m128i *)(const void *)(end[2] - back)), 2);
	return _mm512_inserti64x2(v, _mm_loadu_si128(
	    (const __m128i *)(const void *)(end[3] - back)), 3);
}

VMF_TARGET_AVX512 INLINE __m256i
wide_lanes(uint64_t m)
{
	return _mm256_cvtepu16_epi64(_mm_cvtsi64_si128((int64_t)m));
}

/* The scale of each number by its point; none, where it has none. */
VMF_TARGET_AVX512 INLINE __m256d
scale_of(uint64_t dots, uint64_t dots_far, uint64_t none,
    const double *scales)
{
	/* A point after all digits is not taken, so its bit is free. */
	__m256i one = _mm256_or_si256(_mm256_slli_epi64(
	    wide_lanes(dots | none << 15), 16), wide_lanes(dots_far));

	/* Of a power of two, the exponent. */
	one = _mm256_srli_epi64(_mm256_castpd_si256(
	    _mm256_cvtepu64_pd(one)), 52);
	return _mm256_i64gather_pd(scales, _mm256_sub_epi64(
	    _mm256_set1_epi64x(1023 + 31), one), 8);
}

/* Four of 1 to 16 bytes: the digits, as one number, and the scale. */
VMF_TARGET_AVX512 INLINE bool
four_short(const char *const end[4], uint64_t keep, struct guess *g,
    __m256i *mant, __m256d *scale)
{
	__m512i v = load_four(end, 16);
	__m512i x = _mm512_sub_epi8(v, _mm512_set1_epi8('0'));
	uint64_t digit, dots, before, have;

	digit = _mm512_mask_cmple_epu8_mask(keep, x, _mm512_set1_epi8(9));
	dots = _mm512_mask_cmpeq_epi8_mask(keep, v, _mm512_set1_epi8('.'));
	if ((digit | dots) != keep)
		return false;
	before = g->before;
	*scale = g->scale;
	if (dots != g->dots) {
		/* One point each at most, and digits after it. */
		have = lanes_used(dots);
		if ((dots & (dots - have)) != 0 || (dots & TOPS) != 0)
			return false;
		before = 2 * dots - have;
		*scale = scale_of(dots, 0, FOUR_TIMES ^ have, g->scales);
		if (dots == (dots & 0xffff) * FOUR_TIMES) {
			g->dots = dots;
			g->before = before;
			g->scale = *scale;
		}
	}
	x = _mm512_maskz_mov_epi8(digit, x);
	/* The digits before the point move one to the right, onto it. */
	x = _mm512_mask_mov_epi8(x, before, _mm512_bslli_epi128(x, 1));
	*mant = sixteen(x);
	return true;
}

/* Four numbers of up to 20 bytes, 19 digits, as above. */
VMF_TARGET_AVX512 INLINE bool
four_long(const char *const end[4], uint64_t keep, uint64_t keep_far,
    struct guess *g, __m256i *mant, __m256d *scale)
{
	__m512i v = load_four(end, 16), far = load_four(end, 32);
	__m512i x = _mm512_sub_epi8(v, _mm512_set1_epi8('0'));
	__m512i x_far = _mm512_sub_epi8(far, _mm512_set1_epi8('0')), moved;
	uint64_t digit, dots, digit_far, dots_far, have, have_far;

	digit = _mm512_mask_cmple_epu8_mask(keep, x, _mm512_set1_epi8(9));
	digit_far = _mm512_mask_cmple_epu8_mask(keep_far, x_far,
	    _mm512_set1_epi8(9));
	dots = _mm512_mask_cmpeq_epi8_mask(keep, v, _mm512_set1_epi8('.'));
	dots_far = _mm512_mask_cmpeq_epi8_mask(keep_far, far,
	    _mm512_set1_epi8('.'));
	have = lanes_used(dots);
	have_far = lanes_used(dots_far);
	/* As before; and of 20 bytes one must be the point. */
	if ((digit | dots) != keep || (digit_far | dots_far) != keep_far ||
	    (dots & (dots - have)) != 0 || (dots & TOPS) != 0 ||
	    (dots_far & (dots_far - have_far)) != 0 ||
	    (have & have_far) != 0 ||
	    (keep_far >> 12 & FOUR_TIMES & ~(have | have_far)) != 0)
		return false;
	*scale = scale_of(dots, dots_far, FOUR_TIMES ^ (have | have_far),
	    g->scales);
	x = _mm512_maskz_mov_epi8(digit, x);
	x_far = _mm512_maskz_mov_epi8(digit_far, x_far);
	moved = _mm512_alignr_epi8(x, x_far, 15);
	x = _mm512_mask_mov_epi8(x, 2 * dots - have, moved);
	/* All of it, where the point is in the last 16 bytes; up to a point
	 * of its own. */
	x_far = _mm512_mask_mov_epi8(x_far, have * 0xffff |
	    ((dots_far << 1) - have_far), _mm512_bslli_epi128(x_far, 1));
	*mant = _mm256_add_epi64(sixteen(x), _mm256_mullo_epi64(
	    sixteen(x_far), _mm256_set1_epi64x(10000000000000000)));
	return true;
}

/* Lines r to r + 3, none odd.  False: not all four are such numbers. */
VMF_TARGET_AVX512 INLINE bool
four_numbers(const struct vmf_cells *c, int64_t r, int64_t f,
    struct guess *g, __m256i *mant, __m256d *scale)
{
	const uint32_t *sep = c->sep + f - 1;
	const char *end[4];
	uint64_t at[4];		/* the sep before the field, and after it */
	__m256i both, len, bits, high;

#define PLACE(i) do { \
	memcpy(&at[i], sep + c->row[r + (i)], 8); \
	end[i] = c->text + (at[i] >> 32); \
} while (0)
	PLACE(0);
	PLACE(1);
	PLACE(2);
	PLACE(3);
#undef PLACE
	both = _mm256_set_epi64x((int64_t)at[3], (int64_t)at[2],
	    (int64_t)at[1], (int64_t)at[0]);
	len = _mm256_sub_epi32(_mm256_srli_epi64(both, 32), both);
	len = _mm256_and_si256(len, _mm256_set1_epi64x(0xffffffff));
	if (g->lead || g->trail) {
		for (int i = 0; i < 4; i++) {
			char a = c->text[(uint32_t)at[i] + 1u];
			char z = end[i][-1];

			if (g->lead && a != ' ' && a != '\t')
				return false;
			if (g->trail && z != ' ' && z != '\t' && z != '\r')
				return false;
			end[i] -= g->trail;
		}
		len = _mm256_sub_epi64(len, _mm256_set1_epi64x(g->lead +
		    g->trail));
	}
	/* The separator is counted in len, and 1 byte is none too many: a
	 * bit for each byte of the last 32 that is of the number. */
	len = _mm256_sub_epi64(len, _mm256_set1_epi64x(2));
	if (_mm256_cmpgt_epu64_mask(len, _mm256_set1_epi64x(19)) != 0)
		return false;
	bits = _mm256_srlv_epi64(_mm256_set1_epi64x(
	    (int64_t)0x7fffffff80000000u), len);
	high = _mm256_srli_epi64(bits, 16);
	if (_mm256_cmpgt_epu64_mask(len, _mm256_set1_epi64x(15)) == 0)
		return four_short(end, (uint64_t)_mm_cvtsi128_si64(
		    _mm256_cvtepi64_epi16(high)), g, mant, scale);
	return four_long(end, (uint64_t)_mm_cvtsi128_si64(
	    _mm256_cvtepi64_epi16(high)), (uint64_t)_mm_cvtsi128_si64(
	    _mm256_cvtepi64_epi16(bits)), g, mant, scale);
}

VMF_TARGET_AVX512 INLINE struct guess
begin_guess(const struct vmf_cells *c, int64_t f, const double *scales)
{
	struct guess g = { .scales = scales,
	    .scale = _mm256_set1_pd(scales[0]) };
	const char *s, *end;

	if (c->n > 0 && !c->odd[0]) {
		vmf_cell_raw(c, 0, f, &s, &end);
		g.lead = s < end && *s <= ' ';
		g.trail = s < end && end[-1] <= ' ';
	}
	return g;
}

VMF_TARGET_AVX512 INLINE bool
four_floats(const struct vmf_cells *c, int64_t r, int64_t f, struct guess *g,
    float *out)
{
	__m256i mant, y;
	__m256d w;

	if (!four_numbers(c, r, f, g, &mant, &w))
		return false;
	/* Rounded three times at most, the scale included: by no more than
	 * three units in the last place.  Then as vmf_float_safe; 1e-19 to
	 * 1e19 are no denormals. */
	w = _mm256_mul_pd(_mm256_cvtepu64_pd(mant), w);
	y = _mm256_and_si256(_mm256_castpd_si256(w),
	    _mm256_set1_epi64x(0x1fffffff));
	y = _mm256_sub_epi64(y, _mm256_set1_epi64x(0x10000000 - 4));
	if (_mm256_cmple_epu64_mask(y, _mm256_set1_epi64x(8)) != 0)
		return false;
	_mm_storeu_ps(out + r, _mm256_cvtpd_ps(w));
	return true;
}

/*
 * mant / scale, rounded once, where mant is no double itself: the quotient of
 * its nearest double, then what that and the division left over.  False
 * where the sum is so near the middle of two doubles that the rounding of the
 * remainder could tell.  scale is a power of ten below 1e20.
 */
VMF_TARGET_AVX512 INLINE bool
divide_long(__m256i mant, __m256d scale, double *out)
{
	const __m256i low = _mm256_set1_epi64x(0xfffffffffffff);
	__m256d h = _mm256_cvtepu64_pd(mant), q, rest, v, off, half;
	__mmask8 some = _mm256_test_epi64_mask(mant, mant), odd;

	q = _mm256_div_pd(h, scale);
	rest = _mm256_mask_fnmadd_pd(q, 0xf, scale, h);
	rest = _mm256_add_pd(rest, _mm256_cvtepi64_pd(_mm256_sub_epi64(mant,
	    _mm256_cvttpd_epu64(h))));
	rest = _mm256_div_pd(rest, scale);
	v = _mm256_add_pd(q, rest);
	/* Within a unit of 2^-30 of the middle; below a power of two it is
	 * elsewhere. */
	off = _mm256_andnot_pd(_mm256_set1_pd(-0.0),
	    _mm256_sub_pd(rest, _mm256_sub_pd(v, q)));
	half = _mm256_castsi256_pd(_mm256_andnot_si256(low,
	    _mm256_castpd_si256(v)));
	half = _mm256_mul_pd(half, _mm256_set1_pd(0x1p-53 *
	    (1.0 - 0x1p-30)));
	odd = _mm256_mask_cmp_pd_mask(some, off, half, _CMP_GE_OQ) |
	    _mm256_mask_testn_epi64_mask(some, _mm256_castpd_si256(v), low);
	_mm256_storeu_pd(out, v);
	return odd == 0;
}

VMF_TARGET_AVX512 INLINE bool
four_doubles(const struct vmf_cells *c, int64_t r, int64_t f,
    struct guess *g, double *out)
{
	__m256i mant;
	__m256d w;

	if (!four_numbers(c, r, f, g, &mant, &w))
		return false;
	if (_mm256_cmpge_epu64_mask(mant,
	    _mm256_set1_epi64x((int64_t)1 << 53)) != 0)
		return divide_long(mant, w, out + r);
	/* Both exact, so rounded once. */
	_mm256_storeu_pd(out + r, _mm256_div_pd(_mm256_cvtepu64_pd(mant), w));
	return true;
}

#define TARGET VMF_TARGET_AVX512
#define OF_LEVEL(name) name ## _avx512
#include "ingest/numcol_body.h"

#endif
