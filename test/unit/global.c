/* SPDX-License-Identifier: MIT */
/* What models of the whole fleet share: the sample, its split, slices of the
 * past, targets and their calibration. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "eval/eval_risk.h"
#include "forecast/global.h"
#include "forecast/target.h"

#define KEYS 500

/* Ten rows a key, in an order that step decides; what is kept of each. */
static void
fill(struct vmf_sample *s, int64_t step, int *kept)
{
	memset(kept, 0, KEYS * sizeof(*kept));
	for (int64_t i = 0; i < 10 * KEYS; i++) {
		int64_t at = i * step % (10 * KEYS), k = at / 10;
		char id[16];
		uint64_t key;
		float *rec;

		snprintf(id, sizeof(id), "vm-%d", (int)k);
		key = vmf_sample_key(id, (int64_t)strlen(id), "cpu");
		assert(vmf_sample_add(s, key, at % 10, at % 10 + 2, &rec,
		    NULL) == 0);
		assert((rec != NULL) == vmf_sample_wants(s, key));
		if (rec != NULL)
			rec[0] = rec[2] = (float)k;
	}
	for (int64_t i = 0; i < s->n; i++) {
		assert(s->rec[3 * i] == s->rec[3 * i + 2]);
		kept[(int)s->rec[3 * i]]++;
	}
}

static void
test_sample(void)
{
	static int a[KEYS], b[KEYS];
	struct vmf_sample s, t;
	int series = 0;

	vmf_sample_init(&s, 3, (int64_t)1 << 40, 1000);
	fill(&s, 1, a);
	vmf_sample_init(&t, 3, 1000 * (3 * 4 + 24), INT64_MAX);
	assert(t.rows_max == 1000);
	fill(&t, 7, b);
	/* All rows of a series or none, whatever their order was. */
	assert(memcmp(a, b, sizeof(a)) == 0);
	for (int k = 0; k < KEYS; k++) {
		assert(a[k] == 0 || a[k] == 10);
		series += a[k] > 0;
	}
	assert(series >= 80 && s.n == 10 * series && s.n <= 1000);
	vmf_sample_free(&s);
	vmf_sample_free(&t);
	/* With room, all of them. */
	vmf_sample_init(&s, 3, (int64_t)1 << 40, 100000);
	fill(&s, 3, a);
	assert(s.n == 10 * KEYS);
	vmf_sample_free(&s);
}

static void
test_split(void)
{
	static int kept[KEYS];
	struct vmf_sample s;
	int64_t learn, test, at;

	vmf_sample_init(&s, 3, (int64_t)1 << 40, 100000);
	assert(vmf_sample_split(&s, 0.2, &learn, &test, NULL) == 0 &&
	    learn == 0 && test == 0);
	fill(&s, 1, kept);
	assert(vmf_sample_split(&s, 0.2, &learn, &test, NULL) == 0);
	assert(s.n == 10 * KEYS && test == 3 * KEYS && learn == 6 * KEYS);
	at = s.from[s.n - test];
	for (int64_t i = 0; i < s.n; i++) {
		assert(i >= learn || s.until[i] <= at);
		assert(i < s.n - test || s.from[i] >= at);
		assert(s.rec[3 * i] == s.rec[3 * i + 2]);
	}
	vmf_sample_free(&s);
	/* All at once: nothing to test on. */
	vmf_sample_init(&s, 1, 1 << 20, 100);
	for (int i = 0; i < 9; i++) {
		float *rec;

		assert(vmf_sample_add(&s, 1, 5, 6, &rec, NULL) == 0);
		rec[0] = 1.0f;
	}
	assert(vmf_sample_split(&s, 0.2, &learn, &test, NULL) == 0);
	assert(learn == 0 && test == 0 && s.n == 9);
	vmf_sample_free(&s);
}

static void
test_draw(void)
{
	double sum = 0.0;

	for (int i = 0; i < 10000; i++) {
		double u = vmf_sample_draw(77, i);

		assert(u >= 0.0 && u < 1.0);
		sum += u;
	}
	assert(fabs(sum / 10000.0 - 0.5) <= 0.01);
	assert(vmf_sample_draw(1, 2) != vmf_sample_draw(2, 1));
	assert(vmf_sample_key("a", 1, "b") != vmf_sample_key("ab", 2, ""));
}

