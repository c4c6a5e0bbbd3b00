/* SPDX-License-Identifier: MIT */
#include "eval_note.h"

#include <inttypes.h>

void
eval_note(struct cmd *c, const struct vmf_eval *ev, const char *forecast)
{
	const char *pooled = ev->metrics.n > 1 ?
	    "; metrics pooled, each a series by itself" : "";

	if (ev->given == NULL) {
		cmd_note(c, "%" PRId64 " VMs, %" PRId64 " windows of "
		    "%" PRId64 " steps%s", ev->n_vms, ev->origins_used,
		    ev->horizon, pooled);
		return;
	}
	if (ev->n_points > 0)
		cmd_note(c, "%s has no quantiles: scored as a point "
		    "forecast", forecast);
	cmd_note(c, "%" PRId64 " forecasts scored; %" PRId64 " only in the "
	    "forecast, %" PRId64 " only in the series%s", ev->n_vms,
	    ev->n_only_given, ev->n_only_series, pooled);
	if (ev->plan != NULL && ev->plan->hosts != NULL)
		cmd_note(c, "%" PRId64 " of %" PRId64 " hosts that VMs came "
		    "to were above the limit, in %" PRId64 " steps",
		    ev->plan->hosts->n_over, ev->plan->hosts->n_hosts,
		    ev->plan->hosts->n_steps_over);
	if (ev->plan != NULL && ev->plan->n_scored == 0)
		cmd_note(c, "no window of %s is scored: expected a plan of "
		    "%s, with windows in the series",
		    vmf_reader_name(ev->plan->r), forecast);
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
