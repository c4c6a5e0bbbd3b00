/* SPDX-License-Identifier: MIT */
#include "predict_sums.h"

#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "forecast/reconcile.h"
#include "twice.h"

struct both {
	struct cmd_twice twice;
	struct vmf_reader *r;
	struct vmf_series s;
};

static int
open_both(const struct cmd *c, struct both *b, const char *path,
    int64_t step_s, struct vmf_err *e)
{
	int rc;

	b->twice.kind = "forecast";
	if ((rc = cmd_open_twice(c, path, true, &b->twice, &b->r, e)) != 0)
		return rc;
	return vmf_series_open(&b->s, b->r, "forecast", step_s,
	    VMF_TIME_NONE, e);
}

static void
free_both(struct both *b)
{
	vmf_series_free(&b->s);
	vmf_reader_free(b->r);
	cmd_free_twice(&b->twice);
}

/* A pass over the VMs that writes nothing. */
static int
pass(struct cmd *c, struct vmf_reconcile *r, const char *what,
    int (*batch)(struct vmf_reconcile *r, struct vmf_err *e),
    struct vmf_err *e)
{
	int64_t n = 0;
	int got, rc;

	while ((got = vmf_series_next(r->vms, e)) > 0) {
		if ((rc = batch(r, e)) != 0)
			return rc;
		n += r->vms->b->n;
		cmd_progress(c, "%s: %" PRId64 " VMs", what, n);
	}
	return got;
}

static int
put_all(struct cmd *c, struct vmf_reconcile *r, struct vmf_series *s,
    int (*put)(struct vmf_reconcile *r, struct vmf_batch *out,
    struct vmf_err *e), struct vmf_batch *out, struct vmf_writer *w,
    struct vmf_err *e)
{
	int64_t n = 0;
	int got, rc;

	while ((got = vmf_series_next(s, e)) > 0) {
		if ((rc = put(r, out, e)) != 0)
			return rc;
		n += s->b->n;
		cmd_progress(c, "%" PRId64 " rows", n);
		if (vmf_batch_bytes(out) < VMF_BATCH_BYTES)
			continue;
		if ((rc = vmf_writer_put(w, out, e)) != 0)
			return rc;
		vmf_batch_clear(out);
	}
	return got < 0 ? got : vmf_writer_put(w, out, e);
}

static void
note(const struct cmd *c, const struct vmf_reconcile *r)
{
	cmd_note(c, "%" PRId64 " VMs on %" PRId64 " %ss that are forecast: "
	    "%" PRId64 " without a forecast of their own, %" PRId64 " on "
	    "others, left as they were; %" PRId64 " %ss without VMs, "
	    "%" PRId64 " out of reach of theirs", r->n_vms, r->n_totals,
	    r->by, r->n_blank, r->n_alone, r->n_idle, r->by, r->n_short);
}

int
predict_sums(struct cmd *c, const struct predict_sums *o, struct vmf_err *e)
{
	struct vmf_reconcile r = { .by = o->by == NULL ? "host" : o->by,
	    .metric = o->metric == NULL ? "cpu_mean" : o->metric };
	struct both vms = { 0 }, totals = { 0 };
	struct vmf_schema schema = { 0 }, own = { 0 };
	struct vmf_batch batch = { 0 };
	struct cmd_output out = { 0 };
	const struct vmf_schema *s = o->put_totals ? &own : &schema;
	int rc;

	r.vms = &vms.s;
	r.totals = &totals.s;
	if (strcmp(r.by, "host") != 0 && strcmp(r.by, "cluster") != 0)
		return vmf_fail(e, VMF_EUSAGE, "--by: found '%.64s', expected "
		    "host or cluster", r.by);
	if ((rc = open_both(c, &totals, o->totals, o->step_s, e)) != 0 ||
	    (rc = open_both(c, &vms, o->path, o->step_s, e)) != 0 ||
	    (rc = vmf_reconcile_open(&r, &schema, e)) != 0 ||
	    (rc = vmf_reconcile_totals_schema(&r, &own, e)) != 0 ||
	    (rc = cmd_open_out(c, &out, o->put_totals ? &own : &schema,
	    e)) != 0 ||
	    (rc = vmf_batch_init(&batch, s, e)) != 0 ||
	    (rc = pass(c, &r, "sums", vmf_reconcile_sum, e)) != 0)
		goto done;
	if (r.n_alone > 0 && r.n_alone + r.n_blank == r.n_vms) {
		rc = vmf_fail(e, VMF_EDATA, "%s: no VM is on any %s that it "
		    "forecasts, expected the forecast of the VMs' %ss (--by "
		    "has cluster for these)", vmf_reader_name(r.totals->r),
		    r.by, r.by);
		goto done;
	}
	vmf_reconcile_aim(&r);
	if ((rc = cmd_rewind(c, &vms.twice, &vms.r, &vms.s, o->step_s,
	    VMF_TIME_NONE, e)) != 0 ||
	    (rc = pass(c, &r, "bounds", vmf_reconcile_clip, e)) != 0)
		goto done;
	vmf_reconcile_close(&r);
	if (o->put_totals && ((rc = cmd_rewind(c, &totals.twice, &totals.r,
	    &totals.s, o->step_s, VMF_TIME_NONE, e)) != 0 ||
	    (rc = put_all(c, &r, r.totals, vmf_reconcile_put_totals, &batch,
	    out.w, e)) != 0))
		goto done;
	if (!o->put_totals && ((rc = cmd_rewind(c, &vms.twice, &vms.r,
	    &vms.s, o->step_s, VMF_TIME_NONE, e)) != 0 ||
	    (rc = put_all(c, &r, r.vms, vmf_reconcile_put, &batch, out.w,
	    e)) != 0))
		goto done;
	if ((rc = cmd_finish_out(&out, e)) == 0)
		note(c, &r);
done:
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	vmf_schema_free(&own);
	vmf_reconcile_free(&r);
	free_both(&vms);
	free_both(&totals);
	return rc;
}
