/* SPDX-License-Identifier: MIT */
#include "learn/tilt.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { PARTS = VMF_MIXER_PARTS, STEPS = 80 };
#define RATE 0.05
#define KEEP_MEAN 0.9
#define KEEP_SQUARE 0.99

/* What is known of one tilt while it is learned. */
struct way {
	double tilt, by, mean, square;
};

/* The loss of row i with tilts of t, and its slope by them. */
static double
lose(const struct vmf_tilt_rows *r, int64_t i, const float *t, float *slope)
{
	const struct vmf_mixer_row *row = &r->row[i];
	float a[PARTS], by[PARTS], mean = 0.0f;
	double loss = (double)vmf_mixer_lose(row, 0, t, a, by);

	for (int k = 0; k < PARTS; k++)
		mean += a[k] * by[k];
	for (int k = 0; k < PARTS; k++)
		slope[k] = a[k] * (by[k] - mean);
	return loss;
}

double
vmf_tilt_loss(float (*tilt)[VMF_MIXER_PARTS], const struct vmf_tilt_rows *r)
{
	double sum = 0.0, all = 0.0;

	for (int64_t i = 0; i < r->n; i++) {
		float t[PARTS] = { 0.0f }, slope[PARTS];

		for (int c = 0; c < VMF_TILT_KINDS && tilt != NULL; c++)
			for (int k = 0; k < PARTS; k++)
				t[k] += tilt[r->kind[i][c]][k];
		sum += (double)r->weight[i] * lose(r, i, t, slope);
		all += (double)r->weight[i];
	}
	return all > 0.0 ? sum / all : 0.0;
}

/* One step down the mean slope of all rows; at is its number, from 1. */
static void
step(struct way *w, int n_kinds, const struct vmf_tilt_rows *r, double all,
    double pull, int at)
{
	double left = 1.0 - (double)at / STEPS;

	for (int i = 0; i < n_kinds * PARTS; i++)
		w[i].by = pull * w[i].tilt;
	for (int64_t i = 0; i < r->n; i++) {
		float t[PARTS] = { 0.0f }, slope[PARTS];

		if (!(r->weight[i] > 0.0f))
			continue;
		for (int c = 0; c < VMF_TILT_KINDS; c++)
			for (int k = 0; k < PARTS; k++)
				t[k] += (float)w[r->kind[i][c] * PARTS +
				    k].tilt;
		lose(r, i, t, slope);
		for (int c = 0; c < VMF_TILT_KINDS; c++)
			for (int k = 0; k < PARTS; k++)
				w[r->kind[i][c] * PARTS + k].by +=
				    (double)(r->weight[i] * slope[k]) / all;
	}
	for (int i = 0; i < n_kinds * PARTS; i++) {
		struct way *x = &w[i];

		x->mean = KEEP_MEAN * x->mean + (1.0 - KEEP_MEAN) * x->by;
		x->square = KEEP_SQUARE * x->square +
		    (1.0 - KEEP_SQUARE) * x->by * x->by;
		x->tilt -= RATE * left * x->mean /
		    (1.0 - pow(KEEP_MEAN, at)) /
		    (sqrt(x->square / (1.0 - pow(KEEP_SQUARE, at))) + 1e-10);
	}
}

int
vmf_tilt_learn(float (*tilt)[VMF_MIXER_PARTS], int n_kinds,
    const struct vmf_tilt_rows *r, float pull, struct vmf_err *e)
{
	struct way *w = vmf_calloc(n_kinds * PARTS, (int64_t)sizeof(*w), e);
	double all = 0.0;

	if (w == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < r->n; i++)
		all += (double)r->weight[i];
	for (int at = 1; at <= STEPS && all > 0.0; at++)
		step(w, n_kinds, r, all, (double)pull, at);
	for (int i = 0; i < n_kinds * PARTS; i++)
		tilt[i / PARTS][i % PARTS] = (float)w[i].tilt;
	free(w);
	return 0;
}
