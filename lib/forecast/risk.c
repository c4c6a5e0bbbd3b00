/* SPDX-License-Identifier: MIT */
#include "forecast/risk.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "forecast/features.h"
#include "forecast/score.h"
#include "forecast/trees.h"
#include "learn/boost.h"

/* Of a row: log odds of two kinds, the answer, and the numbers of trees. */
enum { ODDS = 0, CAME = 2, EXTRA = 3 };
#define ROWS_MOST 60000
/* Least rows that trees are learned from, and rows of the rarer answer. */
#define LEARN_MIN 400
#define RARE_MIN 20
#define TEST_SHARE 0.2
#define GAIN 0.002
#define HEADER_MAX 65536
#define VERSION 1

struct risk {
	double abc[3];
	struct vmf_boost *b;		/* NULL: calibration is all */
};

static bool
has_trees(const struct vmf_global *g)
{
	return g->algo->global == &vmf_trees;
}

/* A row of the numbers that trees have: those of the first and the last
 * step, the latter without what does not depend on the lead, would double
 * them; so those of the step in the middle. */
static int
n_cols(const struct vmf_global *g)
{
	return has_trees(g) ? 2 + vmf_features(g) + 2 : 2;
}

static int64_t
width(const struct vmf_global *g)
{
	return EXTRA + n_cols(g);
}

/* The numbers of a window, after its odds: the step in the middle, and where
 * the threshold lies, in its unit and in the series' scale. */
static void
numbers(const struct vmf_global *g, const struct vmf_window *w,
    const double odds[2], float *x)
{
	int64_t lead = (g->target.from - 1 + g->target.to - 1) / 2;
	int n = n_cols(g);
	struct vmf_features f;
	float base[10];
	double zero, unit;

	x[0] = (float)odds[0];
	x[1] = (float)odds[1];
	if (n == 2)
		return;
	for (int k = 2; k < n; k++)
		x[k] = NAN;
	vmf_features_window(&f, g, w);
	if (!vmf_features_row(&f, lead, x + 2, base, &zero, &unit))
		return;
	x[n - 2] = (float)((g->target.above - zero) / unit);
	x[n - 1] = (float)(g->target.above / f.scale);
}

static int
sample(const struct vmf_global *g, const struct vmf_window *w,
    struct vmf_sample *s, struct vmf_err *e)
{
	double odds[2];
	float *rec;
	int rc;

	/* Windows cut short, or with steps missing, are asked of what there
	 * is: to take them where something came and leave them where nothing
	 * did would make all of it more likely. */
	if (!vmf_target_odds(&g->target, w->base, w->after, w->h, odds))
		return 0;
	if ((rc = vmf_sample_add(s, w->key, w->opts->start, w->opts->start +
	    g->target.to * g->step_s, &rec, e)) != 0 || rec == NULL)
		return rc;
	rec[ODDS] = (float)odds[0];
	rec[ODDS + 1] = (float)odds[1];
	rec[CAME] = vmf_target_came(&g->target, w->after, w->h) ? 1.0f :
	    0.0f;
	numbers(g, w, odds, rec + EXTRA);
	return 0;
}

/* ---- learning ---- */

struct rows {
	int64_t n;
	float *x, *y, *base;
};

static void
rows_free(struct rows *r)
{
	free(r->x);
	free(r->y);
	free(r->base);
}

/* Rows [from, from + n) of the sample as a table, and what calibration says
 * of them. */
static int
rows_make(struct rows *r, const struct vmf_sample *s, int64_t from,
    int64_t n, int cols, const double abc[3], struct vmf_err *e)
{
	r->n = n;
	r->x = vmf_calloc(n * cols, (int64_t)sizeof(float), e);
	r->y = vmf_calloc(n, (int64_t)sizeof(float), e);
	r->base = vmf_calloc(n, (int64_t)sizeof(float), e);
	if (r->x == NULL || r->y == NULL || r->base == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		const float *rec = s->rec + (from + i) * s->width;
		double odds[2] = { (double)rec[ODDS], (double)rec[ODDS + 1] };

		memcpy(r->x + i * cols, rec + EXTRA, (size_t)cols *
		    sizeof(float));
		r->y[i] = rec[CAME];
		r->base[i] = (float)vmf_target_calibrated(abc, odds);
	}
	return 0;
}

