/* SPDX-License-Identifier: MIT */
#include "eval/eval.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "eval/eval_in.h"
#include "forecast/parts.h"

/* Memory for the series that are worked on at once, and how many at most;
 * more of them where a device has threads for them. */
#define CHUNK_BYTES (INT64_C(32) << 20)
#define CHUNK_ROWS 1024
#define DEVICE_MORE 32

int
vmf_eval_add(struct vmf_eval *ev, const char *name, int64_t len,
    enum vmf_rival_kind kind, const struct vmf_algo *algo,
    struct vmf_err *e)
{
	struct vmf_rival *r;
	int rc;

	for (int m = 0; m < ev->n_rivals; m++)
		if (vmf_text_is(name, len, ev->rival[m].name) &&
		    ev->rival[m].kind == kind)
			return m;
	if ((rc = vmf_grow(&ev->rival, &ev->rivals_cap, ev->n_rivals + 1,
	    e)) != 0)
		return rc;
	r = &ev->rival[ev->n_rivals];
	*r = (struct vmf_rival){ .kind = kind, .algo = algo };
	if ((r->name = vmf_strndup(name, len, e)) == NULL)
		return VMF_ENOMEM;
	ev->n_rivals++;
	if (ev->targets.n > 0 && (ev->given != NULL ?
	    kind == VMF_RIVAL_MODEL : algo != NULL) && (r->risk =
	    vmf_calloc(1, (int64_t)sizeof(*r->risk), e)) == NULL)
		return VMF_ENOMEM;
	r->boot = vmf_calloc(1, (int64_t)sizeof(*r->boot), e);
	if (r->boot == NULL)
		return VMF_ENOMEM;
	return ev->n_rivals - 1;
}

int
vmf_eval_add_models(struct vmf_eval *ev, const char *text,
    struct vmf_err *e)
{
	const struct vmf_algo *algos[VMF_WORDS_MAX];
	struct vmf_words w = { 0 };
	int rc = vmf_words_parse(&w, text, "--model", VMF_EUSAGE, e);

	for (int m = 0; m < w.n; m++)
		algos[m] = vmf_algo_find(w.v[m], (int64_t)strlen(w.v[m]));
	if (rc == 0 && ev->without != NULL)
		rc = vmf_parts_leave(algos, w.n, ev->less, ev->without,
		    "--without", VMF_EUSAGE, e);
	for (int m = 0; rc >= 0 && m < w.n; m++) {
		const char *name = w.v[m];
		int64_t len = (int64_t)strlen(name);
		const struct vmf_algo *algo = algos[m];
		enum vmf_rival_kind kind = VMF_RIVAL_MODEL;

		if (strcmp(name, "snaive") == 0)
			kind = VMF_RIVAL_SNAIVE;
		else if (strcmp(name, "snaive_point") == 0)
			kind = VMF_RIVAL_SNAIVE_POINT;
		else if (strcmp(name, "naive") == 0)
			kind = VMF_RIVAL_NAIVE;
		else if (algo == NULL)
			rc = vmf_algo_unknown(name, ", snaive_point, naive",
			    VMF_EUSAGE, e);
		if (rc >= 0)
			rc = vmf_eval_add(ev, name, len, kind, algo, e);
	}
	vmf_words_free(&w);
	return rc < 0 ? rc : 0;
}

int64_t
vmf_eval_origins(int64_t grid_steps, int64_t horizon)
{
	/* ceil(grid / 10 / horizon) without leaving the integers */
	int64_t n = (grid_steps + 10 * horizon - 1) / (10 * horizon);

	return n > 20 ? 20 : n;
}

