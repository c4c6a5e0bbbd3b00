/* SPDX-License-Identifier: MIT */
#include "forecast/combine.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "forecast/panel.h"
#include "forecast/quantile.h"
#include "forecast/snaive.h"
#include "kernel/log_scale.h"

/* A band with fewer errors than this is given those of the one before. */
#define BAND_ERRORS_MIN 8
/* What is lost, in parts of what naive forecasts lose, is no more than this:
 * these may lose nothing. */
#define LOST_MOST 1e6
/* How far beyond what was seen a forecast of a short history may go, in parts
 * of its range. */
#define BEYOND 0.5
/* How steeply weights fall with a member's error. */
#define WEIGHT_POWER 4.0

/* Standard normal quantiles of vmf_snaive_levels, 0 and 1 being at the ends
 * of a sample of a thousand: what is taken where no errors were seen. */
static const double normal[VMF_BAND_LEVELS] = { -3.0902, -2.3263, -1.9600,
    -1.6449, -1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416,
    1.2816, 1.6449, 1.9600, 2.3263, 3.0902 };

/* Where the members' parameters stand, and how many they are. */
const int vmf_member_at[VMF_N_MEMBERS] = { 0, VMF_PANEL_THETA, VMF_PANEL_ETS,
    VMF_PANEL_ARIMA };
const int vmf_member_len[VMF_N_MEMBERS] = { 0, VMF_THETA_PARAMS,
    VMF_ETS_PARAMS, VMF_ARIMA_PARAMS };

void
vmf_combine_free(struct vmf_combine *c)
{
	free(c->err);
	free(c->tmp);
	*c = (struct vmf_combine){ 0 };
}

/* First lead (from 0) after band k of so many leads measured. */
static int64_t
band_end(int k, int64_t leads)
{
	switch (k) {
	case 0:
		return 1;
	case 1:
		return leads / 12 > 2 ? leads / 12 : 2;
	case 2:
		return leads / 4;
	case 3:
		return leads / 2;
	default:
		return leads;
	}
}

static int64_t
leads_of(int64_t season)
{
	int64_t leads = 2 * season;

	return leads < VMF_LEADS_MIN ? VMF_LEADS_MIN :
	    leads > VMF_LEADS_MAX ? VMF_LEADS_MAX : leads;
}

static double
forecast_of(const struct vmf_block *b, int m, int64_t at, int w, int i)
{
	return b->f[m][at * w + i];
}

/* The forecast of weights over the members that have one; NaN: none has. */
static double
average(const struct vmf_block *b, const double *weight, int64_t at, int w,
    int i)
{
	double sum = 0.0, have = 0.0;

	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		double f;

		if (!(weight[m] > 0.0))
			continue;
		f = forecast_of(b, m, at, w, i);
		if (isfinite(f)) {
			sum += weight[m] * f;
			have += weight[m];
		}
	}
	return have > 0.0 ? sum / have : NAN;
}

static double
spread(const struct vmf_block *b, const double *weight, int64_t lead, int w,
    int i)
{
	double sum = 0.0, have = 0.0;

	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		double s;

		if (!(weight[m] > 0.0))
			continue;
		s = b->sd[m][lead * w + i];
		if (isfinite(s)) {
			sum += weight[m] * s;
			have += weight[m];
		}
	}
	return have > 0.0 ? sum / have : 0.0;
}

/* How many leads of origin k lane i can be judged by. */
static int64_t
known_leads(const struct vmf_block *b, int64_t k, int i)
{
	if ((double)b->origin[k] > b->hold[i])
		return 0;
	return b->origin[k] < b->horizon ? b->origin[k] : b->horizon;
}

/*
 * Weights by the mean absolute errors at the origins, to the power of
 * -WEIGHT_POWER; steps that one member does not forecast count for none.
 * Equal ones where nothing is known of them.
 */
