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
#include "ingest/csvread.h"
#include "ingest/map_json.h"
#include "ingest/migmap.h"

#define MAP_MAX_BYTES (1 << 20)
#define MAP_MAX_SKIP 1000000

static int
parse_columns(struct vmf_map *m, const cJSON *v, const struct vmf_place *at,
    struct vmf_err *e)
{
	const cJSON *c;

	if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) == 0)
		return vmf_json_bad(at, e, "columns", cJSON_IsArray(v) ?
		    "an empty array" : vmf_json_type(v),
		    "the names of all columns, as there is no header");
	m->column = vmf_calloc(cJSON_GetArraySize(v), sizeof(*m->column), e);
	if (m->column == NULL)
		return VMF_ENOMEM;
	cJSON_ArrayForEach(c, v) {
		if (!cJSON_IsString(c) || *c->valuestring == '\0')
			return vmf_json_bad(at, e, "columns", vmf_json_type(c),
			    "strings that are not empty");
		for (int i = 0; i < m->n_columns; i++)
			if (strcmp(m->column[i], c->valuestring) == 0)
				return vmf_json_bad(at, e, "columns",
				    "a name twice", "each once");
		m->column[m->n_columns] = vmf_strdup(c->valuestring, e);
		if (m->column[m->n_columns++] == NULL)
			return VMF_ENOMEM;
	}
	return 0;
}

static int
parse_vm(struct vmf_map *m, const cJSON *v, struct vmf_place at,
    struct vmf_err *e)
{
	static const char *const keys[] = { "column", "from", "until",
	    NULL };
	const cJSON *from;
	bool given;
	int rc;

	if (!cJSON_IsObject(v))
		return vmf_json_bad(&at, e, "vm", vmf_json_type(v),
		    "{\"column\": NAME} or "
		    "{\"from\": \"filename\"}");
	snprintf(at.in, sizeof(at.in), "vm");
	rc = vmf_json_keys(v, keys, &at, e);
	if (rc == 0)
		rc = vmf_json_ref(v, "column", &m->id, &given, &at, e);
	if (rc != 0)
		return rc;
	from = cJSON_GetObjectItemCaseSensitive(v, "from");
	if (from != NULL && (!cJSON_IsString(from) ||
	    strcmp(from->valuestring, "filename") != 0))
		return vmf_json_bad(&at, e, "from", cJSON_IsString(from) ?
		    "another word" : vmf_json_type(from), "\"filename\"");
	if ((from != NULL) == given)
		return vmf_json_bad(&at, e, "", given ?
		    "both column and from" :
		    "neither column nor from", "one of them");
	m->id_from_file = from != NULL;
	rc = vmf_json_str(v, "until", &m->until, &at, e);
	if (rc == 0 && m->until != NULL && !given)
		rc = vmf_json_bad(&at, e, "until", "it without column",
		    "both");
	return rc;
}

static int
parse_time(struct vmf_map *m, const cJSON *v, struct vmf_place at,
    struct vmf_err *e)
{
	static const char *const keys[] = { "column", "format", "start",
	    "step", NULL };
	const char *found;
	char *word = NULL;
	bool given;
	int rc, f;

	if (!cJSON_IsObject(v))
		return vmf_json_bad(&at, e, "time", vmf_json_type(v),
		    "{\"column\": NAME} "
		    "or {\"step\": \"5m\"}");
	snprintf(at.in, sizeof(at.in), "time");
	rc = vmf_json_keys(v, keys, &at, e);
	if (rc == 0)
		rc = vmf_json_ref(v, "column", &m->time, &given, &at, e);
	if (rc == 0)
		rc = vmf_json_str(v, "format", &word, &at, e);
	if (rc == 0 && word != NULL) {
		f = vmf_stamp_find(word, &found);
		if (f < 0)
			rc = vmf_json_bad(&at, e, "format", found,
			    VMF_STAMP_WORDS);
		else if (!given)
			rc = vmf_json_bad(&at, e, "format",
			    "it without column",
			    "both");
		else
			m->stamp = (enum vmf_stamp)f;
	}
	if (rc == 0 && m->stamp == VMF_STAMP_PATTERN)
		m->pattern = word;
	else
		free(word);
	word = NULL;
	if (rc == 0)
		rc = vmf_json_str(v, "step", &word, &at, e);
	if (rc != 0)
		return rc;
	if ((word != NULL) == given) {
		free(word);
		return vmf_json_bad(&at, e, "", given ?
		    "both column and step" :
		    "neither column nor step", "one of them");
	}
	m->time_by_row = word != NULL;
	if (word != NULL && vmf_parse_duration(word, &m->step_s) != 0)
		rc = vmf_json_bad(&at, e, "step", "another text",
		    "a span of time such as \"5m\"");
	free(word);
	word = NULL;
	if (rc == 0)
		rc = vmf_json_str(v, "start", &word, &at, e);
	if (rc == 0 && word != NULL && given)
		rc = vmf_json_bad(&at, e, "start", "it with column",
		    "it with step");
	if (rc == 0 && word != NULL && vmf_time_parse_any(word,
	    (int64_t)strlen(word), &m->start_s) != 0)
		rc = vmf_json_bad(&at, e, "start", "another text",
		    "a time such as \"2024-05-01T12:00:00Z\"");
	free(word);
	return rc;
}