static int
add_beside(struct vmf_eval *ev, struct vmf_err *e)
{
	static const struct {
		const char *name;
		enum vmf_rival_kind kind;
	} beside[] = { { "snaive", VMF_RIVAL_SNAIVE },
	    { "snaive_point", VMF_RIVAL_SNAIVE_POINT },
	    { "naive", VMF_RIVAL_NAIVE } };

	for (int k = 0; k < 3; k++) {
		const char *name = beside[k].name;
		int64_t len = (int64_t)strlen(name);
		int n = ev->n_rivals, rc;

		if ((rc = vmf_eval_add(ev, name, len, beside[k].kind,
		    vmf_algo_find(name, len), e)) < 0)
			return rc;
		ev->rival[rc].beside = ev->n_rivals > n;
	}
	return 0;
}

/* Steps of the grid, or -1 when its start is not known. */
static int64_t
grid_steps(const struct vmf_grid *g)
{
	if (g->start == VMF_TIME_NONE || g->end == VMF_TIME_NONE)
		return -1;
	return (g->end - vmf_time_floor(g->start, g->step_s)) / g->step_s;
}

static int
check_origins(struct vmf_eval *ev, struct vmf_err *e)
{
	const struct vmf_grid *g = &ev->series->grid;
	const char *name = vmf_reader_name(ev->series->r);
	int64_t steps = grid_steps(g);
	char start[32], end[32];

	if (g->start != VMF_TIME_NONE && g->end != VMF_TIME_NONE &&
	    g->end <= g->start) {
		vmf_time_format_utc(g->end, end);
		vmf_time_format_utc(g->start, start);
		return vmf_fail(e, VMF_EUSAGE, "%s: nothing to score up to %s "
		    "(--at, or the grid's end), as it begins at %s", name,
		    end, start);
	}
	if (ev->origins == 0 && steps < 0)
		return vmf_fail(e, VMF_EDATA, "%s: metadata vmf:start is "
		    "missing (some tools drop it), and the number of windows "
		    "follows from it; expected it or --origins", name);
	ev->origins_used = ev->origins > 0 ? ev->origins :
	    vmf_eval_origins(steps, ev->horizon);
	if (steps < 0 && ev->horizon > (VMF_TIME_HI - VMF_TIME_LO) / 2 /
	    g->step_s / ev->origins_used)
		return vmf_fail(e, VMF_EUSAGE, "%s: %" PRId64 " windows of %"
		    PRId64 " steps are more than there is time for", name,
		    ev->origins_used, ev->horizon);
	if (steps >= 0 && ev->horizon > (steps - 1) / ev->origins_used)
		return vmf_fail(e, VMF_EUSAGE, "%s: %" PRId64 " windows of %"
		    PRId64 " steps, expected fewer than the %" PRId64
		    " steps of the grid", name, ev->origins_used,
		    ev->horizon, steps);
	return 0;
}

/* Rows that are worked on at once: their pasts, actuals and forecasts. */
static int
make_room(struct vmf_eval *ev, struct vmf_err *e)
{
	int64_t steps = grid_steps(&ev->series->grid), n, bytes;
	int64_t more = ev->many.how.device != NULL ? DEVICE_MORE : 1;

	bytes = ev->horizon * (8 + 2 * 4 * (VMF_SCORE_LEVELS + 1)) +
	    (steps > 0 ? steps : 8192) * 8;
	n = CHUNK_BYTES * more / bytes;
	if (n > CHUNK_ROWS * more)
		n = CHUNK_ROWS * more;
	if (n < 1 || ev->given != NULL)
		n = 1;
	ev->cases = vmf_calloc(n, (int64_t)sizeof(*ev->cases), e);
	ev->problem = vmf_calloc(n, (int64_t)sizeof(*ev->problem), e);
	ev->prob = vmf_calloc(n, (int64_t)sizeof(*ev->prob), e);
	if (ev->cases == NULL || ev->problem == NULL || ev->prob == NULL)
		return VMF_ENOMEM;
	ev->n_cases = n;
	if (ev->given != NULL)
		return 0;
	ev->fit = vmf_calloc(n * ev->n_rivals, (int64_t)sizeof(*ev->fit), e);
	if (ev->fit == NULL)
		return VMF_ENOMEM;
	ev->cells = n * ev->n_rivals;
	ev->status = vmf_calloc(ev->cells, (int64_t)sizeof(*ev->status), e);
	ev->score = vmf_calloc(ev->cells * ev->metrics.n,
	    (int64_t)sizeof(*ev->score), e);
	return ev->status == NULL || ev->score == NULL ? VMF_ENOMEM : 0;
}

