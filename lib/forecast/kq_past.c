/* SPDX-License-Identifier: MIT */
/* What the steps of the past weigh, from an origin, at a lead. */
#include "forecast/kq_mix.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "forecast/kq_shares.h"
#include "series/exact.h"

/* Sorted steps of which one sum of weights is kept, as in kq_kernel.h. */
#define RUN 64
/* Days that are looked back from the last known value: longer ago weighs a
 * quarter at most. */
#define DAYS_BACK 60
/* A level is wholly new so far outside of the range of those seen, in parts of
 * it and so much more (in log2 of the load). */
#define NOVEL_TO 0.15f
#define NOVEL_MORE 0.1f

void
vmf_kq_free(struct vmf_kq *q)
{
	free(q->floats);
	free(q->ints);
	*q = (struct vmf_kq){ 0 };
}

/* Lags, from the least on, that one origin's rows are for: two and a half
 * days, as far as leads are scored. */
static int64_t
span_of(const struct vmf_kq *q)
{
	return q->day * 5 / 2 + 1;
}

/* Each family into the lanes of its vector; those that are left over are like
 * its last. */
static void
set_lanes(struct vmf_kq *q)
{
	for (int k = 0; k < VMF_KQ_VECTORS; k++)
		q->vector[k].n = 0;
	for (int m = 0; m < KQ_N_DENSE; m++) {
		struct vmf_kq_vector *v = &q->vector[vmf_kq_family(m)];

		assert(v->n < VMF_KQ_LANES);
		v->member[v->n++] = m;
	}
	for (int k = 0; k < VMF_KQ_VECTORS; k++) {
		struct vmf_kq_vector *v = &q->vector[k];

		for (int i = v->n; i < VMF_KQ_LANES; i++)
			v->member[i] = v->member[v->n - 1];
	}
}

static void
describe(struct vmf_kq *q, struct vmf_kq_vector *v)
{
	for (int i = 0; i < VMF_KQ_LANES; i++) {
		const struct kq_dense *d = &kq_dense[v->member[i]];

		for (int k = 0; k < 2; k++)
			v->like[i][k] = d->like[k] == KQ_ANY ? NULL :
			    q->like[d->like[k]];
		v->floor[i] = d->like_floor;
		v->half_life[i] = kq_half_lives[d->age] * (float)q->day;
	}
}

/* What the same time of other days counts in a week. */
static void
add_days(const struct vmf_kq *q, const struct vmf_kq_vector *v)
{
	int64_t day = q->week / 7;

	/* Days of other lengths have no same time. */
	for (int64_t j = 0; j < 2 * q->week && q->week % 7 == 0; j++) {
		int64_t d = j % q->week, in_day;
		const float *same;

		d = d > q->week - d ? q->week - d : d;
		in_day = d % day;
		in_day = in_day > day - in_day ? day - in_day : in_day;
		/* Rows of the day itself stay as they are. */
		if (d == in_day)
			continue;
		same = v->moments + in_day * VMF_KQ_LANES;
		for (int i = 0; i < VMF_KQ_LANES; i++) {
			const struct kq_dense *m = &kq_dense[v->member[i]];

			v->moments[j * VMF_KQ_LANES + i] +=
			    kq_phases[m->phase].others *
			    (same[i] - m->phase_floor);
		}
	}
}

static void
set_moments(const struct vmf_kq *q, const struct vmf_kq_vector *v, bool week)
{
	float k[VMF_KQ_LANES], floor[VMF_KQ_LANES];
	float day = week ? (float)q->week / 7.0f : (float)q->day;

	for (int i = 0; i < VMF_KQ_LANES; i++) {
		const struct kq_dense *d = &kq_dense[v->member[i]];
		float sd = kq_phases[d->phase].days * day;

		/* exp(-d^2 / (2 sd^2)) = 2^-(d^2 log2(e) / (2 sd^2)) */
		k[i] = 0.72134752f / (sd * sd);
		floor[i] = d->phase_floor;
	}
	q->ops->moments(v->moments, week ? q->week : q->season, k, floor);
	if (week)
		add_days(q, v);
}

/* Of half-life m, what is left after so many seasons. */
static void
set_left(struct vmf_kq *q, int m, float half_life)
{
	double part = exp2(-(double)q->season / (double)q->day /
	    (double)half_life), all = 1.0;

	for (int k = 0; k < VMF_KQ_SEASONS; k++, all *= part)
		q->left[m][k] = (float)all;
}

