/* SPDX-License-Identifier: MIT */
/*
 * Fits a second on a device and on the CPU, in one run: test/bench/gpu builds
 * and runs it, and says what is around it.  Series are made here, a daily
 * cycle with noise, bursts and gaps, each from its own number; what is timed
 * is vmf_panel_fit with all that belongs to it, from histories in the host's
 * memory to parameters there.  Every setting holds a sample to the CPU's.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cuda_runtime_api.h>

#include "base/num.h"
#include "base/thread.h"
#include "forecast/device.h"
#include "forecast/panel.h"
#include "kernels.h"

/* Parameters of both sides may be so far apart, each in parts of itself; and
 * forecasts, which are float32, in parts of the largest of a series; but what
 * is below FLOOR in parts of that. */
#define TOLERANCE 1e-9
#define TOLERANCE_F 1e-6
#define FLOOR 1e-3
#define ALL ((1u << VMF_N_MEMBERS) - 1)
#define COPY_BYTES ((size_t)1 << 30)
#define COPIES 10
#define HORIZON 48
/* Series that a device is warmed with, and at once where it is slow. */
#define WARM 2048
#define SLOW_CHUNK 65536
#define LEVELS "0.1,0.5,0.9"

struct setting {
	const char *name;
	int64_t steps, season;
	int64_t chunk;			/* series in memory at once */
	int64_t sample;			/* of them by the CPU */
	bool ragged;			/* of a quarter of the steps, or a
					 * season and 12, to all; some end
					 * with a gap */
	bool timed;			/* else only held to the CPU's */
};

/* What is timed, and then what few fleets have but kernels do: histories
 * below VMF_SHORT_STEPS, which are fitted by exact likelihoods, of a season
 * that these have or not; lanes short and long in one block; no season. */
static const struct setting settings[] = {
	{ "336 hours", 336, 24, 262144, 64000, false, true },
	{ "2,016 five-minute steps", 2016, 288, 131072, 8000, false, true },
	{ "120 hours", 120, 24, 2048, 2048, false, false },
	{ "36 to 120 hours", 120, 24, 1024, 1024, true, false },
	{ "60 to 240 days", 240, 7, 1024, 1024, true, false },
	{ "108 to 230 quarters of an hour", 230, 96, 1024, 1024, true,
	    false },
	{ "150 to 600 hours", 600, 24, 2048, 2048, true, false },
	{ "75 to 300 steps", 300, 1, 2048, 2048, true, false },
};

struct fleet {
	double *y;
	struct vmf_slice *slice;
	struct vmf_fit *fit, *cpu;
	struct vmf_panel_job *job;
	struct vmf_forecast *f, *cpu_f;	/* of the sample */
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "gpu: %s: %s\n", what, why);
	exit(1);
}

static void
cuda(cudaError_t rc, const char *call)
{
	if (rc != cudaSuccess)
		die(call, cudaGetErrorString(rc));
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
noise(uint64_t *x)
{
	*x = *x * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (double)(*x >> 11) / 9007199254740992.0 - 0.5;
}

/* Series number id, known in most of its steps. */
static void
make_series(double *y, const struct setting *s, int64_t id)
{
	uint64_t x = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) + 1;
	double level = 10 + 60 * (noise(&x) + 0.5), size = 0, e = 0;
	double wave = 15 * (noise(&x) + 0.5), phase = 6.3 * noise(&x);
	/* A rotation for each step spares the sines. */
	double c = cos(6.283185307179586 / (double)s->season);
	double d = sin(6.283185307179586 / (double)s->season);
	double re = cos(phase), im = sin(phase);
	int64_t first = id % 16 == 0 ? s->steps / 4 : 0;

	for (int64_t t = 0; t < s->steps; t++) {
		double u = noise(&x), next = re * c - im * d;

		im = re * d + im * c;
		re = next;
		e = 0.6 * e + 4 * noise(&x);
		size = u > 0.495 ? 30 : 0.7 * size;
		y[t] = t < first || u < -0.49 ? NAN :
		    fmax(level + wave * re + e + size, 0);
	}
}

static void
make_fleet(struct fleet *f, const struct setting *s, int64_t from, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		double *y = f->y + i * s->steps;
		int64_t skip = 0, gap = 0;

		make_series(y, s, from + i);
		if (s->ragged) {
			int64_t least = s->season + 12;

			if (least < s->steps / 4)
				least = s->steps / 4;
			skip = (from + i) * 7919 % (s->steps - least);
			gap = (from + i) % 5 == 0 ? (from + i) % 4 : 0;
		}
		while (isnan(y[skip]))
			skip++;
		f->slice[i] = (struct vmf_slice){ .y = y + skip,
		    .n = s->steps - gap - skip, .gap = gap };
		/* The last value of a slice is known. */
		if (isnan(y[s->steps - gap - 1]))
			y[s->steps - gap - 1] = 1.0;
		f->job[i] = (struct vmf_panel_job){ .y = &f->slice[i],
		    .season = s->season, .fit = &f->fit[i] };
	}
}

