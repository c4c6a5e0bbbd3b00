/* SPDX-License-Identifier: MIT */
#include "forecast/features.h"

#include <assert.h>
#include <math.h>

#include "base/time.h"

#define DAY_S INT64_C(86400)
#define HOUR_S INT64_C(3600)
#define PI 3.14159265358979323846
/* Near 0: less than so much of the scale. */
#define SMALL 0.02
/* Seasons back that phases are compared over. */
#define PHASES 7

/* Rolling means: 1, 3, 6, 12 hours, 1, 3, 7 days. */
static const int64_t roll_s[VMF_ROLLS] = { HOUR_S, 3 * HOUR_S, 6 * HOUR_S,
    12 * HOUR_S, DAY_S, 3 * DAY_S, 7 * DAY_S };

int
vmf_features(const struct vmf_global *g)
{
	return VMF_FEATURES_OWN + VMF_FEATURES_SIDE * g->n_sides +
	    g->n_traits;
}

/* Sums over known values of `steps` steps that end `back` before the
 * origin. */
struct sums {
	int64_t n, small;
	double mean, sd, min, max;
};

static struct sums
sums_of(const struct vmf_slice *y, int64_t back, int64_t steps, double small)
{
	int64_t end = y->n + y->gap - back, from = end - steps;
	struct sums s = { .min = INFINITY, .max = -INFINITY };
	double sum = 0.0, squares = 0.0;

	if (end > y->n)
		end = y->n;
	if (from < 0)
		from = 0;
	for (int64_t t = from; t < end; t++) {
		double v = y->y[t];

		if (isnan(v))
			continue;
		s.n++;
		sum += v;
		s.small += fabs(v) <= small;
		if (v < s.min)
			s.min = v;
		if (v > s.max)
			s.max = v;
	}
	if (s.n == 0)
		return (struct sums){ .mean = NAN, .sd = NAN, .min = NAN,
		    .max = NAN };
	s.mean = sum / (double)s.n;
	for (int64_t t = from; t < end; t++)
		if (!isnan(y->y[t]))
			squares += (y->y[t] - s.mean) * (y->y[t] - s.mean);
	s.sd = sqrt(squares / (double)s.n);
	return s;
}

/* The value `back` steps before the origin, 1 being the last; NaN. */
static double
value(const struct vmf_slice *y, int64_t back)
{
	int64_t t = y->n + y->gap - back;

	return t >= 0 && t < y->n ? y->y[t] : NAN;
}

/* Mean |y(t) - y(t - lag)| over the last `steps` steps. */
static double
changes(const struct vmf_slice *y, int64_t lag, int64_t steps)
{
	int64_t from = y->n - steps, n = 0;
	double sum = 0.0;

	for (int64_t t = from > lag ? from : lag; t < y->n; t++) {
		double d = fabs(y->y[t] - y->y[t - lag]);

		if (!isnan(d)) {
			sum += d;
			n++;
		}
	}
	return n > 0 ? sum / (double)n : NAN;
}

static int64_t
steps_of(const struct vmf_global *g, int64_t span_s)
{
	int64_t n = span_s / g->step_s;

	return n < 1 ? 1 : n;
}

static void
look_aside(struct vmf_features *f)
{
	const struct vmf_global *g = f->g;

	for (int k = 0; k < g->n_sides; k++) {
		const struct vmf_side *s = f->w->side;
		float *x = f->side + VMF_FEATURES_SIDE * k;
		const struct vmf_slice *y;
		double scale;

		for (int i = 0; i < VMF_FEATURES_SIDE; i++)
			x[i] = NAN;
		f->side_scale[k] = NAN;
		if (s == NULL || s->y[k].n == 0)
			continue;
		y = &s->y[k];
		scale = vmf_own_scale(y, steps_of(g, 14 * DAY_S));
		if (!(scale > 0.0))
			continue;
		f->side_scale[k] = scale;
		x[0] = (float)(value(y, 1) / scale);
		x[1] = (float)(sums_of(y, 0, steps_of(g, 3 * HOUR_S),
		    0.0).mean / scale);
		x[2] = (float)(sums_of(y, 0, steps_of(g, DAY_S),
		    0.0).mean / scale);
	}
}

void
vmf_features_window(struct vmf_features *f, const struct vmf_global *g,
    const struct vmf_window *w)
{
	int64_t fortnight = steps_of(g, 14 * DAY_S);
	const struct vmf_slice *y = &w->y;
	struct sums s;

	f->g = g;
	f->w = w;
	f->scale = vmf_own_scale(y, fortnight);
	if (!(f->scale > 0.0))
		f->scale = vmf_own_scale(y, y->n + y->gap);
	for (int k = 0; k < 3; k++)
		f->lag[k] = value(y, k + 1);
	for (int k = 0; k < VMF_ROLLS; k++) {
		s = sums_of(y, 0, steps_of(g, roll_s[k]), SMALL * f->scale);
		f->mean[k] = s.mean;
		if (roll_s[k] != DAY_S && roll_s[k] != 7 * DAY_S)
			continue;
		f->sd[k == VMF_ROLLS - 1] = s.sd;
		f->max[k == VMF_ROLLS - 1] = s.max;
		f->min[k == VMF_ROLLS - 1] = s.min;
		f->small[k == VMF_ROLLS - 1] = s.n > 0 ?
		    (double)s.small / (double)s.n : NAN;
	}
	f->day_before = sums_of(y, steps_of(g, DAY_S), steps_of(g, DAY_S),
	    0.0).mean;
	f->by_season = changes(y, g->season, fortnight) / f->scale;
	f->by_step = changes(y, 1, fortnight) / f->scale;
	look_aside(f);
}

