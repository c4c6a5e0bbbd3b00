/* SPDX-License-Identifier: MIT */
/*
 * Job statistics as libvirt and QEMU print them.  Only what is certain is
 * taken: a dirty rate is 0 when a job is done, and the speed that was
 * reached is no bandwidth that was given.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "ingest/convert.h"
#include "ingest/map_json.h"
#include "ingest/migread_in.h"

/* What a line of domjobinfo holds. */
enum holds { HOLDS_TYPE, HOLDS_OPERATION, HOLDS_ERROR, HOLDS_THROTTLE,
    HOLDS_CACHE, HOLDS_BYTES, HOLDS_MS, HOLDS_COUNT };

/* "1.500 GiB", "60 ms", "3": a number in bytes, ms or as it is. */
static bool
read_amount(const char *s, int64_t len, enum holds holds, double *v)
{
	static const struct {
		const char *name;
		enum holds of;
		double is;
	} units[] = {
		{ "B", HOLDS_BYTES, 1.0 }, { "KiB", HOLDS_BYTES, 0x1p10 },
		{ "MiB", HOLDS_BYTES, 0x1p20 }, { "GiB", HOLDS_BYTES, 0x1p30 },
		{ "TiB", HOLDS_BYTES, 0x1p40 }, { "ms", HOLDS_MS, 1.0 },
		{ "s", HOLDS_MS, 1000.0 },
	};
	int64_t n = 0;
	struct vmf_field_text unit;

	while (n < len && s[n] != ' ' && s[n] != '\t')
		n++;
	if (vmf_parse_double(s, n, v) != 0 || !(*v >= 0.0) || isinf(*v))
		return false;
	unit = vmf_field_trim(&(struct vmf_field_text){ s + n, len - n });
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (units[i].of == holds &&
		    vmf_text_is(unit.s, unit.len, units[i].name)) {
			*v *= units[i].is;
			return true;
		}
	return unit.len == 0;
}

