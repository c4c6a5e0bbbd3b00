/* SPDX-License-Identifier: MIT */
/* Learning one outcome: kriging, trees, and what was held out from both. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/thread.h"
#include "downtime/downtime_in.h"
#include "forecast/quantile.h"

#define FOLDS 5
#define WORK_FOLDS 20		/* of workloads */
#define LEAST 0.5		/* of ms and bytes: their logarithm is taken */

/* ---- what is learned from ---- */

/* One outcome's rows, by configuration: those of config c are row[at[c]] to
 * row[at[c + 1] - 1]. */
struct table {
	const struct vmf_past *past;
	enum vmf_outcome t;
	int64_t n, n_configs;
	int64_t *row, *at;
	struct vmf_site *site;	/* by config */
	int32_t *work;		/* by config */
	double *y, *sure;	/* by place in row: logarithms of the outcome
				 * and of arithmetic's */
	float *x;		/* by place: columns but the last two */
	int n_cols;
	const struct vmf_downtime *m;
	unsigned without;	/* facts */
	const struct vmf_down_opts *o;
};

static void
table_free(struct table *d)
{
	free(d->row);
	free(d->at);
	free(d->site);
	free(d->work);
	free(d->y);
	free(d->sure);
	free(d->x);
}

/* The mean of the numbers of a config's rows. */
static void
mean_site(struct vmf_site *s, const struct vmf_site *row, int64_t n)
{
	for (int k = 0; k < VMF_SITE_Z; k++) {
		double sum = 0.0;
		int64_t known = 0;

		for (int64_t i = 0; i < n; i++)
			if (!isnan(row[i].z[k])) {
				sum += row[i].z[k];
				known++;
			}
		s->z[k] = known > 0 ? sum / (double)known : NAN;
	}
	s->trend = 0.0;
	for (int64_t i = 0; i < n; i++)
		s->trend += row[i].trend / (double)n;
}

/* Rows into the order of their configurations. */
static int
order_rows(struct table *d, const uint8_t *use, struct vmf_err *e)
{
	const struct vmf_past *p = d->past;
	int64_t n_all = p->configs.n, *count, *first;
	int rc = VMF_ENOMEM;

	count = vmf_calloc(n_all, (int64_t)sizeof(*count), e);
	first = vmf_calloc(n_all + 1, (int64_t)sizeof(*first), e);
	d->row = vmf_calloc(p->n, (int64_t)sizeof(*d->row), e);
	d->at = vmf_calloc(n_all + 1, (int64_t)sizeof(*d->at), e);
	if (count == NULL || first == NULL || d->row == NULL ||
	    d->at == NULL)
		goto done;
	rc = 0;
	for (int64_t i = 0; i < p->n; i++)
		if (!isnan(p->out[i][d->t]) &&
		    (use == NULL || use[p->config[i]]))
			count[p->config[i]]++;
	for (int64_t c = 0; c < n_all; c++) {
		first[c] = d->n;
		if (count[c] > 0)
			d->at[d->n_configs++] = d->n;
		d->n += count[c];
	}
	d->at[d->n_configs] = d->n;
	for (int64_t i = 0; i < p->n; i++)
		if (!isnan(p->out[i][d->t]) &&
		    (use == NULL || use[p->config[i]]))
			d->row[first[p->config[i]]++] = i;
done:
	free(count);
	free(first);
	return rc;
}

