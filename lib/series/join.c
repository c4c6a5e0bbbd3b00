/* SPDX-License-Identifier: MIT */
#include "series/join.h"

#include <csv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"

#define READ_BYTES (64 * 1024)
#define EXACT_MAX ((int64_t)1 << 53)	/* of whole numbers in a double */

/* A file being parsed. */
struct parse {
	struct vmf_inventory *inv;
	struct vmf_err *e;
	int rc;
	int64_t line;		/* of the bytes being fed */
	int64_t row_line;	/* on which the present row began */
	int64_t quote_line;	/* and the field that is in quotes; 0: none */
	bool in_row;
	bool have_header;
	int vm_col;
	int64_t n_fields;	/* of the present row */
	int64_t n_cols;		/* of the header, the VM's included */
	struct vmf_schema header;
	char *vm;		/* of the present row */
	int64_t vm_len, vm_cap;
};

static int
bad(struct parse *p, int64_t line, const char *what)
{
	return vmf_fail(p->e, VMF_EDATA, "%s:%lld: %s", p->inv->name,
	    (long long)line, what);
}

static int
add_cell(struct parse *p, const char *s, int64_t len)
{
	struct vmf_inventory *inv = p->inv;
	int rc;

	rc = vmf_grow(&inv->cell, &inv->cell_cap, inv->n_cells + 1, p->e);
	if (rc == 0)
		rc = vmf_grow(&inv->text, &inv->text_cap,
		    inv->text_n + len + 1, p->e);
	if (rc != 0)
		return rc;
	inv->cell[inv->n_cells++] = len > 0 ? inv->text_n : -1;
	if (len > 0) {
		memcpy(inv->text + inv->text_n, s, (size_t)len);
		inv->text[inv->text_n + len] = '\0';
		inv->text_n += len + 1;
	}
	return 0;
}

/* Names that mean something to a command, which spreadsheets write in
 * capitals as well. */
static const char *
known_name(const char *name)
{
	static const char *const known[] = { "vm", "host", "cluster", "target",
	    "vcpus", "cpus", "mem_mb", "cpu_capacity_mhz", "pinned",
	    "deadline", "anti_affinity" };

	for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
		if (strcasecmp(name, known[k]) == 0)
			return known[k];
	return name;
}

static int
add_header(struct parse *p, const char *s, int64_t len)
{
	char *name = vmf_strndup(s, len, p->e);
	int rc;

	if (name == NULL)
		return VMF_ENOMEM;
	/* As long as the name itself. */
	memmove(name, known_name(name), strlen(name));
	if (len == 0)
		rc = bad(p, p->row_line, "found a column without a name");
	else if (vmf_schema_find(&p->header, name) >= 0)
		rc = vmf_fail(p->e, VMF_EDATA, "%s:%lld: found column '%s' "
		    "twice", p->inv->name, (long long)p->row_line, name);
	else
		rc = vmf_schema_add(&p->header, name, VMF_UTF8, false, p->e);
	free(name);
	return rc < 0 ? rc : 0;
}

static int
add_field(struct parse *p, const char *s, int64_t len)
{
	int rc;

	if (!vmf_utf8_valid(s, len))
		return bad(p, p->row_line, "found bytes that are not UTF-8 "
		    "text");
	if (!p->have_header)
		return add_header(p, s, len);
	if (p->n_fields >= p->n_cols)
		return 0;	/* the row's end tells */
	if (p->n_fields != p->vm_col)
		return add_cell(p, s, len);
	rc = vmf_grow(&p->vm, &p->vm_cap, len + 1, p->e);
	if (rc == 0 && len > 0)
		memcpy(p->vm, s, (size_t)len);
	p->vm_len = len;
	return rc;
}

static void
on_field(void *s, size_t len, void *arg)
{
	struct parse *p = arg;

	p->quote_line = 0;
	if (p->rc != 0)
		return;
	if (!p->in_row) {
		p->in_row = true;
		p->row_line = p->line;
		p->n_fields = 0;
	}
	p->rc = add_field(p, s, (int64_t)len);
	p->n_fields++;
}

