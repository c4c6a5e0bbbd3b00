/* SPDX-License-Identifier: MIT */
#include "ingest/map.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

#define MAP_MAX_BYTES (1 << 20)
#define MAP_MAX_POS (1 << 21)

/* Where a value stands, for messages: "map 'x': metrics[2]". */
struct place {
	const char *map;
	char in[64];		/* "" at the top */
};

static int
bad(const struct place *at, struct vmf_err *e, const char *key,
    const char *found, const char *expected)
{
	return vmf_fail(e, VMF_EDATA, "%s: %s%s%s: found %s, expected %s",
	    at->map, at->in, *at->in != '\0' && *key != '\0' ? "." : "", key,
	    found, expected);
}

static const char *
type_word(const cJSON *v)
{
	return v == NULL ? "nothing" : cJSON_IsString(v) ? "a string" :
	    cJSON_IsNumber(v) ? "a number" : cJSON_IsBool(v) ? "a boolean" :
	    cJSON_IsArray(v) ? "an array" : cJSON_IsObject(v) ? "an object" :
	    "null";
}

/* Refuse members that are not among the NULL-ended keys, or come twice. */
static int
check_keys(const cJSON *obj, const char *const *keys, const struct place *at,
    struct vmf_err *e)
{
	const cJSON *m, *n;

	cJSON_ArrayForEach(m, obj) {
		int i = 0;

		while (keys[i] != NULL && strcmp(keys[i], m->string) != 0)
			i++;
		if (keys[i] == NULL) {
			char list[160] = "";
			size_t used = 0;

			for (i = 0; keys[i] != NULL; i++)
				used += (size_t)snprintf(list + used,
				    sizeof(list) - used, "%s%s",
				    i > 0 ? ", " : "", keys[i]);
			return vmf_fail(e, VMF_EDATA, "%s: unknown key "
			    "'%.60s'%s%s, expected one of %s", at->map,
			    m->string, *at->in != '\0' ? " in " : "",
			    at->in, list);
		}
		for (n = m->next; n != NULL; n = n->next)
			if (strcmp(n->string, m->string) == 0)
				return bad(at, e, m->string, "the key twice",
				    "it once");
	}
	return 0;
}

/* A string member, copied; *out stays NULL where it is absent. */
static int
get_str(const cJSON *obj, const char *key, char **out,
    const struct place *at, struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

	if (v == NULL)
		return 0;
	if (!cJSON_IsString(v) || *v->valuestring == '\0')
		return bad(at, e, key, cJSON_IsString(v) ? "an empty string" :
		    type_word(v), "a string");
	*out = vmf_strdup(v->valuestring, e);
	return *out == NULL ? VMF_ENOMEM : 0;
}

/* A column: its name, or its position from 1. */
static int
get_ref(const cJSON *obj, const char *key, struct vmf_map_ref *ref,
    bool *given, const struct place *at, struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

	*given = v != NULL;
	if (cJSON_IsNumber(v)) {
		if (!(v->valuedouble >= 1 && v->valuedouble <= MAP_MAX_POS &&
		    v->valuedouble == floor(v->valuedouble)))
			return bad(at, e, key, "a number that is no position",
			    "a column's name or its position from 1");
		ref->pos = (int64_t)v->valuedouble;
		return 0;
	}
	if (v != NULL && !cJSON_IsString(v))
		return bad(at, e, key, type_word(v),
		    "a column's name or its position from 1");
	return get_str(obj, key, &ref->name, at, e);
}

static int
parse_columns(struct vmf_map *m, const cJSON *v, const struct place *at,
    struct vmf_err *e)
{
	const cJSON *c;

