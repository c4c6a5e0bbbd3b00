/* SPDX-License-Identifier: MIT */
#include "downtime/downtime_cost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MEDIAN 4
#define P90 8
#define LENGTH_MAX_S 31536000.0		/* a year */
#define FLAT 1e-9		/* a slope */

void
vmf_down_cost_open(struct vmf_down_cost *d, const struct vmf_reader *r)
{
	const struct vmf_down_target *t = d->m->target;
	const struct vmf_schema *s = vmf_reader_schema(r);

	d->load_of = vmf_down_load_of(s, d->metric);
	d->apart = d->load_of != NULL && d->load_of != d->metric;
	vmf_down_view(&d->view, d->m, r, d->load_of == NULL ? "" :
	    d->load_of);
	d->downtime = t[VMF_OUT_DOWNTIME].n == 0 &&
	    t[VMF_OUT_GUEST_DOWNTIME].n > 0 ? VMF_OUT_GUEST_DOWNTIME :
	    VMF_OUT_DOWNTIME;
	d->n_loads = d->m->told >> VMF_FACT_LOAD & 1 && d->view.load >= 0 ?
	    VMF_DOWN_LOADS : 1;
}

/* The facts of every row, once for each load; where a row has none, it is
 * not known at any. */
static int
take_facts(struct vmf_down_cost *d, const struct vmf_batch *b,
    struct vmf_err *e)
{
	int n = d->n_loads, rc;
	char part[VMF_DOWN_WHY];

	for (int64_t i = 0; i < b->n; i++) {
		struct vmf_facts *f = d->f + i * n;

		if ((rc = vmf_down_facts(&d->view, b, i, f, e)) != 0)
			return rc;
		d->mean[i] = f[0].num[VMF_FACT_LOAD];
		d->own[i] = f[0];
		/* As in windows, none is below 0 or above 100 %; and whole per
		 * cent, so that of a fleet few differ: rounded up, as a move
		 * that is longer than its window is worse than one that is
		 * shorter. */
		if (!isnan(d->mean[i]))
			d->own[i].num[VMF_FACT_LOAD] = ceil(fmax(0.0,
			    fmin(100.0, d->mean[i])));
		d->n_partial += *vmf_down_partial(d->m, &d->own[i],
		    part) != '\0';
		for (int l = n - 1; l >= 0 && n > 1; l--) {
			f[l] = f[0];
			if (isnan(d->mean[i]))
				continue;
			f[l].num[VMF_FACT_LOAD] = 100.0 * l /
			    (VMF_DOWN_LOADS - 1);
		}
	}
	return 0;
}

static int
facts_cmp(const void *a, const void *b)
{
	const struct vmf_facts *x = *(const struct vmf_facts *const *)a;
	const struct vmf_facts *y = *(const struct vmf_facts *const *)b;
	int d = memcmp(x->num, y->num, sizeof(x->num));

	return d != 0 ? d : memcmp(x->word, y->word, sizeof(x->word));
}

/* VMs are of few sizes and workloads, and the loads are the same for all: so
 * each of n facts that differs is predicted once.  How many differ. */
static int64_t
tell_apart(struct vmf_down_cost *d, const struct vmf_facts *f, int64_t n)
{
	int64_t differ = 0;

	for (int64_t i = 0; i < n; i++)
		d->order[i] = &f[i];
	qsort(d->order, (size_t)n, sizeof(*d->order), facts_cmp);
	for (int64_t k = 0; k < n; k++) {
		if (k == 0 || facts_cmp(&d->order[k - 1], &d->order[k]) != 0)
			d->once[differ++] = *d->order[k];
		d->at[d->order[k] - f] = differ - 1;
	}
	return differ;
}

/* Of row i, which is the same at all loads. */
static uint8_t
strange_of(const struct vmf_down_cost *d, int64_t i)
{
	return vmf_downtime_learned(d->m) ?
	    d->strange[d->at[i * d->n_loads]] : 0;
}

