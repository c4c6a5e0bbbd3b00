/* SPDX-License-Identifier: MIT */
/*
 * Errors: a function that can fail returns 0 (or a count) or one of the
 * negative codes below, and fills the caller's struct vmf_err once, at the
 * place that knows most: what, where (file and line, row, or byte offset),
 * what was found, what was expected.  Callers add nothing unless they know
 * more.  Only cmd/ prints, and it prints once.
 */
#ifndef VMF_ERR_H
#define VMF_ERR_H

#include "base/machine.h"

#define VMF_EDATA  (-1)		/* the input is not what it should be */
#define VMF_EIO    (-2)		/* the system could not read or write */
#define VMF_ENOMEM (-3)
#define VMF_EDEV   (-4)		/* an accelerator failed or is missing */
#define VMF_EUSAGE (-5)		/* an option's value: exit code 2 */

#define VMF_CHECK __attribute__((warn_unused_result))
#define VMF_PRINTF(f, a) __attribute__((format(printf, f, a)))

struct vmf_err {
	char msg[1024];
};

/* Fill e (which may be NULL) and return code, so that callers can write
 * return vmf_fail(e, VMF_EDATA, ...). */
int vmf_fail(struct vmf_err *e, int code, const char *fmt, ...)
    VMF_PRINTF(3, 4);

/* The same with ": " and the text of errno after it; returns VMF_EIO, or
 * VMF_ENOMEM where errno says so. */
int vmf_fail_errno(struct vmf_err *e, const char *fmt, ...) VMF_PRINTF(2, 3);

/* Fill e with "out of memory (wanted N bytes)". */
int vmf_fail_nomem(struct vmf_err *e, long long bytes);

/* Put "prefix: " before the message already in e; returns code. */
int vmf_fail_in(struct vmf_err *e, int code, const char *fmt, ...)
    VMF_PRINTF(3, 4);

#endif
