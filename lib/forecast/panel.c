/* SPDX-License-Identifier: MIT */
#include "forecast/panel.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/thread.h"
#include "forecast/combine.h"
#include "forecast/device.h"
#include "forecast/fence.h"
#include "kernel/log_scale.h"

/* Where the scale turns from linear to logarithmic, in parts of the mean. */
#define SCALE_OF_MEAN 0.3
/* A history has a trend if the highest of its thirds is so many times as high
 * as the lowest, and each step from third to third is so much of the way; it
 * is rougher where it is higher if that grows by more than that power. */
#define TREND_RATIO 1.3
#define TREND_STEP 0.3
#define ROUGH_POWER 0.3

/* Blocks of a task for a device that are worth a copy: few, so that a small
 * fleet has some for several streams.  Another number where a test wants it. */
#ifndef DEVICE_BLOCKS_MIN
#define DEVICE_BLOCKS_MIN 4
#endif

const struct vmf_lanes *
vmf_lanes_of(enum vmf_simd level)
{
	return level == VMF_SIMD_AVX512 ? &vmf_lanes_avx512 :
	    level == VMF_SIMD_AVX2 ? &vmf_lanes_avx2 : &vmf_lanes_plain;
}

int64_t
vmf_lanes_room(int64_t n, int64_t season, int64_t horizon, int w)
{
	return w * (VMF_ROOM_STEPS * n + VMF_ROOM_SEASONS * season +
	    VMF_ROOM_LEADS * horizon);
}

/* Steps at the end on which errors are measured: a quarter of the history,
 * at most a fortnight of days. */
static int64_t
hold_of(int64_t n, int64_t season)
{
	int64_t hold = n / 4, most = 14 * season;

	return hold < most || season < 12 ? hold : most;
}

/* One batch of jobs on its way through a thread: of one season, and all of
 * them known or none; cut into blocks, of which the CPU takes one at a
 * time.  A thread has one task, and its room is used again. */
struct task {
	int stream;			/* of the device, its own */
	int64_t at, n;			/* jobs */
	struct vmf_block *block;
	int64_t n_blocks, block_cap;
	double *mem;			/* aligned by hand */
	int64_t cap;
	struct vmf_combine combine;
	struct vmf_panel_spent spent;	/* where that is asked for */
};

struct run {
	struct vmf_panel_job *job;
	int64_t n;
	pthread_mutex_t lock;		/* of next and failed */
	int64_t next;
	bool failed;			/* one has: no more is begun */
	unsigned members;
	bool fit;
	const struct vmf_lanes *lanes;	/* NULL: the device */
	struct vmf_device *device;
	int w;				/* lanes of a block */
	int64_t blocks;			/* of a task, at most */
	struct task *task;		/* by thread */
	struct vmf_panel_spent *spent;
};

/* The next jobs, if there are any. */
static bool
take(struct run *r, struct task *t)
{
	pthread_mutex_lock(&r->lock);
	t->at = r->next;
	for (t->n = 0; !r->failed && t->n < r->blocks * r->w &&
	    r->next < r->n &&
	    r->job[r->next].season == r->job[t->at].season &&
	    (r->job[r->next].with == NULL) == (r->job[t->at].with == NULL);
	    t->n++)
		r->next++;
	pthread_mutex_unlock(&r->lock);
	return t->n > 0;
}

