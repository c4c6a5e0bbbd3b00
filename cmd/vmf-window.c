/* SPDX-License-Identifier: MIT */
/*
 * vmf-window - plan each VM's move into its window of least load, within the
 * limits of the fleet.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "cmd.h"
#include "plan/planner.h"
#include "series/series.h"
#include "window_note.h"
#include "window_opts.h"

static struct cmd c = {
	.name = "vmf-window",
	.usage =
"usage: vmf-window [options] --length TIME [FILE]\n"
"Find the window of least load of each forecast in FILE or standard input;\n"
"with limits, the plan of all moves that costs least.\n"
"\n"
"      --length TIME     how long a window is; auto: as long as the move, by\n"
"                        the p90 of --downtime\n"
"      --downtime MODEL  what moves are like, as vmf-train --model downtime\n"
"                        learned it: it is in the plan, and in its cost\n"
"      --budget-downtime MS\n"
"                        no start with a p90 of downtime above this\n"
"      --cost-downtime X a second of median downtime costs as much as X of\n"
"                        load [1]\n"
"      --cost-length X   and a minute of median length [0.1]\n"
"      --metric NAME     whose load [cpu_mean]\n"
"      --risk Q          by the mean of the steps' quantile Q\n"
"      --max-load X      no window with more load (at --risk) than X\n"
"      --assume-load X   of a VM of whose load nothing is predicted; without,\n"
"                        it has no window\n"
"      --slot TIME       windows begin on multiples of it [the step or 5m,\n"
"                        the smaller]\n"
"      --top K           the K best windows of each VM [1]\n"
"      --no-overlap      the K best that do not overlap\n"
"      --not-before TIME no window begins earlier\n"
"      --not-after TIME  no window ends later\n"
"      --blackout WHEN   nor overlaps this: 'Mon-Fri 09:00-18:00', 'Sat,Sun',\n"
"                        '22:00-04:00'; may be given again\n"
"      --per-host N      moves at once from a host\n"
"      --per-target N    moves at once to a host\n"
"      --per-cluster N   moves at once from and to a cluster\n"
"      --total N         moves at once\n"
"      --hosts FILE      CSV: host, cpus, mem_mb and cluster of each host\n"
"      --max-host-load X no target with more load after the move [--max-load]\n"
"      --max-host-mem X  nor with more percent of its memory taken [100]\n"
"      --inventory FILE  VMs that it lacks and that are stale are gone: they\n"
"                        neither move nor count\n"
"      --place           choose a target for VMs that have none\n"
"      --drain HOST,...  all VMs of these hosts move, no others; may be given\n"
"                        again\n"
"      --replan PLAN     keep to this plan where nothing is gained\n"
"      --hysteresis X    a change must gain more load than this [0]\n"
"      --rounds N        of search for a better plan of a fleet [by its\n"
"                        number of VMs]\n"
"      --searches N      from other random numbers; the best plan is taken\n"
"                        [1; 2 or 4 where few are in each other's way]\n"
"      --threads N       that share these; the plan is the same [cores]\n"
"      --explain ID,...  say on stderr how these VMs got their windows; may\n"
"                        be given again\n"
"      --strict          exit 1 when a VM has no window\n"
"      --tz ZONE         wall clock of --blackout and --not-... [UTC]\n"
"      --step TIME       the forecast's step, where its metadata was dropped\n"
CMD_SHARED_USAGE,
	.max_args = 1, .always_reads = true,
};

static struct window_opts opt = {
	.metric = "cpu_mean",
	.win = { .not_before = VMF_TIME_NONE, .not_after = VMF_TIME_NONE,
	    .top = 1, .max_load = NAN },
	.assume_load = NAN,
	.limits = { .max_host_load = NAN, .max_host_mem = NAN },
	.down = { .budget_ms = NAN, .per_s = NAN, .per_min = NAN },
};

static const struct cmd_opt table[] = {
	{ CMD_STR, "length", 0, &opt.length, false, 0, 0 },
	{ CMD_FILE, "downtime", 0, &opt.downtime, false, 0, 0 },
	{ CMD_NUM, "budget-downtime", 0, &opt.down.budget_ms, false, 0, 0 },
	{ CMD_NUM, "cost-downtime", 0, &opt.down.per_s, false, 0, 0 },
	{ CMD_NUM, "cost-length", 0, &opt.down.per_min, false, 0, 0 },
	{ CMD_STR, "metric", 0, &opt.metric, false, 0, 0 },
	{ CMD_STR, "risk", 0, &opt.risk, false, 0, 0 },
	{ CMD_NUM, "max-load", 0, &opt.win.max_load, false, 0, 0 },
	{ CMD_NUM, "assume-load", 0, &opt.assume_load, false, 0, 0 },
	{ CMD_DURATION, "slot", 0, &opt.win.slot_s, false, 0, 0 },
	{ CMD_INT, "top", 0, &opt.win.top, false, 1, 100000 },
	{ CMD_FLAG, "no-overlap", 0, &opt.win.apart, false, 0, 0 },
	{ CMD_TIME, "not-before", 0, &opt.win.not_before, false, 0, 0 },
	{ CMD_TIME, "not-after", 0, &opt.win.not_after, false, 0, 0 },
	{ CMD_STRS, "blackout", 0, &opt.blackout, false, 0, 0 },
	{ CMD_INT, "per-host", 0, &opt.limits.per_host, false, 1, INT32_MAX },
	{ CMD_INT, "per-target", 0, &opt.limits.per_target, false, 1,
	    INT32_MAX },
	{ CMD_INT, "per-cluster", 0, &opt.limits.per_cluster, false, 1,
	    INT32_MAX },
	{ CMD_INT, "total", 0, &opt.limits.total, false, 1, INT32_MAX },
	{ CMD_FILE, "hosts", 0, &opt.hosts, false, 0, 0 },
	{ CMD_FILE, "inventory", 0, &opt.inventory, false, 0, 0 },
	{ CMD_NUM, "max-host-load", 0, &opt.limits.max_host_load, false, 0,
	    0 },
	{ CMD_NUM, "max-host-mem", 0, &opt.limits.max_host_mem, false, 0, 0 },
	{ CMD_FLAG, "place", 0, &opt.place, false, 0, 0 },
	{ CMD_STRS, "drain", 0, &opt.drain, false, 0, 0 },
	{ CMD_PRIOR, "replan", 0, &opt.replan, false, 0, 0 },
	{ CMD_NUM, "hysteresis", 0, &opt.hysteresis, false, 0, 0 },
	{ CMD_INT, "rounds", 0, &opt.rounds, false, 1, 1000000000000 },
	{ CMD_INT, "searches", 0, &opt.searches, false, 1, 10000 },
	{ CMD_INT, "threads", 0, &opt.threads, true, 1, 256 },
	{ CMD_STRS, "explain", 0, &opt.explain, true, 0, 0 },
	{ CMD_FLAG, "strict", 0, &opt.strict, true, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_DURATION, "step", 0, &opt.step_s, false, 0, 0 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

static int
flush(struct vmf_batch *batch, struct vmf_writer *w, struct vmf_err *e)
{
	int rc = vmf_writer_put(w, batch, e);

	if (rc == 0)
		vmf_batch_clear(batch);
	return rc;
}

/* Each VM for itself: a batch in memory. */
static int
plan_each(struct vmf_plan *p, struct vmf_batch *batch, struct vmf_writer *w,
    struct vmf_err *e)
{
	struct vmf_dict said = { 0 };
	struct vmf_buf text = { 0 };
	int64_t len;
	int got, rc = 0;

