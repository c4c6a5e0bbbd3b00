/* SPDX-License-Identifier: MIT */
/*
 * vmf-eval - how good are forecasts?
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cmd.h"
#include "eval_moves.h"
#include "eval_note.h"
#include "eval_plan.h"
#include "eval/eval.h"
#include "horizon.h"
#include "learn/boost.h"
#include "panel.h"
#include "twice.h"

static struct cmd c = {
	.name = "vmf-eval",
	.usage =
"usage: vmf-eval [options] [FILE ...]\n"
"Score models on the series in FILE or standard input, or a forecast on what\n"
"became of it.\n"
"\n"
"      --model NAME,...  algorithms [auto]; or downtime, of migrations\n"
"      --forecast FILE   score this forecast stream instead\n"
"      --plan FILE       and the windows that were planned by it\n"
"      --max-load X      count planned windows with more true load than X\n"
"      --hosts FILE      hosts as CSV: host, cpus\n"
"      --max-host-load X and hosts that take VMs and have more than X % then\n"
"      --metric NAME,... lists to score, pooled [cpu_mean]\n"
"      --target 'METRIC>X@A-B'\n"
"                        and the probability that METRIC is above X in one of\n"
"                        the steps A to B [1-48]\n"
"      --without PART,...\n"
"                        leave parts out of auto or kq\n"
"      --horizon N       steps, or a span of time with its unit: 48, 2d [48]\n"
"      --origins N       windows, end to end [a tenth of the grid, <= 20]\n"
"      --protocol gift   the windows of GIFT-Eval: horizons 48, 480, 720\n"
"      --refit-at origin|never\n"
"                        learn anew at every origin, or at the first only\n"
"                        [origin]\n"
"      --by-vm           a row for each model and VM\n"
"      --season TIME     after which loads repeat [1d]\n"
"      --season-tz ZONE  days and weeks are those of this wall clock [UTC]\n"
"      --length TIME     of the window that regret is about [30m]\n"
"      --hold-out WHAT   of migrations: config, workload or file [config]\n"
"      --folds N         so many of them [5]\n"
"      --step TIME       the series' step, where its metadata was dropped\n"
"      --at TIME         end of what is scored [vmf:end]\n"
"      --tz ZONE         wall clock of --at [UTC]\n"
"      --memory SIZE     for what is learned of the whole fleet [256M]\n"
"      --threads N       work on so many cores [all]\n"
CMD_SHARED_USAGE,
	.max_args = -1, .always_reads = true,
	.device = cmd_panel_device,
	.trees = vmf_boost_version,
};

static struct {
	const char *model, *forecast, *metric, *horizon;
	const char *protocol, *refit, *target, *hold_out, *without, *season_tz;
	int64_t folds, origins, season_s, length_s, step_s, at, threads;
	bool by_vm;
} opt = {
	.refit = "origin", .season_s = 86400,
	.length_s = 1800, .at = VMF_TIME_NONE,
};
static struct eval_replay replay = { .max_load = NAN, .max_host_load = NAN };

static const struct cmd_opt table[] = {
	{ CMD_STR, "model", 0, &opt.model, false, 0, 0 },
	{ CMD_FILE, "forecast", 0, &opt.forecast, false, 0, 0 },
	{ CMD_FILE, "plan", 0, &replay.path, false, 0, 0 },
	{ CMD_NUM, "max-load", 0, &replay.max_load, false, 0, 0 },
	{ CMD_FILE, "hosts", 0, &replay.hosts_path, false, 0, 0 },
	{ CMD_NUM, "max-host-load", 0, &replay.max_host_load, false, 0, 0 },
	{ CMD_STR, "metric", 0, &opt.metric, false, 0, 0 },
	{ CMD_STR, "target", 0, &opt.target, false, 0, 0 },
	{ CMD_STR, "without", 0, &opt.without, false, 0, 0 },
	{ CMD_STR, "horizon", 0, &opt.horizon, false, 0, 0 },
	{ CMD_INT, "origins", 0, &opt.origins, false, 1, 1000000 },
	{ CMD_STR, "protocol", 0, &opt.protocol, false, 0, 0 },
	{ CMD_STR, "refit-at", 0, &opt.refit, false, 0, 0 },
	{ CMD_FLAG, "by-vm", 0, &opt.by_vm, false, 0, 0 },
	{ CMD_DURATION, "season", 0, &opt.season_s, false, 0, 0 },
	{ CMD_STR, "season-tz", 0, &opt.season_tz, false, 0, 0 },
	{ CMD_DURATION, "length", 0, &opt.length_s, false, 0, 0 },
	{ CMD_STR, "hold-out", 0, &opt.hold_out, false, 0, 0 },
	{ CMD_INT, "folds", 0, &opt.folds, false, 2, 100 },
	{ CMD_DURATION, "step", 0, &opt.step_s, false, 0, 0 },
	{ CMD_TIME, "at", 0, &opt.at, false, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_SIZE, "memory", 0, &c.memory, false, 0, 0 },
	{ CMD_INT, "threads", 0, &opt.threads, true, 1, 1024 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

/* Options that are for the one or the other way to score. */
static int
check_options(struct vmf_eval *ev, struct vmf_err *e)
{
	bool gift = opt.protocol != NULL;
	const char *name;
	int rc;

	ev->season_s = opt.season_s;
	ev->length_s = opt.length_s;
	ev->origins = opt.origins;
	ev->by_vm = opt.by_vm;
	ev->without = opt.without;
	ev->refit_never = strcmp(opt.refit, "never") == 0;
	if (!ev->refit_never && strcmp(opt.refit, "origin") != 0)
		return vmf_fail(e, VMF_EUSAGE, "--refit-at: found '%.64s', "
		    "expected never or origin", opt.refit);
	if (gift && strcmp(opt.protocol, "gift") != 0)
		return vmf_fail(e, VMF_EUSAGE, "--protocol: found '%.64s', "
		    "expected gift", opt.protocol);
	if (gift && opt.origins > 0)
		return vmf_fail(e, VMF_EUSAGE, "--protocol gift has its own "
		    "number of windows; leave out --origins");
	if ((rc = vmf_targets_parse(&ev->targets, opt.target, "--target",
	    VMF_EUSAGE, e)) != 0)
		return rc;
	if (opt.metric == NULL)
		opt.metric = ev->targets.n > 0 ? ev->targets.v[0].metric :
		    "cpu_mean";
	if ((rc = vmf_words_parse(&ev->metrics, opt.metric, "--metric",
	    VMF_EUSAGE, e)) != 0)
		return rc;
	if (opt.forecast != NULL && (name = cmd_given_of(&c, table,
	    "without")) != NULL)
		return vmf_fail(e, VMF_EUSAGE, "--%s needs --model, not "
		    "--forecast", name);
	if (opt.forecast == NULL && replay.path != NULL)
		return vmf_fail(e, VMF_EUSAGE, "--plan needs --forecast, "
		    "what it was made from");
	if (replay.path == NULL && (name = cmd_given_of(&c, table,
	    "max-load hosts max-host-load")) != NULL)
		return vmf_fail(e, VMF_EUSAGE, "--%s needs --plan", name);
	if ((replay.hosts_path == NULL) != isnan(replay.max_host_load))
		return vmf_fail(e, VMF_EUSAGE, "--hosts and --max-host-load "
		    "need each other");
	if (opt.forecast == NULL)
		return vmf_eval_add_models(ev, opt.model == NULL ? "auto" :
		    opt.model, e);
	if ((name = cmd_given_of(&c, table, "model origins protocol horizon "
	    "refit-at at season-tz")) != NULL)
		return vmf_fail(e, VMF_EUSAGE, "--%s and --forecast: the "
		    "forecast has its own", name);
	return 0;
}

