/* SPDX-License-Identifier: MIT */
/*
 * Decimal text to binary floating point, rounded once: the nearest double,
 * or the nearest float, which by way of a double can be the neighbour.
 */
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

/* Of 1e16 and more digits no file can hold, so this is as good as any. */
#define EXP_MAX 10000000000000000
/* Digits beyond 770 only matter as "not zero": a value halfway between two
 * doubles has at most 767. */
#define DIGITS_MAX 780

struct decimal {
	bool neg;
	bool more;		/* digits that are not zero were left out */
	uint64_t mant;		/* the first 19 digits */
	int64_t exp;		/* value = mant x 10^exp */
};

static const double pow10_double[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6,
	1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
	1e19, 1e20, 1e21, 1e22 };

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [+-]digits[.digits][(e|E)[+-]digits], with a digit before the exponent;
 * *exp_at is where the exponent begins, or len. */
static int
scan_decimal(const char *s, int64_t len, struct decimal *d, int64_t *exp_at)
{
	int64_t i = 0, e = 0;
	int n = 0;		/* digits in mant */
	bool any = false, point = false, neg_e = false;

	*d = (struct decimal){ 0 };
	if (len > 0 && (s[0] == '-' || s[0] == '+'))
		d->neg = s[i++] == '-';
	for (; i < len; i++) {
		if (is_digit(s[i])) {
			any = true;
			if (n < 19) {
				d->mant = d->mant * 10 +
				    (uint64_t)(s[i] - '0');
				n += d->mant > 0;
				d->exp -= point;
			} else {
				d->more |= s[i] != '0';
				d->exp += !point;
			}
		} else if (s[i] == '.' && !point) {
			point = true;
		} else {
			break;
		}
	}
	*exp_at = i;
	if (!any)
		return VMF_EDATA;
	if (i == len)
		return 0;
	if (s[i] != 'e' && s[i] != 'E')
		return VMF_EDATA;
	i++;
	if (i < len && (s[i] == '-' || s[i] == '+'))
		neg_e = s[i++] == '-';
	if (i == len)
		return VMF_EDATA;
	for (; i < len; i++) {
		if (!is_digit(s[i]))
			return VMF_EDATA;
		if (e < EXP_MAX)
			e = e * 10 + (s[i] - '0');
	}
	d->exp += neg_e ? -e : e;
	return 0;
}

/* All digits that matter, without a decimal point, so that the locale has
 * no say. */
static void
write_digits(const char *s, const struct decimal *d, int64_t exp_at,
    char out[DIGITS_MAX + 32])
{
	int64_t exp = d->exp;
	int n = 0, len = 0;
	bool more = false;

	if (d->neg)
		out[len++] = '-';
	for (int64_t i = 0; i < exp_at; i++) {
		if (!is_digit(s[i]) || (n == 0 && s[i] == '0'))
			continue;
		if (n < DIGITS_MAX)
			out[len++] = s[i];
		else
			more |= s[i] != '0';
		/* The exponent is that of the first 19 digits. */
		if (n >= 19 && n < DIGITS_MAX)
			exp--;
		n++;
	}
	if (n == 0)
		out[len++] = '0';
	if (more) {
		out[len++] = '1';
		exp--;
	}
	exp = exp > 99999 ? 99999 : exp < -99999 ? -99999 : exp;
	snprintf(out + len, 24, "e%lld", (long long)exp);
}

/*
 * mant / 10^k for k up to 19, rounded once: a quotient of 63 or 64 bits
 * whose lowest stands for all that follow.
 */
static double
divide(uint64_t mant, int k)
{
	static const uint64_t pow10_int[] = { 1, 10, 100, 1000, 10000,
		100000, 1000000, 10000000, 100000000, 1000000000,
		10000000000, 100000000000, 1000000000000, 10000000000000,
		100000000000000, 1000000000000000, 10000000000000000,
		100000000000000000, 1000000000000000000,
		10000000000000000000u };
	unsigned __int128 num;
	uint64_t den = pow10_int[k], q;
	int up = __builtin_clzll(mant), down = __builtin_clzll(den);

	num = (unsigned __int128)(mant << up) << 63;
	den <<= down;
	q = (uint64_t)(num / den);
	q |= (uint64_t)(num % den != 0);
	return ldexp((double)q, down - up - 63);
}

double
vmf_decimal_double(__int128 v, int exp)
{
	unsigned __int128 mant = v < 0 ? -(unsigned __int128)v :
	    (unsigned __int128)v;
	char text[64], *at = text + sizeof(text) - 8;
	double d;

	if (mant <= (1ULL << 53) && exp <= 22 && exp >= -22) {
		/* Both parts are exact. */
		d = (double)mant;
		d = exp < 0 ? d / pow10_double[-exp] : d * pow10_double[exp];
	} else if (mant > 0 && mant <= UINT64_MAX && exp <= 0 && exp >= -19) {
		d = divide((uint64_t)mant, -exp);
	} else {
		snprintf(at, 8, "e%d", exp);
		do
			*--at = (char)('0' + (int)(mant % 10));
		while ((mant /= 10) > 0);
		d = strtod(at, NULL);
	}
	return v < 0 ? -d : d;
}

/* "nan", "inf" or "infinity" after an optional sign, in any case. */
static int
parse_special(const char *s, int64_t len, double *v)
{
	double sign = 1.0;

	if (len > 0 && (*s == '-' || *s == '+')) {
		sign = *s == '-' ? -1.0 : 1.0;
		s++;
		len--;
	}
	if (len == 3 && strncasecmp(s, "nan", 3) == 0)
		*v = NAN;
	else if ((len == 3 && strncasecmp(s, "inf", 3) == 0) ||
	    (len == 8 && strncasecmp(s, "infinity", 8) == 0))
		*v = sign * INFINITY;
	else
		return VMF_EDATA;
	return 0;
}

int
vmf_parse_double(const char *s, int64_t len, double *v)
{
	char text[DIGITS_MAX + 32];
	struct decimal d;
	int64_t exp_at;

	if (scan_decimal(s, len, &d, &exp_at) != 0)
		return parse_special(s, len, v);
	if (!d.more && d.mant < (1ULL << 53) && d.exp <= 22 && d.exp >= -22) {
		/* Both parts are exact, so this rounds once. */
		*v = (double)d.mant;
		if (d.exp < 0)
			*v /= pow10_double[-d.exp];
		else
			*v *= pow10_double[d.exp];
	} else if (!d.more && d.exp <= 0 && d.exp >= -19 && d.mant > 0) {
		*v = divide(d.mant, (int)-d.exp);
	} else {
		write_digits(s, &d, exp_at, text);
		*v = strtod(text, NULL);
		return 0;
	}
	if (d.neg)
		*v = -*v;
	return 0;
}

int
vmf_parse_float(const char *s, int64_t len, float *v)
{
	char text[DIGITS_MAX + 32];
	struct decimal d;
	int64_t exp_at;
	double w;

	if (scan_decimal(s, len, &d, &exp_at) != 0) {
		if (parse_special(s, len, &w) != 0)
			return VMF_EDATA;
		*v = (float)w;
		return 0;
	}
	if (d.exp <= 22 && d.exp >= -22) {
		w = (double)d.mant;
		if (d.exp < 0)
			w /= pow10_double[-d.exp];
		else
			w *= pow10_double[d.exp];
		/* What was rounded or left out is below three units in the
		 * last place of w. */
		if (vmf_float_safe(w, 4)) {
			*v = (float)(d.neg ? -w : w);
			return 0;
		}
	}
	write_digits(s, &d, exp_at, text);
	*v = strtof(text, NULL);
	return 0;
}
