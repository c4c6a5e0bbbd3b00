/* SPDX-License-Identifier: MIT */
/*
 * From the text of a field to a value of the stream.  Both readers use
 * these, so that they cannot disagree; what is bad has a message only in the
 * one that reads row by row.
 */
#ifndef VMF_CONVERT_H
#define VMF_CONVERT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "ingest/bind.h"
#include "ingest/csvread.h"

/* What is wrong with a row, where all are to be good. */
#define VMF_BAD_ROW "%s (--bad-rows skip goes on without such rows)"

enum vmf_conv {
	VMF_CONV_OK,
	VMF_CONV_NO_NUMBER,
	VMF_CONV_NO_NUMBER_OF,	/* the field of percent_of */
	VMF_CONV_INFINITE,
	VMF_CONV_INFINITE_OF,
	VMF_CONV_NO_INT32,
	VMF_CONV_NO_FLOAT32,
	VMF_CONV_NO_FLOAT64,
};

/* Without the blanks at both ends. */
struct vmf_field_text vmf_field_trim(const struct vmf_field_text *f);

/* What is before the first until, without the blanks around it; all of f, as
 * it stands, where there is none. */
struct vmf_field_text vmf_field_until(const struct vmf_field_text *f,
    const char *until);

/* The words for "no value": nothing, NA, NaN, null. */
bool vmf_field_missing(const struct vmf_field_text *t);

/*
 * 0 and a number, or NaN for a missing one; VMF_EDATA otherwise.  comma: the
 * number is written as 1.234,5, the points between groups of three digits or
 * not there.
 */
int vmf_field_double(const struct vmf_field_text *f, bool comma, double *v);
int vmf_field_float(const struct vmf_field_text *f, bool comma, float *v);

/* A float32 as it stands: its text is rounded once, to float.  All others
 * are computed as double. */
static inline bool
vmf_bound_plain(const struct vmf_bound *c)
{
	return c->type == VMF_FLOAT32 && c->scale == 1.0 &&
	    c->offset == 0.0 && c->percent_of < 0;
}

/* What a column makes of the number v, and of `of` where it has percent_of:
 * *v becomes the value, NaN where it is missing. */
static inline enum vmf_conv
vmf_convert_value(const struct vmf_bound *c, double *v, double of)
{
	if (isinf(*v))
		return VMF_CONV_INFINITE;
	*v *= c->scale;
	if (c->percent_of >= 0) {
		if (isinf(of))
			return VMF_CONV_INFINITE_OF;
		*v = of == 0.0 ? NAN : 100.0 * *v / of;
	}
	/* Zero keeps its sign. */
	if (c->offset != 0.0)
		*v += c->offset;
	if (isnan(*v))
		return VMF_CONV_OK;
	switch (c->type) {
	case VMF_INT32:
		if (c->scale != 1.0)
			*v = nearbyint(*v);
		return *v != nearbyint(*v) || *v < INT32_MIN ||
		    *v > INT32_MAX ? VMF_CONV_NO_INT32 : VMF_CONV_OK;
	case VMF_FLOAT32:
		/* Half a unit above FLT_MAX is where rounding gives inf. */
		return fabs(*v) < 0x1.ffffffp127 ? VMF_CONV_OK :
		    VMF_CONV_NO_FLOAT32;
	default:
		return isfinite(*v) ? VMF_CONV_OK : VMF_CONV_NO_FLOAT64;
	}
}

/*
 * The number of a column from its field f and, where it has percent_of, from
 * that one's.  *seen: f held a number, whatever came of it.
 */
enum vmf_conv vmf_convert_number(const struct vmf_bound *c,
    const struct vmf_field_text *f, const struct vmf_field_text *of,
    double *v, bool *seen);

#endif
