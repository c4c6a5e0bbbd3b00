/* SPDX-License-Identifier: MIT */
/*
 * vmf-gen - a synthetic fleet as CSV: the same seed gives the same bytes.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "cmd.h"
#include "gen/gen.h"
#include "overwrite.h"

#define MAX_ROWS ((int64_t)1 << 50)	/* more is a typing mistake */
#define MAX_START_S INT64_C(253402300799)	/* the year 9999 */

static struct cmd c = {
	.name = "vmf-gen",
	.text_only = true,
	.usage =
"usage: vmf-gen [options]\n"
"Write the samples of a synthetic fleet as CSV.\n"
"\n"
"      --shape csv|azure|inventory\n"
"                        columns: vm,time,cpu,mem with a header [csv];\n"
"                        time,id,min,max,avg without one; or the inventory\n"
"      --vms N           virtual machines [100]\n"
"      --days N          days of samples [1]\n"
"      --step TIME       time between samples [5m]\n"
"      --start TIME      first sample [2024-01-01T00:00:00Z, a Monday]\n"
"      --tz ZONE         wall clock of --start [UTC]\n"
"      --seed N          another fleet for another number [1]\n"
"      --order time|vm|shuffle\n"
"                        step by step [time], VM by VM, or step by step\n"
"                        with the VMs in another order each time\n"
"      --id-length N     opaque ids of N characters, 11 to 64\n"
"                        [vm-0000042; azure: 64]\n"
"      --decimals N      of all numbers, as other tools print doubles;\n"
"                        up to 15 [csv: 3; azure: 6]\n"
"      --net             csv: columns net_rx and net_tx as well\n"
"      --inventory FILE  write vm,host,cluster,vcpus,mem_mb as well\n"
CMD_TEXT_USAGE,
};

static struct {
	const char *shape, *order, *inventory;
	int64_t vms, days, step_s, start, seed, id_len, decimals;
	bool net;
} opt = {
	.shape = "csv", .order = "time", .vms = 100, .days = 1,
	.step_s = 300, .start = INT64_C(1704067200), .seed = 1,
};

static const struct cmd_opt table[] = {
	{ CMD_STR, "shape", 0, &opt.shape, false, 0, 0 },
	{ CMD_INT, "vms", 0, &opt.vms, false, 1, 1000000000 },
	{ CMD_INT, "days", 0, &opt.days, false, 1, 100000 },
	{ CMD_DURATION, "step", 0, &opt.step_s, false, 0, 0 },
	{ CMD_TIME, "start", 0, &opt.start, false, 0, 0 },
	{ CMD_TZ, "tz", 0, NULL, false, 0, 0 },
	{ CMD_INT, "seed", 0, &opt.seed, false, 0, 0 },
	{ CMD_STR, "order", 0, &opt.order, false, 0, 0 },
	{ CMD_INT, "id-length", 0, &opt.id_len, false, VMF_GEN_ID_MIN,
	    VMF_GEN_ID_MAX },
	{ CMD_INT, "decimals", 0, &opt.decimals, false, 3,
	    VMF_GEN_DECIMALS_MAX },
	{ CMD_FLAG, "net", 0, &opt.net, false, 0, 0 },
	{ CMD_FILE, "inventory", 0, &opt.inventory, true, 0, 0 },
	{ CMD_END, NULL, 0, NULL, false, 0, 0 },
};

/* Index of word in the NULL-ended list, or -1. */
static int
find_word(const char *word, const char *const *list)
{
	for (int i = 0; list[i] != NULL; i++)
		if (strcmp(word, list[i]) == 0)
			return i;
	return -1;
}

