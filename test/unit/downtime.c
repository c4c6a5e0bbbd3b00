/* SPDX-License-Identifier: MIT */
/* Arithmetic of pre-copy by hand, and what kriging must do: go through what
 * was measured, interpolate, be sure of what is near, and leave one out as
 * if it had never been there. */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "downtime/kriging.h"
#include "downtime/precopy.h"

static struct vmf_err err;

static int
near(double a, double b, double tol)
{
	return fabs(a - b) <= tol;
}

static void
test_precopy(void)
{
	struct vmf_precopy_in in = { .bytes = 1000e6, .dirty_bytes_s = 50e6,
	    .bandwidth_bytes_s = 100e6, .limit_ms = 700.0 };
	struct vmf_precopy p = vmf_precopy(&in);

	/* 10 s, 5, 2.5, 1.25; then 0.625 s are left. */
	assert(p.rounds == 4 && p.converges);
	assert(near(p.downtime_ms, 625.0 + VMF_PRECOPY_SWITCH_MS, 1e-6));
	assert(near(p.total_ms, 19375.0 + VMF_PRECOPY_SWITCH_MS, 1e-6));
	assert(near(p.bytes, 1937.5e6, 1e-3));
	in.dirty_bytes_s = 100e6;
	p = vmf_precopy(&in);
	assert(!p.converges && p.rounds == VMF_PRECOPY_ROUNDS);
	in.auto_converge = true;
	p = vmf_precopy(&in);
	assert(p.converges && p.rounds < VMF_PRECOPY_ROUNDS);
	in.mode = VMF_MODE_HYBRID;
	p = vmf_precopy(&in);
	assert(p.converges && p.rounds == 1);
	assert(near(p.downtime_ms, VMF_PRECOPY_SWITCH_MS, 0.0));
	in = (struct vmf_precopy_in){ .bytes = NAN, .dirty_bytes_s = NAN,
	    .bandwidth_bytes_s = -1.0, .limit_ms = INFINITY };
	p = vmf_precopy(&in);
	assert(p.converges && isfinite(p.total_ms) && p.total_ms > 8000.0);
}

static struct vmf_site
site_of(int work, double octave)
{
	struct vmf_site s = { .workload = work, .trend = octave };

	for (int k = 0; k < VMF_SITE_Z; k++)
		s.z[k] = NAN;
	s.z[VMF_FACT_MEM] = octave;
	return s;
}

/* Three workloads, six sizes: what is learned is linear in the octaves. */
static double
truth(int work, double octave)
{
	return 0.5 * work + 0.3 * (octave - 32.0);
}

static void
test_kriging(void)
{
	const struct vmf_krig_opts o = { 0.3, 2.0, 1.5, 0.1, 1e-4 };
	struct vmf_site site[18], s;
	double v[18], w[18], tmp[36], value, sd, far;
	struct vmf_krig k;

	for (int i = 0; i < 18; i++) {
		site[i] = site_of(i / 6, 30.0 + i % 6);
		v[i] = truth(i / 6, 30.0 + i % 6);
		w[i] = 10.0;
	}
	assert(vmf_krig_fit(&k, site, v, w, 18, &o, &err) == 0);
	for (int i = 0; i < 18; i++) {
		vmf_krig_at(&k, &site[i], tmp, &value, &sd);
		assert(near(value, v[i], 0.01) && sd < 0.05);
		assert(near(k.loo[i], v[i], 0.15));
		assert(k.loo_sd[i] > sd);
	}
	s = site_of(1, 32.5);
	vmf_krig_at(&k, &s, tmp, &value, &sd);
	assert(near(value, truth(1, 32.5), 0.02));
	s = site_of(-2, 32.5);
	vmf_krig_at(&k, &s, tmp, &value, &far);
	assert(far > 3.0 * sd && isfinite(value));
	s = site_of(1, 50.0);
	vmf_krig_at(&k, &s, tmp, &value, &far);
	assert(far > 3.0 * sd && isfinite(value));
	vmf_krig_free(&k);
	/* Options found, not given; then no site at all, and one. */
	assert(vmf_krig_fit(&k, site, v, w, 18, NULL, &err) == 0);
	assert(k.opts.noise > 0.0 && k.opts.words > 0.0);
	vmf_krig_free(&k);
	assert(vmf_krig_fit(&k, NULL, NULL, NULL, 0, NULL, &err) == 0);
	vmf_krig_at(&k, &s, tmp, &value, &sd);
	assert(near(value, 0.0, 0.0) && near(sd, 0.0, 0.0));
	vmf_krig_free(&k);
	assert(vmf_krig_fit(&k, site, v, w, 1, NULL, &err) == 0);
	vmf_krig_at(&k, &site[0], tmp, &value, &sd);
	assert(near(value, v[0], 1e-6));
	vmf_krig_free(&k);
}

