/* SPDX-License-Identifier: MIT */
/*
 * What all commands share: options, messages, exit codes, history.  Only
 * here and in the commands does vmf print, exit or read the environment.
 */
#ifndef VMF_CMD_H
#define VMF_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"

#define CMD_OK 0
#define CMD_FAIL 1		/* data, I/O or device */
#define CMD_USAGE 2

enum cmd_opt_type {
	CMD_END,
	CMD_FLAG,		/* bool *: set true */
	CMD_STR,		/* const char ** */
	CMD_FILE,		/* const char **: a path; its base name goes
				 * into the history */
	CMD_PRIOR,		/* CMD_FILE of what -o may go on with: it may
				 * be the same file */
	CMD_WRITTEN,		/* CMD_FILE, but not read */
	CMD_MAP,		/* CMD_FILE or a word: a file has a slash or
				 * ends in .json */
	CMD_STRS,		/* struct cmd_strs *: repeatable */
	CMD_INT,		/* int64_t *, min..max */
	CMD_NUM,		/* double * */
	CMD_SIZE,		/* int64_t *, bytes: 256M */
	CMD_DURATION,		/* int64_t *, seconds: 5m */
	CMD_TIME,		/* int64_t *, RFC 3339 or wall clock in --tz */
	CMD_TZ,			/* no dst: sets the process's wall clock */
};

struct cmd_strs {
	int n;
	int64_t cap;
	const char **v;
};

struct cmd_opt {
	enum cmd_opt_type type;
	const char *name;	/* long name, without the dashes */
	char letter;		/* short name, or 0 */
	void *dst;
	bool quiet_in_history;	/* says nothing about what is in the rows */
	int64_t min, max;	/* CMD_INT; both 0: any.  CMD_SIZE: max, if
				 * not 0, in whole GiB */
};

/* The end of every --help. */
#define CMD_SHARED_USAGE \
	CMD_OUTPUT_USAGE \
	CMD_COMPRESS_USAGE \
	CMD_SUMS_USAGE \
	"      --max-batch SIZE  refuse batches larger than this [1G]\n" \
	CMD_HISTORY_USAGE \
	CMD_QUIET_USAGE
#define CMD_TEXT_USAGE \
	CMD_OUTPUT_USAGE \
	CMD_QUIET_USAGE
/* Of a command that reads text and writes a stream. */
#define CMD_FROM_TEXT_USAGE \
	CMD_OUTPUT_USAGE \
	CMD_COMPRESS_USAGE \
	CMD_SUMS_USAGE \
	"      --max-batch SIZE  no effect here: no stream is read\n" \
	CMD_HISTORY_USAGE \
	CMD_QUIET_USAGE
#define CMD_OUTPUT_USAGE \
	"  -o, --output FILE     write FILE, whole or not at all, " \
	"instead of stdout\n"
#define CMD_COMPRESS_USAGE \
	"  -z, --compress[=zstd|lz4|none]\n" \
	"                        compress the stream (-z alone: zstd)\n"
#define CMD_SUMS_USAGE \
	"      --sums FILE       write what vmf-cat --checksum says of the " \
	"output\n"
#define CMD_HISTORY_USAGE \
	"      --no-history      leave vmf:history out of the stream\n"
#define CMD_QUIET_USAGE \
	"  -q, --quiet           no summary on stderr\n" \
	"      --progress        progress on stderr (default: when it is a " \
	"terminal)\n" \
	"  -V, --version         version and how it was built\n" \
	"  -h, --help            this text\n"

/* Options that every command has; filled by cmd_parse. */
struct cmd {
	const char *name;	/* "vmf-window" */
	const char *usage;	/* the text of --help */
	bool text_only;		/* writes no stream: -z, --sums and
				 * --no-history are not there (usage:
				 * CMD_TEXT_USAGE) */
	bool same_kind;		/* -o may be the input: it is what it was,
				 * with less in it */
	int min_args, max_args;	/* operands; max_args < 0: any number */
	bool always_reads;	/* standard input where no operand is there,
				 * whatever the options are */
	/* NULL, or what -V says of the device that it can use */
	void (*device)(char *text, size_t size);
	/* NULL, or what -V says of XGBoost: NULL where it is not there */
	const char *(*trees)(char *text, size_t size);
	/* filled: */
	const char *output;	/* -o FILE; NULL: standard output */
	const char *compress;	/* -z: "zstd"; --compress=lz4|zstd|none */
	const char *sums;	/* --sums FILE; NULL: none */
	enum vmf_codec codec;
	int64_t max_batch;
	int64_t memory;		/* --memory, 256M; only where it is listed */
	bool no_history;
	bool quiet;
	bool progress;		/* --progress, or stderr is a terminal */
	const char *tmpdir;	/* $TMPDIR or /tmp */
	uint64_t given;		/* a bit for each option of its own table */
	char **arg;		/* operands */
	int n_args;
	char *history;		/* this command's line for vmf:history */
	int64_t progress_at;	/* second of the last progress line */
};

