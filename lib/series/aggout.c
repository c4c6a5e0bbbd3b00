/* SPDX-License-Identifier: MIT */
/* vmf_aggregate: the grid, the schema and the rows that go out. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "series/aggregate_in.h"

/* ---- quantiles ---- */

/* Bits that are in the order of the numbers. */
static uint32_t
ordered(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	return u ^ ((u >> 31) != 0 ? UINT32_MAX : UINT32_C(1) << 31);
}

/* By insertion. */
static void
sort_few(float *v, int64_t n)
{
	for (int64_t i = 1; i < n; i++) {
		float x = v[i];
		int64_t k = i;

		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/*
 * Radix exchange (Hildebrandt and Isbitz, 1959), from this bit down: no more
 * memory, where qsort takes as much again, and never more than 32 passes.
 */
static void
sort_by_bits(float *v, int64_t n, int bit)
{
	for (; n > 32 && bit >= 0; bit--) {
		int64_t i = 0, k = n;

		while (i < k) {
			float x = v[i];

			if ((ordered(x) >> bit & 1) == 0) {
				i++;
				continue;
			}
			v[i] = v[--k];
			v[k] = x;
		}
		sort_by_bits(v, i, bit - 1);
		v += i;
		n -= i;
	}
	sort_few(v, n);
}

void
vmf_agg_sort(float *v, int64_t n)
{
	sort_by_bits(v, n, 31);
}

double
vmf_agg_quantile(const float *sorted, int64_t n, double q)
{
	double at = q * (double)(n - 1);
	int64_t lo = (int64_t)floor(at);
	double a, b;

	if (lo >= n - 1)
		return (double)sorted[n - 1];
	a = (double)sorted[lo];
	b = (double)sorted[lo + 1];
	return a + (b - a) * (at - (double)lo);
}

/* ---- the grid ---- */

int64_t
vmf_agg_out_step(const struct vmf_aggregate *g, int64_t acc_step)
{
	return vmf_agg_floor(acc_step, g->step / g->acc_step);
}

void
vmf_agg_seen(struct vmf_aggregate *g, int64_t first, int64_t last)
{
	if (!g->any || first < g->first_step)
		g->first_step = first;
	if (!g->any || last > g->last_step)
		g->last_step = last;
	g->any = true;
}

static int
set_grid(struct vmf_aggregate *g, struct vmf_schema *s, struct vmf_err *e)
{
	char text[32];
	int rc;

	snprintf(text, sizeof(text), "%lld", (long long)g->step);
	rc = vmf_meta_set(&s->meta, "vmf:step", text, e);
	if (rc != 0 || !g->any)
		return rc;
	g->stats.start = g->first_step * g->step;
	g->stats.end = (g->last_step + 1) * g->step;
	vmf_time_format_utc(g->stats.start, text);
	rc = vmf_meta_set(&s->meta, "vmf:start", text, e);
	vmf_time_format_utc(g->stats.end, text);
	return rc != 0 ? rc : vmf_meta_set(&s->meta, "vmf:end", text, e);
}

/* ---- schema ---- */

static int
add_list_field(const struct vmf_aggregate *g, const struct vmf_agg_list *l,
    struct vmf_schema *s, struct vmf_err *e)
{
	const char *unit = g->metric[l->metric].unit;
	int i = vmf_schema_add(s, l->name, VMF_LIST_FLOAT32, false, e);

	if (i < 0)
		return i;
	if (l->vms || l->stat.kind == VMF_STAT_COUNT)
		unit = NULL;
	else if (l->cores)
		unit = "cores";
	return unit == NULL ? 0 :
	    vmf_meta_set(&s->field[i].meta, "unit", unit, e);
}

static int
make_schema(struct vmf_aggregate *g, const struct vmf_attrs *attrs,
    struct vmf_schema *s, struct vmf_err *e)
{
	const char *history = vmf_meta_get(&g->schema->meta, "vmf:history");
	int rc;

	rc = vmf_schema_add(s, "id", VMF_UTF8, false, e);
	for (int i = 0; rc >= 0 && i < attrs->n; i++)
		rc = vmf_schema_add_field(s, &attrs->schema.field[i], e);
	if (rc >= 0)
		rc = vmf_schema_add(s, "status", VMF_UTF8, false, e);
	if (rc >= 0)
		rc = vmf_schema_add(s, "start", VMF_TIME, false, e);
	for (int i = 0; rc >= 0 && i < g->n_lists; i++)
		rc = add_list_field(g, &g->list[i], s, e);
	if (rc >= 0)
		rc = vmf_meta_set(&s->meta, "vmf:kind", "series", e);
	if (rc >= 0)
		rc = set_grid(g, s, e);
	if (rc >= 0 && history != NULL)
		rc = vmf_meta_set(&s->meta, "vmf:history", history, e);
	return rc < 0 ? rc : vmf_batch_init(&g->out, s, e);
}

static int
join_inventory(struct vmf_aggregate *g, struct vmf_err *e)
{
	const struct vmf_inventory *inv = g->opts.inv;

	if (inv == NULL)
		return vmf_attrs_room(&g->attrs, g->ids.dict.n, e);
	for (int32_t id = 0; id < g->ids.dict.n; id++) {
		int64_t len;
		const char *s = vmf_dict_str(&g->ids.dict, id, &len);

		g->stats.not_in_inventory +=
		    vmf_dict_find(&inv->vm, s, len) < 0;
	}
	return vmf_inventory_apply(inv, &g->ids, &g->attrs, e);
}

static int
advance_log(struct vmf_aggregate *g, struct vmf_err *e)
{
	int got = vmf_sorter_next(&g->log, &g->log_head, e);

	if (got == 0)
		g->log_head = NULL;
	return got < 0 ? got : 0;
}

int
vmf_aggregate_finish(struct vmf_aggregate *g, struct vmf_schema *out,
    struct vmf_err *e)
{
	int64_t log = vmf_sorter_row_bytes(g->log.rec_bytes), part, held;
	int rc;

	/* What the inventory brings takes room as well. */
	if ((rc = join_inventory(g, e)) != 0 ||
	    (rc = vmf_agg_make_room(g, 1, e)) != 0)
		return rc;
	/* Where one of the two has to be merged from a file, neither may
	 * take more than its part. */
	part = vmf_agg_budget(g) / vmf_agg_parts(g);
	if (g->accum.spill.n_runs > 0 || g->accum.rest.spill.n_runs > 0 ||
	    g->log.spill.n_runs > 0 || g->want_log) {
		if (vmf_accum_bytes(&g->accum, 0) > part)
			rc = vmf_accum_flush(&g->accum, &g->ids, e);
		if (rc == 0 && g->log.n * log > part)
			rc = vmf_sorter_flush(&g->log, &g->ids, e);
	}
	if (rc == 0)
		rc = vmf_accum_finish(&g->accum, &g->ids, part, e);
	if (rc == 0)
		rc = vmf_sorter_finish(&g->log, &g->ids, part, e);
	/* What these leave is for the samples of a step. */
	held = g->log.spill.n_runs > 0 ? part : g->log.n * log;
	held += g->accum.spill.n_runs > 0 ? part :
	    vmf_accum_bytes(&g->accum, 0);
	g->value_room = vmf_agg_budget(g) - held;
	if (rc == 0)
		rc = advance_log(g, e);
	if (rc == 0 && g->opts.by != VMF_BY_VM)
		rc = vmf_agg_rollup(g, e);
	g->stats.spilled_bytes = g->accum.spill.written +
	    g->accum.rest.spill.written + g->log.spill.written +
	    g->roll.fine.spill.written + g->roll.coarse.spill.written;
	if (rc != 0)
		return rc;
	return make_schema(g, g->opts.by == VMF_BY_VM ? &g->attrs :
	    &g->roll.attrs, out, e);
}

/* ---- rows ---- */

int
vmf_agg_begin_row(struct vmf_aggregate *g, const struct vmf_ids *ids,
    int32_t id, int64_t first, int64_t n_steps, struct vmf_err *e)
{
	/* The lists, and once more in the batch. */
	int64_t most = g->opts.memory / 3, bytes, len;
	char from[32], to[32], step[32];
	const char *s;

	if (most > g->opts.max_batch)
		most = g->opts.max_batch;
	if (n_steps > VMF_STEPS_MAX || __builtin_mul_overflow(n_steps,
	    (int64_t)g->n_lists * 4, &bytes) || bytes > most) {
		s = vmf_dict_str(&ids->dict, id, &len);
		vmf_time_format_utc(first * g->step, from);
		vmf_time_format_utc((first + n_steps - 1) * g->step, to);
		vmf_format_duration(g->step, step);
		return vmf_fail(e, VMF_EDATA, "%s: found samples of '%.*s' "
		    "from %s to %s, %lld steps of %s, expected a row that "
		    "--memory and --max-batch can hold: if a clock was "
		    "wrong, leave its samples out with --since and --until",
		    g->name, (int)(len < 200 ? len : 200), s, from, to,
		    (long long)n_steps, step);
	}
	for (int i = 0; i < g->n_lists; i++) {
		struct vmf_agg_list *l = &g->list[i];
		int rc = vmf_grow(&l->v, &l->cap, n_steps, e);

		if (rc != 0)
			return rc;
		for (int64_t k = 0; k < n_steps; k++)
			l->v[k] = NAN;
	}
	return 0;
}

int
vmf_agg_put_row(struct vmf_aggregate *g, const struct vmf_sink *to,
    const struct vmf_ids *ids, const struct vmf_attrs *attrs, int32_t id,
    int64_t first, int64_t n_steps, struct vmf_err *e)
{
	struct vmf_batch *b = &g->out;
	int64_t len, bytes = n_steps * g->n_lists * 4;
	const char *s = vmf_dict_str(&ids->dict, id, &len);
	int rc = 0, c = 0;

	if (b->n > 0 && vmf_batch_bytes(b) + bytes > VMF_SERIES_BATCH) {
		rc = to->put(to->arg, b, e);
		vmf_batch_clear(b);
	}
	if (rc == 0)
		rc = vmf_col_put_str(&b->col[c++], s, len, e);
	for (int i = 0; rc == 0 && i < attrs->n; i++)
		rc = vmf_attr_put(&attrs->attr[i], id, &b->col[c++], e);
	if (rc == 0)
		rc = vmf_col_put_str(&b->col[c++], n_steps > 0 ? "ok" :
		    "empty", n_steps > 0 ? 2 : 5, e);
	if (rc == 0)
		rc = n_steps > 0 ?
		    vmf_col_put_int(&b->col[c++], first * g->step, e) :
		    vmf_col_put_null(&b->col[c++], e);
	for (int i = 0; rc == 0 && i < g->n_lists; i++)
		rc = vmf_col_put_list32(&b->col[c++], g->list[i].v, n_steps,
		    e);
	if (rc != 0)
		return rc;
	vmf_batch_row(b);
	g->stats.rows_out++;
	return 0;
}

/* True when a step has a value of any metric. */
static bool
step_used(const struct vmf_seg_layout *l, void *seg, int k)
{
	for (int m = 0; m < l->n_metrics; m++)
		if (vmf_seg_count(l, seg, m)[k] > 0 ||
		    ((l->what & VMF_ACC_MAX) &&
		    !isnan(vmf_seg_max(l, seg, m)[k])) ||
		    ((l->what & VMF_ACC_MIN) &&
		    !isnan(vmf_seg_min(l, seg, m)[k])))
			return true;
	return false;
}

static float
step_value(const struct vmf_seg_layout *l, void *seg, int k,
    const struct vmf_agg_list *list)
{
	uint32_t n = vmf_seg_count(l, seg, list->metric)[k];

	switch (list->stat.kind) {
	case VMF_STAT_MEAN:
		return n == 0 ? NAN :
		    (float)(vmf_seg_sum(l, seg, list->metric)[k] / n);
	case VMF_STAT_MAX:
		return vmf_seg_max(l, seg, list->metric)[k];
	case VMF_STAT_MIN:
		return vmf_seg_min(l, seg, list->metric)[k];
	case VMF_STAT_COUNT:
		return n == 0 ? NAN : (float)n;
	default:
		return NAN;	/* from the log */
	}
}

/* The percentiles of metric m at one step of the row, from n > 0 values. */
static void
set_percentiles(struct vmf_aggregate *g, int m, int64_t at, float *v,
    int64_t n)
{
	vmf_agg_sort(v, n);
	for (int i = 0; i < g->n_lists; i++) {
		struct vmf_agg_list *l = &g->list[i];

		if (l->metric == m && l->stat.kind == VMF_STAT_PERCENTILE)
			l->v[at] = (float)vmf_agg_quantile(v, n,
			    l->stat.share);
	}
}

/* Room for n values of a step; VMF_EUSAGE where --memory is too little. */
static int
room_for_values(struct vmf_aggregate *g, int32_t id, int64_t step, int64_t n,
    struct vmf_err *e)
{
	int64_t bytes = n * (int64_t)sizeof(*g->values), len;
	/* Of more memory, the log and the accumulators, where these are
	 * spilled, have a third each. */
	int64_t more = (bytes - g->value_room) *
	    (g->accum.spill.n_runs > 0 ? 6 : 3) / 2;
	char from[32], text[32];
	const char *s;

	if (n <= g->value_cap)
		return 0;
	if (bytes > g->value_room) {
		s = vmf_dict_str(&g->ids.dict, id, &len);
		vmf_time_format_utc(step * g->step, from);
		vmf_format_duration(g->step, text);
		return vmf_fail(e, VMF_EUSAGE, "%s: found %lld values of "
		    "'%.*s' in the step of %s at %s, whose percentiles take "
		    "%lldM, expected at most the %lldM that --memory %lldM "
		    "has for them; use --memory %lldM, or a shorter --step",
		    g->name, (long long)n, (int)(len < 200 ? len : 200), s,
		    text, from, (long long)(bytes >> 20) + 1,
		    (long long)(g->value_room >> 20),
		    (long long)(g->opts.memory >> 20),
		    (long long)((g->opts.memory + more) >> 20) + 1);
	}
	/* A quarter more where it fits: the next step may have a few more. */
	if (bytes + bytes / 4 <= g->value_room)
		n += n / 4;
	free(g->values);
	g->values = vmf_calloc(n, sizeof(*g->values), e);
	g->value_cap = g->values == NULL ? 0 : n;
	return g->values == NULL ? VMF_ENOMEM : 0;
}

/*
 * The log's next records, those of a step of the entity, whose segment is
 * seg: the values of each metric, as many as that has counted, side by side.
 */
static int
fill_step(struct vmf_aggregate *g, int32_t id, int64_t step, int64_t first,
    void *seg, struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &g->accum.layout;
	int k = (int)(step & (VMF_SEG_STEPS - 1)), nm = g->n_metrics;
	int64_t n = 0;
	int rc;

	for (int m = 0; m < nm; m++) {
		g->value_at[m] = n;
		n += vmf_seg_count(l, seg, m)[k];
	}
	rc = room_for_values(g, id, step, n, e);
	while (rc == 0 && g->log_head != NULL && g->log_head->id == id &&
	    g->log_head->t == step) {
		const float *v = (const float *)(const void *)
		    (g->log_head + 1);

		for (int m = 0; m < nm; m++)
			if (!isnan(v[m]))
				g->values[g->value_at[m]++] = v[m];
		rc = advance_log(g, e);
	}
	for (int m = 0; rc == 0 && m < nm; m++) {
		int64_t count = vmf_seg_count(l, seg, m)[k];

		if (count > 0)
			set_percentiles(g, m, step - first, g->values +
			    g->value_at[m] - count, count);
	}
	return rc;
}

/* All log records of the entity, whose n segments are segs: both by time. */
static int
fill_percentiles(struct vmf_aggregate *g, int32_t id, int64_t first,
    uint8_t *segs, int64_t n, struct vmf_err *e)
{
	int64_t rec_bytes = g->accum.layout.rec_bytes, i = 0;
	int rc = vmf_grow(&g->value_at, &g->value_at_cap, g->n_metrics, e);

	while (rc == 0 && g->log_head != NULL && g->log_head->id == id) {
		int64_t step = g->log_head->t;

		/* Whatever is in the log is in a segment. */
		while (((struct vmf_rec *)(void *)(segs + i * rec_bytes))->t <
		    vmf_agg_floor(step, VMF_SEG_STEPS))
			i++;
		assert(i < n);
		rc = fill_step(g, id, step, first, segs + i * rec_bytes, e);
	}
	return rc;
}

static int
write_vm(struct vmf_aggregate *g, const struct vmf_sink *to, int32_t id,
    struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &g->accum.layout;
	int64_t n, first = 0, last = -1;
	uint8_t *segs;
	int a = 0, z = VMF_SEG_STEPS - 1, rc;

	rc = vmf_accum_next(&g->accum, id, &segs, &n, e);
	if (rc != 0)
		return rc;
	if (n > 0) {
		uint8_t *end = segs + (n - 1) * l->rec_bytes;

		while (!step_used(l, segs, a))
			a++;
		while (!step_used(l, end, z))
			z--;
		first = ((struct vmf_rec *)(void *)segs)->t * VMF_SEG_STEPS +
		    a;
		last = ((struct vmf_rec *)(void *)end)->t * VMF_SEG_STEPS +
		    z;
	} else {
		g->stats.without_samples++;
		if (g->opts.inner && !g->opts.hand_empty)
			return 0;
		g->stats.rows_out -= g->opts.inner;
	}
	rc = vmf_agg_begin_row(g, &g->ids, id, first, last - first + 1, e);
	for (int64_t i = 0; rc == 0 && i < n; i++) {
		uint8_t *seg = segs + i * l->rec_bytes;
		int64_t at = ((struct vmf_rec *)(void *)seg)->t *
		    VMF_SEG_STEPS - first;

		for (int k = 0; k < VMF_SEG_STEPS; k++) {
			if (!step_used(l, seg, k))
				continue;
			g->stats.steps++;
			for (int s = 0; s < g->n_lists; s++)
				g->list[s].v[at + k] = step_value(l, seg, k,
				    &g->list[s]);
		}
	}
	if (rc == 0 && g->want_log)
		rc = fill_percentiles(g, id, first, segs, n, e);
	return rc != 0 ? rc : vmf_agg_put_row(g, to, &g->ids, &g->attrs, id,
	    first, last - first + 1, e);
}

int
vmf_aggregate_write(struct vmf_aggregate *g, const struct vmf_sink *to,
    struct vmf_err *e)
{
	int rc = 0;

	if (g->opts.by != VMF_BY_VM)
		rc = vmf_agg_write_hosts(g, to, e);
	else
		for (int64_t i = 0; rc == 0 && i < g->ids.dict.n; i++)
			rc = write_vm(g, to, g->ids.order[i], e);
	return rc != 0 ? rc : to->put(to->arg, &g->out, e);
}
