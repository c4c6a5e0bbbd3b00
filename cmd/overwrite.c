/* SPDX-License-Identifier: MIT */
/* What is written must not be what is read: the input would be gone, quietly;
 * nor may two outputs be one. */
#include "overwrite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static bool
is_std(const char *path)
{
	return path == NULL || strcmp(path, "-") == 0;
}

/* What is written to, or its folder where it is not there yet: then name is its
 * name there, which is the caller's to free, else NULL. */
struct place {
	struct stat st;
	char *name;
};

/* 1, or 0 where it cannot be opened either, as whoever does tells. */
static int
look_at(int failed, const char *path, struct vmf_err *e)
{
	if (failed == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR || errno == EACCES ||
	    errno == ELOOP || errno == ENAMETOOLONG ? 0 :
	    vmf_fail_errno(e, "cannot look at %s", path);
}

/* 1: found; 0: there is no such place. */
static int
find_place(const char *path, struct place *p, struct vmf_err *e)
{
	char *slash;
	int rc;

	*p = (struct place){ .name = NULL };
	if (is_std(path))
		return fstat(STDOUT_FILENO, &p->st) == 0;
	if ((rc = look_at(stat(path, &p->st), path, e)) != 0)
		return rc;
	if ((rc = vmf_file_target(&p->name, path, e)) != 0)
		return rc == VMF_ENOMEM ? rc : 0;
	slash = strrchr(p->name, '/');
	if (slash == NULL)
		return look_at(stat(".", &p->st), ".", e);
	*slash = '\0';
	rc = look_at(stat(slash == p->name ? "/" : p->name, &p->st), path, e);
	memmove(p->name, slash + 1, strlen(slash + 1) + 1);
	return rc;
}

/* 1 where both are written to one place. */
static int
same_output(const char *a, const char *b, struct vmf_err *e)
{
	struct place x, y = { .name = NULL };
	int rc;

	if (is_std(a) && is_std(b))
		return 1;
	if ((rc = find_place(a, &x, e)) > 0 &&
	    (rc = find_place(b, &y, e)) > 0)
		/* Who writes to a device twice means it. */
		rc = x.st.st_dev == y.st.st_dev &&
		    x.st.st_ino == y.st.st_ino &&
		    strcmp(x.name == NULL ? "" : x.name, y.name == NULL ? "" :
		    y.name) == 0 && !S_ISCHR(x.st.st_mode);
	free(x.name);
	free(y.name);
	return rc;
}

int
cmd_check_apart(const char *option, const char *path, const char *other,
    const char *what, struct vmf_err *e)
{
	int same = same_output(path, other, e);

	return same <= 0 ? same : vmf_fail(e, VMF_EUSAGE, "%s: '%.200s' is "
	    "also %s; expected another file", option, path, what);
}

/* Is the file at path the one that is written, which where says? */
static int
check_path(const char *path, const struct stat *out, const char *what,
    const char *where, struct vmf_err *e)
{
	struct stat in = { 0 };
	int no = is_std(path) ? fstat(STDIN_FILENO, &in) : stat(path, &in);

	if (no != 0 || in.st_dev != out->st_dev || in.st_ino != out->st_ino)
		return 0;
	return vmf_fail(e, VMF_EUSAGE, "%s is also read, as %s%s; expected "
	    "another file", where, what, is_std(path) ? "standard input" : "");
}

/* The file that the option reads; NULL: none, or one that goes on, unless
 * prior asks for these as well. */
static const char *
option_file(const struct cmd_opt *o, bool prior)
{
	const char *path = o->type == CMD_FILE || o->type == CMD_MAP ||
	    (prior && o->type == CMD_PRIOR) ? *(const char **)o->dst : NULL;
	size_t len = path == NULL ? 0 : strlen(path);

	if (len > 0 && o->type == CMD_MAP && strchr(path, '/') == NULL &&
	    (len < 6 || strcmp(path + len - 5, ".json") != 0))
		return NULL;
	return path;
}

/* goes_on: what the command goes on from may be the output. */
static int
check(const struct cmd *c, const struct cmd_opt *table, const char *option,
    const char *output, bool goes_on, struct vmf_err *e)
{
	bool std = is_std(output);
	struct stat out = { 0 };
	char what[64], where[300] = "standard output";
	int rc = 0;

	/* What is no file, such as a terminal, is not replaced.  Standard
	 * output is written to while what goes on is still read. */
	if ((std ? fstat(STDOUT_FILENO, &out) : stat(output, &out)) != 0 ||
	    !S_ISREG(out.st_mode))
		return 0;
	if (!std)
		snprintf(where, sizeof(where), "%s: '%.200s'", option, output);
	for (; rc == 0 && table->type != CMD_END; table++) {
		const char *path = option_file(table, std || !goes_on);

		snprintf(what, sizeof(what), "--%s", table->name);
		if (!is_std(path))
			rc = check_path(path, &out, what, where, e);
	}
	if (goes_on && c->same_kind && !std)
		return rc;
	for (int i = 0; rc == 0 && i < c->n_args; i++)
		rc = check_path(c->arg[i], &out, is_std(c->arg[i]) ? "" :
		    "input", where, e);
	if (rc == 0 && c->n_args == 0)
		rc = check_path(NULL, &out, "", where, e);
	return rc;
}

int
cmd_check_written(const struct cmd *c, const struct cmd_opt *table,
    const char *option, const char *output, struct vmf_err *e)
{
	return check(c, table, option, output, false, e);
}

int
cmd_check_output(const struct cmd *c, const struct cmd_opt *table,
    struct vmf_err *e)
{
	/* Some read nothing. */
	return c->max_args == 0 ? 0 : check(c, table, "-o", c->output, true,
	    e);
}

int
cmd_check_sums(const struct cmd *c, const struct cmd_opt *table,
    struct vmf_err *e)
{
	int rc = cmd_check_apart("--sums", c->sums, c->output, "the output",
	    e);

	return rc != 0 ? rc : cmd_check_written(c, table, "--sums", c->sums, e);
}

/* One more that is read; first: which of those before was standard input. */
static int
read_once(char first[64], const char *what, const char *path,
    struct vmf_err *e)
{
	if (path == NULL || strcmp(path, "-") != 0)
		return 0;
	if (*first != '\0')
		return vmf_fail(e, VMF_EUSAGE, "%s and %s cannot both be "
		    "standard input", first, what);
	snprintf(first, 64, "%s", what);
	return 0;
}

int
cmd_check_stdin(const struct cmd *c, const struct cmd_opt *table,
    struct vmf_err *e)
{
	char first[64] = "", what[64];
	int rc = 0;

	for (; rc == 0 && table->type != CMD_END; table++) {
		snprintf(what, sizeof(what), "--%s", table->name);
		rc = read_once(first, what, option_file(table, true), e);
	}
	for (int i = 0; rc == 0 && i < c->n_args; i++)
		rc = read_once(first, strcmp(first, "an operand") == 0 ?
		    "another" : "an operand", c->arg[i], e);
	if (rc == 0 && c->n_args == 0 && c->always_reads)
		rc = read_once(first, "the input", "-", e);
	return rc;
}