static void *
array(int64_t n, size_t size)
{
	void *p = calloc((size_t)n, size);

	if (p == NULL)
		die("memory", "there is not enough");
	return p;
}

/* Copies of the runtime, GB a second, each byte that moves counted once for
 * the bus and twice within the device. */
static void
measure_copies(double *in, double *out, double *within)
{
	void *host, *a, *b;
	cudaEvent_t t0, t1;
	double *rate[] = { in, out, within };

	cuda(cudaHostAlloc(&host, COPY_BYTES, cudaHostAllocDefault),
	    "cudaHostAlloc");
	memset(host, 1, COPY_BYTES);
	cuda(cudaMalloc(&a, COPY_BYTES), "cudaMalloc");
	cuda(cudaMalloc(&b, COPY_BYTES), "cudaMalloc");
	cuda(cudaEventCreate(&t0), "cudaEventCreate");
	cuda(cudaEventCreate(&t1), "cudaEventCreate");
	for (int k = 0; k < 3; k++) {
		float ms;

		for (int i = -1; i < COPIES; i++) {
			if (i == 0)
				cuda(cudaEventRecord(t0, NULL),
				    "cudaEventRecord");
			cuda(cudaMemcpyAsync(k == 1 ? host : a, k == 0 ? host :
			    k == 1 ? a : b, COPY_BYTES, cudaMemcpyDefault,
			    NULL), "cudaMemcpyAsync");
		}
		cuda(cudaEventRecord(t1, NULL), "cudaEventRecord");
		cuda(cudaEventSynchronize(t1), "cudaEventSynchronize");
		cuda(cudaEventElapsedTime(&ms, t0, t1),
		    "cudaEventElapsedTime");
		*rate[k] = (k == 2 ? 2.0 : 1.0) * COPIES *
		    (double)COPY_BYTES / 1e6 / ms;
	}
	cuda(cudaEventDestroy(t0), "cudaEventDestroy");
	cuda(cudaEventDestroy(t1), "cudaEventDestroy");
	cuda(cudaFree(a), "cudaFree");
	cuda(cudaFree(b), "cudaFree");
	cuda(cudaFreeHost(host), "cudaFreeHost");
}

/* How far b is from a in parts of size, or of FLOOR where that is more; NaN is
 * infinitely far. */
static double
apart(double a, double b, double size)
{
	double d = fabs(a - b) / fmax(fabs(size), FLOOR);

	return isnan(d) ? INFINITY : d;
}

/* Largest difference of the parameters of n series, each in parts of itself;
 * how many series have the same bytes.  Nothing to compare is no likeness. */
static double
compare(const struct fleet *f, int64_t n, int64_t *equal)
{
	double worst = 0;

	*equal = 0;
	for (int64_t i = 0; i < n; i++) {
		const struct vmf_fit *a = &f->cpu[i], *b = &f->fit[i];

		if (a->n_params != b->n_params || a->n_params == 0)
			return INFINITY;
		*equal += memcmp(a->params, b->params,
		    (size_t)a->n_params * sizeof(double)) == 0;
		for (int64_t k = 0; k < a->n_params; k++)
			worst = fmax(worst, apart(a->params[k], b->params[k],
			    a->params[k]));
	}
	return worst;
}

/* The same of n forecasts, in parts of the largest of a series. */
static double
compare_forecasts(const struct fleet *f, int64_t n)
{
	double worst = 0;
	int64_t known = 0;

	for (int64_t i = 0; i < n; i++) {
		const struct vmf_forecast *a = &f->cpu_f[i], *b = &f->f[i];
		double top = 0;

		for (int64_t k = 0; k < a->h * (a->levels.n + 1); k++)
			top = fmax(top, fabs(k < a->h ? a->mean[k] :
			    a->q[k - a->h]));
		for (int64_t k = 0; k < a->h * (a->levels.n + 1); k++) {
			double x = k < a->h ? a->mean[k] : a->q[k - a->h];
			double y = k < a->h ? b->mean[k] : b->q[k - a->h];

			if (isnan(x) && isnan(y))
				continue;
			known++;
			worst = fmax(worst, apart(x, y, top));
		}
	}
	return known > 0 ? worst : INFINITY;
}

/* Whose jobs they are, as vmf_panel_fit puts them into another order. */
static int64_t
number(const struct fleet *f, int64_t i)
{
	return f->job[i].y - f->slice;
}

