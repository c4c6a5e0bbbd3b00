/* SPDX-License-Identifier: MIT */
/*
 * vmf-window - plan each VM's move into its window of least load.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "cmd.h"
#include "forecast/quantile.h"
#include "plan/plan.h"
#include "series/series.h"

static struct cmd c = {
	.name = "vmf-window",
	.usage =
"usage: vmf-window [options] --length TIME [FILE]\n"
"Find the window of least load of each forecast in FILE or standard input.\n"
"\n"
"      --length TIME     how long a window is\n"
"      --metric NAME     whose load [cpu_mean]\n"
"      --risk Q          by the mean of the steps' quantile Q\n"
"      --max-load X      no window with more load (at --risk) than X\n"
"      --slot TIME       windows begin on multiples of it [the step or 5m,\n"
"                        the smaller]\n"
"      --top K           the K best windows of each VM [1]\n"
"      --no-overlap      the K best that do not overlap\n"
"      --not-before TIME no window begins earlier\n"
"      --not-after TIME  no window ends later\n"
"      --blackout WHEN   nor overlaps this: 'Mon-Fri 09:00-18:00', 'Sat,Sun',\n"
"                        '22:00-04:00'; may be given again\n"
"      --tz ZONE         wall clock of --blackout and --not-... [UTC]\n"
"      --step TIME       the forecast's step, where its metadata was dropped\n"
CMD_SHARED_USAGE,
	.max_args = 1,
};

static struct {
	const char *metric, *risk;
	int64_t step_s;
	struct cmd_strs blackout;
} opt = {
	.metric = "cpu_mean",
};
static struct vmf_window_opts win = {
	.not_before = VMF_TIME_NONE, .not_after = VMF_TIME_NONE, .top = 1,
	.max_load = NAN,
};

static const struct cmd_opt table[] = {
	{ CMD_DURATION, "length", 0, &win.length_s, false, 0, 0 },
	{ CMD_STR, "metric", 0, &opt.metric, false, 0, 0 },
	{ CMD_STR, "risk", 0, &opt.risk, false, 0, 0 },
	{ CMD_NUM, "max-load", 0, &win.max_load, false, 0, 0 },
	{ CMD_DURATION, "slot", 0, &win.slot_s, false, 0, 0 },
	{ CMD_INT, "top", 0, &win.top, false, 1, 100000 },
	{ CMD_FLAG, "no-overlap", 0, &win.apart, false, 0, 0 },
	{ CMD_TIME, "not-before", 0, &win.not_before, false, 0, 0 },
	{ CMD_TIME, "not-after", 0, &win.not_after, false, 0, 0 },
	{ CMD_STRS, "blackout", 0, &opt.blackout, false, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_DURATION, "step", 0, &opt.step_s, false, 0, 0 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

/* A bound far out of all forecasts would overflow when rounded to slots. */
static int
check_bound(const char *name, int64_t t, struct vmf_err *e)
{
	if (t != VMF_TIME_NONE && (t < VMF_TIME_LO || t > VMF_TIME_HI))
		return vmf_fail(e, VMF_EUSAGE, "%s is %" PRId64 " s since "
		    "1970, expected a time in the years 1 to 9999", name, t);
	return 0;
}

/* Options that can be read without the input.  The blackouts are the
 * caller's to free. */
static int
parse_options(struct vmf_plan *p, struct vmf_blackout **blackout,
    struct vmf_err *e)
{
	struct vmf_quantiles risk;
	int rc;

