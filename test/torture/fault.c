/* SPDX-License-Identifier: MIT */
/*
 * Linked into the commands of MODE=torture in front of the C library, by
 * the linker's --wrap: every call of vmf's own code to what may fail comes
 * here, is counted, and fails when it is its turn.
 *
 *   FAULT_CALL=NAME   the function that is to fail, as it is called here
 *   FAULT_HOW=HOW     an errno's name, or "short": do less than was asked
 *   FAULT_AT=N        the N-th call of it, 1 is the first
 *   FAULT_ON=1        and all after it
 *   FAULT_PROG=NAME   in programs of this name alone
 *   FAULT_REPORT=FILE append "NAME COUNT" for every function at the end, and
 *                     "failed NAME" as soon as it did
 *   FAULT_SITES=1     append "site NAME N" for the first call from each place,
 *                     a place being its callers, five deep
 *   FAULT_USAGE=FILE  append "PROGRAM KB DESCRIPTORS" at the end: the most
 *                     memory that was resident, and what is still open
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum call {
	MALLOC, CALLOC, REALLOC, READ, PREAD, WRITE, WRITEV, PWRITE, OPEN,
	MKOSTEMP, FREOPEN, CLOSE, RENAME, UNLINK, FSYNC, FCHMOD, FSTAT, STAT,
	LSEEK, REALPATH, FFLUSH, THREAD, MUTEX, COND, N_CALLS
};

static const char *const names[N_CALLS] = {
	"malloc", "calloc", "realloc", "read", "pread64", "write", "writev",
	"pwrite64", "open64", "mkostemp64", "freopen64", "close", "rename",
	"unlink", "fsync", "fchmod", "fstat64", "stat64", "lseek64",
	"realpath", "fflush", "pthread_create", "pthread_mutex_init",
	"pthread_cond_init",
};

static const struct {
	const char *name;
	int value;
} hows[] = {
	{ "short", 0 }, { "EINTR", EINTR }, { "EIO", EIO },
	{ "ENOSPC", ENOSPC }, { "ENOMEM", ENOMEM }, { "EMFILE", EMFILE },
	{ "EACCES", EACCES }, { "EPERM", EPERM }, { "EAGAIN", EAGAIN },
};

static atomic_long count[N_CALLS];
static int chosen = -1, how, at, report = -1;
static bool on;

/* Places that have called: each a hash, 0 where there is none. */
#define PLACES (1 << 14)
static uint64_t places[N_CALLS][PLACES];
static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static bool sites;

int __real_open64(const char *, int, ...);
ssize_t __real_write(int, const void *, size_t);

static void
say(const char *name, long n)
{
	char text[64];
	int len = n < 0 ? snprintf(text, sizeof(text), "failed %s\n", name) :
	    snprintf(text, sizeof(text), "%s %ld\n", name, n);

	if (report >= 0 && __real_write(report, text, (size_t)len) != len)
		report = -1;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *call = getenv("FAULT_CALL"), *text;
	const char *prog = getenv("FAULT_PROG"), *file;

	if (prog != NULL && strcmp(prog, program_invocation_short_name) != 0)
		return;
	file = getenv("FAULT_REPORT");
	if (file != NULL)
		report = __real_open64(file, O_WRONLY | O_CREAT | O_APPEND |
		    O_CLOEXEC, 0600);
	sites = getenv("FAULT_SITES") != NULL;
	if (call == NULL)
		return;
	for (int i = 0; i < N_CALLS; i++)
		if (strcmp(call, names[i]) == 0)
			chosen = i;
	text = getenv("FAULT_HOW");
	for (size_t i = 0; i < sizeof(hows) / sizeof(*hows); i++)
		if (text != NULL && strcmp(text, hows[i].name) == 0)
			how = hows[i].value;
	text = getenv("FAULT_AT");
	at = text == NULL ? 1 : (int)strtol(text, NULL, 10);
	on = getenv("FAULT_ON") != NULL;
}

