/* SPDX-License-Identifier: MIT */
/*
 * The kernels of arima, ets, theta and the decomposition, one lane wide,
 * against figures worked out another way.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernel/arima_fit_kernel.h"
#include "kernel/ets_kernel.h"
#include "kernel/theta_kernel.h"
#include "check.h"

static void
near(double got, double want, double tol, const char *what)
{
	/* NaN fails. */
	if (fabs(got - want) <= tol)
		return;
	printf("%s: %.12g, expected %.12g\n", what, got, want);
	failures++;
}

#define N 200
#define S 4

static double y[N], ring_mem[5 * 24];

static struct arima_ring
ring(int64_t s)
{
	struct arima_ring r = { ring_mem, ring_mem + s, ring_mem + 2 * s,
	    ring_mem + 3 * s, ring_mem + 4 * s };

	return r;
}

static double
noise(void)
{
	static uint32_t x = 1;

	x = x * 1664525u + 1013904223u;
	return (double)x / 4294967296.0 - 0.5;
}

/* c = a * b, polynomials in B. */
static void
times(const double *a, int na, const double *b, int nb, double *c)
{
	for (int i = 0; i <= na + nb; i++)
		c[i] = 0.0;
	for (int i = 0; i <= na; i++)
		for (int j = 0; j <= nb; j++)
			c[i + j] += a[i] * b[j];
}

/* The cascade against the polynomials multiplied out: errors and forecasts
 * of (2,1,1)(1,1,1)4 with a drift. */
static void
test_cascade(void)
{
	struct arima_par m = { .b = { 0.5, -0.3, 0, 0.4, 0, 0, 0.3, -0.6,
	    0.01 }, .d = 1, .sd = 1 };
	const double phi[] = { 1, -0.5, 0.3 }, sphi[] = { 1, 0, 0, 0, -0.3 };
	const double theta[] = { 1, 0.4 }, stheta[] = { 1, 0, 0, 0, -0.6 };
	double ar[7], ma[6], w[N + 8], e[N + 8], want[N + 8], f[8], tmp[16];
	struct arima_ring r = ring(S);
	struct arima_state x;
	int64_t at = N, slot = 0;

	times(phi, 2, sphi, 4, ar);
	times(theta, 1, stheta, 4, ma);
	for (int t = 0; t < N; t++)
		y[t] = (t > 0 ? y[t - 1] : 10.0) + noise() + (t % S == 1) -
		    (t % S == 3);
	arima_begin(&x, &r, S, 0);
	for (int t = 0; t < N + 8; t++) {
		double p = 0.0;

		w[t] = e[t] = 0.0;
		want[t] = t < N ? y[t] : 0.0;
		if (t >= S + 1) {
			for (int i = 1; i <= 6; i++)
				p -= t - i >= 0 ? ar[i] * w[t - i] : 0.0;
			for (int i = 1; i <= 5; i++)
				p += t - i >= 0 ? ma[i] * e[t - i] : 0.0;
			p += 0.01 + want[t - 1] + want[t - S] -
			    want[t - S - 1];
			if (t < N)
				e[t] = y[t] - p;
			else
				want[t] = p;
			w[t] = want[t] - want[t - 1] - want[t - S] +
			    want[t - S - 1] - 0.01;
		}
		if (t < N) {
			vmask ok;
			double got = arima_step(&m, &x, &r, slot, y[t],
			    v_le(S + 1, t), &ok);

			near(got, e[t], 1e-9, "error of the cascade");
			slot = (slot + 1) % S;
		}
	}
	arima_roll(y, 1, 0, N, S, S + 1, &m, &r, &at, 1, 8, NULL, f, tmp);
	for (int h = 0; h < 8; h++)
		near(f[h], want[N + h], 1e-8, "forecast of the cascade");
	/* From another moment, as if the rest were not there. */
	at = N - 30;
	arima_roll(y, 1, 0, N, S, S + 1, &m, &r, &at, 1, 8, NULL, f, tmp);
	arima_roll(y, 1, 0, N - 30, S, S + 1, &m, &r, &at, 1, 8, NULL, want,
	    tmp);
	for (int h = 0; h < 8; h++)
		check(f[h] == want[h], "a forecast that peeks");
}

