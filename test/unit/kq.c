/* SPDX-License-Identifier: MIT */
/*
 * Kernel quantiles against a slow way: weights by libm in double precision,
 * every step looked at.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "forecast/kq.h"
#include "forecast/kq_mix.h"
#include "forecast/kq_shares.h"
#include "check.h"

#define N 700
#define SEASON 24
#define BLOB_BYTES 1904
#define WEEK (7 * SEASON)
#define MONDAY 60		/* y begins on a Wednesday at 12 */

static double y[N];
static uint32_t seed = 7;

static double
noise(void)
{
	seed = seed * 1664525u + 1013904223u;
	return (double)seed / 4294967296.0;
}

/* A daily cycle with bursts, equal values and gaps. */
static void
make_series(void)
{
	for (int t = 0; t < N; t++) {
		y[t] = 20.0 + 10.0 * sin(6.28318 * t / SEASON) +
		    5.0 * noise();
		if (noise() < 0.05)
			y[t] += 60.0 * noise();
		if (noise() < 0.2)
			y[t] = 12.0;
		if (t > 0 && noise() < 0.1)
			y[t] = NAN;
	}
}

/* Mean of what is known in the w steps up to t; a day before where nothing
 * is. */
static double
window_mean(int64_t t, int64_t w)
{
	for (; t >= 0; t -= t >= SEASON ? SEASON : 1) {
		double sum = 0.0;
		int n = 0;

		for (int64_t u = t; u > t - w && u >= 0; u--)
			if (!isnan(y[u])) {
				sum += y[u];
				n++;
			}
		if (n > 0)
			return sum / n;
	}
	return NAN;
}

static double
state(int s, int64_t t, double scale)
{
	int64_t w = (int64_t)(kq_windows[s].day * SEASON + 0.5);
	double m;

	if (w < kq_windows[s].steps)
		w = kq_windows[s].steps;
	m = window_mean(t, w);
	return m < 0.0 ? -log2(1.0 - m / scale) : log2(1.0 + m / scale);
}

static double
likeness(int l, int64_t t, int64_t at, int64_t lead, double scale)
{
	int s = kq_bands[l].state;
	double mean = 0.0, sq = 0.0, z;

	if (t - lead - 1 < 0)
		return 0.0;
	for (int64_t u = 0; u < at; u++)
		mean += state(s, u, scale) / (double)at;
	for (int64_t u = 0; u < at; u++)
		sq += pow(state(s, u, scale) - mean, 2.0) / (double)at;
	z = (state(s, t - lead - 1, scale) - state(s, at - 1, scale)) /
	    (kq_bands[l].band * sqrt(sq));
	return exp(-0.5 * z * z);
}

/* The shorter way round. */
static int64_t
nearest(int64_t apart, int64_t period)
{
	apart %= period;
	return apart > period - apart ? period - apart : apart;
}

/* What dense member m makes of step t, by its definition; likenesses come
 * from memory, for they are slow. */
static double
weight(int m, int64_t t, int64_t at, int64_t lead,
    double like[VMF_KQ_LIKES][N])
{
	const struct kq_dense *d = &kq_dense[m];
	double w = exp2(-(double)(at - t) / ((double)kq_half_lives[d->age] *
	    SEASON));

	if (d->phase != KQ_ANY) {
		const struct kq_phase *p = &kq_phases[d->phase];
		int64_t in_day = nearest(at + lead - t, SEASON);
		int64_t apart = p->week ? nearest(at + lead - t, WEEK) :
		    in_day;
		double sd = (double)p->days * SEASON;
		double z = (double)apart / sd, of_day = (double)in_day / sd;

		w *= (double)d->phase_floor + exp(-0.5 * z * z) +
		    (apart == in_day ? 0.0 : (double)p->others *
		    exp(-0.5 * of_day * of_day));
	}
	for (int i = 0; i < 2; i++)
		if (d->like[i] != KQ_ANY)
			w *= (double)d->like_floor + like[d->like[i]][t];
	return w;
}

/* The share of weights of values below v, and not above it. */
static void
masses(const double *w, int64_t at, double v, double *below, double *upto)
{
	double all = 0.0;

	*below = *upto = 0.0;
	for (int64_t t = 0; t < at; t++) {
		if (isnan(y[t]))
			continue;
		all += w[t];
		*below += (float)y[t] < (float)v ? w[t] : 0.0;
		*upto += (float)y[t] <= (float)v ? w[t] : 0.0;
	}
	*below /= all;
	*upto /= all;
}

static const double levels[] = { 0.05, 0.1, 0.3, 0.5, 0.8, 0.95 };
enum { N_LEVELS = sizeof(levels) / sizeof(levels[0]) };
#define TOL 2e-4

