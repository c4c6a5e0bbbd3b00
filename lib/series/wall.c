/* SPDX-License-Identifier: MIT */
#include "series/wall.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"

#define DAY_S INT64_C(86400)
/* 2100-01-01 */
#define LAST_S (INT64_C(47482) * DAY_S)

static int
add(struct vmf_wall *w, int64_t from, int64_t offset_s, struct vmf_err *e)
{
	int rc;

	if ((rc = vmf_grow(&w->from, &w->cap_from, w->n + 1, e)) != 0 ||
	    (rc = vmf_grow(&w->offset_s, &w->cap_offset, w->n + 1, e)) != 0)
		return rc;
	w->from[w->n] = from;
	w->offset_s[w->n++] = offset_s;
	return 0;
}

/* The first second in (lo, hi] of another offset than lo's. */
static int64_t
change(int64_t lo, int64_t hi)
{
	int64_t was = vmf_tz_offset(lo);

	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (vmf_tz_offset(mid) == was)
			lo = mid;
		else
			hi = mid;
	}
	return hi;
}

int
vmf_wall_open(struct vmf_wall *w, const char *zone, int64_t step_s,
    struct vmf_err *e)
{
	int64_t was, offset, now;
	int rc;

	w->step_s = step_s;
	if ((rc = vmf_tz_set(zone, e)) != 0)
		return rc;
	was = vmf_tz_offset(0);
	offset = was / step_s * step_s;
	if ((rc = add(w, INT64_MIN, offset, e)) != 0)
		return rc;
	for (int64_t t = DAY_S; t <= LAST_S; t += DAY_S) {
		if ((now = vmf_tz_offset(t)) == was)
			continue;
		offset += (now - was) / step_s * step_s;
		if (offset != w->offset_s[w->n - 1] && (rc = add(w,
		    change(t - DAY_S, t), offset, e)) != 0)
			return rc;
		was = now;
	}
	return 0;
}

void
vmf_wall_free(struct vmf_wall *w)
{
	free(w->from);
	free(w->offset_s);
	*w = (struct vmf_wall){ 0 };
}

/* The last change at or before t. */
static int64_t
at(const struct vmf_wall *w, int64_t t)
{
	int64_t lo = 0, hi = w->n;

	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (w->from[mid] <= t)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

int64_t
vmf_wall_of(const struct vmf_wall *w, int64_t t)
{
	return w == NULL || w->n == 0 ? t : t + w->offset_s[at(w, t)];
}

int64_t
vmf_wall_len(const struct vmf_wall *w, int64_t start, int64_t n)
{
	int64_t len = (vmf_wall_of(w, start + n * w->step_s) -
	    vmf_wall_of(w, start)) / w->step_s;

	return len > 0 ? len : 0;
}

void
vmf_wall_lay(const struct vmf_wall *w, int64_t start, const double *y,
    int64_t n, double *to)
{
	int64_t k = at(w, start), first = w->offset_s[k], j = 0;
	int64_t len = vmf_wall_len(w, start, n);

	for (int64_t i = 0; i < len; i++)
		to[i] = NAN;
	while (j < n) {
		/* Steps that begin before the next change. */
		int64_t more = (w->offset_s[k] - first) / w->step_s, m = n;

		if (k + 1 < w->n && w->from[k + 1] < start + n * w->step_s)
			m = (w->from[k + 1] - start + w->step_s - 1) /
			    w->step_s;
		for (; j < m; j++)
			if (j + more >= 0 && j + more < len)
				to[j + more] = y[j];
		k++;
	}
}