static void
test_psi(void)
{
	struct arima_par ar = { .b = { 0.8 } }, air = { .d = 1, .sd = 1 };
	struct arima_ring r = ring(12);
	double psi[30], tmp[60];

	arima_psi(&ar, &r, 1, 30, psi, tmp);
	for (int j = 0; j < 30; j++)
		near(psi[j], pow(0.8, j), 1e-12, "psi of AR(1)");
	/* The airline model, Box and Jenkins 9.2: psi(j) of season r + 1 and
	 * month below 12 is (1-th)(1 + r (1-TH)), with (1-TH) more in
	 * December. */
	air.b[ARIMA_THETA] = -0.4;
	air.b[ARIMA_STHETA] = -0.6;
	arima_psi(&air, &r, 12, 30, psi, tmp);
	near(psi[1], 0.6, 1e-12, "psi 1 of the airline model");
	near(psi[11], 0.6, 1e-12, "psi 11");
	near(psi[12], 0.6 + 0.4, 1e-12, "psi 12");
	near(psi[13], 0.6 * 1.4, 1e-12, "psi 13");
	near(psi[24], 0.6 * 1.4 + 0.4, 1e-12, "psi 24");
	near(psi[25], 0.6 * 1.8, 1e-12, "psi 25");
}

static void
test_project(void)
{
	for (int i = 0; i < 2000; i++) {
		double f[3] = { 8 * noise(), 8 * noise(), 8 * noise() };
		double g[3], size = 0.0, h[400] = { 1.0 };

		if (i % 2 == 0)
			for (int k = 0; k < 3; k++)
				f[k] *= 0.08;	/* stationary as it is */
		memcpy(g, f, sizeof(g));
		arima_project(g, 1.0);
		for (int k = 0; k < 3 && i % 2 == 0; k++)
			near(g[k], f[k], 1e-12, "a stationary one is kept");
		/* Whatever went in, its impulse response dies out. */
		for (int t = 1; t < 400; t++)
			for (int k = 0; k < 3 && k < t; k++)
				h[t] += g[k] * h[t - 1 - k];
		for (int t = 380; t < 400; t++)
			size += fabs(h[t]);
		check(size < 400.0, "projected, and still explosive");
		memcpy(f, g, sizeof(g));
		arima_project(f, 1.0);
		for (int k = 0; k < 3; k++)
			near(f[k], g[k], 1e-9, "projected twice");
	}
}

/* The exact likelihood of AR(1) and MA(1) by their closed forms; near unit
 * roots, with a season, it is one or NaN. */
static void
test_exact(void)
{
	struct arima_par m = { .b = { 0.5 } };
	struct arima_past past;
	struct arima_exact x;
	double w[N], sse, logs = 0.0, f = 1.0 + 0.7 * 0.7, e = 0.0;
	vmask none = 0;

	for (int t = 0; t < N; t++)
		w[t] = noise() + (t > 0 ? 0.3 * w[t - 1] : 0.0);
	arima_likelihood(w, 1, N, 1, 4, 0.0, &m, none, &past, &x);
	sse = 0.75 * w[0] * w[0];
	for (int t = 1; t < N; t++)
		sse += (w[t] - 0.5 * w[t - 1]) * (w[t] - 0.5 * w[t - 1]);
	near(x.sse, sse, 1e-10, "sum of squares of AR(1)");
	near(x.log_var, -log(0.75), 1e-10, "variances of AR(1)");
	near(past.x[0], 0.5 * w[N - 1], 1e-12, "forecast of AR(1)");

	m.b[0] = 0.0;
	m.b[ARIMA_THETA] = 0.7;
	arima_likelihood(w, 1, N, 1, 4, 0.0, &m, none, &past, &x);
	sse = 0.0;
	for (int t = 0; t < N; t++) {
		e = w[t] - (t > 0 ? 0.7 * e : 0.0);
		sse += e * e / f;
		logs += log(f);
		e /= f;
		f = 1.0 + 0.7 * 0.7 - 0.7 * 0.7 / f;
	}
	near(x.sse, sse, 1e-10, "sum of squares of MA(1)");
	near(x.log_var, logs, 1e-10, "variances of MA(1)");
	w[N / 2] = NAN;
	arima_likelihood(w, 1, N, 1, 4, 0.0, &m, none, &past, &x);
	check(isnan(x.sse), "a gap has no exact likelihood");
	w[N / 2] = 0.0;
	for (int i = 0; i < 2000; i++) {
		double part[ARIMA_MEAN];

		for (int k = 0; k < ARIMA_MEAN; k++) {
			double u = 2.0 * noise();

			part[k] = copysign(1.0 - pow(10.0, -5.0 *
			    fabs(u)) , u) * ARIMA_EXACT_ROOT;
		}
		arima_of_partial(part, 1.0, m.b + ARIMA_PHI);
		arima_of_partial(part + 3, -1.0, m.b + ARIMA_THETA);
		m.b[ARIMA_SPHI] = part[6];
		m.b[ARIMA_STHETA] = part[7];
		arima_likelihood(w, 1, N, 24, 28, 0.0, &m, ~none, &past, &x);
		check(isnan(x.sse) || (x.sse >= 0.0 && x.log_var > -1.0),
		    "a likelihood that cannot be");
	}
}

