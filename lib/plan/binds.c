/* SPDX-License-Identifier: MIT */
#include "plan/binds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"
#include "plan/plan.h"

#define NAME_MOST 255	/* longer ones are taken as they are */
#define NAMED_MOST 3	/* in a message */
#define NAME_SHOWN 200	/* bytes of each */

static const char *const columns[] = { "pinned", "deadline",
    "anti_affinity", NULL };

/* A name in small letters, without the port that an address may have; to
 * holds NAME_MOST bytes.  Its length, or 0 for none. */
static int64_t
fold(char *to, const char *s, int64_t len)
{
	const char *colon = memchr(s, ':', (size_t)len);

	if (colon != NULL && memchr(colon + 1, ':',
	    (size_t)(s + len - colon - 1)) == NULL)
		len = colon - s;
	if (len > NAME_MOST)
		return 0;
	for (int64_t i = 0; i < len; i++)
		to[i] = s[i] >= 'A' && s[i] <= 'Z' ?
		    (char)(s[i] - 'A' + 'a') : s[i];
	return len;
}

/* Of equal names the first row. */
static int
enter(struct vmf_dict *d, int64_t **rows, int64_t *cap, const char *s,
    int64_t len, int64_t row, struct vmf_err *e)
{
	int64_t n = d->n;
	int32_t code = vmf_dict_intern(d, s, len, e);
	int rc;

	if (code < 0)
		return VMF_ENOMEM;
	if (code < n)
		return 0;
	if ((rc = vmf_grow(rows, cap, n + 1, e)) != 0)
		return rc;
	(*rows)[code] = row;
	return 0;
}

static bool
binds(const char *column, const char *cell)
{
	if (cell == NULL)
		return false;
	if (strcmp(column, "pinned") == 0)
		return vmf_plan_yes(cell, (int64_t)strlen(cell)) != 0;
	/* In a column of times these are missing. */
	return strcmp(column, "deadline") != 0 ||
	    (strcasecmp(cell, "NA") != 0 && strcasecmp(cell, "nan") != 0);
}

static int
add_bound(struct vmf_binds *b, int64_t row, struct vmf_err *e)
{
	char name[NAME_MOST];
	int64_t len;
	const char *id = vmf_dict_str(&b->inv->vm, (int32_t)row, &len);
	int rc;

	b->bound[row] = true;
	if ((len = fold(name, id, len)) == 0)
		return 0;
	if ((rc = enter(&b->name, &b->name_row, &b->name_cap, name, len, row,
	    e)) != 0)
		return rc;
	for (int64_t k = 1; k < len; k++)
		if (name[k] == '.' && (rc = enter(&b->shorter,
		    &b->shorter_row, &b->shorter_cap, name, k, row, e)) != 0)
			return rc;
	return 0;
}

int
vmf_binds_open(struct vmf_binds *b, const struct vmf_inventory *inv,
    struct vmf_err *e)
{
	int64_t n = inv->vm.n;
	int rc;

	b->inv = inv;
	b->bound = vmf_calloc(n, (int64_t)sizeof(*b->bound), e);
	b->seen = vmf_calloc(n, (int64_t)sizeof(*b->seen), e);
	b->alike = vmf_calloc(n, (int64_t)sizeof(*b->alike), e);
	if (b->bound == NULL || b->seen == NULL || b->alike == NULL)
		return VMF_ENOMEM;
	for (int k = 0; columns[k] != NULL; k++) {
		int c = vmf_schema_find(&inv->schema, columns[k]);

		if (!vmf_inventory_tells(inv, columns[k]))
			continue;
		for (int64_t i = 0; i < n; i++)
			if (!b->bound[i] && binds(columns[k],
			    vmf_inventory_cell(inv, i, c)) &&
			    (rc = add_bound(b, i, e)) != 0)
				return rc;
	}
	return 0;
}

