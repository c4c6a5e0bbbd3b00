/* SPDX-License-Identifier: MIT */
/* vmf-aggregate - readings or finer series to series. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aggregate_note.h"
#include "base/time.h"
#include "cmd.h"
#include "progress.h"
#include "series/aggregate.h"
#include "series/append.h"
#include "series/series.h"

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
	"      --tz ZONE         wall clock of TIMEs [UTC]\n"
	"      --append HISTORY  join what is made to the series HISTORY,\n"
	"                        which is only read; -o may name it as well\n"
	"      --keep-span DURATION\n"
	"                        with --append: leave out steps further back\n"
	"                        than this from the new end [keep all]\n"
	"      --prefer fuller|new|old\n"
	"                        with --append: whose value of a step counts\n"
	"                        where both have one [fuller]\n"
	"      --create          with --append: HISTORY need not be there\n"
	"      --fine-step DURATION\n"
	"                        hosts and clusters: step of the sums that\n"
	"                        maxima and percentiles are taken over [5m]\n"
	"      --input-step DURATION\n"
	"                        step of the series read, where the stream\n"
	"                        does not say\n"
	"      --memory SIZE     memory to use, at least 16M [256M]; beyond\n"
	"                        it partial sums go to $TMPDIR\n"
	CMD_SHARED_USAGE,
	.max_args = 1, .always_reads = true,
};

static struct vmf_aggregate_opts opts = {
	.since = VMF_TIME_NONE, .until = VMF_TIME_NONE,
};
static const char *stat_list, *by = "vm", *join_file;
static struct vmf_append_opts append;
static const char *history, *prefer = "fuller";
static bool create;

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
	{ CMD_PRIOR, "append", 0, &history, false, 0, 0 },
	{ CMD_DURATION, "keep-span", 0, &append.span_s, false, 0, 0 },
	{ CMD_STR, "prefer", 0, &prefer, false, 0, 0 },
	{ CMD_FLAG, "create", 0, &create, true, 0, 0 },
	{ CMD_DURATION, "fine-step", 0, &opts.fine_step_s, false, 0, 0 },
	{ CMD_DURATION, "input-step", 0, &opts.input_step_s, false, 0, 0 },
	{ CMD_SIZE, "memory", 0, &c.memory, true, 0, 0 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

#define SPAN_MAX ((int64_t)36600 * 86400)

static int
check_step(const char *name, int64_t step_s)
{
	return step_s <= VMF_STEP_MAX ? CMD_OK : cmd_usage(&c, "--%s: found "
	    "%" PRId64 " s, expected at most 366d", name, step_s);
}

static int
parse_append(void)
{
	static const char *const words[] = { "fuller", "new", "old",
	    NULL };
	int k = cmd_word(words, prefer);

	if (history == NULL)
		return append.span_s == 0 && !create && k == 0 ? CMD_OK :
		    cmd_usage(&c, "--keep-span, --prefer and --create go "
		    "with --append");
	if (strcmp(history, "-") == 0)
		return cmd_usage(&c, "--append: found '-', expected a file");
	if (k == 3)
		return cmd_usage(&c, "--prefer: found '%s', expected fuller, "
		    "new or old", prefer);
	if (append.span_s > SPAN_MAX)
		return cmd_usage(&c, "--keep-span: found %" PRId64 " s, "
		    "expected at most 36600d", append.span_s);
	append.prefer = (enum vmf_prefer)k;
	append.inner = opts.inner;
	append.step_s = opts.step_s;
	append.most_bytes = c.memory / 3 < c.max_batch ? c.memory / 3 :
	    c.max_batch;
	opts.hand_empty = opts.by == VMF_BY_VM;
	return CMD_OK;
}

static int
parse_opts(void)
{
	static const char *const words[] = { "vm", "host", "cluster",
	    NULL };
	struct vmf_err err = { "" };
	int k = cmd_word(words, by);

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
	k = parse_append();
	if (k == CMD_OK)
		k = check_step("step", opts.step_s);
	if (k == CMD_OK)
		k = check_step("fine-step", opts.fine_step_s);
	return k != CMD_OK ? k : check_step("input-step", opts.input_step_s);
}

/* ---- the work ---- */

struct job {
	struct vmf_inventory inv;
	struct vmf_reader *in, *history;
	struct vmf_aggregate *g;
	struct vmf_append *a;
	struct vmf_series series;	/* read as they are */
	struct vmf_schema schema, joined;
	struct cmd_output out;
	int64_t row;			/* handed to a so far */
};

static int
to_writer(void *arg, struct vmf_batch *b, struct vmf_err *e)
{
	return vmf_writer_put(((struct job *)arg)->out.w, b, e);
}

static int
to_append(void *arg, struct vmf_batch *b, struct vmf_err *e)
{
	struct job *j = arg;
	const struct vmf_sink writer = { to_writer, j };
	int64_t row = j->row;

	j->row += b->n;
	return vmf_append_add(j->a, b, row, &writer, e);
}

