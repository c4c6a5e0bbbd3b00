/* SPDX-License-Identifier: MIT */
#include "ingest/migrations.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "ingest/convert.h"
#include "ingest/stamp.h"

const struct vmf_mig_col *
vmf_mig_col(int k)
{
	static const struct vmf_mig_col cols[VMF_N_MIG] = {
		{ "vm", VMF_MIG_IS_TEXT, NULL, false },
		{ "start", VMF_MIG_IS_TIME, NULL, false },
		{ "host", VMF_MIG_IS_TEXT, NULL, false },
		{ "target", VMF_MIG_IS_TEXT, NULL, false },
		{ "workload", VMF_MIG_IS_TEXT, NULL, false },
		{ "algorithm", VMF_MIG_IS_TEXT, NULL, false },
		{ "mode", VMF_MIG_IS_WORD,
		    "precopy postcopy hybrid stopcopy", false },
		{ "auto_converge", VMF_MIG_IS_FLAG, NULL, false },
		{ "compression", VMF_MIG_IS_TEXT, NULL, false },
		{ "tunnelled", VMF_MIG_IS_FLAG, NULL, false },
		{ "storage", VMF_MIG_IS_WORD, "shared block", false },
		{ "mem_bytes", VMF_MIG_IS_NUMBER, "bytes", false },
		{ "mem_used_bytes", VMF_MIG_IS_NUMBER, "bytes", false },
		{ "vcpus", VMF_MIG_IS_NUMBER, NULL, false },
		{ "load_pct", VMF_MIG_IS_NUMBER, "%", false },
		{ "dirty_rate_bytes_s", VMF_MIG_IS_NUMBER, "bytes/s",
		    false },
		{ "bandwidth_bytes_s", VMF_MIG_IS_NUMBER, "bytes/s", false },
		{ "downtime_limit_ms", VMF_MIG_IS_NUMBER, "ms", false },
		{ "config", VMF_MIG_IS_TEXT, NULL, false },
		{ "downtime_ms", VMF_MIG_IS_NUMBER, "ms", true },
		{ "guest_downtime_ms", VMF_MIG_IS_NUMBER, "ms", true },
		{ "total_ms", VMF_MIG_IS_NUMBER, "ms", true },
		{ "transferred_bytes", VMF_MIG_IS_NUMBER, "bytes", true },
		{ "iterations", VMF_MIG_IS_NUMBER, NULL, true },
		{ "status", VMF_MIG_IS_WORD, "completed failed cancelled",
		    true },
		{ "reason", VMF_MIG_IS_TEXT, NULL, true },
	};

	return &cols[k];
}

int
vmf_mig_find(const char *name, int64_t len)
{
	for (int k = 0; k < VMF_N_MIG; k++) {
		const char *s = vmf_mig_col(k)->name;

		if (vmf_text_is(name, len, s))
			return k;
	}
	return -1;
}

static bool
is_text(enum vmf_mig_kind kind)
{
	return kind == VMF_MIG_IS_TEXT || kind == VMF_MIG_IS_WORD;
}

int
vmf_mig_schema(struct vmf_schema *s, struct vmf_err *e)
{
	int rc = vmf_meta_set(&s->meta, "vmf:kind", "migrations", e);

	for (int k = 0; rc >= 0 && k < VMF_N_MIG; k++) {
		const struct vmf_mig_col *c = vmf_mig_col(k);
		bool text = is_text(c->kind);

		rc = vmf_schema_add(s, c->name, text ? VMF_UTF8 :
		    c->kind == VMF_MIG_IS_TIME ? VMF_TIME : VMF_FLOAT64,
		    text, e);
		if (rc >= 0 && !text && c->more != NULL)
			rc = vmf_meta_set(&s->field[k].meta, "unit", c->more,
			    e);
		if (rc >= 0)
			rc = vmf_meta_set(&s->field[k].meta, "known",
			    c->after ? "after" : "before", e);
	}
	return rc < 0 ? rc : 0;
}