/* An attribute's type.  Those whose names are known are numbers or text for
 * whoever reads them: vcpus as text would weigh nothing. */
static int
parse_type(struct vmf_map_col *c, const cJSON *v, const struct vmf_place *at,
    struct vmf_err *e)
{
	enum vmf_type known = VMF_UTF8;
	const char *unit;
	bool is_known = vmf_map_known_attribute(c->name,
	    (int64_t)strlen(c->name), &known, &unit);
	char *word = NULL;
	int rc = vmf_json_str(v, "type", &word, at, e);

	c->type = known;
	if (rc != 0 || word == NULL)
		return rc;
	if (strcmp(word, "int32") == 0)
		c->type = VMF_INT32;
	else if (strcmp(word, "float64") == 0)
		c->type = VMF_FLOAT64;
	else if (strcmp(word, "utf8") == 0)
		c->type = VMF_UTF8;
	else
		rc = vmf_json_bad(at, e, "type", "another word",
		    "utf8, int32 or float64");
	if (rc == 0 && is_known && (c->type == VMF_UTF8) !=
	    (known == VMF_UTF8))
		rc = vmf_json_bad(at, e, "type", word, known == VMF_UTF8 ?
		    "utf8 for this name" : "a number for this name");
	free(word);
	return rc;
}

/* A number that a value is multiplied by, or (may_be_0) that is added. */
static int
parse_number(const cJSON *obj, const char *key, bool may_be_0, double *out,
    const struct vmf_place *at, struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

	if (v == NULL)
		return 0;
	if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble) ||
	    (!may_be_0 && v->valuedouble == 0.0))
		return vmf_json_bad(at, e, key, !cJSON_IsNumber(v) ?
		    vmf_json_type(v) : may_be_0 ? "infinity" :
		    "zero or infinity", "a number");
	*out = v->valuedouble;
	return 0;
}

static int
parse_col(struct vmf_map *m, const cJSON *v, bool attribute,
    const struct vmf_place *at, struct vmf_err *e)
{
	static const char *const metric_keys[] = { "name", "column", "unit",
	    "scale", "offset", "percent_of", "where", NULL };
	static const char *const attr_keys[] = { "name", "column", "unit",
	    "scale", "type", NULL };
	struct vmf_map_col *c;
	int rc;

	if (!cJSON_IsObject(v))
		return vmf_json_bad(at, e, "", vmf_json_type(v),
		    "an object with name and column");
	rc = vmf_json_keys(v, attribute ? attr_keys : metric_keys, at, e);
	if (rc == 0)
		rc = vmf_map_add(m, attribute, NULL,
		    attribute ? VMF_UTF8 : VMF_FLOAT32, NULL, e);
	if (rc != 0)
		return rc;
	c = &m->col[m->n_cols - 1];
	rc = vmf_json_str(v, "name", &c->name, at, e);
	if (rc == 0 && c->name != NULL && (strcmp(c->name, "vm") == 0 ||
	    strcmp(c->name, "time") == 0))
		rc = vmf_json_bad(at, e, "name", c->name,
		    "another name: vm and time are taken");
	for (int i = 0; rc == 0 && c->name != NULL && i < m->n_cols - 1; i++)
		if (m->col[i].name != NULL &&
		    strcmp(m->col[i].name, c->name) == 0)
			rc = vmf_json_bad(at, e, "name", c->name,
			    "each name once in the map");
	if (rc == 0 && attribute && c->name == NULL)
		rc = vmf_json_bad(at, e, "name", "nothing", "a name");
	if (rc == 0)
		rc = vmf_json_ref(v, "column", &c->from, &c->has_from, at, e);
	if (rc == 0)
		rc = vmf_json_ref(v, "percent_of", &c->percent_of,
		    &c->has_percent_of, at, e);
	if (rc == 0)
		rc = vmf_json_where(v, "where", &c->where, &c->where_is, at,
		    e);
	if (rc == 0)
		rc = vmf_json_str(v, "unit", &c->unit, at, e);
	if (rc == 0 && attribute)
		rc = parse_type(c, v, at, e);
	if (rc == 0)
		rc = parse_number(v, "scale", false, &c->scale, at, e);
	if (rc == 0)
		rc = parse_number(v, "offset", true, &c->offset, at, e);
	if (rc == 0 && c->type == VMF_UTF8 &&
	    cJSON_GetObjectItemCaseSensitive(v, "scale") != NULL)
		rc = vmf_json_bad(at, e, "scale", "it for text",
		    "a type of int32 or float64 beside it");
	return rc;
}

