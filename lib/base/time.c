/* SPDX-License-Identifier: MIT */
#include "base/time.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

/* Years that fit the four digits of RFC 3339 and keep all sums far from
 * the ends of int64_t. */
#define YEAR_MIN 1
#define YEAR_MAX 9999

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly n digits at s. */
static int
digits(const char *s, int n, int *v)
{
	*v = 0;
	for (int i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return VMF_EDATA;
		*v = *v * 10 + (s[i] - '0');
	}
	return 0;
}

/* "+02:00", "-0330", "+2": the offset in seconds. */
static int
parse_offset(const char *s, int64_t len, int64_t *offset_s)
{
	int h, m = 0, sign;

	if (len < 2 || (*s != '+' && *s != '-'))
		return VMF_EDATA;
	sign = *s == '-' ? -1 : 1;
	s++;
	len--;
	if (len == 1 || len == 2) {
		if (digits(s, (int)len, &h) != 0)
			return VMF_EDATA;
	} else if (len == 4) {
		if (digits(s, 2, &h) != 0 || digits(s + 2, 2, &m) != 0)
			return VMF_EDATA;
	} else if (len == 5 && s[2] == ':') {
		if (digits(s, 2, &h) != 0 || digits(s + 3, 2, &m) != 0)
			return VMF_EDATA;
	} else {
		return VMF_EDATA;
	}
	if (h > 23 || m > 59)
		return VMF_EDATA;
	*offset_s = sign * (h * 3600 + m * 60);
	return 0;
}

/* 1 if a file of a zone is there, which begins with these letters (RFC 8536),
 * 0 if none is; negative where that cannot be told. */
