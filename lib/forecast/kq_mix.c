/* SPDX-License-Identifier: MIT */
#include "forecast/kq_mix.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Sorted steps of which one sum of weights is kept, as in kq_kernel.h. */
#define RUN 64
/* Days that are looked back: longer ago weighs a quarter at most. */
#define DAYS_BACK 60
/* Seasons that the last known value at a phase may be old. */
#define SNAIVE_BACK 7
/* Mixed in, a member with less than this is left out. */
#define SHARE_MIN 1e-4f
#define OWN 2			/* the mixture of a member alone */

const struct vmf_quantiles vmf_kq_levels = { VMF_KQ_LEVELS, { 25000, 50000,
    100000, 200000, 300000, 400000, 500000, 600000, 700000, 800000, 900000,
    950000, 975000 } };
/* What each of them stands for: half of the way to its neighbours. */
static const float level_mass[VMF_KQ_LEVELS] = { 0.0375f, 0.0375f, 0.075f,
    0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.075f, 0.0375f, 0.0375f };

void
vmf_kq_free(struct vmf_kq *q)
{
	free(q->floats);
	free(q->ints);
	*q = (struct vmf_kq){ 0 };
}

static int
make_room(struct vmf_kq *q, int64_t n, struct vmf_err *e)
{
	int64_t one = (n + RUN + 31) / 16 * 16, arrays = 2 * VMF_KQ_STATES +
	    VMF_KQ_AGES + VMF_KQ_PHASES + VMF_KQ_LIKES + 2 + 3 * 3;
	float *p;
	int rc;

	if ((rc = vmf_grow(&q->floats, &q->floats_cap, arrays * one,
	    e)) != 0 ||
	    (rc = vmf_grow(&q->ints, &q->ints_cap, 2 * one, e)) != 0)
		return rc;
	p = q->floats;
	/* What stands behind an array's end must be a number. */
	memset(p, 0, (size_t)(arrays * one) * sizeof(*p));
	for (int i = 0; i < VMF_KQ_STATES; i++, p += 2 * one) {
		q->m[i] = p;
		q->x[i] = p + one;
	}
	for (int i = 0; i < VMF_KQ_AGES; i++, p += one)
		q->age[i] = p;
	for (int i = 0; i < VMF_KQ_PHASES; i++, p += one)
		q->phase[i] = p;
	for (int i = 0; i < VMF_KQ_LIKES; i++, p += one)
		q->like[i] = p;
	q->value = p;
	q->one = p + one;
	p += 2 * one;
	for (int i = 0; i < 3; i++, p += 3 * one) {
		q->mix[i].w = p;
		q->mix[i].s = p + one;
		q->mix[i].run = p + 2 * one;
	}
	q->order = q->ints;
	q->rank = q->ints + one;
	return 0;
}

/* Merge sort of steps by value, those of one value by time. */
static void
sort_steps(int32_t *x, int32_t *tmp, int64_t n, const double *y)
{
	for (int64_t len = 1; len < n; len *= 2) {
		for (int64_t at = 0; at < n; at += 2 * len) {
			int64_t mid = at + len < n ? at + len : n;
			int64_t end = mid + len < n ? mid + len : n;
			int64_t i = at, j = mid, k = at;

			while (i < mid && j < end)
				tmp[k++] = y[x[j]] < y[x[i]] ? x[j++] :
				    x[i++];
			while (i < mid)
				tmp[k++] = x[i++];
			while (j < end)
				tmp[k++] = x[j++];
		}
		memcpy(x, tmp, (size_t)n * sizeof(*x));
	}
}

/* Means of what is known in the last w steps; where nothing is, as before. */
static void
window_means(float *m, const double *y, int64_t n, int64_t w)
{
	double sum = 0.0;
	int64_t known = 0;

	for (int64_t t = 0; t < n; t++) {
		if (!isnan(y[t])) {
			sum += y[t];
			known++;
		}
		if (t >= w && !isnan(y[t - w])) {
			sum -= y[t - w];
			known--;
		}
		if (known == 0)
			sum = 0.0;
		m[t] = known > 0 ? (float)(sum / (double)known) : m[t - 1];
	}
}

int
vmf_kq_series(struct vmf_kq *q, const double *y, int64_t n, int64_t season,
    int64_t day, struct vmf_err *e)
{
	int rc = make_room(q, n, e);

	if (rc != 0)
		return rc;
	q->y = y;
	q->n = n;
	q->season = season;
	q->day = day;
	q->n_order = 0;
	for (int64_t t = 0; t < n; t++)
		if (!isnan(y[t]))
			q->order[q->n_order++] = (int32_t)t;
	sort_steps(q->order, q->rank, q->n_order, y);
	for (int i = 0; i < VMF_KQ_STATES; i++) {
		int64_t w = (int64_t)(kq_windows[i].day * (double)day + 0.5);

		window_means(q->m[i], y, n, w > kq_windows[i].steps ? w :
		    kq_windows[i].steps);
	}
	return 0;
}

