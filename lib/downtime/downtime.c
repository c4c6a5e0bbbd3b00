/* SPDX-License-Identifier: MIT */
#include "downtime/downtime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "downtime/downtime_in.h"
#include "forecast/quantile.h"

#define WORKS_MAX 48		/* workloads that are columns */
#define WIDTH_LEAST 0.05	/* of the logarithm */
#define N_FIXED (VMF_SITE_Z + 2)
#define CHUNK 1024		/* rows predicted together */
#define FAR 1.0			/* octaves beyond what any move had */
#define BIT(fact) (1u << (fact))
#define RATE (BIT(VMF_FACT_DIRTY) | BIT(VMF_FACT_USED))
#define LOAD BIT(VMF_FACT_LOAD)
#define MEM BIT(VMF_FACT_MEM)
#define CPUS BIT(VMF_FACT_VCPUS)

int
vmf_down_columns(const struct vmf_downtime *m)
{
	int64_t works = m->n_works < WORKS_MAX ? m->n_works : WORKS_MAX;

	return N_FIXED + (int)works + (int)m->tokens.dict.n + 2;
}

/* The columns of one row, but for what kriging says. */
void
vmf_down_fill(const struct vmf_downtime *m, const struct vmf_site *s,
    const struct vmf_precopy *p, enum vmf_outcome t, float *x)
{
	for (int k = 0; k < VMF_SITE_Z; k++)
		*x++ = (float)s->z[k];
	*x++ = (float)log2(vmf_precopy_outcome(p, t));
	*x++ = p->converges ? 0.0f : 1.0f;
	for (int64_t w = 0; w < m->n_works && w < WORKS_MAX; w++)
		*x++ = s->workload == m->work[w] ? 1.0f : 0.0f;
	for (int64_t k = 0; k < m->tokens.dict.n; k++)
		*x++ = s->tokens >> k & 1 ? 1.0f : 0.0f;
}

void
vmf_down_part_free(struct vmf_down_part *p)
{
	free(p->kept);
	for (int j = 0; j < LEVELS; j++) {
		vmf_krig_free(&p->krig[j]);
		vmf_boost_free(p->tree[0][j]);
		vmf_boost_free(p->tree[1][j]);
	}
}

int
vmf_down_part_at(const struct vmf_down_part *p, const float *x, int n_cols,
    double (*r)[LEVELS], int64_t n, double (*out)[LEVELS], struct vmf_err *e)
{
	float *base = vmf_calloc(n, (int64_t)sizeof(*base), e);
	float *f = vmf_calloc(n, (int64_t)sizeof(*f), e);
	double share = p->trees == VMF_DOWN_BOTH ? 0.5 : 1.0;
	int rc = base == NULL || f == NULL ? VMF_ENOMEM : 0;

	for (int64_t i = 0; i < n; i++)
		memset(out[i], 0, sizeof(out[i]));
	for (int k = 0; rc == 0 && k < 2 * LEVELS; k++) {
		int many = k / LEVELS, j = k % LEVELS;

		if (!vmf_down_has(p->trees, many))
			continue;
		for (int64_t i = 0; i < n; i++)
			f[i] = base[i] = (float)(p->base[many][j] +
			    (many ? 0.0 : r[i][j]));
		if (p->tree[many][j] != NULL)
			rc = vmf_boost_predict(p->tree[many][j], x, n,
			    n_cols, base, f, e);
		for (int64_t i = 0; rc == 0 && i < n; i++)
			out[i][j] += share * (double)f[i];
	}
	free(base);
	free(f);
	return rc;
}

void
vmf_down_sort(double q[LEVELS])
{
	for (int j = 1; j < LEVELS; j++)
		for (int k = j; k > 0 && q[k] < q[k - 1]; k--) {
			double t = q[k];

			q[k] = q[k - 1];
			q[k - 1] = t;
		}
}

double
vmf_down_unit(const double q[LEVELS], double far)
{
	return q[LEVELS - 1] - q[0] + WIDTH_LEAST + 2.0 * 1.2816 * far;
}

/* ---- the model ---- */

static void
target_free(struct vmf_down_target *t)
{
	for (int j = 0; j < LEVELS; j++) {
		vmf_krig_free(&t->krig[j]);
		vmf_boost_free(t->tree[0][j]);
		vmf_boost_free(t->tree[1][j]);
	}
}

