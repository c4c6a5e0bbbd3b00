/* SPDX-License-Identifier: MIT */
/*
 * The way to a device and back.  As a unit it brings a device of its own
 * (device_stand_in.h), and what comes back must be, bit by bit, what the CPU
 * gives: chunks, streams and lengths of all kinds.  With VMF_REAL_DEVICE the
 * same jobs go through gpu/ and a GPU, and may be as far apart as vmf(7) says.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
#include "base/thread.h"
#include "forecast/device.h"
#include "forecast/panel.h"
#include "learn/boost.h"
}

#ifdef VMF_REAL_DEVICE
#define TOLERANCE 1e-9		/* in parts of each parameter */
#define TOLERANCE_F 1e-6	/* in parts of the largest forecast */
#else
#include "device_stand_in.h"
#define TOLERANCE 0.0
#define TOLERANCE_F 0.0
#endif

#define FLOOR 1e-3

static int failures;

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	printf("%s\n", what);
	failures++;
}

static double
noise(void)
{
	static uint32_t x = 1;

	x = x * 1664525u + 1013904223u;
	return (double)x / 4294967296.0 - 0.5;
}

enum { JOBS = 203, STEPS = 260, HORIZON = 30, LEVELS = 3 };
#define ARIMA (1u << VMF_M_ARIMA)
#define REST (((1u << VMF_N_MEMBERS) - 1) & ~ARIMA)

struct fleet {
	double y[JOBS][STEPS];
	struct vmf_slice slice[JOBS];
	struct vmf_fit fit[JOBS];
	struct vmf_forecast f[JOBS];
	struct vmf_panel_job job[JOBS];
};

/* Lengths to both sides of VMF_SHORT_STEPS, seasons, gaps. */
static void
make(struct fleet *a)
{
	struct vmf_quantiles q = { };
	struct vmf_err e;

	if (vmf_quantiles_parse(&q, "0.1,0.5,0.9", "levels", &e) != 0)
		exit(1);
	for (int i = 0; i < JOBS; i++) {
		int64_t n = i < 90 ? STEPS - i % 40 : 120, season =
		    i < 140 ? 24 : i < 180 ? 7 : 1;

		for (int64_t t = 0; t < n; t++)
			a->y[i][t] = noise() > 0.45 ? NAN : 20 + i + 5 *
			    sin(6.283185307 * (double)t / (double)season) +
			    3 * noise();
		a->y[i][n - 1] = 20;
		a->slice[i] = { };
		a->slice[i].y = a->y[i];
		a->slice[i].n = n;
		a->slice[i].gap = i % 11 == 4 ? 3 : 0;
		a->job[i] = { };
		a->job[i].y = &a->slice[i];
		a->job[i].season = season;
		a->job[i].fit = &a->fit[i];
		if (vmf_forecast_init(&a->f[i], HORIZON, &q, &e) != 0)
			exit(1);
	}
}

/* No further apart than tol, in parts of each of a or of the largest, and of
 * FLOOR where that is more; NaN is near NaN alone. */
static bool
is_near(const double *a, const double *b, int64_t n, bool each, double tol)
{
	double top = 0;

	for (int64_t k = 0; k < n && !each; k++)
		top = fmax(top, fabs(a[k]));
	for (int64_t k = 0; k < n; k++) {
		double size = fmax(each ? fabs(a[k]) : top, FLOOR);

		if (!(fabs(a[k] - b[k]) <= tol * size) && !(isnan(a[k]) &&
		    isnan(b[k])) && a[k] != b[k])
			return false;
	}
	return true;
}

/* A small parameter beside a large one is not lost. */
static void
test_near(void)
{
	const double a[] = { 4e3, 0.5, 1e-7, NAN };
	const double small[] = { 4e3, 0.5 + 1e-8, 1e-7, NAN };
	const double tiny[] = { 4e3, 0.5, 1e-7 + 1e-13, NAN };
	const double none[] = { 4e3, NAN, 1e-7, NAN };

	check(is_near(a, a, 4, true, 1e-9) && is_near(a, a, 4, false, 1e-6) &&
	    is_near(a, tiny, 4, true, 1e-9) &&
	    is_near(a, small, 4, false, 1e-6), "what is near is not");
	check(!is_near(a, small, 4, true, 1e-9) &&
	    !is_near(a, none, 4, true, 1e-9) &&
	    !is_near(none, a, 4, false, 1e-6), "what is not near is");
}

