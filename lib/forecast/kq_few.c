/* SPDX-License-Identifier: MIT */
/* The members that stand on a few single values: of weeks past, of days of a
 * kind, of days past by the level's scale, and of a period found. */
#include "forecast/kq_mix.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

/* Seasons that the last known value at a phase may be old. */
#define SNAIVE_BACK 7
/* Back for the same step of a week, and for that of days of a kind. */
#define WEEKS_BACK 8
#define DAYS_BACK 28
/* What is left of a value's weight a week later: half in four. */
#define WEEK_LEFT 0.8408964f
/* And a day later. */
#define DAY_LEFT 0.9755394f
/* An hour of which it is not known whether it was like another a season before,
 * and what the value of then weighs beside hours. */
#define LIKE_UNKNOWN 0.5f
#define WEIGHT_BEFORE 0.1f
/* A value is not scaled by more. */
#define SCALE_MOST 16.0f
/* Values that weigh less are none. */
#define WEIGHT_LEAST 1e-4f
/* A period has so many steps at least. */
#define PERIOD_LEAST 3
/* And at most so many, or days, or a third of the history; what differs after
 * it is added up over so many steps, or days; and it pays where so much less
 * does than before. */
#define PERIOD_MOST 512
#define PERIOD_OVER 8192
struct search {
	double days, over;
	float gain;
};
static const struct search fine = { 0.25, 3.0, 0.9f };
static const struct search coarse = { 8.0, 21.0, 0.8f };
/* Of several that are nearly as good, the shortest repeats most often. */
#define PERIOD_ALIKE 1.1f
/* Days of history that it takes. */
#define PERIOD_FROM 4

float
vmf_kq_before(const struct vmf_kq *q)
{
	int64_t back = q->lead / q->season + 1;

	for (int k = 0; k < SNAIVE_BACK; k++, back++) {
		int64_t t = q->at + q->lead - back * q->season;

		if (t >= 0 && t < q->at && !isnan(q->past[t]))
			return (float)q->past[t];
	}
	return q->last;
}

/* Among values that ascend. */
static void
add_few(struct vmf_kq_few *x, float v, float w)
{
	int i = x->n++;

	for (; i > 0 && x->v[i - 1] > v; i--) {
		x->v[i] = x->v[i - 1];
		x->w[i] = x->w[i - 1];
	}
	x->v[i] = v;
	x->w[i] = w;
}

/* Their weights to 1; one value where there is none, or none that weighs. */
static void
end_few(struct vmf_kq_few *x, float none)
{
	float all = 0.0f;

	for (int i = 0; i < x->n; i++)
		all += x->w[i];
	if (!(all > 0.0f)) {
		x->n = 0;
		add_few(x, none, 1.0f);
		all = 1.0f;
	}
	for (int i = 0; i < x->n; i++)
		x->w[i] /= all;
}

/* Values at the same step of so many periods past; of a weight of 1, so much
 * is left a period later.  like is NULL, or by step how much the state before
 * it was like that of now. */
static void
find_periods(const struct vmf_kq *q, struct vmf_kq_few *x, int64_t period,
    int most, float left, const float *like)
{
	int64_t t = q->at + q->lead - (q->lead / period + 1) * period;
	float weight = 1.0f;

	for (int k = 0; k < most && t >= 0 && weight > WEIGHT_LEAST; k++) {
		int64_t state = t - q->lead - 1;

		if (!isnan(q->past[t]))
			add_few(x, (float)q->past[t], like == NULL ? weight :
			    weight * (KQ_SPARSE_FLOOR + (state < 0 ? 0.0f :
			    like[state])));
		weight *= left;
		t -= period;
	}
}

/* Values at the same step of so many hours past, each as much as the step was,
 * a season before, like the one looked at (or as many as it takes to know that
 * one; of a season of one step, as the state was like that of now); and the
 * value of then, vmf_kq_before, in case none was.  A burst of an hour that
 * comes once a day is seen to come, and to be over. */
