/* SPDX-License-Identifier: MIT */
#include "series/unite.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "series/readings.h"

/* True where both are there and differ. */
static bool
differ(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) != 0;
}

/* A key of the metadata that the column does not have yet. */
static int
take_meta(struct vmf_field *to, const struct vmf_field *from,
    const char *key, struct vmf_err *e)
{
	const char *v = vmf_meta_get(&from->meta, key);

	return v == NULL || vmf_meta_get(&to->meta, key) != NULL ? 0 :
	    vmf_meta_set(&to->meta, key, v, e);
}

/* Field f of the stream of that name is column i. */
static int
unite_field(struct vmf_unite *u, int i, const struct vmf_field *f,
    const char *name, struct vmf_err *e)
{
	struct vmf_field *had = &u->schema.field[i];
	const char *unit = vmf_meta_get(&had->meta, "unit");
	const char *is_unit = vmf_meta_get(&f->meta, "unit");
	const char *ext;
	int rc;

	/* Without a type there is nothing in it. */
	if (f->type == VMF_NULL)
		return 0;
	if (had->type == VMF_NULL) {
		vmf_field_retype(had, f->type, f->dict);
		u->of[i] = name;
		if ((rc = take_meta(had, f, "role", e)) != 0)
			return rc;
	}
	if (had->type != f->type)
		return vmf_fail(e, VMF_EDATA, "%s: column '%.99s' is %s, "
		    "expected %s as in %s", name, f->name,
		    vmf_type_name(f->type), vmf_type_name(had->type),
		    u->of[i]);
	if (vmf_field_role(had) != vmf_field_role(f))
		return vmf_fail(e, VMF_EDATA, "%s: column '%.99s' is %s, "
		    "expected %s as in %s", name, f->name,
		    vmf_field_role(f) == VMF_ROLE_METRIC ? "a metric" :
		    "an attribute", vmf_field_role(had) == VMF_ROLE_METRIC ?
		    "a metric" : "an attribute", u->of[i]);
	if (differ(unit, is_unit))
		return vmf_fail(e, VMF_EDATA, "%s: column '%.99s' is in "
		    "%.99s, expected %.99s as in %s", name, f->name, is_unit,
		    unit, u->of[i]);
	/* An extension of the type holds for all rows or for none. */
	ext = vmf_meta_get(&f->meta, VMF_EXTENSION_NAME);
	if (ext == NULL || differ(ext, vmf_meta_get(&had->meta,
	    VMF_EXTENSION_NAME)))
		vmf_field_unnamed(had);
	if (is_unit != NULL && unit == NULL)
		u->of[i] = name;
	return take_meta(had, f, "unit", e);
}

static int
add_field(struct vmf_unite *u, const struct vmf_field *f, const char *name,
    struct vmf_err *e)
{
	int i = vmf_schema_add_field(&u->schema, f, e), rc;

	if (i < 0)
		return i;
	rc = vmf_grow(&u->of, &u->of_cap, u->schema.n, e);
	if (rc != 0)
		return rc;
	u->of[i] = name;
	return 0;
}

/* The metadata of the first, and the commands that made each. */
static int
unite_meta(struct vmf_unite *u, const struct vmf_schema *s, bool first,
    struct vmf_err *e)
{
	const char *had = vmf_meta_get(&u->schema.meta, "vmf:history");
	const char *has = vmf_meta_get(&s->meta, "vmf:history");
	struct vmf_buf both = { 0 };
	int rc = 0;

	for (int i = 0; rc == 0 && first && i < s->meta.n; i++)
		rc = vmf_meta_set(&u->schema.meta, s->meta.key[i],
		    s->meta.value[i], e);
	if (rc != 0 || first || has == NULL)
		return rc;
	if (had != NULL)
		rc = vmf_buf_printf(&both, e, "%s\n", had);
	if (rc == 0)
		rc = vmf_buf_put(&both, has, (int64_t)strlen(has) + 1, e);
	if (rc == 0)
		rc = vmf_meta_set(&u->schema.meta, "vmf:history",
		    (const char *)both.p, e);
	vmf_buf_free(&both);
	return rc;
}

int
vmf_unite_add(struct vmf_unite *u, const struct vmf_schema *s,
    const char *name, struct vmf_err *e)
{
	struct vmf_readings r;
	bool first = u->schema.n == 0;
	int rc = vmf_readings_bind(&r, s, name, e);

	for (int i = 0; rc == 0 && i < s->n; i++) {
		const struct vmf_field *f = &s->field[i];
		enum vmf_role role = vmf_field_role(f);
		int had = first ? -1 : vmf_schema_find(&u->schema, f->name);

		if (role == VMF_ROLE_LIST || role == VMF_ROLE_ODD)
			rc = vmf_fail(e, VMF_EDATA, "%s: column '%s' is %s, "
			    "expected a number, text, bool or timestamp",
			    name, f->name, vmf_type_name(f->type));
		else
			rc = had < 0 ? add_field(u, f, name, e) :
			    unite_field(u, had, f, name, e);
	}
	return rc != 0 ? rc : unite_meta(u, s, first, e);
}

void
vmf_unite_free(struct vmf_unite *u)
{
	vmf_schema_free(&u->schema);
	free(u->of);
	*u = (struct vmf_unite){ 0 };
}