static double
now_s(const struct run *r)
{
	struct timespec t;

	if (r->spent == NULL)
		return 0.0;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t
steps_of(const struct vmf_panel_job *job)
{
	return job->y->n + job->y->gap;
}

static int64_t
leads_of(const struct run *r, const struct vmf_panel_job *job)
{
	int64_t leads = 2 * job->season;

	if (!r->fit)
		return job->f->h;
	return leads < VMF_LEADS_MIN ? VMF_LEADS_MIN :
	    leads > VMF_LEADS_MAX ? VMF_LEADS_MAX : leads;
}

/* Origins are multiples of this before the end: so far apart that all phases
 * of the season have their turn; the same for all series of a season, as far
 * as each reaches. */
static int64_t
origins_apart(int64_t season)
{
	int64_t apart = (season < 2016 ? season : 288) * 3 / 10;

	if (apart < 1)
		apart = 1;
	while (vmf_gcd(apart, season) > 1)
		apart--;
	return apart;
}

/* Everything of a block of n jobs but its arrays. */
static void
describe(struct vmf_block *b, const struct run *r,
    const struct vmf_panel_job *job, int64_t n)
{
	int64_t hold = 0;

	*b = (struct vmf_block){ .n = 1, .season = job[0].season };
	for (int64_t i = 0; i < n; i++) {
		int64_t k = steps_of(&job[i]), h = leads_of(r, &job[i]);

		b->n = k > b->n ? k : b->n;
		b->horizon = h > b->horizon ? h : b->horizon;
		k = hold_of(k, b->season);
		hold = k > hold ? k : hold;
		for (int m = 0; m < VMF_N_MEMBERS && !r->fit; m++)
			if (job[i].with->params[VMF_PANEL_WEIGHTS + m] > 0.0)
				b->members |= 1u << m;
	}
	if (!r->fit)
		return;
	b->members = r->members;
	b->again = job[0].with != NULL;
	b->n_origins = hold / origins_apart(b->season);
	if (b->n_origins > VMF_ORIGINS_MAX)
		b->n_origins = VMF_ORIGINS_MAX;
}

/*
 * A task's memory: the blocks for a device, what goes in (histories, origins
 * and what is known of each lane), parameters, what comes out, and room that
 * nothing else needs.  sum counts doubles of each part.
 */
enum { PART_BLOCKS, PART_IN, PART_PAR, PART_OUT, PART_ROOM, N_PARTS };
/* Doubles that the size of a part is a multiple of: what a warp reads. */
#define PART_ALIGN 32

static void
measure(const struct vmf_block *b, const struct run *r, int64_t *sum)
{
	int64_t leads = b->horizon * (r->fit ? b->n_origins : 1), k = 0;

	for (int m = 0; m < VMF_N_MEMBERS; m++)
		k += b->members >> m & 1;
	/* Each a multiple of 8, and so aligned as the first is. */
	sum[PART_BLOCKS] += ((int64_t)sizeof(*b) + 63) / 64 * 8;
	sum[PART_IN] += (r->w * (b->n + 3) + 7) / 8 * 8 + 2 * VMF_ORIGINS_MAX;
	sum[PART_PAR] += r->w * k * VMF_MEMBER_PARAMS;
	sum[PART_OUT] += (r->w * k * (leads + b->horizon) + 7) / 8 * 8;
	sum[PART_ROOM] += (vmf_lanes_room(b->n, b->season, b->horizon, r->w) +
	    7) / 8 * 8;
}

/* The block's arrays in the parts at at[], which go on after them; where a
 * member has none, its pointers are not to be used. */
static void
place(struct vmf_block *b, const struct run *r, double *const *at)
{
	int64_t leads = b->horizon * (r->fit ? b->n_origins : 1);
	double *p = at[PART_IN];

	b->origin = (int64_t *)(void *)p;
	p += VMF_ORIGINS_MAX;
	b->at = (int64_t *)(void *)p;
	p += VMF_ORIGINS_MAX;
	b->y = p;
	p += r->w * b->n;
	b->first = p;
	p += r->w;
	b->hold = p;
	p += r->w;
	b->scale = p;
	p = at[PART_PAR];
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		b->par[m] = p;
		p += b->members >> m & 1 ? r->w * VMF_MEMBER_PARAMS : 0;
	}
	p = at[PART_OUT];
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		b->f[m] = p;
		p += b->members >> m & 1 ? r->w * leads : 0;
		b->sd[m] = p;
		p += b->members >> m & 1 ? r->w * b->horizon : 0;
	}
	b->room = at[PART_ROOM];
}

/* Where the parts of the next block are. */
static void
advance(double **at, const struct vmf_block *b, const struct run *r)
{
	int64_t size[N_PARTS] = { 0 };

	measure(b, r, size);
	for (int k = 0; k < N_PARTS; k++)
		at[k] += size[k];
}