static int
is_zone(const char *path, struct vmf_err *e)
{
	char head[4];
	size_t n = 0;
	ssize_t got = 0;
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
		    vmf_fail_errno(e, "cannot open %s", path);
	while (n < sizeof(head) && ((got = read(fd, head + n,
	    sizeof(head) - n)) > 0 || (got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	if (got < 0 && errno != EISDIR)
		rc = vmf_fail_errno(e, "cannot read %s", path);
	else
		rc = n == sizeof(head) &&
		    memcmp(head, "TZif", sizeof(head)) == 0;
	close(fd);
	return rc;
}

int
vmf_tz_set(const char *name, struct vmf_err *e)
{
	char path[512], tz[64];
	int64_t off;
	int ok, rc;

	if (parse_offset(name, (int64_t)strlen(name), &off) == 0) {
		int64_t a = off < 0 ? -off : off;

		/* POSIX counts the other way round: UTC minus local. */
		snprintf(tz, sizeof(tz), "<%c%02d%02d>%c%02d:%02d",
		    off < 0 ? '-' : '+', (int)(a / 3600),
		    (int)(a / 60 % 60), off < 0 ? '+' : '-',
		    (int)(a / 3600), (int)(a / 60 % 60));
		ok = setenv("TZ", tz, 1) == 0;
	} else if (strcmp(name, "UTC") == 0) {
		ok = setenv("TZ", "UTC0", 1) == 0;
	} else {
		const char *c = name;

		while (isalnum((unsigned char)*c) ||
		    (*c != '\0' && strchr("/_+-", *c) != NULL))
			c++;
		snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
		rc = *name != '\0' && *name != '/' && *c == '\0' &&
		    isalpha((unsigned char)*name) && strlen(name) <= 60 ?
		    is_zone(path, e) : 0;
		if (rc < 0)
			return rc;
		if (rc == 0)
			return vmf_fail(e, VMF_EUSAGE,
			    "time zone '%s' is not known; expected an IANA "
			    "name such as Europe/Zurich, UTC, or an offset "
			    "such as +02:00", name);
		snprintf(tz, sizeof(tz), ":%s", name);
		/* libc would look in TZDIR instead, and take the name for
		 * UTC where it is not there. */
		ok = setenv("TZ", tz, 1) == 0 && unsetenv("TZDIR") == 0;
	}
	if (!ok)
		return vmf_fail_errno(e, "time zone '%s'", name);
	tzset();
	return 0;
}

int64_t
vmf_tz_offset(int64_t t)
{
	time_t tt = (time_t)t;
	struct tm tm;

	return localtime_r(&tt, &tm) == NULL ? 0 : (int64_t)tm.tm_gmtoff;
}

int64_t
vmf_tz_to_utc(int64_t wall)
{
	/* The offsets a day earlier and later bracket any clock change; the
	 * earlier moment has the larger offset. */
	int64_t o1 = vmf_tz_offset(wall - 86400);
	int64_t o2 = vmf_tz_offset(wall + 86400);
	int64_t big = o1 > o2 ? o1 : o2, small = o1 > o2 ? o2 : o1;

	if (vmf_tz_offset(wall - big) == big)
		return wall - big;
	if (vmf_tz_offset(wall - small) == small)
		return wall - small;
	return wall - o1;	/* skipped: as the clock ran before */
}

int
vmf_time_civil(int64_t year, int month, int day, int hour, int min, int sec,
    int64_t *t)
{
	static const int mdays[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
	    30, 31 };
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t y, era, yoe, doy, doe;

	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 ||
	    day < 1 || day > mdays[month - 1] + (month == 2 && leap) ||
	    hour < 0 || hour > 23 || min < 0 || min > 59 || sec < 0 ||
	    /* A leap second ends an hour, or a quarter of one in its zone. */
	    sec > 59 + (min % 15 == 14))
		return VMF_EDATA;
	/* Days from the civil date: eras of 400 years, years from March. */
	y = year - (month <= 2);
	era = y / 400;
	yoe = y - era * 400;
	doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	*t = (era * 146097 + doe - 719468) * 86400 + hour * 3600 + min * 60 +
	    sec;
	return 0;
}

/* YYYY-MM-DD[(T| )hh:mm[:ss[.fff]]]; *used is how far it read. */
static int
parse_civil(const char *s, int64_t len, int64_t *t, int64_t *used)
{
	int y, mo, d, h = 0, mi = 0, sec = 0;
	int64_t i = 10;

	if (len < 10 || digits(s, 4, &y) != 0 || s[4] != '-' ||
	    digits(s + 5, 2, &mo) != 0 || s[7] != '-' ||
	    digits(s + 8, 2, &d) != 0)
		return VMF_EDATA;
	if (len > 10 && (s[10] == 'T' || s[10] == 't' || s[10] == ' ')) {
		if (len < 16 || digits(s + 11, 2, &h) != 0 || s[13] != ':' ||
		    digits(s + 14, 2, &mi) != 0)
			return VMF_EDATA;
		i = 16;
		if (len >= 19 && s[16] == ':') {
			if (digits(s + 17, 2, &sec) != 0)
				return VMF_EDATA;
			i = 19;
			if (len > 20 && s[19] == '.' && is_digit(s[20]))
				for (i = 20; i < len && is_digit(s[i]);)
					i++;
		}
	}
	*used = i;
	return vmf_time_civil(y, mo, d, h, mi, sec, t);
}

int
vmf_time_parse_rfc3339(const char *s, int64_t len, int64_t *t)
{
	int64_t used, v, off = 0;

	if (parse_civil(s, len, &v, &used) != 0 || used < 16)
		return VMF_EDATA;
	/* "12:00:00 UTC" and "12:00:00 +0200", as databases write them. */
	if (len > used + 1 && s[used] == ' ')
		used++;
	s += used;
	len -= used;
	if (!((len == 1 && (*s == 'Z' || *s == 'z')) ||
	    (len == 3 && (memcmp(s, "UTC", 3) == 0 ||
	    memcmp(s, "GMT", 3) == 0))) && parse_offset(s, len, &off) != 0)
		return VMF_EDATA;
	*t = v - off;
	return 0;
}

int
vmf_time_parse_wall(const char *s, int64_t len, int64_t *t)
{
	int64_t used, v;

	if (parse_civil(s, len, &v, &used) != 0 || used != len)
		return VMF_EDATA;
	*t = vmf_tz_to_utc(v);
	return 0;
}

int
vmf_time_parse_unix(const char *s, int64_t len, int64_t ticks, int64_t *t)
{
	int64_t n = 0, v, frac = 0;

	/* "1375308176.0" is what some tools write for whole seconds. */
	while (n < len && s[n] != '.')
		n++;
	if (vmf_parse_int64(s, n, &v) != 0 || n + 1 == len)
		return VMF_EDATA;
	for (int64_t i = n + 1; i < len; i++) {
		if (!is_digit(s[i]))
			return VMF_EDATA;
		frac |= s[i] != '0';
	}
	*t = v / ticks - (v % ticks < 0);
	if (frac && s[0] == '-' && v % ticks == 0) {
		if (*t == INT64_MIN)
			return VMF_EDATA;
		(*t)--;
	}
	return 0;
}

int
vmf_time_parse_any(const char *s, int64_t len, int64_t *t)
{
	if (vmf_time_parse_rfc3339(s, len, t) == 0 ||
	    vmf_time_parse_wall(s, len, t) == 0)
		return 0;
	if (len > 1 && *s == '@')
		return vmf_time_parse_unix(s + 1, len - 1, 1, t);
	return VMF_EDATA;
}

static int
format_civil(int64_t wall, char buf[32])
{
	time_t tt = (time_t)wall;
	struct tm tm;

	if (gmtime_r(&tt, &tm) == NULL || tm.tm_year + 1900 < 1 ||
	    tm.tm_year + 1900 > YEAR_MAX)
		return 0;
	return snprintf(buf, 32, "%04d-%02d-%02dT%02d:%02d:%02d",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

int
vmf_time_format_utc(int64_t t, char buf[32])
{
	int n = format_civil(t, buf);

	if (n == 0)
		return snprintf(buf, 32, "@%lld", (long long)t);
	return n + snprintf(buf + n, (size_t)(32 - n), "Z");
}

int
vmf_time_format_wall(int64_t t, char buf[32])
{
	int64_t off = vmf_tz_offset(t), a;
	int n;

	/* Before there were zones, clocks differed by seconds, which RFC 3339
	 * cannot write, nor a wall clock of a year before 1 or after 9999: then
	 * UTC. */
	if (off % 60 != 0 || __builtin_add_overflow(t, off, &a) ||
	    format_civil(a, buf) == 0)
		off = 0;
	a = off < 0 ? -off : off;
	n = format_civil(t + off, buf);
	if (n == 0)
		return snprintf(buf, 32, "@%lld", (long long)t);
	if (off == 0)
		return n + snprintf(buf + n, (size_t)(32 - n), "Z");
	return n + snprintf(buf + n, (size_t)(32 - n), "%c%02d:%02d",
	    off < 0 ? '-' : '+', (int)(a / 3600), (int)(a / 60 % 60));
}
