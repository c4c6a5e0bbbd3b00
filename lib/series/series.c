/* SPDX-License-Identifier: MIT */
#include "series/series.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"

#define STEP_MAX (INT64_C(366) * 86400)

static int
meta_time(const struct vmf_schema *s, const char *name, const char *key,
    int64_t *t, struct vmf_err *e)
{
	const char *v = vmf_meta_get(&s->meta, key);

	*t = VMF_TIME_NONE;
	if (v == NULL)
		return 0;
	if (vmf_time_parse_rfc3339(v, (int64_t)strlen(v), t) != 0 ||
	    *t < VMF_TIME_LO || *t > VMF_TIME_HI)
		return vmf_fail(e, VMF_EDATA,
		    "%s: metadata %s is '%.64s', expected a time such as "
		    "2024-05-01T00:00:00Z", name, key, v);
	return 0;
}

int
vmf_grid_read(struct vmf_grid *g, const struct vmf_schema *s,
    const char *name, int64_t step_opt, int64_t at_opt, struct vmf_err *e)
{
	const char *v = vmf_meta_get(&s->meta, "vmf:step");
	char when[32];
	int rc;

	*g = (struct vmf_grid){ .step_s = step_opt };
	if (v != NULL) {
		if (vmf_parse_int64(v, (int64_t)strlen(v), &g->step_s) != 0 ||
		    g->step_s <= 0)
			return vmf_fail(e, VMF_EDATA,
			    "%s: metadata vmf:step is '%.64s', expected a "
			    "positive number of seconds", name, v);
		if (step_opt != 0 && step_opt != g->step_s)
			return vmf_fail(e, VMF_EUSAGE,
			    "%s: metadata vmf:step is %" PRId64
			    " s, but --step is %" PRId64 " s", name,
			    g->step_s, step_opt);
	}
	if (g->step_s == 0)
		return vmf_fail(e, VMF_EDATA,
		    "%s: metadata vmf:step is missing (some tools drop it); "
		    "expected it or --step", name);
	if (g->step_s > STEP_MAX)
		return vmf_fail(e, VMF_EDATA,
		    "%s: a step of %" PRId64 " s, expected at most %" PRId64,
		    name, g->step_s, STEP_MAX);
	if ((rc = meta_time(s, name, "vmf:start", &g->start, e)) != 0 ||
	    (rc = meta_time(s, name, "vmf:end", &g->end, e)) != 0)
		return rc;
	if (g->end != VMF_TIME_NONE && g->end % g->step_s != 0) {
		vmf_time_format_utc(g->end, when);
		return vmf_fail(e, VMF_EDATA,
		    "%s: metadata vmf:end is %s, expected a multiple of the "
		    "step, %" PRId64 " s", name, when, g->step_s);
	}
	if (at_opt != VMF_TIME_NONE) {
		if (at_opt < VMF_TIME_LO || at_opt > VMF_TIME_HI)
			return vmf_fail(e, VMF_EUSAGE,
			    "--at is %" PRId64 " s since 1970, expected a "
			    "time in the years 1 to 9999", at_opt);
		if (at_opt % g->step_s != 0) {
			vmf_time_format_utc(at_opt, when);
			return vmf_fail(e, VMF_EUSAGE,
			    "--at is %s, expected a multiple of the step, "
			    "%" PRId64 " s, since 1970", when, g->step_s);
		}
		g->end = at_opt;
	}
	return 0;
}

int
vmf_grid_need_end(const struct vmf_grid *g, const char *name,
    struct vmf_err *e)
{
	if (g->end == VMF_TIME_NONE)
		return vmf_fail(e, VMF_EDATA,
		    "%s: metadata vmf:end is missing (no series has a "
		    "sample, or some tool dropped it); expected it or --at",
		    name);
	return 0;
}

int
vmf_grid_write(const struct vmf_grid *g, struct vmf_schema *s,
    struct vmf_err *e)
{
	char step[32], start[32], end[32];
	int rc;

	snprintf(step, sizeof(step), "%" PRId64, g->step_s);
	if (g->start != VMF_TIME_NONE)
		vmf_time_format_utc(g->start, start);
	if (g->end != VMF_TIME_NONE)
		vmf_time_format_utc(g->end, end);
	if ((rc = vmf_meta_set(&s->meta, "vmf:step", step, e)) != 0 ||
	    (rc = vmf_meta_set(&s->meta, "vmf:start",
	    g->start == VMF_TIME_NONE ? NULL : start, e)) != 0)
		return rc;
	return vmf_meta_set(&s->meta, "vmf:end",
	    g->end == VMF_TIME_NONE ? NULL : end, e);
}