static int
read_horizon(int64_t step_s, int64_t *steps, struct vmf_err *e)
{
	int rc = cmd_horizon(opt.horizon == NULL ? "48" : opt.horizon, step_s,
	    steps, e);

	if (rc == 0 && opt.protocol != NULL && *steps != 48 &&
	    *steps != 480 && *steps != 720)
		return vmf_fail(e, VMF_EUSAGE, "--horizon is %" PRId64
		    " steps, expected 48, 480 or 720 with --protocol gift",
		    *steps);
	return rc;
}

static int
open_given(struct vmf_eval *ev, struct vmf_series *given,
    struct vmf_reader **r, struct vmf_err *e)
{
	int rc;

	if ((rc = cmd_open_in(&c, opt.forecast, r, e)) != 0 ||
	    (rc = vmf_series_open(given, *r, "forecast", opt.step_s,
	    VMF_TIME_NONE, e)) != 0)
		return rc;
	ev->given = given;
	return eval_replay_open(&c, &replay, ev, e);
}

static int
eval_all(struct vmf_eval *ev, struct vmf_batch *out, struct vmf_writer *w,
    struct vmf_err *e)
{
	int got, rc;

	while ((got = vmf_series_next(ev->series, e)) > 0) {
		if ((rc = ev->given != NULL ? vmf_eval_given(ev, out, e) :
		    vmf_eval_batch(ev, out, e)) != 0)
			return rc;
		if (vmf_batch_bytes(out) >= VMF_BATCH_BYTES) {
			if ((rc = vmf_writer_put(w, out, e)) != 0)
				return rc;
			vmf_batch_clear(out);
		}
		cmd_progress(&c, "%" PRId64 " VMs", ev->n_vms);
	}
	if (got < 0)
		return got;
	if ((rc = vmf_eval_finish(ev, out, e)) != 0)
		return rc;
	return vmf_writer_put(w, out, e);
}