	if (win.length_s == 0)
		return vmf_fail(e, VMF_EUSAGE, "expected --length TIME");
	if ((rc = check_bound("--not-before", win.not_before, e)) != 0 ||
	    (rc = check_bound("--not-after", win.not_after, e)) != 0)
		return rc;
	if (win.not_before != VMF_TIME_NONE &&
	    win.not_after != VMF_TIME_NONE &&
	    win.not_before >= win.not_after)
		return vmf_fail(e, VMF_EUSAGE, "--not-before is not earlier "
		    "than --not-after: expected room for a window between "
		    "them");
	if (opt.risk != NULL) {
		if ((rc = vmf_quantiles_parse(&risk, opt.risk, "--risk",
		    e)) != 0)
			return rc;
		if (risk.n != 1)
			return vmf_fail(e, VMF_EUSAGE, "--risk: '%.64s', "
			    "expected one quantile", opt.risk);
		p->risk_ppm = risk.ppm[0];
	}
	*blackout = vmf_calloc(opt.blackout.n, (int64_t)sizeof(**blackout),
	    e);
	if (*blackout == NULL)
		return VMF_ENOMEM;
	for (int k = 0; k < opt.blackout.n; k++)
		if ((rc = vmf_blackout_parse(&(*blackout)[k],
		    opt.blackout.v[k], e)) != 0)
			return rc;
	win.blackout = *blackout;
	win.n_blackouts = opt.blackout.n;
	p->metric = opt.metric;
	p->opts = win;
	return 0;
}

static int
plan_all(struct vmf_plan *p, struct vmf_batch *batch, struct vmf_writer *w,
    struct vmf_err *e)
{
	int got, rc;

	while ((got = vmf_series_next(p->forecast, e)) > 0) {
		for (int64_t i = 0; i < p->forecast->b->n; i++) {
			if ((rc = vmf_plan_row(p, i, batch, e)) != 0)
				return rc;
			if (vmf_batch_bytes(batch) < VMF_BATCH_BYTES)
				continue;
			if ((rc = vmf_writer_put(w, batch, e)) != 0)
				return rc;
			vmf_batch_clear(batch);
			cmd_progress(&c, "%" PRId64 " VMs", p->n_rows);
		}
	}
	return got < 0 ? got : vmf_writer_put(w, batch, e);
}

static void
note(const struct vmf_plan *p)
{
	char text[256] = "";
	int used = 0;

	for (int k = 0; k < VMF_N_PLAN_STATUS; k++)
		if (p->n_status[k] > 0)
			used += snprintf(text + used,
			    sizeof(text) - (size_t)used, ", %" PRId64 " %s",
			    p->n_status[k],
			    vmf_plan_status_name((enum vmf_plan_status)k));
	cmd_note(&c, "%" PRId64 " forecasts%s", p->n_rows, text);
}

int
main(int argc, char *argv[])
{
	struct vmf_series forecast = { 0 };
	struct vmf_schema schema = { 0 };
	struct vmf_blackout *blackout = NULL;
	struct cmd_output out = { 0 };
	struct vmf_reader *in = NULL;
	struct vmf_batch batch = { 0 };
	struct vmf_err err = { "" };
	struct vmf_plan p = { .forecast = &forecast };
	int rc, ret = CMD_FAIL;

	cmd_parse(&c, table, argc, argv);
	if ((rc = parse_options(&p, &blackout, &err)) != 0 ||
	    (rc = cmd_open_in(&c, c.n_args > 0 ? c.arg[0] : NULL, &in,
	    &err)) != 0 ||
	    (rc = vmf_series_open(&forecast, in, "forecast", opt.step_s,
	    VMF_TIME_NONE, &err)) != 0 ||
	    (rc = vmf_plan_open(&p, &schema, &err)) != 0 ||
	    (rc = cmd_open_out(&c, &out, &schema, &err)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, &err)) != 0 ||
	    (rc = plan_all(&p, &batch, out.w, &err)) != 0 ||
	    (rc = cmd_finish_out(&out, &err)) != 0)
		goto done;
	note(&p);
	ret = CMD_OK;
done:
	if (ret != CMD_OK)
		ret = cmd_error(&c, rc, &err);
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	vmf_plan_free(&p);
	vmf_series_free(&forecast);
	vmf_reader_free(in);
	free(blackout);
	free(opt.blackout.v);
	cmd_free(&c);
	return ret;
}
