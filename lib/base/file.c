/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE		/* O_TMPFILE */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"

#define OUT_BYTES (256 * 1024)
#define DIRECT_BYTES (32 * 1024)	/* not copied into the buffer */
#define PIPE_BYTES (1 << 20)	/* what every user may ask for */
#define OUT_MAX 16		/* outputs open at the same time */
#define LINKS_MAX 40		/* as many as Linux follows */
/* At most so many bytes a call.  ext4 puts a write into pages as large as it
 * can; a whole megabyte in one has been seen to take ten times as long as in
 * four. */
#define WRITE_BYTES (256 * 1024)

struct vmf_out {
	int fd;
	int slot;		/* in tmp_names; -1: nothing to rename */
	char *name;		/* for messages */
	char *final;		/* where tmp is renamed to; NULL: direct */
	char *tmp;
	int64_t n;		/* bytes in buf */
	uint8_t buf[OUT_BYTES];
};

/* What a signal handler has to remove. */
static char *volatile tmp_names[OUT_MAX];

int64_t
vmf_read_full(int fd, void *p, int64_t n, const char *name, struct vmf_err *e)
{
	int64_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *)p + got, (size_t)(n - got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return vmf_fail_errno(e, "cannot read %s", name);
		if (r == 0)
			break;
		got += r;
	}
	return got;
}

static size_t
at_once(int64_t n)
{
	return n < WRITE_BYTES ? (size_t)n : WRITE_BYTES;
}

int
vmf_write_full(int fd, const void *p, int64_t n, const char *name,
    struct vmf_err *e)
{
	int64_t done = 0;