/*
 * Whether a history has a trend and is no rougher where it is high than where
 * it is low.  Rough is the mean difference from one step to the next, which
 * neither trend nor season change by much.
 */
static bool
is_additive(const struct vmf_slice *y)
{
	enum { THIRDS = 3 };
	double level[THIRDS], rough[THIRDS], step[2];
	int low, high;

	for (int k = 0; k < THIRDS; k++) {
		int64_t from = y->n * k / THIRDS;
		int64_t to = y->n * (k + 1) / THIRDS, n = 0, n_pairs = 0;

		level[k] = rough[k] = 0.0;
		for (int64_t t = from; t < to; t++) {
			if (isnan(y->y[t]))
				continue;
			level[k] += y->y[t];
			n++;
			if (t == from || isnan(y->y[t - 1]))
				continue;
			rough[k] += fabs(y->y[t] - y->y[t - 1]);
			n_pairs++;
		}
		if (n_pairs == 0)
			return false;
		level[k] /= (double)n;
		rough[k] /= (double)n_pairs;
	}
	low = level[THIRDS - 1] > level[0] ? 0 : THIRDS - 1;
	high = THIRDS - 1 - low;
	step[0] = fabs(level[1] - level[low]);
	step[1] = fabs(level[high] - level[1]);
	return level[low] < level[1] && level[1] < level[high] &&
	    level[high] >= TREND_RATIO * level[low] &&
	    fmin(step[0], step[1]) >= TREND_STEP * (step[0] + step[1]) &&
	    rough[high] <= rough[low] *
	    pow(level[high] / level[low], ROUGH_POWER);
}

/*
 * The scale of a history in which nothing is negative; 0 of others, of one
 * that grows by adding, and of a short one, whose models are found by exact
 * likelihood of what it is.
 */
static double
scale_of(const struct vmf_slice *y)
{
	double sum = 0.0;
	int64_t n = 0;

	if (y->n + y->gap < VMF_SHORT_STEPS)
		return 0.0;
	for (int64_t t = 0; t < y->n; t++) {
		if (y->y[t] < 0.0)
			return 0.0;
		if (!isnan(y->y[t])) {
			sum += y->y[t];
			n++;
		}
	}
	if (n == 0 || is_additive(y))
		return 0.0;
	return SCALE_OF_MEAN * sum / (double)n;
}

static void
fill(struct vmf_block *b, const struct run *r,
    const struct vmf_panel_job *job, int64_t n)
{
	int64_t apart = origins_apart(b->season);
	int w = r->w;

	for (int64_t k = 0; k < b->n_origins; k++) {
		b->origin[k] = (k + 1) * apart;
		b->at[k] = b->n - b->origin[k];
	}
	for (int i = 0; i < w; i++) {
		const struct vmf_slice *y = i < n ? &job[i].held : NULL;
		int64_t k = y == NULL ? 0 : y->n + y->gap;
		int64_t first = b->n - k;
		double c = y == NULL ? 0.0 : job[i].with != NULL ?
		    job[i].with->params[VMF_PANEL_SCALE] : scale_of(y);

		b->scale[i] = c;
		b->first[i] = (double)first;
		b->hold[i] = (double)hold_of(k, b->season);
		for (int64_t s = 0; s < first; s++)
			b->y[s * w + i] = NAN;
		for (int64_t s = first; s < b->n; s++)
			b->y[s * w + i] = s - first < y->n ?
			    vmf_to_log(c, y->y[s - first]) : NAN;
	}
}

/* The members' parameters of the jobs, which lie one after the other in
 * the params, into lanes. */
static void
load_members(struct vmf_block *b, const struct run *r,
    const struct vmf_panel_job *job, int64_t n)
{
	for (int m = 0; m < VMF_N_MEMBERS; m++)
		for (int k = 0; k < vmf_member_len[m] &&
		    b->members >> m & 1; k++)
			for (int i = 0; i < r->w; i++)
				b->par[m][k * r->w + i] = i < n ?
				    job[i].with->params[
				    vmf_member_at[m] + k] : 0.0;
}

