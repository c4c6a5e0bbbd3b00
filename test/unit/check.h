/* SPDX-License-Identifier: MIT */
/* What unit programs share: a check that goes on, and how many failed. */
#ifndef VMF_TEST_CHECK_H
#define VMF_TEST_CHECK_H

#include <stdbool.h>
#include <stdio.h>

static int failures;

static inline void
check(bool ok, const char *what)
{
	if (ok)
		return;
	printf("%s\n", what);
	failures++;
}

#endif
