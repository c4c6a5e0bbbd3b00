/* SPDX-License-Identifier: MIT */
#define main vmf_window_main
int vmf_window_main(int argc, char *argv[]);
#include "../../../cmd/vmf-window.c"
#undef main
#include "../options.h"

void
options_window(int argc, char *argv[])
{
	struct vmf_err e = { "" };
	struct vmf_planner p = { 0 };
	struct vmf_blackout *blackout = NULL;

	FRESH(c);
	FRESH(opt);
	if (options_taken(&c, table, argc, argv)) {
		options_checked(window_opts_read(&opt, &p, &blackout, &e),
		    &e);
		(void)window_opts_named(&opt.explain, "a", 1);
	}
	free(blackout);
	free(opt.blackout.v);
	free(opt.drain.v);
	free(opt.explain.v);
	cmd_free(&c);
}
