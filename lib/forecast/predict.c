/* SPDX-License-Identifier: MIT */
#include "forecast/predict.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

/* One metric of the fleet. */
struct vmf_metric {
	const char *name;
	int list;			/* column of the series */
};

/* One metric of one row in hand. */
struct vmf_cell {
	const struct vmf_algo *algo;	/* NULL: not found yet */
	struct vmf_forecast f;
	struct vmf_fit fit;		/* what the model knows */
	struct vmf_slice y;
	int64_t part_row;		/* of the model, -1: of none */
	int64_t at;			/* in values, until all are there */
	bool solved;
};

/* Rows that are worked on at once, and values they may have; more of them
 * where a device has threads for them. */
#define ROWS_MAX 2048
#define VALUES_MAX (2 << 20)
#define DEVICE_MORE 32

/* Columns of every forecast that no attribute can have. */
static const char *const own_names[] = { "id", "start", "status", "model",
    "reason", "mase", NULL };

static int
find_metrics(struct vmf_predict *p, struct vmf_err *e)
{
	const struct vmf_words *known = &p->model->metrics;
	const char *name = vmf_reader_name(p->model->r);
	int rc;

	if (p->metrics.n == 0 && (rc = vmf_words_parse(&p->metrics,
	    vmf_meta_get(&vmf_reader_schema(p->model->r)->meta,
	    "vmf:metric"), "vmf:metric", VMF_EDATA, e)) != 0)
		return rc;
	p->metric = vmf_calloc(p->metrics.n, (int64_t)sizeof(*p->metric), e);
	if (p->metric == NULL)
		return VMF_ENOMEM;
	for (int k = 0; k < p->metrics.n; k++) {
		struct vmf_metric *m = &p->metric[k];
		int i;

		m->name = p->metrics.v[k];
		for (i = 0; i < known->n; i++)
			if (strcmp(known->v[i], m->name) == 0)
				break;
		if (i == known->n)
			return vmf_fail(e, VMF_EDATA, "%s: no model of "
			    "'%.64s'; its first metric is '%.64s'", name,
			    m->name, known->v[0]);
		if ((m->list = vmf_series_metric(p->series, m->name,
		    e)) < 0)
			return VMF_EDATA;
	}
	return 0;
}

/* Add a column that must not be there. */
static int
add_column(struct vmf_schema *s, const char *name, enum vmf_type type,
    struct vmf_err *e)
{
	int rc;

	if (vmf_schema_find(s, name) >= 0)
		return vmf_fail(e, VMF_EDATA, "attribute '%.64s' has the "
		    "name of a column of the forecast", name);
	rc = vmf_schema_add(s, name, type, false, e);
	return rc < 0 ? rc : 0;
}

/* A metric's list and its quantiles, with the unit of the series' list. */
static int
add_metric(const struct vmf_predict *p, const struct vmf_metric *m,
    struct vmf_schema *s, struct vmf_err *e)
{
	const struct vmf_field *from = &p->series->schema->field[m->list];
	const char *unit = vmf_meta_get(&from->meta, "unit");
	char name[256];
	int rc;

	for (int j = -1; j < p->levels.n; j++) {
		if (j < 0)
			snprintf(name, sizeof(name), "%s", m->name);
		else
			vmf_quantile_column(name, sizeof(name), m->name,
			    p->levels.ppm[j]);
		if ((rc = add_column(s, name, VMF_LIST_FLOAT32, e)) != 0)
			return rc;
		if (unit != NULL && (rc = vmf_meta_set(
		    &s->field[s->n - 1].meta, "unit", unit, e)) != 0)
			return rc;
	}
	return 0;
}

/* Names of scalar columns that do not travel on: "status" is replaced, the
 * others are the user's and are told. */
static void
note_dropped(struct vmf_predict *p)
{
	const struct vmf_schema *s = p->series->schema;
	size_t used = 0;

	for (int k = 0; own_names[k] != NULL; k++) {
		int c = vmf_schema_find(s, own_names[k]);

		if (c < 0 || c == p->series->id || c == p->series->start ||
		    strcmp(own_names[k], "status") == 0)
			continue;
		used += (size_t)snprintf(p->dropped + used,
		    sizeof(p->dropped) - used, "%s%s", used > 0 ? ", " : "",
		    own_names[k]);
	}
}

