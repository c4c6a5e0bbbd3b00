/* SPDX-License-Identifier: MIT */
#include "downtime/downtime_eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "forecast/quantile.h"

#define LEVELS VMF_DOWN_LEVELS

enum rival { LEARNED, WORKLOAD, ARITHMETIC, N_RIVALS };

int
vmf_down_eval_schema(struct vmf_schema *s, const struct vmf_schema *from,
    struct vmf_err *e)
{
	static const char *const numbers[] = { "median_rel", "p90_rel",
	    "p90_abs", "pinball", "pinball_log", "coverage10", "coverage50",
	    "coverage90", "spread" };
	int rc;

	if ((rc = vmf_schema_add(s, "model", VMF_UTF8, false, e)) < 0 ||
	    (rc = vmf_schema_add(s, "metric", VMF_UTF8, false, e)) < 0 ||
	    (rc = vmf_schema_add(s, "held_out", VMF_UTF8, false, e)) < 0 ||
	    (rc = vmf_schema_add(s, "n_folds", VMF_INT64, false, e)) < 0 ||
	    (rc = vmf_schema_add(s, "n_configs", VMF_INT64, false, e)) < 0 ||
	    (rc = vmf_schema_add(s, "n", VMF_INT64, false, e)) < 0)
		return rc;
	for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
		if ((rc = vmf_schema_add(s, numbers[k], VMF_FLOAT64, false,
		    e)) < 0)
			return rc;
	if ((rc = vmf_meta_set(&s->meta, "vmf:kind", "scores", e)) != 0)
		return rc;
	return vmf_meta_set(&s->meta, "vmf:history",
	    vmf_meta_get(&from->meta, "vmf:history"), e);
}

/* Everything about one run. */
struct run {
	const struct vmf_down_eval *v;
	const struct vmf_past *past;
	int64_t n_folds, n_held;	/* of these, with a config */
	int64_t *fold;		/* by config */
	uint8_t *seen;		/* room, by config */
	double (*q)[LEVELS];	/* by rival, outcome and row */
	double *tmp;		/* room for 2 n */
	double *tmp2;
};

static double (*levels_of(const struct run *r, enum rival k, int t))[LEVELS]
{
	return r->q + ((int64_t)k * VMF_N_OUTCOMES + t) * r->past->n;
}

/* A config, and its place in a random order: no two have the same key. */
struct card {
	uint64_t key;
	int64_t config;
};