/* Estimates of a simulated ARMA(1,1) with gaps come near its parameters. */
static void
test_estimates(void)
{
	static double z[6000];
	const int col[] = { 0, 3, 8 };
	struct arima_par m = { .b = { 0 } };
	struct arima_ring r = ring(1);
	struct arima_sums sums;
	double w = 0.0, e = 0.0;

	for (int t = 0; t < 6000; t++) {
		double now = noise();

		w = 0.7 * w + now + 0.3 * e;
		e = now;
		z[t] = t % 10 == 3 ? NAN : 5.0 + w;
	}
	m.b[ARIMA_MEAN] = 4.0;
	arima_descend(z, 1, 0, 6000, 1, 0, 1, &m, &r, col, 3, NULL, 20, &sums);
	near(m.b[0], 0.7, 0.05, "phi");
	near(m.b[3], 0.3, 0.06, "theta");
	near(m.b[8], 5.0, 0.1, "mean");
	/* Behind a gap errors are larger. */
	near(sums.sse / sums.n, 1.0 / 12, 0.015, "variance");
	check(sums.n == 5399, "steps that count");
}

static void
test_smoothing(void)
{
	double z[] = { 10, 12, NAN, 11 }, idx[2] = { 0, 0 }, seas[2], f[3];
	double k, sse, cycle[48], sidx[12], count[12], trend[48];
	struct ets_par m = { .x = { 0.5, 0, 0, 0.9 } };
	int64_t at = 4;

	/* Levels 10, 11, 11, 11 and errors 0, 2, none, 0. */
	ets_ring(seas, idx, 1, 0);
	sse = ets_pass(z, 1, 4, 1, 0, &m, 10, seas, &k);
	near(sse, 4, 1e-12, "sum of squares of smoothing");
	near(k, 3, 0, "steps of smoothing");
	ets_roll(z, 1, 4, 1, &m, 10, seas, &at, 1, 3, f);
	near(f[2], 11, 1e-12, "forecast of smoothing");
	ets_sd(&m, 4, 1, 3, f);
	near(f[0], 2, 1e-12, "spread 1");
	near(f[2], 2 * sqrt(1 + 2 * 0.25), 1e-12, "spread 3");
	/* A cycle on a line is all season: the indices are the cycle's. */
	for (int t = 0; t < 48; t++)
		cycle[t] = 3 + 0.5 * t + (t % 12 == 5 ? 11 : -1);
	season_indices(cycle, 1, 48, 12, 0, 48, -1, 0, sidx, count, trend);
	for (int t = 0; t < 12; t++)
		near(sidx[season_phase(48, t, 12)], t == 5 ? 11 : -1, 1e-9,
		    "seasonal index");
}

/* Theta of a straight line: B is 6 / ((n)(n+1)) weighted, here just its
 * slope, and the forecasts with theta = 1 stay at the level. */
static void
test_theta(void)
{
	double z[40], idx[1] = { 0 }, a[40], b[40], f[4], k, level, kappa;
	struct theta_par m = { 0.5, 0.0 };
	int64_t at = 40;

	for (int t = 0; t < 40; t++)
		z[t] = 7 + 2 * t;
	theta_lines(z, 1, 40, idx, 1, 0, a, b);
	near(b[39], 2, 1e-9, "slope of the running line");
	near(a[39], 5, 1e-9, "its start, a step before the first");
	theta_roll(z, 1, 40, idx, 1, 0, &m, 7, &at, 1, 4, f);
	near(f[0], f[3], 1e-9, "without the line, level");
	(void)theta_pass(z, 1, 40, idx, 1, 0, a, b, 0.5, NULL, &kappa, &level,
	    &k);
	check(kappa > 0.9, "a line wants all of its slope");
	m.kappa = kappa;
	theta_roll(z, 1, 40, idx, 1, 0, &m, level, &at, 1, 4, f);
	near(f[3], 7 + 2 * 43, 1.0, "forecast of a line");
}

/* Against libm; the ends of the numbers, and what has no logarithm. */
static void
test_log(void)
{
	double x = 1e-310;

	for (; x < 1e308; x *= 1.37)
		near(v_log(x), log(x), 4e-16 * fabs(log(x)), "log");
	for (x = 0.7; x < 1.42; x += 1e-4)
		near(v_log(x), log(x), 5e-16 * fabs(log(x)), "log near 1");
	check(v_log(1.0) == 0.0, "log of 1");
	check(v_log(0.0) == -INFINITY && v_log(-0.0) == -INFINITY,
	    "log of 0");
	check(v_log(INFINITY) == INFINITY, "log of infinity");
	check(isnan(v_log(NAN)) && isnan(v_log(-1.0)), "no log");
}

int
main(void)
{
	test_log();
	test_cascade();
	test_psi();
	test_project();
	test_exact();
	test_estimates();
	test_smoothing();
	test_theta();
	if (failures > 0)
		printf("%d failed\n", failures);
	return failures > 0;
}
