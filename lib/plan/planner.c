/* SPDX-License-Identifier: MIT */
/* The rows of a forecast into the problem. */
#include "plan/planner.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/num.h"
#include "base/time.h"
#include "plan/planner_in.h"

#define MEM_MAX_MB 1e9		/* of a VM: sums of them are exact */
/* Gains smaller than this never change a plan before. */
#define HYSTERESIS_LEAST 1e-6

int32_t
vmf_planner_add_host(struct vmf_planner *p, const char *name, int64_t len,
    struct vmf_err *e)
{
	int64_t n = p->hosts_seen.n;
	int32_t h = vmf_dict_intern(&p->hosts_seen, name, len, e);

	if (h < n)
		return h;
	if (vmf_grow(&p->state, &p->state_cap, (int64_t)h + 1, e) != 0)
		return VMF_ENOMEM;
	p->state[h] = (struct vmf_host_state){ .cpus = INFINITY,
	    .mem_mb = INFINITY, .cluster = -1 };
	return h;
}

/* What the host in a row of the inventory has, by a column of it. */
static int
read_capacity(const struct vmf_inventory *inv, int64_t row, int column,
    double *has, struct vmf_err *e)
{
	const char *s, *name;
	int64_t len;

	if (column < 0)
		return 0;
	s = vmf_inventory_cell(inv, row, column);
	if (s != NULL && vmf_parse_double(s, (int64_t)strlen(s), has) == 0 &&
	    *has > 0.0)
		return 0;
	name = vmf_dict_str(&inv->vm, (int32_t)row, &len);
	return vmf_fail(e, VMF_EDATA, "%s: host '%.*s': %s is '%.40s', "
	    "expected a number above 0", inv->name, (int)(len > 200 ? 200 :
	    len), name, inv->schema.field[column].name, s == NULL ? "" : s);
}

static int
list_host(struct vmf_planner *p, int64_t row, int cpus, int mem_mb,
    int cluster, struct vmf_err *e)
{
	const struct vmf_inventory *inv = p->hosts;
	int64_t len;
	const char *name = vmf_dict_str(&inv->vm, (int32_t)row, &len);
	const char *s;
	int32_t h = vmf_planner_add_host(p, name, len, e);
	struct vmf_host_state *st;
	int rc;

	if (h < 0)
		return h;
	st = &p->state[h];
	st->seen = true;
	if ((rc = read_capacity(inv, row, cpus, &st->cpus, e)) != 0 ||
	    (rc = read_capacity(inv, row, mem_mb, &st->mem_mb, e)) != 0)
		return rc;
	s = cluster < 0 ? NULL : vmf_inventory_cell(inv, row, cluster);
	if (s != NULL && (st->cluster = vmf_dict_intern(&p->clusters, s,
	    (int64_t)strlen(s), e)) < 0)
		return VMF_ENOMEM;
	return 0;
}

static int
open_hosts(struct vmf_planner *p, bool need_load, struct vmf_err *e)
{
	bool targets = p->plan.place || p->target >= 0;
	int cpus, mem_mb, cluster, rc;

	if (need_load && p->hosts == NULL)
		return vmf_fail(e, VMF_EDATA, "the load of targets is "
		    "limited, but what hosts have is not known; expected "
		    "--hosts FILE with a column cpus, or --max-host-load "
		    "inf");
	if (p->hosts == NULL) {
		p->limits.max_host_mem = NAN;
		return 0;
	}
	cpus = vmf_schema_find(&p->hosts->schema, "cpus");
	mem_mb = vmf_schema_find(&p->hosts->schema, "mem_mb");
	cluster = vmf_schema_find(&p->hosts->schema, "cluster");
	if (mem_mb < 0 && !isnan(p->limits.max_host_mem) &&
	    !isinf(p->limits.max_host_mem))
		return vmf_fail(e, VMF_EDATA, "%s: no column 'mem_mb', which "
		    "--max-host-mem needs", p->hosts->name);
	/* The memory that a host has is a limit without being asked for. */
	if (isnan(p->limits.max_host_mem))
		p->limits.max_host_mem = 100.0;
	if (mem_mb < 0 || !targets || isinf(p->limits.max_host_mem)) {
		p->limits.max_host_mem = NAN;
		mem_mb = -1;
	}
	if (need_load && cpus < 0)
		return vmf_fail(e, VMF_EDATA, "%s: no column 'cpus', which "
		    "a limit on the load of hosts needs", p->hosts->name);
	for (int64_t k = 0; k < vmf_inventory_rows(p->hosts); k++)
		if ((rc = list_host(p, k, cpus, mem_mb, cluster, e)) != 0)
			return rc;
	p->n_listed = p->hosts_seen.n;
	return 0;
}

