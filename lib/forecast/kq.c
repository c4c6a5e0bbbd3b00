/* SPDX-License-Identifier: MIT */
#include "forecast/kq.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/thread.h"
#include "forecast/fence.h"
#include "forecast/gate.h"
#include "forecast/kq_mix.h"
#include "forecast/kq_shares.h"

/* Steps of history that the first origin has, at least. */
#define FIRST_MIN 24
/* Days before the end at which the first origin lies, at most. */
#define DAYS_ROLLED 120
/* Of what was lost, so much is left an origin later: half in ten days. */
#define KEEP 0.9622
#define SUM_MAX 1e37

static const double half = 0.5;
static const double deciles[VMF_GATE_DECILES] = { 0.1, 0.2, 0.3, 0.4, 0.5,
    0.6, 0.7, 0.8, 0.9 };

/* A series on its way: where it begins, and its state. */
struct course {
	struct vmf_kq *q;
	struct vmf_kq_state s;
	int64_t start, step_s, day, season;
	struct vmf_trait trait;
};

/* Where y lies between below and upto of a distribution, spread evenly. */
static void
add_pit(double *pit, double below, double upto)
{
	for (int b = 0; b < VMF_KQ_BINS; b++) {
		double lo = (double)b / VMF_KQ_BINS;
		double hi = (double)(b + 1) / VMF_KQ_BINS;
		double from = below > lo ? below : lo;
		double to = upto < hi ? upto : hi;

		if (upto - below < 1e-9)
			pit[b] += below >= lo && (below < hi ||
			    b == VMF_KQ_BINS - 1) ? 1.0 : 0.0;
		else if (to > from)
			pit[b] += (to - from) / (upto - below);
	}
}

/* Sums stay within what a float can say. */
static void
discount(float *to, double more)
{
	double sum = (double)*to * KEEP + more;

	*to = sum < SUM_MAX ? (float)sum : (float)SUM_MAX;
}

/*
 * Who says nothing yet loses what the mixture does (Freund, Schapire, Singer
 * and Warmuth, "Using and combining predictors that specialize", 1997), but
 * not less than a tenth of what the others do on average: who was not asked
 * is not one that never failed.
 */
static void
fill_in(const struct vmf_kq *q, double *lost, double mix)
{
	double sum = 0.0;
	int n = 0;

	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		if (!(q->silent >> m & 1)) {
			sum += lost[m];
			n++;
		}
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		if (q->waiting >> m & 1)
			lost[m] = fmax(mix, 0.1 * sum / n);
}

/* What the members would have predicted in group k of leads from the origin,
 * which is before step t. */
static void
score(struct course *c, int k, int64_t t)
{
	struct vmf_kq_group *g = &c->s.g[k];
	double loss[VMF_KQ_MEMBERS] = { 0 }, err[VMF_KQ_MEMBERS] = { 0 };
	double pit[VMF_KQ_BINS] = { 0 }, mix_err = 0.0, mix_loss = 0.0;
	double lo, hi;
	float share[VMF_KQ_MEMBERS], lost[VMF_KQ_MEMBERS];
	float median[VMF_KQ_MEMBERS], v[VMF_GATE_DECILES];
	int n = 0;

	vmf_kq_shares(c->q->ops, g->loss, g->w, k, c->day, c->q->asleep,
	    c->q->news, share);
	/* What never was, nor is near it, would drown all other losses. */
	vmf_kq_seen(c->q, &lo, &hi);
	for (int i = 0; i < VMF_KQ_SAMPLES; i++) {
		int64_t lead = vmf_kq_sample(k, c->day, i);
		double y = lead < 0 ? NAN : c->q->y[t + lead], below, upto;

		if (isnan(y))
			continue;
		y = y < lo ? lo : y > hi ? hi : y;
		vmf_kq_lead(c->q, lead);
		vmf_kq_judge(c->q, y, share, lost, median);
		for (int m = 0; m < VMF_KQ_MEMBERS; m++) {
			loss[m] += (double)lost[m];
			err[m] += (double)median[m];
		}
		vmf_kq_quantiles(c->q, 0, deciles, VMF_GATE_DECILES, v);
		mix_err += fabs(y - (double)v[VMF_GATE_DECILES / 2]);
		for (int j = 0; j < VMF_GATE_DECILES; j++) {
			double d = y - (double)v[j];

			mix_loss += 2.0 / VMF_GATE_DECILES * d * (deciles[j] -
			    (d < 0.0 ? 1.0 : 0.0));
		}
		vmf_kq_pit(c->q, 0, y, &below, &upto);
		add_pit(pit, below, upto);
		n++;
	}
	if (n == 0)
		return;
	discount(&g->w, 1.0);
	discount(&g->mix_loss, mix_loss / n);
	discount(&g->mix_err, mix_err / n);
	fill_in(c->q, loss, mix_loss);
	fill_in(c->q, err, mix_err);
	for (int m = 0; m < VMF_KQ_MEMBERS; m++) {
		discount(&g->loss[m], loss[m] / n);
		discount(&g->err[m], err[m] / n);
	}
	for (int b = 0; b < VMF_KQ_BINS; b++)
		discount(&g->pit[b], pit[b] / n);
}

