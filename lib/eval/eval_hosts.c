/* SPDX-License-Identifier: MIT */
#include "eval/eval_hosts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

#define ROUNDING 1e-9		/* of sums of loads, in parts of the limit */

static int
read_cpus(struct vmf_eval_hosts *o, struct vmf_err *e)
{
	int col = vmf_schema_find(&o->inv->schema, "cpus");

	if (col < 0)
		return vmf_fail(e, VMF_EDATA, "%s: no column 'cpus', which "
		    "--max-host-load needs", o->inv->name);
	for (int64_t h = 0; h < o->inv->vm.n; h++) {
		const char *text = vmf_inventory_cell(o->inv, h, col);

		if (text == NULL || vmf_parse_double(text,
		    (int64_t)strlen(text), &o->cpus[h]) != 0 ||
		    !(o->cpus[h] > 0.0))
			return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64
			    ": cpus is '%.40s', expected a number above 0",
			    o->inv->name, h + 1, text == NULL ? "" : text);
		o->first[h] = o->h;
	}
	return 0;
}

int
vmf_eval_hosts_open(struct vmf_eval_hosts *o, const struct vmf_series *s,
    int64_t start, int64_t h, struct vmf_err *e)
{
	int64_t n = o->inv->vm.n;

	o->start = start;
	o->step_s = s->grid.step_s;
	o->h = h;
	o->host = vmf_schema_find(s->schema, "host");
	o->vcpus = vmf_schema_find(s->schema, "vcpus");
	if (o->host < 0 || o->vcpus < 0)
		return vmf_fail(e, VMF_EDATA, "%s: no column '%s', which "
		    "--max-host-load needs (vmf-aggregate --join adds those "
		    "of an inventory)", vmf_reader_name(s->r), o->vcpus < 0 ?
		    "vcpus" : "host");
	o->cpus = vmf_calloc(n + 1, (int64_t)sizeof(*o->cpus), e);
	o->first = vmf_calloc(n + 1, (int64_t)sizeof(*o->first), e);
	o->used = vmf_calloc(n * h + 1, (int64_t)sizeof(*o->used), e);
	if (o->cpus == NULL || o->first == NULL || o->used == NULL)
		return VMF_ENOMEM;
	return read_cpus(o, e);
}

/* Steps [from, to) of the VM's load y onto host. */
static void
put(struct vmf_eval_hosts *o, int32_t host, const double *y, int64_t n,
    int64_t first, double instead, double vcpus, int64_t from, int64_t to)
{
	double *used = o->used + host * o->h;

	for (int64_t t = from < 0 ? 0 : from; t < to && t < o->h; t++) {
		int64_t at = (o->start - first) / o->step_s + t;
		double x = at >= 0 && at < n ? y[at] : NAN;

		used[t] += vcpus * (isnan(x) ? instead : x);
	}
}

/* The mean of what is known in the forecast's steps; 0 where nothing is. */
static double
mean_load(const struct vmf_eval_hosts *o, const double *y, int64_t n,
    int64_t first)
{
	double sum = 0.0;
	int64_t known = 0;

	for (int64_t t = 0; t < o->h; t++) {
		int64_t at = (o->start - first) / o->step_s + t;

		if (at >= 0 && at < n && !isnan(y[at])) {
			sum += y[at];
			known++;
		}
	}
	return known > 0 ? sum / (double)known : 0.0;
}

int
vmf_eval_hosts_add(struct vmf_eval_hosts *o, struct vmf_series *s,
    int64_t i, int col, const struct vmf_eval_move *m, struct vmf_err *e)
{
	char room[VMF_WORD_ROOM];
	int64_t len, n, first = vmf_series_start(s, i), id_len;
	const char *name = vmf_series_word(s, i, o->host, room, &len);
	double vcpus = vmf_series_number(s, i, o->vcpus), instead;
	int32_t from = name == NULL ? -1 : vmf_dict_find(&o->inv->vm, name,
	    len), to = -1;
	int64_t begins = o->h, left = o->h;
	const double *y;
	int rc;

	if (m->start != VMF_TIME_NONE) {
		begins = (vmf_time_floor(m->start, o->step_s) - o->start) /
		    o->step_s;
		/* As the planner has it: who has no target counts where it
		 * is. */
		if (m->target != NULL)
			left = (m->end - o->start - 1) / o->step_s + 1;
		to = m->target == NULL ? -1 : vmf_dict_find(&o->inv->vm,
		    m->target, m->target_len);
	}
	if (from < 0 && to < 0)
		return 0;
	if (!(vcpus > 0.0)) {
		name = vmf_series_id(s, i, &id_len);
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ", '%.*s': "
		    "no vcpus above 0, which --max-host-load needs",
		    vmf_reader_name(s->r), vmf_reader_row(s->r) + i,
		    (int)vmf_utf8_cut(name, id_len, 200), name);
	}
	if ((rc = vmf_series_list(s, i, col, &y, &n, e)) != 0)
		return rc;
	if (n == 0)
		first = o->start;
	instead = mean_load(o, y, n, first);
	if (from >= 0)
		put(o, from, y, n, first, instead, vcpus, 0, left);
	if (to >= 0) {
		put(o, to, y, n, first, instead, vcpus, begins, o->h);
		if (begins < o->first[to])
			o->first[to] = begins < 0 ? 0 : begins;
	}
	return 0;
}

void
vmf_eval_hosts_close(struct vmf_eval_hosts *o)
{
	o->most = NAN;
	for (int64_t h = 0; h < o->inv->vm.n; h++) {
		int64_t over = 0;

		if (o->first[h] >= o->h)
			continue;
		for (int64_t t = o->first[h]; t < o->h; t++) {
			double load = o->used[h * o->h + t] / o->cpus[h];

			over += load > o->max_load * (1.0 + ROUNDING);
			if (!(o->most >= load))
				o->most = load;
		}
		o->n_hosts++;
		o->n_over += over > 0;
		o->n_steps_over += over;
	}
}

void
vmf_eval_hosts_free(struct vmf_eval_hosts *o)
{
	free(o->cpus);
	free(o->first);
	free(o->used);
}
