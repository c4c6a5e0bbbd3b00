/* SPDX-License-Identifier: MIT */
/* vmf-ingest: text files of samples in, a stream of readings out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/time.h"
#include "cmd.h"
#include "ingest/ingest.h"
#include "ingest_moves.h"
#include "ingest_note.h"
#include "overwrite.h"
#include "progress.h"
#include "simd.h"

static const char usage[] =
"usage: vmf-ingest [options] [FILE ...]\n"
"Read samples as CSV (plain, gzip or zstd; standard input without FILE) and\n"
"write readings; or migrations, by their maps.\n"
"\n"
"      --map NAME|FILE   what the columns are: csv, azure, wide, bitbrains,\n"
"                        planetlab, nab, alibaba2018; of migrations:\n"
"                        migrations, qemu-migration, postgres-migration,\n"
"                        openstack-migration, openstack-downtime,\n"
"                        domjobinfo, query-migrate; or a FILE.json [csv]\n"
"      --metric NAME     the name of the map's only metric (wide needs it)\n"
"      --delimiter CHAR  what separates columns, \\t for tabs [the map's]\n"
"      --decimal CHAR    what is before decimals, . or , [the map's: .]\n"
"      --id ID           the VM, where the map takes it from the file's name\n"
"      --start TIME      the first row's time, for sources without times\n"
"      --step SPAN       the time between their rows [the map's: 5m]\n"
"      --time-format F   auto, s, ms, us, ns, rfc3339, wall or a pattern\n"
"                        such as '%d.%m.%Y %H:%M' [the map's]\n"
"      --tz ZONE         the wall clock of times without a zone [UTC]\n"
"      --only LIST       only these metrics and attributes [all]\n"
"      --ignore COLUMN   pass over a column of the header (repeatable)\n"
"      --bad-rows WHAT   fail, skip, or a FILE to keep them in [fail]\n"
"      --threads N       threads that read; the output is the same [cores]\n"
"      --show-map        print the map as JSON and end\n"
CMD_FROM_TEXT_USAGE;

static struct {
	const char *map, *metric, *delim, *decimal, *time_format, *bad_rows;
	struct cmd_strs ignore, only;
	int64_t threads;
	bool show_map;
	struct vmf_ingest_opts in;
} opt = { .map = "csv", .time_format = "auto", .bad_rows = "fail",
    .in.start_s = VMF_TIME_NONE };

static struct ingest_watch watch;

static struct cmd c = { .name = "vmf-ingest", .usage = usage,
    .max_args = -1 };

static const struct cmd_opt table[] = {
	{ CMD_MAP, "map", 0, &opt.map, false, 0, 0 },
	{ CMD_STR, "metric", 0, &opt.metric, false, 0, 0 },
	{ CMD_STR, "delimiter", 0, &opt.delim, false, 0, 0 },
	{ CMD_STR, "decimal", 0, &opt.decimal, false, 0, 0 },
	{ CMD_STR, "id", 0, &opt.in.id, false, 0, 0 },
	{ CMD_TIME, "start", 0, &opt.in.start_s, false, 0, 0 },
	{ CMD_DURATION, "step", 0, &opt.in.step_s, false, 0, 0 },
	{ CMD_STR, "time-format", 0, &opt.time_format, false, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_STRS, "only", 0, &opt.only, false, 0, 0 },
	{ CMD_STRS, "ignore", 0, &opt.ignore, false, 0, 0 },
	{ CMD_WRITTEN, "bad-rows", 0, &opt.bad_rows, false, 0, 0 },
	{ CMD_INT, "threads", 0, &opt.threads, true, 1, 256 },
	{ CMD_FLAG, "show-map", 0, &opt.show_map, true, 0, 0 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

/*
 * VMF_SIMD and VMF_CSV choose among readers that all do the same: for tests
 * and for whoever has to find out which of them does not.
 */
static int
choose_reader(struct vmf_ingest_opts *in)
{
	const char *csv = getenv("VMF_CSV");
	struct vmf_err err = { "" };
	int rc = cmd_simd(&in->simd, &err);

	if (rc != 0)
		return cmd_error(&c, rc, &err);
	if (csv != NULL && strcmp(csv, "libcsv") == 0)
		in->reader = VMF_READER_LIBCSV;
	else if (csv != NULL && strcmp(csv, "fast") != 0)
		return cmd_usage(&c, "VMF_CSV: found '%s', expected fast or "
		    "libcsv", csv);
	return CMD_OK;
}

static int
check_options(void)
{
	const char *found;
	int stamp = vmf_stamp_find(opt.time_format, &found);
	const char *bad_rows = opt.bad_rows;
	struct vmf_err err = { "" };
	int rc;

	opt.in.skip_bad = strcmp(bad_rows, "fail") != 0;
	opt.in.pick = (struct vmf_pick){ opt.ignore.v, opt.ignore.n,
	    opt.only.v, opt.only.n };
	if ((rc = cmd_check_names("only", &opt.only, "names of metrics and "
	    "attributes, as in cpu,mem", &err)) != 0)
		return cmd_error(&c, rc, &err);
	if (stamp < 0)
		return cmd_usage(&c, "--time-format: found '%s', %s, "
		    "expected %s", opt.time_format, found, VMF_STAMP_WORDS);
	opt.in.stamp = (enum vmf_stamp)stamp;
	opt.in.pattern = opt.time_format;
	if (*bad_rows == '\0' || strcmp(bad_rows, "-") == 0)
		return cmd_usage(&c, "--bad-rows: found '%s', expected fail, "
		    "skip or a file", bad_rows);
	if (opt.in.skip_bad && strcmp(bad_rows, "skip") != 0 &&
	    ((rc = cmd_check_written(&c, table, "--bad-rows", bad_rows,
	    &err)) != 0 || (rc = cmd_check_apart("--bad-rows", bad_rows,
	    c.output, "the output", &err)) != 0 || (c.sums != NULL &&
	    (rc = cmd_check_apart("--bad-rows", bad_rows, c.sums,
	    "that of --sums", &err)) != 0)))
		return cmd_error(&c, rc, &err);
	if (c.n_args == 0 && !opt.show_map && isatty(STDIN_FILENO))
		return cmd_usage(&c, "standard input is a terminal: name a "
		    "file or pipe one in");
	if (opt.in.id != NULL && c.n_args > 1)
		return cmd_usage(&c, "--id: found %d files, expected one",
		    c.n_args);
	opt.in.threads = opt.threads > 0 ? (int)opt.threads : vmf_cores();
	opt.in.tmpdir = c.tmpdir;
	return choose_reader(&opt.in);
}

