/* SPDX-License-Identifier: MIT */
#include "downtime/kriging.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "forecast/quantile.h"

#define SITES_SEARCHED 400	/* for the options; n^3 each */
#define NOISE_LEAST 0.1		/* of the noise of one row */
#define MAIN_SHARE 0.3		/* of workload and of words, beside both */

/* ---- sites ---- */

static int
add_token(struct vmf_site *s, struct vmf_tokens *t, int kind, const char *w,
    int64_t len, bool add, struct vmf_err *e)
{
	char text[72];
	int n = snprintf(text, sizeof(text), "%d:%.*s", kind,
	    (int)(len > 60 ? 60 : len), w);
	int32_t code = vmf_dict_find(&t->dict, text, n);

	if (code < 0 && add && t->dict.n < VMF_TOKENS_MAX &&
	    (code = vmf_dict_intern(&t->dict, text, n, e)) < 0)
		return VMF_ENOMEM;
	if (code < 0)
		s->strange++;
	else
		s->tokens |= (uint64_t)1 << code;
	return 0;
}

/* Each run of letters and digits is a word. */
static int
add_words(struct vmf_site *s, struct vmf_tokens *t, int kind,
    const char *text, int64_t len, bool add, struct vmf_err *e)
{
	int64_t i = 0;
	int rc;

	while (i < len) {
		int64_t from = i;

		while (i < len && (isalnum((unsigned char)text[i]) ||
		    (unsigned char)text[i] >= 0x80))
			i++;
		if (i > from && (rc = add_token(s, t, kind, text + from,
		    i - from, add, e)) != 0)
			return rc;
		i += i == from;
	}
	return 0;
}

int
vmf_site_make(struct vmf_site *s, struct vmf_tokens *t,
    const struct vmf_facts *f, const struct vmf_dict words[VMF_N_WORDS],
    bool add, struct vmf_err *e)
{
	struct vmf_precopy p = vmf_facts_precopy(f, words);
	int rc;

	*s = (struct vmf_site){ .workload = f->word[VMF_WORD_WORKLOAD] };
	s->trend = log2(p.total_ms);
	for (int k = 0; k < VMF_SITE_Z; k++) {
		double v = f->num[k];

		s->z[k] = k == VMF_FACT_LOAD ? v / 25.0 :
		    v > 1.0 ? log2(v) : isnan(v) ? NAN : 0.0;
	}
	for (int k = VMF_WORD_ALGORITHM; k < VMF_N_WORDS; k++) {
		int64_t len;
		const char *w;

		if (f->word[k] == -2)
			s->strange++;
		if (f->word[k] < 0)
			continue;
		w = vmf_dict_str(&words[k], f->word[k], &len);
		if ((rc = add_words(s, t, k, w, len, add, e)) != 0)
			return rc;
	}
	for (int k = VMF_FACT_AUTO_CONVERGE; k < VMF_N_FACTS; k++)
		if (f->num[k] > 0.0 && (rc = add_token(s, t, VMF_N_WORDS + k,
		    "1", 1, add, e)) != 0)
			return rc;
	return 0;
}

/* ---- likeness ---- */

struct likeness {
	double apart2;		/* octaves, squared */
	int tokens;		/* that only one of them has */
	bool same_work;
};

/* What is not known is as far from what is as the middle of what the sites
 * have, and 1 besides; so that distances are those of points of a space, and
 * likeness a covariance whatever is missing. */
static struct likeness
compare(const struct vmf_krig *at, const struct vmf_site *a,
    const struct vmf_site *b)
{
	struct likeness l = { 0.0, __builtin_popcountll(a->tokens ^
	    b->tokens) + a->strange + b->strange,
	    a->workload >= -1 && a->workload == b->workload };

	for (int k = 0; k < VMF_SITE_Z; k++) {
		bool a_not = isnan(a->z[k]), b_not = isnan(b->z[k]);
		double d = (a_not ? at->middle[k] : a->z[k]) -
		    (b_not ? at->middle[k] : b->z[k]);

		/* None of the sites has it. */
		if (!isnan(d))
			l.apart2 += d * d + (a_not != b_not ? 1.0 : 0.0);
	}
	return l;
}

