/* SPDX-License-Identifier: MIT */
/*
 * A model of downtimes as a stream and back; vmf-model(5) has its layout.
 * What is read may be damaged: every count is checked against the bytes
 * there are, and kriging's sums are made anew from its sites.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "downtime/downtime_in.h"
#include "forecast/model.h"

#define VERSION 5.0
#define SOME_VERSION 4.0	/* nothing without vCPUs */
#define WHOLE_VERSION 3.0	/* nor without other facts */
#define OLD_VERSION 2.0		/* that, and kriging of medians alone, and
				 * trees of a kind */
#define NAME "downtime"
#define FACTS "facts"		/* the row of words */
#define ROW_NAME 64		/* of a row */
#define N_FACTS (3 + VMF_N_FACTS + VMF_N_WORDS)
#define N_HEAD 5
#define N_OPTS 5		/* of kriging */
#define STRANGE_MAX (1 << 20)	/* words of a site: two are added up */
#define N_PARAMS (N_HEAD + N_OPTS * LEVELS + VMF_N_DOWN_TREES + 4 * LEVELS)
#define OLD_LOSSES 3
#define OLD_PARAMS (N_HEAD + N_OPTS + OLD_LOSSES + 3 * LEVELS)

int
vmf_downtime_schema(struct vmf_schema *s, const struct vmf_schema *from,
    struct vmf_err *e)
{
	const struct vmf_grid none = { 0, VMF_TIME_NONE, VMF_TIME_NONE };
	int rc = vmf_model_schema(s, from, &none, 0, "downtime_ms,"
	    "guest_downtime_ms,total_ms,transferred_bytes", NAME, e);

	/* There is no step, and no season. */
	if (rc == 0)
		rc = vmf_meta_set(&s->meta, "vmf:step", NULL, e);
	return rc != 0 ? rc : vmf_meta_set(&s->meta, "vmf:season", NULL, e);
}

bool
vmf_downtime_is(const struct vmf_schema *s)
{
	const char *kind = vmf_meta_get(&s->meta, "vmf:kind");
	const char *model = vmf_meta_get(&s->meta, "vmf:model");

	return kind != NULL && strcmp(kind, "model") == 0 && model != NULL &&
	    strcmp(model, NAME) == 0;
}

/* Row k of those after the facts: its outcome, and its target, or NULL
 * where there is no such row.  name, where it is not NULL, is room for what
 * the row is called. */
static struct vmf_down_target *
target_at(struct vmf_downtime *m, int k, char name[ROW_NAME])
{
	static const char *const less[VMF_N_DOWN_LESS] = { "rate", "load",
	    "memory", "load or memory", "vcpus", "load or size" };
	int t = k % VMF_N_OUTCOMES, at = k / VMF_N_OUTCOMES;
	const char *outcome = vmf_outcome_name((enum vmf_outcome)t);

	snprintf(name, ROW_NAME, "%s", outcome);
	if (at == 0)
		return &m->target[t];
	for (int l = 0; l < m->n_less; l++) {
		if (vmf_down_without(m, l) == 0 || --at > 0)
			continue;
		snprintf(name, ROW_NAME, "%s without %s", outcome, less[l]);
		return &m->less[l][t];
	}
	return NULL;
}

/* ---- writing ---- */

static int
put_i64(struct vmf_buf *b, int64_t v, struct vmf_err *e)
{
	return vmf_buf_put(b, &v, 8, e);
}

static int
put_dict(struct vmf_buf *b, const struct vmf_dict *d, struct vmf_err *e)
{
	int rc = put_i64(b, d->n, e);

	for (int32_t c = 0; rc == 0 && c < d->n; c++) {
		int64_t len;
		const char *s = vmf_dict_str(d, c, &len);

		rc = put_i64(b, len, e);
		if (rc == 0 && len > 0)
			rc = vmf_buf_put(b, s, len, e);
	}
	return rc;
}

static int
put_facts(const struct vmf_downtime *m, struct vmf_fit *fit,
    struct vmf_err *e)
{
	struct vmf_buf *b = &fit->blob;
	int rc = 0;

