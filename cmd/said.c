/* SPDX-License-Identifier: MIT */
/* What --help and --version say. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/* All that was asked for was said: did it arrive? */
static void
end_said(const struct cmd *c)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "%s: cannot write standard output: %s\n",
		    c->name, strerror(errno));
		exit(CMD_FAIL);
	}
	exit(CMD_OK);
}

void
cmd_say_version(const struct cmd *c)
{
	char device[1024] = "not used";

	if (c->device != NULL)
		c->device(device, sizeof(device));
	printf("%s %s\nbuild: %s\ncompiler: %s\ndevice: %s\n", c->name,
	    VMF_VERSION, VMF_BUILD, __VERSION__, device);
	if (c->trees != NULL) {
		const char *version = c->trees(device, sizeof(device));

		printf("xgboost: %s\n", version != NULL ? version :
		    "none (libxgboost-dev was not there when this was "
		    "built)");
	}
	end_said(c);
}

void
cmd_say_usage(const struct cmd *c)
{
	fputs(c->usage, stdout);
	end_said(c);
}
