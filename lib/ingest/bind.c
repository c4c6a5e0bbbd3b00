/* SPDX-License-Identifier: MIT */
#include "ingest/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/num.h"

const char *
vmf_show_text(const char *s, int64_t len, char buf[48])
{
	int64_t n = len > 40 ? 37 : len;

	for (int64_t i = 0; i < n; i++)
		buf[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	memcpy(buf + n, len > 40 ? "..." : "", len > 40 ? 4 : 1);
	return buf;
}

/* The other delimiter that a header of one column was written with, or 0. */
static char
likely_delim(const struct vmf_field_text *name, int64_t n)
{
	static const char often[] = ";\t|,";

	for (int k = 0; n == 1 && k < 4; k++)
		if (memchr(name->s, often[k], (size_t)name->len) != NULL)
			return often[k];
	return '\0';
}

const char *
vmf_show_names(const struct vmf_field_text *name, int64_t n,
    const char *wanted, char buf[400])
{
	char shown[48], delim = likely_delim(name, n);
	int64_t len = (int64_t)strlen(wanted);
	int used = snprintf(buf, 400, "found");

	for (int64_t i = 0; i < n && used < 300; i++)
		used += snprintf(buf + used, 400 - (size_t)used, "%s '%s'%s",
		    i > 0 ? "," : "", vmf_show_text(name[i].s, name[i].len,
		    shown), used > 240 && i + 1 < n ? ", ..." : "");
	for (int64_t i = 0; i < n; i++)
		if (name[i].len == len &&
		    strncasecmp(name[i].s, wanted, (size_t)len) == 0) {
			snprintf(buf + used, 400 - (size_t)used,
			    " (small and capital letters differ)");
			return buf;
		}
	if (delim != '\0')
		snprintf(buf + used, 400 - (size_t)used,
		    "; expected --delimiter '%s'", delim == '\t' ? "\\t" :
		    (char[2]){ delim, '\0' });
	return buf;
}

static bool
same(const struct vmf_field_text *a, const char *s, int64_t len)
{
	return a->len == len && memcmp(a->s, s, (size_t)len) == 0;
}

static int
copy_names(struct vmf_bind *b, const struct vmf_field_text *name, int64_t n,
    struct vmf_err *e)
{
	int64_t sum = 0;
	int rc;

	for (int64_t i = 0; i < n; i++)
		sum += name[i].len;
	b->name = vmf_calloc(n, sizeof(*b->name), e);
	if (b->name == NULL)
		return VMF_ENOMEM;
	rc = vmf_buf_reserve(&b->text, sum, e);
	for (int64_t i = 0; rc == 0 && i < n; i++) {
		b->name[i].s = (const char *)b->text.p + b->text.n;
		b->name[i].len = name[i].len;
		rc = vmf_buf_put(&b->text, name[i].s, name[i].len, e);
	}
	b->n_fields = n;
	return rc;
}

/* What a column is there for. */
enum use {
	USE_NONE,
	USE_MAP,
	USE_SPARE,		/* the map's, of what is not wanted */
	USE_IGNORED
};

static int
mark_ignored(const struct vmf_bind *b, uint8_t *use,
    const struct vmf_pick *pick, const char *where, struct vmf_err *e)
{
	for (int k = 0; k < pick->n_ignore; k++) {
		const char *name = pick->ignore[k];
		int64_t len = (int64_t)strlen(name);
		bool found = false;

		for (int64_t i = 0; i < b->n_fields; i++)
			if (same(&b->name[i], name, len)) {
				use[i] = USE_IGNORED;
				found = true;
			}
		if (!found)
			return vmf_fail(e, VMF_EDATA, "%s: no column '%s', "
			    "which --ignore names", where, name);
	}
	return 0;
}

/* Is the column of the stream wanted? */
static bool
wanted(const struct vmf_pick *pick, const char *name, int64_t len)
{
	for (int k = 0; k < pick->n_only; k++)
		if (vmf_names_has(pick->only[k], name, len))
			return true;
	return pick->n_only == 0;
}

int
vmf_bind_once(struct vmf_dict *seen, const struct vmf_field_text *f,
    int64_t i, const char *where, struct vmf_err *e)
{
	int64_t n = seen->n;
	int32_t code = vmf_dict_intern(seen, f->s, f->len, e);
	char shown[48];

	if (code < 0)
		return code;
	return code == n ? 0 : vmf_fail(e, VMF_EDATA, "%s: column %lld is "
	    "the second of the name '%s', expected each once", where,
	    (long long)i + 1, vmf_show_text(f->s, f->len, shown));
}

/* Names that are used must be text, not empty, and come once. */
static int
check_names(const struct vmf_bind *b, const uint8_t *use,
    const struct vmf_pick *pick, const char *where, struct vmf_err *e)
{
	struct vmf_dict seen = { 0 };
	char shown[48];
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < b->n_fields; i++) {
		const struct vmf_field_text *f = &b->name[i];

		bool unwanted = use[i] == USE_SPARE || (use[i] == USE_NONE &&
		    !b->map->wide && !wanted(pick, f->s, f->len));

		/* What is not wanted may not have the name of what is. */
		if (use[i] == USE_IGNORED || (unwanted &&
		    vmf_dict_find(&seen, f->s, f->len) < 0))
			continue;
		if (!vmf_utf8_valid(f->s, f->len)) {
			rc = vmf_fail(e, VMF_EDATA, "%s: the name of column "
			    "%lld, '%s', is not UTF-8", where,
			    (long long)i + 1,
			    vmf_show_text(f->s, f->len, shown));
			break;
		}
		if (f->len == 0) {
			if (b->map->others == VMF_OTHERS_IGNORE ||
			    i == b->time)
				continue;
			rc = vmf_fail(e, VMF_EDATA, "%s: column %lld has no "
			    "name, expected one (or --ignore '')", where,
			    (long long)i + 1);
			break;
		}
		rc = vmf_bind_once(&seen, f, i, where, e);
	}
	vmf_dict_free(&seen);
	return rc;
}

