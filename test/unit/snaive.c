/* SPDX-License-Identifier: MIT */
/*
 * Quantiles and the seasonal naive model against figures worked by hand.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/many.h"
#include "forecast/snaive.h"
#include "kernel/snaive_kernel.h"
#include "check.h"

static void
near(double got, double want, const char *what)
{
	/* NaN fails. */
	if (fabs(got - want) <= 1e-6)
		return;
	printf("%s: %.9g, expected %.9g\n", what, got, want);
	failures++;
}

static int
cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
test_sort(void)
{
	static double x[3000], y[3000], tmp[3000];
	uint32_t s = 1;

	for (int n = 1; n <= 3000; n = n * 3 / 2 + 1) {
		for (int i = 0; i < n; i++) {
			s = s * 1664525u + 1013904223u;
			x[i] = y[i] = ((double)s - 2e9) / (i % 3 == 0 ?
			    7.0 : 65536.0 * 65536.0);
			if (i % 5 == 0)
				x[i] = y[i] = i % 2 ? -1.5 : 0.0;
		}
		vmf_sort_doubles(x, tmp, n);
		qsort(y, (size_t)n, sizeof(*y), cmp);
		check(memcmp(x, y, (size_t)n * sizeof(*x)) == 0,
		    "vmf_sort_doubles is not qsort");
	}
}

static void
test_quantiles(void)
{
	/* R: quantile(c(1, 2, 4, 8), c(0, .1, .5, .9, 1)), type 7. */
	static const double x[] = { 1, 2, 4, 8 }, five[] = { 5 };
	static const struct {
		int32_t ppm;
		const char *name;
	} names[] = { { 100000, "m_q10" }, { 50000, "m_q05" },
	    { 990000, "m_q99" }, { 975000, "m_q97_5" },
	    { 1000, "m_q00_1" }, { 999999, "m_q99_9999" },
	    { 500000, "m_q50" }, { 333333, "m_q33_3333" },
	    { 1, "m_q00_0001" }, { 12345, "m_q01_2345" } };
	struct vmf_quantiles q;
	char buf[64];

	near(vmf_quantile_sorted(x, 4, 0.0), 1.0, "q0");
	near(vmf_quantile_sorted(x, 4, 0.1), 1.3, "q10");
	near(vmf_quantile_sorted(x, 4, 0.5), 3.0, "q50");
	near(vmf_quantile_sorted(x, 4, 0.9), 6.8, "q90");
	near(vmf_quantile_sorted(x, 4, 1.0), 8.0, "q100");
	near(vmf_quantile_sorted(five, 1, 0.3), 5.0, "of one");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		vmf_quantile_column(buf, sizeof(buf), "m", names[i].ppm);
		check(strcmp(buf, names[i].name) == 0, buf);
		check(vmf_quantile_of_column(buf, "m") == names[i].ppm,
		    names[i].name);
	}
	check(vmf_quantile_of_column("m_q5", "m") < 0 &&
	    vmf_quantile_of_column("m_q00", "m") < 0 &&
	    vmf_quantile_of_column("m_q10_", "m") < 0 &&
	    vmf_quantile_of_column("m_q10x", "m") < 0 &&
	    vmf_quantile_of_column("n_q10", "m") < 0 &&
	    vmf_quantile_of_column("m_q10_00001", "m") < 0 &&
	    vmf_quantile_of_column("m", "m") < 0, "not a quantile's column");
	check(vmf_quantiles_parse(&q, "0.9,.1,5e-1", "x", NULL) == 0 &&
	    q.n == 3 && q.ppm[0] == 100000 && q.ppm[1] == 500000 &&
	    q.ppm[2] == 900000, "levels are sorted");
	check(vmf_quantiles_parse(&q, "0.1,0.10", "x", NULL) != 0 &&
	    vmf_quantiles_parse(&q, "", "x", NULL) != 0 &&
	    vmf_quantiles_parse(&q, "0", "x", NULL) != 0 &&
	    vmf_quantiles_parse(&q, "1", "x", NULL) != 0 &&
	    vmf_quantiles_parse(&q, "nan", "x", NULL) != 0 &&
	    vmf_quantiles_parse(&q, "0.5,", "x", NULL) != 0 &&
	    vmf_quantiles_parse(&q, "0.12345678", "x", NULL) != 0,
	    "wrong levels are taken");
}

/* Two seasons of three and one step more: 10 20 30 12 24 33 15. */
static const double y7[] = { 10, 20, 30, 12, 24, 33, 15 };

