/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
vmf_grow_bytes(void *pp, int64_t *cap, int64_t need, int64_t elem_bytes,
    struct vmf_err *e)
{
	int64_t n = need > *cap + *cap / 2 ? need : *cap + *cap / 2;
	int64_t bytes;
	void *old, *p;

	memcpy(&old, pp, sizeof(old));
	if (old != NULL && need <= *cap)
		return 0;
	if (n < 16)
		n = 16;
	if (need < 0 || __builtin_mul_overflow(n, elem_bytes, &bytes))
		return vmf_fail_nomem(e, INT64_MAX);
	p = realloc(old, (size_t)bytes);
	if (p == NULL)
		return vmf_fail_nomem(e, bytes);
	memcpy(pp, &p, sizeof(p));
	*cap = n;
	return 0;
}

void *
vmf_calloc(int64_t n, int64_t elem_bytes, struct vmf_err *e)
{
	int64_t bytes;
	void *p;

	if (n < 0 || __builtin_mul_overflow(n, elem_bytes, &bytes)) {
		(void)vmf_fail_nomem(e, INT64_MAX);
		return NULL;
	}
	p = calloc((size_t)(bytes > 0 ? bytes : 1), 1);
	if (p == NULL)
		(void)vmf_fail_nomem(e, bytes);
	return p;
}

char *
vmf_strndup(const char *s, int64_t len, struct vmf_err *e)
{
	char *p = vmf_calloc(len + 1, 1, e);

	if (p != NULL && len > 0)
		memcpy(p, s, (size_t)len);
	return p;
}

char *
vmf_strdup(const char *s, struct vmf_err *e)
{
	return vmf_strndup(s, (int64_t)strlen(s), e);
}

int
vmf_buf_reserve(struct vmf_buf *b, int64_t more, struct vmf_err *e)
{
	int64_t need;

	if (more < 0 || __builtin_add_overflow(b->n, more, &need))
		return vmf_fail_nomem(e, INT64_MAX);
	return vmf_grow(&b->p, &b->cap, need, e);
}

int
vmf_buf_put(struct vmf_buf *b, const void *p, int64_t n, struct vmf_err *e)
{
	int rc = vmf_buf_reserve(b, n, e);

	if (rc == 0 && n > 0) {
		memcpy(b->p + b->n, p, (size_t)n);
		b->n += n;
	}
	return rc;
}

int
vmf_buf_printf(struct vmf_buf *b, struct vmf_err *e, const char *fmt, ...)
{
	va_list ap;
	int n, rc;

	rc = vmf_buf_reserve(b, 128, e);
	if (rc != 0)
		return rc;
	va_start(ap, fmt);
	n = vsnprintf((char *)b->p + b->n, (size_t)(b->cap - b->n), fmt, ap);
	va_end(ap);
	if (n >= b->cap - b->n) {
		rc = vmf_buf_reserve(b, (int64_t)n + 1, e);
		if (rc != 0)
			return rc;
		va_start(ap, fmt);
		n = vsnprintf((char *)b->p + b->n, (size_t)(b->cap - b->n),
		    fmt, ap);
		va_end(ap);
	}
	b->n += n;
	return 0;
}

void
vmf_buf_free(struct vmf_buf *b)
{
	free(b->p);
	*b = (struct vmf_buf){ 0 };
}