/* Jobs of block k of a task. */
static int64_t
jobs_of(const struct task *t, const struct run *r, int64_t k)
{
	int64_t left = t->n - k * r->w;

	return left < r->w ? left : r->w;
}

/* All blocks' arrays, in the memory whose parts begin at at[]. */
static void
fill_all(struct task *t, const struct run *r, double **at)
{
	for (int64_t k = 0; k < t->n_blocks; k++) {
		struct vmf_panel_job *job = r->job + t->at + k * r->w;
		struct vmf_block *b = &t->block[k];
		int64_t n = jobs_of(t, r, k);

		place(b, r, at);
		advance(at, b, r);
		fill(b, r, job, n);
		if (job[0].with != NULL)
			load_members(b, r, job, n);
	}
}

static int
run_cpu(struct task *t, const struct run *r, const int64_t *size,
    struct vmf_err *e)
{
	double *at[N_PARTS];
	int64_t need = 8;
	int rc;

	for (int k = 0; k < N_PARTS; k++)
		need += size[k];
	if ((rc = vmf_grow(&t->mem, &t->cap, need, e)) != 0)
		return rc;
	at[0] = (double *)(void *)(((uintptr_t)t->mem + 63) & ~(uintptr_t)63);
	for (int k = 1; k < N_PARTS; k++)
		at[k] = at[k - 1] + size[k - 1];
	fill_all(t, r, at);
	for (int64_t k = 0; k < t->n_blocks; k++)
		if (r->fit)
			r->lanes->fit(&t->block[k]);
		else
			r->lanes->predict(&t->block[k]);
	return 0;
}

/* The same parts lie in the device's memory, where the host's has no room. */
static int
run_device(struct task *t, const struct run *r, const int64_t *size,
    struct vmf_err *e)
{
	int64_t end[N_PARTS];
	double *at[N_PARTS], *dev_at[N_PARTS];
	struct vmf_device_batch batch = { .n_blocks = t->n_blocks,
	    .fit = r->fit };
	struct vmf_block *out;
	void *host, *dev;
	double from_s;
	int rc;

	for (int k = 0; k < N_PARTS; k++)
		end[k] = (k > 0 ? end[k - 1] : 0) + size[k];
	batch.in = end[t->block[0].again || !r->fit ? PART_PAR : PART_IN] * 8;
	batch.out = end[r->fit ? PART_IN : PART_PAR] * 8;
	batch.end = end[PART_OUT] * 8;
	assert(end[PART_ROOM] * 8 <= vmf_device_bytes(r->device));
	if ((rc = vmf_device_memory(r->device, t->stream, batch.end, &host,
	    &dev, e)) != 0)
		return rc;
	for (int k = 0; k < N_PARTS; k++) {
		at[k] = (double *)host + (end[k] - size[k]);
		dev_at[k] = (double *)dev + (end[k] - size[k]);
	}
	from_s = now_s(r);
	/* The room, which the host does not have, is never looked at here. */
	at[PART_ROOM] = host;
	fill_all(t, r, at);
	out = host;
	for (int64_t k = 0; k < t->n_blocks; k++) {
		out[k] = t->block[k];
		place(&out[k], r, dev_at);
		advance(dev_at, &t->block[k], r);
	}
	t->spent.fill_s += now_s(r) - from_s;
	return vmf_device_run(r->device, t->stream, &batch, e);
}

