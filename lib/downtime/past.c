/* SPDX-License-Identifier: MIT */
#include "downtime/past.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

/* What is beyond these is no number of anything here. */
#define LEAST 1e-12
#define MOST 1e24

const char *
vmf_outcome_name(enum vmf_outcome k)
{
	static const char *const names[VMF_N_OUTCOMES] = { "downtime_ms",
	    "guest_downtime_ms", "total_ms", "transferred_bytes" };

	return names[k];
}

const char *
vmf_fact_word_name(enum vmf_fact_word k)
{
	static const char *const names[VMF_N_WORDS] = { "workload",
	    "algorithm", "mode", "compression", "storage" };

	return names[k];
}

const char *
vmf_fact_name(enum vmf_fact k)
{
	static const char *const names[VMF_N_FACTS] = { "mem_bytes",
	    "mem_used_bytes", "vcpus", "load_pct", "dirty_rate_bytes_s",
	    "bandwidth_bytes_s", "downtime_limit_ms", "auto_converge",
	    "tunnelled" };

	return names[k];
}

static bool
is_number(enum vmf_type t)
{
	return t != VMF_UTF8 && t != VMF_BINARY && t != VMF_LIST_FLOAT32 &&
	    t != VMF_LIST_FLOAT64 && t != VMF_NULL && t != VMF_TIME;
}

static int
find(const struct vmf_schema *s, const char *name, bool number)
{
	int c = vmf_schema_find(s, name);

	if (c < 0)
		return -1;
	return (number ? is_number(s->field[c].type) :
	    s->field[c].type == VMF_UTF8) ? c : -1;
}

static int
find_fact(const struct vmf_schema *s, const char *name)
{
	int c = find(s, name, true);

	return c >= 0 ? c : find(s, name, false);
}

void
vmf_facts_find(struct vmf_facts_at *at, const struct vmf_schema *s)
{
	for (int k = 0; k < VMF_N_FACTS; k++)
		at->num[k] = find_fact(s, vmf_fact_name((enum vmf_fact)k));
	for (int k = 0; k < VMF_N_WORDS; k++)
		at->word[k] = find_fact(s,
		    vmf_fact_word_name((enum vmf_fact_word)k));
	at->mem_mb = find_fact(s, "mem_mb");
}

/* A number that may be text; NaN where there is none. */
static int
read_number(const struct vmf_batch *b, int col, int64_t i, const char *name,
    double *v, struct vmf_err *e)
{
	const struct vmf_col *c = &b->col[col];
	int64_t len = 0;
	const char *s;

	*v = vmf_col_num(c, i);
	if (c->type != VMF_UTF8)
		return 0;
	s = vmf_col_str(c, i, &len);
	if (s == NULL || len == 0 || vmf_text_is(s, len, "NA"))
		return 0;
	if (vmf_parse_double(s, len, v) == 0)
		return 0;
	return vmf_fail(e, VMF_EDATA, "its %s is '%.*s', expected a number",
	    name, (int)vmf_utf8_cut(s, len, 40), s);
}

/* A word that may be a number, as text: its length, 0 for none. */
static int64_t
read_word(const struct vmf_col *c, int64_t i, char tmp[32], const char **s)
{
	int64_t len = 0;
	double v;

	*s = tmp;
	if (c->type == VMF_UTF8) {
		*s = vmf_col_str(c, i, &len);
		return *s == NULL ? 0 : len;
	}
	v = vmf_col_num(c, i);
	return isnan(v) ? 0 : snprintf(tmp, 32, "%.*g",
	    c->type == VMF_FLOAT32 ? 7 : 15, v);
}

int
vmf_facts_read(const struct vmf_facts_at *at, const struct vmf_batch *b,
    int64_t i, bool add, struct vmf_dict words[VMF_N_WORDS],
    struct vmf_facts *f, struct vmf_err *e)
{
	double v = NAN;
	int rc;