static void
set_weights(double *weight, const struct vmf_block *b, int w, int i)
{
	double sum[VMF_N_MEMBERS] = { 0 }, least = INFINITY, all = 0.0;

	for (int64_t k = 0; k < b->n_origins; k++)
		for (int64_t j = 0; j < known_leads(b, k, i); j++) {
			double y = b->y[(b->n - b->origin[k] + j) * w + i];
			double e[VMF_N_MEMBERS];
			bool ok = !isnan(y);

			for (int m = 0; m < VMF_N_MEMBERS && ok; m++) {
				if (!(b->members & 1u << m))
					continue;
				e[m] = fabs(y - forecast_of(b, m,
				    k * b->horizon + j, w, i));
				ok = isfinite(e[m]);
			}
			for (int m = 0; m < VMF_N_MEMBERS && ok; m++)
				if (b->members & 1u << m)
					sum[m] += e[m];
		}
	for (int m = 0; m < VMF_N_MEMBERS; m++)
		if (b->members & 1u << m && sum[m] < least)
			least = sum[m];
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		weight[m] = 0.0;
		if (!(b->members & 1u << m))
			continue;
		weight[m] = sum[m] > 0.0 ? pow(least / sum[m], WEIGHT_POWER) :
		    1.0;
		all += weight[m];
	}
	for (int m = 0; m < VMF_N_MEMBERS; m++)
		weight[m] /= all;
}

/* The least part by which levels are moved is 1 / origins; the most is this,
 * which leaves the level 0.9 below the largest errors. */
#define WIDEN_MOST (1.0 / 7.0)

/*
 * How far levels of errors up to lead to are moved away from the median: n
 * origins whose forecasts do not overlap and the one to come change places
 * n + 1 ways, so that a central interval takes (n + 1) / n of its level
 * (conformal prediction; Vovk, Gammerman and Shafer 2005, Algorithmic learning
 * in a random world, section 2.2).
 */
static double
widening(const struct vmf_block *b, int64_t to, int i)
{
	int64_t apart = b->n_origins > 0 && b->origin[0] > to ?
	    b->origin[0] : to;
	double n = floor(b->hold[i] / (double)apart);

	return 1.0 + fmin(1.0 / fmax(n, 1.0), WIDEN_MOST);
}

/* Quantiles of the standardised errors, band by band. */
static int
set_bands(double *band, const double *weight, const struct vmf_block *b,
    int w, int i, struct vmf_combine *c, struct vmf_err *e)
{
	const double *before = normal;
	int rc;

	for (int k = 0; k < VMF_BANDS; k++) {
		double *q = band + k * VMF_BAND_LEVELS;
		int64_t from = k == 0 ? 0 : band_end(k - 1, b->horizon);
		int64_t to = band_end(k, b->horizon), n = 0;
		double wide = widening(b, to, i);

		if ((rc = vmf_grow(&c->err, &c->err_cap,
		    (to - from) * b->n_origins + 1, e)) != 0 ||
		    (rc = vmf_grow(&c->tmp, &c->tmp_cap,
		    (to - from) * b->n_origins + 1, e)) != 0)
			return rc;
		for (int64_t o = 0; o < b->n_origins; o++)
			for (int64_t j = from; j < to &&
			    j < known_leads(b, o, i); j++) {
				double y = b->y[(b->n - b->origin[o] + j) *
				    w + i];
				double d = y - average(b, weight,
				    o * b->horizon + j, w, i);
				double sd = spread(b, weight, j, w, i);

				if (!isnan(d))
					c->err[n++] = sd > 0.0 ? d / sd : 0.0;
			}
		if (n < BAND_ERRORS_MIN) {
			for (int l = 0; l < VMF_BAND_LEVELS; l++)
				q[l] = before[l];
		} else {
			vmf_sort_doubles(c->err, c->tmp, n);
			for (int l = 0; l < VMF_BAND_LEVELS; l++)
				q[l] = vmf_quantile_sorted(c->err, n,
				    fmin(fmax(0.5 + wide *
				    (vmf_snaive_levels[l] - 0.5), 0.0), 1.0));
			/* Half of the median error is taken for chance: a
			 * level that moved on the way is not a bias. */
			for (int l = 0, mid = VMF_BAND_LEVELS / 2;
			    l < VMF_BAND_LEVELS; l++)
				q[l] -= l == mid ? 0.0 : 0.5 * q[mid];
			q[VMF_BAND_LEVELS / 2] *= 0.5;
		}
		before = q;
	}
	return 0;
}

