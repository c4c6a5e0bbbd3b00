/* SPDX-License-Identifier: MIT */
/* How those that were taken back in a round are placed again. */
#include "plan/search_in.h"

#include <math.h>
#include <stddef.h>

#define PASSES 3
#define LATE 8.0		/* at most; losses a plan's length */

void
vmf_recreate_best(struct vmf_state *s, struct vmf_rng *rng, int64_t max_hosts)
{
	struct vmf_choice c;

	bool more = s->n_order > 0;

	/* Who leaves makes room for who could not come before. */
	for (int pass = 0; pass < PASSES && more; pass++) {
		int64_t missed = 0;

		more = false;
		for (int64_t k = 0; k < s->n_order; k++) {
			int32_t i = s->order[k];

			if (s->m->vm[i].slot >= 0)
				continue;
			if (!vmf_occupancy_best(s->o, i, INT64_MAX, NULL,
			    rng, max_hosts, &c)) {
				missed++;
				continue;
			}
			vmf_occupancy_put(s->o, i, c.slot, c.to);
			more = true;
		}
		more = more && missed > 0 && s->depends;
	}
}

void
vmf_recreate_early(struct vmf_state *s)
{
	bool one = vmf_rng_below(&s->rng, 2) == 0, more = true;
	double late = vmf_rng_unit(&s->rng);
	struct vmf_choice c;

	late = vmf_rng_below(&s->rng, 3) == 0 ? VMF_NOT_HERE :
	    LATE * late * late * s->loss / (double)s->m->n_starts;
	for (int64_t k = 0; k < s->m->n_starts; k++)
		s->early[k] = late * (double)k;
	for (int pass = 0; pass < PASSES && more; pass++) {
		more = false;
		for (int64_t k = 0; k < s->n_order; k++) {
			int32_t i = s->order[k];

			if (s->m->vm[i].slot >= 0 || !vmf_occupancy_best(s->o,
			    i, INT64_MAX, s->early, &s->rng, one ? 1 :
			    INT64_MAX, &c))
				continue;
			vmf_occupancy_put(s->o, i, c.slot, c.to);
			more = true;
		}
	}
}

void
vmf_recreate_any(struct vmf_state *s)
{
	int32_t i = s->n_order > 0 ? s->order[vmf_rng_below(&s->rng,
	    s->n_order)] : -1;

	if (i < 0)
		return;
	for (int k = 0; k < 4 && s->m->vm[i].slot < 0; k++) {
		int32_t at = (int32_t)vmf_rng_below(&s->rng, s->m->n_starts);
		int32_t to = vmf_search_target(s, i);

		if ((to < 0 && s->m->vm[i].place) ||
		    !vmf_occupancy_fits(s->o, i, at, to))
			continue;
		vmf_occupancy_put(s->o, i, at, to);
	}
}

void
vmf_recreate_shift(struct vmf_state *s, int64_t by)
{
	for (int64_t k = 1; k < s->n_log; k++) {
		struct vmf_change c = s->log[k];
		int64_t j = k;

		for (; j > 0 && (by > 0 ? s->log[j - 1].slot < c.slot :
		    s->log[j - 1].slot > c.slot); j--)
			s->log[j] = s->log[j - 1];
		s->log[j] = c;
	}
	for (int64_t k = 0; k < s->n_log; k++) {
		const struct vmf_change *c = &s->log[k];
		int64_t at = c->slot + by;

		if (c->slot >= 0 && at >= 0 && at < s->m->n_starts &&
		    vmf_occupancy_fits(s->o, c->vm, (int32_t)at, c->to))
			vmf_occupancy_put(s->o, c->vm, (int32_t)at, c->to);
	}
}

/* The target with which VM i can take the place c; -2: none. */
static int32_t
target_for(const struct vmf_state *s, int64_t i, const struct vmf_change *c)
{
	const struct vmf_move *v = &s->m->vm[i];

	if (!v->place)
		return v->target;
	if (c->to < 0 || c->to == v->host || !s->m->host[c->to].open ||
	    (v->cluster >= 0 && s->m->host[c->to].cluster != v->cluster))
		return -2;
	return c->to;
}

/*
 * The assignment of least cost of n_rows rows to n_cols >= n_rows columns:
 * row_of[j] is the row of column j, counted from 1, or 0.  By shortest
 * augmenting paths with potentials: Jonker and Volgenant, "A Shortest
 * Augmenting Path Algorithm for Dense and Sparse Linear Assignment Problems"
 * (1987).
 */
static void
assign(double (*cost)[VMF_ASSIGN_MOST], int n_rows, int n_cols, int *row_of)
{
	double u[VMF_ASSIGN_MOST + 1] = { 0.0 };
	double v[VMF_ASSIGN_MOST + 1] = { 0.0 };
	int match[VMF_ASSIGN_MOST + 1] = { 0 };
	int way[VMF_ASSIGN_MOST + 1] = { 0 };

	for (int i = 1; i <= n_rows; i++) {
		double least[VMF_ASSIGN_MOST + 1];
		bool used[VMF_ASSIGN_MOST + 1] = { false };
		int j0 = 0;

		for (int j = 0; j <= n_cols; j++)
			least[j] = INFINITY;
		match[0] = i;
		do {
			double delta = INFINITY;
			int i0 = match[j0], j1 = 0;

			used[j0] = true;
			for (int j = 1; j <= n_cols; j++) {
				double x;

				if (used[j])
					continue;
				x = cost[i0 - 1][j - 1] - u[i0] - v[j];
				if (x < least[j]) {
					least[j] = x;
					way[j] = j0;
				}
				if (least[j] < delta) {
					delta = least[j];
					j1 = j;
				}
			}
			for (int j = 0; j <= n_cols; j++)
				if (used[j]) {
					u[match[j]] += delta;
					v[j] -= delta;
				} else {
					least[j] -= delta;
				}
			j0 = j1;
		} while (match[j0] != 0);
		for (; j0 != 0; j0 = way[j0])
			match[j0] = match[way[j0]];
	}
	for (int j = 0; j < n_cols; j++)
		row_of[j] = match[j + 1];
}

void
vmf_recreate_assign(struct vmf_state *s)
{
	double cost[VMF_ASSIGN_MOST][VMF_ASSIGN_MOST];
	const struct vmf_change *place[VMF_ASSIGN_MOST];
	int row_of[VMF_ASSIGN_MOST];
	int n_rows = 0, n_cols = s->n_order < VMF_ASSIGN_MOST ?
	    (int)s->n_order : VMF_ASSIGN_MOST;

	for (int64_t k = 0; k < s->n_log && n_rows < n_cols; k++)
		if (s->log[k].slot >= 0)
			place[n_rows++] = &s->log[k];
	for (int r = 0; r < n_rows; r++)
		for (int j = 0; j < n_cols; j++) {
			int32_t i = s->order[j];
			int32_t to = target_for(s, i, place[r]);

			cost[r][j] = to == -2 || !vmf_occupancy_fits(s->o, i,
			    place[r]->slot, to) ? VMF_NOT_HERE :
			    vmf_occupancy_cost(s->o, i, place[r]->slot, to);
		}
	assign(cost, n_rows, n_cols, row_of);
	for (int j = 0; j < n_cols; j++) {
		int r = row_of[j] - 1;
		int32_t i = s->order[j], to;

		if (r < 0 || !(cost[r][j] < VMF_NOT_HERE))
			continue;
		to = target_for(s, i, place[r]);
		if (vmf_occupancy_fits(s->o, i, place[r]->slot, to))
			vmf_occupancy_put(s->o, i, place[r]->slot, to);
	}
}
