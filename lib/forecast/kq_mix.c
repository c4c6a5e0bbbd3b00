/* SPDX-License-Identifier: MIT */
/* Members' losses, mixtures of them, and quantiles of these. */
#include "forecast/kq_mix.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "forecast/fence.h"

/* Sorted steps of which one sum of weights is kept, as in kq_kernel.h. */
#define RUN 64

const struct vmf_quantiles vmf_kq_levels = { VMF_KQ_LEVELS, { 25000, 50000,
    100000, 200000, 300000, 400000, 500000, 600000, 700000, 800000, 900000,
    950000, 975000 } };
const float vmf_kq_level_mass[VMF_KQ_LEVELS] = { 0.0375f, 0.0375f, 0.075f,
    0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.075f, 0.0375f, 0.0375f };

/* How many of n ascending values are less than y. */
static int64_t
count_below(const float *v, int64_t n, float y)
{
	int64_t lo = 0;

	while (lo < n) {
		int64_t mid = lo + (n - lo) / 2;

		if (v[mid] < y)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

/* What the members in the lanes of w lose when y comes. */
static void
lose(const struct vmf_kq *q, const float *w, const float *total,
    const float *v, const float *gap, int64_t n, float y, float *loss,
    float *err)
{
	int64_t below = count_below(v, n, y);

	q->ops->losses(loss, err, w, total, gap, n, below,
	    below == 0 ? v[0] - y : y - v[below - 1]);
}

static void
judge_single(const struct vmf_kq *q, float y, float *loss, float *err)
{
	float gap[VMF_KQ_SINGLES];

	for (int i = 0; i < q->n_single - 1; i++)
		gap[i] = q->single[i + 1] - q->single[i];
	gap[q->n_single - 1] = 0.0f;
	lose(q, q->single_w, q->single_total, q->single, gap, q->n_single, y,
	    loss, err);
}

/* What a member of a few values loses by y. */
static void
judge_few(const struct vmf_kq_few *x, float y, float *loss, float *err)
{
	float upto = x->w[0];

	*loss = 0.0f;
	for (int j = 1, i = 0; j <= 9; j++) {
		float level = (float)j / 10.0f, d;

		while (i < x->n - 1 && upto < level)
			upto += x->w[++i];
		d = y - x->v[i];
		*loss += 2.0f / 9.0f * d * (level - (d < 0.0f ? 1.0f : 0.0f));
		if (j == 5)
			*err = fabsf(d);
	}
}

/* Nothing is mixed yet; what is, is written up to a whole run. */
static void
clear(const struct vmf_kq *q, struct vmf_kq_mix *x)
{
	x->known = q->known;
	memset(x->s, 0, (size_t)((q->known + RUN) / RUN * RUN) *
	    sizeof(*x->s));
}

/* Mix a vector's members, each so that its weights add up to its share. */
static void
blend(const struct vmf_kq *q, const struct vmf_kq_vector *v, int i,
    const float *share)
{
	float part[VMF_KQ_LANES] = { 0.0f };

	for (int k = 0; k < v->n && q->known > 0; k++)
		part[k] = share[v->member[k]] / v->total[k];
	q->ops->blend(q->mix[i].s, v->w, q->known, part);
}

void
vmf_kq_judge(struct vmf_kq *q, double y, const float *share, float *loss,
    float *err)
{
	const float *both[2] = { share, NULL }, none[2] = { 0.0f, 0.0f };
	float lost[VMF_KQ_LANES], median[VMF_KQ_LANES];

	clear(q, &q->mix[0]);
	for (int k = 0; k < VMF_KQ_VECTORS; k++) {
		struct vmf_kq_vector *v = &q->vector[k];

		if (q->asleep >> k & 1) {
			for (int i = 0; i < v->n; i++)
				loss[v->member[i]] = err[v->member[i]] = 0.0f;
			continue;
		}
		if (q->known == 0) {
			for (int i = 0; i < v->n; i++)
				loss[v->member[i]] = err[v->member[i]] =
				    fabsf((float)y - q->last);
			continue;
		}
		vmf_kq_weigh(q, v);
		lose(q, v->w, v->total, q->value, q->gap, q->known, (float)y,
		    lost, median);
		for (int i = 0; i < v->n; i++) {
			loss[v->member[i]] = lost[i] / 90.0f;
			err[v->member[i]] = median[i];
		}
		blend(q, v, 0, share);
	}
	judge_single(q, (float)y, lost, median);
	for (int i = 0; i < VMF_KQ_LANES; i++) {
		loss[KQ_N_DENSE + i] = lost[i] / 90.0f;
		err[KQ_N_DENSE + i] = median[i];
	}
	loss[KQ_NAIVE] = err[KQ_NAIVE] = fabsf((float)y - q->last);
	/* What those lose that have nothing to say yet is the caller's. */
	for (int m = KQ_WEEKLY; m < VMF_KQ_MEMBERS; m++)
		if (!(q->waiting >> m & 1))
			judge_few(&q->few[m - KQ_WEEKLY], (float)y, &loss[m],
			    &err[m]);
		else
			loss[m] = err[m] = 0.0f;
	q->ops->runs(q->mix[0].run, q->mix[0].s, q->known);
	vmf_kq_mix_atoms(q, both, NULL, none);
}

void
vmf_kq_mix_dense(struct vmf_kq *q, const float *share[2])
{
	for (int i = 0; i < 2 && share[i] != NULL; i++)
		clear(q, &q->mix[i]);
	for (int k = 0; k < VMF_KQ_VECTORS; k++) {
		if (q->asleep >> k & 1)
			continue;
		vmf_kq_weigh(q, &q->vector[k]);
		for (int i = 0; i < 2 && share[i] != NULL; i++)
			blend(q, &q->vector[k], i, share[i]);
	}
	for (int i = 0; i < 2 && share[i] != NULL; i++)
		q->ops->runs(q->mix[i].run, q->mix[i].s, q->known);
}

/* Add n atoms of ascending values, each after those that it is equal to, times
 * a share. */
static void
put_atoms(struct vmf_kq_atoms *x, const float *v, const float *mass, int n,
    float share)
{
	int i = x->n - 1, to = x->n + n - 1;

	if (!(share > 0.0f))
		return;
	x->n += n;
	for (; n > 0; to--) {
		if (i >= 0 && x->v[i] > v[n - 1]) {
			x->v[to] = x->v[i];
			x->a[to] = x->a[i--];
		} else {
			x->v[to] = v[--n];
			x->a[to] = share * mass[n];
		}
	}
}

static void
add_up(struct vmf_kq_mix *x)
{
	int64_t runs = (x->known + RUN - 1) / RUN;

	x->total = 0.0;
	for (int64_t r = 0; r < runs; r++)
		x->total += (double)x->run[r];
	for (int i = 0; i < x->atoms.n; i++)
		x->total += (double)x->atoms.a[i];
}

/* What is passed over together, where the target lies beyond it. */
enum { OCTET = 8 };

static double
octet(const float *s)
{
	return (((double)s[0] + (double)s[1]) +
	    ((double)s[2] + (double)s[3])) +
	    (((double)s[4] + (double)s[5]) +
	    ((double)s[6] + (double)s[7]));
}

/* Where a walk up the sorted steps and the atoms has come to: the next of
 * each, and what those before weigh. */
struct place {
	int64_t i;
	int a;
	double cum;
};

/* Over the steps up to `end`, which weigh so much, and the atoms among them;
 * the same place where the target lies before that. */
static inline struct place
pass(struct place p, const struct vmf_kq_atoms *x, const float *value,
    int64_t end, double weight, double target)
{
	double sum = p.cum + weight;
	int a = p.a;

	while (a < x->n && x->v[a] <= value[end - 1])
		sum += (double)x->a[a++];
	return sum < target ? (struct place){ end, a, sum } : p;
}

/* Quantiles by walking up both the sorted steps and the atoms. */
static void
walk(const struct vmf_kq_mix *x, const float *value, const double *level,
    int n, float *v)
{
	const struct vmf_kq_atoms *atoms = &x->atoms;
	int64_t known = x->known;
	struct place p = { 0, 0, 0.0 };
	float last = known > 0 ? value[0] : atoms->v[0];

	for (int l = 0; l < n; l++) {
		double target = level[l] * x->total;

		while (p.cum < target && (p.i < known || p.a < atoms->n)) {
			int64_t i = p.i, end = i + RUN;
			bool step;
			float w;

			if (i % RUN == 0 && i < known)
				p = pass(p, atoms, value, end < known ? end :
				    known, (double)x->run[i / RUN], target);
			end = i + OCTET;
			if (i == p.i && i % OCTET == 0 && end <= known)
				p = pass(p, atoms, value, end, octet(x->s + i),
				    target);
			if (i < p.i) {
				last = value[p.i - 1];
				continue;
			}
			step = i < known && (p.a == atoms->n ||
			    value[i] <= atoms->v[p.a]);
			w = step ? x->s[i] : atoms->a[p.a];
			if (w > 0.0f)
				last = step ? value[i] : atoms->v[p.a];
			p.cum += (double)w;
			if (step)
				p.i++;
			else
				p.a++;
		}
		v[l] = last;
	}
}

/* The first atoms of x: what members of single steps say, by their shares, of
 * which there may be none. */
static void
put_single(const struct vmf_kq *q, struct vmf_kq_atoms *x, const float *share)
{
	float part[VMF_KQ_LANES], all = 0.0f;
	int n = 0;

	for (int m = 0; m < VMF_KQ_LANES; m++) {
		part[m] = share[m] / q->single_total[m];
		all += part[m];
	}
	x->v[0] = q->last;
	x->n = 0;
	if (!(all > 0.0f))
		return;
	memset(x->a, 0, (size_t)(q->n_single + VMF_KQ_LANES) *
	    sizeof(*x->a));
	q->ops->blend(x->a, q->single_w, q->n_single, part);
	/* What weighs nothing is not there. */
	for (int k = 0; k < q->n_single; k++) {
		x->v[n] = q->single[k];
		x->a[n] = x->a[k];
		n += x->a[k] > 0.0f;
	}
	x->n = n;
}

void
vmf_kq_mix_atoms(struct vmf_kq *q, const float *share[2], const float *v,
    const float other[2])
{
	static const float one = 1.0f;
	struct vmf_kq_atoms more;

	for (int i = 0; i < 2 && share[i] != NULL; i++) {
		struct vmf_kq_mix *x = &q->mix[i];

		more.n = 0;
		put_atoms(&more, &q->last, &one, 1, share[i][KQ_NAIVE]);
		for (int k = 0; k < VMF_KQ_FEWS; k++)
			put_atoms(&more, q->few[k].v, q->few[k].w,
			    q->few[k].n, share[i][KQ_WEEKLY + k]);
		if (v != NULL)
			put_atoms(&more, v, vmf_kq_level_mass,
			    VMF_KQ_LEVELS, other[i]);
		put_single(q, &x->atoms, &share[i][KQ_N_DENSE]);
		put_atoms(&x->atoms, more.v, more.a, more.n, 1.0f);
		add_up(x);
	}
}

void
vmf_kq_mix_family(struct vmf_kq *q, enum kq_family f, const float *share,
    int64_t lead)
{
	const float *both[2] = { share, NULL }, none[2] = { 0.0f, 0.0f };
	int64_t single = q->lead;

	/* The others have atoms alone. */
	q->mix[0].known = 0;
	if ((int)f < VMF_KQ_VECTORS) {
		clear(q, &q->mix[0]);
		q->lead = lead;
		vmf_kq_weigh(q, &q->vector[f]);
		q->lead = single;
		blend(q, &q->vector[f], 0, share);
		q->ops->runs(q->mix[0].run, q->mix[0].s, q->known);
	}
	vmf_kq_mix_atoms(q, both, NULL, none);
}

void
vmf_kq_quantiles(const struct vmf_kq *q, int i, const double *level, int n,
    float *v)
{
	walk(&q->mix[i], q->value, level, n, v);
}

/* The mean of a mixture whose values are held between two bounds. */
static double
mean_within(const struct vmf_kq_mix *x, const float *value, int64_t known,
    const float bound[2])
{
	double sum = 0.0;

	for (int64_t i = 0; i < known; i++)
		sum += (double)x->s[i] *
		    (double)fminf(fmaxf(value[i], bound[0]), bound[1]);
	for (int a = 0; a < x->atoms.n; a++)
		sum += (double)x->atoms.a[a] * (double)fminf(fmaxf(
		    x->atoms.v[a], bound[0]), bound[1]);
	return sum / x->total;
}

void
vmf_kq_fence(const struct vmf_kq *q, float bound[2])
{
	int64_t n = q->known, cut = n < 100 ? 1 : n / 100;
	double at[2] = { -INFINITY, INFINITY };

	if (n > 2 * cut)
		vmf_fence((double)q->value[cut],
		    (double)q->value[n - 1 - cut], at);
	for (int i = 0; i < 2; i++)
		bound[i] = (float)at[i];
}

void
vmf_kq_seen(const struct vmf_kq *q, double *lo, double *hi)
{
	float bound[2];

	vmf_kq_fence(q, bound);
	*lo = (double)bound[0];
	*hi = (double)bound[1];
	if (q->known > 0) {
		*lo = fmin(*lo, (double)q->value[0]);
		*hi = fmax(*hi, (double)q->value[q->known - 1]);
	}
}

/* What is beyond the fence counts as if it were on it, but for what was more
 * than once: that counts as the twentieth of the mixture at its end. */
double
vmf_kq_mean(const struct vmf_kq *q, int i)
{
	static const double ends[2] = { 0.05, 0.95 };
	const struct vmf_kq_mix *x = &q->mix[i];
	int64_t n = q->known;
	float bound[2], end[2];
	double sum;

	vmf_kq_fence(q, bound);
	if (n > 0 && (q->value[0] < bound[0] || q->value[n - 1] > bound[1])) {
		walk(x, q->value, ends, 2, end);
		if (n > 1 && q->value[1] < bound[0])
			bound[0] = fminf(bound[0], end[0]);
		if (n > 1 && q->value[n - 2] > bound[1])
			bound[1] = fmaxf(bound[1], end[1]);
		return mean_within(x, q->value, n, bound);
	}
	sum = (double)q->ops->dot(x->s, q->value, n);
	for (int a = 0; a < x->atoms.n; a++)
		sum += (double)x->atoms.a[a] * (double)x->atoms.v[a];
	return sum / x->total;
}

void
vmf_kq_pit(const struct vmf_kq *q, int k, double y, double *below,
    double *upto)
{
	const struct vmf_kq_mix *x = &q->mix[k];
	double less = 0.0, same = 0.0;
	float v = (float)y;
	int64_t i = 0;
	int a = 0;

	while (i + RUN <= q->known && q->value[i + RUN - 1] < v) {
		less += (double)x->run[i / RUN];
		i += RUN;
	}
	for (; i < q->known && q->value[i] < v; i++)
		less += (double)x->s[i];
	for (; a < x->atoms.n && x->atoms.v[a] < v; a++)
		less += (double)x->atoms.a[a];
	for (; i < q->known && q->value[i] <= v; i++)
		same += (double)x->s[i];
	for (; a < x->atoms.n && x->atoms.v[a] <= v; a++)
		same += (double)x->atoms.a[a];
	*upto = less + same < x->total ? (less + same) / x->total : 1.0;
	*below = less / x->total;
	if (*below > *upto)
		*below = *upto;
}