static int
parse_cols(struct vmf_map *m, const cJSON *v, const char *key,
    const struct vmf_place *top, struct vmf_err *e)
{
	struct vmf_place at = *top;
	const cJSON *c;
	int i = 0, rc;

	if (v == NULL)
		return 0;
	if (!cJSON_IsArray(v))
		return vmf_json_bad(top, e, key, vmf_json_type(v), "an array");
	cJSON_ArrayForEach(c, v) {
		snprintf(at.in, sizeof(at.in), "%s[%d]", key, i++);
		rc = parse_col(m, c, key[0] == 'a', &at, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* What lines are no rows. */
static int
parse_no_rows(struct vmf_map *m, const cJSON *root,
    const struct vmf_place *at, struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, "skip");
	int rc;

	if (v != NULL && !(cJSON_IsNumber(v) && v->valuedouble >= 0 &&
	    v->valuedouble <= MAP_MAX_SKIP &&
	    v->valuedouble == floor(v->valuedouble)))
		return vmf_json_bad(at, e, "skip", cJSON_IsNumber(v) ?
		    "another number" : vmf_json_type(v),
		    "the number of lines before the first row, as 3");
	m->skip = v != NULL ? (int64_t)v->valuedouble : 0;
	rc = vmf_json_str(root, "comment", &m->comment, at, e);
	if (rc == 0 && m->comment != NULL &&
	    (strlen(m->comment) > VMF_CSV_MAX_COMMENT ||
	    strpbrk(m->comment, "\r\n") != NULL))
		rc = vmf_json_bad(at, e, "comment", "another text",
		    "what such lines begin with, as \"#\"");
	return rc;
}

static int
parse_words(struct vmf_map *m, const cJSON *root, const struct vmf_place *at,
    struct vmf_err *e)
{
	static const char *const layouts[] = { "long", "wide", NULL };
	static const char *const others[] = { "error", "ignore", "guess",
	    NULL };
	const cJSON *v;
	char *word = NULL;
	int rc, k = 0;

	v = cJSON_GetObjectItemCaseSensitive(root, "header");
	if (v != NULL && !cJSON_IsBool(v))
		return vmf_json_bad(at, e, "header", vmf_json_type(v),
		    "true or false");
	m->header = v == NULL || cJSON_IsTrue(v);

	rc = vmf_json_delim(root, &m->delim, at, e);
	if (rc == 0)
		rc = vmf_json_str(root, "decimal", &word, at, e);
	if (rc == 0 && word != NULL) {
		m->comma = strcmp(word, ",") == 0;
		if (!m->comma && strcmp(word, ".") != 0)
			rc = vmf_json_bad(at, e, "decimal", "another text",
			    "\".\" or \",\"");
	}
	free(word);
	if (rc == 0)
		rc = parse_no_rows(m, root, at, e);
	if (rc == 0)
		rc = vmf_json_word(root, "layout", layouts, &k,
		    "long or wide", at, e);
	m->wide = k == 1;
	k = VMF_OTHERS_ERROR;
	if (rc == 0)
		rc = vmf_json_word(root, "others", others, &k, "error, "
		    "ignore or guess", at, e);
	m->others = (enum vmf_map_others)k;
	return rc;
}

/* What the layout asks for or has no use for. */
static int
check_wide(struct vmf_map *m, const cJSON *root, const struct vmf_place *at,
    struct vmf_err *e)
{
	static const char *const none[] = { "columns", "vm", "attributes",
	    "others" };
	int rc;

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (cJSON_GetObjectItemCaseSensitive(root, none[i]) != NULL)
			return vmf_json_bad(at, e, none[i], "it in a wide map",
			    "none: the header names the VMs");
	if (!m->header)
		return vmf_json_bad(at, e, "header", "false in a wide map",
		    "true: the header names the VMs");
	if (m->time_by_row)
		return vmf_json_bad(at, e, "time", "step in a wide map",
		    "column");
	if (m->n_cols > 1)
		return vmf_json_bad(at, e, "metrics",
		    "more than one in a wide map",
		    "one");
	if (m->n_cols == 0) {
		rc = vmf_map_add(m, false, NULL, VMF_FLOAT32, NULL, e);
		if (rc != 0)
			return rc;
	}
	if (m->col[0].has_from || m->col[0].has_percent_of ||
	    m->col[0].where_is != NULL)
		return vmf_json_bad(at, e, "metrics[0]",
		    "a column in a wide map",
		    "none: every column but the time holds values");
	return 0;
}

static int
check_long(const struct vmf_map *m, const cJSON *root,
    const struct vmf_place *at, struct vmf_err *e)
{
	const cJSON *columns =
	    cJSON_GetObjectItemCaseSensitive(root, "columns");
	int n_metrics = 0;

	if (cJSON_GetObjectItemCaseSensitive(root, "vm") == NULL)
		return vmf_json_bad(at, e, "vm", "nothing",
		    "{\"column\": NAME} or "
		    "{\"from\": \"filename\"}");
	if (m->header && columns != NULL)
		return vmf_json_bad(at, e, "columns", "it beside a header",
		    "\"header\": false, or no columns");
	if (!m->header && columns == NULL)
		return vmf_json_bad(at, e, "columns", "nothing",
		    "the names of all columns, as there is no header");
	if (!m->header && m->others == VMF_OTHERS_GUESS)
		return vmf_json_bad(at, e, "others", "guess without a header",
		    "error or ignore");
	for (int i = 0; i < m->n_cols; i++) {
		struct vmf_place p = *at;

		n_metrics += !m->col[i].attribute;
		if (m->col[i].has_from)
			continue;
		snprintf(p.in, sizeof(p.in), "%s[%d]", m->col[i].attribute ?
		    "attributes" : "metrics",
		    m->col[i].attribute ? i - n_metrics : i);
		return vmf_json_bad(&p, e, "column", "nothing",
		    "a column's name or its position from 1");
	}
	for (int i = 0; i < n_metrics; i++)
		if (m->col[i].name == NULL && n_metrics > 1)
			return vmf_json_bad(at, e, "metrics",
			    "one without a name",
			    "a name for each where there are several");
	if (n_metrics == 0 && m->others != VMF_OTHERS_GUESS)
		return vmf_json_bad(at, e, "metrics", "none", "at least one");
	return 0;
}

int
vmf_map_parse(struct vmf_map *m, const char *text, int64_t len,
    const char *name, struct vmf_err *e)
{
	static const char *const keys[] = { "delimiter", "header", "columns",
	    "layout", "vm", "time", "metrics", "attributes", "others",
	    "skip", "comment", "decimal", NULL };
	struct vmf_place at = { name, "" };
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

		/* What comes before the white space is what is wrong. */
		while (end != NULL && end > copy && strchr(" \t\r\n",
		    *end) != NULL)
			end--;
		for (const char *p = copy; end != NULL && p < end; p++)
			line += *p == '\n';
		rc = vmf_fail(e, VMF_EDATA, "%s:%lld: JSON is damaged near "
		    "'%.20s'", name, line, end != NULL ? end : "");
		goto done;
	}
	if (!cJSON_IsObject(root)) {
		rc = vmf_fail(e, VMF_EDATA, "%s: found %s, expected a JSON "
		    "object", name, vmf_json_type(root));
		goto done;
	}
	if (cJSON_GetObjectItemCaseSensitive(root, "kind") != NULL) {
		rc = vmf_mig_map_parse(&m->migrations, root, name, e);
		goto done;
	}
	rc = vmf_json_keys(root, keys, &at, e);
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
		free(m->col[i].where.name);
		free(m->col[i].where_is);
	}
	free(m->col);
	vmf_mig_map_free(m->migrations);
	free(m->comment);
	free(m->id.name);
	free(m->until);
	free(m->time.name);
	free(m->pattern);
	*m = (struct vmf_map){ 0 };
}

