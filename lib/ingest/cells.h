/* SPDX-License-Identifier: MIT */
/* The lines of a block of text and the fields in them, as marked by
 * vmf_scan: what the fast reader's columns are made from. */
#ifndef VMF_CELLS_H
#define VMF_CELLS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cpu.h"

#ifdef VMF_X86
#include <emmintrin.h>
#endif

#define VMF_CELLS_PAD 64	/* bytes before and after the text that can
				 * be read */

#define VMF_LINE_ODD 1		/* not for us */
#define VMF_LINE_PASSED 2	/* for nobody */

struct vmf_cells {
	const char *text;
	const uint32_t *sep;	/* where fields end; sep[-1] is there */
	const uint32_t *row;	/* by line: the sep of its first field */
	uint8_t *odd;		/* by line: VMF_LINE_ODD, ..._PASSED, or 0 */
	int64_t n;		/* lines */
};

/* Field f of line r, which is not odd, with the blanks around it. */
static inline void
vmf_cell_raw(const struct vmf_cells *c, int64_t r, int64_t f, const char **s,
    const char **end)
{
	int64_t at = (int64_t)c->row[r] + f;

	*s = c->text + (uint32_t)(c->sep[at - 1] + 1);
	*end = c->text + c->sep[at];
}

/*
 * The same as libcsv gives an unquoted field,
 * without the blanks around it.  Other control characters belong to it.
 */
static inline void
vmf_cell(const struct vmf_cells *c, int64_t r, int64_t f, const char **s,
    const char **end)
{
	const char *p, *q;

	vmf_cell_raw(c, r, f, &p, &q);
	if (p < q && (unsigned char)q[-1] <= ' ') {
		/* A CR is only where the line ends. */
		if (q[-1] == '\r')
			q--;
		while (p < q && (q[-1] == ' ' || q[-1] == '\t'))
			q--;
	}
	while (p < q && (*p == ' ' || *p == '\t'))
		p++;
	*s = p;
	*end = q;
}

static inline uint64_t
vmf_word(const char *s)
{
	uint64_t w;

	memcpy(&w, s, sizeof(w));
	return w;
}

/* True when two texts of one length are the same; both can be read eight
 * bytes further. */
static inline bool
vmf_same(const char *a, const char *b, int64_t len)
{
	if (len < 8)
		return (vmf_word(a) ^ vmf_word(b)) << 1 << (63 - 8 * len) == 0;
	if (len < 16)
		return ((vmf_word(a) ^ vmf_word(b)) |
		    (vmf_word(a + len - 8) ^ vmf_word(b + len - 8))) == 0;
#ifdef VMF_X86
	for (int64_t i = 0;; i += 16) {
		__m128i x, y;

		if (i > len - 16)
			i = len - 16;
		x = _mm_loadu_si128((const __m128i *)(const void *)(a + i));
		y = _mm_loadu_si128((const __m128i *)(const void *)(b + i));
		if (_mm_movemask_epi8(_mm_cmpeq_epi8(x, y)) != 0xffff)
			return false;
		if (i == len - 16)
			return true;
	}
#else
	return memcmp(a, b, (size_t)len) == 0;
#endif
}

#endif
