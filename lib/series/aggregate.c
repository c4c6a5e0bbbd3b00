/* SPDX-License-Identifier: MIT */
/* vmf_aggregate: what comes in, and the memory it takes. */
#include "series/aggregate.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "series/aggregate_in.h"

#define BASE_BYTES ((int64_t)5 << 20)	/* the program itself */
/* Years 3 to 9997: what RFC 3339 can say, with room for a step of 366 days on
 * either side. */
#define TIME_MIN INT64_C(-62072524800)
#define TIME_MAX INT64_C(253339228800)

static unsigned
what_to_sum(const struct vmf_aggregate *g)
{
	unsigned what = 0;

	if (g->opts.by != VMF_BY_VM)
		return VMF_ACC_SUM;
	for (int i = 0; i < g->n_lists; i++)
		switch (g->list[i].stat.kind) {
		case VMF_STAT_MEAN:
			what |= VMF_ACC_SUM;
			break;
		case VMF_STAT_MAX:
			what |= VMF_ACC_MAX;
			break;
		case VMF_STAT_MIN:
			what |= VMF_ACC_MIN;
			break;
		default:
			break;
		}
	return what;
}

int
vmf_aggregate_open(struct vmf_aggregate **gp, const struct vmf_schema *schema,
    const char *name, const struct vmf_aggregate_opts *opts,
    struct vmf_err *e)
{
	struct vmf_aggregate *g;
	int64_t rec;
	int rc;

	g = vmf_calloc(1, sizeof(*g), e);
	if (g == NULL)
		return VMF_ENOMEM;
	*gp = g;
	g->opts = *opts;
	g->schema = schema;
	g->name = name;
	g->stats.start = g->stats.end = VMF_TIME_NONE;
	rc = vmf_agg_bind(g, e);
	if (rc == 0)
		rc = vmf_accum_init(&g->accum, g->n_metrics, what_to_sum(g),
		    opts->tmpdir, e);
	if (rc == 0 && opts->by != VMF_BY_VM)
		rc = vmf_accum_init(&g->roll.fine, 2, VMF_ACC_SUM,
		    opts->tmpdir, e);
	if (rc == 0 && opts->by != VMF_BY_VM)
		rc = vmf_accum_init(&g->roll.coarse, 2, VMF_ACC_SUM,
		    opts->tmpdir, e);
	if (rc != 0)
		return rc;
	rec = (int64_t)sizeof(struct vmf_rec) +
	    g->n_metrics * (int64_t)sizeof(float);
	vmf_sorter_init(&g->log, opts->tmpdir, (rec + 7) / 8 * 8);
	g->scratch = vmf_calloc(3 * (int64_t)g->n_metrics * VMF_AGG_CHUNK,
	    sizeof(*g->scratch), e);
	return g->scratch == NULL ? VMF_ENOMEM : 0;
}

/* ---- memory ---- */

int64_t
vmf_agg_budget(const struct vmf_aggregate *g)
{
	/* What the reader holds; a batch on its way out, with bitmaps or its
	 * compressed copy. */
	int64_t left = g->opts.memory - g->opts.reserved -
	    BASE_BYTES - g->in_bytes - vmf_readings_bytes(&g->in) -
	    3 * VMF_SERIES_BATCH - vmf_ids_bytes(&g->ids) -
	    vmf_attrs_bytes(&g->attrs) - vmf_ids_bytes(&g->roll.hosts) -
	    vmf_attrs_bytes(&g->roll.attrs);

	return g->opts.inv == NULL ? left :
	    left - vmf_inventory_bytes(g->opts.inv);
}

int64_t
vmf_agg_parts(const struct vmf_aggregate *g)
{
	return g->want_log ? 3 : 2;
}