static int
find_column(const struct vmf_series *s, const char *name, int *col,
    struct vmf_err *e)
{
	if ((*col = vmf_schema_find(s->schema, name)) < 0)
		return vmf_fail(e, VMF_EDATA,
		    "%s: no column '%s', which every series and forecast has",
		    vmf_reader_name(s->r), name);
	return 0;
}

int
vmf_series_open(struct vmf_series *s, struct vmf_reader *r, const char *kind,
    int64_t step_opt, int64_t at_opt, struct vmf_err *e)
{
	const char *name = vmf_reader_name(r), *found;
	const struct vmf_field *f;
	struct vmf_grid own;
	int rc;

	s->r = r;
	s->schema = vmf_reader_schema(r);
	found = vmf_meta_get(&s->schema->meta, "vmf:kind");
	if (found != NULL && strcmp(found, kind) != 0)
		return vmf_fail(e, VMF_EDATA,
		    "%s: a stream of kind '%.32s', expected '%s'", name,
		    found, kind);
	if ((rc = vmf_grid_read(&own, s->schema, name, step_opt,
	    VMF_TIME_NONE, e)) != 0 ||
	    (rc = vmf_grid_read(&s->grid, s->schema, name, step_opt, at_opt,
	    e)) != 0 ||
	    (rc = find_column(s, "id", &s->id, e)) != 0 ||
	    (rc = find_column(s, "start", &s->start, e)) != 0)
		return rc;
	s->limit = own.end == VMF_TIME_NONE ? VMF_TIME_HI : own.end;
	f = &s->schema->field[s->id];
	if (f->type != VMF_UTF8)
		return vmf_fail(e, VMF_EDATA, "%s: column 'id' is %s, "
		    "expected utf8", name, vmf_type_name(f->type));
	f = &s->schema->field[s->start];
	if (f->type != VMF_TIME && f->type != VMF_NULL)
		return vmf_fail(e, VMF_EDATA, "%s: column 'start' is %s, "
		    "expected a timestamp", name, vmf_type_name(f->type));
	s->list = vmf_calloc(s->schema->n, (int64_t)sizeof(*s->list), e);
	if (s->list == NULL)
		return VMF_ENOMEM;
	for (int c = 0; c < s->schema->n; c++) {
		f = &s->schema->field[c];
		if (f->type == VMF_LIST_FLOAT32 ||
		    f->type == VMF_LIST_FLOAT64)
			s->list[s->n_lists++] = c;
	}
	if (s->n_lists == 0)
		return vmf_fail(e, VMF_EDATA, "%s: no column is a list of "
		    "numbers; expected a %s", name, kind);
	return 0;
}

int
vmf_series_on_clock(struct vmf_series *s, struct vmf_wall *w,
    const char *zone, struct vmf_err *e)
{
	int rc = zone == NULL ? 0 : vmf_wall_open(w, zone, s->grid.step_s, e);

	s->wall = w;
	return rc;
}

void
vmf_series_free(struct vmf_series *s)
{
	free(s->list);
	free(s->last_id);
	free(s->buf);
	free(s->laid);
	*s = (struct vmf_series){ 0 };
}

int
vmf_id_cmp(const char *a, int64_t a_len, const char *b, int64_t b_len)
{
	int64_t n = a_len < b_len ? a_len : b_len;
	int c = n > 0 ? memcmp(a, b, (size_t)n) : 0;

	return c != 0 ? c : (a_len > b_len) - (a_len < b_len);
}

const char *
vmf_series_id(const struct vmf_series *s, int64_t i, int64_t *len)
{
	return vmf_col_str(&s->b->col[s->id], i, len);
}

const char *
vmf_series_word(const struct vmf_series *s, int64_t i, int col,
    char room[VMF_WORD_ROOM], int64_t *len)
{
	const struct vmf_col *c = col < 0 ? NULL : &s->b->col[col];
	const char *word = NULL;

	*len = 0;
	if (c == NULL || !vmf_col_valid(c, i))
		return NULL;
	if (c->type == VMF_UTF8) {
		word = vmf_col_str(c, i, len);
	} else if (c->type == VMF_INT32 || c->type == VMF_INT64) {
		/* A double cannot tell all of these apart. */
		*len = snprintf(room, VMF_WORD_ROOM, "%" PRId64,
		    c->type == VMF_INT32 ? c->d.i32[i] : c->d.i64[i]);
		word = room;
	} else if (!isnan(vmf_col_num(c, i))) {
		*len = vmf_format_double(vmf_col_num(c, i), room);
		word = room;
	}
	return *len > 0 ? word : NULL;
}

