/* SPDX-License-Identifier: MIT */
#include "plan/moves.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VALUE_MAX (VMF_COST_NONE - 1)
#define ABOVE_BITS 16
#define ABOVE_MAX (UINT8_MAX << 8)	/* coarser it is at most UINT8_MAX */
#define SIGNED_MAX (VALUE_MAX / 2)	/* as many are below 0 */
#define EXP_LEAST (-1022)	/* of a normal number */
/* On hosts loads finer than 2^this do not count, and vCPUs are rounded up to a
 * multiple of 1/64, so that all that is added up there is one of this: */
#define EXP_MIN (-24)
#define CPU_PARTS 64.0
#define UNIT_MIN 0x1p-30
#define EXACT_BITS 51		/* of 53: what is rounded up is a little more */

void
vmf_moves_free(struct vmf_moves *m)
{
	free(m->vm);
	free(m->cost);
	free(m->load);
	free(m->above);
	free(m->above8);
	free(m->begins);
	free(m->host);
	*m = (struct vmf_moves){ 0 };
}

/* Begin to keep what quantiles add in 8 bits, rounded up once more. */
static int
coarsen(struct vmf_moves *m, struct vmf_err *e)
{
	int rc = vmf_grow(&m->above8, &m->above8_cap, m->above_n, e);

	if (rc != 0)
		return rc;
	for (int64_t k = 0; k < m->above_n; k++)
		m->above8[k] = (uint8_t)((m->above[k] + 255) >> 8);
	for (int64_t i = 0; i < m->n; i++) {
		m->vm[i].above_exp = (int16_t)(m->vm[i].above_exp + 8);
		m->vm[i].more *= 256.0;
	}
	free(m->above);
	m->above = NULL;
	return 0;
}

/* Room for what the quantiles of the first n VMs add, 0 where it is new. */
static int
reserve_above(struct vmf_moves *m, int64_t n, struct vmf_err *e)
{
	int64_t old = m->above_n, all = n * m->n_steps;
	int rc = 0;

	if (all > VMF_FINE_STEPS && m->above8 == NULL)
		rc = coarsen(m, e);
	if (rc == 0 && m->above8 == NULL)
		rc = vmf_grow(&m->above, &m->above_cap, all, e);
	else if (rc == 0)
		rc = vmf_grow(&m->above8, &m->above8_cap, all, e);
	if (rc != 0)
		return rc;
	if (m->above8 == NULL)
		memset(m->above + old, 0, (size_t)(all - old) *
		    sizeof(*m->above));
	else
		memset(m->above8 + old, 0, (size_t)(all - old));
	m->above_n = all;
	return 0;
}

int
vmf_moves_grid(struct vmf_moves *m, struct vmf_err *e)
{
	int rc;

	/* Without a start a length may be any, also longer than there is room
	 * for. */
	m->width = m->n_starts == 0 ? 1 : (m->length_s - 1) / m->slot_s + 1;
	for (int64_t i = 0; i < m->n; i++)
		m->vm[i].width = 1;	/* none of them has a start */
	free(m->begins);
	m->begins = vmf_calloc(m->n_starts, (int64_t)sizeof(*m->begins), e);
	if (m->begins == NULL)
		return VMF_ENOMEM;
	for (int64_t k = 0; k < m->n_starts; k++)
		m->begins[k] = (int32_t)((vmf_moves_start(m, k) - m->start) /
		    m->step_s);
	if (m->n == 0)
		return 0;
	if ((rc = vmf_grow(&m->cost, &m->cost_cap, m->n * m->n_starts,
	    e)) != 0)
		return rc;
	for (int64_t k = 0; k < m->n * m->n_starts; k++)
		m->cost[k] = VMF_COST_NONE;
	if (!m->keep_load)
		return 0;
	if ((rc = vmf_grow(&m->load, &m->load_cap, m->n * m->n_steps,
	    e)) != 0)
		return rc;
	memset(m->load, 0, (size_t)(m->n * m->n_steps) * sizeof(*m->load));
	if (!m->keep_above)
		return 0;
	return reserve_above(m, m->n, e);
}

/* The least exponent, not below least, with which top, in units of 2^exp, is
 * at most max, which has so many bits. */
static int
fit_exp(double top, int bits, int max, int least)
{
	int exp;

	(void)frexp(top, &exp);
	exp -= bits;
	if (ceil(ldexp(top, -exp)) > max)
		exp++;
	return exp > least ? exp : least;
}

/* The greatest of n values and the least, or 0 where none is above or below
 * that. */