/* The least value that has level of the weights not above it. */
static double
quantile(const double *w, int64_t at, double level)
{
	double best = INFINITY, below, upto;

	for (int64_t t = 0; t < at; t++) {
		if (isnan(y[t]) || y[t] >= best)
			continue;
		masses(w, at, y[t], &below, &upto);
		if (upto >= level)
			best = y[t];
	}
	return best;
}

/* What is lost by weights when to comes: by its definition. */
static double
loss_of(const double *w, int64_t at, double to, double *err)
{
	double sum = 0.0;

	for (int l = 1; l <= 9; l++) {
		double d = to - (double)(float)quantile(w, at, l / 10.0);

		sum += 2.0 / 9.0 * (d > 0.0 ? l / 10.0 : l / 10.0 - 1.0) * d;
		if (l == 5)
			*err = fabs(d);
	}
	return sum;
}

/* One member alone, mixed. */
static void
mix_one(struct vmf_kq *q, int m)
{
	float share[VMF_KQ_MEMBERS] = { 0.0f };
	const float *both[2] = { share, NULL }, none[2] = { 0.0f, 0.0f };

	share[m] = 1.0f;
	vmf_kq_mix_dense(q, both);
	vmf_kq_mix_atoms(q, both, NULL, none);
}

/* Member m loses by judge what it does by its definition, for a y below all
 * values, among them, one of them, and above. */
static void
check_losses(struct vmf_kq *q, int m, const double *w, int64_t at)
{
	static const double to[] = { -3.0, 11.0, 12.0, 21.37, 130.0 };
	float share[VMF_KQ_MEMBERS] = { 0.0f }, loss[VMF_KQ_MEMBERS];
	float err[VMF_KQ_MEMBERS];

	share[m] = 1.0f;
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		double slow_err = NAN, slow = loss_of(w, at, to[i],
		    &slow_err);

		vmf_kq_judge(q, to[i], share, loss, err);
		check(fabs((double)loss[m] - slow) <= 1e-4 * slow + 1e-4,
		    "what a member loses");
		check(fabs((double)err[m] - slow_err) <= 1e-4 * slow_err +
		    1e-4, "the error of its median");
	}
}

static void
test_dense(struct vmf_kq *q, int64_t at, int64_t lead)
{
	static double like[VMF_KQ_LIKES][N], w[N], mixed[N];
	double scale = 0.0, below, upto, got_below, got_upto;
	float share[VMF_KQ_MEMBERS] = { 0.0f };
	const float *both[2] = { share, NULL }, none[2] = { 0.0f, 0.0f };
	float v[N_LEVELS];
	int64_t n = 0;

	for (int64_t t = 0; t < at; t++)
		if (!isnan(y[t])) {
			scale += fabs(y[t]);
			n++;
		}
	scale /= (double)n;
	/* Each state's deviation once, by hand: the same as likeness(). */
	for (int l = 0; l < VMF_KQ_LIKES; l++) {
		static double x[N];
		double mean = 0.0, sq = 0.0;

		for (int64_t t = 0; t < at; t++) {
			x[t] = state(kq_bands[l].state, t, scale);
			mean += x[t] / (double)at;
		}
		for (int64_t t = 0; t < at; t++)
			sq += (x[t] - mean) * (x[t] - mean) / (double)at;
		for (int64_t t = 0; t < at; t++) {
			double z = t <= lead ? INFINITY : (x[t - lead - 1] -
			    x[at - 1]) / ((double)kq_bands[l].band *
			    sqrt(sq));

			like[l][t] = exp(-0.5 * z * z);
		}
	}
	check(fabs(like[3][at - 9] - likeness(3, at - 9, at, lead, scale)) <=
	    1e-12, "the slow way in two ways");
	vmf_kq_origin(q, at);
	vmf_kq_lead(q, lead);
	memset(mixed, 0, sizeof(mixed));
	check(q->asleep == ((at < WEEK ? 1u << KQ_F_WEEK : 0) |
	    VMF_KQ_NO_HOUR | VMF_KQ_NO_PERIOD), "no week has passed");
	for (int m = 0; m < KQ_N_DENSE; m++) {
		double all = 0.0;

		if (q->asleep >> vmf_kq_family(m) & 1)
			continue;
		for (int64_t t = 0; t < at; t++) {
			w[t] = weight(m, t, at, lead, like);
			all += isnan(y[t]) ? 0.0 : w[t];
		}
		mix_one(q, m);
		vmf_kq_quantiles(q, 0, levels, N_LEVELS, v);
		for (int l = 0; l < N_LEVELS; l++) {
			masses(w, at, (double)v[l], &below, &upto);
			check(below <= levels[l] + TOL &&
			    upto >= levels[l] - TOL, "quantile of a member");
		}
		check_losses(q, m, w, at);
		share[m] = (float)(m + 1);
		for (int64_t t = 0; t < at; t++)
			mixed[t] += (m + 1) * w[t] / all;
	}
	vmf_kq_mix_dense(q, both);
	vmf_kq_mix_atoms(q, both, NULL, none);
	vmf_kq_quantiles(q, 0, levels, N_LEVELS, v);
	for (int l = 0; l < N_LEVELS; l++) {
		masses(mixed, at, (double)v[l], &below, &upto);
		check(below <= levels[l] + TOL && upto >= levels[l] - TOL,
		    "quantile of a mixture");
		vmf_kq_pit(q, 0, (double)v[l], &got_below, &got_upto);
		check(fabs(got_below - below) <= TOL &&
		    fabs(got_upto - upto) <= TOL, "shares of a mixture");
	}
}

