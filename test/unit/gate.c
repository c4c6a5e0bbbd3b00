/* SPDX-License-Identifier: MIT */
/*
 * The gate's network: its gradient against differences, its loss against
 * pairs of values taken one by one, and what it learns; and its bytes.  How
 * wide a cluster's intervals are to be.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "forecast/gate.h"
#include "forecast/kq_shares.h"
#include "learn/mixer.h"
#include "check.h"

enum { PARTS = VMF_MIXER_PARTS, IN = VMF_MIXER_IN, VALUES = 5 };

static uint32_t state = 7;

/* Of [-1, 1). */
static float
draw(void)
{
	state = state * 1664525u + 1013904223u;
	return (float)((double)(state >> 8) / 8388608.0 - 1.0);
}

/* A row of parts that are VALUES values each, and what came. */
static void
make_row(struct vmf_mixer_row *r, float v[PARTS][VALUES], float y)
{
	int pair = 0;

	memset(r, 0, sizeof(*r));
	for (int i = 0; i < IN; i++)
		r->x[i] = draw();
	for (int k = 0; k < PARTS; k++)
		for (int w = 0; w < 2; w++)
			r->mass[w][k] = 0.1f + fabsf(draw());
	r->weight[0] = 1.0f;
	r->weight[1] = 0.5f;
	for (int k = 0; k < PARTS; k++) {
		for (int a = 0; a < VALUES; a++)
			r->miss[k] += fabsf(v[k][a] - y) / VALUES;
		for (int l = 0; l <= k; l++, pair++)
			for (int a = 0; a < VALUES * VALUES; a++)
				r->apart[pair] += fabsf(v[k][a / VALUES] -
				    v[l][a % VALUES]) / (VALUES * VALUES);
	}
}

/* The loss, as the integral of (F(x) - 1{x >= y})^2 over steps of F. */
static double
slow_loss(const struct vmf_mixer_row *r, float v[PARTS][VALUES], float y,
    int w, const double *tilt)
{
	double mass[PARTS], all = 0.0, sum = 0.0, last = 0.0;
	double at[PARTS * VALUES + 1];
	int n = 0;

	for (int k = 0; k < PARTS; k++) {
		mass[k] = (double)r->mass[w][k] * exp(tilt[k]);
		all += mass[k];
		for (int a = 0; a < VALUES; a++)
			at[n++] = (double)v[k][a];
	}
	at[n++] = (double)y;
	for (int i = 1; i < n; i++)
		for (int j = i; j > 0 && at[j - 1] > at[j]; j--) {
			double one = at[j];

			at[j] = at[j - 1];
			at[j - 1] = one;
		}
	for (int i = 0; i + 1 < n; i++) {
		double f = 0.0;

		for (int k = 0; k < PARTS; k++)
			for (int a = 0; a < VALUES; a++)
				if ((double)v[k][a] <= at[i])
					f += mass[k] / all / VALUES;
		last = f - (at[i] >= (double)y ? 1.0 : 0.0);
		sum += last * last * (at[i + 1] - at[i]);
	}
	return sum;
}

static void
fill(struct vmf_mixer *m)
{
	float *p = (float *)(void *)m;

	for (size_t i = 0; i < sizeof(*m) / sizeof(float); i++)
		p[i] = 0.4f * draw();
	for (int i = 0; i < IN; i++)
		m->per[i] = 1.0f;
}

static void
test_loss(void)
{
	struct vmf_mixer m;

	fill(&m);
	for (int n = 0; n < 50; n++) {
		float v[PARTS][VALUES], y = draw(), tilt[PARTS] = { 0.0f };
		double t[PARTS], slow;
		struct vmf_mixer_row r;

		for (int k = 0; k < PARTS * VALUES; k++)
			v[k / VALUES][k % VALUES] = draw();
		make_row(&r, v, y);
		vmf_mixer_ask(&m, r.x, tilt);
		for (int k = 0; k < PARTS; k++)
			t[k] = (double)tilt[k];
		slow = slow_loss(&r, v, y, 0, t) +
		    0.5 * slow_loss(&r, v, y, 1, t);
		check(fabs(vmf_mixer_loss(&m, 1, 1.0f, &r, 1) - slow) <=
		    1e-5, "the loss is the integral");
	}
}

