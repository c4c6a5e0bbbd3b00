/* SPDX-License-Identifier: MIT */
#include "series/attrs.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

static bool
is_float(enum vmf_type type)
{
	return type == VMF_FLOAT32 || type == VMF_FLOAT64;
}

static int
room_one(struct vmf_attr *at, int64_t had, int64_t n, struct vmf_err *e)
{
	int rc;

	rc = vmf_grow(&at->value, &at->value_cap, n, e);
	if (rc == 0)
		rc = vmf_grow(&at->when, &at->when_cap, n, e);
	for (int64_t i = had; rc == 0 && i < n; i++) {
		at->value[i].i = 0;
		at->when[i] = VMF_TIME_NONE;
	}
	return rc;
}

bool
vmf_attr_is_capacity(const char *name)
{
	return strcmp(name, "vcpus") == 0 || strcmp(name, "mem_mb") == 0 ||
	    strcmp(name, "cpu_capacity_mhz") == 0;
}

int
vmf_attrs_add(struct vmf_attrs *a, const struct vmf_field *f, int col,
    struct vmf_err *e)
{
	int rc;

	rc = vmf_grow(&a->attr, &a->cap, a->n + 1, e);
	if (rc != 0)
		return rc;
	rc = vmf_schema_add_field(&a->schema, f, e);
	if (rc < 0)
		return rc;
	vmf_field_retype(&a->schema.field[a->n], f->type, false);
	a->attr[a->n] = (struct vmf_attr){ .type = f->type, .col = col,
	    .above_0 = vmf_attr_is_capacity(f->name) };
	rc = room_one(&a->attr[a->n], 0, a->n_ids, e);
	if (rc == 0)
		rc = vmf_meta_set(&a->schema.field[a->n].meta, "role",
		    "attribute", e);
	a->n++;
	return rc != 0 ? rc : a->n - 1;
}

int
vmf_attrs_find(const struct vmf_attrs *a, const char *name)
{
	return vmf_schema_find(&a->schema, name);
}

int
vmf_attrs_room(struct vmf_attrs *a, int64_t n_ids, struct vmf_err *e)
{
	if (n_ids <= a->n_ids)
		return 0;
	for (int i = 0; i < a->n; i++) {
		int rc = room_one(&a->attr[i], a->n_ids, n_ids, e);

		if (rc != 0)
			return rc;
	}
	a->n_ids = n_ids;
	return 0;
}

static bool
is_number(enum vmf_type t)
{
	return t == VMF_INT32 || t == VMF_INT64 || t == VMF_FLOAT32 ||
	    t == VMF_FLOAT64;
}

enum vmf_type
vmf_attr_common(const char *name, enum vmf_type a, enum vmf_type b)
{
	if (a == b || b == VMF_NULL)
		return a;
	if (a == VMF_NULL)
		return b;
	if (!is_number(a) || !is_number(b))
		return VMF_UTF8;
	/* Whole numbers that a float64 need not hold; sizes it does. */
	if (!vmf_attr_is_capacity(name) &&
	    ((a == VMF_INT64 && (b == VMF_FLOAT32 || b == VMF_FLOAT64)) ||
	    (b == VMF_INT64 && (a == VMF_FLOAT32 || a == VMF_FLOAT64))))
		return VMF_UTF8;
	return (a == VMF_INT32 || a == VMF_INT64) &&
	    (b == VMF_INT32 || b == VMF_INT64) ? VMF_INT64 : VMF_FLOAT64;
}

bool
vmf_attr_says(const char *s, int64_t len, bool above_0)
{
	double v;

	return len > 0 && !(above_0 && vmf_parse_double(s, len, &v) == 0 &&
	    !(v > 0.0));
}

