/* SPDX-License-Identifier: MIT */
#include "forecast/gate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "forecast/eval_score.h"
#include "forecast/kq_shares.h"

#define ROWS_MOST 40000
#define WINDOWS 24
/* Too few to learn from, and to be tested on. */
#define LEARN_MIN 2000
#define TEST_MIN 500
#define TEST_SHARE 0.2
/* Least gain, of the loss on the newest windows, that it is kept for. */
#define GAIN 0.001
#define PASSES 15
/* How much of what the networks say is done: half of it was better than all
 * of it on other days; and of a fleet of so many series half of that, as few
 * say little of what is to come. */
#define PART 0.5f
#define FEW 50.0f
/* What the loss of a mixture counts, in parts of what its VM loses on
 * average; and that of the median's, in parts of the change from season to
 * season, as MASE has it. */
#define BY_LOSS 1.0
#define BY_SEASON 0.5
/* No row counts more for MASE than all but so many of them. */
#define RARE 0.01
#define VERSION 1

enum { WIDTH = sizeof(struct vmf_mixer_row) / sizeof(float),
    MEDIAN = 6, LOW = 2, HIGH = 10 };	/* of vmf_kq_levels */
_Static_assert(2 * VMF_KQ_FAMILIES + 2 <= VMF_MIXER_IN, "room");

const char *
vmf_gate_part(int k)
{
	return k < VMF_GATE_OTHER ? vmf_kq_families[k] : "others";
}

/* The numbers that describe a lead: medians and widths in parts of the VM's
 * size, shares, how far ahead, and the level. */
static void
describe(const struct vmf_kq_part *p, int64_t day, float *x)
{
	float unit = p->size > 1e-30f ? p->size : 1e-30f;
	float all = 0.0f, mid = 0.0f;

	for (int k = 0; k < VMF_GATE_PARTS; k++) {
		mid += p->mass[1][k] * p->q[k][MEDIAN];
		all += p->mass[1][k];
	}
	mid = all > 0.0f ? mid / all : 0.0f;
	for (int k = 0; k < VMF_GATE_PARTS; k++, x += 4) {
		bool there = p->mass[0][k] > 0.0f;

		x[0] = there ? asinhf(4.0f * (p->q[k][MEDIAN] - mid) / unit) :
		    0.0f;
		x[1] = there ? asinhf(4.0f * (p->q[k][HIGH] - p->q[k][LOW]) /
		    unit) : 0.0f;
		x[2] = logf(p->mass[0][k] + 1e-3f);
		x[3] = logf(p->mass[1][k] + 1e-3f);
	}
	x[0] = log1pf((float)p->lead * 24.0f / (float)day);
	x[1] = asinhf(mid / unit);
}

void
vmf_gate_factors(const struct vmf_gate *g, const struct vmf_kq_part *p,
    int64_t day, float factor[VMF_GATE_PARTS])
{
	float x[VMF_MIXER_IN];

	describe(p, day, x);
	for (int k = 0; k < VMF_GATE_PARTS; k++)
		factor[k] = 0.0f;
	for (int i = 0; i < VMF_GATE_NETS; i++)
		vmf_mixer_ask(&g->net[i], x, factor);
	for (int k = 0; k < VMF_GATE_PARTS; k++)
		factor[k] = expf(factor[k] * g->part / VMF_GATE_NETS);
}

/* ---- rows ---- */

static int64_t
width(const struct vmf_global *g)
{
	(void)g;
	return WIDTH;
}

/* One lead in each of so many parts of a window, which grow: of a few hours
 * as many as of a day. */
static void
want(uint64_t key, int64_t start, int64_t h, struct vmf_kq_parts *p)
{
	p->n = 0;
	for (int i = 0; i < VMF_GATE_LEADS; i++) {
		double at = ((double)i + vmf_sample_draw(key ^
		    (uint64_t)start, i)) / VMF_GATE_LEADS;
		int64_t lead = (int64_t)((double)h * at * sqrt(at));

		if (p->n == 0 || lead > p->at[p->n - 1].lead)
			p->at[p->n++].lead = lead;
	}
}

/* E|X - Y| of two parts, in units. */
static float
apart(const float *a, const float *b, float unit)
{
	float sum = 0.0f;

	for (int i = 0; i < VMF_KQ_LEVELS; i++)
		for (int j = 0; j < VMF_KQ_LEVELS; j++)
			sum += vmf_kq_level_mass[i] * vmf_kq_level_mass[j] *
			    fabsf(a[i] - b[j]);
	return sum / unit;
}

/*
 * weight[] is, until the row is learned from, what |y| is in, over the mean
 * change of a season (0: there is none).
 */
static int
sample(const struct vmf_global *g, const struct vmf_window *w,
    struct vmf_sample *s, struct vmf_err *e)
{
	const struct vmf_kq_parts *parts = w->base->parts;
	int64_t season = w->opts->season, day = vmf_kq_day(g->step_s);
	double scale = vmf_score_scale(w->y.y, w->y.n, season);