/* The same step of seasons past at 2^(-age / half-life), those beside it at
 * 0.3 of that; and single values. */
static void
test_sparse(struct vmf_kq *q, int64_t at, int64_t lead)
{
	static double w[N];
	double one = 0.5, below, upto;
	float v[N_LEVELS];

	vmf_kq_origin(q, at);
	vmf_kq_lead(q, lead);
	for (int m = 0; m < 2; m++) {
		memset(w, 0, sizeof(w));
		for (int64_t k = lead / SEASON + 1, i = 0;
		    i < VMF_KQ_SEASONS; k++, i++)
			for (int64_t t = at + lead - k * SEASON - 1, j = -1;
			    j <= 1; j++, t++)
				if (t >= 0 && t < at && !isnan(y[t]))
					w[t] += (j == 0 ? 1.0 : 0.3) *
					    exp2(-(double)i / (double)
					    kq_sparse[m].half_life);
		mix_one(q, KQ_N_DENSE + m);
		vmf_kq_quantiles(q, 0, levels, N_LEVELS, v);
		for (int l = 0; l < N_LEVELS; l++) {
			masses(w, at, (double)v[l], &below, &upto);
			check(below <= levels[l] + TOL &&
			    upto >= levels[l] - TOL, "the very same step");
		}
		check_losses(q, KQ_N_DENSE + m, w, at);
	}
	mix_one(q, KQ_NAIVE);
	vmf_kq_quantiles(q, 0, &one, 1, v);
	for (at--; isnan(y[at]); at--)
		continue;
	check(v[0] == (float)y[at], "the last value");
}

/* What the member of a few values makes of them, w[] being their weights. */
static void
check_few(struct vmf_kq *q, int member, const double *w, int64_t at)
{
	double below, upto;
	float v[N_LEVELS];

	mix_one(q, member);
	vmf_kq_quantiles(q, 0, levels, N_LEVELS, v);
	for (int l = 0; l < N_LEVELS; l++) {
		masses(w, at, (double)v[l], &below, &upto);
		check(below <= levels[l] + TOL && upto >= levels[l] - TOL,
		    "quantile of a few");
	}
	check_losses(q, member, w, at);
}

static int
kind(int64_t t)
{
	int64_t day = (t + MONDAY) / SEASON % 7;

	return day == 6 ? 2 : day == 5;
}

/* The same step of workdays, of Saturdays, or of Sundays. */
static void
test_days(struct vmf_kq *q, int64_t at, int64_t lead)
{
	static double w[N];

	vmf_kq_origin(q, at);
	vmf_kq_lead(q, lead);
	memset(w, 0, sizeof(w));
	for (int64_t t = at + lead - (lead / SEASON + 1) * SEASON, k = 0;
	    t >= 0 && k < 28; t -= SEASON, k++)
		w[t] = isnan(y[t]) || kind(t) != kind(at + lead) ? 0.0 :
		    exp2(-(double)k / 28.0);
	check_few(q, KQ_DAYS, w, at);
}

/* The same step of weeks past, half as much after four. */
static void
test_weekly(struct vmf_kq *q, int64_t at, int64_t lead)
{
	static double w[N];

	vmf_kq_origin(q, at);
	vmf_kq_lead(q, lead);
	memset(w, 0, sizeof(w));
	for (int64_t t = at + lead - (lead / WEEK + 1) * WEEK, k = 0; t >= 0;
	    t -= WEEK, k++)
		w[t] = isnan(y[t]) ? 0.0 : exp2(-(double)k / 4.0);
	check_few(q, KQ_WEEKLY, w, at);
}