/* The standard deviation of n numbers. */
static float
deviation(const float *x, int64_t n)
{
	double sum = 0.0, sq = 0.0;

	for (int64_t t = 0; t < n; t++)
		sum += (double)x[t];
	sum /= (double)n;
	for (int64_t t = 0; t < n; t++)
		sq += ((double)x[t] - sum) * ((double)x[t] - sum);
	return (float)sqrt(sq / (double)n);
}

void
vmf_kq_origin(struct vmf_kq *q, int64_t t)
{
	int64_t from = t > DAYS_BACK * q->day ? t - DAYS_BACK * q->day : 0;
	double sum = 0.0;
	float scale;

	q->past = q->y + from;
	q->from = from;
	q->at = t - from;
	q->known = 0;
	for (int64_t i = 0; i < q->n_order; i++) {
		int64_t u = q->order[i] - from;

		if (u < 0 || u >= q->at)
			continue;
		q->rank[u] = (int32_t)q->known;
		q->value[q->known++] = (float)q->past[u];
	}
	for (int64_t u = 0; u < q->at; u++) {
		bool known = !isnan(q->past[u]);

		q->one[u] = known ? 1.0f : 0.0f;
		if (known)
			sum += fabs(q->past[u]);
		else
			q->rank[u] = (int32_t)q->known;
	}
	/* Behind the past there is nothing: dot products run over. */
	memset(q->one + q->at, 0, 8 * sizeof(*q->one));
	scale = q->known > 0 ? (float)(sum / (double)q->known) : 0.0f;
	if (!(scale > 1e-30f))
		scale = 1e-30f;
	for (int i = 0; i < VMF_KQ_STATES; i++) {
		q->ops->states(q->x[i], q->m[i] + from, q->at, scale);
		q->sd[i] = deviation(q->x[i], q->at);
		q->now[i] = q->x[i][q->at - 1];
	}
	for (int i = 0; i < VMF_KQ_AGES; i++)
		q->ops->ages(q->age[i], q->at, kq_half_lives[i] *
		    (float)q->day);
}

static void
add_same(struct vmf_kq *q, int64_t t, int32_t back)
{
	int i = q->n_same;

	if (t < 0 || t >= q->at || isnan(q->past[t]))
		return;
	for (; i > 0 && q->rank[q->same[i - 1]] > q->rank[t]; i--) {
		q->same[i] = q->same[i - 1];
		q->back[i] = q->back[i - 1];
	}
	q->same[i] = (int32_t)t;
	q->back[i] = back;
	q->n_same++;
}

void
vmf_kq_same(struct vmf_kq *q, int64_t lead)
{
	int64_t first = lead / q->season + 1, season = q->season;
	float keep[VMF_KQ_SEASONS];

	q->lead = lead;
	q->n_same = 0;
	for (int k = 0; k < VMF_KQ_SEASONS; k++) {
		int64_t t = q->at + lead - (first + k) * season;

		if (t < -1)
			break;
		add_same(q, t, k);
		if (season < 3)
			continue;
		add_same(q, t - 1, -k - 1);
		add_same(q, t + 1, -k - 1);
	}
	for (int m = 0; m < KQ_N_SPARSE; m++) {
		const struct kq_sparse *sp = &kq_sparse[m];
		float *w = q->same_w[m], sum = 0.0f;
		double part = exp2(-(double)season / (double)q->day /
		    (double)sp->half_life), left = 1.0;

		for (int k = 0; k < VMF_KQ_SEASONS; k++, left *= part)
			keep[k] = (float)left;
		for (int i = 0; i < q->n_same; i++) {
			int32_t b = q->back[i];

			w[i] = b < 0 ? keep[-b - 1] * KQ_BESIDE : keep[b];
			if (sp->like != KQ_ANY)
				w[i] *= KQ_SPARSE_FLOOR +
				    q->like[sp->like][q->same[i]];
			sum += w[i];
		}
		for (int i = 0; i < q->n_same; i++)
			w[i] /= sum;
	}
}

void
vmf_kq_lead(struct vmf_kq *q, int64_t lead)
{
	for (int i = 0; i < VMF_KQ_PHASES; i++)
		q->ops->phases(q->phase[i], q->at, q->at + lead, q->season,
		    kq_distances[i] * (float)q->day);
	for (int i = 0; i < VMF_KQ_LIKES; i++) {
		int s = kq_bands[i].state;
		float width = kq_bands[i].band * q->sd[s];

		q->ops->likeness(q->like[i], q->x[s], q->at, lead + 1,
		    q->now[s], width > 0.0f ? 1.0f / width : 0.0f);
	}
	vmf_kq_same(q, lead);
}