static void
say_usage(const char *file)
{
	struct rusage usage;
	char text[64];
	int fd, n = 0, len;

	for (int i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	fd = __real_open64(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0600);
	if (fd < 0 || getrusage(RUSAGE_SELF, &usage) != 0)
		return;
	len = snprintf(text, sizeof(text), "%.32s %ld %d\n",
	    program_invocation_short_name, usage.ru_maxrss, n);
	if (__real_write(fd, text, (size_t)len) != len)
		report = -1;
}

__attribute__((destructor)) static void
end(void)
{
	const char *usage = getenv("FAULT_USAGE");

	if (usage != NULL)
		say_usage(usage);
	/* What is written from here on is of who counts what is covered. */
	chosen = -1;
	for (int i = 0; i < N_CALLS; i++)
		say(names[i], count[i]);
}

/* Say so where the n-th call comes from where none came from before.  (What
 * backtrace itself asks memory for is not counted: it is not vmf's.) */
static void
place(enum call c, long n)
{
	enum { OWN = 2, DEEP = 5 };
	void *from[OWN + DEEP];
	int depth = backtrace(from, OWN + DEEP);
	uint64_t h = UINT64_C(1469598103934665603);
	char text[64];
	size_t i;
	int len;

	/* Fowler, Noll and Vo's hash, by word. */
	for (int k = OWN; k < depth; k++)
		h = (h ^ (uint64_t)(uintptr_t)from[k]) *
		    UINT64_C(1099511628211);
	h += h == 0;
	pthread_mutex_lock(&places_lock);
	for (i = h % PLACES; places[c][i] != 0 && places[c][i] != h;
	    i = (i + 1) % PLACES)
		continue;
	len = places[c][i] == h ? 0 : snprintf(text, sizeof(text),
	    "site %s %ld\n", names[c], n);
	places[c][i] = h;
	if (len > 0 && report >= 0 &&
	    __real_write(report, text, (size_t)len) != len)
		report = -1;
	pthread_mutex_unlock(&places_lock);
}

/* Is it this call's turn? */
static bool
turn(enum call c)
{
	long n = atomic_fetch_add(&count[c], 1) + 1;

	if (sites)
		place(c, n);
	if ((int)c != chosen || n < at || (n > at && !on))
		return false;
	if (n == at)
		say(names[c], -1);
	errno = how;
	return true;
}

/* CALL(which, what it returns where it fails, type, name, arguments) */
#define CALL(c, fails, type, name, params, args) \
	type __real_##name params; \
	type __wrap_##name params; \
	type \
	__wrap_##name params \
	{ \
		return turn(c) ? (fails) : __real_##name args; \
	}

CALL(MALLOC, NULL, void *, malloc, (size_t n), (n))
CALL(CALLOC, NULL, void *, calloc, (size_t n, size_t m), (n, m))
CALL(REALLOC, NULL, void *, realloc, (void *p, size_t n), (p, n))
CALL(MKOSTEMP, -1, int, mkostemp64, (char *s, int flags), (s, flags))
CALL(FREOPEN, NULL, FILE *, freopen64, (const char *path, const char *mode,
    FILE *f), (path, mode, f))
CALL(RENAME, -1, int, rename, (const char *a, const char *b), (a, b))
CALL(UNLINK, -1, int, unlink, (const char *a), (a))
CALL(FSYNC, -1, int, fsync, (int fd), (fd))
CALL(FCHMOD, -1, int, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(FSTAT, -1, int, fstat64, (int fd, struct stat64 *st), (fd, st))
CALL(STAT, -1, int, stat64, (const char *path, struct stat64 *st), (path, st))
CALL(LSEEK, -1, off64_t, lseek64, (int fd, off64_t to, int whence),
    (fd, to, whence))
CALL(REALPATH, NULL, char *, realpath, (const char *path, char *to),
    (path, to))
CALL(THREAD, how, int, pthread_create, (pthread_t *t, const pthread_attr_t *a,
    void *(*f)(void *), void *arg), (t, a, f, arg))
CALL(MUTEX, how, int, pthread_mutex_init, (pthread_mutex_t *m,
    const pthread_mutexattr_t *a), (m, a))
CALL(COND, how, int, pthread_cond_init, (pthread_cond_t *c,
    const pthread_condattr_t *a), (c, a))

/* These may also come short. */
#define SHORT(c, name, params, args, less) \
	ssize_t __real_##name params; \
	ssize_t __wrap_##name params; \
	ssize_t \
	__wrap_##name params \
	{ \
		if (!turn(c)) \
			return __real_##name args; \
		return how != 0 ? -1 : __real_##name less; \
	}

#define LESS(n) ((n) > 1 ? 1 : (n))

SHORT(READ, read, (int fd, void *p, size_t n), (fd, p, n), (fd, p, LESS(n)))
SHORT(PREAD, pread64, (int fd, void *p, size_t n, off64_t o), (fd, p, n, o),
    (fd, p, LESS(n), o))
SHORT(WRITE, write, (int fd, const void *p, size_t n), (fd, p, n),
    (fd, p, LESS(n)))
SHORT(PWRITE, pwrite64, (int fd, const void *p, size_t n, off64_t o),
    (fd, p, n, o), (fd, p, LESS(n), o))
SHORT(WRITEV, writev, (int fd, const struct iovec *v, int n), (fd, v, n),
    (fd, v, LESS(n)))

/* What is closed is gone, whatever close says. */
int __real_close(int fd);
int __wrap_close(int fd);
int
__wrap_close(int fd)
{
	bool fails = turn(CLOSE);
	int rc = __real_close(fd);

	if (fails)
		errno = how;
	return fails ? -1 : rc;
}

/* What could not be written stays lost, as ferror() then says. */
int __real_fflush(FILE *f);
int __wrap_fflush(FILE *f);
int
__wrap_fflush(FILE *f)
{
	return turn(FFLUSH) ? EOF : __real_fflush(f);
}

int __wrap_open64(const char *path, int flags, ...);
int
__wrap_open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return turn(OPEN) ? -1 : __real_open64(path, flags, mode);
}