/* "a,b": each to be left by all its VMs. */
static int
open_drain(struct vmf_planner *p, const char *text, struct vmf_err *e)
{
	const char *host;
	int64_t len;
	int32_t h;

	while (vmf_names_next(&text, &host, &len)) {
		if ((h = vmf_planner_add_host(p, host, len, e)) < 0)
			return h;
		p->state[h].drained = true;
	}
	return 0;
}

static int
check_columns(struct vmf_planner *p, bool need_load, struct vmf_err *e)
{
	const char *name = vmf_reader_name(p->plan.forecast->r);
	bool need_mem = !isnan(p->limits.max_host_mem);
	const char *lacks = NULL, *who = NULL;

	if (p->host < 0 && (p->limits.per_host > 0 || p->n_drains > 0)) {
		lacks = "host";
		who = p->n_drains > 0 ? "--drain" : "--per-host";
	} else if (p->host < 0 && (need_load || need_mem)) {
		lacks = "host";
		who = need_load ? "a limit on the load of hosts" :
		    "the memory of hosts (--max-host-mem)";
	} else if (p->limits.per_cluster > 0 && p->cluster < 0 &&
	    (p->hosts == NULL || vmf_schema_find(&p->hosts->schema,
	    "cluster") < 0)) {
		lacks = "cluster";
		who = "--per-cluster";
	} else if (need_load && p->vcpus < 0) {
		lacks = "vcpus";
		who = "a limit on the load of hosts";
	} else if (need_mem && p->mem_mb < 0) {
		lacks = "mem_mb";
		who = "the memory of hosts (--max-host-mem)";
	}
	if (lacks != NULL)
		return vmf_fail(e, VMF_EDATA, "%s: no column '%s', which %s "
		    "needs (vmf-aggregate --join adds those of an "
		    "inventory)", name, lacks, who);
	if (p->target < 0 && !p->plan.place && p->n_drains > 0)
		return vmf_fail(e, VMF_EDATA, "--drain: %s has no column "
		    "'target'; expected it or --place", name);
	if (p->target < 0 && !p->plan.place && p->limits.per_target > 0)
		return vmf_fail(e, VMF_EDATA, "--per-target: %s has no "
		    "column 'target'; expected it or --place", name);
	return 0;
}

/* What is kept of a row until the plan is known. */
static int
kept_schema(struct vmf_planner *p, struct vmf_err *e)
{
	const struct vmf_plan *pl = &p->plan;
	struct vmf_schema *s = &p->kept_schema;
	int rc;

	if ((rc = vmf_schema_add(s, "id", VMF_UTF8, false, e)) < 0)
		return rc;
	for (int a = 0; a < pl->n_attrs; a++)
		if ((rc = vmf_schema_add_field(s,
		    &pl->forecast->schema->field[pl->attr[a]], e)) < 0)
			return rc;
	if ((rc = vmf_schema_add(s, "status", VMF_INT32, false, e)) < 0)
		return rc;
	rc = vmf_schema_add(s, "reason", VMF_UTF8, false, e);
	return rc < 0 ? rc : 0;
}

int
vmf_planner_open(struct vmf_planner *p, struct vmf_schema *s,
    struct vmf_err *e)
{
	const struct vmf_schema *from = p->plan.forecast->schema;
	bool need_load, told = !isnan(p->limits.max_host_load);
	int rc;