	fit->params[0] = VERSION;
	fit->params[1] = (double)m->n_rows;
	fit->params[2] = (double)m->told;
	for (int k = 0; k < VMF_N_FACTS; k++)
		fit->params[3 + k] = m->n_rows > 0 ? m->usual.num[k] : NAN;
	for (int k = 0; k < VMF_N_WORDS; k++)
		fit->params[3 + VMF_N_FACTS + k] = m->n_rows > 0 ?
		    m->usual.word[k] : -1;
	fit->n_params = N_FACTS;
	for (int k = 0; rc == 0 && k < VMF_N_WORDS; k++)
		rc = put_dict(b, &m->words[k], e);
	if (rc == 0)
		rc = put_dict(b, &m->tokens.dict, e);
	if (rc == 0)
		rc = put_i64(b, m->n_works, e);
	for (int64_t k = 0; rc == 0 && k < m->n_works; k++)
		rc = put_i64(b, m->work[k], e);
	return rc;
}

static int
put_site(struct vmf_buf *b, const struct vmf_krig k[LEVELS], int64_t i,
    struct vmf_err *e)
{
	const struct vmf_site *s = &k[0].site[i];
	int rc = put_i64(b, s->workload, e);

	if (rc == 0)
		rc = put_i64(b, s->strange, e);
	if (rc == 0)
		rc = put_i64(b, (int64_t)s->tokens, e);
	if (rc == 0)
		rc = vmf_buf_put(b, &s->trend, 8, e);
	if (rc == 0)
		rc = vmf_buf_put(b, s->z, (int64_t)sizeof(s->z), e);
	for (int j = 0; rc == 0 && j < LEVELS; j++)
		rc = vmf_buf_put(b, &k[j].v[i], 8, e);
	return rc != 0 ? rc : vmf_buf_put(b, &k[0].weight[i], 8, e);
}

static int
put_tree(const struct vmf_boost *tree, struct vmf_buf *b, struct vmf_err *e)
{
	int64_t at = b->n, n;
	int rc;

	if ((rc = put_i64(b, 0, e)) != 0 ||
	    (rc = vmf_boost_save(tree, b, e)) != 0)
		return rc;
	n = b->n - at - 8;
	memcpy(b->p + at, &n, 8);
	return 0;
}

static int
put_target(const struct vmf_down_target *t, struct vmf_fit *fit,
    struct vmf_err *e)
{
	double head[N_HEAD] = { VERSION, (double)t->n,
	    (double)t->n_configs, (double)t->krig[0].n, (double)t->trees };
	double *p = fit->params;
	int rc = 0;

	memcpy(p, head, sizeof(head));
	p += N_HEAD;
	for (int j = 0; j < LEVELS; j++) {
		const struct vmf_krig_opts *o = &t->krig[j].opts;
		double own[N_OPTS] = { o->workload, o->words, o->octaves,
		    o->slope, o->noise };

		memcpy(p, own, sizeof(own));
		p += N_OPTS;
	}
	memcpy(p, t->loss, sizeof(t->loss));
	memcpy(p += VMF_N_DOWN_TREES, t->base, sizeof(t->base));
	memcpy(p + 2 * LEVELS, t->shift, sizeof(t->shift));
	fit->n_params = N_PARAMS;
	for (int64_t i = 0; rc == 0 && i < t->krig[0].n; i++)
		rc = put_site(&fit->blob, t->krig, i, e);
	for (int k = 0; rc == 0 && k < 2 * LEVELS; k++)
		if (t->tree[k / LEVELS][k % LEVELS] != NULL)
			rc = put_tree(t->tree[k / LEVELS][k % LEVELS],
			    &fit->blob, e);
	return rc;
}

int
vmf_downtime_put(const struct vmf_downtime *m, int64_t updated,
    struct vmf_batch *b, struct vmf_err *e)
{
	double params[N_PARAMS];
	char name[ROW_NAME] = FACTS;
	const struct vmf_down_target *t = NULL;
	int rc, k = 0;