/*
 * Parse argv by the command's own table and the shared options.  Handles
 * --help and --version, sets SIGPIPE to its default, installs the handler
 * that removes unfinished output on SIGINT, SIGTERM and SIGHUP.  Exits 0 or
 * 2 by itself; otherwise all is set.
 */
void cmd_parse(struct cmd *c, const struct cmd_opt *table, int argc,
    char *argv[]);

/* After parsing: the name of the first option of its own that was given and is
 * one of words, such as "model threads", or is none of them; NULL: there is
 * none. */
const char *cmd_given_of(const struct cmd *c, const struct cmd_opt *table,
    const char *words);
const char *cmd_given_but(const struct cmd *c, const struct cmd_opt *table,
    const char *words);
/* VMF_EUSAGE where one of the lists of names with commas between, which the
 * option took, has none; expected says what they are of. */
int cmd_check_names(const char *option, const struct cmd_strs *s,
    const char *expected, struct vmf_err *e) VMF_CHECK;

/*
 * The same as cmd_parse without a word: 0, or CMD_HELP or CMD_VERSION where
 * that is asked for, or VMF_EUSAGE (or VMF_ENOMEM) with a message.  Neither
 * signals nor descriptors are looked at, and it may be called again.
 */
#define CMD_HELP 1
#define CMD_VERSION 2
int cmd_options(struct cmd *c, const struct cmd_opt *table, int argc,
    char *argv[], struct vmf_err *e) VMF_CHECK;

/* Signals and the three standard descriptors; cmd_parse calls it first.
 * False when standard output is closed. */
bool cmd_begin(void);

/* --help and --version: on standard output, then the end; exit code 1 where
 * it could not be written. */
void cmd_say_usage(const struct cmd *c);
void cmd_say_version(const struct cmd *c);

/* "vmf-x: message", stdout flushed first.  Returns the exit code for the
 * error code: 2 for VMF_EUSAGE, else 1. */
int cmd_error(const struct cmd *c, int code, const struct vmf_err *e);
/* A usage mistake found after parsing: message, hint, exit code 2. */
int cmd_usage(const struct cmd *c, const char *fmt, ...) VMF_PRINTF(2, 3);
/* The place of word among words, of which the last is NULL: the NULL's where
 * it is none of them. */
int cmd_word(const char *const *words, const char *word);
/* A line on stderr unless --quiet. */
void cmd_note(const struct cmd *c, const char *fmt, ...) VMF_PRINTF(2, 3);
/* Progress: at most a line a second on stderr when c->progress. */
void cmd_progress(struct cmd *c, const char *fmt, ...) VMF_PRINTF(2, 3);
/* cmd_progress of a text, for code that knows nothing of commands; c is a
 * struct cmd. */
void cmd_tell(void *c, const char *text);

/* Open the first operand, or standard input; a terminal is refused. */
int cmd_open_in(const struct cmd *c, const char *path,
    struct vmf_reader **r, struct vmf_err *e) VMF_CHECK;

/*
 * Output: opens -o FILE or stdout (a terminal is refused), unless
 * cmd_begin_out did it before there was anything to write; appends this
 * command's line to the schema's vmf:history (unless --no-history, which
 * removes it) and writes the schema.  With --sums the checksum of what is
 * written follows, once the stream is whole.
 */
struct cmd_output {
	struct vmf_out *out;
	struct vmf_writer *w;
	struct vmf_out *sums;
	struct vmf_checksum *sum;
};
int cmd_begin_out(const struct cmd *c, struct cmd_output *o,
    struct vmf_err *e) VMF_CHECK;
int cmd_open_out(const struct cmd *c, struct cmd_output *o,
    struct vmf_schema *s, struct vmf_err *e) VMF_CHECK;
int cmd_finish_out(struct cmd_output *o, struct vmf_err *e) VMF_CHECK;
void cmd_free_out(struct cmd_output *o);

/* Release what cmd_parse allocated. */
void cmd_free(struct cmd *c);

#endif
