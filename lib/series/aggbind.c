/* SPDX-License-Identifier: MIT */
/* What vmf_aggregate makes of the columns of its input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "series/aggregate_in.h"

static const struct {
	const char *name;
	enum vmf_stat_kind kind;
} plain_stats[] = {
	{ "mean", VMF_STAT_MEAN },
	{ "max", VMF_STAT_MAX },
	{ "min", VMF_STAT_MIN },
	{ "count", VMF_STAT_COUNT },
};
#define N_PLAIN ((int)(sizeof(plain_stats) / sizeof(*plain_stats)))

static int
parse_stat(struct vmf_stat *st, const char *s, int64_t len)
{
	double p;

	if (len <= 0 || len >= (int64_t)sizeof(st->name))
		return VMF_EDATA;
	memcpy(st->name, s, (size_t)len);
	st->name[len] = '\0';
	for (int i = 0; i < N_PLAIN; i++)
		if (strcmp(st->name, plain_stats[i].name) == 0) {
			st->kind = plain_stats[i].kind;
			return 0;
		}
	if (s[0] != 'p' ||
	    strspn(st->name + 1, "0123456789.") != (size_t)len - 1 ||
	    vmf_parse_double(s + 1, len - 1, &p) != 0 || p > 100.0)
		return VMF_EDATA;
	st->kind = VMF_STAT_PERCENTILE;
	st->share = p / 100.0;
	return 0;
}

int
vmf_stats_parse(struct vmf_stats *s, const char *list, struct vmf_err *e)
{
	s->n = 0;
	for (const char *at = list;; at++) {
		int64_t len = (int64_t)strcspn(at, ",");

		if (s->n == VMF_STATS_MAX)
			return vmf_fail(e, VMF_EUSAGE, "--stat: found more "
			    "than %d statistics", VMF_STATS_MAX);
		if (parse_stat(&s->v[s->n], at, len) != 0)
			return vmf_fail(e, VMF_EUSAGE, "--stat: found "
			    "'%.*s', expected mean, max, min, count or a "
			    "percentile such as p95", (int)(len < 99 ? len :
			    99), at);
		for (int i = 0; i < s->n; i++)
			if (strcmp(s->v[i].name, s->v[s->n].name) == 0)
				return vmf_fail(e, VMF_EUSAGE, "--stat: "
				    "found '%s' twice", s->v[i].name);
		s->n++;
		at += len;
		if (*at == '\0')
			return 0;
	}
}

/* ---- metrics ---- */

static int
find_metric(const struct vmf_aggregate *g, const char *name, int64_t len)
{
	for (int i = 0; i < g->n_metrics; i++)
		if (vmf_text_is(name, len, g->metric[i].name))
			return i;
	return -1;
}

static int
add_metric(struct vmf_aggregate *g, const char *name, int64_t len,
    const struct vmf_field *f, struct vmf_err *e)
{
	int rc = vmf_grow(&g->metric, &g->metric_cap, g->n_metrics + 1, e);
	struct vmf_agg_metric *m;

	if (rc != 0)
		return rc;
	m = &g->metric[g->n_metrics];
	*m = (struct vmf_agg_metric){ .col = -1, .max_col = -1,
	    .min_col = -1, .mean_col = -1, .count_col = -1 };
	m->unit = vmf_meta_get(&f->meta, "unit");
	m->name = vmf_strndup(name, len, e);
	if (m->name == NULL)
		return VMF_ENOMEM;
	return g->n_metrics++;
}

/* Column NAME_SUFFIX, of len bytes of name, that is a metric of readings, or
 * -1. */
static int
sibling(const struct vmf_aggregate *g, const char *name, size_t len,
    const char *suffix)
{
	for (int i = 0; i < g->schema->n; i++) {
		const struct vmf_field *f = &g->schema->field[i];

		if (strncmp(f->name, name, len) == 0 &&
		    strcmp(f->name + len, suffix) == 0 &&
		    vmf_field_role(f) == VMF_ROLE_METRIC)
			return i;
	}
	return -1;
}

/* True for cpu_min and cpu_max where there is a cpu. */
static bool
is_sibling(const struct vmf_aggregate *g, const char *name)
{
	int64_t len = (int64_t)strlen(name) - 4;

	return len > 0 && (strcmp(name + len, "_max") == 0 ||
	    strcmp(name + len, "_min") == 0) &&
	    sibling(g, name, (size_t)len, "") >= 0;
}

