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

/* "nan", "inf" or "infinity" behind an optional sign, in any case. */
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
	static const double pow10[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6,
	    1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
	    1e18, 1e19, 1e20, 1e21, 1e22 };
	char tmp[128], *end;
	uint64_t mant = 0;
	int64_t i = 0;
	int digits = 0, decimals = 0, point = 0;

	if (len <= 0 || len >= (int64_t)sizeof(tmp))
		return VMF_EDATA;
	if (s[0] == '-' || s[0] == '+')
		i++;
	/* Most fields are short decimals: below 2^53 and 10^22 both parts
	 * are exact, so one division rounds correctly. */
	for (; i < len; i++) {
		if (s[i] >= '0' && s[i] <= '9') {
			mant = mant * 10 + (uint64_t)(s[i] - '0');
			digits++;
			decimals += point;
		} else if (s[i] == '.' && !point) {
			point = 1;
		} else {
			break;
		}
		if (digits > 18)
			break;
	}
	if (i == len && digits > 0 && mant < (1ULL << 53)) {
		*v = (double)mant / pow10[decimals];
		if (s[0] == '-')
			*v = -*v;
		return 0;
	}
	if (i < len && digits == 0 && isalpha((unsigned char)s[i]))
		return parse_special(s, len, v);
	for (i = 0; i < len; i++)
		if (strchr("0123456789+-.eE", s[i]) == NULL || s[i] == '\0')
			return VMF_EDATA;
	memcpy(tmp, s, (size_t)len);
	tmp[len] = '\0';
	*v = strtod(tmp, &end);
	return end == tmp + len ? 0 : VMF_EDATA;
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
		if (signbit(v) && r > 0)
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
vmf_utf8_cut(const char *s, int64_t len, int64_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}
