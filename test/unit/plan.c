/* SPDX-License-Identifier: MIT */
/*
 * Plans of a fleet without a stream: how loads are held, that what is placed
 * keeps the limits, that the bound is one, and that the search is the same
 * every time.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "plan/occupancy.h"
#include "plan/search.h"

#define STARTS 12
#define STEPS 14

static struct vmf_err err;

static void
open_problem(struct vmf_moves *m, int64_t width)
{
	*m = (struct vmf_moves){ .slot_s = 300, .step_s = 300,
	    .length_s = 300 * width, .n_starts = STARTS, .n_steps = STEPS,
	    .keep_load = true, .limits = { .max_host_load = NAN } };
	assert(vmf_moves_grid(m, &err) == 0);
	assert(m->width == width);
}

static void
test_values(void)
{
	double cost[STARTS], load[STEPS], third = 100.0 / 3.0;
	struct vmf_moves m;

	open_problem(&m, 2);
	m.limits.max_host_load = 100.0;
	for (int k = 0; k < STARTS; k++)
		cost[k] = k == 3 ? NAN : third + k;
	for (int t = 0; t < STEPS; t++)
		load[t] = t == 5 ? NAN : third;
	load[0] = -1.0;
	load[13] = 99.9;
	assert(vmf_moves_add(&m, cost, 0, load, NULL, 1.5, &err) == 0);
	assert(m.cost[3] == VMF_COST_NONE && m.vm[0].least == m.cost[0]);
	for (int k = 0; k < STARTS; k++)
		assert(k == 3 || fabs(vmf_moves_cost(&m, 0, k) - cost[k]) <=
		    100.0 / 65536);
	for (int t = 1; t < STEPS; t++) {
		double v = m.load[t] * m.vm[0].factor;
		double is = 1.5 * (t == 5 ? 99.9 : load[t]);

		/* Never less than it is, never much more. */
		assert(v >= is && v - is <= 1.5 * 128.0 / 65536);
	}
	assert(m.load[0] == 0);
	assert(fabs(vmf_moves_load(&m, 0, 2, false) - third) <= 128.0 / 65536);
	/* No windows, no loads. */
	assert(vmf_moves_add(&m, NULL, 0, NULL, NULL, 2.0, &err) == 0);
	assert(m.vm[1].least == VMF_COST_NONE && m.load[STEPS] == 0);
	vmf_moves_free(&m);
}

/* Costs and loads of any size and sign, where no host adds them up: within a
 * 65,000th of the greatest, or two with a quantile or where some are below
 * 0. */
static void
test_signs(void)
{
	const double scales[] = { 1e-300, 1e-9, 1.0, 1e30, 3e38 };

	for (int i = 0; i < 15; i++) {
		double cost[STARTS], load[STEPS], risk[STEPS];
		double scale = scales[i / 3], low = i % 3 * 0.5;
		struct vmf_moves m;

		open_problem(&m, 1);
		m.keep_above = true;
		for (int t = 0; t < STEPS; t++) {
			load[t] = scale * ((t * 5 % 7) / 6.0 - low);
			risk[t] = load[t] + scale * (t % 3);
			if (t < STARTS)
				cost[t] = load[t];
		}
		assert(vmf_moves_add(&m, cost, 0, load, risk, 1.0,
		    &err) == 0);
		for (int k = 0; k < STARTS; k++) {
			assert(fabs(vmf_moves_cost(&m, 0, k) - cost[k]) <=
			    scale / (low > 0.0 ? 32500.0 : 65000.0));
			assert(fabs(vmf_moves_load(&m, 0, k, false) -
			    load[k]) <= scale / 16000.0);
			assert(fabs(vmf_moves_load(&m, 0, k, true) -
			    risk[k]) <= scale / 10000.0);
			for (int j = 0; j < k; j++)
				assert((m.cost[j] < m.cost[k]) ==
				    (cost[j] < cost[k]));
		}
		vmf_moves_free(&m);
	}
}

