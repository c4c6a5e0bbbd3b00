/* SPDX-License-Identifier: MIT */
/* vmf-cat - show a stream: table, CSV, JSON lines. */
#include <inttypes.h>
#include <locale.h>
#include <string.h>

#include "arrow/checksum.h"
#include "arrow/print.h"
#include "base/num.h"
#include "base/time.h"
#include "cmd.h"

static const char usage[] =
	"usage: vmf-cat [options] [FILE]\n"
	"       vmf-cat --checksum [options] [FILE ...]\n"
	"Show a stream (readings, series, forecast, plan, model or any other\n"
	"Arrow IPC stream) as a table, CSV or JSON lines.\n"
	"\n"
	"      --csv             comma-separated values, with a header line\n"
	"      --json            one JSON object a line\n"
	"      --long            one line for each step that is not missing:\n"
	"                        id, time, then the lists\n"
	"      --schema          the columns and the metadata, not the rows\n"
	"      --checksum        a checksum of all rows and of each column's,\n"
	"                        whatever their order, batches and packing\n"
	"  -n, --lines N         only the first N lines\n"
	"      --id GLOB         only rows whose id (or vm) matches\n"
	"      --columns A,B     only these columns, in this order\n"
	"      --no-header       no line of column names\n"
	"      --step DURATION   the lists' step, if not in the stream\n"
	"      --tz ZONE         show times on this wall clock [UTC]\n"
	"      --max-batch SIZE  refuse batches larger than this [1G]\n"
	CMD_TEXT_USAGE;

static struct cmd c = { .name = "vmf-cat", .usage = usage, .max_args = -1,
    .text_only = true };
static struct vmf_print_options opt = { .limit = -1 };
static bool csv, json, schema_only, sums;

