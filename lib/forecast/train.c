/* SPDX-License-Identifier: MIT */
#include "forecast/train.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "forecast/parts.h"

/* Rows that are worked on at once, and values they may have; more of them
 * where a device has threads for them: of 2,016 steps, two full batches for
 * each of its streams. */
#define ROWS_MAX 2048
#define VALUES_MAX (2 << 20)
#define DEVICE_ROWS_MAX 262144
#define DEVICE_VALUES_MAX (256 << 20)

void
vmf_train_free(struct vmf_train *t)
{
	for (int64_t i = 0; i < t->n_fits; i++)
		vmf_fit_free(&t->fit[i]);
	for (int64_t i = 0; i < t->n_known; i++)
		vmf_fit_free(&t->known[i]);
	free(t->fit);
	free(t->known);
	free(t->gone);
	free(t->problem);
	free(t->status);
	free(t->values);
	free(t->id_end);
	vmf_buf_free(&t->id);
	vmf_words_free(&t->models);
	vmf_words_free(&t->metrics);
	vmf_many_free(&t->many);
}

int
vmf_train_algos(struct vmf_train *t, const char *models, const char *without,
    struct vmf_err *e)
{
	int code = t->update != NULL ? VMF_EDATA : VMF_EUSAGE;
	int rc = vmf_words_parse(&t->models, models, "--model", code, e);

	for (int i = 0; rc == 0 && i < t->models.n; i++) {
		const char *name = t->models.v[i];

		t->algo[i] = vmf_algo_find(name, (int64_t)strlen(name));
		if (t->algo[i] == NULL)
			rc = vmf_algo_unknown(name, "", code, e);
	}
	return rc != 0 || without == NULL ? rc : vmf_parts_leave(t->algo,
	    t->models.n, t->less, without, t->update != NULL ?
	    "vmf:without" : "--without", code, e);
}

/* An id that the series do not have any more, counted once for all of its
 * parts. */
static int
count_gone(struct vmf_train *t, const struct vmf_part *part,
    struct vmf_err *e)
{
	int rc;

	if (part->id == NULL || (t->any_gone && vmf_id_cmp(part->id,
	    part->id_len, t->gone, t->gone_len) == 0))
		return 0;
	if ((rc = vmf_grow(&t->gone, &t->gone_cap, part->id_len + 1,
	    e)) != 0)
		return rc;
	if (part->id_len > 0)
		memcpy(t->gone, part->id, (size_t)part->id_len);
	t->gone_len = part->id_len;
	t->any_gone = true;
	t->n_gone++;
	return 0;
}

/* Keep what the part has added up: the batch it stands in goes on. */
static int
keep_part(struct vmf_train *t, struct vmf_fit *known,
    const struct vmf_part *part, struct vmf_err *e)
{
	for (int k = 0; k < t->metrics.n; k++)
		for (int m = 0; m < t->models.n; m++) {
			struct vmf_buf *b =
			    &known[k * t->models.n + m].blob;

			if (!vmf_text_is(part->metric, part->metric_len,
			    t->metrics.v[k]) || !vmf_text_is(part->algo,
			    part->algo_len, t->models.v[m]))
				continue;
			b->n = 0;
			return part->blob_bytes == 0 ? 0 : vmf_buf_put(b,
			    part->blob, part->blob_bytes, e);
		}
	return 0;
}

/* The model's parts of row i, for its place among those in hand; parts of
 * ids before it are passed. */
static int
take_parts(struct vmf_train *t, struct vmf_series *s, int64_t i, int64_t row,
    struct vmf_err *e)
{
	int64_t per_row = (int64_t)t->metrics.n * t->models.n, len;
	int64_t need = (row + 1) * per_row;
	const char *id = vmf_series_id(s, i, &len);
	struct vmf_part part;
	bool seen = false;
	int got, rc;

	if ((rc = vmf_grow(&t->known, &t->known_cap, need, e)) != 0)
		return rc;
	for (; t->n_known < need; t->n_known++)
		memset(&t->known[t->n_known], 0, sizeof(*t->known));
	for (int64_t k = row * per_row; k < need; k++)
		t->known[k].blob.n = 0;
	while ((got = vmf_model_peek(t->update, &part, e)) > 0) {
		int cmp = part.id == NULL ? -1 :
		    vmf_id_cmp(part.id, part.id_len, id, len);

		if (cmp > 0)
			break;
		if (part.updated > t->end)
			return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64
			    ": updated lies after the end of the series",
			    vmf_reader_name(t->update->r), part.row);
		if ((rc = cmp < 0 ? count_gone(t, &part, e) :
		    keep_part(t, t->known + row * per_row, &part, e)) != 0)
			return rc;
		seen |= cmp == 0;
		vmf_model_skip(t->update);
	}
	t->n_new += !seen;
	return got < 0 ? got : 0;
}