/* n VMs on hosts 0 and 1 that want the same starts. */
static void
fill(struct vmf_moves *m, int n, uint64_t seed)
{
	struct vmf_rng rng = { seed };

	for (int i = 0; i < n; i++) {
		double cost[STARTS], load[STEPS];

		for (int k = 0; k < STARTS; k++)
			cost[k] = 1.0 + abs(k - 5) + 4.0 *
			    vmf_rng_unit(&rng);
		for (int t = 0; t < STEPS; t++)
			load[t] = 10.0;
		assert(vmf_moves_add(m, cost, 0, load, NULL, 1.0, &err)
		    == 0);
		m->vm[i].host = i % 2;
	}
	m->host = calloc(3, sizeof(*m->host));
	assert(m->host != NULL);
	m->n_hosts = 3;
	for (int h = 0; h < 3; h++)
		m->host[h] = (struct vmf_host){ .room = INFINITY,
		    .mem_mb = INFINITY, .cluster = -1, .open = h == 2 };
}

static void
test_counts(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		int64_t width = 1 + (int64_t)(seed % 3), slots = STARTS +
		    width - 1;
		struct vmf_search s = { .max_rounds = 2000, .searches = 3 };
		struct vmf_search again = { .max_rounds = 2000,
		    .searches = 3, .threads = 2 };
		struct vmf_occupancy o = { 0 }, p = { 0 };
		struct vmf_moves m, n;

		open_problem(&m, width);
		open_problem(&n, width);
		m.limits.per_host = n.limits.per_host = 2;
		m.limits.total = n.limits.total = 3;
		fill(&m, 9, seed);
		fill(&n, 9, seed);
		assert(vmf_search(&s, &o, &m, &err) == 0);
		assert(vmf_search(&again, &p, &n, &err) == 0);
		assert(o.n_placed == 9 && !(fabs(o.cost - p.cost) > 0.0));
		assert(s.bound <= o.cost + 1e-6);
		for (int64_t j = 0; j < slots; j++) {
			int at[3] = { 0 };

			for (int i = 0; i < 9; i++) {
				const struct vmf_move *v = &m.vm[i];

				assert(v->slot == n.vm[i].slot);
				if (v->slot <= j && j < v->slot + width) {
					at[v->host]++;
					at[2]++;
				}
			}
			assert(at[0] <= 2 && at[1] <= 2 && at[2] <= 3);
		}
		vmf_occupancy_free(&o);
		vmf_occupancy_free(&p);
		vmf_moves_free(&m);
		vmf_moves_free(&n);
	}
}

/* The best of several searches is one of them and no worse than the first,
 * and the room that is taken is that of the plan. */
static void
test_searches(void)
{
	int better = 0;

	for (uint64_t seed = 1; seed <= 10; seed++) {
		double cost[3];

		for (int k = 0; k < 3; k++) {
			struct vmf_search s = { .max_rounds = 5,
			    .searches = 1 + 4 * k, .threads = 2 };
			struct vmf_occupancy o = { 0 };
			struct vmf_moves m;
			double sum = 0.0, n;

			open_problem(&m, 3);
			m.limits.per_host = 1;
			m.limits.max_host_load = 1.0;
			fill(&m, 7, seed);
			m.host[2].room = 1000.0;
			for (int i = 0; i < 7; i++)
				m.vm[i].place = true;
			assert(vmf_search(&s, &o, &m, &err) == 0);
			n = (double)o.n_placed;
			cost[k] = o.cost - 100.0 * n;
			assert(k == 0 || cost[k] <= cost[k - 1] + 1e-9);
			for (int i = 0; i < 7; i++)
				if (m.vm[i].slot >= 0) {
					sum += vmf_occupancy_cost(&o, i,
					    m.vm[i].slot, m.vm[i].to);
					vmf_occupancy_take(&o, i);
				}
			assert(fabs(sum - cost[k] - 100.0 * n) <= 1e-9);
			assert(o.n_placed == 0 && fabs(o.cost) <= 1e-6);
			for (int64_t j = 0; j < o.n_slots; j++)
				assert(o.total[j] == 0);
			vmf_occupancy_free(&o);
			vmf_moves_free(&m);
		}
		better += cost[2] < cost[0] - 1e-9;
	}
	assert(better > 0);
}

