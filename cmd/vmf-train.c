/* SPDX-License-Identifier: MIT */
/*
 * vmf-train - learn a model of each series.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cmd.h"
#include "forecast/forecast.h"
#include "forecast/global.h"
#include "forecast/train.h"
#include "learn/boost.h"
#include "panel.h"
#include "series/series.h"
#include "train_budget.h"
#include "train_moves.h"
#include "twice.h"

static struct cmd c = {
	.name = "vmf-train",
	.usage =
"usage: vmf-train [options] [FILE]\n"
"Learn a model of each series in FILE or standard input.\n"
"\n"
"      --model NAME,...  snaive, theta, ets, arima, kq, xgboost, lstm or\n"
"                        auto [auto]; or downtime alone: FILE is of\n"
"                        migrations\n"
"      --metric NAME,... lists to learn [cpu_mean]\n"
"      --target 'METRIC>X@A-B',...\n"
"                        the probability that METRIC is above X in one of the\n"
"                        steps A to B [1-48] of a forecast\n"
"      --without PART,...\n"
"                        leave parts out of auto or kq\n"
"      --budget MS       CPU milliseconds a series: of auto leave out what is\n"
"                        worth least, until it takes no more\n"
"      --season TIME     after which loads repeat [1d]\n"
"      --season-tz ZONE  days and weeks are those of this wall clock [UTC]\n"
"      --update MODEL    go on from this model, of an earlier end; what is\n"
"                        learned, and of what, is as there\n"
"      --stale-after TIME\n"
"                        without a sample for so long, a VM is stale [1d]\n"
"      --step TIME       the series' step, where its metadata was dropped\n"
"      --at TIME         learn what is before TIME only [vmf:end]\n"
"      --tz ZONE         wall clock of --at [UTC]\n"
"      --memory SIZE     for what is learned of the whole fleet [256M]\n"
"      --epochs N        of lstm: rounds of its training, at most [30]\n"
"      --hidden N        of lstm: units of its state [64]\n"
"      --seed N          of lstm: other draws, other weights [0]\n"
"      --checkpoint FILE of lstm: where a run that was killed goes on\n"
"      --threads N       work on so many cores [all]\n"
CMD_SHARED_USAGE,
	.max_args = 1, .always_reads = true,
	.device = cmd_panel_device,
	.trees = vmf_boost_version,
};

static struct {
	const char *model, *metric, *target, *update, *without, *season_tz;
	int64_t season_s, stale_after_s, step_s, at, threads;
	double budget;
} opt = { .stale_after_s = 86400, .at = VMF_TIME_NONE, .budget = INFINITY };
static struct vmf_globals globals;
static struct vmf_buf words;
static struct vmf_wall wall;

static const struct cmd_opt table[] = {
	{ CMD_STR, "model", 0, &opt.model, false, 0, 0 },
	{ CMD_STR, "metric", 0, &opt.metric, false, 0, 0 },
	{ CMD_STR, "target", 0, &opt.target, false, 0, 0 },
	{ CMD_STR, "without", 0, &opt.without, false, 0, 0 },
	{ CMD_NUM, "budget", 0, &opt.budget, false, 0, 0 },
	{ CMD_DURATION, "season", 0, &opt.season_s, false, 0, 0 },
	{ CMD_STR, "season-tz", 0, &opt.season_tz, false, 0, 0 },
	{ CMD_PRIOR, "update", 0, &opt.update, false, 0, 0 },
	{ CMD_DURATION, "stale-after", 0, &opt.stale_after_s, false, 0, 0 },
	{ CMD_DURATION, "step", 0, &opt.step_s, false, 0, 0 },
	{ CMD_TIME, "at", 0, &opt.at, false, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_SIZE, "memory", 0, &c.memory, false, 0, 0 },
	{ CMD_INT, "epochs", 0, &globals.epochs, false, 1, 100000 },
	{ CMD_INT, "hidden", 0, &globals.hidden, false, 1, 1024 },
	{ CMD_INT, "seed", 0, &globals.seed, false, 0, INT64_MAX },
	{ CMD_FILE, "checkpoint", 0, &globals.checkpoint, true, 0, 0 },
	{ CMD_INT, "threads", 0, &opt.threads, true, 1, 1024 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

/* What the options name, against what there is. */
static int
prepare(struct vmf_train *t, struct vmf_series *s, struct vmf_err *e)
{
	int rc = vmf_grid_need_end(&s->grid, vmf_reader_name(s->r), e);

	if (rc != 0 || (t->update != NULL &&
	    (rc = vmf_train_grids(s, t->update, e)) != 0) ||
	    (rc = vmf_series_on_clock(s, &wall, opt.season_tz, e)) != 0)
		return rc;
	if (opt.season_s % s->grid.step_s != 0)
		return vmf_fail(e, VMF_EUSAGE, "--season is %" PRId64
		    " s, expected a multiple of the step, %" PRId64 " s",
		    opt.season_s, s->grid.step_s);
	for (int k = 0; k < t->metrics.n; k++)
		if ((t->list[k] = vmf_series_metric(s, t->metrics.v[k],
		    e)) < 0)
			return t->list[k];
	t->opts = (struct vmf_forecast_opts){
		.step_s = s->grid.step_s,
		.start = vmf_wall_of(s->wall, s->grid.end),
		.season = opt.season_s / s->grid.step_s,
		.stale_after_s = opt.stale_after_s,
	};
	t->end = s->grid.end;
	return 0;
}