static int
bind_readings(struct vmf_aggregate *g, struct vmf_err *e)
{
	const struct vmf_schema *s = g->schema;
	int rc, m;

	rc = vmf_readings_bind(&g->in, s, g->name, e);
	for (int i = 0; rc == 0 && i < s->n; i++) {
		const struct vmf_field *f = &s->field[i];

		if (i == g->in.vm || i == g->in.time)
			continue;
		switch (vmf_field_role(f)) {
		case VMF_ROLE_ATTRIBUTE:
			rc = vmf_attrs_add(&g->attrs, f, i, e);
			rc = rc < 0 ? rc : 0;
			break;
		case VMF_ROLE_METRIC:
			if (is_sibling(g, f->name))
				break;
			m = add_metric(g, f->name, (int64_t)strlen(f->name),
			    f, e);
			if (m < 0)
				return m;
			g->metric[m].col = i;
			g->metric[m].max_col = sibling(g, f->name,
			    strlen(f->name), "_max");
			g->metric[m].min_col = sibling(g, f->name,
			    strlen(f->name), "_min");
			break;
		case VMF_ROLE_LIST:
		case VMF_ROLE_ODD:
			return vmf_fail(e, VMF_EDATA, "%s: column '%s' is "
			    "%s, expected a number, text, bool or timestamp",
			    g->name, f->name, vmf_type_name(f->type));
		default:
			break;
		}
	}
	return rc;
}

/* Note a list that is left out. */
static void
leave_out(struct vmf_aggregate *g, const char *name)
{
	char *to = g->stats.left_out;
	size_t n = strlen(to);

	snprintf(to + n, sizeof(g->stats.left_out) - n, "%s%s",
	    n > 0 ? ", " : "", name);
}

static int
bind_list(struct vmf_aggregate *g, int col, struct vmf_err *e)
{
	const struct vmf_field *f = &g->schema->field[col];
	const char *bar = strrchr(f->name, '_');
	struct vmf_stat st;
	int64_t len;
	int m;

	/* A metric of VMs may begin so as well: cpu_cores_mean. */
	if (strcmp(f->name, "vms") == 0 || strcmp(f->name, "cpu_cores") == 0)
		return vmf_fail(e, VMF_EDATA, "%s: column '%s' is that of "
		    "hosts or clusters, which cannot be coarsened; expected "
		    "readings, or series of VMs (with --by)", g->name,
		    f->name);
	if (bar == NULL ||
	    parse_stat(&st, bar + 1, (int64_t)strlen(bar + 1)) != 0 ||
	    st.kind == VMF_STAT_PERCENTILE) {
		leave_out(g, f->name);
		return 0;
	}
	len = bar - f->name;
	m = find_metric(g, f->name, len);
	if (m < 0)
		m = add_metric(g, f->name, len, f, e);
	if (m < 0)
		return m;
	switch (st.kind) {
	case VMF_STAT_MEAN:
		g->metric[m].mean_col = col;
		break;
	case VMF_STAT_MAX:
		g->metric[m].max_col = col;
		break;
	case VMF_STAT_MIN:
		g->metric[m].min_col = col;
		break;
	default:
		g->metric[m].count_col = col;
		break;
	}
	return 0;
}

static int
bind_series(struct vmf_aggregate *g, struct vmf_err *e)
{
	const struct vmf_schema *s = g->schema;
	int rc = 0, status = vmf_schema_find(s, "status");

	g->id_col = vmf_schema_find(s, "id");
	g->start_col = vmf_schema_find(s, "start");
	if (g->id_col < 0 || g->start_col < 0 ||
	    s->field[g->id_col].type != VMF_UTF8 ||
	    (s->field[g->start_col].type != VMF_TIME &&
	    s->field[g->start_col].type != VMF_NULL))
		return vmf_fail(e, VMF_EDATA, "%s: found no columns id "
		    "(utf8) and start (timestamp), expected those of series",
		    g->name);
	for (int i = 0; rc == 0 && i < s->n; i++) {
		const struct vmf_field *f = &s->field[i];

		if (i == g->id_col || i == g->start_col || i == status)
			continue;
		switch (vmf_field_role(f)) {
		case VMF_ROLE_LIST:
			rc = bind_list(g, i, e);
			break;
		case VMF_ROLE_ATTRIBUTE:
		case VMF_ROLE_METRIC:
			/* A series has no scalar metrics. */
			rc = vmf_attrs_add(&g->attrs, f, i, e);
			rc = rc < 0 ? rc : 0;
			break;
		case VMF_ROLE_ODD:
			leave_out(g, f->name);
			break;
		default:
			break;
		}
	}
	return rc;
}

static int
no_metric(const struct vmf_aggregate *g, const char *name, int64_t len,
    struct vmf_err *e)
{
	char have[512] = "";