static double
covariance(const struct vmf_krig_opts *o, const struct likeness *l,
    double t1, double t2)
{
	double kw = l->same_work ? 1.0 : o->workload;
	double ka = exp(-l->tokens / o->words);
	double kr = exp(-0.5 * l->apart2 / (o->octaves * o->octaves));

	return kw * ka * (kr + o->slope * t1 * t2) + MAIN_SHARE * (kw + ka);
}

/* ---- the process ---- */

typedef double four __attribute__((vector_size(32)));

/* For what is compiled twice, the same bits by wider instructions. */
#define ALIKE static inline __attribute__((always_inline))

/* s less the products of a and b, in an order that is the same for any width
 * of vectors: one sum alone would wait for itself. */
ALIKE double
less_products(double s, const double *a, const double *b, int64_t n)
{
	four x[4], t0 = { 0.0 }, t1 = { 0.0 };
	int64_t k = 0;

	for (; k + 8 <= n; k += 8) {
		memcpy(&x[0], a + k, sizeof(x[0]));
		memcpy(&x[1], b + k, sizeof(x[1]));
		memcpy(&x[2], a + k + 4, sizeof(x[2]));
		memcpy(&x[3], b + k + 4, sizeof(x[3]));
		t0 += x[0] * x[1];
		t1 += x[2] * x[3];
	}
	for (; k < n; k++)
		s -= a[k] * b[k];
	t0 += t1;
	return s - ((t0[0] + t0[1]) + (t0[2] + t0[3]));
}

/* Lower Cholesky factor of a, n x n, in place; false where it is not
 * positive definite. */
ALIKE bool
cholesky_by(double *a, int64_t n)
{
	for (int64_t j = 0; j < n; j++) {
		double *rj = a + j * n;

		for (int64_t i = j; i < n; i++) {
			double *ri = a + i * n;
			double s = less_products(ri[j], ri, rj, j);

			if (i > j)
				ri[j] = s / rj[j];
			else if (!(s > 0.0))
				return false;
			else
				rj[j] = sqrt(s);
		}
	}
	return true;
}

static void
forward(const double *l, int64_t n, double *x)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = less_products(x[i], l + i * n, x, i) / l[i * n + i];
}

static void
backward(const double *l, int64_t n, double *x)
{
	for (int64_t i = n - 1; i >= 0; i--) {
		double s = x[i] / l[i * n + i];

		x[i] = s;
		for (int64_t k = 0; k < i; k++)
			x[k] -= l[i * n + k] * s;
	}
}

static double
noise(const struct vmf_krig *k, int64_t i)
{
	return k->opts.noise * k->variance * (1.0 / k->weight[i] +
	    NOISE_LEAST);
}

/* The diagonal of the inverse of what l, n x n, is the factor of; x is room
 * for n. */
ALIKE void
inverse_by(const double *l, int64_t n, double *x, double *diag)
{
	for (int64_t c = 0; c < n; c++) {
		diag[c] = 0.0;
		for (int64_t i = c; i < n; i++) {
			const double *row = l + i * n;

			x[i] = less_products(i == c, row + c, x + c, i - c) /
			    row[i];
			diag[c] += x[i] * x[i];
		}
	}
}

#ifdef VMF_X86
VMF_TARGET_AVX2 static bool
cholesky_avx2(double *a, int64_t n)
{
	return cholesky_by(a, n);
}

VMF_TARGET_AVX2 static void
inverse_avx2(const double *l, int64_t n, double *x, double *diag)
{
	inverse_by(l, n, x, diag);
}
#else
#define cholesky_avx2 cholesky_by
#define inverse_avx2 inverse_by
#endif

static bool
cholesky(double *a, int64_t n)
{
	return vmf_simd_have(VMF_SIMD_AVX2) ? cholesky_avx2(a, n) :
	    cholesky_by(a, n);
}

