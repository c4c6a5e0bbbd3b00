/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <zlib.h>

#include "learn/boost.h"

double
vmf_boost_loss_mean(const struct vmf_boost_opts *o,
    const struct vmf_boost_data *d, const float *out)
{
	double sum = 0, weight = 0;

	for (int64_t i = 0; i < d->n_rows; i++) {
		double w = d->weight == NULL ? 1 : (double)d->weight[i];
		double r = (double)d->y[i] - (double)out[i], f = out[i], l = 0;

		switch (o->loss) {
		case VMF_BOOST_SQUARED:
			l = r * r;
			break;
		case VMF_BOOST_ABSOLUTE:
			l = fabs(r);
			break;
		case VMF_BOOST_PINBALL:
			l = r >= 0 ? o->quantile * r : (o->quantile - 1) * r;
			break;
		case VMF_BOOST_LOGISTIC:
			/* log(1 + e^f) - y f, without overflow */
			l = (f > 0 ? f : 0) + log1p(exp(-fabs(f))) -
			    (double)d->y[i] * f;
			break;
		}
		sum += w * l;
		weight += w;
	}
	return weight > 0 ? sum / weight : 0;
}

#ifdef VMF_XGB

#include <xgboost/c_api.h>

struct vmf_boost {
	BoosterHandle h;
};

/* One table of XGBoost's, and what is known of it each round. */
struct table {
	const struct vmf_boost_data *d;
	DMatrixHandle m;
	const float *out;	/* the booster's, until it is asked again */
};

const char *
vmf_boost_version(char *text, size_t size)
{
	int major, minor, patch;

	XGBoostVersion(&major, &minor, &patch);
	snprintf(text, size, "%d.%d.%d", major, minor, patch);
	return text;
}

/* XGBoost's messages have a time, a file and a stack; the first line after
 * them says what was wrong. */
static int
fail_xgb(struct vmf_err *e, const char *what)
{
	const char *msg = XGBGetLastError(), *colon;
	size_t n = strcspn(msg, "\n");

	if (*msg == '[' && (colon = memchr(msg, ']', n)) != NULL &&
	    (colon = strstr(colon, ": ")) != NULL && colon < msg + n) {
		n -= (size_t)(colon + 2 - msg);
		msg = colon + 2;
	}
	if (strstr(XGBGetLastError(), "bad_alloc") != NULL)
		return vmf_fail(e, VMF_ENOMEM, "XGBoost: out of memory while "
		    "%s", what);
	return vmf_fail(e, VMF_EDEV, "XGBoost failed while %s: %.*s", what,
	    (int)n, msg);
}

static int
array_json(char *text, size_t size, const float *p, int64_t n_rows, int n_cols)
{
	return snprintf(text, size, "{\"data\": [%" PRIuPTR ", true], "
	    "\"shape\": [%" PRId64 ", %d], \"typestr\": \"<f4\", "
	    "\"version\": 3}", (uintptr_t)p, n_rows, n_cols);
}

static int
table_open(struct table *t, const struct vmf_boost_data *d, struct vmf_err *e)
{
	char array[256];
	bst_ulong n = (bst_ulong)d->n_rows;

	t->d = d;
	array_json(array, sizeof(array), d->x, d->n_rows, d->n_cols);
	if (XGDMatrixCreateFromDense(array, "{\"missing\": NaN, "
	    "\"nthread\": 1}", &t->m) != 0) {
		t->m = NULL;
		return fail_xgb(e, "taking rows");
	}
	if (XGDMatrixSetFloatInfo(t->m, "label", d->y, n) != 0 ||
	    (d->weight != NULL &&
	    XGDMatrixSetFloatInfo(t->m, "weight", d->weight, n) != 0) ||
	    (d->base != NULL &&
	    XGDMatrixSetFloatInfo(t->m, "base_margin", d->base, n) != 0))
		return fail_xgb(e, "taking rows");
	return 0;
}

static void
table_close(struct table *t)
{
	if (t->m != NULL)
		XGDMatrixFree(t->m);
}

