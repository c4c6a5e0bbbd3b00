/* SPDX-License-Identifier: MIT */
#include "ingest/numcol_in.h"

#ifdef VMF_X86

/*
 * Four numbers at once: two registers of two lanes, each flush right in its
 * lane; those of more than 16 bytes are in one lane of one pair of registers,
 * and the bytes before in the same lane of another.
 */

/* What is the same for most numbers of a column, as it was for the last. */
struct guess {
	__m256i dots;		/* 255 where the points stand, in all alike */
	__m256i shift;		/* digits before it, onto it */
	__m256d scale;		/* by the digits after it */
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

/* The points of one register are not where the guess has them.  False: more
 * than one in a number, or one with no digit after it. */
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

/* Two numbers: their digits, 0 for all else, and where their points stand.
 * Returns what is neither in the bytes kept. */
VMF_TARGET_AVX2 INLINE __m256i
take_apart(__m256i v, __m256i keep, __m256i *x, __m256i *dots)
{
	__m256i digit;

	*x = _mm256_sub_epi8(v, _mm256_set1_epi8('0'));
	digit = _mm256_and_si256(keep, _mm256_cmpeq_epi8(*x,
	    _mm256_min_epu8(*x, _mm256_set1_epi8(9))));
	*dots = _mm256_and_si256(keep, _mm256_cmpeq_epi8(v,
	    _mm256_set1_epi8('.')));
	*x = _mm256_and_si256(*x, digit);
	return _mm256_xor_si256(_mm256_or_si256(digit, *dots), keep);
}

/* Sixteen digits, the last in the highest byte, of each of four lanes: pairs,
 * fours, eights, all; in the order of the lines. */
VMF_TARGET_AVX2 INLINE __m256i
sixteen(__m256i a, __m256i b)
{
	const __m256i tens = _mm256_set1_epi16(0x010a);
	const __m256i hundreds = _mm256_set1_epi32(0x00010064);

	a = _mm256_madd_epi16(_mm256_maddubs_epi16(a, tens), hundreds);
	b = _mm256_madd_epi16(_mm256_maddubs_epi16(b, tens), hundreds);
	a = _mm256_madd_epi16(_mm256_packus_epi32(a, b),
	    _mm256_set1_epi32(0x00012710));
	a = _mm256_add_epi64(_mm256_mul_epu32(a,
	    _mm256_set1_epi64x(100000000)), _mm256_srli_epi64(a, 32));
	return _mm256_permute4x64_epi64(a, 0xd8);
}

/* Four of 1 to 16 bytes: the digits, as one number, and the scale.  Not in an
 * array, whose parts would be written one by one and read at once. */
VMF_TARGET_AVX2 INLINE bool
four_short(struct piece p, struct piece q, struct piece s, struct piece t,
    struct guess *g, __m256i *mant, __m256d *scale)
{
	__m256i dots[2], x[2], shift[2], odd, moved;
	double by[4];

	odd = take_apart(two_lanes(p.end - 16, q.end - 16),
	    two_lanes(last_bytes + p.len, last_bytes + q.len), &x[0],
	    &dots[0]);
	odd = _mm256_or_si256(odd,
	    take_apart(two_lanes(s.end - 16, t.end - 16),
	    two_lanes(last_bytes + s.len, last_bytes + t.len), &x[1],
	    &dots[1]));
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
	*mant = sixteen(_mm256_shuffle_epi8(x[0], shift[0]),
	    _mm256_shuffle_epi8(x[1], shift[1]));
	return true;
}

/* A number of up to 20 bytes: how the last 16 move, how those before, what
 * comes from these to them, and the scale. */
struct moves {
	const int8_t *near, *far, *over;
	double scale;
};

/* dots: of 32 bytes, the point.  False: as find_points, or 20 digits. */
INLINE bool
find_moves(uint32_t dots, int64_t len, const double *scales,
    struct moves *m)
{
	/* The last of those before, to the front; nothing. */
	static const int8_t over[2][16] = {
	    { 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
		-1 },
	    { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
		-1 } };
	int at = dots == 0 ? 32 : __builtin_ctz(dots);
	bool near = at >= 16 && at < 32;

