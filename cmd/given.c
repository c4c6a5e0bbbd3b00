/* SPDX-License-Identifier: MIT */
/* What was given: some options have no meaning beside others, and lists of
 * names none without a name. */
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

int
cmd_check_names(const char *option, const struct cmd_strs *s,
    const char *expected, struct vmf_err *e)
{
	for (int k = 0; k < s->n; k++)
		if (s->v[k][strspn(s->v[k], ",")] == '\0')
			return vmf_fail(e, VMF_EUSAGE, "--%s: found '%.64s', "
			    "expected %s", option, s->v[k], expected);
	return 0;
}