void
vmf_downtime_free(struct vmf_downtime *m)
{
	for (int k = 0; k < VMF_N_WORDS; k++)
		vmf_dict_free(&m->words[k]);
	vmf_dict_free(&m->tokens.dict);
	free(m->work);
	free(m->known);
	for (int k = 0; k < VMF_N_OUTCOMES; k++) {
		target_free(&m->target[k]);
		for (int l = 0; l < VMF_N_DOWN_LESS; l++)
			target_free(&m->less[l][k]);
	}
	*m = (struct vmf_downtime){ 0 };
}

static int
copy_words(struct vmf_downtime *m, const struct vmf_past *p,
    struct vmf_err *e)
{
	for (int k = 0; k < VMF_N_WORDS; k++)
		for (int32_t c = 0; c < p->words[k].n; c++) {
			int64_t len;
			const char *s = vmf_dict_str(&p->words[k], c, &len);

			if (vmf_dict_intern(&m->words[k], s, len, e) < 0)
				return VMF_ENOMEM;
		}
	return 0;
}

static bool
knows(const struct vmf_downtime *m, int32_t work)
{
	return work >= -1 && work + 1 < m->n_known &&
	    m->known[work + 1] != 0;
}

int
vmf_down_works(struct vmf_downtime *m, int64_t n, struct vmf_err *e)
{
	m->n_known = m->words[VMF_WORD_WORKLOAD].n + 1;
	m->known = vmf_calloc(m->n_known, 1, e);
	m->work = vmf_calloc(n, (int64_t)sizeof(*m->work), e);
	return m->known == NULL || m->work == NULL ? VMF_ENOMEM : 0;
}

void
vmf_down_work(struct vmf_downtime *m, int32_t work)
{
	m->work[m->n_works++] = work;
	m->known[work + 1] = 1;
}

/* A number of how a VM is moved, rather than of the VM? */
static bool
of_the_way(int fact)
{
	return fact == VMF_FACT_BANDWIDTH || fact == VMF_FACT_LIMIT ||
	    fact == VMF_FACT_AUTO_CONVERGE || fact == VMF_FACT_TUNNELLED;
}

/* The median of fact k where more than half of the n rows know it. */
static double
usual_number(const struct vmf_past *p, const uint8_t *use, int k, int64_t n,
    double *tmp)
{
	int64_t known = 0;

	for (int64_t i = 0; i < p->n; i++)
		if ((use == NULL || use[p->config[i]]) &&
		    !isnan(p->facts[i].num[k]))
			tmp[known++] = p->facts[i].num[k];
	if (2 * known <= n)
		return NAN;
	vmf_sort_doubles(tmp, tmp + p->n, known);
	return tmp[known / 2];
}

/* The word k that more than half of the n rows have: by majority vote, in
 * one pass and one to check (Boyer and Moore, "MJRTY: A Fast Majority Vote
 * Algorithm", 1991); -1: none. */
static int32_t
usual_word(const struct vmf_past *p, const uint8_t *use, int k, int64_t n)
{
	int32_t word = -1;
	int64_t lead = 0, has = 0;

	for (int64_t i = 0; i < p->n; i++) {
		int32_t w = p->facts[i].word[k];

		if (use != NULL && !use[p->config[i]])
			continue;
		if (lead == 0)
			word = w;
		lead += w == word ? 1 : -1;
	}
	for (int64_t i = 0; i < p->n; i++)
		has += (use == NULL || use[p->config[i]]) &&
		    p->facts[i].word[k] == word;
	return 2 * has > n ? word : -1;
}

static int
find_usual(struct vmf_downtime *m, const struct vmf_past *p,
    const uint8_t *use, struct vmf_err *e)
{
	double *tmp = vmf_calloc(2 * p->n, (int64_t)sizeof(*tmp), e);

	if (tmp == NULL)
		return VMF_ENOMEM;
	for (int k = 0; k < VMF_N_FACTS; k++)
		m->usual.num[k] = of_the_way(k) ?
		    usual_number(p, use, k, m->n_rows, tmp) : NAN;
	m->usual.word[VMF_WORD_WORKLOAD] = -1;
	for (int k = VMF_WORD_ALGORITHM; k < VMF_N_WORDS; k++)
		m->usual.word[k] = usual_word(p, use, k, m->n_rows);
	free(tmp);
	return 0;
}

/* ---- without some facts ---- */