	while (done < n) {
		ssize_t r = write(fd, (const char *)p + done,
		    at_once(n - done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return vmf_fail_errno(e, "cannot write %s", name);
		done += r;
	}
	return 0;
}

/* Both, with as few calls as it takes. */
static int
write_two(int fd, const void *a, int64_t n_a, const void *b, int64_t n_b,
    const char *name, struct vmf_err *e)
{
	while (n_a > 0) {
		struct iovec v[2] = {
			{ (void *)(uintptr_t)a, (size_t)n_a },
			{ (void *)(uintptr_t)b, at_once(n_b) },
		};
		ssize_t r = writev(fd, v, 2);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return vmf_fail_errno(e, "cannot write %s", name);
		if (r < n_a) {
			a = (const char *)a + r;
			n_a -= r;
			continue;
		}
		b = (const char *)b + (r - n_a);
		n_b -= r - n_a;
		n_a = 0;
	}
	return vmf_write_full(fd, b, n_b, name, e);
}

int
vmf_pread_full(int fd, void *p, int64_t n, int64_t offset, const char *name,
    struct vmf_err *e)
{
	int64_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, (char *)p + got, (size_t)(n - got),
		    offset + got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return vmf_fail_errno(e, "cannot read %s", name);
		if (r == 0)
			return vmf_fail(e, VMF_EIO,
			    "cannot read %s: it ends at byte %lld, expected "
			    "%lld bytes more", name,
			    (long long)(offset + got), (long long)(n - got));
		got += r;
	}
	return 0;
}

int
vmf_pwrite_full(int fd, const void *p, int64_t n, int64_t offset,
    const char *name, struct vmf_err *e)
{
	int64_t done = 0;

	while (done < n) {
		ssize_t r = pwrite(fd, (const char *)p + done,
		    at_once(n - done), offset + done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return vmf_fail_errno(e, "cannot write %s", name);
		done += r;
	}
	return 0;
}

static int
is_std(const char *path)
{
	return path == NULL || strcmp(path, "-") == 0;
}

const char *
vmf_in_name(const char *path)
{
	return is_std(path) ? "standard input" : path;
}

/* Fewer and longer turns between the two ends; an old system, or a limit
 * reached, leaves the pipe as it was. */
static void
widen_pipe(int fd, const struct stat *st)
{
#ifdef F_SETPIPE_SZ
	if (S_ISFIFO(st->st_mode) && fcntl(fd, F_GETPIPE_SZ) < PIPE_BYTES)
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
#else
	(void)fd;
	(void)st;
#endif
}

int
vmf_open_in(const char *path, int *fd, struct vmf_err *e)
{
	struct stat st = { 0 };

	*fd = is_std(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return vmf_fail_errno(e, "cannot open %s", vmf_in_name(path));
	if (fstat(*fd, &st) != 0) {
		int rc = vmf_fail_errno(e, "cannot open %s",
		    vmf_in_name(path));

		vmf_close_in(*fd);
		*fd = -1;
		return rc;
	}
	if (S_ISDIR(st.st_mode)) {
		vmf_close_in(*fd);
		*fd = -1;
		return vmf_fail(e, VMF_EIO,
		    "cannot read %s: it is a folder, expected a file",
		    vmf_in_name(path));
	}
	widen_pipe(*fd, &st);
	return 0;
}

void
vmf_close_in(int fd)
{
	if (fd > STDERR_FILENO)
		close(fd);
}

int
vmf_open_temp(const char *dir, int *fd, struct vmf_err *e)
{
	char name[PATH_MAX];

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	*fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (*fd >= 0)
		return 0;
	/* Not every file system has O_TMPFILE. */
	if (snprintf(name, sizeof(name), "%s/vmf-XXXXXX", dir) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return vmf_fail_errno(e, "temporary file in %s", dir);
	}
	*fd = mkostemp(name, O_CLOEXEC);
	if (*fd < 0)
		return vmf_fail_errno(e, "cannot make a temporary file in %s",
		    dir);
	unlink(name);
	return 0;
}

/* Make a file of a temporary name beside o->final. */
static int
open_beside(struct vmf_out *o, struct vmf_err *e)
{
	const char *slash = strrchr(o->final, '/');
	const char *base = slash == NULL ? o->final : slash + 1;
	size_t dir = (size_t)(base - o->final), cap = strlen(o->final) + 16;
	int most = NAME_MAX - 8;	/* with a dot, and .XXXXXX */
	struct stat st = { 0 };
	sigset_t all, old;
	mode_t mask, mode;
	int saved;

	o->tmp = vmf_calloc((int64_t)cap, 1, e);
	if (o->tmp == NULL)
		return VMF_ENOMEM;
	snprintf(o->tmp, cap, "%.*s.%.*s.XXXXXX", (int)dir, o->final, most,
	    base);
	for (o->slot = 0; o->slot < OUT_MAX; o->slot++)
		if (tmp_names[o->slot] == NULL)
			break;
	if (o->slot == OUT_MAX) {
		o->slot = -1;
		return vmf_fail(e, VMF_EIO, "more than %d outputs", OUT_MAX);
	}
	/* No signal may come between the name and its note. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	o->fd = mkostemp(o->tmp, O_CLOEXEC);
	saved = errno;
	if (o->fd >= 0)
		tmp_names[o->slot] = o->tmp;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (o->fd < 0) {
		o->slot = -1;
		errno = saved;
		return vmf_fail_errno(e, "cannot create %s", o->name);
	}
	mask = umask(0);
	umask(mask);
	mode = stat(o->final, &st) == 0 ? st.st_mode & 0777 : 0666 & ~mask;
	if (fchmod(o->fd, mode) != 0)
		return vmf_fail_errno(e, "cannot create %s", o->name);
	return 0;
}

int
vmf_file_target(char **final, const char *path, struct vmf_err *e)
{
	char to[PATH_MAX], *at = vmf_strdup(path, e), *next;

	for (int hops = 0; at != NULL && hops < LINKS_MAX; hops++) {
		ssize_t n = readlink(at, to, sizeof(to) - 1);
		const char *slash = strrchr(at, '/');
		size_t dir = 0;

		if (n < 0)
			break;
		to[n] = '\0';
		if (*to != '/' && slash != NULL)
			dir = (size_t)(slash + 1 - at);
		next = vmf_calloc((int64_t)dir + n + 1, 1, e);
		if (next != NULL) {
			memcpy(next, at, dir);
			memcpy(next + dir, to, (size_t)n);
		}
		free(at);
		at = next;
	}
	*final = at;
	return at == NULL ? VMF_ENOMEM : 0;
}

/* Standard output or standard error where one has this file open to be
 * written, as /dev/stdout leads to; -1: neither. */
static int
std_of(const struct stat *st)
{
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		int flags = fcntl(fd, F_GETFL);
		struct stat std = { 0 };

		if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY &&
		    fstat(fd, &std) == 0 && std.st_dev == st->st_dev &&
		    std.st_ino == st->st_ino)
			return fd;
	}
	return -1;
}

int
vmf_out_open(struct vmf_out **out, const char *path, struct vmf_err *e)
{
	struct vmf_out *o;
	struct stat st = { 0 };
	int rc = VMF_ENOMEM, std;

	*out = NULL;
	o = vmf_calloc(1, sizeof(*o), e);
	if (o == NULL)
		return VMF_ENOMEM;
	o->fd = -1;
	o->slot = -1;
	o->name = vmf_strdup(is_std(path) ? "standard output" : path, e);
	if (o->name == NULL)
		goto fail;
	if (is_std(path)) {
		o->fd = STDOUT_FILENO;
	} else if (stat(path, &st) != 0 && errno != ENOENT) {
		/* It may be a device, and not to be replaced by a file. */
		rc = vmf_fail_errno(e, "cannot write %s", path);
		goto fail;
	} else if (st.st_mode != 0 && !S_ISREG(st.st_mode)) {
		o->fd = open(path, O_WRONLY | O_CLOEXEC);
		if (o->fd < 0) {
			rc = vmf_fail_errno(e, "cannot write %s", path);
			goto fail;
		}
	} else if (st.st_mode != 0 && (std = std_of(&st)) >= 0) {
		/* What others write there as well is not to be replaced. */
		o->fd = fcntl(std, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (o->fd < 0) {
			rc = vmf_fail_errno(e, "cannot write %s", path);
			goto fail;
		}
	} else {
		/* Through a symbolic link, so that it stays one. */
		o->final = realpath(path, NULL);
		if (o->final == NULL && errno != ENOENT) {
			rc = vmf_fail_errno(e, "cannot write %s", path);
			goto fail;
		}
		if (o->final == NULL &&
		    (rc = vmf_file_target(&o->final, path, e)) != 0)
			goto fail;
		rc = open_beside(o, e);
		if (rc != 0)
			goto fail;
	}
	if (o->final == NULL && fstat(o->fd, &st) == 0)
		widen_pipe(o->fd, &st);
	*out = o;
	return 0;
fail:
	vmf_out_free(o);
	return rc;
}

int
vmf_out_flush(struct vmf_out *o, struct vmf_err *e)
{
	int64_t n = o->n;

	o->n = 0;
	return vmf_write_full(o->fd, o->buf, n, o->name, e);
}

int
vmf_out_write(struct vmf_out *o, const void *p, int64_t n, struct vmf_err *e)
{
	int64_t held = o->n;
	int rc;

	/* Columns go as they are, with what is held before them. */
	if (n >= DIRECT_BYTES) {
		o->n = 0;
		return write_two(o->fd, o->buf, held, p, n, o->name, e);
	}
	if (n > OUT_BYTES - o->n) {
		rc = vmf_out_flush(o, e);
		if (rc != 0)
			return rc;
	}
	if (n > 0)
		memcpy(o->buf + o->n, p, (size_t)n);
	o->n += n;
	return 0;
}

static void
forget_tmp(struct vmf_out *o)
{
	if (o->slot >= 0)
		tmp_names[o->slot] = NULL;
	o->slot = -1;
	free(o->tmp);
	o->tmp = NULL;
}

/* The new name must survive a loss of power as well.  Not every file system
 * can sync a folder; those that cannot say EINVAL. */
static int
sync_folder(const struct vmf_out *o, struct vmf_err *e)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(o->final, '/');
	int fd, rc = 0;

	if (slash == NULL)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == o->final ? 1 :
		    (int)(slash - o->final), o->final);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)		/* may be written, not read */
		return 0;
	if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		rc = vmf_fail_errno(e, "cannot write %s", o->name);
	close(fd);
	return rc;
}