static void
test_slices(void)
{
	double y[6] = { 1, 2, NAN, NAN, -5, 6 };
	struct vmf_slice all = { y, 6, 2 }, s;

	s = vmf_slice_before(&all, 0);
	assert(s.n == 6 && s.gap == 2);
	s = vmf_slice_before(&all, 1);
	assert(s.n == 6 && s.gap == 1);
	s = vmf_slice_before(&all, 3);
	assert(s.n == 5 && s.gap == 0);
	s = vmf_slice_before(&all, 4);
	assert(s.n == 2 && s.gap == 2);
	s = vmf_slice_before(&all, 20);
	assert(s.n == 0 && s.gap == 0);
	assert(vmf_own_scale(&all, 100) == 3.5);
	assert(vmf_own_scale(&all, 4) == 5.5);
	assert(isnan(vmf_own_scale(&all, 2)));
	assert(vmf_global_leads(3600) == 60 && vmf_global_leads(86400) == 12);
}

static void
parse(struct vmf_target *t, const char *text)
{
	struct vmf_err e;

	if (vmf_target_parse(t, text, (int64_t)strlen(text), "x", VMF_EUSAGE,
	    &e) != 0) {
		fprintf(stderr, "%s\n", e.msg);
		abort();
	}
}

static void
test_target(void)
{
	double y[5] = { 1, 90, NAN, 3, 4 };
	struct vmf_target t;
	char name[64];

	parse(&t, "cpu_max>80");
	assert(strcmp(t.text, "cpu_max>80@1-48") == 0);
	assert(strcmp(t.metric, "cpu_max") == 0);
	vmf_target_column(&t, name, sizeof(name));
	assert(strcmp(name, "cpu_max_gt80_1_48") == 0);
	parse(&t, "a>-0.50@2-3");
	assert(strcmp(t.text, "a>-0.5@2-3") == 0);
	vmf_target_column(&t, name, sizeof(name));
	assert(strcmp(name, "a_gtm0_5_2_3") == 0);
	parse(&t, "cpu>80@1-3");
	assert(vmf_target_came(&t, y, 5) && vmf_target_whole(&t, y, 5) ==
	    !isnan(y[2]));
	parse(&t, "cpu>80@3-5");
	assert(!vmf_target_came(&t, y, 5) && !vmf_target_whole(&t, y, 5));
	parse(&t, "cpu>80@4-5");
	assert(!vmf_target_came(&t, y, 5) && vmf_target_whole(&t, y, 5));
	assert(!vmf_target_whole(&t, y, 4));
	/* Above is not at. */
	parse(&t, "cpu>90@1-2");
	assert(!vmf_target_came(&t, y, 5));
}

static const struct vmf_quantiles levels = { 9, { 100000, 200000, 300000,
    400000, 500000, 600000, 700000, 800000, 900000 } };

static void
test_odds(void)
{
	struct vmf_forecast f = { 0 };
	struct vmf_target t;
	double odds[2], before = 1e9;

	assert(vmf_forecast_init(&f, 2, &levels, NULL) == 0);
	/* Uniform on 0 to 10 in both steps. */
	for (int j = 0; j < 9; j++)
		f.q[2 * j] = f.q[2 * j + 1] = (float)(j + 1);
	parse(&t, "x>8@1-2");
	assert(vmf_target_odds(&t, &f, NULL, 2, odds));
	assert(fabs(odds[0] - log(0.2 / 0.8)) <= 1e-9);
	assert(fabs(odds[1] - log(0.36 / 0.64)) <= 1e-9);
	parse(&t, "x>8@2-2");
	assert(vmf_target_odds(&t, &f, NULL, 2, odds));
	assert(fabs(odds[1] - log(0.2 / 0.8)) <= 1e-9);
	/* Of the steps that are known alone. */
	assert(vmf_target_odds(&t, &f, (double[]){ NAN, 1.0 }, 2, odds));
	assert(fabs(odds[1] - log(0.2 / 0.8)) <= 1e-9);
	assert(!vmf_target_odds(&t, &f, (double[]){ 1.0, NAN }, 2, odds));
	assert(!vmf_target_odds(&t, &f, (double[]){ 1.0 }, 1, odds));
	/* Never up again as the threshold rises, through the tails as well. */
	for (double x = -20.0; x <= 60.0; x += 0.25) {
		t.above = x;
		assert(vmf_target_odds(&t, &f, NULL, 2, odds));
		assert(odds[0] <= before + 1e-12 && isfinite(odds[1]));
		before = odds[0];
	}
	/* All the same value. */
	for (int j = 0; j < 18; j++)
		f.q[j] = 5.0f;
	t.above = 5.0;
	assert(vmf_target_odds(&t, &f, NULL, 2, odds) && odds[0] < -2.0);
	t.above = 4.9;
	assert(vmf_target_odds(&t, &f, NULL, 2, odds) && odds[0] > 9.0);
	t.above = 5.1;
	assert(vmf_target_odds(&t, &f, NULL, 2, odds) && odds[0] < -9.0);
	f.q[3] = NAN;
	t.from = 1;
	assert(!vmf_target_odds(&t, &f, NULL, 2, odds));
	vmf_forecast_free(&f);
}

