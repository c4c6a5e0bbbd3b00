/* SPDX-License-Identifier: MIT */
/*
 * What the fleet's LSTM is told: the measure of a series, missing steps with
 * their flags, nothing from after the origin; and that the network begins
 * with what the local algorithm says.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/lstm_row.h"
#include "forecast/score.h"
#include "check.h"

#define SEASON 24
#define H 60

/* A series in memory of its own, which ends at the origin. */
static double *
make_series(int64_t n)
{
	double *y = malloc((size_t)n * sizeof(*y));

	for (int64_t t = 0; t < n; t++)
		y[t] = 100.0 + 50.0 * sin(6.283185307179586 * (double)t /
		    SEASON) + (double)(t % 7);
	return y;
}

static const struct vmf_forecast_opts opts = { .step_s = 3600,
    .start = INT64_C(1704067200), .season = SEASON, .stale_after_s = 86400 };
static const int at[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };

static void
test_measure(void)
{
	double *y = make_series(400);
	struct vmf_slice s = { .y = y, .n = 400 };
	struct vmf_lstm_view v;

	check(vmf_lstm_view(&v, &s, &opts), "no measure");
	for (double x = 0.0; x < 500.0; x += 7.0)
		check(fabs(vmf_lstm_from_u(&v, vmf_lstm_to_u(&v, x)) - x) <=
		    1e-9 * (x + 1.0), "a value is not what it was");
	check(vmf_lstm_from_u(&v, -100.0) == 0.0,
	    "below 0, where nothing ever was");
	check(fabs(v.loc - asinh(1.0)) < 0.2, "loc is far from the mean");
	check(v.mean[0] == y[399] && v.known[0] == 1.0, "the newest pool");
	y[200] = -1.0;
	check(vmf_lstm_view(&v, &s, &opts) && vmf_lstm_from_u(&v, -100.0) <
	    0.0, "not below 0, where something was");
	/* A gap of so many pools leaves nothing to measure by. */
	s.gap = VMF_LSTM_PAST;
	check(!vmf_lstm_view(&v, &s, &opts), "a measure of nothing");
	free(y);
}

/* Floats of a step and a lead, by what the layout says. */
static void
test_missing(void)
{
	double *y = make_series(400);
	struct vmf_slice s = { .y = y, .n = 400 };
	struct vmf_lstm_view v;
	struct vmf_lstm_row r;
	struct vmf_lstm_shape shape = { .hidden = 1, .units = 1 };
	const float *x;
	float *row;

	vmf_lstm_row_layout(&r);
	vmf_lstm_row_shape(&shape);
	check(r.s - r.x == (int64_t)shape.steps * shape.in &&
	    r.y - r.z == VMF_LSTM_LEADS * (int64_t)shape.lead_in,
	    "the layout is not of that shape");
	row = calloc((size_t)r.width, sizeof(*row));
	y[390] = NAN;
	check(vmf_lstm_view(&v, &s, &opts), "no measure");
	vmf_lstm_row_context(row, &r, &v);
	x = row + r.x + (shape.steps - 10) * shape.in;
	check(x[0] == 0.0f && x[1] == 0.0f && x[2] == 1.0f,
	    "a missing step is not 0 with a flag");
	x += shape.in;
	check(x[0] != 0.0f && x[2] == 0.0f, "the step after it");
	/* Six steps without a sample before the origin. */
	s.n = 394;
	s.gap = 6;
	check(vmf_lstm_view(&v, &s, &opts), "no measure");
	vmf_lstm_row_context(row, &r, &v);
	for (int k = 1; k <= 6; k++)
		check(row[r.x + (shape.steps - k) * shape.in + 2] == 1.0f,
		    "a step of the gap has no flag");
	free(row);
	free(y);
}

/* A window whose base says q[j] = base + j at all leads. */
static void
make_base(struct vmf_forecast *f)
{
	struct vmf_err e;

	must(vmf_forecast_init(f, H, &vmf_score_levels, &e), &e);
	for (int64_t t = 0; t < H; t++)
		for (int j = 0; j < 9; j++)
			f->q[j * H + t] = (float)(80 + 5 * j + (int)(t % 3));
	/* Levels that fall together. */
	for (int j = 0; j < 9; j++)
		f->q[j * H + 5] = 77.0f;
}