/* The origin after one that has t steps of history: soon where that is
 * short, later about 13 hours on, so that all phases have their turn. */
static int64_t
origin_after(int64_t t, int64_t season, int64_t day)
{
	int64_t apart = day * 13 / 24, soon = t / 8;

	while (vmf_gcd(apart, season) > 1)
		apart++;
	return t + (soon < 1 ? 1 : soon < apart ? soon : apart);
}

/* Score all origins that lie between where the state ends and where the
 * leads of a group reach the end. */
static void
roll(struct course *c)
{
	int64_t n = c->q->n, oldest = n - DAYS_ROLLED * c->day;
	/* Steps that the state knows and the history lacks. */
	int64_t lost = (c->start - c->s.first) / c->step_s;

	for (;;) {
		int64_t t = INT64_MAX;
		int todo = 0;

		for (int k = 0; k < VMF_KQ_GROUPS; k++) {
			int64_t at = (c->s.g[k].next - c->start) / c->step_s;

			if (at + vmf_kq_end(k, c->day) > n || at > t)
				continue;
			todo = at < t ? 1 << k : todo | 1 << k;
			t = at;
		}
		if (todo == 0)
			return;
		if (t >= FIRST_MIN && t >= oldest)
			vmf_kq_origin(c->q, t);
		for (int k = 0; k < VMF_KQ_GROUPS; k++) {
			if (!(todo & 1 << k))
				continue;
			if (t >= FIRST_MIN && t >= oldest)
				score(c, k, t);
			c->s.g[k].next = c->start + c->step_s *
			    (origin_after(t + lost, c->season, c->day) -
			    lost);
		}
	}
}

/* Mean absolute error up to a season ahead over that of a season before, of
 * values held within their fence in both; NaN where there is none. */
static int
mase_of(const struct course *c, double *mase, struct vmf_err *e)
{
	double err = 0.0, scale = 0.0, groups = 0.0, *own;
	const double *y = c->q->y;
	int64_t n = 0;
	int rc;

	if ((rc = vmf_fence_hold(y, c->q->n, &own, e)) != 0)
		return rc;
	if (own != NULL)
		y = own;

	for (int k = 0; k < VMF_KQ_GROUPS - 1; k++)
		if (c->s.g[k].w > 0.0f) {
			err += (double)(c->s.g[k].mix_err / c->s.g[k].w);
			groups += 1.0;
		}
	for (int64_t t = c->season; t < c->q->n; t++) {
		double d = fabs(y[t] - y[t - c->season]);

		if (!isnan(d)) {
			scale += d;
			n++;
		}
	}
	free(own);
	*mase = n == 0 || !(groups > 0.0) || !(scale > 0.0) ? NAN :
	    err / groups / (scale / (double)n);
	return 0;
}

static void
begin(struct course *c, unsigned without)
{
	int64_t first = c->season / 2 > FIRST_MIN ? c->season / 2 :
	    FIRST_MIN;

	memset(&c->s, 0, sizeof(c->s));
	c->s.without = without;
	c->s.first = c->start;
	for (int k = 0; k < VMF_KQ_GROUPS; k++)
		c->s.g[k].next = c->start + first * c->step_s;
}

