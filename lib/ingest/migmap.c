/* SPDX-License-Identifier: MIT */
#include "ingest/migmap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ingest/map_json.h"

static void
free_refs(struct vmf_map_ref *r, int n)
{
	for (int i = 0; i < n; i++)
		free(r[i].name);
	free(r);
}

void
vmf_mig_map_free(struct vmf_mig_map *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i < m->n_fields; i++) {
		struct vmf_mig_field *f = &m->field[i];

		for (int k = 0; k < f->n_words; k++) {
			free(f->word[k].from);
			free(f->word[k].to);
		}
		free(f->word);
		free(f->value);
		free_refs(f->from, f->n_from);
	}
	free(m->field);
	free(m->only.name);
	free(m->only_is);
	free_refs(m->repeats, m->n_repeats);
	free(m);
}

/* An array of columns. */
static int
parse_refs(const cJSON *v, const char *key, struct vmf_map_ref **refs,
    int *n, const struct vmf_place *at, struct vmf_err *e)
{
	const cJSON *c;
	int rc;

	if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) == 0)
		return vmf_json_bad(at, e, key, cJSON_IsArray(v) ?
		    "an empty array" : vmf_json_type(v),
		    "an array of columns' names or positions from 1");
	*refs = vmf_calloc(cJSON_GetArraySize(v), sizeof(**refs), e);
	if (*refs == NULL)
		return VMF_ENOMEM;
	cJSON_ArrayForEach(c, v) {
		rc = vmf_json_ref_of(c, key, &(*refs)[*n], at, e);
		if (rc != 0)
			return rc;
		++*n;
	}
	return 0;
}

/* {"text": "text that it means", ...} */
static int
parse_words(struct vmf_mig_field *f, const cJSON *v,
    const struct vmf_place *at, struct vmf_err *e)
{
	const cJSON *c;

	if (!cJSON_IsObject(v) || cJSON_GetArraySize(v) == 0)
		return vmf_json_bad(at, e, "words", cJSON_IsObject(v) ?
		    "an empty object" : vmf_json_type(v),
		    "{\"text\": \"what it means\", ...}");
	f->word = vmf_calloc(cJSON_GetArraySize(v), sizeof(*f->word), e);
	if (f->word == NULL)
		return VMF_ENOMEM;
	cJSON_ArrayForEach(c, v) {
		struct vmf_mig_word *w = &f->word[f->n_words++];

		if (!cJSON_IsString(c))
			return vmf_json_bad(at, e, "words", vmf_json_type(c),
			    "strings");
		for (const cJSON *n = c->next; n != NULL; n = n->next)
			if (strcmp(n->string, c->string) == 0)
				return vmf_json_bad(at, e, "words",
				    "a text twice", "each once");
		w->from = vmf_strdup(c->string, e);
		w->to = vmf_strdup(c->valuestring, e);
		if (w->from == NULL || w->to == NULL)
			return VMF_ENOMEM;
	}
	return 0;
}

/* What a field has to have, and what it cannot. */
static int
check_field(const struct vmf_mig_map *m, const struct vmf_mig_field *f,
    const cJSON *v, const struct vmf_place *at, struct vmf_err *e)
{
	const struct vmf_mig_col *c = vmf_mig_col(f->col);
	struct vmf_mig_row row = { 0 };
	const char *expected = "";
	int rc;

	if ((f->value != NULL) == (f->n_from > 0))
		return vmf_json_bad(at, e, "", f->n_from > 0 ?
		    "both a column and a value" : "neither column nor value",
		    "one of column, columns and value");
	if (m->format != VMF_MIG_CSV && f->n_from > 0)
		return vmf_json_bad(at, e, "column", "it in a source without "
		    "columns", "value");
	if (f->value != NULL && f->n_words > 0)
		return vmf_json_bad(at, e, "words", "it beside value",
		    "column");
	if (f->n_from > 1 && c->kind != VMF_MIG_IS_TEXT)
		return vmf_json_bad(at, e, "columns", "it for a column that "
		    "is not text", "column");
	if (cJSON_GetObjectItemCaseSensitive(v, "scale") != NULL &&
	    c->kind != VMF_MIG_IS_NUMBER)
		return vmf_json_bad(at, e, "scale", "it for a column that is "
		    "no number", "none");
	for (int i = 0; i < m->n_fields - 1; i++)
		if (m->field[i].col == f->col)
			return vmf_json_bad(at, e, "name", c->name,
			    "each name once in the map");
	if (f->value == NULL)
		return 0;
	rc = vmf_mig_set(&row, f->col, f->value, (int64_t)strlen(f->value),
	    f->scale, &expected, e);
	vmf_mig_free(&row);
	return rc > 0 ? vmf_json_bad(at, e, "value", f->value, expected) :
	    rc;
}

