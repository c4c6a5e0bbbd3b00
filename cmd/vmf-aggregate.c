/* SPDX-License-Identifier: MIT */
/* vmf-aggregate - readings or finer series to series. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cmd.h"
#include "series/aggregate.h"

static struct cmd c = {
	.name = "vmf-aggregate",
	.usage =
	"usage: vmf-aggregate [options] [FILE]\n"
	"Read readings or series, write series: one row a VM, host or "
	"cluster.\n"
	"\n"
	"  -s, --step DURATION   step of the series; readings need one\n"
	"      --stat LIST       of mean, max, min, count and percentiles as\n"
	"                        p95 [mean,max,count; series: what they have]\n"
	"  -m, --metric LIST     only these metrics [all]\n"
	"      --by vm|host|cluster\n"
	"                        what a row is [vm]\n"
	"  -j, --join FILE       inventory: CSV with vm, host, cluster,\n"
	"                        vcpus, mem_mb and anything else\n"
	"      --inner           no rows for VMs without samples\n"
	"      --since TIME      leave out samples before TIME\n"
	"      --until TIME      leave out samples from TIME on\n"
	"      --tz ZONE         wall clock of TIMEs [$TZ or UTC]\n"
	"      --fine-step DURATION\n"
	"                        hosts and clusters: step of the sums that\n"
	"                        maxima and percentiles are taken over [5m]\n"
	"      --input-step DURATION\n"
	"                        step of the series read, where the stream\n"
	"                        does not say\n"
	"      --memory SIZE     memory to use, at least 16M [256M]; beyond\n"
	"                        it partial sums go to $TMPDIR\n"
	CMD_SHARED_USAGE,
	.max_args = 1,
};

static struct vmf_aggregate_opts opts = {
	.since = VMF_TIME_NONE, .until = VMF_TIME_NONE,
};
static const char *stat_list, *by = "vm", *join_file;

static const struct cmd_opt table[] = {
	{ CMD_DURATION, "step", 's', &opts.step_s, false, 0, 0 },
	{ CMD_STR, "stat", 0, &stat_list, false, 0, 0 },
	{ CMD_STR, "metric", 'm', &opts.metrics, false, 0, 0 },
	{ CMD_STR, "by", 0, &by, false, 0, 0 },
	{ CMD_FILE, "join", 'j', &join_file, false, 0, 0 },
	{ CMD_FLAG, "inner", 0, &opts.inner, false, 0, 0 },
	{ CMD_TIME, "since", 0, &opts.since, false, 0, 0 },
	{ CMD_TIME, "until", 0, &opts.until, false, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_DURATION, "fine-step", 0, &opts.fine_step_s, false, 0, 0 },
	{ CMD_DURATION, "input-step", 0, &opts.input_step_s, false, 0, 0 },
	{ CMD_SIZE, "memory", 0, &c.memory, true, 0, 0 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

static int
check_step(const char *name, int64_t step_s)
{
	return step_s <= VMF_STEP_MAX ? CMD_OK : cmd_usage(&c, "--%s: found "
	    "%" PRId64 " s, expected at most 366d", name, step_s);
}

static int
parse_opts(void)
{
	static const char *const words[] = { "vm", "host", "cluster" };
	struct vmf_err err = { "" };
	int k = 0;

	while (k < 3 && strcmp(by, words[k]) != 0)
		k++;
	if (k == 3)
		return cmd_usage(&c, "--by: found '%s', expected vm, host or "
		    "cluster", by);
	opts.by = (enum vmf_by)k;
	if (stat_list != NULL &&
	    vmf_stats_parse(&opts.stats, stat_list, &err) != 0)
		return cmd_usage(&c, "%s", err.msg);
	if (join_file != NULL && strcmp(join_file, "-") == 0)
		return cmd_usage(&c, "--join: found '-', expected a file");
	if (opts.fine_step_s > 0 && opts.by == VMF_BY_VM)
		return cmd_usage(&c, "--fine-step is for --by host or "
		    "cluster");
	if (opts.since != VMF_TIME_NONE && opts.until != VMF_TIME_NONE &&
	    opts.since >= opts.until)
		return cmd_usage(&c, "--since is not before --until");
	if (c.memory < VMF_AGGREGATE_LEAST)
		return cmd_usage(&c, "--memory: found %" PRId64 " bytes, "
		    "expected at least 16M", c.memory);
	opts.memory = c.memory;
	opts.max_batch = c.max_batch;
	opts.tmpdir = c.tmpdir;
	k = check_step("step", opts.step_s);
	if (k == CMD_OK)
		k = check_step("fine-step", opts.fine_step_s);
	return k != CMD_OK ? k : check_step("input-step", opts.input_step_s);
}

/* Append to the summary what is worth a word. */
static void
tell(char *to, size_t size, int64_t count, const char *what)
{
	size_t n = strlen(to);

	if (count != 0)
		snprintf(to + n, size - n, "; %" PRId64 " %s", count, what);
}

