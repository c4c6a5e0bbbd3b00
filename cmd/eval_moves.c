/* SPDX-License-Identifier: MIT */
#include "eval_moves.h"

#include <inttypes.h>
#include <string.h>

#include "base/thread.h"
#include "plan/downtime_eval.h"

static void
progress(void *arg, int fold, int n)
{
	cmd_progress(arg, "%d of %d folds", fold, n);
}

int
eval_moves(struct cmd *c, const char *path, const char *held_out,
    int64_t folds, int64_t threads, struct vmf_err *e)
{
	struct vmf_down_eval v = { .folds = folds > 0 ? (int)folds : 5,
	    .opts.threads = threads > 0 ? (int)threads : vmf_cores(),
	    .on_fold = progress, .arg = c };
	struct vmf_schema schema = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_batch batch = { 0 };
	struct vmf_reader *in = NULL;
	struct vmf_past past = { 0 };
	char text[32];
	int rc;

	v.by_workload = held_out != NULL && strcmp(held_out, "workload") == 0;
	if (held_out != NULL && !v.by_workload &&
	    strcmp(held_out, "config") != 0)
		return vmf_fail(e, VMF_EUSAGE, "--hold-out: found '%.64s', "
		    "expected config or workload", held_out);
	if ((rc = cmd_open_in(c, path, &in, e)) != 0 ||
	    (rc = vmf_past_read(&past, in, e)) != 0 ||
	    (rc = vmf_down_eval_schema(&schema, vmf_reader_schema(in),
	    e)) != 0 ||
	    (rc = cmd_open_out(c, &out, &schema, e)) != 0 ||
	    (rc = vmf_batch_init(&batch, &schema, e)) != 0 ||
	    (rc = vmf_down_eval(&v, &past, &batch, e)) != 0 ||
	    (rc = vmf_writer_put(out.w, &batch, e)) != 0 ||
	    (rc = cmd_finish_out(&out, e)) != 0)
		goto done;
	cmd_note(c, "%" PRId64 " completed migrations, %" PRId64 " not "
	    "completed; %s", past.n, past.n_failed,
	    vmf_boost_version(text, sizeof(text)) != NULL ? "with trees" :
	    "without trees: this build has no libxgboost");
done:
	cmd_free_out(&out);
	vmf_batch_free(&batch);
	vmf_schema_free(&schema);
	vmf_reader_free(in);
	vmf_past_free(&past);
	return rc;
}
