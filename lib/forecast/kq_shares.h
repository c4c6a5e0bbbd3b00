/* SPDX-License-Identifier: MIT */
/*
 * What is known of the members of kq for one series, in groups of leads; the
 * shares and levels that follow from it; and its bytes in the model,
 * vmf-model(5).
 */
#ifndef VMF_KQ_SHARES_H
#define VMF_KQ_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "forecast/kq_mix.h"

enum { VMF_KQ_GROUPS = 4, VMF_KQ_SAMPLES = 4, VMF_KQ_BINS = 20 };

/* Discounted sums over origins. */
struct vmf_kq_group {
	int64_t next;			/* the origin to score: seconds */
	float w;			/* of 1 */
	float mix_loss;			/* of the mixture, as of members */
	float mix_err;			/* |error| of its median */
	float loss[VMF_KQ_MEMBERS];	/* 2 x pinball, mean of nine levels */
	float err[VMF_KQ_MEMBERS];	/* |error| of the median */
	float pit[VMF_KQ_BINS];		/* of the mixture: sums to w */
};
struct vmf_kq_state {
	unsigned without;		/* families that are left out */
	int64_t first;			/* where the history began: seconds */
	int64_t period;			/* found at its end: steps; 0: none */
	struct vmf_kq_group g[VMF_KQ_GROUPS];
};

/* Steps of a day; 24 where there are fewer. */
int64_t vmf_kq_day(int64_t step_s);
/* Steps of a week; 0 where they are no whole number, or where the season
 * tells as much. */
int64_t vmf_kq_week(int64_t step_s, int64_t season);
/* Steps from the beginning of a Monday, UTC, to second start; 0 where a week
 * has none. */
int64_t vmf_kq_monday(int64_t start, int64_t step_s, int64_t week);
/* The families that say nothing where so many steps are known: those left
 * out, and that of the week where none has passed; and the bits of members that
 * have no period, or no hour. */
unsigned vmf_kq_asleep(unsigned without, int64_t week, int64_t past,
    int64_t day, int64_t period);
/* The families' names, as --without has them. */
extern const char *const vmf_kq_families[VMF_KQ_FAMILIES];
/* What member m looks at, in words; a period found is in steps. */
enum { VMF_KQ_NAME = 96 };
void vmf_kq_name(int m, int64_t period, char name[VMF_KQ_NAME]);
/* The lead after group k: an hour, four, a day, and two and a half (the last
 * is for all leads from there on as well). */
int64_t vmf_kq_end(int k, int64_t day);
/* Lead i of those that group k is scored by; -1: there are not so many. */
int64_t vmf_kq_sample(int k, int64_t day, int i);

/*
 * Shares of the members by what they lost over w origins: proportional to
 * loss^-kq_power, and shrunk to those of other fleets; 0 in the families that
 * are asleep, not all of which may be; and drawn to those of the newest values,
 * or of the day before, where there is news.  Aggregation by losses: Vovk,
 * "Aggregating strategies", 1990.
 */
void vmf_kq_shares(const struct vmf_kq_ops *ops, const float *loss, float w,
    int k, int64_t day, unsigned asleep, struct vmf_kq_news news, float *share);
/*
 * The share of a forecast that is mixed in, of the median or of the other
 * quantiles: that of other fleets, more or less by what it lost, lost[median]
 * (VMF_PANEL_LOST), beside the mixture, both in parts of what the last value
 * and the season before lost at their own origins.
 */
double vmf_kq_other(const struct vmf_kq_group *g, int k, int64_t day,
    const double lost[2], bool median);
/*
 * The level to ask the mixture for, so that the central interval that ends at
 * level holds as often as it says, by where the past fell (the conformal
 * idea: Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World",
 * 2005); shrunk to what it took on average elsewhere, and never far from it.
 * other: the share of a forecast that is mixed in, or 0.
 */
double vmf_kq_level(const struct vmf_kq_group *g, int k, int64_t day,
    double other, double level);

/* The same, where moved is what vmf_kq_level says of level, and the interval
 * of 0.8 is to end by half of more (|more| <= VMF_KQ_MORE) further out. */
#define VMF_KQ_MORE 0.12
double vmf_kq_widen(double level, double moved, double more);

int vmf_kq_state_put(const struct vmf_kq_state *s, struct vmf_buf *blob,
    struct vmf_err *e) VMF_CHECK;
/* VMF_EDATA when the blob cannot be one of these; name is the algorithm. */
int vmf_kq_state_get(struct vmf_kq_state *s, const char *name,
    const struct vmf_buf *blob, int64_t step_s, struct vmf_err *e)
    VMF_CHECK;

#endif
