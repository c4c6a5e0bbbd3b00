/* SPDX-License-Identifier: MIT */
/* The plan of a fleet as rows, and in words. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "forecast/quantile.h"
#include "plan/planner_in.h"

/* What is predicted is in floats: costs with it are exact to this part. */
#define FLOAT_PART 1e-6

/* What keeps VM i, not placed, from the starts that cost less than below. */
static void
say_obstacles(struct vmf_planner *p, int64_t i, double below, char *text,
    size_t size)
{
	static const char *const names[VMF_N_OBSTACLES] = { "--per-host",
	    "--per-target", "--per-cluster", "--total",
	    "the load of the target", "the memory of the target",
	    "anti-affinity" };
	int64_t n_by[VMF_N_OBSTACLES] = { 0 }, n, n_hosts = 0, seen, all = 0;
	const int32_t *host = vmf_occupancy_targets(&p->room, i, &n);
	int32_t cluster = p->moves.vm[i].cluster;
	const char *s;
	size_t used;

	for (int64_t k = 0; k < n; k++)
		n_hosts += host[k] != p->moves.vm[i].host;
	seen = vmf_occupancy_obstacles(&p->room, i, below, n_by);
	s = seen == 1 ? "" : "s";
	for (int k = 0; k < VMF_N_OBSTACLES; k++)
		all += n_by[k];
	if (!p->moves.vm[i].place)
		snprintf(text, size, "%" PRId64 " window%s", seen, s);
	else if (n_hosts == 0 && cluster >= 0) {
		const char *name = vmf_dict_str(&p->clusters, cluster, &n);

		snprintf(text, size, "%" PRId64 " window%s: there is no other "
		    "host in its cluster, '%.*s'", seen, s, n > 64 ? 64 :
		    (int)n, name);
	} else if (n_hosts == 0)
		snprintf(text, size, "%" PRId64 " window%s: there is no other "
		    "host for it", seen, s);
	else
		snprintf(text, size, "%" PRId64 " window%s on %" PRId64
		    " host%s", seen, s, n_hosts, n_hosts == 1 ? "" : "s");
	for (int k = 0; k < VMF_N_OBSTACLES && all > 0; k++) {
		used = strlen(text);
		if (n_by[k] > 0)
			snprintf(text + used, size - used, "%s %" PRId64
			    " by %s", n_by[k] == all ? ": all" : used > 0 &&
			    strchr(text, ':') == NULL ? ":" : ",", n_by[k],
			    names[k]);
	}
}

/* The batch and row in which row k of the plan is kept. */
static const struct vmf_batch *
find_kept(const struct vmf_planner *p, int64_t k, int64_t *row)
{
	const struct vmf_batch *b = p->kept;

	for (*row = k; *row >= b->n; b++)
		*row -= b->n;
	return b;
}

/* The load that the cost of a start is of.  With downtimes it is not kept,
 * which would be 2 bytes more a VM and start: the cost tells it, and the loads
 * that are kept for hosts, rounded up, which of several. */
static double
load_by(const struct vmf_planner *p, int64_t i, int64_t k)
{
	const struct vmf_moves *m = &p->moves;
	const struct vmf_down_cost *d = p->down;
	double cost = vmf_moves_cost(m, i, k), error;
	const struct vmf_predicted *f;

	if (d == NULL)
		return cost;
	f = vmf_planner_predicted(p, i);
	error = ldexp(0.5, m->vm[i].cost_exp) + FLOAT_PART * fabs(cost);
	if (d->apart) {
		struct vmf_predicted at = vmf_predicted_at(f, d->n_loads,
		    vmf_planner_cpu(p, i, k, cost));
		double load = cost - vmf_down_cost_of(d, &at);

		/* As near to what is kept of it as the cost lets it be. */
		return fmax(load - error, fmin(load + error,
		    vmf_moves_load(m, i, k, true)));
	}
	return vmf_down_cost_load(d, f, cost, error, vmf_moves_load(m, i, k,
	    true));
}

static double
expected_load(const struct vmf_planner *p, int64_t i, int64_t k)
{
	return p->moves.keep_load ? vmf_moves_load(&p->moves, i, k, false) :
	    load_by(p, i, k);
}

/* The move of VM i from start k on. */
static struct vmf_predicted
predicted(const struct vmf_planner *p, int64_t i, int64_t k)
{
	return vmf_predicted_at(vmf_planner_predicted(p, i), p->down->n_loads,
	    vmf_planner_cpu(p, i, k, load_by(p, i, k)));
}