static void
inverse_diagonal(const struct vmf_krig *k, double *x, double *diag)
{
	if (vmf_simd_have(VMF_SIMD_AVX2))
		inverse_avx2(k->chol, k->n, x, diag);
	else
		inverse_by(k->chol, k->n, x, diag);
}

/* The factor of the covariance with the options in k, of its variance. */
static int
factor(struct vmf_krig *k, const struct likeness *pair, struct vmf_err *e)
{
	int64_t n = k->n;

	for (int64_t i = 0; i < n; i++)
		for (int64_t j = 0; j <= i; j++)
			k->chol[i * n + j] = k->variance * covariance(
			    &k->opts, &pair[i * n + j],
			    k->site[i].trend - k->trend,
			    k->site[j].trend - k->trend) +
			    (i == j ? noise(k, i) + 1e-9 * k->variance :
			    0.0);
	return cholesky(k->chol, n) ? 0 : vmf_fail(e, VMF_EDATA, "the "
	    "likeness of %lld configurations is not a covariance",
	    (long long)n);
}

static void
weigh(struct vmf_krig *k, const double *chol)
{
	for (int64_t i = 0; i < k->n; i++)
		k->alpha[i] = k->v[i] - k->mean;
	forward(chol, k->n, k->alpha);
	backward(chol, k->n, k->alpha);
}

/* The process with the options in k, and with loo each site without itself
 * (Rasmussen and Williams, 5.12). */
static int
solve(struct vmf_krig *k, const struct likeness *pair, bool loo, double *tmp,
    struct vmf_err *e)
{
	double *diag = tmp + k->n;
	int rc = factor(k, pair, e);

	if (rc != 0)
		return rc;
	weigh(k, k->chol);
	if (!loo)
		return 0;
	inverse_diagonal(k, tmp, diag);
	for (int64_t c = 0; c < k->n; c++) {
		k->loo[c] = k->v[c] - k->alpha[c] / diag[c];
		k->loo_sd[c] = sqrt(fmax(1.0 / diag[c] - noise(k, c),
		    1e-6 * k->variance));
	}
	return 0;
}

/* Of process k, by the factor and the diagonal of another of the same sites
 * and options: what is left out does not depend on the variance. */
static double
loo_error(struct vmf_krig *k, const double *chol, const double *diag)
{
	double sum = 0.0, w = 0.0;

	weigh(k, chol);
	for (int64_t i = 0; i < k->n; i++) {
		sum += k->weight[i] * fabs(k->alpha[i] / diag[i]);
		w += k->weight[i];
	}
	return sum / w;
}

/* All options of the grid, the best of them left in each process's own. */
static int
search(struct vmf_krig *k, int m, const struct likeness *pair, double *tmp,
    struct vmf_err *e)
{
	static const double work[] = { 0.1, 0.3 }, words[] = { 2.0, 4.0 },
	    octaves[] = { 0.7, 1.5, 3.0 }, slope[] = { 0.02, 0.1 },
	    noises[] = { 0.01, 0.05, 0.2, 1.0, 4.0 };
	struct vmf_krig_opts best[VMF_KRIG_MOST] = { 0 };
	double least[VMF_KRIG_MOST];
	int rc;

	for (int j = 0; j < m; j++)
		least[j] = INFINITY;
	for (int i = 0; i < 120; i++) {
		k[0].opts = (struct vmf_krig_opts){ work[i % 2],
		    words[i / 2 % 2], octaves[i / 4 % 3], slope[i / 12 % 2],
		    noises[i / 24] };
		if ((rc = factor(&k[0], pair, e)) != 0)
			return rc;
		inverse_diagonal(&k[0], tmp, tmp + k[0].n);
		for (int j = 0; j < m; j++) {
			double err = loo_error(&k[j], k[0].chol,
			    tmp + k[0].n);

			if (err < least[j]) {
				least[j] = err;
				best[j] = k[0].opts;
			}
		}
	}
	for (int j = 0; j < m; j++)
		k[j].opts = best[j];
	return 0;
}

