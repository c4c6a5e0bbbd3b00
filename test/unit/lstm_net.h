/* SPDX-License-Identifier: MIT */
/*
 * What holds the network, whatever reads its steps, against PyTorch's figures
 * (test/reference/lstm.txt), and at the sizes that are used against a plain
 * forward pass in double precision and its differences: test/unit/lstm.c and
 * lstm_cudnn.c.
 */
#ifndef VMF_TEST_LSTM_NET_H
#define VMF_TEST_LSTM_NET_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/lstm.h"
#include "check.h"

#define CHUNK VMF_LSTM_CHUNK
#define LEADS VMF_LSTM_LEADS
#define LEVELS VMF_LSTM_LEVELS

/* ---- the generator of test/reference/lstm.py ---- */

static uint32_t state;

static float
draw(void)
{
	state = state * 1664525u + 1013904223u;
	return (float)((double)(state >> 8) / 8388608.0 - 1.0);
}

static void
draw_all(float *p, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		p[i] = draw();
}

/* What reads the steps of a net that is made: NULL is the CPU. */
static struct vmf_lstm_device *net_device;

struct net {
	struct vmf_lstm_shape s;
	int64_t at[VMF_LSTM_PARTS + 1], n;
	float *w, *grad, *q;
	struct vmf_lstm_chunk c;
	struct vmf_lstm_work *work;
	double loss, weight;
};

static void
make(struct net *t, const struct vmf_lstm_shape *s, float scale)
{
	struct vmf_err e;

	t->s = *s;
	vmf_lstm_layout(s, t->at);
	t->n = t->at[VMF_LSTM_PARTS];
	t->w = vmf_calloc(t->n, 4, &e);
	t->grad = vmf_calloc(t->n, 4, &e);
	t->q = vmf_calloc(CHUNK * LEADS * LEVELS, 4, &e);
	must(vmf_lstm_chunk_init(&t->c, s, &e), &e);
	must(vmf_lstm_open(&t->work, s, true, net_device, &e), &e);
	state = 1;
	draw_all(t->w, t->n);
	for (int64_t i = 0; i < t->n; i++)
		t->w[i] *= scale;
	draw_all(t->c.x, (int64_t)s->steps * CHUNK * s->in);
	draw_all(t->c.s, CHUNK * s->statics);
	draw_all(t->c.z, CHUNK * LEADS * s->lead_in);
	for (int64_t i = 0; i < CHUNK * LEADS; i++)
		t->c.y[i] = 2.0f * draw();
	for (int64_t i = 0; i < CHUNK * LEADS; i++)
		t->c.weight[i] = fmaxf(draw(), 0.0f);
	draw_all(t->c.loc, CHUNK);
	for (int64_t i = 0; i < CHUNK; i++)
		t->c.spread[i] = 0.5f + 0.25f * draw();
	for (int64_t i = 0; i < CHUNK; i++)
		t->c.gain[i] = fmaxf(draw(), 0.0f);
}

static void
compute(struct net *t)
{
	struct vmf_err e;

	t->loss = t->weight = 0.0;
	must(vmf_lstm_encode(t->work, t->w, &t->c, &e), &e);
	must(vmf_lstm_grad(t->work, t->w, &t->c, t->grad, &t->loss,
	    &t->weight, &e), &e);
	must(vmf_lstm_decode(t->work, t->w, &t->c, t->q, &e), &e);
}

static void
drop(struct net *t)
{
	free(t->w);
	free(t->grad);
	free(t->q);
	vmf_lstm_chunk_free(&t->c);
	vmf_lstm_close(t->work);
}

/* ---- PyTorch's figures ---- */

static double
figure(FILE *f)
{
	double v;

	if (fscanf(f, "%lf", &v) != 1) {
		printf("lstm.txt is too short\n");
		exit(1);
	}
	return v;
}

/* Relative to the largest of its kind; a GPU adds up in another order than
 * what that was set for. */
static void
near(double got, double expected, double largest, const char *what, int64_t i)
{
	double tol = net_device == NULL ? 2e-6 : 1e-5;

	if (fabs(got - expected) <= tol * largest)
		return;
	printf("%s %lld: %.9g, expected %.9g\n", what, (long long)i, got,
	    expected);
	failures++;
}

