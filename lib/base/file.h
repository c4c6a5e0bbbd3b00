/* SPDX-License-Identifier: MIT */
/*
 * Files: whole reads, and output that is either complete under its name or
 * not there at all.
 */
#ifndef VMF_FILE_H
#define VMF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Read up to n bytes, less only at the end of the file.  name is for the
 * message.  Returns the count or VMF_EIO. */
int64_t vmf_read_full(int fd, void *p, int64_t n, const char *name,
    struct vmf_err *e) VMF_CHECK;
int vmf_write_full(int fd, const void *p, int64_t n, const char *name,
    struct vmf_err *e) VMF_CHECK;
/* At a given offset; neither moves the file's position. */
int vmf_pread_full(int fd, void *p, int64_t n, int64_t offset,
    const char *name, struct vmf_err *e) VMF_CHECK;
int vmf_pwrite_full(int fd, const void *p, int64_t n, int64_t offset,
    const char *name, struct vmf_err *e) VMF_CHECK;

/* NULL or "-" is standard input (the caller must not close it then: use
 * vmf_close_in).  A folder is refused by name. */
int vmf_open_in(const char *path, int *fd, struct vmf_err *e) VMF_CHECK;
void vmf_close_in(int fd);
/* "standard input" or the path: the name to put in messages. */
const char *vmf_in_name(const char *path);

/* A file without a name in dir (NULL: /tmp): gone when closed, even after
 * SIGKILL. */
int vmf_open_temp(const char *dir, int *fd, struct vmf_err *e) VMF_CHECK;

/* What path leads to through symbolic links of which the last leads nowhere
 * yet: the caller's to free.  VMF_ENOMEM. */
int vmf_file_target(char **final, const char *path, struct vmf_err *e)
    VMF_CHECK;

/*
 * Buffered output.  With a path of a regular or new file the bytes go to a
 * temporary name in the same folder; vmf_out_finish flushes, syncs, closes
 * and renames.  Devices and pipes are written directly, and so is the file that
 * standard output or standard error goes to; path NULL or "-" is standard
 * output.  vmf_out_free without finish removes what there is.
 */
struct vmf_out;
int vmf_out_open(struct vmf_out **o, const char *path, struct vmf_err *e)
    VMF_CHECK;
int vmf_out_write(struct vmf_out *o, const void *p, int64_t n,
    struct vmf_err *e) VMF_CHECK;
int vmf_out_flush(struct vmf_out *o, struct vmf_err *e) VMF_CHECK;
int vmf_out_finish(struct vmf_out *o, struct vmf_err *e) VMF_CHECK;
void vmf_out_free(struct vmf_out *o);
/* The descriptor written to, for isatty(). */
int vmf_out_fd(const struct vmf_out *o);
/* Do the bytes go where others see them at once, not to a temporary name? */
bool vmf_out_direct(const struct vmf_out *o);

/* Remove the temporary names of all unfinished outputs.  Async-signal-safe:
 * for the handler of SIGINT and SIGTERM. */
void vmf_out_unlink_all(void);

#endif
