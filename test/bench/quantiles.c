/* SPDX-License-Identifier: MIT */
/*
 * The rows that xgboost learns from, and what nine boosters of the library
 * that is linked make of them: quantiles SERIES METRIC AT ROWS.  Nothing from
 * second AT on is looked at.  The oldest rows are learned from, the next find
 * the number of rounds, and the newest fifth is judged.  ROWS is written for
 * quantiles.py, which does the same with a newer library.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/features.h"
#include "forecast/trees.h"
#include "learn/boost.h"

static FILE *rows;

/* x, base and y of rows [from, from + n). */
static struct vmf_boost_data
part(const struct vmf_sample *s, int cols, int j, int64_t from, int64_t n)
{
	float *x = malloc((size_t)(n * cols) * sizeof(*x));
	float *y = malloc((size_t)n * sizeof(*y));
	float *base = malloc((size_t)n * sizeof(*base));

	if (x == NULL || y == NULL || base == NULL)
		exit(1);
	for (int64_t i = 0; i < n; i++) {
		const float *rec = s->rec + (from + i) * s->width;

		memcpy(x + i * cols, rec, (size_t)cols * sizeof(*x));
		base[i] = rec[cols + j];
		y[i] = rec[s->width - 1];
	}
	return (struct vmf_boost_data){ .x = x, .n_rows = n, .n_cols = cols,
	    .y = y, .base = base };
}

static int
judge(struct vmf_global *g, struct vmf_sample *s, struct vmf_err *e)
{
	int cols = vmf_features(g), rc;
	int64_t learn, test, before, head[5];
	struct vmf_sample old;
	float *rec;

	/* The newest fifth is judged; what was known before it, split again. */
	if ((rc = vmf_sample_split(s, 0.2, &before, &test, e)) != 0)
		return rc;
	vmf_sample_init(&old, s->width, (int64_t)1 << 40, INT64_MAX);
	for (int64_t i = 0; i < before; i++) {
		if ((rc = vmf_sample_add(&old, 0, s->from[i], s->until[i],
		    &rec, e)) != 0)
			return rc;
		memcpy(rec, s->rec + i * s->width,
		    (size_t)s->width * sizeof(*rec));
	}
	if ((rc = vmf_sample_split(&old, 0.2, &learn, &head[2], e)) != 0)
		return rc;
	head[3] = test;
	head[0] = s->width;
	head[1] = learn;
	head[4] = cols;
	fwrite(head, sizeof(head), 1, rows);
	fwrite(old.rec, sizeof(float), (size_t)(learn * s->width), rows);
	fwrite(old.rec + (old.n - head[2]) * s->width, sizeof(float),
	    (size_t)(head[2] * s->width), rows);
	fwrite(s->rec + (s->n - test) * s->width, sizeof(float),
	    (size_t)(test * s->width), rows);
	printf("%" PRId64 " rows to learn from, %" PRId64 " to stop by, %"
	    PRId64 " judged\nlevel kq xgboost rounds\n", learn, head[2], test);
	for (int j = 0; j < 9; j++) {
		struct vmf_boost_opts o = {
			.loss = VMF_BOOST_PINBALL, .quantile = (j + 1) / 10.0,
			.n_rounds = 400, .depth = 6, .eta = 0.05, .l2 = 50.0,
			.min_weight = 50.0, .row_share = 0.7,
			.col_share = 0.5, .n_bins = 64, .seed = j,
			.patience = 40,
		};
		struct vmf_boost_data a = part(&old, cols, j, 0, learn);
		struct vmf_boost_data b = part(&old, cols, j, old.n - head[2],
		    head[2]);
		struct vmf_boost_data c = part(s, cols, j, s->n - test, test);
		float *out = malloc((size_t)test * sizeof(*out));
		struct vmf_boost *boost;

		if (out == NULL || (rc = vmf_boost_train(&o, &a, &b, &boost,
		    e)) != 0 || (rc = vmf_boost_predict(boost, c.x, test,
		    cols, c.base, out, e)) != 0)
			return rc;
		printf("%.1f %.5f %.5f %d\n", o.quantile,
		    vmf_boost_loss_mean(&o, &c, c.base),
		    vmf_boost_loss_mean(&o, &c, out), vmf_boost_trees(boost));
		vmf_boost_free(boost);
		free(out);
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	struct vmf_global_ops ops = vmf_trees;
	struct vmf_algo algo = { .name = "xgboost", .kernels = true,
	    .global = &ops };
	struct vmf_globals g = { .algo = { &algo }, .n_algos = 1,
	    .mem_bytes = (int64_t)4 << 30 };
	struct vmf_series s = { 0 };
	struct vmf_words metrics = { 0 };
	struct vmf_reader *r;
	struct vmf_err e = { "" };
	char version[32];

	if (argc != 5 || (rows = fopen(argv[4], "wb")) == NULL) {
		fprintf(stderr, "quantiles SERIES METRIC AT ROWS\n");
		return 2;
	}
	ops.learn = judge;
	g.opts.start = strtoll(argv[3], NULL, 10);
	g.metrics = &metrics;
	if (vmf_reader_open(&r, argv[1], VMF_MAX_BATCH, &e) != 0 ||
	    vmf_series_open(&s, r, "series", 0, g.opts.start, &e) != 0 ||
	    vmf_words_parse(&metrics, argv[2], "METRIC", VMF_EUSAGE,
	    &e) != 0)
		goto failed;
	g.opts.step_s = s.grid.step_s;
	g.opts.season = 86400 / s.grid.step_s;
	g.opts.stale_after_s = 86400;
	printf("XGBoost %s\n", vmf_boost_version(version, sizeof(version)));
	if (vmf_globals_learn(&g, &s, &e) != 0 || fclose(rows) != 0)
		goto failed;
	return 0;
failed:
	fprintf(stderr, "quantiles: %s\n", e.msg);
	return 1;
}