	do {
		struct vmf_fit fit = { .params = params, .mase = NAN };

		rc = t == NULL ? put_facts(m, &fit, e) :
		    put_target(t, &fit, e);
		if (rc == 0)
			rc = vmf_model_put(b, NULL, 0, name, NAME,
			    t == NULL || t->n > 0 ? VMF_OK : VMF_EMPTY, &fit,
			    updated, e);
		vmf_buf_free(&fit.blob);
	} while (rc == 0 && (t = target_at((struct vmf_downtime *)m, k++,
	    name)) != NULL);
	return rc;
}

/* ---- reading ---- */

struct bytes {
	const uint8_t *p;
	int64_t n;
};

static bool
get(struct bytes *b, void *to, int64_t n)
{
	if (n < 0 || n > b->n)
		return false;
	memcpy(to, b->p, (size_t)n);
	b->p += n;
	b->n -= n;
	return true;
}

static bool
get_i64(struct bytes *b, int64_t *v, int64_t lo, int64_t hi)
{
	return get(b, v, 8) && *v >= lo && *v <= hi;
}

/* The dictionary again; its codes are those of the order. 1: damaged. */
static int
get_dict(struct bytes *b, struct vmf_dict *d, int64_t most,
    struct vmf_err *e)
{
	int64_t n, len;

	if (!get_i64(b, &n, 0, most))
		return 1;
	for (int64_t c = 0; c < n; c++) {
		int32_t code;

		if (!get_i64(b, &len, 0, b->n) ||
		    !vmf_utf8_valid((const char *)b->p, len))
			return 1;
		code = vmf_dict_intern(d, (const char *)b->p, len, e);
		if (code < 0)
			return VMF_ENOMEM;
		if (code != c)
			return 1;
		b->p += len;
		b->n -= len;
	}
	return 0;
}

static int
get_facts(struct vmf_downtime *m, struct bytes b, struct vmf_err *e)
{
	int64_t n, v;
	int rc;

	for (int k = 0; k < VMF_N_WORDS; k++)
		if ((rc = get_dict(&b, &m->words[k], INT32_MAX, e)) != 0)
			return rc;
	if ((rc = get_dict(&b, &m->tokens.dict, VMF_TOKENS_MAX, e)) != 0)
		return rc;
	if (!get_i64(&b, &n, 0, b.n / 8))
		return 1;
	if ((rc = vmf_down_works(m, n, e)) != 0)
		return rc;
	while (m->n_works < n) {
		if (!get_i64(&b, &v, -1, m->words[VMF_WORD_WORKLOAD].n - 1))
			return 1;
		vmf_down_work(m, (int32_t)v);
	}
	return b.n != 0;
}

/* Numbers, NaN where there is none, and codes of words. 1: damaged. */
static int
get_usual(struct vmf_downtime *m, const double *p)
{
	for (int k = 0; k < VMF_N_FACTS; k++) {
		if (p[k] < 0.0 || isinf(p[k]))
			return 1;
		m->usual.num[k] = p[k];
	}
	for (int k = 0; k < VMF_N_WORDS; k++) {
		double code = p[VMF_N_FACTS + k];

		if (!(code >= -1.0 && code < (double)m->words[k].n &&
		    code == floor(code)))
			return 1;
		m->usual.word[k] = (int32_t)code;
	}
	return 0;
}

/* With a value a level, or one for all of them. */
static bool
get_site(struct bytes *b, bool old, struct vmf_site *s, double v[LEVELS],
    double *w)
{
	int64_t work, strange, tokens, n = old ? 1 : LEVELS;

	if (!get_i64(b, &work, -1, INT32_MAX) ||
	    !get_i64(b, &strange, 0, STRANGE_MAX) || !get(b, &tokens, 8) ||
	    !get(b, &s->trend, 8) || !get(b, s->z, (int64_t)sizeof(s->z)) ||
	    !get(b, v, 8 * n) || !get(b, w, 8))
		return false;
	for (int j = 0; j < LEVELS; j++) {
		if (j >= n)
			v[j] = v[0];
		if (!isfinite(v[j]))
			return false;
	}
	s->workload = (int32_t)work;
	s->strange = (int32_t)strange;
	s->tokens = (uint64_t)tokens;
	return isfinite(s->trend) && isfinite(*w);
}