/* One block for all but the factor: sites, and after them numbers. */
static int
room(struct vmf_krig *k, int64_t n, struct vmf_err *e)
{
	_Static_assert(sizeof(*k->site) % sizeof(double) == 0, "aligned");
	k->site = vmf_calloc(n, (int64_t)(sizeof(*k->site) +
	    5 * sizeof(double)), e);
	if (k->site == NULL)
		return VMF_ENOMEM;
	k->v = (double *)(k->site + n);
	k->weight = k->v + n;
	k->alpha = k->weight + n;
	k->loo = k->alpha + n;
	k->loo_sd = k->loo + n;
	return 0;
}

/* The mean of what is known of the sites, NaN where nothing is. */
static void
set_middle(struct vmf_krig *k)
{
	for (int z = 0; z < VMF_SITE_Z; z++) {
		double sum = 0.0;
		int64_t known = 0;

		for (int64_t i = 0; i < k->n; i++)
			if (!isnan(k->site[i].z[z])) {
				sum += k->site[i].z[z];
				known++;
			}
		k->middle[z] = known > 0 ? sum / (double)known : NAN;
	}
}

/* Median and variance of the values, mean of the trends. */
static void
centre(struct vmf_krig *k)
{
	int64_t n = k->n;
	double *tmp = k->alpha, *more = k->loo;	/* not known yet */
	double mean = 0.0, var = 0.0;

	memcpy(tmp, k->v, (size_t)n * sizeof(*tmp));
	vmf_sort_doubles(tmp, more, n);
	k->mean = vmf_quantile_sorted(tmp, n, 0.5);
	memset(tmp, 0, (size_t)n * sizeof(*tmp));
	memset(more, 0, (size_t)n * sizeof(*more));
	k->trend = 0.0;
	for (int64_t i = 0; i < n; i++) {
		mean += k->v[i] / (double)n;
		k->trend += k->site[i].trend / (double)n;
	}
	for (int64_t i = 0; i < n; i++)
		var += (k->v[i] - mean) * (k->v[i] - mean) / (double)n;
	/* What the parts of the covariance add up to at one site. */
	k->variance = fmax(var, 1e-4) / (1.0 + 2.0 * MAIN_SHARE);
}

/* Options, where none are given, and the processes; the factor of the one in
 * the middle is kept. */
static int
fit(struct vmf_krig *k, int m, const struct vmf_krig_opts *opts, bool loo,
    struct vmf_err *e)
{
	int64_t n = k[0].n;
	struct likeness *pair = vmf_calloc(n * n, (int64_t)sizeof(*pair), e);
	double *chol = vmf_calloc(n * n, (int64_t)sizeof(*chol), e);
	double *tmp = vmf_calloc(2 * n, (int64_t)sizeof(*tmp), e);
	int rc = pair == NULL || chol == NULL || tmp == NULL ? VMF_ENOMEM :
	    0;

	k[m / 2].chol = vmf_calloc(n * n, (int64_t)sizeof(*chol), e);
	if (k[m / 2].chol == NULL)
		rc = VMF_ENOMEM;
	for (int64_t i = 0; rc == 0 && i < n; i++)
		for (int64_t j = 0; j <= i; j++)
			pair[i * n + j] = compare(&k[0],
			    &k[0].site[i], &k[0].site[j]);
	for (int j = 0; j < m; j++) {
		if (j != m / 2)
			k[j].chol = chol;
		if (opts != NULL)
			k[j].opts = opts[j];
	}
	if (rc == 0 && opts == NULL)
		rc = search(k, m, pair, tmp, e);
	for (int j = 0; rc == 0 && j < m; j++)
		rc = solve(&k[j], pair, loo, tmp, e);
	for (int j = 0; j < m; j++)
		if (j != m / 2)
			k[j].chol = NULL;
	free(pair);
	free(chol);
	free(tmp);
	return rc;
}

