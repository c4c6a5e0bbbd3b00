/* SPDX-License-Identifier: MIT */
/*
 * Columns of numbers, a block's at a time.  A line whose field is no finite
 * number of the type is marked odd, and its place in out means nothing;
 * words for "no value" are NaN.  What comes out is what vmf_parse_float and
 * vmf_parse_double give, at every level.
 */
#ifndef VMF_NUMCOL_H
#define VMF_NUMCOL_H

#include <stdint.h>

#include "base/cpu.h"
#include "ingest/cells.h"
#include "ingest/stamp.h"

void vmf_numcol_floats(enum vmf_simd level, const struct vmf_cells *c,
    int64_t f, float *out);
/* Here infinity is left to the caller. */
void vmf_numcol_doubles(enum vmf_simd level, const struct vmf_cells *c,
    int64_t f, double *out);

/*
 * Times of the format *stamp (by the pattern, or NULL), as vmf_stamp_parse
 * reads them; where detect is set each must be found to be of that format.
 * VMF_STAMP_AUTO becomes the format of the first that is one.
 */
void vmf_numcol_times(enum vmf_simd level, const struct vmf_cells *c,
    int64_t f, enum vmf_stamp *stamp, const char *pattern, bool detect,
    int64_t *out);

#endif