static int
parse_field(struct vmf_mig_map *m, const cJSON *v,
    const struct vmf_place *at, struct vmf_err *e)
{
	static const char *const keys[] = { "name", "column", "columns",
	    "value", "scale", "words", NULL };
	struct vmf_mig_field *f = &m->field[m->n_fields++];
	struct vmf_map_ref one = { 0 };
	const cJSON *c;
	char *name = NULL;
	bool given = false;
	int rc;

	*f = (struct vmf_mig_field){ .col = -1, .scale = 1.0 };
	if (!cJSON_IsObject(v))
		return vmf_json_bad(at, e, "", vmf_json_type(v),
		    "an object with name and column");
	if ((rc = vmf_json_keys(v, keys, at, e)) != 0 ||
	    (rc = vmf_json_str(v, "name", &name, at, e)) != 0)
		return rc;
	if (name != NULL)
		f->col = vmf_mig_find(name, (int64_t)strlen(name));
	if (f->col < 0)
		rc = vmf_json_bad(at, e, "name", name == NULL ? "nothing" :
		    name, "a column of migrations, see vmf-stream(5)");
	free(name);
	if (rc != 0 || (rc = vmf_json_str(v, "value", &f->value, at,
	    e)) != 0 || (rc = vmf_json_ref(v, "column", &one, &given, at,
	    e)) != 0)
		return rc;
	c = cJSON_GetObjectItemCaseSensitive(v, "columns");
	if (given) {
		f->from = vmf_calloc(1, sizeof(*f->from), e);
		if (f->from == NULL) {
			free(one.name);
			return VMF_ENOMEM;
		}
		f->from[f->n_from++] = one;
		if (c != NULL)
			return vmf_json_bad(at, e, "columns",
			    "it beside column", "one of them");
	} else if (c != NULL && (rc = parse_refs(c, "columns", &f->from,
	    &f->n_from, at, e)) != 0) {
		return rc;
	}
	c = cJSON_GetObjectItemCaseSensitive(v, "scale");
	if (c != NULL && (!cJSON_IsNumber(c) || !(c->valuedouble > 0.0) ||
	    isinf(c->valuedouble)))
		return vmf_json_bad(at, e, "scale", vmf_json_type(c),
		    "a number above 0");
	if (c != NULL)
		f->scale = c->valuedouble;
	c = cJSON_GetObjectItemCaseSensitive(v, "words");
	if (c != NULL && (rc = parse_words(f, c, at, e)) != 0)
		return rc;
	return check_field(m, f, v, at, e);
}

static int
parse_fields(struct vmf_mig_map *m, const cJSON *v,
    const struct vmf_place *top, struct vmf_err *e)
{
	struct vmf_place at = *top;
	const cJSON *c;
	int rc;

	if (v == NULL)
		return 0;
	if (!cJSON_IsArray(v))
		return vmf_json_bad(top, e, "fields", vmf_json_type(v),
		    "an array");
	m->field = vmf_calloc(cJSON_GetArraySize(v), sizeof(*m->field), e);
	if (m->field == NULL)
		return VMF_ENOMEM;
	cJSON_ArrayForEach(c, v) {
		snprintf(at.in, sizeof(at.in), "fields[%d]", m->n_fields);
		if ((rc = parse_field(m, c, &at, e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_mig_map_parse(struct vmf_mig_map **out, const cJSON *root,
    const char *name, struct vmf_err *e)
{
	static const char *const keys[] = { "kind", "format", "delimiter",
	    "fields", "only", "repeats", "others", NULL };
	static const char *const formats[] = { "csv", "domjobinfo",
	    "query-migrate", NULL };
	static const char *const others[] = { "error", "ignore", "guess",
	    NULL };
	static const char *const kinds[] = { "migrations", NULL };
	struct vmf_place at = { name, "" };
	struct vmf_mig_map *m = vmf_calloc(1, sizeof(*m), e);
	const cJSON *v;
	int rc, k = 0;

	*out = m;
	if (m == NULL)
		return VMF_ENOMEM;
	if ((rc = vmf_json_keys(root, keys, &at, e)) != 0 ||
	    (rc = vmf_json_word(root, "kind", kinds, &k, "migrations", &at,
	    e)) != 0 ||
	    (rc = vmf_json_word(root, "format", formats, &k, "csv, domjobinfo "
	    "or query-migrate", &at, e)) != 0)
		return rc;
	m->format = (enum vmf_mig_format)k;
	k = 0;
	if ((rc = vmf_json_word(root, "others", others, &k, "error, ignore or "
	    "guess", &at, e)) != 0)
		return rc;
	m->others = (enum vmf_map_others)k;
	m->delim = ',';
	if ((rc = vmf_json_delim(root, &m->delim, &at, e)) != 0 ||
	    (rc = parse_fields(m,
	    cJSON_GetObjectItemCaseSensitive(root, "fields"), &at, e)) != 0)
		return rc;
	if ((rc = vmf_json_where(root, "only", &m->only, &m->only_is, &at,
	    e)) != 0)
		return rc;
	m->has_only = m->only_is != NULL;
	v = cJSON_GetObjectItemCaseSensitive(root, "repeats");
	if (v != NULL && (rc = parse_refs(v, "repeats", &m->repeats,
	    &m->n_repeats, &at, e)) != 0)
		return rc;
	if (m->format != VMF_MIG_CSV && (m->has_only || m->n_repeats > 0))
		return vmf_json_bad(&at, e, m->has_only ? "only" : "repeats",
		    "it in a source without columns", "none");
	return 0;
}