	if ((dots & (dots - 1)) != 0 || at == 31 || (at == 32 && len == 20))
		return false;
	m->near = onto_point[near ? at - 16 : 16];
	m->far = onto_point[near ? 15 : at == 32 ? 16 : at];
	m->over = over[!near];
	m->scale = scales[at == 32 ? 0 : 31 - at];
	return true;
}

/* Two of them: both parts of their digits, in place. */
VMF_TARGET_AVX2 INLINE bool
two_long(struct piece p, struct piece q, const double *scales, __m256i *near,
    __m256i *far, double scale[2])
{
	int64_t pn = p.len < 16 ? p.len : 16, qn = q.len < 16 ? q.len : 16;
	__m256i dots, dots_far, odd, x, y;
	struct moves a, b;
	uint32_t m, m_far;

	odd = take_apart(two_lanes(p.end - 16, q.end - 16),
	    two_lanes(last_bytes + pn, last_bytes + qn), &x, &dots);
	odd = _mm256_or_si256(odd,
	    take_apart(two_lanes(p.end - 32, q.end - 32),
	    two_lanes(last_bytes + p.len - pn, last_bytes + q.len - qn), &y,
	    &dots_far));
	m = (uint32_t)_mm256_movemask_epi8(dots);
	m_far = (uint32_t)_mm256_movemask_epi8(dots_far);
	if (!_mm256_testz_si256(odd, odd) ||
	    !find_moves(m << 16 | (m_far & 0xffff), p.len, scales, &a) ||
	    !find_moves((m & 0xffff0000u) | m_far >> 16, q.len, scales, &b))
		return false;
	*near = _mm256_or_si256(
	    _mm256_shuffle_epi8(x, two_lanes(a.near, b.near)),
	    _mm256_shuffle_epi8(y, two_lanes(a.over, b.over)));
	*far = _mm256_shuffle_epi8(y, two_lanes(a.far, b.far));
	scale[0] = a.scale;
	scale[1] = b.scale;
	return true;
}

/* As four_short, of up to 20 bytes, 19 digits. */
VMF_TARGET_AVX2 INLINE bool
four_long(struct piece p, struct piece q, struct piece s, struct piece t,
    const double *scales, __m256i *mant, __m256d *scale)
{
	const int64_t e16 = 10000000000000000;
	__m256i near[2], far[2], y;
	double by[4];

	if (!two_long(p, q, scales, &near[0], &far[0], by) ||
	    !two_long(s, t, scales, &near[1], &far[1], by + 2))
		return false;
	/* Of three digits at most: by 10^16, half by half. */
	y = sixteen(far[0], far[1]);
	y = _mm256_add_epi64(
	    _mm256_mul_epu32(y, _mm256_set1_epi64x(e16 & 0xffffffff)),
	    _mm256_slli_epi64(_mm256_mul_epu32(y,
	    _mm256_set1_epi64x(e16 >> 32)), 32));
	*mant = _mm256_add_epi64(sixteen(near[0], near[1]), y);
	*scale = _mm256_loadu_pd(by);
	return true;
}

/* Field f of lines r to r + 3, none odd.  False: not all four are numbers of
 * up to 20 bytes, without a sign, between the blanks of the guess. */
VMF_TARGET_AVX2 INLINE bool
four_numbers(const struct vmf_cells *c, int64_t r, int64_t f,
    struct guess *g, __m256i *mant, __m256d *scale)
{
	struct piece p = piece(c, r, f, g), q = piece(c, r + 1, f, g);
	struct piece s = piece(c, r + 2, f, g), t = piece(c, r + 3, f, g);