/* The job's end, in the words of migrations; NULL where it has none. */
static const char *
job_status(const char *s, int64_t len)
{
	static const char *const words[] = { "completed", "failed",
	    "cancelled" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if ((int64_t)strlen(words[i]) == len &&
		    strncasecmp(words[i], s, (size_t)len) == 0)
			return words[i];
	return NULL;
}

static int
set_text(struct vmf_mig_in *in, int k, const char *s, struct vmf_err *e)
{
	const char *expected;

	return vmf_mig_set(&in->row, k, s, (int64_t)strlen(s), 1.0,
	    &expected, e);
}

/* A member that has the name of one of our columns. */
static int
set_own(struct vmf_mig_in *in, int64_t line, int k, const char *s,
    int64_t len, struct vmf_err *e)
{
	const char *expected = "";
	char shown[48];
	int rc = vmf_mig_set(&in->row, k, s, len, 1.0, &expected, e);

	if (rc > 0)
		return vmf_mig_why(in, line, "%s is '%s', expected %s",
		    vmf_mig_col(k)->name, vmf_show_text(s, len, shown),
		    expected);
	return rc;
}

/* ---- virsh domjobinfo ---- */

static const struct {
	const char *key;
	enum holds holds;
	int col;
} keys[] = {
	/* the first: every job has it */
	{ "Job type", HOLDS_TYPE, VMF_MIG_STATUS },
	{ "Operation", HOLDS_OPERATION, -1 },
	{ "Error message", HOLDS_ERROR, VMF_MIG_REASON },
	{ "Auto converge throttle", HOLDS_THROTTLE, VMF_MIG_AUTO_CONVERGE },
	{ "Compression cache", HOLDS_CACHE, VMF_MIG_COMPRESSION },
	{ "Time elapsed", HOLDS_MS, VMF_MIG_TOTAL },
	{ "Memory processed", HOLDS_BYTES, VMF_MIG_TRANSFERRED },
	{ "Memory total", HOLDS_BYTES, VMF_MIG_MEM_BYTES },
	{ "Total downtime", HOLDS_MS, VMF_MIG_DOWNTIME },
	{ "Iteration", HOLDS_COUNT, VMF_MIG_ITERATIONS },
};

#define N_KEYS ((int)(sizeof(keys) / sizeof(*keys)))

/* A line of libvirt's own; 1 where its value is bad.  said: its column has
 * been given by name, which counts. */
static int
take_key(struct vmf_mig_in *in, int k, const struct vmf_field_text *value,
    bool said, struct vmf_err *e)
{
	char shown[48];
	const char *word;
	double v;

	switch (keys[k].holds) {
	case HOLDS_TYPE:
		word = job_status(value->s, value->len);
		if (word == NULL)
			return vmf_mig_why(in, in->line, "the job's type is "
			    "'%s', expected Completed, Failed or Cancelled",
			    vmf_show_text(value->s, value->len, shown));
		return said ? 0 : set_text(in, VMF_MIG_STATUS, word, e);
	case HOLDS_OPERATION:
		if (!vmf_text_is(value->s, value->len, "Outgoing migration"))
			return vmf_mig_why(in, in->line, "the operation is "
			    "'%s', expected Outgoing migration",
			    vmf_show_text(value->s, value->len, shown));
		return 0;
	case HOLDS_ERROR:
		return said ? 0 : set_own(in, in->line, VMF_MIG_REASON,
		    value->s, value->len, e);
	case HOLDS_THROTTLE:
		if (!said)
			vmf_mig_num(&in->row, VMF_MIG_AUTO_CONVERGE, 1.0);
		return 0;
	case HOLDS_CACHE:
		return said ? 0 : set_text(in, VMF_MIG_COMPRESSION, "xbzrle",
		    e);
	default:
		if (!read_amount(value->s, value->len, keys[k].holds, &v))
			return vmf_mig_why(in, in->line, "%s is '%s', "
			    "expected a number%s", keys[k].key,
			    vmf_show_text(value->s, value->len, shown),
			    keys[k].holds == HOLDS_BYTES ? " and its unit, "
			    "such as MiB" : keys[k].holds == HOLDS_MS ?
			    " and its unit, ms" : "");
		if (!said)
			vmf_mig_num(&in->row, keys[k].col, v);
		return 0;
	}
}

/* What a job's lines have had: columns of ours, and keys. */
struct seen {
	bool own[VMF_N_MIG], key[N_KEYS];
};

/* One line "Key: value"; 1 where it is bad. */
static int
take_line(struct vmf_mig_in *in, const struct vmf_field_text *key,
    const struct vmf_field_text *value, struct seen *seen, struct vmf_err *e)
{
	char shown[48];
	int own = vmf_mig_find(key->s, key->len), k = 0;
	bool *had;

	while (own < 0 && k < N_KEYS && !vmf_text_is(key->s, key->len,
	    keys[k].key))
		k++;
	if (own < 0 && k == N_KEYS)
		return 0;
	had = own >= 0 ? &seen->own[own] : &seen->key[k];
	/* Two jobs, or lines of two that were mixed up. */
	if (*had)
		return vmf_mig_why(in, in->line, "'%s' comes a second time "
		    "in the job, expected an empty line between jobs",
		    vmf_show_text(key->s, key->len, shown));
	*had = true;
	return own >= 0 ? set_own(in, in->line, own, value->s, value->len,
	    e) : take_key(in, k, value, keys[k].col >= 0 &&
	    seen->own[keys[k].col], e);
}

int
vmf_mig_domjobinfo(struct vmf_mig_in *in, bool *bad, struct vmf_err *e)
{
	struct seen seen = { 0 };
	bool any = false;
	int64_t first = 0, len;
	const char *s;
	int got, rc;

	in->raw.n = 0;
	vmf_mig_clear(&in->row);
	while ((got = vmf_mig_line(in, &s, &len, e)) > 0) {
		struct vmf_field_text key, value;
		const char *colon;

		key = vmf_field_trim(&(struct vmf_field_text){ s, len });
		if (key.len == 0 && !any)
			continue;
		if (vmf_buf_put(&in->raw, s, in->whole, e) != 0)
			return VMF_ENOMEM;
		if (key.len == 0)
			break;
		if (!any)
			first = in->line;
		any = true;
		if (*bad)
			continue;
		colon = memchr(s, ':', (size_t)len);
		if (colon == NULL) {
			*bad = vmf_mig_why(in, in->line, "no colon in the "
			    "line, expected 'Key: value' as virsh domjobinfo "
			    "--completed prints it");
			continue;
		}
		key = vmf_field_trim(&(struct vmf_field_text){ s,
		    colon - s });
		value = vmf_field_trim(&(struct vmf_field_text){ colon + 1,
		    len - (colon + 1 - s) });
		if ((rc = take_line(in, &key, &value, &seen, e)) < 0)
			return rc;
		*bad = rc > 0;
	}
	if (got < 0 || !any)
		return got;
	in->count.rows_in++;
	if (!*bad && !seen.key[0])
		*bad = vmf_mig_why(in, first, "no 'Job type' before the "
		    "empty line that ends a job");
	/* An empty line ends the last one too, when it is kept. */
	if (got == 0 && in->raw.p[in->raw.n - 1] != '\n' &&
	    vmf_buf_put(&in->raw, "\n", 1, e) != 0)
		return VMF_ENOMEM;
	if (got == 0 && vmf_buf_put(&in->raw, "\n", 1, e) != 0)
		return VMF_ENOMEM;
	return 1;
}

/* ---- QEMU's query-migrate ---- */

/* A number of at least 0; NAN where there is none, and 1 where it is
 * something else. */
static int
number(struct vmf_mig_in *in, const cJSON *obj, const char *key, double *v)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(obj, key);
	char shown[48], text[32];
	const char *found;

	*v = NAN;
	if (m == NULL || cJSON_IsNull(m))
		return 0;
	if (cJSON_IsNumber(m) && m->valuedouble >= 0.0 &&
	    isfinite(m->valuedouble)) {
		*v = m->valuedouble;
		return 0;
	}
	vmf_format_double(m->valuedouble, text);
	found = cJSON_IsNumber(m) ? text : cJSON_IsString(m) ?
	    m->valuestring : vmf_json_type(m);
	return vmf_mig_why(in, in->line, "%s is '%s', expected a number of "
	    "at least 0", key, vmf_show_text(found, (int64_t)strlen(found),
	    shown));
}

