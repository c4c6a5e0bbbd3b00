/* SPDX-License-Identifier: MIT */
#include "ingest/numcol.h"

#include <math.h>

#include "base/num.h"
#include "ingest/convert.h"

#ifdef VMF_X86
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

static const double pow10_double[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6,
	1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
	1e19 };

/* A number as it is written: mant / 10^decimals. */
struct decimal {
	uint64_t mant;
	int decimals;
	bool neg;
};

INLINE bool
eight_digits(uint64_t w)
{
	return (((w + 0x4646464646464646u) | (w - 0x3030303030303030u)) &
	    0x8080808080808080u) == 0;
}

/* Eight digits, the first in the lowest byte: pairs, then fours, then all. */
INLINE uint64_t
eight(uint64_t w)
{
	w -= 0x3030303030303030u;
	w = w * 10 + (w >> 8);
	return ((w & 0x000000ff000000ffu) * 0x000f424000000064u +
	    (w >> 16 & 0x000000ff000000ffu) * 0x0000271000000001u) >> 32;
}

/* Digits from p on; where they end. */
INLINE const char *
digits(const char *p, const char *end, uint64_t *mant)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (end - p >= 8 && eight_digits(vmf_word(p))) {
		*mant = *mant * 100000000 + eight(vmf_word(p));
		p += 8;
	}
#endif
	while (p < end && *p >= '0' && *p <= '9')
		*mant = *mant * 10 + (uint64_t)(*p++ - '0');
	return p;
}

/* [-]digits[.digits] of at most 19 digits; no other text. */
INLINE bool
read_decimal(const char *s, const char *end, struct decimal *d)
{
	const char *p, *from;
	int64_t n;

	d->neg = s < end && *s == '-';
	d->mant = 0;
	d->decimals = 0;
	from = s + d->neg;
	p = digits(from, end, &d->mant);
	n = p - from;
	if (p < end && *p == '.') {
		from = p + 1;
		p = digits(from, end, &d->mant);
		if (p - from > 19)
			return false;
		d->decimals = (int)(p - from);
		n += p - from;
	}
	return p == end && n > 0 && n <= 19;
}

INLINE bool
decimal_float(const struct decimal *d, float *out)
{
	double w = (double)d->mant;

	if (d->decimals > 0)
		w /= pow10_double[d->decimals];
	/* Rounded twice, by less than three units in the last place. */
	if (!vmf_float_safe(w, 4) &&
	    (d->decimals > 0 || d->mant >= (uint64_t)1 << 53))
		return false;
	*out = (float)(d->neg ? -w : w);
	return true;
}

INLINE bool
decimal_double(const struct decimal *d, double *out)
{
	double w = (double)d->mant;

	if (d->mant >= (uint64_t)1 << 53)
		return false;
	if (d->decimals > 0)
		w /= pow10_double[d->decimals];
	*out = d->neg ? -w : w;
	return true;
}

/* ---- any text ---- */

static __attribute__((noinline)) void
slow_float(const struct vmf_cells *c, int64_t r, const char *s,
    const char *end, float *out)
{
	struct vmf_field_text t = { s, end - s };

	if (vmf_field_float(&t, out) != 0 || isinf(*out))
		c->odd[r] = 1;
}

static __attribute__((noinline)) void
slow_double(const struct vmf_cells *c, int64_t r, const char *s,
    const char *end, double *out)
{
	struct vmf_field_text t = { s, end - s };

	if (vmf_field_double(&t, out) != 0)
		c->odd[r] = 1;
}

/* ---- plain ---- */

static void
floats_plain(const struct vmf_cells *c, int64_t f, float *out)
{
	for (int64_t r = 0; r < c->n; r++) {
		const char *s, *end;
		struct decimal d;

		if (c->odd[r])
			continue;
		vmf_cell(c, r, f, &s, &end);
		if (!read_decimal(s, end, &d) || !decimal_float(&d, &out[r]))
			slow_float(c, r, s, end, &out[r]);
	}
}

