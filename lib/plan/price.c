/* SPDX-License-Identifier: MIT */
#include "plan/price.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DEFLECT 0.5		/* how much of the last direction stays */
#define STILL 3			/* rounds without a gain that halve steps */
#define LANES 4
#define AIM 0.1			/* the bound hoped for is this much higher */

enum { TOTAL, CLUSTER, SOURCE, TARGET, N_KINDS };

/* Which one of a kind VM i uses; -1: none. */
static int64_t
used_by(const struct vmf_moves *m, int64_t i, int kind)
{
	const struct vmf_move *v = &m->vm[i];

	return kind == TOTAL ? 0 : kind == CLUSTER ? v->cluster :
	    kind == SOURCE ? v->host : v->target;
}

/* VMs by host, as a counting sort. */
static int
make_order(struct vmf_prices *p, struct vmf_err *e)
{
	const struct vmf_moves *m = p->m;
	int32_t *from = vmf_calloc(m->n_hosts + 2, (int64_t)sizeof(*from),
	    e);

	p->order = vmf_calloc(m->n, (int64_t)sizeof(*p->order), e);
	if (from == NULL || p->order == NULL) {
		free(from);
		return VMF_ENOMEM;
	}
	for (int64_t i = 0; i < m->n; i++)
		from[m->vm[i].host + 2]++;
	for (int64_t h = 0; h <= m->n_hosts; h++)
		from[h + 1] += from[h];
	for (int64_t i = 0; i < m->n; i++)
		p->order[from[m->vm[i].host + 1]++] = (int32_t)i;
	free(from);
	return 0;
}

static int
open_kind(struct vmf_prices *p, int kind, int64_t n, int64_t limit,
    struct vmf_err *e)
{
	struct vmf_scarce *s = &p->kind[kind];
	int64_t all = n * p->n_slots;

	if (limit == 0)
		return 0;
	*s = (struct vmf_scarce){ .n = n, .limit = limit };
	s->price = vmf_calloc(all, (int64_t)sizeof(*s->price), e);
	s->best = vmf_calloc(all, (int64_t)sizeof(*s->best), e);
	s->way = vmf_calloc(all, (int64_t)sizeof(*s->way), e);
	s->use = vmf_calloc(all + 1, (int64_t)sizeof(*s->use), e);
	return s->price == NULL || s->best == NULL ||
	    s->way == NULL || s->use == NULL ?
	    VMF_ENOMEM : 0;
}

void
vmf_prices_free(struct vmf_prices *p)
{
	for (int k = 0; k < N_KINDS; k++) {
		free(p->kind[k].price);
		free(p->kind[k].best);
		free(p->kind[k].way);
		free(p->kind[k].use);
	}
	free(p->sum);
	free(p->window);
	free(p->order);
	*p = (struct vmf_prices){ .bound = p->bound };
}

/* VMs of one host after each other have the same prices. */
static bool
is_new(struct vmf_prices *p, int64_t i)
{
	bool new = false;

	for (int k = CLUSTER; k < N_KINDS; k++) {
		int64_t at = p->kind[k].price == NULL ? -1 :
		    used_by(p->m, i, k);

		new |= p->of[k - CLUSTER] != at;
		p->of[k - CLUSTER] = at;
	}
	return new;
}

/* Of windows of that many slots, by the sums. */
static const double *
windows(struct vmf_prices *p, int32_t width)
{
	p->wide = width;
	for (int64_t k = 0; k < p->m->n_starts; k++)
		p->window[k] = p->sum[k + width] - p->sum[k];
	return p->window;
}

const double *
vmf_prices_of(struct vmf_prices *p, int64_t i)
{
	const struct vmf_moves *m = p->m;

	if (!is_new(p, i))
		return p->wide == m->vm[i].width ? p->window :
		    windows(p, m->vm[i].width);
	memset(p->sum, 0, (size_t)(p->n_slots + 1) * sizeof(*p->sum));
	for (int k = 0; k < N_KINDS; k++) {
		const struct vmf_scarce *s = &p->kind[k];
		int64_t at = s->price == NULL ? -1 : used_by(m, i, k);
		const float *from;

		if (at < 0)
			continue;
		from = s->price + at * p->n_slots;
		for (int64_t j = 0; j < p->n_slots; j++)
			p->sum[j + 1] += (double)from[j];
	}
	for (int64_t j = 0; j < p->n_slots; j++)
		p->sum[j + 1] += p->sum[j];
	return windows(p, m->vm[i].width);
}

/* The cheapest start of VM i at the present prices, and what it costs; the
 * first of equal ones.  Minima are found in lanes, as each has to wait for the
 * one before. */
static int64_t
cheapest(struct vmf_prices *p, int64_t i, double *cost)
{
	const struct vmf_moves *m = p->m;
	const struct vmf_move *v = &m->vm[i];
	const uint16_t *q = m->cost + i * m->n_starts;
	const double *price = vmf_prices_of(p, i);
	double unit = ldexp(1.0, v->cost_exp), least[LANES], best = INFINITY;
	double low = v->cost_below * unit;
	double more = v->old_slot >= 0 ? m->limits.hysteresis : 0.0, old;
	int64_t k = 0, n = m->n_starts, at = -1;

	for (int l = 0; l < LANES; l++)
		least[l] = INFINITY;
	for (; k + LANES <= n; k += LANES)
		for (int l = 0; l < LANES; l++) {
			double x = q[k + l] == VMF_COST_NONE ? INFINITY :
			    q[k + l] * unit + price[k + l];

			least[l] = x < least[l] ? x : least[l];
		}
	for (; k < n; k++)
		if (q[k] != VMF_COST_NONE)
			least[0] = fmin(least[0], q[k] * unit + price[k]);
	for (int l = 0; l < LANES; l++)
		best = fmin(best, least[l]);
	for (k = 0; at < 0; k++)
		if (q[k] != VMF_COST_NONE && q[k] * unit + price[k] <= best)
			at = k;
	*cost = best - low + more;
	if (v->old_slot < 0 || q[v->old_slot] == VMF_COST_NONE)
		return at;
	old = q[v->old_slot] * unit + price[v->old_slot] - low;
	if (old > *cost || (old == *cost && v->old_slot > at))
		return at;
	*cost = old;
	return v->old_slot;
}