/* What is a column as it is. */
static int
take_numbers(struct vmf_mig_in *in, const cJSON *q, const cJSON *ram)
{
	const struct {
		const cJSON *obj;
		const char *key;
		int col;
	} from[] = {
		{ q, "total-time", VMF_MIG_TOTAL },
		{ q, "downtime", VMF_MIG_DOWNTIME },
		{ ram, "total", VMF_MIG_MEM_BYTES },
		{ ram, "transferred", VMF_MIG_TRANSFERRED },
		{ ram, "dirty-sync-count", VMF_MIG_ITERATIONS },
	};
	double v;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(from) / sizeof(*from); i++) {
		rc = number(in, from[i].obj, from[i].key, &v);
		vmf_mig_num(&in->row, from[i].col, v);
	}
	return rc;
}

/* How the memory went over, where it did not all go before the stop. */
static int
take_mode(struct vmf_mig_in *in, const cJSON *q, const cJSON *ram,
    struct vmf_err *e)
{
	double requests, post, pre, throttle;

	if (number(in, ram, "postcopy-requests", &requests) != 0 ||
	    number(in, ram, "postcopy-bytes", &post) != 0 ||
	    number(in, ram, "precopy-bytes", &pre) != 0 ||
	    number(in, q, "cpu-throttle-percentage", &throttle) != 0)
		return VMF_MIG_BAD;
	if (!isnan(throttle))
		vmf_mig_num(&in->row, VMF_MIG_AUTO_CONVERGE, 1.0);
	return requests > 0.0 || post > 0.0 ? set_text(in, VMF_MIG_MODE,
	    pre > 0.0 ? "hybrid" : "postcopy", e) : 0;
}

/* 1 where a member comes twice: which of them is meant? */
static int
check_twice(struct vmf_mig_in *in, const cJSON *obj, struct vmf_err *e)
{
	struct vmf_dict seen = { 0 };
	const cJSON *m;
	char shown[48];
	int rc = 0;

	for (m = obj != NULL ? obj->child : NULL; rc == 0 && m != NULL &&
	    cJSON_IsObject(obj); m = m->next) {
		int64_t n = seen.n, len = (int64_t)strlen(m->string);
		int32_t code = vmf_dict_intern(&seen, m->string, len, e);

		if (code < 0)
			rc = code;
		else if (code < n)
			rc = vmf_mig_why(in, in->line, "'%s' comes twice, "
			    "expected it once",
			    vmf_show_text(m->string, len, shown));
	}
	vmf_dict_free(&seen);
	return rc;
}

