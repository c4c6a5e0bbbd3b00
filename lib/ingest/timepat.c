/* SPDX-License-Identifier: MIT */
#include "ingest/timepat.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"

/* What a pattern tells, each of which it may tell once. */
enum {
	HAS_YEAR = 1 << 0,
	HAS_MONTH = 1 << 1,
	HAS_DAY = 1 << 2,
	HAS_HOUR = 1 << 3,
	HAS_HALF = 1 << 4,	/* an hour from 1 to 12 */
	HAS_MIN = 1 << 5,
	HAS_SEC = 1 << 6,
	HAS_PART = 1 << 7,
	HAS_PM = 1 << 8,
	HAS_ZONE = 1 << 9,
	HAS_WEEKDAY = 1 << 10,
	HAS_DATE = HAS_YEAR | HAS_MONTH | HAS_DAY
};

static const struct {
	char letter;
	unsigned has;
	const char *is;		/* shorter ones, or NULL */
} fields[] = {
	{ 'Y', HAS_YEAR, NULL }, { 'y', HAS_YEAR, NULL },
	{ 'm', HAS_MONTH, NULL }, { 'b', HAS_MONTH, NULL },
	{ 'B', HAS_MONTH, NULL }, { 'd', HAS_DAY, NULL },
	{ 'e', HAS_DAY, NULL }, { 'H', HAS_HOUR, NULL },
	{ 'I', HAS_HALF, NULL }, { 'M', HAS_MIN, NULL },
	{ 'S', HAS_SEC, NULL }, { 'f', HAS_PART, NULL },
	{ 'p', HAS_PM, NULL }, { 'z', HAS_ZONE, NULL },
	{ 'a', HAS_WEEKDAY, NULL }, { 'A', HAS_WEEKDAY, NULL },
	{ '%', 0, NULL }, { 'F', 0, "%Y-%m-%d" }, { 'T', 0, "%H:%M:%S" },
	{ 'R', 0, "%H:%M" }, { 'D', 0, "%m/%d/%y" },
};

static const char *const months[] = { "January", "February", "March",
    "April", "May", "June", "July", "August", "September", "October",
    "November", "December" };
static const char *const weekdays[] = { "Monday", "Tuesday", "Wednesday",
    "Thursday", "Friday", "Saturday", "Sunday" };

/* The field of a letter, or -1. */
static int
find_field(char letter)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (fields[i].letter == letter)
			return (int)i;
	return -1;
}

/* Add what p tells to *has; NULL, or what is wrong with it. */
static const char *
collect(const char *p, unsigned *has)
{
	const char *wrong = NULL;

	for (; *p != '\0' && wrong == NULL; p++) {
		int i;

		if (*p != '%')
			continue;
		i = find_field(*++p);
		if (i < 0)
			return "a pattern with a letter that is none of "
			    "%Y %y %m %b %B %d %e %H %I %M %S %f %p %z %a %A "
			    "%F %T %R %D";
		if (fields[i].is != NULL)
			wrong = collect(fields[i].is, has);
		else if ((*has & fields[i].has) != 0)
			wrong = "a pattern that has a part of the time twice";
		else
			*has |= fields[i].has;
	}
	return wrong;
}

const char *
vmf_timepat_wrong(const char *pattern)
{
	unsigned has = 0;
	const char *wrong = collect(pattern, &has);

	if (wrong != NULL)
		return wrong;
	if ((has & HAS_DATE) != HAS_DATE)
		return "a pattern without year, month and day";
	if ((has & HAS_HALF) != 0 && (has & HAS_HOUR) != 0)
		return "a pattern that has a part of the time twice";
	if (((has & HAS_HALF) != 0) != ((has & HAS_PM) != 0))
		return "a pattern with one of %I and %p";
	return NULL;
}