unsigned
vmf_down_without(const struct vmf_downtime *m, int less)
{
	static const unsigned of[VMF_N_DOWN_LESS] = { RATE, RATE | LOAD,
	    RATE | MEM, RATE | LOAD | MEM, RATE | CPUS,
	    RATE | LOAD | MEM | CPUS };
	unsigned own = of[less] & m->told;

	for (int k = 0; k < less; k++)
		if (own == (of[k] & m->told))
			return 0;
	return own;
}

unsigned
vmf_downtime_lacks(const struct vmf_downtime *m, const struct vmf_facts *f)
{
	unsigned lacks = 0;

	for (int k = 0; k < VMF_N_FACTS && m->n_rows > 0; k++)
		if (isnan(f->num[k]))
			lacks |= 1u << k;
	return lacks & m->told & (RATE | LOAD | MEM | CPUS);
}

/* By which it is predicted: the first that does without all it lacks; -1: by
 * what was learned with all facts. */
static int
pick(const struct vmf_downtime *m, const struct vmf_facts *f)
{
	unsigned lacks = vmf_downtime_lacks(m, f);

	for (int k = 0; lacks != 0 && k < m->n_less; k++)
		if ((lacks & ~vmf_down_without(m, k)) == 0)
			return k;
	return -1;
}

bool
vmf_downtime_can(const struct vmf_downtime *m, const struct vmf_facts *f)
{
	return vmf_downtime_lacks(m, f) == 0 || pick(m, f) >= 0;
}

struct vmf_facts
vmf_down_mask(const struct vmf_facts *f, unsigned without)
{
	struct vmf_facts g = *f;

	for (int k = 0; k < VMF_N_FACTS; k++)
		if (without >> k & 1)
			g.num[k] = NAN;
	return g;
}

/* All outcomes once more, without what rows to be predicted may lack.  That
 * of memory, load or vCPUs is rare, and has no trees. */
static int
learn_less(struct vmf_downtime *m, int less, const struct vmf_past *past,
    const uint8_t *use, const struct vmf_down_opts *o, struct vmf_err *e)
{
	unsigned without = vmf_down_without(m, less);
	struct vmf_down_opts own = *o;
	bool need = o->rows == NULL;
	int rc = 0;

	for (int64_t i = 0; !need && i < o->n_rows; i++)
		need = pick(m, &o->rows[i]) == less;
	own.no_trees |= less != VMF_DOWN_NO_RATE;
	for (int t = 0; t < VMF_N_OUTCOMES && rc == 0 && need &&
	    without != 0; t++)
		rc = vmf_down_learn_target(m, (enum vmf_outcome)t, past, use,
		    without, &own, &m->less[less][t], e);
	return rc;
}

int
vmf_downtime_learn(struct vmf_downtime *m, const struct vmf_past *past,
    const uint8_t *use, const struct vmf_down_opts *o, struct vmf_err *e)
{
	int rc;

	m->n_less = VMF_N_DOWN_LESS;
	if ((rc = copy_words(m, past, e)) != 0)
		return rc;
	if ((rc = vmf_down_works(m, past->words[VMF_WORD_WORKLOAD].n + 1,
	    e)) != 0)
		return rc;
	for (int64_t i = 0; i < past->n; i++) {
		int32_t work = past->facts[i].word[VMF_WORD_WORKLOAD];
		struct vmf_site s;

		if (use != NULL && !use[past->config[i]])
			continue;
		if (!knows(m, work))
			vmf_down_work(m, work);
		for (int k = 0; k < VMF_N_FACTS; k++)
			if (!isnan(past->facts[i].num[k]))
				m->told |= 1u << k;
		if ((rc = vmf_site_make(&s, &m->tokens, &past->facts[i],
		    past->words, true, e)) != 0)
			return rc;
		m->n_rows++;
	}
	if ((rc = find_usual(m, past, use, e)) != 0)
		return rc;
	for (int k = 0; k < VMF_N_OUTCOMES; k++)
		if ((rc = vmf_down_learn_target(m, (enum vmf_outcome)k, past,
		    use, 0, o, &m->target[k], e)) != 0)
			return vmf_fail_in(e, rc, "%s",
			    vmf_outcome_name((enum vmf_outcome)k));
	for (int k = 0; k < VMF_N_DOWN_LESS; k++)
		if ((rc = learn_less(m, k, past, use, o, e)) != 0)
			return rc;
	return 0;
}

