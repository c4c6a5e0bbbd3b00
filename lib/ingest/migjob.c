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
#include "ingest/migread_in.h"

static bool
is(const char *word, const char *s, int64_t len)
{
	return (int64_t)strlen(word) == len &&
	    memcmp(word, s, (size_t)len) == 0;
}

/* "1.500 GiB", "60 ms", "3": a number in bytes, ms or as it is. */
static bool
read_amount(const char *s, int64_t len, double *v)
{
	static const struct {
		const char *name;
		double is;
	} units[] = {
		{ "", 1.0 }, { "B", 1.0 }, { "KiB", 0x1p10 },
		{ "MiB", 0x1p20 }, { "GiB", 0x1p30 }, { "TiB", 0x1p40 },
		{ "ms", 1.0 }, { "s", 1000.0 },
	};
	int64_t n = 0;
	struct vmf_field_text unit;

	while (n < len && s[n] != ' ' && s[n] != '\t')
		n++;
	if (vmf_parse_double(s, n, v) != 0 || !(*v >= 0.0) || isinf(*v))
		return false;
	unit = vmf_field_trim(&(struct vmf_field_text){ s + n, len - n });
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (is(units[i].name, unit.s, unit.len)) {
			*v *= units[i].is;
			return true;
		}
	return false;
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

/* One line "Key: value"; 1 where its value is bad. */
static int
take_line(struct vmf_mig_in *in, const struct vmf_field_text *key,
    const struct vmf_field_text *value, bool *ended, struct vmf_err *e)
{
	static const struct {
		const char *key;
		int col;
	} keys[] = {
		{ "Time elapsed", VMF_MIG_TOTAL },
		{ "Memory processed", VMF_MIG_TRANSFERRED },
		{ "Memory total", VMF_MIG_MEM_BYTES },
		{ "Total downtime", VMF_MIG_DOWNTIME },
		{ "Iteration", VMF_MIG_ITERATIONS },
	};
	char shown[48];
	const char *word;
	double v;
	int own = vmf_mig_find(key->s, key->len);

	if (own >= 0)
		return set_own(in, in->line, own, value->s, value->len, e);
	if (is("Job type", key->s, key->len)) {
		word = job_status(value->s, value->len);
		if (word == NULL)
			return vmf_mig_why(in, in->line, "the job's type is "
			    "'%s', expected Completed, Failed or Cancelled",
			    vmf_show_text(value->s, value->len, shown));
		*ended = true;
		return set_text(in, VMF_MIG_STATUS, word, e);
	}
	if (is("Operation", key->s, key->len) &&
	    !is("Outgoing migration", value->s, value->len))
		return vmf_mig_why(in, in->line, "the operation is '%s', "
		    "expected Outgoing migration",
		    vmf_show_text(value->s, value->len, shown));
	if (is("Error message", key->s, key->len))
		return set_own(in, in->line, VMF_MIG_REASON, value->s,
		    value->len, e);
	if (is("Auto converge throttle", key->s, key->len))
		vmf_mig_num(&in->row, VMF_MIG_AUTO_CONVERGE, 1.0);
	if (is("Compression cache", key->s, key->len))
		return set_text(in, VMF_MIG_COMPRESSION, "xbzrle", e);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (!is(keys[i].key, key->s, key->len))
			continue;
		if (!read_amount(value->s, value->len, &v))
			return vmf_mig_why(in, in->line, "%s is '%s', "
			    "expected a number and its unit", keys[i].key,
			    vmf_show_text(value->s, value->len, shown));
		vmf_mig_num(&in->row, keys[i].col, v);
	}
	return 0;
}