static void
find_hours(const struct vmf_kq *q, struct vmf_kq_few *x, int64_t hour,
    float left, float value)
{
	float state[VMF_KQ_FEW] = { 0.0f }, like[VMF_KQ_FEW];
	int64_t goal = q->at + q->lead;
	int64_t back = (q->lead / q->season + 1) * q->season;
	int64_t before = goal - back;
	int64_t first = goal - (q->lead / hour + 1) * hour;
	float weight = 1.0f;
	int n = 0;

	for (int64_t t = first; n < VMF_KQ_FEW - 1 && t >= back; t -= hour)
		state[n++] = q->x[KQ_LAST][t - back];
	q->ops->likeness(like, state, n, before < 0 ? 0.0f :
	    q->x[KQ_LAST][before], q->narrow[KQ_LAST_30]);
	for (int k = 0; k < VMF_KQ_FEW - 1 && first - k * hour >= 0; k++) {
		double v = q->past[first - k * hour];

		if (!isnan(v))
			add_few(x, (float)v, weight * (before < 0 || k >= n ?
			    LIKE_UNKNOWN : like[k]));
		weight *= left;
	}
	add_few(x, value, WEIGHT_BEFORE);
}

/* Workdays, Saturdays, Sundays: of step t of the past, in UTC. */
static int
kind_of(const struct vmf_kq *q, int64_t t)
{
	int64_t day = (q->monday + q->from + t) % q->week / q->day;

	return day < 5 ? 0 : (int)day;
}

/* Values at the same step of days of its kind. */
static void
find_days(const struct vmf_kq *q, struct vmf_kq_few *x)
{
	int64_t to = q->at + q->lead;
	float weight = 1.0f;

	for (int64_t k = 0; k < DAYS_BACK; k++) {
		int64_t t = to - (q->lead / q->day + 1 + k) * q->day;

		if (t < 0)
			break;
		if (kind_of(q, t) == kind_of(q, to) && !isnan(q->past[t]))
			add_few(x, (float)q->past[t], weight);
		weight *= DAY_LEFT;
	}
}

/* What a level is now in parts of what it was; 1 where either is no load. */
static float
scale_of(float now, float then, bool damped)
{
	float r = now > 0.0f && then > 0.0f ? now / then : 1.0f;

	r = fminf(fmaxf(r, 1.0f / SCALE_MOST), SCALE_MOST);
	/* r^(3/4), by roots: those are the same bytes everywhere. */
	return damped ? sqrtf(r) * sqrtf(sqrtf(r)) : r;
}

/* Values at the same step of the season, by scaled member m. */
static void
find_scaled(const struct vmf_kq *q, struct vmf_kq_few *x, int m)
{
	const struct kq_scaled *k = &kq_scaled[m];
	const float *level = q->m[k->state] + q->from;
	const float *left = q->left[KQ_N_SPARSE + KQ_N_MOVED + m];
	int64_t t = q->at + q->lead - (q->lead / q->season + 1) * q->season;
	float lo, hi, range;

	if (q->known == 0)
		return;
	/* As far as moved values can come. */
	lo = q->value[0];
	hi = q->value[q->known - 1];
	range = hi - lo;
	lo = fmaxf(lo - range, -FLT_MAX);
	hi = fminf(hi + range, FLT_MAX);
	for (int i = 0; i < VMF_KQ_MOVED && t > q->lead; i++, t -= q->season) {
		float v;

		if (isnan(q->past[t]))
			continue;
		v = (float)q->past[t] * scale_of(level[q->at - 1],
		    level[t - q->lead - 1], k->damped);
		add_few(x, fminf(fmaxf(v, lo), hi), left[i]);
	}
}

void
vmf_kq_find_few(struct vmf_kq *q)
{
	struct vmf_kq_few *few = q->few;
	float before = vmf_kq_before(q);

	for (int i = 0; i < VMF_KQ_FEWS; i++)
		few[i].n = 0;
	if (q->week > 0)
		find_periods(q, few, q->week, WEEKS_BACK, WEEK_LEFT, NULL);
	end_few(few++, q->last);
	/* Where days have no same step, weeks have. */
	if (q->week == 7 * q->day)
		find_days(q, few);
	else
		*few = few[-1];
	end_few(few++, q->last);
	for (int m = 0; m < KQ_N_SCALED; m++) {
		find_scaled(q, few, m);
		end_few(few++, before);
	}
	for (int i = 0; i < KQ_N_PERIODIC; i++) {
		const struct kq_periodic *k = &kq_periodic[i];
		int64_t period = k->hour ? vmf_kq_hour(q->day) : q->period;

		if (period > 0 && k->like == KQ_SEASON)
			find_hours(q, few, period, q->period_left[i], before);
		else if (period > 0)
			find_periods(q, few, period, VMF_KQ_FEW,
			    q->period_left[i], k->like == KQ_ANY ? NULL :
			    q->like[k->like]);
		end_few(few++, before);
	}
}