static int
by_value(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Where training starts, for all rows alike: the mean, or the q-quantile of
 * what weighs the same (weights move a start that the trees correct). */
static int
start_at(const struct vmf_boost_opts *o, const struct vmf_boost_data *d,
    double *start, struct vmf_err *e)
{
	double q = o->loss == VMF_BOOST_PINBALL ? o->quantile : 0.5, sum = 0;
	float *y;

	*start = 0;
	if (d->base != NULL)
		return 0;
	if (o->loss == VMF_BOOST_SQUARED || o->loss == VMF_BOOST_LOGISTIC) {
		for (int64_t i = 0; i < d->n_rows; i++)
			sum += (double)d->y[i];
		*start = sum / (double)d->n_rows;
		if (o->loss == VMF_BOOST_LOGISTIC)
			*start = fmin(fmax(*start, 1e-3), 1 - 1e-3);
		return 0;
	}
	y = vmf_calloc(d->n_rows, sizeof(*y), e);
	if (y == NULL)
		return VMF_ENOMEM;
	memcpy(y, d->y, (size_t)d->n_rows * sizeof(*y));
	qsort(y, (size_t)d->n_rows, sizeof(*y), by_value);
	*start = (double)y[(int64_t)(q * (double)(d->n_rows - 1))];
	free(y);
	return 0;
}

/* The mean distance between y and the start; 1 where there is none. */
static double
spread_of(const struct vmf_boost_data *d, double start)
{
	double sum = 0;

	for (int64_t i = 0; i < d->n_rows; i++)
		sum += fabs((double)d->y[i] -
		    (d->base != NULL ? (double)d->base[i] : start));
	return sum > 0 ? sum / (double)d->n_rows : 1;
}

static int
set(BoosterHandle h, const char *name, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.9g", value);
	return XGBoosterSetParam(h, name, text);
}

static int
configure(BoosterHandle h, const struct vmf_boost_opts *o, double start,
    double unit, struct vmf_err *e)
{
	static const char *const objective[] = {
		[VMF_BOOST_SQUARED] = "reg:squarederror",
		[VMF_BOOST_ABSOLUTE] = "reg:absoluteerror",
		/* What a reader of the file needs to know: no link. */
		[VMF_BOOST_PINBALL] = "reg:squarederror",
		[VMF_BOOST_LOGISTIC] = "binary:logistic",
	};
	/* A share, where the objective has a link; even odds beside a base. */
	bool even = start == 0 && o->loss == VMF_BOOST_LOGISTIC;
	int major, minor, patch;

	XGBoostVersion(&major, &minor, &patch);
	if (XGBoosterSetParam(h, "verbosity", "0") != 0 ||
	    XGBoosterSetParam(h, "nthread", "1") != 0 ||
	    /* A method of its own, until devices had a name. */
	    XGBoosterSetParam(h, "tree_method", o->gpu && major < 2 ?
	    "gpu_hist" : "hist") != 0 ||
	    (o->gpu && major >= 2 &&
	    XGBoosterSetParam(h, "device", "cuda") != 0) ||
	    XGBoosterSetParam(h, "seed_per_iteration", "1") != 0 ||
	    XGBoosterSetParam(h, "objective", objective[o->loss]) != 0 ||
	    set(h, "base_score", even ? 0.5 : start) != 0 ||
	    set(h, "seed", (double)(o->seed & 0x7fffffff)) != 0 ||
	    set(h, "max_depth", o->depth) != 0 ||
	    set(h, "eta", o->eta) != 0 ||
	    set(h, "lambda", o->l2 / unit) != 0 ||
	    set(h, "min_child_weight", o->min_weight / unit) != 0 ||
	    set(h, "subsample", o->row_share) != 0 ||
	    set(h, "colsample_bytree", o->col_share) != 0 ||
	    set(h, "max_bin", o->n_bins > 0 ? o->n_bins : 256) != 0)
		return fail_xgb(e, "setting it up");
	return 0;
}

/* What the booster says of the table's rows now: XGBoost keeps it and adds
 * only the newest tree. */
static int
ask(BoosterHandle h, struct table *t, bool training, struct vmf_err *e)
{
	const bst_ulong *shape;
	bst_ulong dim;
	const char *config = training ?
	    "{\"type\": 1, \"training\": true, \"iteration_begin\": 0, "
	    "\"iteration_end\": 0, \"strict_shape\": false}" :
	    "{\"type\": 1, \"training\": false, \"iteration_begin\": 0, "
	    "\"iteration_end\": 0, \"strict_shape\": false}";

	if (XGBoosterPredictFromDMatrix(h, t->m, config, &shape, &dim,
	    &t->out) != 0)
		return fail_xgb(e, "predicting");
	return 0;
}

/* grad and hess have n_rows floats each. */
static int
boost_pinball(BoosterHandle h, const struct vmf_boost_opts *o,
    struct table *t, double unit, float *grad, float *hess, struct vmf_err *e)
{
	const struct vmf_boost_data *d = t->d;
	int rc = ask(h, t, true, e);

	if (rc != 0)
		return rc;
	for (int64_t i = 0; i < d->n_rows; i++) {
		double w = d->weight == NULL ? 1 : (double)d->weight[i];
		double g = (d->y[i] < t->out[i] ? 1 : 0) - o->quantile;

		grad[i] = (float)(w * g);
		hess[i] = (float)(w / unit);
	}
	if (XGBoosterBoostOneIter(h, t->m, grad, hess,
	    (bst_ulong)d->n_rows) != 0)
		return fail_xgb(e, "training");
	return 0;
}

static int
rounds(struct vmf_boost *b, const struct vmf_boost_opts *o,
    struct table *train, struct table *valid, double unit, struct vmf_err *e)
{
	bool pinball = o->loss == VMF_BOOST_PINBALL;
	struct table *judge = valid->m != NULL ? valid : train;
	float *grad = NULL;
	double best = INFINITY;
	int best_n = 0, rc = 0, n = 0;
	BoosterHandle cut;

	if (pinball && (grad = vmf_calloc(2 * train->d->n_rows,
	    sizeof(*grad), e)) == NULL)
		return VMF_ENOMEM;
	while (rc == 0 && n < o->n_rounds &&
	    (valid->m == NULL || n - best_n < o->patience)) {
		double loss;

		if (pinball)
			rc = boost_pinball(b->h, o, train, unit, grad,
			    grad + train->d->n_rows, e);
		else if (XGBoosterUpdateOneIter(b->h, n, train->m) != 0)
			rc = fail_xgb(e, "training");
		n++;
		if (rc != 0 || (valid->m == NULL && o->on_round == NULL))
			continue;
		rc = ask(b->h, judge, false, e);
		if (rc != 0)
			continue;
		loss = vmf_boost_loss_mean(o, judge->d, judge->out);
		if (loss < best) {
			best = loss;
			best_n = n;
		}
		if (o->on_round != NULL)
			o->on_round(o->arg, n, loss);
	}
	free(grad);
	if (rc != 0 || valid->m == NULL || best_n == n || best_n == 0)
		return rc;
	if (XGBoosterSlice(b->h, 0, best_n, 1, &cut) != 0)
		return fail_xgb(e, "keeping the best rounds");
	XGBoosterFree(b->h);
	b->h = cut;
	return 0;
}

static int
check_data(const struct vmf_boost_data *d, struct vmf_err *e)
{
	if (d->n_rows < 1 || d->n_cols < 1)
		return vmf_fail(e, VMF_EDATA, "nothing to train trees on: "
		    "found %" PRId64 " rows of %d columns", d->n_rows,
		    d->n_cols);
	for (int64_t i = 0; i < d->n_rows; i++)
		if (!isfinite(d->y[i]))
			return vmf_fail(e, VMF_EDATA, "row %" PRId64 " to "
			    "train trees on: found %g, expected a number",
			    i, (double)d->y[i]);
	return 0;
}

/* A booster that was trained on a GPU would be asked there: what comes back
 * of its bytes is the CPU's. */
static int
leave_gpu(struct vmf_boost **b, struct vmf_err *e)
{
	struct vmf_buf bytes = { 0 };
	struct vmf_boost *there = *b;
	int rc = vmf_boost_save(there, &bytes, e);

	if (rc == 0 && (rc = vmf_boost_load(bytes.p, bytes.n, b, e)) == 0)
		vmf_boost_free(there);
	else
		*b = there;
	vmf_buf_free(&bytes);
	return rc;
}

int
vmf_boost_train(const struct vmf_boost_opts *o,
    const struct vmf_boost_data *train, const struct vmf_boost_data *valid,
    struct vmf_boost **out, struct vmf_err *e)
{
	struct table t = { 0 }, v = { 0 };
	DMatrixHandle both[2];
	struct vmf_boost *b;
	double start = 0, unit = 1;
	int rc = check_data(train, e);

	*out = NULL;
	if (rc == 0 && valid != NULL && valid->n_rows > 0)
		rc = check_data(valid, e);
	if (rc != 0)
		return rc;
	b = vmf_calloc(1, sizeof(*b), e);
	if (b == NULL)
		return VMF_ENOMEM;
	rc = table_open(&t, train, e);
	if (rc == 0 && valid != NULL && valid->n_rows > 0)
		rc = table_open(&v, valid, e);
	if (rc == 0)
		rc = start_at(o, train, &start, e);
	if (rc == 0 && o->loss == VMF_BOOST_PINBALL)
		unit = spread_of(train, start);
	both[0] = t.m;
	both[1] = v.m;
	if (rc == 0 && XGBoosterCreate(both, v.m != NULL ? 2 : 1,
	    &b->h) != 0) {
		b->h = NULL;
		rc = fail_xgb(e, "starting");
	}
	if (rc == 0)
		rc = configure(b->h, o, start, unit, e);
	if (rc == 0)
		rc = rounds(b, o, &t, &v, unit, e);
	table_close(&t);
	table_close(&v);
	if (rc == 0 && o->gpu)
		rc = leave_gpu(&b, e);
	if (rc != 0)
		vmf_boost_free(b);
	else
		*out = b;
	return rc;
}

/* A tree of two rows: only then is it known that driver and card suit what
 * XGBoost was built for. */
static int
prove(struct vmf_err *e)
{
	const float x[] = { 0.0f, 1.0f };
	const struct vmf_boost_data d = { .x = x, .y = x, .n_rows = 2,
	    .n_cols = 1 };
	const struct vmf_boost_opts o = { .loss = VMF_BOOST_SQUARED,
	    .n_rounds = 1, .depth = 1, .eta = 1.0, .row_share = 1.0,
	    .col_share = 1.0, .gpu = true };
	struct vmf_boost *b = NULL;
	int rc = vmf_boost_train(&o, &d, NULL, &b, e);

	vmf_boost_free(b);
	return rc;
}

int
vmf_boost_gpu(struct vmf_err *e)
{
	const char *text = NULL;
	char version[32];
	cJSON *info;
	bool has;

	/* A booster takes the word for any method, and fails in training. */
	if (XGBuildInfo(&text) != 0 || text == NULL)
		return vmf_fail(e, VMF_EDEV, "XGBoost does not say how it "
		    "was built");
	if ((info = cJSON_Parse(text)) == NULL)
		return vmf_fail(e, VMF_EDEV, "XGBoost says that it was built "
		    "as '%.200s', expected JSON", text);
	has = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(info,
	    "USE_CUDA"));
	cJSON_Delete(info);
	return has ? prove(e) : vmf_fail(e, VMF_EDEV, "xgboost on a GPU "
	    "needs an XGBoost that is built with CUDA, which %s here is not",
	    vmf_boost_version(version, sizeof(version)));
}