static int
put_predicted(const struct vmf_planner *p, int64_t i, int64_t k,
    struct vmf_col **col, struct vmf_err *e)
{
	struct vmf_predicted f = predicted(p, i, k);
	int rc;

	if ((rc = vmf_col_put_num((*col)++, (double)f.downtime_ms,
	    e)) != 0 ||
	    (rc = vmf_col_put_num((*col)++, (double)f.downtime_p90_ms,
	    e)) != 0 ||
	    (rc = vmf_col_put_num((*col)++, (double)f.total_ms, e)) != 0)
		return rc;
	return vmf_col_put_num((*col)++, (double)f.total_p90_ms, e);
}

/* Columns of a choice. */
static int
n_place(const struct vmf_planner *p)
{
	return 5 + (p->plan.risk_ppm > 0) + (p->down != NULL ? 4 : 0);
}

/* The risk list's column is the load that the cost is of. */
static int
put_place(struct vmf_planner *p, int64_t i, const struct vmf_choice *c,
    int64_t rank, struct vmf_col *col, struct vmf_err *e)
{
	const struct vmf_moves *m = &p->moves;
	int64_t start = vmf_moves_start(m, c->slot);
	int rc;

	if ((rc = vmf_col_put_int(col++, start, e)) != 0 ||
	    (rc = vmf_col_put_int(col++, start + vmf_moves_length(m, i),
	    e)) != 0 ||
	    (rc = vmf_col_put_num(col++, expected_load(p, i, c->slot),
	    e)) != 0 ||
	    (p->plan.risk_ppm > 0 && (rc = vmf_col_put_num(col++,
	    load_by(p, i, c->slot), e)) != 0) ||
	    (p->down != NULL && (rc = put_predicted(p, i, c->slot, &col,
	    e)) != 0) ||
	    (rc = vmf_col_put_int(col++, rank, e)) != 0)
		return rc;
	return rank == 1 ? vmf_col_put_int(col, p->wave[c->slot], e) :
	    vmf_col_put_null(col, e);
}

static int
put_target(const struct vmf_planner *p, int32_t to, struct vmf_col *c,
    struct vmf_err *e)
{
	int64_t len;
	const char *s;

	if (to < 0)
		return vmf_col_put_null(c, e);
	s = vmf_dict_str(&p->hosts_seen, to, &len);
	return vmf_col_put_str(c, s, len, e);
}

/* One row of the plan: choice c of the VM, or why there is none. */
static int
put_row(struct vmf_planner *p, const struct vmf_batch *b, int64_t row,
    int64_t i, enum vmf_plan_status status, const struct vmf_choice *c,
    int64_t rank, struct vmf_batch *out, struct vmf_err *e)
{
	int n_attrs = p->plan.n_attrs, rc;
	const struct vmf_col *kept = b->col;
	struct vmf_col *col = out->col;
	const char *name = vmf_plan_status_name(status), *note;
	int64_t len;
	char text[2560], why[256];	/* a note has less than 2,048 bytes */

	for (int a = 0; a <= n_attrs; a++)
		if ((rc = vmf_col_put_from(col++, kept++, row, e)) != 0)
			return rc;
	kept++;
	if (p->plan.target >= 0 && (rc = put_target(p, c != NULL ? c->to :
	    p->moves.vm[i].target, col++, e)) != 0)
		return rc;
	if (c != NULL) {
		if ((rc = put_place(p, i, c, rank, col, e)) != 0)
			return rc;
		col += n_place(p);
	} else {
		for (int k = n_place(p); k > 0; k--)
			if ((rc = vmf_col_put_null(col++, e)) != 0)
				return rc;
	}
	if ((rc = vmf_col_put_str(col++, name, (int64_t)strlen(name),
	    e)) != 0)
		return rc;
	note = vmf_col_str(kept, row, &len);
	if (c == NULL && p->moves.vm[i].least != VMF_COST_NONE) {
		say_obstacles(p, i, INFINITY, why, sizeof(why));
		len = snprintf(text, sizeof(text), "no room in any of %s%s"
		    "%.*s", why, note == NULL ? "" : "; ", (int)len,
		    note == NULL ? "" : note);
		note = text;
	}
	if ((rc = note == NULL ? vmf_col_put_null(col, e) :
	    vmf_col_put_str(col, note, len, e)) != 0)
		return rc;
	vmf_batch_row(out);
	return 0;
}

static int
choice_cmp(const void *a, const void *b)
{
	const struct vmf_choice *x = a, *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? -1 : 1;
	return (x->slot > y->slot) - (x->slot < y->slot);
}