static void
test_reference(void)
{
	const struct vmf_lstm_shape s = { .steps = 5, .in = 3, .hidden = 4,
	    .statics = 2, .lead_in = 3, .units = 5 };
	FILE *f = fopen("test/reference/lstm.txt", "r");
	struct net t = { 0 };
	char line[512];
	double v, *g, largest = 0.0;

	if (f == NULL || fgets(line, sizeof(line), f) == NULL) {
		printf("no test/reference/lstm.txt\n");
		exit(1);
	}
	make(&t, &s, 1.0f);
	compute(&t);
	v = figure(f);
	near(t.loss, v, v, "loss", 0);
	v = figure(f);
	near(t.weight, v, v, "weights' sum", 0);
	for (int64_t i = 0; i < 6 * LEVELS; i++) {
		int64_t c = i < 3 * LEVELS ? 0 : CHUNK - 1;

		near(t.q[c * LEADS * LEVELS + i % (3 * LEVELS)], figure(f),
		    10.0, "quantile", i);
	}
	g = calloc((size_t)t.n, sizeof(*g));
	for (int64_t i = 0; i < t.n; i++) {
		g[i] = figure(f);
		largest = fmax(largest, fabs(g[i]));
	}
	for (int64_t i = 0; i < t.n; i++)
		near(t.grad[i], g[i], largest, "gradient by weight", i);
	check(fscanf(f, "%lf", &v) == EOF, "lstm.txt has more figures");
	free(g);
	fclose(f);
	drop(&t);
}

/* ---- a plain forward pass ---- */

static double
sigmoid(double x)
{
	return 1.0 / (1.0 + exp(-x));
}

/* The loss, and the quantiles where q is not NULL, at weights w. */
static double
plain(const struct net *t, const double *w, double *q)
{
	const struct vmf_lstm_shape *s = &t->s;
	int H = s->hidden, M = s->units;
	double loss = 0.0, *h = calloc((size_t)H, sizeof(*h));
	double *cell = calloc((size_t)H, sizeof(*cell));
	double *gate = calloc((size_t)(4 * H), sizeof(*gate));
	double *a = calloc((size_t)M, sizeof(*a)), *b = calloc((size_t)M,
	    sizeof(*b)), o[LEVELS], one[LEVELS];
	const double *p[VMF_LSTM_PARTS];

	for (int k = 0; k < VMF_LSTM_PARTS; k++)
		p[k] = w + t->at[k];
	for (int64_t c = 0; c < CHUNK; c++) {
		memset(h, 0, (size_t)H * sizeof(*h));
		memset(cell, 0, (size_t)H * sizeof(*cell));
		for (int64_t k = 0; k < s->steps; k++) {
			const float *x = t->c.x + (k * CHUNK + c) * s->in;

			for (int j = 0; j < 4 * H; j++) {
				gate[j] = p[VMF_LSTM_B][j];
				for (int i = 0; i < s->in; i++)
					gate[j] += x[i] *
					    p[VMF_LSTM_WX][i * 4 * H + j];
				for (int i = 0; i < H; i++)
					gate[j] += h[i] *
					    p[VMF_LSTM_WR][i * 4 * H + j];
			}
			for (int j = 0; j < H; j++) {
				cell[j] = sigmoid(gate[H + j]) * cell[j] +
				    sigmoid(gate[j]) * tanh(gate[2 * H + j]);
				h[j] = sigmoid(gate[3 * H + j]) *
				    tanh(cell[j]);
			}
		}
		for (int64_t l = c * LEADS; l < (c + 1) * LEADS; l++) {
			const float *z = t->c.z + l * s->lead_in;
			double level, y = t->c.y[l], cost = 0.0;

			for (int j = 0; j < M; j++) {
				a[j] = p[VMF_LSTM_B1][j];
				for (int i = 0; i < H; i++)
					a[j] += h[i] *
					    p[VMF_LSTM_WH][i * M + j];
				for (int i = 0; i < s->statics; i++)
					a[j] += t->c.s[c * s->statics + i] *
					    p[VMF_LSTM_WS][i * M + j];
				for (int i = 0; i < s->lead_in; i++)
					a[j] += z[i] *
					    p[VMF_LSTM_WZ][i * M + j];
				a[j] = fmax(a[j], 0.0);
			}
			for (int j = 0; j < M; j++) {
				b[j] = p[VMF_LSTM_B2][j];
				for (int i = 0; i < M; i++)
					b[j] += a[i] *
					    p[VMF_LSTM_W2][i * M + j];
				b[j] = fmax(b[j], 0.0);
			}
			for (int j = 0; j < LEVELS; j++) {
				o[j] = p[VMF_LSTM_B3][j];
				for (int i = 0; i < M; i++)
					o[j] += b[i] *
					    p[VMF_LSTM_W3][i * LEVELS + j];
				for (int i = 0; i < s->lead_in; i++)
					o[j] += z[i] *
					    p[VMF_LSTM_W4][i * LEVELS + j];
			}
			one[4] = o[4];
			for (int j = 5; j < LEVELS; j++)
				one[j] = one[j - 1] + log1p(exp(o[j]));
			for (int j = 3; j >= 0; j--)
				one[j] = one[j + 1] - log1p(exp(o[j]));
			for (int j = 0; j < LEVELS; j++) {
				double loc = t->c.loc[c], sd = t->c.spread[c];
				double d = one[j] - y, dv = sinh(loc + sd *
				    one[j]) - sinh(loc + sd * y);

				level = (j + 1) / 10.0;
				cost += d > 0.0 ? (1.0 - level) * d :
				    -level * d;
				cost += t->c.gain[c] * (dv > 0.0 ?
				    (1.0 - level) * dv : -level * dv);
				if (q != NULL)
					q[l * LEVELS + j] = one[j];
			}
			loss += t->c.weight[l] * cost / LEVELS;
		}
	}
	free(h);
	free(cell);
	free(gate);
	free(a);
	free(b);
	return loss;
}