static int
table_make(struct table *d, const uint8_t *use, struct vmf_err *e)
{
	const struct vmf_past *p = d->past;
	struct vmf_tokens *tokens = (struct vmf_tokens *)&d->m->tokens;
	struct vmf_site *site;
	int rc = order_rows(d, use, e);

	if (rc != 0)
		return rc;
	d->n_cols = vmf_down_columns(d->m);
	d->site = vmf_calloc(d->n_configs, (int64_t)sizeof(*d->site), e);
	d->work = vmf_calloc(d->n_configs, (int64_t)sizeof(*d->work), e);
	d->y = vmf_calloc(d->n, (int64_t)sizeof(*d->y), e);
	d->sure = vmf_calloc(d->n, (int64_t)sizeof(*d->sure), e);
	d->x = vmf_calloc(d->n * d->n_cols, (int64_t)sizeof(*d->x), e);
	site = vmf_calloc(d->n, (int64_t)sizeof(*site), e);
	if (d->site == NULL || d->work == NULL || d->y == NULL ||
	    d->sure == NULL || d->x == NULL || site == NULL) {
		free(site);
		return VMF_ENOMEM;
	}
	for (int64_t k = 0; rc == 0 && k < d->n; k++) {
		int64_t i = d->row[k];
		struct vmf_facts f = vmf_down_mask(&p->facts[i], d->without);
		struct vmf_precopy pre = vmf_facts_precopy(&f, p->words);

		d->y[k] = log(fmax(p->out[i][d->t], LEAST));
		d->sure[k] = log(vmf_precopy_outcome(&pre, d->t));
		rc = vmf_site_make(&site[k], tokens, &f, p->words, false, e);
		vmf_down_fill(d->m, &site[k], &pre, d->t,
		    d->x + k * d->n_cols);
	}
	for (int64_t c = 0; rc == 0 && c < d->n_configs; c++) {
		int64_t from = d->at[c];

		d->site[c] = site[from];
		d->work[c] = site[from].workload;
		mean_site(&d->site[c], site + from, d->at[c + 1] - from);
	}
	free(site);
	return rc;
}

/* ---- one fit ---- */

/* One booster to train. */
struct job {
	struct vmf_boost_opts opts;
	struct vmf_boost_data data;
	struct vmf_boost **out;
};

static int
train_job(void *arg, int64_t k, struct vmf_err *e)
{
	struct job *j = (struct job *)arg + k;

	return vmf_boost_train(&j->opts, &j->data, NULL, j->out, e);
}

/*
 * From a first try.  Many trees that lose less on folds within those that
 * BENCHMARKS.md reports (more columns a tree, smaller leaves) had larger
 * errors of the median there and on the reported ones, and so had few with
 * more columns a tree.  Which of the two an outcome has, or both, is found
 * when it is learned.
 */
static struct vmf_boost_opts
tree_opts(int many, int j, int64_t seed)
{
	return (struct vmf_boost_opts){ .loss = VMF_BOOST_PINBALL,
	    .quantile = vmf_down_level(j), .n_rounds = many ? 100 : 60,
	    .depth = many ? 4 : 3, .eta = many ? 0.2 : 0.1, .l2 = 10.0,
	    .min_weight = 100.0, .row_share = 0.7, .col_share = 0.3,
	    .seed = seed * LEVELS + j };
}

struct counted {
	int64_t n, c;
};

static int
counted_cmp(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	return x->n != y->n ? (x->n > y->n ? -1 : 1) :
	    (x->c > y->c) - (x->c < y->c);
}

/* Of the configs that are in, those with the most rows: kriging takes the
 * cube of their number. */
static int
keep_sites(const struct table *d, const uint8_t *in, struct vmf_down_part *p,
    struct vmf_err *e)
{
	struct counted *k = vmf_calloc(d->n_configs, (int64_t)sizeof(*k), e);
	int64_t n = 0;

	p->kept = vmf_calloc(d->n_configs, 1, e);
	if (k == NULL || p->kept == NULL) {
		free(k);
		return VMF_ENOMEM;
	}
	for (int64_t c = 0; c < d->n_configs; c++)
		if (in[c])
			k[n++] = (struct counted){ d->at[c + 1] - d->at[c],
			    c };
	qsort(k, (size_t)n, sizeof(*k), counted_cmp);
	for (int64_t i = 0; i < n && i < VMF_SITES_MAX; i++)
		p->kept[k[i].c] = 1;
	free(k);
	return 0;
}