	p->plan.fleet = true;
	p->plan.down = p->down;
	if (p->down != NULL)
		vmf_down_cost_open(p->down, p->plan.forecast->r);
	if ((rc = vmf_plan_open(&p->plan, s, e)) != 0)
		return rc;
	p->cpu_risk = p->down != NULL && p->down->apart ?
	    vmf_plan_quantile(&p->plan, p->down->load_of) : -1;
	p->host = vmf_schema_find(from, "host");
	p->cluster = vmf_schema_find(from, "cluster");
	p->target = vmf_schema_find(from, "target");
	p->vcpus = vmf_schema_find(from, "vcpus");
	p->mem_mb = vmf_schema_find(from, "mem_mb");
	p->group = vmf_schema_find(from, "anti_affinity");
	if (isinf(p->limits.max_host_load))
		p->limits.max_host_load = NAN;
	else if (isnan(p->limits.max_host_load))
		p->limits.max_host_load = p->plan.opts.max_load;
	need_load = !isnan(p->limits.max_host_load) &&
	    (p->plan.place || p->target >= 0);
	if (need_load && !vmf_is_cpu_load(from, p->plan.metric)) {
		if (told)
			return vmf_fail(e, VMF_EUSAGE, "--max-host-load is a "
			    "limit on the CPUs of hosts, and %.64s is no "
			    "load of CPUs in %%: expected --metric cpu_mean "
			    "or the like", p->plan.metric);
		p->no_host_load = true;
		need_load = false;
	}
	if (!need_load)
		p->limits.max_host_load = NAN;
	if ((rc = open_hosts(p, need_load, e)) != 0 ||
	    (rc = check_columns(p, need_load, e)) != 0 ||
	    (rc = kept_schema(p, e)) != 0 ||
	    (p->old != NULL && (rc = vmf_planner_old_open(p, e)) != 0))
		return rc;
	for (int k = 0; k < p->n_drains; k++)
		if ((rc = open_drain(p, p->drain[k], e)) != 0)
			return rc;
	if (p->old != NULL && p->limits.hysteresis < HYSTERESIS_LEAST)
		p->limits.hysteresis = HYSTERESIS_LEAST;
	p->moves.limits = p->limits;
	p->moves.keep_load = need_load || p->plan.risk_ppm > 0 ||
	    p->down != NULL;
	p->moves.keep_above = (need_load || p->down != NULL) &&
	    p->plan.risk_ppm > 0;
	p->moves.keep_mem = !isnan(p->limits.max_host_mem);
	p->counts_hosts = need_load || p->moves.keep_mem;
	p->moves.step_s = p->plan.forecast->grid.step_s;
	p->moves.slot_s = p->plan.opts.slot_s;
	p->moves.length_s = p->plan.opts.length_s;
	return vmf_moves_grid(&p->moves, e);
}

void
vmf_planner_free(struct vmf_planner *p)
{
	vmf_plan_free(&p->plan);
	vmf_occupancy_free(&p->room);
	vmf_moves_free(&p->moves);
	vmf_dict_free(&p->hosts_seen);
	vmf_dict_free(&p->clusters);
	vmf_dict_free(&p->groups);
	free(p->state);
	for (int64_t k = 0; k < p->n_kept_batches; k++)
		vmf_batch_free(&p->kept[k]);
	free(p->kept);
	vmf_schema_free(&p->kept_schema);
	free(p->row_vm);
	free(p->wave);
	free(p->other);
	vmf_dict_free(&p->predicted);
	free(p->like);
	free(p->cpu_load);
	vmf_windows_free(&p->cpu);
	vmf_sorted_free(&p->before.at);
}

/* Row i in words, for messages. */
static int
bad_row(const struct vmf_planner *p, int64_t i, struct vmf_err *e,
    const char *what, const char *found, int64_t found_len)
{
	const struct vmf_series *f = p->plan.forecast;
	int64_t len;
	const char *id = vmf_series_id(f, i, &len);

	return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ", '%.*s': %s "
	    "'%.*s'%s%s", vmf_reader_name(f->r), f->row + i,
	    (int)(len > 200 ? 200 : len), id, what,
	    (int)(found_len > 200 ? 200 : found_len), found,
	    p->hosts != NULL ? " is not in " : "",
	    p->hosts != NULL ? p->hosts->name : "");
}

/* The host named in column col of row i, or -1. */
static int
read_host(struct vmf_planner *p, int64_t i, int col, const char *what,
    int32_t *host, struct vmf_err *e)
{
	char room[VMF_WORD_ROOM];
	int64_t len;
	const char *s = vmf_series_word(p->plan.forecast, i, col, room, &len);

	*host = -1;
	if (s == NULL)
		return 0;
	if ((*host = vmf_planner_add_host(p, s, len, e)) < 0)
		return VMF_ENOMEM;
	if (p->hosts != NULL && *host >= p->n_listed)
		return bad_row(p, i, e, what, s, len);
	return 0;
}