/* What member m makes of each step, into w. */
static void
weigh(struct vmf_kq *q, int m, float *w)
{
	const struct kq_dense *d = &kq_dense[m];
	const float *f[3] = { NULL, NULL, NULL };
	float floor[3] = { d->phase_floor, d->like_floor, d->like_floor };

	if (d->phase != KQ_ANY && q->season > 1)
		f[0] = q->phase[d->phase];
	for (int i = 0; i < 2; i++)
		if (d->like[i] != KQ_ANY)
			f[1 + i] = q->like[d->like[i]];
	q->ops->product(w, q->at, q->age[d->age], f, floor);
}

/* Add an atom; where there is one of that value already, to it. */
static void
put_atom(struct vmf_kq_mix *x, float v, float a)
{
	int i = x->n;

	for (; i > 0 && x->v[i - 1] > v; i--) {
		x->v[i] = x->v[i - 1];
		x->a[i] = x->a[i - 1];
	}
	x->v[i] = v;
	x->a[i] = a;
	x->n++;
}

/* The value a season before the lead (or more, where that is missing), and
 * the last one. */
static float
value_before(const struct vmf_kq *q, int m)
{
	int64_t back = q->lead / q->season + 1;

	for (int k = 0; m == KQ_SNAIVE && k < SNAIVE_BACK; k++, back++) {
		int64_t t = q->at + q->lead - back * q->season;

		if (t >= 0 && t < q->at && !isnan(q->past[t]))
			return (float)q->past[t];
	}
	for (int64_t t = q->at - 1; t >= 0; t--)
		if (!isnan(q->past[t]))
			return (float)q->past[t];
	return 0.0f;
}

/* Atoms of moved member m; returns 0 where there are none. */
static int
put_moved(const struct vmf_kq *q, struct vmf_kq_mix *x, int m, float share)
{
	const struct kq_moved *k = &kq_moved[m];
	const float *level = q->m[k->state] + q->from;
	double part = exp2(-(double)q->season / (double)q->day /
	    (double)k->half_life), left = 1.0;
	float v[VMF_KQ_MOVED], w[VMF_KQ_MOVED], sum = 0.0f;
	int64_t t = q->at + q->lead - (q->lead / q->season + 1) * q->season;
	int n = 0;

	for (int i = 0; i < VMF_KQ_MOVED && t > q->lead; i++) {
		if (!isnan(q->past[t])) {
			v[n] = (float)q->past[t] + k->part *
			    (level[q->at - 1] - level[t - q->lead - 1]);
			/* A load that was never negative is not foretold to
			 * be. */
			if (v[n] < 0.0f && q->value[0] >= 0.0f)
				v[n] = 0.0f;
			w[n++] = (float)left;
			sum += (float)left;
		}
		left *= part;
		t -= q->season;
	}
	for (int i = 0; i < n; i++)
		put_atom(x, v[i], share * w[i] / sum);
	return n;
}

/* Atoms of the sparse members, by their shares. */
static void
put_members(const struct vmf_kq *q, struct vmf_kq_mix *x, const float *share)
{
	float all = 0.0f;

	x->n = 0;
	for (int m = 0; m < KQ_N_SPARSE; m++)
		all += share[KQ_N_DENSE + m];
	for (int i = 0; all > 0.0f && i < q->n_same; i++) {
		float w = 0.0f;

		for (int m = 0; m < KQ_N_SPARSE; m++)
			w += share[KQ_N_DENSE + m] * q->same_w[m][i];
		x->v[x->n] = q->value[q->rank[q->same[i]]];
		x->a[x->n++] = w;
	}
	/* Without a step of that phase, what comes nearest. */
	if (q->n_same == 0 && all > 0.0f)
		put_atom(x, value_before(q, KQ_SNAIVE), all);
	for (int m = 0; m < KQ_N_MOVED; m++)
		if (share[KQ_MOVED + m] > SHARE_MIN && put_moved(q, x, m,
		    share[KQ_MOVED + m]) == 0)
			put_atom(x, value_before(q, KQ_SNAIVE),
			    share[KQ_MOVED + m]);
	for (int m = KQ_SNAIVE; m <= KQ_NAIVE; m++)
		if (share[m] > SHARE_MIN)
			put_atom(x, value_before(q, m), share[m]);
}

static void
add_up(const struct vmf_kq *q, struct vmf_kq_mix *x, bool dense)
{
	int64_t runs = dense ? (q->known + RUN - 1) / RUN : 0;

	x->total = 0.0;
	for (int64_t r = 0; r < runs; r++)
		x->total += (double)x->run[r];
	for (int i = 0; i < x->n; i++)
		x->total += (double)x->a[i];
}

/* Quantiles by walking up both the sorted steps, known of them, and the
 * atoms. */