/* Member m has values v of weights w, by its quantiles and what it loses. */
static void
check_values(struct vmf_kq *q, int m, const double *v, const double *w, int n)
{
	static const double to[] = { -3.0, 11.0, 21.37, 130.0 };
	float share[VMF_KQ_MEMBERS] = { 0.0f }, loss[VMF_KQ_MEMBERS];
	float err[VMF_KQ_MEMBERS], at[9];
	double level[9], all = 0.0;

	for (int i = 0; i < n; i++)
		all += w[i];
	for (int l = 0; l < 9; l++)
		level[l] = (l + 1) / 10.0;
	mix_one(q, m);
	vmf_kq_quantiles(q, 0, level, 9, at);
	for (int l = 0; l < 9; l++) {
		double below = 0.0, upto = 0.0;
		double near = 1e-6 * (1.0 + fabs((double)at[l]));

		for (int i = 0; i < n; i++) {
			below += v[i] < (double)at[l] - near ? w[i] / all : 0.0;
			upto += v[i] <= (double)at[l] + near ? w[i] / all : 0.0;
		}
		check(n > 0 && below <= level[l] + TOL &&
		    upto >= level[l] - TOL, "quantile of values");
	}
	share[m] = 1.0f;
	for (size_t k = 0; k < sizeof(to) / sizeof(to[0]); k++) {
		double slow = 0.0;

		for (int l = 0; l < 9; l++) {
			double d = to[k] - (double)at[l];

			slow += 2.0 / 9.0 * d * (level[l] - (d < 0.0));
		}
		vmf_kq_judge(q, to[k], share, loss, err);
		check(fabs((double)loss[m] - slow) <= 1e-4 * fabs(slow) +
		    1e-4 && fabs((double)err[m] - fabs(to[k] -
		    (double)at[4])) <= 1e-4, "what values lose");
	}
}

/* The same step of 14 seasons past, by how many times as high the level is. */
static void
test_scaled(struct vmf_kq *q, int64_t at, int64_t lead)
{
	vmf_kq_origin(q, at);
	vmf_kq_lead(q, lead);
	for (int m = 0; m < KQ_N_SCALED; m++) {
		const struct kq_scaled *k = &kq_scaled[m];
		int64_t width = (int64_t)(kq_windows[k->state].day * SEASON +
		    0.5);
		double v[14], w[14];
		int n = 0;

		if (width < kq_windows[k->state].steps)
			width = kq_windows[k->state].steps;
		for (int64_t i = 0; i < 14; i++) {
			int64_t t = at + lead - (lead / SEASON + 1 + i) *
			    SEASON;
			double by, now, then, lo = INFINITY, hi = -INFINITY;

			if (t <= lead || isnan(y[t]))
				continue;
			for (int64_t u = 0; u < at; u++) {
				lo = y[u] < lo ? y[u] : lo;
				hi = y[u] > hi ? y[u] : hi;
			}
			now = window_mean(at - 1, width);
			then = window_mean(t - lead - 1, width);
			by = now > 0.0 && then > 0.0 ? now / then : 1.0;
			by = fmin(fmax(by, 1.0 / 16.0), 16.0);
			v[n] = y[t] * pow(by, k->damped ? 0.75 : 1.0);
			v[n] = fmax(fmin(v[n], 2.0 * hi - lo), 2.0 * lo - hi);
			w[n++] = exp2(-(double)i / (double)k->half_life);
		}
		check_values(q, KQ_SCALED + m, v, w, n);
	}
}

/* The last day so many times as high, or as much lower. */
static void
test_scaled_far(double times, double lower)
{
	static double was[N];
	struct vmf_kq q = { .ops = &vmf_kq_plain };

	memcpy(was, y, sizeof(was));
	for (int t = N - SEASON; t < N; t++)
		y[t] = y[t] * times - lower;
	check(vmf_kq_series(&q, y, N, SEASON, SEASON, WEEK, MONDAY,
	    NULL) == 0, "a series");
	test_scaled(&q, N, 3);
	memcpy(y, was, sizeof(was));
	vmf_kq_free(&q);
}

/* How much step t was, so many steps back, like the one looked at: by the
 * distance in what differs usually, of loads whose logarithm counts. */
static double
as_before(const struct vmf_kq *q, int64_t t, int64_t back)
{
	int64_t before = q->at + q->lead - back;
	const float *x = q->x[KQ_LAST];
	double mean = 0.0, var = 0.0, z;

	if (t < back || before < 0)
		return 0.5;
	for (int64_t u = 0; u < q->at; u++)
		mean += (double)x[u] / (double)q->at;
	for (int64_t u = 0; u < q->at; u++)
		var += ((double)x[u] - mean) * ((double)x[u] - mean) /
		    (double)q->at;
	z = ((double)x[t - back] - (double)x[before]) / sqrt(var) / 0.3;
	return exp(-z * z / 2.0);
}

/* The same step of a period found, and of the hour. */
static void
check_periodic(struct vmf_kq *q, const double *x, int64_t at, int64_t lead,
    int64_t hour)
{
	for (int i = 0; i < KQ_N_PERIODIC; i++) {
		const struct kq_periodic *k = &kq_periodic[i];
		int64_t period = k->hour ? hour : q->period;
		int64_t most = VMF_KQ_FEW - (k->like == KQ_SEASON);
		int64_t back = (lead / q->season + 1) * q->season;
		double v[VMF_KQ_FEW], w[VMF_KQ_FEW];
		int n = 0;

		if (period == 0)
			continue;
		for (int64_t j = 0; j < most; j++) {
			int64_t t = at + lead - (lead / period + 1 + j) *
			    period;

			if (t < 0 || isnan(x[t]))
				continue;
			v[n] = x[t];
			w[n] = exp2(-(double)j / (double)k->half_life);
			if (k->like == KQ_SEASON)
				w[n] *= as_before(q, t, back);
			else if (k->like != KQ_ANY)
				w[n] *= 0.03 + (t <= lead ? 0.0 :
				    (double)q->like[k->like][t - lead - 1]);
			n++;
		}
		if (k->like == KQ_SEASON) {
			v[n] = (double)vmf_kq_before(q);
			w[n++] = 0.1;
		}
		check_values(q, KQ_PERIODIC + i, v, w, n);
	}
}