/* Where row i is and has to go.  One that is gone goes nowhere, and its host
 * may be gone as well: it is told only where others know it. */
static int
read_hosts(struct vmf_planner *p, int64_t i, bool gone, int32_t *host,
    int32_t *target, struct vmf_err *e)
{
	char room[VMF_WORD_ROOM];
	const char *s;
	int64_t len;
	int rc;

	if (!gone)
		return (rc = read_host(p, i, p->host, "host", host,
		    e)) != 0 ? rc :
		    read_host(p, i, p->target, "target", target, e);
	*host = *target = -1;
	s = vmf_series_word(p->plan.forecast, i, p->host, room, &len);
	if (s != NULL)
		*host = vmf_dict_find(&p->hosts_seen, s, len);
	return 0;
}

/* The code of any text or number in column col, or -1. */
static int
read_word(struct vmf_planner *p, int64_t i, int col, struct vmf_dict *d,
    int32_t *code, struct vmf_err *e)
{
	char room[VMF_WORD_ROOM];
	int64_t len;
	const char *s = vmf_series_word(p->plan.forecast, i, col, room, &len);

	*code = -1;
	if (s == NULL)
		return 0;
	return (*code = vmf_dict_intern(d, s, len, e)) < 0 ? VMF_ENOMEM : 0;
}

/* The first row with steps says when all begin, and how many they are. */
static int
check_grid(struct vmf_planner *p, int64_t i, int64_t start, int64_t n,
    struct vmf_err *e)
{
	const struct vmf_series *f = p->plan.forecast;
	struct vmf_moves *m = &p->moves;
	struct vmf_windows *w = &p->plan.windows;
	const double *expected, *risk;
	char has[32], had[32];
	int64_t len;
	const char *id;
	int rc;

	if (n == 0 || (m->n_steps > 0 && start == m->start &&
	    n == m->n_steps))
		return 0;
	if (m->n_steps > 0) {
		vmf_time_format_utc(start, has);
		vmf_time_format_utc(m->start, had);
		id = vmf_series_id(f, i, &len);
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ", '%.*s': "
		    "%" PRId64 " steps from %s, but rows before have %" PRId64
		    " from %s; expected the same of all, to plan them "
		    "together", vmf_reader_name(f->r), f->row + i,
		    (int)(len > 200 ? 200 : len), id, n, has, m->n_steps,
		    had);
	}
	if ((rc = vmf_plan_lists(&p->plan, i, &start, &expected, &risk, &n,
	    e)) != 0 || (rc = vmf_windows_costs(w, &p->plan.opts, start,
	    f->grid.step_s, expected, risk, n, e)) != 0)
		return rc;
	m->start = start;
	m->n_steps = n;
	m->first = w->first;
	m->n_starts = w->n_starts;
	return vmf_moves_grid(m, e);
}

static void
none(struct vmf_windows *w, enum vmf_plan_status status, const char *why)
{
	w->status = status;
	snprintf(w->reason, sizeof(w->reason), "%s", why);
}

/* What of a row is known to forbid its move, beside its windows. */
static void
check_move(const struct vmf_planner *p, int32_t host, int32_t target,
    bool pinned, const char *lacks, struct vmf_windows *w)
{
	bool placed = w->status == VMF_PLACED;

	if (pinned)
		none(w, VMF_FORBIDDEN, "it is pinned");
	else if (host < 0 && p->limits.per_host > 0)
		none(w, VMF_FORBIDDEN, "its host is not known, and "
		    "--per-host limits that");
	else if (lacks != NULL && (target >= 0 || p->plan.place))
		none(w, VMF_FORBIDDEN, lacks);
	else if (target >= 0 && target == host)
		none(w, VMF_FORBIDDEN, "its target is the host it is on");
	else if (placed && target >= 0 && p->state[target].drained)
		none(w, VMF_NO_ROOM, "its target is to be drained");
	else if (placed && target < 0 && !p->plan.place && p->n_drains > 0)
		none(w, VMF_NO_ROOM, "it has no target, and --place is not "
		    "given");
}

/* Why row i has no window, or what is predicted of its move without knowing
 * all that counts. */