/* Could VM i, which is placed, be at c instead, all others staying? */
static bool
could_be(struct vmf_planner *p, int64_t i, struct vmf_choice *c)
{
	struct vmf_occupancy *o = &p->room;
	int64_t n;
	const int32_t *list = vmf_occupancy_targets(o, i, &n);

	for (int64_t k = 0; k < n; k++) {
		bool sound;

		if (!vmf_occupancy_fits(o, i, c->slot, list[k]))
			continue;
		vmf_occupancy_put(o, i, c->slot, list[k]);
		sound = vmf_occupancy_ousted(o, i) < 0;
		vmf_occupancy_take(o, i);
		if (sound) {
			c->to = list[k];
			return true;
		}
	}
	return false;
}

static bool
overlaps(const struct vmf_choice *taken, int64_t n, int32_t slot,
    int64_t width)
{
	for (int64_t k = 0; k < n; k++)
		if (llabs((int64_t)taken[k].slot - slot) < width)
			return true;
	return false;
}

/* The choice of VM i, and the best others that the plan leaves room for, at
 * most top in all, into p->other; returns how many, or < 0. */
static int64_t
find_others(struct vmf_planner *p, int64_t i, int64_t top,
    struct vmf_err *e)
{
	struct vmf_moves *m = &p->moves;
	struct vmf_choice mine = { m->vm[i].slot, m->vm[i].to, 0.0 };
	int64_t n = 0, found = 1, width = p->plan.opts.apart ?
	    m->vm[i].width : 1;
	int rc = vmf_grow(&p->other, &p->other_cap, m->n_starts + 1, e);

	if (rc != 0)
		return rc;
	p->other[0] = mine;
	if (top == 1)
		return 1;
	for (int32_t k = 0; k < m->n_starts; k++)
		if (m->cost[i * m->n_starts + k] != VMF_COST_NONE)
			p->other[1 + n++] = (struct vmf_choice){ k, -1,
			    vmf_moves_cost(m, i, k) };
	qsort(p->other + 1, (size_t)n, sizeof(*p->other), choice_cmp);
	vmf_occupancy_take(&p->room, i);
	for (int64_t k = 1; k <= n && found < top; k++) {
		struct vmf_choice c = p->other[k];

		if (overlaps(p->other, found, c.slot, width) ||
		    !could_be(p, i, &c))
			continue;
		p->other[found++] = c;
	}
	vmf_occupancy_put(&p->room, i, mine.slot, mine.to);
	return found;
}

int
vmf_planner_put(struct vmf_planner *p, int64_t k, struct vmf_batch *out,
    struct vmf_err *e)
{
	int64_t row, i = p->row_vm[k], n;
	const struct vmf_batch *b = find_kept(p, k, &row);
	enum vmf_plan_status status = (enum vmf_plan_status)
	    b->col[1 + p->plan.n_attrs].d.i32[row];
	const struct vmf_move *v = &p->moves.vm[i];
	int rc;

	if (v->least != VMF_COST_NONE)
		status = v->slot >= 0 ? VMF_PLACED : VMF_NO_ROOM;
	p->plan.n_rows++;
	p->plan.n_status[status]++;
	if (v->slot < 0)
		return put_row(p, b, row, i, status, NULL, 0, out, e);
	if ((n = find_others(p, i, p->plan.opts.top, e)) < 0)
		return (int)n;
	for (int64_t c = 0; c < n; c++)
		if ((rc = put_row(p, b, row, i, status, &p->other[c], c + 1,
		    out, e)) != 0)
			return rc;
	return 0;
}

