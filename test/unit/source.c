/* SPDX-License-Identifier: MIT */
/* An input that gives nothing: who waits for its first bytes can be told to
 * stop, and what was opened is not lost. */
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "ingest/source.h"
#include "check.h"

static struct vmf_source *src;
static struct vmf_err err;

static void *
open_source(void *arg)
{
	int old;

	(void)arg;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	if (vmf_source_open(&src, NULL, &err) != 0)
		return &err;
	return NULL;
}

/* Standard input becomes the end of a pipe to read from. */
static int
pipe_in(void)
{
	int fd[2];

	if (pipe(fd) != 0 || dup2(fd[0], STDIN_FILENO) < 0) {
		perror("pipe");
		exit(1);
	}
	close(fd[0]);
	return fd[1];
}

static void
cancelled(bool waits)
{
	const struct timespec while_ = { .tv_nsec = 50 * 1000 * 1000 };
	int fd = pipe_in();
	pthread_t t;
	void *was;

	src = NULL;
	if (pthread_create(&t, NULL, open_source, NULL) != 0)
		exit(1);
	if (waits)
		nanosleep(&while_, NULL);
	pthread_cancel(t);
	pthread_join(t, &was);
	check(was == PTHREAD_CANCELED, "a thread that waits was not stopped");
	check(src != NULL, "what a stopped thread had opened is lost");
	vmf_source_free(src);
	close(fd);
}

static void
refused(void)
{
	int fd = pipe_in();

	check(write(fd, "BZh", 3) == 3, "write");
	close(fd);
	check(vmf_source_open(&src, NULL, &err) == VMF_EDATA && src == NULL,
	    "a source that was refused is not NULL");
	check(strstr(err.msg, "found bzip2 data") != NULL, err.msg);
}

int
main(void)
{
	cancelled(true);
	cancelled(false);
	refused();
	return failures != 0;
}