int
vmf_mig_domjobinfo(struct vmf_mig_in *in, bool *bad, struct vmf_err *e)
{
	bool any = false, ended = false;
	int64_t first = 0, len;
	const char *s;
	int got, rc;

	in->raw.n = 0;
	vmf_mig_clear(&in->row);
	while ((got = vmf_mig_line(in, &s, &len, e)) > 0) {
		struct vmf_field_text key, value;
		const char *colon;

		key = vmf_field_trim(&(struct vmf_field_text){ s, len });
		if (key.len == 0 && any)
			break;
		if (key.len == 0)
			continue;
		if (!any)
			first = in->line;
		any = true;
		if (vmf_buf_put(&in->raw, s, len, e) != 0 ||
		    vmf_buf_put(&in->raw, "\n", 1, e) != 0)
			return VMF_ENOMEM;
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
		if ((rc = take_line(in, &key, &value, &ended, e)) < 0)
			return rc;
		*bad = rc > 0;
	}
	if (got < 0 || !any)
		return got;
	in->count.rows_in++;
	if (!*bad && !ended)
		*bad = vmf_mig_why(in, first, "no 'Job type' before the "
		    "empty line that ends a job");
	return vmf_buf_put(&in->raw, "\n", 1, e) != 0 ? VMF_ENOMEM : 1;
}

/* ---- QEMU's query-migrate ---- */

static double
number(const cJSON *obj, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

	return cJSON_IsNumber(v) ? v->valuedouble : NAN;
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
	double v;
	int rc;

	if (!cJSON_IsObject(q))
		q = top;
	s = cJSON_GetObjectItemCaseSensitive(q, "status");
	if (cJSON_IsString(s))
		word = job_status(s->valuestring,
		    (int64_t)strlen(s->valuestring));
	if (word == NULL)
		return vmf_mig_why(in, in->line, "the status is '%.40s', "
		    "expected completed, failed or cancelled",
		    cJSON_IsString(s) ? s->valuestring : "");
	if ((rc = set_text(in, VMF_MIG_STATUS, word, e)) != 0)
		return rc;
	vmf_mig_num(&in->row, VMF_MIG_TOTAL, number(q, "total-time"));
	vmf_mig_num(&in->row, VMF_MIG_DOWNTIME, number(q, "downtime"));
	ram = cJSON_GetObjectItemCaseSensitive(q, "ram");
	vmf_mig_num(&in->row, VMF_MIG_MEM_BYTES, number(ram, "total"));
	vmf_mig_num(&in->row, VMF_MIG_TRANSFERRED,
	    number(ram, "transferred"));
	vmf_mig_num(&in->row, VMF_MIG_ITERATIONS,
	    number(ram, "dirty-sync-count"));
	v = number(ram, "postcopy-requests");
	if (v > 0.0 || number(ram, "postcopy-bytes") > 0.0) {
		word = number(ram, "precopy-bytes") > 0.0 ? "hybrid" :
		    "postcopy";
		if ((rc = set_text(in, VMF_MIG_MODE, word, e)) != 0)
			return rc;
	}
	if (!isnan(number(q, "cpu-throttle-percentage")))
		vmf_mig_num(&in->row, VMF_MIG_AUTO_CONVERGE, 1.0);
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
	const char *s;
	int64_t len;
	cJSON *top;
	int got, rc;

	do {
		if ((got = vmf_mig_line(in, &s, &len, e)) <= 0)
			return got;
	} while (vmf_field_trim(&(struct vmf_field_text){ s, len }).len == 0);
	in->count.rows_in++;
	in->raw.n = 0;
	if (vmf_buf_put(&in->raw, s, len, e) != 0 ||
	    vmf_buf_put(&in->raw, "\n", 1, e) != 0)
		return VMF_ENOMEM;
	vmf_mig_clear(&in->row);
	*bad = true;
	if (!vmf_utf8_valid(s, len)) {
		(void)vmf_mig_why(in, in->line, "found bytes that are not "
		    "UTF-8, expected JSON");
		return 1;
	}
	top = cJSON_ParseWithLength(s, (size_t)len);
	rc = cJSON_IsObject(top) ? take_object(in, top, e) :
	    vmf_mig_why(in, in->line, "found no JSON object, expected one a "
	    "line");
	cJSON_Delete(top);
	*bad = rc > 0;
	return rc < 0 ? rc : 1;
}
