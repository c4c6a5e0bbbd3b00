/* SPDX-License-Identifier: MIT */
#include "forecast/gate.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "forecast/kq_shares.h"
#include "forecast/score.h"
#include "learn/tilt.h"

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
/* How strongly tilts of clusters are drawn to 0, of a fleet of one VM: so much
 * less of more VMs, of which each tells something of the others. */
#define PULL 1.0f
/* How much wider intervals may be, in steps; and what the square of so many
 * steps costs a cluster of one VM, in parts of the loss.  Narrower ones lost
 * less as well, but came short of what they say. */
#define WIDER_STEP 0.04
#define WIDER_PULL 0.02
/* Steps of learning add up to less. */
#define TILT_MOST 20.0
#define VERSION 3

enum { WIDTH = sizeof(struct vmf_mixer_row) / sizeof(float),
    MEDIAN = 6, LOW = 2, HIGH = 10 };	/* of vmf_kq_levels */
_Static_assert(2 * VMF_KQ_FAMILIES + 2 <= VMF_MIXER_IN, "room");
_Static_assert((int)VMF_GATE_GROUPS == (int)VMF_KQ_GROUPS, "the same");
/* What a row's own numbers are: the VM's traits, and the group of leads. */
enum { SIZE, VARY, GROUP,
    /* and what deciles below (above) the median lose with intervals so much
     * wider at that end */
    LOWER, WIDERS = 4, UPPER = LOWER + WIDERS };
_Static_assert((int)UPPER + (int)WIDERS == (int)VMF_MIXER_OWN, "room");

static double
wider_of(int step)
{
	return WIDER_STEP * step;
}

double
vmf_gate_wider(const struct vmf_gate *g, struct vmf_trait t, bool upper)
{
	return (double)g->wider[upper][vmf_cluster_of(&g->clusters, t)];
}

const char *
vmf_gate_part(int k)
{
	return k < VMF_GATE_OTHER ? vmf_kq_families[k] : "others";
}

static float
log_mass(float mass)
{
	return logf(mass + 1e-3f);
}

/* The numbers that describe a lead: medians and widths in parts of the VM's
 * size, shares, how far ahead, and the level. */
static void
describe(const struct vmf_kq_part *p, int64_t day, float *x)
{
	float unit = p->trait.size > 1e-30f ?
	    p->trait.size : 1e-30f;
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
		x[2] = log_mass(p->mass[0][k]);
		x[3] = log_mass(p->mass[1][k]);
	}
	x[0] = log1pf((float)p->lead * 24.0f / (float)day);
	x[1] = asinhf(mid / unit);
}

static int
group_of(int64_t lead, int64_t day)
{
	int k = 0;

	while (k < VMF_KQ_GROUPS - 1 && lead >= vmf_kq_end(k, day))
		k++;
	return k;
}

/* What tilts of these kinds make of a mass. */
static void
tilt_of(const struct vmf_gate *g, int group, int cluster,
    float factor[VMF_GATE_PARTS])
{
	for (int k = 0; k < VMF_GATE_PARTS; k++)
		factor[k] = expf(g->tilt[group][k] +
		    g->tilt[VMF_GATE_GROUPS + cluster][k]);
}