void
vmf_mig_clear(struct vmf_mig_row *r)
{
	memset(r->has, 0, sizeof(r->has));
}

void
vmf_mig_free(struct vmf_mig_row *r)
{
	for (int k = 0; k < VMF_N_MIG; k++)
		vmf_buf_free(&r->text[k]);
}

static bool
is_word(const char *list, const char *s, int64_t len, bool any_case)
{
	while (*list != '\0') {
		size_t n = strcspn(list, " ");

		if ((int64_t)n == len && (any_case ?
		    strncasecmp(list, s, n) : memcmp(list, s, n)) == 0)
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

/* 1, true, yes, on; 0, false, no, off; or -1. */
static int
read_flag(const char *s, int64_t len)
{
	return is_word("1 1.0 true yes on", s, len, true) ? 1 :
	    is_word("0 0.0 false no off", s, len, true) ? 0 : -1;
}

static bool
read_time(struct vmf_mig_row *r, const char *s, int64_t len)
{
	enum vmf_stamp f = vmf_stamp_detect(s, len);

	return f != VMF_STAMP_AUTO &&
	    vmf_stamp_parse(f, NULL, s, len, &r->time_s) == 0;
}

int
vmf_mig_set(struct vmf_mig_row *r, int k, const char *s, int64_t len,
    double scale, const char **expected, struct vmf_err *e)
{
	const struct vmf_mig_col *c = vmf_mig_col(k);
	struct vmf_field_text t = vmf_field_trim(
	    &(struct vmf_field_text){ s, len });
	double v = NAN;
	int flag;

	r->has[k] = false;
	if (vmf_field_missing(&t))
		return 0;
	switch (c->kind) {
	case VMF_MIG_IS_TEXT:
	case VMF_MIG_IS_WORD:
		*expected = c->kind == VMF_MIG_IS_WORD ? c->more :
		    "text in UTF-8";
		if (!vmf_utf8_valid(t.s, t.len) ||
		    (c->kind == VMF_MIG_IS_WORD &&
		    !is_word(c->more, t.s, t.len, false)))
			return 1;
		r->text[k].n = 0;
		if (vmf_buf_put(&r->text[k], t.s, t.len, e) != 0)
			return VMF_ENOMEM;
		break;
	case VMF_MIG_IS_NUMBER:
		*expected = "a number, at least 0";
		if (vmf_parse_double(t.s, t.len, &v) != 0)
			return 1;
		v *= scale;
		if (!(v >= 0.0) || isinf(v))
			return 1;
		r->num[k] = v;
		break;
	case VMF_MIG_IS_FLAG:
		*expected = "0 or 1, no or yes, off or on";
		if ((flag = read_flag(t.s, t.len)) < 0)
			return 1;
		r->num[k] = flag;
		break;
	case VMF_MIG_IS_TIME:
		*expected = "a time";
		if (!read_time(r, t.s, t.len))
			return 1;
		break;
	}
	r->has[k] = true;
	return 0;
}

void
vmf_mig_num(struct vmf_mig_row *r, int k, double v)
{
	r->has[k] = isfinite(v) && v >= 0.0;
	r->num[k] = v;
}

int
vmf_mig_put(const struct vmf_mig_row *r, struct vmf_batch *b,
    struct vmf_err *e)
{
	int rc = 0;

	for (int k = 0; rc == 0 && k < VMF_N_MIG; k++) {
		enum vmf_mig_kind kind = vmf_mig_col(k)->kind;
		struct vmf_col *c = &b->col[k];

		if (!r->has[k])
			rc = vmf_col_put_null(c, e);
		else if (is_text(kind))
			rc = vmf_col_put_str(c, (const char *)r->text[k].p,
			    r->text[k].n, e);
		else if (kind == VMF_MIG_IS_TIME)
			rc = vmf_col_put_int(c, r->time_s, e);
		else
			rc = vmf_col_put_num(c, r->num[k], e);
	}
	if (rc == 0)
		vmf_batch_row(b);
	return rc;
}
