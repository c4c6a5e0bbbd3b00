/* SPDX-License-Identifier: MIT */
#include "ingest/numcol_in.h"

#ifdef VMF_X86

/*
 * Four numbers at once, of 1 to 16 bytes: two registers of two lanes, each
 * flush right in its lane.
 */
struct four {
	__m256i v[2];		/* as they are written */
	__m256i keep[2];	/* 255 in each byte of the number */
};

/* What is the same for most numbers of a column, as it was for the last. */
struct guess {
	__m256i dots;		/* 255 where the points stand, in all alike */
	__m256i shift;		/* digits before it, onto it */
	__m256d scale;		/* by the digits behind it */
	const double *scales;	/* from 0 digits on */
	int lead, trail, blanks;	/* on either side, and both */
};

VMF_TARGET_AVX2 INLINE __m256i
two_lanes(const void *low, const void *high)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(
	    _mm_loadu_si128(low)), _mm_loadu_si128(high), 1);
}

/* A number: where it ends, and its bytes. */
struct piece {
	const char *end;
	int64_t len;
};

/* Field f of line r, between the blanks of the guess; of no length where they
 * are not there. */
VMF_TARGET_AVX2 INLINE struct piece
piece(const struct vmf_cells *c, int64_t r, int64_t f, const struct guess *g)
{
	const uint32_t *sep = c->sep + f - 1 + c->row[r];
	struct piece x = { c->text + sep[1],
	    (int64_t)(sep[1] - sep[0]) - 1 };

	if (g->blanks > 0) {
		char a = x.end[-x.len], z = x.end[-1];

		if ((g->lead && a != ' ' && a != '\t') ||
		    (g->trail && z != ' ' && z != '\t' && z != '\r'))
			return (struct piece){ x.end, 0 };
		x.end -= g->trail;
		x.len -= g->blanks;
	}
	return x;
}

/* Field f of lines r to r + 3, none odd.  False: not all four have 1 to 16
 * bytes, and the blanks of the guess around them. */
VMF_TARGET_AVX2 INLINE bool
place(const struct vmf_cells *c, int64_t r, int64_t f, const struct guess *g,
    struct four *x)
{
	/* Not in arrays, whose parts would be written one by one and read at
	 * once. */
	struct piece p = piece(c, r, f, g), q = piece(c, r + 1, f, g);
	struct piece s = piece(c, r + 2, f, g), t = piece(c, r + 3, f, g);

	if ((((p.len - 1) | (q.len - 1) | (s.len - 1) | (t.len - 1)) &
	    ~(int64_t)15) != 0)
		return false;
	x->v[0] = two_lanes(p.end - 16, q.end - 16);
	x->v[1] = two_lanes(s.end - 16, t.end - 16);
	x->keep[0] = two_lanes(last_bytes + p.len, last_bytes + q.len);
	x->keep[1] = two_lanes(last_bytes + s.len, last_bytes + t.len);
	return true;
}

/* The points of one register are not where the guess has them.  False: more
 * than one in a number, or one with no digit behind it. */
VMF_TARGET_AVX2 INLINE bool
find_points(__m256i dots, const double *scales, __m256i *shift,
    double scale[2])
{
	uint32_t m = (uint32_t)_mm256_movemask_epi8(dots);
	uint32_t low = m & 0xffff, high = m >> 16;
	int a = low == 0 ? 16 : __builtin_ctz(low);
	int b = high == 0 ? 16 : __builtin_ctz(high);

	if (((low & (low - 1)) | (high & (high - 1))) != 0 || a == 15 ||
	    b == 15)
		return false;
	*shift = two_lanes(onto_point[a], onto_point[b]);
	scale[0] = scales[a == 16 ? 0 : 15 - a];
	scale[1] = scales[b == 16 ? 0 : 15 - b];
	return true;
}

/* The digits of each, as one number, and its scale. */
VMF_TARGET_AVX2 INLINE bool
four_numbers(const struct vmf_cells *c, int64_t r, int64_t f,
    struct guess *g, __m256i *mant, __m256d *scale)
{
	__m256i digit[2], dots[2], x[2], shift[2], odd, moved;
	double by[4];
	struct four t;

	if (!place(c, r, f, g, &t))
		return false;
	for (int i = 0; i < 2; i++) {
		x[i] = _mm256_sub_epi8(t.v[i], _mm256_set1_epi8('0'));
		digit[i] = _mm256_and_si256(t.keep[i], _mm256_cmpeq_epi8(
		    x[i], _mm256_min_epu8(x[i], _mm256_set1_epi8(9))));
		dots[i] = _mm256_and_si256(t.keep[i], _mm256_cmpeq_epi8(
		    t.v[i], _mm256_set1_epi8('.')));
		x[i] = _mm256_and_si256(x[i], digit[i]);
		digit[i] = _mm256_xor_si256(_mm256_or_si256(digit[i],
		    dots[i]), t.keep[i]);
	}
	odd = _mm256_or_si256(digit[0], digit[1]);
	if (!_mm256_testz_si256(odd, odd))
		return false;
	moved = _mm256_or_si256(_mm256_xor_si256(dots[0], g->dots),
	    _mm256_xor_si256(dots[1], g->dots));
	if (_mm256_testz_si256(moved, moved)) {
		shift[0] = shift[1] = g->shift;
		*scale = g->scale;
	} else {
		if (!find_points(dots[0], g->scales, &shift[0], by) ||
		    !find_points(dots[1], g->scales, &shift[1], by + 2))
			return false;
		*scale = _mm256_loadu_pd(by);
		g->dots = _mm256_permute2x128_si256(dots[1], dots[1], 0x11);
		g->shift = _mm256_permute2x128_si256(shift[1], shift[1],
		    0x11);
		g->scale = _mm256_set1_pd(by[3]);
	}
	/* Pairs, fours, eights, all. */
	for (int i = 0; i < 2; i++) {
		x[i] = _mm256_shuffle_epi8(x[i], shift[i]);
		x[i] = _mm256_maddubs_epi16(x[i],
		    _mm256_set1_epi16(0x010a));
		x[i] = _mm256_madd_epi16(x[i],
		    _mm256_set1_epi32(0x00010064));
	}
	x[0] = _mm256_madd_epi16(_mm256_packus_epi32(x[0], x[1]),
	    _mm256_set1_epi32(0x00012710));
	x[0] = _mm256_add_epi64(_mm256_mul_epu32(x[0],
	    _mm256_set1_epi64x(100000000)), _mm256_srli_epi64(x[0], 32));
	*mant = _mm256_permute4x64_epi64(x[0], 0xd8);
	return true;
}

