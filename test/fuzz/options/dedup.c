/* SPDX-License-Identifier: MIT */
#define main vmf_dedup_main
int vmf_dedup_main(int argc, char *argv[]);
#include "../../../cmd/vmf-dedup.c"
#undef main
#include "../options.h"

void
options_dedup(int argc, char *argv[])
{
	struct vmf_dedup_opts o = { 0 };

	FRESH(c);
	FRESH(keep);
	FRESH(sort);
	if (options_taken(&c, table, argc, argv))
		(void)parse_opts(&o);
	cmd_free(&c);
}