/* What is learned, and of what: as the options say, or as in the model to
 * go on from. */
static int
parse_words(struct vmf_train *t, struct vmf_targets *targets,
    struct vmf_buf *metrics, struct vmf_model *m, struct vmf_reader **r,
    struct vmf_err *e)
{
	const struct vmf_meta *meta;
	const char *name;
	int rc;

	if (opt.update != NULL) {
		if ((name = cmd_given_of(&c, table, "model metric target "
		    "without season season-tz budget")) != NULL)
			return vmf_fail(e, VMF_EUSAGE, "--%s and --update: "
			    "the model has its own", name);
		if ((rc = cmd_open_in(&c, opt.update, r, e)) != 0 ||
		    (rc = vmf_model_open(m, *r, e)) != 0)
			return rc;
		meta = &vmf_reader_schema(*r)->meta;
		opt.model = vmf_meta_get(meta, "vmf:model");
		opt.metric = vmf_meta_get(meta, "vmf:metric");
		opt.target = vmf_meta_get(meta, "vmf:target");
		opt.without = vmf_meta_get(meta, "vmf:without");
		opt.season_tz = vmf_meta_get(meta, "vmf:season-tz");
		opt.season_s = m->season_s;
		t->update = m;
	}
	if (opt.model == NULL)
		opt.model = "auto";
	if (opt.metric == NULL)
		opt.metric = "cpu_mean";
	if (opt.season_s == 0)
		opt.season_s = 86400;
	if ((rc = vmf_targets_parse(targets, opt.target, "--target",
	    VMF_EUSAGE, e)) != 0 ||
	    (rc = vmf_targets_metrics(targets, opt.metric, metrics,
	    e)) != 0)
		return rc;
	opt.metric = (const char *)metrics->p;
	if ((rc = vmf_words_parse(&t->metrics, opt.metric, "--metric",
	    VMF_EUSAGE, e)) != 0)
		return rc;
	if ((rc = vmf_train_algos(t, opt.model, opt.without, e)) != 0)
		return rc;
	for (int k = 0; k < t->models.n; k++)
		if (strcmp(t->models.v[k], "lstm") == 0)
			return 0;
	name = cmd_given_of(&c, table, "epochs hidden seed checkpoint");
	return name == NULL ? 0 : vmf_fail(e, VMF_EUSAGE, "--%s is about "
	    "lstm, and --model is %s", name, opt.model);
}

/* What --budget leaves out, by a pass of its own. */
static int
spare(struct vmf_train *t, const struct cmd_twice *twice,
    struct vmf_reader **r, struct vmf_series *s, struct vmf_err *e)
{
	int rc;

	if (!(opt.budget < INFINITY))
		return 0;
	if ((rc = train_budget(&c, opt.budget, t, s, &opt.without, &words,
	    e)) != 0)
		return rc;
	memcpy(globals.algo, t->algo, sizeof(t->algo));
	return cmd_rewind(&c, twice, r, s, opt.step_s, opt.at, e);
}