static int
learn(struct course *c, struct vmf_kq_job *job, struct vmf_err *e)
{
	int rc;

	if (job->from == NULL)
		begin(c, job->without);
	else if ((rc = vmf_kq_state_get(&c->s, "kq", &job->from->blob,
	    c->step_s, e)) != 0)
		return rc;
	c->q->without = c->s.without;
	roll(c);
	c->s.period = vmf_kq_period(c->q, c->q->n);
	if ((rc = mase_of(c, &job->fit->mase, e)) != 0)
		return rc;
	job->fit->blob.n = 0;
	return vmf_kq_state_put(&c->s, &job->fit->blob, e);
}

/* What each part says of lead p->lead, and counts: the dense ones as of that
 * which is looked at. */
static void
take_apart(struct course *c, const struct vmf_kq_job *job,
    float share[2][VMF_KQ_MEMBERS], const float other[2],
    struct vmf_kq_part *p)
{
	static const struct vmf_quantiles *const at = &vmf_kq_levels;
	int64_t looked_at = c->q->lead;
	float only[VMF_KQ_MEMBERS];
	double level[VMF_KQ_LEVELS];

	for (int j = 0; j < VMF_KQ_LEVELS; j++)
		level[j] = at->ppm[j] / 1e6;
	memset(p->mass, 0, sizeof(p->mass));
	memset(p->q, 0, sizeof(p->q));
	p->trait = c->trait;
	if (p->lead != looked_at)
		vmf_kq_single(c->q, p->lead);
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		for (int i = 0; i < 2; i++)
			p->mass[i][vmf_kq_family(m)] += share[i][m];
	for (int f = 0; f < VMF_KQ_FAMILIES; f++) {
		if (c->q->asleep >> f & 1)
			continue;
		for (int m = 0; m < VMF_KQ_MEMBERS; m++)
			only[m] = (int)vmf_kq_family(m) != f ||
			    c->q->silent >> m & 1 ? 0.0f :
			    p->mass[0][f] > 0.0f ? share[0][m] : 1.0f;
		vmf_kq_mix_family(c->q, (enum kq_family)f, only, looked_at);
		vmf_kq_quantiles(c->q, 0, level, VMF_KQ_LEVELS, p->q[f]);
	}
	if (p->lead != looked_at)
		vmf_kq_single(c->q, looked_at);
	if (job->other == NULL || isnan(job->other->q[p->lead]))
		return;
	for (int i = 0; i < 2; i++)
		p->mass[i][VMF_GATE_OTHER] = other[i];
	for (int j = 0; j < VMF_KQ_LEVELS; j++)
		p->q[VMF_GATE_OTHER][j] =
		    job->other->q[j * job->other->h + p->lead];
}

/* Shares as the gate has them at the lead that is looked at. */
static void
pass_gate(struct course *c, const struct vmf_kq_job *job,
    float share[2][VMF_KQ_MEMBERS], float other[2], int64_t lead)
{
	struct vmf_kq_part p = { .lead = lead };
	float factor[2][VMF_GATE_PARTS];

	take_apart(c, job, share, other, &p);
	vmf_gate_factors(job->gate, &p, c->day, factor);
	for (int i = 0; i < 2; i++) {
		float sum = 0.0f;

		other[i] *= factor[i][VMF_GATE_OTHER];
		sum += other[i];
		for (int m = 0; m < VMF_KQ_MEMBERS; m++) {
			share[i][m] *= factor[i][vmf_kq_family(m)];
			sum += share[i][m];
		}
		other[i] /= sum;
		for (int m = 0; m < VMF_KQ_MEMBERS; m++)
			share[i][m] /= sum;
	}
}

/* Those leads of [from, to), of group k, whose parts are asked for. */
static void
tell_parts(struct course *c, const struct vmf_kq_job *job,
    float share[2][VMF_KQ_MEMBERS], const float other[2], int k,
    int64_t from, int64_t to)
{
	struct vmf_kq_parts *parts = job->f->parts;

	for (int i = 0; i < parts->n; i++) {
		struct vmf_kq_part *p = &parts->at[i];

		if (p->lead < from || p->lead >= to)
			continue;
		take_apart(c, job, share, other, p);
		for (int j = 0; j < VMF_GATE_DECILES; j++)
			p->level[j] = vmf_kq_level(&c->s.g[k], k, c->day,
			    (double)other[0], (j + 1) / 10.0);
	}
}

