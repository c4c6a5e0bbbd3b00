/* SPDX-License-Identifier: MIT */
#include "aggregate_note.h"

void
aggregate_note(const struct cmd *c, const struct vmf_aggregate *g,
    const struct vmf_append *a)
{
	char text[1024];

	if (g != NULL) {
		if (vmf_aggregate_doubt(g, text, sizeof(text)))
			cmd_note(c, "%s", text);
		vmf_aggregate_summary(g, text, sizeof(text));
		cmd_note(c, "%s", text);
	}
	if (a != NULL) {
		vmf_append_summary(a, text, sizeof(text));
		cmd_note(c, "%s", text);
	}
}
