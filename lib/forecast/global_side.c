/* SPDX-License-Identifier: MIT */
/* What else a row of series has: other lists, and numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "forecast/global.h"

static bool
is_number(enum vmf_type type)
{
	return type == VMF_INT32 || type == VMF_INT64 ||
	    type == VMF_FLOAT32 || type == VMF_FLOAT64;
}

static bool
is_list(enum vmf_type type)
{
	return type == VMF_LIST_FLOAT32 || type == VMF_LIST_FLOAT64;
}

void
vmf_side_cols(struct vmf_side_cols *c, const struct vmf_global *g,
    const struct vmf_schema *s)
{
	c->n_sides = g->n_sides;
	c->n_traits = g->n_traits;
	for (int k = 0; k < g->n_sides; k++) {
		int i = vmf_schema_find(s, g->side[k]);

		c->list[k] = i >= 0 && is_list(s->field[i].type) ? i : -1;
	}
	for (int k = 0; k < g->n_traits; k++) {
		int i = vmf_schema_find(s, g->trait[k]);

		c->trait[k] = i >= 0 && (is_number(s->field[i].type) ||
		    s->field[i].type == VMF_UTF8) ? i : -1;
	}
}

void
vmf_side_rows_clear(struct vmf_side_rows *r)
{
	r->n = r->n_values = 0;
}

int
vmf_side_rows_add(struct vmf_side_rows *r, const struct vmf_side_cols *c,
    struct vmf_series *s, int64_t i, int64_t at, struct vmf_err *e)
{
	int64_t row = r->n;
	int rc;

	if ((rc = vmf_grow(&r->side, &r->side_cap, row + 1, e)) != 0 ||
	    (rc = vmf_grow(&r->y, &r->y_cap, (row + 1) * c->n_sides + 1,
	    e)) != 0 ||
	    (rc = vmf_grow(&r->at, &r->at_cap, (row + 1) * c->n_sides + 1,
	    e)) != 0 ||
	    (rc = vmf_grow(&r->trait, &r->trait_cap,
	    (row + 1) * c->n_traits + 1, e)) != 0)
		return rc;
	for (int k = 0; k < c->n_sides; k++) {
		struct vmf_slice *y = &r->y[row * c->n_sides + k];

		*y = (struct vmf_slice){ 0 };
		if (c->list[k] >= 0 && (rc = vmf_series_slice(s, i,
		    c->list[k], at, y, e)) != 0)
			return rc;
		if ((rc = vmf_grow(&r->values, &r->values_cap,
		    r->n_values + y->n + 1, e)) != 0)
			return rc;
		if (y->n > 0)
			memcpy(r->values + r->n_values, y->y,
			    (size_t)y->n * sizeof(double));
		r->at[row * c->n_sides + k] = r->n_values;
		r->n_values += y->n;
	}
	for (int k = 0; k < c->n_traits; k++)
		r->trait[row * c->n_traits + k] = c->trait[k] < 0 ? NAN :
		    (float)vmf_series_number(s, i, c->trait[k]);
	r->n++;
	return 0;
}

void
vmf_side_rows_end(struct vmf_side_rows *r, const struct vmf_side_cols *c)
{
	for (int64_t row = 0; row < r->n; row++) {
		for (int k = 0; k < c->n_sides; k++)
			r->y[row * c->n_sides + k].y = r->values +
			    r->at[row * c->n_sides + k];
		r->side[row] = (struct vmf_side){ .n = c->n_sides,
		    .y = r->y + row * c->n_sides, .n_traits = c->n_traits,
		    .trait = r->trait + row * c->n_traits };
	}
}

void
vmf_side_rows_free(struct vmf_side_rows *r)
{
	free(r->side);
	free(r->y);
	free(r->trait);
	free(r->values);
	free(r->at);
	*r = (struct vmf_side_rows){ 0 };
}