/* Nobody is there, or nobody can move: that is a plan, however often it is
 * searched for. */
static void
test_nobody(void)
{
	for (int n = 0; n < 2; n++) {
		struct vmf_search s = { .searches = 3 };
		struct vmf_occupancy o = { 0 };
		struct vmf_moves m;

		open_problem(&m, 1);
		m.limits.total = 1;
		if (n == 1)
			assert(vmf_moves_add(&m, NULL, 0, NULL, NULL, 1.0,
			    &err) == 0);
		assert(vmf_search(&s, &o, &m, &err) == 0);
		assert(o.n_placed == 0);
		vmf_occupancy_free(&o);
		vmf_moves_free(&m);
	}
}

/* Host 2 has room for four VMs of 10, of which none leaves. */
static void
test_load(void)
{
	int64_t by[VMF_N_OBSTACLES] = { 0 };
	struct vmf_search s = { .max_rounds = 2000 };
	struct vmf_occupancy o = { 0 };
	struct vmf_moves m;
	int on = 0, i = 0;

	open_problem(&m, 1);
	m.limits.max_host_load = 1.0;
	fill(&m, 9, 7);
	m.host[2].room = 40.0;
	for (int k = 0; k < 9; k++)
		m.vm[k].place = true;
	assert(vmf_search(&s, &o, &m, &err) == 0);
	for (int k = 0; k < 9; k++)
		on += m.vm[k].to == 2;
	assert(on == 4 && o.n_placed == 4 && isnan(s.bound));
	while (m.vm[i].slot >= 0)
		i++;
	assert(vmf_occupancy_obstacles(&o, i, INFINITY, by) == STARTS);
	assert(by[VMF_BY_LOAD] == STARTS);
	vmf_occupancy_free(&o);
	vmf_moves_free(&m);
}

/* What a quantile is above the expected load, rounded up; a missing step is
 * as bad as the worst. */
static void
test_above(void)
{
	double load[STEPS], risk[STEPS], cost[STARTS] = { 0 };
	struct vmf_moves m;

	open_problem(&m, 1);
	m.limits.max_host_load = 100.0;
	m.keep_above = true;
	for (int t = 0; t < STEPS; t++) {
		load[t] = 3.1 * t;
		risk[t] = 3.1 * t + t % 3;
	}
	load[4] = NAN;
	risk[5] = NAN;
	assert(vmf_moves_add(&m, cost, 0, load, risk, 2.0, &err) == 0);
	for (int t = 0; t < STEPS; t++) {
		double worst = 0.0, x;

		for (int u = 0; u < STEPS; u++)
			if (u != 4 && u != 5 && risk[u] > worst)
				worst = risk[u];
		for (int u = 0; u < STEPS; u++)
			if (u != 4 && load[u] > worst)
				worst = load[u];
		x = t == 4 || t == 5 ? worst : risk[t];
		x = vmf_moves_used(&m, 0, t) - 2.0 * x;
		assert(x >= 0.0 && x <= 2.0 * worst / 16384.0);
	}
	vmf_moves_free(&m);
}

/* A fleet that is too large for that: 8 bits of all VMs from then on, never
 * less than it is. */
static void
test_above_coarse(void)
{
	const int64_t n = VMF_FINE_STEPS / 8;
	double cost[STARTS] = { 0 };
	double *load = calloc((size_t)n, sizeof(*load));
	double *risk = calloc((size_t)n, sizeof(*risk));
	struct vmf_moves m;

	assert(load != NULL && risk != NULL);
	open_problem(&m, 1);
	m.n_steps = n;
	m.keep_above = true;
	for (int64_t t = 0; t < n; t++) {
		load[t] = 50.0;
		risk[t] = 50.0 + (double)(t % 1000) / 37.0;
	}
	for (int64_t i = 0; i < 9; i++) {
		assert(vmf_moves_add(&m, cost, 0, load, i == 3 ? NULL : risk,
		    (double)(1 + i), &err) == 0);
		assert((m.above8 != NULL) == (i == 8));
		assert((m.above != NULL) == (i < 8));
	}
	for (int64_t i = 0; i < 9; i++)
		for (int64_t t = 0; t < n; t += 777) {
			double x = vmf_moves_used(&m, i, t) / (double)(1 + i) -
			    (i == 3 ? load[t] : risk[t]);

			assert(x >= 0.0 && x <= 27.0 / 64.0);
		}
	vmf_moves_free(&m);
	free(load);
	free(risk);
}

