/* SPDX-License-Identifier: MIT */
/*
 * A device for test/unit/device.cc where there is none: vmf_device_* whose
 * memory is far from the host's, full of what nobody wrote, and whose threads
 * are loops over the text compiled for the CPU.
 */
#ifndef DEVICE_STAND_IN_H
#define DEVICE_STAND_IN_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern "C" {
#include "forecast/device.h"
}
#include "kernel/lanes_strided.h"

struct vmf_device {
	int n;
	int64_t bytes;
	void *host[VMF_DEVICE_STREAMS], *mem[VMF_DEVICE_STREAMS];
	int busy[VMF_DEVICE_STREAMS];
	int used[VMF_DEVICE_STREAMS];
	int64_t runs, blocks, fail_at;
	bool no_host;		/* has no memory on the host's side */
	int64_t done, wait_for;	/* the first batch waits for so many others */
	pthread_mutex_t lock;
	pthread_cond_t one_done;
};

/* Seconds after which nobody will come any more. */
#define PATIENCE_S 60

static void check(bool ok, const char *what);

/* What it is like: none, its floats so much faster, it does not open. */
static bool stand_in_is_none, stand_in_is_broken;
static int stand_in_ratio = 2;

bool
vmf_device_find(char *text, size_t size, int *ratio)
{
	snprintf(text, size, stand_in_is_none ? "nothing here" : "a test");
	if (ratio != NULL)
		*ratio = stand_in_ratio;
	return !stand_in_is_none;
}

int
vmf_device_open(struct vmf_device **out, int n_streams, struct vmf_err *e)
{
	struct vmf_device *d = (struct vmf_device *)calloc(1, sizeof(*d));

	if (d == NULL)
		return vmf_fail(e, VMF_ENOMEM, "memory");
	*out = d;
	if (stand_in_is_broken)
		return vmf_fail(e, VMF_EDEV, "no room on a test");
	d->n = n_streams;
	d->fail_at = -1;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->one_done, NULL);
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
	pthread_cond_destroy(&d->one_done);
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
	w->n_batches = d->runs;
	for (int i = 0; i < d->n; i++)
		w->n_streams += d->used[i];
}

/* New memory each time, full of what nobody wrote. */
int
vmf_device_memory(struct vmf_device *d, int i, int64_t bytes, void **host,
    void **dev, struct vmf_err *e)
{
	drop(d, i);
	if (d->no_host)
		return vmf_fail(e, VMF_EDEV, "no host memory for a test");
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

/* With the lock: until as many batches as wait_for says are done. */
static void
wait_for_others(struct vmf_device *d)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	while (d->done < d->wait_for && rc == 0)
		rc = pthread_cond_timedwait(&d->one_done, &d->lock, &until);
	check(rc == 0, "batches wait for one that takes long");
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
	d->busy[i] = d->used[i] = 1;
	run = d->runs++;
	d->blocks += b->n_blocks;
	if (run == 0)
		wait_for_others(d);
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
	d->done++;
	pthread_cond_signal(&d->one_done);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

#endif