int
vmf_agg_make_room(struct vmf_aggregate *g, int64_t k, struct vmf_err *e)
{
	int64_t row = g->want_log ?
	    vmf_sorter_row_bytes(g->log.rec_bytes) : 0;
	int64_t log = (g->log.n + k) * row, room = vmf_agg_budget(g);
	int rc;
	int64_t least = 2 * vmf_spill_least(&g->accum.spill) +
	    2 * k * (g->accum.layout.rec_bytes + row + 64);

	if (room < least)
		return vmf_fail(e, VMF_EUSAGE, "--memory %lldM is too little "
		    "for input of %lldM, %lld entities and their "
		    "attributes; expected at least %lldM",
		    (long long)(g->opts.memory >> 20),
		    (long long)(g->in_bytes >> 20),
		    (long long)g->ids.dict.n, (long long)(((g->opts.memory +
		    (least - room) * 5 / 4) >> 20) + 1));
	/* Parts, because what a flush leaves empty stays allocated.  For
	 * hosts the other half is that of their sums. */
	if (g->want_log || g->opts.by != VMF_BY_VM)
		room /= vmf_agg_parts(g);
	rc = vmf_accum_room(&g->accum, k, room, &g->ids, e);
	if (rc == 0 && log > room)
		rc = vmf_sorter_flush(&g->log, &g->ids, e);
	return rc;
}

/* ---- readings ---- */

/* A metric's values of rows from..from+n-1 as floats; NULL: no column. */
static const float *
column_values(const struct vmf_batch *b, int col, int64_t from, int64_t n,
    float *scratch)
{
	const struct vmf_col *c;

	if (col < 0)
		return NULL;
	c = &b->col[col];
	if (c->type == VMF_FLOAT32)
		return c->d.f32 + from;
	for (int64_t i = 0; i < n; i++)
		scratch[i] = (float)vmf_col_num(c, from + i);
	return scratch;
}

/* What a chunk of rows is turned into before it is added up. */
struct chunk {
	int64_t n;
	int32_t id[VMF_AGG_CHUNK];	/* -1: left out */
	uint8_t skip[VMF_AGG_CHUNK];
	bool skipped;		/* some are */
	bool one_step;		/* all are of step[0] */
	uint8_t any[VMF_AGG_CHUNK];	/* has a value */
	int64_t step[VMF_AGG_CHUNK];	/* of acc_step */
	void *seg[VMF_AGG_CHUNK];
	const float **v, **max, **min;	/* by metric */
};

/* Which rows count, by their times; and are all of one step? */
static int
choose_rows(struct vmf_aggregate *g, struct chunk *k, const int64_t *t,
    const struct vmf_col *time, int64_t from, int64_t first_row,
    struct vmf_err *e)
{
	int64_t since = g->opts.since, until = g->opts.until;
	int64_t least = t[0], most = t[0];

	for (int64_t i = 1; i < k->n; i++) {
		least = t[i] < least ? t[i] : least;
		most = t[i] > most ? t[i] : most;
	}
	k->skipped = k->one_step = false;
	if (least >= TIME_MIN && most <= TIME_MAX && time->valid == NULL &&
	    (since == VMF_TIME_NONE || least >= since) &&
	    (until == VMF_TIME_NONE || most < until)) {
		k->step[0] = vmf_agg_floor(least, g->acc_step);
		k->one_step = most - k->step[0] * g->acc_step < g->acc_step;
		return 0;
	}
	memset(k->skip, 0, (size_t)k->n);
	for (int64_t i = 0; i < k->n; i++) {
		if (!vmf_bit(time->valid, from + i))
			continue;	/* vmf_readings_ids names it */
		if ((since != VMF_TIME_NONE && t[i] < since) ||
		    (until != VMF_TIME_NONE && t[i] >= until)) {
			k->skip[i] = 1;
			k->skipped = true;
			g->stats.outside++;
		} else if (t[i] < TIME_MIN || t[i] > TIME_MAX) {
			return vmf_fail(e, VMF_EDATA, "%s: row %lld: found "
			    "time %lld s, expected one in the years 3 to "
			    "9997; --since and --until leave rows out",
			    g->name, (long long)(first_row + from + i),
			    (long long)t[i]);
		}
	}
	return 0;
}

/* Mark the rows that have a value, and set their steps and segments. */
static int
place_rows(struct vmf_aggregate *g, struct chunk *k, const int64_t *t,
    struct vmf_err *e)
{
	int64_t step = 0, begin = 0, end = 0;
	int32_t id = -1;
	void *seg = NULL;