int
vmf_boost_predict(const struct vmf_boost *b, const float *x, int64_t n_rows,
    int n_cols, const float *base, float *out, struct vmf_err *e)
{
	char array[256];
	const bst_ulong *shape;
	bst_ulong dim;
	const float *r;

	if (n_rows == 0)
		return 0;
	/* In place: the one way that several threads may go at once. */
	array_json(array, sizeof(array), x, n_rows, n_cols);
	if (XGBoosterPredictFromDense(b->h, array, "{\"type\": 1, "
	    "\"training\": false, \"iteration_begin\": 0, "
	    "\"iteration_end\": 0, \"strict_shape\": false, "
	    "\"cache_id\": 0, \"missing\": NaN}", NULL, &shape, &dim,
	    &r) != 0)
		return fail_xgb(e, "predicting");
	for (int64_t i = 0; i < n_rows; i++)
		out[i] = base != NULL ? base[i] + r[i] : r[i];
	return 0;
}

int
vmf_boost_trees(const struct vmf_boost *b)
{
	int n = 0;

	return XGBoosterBoostedRounds(b->h, &n) == 0 ? n : 0;
}

/* Behind the trees: "vmfT" and their CRC-32, lowest byte first.  XGBoost
 * stops reading before it, and would take damaged lengths at their word. */
