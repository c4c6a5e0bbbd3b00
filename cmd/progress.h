/* SPDX-License-Identifier: MIT */
/* How far a command is through its input, for --progress. */
#ifndef VMF_CMD_PROGRESS_H
#define VMF_CMD_PROGRESS_H

#include "cmd.h"

struct cmd_meter {
	double began_s;		/* by a clock that only goes on */
	int64_t bytes;		/* of all input; 0: not known */
};

/* The operands of c, or standard input where there are none, are to be read
 * from now on. */
void cmd_meter_begin(struct cmd_meter *m, const struct cmd *c);
/* So many rows and bytes of them are: cmd_progress with the speed and, where
 * all of them are files, the time left. */
void cmd_meter_show(const struct cmd_meter *m, struct cmd *c, int64_t rows,
    int64_t bytes);

#endif
