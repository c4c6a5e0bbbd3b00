/* SPDX-License-Identifier: MIT */
#include "forecast/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "forecast/parts.h"

/* Columns of vmf_model_schema, in order. */
enum { C_ID, C_METRIC, C_MODEL, C_STATUS, C_PARAMS, C_BLOB, C_MASE,
    C_UPDATED, N_COLS };
static const struct {
	const char *name;
	enum vmf_type type;
} cols[N_COLS] = {
	[C_ID] = { "id", VMF_UTF8 },
	[C_METRIC] = { "metric", VMF_UTF8 },
	[C_MODEL] = { "model", VMF_UTF8 },
	[C_STATUS] = { "status", VMF_UTF8 },
	[C_PARAMS] = { "params", VMF_LIST_FLOAT64 },
	[C_BLOB] = { "blob", VMF_BINARY },
	[C_MASE] = { "mase", VMF_FLOAT64 },
	[C_UPDATED] = { "updated", VMF_TIME },
};

int
vmf_words_parse(struct vmf_words *w, const char *text, const char *what,
    int code, struct vmf_err *e)
{
	char *s;

	if ((w->text = vmf_strdup(text, e)) == NULL)
		return VMF_ENOMEM;
	w->n = 0;
	for (s = w->text; s != NULL;) {
		char *comma = strchr(s, ',');

		if (comma != NULL)
			*comma = '\0';
		if (*s == '\0')
			return vmf_fail(e, code, "%s: '%.64s', expected "
			    "names with a comma between", what, text);
		if (w->n == VMF_WORDS_MAX)
			return vmf_fail(e, code, "%s: more than %d names",
			    what, VMF_WORDS_MAX);
		for (int i = 0; i < w->n; i++)
			if (strcmp(w->v[i], s) == 0)
				return vmf_fail(e, code, "%s: '%.64s' is "
				    "there twice", what, s);
		w->v[w->n++] = s;
		s = comma == NULL ? NULL : comma + 1;
	}
	return 0;
}

void
vmf_words_free(struct vmf_words *w)
{
	free(w->text);
	*w = (struct vmf_words){ 0 };
}

int
vmf_model_schema(struct vmf_schema *s, const struct vmf_schema *from,
    const struct vmf_grid *g, int64_t season_s, const char *metrics,
    const char *models, struct vmf_err *e)
{
	char season[32];
	int rc;

	for (int c = 0; c < N_COLS; c++)
		if ((rc = vmf_schema_add(s, cols[c].name, cols[c].type,
		    false, e)) < 0)
			return rc;
	snprintf(season, sizeof(season), "%" PRId64, season_s);
	if ((rc = vmf_meta_set(&s->meta, "vmf:kind", "model", e)) != 0 ||
	    (rc = vmf_grid_write(g, s, e)) != 0 ||
	    (rc = vmf_meta_set(&s->meta, "vmf:season", season, e)) != 0 ||
	    (rc = vmf_meta_set(&s->meta, "vmf:metric", metrics, e)) != 0 ||
	    (rc = vmf_meta_set(&s->meta, "vmf:model", models, e)) != 0)
		return rc;
	return vmf_meta_set(&s->meta, "vmf:history",
	    vmf_meta_get(&from->meta, "vmf:history"), e);
}

int
vmf_model_put(struct vmf_batch *b, const char *id, int64_t id_len,
    const char *metric, const char *algo, enum vmf_status status,
    const struct vmf_fit *fit, int64_t updated, struct vmf_err *e)
{
	const char *name = vmf_status_name(status);
	int rc;

	rc = id == NULL ? vmf_col_put_null(&b->col[C_ID], e) :
	    vmf_col_put_str(&b->col[C_ID], id, id_len, e);
	if (rc != 0 ||
	    (rc = vmf_col_put_str(&b->col[C_METRIC], metric,
	    (int64_t)strlen(metric), e)) != 0 ||
	    (rc = vmf_col_put_str(&b->col[C_MODEL], algo,
	    (int64_t)strlen(algo), e)) != 0 ||
	    (rc = vmf_col_put_str(&b->col[C_STATUS], name,
	    (int64_t)strlen(name), e)) != 0 ||
	    (rc = vmf_col_put_list64(&b->col[C_PARAMS], fit->params,
	    fit->n_params, e)) != 0)
		return rc;
	rc = fit->blob.n == 0 ? vmf_col_put_null(&b->col[C_BLOB], e) :
	    vmf_col_put_str(&b->col[C_BLOB], (const char *)fit->blob.p,
	    fit->blob.n, e);
	if (rc != 0 ||
	    (rc = vmf_col_put_num(&b->col[C_MASE], fit->mase, e)) != 0 ||
	    (rc = vmf_col_put_int(&b->col[C_UPDATED], updated, e)) != 0)
		return rc;
	vmf_batch_row(b);
	return 0;
}

