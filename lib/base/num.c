/* SPDX-License-Identifier: MIT */
#include "base/num.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
vmf_parse_int64(const char *s, int64_t len, int64_t *v)
{
	int64_t i = 0, x = 0;
	int neg = 0;

	if (len > 0 && (s[0] == '-' || s[0] == '+'))
		neg = s[i++] == '-';
	if (i == len)
		return VMF_EDATA;
	for (; i < len; i++) {
		int d = s[i] - '0';

		/* Towards the negative side, which reaches one further. */
		if (d < 0 || d > 9 || __builtin_mul_overflow(x, 10, &x) ||
		    __builtin_sub_overflow(x, d, &x))
			return VMF_EDATA;
	}
	if (!neg && __builtin_sub_overflow((int64_t)0, x, &x))
		return VMF_EDATA;
	*v = x;
	return 0;
}

int
vmf_parse_size(const char *s, int64_t *bytes)
{
	const char *units = "KMGT", *u;
	size_t n = strspn(s, "0123456789");
	int64_t v;

	if (vmf_parse_int64(s, (int64_t)n, &v) != 0)
		return VMF_EDATA;
	s += n;
	if (*s != '\0' && (u = strchr(units, toupper((unsigned char)*s)))) {
		if (__builtin_mul_overflow(v,
		    (int64_t)1 << (10 * (u - units + 1)), &v))
			return VMF_EDATA;
		s++;
		if (strcmp(s, "iB") == 0)
			s += 2;
	}
	if (strcmp(s, "B") == 0)
		s++;
	if (*s != '\0')
		return VMF_EDATA;
	*bytes = v;
	return 0;
}

int
vmf_parse_duration(const char *s, int64_t *seconds)
{
	int64_t sum = 0, v, unit;
	int any = 0;

	while (*s != '\0') {
		size_t n = strspn(s, "0123456789");

		if (vmf_parse_int64(s, (int64_t)n, &v) != 0)
			return VMF_EDATA;
		s += n;
		switch (*s) {
		case 's':
			unit = 1;
			break;
		case 'm':
			unit = 60;
			break;
		case 'h':
			unit = 3600;
			break;
		case 'd':
			unit = 86400;
			break;
		case 'w':
			unit = 604800;
			break;
		case '\0':
			if (any)	/* "1h30" says too little */
				return VMF_EDATA;
			unit = 1;
			break;
		default:
			return VMF_EDATA;
		}
		if (*s != '\0')
			s++;
		if (__builtin_mul_overflow(v, unit, &v) ||
		    __builtin_add_overflow(sum, v, &sum))
			return VMF_EDATA;
		any = 1;
	}
	if (!any || sum <= 0)
		return VMF_EDATA;
	*seconds = sum;
	return 0;
}

static int
format_special(double v, char buf[32])
{
	return snprintf(buf, 32, "%s",
	    isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
}

/*
 * Most values are short decimals.  With k decimals v is r / 10^k for a whole
 * r below 2^53; that division is correctly rounded, so when it gives v back,
 * the text does as well, and the first such k is the shortest.  Returns 0
 * when no k up to max_k does.
 */
static int
format_fixed(double v, bool f32, int max_k, char buf[32])
{
	char tmp[24];
	double p = 1.0;
	int n = 0, len = 0;

	for (int k = 0; k <= max_k; k++, p *= 10.0) {
		double r = nearbyint(fabs(v) * p);
		uint64_t u;

		if (r >= 0x1p53)
			return 0;
		if (f32 ? (float)(r / p) != (float)fabs(v) : r / p != fabs(v))
			continue;
		u = (uint64_t)r;
		do {
			tmp[n++] = (char)('0' + u % 10);
			u /= 10;
		} while (u > 0 || n <= k);
		if (signbit(v))
			buf[len++] = '-';
		while (n > 0) {
			buf[len++] = tmp[--n];
			if (n == k && k > 0)
				buf[len++] = '.';
		}
		buf[len] = '\0';
		return len;
	}
	return 0;
}

int
vmf_format_float(float v, char buf[32])
{
	int n = 0;

	if (!isfinite(v))
		return format_special((double)v, buf);
	n = format_fixed((double)v, true, 9, buf);
	for (int prec = 6; n == 0 && prec <= 9; prec++) {
		int len = snprintf(buf, 32, "%.*g", prec, (double)v);

		if (strtof(buf, NULL) == v || prec == 9)
			n = len;
	}
	return n;
}

int
vmf_format_double(double v, char buf[32])
{
	int n = 0;

	if (!isfinite(v))
		return format_special(v, buf);
	n = format_fixed(v, false, 17, buf);
	for (int prec = 15; n == 0 && prec <= 17; prec++) {
		int len = snprintf(buf, 32, "%.*g", prec, v);

		if (strtod(buf, NULL) == v || prec == 17)
			n = len;
	}
	return n;
}

void
vmf_format_duration(int64_t seconds, char buf[32])
{
	static const struct {
		int64_t s;
		const char *name;
	} unit[] = { { 604800, "w" }, { 86400, "d" }, { 3600, "h" },
	    { 60, "m" }, { 1, "s" } };
	int i = 0;

	while (i < 4 && (seconds == 0 || seconds % unit[i].s != 0))
		i++;
	snprintf(buf, 32, "%" PRId64 "%s", seconds / unit[i].s, unit[i].name);
}

int
vmf_utf8_valid(const char *text, int64_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	int64_t i = 0;

	while (i < len) {
		uint32_t c = s[i], min;
		int more;

		if (c < 0x80) {
			if (c == 0)
				return 0;
			i++;
			continue;
		}
		if (c >= 0xc2 && c < 0xe0) {
			more = 1, min = 0x80, c &= 0x1f;
		} else if (c >= 0xe0 && c < 0xf0) {
			more = 2, min = 0x800, c &= 0x0f;
		} else if (c >= 0xf0 && c < 0xf5) {
			more = 3, min = 0x10000, c &= 0x07;
		} else {
			return 0;
		}
		if (i + more >= len)
			return 0;
		for (int k = 1; k <= more; k++) {
			if ((s[i + k] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i + k] & 0x3f);
		}
		if (c < min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
		i += more + 1;
	}
	return 1;
}

int64_t
vmf_gcd(int64_t a, int64_t b)
{
	while (b != 0) {
		int64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

int64_t
vmf_utf8_cut(const char *s, int64_t len, int64_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

void
vmf_utf8_text(char *to, int64_t size, const char *s)
{
	int64_t len = (int64_t)strlen(s), n = 0;

	while (len > 0) {
		int64_t k = 1;

		while (k < 4 && k < len && !vmf_utf8_valid(s, k))
			k++;
		if (!vmf_utf8_valid(s, k))
			k = 0;
		if (n + (k > 0 ? k : 1) >= size)
			break;
		if (k > 0)
			memcpy(to + n, s, (size_t)k);
		else
			to[n] = '?';
		k = k > 0 ? k : 1;
		n += k;
		s += k;
		len -= k;
	}
	to[n] = '\0';
}
