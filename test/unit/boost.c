/* SPDX-License-Identifier: MIT */
/*
 * Boosted trees: what they learn from rows whose law is known, that bytes
 * depend on rows and seed alone, and that what is wrong is said.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/device.h"
#include "learn/boost.h"
#include "check.h"

#define N 4000

static float x[N][3], y[N], base[N], weight[N], out[N], again[N];

static double
noise(void)
{
	static uint32_t s = 7;

	s = s * 1664525u + 1013904223u;
	return (double)s / 4294967296.0;
}

/* y is uniform between f(x) and f(x) + 1: its q-quantile is f(x) + q. */
static void
rows(void)
{
	for (int i = 0; i < N; i++) {
		x[i][0] = (float)noise();
		x[i][1] = i % 5 == 0 ? NAN : (float)noise();
		x[i][2] = (float)noise();
		base[i] = x[i][0] > 0.5f ? 10 : 0;
		y[i] = base[i] + (isnan(x[i][1]) ? 3.f : 0.f) +
		    (float)noise();
		weight[i] = i % 2 == 0 ? 1 : 2;
	}
}

static const struct vmf_boost_opts plain = {
	.loss = VMF_BOOST_PINBALL, .quantile = 0.9, .n_rounds = 200,
	.depth = 3, .eta = 0.1, .l2 = 1, .min_weight = 5, .row_share = 1,
	.col_share = 1, .seed = 3, .patience = 20,
};

static void
learns(struct vmf_boost_opts o, bool with_base, double lo, double hi)
{
	const float *b0 = with_base ? base : NULL;
	struct vmf_boost_data d = { x[0], N * 3 / 4, 3, y, weight, b0 };
	struct vmf_boost_data v = { x[N * 3 / 4], N / 4, 3, y + N * 3 / 4,
	    NULL, b0 == NULL ? NULL : b0 + N * 3 / 4 };
	struct vmf_boost *b, *c;
	struct vmf_buf buf = { 0 }, buf2 = { 0 };
	struct vmf_err e = { "" };
	int64_t below = 0;

	if (vmf_boost_train(&o, &d, &v, &b, &e) != 0) {
		printf("%s\n", e.msg);
		failures++;
		return;
	}
	check(vmf_boost_predict(b, x[0], N, 3, b0, out, &e) == 0, e.msg);
	for (int i = N * 3 / 4; i < N; i++)
		below += y[i] <= out[i];
	if (!((double)below / (N / 4) >= lo && (double)below / (N / 4) <= hi)) {
		printf("loss %d: %g below, expected %g to %g\n", (int)o.loss,
		    (double)below / (N / 4), lo, hi);
		failures++;
	}
	check(vmf_boost_trees(b) > 0, "some rounds");
	check(vmf_boost_save(b, &buf, &e) == 0, e.msg);
	if (vmf_boost_load(buf.p, buf.n, &c, &e) != 0) {
		printf("%s\n", e.msg);
		failures++;
	} else {
		check(vmf_boost_predict(c, x[0], N, 3, b0, again, &e) == 0,
		    e.msg);
		check(memcmp(out, again, sizeof(out)) == 0,
		    "what was loaded predicts what was saved");
		check(vmf_boost_save(c, &buf2, &e) == 0 && buf.n == buf2.n &&
		    memcmp(buf.p, buf2.p, (size_t)buf.n) == 0,
		    "what was loaded is saved as it was");
		vmf_boost_free(c);
	}
	for (int64_t at = 0; at < buf.n; at += 97) {
		buf.p[at] ^= 0x10;
		check(vmf_boost_load(buf.p, buf.n, &c, &e) == VMF_EDATA &&
		    c == NULL && strchr(e.msg, '\n') == NULL,
		    "damaged trees");
		buf.p[at] ^= 0x10;
	}
	vmf_boost_free(b);
	buf2.n = 0;
	if (vmf_boost_train(&o, &d, &v, &b, &e) != 0 ||
	    vmf_boost_save(b, &buf2, &e) != 0) {
		printf("%s\n", e.msg);
		failures++;
	}
	check(buf.n == buf2.n && memcmp(buf.p, buf2.p, (size_t)buf.n) == 0,
	    "the same rows and seed give the same bytes");
	vmf_boost_free(b);
	vmf_buf_free(&buf);
	vmf_buf_free(&buf2);
}

static void
odds(void)
{
	struct vmf_boost_opts o = plain;
	struct vmf_boost_data d = { x[0], N, 3, y, NULL, NULL };
	struct vmf_boost *b;
	struct vmf_err e = { "" };
	double p[2] = { 0, 0 };
	int64_t n[2] = { 0, 0 };

	o.loss = VMF_BOOST_LOGISTIC;
	o.n_rounds = 60;
	/* One in five above, three in four below. */
	for (int i = 0; i < N; i++)
		y[i] = noise() < (x[i][0] > 0.5f ? 0.2 : 0.75);
	if (vmf_boost_train(&o, &d, NULL, &b, &e) != 0 ||
	    vmf_boost_predict(b, x[0], N, 3, NULL, out, &e) != 0) {
		printf("%s\n", e.msg);
		failures++;
		return;
	}
	for (int i = 0; i < N; i++) {
		p[x[i][0] > 0.5f] += 1 / (1 + exp(-(double)out[i]));
		n[x[i][0] > 0.5f]++;
	}
	check(fabs(p[0] / (double)n[0] - 0.75) < 0.05 &&
	    fabs(p[1] / (double)n[1] - 0.2) < 0.05, "shares are learned");
	vmf_boost_free(b);
}

