/* SPDX-License-Identifier: MIT */
/*
 * Learning the fleet's LSTM from rows of lstm_row.h: Adam, early stopping on
 * the newest rows, and a file to go on from when a run is killed.
 */
#ifndef VMF_LSTM_LEARN_H
#define VMF_LSTM_LEARN_H

#include "forecast/global.h"
#include "forecast/sample.h"
#include "learn/lstm.h"

#define VMF_LSTM_EPOCHS 30		/* at most, unless told otherwise */
#define VMF_LSTM_HIDDEN 64

/*
 * Learn from s into net, which is { 0 } and is left without training state:
 * the weights of the epoch that was best on the newest rows.  *gain is how
 * much of the loss there it took off what the rows start from; too few rows
 * are *gain = 0 and no net.  The same rows, seed and options give the same
 * bytes, whatever g->how.threads, and whether or not it began at
 * g->checkpoint.
 */
int vmf_lstm_learn(struct vmf_lstm *net, const struct vmf_global *g,
    struct vmf_sample *s, double *gain, struct vmf_err *e) VMF_CHECK;

#endif