static struct vmf_boost_data
data_of(const struct rows *r, int cols)
{
	return (struct vmf_boost_data){ .x = r->x, .n_rows = r->n,
	    .n_cols = cols, .y = r->y, .base = r->base };
}

/* Rows of the rarer answer among [from, from + n). */
static int64_t
rare(const struct vmf_sample *s, int64_t from, int64_t n)
{
	int64_t came = 0;

	for (int64_t i = from; i < from + n; i++)
		came += s->rec[i * s->width + CAME] > 0.5f;
	return came < n - came ? came : n - came;
}

static void
calibrate(const struct vmf_sample *s, int64_t n, double abc[3])
{
	abc[0] = 0.0;
	abc[1] = abc[2] = 0.5;
	if (n >= VMF_RISK_FIT_MIN)
		vmf_target_fit(s->rec + ODDS, s->width, s->rec + CAME,
		    s->width, n, abc);
}

/* How many rounds pay is found on the newest rows; then as many are learned
 * from all.  x is left without trees where none pay. */
static int
grow(struct vmf_global *g, struct vmf_sample *s, struct risk *x,
    struct vmf_err *e)
{
	struct vmf_boost_opts o = {
		.loss = VMF_BOOST_LOGISTIC, .n_rounds = 300, .depth = 4,
		.eta = 0.05, .l2 = 10.0, .min_weight = 10.0, .row_share = 0.7,
		.col_share = 0.5, .n_bins = 64, .seed = g->seed + 100,
		.patience = 30,
	};
	struct rows learn = { 0 }, test = { 0 }, all = { 0 };
	struct vmf_boost_data l, t, a;
	int64_t n_learn, n_test;
	int cols = n_cols(g), rc;
	double abc[3], before, after = 0.0;
	float *out = NULL;

	if ((rc = vmf_sample_split(s, TEST_SHARE, &n_learn, &n_test,
	    e)) != 0 || n_learn < LEARN_MIN || rare(s, 0, n_learn) <
	    RARE_MIN || rare(s, s->n - n_test, n_test) < 1)
		return rc;
	calibrate(s, n_learn, abc);
	if ((rc = rows_make(&learn, s, 0, n_learn, cols, abc, e)) != 0 ||
	    (rc = rows_make(&test, s, s->n - n_test, n_test, cols, abc,
	    e)) != 0 || (rc = rows_make(&all, s, 0, s->n, cols, x->abc,
	    e)) != 0)
		goto done;
	l = data_of(&learn, cols);
	t = data_of(&test, cols);
	a = data_of(&all, cols);
	out = vmf_calloc(n_test, (int64_t)sizeof(*out), e);
	if (out == NULL) {
		rc = VMF_ENOMEM;
		goto done;
	}
	before = vmf_boost_loss_mean(&o, &t, t.base);
	if ((rc = vmf_boost_train(&o, &l, &t, &x->b, e)) == 0 &&
	    (rc = vmf_boost_predict(x->b, t.x, t.n_rows, cols, t.base, out,
	    e)) == 0)
		after = vmf_boost_loss_mean(&o, &t, out);
	if (rc == 0) {
		o.n_rounds = vmf_boost_trees(x->b);
		vmf_boost_free(x->b);
		x->b = NULL;
		if (before > 0.0 && 1.0 - after / before >= GAIN)
			rc = vmf_boost_train(&o, &a, NULL, &x->b, e);
	}
done:
	rows_free(&learn);
	rows_free(&test);
	rows_free(&all);
	free(out);
	return rc;
}

static int
save(struct vmf_global *g, const struct risk *x, struct vmf_err *e)
{
	struct vmf_buf bytes = { 0 };
	cJSON *o = cJSON_CreateObject(), *abc = NULL;
	char *text = NULL;
	int rc = x->b == NULL ? 0 : vmf_boost_save(x->b, &bytes, e);

	if (rc == 0 && (o == NULL || cJSON_AddNumberToObject(o, "version",
	    VERSION) == NULL ||
	    (abc = cJSON_AddArrayToObject(o, "odds")) == NULL ||
	    vmf_global_names_put(g, o) != 0 ||
	    cJSON_AddNumberToObject(o, "bytes", (double)bytes.n) == NULL))
		rc = vmf_fail(e, VMF_ENOMEM, "no memory for a model");
	for (int k = 0; k < 3 && rc == 0; k++)
		if (!cJSON_AddItemToArray(abc, cJSON_CreateNumber(
		    x->abc[k])))
			rc = vmf_fail(e, VMF_ENOMEM, "no memory for a model");
	if (rc == 0 && (text = cJSON_PrintUnformatted(o)) == NULL)
		rc = vmf_fail(e, VMF_ENOMEM, "no memory for a model");
	g->blob.n = 0;
	if (rc == 0 && (rc = vmf_buf_printf(&g->blob, e, "%s\n",
	    text)) == 0 && bytes.n > 0)
		rc = vmf_buf_put(&g->blob, bytes.p, bytes.n, e);
	vmf_buf_free(&bytes);
	cJSON_free(text);
	cJSON_Delete(o);
	return rc;
}

