/* SPDX-License-Identifier: MIT */
/*
 * Scores against figures worked by hand, the bootstrap against theory, and
 * a model that tries to look past its origin.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "eval/eval.h"

static int failures;
static struct vmf_err err;

static void
near(double got, double want, const char *what)
{
	/* NaN fails unless it is wanted. */
	if (fabs(got - want) <= 1e-9 * (1.0 + fabs(want)) ||
	    (isnan(got) && isnan(want)))
		return;
	printf("%s: %.12g, expected %.12g\n", what, got, want);
	failures++;
}

static void
need(int rc)
{
	if (rc >= 0)
		return;
	printf("%s\n", err.msg);
	exit(1);
}

/* A forecast of one step with the quantiles q. */
static struct vmf_score
one(double actual, const float q[9], double scale)
{
	struct vmf_score s = { 0 };
	struct vmf_forecast f = { 0 };

	need(vmf_forecast_init(&f, 1, &vmf_score_levels, &err));
	memcpy(f.q, q, 9 * sizeof(*q));
	f.mean[0] = q[4];
	vmf_score_window(&s, &actual, &f, NULL, scale, 1);
	vmf_forecast_free(&f);
	return s;
}

static void
test_points(void)
{
	static const float rise[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 },
	    flat[9] = { 0 }, three[9] = { 3, 3, 3, 3, 3, 3, 3, 3, 3 },
	    ties[9] = { 0, 0, 0, 0, 0, 1, 1, 2, 4 };
	float hole[9];
	struct vmf_score s;

	/* 2 x pinball of 5 below 1..9: sum over j of 2 x max(j/10 d,
	 * (j/10 - 1) d), d = 5 - j: 2 (.4 + .6 + .6 + .4) x 2 = 8, / 9. */
	s = one(5.0, rise, 2.0);
	near(s.pinball, 8.0 / 9.0, "pinball");
	near(s.abs_err, 0.0, "error");
	near(s.covered, 1.0, "covered by q50: [0.4, 0.6]");
	near(vmf_score_mase(&s), 0.0, "MASE");
	/* All quantiles the same: CRPS is ND. */
	s = one(5.0, three, 4.0);
	near(s.pinball, 2.0, "pinball of a point forecast");
	near(vmf_score_crps(&s), vmf_score_nd(&s), "CRPS = ND");
	near(vmf_score_mase(&s), 0.5, "MASE of a point forecast");
	s = one(-5.0, three, 4.0);
	near(vmf_score_nd(&s), 8.0 / 5.0, "ND of a negative load");

	near(one(0.0, flat, 1.0).covered, 0.8, "all quantiles hit: [0, 1]");
	near(one(1.0, flat, 1.0).covered, 0.0, "above all: [0.9, 1]");
	near(one(-1.0, flat, 1.0).covered, 0.0, "below all: [0, 0.1]");
	near(one(1.5, rise, 1.0).covered, 1.0, "[0.1, 0.2]");
	near(one(1.0, rise, 1.0).covered, 0.5, "[0, 0.2]");
	near(one(9.0, rise, 1.0).covered, 0.5, "[0.8, 1]");
	near(one(0.0, ties, 1.0).covered, 5.0 / 6.0, "[0, 0.6]");
	near(one(4.0, ties, 1.0).covered, 0.5, "[0.8, 1]");
	near(one(1.0, ties, 1.0).covered, 1.0, "[0.5, 0.8]");

	/* No scale, or none above 0: the point is no part of MASE. */
	near(vmf_score_mase(&(struct vmf_score){ 0 }), NAN, "no points");
	s = one(5.0, three, 0.0);
	near((double)s.n_ratio, 0.0, "points with a scale of 0");
	near(vmf_score_mae(&s), 2.0, "MAE without a scale");
	s = one(5.0, three, NAN);
	near((double)s.n_ratio, 0.0, "points without a scale");
	/* Not known, or no forecast of it. */
	s = one(NAN, three, 1.0);
	near((double)(s.n_points + s.n_missed), 0.0, "missing actual");
	memcpy(hole, rise, sizeof(hole));
	hole[7] = NAN;
	s = one(5.0, hole, 1.0);
	near((double)s.n_points, 0.0, "a quantile is missing");
	near((double)s.n_missed, 1.0, "a quantile is missing: missed");
	near(vmf_score_crps(&s), NAN, "CRPS of nothing");
	s = one(0.0, flat, 1.0);
	near(vmf_score_nd(&s), NAN, "ND of zeros");
}