	memset(k->any, 0, (size_t)k->n);
	for (int m = 0; m < g->n_metrics; m++) {
		const float *v[] = { k->v[m], k->max[m], k->min[m] };

		for (int s = 0; s < 3; s++)
			for (int64_t i = 0; v[s] != NULL && i < k->n; i++)
				k->any[i] |= v[s][i] == v[s][i];
	}
	for (int64_t i = 0; i < k->n; i++) {
		if (k->id[i] < 0 || !k->any[i]) {
			g->stats.valueless += k->id[i] >= 0;
			k->any[i] = 0;
			continue;
		}
		if (t[i] < begin || t[i] >= end) {
			step = vmf_agg_floor(t[i], g->acc_step);
			begin = step * g->acc_step;
			end = begin + g->acc_step;
			id = -1;
			vmf_agg_seen(g, step, step);
		}
		/* VM by VM, the next row mostly goes where this one went. */
		if (k->id[i] != id) {
			id = k->id[i];
			seg = vmf_accum_at(&g->accum, id, step, e);
			if (seg == NULL)
				return VMF_ENOMEM;
		}
		k->step[i] = step;
		k->seg[i] = seg;
	}
	return 0;
}

/* Of 0 and -0, which are equal, the first would win: there is but one 0. */
static inline float
one_zero(float x)
{
	return x + 0.0F;
}

/* take ? x : old, and no branch: whether a value is a new maximum cannot be
 * foreseen.  take is 0 or 1. */
static inline float
pick(unsigned take, float x, float old)
{
	uint32_t a, b, mask = 0u - take;

	memcpy(&a, &x, sizeof(a));
	memcpy(&b, &old, sizeof(b));
	b ^= (a ^ b) & mask;
	memcpy(&old, &b, sizeof(old));
	return old;
}

/*
 * One metric of a chunk, into its segments.  Rows that go to one step of one
 * VM, as many do where they come VM by VM, are put together before.
 */
static int
add_metric(struct vmf_aggregate *g, const struct chunk *k, int m,
    struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &g->accum.layout;
	const float *v = k->v[m];
	const float *max = k->max[m] != NULL ? k->max[m] : v;
	const float *min = k->min[m] != NULL ? k->min[m] : v;

	for (int64_t i = 0, end; i < k->n; i = end) {
		void *seg = k->seg[i];
		int64_t step = k->step[i], at = step & (VMF_SEG_STEPS - 1);
		float hi, lo, x;
		double sum, off;
		uint32_t count = 0;

		end = i + 1;
		if (!k->any[i])
			continue;
		while (end < k->n && k->any[end] && k->seg[end] == seg &&
		    k->step[end] == step)
			end++;
		sum = l->what & VMF_ACC_SUM ? vmf_seg_sum(l, seg, m)[at] :
		    0.0;
		hi = l->what & VMF_ACC_MAX ? vmf_seg_max(l, seg, m)[at] :
		    NAN;
		lo = l->what & VMF_ACC_MIN ? vmf_seg_min(l, seg, m)[at] :
		    NAN;
		for (int64_t r = i; r < end; r++) {
			if (v[r] == v[r]) {
				count++;
				sum = vmf_two_sum(sum, (double)v[r], &off);
				if (off != 0.0 && (l->what & VMF_ACC_SUM) &&
				    vmf_accum_round_off(&g->accum, k->id[r],
				    step, m, off, e) != 0)
					return VMF_ENOMEM;
			}
			/* Where there is a cpu_max it counts, if it has a
			 * value. */
			x = max[r] == max[r] ? max[r] : v[r];
			hi = pick((unsigned)((x == x) & !(x <= hi)),
			    one_zero(x), hi);
			x = min[r] == min[r] ? min[r] : v[r];
			lo = pick((unsigned)((x == x) & !(x >= lo)),
			    one_zero(x), lo);
		}
		vmf_seg_count(l, seg, m)[at] += count;
		if (l->what & VMF_ACC_SUM)
			vmf_seg_sum(l, seg, m)[at] = sum;
		if (l->what & VMF_ACC_MAX)
			vmf_seg_max(l, seg, m)[at] = hi;
		if (l->what & VMF_ACC_MIN)
			vmf_seg_min(l, seg, m)[at] = lo;
	}
	return 0;
}

/* One metric of a chunk that is all of the page's step. */
static int
add_to_page(struct vmf_aggregate *g, struct chunk *k, int m,
    struct vmf_page_cell *page, struct vmf_err *e)
{
	unsigned what = g->accum.layout.what;
	const float *v = k->v[m], *max = k->max[m], *min = k->min[m];
	int64_t width = g->accum.layout.n_metrics;

