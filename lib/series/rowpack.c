/* SPDX-License-Identifier: MIT */
#include "series/rowpack.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Rows that are gone through column by column, while they are in the cache
 * closest by. */
#define PASS_ROWS 256

static int64_t
slot_bytes(enum vmf_type type)
{
	switch (type) {
	case VMF_NULL:
		return 0;
	case VMF_INT64:
	case VMF_FLOAT64:
	case VMF_TIME:
		return 8;
	default:
		return 4;
	}
}

int
vmf_pack_init(struct vmf_pack *p, const struct vmf_schema *s,
    struct vmf_err *e)
{
	int64_t off = sizeof(struct vmf_rec), hole;
	int n_null = 0;

	*p = (struct vmf_pack){ .vm = vmf_schema_find(s, "vm"),
	    .time = vmf_schema_find(s, "time") };
	p->col = vmf_calloc(s->n, sizeof(*p->col), e);
	if (p->col == NULL)
		return VMF_ENOMEM;
	for (int i = 0; i < s->n; i++) {
		const struct vmf_field *f = &s->field[i];
		enum vmf_role role = vmf_field_role(f);
		struct vmf_pack_col *c = &p->col[p->n_cols];

		if (i == p->vm || i == p->time)
			continue;
		assert(role != VMF_ROLE_LIST && role != VMF_ROLE_ODD);
		*c = (struct vmf_pack_col){ .col = i, .in = -1,
		    .type = f->type, .metric = role == VMF_ROLE_METRIC,
		    .null_bit = -1 };
		if (f->type == VMF_INT32 || f->type == VMF_INT64 ||
		    f->type == VMF_TIME || f->type == VMF_BOOL)
			c->null_bit = n_null++;
		p->n_cols++;
	}
	p->null_off = (int64_t)offsetof(struct vmf_rec, bits);
	/* The header's bits are a column's where no null needs them. */
	hole = n_null == 0 || n_null > 32 ? p->null_off : 0;
	/* The wide ones first: all are aligned. */
	for (int64_t wide = 8; wide >= 4; wide -= 4)
		for (int i = 0; i < p->n_cols; i++) {
			int64_t *at = wide == 4 && hole > 0 ? &hole : &off;

			if (slot_bytes(p->col[i].type) != wide)
				continue;
			p->col[i].off = *at;
			*at = at == &hole ? 0 : off + wide;
		}
	if (n_null > 32) {
		p->null_off = off;
		off += (n_null + 7) / 8;
	}
	p->rec_bytes = (off + 7) / 8 * 8;
	p->clear = n_null > 32 || p->rec_bytes > off;
	return 0;
}

void
vmf_pack_from(struct vmf_pack *p, const struct vmf_schema *s,
    const struct vmf_readings *r)
{
	p->time_in = r->time;
	for (int i = 0; i < p->n_cols; i++) {
		struct vmf_pack_col *c = &p->col[i];

		c->in = vmf_schema_find(r->schema, s->field[c->col].name);
		/* Of type null there is nothing in it. */
		if (c->in >= 0 && r->schema->field[c->in].type != c->type)
			c->in = -1;
		/* Its dictionaries are others. */
		vmf_remap_free(&c->map);
	}
}

/* A column that the batch does not have. */
static void
pack_missing(const struct vmf_pack *p, const struct vmf_pack_col *c,
    int64_t n, uint8_t *rec)
{
	const float f = NAN;
	const double d = (double)NAN;
	const int32_t code = VMF_REMAP_NONE;
	const int64_t zero = 0;
	const void *v = c->type == VMF_FLOAT32 ? (const void *)&f :
	    c->type == VMF_FLOAT64 ? (const void *)&d :
	    c->type == VMF_UTF8 ? (const void *)&code : &zero;
	size_t bytes = (size_t)slot_bytes(c->type);

	for (int64_t i = 0; i < n; i++, rec += p->rec_bytes) {
		uint8_t *bits = rec + p->null_off + c->null_bit / 8;

		memcpy(rec + c->off, v, bytes);
		if (c->null_bit >= 0)
			*bits = (uint8_t)(*bits | 1 << c->null_bit % 8);
	}
}