/* Is model m of the fleet of an event, and of what is forecast? */
static bool
is_risk(const struct vmf_predict *p, int m)
{
	const struct vmf_global *g = &p->globals.model[m];

	if (g->is_target && strcmp(g->algo->name, p->model->algos.v[0]) == 0)
		for (int k = 0; k < p->metrics.n; k++)
			if (strcmp(p->metrics.v[k], g->metric) == 0)
				return true;
	return false;
}

static int
add_risk(const struct vmf_target *t, struct vmf_schema *s, struct vmf_err *e)
{
	char name[256];
	int rc;

	vmf_target_column(t, name, sizeof(name));
	if ((rc = add_column(s, name, VMF_FLOAT32, e)) != 0)
		return rc;
	return vmf_meta_set(&s->field[s->n - 1].meta, "target", t->text, e);
}

static int
make_schema(struct vmf_predict *p, struct vmf_schema *s, struct vmf_err *e)
{
	const struct vmf_schema *from = p->series->schema;
	struct vmf_grid g = p->series->grid;
	int rc;

	p->attr = vmf_calloc(from->n, (int64_t)sizeof(*p->attr), e);
	if (p->attr == NULL)
		return VMF_ENOMEM;
	p->n_attrs = vmf_series_attributes(p->series, own_names, p->attr);
	note_dropped(p);
	if ((rc = add_column(s, "id", VMF_UTF8, e)) != 0)
		return rc;
	for (int a = 0; a < p->n_attrs; a++)
		if ((rc = vmf_schema_add_field(s, &from->field[p->attr[a]],
		    e)) < 0)
			return rc;
	if ((rc = add_column(s, "start", VMF_TIME, e)) != 0)
		return rc;
	for (int k = 0; k < p->metrics.n; k++)
		if ((rc = add_metric(p, &p->metric[k], s, e)) != 0)
			return rc;
	for (int m = 0; m < p->globals.n_models; m++)
		if (is_risk(p, m) && (rc = add_risk(
		    &p->globals.model[m].target, s, e)) != 0)
			return rc;
	if ((rc = add_column(s, "model", VMF_UTF8, e)) != 0 ||
	    (rc = add_column(s, "status", VMF_UTF8, e)) != 0 ||
	    (rc = add_column(s, "reason", VMF_UTF8, e)) != 0 ||
	    (rc = add_column(s, "mase", VMF_FLOAT32, e)) != 0)
		return rc;
	g.start = g.end;
	g.end = g.start + p->horizon * g.step_s;
	if ((rc = vmf_meta_set(&s->meta, "vmf:kind", "forecast", e)) != 0 ||
	    (rc = vmf_grid_write(&g, s, e)) != 0)
		return rc;
	return vmf_meta_set(&s->meta, "vmf:history",
	    vmf_meta_get(&from->meta, "vmf:history"), e);
}

/* The parts of the whole fleet, which stand first. */
static int
take_globals(struct vmf_predict *p, struct vmf_err *e)
{
	struct vmf_globals *g = &p->globals;
	struct vmf_part part;
	int got, rc;

	g->opts = p->opts;
	while ((got = vmf_model_peek(p->model, &part, e)) > 0 &&
	    part.id == NULL) {
		if ((rc = vmf_globals_take(g, &part, e)) != 0)
			return rc == VMF_EDATA ? vmf_fail_in(e, rc, "%s: row %"
			    PRId64, vmf_reader_name(p->model->r), part.row) :
			    rc;
		vmf_model_skip(p->model);
	}
	if (got < 0)
		return got;
	p->cols = vmf_calloc(g->n_models, (int64_t)sizeof(*p->cols), e);
	p->sides = vmf_calloc(g->n_models, (int64_t)sizeof(*p->sides), e);
	if (p->cols == NULL || p->sides == NULL)
		return VMF_ENOMEM;
	for (int m = 0; m < g->n_models; m++)
		vmf_side_cols(&p->cols[m], &g->model[m], p->series->schema);
	return 0;
}

/*
 * The leads of the forecast's steps on the clock of the model: where it is set
 * on the way, an hour more or none for one.  The steps of an hour that comes
 * again, of which the first is known, are leads as if it did not.
 */
