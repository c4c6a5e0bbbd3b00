/* SPDX-License-Identifier: MIT */
#include "predict_note.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What a model learned from beside its metric, and the series do not have. */
static void
missing_columns(const struct cmd *c, const struct vmf_predict *p, int m)
{
	const struct vmf_global *g = &p->globals.model[m];
	const struct vmf_side_cols *cols = &p->cols[m];
	char text[256] = "";
	size_t used = 0;

	for (int k = 0; k < g->n_sides + g->n_traits; k++) {
		bool side = k < g->n_sides;
		int at = side ? cols->list[k] : cols->trait[k - g->n_sides];

		if (at < 0 && used < sizeof(text))
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, "%s%s", used > 0 ? ", " : "",
			    side ? g->side[k] : g->trait[k - g->n_sides]);
	}
	if (used > 0)
		cmd_note(c, "%s of %s learned from %s%s too, which the series "
		    "do not have", g->algo->name, g->is_target ?
		    g->target.text : g->metric, text,
		    used < sizeof(text) ? "" : " ...");
}

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
		bool named = false;

		for (int k = 0; k < p->metrics.n; k++)
			named |= strcmp(p->metrics.v[k], g->metric) == 0;
		if (named)
			missing_columns(c, p, m);
		else if (g->is_target)
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