/* Step t of lane i as it was before it went on its scale. */
static double
raw(const struct vmf_slice *y, const struct vmf_block *b, int64_t t, int i)
{
	t -= (int64_t)b->first[i];
	return t >= 0 && t < y->n ? y->y[t] : NAN;
}

/* Mean absolute error at the origins over that of a season before in what
 * was learned from. */
static double
mase_of(const struct vmf_slice *y, const double *weight,
    const struct vmf_block *b, int w, int i)
{
	double err = 0.0, scale = 0.0, c = b->scale[i];
	int64_t n_err = 0, n_scale = 0;

	for (int64_t k = 0; k < b->n_origins; k++)
		for (int64_t j = 0; j < known_leads(b, k, i); j++) {
			double d = fabs(raw(y, b, b->n - b->origin[k] + j,
			    i) - vmf_from_log(c, average(b, weight,
			    k * b->horizon + j, w, i)));

			if (!isnan(d)) {
				err += d;
				n_err++;
			}
		}
	for (int64_t t = b->season; t < b->n - (int64_t)b->hold[i]; t++) {
		double d = fabs(raw(y, b, t, i) -
		    raw(y, b, t - b->season, i));

		if (!isnan(d)) {
			scale += d;
			n_scale++;
		}
	}
	if (n_err == 0 || n_scale == 0 || !(scale > 0.0))
		return NAN;
	return err / (double)n_err / (scale / (double)n_scale);
}

/*
 * Bounds of what is predicted: on a scale of logarithms trends and upper
 * quantiles grow out of all proportion.  A load goes no further than it
 * went, but for one that rises (falls): by as much as its greatest (least)
 * value of each third of the history is at least beyond that of the one
 * before.  Thirds without a value are not looked at.
 */
static void
set_bounds(double *p, const struct vmf_block *b, int w, int i)
{
	double low[3], high[3], c = b->scale[i], rise, fall;
	int64_t first = (int64_t)b->first[i], third = (b->n - first + 2) / 3;

	for (int k = 0; k < 3; k++)
		low[k] = high[k] = NAN;
	for (int64_t t = first; t < b->n; t++) {
		int k = (int)((t - first) / third);

		low[k] = fmin(low[k], b->y[t * w + i]);
		high[k] = fmax(high[k], b->y[t * w + i]);
	}
	for (int k = 0; k < 3; k++) {
		low[k] = vmf_from_log(c, low[k]);
		high[k] = vmf_from_log(c, high[k]);
	}
	rise = fmin(high[2] - high[1], high[1] - high[0]);
	fall = fmin(low[1] - low[2], low[0] - low[1]);
	p[VMF_PANEL_LOW] = fmin(fmin(low[0], low[1]), low[2]);
	p[VMF_PANEL_HIGH] = fmax(fmax(high[0], high[1]), high[2]);
	if (fall > 0.0)
		p[VMF_PANEL_LOW] = p[VMF_PANEL_LOW] >= fall ||
		    p[VMF_PANEL_LOW] < 0.0 ? p[VMF_PANEL_LOW] - fall : 0.0;
	if (rise > 0.0)
		p[VMF_PANEL_HIGH] += rise;
}

static double value_of(const double *params, double z);

/* What a forecast of median v, whose deciles are those of its errors, loses
 * when y comes: twice its pinball loss, and what its median does. */
static void
lose(const double *params, double v, double sd, const double *band, double y,
    double lost[2])
{
	enum { FIRST = 4, MID = VMF_BAND_LEVELS / 2, N = 9 };
	double sum = 0.0;

	for (int l = FIRST; l < FIRST + N; l++) {
		double d = y - value_of(params, v + sd * band[l]);

		sum += d * (vmf_snaive_levels[l] - (d < 0.0 ? 1.0 : 0.0));
	}
	lost[0] = 2.0 * sum / N;
	lost[1] = fabs(y - value_of(params, v + sd * band[MID]));
}