static void
say_doubts(const struct vmf_planner *p, int64_t i, char *text, size_t size)
{
	const struct vmf_windows *w = &p->plan.windows;
	char why[VMF_DOWN_DOUBTS] = "";

	if (p->down != NULL && (w->status == VMF_PLACED ||
	    w->status == VMF_OVER_BUDGET))
		vmf_down_cost_doubts(p->down, i, why, sizeof(why));
	snprintf(text, size, "%s%s%s", w->reason, *w->reason != '\0' &&
	    *why != '\0' ? "; " : "", why);
}

/* The row into the batch of rows that are kept. */
static int
keep_row(struct vmf_planner *p, int64_t i, struct vmf_err *e)
{
	const struct vmf_plan *pl = &p->plan;
	const struct vmf_windows *w = &pl->windows;
	struct vmf_batch *b;
	struct vmf_col *c;
	int64_t len;
	const char *id = vmf_series_id(pl->forecast, i, &len);
	char why[sizeof(w->reason) + VMF_DOWN_DOUBTS + 2];
	int rc;

	say_doubts(p, i, why, sizeof(why));
	b = p->n_kept_batches > 0 ? &p->kept[p->n_kept_batches - 1] : NULL;
	if (b == NULL || vmf_batch_bytes(b) >= VMF_BATCH_BYTES) {
		if ((rc = vmf_grow(&p->kept, &p->kept_cap,
		    p->n_kept_batches + 1, e)) != 0)
			return rc;
		b = &p->kept[p->n_kept_batches];
		if ((rc = vmf_batch_init(b, &p->kept_schema, e)) != 0)
			return rc;
		p->n_kept_batches++;
	}
	c = b->col;
	if ((rc = vmf_col_put_str(c++, id, len, e)) != 0)
		return rc;
	for (int a = 0; a < pl->n_attrs; a++)
		if ((rc = vmf_col_put_from(c++,
		    &pl->forecast->b->col[pl->attr[a]], i, e)) != 0)
			return rc;
	if ((rc = vmf_col_put_int(c++, w->status, e)) != 0 ||
	    (rc = vmf_plan_reason(pl, i, why, c++, e)) != 0 ||
	    (rc = vmf_grow(&p->row_vm, &p->row_cap, p->n_rows + 1, e)) != 0)
		return rc;
	vmf_batch_row(b);
	p->row_vm[p->n_rows++] = (int32_t)(p->moves.n - 1);
	return 0;
}

/* How much VM i takes of its host, from column col: above 0, at most top. */
static bool
read_size(const struct vmf_planner *p, int64_t i, int col, double top,
    double *size)
{
	double v = vmf_series_number(p->plan.forecast, i, col);

	if (!(v > 0.0 && v <= top))
		return false;
	*size = v;
	return true;
}

/* What VM i takes of a host by the limits that hold: of what is not known,
 * the least.  Returns what that is, in words, or NULL. */
static const char *
read_sizes(struct vmf_planner *p, int64_t i, double *vcpus, double *mem_mb)
{
	const char *lacks = NULL;

	*vcpus = 1.0;
	*mem_mb = 0.0;
	if (!isnan(p->limits.max_host_load) && !read_size(p, i, p->vcpus,
	    1e6, vcpus)) {
		lacks = "its vcpus is missing or not above 0, and a limit on "
		    "the load of hosts needs it";
		p->n_no_vcpus++;
	}
	if (p->moves.keep_mem && !read_size(p, i, p->mem_mb,
	    MEM_MAX_MB, mem_mb)) {
		lacks = "its mem_mb is missing or not above 0, and the "
		    "memory of hosts (--max-host-mem) needs it";
		p->n_no_mem++;
	}
	p->n_unsized += lacks != NULL;
	return lacks;
}

/* What the move of row i is like; all rows of a batch at once. */
static int
predict(struct vmf_planner *p, int64_t i, struct vmf_window_opts *o,
    struct vmf_err *e)
{
	struct vmf_down_cost *d = p->down;
	int64_t at = p->moves.n;
	int rc;

	if (d == NULL)
		return 0;
	if (i == 0 && (rc = vmf_down_cost_batch(d, p->plan.forecast->b,
	    e)) != 0)
		return rc;
	if ((rc = vmf_grow(&p->like, &p->like_cap, at + 1, e)) != 0)
		return rc;
	p->like[at] = vmf_dict_intern(&p->predicted, (const char *)(d->row +
	    i * d->n_loads), d->n_loads * (int64_t)sizeof(*d->row), e);
	if (p->like[at] < 0)
		return VMF_ENOMEM;
	if (d->auto_length)
		o->length_s = vmf_down_cost_length(d, i);
	return 0;
}

