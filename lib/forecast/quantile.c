/* SPDX-License-Identifier: MIT */
#include "forecast/quantile.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

int
vmf_quantiles_parse(struct vmf_quantiles *q, const char *text,
    const char *what, struct vmf_err *e)
{
	const char *s = text;

	q->n = 0;
	for (;;) {
		size_t len = strcspn(s, ",");
		double v, scaled;
		int32_t ppm;
		int at;

		if (vmf_parse_double(s, (int64_t)len, &v) != 0 ||
		    !(v > 0.0 && v < 1.0))
			return vmf_fail(e, VMF_EUSAGE,
			    "%s: '%.*s', expected numbers above 0 and below "
			    "1 such as 0.1,0.5,0.9", what,
			    (int)(len > 40 ? 40 : len), s);
		scaled = v * 1e6;
		ppm = (int32_t)(scaled + 0.5);
		if (ppm < 1 || ppm > 999999 || scaled - ppm > 1e-6 ||
		    ppm - scaled > 1e-6)
			return vmf_fail(e, VMF_EUSAGE,
			    "%s: '%.*s' has more than 6 decimals", what,
			    (int)(len > 40 ? 40 : len), s);
		if (q->n == VMF_QUANTILES_MAX)
			return vmf_fail(e, VMF_EUSAGE,
			    "%s: more than %d quantiles", what,
			    VMF_QUANTILES_MAX);
		for (at = q->n; at > 0 && q->ppm[at - 1] >= ppm; at--) {
			if (q->ppm[at - 1] == ppm)
				return vmf_fail(e, VMF_EUSAGE,
				    "%s: '%.*s' is there twice", what,
				    (int)(len > 40 ? 40 : len), s);
			q->ppm[at] = q->ppm[at - 1];
		}
		q->ppm[at] = ppm;
		q->n++;
		if (s[len] == '\0')
			return 0;
		s += len + 1;
	}
}

void
vmf_quantile_column(char *buf, int64_t n, const char *metric, int32_t ppm)
{
	char tail[16];
	int len = snprintf(tail, sizeof(tail), "%02d_%04d",
	    (int)(ppm / 10000), (int)(ppm % 10000));

	while (len > 2 && (tail[len - 1] == '0' || tail[len - 1] == '_')) {
		bool stop = tail[len - 1] == '_';

		tail[--len] = '\0';
		if (stop)
			break;
	}
	snprintf(buf, (size_t)n, "%s_q%s", metric, tail);
}

int32_t
vmf_quantile_of_column(const char *column, const char *metric)
{
	size_t len = strlen(metric);
	const char *s = column + len;
	int32_t unit = 1000, ppm;

	if (strncmp(column, metric, len) != 0 || s[0] != '_' || s[1] != 'q')
		return -1;
	s += 2;
	for (int i = 0; i < 2; i++)
		if (s[i] < '0' || s[i] > '9')
			return -1;
	ppm = ((s[0] - '0') * 10 + (s[1] - '0')) * 10000;
	s += 2;
	if (s[0] == '_' && s[1] != '\0') {
		for (s++; *s >= '0' && *s <= '9' && unit > 0; s++) {
			ppm += (*s - '0') * unit;
			unit /= 10;
		}
	}
	return *s == '\0' && ppm > 0 ? ppm : -1;
}

/* Integers that order as the doubles do. */
static uint64_t
sort_key(double x)
{
	uint64_t u;

	memcpy(&u, &x, sizeof(u));
	return u >> 63 ? ~u : u | UINT64_C(1) << 63;
}

static double
sort_value(uint64_t u)
{
	double x;

	u = u >> 63 ? u & ~(UINT64_C(1) << 63) : ~u;
	memcpy(&x, &u, sizeof(x));
	return x;
}

void
vmf_sort_doubles(double *x, double *tmp, int64_t n)
{
	int64_t count[8][256] = { { 0 } };
	double *home = x;

	if (n < 64) {
		for (int64_t i = 1; i < n; i++) {
			double v = x[i];
			int64_t j = i;

			for (; j > 0 && x[j - 1] > v; j--)
				x[j] = x[j - 1];
			x[j] = v;
		}
		return;
	}
	/*
	 * A radix sort, byte by byte: it has no bad case that data could
	 * choose, and differences of float32 values leave the lower bytes
	 * all alike, so that most passes are skipped.
	 */
	for (int64_t i = 0; i < n; i++) {
		uint64_t k = sort_key(x[i]);

		memcpy(&x[i], &k, sizeof(k));
		for (int b = 0; b < 8; b++)
			count[b][k >> (8 * b) & 255]++;
	}
	for (int b = 0; b < 8; b++) {
		int64_t at = 0, *c = count[b];
		uint64_t k;
		double *swap;

		memcpy(&k, &x[0], sizeof(k));
		if (c[k >> (8 * b) & 255] == n)
			continue;
		for (int d = 0; d < 256; d++) {
			int64_t m = c[d];

			c[d] = at;
			at += m;
		}
		for (int64_t i = 0; i < n; i++) {
			memcpy(&k, &x[i], sizeof(k));
			memcpy(&tmp[c[k >> (8 * b) & 255]++], &k, sizeof(k));
		}
		swap = x;
		x = tmp;
		tmp = swap;
	}
	for (int64_t i = 0; i < n; i++) {
		uint64_t k;

		memcpy(&k, &x[i], sizeof(k));
		home[i] = sort_value(k);
	}
}

double
vmf_quantile_sorted(const double *x, int64_t n, double p)
{
	double h = (double)(n - 1) * p;
	int64_t i = (int64_t)h;

	if (i >= n - 1)
		return x[n - 1];
	return x[i] + (h - (double)i) * (x[i + 1] - x[i]);
}
