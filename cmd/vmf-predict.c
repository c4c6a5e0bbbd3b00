/* SPDX-License-Identifier: MIT */
/*
 * vmf-predict - forecast each series by a model.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cmd.h"
#include "forecast/explain.h"
#include "forecast/model.h"
#include "forecast/predict.h"
#include "horizon.h"
#include "learn/boost.h"
#include "overwrite.h"
#include "panel.h"
#include "downtime/downtime.h"
#include "predict_moves.h"
#include "predict_note.h"
#include "predict_sums.h"
#include "series/series.h"

static struct cmd c = {
	.name = "vmf-predict",
	.usage =
"usage: vmf-predict [options] --from MODEL [FILE]\n"
"Forecast each series in FILE or standard input; with --reconcile instead of\n"
"--from, the forecasts in FILE so that they add up to their hosts'.\n"
"\n"
"      --from MODEL      model stream, as vmf-train writes it; one of\n"
"                        downtimes predicts the moves of the rows in FILE\n"
"      --horizon N       steps, or a span of time with its unit: 48, 2d [48]\n"
"      --quantiles Q,... levels beside the expected value [0.1,...,0.9; of\n"
"                        downtimes 0.5,0.9]\n"
"      --metric NAME,... of the model's metrics [all of them]\n"
"      --unseen cold|skip\n"
"                        VMs that the model does not know: fit now [cold],\n"
"                        or leave out\n"
"      --refit           estimate anew, with the model's orders and from its\n"
"                        estimates\n"
"      --explain         instead of a forecast, what it is made of by the\n"
"                        model, without series: shares, and what earned them\n"
"      --reconcile HOSTS forecast of hosts that the VMs' in FILE, which have\n"
"                        host and vcpus, are to add up to\n"
"      --by WHAT         it is of host or cluster [host]\n"
"      --totals          HOSTS as they add up to it, instead of the VMs\n"
"      --stale-after TIME\n"
"                        without a sample for so long, a VM is stale [1d]\n"
"      --step TIME       the series' step, where its metadata was dropped\n"
"      --at TIME         first moment of the forecast [vmf:end]\n"
"      --tz ZONE         wall clock of --at [UTC]\n"
"      --threads N       work on so many cores [all]\n"
CMD_SHARED_USAGE,
	.max_args = 1,
	.device = cmd_panel_device,
	.trees = vmf_boost_version,
};

static struct {
	const char *from, *horizon, *quantiles, *metric, *unseen;
	const char *reconcile, *by;
	int64_t stale_after_s, step_s, at, threads;
} opt = {
	.horizon = "48",
	.unseen = "cold", .stale_after_s = 86400, .at = VMF_TIME_NONE,
};

static bool refit, explain, totals;

static const struct cmd_opt table[] = {
	{ CMD_FILE, "from", 0, &opt.from, false, 0, 0 },
	{ CMD_STR, "horizon", 0, &opt.horizon, false, 0, 0 },
	{ CMD_STR, "quantiles", 0, &opt.quantiles, false, 0, 0 },
	{ CMD_STR, "metric", 0, &opt.metric, false, 0, 0 },
	{ CMD_STR, "unseen", 0, &opt.unseen, false, 0, 0 },
	{ CMD_FLAG, "refit", 0, &refit, false, 0, 0 },
	{ CMD_FLAG, "explain", 0, &explain, false, 0, 0 },
	{ CMD_FILE, "reconcile", 0, &opt.reconcile, false, 0, 0 },
	{ CMD_STR, "by", 0, &opt.by, false, 0, 0 },
	{ CMD_FLAG, "totals", 0, &totals, false, 0, 0 },
	{ CMD_DURATION, "stale-after", 0, &opt.stale_after_s, false, 0, 0 },
	{ CMD_DURATION, "step", 0, &opt.step_s, false, 0, 0 },
	{ CMD_TIME, "at", 0, &opt.at, false, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_INT, "threads", 0, &opt.threads, true, 1, 1024 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

/* Options that can be read without the input. */
static int
parse_options(struct vmf_predict *p, struct vmf_err *e)
{
	const char *name;
	int rc;

	if (opt.from == NULL)
		return vmf_fail(e, VMF_EUSAGE, "expected --from MODEL");
	if (explain && (name = cmd_given_but(&c, table,
	    "from explain threads")) != NULL)
		return vmf_fail(e, VMF_EUSAGE, "--%s is about forecasts, and "
		    "--explain tells what the model knows", name);
	if (explain && c.n_args > 0)
		return vmf_fail(e, VMF_EUSAGE, "--explain tells what the "
		    "model knows; leave out %s", c.arg[0]);
	c.always_reads = !explain;
	if ((rc = cmd_check_stdin(&c, table, e)) != 0)
		return rc;
	p->refit = refit;
	p->skip_unseen = strcmp(opt.unseen, "skip") == 0;
	if (!p->skip_unseen && strcmp(opt.unseen, "cold") != 0)
		return vmf_fail(e, VMF_EUSAGE, "--unseen: found '%.64s', "
		    "expected cold or skip", opt.unseen);
	p->stale_after_s = opt.stale_after_s;
	if ((rc = cmd_horizon(opt.horizon, 0, &p->horizon, e)) != 0)
		return rc;
	if (opt.metric != NULL && (rc = vmf_words_parse(&p->metrics,
	    opt.metric, "--metric", VMF_EUSAGE, e)) != 0)
		return rc;
	return vmf_quantiles_parse(&p->levels, opt.quantiles == NULL ?
	    "0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9" : opt.quantiles,
	    "--quantiles", e);
}