static void
note(const struct vmf_aggregate_stats *st)
{
	char more[512] = "", from[32] = "none", to[32] = "none";

	if (st->start != VMF_TIME_NONE) {
		vmf_time_format_utc(st->start, from);
		vmf_time_format_utc(st->end, to);
	}
	tell(more, sizeof(more), st->valueless, "rows without a value");
	tell(more, sizeof(more), st->outside, st->from_series ?
	    "steps outside --since and --until" :
	    "rows outside --since and --until");
	tell(more, sizeof(more), st->without_samples, opts.inner ?
	    "without samples left out" : "without samples, status empty");
	tell(more, sizeof(more), st->not_in_inventory,
	    "VMs not in the inventory");
	tell(more, sizeof(more), st->without_host, opts.by == VMF_BY_HOST ?
	    "VMs without a host left out" : "VMs without a cluster left out");
	tell(more, sizeof(more), st->without_vcpus,
	    "VMs without vcpus, weighing 1");
	tell(more, sizeof(more), st->spilled_bytes, "bytes spilled");
	cmd_note(&c, "%" PRId64 " rows in, %" PRId64 " rows out with %" PRId64
	    " steps from %s to %s%s%s%s", st->rows_in, st->rows_out,
	    st->steps, from, to, more, *st->left_out != '\0' ?
	    "; cannot be coarsened, left out: " : "", st->left_out);
}

int
main(int argc, char *argv[])
{
	struct vmf_inventory inv = { 0 };
	struct vmf_aggregate *g = NULL;
	struct cmd_output out = { 0 };
	struct vmf_schema schema = { 0 };
	const struct vmf_batch *batch;
	struct vmf_reader *in = NULL;
	struct vmf_err err = { "" };
	int got = 0, rc = 0, ret;

	cmd_parse(&c, table, argc, argv);
	ret = parse_opts();
	if (ret != CMD_OK)
		goto out;
	if (join_file != NULL) {
		rc = vmf_inventory_read(&inv, join_file, &err);
		opts.inv = &inv;
	}
	if (rc == 0)
		rc = cmd_open_in(&c, c.n_args > 0 ? c.arg[0] : NULL, &in,
		    &err);
	if (rc == 0)
		rc = vmf_aggregate_open(&g, vmf_reader_schema(in),
		    vmf_reader_name(in), &opts, &err);
	while (rc == 0 && (got = vmf_reader_next(in, &batch, &err)) > 0) {
		rc = vmf_aggregate_add(g, batch, vmf_reader_row(in), &err);
		cmd_progress(&c, "%" PRId64 " rows",
		    vmf_aggregate_stats(g)->rows_in);
	}
	if (got < 0)
		rc = got;
	if (rc == 0)
		rc = vmf_aggregate_finish(g, &schema, &err);
	if (rc == 0)
		rc = cmd_open_out(&c, &out, &schema, &err);
	if (rc == 0)
		rc = vmf_aggregate_write(g, out.w, &err);
	if (rc == 0)
		rc = cmd_finish_out(&out, &err);
	if (rc == 0)
		note(vmf_aggregate_stats(g));
	else
		ret = cmd_error(&c, rc, &err);
out:
	vmf_aggregate_free(g);
	vmf_inventory_free(&inv);
	vmf_schema_free(&schema);
	cmd_free_out(&out);
	vmf_reader_free(in);
	cmd_free(&c);
	return ret;
}
