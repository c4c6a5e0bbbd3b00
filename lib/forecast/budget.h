/* SPDX-License-Identifier: MIT */
/*
 * Which parts of auto (parts.h) are worth their time, where there is not
 * enough for all: some series are forecast over their last two days without
 * each of the parts in turn.
 *
 * What a part costs is reckoned from the length of the histories, not
 * measured: so that the same series and options give the same model
 * everywhere.  It is CPU time of learning and of forecasting two days, of one
 * core of an AMD EPYC with AVX-512.
 */
#ifndef VMF_BUDGET_H
#define VMF_BUDGET_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "forecast/many.h"
#include "series/series.h"

/* Series that are looked at. */
#define VMF_BUDGET_SERIES 64

struct vmf_budget {
	/* set by the caller: */
	double ms;			/* CPU milliseconds a series, at most */
	struct vmf_forecast_opts opts;
	struct vmf_panel how;
	/* made: */
	double cost, cost_left;		/* of all parts, of those kept */
	/* Mean over the series of the CRPS without what is left out, over that
	 * of all parts; NaN: none could tell. */
	double lost;
	int64_t n_series;
	struct vmf_buf out;		/* names, commas between; "" at first */
};

/*
 * Read s, which is open at its first row, to its end, and choose what to
 * leave out of algo, by list column `list` of the name metric.  VMF_EUSAGE
 * where what cannot be left out costs more than there is.
 */
int vmf_budget_choose(struct vmf_budget *b, const struct vmf_algo *algo,
    struct vmf_series *s, int list, const char *metric, struct vmf_err *e)
    VMF_CHECK;
void vmf_budget_free(struct vmf_budget *b);

#endif