/* Everyone takes its cheapest start: what is used, and the bound. */
static double
everyone(struct vmf_prices *p)
{
	const struct vmf_moves *m = p->m;
	double sum = 0.0, x;

	for (int k = 0; k < N_KINDS; k++)
		if (p->kind[k].use != NULL)
			memset(p->kind[k].use, 0, (size_t)(p->kind[k].n *
			    p->n_slots + 1) * sizeof(*p->kind[k].use));
	p->of[0] = -2;
	for (int64_t o = 0; o < m->n; o++) {
		int64_t i = p->order[o], at;

		if (m->vm[i].least == VMF_COST_NONE)
			continue;
		at = cheapest(p, i, &x);
		sum += x;
		for (int k = 0; k < N_KINDS; k++) {
			struct vmf_scarce *s = &p->kind[k];
			int64_t g = s->use == NULL ? -1 : used_by(m, i, k);

			for (int64_t j = at; g >= 0 && j < at +
			    m->vm[i].width; j++)
				s->use[g * p->n_slots + j]++;
		}
	}
	for (int k = 0; k < N_KINDS; k++) {
		const struct vmf_scarce *s = &p->kind[k];

		for (int64_t j = 0; s->price != NULL &&
		    j < s->n * p->n_slots; j++)
			sum -= (double)s->price[j] * (double)s->limit;
	}
	return sum;
}

/* How many more moves than the limit want slot j, smoothed over the rounds;
 * 0 where a price that is 0 would fall.  The sum of the squares. */
static double
directions(struct vmf_prices *p, bool *over)
{
	double norm = 0.0;

	for (int k = 0; k < N_KINDS; k++) {
		struct vmf_scarce *s = &p->kind[k];

		for (int64_t j = 0; s->price != NULL &&
		    j < s->n * p->n_slots; j++) {
			double d = (double)(s->use[j] - s->limit);

			*over |= d > 0.0;
			d = DEFLECT * (double)s->way[j] + (1.0 - DEFLECT) * d;
			s->way[j] = (float)d;
			if (d > 0.0 || s->price[j] > 0.0F)
				norm += d * d;
		}
	}
	return norm;
}

static void
adjust(struct vmf_prices *p, double step)
{
	for (int k = 0; k < N_KINDS; k++) {
		struct vmf_scarce *s = &p->kind[k];

		for (int64_t j = 0; s->price != NULL &&
		    j < s->n * p->n_slots; j++)
			s->price[j] = (float)fmax(0.0, (double)s->price[j] +
			    step * (double)s->way[j]);
	}
}

int
vmf_prices_find(struct vmf_prices *p, const struct vmf_moves *m, double loss,
    int64_t rounds, struct vmf_err *e)
{
	const struct vmf_limits *l = &m->limits;
	double scale = 1.0;
	bool given = false;
	int rc, still = 0;

	p->m = m;
	p->n_slots = m->n_starts + m->width - 1;
	p->bound = -INFINITY;
	for (int64_t i = 0; i < m->n && !given; i++)
		given = m->vm[i].target >= 0;
	if ((rc = open_kind(p, TOTAL, 1, l->total, e)) != 0 ||
	    (rc = open_kind(p, CLUSTER, m->n_clusters, l->per_cluster,
	    e)) != 0 ||
	    (rc = open_kind(p, SOURCE, m->n_hosts, l->per_host, e)) != 0 ||
	    (given && (rc = open_kind(p, TARGET, m->n_hosts, l->per_target,
	    e)) != 0))
		return rc;
	p->sum = vmf_calloc(p->n_slots + 1, (int64_t)sizeof(*p->sum), e);
	p->window = vmf_calloc(m->n_starts, (int64_t)sizeof(*p->window), e);
	if (p->sum == NULL || p->window == NULL)
		return VMF_ENOMEM;
	if ((rc = make_order(p, e)) != 0)
		return rc;
	for (int64_t r = 0; r < rounds; r++) {
		double bound = everyone(p);

		bool over = false;
		double norm;

		if (!(bound > p->bound)) {
			if (++still == STILL) {
				scale /= 2.0;
				still = 0;
			}
		} else {
			p->bound = bound;
			still = 0;
			for (int k = 0; k < N_KINDS; k++)
				if (p->kind[k].price != NULL)
					memcpy(p->kind[k].best,
					    p->kind[k].price,
					    (size_t)(p->kind[k].n *
					    p->n_slots) * sizeof(float));
		}
		norm = directions(p, &over);
		if (!over || norm <= 0.0)
			break;
		adjust(p, scale * (vmf_more_by(p->bound, AIM) - bound +
		    loss) / norm);
	}
	/* Only the best are asked for from here on. */
	for (int k = 0; k < N_KINDS; k++) {
		struct vmf_scarce *s = &p->kind[k];

		free(s->price);
		free(s->way);
		free(s->use);
		s->price = s->best;
		s->best = s->way = NULL;
		s->use = NULL;
	}
	p->of[0] = -2;
	return 0;
}