static int
pack_text(struct vmf_pack_col *c, const struct vmf_col *from, int64_t row,
    int64_t n, uint8_t *rec, int64_t rec_bytes, struct vmf_err *e)
{
	int rc;

	if (from->is_dict) {
		rc = vmf_remap_begin(&c->map, from->dict, e);
		if (rc != 0)
			return rc;
	}
	for (int64_t i = 0; i < n; i++, rec += rec_bytes) {
		int32_t code = VMF_REMAP_NONE;

		if (!vmf_bit(from->valid, row + i)) {
			;
		} else if (from->is_dict) {
			int32_t old = from->d.i32[row + i];

			code = c->map.to[old];
			if (code == VMF_REMAP_NEW)
				code = vmf_remap_enter(&c->map, from->dict,
				    old, &c->strs, e);
			if (code < VMF_REMAP_NONE)
				return VMF_ENOMEM;
		} else {
			int64_t len;
			const char *s = vmf_col_str(from, row + i, &len);

			code = vmf_dict_intern(&c->strs, s, len, e);
			if (code < 0)
				return VMF_ENOMEM;
		}
		memcpy(rec + c->off, &code, sizeof(code));
	}
	return 0;
}

static int
pack_col(struct vmf_pack *p, struct vmf_pack_col *c,
    const struct vmf_col *from, int64_t row, int64_t n, uint8_t *rec,
    struct vmf_err *e)
{
	int64_t step = p->rec_bytes;
	uint8_t *to = rec + c->off;
	float f;
	double d;
	int32_t v;

	switch (c->type) {
	case VMF_FLOAT32:
		for (int64_t i = 0; i < n; i++, to += step) {
			f = from->d.f32[row + i];
			/* One NaN: equal rows are equal bytes. */
			if (isnan(f))
				f = NAN;
			memcpy(to, &f, sizeof(f));
		}
		break;
	case VMF_FLOAT64:
		for (int64_t i = 0; i < n; i++, to += step) {
			d = from->d.f64[row + i];
			if (isnan(d))
				d = (double)NAN;
			memcpy(to, &d, sizeof(d));
		}
		break;
	case VMF_INT32:
		for (int64_t i = 0; i < n; i++, to += step)
			memcpy(to, &from->d.i32[row + i], sizeof(int32_t));
		break;
	case VMF_INT64:
	case VMF_TIME:
		for (int64_t i = 0; i < n; i++, to += step)
			memcpy(to, &from->d.i64[row + i], sizeof(int64_t));
		break;
	case VMF_BOOL:
		for (int64_t i = 0; i < n; i++, to += step) {
			v = from->d.b8[row + i];
			memcpy(to, &v, sizeof(v));
		}
		break;
	case VMF_UTF8:
		return pack_text(c, from, row, n, rec, step, e);
	default:
		break;
	}
	if (c->null_bit < 0 || from->valid == NULL)
		return 0;
	rec += p->null_off + c->null_bit / 8;
	to = rec - p->null_off - c->null_bit / 8 + c->off;
	for (int64_t i = 0; i < n; i++, rec += step, to += step) {
		if (vmf_bit(from->valid, row + i))
			continue;
		*rec = (uint8_t)(*rec | 1 << c->null_bit % 8);
		memset(to, 0, (size_t)slot_bytes(c->type));
	}
	return 0;
}

static int
pack_some(struct vmf_pack *p, const struct vmf_batch *b, int64_t from,
    int64_t n, const int32_t *id, uint8_t *rec, struct vmf_err *e)
{
	const int64_t *t = b->col[p->time_in].d.i64 + from;
	uint8_t *to = rec;
	int rc = 0;

	if (p->clear)
		memset(rec, 0, (size_t)(n * p->rec_bytes));
	for (int64_t i = 0; i < n; i++, to += p->rec_bytes) {
		struct vmf_rec h = { .t = t[i], .id = id[i] };

		memcpy(to, &h, sizeof(h));
	}
	for (int i = 0; rc == 0 && i < p->n_cols; i++) {
		struct vmf_pack_col *c = &p->col[i];

		if (c->in < 0)
			pack_missing(p, c, n, rec);
		else
			rc = pack_col(p, c, &b->col[c->in], from, n, rec, e);
	}
	return rc;
}

int
vmf_pack_rows(struct vmf_pack *p, const struct vmf_batch *b, int64_t from,
    int64_t n, const int32_t *id, void *rec, struct vmf_err *e)
{
	uint8_t *to = rec;
	int64_t k;
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < n; i += k) {
		k = n - i < PASS_ROWS ? n - i : PASS_ROWS;
		rc = pack_some(p, b, from + i, k, id + i,
		    to + i * p->rec_bytes, e);
	}
	return rc;
}

/* Our code in the output column's dictionary. */
static int32_t
recode(struct vmf_recode *r, const struct vmf_dict *from, int32_t code,
    struct vmf_dict *to, struct vmf_err *e)
{
	int64_t len;
	const char *s;

