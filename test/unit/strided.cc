/* SPDX-License-Identifier: MIT */
/*
 * The drivers as a device runs them, a lane of many at a time, compiled for
 * the CPU: over blocks laid out for a device they must give, bit by bit, what
 * the plain lanes give of each series by itself, and touch no other lane.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/lanes_strided.h"

#define LANES VMF_TILE
#define ALL ((1u << VMF_N_MEMBERS) - 1)

static int failures;

/* What no lane writes; a quiet NaN of its own. */
static const uint64_t poison = 0x7ff8dead0000beefu;

static uint64_t
bits(double x)
{
	uint64_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static double *
room(int64_t n)
{
	double *p = (double *)malloc((size_t)n * sizeof(double));

	if (p == NULL)
		exit(1);
	for (int64_t i = 0; i < n; i++)
		memcpy(&p[i], &poison, sizeof(poison));
	return p;
}

static double
noise(void)
{
	static uint32_t x = 1;

	x = x * 1664525u + 1013904223u;
	return (double)x / 4294967296.0 - 0.5;
}

/* Memory of the arrays of a block of w lanes; *b has all but the arrays. */
static void
make(struct vmf_block *b, int w)
{
	int64_t leads = b->horizon * (b->n_origins > 1 ? b->n_origins : 1);

	b->y = room(w * b->n);
	b->first = room(w);
	b->hold = room(w);
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		b->par[m] = room(w * VMF_MEMBER_PARAMS);
		b->f[m] = room(w * leads);
		b->sd[m] = room(w * b->horizon);
	}
	b->room = room(vmf_lanes_room(b->n, b->season, b->horizon, w));
}

static void
drop(struct vmf_block *b)
{
	free(b->y);
	free(b->first);
	free(b->hold);
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		free(b->par[m]);
		free(b->f[m]);
		free(b->sd[m]);
	}
	free(b->room);
}

/* A daily load with noise, gaps, a start of its own; some odd ones. */
static void
history(const struct vmf_block *b, int lane)
{
	int64_t first = lane % 5 * (b->n / 20);
	double level = 10.0 + lane, walk = 0.0;

	b->first[lane] = (double)first;
	b->hold[lane] = (double)((b->n - first) / 4);
	for (int64_t t = 0; t < b->n; t++) {
		double v = level + 5.0 * sin(6.283185307 * (double)t /
		    (double)b->season) + 4.0 * noise();

		walk += noise();
		if (lane % 7 == 3)
			v = level + walk;
		if (lane == 11)
			v = t == 5 ? 1e9 : 1.0;
		if (lane == 12)
			v = t % 50 == 0 ? 3.0 : 0.0;
		if (t < first || noise() > 0.45)
			v = NAN;
		b->y[t * LANES + lane] = v;
	}
}

/* n values of lane i of many and of the lane by itself. */
static void
same(const double *many, const double *one, int64_t n, int i,
    const char *what, int member, int how)
{
	for (int64_t k = 0; k < n; k++) {
		double a = many[k * LANES + i], b = one[k];

		if (bits(a) == bits(b) || (isnan(a) && isnan(b) &&
		    bits(a) != poison && bits(b) != poison))
			continue;
		printf("lane %d, run %d, member %d: %s[%lld] is %.17g, "
		    "expected %.17g\n", i, how, member, what, (long long)k, a,
		    b);
		failures++;
		return;
	}
}

static void
compare(const struct vmf_block *many, const struct vmf_block *one, int i,
    int how)
{
	static const int n_par[VMF_N_MEMBERS] = { 0, VMF_THETA_PARAMS,
	    VMF_ETS_PARAMS, VMF_ARIMA_PARAMS };
	int64_t leads = many->horizon * (many->n_origins > 1 ?
	    many->n_origins : 1);

	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		same(many->par[m], one->par[m], n_par[m], i, "par", m, how);
		same(many->f[m], one->f[m], leads, i, "f", m, how);
		same(many->sd[m], one->sd[m], many->horizon, i, "sd", m, how);
	}
}