static int
look_ahead(struct vmf_predict *p, struct vmf_err *e)
{
	const struct vmf_grid *g = &p->series->grid;
	bool same = true;

	p->leads = p->horizon;
	p->ahead = vmf_calloc(p->horizon, (int64_t)sizeof(*p->ahead), e);
	p->picked = vmf_calloc(p->horizon, (int64_t)sizeof(*p->picked), e);
	if (p->ahead == NULL || p->picked == NULL)
		return VMF_ENOMEM;
	for (int64_t t = 0; t < p->horizon; t++) {
		int64_t lead = (vmf_wall_of(p->series->wall, g->end +
		    t * g->step_s) - p->opts.start) / g->step_s;

		p->ahead[t] = lead < 0 ? t : lead;
		same = same && p->ahead[t] == t;
		if (p->ahead[t] >= p->leads)
			p->leads = p->ahead[t] + 1;
	}
	if (same) {
		free(p->ahead);
		p->ahead = NULL;
	}
	return 0;
}

int
vmf_predict_open(struct vmf_predict *p, struct vmf_schema *s,
    struct vmf_err *e)
{
	const struct vmf_grid *g = &p->series->grid;
	int rc;

	if (p->model->grid.step_s != g->step_s)
		return vmf_fail(e, VMF_EDATA, "%s: the model's step is %"
		    PRId64 " s, but that of %s is %" PRId64 " s",
		    vmf_reader_name(p->model->r), p->model->grid.step_s,
		    vmf_reader_name(p->series->r), g->step_s);
	if (p->horizon > (VMF_TIME_HI - g->end) / g->step_s)
		return vmf_fail(e, VMF_EUSAGE, "--horizon is %" PRId64
		    " steps, expected an end before the year 10000",
		    p->horizon);
	p->opts = (struct vmf_forecast_opts){
		.step_s = g->step_s,
		.start = vmf_wall_of(p->series->wall, g->end),
		.season = p->model->season_s / g->step_s,
		.stale_after_s = p->stale_after_s,
	};
	if ((rc = look_ahead(p, e)) != 0 ||
	    (rc = find_metrics(p, e)) != 0 ||
	    (rc = take_globals(p, e)) != 0)
		return rc;
	return make_schema(p, s, e);
}

void
vmf_predict_free(struct vmf_predict *p)
{
	for (int64_t i = 0; i < p->n_cells; i++) {
		vmf_forecast_free(&p->cell[i].f);
		vmf_fit_free(&p->cell[i].fit);
	}
	free(p->cell);
	free(p->row_seen);
	free(p->values);
	free(p->problem);
	free(p->problem_cell);
	free(p->ahead);
	free(p->picked);
	free(p->metric);
	free(p->attr);
	for (int m = 0; p->sides != NULL && m < p->globals.n_models; m++)
		vmf_side_rows_free(&p->sides[m]);
	free(p->cols);
	free(p->sides);
	vmf_globals_free(&p->globals);
	vmf_risk_room_free(&p->room);
	free(p->prob);
	free(p->only_id);
	vmf_words_free(&p->metrics);
	vmf_many_free(&p->many);
}

/* Count an id of the model that the series does not have, once for all its
 * parts. */
static int
count_only(struct vmf_predict *p, const struct vmf_part *part,
    struct vmf_err *e)
{
	int rc;

	if (part->id == NULL || (p->any_only && vmf_id_cmp(part->id,
	    part->id_len, p->only_id, p->only_len) == 0))
		return 0;
	if ((rc = vmf_grow(&p->only_id, &p->only_cap, part->id_len + 1,
	    e)) != 0)
		return rc;
	if (part->id_len > 0)
		memcpy(p->only_id, part->id, (size_t)part->id_len);
	p->only_len = part->id_len;
	p->any_only = true;
	p->n_model_only++;
	return 0;
}

/* Keep what the model knows of a cell: the batch it stands in goes on. */
static int
use_part(struct vmf_cell *c, const struct vmf_algo *algo,
    const struct vmf_part *part, struct vmf_err *e)
{
	struct vmf_fit *fit = &c->fit;
	int rc;

	c->algo = algo;
	c->part_row = part->row;
	if ((rc = vmf_grow(&fit->params, &fit->params_cap,
	    part->n_params + 1, e)) != 0)
		return rc;
	if (part->n_params > 0)
		memcpy(fit->params, part->params,
		    (size_t)part->n_params * sizeof(double));
	fit->n_params = part->n_params;
	fit->blob.n = 0;
	fit->mase = part->mase;
	return part->blob_bytes == 0 ? 0 :
	    vmf_buf_put(&fit->blob, part->blob, part->blob_bytes, e);
}

/* Take the model's parts of row i, whose cells are at c; parts of ids before
 * it are passed. */
