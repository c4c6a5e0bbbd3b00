/* SPDX-License-Identifier: MIT */
/*
 * Forecasts and updates from any model, what it is made of (--explain), and
 * moves predicted by a model of downtimes: the input is a model stream, which
 * mutation leaves whole most of the time and whose parameters, states and
 * texts it overwrites with hostile values.  Fails with a message, or makes
 * forecasts without an infinity whose quantiles are in order.
 *
 * A network's checksum is made anew, so that its header and weights are
 * reached.  That of trees is not: after it their bytes are XGBoost's, which
 * takes lengths in them at their word.
 */
#define _GNU_SOURCE		/* memfd_create, mkostemp */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/time.h"
#include "forecast/explain.h"
#include "forecast/predict.h"
#include "learn/lstm.h"
#include "mutate.h"
#include "downtime/downtime_rows.h"
#include "series/series.h"

#define STEPS 200
#define VMS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
    unsigned int seed);

static void
must(int rc)
{
	if (rc != 0)
		abort();
}

/* A file in memory; path has 64 bytes. */
static int
memory(char *path)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

/* The fleet that vmf-gen's seeds are of: ids alone matter. */
static const char *
series_path(void)
{
	static const char *const meta[][2] = { { "vmf:kind", "series" },
	    { "vmf:step", "7200" }, { "vmf:start", "2024-01-01T00:00:00Z" },
	    { "vmf:end", "2024-01-17T16:00:00Z" } };
	static char path[64];
	struct vmf_schema s = { 0 };
	struct vmf_batch b = { 0 };
	struct vmf_writer *w = NULL;
	struct vmf_out *o = NULL;
	struct vmf_err e;
	float y[STEPS];

	char name[] = "/tmp/vmf-fuzz.XXXXXX";
	int fd;

	if (*path != '\0')
		return path;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		abort();
	close(fd);
	for (int k = 0; k < 4; k++)
		must(vmf_meta_set(&s.meta, meta[k][0], meta[k][1], &e));
	if (vmf_schema_add(&s, "id", VMF_UTF8, false, &e) < 0 ||
	    vmf_schema_add(&s, "start", VMF_TIME, false, &e) < 0 ||
	    vmf_schema_add(&s, "cpu_mean", VMF_LIST_FLOAT32, false, &e) < 0)
		abort();
	must(vmf_out_open(&o, name, &e));
	must(vmf_writer_open(&w, o, &s, VMF_CODEC_NONE, &e));
	must(vmf_batch_init(&b, &s, &e));
	for (int vm = 0; vm < VMS; vm++) {
		char id[16];

		for (int t = 0; t < STEPS; t++)
			y[t] = t % 17 == 5 ? NAN : (float)((t * 7919 + vm) %
			    50 + (t % 12 < 6 ? 20 : 0));
		snprintf(id, sizeof(id), "vm-%07d", vm);
		must(vmf_col_put_str(&b.col[0], id, (int64_t)strlen(id), &e));
		must(vmf_col_put_int(&b.col[1], 1704067200, &e));
		must(vmf_col_put_list32(&b.col[2], y, STEPS, &e));
		vmf_batch_row(&b);
	}
	must(vmf_writer_put(w, &b, &e));
	must(vmf_writer_finish(w, &e));
	must(vmf_out_finish(o, &e));
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || unlink(name) != 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	vmf_writer_free(w);
	vmf_out_free(o);
	vmf_batch_free(&b);
	vmf_schema_free(&s);
	return path;
}

/* Every list: no infinity, and quantiles that do not cross. */
static void
sound(const struct vmf_schema *s, const struct vmf_batch *b)
{
	for (int64_t i = 0; i < b->n; i++) {
		const float *low = NULL;
		int64_t n_low = 0;

		for (int k = 0; k < b->n_cols; k++) {
			const float *y;
			int64_t n;

			if (b->col[k].type != VMF_LIST_FLOAT32)
				continue;
			y = vmf_col_list32(&b->col[k], i, &n);
			for (int64_t t = 0; t < n; t++)
				must(isinf(y[t]));
			if (strstr(s->field[k].name, "_q") == NULL)
				continue;
			for (int64_t t = 0; t < n && t < n_low; t++)
				must(low[t] > y[t]);
			low = y;
			n_low = n;
		}
	}
}

static int
predict(const char *path, bool refit, struct vmf_err *e)
{
	struct vmf_reader *in = NULL, *from = NULL;
	struct vmf_series series = { 0 };
	struct vmf_model model = { 0 };
	struct vmf_schema s = { 0 };
	struct vmf_batch out = { 0 };
	struct vmf_predict p = { .series = &series, .model = &model,
	    .horizon = 5, .stale_after_s = 86400, .refit = refit };
	int64_t n = 0;
	int got = 0, rc;

	must(vmf_quantiles_parse(&p.levels, "0.1,0.5,0.9", "q", e));
	if ((rc = vmf_reader_open(&from, path, 1 << 20, e)) != 0 ||
	    (rc = vmf_model_open(&model, from, e)) != 0 ||
	    (rc = vmf_reader_open(&in, series_path(), 1 << 20, e)) != 0 ||
	    (rc = vmf_series_open(&series, in, "series", 0, VMF_TIME_NONE,
	    e)) != 0 ||
	    (rc = vmf_predict_open(&p, &s, e)) != 0 ||
	    (rc = vmf_batch_init(&out, &s, e)) != 0)
		goto done;
	while (n >= 0 && (got = vmf_series_next(&series, e)) > 0)
		for (int64_t i = 0; i < series.b->n; i += n)
			if ((n = vmf_predict_rows(&p, i, &out, e)) < 0)
				break;
	rc = n < 0 ? (int)n : got < 0 ? got : vmf_predict_end(&p, e);
	sound(&s, &out);
done:
	vmf_batch_free(&out);
	vmf_schema_free(&s);
	vmf_predict_free(&p);
	vmf_series_free(&series);
	vmf_model_free(&model);
	vmf_reader_free(in);
	vmf_reader_free(from);
	return rc;
}