/* Options that a model of downtimes has no use for. */
static int
check_moves(struct vmf_err *e)
{
	const char *name = cmd_given_but(&c, table,
	    "from quantiles metric threads");

	return name == NULL ? 0 : vmf_fail(e, VMF_EUSAGE, "--%s is about "
	    "forecasts, and %s is a model of downtimes", name, opt.from);
}

static int
reconcile(struct vmf_err *e)
{
	const struct predict_sums o = { .totals = opt.reconcile,
	    .path = c.n_args > 0 ? c.arg[0] : NULL, .by = opt.by,
	    .metric = opt.metric, .step_s = opt.step_s,
	    .put_totals = totals };
	const char *name = cmd_given_but(&c, table,
	    "reconcile by totals metric step threads");
	int rc;

	if (name != NULL)
		return vmf_fail(e, VMF_EUSAGE, "--reconcile takes forecasts "
		    "as they are; leave out --%s", name);
	c.always_reads = true;
	rc = cmd_check_stdin(&c, table, e);
	return rc != 0 ? rc : predict_sums(&c, &o, e);
}

/* What the model knows instead of what it forecasts. */
static int
explain_all(struct vmf_model *m, struct vmf_batch *batch,
    struct vmf_writer *w, struct vmf_err *e)
{
	struct vmf_part part;
	int got, rc;

	while ((got = vmf_model_peek(m, &part, e)) > 0) {
		if ((rc = vmf_explain_put(batch, m, &part, e)) != 0)
			return rc;
		vmf_model_skip(m);
		if (vmf_batch_bytes(batch) < VMF_BATCH_BYTES)
			continue;
		if ((rc = vmf_writer_put(w, batch, e)) != 0)
			return rc;
		vmf_batch_clear(batch);
	}
	return got < 0 ? got : vmf_writer_put(w, batch, e);
}

static int
predict_all(struct vmf_predict *p, struct vmf_batch *batch,
    struct vmf_writer *w, struct vmf_err *e)
{
	int got, rc;