static const struct cmd_opt table[] = {
	{ CMD_FLAG, "csv", 0, &csv, false, 0, 0 },
	{ CMD_FLAG, "json", 0, &json, false, 0, 0 },
	{ CMD_FLAG, "long", 0, &opt.by_step, false, 0, 0 },
	{ CMD_FLAG, "schema", 0, &schema_only, false, 0, 0 },
	{ CMD_FLAG, "checksum", 0, &sums, false, 0, 0 },
	{ CMD_INT, "lines", 'n', &opt.limit, false, 0, INT64_MAX },
	{ CMD_STR, "id", 0, &opt.glob, false, 0, 0 },
	{ CMD_STR, "columns", 0, &opt.columns, false, 0, 0 },
	{ CMD_FLAG, "no-header", 0, &opt.no_header, false, 0, 0 },
	{ CMD_DURATION, "step", 0, &opt.step_s, false, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

static int
check_options(void)
{
	if (csv && json)
		return cmd_usage(&c, "--csv and --json exclude each other");
	if (sums && (csv || json || opt.by_step || schema_only ||
	    opt.limit >= 0 || opt.glob != NULL))
		return cmd_usage(&c, "--checksum is of whole streams, and "
		    "goes with --columns alone");
	if (sums && opt.columns != NULL && *opt.columns == '\0')
		return cmd_usage(&c, "--columns: found '', expected names of "
		    "columns");
	/* A ? is a character of UTF-8. */
	if (opt.glob != NULL)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (!sums && c.n_args > 1)
		return cmd_usage(&c, "unexpected operand '%s'", c.arg[1]);
	opt.format = csv ? VMF_PRINT_CSV : json ? VMF_PRINT_JSON :
	    VMF_PRINT_TABLE;
	return CMD_OK;
}

static bool
has_lists(const struct vmf_schema *s)
{
	for (int i = 0; i < s->n; i++)
		if (s->field[i].type == VMF_LIST_FLOAT32 ||
		    s->field[i].type == VMF_LIST_FLOAT64)
			return true;
	return false;
}

/* The step of the lists: the stream's, or --step where it has none. */
static int
find_step(const struct vmf_schema *s, const char *name, int64_t *step_s,
    struct vmf_err *e)
{
	const char *text = vmf_meta_get(&s->meta, "vmf:step");
	int64_t v;

	if (text == NULL)
		return *step_s > 0 ? 0 : vmf_fail(e, VMF_EUSAGE,
		    "%s: the stream does not say its step (vmf:step); give "
		    "--step", name);
	if (vmf_parse_int64(text, (int64_t)strlen(text), &v) != 0 || v <= 0)
		return vmf_fail(e, VMF_EDATA, "%s: vmf:step is '%.40s', "
		    "expected a number of seconds", name, text);
	if (*step_s > 0 && *step_s != v)
		return vmf_fail(e, VMF_EUSAGE, "%s: the stream's step is "
		    "%" PRId64 " s, --step says %" PRId64 " s", name, v,
		    *step_s);
	*step_s = v;
	return 0;
}

/* --checksum: of all files together. */
static int
checksum(struct vmf_err *e)
{
	struct vmf_checksum *sum = NULL;
	struct vmf_reader *in = NULL;
	struct vmf_out *out = NULL;
	const struct vmf_batch *b;
	int got, rc = vmf_checksum_new(&sum, opt.columns, e);

	if (rc == 0)
		rc = vmf_out_open(&out, c.output, e);
	for (int i = 0; rc == 0 && (i < c.n_args || i == 0); i++) {
		rc = cmd_open_in(&c, c.n_args > 0 ? c.arg[i] : NULL, &in, e);
		if (rc == 0)
			rc = vmf_checksum_schema(sum, vmf_reader_schema(in),
			    vmf_reader_name(in), e);
		while (rc == 0 && (got = vmf_reader_next(in, &b, e)) != 0)
			rc = got < 0 ? got : vmf_checksum_add(sum, b, e);
		vmf_reader_free(in);
		in = NULL;
	}
	if (rc == 0)
		rc = vmf_checksum_print(sum, out, e);
	if (rc == 0)
		rc = vmf_out_finish(out, e);
	vmf_checksum_free(sum);
	vmf_out_free(out);
	return rc;
}

int
main(int argc, char *argv[])
{
	struct vmf_err err = { "" };
	struct vmf_reader *in = NULL;
	struct vmf_out *out = NULL;
	struct vmf_printer *printer = NULL;
	const struct vmf_schema *schema;
	const struct vmf_batch *b;
	const char *path;
	int rc, got, ret;

	cmd_parse(&c, table, argc, argv);
	ret = check_options();
	if (ret != CMD_OK)
		goto free;
	if (sums) {
		rc = checksum(&err);
		goto done;
	}
	path = c.n_args > 0 ? c.arg[0] : NULL;
	rc = cmd_open_in(&c, path, &in, &err);
	if (rc != 0)
		goto done;
	schema = vmf_reader_schema(in);
	if (opt.by_step && !schema_only && has_lists(schema) &&
	    vmf_schema_find(schema, "start") >= 0) {
		rc = find_step(schema, vmf_reader_name(in), &opt.step_s,
		    &err);
		if (rc != 0)
			goto done;
	}
	rc = vmf_out_open(&out, c.output, &err);
	if (rc == 0 && schema_only) {
		rc = vmf_print_schema(out, schema, opt.format, &err);
		/* A stream that is cut off is damaged, whatever is asked. */
		while (rc == 0 && (got = vmf_reader_next(in, &b, &err)) != 0)
			rc = got < 0 ? got : 0;
	} else if (rc == 0) {
		rc = vmf_printer_open(&printer, out, schema, &opt, &err);
		while (rc == 0 && (got = vmf_reader_next(in, &b, &err)) != 0)
			rc = got < 0 ? got : vmf_printer_put(printer, b, &err);
		/* What came before a damaged place is shown all the same. */
		if (printer != NULL && (rc == 1 || rc == 0 ||
		    rc == VMF_EDATA)) {
			struct vmf_err later = { "" };
			int shown = vmf_printer_finish(printer, &later);

			if (rc >= 0) {
				rc = shown;
				err = later;
			}
		}
	}
	if (rc == 0) {
		rc = vmf_out_finish(out, &err);
	} else if (out != NULL && rc == VMF_EDATA && vmf_out_direct(out)) {
		struct vmf_err later;

		(void)!vmf_out_flush(out, &later);
	}
done:
	if (rc != 0)
		ret = cmd_error(&c, rc, &err);
free:
	vmf_printer_free(printer);
	vmf_out_free(out);
	vmf_reader_free(in);
	cmd_free(&c);
	return ret;
}