	for (int i = 0; i < g->n_metrics; i++) {
		size_t n = strlen(have);

		snprintf(have + n, sizeof(have) - n, "%s%s", i > 0 ? ", " :
		    "", g->metric[i].name);
	}
	return vmf_fail(e, VMF_EDATA, "%s: found no metric '%.*s', expected "
	    "one of: %s", g->name, (int)(len < 99 ? len : 99), name, have);
}

/* Keep the metrics that --metric names (for hosts: cpu), in the order of
 * the stream. */
static int
choose_metrics(struct vmf_aggregate *g, struct vmf_err *e)
{
	const char *want = g->opts.metrics;
	bool *keep;
	int n = 0;

	if (g->opts.by != VMF_BY_VM) {
		if (want != NULL && strcmp(want, "cpu") != 0)
			return vmf_fail(e, VMF_EUSAGE, "--metric: found "
			    "'%s', expected cpu: with --by host or cluster "
			    "only cpu is summed", want);
		want = "cpu";
	}
	if (want == NULL)
		return 0;
	keep = vmf_calloc(g->n_metrics, sizeof(*keep), e);
	if (keep == NULL)
		return VMF_ENOMEM;
	for (const char *at = want;; at++) {
		int64_t len = (int64_t)strcspn(at, ",");
		int m = find_metric(g, at, len);

		if (m < 0) {
			free(keep);
			return no_metric(g, at, len, e);
		}
		keep[m] = true;
		at += len;
		if (*at == '\0')
			break;
	}
	for (int i = 0; i < g->n_metrics; i++) {
		if (keep[i])
			g->metric[n++] = g->metric[i];
		else
			free(g->metric[i].name);
	}
	g->n_metrics = n;
	free(keep);
	return 0;
}

/* ---- lists of the output ---- */

static int
add_list(struct vmf_aggregate *g, int metric, const struct vmf_stat *st,
    const char *name, const char *after, struct vmf_err *e)
{
	struct vmf_agg_list *l;
	int64_t len = (int64_t)(strlen(name) + strlen(after)) + 2;
	int rc = vmf_grow(&g->list, &g->list_cap, g->n_lists + 1, e);

	if (rc != 0)
		return rc;
	l = &g->list[g->n_lists];
	*l = (struct vmf_agg_list){ .metric = metric };
	if (st != NULL)
		l->stat = *st;
	l->name = vmf_calloc(len, 1, e);
	if (l->name == NULL)
		return VMF_ENOMEM;
	snprintf(l->name, (size_t)len, "%s%s%s", name,
	    *after != '\0' ? "_" : "", after);
	return g->n_lists++;
}

/* What a series must have for a statistic of metric m. */
static int
check_source(const struct vmf_aggregate *g, const struct vmf_agg_metric *m,
    const struct vmf_stat *st, struct vmf_err *e)
{
	const char *lacks = NULL;

	if (st->kind == VMF_STAT_PERCENTILE)
		return vmf_fail(e, VMF_EDATA, "%s: found series, of which "
		    "%s_%s cannot be had: a percentile of percentiles is "
		    "none; expected readings (vmf-aggregate --stat %s on "
		    "the samples themselves)", g->name, m->name, st->name,
		    st->name);
	if (st->kind == VMF_STAT_MEAN && m->mean_col < 0)
		lacks = "mean";
	else if ((st->kind == VMF_STAT_COUNT || (st->kind == VMF_STAT_MEAN &&
	    g->step != g->in_step)) && m->count_col < 0)
		lacks = "count";
	else if (st->kind == VMF_STAT_MAX && m->max_col < 0)
		lacks = "max";
	else if (st->kind == VMF_STAT_MIN && m->min_col < 0)
		lacks = "min";
	if (lacks == NULL)
		return 0;
	return vmf_fail(e, VMF_EDATA, "%s: found no column '%s_%s', expected "
	    "it for %s_%s: make the finer series with --stat %s%s%s",
	    g->name, m->name, lacks, m->name, st->name, st->name,
	    strcmp(lacks, st->name) == 0 ? "" : ",",
	    strcmp(lacks, st->name) == 0 ? "" : lacks);
}