/* Events whose true log odds are -1 + 2 times the first. */
static void
test_fit(void)
{
	enum { N = 40000 };
	static float rows[N][3];
	double abc[3], odds[2] = { 1.0, 0.0 };

	for (int i = 0; i < N; i++) {
		double x = 4.0 * vmf_sample_draw(5, i) - 2.0;

		rows[i][0] = (float)x;
		rows[i][1] = (float)(vmf_sample_draw(6, i) - 0.5);
		rows[i][2] = vmf_sample_draw(7, i) <
		    1.0 / (1.0 + exp(1.0 - 2.0 * x)) ? 1.0f : 0.0f;
	}
	vmf_target_fit(rows[0], 3, rows[0] + 2, 3, N, abc);
	assert(fabs(abc[0] + 1.0) <= 0.08);
	assert(fabs(abc[1] - 2.0) <= 0.1);
	assert(fabs(abc[2]) <= 0.2);
	assert(fabs(vmf_target_calibrated(abc, odds) - abc[0] - abc[1]) <=
	    1e-12);
	/* Nothing came: finite, and unlikely. */
	for (int i = 0; i < N; i++)
		rows[i][2] = 0.0f;
	vmf_target_fit(rows[0], 3, rows[0] + 2, 3, N, abc);
	assert(vmf_target_calibrated(abc, odds) < -3.0);
	for (int k = 0; k < 3; k++)
		assert(isfinite(abc[k]));
}

static void
test_auc(void)
{
	struct vmf_risk_score s = { 0 };

	assert(isnan(vmf_risk_score_auc(&s)));
	vmf_risk_score_add(&s, 0.9, 1);
	vmf_risk_score_add(&s, 0.1, 0);
	vmf_risk_score_add(&s, 0.5, 0);
	vmf_risk_score_add(&s, 0.5, 1);
	assert(fabs(vmf_risk_score_auc(&s) - 3.5 / 4.0) <= 1e-12);
	vmf_risk_score_add(&s, 1.0, 1);
	vmf_risk_score_add(&s, 0.0, 0);
	assert(s.bin_n[9] == 2 && s.bin_n[0] == 1 && isfinite(s.log_loss));
}

static int
count(void *arg, int64_t i, struct vmf_err *e)
{
	int *done = arg;

	if (i == 70)
		return vmf_fail(e, VMF_EDATA, "job 70");
	done[i]++;
	return 0;
}

static void
test_each(void)
{
	for (int threads = 1; threads < 9; threads += 3) {
		int done[100] = { 0 };
		struct vmf_err e = { "" };

		assert(vmf_each(70, threads, count, done, &e) == 0);
		for (int i = 0; i < 70; i++)
			assert(done[i] == 1);
		assert(vmf_each(100, threads, count, done, &e) == VMF_EDATA);
		assert(strcmp(e.msg, "job 70") == 0);
		assert(vmf_each(0, threads, count, done, &e) == 0);
	}
}

int
main(void)
{
	test_sample();
	test_split();
	test_draw();
	test_slices();
	test_target();
	test_odds();
	test_fit();
	test_auc();
	test_each();
	return 0;
}
