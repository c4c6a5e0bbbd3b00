/* SPDX-License-Identifier: MIT */
#include "forecast/score.h"

#include <assert.h>
#include <math.h>

#include "base/rng.h"

const struct vmf_quantiles vmf_score_levels = {
	.n = VMF_SCORE_LEVELS,
	.ppm = { 100000, 200000, 300000, 400000, 500000, 600000, 700000,
	    800000, 900000 },
};

double
vmf_score_scale(const double *y, int64_t n, int64_t season)
{
	int64_t pairs = 0;
	double sum = 0.0;

	for (int64_t t = season; t < n; t++) {
		double d = fabs(y[t] - y[t - season]);

		if (!isnan(d)) {
			sum += d;
			pairs++;
		}
	}
	return pairs > 0 ? sum / (double)pairs : NAN;
}

bool
vmf_score_regret(const double *actual, const float *expected, int64_t h,
    int64_t width, double *regret)
{
	double least = INFINITY, chosen = NAN, low = INFINITY;

	for (int64_t t = 0; t + width <= h; t++) {
		double a = 0.0, x = 0.0;

		/* Summed anew each time: equal windows have equal sums. */
		for (int64_t k = t; k < t + width; k++) {
			a += actual[k];
			x += (double)expected[k];
		}
		if (isnan(a))
			continue;
		if (a < least)
			least = a;
		if (x < low) {
			low = x;
			chosen = a;
		}
	}
	*regret = (chosen - least) / (double)width;
	return !isnan(chosen);
}

/* 2 x pinball loss at all levels of step t, their mean; NaN where one is
 * missing. */
static double
pinball(const struct vmf_forecast *f, int64_t t, double actual)
{
	double sum = 0.0;

	for (int j = 0; j < VMF_SCORE_LEVELS; j++) {
		double level = (double)(j + 1) / (VMF_SCORE_LEVELS + 1);
		double d = actual - (double)f->q[j * f->h + t];

		sum += d >= 0.0 ? level * d : (level - 1.0) * d;
	}
	return 2.0 * sum / VMF_SCORE_LEVELS;
}

/*
 * With a of the nine quantiles below the actual and b at or below it, the
 * probability integral transform is uniform on [a/10, (b + 1)/10]: the share
 * of that in [0.1, 0.9].  Loads repeat and are often exactly 0; a closed
 * interval would cover too much, an open one too little.
 */
static double
covered(const struct vmf_forecast *f, int64_t t, double actual)
{
	int below = 0, upto = 0, lo, hi;

	for (int j = 0; j < VMF_SCORE_LEVELS; j++) {
		double q = (double)f->q[j * f->h + t];

		below += q < actual;
		upto += q <= actual;
	}
	lo = below > 1 ? below : 1;
	hi = upto + 1 < VMF_SCORE_LEVELS ? upto + 1 : VMF_SCORE_LEVELS;
	/* upto counts what below counts: the range is never empty. */
	return hi > lo ? (double)(hi - lo) / (upto + 1 - below) : 0.0;
}

void
vmf_score_window(struct vmf_score *s, const double *actual,
    const struct vmf_forecast *f, const struct vmf_forecast *ref,
    double scale, int64_t width)
{
	const float *q50 = f->q + VMF_SCORE_MEDIAN * f->h;
	int64_t before = s->n_points;
	double own, other;

	assert(f->levels.n == VMF_SCORE_LEVELS);
	assert(ref == NULL || ref->h == f->h);
	for (int64_t t = 0; t < f->h; t++) {
		double loss, err;

		if (isnan(actual[t]))
			continue;
		loss = pinball(f, t, actual[t]);
		if (isnan(loss)) {
			s->n_missed++;
			continue;
		}
		err = fabs(actual[t] - (double)q50[t]);
		s->n_points++;
		s->abs_actual += fabs(actual[t]);
		s->abs_err += err;
		s->pinball += loss;
		s->covered += covered(f, t, actual[t]);
		if (scale > 0.0) {
			s->ratio += err / scale;
			s->n_ratio++;
		}
		if (ref == NULL || isnan(other = pinball(ref, t, actual[t])))
			continue;
		s->n_paired++;
		s->own_pinball += loss;
		s->ref_pinball += other;
		s->ref_actual += fabs(actual[t]);
	}
	s->n_windows += s->n_points > before;
	if (vmf_score_regret(actual, f->mean, f->h, width, &own) &&
	    ref != NULL &&
	    vmf_score_regret(actual, ref->mean, f->h, width, &other)) {
		s->n_regret++;
		s->regret += own;
		s->ref_regret += other;
	}
}

