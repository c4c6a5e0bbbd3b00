/* SPDX-License-Identifier: MIT */
#include "window_note.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "base/num.h"

void
window_say(struct vmf_buf *text)
{
	if (text->n > 0)
		fwrite(text->p, 1, (size_t)text->n, stderr);
	text->n = 0;
}

int
window_explain(struct vmf_planner *p, const struct window_opts *o,
    struct vmf_err *e)
{
	struct vmf_buf text = { 0 };
	int rc = 0;

	for (int k = 0; k < o->explain.n && rc == 0; k++) {
		const char *at = o->explain.v[k], *id;
		int64_t n;

		while (rc == 0 && vmf_names_next(&at, &id, &n))
			rc = vmf_planner_explain(p, id, n, &text, e);
	}
	if (rc == 0)
		window_say(&text);
	vmf_buf_free(&text);
	return rc;
}

/* Which limits hold of what is on a host. */
static const char *
limits_of(const struct vmf_planner *p)
{
	bool load = !isnan(p->limits.max_host_load);

	if (p->moves.keep_mem)
		return load ? "load and memory" : "memory alone";
	return load ? "load alone" : "neither load nor memory";
}

/* A limit that was misspelt is none. */
static void
note_columns(const struct cmd *c, const struct vmf_inventory *hosts)
{
	static const char *const names[] = { "cpus", "mem_mb", "cluster" };

	for (int k = 0; hosts != NULL && k < hosts->schema.n; k++) {
		const char *name = hosts->schema.field[k].name;
		int n = 0;

		while (n < 3 && strcmp(name, names[n]) != 0)
			n++;
		if (n == 3)
			cmd_note(c, "%s: column '%.64s' is not used, expected "
			    "cpus, mem_mb or cluster", hosts->name, name);
	}
}

/* The name of a host into text, cut where it is long. */
static const char *
host_text(const struct vmf_planner *p, int32_t host, char text[72])
{
	int64_t n;
	const char *name = vmf_dict_str(&p->hosts_seen, host, &n);

	snprintf(text, 72, "%.*s", n > 64 ? 64 : (int)n, name);
	return text;
}

/* What binds a VM in the inventory holds for it by that name, and in the
 * forecast. */
static void
note_inventory(const struct cmd *c, const struct vmf_planner *p)
{
	static const char *const names[] = { "pinned", "deadline",
	    "anti_affinity" };
	const struct vmf_inventory *known = p->plan.known;
	char text[VMF_BINDS_DOUBT];

	for (int k = 0; known != NULL && k < 3; k++)
		if (vmf_inventory_tells(known, names[k]) &&
		    vmf_schema_find(p->plan.forecast->schema, names[k]) < 0)
			cmd_note(c, "%s: column '%s' is not in the forecast "
			    "and holds for nobody, expected vmf-aggregate "
			    "--join to have brought it in", known->name,
			    names[k]);
	if (vmf_binds_doubt(&p->plan.binds, text))
		cmd_note(c, "%s", text);
}

