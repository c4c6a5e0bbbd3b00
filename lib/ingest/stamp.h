/* SPDX-License-Identifier: MIT */
/*
 * How a source writes its times.  One file has one format: it is given, or
 * taken from the first time in the file and held from then on.
 */
#ifndef VMF_STAMP_H
#define VMF_STAMP_H

#include <stdint.h>

#include "base/err.h"

enum vmf_stamp {
	VMF_STAMP_AUTO,		/* not known yet */
	VMF_STAMP_S,		/* Unix time, in seconds */
	VMF_STAMP_MS,
	VMF_STAMP_US,
	VMF_STAMP_NS,
	VMF_STAMP_RFC3339,	/* 2024-05-01T12:00:00+02:00 */
	VMF_STAMP_WALL,		/* 2024-05-01 12:00:00, on the wall clock */
	VMF_STAMP_PATTERN,	/* as a pattern has it, see timepat.h */
};

/* What such a format is called. */
#define VMF_STAMP_WORDS "auto, s, ms, us, ns, rfc3339, wall or a pattern " \
	"such as %d.%m.%Y %H:%M"

/* The format of the words auto, s, ms, us, ns, rfc3339, wall, or of a text
 * with a %, a pattern; or < 0, and what was found instead. */
int vmf_stamp_find(const char *word, const char **found);

/* "Unix seconds", ...: for messages. */
const char *vmf_stamp_name(enum vmf_stamp f);

/* The unit of a time that is a whole number, see below. */
enum vmf_stamp vmf_stamp_unit(int64_t v);

/*
 * The format of one time; VMF_STAMP_AUTO when it is none.  A number is in
 * the unit that puts it nearest to our days: seconds below 1e11 (year 5138),
 * milliseconds below 1e14, microseconds below 1e17, else nanoseconds, sign
 * aside.
 */
enum vmf_stamp vmf_stamp_detect(const char *s, int64_t len);

/* Seconds since the epoch, UTC; VMF_EDATA without a message when s is not
 * of the format f (not AUTO; the pattern for VMF_STAMP_PATTERN only) or not
 * in the years 1 to 9999. */
int vmf_stamp_parse(enum vmf_stamp f, const char *pattern, const char *s,
    int64_t len, int64_t *t) VMF_CHECK;

/* The years 1 to 9999, which all of vmf can print. */
#define VMF_STAMP_MIN (-62135596800LL)
#define VMF_STAMP_MAX 253402300799LL

#endif
