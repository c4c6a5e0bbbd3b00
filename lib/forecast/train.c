/* SPDX-License-Identifier: MIT */
#include "forecast/train.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Rows that are worked on at once, and values they may have. */
#define ROWS_MAX 2048
#define VALUES_MAX (2 << 20)

void
vmf_train_free(struct vmf_train *t)
{
	for (int64_t i = 0; i < t->n_fits; i++)
		vmf_fit_free(&t->fit[i]);
	free(t->fit);
	free(t->problem);
	free(t->status);
	free(t->values);
	vmf_words_free(&t->models);
	vmf_words_free(&t->metrics);
	vmf_many_free(&t->many);
}

/* Copy the history of row i, as the batch's view of it is one at a time; row
 * is its number among those in hand. */
static int
take_row(struct vmf_train *t, struct vmf_series *s, int64_t i, int64_t row,
    struct vmf_err *e)
{
	int64_t need = (row + 1) * t->metrics.n, fits = need * t->models.n;
	int rc;

	if ((rc = vmf_grow(&t->problem, &t->problem_cap, need, e)) != 0 ||
	    (rc = vmf_grow(&t->fit, &t->fit_cap, fits, e)) != 0 ||
	    (rc = vmf_grow(&t->status, &t->status_cap, fits, e)) != 0)
		return rc;
	if (fits > t->n_fits) {
		memset(t->fit + t->n_fits, 0,
		    (size_t)(fits - t->n_fits) * sizeof(*t->fit));
		t->n_fits = fits;
	}
	for (int k = 0; k < t->metrics.n; k++) {
		struct vmf_problem *p = &t->problem[row * t->metrics.n + k];

		*p = (struct vmf_problem){ .opts = t->opts };
		if ((rc = vmf_series_slice(s, i, t->list[k], t->opts.start,
		    &p->y, e)) != 0 ||
		    (rc = vmf_grow(&t->values, &t->values_cap,
		    t->n_values + p->y.n + 1, e)) != 0)
			return rc;
		if (p->y.n > 0)
			memcpy(t->values + t->n_values, p->y.y,
			    (size_t)p->y.n * sizeof(double));
		t->n_values += p->y.n;
	}
	return 0;
}

int64_t
vmf_train_rows(struct vmf_train *t, struct vmf_series *s, int64_t i,
    struct vmf_batch *out, struct vmf_err *e)
{
	int64_t rows = 0, n, at = 0;
	int rc;

	t->n_values = 0;
	for (; i + rows < s->b->n && rows < ROWS_MAX &&
	    t->n_values < VALUES_MAX; rows++)
		if ((rc = take_row(t, s, i + rows, rows, e)) != 0)
			return rc;
	n = rows * t->metrics.n;
	for (int64_t k = 0; k < n; k++) {
		t->problem[k].y.y = t->values + at;
		at += t->problem[k].y.n;
	}
	for (int m = 0; m < t->models.n; m++) {
		for (int64_t k = 0; k < n; k++)
			t->problem[k].own = &t->fit[m * n + k];
		if ((rc = vmf_fit_many(t->algo[m], t->problem, n,
		    t->status + m * n, &t->many, e)) != 0)
			return rc;
	}
	for (int64_t k = 0; k < n; k++) {
		int64_t len;
		const char *id = vmf_series_id(s, i + k / t->metrics.n, &len);

		for (int m = 0; m < t->models.n; m++)
			if ((rc = vmf_model_put(out, id, len,
			    t->metrics.v[k % t->metrics.n],
			    t->algo[m]->name, t->status[m * n + k],
			    &t->fit[m * n + k], t->opts.start, e)) != 0)
				return rc;
		if (k % t->metrics.n == 0)
			t->n_status[t->status[k]]++;
	}
	t->n_rows += rows;
	return rows;
}
