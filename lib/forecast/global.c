/* SPDX-License-Identifier: MIT */
#include "forecast/global.h"
#include "forecast/risk.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

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
	if (g->state != NULL)
		g->ops->unload(g);
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
		if (g->algo[a] != NULL && (g->n_targets > 0 ||
		    g->algo[a]->global != NULL))
			return true;
	return false;
}

struct vmf_global *
vmf_globals_find(struct vmf_globals *g, const struct vmf_algo *algo,
    const char *metric, int64_t len)
{
	for (int m = 0; m < g->n_models; m++)
		if (g->model[m].algo == algo && !g->model[m].is_target &&
		    vmf_text_is(metric, len, g->model[m].metric))
			return &g->model[m];
	return NULL;
}

struct vmf_global *
vmf_globals_target(struct vmf_globals *g, const struct vmf_algo *algo,
    const char *text, int64_t len)
{
	for (int m = 0; m < g->n_models; m++)
		if (g->model[m].algo == algo && g->model[m].is_target &&
		    vmf_text_is(text, len, g->model[m].target.text))
			return &g->model[m];
	return NULL;
}

static int
put_names(cJSON *o, const char *key, char *const *name, int n)
{
	cJSON *list = cJSON_AddArrayToObject(o, key);

	for (int k = 0; k < n; k++) {
		cJSON *s = list == NULL ? NULL : cJSON_CreateString(name[k]);

		if (s == NULL || !cJSON_AddItemToArray(list, s))
			return -1;
	}
	return list == NULL ? -1 : 0;
}

int
vmf_global_names_put(const struct vmf_global *g, cJSON *o)
{
	return put_names(o, "sides", g->side, g->n_sides) != 0 ? -1 :
	    put_names(o, "traits", g->trait, g->n_traits);
}

static int
get_names(const cJSON *o, const char *key, char **name, int *n, int most,
    struct vmf_err *e)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, key), *s;

	for (int k = 0; k < *n; k++)
		free(name[k]);
	*n = 0;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > most)
		return vmf_fail(e, VMF_EDATA, "%s is not a list of at most "
		    "%d names", key, most);
	cJSON_ArrayForEach(s, list) {
		if (!cJSON_IsString(s))
			return vmf_fail(e, VMF_EDATA, "%s holds what is not "
			    "a name", key);
		if ((name[*n] = vmf_strdup(s->valuestring, e)) == NULL)
			return VMF_ENOMEM;
		++*n;
	}
	return 0;
}

int
vmf_global_names_get(struct vmf_global *g, const cJSON *o,
    struct vmf_err *e)
{
	int rc = get_names(o, "sides", g->side, &g->n_sides, VMF_SIDES_MAX,
	    e);

	return rc != 0 ? rc : get_names(o, "traits", g->trait, &g->n_traits,
	    VMF_TRAITS_MAX, e);
}

int
vmf_globals_put(const struct vmf_globals *g, struct vmf_batch *out,
    int64_t updated, struct vmf_err *e)
{
	for (int m = 0; m < g->n_models; m++) {
		const struct vmf_global *x = &g->model[m];
		struct vmf_fit fit = { .blob = x->blob, .mase = NAN };
		double params[2] = { (double)x->n_series, (double)x->n_rows };
		int rc;

		if (x->blob.n == 0 && x->ops->predict == NULL &&
		    !x->is_target)
			continue;
		fit.params = params;
		fit.n_params = 2;
		if ((rc = vmf_model_put(out, NULL, 0, x->is_target ?
		    x->target.text : x->metric, x->algo->name,
		    x->blob.n > 0 ? VMF_OK : VMF_SHORT, &fit, updated,
		    e)) != 0)
			return rc;
	}
	return 0;
}

struct vmf_global *
vmf_globals_add(struct vmf_globals *g, const struct vmf_algo *algo,
    const char *metric, int64_t len, const struct vmf_target *target,
    struct vmf_err *e)
{
	struct vmf_global *more, *x;
	const char *base;

	more = realloc(g->model, (size_t)(g->n_models + 1) * sizeof(*more));
	if (more == NULL) {
		vmf_fail(e, VMF_ENOMEM, "no memory for a model");
		return NULL;
	}
	g->model = more;
	x = &g->model[g->n_models];
	*x = (struct vmf_global){ .algo = algo,
	    .ops = target != NULL ? &vmf_risk_ops : algo->global,
	    .step_s = g->opts.step_s, .season = g->opts.season,
	    .seed = g->seed, .epochs = g->epochs, .hidden = g->hidden,
	    .checkpoint = g->checkpoint, .how = g->how, .tell = g->tell,
	    .tell_arg = g->tell_arg };
	base = algo->global == NULL ? NULL : algo->global->base;
	x->base = base == NULL ? *algo : *vmf_algo_find(base,
	    (int64_t)strlen(base));
	if (base == NULL)
		x->base.global = NULL;
	if (target != NULL) {
		x->is_target = true;
		x->target = *target;
		x->leads = target->to;
		metric = target->metric;
		len = (int64_t)strlen(metric);
	}
	if ((x->metric = vmf_strndup(metric, len, e)) == NULL)
		return NULL;
	g->n_models++;
	return x;
}

int
vmf_globals_take(struct vmf_globals *g, const struct vmf_part *part,
    struct vmf_err *e)
{
	const struct vmf_algo *algo = part->of;
	bool is_target = memchr(part->metric, '>', (size_t)part->metric_len)
	    != NULL;
	struct vmf_target target;
	struct vmf_global *x;
	int rc;

	if (is_target && (rc = vmf_target_parse(&target, part->metric,
	    part->metric_len, "a part without an id", VMF_EDATA, e)) != 0)
		return rc;
	if (!is_target && algo->global == NULL)
		return vmf_fail(e, VMF_EDATA, "a part without an id of '%.*s', "
		    "which learns each series by itself",
		    (int)(part->algo_len > 64 ? 64 : part->algo_len),
		    part->algo);
	x = is_target ? vmf_globals_target(g, algo, target.text,
	    (int64_t)strlen(target.text)) : vmf_globals_find(g, algo,
	    part->metric, part->metric_len);
	if (x != NULL)
		return vmf_fail(e, VMF_EDATA, "a second part of '%s' without "
		    "an id for '%.*s'", algo->name,
		    (int)(part->metric_len > 64 ? 64 : part->metric_len),
		    part->metric);
	x = vmf_globals_add(g, algo, part->metric, part->metric_len,
	    is_target ? &target : NULL, e);
	if (x == NULL)
		return VMF_ENOMEM;
	if (part->blob_bytes == 0)
		return 0;
	if ((rc = vmf_buf_put(&x->blob, part->blob, part->blob_bytes,
	    e)) != 0)
		return rc;
	return x->ops->load(x, e);
}