/* The numbers of a job: parameters with the MASE, or the forecast. */
static int64_t
numbers(const struct fleet *a, int i, bool fit, double *to)
{
	const struct vmf_forecast *f = &a->f[i];
	int64_t n = 0;

	for (int64_t k = 0; fit && k < a->fit[i].n_params; k++)
		to[n++] = a->fit[i].params[k];
	if (fit)
		to[n++] = a->fit[i].mase;
	for (int64_t k = 0; !fit && k < f->h; k++)
		to[n++] = f->mean[k];
	for (int64_t k = 0; !fit && k < f->h * LEVELS; k++)
		to[n++] = f->q[k];
	return n;
}

static void
same(const struct fleet *a, const struct fleet *b, const char *what)
{
	double x[VMF_PANEL_PARAMS + 1], y[VMF_PANEL_PARAMS + 1];
	int equal = 0;

	static_assert(HORIZON * (LEVELS + 1) <= VMF_PANEL_PARAMS, "room");
	for (int i = 0; i < JOBS; i++)
		for (int fit = 0; fit < 2; fit++) {
			int64_t n = numbers(a, i, fit, x);
			double tol = fit ? TOLERANCE : TOLERANCE_F;

			if (n != numbers(b, i, fit, y) ||
			    a->fit[i].n_params == 0) {
				printf("%s: job %d has another number of "
				    "parameters, or none\n", what, i);
				failures++;
				return;
			}
			if (memcmp(x, y, (size_t)n * sizeof(*x)) == 0) {
				equal++;
				continue;
			}
			if (tol > 0 && is_near(x, y, n, fit != 0, tol))
				continue;
			printf("%s: %s of job %d differs\n", what, fit ?
			    "fit" : "forecast", i);
			failures++;
			return;
		}
#ifdef VMF_REAL_DEVICE
	printf("%s: %d of %d fits and forecasts with the same bytes\n", what,
	    equal, 2 * JOBS);
#endif
}

/* Without it nothing else can be tried. */
static void
must(int rc, const struct vmf_err *e)
{
	if (rc == 0)
		return;
	printf("%s\n", e->msg);
	exit(1);
}

/* Fit, fit some again from there, forecast. */
static void
run_all(struct fleet *a, unsigned members, const struct vmf_panel *how)
{
	struct vmf_err e = { "" };

	for (int i = 0; i < JOBS; i++) {
		a->job[i].with = NULL;
		a->job[i].f = NULL;
	}
	must(vmf_panel_fit(a->job, JOBS, members, how, &e), &e);
	/* Jobs change places, and keep what is theirs. */
	for (int i = 0; i < JOBS; i++)
		a->job[i].with = (a->job[i].fit - a->fit) % 50 < 20 ?
		    a->job[i].fit : NULL;
	must(vmf_panel_fit(a->job, JOBS, members, how, &e), &e);
	for (int i = 0; i < JOBS; i++) {
		a->job[i].with = a->job[i].fit;
		a->job[i].f = &a->f[a->job[i].fit - a->fit];
	}
	must(vmf_panel_predict(a->job, JOBS, how, &e), &e);
}