/* One event, of a metric and of steps that are scored. */
static int
check_target(const struct vmf_eval *ev, struct vmf_err *e)
{
	const struct vmf_target *t = ev->targets.v;

	if (ev->targets.n > 1)
		return vmf_fail(e, VMF_EUSAGE, "--target: expected one, found "
		    "%d", ev->targets.n);
	if (ev->given == NULL && t->to > ev->horizon)
		return vmf_fail(e, VMF_EUSAGE, "--target looks at step %"
		    PRId64 ", expected at most --horizon, %" PRId64, t->to,
		    ev->horizon);
	for (int k = 0; k < ev->metrics.n; k++)
		if (strcmp(ev->metrics.v[k], t->metric) == 0)
			return 0;
	return vmf_fail(e, VMF_EUSAGE, "--target is of '%.64s', which "
	    "--metric does not name", t->metric);
}

int
vmf_eval_open(struct vmf_eval *ev, struct vmf_schema *s, struct vmf_err *e)
{
	const struct vmf_grid *g = &ev->series->grid;
	int rc;

	if (ev->season_s % g->step_s != 0)
		return vmf_fail(e, VMF_EUSAGE, "--season is %" PRId64
		    " s, expected a multiple of the step, %" PRId64 " s",
		    ev->season_s, g->step_s);
	ev->season = ev->season_s / g->step_s;
	ev->width = (ev->length_s + g->step_s - 1) / g->step_s;
	ev->list = vmf_calloc(ev->metrics.n, (int64_t)sizeof(int), e);
	if (ev->list == NULL)
		return VMF_ENOMEM;
	for (int k = 0; k < ev->metrics.n; k++)
		if ((ev->list[k] = vmf_series_metric(ev->series,
		    ev->metrics.v[k], e)) < 0)
			return ev->list[k];
	if ((rc = add_beside(ev, e)) != 0 ||
	    (ev->targets.n > 0 && (rc = check_target(ev, e)) != 0) ||
	    (rc = ev->given != NULL ? vmf_eval_open_given(ev, e) :
	    check_origins(ev, e)) != 0 ||
	    (rc = make_room(ev, e)) != 0)
		return rc;
	ev->first = ev->given != NULL ? ev->given->grid.start :
	    g->end - ev->origins_used * ev->horizon * g->step_s;
	return vmf_eval_schema(ev, s, ev->first, e);
}

unsigned
vmf_eval_on(const struct vmf_eval *ev)
{
	unsigned on = 0;

	for (int m = 0; m < ev->n_rivals; m++)
		on |= vmf_algo_on(&ev->rival[m].algo, 1);
	return on;
}

bool
vmf_eval_learns(const struct vmf_eval *ev)
{
	for (int m = 0; m < ev->n_rivals; m++)
		if (ev->rival[m].algo != NULL &&
		    ev->rival[m].algo->global != NULL)
			return true;
	return ev->targets.n > 0 && ev->given == NULL;
}