	while ((got = vmf_plan_next(p, e)) > 0) {
		for (int64_t i = 0; i < p->forecast->b->n; i++) {
			const char *id = vmf_series_id(p->forecast, i, &len);

			if ((rc = vmf_plan_row(p, i, batch, e)) != 0 ||
			    (window_opts_named(&opt.explain, id, len) &&
			    ((rc = vmf_plan_explain(p, i, &text, e)) != 0 ||
			    (rc = vmf_dict_intern(&said, id, len, e)) < 0)))
				goto done;
			window_say(&text);
			if (vmf_batch_bytes(batch) < VMF_BATCH_BYTES)
				continue;
			if ((rc = flush(batch, w, e)) != 0)
				goto done;
			cmd_progress(&c, "%" PRId64 " VMs", p->n_rows);
		}
	}
	if ((rc = got) == 0 &&
	    (rc = window_opts_all(&opt.explain, &said, e)) == 0)
		rc = vmf_writer_put(w, batch, e);
done:
	vmf_dict_free(&said);
	vmf_buf_free(&text);
	return rc;
}

/* All together: the fleet in memory, an entry a VM. */
static int
plan_fleet(struct vmf_planner *p, struct vmf_batch *batch,
    struct vmf_writer *w, struct vmf_err *e)
{
	struct vmf_series *f = p->plan.forecast;
	int got, rc;