static int
learn(struct vmf_global *g, struct vmf_sample *s, struct vmf_err *e)
{
	struct risk x = { .b = NULL };
	int rc = 0;

	calibrate(s, s->n, x.abc);
	if (has_trees(g))
		rc = grow(g, s, &x, e);
	if (rc == 0)
		rc = save(g, &x, e);
	vmf_boost_free(x.b);
	return rc;
}

/* ---- loading ---- */

static void
unload(struct vmf_global *g)
{
	struct risk *x = g->state;

	if (x != NULL)
		vmf_boost_free(x->b);
	free(x);
	g->state = NULL;
}

static int
read_header(struct vmf_global *g, struct risk *x, const cJSON *o,
    int64_t left, int64_t *bytes, struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "version");
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, "bytes");
	const cJSON *abc = cJSON_GetObjectItemCaseSensitive(o, "odds");
	int rc;

	if (!cJSON_IsNumber(v) || v->valuedouble != VERSION)
		return vmf_fail(e, VMF_EDATA, "version of a target's part is "
		    "not %d", VERSION);
	if ((rc = vmf_global_names_get(g, o, e)) != 0)
		return rc;
	if (!cJSON_IsArray(abc) || cJSON_GetArraySize(abc) != 3)
		return vmf_fail(e, VMF_EDATA, "expected 3 odds");
	for (int k = 0; k < 3; k++) {
		const cJSON *c = cJSON_GetArrayItem(abc, k);

		if (!cJSON_IsNumber(c) || !isfinite(c->valuedouble))
			return vmf_fail(e, VMF_EDATA, "odds hold what is not "
			    "a number");
		x->abc[k] = c->valuedouble;
	}
	if (!cJSON_IsNumber(n) || n->valuedouble != (double)left ||
	    (left > 0 && !has_trees(g)))
		return vmf_fail(e, VMF_EDATA, "%" PRId64 " bytes of trees, "
		    "which is not what the header says", left);
	*bytes = left;
	return 0;
}

static int
load(struct vmf_global *g, struct vmf_err *e)
{
	const char *p = (const char *)g->blob.p, *end;
	int64_t n = g->blob.n, bytes = 0;
	struct risk *x = vmf_calloc(1, (int64_t)sizeof(*x), e);
	cJSON *o;
	int rc;

	if (x == NULL)
		return VMF_ENOMEM;
	end = memchr(p, '\n', (size_t)(n > HEADER_MAX ? HEADER_MAX : n));
	o = end == NULL ? NULL : cJSON_ParseWithLength(p, (size_t)(end - p));
	if (o == NULL)
		rc = vmf_fail(e, VMF_EDATA, "%s: the blob of %" PRId64
		    " bytes does not begin with a line of JSON",
		    g->target.text, n);
	else
		rc = read_header(g, x, o, n - (end + 1 - p), &bytes, e);
	if (rc == 0 && bytes > 0)
		rc = vmf_boost_load((const uint8_t *)end + 1, bytes, &x->b,
		    e);
	cJSON_Delete(o);
	g->state = x;
	if (rc != 0)
		unload(g);
	return rc;
}

const struct vmf_global_ops vmf_risk_ops = {
	.width = width, .rows_max = ROWS_MOST, .sample = sample,
	.learn = learn, .load = load, .unload = unload,
};

/* ---- asking ---- */

void
vmf_risk_room_free(struct vmf_risk_room *r)
{
	for (int64_t i = 0; i < r->n_f; i++)
		vmf_forecast_free(&r->f[i]);
	free(r->f);
	free(r->p);
	free(r->w);
	free(r->row);
	*r = (struct vmf_risk_room){ 0 };
}

