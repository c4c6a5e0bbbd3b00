/* SPDX-License-Identifier: MIT */
/* Messages, and streams as commands open and close them. */
#include "cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arrow/checksum.h"
#include "base/mem.h"
#include "base/num.h"

static void
on_signal(int sig)
{
	vmf_out_unlink_all();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
install_signals(void)
{
	/* Libraries abort where C++ has no memory. */
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE,
	    SIGXCPU, SIGABRT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF };
	struct sigaction sa = { .sa_handler = on_signal }, old;

	sigemptyset(&sa.sa_mask);
	/* Some parents ignore SIGPIPE; a filter must end quietly all the
	 * same.  A limit on the size of files is an error of write. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		if (sigaction(sigs[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &sa, NULL);
}

/*
 * A closed descriptor 0, 1 or 2 would be taken by the first file opened,
 * and messages or data would land in it.  Returns false if stdout was
 * closed: there is nowhere to write then.
 */
static bool
check_std_fds(void)
{
	bool have_out = true;

	for (int fd = 0; fd <= 2; fd++) {
		if (lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF)
			continue;
		if (fd == STDOUT_FILENO)
			have_out = false;
		/* For writing, so that to read it is an error too. */
		if (freopen("/dev/null", "w", fd == 0 ? stdin : fd == 1 ?
		    stdout : stderr) == NULL)
			return false;
	}
	return have_out;
}

bool
cmd_begin(void)
{
	static char lines[8192];
	bool have_out = check_std_fds();

	/* A line is one write, or those of a pipe's commands tear. */
	(void)setvbuf(stderr, lines, _IOLBF, sizeof(lines));
	install_signals();
	/* OpenMP ends the process where it can start no thread.  Without
	 * room for this the handlers above still do what they can. */
	(void)atexit(vmf_out_unlink_all);
	return have_out;
}

/*
 * Messages quote ids and names, which may hold anything, and cut long ones:
 * what a terminal would obey (C0, and C1 as U+0080 to U+009F) and what is no
 * whole character becomes '?'.
 */
static void
put_safe(const char *said)
{
	char text[2048];

	vmf_utf8_text(text, sizeof(text), said);
	for (const char *s = text; *s != '\0'; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch == 0xc2 && (s[1] & 0xe0) == 0x80) {
			fputc('?', stderr);
			s++;
		} else {
			fputc(ch < 0x20 || ch == 0x7f ? '?' : ch, stderr);
		}
	}
}

int
cmd_error(const struct cmd *c, int code, const struct vmf_err *e)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", c->name);
	put_safe(e->msg);
	fputc('\n', stderr);
	if (code != VMF_EUSAGE)
		return CMD_FAIL;
	fprintf(stderr, "Try '%s --help'.\n", c->name);
	return CMD_USAGE;
}

int
cmd_usage(const struct cmd *c, const char *fmt, ...)
{
	struct vmf_err e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	return cmd_error(c, VMF_EUSAGE, &e);
}

int
cmd_word(const char *const *words, const char *word)
{
	int k = 0;

	while (words[k] != NULL && strcmp(words[k], word) != 0)
		k++;
	return k;
}

void
cmd_note(const struct cmd *c, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	if (c->quiet)
		return;
	fprintf(stderr, "%s: ", c->name);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_safe(text);
	fputc('\n', stderr);
}

void
cmd_progress(struct cmd *c, const char *fmt, ...)
{
	struct timespec now;
	va_list ap;

	if (!c->progress)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (c->progress_at == 0)
		c->progress_at = now.tv_sec;
	if (now.tv_sec == c->progress_at)
		return;
	c->progress_at = now.tv_sec;
	fprintf(stderr, "%s: ", c->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" ...\n", stderr);
}

void
cmd_tell(void *c, const char *text)
{
	cmd_progress(c, "%s", text);
}

int
cmd_open_in(const struct cmd *c, const char *path, struct vmf_reader **r,
    struct vmf_err *e)
{
	if ((path == NULL || strcmp(path, "-") == 0) && isatty(STDIN_FILENO))
		return vmf_fail(e, VMF_EUSAGE, "standard input is a "
		    "terminal; expected a stream: name a file or pipe one "
		    "in (--help tells more)");
	return vmf_reader_open(r, path, c->max_batch, e);
}

int
cmd_begin_out(const struct cmd *c, struct cmd_output *o, struct vmf_err *e)
{
	int rc = o->out != NULL ? 0 : vmf_out_open(&o->out, c->output, e);

	if (rc == 0 && isatty(vmf_out_fd(o->out)))
		return vmf_fail(e, VMF_EUSAGE, "standard output is a "
		    "terminal, and the stream is binary; use -o FILE, or "
		    "| vmf-cat to read it");
	if (rc == 0 && c->sums != NULL && o->sums == NULL)
		rc = vmf_out_open(&o->sums, c->sums, e);
	return rc;
}

int
cmd_open_out(const struct cmd *c, struct cmd_output *o, struct vmf_schema *s,
    struct vmf_err *e)
{
	const char *old = vmf_meta_get(&s->meta, "vmf:history");
	struct vmf_buf h = { 0 };
	int rc;

	rc = cmd_begin_out(c, o, e);
	if (rc != 0)
		return rc;
	if (c->no_history) {
		rc = vmf_meta_set(&s->meta, "vmf:history", NULL, e);
	} else {
		if (old != NULL)
			rc = vmf_buf_printf(&h, e, "%s\n", old);
		if (rc == 0)
			rc = vmf_buf_printf(&h, e, "%s", c->history);
		if (rc == 0)
			rc = vmf_buf_put(&h, "", 1, e);
		if (rc == 0)
			rc = vmf_meta_set(&s->meta, "vmf:history",
			    (char *)h.p, e);
		vmf_buf_free(&h);
	}
	if (rc != 0)
		return rc;
	rc = vmf_writer_open(&o->w, o->out, s, c->codec, e);
	if (rc == 0 && o->sums != NULL &&
	    (rc = vmf_checksum_new(&o->sum, NULL, e)) == 0)
		rc = vmf_writer_sum(o->w, o->sum, e);
	return rc;
}

int
cmd_finish_out(struct cmd_output *o, struct vmf_err *e)
{
	int rc = vmf_writer_finish(o->w, e);

	/* No output under its name when its sums do not fit. */
	if (rc == 0 && o->sums != NULL && (rc = vmf_checksum_print(o->sum,
	    o->sums, e)) == 0)
		rc = vmf_out_flush(o->sums, e);
	if (rc == 0)
		rc = vmf_out_finish(o->out, e);
	return rc != 0 || o->sums == NULL ? rc : vmf_out_finish(o->sums, e);
}

void
cmd_free_out(struct cmd_output *o)
{
	vmf_writer_free(o->w);
	vmf_checksum_free(o->sum);
	vmf_out_free(o->sums);
	vmf_out_free(o->out);
	*o = (struct cmd_output){ 0 };
}

void
cmd_free(struct cmd *c)
{
	free(c->history);
	c->history = NULL;
}
