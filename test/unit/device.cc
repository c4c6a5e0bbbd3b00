/* SPDX-License-Identifier: MIT */
/*
 * The way to a device and back, without one: this program brings its own
 * vmf_device_*, whose memory is far from the host's and whose threads are
 * loops over the text compiled for the CPU.  What comes back must be, bit by
 * bit, what the CPU gives; chunks, streams and lengths of all kinds.
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
#include "forecast/device.h"
#include "forecast/panel.h"
}
#include "forecast/lanes_strided.h"

struct vmf_device {
	int n;
	int64_t bytes;
	void *host[VMF_DEVICE_STREAMS], *mem[VMF_DEVICE_STREAMS];
	int busy[VMF_DEVICE_STREAMS];
	int64_t runs, blocks, fail_at;
	pthread_mutex_t lock;
};

static int failures;

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	printf("%s\n", what);
	failures++;
}

bool
vmf_device_find(char *text, size_t size)
{
	snprintf(text, size, "a test");
	return true;
}

int
vmf_device_open(struct vmf_device **out, int n_streams, struct vmf_err *e)
{
	struct vmf_device *d = (struct vmf_device *)calloc(1, sizeof(*d));

	if (d == NULL)
		return vmf_fail(e, VMF_ENOMEM, "memory");
	d->n = n_streams;
	d->fail_at = -1;
	pthread_mutex_init(&d->lock, NULL);
	*out = d;
	return 0;
}

static void
drop(struct vmf_device *d, int i)
{
	free(d->host[i]);
	free(d->mem[i]);
	d->host[i] = d->mem[i] = NULL;
}

void
vmf_device_free(struct vmf_device *d)
{
	if (d == NULL)
		return;
	for (int i = 0; i < d->n; i++)
		drop(d, i);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

int
vmf_device_streams(const struct vmf_device *d)
{
	return d->n;
}

int64_t
vmf_device_bytes(const struct vmf_device *d)
{
	return d->bytes;
}

const char *
vmf_device_name(const struct vmf_device *d)
{
	(void)d;
	return "a test";
}

void
vmf_device_tally(struct vmf_device *d, struct vmf_device_work *w)
{
	*w = { };
	w->n_blocks = d->blocks;
}

/* New memory each time, full of what nobody wrote. */
int
vmf_device_memory(struct vmf_device *d, int i, int64_t bytes, void **host,
    void **dev, struct vmf_err *e)
{
	drop(d, i);
	d->host[i] = aligned_alloc(256, (size_t)(bytes + 255) / 256 * 256);
	d->mem[i] = aligned_alloc(256, (size_t)d->bytes);
	if (d->host[i] == NULL || d->mem[i] == NULL)
		return vmf_fail(e, VMF_ENOMEM, "memory");
	memset(d->host[i], 0x7f, (size_t)bytes);
	memset(d->mem[i], 0xff, (size_t)d->bytes);
	*host = d->host[i];
	*dev = d->mem[i];
	return 0;
}

/* Every array of the block lies within the device's memory. */
static bool
is_inside(const struct vmf_device *d, int i, const double *p, int64_t n)
{
	const char *from = (const char *)d->mem[i], *q = (const char *)p;

	return q >= from && q + n * 8 <= from + d->bytes &&
	    (uintptr_t)q % 64 == 0;
}

static bool
is_block_inside(const struct vmf_device *d, int i, const struct vmf_block *b,
    bool fit)
{
	int64_t w = VMF_TILE, leads = b->horizon * (fit ? b->n_origins : 1);
	bool ok = is_inside(d, i, b->y, w * b->n) &&
	    is_inside(d, i, b->first, w) && is_inside(d, i, b->hold, w) &&
	    is_inside(d, i, (const double *)b->origin, b->n_origins) &&
	    is_inside(d, i, (const double *)b->at, b->n_origins) &&
	    is_inside(d, i, b->room, vmf_lanes_room(b->n, b->season,
	    b->horizon, VMF_TILE));

	for (int m = 0; m < VMF_N_MEMBERS; m++)
		if (b->members >> m & 1)
			ok = ok && is_inside(d, i, b->par[m],
			    w * VMF_MEMBER_PARAMS) &&
			    is_inside(d, i, b->f[m], w * leads) &&
			    is_inside(d, i, b->sd[m], w * b->horizon);
	return ok;
}

int
vmf_device_run(struct vmf_device *d, int i, const struct vmf_device_batch *b,
    struct vmf_err *e)
{
	const struct vmf_block *block = (const struct vmf_block *)d->mem[i];
	char *host = (char *)d->host[i], *mem = (char *)d->mem[i];
	int64_t run;

