/* SPDX-License-Identifier: MIT */
/*
 * The model stream, vmf-model(5): what algorithms learned, one row a part.
 * A part belongs to an id and a metric, or (id missing) to the whole fleet;
 * the latter stand first.  Rows are sorted by id, so that a model and a
 * series are merged with one batch of each in memory.
 */
#ifndef VMF_MODEL_H
#define VMF_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "forecast/forecast.h"
#include "series/series.h"

#define VMF_WORDS_MAX 64

/* Words between commas; the text is copied. */
struct vmf_words {
	int n;
	char *text;
	const char *v[VMF_WORDS_MAX];
};
/* what names the option or key in the message; none empty, none twice. */
int vmf_words_parse(struct vmf_words *w, const char *text, const char *what,
    int code, struct vmf_err *e) VMF_CHECK;
void vmf_words_free(struct vmf_words *w);

/*
 * The schema of a model of the grid (vmf:end is where its knowledge ends),
 * with metadata vmf:kind, vmf:step, vmf:start, vmf:end, vmf:season (seconds),
 * vmf:metric and vmf:model (words between commas).  from is the series'
 * schema, whose history goes on.  s is { 0 }.
 */
int vmf_model_schema(struct vmf_schema *s, const struct vmf_schema *from,
    const struct vmf_grid *g, int64_t season_s, const char *metrics,
    const char *models, struct vmf_err *e) VMF_CHECK;
/* Append one part to a batch of that schema. */
int vmf_model_put(struct vmf_batch *b, const char *id, int64_t id_len,
    const char *metric, const char *algo, enum vmf_status status,
    const struct vmf_fit *fit, int64_t updated, struct vmf_err *e)
    VMF_CHECK;

/* One part: views into the batch, valid until vmf_model_skip. */
struct vmf_part {
	const char *id;			/* NULL: of the whole fleet */
	int64_t id_len;
	const char *metric;
	int64_t metric_len;
	const char *algo;
	int64_t algo_len;
	const struct vmf_algo *of;	/* that, without what was left out */
	const double *params;
	int64_t n_params;
	const void *blob;
	int64_t blob_bytes;
	double mase;			/* NaN: not known */
	int64_t updated;
	int64_t row;
};

struct vmf_model {
	struct vmf_reader *r;		/* the caller's */
	struct vmf_grid grid;
	int64_t season_s;
	/* on whose days and weeks it was learned; "": UTC */
	char season_tz[64];
	struct vmf_wall wall;
	struct vmf_words metrics, algos;
	/* NULL: not known to this version */
	const struct vmf_algo *algo_of[VMF_WORDS_MAX];
	struct vmf_algo less[VMF_WORDS_MAX];	/* those without parts */
	/* the rest is private */
	const struct vmf_batch *b;
	int64_t i;
	bool ended, any;
	int id, metric, algo, params, blob, mase, updated;
	char *last_id;
	int64_t last_len, last_cap;
};
/* r is open on the model; m is { 0 }.  Columns and metadata are checked.  Where
 * the model has a wall clock, vmf_tz_set is called: before threads. */
int vmf_model_open(struct vmf_model *m, struct vmf_reader *r,
    struct vmf_err *e) VMF_CHECK;
/* The part in hand: 1, 0 at the end, < 0 on failure (ids that descend, an
 * algorithm that is not known, ...; with the row). */
int vmf_model_peek(struct vmf_model *m, struct vmf_part *p,
    struct vmf_err *e) VMF_CHECK;
void vmf_model_skip(struct vmf_model *m);
void vmf_model_free(struct vmf_model *m);

#endif