/* Kriging on each quantile of the configs that are in. */
static int
fit_krig(const struct table *d, const uint8_t *in,
    const struct vmf_krig_opts *opts, struct vmf_down_part *p,
    struct vmf_err *e)
{
	int64_t n = 0, most = 0;
	struct vmf_site *site;
	double *v, *w, *tmp;
	int rc = VMF_ENOMEM;

	for (int64_t c = 0; c < d->n_configs; c++)
		if (d->at[c + 1] - d->at[c] > most)
			most = d->at[c + 1] - d->at[c];
	site = vmf_calloc(d->n_configs, (int64_t)sizeof(*site), e);
	v = vmf_calloc(d->n_configs * LEVELS, (int64_t)sizeof(*v), e);
	w = vmf_calloc(d->n_configs, (int64_t)sizeof(*w), e);
	tmp = vmf_calloc(2 * most, (int64_t)sizeof(*tmp), e);
	if (site == NULL || v == NULL || w == NULL || tmp == NULL ||
	    keep_sites(d, in, p, e) != 0)
		goto done;
	for (int64_t c = 0; c < d->n_configs; c++) {
		int64_t from = d->at[c], m = d->at[c + 1] - from;

		if (!p->kept[c])
			continue;
		for (int64_t k = 0; k < m; k++)
			tmp[k] = d->y[from + k] - d->sure[from + k];
		vmf_sort_doubles(tmp, tmp + m, m);
		for (int j = 0; j < LEVELS; j++)
			v[n * LEVELS + j] = vmf_quantile_sorted(tmp, m,
			    vmf_down_level(j));
		w[n] = (double)m;
		site[n++] = d->site[c];
	}
	rc = vmf_krig_fit_all(p->krig, LEVELS, site, v, w, n, opts, true, e);
done:
	free(site);
	free(v);
	free(w);
	free(tmp);
	return rc;
}

/* The rows that are in, as the trees see them. */
struct rows {
	int64_t n;
	float *x, *y;
	float *base;		/* by kind of trees and level */
	double (*r)[LEVELS], *sorted;
};

static void
rows_free(struct rows *s)
{
	free(s->x);
	free(s->y);
	free(s->base);
	free(s->r);
	free(s->sorted);
}

static int
rows_make(const struct table *d, const uint8_t *in,
    const struct vmf_down_part *p,
    struct rows *s, struct vmf_err *e)
{
	double v[LEVELS], sd, *tmp = vmf_calloc(2 * p->krig[0].n,
	    (int64_t)sizeof(*tmp), e);
	int64_t site = 0;
	int nc = d->n_cols;

	s->x = vmf_calloc(d->n * nc, (int64_t)sizeof(*s->x), e);
	s->y = vmf_calloc(d->n, (int64_t)sizeof(*s->y), e);
	s->base = vmf_calloc(d->n * LEVELS * 2, (int64_t)sizeof(*s->base),
	    e);
	s->r = vmf_calloc(d->n, (int64_t)sizeof(*s->r), e);
	s->sorted = vmf_calloc(2 * d->n, (int64_t)sizeof(*s->sorted), e);
	if (tmp == NULL || s->x == NULL || s->y == NULL || s->base == NULL ||
	    s->r == NULL || s->sorted == NULL) {
		free(tmp);
		return VMF_ENOMEM;
	}
	for (int64_t c = 0; c < d->n_configs; c++) {
		if (!in[c])
			continue;
		if (p->kept[c]) {
			for (int j = 0; j < LEVELS; j++)
				v[j] = p->krig[j].loo[site];
			sd = p->krig[LEVELS / 2].loo_sd[site++];
		} else {
			vmf_krig_at_all(p->krig, LEVELS, &d->site[c], tmp, v,
			    &sd);
		}
		for (int64_t k = d->at[c]; k < d->at[c + 1]; k++) {
			float *x = s->x + s->n * nc;

			memcpy(x, d->x + k * nc, (size_t)(nc - 2) *
			    sizeof(*x));
			for (int j = 0; j < LEVELS; j++)
				s->r[s->n][j] = d->sure[k] + v[j];
			x[nc - 2] = (float)s->r[s->n][LEVELS / 2];
			x[nc - 1] = (float)sd;
			s->y[s->n++] = (float)d->y[k];
		}
	}
	free(tmp);
	return 0;
}