/* --explain: rows of parts, whose shares are numbers. */
static int
explain(const char *path, struct vmf_err *e)
{
	struct vmf_reader *from = NULL;
	struct vmf_model model = { 0 };
	struct vmf_schema s = { 0 };
	struct vmf_batch out = { 0 };
	struct vmf_part part;
	int got, rc;

	if ((rc = vmf_reader_open(&from, path, 1 << 20, e)) != 0 ||
	    (rc = vmf_model_open(&model, from, e)) != 0 ||
	    (rc = vmf_explain_schema(&s, &model, e)) != 0 ||
	    (rc = vmf_batch_init(&out, &s, e)) != 0)
		goto done;
	while ((got = vmf_model_peek(&model, &part, e)) > 0) {
		if ((got = vmf_explain_put(&out, &model, &part, e)) != 0)
			break;
		vmf_model_skip(&model);
	}
	rc = got;
done:
	vmf_batch_free(&out);
	vmf_schema_free(&s);
	vmf_model_free(&model);
	vmf_reader_free(from);
	return rc;
}

/* A model of downtimes on the VMs of the series: what is predicted ascends and
 * is finite and not below 0. */
static int
predict_moves(struct vmf_reader *from, struct vmf_err *e)
{
	struct vmf_down_out o = { .metric = "cpu_mean" };
	struct vmf_downtime m = { 0 };
	struct vmf_schema s = { 0 };
	struct vmf_batch out = { 0 };
	struct vmf_reader *in = NULL;
	const struct vmf_batch *b;
	int got, rc;

	o.m = &m;
	must(vmf_quantiles_parse(&o.levels, "0.1,0.5,0.9", "q", e));
	if ((rc = vmf_downtime_read(&m, from, e)) != 0 ||
	    (rc = vmf_reader_open(&in, series_path(), 1 << 20, e)) != 0 ||
	    (rc = vmf_down_out_open(&o, in, &s, e)) != 0 ||
	    (rc = vmf_batch_init(&out, &s, e)) != 0)
		goto done;
	while ((got = vmf_reader_next(in, &b, e)) > 0 &&
	    (got = vmf_down_out_batch(&o, b, &out, e)) == 0)
		continue;
	rc = got;
	for (int64_t i = 0; i < out.n; i++) {
		double low = 0.0;

		for (int k = 0; k < out.n_cols; k++) {
			const char *q = strstr(s.field[k].name, "_q");
			double v;

			if (q == NULL || !vmf_col_valid(&out.col[k], i))
				continue;
			v = vmf_col_num(&out.col[k], i);
			must(!isfinite(v) || v < 0.0);
			must(strcmp(q, "_q10") != 0 && v < low);
			low = v;
		}
	}
done:
	vmf_batch_free(&out);
	vmf_schema_free(&s);
	vmf_down_out_free(&o);
	vmf_reader_free(in);
	vmf_downtime_free(&m);
	return rc;
}

static int
use(const char *path, size_t size, struct vmf_err *e)
{
	struct vmf_reader *from = NULL;
	int rc = vmf_reader_open(&from, path, 1 << 20, e);
	bool moves = rc == 0 && vmf_downtime_is(vmf_reader_schema(from));

	if (moves)
		rc = predict_moves(from, e);
	vmf_reader_free(from);
	if (moves || rc != 0)
		return rc;
	return size % 4 == 2 ? explain(path, e) : predict(path, size % 2 ==
	    1, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmf_err e = { "" };
	char path[64];
	int fd = memory(path);

	must(vmf_write_full(fd, data, (int64_t)size, "memory", &e));
	if (use(path, size, &e) != 0 && *e.msg == '\0')
		abort();
	close(fd);
	return 0;
}

/* Networks in plain bytes: their CRC-32 as the numbers now are. */
static void
forge(uint8_t *p, size_t n)
{
	static const char magic[] = "vmf-lstm";
	/* magic, version, training, shape, steps, CRC-32 */
	const size_t shape_at = 16, crc_at = 48, head = 56;

	for (uint8_t *at = p; (at = memmem(at, n - (size_t)(at - p), magic,
	    8)) != NULL && n - (size_t)(at - p) >= head; at++) {
		int64_t part[VMF_LSTM_PARTS + 1];
		struct vmf_lstm_shape s;
		size_t left = n - (size_t)(at - p) - head;
		const int32_t *v = &s.steps;
		bool sane = true;

		memcpy(&s, at + shape_at, sizeof(s));
		for (size_t k = 0; k < sizeof(s) / sizeof(*v); k++)
			sane = sane && v[k] > 0 && v[k] <= 1024;
		if (!sane)
			continue;
		vmf_lstm_layout(&s, part);
		if ((size_t)part[VMF_LSTM_PARTS] * sizeof(float) <= left)
			put64(at + crc_at, (int64_t)crc32_z(0, at + head,
			    (size_t)part[VMF_LSTM_PARTS] * sizeof(float)));
	}
}

/* Most of the time values are overwritten and nothing is moved. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
    unsigned int seed)
{
	struct mutation m = { data, size, max, seed };

	if (size < 64)
		return LLVMFuzzerMutate(data, size, max);
	if (seed % 4 == 0)
		for (uint32_t n = 1 + draw(&m, 4); n > 0; n--)
			word(&m, data, size);
	else
		size = mutate_stream(data, size, max, seed);
	if (seed % 16 != 1)
		forge(data, size);
	return size;
}
