/* SPDX-License-Identifier: MIT */
#include "forecast/panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "forecast/combine.h"

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

static int64_t
common_divisor(int64_t a, int64_t b)
{
	while (b != 0) {
		int64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* Steps at the end on which errors are measured: a quarter of the history,
 * at most a fortnight of days. */
static int64_t
hold_of(int64_t n, int64_t season)
{
	int64_t hold = n / 4, most = 14 * season;

	return hold < most || season < 12 ? hold : most;
}

/* One block of jobs on its way through a thread. */
struct task {
	struct vmf_block b;
	int64_t at, n;			/* jobs */
	int64_t origin[VMF_ORIGINS_MAX], origin_at[VMF_ORIGINS_MAX];
	double *mem;			/* aligned by hand */
	int64_t cap;
	struct vmf_combine combine;
	int rc;
	struct vmf_err e;
};

struct run {
	struct vmf_panel_job *job;
	int64_t n, next;
	unsigned members;
	int fit;
	const struct vmf_lanes *lanes;
};

static int
take(void *arg, void *slot)
{
	struct run *r = arg;
	struct task *t = slot;

	if (r->next == r->n)
		return 0;
	t->at = r->next;
	t->rc = 0;
	for (t->n = 0; t->n < r->lanes->w && r->next < r->n &&
	    r->job[r->next].season == r->job[t->at].season &&
	    (r->job[r->next].with == NULL) == (r->job[t->at].with == NULL);
	    t->n++)
		r->next++;
	return 1;
}

/* Origins in the last hold steps, so far apart that all phases of the season
 * have their turn; the same for all series of a season, as far as each
 * reaches. */
static void
set_origins(struct task *t, int64_t hold)
{
	struct vmf_block *b = &t->b;
	int64_t apart = (b->season < 2016 ? b->season : 288) * 3 / 10;

	if (apart < 1)
		apart = 1;
	while (common_divisor(apart, b->season) > 1)
		apart--;
	b->n_origins = 0;
	for (int64_t k = apart; k <= hold && b->n_origins < VMF_ORIGINS_MAX;
	    k += apart) {
		t->origin[b->n_origins] = k;
		t->origin_at[b->n_origins++] = b->n - k;
	}
	b->origin = t->origin;
	b->at = t->origin_at;
}

/* Room for the block's arrays, all in one piece. */
static int
lay_out(struct task *t, const struct run *r)
{
	struct vmf_block *b = &t->b;
	int w = r->lanes->w;
	int64_t leads = b->horizon * (r->fit ? VMF_ORIGINS_MAX : 1);
	int64_t room = vmf_lanes_room(b->n, b->season, b->horizon, w);
	int64_t need = w * (b->n + 2 + VMF_N_MEMBERS * (VMF_MEMBER_PARAMS +
	    leads + b->horizon)) + room + 8;
	double *p;
	int rc;

	if ((rc = vmf_grow(&t->mem, &t->cap, need, &t->e)) != 0)
		return rc;
	p = (double *)(void *)(((uintptr_t)t->mem + 63) & ~(uintptr_t)63);
	b->y = p;
	p += w * b->n;
	b->first = p;
	p += w;
	b->hold = p;
	p += w;
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		b->par[m] = p;
		p += w * VMF_MEMBER_PARAMS;
		b->f[m] = p;
		p += w * leads;
		b->sd[m] = p;
		p += w * b->horizon;
	}
	b->room = p;
	return 0;
}

static void
fill(struct task *t, const struct run *r)
{
	struct vmf_block *b = &t->b;
	int w = r->lanes->w;

	for (int i = 0; i < w; i++) {
		const struct vmf_slice *y = i < t->n ?
		    r->job[t->at + i].y : NULL;
		int64_t k = y == NULL ? 0 : y->n + y->gap;
		int64_t first = b->n - k;

		b->first[i] = (double)first;
		b->hold[i] = (double)hold_of(k, b->season);
		for (int64_t s = 0; s < first; s++)
			b->y[s * w + i] = NAN;
		for (int64_t s = first; s < b->n; s++)
			b->y[s * w + i] = s - first < y->n ?
			    y->y[s - first] : NAN;
	}
}

/* The members' parameters of the jobs, which lie one behind the other in
 * the params, into lanes. */
static void
load_members(struct task *t, const struct run *r)
{
	const struct vmf_panel_job *job = r->job + t->at;
	int w = r->lanes->w;

	for (int m = 0; m < VMF_N_MEMBERS; m++)
		for (int k = 0; k < vmf_member_len[m]; k++)
			for (int i = 0; i < w; i++)
				t->b.par[m][k * w + i] = i < t->n ?
				    job[i].with->params[
				    vmf_member_at[m] + k] : 0.0;
}

static int
work_fit(struct task *t, const struct run *r)
{
	struct vmf_block *b = &t->b;
	struct vmf_panel_job *job = r->job + t->at;
	int64_t hold = 0;
	int rc;

	b->horizon = 2 * b->season;
	if (b->horizon < VMF_LEADS_MIN)
		b->horizon = VMF_LEADS_MIN;
	if (b->horizon > VMF_LEADS_MAX)
		b->horizon = VMF_LEADS_MAX;
	for (int i = 0; i < t->n; i++) {
		int64_t k = hold_of(job[i].y->n + job[i].y->gap, b->season);

		hold = k > hold ? k : hold;
	}
	set_origins(t, hold);
	b->members = r->members;
	b->again = job[0].with != NULL;
	if ((rc = lay_out(t, r)) != 0)
		return rc;
	fill(t, r);
	if (b->again)
		load_members(t, r);
	r->lanes->fit(b);
	for (int i = 0; i < t->n; i++)
		if ((rc = vmf_combine_fit(job[i].fit, b, r->lanes->w, i,
		    &t->combine, &t->e)) != 0)
			return rc;
	return 0;
}

static int
work_predict(struct task *t, const struct run *r)
{
	struct vmf_block *b = &t->b;
	struct vmf_panel_job *job = r->job + t->at;
	int w = r->lanes->w, rc;

	b->horizon = 0;
	b->members = 0;
	for (int i = 0; i < t->n; i++) {
		if (job[i].f->h > b->horizon)
			b->horizon = job[i].f->h;
		for (int m = 0; m < VMF_N_MEMBERS; m++)
			if (job[i].with->params[VMF_PANEL_WEIGHTS + m] > 0.0)
				b->members |= 1u << m;
	}
	if ((rc = lay_out(t, r)) != 0)
		return rc;
	fill(t, r);
	load_members(t, r);
	r->lanes->predict(b);
	for (int i = 0; i < t->n; i++)
		vmf_combine_predict(job[i].f, job[i].with->params, b, w, i);
	return 0;
}

static void
work(void *arg, void *slot)
{
	const struct run *r = arg;
	struct task *t = slot;

	t->b.season = r->job[t->at].season;
	t->b.n = 1;
	for (int64_t i = t->at; i < t->at + t->n; i++) {
		int64_t k = r->job[i].y->n + r->job[i].y->gap;

		t->b.n = k > t->b.n ? k : t->b.n;
	}
	t->rc = r->fit ? work_fit(t, r) : work_predict(t, r);
}

/* All jobs, block by block. */
static int
run(struct run *r, const struct vmf_panel *how, struct vmf_err *e)
{
	struct vmf_lane_ops ops = { .take = take, .work = work, .arg = r };
	struct vmf_lane *lane = NULL;
	struct task *task, *t;
	void **slot;
	int threads = how->threads > 1 ? how->threads : 1;
	int n_slots, rc = 0;

	r->lanes = how->lanes != NULL ? how->lanes :
	    vmf_lanes_of(vmf_simd_best());
	if ((int64_t)threads > (r->n + r->lanes->w - 1) / r->lanes->w)
		threads = (int)((r->n + r->lanes->w - 1) / r->lanes->w);
	if (r->n == 0)
		return 0;
	n_slots = threads == 1 ? 1 : threads + 2;
	task = vmf_calloc(n_slots, (int64_t)sizeof(*task), e);
	slot = vmf_calloc(n_slots, (int64_t)sizeof(*slot), e);
	if (task == NULL || slot == NULL) {
		rc = VMF_ENOMEM;
		goto done;
	}
	for (int i = 0; i < n_slots; i++)
		slot[i] = &task[i];
	if ((rc = vmf_lane_new(&lane, &ops, slot, n_slots, e)) != 0)
		goto done;
	if (threads > 1)
		vmf_lane_start(lane, threads - 1);
	while ((t = vmf_lane_next(lane)) != NULL)
		if (t->rc != 0) {
			rc = t->rc;
			if (e != NULL)
				*e = t->e;
			break;
		}
done:
	vmf_lane_free(lane);
	for (int i = 0; task != NULL && i < n_slots; i++) {
		free(task[i].mem);
		vmf_combine_free(&task[i].combine);
	}
	free(task);
	free(slot);
	return rc;
}

int
vmf_panel_fit(struct vmf_panel_job *job, int64_t n, unsigned members,
    const struct vmf_panel *how, struct vmf_err *e)
{
	struct run r = { .job = job, .n = n, .members = members, .fit = 1 };

	return run(&r, how, e);
}

int
vmf_panel_predict(struct vmf_panel_job *job, int64_t n,
    const struct vmf_panel *how, struct vmf_err *e)
{
	struct run r = { .job = job, .n = n };

	return run(&r, how, e);
}