	while ((got = vmf_series_next(p->series, e)) > 0) {
		for (int64_t i = 0, n; i < p->series->b->n; i += n) {
			if ((n = vmf_predict_rows(p, i, batch, e)) < 0)
				return (int)n;
			if (vmf_batch_bytes(batch) < VMF_BATCH_BYTES)
				continue;
			if ((rc = vmf_writer_put(w, batch, e)) != 0)
				return rc;
			vmf_batch_clear(batch);
			cmd_progress(&c, "%" PRId64 " forecasts", p->n_rows);
		}
	}
	if (got < 0)
		return got;
	if ((rc = vmf_predict_end(p, e)) != 0)
		return rc;
	return vmf_writer_put(w, batch, e);
}

int
main(int argc, char *argv[])
{
	struct vmf_series series = { 0 };
	struct vmf_model model = { 0 };
	struct vmf_schema schema = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_reader *in = NULL, *from = NULL;
	struct vmf_batch batch = { 0 };
	struct vmf_err err = { "" };
	struct vmf_predict p = { .series = &series, .model = &model };
	int rc, ret = CMD_FAIL;

	cmd_parse(&c, table, argc, argv);
	if (opt.reconcile != NULL) {
		ret = (rc = reconcile(&err)) == 0 ? CMD_OK : CMD_FAIL;
		goto done;
	}
	if (totals || opt.by != NULL)
		return cmd_usage(&c, "--%s is about --reconcile HOSTS",
		    totals ? "totals" : "by");
	if ((rc = parse_options(&p, &err)) != 0 ||
	    (rc = cmd_open_in(&c, opt.from, &from, &err)) != 0)
		goto done;
	if (vmf_downtime_is(vmf_reader_schema(from))) {
		if ((rc = check_moves(&err)) == 0)
			rc = predict_moves(&c, from, c.n_args > 0 ? c.arg[0] :
			    NULL, opt.quantiles, opt.metric, &err);
		ret = rc == 0 ? CMD_OK : CMD_FAIL;
		goto done;
	}
	if ((rc = vmf_model_open(&model, from, &err)) != 0)
		goto done;
	if (explain) {
		if ((rc = vmf_explain_schema(&schema, &model, &err)) == 0 &&
		    (rc = cmd_open_out(&c, &out, &schema, &err)) == 0 &&
		    (rc = vmf_batch_init(&batch, &schema, &err)) == 0 &&
		    (rc = explain_all(&model, &batch, out.w, &err)) == 0 &&
		    (rc = cmd_finish_out(&out, &err)) == 0)
			ret = CMD_OK;
		goto done;
	}
	series.wall = &model.wall;
	if ((rc = cmd_open_in(&c, c.n_args > 0 ? c.arg[0] : NULL, &in,
	    &err)) != 0 ||
	    (rc = vmf_series_open(&series, in, "series", opt.step_s, opt.at,
	    &err)) != 0 ||
	    (rc = vmf_grid_need_end(&series.grid, vmf_reader_name(in),
	    &err)) != 0 ||
	    (rc = cmd_horizon(opt.horizon, series.grid.step_s, &p.horizon,
	    &err)) != 0 ||
	    (rc = cmd_panel(&c, &p.many.how, opt.threads, vmf_algo_on(
	    model.algo_of, model.algos.n) & ~(unsigned)VMF_ON_TREES,
	    &err)) != 0 ||
	    (rc = vmf_predict_open(&p, &schema, &err)) != 0 ||
	    (rc = cmd_open_out(&c, &out, &schema, &err)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, &err)) != 0 ||
	    (rc = predict_all(&p, &batch, out.w, &err)) != 0 ||
	    (rc = cmd_finish_out(&out, &err)) != 0)
		goto done;
	predict_note(&c, &p, opt.from);
	cmd_panel_note(&c, &p.many.how);
	ret = CMD_OK;
done:
	if (ret != CMD_OK)
		ret = cmd_error(&c, rc, &err);
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	cmd_panel_free(&p.many.how);
	vmf_predict_free(&p);
	vmf_series_free(&series);
	vmf_model_free(&model);
	vmf_reader_free(in);
	vmf_reader_free(from);
	cmd_free(&c);
	return ret;
}