	while ((got = vmf_plan_next(&p->plan, e)) > 0) {
		for (int64_t i = 0; i < f->b->n; i++)
			if ((rc = vmf_planner_row(p, i, e)) != 0)
				return rc;
		cmd_progress(&c, "%" PRId64 " VMs read", p->moves.n);
	}
	if (got < 0)
		return got;
	if ((rc = vmf_planner_solve(p, e)) != 0 ||
	    (rc = window_explain(p, &opt, e)) != 0)
		return rc;
	for (int64_t k = 0; k < p->n_rows; k++) {
		if ((rc = vmf_planner_put(p, k, batch, e)) != 0 ||
		    (vmf_batch_bytes(batch) >= VMF_BATCH_BYTES &&
		    (rc = flush(batch, w, e)) != 0))
			return rc;
	}
	return vmf_writer_put(w, batch, e);
}

static int
open_files(struct vmf_planner *p, struct vmf_inventory *hosts,
    struct vmf_inventory *known, struct vmf_downtime *m, struct vmf_err *e)
{
	struct vmf_reader *r = NULL;
	int rc;

	if (opt.inventory != NULL) {
		if ((rc = vmf_inventory_read(known, opt.inventory, e)) != 0)
			return rc;
		p->plan.known = known;
	}

	if (opt.hosts != NULL) {
		if ((rc = vmf_inventory_read_by(hosts, "host", opt.hosts,
		    e)) != 0)
			return rc;
		p->hosts = hosts;
	}
	if (opt.downtime != NULL) {
		if ((rc = cmd_open_in(&c, opt.downtime, &r, e)) == 0)
			rc = vmf_downtime_read(m, r, e);
		vmf_reader_free(r);
		if (rc != 0)
			return rc;
		opt.down.m = m;
		opt.down.metric = opt.metric;
		p->down = &opt.down;
	}
	return opt.replan == NULL ? 0 : cmd_open_in(&c, opt.replan, &p->old,
	    e);
}

int
main(int argc, char *argv[])
{
	struct vmf_series forecast = { 0 };
	struct vmf_schema schema = { 0 };
	struct vmf_blackout *blackout = NULL;
	struct vmf_inventory hosts = { 0 }, known = { 0 };
	struct vmf_downtime model = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_reader *in = NULL;
	struct vmf_batch batch = { 0 };
	struct vmf_err err = { "" };
	struct vmf_planner p = { .plan = { .forecast = &forecast },
	    .search = { .tell = cmd_tell, .tell_arg = &c } };
	bool fleet;
	int64_t n;
	int rc, ret = CMD_FAIL;

	cmd_parse(&c, table, argc, argv);
	if ((rc = window_opts_read(&opt, &p, &blackout, &err)) != 0 ||
	    (rc = cmd_open_in(&c, c.n_args > 0 ? c.arg[0] : NULL, &in,
	    &err)) != 0 ||
	    (rc = vmf_series_open(&forecast, in, "forecast", opt.step_s,
	    VMF_TIME_NONE, &err)) != 0 ||
	    (rc = open_files(&p, &hosts, &known, &model, &err)) != 0)
		goto done;
	fleet = window_opts_fleet(&opt, forecast.schema);
	if ((rc = fleet ? vmf_planner_open(&p, &schema, &err) :
	    vmf_plan_open(&p.plan, &schema, &err)) != 0 ||
	    (rc = cmd_open_out(&c, &out, &schema, &err)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, &err)) != 0 ||
	    (rc = fleet ? plan_fleet(&p, &batch, out.w, &err) :
	    plan_each(&p.plan, &batch, out.w, &err)) != 0 ||
	    (rc = cmd_finish_out(&out, &err)) != 0)
		goto done;
	window_note(&c, &p, &opt);
	ret = CMD_OK;
	n = p.plan.n_rows - p.plan.n_gone_rows;
	if (opt.strict && p.plan.n_status[VMF_PLACED] < n) {
		rc = vmf_fail(&err, VMF_EDATA, "--strict: %" PRId64 " of %"
		    PRId64 " VMs are not placed", n -
		    p.plan.n_status[VMF_PLACED], n);
		ret = CMD_FAIL;
	}
done:
	if (ret != CMD_OK)
		ret = cmd_error(&c, rc, &err);
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	vmf_planner_free(&p);
	vmf_down_cost_free(&opt.down);
	vmf_downtime_free(&model);
	vmf_inventory_free(&hosts);
	vmf_inventory_free(&known);
	vmf_series_free(&forecast);
	vmf_reader_free(p.old);
	vmf_reader_free(in);
	free(blackout);
	free(opt.blackout.v);
	free(opt.drain.v);
	free(opt.explain.v);
	cmd_free(&c);
	return ret;
}