static void
refuses(void)
{
	struct vmf_boost_data d = { x[0], 0, 3, y, NULL, NULL };
	struct vmf_boost *b;
	struct vmf_err e = { "" };

	check(vmf_boost_train(&plain, &d, NULL, &b, &e) == VMF_EDATA &&
	    b == NULL && strstr(e.msg, "0 rows") != NULL, "no rows");
	d.n_rows = N;
	y[5] = NAN;
	check(vmf_boost_train(&plain, &d, NULL, &b, &e) == VMF_EDATA &&
	    b == NULL && strstr(e.msg, "row 5") != NULL, "a y of NaN");
	check(vmf_boost_load((const uint8_t *)"{L\x01gi", 5, &b, &e) ==
	    VMF_EDATA && b == NULL, "no trees at all");
}

/* Without CUDA a GPU is refused with the reason, and a booster that is told
 * of one all the same does not fall back to the CPU unsaid. */
static void
no_gpu(void)
{
	struct vmf_boost_data d = { x[0], N, 3, y, NULL, NULL };
	struct vmf_boost_opts o = plain;
	struct vmf_err e = { "" };
	struct vmf_boost *b;
	char text[32], want[128];

	if (vmf_boost_gpu(&e) == 0)
		return;
	snprintf(want, sizeof(want), "xgboost on a GPU needs an XGBoost that "
	    "is built with CUDA, which %s here is not",
	    vmf_boost_version(text, sizeof(text)));
	check(strcmp(e.msg, want) == 0, e.msg);
	o.gpu = true;
	check(vmf_boost_train(&o, &d, NULL, &b, &e) == VMF_EDEV &&
	    b == NULL, "trees of a GPU that is not there");
}

/* The mean pinball loss of out on the rows that were not learned from. */
static double
loss_of(double quantile)
{
	double sum = 0;

	for (int i = N * 3 / 4; i < N; i++) {
		double d = (double)y[i] - (double)out[i];

		sum += d > 0 ? quantile * d : (quantile - 1) * d;
	}
	return sum / (N / 4);
}

/* Where there is one: what it learns is as good as the CPU's, of which 200 bins
 * in place of 256 change the loss by less than 1 %; and says the same when it
 * was loaded. */
static void
on_gpu(void)
{
	struct vmf_boost_data d = { x[0], N * 3 / 4, 3, y, weight, base };
	struct vmf_boost_opts o = plain;
	struct vmf_err e = { "" };
	double loss[2];
	char text[512];

	if (vmf_boost_gpu(&e) != 0 ||
	    !vmf_device_find(text, sizeof(text), NULL))
		return;
	for (int k = 0; k < 2; k++) {
		struct vmf_boost *b = NULL, *c = NULL;
		struct vmf_buf buf = { 0 };

		o.gpu = k == 1;
		must(vmf_boost_train(&o, &d, NULL, &b, &e), &e);
		must(vmf_boost_predict(b, x[0], N, 3, base, out, &e), &e);
		must(vmf_boost_save(b, &buf, &e), &e);
		must(vmf_boost_load(buf.p, buf.n, &c, &e), &e);
		must(vmf_boost_predict(c, x[0], N, 3, base, again, &e), &e);
		check(memcmp(out, again, sizeof(out)) == 0,
		    "trees of a GPU say something else when loaded");
		loss[k] = loss_of(o.quantile);
		vmf_boost_free(b);
		vmf_boost_free(c);
		vmf_buf_free(&buf);
	}
	if (!(fabs(loss[1] - loss[0]) <= 0.02 * loss[0])) {
		printf("a loss of %g on %s, of %g on the CPU\n", loss[1],
		    text, loss[0]);
		failures++;
	}
}

int
main(void)
{
	struct vmf_boost_opts o = plain;
	struct vmf_boost *b;
	struct vmf_err e = { "" };
	char text[32];

	if (vmf_boost_version(text, sizeof(text)) == NULL) {
		check(vmf_boost_load((const uint8_t *)"", 0, &b, &e) ==
		    VMF_EDEV && strstr(e.msg, "libxgboost-dev") != NULL,
		    "a build without says what to install");
		check(vmf_boost_gpu(&e) == VMF_EDEV && strstr(e.msg,
		    "libxgboost-dev") != NULL, e.msg);
		return failures != 0;
	}
	rows();
	learns(o, false, 0.83, 0.94);
	learns(o, true, 0.83, 0.94);
	o.quantile = 0.1;
	learns(o, true, 0.06, 0.15);
	o.loss = VMF_BOOST_ABSOLUTE;
	learns(o, false, 0.42, 0.58);
	o.loss = VMF_BOOST_SQUARED;
	learns(o, true, 0.42, 0.58);
	on_gpu();
	odds();
	no_gpu();
	refuses();
	return failures != 0;
}
