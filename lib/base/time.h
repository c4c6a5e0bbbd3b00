/* SPDX-License-Identifier: MIT */
/*
 * Time: seconds since the Unix epoch, UTC, as int64_t.  The wall clock of
 * people (--tz) is one per process.
 */
#ifndef VMF_TIME_H
#define VMF_TIME_H

#include <stdint.h>

#include "base/err.h"

#define VMF_TIME_NONE INT64_MIN	/* no time given */

/*
 * Set the process's wall clock: an IANA name ("Europe/Zurich"), "UTC", or a
 * fixed offset "+02:00".  An unknown name is VMF_EUSAGE: libc would silently
 * take it for UTC; VMF_EIO where the zone cannot be read.  Zones are those of
 * /usr/share/zoneinfo, whatever TZ and TZDIR were: both are written, not read.
 * Call once, before threads.
 */
int vmf_tz_set(const char *name, struct vmf_err *e) VMF_CHECK;

/* Seconds that the wall clock is ahead of UTC at t. */
int64_t vmf_tz_offset(int64_t t);

/* The moment at which the wall clock shows the given second (counted as if
 * it were UTC).  Where the clock shows it twice, the first; where it skips
 * it, the moment as far after the skip as the time is inside it. */
int64_t vmf_tz_to_utc(int64_t wall);

/* Seconds since the epoch of a calendar date and time, proleptic Gregorian;
 * VMF_EDATA where there is no such date (2023-02-29, 25:00). */
int vmf_time_civil(int64_t year, int month, int day, int hour, int min,
    int sec, int64_t *t) VMF_CHECK;

/* Readers of one text; they take the whole of s[0..len) or refuse it with
 * VMF_EDATA and no message.  Fractions of seconds are cut towards the past.
 *
 * vmf_time_parse_rfc3339: 2024-05-01T12:00:00Z, ...+02:00, with or without
 *   fraction; a blank may stand for the T and before the zone, UTC or GMT for
 *   the Z, and the offset as in ISO 8601, +0200 or +02.
 * vmf_time_parse_wall: 2024-05-01 12:00:00 (or T, or without seconds, or the
 *   date alone), on the wall clock of vmf_tz_set.
 * vmf_time_parse_unix: a number of seconds (ticks = 1), milliseconds (1000),
 *   microseconds or nanoseconds since the epoch.
 * vmf_time_parse_any: RFC 3339, else wall clock, else "@SECONDS": for
 *   options.
 */
int vmf_time_parse_rfc3339(const char *s, int64_t len, int64_t *t) VMF_CHECK;
int vmf_time_parse_wall(const char *s, int64_t len, int64_t *t) VMF_CHECK;
int vmf_time_parse_unix(const char *s, int64_t len, int64_t ticks,
    int64_t *t) VMF_CHECK;
int vmf_time_parse_any(const char *s, int64_t len, int64_t *t) VMF_CHECK;

/* RFC 3339 in UTC, "2024-05-01T12:00:00Z"; or on the wall clock with its
 * offset, "2024-05-01T14:00:00+02:00".  Returns the length. */
int vmf_time_format_utc(int64_t t, char buf[32]);
int vmf_time_format_wall(int64_t t, char buf[32]);

/* Largest multiple of step_s not above t, which is at least INT64_MIN +
 * step_s; right for t < 0 as well. */
static inline int64_t
vmf_time_floor(int64_t t, int64_t step_s)
{
	int64_t r = t % step_s;

	return t - (r < 0 ? r + step_s : r);
}

#endif