static double
greatest(const double *v, int64_t n, double *least)
{
	double top = 0.0;

	*least = 0.0;
	for (int64_t t = 0; v != NULL && t < n; t++) {
		if (v[t] > top)
			top = v[t];
		if (v[t] < *least)
			*least = v[t];
	}
	return top;
}

/* In which units values are kept that are least or more, most at the most:
 * 2^exp, of which the first is so many below 0. */
static int
fit_signed(double least, double most, int exp_least, uint16_t *below)
{
	int exp;

	*below = 0;
	if (!(least < 0.0))
		return fit_exp(most, 16, VALUE_MAX, exp_least);
	exp = fit_exp(fmax(most, -least), 15, SIGNED_MAX, exp_least);
	*below = (uint16_t)ceil(ldexp(-least, -exp));
	return exp;
}

/* Loads of hosts are added up, and then none is below 0. */
static bool
counts_hosts(const struct vmf_moves *m)
{
	return !isnan(m->limits.max_host_load);
}

/* What the quantile of step t counts for above the expected load, of which
 * most is the greatest, and worst of the greater of the two; loads count for
 * least or more. */
static double
above(const double *load, const double *risk, int64_t t, double most,
    double worst, double least)
{
	double x = (isnan(load[t]) || isnan(risk[t]) ? worst : risk[t]) -
	    fmax(least, isnan(load[t]) ? most : load[t]);

	return x > 0.0 ? x : 0.0;
}

static int
add_above(struct vmf_moves *m, int64_t i, const double *load,
    const double *risk, double most, double cpus, struct vmf_err *e)
{
	int64_t n = m->n_steps;
	double worst = most, top = 0.0;
	double least = counts_hosts(m) ? 0.0 : -INFINITY;
	int exp, rc;

	if ((rc = reserve_above(m, i + 1, e)) != 0)
		return rc;
	if (load == NULL || risk == NULL)
		return 0;
	for (int64_t t = 0; t < n; t++)
		if (!isnan(load[t]) && risk[t] > worst)
			worst = risk[t];
	for (int64_t t = 0; t < n; t++)
		top = fmax(top, above(load, risk, t, most, worst, least));
	exp = fit_exp(top, ABOVE_BITS, ABOVE_MAX, counts_hosts(m) ? EXP_MIN :
	    EXP_LEAST);
	if (m->above8 != NULL)
		exp += 8;
	m->vm[i].above_exp = (int16_t)exp;
	m->vm[i].more = ldexp(cpus, exp);
	for (int64_t t = 0; t < n; t++) {
		double x = ceil(ldexp(above(load, risk, t, most, worst,
		    least), -exp));

		if (m->above8 != NULL)
			m->above8[i * n + t] = (uint8_t)x;
		else
			m->above[i * n + t] = (uint16_t)x;
	}
	return 0;
}

/* The most that VM i adds to a host. */
static void
find_top(struct vmf_moves *m, int64_t i)
{
	double top = 0.0;

	for (int64_t t = 0; t < m->n_steps; t++)
		top = fmax(top, vmf_moves_used(m, i, t));
	m->vm[i].top = top;
}