	if (r->gen != to->gen) {
		r->gen = to->gen;
		r->n = 0;
	}
	if (code >= r->n) {
		if (vmf_grow(&r->to, &r->cap, from->n, e) != 0)
			return -1;
		memset(r->to + r->n, 0xff,
		    (size_t)(from->n - r->n) * sizeof(*r->to));
		r->n = from->n;
	}
	if (r->to[code] < 0) {
		s = vmf_dict_str(from, code, &len);
		r->to[code] = vmf_dict_intern(to, s, len, e);
	}
	return r->to[code];
}

static int
put_code(struct vmf_col *c, int32_t code, struct vmf_err *e)
{
	int rc;

	if (c->valid != NULL) {
		/* The column has had nulls: let it keep its own books. */
		int64_t len;
		const char *s = vmf_dict_str(c->dict, code, &len);

		return vmf_col_put_str(c, s, len, e);
	}
	rc = vmf_grow(&c->d.i32, &c->d_cap, c->n + 1, e);
	if (rc == 0)
		c->d.i32[c->n++] = code;
	return rc;
}

static int
emit_text(struct vmf_pack_col *c, const uint8_t *const *rec, int64_t n,
    struct vmf_col *to, struct vmf_err *e)
{
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < n; i++) {
		int32_t code;
		int64_t len;
		const char *s;

		memcpy(&code, rec[i] + c->off, sizeof(code));
		if (code < 0) {
			rc = vmf_col_put_null(to, e);
		} else if (to->is_dict) {
			code = recode(&c->recode, &c->strs, code, to->dict,
			    e);
			rc = code < 0 ? VMF_ENOMEM : put_code(to, code, e);
		} else {
			s = vmf_dict_str(&c->strs, code, &len);
			rc = vmf_col_put_str(to, s, len, e);
		}
	}
	return rc;
}

static int
emit_int(const struct vmf_pack *p, const struct vmf_pack_col *c,
    const uint8_t *const *rec, int64_t n, struct vmf_col *to,
    struct vmf_err *e)
{
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < n; i++) {
		int32_t v32;
		int64_t v64;

		if (vmf_pack_null(p, c, rec[i])) {
			rc = vmf_col_put_null(to, e);
		} else if (slot_bytes(c->type) == 8) {
			memcpy(&v64, rec[i] + c->off, sizeof(v64));
			rc = vmf_col_put_int(to, v64, e);
		} else {
			memcpy(&v32, rec[i] + c->off, sizeof(v32));
			rc = c->type == VMF_BOOL ?
			    vmf_col_put_bool(to, v32 != 0, e) :
			    vmf_col_put_int(to, v32, e);
		}
	}
	return rc;
}

static int
emit_col(struct vmf_pack *p, struct vmf_pack_col *c,
    const uint8_t *const *rec, int64_t n, struct vmf_col *to,
    struct vmf_err *e)
{
	float *f;
	double *d;
	int rc = 0;

	switch (c->type) {
	case VMF_FLOAT32:
		f = vmf_col_extend(to, n, e);
		for (int64_t i = 0; f != NULL && i < n; i++)
			memcpy(&f[i], rec[i] + c->off, sizeof(float));
		return f == NULL ? VMF_ENOMEM : 0;
	case VMF_FLOAT64:
		d = vmf_col_extend(to, n, e);
		for (int64_t i = 0; d != NULL && i < n; i++)
			memcpy(&d[i], rec[i] + c->off, sizeof(double));
		return d == NULL ? VMF_ENOMEM : 0;
	case VMF_UTF8:
		return emit_text(c, rec, n, to, e);
	case VMF_NULL:
		for (int64_t i = 0; rc == 0 && i < n; i++)
			rc = vmf_col_put_null(to, e);
		return rc;
	default:
		return emit_int(p, c, rec, n, to, e);
	}
}

static int
emit_some(struct vmf_pack *p, const uint8_t *const *rec, int64_t n,
    const struct vmf_ids *ids, struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_col *vm = &b->col[p->vm];
	struct vmf_recode *known = &p->vm_recode;
	int32_t *code;
	int64_t *t;
	int rc = 0;

	code = vmf_col_extend(vm, n, e);
	t = vmf_col_extend(&b->col[p->time], n, e);
	if (code == NULL || t == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		struct vmf_rec h;

		memcpy(&h, rec[i], sizeof(h));
		t[i] = h.t;
		code[i] = h.id < known->n && known->gen == vm->dict->gen ?
		    known->to[h.id] : -1;
		if (code[i] < 0)
			code[i] = recode(known, &ids->dict, h.id, vm->dict,
			    e);
		if (code[i] < 0)
			return VMF_ENOMEM;
	}
	for (int c = 0; rc == 0 && c < p->n_cols; c++)
		rc = emit_col(p, &p->col[c], rec, n, &b->col[p->col[c].col],
		    e);
	b->n += n;
	return rc;
}

