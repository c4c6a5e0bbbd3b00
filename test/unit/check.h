/* SPDX-License-Identifier: MIT */
/* What unit programs share: a check that goes on, how many failed, and one
 * without which nothing else can be tried. */
#ifndef VMF_TEST_CHECK_H
#define VMF_TEST_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

static int failures;

static inline void
check(bool ok, const char *what)
{
	if (ok)
		return;
	printf("%s\n", what);
	failures++;
}

static inline void
must(int rc, const struct vmf_err *e)
{
	if (rc == 0)
		return;
	printf("%s\n", e->msg);
	exit(1);
}

#endif