/* Members at the top that have our columns' names. */
static int
take_own(struct vmf_mig_in *in, const cJSON *obj, struct vmf_err *e)
{
	const cJSON *m;
	char text[32];
	int rc = 0;

	cJSON_ArrayForEach(m, obj) {
		int k = vmf_mig_find(m->string, (int64_t)strlen(m->string));
		const char *s = m->valuestring;

		if (k < 0 || k == VMF_MIG_STATUS)
			continue;
		if (cJSON_IsNumber(m)) {
			vmf_format_double(m->valuedouble, text);
			s = text;
		} else if (cJSON_IsBool(m)) {
			s = cJSON_IsTrue(m) ? "1" : "0";
		} else if (s == NULL && !cJSON_IsNull(m) &&
		    k != VMF_MIG_COMPRESSION) {
			/* QEMU has an object of that name. */
			return vmf_mig_why(in, in->line, "%s is %s, expected "
			    "a text or a number", m->string,
			    vmf_json_type(m));
		}
		if (s != NULL && (rc = set_own(in, in->line, k, s,
		    (int64_t)strlen(s), e)) != 0)
			return rc;
	}
	return 0;
}

static int
take_object(struct vmf_mig_in *in, const cJSON *top, struct vmf_err *e)
{
	const cJSON *q = cJSON_GetObjectItemCaseSensitive(top, "return");
	const cJSON *ram, *s;
	const char *word = NULL;
	int rc;

	if (!cJSON_IsObject(q))
		q = top;
	ram = cJSON_GetObjectItemCaseSensitive(q, "ram");
	if ((rc = check_twice(in, top, e)) != 0 ||
	    (q != top && (rc = check_twice(in, q, e)) != 0) ||
	    (rc = check_twice(in, ram, e)) != 0)
		return rc;
	s = cJSON_GetObjectItemCaseSensitive(q, "status");
	if (cJSON_IsString(s))
		word = job_status(s->valuestring,
		    (int64_t)strlen(s->valuestring));
	if (word == NULL)
		return vmf_mig_why(in, in->line, "the status is '%.40s', "
		    "expected completed, failed or cancelled",
		    cJSON_IsString(s) ? s->valuestring : "");
	if ((rc = set_text(in, VMF_MIG_STATUS, word, e)) != 0 ||
	    (rc = take_numbers(in, q, ram)) != 0 ||
	    (rc = take_mode(in, q, ram, e)) != 0)
		return rc;
	word = cJSON_GetObjectItemCaseSensitive(q, "xbzrle-cache") != NULL ?
	    "xbzrle" : cJSON_GetObjectItemCaseSensitive(q,
	    "compression") != NULL ? "zlib" : NULL;
	if (word != NULL && (rc = set_text(in, VMF_MIG_COMPRESSION, word,
	    e)) != 0)
		return rc;
	s = cJSON_GetObjectItemCaseSensitive(q, "error-desc");
	if (cJSON_IsString(s) && (rc = set_own(in, in->line, VMF_MIG_REASON,
	    s->valuestring, (int64_t)strlen(s->valuestring), e)) != 0)
		return rc;
	if (q != top && (rc = take_own(in, q, e)) != 0)
		return rc;
	return take_own(in, top, e);
}

int
vmf_mig_query(struct vmf_mig_in *in, bool *bad, struct vmf_err *e)
{
	const char *s, *end = NULL;
	int64_t len;
	cJSON *top;
	int got, rc;

	do {
		if ((got = vmf_mig_line(in, &s, &len, e)) <= 0)
			return got;
	} while (vmf_field_trim(&(struct vmf_field_text){ s, len }).len == 0);
	in->count.rows_in++;
	in->raw.n = 0;
	if (vmf_buf_put(&in->raw, s, in->whole, e) != 0)
		return VMF_ENOMEM;
	vmf_mig_clear(&in->row);
	*bad = true;
	if (!vmf_utf8_valid(s, len)) {
		(void)vmf_mig_why(in, in->line, "found bytes that are not "
		    "UTF-8, expected JSON");
		return 1;
	}
	top = cJSON_ParseWithLengthOpts(s, (size_t)len, &end, 0);
	if (!cJSON_IsObject(top))
		rc = vmf_mig_why(in, in->line, "found no JSON object, "
		    "expected one a line");
	else if (vmf_field_trim(&(struct vmf_field_text){ end,
	    s + len - end }).len > 0)
		rc = vmf_mig_why(in, in->line, "found more after the JSON "
		    "object, expected one a line");
	else
		rc = take_object(in, top, e);
	cJSON_Delete(top);
	*bad = rc > 0;
	return rc < 0 ? rc : 1;
}