int
vmf_krig_fit_all(struct vmf_krig *k, int m, const struct vmf_site *site,
    const double *v, const double *weight, int64_t n,
    const struct vmf_krig_opts *opts, bool loo, struct vmf_err *e)
{
	struct vmf_krig few[VMF_KRIG_MOST] = { 0 };
	struct vmf_krig_opts found[VMF_KRIG_MOST];
	int rc = 0;

	for (int j = 0; j < m; j++)
		k[j] = (struct vmf_krig){ .n = n };
	for (int j = 0; rc == 0 && j < m; j++) {
		rc = room(&k[j], n, e);
		if (rc != 0 || n == 0)
			continue;
		memcpy(k[j].site, site, (size_t)n * sizeof(*site));
		for (int64_t i = 0; i < n; i++) {
			k[j].v[i] = v[i * m + j];
			k[j].weight[i] = fmax(weight[i], 1.0);
		}
		set_middle(&k[j]);
		centre(&k[j]);
	}
	if (rc != 0 || n == 0)
		return rc;
	if (opts == NULL && n > SITES_SEARCHED) {
		rc = vmf_krig_fit_all(few, m, site, v, weight,
		    SITES_SEARCHED, NULL, false, e);
		for (int j = 0; j < m; j++) {
			found[j] = few[j].opts;
			vmf_krig_free(&few[j]);
		}
		opts = found;
		if (rc != 0)
			return rc;
	}
	return fit(k, m, opts, loo, e);
}

int
vmf_krig_fit(struct vmf_krig *k, const struct vmf_site *site,
    const double *v, const double *weight, int64_t n,
    const struct vmf_krig_opts *opts, struct vmf_err *e)
{
	return vmf_krig_fit_all(k, 1, site, v, weight, n, opts, true, e);
}

void
vmf_krig_at(const struct vmf_krig *k, const struct vmf_site *s, double *tmp,
    double *value, double *sd)
{
	struct likeness self = compare(k, s, s);
	double t = s->trend - k->trend, var;
	int64_t n = k->n;

	*value = k->mean;
	self.same_work = true;
	self.tokens = 0;
	if (n == 0) {
		*sd = 0.0;
		return;
	}
	var = k->variance * covariance(&k->opts, &self, t, t);
	for (int64_t i = 0; i < n; i++) {
		struct likeness l = compare(k, s, &k->site[i]);

		tmp[i] = k->variance * covariance(&k->opts, &l, t,
		    k->site[i].trend - k->trend);
		*value += tmp[i] * k->alpha[i];
	}
	forward(k->chol, n, tmp);
	for (int64_t i = 0; i < n; i++)
		var -= tmp[i] * tmp[i];
	*sd = sqrt(fmax(var, 1e-6 * k->variance));
}

static bool
same_opts(const struct vmf_krig_opts *a, const struct vmf_krig_opts *b)
{
	return a->workload <= b->workload && a->workload >= b->workload &&
	    a->words <= b->words && a->words >= b->words &&
	    a->octaves <= b->octaves && a->octaves >= b->octaves &&
	    a->slope <= b->slope && a->slope >= b->slope;
}

void
vmf_krig_at_all(const struct vmf_krig *k, int m, const struct vmf_site *s,
    double *tmp, double *value, double *sd)
{
	int64_t n = k[0].n;
	double t = s->trend - k[0].trend;

	for (int j = 0; j < m; j++) {
		double sum = 0.0;

		for (int64_t i = 0; i < n && (j == 0 ||
		    !same_opts(&k[j].opts, &k[j - 1].opts)); i++) {
			struct likeness l = compare(&k[0], s,
			    &k[0].site[i]);

			tmp[i] = covariance(&k[j].opts, &l, t,
			    k[0].site[i].trend - k[0].trend);
		}
		for (int64_t i = 0; i < n; i++)
			sum += tmp[i] * k[j].alpha[i];
		value[j] = k[j].mean + k[j].variance * sum;
	}
	vmf_krig_at(&k[m / 2], s, tmp, &value[m / 2], sd);
}

void
vmf_krig_free(struct vmf_krig *k)
{
	free(k->site);
	free(k->chol);
	*k = (struct vmf_krig){ 0 };
}
