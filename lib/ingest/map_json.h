/* SPDX-License-Identifier: MIT */
/*
 * Members of the JSON of a source map, with messages that say where they
 * stand.
 */
#ifndef VMF_MAP_JSON_H
#define VMF_MAP_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/err.h"
#include "ingest/map.h"

/* Where a value stands, for messages: "map 'x': metrics[2]". */
struct vmf_place {
	const char *map;
	char in[64];		/* "" at the top */
};

/* VMF_EDATA: found this, expected that. */
int vmf_json_bad(const struct vmf_place *at, struct vmf_err *e,
    const char *key, const char *found, const char *expected);
/* "a string", "nothing" (NULL), ...: for messages. */
const char *vmf_json_type(const cJSON *v);
/* Refuse members that are not among the NULL-ended keys, or come twice. */
int vmf_json_keys(const cJSON *obj, const char *const *keys,
    const struct vmf_place *at, struct vmf_err *e) VMF_CHECK;
/* A string member, copied, the caller's; *out stays NULL where it is
 * absent. */
int vmf_json_str(const cJSON *obj, const char *key, char **out,
    const struct vmf_place *at, struct vmf_err *e) VMF_CHECK;
/* A string member that is one of the NULL-ended words, *which; that stays
 * where it is absent. */
int vmf_json_word(const cJSON *obj, const char *key, const char *const *words,
    int *which, const char *expected, const struct vmf_place *at,
    struct vmf_err *e) VMF_CHECK;
/* A column: its name (copied, the caller's), or its position from 1. */
int vmf_json_ref(const cJSON *obj, const char *key, struct vmf_map_ref *ref,
    bool *given, const struct vmf_place *at, struct vmf_err *e)
    VMF_CHECK;
/* The same of a value v, which key has, or is among what it has. */
int vmf_json_ref_of(const cJSON *v, const char *key, struct vmf_map_ref *ref,
    const struct vmf_place *at, struct vmf_err *e) VMF_CHECK;
/* A member {"column": C, "is": TEXT}; *is stays NULL where it is absent. */
int vmf_json_where(const cJSON *obj, const char *key,
    struct vmf_map_ref *ref, char **is, const struct vmf_place *at,
    struct vmf_err *e) VMF_CHECK;
/* Whether s is one character that can stand between numbers and names. */
bool vmf_may_delimit(const char *s);
/* The member "delimiter"; *delim stays where it is absent. */
int vmf_json_delim(const cJSON *obj, char *delim, const struct vmf_place *at,
    struct vmf_err *e) VMF_CHECK;

#endif