/* The numbers of the moves that were learned, in octaves. */
struct range {
	double lo[VMF_SITE_Z], hi[VMF_SITE_Z];	/* INFINITY, -INFINITY: none */
};

static struct range
range_of(const struct vmf_krig *k)
{
	struct range r;

	for (int j = 0; j < VMF_SITE_Z; j++) {
		r.lo[j] = INFINITY;
		r.hi[j] = -INFINITY;
		for (int64_t i = 0; i < k->n; i++) {
			r.lo[j] = fmin(r.lo[j], k->site[i].z[j]);
			r.hi[j] = fmax(r.hi[j], k->site[i].z[j]);
		}
	}
	return r;
}

/* What nothing that was learned is like, of a site.  A load is within 0 and
 * 100 anyway, and a VM that writes to little of its memory is no riddle. */
static uint8_t
strange_of(const struct vmf_downtime *m, const struct range *r,
    const struct vmf_site *s)
{
	if (!knows(m, s->workload))
		return VMF_DOWN_NEW_WORKLOAD;
	if (s->strange > 0)
		return VMF_DOWN_NEW_WAY;
	for (int j = 0; j < VMF_SITE_Z; j++) {
		bool idle = j == VMF_FACT_USED || j == VMF_FACT_DIRTY;

		if (j == VMF_FACT_LOAD || r->lo[j] > r->hi[j])
			continue;
		if (s->z[j] > r->hi[j] + FAR ||
		    (s->z[j] < r->lo[j] - FAR && !idle))
			return (uint8_t)(VMF_DOWN_FAR + j);
	}
	return 0;
}

const char *
vmf_down_why_wide(uint8_t strange, char text[VMF_DOWN_WHY_WIDE])
{
	*text = '\0';
	if (strange == VMF_DOWN_NEW_WORKLOAD)
		snprintf(text, VMF_DOWN_WHY_WIDE, "no move of its workload is "
		    "known: predicted wider");
	else if (strange == VMF_DOWN_NEW_WAY)
		snprintf(text, VMF_DOWN_WHY_WIDE, "no move known was sent in "
		    "its way (mode, compression, ...): predicted wider");
	else if (strange >= VMF_DOWN_FAR)
		snprintf(text, VMF_DOWN_WHY_WIDE, "its %s is far from that of "
		    "any move known: predicted wider",
		    vmf_fact_name((enum vmf_fact)(strange - VMF_DOWN_FAR)));
	return text;
}

/* Levels in the logarithm of one row into the outcome's unit. */
static void
finish(const struct vmf_down_target *t, bool strange, double far,
    double q[LEVELS])
{
	double width;

	vmf_down_sort(q);
	width = vmf_down_unit(q, strange ? far : 0.0);
	for (int j = 0; j < LEVELS; j++)
		q[j] += width * t->shift[strange][j];
	vmf_down_sort(q);
	for (int j = 0; j < LEVELS; j++)
		q[j] = exp(fmin(q[j], 600.0));
}

struct vmf_facts
vmf_downtime_usual(const struct vmf_downtime *m, const struct vmf_facts *f)
{
	struct vmf_facts g = *f;

	for (int k = 0; k < VMF_N_FACTS && m->n_rows > 0; k++)
		if (isnan(g.num[k]))
			g.num[k] = m->usual.num[k];
	for (int k = 0; k < VMF_N_WORDS && m->n_rows > 0; k++)
		if (g.word[k] == -1)
			g.word[k] = m->usual.word[k];
	return g;
}

/* The facts that count. */
static struct vmf_facts
told(const struct vmf_downtime *m, const struct vmf_facts *f)
{
	struct vmf_facts g = vmf_downtime_usual(m, f);

	for (int k = 0; k < VMF_N_FACTS; k++)
		if (m->n_rows > 0 && !(m->told >> k & 1))
			g.num[k] = NAN;
	return g;
}

