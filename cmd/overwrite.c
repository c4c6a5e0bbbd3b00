/* SPDX-License-Identifier: MIT */
/* -o must not be what is read: the input would be gone, quietly. */
#include "overwrite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
check_path(const char *path, const struct stat *out, const char *what,
    const char *output, struct vmf_err *e)
{
	bool std = path == NULL || strcmp(path, "-") == 0;
	struct stat in;
	int no = std ? fstat(STDIN_FILENO, &in) : stat(path, &in);

	if (no != 0 || in.st_dev != out->st_dev || in.st_ino != out->st_ino)
		return 0;
	return vmf_fail(e, VMF_EUSAGE, "-o: '%.200s' is also read, as %s%s; "
	    "expected another file", output, what, std ?
	    "standard input" : "");
}

int
cmd_check_output(const struct cmd *c, const struct cmd_opt *table,
    struct vmf_err *e)
{
	struct stat out;
	char what[64];
	int rc = 0;

	/* What is no file, such as a terminal, is not replaced; and some
	 * read nothing. */
	if (c->max_args == 0 || c->output == NULL ||
	    strcmp(c->output, "-") == 0 || stat(c->output, &out) != 0 ||
	    !S_ISREG(out.st_mode))
		return 0;
	for (; rc == 0 && table->type != CMD_END; table++) {
		const char *path = table->type == CMD_FILE ?
		    *(const char **)table->dst : NULL;

		snprintf(what, sizeof(what), "--%s", table->name);
		if (path != NULL && strcmp(path, "-") != 0)
			rc = check_path(path, &out, what, c->output, e);
	}
	if (c->same_kind)
		return rc;
	for (int i = 0; rc == 0 && i < c->n_args; i++)
		rc = check_path(c->arg[i], &out, strcmp(c->arg[i], "-") == 0 ?
		    "" : "input", c->output, e);
	if (rc == 0 && c->n_args == 0)
		rc = check_path(NULL, &out, "", c->output, e);
	return rc;
}
