/* SPDX-License-Identifier: MIT */
/* vmf-dedup - each (vm, time) of a stream of readings once. */
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "progress.h"
#include "series/dedup.h"

static struct cmd c = {
	.name = "vmf-dedup",
	.usage =
	"usage: vmf-dedup [options] [FILE]\n"
	"Read readings, write them with each (vm, time) once, sorted.\n"
	"\n"
	"  -k, --keep first|last|mean|max\n"
	"                        what to keep where values differ [first]\n"
	"      --sort auto|always\n"
	"                        auto: input that is in (vm, time) or in time\n"
	"                        order and larger than --memory is handed on\n"
	"                        in that order; always: spill and sort by\n"
	"                        (vm, time) whatever the order [auto]\n"
	"      --memory SIZE     memory to use, at least 16M [256M]; beyond\n"
	"                        it sorted runs go to $TMPDIR\n"
	CMD_SHARED_USAGE,
	.same_kind = true,
	.max_args = 1,
};

static const char *keep = "first", *sort = "auto";

static const struct cmd_opt table[] = {
	{ CMD_STR, "keep", 'k', &keep, false, 0, 0 },
	{ CMD_STR, "sort", 0, &sort, true, 0, 0 },
	{ CMD_SIZE, "memory", 0, &c.memory, true, 0, 0 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

/* Index of word in the list, or -1. */
static int
word_index(const char *word, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return i;
	return -1;
}

static int
parse_opts(struct vmf_dedup_opts *o)
{
	static const char *const keeps[] = { "first", "last", "mean", "max" };
	static const char *const sorts[] = { "auto", "always" };
	int k = word_index(keep, keeps, 4), s = word_index(sort, sorts, 2);

	if (k < 0)
		return cmd_usage(&c, "--keep: found '%s', expected first, "
		    "last, mean or max", keep);
	if (s < 0)
		return cmd_usage(&c, "--sort: found '%s', expected auto or "
		    "always", sort);
	if (c.memory < VMF_DEDUP_LEAST)
		return cmd_usage(&c, "--memory: found %" PRId64 " bytes, "
		    "expected at least 16M", c.memory);
	o->keep = (enum vmf_keep)k;
	o->sort_always = s == 1;
	o->memory = c.memory;
	o->tmpdir = c.tmpdir;
	return CMD_OK;
}

static int
open_out(void *arg, struct vmf_schema *s, struct vmf_writer **w,
    struct vmf_err *e)
{
	struct cmd_output *out = arg;
	int rc = cmd_open_out(&c, out, s, e);

	*w = out->w;
	return rc;
}

int
main(int argc, char *argv[])
{
	struct vmf_dedup_opts opts = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_dedup_sink sink = { .open = open_out, .arg = &out };
	const struct vmf_dedup_stats *st;
	struct cmd_meter meter;
	const struct vmf_batch *batch;
	struct vmf_reader *in = NULL;
	struct vmf_dedup *d = NULL;
	struct vmf_err err = { "" };
	int got, rc, ret;

	cmd_parse(&c, table, argc, argv);
	ret = parse_opts(&opts);
	if (ret != CMD_OK)
		goto out;
	rc = cmd_begin_out(&c, &out, &err);
	if (rc == 0)
		rc = cmd_open_in(&c, c.n_args > 0 ? c.arg[0] : NULL, &in,
		    &err);
	if (rc == 0)
		rc = vmf_dedup_open(&d, vmf_reader_schema(in),
		    vmf_reader_name(in), &opts, &sink, &err);
	if (rc != 0)
		goto done;
	cmd_meter_begin(&meter, &c);
	while ((got = vmf_reader_next(in, &batch, &err)) > 0) {
		rc = vmf_dedup_add(d, batch, vmf_reader_row(in),
		    vmf_reader_bytes(in), &err);
		if (rc != 0)
			goto done;
		cmd_meter_show(&meter, &c, vmf_dedup_stats(d)->rows_in,
		    vmf_reader_at(in));
	}
	rc = got < 0 ? got : vmf_dedup_finish(d, &err);
	if (rc == 0)
		rc = cmd_finish_out(&out, &err);
	if (rc != 0)
		goto done;
	st = vmf_dedup_stats(d);
	cmd_note(&c, "%" PRId64 " rows in, %" PRId64 " out, %" PRId64
	    " duplicates (%" PRId64 " identical, %" PRId64 " merged, %" PRId64
	    " conflicting); order %s; %" PRId64 " bytes spilled",
	    st->rows_in, st->rows_out, st->dups, st->identical, st->merged,
	    st->conflicts, st->order == VMF_ORDER_VM_TIME ? "vm,time" :
	    "time,vm", st->spilled_bytes);
done:
	ret = rc != 0 ? cmd_error(&c, rc, &err) : CMD_OK;
out:
	vmf_dedup_free(d);
	cmd_free_out(&out);
	vmf_reader_free(in);
	cmd_free(&c);
	return ret;
}