int
vmf_train_end(struct vmf_train *t, struct vmf_err *e)
{
	struct vmf_part part;
	int got = 0, rc;

	while (t->update != NULL &&
	    (got = vmf_model_peek(t->update, &part, e)) > 0) {
		if ((rc = count_gone(t, &part, e)) != 0)
			return rc;
		vmf_model_skip(t->update);
	}
	return got;
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
	return t->update == NULL ? 0 : take_parts(t, s, i, row, e);
}

/* Is there as much in hand as is worked on at once? */
static bool
is_full(const struct vmf_train *t)
{
	bool device = t->many.how.device != NULL;

	return t->n_rows - t->n_put >= (device ? DEVICE_ROWS_MAX : ROWS_MAX) ||
	    t->n_values >= (device ? DEVICE_VALUES_MAX : VALUES_MAX);
}

int
vmf_train_grids(const struct vmf_series *s, const struct vmf_model *m,
    struct vmf_err *e)
{
	const char *name = vmf_reader_name(m->r);
	char known[32], end[32];

	if (m->grid.step_s != s->grid.step_s)
		return vmf_fail(e, VMF_EDATA, "%s: the model's step is %"
		    PRId64 " s, but that of %s is %" PRId64 " s", name,
		    m->grid.step_s, vmf_reader_name(s->r), s->grid.step_s);
	if (m->grid.end <= s->grid.end)
		return 0;
	vmf_time_format_utc(m->grid.end, known);
	vmf_time_format_utc(s->grid.end, end);
	return vmf_fail(e, VMF_EDATA, "%s knows what was before %s, but %s "
	    "is learned up to %s only", name, known, vmf_reader_name(s->r),
	    end);
}

int64_t
vmf_train_take(struct vmf_train *t, struct vmf_series *s, int64_t i,
    struct vmf_err *e)
{
	int64_t rows = 0;
	int rc;

	for (; i + rows < s->b->n && !is_full(t); rows++) {
		int64_t len, row = t->n_rows - t->n_put;
		const char *id = vmf_series_id(s, i + rows, &len);

		if ((rc = take_row(t, s, i + rows, row, e)) != 0 ||
		    (rc = vmf_grow(&t->id_end, &t->id_cap, row + 1, e)) != 0 ||
		    (rc = vmf_buf_put(&t->id, id, len, e)) != 0)
			return rc;
		t->id_end[row] = t->id.n;
		t->n_rows++;
	}
	return rows;
}

int
vmf_train_learn(struct vmf_train *t, struct vmf_err *e)
{
	int64_t n = (t->n_rows - t->n_put) * t->metrics.n, at = 0;
	int rc;

	for (int64_t k = 0; k < n; k++) {
		t->problem[k].y.y = t->values + at;
		at += t->problem[k].y.n;
	}
	for (int m = 0; m < t->models.n; m++) {
		for (int64_t k = 0; k < n; k++) {
			t->problem[k].own = &t->fit[m * n + k];
			t->problem[k].rolled = t->update == NULL ? NULL :
			    &t->known[k * t->models.n + m];
		}
		if ((rc = vmf_fit_many(t->algo[m], t->problem, n,
		    t->status + m * n, &t->many, e)) != 0)
			return rc == VMF_EDATA && t->update != NULL ?
			    vmf_fail_in(e, rc, "%s",
			    vmf_reader_name(t->update->r)) : rc;
	}
	t->n_learned = t->n_rows - t->n_put;
	t->next = 0;
	return 0;
}

/* The parts of a row in hand. */
static int
put_row(struct vmf_train *t, int64_t row, struct vmf_batch *out,
    struct vmf_err *e)
{
	int64_t n = t->n_learned * t->metrics.n, at = row * t->metrics.n;
	int64_t from = row > 0 ? t->id_end[row - 1] : 0;
	int rc;

	for (int64_t k = at; k < at + t->metrics.n; k++)
		for (int m = 0; m < t->models.n; m++)
			if ((rc = vmf_model_put(out,
			    (const char *)t->id.p + from,
			    t->id_end[row] - from, t->metrics.v[k - at],
			    t->algo[m]->name, t->status[m * n + k],
			    &t->fit[m * n + k], t->end, e)) != 0)
				return rc;
	t->n_status[t->status[at]]++;
	return 0;
}

int
vmf_train_put(struct vmf_train *t, struct vmf_batch *out, struct vmf_err *e)
{
	int rc;

	while (t->next < t->n_learned) {
		if ((rc = put_row(t, t->next, out, e)) != 0)
			return rc;
		t->next++;
		if (vmf_batch_bytes(out) >= VMF_BATCH_BYTES)
			return 1;
	}
	t->n_put += t->n_learned;
	t->n_learned = t->next = 0;
	t->n_values = 0;
	t->id.n = 0;
	return 0;
}
