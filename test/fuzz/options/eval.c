/* SPDX-License-Identifier: MIT */
#define main vmf_eval_main
int vmf_eval_main(int argc, char *argv[]);
#include "../../../cmd/vmf-eval.c"
#undef main
#include "../options.h"

void
options_eval(int argc, char *argv[])
{
	struct vmf_err e = { "" };
	struct vmf_eval ev = { 0 };
	int64_t steps;
	int rc;

	FRESH(c);
	FRESH(opt);
	if (options_taken(&c, table, argc, argv)) {
		if ((rc = check_options(&ev, &e)) == 0)
			rc = read_horizon(3600, &steps, &e);
		options_checked(rc, &e);
	}
	cmd_panel_free(&ev.many.how);
	vmf_eval_free(&ev);
	cmd_free(&c);
}