static void
walk(const struct vmf_kq_mix *x, const float *value, int64_t known,
    const double *level, int n, float *v)
{
	int64_t i = 0;
	double cum = 0.0;
	float last = known > 0 ? value[0] : x->v[0];
	int a = 0;

	for (int l = 0; l < n; l++) {
		double target = level[l] * x->total;

		while (cum < target && (i < known || a < x->n)) {
			bool step = i < known && (a == x->n ||
			    value[i] <= x->v[a]);
			float w;

			if (i < known && i % RUN == 0) {
				int64_t end = i + RUN < known ? i + RUN :
				    known;
				double sum = cum + (double)x->run[i / RUN];
				int b = a;

				while (b < x->n && x->v[b] <= value[end - 1])
					sum += (double)x->a[b++];
				if (sum < target) {
					cum = sum;
					i = end;
					a = b;
					last = value[end - 1];
					continue;
				}
			}
			w = step ? x->s[i] : x->a[a];
			if (w > 0.0f)
				last = step ? value[i] : x->v[a];
			cum += (double)w;
			if (step)
				i++;
			else
				a++;
		}
		v[l] = last;
	}
}

void
vmf_kq_member(struct vmf_kq *q, int m, const double *level, int n, float *v)
{
	struct vmf_kq_mix *x = &q->mix[OWN];

	x->n = 0;
	if (m < KQ_N_DENSE) {
		weigh(q, m, x->w);
		x->total = (double)q->ops->sorted(x->s, x->run, q->known,
		    x->w, q->rank, q->at);
		walk(x, q->value, q->known, level, n, v);
	} else {
		float share[VMF_KQ_MEMBERS] = { 0.0f };

		share[m] = 1.0f;
		put_members(q, x, share);
		add_up(q, x, false);
		walk(x, q->value, 0, level, n, v);
	}
}

void
vmf_kq_mix_dense(struct vmf_kq *q, const float *share[2])
{
	float *w = q->mix[OWN].w;

	for (int i = 0; i < 2; i++)
		memset(q->mix[i].w, 0, (size_t)q->at * sizeof(float));
	for (int m = 0; m < KQ_N_DENSE; m++) {
		float all;

		if (!(share[0][m] > SHARE_MIN) &&
		    !(share[1] != NULL && share[1][m] > SHARE_MIN))
			continue;
		weigh(q, m, w);
		all = q->ops->dot(w, q->one, q->at);
		for (int i = 0; i < 2 && share[i] != NULL && all > 0.0f; i++)
			q->ops->add(q->mix[i].w, w, q->at, share[i][m] / all);
	}
	for (int i = 0; i < 2 && share[i] != NULL; i++)
		(void)q->ops->sorted(q->mix[i].s, q->mix[i].run, q->known,
		    q->mix[i].w, q->rank, q->at);
}

void
vmf_kq_mix_atoms(struct vmf_kq *q, const float *share[2], const float *v,
    const float other[2])
{
	for (int i = 0; i < 2 && share[i] != NULL; i++) {
		struct vmf_kq_mix *x = &q->mix[i];

		put_members(q, x, share[i]);
		for (int j = 0; v != NULL && other[i] > 0.0f &&
		    j < VMF_KQ_LEVELS; j++)
			put_atom(x, v[j], other[i] * level_mass[j]);
		add_up(q, x, true);
	}
}

void
vmf_kq_quantiles(const struct vmf_kq *q, int i, const double *level, int n,
    float *v)
{
	walk(&q->mix[i], q->value, q->known, level, n, v);
}

double
vmf_kq_mean(const struct vmf_kq *q, int i)
{
	const struct vmf_kq_mix *x = &q->mix[i];
	double sum = (double)q->ops->dot(x->s, q->value, q->known);

	for (int a = 0; a < x->n; a++)
		sum += (double)x->a[a] * (double)x->v[a];
	return sum / x->total;
}

void
vmf_kq_pit(const struct vmf_kq *q, int k, double y, double *below,
    double *upto)
{
	const struct vmf_kq_mix *x = &q->mix[k];
	float v = (float)y;
	int64_t i = 0;

	*below = 0.0;
	while (i + RUN <= q->known && q->value[i + RUN - 1] < v) {
		*below += (double)x->run[i / RUN];
		i += RUN;
	}
	for (; i < q->known && q->value[i] < v; i++)
		*below += (double)x->s[i];
	*upto = *below;
	for (; i < q->known && q->value[i] <= v; i++)
		*upto += (double)x->s[i];
	for (int a = 0; a < x->n; a++) {
		*below += x->v[a] < v ? (double)x->a[a] : 0.0;
		*upto += x->v[a] <= v ? (double)x->a[a] : 0.0;
	}
	*below /= x->total;
	*upto = *upto < x->total ? *upto / x->total : 1.0;
	if (*below > *upto)
		*below = *upto;
}
