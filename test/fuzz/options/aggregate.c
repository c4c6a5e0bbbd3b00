/* SPDX-License-Identifier: MIT */
#define main vmf_aggregate_main
int vmf_aggregate_main(int argc, char *argv[]);
#include "../../../cmd/vmf-aggregate.c"
#undef main
#include "../options.h"

void
options_aggregate(int argc, char *argv[])
{
	FRESH(c);
	FRESH(opts);
	FRESH(append);
	FRESH(stat_list);
	FRESH(by);
	FRESH(join_file);
	FRESH(history);
	FRESH(prefer);
	FRESH(create);
	if (options_taken(&c, table, argc, argv))
		(void)parse_opts();
	cmd_free(&c);
}