	if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) == 0)
		return bad(at, e, "columns", cJSON_IsArray(v) ?
		    "an empty array" : type_word(v),
		    "the names of all columns, as there is no header");
	m->column = vmf_calloc(cJSON_GetArraySize(v), sizeof(*m->column), e);
	if (m->column == NULL)
		return VMF_ENOMEM;
	cJSON_ArrayForEach(c, v) {
		if (!cJSON_IsString(c) || *c->valuestring == '\0')
			return bad(at, e, "columns", type_word(c),
			    "strings that are not empty");
		for (int i = 0; i < m->n_columns; i++)
			if (strcmp(m->column[i], c->valuestring) == 0)
				return bad(at, e, "columns",
				    "a name twice", "each once");
		m->column[m->n_columns] = vmf_strdup(c->valuestring, e);
		if (m->column[m->n_columns++] == NULL)
			return VMF_ENOMEM;
	}
	return 0;
}

static int
parse_vm(struct vmf_map *m, const cJSON *v, struct place at,
    struct vmf_err *e)
{
	static const char *const keys[] = { "column", "from", NULL };
	const cJSON *from;
	bool given;
	int rc;

	if (!cJSON_IsObject(v))
		return bad(&at, e, "vm", type_word(v), "{\"column\": NAME} or "
		    "{\"from\": \"filename\"}");
	snprintf(at.in, sizeof(at.in), "vm");
	rc = check_keys(v, keys, &at, e);
	if (rc == 0)
		rc = get_ref(v, "column", &m->id, &given, &at, e);
	if (rc != 0)
		return rc;
	from = cJSON_GetObjectItemCaseSensitive(v, "from");
	if (from != NULL && (!cJSON_IsString(from) ||
	    strcmp(from->valuestring, "filename") != 0))
		return bad(&at, e, "from", cJSON_IsString(from) ?
		    "another word" : type_word(from), "\"filename\"");
	if ((from != NULL) == given)
		return bad(&at, e, "", given ? "both column and from" :
		    "neither column nor from", "one of them");
	m->id_from_file = from != NULL;
	return 0;
}

static int
parse_time(struct vmf_map *m, const cJSON *v, struct place at,
    struct vmf_err *e)
{
	static const char *const keys[] = { "column", "format", "start",
	    "step", NULL };
	char *word = NULL;
	bool given;
	int rc, f;

	if (!cJSON_IsObject(v))
		return bad(&at, e, "time", type_word(v), "{\"column\": NAME} "
		    "or {\"step\": \"5m\"}");
	snprintf(at.in, sizeof(at.in), "time");
	rc = check_keys(v, keys, &at, e);
	if (rc == 0)
		rc = get_ref(v, "column", &m->time, &given, &at, e);
	if (rc == 0)
		rc = get_str(v, "format", &word, &at, e);
	if (rc == 0 && word != NULL) {
		f = vmf_stamp_find(word);
		if (f < 0)
			rc = bad(&at, e, "format", "another word",
			    "auto, s, ms, us, ns, rfc3339 or wall");
		else if (!given)
			rc = bad(&at, e, "format", "it without column",
			    "both");
		else
			m->stamp = (enum vmf_stamp)f;
	}
	free(word);
	word = NULL;
	if (rc == 0)
		rc = get_str(v, "step", &word, &at, e);
	if (rc != 0)
		return rc;
	if ((word != NULL) == given) {
		free(word);
		return bad(&at, e, "", given ? "both column and step" :
		    "neither column nor step", "one of them");
	}
	m->time_by_row = word != NULL;
	if (word != NULL && vmf_parse_duration(word, &m->step_s) != 0)
		rc = bad(&at, e, "step", "another text",
		    "a span of time such as \"5m\"");
	free(word);
	word = NULL;
	if (rc == 0)
		rc = get_str(v, "start", &word, &at, e);
	if (rc == 0 && word != NULL && given)
		rc = bad(&at, e, "start", "it with column", "it with step");
	if (rc == 0 && word != NULL && vmf_time_parse_any(word,
	    (int64_t)strlen(word), &m->start_s) != 0)
		rc = bad(&at, e, "start", "another text",
		    "a time such as \"2024-05-01T12:00:00Z\"");
	free(word);
	return rc;
}

