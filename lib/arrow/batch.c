/* SPDX-License-Identifier: MIT */
/* Columns and batches in memory. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/arrow.h"
#include "base/mem.h"

static bool
is_float(enum vmf_type t)
{
	return t == VMF_FLOAT32 || t == VMF_FLOAT64;
}

/* Bytes of one element of d; 1 for text and binary. */
static int64_t
elem_bytes(const struct vmf_col *c)
{
	switch (c->type) {
	case VMF_INT32:
	case VMF_FLOAT32:
	case VMF_LIST_FLOAT32:
		return 4;
	case VMF_INT64:
	case VMF_TIME:
	case VMF_FLOAT64:
	case VMF_LIST_FLOAT64:
		return 8;
	default:
		return c->is_dict ? 4 : 1;
	}
}

static bool
has_offsets(const struct vmf_col *c)
{
	return (c->type == VMF_UTF8 && !c->is_dict) ||
	    c->type == VMF_BINARY || c->type == VMF_LIST_FLOAT32 ||
	    c->type == VMF_LIST_FLOAT64;
}

/* ---- reading ---- */

bool
vmf_col_valid(const struct vmf_col *c, int64_t i)
{
	if (c->type == VMF_FLOAT32)
		return !isnan(c->d.f32[i]);
	if (c->type == VMF_FLOAT64)
		return !isnan(c->d.f64[i]);
	return c->type != VMF_NULL && vmf_bit(c->valid, i);
}

const char *
vmf_col_str(const struct vmf_col *c, int64_t i, int64_t *len)
{
	*len = 0;
	if (c->type == VMF_NULL || !vmf_bit(c->valid, i))
		return NULL;
	if (c->is_dict)
		return vmf_dict_str(c->dict, c->d.i32[i], len);
	*len = c->off[i + 1] - c->off[i];
	return c->d.bytes + c->off[i];
}

const float *
vmf_col_list32(const struct vmf_col *c, int64_t i, int64_t *n)
{
	*n = vmf_bit(c->valid, i) ? c->off[i + 1] - c->off[i] : 0;
	return c->d.f32 + c->off[i];
}

const double *
vmf_col_list64(const struct vmf_col *c, int64_t i, int64_t *n)
{
	*n = vmf_bit(c->valid, i) ? c->off[i + 1] - c->off[i] : 0;
	return c->d.f64 + c->off[i];
}

double
vmf_col_num(const struct vmf_col *c, int64_t i)
{
	if (!is_float(c->type) &&
	    (c->type == VMF_NULL || !vmf_bit(c->valid, i)))
		return NAN;
	switch (c->type) {
	case VMF_BOOL:
		return c->d.b8[i];
	case VMF_INT32:
		return c->d.i32[i];
	case VMF_INT64:
	case VMF_TIME:
		return (double)c->d.i64[i];
	case VMF_FLOAT32:
		return (double)c->d.f32[i];
	case VMF_FLOAT64:
		return c->d.f64[i];
	default:
		return NAN;
	}
}

struct vmf_col
vmf_col_part(const struct vmf_col *c, int64_t from, int64_t n)
{
	struct vmf_col part = *c;

	assert(!has_offsets(c) && from % 8 == 0);
	part.n = n;
	if (part.valid != NULL)
		part.valid += from / 8;
	if (c->type != VMF_NULL)
		part.d.b8 += from * elem_bytes(c);
	return part;
}

/* ---- building ---- */

int
vmf_batch_init(struct vmf_batch *b, const struct vmf_schema *s,
    struct vmf_err *e)
{
	*b = (struct vmf_batch){ .owned = true };
	b->col = vmf_calloc(s->n, sizeof(*b->col), e);
	if (b->col == NULL)
		return VMF_ENOMEM;
	b->n_cols = s->n;
	for (int i = 0; i < s->n; i++) {
		struct vmf_col *c = &b->col[i];

		c->type = s->field[i].type;
		c->is_dict = s->field[i].dict;
		if (c->is_dict) {
			c->dict = vmf_calloc(1, sizeof(*c->dict), e);
			if (c->dict == NULL)
				goto fail;
			c->dict->gen = 1;
		}
		if (has_offsets(c)) {
			if (vmf_grow(&c->off, &c->off_cap, 1, e) != 0)
				goto fail;
			c->off[0] = 0;
		}
	}
	return 0;
fail:
	vmf_batch_free(b);
	return VMF_ENOMEM;
}

void
vmf_batch_clear(struct vmf_batch *b)
{
	for (int i = 0; i < b->n_cols; i++)
		b->col[i].n = 0;
	b->n = 0;
}

void
vmf_batch_free(struct vmf_batch *b)
{
	for (int i = 0; b->owned && i < b->n_cols; i++) {
		struct vmf_col *c = &b->col[i];

		free(c->valid);
		free(c->d.p);
		free(c->off);
		if (c->dict != NULL)
			vmf_dict_free(c->dict);
		free(c->dict);
	}
	free(b->col);
	*b = (struct vmf_batch){ 0 };
}

