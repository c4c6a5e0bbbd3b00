/* SPDX-License-Identifier: MIT */
#include "ingest_note.h"

#include <math.h>
#include <stdio.h>

#define YEAR_2000 INT64_C(946684800)
#define YEAR_2100 INT64_C(4102444800)
/* Traces of some months that begin at 0 have times below it; dates such as
 * 20240501, taken for seconds, are above. */
#define EARLY 10000000
#define PARTS_LEAST 100		/* fewer may be those of an idle VM */
#define SAME_LEAST 100
/* A thousand CPUs: percent of a VM are less, counters soon more. */
#define PERCENT_MOST 1e5f
#define PERCENT_LEAST (-1.0f)	/* nearer to 0 they are noise */
#define LANES 8			/* side by side in one wide register */

/* The least and the greatest value so far; missing ones are NaN. */
static void
watch_range(struct ingest_watch *w, const float *v, int64_t n)
{
	float least[LANES], most[LANES];
	int64_t i = 0;

	for (int k = 0; k < LANES; k++) {
		least[k] = w->least;
		most[k] = w->most;
	}
	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++) {
			float x = v[i + k];

			least[k] = x < least[k] ? x : least[k];
			most[k] = x > most[k] ? x : most[k];
		}
	for (; i < n; i++) {
		least[0] = v[i] < least[0] ? v[i] : least[0];
		most[0] = v[i] > most[0] ? v[i] : most[0];
	}
	for (int k = 0; k < LANES; k++) {
		w->least = least[k] < w->least ? least[k] : w->least;
		w->most = most[k] > w->most ? most[k] : w->most;
	}
}

/* Of n >= 1 times, without a branch, as who has none of the one kind looks at
 * all of them: the sign of a difference tells. */
static void
watch_times(struct ingest_watch *w, const int64_t *t, int64_t n)
{
	uint64_t before = UINT64_MAX, near = 0, early = 0;

	for (int64_t i = 0; i < n; i++) {
		before &= (uint64_t)t[i] - (uint64_t)YEAR_2000;
		near |= (uint64_t)t[i] - (uint64_t)YEAR_2100;
		early |= (uint64_t)t[i] - (uint64_t)EARLY;
	}
	w->late |= (int64_t)before >= 0;
	w->near |= (int64_t)near < 0;
	w->early |= (int64_t)early < 0;
}

void
ingest_watch(struct ingest_watch *w, const struct vmf_schema *s,
    const struct vmf_batch *b)
{
	int time, cpu;

	if (b->n == 0)
		return;
	time = vmf_schema_find(s, "time");
	cpu = vmf_schema_find(s, "cpu");
	if (cpu >= 0 && b->col[cpu].type == VMF_FLOAT32)
		watch_range(w, b->col[cpu].d.f32, b->n);
	if (w->late && w->near && w->whole && w->differs)
		return;
	if (time >= 0 && !(w->late && w->near))
		watch_times(w, b->col[time].d.i64, b->n);
	for (int64_t i = 0; cpu >= 0 && !w->whole && i < b->n; i++) {
		double v = vmf_col_num(&b->col[cpu], i);

		w->n_parts += v > 0.0;
		w->whole = v > 1.0;
	}
	for (int64_t i = 0; cpu >= 0 && !w->differs && i < b->n; i++) {
		double v = vmf_col_num(&b->col[cpu], i);

		if (isnan(v))
			continue;
		if (w->n_same++ == 0)
			w->same = v;
		w->differs = v != w->same;
	}
}

/* A trace may well begin at 0, but who counts in parts of a second means the
 * clock. */
static void
doubt_times(const struct cmd *c, const struct vmf_ingest *in,
    const struct ingest_watch *w, const struct vmf_ingest_opts *o)
{
	bool guessed;
	enum vmf_stamp f = vmf_ingest_stamp(in, &guessed);
	const char *when = !w->near ? "after 2100" : "before 2000";

	/* A source without times is of the time that it is said to be. */
	if ((w->late && w->near) || f == VMF_STAMP_AUTO ||
	    f == VMF_STAMP_RFC3339 || f == VMF_STAMP_WALL ||
	    f == VMF_STAMP_PATTERN)
		return;
	if (guessed && !w->early)
		cmd_note(c, "all times are %s: expected Unix time; a date is "
		    "2024-05-01, not 20240501", when);
	if (!guessed && (f != VMF_STAMP_S || !w->near))
		cmd_note(c, "all times are %s: expected %s, as %s", when,
		    vmf_stamp_name(f), o->stamp != VMF_STAMP_AUTO ?
		    "--time-format says" : "the map says");
}

void
ingest_note(const struct cmd *c, const struct vmf_ingest *in,
    const struct ingest_watch *w, const struct vmf_ingest_opts *o,
    const char *bad_rows)
{
	struct vmf_ingest_counts n;
	const struct vmf_bound *unmet;
	struct vmf_field_text field;
	char name[48], is[48], at[48], passed[64] = "", again[64] = "";
	int64_t i = 0;

	if (in == NULL)
		return;
	vmf_ingest_counts(in, &n);
	if (n.rows_out > 0)
		doubt_times(c, in, w, o);
	if (w->n_parts >= PARTS_LEAST && !w->whole)
		cmd_note(c, "cpu is never above 1: expected percent; of a "
		    "share, a map's scale of 100 makes it");
	if (w->n_same >= SAME_LEAST && !w->differs)
		cmd_note(c, "cpu is %g in all samples: expected loads that "
		    "differ", w->same);
	if (w->least <= PERCENT_LEAST)
		cmd_note(c, "cpu is %.9g at least: expected percent, none "
		    "below 0", (double)w->least);
	if (w->most > PERCENT_MOST)
		cmd_note(c, "cpu is %.9g at most: expected percent; of a "
		    "counter, its rate", (double)w->most);
	while (n.rows_in > 0 &&
	    (unmet = vmf_ingest_unmet(in, &i, &field)) != NULL)
		cmd_note(c, "%s has no value: expected rows with '%s' in "
		    "column '%s'", vmf_show_text(unmet->name,
		    unmet->name_len, name), vmf_show_text(unmet->is,
		    unmet->is_len, is), vmf_show_text(field.s, field.len,
		    at));
	if (n.passed > 0)
		snprintf(passed, sizeof(passed), ", %lld of no metric",
		    (long long)n.passed);
	if (n.headers > 0)
		snprintf(again, sizeof(again), ", the header %lld time%s "
		    "more", (long long)n.headers, n.headers == 1 ? "" : "s");
	cmd_note(c, "%lld file%s, %lld rows in, %lld rows out, %lld bad "
	    "rows, %lld missing values%s%s", (long long)n.files,
	    n.files == 1 ? "" : "s", (long long)n.rows_in,
	    (long long)n.rows_out, (long long)n.bad, (long long)n.missing,
	    passed, again);
	if (bad_rows != NULL && n.bad > 0)
		cmd_note(c, "bad rows are in %s", bad_rows);
	if (o->skip_bad && n.bad > 0)
		cmd_note(c, "the first bad row: %s", n.first_bad);
}
