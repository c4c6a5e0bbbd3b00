/* SPDX-License-Identifier: MIT */
/* Which options were given: some have no meaning beside others. */
#include <string.h>

#include "cmd.h"

/* Is it among words, which blanks part? */
static bool
is_among(const char *words, const char *name)
{
	size_t n = strlen(name);

	for (; *words != '\0'; words += *words == ' ') {
		size_t len = strcspn(words, " ");

		if (len == n && strncmp(words, name, n) == 0)
			return true;
		words += len;
	}
	return false;
}

static const char *
find_given(const struct cmd *c, const struct cmd_opt *table,
    const char *words, bool among)
{
	for (int k = 0; table[k].type != CMD_END; k++)
		if ((c->given >> k & 1) &&
		    is_among(words, table[k].name) == among)
			return table[k].name;
	return NULL;
}

const char *
cmd_given_of(const struct cmd *c, const struct cmd_opt *table,
    const char *words)
{
	return find_given(c, table, words, true);
}

const char *
cmd_given_but(const struct cmd *c, const struct cmd_opt *table,
    const char *words)
{
	return find_given(c, table, words, false);
}