int
vmf_out_finish(struct vmf_out *o, struct vmf_err *e)
{
	int fd, rc = vmf_out_flush(o, e);

	if (rc != 0)
		return rc;
	if (o->final != NULL && fsync(o->fd) != 0)
		return vmf_fail_errno(e, "cannot write %s", o->name);
	fd = o->fd;
	o->fd = -1;
	/* A failed close of standard output is a lost write as well. */
	if (close(fd) != 0)
		return vmf_fail_errno(e, "cannot write %s", o->name);
	if (o->final == NULL)
		return 0;
	if (rename(o->tmp, o->final) != 0)
		return vmf_fail_errno(e, "cannot rename %s to %s", o->tmp,
		    o->name);
	forget_tmp(o);
	return sync_folder(o, e);
}

void
vmf_out_free(struct vmf_out *o)
{
	if (o == NULL)
		return;
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	if (o->slot >= 0)
		unlink(o->tmp);
	forget_tmp(o);
	free(o->final);
	free(o->name);
	free(o);
}

int
vmf_out_fd(const struct vmf_out *o)
{
	return o->fd;
}

bool
vmf_out_direct(const struct vmf_out *o)
{
	return o->final == NULL;
}

void
vmf_out_unlink_all(void)
{
	for (int i = 0; i < OUT_MAX; i++)
		if (tmp_names[i] != NULL)
			unlink(tmp_names[i]);
}