double
vmf_series_number(const struct vmf_series *s, int64_t i, int col)
{
	const struct vmf_col *c = &s->b->col[col];
	const char *text;
	double v = NAN;
	int64_t len;

	if (c->type != VMF_UTF8)
		return vmf_col_num(c, i);
	text = vmf_col_str(c, i, &len);
	return text != NULL && vmf_parse_double(text, len, &v) == 0 ? v : NAN;
}

/* UTC, VMF_TIME_NONE where row i has none. */
static int64_t
start_of(const struct vmf_series *s, int64_t i)
{
	const struct vmf_col *c = &s->b->col[s->start];

	return c->type == VMF_TIME && vmf_col_valid(c, i) ?
	    c->d.i64[i] : VMF_TIME_NONE;
}

int64_t
vmf_series_start(const struct vmf_series *s, int64_t i)
{
	int64_t start = start_of(s, i);

	return start == VMF_TIME_NONE ? start : vmf_wall_of(s->wall, start);
}

static int64_t
list_len(const struct vmf_col *c, int64_t i)
{
	int64_t n;

	if (c->type == VMF_LIST_FLOAT32)
		(void)vmf_col_list32(c, i, &n);
	else
		(void)vmf_col_list64(c, i, &n);
	return n;
}

/* Lists of row i: equally long or missing, with a start, not past the end. */
static int
check_lists(const struct vmf_series *s, int64_t i, struct vmf_err *e)
{
	int64_t start = start_of(s, i), n = 0, step = s->grid.step_s;
	const char *name = vmf_reader_name(s->r), *first = NULL;
	char text[32];

	if (start != VMF_TIME_NONE &&
	    (start < VMF_TIME_LO || start > VMF_TIME_HI))
		return vmf_fail(e, VMF_EDATA,
		    "%s: row %" PRId64 ": start is %" PRId64
		    " s since 1970, expected a time in the years 1 to 9999",
		    name, s->row + i, start);
	if (start != VMF_TIME_NONE && start % step != 0) {
		vmf_time_format_utc(start, text);
		return vmf_fail(e, VMF_EDATA,
		    "%s: row %" PRId64 ": start is %s, expected a multiple "
		    "of the step, %" PRId64 " s", name, s->row + i, text,
		    step);
	}
	for (int l = 0; l < s->n_lists; l++) {
		const struct vmf_col *c = &s->b->col[s->list[l]];
		const char *col = s->schema->field[s->list[l]].name;
		int64_t k = list_len(c, i);

		if (k == 0)
			continue;
		if (first != NULL && k != n)
			return vmf_fail(e, VMF_EDATA,
			    "%s: row %" PRId64 ": '%s' has %" PRId64
			    " steps and '%s' has %" PRId64 ", expected "
			    "lists equally long", name, s->row + i, first,
			    n, col, k);
		first = col;
		n = k;
	}
	if (n == 0)
		return 0;
	if (start == VMF_TIME_NONE)
		return vmf_fail(e, VMF_EDATA,
		    "%s: row %" PRId64 ": '%s' has %" PRId64 " steps but "
		    "'start' is missing", name, s->row + i, first, n);
	if (n > (s->limit - start) / step) {
		vmf_time_format_utc(s->limit, text);
		return vmf_fail(e, VMF_EDATA,
		    "%s: row %" PRId64 ": %" PRId64 " steps reach past the "
		    "end of the grid, %s", name, s->row + i, n, text);
	}
	return 0;
}

static int
keep_last_id(struct vmf_series *s, const char *id, int64_t len,
    struct vmf_err *e)
{
	int rc = vmf_grow(&s->last_id, &s->last_cap, len + 1, e);

	if (rc != 0)
		return rc;
	if (len > 0)
		memcpy(s->last_id, id, (size_t)len);
	s->last_len = len;
	return 0;
}

int
vmf_series_next(struct vmf_series *s, struct vmf_err *e)
{
	const char *prev = s->last_id, *id = NULL;
	int64_t prev_len = s->last_len, len = 0;
	int got, rc;

	if ((got = vmf_reader_next(s->r, &s->b, e)) <= 0)
		return got;
	s->row = vmf_reader_row(s->r);
	for (int64_t i = 0; i < s->b->n; i++) {
		id = vmf_series_id(s, i, &len);
		if (id == NULL)
			return vmf_fail(e, VMF_EDATA,
			    "%s: row %" PRId64 ": id is missing",
			    vmf_reader_name(s->r), s->row + i);
		if (prev != NULL &&
		    vmf_id_cmp(prev, prev_len, id, len) >= 0)
			return vmf_fail(e, VMF_EDATA,
			    "%s: row %" PRId64 ": id '%.*s' follows '%.*s', "
			    "expected ids that ascend (by bytes), each once",
			    vmf_reader_name(s->r), s->row + i,
			    (int)(len > 200 ? 200 : len), id,
			    (int)(prev_len > 200 ? 200 : prev_len), prev);
		if ((rc = check_lists(s, i, e)) != 0)
			return rc;
		prev = id;
		prev_len = len;
	}
	if (s->b->n > 0 && (rc = keep_last_id(s, id, len, e)) != 0)
		return rc;
	return 1;
}