const struct vmf_predicted *
vmf_planner_predicted(const struct vmf_planner *p, int64_t i)
{
	int64_t len;

	/* All are as long, so each is aligned as the first is. */
	return (const void *)vmf_dict_str(&p->predicted, p->like[i], &len);
}

static double
mean_of(const double *v, int64_t n)
{
	double sum = 0.0;
	int64_t known = 0;

	for (int64_t t = 0; t < n; t++)
		if (!isnan(v[t])) {
			sum += v[t];
			known++;
		}
	return known > 0 ? sum / (double)known : NAN;
}

/* The load of CPUs in the windows of row i, from o's length on, where the
 * windows are compared by another metric: its mean where a step is missing. */
static int
cpu_loads(struct vmf_planner *p, int64_t i, const struct vmf_window_opts *o,
    int64_t start, struct vmf_err *e)
{
	const struct vmf_down_cost *d = p->down;
	struct vmf_series *f = p->plan.forecast;
	struct vmf_window_opts any = *o;
	int64_t at = p->moves.n * p->moves.n_starts, n;
	int list = p->cpu_risk >= 0 ? p->cpu_risk : d == NULL ? -1 :
	    d->view.load;
	const double *v;
	double mean;
	int rc;

	if (d == NULL || !d->apart)
		return 0;
	any.max_load = NAN;
	if ((rc = vmf_series_list(f, i, list, &v, &n, e)) != 0 ||
	    (rc = vmf_windows_costs(&p->cpu, &any, start, f->grid.step_s, v,
	    NULL, n, e)) != 0 || (rc = vmf_grow(&p->cpu_load,
	    &p->cpu_load_cap, at + p->moves.n_starts, e)) != 0)
		return rc;
	mean = list == p->cpu_risk ? mean_of(v, n) : d->mean[i];
	if (isnan(mean))
		mean = d->mean[i];
	for (int64_t k = 0; k < p->moves.n_starts; k++) {
		double x = k < p->cpu.n_starts ? p->cpu.cost[k] : NAN;

		x = isnan(x) ? mean : x;
		p->cpu_load[at + k] = !(x > 0.0) ? 0 : (uint16_t)lrint(
		    fmin(x, 100.0) / 100.0 * VMF_PLAN_CPU_PARTS);
	}
	return 0;
}

double
vmf_planner_cpu(const struct vmf_planner *p, int64_t i, int64_t k,
    double load)
{
	return !p->down->apart ? load : 100.0 / VMF_PLAN_CPU_PARTS *
	    p->cpu_load[i * p->moves.n_starts + k];
}

/* Downtime and length into the costs of row i, the one in hand, which are
 * loads; a start over the budget is none. */
static void
add_costs(const struct vmf_planner *p, int64_t i, struct vmf_windows *w)
{
	const struct vmf_down_cost *d = p->down;
	const struct vmf_predicted *f;
	double least = INFINITY, stopped;
	int64_t n = 0;

	if (d == NULL)
		return;
	/* Moves that were learned have ended: none knows of this one. */
	stopped = vmf_down_cost_stopped(d, i);
	f = vmf_planner_predicted(p, p->moves.n);
	for (int64_t k = 0; k < w->n_starts; k++) {
		struct vmf_predicted at = vmf_predicted_at(f, d->n_loads,
		    vmf_planner_cpu(p, p->moves.n, k, w->cost[k]));

		if (isnan(w->cost[k]))
			continue;
		least = fmin(least, (double)at.downtime_p90_ms);
		w->cost[k] = fmax((double)at.downtime_p90_ms, stopped) >
		    d->budget_ms ? NAN : w->cost[k] + vmf_down_cost_of(d, &at);
		n += !isnan(w->cost[k]);
	}
	if (w->status != VMF_PLACED || n > 0)
		return;
	w->status = VMF_OVER_BUDGET;
	if (!(least > d->budget_ms)) {
		snprintf(w->reason, sizeof(w->reason), "it would be stopped "
		    "for %.0f ms, more than %g ms", stopped, d->budget_ms);
		return;
	}
	snprintf(w->reason, sizeof(w->reason), "the least p90 of its "
	    "downtime, %.*f ms, is more than %g ms", least < 100.0 ? 2 : 0,
	    least, d->budget_ms);
}