int
vmf_eval_learn(struct vmf_eval *ev, struct vmf_err *e)
{
	const struct vmf_grid *grid = &ev->series->grid;
	struct vmf_globals *g = &ev->globals;
	int rc;

	/* Each algorithm once, and there are fewer. */
	assert(ev->n_rivals <= VMF_WORDS_MAX);
	for (int m = 0; m < ev->n_rivals; m++)
		g->algo[g->n_algos++] = ev->rival[m].algo;
	g->metrics = &ev->metrics;
	g->target = ev->targets.v;
	g->n_targets = ev->targets.n;
	g->how = ev->many.how;
	g->opts = (struct vmf_forecast_opts){
		.step_s = grid->step_s,
		.start = vmf_wall_of(ev->series->wall, grid->end) -
		    ev->origins_used * ev->horizon * grid->step_s,
		.season = ev->season, .stale_after_s = VMF_EVAL_STALE_S };
	if ((rc = vmf_globals_learn(g, ev->series, e)) != 0)
		return rc;
	ev->cols = vmf_calloc(g->n_models, (int64_t)sizeof(*ev->cols), e);
	ev->sides = vmf_calloc(g->n_models, (int64_t)sizeof(*ev->sides), e);
	if (ev->cols == NULL || ev->sides == NULL)
		return VMF_ENOMEM;
	for (int m = 0; m < g->n_models; m++)
		vmf_side_cols(&ev->cols[m], &g->model[m],
		    ev->series->schema);
	return 0;
}

void
vmf_eval_free(struct vmf_eval *ev)
{
	for (int64_t c = 0; c < ev->n_cases; c++)
		vmf_case_free(&ev->cases[c]);
	for (int64_t c = 0; c < ev->cells; c++)
		vmf_fit_free(&ev->fit[c]);
	for (int m = 0; m < ev->n_rivals; m++) {
		free(ev->rival[m].name);
		free(ev->rival[m].boot);
		free(ev->rival[m].risk);
	}
	if (ev->plan != NULL) {
		free(ev->plan->name);
		vmf_sorted_free(&ev->plan->at);
	}
	free(ev->rival);
	free(ev->cases);
	free(ev->problem);
	free(ev->fit);
	free(ev->status);
	free(ev->score);
	free(ev->list);
	free(ev->given_list);
	free(ev->ahead);
	for (int m = 0; ev->sides != NULL && m < ev->globals.n_models; m++)
		vmf_side_rows_free(&ev->sides[m]);
	free(ev->cols);
	free(ev->sides);
	vmf_globals_free(&ev->globals);
	vmf_risk_room_free(&ev->room);
	free(ev->prob);
	vmf_targets_free(&ev->targets);
	vmf_many_free(&ev->many);
	vmf_words_free(&ev->metrics);
	*ev = (struct vmf_eval){ 0 };
}

void
vmf_case_free(struct vmf_case *c)
{
	free(c->past);
	free(c->actual);
	vmf_forecast_free(&c->f);
	vmf_forecast_free(&c->ref);
	*c = (struct vmf_case){ 0 };
}

/* Room for h steps; what there is of another length is given back. */
static int
case_room(struct vmf_case *c, int64_t h, struct vmf_err *e)
{
	int rc;

	if (c->actual != NULL && c->h == h)
		return 0;
	vmf_case_free(c);
	c->h = h;
	c->actual = vmf_calloc(h, (int64_t)sizeof(double), e);
	if (c->actual == NULL)
		return VMF_ENOMEM;
	if ((rc = vmf_forecast_init(&c->f, h, &vmf_score_levels, e)) != 0)
		return rc;
	return vmf_forecast_init(&c->ref, h, &vmf_score_levels, e);
}