/* The nearest double of each below 2^63: both halves as they would stand in
 * doubles of 2^84 and of 2^52, so that the sum alone rounds. */
VMF_TARGET_AVX2 INLINE __m256d
to_double(__m256i x)
{
	__m256i high = _mm256_or_si256(_mm256_srli_epi64(x, 32),
	    _mm256_set1_epi64x(0x4530000000000000));
	__m256i low = _mm256_blend_epi32(x,
	    _mm256_set1_epi64x(0x4330000000000000), 0xaa);

	return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high),
	    _mm256_set1_pd(0x1p84 + 0x1p52)), _mm256_castsi256_pd(low));
}

VMF_TARGET_AVX2 INLINE struct guess
begin_guess(const struct vmf_cells *c, int64_t f, const double *scales)
{
	struct guess g = { .scales = scales,
	    .dots = _mm256_setzero_si256(),
	    .shift = two_lanes(onto_point[16], onto_point[16]),
	    .scale = _mm256_set1_pd(scales[0]) };
	const char *s, *end;

	if (c->n > 0 && !c->odd[0]) {
		vmf_cell_raw(c, 0, f, &s, &end);
		g.lead = s < end && *s <= ' ';
		g.trail = s < end && end[-1] <= ' ';
		g.blanks = g.lead + g.trail;
	}
	return g;
}

VMF_TARGET_AVX2 INLINE bool
four_floats(const struct vmf_cells *c, int64_t r, int64_t f, struct guess *g,
    float *out)
{
	__m256i mant, y;
	__m256d w;

	if (!four_numbers(c, r, f, g, &mant, &w))
		return false;
	/* Rounded three times at most, the scale included: by no more than
	 * three units in the last place.  Then as vmf_float_safe; 1e-16 to
	 * 1e16 are no denormals. */
	w = _mm256_mul_pd(to_double(mant), w);
	y = _mm256_and_si256(_mm256_castpd_si256(w),
	    _mm256_set1_epi64x(0x1fffffff));
	y = _mm256_sub_epi64(y, _mm256_set1_epi64x(0x10000000 - 4));
	y = _mm256_and_si256(
	    _mm256_cmpgt_epi64(y, _mm256_set1_epi64x(-1)),
	    _mm256_cmpgt_epi64(_mm256_set1_epi64x(9), y));
	if (!_mm256_testz_si256(y, y))
		return false;
	_mm_storeu_ps(out + r, _mm256_cvtpd_ps(w));
	return true;
}

VMF_TARGET_AVX2 INLINE bool
four_doubles(const struct vmf_cells *c, int64_t r, int64_t f,
    struct guess *g, double *out)
{
	__m256i mant, far;
	__m256d w;

	if (!four_numbers(c, r, f, g, &mant, &w))
		return false;
	far = _mm256_cmpgt_epi64(mant,
	    _mm256_set1_epi64x(((int64_t)1 << 53) - 1));
	if (!_mm256_testz_si256(far, far))
		return false;
	/* Both exact, so rounded once. */
	_mm256_storeu_pd(out + r, _mm256_div_pd(to_double(mant), w));
	return true;
}

VMF_TARGET_AVX2 void
vmf_numcol_floats_avx2(const struct vmf_cells *c, int64_t f, float *out)
{
	struct guess g = begin_guess(c, f, pow10_inverse);
	int64_t r = 0;

	while (r < c->n) {
		if (r + 4 <= c->n && !any_odd(c, r) &&
		    four_floats(c, r, f, &g, out)) {
			r += 4;
			continue;
		}
		for (int i = 0; i < 4 && r < c->n; i++)
			one_float(c, r++, f, out);
	}
}

VMF_TARGET_AVX2 void
vmf_numcol_doubles_avx2(const struct vmf_cells *c, int64_t f, double *out)
{
	struct guess g = begin_guess(c, f, pow10_double);
	int64_t r = 0;

	while (r < c->n) {
		if (r + 4 <= c->n && !any_odd(c, r) &&
		    four_doubles(c, r, f, &g, out)) {
			r += 4;
			continue;
		}
		for (int i = 0; i < 4 && r < c->n; i++)
			one_double(c, r++, f, out);
	}
}

#endif
