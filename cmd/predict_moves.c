/* SPDX-License-Identifier: MIT */
#include "predict_moves.h"

#include <inttypes.h>

#include "downtime/downtime_rows.h"

static int
all_rows(struct cmd *c, struct vmf_down_out *o, struct vmf_reader *in,
    struct vmf_batch *out, struct vmf_writer *w, struct vmf_err *e)
{
	const struct vmf_batch *b;
	int got, rc;

	while ((got = vmf_reader_next(in, &b, e)) > 0) {
		if ((rc = vmf_down_out_batch(o, b, out, e)) != 0 ||
		    (rc = vmf_writer_put(w, out, e)) != 0)
			return rc;
		vmf_batch_clear(out);
		cmd_progress(c, "%" PRId64 " VMs", o->n);
	}
	return got;
}

int
predict_moves(struct cmd *c, struct vmf_reader *r, const char *path,
    const char *quantiles, const char *metric, struct vmf_err *e)
{
	struct vmf_down_out o = { .metric = metric == NULL ? "cpu_mean" :
	    metric };
	struct vmf_schema schema = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_batch batch = { 0 };
	struct vmf_reader *in = NULL;
	struct vmf_downtime m = { 0 };
	int rc;

	o.m = &m;
	if ((rc = vmf_quantiles_parse(&o.levels, quantiles == NULL ?
	    "0.5,0.9" : quantiles, "--quantiles", e)) != 0 ||
	    (rc = vmf_downtime_read(&m, r, e)) != 0 ||
	    (rc = cmd_open_in(c, path, &in, e)) != 0 ||
	    (rc = vmf_down_out_open(&o, in, &schema, e)) != 0 ||
	    (rc = cmd_open_out(c, &out, &schema, e)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, e)) != 0 ||
	    (rc = all_rows(c, &o, in, &batch, out.w, e)) != 0 ||
	    (rc = cmd_finish_out(&out, e)) != 0)
		goto done;
	if (metric != NULL && o.load_of != metric && o.view.load >= 0)
		cmd_note(c, "moves are predicted at the load of %s: %s is "
		    "none of CPUs", o.load_of, metric);
	else if (metric != NULL && o.load_of == NULL)
		cmd_note(c, "%s is no load of CPUs, and there is no "
		    "cpu_mean: the load is that of load_pct, or not known",
		    metric);
	cmd_note(c, "%" PRId64 " rows, %" PRId64 " of a workload that is not "
	    "known, %" PRId64 " far from any move known, %" PRId64 " without "
	    "a fact that counts, %" PRId64 " of which pre-copy will not "
	    "converge by arithmetic", o.n, o.n_strange, o.n_far, o.n_partial,
	    o.n_diverge);
done:
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	vmf_down_out_free(&o);
	vmf_reader_free(in);
	vmf_downtime_free(&m);
	return rc;
}