	max = max != NULL ? max : v;
	min = min != NULL ? min : v;
	for (int64_t i = 0; i < k->n; i++) {
		int32_t id = k->id[i];
		struct vmf_page_cell *c = page + id * width + m;
		bool any = (v[i] == v[i]) | (max[i] == max[i]) |
		    (min[i] == min[i]);
		float x;

		if (id < 0 || !any)
			continue;
		k->any[i] = 1;
		c->used = 1;
		if (v[i] == v[i]) {
			c->count++;
			if ((what & VMF_ACC_SUM) && vmf_accum_page_sum(
			    &g->accum, c, id, m, (double)v[i], e) != 0)
				return VMF_ENOMEM;
		}
		if (what & VMF_ACC_MAX) {
			x = max[i] == max[i] ? max[i] : v[i];
			c->max = pick((unsigned)((x == x) & !(x <= c->max)),
			    one_zero(x), c->max);
		}
		if (what & VMF_ACC_MIN) {
			x = min[i] == min[i] ? min[i] : v[i];
			c->min = pick((unsigned)((x == x) & !(x >= c->min)),
			    one_zero(x), c->min);
		}
	}
	return 0;
}

static int
add_page(struct vmf_aggregate *g, struct chunk *k,
    struct vmf_page_cell *page, struct vmf_err *e)
{
	int64_t n_any = 0, n_ids = 0;
	int rc = 0;

	memset(k->any, 0, (size_t)k->n);
	for (int m = 0; rc == 0 && m < g->n_metrics; m++)
		rc = add_to_page(g, k, m, page, e);
	for (int64_t i = 0; i < k->n; i++) {
		k->step[i] = k->step[0];
		n_any += k->any[i];
		n_ids += k->id[i] >= 0;
	}
	g->stats.valueless += n_ids - n_any;
	if (n_any > 0)
		vmf_agg_seen(g, k->step[0], k->step[0]);
	return rc;
}

/* Series are of 32 bits; v has the values of a chunk, NULL: none. */
static int
check_values(const struct vmf_aggregate *g, const struct chunk *k,
    const float *v, const struct vmf_batch *b, int col, int64_t from,
    int64_t first_row, struct vmf_err *e)
{
	bool odd = false;
	int64_t len;
	const char *id;

	for (int64_t i = 0; v != NULL && i < k->n; i++)
		odd |= fabsf(v[i]) > FLT_MAX;
	for (int64_t i = 0; odd && i < k->n; i++) {
		if (!isinf(v[i]) || k->id[i] < 0)
			continue;
		id = vmf_dict_str(&g->ids.dict, k->id[i], &len);
		return vmf_fail(e, VMF_EDATA, "%s: row %lld: found '%s' %g "
		    "of '%.*s', expected at most %g, or missing", g->name,
		    (long long)(first_row + from + i),
		    g->schema->field[col].name,
		    vmf_col_num(&b->col[col], from + i),
		    (int)(len < 200 ? len : 200), id, (double)FLT_MAX);
	}
	return 0;
}

static int
log_rows(struct vmf_aggregate *g, const struct chunk *k, struct vmf_err *e)
{
	uint8_t *to = vmf_sorter_room(&g->log, k->n, e);

	if (to == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < k->n; i++) {
		struct vmf_rec h = { .t = k->step[i], .id = k->id[i] };
		float *v = (float *)(void *)(to + sizeof(h));

		if (!k->any[i])
			continue;
		memset(to, 0, (size_t)g->log.rec_bytes);
		memcpy(to, &h, sizeof(h));
		for (int m = 0; m < g->n_metrics; m++)
			v[m] = one_zero(k->v[m][i]);
		to += g->log.rec_bytes;
		g->log.n++;
	}
	return 0;
}