/* What is learned from the whole fleet, in a pass before the others. */
static int
learn_fleet(struct vmf_train *t, struct vmf_globals *g,
    const struct cmd_twice *twice, struct vmf_reader **r,
    struct vmf_series *s, struct vmf_batch *batch, struct vmf_err *e)
{
	int rc;

	if (!vmf_globals_any(g))
		return 0;
	g->metrics = &t->metrics;
	g->opts = t->opts;
	g->how = t->many.how;
	cmd_fleet(&c, g);
	if ((rc = vmf_globals_learn(g, s, e)) != 0 ||
	    (rc = vmf_globals_put(g, batch, t->end, e)) != 0)
		return rc;
	return cmd_rewind(&c, twice, r, s, opt.step_s, opt.at, e);
}

int
main(int argc, char *argv[])
{
	struct vmf_series series = { 0 };
	struct vmf_schema schema = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_reader *in = NULL, *old = NULL;
	struct vmf_model model = { 0 };
	struct vmf_batch batch = { 0 };
	struct vmf_err err = { "" };
	struct vmf_train t = { 0 };
	struct vmf_targets targets = { 0 };
	struct vmf_buf metrics = { 0 };
	struct cmd_twice twice = { 0 };
	int rc, ret = CMD_FAIL;

	cmd_parse(&c, table, argc, argv);
	if (opt.model != NULL && strcmp(opt.model, "downtime") == 0) {
		rc = train_moves(&c, c.n_args > 0 ? c.arg[0] : NULL,
		    opt.threads, cmd_given_but(&c, table, "model threads"),
		    &err);
		ret = rc == 0 ? CMD_OK : CMD_FAIL;
		goto done;
	}
	if ((rc = parse_words(&t, &targets, &metrics, &model, &old,
	    &err)) != 0 ||
	    (rc = cmd_panel(&c, &t.many.how, opt.threads, vmf_algo_on(
	    t.algo, t.models.n), &err)) != 0)
		goto done;
	memcpy(globals.algo, t.algo, sizeof(t.algo));
	globals.n_algos = t.models.n;
	globals.target = targets.v;
	globals.n_targets = targets.n;
	if ((rc = cmd_open_twice(&c, c.n_args > 0 ? c.arg[0] : NULL,
	    vmf_globals_any(&globals) || opt.budget < INFINITY, &twice, &in,
	    &err)) != 0 ||
	    (rc = vmf_series_open(&series, in, "series", opt.step_s, opt.at,
	    &err)) != 0 ||
	    (rc = prepare(&t, &series, &err)) != 0 ||
	    (rc = spare(&t, &twice, &in, &series, &err)) != 0 ||
	    (rc = vmf_model_schema(&schema, series.schema, &series.grid,
	    opt.season_s, opt.metric, opt.model, &err)) != 0 ||
	    (rc = vmf_meta_set(&schema.meta, "vmf:target", opt.target,
	    &err)) != 0 ||
	    (rc = vmf_meta_set(&schema.meta, "vmf:without", opt.without,
	    &err)) != 0 ||
	    (rc = vmf_meta_set(&schema.meta, "vmf:season-tz", opt.season_tz,
	    &err)) != 0 ||
	    (rc = cmd_open_out(&c, &out, &schema, &err)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, &err)) != 0)
		goto done;
	if ((rc = learn_fleet(&t, &globals, &twice, &in, &series, &batch,
	    &err)) != 0 ||
	    (rc = train_all(&c, &t, &series, &batch, out.w, &err)) != 0 ||
	    (rc = cmd_finish_out(&out, &err)) != 0)
		goto done;
	train_note(&c, &t, &globals, opt.update);
	cmd_panel_note(&c, &t.many.how);
	ret = CMD_OK;
done:
	if (ret != CMD_OK)
		ret = cmd_error(&c, rc, &err);
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	vmf_series_free(&series);
	vmf_wall_free(&wall);
	vmf_reader_free(in);
	cmd_panel_free(&t.many.how);
	cmd_free_twice(&twice);
	vmf_globals_free(&globals);
	vmf_targets_free(&targets);
	vmf_buf_free(&metrics);
	vmf_buf_free(&words);
	vmf_train_free(&t);
	vmf_model_free(&model);
	vmf_reader_free(old);
	cmd_free(&c);
	return ret;
}