static int
compare_cards(const void *a, const void *b)
{
	const struct card *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* Deal n configs to the folds, in a random order. */
static int
deal(struct run *r, int64_t n, struct vmf_err *e)
{
	struct card *card = vmf_calloc(n, (int64_t)sizeof(*card), e);
	uint64_t salt = 1000003u * (uint64_t)(r->v->opts.seed + 1);

	if (card == NULL)
		return VMF_ENOMEM;
	for (int64_t c = 0; c < n; c++)
		card[c] = (struct card){
		    vmf_mix64((uint64_t)(c + 1) + salt), c };
	qsort(card, (size_t)n, sizeof(*card), compare_cards);
	for (int64_t i = 0; i < n; i++)
		r->fold[card[i].config] = i % r->n_folds;
	free(card);
	return 0;
}

/* Folds of nearly the same number of configs, dealt at random; or one of
 * each workload, or stream. */
static int
make_folds(struct run *r, struct vmf_err *e)
{
	const struct vmf_past *p = r->past;
	int64_t n = p->configs.n;

	for (int64_t c = 0; c < n; c++)
		r->fold[c] = -1;
	if (r->v->hold == VMF_HOLD_SET) {
		for (int64_t i = 0; i < p->n; i++)
			r->fold[p->config[i]] = p->set[i];
		r->n_folds = p->n_sets;
		return p->n_sets >= 2 ? 0 : vmf_fail(e, VMF_EDATA, "the "
		    "moves are of one file, expected two or more to hold one "
		    "out");
	}
	if (r->v->hold == VMF_HOLD_WORKLOAD) {
		int64_t none = p->words[VMF_WORD_WORKLOAD].n;

		for (int64_t i = 0; i < p->n; i++) {
			int32_t w = p->facts[i].word[VMF_WORD_WORKLOAD];

			r->fold[p->config[i]] = w < 0 ? none : w;
		}
		r->n_folds = none + 1;
		return none >= 2 ? 0 : vmf_fail(e, VMF_EDATA, "the moves "
		    "have %lld workloads, expected two or more to hold one "
		    "out", (long long)none);
	}
	r->n_folds = r->v->folds;
	if (n < r->n_folds)
		return vmf_fail(e, VMF_EDATA, "the moves have %lld "
		    "configurations, expected %lld or more for as many "
		    "folds", (long long)n, (long long)r->n_folds);
	return deal(r, n, e);
}

/* Empirical quantiles of the outcome over the rows not of the fold, of that
 * workload, or of all where it has none. */
static void
quantiles_of_workload(struct run *r, int64_t g, int t, int32_t work,
    double q[LEVELS])
{
	const struct vmf_past *p = r->past;
	int64_t n = 0;

	for (int any = 0; any < 2 && n == 0; any++)
		for (int64_t i = 0; i < p->n; i++)
			if (r->fold[p->config[i]] != g &&
			    !isnan(p->out[i][t]) && (any > 0 ||
			    p->facts[i].word[VMF_WORD_WORKLOAD] == work))
				r->tmp[n++] = p->out[i][t];
	for (int j = 0; j < LEVELS; j++)
		q[j] = NAN;
	if (n == 0)
		return;
	vmf_sort_doubles(r->tmp, r->tmp2, n);
	for (int j = 0; j < LEVELS; j++)
		q[j] = vmf_quantile_sorted(r->tmp, n, 0.1 * (j + 1));
}

static void
simple_rivals(struct run *r, int64_t g)
{
	const struct vmf_past *p = r->past;
	int64_t works = p->words[VMF_WORD_WORKLOAD].n;
	double q[LEVELS];

	for (int t = 0; t < VMF_N_OUTCOMES; t++) {
		double (*by)[LEVELS] = levels_of(r, WORKLOAD, t);
		double (*sure)[LEVELS] = levels_of(r, ARITHMETIC, t);

		for (int64_t w = -1; w < works; w++) {
			bool made = false;

			for (int64_t i = 0; i < p->n; i++) {
				if (r->fold[p->config[i]] != g || w !=
				    p->facts[i].word[VMF_WORD_WORKLOAD])
					continue;
				if (!made)
					quantiles_of_workload(r, g, t,
					    (int32_t)w, q);
				made = true;
				memcpy(by[i], q, sizeof(q));
			}
		}
		for (int64_t i = 0; i < p->n; i++) {
			struct vmf_precopy pre;

			if (r->fold[p->config[i]] != g)
				continue;
			pre = vmf_facts_precopy(&p->facts[i], p->words);
			for (int j = 0; j < LEVELS; j++)
				sure[i][j] = vmf_precopy_outcome(&pre,
				    (enum vmf_outcome)t);
		}
	}
}

static int
one_fold(struct run *r, int64_t g, struct vmf_err *e)
{
	const struct vmf_past *p = r->past;
	struct vmf_downtime m = { 0 };
	uint8_t *use = vmf_calloc(p->configs.n, 1, e);
	struct vmf_facts *f = vmf_calloc(p->n, (int64_t)sizeof(*f), e);
	double (*q)[LEVELS] = vmf_calloc(p->n, (int64_t)sizeof(*q), e);
	struct vmf_down_opts o = r->v->opts;
	int64_t n = 0;
	int rc = use == NULL || f == NULL || q == NULL ? VMF_ENOMEM : 0;

	for (int64_t c = 0; rc == 0 && c < p->configs.n; c++)
		use[c] = r->fold[c] != g;
	for (int64_t i = 0; rc == 0 && i < p->n; i++)
		if (r->fold[p->config[i]] == g)
			f[n++] = p->facts[i];
	o.rows = f;
	o.n_rows = n;
	if (rc == 0 && n > 0)
		rc = vmf_downtime_learn(&m, p, use, &o, e);
	for (int t = 0; rc == 0 && n > 0 && t < VMF_N_OUTCOMES; t++) {
		double (*to)[LEVELS] = levels_of(r, LEARNED, t);
		int64_t k = 0;

		if (m.target[t].n == 0)
			continue;
		if ((rc = vmf_downtime_quantiles(&m, (enum vmf_outcome)t, f,
		    n, p->words, q, NULL, e)) != 0)
			break;
		for (int64_t i = 0; i < p->n; i++)
			if (r->fold[p->config[i]] == g)
				memcpy(to[i], q[k++], sizeof(*q));
	}
	if (rc == 0)
		simple_rivals(r, g);
	free(use);
	free(f);
	free(q);
	vmf_downtime_free(&m);
	return rc;
}

/* ---- scores ---- */

static double
quantile(struct run *r, int64_t n, double p)
{
	vmf_sort_doubles(r->tmp, r->tmp2, n);
	return vmf_quantile_sorted(r->tmp, n, p);
}

static double
pinball(double y, double q, double p)
{
	return y > q ? p * (y - q) : (1.0 - p) * (q - y);
}

/* Is row i among those that fold g (-1: any) has, and was it predicted? */
static bool
counts(const struct run *r, int64_t i, int t, const double q[LEVELS],
    int64_t g)
{
	return (g < 0 || r->fold[r->past->config[i]] == g) &&
	    !isnan(r->past->out[i][t]) && !isnan(q[0]);
}

/* The numbers of one rival and outcome, of fold g or all (-1), in the
 * schema's order; returns how many moves there were. */
static int64_t
score(struct run *r, enum rival k, int t, int64_t g, double s[9])
{
	const struct vmf_past *p = r->past;
	double (*q)[LEVELS] = levels_of(r, k, t);
	int64_t n = 0;

	for (int j = 0; j < 9; j++)
		s[j] = 0.0;
	for (int64_t i = 0; i < p->n; i++) {
		double y = p->out[i][t];

		if (!counts(r, i, t, q[i], g))
			continue;
		n++;
		s[5] += y <= q[i][0];
		s[6] += y <= q[i][LEVELS / 2];
		s[7] += y <= q[i][LEVELS - 1];
		for (int j = 0; j < LEVELS; j++) {
			s[3] += pinball(y, q[i][j], 0.1 * (j + 1)) / LEVELS;
			s[4] += pinball(log(fmax(y, 0.5)),
			    log(fmax(q[i][j], 0.5)), 0.1 * (j + 1)) / LEVELS;
		}
	}
	for (int j = 3; j < 8; j++)
		s[j] /= (double)n;
	for (int what = 0; n > 0 && what < 3; what++) {
		int64_t m = 0;

		for (int64_t i = 0; i < p->n; i++) {
			double y = p->out[i][t], mid = q[i][LEVELS / 2];

			if (!counts(r, i, t, q[i], g))
				continue;
			r->tmp[m++] = what == 0 ? fabs(mid - y) /
			    fmax(y, 0.5) : what == 1 ? fabs(mid - y) :
			    q[i][LEVELS - 1] / mid;
		}
		if (what == 0)
			s[0] = quantile(r, m, 0.5);
		s[what == 0 ? 1 : what == 1 ? 2 : 8] = quantile(r, m,
		    what == 2 ? 0.5 : 0.9);
	}
	return n;
}

/* Of how many configs the moves are that score counts. */
static int64_t
configs_of(const struct run *r, enum rival k, int t, int64_t g)
{
	const struct vmf_past *p = r->past;
	double (*q)[LEVELS] = levels_of(r, k, t);
	int64_t n = 0;

	memset(r->seen, 0, (size_t)p->configs.n);
	for (int64_t i = 0; i < p->n; i++)
		if (counts(r, i, t, q[i], g) && !r->seen[p->config[i]]) {
			r->seen[p->config[i]] = 1;
			n++;
		}
	return n;
}

static int64_t
folds_held(const struct run *r)
{
	int64_t n = 0;

	for (int64_t g = 0; g < r->n_folds; g++)
		for (int64_t c = 0; c < r->past->configs.n; c++)
			if (r->fold[c] == g) {
				n++;
				break;
			}
	return n;
}

/* A row for each outcome and rival, of fold g or all (-1). */
static int
put_scores(struct run *r, int64_t g, struct vmf_batch *out,
    struct vmf_err *e)
{
	static const char *const names[N_RIVALS] = { "downtime",
	    "by_workload", "arithmetic" };
	const char *held = g >= 0 ? r->v->set[g] :
	    r->v->hold == VMF_HOLD_WORKLOAD ? "workload" : "config";
	double s[9];
	int rc;

	for (int t = 0; t < VMF_N_OUTCOMES; t++) {
		/* Of an outcome that the others do not have nothing is
		 * learned. */
		if (g >= 0 && score(r, LEARNED, t, g, s) == 0)
			continue;
		for (int k = 0; k < N_RIVALS; k++) {
			const char *name = vmf_outcome_name(
			    (enum vmf_outcome)t);
			struct vmf_col *c = out->col;
			int64_t n = score(r, (enum rival)k, t, g, s);

			if (n == 0)
				continue;
			if ((rc = vmf_col_put_str(c++, names[k],
			    (int64_t)strlen(names[k]), e)) != 0 ||
			    (rc = vmf_col_put_str(c++, name,
			    (int64_t)strlen(name), e)) != 0 ||
			    (rc = vmf_col_put_str(c++, held,
			    (int64_t)strlen(held), e)) != 0 ||
			    (rc = vmf_col_put_int(c++, r->n_held, e)) != 0 ||
			    (rc = vmf_col_put_int(c++, configs_of(r,
			    (enum rival)k, t, g), e)) != 0 ||
			    (rc = vmf_col_put_int(c++, n, e)) != 0)
				return rc;
			for (int j = 0; j < 9; j++)
				if ((rc = vmf_col_put_num(c++, s[j],
				    e)) != 0)
					return rc;
			vmf_batch_row(out);
		}
	}
	return 0;
}

int
vmf_down_eval(const struct vmf_down_eval *v, const struct vmf_past *past,
    struct vmf_batch *out, struct vmf_err *e)
{
	struct run r = { .v = v, .past = past };
	int64_t n = past->n, cells = N_RIVALS * VMF_N_OUTCOMES * n;
	int rc = VMF_ENOMEM;

	r.fold = vmf_calloc(past->configs.n, (int64_t)sizeof(*r.fold), e);
	r.seen = vmf_calloc(past->configs.n + 1, 1, e);
	r.q = vmf_calloc(cells, (int64_t)sizeof(*r.q), e);
	r.tmp = vmf_calloc(n, (int64_t)sizeof(double), e);
	r.tmp2 = vmf_calloc(n, (int64_t)sizeof(double), e);
	if (r.fold == NULL || r.seen == NULL || r.q == NULL || r.tmp == NULL ||
	    r.tmp2 == NULL)
		goto done;
	for (int64_t i = 0; i < cells; i++)
		r.q[i][0] = NAN;
	rc = make_folds(&r, e);
	r.n_held = rc == 0 ? folds_held(&r) : 0;
	for (int64_t g = 0; rc == 0 && g < r.n_folds; g++) {
		rc = one_fold(&r, g, e);
		if (v->on_fold != NULL)
			v->on_fold(v->arg, (int)g + 1, (int)r.n_folds);
	}
	if (rc == 0 && v->hold != VMF_HOLD_SET)
		rc = put_scores(&r, -1, out, e);
	for (int64_t g = 0; rc == 0 && v->hold == VMF_HOLD_SET &&
	    g < r.n_folds; g++)
		rc = put_scores(&r, g, out, e);
done:
	free(r.fold);
	free(r.seen);
	free(r.q);
	free(r.tmp);
	free(r.tmp2);
	return rc;
}
