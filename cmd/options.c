/* SPDX-License-Identifier: MIT */
/* The command line: one table of options a command, and the shared ones. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "cmd.h"

#define OPT_MAX 64

/* A command dies of no memory before it has done anything. */
static void
die_nomem(const struct cmd *c)
{
	fprintf(stderr, "%s: out of memory\n", c->name);
	exit(CMD_FAIL);
}

/* Append a word to the history, quoted where a shell would need it. */
static void
history_add(const struct cmd *c, struct vmf_buf *h, const char *word)
{
	size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%");
	int rc = vmf_buf_put(h, " ", 1, NULL);
	/* File names may be no UTF-8, and metadata must be. */
	bool utf8 = vmf_utf8_valid(word, (int64_t)strlen(word));

	if (rc == 0 && *word != '\0' && word[plain] == '\0') {
		rc = vmf_buf_put(h, word, (int64_t)plain, NULL);
	} else if (rc == 0) {
		rc = vmf_buf_put(h, "'", 1, NULL);
		for (; rc == 0 && *word != '\0'; word++)
			rc = *word == '\'' ? vmf_buf_put(h, "'\\''", 4, NULL) :
			    vmf_buf_put(h, *word == '\n' ? " " : !utf8 &&
			    (*word & 0x80) ? "?" : word, 1, NULL);
		if (rc == 0)
			rc = vmf_buf_put(h, "'", 1, NULL);
	}
	if (rc != 0)
		die_nomem(c);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void
bad_value(const struct cmd *c, const struct cmd_opt *o, const char *arg,
    const char *expected)
{
	exit(cmd_usage(c, "--%s: found '%s', expected %s", o->name, arg,
	    expected));
}

static void
set_option(struct cmd *c, const struct cmd_opt *o, const char *arg)
{
	struct vmf_err e = { "" };
	struct cmd_strs *strs;
	int64_t v;
	char want[96];

	switch (o->type) {
	case CMD_FLAG:
		*(bool *)o->dst = true;
		break;
	case CMD_STR:
	case CMD_FILE:
		*(const char **)o->dst = arg;
		break;
	case CMD_STRS:
		strs = o->dst;
		if (vmf_grow(&strs->v, &strs->cap, strs->n + 1, &e) != 0)
			die_nomem(c);
		strs->v[strs->n++] = arg;
		break;
	case CMD_INT:
		if (vmf_parse_int64(arg, (int64_t)strlen(arg), &v) != 0)
			bad_value(c, o, arg, "a whole number");
		if ((o->min != 0 || o->max != 0) &&
		    (v < o->min || v > o->max)) {
			snprintf(want, sizeof(want), "a whole number from %"
			    PRId64 " to %" PRId64, o->min, o->max);
			bad_value(c, o, arg, want);
		}
		*(int64_t *)o->dst = v;
		break;
	case CMD_NUM:
		if (vmf_parse_double(arg, (int64_t)strlen(arg),
		    (double *)o->dst) != 0 || *(double *)o->dst !=
		    *(double *)o->dst)
			bad_value(c, o, arg, "a number");
		break;
	case CMD_SIZE:
		if (vmf_parse_size(arg, (int64_t *)o->dst) != 0 ||
		    *(int64_t *)o->dst <= 0)
			bad_value(c, o, arg, "a size such as 256M or 1G");
		break;
	case CMD_DURATION:
		if (vmf_parse_duration(arg, (int64_t *)o->dst) != 0)
			bad_value(c, o, arg,
			    "a span of time such as 300, 5m, 1h30m or 1d");
		break;
	case CMD_TIME:
		if (vmf_time_parse_any(arg, (int64_t)strlen(arg),
		    (int64_t *)o->dst) != 0)
			bad_value(c, o, arg, "a time such as "
			    "2024-05-01T12:00:00Z, '2024-05-01 12:00' (in "
			    "--tz) or @1714564800");
		break;
	case CMD_TZ:
		if (vmf_tz_set(arg, &e) != 0)
			exit(cmd_usage(c, "--%s: %s", o->name, e.msg));
		break;
	case CMD_END:
		break;
	}
}

static void
set_codec(struct cmd *c)
{
	if (strcmp(c->compress, "zstd") == 0)
		c->codec = VMF_CODEC_ZSTD;
	else if (strcmp(c->compress, "lz4") == 0)
		c->codec = VMF_CODEC_LZ4;
	else if (strcmp(c->compress, "none") == 0)
		c->codec = VMF_CODEC_NONE;
	else
		exit(cmd_usage(c, "--compress: found '%s', expected zstd, "
		    "lz4 or none", c->compress));
}

/* Where getopt_long stopped: the word of argv it did not like. */
static void
bad_option(const struct cmd *c, int how, int argc, char *argv[])
{
	const char *word = optind > 0 && optind <= argc ?
	    argv[optind - 1] : "";

	if (how == ':')
		exit(cmd_usage(c, "option '%s' needs a value", word));
	if (optopt > 0 && optopt < 256)
		exit(cmd_usage(c, "unknown option '-%c'", optopt));
	exit(cmd_usage(c, "unknown or ambiguous option '%s'", word));
}

void
cmd_parse(struct cmd *c, const struct cmd_opt *table, int argc, char *argv[])
{
	struct cmd_opt all[OPT_MAX];
	struct option lopt[OPT_MAX + 1] = { { 0 } };
	char sopt[3 * OPT_MAX + 2] = ":";
	struct vmf_buf h = { 0 };
	size_t s = 1;
	int n = 0, ch, idx;
	const struct cmd_opt shared[] = {
		{ CMD_STR, "compress", 'z', &c->compress, true, 0, 0 },
		{ CMD_FLAG, "no-history", 0, &c->no_history, true, 0, 0 },
		{ CMD_FILE, "output", 'o', &c->output, true, 0, 0 },
		{ CMD_SIZE, "max-batch", 0, &c->max_batch, true, 0, 0 },
		{ CMD_FLAG, "quiet", 'q', &c->quiet, true, 0, 0 },
		{ CMD_FLAG, "progress", 0, &c->progress, true, 0, 0 },
		{ CMD_FLAG, "version", 'V', NULL, true, 0, 0 },
		{ CMD_FLAG, "help", 'h', NULL, true, 0, 0 },
		{ CMD_END, NULL, 0, NULL, false, 0, 0 },
	};
	bool have_out = cmd_begin();

	c->max_batch = VMF_MAX_BATCH;
	if (c->memory == 0)
		c->memory = (int64_t)256 << 20;
	c->compress = "none";
	c->progress = isatty(STDERR_FILENO) == 1;
	c->tmpdir = getenv("TMPDIR");
	if (c->tmpdir == NULL || *c->tmpdir == '\0')
		c->tmpdir = "/tmp";
	/* Not $TZ nor /etc/localtime: the same command line means the same
	 * on every machine. */
	if (vmf_tz_set("UTC", NULL) != 0)
		die_nomem(c);

	for (; table->type != CMD_END; table++)
		all[n++] = *table;
	for (const struct cmd_opt *o = shared + (c->text_only ? 2 : 0);
	    o->type != CMD_END; o++)
		all[n++] = *o;
	for (int i = 0; i < n; i++) {
		const struct cmd_opt *o = &all[i];
		int arg = o->type == CMD_FLAG ? no_argument :
		    o->letter == 'z' ? optional_argument : required_argument;

		lopt[i] = (struct option){ o->name, arg, NULL, 256 + i };
		if (o->letter == 0)
			continue;
		sopt[s++] = o->letter;
		if (arg != no_argument)
			sopt[s++] = ':';
		if (arg == optional_argument)
			sopt[s++] = ':';
	}

	opterr = 0;
	/* The zone first: times before --tz on the line mean the same. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *v = NULL;

		if (strncmp(argv[i], "--tz=", 5) == 0)
			v = argv[i] + 5;
		else if (strcmp(argv[i], "--tz") == 0 && i + 1 < argc)
			v = argv[i + 1];
		for (idx = 0; v != NULL && idx < n; idx++)
			if (all[idx].type == CMD_TZ)
				set_option(c, &all[idx], v);
	}
	if (vmf_buf_printf(&h, NULL, "%s %s", c->name, VMF_VERSION) != 0)
		die_nomem(c);
	while ((ch = getopt_long(argc, argv, sopt, lopt, NULL)) != -1) {
		if (ch == '?' || ch == ':')
			bad_option(c, ch, argc, argv);
		for (idx = 0; idx < n; idx++)
			if (ch == 256 + idx ||
			    (ch < 256 && ch == all[idx].letter))
				break;
		if (strcmp(all[idx].name, "help") == 0)
			cmd_say_usage(c);
		if (strcmp(all[idx].name, "version") == 0)
			cmd_say_version(c);
		if (all[idx].letter == 'z')
			c->compress = optarg != NULL ? optarg : "zstd";
		else
			set_option(c, &all[idx], optarg);
		if (all[idx].quiet_in_history)
			continue;
		if (vmf_buf_printf(&h, NULL, " --%s", all[idx].name) != 0)
			die_nomem(c);
		if (optarg != NULL)
			history_add(c, &h, all[idx].type == CMD_FILE ?
			    base_name(optarg) : optarg);
	}
	set_codec(c);
	c->progress = c->progress && !c->quiet;
	c->arg = argv + optind;
	c->n_args = argc - optind;
	for (int i = 0; i < c->n_args && i < 8; i++)
		history_add(c, &h, base_name(c->arg[i]));
	if (c->n_args > 8 && vmf_buf_printf(&h, NULL, " ... (%d operands)",
	    c->n_args) != 0)
		die_nomem(c);
	if (vmf_buf_put(&h, "", 1, NULL) != 0)
		die_nomem(c);
	c->history = (char *)h.p;
	if (c->n_args < c->min_args)
		exit(cmd_usage(c, "expected %s", c->min_args == 1 ?
		    "a file" : "more operands"));
	if (c->max_args >= 0 && c->n_args > c->max_args)
		exit(cmd_usage(c, "unexpected operand '%s'",
		    c->arg[c->max_args]));
	if (!have_out && (c->output == NULL || strcmp(c->output, "-") == 0)) {
		fprintf(stderr, "%s: standard output is closed\n", c->name);
		exit(CMD_FAIL);
	}
}