	for (int i = 0; i < parts->n; i++) {
		const struct vmf_kq_part *p = &parts->at[i];
		struct vmf_mixer_row row = { .weight = { 0.0f } };
		float *rec, unit = p->size;
		double y = w->after[p->lead];
		int rc, pair = 0;

		if (isnan(y) || !(unit > 1e-30f))
			continue;
		describe(p, day, row.x);
		memcpy(row.mass, p->mass, sizeof(row.mass));
		row.weight[1] = scale > 0.0 ? (float)((double)unit / scale) :
		    0.0f;
		for (int k = 0; k < VMF_GATE_PARTS; k++) {
			for (int j = 0; j < VMF_KQ_LEVELS; j++)
				row.miss[k] += vmf_kq_level_mass[j] *
				    fabsf(p->q[k][j] - (float)y) / unit;
			for (int l = 0; l <= k; l++)
				row.apart[pair++] = apart(p->q[k], p->q[l],
				    unit);
		}
		if ((rc = vmf_sample_add(s, w->key, w->opts->start,
		    w->opts->start + (p->lead + 1) * g->step_s, &rec,
		    e)) != 0)
			return rc;
		if (rec == NULL)
			return 0;
		memcpy(rec, &row, sizeof(row));
	}
	return 0;
}

/* ---- learning ---- */

/* What a row loses without the gate, and where it is, to be sorted. */
struct lost {
	uint64_t key;
	int64_t at;
	double loss, by_season;
};

static int
by_key(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static int
by_weight(const void *a, const void *b)
{
	double x = ((const struct lost *)a)->by_season;
	double y = ((const struct lost *)b)->by_season;

	return (x > y) - (x < y);
}

/*
 * What rows count: all VMs' losses alike, and all points of MASE alike.
 * Counted by the VM's size, as CRPS does, the few largest are learned by
 * heart.
 */
static int
weigh(struct vmf_mixer_row *row, const struct vmf_sample *s,
    struct vmf_err *e)
{
	struct lost *l = vmf_calloc(s->n, (int64_t)sizeof(*l), e);
	double sum = 0.0, most;

	if (l == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < s->n; i++) {
		struct vmf_mixer_row one = row[i];

		one.weight[0] = 1.0f;
		one.weight[1] = 0.0f;
		l[i] = (struct lost){ .key = s->key[i], .at = i,
		    .by_season = (double)row[i].weight[1],
		    .loss = vmf_mixer_loss(NULL, 1, 0.0f, &one, 1) };
		sum += l[i].loss * l[i].by_season;
	}
	qsort(l, (size_t)s->n, sizeof(*l), by_weight);
	most = l[(int64_t)((double)(s->n - 1) * (1.0 - RARE))].by_season;
	for (int64_t i = 0; i < s->n; i++)
		row[l[i].at].weight[1] = !(sum > 0.0) ? 0.0f :
		    (float)(BY_SEASON * (double)s->n / sum *
		    fmin(l[i].by_season, most));
	qsort(l, (size_t)s->n, sizeof(*l), by_key);
	for (int64_t i = 0, to; i < s->n; i = to) {
		double all = 0.0;

		for (to = i; to < s->n && l[to].key == l[i].key; to++)
			all += l[to].loss;
		for (int64_t k = i; k < to; k++)
			row[l[k].at].weight[0] = all > 1e-12 ?
			    (float)(BY_LOSS * (double)(to - i) / all) : 0.0f;
	}
	free(l);
	return 0;
}

struct job {
	struct vmf_gate *to;
	const struct vmf_mixer_row *row;
	int64_t n;
	uint64_t seed;
};

static int
learn_one(void *arg, int64_t i, struct vmf_err *e)
{
	struct job *x = arg;

	return vmf_mixer_learn(&x->to->net[i], x->row, x->n, PASSES,
	    x->seed + (uint64_t)i, e);
}

/* Mean masses with the gate and without. */
static void
sum_up(struct vmf_gate *g, const struct vmf_mixer_row *row, int64_t n)
{
	double sum[2][VMF_GATE_PARTS] = { { 0.0 } };

	for (int64_t i = 0; i < n; i++) {
		float tilt[VMF_GATE_PARTS] = { 0.0f }, a[VMF_GATE_PARTS];
		double all = 0.0, was = 0.0;

		for (int k = 0; k < VMF_GATE_NETS; k++)
			vmf_mixer_ask(&g->net[k], row[i].x, tilt);
		for (int k = 0; k < VMF_GATE_PARTS; k++) {
			a[k] = row[i].mass[0][k] * expf(tilt[k] * g->part /
			    VMF_GATE_NETS);
			all += (double)a[k];
			was += (double)row[i].mass[0][k];
		}
		for (int k = 0; k < VMF_GATE_PARTS; k++) {
			sum[0][k] += (double)row[i].mass[0][k] / was;
			sum[1][k] += (double)a[k] / all;
		}
	}
	for (int w = 0; w < 2; w++)
		for (int k = 0; k < VMF_GATE_PARTS; k++)
			g->mass[w][k] = (float)(sum[w][k] / (double)n);
}

static int put(struct vmf_buf *b, const struct vmf_gate *g,
    struct vmf_err *e);

/* Is it worth something on the newest windows?  Then of all of them. */
static int
learn(struct vmf_global *g, struct vmf_sample *s, struct vmf_err *e)
{
	int64_t n_learn, n_test;
	struct vmf_gate *to = NULL;
	struct vmf_mixer_row *row;
	struct job x;
	double before, after;
	int rc = vmf_sample_split(s, TEST_SHARE, &n_learn, &n_test, e);

	if (rc != 0 || n_learn < LEARN_MIN || n_test < TEST_MIN)
		return rc;
	row = (struct vmf_mixer_row *)(void *)s->rec;
	to = vmf_calloc(1, (int64_t)sizeof(*to), e);
	if ((rc = to == NULL ? VMF_ENOMEM : weigh(row, s, e)) != 0) {
		free(to);
		return rc;
	}
	x = (struct job){ .to = to, .row = row, .n = n_learn,
	    .seed = (uint64_t)g->seed };
	if ((rc = vmf_each(VMF_GATE_NETS, g->how.threads, learn_one, &x,
	    e)) != 0)
		goto done;
	before = vmf_mixer_loss(to->net, VMF_GATE_NETS, 0.0f,
	    row + s->n - n_test, n_test);
	to->part = PART * (float)g->n_series / ((float)g->n_series + FEW);
	after = vmf_mixer_loss(to->net, VMF_GATE_NETS, to->part,
	    row + s->n - n_test, n_test);
	to->gain = before > 0.0 ? (float)(1.0 - after / before) : 0.0f;
	if (!(to->gain >= (float)GAIN))
		goto done;
	x.n = s->n;
	if ((rc = vmf_each(VMF_GATE_NETS, g->how.threads, learn_one, &x,
	    e)) != 0)
		goto done;
	sum_up(to, row, s->n);
	g->blob.n = 0;
	rc = put(&g->blob, to, e);
done:
	free(to);
	return rc;
}

/* ---- bytes ---- */

enum { FLOATS = sizeof(struct vmf_gate) / sizeof(float),
    BYTES = 8 + 4 * FLOATS };

static int
put_word(struct vmf_buf *b, uint32_t v, struct vmf_err *e)
{
	uint8_t p[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 24) };

	return vmf_buf_put(b, p, 4, e);
}