/* Of a series and without --stat: whatever it has. */
static int
default_series_lists(struct vmf_aggregate *g, struct vmf_err *e)
{
	for (int i = 0; i < g->n_metrics; i++) {
		const struct vmf_agg_metric *m = &g->metric[i];
		const int have[] = { m->mean_col, m->max_col, m->min_col,
		    m->count_col };

		for (int k = 0; k < N_PLAIN; k++) {
			struct vmf_stat st = { .kind = plain_stats[k].kind };
			int rc;

			if (have[k] < 0)
				continue;
			snprintf(st.name, sizeof(st.name), "%s",
			    plain_stats[k].name);
			rc = check_source(g, m, &st, e);
			if (rc == 0)
				rc = add_list(g, i, &st, m->name, st.name, e);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static int
vm_lists(struct vmf_aggregate *g, struct vmf_err *e)
{
	const struct vmf_stats *stats = &g->opts.stats;

	for (int i = 0; i < g->n_metrics; i++)
		for (int k = 0; k < stats->n; k++) {
			const struct vmf_stat *st = &stats->v[k];
			int rc = !g->series ? 0 :
			    check_source(g, &g->metric[i], st, e);

			if (rc == 0)
				rc = add_list(g, i, st, g->metric[i].name,
				    st->name, e);
			if (rc < 0)
				return rc;
			g->want_log = g->want_log ||
			    st->kind == VMF_STAT_PERCENTILE;
		}
	return 0;
}

/* cpu_mean, cpu_max, ...; cpu_cores, vms; cpu_cores_max, ... */
static int
host_lists(struct vmf_aggregate *g, struct vmf_err *e)
{
	const struct vmf_stats *stats = &g->opts.stats;
	const struct vmf_stat mean = { .kind = VMF_STAT_MEAN, .name = "mean" };
	int rc = 0;

	if (g->series)
		rc = check_source(g, &g->metric[0], &mean, e);
	if (rc == 0 && g->series && g->metric[0].count_col < 0)
		rc = vmf_fail(e, VMF_EDATA, "%s: found no column "
		    "'cpu_count', expected it for --by: make the series "
		    "with --stat mean,count", g->name);
	for (int k = 0; rc >= 0 && k < stats->n; k++)
		rc = add_list(g, 0, &stats->v[k], "cpu", stats->v[k].name, e);
	if (rc >= 0)
		rc = add_list(g, 0, &mean, "cpu_cores", "", e);
	if (rc >= 0) {
		g->list[rc].cores = true;
		rc = add_list(g, 0, &mean, "vms", "", e);
	}
	if (rc >= 0)
		g->list[rc].vms = true;
	for (int k = 0; rc >= 0 && k < stats->n; k++) {
		if (stats->v[k].kind == VMF_STAT_MEAN ||
		    stats->v[k].kind == VMF_STAT_COUNT)
			continue;
		rc = add_list(g, 0, &stats->v[k], "cpu_cores",
		    stats->v[k].name, e);
		if (rc >= 0)
			g->list[rc].cores = true;
	}
	return rc < 0 ? rc : 0;
}

/* ---- steps ---- */

static int
input_step(struct vmf_aggregate *g, struct vmf_err *e)
{
	const char *text = vmf_meta_get(&g->schema->meta, "vmf:step");
	int64_t step = 0;

	if (text != NULL && (vmf_parse_int64(text, (int64_t)strlen(text),
	    &step) != 0 || step <= 0 || step > VMF_STEP_MAX))
		return vmf_fail(e, VMF_EDATA, "%s: found vmf:step '%s', "
		    "expected seconds", g->name, text);
	if (g->opts.input_step_s > 0 && step > 0 &&
	    step != g->opts.input_step_s)
		return vmf_fail(e, VMF_EUSAGE, "--input-step: found %lld s, "
		    "expected %lld s as in the metadata of %s",
		    (long long)g->opts.input_step_s, (long long)step,
		    g->name);
	g->in_step = step > 0 ? step : g->opts.input_step_s;
	if (g->in_step == 0)
		return vmf_fail(e, VMF_EUSAGE, "%s: found series without "
		    "vmf:step in the metadata, expected --input-step",
		    g->name);
	return 0;
}

static int
choose_steps(struct vmf_aggregate *g, struct vmf_err *e)
{
	int64_t fine = g->opts.fine_step_s;
	char a[32], b[32];
	int rc = 0;

	if (g->series)
		rc = input_step(g, e);
	else if (g->opts.input_step_s > 0)
		rc = vmf_fail(e, VMF_EUSAGE, "--input-step: found readings "
		    "in %s, expected series", g->name);
	if (rc != 0)
		return rc;
	g->step = g->opts.step_s > 0 ? g->opts.step_s : g->in_step;
	if (g->step == 0)
		return vmf_fail(e, VMF_EUSAGE, "found no --step, expected "
		    "one: the input is readings");
	vmf_format_duration(g->step, a);
	if (g->series && g->step % g->in_step != 0) {
		vmf_format_duration(g->in_step, b);
		return vmf_fail(e, VMF_EUSAGE, "--step: found %s, expected "
		    "a multiple of the step of %s, %s", a, g->name, b);
	}
	g->acc_step = g->step;
	if (g->opts.by == VMF_BY_VM)
		return 0;
	if (fine == 0)
		fine = g->series ? g->in_step : g->step < 300 ? g->step :
		    300;
	vmf_format_duration(fine, b);
	if (g->step % fine != 0)
		return vmf_fail(e, VMF_EUSAGE, "--fine-step: %s is not a "
		    "part of --step %s, expected a divisor", b, a);
	if (g->series && fine % g->in_step != 0)
		return vmf_fail(e, VMF_EUSAGE, "--fine-step: found %s, "
		    "expected a multiple of the step of %s, %lld s", b,
		    g->name, (long long)g->in_step);
	g->acc_step = fine;
	return 0;
}

/* Attributes keep their names, so lists may not have them too. */
static int
check_names(const struct vmf_aggregate *g, struct vmf_err *e)
{
	const struct vmf_schema *more = g->opts.inv != NULL ?
	    &g->opts.inv->schema : NULL;
	int n = g->attrs.n + (more != NULL ? more->n : 0);

	for (int i = 0; i < n; i++) {
		bool own = i < g->attrs.n;
		const char *name = own ? g->attrs.schema.field[i].name :
		    more->field[i - g->attrs.n].name;
		bool clash = strcmp(name, "id") == 0 ||
		    strcmp(name, "status") == 0 || strcmp(name, "start") == 0;

		for (int k = 0; k < g->n_lists; k++)
			clash = clash || strcmp(name, g->list[k].name) == 0;
		if (clash)
			return vmf_fail(e, VMF_EDATA, "%s: found column "
			    "'%s', expected another name: the series has "
			    "one of its own", own ? g->name :
			    g->opts.inv->name, name);
	}
	return 0;
}

bool
vmf_aggregate_as_is(const struct vmf_aggregate_opts *opts,
    const struct vmf_schema *schema)
{
	const char *kind = vmf_meta_get(&schema->meta, "vmf:kind");
	const char *step = vmf_meta_get(&schema->meta, "vmf:step");
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)opts->step_s);
	return kind != NULL && strcmp(kind, "series") == 0 &&
	    opts->stats.n == 0 && opts->metrics == NULL &&
	    opts->by == VMF_BY_VM && !opts->inner && opts->inv == NULL &&
	    opts->since == VMF_TIME_NONE && opts->until == VMF_TIME_NONE &&
	    opts->input_step_s == 0 && step != NULL &&
	    (opts->step_s == 0 || strcmp(step, text) == 0);
}

int
vmf_agg_bind(struct vmf_aggregate *g, struct vmf_err *e)
{
	const char *kind = vmf_meta_get(&g->schema->meta, "vmf:kind");
	int rc;

	if (kind != NULL && strcmp(kind, "readings") != 0 &&
	    strcmp(kind, "series") != 0)
		return vmf_fail(e, VMF_EDATA, "%s: found a stream of kind "
		    "%s, expected readings or series", g->name, kind);
	g->series = kind != NULL ? strcmp(kind, "series") == 0 :
	    vmf_schema_find(g->schema, "vm") < 0 &&
	    vmf_schema_find(g->schema, "id") >= 0;
	g->stats.from_series = g->series;
	rc = g->series ? bind_series(g, e) : bind_readings(g, e);
	if (rc == 0)
		rc = choose_metrics(g, e);
	if (rc == 0)
		rc = choose_steps(g, e);
	if (rc == 0 && g->n_metrics == 0)
		rc = vmf_fail(e, VMF_EDATA, "%s: found no metric, expected "
		    "a column of numbers such as cpu", g->name);
	if (rc != 0)
		return rc;
	if (g->opts.stats.n == 0 && g->series && g->opts.by == VMF_BY_VM) {
		rc = default_series_lists(g, e);
	} else {
		if (g->opts.stats.n == 0)
			rc = vmf_stats_parse(&g->opts.stats,
			    "mean,max,count", e);
		if (rc == 0)
			rc = g->opts.by == VMF_BY_VM ? vm_lists(g, e) :
			    host_lists(g, e);
	}
	/* id, status and start; an inventory may bring more. */
	if (rc == 0 && g->n_lists + g->attrs.n + 3 > VMF_MAX_COLUMNS)
		rc = vmf_fail(e, VMF_EDATA, "%s: %d metrics make a series of "
		    "%d columns, expected at most %d: choose with --metric "
		    "and --stat", g->name, g->n_metrics, g->n_lists +
		    g->attrs.n + 3, VMF_MAX_COLUMNS);
	return rc != 0 ? rc : check_names(g, e);
}
