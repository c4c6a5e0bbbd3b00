/* SPDX-License-Identifier: MIT */
/*
 * Where the fields of a block of text end: the positions of all delimiters
 * and line ends, and of the bytes that make a row one for libcsv.
 */
#ifndef VMF_SCAN_H
#define VMF_SCAN_H

#include <stdint.h>

#include "base/cpu.h"

#define VMF_SCAN_PAD 64		/* bytes that may be read after the text */

struct vmf_marks {
	uint32_t *pos;		/* of delimiters and line ends, in order */
	uint32_t *odd;		/* of quotes, NULs, and CRs before no LF */
	int64_t n_pos, n_odd;
	int64_t n_lines;	/* line ends among pos */
};

/*
 * Scan n bytes of text; VMF_SCAN_PAD bytes after them can be read, and the
 * first of those is no LF.  pos and odd have room for n + 16 each.
 */
void vmf_scan(enum vmf_simd level, const char *text, int64_t n, char delim,
    struct vmf_marks *m);

#endif