int
vmf_planner_row(struct vmf_planner *p, int64_t i, struct vmf_err *e)
{
	const struct vmf_series *f = p->plan.forecast;
	struct vmf_windows *w = &p->plan.windows;
	int64_t start, n;
	const double *expected, *risk;
	struct vmf_window_opts o;
	int32_t host, target, cluster, group;
	struct vmf_move *v;
	bool pinned, stays, gone;
	const char *lacks;
	double vcpus = 1.0, mem_mb = 0.0;
	int rc;

	if (p->moves.n >= INT32_MAX)
		return vmf_fail(e, VMF_EDATA, "%s: more than %d rows",
		    vmf_reader_name(f->r), INT32_MAX);
	gone = vmf_plan_gone(&p->plan, i);
	if ((rc = vmf_plan_meet(&p->plan, i, e)) != 0 ||
	    (rc = vmf_plan_own(&p->plan, i, &o, &pinned, e)) != 0 ||
	    (rc = vmf_plan_lists(&p->plan, i, &start, &expected, &risk, &n,
	    e)) != 0 || (rc = check_grid(p, i, start, n, e)) != 0 ||
	    (rc = predict(p, i, &o, e)) != 0 ||
	    (rc = cpu_loads(p, i, &o, start, e)) != 0 ||
	    (rc = vmf_plan_lists(&p->plan, i, &start, &expected, &risk, &n,
	    e)) != 0 ||
	    (rc = vmf_windows_costs(w, &o, start, f->grid.step_s, expected,
	    risk, n, e)) != 0 ||
	    (rc = read_hosts(p, i, gone, &host, &target, e)) != 0 ||
	    (rc = read_word(p, i, p->cluster, &p->clusters, &cluster,
	    e)) != 0 ||
	    (rc = read_word(p, i, p->group, &p->groups, &group, e)) != 0)
		return rc;
	p->plan.n_assumed += p->plan.assumed && !gone;
	add_costs(p, i, w);
	lacks = gone ? NULL : read_sizes(p, i, &vcpus, &mem_mb);
	p->n_nowhere += !gone && host < 0 && p->counts_hosts;
	if (host >= 0 && !gone) {
		p->state[host].seen = p->state[host].has_vm = true;
		if (p->state[host].cluster < 0)
			p->state[host].cluster = cluster;
		else if (cluster >= 0 && p->state[host].cluster != cluster &&
		    p->n_other_cluster++ == 0)
			p->other_cluster = host;
	}
	if (target >= 0)
		p->state[target].is_target = true;
	if (target >= 0 && p->hosts == NULL)
		p->state[target].seen = true;
	stays = p->n_drains > 0 && (host < 0 || !p->state[host].drained);
	check_move(p, host, target, pinned, lacks, w);
	if (gone) {
		/* It takes no room, and keeps nobody away. */
		vmf_plan_say_gone(&p->plan, w);
		host = group = -1;
	}
	/* Its own deadline may leave fewer starts than the fleet has. */
	for (int64_t k = w->n_starts; k < p->moves.n_starts; k++) {
		if ((rc = vmf_grow(&w->cost, &w->cost_cap, k + 1, e)) != 0)
			return rc;
		w->cost[k] = NAN;
	}
	if ((rc = vmf_moves_add(&p->moves, stays || w->status != VMF_PLACED ?
	    NULL : w->cost, p->down != NULL && p->down->auto_length ?
	    o.length_s : 0, n > 0 ? expected : NULL, risk, vcpus, e)) != 0)
		return rc;
	p->n_unknown += n == 0;
	v = &p->moves.vm[p->moves.n - 1];
	v->host = host;
	v->cluster = cluster;
	v->target = target;
	v->group = group;
	v->mem_mb = ceil(mem_mb);
	v->place = target < 0 && p->plan.place;
	if (p->old != NULL && (rc = vmf_planner_old_row(p, i, v, e)) != 0)
		return rc;
	if (stays) {
		p->n_stay++;
		p->plan.n_gone_rows -= gone;
		return 0;
	}
	return keep_row(p, i, e);
}

/* A VM that lacks a size is a row that says so; a fleet of nothing else is
 * an inventory without it. */