/* To leave a site out is to learn from the others, of the same mean. */
static void
test_leave_out(void)
{
	const struct vmf_krig_opts o = { 0.3, 2.0, 1.5, 0.1, 0.05 };
	struct vmf_site site[8];
	double v[8] = { 1, -1, 2, -2, 1.5, -1.5, 0.5, -0.5 }, w[8], x[16];
	struct vmf_krig all;

	for (int i = 0; i < 8; i++) {
		site[i] = site_of(i % 2, 30.0 + i / 2);
		w[i] = 1.0 + i;
	}
	assert(vmf_krig_fit(&all, site, v, w, 8, &o, &err) == 0);
	for (int out = 0; out < 8; out++) {
		/* The last row of a factor is the last site's: solve again
		 * with this one after all others. */
		struct vmf_site t[8];
		double u[8], n[8], sum = 0.0;
		struct vmf_krig k;

		for (int i = 0, j = 0; i < 8; i++)
			if (i != out) {
				t[j] = site[i];
				u[j] = v[i];
				n[j++] = w[i];
			}
		t[7] = site[out];
		u[7] = v[out];
		n[7] = w[out];
		assert(vmf_krig_fit(&k, t, u, n, 8, &o, &err) == 0);
		/* L x = v - mean of the first seven; row 8 times x is the
		 * mean at the eighth given those. */
		for (int i = 0; i < 7; i++) {
			x[i] = u[i] - k.mean;
			for (int j = 0; j < i; j++)
				x[i] -= k.chol[i * 8 + j] * x[j];
			x[i] /= k.chol[i * 8 + i];
			sum += k.chol[7 * 8 + i] * x[i];
		}
		assert(near(all.loo[out], k.mean + sum, 1e-9));
		vmf_krig_free(&k);
	}
	vmf_krig_free(&all);
}

static double
draw(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return (double)(*state >> 8) / 0x1p23 - 1.0;
}

static double
next_of(FILE *f)
{
	double v;

	assert(fscanf(f, "%lf", &v) == 1);
	return v;
}

/* Three processes of the same 24 sites, beside test/reference/kriging.py. */
static void
test_all(void)
{
	const struct vmf_krig_opts o[3] = { { 0.1, 2.0, 0.7, 0.02, 0.05 },
	    { 0.3, 4.0, 1.5, 0.1, 0.2 }, { 0.3, 4.0, 1.5, 0.1, 1.0 } };
	struct vmf_site site[24], far[2] = { site_of(1, 31.5),
	    site_of(-2, 33.0) };
	double v[24 * 3], w[24], tmp[48], at[2][3], sd[2];
	FILE *f = fopen("test/reference/kriging.txt", "r");
	struct vmf_krig k[3];
	uint32_t state = 7;
	char line[80];

	if (f == NULL) {
		printf("no test/reference/kriging.txt\n");
		exit(1);
	}
	assert(fgets(line, sizeof(line), f) != NULL && line[0] == '#');
	far[0].tokens = 1;
	for (int i = 0; i < 24; i++) {
		site[i] = site_of(i / 8, 30.0 + i / 2 % 4);
		site[i].tokens = (uint64_t)(i % 2);
		w[i] = 1.0 + i % 5;
	}
	for (int i = 0; i < 24 * 3; i++)
		v[i] = draw(&state);
	assert(vmf_krig_fit_all(k, 3, site, v, w, 24, o, true, &err) == 0);
	assert(k[0].chol == NULL && k[1].chol != NULL && k[2].chol == NULL);
	for (int i = 0; i < 2; i++)
		vmf_krig_at_all(k, 3, &far[i], tmp, at[i], &sd[i]);
	for (int j = 0; j < 3; j++) {
		for (int i = 0; i < 24; i++) {
			assert(near(k[j].loo[i], next_of(f), 1e-6));
			assert(j != 1 || near(k[j].loo_sd[i], next_of(f),
			    1e-6));
		}
		for (int i = 0; i < 2; i++) {
			assert(near(at[i][j], next_of(f), 1e-6));
			assert(j != 1 || near(sd[i], next_of(f), 1e-6));
		}
	}
	fclose(f);
	for (int j = 0; j < 3; j++)
		vmf_krig_free(&k[j]);
	/* Options found together are those found alone. */
	assert(vmf_krig_fit_all(k, 3, site, v, w, 24, NULL, false,
	    &err) == 0);
	for (int j = 0; j < 3; j++) {
		struct vmf_krig own;
		double u[24];

		for (int i = 0; i < 24; i++)
			u[i] = v[i * 3 + j];
		assert(vmf_krig_fit(&own, site, u, w, 24, NULL, &err) == 0);
		assert(memcmp(&own.opts, &k[j].opts, sizeof(own.opts)) == 0);
		vmf_krig_free(&own);
		vmf_krig_free(&k[j]);
	}
}

int
main(void)
{
	test_precopy();
	test_kriging();
	test_leave_out();
	test_all();
	return 0;
}