	for (int k = 0; k < VMF_N_FACTS; k++) {
		v = NAN;
		if (at->num[k] >= 0 && (rc = read_number(b, at->num[k], i,
		    vmf_fact_name((enum vmf_fact)k), &v, e)) != 0)
			return rc;
		f->num[k] = (v >= LEAST && v <= MOST) || (v == 0.0 &&
		    k > VMF_FACT_USED) ? v : NAN;
	}
	if (isnan(f->num[VMF_FACT_MEM]) && at->mem_mb >= 0) {
		if ((rc = read_number(b, at->mem_mb, i, "mem_mb", &v, e)) != 0)
			return rc;
		if (v >= LEAST && v * 0x1p20 <= MOST)
			f->num[VMF_FACT_MEM] = v * 0x1p20;
	}
	for (int k = 0; k < VMF_N_WORDS; k++) {
		char tmp[32];
		const char *s;
		int64_t len = at->word[k] < 0 ? 0 :
		    read_word(&b->col[at->word[k]], i, tmp, &s);

		f->word[k] = -1;
		if (len == 0)
			continue;
		if (!add) {
			f->word[k] = vmf_dict_find(&words[k], s, len);
			if (f->word[k] < 0)
				f->word[k] = -2;
		} else if ((f->word[k] = vmf_dict_intern(&words[k], s, len,
		    e)) < 0) {
			return VMF_ENOMEM;
		}
	}
	return 0;
}

struct vmf_precopy
vmf_facts_precopy(const struct vmf_facts *f,
    const struct vmf_dict words[VMF_N_WORDS])
{
	static const char *const modes[] = { "precopy", "postcopy", "hybrid",
	    "stopcopy" };
	struct vmf_precopy_in in = {
		.auto_converge = f->num[VMF_FACT_AUTO_CONVERGE] > 0.0,
		.bytes = f->num[VMF_FACT_USED] > 0.0 ?
		    f->num[VMF_FACT_USED] : f->num[VMF_FACT_MEM],
		.dirty_bytes_s = f->num[VMF_FACT_DIRTY],
		.bandwidth_bytes_s = f->num[VMF_FACT_BANDWIDTH],
		.limit_ms = f->num[VMF_FACT_LIMIT],
	};
	int32_t mode = f->word[VMF_WORD_MODE];
	int64_t len;
	const char *s;

	if (mode >= 0) {
		s = vmf_dict_str(&words[VMF_WORD_MODE], mode, &len);
		for (int k = 0; k < 4; k++)
			if (vmf_text_is(s, len, modes[k]))
				in.mode = (enum vmf_move_mode)k;
	}
	return vmf_precopy(&in);
}

double
vmf_precopy_outcome(const struct vmf_precopy *p, enum vmf_outcome k)
{
	return k == VMF_OUT_TOTAL ? p->total_ms : k == VMF_OUT_BYTES ?
	    p->bytes : p->downtime_ms;
}

void
vmf_past_free(struct vmf_past *p)
{
	free(p->facts);
	free(p->out);
	free(p->config);
	free(p->set);
	for (int k = 0; k < VMF_N_WORDS; k++)
		vmf_dict_free(&p->words[k]);
	vmf_dict_free(&p->configs);
	*p = (struct vmf_past){ 0 };
}

struct columns {
	struct vmf_facts_at facts;
	int out[VMF_N_OUTCOMES];
	int config, status, start;
};

static int
find_columns(struct columns *at, const struct vmf_reader *r,
    struct vmf_err *e)
{
	const struct vmf_schema *s = vmf_reader_schema(r);
	const char *kind = vmf_meta_get(&s->meta, "vmf:kind");
	int c, n = 0;

	if (kind != NULL && strcmp(kind, "migrations") != 0)
		return vmf_fail(e, VMF_EDATA, "%s: found a stream of kind "
		    "'%.64s', expected migrations", vmf_reader_name(r),
		    kind);
	vmf_facts_find(&at->facts, s);
	for (int k = 0; k < VMF_N_OUTCOMES; k++) {
		at->out[k] = find(s, vmf_outcome_name((enum vmf_outcome)k),
		    true);
		n += at->out[k] >= 0;
	}
	at->config = find_fact(s, "config");
	at->status = find(s, "status", false);
	c = vmf_schema_find(s, "status");
	if (c >= 0 && at->status < 0 && s->field[c].type != VMF_NULL)
		return vmf_fail(e, VMF_EDATA, "%s: column 'status' is %s, "
		    "expected utf8", vmf_reader_name(r),
		    vmf_type_name(s->field[c].type));
	c = vmf_schema_find(s, "start");
	at->start = c >= 0 && s->field[c].type == VMF_TIME ? c : -1;
	if (n > 0)
		return 0;
	return vmf_fail(e, VMF_EDATA, "%s: no column of numbers is what came "
	    "of a migration; expected downtime_ms, guest_downtime_ms, "
	    "total_ms or transferred_bytes", vmf_reader_name(r));
}