static int
show_map(const char *name)
{
	const char *text = vmf_map_builtin(name);
	struct vmf_out *out = NULL;
	struct vmf_err err = { "" };
	int rc;

	if (text == NULL)
		return cmd_usage(&c, "--show-map: found --map %s, expected "
		    "one of " VMF_MAP_NAMES, name);
	if ((rc = vmf_out_open(&out, c.output, &err)) == 0 &&
	    (rc = vmf_out_write(out, text, (int64_t)strlen(text),
	    &err)) == 0)
		rc = vmf_out_finish(out, &err);
	vmf_out_free(out);
	return rc == 0 ? CMD_OK : cmd_error(&c, rc, &err);
}

/* All rows of the open file; full batches go out. */
static int
read_file(struct vmf_ingest *in, struct cmd_output *out,
    struct vmf_batch *batch, const struct cmd_meter *m, struct vmf_err *e)
{
	struct vmf_ingest_counts n;
	int got, rc;

	while ((got = vmf_ingest_fill(in, batch, e)) > 0) {
		ingest_watch(&watch, vmf_ingest_schema(in), batch);
		if (opt.in.threads > 1)
			vmf_writer_behind(out->w);
		rc = vmf_writer_put(out->w, batch, e);
		if (rc != 0)
			return rc;
		vmf_batch_clear(batch);
		vmf_ingest_counts(in, &n);
		cmd_meter_show(m, &c, n.rows_in, n.bytes);
	}
	return got;
}

static int
ingest(struct vmf_ingest *in, struct cmd_output *out,
    struct vmf_out *bad_rows, struct vmf_err *e)
{
	struct vmf_schema schema = { 0 };
	struct vmf_batch batch = { 0 };
	struct cmd_meter meter;
	int rc;

	cmd_meter_begin(&meter, &c);
	rc = vmf_ingest_expect(in, (const char *const *)c.arg, c.n_args, e);
	for (int i = 0; rc == 0 && i < (c.n_args > 0 ? c.n_args : 1); i++) {
		rc = vmf_ingest_open(in, c.n_args > 0 ? c.arg[i] : NULL, e);
		/* The first header tells the columns. */
		if (rc == 0 && i == 0)
			rc = vmf_schema_copy(&schema, vmf_ingest_schema(in),
			    e);
		if (rc == 0 && i == 0)
			rc = cmd_open_out(&c, out, &schema, e);
		if (rc == 0 && i == 0)
			rc = vmf_batch_init(&batch, &schema, e);
		if (rc == 0)
			rc = read_file(in, out, &batch, &meter, e);
	}
	if (rc == 0)
		rc = vmf_ingest_finish(in, e);
	if (rc == 0)
		ingest_watch(&watch, &schema, &batch);
	if (rc == 0)
		rc = vmf_writer_put(out->w, &batch, e);
	/* No readings under their name when the rows kept do not fit. */
	if (rc == 0 && bad_rows != NULL)
		rc = vmf_out_flush(bad_rows, e);
	if (rc == 0)
		rc = cmd_finish_out(out, e);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	return rc;
}

int
main(int argc, char *argv[])
{
	struct vmf_map map = { 0 };
	struct vmf_ingest *in = NULL;
	struct cmd_output out = { 0 };
	struct vmf_err err = { "" };
	int rc, ret;

	cmd_parse(&c, table, argc, argv);
	ret = check_options();
	if (ret == CMD_OK && opt.show_map) {
		ret = show_map(opt.map);
		goto done;
	}
	if (ret != CMD_OK)
		goto done;
	rc = ingest_load_map(&map, opt.map, opt.metric, opt.delim,
	    opt.decimal, &opt.in, &err);
	if (rc == 0 && opt.in.skip_bad && strcmp(opt.bad_rows, "skip") != 0)
		rc = vmf_out_open(&opt.in.bad_out, opt.bad_rows, &err);
	if (rc == 0 && map.migrations != NULL)
		rc = ingest_moves(&c, &map, &opt.in, &out, &err);
	else if (rc == 0 && (rc = vmf_ingest_new(&in, &map, &opt.in,
	    &err)) == 0)
		rc = ingest(in, &out, opt.in.bad_out, &err);
	/* Last: the rows kept are of use only beside whole readings. */
	if (rc == 0 && opt.in.bad_out != NULL)
		rc = vmf_out_finish(opt.in.bad_out, &err);
	if (rc != 0) {
		ret = cmd_error(&c, rc, &err);
		goto done;
	}
	ingest_note(&c, in, &watch, &opt.in, opt.in.skip_bad &&
	    strcmp(opt.bad_rows, "skip") != 0 ? opt.bad_rows : NULL);
done:
	cmd_free_out(&out);
	vmf_out_free(opt.in.bad_out);
	vmf_ingest_free(in);
	vmf_map_free(&map);
	free(opt.ignore.v);
	free(opt.only.v);
	cmd_free(&c);
	return ret;
}