static int
get_krig(struct bytes *b, bool old, struct vmf_krig k[LEVELS], int64_t n,
    const struct vmf_krig_opts *o, struct vmf_err *e)
{
	struct vmf_site *site = vmf_calloc(n, (int64_t)sizeof(*site), e);
	double *v = vmf_calloc(n * LEVELS, (int64_t)sizeof(*v), e);
	double *w = vmf_calloc(n, (int64_t)sizeof(*w), e);
	int rc = site == NULL || v == NULL || w == NULL ? VMF_ENOMEM : 0;

	for (int64_t i = 0; rc == 0 && i < n; i++)
		rc = !get_site(b, old, &site[i], v + i * LEVELS, &w[i]);
	if (rc == 0)
		rc = vmf_krig_fit_all(k, LEVELS, site, v, w, n, o, false, e);
	free(site);
	free(v);
	free(w);
	return rc == VMF_EDATA ? 1 : rc;
}

static bool
sound(const struct vmf_krig_opts *o)
{
	return o->workload >= 0.0 && o->workload <= 1.0 && o->words > 0.0 &&
	    o->octaves > 0.0 && o->slope >= 0.0 && o->noise > 0.0 &&
	    isfinite(o->words) && isfinite(o->octaves) &&
	    isfinite(o->slope) && isfinite(o->noise);
}

/* What is after the head: options, losses, where trees begin, corrections.
 * An old one has one kriging, and trees of one kind. 1: damaged. */
static int
get_params(struct vmf_down_target *t, const double *p, bool old,
    struct vmf_krig_opts o[LEVELS])
{
	int losses = old ? OLD_LOSSES : VMF_N_DOWN_TREES;

	for (int j = 0; j < LEVELS; j++) {
		const double *own = p + (old ? 0 : j * N_OPTS);

		o[j] = (struct vmf_krig_opts){ own[0], own[1], own[2],
		    own[3], own[4] };
		if (t->n > 0 && !sound(&o[j]))
			return 1;
	}
	p += old ? N_OPTS : N_OPTS * LEVELS;
	t->loss[VMF_DOWN_BOTH] = NAN;
	memcpy(t->loss, p, (size_t)losses * sizeof(*t->loss));
	p += losses;
	if (old) {
		memcpy(t->base[0], p, sizeof(t->base[0]));
		memcpy(t->base[1], p, sizeof(t->base[1]));
		p += LEVELS;
	} else {
		memcpy(t->base, p, sizeof(t->base));
		p += 2 * LEVELS;
	}
	memcpy(t->shift, p, sizeof(t->shift));
	for (int k = 0; k < 2 * LEVELS; k++)
		if (!isfinite(t->base[k / LEVELS][k % LEVELS]) ||
		    !isfinite(t->shift[k / LEVELS][k % LEVELS]))
			return 1;
	return 0;
}

static int
get_target(struct vmf_down_target *t, const struct vmf_part *part,
    struct vmf_err *e)
{
	struct bytes b = { part->blob, part->blob_bytes };
	const double *p = part->params;
	struct vmf_krig_opts o[LEVELS];
	bool old = p[0] == OLD_VERSION;
	int64_t n;
	int rc;

	if (part->n_params != (old ? OLD_PARAMS : N_PARAMS) ||
	    !(p[1] >= 0.0 && p[1] < 1e15) || !(p[2] >= 0.0 && p[2] < 1e15) ||
	    !(p[3] >= 0.0 && p[3] <= VMF_SITES_MAX) ||
	    !(p[4] >= 0.0 && p[4] < (old ? VMF_DOWN_BOTH : VMF_N_DOWN_TREES)))
		return 1;
	t->n = (int64_t)p[1];
	t->n_configs = (int64_t)p[2];
	t->trees = (enum vmf_down_trees)p[4];
	if (get_params(t, p + N_HEAD, old, o) != 0)
		return 1;
	if (t->n == 0)
		return b.n != 0;
	if ((rc = get_krig(&b, old, t->krig, (int64_t)p[3], o, e)) != 0)
		return rc;
	for (int k = 0; k < 2 * LEVELS && t->trees != VMF_DOWN_NONE; k++) {
		if (!vmf_down_has(t->trees, k / LEVELS))
			continue;
		if (!get_i64(&b, &n, 0, b.n))
			return 1;
		if ((rc = vmf_boost_load(b.p, n,
		    &t->tree[k / LEVELS][k % LEVELS], e)) != 0)
			return rc;
		b.p += n;
		b.n -= n;
	}
	return b.n != 0;
}