static int
meta_words(struct vmf_words *w, const struct vmf_schema *s, const char *name,
    const char *key, struct vmf_err *e)
{
	const char *v = vmf_meta_get(&s->meta, key);
	char what[256];

	if (v == NULL)
		return vmf_fail(e, VMF_EDATA, "%s: metadata %s is missing, "
		    "expected a model as vmf-train writes it", name, key);
	snprintf(what, sizeof(what), "%.200s: metadata %s", name, key);
	return vmf_words_parse(w, v, what, VMF_EDATA, e);
}

static int
find_columns(struct vmf_model *m, struct vmf_err *e)
{
	const struct vmf_schema *s = vmf_reader_schema(m->r);
	const char *name = vmf_reader_name(m->r);
	int *at[N_COLS] = { [C_ID] = &m->id, [C_METRIC] = &m->metric,
	    [C_MODEL] = &m->algo, [C_PARAMS] = &m->params,
	    [C_BLOB] = &m->blob, [C_MASE] = &m->mase,
	    [C_UPDATED] = &m->updated };

	for (int c = 0; c < N_COLS; c++) {
		enum vmf_type type;
		int i = vmf_schema_find(s, cols[c].name);

		if (i < 0)
			return vmf_fail(e, VMF_EDATA, "%s: no column '%s', "
			    "expected a model", name, cols[c].name);
		type = s->field[i].type;
		/* Tools that copy a model may turn an all-missing column
		 * into the null type. */
		if (type != cols[c].type && type != VMF_NULL)
			return vmf_fail(e, VMF_EDATA, "%s: column '%s' is "
			    "%s, expected %s", name, cols[c].name,
			    vmf_type_name(type), vmf_type_name(cols[c].type));
		if (at[c] != NULL)
			*at[c] = i;
	}
	return 0;
}

/* The clock of vmf:season-tz, where there is one. */
static int
take_wall(struct vmf_model *m, const struct vmf_schema *s, struct vmf_err *e)
{
	const char *zone = vmf_meta_get(&s->meta, "vmf:season-tz");
	int rc;

	if (zone == NULL)
		return 0;
	snprintf(m->season_tz, sizeof(m->season_tz), "%s", zone);
	rc = vmf_wall_open(&m->wall, m->season_tz, m->grid.step_s, e);
	return rc == 0 ? 0 : vmf_fail_in(e, rc == VMF_EUSAGE ? VMF_EDATA : rc,
	    "%s: metadata vmf:season-tz", vmf_reader_name(m->r));
}

int
vmf_model_open(struct vmf_model *m, struct vmf_reader *r, struct vmf_err *e)
{
	const struct vmf_schema *s = vmf_reader_schema(r);
	const char *name = vmf_reader_name(r), *v;
	char what[256];
	int rc;

	m->r = r;
	v = vmf_meta_get(&s->meta, "vmf:kind");
	if (v == NULL || strcmp(v, "model") != 0)
		return vmf_fail(e, VMF_EDATA, "%s: a stream of kind '%.32s', "
		    "expected 'model'", name, v == NULL ? "unknown" : v);
	v = vmf_meta_get(&s->meta, "vmf:model");
	if (v != NULL && strcmp(v, "downtime") == 0)
		return vmf_fail(e, VMF_EDATA, "%s: a model of downtimes, "
		    "which is learned anew each time; expected one of "
		    "series", name);
	if ((rc = find_columns(m, e)) != 0 ||
	    (rc = vmf_grid_read(&m->grid, s, name, 0, VMF_TIME_NONE,
	    e)) != 0 || (rc = vmf_grid_need_end(&m->grid, name, e)) != 0)
		return rc;
	v = vmf_meta_get(&s->meta, "vmf:season");
	if (v == NULL ||
	    vmf_parse_int64(v, (int64_t)strlen(v), &m->season_s) != 0 ||
	    m->season_s <= 0 || m->season_s % m->grid.step_s != 0)
		return vmf_fail(e, VMF_EDATA, "%s: metadata vmf:season is "
		    "%.32s, expected seconds, a multiple of vmf:step", name,
		    v == NULL ? "missing" : v);
	if ((rc = take_wall(m, s, e)) != 0)
		return rc;
	if ((rc = meta_words(&m->metrics, s, name, "vmf:metric", e)) != 0)
		return rc;
	if ((rc = meta_words(&m->algos, s, name, "vmf:model", e)) != 0)
		return rc;
	for (int i = 0; i < m->algos.n; i++)
		m->algo_of[i] = vmf_algo_find(m->algos.v[i],
		    (int64_t)strlen(m->algos.v[i]));
	v = vmf_meta_get(&s->meta, "vmf:without");
	if (v == NULL)
		return 0;
	snprintf(what, sizeof(what), "%.200s: metadata vmf:without", name);
	return vmf_parts_leave(m->algo_of, m->algos.n, m->less, v, what,
	    VMF_EDATA, e);
}