/* Where each level begins. */
static void
find_bases(struct rows *s, struct vmf_down_part *p)
{
	for (int k = 0; k < 2 * LEVELS; k++) {
		int many = k / LEVELS, j = k % LEVELS;

		for (int64_t i = 0; i < s->n; i++)
			s->sorted[i] = (double)s->y[i] -
			    (many ? 0.0 : s->r[i][j]);
		vmf_sort_doubles(s->sorted, s->sorted + s->n, s->n);
		p->base[many][j] = vmf_quantile_sorted(s->sorted, s->n,
		    vmf_down_level(j));
		for (int64_t i = 0; i < s->n; i++)
			s->base[k * s->n + i] = (float)(p->base[many][j] +
			    (many ? 0.0 : s->r[i][j]));
	}
}

/* Learn from the configs that are in; p->trees says how. */
static int
part_fit(const struct table *d, const uint8_t *in,
    const struct vmf_krig_opts *opts, struct vmf_down_part *p,
    struct vmf_err *e)
{
	struct job job[2 * LEVELS];
	struct rows s = { 0 };
	int n = 0, rc;

	if ((rc = fit_krig(d, in, opts, p, e)) != 0 ||
	    (rc = rows_make(d, in, p, &s, e)) != 0)
		goto done;
	find_bases(&s, p);
	for (int k = 0; k < 2 * LEVELS && p->trees != VMF_DOWN_NONE; k++)
		if (vmf_down_has(p->trees, k / LEVELS))
			job[n++] = (struct job){
			    .opts = tree_opts(k / LEVELS, k % LEVELS,
			    d->o->seed), .data = { s.x, s.n, d->n_cols, s.y,
			    NULL, s.base + k * s.n },
			    .out = &p->tree[k / LEVELS][k % LEVELS] };
	rc = vmf_each(n, d->o->threads, train_job, job, e);
done:
	rows_free(&s);
	return rc;
}

/* Predict the rows of config c of the table by a part that was fitted without
 * it: levels in the logarithm into out, kriging's deviation into far. */
static int
part_config(const struct table *d, const struct vmf_down_part *p, int64_t c,
    float *x, double (*r)[LEVELS], double *tmp, double (*out)[LEVELS],
    double *far, struct vmf_err *e)
{
	int64_t from = d->at[c], n = d->at[c + 1] - from;
	double v[LEVELS], sd;

	vmf_krig_at_all(p->krig, LEVELS, &d->site[c], tmp, v, &sd);
	memcpy(x, d->x + from * d->n_cols, (size_t)(n * d->n_cols) *
	    sizeof(*x));
	for (int64_t i = 0; i < n; i++) {
		for (int j = 0; j < LEVELS; j++)
			r[i][j] = d->sure[from + i] + v[j];
		far[from + i] = sd;
		x[(i + 1) * d->n_cols - 2] = (float)r[i][LEVELS / 2];
		x[(i + 1) * d->n_cols - 1] = (float)sd;
	}
	return vmf_down_part_at(p, x, d->n_cols, r, n, out + from, e);
}

/* ---- held out ---- */

/* Levels of every row by parts that were learned without its fold, and how
 * far kriging's deviation is: group[c] is that of config c, of n.  Rows of
 * configs whose fold leaves nothing to learn from stay NaN. */
