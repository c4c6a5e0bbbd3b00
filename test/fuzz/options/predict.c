/* SPDX-License-Identifier: MIT */
#define main vmf_predict_main
int vmf_predict_main(int argc, char *argv[]);
#include "../../../cmd/vmf-predict.c"
#undef main
#include "../options.h"

void
options_predict(int argc, char *argv[])
{
	struct vmf_err e = { "" };
	struct vmf_predict p = { 0 };
	int64_t steps;
	int rc;

	FRESH(c);
	FRESH(opt);
	FRESH(refit);
	FRESH(explain);
	FRESH(totals);
	if (options_taken(&c, table, argc, argv)) {
		if ((rc = parse_options(&p, &e)) == 0 && (rc = check_moves(
		    &e)) == 0)
			rc = cmd_horizon(opt.horizon, 3600, &steps, &e);
		options_checked(rc, &e);
	}
	cmd_panel_free(&p.many.how);
	vmf_words_free(&p.metrics);
	cmd_free(&c);
}