static void
test_gradient(void)
{
	struct vmf_mixer m, by;
	float *w = (float *)(void *)&m, *g = (float *)(void *)&by;
	float v[PARTS][VALUES];
	struct vmf_mixer_row r;
	double worst = 0.0, most = 0.0;

	fill(&m);
	for (int k = 0; k < PARTS * VALUES; k++)
		v[k / VALUES][k % VALUES] = draw();
	make_row(&r, v, 0.3f);
	r.x[3] = 9.0f;			/* is cut */
	memset(&by, 0, sizeof(by));
	vmf_mixer_gradient(&m, &r, &by);
	for (size_t i = 2 * IN; i < sizeof(m) / sizeof(float); i++) {
		float was = w[i];
		double up, down;

		w[i] = was + 0.01f;
		up = vmf_mixer_loss(&m, 1, 1.0f, &r, 1);
		w[i] = was - 0.01f;
		down = vmf_mixer_loss(&m, 1, 1.0f, &r, 1);
		w[i] = was;
		worst = fmax(worst, fabs((up - down) / 0.02 - (double)g[i]));
		most = fmax(most, fabs((double)g[i]));
	}
	check(most > 1e-3 && worst <= 1e-4, "the gradient is that of "
	    "differences");
}

/* Which part is right is told by the first input. */
static void
test_learn(void)
{
	enum { N = 4000 };
	struct vmf_mixer_row *row = calloc(N, sizeof(*row));
	struct vmf_mixer m, same;
	struct vmf_err e = { "" };
	float tilt[2][PARTS] = { { 0.0f } }, x[IN] = { 0.0f };

	if (row == NULL)
		exit(1);
	for (int i = 0; i < N; i++) {
		float v[PARTS][VALUES], y;
		bool up = draw() > 0.0f;

		for (int k = 0; k < PARTS * VALUES; k++)
			v[k / VALUES][k % VALUES] = (float)(k / VALUES) +
			    0.1f * draw();
		y = up ? 6.0f : 1.0f;
		make_row(&row[i], v, y);
		row[i].x[0] = up ? 1.0f : -1.0f;
	}
	check(vmf_mixer_learn(&m, row, N, 15, 3, &e) == 0 &&
	    vmf_mixer_learn(&same, row, N, 15, 3, &e) == 0 &&
	    memcmp(&m, &same, sizeof(m)) == 0, "the same bits again");
	check(vmf_mixer_learn(&same, row, N, 15, 4, &e) == 0 &&
	    memcmp(&m, &same, sizeof(m)) != 0, "another seed");
	check(vmf_mixer_loss(&m, 1, 1.0f, row, N) <
	    0.7 * vmf_mixer_loss(&m, 1, 0.0f, row, N), "it learns");
	for (int w = 0; w < 2; w++) {
		x[0] = w == 0 ? -1.0f : 1.0f;
		vmf_mixer_ask(&m, x, tilt[w]);
	}
	check(tilt[0][1] > tilt[0][6] && tilt[1][6] > tilt[1][1],
	    "the input tells which part is right");
	free(row);
}

static void
test_bytes(void)
{
	struct vmf_gate g, *got = calloc(1, sizeof(*got));
	size_t n = sizeof(g) / sizeof(float);
	float *p = (float *)(void *)&g;
	uint8_t *blob = calloc(1, 8 + 4 * n);
	const float most = 21.0f;
	uint8_t was[4], *at = blob + 8 + offsetof(struct vmf_gate, tilt);
	struct vmf_err e = { "" };

	if (got == NULL || blob == NULL)
		exit(1);
	blob[0] = 3;
	blob[4] = (uint8_t)n;
	blob[5] = (uint8_t)(n >> 8);
	for (size_t i = 0; i < n; i++)
		p[i] = draw();
	for (int c = 0; c < VMF_CLUSTERS; c++)
		g.wider[0][c] = g.wider[1][c] = 0.04f;
	for (size_t i = 0; i < n; i++) {
		uint32_t v;

		memcpy(&v, &p[i], 4);
		for (int b = 0; b < 4; b++)
			blob[8 + 4 * i + (size_t)b] = (uint8_t)(v >> 8 * b);
	}
	check(vmf_gate_get(got, blob, (int64_t)(8 + 4 * n), &e) == 0 &&
	    memcmp(got, &g, sizeof(g)) == 0, "little-endian floats");
	check(vmf_gate_get(got, blob, (int64_t)(7 + 4 * n), &e) != 0 &&
	    strstr(e.msg, "train anew") != NULL, "a byte less");
	memcpy(was, at, 4);
	memcpy(at, &most, 4);
	check(vmf_gate_get(got, blob, (int64_t)(8 + 4 * n), &e) != 0 &&
	    strstr(e.msg, "a tilt of 21") != NULL, "a tilt that is none");
	memcpy(at, was, 4);
	blob[8 + 4 * n - 5] = 0x40;
	check(vmf_gate_get(got, blob, (int64_t)(8 + 4 * n), &e) != 0 &&
	    strstr(e.msg, "wider") != NULL, "a width that is none");
	memset(blob + 8 + 40, 0xff, 4);
	check(vmf_gate_get(got, blob, (int64_t)(8 + 4 * n), &e) != 0 &&
	    strstr(e.msg, "number 10") != NULL, "a number that is none");
	blob[0] = 1;
	check(vmf_gate_get(got, blob, (int64_t)(8 + 4 * n), &e) != 0,
	    "another version");
	check(vmf_gate_get(got, blob, 0, &e) != 0, "nothing");
	free(got);
	free(blob);
}