	if ((((p.len - 1) | (q.len - 1) | (s.len - 1) | (t.len - 1)) &
	    ~(int64_t)15) == 0)
		return four_short(p, q, s, t, g, mant, scale);
	if ((uint64_t)(p.len - 1) >= 20 || (uint64_t)(q.len - 1) >= 20 ||
	    (uint64_t)(s.len - 1) >= 20 || (uint64_t)(t.len - 1) >= 20)
		return false;
	return four_long(p, q, s, t, g->scales, mant, scale);
}

/* The upper and the lower 32 bits of each, which has no sign, as doubles of
 * their own: first as they would stand in doubles of 2^84 and of 2^52. */
VMF_TARGET_AVX2 INLINE void
halves(__m256i x, __m256d *high, __m256d *low)
{
	*high = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(
	    _mm256_srli_epi64(x, 32),
	    _mm256_set1_epi64x(0x4530000000000000))),
	    _mm256_set1_pd(0x1p84));
	*low = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_blend_epi32(x,
	    _mm256_set1_epi64x(0x4330000000000000), 0xaa)),
	    _mm256_set1_pd(0x1p52));
}

/* The nearest double of each, which has no sign. */
VMF_TARGET_AVX2 INLINE __m256d
to_double(__m256i x)
{
	__m256d high, low;

	halves(x, &high, &low);
	return _mm256_add_pd(high, low);
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
	 * three units in the last place.  Then as vmf_float_safe; 1e-19 to
	 * 1e19 are no denormals. */
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

/*
 * mant / scale, rounded once, where mant is no double itself: the quotient of
 * its nearest double, then what that and the division left over.  False
 * where the sum is so near the middle of two doubles that the rounding of the
 * remainder could tell.  scale is a power of ten below 1e20.
 */
VMF_TARGET_AVX2 INLINE bool
divide_long(__m256i mant, __m256d scale, double *out)
{
	const __m256d fraction = _mm256_castsi256_pd(
	    _mm256_set1_epi64x(0xfffffffffffff));
	__m256d high, low, h, q, rest, v, off, half, zero, odd;

	halves(mant, &high, &low);
	h = _mm256_add_pd(high, low);
	q = _mm256_div_pd(h, scale);
	rest = _mm256_fnmadd_pd(q, scale, h);
	/* Exact: high is 0, or not less than low. */
	rest = _mm256_add_pd(rest, _mm256_sub_pd(low,
	    _mm256_sub_pd(h, high)));
	rest = _mm256_div_pd(rest, scale);
	v = _mm256_add_pd(q, rest);
	/* Within a unit of 2^-30 of the middle; below a power of two it is
	 * elsewhere. */
	off = _mm256_andnot_pd(_mm256_set1_pd(-0.0),
	    _mm256_sub_pd(rest, _mm256_sub_pd(v, q)));
	half = _mm256_mul_pd(_mm256_andnot_pd(fraction, v),
	    _mm256_set1_pd(0x1p-53 * (1.0 - 0x1p-30)));
	zero = _mm256_setzero_pd();
	odd = _mm256_or_pd(_mm256_cmp_pd(off, half, _CMP_GE_OQ),
	    _mm256_castsi256_pd(_mm256_cmpeq_epi64(_mm256_castpd_si256(
	    _mm256_and_pd(fraction, v)), _mm256_castpd_si256(zero))));
	odd = _mm256_and_pd(odd, _mm256_cmp_pd(v, zero, _CMP_NEQ_UQ));
	_mm256_storeu_pd(out, v);
	return _mm256_movemask_pd(odd) == 0;
}

VMF_TARGET_AVX2 INLINE bool
four_doubles(const struct vmf_cells *c, int64_t r, int64_t f,
    struct guess *g, double *out)
{
	__m256i mant, far;
	__m256d w;

	if (!four_numbers(c, r, f, g, &mant, &w))
		return false;
	/* 2^53 and above, which may be no doubles. */
	far = _mm256_srli_epi64(mant, 53);
	if (!_mm256_testz_si256(far, far))
		return divide_long(mant, w, out + r);
	/* Both exact, so rounded once. */
	_mm256_storeu_pd(out + r, _mm256_div_pd(to_double(mant), w));
	return true;
}

#define TARGET VMF_TARGET_AVX2
#define OF_LEVEL(name) name ## _avx2
#include "ingest/numcol_body.h"

#endif