static int
held_out(const struct table *d, const int64_t *group, int64_t n,
    enum vmf_down_trees trees, const struct vmf_krig_opts *opts,
    double (*q)[LEVELS], double *far, struct vmf_err *e)
{
	uint8_t *in = vmf_calloc(d->n_configs, 1, e);
	float *x = vmf_calloc(d->n * d->n_cols, (int64_t)sizeof(*x), e);
	double (*r)[LEVELS] = vmf_calloc(d->n, (int64_t)sizeof(*r), e);
	double *tmp = vmf_calloc(2 * d->n_configs, (int64_t)sizeof(*tmp), e);
	int rc = in == NULL || x == NULL || r == NULL || tmp == NULL ?
	    VMF_ENOMEM : 0;

	for (int64_t g = 0; rc == 0 && g < n; g++) {
		struct vmf_down_part p = { .trees = trees };
		int64_t left = 0;

		for (int64_t c = 0; c < d->n_configs; c++)
			left += in[c] = group[c] != g;
		if (left > 0)
			rc = part_fit(d, in, opts, &p, e);
		for (int64_t c = 0; rc == 0 && c < d->n_configs; c++)
			if (!in[c] && left > 0)
				rc = part_config(d, &p, c, x, r, tmp, q, far,
				    e);
		vmf_down_part_free(&p);
	}
	free(in);
	free(x);
	free(r);
	free(tmp);
	return rc;
}

static double
pinball(double y, double q, double p)
{
	return y > q ? p * (y - q) : (1.0 - p) * (q - y);
}

static double
mean_loss(const struct table *d, double (*q)[LEVELS])
{
	double sum = 0.0;

	for (int64_t i = 0; i < d->n; i++)
		for (int j = 0; j < LEVELS; j++)
			sum += pinball(d->y[i], q[i][j], vmf_down_level(j));
	return sum / (double)(d->n * LEVELS);
}

struct scored {
	double score, weight;
};

static int
scored_cmp(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	return (x->score > y->score) - (x->score < y->score);
}

/*
 * By how much of its width each level misses what it claims: of the rows'
 * scores, weighted, the quantile of the level. The levels are sorted.
 */
static int
find_shift(const struct table *d, double (*q)[LEVELS], const double *far,
    const double *weight, double shift[LEVELS], struct vmf_err *e)
{
	struct scored *s = vmf_calloc(d->n, (int64_t)sizeof(*s), e);

	if (s == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < d->n; i++)
		vmf_down_sort(q[i]);
	for (int j = 0; j < LEVELS; j++) {
		double sum = 0.0, all = 0.0;
		int64_t n = 0, k = 0;

		for (int64_t i = 0; i < d->n; i++) {
			if (isnan(q[i][j]) || (weight != NULL &&
			    !(weight[i] > 0.0)))
				continue;
			s[n++] = (struct scored){ (d->y[i] - q[i][j]) /
			    vmf_down_unit(q[i], far == NULL ? 0.0 : far[i]),
			    weight == NULL ? 1.0 : weight[i] };
			all += s[n - 1].weight;
		}
		qsort(s, (size_t)n, sizeof(*s), scored_cmp);
		while (k < n - 1 &&
		    sum + s[k].weight < vmf_down_level(j) * all)
			sum += s[k++].weight;
		shift[j] = n > 0 ? s[k].score : 0.0;
	}
	free(s);
	return 0;
}

struct drawn {
	uint64_t key;
	int64_t c;
};

static int
drawn_cmp(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	return x->key != y->key ? (x->key < y->key ? -1 : 1) :
	    (x->c > y->c) - (x->c < y->c);
}

/* Deal n configs, or workloads, to folds at random. */
static int
deal(int64_t *group, int64_t n, int64_t folds, int64_t seed,
    struct vmf_err *e)
{
	struct drawn *k = vmf_calloc(n, (int64_t)sizeof(*k), e);

	if (k == NULL)
		return VMF_ENOMEM;
	for (int64_t c = 0; c < n; c++)
		k[c] = (struct drawn){ vmf_mix64((uint64_t)c + 1 +
		    (uint64_t)seed * VMF_RNG_STEP), c };
	qsort(k, (size_t)n, sizeof(*k), drawn_cmp);
	for (int64_t c = 0; c < n; c++)
		group[k[c].c] = c % folds;
	free(k);
	return 0;
}

/* Number the workloads as they come, from 0: work[c] is that of config c.
 * Returns how many there are. */