	pthread_mutex_lock(&d->lock);
	check(i >= 0 && i < d->n && !d->busy[i], "a stream of two threads");
	d->busy[i] = 1;
	run = d->runs++;
	d->blocks += b->n_blocks;
	pthread_mutex_unlock(&d->lock);
	if (run == d->fail_at)
		return vmf_fail(e, VMF_EDEV, "fit_kernel on a test: failed");
	memcpy(mem, host, (size_t)b->in);
	for (int64_t k = 0; k < b->n_blocks; k++) {
		if (!is_block_inside(d, i, &block[k], b->fit)) {
			check(false, "an array is not in the device's memory");
			continue;
		}
		for (int lane = 0; lane < VMF_TILE; lane++)
			if (b->fit)
				fit_lane(&block[k], lane);
			else
				predict_lane(&block[k], lane);
	}
	memcpy(host + b->out, mem + b->out, (size_t)(b->end - b->out));
	pthread_mutex_lock(&d->lock);
	d->busy[i] = 0;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static double
noise(void)
{
	static uint32_t x = 1;

	x = x * 1664525u + 1013904223u;
	return (double)x / 4294967296.0 - 0.5;
}

enum { JOBS = 203, STEPS = 200, HORIZON = 30 };
#define ARIMA (1u << VMF_M_ARIMA)
#define REST (((1u << VMF_N_MEMBERS) - 1) & ~ARIMA)

struct fleet {
	double y[JOBS][STEPS];
	struct vmf_slice slice[JOBS];
	struct vmf_fit fit[JOBS];
	struct vmf_forecast f[JOBS];
	struct vmf_panel_job job[JOBS];
};

/* Lengths, seasons, gaps; some jobs begin from an estimate. */
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

static void
same(const struct fleet *a, const struct fleet *b, const char *what)
{
	for (int i = 0; i < JOBS; i++) {
		const struct vmf_fit *x = &a->fit[i], *y = &b->fit[i];
		size_t n = (size_t)a->f[i].h;

		if (x->n_params != y->n_params || memcmp(x->params, y->params,
		    (size_t)x->n_params * sizeof(double)) != 0 ||
		    memcmp(&x->mase, &y->mase, sizeof(double)) != 0) {
			printf("%s: fit of job %d differs\n", what, i);
			failures++;
			return;
		}
		if (memcmp(a->f[i].mean, b->f[i].mean, n * 4) != 0 ||
		    memcmp(a->f[i].q, b->f[i].q, n * 4 * 3) != 0) {
			printf("%s: forecast of job %d differs\n", what, i);
			failures++;
			return;
		}
	}
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
	check(vmf_panel_fit(a->job, JOBS, members, how, &e) == 0, e.msg);
	for (int i = 0; i < JOBS; i++)
		a->job[i].with = i % 50 < 20 ? &a->fit[i] : NULL;
	check(vmf_panel_fit(a->job, JOBS, members, how, &e) == 0, e.msg);
	for (int i = 0; i < JOBS; i++) {
		a->job[i].with = &a->fit[i];
		a->job[i].f = &a->f[i];
	}
	check(vmf_panel_predict(a->job, JOBS, how, &e) == 0, e.msg);
}

/* The same by a device with so many streams, and memory for few or all. */
static void
beside(const struct fleet *cpu, struct fleet *dev, unsigned members,
    int streams, int small)
{
	struct vmf_panel how = { &vmf_lanes_plain, 2, NULL };
	struct vmf_err e = { "" };

	if (vmf_device_open(&how.device, streams, &e) != 0)
		exit(1);
	how.device->bytes = (int64_t)(small ? 2 : 16) << 20;
	run_all(dev, members, &how);
	same(cpu, dev, small ? "small" : "large");
	check(how.device->blocks >= 3 * JOBS / VMF_TILE, "blocks");
	check(how.device->runs >= (small ? 9 : 3), "runs");
	vmf_device_free(how.device);
}

int
main(void)
{
	static struct fleet cpu, dev;
	struct vmf_panel plain = { &vmf_lanes_plain, 2, NULL };
	struct vmf_panel how = { &vmf_lanes_plain, 2, NULL };
	struct vmf_device *d = NULL;
	struct vmf_err e = { "" };

	make(&cpu);
	memcpy(dev.y, cpu.y, sizeof(cpu.y));
	make(&dev);
	memcpy(dev.y, cpu.y, sizeof(cpu.y));
	run_all(&cpu, REST, &plain);
	for (int streams = 1; streams <= 3; streams++)
		for (int small = 0; small < 2; small++)
			beside(&cpu, &dev, REST, streams, small);
	/* Short ones, as arima takes its time. */
	for (int i = 0; i < JOBS; i++)
		cpu.slice[i].n = dev.slice[i].n = i < 40 ? 60 : 30;
	run_all(&cpu, ARIMA, &plain);
	beside(&cpu, &dev, ARIMA, 2, 1);
	/* What cannot be, and what fails on the way. */
	if (vmf_device_open(&d, 2, &e) != 0)
		return 1;
	how.device = d;
	d->bytes = 100000;
	for (int i = 0; i < JOBS; i++)
		dev.job[i].with = NULL;
	check(vmf_panel_fit(dev.job, JOBS, REST, &how, &e) == VMF_EDEV &&
	    strstr(e.msg, "32 series of 63 steps need") != NULL, e.msg);
	d->bytes = 16 << 20;
	d->fail_at = 1;
	check(vmf_panel_fit(dev.job, JOBS, REST, &how, &e) == VMF_EDEV &&
	    strstr(e.msg, "fit_kernel on a test") != NULL, e.msg);
	vmf_device_free(d);
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
