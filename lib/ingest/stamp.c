/* SPDX-License-Identifier: MIT */
#include "ingest/stamp.h"

#include <string.h>

#include "base/time.h"
#include "ingest/timepat.h"

static const struct {
	const char *word;
	const char *name;
	int64_t ticks;		/* a second's; 0: not a number */
} formats[] = {
	[VMF_STAMP_AUTO] = { "auto", "a time (Unix s, ms, us or ns, "
	    "RFC 3339, or YYYY-MM-DD hh:mm:ss)", 0 },
	[VMF_STAMP_S] = { "s", "Unix seconds", 1 },
	[VMF_STAMP_MS] = { "ms", "Unix milliseconds", 1000 },
	[VMF_STAMP_US] = { "us", "Unix microseconds", 1000000 },
	[VMF_STAMP_NS] = { "ns", "Unix nanoseconds", 1000000000 },
	[VMF_STAMP_RFC3339] = { "rfc3339",
	    "RFC 3339, as 2024-05-01T12:00:00Z", 0 },
	[VMF_STAMP_WALL] = { "wall", "YYYY-MM-DD hh:mm:ss", 0 },
	[VMF_STAMP_PATTERN] = { "%", "a time by the pattern", 0 },
};

int
vmf_stamp_find(const char *word, const char **found)
{
	*found = "another word";
	if (strchr(word, '%') != NULL) {
		*found = vmf_timepat_wrong(word);
		return *found == NULL ? VMF_STAMP_PATTERN : VMF_EDATA;
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (strcmp(formats[i].word, word) == 0)
			return (int)i;
	return VMF_EDATA;
}

const char *
vmf_stamp_name(enum vmf_stamp f)
{
	return formats[f].name;
}

enum vmf_stamp
vmf_stamp_unit(int64_t v)
{
	int64_t a = v < 0 ? -(v + 1) : v;

	return a < 100000000000 ? VMF_STAMP_S :
	    a < 100000000000000 ? VMF_STAMP_MS :
	    a < 100000000000000000 ? VMF_STAMP_US : VMF_STAMP_NS;
}

enum vmf_stamp
vmf_stamp_detect(const char *s, int64_t len)
{
	int64_t t;

	if (vmf_time_parse_rfc3339(s, len, &t) == 0)
		return VMF_STAMP_RFC3339;
	if (vmf_time_parse_wall(s, len, &t) == 0)
		return VMF_STAMP_WALL;
	if (vmf_time_parse_unix(s, len, 1, &t) != 0)
		return VMF_STAMP_AUTO;
	return vmf_stamp_unit(t);
}

int
vmf_stamp_parse(enum vmf_stamp f, const char *pattern, const char *s,
    int64_t len, int64_t *t)
{
	int rc;

	switch (f) {
	case VMF_STAMP_RFC3339:
		rc = vmf_time_parse_rfc3339(s, len, t);
		break;
	case VMF_STAMP_WALL:
		rc = vmf_time_parse_wall(s, len, t);
		break;
	case VMF_STAMP_PATTERN:
		rc = vmf_timepat_parse(pattern, s, len, t);
		break;
	default:
		rc = vmf_time_parse_unix(s, len, formats[f].ticks, t);
		break;
	}
	if (rc == 0 && (*t < VMF_STAMP_MIN || *t > VMF_STAMP_MAX))
		rc = VMF_EDATA;
	return rc;
}
