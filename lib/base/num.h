/* SPDX-License-Identifier: MIT */
/*
 * Numbers as people write them.  Every parser takes the whole of s[0..len)
 * or refuses it: "12x", "", " 12" and out-of-range values are refused.
 * They do not depend on the locale, and return 0 or VMF_EDATA without a
 * message: the caller knows where the text stood.
 */
#ifndef VMF_NUM_H
#define VMF_NUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

int vmf_parse_int64(const char *s, int64_t len, int64_t *v) VMF_CHECK;

/* Decimal and scientific notation, inf and nan in any case; rounded once to
 * the nearest double or float, as strtod and strtof do, so that a value read
 * equals what other tools read.  Beyond the range: infinity. */
int vmf_parse_double(const char *s, int64_t len, double *v) VMF_CHECK;
int vmf_parse_float(const char *s, int64_t len, float *v) VMF_CHECK;

/* v x 10^exp, exp from -999 to 999, rounded once. */
double vmf_decimal_double(__int128 v, int exp);

/*
 * True when every number within ulps units in the last place of v >= 0
 * rounds to the same float, so that (float)v is right although v was rounded
 * itself: v is a normal float or zero, and not near the middle between two.
 */
static inline bool
vmf_float_safe(double v, uint64_t ulps)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	bits = (bits & 0x1fffffff) - (0x10000000 - ulps);
	return bits > 2 * ulps &&
	    ((v >= 0x1p-126 && v < 0x1.fffffep127) || v == 0.0);
}

/* Bytes: 65536, 64K, 256M, 1G, 1GiB, 2T; powers of 1,024. */
int vmf_parse_size(const char *s, int64_t *bytes) VMF_CHECK;

/* A span of time: 300, 300s, 5m, 1h, 2d, 1w and sums such as 1h30m;
 * positive. */
int vmf_parse_duration(const char *s, int64_t *seconds) VMF_CHECK;

/* The shortest decimal text that reads back as the same float32 / float64
 * (at most 32 bytes with the NUL); "nan", "inf", "-inf" for the others.
 * Returns the length. */
int vmf_format_float(float v, char buf[32]);
int vmf_format_double(double v, char buf[32]);

/* The greatest common divisor of numbers above 0. */
int64_t vmf_gcd(int64_t a, int64_t b);

/* 300 -> "5m", 3600 -> "1h", 90 -> "90s". */
void vmf_format_duration(int64_t seconds, char buf[32]);

/* True when s[0..len) is well-formed UTF-8 without a NUL. */
int vmf_utf8_valid(const char *s, int64_t len);

/* The most of s[0..len), at most max bytes, that ends at a whole
 * character. */
int64_t vmf_utf8_cut(const char *s, int64_t len, int64_t max);

/* The string s as text that a column may hold, and a NUL, into size bytes:
 * cut at a whole character, and '?' for each byte that is of none, as names of
 * files may have. */
void vmf_utf8_text(char *to, int64_t size, const char *s);

#endif
