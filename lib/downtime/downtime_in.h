/* SPDX-License-Identifier: MIT */
/* What downtime.c (the model) and downtime_learn.c share; nobody else
 * includes it. */
#ifndef VMF_DOWNTIME_IN_H
#define VMF_DOWNTIME_IN_H

#include "downtime/downtime.h"

#define LEVELS VMF_DOWN_LEVELS

static inline double
vmf_down_level(int j)
{
	return 0.1 * (j + 1);
}

/* What is learned of some configs. */
struct vmf_down_part {
	enum vmf_down_trees trees;
	struct vmf_krig krig[LEVELS];
	uint8_t *kept;		/* by config: it is a site of kriging */
	double base[2][LEVELS];
	struct vmf_boost *tree[2][LEVELS];
};
void vmf_down_part_free(struct vmf_down_part *p);

/* Room for n workloads that are known, once the model has its words; and one
 * of them, -1 or a code. */
int vmf_down_works(struct vmf_downtime *m, int64_t n, struct vmf_err *e)
    VMF_CHECK;
void vmf_down_work(struct vmf_downtime *m, int32_t work);

/* Columns of a row for the trees: what vmf_down_fill writes, and two of
 * kriging's after that, value and deviation. */
int vmf_down_columns(const struct vmf_downtime *m);
void vmf_down_fill(const struct vmf_downtime *m, const struct vmf_site *s,
    const struct vmf_precopy *p, enum vmf_outcome t, float *x);

/* Has it few trees (0), or many (1)?  Without any the first are none. */
static inline bool
vmf_down_has(enum vmf_down_trees t, int kind)
{
	return t == VMF_DOWN_BOTH || (t == VMF_DOWN_WHOLE) == (kind == 1);
}

/* The levels of n rows x, for which kriging says r; out[i] is a row's. */
int vmf_down_part_at(const struct vmf_down_part *p, const float *x,
    int n_cols, double (*r)[LEVELS], int64_t n, double (*out)[LEVELS],
    struct vmf_err *e) VMF_CHECK;

void vmf_down_sort(double q[LEVELS]);
/* What corrections are parts of: the distance from .1 to .9, and for a
 * workload that is not known that of kriging as well. */
double vmf_down_unit(const double q[LEVELS], double far);

/* f, and nothing known of the facts whose bits are in without. */
struct vmf_facts vmf_down_mask(const struct vmf_facts *f, unsigned without);

/* Learn outcome t, of the rows whose config is in use, into to, without some
 * facts; m has its words, tokens and workloads. */
int vmf_down_learn_target(const struct vmf_downtime *m, enum vmf_outcome t,
    const struct vmf_past *past, const uint8_t *use, unsigned without,
    const struct vmf_down_opts *o, struct vmf_down_target *to,
    struct vmf_err *e) VMF_CHECK;

#endif