/* The same by a device with so many streams, and memory for few or all. */
static void
beside(const struct fleet *cpu, struct fleet *dev, unsigned members,
    int streams, int small)
{
	struct vmf_panel how = { &vmf_lanes_plain, 2, NULL };
	struct vmf_device_work w;
	struct vmf_err e = { "" };
	char what[64];

	snprintf(what, sizeof(what), "members %#x, %d streams%s", members,
	    streams, small ? ", little memory" : "");
	must(vmf_device_open(&how.device, streams, &e), &e);
#ifndef VMF_REAL_DEVICE
	how.device->bytes = (int64_t)(small ? 2 : 16) << 20;
	how.device->wait_for = streams > 1;
#endif
	run_all(dev, members, &how);
	same(cpu, dev, what);
	vmf_device_tally(how.device, &w);
	check(w.n_blocks >= 3 * JOBS / VMF_DEVICE_W, "blocks");
	check(w.n_batches >= 9, "batches");
	check(w.n_streams >= (streams > 1 ? 2 : 1), "one stream has it all");
	vmf_device_free(how.device);
}

#ifdef VMF_REAL_DEVICE

/* All members of all lengths, which takes a CPU some time. */
static void
more(struct fleet *cpu, struct fleet *dev)
{
	struct vmf_panel best = { NULL, vmf_cores(), NULL };

	run_all(cpu, ARIMA, &best);
	beside(cpu, dev, ARIMA, 4, 0);
}

#else

/* One batch takes as long as all others together: these go through the other
 * stream, and do not wait for it. */
static void
one_is_long(struct fleet *dev)
{
	struct vmf_panel how = { &vmf_lanes_plain, 2, NULL };
	struct vmf_err e = { "" };
	int64_t runs = 0;

	for (int lap = 0; lap < 2; lap++) {
		if (vmf_device_open(&how.device, 2, &e) != 0)
			exit(1);
		how.device->bytes = 1 << 20;
		how.device->wait_for = runs > 0 ? runs - 1 : 0;
		for (int i = 0; i < JOBS; i++)
			dev->job[i].with = NULL;
		check(vmf_panel_fit(dev->job, JOBS, REST, &how, &e) == 0,
		    e.msg);
		runs = how.device->runs;
		check(runs >= 6, "batches to wait for");
		vmf_device_free(how.device);
	}
}

/* Which device a word takes, and what is said where it takes none. */
static void
words(const char *word, unsigned on, int code, bool opens, const char *says)
{
	struct vmf_panel how = { NULL, 2, NULL };
	struct vmf_err e = { "" };
	char note[512];
	int rc = vmf_panel_device(&how, word, on, note, sizeof(note),
	    &e);

	check(rc == code, rc != 0 ? e.msg : "a word was taken");
	check((how.device != NULL) == opens, "opens");
	check(strstr(rc != 0 ? e.msg : note, says) != NULL &&
	    (*says != '\0' || rc != 0 || note[0] == '\0'),
	    rc != 0 ? e.msg : note);
	vmf_device_free(how.device);
}

static void
all_words(void)
{
	struct vmf_err e = { "" };

	words(NULL, VMF_ON_LANES, 0, false, "");
	words("", VMF_ON_LANES, 0, false, "");
	words("cpu", VMF_ON_LANES, 0, false, "");
	words("gpu", VMF_ON_LANES, 0, true, "");
	words("auto", VMF_ON_LANES, 0, true, "");
	words("gpus", VMF_ON_LANES, VMF_EUSAGE, false,
	    "expected cpu, gpu or auto");
	/* Nothing that it could do. */
	words("gpu", 0, 0, false, "");
	words("auto", 0, 0, false, "");
	/* One for games. */
	stand_in_ratio = 64;
	words("auto", VMF_ON_LANES, 0, false,
	    "64 times slower with doubles");
	words("gpu", VMF_ON_LANES, 0, true, "");
	stand_in_ratio = 2;
	stand_in_is_broken = true;
	words("auto", VMF_ON_LANES, 0, false,
	    "no room on a test: the CPU is taken");
	words("gpu", VMF_ON_LANES, VMF_EDEV, true, "no room on a test");
	stand_in_is_broken = false;
	stand_in_is_none = true;
	words("auto", VMF_ON_LANES, 0, false, "");
	words("gpu", 0, VMF_EDEV, false, "there is none: nothing here");
	stand_in_is_none = false;
	if (vmf_boost_gpu(&e) == 0)
		return;
	/* One that XGBoost cannot use, but the lanes can. */
	words("gpu", VMF_ON_TREES, VMF_EDEV, false, e.msg);
	words("auto", VMF_ON_TREES, 0, false, e.msg);
	words("auto", VMF_ON_TREES | VMF_ON_LANES, 0, true,
	    "the CPU is taken (VMF_DEVICE=gpu insists)");
}