/* The code of text row i in at->strs; -1 where it is no value. */
static int
text_code(struct vmf_attr *at, const struct vmf_col *c, int64_t i,
    int32_t *code, struct vmf_err *e)
{
	const char *s;
	int64_t len;

	*code = -1;
	if (!vmf_bit(c->valid, i))
		return 0;
	if (c->is_dict) {
		int32_t old = c->d.i32[i];

		*code = at->map.to[old];
		if (*code >= 0)
			return 0;
		s = vmf_dict_str(c->dict, old, &len);
		if (*code == VMF_REMAP_NONE ||
		    !vmf_attr_says(s, len, at->above_0)) {
			*code = -1;
			return 0;
		}
		*code = vmf_remap_enter(&at->map, c->dict, old, &at->strs,
		    e);
		return *code < VMF_REMAP_NONE ? VMF_ENOMEM : 0;
	}
	s = vmf_col_str(c, i, &len);
	if (!vmf_attr_says(s, len, at->above_0))
		return 0;
	*code = vmf_dict_intern(&at->strs, s, len, e);
	return *code < 0 ? VMF_ENOMEM : 0;
}

/* The value of row i that counts, if there is one.  Of 0 and -0, which are
 * equal, there is but one, whatever the order of the rows. */
static bool
row_value(const struct vmf_col *c, int64_t i, bool above_0,
    union vmf_value *v)
{
	switch (c->type) {
	case VMF_FLOAT32:
		v->f = (double)c->d.f32[i] + 0.0;
		return above_0 ? v->f > 0.0 : !isnan(v->f);
	case VMF_FLOAT64:
		v->f = c->d.f64[i] + 0.0;
		return above_0 ? v->f > 0.0 : !isnan(v->f);
	case VMF_INT32:
		v->i = c->d.i32[i];
		return vmf_bit(c->valid, i) && (v->i > 0 || !above_0);
	case VMF_INT64:
		v->i = c->d.i64[i];
		return vmf_bit(c->valid, i) && (v->i > 0 || !above_0);
	case VMF_TIME:
		v->i = c->d.i64[i];
		return vmf_bit(c->valid, i);
	case VMF_BOOL:
		v->i = c->d.b8[i];
		return vmf_bit(c->valid, i);
	default:
		return false;
	}
}

/* True where v comes after the value that the entity has. */
static bool
is_more(const struct vmf_attr *at, int32_t id, union vmf_value v)
{
	union vmf_value old = at->value[id];
	const char *a, *b;
	int64_t la, lb;
	int cmp;

	if (is_float(at->type))
		return v.f > old.f;
	if (at->type != VMF_UTF8 || v.i == old.i)
		return v.i > old.i;
	a = vmf_dict_str(&at->strs, (int32_t)v.i, &la);
	b = vmf_dict_str(&at->strs, (int32_t)old.i, &lb);
	cmp = memcmp(a, b, (size_t)(la < lb ? la : lb));
	return cmp != 0 ? cmp > 0 : la > lb;
}