int
vmf_pack_emit(struct vmf_pack *p, const uint8_t *const *rec, int64_t n,
    const struct vmf_ids *ids, struct vmf_batch *b, struct vmf_err *e)
{
	int64_t k;
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < n; i += k) {
		k = n - i < PASS_ROWS ? n - i : PASS_ROWS;
		rc = emit_some(p, rec + i, k, ids, b, e);
	}
	return rc;
}

bool
vmf_pack_null(const struct vmf_pack *p, const struct vmf_pack_col *c,
    const void *rec)
{
	const uint8_t *r = rec;
	int32_t code;

	if (c->null_bit >= 0)
		return vmf_bit(r + p->null_off, c->null_bit);
	if (c->type == VMF_UTF8) {
		memcpy(&code, r + c->off, sizeof(code));
		return code < 0;
	}
	return c->type == VMF_NULL || isnan(vmf_pack_num(c, rec));
}

int64_t
vmf_pack_int(const struct vmf_pack_col *c, const void *rec)
{
	const uint8_t *at = (const uint8_t *)rec + c->off;
	int32_t v32;
	int64_t v64;

	if (c->type == VMF_INT32) {
		memcpy(&v32, at, sizeof(v32));
		return v32;
	}
	memcpy(&v64, at, sizeof(v64));
	return v64;
}

void
vmf_pack_put_int(const struct vmf_pack_col *c, void *rec, int64_t v)
{
	uint8_t *at = (uint8_t *)rec + c->off;
	int32_t v32 = (int32_t)v;

	if (c->type == VMF_INT32)
		memcpy(at, &v32, sizeof(v32));
	else
		memcpy(at, &v, sizeof(v));
}

double
vmf_pack_num(const struct vmf_pack_col *c, const void *rec)
{
	const uint8_t *at = (const uint8_t *)rec + c->off;
	float f;
	double d;

	if (c->type == VMF_FLOAT32) {
		memcpy(&f, at, sizeof(f));
		return (double)f;
	}
	memcpy(&d, at, sizeof(d));
	return d;
}

void
vmf_pack_put_num(const struct vmf_pack_col *c, void *rec, double v)
{
	uint8_t *at = (uint8_t *)rec + c->off;
	float f = (float)v;

	if (c->type == VMF_FLOAT32)
		memcpy(at, &f, sizeof(f));
	else
		memcpy(at, &v, sizeof(v));
}

bool
vmf_pack_less(const struct vmf_pack_col *c, const void *a, const void *b)
{
	return vmf_pack_is_whole(c) ?
	    vmf_pack_int(c, a) < vmf_pack_int(c, b) :
	    vmf_pack_num(c, a) < vmf_pack_num(c, b);
}

bool
vmf_pack_equal(const struct vmf_pack *p, const struct vmf_pack_col *c,
    const void *a, const void *b)
{
	bool na = vmf_pack_null(p, c, a), nb = vmf_pack_null(p, c, b);

	if (na || nb)
		return na && nb;
	if (c->type == VMF_FLOAT32 || c->type == VMF_FLOAT64)
		return vmf_pack_num(c, a) == vmf_pack_num(c, b);
	return memcmp((const uint8_t *)a + c->off,
	    (const uint8_t *)b + c->off, (size_t)slot_bytes(c->type)) == 0;
}

void
vmf_pack_copy(const struct vmf_pack *p, const struct vmf_pack_col *c,
    void *to, const void *from)
{
	uint8_t *t = to;
	const uint8_t *f = from;
	int64_t at;
	int bit;

	memcpy(t + c->off, f + c->off, (size_t)slot_bytes(c->type));
	if (c->null_bit < 0)
		return;
	at = p->null_off + c->null_bit / 8;
	bit = 1 << c->null_bit % 8;
	t[at] = (uint8_t)((t[at] & ~bit) | (f[at] & bit));
}

int64_t
vmf_pack_bytes(const struct vmf_pack *p)
{
	int64_t sum = p->vm_recode.cap * (int64_t)sizeof(int32_t);

	for (int i = 0; i < p->n_cols; i++)
		sum += vmf_dict_bytes(&p->col[i].strs) +
		    (p->col[i].map.cap + p->col[i].recode.cap) *
		    (int64_t)sizeof(int32_t);
	return sum;
}

void
vmf_pack_free(struct vmf_pack *p)
{
	for (int i = 0; i < p->n_cols; i++) {
		vmf_dict_free(&p->col[i].strs);
		vmf_remap_free(&p->col[i].map);
		free(p->col[i].recode.to);
	}
	free(p->col);
	free(p->vm_recode.to);
	*p = (struct vmf_pack){ 0 };
}