static int
add_chunk(struct vmf_aggregate *g, struct chunk *k, const struct vmf_batch *b,
    int64_t from, int64_t first_row, struct vmf_err *e)
{
	const struct vmf_col *time = &b->col[g->in.time];
	const int64_t *t = time->d.i64 + from;
	unsigned what = g->accum.layout.what;
	struct vmf_page_cell *page = NULL;
	int rc;

	rc = choose_rows(g, k, t, time, from, first_row, e);
	if (rc == 0)
		rc = vmf_readings_ids(&g->in, b, from, k->n, k->skipped ?
		    k->skip : NULL, first_row, &g->ids, k->id, e);
	if (rc == 0)
		rc = vmf_attrs_room(&g->attrs, g->ids.dict.n, e);
	if (rc == 0)
		rc = vmf_attrs_rows(&g->attrs, b, from, k->n, k->id, t, e);
	if (rc == 0)
		rc = vmf_agg_make_room(g, k->n, e);
	for (int m = 0; rc == 0 && m < g->n_metrics; m++) {
		float *s = g->scratch + (int64_t)3 * m * VMF_AGG_CHUNK;
		const float **v[] = { &k->v[m], &k->max[m], &k->min[m] };
		const int col[] = { g->metric[m].col, what & VMF_ACC_MAX ?
		    g->metric[m].max_col : -1, what & VMF_ACC_MIN ?
		    g->metric[m].min_col : -1 };

		for (int i = 0; rc == 0 && i < 3; i++) {
			*v[i] = column_values(b, col[i], from, k->n,
			    s + (int64_t)i * VMF_AGG_CHUNK);
			rc = check_values(g, k, *v[i], b, col[i], from,
			    first_row, e);
		}
	}
	if (rc == 0 && k->one_step)
		rc = vmf_accum_page(&g->accum, k->step[0], k->n, &g->ids,
		    &page, e);
	if (rc == 0 && page != NULL) {
		rc = add_page(g, k, page, e);
	} else {
		if (rc == 0)
			rc = place_rows(g, k, t, e);
		for (int m = 0; rc == 0 && m < g->n_metrics; m++)
			rc = add_metric(g, k, m, e);
	}
	if (rc == 0 && g->want_log)
		rc = log_rows(g, k, e);
	return rc;
}

static int
add_readings(struct vmf_aggregate *g, const struct vmf_batch *b,
    int64_t first_row, struct vmf_err *e)
{
	struct chunk *k = vmf_calloc(1, sizeof(*k), e);
	const float **v = vmf_calloc(3 * (int64_t)g->n_metrics, sizeof(*v),
	    e);
	int rc = k == NULL || v == NULL ? VMF_ENOMEM : 0;

	for (int64_t i = 0; rc == 0 && i < b->n; i += VMF_AGG_CHUNK) {
		k->v = v;
		k->max = v + g->n_metrics;
		k->min = v + 2 * g->n_metrics;
		k->n = b->n - i < VMF_AGG_CHUNK ? b->n - i : VMF_AGG_CHUNK;
		rc = add_chunk(g, k, b, i, first_row, e);
	}
	free(k);
	free(v);
	return rc;
}

/* ---- series ---- */

/* One list of a row. */
struct items {
	const float *f;
	const double *d;
	int64_t n;
};

static struct items
list_items(const struct vmf_batch *b, int col, int64_t row)
{
	struct items it = { NULL, NULL, -1 };

	if (col < 0)
		return it;
	if (b->col[col].type == VMF_LIST_FLOAT64)
		it.d = vmf_col_list64(&b->col[col], row, &it.n);
	else
		it.f = vmf_col_list32(&b->col[col], row, &it.n);
	return it;
}

static inline double
item(const struct items *it, int64_t i)
{
	if (i >= it->n)
		return (double)NAN;
	return it->f != NULL ? (double)it->f[i] : it->d[i];
}

struct series_row {
	int64_t row;		/* of the stream, for messages */
	int32_t id;
	int64_t start;
	int64_t n;		/* steps; lists are as long, or empty */
};

static int
too_large(const struct vmf_aggregate *g, const struct vmf_batch *b,
    int64_t in_row, const struct series_row *r,
    const struct vmf_agg_metric *me, int64_t i, struct vmf_err *e)
{
	const int cols[] = { me->mean_col, me->max_col, me->min_col };
	int64_t len;
	const char *id = vmf_dict_str(&g->ids.dict, r->id, &len);
	double v = 0.0;
	int k;

	/* One of the three is. */
	for (k = 0;; k++) {
		struct items it = list_items(b, cols[k], in_row);

		v = item(&it, i);
		if (k == 2 || isinf((float)v))
			break;
	}
	return vmf_fail(e, VMF_EDATA, "%s: row %lld: found '%s' %g at item "
	    "%lld of '%.*s', expected at most %g, or missing", g->name,
	    (long long)r->row, g->schema->field[cols[k]].name, v,
	    (long long)i, (int)(len < 200 ? len : 200), id, (double)FLT_MAX);
}

