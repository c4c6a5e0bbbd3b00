/* SPDX-License-Identifier: MIT */
#include "ingest_moves.h"

#include "base/time.h"

int
ingest_load_map(struct vmf_map *map, const char *name, const char *metric,
    const char *delim, const char *decimal,
    const struct vmf_ingest_opts *o, struct vmf_err *e)
{
	int rc = vmf_map_load(map, name, e);

	if (rc == 0 && delim != NULL)
		rc = vmf_map_set_delimiter(map, delim, e);
	if (rc == 0 && decimal != NULL)
		rc = vmf_map_set_decimal(map, decimal, e);
	if (rc == 0 && map->migrations != NULL && (metric != NULL ||
	    o->start_s != VMF_TIME_NONE || o->step_s != 0 ||
	    o->pick.n_only > 0 || o->stamp != VMF_STAMP_AUTO ||
	    decimal != NULL))
		return vmf_fail(e, VMF_EUSAGE, "--map %.64s is of "
		    "migrations: --metric, --decimal, --start, --step, "
		    "--only and --time-format are for readings", name);
	return rc != 0 || metric == NULL ? rc :
	    vmf_map_set_metric(map, metric, e);
}

static void
report(const struct cmd *c, const struct vmf_mig_in *in,
    const struct vmf_ingest_opts *o)
{
	struct vmf_mig_counts n;

	vmf_mig_counts(in, &n);
	cmd_note(c, "%lld file%s, %lld rows in, %lld migrations out, %lld "
	    "bad rows, %lld repeated, %lld of another kind",
	    (long long)n.files, n.files == 1 ? "" : "s",
	    (long long)n.rows_in, (long long)n.rows_out, (long long)n.bad,
	    (long long)n.repeated, (long long)n.others);
	if (o->skip_bad && n.bad > 0)
		cmd_note(c, "the first bad row: %s", n.first_bad);
}

static int
read_file(struct vmf_mig_in *in, const char *path, struct vmf_batch *b,
    struct cmd_output *out, struct vmf_err *e)
{
	int got, rc = vmf_mig_open(in, path, e);

	if (rc != 0)
		return rc;
	while ((got = vmf_mig_next(in, b, e)) > 0) {
		if (vmf_batch_bytes(b) < VMF_BATCH_BYTES)
			continue;
		if ((rc = vmf_writer_put(out->w, b, e)) != 0)
			return rc;
		vmf_batch_clear(b);
	}
	return got;
}

int
ingest_moves(const struct cmd *c, const struct vmf_map *map,
    const struct vmf_ingest_opts *o, struct cmd_output *out,
    struct vmf_err *e)
{
	const struct vmf_mig_opts opts = { o->id, o->pick.ignore,
	    o->pick.n_ignore, o->skip_bad, o->bad_out };
	struct vmf_schema schema = { 0 };
	struct vmf_batch batch = { 0 };
	struct vmf_mig_in *in = NULL;
	int rc;

	if ((rc = vmf_mig_new(&in, map->migrations, &opts, e)) != 0 ||
	    (rc = vmf_mig_schema(&schema, e)) != 0 ||
	    (rc = cmd_open_out(c, out, &schema, e)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, e)) != 0)
		goto done;
	for (int i = 0; i < (c->n_args > 0 ? c->n_args : 1); i++)
		if ((rc = read_file(in, c->n_args > 0 ? c->arg[i] : NULL,
		    &batch, out, e)) != 0)
			goto done;
	if ((rc = vmf_writer_put(out->w, &batch, e)) != 0 ||
	    (o->bad_out != NULL && (rc = vmf_out_flush(o->bad_out,
	    e)) != 0) || (rc = cmd_finish_out(out, e)) != 0)
		goto done;
	report(c, in, o);
done:
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	vmf_mig_in_free(in);
	return rc;
}