/* How long the moves of a batch's n rows are at their mean loads. */
static int
find_lengths(struct vmf_down_cost *d, int64_t n, struct vmf_err *e)
{
	int64_t differ;
	int rc;

	if (!d->auto_length)
		return 0;
	if ((rc = vmf_grow(&d->length_ms, &d->length_cap, n + 1, e)) != 0)
		return rc;
	differ = tell_apart(d, d->own, n);
	if ((rc = vmf_downtime_quantiles(d->m, VMF_OUT_TOTAL, d->once, differ,
	    d->m->words, d->q, d->strange, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++)
		d->length_ms[i] = d->q[d->at[i]][P90];
	return 0;
}

int
vmf_down_cost_batch(struct vmf_down_cost *d, const struct vmf_batch *b,
    struct vmf_err *e)
{
	int64_t n = b->n * d->n_loads, differ;
	int rc;

	if ((rc = vmf_grow(&d->row, &d->row_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->mean, &d->mean_cap, b->n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->own, &d->own_cap, b->n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->f, &d->f_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->once, &d->once_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->order, &d->order_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->at, &d->at_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->q, &d->q_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->strange, &d->strange_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&d->pre, &d->pre_cap, b->n + 1, e)) != 0 ||
	    (rc = take_facts(d, b, e)) != 0 ||
	    (rc = find_lengths(d, b->n, e)) != 0)
		return rc;
	differ = tell_apart(d, d->f, n);
	memset(d->strange, 0, (size_t)differ);
	if ((rc = vmf_downtime_quantiles(d->m, d->downtime, d->once, differ,
	    d->m->words, d->q, d->strange, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		d->row[i].downtime_ms = (float)d->q[d->at[i]][MEDIAN];
		d->row[i].downtime_p90_ms = (float)d->q[d->at[i]][P90];
	}
	if ((rc = vmf_downtime_quantiles(d->m, VMF_OUT_TOTAL, d->once, differ,
	    d->m->words, d->q, d->strange, e)) != 0)
		return rc;
	for (int64_t i = 0; i < b->n; i++) {
		struct vmf_facts f = vmf_downtime_usual(d->m, &d->own[i]);

		d->pre[i] = vmf_facts_precopy(&f, d->m->words);
		d->n_strange += strange_of(d, i) == VMF_DOWN_NEW_WORKLOAD;
		d->n_far += strange_of(d, i) > VMF_DOWN_NEW_WORKLOAD;
		d->n_unrated += vmf_downtime_learned(d->m) &&
		    !(d->m->told >> VMF_FACT_DIRTY & 1) &&
		    d->own[i].num[VMF_FACT_DIRTY] > 0.0;
		d->n_diverge += !d->pre[i].converges;
	}
	for (int64_t i = 0; i < n; i++) {
		d->row[i].total_ms = (float)d->q[d->at[i]][MEDIAN];
		d->row[i].total_p90_ms = (float)d->q[d->at[i]][P90];
	}
	return 0;
}

const char *
vmf_down_cost_unlearned(const struct vmf_down_cost *d)
{
	bool stop = d->m->target[d->downtime].n == 0;
	bool length = d->m->target[VMF_OUT_TOTAL].n == 0;

	return stop && length ? "no downtime and no length" :
	    stop ? "no downtime" : length ? "no length" : "";
}

double
vmf_down_cost_stopped(const struct vmf_down_cost *d, int64_t i)
{
	return d->pre[i].converges ? 0.0 : d->pre[i].downtime_ms;
}

void
vmf_down_cost_doubts(const struct vmf_down_cost *d, int64_t i, char *text,
    size_t size)
{
	char part[VMF_DOWN_WHY], why_wide[VMF_DOWN_WHY_WIDE];
	const char *lacks = vmf_down_partial(d->m, &d->own[i], part);
	const char *none = vmf_down_cost_unlearned(d);
	uint8_t strange = strange_of(d, i);
	const char *wide;
	int used;

	if (!d->pre[i].converges) {
		used = snprintf(text, size, "by arithmetic pre-copy will not "
		    "converge: its memory is written to as fast as it is "
		    "sent%s", *lacks != '\0' || strange != 0 ||
		    *none != '\0' ? "; " : "");
		text += used;
		size -= (size_t)used;
	}
	/* Where it has no workload that is told once, of all. */
	wide = vmf_down_why_wide(strange == VMF_DOWN_NEW_WORKLOAD &&
	    d->own[i].word[VMF_WORD_WORKLOAD] == -1 ? 0 : strange, why_wide);
	used = snprintf(text, size, "%s%s%s%s", *lacks != '\0' ?
	    "its move is predicted in part: " : "", lacks, *lacks != '\0' &&
	    *wide != '\0' ? "; " : "", wide);
	if (*none != '\0')
		snprintf(text + used, size - (size_t)used, "%s%s was learned: "
		    "by arithmetic", used > 0 ? "; " : "", none);
}

static float
between(float a, float b, double w)
{
	return (float)((1.0 - w) * (double)a + w * (double)b);
}

struct vmf_predicted
vmf_predicted_at(const struct vmf_predicted *f, int n_loads, double load)
{
	double at = load / 100.0 * (n_loads - 1), w;
	int l;

	if (n_loads == 1 || !(at > 0.0))
		return f[0];
	l = at < n_loads - 1 ? (int)at : n_loads - 2;
	w = at < n_loads - 1 ? at - l : 1.0;
	f += l;
	return (struct vmf_predicted){
		between(f[0].downtime_ms, f[1].downtime_ms, w),
		between(f[0].downtime_p90_ms, f[1].downtime_p90_ms, w),
		between(f[0].total_ms, f[1].total_ms, w),
		between(f[0].total_p90_ms, f[1].total_p90_ms, w),
	};
}

double
vmf_down_cost_of(const struct vmf_down_cost *d, const struct vmf_predicted *f)
{
	return d->per_s * (double)f->downtime_ms / 1000.0 +
	    d->per_min * (double)f->total_ms / 60000.0;
}

/* Between two loads that cost is a straight line, and above the last one it
 * grows as the load does. */
double
vmf_down_cost_load(const struct vmf_down_cost *d,
    const struct vmf_predicted *f, double cost, double error, double near)
{
	double best = INFINITY, each = 100.0 / fmax(1.0, d->n_loads - 1);

	for (int l = 0; l < d->n_loads; l++) {
		bool last = l == d->n_loads - 1;
		double lo = d->n_loads == 1 ? 0.0 : l * each;
		double hi = last ? INFINITY : lo + each;
		double at = lo + vmf_down_cost_of(d, &f[l]), a, b, w;
		double slope = last ? 1.0 : 1.0 + (vmf_down_cost_of(d,
		    &f[l + 1]) - vmf_down_cost_of(d, &f[l])) / each;

		/* A line that is level has its cost all along. */
		slope = fabs(slope) > FLAT ? slope : FLAT;
		w = error / fabs(slope);
		a = fmax(lo, lo + (cost - at) / slope - w);
		b = fmin(hi, lo + (cost - at) / slope + w);
		if (a > b)
			continue;
		a = fmax(a, fmin(near, b));
		if (fabs(a - near) < fabs(best - near))
			best = a;
	}
	return isinf(best) ? near : best;
}

int64_t
vmf_down_cost_length(const struct vmf_down_cost *d, int64_t i)
{
	double s = d->length_ms[i] / 1000.0;

	return 60 * (int64_t)ceil(fmax(fmin(s, LENGTH_MAX_S), 1.0) / 60.0);
}

void
vmf_down_cost_free(struct vmf_down_cost *d)
{
	free(d->row);
	free(d->mean);
	free(d->length_ms);
	free(d->own);
	free(d->f);
	free(d->once);
	free(d->order);
	free(d->at);
	free(d->q);
	free(d->strange);
	free(d->pre);
	d->row = NULL;
	d->mean = d->length_ms = NULL;
	d->own = d->f = d->once = NULL;
	d->order = NULL;
	d->at = NULL;
	d->q = NULL;
}