/* What cannot be, and what fails on the way. */
static void
more(struct fleet *cpu, struct fleet *dev)
{
	struct vmf_panel how = { &vmf_lanes_plain, 2, NULL };
	struct vmf_device *d = NULL;
	struct vmf_err e = { "" };

	if (vmf_device_open(&d, 2, &e) != 0)
		exit(1);
	how.device = d;
	d->bytes = 100000;
	for (int i = 0; i < JOBS; i++)
		dev->job[i].with = NULL;
	check(vmf_panel_fit(dev->job, JOBS, REST, &how, &e) == VMF_EDEV &&
	    strstr(e.msg, "32 series of 63 steps need") != NULL, e.msg);
	d->bytes = 16 << 20;
	d->no_host = true;
	check(vmf_panel_fit(dev->job, JOBS, REST, &how, &e) == VMF_EDEV &&
	    strstr(e.msg, "no host memory") != NULL, e.msg);
	/* Where it may, the CPU does it: all of it, the same. */
	how.fall_back = true;
	run_all(dev, ARIMA, &how);
	same(cpu, dev, "no host memory: the CPU");
	d->no_host = false;
	d->bytes = 100000;
	run_all(dev, ARIMA, &how);
	same(cpu, dev, "no memory of the device: the CPU");
	check(d->runs == 0, "batches without memory");
	how.fall_back = false;
	for (int i = 0; i < JOBS; i++) {
		dev->job[i].with = NULL;
		dev->job[i].f = NULL;
	}
	/* More than the host's part holds, which is 4 MiB here. */
	d->bytes = 64 << 20;
	dev->slice[0].gap = 17000;
	check(vmf_panel_fit(dev->job, JOBS, REST, &how, &e) == 0, e.msg);
	dev->slice[0].gap = 0;
	d->bytes = 16 << 20;
	d->fail_at = d->runs + 1;
	check(vmf_panel_fit(dev->job, JOBS, REST, &how, &e) == VMF_EDEV &&
	    strstr(e.msg, "fit_kernel on a test") != NULL, e.msg);
	vmf_device_free(d);
}

#endif

/* Histories of so many steps, and of half as many. */
static void
shorten(struct fleet *a, int n)
{
	for (int i = 0; i < JOBS; i++)
		a->slice[i].n = i < 40 ? n : n / 2;
}

int
main(void)
{
	static struct fleet cpu, dev;
	struct vmf_panel plain = { &vmf_lanes_plain, 2, NULL };

	test_near();
	make(&cpu);
	make(&dev);
	memcpy(dev.y, cpu.y, sizeof(cpu.y));
	run_all(&cpu, REST, &plain);
	for (int streams = 1; streams <= 3; streams++)
		for (int small = 0; small < 2; small++)
			beside(&cpu, &dev, REST, streams, small);
#ifdef VMF_REAL_DEVICE
	more(&cpu, &dev);
#endif
	/* Short ones, as arima takes its time. */
	shorten(&cpu, 60);
	shorten(&dev, 60);
	run_all(&cpu, ARIMA, &plain);
	beside(&cpu, &dev, ARIMA, 2, 1);
#ifndef VMF_REAL_DEVICE
	one_is_long(&dev);
	all_words();
	more(&cpu, &dev);
#endif
	for (int i = 0; i < JOBS; i++) {
		vmf_fit_free(&cpu.fit[i]);
		vmf_fit_free(&dev.fit[i]);
		vmf_forecast_free(&cpu.f[i]);
		vmf_forecast_free(&dev.f[i]);
	}
	if (failures > 0)
		printf("%d failed\n", failures);
	return failures > 0;
}
