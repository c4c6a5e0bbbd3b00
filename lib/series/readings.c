/* SPDX-License-Identifier: MIT */
#include "series/readings.h"

#include <string.h>

static bool
known_attribute(const char *name)
{
	static const char *const known[] = { "host", "cluster", "target",
	    "vcpus", "mem_mb", "cpu_capacity_mhz" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

enum vmf_role
vmf_field_role(const struct vmf_field *f)
{
	const char *role = vmf_meta_get(&f->meta, "role");
	bool attribute = (role != NULL && strcmp(role, "attribute") == 0) ||
	    known_attribute(f->name);

	switch (f->type) {
	case VMF_NULL:
		return VMF_ROLE_NONE;
	case VMF_BOOL:
	case VMF_TIME:
	case VMF_UTF8:
		return VMF_ROLE_ATTRIBUTE;
	case VMF_INT32:
	case VMF_INT64:
	case VMF_FLOAT32:
	case VMF_FLOAT64:
		return attribute ? VMF_ROLE_ATTRIBUTE : VMF_ROLE_METRIC;
	case VMF_LIST_FLOAT32:
	case VMF_LIST_FLOAT64:
		return VMF_ROLE_LIST;
	case VMF_BINARY:
		break;
	}
	return VMF_ROLE_ODD;
}

static int
find_column(const struct vmf_schema *s, const char *column,
    enum vmf_type type, const char *name, int *at, struct vmf_err *e)
{
	const char *kind = vmf_meta_get(&s->meta, "vmf:kind");

	*at = vmf_schema_find(s, column);
	if (*at < 0)
		return vmf_fail(e, VMF_EDATA, "%s: found no column '%s'%s%s, "
		    "expected readings: columns vm, time and metrics", name,
		    column, kind != NULL ? " in a stream of kind " : "",
		    kind != NULL ? kind : "");
	if (s->field[*at].type != type)
		return vmf_fail(e, VMF_EDATA, "%s: column '%s' is %s, "
		    "expected %s", name, column,
		    vmf_type_name(s->field[*at].type), vmf_type_name(type));
	return 0;
}

int
vmf_readings_bind(struct vmf_readings *r, const struct vmf_schema *s,
    const char *name, struct vmf_err *e)
{
	int rc;

	*r = (struct vmf_readings){ .name = name, .schema = s };
	rc = find_column(s, "vm", VMF_UTF8, name, &r->vm, e);
	if (rc == 0)
		rc = find_column(s, "time", VMF_TIME, name, &r->time, e);
	return rc;
}

static int
missing(const struct vmf_readings *r, const char *what, int64_t row,
    struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDATA, "%s: row %lld: found no %s (null), "
	    "expected one in every row", r->name, (long long)row, what);
}

/* Codes through the remap table: the usual case, no hashing. */
static int
ids_of_codes(struct vmf_readings *r, const struct vmf_col *c, int64_t from,
    int64_t n, const uint8_t *skip, int64_t first_row, struct vmf_ids *ids,
    int32_t *id, struct vmf_err *e)
{
	int rc = vmf_remap_begin(&r->map, c->dict, e);

	if (rc != 0)
		return rc;
	if (skip == NULL && c->valid == NULL) {
		int32_t odd = 0;

		for (int64_t i = 0; i < n; i++) {
			id[i] = r->map.to[c->d.i32[from + i]];
			odd |= id[i];
		}
		if (odd >= 0)
			return 0;
	}
	for (int64_t i = 0; i < n; i++) {
		int32_t code;

		id[i] = -1;
		if (skip != NULL && skip[i])
			continue;
		if (!vmf_bit(c->valid, from + i))
			return missing(r, "vm", first_row + from + i, e);
		code = c->d.i32[from + i];
		id[i] = r->map.to[code];
		if (id[i] == VMF_REMAP_NEW)
			id[i] = vmf_remap_enter(&r->map, c->dict, code,
			    &ids->dict, e);
		if (id[i] == VMF_REMAP_NONE)
			return missing(r, "vm", first_row + from + i, e);
		if (id[i] < 0)
			return VMF_ENOMEM;
	}
	return 0;
}

static int
ids_of_text(struct vmf_readings *r, const struct vmf_col *c, int64_t from,
    int64_t n, const uint8_t *skip, int64_t first_row, struct vmf_ids *ids,
    int32_t *id, struct vmf_err *e)
{
	const char *last = NULL;
	int64_t last_len = -1, len;
	int32_t last_id = -1;

	for (int64_t i = 0; i < n; i++) {
		const char *s;

		id[i] = -1;
		if (skip != NULL && skip[i])
			continue;
		s = vmf_col_str(c, from + i, &len);
		if (s == NULL)
			return missing(r, "vm", first_row + from + i, e);
		if (len != last_len || memcmp(s, last, (size_t)len) != 0) {
			last_id = vmf_ids_add(ids, s, len, e);
			if (last_id < 0)
				return VMF_ENOMEM;
			last = s;
			last_len = len;
		}
		id[i] = last_id;
	}
	return 0;
}

int
vmf_readings_ids(struct vmf_readings *r, const struct vmf_batch *b,
    int64_t from, int64_t n, const uint8_t *skip, int64_t first_row,
    struct vmf_ids *ids, int32_t *id, struct vmf_err *e)
{
	const struct vmf_col *c = &b->col[r->vm];
	const struct vmf_col *t = &b->col[r->time];

	for (int64_t i = 0; t->valid != NULL && i < n; i++)
		if (!vmf_bit(t->valid, from + i))
			return missing(r, "time", first_row + from + i, e);
	return (c->is_dict ? ids_of_codes : ids_of_text)(r, c, from, n, skip,
	    first_row, ids, id, e);
}

int64_t
vmf_readings_bytes(const struct vmf_readings *r)
{
	return r->map.cap * (int64_t)sizeof(*r->map.to);
}

void
vmf_readings_free(struct vmf_readings *r)
{
	vmf_remap_free(&r->map);
	*r = (struct vmf_readings){ 0 };
}