static bool
same(double a, double b)
{
	return a <= b && a >= b;
}

/* Are the loads of hosts those of the VMs that are there, added up anew and in
 * another order? */
static bool
in_step(const struct vmf_occupancy *o)
{
	const struct vmf_moves *m = o->m;

	for (int64_t h = 0; h < m->n_hosts; h++)
		for (int64_t t = 0; t < m->n_steps; t++) {
			double sum = 0.0;

			for (int64_t i = m->n - 1; i >= 0; i--) {
				const struct vmf_move *v = &m->vm[i];
				bool leaves = v->host == h && (v->slot < 0 ||
				    t < vmf_moves_left(m, i, v->slot));
				bool comes = v->slot >= 0 && v->to == h &&
				    t >= m->begins[v->slot];

				if (leaves || comes)
					sum += vmf_moves_used(m, i, t);
			}
			if (!isinf(m->host[h].room) &&
			    !same(sum, o->load[h * m->n_steps + t]))
				return false;
		}
	return true;
}

/* Loads of hosts do not drift, however often VMs come and go, whatever their
 * sizes: scale is that of some of them. */
static void
drift(double scale, double room, uint64_t seed)
{
	struct vmf_rng rng = { seed };
	struct vmf_occupancy o = { 0 };
	struct vmf_moves m;

	open_problem(&m, 1);
	m.limits.max_host_load = 1.0;
	for (int i = 0; i < 9; i++) {
		double cost[STARTS] = { 0 }, load[STEPS];

		for (int t = 0; t < STEPS; t++)
			load[t] = vmf_rng_unit(&rng) * (i < 4 ? scale : 30.0);
		assert(vmf_moves_add(&m, cost, 0, load, NULL,
		    1.0 + vmf_rng_unit(&rng), &err) == 0);
		m.vm[i].host = i % 2;
		m.vm[i].place = true;
	}
	m.host = calloc(3, sizeof(*m.host));
	assert(m.host != NULL);
	m.n_hosts = 3;
	for (int h = 0; h < 3; h++)
		m.host[h] = (struct vmf_host){ .room = h == 2 ? 1e40 : room,
		    .mem_mb = INFINITY, .cluster = -1, .open = true };
	assert(vmf_occupancy_open(&o, &m, &err) == 0 && in_step(&o));
	for (int k = 0; k < 20000; k++) {
		int64_t i = vmf_rng_below(&rng, 9);

		if (m.vm[i].slot >= 0)
			vmf_occupancy_take(&o, i);
		else
			vmf_occupancy_put(&o, i, (int32_t)vmf_rng_below(&rng,
			    STARTS), (m.vm[i].host + 1 +
			    (int32_t)vmf_rng_below(&rng, 2)) % 3);
		assert(k % 500 > 0 || in_step(&o));
	}
	vmf_occupancy_free(&o);
	vmf_moves_free(&m);
}

/* VM 0, of a load that is out of its mind, leaves host 0, which the others
 * fill: VM 8 has no room there before and none after. */