static bool
is_field(const struct vmf_bind *b, int64_t i, const struct vmf_map_ref *ref)
{
	return ref->name == NULL ? i == ref->pos - 1 :
	    same(&b->name[i], ref->name, (int64_t)strlen(ref->name));
}

/* The field that ref means. */
static int
find(struct vmf_bind *b, uint8_t *use, const struct vmf_map_ref *ref,
    const char *what, int64_t *field, const char *where, struct vmf_err *e)
{
	char found[400];
	int64_t i = 0;

	while (i < b->n_fields && !is_field(b, i, ref))
		i++;
	if (i == b->n_fields && ref->name == NULL)
		return vmf_fail(e, VMF_EDATA, "%s: found %lld columns, "
		    "expected column %lld for %s", where,
		    (long long)b->n_fields, (long long)ref->pos, what);
	if (i == b->n_fields) {
		vmf_show_names(b->name, b->n_fields, ref->name, found);
		b->lacking = ref->name;
		return vmf_fail(e, VMF_EDATA, "%s: no column '%s' for %s; "
		    "%s%s", where, ref->name, what, found,
		    strstr(found, "; expected") != NULL ? "" : "; --map "
		    "FILE.json tells which it is (--show-map prints one to "
		    "begin with)");
	}
	if (use[i] == USE_IGNORED)
		return vmf_fail(e, VMF_EDATA, "%s: column %lld is the %s of "
		    "the map, and --ignore names it", where,
		    (long long)i + 1, what);
	use[i] = USE_MAP;
	*field = i;
	return 0;
}

/* Whose field ref is, if it is there. */
static void
spare(const struct vmf_bind *b, uint8_t *use, const struct vmf_map_ref *ref)
{
	for (int64_t i = 0; i < b->n_fields; i++)
		if (use[i] == USE_NONE && is_field(b, i, ref))
			use[i] = USE_SPARE;
}