static void
set_all_left(struct vmf_kq *q)
{
	int m = 0;

	for (int i = 0; i < KQ_N_SPARSE; i++)
		set_left(q, m++, kq_sparse[i].half_life);
	for (int i = 0; i < KQ_N_MOVED; i++)
		set_left(q, m++, kq_moved[i].half_life);
	for (int i = 0; i < KQ_N_SCALED; i++)
		set_left(q, m++, kq_scaled[i].half_life);
	for (int i = 0; i < KQ_N_PERIODIC; i++)
		q->period_left[i] = (float)exp2(
		    -1.0 / (double)kq_periodic[i].half_life);
}

static int
make_room(struct vmf_kq *q, struct vmf_err *e)
{
	int64_t one = (q->n + RUN + 31) / 16 * 16;
	int64_t rows = (one + span_of(q)) * VMF_KQ_LANES;
	int64_t seasons = 2 * q->season * VMF_KQ_LANES;
	int64_t weeks = 2 * q->week * VMF_KQ_LANES;
	int64_t weighed = q->again ? VMF_KQ_VECTORS : 1;
	int64_t need = seasons + weeks + one * (2 * VMF_KQ_STATES +
	    VMF_KQ_LIKES + 4 + 2 * 2 + weighed * VMF_KQ_LANES) +
	    rows * VMF_KQ_VECTORS;
	int64_t cap = q->floats_cap;
	float *p;
	int rc;

	if ((rc = vmf_grow(&q->floats, &q->floats_cap, need + 16, e)) != 0 ||
	    (rc = vmf_grow(&q->ints, &q->ints_cap, 6 * one, e)) != 0)
		return rc;
	/* What stands after an array's end must be a number. */
	if (cap != q->floats_cap) {
		memset(q->floats, 0, (size_t)q->floats_cap *
		    sizeof(*q->floats));
		q->moments_season = 0;
	}
	p = (float *)(void *)(((uintptr_t)q->floats + 63) & ~(uintptr_t)63);
	/* First, so that they stay from series to series. */
	for (int v = 0; v < VMF_KQ_VECTORS; v++)
		q->vector[v].moments = v == KQ_F_DAY ? p :
		    v == KQ_F_WEEK && weeks > 0 ? p + seasons : NULL;
	p += seasons + weeks;
	for (int v = 0; v < VMF_KQ_VECTORS; v++, p += rows)
		q->vector[v].rows = p;
	for (int v = 0; v < VMF_KQ_VECTORS; v++)
		q->vector[v].w = p + (v % weighed) * one * VMF_KQ_LANES;
	p += weighed * one * VMF_KQ_LANES;
	for (int i = 0; i < VMF_KQ_STATES; i++, p += 2 * one) {
		q->m[i] = p;
		q->x[i] = p + one;
	}
	for (int i = 0; i < VMF_KQ_LIKES; i++, p += one)
		q->like[i] = p;
	q->value = p;
	q->gap = p + one;
	q->lags = p + 2 * one;
	q->thin = p + 3 * one;
	p += 4 * one;
	for (int i = 0; i < 2; i++, p += 2 * one) {
		q->mix[i].s = p;
		q->mix[i].run = p + one;
	}
	q->order = q->ints;
	q->order_phase = q->ints + one;
	q->order_week = q->ints + 2 * one;
	q->step = q->ints + 3 * one;
	q->phase = q->ints + 4 * one;
	q->in_week = q->ints + 5 * one;
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

/* Means of what is known in the last w steps; where nothing is, as it was a day
 * before, as the last level known may be of another time of day.  What a sum
 * rounds off is kept: a value of 1e20 takes the others with it, and leaves the
 * window again. */
static void
window_means(float *m, const double *y, int64_t n, int64_t w, int64_t day)
{
	double sum = 0.0, rest = 0.0, off;
	int64_t known = 0;

	for (int64_t t = 0; t < n; t++) {
		if (!isnan(y[t])) {
			sum = vmf_two_sum(sum, y[t], &off);
			rest += off;
			known++;
		}
		if (t >= w && !isnan(y[t - w])) {
			sum = vmf_two_sum(sum, -y[t - w], &off);
			rest += off;
			known--;
		}
		if (known == 0)
			sum = rest = 0.0;
		m[t] = known > 0 ? (float)((sum + rest) / (double)known) :
		    m[t >= day ? t - day : t - 1];
	}
}

int
vmf_kq_series(struct vmf_kq *q, const double *y, int64_t n, int64_t season,
    int64_t day, int64_t week, int64_t monday, struct vmf_err *e)
{
	bool anew;
	int rc;

	q->y = y;
	q->n = n;
	q->season = season;
	q->day = day;
	q->week = week;
	q->monday = monday;
	set_lanes(q);
	if ((rc = make_room(q, e)) != 0)
		return rc;
	anew = season != q->moments_season || day != q->moments_day ||
	    week != q->moments_week;
	for (int v = 0; v < VMF_KQ_VECTORS; v++) {
		describe(q, &q->vector[v]);
		if (q->vector[v].moments != NULL && anew)
			set_moments(q, &q->vector[v], v == KQ_F_WEEK);
	}
	if (anew)
		set_all_left(q);
	q->moments_season = season;
	q->moments_day = day;
	q->moments_week = week;
	q->period_at = -1;
	q->n_order = 0;
	for (int64_t t = 0; t < n; t++)
		if (!isnan(y[t]))
			q->order[q->n_order++] = (int32_t)t;
	sort_steps(q->order, q->step, q->n_order, y);
	for (int64_t i = 0; i < q->n_order; i++) {
		q->order_phase[i] = (int32_t)(q->order[i] % season);
		q->order_week[i] = week > 0 ? (int32_t)(q->order[i] % week) :
		    0;
	}
	for (int i = 0; i < VMF_KQ_STATES; i++) {
		int64_t w = (int64_t)(kq_windows[i].day * (double)day + 0.5);

		window_means(q->m[i], y, n, w > kq_windows[i].steps ? w :
		    kq_windows[i].steps, day);
	}
	return 0;
}

/*
 * What states and ages make of each step, for lags (from the state that is
 * looked at to the step) from base on.  A step's weight by age is, but for a
 * factor that all of a lag share, that of the step whose state is looked at:
 * so one row is for both, at every lag.
 */
static void
set_rows(struct vmf_kq *q, int64_t base)
{
	int64_t n = q->at > base ? q->at - base : 0;

	q->base = base;
	for (int v = 0; v < VMF_KQ_VECTORS; v++) {
		q->vector[v].weighed = 0;
		if (q->asleep >> v & 1)
			continue;
		q->ops->factors(q->vector[v].rows, n, q->at + span_of(q) - n,
		    q->vector[v].like, q->vector[v].floor,
		    q->vector[v].half_life);
	}
}

/* How new the level of the quarter of a day before an origin is: 0 where it is
 * among those seen up to a day and a half before, 1 far outside. */
static float
novelty(const struct vmf_kq *q)
{
	const float *x = q->x[KQ_QUARTER];
	int64_t first = q->day / 4, n = q->at - q->day * 3 / 2;
	float lo = INFINITY, hi = -INFINITY, now, out;

	if (n < 2 * q->day)
		return 0.0f;
	for (int64_t u = first; u < n; u++) {
		lo = x[u] < lo ? x[u] : lo;
		hi = x[u] > hi ? x[u] : hi;
	}
	now = x[q->at - 1];
	out = now < lo ? lo - now : now > hi ? now - hi : 0.0f;
	out /= NOVEL_TO * (hi - lo + NOVEL_MORE);
	return out < 1.0f ? out : 1.0f;
}

/* How far the last day lies outside of what the same hours of a week were, that
 * of three to nine days ago, by half of the range of each: 0 where 15 of its 24
 * hours do at most, 1 where 21 do.  So that a level that is two days old is not
 * held against itself; what is three days old the past knows. */
static float
settled(const struct vmf_kq *q)
{
	enum { FROM = 3, TO = 9, HOURS = 24 };
	const float *x = q->x[KQ_HOUR];
	int outside = 0;

	if (q->at < (TO + 1) * q->day)
		return 0.0f;
	for (int h = 0; h < HOURS; h++) {
		int64_t t = q->at - 1 - h * q->day / HOURS;
		float lo = INFINITY, hi = -INFINITY, more;

		for (int d = FROM; d <= TO; d++) {
			float v = x[t - d * q->day];

			lo = v < lo ? v : lo;
			hi = v > hi ? v : hi;
		}
		more = 0.5f * (hi - lo) + NOVEL_MORE;
		outside += x[t] < lo - more || x[t] > hi + more;
	}
	return fminf(fmaxf((float)(outside - 15) / 6.0f, 0.0f), 1.0f);
}

/* Bits of the members that say nothing, where so much is asleep. */
static uint64_t
silent(unsigned asleep)
{
	uint64_t bits = 0;

	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		bits |= (uint64_t)vmf_kq_sleeps(asleep, m) << m;
	return bits;
}

void
vmf_kq_origin(struct vmf_kq *q, int64_t t)
{
	int64_t last = t - 1, from;
	double sum = 0.0;
	float sd[VMF_KQ_STATES], scale, bound[2];

	while (last > 0 && isnan(q->y[last]))
		last--;
	from = last >= DAYS_BACK * q->day ? last + 1 - DAYS_BACK * q->day : 0;
	q->past = q->y + from;
	q->from = from;
	q->at = t - from;
	q->known = 0;
	q->asleep = vmf_kq_asleep(q->without, q->week, q->at, q->day,
	    vmf_kq_period(q, t));
	q->silent = silent(q->asleep);
	q->waiting = silent(q->asleep & ~q->without);
	for (int64_t i = 0; i < q->n_order; i++) {
		int64_t u = q->order[i] - from;

		/* Written in any case, so that there is no branch to be
		 * predicted. */
		q->step[q->known] = (int32_t)u;
		q->phase[q->known] = q->order_phase[i];
		q->in_week[q->known] = q->order_week[i];
		q->known += u >= 0 && u < q->at;
	}
	for (int64_t i = 0; i < q->known; i++)
		q->value[i] = (float)q->past[q->step[i]];
	vmf_kq_fence(q, bound);
	for (int64_t i = 0; i < q->known; i++)
		sum += q->value[i] < bound[0] ? fabs((double)bound[0]) :
		    q->value[i] > bound[1] ? fabs((double)bound[1]) :
		    fabs(q->past[q->step[i]]);
	for (int64_t i = 0; i < q->known; i++)
		q->gap[i] = i + 1 < q->known ? q->value[i + 1] - q->value[i] :
		    0.0f;
	/* Behind the values there is nothing: dot products run over. */
	memset(q->value + q->known, 0, VMF_KQ_LANES * sizeof(*q->value));
	scale = q->known > 0 ? (float)(sum / (double)q->known) : 0.0f;
	if (!(scale > 1e-30f))
		scale = 1e-30f;
	for (int i = 0; i < VMF_KQ_STATES; i++) {
		q->ops->states(q->x[i], q->m[i] + from, q->at, scale);
		sd[i] = sqrtf(q->ops->variance(q->x[i], q->at));
	}
	q->news = (struct vmf_kq_news){ novelty(q), settled(q) };
	q->last = (float)q->y[last];
	for (int i = 0; i < VMF_KQ_LIKES; i++) {
		int s = kq_bands[i].state;
		float width = kq_bands[i].band * sd[s];

		q->narrow[i] = width > 0.0f ? 1.0f / width : 0.0f;
		q->ops->likeness(q->like[i], q->x[s], q->at,
		    q->x[s][q->at - 1], q->narrow[i]);
	}
	set_rows(q, 1);
}

/* ---- single steps ---- */

/* A value of the very same step of the season, or beside it. */
struct same {
	float v;
	int32_t step, back;		/* seasons; negative: beside */
};

static int
add_same(const struct vmf_kq *q, struct same *x, int n, int64_t t,
    int32_t back)
{
	int i = n;
	float v;

	if (t < 0 || t >= q->at || isnan(q->past[t]))
		return n;
	v = (float)q->past[t];
	for (; i > 0 && x[i - 1].v > v; i--)
		x[i] = x[i - 1];
	x[i] = (struct same){ v, (int32_t)t, back };
	return n + 1;
}

/* Values at the very same step of seasons past and beside it, ascending. */
static int
find_same(const struct vmf_kq *q, struct same *x)
{
	int64_t first = q->lead / q->season + 1;
	int n = 0;

	for (int k = 0; k < VMF_KQ_SEASONS; k++) {
		int64_t t = q->at + q->lead - (first + k) * q->season;

		if (t < -1)
			break;
		n = add_same(q, x, n, t, k);
		if (q->season < 3)
			continue;
		n = add_same(q, x, n, t - 1, -k - 1);
		n = add_same(q, x, n, t + 1, -k - 1);
	}
	return n;
}

/* What weighs in one lane only. */
struct moved {
	float v, w;
	int lane;
};

static void
add_moved(struct moved *x, int *n, float v, float w, int lane)
{
	int i = (*n)++;

	for (; i > 0 && x[i - 1].v > v; i--)
		x[i] = x[i - 1];
	x[i] = (struct moved){ v, w, lane };
}

/* Values of moved member m. */
static void
find_moved(const struct vmf_kq *q, int m, struct moved *x, int *n)
{
	const struct kq_moved *k = &kq_moved[m];
	const float *level = q->m[k->state] + q->from;
	int64_t t = q->at + q->lead - (q->lead / q->season + 1) * q->season;

	for (int i = 0; i < VMF_KQ_MOVED && t > q->lead; i++) {
		if (!isnan(q->past[t])) {
			float v = (float)q->past[t] + k->part *
			    (level[q->at - 1] - level[t - q->lead - 1]);

			/* A load that was never negative is not predicted to
			 * be. */
			if (v < 0.0f && q->value[0] >= 0.0f)
				v = 0.0f;
			add_moved(x, n, v, q->left[KQ_N_SPARSE + m][i],
			    KQ_N_SPARSE + m);
		}
		t -= q->season;
	}
}

/* What a value of the same step weighs in the sparse members' lanes. */
static void
put_same(const struct vmf_kq *q, const struct same *s, float *w)
{
	int64_t at = s->step - q->lead - 1;

	for (int m = 0; m < KQ_N_SPARSE; m++) {
		int like = kq_sparse[m].like;

		w[m] = s->back < 0 ? KQ_BESIDE * q->left[m][-s->back - 1] :
		    q->left[m][s->back];
		if (like != KQ_ANY)
			w[m] *= KQ_SPARSE_FLOOR +
			    (at < 0 ? 0.0f : q->like[like][at]);
	}
}

void
vmf_kq_single(struct vmf_kq *q, int64_t lead)
{
	struct same same[VMF_KQ_SAME];
	struct moved moved[KQ_N_MOVED * VMF_KQ_MOVED + VMF_KQ_LANES];
	int n_same, n_moved = 0, i = 0, k = 0, n = 0;
	float before;

	q->lead = lead;
	before = vmf_kq_before(q);
	vmf_kq_find_few(q);
	n_same = find_same(q, same);
	/* Without a step of that phase, what comes nearest. */
	for (int m = 0; m < KQ_N_SPARSE && n_same == 0; m++)
		add_moved(moved, &n_moved, before, 1.0f, m);
	for (int m = 0; m < KQ_N_MOVED; m++) {
		int had = n_moved;

		find_moved(q, m, moved, &n_moved);
		if (n_moved == had)
			add_moved(moved, &n_moved, before, 1.0f,
			    KQ_N_SPARSE + m);
	}
	add_moved(moved, &n_moved, before, 1.0f, KQ_SNAIVE - KQ_N_DENSE);
	memset(q->single_w, 0, (size_t)(n_same + n_moved + VMF_KQ_LANES) *
	    VMF_KQ_LANES * sizeof(*q->single_w));
	for (; i < n_same || k < n_moved; n++) {
		float *w = q->single_w + n * VMF_KQ_LANES;

		if (k == n_moved || (i < n_same && same[i].v <= moved[k].v)) {
			q->single[n] = same[i].v;
			put_same(q, &same[i++], w);
		} else {
			q->single[n] = moved[k].v;
			w[moved[k].lane] = moved[k].w;
			k++;
		}
	}
	q->ops->total(q->single_total, q->single_w, n);
	q->n_single = n;
}

void
vmf_kq_lead(struct vmf_kq *q, int64_t lead)
{
	int64_t lag = lead + 1;

	if (lag < q->base || lag > q->base + span_of(q))
		set_rows(q, lag);
	vmf_kq_single(q, lead);
}

void
vmf_kq_weigh(struct vmf_kq *q, struct vmf_kq_vector *v)
{
	int64_t lag = q->lead + 1;
	const float *rows = v->rows + (span_of(q) - (lag - q->base)) *
	    VMF_KQ_LANES, *moments = v->moments;
	bool week = v == &q->vector[KQ_F_WEEK];
	int64_t period = week ? q->week : q->season;

	if (q->again && v->weighed == lag)
		return;
	v->weighed = lag;
	if (moments != NULL)
		moments += ((q->from + q->at + q->lead) % period + period) *
		    VMF_KQ_LANES;
	q->ops->weigh(v->w, v->total, q->known, rows, q->step, moments,
	    week ? q->in_week : q->phase);
}
