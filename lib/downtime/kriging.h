/* SPDX-License-Identifier: MIT */
/*
 * What moves like it did: a Gaussian process over configurations (Rasmussen
 * and Williams, "Gaussian Processes for Machine Learning", 2006, chapters 2
 * and 5).  A configuration is a site; two are alike by workload, by the
 * words of how memory is sent, and by their numbers in octaves.  Between
 * sizes that were measured it interpolates, which trees cannot; and its
 * standard deviation tells how far from anything measured a site is.
 */
#ifndef VMF_KRIGING_H
#define VMF_KRIGING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "downtime/past.h"

#define VMF_SITE_Z (VMF_FACT_LIMIT + 1)
#define VMF_TOKENS_MAX 64
#define VMF_SITES_MAX 512
#define VMF_KRIG_MOST 9		/* processes of the same sites */

struct vmf_site {
	int32_t workload;	/* code; -1: not known, -2: of none here */
	int32_t strange;	/* words that are none of the tokens */
	uint64_t tokens;
	double trend;		/* octaves of the length by arithmetic */
	double z[VMF_SITE_Z];	/* numbers in octaves (load in quarters);
				 * NaN: not known */
};

/* The words of algorithm, mode, compression and storage, and the flags, each
 * a bit: the first VMF_TOKENS_MAX that are met. */
struct vmf_tokens {
	struct vmf_dict dict;
};
/* The site of a row's facts; with add, new words become tokens. */
int vmf_site_make(struct vmf_site *s, struct vmf_tokens *t,
    const struct vmf_facts *f, const struct vmf_dict words[VMF_N_WORDS],
    bool add, struct vmf_err *e) VMF_CHECK;

struct vmf_krig_opts {
	double workload;	/* likeness of sites of different ones */
	double words;		/* tokens of difference for 1 / e */
	double octaves;		/* standard deviation of likeness in z */
	double slope;		/* share of what is linear in the trend */
	double noise;		/* of one row, in parts of the variance */
};

struct vmf_krig {
	int64_t n;
	struct vmf_site *site;	/* its own; what is n long is after it */
	double *v, *weight;	/* values; rows, at least 1 */
	struct vmf_krig_opts opts;
	double mean, variance, trend;
	double middle[VMF_SITE_Z];	/* of the sites' z */
	double *chol, *alpha;	/* n x n lower, or NULL; n */
	/* each site as if it were not there, where asked for: */
	double *loo, *loo_sd;
};

/*
 * Learn n values v of the sites, of weight rows each; the options are those
 * of a small grid with the least mean absolute error of leaving one out,
 * weighted, or opts where it is not NULL.  n = 0 is a process that knows
 * nothing: mean 0.  All arrays are copied.
 */
int vmf_krig_fit(struct vmf_krig *k, const struct vmf_site *site,
    const double *v, const double *weight, int64_t n,
    const struct vmf_krig_opts *opts, struct vmf_err *e) VMF_CHECK;
/*
 * Fit m <= VMF_KRIG_MOST processes of the same sites at once: v[i * m + j] is
 * the value of process j at site i. Each has options of its own, opts[j] where
 * opts is not NULL. Only the one in the middle, k[m / 2], keeps its factor.
 * Without loo no site is left out.
 */
int vmf_krig_fit_all(struct vmf_krig *k, int m, const struct vmf_site *site,
    const double *v, const double *weight, int64_t n,
    const struct vmf_krig_opts *opts, bool loo, struct vmf_err *e) VMF_CHECK;
/* The value at a site, and its standard deviation, without noise; tmp is
 * room for 2 n doubles. */
void vmf_krig_at(const struct vmf_krig *k, const struct vmf_site *s,
    double *tmp, double *value, double *sd);
/* The value of each of m processes of the same sites, and the standard
 * deviation of the one in the middle. */
void vmf_krig_at_all(const struct vmf_krig *k, int m,
    const struct vmf_site *s, double *tmp, double *value, double *sd);
void vmf_krig_free(struct vmf_krig *k);

#endif