/* The leads [from, to), which the dense members do not tell apart. */
static void
predict(struct course *c, int k, struct vmf_kq_job *job, int64_t from,
    int64_t to)
{
	struct vmf_forecast *f = job->f;
	const struct vmf_kq_group *g = &c->s.g[k];
	float share[2][VMF_KQ_MEMBERS], v[VMF_LEVELS_MAX];
	float alt[VMF_KQ_LEVELS], other[2] = { 0.0f, 0.0f }, median;
	static const float none[2] = { 0.0f, 0.0f };
	const float *both[2] = { share[0], share[1] };
	int64_t middle = (from + to - 1) / 2;
	/* Others that have no value there have no share. */
	bool others = job->other != NULL && !isnan(job->other->q[middle]);
	double level[VMF_LEVELS_MAX];

	vmf_kq_shares(c->q->ops, g->loss, g->w, k, c->day, c->q->asleep,
	    c->q->news, share[0]);
	vmf_kq_shares(c->q->ops, g->err, g->w, k, c->day, c->q->asleep,
	    c->q->news, share[1]);
	if (others) {
		for (int i = 0; i < 2; i++) {
			other[i] = (float)vmf_kq_other(g, k, c->day,
			    &job->other_lost[2 * k], i == 1);
			for (int m = 0; m < VMF_KQ_MEMBERS; m++)
				share[i][m] *= 1.0f - other[i];
		}
	}
	for (int j = 0; j < f->levels.n; j++) {
		double at = f->levels.ppm[j] / 1e6;

		level[j] = vmf_kq_level(g, k, c->day, (double)other[0], at);
		if (job->gate != NULL)
			level[j] = vmf_kq_widen(at, level[j], vmf_gate_wider(
			    job->gate, c->trait, at > 0.5));
	}
	vmf_kq_lead(c->q, middle);
	if (f->parts != NULL)
		tell_parts(c, job, share, other, k, from, to);
	if (job->gate != NULL)
		pass_gate(c, job, share, other, middle);
	vmf_kq_mix_dense(c->q, both);
	for (int64_t t = from; t < to; t++) {
		bool has = others && !isnan(job->other->q[t]);

		for (int j = 0; has && j < VMF_KQ_LEVELS; j++)
			alt[j] = job->other->q[j * job->other->h + t];
		if (t != c->q->lead)
			vmf_kq_single(c->q, t);
		vmf_kq_mix_atoms(c->q, both, has ? alt : NULL, has ? other :
		    none);
		f->mean[t] = (float)vmf_kq_mean(c->q, 0);
		vmf_kq_quantiles(c->q, 0, level, f->levels.n, v);
		vmf_kq_quantiles(c->q, 1, &half, 1, &median);
		for (int j = 0; j < f->levels.n; j++) {
			int32_t ppm = f->levels.ppm[j];

			/* The median has shares of its own; the others keep
			 * to their side of it. */
			if (ppm == 500000 || (ppm < 500000 && v[j] > median) ||
			    (ppm > 500000 && v[j] < median))
				v[j] = median;
			f->q[j * f->h + t] = v[j];
		}
	}
}

static int
forecast(struct course *c, struct vmf_kq_job *job, struct vmf_err *e)
{
	int rc = vmf_kq_state_get(&c->s, "kq", &job->from->blob,
	    c->step_s, e);
	int64_t to;
	int k = 0;

	if (rc != 0)
		return rc;
	c->q->without = c->s.without;
	c->trait = vmf_trait_of(c->q->y, c->q->n);
	vmf_kq_origin(c->q, c->q->n);
	for (int64_t from = 0; from < job->f->h; from = to) {
		int64_t width = from / 8, most = c->day / 24;

		while (k < VMF_KQ_GROUPS - 1 && from >= vmf_kq_end(k, c->day))
			k++;
		width = width > most ? most : width;
		to = from + (width < 1 ? 1 : width);
		if (k < VMF_KQ_GROUPS - 1 && to > vmf_kq_end(k, c->day))
			to = vmf_kq_end(k, c->day);
		if (to > job->f->h)
			to = job->f->h;
		predict(c, k, job, from, to);
	}
	return 0;
}