/* VMF_PANEL_LOST: by the leads that the job names, from all origins. */
static void
set_lost(double *p, const struct vmf_panel_job *job,
    const struct vmf_block *b, int w, int i)
{
	const double *weight = p + VMF_PANEL_WEIGHTS;
	double sum[VMF_PANEL_GROUPS][3] = { { 0.0 } };

	for (int64_t k = 0; job->sample != NULL && k < b->n_origins; k++) {
		int64_t at = b->n - b->origin[k], n = known_leads(b, k, i);
		double last = NAN;

		for (int64_t t = at - 1; n > 0 && t >= 0 && isnan(last); t--)
			last = raw(&job->held, b, t, i);
		for (int s = 0; s < VMF_PANEL_GROUPS * VMF_PANEL_SAMPLES;
		    s++) {
			int64_t j = job->sample[s];
			double y, v, plain, lost[2];
			int band = 0;

			if (j < 0 || j >= n)
				continue;
			y = raw(&job->held, b, at + j, i);
			v = average(b, weight, k * b->horizon + j, w, i);
			plain = 0.5 * (fabs(y - last) + fabs(y -
			    raw(&job->held, b, at + j - b->season *
			    (j / b->season + 1), i)));
			if (isnan(y) || isnan(v) || isnan(plain))
				continue;
			while (band < VMF_BANDS - 1 &&
			    j >= band_end(band, b->horizon))
				band++;
			lose(p, v, spread(b, weight, j, w, i), p +
			    VMF_PANEL_BANDS + band * VMF_BAND_LEVELS, y, lost);
			sum[s / VMF_PANEL_SAMPLES][0] += lost[0];
			sum[s / VMF_PANEL_SAMPLES][1] += lost[1];
			sum[s / VMF_PANEL_SAMPLES][2] += plain;
		}
	}
	for (int g = 0; g < VMF_PANEL_GROUPS; g++)
		for (int u = 0; u < 2; u++)
			p[VMF_PANEL_LOST + 2 * g + u] = sum[g][2] > 0.0 ?
			    fmin(sum[g][u] / sum[g][2], LOST_MOST) :
			    sum[g][u] > 0.0 ? LOST_MOST : 0.0;
}

int
vmf_combine_fit(const struct vmf_panel_job *job, const struct vmf_block *b,
    int w, int i, struct vmf_combine *c, struct vmf_err *e)
{
	const struct vmf_slice *y = &job->held;
	struct vmf_fit *fit = job->fit;
	double *p;
	int rc;

	if ((rc = vmf_grow(&fit->params, &fit->params_cap, VMF_PANEL_PARAMS,
	    e)) != 0)
		return rc;
	p = fit->params;
	fit->n_params = VMF_PANEL_PARAMS;
	set_bounds(p, b, w, i);
	p[VMF_PANEL_SCALE] = b->scale[i];
	set_weights(p + VMF_PANEL_WEIGHTS, b, w, i);
	for (int m = 0; m < VMF_N_MEMBERS; m++)
		for (int k = 0; k < vmf_member_len[m]; k++)
			p[vmf_member_at[m] + k] = b->members & 1u << m ?
			    b->par[m][k * w + i] : 0.0;
	fit->mase = mase_of(y, p + VMF_PANEL_WEIGHTS, b, w, i);
	rc = set_bands(p + VMF_PANEL_BANDS, p + VMF_PANEL_WEIGHTS, b, w, i, c,
	    e);
	if (rc == 0)
		set_lost(p, job, b, w, i);
	return rc;
}

/*
 * A value z of the series' scale as one of the series: not negative where
 * nothing was, and where the scale is a logarithm within set_bounds.  NaN
 * where z is: no member has a value.
 */
