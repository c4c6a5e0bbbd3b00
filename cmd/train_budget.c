/* SPDX-License-Identifier: MIT */
#include "train_budget.h"

#include <inttypes.h>
#include <string.h>

#include "forecast/budget.h"
#include "forecast/parts.h"

/* The place of a model among those asked for, or -1. */
static int
find(const struct vmf_train *t, const char *name)
{
	for (int i = 0; i < t->models.n; i++)
		if (strcmp(t->models.v[i], name) == 0)
			return i;
	return -1;
}

int
train_budget(const struct cmd *c, double ms, struct vmf_train *t,
    struct vmf_series *s, const char **without, struct vmf_buf *words,
    struct vmf_err *e)
{
	struct vmf_budget b = { .ms = ms, .opts = t->opts,
	    .how = t->many.how };
	int at = find(t, "auto"), rc;

	if (at < 0 || find(t, "kq") >= 0)
		return vmf_fail(e, VMF_EUSAGE, "--budget is for auto, and "
		    "not beside kq");
	rc = vmf_budget_choose(&b, t->algo[at], s, t->list[0],
	    t->metrics.v[0], e);
	if (rc != 0 || b.out.n == 0) {
		if (rc == 0)
			cmd_note(c, "auto takes about %.3g CPU ms a series: "
			    "nothing is left out", b.cost);
		goto done;
	}
	if ((rc = vmf_buf_printf(words, e, "%s%s%s", *without != NULL ?
	    *without : "", *without != NULL ? "," : "",
	    (const char *)b.out.p)) != 0 ||
	    (rc = vmf_buf_put(words, "", 1, e)) != 0)
		goto done;
	*without = (const char *)words->p;
	for (int i = 0; i < t->models.n; i++)
		t->algo[i] = vmf_algo_find(t->models.v[i],
		    (int64_t)strlen(t->models.v[i]));
	if ((rc = vmf_parts_leave(t->algo, t->models.n, t->less, *without,
	    "--budget", VMF_EUSAGE, e)) != 0)
		goto done;
	cmd_note(c, "auto takes about %.3g CPU ms a series, and %.3g without "
	    "%s; on %" PRId64 " series that changes CRPS by %+.2f %%",
	    b.cost, b.cost_left, (const char *)b.out.p, b.n_series,
	    100.0 * (b.lost - 1.0));
done:
	vmf_budget_free(&b);
	return rc;
}