static int64_t
number_works(const struct table *d, int64_t *work, struct vmf_err *e)
{
	int64_t n_codes = d->m->words[VMF_WORD_WORKLOAD].n, n = 0;
	/* By code, and one of no workload: its number + 1. */
	int64_t *seen = vmf_calloc(n_codes + 1, (int64_t)sizeof(*seen), e);

	if (seen == NULL)
		return VMF_ENOMEM;
	for (int64_t c = 0; c < d->n_configs; c++) {
		int64_t code = d->work[c] < 0 ? n_codes : d->work[c];

		if (seen[code] == 0)
			seen[code] = ++n;
		work[c] = seen[code] - 1;
	}
	free(seen);
	return n;
}

/*
 * The correction for workloads that are not known: those that are, held out
 * as a whole, one by one or, where they are many, in as many folds as are
 * worth a fit each; their scores pooled, each workload with the same weight
 * (two layers, by pooled distributions: Dunn, Wasserman and Ramdas,
 * "Distribution-Free Prediction Sets for Two-Layer Hierarchical Models",
 * 2022); never narrower than for known ones.  Fewer than three tell nothing
 * of others: the interval becomes twice as wide.
 */
static int
shift_strange(const struct table *d, int64_t *group, double (*q)[LEVELS],
    double *far, const struct vmf_krig_opts *opts, struct vmf_down_target *t,
    struct vmf_err *e)
{
	double *weight, *rows, *own = t->shift[1];
	int64_t *work, *fold = NULL, n = 0;
	int rc = VMF_ENOMEM;

	for (int j = 0; j < LEVELS; j++)
		own[j] = t->shift[0][j] + 0.5 * (j - LEVELS / 2) /
		    (double)(LEVELS / 2);
	weight = vmf_calloc(d->n, (int64_t)sizeof(*weight), e);
	rows = vmf_calloc(d->n_configs, (int64_t)sizeof(*rows), e);
	work = vmf_calloc(d->n_configs, (int64_t)sizeof(*work), e);
	fold = vmf_calloc(d->n_configs, (int64_t)sizeof(*fold), e);
	if (weight == NULL || rows == NULL || work == NULL || fold == NULL ||
	    (n = number_works(d, work, e)) < 0)
		goto done;
	rc = 0;
	if (n < 3)
		goto done;
	for (int64_t w = 0; w < n; w++)
		fold[w] = w;
	if (n > WORK_FOLDS && (rc = deal(fold, n, WORK_FOLDS, d->o->seed,
	    e)) != 0)
		goto done;
	for (int64_t c = 0; c < d->n_configs; c++) {
		group[c] = fold[work[c]];
		rows[work[c]] += (double)(d->at[c + 1] - d->at[c]);
	}
	rc = held_out(d, group, n < WORK_FOLDS ? n : WORK_FOLDS, t->trees,
	    opts, q, far, e);
	for (int64_t c = 0; rc == 0 && c < d->n_configs; c++)
		for (int64_t i = d->at[c]; i < d->at[c + 1]; i++)
			weight[i] = 1.0 / rows[work[c]];
	if (rc == 0)
		rc = find_shift(d, q, far, weight, own, e);
	for (int j = 0; rc == 0 && j < LEVELS; j++)
		own[j] = j > LEVELS / 2 ? fmax(own[j], t->shift[0][j]) :
		    j < LEVELS / 2 ? fmin(own[j], t->shift[0][j]) : own[j];
done:
	free(weight);
	free(rows);
	free(work);
	free(fold);
	return rc;
}

/* ---- one outcome ---- */

/* Which trees do best on what was held out; its levels are left in q. */
static int
choose_trees(const struct table *d, const int64_t *group,
    const struct vmf_krig_opts *opts, double (*q)[LEVELS], double *far,
    struct vmf_down_target *t, struct vmf_err *e)
{
	bool none = d->o->no_trees || vmf_boost_version((char[32]){ 0 },
	    32) == NULL;
	double (*of)[LEVELS] = vmf_calloc(VMF_N_DOWN_TREES * d->n,
	    (int64_t)sizeof(*of), e);
	int rc = of == NULL ? VMF_ENOMEM : 0;