static int
make_room(struct vmf_risk_room *r, int64_t n, int64_t h, struct vmf_err *e)
{
	int rc;

	if ((rc = vmf_grow(&r->f, &r->f_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&r->p, &r->p_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&r->w, &r->w_cap, n, e)) != 0 ||
	    (rc = vmf_grow(&r->row, &r->row_cap, n, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		if (i == r->n_f) {
			memset(&r->f[i], 0, sizeof(r->f[i]));
			r->n_f++;
		}
		if (r->f[i].h == h)
			continue;
		vmf_forecast_free(&r->f[i]);
		if ((rc = vmf_forecast_init(&r->f[i], h, &vmf_score_levels,
		    e)) != 0)
			return rc;
	}
	return 0;
}

/* Trees on top of the calibrated odds in prob. */
static int
add_trees(const struct vmf_global *g, struct vmf_risk_room *r, int64_t n,
    float *prob, struct vmf_err *e)
{
	static const int at[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	const struct risk *x = g->state;
	int cols = n_cols(g), rc = 0;
	int64_t f32 = (int64_t)sizeof(float), k = 0;
	float *in = vmf_calloc(n * cols, f32, e);
	float *base = vmf_calloc(n, f32, e), *out = vmf_calloc(n, f32, e);

	if (in == NULL || base == NULL || out == NULL)
		rc = VMF_ENOMEM;
	for (int64_t i = 0; i < n && rc == 0; i++) {
		const struct vmf_problem *p = &r->p[i];
		struct vmf_window w = { .y = p->y, .opts = &p->opts,
		    .side = p->side, .base = p->f, .level_at = at };
		double odds[2];

		if (isnan(prob[i]) || vmf_history_status(&p->y,
		    p->opts.season) != VMF_OK ||
		    !vmf_target_odds(&g->target, p->f, NULL, p->f->h,
		    odds))
			continue;
		numbers(g, &w, odds, in + k * cols);
		base[k] = prob[i];
		r->row[k++] = i;
	}
	if (rc == 0)
		rc = vmf_boost_predict(x->b, in, k, cols, base, out, e);
	for (int64_t i = 0; i < k && rc == 0; i++)
		prob[r->row[i]] = out[i];
	free(in);
	free(base);
	free(out);
	return rc;
}

/* The logarithm of the odds, from that of its quantiles, of a history of one
 * value, which calibration knows nothing of: in n windows it came always, or
 * never, and so does by (n + 1) / (n + 2) at least, or 1 / (n + 2) at most
 * (Laplace's rule of succession). */
static double
constant_odds(const struct vmf_target *t, const struct vmf_slice *y,
    double odds)
{
	int64_t known = 0;
	double n;

	for (int64_t i = 0; i < y->n; i++)
		known += !isnan(y->y[i]);
	n = (double)known / (double)(t->to - t->from + 1);
	return y->y[0] > t->above ? fmax(odds, log(n + 1.0)) :
	    fmin(odds, -log(n + 1.0));
}

int
vmf_risk_many(const struct vmf_global *g, const struct vmf_problem *p,
    int64_t n, struct vmf_risk_room *r, struct vmf_many *m, float *prob,
    struct vmf_err *e)
{
	static const struct risk plain = { .abc = { 0.0, 0.5, 0.5 } };
	const struct risk *x = g->state != NULL ? g->state : &plain;
	int rc = make_room(r, n, g->target.to, e);

	if (rc != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		r->p[i] = p[i];
		r->p[i].f = &r->f[i];
		r->p[i].own = NULL;
		r->p[i].global = NULL;
	}
	if ((rc = vmf_forecast_many(&g->base, r->p, n, m, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		double odds[2];

		prob[i] = r->f[i].status != VMF_EMPTY && vmf_target_odds(
		    &g->target, &r->f[i], NULL, r->f[i].h, odds) ?
		    (float)vmf_target_calibrated(x->abc, odds) : NAN;
		/* Of one that is stale or unseen, too. */
		if (!isnan(prob[i]) && vmf_history_status(&p[i].y,
		    p[i].opts.season) == VMF_CONSTANT)
			prob[i] = (float)constant_odds(&g->target, &p[i].y,
			    (double)prob[i]);
	}
	if (x->b != NULL && (rc = add_trees(g, r, n, prob, e)) != 0)
		return rc;
	for (int64_t i = 0; i < n; i++)
		prob[i] = 1.0f / (1.0f + expf(-prob[i]));
	return 0;
}
