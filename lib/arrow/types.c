/* SPDX-License-Identifier: MIT */
/* Schema, metadata, dictionaries. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/arrow.h"
#include "base/mem.h"

const char *
vmf_type_name(enum vmf_type type)
{
	static const char *const name[] = { "null", "bool", "int32", "int64",
	    "float32", "float64", "timestamp[s, UTC]", "utf8", "binary",
	    "list<float32>", "list<float64>" };

	return name[type];
}

/*
 * A 64-bit multiply-and-fold hash over eight bytes at a time (the mixing
 * step of wyhash, by Wang Yi, in the public domain).  Not keyed: ids come
 * from the operator's own fleet.
 */
static uint64_t
hash_bytes(const char *s, int64_t len)
{
	uint64_t h = (uint64_t)len ^ 0x9e3779b97f4a7c15u, w;
	unsigned __int128 m;

	while (len > 0) {
		w = 0;
		memcpy(&w, s, len < 8 ? (size_t)len : 8);
		m = (unsigned __int128)(h ^ w) * 0xa0761d6478bd642fu;
		h = (uint64_t)m ^ (uint64_t)(m >> 64);
		s += 8;
		len -= 8;
	}
	m = (unsigned __int128)h * 0xe7037ed1a0b428dbu;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* ---- metadata ---- */

static int
meta_index(const struct vmf_meta *m, const char *key)
{
	for (int i = 0; i < m->n; i++)
		if (strcmp(m->key[i], key) == 0)
			return i;
	return -1;
}

const char *
vmf_meta_get(const struct vmf_meta *m, const char *key)
{
	int i = meta_index(m, key);

	return i < 0 ? NULL : m->value[i];
}

static void
meta_remove(struct vmf_meta *m, int i)
{
	free(m->key[i]);
	free(m->value[i]);
	m->n--;
	for (; i < m->n; i++) {
		m->key[i] = m->key[i + 1];
		m->value[i] = m->value[i + 1];
	}
}

int
vmf_meta_set(struct vmf_meta *m, const char *key, const char *value,
    struct vmf_err *e)
{
	int i = meta_index(m, key);
	size_t n = (size_t)m->n + 1;
	char *k = NULL, *v;
	char **p;

	if (value == NULL) {
		if (i >= 0)
			meta_remove(m, i);
		return 0;
	}
	v = vmf_strdup(value, e);
	if (v == NULL)
		return VMF_ENOMEM;
	if (i >= 0) {
		free(m->value[i]);
		m->value[i] = v;
		return 0;
	}
	k = vmf_strdup(key, e);
	if (k == NULL)
		goto nomem;
	p = realloc(m->key, n * sizeof(*p));
	if (p == NULL)
		goto nomem;
	m->key = p;
	p = realloc(m->value, n * sizeof(*p));
	if (p == NULL)
		goto nomem;
	m->value = p;
	m->key[m->n] = k;
	m->value[m->n] = v;
	m->n++;
	return 0;
nomem:
	free(k);
	free(v);
	return vmf_fail_nomem(e, (long long)(n * sizeof(*p)));
}

static int
meta_copy(struct vmf_meta *to, const struct vmf_meta *from, struct vmf_err *e)
{
	for (int i = 0; i < from->n; i++) {
		int rc = vmf_meta_set(to, from->key[i], from->value[i], e);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static void
meta_free(struct vmf_meta *m)
{
	for (int i = 0; i < m->n; i++) {
		free(m->key[i]);
		free(m->value[i]);
	}
	free(m->key);
	free(m->value);
	*m = (struct vmf_meta){ 0 };
}

/* ---- schema ---- */

int
vmf_schema_add(struct vmf_schema *s, const char *name, enum vmf_type type,
    bool dict, struct vmf_err *e)
{
	struct vmf_field *f;
	int rc = vmf_grow(&s->field, &s->cap, s->n + 1, e);

	if (rc != 0)
		return rc;
	f = &s->field[s->n];
	*f = (struct vmf_field){ .type = type, .dict = dict,
	    .hash = hash_bytes(name, (int64_t)strlen(name)) };
	f->name = vmf_strdup(name, e);
	if (f->name == NULL)
		return VMF_ENOMEM;
	return s->n++;
}

int
vmf_schema_add_field(struct vmf_schema *s, const struct vmf_field *f,
    struct vmf_err *e)
{
	int rc, i = vmf_schema_add(s, f->name, f->type, f->dict, e);

	if (i < 0)
		return i;
	rc = meta_copy(&s->field[i].meta, &f->meta, e);
	return rc != 0 ? rc : i;
}

void
vmf_field_unnamed(struct vmf_field *f)
{
	int i;

	if ((i = meta_index(&f->meta, VMF_EXTENSION_NAME)) >= 0)
		meta_remove(&f->meta, i);
	if ((i = meta_index(&f->meta, VMF_EXTENSION_META)) >= 0)
		meta_remove(&f->meta, i);
}

void
vmf_field_retype(struct vmf_field *f, enum vmf_type type, bool dict)
{
	if (f->type != type || f->dict != dict)
		vmf_field_unnamed(f);
	f->type = type;
	f->dict = dict;
}

int
vmf_schema_find(const struct vmf_schema *s, const char *name)
{
	uint64_t hash = hash_bytes(name, (int64_t)strlen(name));

	/* The reader looks for each of 10,000 names, all alike but at their
	 * ends. */
	for (int i = 0; i < s->n; i++)
		if (s->field[i].hash == hash &&
		    strcmp(s->field[i].name, name) == 0)
			return i;
	return -1;
}

int
vmf_schema_copy(struct vmf_schema *to, const struct vmf_schema *from,
    struct vmf_err *e)
{
	for (int i = 0; i < from->n; i++) {
		int rc = vmf_schema_add_field(to, &from->field[i], e);

		if (rc < 0)
			return rc;
	}
	return meta_copy(&to->meta, &from->meta, e);
}

void
vmf_schema_free(struct vmf_schema *s)
{
	for (int i = 0; i < s->n; i++) {
		free(s->field[i].name);
		meta_free(&s->field[i].meta);
	}
	free(s->field);
	meta_free(&s->meta);
	*s = (struct vmf_schema){ 0 };
}

/* ---- dictionaries ---- */

const char *
vmf_dict_str(const struct vmf_dict *d, int32_t code, int64_t *len)
{
	*len = d->off[code + 1] - d->off[code];
	return d->bytes + d->off[code];
}

/* The slot that holds the string, or the free one where it belongs. */
static int64_t
find_slot(const struct vmf_dict *d, const char *s, int64_t len)
{
	int64_t i = (int64_t)(hash_bytes(s, len) &
	    (uint64_t)(d->n_slots - 1));

	for (;; i = (i + 1) & (d->n_slots - 1)) {
		int32_t code = (int32_t)d->slot[i] - 1;
		int64_t n;
		const char *t;

		if (code < 0)
			return i;
		t = vmf_dict_str(d, code, &n);
		if (n == len && memcmp(t, s, (size_t)len) == 0)
			return i;
	}
}

static int
grow_slots(struct vmf_dict *d, struct vmf_err *e)
{
	int64_t n = d->n_slots == 0 ? 256 : d->n_slots * 2;
	uint32_t *slot = vmf_calloc(n, sizeof(*slot), e);

	if (slot == NULL)
		return VMF_ENOMEM;
	free(d->slot);
	d->slot = slot;
	d->n_slots = n;
	for (int32_t code = 0; code < d->n; code++) {
		int64_t len;
		const char *s = vmf_dict_str(d, code, &len);

		d->slot[find_slot(d, s, len)] = (uint32_t)code + 1;
	}
	return 0;
}

int32_t
vmf_dict_find(const struct vmf_dict *d, const char *s, int64_t len)
{
	assert(d->n_slots > 0 || d->n == 0);
	if (d->n_slots == 0)
		return -1;
	return (int32_t)d->slot[find_slot(d, s, len)] - 1;
}

int32_t
vmf_dict_intern(struct vmf_dict *d, const char *s, int64_t len,
    struct vmf_err *e)
{
	int64_t i, used;
	int rc;

	/* At most three quarters full, so that probes stay short. */
	if (d->n_slots == 0 || (d->n + 1) * 4 > d->n_slots * 3) {
		rc = grow_slots(d, e);
		if (rc != 0)
			return rc;
	}
	i = find_slot(d, s, len);
	if (d->slot[i] != 0)
		return (int32_t)d->slot[i] - 1;
	rc = vmf_grow(&d->off, &d->off_cap, d->n + 2, e);
	if (rc != 0)
		return rc;
	if (d->n == 0)
		d->off[0] = 0;
	used = d->off[d->n];
	if (used + len > INT32_MAX || d->n >= INT32_MAX - 2)
		return vmf_fail(e, VMF_EDATA,
		    "a dictionary of more than 2 GiB of strings");
	rc = vmf_grow(&d->bytes, &d->bytes_cap, used + len, e);
	if (rc != 0)
		return rc;
	if (len > 0)
		memcpy(d->bytes + used, s, (size_t)len);
	d->off[d->n + 1] = (int32_t)(used + len);
	d->slot[i] = (uint32_t)++d->n;
	return (int32_t)d->n - 1;
}

void
vmf_dict_clear(struct vmf_dict *d)
{
	if (d->n_slots > 0)
		memset(d->slot, 0, (size_t)d->n_slots * sizeof(*d->slot));
	d->n = 0;
	d->gen++;
}

void
vmf_dict_free(struct vmf_dict *d)
{
	free(d->off);
	free(d->bytes);
	free(d->valid);
	free(d->slot);
	*d = (struct vmf_dict){ 0 };
}
