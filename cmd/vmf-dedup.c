/* SPDX-License-Identifier: MIT */
/* vmf-dedup - each (vm, time) of streams of readings once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "progress.h"
#include "series/dedup.h"
#include "series/unite.h"

static struct cmd c = {
	.name = "vmf-dedup",
	.usage =
	"usage: vmf-dedup [options] [FILE ...]\n"
	"Read readings, write them with each (vm, time) once, sorted.\n"
	"Several files are united: columns by name, rows by (vm, time).\n"
	"\n"
	"  -k, --keep first|last|mean|max\n"
	"                        what to keep where values differ [first]\n"
	"      --sort auto|always\n"
	"                        auto: input that is in (vm, time) or in time\n"
	"                        order and larger than --memory is handed on\n"
	"                        in that order; always: spill and sort by\n"
	"                        (vm, time) whatever the order, as several\n"
	"                        files always are [auto]\n"
	"      --memory SIZE     memory to use, at least 16M [256M]; beyond\n"
	"                        it sorted runs go to $TMPDIR\n"
	CMD_SHARED_USAGE,
	.same_kind = true,
	.max_args = -1,
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
	/* Another file may begin anywhere. */
	o->sort_always = s == 1 || c.n_args > 1;
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

/* ---- the files ---- */

struct files {
	struct vmf_reader **in;
	int n;
	struct vmf_unite all;
};

static int
open_files(struct files *f, struct vmf_err *e)
{
	int rc = 0;

	f->n = c.n_args > 0 ? c.n_args : 1;
	f->in = vmf_calloc(f->n, sizeof(struct vmf_reader *), e);
	if (f->in == NULL)
		return VMF_ENOMEM;
	for (int i = 0; rc == 0 && i < f->n; i++) {
		rc = cmd_open_in(&c, c.n_args > 0 ? c.arg[i] : NULL,
		    &f->in[i], e);
		if (rc == 0)
			rc = vmf_unite_add(&f->all,
			    vmf_reader_schema(f->in[i]),
			    vmf_reader_name(f->in[i]), e);
	}
	return rc;
}

/* All rows of file k; at: bytes of those before it, and then of it as well. */
static int
read_file(struct files *f, int k, struct vmf_dedup *d,
    const struct cmd_meter *m, int64_t *at, struct vmf_err *e)
{
	struct vmf_reader *in = f->in[k];
	const struct vmf_batch *batch;
	int64_t others = 0;
	int got = 0, rc;

	for (int i = k + 1; i < f->n; i++)
		others += vmf_reader_bytes(f->in[i]);
	rc = vmf_dedup_from(d, vmf_reader_schema(in), vmf_reader_name(in),
	    e);
	while (rc == 0 && (got = vmf_reader_next(in, &batch, e)) > 0) {
		rc = vmf_dedup_add(d, batch, vmf_reader_row(in),
		    vmf_reader_bytes(in) + others, e);
		cmd_meter_show(m, &c, vmf_dedup_stats(d)->rows_in,
		    *at + vmf_reader_at(in));
	}
	*at += vmf_reader_at(in);
	/* What it holds is of no use any more. */
	vmf_reader_free(in);
	f->in[k] = NULL;
	return rc != 0 ? rc : got;
}

static void
close_files(struct files *f)
{
	for (int i = 0; f->in != NULL && i < f->n; i++)
		vmf_reader_free(f->in[i]);
	free(f->in);
	vmf_unite_free(&f->all);
}

static int
dedup(struct files *f, struct vmf_dedup *d, struct vmf_err *e)
{
	struct cmd_meter meter;
	int64_t at = 0;
	int rc = 0;

	cmd_meter_begin(&meter, &c);
	for (int k = 0; rc == 0 && k < f->n; k++)
		rc = read_file(f, k, d, &meter, &at, e);
	return rc != 0 ? rc : vmf_dedup_finish(d, e);
}

int
main(int argc, char *argv[])
{
	struct vmf_dedup_opts opts = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_dedup_sink sink = { .open = open_out, .arg = &out };
	const struct vmf_dedup_stats *st;
	struct files files = { 0 };
	struct vmf_dedup *d = NULL;
	struct vmf_err err = { "" };
	int rc, ret;

	cmd_parse(&c, table, argc, argv);
	ret = parse_opts(&opts);
	if (ret != CMD_OK)
		goto out;
	rc = cmd_begin_out(&c, &out, &err);
	if (rc == 0)
		rc = open_files(&files, &err);
	if (rc == 0)
		rc = vmf_dedup_open(&d, &files.all.schema, &opts, &sink,
		    &err);
	if (rc == 0)
		rc = dedup(&files, d, &err);
	if (rc == 0)
		rc = cmd_finish_out(&out, &err);
	if (rc != 0) {
		ret = cmd_error(&c, rc, &err);
		goto out;
	}
	st = vmf_dedup_stats(d);
	cmd_note(&c, "%" PRId64 " rows in, %" PRId64 " out, %" PRId64
	    " duplicates (%" PRId64 " identical, %" PRId64 " merged, %" PRId64
	    " conflicting); order %s; %" PRId64 " bytes spilled",
	    st->rows_in, st->rows_out, st->dups, st->identical, st->merged,
	    st->conflicts, st->order == VMF_ORDER_VM_TIME ? "vm,time" :
	    "time,vm", st->spilled_bytes);
out:
	vmf_dedup_free(d);
	cmd_free_out(&out);
	close_files(&files);
	cmd_free(&c);
	return ret;
}