static double
value_of(const double *params, double z)
{
	double v = vmf_from_log(params[VMF_PANEL_SCALE], z), range;

	if (isnan(z))
		return NAN;
	if (params[VMF_PANEL_SCALE] > 0.0)
		return fmin(fmax(v, params[VMF_PANEL_LOW]),
		    params[VMF_PANEL_HIGH]);
	/* Short histories have not seen all, but trends in them are steep. */
	range = params[VMF_PANEL_HIGH] - params[VMF_PANEL_LOW];
	v = fmin(fmax(v, params[VMF_PANEL_LOW] - BEYOND * range),
	    params[VMF_PANEL_HIGH] + BEYOND * range);
	return params[VMF_PANEL_LOW] >= 0.0 && v < 0.0 ? 0.0 : v;
}

/* The mean of a forecast of median z, from what the quantiles are of its
 * errors. */
static double
mean_of(const double *params, double z, double sd, const double *band)
{
	double sum = 0.0;

	for (int l = 1; l < VMF_BAND_LEVELS; l++)
		sum += 0.5 * (vmf_snaive_levels[l] - vmf_snaive_levels[l - 1]) *
		    (value_of(params, z + sd * band[l - 1]) +
		    value_of(params, z + sd * band[l]));
	return sum;
}

/* Bounds of what was learned, further where the history has since gone
 * further: what value_of looks at, and no more. */
static void
widen_bounds(double *bounds, const double *params, const struct vmf_block *b,
    int w, int i)
{
	double low = NAN, high = NAN, c = params[VMF_PANEL_SCALE];

	for (int64_t t = (int64_t)b->first[i]; t < b->n; t++) {
		low = fmin(low, b->y[t * w + i]);
		high = fmax(high, b->y[t * w + i]);
	}
	bounds[VMF_PANEL_SCALE] = c;
	bounds[VMF_PANEL_LOW] = fmin(params[VMF_PANEL_LOW],
	    vmf_from_log(c, low));
	bounds[VMF_PANEL_HIGH] = fmax(params[VMF_PANEL_HIGH],
	    vmf_from_log(c, high));
}

void
vmf_combine_predict(struct vmf_forecast *f, const double *params,
    const struct vmf_block *b, int w, int i)
{
	const double *weight = params + VMF_PANEL_WEIGHTS, *band;
	double bounds[3];	/* of VMF_PANEL_* the first */
	int64_t leads = leads_of(b->season);
	int at[VMF_LEVELS_MAX];
	double part[VMF_LEVELS_MAX];
	int k = 0;

	widen_bounds(bounds, params, b, w, i);
	for (int j = 0; j < f->levels.n; j++)
		vmf_snaive_level(f->levels.ppm[j] / 1e6, &at[j], &part[j]);
	for (int64_t t = 0; t < f->h; t++) {
		double v = average(b, weight, t, w, i);
		double sd = spread(b, weight, t, w, i);

		while (k < VMF_BANDS - 1 && t >= band_end(k, leads))
			k++;
		band = params + VMF_PANEL_BANDS + k * VMF_BAND_LEVELS;
		f->mean[t] = (float)mean_of(bounds, v, sd, band);
		for (int j = 0; j < f->levels.n; j++) {
			double x = v + sd * (band[at[j]] + part[j] *
			    (band[at[j] + 1] - band[at[j]]));

			f->q[j * f->h + t] = (float)value_of(bounds, x);
		}
	}
}

/* All of p[0..n) within [lo, hi]; else the first that is not. */
static int
first_outside(const double *p, int n, double lo, double hi)
{
	for (int i = 0; i < n; i++)
		if (!(p[i] >= lo && p[i] <= hi))
			return i;
	return n;
}

/* Is 1 - f1 B - f2 B^2 - f3 B^3 stationary? */
static bool
is_stationary(double f1, double f2, double f3)
{
	double g1, g2, k = 1.0 - f3 * f3;

	if (!(fabs(f3) < 1.0))
		return false;
	g1 = (f1 + f3 * f2) / k;
	g2 = (f2 + f3 * f1) / k;
	return fabs(g2) < 1.0 && fabs(g1) < 1.0 - g2;
}

