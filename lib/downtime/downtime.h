/* SPDX-License-Identifier: MIT */
/*
 * How long a migration will take and stop its guest: quantiles of each
 * outcome, from what is known before the move.
 *
 * Of each outcome the logarithm is learned, in three layers: arithmetic
 * (precopy.h); what the quantiles of the ratio to it were for moves that were
 * alike (kriging.h, a process each); and boosted trees, one a quantile, for
 * what both miss (learn/boost.h; a build without them does without).  What the
 * quantiles claim is then corrected by what they reached on configurations
 * that were held out: conformal prediction (Vovk, Gammerman
 * and Shafer, "Algorithmic Learning in a Random World", 2005; by quantile,
 * as in Romano, Patterson and Candes, "Conformalized Quantile Regression",
 * 2019), once for workloads that are known and once, on workloads held out
 * as a whole, for those that are not.
 *
 * Rows of one configuration are never divided between what is learned from
 * and what is held out.
 *
 * A ratio that was learned with a fact says nothing of a row that lacks it:
 * arithmetic would take its memory for 1 GiB, or its dirty rate for none.  So
 * everything is learned again without what such rows lack (a submodel a
 * pattern of what is missing: Fletcher Mercaldo and Blume, "Missing data and
 * prediction: the pattern submodel", Biostatistics 21, 2020).
 */
#ifndef VMF_DOWNTIME_H
#define VMF_DOWNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "downtime/kriging.h"
#include "downtime/past.h"
#include "learn/boost.h"

#define VMF_DOWN_LEVELS 9	/* .1, .2 ... .9 */

enum vmf_down_trees {
	VMF_DOWN_NONE,		/* no trees */
	VMF_DOWN_RESIDUE,	/* few, on what kriging leaves */
	VMF_DOWN_WHOLE,		/* many, kriging being a column */
	VMF_DOWN_BOTH,		/* the mean of these two */
	VMF_N_DOWN_TREES
};

struct vmf_down_target {
	int64_t n, n_configs;	/* learned from; 0: nothing, arithmetic is
				 * all there is */
	enum vmf_down_trees trees;
	double loss[VMF_N_DOWN_TREES];	/* of the choices, held out: mean
					 * pinball of the logarithm; NaN */
	struct vmf_krig krig[VMF_DOWN_LEVELS];	/* of the same sites */
	/* where the few trees begin, above kriging, and the many; and they */
	double base[2][VMF_DOWN_LEVELS];
	struct vmf_boost *tree[2][VMF_DOWN_LEVELS];
	/* corrections, in parts of the distance from .1 to .9: of known
	 * workloads, of others */
	double shift[2][VMF_DOWN_LEVELS];
};

/* Without which facts an outcome is learned again, as far as any move had
 * them.  Forecasts never have the first. */
enum vmf_down_less {
	VMF_DOWN_NO_RATE,	/* the dirty rate, and how much is in use */
	VMF_DOWN_NO_LOAD,	/* nor the load */
	VMF_DOWN_NO_MEM,	/* nor the memory, but the load */
	VMF_DOWN_NEITHER,	/* nor memory or load */
	VMF_DOWN_NO_VCPUS,	/* nor the vCPUs, but memory and load */
	VMF_DOWN_NO_SIZE,	/* nor any of the three */
	VMF_N_DOWN_LESS
};

/* What a row may have that is like nothing that was learned. */
enum vmf_down_strange {
	VMF_DOWN_NEW_WORKLOAD = 1,	/* no move of its workload is known */
	VMF_DOWN_NEW_WAY,		/* nor one sent in its way: mode,
					 * algorithm, compression, storage */
	VMF_DOWN_FAR			/* and on, + a vmf_fact: more than
					 * twice the most that any move had,
					 * or less than half the least */
};

