/* SPDX-License-Identifier: MIT */
#include "ingest_note.h"

#include <math.h>

#define YEAR_2000 INT64_C(946684800)
#define PARTS_LEAST 100		/* fewer may be those of an idle VM */
#define SAME_LEAST 100

void
ingest_watch(struct ingest_watch *w, const struct vmf_schema *s,
    const struct vmf_batch *b)
{
	int time, cpu;

	if (b->n == 0 || (w->late && w->whole && w->differs))
		return;
	time = vmf_schema_find(s, "time");
	cpu = vmf_schema_find(s, "cpu");
	for (int64_t i = 0; time >= 0 && !w->late && i < b->n; i++)
		w->late = b->col[time].d.i64[i] >= YEAR_2000;
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

void
ingest_note(const struct cmd *c, const struct vmf_ingest *in,
    const struct ingest_watch *w, const struct vmf_ingest_opts *o)
{
	struct vmf_ingest_counts n;

	if (in == NULL)
		return;
	vmf_ingest_counts(in, &n);
	/* A trace may well begin at 0, but who counts in parts of a second
	 * means the clock. */
	if (n.rows_out > 0 && !w->late && (o->stamp == VMF_STAMP_MS ||
	    o->stamp == VMF_STAMP_US || o->stamp == VMF_STAMP_NS))
		cmd_note(c, "all times are before 2000: expected %s, as "
		    "--time-format says", vmf_stamp_name(o->stamp));
	if (w->n_parts >= PARTS_LEAST && !w->whole)
		cmd_note(c, "cpu is never above 1: expected percent; of a "
		    "share, a map's scale of 100 makes it");
	if (w->n_same >= SAME_LEAST && !w->differs)
		cmd_note(c, "cpu is %g in all samples: expected loads that "
		    "differ", w->same);
	cmd_note(c, "%lld file%s, %lld rows in, %lld rows out, %lld bad "
	    "rows, %lld missing values", (long long)n.files,
	    n.files == 1 ? "" : "s", (long long)n.rows_in,
	    (long long)n.rows_out, (long long)n.bad, (long long)n.missing);
	if (o->skip_bad && n.bad > 0)
		cmd_note(c, "the first bad row: %s", n.first_bad);
}