/* How often an outcome is learned without something, by version; < 0: there
 * is no such. */
static int
less_of(double version)
{
	return version == VERSION ? VMF_N_DOWN_LESS :
	    version == SOME_VERSION ? VMF_DOWN_NO_VCPUS :
	    version == WHOLE_VERSION || version == OLD_VERSION ? 0 : -1;
}

static int
take_part(struct vmf_downtime *m, const struct vmf_part *p, int *next,
    struct vmf_err *e)
{
	struct bytes b = { p->blob, p->blob_bytes };
	struct vmf_down_target *t = NULL;
	char name[ROW_NAME] = FACTS;
	int rc, n_less;

	if (*next > 0 && (t = target_at(m, *next - 1, name)) == NULL)
		return 1;
	if (p->n_params < N_HEAD || (n_less = less_of(p->params[0])) < 0 ||
	    (*next > 0 && m->n_less != n_less) ||
	    !vmf_text_is(p->metric, p->metric_len, name))
		return 1;
	if (++*next > 1)
		return get_target(t, p, e);
	m->n_less = n_less;
	if (p->n_params != N_FACTS || !(p->params[1] >= 0.0 && p->params[1] <
	    1e15) || !(p->params[2] >= 0.0 && p->params[2] <
	    (double)(1u << VMF_N_FACTS)))
		return 1;
	m->told = (unsigned)p->params[2];
	m->n_rows = (int64_t)p->params[1];
	rc = get_facts(m, b, e);
	return rc != 0 ? rc : get_usual(m, p->params + 3);
}

int
vmf_downtime_read(struct vmf_downtime *m, struct vmf_reader *r,
    struct vmf_err *e)
{
	const struct vmf_schema *s = vmf_reader_schema(r);
	int metric = vmf_schema_find(s, "metric"), next = 0, got, rc;
	int params = vmf_schema_find(s, "params");
	int blob = vmf_schema_find(s, "blob");
	const struct vmf_batch *b;
	char name[ROW_NAME];

	if (!vmf_downtime_is(s) || metric < 0 || params < 0 || blob < 0 ||
	    s->field[metric].type != VMF_UTF8 ||
	    s->field[params].type != VMF_LIST_FLOAT64 ||
	    s->field[blob].type != VMF_BINARY)
		return vmf_fail(e, VMF_EDATA, "%s: this is no model of "
		    "downtimes, expected what vmf-train --model downtime "
		    "wrote", vmf_reader_name(r));
	while ((got = vmf_reader_next(r, &b, e)) > 0)
		for (int64_t i = 0; i < b->n; i++) {
			struct vmf_part p = { 0 };

			p.metric = vmf_col_str(&b->col[metric], i,
			    &p.metric_len);
			p.params = vmf_col_list64(&b->col[params], i,
			    &p.n_params);
			p.blob = vmf_col_str(&b->col[blob], i,
			    &p.blob_bytes);
			rc = take_part(m, &p, &next, e);
			if (rc > 0)
				rc = vmf_fail(e, VMF_EDATA, "%s: row %lld of "
				    "the model is damaged",
				    vmf_reader_name(r), (long long)
				    (vmf_reader_row(r) + i));
			if (rc != 0)
				return rc;
		}
	if (got < 0)
		return got;
	rc = 1;
	while (rc <= VMF_N_OUTCOMES * (1 + VMF_N_DOWN_LESS) &&
	    target_at(m, rc - 1, name) != NULL)
		rc++;
	return next == rc ? 0 : vmf_fail(e, VMF_EDATA, "%s: the model of "
	    "downtimes has %d rows, expected %d", vmf_reader_name(r), next,
	    rc);
}