static int
to_gen_opts(struct vmf_gen_opts *o, bool *only_inventory)
{
	static const char *const shapes[] = { "csv", "azure", "inventory",
	    NULL };
	static const char *const orders[] = { "time", "vm", "shuffle", NULL };
	int shape = find_word(opt.shape, shapes);
	int order = find_word(opt.order, orders), rc;
	struct vmf_err err = { "" };

	if (shape < 0)
		return cmd_usage(&c, "--shape: found '%s', expected csv, "
		    "azure or inventory", opt.shape);
	if (order < 0)
		return cmd_usage(&c, "--order: found '%s', expected time, vm "
		    "or shuffle", opt.order);
	if (opt.decimals != 0 && shape == VMF_GEN_AZURE && opt.decimals < 6)
		return cmd_usage(&c, "--decimals: found %" PRId64 ", expected "
		    "at least 6 with --shape azure", opt.decimals);
	if (opt.net && shape != VMF_GEN_CSV)
		return cmd_usage(&c, "--net goes with --shape csv only");
	if (opt.inventory != NULL && shape == 2)
		return cmd_usage(&c, "--shape inventory writes it already: "
		    "use -o FILE instead of --inventory FILE");
	if (opt.inventory != NULL && (rc = cmd_check_apart("--inventory",
	    opt.inventory, c.output, "the output", &err)) != 0)
		return cmd_error(&c, rc, &err);
	if (opt.step_s > opt.days * 86400)
		return cmd_usage(&c, "--step: found %" PRId64 " s, expected "
		    "no more than the %" PRId64 " days of --days",
		    opt.step_s, opt.days);
	if (opt.start > MAX_START_S || opt.start < -MAX_START_S)
		return cmd_usage(&c, "--start: expected a time within the "
		    "years -6000 to 9999");
	*only_inventory = shape == 2;
	*o = (struct vmf_gen_opts){
		.shape = shape == 2 ? VMF_GEN_CSV : (enum vmf_gen_shape)shape,
		.order = (enum vmf_gen_order)order,
		.seed = (uint64_t)opt.seed,
		.n_vms = opt.vms,
		.start = opt.start,
		.step_s = opt.step_s,
		.n_steps = opt.days * 86400 / opt.step_s,
		.id_len = opt.id_len != 0 ? (int)opt.id_len :
		    shape == VMF_GEN_AZURE ? VMF_GEN_ID_MAX : 0,
		.net = opt.net,
		.decimals = (int)opt.decimals,
	};
	if (o->n_steps > MAX_ROWS / o->n_vms)
		return cmd_usage(&c, "%" PRId64 " VMs of %" PRId64
		    " samples are too many", o->n_vms, o->n_steps);
	return CMD_OK;
}

/* All that next gives into path. */
static int
write_all(struct vmf_gen *g, const char *path,
    int (*next)(struct vmf_gen *, struct vmf_buf *, struct vmf_err *),
    struct vmf_err *e)
{
	struct vmf_out *out = NULL;
	struct vmf_buf b = { 0 };
	int rc = vmf_out_open(&out, path, e);

	while (rc == 0 && (rc = next(g, &b, e)) > 0) {
		rc = vmf_out_write(out, b.p, b.n, e);
		b.n = 0;
		cmd_progress(&c, "%" PRId64 " rows",
		    vmf_gen_counts(g).rows);
	}
	if (rc == 0)
		rc = vmf_out_finish(out, e);
	vmf_out_free(out);
	vmf_buf_free(&b);
	return rc;
}

int
main(int argc, char *argv[])
{
	struct vmf_gen_opts o;
	struct vmf_gen_count n;
	struct vmf_gen *g = NULL;
	struct vmf_err err = { "" };
	bool only_inventory = false;
	int rc, ret;

	cmd_parse(&c, table, argc, argv);
	ret = to_gen_opts(&o, &only_inventory);
	if (ret != CMD_OK)
		goto done;
	rc = vmf_gen_open(&g, &o, &err);
	if (rc == 0 && opt.inventory != NULL)
		rc = write_all(g, opt.inventory, vmf_gen_next_place, &err);
	if (rc == 0)
		rc = write_all(g, c.output, only_inventory ?
		    vmf_gen_next_place : vmf_gen_next, &err);
	if (rc != 0) {
		ret = cmd_error(&c, rc, &err);
		goto done;
	}
	n = vmf_gen_counts(g);
	if (!only_inventory)
		cmd_note(&c, "rows %" PRId64 ", VMs %" PRId64 ", steps %"
		    PRId64 ", duplicates %" PRId64 ", conflicts %" PRId64,
		    n.rows, o.n_vms, o.n_steps, n.twice, n.conflicts);
done:
	vmf_gen_free(g);
	cmd_free(&c);
	return ret;
}
