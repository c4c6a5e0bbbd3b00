/* SPDX-License-Identifier: MIT */
/* lib/base: numbers, times, spans and sizes as people write them. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

#undef NDEBUG

static int64_t
len(const char *s)
{
	return (int64_t)strlen(s);
}

static void
integers(void)
{
	static const char *const bad[] = { "", "-", "+", " 1", "1 ", "1x",
	    "0x1", "9223372036854775808", "-9223372036854775809", "1.0" };
	int64_t v;

	assert(vmf_parse_int64("0", 1, &v) == 0 && v == 0);
	assert(vmf_parse_int64("-42", 3, &v) == 0 && v == -42);
	assert(vmf_parse_int64("+7", 2, &v) == 0 && v == 7);
	assert(vmf_parse_int64("9223372036854775807", 19, &v) == 0 &&
	    v == INT64_MAX);
	assert(vmf_parse_int64("-9223372036854775808", 20, &v) == 0 &&
	    v == INT64_MIN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(vmf_parse_int64(bad[i], len(bad[i]), &v) != 0);
}

/* Decimals of any width and scale; strtod is the judge. */
static void
decimals(void)
{
	static const char *const digits[] = { "0", "1", "95",
	    "9007199254740991",
	    "9007199254740993", "18446744073709551615", "18446744073709551617",
	    "9500000000000000000000", "123456789012345678901234567890",
	    "99999999999999999999999999999999999999",
	    "170141183460469231731687303715884105727" };
	uint64_t seed = 1;

	for (int k = 0; k < 20000; k++) {
		char text[64];
		__int128 v = 0;
		int n_fixed = (int)(sizeof(digits) / sizeof(*digits)), n, cut;
		int exp = k % 199 - 99;

		n = snprintf(text, sizeof(text), "%s", digits[k % n_fixed]);
		if (k >= 199 * n_fixed) {
			/* As many digits as may be, of a made-up number. */
			cut = 1 + k % 38;
			for (n = 0; n < cut; n++) {
				seed = seed * 6364136223846793005u + 1;
				text[n] = (char)('0' + (int)(seed >> 33) % 10);
			}
		}
		for (int i = 0; i < n; i++)
			v = v * 10 + (text[i] - '0');
		snprintf(text + n, sizeof(text) - (size_t)n, "e%d", exp);
		assert(vmf_decimal_double(v, exp) == strtod(text, NULL));
		assert(vmf_decimal_double(-v, exp) == -strtod(text, NULL));
	}
	assert(vmf_decimal_double(-(__int128)INT64_MAX * INT64_MAX * 2 -
	    4 * (__int128)INT64_MAX - 2, 0) == -0x1p127);
}

static void
doubles(void)
{
	/* strtod is the judge: correctly rounded in glibc. */
	static const char *const good[] = { "0", "-0", "1",
	    "12.766666666666667", "0.1", ".5", "5.", "1e3", "1E-3",
	    "-1.25e+2", "123456789012345678",
	    "9007199254740993", "0.000000000000000000000000012345", "1e308",
	    "4.9e-324", "99.99999999999999999999", "+3.25",
	    "1.7976931348623157e308", "18446744073709551616" };
	static const char *const bad[] = { "", "-", ".", "1,5", "1e", "0x10",
	    "1 ", " 1", "na", "1.2.3", "--1", "1e5x", "infx", "nan(1)" };
	double v;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert(vmf_parse_double(good[i], len(good[i]), &v) == 0);
		assert(v == strtod(good[i], NULL));
		assert(signbit(v) == signbit(strtod(good[i], NULL)));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(vmf_parse_double(bad[i], len(bad[i]), &v) != 0);
	assert(vmf_parse_double("NaN", 3, &v) == 0 && isnan(v));
	assert(vmf_parse_double("-inf", 4, &v) == 0 && v == -INFINITY);
	assert(vmf_parse_double("Infinity", 8, &v) == 0 && v == INFINITY);
}

