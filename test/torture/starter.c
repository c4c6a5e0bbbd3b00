/* SPDX-License-Identifier: MIT */
/*
 * starter COMMAND [ARG ...]: run it with its standard output thrown away, and
 * print its exit code (or minus the signal), CPU seconds and peak of resident
 * memory in bytes.
 *
 * It is small on purpose: the peak that the kernel tells of a process is not
 * below that of the process which it was forked from, so a large one would
 * measure itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int
main(int argc, char *argv[])
{
	struct rusage u;
	int status, fd;
	pid_t pid;

	if (argc < 2 || (pid = fork()) < 0)
		return 2;
	if (pid == 0) {
		fd = open("/dev/null", O_WRONLY);
		if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
			execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &u) != pid)
		return 2;
	printf("%d %.6f %ld\n", WIFSIGNALED(status) ? -WTERMSIG(status) :
	    WEXITSTATUS(status), seconds(u.ru_utime) + seconds(u.ru_stime),
	    u.ru_maxrss << 10);
	return fflush(stdout) == 0 ? 0 : 2;
}
