/* SPDX-License-Identifier: MIT */
#include "forecast/trees.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/thread.h"
#include "forecast/features.h"
#include "learn/boost.h"

enum { BOOSTERS = 10, MEAN = 9,
    /* of a window, and of a row after its numbers */
    LEADS = 4, EXTRA = BOOSTERS + 1 };
#define ROWS_MOST 160000
/* Too few to learn from, and to be tested on. */
#define LEARN_MIN 400
#define TEST_MIN 100
#define TEST_SHARE 0.2
/* Least gain over the base, of its loss, that trees are kept for. */
#define GAIN 0.001
/* Answers for the mean lie within so many units of zero. */
#define FAR 20.0f
/* Rows that are forecast at once. */
#define CHUNK 8192
#define HEADER_MAX 65536
#define VERSION 1

static int64_t
width(const struct vmf_global *g)
{
	return vmf_features(g) + EXTRA;
}

/*
 * Leads of a window, one in each of LEADS parts that grow: of a few hours as
 * many as of a day.
 */
static int64_t
lead_of(const struct vmf_window *w, int i)
{
	double draw = vmf_sample_draw(w->key ^
	    (uint64_t)w->opts->start, i);
	double at = ((double)i + draw) / LEADS;

	return (int64_t)((double)w->h * at * sqrt(at));
}

/* Behind the numbers of a row: the base and the answer, in the row's unit.
 * All rows count alike in it: weighted by their size, which is what CRPS does,
 * the few large VMs were learned by heart. */
static int
sample(const struct vmf_global *g, const struct vmf_window *w,
    struct vmf_sample *s, struct vmf_err *e)
{
	int n = vmf_features(g);
	struct vmf_features f;

	vmf_features_window(&f, g, w);
	for (int i = 0; i < LEADS; i++) {
		float x[VMF_FEATURES_MAX], base[BOOSTERS], *rec;
		int64_t lead = lead_of(w, i);
		double zero, unit, y = w->after[lead];
		int rc;

		if (isnan(y) || !vmf_features_row(&f, lead, x, base, &zero,
		    &unit))
			continue;
		if ((rc = vmf_sample_add(s, w->key, w->opts->start,
		    w->opts->start + (lead + 1) * g->step_s, &rec, e)) != 0)
			return rc;
		if (rec == NULL)
			return 0;
		memcpy(rec, x, (size_t)n * sizeof(*x));
		memcpy(rec + n, base, sizeof(base));
		rec[n + BOOSTERS] = (float)((y - zero) / unit);
	}
	return 0;
}

/* ---- learning ---- */

struct table {
	int64_t n;
	int n_cols;
	float *x, *y, *far, *base;	/* base: [booster][n] */
};

static void
table_free(struct table *t)
{
	free(t->x);
	free(t->y);
	free(t->far);
	free(t->base);
}

/* Of the sample, column by column; the sample is given back. */
static int
table_make(struct table *t, struct vmf_sample *s, int n_cols,
    struct vmf_err *e)
{
	int64_t f32 = (int64_t)sizeof(float);

	t->n = s->n;
	t->n_cols = n_cols;
	t->x = vmf_calloc(t->n * n_cols, f32, e);
	t->y = vmf_calloc(t->n, f32, e);
	t->far = vmf_calloc(t->n, f32, e);
	t->base = vmf_calloc(t->n * BOOSTERS, f32, e);
	if (t->x == NULL || t->y == NULL || t->far == NULL ||
	    t->base == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < t->n; i++) {
		const float *rec = s->rec + i * s->width;

		memcpy(t->x + i * n_cols, rec, (size_t)n_cols *
		    sizeof(float));
		for (int j = 0; j < BOOSTERS; j++)
			t->base[j * t->n + i] = rec[n_cols + j];
		t->y[i] = rec[n_cols + BOOSTERS];
		t->far[i] = fmaxf(-FAR, fminf(FAR, t->y[i]));
	}
	vmf_sample_free(s);
	return 0;
}

struct job {
	struct vmf_global *g;
	const struct table *t;
	int64_t n_learn, n_test;
	struct vmf_boost *b[BOOSTERS];
	double gain[BOOSTERS];
};

static struct vmf_boost_data
rows(const struct job *x, int j, int64_t from, int64_t n)
{
	const struct table *t = x->t;

	return (struct vmf_boost_data){ .x = t->x + from * t->n_cols,
	    .n_rows = n, .n_cols = t->n_cols,
	    .y = (j == MEAN ? t->far : t->y) + from,
	    .base = t->base + j * t->n + from };
}

