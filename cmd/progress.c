/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
cmd_meter_begin(struct cmd_meter *m, const struct cmd *c)
{
	struct stat st = { 0 };

	m->began_s = now_s();
	m->bytes = 0;
	for (int i = 0; i < (c->n_args > 0 ? c->n_args : 1); i++) {
		bool std = c->n_args == 0 || strcmp(c->arg[i], "-") == 0;

		if ((std ? fstat(STDIN_FILENO, &st) :
		    stat(c->arg[i], &st)) != 0 || !S_ISREG(st.st_mode)) {
			m->bytes = 0;
			return;
		}
		m->bytes += st.st_size;
	}
}

void
cmd_meter_show(const struct cmd_meter *m, struct cmd *c, int64_t rows,
    int64_t bytes)
{
	char left[48] = "";
	double s;

	if (!c->progress)
		return;
	s = now_s() - m->began_s;
	if (m->bytes >= bytes && bytes > 0)
		snprintf(left, sizeof(left), ", %.0f s left",
		    s * (double)(m->bytes - bytes) / (double)bytes);
	cmd_progress(c, "%" PRId64 " rows, %" PRId64 " MB, %.0f MB/s%s",
	    rows, bytes / 1000000, s > 0 ? (double)bytes / 1e6 / s : 0.0,
	    left);
}