static void
test_drift(void)
{
	struct vmf_choice c;
	struct vmf_occupancy o = { 0 };
	struct vmf_moves m;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		drift(30.0, 200.0, seed);
		drift(1e9, 1e8, seed);
		drift(1e30, 200.0, seed);
		drift(1e30, 1e25, seed);
		drift(1e-5, 100.0, seed);
	}
	open_problem(&m, 1);
	m.limits.max_host_load = 1.0;
	fill(&m, 9, 3);
	for (int t = 0; t < STEPS; t++)
		m.load[t] = 1;
	m.vm[0].load_exp = 100;
	m.vm[0].factor = m.vm[0].top = 0x1p100;
	m.host[0] = (struct vmf_host){ .room = 45.0, .mem_mb = INFINITY,
	    .cluster = -1, .open = true };
	m.vm[0].target = 2;
	m.vm[1].target = 0;
	assert(vmf_occupancy_open(&o, &m, &err) == 0);
	assert(!vmf_occupancy_best(&o, 1, INT64_MAX, NULL, NULL, 9, &c));
	vmf_occupancy_put(&o, 0, 0, 2);
	/* Four of 10 are left, and the fifth is one too many. */
	assert(!vmf_occupancy_best(&o, 1, INT64_MAX, NULL, NULL, 9, &c));
	m.host[0].room = 50.0;
	assert(vmf_occupancy_best(&o, 1, INT64_MAX, NULL, NULL, 9, &c));
	assert(c.slot > 0 && c.to == 0);
	vmf_occupancy_free(&o);
	vmf_moves_free(&m);
}

/* Four VMs of 30 MB, host 2 holds 100 MB less what is there. */
static void
test_mem(void)
{
	int64_t by[VMF_N_OBSTACLES] = { 0 };
	struct vmf_search s = { .max_rounds = 2000 };
	struct vmf_occupancy o = { 0 };
	struct vmf_moves m;
	int on = 0, i = 0;

	open_problem(&m, 1);
	m.keep_mem = true;
	fill(&m, 9, 7);
	m.host[2].mem_mb = 100.0;
	for (int k = 0; k < 9; k++) {
		m.vm[k].place = true;
		m.vm[k].mem_mb = 30.0;
	}
	assert(vmf_search(&s, &o, &m, &err) == 0);
	for (int k = 0; k < 9; k++)
		on += m.vm[k].to == 2;
	assert(on == 3 && o.n_placed == 3);
	while (m.vm[i].slot >= 0)
		i++;
	assert(vmf_occupancy_obstacles(&o, i, INFINITY, by) == STARTS);
	assert(by[VMF_BY_MEM] == STARTS);
	vmf_occupancy_free(&o);
	vmf_moves_free(&m);
}

#define FEW 6			/* VMs, on THREE hosts, with WHEN starts */
#define THREE 3
#define WHEN 3
#define LAST (WHEN + 1)		/* slots, of moves of 2 */

/* FEW VMs that take what hosts have left, so that some come only when others
 * have gone. */
static void
open_few(struct vmf_moves *m, uint64_t seed)
{
	struct vmf_rng rng = { seed };
	double has[THREE] = { 0.0 };

	*m = (struct vmf_moves){ .slot_s = 300, .step_s = 300,
	    .length_s = 600, .n_starts = WHEN, .n_steps = LAST,
	    .keep_load = true, .keep_mem = true, .limits = {
	    .max_host_load = 1.0, .per_target = 1 + (int64_t)(seed % 2) } };
	assert(vmf_moves_grid(m, &err) == 0);
	for (int i = 0; i < FEW; i++) {
		double cost[WHEN], load[LAST];

		for (int k = 0; k < WHEN; k++)
			cost[k] = (double)vmf_rng_below(&rng, 20);
		for (int t = 0; t < LAST; t++)
			load[t] = (double)(1 + vmf_rng_below(&rng, 9));
		assert(vmf_moves_add(m, cost, 0, load, NULL, 1.0, &err)
		    == 0);
		m->vm[i].host = i % THREE;
		m->vm[i].place = true;
		m->vm[i].mem_mb = (double)(1 + vmf_rng_below(&rng, 4));
		m->vm[i].group = i < 2 ? 0 : -1;
		has[i % THREE] += m->vm[i].mem_mb;
	}
	m->n_groups = 1;
	m->host = calloc(THREE, sizeof(*m->host));
	assert(m->host != NULL);
	m->n_hosts = THREE;
	for (int h = 0; h < THREE; h++)
		m->host[h] = (struct vmf_host){ .room = 18.0 + (double)
		    vmf_rng_below(&rng, 8), .mem_mb = has[h] +
		    (double)vmf_rng_below(&rng, 3), .cluster = -1,
		    .open = true };
}

