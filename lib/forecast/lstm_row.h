/* SPDX-License-Identifier: MIT */
/*
 * What the fleet's LSTM is told of a window, and what its answer means: the
 * last two seasons in pools of a twenty-fourth of one and the last steps one
 * by one, what is known of the series and of each lead, and the local
 * algorithm's quantiles, which the network starts from.
 *
 * Everything is in the series' own measure: v becomes u = (asinh(v / c) -
 * loc) / spread, where c is the mean size of its last pools, and loc and
 * spread are the mean and the standard deviation of asinh(v / c) over them.
 * asinh is linear for what is small and a logarithm for what is large, and
 * may be negative.
 */
#ifndef VMF_LSTM_ROW_H
#define VMF_LSTM_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "forecast/global.h"
#include "learn/lstm.h"

enum { VMF_LSTM_POOLS = 48,	/* steps of a context, then */
    VMF_LSTM_RAW = 24,
    VMF_LSTM_PAST = 336 };	/* pools that a series is measured by */

/* The sizes of the network, but for its hidden units. */
void vmf_lstm_row_shape(struct vmf_lstm_shape *s);

/* Where what is in a row: floats, at these places.  Of measure loc and
 * spread, and when learning what makes a loss in units of c one in mean steps
 * from a season to the next. */
enum { VMF_LSTM_LOC, VMF_LSTM_SPREAD, VMF_LSTM_GAIN };
struct vmf_lstm_row {
	int64_t x, s, measure, z, y, weight, width;
};
void vmf_lstm_row_layout(struct vmf_lstm_row *r);

/* A series in its own measure as of an origin. */
struct vmf_lstm_view {
	const struct vmf_slice *y;
	int64_t origin;			/* in steps of y */
	int64_t season, pool;		/* steps */
	int64_t start;			/* steps from the epoch to the origin */
	double c, loc, spread, low;	/* low: no value lies below, or -inf */
	/* the newest first: mean and maximum of what is known, NaN where
	 * nothing is, and the share that is */
	double mean[VMF_LSTM_PAST], max[VMF_LSTM_PAST], known[VMF_LSTM_PAST];
};
/* False: nothing is known of those pools, and there is no measure. */
bool vmf_lstm_view(struct vmf_lstm_view *v, const struct vmf_slice *y,
    const struct vmf_forecast_opts *o);
double vmf_lstm_to_u(const struct vmf_lstm_view *v, double value);
double vmf_lstm_from_u(const struct vmf_lstm_view *v, double u);

/* The context into row, whose layout is r; the leads at lead (steps from 1),
 * n <= VMF_LSTM_LEADS of them, from w's base; far is the last that was
 * learned.  The rest of row is 0. */
void vmf_lstm_row_context(float *row, const struct vmf_lstm_row *r,
    const struct vmf_lstm_view *v);
void vmf_lstm_row_leads(float *row, const struct vmf_lstm_row *r,
    const struct vmf_lstm_view *v, const struct vmf_window *w,
    const int64_t *lead, int64_t n, int64_t far);
/* What came at those leads, when learning. */
void vmf_lstm_row_after(float *row, const struct vmf_lstm_row *r,
    const struct vmf_lstm_view *v, const struct vmf_window *w,
    const int64_t *lead, int64_t n);
/* Rows to learn from are kept in half precision, so that memory holds twice
 * as many: n numbers in as many floats as vmf_lstm_row_packed says. */
int64_t vmf_lstm_row_packed(int64_t n);
void vmf_lstm_row_pack(float *to, const float *row, int64_t n);
void vmf_lstm_row_unpack(float *row, const float *from, int64_t n);
/* Row number c of a chunk. */
void vmf_lstm_row_put(struct vmf_lstm_chunk *chunk, int64_t c,
    const float *row, const struct vmf_lstm_row *r);

/* The nine quantiles that lead l of a row starts from, in its measure. */
void vmf_lstm_row_base(const float *row, const struct vmf_lstm_row *r,
    int64_t l, double u[VMF_LSTM_LEVELS]);
/* Weights with which the network says just these. */
void vmf_lstm_row_begin(struct vmf_lstm *net);

#endif
