/* SPDX-License-Identifier: MIT */
#include "eval_note.h"

#include <inttypes.h>

#include "base/time.h"

/* Where nothing was scored, why. */
static void
note_nothing(struct cmd *c, const struct vmf_eval *ev)
{
	int64_t end = ev->given != NULL ? ev->given->grid.end :
	    ev->series->grid.end, points = 0;
	char from[32], to[32];

	for (int m = 0; m < ev->n_rivals; m++)
		points += ev->rival[m].all.sum.n_points;
	if (points > 0 || ev->n_vms == 0 || ev->first == VMF_TIME_NONE ||
	    end == VMF_TIME_NONE)
		return;
	vmf_time_format_utc(ev->first, from);
	vmf_time_format_utc(end, to);
	cmd_note(c, "nothing is scored: no step from %s to %s is both known "
	    "and forecast", from, to);
}

void
eval_note(struct cmd *c, const struct vmf_eval *ev, const char *forecast)
{
	const char *pooled = ev->metrics.n > 1 ?
	    "; metrics pooled, each a series by itself" : "";

	if (ev->given == NULL) {
		cmd_note(c, "%" PRId64 " VMs, %" PRId64 " windows of "
		    "%" PRId64 " steps%s", ev->n_vms, ev->origins_used,
		    ev->horizon, pooled);
		note_nothing(c, ev);
		return;
	}
	if (ev->n_points > 0)
		cmd_note(c, "%s has no quantiles: scored as a point "
		    "forecast", forecast);
	cmd_note(c, "%" PRId64 " forecasts scored; %" PRId64 " only in the "
	    "forecast, %" PRId64 " only in the series%s", ev->n_vms,
	    ev->n_only_given, ev->n_only_series, pooled);
	note_nothing(c, ev);
	if (ev->plan != NULL && ev->plan->hosts != NULL)
		cmd_note(c, "%" PRId64 " of %" PRId64 " hosts that VMs came "
		    "to were above the limit, in %" PRId64 " steps",
		    ev->plan->hosts->n_over, ev->plan->hosts->n_hosts,
		    ev->plan->hosts->n_steps_over);
	if (ev->plan != NULL && ev->plan->n_scored == 0)
		cmd_note(c, "no window of %s is scored: expected a plan of "
		    "%s, with windows in the series",
		    vmf_reader_name(ev->plan->at.r), forecast);
}

int
eval_check(const struct vmf_eval *ev, const char *forecast,
    struct vmf_err *e)
{
	if (ev->given == NULL || ev->n_vms > 0 ||
	    ev->n_only_given + ev->n_only_series == 0)
		return 0;
	return vmf_fail(e, VMF_EDATA, "%s: none of its VMs is scored: %"
	    PRId64 " only in the forecast, %" PRId64 " only in the series",
	    forecast, ev->n_only_given, ev->n_only_series);
}
