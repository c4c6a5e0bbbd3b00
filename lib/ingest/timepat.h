/* SPDX-License-Identifier: MIT */
/*
 * Times by a pattern, as strptime has them, whatever the locale: %Y %y %m %b
 * %B %d %e %H %I %M %S %f %p %z %a %A %%, and %F %T %R %D for several of
 * these.  Blanks of the pattern are one or more of the text; every other
 * character is itself.
 */
#ifndef VMF_TIMEPAT_H
#define VMF_TIMEPAT_H

#include <stdint.h>

#include "base/err.h"

/* NULL when the pattern can be read by and tells a whole date; else what is
 * wrong with it, for a message: "a pattern without a whole date", ... */
const char *vmf_timepat_wrong(const char *pattern);

/*
 * The whole of s[0..len) by a pattern that is not wrong: seconds since the
 * epoch, on the wall clock of vmf_tz_set without %z; fractions are cut.
 * VMF_EDATA without a message for another text, or a time that there is not.
 */
int vmf_timepat_parse(const char *pattern, const char *s, int64_t len,
    int64_t *t) VMF_CHECK;

#endif