/* The row of one bound whose name this may be another form of, or -1. */
static int64_t
find_alike(const struct vmf_binds *b, const char *id, int64_t len)
{
	char name[NAME_MOST];
	int64_t n = fold(name, id, len);
	int32_t code;

	if (n == 0)
		return -1;
	if ((code = vmf_dict_find(&b->name, name, n)) >= 0)
		return b->name_row[code];
	for (int64_t k = n - 1; k > 0; k--)
		if (name[k] == '.' &&
		    (code = vmf_dict_find(&b->name, name, k)) >= 0)
			return b->name_row[code];
	code = vmf_dict_find(&b->shorter, name, n);
	return code >= 0 ? b->shorter_row[code] : -1;
}

int
vmf_binds_vm(struct vmf_binds *b, const char *id, int64_t len,
    struct vmf_err *e)
{
	int64_t row = vmf_dict_find(&b->inv->vm, id, len);

	b->n_vms++;
	if (row >= 0) {
		b->seen[row] = true;
		return 0;
	}
	b->n_unknown++;
	if ((row = find_alike(b, id, len)) < 0 || b->alike[row] != NULL)
		return 0;
	b->alike[row] = vmf_strndup(id, len, e);
	return b->alike[row] == NULL ? VMF_ENOMEM : 0;
}

/* Append to text, used of whose size bytes are, those lost that the samples
 * have under a name like theirs, or the others. */
static size_t
put_names(const struct vmf_binds *b, bool alike, int *named, char *text,
    size_t used, size_t size)
{
	char as[NAME_SHOWN + 4], other[NAME_SHOWN + 4];

	for (int64_t i = 0; i < b->inv->vm.n && *named < NAMED_MOST; i++) {
		int64_t len;
		const char *id = vmf_dict_str(&b->inv->vm, (int32_t)i, &len);

		if (!b->bound[i] || b->seen[i] ||
		    (b->alike[i] != NULL) != alike)
			continue;
		snprintf(as, sizeof(as), "%.*s",
		    (int)vmf_utf8_cut(id, len, NAME_SHOWN), id);
		used += (size_t)snprintf(text + used, size - used, "%s'%s'",
		    (*named)++ > 0 ? ", " : "", as);
		if (!alike)
			continue;
		vmf_utf8_text(other, sizeof(other), b->alike[i]);
		used += (size_t)snprintf(text + used, size - used,
		    " (the samples have '%s')", other);
	}
	return used;
}

bool
vmf_binds_doubt(const struct vmf_binds *b, char text[VMF_BINDS_DOUBT])
{
	size_t used, size = VMF_BINDS_DOUBT;
	char name[204];
	int64_t lost = 0;
	int named = 0;

	if (b->inv == NULL || b->n_unknown == 0)
		return false;
	for (int64_t i = 0; i < b->inv->vm.n; i++)
		lost += b->bound[i] && !b->seen[i];
	if (lost == 0)
		return false;
	vmf_utf8_text(name, sizeof(name), b->inv->name);
	used = (size_t)snprintf(text, size, "%s: %" PRId64 " VM%s pinned, or "
	    "with a deadline or anti_affinity, %s no samples: ", name, lost,
	    lost == 1 ? "" : "s", lost == 1 ? "has" : "have");
	used = put_names(b, true, &named, text, used, size);
	used = put_names(b, false, &named, text, used, size);
	used += (size_t)snprintf(text + used, size - used, "%s; ",
	    lost > named ? ", ..." : "");
	snprintf(text + used, size - used, "%" PRId64 " of %" PRId64 " VMs "
	    "with samples are not in it, and nothing binds them",
	    b->n_unknown, b->n_vms);
	return true;
}

void
vmf_binds_free(struct vmf_binds *b)
{
	for (int64_t i = 0; b->alike != NULL && i < b->inv->vm.n; i++)
		free(b->alike[i]);
	free(b->alike);
	free(b->bound);
	free(b->seen);
	free(b->name_row);
	free(b->shorter_row);
	vmf_dict_free(&b->name);
	vmf_dict_free(&b->shorter);
}