static int
work_task(struct task *t, const struct run *r, struct vmf_err *e)
{
	int64_t size[N_PARTS] = { 0 };
	double from_s;
	int rc;

	t->n_blocks = (t->n + r->w - 1) / r->w;
	if ((rc = vmf_grow(&t->block, &t->block_cap, t->n_blocks, e)) != 0)
		return rc;
	for (int64_t k = 0; k < t->n_blocks; k++) {
		describe(&t->block[k], r, r->job + t->at + k * r->w,
		    jobs_of(t, r, k));
		measure(&t->block[k], r, size);
	}
	for (int k = 0; k < N_PARTS; k++)
		size[k] = (size[k] + PART_ALIGN - 1) / PART_ALIGN *
		    PART_ALIGN;
	rc = r->lanes != NULL ? run_cpu(t, r, size, e) :
	    run_device(t, r, size, e);
	from_s = now_s(r);
	for (int64_t i = 0; i < t->n && rc == 0; i++) {
		const struct vmf_block *b = &t->block[i / r->w];
		struct vmf_panel_job *job = r->job + t->at + i;
		int lane = (int)(i % r->w);

		if (r->fit)
			rc = vmf_combine_fit(job, b, r->w, lane,
			    &t->combine, e);
		else
			vmf_combine_predict(job->f, job->with->params, b,
			    r->w, lane);
	}
	t->spent.combine_s += now_s(r) - from_s;
	return rc;
}

/* What the members see of the histories of n jobs. */
static int
hold(struct vmf_panel_job *job, int64_t n, struct vmf_err *e)
{
	int rc = 0;

	for (int64_t i = 0; i < n; i++)
		job[i].own = NULL;
	for (int64_t i = 0; i < n && rc == 0; i++) {
		rc = vmf_fence_hold(job[i].y->y, job[i].y->n, &job[i].own, e);
		job[i].held = *job[i].y;
		if (job[i].own != NULL)
			job[i].held.y = job[i].own;
	}
	return rc;
}

/*
 * Thread i: task after task until there are no more.  Nobody waits for one
 * that takes longer, as there is no order to keep: jobs know where what they
 * learn belongs.
 */
