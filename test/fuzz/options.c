/* SPDX-License-Identifier: MIT */
/*
 * The command lines of all commands: the first byte chooses the command, the
 * rest is its words, one a line.  Each is taken, and then its history is a
 * line of UTF-8 and its numbers are in their bounds; or it is refused as a
 * usage error with a message.  Nothing is opened, printed or exited from, and
 * nothing is kept from one line to the next.
 */
#include "options.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"

#define WORDS 48

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *name;
	void (*read)(int argc, char *argv[]);
} commands[] = {
	{ "vmf-aggregate", options_aggregate }, { "vmf-cat", options_cat },
	{ "vmf-dedup", options_dedup }, { "vmf-eval", options_eval },
	{ "vmf-gen", options_gen }, { "vmf-ingest", options_ingest },
	{ "vmf-predict", options_predict }, { "vmf-train", options_train },
	{ "vmf-window", options_window },
};
#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static void
must(bool ok)
{
	if (!ok)
		abort();
}

void
options_checked(int rc, const struct vmf_err *e)
{
	must(rc == 0 || (*e->msg != '\0' && strlen(e->msg) <
	    sizeof(e->msg)));
}

bool
options_taken(struct cmd *c, const struct cmd_opt *table, int argc,
    char *argv[])
{
	struct vmf_err e = { "" };
	int rc = cmd_options(c, table, argc, argv, &e);
	size_t n;

	must(rc == 0 || rc == CMD_HELP || rc == CMD_VERSION ||
	    (rc == VMF_EUSAGE && *e.msg != '\0'));
	if (rc != 0) {
		must(c->history == NULL);
		return false;
	}
	n = strlen(c->history);
	must(n > strlen(c->name) && memcmp(c->history, c->name,
	    strlen(c->name)) == 0 && strchr(c->history, '\n') == NULL &&
	    vmf_utf8_valid(c->history, (int64_t)n));
	must(c->n_args >= c->min_args && (c->max_args < 0 ||
	    c->n_args <= c->max_args));
	must(c->max_batch > 0 && c->memory > 0);
	for (; table->type != CMD_END; table++) {
		int64_t v = table->type == CMD_DURATION ||
		    table->type == CMD_INT ? *(int64_t *)table->dst : 0;

		/* 0 and -1 stand for what was not given. */
		if (table->type == CMD_DURATION)
			must(v >= 0);
		else if (table->min != 0 || table->max != 0)
			must(v == 0 || v == -1 || (v >= table->min &&
			    v <= table->max));
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *argv[WORDS + 2], *at;
	int argc = 1;
	size_t k;

	if (size < 1 || size > 4096)
		return 0;
	k = data[0] % N_COMMANDS;
	text = malloc(size);
	must(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	argv[0] = (char *)(uintptr_t)commands[k].name;
	for (at = text; argc <= WORDS;) {
		char *end = strchr(at, '\n');

		argv[argc++] = at;
		if (end == NULL)
			break;
		*end = '\0';
		at = end + 1;
	}
	argv[argc] = NULL;
	commands[k].read(argc, argv);
	free(text);
	return 0;
}