static void
text_of_numbers(void)
{
	char buf[32];
	uint64_t x = 88172645463325252u;

	assert(vmf_format_float(0.1f, buf) == 3 && !strcmp(buf, "0.1"));
	vmf_format_float(100.0f, buf);
	assert(!strcmp(buf, "100"));
	vmf_format_float(-12.5f, buf);
	assert(!strcmp(buf, "-12.5"));
	vmf_format_float(0.05f, buf);
	assert(!strcmp(buf, "0.05"));
	vmf_format_double(12.766666666666667, buf);
	assert(!strcmp(buf, "12.766666666666667"));
	vmf_format_double(5851.9989, buf);
	assert(!strcmp(buf, "5851.9989"));
	vmf_format_float(NAN, buf);
	assert(!strcmp(buf, "nan"));
	/* Any bits come back (xorshift, Marsaglia 2003). */
	for (int i = 0; i < 200000; i++) {
		uint32_t w;
		float f;
		double d;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		w = (uint32_t)x;
		memcpy(&f, &w, 4);
		memcpy(&d, &x, 8);
		if (isfinite(f)) {
			vmf_format_float(f, buf);
			assert(strtof(buf, NULL) == f);
		}
		if (isfinite(d)) {
			vmf_format_double(d, buf);
			assert(strtod(buf, NULL) == d);
		}
		f = (float)(w % 100000) / 1000;
		vmf_format_float(f, buf);
		assert(strtof(buf, NULL) == f && strlen(buf) <= 6);
	}
}

static void
sizes_and_spans(void)
{
	int64_t v;
	char buf[32];

	assert(vmf_parse_size("65536", &v) == 0 && v == 65536);
	assert(vmf_parse_size("64K", &v) == 0 && v == 65536);
	assert(vmf_parse_size("256m", &v) == 0 && v == 256 << 20);
	assert(vmf_parse_size("1GiB", &v) == 0 && v == 1 << 30);
	assert(vmf_parse_size("3MB", &v) == 0 && v == 3 << 20);
	assert(vmf_parse_size("7B", &v) == 0 && v == 7);
	assert(vmf_parse_size("7BB", &v) != 0);
	assert(vmf_parse_size("", &v) != 0 && vmf_parse_size("G", &v) != 0);
	assert(vmf_parse_size("9999999999G", &v) != 0);
	assert(vmf_parse_size("1.5G", &v) != 0);
	assert(vmf_parse_duration("300", &v) == 0 && v == 300);
	assert(vmf_parse_duration("5m", &v) == 0 && v == 300);
	assert(vmf_parse_duration("1h30m", &v) == 0 && v == 5400);
	assert(vmf_parse_duration("1w", &v) == 0 && v == 604800);
	assert(vmf_parse_duration("0", &v) != 0);
	assert(vmf_parse_duration("1h30", &v) != 0);
	assert(vmf_parse_duration("-5m", &v) != 0);
	assert(vmf_parse_duration("99999999999999w", &v) != 0);
	vmf_format_duration(5400, buf);
	assert(!strcmp(buf, "90m"));
	vmf_format_duration(86400, buf);
	assert(!strcmp(buf, "1d"));
}

static int64_t
at(const char *s)
{
	int64_t t = -1;

	assert(vmf_time_parse_any(s, len(s), &t) == 0);
	return t;
}