/* Levels ascend, keep their side, and end where they should. */
static void
test_widen(void)
{
	check(fabs(vmf_kq_widen(0.9, 0.9, 0.08) - 0.94) < 1e-9 &&
	    fabs(vmf_kq_widen(0.1, 0.1, -0.08) - 0.14) < 1e-9,
	    "half of it at each end");
	for (int w = -3; w <= 3; w++) {
		double last = 0.0, more = VMF_KQ_MORE * w / 3.0;

		for (int i = 1; i < 200; i++) {
			double at = i / 200.0, to = vmf_kq_widen(at, at,
			    more);

			check(to > last && to < 1.0 && (to - 0.5) *
			    (at - 0.5) >= 0.0, "levels that ascend");
			check(w != 0 || fabs(to - at) < 1e-12, "as it was");
			last = to;
		}
	}
}

/*
 * A fleet of VMs whose parts all say the same, -1.96 to 1.96 standard
 * deviations of a normal distribution; in the largest tenth what comes varies
 * twice as much, and in the others half as much.
 */
enum { VMS = 300, LARGE = 270, WINDOWS = 10, HOURS = 48 };

static void
add_window(struct vmf_global *g, struct vmf_sample *s, int vm, int at)
{
	static const float z[VMF_KQ_LEVELS] = { -1.96f, -1.645f, -1.282f,
	    -0.842f, -0.524f, -0.253f, 0.0f, 0.253f, 0.524f, 0.842f, 1.282f,
	    1.645f, 1.96f };
	struct vmf_kq_parts parts = { .n = VMF_GATE_LEADS };
	struct vmf_forecast f = { .parts = &parts };
	struct vmf_forecast_opts opts = { .step_s = 3600, .season = 24,
	    .start = (int64_t)at * 48 * 3600 };
	double y[60], after[HOURS], size = vm < LARGE ? 10.0 + vm : 1000.0 + vm;
	struct vmf_window w = { .opts = &opts, .base = &f, .after = after,
	    .h = HOURS, .y = { .y = y, .n = 60 },
	    .key = vmf_sample_key((const char *)&vm, sizeof(vm), "cpu") };
	struct vmf_err e = { "" };

	for (int t = 0; t < 60; t++)
		y[t] = size * (1.0 + 0.1 * (double)draw());
	for (int t = 0; t < HOURS; t++) {
		double sum = 0.0;

		/* The sum of twelve has a variance of four. */
		for (int i = 0; i < 12; i++)
			sum += (double)draw();
		after[t] = size * (1.0 + 0.1 * (vm < LARGE ? 0.25 : 1.0) * sum);
	}
	for (int i = 0; i < parts.n; i++) {
		struct vmf_kq_part *p = &parts.at[i];

		p->lead = 4 * i;
		p->trait = (struct vmf_trait){ (float)size, 0.1f };
		for (int j = 0; j < VMF_GATE_DECILES; j++)
			p->level[j] = (j + 1) / 10.0;
		for (int k = 0; k < VMF_GATE_PARTS; k++) {
			p->mass[0][k] = p->mass[1][k] = 1.0f / VMF_GATE_PARTS;
			for (int j = 0; j < VMF_KQ_LEVELS; j++)
				p->q[k][j] = (float)size * (1.0f + 0.1f *
				    z[j]);
		}
	}
	check(g->ops->sample(g, &w, s, &e) == 0, "a window");
}

static void
test_widths(void)
{
	struct vmf_global g = { .ops = &vmf_gate_ops, .step_s = 3600,
	    .season = 24, .n_series = VMS };
	struct vmf_trait small = { 20.0f, 0.1f }, large = { 1290.0f, 0.1f };
	struct vmf_sample s;
	struct vmf_err e = { "" };
	const struct vmf_gate *got;

	vmf_sample_init(&s, g.ops->width(&g), 1 << 28, g.ops->rows_max);
	for (int vm = 0; vm < VMS; vm++)
		for (int at = 0; at < WINDOWS; at++)
			add_window(&g, &s, vm, at);
	check(g.ops->learn(&g, &s, &e) == 0 && g.blob.n > 0 &&
	    g.ops->load(&g, &e) == 0, "it learns");
	got = g.state;
	if (got != NULL) {
		check(got->wider_gain > 0.001f, "it is worth something");
		for (int u = 0; u < 2; u++)
			check(!(vmf_gate_wider(got, small, u == 1) > 0.0) &&
			    vmf_gate_wider(got, large, u == 1) > 0.07,
			    "each cluster as it should");
	}
	vmf_sample_free(&s);
	vmf_global_free(&g);
}

int
main(void)
{
	test_widen();
	test_widths();
	test_loss();
	test_gradient();
	test_learn();
	test_bytes();
	return failures > 0;
}
