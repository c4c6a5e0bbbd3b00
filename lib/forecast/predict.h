/* SPDX-License-Identifier: MIT */
/*
 * From a series and a model to a forecast stream, row by row.
 */
#ifndef VMF_PREDICT_H
#define VMF_PREDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "forecast/forecast.h"
#include "forecast/global.h"
#include "forecast/risk.h"
#include "forecast/many.h"
#include "forecast/model.h"
#include "series/series.h"

#define VMF_HORIZON_MAX 1000000		/* steps */

struct vmf_predict {
	/* set by the caller before vmf_predict_open: */
	struct vmf_series *series;	/* open; its grid.end is the start */
	struct vmf_model *model;	/* open */
	struct vmf_words metrics;	/* n = 0: those of the model */
	struct vmf_quantiles levels;
	int64_t horizon;
	int64_t stale_after_s;
	bool skip_unseen;		/* leave them out, counted */
	bool refit;			/* from what the model knows, anew */
	struct vmf_many many;		/* its how: width and threads */
	/* counted: */
	int64_t n_rows, n_skipped;
	int64_t n_status[VMF_N_STATUS];
	int64_t n_model_only;		/* ids of the model not in the series */
	int64_t n_known;		/* and those in both */
	/* attributes that had a name of the forecast's own, ", " between */
	char dropped[256];
	/* private */
	struct vmf_forecast_opts opts;	/* start: on the model's clock */
	int64_t *ahead;			/* NULL, or the lead there of a step */
	int64_t leads;			/* so many */
	float *picked;			/* [horizon], by ahead */
	struct vmf_metric *metric;
	int *attr, n_attrs;
	struct vmf_cell *cell;
	int64_t n_cells, cell_cap;
	bool *row_seen;
	int64_t seen_cap;
	double *values;
	int64_t n_values, values_cap;
	struct vmf_problem *problem;
	int64_t problem_cap, *problem_cell, problem_cell_cap;
	struct vmf_globals globals;	/* what the model has of the fleet */
	struct vmf_side_cols *cols;	/* by model of these */
	struct vmf_side_rows *sides;
	/* of those that are of events: */
	struct vmf_risk_room room;
	float *prob;			/* [model][prob_rows] */
	int64_t prob_rows, prob_cap;
	char *only_id;
	int64_t only_len, only_cap;
	bool any_only;
};

/*
 * Check that the model suits the series (step, metrics) and fill s, which is
 * { 0 }, with the schema of the forecast.
 */
int vmf_predict_open(struct vmf_predict *p, struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;
/*
 * Forecast some rows of the series' batch in hand, from row i on, and append
 * them to out.  Returns how many it took, at least 1, or < 0.
 */
int64_t vmf_predict_rows(struct vmf_predict *p, int64_t i,
    struct vmf_batch *out, struct vmf_err *e) VMF_CHECK;
/* After the last row: read the model to its end, and count. */
int vmf_predict_end(struct vmf_predict *p, struct vmf_err *e) VMF_CHECK;
void vmf_predict_free(struct vmf_predict *p);

#endif