static void
doubles_plain(const struct vmf_cells *c, int64_t f, double *out)
{
	for (int64_t r = 0; r < c->n; r++) {
		const char *s, *end;
		struct decimal d;

		if (c->odd[r])
			continue;
		vmf_cell(c, r, f, &s, &end);
		if (!read_decimal(s, end, &d) ||
		    !decimal_double(&d, &out[r]))
			slow_double(c, r, s, end, &out[r]);
	}
}

#ifdef VMF_X86

/*
 * Up to 16 bytes in one register, flush right: the digits before the point
 * move one to the right, onto it, then pairs, fours, eights are summed.
 */
VMF_TARGET_AVX2 INLINE bool
read16(const char *s, const char *end, struct decimal *d)
{
	static const int8_t shift[17][16] = {
#define TO(n, i) ((i) <= (n) ? (i) - 1 : (i))
#define ROW(n) { TO(n, 0), TO(n, 1), TO(n, 2), TO(n, 3), TO(n, 4), TO(n, 5), \
	TO(n, 6), TO(n, 7), TO(n, 8), TO(n, 9), TO(n, 10), TO(n, 11), \
	TO(n, 12), TO(n, 13), TO(n, 14), TO(n, 15) }
		ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6),
		ROW(7), ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13),
		ROW(14), ROW(15), ROW(-1) };
	static const uint8_t last[32] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	    255, 255, 255, 255, 255, 255 };
	const __m128i tens = _mm_set1_epi16(0x010a);
	const __m128i hundreds = _mm_set1_epi32(0x00010064);
	const __m128i myriads = _mm_set1_epi32(0x00012710);
	__m128i v, x;
	uint32_t keep, dots, digit;
	int64_t len, at;
	uint64_t two;

	d->neg = *s == '-';
	s += d->neg;
	len = end - s;
	if ((uint64_t)(len - 1) >= 16)
		return false;
	v = _mm_loadu_si128((const __m128i *)(const void *)(end - 16));
	x = _mm_sub_epi8(v, _mm_set1_epi8('0'));
	keep = 0xffffu & 0xffff0000u >> len;
	digit = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x,
	    _mm_min_epu8(x, _mm_set1_epi8(9)))) & keep;
	dots = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v,
	    _mm_set1_epi8('.'))) & keep;
	if ((digit | dots) != keep || (dots & (dots - 1)) != 0 || digit == 0)
		return false;
	at = dots == 0 ? 16 : __builtin_ctz(dots);
	d->decimals = (int)(15 - at + (dots == 0));
	x = _mm_and_si128(x, _mm_loadu_si128(
	    (const __m128i *)(const void *)(last + len)));
	x = _mm_shuffle_epi8(x, _mm_loadu_si128(
	    (const __m128i *)(const void *)shift[at]));
	x = _mm_maddubs_epi16(x, tens);
	x = _mm_madd_epi16(x, hundreds);
	x = _mm_packus_epi32(x, x);
	x = _mm_madd_epi16(x, myriads);
	two = (uint64_t)_mm_cvtsi128_si64(x);
	d->mant = (two & 0xffffffffu) * 100000000 + (two >> 32);
	return true;
}

VMF_TARGET_AVX2 INLINE void
one_float(const struct vmf_cells *c, int64_t r, int64_t f, float *out)
{
	const char *s, *end;
	struct decimal d;

	if (c->odd[r])
		return;
	vmf_cell(c, r, f, &s, &end);
	if (!(read16(s, end, &d) || read_decimal(s, end, &d)) ||
	    !decimal_float(&d, &out[r]))
		slow_float(c, r, s, end, &out[r]);
}

VMF_TARGET_AVX2 static void
floats_avx2(const struct vmf_cells *c, int64_t f, float *out)
{
	for (int64_t r = 0; r < c->n; r++)
		one_float(c, r, f, out);
}

VMF_TARGET_AVX2 static void
doubles_avx2(const struct vmf_cells *c, int64_t f, double *out)
{
	for (int64_t r = 0; r < c->n; r++) {
		const char *s, *end;
		struct decimal d;

		if (c->odd[r])
			continue;
		vmf_cell(c, r, f, &s, &end);
		if (!(read16(s, end, &d) || read_decimal(s, end, &d)) ||
		    !decimal_double(&d, &out[r]))
			slow_double(c, r, s, end, &out[r]);
	}
}

