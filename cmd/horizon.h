/* SPDX-License-Identifier: MIT */
#ifndef VMF_CMD_HORIZON_H
#define VMF_CMD_HORIZON_H

#include <stdint.h>

#include "base/err.h"

/* The text of --horizon: a bare number counts steps, with a unit it is a span
 * of time.  With a step of 0, not known yet, only the text is checked. */
int cmd_horizon(const char *text, int64_t step_s, int64_t *steps,
    struct vmf_err *e) VMF_CHECK;

#endif