/* Steps from..to-1 of one metric of a row. */
static int
add_steps(struct vmf_aggregate *g, const struct vmf_batch *b, int64_t in_row,
    const struct series_row *r, int m, int64_t from, int64_t to,
    struct vmf_err *e)
{
	const struct vmf_agg_metric *me = &g->metric[m];
	const struct vmf_seg_layout *l = &g->accum.layout;
	struct items mean = list_items(b, me->mean_col, in_row);
	/* What is not asked for makes no step. */
	struct items max = list_items(b, l->what & VMF_ACC_MAX ?
	    me->max_col : -1, in_row);
	struct items min = list_items(b, l->what & VMF_ACC_MIN ?
	    me->min_col : -1, in_row);
	struct items count = list_items(b, me->count_col, in_row);

	for (int64_t i = from; i < to; i++) {
		int64_t t = r->start + i * g->in_step, step, at;
		double c = me->count_col >= 0 ? item(&count, i) : 1.0;
		float hi = (float)item(&max, i), lo = (float)item(&min, i);
		double v = (double)(float)item(&mean, i);
		void *seg;

		if ((g->opts.since != VMF_TIME_NONE && t < g->opts.since) ||
		    (g->opts.until != VMF_TIME_NONE && t >= g->opts.until)) {
			g->stats.outside += m == 0;
			continue;
		}
		if (isinf(v) || isinf(hi) || isinf(lo))
			return too_large(g, b, in_row, r, me, i, e);
		if (c < 0.0 || c > 0x1p31 || c > floor(c))
			return vmf_fail(e, VMF_EDATA, "%s: row %lld: found "
			    "%s_count %g, expected a count", g->name,
			    (long long)r->row, me->name, c);
		/* A count that is missing is 0, and 0 is no sample; without
		 * a list of counts a step counts where there is a mean. */
		if (!(c >= 1.0) || (me->mean_col >= 0 && isnan(v)))
			c = 0.0;
		if (me->count_col < 0 && me->mean_col < 0)
			c = 0.0;
		if (c == 0.0 && isnan(hi) && isnan(lo))
			continue;
		step = vmf_agg_floor(t, g->acc_step);
		at = step & (VMF_SEG_STEPS - 1);
		seg = vmf_accum_at(&g->accum, r->id, step, e);
		if (seg == NULL)
			return VMF_ENOMEM;
		vmf_agg_seen(g, step, step);
		if (__builtin_add_overflow(vmf_seg_count(l, seg, m)[at],
		    (uint32_t)c, &vmf_seg_count(l, seg, m)[at]))
			return vmf_fail(e, VMF_EDATA, "%s: row %lld: "
			    "%s_count adds up to more than 2^32 samples in a "
			    "step", g->name, (long long)r->row, me->name);
		/* The product of a float and a count below 2^29 is exact. */
		if ((l->what & VMF_ACC_SUM) && c > 0.0 &&
		    vmf_accum_sum(&g->accum, seg, r->id, step, m, v * c, e) !=
		    0)
			return VMF_ENOMEM;
		if ((l->what & VMF_ACC_MAX) && !isnan(hi) &&
		    !(hi <= vmf_seg_max(l, seg, m)[at]))
			vmf_seg_max(l, seg, m)[at] = one_zero(hi);
		if ((l->what & VMF_ACC_MIN) && !isnan(lo) &&
		    !(lo >= vmf_seg_min(l, seg, m)[at]))
			vmf_seg_min(l, seg, m)[at] = one_zero(lo);
	}
	return 0;
}

/* All lists of a row are equally long, or there is nothing in them; the start
 * is on the input's grid. */
