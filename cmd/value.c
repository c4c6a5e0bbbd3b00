/* SPDX-License-Identifier: MIT */
#include "value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

static int
bad_value(const struct cmd_opt *o, const char *arg, const char *expected,
    struct vmf_err *e)
{
	return vmf_fail(e, VMF_EUSAGE, "--%s: found '%.200s', expected %s",
	    o->name, arg, expected);
}

static int
set_int(const struct cmd_opt *o, const char *arg, struct vmf_err *e)
{
	char want[96];
	int64_t v;

	if (vmf_parse_int64(arg, (int64_t)strlen(arg), &v) != 0)
		return bad_value(o, arg, "a whole number", e);
	if ((o->min != 0 || o->max != 0) && (v < o->min || v > o->max)) {
		snprintf(want, sizeof(want), "a whole number from %" PRId64
		    " to %" PRId64, o->min, o->max);
		return bad_value(o, arg, want, e);
	}
	*(int64_t *)o->dst = v;
	return 0;
}

int
cmd_set_option(const struct cmd_opt *o, const char *arg, struct vmf_err *e)
{
	struct vmf_err why = { "" };
	struct cmd_strs *strs;
	char want[48];
	int rc;

	switch (o->type) {
	case CMD_FLAG:
		*(bool *)o->dst = true;
		break;
	case CMD_FILE:
	case CMD_PRIOR:
	case CMD_WRITTEN:
	case CMD_MAP:
		if (*arg == '\0')
			return bad_value(o, arg, "the name of a file", e);
		*(const char **)o->dst = arg;
		break;
	case CMD_STR:
		*(const char **)o->dst = arg;
		break;
	case CMD_STRS:
		strs = o->dst;
		if (vmf_grow(&strs->v, &strs->cap, strs->n + 1, e) != 0)
			return VMF_ENOMEM;
		strs->v[strs->n++] = arg;
		break;
	case CMD_INT:
		return set_int(o, arg, e);
	case CMD_NUM:
		if (vmf_parse_double(arg, (int64_t)strlen(arg),
		    (double *)o->dst) != 0 || *(double *)o->dst !=
		    *(double *)o->dst)
			return bad_value(o, arg, "a number", e);
		break;
	case CMD_SIZE:
		if (vmf_parse_size(arg, (int64_t *)o->dst) != 0 ||
		    *(int64_t *)o->dst <= 0)
			return bad_value(o, arg, "a size such as 256M or 1G",
			    e);
		if (o->max != 0 && *(int64_t *)o->dst > o->max) {
			snprintf(want, sizeof(want), "a size of at most "
			    "%" PRId64 "G", o->max >> 30);
			return bad_value(o, arg, want, e);
		}
		break;
	case CMD_DURATION:
		if (vmf_parse_duration(arg, (int64_t *)o->dst) != 0)
			return bad_value(o, arg, "a span of time such as "
			    "300, 5m, 1h30m or 1d", e);
		break;
	case CMD_TIME:
		if (vmf_time_parse_any(arg, (int64_t)strlen(arg),
		    (int64_t *)o->dst) != 0)
			return bad_value(o, arg, "a time such as "
			    "2024-05-01T12:00:00Z, '2024-05-01 12:00' (in "
			    "--tz) or @1714564800", e);
		break;
	case CMD_TZ:
		if ((rc = vmf_tz_set(arg, &why)) != 0)
			return vmf_fail(e, rc, "--%s: %s", o->name, why.msg);
		break;
	case CMD_END:
		break;
	}
	return 0;
}