void
vmf_gate_factors(const struct vmf_gate *g, const struct vmf_kq_part *p,
    int64_t day, float factor[2][VMF_GATE_PARTS])
{
	float x[VMF_MIXER_IN], net[VMF_GATE_PARTS] = { 0.0f };
	struct vmf_kq_part tilted = *p;

	tilt_of(g, group_of(p->lead, day), vmf_cluster_of(&g->clusters,
	    p->trait), factor[0]);
	for (int k = 0; k < VMF_GATE_PARTS; k++)
		tilted.mass[0][k] *= factor[0][k];
	describe(&tilted, day, x);
	for (int i = 0; i < VMF_GATE_NETS && g->part > 0.0f; i++)
		vmf_mixer_ask(&g->net[i], x, net);
	for (int k = 0; k < VMF_GATE_PARTS; k++) {
		factor[1][k] = expf(net[k] * g->part / VMF_GATE_NETS);
		factor[0][k] *= factor[1][k];
	}
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

/* The mixture of a lead's parts as ascending atoms: values, and masses added
 * up. */
struct atoms {
	int n;
	float v[VMF_GATE_PARTS * VMF_KQ_LEVELS];
	double upto[VMF_GATE_PARTS * VMF_KQ_LEVELS];
};

static void
put_together(const struct vmf_kq_part *p, struct atoms *x)
{
	int at[VMF_GATE_PARTS] = { 0 };
	double sum = 0.0;

	for (x->n = 0;;) {
		int next = -1;

		for (int k = 0; k < VMF_GATE_PARTS; k++)
			if (p->mass[0][k] > 0.0f && at[k] < VMF_KQ_LEVELS &&
			    (next < 0 || p->q[k][at[k]] <
			    p->q[next][at[next]]))
				next = k;
		if (next < 0)
			return;
		sum += (double)(p->mass[0][next] *
		    vmf_kq_level_mass[at[next]]);
		x->v[x->n] = p->q[next][at[next]++];
		x->upto[x->n++] = sum;
	}
}

/* 2 x pinball losses of the deciles but the median, over nine, with intervals
 * of each width, in units: into own[]. */
static void
try_widths(const struct vmf_kq_part *p, double y, float *own)
{
	struct atoms x;

	put_together(p, &x);
	for (int w = 0; w < WIDERS && x.n > 0; w++) {
		double sum[2] = { 0.0, 0.0 };
		int i = 0;

		for (int j = 0; j < VMF_GATE_DECILES; j++) {
			double at = (j + 1) / 10.0, d;
			double to = vmf_kq_widen(at, p->level[j],
			    wider_of(w)) * x.upto[x.n - 1];

			if (j == VMF_GATE_DECILES / 2)
				continue;
			while (i < x.n - 1 && x.upto[i] < to)
				i++;
			d = y - (double)x.v[i];
			sum[j > VMF_GATE_DECILES / 2] += 2.0 *
			    (d > 0.0 ? at * d : (at - 1.0) * d);
		}
		own[LOWER + w] = (float)(sum[0] / VMF_GATE_DECILES /
		    (double)p->trait.size);
		own[UPPER + w] = (float)(sum[1] / VMF_GATE_DECILES /
		    (double)p->trait.size);
	}
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
		struct vmf_mixer_row row = { .own = { [SIZE] = p->trait.size,
		    [VARY] = p->trait.vary,
		    [GROUP] = (float)group_of(p->lead, day) } };
		float *rec, unit = p->trait.size;
		double y = w->after[p->lead];
		int rc, pair = 0;

		if (isnan(y) || !(unit > 1e-30f))
			continue;
		describe(p, day, row.x);
		try_widths(p, y, row.own);
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

/* Room for what rows are without tilts, and of which kinds. */
struct kinds {
	float (*was)[VMF_GATE_PARTS];
	uint8_t (*kind)[VMF_TILT_KINDS];
	float *weight;
	struct vmf_trait *trait;
};

static void
kinds_free(struct kinds *x)
{
	free(x->was);
	free(x->kind);
	free(x->weight);
	free(x->trait);
}

static int
kinds_make(struct kinds *x, const struct vmf_mixer_row *row, int64_t n,
    struct vmf_err *e)
{
	x->was = vmf_calloc(n, (int64_t)sizeof(*x->was), e);
	x->kind = vmf_calloc(n, (int64_t)sizeof(*x->kind), e);
	x->weight = vmf_calloc(n, (int64_t)sizeof(*x->weight), e);
	x->trait = vmf_calloc(n, (int64_t)sizeof(*x->trait), e);
	if (x->was == NULL || x->kind == NULL || x->weight == NULL ||
	    x->trait == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		memcpy(x->was[i], row[i].mass[0], sizeof(*x->was));
		x->weight[i] = row[i].weight[0];
		x->trait[i] = (struct vmf_trait){ row[i].own[SIZE],
		    row[i].own[VARY] };
	}
	return 0;
}

/* Clusters of all n rows' VMs, and the kinds of each row. */
static int
find_clusters(struct vmf_gate *to, const struct vmf_mixer_row *row, int64_t n,
    struct kinds *x, struct vmf_err *e)
{
	int rc = vmf_clusters_find(&to->clusters, x->trait, n, e);

	for (int64_t i = 0; i < n && rc == 0; i++) {
		x->kind[i][0] = (uint8_t)row[i].own[GROUP];
		x->kind[i][1] = (uint8_t)(VMF_GATE_GROUPS +
		    vmf_cluster_of(&to->clusters, x->trait[i]));
	}
	return rc;
}

/* Tilts by the first n of n_all rows, all of which get the masses they have
 * without; cluster_gain is what they take off the loss of the last n_test. */
static int
learn_tilts(struct vmf_gate *to, struct vmf_mixer_row *row, int64_t n,
    int64_t n_all, int64_t n_test, int64_t n_series, struct kinds *x,
    struct vmf_err *e)
{
	struct vmf_tilt_rows r = { .n = n, .row = row, .weight = x->weight,
	    .kind = x->kind };
	double before, after;
	int rc;

	for (int64_t i = 0; i < n_all; i++)
		memcpy(row[i].mass[0], x->was[i], sizeof(*x->was));
	if ((rc = vmf_tilt_learn(to->tilt, VMF_GATE_KINDS, &r, PULL /
	    (float)n_series, e)) != 0)
		return rc;
	r.n = n_test;
	r.row += n_all - n_test;
	r.weight += n_all - n_test;
	r.kind += n_all - n_test;
	before = vmf_tilt_loss(NULL, &r);
	after = vmf_tilt_loss(to->tilt, &r);
	to->cluster_gain = before > 0.0 ? (float)(1.0 - after / before) :
	    0.0f;
	return 0;
}

static void
no_tilts(struct vmf_gate *to)
{
	memset(to->tilt, 0, sizeof(to->tilt));
	to->cluster_gain = 0.0f;
}

/* The mean loss at one end in each cluster with each width, of the n rows
 * from `from`, and how many rows there are. */
static void
sum_widths(double sum[VMF_CLUSTERS][WIDERS], double count[VMF_CLUSTERS],
    const struct vmf_mixer_row *row, int64_t from, int64_t n, int end,
    const struct kinds *x)
{
	memset(sum, 0, VMF_CLUSTERS * sizeof(*sum));
	memset(count, 0, VMF_CLUSTERS * sizeof(*count));
	for (int64_t i = from; i < from + n; i++) {
		int c = x->kind[i][1] - VMF_GATE_GROUPS;

		for (int w = 0; w < WIDERS; w++)
			sum[c][w] += (double)(x->weight[i] *
			    row[i].own[end + w]);
		count[c] += 1.0;
	}
}

/* The width that a cluster loses least with at one end. */
static int
best_width(const double *sum, double count, double vms)
{
	double least = INFINITY;
	int best = 0;

	for (int w = 0; w < WIDERS && count > 0.0; w++) {
		double loss = sum[w] / count + WIDER_PULL / vms * w * w;

		if (loss < least) {
			least = loss;
			best = w;
		}
	}
	return best;
}

/*
 * Widths by the first n_learn of n rows, for those ends of clusters that lose
 * less by them in the last n_test, by GAIN of the loss at least; these then by
 * all rows.  wider_gain is what that takes off the loss of those deciles in
 * the last n_test, by which it was decided: a little more than elsewhere.
 */
static void
learn_widths(struct vmf_gate *to, const struct vmf_mixer_row *row, int64_t n,
    int64_t n_learn, int64_t n_test, int64_t n_series, const struct kinds *x)
{
	double learn[VMF_CLUSTERS][WIDERS], test[VMF_CLUSTERS][WIDERS];
	double all[VMF_CLUSTERS][WIDERS], before = 0.0, after = 0.0;
	double count[VMF_CLUSTERS], count_all[VMF_CLUSTERS];

	for (int u = 0; u < 2; u++) {
		int end = u == 0 ? LOWER : UPPER;

		sum_widths(test, count, row, n - n_test, n_test, end, x);
		sum_widths(all, count_all, row, 0, n, end, x);
		sum_widths(learn, count, row, 0, n_learn, end, x);
		for (int c = 0; c < VMF_CLUSTERS; c++) {
			double vms = count_all[c] / (double)n *
			    (double)n_series;
			int w = best_width(learn[c], count[c], vms);
			bool pays = test[c][w] < (1.0 - GAIN) * test[c][0];

			before += test[c][0];
			after += test[c][pays ? w : 0];
			to->wider[u][c] = pays ? (float)wider_of(best_width(
			    all[c], count_all[c], vms)) : 0.0f;
		}
	}
	to->wider_gain = before > after ? (float)(1.0 - after / before) :
	    0.0f;
}

/* The masses of rows as tilted, and what the networks are told of them. */
static void
tilt_rows(const struct vmf_gate *g, struct vmf_mixer_row *row, int64_t n,
    const struct kinds *x)
{
	for (int64_t i = 0; i < n; i++) {
		float factor[VMF_GATE_PARTS];

		tilt_of(g, x->kind[i][0], x->kind[i][1] - VMF_GATE_GROUPS,
		    factor);
		for (int k = 0; k < VMF_GATE_PARTS; k++) {
			row[i].mass[0][k] = x->was[i][k] * factor[k];
			row[i].x[4 * k + 2] = log_mass(row[i].mass[0][k]);
		}
	}
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
sum_up(struct vmf_gate *g, const struct vmf_mixer_row *row, int64_t n,
    const struct kinds *x)
{
	double sum[2][VMF_GATE_PARTS] = { { 0.0 } };
	double in[2][VMF_CLUSTERS][VMF_GATE_PARTS] = { { { 0.0 } } };
	double count[VMF_CLUSTERS] = { 0.0 };

	for (int64_t i = 0; i < n; i++) {
		float net[VMF_GATE_PARTS] = { 0.0f }, a[VMF_GATE_PARTS];
		double all = 0.0, was = 0.0, tilted = 0.0;
		int c = x->kind[i][1] - VMF_GATE_GROUPS;

		for (int k = 0; k < VMF_GATE_NETS && g->part > 0.0f; k++)
			vmf_mixer_ask(&g->net[k], row[i].x, net);
		for (int k = 0; k < VMF_GATE_PARTS; k++) {
			a[k] = row[i].mass[0][k] * expf(net[k] * g->part /
			    VMF_GATE_NETS);
			all += (double)a[k];
			was += (double)x->was[i][k];
			tilted += (double)row[i].mass[0][k];
		}
		for (int k = 0; k < VMF_GATE_PARTS; k++) {
			sum[0][k] += (double)x->was[i][k] / was;
			sum[1][k] += (double)a[k] / all;
			in[0][c][k] += (double)x->was[i][k] / was;
			in[1][c][k] += (double)row[i].mass[0][k] / tilted;
		}
		count[c] += 1.0;
	}
	for (int w = 0; w < 2; w++)
		for (int k = 0; k < VMF_GATE_PARTS; k++) {
			g->mass[w][k] = (float)(sum[w][k] / (double)n);
			for (int c = 0; c < VMF_CLUSTERS; c++)
				g->cluster[w][c][k] = count[c] > 0.0 ?
				    (float)(in[w][c][k] / count[c]) : 0.0f;
		}
}

enum { FLOATS = sizeof(struct vmf_gate) / sizeof(float),
    BYTES = 8 + 4 * FLOATS,
    SIZE_AT = offsetof(struct vmf_gate, clusters.size) / sizeof(float) };

static int put(struct vmf_buf *b, const struct vmf_gate *g,
    struct vmf_err *e);

/* Tilts, then networks: each is learned of the older windows, and where it
 * is worth something on the newest ones, of all of them.  Clusters, which
 * know nothing of what came, are those of all from the beginning. */
static int
learn_all(struct vmf_global *g, struct vmf_sample *s, struct vmf_gate *to,
    int64_t n_learn, int64_t n_test, struct kinds *y, struct vmf_err *e)
{
	struct vmf_mixer_row *row = (struct vmf_mixer_row *)(void *)s->rec;
	struct job x = { .to = to, .row = row, .n = n_learn,
	    .seed = (uint64_t)g->seed };
	double before, after;
	float gain;
	int rc;

	if ((rc = weigh(row, s, e)) != 0 || (rc = kinds_make(y, row, s->n,
	    e)) != 0 || (rc = find_clusters(to, row, s->n, y, e)) != 0 ||
	    (rc = learn_tilts(to, row, n_learn, s->n, n_test, g->n_series, y,
	    e)) != 0)
		return rc;
	learn_widths(to, row, s->n, n_learn, n_test, g->n_series, y);
	if (!(to->cluster_gain >= (float)GAIN))
		no_tilts(to);
	tilt_rows(to, row, s->n, y);
	if ((rc = vmf_each(VMF_GATE_NETS, g->how.threads, learn_one, &x,
	    e)) != 0)
		return rc;
	before = vmf_mixer_loss(to->net, VMF_GATE_NETS, 0.0f,
	    row + s->n - n_test, n_test);
	to->part = PART * (float)g->n_series / ((float)g->n_series + FEW);
	after = vmf_mixer_loss(to->net, VMF_GATE_NETS, to->part,
	    row + s->n - n_test, n_test);
	to->gain = before > 0.0 ? (float)(1.0 - after / before) : 0.0f;
	if (!(to->gain >= (float)GAIN)) {
		memset(to->net, 0, sizeof(to->net));
		to->gain = to->part = 0.0f;
	}
	if ((gain = to->cluster_gain) > 0.0f) {
		rc = learn_tilts(to, row, s->n, s->n, n_test, g->n_series, y,
		    e);
		to->cluster_gain = gain;
		tilt_rows(to, row, s->n, y);
	}
	x.n = s->n;
	if (rc == 0 && to->part > 0.0f)
		rc = vmf_each(VMF_GATE_NETS, g->how.threads, learn_one, &x,
		    e);
	if (rc != 0 || !(to->part + to->cluster_gain + to->wider_gain > 0.0f))
		return rc;
	sum_up(to, row, s->n, y);
	/* Loads near the end of what a float can say: no gate. */
	for (int i = 0; i < FLOATS; i++)
		if (!isfinite(((const float *)to)[i]))
			return 0;
	g->blob.n = 0;
	return put(&g->blob, to, e);
}

static int
learn(struct vmf_global *g, struct vmf_sample *s, struct vmf_err *e)
{
	int64_t n_learn, n_test;
	struct kinds x = { NULL, NULL, NULL, NULL };
	struct vmf_gate *to;
	int rc = vmf_sample_split(s, TEST_SHARE, &n_learn, &n_test, e);

	if (rc != 0 || n_learn < LEARN_MIN || n_test < TEST_MIN)
		return rc;
	to = vmf_calloc(1, (int64_t)sizeof(*to), e);
	rc = to == NULL ? VMF_ENOMEM : learn_all(g, s, to, n_learn, n_test,
	    &x, e);
	kinds_free(&x);
	free(to);
	return rc;
}

/* ---- bytes ---- */

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
		/* Clusters end at loads, which are in any unit. */
		if (!(fabsf(x) <= (i >= SIZE_AT && i < SIZE_AT +
		    VMF_CLUSTER_SIZES - 1 ? FLT_MAX : 1e9f)))
			return vmf_fail(e, VMF_EDATA, "auto's gate has %g as "
			    "number %d, which no fit makes", (double)x, i);
		memcpy((char *)g + 4 * (size_t)i, &x, 4);
	}
	for (int c = 0; c < 2 * VMF_CLUSTERS; c++) {
		double x = (double)g->wider[c % 2][c / 2];

		if (!(x >= 0.0 && x <= VMF_KQ_MORE + 1e-6))
			return vmf_fail(e, VMF_EDATA, "auto's gate makes "
			    "intervals wider by %g, which no fit does", x);
	}
	for (int c = 0; c < VMF_GATE_KINDS * VMF_GATE_PARTS; c++) {
		double x = (double)g->tilt[c / VMF_GATE_PARTS][c %
		    VMF_GATE_PARTS];

		if (!(fabs(x) <= TILT_MOST))
			return vmf_fail(e, VMF_EDATA, "auto's gate has a tilt "
			    "of %g, which no fit makes", x);
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