int64_t
vmf_batch_bytes(const struct vmf_batch *b)
{
	int64_t sum = 0;

	for (int i = 0; i < b->n_cols; i++) {
		const struct vmf_col *c = &b->col[i];

		if (has_offsets(c))
			sum += c->n * 4 + c->off[c->n] * elem_bytes(c);
		else
			sum += c->n * elem_bytes(c);
	}
	return sum;
}

/* Room for one row more, with its validity; n items of d after `used`. */
static int
room(struct vmf_col *c, int64_t used, int64_t n, struct vmf_err *e)
{
	int64_t need = used + n;
	int rc = 0;

	if (c->d.p == NULL || need > c->d_cap)
		rc = vmf_grow_bytes(&c->d.p, &c->d_cap, need, elem_bytes(c),
		    e);
	if (rc == 0 && has_offsets(c))
		rc = vmf_grow(&c->off, &c->off_cap, c->n + 2, e);
	return rc;
}

/*
 * The validity of the row about to be added (row c->n).  The bitmap is made
 * at the first missing value and kept from then on.
 */
static int
put_validity(struct vmf_col *c, bool valid, struct vmf_err *e)
{
	int64_t bytes = (c->n >> 3) + 1;
	int rc;

	if (c->valid == NULL) {
		if (valid)
			return 0;
		rc = vmf_grow(&c->valid, &c->valid_cap, bytes, e);
		if (rc != 0)
			return rc;
		memset(c->valid, 0xff, (size_t)bytes);
	} else {
		rc = vmf_grow(&c->valid, &c->valid_cap, bytes, e);
		if (rc != 0)
			return rc;
	}
	if ((c->n & 7) == 0)
		c->valid[bytes - 1] = 0xff;
	if (valid)
		c->valid[c->n >> 3] |= (uint8_t)(1u << (c->n & 7));
	else
		c->valid[c->n >> 3] &= (uint8_t)~(1u << (c->n & 7));
	return 0;
}

int
vmf_col_put_null(struct vmf_col *c, struct vmf_err *e)
{
	int rc;

	if (is_float(c->type))
		return vmf_col_put_num(c, NAN, e);
	if (c->type == VMF_NULL) {
		c->n++;
		return 0;
	}
	rc = room(c, has_offsets(c) ? c->off[c->n] : c->n,
	    has_offsets(c) ? 0 : 1, e);
	if (rc == 0)
		rc = put_validity(c, false, e);
	if (rc != 0)
		return rc;
	if (has_offsets(c))
		c->off[c->n + 1] = c->off[c->n];
	else
		memset((char *)c->d.p + c->n * elem_bytes(c), 0,
		    (size_t)elem_bytes(c));
	c->n++;
	return 0;
}

int
vmf_col_put_bool(struct vmf_col *c, bool v, struct vmf_err *e)
{
	int rc = room(c, c->n, 1, e);

	assert(c->type == VMF_BOOL);
	if (rc == 0)
		rc = put_validity(c, true, e);
	if (rc == 0)
		c->d.b8[c->n++] = v;
	return rc;
}

int
vmf_col_put_int(struct vmf_col *c, int64_t v, struct vmf_err *e)
{
	int rc = room(c, c->n, 1, e);

	assert(c->type == VMF_INT32 || c->type == VMF_INT64 ||
	    c->type == VMF_TIME);
	if (rc == 0)
		rc = put_validity(c, true, e);
	if (rc != 0)
		return rc;
	if (c->type == VMF_INT32) {
		assert(v >= INT32_MIN && v <= INT32_MAX);
		c->d.i32[c->n++] = (int32_t)v;
	} else {
		c->d.i64[c->n++] = v;
	}
	return 0;
}

int
vmf_col_put_num(struct vmf_col *c, double v, struct vmf_err *e)
{
	int rc;

	if (c->type == VMF_BOOL)
		return isnan(v) ? vmf_col_put_null(c, e) :
		    vmf_col_put_bool(c, v != 0.0, e);
	if (!is_float(c->type)) {
		double lo = c->type == VMF_INT32 ? -0x1p31 : -0x1p63;

		v = nearbyint(v);
		if (!(v >= lo && v < -lo))	/* NaN as well */
			return vmf_col_put_null(c, e);
		return vmf_col_put_int(c, (int64_t)v, e);
	}
	rc = room(c, c->n, 1, e);
	if (rc != 0)
		return rc;
	if (c->type == VMF_FLOAT32)
		c->d.f32[c->n++] = (float)v;
	else
		c->d.f64[c->n++] = v;
	return 0;
}

static int
too_large(struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDATA, "a batch with more than 2^31 items in "
	    "one column; expected smaller batches");
}

int
vmf_col_put_str(struct vmf_col *c, const char *s, int64_t len,
    struct vmf_err *e)
{
	int64_t used;
	int32_t code;
	int rc;

