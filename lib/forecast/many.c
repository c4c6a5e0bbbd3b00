/* SPDX-License-Identifier: MIT */
#include "forecast/many.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/gate.h"
#include "forecast/global.h"
#include "forecast/kq_mix.h"
#include "forecast/kq_shares.h"

void
vmf_many_free(struct vmf_many *m)
{
	vmf_scratch_free(&m->scratch);
	for (int64_t i = 0; i < m->n_own; i++)
		vmf_fit_free(&m->own[i]);
	for (int64_t i = 0; i < m->n_alt; i++)
		vmf_forecast_free(&m->alt[i]);
	free(m->own);
	free(m->job);
	free(m->kernel);
	for (int64_t i = 0; i < m->n_wide; i++)
		vmf_forecast_free(&m->wide[i]);
	free(m->alt);
	free(m->copy);
	free(m->wide);
	free(m->target);
	free(m->window);
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

/* Was it learned of such a history?  The logarithm of one without negative
 * values says nothing of those that came since. */
static bool
suits(const struct vmf_algo *algo, const struct vmf_problem *p)
{
	if (!is_known(p))
		return false;
	if (algo->members == 0 || p->fit->n_params <= VMF_PANEL_SCALE ||
	    !(p->fit->params[VMF_PANEL_SCALE] > 0.0))
		return true;
	for (int64_t t = 0; t < p->y.n; t++)
		if (p->y.y[t] < 0.0)
			return false;
	return true;
}

/* A place for the fit of each problem. */
static int
make_room(struct vmf_many *m, int64_t n, struct vmf_err *e)
{
	int rc;

	if ((rc = vmf_grow(&m->own, &m->own_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&m->job, &m->job_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&m->kernel, &m->kernel_cap, n, e)) != 0)
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

/* Nothing is known of it yet, but where kq is to go on from itself. */
static void
forget_own(struct vmf_many *m, const struct vmf_problem *p, int64_t i)
{
	struct vmf_fit *own = own_of(m, p, i);

	if (p[i].rolled == own)
		own->n_params = 0;
	else
		forget(own);
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

static bool
is_fitted_now(const struct vmf_problem *p)
{
	return !is_known(p) || p->refit;
}

_Static_assert((int)VMF_PANEL_GROUPS == (int)VMF_KQ_GROUPS &&
    (int)VMF_PANEL_SAMPLES == (int)VMF_KQ_SAMPLES, "the same");

/* The leads that kernels are measured at; all problems of a call have steps
 * of one length. */
static void
set_samples(struct vmf_many *m, const struct vmf_problem *p, int64_t n)
{
	int64_t day = n > 0 ? vmf_kq_day(p[0].opts.step_s) : 1;

	for (int s = 0; s < VMF_PANEL_GROUPS * VMF_PANEL_SAMPLES; s++)
		m->sample[s] = vmf_kq_sample(s / VMF_PANEL_SAMPLES, day,
		    s % VMF_PANEL_SAMPLES);
}

/* Learn problem i by lanes; where kernels follow, measured where they are. */
static struct vmf_panel_job
lanes_fit(const struct vmf_algo *algo, struct vmf_many *m,
    struct vmf_problem *p, int64_t i)
{
	return (struct vmf_panel_job){ .y = &p[i].y,
	    .season = p[i].opts.season, .fit = own_of(m, p, i),
	    .with = suits(algo, &p[i]) ? p[i].fit : NULL,
	    .sample = algo->kernels ? m->sample : NULL };
}

/* Learn by lanes those whose status is ok and that the model does not know,
 * or only the start of. */
static int
fit_lanes(const struct vmf_algo *algo, struct vmf_problem *p, int64_t n,
    struct vmf_many *m, struct vmf_err *e)
{
	int64_t k = 0;
	int rc;

	set_samples(m, p, n);
	for (int64_t i = 0; i < n; i++) {
		if (p[i].f->status != VMF_OK)
			continue;
		m->failed = i;
		if (is_known(&p[i]) && (rc = vmf_panel_check(algo->name,
		    algo->members, p[i].fit->params, p[i].fit->n_params,
		    e)) != 0)
			return rc;
		if (is_fitted_now(&p[i]))
			m->job[k++] = lanes_fit(algo, m, p, i);
	}
	return vmf_panel_fit(m->job, k, algo->members, &m->how, e);
}

/* Forecasts of their own beside the problems', of horizon h each. */
static int
make_alt(struct vmf_many *m, const struct vmf_problem *p, int64_t n,
    struct vmf_err *e)
{
	int rc = vmf_grow(&m->alt, &m->alt_cap, n, e);

	if (rc != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		if (i == m->n_alt) {
			memset(&m->alt[i], 0, sizeof(m->alt[i]));
			m->n_alt++;
		}
		if (m->alt[i].h == p[i].f->h)
			continue;
		vmf_forecast_free(&m->alt[i]);
		if ((rc = vmf_forecast_init(&m->alt[i], p[i].f->h,
		    &vmf_kq_levels, e)) != 0)
			return rc;
	}
	return 0;
}

/* Forecast by lanes; where kernels follow, beside the problems. */
static int
predict_lanes(const struct vmf_algo *algo, struct vmf_problem *p, int64_t n,
    struct vmf_many *m, struct vmf_err *e)
{
	int64_t k = 0;
	int rc;

	if (algo->kernels && (rc = make_alt(m, p, n, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++)
		if (p[i].f->status == VMF_OK)
			m->job[k++] = (struct vmf_panel_job){ .y = &p[i].y,
			    .season = p[i].opts.season,
			    .f = algo->kernels ? &m->alt[i] : p[i].f,
			    .with = used(m, p, i) };
	return vmf_panel_predict(m->job, k, &m->how, e);
}

/* The params of kq alone: the layout of its blob. */
static int
mark_kernels(struct vmf_fit *fit, struct vmf_err *e)
{
	int rc = vmf_grow(&fit->params, &fit->params_cap, 1, e);

	if (rc != 0)
		return rc;
	fit->params[0] = 1.0;
	fit->n_params = 1;
	return 0;
}

/* A job that learns, going on from what is known where there is such. */
static struct vmf_kq_job
kernel_fit(const struct vmf_algo *algo, struct vmf_many *m,
    struct vmf_problem *p, int64_t i)
{
	const struct vmf_fit *from = p[i].rolled;

	if (from == NULL && is_known(&p[i]))
		from = p[i].fit;
	if (from != NULL && from->blob.n == 0)
		from = NULL;
	return (struct vmf_kq_job){ .y = &p[i].y, .opts = &p[i].opts,
	    .fit = own_of(m, p, i), .from = from,
	    .without = algo->without };
}

static int
check_kernels(const struct vmf_algo *algo, const struct vmf_problem *p,
    const struct vmf_fit *fit, struct vmf_err *e)
{
	if (algo->members == 0 && fit == p->fit && (fit->n_params != 1 ||
	    fit->params[0] != 1.0))
		return vmf_fail(e, VMF_EDATA, "%s has %lld params, expected "
		    "1, which is 1", algo->name, (long long)fit->n_params);
	return vmf_kq_check(algo->name, &fit->blob, p->opts.step_s, e);
}

/* What was learned of the fleet for use in kernels; NULL: nothing. */
static const struct vmf_gate *
gate_of(const struct vmf_algo *algo, const struct vmf_problem *p)
{
	return algo->global == &vmf_gate_ops && p->global != NULL ?
	    p->global->state : NULL;
}

/* Learn and forecast by kernels those whose status is ok. */
static int
solve_kernels(const struct vmf_algo *algo, struct vmf_problem *p, int64_t n,
    struct vmf_many *m, struct vmf_err *e)
{
	int64_t k = 0;
	int rc;

	for (int64_t i = 0; i < n; i++) {
		if (p[i].f->status != VMF_OK)
			continue;
		m->failed = i;
		if (is_known(&p[i]) && (rc = check_kernels(algo, &p[i],
		    p[i].fit, e)) != 0)
			return rc;
		if (!is_fitted_now(&p[i]))
			continue;
		m->kernel[k] = kernel_fit(algo, m, p, i);
		if (algo->members == 0 && (rc = mark_kernels(
		    m->kernel[k].fit, e)) != 0)
			return rc;
		k++;
	}
	if ((rc = vmf_kq_run(m->kernel, k, &m->how, e)) != 0)
		return rc;
	k = 0;
	for (int64_t i = 0; i < n; i++)
		if (p[i].f->status == VMF_OK)
			m->kernel[k++] = (struct vmf_kq_job){ .y = &p[i].y,
			    .opts = &p[i].opts, .f = p[i].f,
			    .from = used(m, p, i),
			    .other = algo->members != 0 ? &m->alt[i] : NULL,
			    .other_lost = algo->members != 0 ? used(m, p,
			    i)->params + VMF_PANEL_LOST : NULL,
			    .gate = gate_of(algo, &p[i]) };
	return vmf_kq_run(m->kernel, k, &m->how, e);
}

/* All whose status is ok. */
static int
solve(const struct vmf_algo *algo, struct vmf_problem *p, int64_t n,
    struct vmf_many *m, struct vmf_err *e)
{
	int rc;

	if (algo->members != 0 &&
	    ((rc = fit_lanes(algo, p, n, m, e)) != 0 ||
	    (rc = predict_lanes(algo, p, n, m, e)) != 0))
		return rc;
	if (algo->kernels && (rc = solve_kernels(algo, p, n, m, e)) != 0)
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

/* One at a time: neither lanes nor kernels. */
static bool
is_single(const struct vmf_algo *algo)
{
	return algo->members == 0 && !algo->kernels;
}

int
vmf_forecast_many(const struct vmf_algo *algo, struct vmf_problem *p,
    int64_t n, struct vmf_many *m, struct vmf_err *e)
{
	int rc;

	m->failed = 0;
	if (algo->global != NULL && algo->global->predict != NULL)
		return vmf_global_many(algo, p, n, m, e);
	if ((rc = make_room(m, n, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		m->failed = i;
		forget_own(m, p, i);
		if ((rc = vmf_forecast_begin(p[i].f, &p[i].y, &p[i].opts,
		    p[i].seen, is_known(&p[i]), &m->scratch, e)) != 0)
			return rc;
		p[i].refit |= !suits(algo, &p[i]);
		if (p[i].f->status != VMF_OK)
			forget(own_of(m, p, i));
		else if (is_single(algo) && (rc = solve_one(algo, &p[i],
		    own_of(m, p, i), m, e)) != 0)
			return rc;
	}
	if (!is_single(algo) && (rc = solve(algo, p, n, m, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++)
		vmf_forecast_end(p[i].f, &p[i].y, &p[i].opts, p[i].seen);
	return 0;
}

int
vmf_fit_many(const struct vmf_algo *algo, struct vmf_problem *p, int64_t n,
    enum vmf_status *status, struct vmf_many *m, struct vmf_err *e)
{
	int64_t k = 0, j = 0;
	int rc;

	m->failed = 0;
	if ((rc = make_room(m, n, e)) != 0)
		return rc;
	set_samples(m, p, n);
	for (int64_t i = 0; i < n; i++) {
		struct vmf_fit *own = own_of(m, p, i);

		m->failed = i;
		forget_own(m, p, i);
		status[i] = vmf_history_status(&p[i].y, p[i].opts.season);
		if (status[i] != VMF_OK)
			forget(own);
		else if (is_single(algo) && (rc = algo->fit(own, &p[i].y,
		    p[i].opts.season, &m->scratch, e)) != 0)
			return rc;
		if (status[i] == VMF_OK && algo->members != 0)
			m->job[k++] = lanes_fit(algo, m, p, i);
		if (status[i] == VMF_OK && algo->kernels) {
			m->kernel[j] = kernel_fit(algo, m, p, i);
			if (m->kernel[j].from != NULL &&
			    (rc = check_kernels(algo, &p[i],
			    m->kernel[j].from, e)) != 0)
				return rc;
			if (algo->members == 0 &&
			    (rc = mark_kernels(own, e)) != 0)
				return rc;
			j++;
		}
		if (status[i] != VMF_EMPTY &&
		    vmf_history_stale(&p[i].y, &p[i].opts))
			status[i] = VMF_STALE;
	}
	if ((rc = vmf_panel_fit(m->job, k, algo->members, &m->how, e)) != 0)
		return rc;
	return vmf_kq_run(m->kernel, j, &m->how, e);
}