/* All fields that the map names: what is wanted must be there. */
static int
claim(struct vmf_bind *b, uint8_t *use, const struct vmf_pick *pick,
    const char *where, struct vmf_err *e)
{
	int64_t at;
	int rc = 0;

	for (int i = 0; rc == 0 && i < b->map->n_cols; i++) {
		const struct vmf_map_col *m = &b->map->col[i];
		bool want = wanted(pick, m->name, (int64_t)strlen(m->name));

		if (m->has_from && !want)
			spare(b, use, &m->from);
		else if (m->has_from)
			rc = find(b, use, &m->from, m->name, &at, where, e);
		if (m->has_percent_of && !want)
			spare(b, use, &m->percent_of);
		else if (rc == 0 && m->has_percent_of)
			rc = find(b, use, &m->percent_of, m->name, &at,
			    where, e);
		if (m->where_is != NULL && !want)
			spare(b, use, &m->where);
		else if (rc == 0 && m->where_is != NULL)
			rc = find(b, use, &m->where, m->name, &at, where, e);
	}
	return rc;
}

static int
add_col(struct vmf_bind *b, const struct vmf_bound *c, struct vmf_err *e)
{
	int rc = vmf_grow(&b->col, &b->cols_cap, b->n_cols + 1, e);

	if (rc == 0)
		b->col[b->n_cols++] = *c;
	return rc;
}

/* Of one that is scaled, a % would be said of something else. */
static bool
may_have_percent(const struct vmf_bound *c)
{
	return !c->attribute && c->unit != NULL && strcmp(c->unit, "%") == 0 &&
	    (c->scale == 1.0 || c->scale == -1.0);
}

/* The map's own metrics or attributes that are wanted. */
static int
bind_named(struct vmf_bind *b, uint8_t *use, bool attribute,
    const struct vmf_pick *pick, const char *where, struct vmf_err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < b->map->n_cols; i++) {
		const struct vmf_map_col *m = &b->map->col[i];
		struct vmf_bound c = { .attribute = attribute,
		    .type = m->type, .name = m->name, .unit = m->unit,
		    .name_len = (int64_t)strlen(m->name),
		    .scale = m->scale, .offset = m->offset, .from = -1,
		    .percent_of = -1, .where = -1 };

		if (m->attribute != attribute ||
		    !wanted(pick, c.name, c.name_len))
			continue;
		if (c.unit == NULL && !attribute)
			c.unit = vmf_map_known_unit(c.name, c.name_len);
		c.comma = b->map->comma;
		c.percent = may_have_percent(&c) && !m->has_percent_of;
		if (m->has_from)
			rc = find(b, use, &m->from, m->name, &c.from, where,
			    e);
		if (rc == 0 && m->has_percent_of)
			rc = find(b, use, &m->percent_of, m->name,
			    &c.percent_of, where, e);
		if (rc == 0 && m->where_is != NULL) {
			rc = find(b, use, &m->where, m->name, &c.where,
			    where, e);
			c.is = m->where_is;
			c.is_len = (int64_t)strlen(c.is);
		}
		if (rc == 0)
			rc = add_col(b, &c, e);
	}
	return rc;
}

/* Columns that only their names tell about. */
static int
bind_guessed(struct vmf_bind *b, const uint8_t *use, bool attribute,
    const struct vmf_pick *pick, struct vmf_err *e)
{
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < b->n_fields; i++) {
		struct vmf_bound c = { .guessed = true, .scale = 1.0,
		    .type = VMF_FLOAT32, .name = b->name[i].s,
		    .name_len = b->name[i].len, .from = i,
		    .percent_of = -1, .where = -1 };

		if (use[i] != USE_NONE || !wanted(pick, c.name, c.name_len))
			continue;
		c.attribute = vmf_map_known_attribute(c.name, c.name_len,
		    &c.type, &c.unit);
		if (!c.attribute)
			c.unit = vmf_map_known_unit(c.name, c.name_len);
		c.comma = b->map->comma;
		c.percent = may_have_percent(&c);
		if (c.attribute == attribute)
			rc = add_col(b, &c, e);
	}
	return rc;
}

