/* SPDX-License-Identifier: MIT */
/*
 * Kernel quantiles of one series: what the steps of its past weigh, as each
 * member sees it, at one lead from one origin; mixtures of members; and
 * quantiles of these.  A distribution is a weight for each known step of the
 * past, and some atoms beside them.
 */
#ifndef VMF_KQ_MIX_H
#define VMF_KQ_MIX_H

#include <stdint.h>

#include "base/err.h"
#include "forecast/forecast.h"
#include "forecast/kq_members.h"
#include "forecast/kq_ops.h"

enum { VMF_KQ_MEMBERS = KQ_NAIVE + 1,
    VMF_KQ_SEASONS = 32,		/* back, for the very same step */
    VMF_KQ_SAME = 3 * VMF_KQ_SEASONS,
    VMF_KQ_MOVED = 14,			/* of these, for values moved */
    VMF_KQ_LEVELS = 13,			/* of a forecast that is mixed in */
    VMF_KQ_ATOMS = VMF_KQ_SAME + KQ_N_MOVED * VMF_KQ_MOVED + 2 +
	VMF_KQ_LEVELS };

/* What is mixed in is asked for at these levels. */
extern const struct vmf_quantiles vmf_kq_levels;

/* A weighted sum of members; private but for total. */
struct vmf_kq_mix {
	float *w;			/* by step */
	float *s, *run;			/* by value, and sums of its runs */
	int n;				/* atoms, ascending */
	float v[VMF_KQ_ATOMS], a[VMF_KQ_ATOMS];
	double total;
};

/* Room of one thread, reused from series to series; { 0 } to begin with,
 * and ops set. */
struct vmf_kq {
	const struct vmf_kq_ops *ops;
	/* the series */
	const double *y;
	int64_t n, season, day;		/* steps */
	int32_t *order;			/* known steps, by value */
	int64_t n_order;
	float *m[VMF_KQ_STATES];
	/* as of an origin: its past, of `at` steps */
	const double *past;
	int64_t from, at, known;
	float *value, *one;		/* by value; 1 where known, by step */
	int32_t *rank;			/* of each step; known: missing */
	float *x[VMF_KQ_STATES], now[VMF_KQ_STATES], sd[VMF_KQ_STATES];
	float *age[VMF_KQ_AGES];
	/* at a lead from it */
	int64_t lead;
	float *phase[VMF_KQ_PHASES], *like[VMF_KQ_LIKES];
	int n_same;
	int32_t same[VMF_KQ_SAME];	/* steps, by value */
	int32_t back[VMF_KQ_SAME];	/* seasons ago, negative: beside */
	float same_w[KQ_N_SPARSE][VMF_KQ_SAME];
	struct vmf_kq_mix mix[3];	/* two of the user's, one of its own */
	/* room */
	float *floats;
	int32_t *ints;
	int64_t floats_cap, ints_cap;
};
void vmf_kq_free(struct vmf_kq *q);

/* A series of n steps, y[0] known and NaN where missing; season and day are
 * in steps.  y is the caller's, and stays. */
int vmf_kq_series(struct vmf_kq *q, const double *y, int64_t n,
    int64_t season, int64_t day, struct vmf_err *e) VMF_CHECK;
/* Stand before step t, 1 to n: nothing from there on is looked at. */
void vmf_kq_origin(struct vmf_kq *q, int64_t t);
/* Look at the step lead (from 0) steps after the origin, or at those around
 * it. */
void vmf_kq_lead(struct vmf_kq *q, int64_t lead);
/* The same, for the members of very same steps only. */
void vmf_kq_same(struct vmf_kq *q, int64_t lead);

/* Quantiles of member m alone, at ascending levels. */
void vmf_kq_member(struct vmf_kq *q, int m, const double *level, int n,
    float *v);
/*
 * Mix into mix[0] by share[0] and, where it is not NULL, mix[1] by share[1]:
 * first the members that weigh all steps, then (for each lead) the others.
 * v are the quantiles at vmf_kq_levels of one more forecast, or NULL, with a
 * share of its own, other[i].
 */
void vmf_kq_mix_dense(struct vmf_kq *q, const float *share[2]);
void vmf_kq_mix_atoms(struct vmf_kq *q, const float *share[2],
    const float *v, const float other[2]);
/* Of mix[i]: quantiles at ascending levels, the mean, and the shares below y
 * and not above it. */
void vmf_kq_quantiles(const struct vmf_kq *q, int i, const double *level,
    int n, float *v);
double vmf_kq_mean(const struct vmf_kq *q, int i);
void vmf_kq_pit(const struct vmf_kq *q, int i, double y, double *below,
    double *upto);

#endif