/* The row of the VM called id, or -1; rows are sorted by id. */
static int64_t
find_vm(const struct vmf_planner *p, const char *id, int64_t len)
{
	int64_t lo = 0, hi = p->n_rows;

	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2, row, n;
		const struct vmf_batch *b = find_kept(p, mid, &row);
		const char *s = vmf_col_str(&b->col[0], row, &n);
		int c = vmf_id_cmp(s, n, id, len);

		if (c == 0)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

/* What the cost of VM i's place is the sum of. */
static int
explain_parts(const struct vmf_planner *p, int64_t i, const char *id, int len,
    struct vmf_buf *text, struct vmf_err *e)
{
	const struct vmf_down_cost *d = p->down;
	int64_t k = p->moves.vm[i].slot;
	struct vmf_predicted f;

	if (d == NULL)
		return 0;
	f = predicted(p, i, k);
	return vmf_buf_printf(text, e, "%.*s: that is %g of load, %g for %.3g s"
	    " of median downtime and %g for %.3g min of median length\n", len,
	    id, load_by(p, i, k), d->per_s * (double)f.downtime_ms / 1000.0,
	    (double)f.downtime_ms / 1000.0, d->per_min * (double)f.total_ms /
	    60000.0, (double)f.total_ms / 60000.0);
}

static int
explain_place(struct vmf_planner *p, int64_t i, const char *id, int len,
    struct vmf_buf *text, struct vmf_err *e)
{
	const struct vmf_moves *m = &p->moves;
	const struct vmf_move v = m->vm[i];
	double cost = vmf_moves_cost(m, i, v.slot);
	double least = vmf_moves_worth(&v, v.least);
	/* What a change has to cost less than. */
	double below = v.old_slot == v.slot && v.old_to == v.to ?
	    cost - m->limits.hysteresis : cost;
	int64_t to_len = 0;
	const char *to = v.to < 0 ? NULL : vmf_dict_str(&p->hosts_seen, v.to,
	    &to_len);
	char when[32], why[256];
	int rc;

	vmf_time_format_utc(vmf_moves_start(m, v.slot), when);
	if ((rc = vmf_buf_printf(text, e, "%.*s: placed at %s, wave %d, cost "
	    "%g, expected load %g%s%.*s\n", len, id, when, p->wave[v.slot],
	    cost, expected_load(p, i, v.slot), to != NULL ? ", to " : "",
	    (int)to_len, to != NULL ? to : "")) != 0 ||
	    (rc = explain_parts(p, i, id, len, text, e)) != 0)
		return rc;
	if (v.old_slot >= 0) {
		vmf_time_format_utc(vmf_moves_start(m, v.old_slot), when);
		if ((rc = vmf_buf_printf(text, e, "%.*s: the plan before had "
		    "%s, cost %g; a change costs %g more\n", len, id, when,
		    vmf_moves_cost(m, i, v.old_slot),
		    m->limits.hysteresis)) != 0)
			return rc;
	}
	if (!(least < cost))
		return vmf_buf_printf(text, e, "%.*s: its cheapest start\n",
		    len, id);
	if (!(least < below))
		return vmf_buf_printf(text, e, "%.*s: its cheapest start "
		    "costs %g, which gains less than a change costs\n", len,
		    id, least);
	vmf_occupancy_take(&p->room, i);
	say_obstacles(p, i, below, why, sizeof(why));
	vmf_occupancy_put(&p->room, i, v.slot, v.to);
	return vmf_buf_printf(text, e, "%.*s: its cheapest start costs %g; "
	    "cheaper ones that others keep it from: %s\n", len, id, least,
	    why);
}

int
vmf_planner_explain(struct vmf_planner *p, const char *id, int64_t len,
    struct vmf_buf *text, struct vmf_err *e)
{
	const struct vmf_moves *m = &p->moves;
	const struct vmf_search *s = &p->search;
	int64_t k = find_vm(p, id, len), row, n, i;
	const struct vmf_batch *b;
	char why[256];
	const char *note;
	int rc, l = (int)(len > 200 ? 200 : len);

	if (k < 0)
		return vmf_fail(e, VMF_EDATA, "--explain: no VM '%.*s' in "
		    "the plan", l, id);
	b = find_kept(p, k, &row);
	i = p->row_vm[k];
	if ((rc = vmf_buf_printf(text, e, "%.*s: ", l, id)) != 0 ||
	    (rc = vmf_plan_explain_cost(&p->plan, text, e)) != 0 ||
	    (rc = vmf_buf_printf(text, e, "%.*s: the plan places %" PRId64
	    " VMs at a cost of %g in all", l, id, p->room.n_placed,
	    p->room.cost)) != 0 ||
	    (rc = isnan(s->bound) ? vmf_buf_printf(text, e, "\n") :
	    vmf_buf_printf(text, e, "; no plan costs less than %g\n",
	    s->bound)) != 0)
		return rc;
	if (m->vm[i].slot >= 0)
		return explain_place(p, i, id, l, text, e);
	if (m->vm[i].least != VMF_COST_NONE) {
		say_obstacles(p, i, INFINITY, why, sizeof(why));
		return vmf_buf_printf(text, e, "%.*s: no-room: no room in "
		    "any of %s\n", l, id, why);
	}
	note = vmf_col_str(&b->col[2 + p->plan.n_attrs], row, &n);
	return vmf_buf_printf(text, e, "%.*s: %s: %.*s\n", l, id,
	    vmf_plan_status_name((enum vmf_plan_status)
	    b->col[1 + p->plan.n_attrs].d.i32[row]), (int)n,
	    note == NULL ? "" : note);
}