static int
work(void *arg, int64_t i, struct vmf_err *e)
{
	struct run *r = arg;
	struct task *t = &r->task[i];
	int rc = 0;

	while (rc == 0 && take(r, t)) {
		rc = hold(r->job + t->at, t->n, e);
		if (rc == 0)
			rc = work_task(t, r, e);
		for (int64_t k = 0; k < t->n; k++) {
			free(r->job[t->at + k].own);
			r->job[t->at + k].own = NULL;
		}
	}
	if (rc == 0)
		return 0;
	pthread_mutex_lock(&r->lock);
	r->failed = true;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

/* Memory of the streams that will have a task of blocks of so many doubles on
 * the host: while kernels run, pinning it would wait for them. */
static int
reserve(const struct run *r, int64_t block, struct vmf_err *e)
{
	int64_t bytes = (r->blocks * block + N_PARTS * PART_ALIGN) * 8;
	int64_t tasks = (r->n + r->blocks * r->w - 1) / (r->blocks * r->w);
	int rc = 0;

	for (int i = 0; i < vmf_device_streams(r->device) && i < tasks &&
	    rc == 0; i++) {
		void *host, *dev;

		rc = vmf_device_memory(r->device, i, bytes, &host, &dev, e);
	}
	return rc;
}

/*
 * Blocks of a task for the device: as many as its memory and the host's hold
 * of the longest series, few enough that every stream has some.  Where it is
 * the host's that does not hold one, one all the same.
 */
static int
size_tasks(struct run *r, struct vmf_err *e)
{
	int64_t streams = vmf_device_streams(r->device), most, host, all;
	int64_t size[N_PARTS] = { 0 }, n, there;
	struct vmf_block b = { 0 };

	for (int64_t i = 0; i < r->n; i++) {
		struct vmf_block one;

		describe(&one, r, &r->job[i], 1);
		b.n = one.n > b.n ? one.n : b.n;
		b.season = one.season > b.season ? one.season : b.season;
		b.horizon = one.horizon > b.horizon ? one.horizon : b.horizon;
		b.n_origins = one.n_origins > b.n_origins ? one.n_origins :
		    b.n_origins;
		b.members |= one.members;
	}
	measure(&b, r, size);
	host = size[PART_BLOCKS] + size[PART_IN] + size[PART_PAR] +
	    size[PART_OUT];
	all = host + size[PART_ROOM];
	most = (VMF_DEVICE_HOST_BYTES / 8 - N_PARTS * PART_ALIGN) / host;
	there = (vmf_device_bytes(r->device) / 8 - N_PARTS * PART_ALIGN) / all;
	if (there < 1)
		return vmf_fail(e, VMF_EDEV, "%d series of %lld steps need "
		    "%lld bytes, and %s has %lld a stream: the CPU can do it "
		    "(VMF_DEVICE=cpu)", r->w, (long long)b.n,
		    (long long)all * 8, vmf_device_name(r->device),
		    (long long)vmf_device_bytes(r->device));
	if (most < 1)
		most = 1;
	if (there < most)
		most = there;
	n = (r->n + r->w - 1) / r->w;
	n = (n + 2 * streams - 1) / (2 * streams);
	if (n < DEVICE_BLOCKS_MIN)
		n = DEVICE_BLOCKS_MIN;
	r->blocks = n < most ? n : most;
	return reserve(r, host, e);
}

/* How wide blocks are, and how many threads there are for them. */
static int
set_up(struct run *r, const struct vmf_panel *how, int *threads,
    struct vmf_err *e)
{
	struct vmf_err why = { "" };
	int64_t tasks;
	int rc;

	r->device = how->device;
	if (r->device != NULL) {
		r->w = VMF_DEVICE_W;
		rc = size_tasks(r, &why);
		if (rc == VMF_EDEV && how->fall_back)
			r->device = NULL;
		else if (rc != 0)
			return vmf_fail(e, rc, "%s", why.msg);
	}
	if (r->device != NULL) {
		/* A thread a stream, which mostly waits. */
		*threads = vmf_device_streams(r->device);
		r->spent = how->spent;
	} else {
		*threads = how->threads > 1 ? how->threads : 1;
		r->lanes = how->lanes != NULL ? how->lanes :
		    vmf_lanes_of(vmf_simd_best());
		r->w = r->lanes->w;
		r->blocks = 1;
	}
	tasks = (r->n + r->blocks * r->w - 1) / (r->blocks * r->w);
	if (*threads > tasks)
		*threads = (int)tasks;
	return 0;
}

/* All jobs, task by task. */
static int
run(struct run *r, const struct vmf_panel *how, struct vmf_err *e)
{
	int threads, rc;

	if (r->n == 0)
		return 0;
	if ((rc = set_up(r, how, &threads, e)) != 0)
		return rc;
	r->task = vmf_calloc(threads, (int64_t)sizeof(*r->task), e);
	if (r->task == NULL)
		return VMF_ENOMEM;
	for (int i = 0; i < threads; i++)
		r->task[i].stream = i;
	pthread_mutex_init(&r->lock, NULL);
	rc = vmf_each(threads, threads, work, r, e);
	pthread_mutex_destroy(&r->lock);
	for (int i = 0; i < threads; i++) {
		if (r->spent != NULL) {
			r->spent->fill_s += r->task[i].spent.fill_s;
			r->spent->combine_s += r->task[i].spent.combine_s;
		}
		free(r->task[i].mem);
		free(r->task[i].block);
		vmf_combine_free(&r->task[i].combine);
	}
	free(r->task);
	return rc;
}

/* Short histories first: they are learned from with more care, which costs
 * all lanes of a block that has one. */
static void
part_by_length(struct vmf_panel_job *job, int64_t n)
{
	int64_t at = 0;

	for (int64_t i = 0; i < n; i++) {
		struct vmf_panel_job one = job[i];

		if (one.y->n + one.y->gap >= VMF_SHORT_STEPS)
			continue;
		job[i] = job[at];
		job[at++] = one;
	}
}

int
vmf_panel_fit(struct vmf_panel_job *job, int64_t n, unsigned members,
    const struct vmf_panel *how, struct vmf_err *e)
{
	struct run r = { .job = job, .n = n, .members = members,
	    .fit = true };

	part_by_length(job, n);
	return run(&r, how, e);
}

int
vmf_panel_predict(struct vmf_panel_job *job, int64_t n,
    const struct vmf_panel *how, struct vmf_err *e)
{
	struct run r = { .job = job, .n = n };

	return run(&r, how, e);
}
