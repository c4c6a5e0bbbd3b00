/* SPDX-License-Identifier: MIT */
/* The command line: one table of options a command, and the shared ones. */
#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "cmd.h"
#include "overwrite.h"
#include "value.h"

#define OPT_MAX 64

/* Append a word to the history, quoted where a shell would need it. */
static int
history_add(struct vmf_buf *h, const char *word, struct vmf_err *e)
{
	size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%");
	int rc = vmf_buf_put(h, " ", 1, e);
	/* File names may be no UTF-8, and metadata must be. */
	bool utf8 = vmf_utf8_valid(word, (int64_t)strlen(word));

	if (rc == 0 && *word != '\0' && word[plain] == '\0') {
		rc = vmf_buf_put(h, word, (int64_t)plain, e);
	} else if (rc == 0) {
		rc = vmf_buf_put(h, "'", 1, e);
		for (; rc == 0 && *word != '\0'; word++)
			rc = *word == '\'' ? vmf_buf_put(h, "'\\''", 4, e) :
			    vmf_buf_put(h, *word == '\n' ? " " : !utf8 &&
			    (*word & 0x80) ? "?" : word, 1, e);
		if (rc == 0)
			rc = vmf_buf_put(h, "'", 1, e);
	}
	return rc;
}

static bool
is_file(enum cmd_opt_type type)
{
	return type == CMD_FILE || type == CMD_PRIOR ||
	    type == CMD_WRITTEN || type == CMD_MAP;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static int
set_codec(struct cmd *c, struct vmf_err *e)
{
	if (strcmp(c->compress, "zstd") == 0)
		c->codec = VMF_CODEC_ZSTD;
	else if (strcmp(c->compress, "lz4") == 0)
		c->codec = VMF_CODEC_LZ4;
	else if (strcmp(c->compress, "none") == 0)
		c->codec = VMF_CODEC_NONE;
	else
		return vmf_fail(e, VMF_EUSAGE, "--compress: found '%.200s', "
		    "expected zstd, lz4 or none", c->compress);
	return 0;
}

/* All options of a command, as getopt_long wants them as well. */
struct options {
	struct cmd_opt all[OPT_MAX];
	struct option lopt[OPT_MAX + 1];
	char sopt[3 * OPT_MAX + 2];
	int n;
};

/* ": --map, --metric" of options that begin as word does. */
static const char *
begun(const struct options *p, const char *word, char text[256])
{
	size_t len = strcspn(word, "="), used = 0;

	*text = '\0';
	for (int i = 0; i < p->n && len > 2 && used < 200; i++)
		if (strncmp(word, "--", 2) == 0 && strncmp(word + 2,
		    p->all[i].name, len - 2) == 0)
			used += (size_t)snprintf(text + used, 256 - used,
			    "%s--%s", used == 0 ? ": " : ", ",
			    p->all[i].name);
	return text;
}

/* Where getopt_long stopped: the word of argv it did not like. */
static int
bad_option(const struct options *p, int how, int argc, char *argv[],
    struct vmf_err *e)
{
	char text[256];
	const char *word = optind > 0 && optind <= argc ?
	    argv[optind - 1] : "";

	if (how == ':')
		return vmf_fail(e, VMF_EUSAGE, "option '%.200s' needs a "
		    "value", word);
	if (optopt > 0 && optopt < 256)
		return vmf_fail(e, VMF_EUSAGE, "unknown option '-%c'",
		    optopt);
	return vmf_fail(e, VMF_EUSAGE, "unknown or ambiguous option "
	    "'%.200s'%s", word, begun(p, word, text));
}

static void
list_options(struct options *p, const struct cmd *c,
    const struct cmd_opt *table, const struct cmd_opt *shared)
{
	size_t s = 0;

	memset(p, 0, sizeof(*p));
	for (; table->type != CMD_END; table++)
		p->all[p->n++] = *table;
	for (shared += c->text_only ? 3 : 0; shared->type != CMD_END;
	    shared++)
		p->all[p->n++] = *shared;
	p->sopt[s++] = ':';
	for (int i = 0; i < p->n; i++) {
		const struct cmd_opt *o = &p->all[i];
		int arg = o->type == CMD_FLAG ? no_argument :
		    o->letter == 'z' ? optional_argument : required_argument;

		p->lopt[i] = (struct option){ o->name, arg, NULL, 256 + i };
		if (o->letter == 0)
			continue;
		p->sopt[s++] = o->letter;
		if (arg != no_argument)
			p->sopt[s++] = ':';
		if (arg == optional_argument)
			p->sopt[s++] = ':';
	}
}

/* The zone first: times before --tz on the line mean the same.  What is wrong
 * with the others is told when they are looked at: in their order, of which
 * getopt_long leaves nothing, operands being last. */
static int
set_zone(const struct options *p, int argc, char *argv[], struct vmf_err *e)
{
	char **copy = vmf_calloc(argc + 1, (int64_t)sizeof(*copy), e);
	int ch, rc = 0;

	if (copy == NULL)
		return VMF_ENOMEM;
	memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	opterr = 0;
	optind = 0;		/* glibc's word for: from the beginning */
	while (rc == 0 && (ch = getopt_long(argc, copy, p->sopt, p->lopt,
	    NULL)) != -1)
		if (ch >= 256 && p->all[ch - 256].type == CMD_TZ)
			rc = cmd_set_option(&p->all[ch - 256], optarg, e);
	free(copy);
	return rc;
}

/* The operands, at the end of the history too. */
static int
take_operands(struct cmd *c, struct vmf_buf *h, int argc, char *argv[],
    struct vmf_err *e)
{
	int rc = 0;

	c->arg = argv + optind;
	c->n_args = argc - optind;
	for (int i = 0; rc == 0 && i < c->n_args && i < 8; i++)
		rc = history_add(h, base_name(c->arg[i]), e);
	if (rc == 0 && c->n_args > 8)
		rc = vmf_buf_printf(h, e, " ... (%d operands)", c->n_args);
	if (rc == 0)
		rc = vmf_buf_put(h, "", 1, e);
	if (rc != 0)
		return rc;
	if (c->n_args < c->min_args)
		return vmf_fail(e, VMF_EUSAGE, "expected %s",
		    c->min_args == 1 ? "a file" : "more operands");
	if (c->max_args >= 0 && c->n_args > c->max_args)
		return vmf_fail(e, VMF_EUSAGE, "unexpected operand '%.200s'",
		    c->arg[c->max_args]);
	return 0;
}

int
cmd_options(struct cmd *c, const struct cmd_opt *table, int argc,
    char *argv[], struct vmf_err *e)
{
	const struct cmd_opt shared[] = {
		{ CMD_STR, "compress", 'z', &c->compress, true, 0, 0 },
		{ CMD_FLAG, "no-history", 0, &c->no_history, true, 0, 0 },
		{ CMD_WRITTEN, "sums", 0, &c->sums, true, 0, 0 },
		{ CMD_FILE, "output", 'o', &c->output, true, 0, 0 },
		{ CMD_SIZE, "max-batch", 0, &c->max_batch, true, 1,
		    VMF_MAX_BATCH_MOST },
		{ CMD_FLAG, "quiet", 'q', &c->quiet, true, 0, 0 },
		{ CMD_FLAG, "progress", 0, &c->progress, true, 0, 0 },
		{ CMD_FLAG, "version", 'V', NULL, true, 0, 0 },
		{ CMD_FLAG, "help", 'h', NULL, true, 0, 0 },
		{ CMD_END, NULL, 0, NULL, false, 0, 0 },
	};
	struct options p;
	struct vmf_buf h = { 0 };
	int ch, k, rc, own = 0;

	c->max_batch = VMF_MAX_BATCH;
	if (c->memory == 0)
		c->memory = (int64_t)256 << 20;
	c->compress = "none";
	c->tmpdir = getenv("TMPDIR");
	if (c->tmpdir == NULL || *c->tmpdir == '\0')
		c->tmpdir = "/tmp";
	list_options(&p, c, table, shared);
	while (table[own].type != CMD_END)
		own++;
	assert(own <= 64);
	c->given = 0;
	/* Not $TZ nor /etc/localtime: the same command line means the same
	 * on every machine. */
	if ((rc = vmf_tz_set("UTC", e)) != 0 ||
	    (rc = set_zone(&p, argc, argv, e)) != 0 ||
	    (rc = vmf_buf_printf(&h, e, "%s %s", c->name,
	    VMF_VERSION)) != 0)
		goto done;
	optind = 0;
	while ((ch = getopt_long(argc, argv, p.sopt, p.lopt, NULL)) != -1) {
		if (ch == '?' || ch == ':') {
			rc = bad_option(&p, ch, argc, argv, e);
			goto done;
		}
		for (k = 0; k < p.n; k++)
			if (ch == 256 + k ||
			    (ch < 256 && ch == p.all[k].letter))
				break;
		if (k < own)
			c->given |= (uint64_t)1 << k;
		rc = strcmp(p.all[k].name, "help") == 0 ? CMD_HELP :
		    strcmp(p.all[k].name, "version") == 0 ? CMD_VERSION : 0;
		if (rc == 0 && p.all[k].letter == 'z')
			c->compress = optarg != NULL ? optarg : "zstd";
		else if (rc == 0)
			rc = cmd_set_option(&p.all[k], optarg, e);
		if (rc == 0 && !p.all[k].quiet_in_history) {
			rc = vmf_buf_printf(&h, e, " --%s", p.all[k].name);
			if (rc == 0 && optarg != NULL)
				rc = history_add(&h,
				    is_file(p.all[k].type) ?
				    base_name(optarg) : optarg, e);
		}
		if (rc != 0)
			goto done;
	}
	if ((rc = set_codec(c, e)) != 0)
		goto done;
	c->progress = c->progress || (!c->quiet && isatty(STDERR_FILENO) == 1);
	rc = take_operands(c, &h, argc, argv, e);
done:
	if (rc != 0)
		vmf_buf_free(&h);
	c->history = (char *)h.p;
	return rc;
}

void
cmd_parse(struct cmd *c, const struct cmd_opt *table, int argc, char *argv[])
{
	bool have_out = cmd_begin();
	struct vmf_err e = { "" };
	int rc = cmd_options(c, table, argc, argv, &e);

	if (rc == CMD_HELP && have_out)
		cmd_say_usage(c);
	if (rc == CMD_VERSION && have_out)
		cmd_say_version(c);
	if (rc == 0)
		rc = cmd_check_stdin(c, table, &e);
	if (rc == 0)
		rc = cmd_check_output(c, table, &e);
	if (rc == 0 && c->sums != NULL)
		rc = cmd_check_sums(c, table, &e);
	if (rc == VMF_EUSAGE)
		exit(cmd_usage(c, "%s", e.msg));
	if (rc >= 0 && !have_out && (rc != 0 || c->output == NULL ||
	    strcmp(c->output, "-") == 0))
		rc = vmf_fail(&e, VMF_EIO, "standard output is closed");
	if (rc != 0)
		exit(cmd_error(c, rc, &e));
}