int
vmf_attrs_rows(struct vmf_attrs *a, const struct vmf_batch *b, int64_t from,
    int64_t n, const int32_t *id, const int64_t *when, struct vmf_err *e)
{
	for (int k = 0; k < a->n; k++) {
		struct vmf_attr *at = &a->attr[k];
		const struct vmf_col *c = at->col < 0 ? NULL :
		    &b->col[at->col];
		int rc = 0;

		if (c == NULL)
			continue;
		if (c->is_dict)
			rc = vmf_remap_begin(&at->map, c->dict, e);
		for (int64_t i = 0; rc == 0 && i < n; i++) {
			union vmf_value v = { .i = -1 };
			int32_t code;

			if (id[i] < 0 || when[i] < at->when[id[i]])
				continue;
			if (c->type == VMF_UTF8) {
				rc = text_code(at, c, from + i, &code, e);
				v.i = code;
				if (code < 0)
					continue;
			} else if (!row_value(c, from + i, at->above_0,
			    &v)) {
				continue;
			}
			if (when[i] == at->when[id[i]] &&
			    when[i] != VMF_TIME_NONE &&
			    !is_more(at, id[i], v))
				continue;
			at->value[id[i]] = v;
			at->when[id[i]] = when[i];
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

void
vmf_attr_set(struct vmf_attr *a, int32_t id, union vmf_value v)
{
	a->value[id] = v;
	a->when[id] = INT64_MAX;
}

int
vmf_attr_set_str(struct vmf_attr *a, int32_t id, const char *s, int64_t len,
    struct vmf_err *e)
{
	int32_t code = vmf_dict_intern(&a->strs, s, len, e);

	if (code < 0)
		return VMF_ENOMEM;
	vmf_attr_set(a, id, (union vmf_value){ .i = code });
	return 0;
}

int
vmf_attrs_convert(struct vmf_attrs *attrs, int k, enum vmf_type type,
    struct vmf_err *e)
{
	struct vmf_attr *a = &attrs->attr[k];
	enum vmf_type old = a->type;

	for (int32_t id = 0; old != type && id < attrs->n_ids; id++) {
		char buf[32];
		const char *s;
		int64_t len;
		int32_t code;

		if (!vmf_attr_has(a, id))
			continue;
		if (type == VMF_UTF8) {
			s = vmf_attr_text(a, id, buf, &len);
			code = vmf_dict_intern(&a->strs, s, len, e);
			if (code < 0)
				return VMF_ENOMEM;
			a->value[id].i = code;
		} else if (is_float(type) && !is_float(old)) {
			a->value[id].f = (double)a->value[id].i;
		}
	}
	a->type = type;
	vmf_field_retype(&attrs->schema.field[k], type, false);
	return 0;
}

double
vmf_attr_num(const struct vmf_attr *a, int32_t id)
{
	const char *s;
	int64_t len;
	double v;

	if (!vmf_attr_has(a, id))
		return (double)NAN;
	if (a->type == VMF_UTF8) {
		s = vmf_dict_str(&a->strs, (int32_t)a->value[id].i, &len);
		return vmf_parse_double(s, len, &v) == 0 ? v : (double)NAN;
	}
	return is_float(a->type) ? a->value[id].f :
	    (double)a->value[id].i;
}

const char *
vmf_attr_text(const struct vmf_attr *a, int32_t id, char buf[32],
    int64_t *len)
{
	*len = 0;
	if (!vmf_attr_has(a, id))
		return NULL;
	switch (a->type) {
	case VMF_UTF8:
		return vmf_dict_str(&a->strs, (int32_t)a->value[id].i, len);
	case VMF_FLOAT32:
		*len = vmf_format_float((float)a->value[id].f, buf);
		break;
	case VMF_FLOAT64:
		*len = vmf_format_double(a->value[id].f, buf);
		break;
	case VMF_TIME:
		*len = vmf_time_format_utc(a->value[id].i, buf);
		break;
	case VMF_BOOL:
		*len = snprintf(buf, 32, "%s", a->value[id].i != 0 ? "true" :
		    "false");
		break;
	default:
		*len = snprintf(buf, 32, "%" PRId64, a->value[id].i);
		break;
	}
	return buf;
}

int
vmf_attr_put(const struct vmf_attr *a, int32_t id, struct vmf_col *c,
    struct vmf_err *e)
{
	const char *s;
	int64_t len;

	if (!vmf_attr_has(a, id))
		return vmf_col_put_null(c, e);
	switch (a->type) {
	case VMF_UTF8:
		s = vmf_dict_str(&a->strs, (int32_t)a->value[id].i, &len);
		return vmf_col_put_str(c, s, len, e);
	case VMF_BOOL:
		return vmf_col_put_bool(c, a->value[id].i != 0, e);
	case VMF_FLOAT32:
	case VMF_FLOAT64:
		return vmf_col_put_num(c, a->value[id].f, e);
	default:
		return vmf_col_put_int(c, a->value[id].i, e);
	}
}

int64_t
vmf_attrs_bytes(const struct vmf_attrs *a)
{
	int64_t sum = 0;

	for (int i = 0; i < a->n; i++)
		sum += 16 * a->attr[i].when_cap +
		    vmf_dict_bytes(&a->attr[i].strs) +
		    4 * a->attr[i].map.cap;
	return sum;
}

void
vmf_attrs_free(struct vmf_attrs *a)
{
	for (int i = 0; i < a->n; i++) {
		struct vmf_attr *at = &a->attr[i];

		free(at->value);
		free(at->when);
		vmf_dict_free(&at->strs);
		vmf_remap_free(&at->map);
	}
	free(a->attr);
	vmf_schema_free(&a->schema);
	*a = (struct vmf_attrs){ 0 };
}