enum { MANY = 12 * 288 };

/* Which period is found in a rhythm of so many steps, above a noise, with
 * gaps, and with days of `day` steps; 1 is a walk. */
static int64_t
found(struct vmf_kq *q, int64_t rhythm, int64_t n, int64_t day, double part,
    int64_t lead)
{
	static double x[MANY];
	double on = 0.0;

	for (int64_t t = 0; t < n; t++) {
		on = rhythm == 1 ? on + noise() - 0.5 : rhythm == 0 ? 0.0 :
		    t % rhythm < (rhythm + 2) / 3 ? 40.0 : 0.0;
		x[t] = 50.0 + on + part * noise();
		if (t > 0 && noise() < 0.05)
			x[t] = NAN;
	}
	check(vmf_kq_series(q, x, n, day, day, 7 * day, 0, NULL) == 0,
	    "a series");
	vmf_kq_origin(q, n);
	vmf_kq_lead(q, lead);
	check_periodic(q, x, n, lead, day == 288 ? 12 : 0);
	return q->period;
}

static void
test_period(void)
{
	struct vmf_kq q = { .ops = &vmf_kq_plain };
	struct vmf_kq before = { .ops = &vmf_kq_plain };
	double x[N];

	check(found(&q, 31, N, 24, 5.0, 3) == 31, "31 hours");
	check(found(&q, 96, N, 24, 5.0, 100) == 96, "four days");
	check(found(&q, 7, 10 * 24, 24, 5.0, 20) == 7, "of ten days");
	check(found(&q, 7, 4 * 24, 24, 1.0, 20) == 7, "of four days");
	check(found(&q, 7, 4 * 24 - 1, 24, 1.0, 0) == 0, "of less");
	check(found(&q, 24, N, 24, 5.0, 0) == 0, "a day is none");
	check(found(&q, 168, N, 24, 5.0, 0) == 0, "nor is a week");
	check(found(&q, 0, N, 24, 5.0, 0) == 0, "nor noise");
	check(found(&q, 1, N, 24, 0.0, 0) == 0, "nor a walk");
	check(found(&q, 9, MANY, 288, 5.0, 30) == 9, "45 minutes");
	check(found(&q, 36 * 12, MANY, 288, 5.0, 200) == 36 * 12, "36 hours");
	check(found(&q, 36 * 12, MANY, 288, 5.0, 500) == 36 * 12, "a day on");
	check(found(&q, 84 * 12, MANY, 288, 5.0, 0) == 84 * 12,
	    "three days and a half, by hours");
	check(found(&q, 9, MANY, 282, 5.0, 30) == 9, "in days of odd lengths");
	check(found(&q, 36 * 11, MANY, 282, 1.0, 0) == 36 * 11, "by 11 steps");
	/* Nothing is known of what is after the origin: what has a rhythm only
	 * from there on has none. */
	for (int t = 0; t < N; t++)
		x[t] = 10.0 * noise() + (t >= N / 2 && t % 31 < 9 ? 90.0 : 0.0);
	check(vmf_kq_series(&before, x, N, SEASON, SEASON, WEEK, MONDAY,
	    NULL) == 0, "a series");
	vmf_kq_origin(&before, N / 2);
	check(before.period == 0, "not before it is seen");
	vmf_kq_origin(&before, N);
	check(before.period == 31, "but then");
	check(vmf_kq_series(&before, y, N, SEASON, SEASON, WEEK, MONDAY,
	    NULL) == 0, "another series");
	check(vmf_kq_period(&before, N) == 0, "is looked at anew");
	vmf_kq_free(&q);
	vmf_kq_free(&before);
}

/* What differs after each lag, of an odd number of steps, and of even. */
static void
test_lags(const struct vmf_kq_ops *ops)
{
	enum { MOST = 40 };
	float x[N], differs[MOST + 1];

	for (int t = 0; t < N; t++)
		x[t] = (float)(10.0 * noise());
	for (int64_t from = MOST; from < MOST + 2; from++) {
		ops->lags(differs, MOST, x, from, 301);
		check(differs[0] == 0.0f, "no lag");
		for (int p = 1; p <= MOST; p++) {
			double sum = 0.0;

			for (int64_t t = from; t < 301; t++)
				sum += fabs((double)x[t] - (double)x[t - p]);
			check(fabs((double)differs[p] - sum) <= 1e-5 * sum,
			    "what differs after a lag");
		}
	}
}

