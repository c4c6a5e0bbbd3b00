/* SPDX-License-Identifier: MIT */
/* What vmf_aggregate and vmf_append did, in a line each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "series/aggregate_in.h"
#include "series/append_in.h"

/* Append what is worth a word. */
static void
tell(char *to, size_t size, int64_t count, const char *what)
{
	size_t n = strlen(to);

	if (count != 0)
		snprintf(to + n, size - n, "; %" PRId64 " %s", count, what);
}

static void
span(int64_t start, int64_t end, char from[32], char to[32])
{
	snprintf(from, 32, "none");
	snprintf(to, 32, "none");
	if (start != VMF_TIME_NONE)
		vmf_time_format_utc(start, from);
	if (end != VMF_TIME_NONE)
		vmf_time_format_utc(end, to);
}

void
vmf_aggregate_summary(const struct vmf_aggregate *g, char *text, size_t size)
{
	const struct vmf_aggregate_stats *st = &g->stats;
	char more[512] = "", from[32], to[32];

	span(st->start, st->end, from, to);
	tell(more, sizeof(more), st->valueless, "rows without a value");
	tell(more, sizeof(more), st->outside, st->from_series ?
	    "steps outside --since and --until" :
	    "rows outside --since and --until");
	tell(more, sizeof(more), st->without_samples, g->opts.inner ?
	    "without samples left out" : "without samples, status empty");
	tell(more, sizeof(more), st->not_in_inventory,
	    "VMs not in the inventory");
	tell(more, sizeof(more), st->without_host,
	    g->opts.by == VMF_BY_HOST ? "VMs without a host left out" :
	    "VMs without a cluster left out");
	tell(more, sizeof(more), st->without_vcpus,
	    "VMs without vcpus, weighing 1");
	tell(more, sizeof(more), st->spilled_bytes, "bytes spilled");
	snprintf(text, size, "%" PRId64 " rows in, %" PRId64 " rows out with "
	    "%" PRId64 " steps from %s to %s%s%s%s", st->rows_in,
	    st->rows_out, st->steps, from, to, more, *st->left_out != '\0' ?
	    "; cannot be coarsened, left out: " : "", st->left_out);
}

/*
 * The share of fine steps in which a VM that runs has a sample, in percent.
 * A pause of more than four times the median distance is one in which it does
 * not run.  100 where too little is known.
 */
static double
present_pct(const struct vmf_rollup *r)
{
	int64_t n = 0, pairs = 0, steps = 0;
	int median = 1;

	for (int d = 1; d < VMF_AGG_APART; d++)
		n += r->apart[d];
	if (n < 10)
		return 100.0;
	for (int64_t below = r->apart[1]; 2 * below < n;)
		below += r->apart[++median];
	for (int d = 1; d < VMF_AGG_APART && d <= 4 * median; d++) {
		pairs += r->apart[d];
		steps += d * r->apart[d];
	}
	return 100.0 * (double)pairs / (double)steps;
}

bool
vmf_aggregate_doubt(const struct vmf_aggregate *g, char *text, size_t size)
{
	double pct = present_pct(&g->roll);
	int64_t longer = g->acc_step;
	char fine[32], better[32];
	bool of_fine = false;

	for (int i = 0; i < g->n_lists; i++)
		of_fine |= g->list[i].stat.kind != VMF_STAT_MEAN &&
		    g->list[i].stat.kind != VMF_STAT_COUNT;
	if (g->opts.by == VMF_BY_VM || !of_fine || !(pct < 90.0))
		return false;
	while (longer < g->step && (g->step % longer != 0 ||
	    (double)longer * pct < 99.0 * (double)g->acc_step))
		longer += g->acc_step;
	vmf_format_duration(g->acc_step, fine);
	vmf_format_duration(longer, better);
	snprintf(text, size, "VMs have samples in %.0f %% of the fine steps "
	    "of %s: maxima, minima and percentiles are of sums that lack "
	    "VMs%s%s", pct, fine, longer > g->acc_step ? "; use --fine-step "
	    : "", longer > g->acc_step ? better : "; use a longer --step");
	return true;
}

void
vmf_append_summary(const struct vmf_append *a, char *text, size_t size)
{
	const struct vmf_append_stats *st = vmf_append_stats(a);
	char more[512] = "", from[32], to[32];

	span(st->start, st->end, from, to);
	tell(more, sizeof(more), st->appeared, "only in the new piece");
	tell(more, sizeof(more), st->vanished, "only in the history");
	tell(more, sizeof(more), st->dropped, a->opts.span_s > 0 ?
	    "left out, without a step in the span" :
	    "left out, without a step");
	tell(more, sizeof(more), st->overlaps, "steps in both");
	tell(more, sizeof(more), st->kept, "of them kept from the history");
	tell(more, sizeof(more), st->replaced, "of them replaced");
	tell(more, sizeof(more), st->overlaps - st->kept - st->replaced,
	    "of them made of both");
	tell(more, sizeof(more), st->cut, "steps further back than the span");
	snprintf(text, size, "%" PRId64 " rows joined to %" PRId64 ", %"
	    PRId64 " rows out from %s to %s%s", st->new_rows, st->old_rows,
	    st->rows_out, from, to, more);
}