static int
check_sizes(const struct vmf_planner *p, struct vmf_err *e)
{
	int64_t n = p->moves.n - p->plan.n_gone;
	bool mem = p->n_no_mem == n;

	if (n == 0 || (!mem && p->n_no_vcpus < n))
		return 0;
	return vmf_fail(e, VMF_EDATA, "%s: no VM has %s above 0, which %s "
	    "needs (vmf-aggregate --join adds those of an inventory)",
	    vmf_reader_name(p->plan.forecast->r), mem ? "mem_mb" : "vcpus",
	    mem ? "the memory of hosts (--max-host-mem)" :
	    "a limit on the load of hosts");
}

static int
close_hosts(struct vmf_planner *p, struct vmf_err *e)
{
	struct vmf_moves *m = &p->moves;
	int rc;

	m->n_hosts = p->hosts_seen.n;
	m->n_clusters = (int32_t)p->clusters.n;
	m->n_groups = (int32_t)p->groups.n;
	if ((rc = vmf_grow(&m->host, &m->host_cap, m->n_hosts, e)) != 0)
		return rc;
	for (int32_t h = 0; h < m->n_hosts; h++) {
		const struct vmf_host_state *st = &p->state[h];
		int64_t len;
		const char *name = vmf_dict_str(&p->hosts_seen, h, &len);

		if (st->drained && !st->seen)
			return vmf_fail(e, VMF_EDATA, "--drain: no host "
			    "'%.*s' in %s", (int)(len > 200 ? 200 : len),
			    name, p->hosts != NULL ? p->hosts->name :
			    vmf_reader_name(p->plan.forecast->r));
		if (p->hosts == NULL && st->is_target && !st->has_vm &&
		    p->n_bare++ == 0) {
			p->bare = name;
			p->bare_len = (int)(len > 200 ? 200 : len);
		}
		if (p->plan.place && m->n_clusters > 0 && st->cluster < 0 &&
		    st->seen && !st->drained && p->n_no_cluster++ == 0)
			p->no_cluster = h;
		m->host[h] = (struct vmf_host){ .cluster = st->cluster,
		    .open = st->seen && !st->drained, .room =
		    isnan(p->limits.max_host_load) ? INFINITY :
		    st->cpus * p->limits.max_host_load, .mem_mb =
		    isnan(p->limits.max_host_mem) ? INFINITY :
		    floor(st->mem_mb * p->limits.max_host_mem / 100.0) };
	}
	return 0;
}

int
vmf_planner_solve(struct vmf_planner *p, struct vmf_err *e)
{
	struct vmf_moves *m = &p->moves;
	int32_t wave = 0;
	int rc;

	if (p->old != NULL && (rc = vmf_planner_old_close(p, e)) != 0)
		return rc;
	if ((rc = check_sizes(p, e)) != 0 || (rc = close_hosts(p, e)) != 0)
		return rc;
	for (int64_t i = 0; i < m->n; i++) {
		struct vmf_move *v = &m->vm[i];

		/* Its host's, which another VM may have told. */
		if (v->cluster < 0 && v->host >= 0)
			v->cluster = m->host[v->host].cluster;
		/* What is no longer to be had: the target, or the start. */
		if (v->place && v->old_to >= 0 && (!m->host[v->old_to].open ||
		    (v->cluster >= 0 && m->host[v->old_to].cluster !=
		    v->cluster))) {
			p->n_past += v->old_slot >= 0;
			v->old_slot = v->old_to = -1;
		}
		if (v->old_slot >= 0 && m->cost[i * m->n_starts +
		    v->old_slot] == VMF_COST_NONE) {
			p->n_past++;
			v->old_slot = -1;
		}
	}
	if ((rc = vmf_search(&p->search, &p->room, m, e)) != 0)
		return rc;
	p->wave = vmf_calloc(m->n_starts, (int64_t)sizeof(*p->wave), e);
	if (p->wave == NULL)
		return VMF_ENOMEM;
	for (int64_t k = 0; k < m->n_starts; k++)
		if (p->room.at_head[k] >= 0)
			p->wave[k] = ++wave;
	for (int64_t i = 0; i < m->n; i++) {
		const struct vmf_move *v = &m->vm[i];

		if (v->old_slot < 0)
			continue;
		if (v->slot == v->old_slot && v->to == v->old_to)
			p->n_kept++;
		else
			p->n_changed++;
	}
	return 0;
}