static void
test_variants(void)
{
	static const struct vmf_kq_ops *const ops[3] = { &vmf_kq_plain,
	    &vmf_kq_avx2, &vmf_kq_avx512 };
	static const enum vmf_simd need[3] = { VMF_SIMD_PLAIN, VMF_SIMD_AVX2,
	    VMF_SIMD_AVX512 };
	float first[VMF_KQ_MEMBERS][N_LEVELS], v[N_LEVELS];
	float lost[2][VMF_KQ_MEMBERS], loss[2][VMF_KQ_MEMBERS];

	for (int i = 0; i < 3; i++) {
		struct vmf_kq q = { .ops = ops[i] };

		if (!vmf_simd_have(need[i]))
			continue;
		test_lags(ops[i]);
		check(vmf_kq_series(&q, y, N, SEASON, SEASON, WEEK, MONDAY,
		    NULL) == 0, "a series");
		vmf_kq_origin(&q, N - 3);
		vmf_kq_lead(&q, 5);
		for (int m = 0; m < VMF_KQ_MEMBERS; m++) {
			mix_one(&q, m);
			vmf_kq_quantiles(&q, 0, levels, N_LEVELS, v);
			if (i == 0)
				memcpy(first[m], v, sizeof(v));
			check(memcmp(first[m], v, sizeof(v)) == 0,
			    "the variants differ");
		}
		vmf_kq_judge(&q, 17.0, kq_fleet[0][0], loss[0], loss[1]);
		if (i == 0)
			memcpy(lost, loss, sizeof(lost));
		check(memcmp(lost, loss, sizeof(lost)) == 0,
		    "the variants lose differently");
		vmf_kq_free(&q);
	}
}

static const struct vmf_kq_news usually, half_new = { 0.5f, 0.0f },
    all_new = { 1.0f, 0.0f }, half_settled = { 0.0f, 0.5f };

/* Shares are drawn to the newest values, of those that speak. */
static void
test_novel(const float *loss)
{
	float usual[VMF_KQ_MEMBERS], share[VMF_KQ_MEMBERS], sum = 0.0f;

	vmf_kq_shares(&vmf_kq_plain, loss, 3.0f, 1, 24, 0, usually, usual);
	vmf_kq_shares(&vmf_kq_plain, loss, 3.0f, 1, 24, 0, half_new, share);
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		share[m] -= usual[m] * (1.0f - 0.5f * kq_novel[1]);
	for (int i = 0; i < KQ_N_NEWEST; i++) {
		int m = kq_newest[i].member;

		check(m >= KQ_N_DENSE || vmf_kq_family(m) == KQ_F_AGE,
		    "of ages alone");
		check(fabsf(share[m] - 0.5f * kq_novel[1] *
		    kq_newest[i].share) <= 1e-6f, "the newest");
		share[m] = 0.0f;
	}
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		check(fabsf(share[m]) <= 1e-6f, "all others");
	vmf_kq_shares(&vmf_kq_plain, loss, 3.0f, 1, 24, 0, half_settled, share);
	for (int i = 0; i < KQ_N_DAILY; i++) {
		int m = kq_daily[i].member;

		check(m != 2 && m != 14 ? vmf_kq_family(m) == KQ_F_SEASON ||
		    vmf_kq_family(m) == KQ_F_SAME : kq_dense[m].age == KQ_1D &&
		    kq_dense[m].phase == KQ_NEAR_2H, "of the day before");
		check(fabsf(share[m] - usual[m] * (1.0f - 0.5f *
		    kq_settled[0][1]) - 0.5f * kq_settled[0][1] *
		    kq_daily[i].share) <= 1e-6f, "as it was a day before");
	}
	vmf_kq_shares(&vmf_kq_plain, loss, 3.0f, 1, 24, 1u << KQ_F_AGE |
	    1u << KQ_F_MOVED, all_new, share);
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		sum += share[m];
	check(fabsf(sum - 1.0f) <= 1e-5f && share[0] == 0.0f &&
	    share[KQ_NAIVE] >= kq_novel[1], "those that are asleep get none");
}

