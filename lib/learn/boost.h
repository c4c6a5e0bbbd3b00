/* SPDX-License-Identifier: MIT */
/*
 * Gradient-boosted trees, by XGBoost (Chen and Guestrin, "XGBoost: A
 * Scalable Tree Boosting System", KDD 2016) through its C API: one booster
 * of one loss over a table of floats.  A booster is trained on one thread,
 * with a seed, so that its bytes depend on the table and the options alone;
 * whoever has several to train gives each a thread.
 *
 * A build without the library has these functions too: training and loading
 * then fail and say which package is missing.
 */
#ifndef VMF_BOOST_H
#define VMF_BOOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct vmf_boost;

enum vmf_boost_loss {
	VMF_BOOST_SQUARED,
	VMF_BOOST_ABSOLUTE,
	VMF_BOOST_PINBALL,	/* of one quantile */
	VMF_BOOST_LOGISTIC,	/* y is 0 or 1; predictions are log odds */
};

/* Rows to learn from or to be tested on.  All arrays are the caller's. */
struct vmf_boost_data {
	const float *x;		/* [n_rows][n_cols], NaN: missing */
	int64_t n_rows;
	int n_cols;
	const float *y;		/* [n_rows], finite */
	const float *weight;	/* [n_rows], or NULL: all alike */
	const float *base;	/* [n_rows], what the trees are added to, in
				 * y's unit (log odds for LOGISTIC); or NULL:
				 * one number, found from y */
};

struct vmf_boost_opts {
	enum vmf_boost_loss loss;
	double quantile;	/* of PINBALL, in (0, 1) */
	int n_rounds;		/* trees at most */
	int depth;
	double eta;		/* learning rate */
	double l2;		/* XGBoost's lambda, in rows of weight 1 */
	double min_weight;	/* rows of weight 1 that a leaf has at least */
	double row_share;	/* of rows a tree sees, in (0, 1] */
	double col_share;	/* of columns a tree sees, in (0, 1] */
	int n_bins;		/* of each column's histogram; 0: 256 */
	bool gpu;		/* trained on one, where vmf_boost_gpu is 0 */
	int64_t seed;
	int patience;		/* rounds without a better loss on the rows to
				 * be tested on, after which to stop */
	/* After each round, with the mean loss on the rows to be tested on,
	 * or on those to learn from where there are none; may be NULL. */
	void (*on_round)(void *arg, int round, double loss);
	void *arg;
};

/* Version of the library, "1.7.4", or NULL in a build without it. */
const char *vmf_boost_version(char *text, size_t size);

/* 0 where the library was built to train on a GPU and has learned a tree of
 * two rows on one; else VMF_EDEV, and why not. */
int vmf_boost_gpu(struct vmf_err *e) VMF_CHECK;

/*
 * Train *b, the caller's to free, on the rows of train.  With valid the
 * trees up to the best mean loss on its rows are kept and training ends
 * after `patience` rounds without a better one; without, all rounds are.
 * Both have base, or neither.  Fails with VMF_EDATA (no rows, a y that is
 * not finite), VMF_ENOMEM, or VMF_EDEV (the library failed, or is missing).
 *
 * The loss of a quantile is given as its gradient (y < f) - q and, in place
 * of its second derivative, which is 0, the reciprocal of the mean distance
 * between y and where training starts: a full step of a leaf whose rows are
 * all on one side then goes that far.
 */
int vmf_boost_train(const struct vmf_boost_opts *o,
    const struct vmf_boost_data *train, const struct vmf_boost_data *valid,
    struct vmf_boost **b, struct vmf_err *e) VMF_CHECK;

/*
 * out[n_rows] for the rows x[n_rows][n_cols]: base plus the trees (log odds
 * for LOGISTIC).  base is given exactly if it was in training.  Any number of
 * threads may ask one booster.
 */
int vmf_boost_predict(const struct vmf_boost *b, const float *x,
    int64_t n_rows, int n_cols, const float *base, float *out,
    struct vmf_err *e) VMF_CHECK;

int vmf_boost_trees(const struct vmf_boost *b);

/* The mean loss of out against y, weighted, in the sense of o. */
double vmf_boost_loss_mean(const struct vmf_boost_opts *o,
    const struct vmf_boost_data *d, const float *out);

/* Append XGBoost's own format (UBJSON) to buf, with a checksum of eight bytes
 * after it, which XGBoost does not mind; read it back.  What is loaded is
 * what was saved: the same bytes come out again.  Damage is VMF_EDATA. */
int vmf_boost_save(const struct vmf_boost *b, struct vmf_buf *buf,
    struct vmf_err *e) VMF_CHECK;
int vmf_boost_load(const uint8_t *p, int64_t n, struct vmf_boost **b,
    struct vmf_err *e) VMF_CHECK;

void vmf_boost_free(struct vmf_boost *b);

#endif