int
vmf_case_fill(struct vmf_case *c, struct vmf_series *s, int64_t i, int col,
    int64_t at, int64_t h, int64_t season, struct vmf_err *e)
{
	int64_t start = vmf_series_start(s, i), n, from;
	const double *v;
	int rc;

	if ((rc = case_room(c, h, e)) != 0 ||
	    (rc = vmf_series_list(s, i, col, &v, &n, e)) != 0)
		return rc;
	from = n > 0 ? (at - start) / s->grid.step_s : 0;
	for (int64_t t = 0; t < h; t++)
		c->actual[t] = from + t >= 0 && from + t < n ?
		    v[from + t] : NAN;
	if ((rc = vmf_series_slice(s, i, col, at, &c->y, e)) != 0)
		return rc;
	/*
	 * A block of its own for each: what lies after it is not the
	 * future, and a sanitizer or valgrind sees who reads there.
	 */
	free(c->past);
	c->past = NULL;
	if (c->y.n > 0) {
		c->past = vmf_calloc(c->y.n, (int64_t)sizeof(double), e);
		if (c->past == NULL)
			return VMF_ENOMEM;
		memcpy(c->past, c->y.y, (size_t)c->y.n * sizeof(double));
	}
	c->y.y = c->past;
	c->scale = vmf_score_scale(c->past, c->y.n, season);
	return 0;
}

void
vmf_rival_point(struct vmf_forecast *to, const struct vmf_forecast *f)
{
	const float *q50 = f->q + VMF_SCORE_MEDIAN * f->h;

	assert(to->h == f->h && to->levels.n == f->levels.n);
	for (int64_t t = 0; t < f->h; t++) {
		to->mean[t] = q50[t];
		for (int j = 0; j < VMF_SCORE_LEVELS; j++)
			to->q[j * f->h + t] = q50[t];
	}
	to->status = f->status;
}

void
vmf_rival_naive(struct vmf_forecast *f, const struct vmf_slice *y)
{
	float last = y->n > 0 ? (float)y->y[y->n - 1] : NAN;

	for (int64_t t = 0; t < f->h; t++) {
		f->mean[t] = last;
		for (int j = 0; j < VMF_SCORE_LEVELS; j++)
			f->q[j * f->h + t] = last;
	}
	f->status = y->n > 0 ? VMF_OK : VMF_EMPTY;
}

/* What was counted of a VM, but for its status. */
static void
add_tally(struct vmf_tally *all, const struct vmf_tally *v)
{
	vmf_score_add(&all->sum, &v->sum);
	all->n_series += v->n_series;
	all->rel += v->rel;
	all->n_rel += v->n_rel;
	all->n_plan += v->n_plan;
	all->plan_load += v->plan_load;
	all->plan_true += v->plan_true;
	all->plan_mean += v->plan_mean;
	all->plan_over += v->plan_over;
	all->n_beside += v->n_beside;
	all->plan_best += v->plan_best;
	all->plan_snaive += v->plan_snaive;
	all->plan_regret += v->plan_regret;
}

void
vmf_tally_series(struct vmf_tally *t, const struct vmf_score *s)
{
	double rel = vmf_score_crps_rel(s);

	vmf_score_add(&t->sum, s);
	t->n_series += s->n_points > 0;
	if (!isnan(rel)) {
		t->rel += rel;
		t->n_rel++;
	}
}

int
vmf_eval_vm(struct vmf_eval *ev, const char *id, int64_t id_len,
    struct vmf_batch *out, struct vmf_err *e)
{
	struct vmf_boot_weights w;
	int rc;

	if (ev->by_vm && (rc = vmf_eval_put(ev, id, id_len, out, e)) != 0)
		return rc;
	vmf_boot_draw(&w, ev->n_vms++);
	for (int m = 0; m < ev->n_rivals; m++) {
		struct vmf_rival *r = &ev->rival[m];
		const struct vmf_tally *v = &r->vm;

		if (!r->seen)
			continue;
		add_tally(&r->all, v);
		r->all.n_status[r->status]++;
		if (v->sum.n_regret > 0)
			vmf_boot_add(r->boot, &w, v->sum.regret,
			    v->sum.ref_regret);
		r->vm = (struct vmf_tally){ 0 };
		r->seen = false;
	}
	return 0;
}

static double
cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Forecast n cases by rival m into their f (or ref), of metric k; w counts
 * the origins down to 1. */