static void
test_shares(void)
{
	struct vmf_kq_group g = { 0 };
	float share[VMF_KQ_MEMBERS], sum = 0.0f;
	double last = 0.0;

	vmf_kq_shares(&vmf_kq_plain, g.loss, 0.0f, 1, 24, 0, usually, share);
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		sum += kq_fleet[0][1][m];
	for (int m = 0; m < VMF_KQ_MEMBERS; m++) {
		check(fabs((double)(share[m] - kq_fleet[0][1][m] / sum)) <=
		    2e-4, "with nothing known, the fleet's shares");
		g.loss[m] = 10.0f;
	}
	g.loss[4] = 5.0f;
	sum = 0.0f;
	vmf_kq_shares(&vmf_kq_plain, g.loss, 300.0f, 1, 24, 0, usually, share);
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		sum += share[m];
	check(fabsf(sum - 1.0f) <= 1e-5f && share[4] > 0.95f,
	    "half of the loss is nearly all");
	g.loss[4] = 0.0f;
	vmf_kq_shares(&vmf_kq_plain, g.loss, 3.0f, 1, 24, 0, usually, share);
	check(fabsf(share[4] - 1.0f) <= 1e-6f, "one that never failed is all");
	test_novel(g.loss);
	/* Nothing is known of the week: the others share what it had. */
	vmf_kq_shares(&vmf_kq_plain, g.loss, 3.0f, 1, 24, vmf_kq_asleep(0, WEEK,
	    WEEK - 1, 24, 0), usually, share);
	sum = 0.0f;
	for (int m = 0; m < VMF_KQ_MEMBERS; m++) {
		sum += share[m];
		check(vmf_kq_family(m) != KQ_F_WEEK || share[m] == 0.0f,
		    "asleep");
	}
	check(fabsf(sum - 1.0f) <= 1e-5f, "shares of the others");
	check(vmf_kq_asleep(5, WEEK, WEEK, 288, 7) == 5 &&
	    vmf_kq_asleep(0, 0, 900, 288, 7) == 1u << KQ_F_WEEK &&
	    vmf_kq_asleep(0xfd, 0, 900, 288, 7) == 0xfd, "who is asleep");
	for (int i = 0; i < KQ_N_PERIODIC; i++) {
		bool hour = kq_periodic[i].hour;

		check(vmf_kq_sleeps(vmf_kq_asleep(0, WEEK, WEEK, 48, 7),
		    KQ_PERIODIC + i) == hour &&
		    vmf_kq_sleeps(vmf_kq_asleep(0, WEEK, WEEK, 72, 0),
		    KQ_PERIODIC + i) == !hour, "of the hour, and of a period");
	}
	check(vmf_kq_week(3600, 24) == WEEK && vmf_kq_week(3600, 2 * WEEK) ==
	    0 && vmf_kq_week(7 * 86400, 1) == 0 && vmf_kq_week(10800 * 9,
	    1) == 0 && vmf_kq_week(86400, 1) == 7, "steps of a week");
	/* All fell outside: intervals grow, and levels stay in order. */
	g.w = 20.0f;
	g.pit[0] = g.pit[VMF_KQ_BINS - 1] = 10.0f;
	for (int i = 1; i < 1000; i++) {
		double at = vmf_kq_level(&g, 3, 24, 0.0, i / 1000.0);

		check(at >= last && at > 0.0 && at < 1.0, "levels in order");
		last = at;
	}
	check(vmf_kq_level(&g, 3, 24, 0.0, 0.5) == 0.5,
	    "the median stays");
	for (int k = 0; k < VMF_KQ_GROUPS; k++)
		for (int with = 0; with < 4; with++)
			for (int fine = 0; fine < 2; fine++) {
				int64_t day = fine ? 288 : 24;
				/* None, half of what is usual, that, more. */
				double much = with > 2 ? 1.0 : with / 2.0;
				double part = with / 2.0 *
				    kq_other[fine][0][k];
				double by = 0.03 + 0.5 * ((1.0 - much) *
				    kq_wider[0][fine][k] + much *
				    kq_wider[1][fine][k]);

				check(fabs(vmf_kq_level(&g, k, day, part,
				    0.9) - 0.9 - by) <= 1e-12 &&
				    fabs(vmf_kq_level(&g, k, day, part,
				    0.1) - 0.1 + by) <= 1e-12,
				    "levels move");
			}
}

static double
odds(double share)
{
	return share / (1.0 - share);
}

/* The share of the median; that of the quantiles moves with it. */
static double
share_by(const struct vmf_kq_group *g, int64_t day, double lost)
{
	double both[2] = { 0.5 * lost, lost }, none[2] = { 0.0, 0.0 };
	double share = vmf_kq_other(g, 0, day, both, true);

	check(fabs(odds(vmf_kq_other(g, 0, day, both, false)) /
	    odds(vmf_kq_other(g, 0, day, none, false)) - odds(share) /
	    odds(vmf_kq_other(g, 0, day, none, true))) <= 1e-9,
	    "quantiles as the median");
	return share;
}