static int
end_header(struct parse *p)
{
	bool is_vm = strcmp(p->inv->key, "vm") == 0;

	p->have_header = true;
	p->n_cols = p->header.n;
	p->vm_col = vmf_schema_find(&p->header, p->inv->key);
	for (int i = 0; is_vm && p->vm_col < 0 && i < p->header.n; i++)
		if (strcasecmp(p->header.field[i].name, "id") == 0)
			p->vm_col = i;
	if (p->vm_col < 0)
		return vmf_fail(p->e, VMF_EDATA, "%s:%lld: found no column "
		    "'%s'%s in the header, expected one%s", p->inv->name,
		    (long long)p->row_line, p->inv->key, is_vm ?
		    " or 'id'" : "", p->header.n == 1 &&
		    strpbrk(p->header.field[0].name, ";\t|") != NULL ?
		    ", and commas between columns" : "");
	for (int i = 0; i < p->header.n; i++) {
		int rc = i == p->vm_col ? 0 : vmf_schema_add_field(
		    &p->inv->schema, &p->header.field[i], p->e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What a row is, for people. */
static const char *
what(const struct parse *p)
{
	return strcmp(p->inv->key, "vm") == 0 ? "VM" : p->inv->key;
}

static int
end_row(struct parse *p)
{
	int64_t n = p->inv->vm.n;
	int32_t code;

	if (!p->have_header)
		return end_header(p);
	if (p->n_fields != p->n_cols)
		return vmf_fail(p->e, VMF_EDATA, "%s:%lld: found %lld "
		    "fields, expected %lld as in the header", p->inv->name,
		    (long long)p->row_line, (long long)p->n_fields,
		    (long long)p->n_cols);
	if (p->vm_len == 0)
		return vmf_fail(p->e, VMF_EDATA, "%s:%lld: found an empty "
		    "%s name", p->inv->name, (long long)p->row_line,
		    what(p));
	code = vmf_dict_intern(&p->inv->vm, p->vm, p->vm_len, p->e);
	if (code < 0)
		return VMF_ENOMEM;
	if (code != n)
		return vmf_fail(p->e, VMF_EDATA, "%s:%lld: found %s '%.*s' "
		    "again, expected each %s once", p->inv->name,
		    (long long)p->row_line, what(p),
		    (int)(p->vm_len < 200 ? p->vm_len : 200), p->vm,
		    what(p));
	return 0;
}

static void
on_row(int end, void *arg)
{
	struct parse *p = arg;

	(void)end;
	if (p->rc == 0 && p->in_row)
		p->rc = end_row(p);
	p->in_row = false;
}

static int
feed(struct parse *p, struct csv_parser *csv, const char *s, int64_t n)
{
	if (csv_parse(csv, s, (size_t)n, on_field, on_row, p) != (size_t)n &&
	    p->rc == 0)
		p->rc = vmf_fail(p->e, VMF_EDATA, "%s:%lld: %s",
		    p->inv->name, (long long)p->line,
		    csv_strerror(csv_error(csv)));
	if (csv->quoted && p->quote_line == 0)
		p->quote_line = p->line;
	return p->rc;
}

/* A physical line at a time, to know each row's line. */
static int
parse_fd(struct parse *p, struct csv_parser *csv, int fd)
{
	char *buf = vmf_calloc(READ_BYTES, 1, p->e);
	bool first = true;
	int64_t got = 0;
	int rc = buf == NULL ? VMF_ENOMEM : 0;

	p->line = 1;
	while (rc == 0 && (got = vmf_read_full(fd, buf, READ_BYTES,
	    p->inv->name, p->e)) > 0) {
		char *s = buf, *end = buf + got;

		if (first && got >= 2 && memcmp(s, "\x1f\x8b", 2) == 0) {
			rc = vmf_fail(p->e, VMF_EDATA, "%s: gzip, expected "
			    "CSV as text (unpack it: gzip -d)", p->inv->name);
			break;
		}
		if (first && got >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
			s += 3;
		first = false;
		while (rc == 0 && s < end) {
			char *nl = memchr(s, '\n', (size_t)(end - s));
			char *to = nl != NULL ? nl + 1 : end;

			rc = feed(p, csv, s, to - s);
			p->line += nl != NULL;
			s = to;
		}
	}
	if (rc == 0 && got < 0)
		rc = (int)got;
	if (rc == 0) {
		if (csv_fini(csv, on_field, on_row, p) != 0 && p->rc == 0)
			p->rc = bad(p, p->quote_line, "found a quote that is "
			    "never closed");
		rc = p->rc;
	}
	if (rc == 0 && !p->have_header)
		rc = bad(p, 1, strcmp(p->inv->key, "vm") == 0 ?
		    "found no header, expected a line such as "
		    "vm,host,vcpus,mem_mb" : "found no header, expected a "
		    "line such as host,cpus,mem_mb,cluster");
	free(buf);
	return rc;
}

/* NA and nan stand for missing in a column of numbers. */
static bool
is_na(const char *s)
{
	return strcasecmp(s, "NA") == 0 || strcasecmp(s, "nan") == 0;
}

const char *
vmf_inventory_cell(const struct vmf_inventory *inv, int64_t row, int col)
{
	int64_t at = inv->cell[row * inv->schema.n + col];

	return at < 0 ? NULL : inv->text + at;
}

/* Digits that a number would not give back: 007, and more than fit into 64
 * bits.  They are names. */
static bool
is_code(const char *s, int64_t len)
{
	int64_t sign = *s == '-' || *s == '+', i;

	if (len == sign || strspn(s + sign, "0123456789") !=
	    (size_t)(len - sign))
		return false;
	return (s[sign] == '0' && len > sign + 1) ||
	    vmf_parse_int64(s, len, &i) != 0;
}

static bool
has_value(const struct vmf_inventory *inv, int col)
{
	for (int64_t row = 0; row < inv->vm.n; row++) {
		const char *s = vmf_inventory_cell(inv, row, col);

		if (s != NULL && !is_na(s))
			return true;
	}
	return false;
}

bool
vmf_inventory_tells(const struct vmf_inventory *inv, const char *name)
{
	int col = vmf_schema_find(&inv->schema, name);

	return col >= 0 && has_value(inv, col);
}

static enum vmf_type
column_type(const struct vmf_inventory *inv, int col)
{
	const char *name = inv->schema.field[col].name;
	enum vmf_type type = VMF_INT32;
	bool exact = true;

	/* Names, of which 01 and 1 are two. */
	if (strcmp(name, "host") == 0 || strcmp(name, "cluster") == 0 ||
	    strcmp(name, "target") == 0 || strcmp(name, "anti_affinity") == 0)
		return VMF_UTF8;
	/* Reckoned with, whatever is in it. */
	if (!has_value(inv, col))
		return vmf_attr_is_capacity(name) ? VMF_INT32 : VMF_UTF8;
	for (int64_t row = 0; row < inv->vm.n; row++) {
		const char *s = vmf_inventory_cell(inv, row, col);
		int64_t len, i;
		double d;

		if (s == NULL || is_na(s))
			continue;
		len = (int64_t)strlen(s);
		if (is_code(s, len) && !vmf_attr_is_capacity(name))
			return VMF_UTF8;
		if (vmf_parse_int64(s, len, &i) == 0) {
			exact = exact && i >= -EXACT_MAX && i <= EXACT_MAX;
			if (type == VMF_INT32 && (i < INT32_MIN ||
			    i > INT32_MAX))
				type = VMF_INT64;
		} else if (vmf_parse_double(s, len, &d) == 0 && isfinite(d)) {
			type = VMF_FLOAT64;
		} else {
			return VMF_UTF8;
		}
	}
	return exact || type == VMF_INT64 ? type : VMF_UTF8;
}

/* Columns that are reckoned with must hold numbers above 0: one word in vcpus
 * would make every VM of the fleet weigh 1. */
static int
check_numbers(const struct vmf_inventory *inv, int col, struct vmf_err *e)
{
	const char *name = inv->schema.field[col].name;
	bool must = vmf_attr_is_capacity(name);

	for (int64_t row = 0; must && row < inv->vm.n; row++) {
		const char *s = vmf_inventory_cell(inv, row, col), *vm;
		int64_t len;
		double d;

		if (s == NULL || is_na(s) || (vmf_parse_double(s,
		    (int64_t)strlen(s), &d) == 0 && isfinite(d) && d > 0.0))
			continue;
		vm = vmf_dict_str(&inv->vm, (int32_t)row, &len);
		return vmf_fail(e, VMF_EDATA, "%s: column '%s' of %s "
		    "'%.*s': found '%.40s', expected a number above 0",
		    inv->name, name, inv->key, (int)(len < 99 ? len : 99),
		    vm, s);
	}
	return 0;
}

int
vmf_inventory_read(struct vmf_inventory *inv, const char *path,
    struct vmf_err *e)
{
	return vmf_inventory_read_by(inv, "vm", path, e);
}

int
vmf_inventory_read_by(struct vmf_inventory *inv, const char *key,
    const char *path, struct vmf_err *e)
{
	struct parse p = { .inv = inv, .e = e };
	struct csv_parser csv;
	int fd, rc;

	*inv = (struct vmf_inventory){ .key = key };
	inv->name = vmf_strdup(vmf_in_name(path), e);
	if (inv->name == NULL)
		return VMF_ENOMEM;
	rc = vmf_open_in(path, &fd, e);
	if (rc != 0)
		return rc;
	if (csv_init(&csv, CSV_STRICT | CSV_STRICT_FINI) != 0) {
		vmf_close_in(fd);
		return vmf_fail_nomem(e, sizeof(csv));
	}
	rc = parse_fd(&p, &csv, fd);
	csv_free(&csv);
	vmf_close_in(fd);
	vmf_schema_free(&p.header);
	free(p.vm);
	for (int i = 0; rc == 0 && i < inv->schema.n; i++) {
		inv->schema.field[i].type = column_type(inv, i);
		rc = check_numbers(inv, i, e);
	}
	return rc;
}

static int
set_cell(struct vmf_attr *a, int32_t id, const char *s, struct vmf_err *e)
{
	int64_t len = (int64_t)strlen(s);
	union vmf_value v = { .i = 0 };

	if (a->type == VMF_UTF8)
		return vmf_attr_set_str(a, id, s, len, e);
	if (a->type == VMF_FLOAT64) {
		if (vmf_parse_double(s, len, &v.f) != 0)
			return 0;
	} else if (vmf_parse_int64(s, len, &v.i) != 0) {
		return 0;
	}
	vmf_attr_set(a, id, v);
	return 0;
}

static int
apply_column(const struct vmf_inventory *inv, int col,
    const struct vmf_ids *ids, struct vmf_attrs *attrs, struct vmf_err *e)
{
	const struct vmf_field *f = &inv->schema.field[col];
	int k = vmf_attrs_find(attrs, f->name), rc = 0;

	/* What is there has its values and its type. */
	if (k >= 0 && attrs->attr[k].type != VMF_UTF8 && !has_value(inv, col))
		return 0;
	if (k < 0)
		k = vmf_attrs_add(attrs, f, -1, e);
	if (k < 0)
		return k;
	rc = vmf_attrs_convert(attrs, k,
	    vmf_attr_common(f->name, attrs->attr[k].type, f->type), e);
	for (int32_t row = 0; rc == 0 && row < inv->vm.n; row++) {
		const char *s = vmf_inventory_cell(inv, row, col);
		const char *vm;
		int64_t len;
		int32_t id;

		/* In a column of its numbers, whatever the stream has. */
		if (s == NULL || (f->type != VMF_UTF8 && is_na(s)))
			continue;
		vm = vmf_dict_str(&inv->vm, row, &len);
		id = vmf_dict_find(&ids->dict, vm, len);
		if (id >= 0)
			rc = set_cell(&attrs->attr[k], id, s, e);
	}
	return rc;
}

int
vmf_inventory_apply(const struct vmf_inventory *inv, struct vmf_ids *ids,
    struct vmf_attrs *attrs, struct vmf_err *e)
{
	int rc;

	for (int32_t row = 0; row < inv->vm.n; row++) {
		int64_t len;
		const char *vm = vmf_dict_str(&inv->vm, row, &len);

		if (vmf_ids_add(ids, vm, len, e) < 0)
			return VMF_ENOMEM;
	}
	rc = vmf_attrs_room(attrs, ids->dict.n, e);
	for (int i = 0; rc == 0 && i < inv->schema.n; i++)
		rc = apply_column(inv, i, ids, attrs, e);
	return rc;
}

int64_t
vmf_inventory_rows(const struct vmf_inventory *inv)
{
	return inv->vm.n;
}

int64_t
vmf_inventory_bytes(const struct vmf_inventory *inv)
{
	return inv->text_cap + 8 * inv->cell_cap + vmf_dict_bytes(&inv->vm);
}

void
vmf_inventory_free(struct vmf_inventory *inv)
{
	free(inv->name);
	vmf_schema_free(&inv->schema);
	vmf_dict_free(&inv->vm);
	free(inv->text);
	free(inv->cell);
	*inv = (struct vmf_inventory){ 0 };
}