/* The time as far as it is read. */
struct parts {
	int year, month, day, hour, min, sec;
	bool half, pm, zone;
	int64_t offset_s;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* least to most digits at *s. */
static bool
take_digits(const char **s, const char *end, int least, int most, int *v)
{
	int n = 0;

	*v = 0;
	while (n < most && *s < end && **s >= '0' && **s <= '9') {
		*v = *v * 10 + (*(*s)++ - '0');
		n++;
	}
	return n >= least;
}

/* One of n names, whole or its first three letters; from 0. */
static bool
take_name(const char **s, const char *end, const char *const *name, int n,
    int *which)
{
	for (int whole = 1; whole >= 0; whole--)
		for (int i = 0; i < n; i++) {
			size_t len = whole ? strlen(name[i]) : 3;

			if ((size_t)(end - *s) < len ||
			    strncasecmp(*s, name[i], len) != 0)
				continue;
			*s += len;
			*which = i;
			return true;
		}
	return false;
}

/* Z, +02:00, +0200 or +02. */
static bool
take_zone(const char **s, const char *end, int64_t *offset_s)
{
	int h, m = 0, sign;

	if (*s == end)
		return false;
	if (**s == 'Z' || **s == 'z') {
		++*s;
		*offset_s = 0;
		return true;
	}
	if (**s != '+' && **s != '-')
		return false;
	sign = *(*s)++ == '-' ? -1 : 1;
	if (!take_digits(s, end, 2, 2, &h))
		return false;
	if (end - *s >= 3 && **s == ':')
		++*s;
	if (*s < end && **s >= '0' && **s <= '9' &&
	    !take_digits(s, end, 2, 2, &m))
		return false;
	*offset_s = sign * (h * 3600 + m * 60);
	return h <= 23 && m <= 59;
}

static bool take(const char *p, const char **s, const char *end,
    struct parts *t);

/* What a letter stands for. */
static bool
take_field(char letter, const char **s, const char *end, struct parts *t)
{
	int v;

	switch (letter) {
	case 'Y':
		return take_digits(s, end, 4, 4, &t->year);
	case 'y':
		if (!take_digits(s, end, 2, 2, &v))
			return false;
		t->year = v < 69 ? 2000 + v : 1900 + v;
		return true;
	case 'm':
		return take_digits(s, end, 1, 2, &t->month);
	case 'b':
	case 'B':
		if (!take_name(s, end, months, 12, &v))
			return false;
		t->month = v + 1;
		return true;
	case 'e':
		while (*s < end && is_blank(**s))
			++*s;
		return take_digits(s, end, 1, 2, &t->day);
	case 'd':
		return take_digits(s, end, 1, 2, &t->day);
	case 'I':
		t->half = true;
		return take_digits(s, end, 1, 2, &t->hour) && t->hour >= 1 &&
		    t->hour <= 12;
	case 'H':
		return take_digits(s, end, 1, 2, &t->hour);
	case 'M':
		return take_digits(s, end, 1, 2, &t->min);
	case 'S':
		return take_digits(s, end, 1, 2, &t->sec);
	case 'f':
		return take_digits(s, end, 1, 9, &v);
	case 'p':
		if (end - *s < 2 || (strncasecmp(*s, "am", 2) != 0 &&
		    strncasecmp(*s, "pm", 2) != 0))
			return false;
		t->pm = **s == 'p' || **s == 'P';
		*s += 2;
		return true;
	case 'z':
		t->zone = true;
		return take_zone(s, end, &t->offset_s);
	case 'a':
	case 'A':
		return take_name(s, end, weekdays, 7, &v);
	case '%':
		return *s < end && *(*s)++ == '%';
	default:
		return take(fields[find_field(letter)].is, s, end, t);
	}
}

static bool
take(const char *p, const char **s, const char *end, struct parts *t)
{
	for (; *p != '\0'; p++) {
		if (*p == '%') {
			if (!take_field(*++p, s, end, t))
				return false;
		} else if (is_blank(*p)) {
			while (is_blank(p[1]))
				p++;
			if (*s == end || !is_blank(**s))
				return false;
			while (*s < end && is_blank(**s))
				++*s;
		} else if (*s == end || *(*s)++ != *p) {
			return false;
		}
	}
	return true;
}

int
vmf_timepat_parse(const char *pattern, const char *s, int64_t len,
    int64_t *t)
{
	struct parts x = { 0 };
	const char *end = s + len;

	if (!take(pattern, &s, end, &x) || s != end)
		return VMF_EDATA;
	if (x.half)
		x.hour = x.hour % 12 + (x.pm ? 12 : 0);
	if (vmf_time_civil(x.year, x.month, x.day, x.hour, x.min, x.sec,
	    t) != 0)
		return VMF_EDATA;
	*t = x.zone ? *t - x.offset_s : vmf_tz_to_utc(*t);
	return 0;
}