	assert(c->type == VMF_UTF8 || c->type == VMF_BINARY);
	if (c->is_dict) {
		code = vmf_dict_intern(c->dict, s, len, e);
		rc = code < 0 ? code : room(c, c->n, 1, e);
		if (rc == 0)
			rc = put_validity(c, true, e);
		if (rc == 0)
			c->d.i32[c->n++] = code;
		return rc;
	}
	used = c->off[c->n];
	if (used + len > INT32_MAX)
		return too_large(e);
	rc = room(c, used, len, e);
	if (rc == 0)
		rc = put_validity(c, true, e);
	if (rc != 0)
		return rc;
	if (len > 0)
		memcpy(c->d.bytes + used, s, (size_t)len);
	c->off[++c->n] = (int32_t)(used + len);
	return 0;
}

static int
put_list(struct vmf_col *c, const void *v, int64_t n, struct vmf_err *e)
{
	int64_t used = c->off[c->n], elem = elem_bytes(c);
	int rc;

	if (used + n > INT32_MAX)
		return too_large(e);
	rc = room(c, used, n, e);
	if (rc == 0)
		rc = put_validity(c, true, e);
	if (rc != 0)
		return rc;
	if (n > 0)
		memcpy((char *)c->d.p + used * elem, v, (size_t)(n * elem));
	c->off[++c->n] = (int32_t)(used + n);
	return 0;
}

int
vmf_col_put_list32(struct vmf_col *c, const float *v, int64_t n,
    struct vmf_err *e)
{
	assert(c->type == VMF_LIST_FLOAT32);
	return put_list(c, v, n, e);
}

int
vmf_col_put_list64(struct vmf_col *c, const double *v, int64_t n,
    struct vmf_err *e)
{
	assert(c->type == VMF_LIST_FLOAT64);
	return put_list(c, v, n, e);
}

int
vmf_col_put_from(struct vmf_col *c, const struct vmf_col *from, int64_t i,
    struct vmf_err *e)
{
	const float *f32;
	const double *f64;
	const char *s;
	int64_t n;

	assert(c->type == from->type);
	if (!is_float(from->type) &&
	    (from->type == VMF_NULL || !vmf_bit(from->valid, i)))
		return vmf_col_put_null(c, e);
	switch (c->type) {
	case VMF_BOOL:
		return vmf_col_put_bool(c, from->d.b8[i] != 0, e);
	case VMF_INT32:
		return vmf_col_put_int(c, from->d.i32[i], e);
	case VMF_INT64:
	case VMF_TIME:
		return vmf_col_put_int(c, from->d.i64[i], e);
	case VMF_FLOAT32:
		return vmf_col_put_num(c, (double)from->d.f32[i], e);
	case VMF_FLOAT64:
		return vmf_col_put_num(c, from->d.f64[i], e);
	case VMF_UTF8:
	case VMF_BINARY:
		s = vmf_col_str(from, i, &n);
		return vmf_col_put_str(c, s, n, e);
	case VMF_LIST_FLOAT32:
		f32 = vmf_col_list32(from, i, &n);
		return vmf_col_put_list32(c, f32, n, e);
	case VMF_LIST_FLOAT64:
		f64 = vmf_col_list64(from, i, &n);
		return vmf_col_put_list64(c, f64, n, e);
	default:
		return vmf_col_put_null(c, e);
	}
}

void *
vmf_col_extend(struct vmf_col *c, int64_t n, struct vmf_err *e)
{
	int64_t bytes = (c->n + n + 7) / 8, from = c->n;

	assert(!has_offsets(c) && c->type != VMF_NULL);
	if (room(c, from, n, e) != 0)
		return NULL;
	if (c->valid != NULL) {
		if (vmf_grow(&c->valid, &c->valid_cap, bytes, e) != 0)
			return NULL;
		for (int64_t i = from; i < from + n && (i & 7) != 0; i++)
			c->valid[i >> 3] |= (uint8_t)(1u << (i & 7));
		memset(c->valid + (from + 7) / 8, 0xff,
		    (size_t)(bytes - (from + 7) / 8));
	}
	c->n += n;
	return (char *)c->d.p + from * elem_bytes(c);
}

int
vmf_col_put_codes(struct vmf_col *c, const int32_t *code, int64_t n,
    struct vmf_err *e)
{
	int32_t *to;
	int rc;

	assert(c->is_dict);
	for (int64_t i = 0, run; i < n; i += run) {
		for (run = 0; i + run < n && code[i + run] >= 0;)
			run++;
		if (run > 0) {
			to = vmf_col_extend(c, run, e);
			if (to == NULL)
				return VMF_ENOMEM;
			memcpy(to, code + i, (size_t)run * sizeof(*to));
			continue;
		}
		run = 1;
		rc = vmf_col_put_null(c, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void
vmf_batch_rows(struct vmf_batch *b, int64_t n)
{
	b->n += n;
	for (int i = 0; i < b->n_cols; i++)
		assert(b->col[i].n == b->n);
}

void
vmf_batch_row(struct vmf_batch *b)
{
	vmf_batch_rows(b, 1);
}
