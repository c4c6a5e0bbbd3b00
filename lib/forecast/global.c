/* SPDX-License-Identifier: MIT */
#include "forecast/global.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LEADS_S (INT64_C(60) * 3600)
#define LEADS_MIN 12

int64_t
vmf_global_leads(int64_t step_s)
{
	int64_t n = LEADS_S / step_s;

	return n < LEADS_MIN ? LEADS_MIN : n;
}

double
vmf_own_scale(const struct vmf_slice *y, int64_t steps)
{
	int64_t from = y->n + y->gap - steps, known = 0;
	double sum = 0.0;

	for (int64_t t = from > 0 ? from : 0; t < y->n; t++)
		if (!isnan(y->y[t])) {
			sum += fabs(y->y[t]);
			known++;
		}
	return known > 0 ? sum / (double)known : NAN;
}

struct vmf_slice
vmf_slice_before(const struct vmf_slice *y, int64_t back)
{
	struct vmf_slice to = *y;
	int64_t end = y->n + y->gap - back;

	if (end >= y->n) {
		to.gap = end - y->n;
		return to;
	}
	to.n = end < 0 ? 0 : end;
	while (to.n > 0 && isnan(to.y[to.n - 1]))
		to.n--;
	to.gap = to.n > 0 ? end - to.n : 0;
	return to;
}

void
vmf_global_free(struct vmf_global *g)
{
	if (g->algo != NULL && g->state != NULL)
		g->algo->global->unload(g);
	for (int k = 0; k < g->n_sides; k++)
		free(g->side[k]);
	for (int k = 0; k < g->n_traits; k++)
		free(g->trait[k]);
	free(g->metric);
	vmf_buf_free(&g->blob);
	*g = (struct vmf_global){ 0 };
}

void
vmf_globals_free(struct vmf_globals *g)
{
	for (int m = 0; m < g->n_models; m++)
		vmf_global_free(&g->model[m]);
	free(g->model);
	g->model = NULL;
	g->n_models = 0;
}

bool
vmf_globals_any(const struct vmf_globals *g)
{
	for (int a = 0; a < g->n_algos; a++)
		if (g->algo[a] != NULL && g->algo[a]->global != NULL)
			return true;
	return false;
}

struct vmf_global *
vmf_globals_find(struct vmf_globals *g, const struct vmf_algo *algo,
    const char *metric, int64_t len)
{
	for (int m = 0; m < g->n_models; m++)
		if (g->model[m].algo == algo &&
		    (int64_t)strlen(g->model[m].metric) == len &&
		    memcmp(g->model[m].metric, metric, (size_t)len) == 0)
			return &g->model[m];
	return NULL;
}

int
vmf_globals_put(const struct vmf_globals *g, struct vmf_batch *out,
    struct vmf_err *e)
{
	for (int m = 0; m < g->n_models; m++) {
		const struct vmf_global *x = &g->model[m];
		struct vmf_fit fit = { .blob = x->blob, .mase = NAN };
		double params[2] = { (double)x->n_series, (double)x->n_rows };
		int rc;

		fit.params = params;
		fit.n_params = 2;
		if ((rc = vmf_model_put(out, NULL, 0, x->metric, x->algo->name,
		    x->blob.n > 0 ? VMF_OK : VMF_SHORT, &fit, g->opts.start,
		    e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_globals_take(struct vmf_globals *g, const struct vmf_part *part,
    int64_t step_s, int64_t season, struct vmf_err *e)
{
	const struct vmf_algo *algo = vmf_algo_find(part->algo,
	    part->algo_len);
	struct vmf_global *more, *x;
	int rc;

	if (algo == NULL || algo->global == NULL)
		return vmf_fail(e, VMF_EDATA, "a part without an id of '%.*s', "
		    "which learns each series by itself",
		    (int)(part->algo_len > 64 ? 64 : part->algo_len),
		    part->algo);
	if (vmf_globals_find(g, algo, part->metric, part->metric_len) != NULL)
		return vmf_fail(e, VMF_EDATA, "a second part of '%s' without "
		    "an id for '%.*s'", algo->name,
		    (int)(part->metric_len > 64 ? 64 : part->metric_len),
		    part->metric);
	more = realloc(g->model, (size_t)(g->n_models + 1) * sizeof(*more));
	if (more == NULL)
		return vmf_fail(e, VMF_ENOMEM, "no memory for a model");
	g->model = more;
	x = &g->model[g->n_models++];
	*x = (struct vmf_global){ .algo = algo, .step_s = step_s,
	    .season = season };
	x->metric = vmf_strndup(part->metric, part->metric_len, e);
	if (x->metric == NULL)
		return VMF_ENOMEM;
	if (part->blob_bytes == 0)
		return 0;
	if ((rc = vmf_buf_put(&x->blob, part->blob, part->blob_bytes,
	    e)) != 0)
		return rc;
	return algo->global->load(x, e);
}