/* Booster j: how many rounds pay is found on the newest rows, and then as
 * many are learned from all. */
static int
learn_one(void *arg, int64_t i, struct vmf_err *e)
{
	struct job *x = arg;
	int j = (int)i, rc;
	struct vmf_boost_opts o = {
		.loss = j == MEAN ? VMF_BOOST_SQUARED : VMF_BOOST_PINBALL,
		.quantile = (j + 1) / 10.0, .n_rounds = 400, .depth = 6,
		.eta = 0.05, .l2 = 50.0, .min_weight = 50.0, .row_share = 0.7,
		.col_share = 0.5, .n_bins = 64, .seed = x->g->seed + j,
		.patience = 40, .gpu = x->g->how.trees,
	};
	struct vmf_boost_data learn = rows(x, j, 0, x->n_learn), test =
	    rows(x, j, x->t->n - x->n_test, x->n_test), all = rows(x, j, 0,
	    x->t->n);
	double before = vmf_boost_loss_mean(&o, &test, test.base), after;
	float *out = vmf_calloc(x->n_test, (int64_t)sizeof(*out), e);

	if (out == NULL)
		return VMF_ENOMEM;
	if ((rc = vmf_boost_train(&o, &learn, &test, &x->b[j], e)) == 0)
		rc = vmf_boost_predict(x->b[j], test.x, test.n_rows,
		    test.n_cols, test.base, out, e);
	after = rc == 0 ? vmf_boost_loss_mean(&o, &test, out) : before;
	free(out);
	if (rc != 0)
		return rc;
	x->gain[j] = before > 0.0 ? 1.0 - after / before : 0.0;
	o.n_rounds = vmf_boost_trees(x->b[j]);
	vmf_boost_free(x->b[j]);
	x->b[j] = NULL;
	if (!(x->gain[j] >= GAIN))
		return 0;
	return vmf_boost_train(&o, &all, NULL, &x->b[j], e);
}

/* A line of JSON, and after it the boosters, one after the other. */
static int
save(struct vmf_global *g, const struct job *x, struct vmf_err *e)
{
	struct vmf_buf bytes[BOOSTERS] = { { 0 } };
	cJSON *o = cJSON_CreateObject(), *list = NULL, *gain = NULL;
	char *text = NULL;
	int rc = 0;

	for (int j = 0; j < BOOSTERS && rc == 0; j++)
		if (x->b[j] != NULL)
			rc = vmf_boost_save(x->b[j], &bytes[j], e);
	if (rc != 0)
		goto done;
	if (o == NULL || cJSON_AddNumberToObject(o, "version",
	    VERSION) == NULL ||
	    vmf_global_names_put(g, o) != 0 ||
	    (list = cJSON_AddArrayToObject(o, "bytes")) == NULL ||
	    (gain = cJSON_AddArrayToObject(o, "gain")) == NULL)
		rc = VMF_ENOMEM;
	for (int j = 0; j < BOOSTERS && rc == 0; j++)
		if (!cJSON_AddItemToArray(list, cJSON_CreateNumber(
		    (double)bytes[j].n)) || !cJSON_AddItemToArray(gain,
		    cJSON_CreateNumber(rint(1e6 * x->gain[j]) / 1e6)))
			rc = VMF_ENOMEM;
	if (rc != 0 || (text = cJSON_PrintUnformatted(o)) == NULL) {
		rc = vmf_fail(e, VMF_ENOMEM, "no memory for a model");
		goto done;
	}
	g->blob.n = 0;
	rc = vmf_buf_printf(&g->blob, e, "%s\n", text);
	for (int j = 0; j < BOOSTERS && rc == 0; j++)
		if (bytes[j].n > 0)
			rc = vmf_buf_put(&g->blob, bytes[j].p, bytes[j].n,
			    e);
done:
	for (int j = 0; j < BOOSTERS; j++)
		vmf_buf_free(&bytes[j]);
	cJSON_free(text);
	cJSON_Delete(o);
	return rc;
}