static int
check_all_used(const struct vmf_bind *b, const uint8_t *use,
    const char *where, struct vmf_err *e)
{
	char shown[48];

	for (int64_t i = 0; i < b->n_fields; i++)
		if (use[i] == USE_NONE)
			return vmf_fail(e, VMF_EDATA, "%s: the map does not "
			    "know column '%s'; expected it in the map, "
			    "\"others\": \"ignore\" there, or --ignore",
			    where, vmf_show_text(b->name[i].s,
			    b->name[i].len, shown));
	return 0;
}

/* A name of --only that is none; what there is instead. */
static int
no_such(const struct vmf_bind *b, const uint8_t *use, const char *name,
    int64_t len, const char *where, struct vmf_err *e)
{
	struct vmf_field_text *there;
	char *what = vmf_strndup(name, len, e), found[400];
	int64_t n = 0;

	there = vmf_calloc(b->map->n_cols + b->n_fields, sizeof(*there), e);
	if (what == NULL || there == NULL) {
		free(what);
		free(there);
		return VMF_ENOMEM;
	}
	for (int i = 0; i < b->map->n_cols; i++)
		there[n++] = (struct vmf_field_text){ b->map->col[i].name,
		    (int64_t)strlen(b->map->col[i].name) };
	for (int64_t i = 0; b->map->others == VMF_OTHERS_GUESS &&
	    i < b->n_fields; i++)
		if (use[i] == USE_NONE)
			there[n++] = b->name[i];
	vmf_show_names(there, n, what, found);
	vmf_fail(e, VMF_EDATA, "%s: no metric or attribute '%.200s', which "
	    "--only names; %s", where, what, found);
	free(what);
	free(there);
	return VMF_EDATA;
}

static int
check_only(const struct vmf_bind *b, const uint8_t *use,
    const struct vmf_pick *pick, const char *where, struct vmf_err *e)
{
	for (int k = 0; k < pick->n_only; k++) {
		const char *at = pick->only[k], *name;
		int64_t len;

		while (vmf_names_next(&at, &name, &len)) {
			/* These two are always there. */
			bool found = vmf_names_has("vm,time", name, len);

			for (int64_t i = 0; !found && i < b->n_cols; i++)
				found = b->col[i].name_len == len &&
				    memcmp(b->col[i].name, name,
				    (size_t)len) == 0;
			if (!found)
				return no_such(b, use, name, len, where, e);
		}
	}
	return 0;
}

/* No two columns of the stream may have one name. */
static int
check_out_names(const struct vmf_bind *b, const char *where,
    struct vmf_err *e)
{
	struct vmf_dict seen = { 0 };
	char shown[48];
	int rc = 0;

	if (vmf_dict_intern(&seen, "vm", 2, e) < 0 ||
	    vmf_dict_intern(&seen, "time", 4, e) < 0)
		rc = VMF_ENOMEM;
	for (int64_t i = 0; rc == 0 && i < b->n_cols; i++) {
		const struct vmf_bound *c = &b->col[i];
		int64_t n = seen.n;
		int32_t code = vmf_dict_intern(&seen, c->name, c->name_len,
		    e);

		if (code < 0)
			rc = code;
		else if (code < n)
			rc = vmf_fail(e, VMF_EDATA, "%s: two columns would "
			    "be '%s' in the stream; --ignore one or use a "
			    "map", where,
			    vmf_show_text(c->name, c->name_len, shown));
	}
	vmf_dict_free(&seen);
	return rc;
}

static int
bind_wide(struct vmf_bind *b, const uint8_t *use, const char *where,
    struct vmf_err *e)
{
	char found[400];
	int rc = 0;

	if (likely_delim(b->name, b->n_fields) != '\0') {
		vmf_show_names(b->name, b->n_fields, "", found);
		return vmf_fail(e, VMF_EDATA, "%s: no column of a VM; %s",
		    where, found);
	}
	for (int64_t i = 0; rc == 0 && i < b->n_fields; i++) {
		if (use[i] != USE_NONE)
			continue;
		rc = vmf_grow(&b->value, &b->values_cap, b->n_values + 1, e);
		if (rc == 0)
			b->value[b->n_values++] = i;
	}
	return rc;
}

