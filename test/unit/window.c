/* SPDX-License-Identifier: MIT */
/*
 * Windows against a search that tries every start and adds up every second,
 * and blackouts against the wall clock of every minute.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "plan/window.h"

static int failures;

static void VMF_PRINTF(2, 3)
check(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (++failures > 20)
		exit(1);
}

/* xorshift64*: the same numbers everywhere. */
static uint64_t state = 88172645463325252u;
static int64_t
below(int64_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (int64_t)(state * UINT64_C(2685821657736338717) >> 33) % n;
}

/* Is the moment blacked out?  By its wall clock alone. */
static bool
dark(const struct vmf_blackout *b, int n, int64_t t)
{
	time_t tt = (time_t)t;
	struct tm tm;

	localtime_r(&tt, &tm);
	for (int k = 0; k < n; k++) {
		int s = tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
		int today = (tm.tm_wday + 6) % 7, before = (today + 6) % 7;

		if (b[k].to_s > b[k].from_s) {
			if ((b[k].days >> today & 1) && s >= b[k].from_s &&
			    s < b[k].to_s)
				return true;
		} else if (((b[k].days >> today & 1) && s >= b[k].from_s) ||
		    ((b[k].days >> before & 1) && s < b[k].to_s)) {
			return true;
		}
	}
	return false;
}

static const char *const rules[] = { "Mon-Fri 09:00-18:00", "Sat,Sun",
    "Sat 22:00-04:00", "22:00-04:00", "Fri-Mon,Wed 01:30-02:30",
    "02:15-02:45", "01:00-02:30", "Sun 02:00-03:00", "Sun 00:00-24:00",
    "sun 23:00-01:15", "03:00-03:30" };
#define N_RULES ((int)(sizeof(rules) / sizeof(rules[0])))

static void
test_blackouts(const char *zone, int64_t from, int64_t to)
{
	struct vmf_span *spans = NULL;
	int64_t cap = 0, n;

	if (vmf_tz_set(zone, NULL) != 0) {
		printf("%s is not known here\n", zone);
		return;
	}
	for (int k = 0; k < N_RULES * 3; k++) {
		struct vmf_blackout b[2];
		int n_b = k < N_RULES ? 1 : 2;
		int64_t at = 0;

		check(vmf_blackout_parse(&b[0], rules[k % N_RULES],
		    NULL) == 0, "%s is refused", rules[k % N_RULES]);
		check(vmf_blackout_parse(&b[1], rules[below(N_RULES)],
		    NULL) == 0, "refused");
		if (vmf_blackout_spans(b, n_b, from, to, &spans, &cap, &n,
		    NULL) != 0)
			exit(1);
		for (int64_t s = 0; s < n; s++)
			check(spans[s].from >= from && spans[s].to <= to &&
			    spans[s].from < spans[s].to && (s == 0 ||
			    spans[s - 1].to < spans[s].from),
			    "%s %s: spans do not ascend", zone, b[0].text);
		for (int64_t t = from; t < to; t += 60) {
			while (at < n && spans[at].to <= t)
				at++;
			check((at < n && spans[at].from <= t) ==
			    dark(b, n_b, t), "%s '%s': wrong at %" PRId64,
			    zone, b[0].text, t);
		}
	}
	free(spans);
}

static void
test_refused(void)
{
	static const char *const bad[] = { "", "Mo", "Mon-", "Mon,", "Mon 9-18",
	    "Mon 09:00", "Mon 09:00-", "09:00-09:00", "25:00-26:00",
	    "24:00-01:00", "09:60-10:00", "09:00-24:01", "Mon09:00-10:00",
	    "Mon 09:00-10:00 ", "09:00-10:00 Mon", "Monday", "Mon-Fri-Sat" };
	struct vmf_blackout b;
	struct vmf_err e;

	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		check(vmf_blackout_parse(&b, bad[k], &e) == VMF_EUSAGE,
		    "'%s' is taken", bad[k]);
}

struct found {
	int64_t start, sum, expected;
	bool used;
};