static int
learn(struct vmf_global *g, struct vmf_sample *s, struct vmf_err *e)
{
	struct table t = { 0 };
	struct job x = { .g = g, .t = &t };
	int rc = vmf_sample_split(s, TEST_SHARE, &x.n_learn, &x.n_test, e);

	if (rc != 0 || x.n_learn < LEARN_MIN || x.n_test < TEST_MIN)
		return rc;
	if ((rc = table_make(&t, s, vmf_features(g), e)) == 0)
		rc = vmf_each(BOOSTERS, g->how.threads, learn_one, &x, e);
	table_free(&t);
	if (rc == 0)
		rc = save(g, &x, e);
	for (int j = 0; j < BOOSTERS; j++)
		vmf_boost_free(x.b[j]);
	return rc;
}

/* ---- loading ---- */

struct forest {
	struct vmf_boost *b[BOOSTERS];	/* NULL: the base is all there is */
};

static void
forest_free(struct forest *f)
{
	for (int j = 0; j < BOOSTERS; j++)
		vmf_boost_free(f->b[j]);
	free(f);
}

static void
unload(struct vmf_global *g)
{
	forest_free(g->state);
	g->state = NULL;
}

/* The header, and the bytes of each booster. */
static int
read_header(struct vmf_global *g, const cJSON *o, int64_t left,
    int64_t bytes[BOOSTERS], struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "version");
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "bytes");
	int rc;

	if (!cJSON_IsNumber(v) || v->valuedouble != VERSION)
		return vmf_fail(e, VMF_EDATA, "version of the trees is not "
		    "%d", VERSION);
	if ((rc = vmf_global_names_get(g, o, e)) != 0)
		return rc;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != BOOSTERS)
		return vmf_fail(e, VMF_EDATA, "expected the bytes of %d "
		    "boosters", BOOSTERS);
	for (int j = 0; j < BOOSTERS; j++) {
		const cJSON *b = cJSON_GetArrayItem(list, j);

		if (!cJSON_IsNumber(b) || !(b->valuedouble >= 0.0) ||
		    !(b->valuedouble <= (double)left))
			return vmf_fail(e, VMF_EDATA, "booster %d does not "
			    "fit into what is there", j);
		bytes[j] = (int64_t)b->valuedouble;
		left -= bytes[j];
	}
	return left == 0 ? 0 : vmf_fail(e, VMF_EDATA, "%" PRId64 " bytes "
	    "after the last booster", left);
}

static int
load(struct vmf_global *g, struct vmf_err *e)
{
	const char *p = (const char *)g->blob.p, *end;
	int64_t n = g->blob.n, bytes[BOOSTERS], at;
	struct forest *f = NULL;
	cJSON *o;
	int rc;

	end = memchr(p, '\n', (size_t)(n > HEADER_MAX ? HEADER_MAX : n));
	o = end == NULL ? NULL : cJSON_ParseWithLength(p, (size_t)(end - p));
	if (o == NULL)
		return vmf_fail(e, VMF_EDATA, "xgboost: the blob of %" PRId64
		    " bytes does not begin with a line of JSON", n);
	at = end + 1 - p;
	if ((rc = read_header(g, o, n - at, bytes, e)) == 0 &&
	    (f = vmf_calloc(1, (int64_t)sizeof(*f), e)) == NULL)
		rc = VMF_ENOMEM;
	for (int j = 0; j < BOOSTERS && rc == 0; j++) {
		if (bytes[j] > 0)
			rc = vmf_boost_load(g->blob.p + at, bytes[j],
			    &f->b[j], e);
		at += bytes[j];
	}
	cJSON_Delete(o);
	if (rc != 0 && f != NULL)
		forest_free(f);
	if (rc == 0)
		g->state = f;
	return rc;
}

/* ---- forecasting ---- */

/* Rows of some windows. */
struct chunk {
	const struct forest *f;
	int n_cols;
	int64_t n;
	float *x, *base, *out;		/* base and out: [booster][CHUNK] */
	double *zero, *unit;
	int64_t *window, *lead;
};

static int
chunk_make(struct chunk *c, struct vmf_err *e)
{
	int64_t f32 = (int64_t)sizeof(float);

	c->x = vmf_calloc(CHUNK * (int64_t)c->n_cols, f32, e);
	c->base = vmf_calloc(CHUNK * BOOSTERS, f32, e);
	c->out = vmf_calloc(CHUNK * BOOSTERS, f32, e);
	c->zero = vmf_calloc(CHUNK, (int64_t)sizeof(double), e);
	c->unit = vmf_calloc(CHUNK, (int64_t)sizeof(double), e);
	c->window = vmf_calloc(CHUNK, (int64_t)sizeof(int64_t), e);
	c->lead = vmf_calloc(CHUNK, (int64_t)sizeof(int64_t), e);
	return c->x == NULL || c->base == NULL || c->out == NULL ||
	    c->zero == NULL || c->unit == NULL || c->window == NULL ||
	    c->lead == NULL ? VMF_ENOMEM : 0;
}