static void
test_begin(void)
{
	double *y = make_series(400), u[VMF_LSTM_LEVELS], worst = 0.0;
	struct vmf_lstm_shape shape = { .hidden = 16, .units = 64 };
	struct vmf_slice s = { .y = y, .n = 400 };
	struct vmf_forecast base = { 0 };
	struct vmf_window w = { .y = s, .opts = &opts, .base = &base,
	    .level_at = at };
	int64_t lead[VMF_LSTM_LEADS];
	struct vmf_lstm_work *work = NULL;
	struct vmf_lstm_chunk c = { 0 };
	struct vmf_lstm net = { 0 };
	struct vmf_lstm_view v;
	struct vmf_lstm_row r;
	float *row, *half, *back, *q;
	struct vmf_err e;

	make_base(&base);
	vmf_lstm_row_layout(&r);
	vmf_lstm_row_shape(&shape);
	row = calloc((size_t)r.width, sizeof(*row));
	half = calloc((size_t)vmf_lstm_row_packed(r.width), sizeof(*half));
	back = calloc((size_t)r.width, sizeof(*back));
	q = calloc(VMF_LSTM_CHUNK * VMF_LSTM_LEADS * VMF_LSTM_LEVELS,
	    sizeof(*q));
	for (int64_t i = 0; i < VMF_LSTM_LEADS; i++)
		lead[i] = i + 1;
	check(vmf_lstm_view(&v, &s, &opts), "no measure");
	vmf_lstm_row_context(row, &r, &v);
	vmf_lstm_row_leads(row, &r, &v, &w, lead, VMF_LSTM_LEADS, H);
	for (int64_t l = 0; l < VMF_LSTM_LEADS; l++) {
		vmf_lstm_row_base(row, &r, l, u);
		for (int j = 0; j < VMF_LSTM_LEVELS; j++)
			worst = fmax(worst, fabs(vmf_lstm_from_u(&v, u[j]) -
			    base.q[j * H + l]));
	}
	check(worst <= 0.05, "the base is not what it was");
	vmf_lstm_row_pack(half, row, r.width);
	vmf_lstm_row_unpack(back, half, r.width);
	worst = 0.0;
	for (int64_t i = 0; i < r.width; i++)
		worst = fmax(worst, fabs(row[i] - back[i]) /
		    (1.0 + fabs(row[i])));
	check(worst <= 1e-3, "a row in half precision is another");
	if (!vmf_lstm_have())
		goto done;
	must(vmf_lstm_init(&net, &shape, 3, &e), &e);
	vmf_lstm_row_begin(&net);
	must(vmf_lstm_chunk_init(&c, &shape, &e), &e);
	must(vmf_lstm_open(&work, &shape, false, NULL, &e), &e);
	vmf_lstm_row_put(&c, 7, row, &r);
	must(vmf_lstm_encode(work, net.w, &c, &e), &e);
	must(vmf_lstm_decode(work, net.w, &c, q, &e), &e);
	worst = 0.0;
	for (int64_t l = 0; l < VMF_LSTM_LEADS; l++) {
		vmf_lstm_row_base(row, &r, l, u);
		for (int j = 0; j < VMF_LSTM_LEVELS; j++)
			worst = fmax(worst, fabs(u[j] - q[((7 *
			    VMF_LSTM_LEADS) + l) * VMF_LSTM_LEVELS + j]));
	}
	check(worst <= 1e-5, "the network does not begin with the base");
done:
	vmf_lstm_close(work);
	vmf_lstm_free(&net);
	vmf_lstm_chunk_free(&c);
	vmf_forecast_free(&base);
	free(row);
	free(half);
	free(back);
	free(q);
	free(y);
}

/* Rows are kept in half precision: to the nearest, ties to even. */
static void
test_halves(void)
{
	static const float pair[][2] = { { 0, 0 }, { 1, 1 }, { -2.5f, -2.5f },
	    { 65504, 65504 }, { 65519, 65504 }, { 65520, INFINITY },
	    { 1e9f, INFINITY }, { -INFINITY, -INFINITY },
	    { 0x1p-24f, 0x1p-24f }, { 0x1p-25f, 0 },
	    { 0x1.8p-24f, 0x1p-23f }, { 0x1.8p-25f, 0x1p-24f },
	    { 1 + 0x1p-11f, 1 }, { 1 + 0x3p-11f, 1 + 0x1p-9f },
	    { 0x1.ffffp-15f, 0x1p-14f }, { -0x1p-14f, -0x1p-14f } };
	float half[1], back[2];
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(pair) / sizeof(*pair); i++) {
		vmf_lstm_row_pack(half, pair[i], 1);
		vmf_lstm_row_unpack(back, half, 1);
		check(back[0] == pair[i][1], "a half is another number");
	}
	back[0] = NAN;
	vmf_lstm_row_pack(half, back, 1);
	vmf_lstm_row_unpack(back, half, 1);
	check(isnan(back[0]), "missing in half precision is a number");
	for (int i = 0; i < 100000; i++) {
		float v[2];
		int e;

		for (int k = 0; k < 2; k++) {
			x = x * 1664525u + 1013904223u;
			v[k] = ldexpf((float)(int32_t)x, (int)(x >> 9) % 40 -
			    55);
		}
		vmf_lstm_row_pack(half, v, 2);
		vmf_lstm_row_unpack(back, half, 2);
		for (int k = 0; k < 2; k++) {
			(void)frexpf(v[k], &e);
			check(fabsf(v[k]) >= 65520 ? isinf(back[k]) :
			    fabsf(back[k] - v[k]) <= ldexpf(1.0f,
			    (e > -13 ? e : -13) - 12),
			    "a half is not the nearest");
		}
	}
}

int
main(void)
{
	test_halves();
	test_measure();
	test_missing();
	test_begin();
	return failures > 0;
}
