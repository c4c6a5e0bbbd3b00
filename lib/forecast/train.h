/* SPDX-License-Identifier: MIT */
/*
 * From a series to a model stream, some rows at a time.
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
	const struct vmf_algo *algo[VMF_METRICS_MAX];
	int list[VMF_METRICS_MAX];	/* columns of the metrics */
	struct vmf_forecast_opts opts;
	struct vmf_many many;		/* its how: width and threads */
	/* counted, of the first metric and algorithm: */
	int64_t n_rows, n_status[VMF_N_STATUS];
	/* private */
	struct vmf_problem *problem;
	struct vmf_fit *fit;
	enum vmf_status *status;
	double *values;
	int64_t problem_cap, fit_cap, n_fits, status_cap, n_values,
	    values_cap;
};

/*
 * Learn some rows of the batch in hand, from row i on, and append their parts
 * to out, a batch of vmf_model_schema.  Returns how many rows it took, at
 * least 1, or < 0.
 */
int64_t vmf_train_rows(struct vmf_train *t, struct vmf_series *s, int64_t i,
    struct vmf_batch *out, struct vmf_err *e) VMF_CHECK;
void vmf_train_free(struct vmf_train *t);

#endif