/* Where the point stands in all of four numbers, guessed from the last. */
struct guess {
	uint64_t dots;		/* a bit a byte, 16 a number */
	uint64_t before;	/* the bits up to the points */
	double pow;
	bool blanks;		/* around the fields */
};

static void
set_guess(struct guess *g, uint64_t dots)
{
	uint64_t one = dots & 0xffff;
	int at;

	if (one == 0 || (one & (one - 1)) != 0)
		one = 0;
	at = one == 0 ? 15 : __builtin_ctzll(one);
	g->dots = one * 0x0001000100010001u;
	g->before = one == 0 ? 0 :
	    (2 * one - 1) * 0x0001000100010001u;
	g->pow = pow10_double[15 - at];
}

/* Lines r to r + 3, none odd.  False: not all four are as guessed. */
VMF_TARGET_AVX512 INLINE bool
four_floats(const struct vmf_cells *c, int64_t r, int64_t f, struct guess *g,
    float *out)
{
	const __m512i tens = _mm512_set1_epi16(0x010a);
	const __m512i hundreds = _mm512_set1_epi32(0x00010064);
	const __m512i myriads = _mm512_set1_epi32(0x00012710);
	const uint64_t low15 = 0x7fff7fff7fff7fffu;
	const char *s[4], *end[4];
	uint64_t keep = 0, dots, digit, over = 0;
	__m512i v, x;
	__m256i y;
	__m256d w;

	for (int i = 0; i < 4; i++) {
		if (g->blanks)
			vmf_cell(c, r + i, f, &s[i], &end[i]);
		else
			vmf_cell_raw(c, r + i, f, &s[i], &end[i]);
		over |= (uint64_t)(end[i] - s[i]) - 1;
		keep |= (0xffffull & 0xffff0000ull >>
		    ((end[i] - s[i]) & 31)) << 16 * i;
	}
	if (over >= 16)
		return false;
	v = _mm512_castsi128_si512(_mm_loadu_si128(
	    (const __m128i *)(const void *)(end[0] - 16)));
	v = _mm512_inserti64x2(v, _mm_loadu_si128(
	    (const __m128i *)(const void *)(end[1] - 16)), 1);
	v = _mm512_inserti64x2(v, _mm_loadu_si128(
	    (const __m128i *)(const void *)(end[2] - 16)), 2);
	v = _mm512_inserti64x2(v, _mm_loadu_si128(
	    (const __m128i *)(const void *)(end[3] - 16)), 3);
	x = _mm512_sub_epi8(v, _mm512_set1_epi8('0'));
	digit = _mm512_mask_cmple_epu8_mask(keep, x, _mm512_set1_epi8(9));
	dots = _mm512_mask_cmpeq_epi8_mask(keep, v, _mm512_set1_epi8('.'));
	if (__builtin_expect(dots != g->dots, 0)) {
		set_guess(g, dots);
		if (dots != g->dots)
			return false;
	}
	/* Nothing but digits and the points, and a digit in each. */
	if ((digit | dots) != keep ||
	    ((((digit & low15) + low15) | digit) & ~low15) != ~low15)
		return false;
	x = _mm512_maskz_mov_epi8(digit, x);
	x = _mm512_mask_mov_epi8(x, g->before, _mm512_bslli_epi128(x, 1));
	x = _mm512_maddubs_epi16(x, tens);
	x = _mm512_madd_epi16(x, hundreds);
	x = _mm512_packus_epi32(x, x);
	x = _mm512_madd_epi16(x, myriads);
	x = _mm512_add_epi64(
	    _mm512_mul_epu32(x, _mm512_set1_epi64(100000000)),
	    _mm512_srli_epi64(x, 32));
	x = _mm512_permutexvar_epi64(
	    _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0), x);
	y = _mm512_castsi512_si256(x);
	w = _mm256_div_pd(_mm256_cvtepu64_pd(y), _mm256_set1_pd(g->pow));
	/* As vmf_float_safe; 1e-15 to 1e16 are no denormals. */
	y = _mm256_and_si256(_mm256_castpd_si256(w),
	    _mm256_set1_epi64x(0x1fffffff));
	y = _mm256_sub_epi64(y, _mm256_set1_epi64x(0x10000000 - 4));
	if (_mm256_cmple_epu64_mask(y, _mm256_set1_epi64x(8)) != 0)
		return false;
	_mm_storeu_ps(out + r, _mm256_cvtpd_ps(w));
	return true;
}

