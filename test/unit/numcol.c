/* SPDX-License-Identifier: MIT */
/* numcol [SEED [ROUNDS]]: decimal text to float and double, one by one and in
 * columns at every level of wide instructions, held to strtof and strtod. */
#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ingest/numcol.h"
#include "ingest/scan.h"

#undef NDEBUG

#define LINES 61

static uint64_t
next(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static bool
same_float(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static bool
same_double(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static void
one(const char *s)
{
	double d;
	float f;

	assert(vmf_parse_float(s, (int64_t)strlen(s), &f) == 0);
	assert(vmf_parse_double(s, (int64_t)strlen(s), &d) == 0);
	if (!same_float(f, strtof(s, NULL)) ||
	    !same_double(d, strtod(s, NULL))) {
		fprintf(stderr, "%s: %a, expected %a; %a, expected %a\n", s,
		    (double)f, (double)strtof(s, NULL), d, strtod(s, NULL));
		abort();
	}
}

static void
hard_cases(void)
{
	static const char *const text[] = { "0", "-0", "0.0", "1e0",
	    /* halfway between two floats, and a little off it */
	    "16777217", "16777217.0", "16777216.999999999999999999",
	    "16777217.000000000000000001", "33554434", "33554435",
	    "1.00000005960464477539062", "1.000000059604644775390625",
	    "1.0000000596046447753906250000000000000000000000000000001",
	    /* a double halfway between two floats, the decimal beside it */
	    "0.50000002980232239", "1.0000001788139343", "8388608.5",
	    "8388609.5", "1.00000017881393432617187499",
	    "1.00000017881393432617187500", "1.00000017881393432617187501",
	    /* denormals of float, and the smallest */
	    "1.1754943508222875e-38", "1.1754942807573643e-38", "1e-40",
	    "1.4e-45", "7.006492321624085e-46", "7.006492321624086e-46",
	    "7.0064923216240853546186479164495806564013097093825788587853e-46",
	    "1e-46", "0.00000000000000000000000000000000000000000001",
	    /* the largest */
	    "3.4028234663852886e38", "3.4028235677973366e38",
	    "340282356779733661637539395458142568447",
	    "340282356779733661637539395458142568448", "1e39", "1e308",
	    "1.7976931348623157e308", "1e309", "1e400", "-1e400", "1e-400",
	    "2.2250738585072011e-308", "4.9e-324", "2.4703282292062327e-324",
	    "2.4703282292062328e-324",
	    /* 15 to 19 digits, and the ends of what is exact */
	    "999999999999999", "9999999999999999", "99999999999999999",
	    "999999999999999999", "9999999999999999999",
	    "99999999999999999999", "9007199254740992", "9007199254740993",
	    "9007199254740993.0", "9007199254740995", "18446744073709551615",
	    "18446744073709551616", "0.1234567890123456789",
	    "123456789.123456789", "1234567890.123456789",
	    "0.000000000000000001", "0.0000000000000000000000123456789",
	    /* exponents */
	    "1e22", "1e23", "123456789012345678e-20", "1e-22", "1e-23",
	    "5e-324", "0e999999999999999999999", "0e-99999999999999999999",
	    "1e-99999999999999999999", "1e99999999999999999999",
	    "100000000000000000000000000000000000000000e-40",
	    "1.E5", ".5e-3", "+.25", "-.125E+2", "00000000000000000000007.5",
	    "2.50000000000000000000000000000000000000000000000000000000001" };

	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		one(text[i]);
}

/* Longer than what is kept: only whether more follows may matter. */
static void
long_cases(void)
{
	static const char half[] = "1.000000059604644775390625";
	char text[3000];

	memset(text, '0', sizeof(text));
	memcpy(text, half, sizeof(half) - 1);
	text[2998] = '\0';
	one(text);
	text[2997] = '1';
	one(text);
	memset(text, '9', 2998);
	snprintf(text + 2900, 90, "e-2900");
	one(text);
	memset(text, '0', 2998);
	text[1] = '.';
	snprintf(text + 2000, 90, "7e2000");
	one(text);
	snprintf(text + 2000, 90, "12345678901234567890123e2001");
	one(text);
}

/*
 * A float, or halfway to the next one, or beside that, of 15 digits: the
 * double nearest to these is now and then the middle itself.  A column's
 * have one magnitude, or all that decimals can show.
 */
static int
near_float(uint64_t *x, int decimals, char *to, size_t size)
{
	uint32_t bits = (uint32_t)next(x) & 0x7fffff;
	float f;
	double d;

	bits |= decimals % 2 == 0 ? (127u + (uint32_t)decimals) << 23 :
	    (uint32_t)(100 + next(x) % 60) << 23;
	memcpy(&f, &bits, sizeof(f));
	d = (double)f;
	if (next(x) % 4 != 0)
		d = (d + (double)nextafterf(f, INFINITY)) / 2;
	if (next(x) % 4 == 0)
		d = nextafter(d, next(x) % 2 ? INFINITY : 0.0);
	if (decimals % 2 == 0)
		decimals = 15 - snprintf(NULL, 0, "%.0f", floor(d));
	return snprintf(to, size, "%.*f", decimals, d);
}

static int
any_number(uint64_t *x, int style, int decimals, char *to, size_t size)
{
	static const uint64_t ten[] = { 1, 10, 100, 1000, 10000, 100000 };
	double d = (double)(next(x) % 1000000007) / 1e7;

	if (style == 0 || next(x) % 50 == 0)
		return near_float(x, decimals, to, size);
	if (style == 1)
		return snprintf(to, size, "%.*f", decimals, d);
	if (style == 2)
		return snprintf(to, size, "%.17g", d / 977);
	if (style == 3)
		return snprintf(to, size, "%.*e", decimals,
		    d * pow(10, (double)(next(x) % 90) - 45));
	if (style == 4)
		return snprintf(to, size, "%llu.%0*llu",
		    (unsigned long long)(next(x) % ten[next(x) % 6]),
		    decimals + 1, (unsigned long long)(next(x) %
		    (decimals < 19 ? 1 + (uint64_t)pow(10, decimals) : 1)));
	return snprintf(to, size, "%llu",
	    (unsigned long long)(next(x) >> next(x) % 64));
}

static void
column(uint64_t *x)
{
	static char buf[LINES * 128 + 256];
	static uint32_t sep[LINES * 2 + 64], odd_at[LINES * 2 + 64];
	static uint32_t row[LINES + 1];
	static uint8_t odd[LINES];
	char number[LINES][128], *text = buf + VMF_CELLS_PAD;
	struct vmf_marks m = { .pos = sep + 1, .odd = odd_at };
	struct vmf_cells c = { .text = text, .sep = sep + 1, .row = row,
	    .odd = odd, .n = LINES };
	int style = (int)(next(x) % 6), decimals = (int)(next(x) % 17), n = 0;
	bool lead = next(x) % 3 == 0, trail = next(x) % 3 == 0;
	float f[LINES];
	double d[LINES];

	memset(buf, ' ', VMF_CELLS_PAD);
	for (int r = 0; r < LINES; r++) {
		bool neg = next(x) % 16 == 0;

		number[r][0] = '-';
		any_number(x, style, decimals, number[r] + neg,
		    sizeof(number[r]) - 1);
		/* Blanks as in the other lines, mostly. */
		n += snprintf(text + n, 128, "%s%s%s",
		    (next(x) % 32 == 0) != lead ? "\t" : "", number[r],
		    (next(x) % 32 == 0) == trail ? "\n" :
		    next(x) % 4 == 0 ? " \n" : "\r\n");
		row[r] = (uint32_t)r;
	}
	text[n] = '\0';
	sep[0] = (uint32_t)-1;
	for (int level = 0; level <= VMF_SIMD_AVX512; level++) {
		if (!vmf_simd_have((enum vmf_simd)level))
			continue;
		vmf_scan((enum vmf_simd)level, text, n, ',', &m);
		assert(m.n_pos == LINES && m.n_lines == LINES &&
		    m.n_odd == 0);
		memset(odd, 0, sizeof(odd));
		vmf_numcol_doubles((enum vmf_simd)level, &c, 0, d);
		for (int r = 0; r < LINES; r++)
			assert(odd[r] == 0 &&
			    same_double(d[r], strtod(number[r], NULL)));
		vmf_numcol_floats((enum vmf_simd)level, &c, 0, f);
		for (int r = 0; r < LINES; r++) {
			float want = strtof(number[r], NULL);

			if (isinf(want) ? odd[r] == 1 :
			    odd[r] == 0 && same_float(f[r], want))
				continue;
			fprintf(stderr, "%s: %s: %a, expected %a\n",
			    vmf_simd_name((enum vmf_simd)level), number[r],
			    (double)f[r], (double)want);
			abort();
		}
	}
	for (int r = 0; r < LINES; r++)
		one(number[r]);
}

int
main(int argc, char *argv[])
{
	uint64_t x = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 3000;
	float f;

	hard_cases();
	long_cases();
	for (long i = 0; i < rounds; i++)
		column(&x);
	/* Where people write 2,5 files still say 2.5. */
	if (setlocale(LC_ALL, "de_DE.UTF-8") != NULL) {
		assert(vmf_parse_float("2.5000000000000000000000000001", 30,
		    &f) == 0 && f == 2.5f);
		assert(vmf_parse_float("2,5", 3, &f) != 0);
	}
	printf("%ld columns\n", rounds);
	return 0;
}