static void
chunk_free(struct chunk *c)
{
	free(c->x);
	free(c->base);
	free(c->out);
	free(c->zero);
	free(c->unit);
	free(c->window);
	free(c->lead);
}

static int
ask(void *arg, int64_t j, struct vmf_err *e)
{
	struct chunk *c = arg;

	if (c->f->b[j] == NULL) {
		memcpy(c->out + j * CHUNK, c->base + j * CHUNK,
		    (size_t)c->n * sizeof(float));
		return 0;
	}
	return vmf_boost_predict(c->f->b[j], c->x, c->n, c->n_cols,
	    c->base + j * CHUNK, c->out + j * CHUNK, e);
}

/* How far level ppm is moved, by how far the nine are. */
static double
moved(const double *by, int32_t ppm)
{
	double at = (double)ppm / 100000.0 - 1.0;
	int j = (int)at;

	if (at <= 0.0)
		return by[0];
	if (at >= 8.0)
		return by[8];
	return by[j] + (at - j) * (by[j + 1] - by[j]);
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* Row i of what the boosters said, into its forecast: quantiles that do not
 * cross, nor go where the series never was, below 0. */
static void
put(const struct chunk *c, int64_t i, struct vmf_forecast *f, double low)
{
	int64_t t = c->lead[i];
	float v[VMF_LEVELS_MAX];
	double by[9];

	for (int j = 0; j < 9; j++)
		by[j] = c->unit[i] * ((double)c->out[j * CHUNK + i] -
		    (double)c->base[j * CHUNK + i]);
	for (int j = 0; j < f->levels.n; j++) {
		double q = (double)f->q[j * f->h + t] + moved(by,
		    f->levels.ppm[j]);

		v[j] = (float)(q < low ? low : q);
	}
	qsort(v, (size_t)f->levels.n, sizeof(*v), by_value);
	for (int j = 0; j < f->levels.n; j++)
		f->q[j * f->h + t] = v[j];
	f->mean[t] = (float)fmax(low, c->zero[i] + c->unit[i] *
	    (double)c->out[MEAN * CHUNK + i]);
}

static double
low_of(const struct vmf_slice *y)
{
	for (int64_t t = 0; t < y->n; t++)
		if (y->y[t] < 0.0)
			return -INFINITY;
	return 0.0;
}

static int
answer(struct chunk *c, const struct vmf_window *w,
    struct vmf_forecast *const *f, const struct vmf_panel *how,
    struct vmf_err *e)
{
	int rc = vmf_each(BOOSTERS, how->threads, ask, c, e);
	int64_t last = -1;
	double low = 0.0;

	for (int64_t i = 0; i < c->n && rc == 0; i++) {
		if (c->window[i] != last)
			low = low_of(&w[c->window[i]].y);
		last = c->window[i];
		put(c, i, f[last], low);
	}
	c->n = 0;
	return rc;
}

static int
predict(const struct vmf_global *g, const struct vmf_window *w, int64_t n,
    struct vmf_forecast *const *f, const struct vmf_panel *how,
    struct vmf_err *e)
{
	struct chunk c = { .f = g->state, .n_cols = vmf_features(g) };
	struct vmf_features x;
	int rc = chunk_make(&c, e);

	for (int64_t i = 0; i < n && rc == 0; i++) {
		vmf_features_window(&x, g, &w[i]);
		for (int64_t t = 0; t < f[i]->h && rc == 0; t++) {
			float base[BOOSTERS];

			if (!vmf_features_row(&x, t, c.x + c.n * c.n_cols,
			    base, &c.zero[c.n], &c.unit[c.n]))
				continue;
			for (int j = 0; j < BOOSTERS; j++)
				c.base[j * CHUNK + c.n] = base[j];
			c.window[c.n] = i;
			c.lead[c.n++] = t;
			if (c.n == CHUNK)
				rc = answer(&c, w, f, how, e);
		}
	}
	if (rc == 0 && c.n > 0)
		rc = answer(&c, w, f, how, e);
	chunk_free(&c);
	return rc;
}

const struct vmf_global_ops vmf_trees = {
	.base = "kq", .width = width, .rows_max = ROWS_MOST,
	.sample = sample, .learn = learn, .load = load, .predict = predict,
	.unload = unload,
};
