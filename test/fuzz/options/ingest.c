/* SPDX-License-Identifier: MIT */
#define main vmf_ingest_main
int vmf_ingest_main(int argc, char *argv[]);
#include "../../../cmd/vmf-ingest.c"
#undef main
#include "../options.h"

void
options_ingest(int argc, char *argv[])
{
	FRESH(c);
	FRESH(opt);
	if (options_taken(&c, table, argc, argv))
		(void)check_options();
	free(opt.ignore.v);
	free(opt.only.v);
	cmd_free(&c);
}