static void
test_scale(void)
{
	static const double y[] = { 1, 2, 4, 7, NAN, 16, 22 };

	near(vmf_score_scale(y, 7, 1), (1 + 2 + 3 + 6) / 4.0, "scale");
	near(vmf_score_scale(y, 7, 2), (3 + 5 + 9) / 3.0, "scale of 2");
	near(vmf_score_scale(y, 7, 6), 21.0, "scale of one pair");
	near(vmf_score_scale(y, 7, 7), NAN, "no pair");
	near(vmf_score_scale(NULL, 0, 1), NAN, "nothing");
}

static void
test_regret(void)
{
	static const double y[] = { 5, 1, 1, 4, NAN, 0, 3 };
	static const float x[] = { 2, 2, 1, 1, 0, 0, NAN };
	static const float same[] = { 7, 7, 7, 7, 7, 7, 7 };
	double r = -1.0;

	near(vmf_score_regret(y, x, 7, 1, &r), 1, "a choice");
	/* Expected least are steps 4 (not known) and 5. */
	near(r, 0.0, "regret");
	near(vmf_score_regret(y, x, 4, 1, &r), 1, "a choice");
	near(r, 0.0, "ties go to the earliest: 1, not 4");
	near(vmf_score_regret(y, x, 4, 2, &r), 1, "a choice");
	near(r, 1.5, "2 steps: 1 + 4 chosen, 1 + 1 best");
	near(vmf_score_regret(y, same, 7, 2, &r), 1, "a choice");
	near(r, 2.0, "all the same: the first, 5 + 1; best 1 + 1");
	near(vmf_score_regret(y, x, 7, 5, &r), 0, "no window is known");
	near(vmf_score_regret(y, x, 3, 4, &r), 0, "longer than it all");
	near(vmf_score_regret(y + 6, x + 6, 1, 1, &r), 0, "not expected");
}

static void
test_paired(void)
{
	static const double y[] = { 3, NAN, 4, 2 };
	struct vmf_forecast f = { 0 }, ref = { 0 };
	struct vmf_score s = { 0 }, sum = { 0 };

	need(vmf_forecast_init(&f, 4, &vmf_score_levels, &err));
	need(vmf_forecast_init(&ref, 4, &vmf_score_levels, &err));
	for (int t = 0; t < 4; t++)
		for (int j = -1; j < 9; j++) {
			*(j < 0 ? &f.mean[t] : &f.q[j * 4 + t]) = 3;
			*(j < 0 ? &ref.mean[t] : &ref.q[j * 4 + t]) =
			    t == 2 ? NAN : 4;
		}
	vmf_score_window(&s, y, &f, &ref, 1.0, 1);
	near((double)s.n_points, 3, "points");
	near((double)s.n_paired, 2, "points of both");
	near(vmf_score_crps(&s), 2.0 / 9.0, "CRPS");
	near(vmf_score_crps_ref(&s), 3.0 / 5.0, "the reference's");
	near(vmf_score_crps_rel(&s), 1.0 / 3.0, "relative");
	near(s.regret, 1.0, "regret: the first of equals");
	near((double)s.n_windows, 1, "windows");
	vmf_score_add(&sum, &s);
	vmf_score_add(&sum, &s);
	near((double)sum.n_points, 6, "points add");
	near(vmf_score_crps(&sum), vmf_score_crps(&s), "CRPS of twice");
	vmf_forecast_free(&f);
	vmf_forecast_free(&ref);
}

static void
test_boot(void)
{
	static struct vmf_boot b, twice;
	static struct vmf_boot_weights w, v;
	double mean = 0.0, square = 0.0, lo, hi;
	int n = 400;

	for (int vm = 0; vm < n; vm++) {
		vmf_boot_draw(&w, vm);
		vmf_boot_draw(&v, vm);
		if (memcmp(&w, &v, sizeof(w)) != 0)
			failures += printf("draws are not repeatable\n");
		for (int i = 0; i < VMF_BOOT_N; i++) {
			mean += w.w[i] / n / VMF_BOOT_N;
			square += w.w[i] * w.w[i] / n / VMF_BOOT_N;
		}
		/* A ratio of 1.5 with noise: 1 or 2 over 1. */
		vmf_boot_add(&b, &w, 1.0 + vm % 2, 1.0);
		vmf_boot_add(&twice, &w, 3.0, 1.5);
	}
	/* Poisson(1): mean 1, variance 1; 400,000 draws. */
	if (!(fabs(mean - 1.0) < 0.01 && fabs(square - 2.0) < 0.03))
		failures += printf("weights: %g, %g\n", mean, square);
	/* The standard error of the mean of 400 coins is 0.025. */
	vmf_boot_interval(&b, &lo, &hi);
	if (!(fabs(lo - 1.451) < 0.006 && fabs(hi - 1.549) < 0.006))
		failures += printf("interval: %g to %g\n", lo, hi);
	vmf_boot_interval(&twice, &lo, &hi);
	near(lo, 2.0, "no spread");
	near(hi, 2.0, "no spread");
	memset(&b, 0, sizeof(b));
	vmf_boot_interval(&b, &lo, &hi);
	near(lo, NAN, "nothing to draw from");
	for (int vm = 0; vm < 10; vm++) {
		vmf_boot_interval(&b, &lo, &hi);
		near(hi, NAN, "too few to draw from");
		vmf_boot_draw(&w, vm);
		vmf_boot_add(&b, &w, 1.0, 2.0);
	}
	vmf_boot_interval(&b, &lo, &hi);
	near(hi, 0.5, "ten to draw from");
}