/* The first parameter that a model of arima cannot have, or 16. */
static int
check_orders(const double *p)
{
	int i;

	if ((i = first_outside(p, 6, 0.0, 3.0)) < 6)
		return i;
	for (i = 1; i < 6; i++)
		if (i != 2 && p[i] != 0.0 && p[i] != 1.0)
			return i;
	if (!is_stationary(p[7], p[8], p[9]))
		return 7;
	if (!is_stationary(-p[10], -p[11], -p[12]))
		return 10;
	if ((i = first_outside(p + 13, 2, -1.0, 1.0)) < 2)
		return 13 + i;
	return 15 + first_outside(p + 15, 1, 0.0, INFINITY);
}

/* The first parameter of all arima models and their weights that there cannot
 * be, or the number of parameters. */
static int
check_arima(const double *p)
{
	double sum = 0.0;

	for (int k = 0; k < VMF_ARIMA_MODELS; k++) {
		int at = k * VMF_ARIMA_ONE, weight = at + VMF_ARIMA_WEIGHT;
		int bad;

		if (!(p[weight] >= 0.0 && p[weight] <= 1.0))
			return weight;
		sum += p[weight];
		if (!(p[weight] > 0.0))
			continue;
		bad = check_orders(p + at);
		if (bad < VMF_ARIMA_WEIGHT)
			return at + bad;
	}
	return sum > 0.99 && sum < 1.01 ? VMF_ARIMA_PARAMS : VMF_ARIMA_WEIGHT;
}

/* The first parameter that member m cannot have, or its number of them. */
static int
check_member(int m, const double *p)
{
	int i;

	switch (m) {
	case VMF_M_THETA:
		if ((i = first_outside(p, 2, 0.0, 1.0)) < 2)
			return i;
		return p[0] > 0.0 ? 2 + first_outside(p + 2, 1, 0.0,
		    INFINITY) : 0;
	case VMF_M_ETS:
		if ((i = first_outside(p, 6, 0.0, 1.0)) < 6)
			return i;
		return 6 + first_outside(p + 6, 1, 0.0, INFINITY);
	case VMF_M_ARIMA:
		return check_arima(p);
	default:
		return 0;
	}
}

int
vmf_panel_check(const char *name, unsigned members, const double *params,
    int64_t n_params, struct vmf_err *e)
{
	double sum = 0.0;
	int bad;

	if (n_params != VMF_PANEL_PARAMS)
		return vmf_fail(e, VMF_EDATA, "%s has %lld params, expected "
		    "%d", name, (long long)n_params, VMF_PANEL_PARAMS);
	for (int i = 0; i < VMF_PANEL_PARAMS; i++) {
		if (!isfinite(params[i]))
			return vmf_fail(e, VMF_EDATA, "%s has %g at param %d, "
			    "expected a finite number", name, params[i], i);
		if (i >= VMF_PANEL_LOST && params[i] < 0.0)
			return vmf_fail(e, VMF_EDATA, "%s has %g at param %d, "
			    "expected what was lost, not below 0", name,
			    params[i], i);
		if (i > VMF_PANEL_BANDS && i < VMF_PANEL_LOST &&
		    (i - VMF_PANEL_BANDS) % VMF_BAND_LEVELS != 0 &&
		    params[i] < params[i - 1])
			return vmf_fail(e, VMF_EDATA, "%s has %g at param %d, "
			    "expected quantiles that ascend", name, params[i],
			    i);
	}
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		double x = params[VMF_PANEL_WEIGHTS + m];

		if (x < 0.0 || (x > 0.0 && !(members & 1u << m)))
			return vmf_fail(e, VMF_EDATA, "%s has %g at param %d, "
			    "expected a weight of its own", name, x,
			    VMF_PANEL_WEIGHTS + m);
		sum += x;
		if (!(x > 0.0))
			continue;
		bad = check_member(m, params + vmf_member_at[m]);
		if (bad == vmf_member_len[m])
			continue;
		bad += vmf_member_at[m];
		return vmf_fail(e, VMF_EDATA, "%s has %g at param %d, which "
		    "no fit makes", name, params[bad], bad);
	}
	if (!(sum > 0.99 && sum < 1.01))
		return vmf_fail(e, VMF_EDATA, "%s has weights that add up to "
		    "%g, expected 1", name, sum);
	return 0;
}