#define END 8

static uint32_t
checksum(const uint8_t *p, int64_t n)
{
	return (uint32_t)crc32_z(0, p, (size_t)n);
}

static int
check_end(const uint8_t *p, int64_t n, struct vmf_err *e)
{
	const uint8_t *end = p + n - END;
	uint32_t crc = 0;

	if (n < END || memcmp(end, "vmfT", 4) != 0)
		return vmf_fail(e, VMF_EDATA, "trees of %" PRId64 " bytes: "
		    "found no checksum at their end", n);
	for (int i = 0; i < 4; i++)
		crc |= (uint32_t)end[4 + i] << 8 * i;
	if (checksum(p, n - END) != crc)
		return vmf_fail(e, VMF_EDATA, "trees of %" PRId64 " bytes: "
		    "found checksum %08x, expected %08x", n,
		    checksum(p, n - END), crc);
	return 0;
}

int
vmf_boost_save(const struct vmf_boost *b, struct vmf_buf *buf,
    struct vmf_err *e)
{
	bst_ulong n;
	const char *p;

	uint8_t end[END] = { 'v', 'm', 'f', 'T' };
	uint32_t crc;
	int rc;

	if (XGBoosterSaveModelToBuffer(b->h, "{\"format\": \"ubj\"}", &n,
	    &p) != 0)
		return fail_xgb(e, "writing trees");
	crc = checksum((const uint8_t *)p, (int64_t)n);
	for (int i = 0; i < 4; i++)
		end[4 + i] = (uint8_t)(crc >> 8 * i);
	rc = vmf_buf_put(buf, p, (int64_t)n, e);
	return rc != 0 ? rc : vmf_buf_put(buf, end, END, e);
}