/* An algorithm as the model has it. */
static const struct vmf_algo *
find_algo(const struct vmf_model *m, const char *name, int64_t len)
{
	for (int i = 0; i < m->algos.n; i++)
		if (vmf_text_is(name, len, m->algos.v[i]))
			return m->algo_of[i];
	return vmf_algo_find(name, len);
}

void
vmf_model_free(struct vmf_model *m)
{
	vmf_words_free(&m->metrics);
	vmf_words_free(&m->algos);
	vmf_wall_free(&m->wall);
	free(m->last_id);
	*m = (struct vmf_model){ 0 };
}

/* A string of the part's row; null-typed columns have none. */
static const char *
str_of(const struct vmf_model *m, int col, int64_t *len)
{
	const struct vmf_col *c = &m->b->col[col];

	*len = 0;
	return c->type == VMF_NULL ? NULL : vmf_col_str(c, m->i, len);
}

int
vmf_model_peek(struct vmf_model *m, struct vmf_part *p, struct vmf_err *e)
{
	const char *name = vmf_reader_name(m->r);
	int got;

	while (!m->ended && (m->b == NULL || m->i >= m->b->n)) {
		if ((got = vmf_reader_next(m->r, &m->b, e)) < 0)
			return got;
		m->ended = got == 0;
		m->i = 0;
	}
	if (m->ended)
		return 0;
	*p = (struct vmf_part){
		.row = vmf_reader_row(m->r) + m->i, .mase = NAN,
		.updated = m->grid.end,
	};
	p->id = str_of(m, m->id, &p->id_len);
	p->metric = str_of(m, m->metric, &p->metric_len);
	p->algo = str_of(m, m->algo, &p->algo_len);
	p->blob = str_of(m, m->blob, &p->blob_bytes);
	if (m->b->col[m->params].type != VMF_NULL)
		p->params = vmf_col_list64(&m->b->col[m->params], m->i,
		    &p->n_params);
	p->mase = vmf_col_num(&m->b->col[m->mase], m->i);
	if (m->b->col[m->updated].type == VMF_TIME &&
	    vmf_col_valid(&m->b->col[m->updated], m->i))
		p->updated = m->b->col[m->updated].d.i64[m->i];
	if (p->algo == NULL || p->metric == NULL)
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ": %s is "
		    "missing", name, p->row,
		    p->algo == NULL ? "model" : "metric");
	p->of = find_algo(m, p->algo, p->algo_len);
	if (p->of == NULL)
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ": model "
		    "'%.*s' is not known to this version; known: %s", name,
		    p->row, (int)(p->algo_len > 64 ? 64 : p->algo_len),
		    p->algo, vmf_algo_names());
	if (m->any && (p->id == NULL || vmf_id_cmp(m->last_id, m->last_len,
	    p->id, p->id_len) > 0))
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ": id "
		    "'%.*s' follows '%.*s', expected ids that ascend (by "
		    "bytes)", name, p->row,
		    (int)(p->id_len > 200 ? 200 : p->id_len),
		    p->id == NULL ? "" : p->id,
		    (int)(m->last_len > 200 ? 200 : m->last_len),
		    m->last_id);
	if (p->id != NULL) {
		int rc = vmf_grow(&m->last_id, &m->last_cap, p->id_len + 1,
		    e);

		if (rc != 0)
			return rc;
		if (p->id_len > 0)
			memcpy(m->last_id, p->id, (size_t)p->id_len);
		m->last_len = p->id_len;
		m->any = true;
	}
	return 1;
}

void
vmf_model_skip(struct vmf_model *m)
{
	m->i++;
}