static void
times(void)
{
	static const char *const bad[] = { "2023-02-29", "2024-13-01",
	    "2024-05-01T25:00:00Z", "2024-05-01T12:00:00X", "2024-5-1",
	    "2024-05-01T12", "0000-01-01", "yesterday", "",
	    "2024-05-01T12:00:00.Z", "2024-05-01T12:00:00+25:00",
	    "2024-05-01T12:00:00+01:60", "2024-05-01T12:00:00+0x",
	    "2024-05-01T12:00:00+01x0", "2024-05-01T12:00:00+0a:00",
	    "2024-05-01T12:00:00+01:x0", "2024-05-01T12:00:00+01-00",
	    "2024-05-01T12:00:00+001", "2024-05-01T12:00:00+",
	    "2024-05-01 12:00:00 ", "2024-05-01 12:00:00  UTC",
	    "2024-05-01 12:00:00 UT", "2024-05-01 12:00:00 UTC+1",
	    "2024-05-01 12:00:00 CET", "2024-05-01 UTC",
	    "2024-05-01T12:00:x0Z", "2024-05-01T12-00Z", "2024-05-01T1x:00Z",
	    "2016-12-31T12:00:60Z", "2016-12-31T23:59:61Z",
	    "@1.x", "@9223372036854775808" };
	char buf[32];
	int64_t v;
	struct vmf_err e;

	assert(vmf_tz_set("UTC", NULL) == 0);
	assert(at("1970-01-01T00:00:00Z") == 0);
	assert(at("2024-02-29T12:00:00Z") == 1709208000);
	assert(at("2024-02-29 12:00:00") == 1709208000);
	assert(at("2016-12-31T23:59:60Z") == 1483228800);
	assert(at("2017-01-01T05:29:60+05:30") == 1483228800);
	assert(at("2024-02-29T12:00:00.999Z") == 1709208000);
	assert(at("2024-02-29T12:00:00+02:00") == 1709208000 - 7200);
	assert(at("2024-02-29T12:00:00-0330") == 1709208000 + 12600);
	assert(at("2024-02-29 12:00:00 UTC") == 1709208000);
	assert(at("2024-02-29 12:00:00.5 GMT") == 1709208000);
	assert(at("2024-02-29 12:00UTC") == 1709208000);
	assert(at("2024-02-29 12:00:00 +0200") == 1709208000 - 7200);
	assert(at("2024-02-29 12:00:00+02") == 1709208000 - 7200);
	assert(at("2024-02-29T12:00+2") == 1709208000 - 7200);
	assert(at("2024-02-29t12:00z") == 1709208000);
	assert(at("2024-02-29") == 1709164800);
	assert(at("1969-12-31T23:59:59Z") == -1);
	assert(at("9999-12-31T23:59:59Z") == 253402300799);
	assert(at("@-5") == -5);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(vmf_time_parse_any(bad[i], len(bad[i]), &v) != 0);
	assert(vmf_time_parse_unix("1375308176.0", 12, 1, &v) == 0 &&
	    v == 1375308176);
	assert(vmf_time_parse_unix("-1", 2, 1000, &v) == 0 && v == -1);
	assert(vmf_time_parse_unix("1999", 4, 1000, &v) == 0 && v == 1);
	assert(vmf_time_parse_unix("1.", 2, 1, &v) != 0);
	/* Down to the second that has begun, before 1970 as well. */
	assert(vmf_time_parse_unix("-1.5", 4, 1, &v) == 0 && v == -2);
	assert(vmf_time_parse_unix("-1.0", 4, 1, &v) == 0 && v == -1);
	assert(vmf_time_parse_unix("-9223372036854775808.5", 22, 1, &v) != 0);
	assert(vmf_time_parse_unix("-9223372036854775808", 20, 1000, &v) ==
	    0 && v == INT64_MIN / 1000 - 1);
	assert(vmf_time_parse_unix("-9223372036854775808", 20, 1, &v) == 0 &&
	    v == INT64_MIN);
	assert(vmf_time_parse_unix("-2000", 5, 1000, &v) == 0 && v == -2);
	assert(vmf_time_parse_unix("-2001.5", 7, 1000, &v) == 0 && v == -3);
	vmf_time_format_utc(253402300800, buf);
	assert(!strcmp(buf, "@253402300800"));
	vmf_time_format_wall(253402300800, buf);
	assert(!strcmp(buf, "@253402300800"));
	vmf_time_format_utc(INT64_MIN, buf);
	assert(!strcmp(buf, "@-9223372036854775808"));
	for (int64_t t = -40000000000; t < 200000000000; t += 86399 * 977) {
		vmf_time_format_utc(t, buf);
		assert(vmf_time_parse_rfc3339(buf, len(buf), &v) == 0);
		assert(v == t);
	}
	assert(vmf_time_floor(-1, 300) == -300);
	assert(vmf_time_floor(299, 300) == 0);

	/* Both clock changes of 2024 in Zurich: 31 March, 27 October. */
	assert(vmf_tz_set("Europe/Zurich", NULL) == 0);
	assert(at("2024-03-31 01:59:59") == at("2024-03-31T00:59:59Z"));
	assert(at("2024-03-31 02:30:00") == at("2024-03-31T01:30:00Z"));
	assert(at("2024-03-31 03:00:00") == at("2024-03-31T01:00:00Z"));
	assert(at("2024-10-27 02:30:00") == at("2024-10-27T00:30:00Z"));
	assert(at("2024-10-27 03:00:00") == at("2024-10-27T02:00:00Z"));
	vmf_time_format_wall(at("2024-07-01T00:00:00Z"), buf);
	assert(!strcmp(buf, "2024-07-01T02:00:00+02:00"));
	/* Before there were zones Zurich was 34 minutes and 8 s ahead. */
	vmf_time_format_wall(at("1800-01-01T00:00:00Z"), buf);
	assert(!strcmp(buf, "1800-01-01T00:00:00Z"));
	assert(vmf_tz_set("-03:30", NULL) == 0);
	vmf_time_format_wall(0, buf);
	assert(!strcmp(buf, "1969-12-31T20:30:00-03:30"));
	/* Its wall clock says year 0, which no reader takes. */
	vmf_time_format_wall(at("0001-01-01T01:01:00Z"), buf);
	assert(!strcmp(buf, "0001-01-01T01:01:00Z"));
	vmf_time_format_utc(at("0001-01-01T00:00:00Z") - 1, buf);
	assert(!strcmp(buf, "@-62135596801"));
	assert(vmf_tz_set("Europe/Zuric", &e) == VMF_EUSAGE);
	assert(vmf_tz_set("../../etc/passwd", &e) == VMF_EUSAGE);
	assert(vmf_tz_set("", &e) == VMF_EUSAGE);
	assert(vmf_tz_set("Europe", &e) == VMF_EUSAGE);
	/* Beside the zones lie files that are none. */
	assert(vmf_tz_set("leapseconds", &e) == VMF_EUSAGE);
	assert(vmf_tz_set("tzdata.zi", &e) == VMF_EUSAGE);
	assert(vmf_tz_set("zone1970", &e) == VMF_EUSAGE);
}

