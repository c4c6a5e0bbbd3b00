/* SPDX-License-Identifier: MIT */
#define main vmf_train_main
int vmf_train_main(int argc, char *argv[]);
#include "../../../cmd/vmf-train.c"
#undef main
#include "../options.h"

void
options_train(int argc, char *argv[])
{
	struct vmf_err e = { "" };
	struct vmf_train t = { 0 };
	struct vmf_targets targets = { 0 };
	struct vmf_buf metrics = { 0 };
	struct vmf_model model = { 0 };
	struct vmf_reader *old = NULL;

	FRESH(c);
	FRESH(opt);
	FRESH(globals);
	/* --update opens a file: fuzz/model.c has that. */
	if (options_taken(&c, table, argc, argv) && opt.update == NULL)
		options_checked(parse_words(&t, &targets, &metrics, &model,
		    &old, &e), &e);
	vmf_targets_free(&targets);
	vmf_buf_free(&metrics);
	vmf_train_free(&t);
	cmd_free(&c);
}