int
vmf_boost_load(const uint8_t *p, int64_t n, struct vmf_boost **out,
    struct vmf_err *e)
{
	struct vmf_boost *b;
	int rc = check_end(p, n, e);

	*out = NULL;
	if (rc != 0)
		return rc;
	b = vmf_calloc(1, sizeof(*b), e);
	if (b == NULL)
		return VMF_ENOMEM;
	if (XGBoosterCreate(NULL, 0, &b->h) != 0) {
		b->h = NULL;
		free(b);
		return fail_xgb(e, "starting");
	}
	if (XGBoosterSetParam(b->h, "verbosity", "0") != 0 ||
	    XGBoosterLoadModelFromBuffer(b->h, p,
	    (bst_ulong)(n - END)) != 0 ||
	    XGBoosterSetParam(b->h, "nthread", "1") != 0) {
		vmf_boost_free(b);
		return fail_xgb(e, "reading trees");
	}
	*out = b;
	return 0;
}

void
vmf_boost_free(struct vmf_boost *b)
{
	if (b == NULL)
		return;
	if (b->h != NULL)
		XGBoosterFree(b->h);
	free(b);
}

#else

#define MISSING "this build has no XGBoost: install libxgboost-dev and " \
	"build again (make XGB=1)"

const char *
vmf_boost_version(char *text, size_t size)
{
	(void)text;
	(void)size;
	return NULL;
}

int
vmf_boost_gpu(struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDEV, "no trees can be trained: " MISSING);
}

int
vmf_boost_train(const struct vmf_boost_opts *o,
    const struct vmf_boost_data *train, const struct vmf_boost_data *valid,
    struct vmf_boost **out, struct vmf_err *e)
{
	(void)o;
	(void)train;
	(void)valid;
	*out = NULL;
	return vmf_fail(e, VMF_EDEV, "no trees can be trained: " MISSING);
}

int
vmf_boost_load(const uint8_t *p, int64_t n, struct vmf_boost **out,
    struct vmf_err *e)
{
	(void)p;
	(void)n;
	*out = NULL;
	return vmf_fail(e, VMF_EDEV, "the model has trees: " MISSING);
}

/* The rest has no booster to be asked about. */
int
vmf_boost_predict(const struct vmf_boost *b, const float *x, int64_t n_rows,
    int n_cols, const float *base, float *out, struct vmf_err *e)
{
	(void)b;
	(void)x;
	(void)n_rows;
	(void)n_cols;
	(void)base;
	(void)out;
	return vmf_fail(e, VMF_EDEV, MISSING);
}

int
vmf_boost_trees(const struct vmf_boost *b)
{
	(void)b;
	return 0;
}

int
vmf_boost_save(const struct vmf_boost *b, struct vmf_buf *buf,
    struct vmf_err *e)
{
	(void)b;
	(void)buf;
	return vmf_fail(e, VMF_EDEV, MISSING);
}

void
vmf_boost_free(struct vmf_boost *b)
{
	(void)b;
}

#endif
