/* SPDX-License-Identifier: MIT */
#include "horizon.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "forecast/predict.h"

int
cmd_horizon(const char *text, int64_t step_s, int64_t *steps,
    struct vmf_err *e)
{
	int64_t span;

	if (vmf_parse_int64(text, (int64_t)strlen(text), steps) != 0) {
		if (vmf_parse_duration(text, &span) != 0)
			return vmf_fail(e, VMF_EUSAGE, "--horizon: '%.64s', "
			    "expected a number of steps, or a span of time "
			    "such as 48h", text);
		if (step_s == 0)
			return 0;
		if (span % step_s != 0)
			return vmf_fail(e, VMF_EUSAGE, "--horizon is %.64s, "
			    "expected a multiple of the step, %" PRId64 " s",
			    text, step_s);
		*steps = span / step_s;
	}
	if (*steps < 1 || *steps > VMF_HORIZON_MAX)
		return vmf_fail(e, VMF_EUSAGE, "--horizon is %" PRId64
		    " steps, expected 1 to %d", *steps, VMF_HORIZON_MAX);
	return 0;
}
