/* SPDX-License-Identifier: MIT */
#include "predict_note.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void
predict_note(const struct cmd *c, const struct vmf_predict *p,
    const char *model)
{
	int64_t n = p->n_rows + p->n_skipped;
	char text[256] = "";
	int used = 0;

	for (int k = 0; k < VMF_N_STATUS; k++)
		if (p->n_status[k] > 0)
			used += snprintf(text + used,
			    sizeof(text) - (size_t)used, ", %" PRId64 " %s",
			    p->n_status[k],
			    vmf_status_name((enum vmf_status)k));
	if (p->dropped[0] != '\0')
		cmd_note(c, "attributes left out, as a forecast has columns "
		    "of these names: %s", p->dropped);
	for (int m = 0; m < p->globals.n_models; m++) {
		const struct vmf_global *g = &p->globals.model[m];
		bool named = !g->is_target;

		for (int k = 0; k < p->metrics.n; k++)
			named |= strcmp(p->metrics.v[k], g->metric) == 0;
		if (!named)
			cmd_note(c, "no probability of %s, as --metric does "
			    "not name %s", g->target.text, g->metric);
	}
	if (p->model->grid.end > p->series->grid.end)
		cmd_note(c, "%s knows samples from after the forecast's "
		    "start: its intervals have seen what they predict",
		    model);
	if (n > 0 && p->n_model_only > 0 && p->n_known == 0)
		cmd_note(c, "%s knows none of the series, only %" PRId64
		    " others: expected the same ids", model, p->n_model_only);
	cmd_note(c, "%" PRId64 " forecasts%s; %" PRId64 " skipped as "
	    "unseen, %" PRId64 " only in the model", p->n_rows, text,
	    p->n_skipped, p->n_model_only);
}