void
vmf_score_add(struct vmf_score *to, const struct vmf_score *s)
{
	to->n_points += s->n_points;
	to->n_missed += s->n_missed;
	to->n_windows += s->n_windows;
	to->abs_actual += s->abs_actual;
	to->abs_err += s->abs_err;
	to->pinball += s->pinball;
	to->covered += s->covered;
	to->n_ratio += s->n_ratio;
	to->ratio += s->ratio;
	to->n_paired += s->n_paired;
	to->own_pinball += s->own_pinball;
	to->ref_pinball += s->ref_pinball;
	to->ref_actual += s->ref_actual;
	to->n_regret += s->n_regret;
	to->regret += s->regret;
	to->ref_regret += s->ref_regret;
}

/* 0 / 0 and x / 0 are not defined. */
static double
over(double num, double den)
{
	return den > 0.0 ? num / den : NAN;
}

double
vmf_score_mase(const struct vmf_score *s)
{
	return over(s->ratio, (double)s->n_ratio);
}

double
vmf_score_crps(const struct vmf_score *s)
{
	return over(s->pinball, s->abs_actual);
}

double
vmf_score_nd(const struct vmf_score *s)
{
	return over(s->abs_err, s->abs_actual);
}

double
vmf_score_mae(const struct vmf_score *s)
{
	return over(s->abs_err, (double)s->n_points);
}

double
vmf_score_coverage80(const struct vmf_score *s)
{
	return over(s->covered, (double)s->n_points);
}

double
vmf_score_crps_ref(const struct vmf_score *s)
{
	return over(s->ref_pinball, s->ref_actual);
}

double
vmf_score_crps_rel(const struct vmf_score *s)
{
	return over(s->own_pinball, s->ref_pinball);
}

double
vmf_score_regret_rel(const struct vmf_score *s)
{
	return over(s->regret, s->ref_regret);
}

double
vmf_score_regret_mean(const struct vmf_score *s)
{
	return over(s->regret, (double)s->n_regret);
}

/* Poisson(1) from 32 random bits: 2^32 times the chance of 0, of at most 1,
 * of at most 2, ...; above the last it is 12. */
static const uint32_t poisson[] = { 1580030168, 3160060337, 3950075421,
    4213413783, 4279248373, 4292415291, 4294609777, 4294923276, 4294962463,
    4294966817, 4294967252, 4294967292 };

static double
take(uint32_t u)
{
	int k = 0;

	for (size_t i = 0; i < sizeof(poisson) / sizeof(*poisson); i++)
		k += u >= poisson[i];
	return (double)k;
}

void
vmf_boot_draw(struct vmf_boot_weights *w, int64_t vm)
{
	struct vmf_rng rng = { (uint64_t)vm };

	/* Streams of neighbouring VMs must not be shifts of each other. */
	rng.state = vmf_rng_next(&rng) ^ UINT64_C(0x766d662d6576616c);
	for (int i = 0; i < VMF_BOOT_N; i += 2) {
		uint64_t u = vmf_rng_next(&rng);

		w->w[i] = take((uint32_t)u);
		w->w[i + 1] = take((uint32_t)(u >> 32));
	}
}

void
vmf_boot_add(struct vmf_boot *b, const struct vmf_boot_weights *w,
    double num, double den)
{
	b->n_vms++;
	for (int i = 0; i < VMF_BOOT_N; i++) {
		b->num[i] += w->w[i] * num;
		b->den[i] += w->w[i] * den;
	}
}

void
vmf_boot_interval(const struct vmf_boot *b, double *lo, double *hi)
{
	double x[VMF_BOOT_N], tmp[VMF_BOOT_N];
	int64_t n = 0;

	for (int i = 0; i < VMF_BOOT_N; i++)
		if (b->den[i] > 0.0)
			x[n++] = b->num[i] / b->den[i];
	*lo = *hi = NAN;
	if (n < VMF_BOOT_N / 2 || b->n_vms < VMF_BOOT_VMS)
		return;
	vmf_sort_doubles(x, tmp, n);
	*lo = vmf_quantile_sorted(x, n, 0.025);
	*hi = vmf_quantile_sorted(x, n, 0.975);
}