static void
test_value(void)
{
	double y[8];
	int64_t lag = 0;

	/* The next steps are at phases 1, 2 and 0 again. */
	near(vmf_snaive_value(y7, 7, 1, 0, 3, 0, &lag), 24, "lead 1");
	check(lag == 1, "lag 1");
	near(vmf_snaive_value(y7, 7, 1, 0, 3, 2, &lag), 15, "lead 3");
	near(vmf_snaive_value(y7, 7, 1, 0, 3, 3, &lag), 24, "lead 4");
	check(lag == 2, "lag 2");
	/* Two steps are missing before the start: phase 0 is next. */
	near(vmf_snaive_value(y7, 7, 1, 2, 3, 0, &lag), 15, "after a gap");
	check(lag == 1, "lag after a gap");
	near(vmf_snaive_value(y7, 7, 1, 2, 3, 1, &lag), 24, "in a gap");
	check(lag == 2, "lag in a gap");
	memcpy(y, y7, sizeof(y7));
	y[4] = NAN;
	near(vmf_snaive_value(y, 7, 1, 0, 3, 0, &lag), 20, "a season back");
	check(lag == 2, "lag a season back");
	y[1] = NAN;
	check(isnan(vmf_snaive_value(y, 7, 1, 0, 3, 0, &lag)), "none known");
	/* Seven seasons are searched, the eighth is not. */
	check(!isnan(vmf_snaive_value(y7, 1, 1, 6, 1, 0, &lag)) && lag == 7,
	    "seven seasons back");
	check(isnan(vmf_snaive_value(y7, 1, 1, 7, 1, 0, &lag)), "eight");
	/* Every second step of an array of pairs. */
	near(vmf_snaive_value(y7, 3, 2, 0, 1, 0, &lag), 24, "stride");
}

static void
test_fit(void)
{
	const struct vmf_slice y = { y7, 7, 0 };
	const struct vmf_forecast_opts o = { .step_s = 60, .season = 3,
	    .stale_after_s = 600 };
	struct vmf_quantiles levels;
	struct vmf_forecast f = { 0 };
	struct vmf_fit fit = { 0 };
	struct vmf_many many = { 0 };
	struct vmf_problem p = { .y = y, .opts = o, .f = &f, .own = &fit };
	enum vmf_status status;

	if (vmf_quantiles_parse(&levels, "0.1,0.25,0.5,0.9", "x",
	    NULL) != 0 || vmf_forecast_init(&f, 4, &levels, NULL) != 0 ||
	    vmf_fit_many(&vmf_snaive, &p, 1, &status, &many, NULL) != 0)
		exit(1);
	/* Errors one season back: 2 4 3 3; two back: only 5, too few. */
	check(status == VMF_OK && fit.n_params == 18, "one season of errors");
	near(fit.params[0], 10, "least value");
	near(fit.params[1 + 8], 0, "the median is the value itself");
	near(fit.params[1 + 12], 3.7, "q90 of the errors");
	near(fit.params[1 + 16], 4, "greatest error");
	/* Those below the median are above 0, so they are 0. */
	near(fit.params[1], 0, "the least is held at 0");
	near(fit.params[1 + 4], 0, "q10 is held at 0");
	/* The last season, 24 33 15, from 10 20 30 12: forecast 20 30 12,
	 * errors 4 3 3; its past differs by 2 over a season. */
	near(fit.mase, (10.0 / 3) / 2, "mase");
	p.fit = &fit;
	p.own = NULL;
	p.seen = true;
	if (vmf_forecast_many(&vmf_snaive, &p, 1, &many, NULL) != 0)
		exit(1);
	check(f.status == VMF_OK && f.reason[0] == '\0', "ok needs no reason");
	near(f.mean[0], 24, "mean 1");
	near(f.mean[3], 24, "mean 4");
	near(f.q[0 * 4 + 1], 33, "q10");
	near(f.q[2 * 4 + 1], 33, "q50");
	near(f.q[3 * 4 + 1], 36.7, "q90");
	/* The same without a model. */
	p.fit = NULL;
	p.seen = false;
	if (vmf_forecast_many(&vmf_snaive, &p, 1, &many, NULL) != 0)
		exit(1);
	check(f.status == VMF_UNSEEN, "unseen");
	near(f.q[3 * 4 + 1], 36.7, "q90 of the unseen");
	vmf_forecast_free(&f);
	vmf_fit_free(&fit);
	vmf_many_free(&many);
}

static void
test_status(void)
{
	double y[60];
	struct vmf_slice s = { y, 0, 0 };

	for (int t = 0; t < 60; t++)
		y[t] = 7;
	check(vmf_history_status(&s, 24) == VMF_EMPTY, "empty");
	s.n = 33;
	check(vmf_history_status(&s, 24) == VMF_SHORT, "nine pairs");
	s.n = 34;
	check(vmf_history_status(&s, 24) == VMF_CONSTANT, "constant");
	y[3] = NAN;
	check(vmf_history_status(&s, 24) == VMF_SHORT, "a pair less");
	y[3] = 8;
	check(vmf_history_status(&s, 24) == VMF_OK, "ok");
	s.n = 7;
	check(vmf_history_status(&s, 4) == VMF_SHORT, "a season of four");
	s.n = 8;
	check(vmf_history_status(&s, 4) == VMF_OK, "two seasons of four");
}

int
main(void)
{
	test_sort();
	test_quantiles();
	test_value();
	test_fit();
	test_status();
	return failures > 0;
}
