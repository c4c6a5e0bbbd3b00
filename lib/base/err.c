/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The message, and after it: of one that is too long, such as of a path of
 * thousands of bytes, the middle is left out, as the reason is at the end. */
static void VMF_PRINTF(3, 0)
put(struct vmf_err *e, const char *after, const char *fmt, va_list ap)
{
	char text[8192];
	size_t n, most = sizeof(e->msg) - 1, head = most / 4;

	vsnprintf(text, sizeof(text) - sizeof(e->msg), fmt, ap);
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, "%s", after);
	n = strlen(text);
	if (n > most) {
		memcpy(e->msg, text, head);
		memcpy(e->msg + head, "...", 3);
		head += 3;
		memcpy(e->msg + head, text + n - (most - head),
		    most - head + 1);
	} else {
		memcpy(e->msg, text, n + 1);
	}
}

int
vmf_fail(struct vmf_err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (e != NULL) {
		va_start(ap, fmt);
		put(e, "", fmt, ap);
		va_end(ap);
	}
	return code;
}

int
vmf_fail_errno(struct vmf_err *e, const char *fmt, ...)
{
	int saved = errno;
	char why[256];
	va_list ap;

	if (e != NULL) {
		snprintf(why, sizeof(why), ": %s", strerror(saved));
		va_start(ap, fmt);
		put(e, why, fmt, ap);
		va_end(ap);
	}
	return saved == ENOMEM ? VMF_ENOMEM : VMF_EIO;
}

int
vmf_fail_nomem(struct vmf_err *e, long long bytes)
{
	return vmf_fail(e, VMF_ENOMEM, "out of memory (wanted %lld bytes)",
	    bytes);
}

int
vmf_fail_in(struct vmf_err *e, int code, const char *fmt, ...)
{
	char old[sizeof(e->msg) + 2];
	va_list ap;

	if (e != NULL) {
		snprintf(old, sizeof(old), ": %s", e->msg);
		va_start(ap, fmt);
		put(e, old, fmt, ap);
		va_end(ap);
	}
	return code;
}