static int
use_parts(struct vmf_predict *p, int64_t i, struct vmf_cell *c, bool *seen,
    struct vmf_err *e)
{
	struct vmf_part part;
	int64_t len;
	const char *id = vmf_series_id(p->series, i, &len);
	int got, rc, cmp;

	*seen = false;
	while ((got = vmf_model_peek(p->model, &part, e)) > 0) {
		cmp = part.id == NULL ? -1 :
		    vmf_id_cmp(part.id, part.id_len, id, len);
		if (cmp > 0)
			break;
		if (cmp < 0 && (rc = count_only(p, &part, e)) != 0)
			return rc;
		for (int k = 0; cmp == 0 && k < p->metrics.n; k++) {
			const char *name = p->metric[k].name;

			if (!vmf_text_is(part.metric, part.metric_len, name))
				continue;
			*seen = true;
			/* Of several models of a metric, the first. */
			if (c[k].algo == NULL && (rc = use_part(&c[k],
			    part.of, &part, e)) != 0)
				return rc;
		}
		vmf_model_skip(p->model);
	}
	return got < 0 ? got : 0;
}

/* Room for one row more. */
static int
add_row(struct vmf_predict *p, int64_t row, struct vmf_err *e)
{
	int64_t need = (row + 1) * p->metrics.n;
	int rc;

	if ((rc = vmf_grow(&p->cell, &p->cell_cap, need, e)) != 0 ||
	    (rc = vmf_grow(&p->problem, &p->problem_cap, need, e)) != 0 ||
	    (rc = vmf_grow(&p->problem_cell, &p->problem_cell_cap, need,
	    e)) != 0)
		return rc;
	for (; p->n_cells < need; p->n_cells++) {
		struct vmf_cell *c = &p->cell[p->n_cells];

		memset(c, 0, sizeof(*c));
		if ((rc = vmf_forecast_init(&c->f, p->leads, &p->levels,
		    e)) != 0) {
			vmf_forecast_free(&c->f);
			return rc;
		}
	}
	for (int64_t i = row * p->metrics.n; i < need; i++) {
		p->cell[i].algo = NULL;
		p->cell[i].part_row = -1;
		p->cell[i].solved = false;
		p->cell[i].fit.n_params = 0;
		p->cell[i].fit.blob.n = 0;
	}
	return 0;
}

/* Copy the history of row i, as the batch's view of it is one at a time. */
static int
take_values(struct vmf_predict *p, int64_t i, struct vmf_cell *c,
    struct vmf_err *e)
{
	int rc;

	for (int k = 0; k < p->metrics.n; k++) {
		if ((rc = vmf_series_slice(p->series, i, p->metric[k].list,
		    p->opts.start, &c[k].y, e)) != 0 ||
		    (rc = vmf_grow(&p->values, &p->values_cap,
		    p->n_values + c[k].y.n + 1, e)) != 0)
			return rc;
		if (c[k].y.n > 0)
			memcpy(p->values + p->n_values, c[k].y.y,
			    (size_t)c[k].y.n * sizeof(double));
		c[k].at = p->n_values;
		p->n_values += c[k].y.n;
	}
	for (int m = 0; m < p->globals.n_models; m++)
		if ((rc = vmf_side_rows_add(&p->sides[m], &p->cols[m],
		    p->series, i, p->opts.start, e)) != 0)
			return rc;
	return 0;
}

/* What the model has of the whole fleet for cell j. */
static void
use_global(struct vmf_predict *p, int64_t j, struct vmf_problem *to)
{
	const char *metric = p->metric[j % p->metrics.n].name;
	struct vmf_global *g = vmf_globals_find(&p->globals, p->cell[j].algo,
	    metric, (int64_t)strlen(metric));

	to->global = g;
	if (g != NULL)
		to->side = &p->sides[g - p->globals.model].side[j /
		    p->metrics.n];
}

