/* SPDX-License-Identifier: MIT */
#include "twice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define BLOCK (1 << 20)

/* All of fd into a file without a name. */
static int
keep(const struct cmd *c, int from, const char *name, int *fd,
    struct vmf_err *e)
{
	char *buf = vmf_calloc(1, BLOCK, e);
	int64_t n = 0;
	int rc;

	if (buf == NULL)
		return VMF_ENOMEM;
	if ((rc = vmf_open_temp(c->tmpdir, fd, e)) == 0) {
		while ((n = vmf_read_full(from, buf, BLOCK, name, e)) > 0)
			if ((rc = vmf_write_full(*fd, buf, n, c->tmpdir,
			    e)) != 0)
				break;
	}
	free(buf);
	return n < 0 ? (int)n : rc;
}

static int
open_kept(const struct cmd *c, const struct cmd_twice *t, const char *name,
    struct vmf_reader **r, struct vmf_err *e)
{
	int fd;

	if (lseek(t->fd, t->from, SEEK_SET) < 0 || (fd = dup(t->fd)) < 0)
		return vmf_fail(e, VMF_EIO, "%s: reading it again: %s", name,
		    strerror(errno));
	return vmf_reader_open_fd(r, fd, name, c->max_batch, e);
}

int
cmd_open_twice(const struct cmd *c, const char *path, bool again,
    struct cmd_twice *t, struct vmf_reader **r, struct vmf_err *e)
{
	const char *name = vmf_in_name(path);
	struct stat st = { 0 };
	int fd, rc;

	if (!again || ((path == NULL || strcmp(path, "-") == 0) &&
	    isatty(STDIN_FILENO)))
		return cmd_open_in(c, path, r, e);
	if ((rc = vmf_open_in(path, &fd, e)) != 0)
		return rc;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (t->from = lseek(fd, 0, SEEK_CUR)) >= 0) {
		t->fd = fd;
	} else {
		t->from = 0;
		rc = keep(c, fd, name, &t->fd, e);
		vmf_close_in(fd);
	}
	return rc != 0 ? rc : open_kept(c, t, name, r, e);
}

int
cmd_rewind(const struct cmd *c, const struct cmd_twice *t,
    struct vmf_reader **r, struct vmf_series *s, int64_t step_s, int64_t at,
    struct vmf_err *e)
{
	char *name = vmf_strdup(vmf_reader_name(*r), e);
	const struct vmf_wall *wall = s->wall;
	int rc;

	if (name == NULL)
		return VMF_ENOMEM;
	vmf_series_free(s);
	vmf_reader_free(*r);
	*r = NULL;
	if ((rc = open_kept(c, t, name, r, e)) == 0)
		rc = vmf_series_open(s, *r, t->kind == NULL ? "series" :
		    t->kind, step_s, at, e);
	s->wall = wall;
	free(name);
	return rc;
}

void
cmd_fleet(struct cmd *c, struct vmf_globals *g)
{
	g->mem_bytes = c->memory;
	g->tell = cmd_tell;
	g->tell_arg = c;
}

void
cmd_free_twice(struct cmd_twice *t)
{
	if (t->fd > 0)
		close(t->fd);
	t->fd = 0;
}
