/* SPDX-License-Identifier: MIT */
/*
 * What options and files say in words: the first byte chooses the reader,
 * the rest is its text.  Each takes it or refuses it, and what was taken is
 * written and read again as the same; numbers are what strtod says.
 */
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "forecast/model.h"
#include "forecast/quantile.h"
#include "ingest/map.h"
#include "plan/blackout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
numbers(const char *s, int64_t len)
{
	char text[32];
	double d, again;
	float f;
	int64_t i;

	if (vmf_parse_double(s, len, &d) == 0) {
		char *end;
		double c = strtod(s, &end);

		must(end == s + len && (c == d || (isnan(c) && isnan(d))));
		vmf_format_double(d, text);
		must(!isfinite(d) || (vmf_parse_double(text,
		    (int64_t)strlen(text), &again) == 0 && again == d));
	}
	if (vmf_parse_float(s, len, &f) == 0) {
		float c = strtof(s, NULL);

		must(c == f || (isnan(c) && isnan(f)));
	}
	if (vmf_parse_int64(s, len, &i) == 0)
		must(strtoll(s, NULL, 10) == i);
}

static void
times(const char *s, int64_t len)
{
	int64_t t, again;
	char text[32];
	int n;

	if (vmf_time_parse_any(s, len, &t) == 0 && t >= VMF_TIME_LO &&
	    t <= VMF_TIME_HI) {
		n = vmf_time_format_utc(t, text);
		must(vmf_time_parse_rfc3339(text, n, &again) == 0 &&
		    again == t);
		n = vmf_time_format_wall(t, text);
		must(vmf_time_parse_rfc3339(text, n, &again) == 0 &&
		    again == t);
	}
	for (int64_t ticks = 1; ticks <= 1000000000; ticks *= 1000)
		(void)!vmf_time_parse_unix(s, len, ticks, &t);
}

static void
spans(const char *s)
{
	int64_t v, again;
	char text[32];

	if (vmf_parse_duration(s, &v) == 0) {
		must(v > 0);
		vmf_format_duration(v, text);
		must(vmf_parse_duration(text, &again) == 0 && again == v);
	}
	if (vmf_parse_size(s, &v) == 0)
		must(v >= 0);
}

static void
lists(const char *s)
{
	struct vmf_quantiles q;
	struct vmf_words w = { 0 };
	struct vmf_err e = { "" };

	if (vmf_quantiles_parse(&q, s, "--quantiles", &e) != 0)
		must(*e.msg != '\0');
	e.msg[0] = '\0';
	if (vmf_words_parse(&w, s, "--metric", VMF_EUSAGE, &e) != 0)
		must(*e.msg != '\0');
	vmf_words_free(&w);
}

static void
blackouts(const char *s)
{
	struct vmf_blackout b = { 0 };
	struct vmf_err e = { "" };

	struct vmf_span *spans = NULL;
	int64_t cap = 0, n = 0, from = 1711843200, to = from + 30 * 86400;

	if (vmf_blackout_parse(&b, s, &e) != 0) {
		must(*e.msg != '\0');
		return;
	}
	must(vmf_blackout_spans(&b, 1, from, to, &spans, &cap, &n, &e) == 0);
	for (int64_t i = 0; i < n; i++)
		must(spans[i].from < spans[i].to && spans[i].to <= to &&
		    spans[i].from >= (i > 0 ? spans[i - 1].to + 1 : from));
	free(spans);
}

static void
maps(const char *s, int64_t len)
{
	struct vmf_map m = { 0 };
	struct vmf_err e = { "" };

	if (vmf_map_parse(&m, s, len, "map", &e) != 0)
		must(*e.msg != '\0');
	vmf_map_free(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const zones[] = { "UTC", "Europe/Zurich",
	    "Australia/Lord_Howe", "-03:30" };
	struct vmf_err e;
	char *s;
	int64_t len;

	if (size < 1 || size > 4096)
		return 0;
	len = (int64_t)size - 1;
	s = malloc(size);
	must(s != NULL && vmf_tz_set(zones[data[0] >> 6], &e) == 0);
	memcpy(s, data + 1, size - 1);
	s[len] = '\0';
	/* Options end at a NUL; the JSON of a map need not. */
	if ((data[0] & 7) != 5)
		len = (int64_t)strlen(s);
	switch (data[0] & 7) {
	case 0:
		numbers(s, len);
		break;
	case 1:
		times(s, len);
		break;
	case 2:
		spans(s);
		break;
	case 3:
		lists(s);
		break;
	case 4:
		blackouts(s);
		break;
	case 5:
		maps(s, len);
		break;
	default:
		must(vmf_tz_set(s, &e) == 0 || *e.msg != '\0');
	}
	free(s);
	return 0;
}