/* Learn n series into fit; seconds. */
static double
learn(struct fleet *f, struct vmf_fit *fit, int64_t n,
    const struct vmf_panel *how)
{
	struct vmf_err e = { "" };
	double t;

	for (int64_t i = 0; i < n; i++)
		f->job[i].fit = &fit[number(f, i)];
	t = now();
	if (vmf_panel_fit(f->job, n, ALL, how, &e) != 0)
		die(how->device == NULL ? "CPU" : "device", e.msg);
	return now() - t;
}

/* Of a sample that was learned: estimates anew from there, and forecasts. */
static void
go_on(struct fleet *f, int64_t n, const struct vmf_panel *how)
{
	bool on_cpu = how->device == NULL;
	struct vmf_fit *fit = on_cpu ? f->cpu : f->fit;
	struct vmf_err e = { "" };

	for (int64_t i = 0; i < n; i++) {
		int64_t k = number(f, i);

		f->job[i].with = &fit[k];
		f->job[i].f = on_cpu ? &f->cpu_f[k] : &f->f[k];
	}
	(void)learn(f, fit, n, how);
	if (vmf_panel_predict(f->job, n, how, &e) != 0)
		die(on_cpu ? "CPU" : "device", e.msg);
}

static void
make_forecasts(struct fleet *f, int64_t n)
{
	struct vmf_quantiles levels = { 0 };
	struct vmf_err e = { "" };

	if (vmf_quantiles_parse(&levels, LEVELS, "levels", &e) != 0)
		die("levels", e.msg);
	for (int64_t i = 0; i < n; i++)
		if (vmf_forecast_init(&f->f[i], HORIZON, &levels, &e) != 0 ||
		    vmf_forecast_init(&f->cpu_f[i], HORIZON, &levels,
		    &e) != 0)
			die("forecasts", e.msg);
}

static void
drop_fleet(struct fleet *f, int64_t chunk, int64_t sample)
{
	for (int64_t i = 0; i < chunk; i++)
		vmf_fit_free(&f->fit[i]);
	for (int64_t i = 0; i < sample; i++) {
		vmf_fit_free(&f->cpu[i]);
		vmf_forecast_free(&f->f[i]);
		vmf_forecast_free(&f->cpu_f[i]);
	}
	free(f->f);
	free(f->cpu_f);
	free(f->y);
	free(f->slice);
	free(f->fit);
	free(f->cpu);
	free(f->job);
}

/* Both sides of the sample: true where they are near enough.  *cpu_s is what
 * the CPU took. */
static bool
hold(struct fleet *f, int64_t n, const struct vmf_panel *gpu,
    const struct vmf_panel *cpu, double *cpu_s)
{
	double worst, anew, fore;
	int64_t equal, again;

	(void)learn(f, f->fit, n, gpu);
	*cpu_s = learn(f, f->cpu, n, cpu);
	worst = compare(f, n, &equal);
	make_forecasts(f, n);
	go_on(f, n, gpu);
	go_on(f, n, cpu);
	anew = compare(f, n, &again);
	fore = compare_forecasts(f, n);
	printf("  beside the CPU: %" PRId64 " of %" PRId64 " series with the "
	    "same bytes, largest difference %.3g (tolerance %g)\n", equal, n,
	    worst, TOLERANCE);
	printf("  estimated anew: %" PRId64 ", %.3g; forecasts of %d steps: "
	    "%.3g (tolerance %g)\n", again, anew, HORIZON, fore,
	    TOLERANCE_F);
	return worst <= TOLERANCE && anew <= TOLERANCE && fore <= TOLERANCE_F;
}

/* Fits a second on the device, until there were so many series or seconds. */
static double
measure_fits(struct fleet *f, const struct setting *s, int64_t chunk,
    const struct vmf_panel *gpu, int64_t series, double limit_s)
{
	struct vmf_panel_spent spent = { 0 };
	struct vmf_panel how = *gpu;
	struct vmf_device_work w0, w1;
	double took = 0, in, out, busy;
	int64_t done = 0, n;

	how.spent = &spent;
	vmf_device_tally(gpu->device, &w0);
	for (; done < series && took <= limit_s; done += n) {
		n = series - done < chunk ? series - done : chunk;
		make_fleet(f, s, done, n);
		took += learn(f, f->fit, n, &how);
	}
	vmf_device_tally(gpu->device, &w1);
	in = (double)(w1.bytes_in - w0.bytes_in) / 1e9;
	out = (double)(w1.bytes_out - w0.bytes_out) / 1e9;
	printf("  device: %" PRId64 " fits in %.2f s, %.0f a second%s\n",
	    done, took, (double)done / took,
	    done < series ? " (stopped by --limit)" : "");
	printf("  copied: %.2f GB in, %.2f GB out; %.2f GB a second of the "
	    "whole time\n", in, out, (in + out) / took);
	printf("  kernels %.2f s and copies %.2f s, summed over %d streams "
	    "that overlap\n", w1.kernel_s - w0.kernel_s, w1.copy_s -
	    w0.copy_s, vmf_device_streams(gpu->device));
	busy = w1.busy_s - w0.busy_s;
	printf("  a batch or more under way for %.2f s, %.0f %% of the whole "
	    "time; %.1f streams at work in them\n", busy, 100 * busy / took,
	    (w1.kernel_s - w0.kernel_s + w1.copy_s - w0.copy_s) / busy);
	printf("  host: %.2f s laying out and %.2f s on weights and "
	    "intervals, summed over threads: %.1f of them at a time\n",
	    spent.fill_s, spent.combine_s, (spent.fill_s + spent.combine_s) /
	    took);
	return (double)done / took;
}