static int
put(struct vmf_buf *b, const struct vmf_gate *g, struct vmf_err *e)
{
	int rc = put_word(b, VERSION, e);

	if (rc == 0)
		rc = put_word(b, FLOATS, e);
	for (int i = 0; i < FLOATS && rc == 0; i++) {
		uint32_t v;

		memcpy(&v, (const char *)g + 4 * (size_t)i, 4);
		rc = put_word(b, v, e);
	}
	return rc;
}

static uint32_t
get_word(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

int
vmf_gate_get(struct vmf_gate *g, const void *blob, int64_t bytes,
    struct vmf_err *e)
{
	const uint8_t *p = blob;

	if (bytes != BYTES || get_word(p) != VERSION ||
	    get_word(p + 4) != FLOATS)
		return vmf_fail(e, VMF_EDATA, "auto's gate has %lld bytes, "
		    "expected version %d with %d: another version made it, "
		    "train anew", (long long)bytes, VERSION, (int)BYTES);
	for (int i = 0; i < FLOATS; i++) {
		uint32_t v = get_word(p + 8 + 4 * i);
		float x;

		memcpy(&x, &v, 4);
		if (!(fabsf(x) <= 1e9f))
			return vmf_fail(e, VMF_EDATA, "auto's gate has %g as "
			    "number %d, which no fit makes", (double)x, i);
		memcpy((char *)g + 4 * (size_t)i, &x, 4);
	}
	return 0;
}

static int
load(struct vmf_global *g, struct vmf_err *e)
{
	struct vmf_gate *to = vmf_calloc(1, (int64_t)sizeof(*to), e);
	int rc = to == NULL ? VMF_ENOMEM : vmf_gate_get(to, g->blob.p,
	    g->blob.n, e);

	if (rc != 0) {
		free(to);
		return rc;
	}
	g->state = to;
	return 0;
}

static void
unload(struct vmf_global *g)
{
	free(g->state);
	g->state = NULL;
}

const struct vmf_global_ops vmf_gate_ops = {
	.width = width, .rows_max = ROWS_MOST, .want = want,
	/* A history that is not short is not made one, which takes arima's
	 * whole search. */
	.windows_max = WINDOWS, .steps_min = VMF_SHORT_STEPS,
	.sample = sample, .learn = learn, .load = load, .unload = unload,
};
