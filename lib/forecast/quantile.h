/* SPDX-License-Identifier: MIT */
/*
 * Quantiles: the levels that people ask for, the columns named after them,
 * and empirical quantiles.  A level is held in millionths (0.975 is
 * 975000), so that two of them are the same or not.
 */
#ifndef VMF_QUANTILE_H
#define VMF_QUANTILE_H

#include <stdint.h>

#include "base/err.h"

/* That can be asked for; and with the nine deciles, which what is learned of
 * a whole fleet wants besides (global.h): room for all. */
#define VMF_QUANTILES_MAX 99
#define VMF_LEVELS_MAX (VMF_QUANTILES_MAX + 9)

struct vmf_quantiles {
	int n;
	int32_t ppm[VMF_LEVELS_MAX];		/* ascending */
};

/*
 * Read "0.1,0.5,0.9": each above 0 and below 1, with at most 6 decimals, none
 * twice; sorted.  what names the option in the message (VMF_EUSAGE).
 */
int vmf_quantiles_parse(struct vmf_quantiles *q, const char *text,
    const char *what, struct vmf_err *e) VMF_CHECK;

/* Column of a metric at a level: cpu_mean at 0.1 is cpu_mean_q10, at 0.05
 * cpu_mean_q05, at 0.975 cpu_mean_q97_5.  buf is the caller's, n bytes; a
 * name that does not fit is cut. */
void vmf_quantile_column(char *buf, int64_t n, const char *metric,
    int32_t ppm);
/* The level of such a column, or -1 when it is not one of that metric. */
int32_t vmf_quantile_of_column(const char *column, const char *metric);

/* Sort n finite numbers, ascending.  tmp is room for n more. */
void vmf_sort_doubles(double *x, double *tmp, int64_t n);

/*
 * Quantile p (0 to 1) of n >= 1 sorted numbers, linear between them: type 7
 * of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996).
 */
double vmf_quantile_sorted(const double *x, int64_t n, double p);

#endif