/* One setting; false where the sides are too far apart. */
static bool
bench(const struct setting *s, struct vmf_device *device, int threads,
    int64_t series, double limit_s)
{
	int64_t chunk = series < s->chunk ? series : s->chunk;
	int64_t sample = series < s->sample ? series : s->sample;
	int64_t all = chunk;
	struct fleet f = { array(chunk * s->steps, sizeof(double)),
	    array(chunk, sizeof(*f.slice)), array(chunk, sizeof(*f.fit)),
	    array(sample, sizeof(*f.cpu)), array(chunk, sizeof(*f.job)),
	    array(sample, sizeof(*f.f)), array(sample, sizeof(*f.cpu_f)) };
	struct vmf_panel cpu = { .threads = threads };
	struct vmf_panel gpu = { .threads = threads, .device = device };
	int64_t few = sample < WARM ? sample : WARM, made = sample;
	double cpu_s, rate;
	bool ok;

	printf("\n%s, season %" PRId64 ", auto of %d members\n", s->name,
	    s->season, VMF_N_MEMBERS);
	/* Warm it with few: one that is slow gets no more to do than that
	 * until the clock of --limit runs. */
	make_fleet(&f, s, 0, few);
	if (learn(&f, f.fit, few, &gpu) > limit_s / 8) {
		sample = few;
		chunk = chunk < SLOW_CHUNK ? chunk : SLOW_CHUNK;
	}
	make_fleet(&f, s, 0, sample);
	ok = hold(&f, sample, &gpu, &cpu, &cpu_s);
	if (s->timed) {
		rate = measure_fits(&f, s, chunk, &gpu, series, limit_s);
		printf("  CPU, %d threads, %s: %" PRId64 " fits in %.2f s, "
		    "%.0f a second\n", threads, vmf_simd_name(
		    vmf_simd_best()), sample, cpu_s, (double)sample / cpu_s);
		printf("  device over CPU: %.1f\n",
		    rate / ((double)sample / cpu_s));
	}
	fflush(stdout);
	drop_fleet(&f, all, made);
	return ok;
}

int
main(int argc, char *argv[])
{
	int64_t series = 0;
	double limit_s = 0, in, out, within;
	int threads = vmf_cores();
	struct vmf_device *device = NULL;
	struct vmf_gpu_shape shape;
	struct vmf_err e = { "" };
	char text[512];
	bool ok = true;

	if (argc != 3 || vmf_parse_int64(argv[1], (int64_t)strlen(argv[1]),
	    &series) != 0 || vmf_parse_double(argv[2],
	    (int64_t)strlen(argv[2]), &limit_s) != 0 || series < 1 ||
	    !(limit_s > 0))
		die("arguments", "expected SERIES SECONDS, both above 0");
	/* As cmd/panel.c has it. */
	(void)setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
	if (!vmf_device_find(text, sizeof(text), NULL))
		die("no device", text);
	printf("device: %s\n", text);
	measure_copies(&in, &out, &within);
	printf("copies: %.1f GB/s in, %.1f GB/s out, %.0f GB/s within the "
	    "device (read and written)\n", in, out, within);
	fflush(stdout);
	cuda(vmf_gpu_fit_shape(&shape), "attributes of fit_kernel");
	printf("fit_kernel: %d registers, %d bytes of stack, %d of %d warps "
	    "live on a multiprocessor\n", shape.registers, shape.stack,
	    shape.warps, shape.warps_max);
	if (vmf_device_open(&device, vmf_device_streams_for(threads), &e) != 0)
		die("device", e.msg);
	for (int i = 0; i < (int)(sizeof(settings) / sizeof(settings[0])); i++)
		if (!bench(&settings[i], device, threads, series, limit_s))
			ok = false;
	vmf_device_free(device);
	return ok ? 0 : 1;
}