static void
test_origins(void)
{
	near((double)vmf_eval_origins(720, 48), 2, "H/short");
	near((double)vmf_eval_origins(8640, 48), 18, "5T/short");
	near((double)vmf_eval_origins(8640, 480), 2, "5T/medium");
	near((double)vmf_eval_origins(8640, 720), 2, "5T/long");
	near((double)vmf_eval_origins(100000, 48), 20, "at most 20");
	near((double)vmf_eval_origins(480, 48), 1, "exactly a tenth");
	near((double)vmf_eval_origins(481, 48), 2, "a little more");
}

/* ---- a model that peeks ---- */

static int
peek_fit(struct vmf_fit *fit, const struct vmf_slice *y, int64_t season,
    struct vmf_scratch *w, struct vmf_err *e)
{
	(void)y;
	(void)season;
	(void)w;
	(void)e;
	fit->n_params = 0;
	return 0;
}

static int64_t
peek_predict(struct vmf_forecast *f, const struct vmf_slice *y,
    int64_t season, const double *params, int64_t n_params,
    const void *blob, int64_t blob_bytes, struct vmf_scratch *w,
    struct vmf_err *e)
{
	(void)season;
	(void)params;
	(void)n_params;
	(void)blob;
	(void)blob_bytes;
	(void)w;
	(void)e;
	for (int64_t t = 0; t < f->h; t++) {
		/* volatile: the compiler may not reason about it */
		const volatile double *v = y->y + y->n + y->gap + t;

		f->mean[t] = (float)*v;
		for (int j = 0; j < f->levels.n; j++)
			f->q[j * f->h + t] = f->mean[t];
	}
	return 0;
}

static const struct vmf_algo peeker = { .name = "peeker", .fit = peek_fit,
	.predict = peek_predict };

#define STEPS 240
#define HORIZON 8

/* Loads of 3 VMs that nothing predicts, and one that rises for ever. */
static double
load(int vm, int t)
{
	uint32_t u = (uint32_t)(vm * 7919 + t) * 2654435761u;

	return vm == 3 ? t : (double)(u >> 8) / 1024.0;
}

static void
write_series(const char *path)
{
	static const char *const meta[][2] = { { "vmf:kind", "series" },
	    { "vmf:step", "3600" }, { "vmf:start", "1970-01-01T00:00:00Z" },
	    { "vmf:end", "1970-01-11T00:00:00Z" } };
	struct vmf_schema s = { 0 };
	struct vmf_batch b = { 0 };
	struct vmf_writer *w = NULL;
	struct vmf_out *o = NULL;
	float y[STEPS];

	for (int k = 0; k < 4; k++)
		need(vmf_meta_set(&s.meta, meta[k][0], meta[k][1], &err));
	need(vmf_schema_add(&s, "id", VMF_UTF8, false, &err));
	need(vmf_schema_add(&s, "start", VMF_TIME, false, &err));
	need(vmf_schema_add(&s, "cpu_mean", VMF_LIST_FLOAT32, false, &err));
	need(vmf_out_open(&o, path, &err));
	need(vmf_writer_open(&w, o, &s, VMF_CODEC_NONE, &err));
	need(vmf_batch_init(&b, &s, &err));
	for (int vm = 0; vm < 4; vm++) {
		char id = (char)('a' + vm);

		for (int t = 0; t < STEPS; t++)
			y[t] = (float)load(vm, t);
		need(vmf_col_put_str(&b.col[0], &id, 1, &err));
		need(vmf_col_put_int(&b.col[1], 0, &err));
		need(vmf_col_put_list32(&b.col[2], y, STEPS, &err));
		vmf_batch_row(&b);
	}
	need(vmf_writer_put(w, &b, &err));
	need(vmf_writer_finish(w, &err));
	need(vmf_out_finish(o, &err));
	vmf_writer_free(w);
	vmf_out_free(o);
	vmf_batch_free(&b);
	vmf_schema_free(&s);
}