/* Forecast the cells of the rows in hand, algorithm by algorithm. */
static int
solve(struct vmf_predict *p, int64_t rows, struct vmf_err *e)
{
	int64_t n = rows * p->metrics.n;
	int rc;

	for (int64_t i = 0; i < n; i++)
		p->cell[i].y.y = p->values + p->cell[i].at;
	for (int m = 0; m < p->globals.n_models; m++)
		vmf_side_rows_end(&p->sides[m], &p->cols[m]);
	for (int64_t i = 0; i < n; i++) {
		const struct vmf_algo *algo = p->cell[i].algo;
		int64_t k = 0;

		if (p->cell[i].solved)
			continue;
		for (int64_t j = i; j < n; j++) {
			struct vmf_cell *c = &p->cell[j];

			if (c->solved || c->algo != algo)
				continue;
			p->problem_cell[k] = j;
			p->problem[k++] = (struct vmf_problem){ .y = c->y,
			    .opts = p->opts, .f = &c->f,
			    .fit = c->part_row >= 0 ? &c->fit : NULL,
			    .seen = c->part_row >= 0, .refit = p->refit };
			if (algo->global != NULL)
				use_global(p, j, &p->problem[k - 1]);
			c->solved = true;
		}
		if ((rc = vmf_forecast_many(algo, p->problem, k, &p->many,
		    e)) == 0)
			continue;
		i = p->cell[p->problem_cell[p->many.failed]].part_row;
		return rc == VMF_EDATA && i >= 0 ? vmf_fail_in(e, rc,
		    "%s: row %" PRId64, vmf_reader_name(p->model->r), i) : rc;
	}
	return 0;
}

/* The problem of cell j by a model of the fleet. */
static struct vmf_problem
risk_problem(struct vmf_predict *p, int m, int64_t row, int k)
{
	struct vmf_cell *c = &p->cell[row * p->metrics.n + k];

	return (struct vmf_problem){ .y = c->y, .opts = p->opts,
	    .fit = c->part_row >= 0 ? &c->fit : NULL,
	    .seen = c->part_row >= 0, .refit = p->refit,
	    .side = &p->sides[m].side[row] };
}

/* Probabilities of the rows in hand; by another algorithm than the model's
 * they have none. */
static int
solve_risks(struct vmf_predict *p, int64_t rows, struct vmf_err *e)
{
	int rc;

	p->prob_rows = rows;
	if ((rc = vmf_grow(&p->prob, &p->prob_cap, rows *
	    p->globals.n_models + 1, e)) != 0)
		return rc;
	for (int m = 0; m < p->globals.n_models; m++) {
		const struct vmf_global *g = &p->globals.model[m];
		float *prob = p->prob + m * rows;
		int k = 0;

		if (!is_risk(p, m))
			continue;
		while (strcmp(p->metric[k].name, g->metric) != 0)
			k++;
		for (int64_t i = 0; i < rows; i++)
			p->problem[i] = risk_problem(p, m, i, k);
		if ((rc = vmf_risk_many(g, p->problem, rows, &p->room,
		    &p->many, prob, e)) != 0)
			return rc;
		for (int64_t i = 0; i < rows; i++)
			if (p->cell[i * p->metrics.n + k].algo != g->algo)
				prob[i] = NAN;
	}
	return 0;
}

/* "mem_mean: short: ..." after the first metric's reason. */
static void
join_reasons(const struct vmf_predict *p, const struct vmf_cell *c, char *buf,
    size_t n)
{
	size_t used = (size_t)snprintf(buf, n, "%s", c[0].f.reason);

	for (int k = 1; k < p->metrics.n && used < n; k++)
		if (c[k].f.status != VMF_OK)
			used += (size_t)snprintf(buf + used, n - used,
			    "%s%s: %s: %s", used > 0 ? "; " : "",
			    p->metric[k].name, vmf_status_name(c[k].f.status),
			    c[k].f.reason);
	/* Cut at a whole character. */
	for (used = strlen(buf); !vmf_utf8_valid(buf, (int64_t)used);)
		buf[--used] = '\0';
}

static int
put_text(struct vmf_col *c, const char *text, struct vmf_err *e)
{
	return *text == '\0' ? vmf_col_put_null(c, e) :
	    vmf_col_put_str(c, text, (int64_t)strlen(text), e);
}

/* The steps of the leads at v.  What is beyond a float is the greatest there
 * is: samples have no infinity, and who reads them as series would refuse
 * it. */
static int
put_list(struct vmf_predict *p, struct vmf_col *c, const float *v,
    struct vmf_err *e)
{
	for (int64_t t = 0; t < p->horizon; t++) {
		float x = v[p->ahead == NULL ? t : p->ahead[t]];

		p->picked[t] = isinf(x) ? copysignf(FLT_MAX, x) : x;
	}
	return vmf_col_put_list32(c, p->picked, p->horizon, e);
}

