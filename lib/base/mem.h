/* SPDX-License-Identifier: MIT */
/*
 * Memory: arrays that grow, and a byte buffer.  All sizes are int64_t and
 * every product is checked before it is used.
 */
#ifndef VMF_MEM_H
#define VMF_MEM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/*
 * Make room for need elements of elem_bytes each in the array *pp points to.
 * *cap is the room there is, in elements; it at least grows by half, so that
 * appending one by one costs linear time.  New room is not initialised.
 * Returns 0 or VMF_ENOMEM; the array stays valid and the caller's (free()).
 */
int vmf_grow_bytes(void *pp, int64_t *cap, int64_t need, int64_t elem_bytes,
    struct vmf_err *e) VMF_CHECK;

#define vmf_grow(pp, cap, need, e) \
	((need) <= *(cap) && *(pp) != NULL ? 0 : \
	    vmf_grow_bytes((pp), (cap), (need), (int64_t)sizeof(**(pp)), (e)))

/* n zeroed elements of elem_bytes; NULL with e filled when there is no
 * memory or the product overflows.  n = 0 gives a pointer to free. */
void *vmf_calloc(int64_t n, int64_t elem_bytes, struct vmf_err *e) VMF_CHECK;

/* A copy of the len bytes at s with a NUL after it, the caller's to free. */
char *vmf_strndup(const char *s, int64_t len, struct vmf_err *e) VMF_CHECK;
char *vmf_strdup(const char *s, struct vmf_err *e) VMF_CHECK;

/* Are the len bytes at s (NULL: no text at all) this word? */
static inline bool
vmf_text_is(const char *s, int64_t len, const char *word)
{
	return s != NULL && (int64_t)strlen(word) == len &&
	    memcmp(s, word, (size_t)len) == 0;
}

struct vmf_buf {
	uint8_t *p;
	int64_t n;		/* bytes used */
	int64_t cap;		/* bytes allocated */
};

int vmf_buf_reserve(struct vmf_buf *b, int64_t more, struct vmf_err *e)
    VMF_CHECK;
int vmf_buf_put(struct vmf_buf *b, const void *p, int64_t n,
    struct vmf_err *e) VMF_CHECK;
/* Append formatted text, without a NUL. */
int vmf_buf_printf(struct vmf_buf *b, struct vmf_err *e, const char *fmt, ...)
    VMF_CHECK VMF_PRINTF(3, 4);
void vmf_buf_free(struct vmf_buf *b);

#endif
