/* SPDX-License-Identifier: MIT */
#include "forecast/many.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
vmf_many_free(struct vmf_many *m)
{
	vmf_scratch_free(&m->scratch);
	for (int64_t i = 0; i < m->n_own; i++)
		vmf_fit_free(&m->own[i]);
	free(m->own);
	free(m->job);
	*m = (struct vmf_many){ 0 };
}

static void
forget(struct vmf_fit *fit)
{
	fit->n_params = 0;
	fit->blob.n = 0;
	fit->mase = NAN;
}

static bool
is_known(const struct vmf_problem *p)
{
	return p->fit != NULL && p->fit->n_params > 0;
}

/* A place for the fit of each problem. */
static int
make_room(struct vmf_many *m, int64_t n, struct vmf_err *e)
{
	int rc;

	if ((rc = vmf_grow(&m->own, &m->own_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&m->job, &m->job_cap, n, e)) != 0)
		return rc;
	if (n > m->n_own) {
		memset(m->own + m->n_own, 0,
		    (size_t)(n - m->n_own) * sizeof(*m->own));
		m->n_own = n;
	}
	return 0;
}

static struct vmf_fit *
own_of(struct vmf_many *m, const struct vmf_problem *p, int64_t i)
{
	return p[i].own != NULL ? p[i].own : &m->own[i];
}

/* One problem by an algorithm that takes them one at a time. */
static int
solve_one(const struct vmf_algo *algo, struct vmf_problem *p,
    struct vmf_fit *own, struct vmf_many *m, struct vmf_err *e)
{
	const struct vmf_fit *fit = p->fit;
	int64_t filled;
	int rc;

	if (!is_known(p) || p->refit) {
		if ((rc = algo->fit(own, &p->y, p->opts.season, &m->scratch,
		    e)) != 0)
			return rc;
		fit = own;
	}
	p->f->mase = fit->mase;
	filled = algo->predict(p->f, &p->y, p->opts.season, fit->params,
	    fit->n_params, fit->blob.p, fit->blob.n, &m->scratch, e);
	if (filled < 0)
		return (int)filled;
	return vmf_forecast_fill(p->f, &p->y, filled, &m->scratch, e);
}

/* What a problem is forecast by. */
static const struct vmf_fit *
used(struct vmf_many *m, const struct vmf_problem *p, int64_t i)
{
	return is_known(&p[i]) && !p[i].refit ? p[i].fit : own_of(m, p, i);
}

/* Those whose status is ok, in lanes. */
static int
solve_lanes(const struct vmf_algo *algo, struct vmf_problem *p, int64_t n,
    struct vmf_many *m, struct vmf_err *e)
{
	int64_t k = 0;
	int rc;

	for (int64_t i = 0; i < n; i++) {
		if (p[i].f->status != VMF_OK)
			continue;
		m->failed = i;
		if (is_known(&p[i]) && (rc = vmf_panel_check(algo->name,
		    algo->members, p[i].fit->params, p[i].fit->n_params,
		    e)) != 0)
			return rc;
		if (!is_known(&p[i]) || p[i].refit)
			m->job[k++] = (struct vmf_panel_job){ .y = &p[i].y,
			    .season = p[i].opts.season,
			    .fit = own_of(m, p, i),
			    .with = is_known(&p[i]) ? p[i].fit : NULL };
	}
	if ((rc = vmf_panel_fit(m->job, k, algo->members, &m->how, e)) != 0)
		return rc;
	k = 0;
	for (int64_t i = 0; i < n; i++)
		if (p[i].f->status == VMF_OK)
			m->job[k++] = (struct vmf_panel_job){ .y = &p[i].y,
			    .season = p[i].opts.season, .f = p[i].f,
			    .with = used(m, p, i) };
	if ((rc = vmf_panel_predict(m->job, k, &m->how, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		if (p[i].f->status != VMF_OK)
			continue;
		m->failed = i;
		p[i].f->mase = used(m, p, i)->mase;
		if ((rc = vmf_forecast_fill(p[i].f, &p[i].y, 0, &m->scratch,
		    e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_forecast_many(const struct vmf_algo *algo, struct vmf_problem *p,
    int64_t n, struct vmf_many *m, struct vmf_err *e)
{
	int rc;

	m->failed = 0;
	if ((rc = make_room(m, n, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		m->failed = i;
		forget(own_of(m, p, i));
		if ((rc = vmf_forecast_begin(p[i].f, &p[i].y, &p[i].opts,
		    p[i].seen, is_known(&p[i]), &m->scratch, e)) != 0)
			return rc;
		if (p[i].f->status == VMF_OK && algo->members == 0 &&
		    (rc = solve_one(algo, &p[i], own_of(m, p, i), m, e)) != 0)
			return rc;
	}
	if (algo->members != 0 && (rc = solve_lanes(algo, p, n, m, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++)
		vmf_forecast_end(p[i].f, &p[i].y, &p[i].opts, p[i].seen);
	return 0;
}

int
vmf_fit_many(const struct vmf_algo *algo, struct vmf_problem *p, int64_t n,
    enum vmf_status *status, struct vmf_many *m, struct vmf_err *e)
{
	int64_t k = 0;
	int rc;

	m->failed = 0;
	if ((rc = make_room(m, n, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		struct vmf_fit *own = own_of(m, p, i);

		m->failed = i;
		forget(own);
		status[i] = vmf_history_status(&p[i].y, p[i].opts.season);
		if (status[i] == VMF_OK && algo->members != 0)
			m->job[k++] = (struct vmf_panel_job){ .y = &p[i].y,
			    .season = p[i].opts.season, .fit = own,
			    .with = is_known(&p[i]) ? p[i].fit : NULL };
		else if (status[i] == VMF_OK && (rc = algo->fit(own, &p[i].y,
		    p[i].opts.season, &m->scratch, e)) != 0)
			return rc;
		if (status[i] != VMF_EMPTY &&
		    vmf_history_stale(&p[i].y, &p[i].opts))
			status[i] = VMF_STALE;
	}
	return vmf_panel_fit(m->job, k, algo->members, &m->how, e);
}