/* The share of the others: what it is elsewhere, until losses say more. */
static void
test_other(void)
{
	struct vmf_kq_group g = { .w = 9.0f, .mix_loss = 9.0f,
	    .mix_err = 18.0f };
	double usual;

	g.err[KQ_NAIVE] = 20.0f;
	g.err[KQ_SNAIVE] = 16.0f;
	usual = share_by(&g, 288, 0.0);
	check(usual > 0.05 && usual < 0.5, "a share");
	check(fabs(share_by(&g, 288, 1.0) - usual) <= 1e-12,
	    "as good as kq");
	check(share_by(&g, 288, 0.95) > usual + 0.01 &&
	    share_by(&g, 288, 1.05) < usual - 0.01,
	    "more for losing less");
	check(fabs(share_by(&g, 288, 0.1) - 3.0 * usual /
	    (1.0 + 2.0 * usual)) <= 1e-12, "three times the odds at most");
	g.w = 0.0f;
	check(fabs(share_by(&g, 288, 0.5) - usual) <= 1e-12,
	    "nothing is known of kq");
	g.w = 9.0f;
	usual = share_by(&g, 24, 0.0);
	check(share_by(&g, 24, 0.3) == usual && share_by(&g, 24, 1.3) == usual,
	    "of coarse steps it takes more, and never rises");
	check(share_by(&g, 24, 2.0) < 0.5 * usual && fabs(odds(share_by(&g, 24,
	    1e6)) - 0.1 * odds(usual)) <= 1e-12, "far more of loss");
	usual = share_by(&g, 288, 0.0);
	check(share_by(&g, 288, 1e6) > 0.0 && fabs(share_by(&g, 288, 1e6) -
	    0.1 * usual / (1.0 - 0.9 * usual)) <= 1e-12, "a tenth at least");
	g.err[KQ_NAIVE] = g.err[KQ_SNAIVE] = g.mix_err = g.mix_loss = 0.0f;
	check(fabs(share_by(&g, 288, 0.0) - usual) <= 1e-12 &&
	    share_by(&g, 288, 1e6) < 0.2 * usual, "a constant");
}

static void
test_bytes(void)
{
	struct vmf_kq_state s, got;
	struct vmf_buf b = { 0 };
	struct vmf_err e = { "" };

	memset(&s, 0, sizeof(s));
	memset(&got, 0, sizeof(got));
	s.first = -7200;
	s.period = 31;
	for (int k = 0; k < VMF_KQ_GROUPS; k++) {
		s.g[k].next = 3600 * (k + 1);
		s.g[k].w = 1.5f;
		for (int m = 0; m < VMF_KQ_MEMBERS; m++)
			s.g[k].loss[m] = (float)(m * k);
	}
	check(vmf_kq_state_put(&s, &b, &e) == 0 && b.n == BLOB_BYTES, "bytes");
	check(vmf_kq_state_get(&got, "kq", &b, 3600, &e) == 0 &&
	    memcmp(&s, &got, sizeof(s)) == 0, "there and back");
	check(vmf_kq_state_get(&got, "kq", &b, 7000, &e) != 0,
	    "another step");
	b.p[b.n - 1] = 0xff;
	check(vmf_kq_state_get(&got, "kq", &b, 3600, &e) != 0,
	    "a number that no fit makes");
	b.n--;
	check(vmf_kq_state_get(&got, "kq", &b, 3600, &e) != 0, "a byte less");
	b.n = 0;
	s.g[2].next = s.first;
	check(vmf_kq_state_put(&s, &b, &e) == 0 &&
	    vmf_kq_state_get(&got, "kq", &b, 3600, &e) != 0,
	    "an origin before the history");
	b.n = 0;
	s.g[2].next = 7200;
	s.period = -1;
	check(vmf_kq_state_put(&s, &b, &e) == 0 &&
	    vmf_kq_state_get(&got, "kq", &b, 3600, &e) != 0,
	    "a period below 0");
	vmf_buf_free(&b);
}

int
main(void)
{
	struct vmf_kq q = { .ops = &vmf_kq_plain };

	make_series();
	check(vmf_kq_series(&q, y, N, SEASON, SEASON, WEEK, MONDAY,
	    NULL) == 0, "a series");
	test_dense(&q, N, 0);
	test_dense(&q, 333, 7);
	test_dense(&q, 61, 40);
	test_dense(&q, 400, 100);
	test_dense(&q, WEEK, 200);
	test_sparse(&q, N - 10, 3);
	test_sparse(&q, 500, 30);
	test_weekly(&q, N, 3);
	test_weekly(&q, 600, 170);
	test_weekly(&q, 380, 11);
	for (int64_t at = 400; at < 400 + WEEK; at += 13)
		test_days(&q, at, at % 60);
	test_scaled(&q, N, 3);
	test_scaled(&q, 300, 50);
	test_scaled(&q, 30, 3);
	test_scaled_far(40.0, 0.0);
	test_scaled_far(3.0, 0.0);
	test_scaled_far(0.01, 0.0);
	test_scaled_far(0.0, 0.0);
	test_scaled_far(1.0, 200.0);
	vmf_kq_free(&q);
	test_period();
	test_variants();
	test_shares();
	test_other();
	test_bytes();
	return failures > 0;
}
