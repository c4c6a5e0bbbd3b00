/* SPDX-License-Identifier: MIT */
#include "ingest/map_json.h"

#include <math.h>
#include <stdio.h>
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

/* A column: its name, or its position from 1. */
int
vmf_json_ref(const cJSON *obj, const char *key, struct vmf_map_ref *ref,
    bool *given, const struct vmf_place *at, struct vmf_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

	*given = v != NULL;
	if (cJSON_IsNumber(v)) {
		if (!(v->valuedouble >= 1 && v->valuedouble <= MAP_MAX_POS &&
		    v->valuedouble == floor(v->valuedouble)))
			return vmf_json_bad(at, e, key,
			    "a number that is no position",
			    "a column's name or its position from 1");
		ref->pos = (int64_t)v->valuedouble;
		return 0;
	}
	if (v != NULL && !cJSON_IsString(v))
		return vmf_json_bad(at, e, key, vmf_json_type(v),
		    "a column's name or its position from 1");
	return vmf_json_str(obj, key, &ref->name, at, e);
}