/* The same by trying: loads are eighths, so that sums are whole numbers. */
static int64_t
search(const struct vmf_window_opts *o, int64_t start, int64_t step,
    const double *y, const double *q, int64_t n, struct found *out)
{
	static struct found all[20000];
	int64_t n_all = 0, got = 0;

	for (int64_t t = start; t + o->length_s <= start + n * step; t++) {
		struct found f = { t, 0, 0, false };
		bool ok = t % o->slot_s == 0 &&
		    (o->not_before == VMF_TIME_NONE || t >= o->not_before) &&
		    (o->not_after == VMF_TIME_NONE ||
		    t + o->length_s <= o->not_after);

		for (int64_t s = t; ok && s < t + o->length_s; s++) {
			int64_t i = (s - start) / step;

			if (isnan(y[i]) || isnan(q[i]) || (s % 60 == 0 &&
			    dark(o->blackout, o->n_blackouts, s)))
				ok = false;
			else {
				f.sum += (int64_t)(q[i] * 8);
				f.expected += (int64_t)(y[i] * 8);
			}
		}
		if (ok && dark(o->blackout, o->n_blackouts, t))
			ok = false;
		if (ok && !isnan(o->max_load) &&
		    (double)f.sum > o->max_load * 8 * (double)o->length_s)
			ok = false;
		if (ok)
			all[n_all++] = f;
	}
	while (got < o->top) {
		struct found *best = NULL;

		for (int64_t a = 0; a < n_all; a++) {
			bool ok = !all[a].used;

			for (int64_t k = 0; o->apart && k < got; k++)
				if (llabs(out[k].start - all[a].start) <
				    o->length_s)
					ok = false;
			if (ok && (best == NULL || all[a].sum < best->sum))
				best = &all[a];
		}
		if (best == NULL)
			break;
		best->used = true;
		out[got++] = *best;
	}
	return got;
}

static void
test_windows(int rounds)
{
	static const int64_t steps[] = { 60, 300, 420, 900 };
	static const int64_t slots[] = { 60, 120, 300, 420, 900, 1000 };
	struct vmf_windows w = { 0 };
	struct found want[8];
	int64_t placed = 0;

	for (int r = 0; r < rounds; r++) {
		int64_t step = steps[below(4)], n = 1 + below(40), got;
		/* About the autumn change of Europe/Zurich. */
		int64_t start = vmf_time_floor(1729990800 + below(20000),
		    step);
		double y[40], q[40];
		struct vmf_blackout b[2];
		struct vmf_window_opts o = {
			.length_s = 60 * (1 + below(60)),
			.slot_s = slots[below(6)],
			.not_before = VMF_TIME_NONE,
			.not_after = VMF_TIME_NONE,
			.top = 1 + below(3) * below(3),
			.apart = below(2) == 1,
			.max_load = below(3) == 0 ? (double)below(8) : NAN,
			.blackout = b,
			.n_blackouts = (int)(below(3) * below(2)),
		};
		bool risk = below(2) == 1;

		for (int k = 0; k < 2; k++)
			if (vmf_blackout_parse(&b[k], rules[below(N_RULES)],
			    NULL) != 0)
				exit(1);
		if (below(4) == 0)
			o.not_before = start + below(n * step);
		if (below(4) == 0)
			o.not_after = start + below(n * step);
		for (int64_t t = 0; t < n; t++) {
			y[t] = below(20) == 0 ? NAN : (double)below(40) / 8;
			q[t] = below(30) == 0 ? NAN : (double)below(64) / 8;
		}
		if (vmf_windows_find(&w, &o, start, step, y, risk ? q : NULL,
		    n, NULL) != 0)
			exit(1);
		got = search(&o, start, step, y, risk ? q : y, n, want);
		check(got == w.n, "round %d: %" PRId64 " windows, not %"
		    PRId64, r, w.n, got);
		check((w.status == VMF_PLACED) == (w.n > 0) &&
		    (w.reason[0] == '\0') == (w.n > 0),
		    "round %d: status and reason", r);
		for (int64_t k = 0; k < got && k < w.n; k++) {
			double len = 8 * (double)o.length_s;
			double load = (double)want[k].expected / len;
			double at = (double)want[k].sum / len;

			check(w.v[k].start == want[k].start, "round %d: rank %"
			    PRId64 " at %" PRId64 ", not %" PRId64, r, k + 1,
			    w.v[k].start, want[k].start);
			check(fabs(w.v[k].load - load) <= 1e-12 * load &&
			    fabs(w.v[k].risk - at) <= 1e-12 * at,
			    "round %d: load %g, not %g", r, w.v[k].load,
			    load);
		}
		placed += w.n > 0;
	}
	check(placed > rounds / 4, "only %" PRId64 " rounds with a window",
	    placed);
	vmf_windows_free(&w);
}

int
main(void)
{
	/* Weeks about both clock changes, north and south, whole and half
	 * hours, and a year's turn without one. */
	test_blackouts("Europe/Zurich", 1711494000 - 400000, 1711494000 +
	    400000);
	test_blackouts("Europe/Zurich", 1729990800 - 400000, 1729990800 +
	    400000);
	test_blackouts("Australia/Lord_Howe", 1712412000 - 200000, 1712412000 +
	    200000);
	test_blackouts("America/New_York", 1710050400 - 200000, 1710050400 +
	    200000);
	test_blackouts("+05:30", 1704067200 - 400000, 1704067200 + 400000);
	test_blackouts("UTC", -400020, 400020);
	test_refused();
	test_windows(1500);
	if (vmf_tz_set("Europe/Zurich", NULL) == 0)
		test_windows(3000);
	if (failures > 0)
		printf("%d failures\n", failures);
	return failures > 0;
}