static int
run(struct vmf_eval *ev, int m, int64_t n, int k, int64_t at, int64_t w,
    struct vmf_err *e)
{
	struct vmf_rival *r = &ev->rival[m];
	struct vmf_global *g = r->algo == NULL ? NULL : vmf_globals_find(
	    &ev->globals, r->algo, ev->metrics.v[k],
	    (int64_t)strlen(ev->metrics.v[k]));
	bool is_ref = r->kind == VMF_RIVAL_SNAIVE;
	double before = cpu_now();
	int rc = 0;

	for (int64_t i = 0; i < n; i++) {
		struct vmf_case *c = &ev->cases[i];
		struct vmf_fit *fit = &ev->fit[m * ev->n_cases + i];
		bool first = ev->refit_never && w == ev->origins_used;

		ev->problem[i] = (struct vmf_problem){
			.y = c->y,
			.opts = { .step_s = ev->series->grid.step_s,
			    .start = at, .season = ev->season,
			    .stale_after_s = VMF_EVAL_STALE_S },
			.f = is_ref ? &c->ref : &c->f,
			.fit = ev->refit_never && !first ? fit : NULL,
			.own = first || !ev->refit_never ? fit : NULL,
			.seen = true,
			.rolled = ev->refit_never ? NULL : fit,
			.global = g,
			.side = g == NULL ? NULL :
			    &ev->sides[g - ev->globals.model].side[i],
		};
		if (r->kind == VMF_RIVAL_NAIVE)
			vmf_rival_naive(&c->f, &c->y);
		else if (r->kind == VMF_RIVAL_SNAIVE_POINT)
			vmf_rival_point(&c->f, &c->ref);
	}
	if (r->algo != NULL)
		rc = vmf_forecast_many(r->algo, ev->problem, n, &ev->many, e);
	r->all.cpu_s += cpu_now() - before;
	return rc;
}

void
vmf_eval_risk(struct vmf_rival *r, const struct vmf_target *t, double p,
    const double *y, int64_t h)
{
	/* Whole windows only: of others it is known sooner that it came than
	 * that it did not. */
	if (vmf_target_whole(t, y, h) && !isnan(p))
		vmf_risk_score_add(r->risk, p, vmf_target_came(t, y, h));
}

/* The probability of the event, by rival m, whose forecasts were the last
 * that were made. */