static int
check_row(const struct vmf_aggregate *g, const struct vmf_batch *b,
    int64_t in_row, struct series_row *r, struct vmf_err *e)
{
	const struct vmf_col *start = &b->col[g->start_col];

	r->n = 0;
	for (int m = 0; m < g->n_metrics; m++) {
		const int cols[] = { g->metric[m].mean_col,
		    g->metric[m].max_col, g->metric[m].min_col,
		    g->metric[m].count_col };

		for (int i = 0; i < 4; i++) {
			struct items it = list_items(b, cols[i], in_row);

			if (cols[i] < 0 || it.n == 0)
				continue;
			if (r->n == 0)
				r->n = it.n;
			if (it.n != r->n)
				return vmf_fail(e, VMF_EDATA, "%s: row %lld: "
				    "found lists of %lld and %lld items, "
				    "expected all equally long", g->name,
				    (long long)r->row, (long long)r->n,
				    (long long)it.n);
		}
	}
	if (r->n == 0)
		return 0;
	if (start->type != VMF_TIME || !vmf_bit(start->valid, in_row))
		return vmf_fail(e, VMF_EDATA, "%s: row %lld: found %lld "
		    "steps and no start", g->name, (long long)r->row,
		    (long long)r->n);
	r->start = start->d.i64[in_row];
	if (r->start < TIME_MIN || r->start > TIME_MAX ||
	    r->n > (TIME_MAX - r->start) / g->in_step)
		return vmf_fail(e, VMF_EDATA, "%s: row %lld: found %lld "
		    "steps from %lld s on, expected times in the years 3 to "
		    "9997", g->name, (long long)r->row, (long long)r->n,
		    (long long)r->start);
	if (vmf_time_floor(r->start, g->in_step) != r->start)
		return vmf_fail(e, VMF_EDATA, "%s: row %lld: found start "
		    "%lld s, expected a multiple of the step, %lld s",
		    g->name, (long long)r->row, (long long)r->start,
		    (long long)g->in_step);
	return 0;
}

static int
add_series(struct vmf_aggregate *g, const struct vmf_batch *b,
    int64_t first_row, struct vmf_err *e)
{
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < b->n; i++) {
		struct series_row r = { .row = first_row + i };
		int64_t len, when;
		const char *s = vmf_col_str(&b->col[g->id_col], i, &len);

		if (s == NULL)
			return vmf_fail(e, VMF_EDATA, "%s: row %lld: found "
			    "no id (null), expected one in every row",
			    g->name, (long long)r.row);
		r.id = vmf_ids_add(&g->ids, s, len, e);
		if (r.id < 0)
			return VMF_ENOMEM;
		rc = check_row(g, b, i, &r, e);
		if (rc == 0)
			rc = vmf_attrs_room(&g->attrs, g->ids.dict.n, e);
		/* Rows of one entity: that which ends last is the newest;
		 * one without steps is older than all. */
		when = r.n > 0 ? r.start + r.n * g->in_step :
		    VMF_TIME_NONE + 1;
		if (rc == 0)
			rc = vmf_attrs_rows(&g->attrs, b, i, 1, &r.id, &when,
			    e);
		g->stats.valueless += r.n == 0;
		for (int64_t k = 0; rc == 0 && k < r.n; k += VMF_AGG_CHUNK) {
			int64_t to = r.n - k < VMF_AGG_CHUNK ? r.n :
			    k + VMF_AGG_CHUNK;

			rc = vmf_agg_make_room(g,
			    VMF_AGG_CHUNK / VMF_SEG_STEPS + 1, e);
			for (int m = 0; rc == 0 && m < g->n_metrics; m++)
				rc = add_steps(g, b, i, &r, m, k, to, e);
		}
	}
	return rc;
}

int
vmf_aggregate_add(struct vmf_aggregate *g, const struct vmf_batch *b,
    int64_t first_row, int64_t held_bytes, struct vmf_err *e)
{
	if (held_bytes > g->in_bytes)
		g->in_bytes = held_bytes;
	g->stats.rows_in += b->n;
	return g->series ? add_series(g, b, first_row, e) :
	    add_readings(g, b, first_row, e);
}

const struct vmf_aggregate_stats *
vmf_aggregate_stats(const struct vmf_aggregate *g)
{
	return &g->stats;
}

void
vmf_aggregate_free(struct vmf_aggregate *g)
{
	if (g == NULL)
		return;
	for (int i = 0; i < g->n_metrics; i++)
		free(g->metric[i].name);
	for (int i = 0; i < g->n_lists; i++) {
		free(g->list[i].name);
		free(g->list[i].v);
	}
	free(g->metric);
	free(g->list);
	vmf_readings_free(&g->in);
	vmf_ids_free(&g->ids);
	vmf_attrs_free(&g->attrs);
	vmf_accum_free(&g->accum);
	vmf_sorter_free(&g->log);
	vmf_rollup_free(&g->roll);
	vmf_batch_free(&g->out);
	free(g->scratch);
	free(g->values);
	free(g->value_at);
	free(g);
}
