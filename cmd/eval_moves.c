/* SPDX-License-Identifier: MIT */
#include "eval_moves.h"

#include <inttypes.h>
#include <string.h>

#include "base/thread.h"
#include "downtime/downtime_eval.h"

static void
progress(void *arg, int fold, int n)
{
	cmd_progress(arg, "%d of %d folds", fold, n);
}

/* All files one after the other, or what is on standard input; *first, the
 * caller's to free, is the first of them, read to its end. */
static int
read_all(struct cmd *c, struct vmf_past *past, struct vmf_reader **first,
    struct vmf_err *e)
{
	int rc = 0;

	for (int k = 0; rc == 0 && k < (c->n_args > 0 ? c->n_args : 1); k++) {
		struct vmf_reader *in = NULL;

		if ((rc = cmd_open_in(c, c->n_args > 0 ? c->arg[k] : NULL,
		    &in, e)) == 0)
			rc = vmf_past_read(past, in, e);
		if (k == 0)
			*first = in;
		else
			vmf_reader_free(in);
	}
	return rc;
}

static int
what_to_hold(const char *word, enum vmf_down_hold *hold, struct vmf_err *e)
{
	static const char *const words[] = { "config", "workload", "file" };

	for (int k = 0; k < 3; k++)
		if (word == NULL || strcmp(word, words[k]) == 0) {
			*hold = (enum vmf_down_hold)k;
			return 0;
		}
	return vmf_fail(e, VMF_EUSAGE, "--hold-out: found '%.64s', expected "
	    "config, workload or file", word);
}

int
eval_moves(struct cmd *c, const char *held_out, int64_t folds,
    int64_t threads, struct vmf_err *e)
{
	struct vmf_down_eval v = { .folds = folds > 0 ? (int)folds : 5,
	    .opts.threads = threads > 0 ? (int)threads : vmf_cores(),
	    .set = (const char *const *)c->arg, .on_fold = progress,
	    .arg = c };
	struct vmf_schema schema = { 0 };
	struct cmd_output out = { 0 };
	struct vmf_batch batch = { 0 };
	struct vmf_reader *in = NULL;
	struct vmf_past past = { 0 };
	char text[32];
	int rc;

	if ((rc = what_to_hold(held_out, &v.hold, e)) != 0 ||
	    (rc = read_all(c, &past, &in, e)) != 0 ||
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
