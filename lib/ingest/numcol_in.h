/* SPDX-License-Identifier: MIT */
/*
 * What the levels of numcol share: one number by itself, and the columns of
 * the wide levels.
 */
#ifndef VMF_NUMCOL_IN_H
#define VMF_NUMCOL_IN_H

#include <math.h>

#include "base/num.h"
#include "ingest/convert.h"
#include "ingest/numcol.h"

#ifdef VMF_X86
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

static const double pow10_double[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6,
	1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
	1e19 };

/* Rounded, all but the first. */
__attribute__((unused))
static const double pow10_inverse[] = { 1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5,
	1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15,
	1e-16, 1e-17, 1e-18, 1e-19 };

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
	while (end - p >= 8 && eight_digits(vmf_word(p))) {
		*mant = *mant * 100000000 + eight(vmf_word(p));
		p += 8;
	}
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

	if (vmf_field_float(&t, false, out) != 0 || isinf(*out))
		c->odd[r] = 1;
}

static __attribute__((noinline)) void
slow_double(const struct vmf_cells *c, int64_t r, const char *s,
    const char *end, double *out)
{
	struct vmf_field_text t = { s, end - s };

	if (vmf_field_double(&t, false, out) != 0)
		c->odd[r] = 1;
}

/* v in the unit of the stamp, as seconds; false where it is not what
 * vmf_stamp_parse would say, or not of that unit. */
INLINE bool
ticks_seconds(uint64_t v, enum vmf_stamp stamp, bool detect, int64_t *t)
{
	static const int64_t per_s[] = { [VMF_STAMP_S] = 1,
	    [VMF_STAMP_MS] = 1000, [VMF_STAMP_US] = 1000000,
	    [VMF_STAMP_NS] = 1000000000 };

	if (stamp < VMF_STAMP_S || stamp > VMF_STAMP_NS ||
	    (detect && vmf_stamp_unit((int64_t)v) != stamp))
		return false;
	*t = stamp == VMF_STAMP_S ? (int64_t)v :
	    (int64_t)v / per_s[stamp];
	return *t <= VMF_STAMP_MAX;
}

#ifdef VMF_X86

void vmf_numcol_floats_avx2(const struct vmf_cells *c, int64_t f, float *out);
void vmf_numcol_doubles_avx2(const struct vmf_cells *c, int64_t f,
    double *out);
void vmf_numcol_floats_avx512(const struct vmf_cells *c, int64_t f,
    float *out);
void vmf_numcol_doubles_avx512(const struct vmf_cells *c, int64_t f,
    double *out);
/* Times of lines r to r + 3, none odd, as vmf_numcol_times; false: not all
 * four are of digits alone. */
bool vmf_numcol_ticks_avx2(const struct vmf_cells *c, int64_t r, int64_t f,
    enum vmf_stamp stamp, bool detect, int64_t *out);
bool vmf_numcol_ticks_avx512(const struct vmf_cells *c, int64_t r, int64_t f,
    enum vmf_stamp stamp, bool detect, int64_t *out);

/* Four of ticks_seconds, or none. */
INLINE bool
four_seconds(const uint64_t v[4], enum vmf_stamp stamp, bool detect,
    int64_t *out)
{
	int64_t t[4];

	for (int i = 0; i < 4; i++)
		if (v[i] >= 1000000000000000000 ||
		    !ticks_seconds(v[i], stamp, detect, &t[i]))
			return false;
	memcpy(out, t, sizeof(t));
	return true;
}

/* For a point at byte n of 16, and for none: each byte before it moves one to
 * the right, onto it. */
static const int8_t onto_point[17][16] = {
#define TO(n, i) ((i) <= (n) ? (i) - 1 : (i))
#define ROW(n) { TO(n, 0), TO(n, 1), TO(n, 2), TO(n, 3), TO(n, 4), TO(n, 5), \
	TO(n, 6), TO(n, 7), TO(n, 8), TO(n, 9), TO(n, 10), TO(n, 11), \
	TO(n, 12), TO(n, 13), TO(n, 14), TO(n, 15) }
	ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8),
	ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15), ROW(-1)
#undef ROW
#undef TO
};

/* From last_bytes + n on: 16 bytes of which the last n are 255. */
static const uint8_t last_bytes[32] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	255, 255, 255, 255, 255 };

/*
 * Up to 16 bytes in one register, flush right: the digits before the point
 * move one to the right, onto it, then pairs, fours, eights are summed.
 */
VMF_TARGET_AVX2 INLINE bool
read16(const char *s, const char *end, struct decimal *d)
{
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
	    (const __m128i *)(const void *)(last_bytes + len)));
	x = _mm_shuffle_epi8(x, _mm_loadu_si128(
	    (const __m128i *)(const void *)onto_point[at]));
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

VMF_TARGET_AVX2 INLINE void
one_double(const struct vmf_cells *c, int64_t r, int64_t f, double *out)
{
	const char *s, *end;
	struct decimal d;

	if (c->odd[r])
		return;
	vmf_cell(c, r, f, &s, &end);
	if (!(read16(s, end, &d) || read_decimal(s, end, &d)) ||
	    !decimal_double(&d, &out[r]))
		slow_double(c, r, s, end, &out[r]);
}

INLINE bool
any_odd(const struct vmf_cells *c, int64_t r)
{
	uint32_t odd;

	memcpy(&odd, c->odd + r, sizeof(odd));
	return odd != 0;
}

#endif

#endif