static bool
has_some_rows(const struct vmf_bind *b)
{
	bool any = false;

	for (int64_t i = 0; i < b->n_cols; i++) {
		if (!b->col[i].attribute && b->col[i].where < 0)
			return false;
		any = any || !b->col[i].attribute;
	}
	return any;
}

int
vmf_bind_make(struct vmf_bind *b, const struct vmf_map *map,
    const struct vmf_field_text *name, int64_t n, const struct vmf_pick *pick,
    const char *where, struct vmf_err *e)
{
	uint8_t *use = vmf_calloc(n, 1, e);
	int rc;

	*b = (struct vmf_bind){ .map = map, .id = -1, .time = -1 };
	if (use == NULL)
		return VMF_ENOMEM;
	rc = copy_names(b, name, n, e);
	if (rc == 0)
		rc = mark_ignored(b, use, pick, where, e);
	if (rc == 0 && !map->time_by_row)
		rc = find(b, use, &map->time, "time", &b->time, where, e);
	if (rc == 0 && !map->wide && !map->id_from_file)
		rc = find(b, use, &map->id, "vm", &b->id, where, e);
	if (rc == 0)
		rc = claim(b, use, pick, where, e);
	if (rc == 0)
		rc = check_names(b, use, pick, where, e);
	for (int attribute = 0; rc == 0 && attribute < 2; attribute++) {
		rc = bind_named(b, use, attribute, pick, where, e);
		if (rc == 0 && map->others == VMF_OTHERS_GUESS)
			rc = bind_guessed(b, use, attribute, pick, e);
	}
	if (rc == 0 && map->wide)
		rc = bind_wide(b, use, where, e);
	else if (rc == 0 && map->others == VMF_OTHERS_ERROR &&
	    pick->n_only == 0)
		rc = check_all_used(b, use, where, e);
	if (rc == 0)
		rc = check_only(b, use, pick, where, e);
	if (rc == 0)
		rc = check_out_names(b, where, e);
	b->some_rows = has_some_rows(b);
	free(use);
	return rc;
}

void
vmf_bind_free(struct vmf_bind *b)
{
	free(b->name);
	vmf_buf_free(&b->text);
	free(b->col);
	free(b->value);
	*b = (struct vmf_bind){ 0 };
}

bool
vmf_bind_same(const struct vmf_bind *b, const struct vmf_row *header)
{
	int64_t i = 0;

	while (i < b->n_fields && i < header->n &&
	    same(&b->name[i], header->field[i].s, header->field[i].len))
		i++;
	return i == b->n_fields && i == header->n;
}

/* What a field of the first file is to one of another. */
enum need {
	NEED_NONE,
	NEED_NAME,		/* wherever it is */
	NEED_PLACE		/* the map has it by its place */
};

static void
need_place(const struct vmf_bind *b, uint8_t *need,
    const struct vmf_map_ref *ref)
{
	if (ref->name == NULL && ref->pos >= 1 && ref->pos <= b->n_fields &&
	    need[ref->pos - 1] != NEED_NONE)
		need[ref->pos - 1] = NEED_PLACE;
}

static void
find_needs(const struct vmf_bind *b, uint8_t *need)
{
	const struct vmf_map *m = b->map;

	if (b->id >= 0)
		need[b->id] = NEED_NAME;
	if (b->time >= 0)
		need[b->time] = NEED_NAME;
	for (int64_t i = 0; i < b->n_cols; i++) {
		const struct vmf_bound *c = &b->col[i];

		need[c->from] = NEED_NAME;
		if (c->percent_of >= 0)
			need[c->percent_of] = NEED_NAME;
		if (c->where >= 0)
			need[c->where] = NEED_NAME;
	}
	need_place(b, need, &m->id);
	need_place(b, need, &m->time);
	for (int i = 0; i < m->n_cols; i++) {
		need_place(b, need, &m->col[i].from);
		need_place(b, need, &m->col[i].percent_of);
		need_place(b, need, &m->col[i].where);
	}
}