VMF_TARGET_AVX512 static void
floats_avx512(const struct vmf_cells *c, int64_t f, float *out)
{
	struct guess g = { .blanks = false };
	const char *s, *end;
	uint32_t odd;
	int64_t r = 0;

	set_guess(&g, 0);
	if (c->n > 0 && !c->odd[0]) {
		vmf_cell_raw(c, 0, f, &s, &end);
		g.blanks = s < end && (*s <= ' ' || end[-1] <= ' ');
	}
	for (; r + 4 <= c->n; r += 4) {
		memcpy(&odd, c->odd + r, sizeof(odd));
		if (odd == 0 && four_floats(c, r, f, &g, out))
			continue;
		for (int64_t i = r; i < r + 4; i++)
			one_float(c, i, f, out);
	}
	for (; r < c->n; r++)
		one_float(c, r, f, out);
}

#endif

void
vmf_numcol_floats(enum vmf_simd level, const struct vmf_cells *c, int64_t f,
    float *out)
{
	switch (level) {
#ifdef VMF_X86
	case VMF_SIMD_AVX512:
		floats_avx512(c, f, out);
		break;
	case VMF_SIMD_AVX2:
		floats_avx2(c, f, out);
		break;
#endif
	default:
		floats_plain(c, f, out);
		break;
	}
}

void
vmf_numcol_doubles(enum vmf_simd level, const struct vmf_cells *c, int64_t f,
    double *out)
{
#ifdef VMF_X86
	if (level != VMF_SIMD_PLAIN) {
		doubles_avx2(c, f, out);
		return;
	}
#else
	(void)level;
#endif
	doubles_plain(c, f, out);
}

/* ---- times ---- */

/* Digits alone, in the unit of the stamp; what vmf_stamp_parse would say. */
static bool
ticks(const char *s, const char *end, enum vmf_stamp stamp, bool detect,
    int64_t *t)
{
	static const int64_t per_s[] = { [VMF_STAMP_S] = 1,
	    [VMF_STAMP_MS] = 1000, [VMF_STAMP_US] = 1000000,
	    [VMF_STAMP_NS] = 1000000000 };
	uint64_t v = 0;

	if (stamp < VMF_STAMP_S || stamp > VMF_STAMP_NS || end - s > 18 ||
	    s == end || digits(s, end, &v) != end)
		return false;
	if (detect && vmf_stamp_unit((int64_t)v) != stamp)
		return false;
	*t = (int64_t)v / per_s[stamp];
	return *t <= VMF_STAMP_MAX;
}

void
vmf_numcol_times(const struct vmf_cells *c, int64_t f, enum vmf_stamp *stamp,
    bool detect, int64_t *out)
{
	const char *last = NULL;
	int64_t last_len = 0, last_t = 0;

	for (int64_t r = 0; r < c->n; r++) {
		const char *s, *end;
		enum vmf_stamp found;

		if (c->odd[r])
			continue;
		vmf_cell(c, r, f, &s, &end);
		/* Most lines have the time of the one before. */
		if (last != NULL && end - s == last_len &&
		    vmf_same(s, last, last_len)) {
			out[r] = last_t;
			continue;
		}
		if (!ticks(s, end, *stamp, detect, &out[r])) {
			found = *stamp;
			if (detect)
				found = vmf_stamp_detect(s, end - s);
			if (*stamp == VMF_STAMP_AUTO)
				*stamp = found;
			if (found == VMF_STAMP_AUTO || found != *stamp ||
			    vmf_stamp_parse(found, s, end - s,
			    &out[r]) != 0) {
				c->odd[r] = 1;
				continue;
			}
		}
		last = s;
		last_len = end - s;
		last_t = out[r];
	}
}