static int
parse_col(struct vmf_map *m, const cJSON *v, bool attribute,
    const struct place *at, struct vmf_err *e)
{
	static const char *const metric_keys[] = { "name", "column", "unit",
	    "scale", "percent_of", NULL };
	static const char *const attr_keys[] = { "name", "column", "unit",
	    "scale", "type", NULL };
	struct vmf_map_col *c;
	const cJSON *s;
	char *word = NULL;
	int rc;

	if (!cJSON_IsObject(v))
		return bad(at, e, "", type_word(v),
		    "an object with name and column");
	rc = check_keys(v, attribute ? attr_keys : metric_keys, at, e);
	if (rc == 0)
		rc = vmf_map_add(m, attribute, NULL,
		    attribute ? VMF_UTF8 : VMF_FLOAT32, NULL, e);
	if (rc != 0)
		return rc;
	c = &m->col[m->n_cols - 1];
	rc = get_str(v, "name", &c->name, at, e);
	if (rc == 0 && c->name != NULL && (strcmp(c->name, "vm") == 0 ||
	    strcmp(c->name, "time") == 0))
		rc = bad(at, e, "name", c->name,
		    "another name: vm and time are taken");
	for (int i = 0; rc == 0 && c->name != NULL && i < m->n_cols - 1; i++)
		if (m->col[i].name != NULL &&
		    strcmp(m->col[i].name, c->name) == 0)
			rc = bad(at, e, "name", c->name,
			    "each name once in the map");
	if (rc == 0 && attribute && c->name == NULL)
		rc = bad(at, e, "name", "nothing", "a name");
	if (rc == 0)
		rc = get_ref(v, "column", &c->from, &c->has_from, at, e);
	if (rc == 0)
		rc = get_ref(v, "percent_of", &c->percent_of,
		    &c->has_percent_of, at, e);
	if (rc == 0)
		rc = get_str(v, "unit", &c->unit, at, e);
	if (rc == 0)
		rc = get_str(v, "type", &word, at, e);
	if (rc == 0 && word != NULL) {
		if (strcmp(word, "int32") == 0)
			c->type = VMF_INT32;
		else if (strcmp(word, "float64") == 0)
			c->type = VMF_FLOAT64;
		else if (strcmp(word, "utf8") != 0)
			rc = bad(at, e, "type", "another word",
			    "utf8, int32 or float64");
	}
	free(word);
	if (rc != 0)
		return rc;
	s = cJSON_GetObjectItemCaseSensitive(v, "scale");
	if (s == NULL)
		return 0;
	if (!cJSON_IsNumber(s) || !isfinite(s->valuedouble) ||
	    s->valuedouble == 0.0)
		return bad(at, e, "scale", cJSON_IsNumber(s) ?
		    "zero or infinity" : type_word(s), "a number");
	if (c->type == VMF_UTF8)
		return bad(at, e, "scale", "it for text", "a type of int32 "
		    "or float64 beside it");
	c->scale = s->valuedouble;
	return 0;
}