struct vmf_downtime {
	struct vmf_dict words[VMF_N_WORDS];
	struct vmf_tokens tokens;
	int64_t n_works;	/* workloads known: their codes */
	int32_t *work;
	uint8_t *known;		/* by code + 1, that of no workload being -1 */
	int64_t n_known;
	int64_t n_rows;		/* completed moves, of which the outcomes may
				 * not be known */
	unsigned told;		/* a bit a fact that any of them had: what
				 * none had cannot be related to, and does not
				 * count, unless there are none at all */
	struct vmf_facts usual;	/* of how VMs are moved, not of the VMs: what
				 * most of these moves had; else not known */
	struct vmf_down_target target[VMF_N_OUTCOMES];
	int n_less;		/* the first so many of these, by version */
	struct vmf_down_target less[VMF_N_DOWN_LESS][VMF_N_OUTCOMES];
};

struct vmf_down_opts {
	int threads;
	int64_t seed;
	bool no_trees;
	/* what will be predicted, where that is known: what it does not need
	 * is not learned; NULL: anything */
	const struct vmf_facts *rows;
	int64_t n_rows;
};

/* Learn from the rows of past whose configuration is in use (NULL: all). m
 * is { 0 }; it keeps nothing of past. */
int vmf_downtime_learn(struct vmf_downtime *m, const struct vmf_past *past,
    const uint8_t *use, const struct vmf_down_opts *o, struct vmf_err *e)
    VMF_CHECK;
void vmf_downtime_free(struct vmf_downtime *m);

/* The facts f, and where they do not tell how the VM will be moved (speed,
 * limit of the downtime, flags, and all words but the workload), what is
 * usual. */
struct vmf_facts vmf_downtime_usual(const struct vmf_downtime *m,
    const struct vmf_facts *f);

/* Which of dirty rate, use, load, memory and vCPUs moves had and f lacks: a
 * bit a fact. */
unsigned vmf_downtime_lacks(const struct vmf_downtime *m,
    const struct vmf_facts *f);
/* Was anything learned without what f lacks?  Old models were not. */
bool vmf_downtime_can(const struct vmf_downtime *m,
    const struct vmf_facts *f);
/* The facts that an outcome is learned again without, as bits; 0: it is not,
 * for no move had them, or that is done by one before. */
unsigned vmf_down_without(const struct vmf_downtime *m, int less);

/* Is anything learned, of any outcome?  If not it is arithmetic alone. */
bool vmf_downtime_learned(const struct vmf_downtime *m);

/*
 * The quantiles of outcome t for n rows of facts, whose words are codes of
 * words (the model's own, or the past's it was learned from): q[i] in the
 * outcome's unit, ascending.  What is not told of the way of the move is
 * taken to be as usual, and what else is lacking was not learned with
 * either.  Where row i is one of vmf_down_strange its quantiles are further
 * apart, and strange[i] (NULL: no matter) is that, unless it has been one of
 * another outcome: the caller clears it before the first.
 */
int vmf_downtime_quantiles(const struct vmf_downtime *m, enum vmf_outcome t,
    const struct vmf_facts *f, int64_t n,
    const struct vmf_dict words[VMF_N_WORDS],
    double (*q)[VMF_DOWN_LEVELS], uint8_t *strange, struct vmf_err *e)
    VMF_CHECK;

#define VMF_DOWN_WHY_WIDE 96
/* What strange is, in words, for whom it is told to; "" where it is 0. */
const char *vmf_down_why_wide(uint8_t strange, char text[VMF_DOWN_WHY_WIDE]);

/* The model as a stream of kind model (vmf-model(5)): its schema, its rows
 * at once, and back. */
int vmf_downtime_schema(struct vmf_schema *s, const struct vmf_schema *from,
    struct vmf_err *e) VMF_CHECK;
int vmf_downtime_put(const struct vmf_downtime *m, int64_t updated,
    struct vmf_batch *b, struct vmf_err *e) VMF_CHECK;
bool vmf_downtime_is(const struct vmf_schema *s);
int vmf_downtime_read(struct vmf_downtime *m, struct vmf_reader *r,
    struct vmf_err *e) VMF_CHECK;

#endif