static bool
same_site(const struct vmf_site *a, const struct vmf_site *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* n rows, few enough to have their columns in memory, by what was learned
 * without the facts less (-1: with all). */
static int
some_rows(const struct vmf_downtime *m, enum vmf_outcome t, int less,
    const struct vmf_facts *f, int64_t n,
    const struct vmf_dict words[VMF_N_WORDS], double (*q)[LEVELS],
    uint8_t *strange, struct vmf_err *e)
{
	const struct vmf_down_target *g = less < 0 ? &m->target[t] :
	    &m->less[less][t];
	unsigned without = less < 0 ? 0 : vmf_down_without(m, less);
	struct vmf_down_part p = { .trees = g->trees };
	const struct range learned = range_of(&g->krig[LEVELS / 2]);
	struct vmf_site last = { 0 };
	int nc = vmf_down_columns(m), rc = VMF_ENOMEM;
	float *x = vmf_calloc(n * nc, (int64_t)sizeof(*x), e);
	double (*r)[LEVELS] = vmf_calloc(n, (int64_t)sizeof(*r), e);
	double *sure = vmf_calloc(n, (int64_t)sizeof(*sure), e);
	double *tmp = vmf_calloc(2 * g->krig[0].n, (int64_t)sizeof(*tmp), e);
	double v[LEVELS] = { 0.0 }, sd = 0.0;

	memcpy(p.base, g->base, sizeof(p.base));
	memcpy(p.tree, g->tree, sizeof(p.tree));
	if (x == NULL || r == NULL || sure == NULL || tmp == NULL)
		goto done;
	rc = 0;
	for (int64_t i = 0; rc == 0 && i < n; i++) {
		struct vmf_facts all = told(m, &f[i]);
		struct vmf_facts own = vmf_down_mask(&all, without);
		struct vmf_precopy pre = vmf_facts_precopy(&own, words);
		float *row = x + i * nc;
		struct vmf_site s;

		memset(&s, 0, sizeof(s));
		rc = vmf_site_make(&s, (struct vmf_tokens *)&m->tokens,
		    &own, words, false, e);
		if (i == 0 || !same_site(&s, &last))
			vmf_krig_at_all(g->krig, LEVELS, &s, tmp, v, &sd);
		last = s;
		vmf_down_fill(m, &s, &pre, t, row);
		sure[i] = vmf_precopy_outcome(&pre, t);
		for (int j = 0; j < LEVELS; j++)
			r[i][j] = log(sure[i]) + v[j];
		row[nc - 2] = (float)r[i][LEVELS / 2];
		row[nc - 1] = (float)sd;
		strange[i] = strange_of(m, &learned, &s);
	}
	if (rc == 0 && g->n > 0)
		rc = vmf_down_part_at(&p, x, nc, r, n, q, e);
	for (int64_t i = 0; rc == 0 && i < n; i++) {
		if (g->n == 0) {
			for (int j = 0; j < LEVELS; j++)
				q[i][j] = sure[i];
			continue;
		}
		finish(g, strange[i] != 0, (double)x[(i + 1) * nc - 1], q[i]);
	}
done:
	free(x);
	free(r);
	free(sure);
	free(tmp);
	return rc;
}

bool
vmf_downtime_learned(const struct vmf_downtime *m)
{
	for (int t = 0; t < VMF_N_OUTCOMES; t++)
		if (m->target[t].n > 0)
			return true;
	return false;
}

int
vmf_downtime_quantiles(const struct vmf_downtime *m, enum vmf_outcome t,
    const struct vmf_facts *f, int64_t n,
    const struct vmf_dict words[VMF_N_WORDS], double (*q)[LEVELS],
    uint8_t *strange, struct vmf_err *e)
{
	struct vmf_facts *own = vmf_calloc(CHUNK, (int64_t)sizeof(*own), e);
	double (*r)[LEVELS] = vmf_calloc(CHUNK, (int64_t)sizeof(*r), e);
	int64_t at[CHUNK], k = 0;
	uint8_t odd[CHUNK];
	int rc = own == NULL || r == NULL ? VMF_ENOMEM : 0;

	for (int less = -1; less < VMF_N_DOWN_LESS; less++)
		for (int64_t i = 0; rc == 0 && i < n; i++) {
			if (pick(m, &f[i]) == less) {
				own[k] = f[i];
				at[k++] = i;
			}
			if (k == 0 || (k < CHUNK && i < n - 1))
				continue;
			rc = some_rows(m, t, less, own, k, words, r, odd, e);
			for (; rc == 0 && k > 0; k--) {
				memcpy(q[at[k - 1]], r[k - 1], sizeof(*r));
				if (strange != NULL && strange[at[k - 1]] == 0)
					strange[at[k - 1]] = odd[k - 1];
			}
		}
	free(own);
	free(r);
	return rc;
}
