/* SPDX-License-Identifier: MIT */
#include "learn/mixer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { IN = VMF_MIXER_IN, HIDDEN = VMF_MIXER_HIDDEN,
    PARTS = VMF_MIXER_PARTS, BATCH = 512,
    /* What is learned, from w1 on. */
    WEIGHTS = IN * HIDDEN + HIDDEN + HIDDEN * PARTS + PARTS };
#define FAR 3.0f
#define RATE 2e-3f
#define PULL 1e-3f
#define KEEP_MEAN 0.9f
#define KEEP_SQUARE 0.999f

_Static_assert(sizeof(struct vmf_mixer) == (2 * IN + WEIGHTS) *
    sizeof(float), "floats alone");

/* All that is learned, one after the other. */
static float *
weights(struct vmf_mixer *m)
{
	return (float *)(void *)m + 2 * IN;
}

/* A number of [0, 1): splitmix64 (Steele, Lea and Flood, 2014). */
static double
draw(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void
forward(const struct vmf_mixer *m, const float *x, float *in, float *hidden,
    float *out)
{
	for (int j = 0; j < HIDDEN; j++)
		hidden[j] = m->b1[j];
	for (int i = 0; i < IN; i++) {
		float v = (x[i] - m->mid[i]) * m->per[i];

		v = v > FAR ? FAR : v < -FAR ? -FAR : v;
		in[i] = v;
		for (int j = 0; j < HIDDEN; j++)
			hidden[j] += v * m->w1[i][j];
	}
	for (int k = 0; k < PARTS; k++)
		out[k] = m->b2[k];
	for (int j = 0; j < HIDDEN; j++) {
		hidden[j] = tanhf(hidden[j]);
		for (int k = 0; k < PARTS; k++)
			out[k] += hidden[j] * m->w2[j][k];
	}
}

void
vmf_mixer_ask(const struct vmf_mixer *m, const float *x, float *tilt)
{
	float in[IN], hidden[HIDDEN], out[PARTS];

	forward(m, x, in, hidden, out);
	for (int k = 0; k < PARTS; k++)
		tilt[k] += out[k];
}

float
vmf_mixer_lose(const struct vmf_mixer_row *r, int which, const float *tilt,
    float *a, float *slope)
{
	const float *apart = r->apart;
	float sum = 0.0f, loss = 0.0f;

	for (int k = 0; k < PARTS; k++) {
		a[k] = r->mass[which][k] * expf(tilt[k]);
		sum += a[k];
	}
	for (int k = 0; k < PARTS; k++) {
		a[k] = sum > 0.0f ? a[k] / sum : 0.0f;
		slope[k] = r->miss[k];
	}
	for (int k = 0; k < PARTS; k++)
		for (int l = 0; l <= k; l++, apart++) {
			slope[k] -= *apart * a[l];
			slope[l] -= l < k ? *apart * a[k] : 0.0f;
		}
	for (int k = 0; k < PARTS; k++)
		loss += a[k] * 0.5f * (r->miss[k] + slope[k]);
	return loss;
}

double
vmf_mixer_loss(const struct vmf_mixer *m, int n_nets, float part,
    const struct vmf_mixer_row *row, int64_t n)
{
	float a[PARTS], slope[PARTS];
	double sum = 0.0;

	for (int64_t i = 0; i < n; i++) {
		float tilt[PARTS] = { 0.0f };

		for (int k = 0; k < n_nets && part > 0.0f; k++)
			vmf_mixer_ask(&m[k], row[i].x, tilt);
		for (int k = 0; k < PARTS; k++)
			tilt[k] *= part / (float)n_nets;
		for (int w = 0; w < 2; w++)
			sum += (double)(row[i].weight[w] *
			    vmf_mixer_lose(&row[i], w, tilt, a, slope));
	}
	return n > 0 ? sum / (double)n : 0.0;
}

void
vmf_mixer_gradient(const struct vmf_mixer *m, const struct vmf_mixer_row *r,
    struct vmf_mixer *to)
{
	float in[IN], hidden[HIDDEN], out[PARTS], by[PARTS] = { 0.0f };

	forward(m, r->x, in, hidden, out);
	for (int w = 0; w < 2; w++) {
		float a[PARTS], slope[PARTS], mean = 0.0f;

		vmf_mixer_lose(r, w, out, a, slope);
		for (int k = 0; k < PARTS; k++)
			mean += a[k] * slope[k];
		for (int k = 0; k < PARTS; k++)
			by[k] += r->weight[w] * a[k] * (slope[k] - mean);
	}
	for (int k = 0; k < PARTS; k++)
		to->b2[k] += by[k];
	for (int j = 0; j < HIDDEN; j++) {
		float back = 0.0f;

		for (int k = 0; k < PARTS; k++) {
			to->w2[j][k] += hidden[j] * by[k];
			back += m->w2[j][k] * by[k];
		}
		hidden[j] = back * (1.0f - hidden[j] * hidden[j]);
		to->b1[j] += hidden[j];
	}
	for (int i = 0; i < IN; i++)
		for (int j = 0; j < HIDDEN; j++)
			to->w1[i][j] += in[i] * hidden[j];
}

/* Means and deviations of the inputs, and weights to begin with: those of the
 * last layer are 0, so that nothing is tilted. */
static void
begin(struct vmf_mixer *m, const struct vmf_mixer_row *row, int64_t n,
    uint64_t *seed)
{
	float bound = sqrtf(3.0f / IN);

	memset(m, 0, sizeof(*m));
	for (int i = 0; i < IN; i++) {
		double sum = 0.0, square = 0.0, mean;

		for (int64_t k = 0; k < n; k++)
			sum += (double)row[k].x[i];
		mean = sum / (double)n;
		for (int64_t k = 0; k < n; k++) {
			double d = (double)row[k].x[i] - mean;

			square += d * d;
		}
		m->mid[i] = (float)mean;
		m->per[i] = (float)(1.0 / (sqrt(square / (double)n) + 1e-6));
		for (int j = 0; j < HIDDEN; j++)
			m->w1[i][j] = bound * (float)(2.0 * draw(seed) - 1.0);
	}
}

/* One step of Adam; mean and square are its memory, left is what is left of
 * the way. */
static void
step(float *w, const float *by, float *mean, float *square, int64_t at,
    float left, int64_t n)
{
	float m = 1.0f - powf(KEEP_MEAN, (float)at);
	float s = 1.0f - powf(KEEP_SQUARE, (float)at);

	for (int i = 0; i < WEIGHTS; i++) {
		float g = by[i] / (float)n + PULL * w[i];

		mean[i] = KEEP_MEAN * mean[i] + (1.0f - KEEP_MEAN) * g;
		square[i] = KEEP_SQUARE * square[i] +
		    (1.0f - KEEP_SQUARE) * g * g;
		w[i] -= RATE * left * (mean[i] / m) /
		    (sqrtf(square[i] / s) + 1e-8f);
	}
}

int
vmf_mixer_learn(struct vmf_mixer *m, const struct vmf_mixer_row *row,
    int64_t n, int passes, uint64_t seed, struct vmf_err *e)
{
	int64_t *order = vmf_calloc(n, (int64_t)sizeof(*order), e), at = 0;
	int64_t batches = (n + BATCH - 1) / BATCH;
	float *room = vmf_calloc(2 * WEIGHTS, (int64_t)sizeof(*room), e);
	struct vmf_mixer *by = vmf_calloc(1, (int64_t)sizeof(*by), e);
	int rc = order == NULL || room == NULL || by == NULL ? VMF_ENOMEM : 0;

	if (rc != 0)
		goto done;
	for (int64_t i = 0; i < n; i++)
		order[i] = i;
	begin(m, row, n, &seed);
	for (int p = 0; p < passes; p++) {
		for (int64_t i = n - 1; i > 0; i--) {
			int64_t k = (int64_t)(draw(&seed) * (double)(i + 1));
			int64_t one = order[i];

			order[i] = order[k];
			order[k] = one;
		}
		for (int64_t b = 0; b < batches; b++) {
			int64_t from = b * BATCH, to = from + BATCH;

			to = to < n ? to : n;
			memset(by, 0, sizeof(*by));
			for (int64_t i = from; i < to; i++)
				vmf_mixer_gradient(m, &row[order[i]], by);
			step(weights(m), weights(by), room, room + WEIGHTS,
			    at + 1, 1.0f - (float)at /
			    (float)(passes * batches), to - from);
			at++;
		}
	}
done:
	free(order);
	free(room);
	free(by);
	return rc;
}