int
vmf_moves_add(struct vmf_moves *m, const double *cost, int64_t length_s,
    const double *load, const double *risk, double vcpus, struct vmf_err *e)
{
	int64_t i = m->n, s = m->n_starts, n = m->n_steps;
	double low, least, cpus;
	double top = greatest(cost, s, &low), most = greatest(load, n, &least);
	struct vmf_move *v;
	uint16_t *q;
	int rc;

	if ((rc = vmf_grow(&m->vm, &m->vm_cap, i + 1, e)) != 0 ||
	    (rc = vmf_grow(&m->cost, &m->cost_cap, (i + 1) * s, e)) != 0)
		return rc;
	v = &m->vm[i];
	*v = (struct vmf_move){ .host = -1, .cluster = -1, .target = -1,
	    .group = -1, .slot = -1, .to = -1, .old_slot = -1, .old_to = -1,
	    .length_s = length_s, .least = VMF_COST_NONE };
	v->cost_exp = (int16_t)fit_signed(low, top, EXP_LEAST,
	    &v->cost_below);
	q = m->cost + i * s;
	for (int64_t k = 0; k < s; k++) {
		q[k] = VMF_COST_NONE;
		if (cost == NULL || isnan(cost[k]))
			continue;
		q[k] = (uint16_t)(lrint(ldexp(cost[k], -v->cost_exp)) +
		    v->cost_below);
		if (q[k] < v->least)
			v->least = q[k];
	}
	/* The longest that has a start fits the forecast. */
	v->width = v->least == VMF_COST_NONE ? 1 :
	    (int32_t)((vmf_moves_length(m, i) - 1) / m->slot_s + 1);
	if (v->width > m->width)
		m->width = v->width;
	m->n++;
	if (!m->keep_load)
		return 0;
	if ((rc = vmf_grow(&m->load, &m->load_cap, (i + 1) * n, e)) != 0)
		return rc;
	v->load_exp = (int16_t)fit_signed(counts_hosts(m) ? 0.0 : least, most,
	    counts_hosts(m) ? EXP_MIN : EXP_LEAST, &v->load_below);
	cpus = ceil(vcpus * CPU_PARTS) / CPU_PARTS;
	v->factor = ldexp(cpus, v->load_exp);
	for (int64_t t = 0; t < n; t++) {
		double x = load == NULL ? 0.0 : isnan(load[t]) ? most :
		    load[t];

		x = ceil(ldexp(x, -v->load_exp)) + v->load_below;
		m->load[i * n + t] = x <= 0.0 ? 0 : (uint16_t)x;
	}
	if (m->keep_above && (rc = add_above(m, i, load, risk, most, cpus,
	    e)) != 0)
		return rc;
	find_top(m, i);
	return 0;
}

/* What VM i adds, in units of which there are at most most to its factors, and
 * in multiples of least. */
static void
set_factor(struct vmf_moves *m, int64_t i, double most, double least)
{
	struct vmf_move *v = &m->vm[i];
	double f = ceil(fmin(v->factor, most) / least) * least;
	double g = ceil(fmin(v->more, most) / least) * least;

	if (f <= v->factor && f >= v->factor && g <= v->more && g >= v->more)
		return;
	v->factor = f;
	v->more = g;
	find_top(m, i);
}

void
vmf_moves_exact(struct vmf_moves *m, double *sum)
{
	double all = 0.0, room = 0.0, top = 0.0, most = 0.0, unit;
	int exp;

	for (int64_t i = 0; i < m->n; i++)
		all += m->vm[i].top;
	for (int64_t h = 0; h < m->n_hosts; h++) {
		/* The sum itself is not exact. */
		if (!(m->host[h].room <= all * 1.001))
			m->host[h].room = INFINITY;
		else
			room = fmax(room, m->host[h].room);
	}
	(void)frexp(room, &exp);
	for (int64_t i = 0; i < m->n; i++) {
		struct vmf_move *v = &m->vm[i];

		set_factor(m, i, ldexp(1.0, exp), UNIT_MIN);
		top = fmax(top, v->top);
		if (v->host >= 0)
			sum[v->host] += v->top;
	}
	/* What is on a host is at most what was there, what its room lets come,
	 * and those that are too many while plans are tried. */
	for (int64_t h = 0; h < m->n_hosts; h++) {
		if (!isinf(m->host[h].room))
			most = fmax(most, m->host[h].room + sum[h]);
		sum[h] = 0.0;
	}
	(void)frexp(most + VMF_OVER_MOST * top, &exp);
	unit = ldexp(1.0, exp - EXACT_BITS);
	for (int64_t i = 0; unit > UNIT_MIN && i < m->n; i++)
		set_factor(m, i, INFINITY, unit);
}

double
vmf_moves_cost(const struct vmf_moves *m, int64_t i, int64_t k)
{
	return vmf_moves_worth(&m->vm[i], m->cost[i * m->n_starts + k]);
}

double
vmf_moves_load(const struct vmf_moves *m, int64_t i, int64_t k, bool risk)
{
	int64_t from = vmf_moves_start(m, k);
	int64_t to = from + vmf_moves_length(m, i);
	double unit = ldexp(1.0, m->vm[i].load_exp);
	double more = ldexp(1.0, m->vm[i].above_exp), sum = 0.0;

	for (int64_t t = m->begins[k]; t < vmf_moves_left(m, i, k); t++) {
		int64_t a = m->start + t * m->step_s, b = a + m->step_s;
		int64_t at = i * m->n_steps + t;
		double x = (m->load[at] - m->vm[i].load_below) * unit;

		if (risk && m->keep_above)
			x += vmf_moves_above(m, at) * more;
		sum += x * (double)((b < to ? b : to) - (a > from ? a :
		    from));
	}
	return sum / (double)vmf_moves_length(m, i);
}