/* Does VM i, which moves in slot at (-1: not) to host to, count on host h in
 * slot j? */
static bool
is_on(const struct vmf_moves *m, int i, int at, int to, int h, int j)
{
	if (m->vm[i].host == h)
		return at < 0 || j < at + 2;
	return at >= 0 && to == h && j >= at;
}

/* Are all limits kept?  By slots, each of which is a step here. */
static bool
sound(const struct vmf_moves *m, const int *at, const int *to)
{
	for (int h = 0; h < THREE; h++) {
		int first = LAST;

		for (int i = 0; i < FEW; i++)
			if (at[i] >= 0 && to[i] == h && at[i] < first)
				first = at[i];
		for (int j = first; j < LAST; j++) {
			double load = 0.0, mem = 0.0;
			int coming = 0, group = 0;

			for (int i = 0; i < FEW; i++) {
				coming += at[i] >= 0 && to[i] == h &&
				    at[i] <= j && j < at[i] + 2;
				if (!is_on(m, i, at[i], to[i], h, j))
					continue;
				load += vmf_moves_used(m, i, j);
				mem += m->vm[i].mem_mb;
				group += m->vm[i].group == 0;
			}
			if (load > m->host[h].room || mem > m->host[h].mem_mb
			    || coming > m->limits.per_target || group > 1)
				return false;
		}
	}
	return true;
}

/* The best of all plans: how many are placed, and at what cost. */
static int
best_of_all(const struct vmf_moves *m, double *cost)
{
	int at[FEW], to[FEW], most = 0, all = 1;

	for (int i = 0; i < FEW; i++)
		all *= 1 + WHEN * (THREE - 1);
	*cost = 0.0;
	for (int c = 0; c < all; c++) {
		int rest = c, n = 0;
		double sum = 0.0;

		for (int i = 0; i < FEW; i++) {
			int k = rest % (1 + WHEN * (THREE - 1)) - 1;

			rest /= 1 + WHEN * (THREE - 1);
			at[i] = k < 0 ? -1 : k / (THREE - 1);
			to[i] = k < 0 ? -1 : (m->vm[i].host + 1 +
			    k % (THREE - 1)) % THREE;
			n += k >= 0;
			sum += k < 0 ? 0.0 : vmf_moves_cost(m, i, at[i]);
		}
		if (n < most || (n == most && !(sum < *cost)) ||
		    !sound(m, at, to))
			continue;
		most = n;
		*cost = sum;
	}
	return most;
}

/* Small fleets in which VMs wait for each other are planned as is best; two
 * of them are not by rounds that place one VM after the other. */
static void
test_optimum(void)
{
	int placed = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct vmf_search s = { .max_rounds = 3000, .searches = 1 };
		int at[FEW], to[FEW], most;
		struct vmf_occupancy o = { 0 };
		struct vmf_moves m;
		double cost;

		open_few(&m, seed);
		most = best_of_all(&m, &cost);
		assert(vmf_search(&s, &o, &m, &err) == 0);
		for (int i = 0; i < FEW; i++) {
			at[i] = m.vm[i].slot;
			to[i] = m.vm[i].to;
		}
		assert(sound(&m, at, to));
		assert(o.n_placed == most && fabs(o.cost - cost) <= 1e-9);
		placed += most;
		vmf_occupancy_free(&o);
		vmf_moves_free(&m);
	}
	assert(placed > 40);	/* and not because nothing fits */
}

int
main(void)
{
	test_values();
	test_signs();
	test_counts();
	test_searches();
	test_nobody();
	test_load();
	test_above();
	test_above_coarse();
	test_mem();
	test_drift();
	test_optimum();
	return 0;
}