static int
parse_cols(struct vmf_map *m, const cJSON *v, const char *key,
    const struct place *top, struct vmf_err *e)
{
	struct place at = *top;
	const cJSON *c;
	int i = 0, rc;

	if (v == NULL)
		return 0;
	if (!cJSON_IsArray(v))
		return bad(top, e, key, type_word(v), "an array");
	cJSON_ArrayForEach(c, v) {
		snprintf(at.in, sizeof(at.in), "%s[%d]", key, i++);
		rc = parse_col(m, c, key[0] == 'a', &at, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
parse_words(struct vmf_map *m, const cJSON *root, const struct place *at,
    struct vmf_err *e)
{
	const cJSON *v;
	char *word = NULL;
	int rc;

	v = cJSON_GetObjectItemCaseSensitive(root, "header");
	if (v != NULL && !cJSON_IsBool(v))
		return bad(at, e, "header", type_word(v), "true or false");
	m->header = v == NULL || cJSON_IsTrue(v);

	rc = get_str(root, "delimiter", &word, at, e);
	if (rc == 0 && word != NULL) {
		if (strlen(word) != 1 || strchr("\"\r\n \\.+-", *word) ||
		    ((unsigned char)*word >= 0x7f) ||
		    (*word >= '0' && *word <= '9'))
			rc = bad(at, e, "delimiter", "another text",
			    "one character such as \",\", \";\", \"|\" or "
			    "\"\\t\"");
		m->delim = *word;
	}
	free(word);
	word = NULL;
	if (rc == 0)
		rc = get_str(root, "layout", &word, at, e);
	if (rc == 0 && word != NULL) {
		m->wide = strcmp(word, "wide") == 0;
		if (!m->wide && strcmp(word, "long") != 0)
			rc = bad(at, e, "layout", "another word",
			    "long or wide");
	}
	free(word);
	word = NULL;
	if (rc == 0)
		rc = get_str(root, "others", &word, at, e);
	if (rc == 0 && word != NULL) {
		if (strcmp(word, "ignore") == 0)
			m->others = VMF_OTHERS_IGNORE;
		else if (strcmp(word, "guess") == 0)
			m->others = VMF_OTHERS_GUESS;
		else if (strcmp(word, "error") != 0)
			rc = bad(at, e, "others", "another word",
			    "error, ignore or guess");
	}
	free(word);
	return rc;
}

/* What the layout asks for or has no use for. */
static int
check_wide(struct vmf_map *m, const cJSON *root, const struct place *at,
    struct vmf_err *e)
{
	static const char *const none[] = { "columns", "vm", "attributes",
	    "others" };
	int rc;

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (cJSON_GetObjectItemCaseSensitive(root, none[i]) != NULL)
			return bad(at, e, none[i], "it in a wide map",
			    "none: the header names the VMs");
	if (!m->header)
		return bad(at, e, "header", "false in a wide map",
		    "true: the header names the VMs");
	if (m->time_by_row)
		return bad(at, e, "time", "step in a wide map", "column");
	if (m->n_cols > 1)
		return bad(at, e, "metrics", "more than one in a wide map",
		    "one");
	if (m->n_cols == 0) {
		rc = vmf_map_add(m, false, NULL, VMF_FLOAT32, NULL, e);
		if (rc != 0)
			return rc;
	}
	if (m->col[0].has_from || m->col[0].has_percent_of)
		return bad(at, e, "metrics[0]", "a column in a wide map",
		    "none: every column but the time holds values");
	return 0;
}

static int
check_long(const struct vmf_map *m, const cJSON *root,
    const struct place *at, struct vmf_err *e)
{
	const cJSON *columns =
	    cJSON_GetObjectItemCaseSensitive(root, "columns");
	int n_metrics = 0;

	if (cJSON_GetObjectItemCaseSensitive(root, "vm") == NULL)
		return bad(at, e, "vm", "nothing", "{\"column\": NAME} or "
		    "{\"from\": \"filename\"}");
	if (m->header && columns != NULL)
		return bad(at, e, "columns", "it beside a header",
		    "\"header\": false, or no columns");
	if (!m->header && columns == NULL)
		return bad(at, e, "columns", "nothing",
		    "the names of all columns, as there is no header");
	if (!m->header && m->others == VMF_OTHERS_GUESS)
		return bad(at, e, "others", "guess without a header",
		    "error or ignore");
	for (int i = 0; i < m->n_cols; i++) {
		struct place p = *at;

		n_metrics += !m->col[i].attribute;
		if (m->col[i].has_from)
			continue;
		snprintf(p.in, sizeof(p.in), "%s[%d]", m->col[i].attribute ?
		    "attributes" : "metrics",
		    m->col[i].attribute ? i - n_metrics : i);
		return bad(&p, e, "column", "nothing",
		    "a column's name or its position from 1");
	}
	for (int i = 0; i < n_metrics; i++)
		if (m->col[i].name == NULL && n_metrics > 1)
			return bad(at, e, "metrics", "one without a name",
			    "a name for each where there are several");
	if (n_metrics == 0 && m->others != VMF_OTHERS_GUESS)
		return bad(at, e, "metrics", "none", "at least one");
	return 0;
}

int
vmf_map_parse(struct vmf_map *m, const char *text, int64_t len,
    const char *name, struct vmf_err *e)
{
	static const char *const keys[] = { "delimiter", "header", "columns",
	    "layout", "vm", "time", "metrics", "attributes", "others", NULL };
	struct place at = { name, "" };
	const char *end = NULL;
	const cJSON *v;
	cJSON *root;
	char *copy;
	int rc;

	*m = (struct vmf_map){ .delim = ',', .start_s = VMF_TIME_NONE };
	if (!vmf_utf8_valid(text, len))
		return vmf_fail(e, VMF_EDATA,
		    "%s: found bytes that are not UTF-8, expected JSON",
		    name);
	copy = vmf_strndup(text, len, e);
	if (copy == NULL)
		return VMF_ENOMEM;
	root = cJSON_ParseWithLengthOpts(copy, (size_t)len + 1, &end, 1);
	if (root == NULL) {
		long long line = 1;

		for (const char *p = copy; end != NULL && p < end; p++)
			line += *p == '\n';
		rc = vmf_fail(e, VMF_EDATA, "%s:%lld: JSON is damaged near "
		    "'%.20s'", name, line, end != NULL ? end : "");
		goto done;
	}
	if (!cJSON_IsObject(root)) {
		rc = vmf_fail(e, VMF_EDATA, "%s: found %s, expected a JSON "
		    "object", name, type_word(root));
		goto done;
	}
	rc = check_keys(root, keys, &at, e);
	if (rc == 0)
		rc = parse_words(m, root, &at, e);
	v = cJSON_GetObjectItemCaseSensitive(root, "columns");
	if (rc == 0 && v != NULL)
		rc = parse_columns(m, v, &at, e);
	v = cJSON_GetObjectItemCaseSensitive(root, "vm");
	if (rc == 0 && v != NULL)
		rc = parse_vm(m, v, at, e);
	if (rc == 0)
		rc = parse_time(m, cJSON_GetObjectItemCaseSensitive(root,
		    "time"), at, e);
	if (rc == 0)
		rc = parse_cols(m, cJSON_GetObjectItemCaseSensitive(root,
		    "metrics"), "metrics", &at, e);
	if (rc == 0)
		rc = parse_cols(m, cJSON_GetObjectItemCaseSensitive(root,
		    "attributes"), "attributes", &at, e);
	if (rc == 0)
		rc = m->wide ? check_wide(m, root, &at, e) :
		    check_long(m, root, &at, e);
done:
	cJSON_Delete(root);
	free(copy);
	return rc;
}

static int
load_file(struct vmf_map *m, const char *path, struct vmf_err *e)
{
	char *text;
	int64_t n;
	int fd, rc;

	rc = vmf_open_in(path, &fd, e);
	if (rc != 0)
		return rc;
	text = vmf_calloc(MAP_MAX_BYTES + 1, 1, e);
	rc = VMF_ENOMEM;
	if (text != NULL) {
		n = vmf_read_full(fd, text, MAP_MAX_BYTES + 1, path, e);
		if (n < 0)
			rc = (int)n;
		else if (n > MAP_MAX_BYTES)
			rc = vmf_fail(e, VMF_EDATA, "%s: the map is longer "
			    "than %d bytes", path, MAP_MAX_BYTES);
		else
			rc = vmf_map_parse(m, text, n, path, e);
	}
	free(text);
	vmf_close_in(fd);
	return rc;
}

int
vmf_map_load(struct vmf_map *m, const char *which, struct vmf_err *e)
{
	const char *text = vmf_map_builtin(which);
	size_t len = strlen(which);

	*m = (struct vmf_map){ 0 };
	if (text != NULL)
		return vmf_map_parse(m, text, (int64_t)strlen(text), which,
		    e);
	if (strchr(which, '/') != NULL ||
	    (len > 5 && strcmp(which + len - 5, ".json") == 0))
		return load_file(m, which, e);
	return vmf_fail(e, VMF_EUSAGE, "--map: found '%s', expected "
	    VMF_MAP_NAMES " or a FILE.json", which);
}

void
vmf_map_free(struct vmf_map *m)
{
	for (int i = 0; i < m->n_columns; i++)
		free(m->column[i]);
	free(m->column);
	for (int i = 0; i < m->n_cols; i++) {
		free(m->col[i].name);
		free(m->col[i].unit);
		free(m->col[i].from.name);
		free(m->col[i].percent_of.name);
	}
	free(m->col);
	free(m->id.name);
	free(m->time.name);
	*m = (struct vmf_map){ 0 };
}

int
vmf_map_set_metric(struct vmf_map *m, const char *name, struct vmf_err *e)
{
	struct vmf_map_col *c = NULL;
	int n = 0;

	for (int i = 0; i < m->n_cols; i++) {
		if (m->col[i].attribute) {
			if (strcmp(m->col[i].name, name) == 0)
				return vmf_fail(e, VMF_EUSAGE, "--metric: "
				    "'%s' is an attribute of the map", name);
			continue;
		}
		c = &m->col[i];
		n++;
	}
	if (n != 1 || m->others == VMF_OTHERS_GUESS)
		return vmf_fail(e, VMF_EUSAGE, "--metric: the map names its "
		    "metrics itself, expected a map of one metric (wide, "
		    "nab)");
	if (*name == '\0' || strcmp(name, "vm") == 0 ||
	    strcmp(name, "time") == 0 ||
	    !vmf_utf8_valid(name, (int64_t)strlen(name)))
		return vmf_fail(e, VMF_EUSAGE, "--metric: found '%s', "
		    "expected a name other than vm and time", name);
	free(c->name);
	c->name = vmf_strdup(name, e);
	return c->name == NULL ? VMF_ENOMEM : 0;
}

int
vmf_map_add(struct vmf_map *m, bool attribute, const char *name,
    enum vmf_type type, const char *unit, struct vmf_err *e)
{
	struct vmf_map_col *c;
	int rc = vmf_grow(&m->col, &m->cols_cap, m->n_cols + 1, e);

	if (rc != 0)
		return rc;
	c = &m->col[m->n_cols++];
	*c = (struct vmf_map_col){ .attribute = attribute, .type = type,
	    .scale = 1.0 };
	if (name != NULL && (c->name = vmf_strdup(name, e)) == NULL)
		return VMF_ENOMEM;
	if (unit != NULL && (c->unit = vmf_strdup(unit, e)) == NULL)
		return VMF_ENOMEM;
	return 0;
}

bool
vmf_map_known_attribute(const char *name, int64_t len, enum vmf_type *type,
    const char **unit)
{
	static const struct {
		const char *name;
		enum vmf_type type;
		const char *unit;
	} known[] = {
		{ "host", VMF_UTF8, NULL },
		{ "cluster", VMF_UTF8, NULL },
		{ "target", VMF_UTF8, NULL },
		{ "vcpus", VMF_INT32, NULL },
		{ "mem_mb", VMF_FLOAT64, "MB" },
		{ "cpu_capacity_mhz", VMF_FLOAT64, "MHz" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if ((int64_t)strlen(known[i].name) == len &&
		    memcmp(known[i].name, name, (size_t)len) == 0) {
			*type = known[i].type;
			*unit = known[i].unit;
			return true;
		}
	return false;
}

const char *
vmf_map_known_unit(const char *name, int64_t len)
{
	static const char *const percent[] = { "cpu", "cpu_min", "cpu_max",
	    "mem" };

	for (size_t i = 0; i < sizeof(percent) / sizeof(*percent); i++)
		if ((int64_t)strlen(percent[i]) == len &&
		    memcmp(percent[i], name, (size_t)len) == 0)
			return "%";
	return NULL;
}
