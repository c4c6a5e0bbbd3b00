/* SPDX-License-Identifier: MIT */
#include "plan/blackout.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/time.h"

#define DAY INT64_C(86400)

static int
parse_day(const char **s)
{
	static const char *const names[] = { "mon", "tue", "wed", "thu",
	    "fri", "sat", "sun" };

	for (int d = 0; d < 7; d++)
		if (strncasecmp(*s, names[d], 3) == 0) {
			*s += 3;
			return d;
		}
	return -1;
}

/* "Mon-Fri,Sun" into bits; leaves *s after it. */
static int
parse_days(const char **s, int *days)
{
	*days = 0;
	for (;;) {
		int a = parse_day(s), b = a;

		if (a < 0)
			return VMF_EUSAGE;
		if (**s == '-') {
			(*s)++;
			if ((b = parse_day(s)) < 0)
				return VMF_EUSAGE;
		}
		for (int d = a;; d = (d + 1) % 7) {
			*days |= 1 << d;
			if (d == b)
				break;
		}
		if (**s != ',')
			return 0;
		(*s)++;
	}
}

/* "09:00", and "24:00" where the end of a day may stand. */
static int
parse_clock(const char **s, bool end, int *second)
{
	int v[2];

	for (int k = 0; k < 2; k++) {
		const char *p = *s;

		if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
			return VMF_EUSAGE;
		v[k] = (p[0] - '0') * 10 + (p[1] - '0');
		*s += 2;
		if (k == 0 && *(*s)++ != ':')
			return VMF_EUSAGE;
	}
	*second = v[0] * 3600 + v[1] * 60;
	return v[1] > 59 || *second > DAY || (*second == DAY && !end) ?
	    VMF_EUSAGE : 0;
}

int
vmf_blackout_parse(struct vmf_blackout *b, const char *text,
    struct vmf_err *e)
{
	const char *s = text;

	*b = (struct vmf_blackout){ .days = 127, .to_s = (int)DAY,
	    .text = text };
	if (!(*s >= '0' && *s <= '9')) {
		if (parse_days(&s, &b->days) != 0 ||
		    (*s != ' ' && *s != '\0'))
			goto bad;
		while (*s == ' ')
			s++;
		if (*s == '\0')
			return 0;
	}
	if (parse_clock(&s, false, &b->from_s) != 0 || *s++ != '-' ||
	    parse_clock(&s, true, &b->to_s) != 0 || *s != '\0' ||
	    b->from_s == b->to_s)
		goto bad;
	return 0;
bad:
	return vmf_fail(e, VMF_EUSAGE, "blackout '%.64s', expected days, "
	    "times or both, such as 'Mon-Fri 09:00-18:00', 'Sat,Sun' or "
	    "'22:00-04:00'", text);
}

static int
add_span(struct vmf_span **spans, int64_t *cap, int64_t *n, int64_t from,
    int64_t to, struct vmf_err *e)
{
	int rc;

	if (from >= to)
		return 0;
	if ((rc = vmf_grow(spans, cap, *n + 1, e)) != 0)
		return rc;
	(*spans)[(*n)++] = (struct vmf_span){ from, to };
	return 0;
}

/* The end of the stretch from t (at most to) over which the wall clock runs
 * evenly.  Clocks change on full quarters of an hour. */
static int64_t
even_until(int64_t t, int64_t to)
{
	int64_t off = vmf_tz_offset(t), u = vmf_time_floor(t, 900) + 900;

	while (u < to && vmf_tz_offset(u) == off)
		u += 900;
	return u < to ? u : to;
}

static int
span_cmp(const void *a, const void *b)
{
	const struct vmf_span *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

int
vmf_blackout_spans(const struct vmf_blackout *b, int n, int64_t from,
    int64_t to, struct vmf_span **spans, int64_t *cap, int64_t *n_spans,
    struct vmf_err *e)
{
	int64_t m = 0;
	int rc;

	*n_spans = 0;
	for (int64_t t = from, u; t < to && n > 0; t = u) {
		int64_t off = vmf_tz_offset(t);
		int64_t day;

		u = even_until(t, to);
		/* From the day before: a rule may come over midnight. */
		day = vmf_time_floor(t + off, DAY) - DAY;
		for (; day < u + off; day += DAY) {
			/* 1 January 1970 was a Thursday. */
			int64_t week = (day / DAY + 3) % 7;
			int bit = 1 << (week < 0 ? week + 7 : week);

			for (int k = 0; k < n; k++) {
				int64_t f = day + b[k].from_s - off;
				int64_t l = day + b[k].to_s - off +
				    (b[k].to_s <= b[k].from_s ? DAY : 0);

				if ((b[k].days & bit) == 0)
					continue;
				if ((rc = add_span(spans, cap, n_spans,
				    f > t ? f : t, l < u ? l : u, e)) != 0)
					return rc;
			}
		}
	}
	if (*n_spans == 0)
		return 0;
	qsort(*spans, (size_t)*n_spans, sizeof(**spans), span_cmp);
	for (int64_t i = 1; i < *n_spans; i++) {
		struct vmf_span *a = &(*spans)[m], s = (*spans)[i];

		if (s.from > a->to)
			(*spans)[++m] = s;
		else if (s.to > a->to)
			a->to = s.to;
	}
	*n_spans = m + 1;
	return 0;
}