	for (int k = 0; rc == 0 && k < VMF_N_DOWN_TREES; k++) {
		double (*own)[LEVELS] = of + k * d->n;

		t->loss[k] = NAN;
		if (k != VMF_DOWN_NONE && none)
			continue;
		if (k != VMF_DOWN_BOTH)
			rc = held_out(d, group, FOLDS, (enum vmf_down_trees)k,
			    opts, own, far, e);
		for (int64_t i = 0; k == VMF_DOWN_BOTH && i < d->n; i++)
			for (int j = 0; j < LEVELS; j++)
				own[i][j] = 0.5 * own[i - 2 * d->n][j] +
				    0.5 * own[i - d->n][j];
		t->loss[k] = mean_loss(d, own);
		if (t->loss[k] < t->loss[t->trees])
			t->trees = (enum vmf_down_trees)k;
	}
	if (rc == 0)
		memcpy(q, of + t->trees * d->n, (size_t)d->n * sizeof(*q));
	free(of);
	return rc;
}

static int
learn_target(const struct table *d, struct vmf_down_target *t,
    struct vmf_err *e)
{
	struct vmf_krig_opts opts[LEVELS];
	struct vmf_down_part p = { 0 };
	int64_t *group = vmf_calloc(d->n_configs, (int64_t)sizeof(*group),
	    e);
	double (*q)[LEVELS] = vmf_calloc(d->n, (int64_t)sizeof(*q), e);
	double *far = vmf_calloc(d->n, (int64_t)sizeof(*far), e);
	uint8_t *in = vmf_calloc(d->n_configs, 1, e);
	int rc = VMF_ENOMEM;

	if (group == NULL || q == NULL || far == NULL || in == NULL)
		goto done;
	memset(in, 1, (size_t)d->n_configs);
	/* The options of likeness are those of all; what is held out is
	 * held out of the rest. */
	if ((rc = fit_krig(d, in, NULL, &p, e)) != 0)
		goto done;
	for (int j = 0; j < LEVELS; j++)
		opts[j] = p.krig[j].opts;
	vmf_down_part_free(&p);
	p = (struct vmf_down_part){ 0 };
	if (d->n_configs >= 2 * FOLDS) {
		if ((rc = deal(group, d->n_configs, FOLDS,
		    d->o->seed, e)) != 0 ||
		    (rc = choose_trees(d, group, opts, q, far, t, e)) != 0 ||
		    (rc = find_shift(d, q, NULL, NULL, t->shift[0], e)) != 0)
			goto done;
	}
	for (int64_t i = 0; i < d->n; i++)
		for (int j = 0; j < LEVELS; j++)
			q[i][j] = NAN;
	if ((rc = shift_strange(d, group, q, far, opts, t, e)) != 0)
		goto done;
	p.trees = t->trees;
	if ((rc = part_fit(d, in, opts, &p, e)) != 0)
		goto done;
	t->n = d->n;
	t->n_configs = d->n_configs;
	memcpy(t->krig, p.krig, sizeof(t->krig));
	free(p.kept);
	memcpy(t->base, p.base, sizeof(t->base));
	memcpy(t->tree, p.tree, sizeof(t->tree));
	p = (struct vmf_down_part){ 0 };
done:
	vmf_down_part_free(&p);
	free(group);
	free(q);
	free(far);
	free(in);
	return rc;
}

int
vmf_down_learn_target(const struct vmf_downtime *m, enum vmf_outcome t,
    const struct vmf_past *past, const uint8_t *use, unsigned without,
    const struct vmf_down_opts *o, struct vmf_down_target *to,
    struct vmf_err *e)
{
	struct table d = { .past = past, .m = m, .without = without, .o = o,
	    .t = t };
	int rc = table_make(&d, use, e);

	if (rc == 0 && d.n > 0)
		rc = learn_target(&d, to, e);
	table_free(&d);
	return rc;
}
