/* SPDX-License-Identifier: MIT */
#include "forecast/snaive.h"

#include <inttypes.h>
#include <math.h>

#include "kernel/snaive_kernel.h"

const double vmf_snaive_levels[VMF_SNAIVE_LEVELS] = { 0.0, 0.01, 0.025, 0.05,
    0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 1.0 };
#define MEDIAN 8

/*
 * MASE of the last season, forecast from what was known before it: the mean
 * absolute error over that of one season before in this past (Hyndman and
 * Koehler, "Another look at measures of forecast accuracy", 2006).
 */
static double
holdout_mase(const struct vmf_slice *y, int64_t season)
{
	int64_t past = y->n - season, n_err = 0, n_scale = 0, lag;
	double err = 0.0, scale = 0.0;

	for (int64_t t = season; t < past; t++) {
		double d = fabs(y->y[t] - y->y[t - season]);

		if (!isnan(d)) {
			scale += d;
			n_scale++;
		}
	}
	for (int64_t h = 0; past > 0 && h < season; h++) {
		double d = fabs(y->y[past + h] - vmf_snaive_value(y->y, past,
		    1, 0, season, h, &lag));

		if (!isnan(d)) {
			err += d;
			n_err++;
		}
	}
	if (n_err == 0 || n_scale == 0 || !(scale > 0.0))
		return NAN;
	return err / (double)n_err / (scale / (double)n_scale);
}

static int
snaive_fit(struct vmf_fit *fit, const struct vmf_slice *y, int64_t season,
    struct vmf_scratch *w, struct vmf_err *e)
{
	double low = INFINITY;
	int rc;

	if ((rc = vmf_grow(&w->a, &w->a_cap, y->n, e)) != 0 ||
	    (rc = vmf_grow(&w->b, &w->b_cap, y->n, e)) != 0 ||
	    (rc = vmf_grow(&fit->params, &fit->params_cap,
	    1 + VMF_SNAIVE_LAGS * VMF_SNAIVE_LEVELS, e)) != 0)
		return rc;
	for (int64_t t = 0; t < y->n; t++)
		if (y->y[t] < low)
			low = y->y[t];
	fit->params[0] = low;
	fit->n_params = 1;
	for (int64_t k = 1; k <= VMF_SNAIVE_LAGS; k++) {
		double *p = fit->params + fit->n_params;
		int64_t n;

		if (k > (y->n - 1) / season)
			break;
		n = vmf_snaive_errors(y->y, y->n, 1, k * season, w->a);
		if (n < vmf_history_pairs(season))
			break;
		vmf_sort_doubles(w->a, w->b, n);
		for (int j = 0; j < VMF_SNAIVE_LEVELS; j++) {
			p[j] = vmf_quantile_sorted(w->a, n,
			    vmf_snaive_levels[j]);
			if (j == MEDIAN || (j < MEDIAN && p[j] > 0.0) ||
			    (j > MEDIAN && p[j] < 0.0))
				p[j] = 0.0;
		}
		fit->n_params += VMF_SNAIVE_LEVELS;
	}
	fit->mase = holdout_mase(y, season);
	return 0;
}

void
vmf_snaive_level(double q, int *at, double *part)
{
	int j = 0;

	while (j < VMF_SNAIVE_LEVELS - 2 && vmf_snaive_levels[j + 1] <= q)
		j++;
	*at = j;
	*part = (q - vmf_snaive_levels[j]) /
	    (vmf_snaive_levels[j + 1] - vmf_snaive_levels[j]);
}

static int64_t
snaive_predict(struct vmf_forecast *f, const struct vmf_slice *y,
    int64_t season, const double *params, int64_t n_params, const void *blob,
    int64_t blob_bytes, struct vmf_scratch *w, struct vmf_err *e)
{
	int64_t lags = (n_params - 1) / VMF_SNAIVE_LEVELS, filled = 0, lag;
	int at[VMF_LEVELS_MAX];
	double part[VMF_LEVELS_MAX];
	int rc;

	(void)blob;
	if (lags < 1 || lags > VMF_SNAIVE_LAGS || blob_bytes != 0 ||
	    n_params != 1 + lags * VMF_SNAIVE_LEVELS)
		return vmf_fail(e, VMF_EDATA,
		    "snaive has %" PRId64 " params, expected 1 + 17 for each "
		    "of 1 to 14 seasons", n_params);
	for (int64_t i = 0; i < n_params; i++)
		if (!isfinite(params[i]) || (i > 1 &&
		    (i - 1) % VMF_SNAIVE_LEVELS != 0 &&
		    params[i] < params[i - 1]))
			return vmf_fail(e, VMF_EDATA,
			    "snaive has %g at param %" PRId64 ", expected "
			    "finite quantiles that ascend", params[i], i);
	for (int j = 0; j < f->levels.n; j++)
		vmf_snaive_level(f->levels.ppm[j] / 1e6, &at[j], &part[j]);
	for (int64_t t = 0; t < f->h; t++) {
		double v = vmf_snaive_value(y->y, y->n, 1, y->gap, season, t,
		    &lag);
		const double *p;

		if (isnan(v)) {
			/* Sorting once: all from here on, then those that
			 * have a value are written over. */
			if (filled++ == 0 && (rc = vmf_forecast_flat(f, y, t,
			    f->h, w, e)) != 0)
				return rc;
			continue;
		}
		p = params + 1 + VMF_SNAIVE_LEVELS *
		    ((lag < lags ? lag : lags) - 1);
		f->mean[t] = (float)v;
		for (int j = 0; j < f->levels.n; j++) {
			double d = p[at[j]] + part[j] *
			    (p[at[j] + 1] - p[at[j]]);
			double x = v + d;

			/* A load that was never negative is not predicted
			 * to be. */
			if (x < 0.0 && params[0] >= 0.0 && v >= 0.0)
				x = 0.0;
			f->q[j * f->h + t] = (float)x;
		}
	}
	return filled;
}

const struct vmf_algo vmf_snaive = {
	.name = "snaive",
	.fit = snaive_fit,
	.predict = snaive_predict,
};
