/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a command: calls that the libraries it is linked with make
 * (XGBoost, oneDNN, OpenMP, C++ and the rest; not the command's own code,
 * which fault.c has) are counted, and one fails.
 *
 *   FOREIGN_CALL=NAME   malloc (and calloc, realloc, aligned ones: operator
 *                       new comes here), mmap, pthread_create, read, write,
 *                       open
 *   FOREIGN_AT=N        the N-th of them
 *   FOREIGN_REPORT=FILE append "NAME COUNT" of each at the end, and "failed
 *                       NAME" as soon as it did
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum call { MALLOC, MMAP, THREAD, READ, WRITE, OPEN, N_CALLS };
static const char *const names[N_CALLS] = {
	"malloc", "mmap", "pthread_create", "read", "write", "open",
};
static atomic_long count[N_CALLS];
static int chosen = -1, report = -1;
static long at;
static uintptr_t own_begin, own_end;

/* The C library's own, by names that nothing stands in front of. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t to, size_t n);
void *aligned_alloc(size_t to, size_t n);
void *memalign(size_t to, size_t n);

static void
say(const char *name, long n)
{
	char text[64];
	int len = n < 0 ? snprintf(text, sizeof(text), "failed %s\n", name) :
	    snprintf(text, sizeof(text), "%s %ld\n", name, n);

	if (report >= 0)
		(void)!syscall(SYS_write, report, text, (size_t)len);
}

/* The first object is the command itself. */
static int
own(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || (p->p_flags & PF_X) == 0)
			continue;
		own_begin = info->dlpi_addr + p->p_vaddr;
		own_end = own_begin + p->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *call = getenv("FOREIGN_CALL"), *n = getenv("FOREIGN_AT");
	const char *file = getenv("FOREIGN_REPORT");

	dl_iterate_phdr(own, NULL);
	if (file != NULL)
		report = (int)syscall(SYS_openat, AT_FDCWD, file,
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	at = n == NULL ? 0 : strtol(n, NULL, 10);
	for (int i = 0; call != NULL && i < N_CALLS; i++)
		if (strcmp(call, names[i]) == 0)
			chosen = i;
}

__attribute__((destructor)) static void
end(void)
{
	for (int i = 0; i < N_CALLS; i++)
		say(names[i], count[i]);
}

static bool
turn(enum call c, void *caller, int err)
{
	uintptr_t from = (uintptr_t)caller;

	/* Before begin(): who loads the libraries, not who uses them. */
	if (own_end == 0 || (from >= own_begin && from < own_end))
		return false;
	if (atomic_fetch_add(&count[c], 1) + 1 != at || (int)c != chosen)
		return false;
	say(names[c], -1);
	errno = err;
	return true;
}

#define CALLER __builtin_return_address(0)

void *
malloc(size_t n)
{
	return turn(MALLOC, CALLER, ENOMEM) ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t m)
{
	return turn(MALLOC, CALLER, ENOMEM) ? NULL : __libc_calloc(n, m);
}

void *
realloc(void *p, size_t n)
{
	return turn(MALLOC, CALLER, ENOMEM) ? NULL : __libc_realloc(p, n);
}

void *
aligned_alloc(size_t to, size_t n)
{
	return turn(MALLOC, CALLER, ENOMEM) ? NULL : __libc_memalign(to, n);
}

void *
memalign(size_t to, size_t n)
{
	return turn(MALLOC, CALLER, ENOMEM) ? NULL : __libc_memalign(to, n);
}

int
posix_memalign(void **p, size_t to, size_t n)
{
	if (turn(MALLOC, CALLER, ENOMEM) ||
	    (*p = __libc_memalign(to, n)) == NULL)
		return ENOMEM;
	return 0;
}

void *
mmap(void *p, size_t n, int prot, int flags, int fd, off_t o)
{
	if (turn(MMAP, CALLER, ENOMEM))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, p, n, prot, flags, fd, o);
}

ssize_t
read(int fd, void *p, size_t n)
{
	return turn(READ, CALLER, EIO) ? -1 : syscall(SYS_read, fd, p, n);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	return turn(WRITE, CALLER, EIO) ? -1 : syscall(SYS_write, fd, p, n);
}

static int
opened(const char *path, int flags, va_list ap)
{
	mode_t mode = 0;

	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(ap, mode_t);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	if (turn(OPEN, CALLER, EMFILE))
		return -1;
	va_start(ap, flags);
	fd = opened(path, flags, ap);
	va_end(ap);
	return fd;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int
pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *),
    void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
	    void *);

	if (turn(THREAD, CALLER, EAGAIN))
		return EAGAIN;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(t, a, f, arg);
}
