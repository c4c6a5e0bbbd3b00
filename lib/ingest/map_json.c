/* SPDX-License-Identifier: MIT */
#include "ingest/map_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAP_MAX_POS (1 << 21)

int
vmf_json_bad(const struct vmf_place *at, struct vmf_err *e, const char *key,
    const char *found, const char *expected)
{
	return vmf_fail(e, VMF_EDATA, "%s: %s%s%s: found %s, expected %s",
	    at->map, at->in, *at->in != '\0' && *key != '\0' ? "." : "", key,
	    found, expected);
}

const char *
vmf_json_type(const cJSON *v)
{
	return v == NULL ? "nothing" : cJSON_IsString(v) ? "a string" :
	    cJSON_IsNumber(v) ? "a number" : cJSON_IsBool(v) ? "a boolean" :
	    cJSON_IsArray(v) ? "an array" : cJSON_IsObject(v) ? "an object" :
	    "null";
}

/* Refuse members that are not among the NULL-ended keys, or come twice. */
int
vmf_json_keys(const cJSON *obj, const char *const *keys,
    const struct vmf_place *at,
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
				return vmf_json_bad(at, e, m->string,
				    "the key twice",
				    "it once");
	}
	return 0;
}

/* A string member, copied; *out stays NULL where it is absent. */
int
vmf_json_str(const cJSON *obj, const char *key, char **out,
    const struct vmf_place *at, struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

	if (v == NULL)
		return 0;
	if (!cJSON_IsString(v) || *v->valuestring == '\0')
		return vmf_json_bad(at, e, key, cJSON_IsString(v) ?
		    "an empty string" :
		    vmf_json_type(v), "a string");
	*out = vmf_strdup(v->valuestring, e);
	return *out == NULL ? VMF_ENOMEM : 0;
}

int
vmf_json_ref_of(const cJSON *v, const char *key, struct vmf_map_ref *ref,
    const struct vmf_place *at, struct vmf_err *e)
{
	const char *want = "a column's name or its position from 1";

	if (cJSON_IsNumber(v)) {
		if (!(v->valuedouble >= 1 && v->valuedouble <= MAP_MAX_POS &&
		    v->valuedouble == floor(v->valuedouble)))
			return vmf_json_bad(at, e, key,
			    "a number that is no position", want);
		ref->pos = (int64_t)v->valuedouble;
		return 0;
	}
	if (!cJSON_IsString(v) || *v->valuestring == '\0')
		return vmf_json_bad(at, e, key, cJSON_IsString(v) ?
		    "an empty string" : vmf_json_type(v), want);
	ref->name = vmf_strdup(v->valuestring, e);
	return ref->name == NULL ? VMF_ENOMEM : 0;
}

int
vmf_json_ref(const cJSON *obj, const char *key, struct vmf_map_ref *ref,
    bool *given, const struct vmf_place *at, struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

	*given = v != NULL;
	return v == NULL ? 0 : vmf_json_ref_of(v, key, ref, at, e);
}

int
vmf_json_word(const cJSON *root, const char *key, const char *const *words,
    int *which, const char *expected, const struct vmf_place *at,
    struct vmf_err *e)
{
	char *word = NULL;
	int i = 0, rc = vmf_json_str(root, key, &word, at, e);

	if (rc != 0 || word == NULL)
		return rc;
	while (words[i] != NULL && strcmp(words[i], word) != 0)
		i++;
	if (words[i] == NULL)
		rc = vmf_json_bad(at, e, key, "another word", expected);
	*which = i;
	free(word);
	return rc;
}

int
vmf_json_where(const cJSON *obj, const char *key, struct vmf_map_ref *ref,
    char **is, const struct vmf_place *at, struct vmf_err *e)
{
	static const char *const keys[] = { "column", "is", NULL };
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);
	struct vmf_place in = { at->map, "" };
	bool given;
	int rc;

	if (v == NULL)
		return 0;
	if (!cJSON_IsObject(v))
		return vmf_json_bad(at, e, key, vmf_json_type(v),
		    "{\"column\": NAME, \"is\": TEXT}");
	snprintf(in.in, sizeof(in.in), "%.40s%s%s", at->in,
	    *at->in != '\0' ? "." : "", key);
	if ((rc = vmf_json_keys(v, keys, &in, e)) != 0 ||
	    (rc = vmf_json_ref(v, "column", ref, &given, &in, e)) != 0 ||
	    (rc = vmf_json_str(v, "is", is, &in, e)) != 0)
		return rc;
	return given && *is != NULL ? 0 : vmf_json_bad(&in, e, "",
	    "one of column and is", "both");
}

bool
vmf_may_delimit(const char *s)
{
	return strlen(s) == 1 && strchr("\"\r\n \\.+-", *s) == NULL &&
	    (unsigned char)*s < 0x7f && !(*s >= '0' && *s <= '9');
}

int
vmf_json_delim(const cJSON *obj, char *delim, const struct vmf_place *at,
    struct vmf_err *e)
{
	char *text = NULL;
	int rc = vmf_json_str(obj, "delimiter", &text, at, e);

	if (rc == 0 && text != NULL && !vmf_may_delimit(text))
		rc = vmf_json_bad(at, e, "delimiter", "another text",
		    "one character such as \",\", \";\", \"|\" or \"\\t\"");
	else if (rc == 0 && text != NULL)
		*delim = *text;
	free(text);
	return rc;
}