static int
run_risk(struct vmf_eval *ev, int m, int64_t n, struct vmf_err *e)
{
	struct vmf_rival *r = &ev->rival[m];
	const struct vmf_target *t = &ev->targets.v[0];
	struct vmf_global *g = vmf_globals_target(&ev->globals, r->algo,
	    t->text, (int64_t)strlen(t->text));
	int rc;

	assert(g != NULL);	/* vmf_eval_learn made it */
	for (int64_t i = 0; i < n; i++) {
		struct vmf_fit *fit = &ev->fit[m * ev->n_cases + i];

		ev->problem[i].fit = fit->n_params > 0 ? fit : NULL;
		ev->problem[i].own = NULL;
		ev->problem[i].rolled = NULL;
		ev->problem[i].side = &ev->sides[g -
		    ev->globals.model].side[i];
	}
	if ((rc = vmf_risk_many(g, ev->problem, n, &ev->room, &ev->many,
	    ev->prob, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++)
		vmf_eval_risk(r, t, (double)ev->prob[i], ev->cases[i].actual,
		    ev->horizon);
	return 0;
}

/* All rivals on metric k of n rows from i on, at one origin. */
static int
eval_origin(struct vmf_eval *ev, int64_t i, int64_t n, int k, int64_t w,
    struct vmf_err *e)
{
	const struct vmf_grid *g = &ev->series->grid;
	int64_t at = vmf_wall_of(ev->series->wall, g->end) -
	    w * ev->horizon * g->step_s;
	int ref = 0, rc;
	bool risk;

	for (int64_t r = 0; r < n; r++)
		if ((rc = vmf_case_fill(&ev->cases[r], ev->series, i + r,
		    ev->list[k], at, ev->horizon, ev->season, e)) != 0)
			return rc;
	for (int m = 0; m < ev->globals.n_models; m++) {
		vmf_side_rows_clear(&ev->sides[m]);
		for (int64_t r = 0; r < n; r++)
			if ((rc = vmf_side_rows_add(&ev->sides[m],
			    &ev->cols[m], ev->series, i + r, at, e)) != 0)
				return rc;
		vmf_side_rows_end(&ev->sides[m], &ev->cols[m]);
	}
	while (ev->rival[ref].kind != VMF_RIVAL_SNAIVE)
		ref++;
	risk = ev->targets.n > 0 && strcmp(ev->targets.v[0].metric,
	    ev->metrics.v[k]) == 0;
	if ((rc = run(ev, ref, n, k, at, w, e)) != 0 || (risk &&
	    (rc = run_risk(ev, ref, n, e)) != 0))
		return rc;
	for (int m = 0; m < ev->n_rivals; m++) {
		if (m != ref && ((rc = run(ev, m, n, k, at, w, e)) != 0 ||
		    (risk && ev->rival[m].risk != NULL &&
		    (rc = run_risk(ev, m, n, e)) != 0)))
			return rc;
		for (int64_t r = 0; r < n; r++) {
			struct vmf_case *c = &ev->cases[r];
			const struct vmf_forecast *f = m == ref ? &c->ref :
			    &c->f;
			int64_t cell = m * ev->n_cases + r;

			vmf_score_window(&ev->score[cell * ev->metrics.n + k],
			    c->actual, f, &c->ref, c->scale, ev->width);
			if (w == 1 && k == 0)
				ev->status[cell] = f->status;
		}
	}
	return 0;
}

/* n rows of the batch in hand from i on. */
static int
eval_rows(struct vmf_eval *ev, int64_t i, int64_t n, struct vmf_batch *out,
    struct vmf_err *e)
{
	int rc;

	memset(ev->score, 0, (size_t)(ev->cells * ev->metrics.n) *
	    sizeof(*ev->score));
	for (int k = 0; k < ev->metrics.n; k++) {
		for (int64_t c = 0; c < ev->cells; c++)
			ev->fit[c].n_params = ev->fit[c].blob.n = 0;
		for (int64_t w = ev->origins_used; w > 0; w--)
			if ((rc = eval_origin(ev, i, n, k, w, e)) != 0)
				return rc;
	}
	for (int64_t r = 0; r < n; r++) {
		int64_t len;
		const char *id = vmf_series_id(ev->series, i + r, &len);

		for (int m = 0; m < ev->n_rivals; m++) {
			int64_t cell = m * ev->n_cases + r;

			for (int k = 0; k < ev->metrics.n; k++)
				vmf_tally_series(&ev->rival[m].vm,
				    &ev->score[cell * ev->metrics.n + k]);
			ev->rival[m].status = ev->status[cell];
			ev->rival[m].seen = true;
		}
		if ((rc = vmf_eval_vm(ev, id, len, out, e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_eval_batch(struct vmf_eval *ev, struct vmf_batch *out, struct vmf_err *e)
{
	int64_t rows = ev->series->b->n;
	int rc;

	for (int64_t i = 0; i < rows; i += ev->n_cases) {
		int64_t n = rows - i < ev->n_cases ? rows - i : ev->n_cases;

		if ((rc = eval_rows(ev, i, n, out, e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_eval_finish(struct vmf_eval *ev, struct vmf_batch *out,
    struct vmf_err *e)
{
	int rc;

	if (ev->given != NULL && (rc = vmf_eval_finish_given(ev, e)) != 0)
		return rc;
	if (ev->plan != NULL && ev->plan->hosts != NULL)
		vmf_eval_hosts_close(ev->plan->hosts);
	return ev->by_vm ? 0 : vmf_eval_put(ev, NULL, 0, out, e);
}