/* The only field of that name; -1: none, or several. */
static int64_t
find_once(const struct vmf_row *header, const struct vmf_field_text *name)
{
	int64_t at = -1;

	for (int64_t i = 0; i < header->n; i++)
		if (same(name, header->field[i].s, header->field[i].len)) {
			if (at >= 0)
				return -1;
			at = i;
		}
	return at;
}

/* The first difference between two headers. */
static int
differ(const struct vmf_bind *b, const struct vmf_row *header,
    const char *file, const char *first_file, struct vmf_err *e)
{
	static const char way[] = "--only NAME,..., or \"others\": "
	    "\"ignore\" in a map, finds columns by their names";
	char shown[48], wanted[48];
	int64_t i = 0;

	if (header->n != b->n_fields)
		return vmf_fail(e, VMF_EDATA, "%s:%lld: found %lld columns, "
		    "expected the %lld of %s; %s", file,
		    (long long)header->line, (long long)header->n,
		    (long long)b->n_fields, first_file, way);
	while (same(&b->name[i], header->field[i].s, header->field[i].len))
		i++;
	return vmf_fail(e, VMF_EDATA, "%s:%lld: column %lld is '%s', "
	    "expected '%s' as in %s; %s", file, (long long)header->line,
	    (long long)i + 1, vmf_show_text(header->field[i].s,
	    header->field[i].len, shown), vmf_show_text(b->name[i].s,
	    b->name[i].len, wanted), first_file, way);
}

int
vmf_bind_follow(const struct vmf_bind *b, const struct vmf_pick *pick,
    const struct vmf_row *header, const char *file, const char *first_file,
    int64_t *at, struct vmf_err *e)
{
	bool some = b->map->others == VMF_OTHERS_IGNORE || pick->n_only > 0;
	uint8_t *need = vmf_calloc(b->n_fields, sizeof(*need), e);
	char shown[48];
	int rc = 0;

	if (need == NULL)
		return VMF_ENOMEM;
	find_needs(b, need);
	if (!some && header->n != b->n_fields)
		rc = differ(b, header, file, first_file, e);
	for (int64_t i = 0; rc == 0 && i < b->n_fields; i++) {
		at[i] = need[i] == NEED_NONE && some ? -1 :
		    need[i] != NEED_PLACE ? find_once(header, &b->name[i]) :
		    i < header->n && same(&b->name[i], header->field[i].s,
		    header->field[i].len) ? i : -1;
		if (at[i] >= 0 || (need[i] == NEED_NONE && some))
			continue;
		if (!some)
			rc = differ(b, header, file, first_file, e);
		else
			rc = vmf_fail(e, VMF_EDATA, "%s:%lld: found the "
			    "column '%s' not at all or twice, expected it "
			    "%s, as in %s", file, (long long)header->line,
			    vmf_show_text(b->name[i].s, b->name[i].len,
			    shown), need[i] == NEED_PLACE ?
			    "in its place" : "once", first_file);
	}
	free(need);
	return rc;
}

int
vmf_bind_schema(const struct vmf_bind *b, struct vmf_schema *s,
    struct vmf_err *e)
{
	int rc = vmf_meta_set(&s->meta, "vmf:kind", "readings", e);

	if (rc == 0)
		rc = vmf_schema_add(s, "vm", VMF_UTF8, true, e);
	if (rc >= 0)
		rc = vmf_schema_add(s, "time", VMF_TIME, false, e);
	for (int64_t i = 0; rc >= 0 && i < b->n_cols; i++) {
		const struct vmf_bound *c = &b->col[i];
		char *name = vmf_strndup(c->name, c->name_len, e);
		int at;

		if (name == NULL)
			return VMF_ENOMEM;
		at = rc = vmf_schema_add(s, name, c->type,
		    c->type == VMF_UTF8, e);
		free(name);
		if (rc >= 0 && c->unit != NULL)
			rc = vmf_meta_set(&s->field[at].meta, "unit",
			    c->unit, e);
		if (rc >= 0 && c->attribute)
			rc = vmf_meta_set(&s->field[at].meta, "role",
			    "attribute", e);
	}
	return rc < 0 ? rc : 0;
}