/* At sizes for which oneDNN has other code than for tiny ones: along the
 * gradient itself, and along some directions of one part each. */
static void
test_differences(const struct vmf_lstm_shape *s)
{
	double *w, *q, worst = 0.0, eps = 1e-4;
	struct net t = { 0 };

	make(&t, s, 0.15f);
	compute(&t);
	w = calloc((size_t)t.n, sizeof(*w));
	q = calloc(CHUNK * LEADS * LEVELS, sizeof(*q));
	for (int64_t i = 0; i < t.n; i++)
		w[i] = t.w[i];
	check(fabs(plain(&t, w, q) - t.loss) <= 1e-5 * t.loss,
	    "another loss than the plain one");
	for (int64_t i = 0; i < CHUNK * LEADS * LEVELS; i++)
		worst = fmax(worst, fabs(q[i] - t.q[i]));
	check(worst <= 1e-5, "other quantiles than the plain ones");
	for (int k = 0; k < VMF_LSTM_PARTS; k++) {
		double norm = 0.0, slope, up, down;

		for (int64_t i = t.at[k]; i < t.at[k + 1]; i++)
			norm += (double)t.grad[i] * t.grad[i];
		norm = sqrt(norm);
		check(norm > 0.0, "a part without a gradient");
		for (int64_t i = t.at[k]; i < t.at[k + 1]; i++)
			w[i] = t.w[i] + eps * t.grad[i] / norm;
		up = plain(&t, w, NULL);
		for (int64_t i = t.at[k]; i < t.at[k + 1]; i++)
			w[i] = t.w[i] - eps * t.grad[i] / norm;
		down = plain(&t, w, NULL);
		for (int64_t i = t.at[k]; i < t.at[k + 1]; i++)
			w[i] = t.w[i];
		slope = (up - down) / (2.0 * eps);
		/* Kinks of the pinball loss within eps are what is left. */
		if (!(fabs(slope - norm) <= 5e-3 * norm)) {
			printf("part %d: slope %.6g along a gradient of %.6g\n",
			    k, slope, norm);
			failures++;
		}
	}
	free(w);
	free(q);
	drop(&t);
}

#endif