/* The tally of the model, and of naive into *naive. */
static struct vmf_tally
evaluate(const char *path, const struct vmf_algo *algo,
    struct vmf_tally *naive)
{
	struct vmf_reader *r = NULL;
	struct vmf_series series = { 0 };
	struct vmf_schema s = { 0 };
	struct vmf_batch out = { 0 };
	struct vmf_eval ev = { .series = &series, .horizon = HORIZON,
		.season_s = 86400, .length_s = 1800 };
	struct vmf_tally t;

	need(vmf_words_parse(&ev.metrics, "cpu_mean", "", VMF_EDATA, &err));
	need(vmf_reader_open(&r, path, VMF_MAX_BATCH, &err));
	need(vmf_series_open(&series, r, "series", 0, VMF_TIME_NONE, &err));
	need(vmf_eval_add(&ev, algo->name, (int64_t)strlen(algo->name),
	    VMF_RIVAL_MODEL, algo, &err));
	need(vmf_eval_open(&ev, &s, &err));
	need(vmf_batch_init(&out, &s, &err));
	while (vmf_series_next(&series, &err) > 0)
		need(vmf_eval_batch(&ev, &out, &err));
	need(vmf_eval_finish(&ev, &out, &err));
	t = ev.rival[0].all;
	*naive = ev.rival[ev.n_rivals - 1].all;
	vmf_batch_free(&out);
	vmf_schema_free(&s);
	vmf_eval_free(&ev);
	vmf_series_free(&series);
	vmf_reader_free(r);
	return t;
}

/* Exit codes of the child that no sanitizer uses. */
#ifdef __SANITIZE_ADDRESS__
#define CAUGHT
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define CAUGHT
#endif
#endif
enum { PEEK_WRONG = 41, PEEK_SAW, PEEK_BLIND };

/*
 * Under a sanitizer the peeker must be caught; without one it must find
 * anything but the future: there is no telling what it reads.
 */
static void
test_peek(const char *path)
{
	struct vmf_tally t, naive;
	pid_t pid;
	int status;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(PEEK_WRONG);
		t = evaluate(path, &peeker, &naive);
		/* 3 windows of 8 steps of 4 VMs */
		_exit(t.sum.n_points + t.sum.n_missed != 96 ? PEEK_WRONG :
		    vmf_score_mase(&t.sum) < 0.2 ? PEEK_SAW : PEEK_BLIND);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		failures += printf("cannot fork\n");
		return;
	}
#ifdef CAUGHT
	if (WIFEXITED(status) && WEXITSTATUS(status) >= PEEK_WRONG &&
	    WEXITSTATUS(status) <= PEEK_BLIND)
		failures += printf("the peeker was not caught\n");
#else
	if (WIFEXITED(status) && WEXITSTATUS(status) != PEEK_BLIND)
		failures += printf("the peeker saw the future (%d)\n",
		    WEXITSTATUS(status));
#endif
}

/* What a fair model is given ends at the origin: of a load that rises by 1 a
 * step the last known value is 1, 2, ... 8 behind. */
static void
test_past(const char *path)
{
	const struct vmf_algo *snaive = vmf_algo_find("snaive", 6);
	struct vmf_tally t, naive;
	double want = 0.0;

	t = evaluate(path, snaive, &naive);
	for (int vm = 0; vm < 4; vm++)
		for (int s = STEPS - 3 * HORIZON; s < STEPS; s++)
			want += fabs(load(vm, s) - load(vm, STEPS -
			    (STEPS - s + HORIZON - 1) / HORIZON * HORIZON -
			    1));
	near(naive.sum.abs_err, want, "errors of the last known value");
	near((double)t.sum.n_windows, 12, "windows");
	near((double)t.n_series, 4, "series");
	near((double)t.n_status[VMF_OK], 4, "VMs");
}

int
main(void)
{
	char path[4096];
	const char *tmp = getenv("TMPDIR");

	test_points();
	test_scale();
	test_regret();
	test_paired();
	test_boot();
	test_origins();
	snprintf(path, sizeof(path), "%s/vmf-eval-%ld",
	    tmp != NULL ? tmp : "/tmp", (long)getpid());
	write_series(path);
	test_past(path);
	test_peek(path);
	unlink(path);
	return failures > 0;
}
