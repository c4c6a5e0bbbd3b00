/* SPDX-License-Identifier: MIT */
#define main vmf_cat_main
int vmf_cat_main(int argc, char *argv[]);
#include "../../../cmd/vmf-cat.c"
#undef main
#include "../options.h"

void
options_cat(int argc, char *argv[])
{
	FRESH(c);
	FRESH(opt);
	FRESH(csv);
	FRESH(json);
	FRESH(schema_only);
	FRESH(sums);
	if (options_taken(&c, table, argc, argv))
		(void)check_options();
	cmd_free(&c);
}