/* What is learned of the whole fleet, in a pass before the others. */
static int
learn_fleet(struct vmf_eval *ev, const struct cmd_twice *twice,
    struct vmf_reader **r, struct vmf_err *e)
{
	int rc;

	if (!vmf_eval_learns(ev))
		return 0;
	cmd_fleet(&c, &ev->globals);
	if ((rc = vmf_eval_learn(ev, e)) != 0)
		return rc;
	return cmd_rewind(&c, twice, r, ev->series, opt.step_s, opt.at, e);
}

int
main(int argc, char *argv[])
{
	struct vmf_series series = { 0 }, given = { 0 };
	struct vmf_schema schema = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_reader *in = NULL, *fc = NULL;
	struct vmf_batch batch = { 0 };
	struct vmf_err err = { "" };
	struct vmf_eval ev = { .series = &series };
	struct cmd_twice twice = { 0 };
	struct vmf_wall wall = { 0 };
	int rc, ret = CMD_FAIL;

	cmd_parse(&c, table, argc, argv);
	if (opt.model != NULL && strcmp(opt.model, "downtime") == 0) {
		if (cmd_given_but(&c, table, "model hold-out folds threads") !=
		    NULL)
			return cmd_usage(&c, EVAL_MOVES_ONLY);
		rc = eval_moves(&c, opt.hold_out, opt.folds, opt.threads,
		    &err);
		ret = rc == 0 ? CMD_OK : CMD_FAIL;
		goto done;
	}
	if (opt.hold_out != NULL || opt.folds > 0)
		return cmd_usage(&c, "--%s is about migrations: it needs "
		    "--model downtime", opt.hold_out != NULL ? "hold-out" :
		    "folds");
	if (c.n_args > 1)
		return cmd_usage(&c, "unexpected operand '%.200s'", c.arg[1]);
	if ((rc = check_options(&ev, &err)) != 0 ||
	    (rc = cmd_panel(&c, &ev.many.how, opt.threads,
	    vmf_eval_on(&ev), &err)) != 0 ||
	    (rc = cmd_open_twice(&c, c.n_args > 0 ? c.arg[0] : NULL,
	    vmf_eval_learns(&ev), &twice, &in, &err)) != 0 ||
	    (rc = vmf_series_open(&series, in, "series", opt.step_s, opt.at,
	    &err)) != 0 || (rc = vmf_series_on_clock(&series, &wall,
	    opt.season_tz, &err)) != 0)
		goto done;
	if (opt.forecast != NULL) {
		rc = open_given(&ev, &given, &fc, &err);
	} else if ((rc = vmf_grid_need_end(&series.grid, vmf_reader_name(in),
	    &err)) == 0) {
		rc = read_horizon(series.grid.step_s, &ev.horizon, &err);
	}
	if (rc != 0 || (rc = vmf_eval_open(&ev, &schema, &err)) != 0 ||
	    (rc = cmd_open_out(&c, &out, &schema, &err)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, &err)) != 0 ||
	    (rc = learn_fleet(&ev, &twice, &in, &err)) != 0 ||
	    (rc = eval_all(&ev, &batch, out.w, &err)) != 0 ||
	    (rc = eval_check(&ev, opt.forecast, &err)) != 0 ||
	    (rc = cmd_finish_out(&out, &err)) != 0)
		goto done;
	eval_note(&c, &ev, opt.forecast);
	cmd_panel_note(&c, &ev.many.how);
	ret = CMD_OK;
done:
	if (ret != CMD_OK)
		ret = cmd_error(&c, rc, &err);
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	cmd_panel_free(&ev.many.how);
	cmd_free_twice(&twice);
	vmf_eval_free(&ev);
	eval_replay_free(&replay);
	vmf_series_free(&given);
	vmf_series_free(&series);
	vmf_wall_free(&wall);
	vmf_reader_free(fc);
	vmf_reader_free(in);
	cmd_free(&c);
	return ret;
}
