/* SPDX-License-Identifier: MIT */
/* "a,b,c" as options take it: names with commas between. */
#ifndef VMF_NAMES_H
#define VMF_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The next name from *at on, which it moves; none is empty.  False: there
 * are no more. */
static inline bool
vmf_names_next(const char **at, const char **name, int64_t *len)
{
	*name = *at + strspn(*at, ",");
	*len = (int64_t)strcspn(*name, ",");
	*at = *name + *len;
	return *len > 0;
}

static inline bool
vmf_names_has(const char *list, const char *name, int64_t len)
{
	const char *s;
	int64_t n;

	while (vmf_names_next(&list, &s, &n))
		if (n == len && memcmp(s, name, (size_t)n) == 0)
			return true;
	return false;
}

#endif