static void
utf8(void)
{
	char text[8];

	assert(vmf_utf8_valid("", 0));
	assert(vmf_utf8_valid("d\xc3\xa9j\xc3\xa0 \xf0\x9f\x98\x80", 11));
	assert(!vmf_utf8_valid("\xc3", 1));
	assert(!vmf_utf8_valid("\xc0\xaf", 2));		/* overlong */
	assert(!vmf_utf8_valid("\xed\xa0\x80", 3));	/* surrogate */
	assert(!vmf_utf8_valid("\xf4\x90\x80\x80", 4));	/* beyond U+10FFFF */
	assert(!vmf_utf8_valid("a\0b", 3));
	/* Cut between characters, and not within one. */
	assert(vmf_utf8_cut("a\xc3\xa9z", 4, 4) == 4);
	assert(vmf_utf8_cut("a\xc3\xa9z", 4, 3) == 3);
	assert(vmf_utf8_cut("a\xc3\xa9z", 4, 2) == 1);
	assert(vmf_utf8_cut("\xf0\x9f\x98\x80", 4, 3) == 0);
	vmf_utf8_text(text, 8, "caf\xe9\xf0z");
	assert(!strcmp(text, "caf??z"));
	vmf_utf8_text(text, 8, "12345\xf0\x9f\x98\x80");
	assert(!strcmp(text, "12345"));
	vmf_utf8_text(text, 8, "123\xf0\x9f\x98\x80\xc3");
	assert(!strcmp(text, "123\xf0\x9f\x98\x80"));
	vmf_utf8_text(text, 8, "");
	assert(!strcmp(text, ""));
}

static void
growth(void)
{
	int64_t *p = NULL, cap = 0;
	struct vmf_err e = { "" };

	assert(vmf_grow(&p, &cap, 1, &e) == 0 && cap >= 1);
	assert(vmf_grow(&p, &cap, INT64_MAX / 4, &e) == VMF_ENOMEM);
	assert(p != NULL && strstr(e.msg, "out of memory") != NULL);
	assert(vmf_calloc(INT64_MAX / 4, 8, &e) == NULL);
	assert(vmf_calloc(-1, 8, &e) == NULL);
	free(p);
}

/* What is too long loses its middle, never its end. */
static void
messages(void)
{
	char path[3000];
	struct vmf_err e;

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert(vmf_fail(&e, VMF_EDATA, "%s:7: found x", path) == VMF_EDATA);
	assert(strlen(e.msg) == sizeof(e.msg) - 1);
	assert(strstr(e.msg, "p...p") != NULL);
	assert(!strcmp(strchr(e.msg, ':'), ":7: found x"));
	assert(vmf_fail_in(&e, VMF_EDATA, "%s", path) == VMF_EDATA);
	assert(!strcmp(strchr(e.msg, ':'), ":7: found x"));
	errno = ENOENT;
	assert(vmf_fail_errno(&e, "cannot open %s", path) == VMF_EIO);
	assert(!strncmp(e.msg, "cannot open ppp", 15));
	assert(strstr(e.msg, ": No such file") != NULL);
	path[1023] = '\0';
	(void)vmf_fail(&e, VMF_EDATA, "%s", path);
	assert(!strcmp(e.msg, path));
	assert(vmf_fail_in(&e, VMF_EDATA, "a") == VMF_EDATA);
	assert(!strncmp(e.msg, "a: ppp", 6));
}

int
main(void)
{
	integers();
	decimals();
	doubles();
	text_of_numbers();
	sizes_and_spans();
	times();
	utf8();
	growth();
	messages();
	return 0;
}
