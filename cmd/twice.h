/* SPDX-License-Identifier: MIT */
/* Input that is read more than once: a file, or a pipe that is kept. */
#ifndef VMF_CMD_TWICE_H
#define VMF_CMD_TWICE_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "cmd.h"
#include "forecast/global.h"
#include "series/series.h"

struct cmd_twice {
	int fd;			/* 0: standard input, or read once only */
	int64_t from;		/* where it began */
	const char *kind;	/* of the stream; NULL: series */
};

/*
 * As cmd_open_in.  With again set it can be read again: what is not a regular
 * file, by its name or on standard input, is copied first, to a file without a
 * name in $TMPDIR.
 */
int cmd_open_twice(const struct cmd *c, const char *path, bool again,
    struct cmd_twice *t, struct vmf_reader **r, struct vmf_err *e) VMF_CHECK;
/* From the beginning: *r and s, which views it, are opened anew. */
int cmd_rewind(const struct cmd *c, const struct cmd_twice *t,
    struct vmf_reader **r, struct vmf_series *s, int64_t step_s, int64_t at,
    struct vmf_err *e) VMF_CHECK;
/* Learn from the whole fleet with --memory and progress. */
void cmd_fleet(struct cmd *c, struct vmf_globals *g);
void cmd_free_twice(struct cmd_twice *t);

#endif