/* A config for a row that names none. */
static int
make_config(struct vmf_past *p, const struct vmf_facts *f, int32_t *config,
    struct vmf_err *e)
{
	char text[32 * (1 + VMF_N_WORDS + VMF_N_FACTS)];
	size_t used = (size_t)snprintf(text, sizeof(text), "%" PRId32 ":",
	    p->n_sets);

	for (int k = 0; k < VMF_N_WORDS; k++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%" PRId32 "/", f->word[k]);
	for (int k = 0; k < VMF_N_FACTS; k++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%g/", isnan(f->num[k]) ? -1.0 :
		    nearbyint(4.0 * log2(1.0 + f->num[k])));
	*config = vmf_dict_intern(&p->configs, text, (int64_t)used, e);
	return *config < 0 ? VMF_ENOMEM : 0;
}

/* The config of a row that names it: moves of another workload, in another
 * way or of another size repeat nothing, whatever they are called. */
static int
name_config(struct vmf_past *p, const struct vmf_facts *f, const char *s,
    int64_t len, int32_t *config, struct vmf_err *e)
{
	double mem = f->num[VMF_FACT_MEM];
	int32_t size = isnan(mem) ? -1 :
	    (int32_t)nearbyint(4.0 * log2(1.0 + mem));
	struct vmf_buf key = { 0 };
	int rc;

	if ((rc = vmf_buf_put(&key, &p->n_sets, sizeof(p->n_sets), e)) == 0 &&
	    (rc = vmf_buf_put(&key, f->word, sizeof(f->word), e)) == 0 &&
	    (rc = vmf_buf_put(&key, &size, sizeof(size), e)) == 0)
		rc = vmf_buf_put(&key, s, len, e);
	if (rc == 0)
		*config = vmf_dict_intern(&p->configs, (const char *)key.p,
		    key.n, e);
	vmf_buf_free(&key);
	return rc != 0 ? rc : *config < 0 ? VMF_ENOMEM : 0;
}

static int
take_row(struct vmf_past *p, const struct columns *at,
    const struct vmf_reader *r, const struct vmf_batch *b, int64_t i,
    struct vmf_err *e)
{
	int64_t len, n = p->n;
	char tmp[32];
	const char *s = at->status < 0 ? NULL :
	    vmf_col_str(&b->col[at->status], i, &len);
	int rc;

	p->n_read++;
	if (at->start >= 0 && vmf_col_valid(&b->col[at->start], i) &&
	    b->col[at->start].d.i64[i] > p->updated)
		p->updated = b->col[at->start].d.i64[i];
	if (s != NULL && len > 0 && !vmf_text_is(s, len, "completed")) {
		p->n_failed++;
		return 0;
	}
	if ((rc = vmf_grow(&p->facts, &p->cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&p->out, &p->out_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&p->config, &p->config_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&p->set, &p->set_cap, n + 1, e)) != 0)
		return rc;
	if ((rc = vmf_facts_read(&at->facts, b, i, true, p->words,
	    &p->facts[n], e)) != 0)
		return rc != VMF_EDATA ? rc : vmf_fail_in(e, rc, "%s: row %"
		    PRId64, vmf_reader_name(r), vmf_reader_row(r) + i);
	for (int k = 0; k < VMF_N_OUTCOMES; k++) {
		double v = at->out[k] < 0 ? NAN :
		    vmf_col_num(&b->col[at->out[k]], i);

		p->out[n][k] = v >= 0.0 && isfinite(v) ? v : NAN;
	}
	len = at->config < 0 ? 0 : read_word(&b->col[at->config], i, tmp, &s);
	p->set[n] = p->n_sets;
	rc = len == 0 ? make_config(p, &p->facts[n], &p->config[n], e) :
	    name_config(p, &p->facts[n], s, len, &p->config[n], e);
	p->n += rc == 0;
	return rc;
}

int
vmf_past_read(struct vmf_past *p, struct vmf_reader *r, struct vmf_err *e)
{
	const struct vmf_batch *b;
	struct columns at;
	int got, rc;

	if (p->n_sets == 0)
		p->updated = VMF_TIME_NONE;
	if ((rc = find_columns(&at, r, e)) != 0)
		return rc;
	while ((got = vmf_reader_next(r, &b, e)) > 0)
		for (int64_t i = 0; i < b->n; i++)
			if ((rc = take_row(p, &at, r, b, i, e)) != 0)
				return rc;
	p->n_sets += got == 0;
	return got;
}