static int
open_all(struct job *j, struct vmf_err *e)
{
	bool missing = history != NULL && access(history, F_OK) != 0 &&
	    errno == ENOENT;
	int rc = cmd_begin_out(&c, &j->out, e);

	if (rc == 0 && join_file != NULL)
		rc = vmf_inventory_read(&j->inv, join_file, e);
	opts.inv = join_file != NULL ? &j->inv : NULL;
	append.inv = opts.by == VMF_BY_VM ? opts.inv : NULL;
	if (rc == 0 && missing && !create)
		rc = vmf_fail(e, VMF_EIO, "--append: found no file %s, "
		    "expected one; --create begins a new history", history);
	if (rc == 0 && history != NULL && !missing)
		rc = vmf_reader_open(&j->history, history, c.max_batch, e);
	if (rc == 0 && history != NULL)
		rc = vmf_append_open(&j->a, j->history, &append, e);
	return rc != 0 ? rc : cmd_open_in(&c, c.n_args > 0 ? c.arg[0] : NULL,
	    &j->in, e);
}

static int
append_series(struct job *j, struct vmf_err *e)
{
	const struct vmf_sink writer = { to_writer, j };
	int got, rc;

	rc = vmf_series_open(&j->series, j->in, "series", 0, VMF_TIME_NONE,
	    e);
	if (rc == 0)
		rc = vmf_append_begin(j->a, vmf_reader_schema(j->in),
		    vmf_reader_name(j->in), &j->joined, e);
	if (rc == 0)
		rc = cmd_open_out(&c, &j->out, &j->joined, e);
	while (rc == 0 && (got = vmf_series_next(&j->series, e)) != 0)
		rc = got < 0 ? got : vmf_append_add(j->a, j->series.b,
		    j->series.row, &writer, e);
	return rc != 0 ? rc : vmf_append_finish(j->a, &writer, e);
}

static int
aggregate(struct job *j, struct vmf_err *e)
{
	const struct vmf_sink writer = { to_writer, j },
	    joiner = { to_append, j };
	const struct vmf_batch *batch;
	struct cmd_meter meter;
	int got, rc;

	cmd_meter_begin(&meter, &c);
	if (j->a != NULL) {
		opts.reserved = vmf_append_bytes(j->a);
		if (opts.step_s == 0)
			opts.step_s = vmf_append_step(j->a);
	}
	rc = vmf_aggregate_open(&j->g, vmf_reader_schema(j->in),
	    vmf_reader_name(j->in), &opts, e);
	while (rc == 0 && (got = vmf_reader_next(j->in, &batch, e)) != 0) {
		rc = got < 0 ? got : vmf_aggregate_add(j->g, batch,
		    vmf_reader_row(j->in), vmf_reader_bytes(j->in), e);
		cmd_meter_show(&meter, &c, vmf_aggregate_stats(j->g)->rows_in,
		    vmf_reader_at(j->in));
	}
	if (rc == 0)
		rc = vmf_aggregate_finish(j->g, &j->schema, e);
	if (rc == 0 && j->a != NULL)
		rc = vmf_append_begin(j->a, &j->schema,
		    vmf_reader_name(j->in), &j->joined, e);
	if (rc == 0 && (rc = cmd_open_out(&c, &j->out, j->a != NULL ?
	    &j->joined : &j->schema, e)) == 0)
		rc = vmf_aggregate_write(j->g, j->a != NULL ? &joiner :
		    &writer, e);
	return rc != 0 || j->a == NULL ? rc :
	    vmf_append_finish(j->a, &writer, e);
}

int
main(int argc, char *argv[])
{
	struct job j = { 0 };
	struct vmf_err err = { "" };
	int rc, ret;

	cmd_parse(&c, table, argc, argv);
	if ((ret = parse_opts()) != CMD_OK)
		goto out;
	rc = open_all(&j, &err);
	if (rc == 0)
		rc = history != NULL && vmf_aggregate_as_is(&opts,
		    vmf_reader_schema(j.in)) ? append_series(&j, &err) :
		    aggregate(&j, &err);
	if (rc == 0)
		rc = cmd_finish_out(&j.out, &err);
	if (rc != 0)
		ret = cmd_error(&c, rc, &err);
	else
		aggregate_note(&c, j.g, j.a);
out:
	vmf_aggregate_free(j.g);
	vmf_append_free(j.a);
	vmf_series_free(&j.series);
	vmf_inventory_free(&j.inv);
	vmf_schema_free(&j.schema);
	vmf_schema_free(&j.joined);
	cmd_free_out(&j.out);
	vmf_reader_free(j.in);
	vmf_reader_free(j.history);
	cmd_free(&c);
	return ret;
}