int
vmf_series_metric(const struct vmf_series *s, const char *metric,
    struct vmf_err *e)
{
	char names[512] = "";
	int64_t used = 0;

	for (int l = 0; l < s->n_lists; l++) {
		const char *name = s->schema->field[s->list[l]].name;
		int64_t room = (int64_t)sizeof(names) - used;

		if (strcmp(name, metric) == 0)
			return s->list[l];
		if (room > 64)
			used += snprintf(names + used, (size_t)room,
			    "%s%.50s", l > 0 ? ", " : "", name);
	}
	return vmf_fail(e, VMF_EDATA,
	    "%s: no list column '%.64s'; there are %s",
	    vmf_reader_name(s->r), metric, names);
}

int
vmf_series_attributes(const struct vmf_series *s, const char *const *own,
    int *col)
{
	int n = 0;

	for (int c = 0; c < s->schema->n; c++) {
		const struct vmf_field *f = &s->schema->field[c];
		bool skip = c == s->id || c == s->start ||
		    f->type == VMF_LIST_FLOAT32 ||
		    f->type == VMF_LIST_FLOAT64;

		for (int k = 0; own[k] != NULL && !skip; k++)
			skip = strcmp(f->name, own[k]) == 0;
		if (!skip)
			col[n++] = c;
	}
	return n;
}

int
vmf_series_list(struct vmf_series *s, int64_t i, int col, const double **y,
    int64_t *n, struct vmf_err *e)
{
	const struct vmf_col *c = &s->b->col[col];
	int64_t len = list_len(c, i), unused;
	int rc;

	*n = len;
	if ((rc = vmf_grow(&s->buf, &s->buf_cap, len + 1, e)) != 0)
		return rc;
	*y = s->buf;
	if (len == 0)
		return 0;
	if (c->type == VMF_LIST_FLOAT32) {
		const float *v = vmf_col_list32(c, i, &unused);

		for (int64_t t = 0; t < len; t++)
			s->buf[t] = (double)v[t];
	} else {
		memcpy(s->buf, vmf_col_list64(c, i, &unused),
		    (size_t)len * sizeof(double));
	}
	/* What is made of it is of 32 bits. */
	for (int64_t t = 0; t < len; t++)
		if (fabs(s->buf[t]) > (double)FLT_MAX)
			return vmf_fail(e, VMF_EDATA,
			    "%s: row %" PRId64 ": '%s' is %g at item "
			    "%" PRId64 ", expected a number of at most %g, "
			    "or missing", vmf_reader_name(s->r), s->row + i,
			    s->schema->field[col].name, s->buf[t], t,
			    (double)FLT_MAX);
	if (s->wall == NULL || s->wall->n == 0)
		return 0;
	*n = vmf_wall_len(s->wall, start_of(s, i), len);
	if ((rc = vmf_grow(&s->laid, &s->laid_cap, *n + 1, e)) != 0)
		return rc;
	vmf_wall_lay(s->wall, start_of(s, i), s->buf, len, s->laid);
	*y = s->laid;
	return 0;
}

int
vmf_series_slice(struct vmf_series *s, int64_t i, int col, int64_t at,
    struct vmf_slice *y, struct vmf_err *e)
{
	int64_t start = vmf_series_start(s, i), n, first = 0;
	const double *v;
	int rc;

	*y = (struct vmf_slice){ 0 };
	if ((rc = vmf_series_list(s, i, col, &v, &n, e)) != 0)
		return rc;
	if (n == 0 || start >= at)
		return 0;
	if (n > (at - start) / s->grid.step_s)
		n = (at - start) / s->grid.step_s;
	while (n > 0 && isnan(v[n - 1]))
		n--;
	while (first < n && isnan(v[first]))
		first++;
	if (n == 0)
		return 0;
	y->y = v + first;
	y->n = n - first;
	y->gap = (at - start) / s->grid.step_s - n;
	return 0;
}
