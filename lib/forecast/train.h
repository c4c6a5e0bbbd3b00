/* SPDX-License-Identifier: MIT */
/*
 * From a series to a model stream, some rows at a time: take, learn, put.
 */
#ifndef VMF_TRAIN_H
#define VMF_TRAIN_H

#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "forecast/many.h"
#include "forecast/model.h"
#include "series/series.h"

struct vmf_train {
	/* set by the caller: */
	struct vmf_words models, metrics;
	const struct vmf_algo *algo[VMF_WORDS_MAX];
	struct vmf_algo less[VMF_WORDS_MAX];	/* those without parts */
	int list[VMF_WORDS_MAX];	/* columns of the metrics */
	struct vmf_forecast_opts opts;	/* start: on the series' clock */
	int64_t end;			/* the same moment, UTC */
	struct vmf_many many;		/* its how: width and threads */
	/* NULL, or an open model of the same metrics and algorithms, of an
	 * earlier end, to go on from */
	struct vmf_model *update;
	int64_t n_new, n_gone;		/* ids that only one of them has */
	/* counted, of the first metric and algorithm: */
	int64_t n_rows, n_status[VMF_N_STATUS];
	/* private; rows in hand are n_rows - n_put */
	int64_t n_put, n_learned, next;
	struct vmf_buf id;		/* their ids, one after the other */
	int64_t *id_end, id_cap;
	struct vmf_problem *problem;
	struct vmf_fit *fit;
	enum vmf_status *status;
	struct vmf_fit *known;		/* what the model has of them */
	double *values;
	int64_t known_cap, n_known;
	char *gone;			/* the last id counted */
	int64_t gone_len, gone_cap;
	bool any_gone;
	int64_t problem_cap, fit_cap, n_fits, status_cap, n_values,
	    values_cap;
};

/*
 * The algorithms that models names, without the parts that without (or NULL)
 * names, parts.h.  VMF_EUSAGE, or where they are of t->update VMF_EDATA.
 */
int vmf_train_algos(struct vmf_train *t, const char *models,
    const char *without, struct vmf_err *e) VMF_CHECK;
/* The grid of the series, against that of the model to go on from. */
int vmf_train_grids(const struct vmf_series *s, const struct vmf_model *m,
    struct vmf_err *e) VMF_CHECK;
/*
 * Take a copy of rows of the batch in hand, from row i on, as many as are
 * worked on at once; those of the next batch join them.  Returns how many it
 * took; fewer than there are means that vmf_train_learn is due.  < 0: error.
 */
int64_t vmf_train_take(struct vmf_train *t, struct vmf_series *s, int64_t i,
    struct vmf_err *e) VMF_CHECK;
/* Learn what was taken. */
int vmf_train_learn(struct vmf_train *t, struct vmf_err *e) VMF_CHECK;
/*
 * Append parts of what was learned to out, a batch of vmf_model_schema.
 * Returns 1 when out is to be written and cleared before the next call, 0
 * when all is in it.  Where batches end follows from what is in them alone.
 */
int vmf_train_put(struct vmf_train *t, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
/* After the last row: the model to go on from is read to its end, and
 * counted. */
int vmf_train_end(struct vmf_train *t, struct vmf_err *e) VMF_CHECK;
void vmf_train_free(struct vmf_train *t);

#endif