/* What the user may take to be held or known, and is not. */
static void
doubts(const struct cmd *c, const struct vmf_planner *p,
    const struct window_opts *o)
{
	const struct vmf_down_cost *d = p->down;
	char name[72];

	if (p->plan.place && p->hosts == NULL)
		cmd_note(c, "--place without --hosts: what room hosts have is "
		    "not known, and their VMs take turns in where they go");
	if (p->n_bare > 0)
		cmd_note(c, "%" PRId64 " targets are hosts that no VM is on, "
		    "such as '%.*s': with --hosts FILE a name that is none "
		    "is an error", p->n_bare, p->bare_len, p->bare);
	if (p->n_no_cluster > 0)
		cmd_note(c, "%" PRId64 " hosts, such as '%s', are of no "
		    "known cluster, and no VM that has one goes there: a "
		    "column cluster of --hosts FILE says which is theirs",
		    p->n_no_cluster, host_text(p, p->no_cluster, name));
	if (p->n_other_cluster > 0)
		cmd_note(c, "%" PRId64 " VMs, some on '%s', say another "
		    "cluster than their host: they go to hosts of their own",
		    p->n_other_cluster, host_text(p, p->other_cluster, name));
	if (p->plan.n_assumed > 0)
		cmd_note(c, "%" PRId64 " VMs of whose load nothing is "
		    "predicted: %g is assumed, and their reason says so",
		    p->plan.n_assumed, o->assume_load);
	if (p->no_host_load)
		cmd_note(c, "--max-load holds for windows, and not for "
		    "hosts: %s is no load of CPUs", o->metric);
	if (d != NULL && d->load_of == NULL)
		cmd_note(c, "moves are predicted at a load that is not "
		    "known: %s is no load of CPUs, and there is no cpu_mean",
		    o->metric);
	else if (d != NULL && d->apart)
		cmd_note(c, "moves are predicted at the %sload of %s: %s is "
		    "none of CPUs", p->plan.risk_ppm > 0 && p->cpu_risk < 0 ?
		    "expected " : "", d->load_of, o->metric);
	if (d != NULL && d->n_partial > 0)
		cmd_note(c, "%" PRId64 " VMs lack memory, load or vCPUs that "
		    "moves had: what is predicted of their moves is of any, "
		    "and their reason says of what", d->n_partial);
	if (d != NULL && *vmf_down_cost_unlearned(d) != '\0')
		cmd_note(c, "%s was learned from moves: what is predicted of "
		    "it is by arithmetic%s", vmf_down_cost_unlearned(d),
		    isnan(d->budget_ms) ? "" :
		    ", and so is what --budget-downtime goes by");
	if (d != NULL && d->n_diverge > 0)
		cmd_note(c, "%" PRId64 " VMs whose memory is written to as "
		    "fast as it is sent: by arithmetic pre-copy will not "
		    "converge%s", d->n_diverge, isnan(d->budget_ms) ? "" :
		    ", which --budget-downtime goes by");
	if (d != NULL && d->n_unrated > 0)
		cmd_note(c, "%" PRId64 " VMs have a dirty rate, and no move "
		    "that was learned had one: all it tells is whether "
		    "pre-copy converges", d->n_unrated);
	if (d != NULL && d->n_strange > 0)
		cmd_note(c, "%" PRId64 " VMs of a workload of which no move "
		    "is known: what is predicted of theirs is wider",
		    d->n_strange);
	if (d != NULL && d->n_far > 0)
		cmd_note(c, "%" PRId64 " VMs are far from any move known in "
		    "memory, vCPUs, mode or another fact: what is predicted "
		    "of theirs is wider", d->n_far);
}

void
window_note(const struct cmd *c, const struct vmf_planner *p,
    const struct window_opts *o)
{
	const struct vmf_plan *pl = &p->plan;
	char text[768] = "", length[32] = "";
	int used = 0;

	note_columns(c, p->hosts);
	note_inventory(c, p);
	for (int k = 0; k < VMF_N_PLAN_STATUS; k++)
		if (pl->n_status[k] > 0)
			used += snprintf(text + used,
			    sizeof(text) - (size_t)used, ", %" PRId64 " %s",
			    pl->n_status[k],
			    vmf_plan_status_name((enum vmf_plan_status)k));
	if (p->n_stay > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    "; %" PRId64 " others stay", p->n_stay);
	if (o->replan != NULL)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    "; of the plan before %" PRId64 " kept, %" PRId64
		    " changed", p->n_kept, p->n_changed);
	if (p->n_done > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    ", %" PRId64 " done", p->n_done);
	if (p->n_past > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    ", %" PRId64 " no longer possible", p->n_past);
	if (pl->fleet && p->room.n_placed > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    "; mean cost %.4g", p->room.cost /
		    (double)p->room.n_placed);
	if (pl->fleet && p->room.n_placed > 0 && !isnan(p->search.bound))
		snprintf(text + used, sizeof(text) - (size_t)used,
		    ", of any plan at least %.4g", p->search.bound /
		    (double)p->room.n_placed);
	used = (int)strlen(text);
	if (p->n_unsized > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    "; %" PRId64 " without vcpus or mem_mb that a limit "
		    "needs", p->n_unsized);
	if (p->n_nowhere > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    "; %" PRId64 " on no known host", p->n_nowhere);
	if (pl->n_gone > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    "; %" PRId64 " gone", pl->n_gone);
	if (p->hosts != NULL && (pl->place || pl->target >= 0))
		snprintf(text + used, sizeof(text) - (size_t)used,
		    "; targets limited by %s", limits_of(p));
	doubts(c, p, o);
	/* "30" is seconds, which who wrote it may not have meant. */
	vmf_format_duration(pl->opts.length_s, length);
	cmd_note(c, "%" PRId64 " forecasts%s; windows %s%s", pl->n_rows,
	    text, o->down.auto_length ? "as long as moves" : "of ",
	    o->down.auto_length ? "" : length);
}