int64_t
vmf_kq_hour(int64_t day)
{
	return day % 24 == 0 && day / 24 >= PERIOD_LEAST ? day / 24 : 0;
}

/* A period is where what differs has risen and falls again, to less than at the
 * lags beside it: what wanders only rises.  *most is the most that differs
 * after fewer steps. */
static bool
is_dip(const float *differs, int64_t p, float gain, float *most)
{
	*most = fmaxf(*most, differs[p - 1]);
	return differs[p] < gain * *most &&
	    differs[p] < differs[p - 1] && differs[p] < differs[p + 1];
}

/* The deepest of the lags from p on that lie below a level one after the
 * other: noise makes dips on the way down. */
static int64_t
deepest(const float *differs, int64_t p, int64_t most, float level)
{
	int64_t best = p;

	for (; p < most && differs[p] <= level; p++)
		best = differs[p] < differs[best] ? p : best;
	return best;
}

/* The period of n steps of x, of which a day has so many; one that beats those
 * of `beside`, where these are among the lags that are looked at. */
static int64_t
find_period(const struct vmf_kq *q, const float *x, int64_t n, int64_t day,
    const struct search *how, const int64_t beside[3])
{
	float *differs = q->lags, enough = INFINITY, least = INFINITY;
	float top = 0.0f;
	int64_t most = (int64_t)(how->days * (double)day);
	int64_t over = (int64_t)(how->over * (double)day), from;

	most = most < PERIOD_MOST ? most : PERIOD_MOST;
	most = (n / 3 < most ? n / 3 : most) / VMF_KQ_LANES * VMF_KQ_LANES;
	from = n - (over < PERIOD_OVER ? over : PERIOD_OVER);
	q->ops->lags(differs, most, x, from < most ? most : from, n);
	for (int i = 0; i < 3; i++)
		if (beside[i] >= PERIOD_LEAST && beside[i] <= most)
			enough = fminf(enough, differs[beside[i]]);
	enough *= how->gain;
	for (int64_t p = PERIOD_LEAST; p < most; p++)
		if (is_dip(differs, p, how->gain, &top) && differs[p] < enough)
			least = fminf(least, differs[p]);
	top = 0.0f;
	for (int64_t p = PERIOD_LEAST; p < most && least < INFINITY; p++)
		if (is_dip(differs, p, how->gain, &top) &&
		    differs[p] <= PERIOD_ALIKE * least)
			return deepest(differs, p, most, PERIOD_ALIKE * least);
	return 0;
}

/* Of the first t steps, which are whole days: where they are short first by
 * steps, then by the mean of each that is left of 24 a day. */
static int64_t
look_for_period(struct vmf_kq *q, int64_t t)
{
	int64_t by = q->day / 24, period;
	int64_t beside[3] = { q->day, q->week, q->season };

	if (t < PERIOD_FROM * q->day)
		return 0;
	if (by < PERIOD_LEAST)
		return find_period(q, q->m[KQ_LAST], t, q->day, &coarse,
		    beside);
	period = find_period(q, q->m[KQ_LAST], t, q->day, &fine, beside);
	if (period > 0)
		return period;
	for (int64_t i = 0; i < t / by; i++)
		q->thin[i] = q->m[KQ_HOUR][(i + 1) * by - 1];
	for (int i = 0; i < 3; i++)
		beside[i] = (beside[i] + by / 2) / by;
	return by * find_period(q, q->thin, t / by, q->day / by, &coarse,
	    beside);
}

int64_t
vmf_kq_period(struct vmf_kq *q, int64_t t)
{
	int64_t days = t / q->day;

	if (days != q->period_at)
		q->period = look_for_period(q, days * q->day);
	q->period_at = days;
	return q->period;
}
