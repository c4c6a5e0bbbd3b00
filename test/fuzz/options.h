/* SPDX-License-Identifier: MIT */
/*
 * The options of each command, as its own code reads and checks them before
 * it opens anything: test/fuzz/options/NAME.c is cmd/vmf-NAME.c, whose main is
 * not called, and one of these.
 */
#ifndef VMF_FUZZ_OPTIONS_H
#define VMF_FUZZ_OPTIONS_H

#include <stdbool.h>
#include <string.h>

#include "cmd.h"

void options_aggregate(int argc, char *argv[]);
void options_cat(int argc, char *argv[]);
void options_dedup(int argc, char *argv[]);
void options_eval(int argc, char *argv[]);
void options_gen(int argc, char *argv[]);
void options_ingest(int argc, char *argv[]);
void options_predict(int argc, char *argv[]);
void options_train(int argc, char *argv[]);
void options_window(int argc, char *argv[]);

/* The table's part: true where the command would go on. */
bool options_taken(struct cmd *c, const struct cmd_opt *table, int argc,
    char *argv[]);
/* What a check that fails returns, and says in e. */
void options_checked(int rc, const struct vmf_err *e);

/* A variable of the command as it was when the process began. */
#define FRESH(v) do { \
		static __typeof__(v) first; \
		static bool known; \
		if (!known) \
			memcpy(&first, &(v), sizeof(v)); \
		known = true; \
		memcpy(&(v), &first, sizeof(v)); \
	} while (0)

#endif
