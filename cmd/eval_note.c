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
}