/* The same phase of earlier seasons. */
static int
phases(const struct vmf_features *f, int64_t lead, double zero, double unit,
    float *x)
{
	const struct vmf_slice *y = &f->w->y;
	int64_t season = f->g->season, first = lead / season + 1;
	double v[PHASES], sum = 0.0, squares = 0.0, lo = NAN, hi = NAN;
	double mean, around, before;
	int n = 0, i = 0;

	for (int k = 0; k < PHASES; k++) {
		double z;

		v[k] = value(y, (first + k) * season - lead);
		z = (v[k] - zero) / unit;
		if (isnan(z))
			continue;
		sum += z;
		lo = n == 0 || z < lo ? z : lo;
		hi = n == 0 || z > hi ? z : hi;
		n++;
	}
	mean = n > 0 ? sum / n : NAN;
	for (int k = 0; k < PHASES; k++) {
		double d = (v[k] - zero) / unit - mean;

		squares += isnan(d) ? 0.0 : d * d;
	}
	for (int k = 0; k < PHASES; k = k < 2 ? k + 1 : k + 4)
		x[i++] = (float)((v[k] - zero) / unit);
	x[i++] = (float)mean;
	x[i++] = (float)lo;
	x[i++] = (float)hi;
	x[i++] = n > 1 ? (float)sqrt(squares / n) : NAN;
	x[i++] = (float)n;
	around = 0.5 * (value(y, first * season - lead - 1) +
	    value(y, first * season - lead + 1));
	x[i++] = (float)((around - zero) / unit);
	/* The last value, changed as it was a season ago. */
	before = value(y, first * season + 1);
	x[i++] = (float)((f->lag[0] + v[0] - before - zero) / unit);
	return i;
}

static int
calendar(const struct vmf_features *f, int64_t lead, float *x)
{
	int64_t at = f->w->opts->start + lead * f->g->step_s;
	int64_t day = vmf_time_floor(at, DAY_S);
	double turn = 2.0 * PI * (double)(at - day) / (double)DAY_S;
	int64_t weekday = (day / DAY_S + 3) % 7;
	double hours = (double)(lead + 1) * (double)f->g->step_s / 3600.0;

	x[0] = (float)log2(hours);
	x[1] = (float)((double)(lead + 1) / (double)f->g->season);
	x[2] = (float)sin(turn);
	x[3] = (float)cos(turn);
	x[4] = (float)(weekday < 0 ? weekday + 7 : weekday);	/* 0: Monday */
	return 5;
}

bool
vmf_features_row(const struct vmf_features *f, int64_t lead, float *x,
    float base[10], double *zero, double *unit)
{
	const struct vmf_forecast *b = f->w->base;
	const struct vmf_slice *y = &f->w->y;
	double q[9], z, u;
	int i = 0;

	for (int j = 0; j < 9; j++)
		q[j] = (double)b->q[f->w->level_at[j] * b->h + lead];
	z = *zero = q[4];
	u = *unit = 0.5 * (q[8] - q[0]) + 0.1 * f->scale;
	if (!(u > 0.0) || !isfinite(z) || !isfinite(u))
		return false;
	for (int j = 0; j < 9; j++)
		base[j] = (float)((q[j] - z) / u);
	base[9] = (float)(((double)b->mean[lead] - z) / u);
	i += calendar(f, lead, x);
	for (int j = 0; j < 10; j++)
		if (j != 4)
			x[i++] = base[j];
	x[i++] = (float)(z / f->scale);
	x[i++] = (float)(u / f->scale);
	i += phases(f, lead, z, u, x + i);
	for (int k = 0; k < 3; k++)
		x[i++] = (float)((f->lag[k] - z) / u);
	for (int k = 0; k < VMF_ROLLS; k++)
		x[i++] = (float)((f->mean[k] - z) / u);
	for (int k = 0; k < 2; k++) {
		x[i++] = (float)(f->sd[k] / u);
		x[i++] = (float)((f->max[k] - z) / u);
		x[i++] = (float)((f->min[k] - z) / u);
		x[i++] = (float)f->small[k];
	}
	x[i++] = (float)((f->mean[4] - f->day_before) / u);
	x[i++] = (float)log2(f->scale);
	x[i++] = (float)log2((double)(y->n + y->gap) * (double)f->g->step_s /
	    (double)DAY_S);
	x[i++] = (float)y->gap;
	x[i++] = (float)f->by_season;
	x[i++] = (float)f->by_step;
	x[i++] = (float)(f->sd[0] / f->sd[1]);
	/* The local median's way from the first step. */
	x[i++] = (float)(((double)b->q[f->w->level_at[4] * b->h] - z) / u);
	assert(i == VMF_FEATURES_OWN);
	for (int k = 0; k < f->g->n_sides; k++) {
		const float *s = f->side + VMF_FEATURES_SIDE * k;
		int64_t first = lead / f->g->season + 1;

		for (int j = 0; j < VMF_FEATURES_SIDE - 1; j++)
			x[i++] = s[j];
		x[i++] = f->w->side == NULL ? NAN :
		    (float)(value(&f->w->side->y[k], first *
		    f->g->season - lead) / f->side_scale[k]);
	}
	for (int k = 0; k < f->g->n_traits; k++)
		x[i++] = f->w->side == NULL ? NAN : f->w->side->trait[k];
	for (int k = 0; k < i; k++)
		if (!isfinite(x[k]))
			x[k] = NAN;
	return true;
}