int
vmf_map_set_delimiter(struct vmf_map *m, const char *text, struct vmf_err *e)
{
	struct vmf_mig_map *moves = m->migrations;

	if (strcmp(text, "\\t") == 0 || strcasecmp(text, "tab") == 0)
		text = "\t";
	if (!vmf_may_delimit(text))
		return vmf_fail(e, VMF_EUSAGE, "--delimiter: found '%.40s', "
		    "expected one character such as ';' or '|', or \\t",
		    text);
	if (moves != NULL && moves->format != VMF_MIG_CSV)
		return vmf_fail(e, VMF_EUSAGE, "--delimiter is of no use: "
		    "the map reads no CSV");
	if (moves != NULL)
		moves->delim = *text;
	m->delim = *text;
	return 0;
}

int
vmf_map_set_decimal(struct vmf_map *m, const char *text, struct vmf_err *e)
{
	if (strcmp(text, ".") != 0 && strcmp(text, ",") != 0)
		return vmf_fail(e, VMF_EUSAGE, "--decimal: found '%.40s', "
		    "expected . or ,", text);
	m->comma = *text == ',';
	return 0;
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
		if (vmf_text_is(name, len, known[i].name)) {
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
		if (vmf_text_is(name, len, percent[i]))
			return "%";
	return NULL;
}