/* The forecast of row i, number `at` of those in hand. */
static int
put_row(struct vmf_predict *p, int64_t i, int64_t at, struct vmf_batch *out,
    struct vmf_err *e)
{
	const struct vmf_cell *cell = p->cell + at * p->metrics.n;
	struct vmf_col *c = out->col;
	char reason[1024];
	int64_t len;
	const char *id = vmf_series_id(p->series, i, &len);
	int rc;

	if ((rc = vmf_col_put_str(c++, id, len, e)) != 0)
		return rc;
	for (int a = 0; a < p->n_attrs; a++)
		if ((rc = vmf_col_put_from(c++,
		    &p->series->b->col[p->attr[a]], i, e)) != 0)
			return rc;
	if ((rc = vmf_col_put_int(c++, p->series->grid.end, e)) != 0)
		return rc;
	for (int k = 0; k < p->metrics.n; k++) {
		const struct vmf_forecast *f = &cell[k].f;

		if ((rc = put_list(p, c++, f->mean, e)) != 0)
			return rc;
		for (int j = 0; j < p->levels.n; j++)
			if ((rc = put_list(p, c++, f->q + j * f->h, e)) != 0)
				return rc;
	}
	for (int m = 0; m < p->globals.n_models; m++)
		if (is_risk(p, m) && (rc = vmf_col_put_num(c++,
		    (double)p->prob[m * p->prob_rows + at], e)) != 0)
			return rc;
	join_reasons(p, cell, reason, sizeof(reason));
	if ((rc = put_text(c++, cell[0].algo->name, e)) != 0 ||
	    (rc = put_text(c++, vmf_status_name(cell[0].f.status), e)) != 0 ||
	    (rc = put_text(c++, reason, e)) != 0 ||
	    (rc = vmf_col_put_num(c++, cell[0].f.mase, e)) != 0)
		return rc;
	vmf_batch_row(out);
	p->n_rows++;
	p->n_status[cell[0].f.status]++;
	return 0;
}

int64_t
vmf_predict_rows(struct vmf_predict *p, int64_t i, struct vmf_batch *out,
    struct vmf_err *e)
{
	const char *name = p->model->algos.v[0];
	const struct vmf_algo *algo = p->model->algo_of[0];
	int64_t rows, at = 0, per_row = p->metrics.n * p->horizon *
	    (p->levels.n + 1);
	int more = p->many.how.device != NULL ? DEVICE_MORE : 1, rc;

	if (algo == NULL)
		return vmf_fail(e, VMF_EDATA, "%s: metadata vmf:model: "
		    "'%.64s' is not known to this version; known: %s",
		    vmf_reader_name(p->model->r), name, vmf_algo_names());
	p->n_values = 0;
	for (int m = 0; m < p->globals.n_models; m++)
		vmf_side_rows_clear(&p->sides[m]);
	for (rows = 0; i + rows < p->series->b->n && rows < ROWS_MAX * more &&
	    p->n_values < VALUES_MAX * more &&
	    (rows == 0 || at * per_row < VALUES_MAX * more); rows++) {
		struct vmf_cell *c;

		if ((rc = vmf_grow(&p->row_seen, &p->seen_cap, rows + 1,
		    e)) != 0 || (rc = add_row(p, at, e)) != 0)
			return rc;
		c = p->cell + at * p->metrics.n;
		if ((rc = use_parts(p, i + rows, c, &p->row_seen[rows],
		    e)) != 0)
			return rc;
		p->n_known += p->row_seen[rows];
		if (!p->row_seen[rows] && p->skip_unseen) {
			p->n_skipped++;
			continue;
		}
		p->row_seen[rows] = true;	/* it is to be written */
		for (int k = 0; k < p->metrics.n; k++)
			if (c[k].algo == NULL)
				c[k].algo = algo;
		if ((rc = take_values(p, i + rows, c, e)) != 0)
			return rc;
		at++;
	}
	if ((rc = solve(p, at, e)) != 0 ||
	    (rc = solve_risks(p, at, e)) != 0)
		return rc;
	at = 0;
	for (int64_t k = 0; k < rows; k++)
		if (p->row_seen[k] && (rc = put_row(p, i + k, at++, out,
		    e)) != 0)
			return rc;
	return rows;
}

int
vmf_predict_end(struct vmf_predict *p, struct vmf_err *e)
{
	struct vmf_part part;
	int got, rc;

	while ((got = vmf_model_peek(p->model, &part, e)) > 0) {
		if ((rc = count_only(p, &part, e)) != 0)
			return rc;
		vmf_model_skip(p->model);
	}
	return got;
}
