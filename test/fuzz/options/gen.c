/* SPDX-License-Identifier: MIT */
#define main vmf_gen_main
int vmf_gen_main(int argc, char *argv[]);
#include "../../../cmd/vmf-gen.c"
#undef main
#include "../options.h"

void
options_gen(int argc, char *argv[])
{
	struct vmf_gen_opts o;
	bool inventory;

	FRESH(c);
	FRESH(opt);
	if (options_taken(&c, table, argc, argv))
		(void)to_gen_opts(&o, &inventory);
	cmd_free(&c);
}