/* One lane of many alone, run by the plain lanes. */
static void
alone(const struct vmf_block *many, struct vmf_block *one, int i, int fit,
    const double *const *par)
{
	*one = *many;
	make(one, 1);
	one->first[0] = many->first[i];
	one->hold[0] = many->hold[i];
	for (int64_t t = 0; t < many->n; t++)
		one->y[t] = many->y[t * LANES + i];
	for (int m = 0; m < VMF_N_MEMBERS && par != NULL; m++)
		for (int k = 0; k < VMF_MEMBER_PARAMS; k++)
			one->par[m][k] = par[m][k * LANES + i];
	if (fit)
		vmf_lanes_plain.fit(one);
	else
		vmf_lanes_plain.predict(one);
}

/* Nothing of the other lanes is written, the room included. */
static void
apart(const double *p, int64_t n, int i, const char *what)
{
	for (int64_t k = 0; k < n * LANES; k++)
		if (k % LANES != i && bits(p[k]) != poison) {
			printf("lane %d wrote %s of lane %d\n", i, what,
			    (int)(k % LANES));
			failures++;
			return;
		}
}

static void
untouched(struct vmf_block b, int i, int fit)
{
	make(&b, LANES);
	for (int k = 0; k < LANES; k++)
		history(&b, k);
	for (int m = 0; m < VMF_N_MEMBERS; m++)
		for (int k = 0; k < VMF_MEMBER_PARAMS && !fit; k++)
			b.par[m][k * LANES + i] = 0.0;
	if (fit)
		fit_lane(&b, i);
	else
		predict_lane(&b, i);
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		apart(b.par[m], VMF_MEMBER_PARAMS, i, "par");
		apart(b.f[m], b.horizon, i, "f");
		apart(b.sd[m], b.horizon, i, "sd");
	}
	apart(b.room, vmf_lanes_room(b.n, b.season, b.horizon, 1), i, "room");
	drop(&b);
}

/* Fit, fit again from there, and predict. */
static void
run(int64_t n, int64_t season, int64_t horizon, int64_t apart)
{
	int64_t origin[VMF_ORIGINS_MAX], at[VMF_ORIGINS_MAX];
	struct vmf_block b = {}, one;
	double *par[VMF_N_MEMBERS];

	b.n = n;
	b.season = season;
	b.horizon = horizon;
	b.members = ALL;
	for (int64_t k = apart; k <= n / 4; k += apart) {
		origin[b.n_origins] = k;
		at[b.n_origins++] = n - k;
	}
	b.origin = origin;
	b.at = at;
	for (int i = 0; i < LANES; i += 13)
		untouched(b, i, i % 2);
	make(&b, LANES);
	for (int i = 0; i < LANES; i++)
		history(&b, i);
	for (int m = 0; m < VMF_N_MEMBERS; m++)
		par[m] = room(LANES * VMF_MEMBER_PARAMS);
	for (int how = 0; how < 3; how++) {
		b.again = how == 1;
		if (how == 2)
			b.n_origins = 0;
		for (int m = 0; m < VMF_N_MEMBERS; m++)
			memcpy(par[m], b.par[m], sizeof(double) * LANES *
			    VMF_MEMBER_PARAMS);
		for (int i = LANES - 1; i >= 0; i--)
			if (how < 2)
				fit_lane(&b, i);
			else
				predict_lane(&b, i);
		for (int i = 0; i < LANES; i++) {
			alone(&b, &one, i, how < 2, how > 0 ? par : NULL);
			compare(&b, &one, i, how);
			drop(&one);
		}
	}
	for (int m = 0; m < VMF_N_MEMBERS; m++)
		free(par[m]);
	drop(&b);
}

int
main(void)
{
	run(336, 24, 48, 7);
	run(150, 12, 30, 5);	/* short: all orders are tried */
	run(120, 1, 12, 3);	/* no season */
	run(60, 24, 48, 70);	/* no origin is reached */
	if (failures > 0)
		printf("%d failed\n", failures);
	return failures > 0;
}
