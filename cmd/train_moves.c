/* SPDX-License-Identifier: MIT */
#include "train_moves.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/thread.h"
#include "base/time.h"
#include "downtime/downtime.h"
#include "forecast/risk.h"

static void
note(const struct cmd *c, const struct vmf_past *p,
    const struct vmf_downtime *m)
{
	static const char *const how[] = { "without trees",
	    "with trees on what kriging leaves", "with trees",
	    "with the mean of two kinds of trees" };

	_Static_assert(sizeof(how) / sizeof(*how) == VMF_N_DOWN_TREES,
	    "a text a kind of trees");
	cmd_note(c, "%" PRId64 " migrations in, %" PRId64 " of them not "
	    "completed", p->n_read, p->n_failed);
	for (int k = 0; k < VMF_N_OUTCOMES; k++) {
		const struct vmf_down_target *t = &m->target[k];

		if (t->n > 0)
			cmd_note(c, "%s: of %" PRId64 " moves in %" PRId64
			    " configurations, %s",
			    vmf_outcome_name((enum vmf_outcome)k), t->n,
			    t->n_configs, how[t->trees]);
	}
	if (!vmf_downtime_learned(m))
		cmd_note(c, "nothing to learn from: arithmetic is all the "
		    "model has");
	if (vmf_boost_version((char[32]){ 0 }, 32) == NULL)
		cmd_note(c, "this build has no trees (Debian's "
		    "libxgboost-dev was missing)");
}

int
train_moves(struct cmd *c, const char *path, int64_t threads,
    const char *foreign, struct vmf_err *e)
{
	const struct vmf_down_opts o = { .threads = threads > 0 ?
	    (int)threads : vmf_cores() };
	struct vmf_schema schema = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_batch batch = { 0 };
	struct vmf_reader *in = NULL;
	struct vmf_downtime m = { 0 };
	struct vmf_past past = { 0 };
	int rc;

	if (foreign != NULL)
		return vmf_fail(e, VMF_EUSAGE, "--%s is about series, and "
		    "--model downtime learns from migrations", foreign);
	if ((rc = cmd_open_in(c, path, &in, e)) != 0 ||
	    (rc = vmf_past_read(&past, in, e)) != 0 ||
	    (rc = vmf_downtime_schema(&schema, vmf_reader_schema(in),
	    e)) != 0 ||
	    (rc = cmd_open_out(c, &out, &schema, e)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, e)) != 0 ||
	    (rc = vmf_downtime_learn(&m, &past, NULL, &o, e)) != 0 ||
	    (rc = vmf_downtime_put(&m, past.updated == VMF_TIME_NONE ? 0 :
	    past.updated, &batch, e)) != 0 ||
	    (rc = vmf_writer_put(out.w, &batch, e)) != 0 ||
	    (rc = cmd_finish_out(&out, e)) != 0)
		goto done;
	note(c, &past, &m);
done:
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	vmf_reader_free(in);
	vmf_downtime_free(&m);
	vmf_past_free(&past);
	return rc;
}

void
train_note(const struct cmd *c, const struct vmf_train *t,
    const struct vmf_globals *g, const char *update)
{
	char text[256] = "";
	int used = 0;

	for (int k = 0; k < VMF_N_STATUS; k++)
		if (t->n_status[k] > 0)
			used += snprintf(text + used,
			    sizeof(text) - (size_t)used, ", %" PRId64 " %s",
			    t->n_status[k],
			    vmf_status_name((enum vmf_status)k));
	cmd_note(c, "%" PRId64 " series in%s", t->n_rows, text);
	for (int k = 0; k < g->n_models; k++)
		if (g->model[k].blob.n == 0 && !g->model[k].is_target &&
		    g->model[k].ops->predict != NULL)
			cmd_note(c, "%s learned nothing of %s from %" PRId64
			    " series and %" PRId64 " rows: too few (--memory "
			    "bounds them), or no better than kq, which stands "
			    "for it", g->model[k].algo->name,
			    g->model[k].metric, g->model[k].n_series,
			    g->model[k].n_rows);
	for (int k = 0; k < g->n_models; k++)
		if (g->model[k].is_target &&
		    g->model[k].n_rows < VMF_RISK_FIT_MIN)
			cmd_note(c, "%s by %s: %" PRId64 " windows of the "
			    "past are too few to calibrate by (%d): its "
			    "probabilities are what forecasts' quantiles say, "
			    "which may be far off", g->model[k].target.text,
			    g->model[k].algo->name, g->model[k].n_rows,
			    VMF_RISK_FIT_MIN);
	if (t->update != NULL)
		cmd_note(c, "%" PRId64 " of them new, %" PRId64 " only in "
		    "%s", t->n_new, t->n_gone, update);
}

/* Learn the rows in hand, and write what is a batch. */
static int
learn_rows(struct cmd *c, struct vmf_train *t,
    struct vmf_batch *batch, struct vmf_writer *w, struct vmf_err *e)
{
	int rc = vmf_train_learn(t, e);

	while (rc == 0 && (rc = vmf_train_put(t, batch, e)) > 0) {
		if ((rc = vmf_writer_put(w, batch, e)) != 0)
			return rc;
		vmf_batch_clear(batch);
	}
	cmd_progress(c, "%" PRId64 " series", t->n_rows);
	return rc;
}

int
train_all(struct cmd *c, struct vmf_train *t, struct vmf_series *s,
    struct vmf_batch *batch, struct vmf_writer *w, struct vmf_err *e)
{
	int got, rc;

	while ((got = vmf_series_next(s, e)) > 0)
		for (int64_t i = 0, n; i < s->b->n; i += n) {
			if ((n = vmf_train_take(t, s, i, e)) < 0)
				return (int)n;
			if (i + n < s->b->n && (rc = learn_rows(c, t,
			    batch, w, e)) != 0)
				return rc;
		}
	if (got < 0)
		return got;
	if ((rc = learn_rows(c, t, batch, w, e)) != 0 ||
	    (rc = vmf_train_end(t, e)) != 0)
		return rc;
	return vmf_writer_put(w, batch, e);
}