/* ---- many ---- */

struct task {
	struct vmf_kq q;
	double *y;			/* with the steps up to the start */
	int64_t cap, at;
	int rc;
	struct vmf_err e;
};

struct run {
	struct vmf_kq_job *job;
	int64_t n, next;
	const struct vmf_kq_ops *ops;
};

static int
take(void *arg, void *slot)
{
	struct run *r = arg;
	struct task *t = slot;

	if (r->next == r->n)
		return 0;
	t->at = r->next++;
	return 1;
}

static void
work(void *arg, void *slot)
{
	const struct run *r = arg;
	struct task *t = slot;
	struct vmf_kq_job *job = &r->job[t->at];
	const struct vmf_forecast_opts *o = job->opts;
	int64_t n = job->y->n + job->y->gap;
	int64_t week = vmf_kq_week(o->step_s, o->season);
	struct course c = {
		.q = &t->q, .step_s = o->step_s, .season = o->season,
		.day = vmf_kq_day(o->step_s), .start = o->start - n * o->step_s,
	};

	t->q.ops = r->ops;
	t->q.again = job->f != NULL;
	if ((t->rc = vmf_grow(&t->y, &t->cap, n, &t->e)) != 0)
		return;
	memcpy(t->y, job->y->y, (size_t)job->y->n * sizeof(*t->y));
	for (int64_t i = job->y->n; i < n; i++)
		t->y[i] = NAN;
	if ((t->rc = vmf_kq_series(&t->q, t->y, n, c.season, c.day, week,
	    vmf_kq_monday(c.start, c.step_s, week), &t->e)) != 0)
		return;
	t->rc = job->f == NULL ? learn(&c, job, &t->e) :
	    forecast(&c, job, &t->e);
}

static const struct vmf_kq_ops *
ops_of(const struct vmf_lanes *lanes)
{
	if (lanes == NULL)
		lanes = vmf_lanes_of(vmf_simd_best());
	return lanes == &vmf_lanes_avx512 ? &vmf_kq_avx512 :
	    lanes == &vmf_lanes_avx2 ? &vmf_kq_avx2 : &vmf_kq_plain;
}

int
vmf_kq_run(struct vmf_kq_job *job, int64_t n, const struct vmf_panel *how,
    struct vmf_err *e)
{
	struct run r = { .job = job, .n = n, .ops = ops_of(how->lanes) };
	struct vmf_pool_ops ops = { .take = take, .work = work, .arg = &r };
	struct vmf_pool *pool = NULL;
	struct task *task, *t;
	void **slot;
	int threads = how->threads > 1 ? how->threads : 1;
	int n_slots, rc = 0;

	if (n == 0)
		return 0;
	if ((int64_t)threads > n)
		threads = (int)n;
	n_slots = threads == 1 ? 1 : threads + 2;
	task = vmf_calloc(n_slots, (int64_t)sizeof(*task), e);
	slot = vmf_calloc(n_slots, (int64_t)sizeof(*slot), e);
	if (task == NULL || slot == NULL) {
		rc = VMF_ENOMEM;
		goto done;
	}
	for (int i = 0; i < n_slots; i++)
		slot[i] = &task[i];
	if ((rc = vmf_pool_new(&pool, &ops, slot, n_slots, e)) != 0)
		goto done;
	if (threads > 1)
		vmf_pool_start(pool, threads - 1);
	while ((t = vmf_pool_next(pool)) != NULL)
		if (t->rc != 0) {
			rc = t->rc;
			if (e != NULL)
				*e = t->e;
			break;
		}
done:
	vmf_pool_free(pool);
	for (int i = 0; task != NULL && i < n_slots; i++) {
		free(task[i].y);
		vmf_kq_free(&task[i].q);
	}
	free(task);
	free(slot);
	return rc;
}

int
vmf_kq_check(const char *name, const struct vmf_buf *blob, int64_t step_s,
    struct vmf_err *e)
{
	struct vmf_kq_state s;

	return vmf_kq_state_get(&s, name, blob, step_s, e);
}
