/* SPDX-License-Identifier: MIT */
/*
 * Kernel quantiles of one series: what the steps of its past weigh, as each
 * member sees it, at one lead from one origin; mixtures of members; and
 * quantiles of these.  A distribution is a weight for each known step of the
 * past, and some atoms beside them.
 */
#ifndef VMF_KQ_MIX_H
#define VMF_KQ_MIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "forecast/forecast.h"
#include "forecast/kq_members.h"
#include "kernel/kq_ops.h"

enum { /* Families that weigh all steps: each has a vector. */
    VMF_KQ_VECTORS = KQ_F_AGE + 1,
    VMF_KQ_SEASONS = 32,		/* back, for the very same step */
    VMF_KQ_MOVED = 14,			/* of these, for values moved */
    VMF_KQ_SAME = 3 * VMF_KQ_SEASONS,
    VMF_KQ_LEVELS = 13,			/* of a forecast that is mixed in */
    /* Values that single members stand for: all but the last of these have
     * a lane. */
    VMF_KQ_SINGLES = VMF_KQ_SAME + KQ_N_MOVED * VMF_KQ_MOVED + 1,
    VMF_KQ_FEW = 32,			/* values of a member that has few */
    VMF_KQ_FEWS = VMF_KQ_MEMBERS - KQ_WEEKLY,
    VMF_KQ_ATOMS = VMF_KQ_SINGLES + 1 + VMF_KQ_FEWS * VMF_KQ_FEW +
	VMF_KQ_LEVELS,
    /* Beside the families, of members that are asleep: those of a period
     * found, and of the hour. */
    VMF_KQ_NO_PERIOD = 1 << VMF_KQ_FAMILIES,
    VMF_KQ_NO_HOUR = 2 << VMF_KQ_FAMILIES };
_Static_assert((int)VMF_KQ_MEMBERS <= 64, "a member has a bit");
_Static_assert((int)KQ_NAIVE - (int)KQ_N_DENSE == (int)VMF_KQ_LANES,
    "the members that weigh single steps, but for three, fill a vector");

/* What is mixed in is asked for at these levels. */
extern const struct vmf_quantiles vmf_kq_levels;
/* What each of them stands for: half of the way to its neighbours. */
extern const float vmf_kq_level_mass[VMF_KQ_LEVELS];

/* Values, ascending, and what each weighs. */
struct vmf_kq_atoms {
	int n;
	float v[VMF_KQ_ATOMS], a[VMF_KQ_ATOMS];
};

/* A weighted sum of members; private but for total. */
struct vmf_kq_mix {
	int64_t known;			/* values that may weigh; 0: none */
	float *s, *run;			/* by value, and sums of its runs */
	struct vmf_kq_atoms atoms;
	double total;
};

/* Eight of the members that weigh all steps: what each is made of. */
struct vmf_kq_vector {
	int n, member[VMF_KQ_LANES];	/* n of them, the others repeat one */
	const float *like[VMF_KQ_LANES][2];
	float floor[VMF_KQ_LANES], half_life[VMF_KQ_LANES];
	float *rows;			/* by step */
	float *moments;			/* by distance; NULL: they have none */
	/* What they make of each value at this lag (0: of none yet), and what
	 * that adds up to: vmf_kq_weigh. */
	float *w, total[VMF_KQ_LANES];
	int64_t weighed;
};

/* How much the load is of a level that is new, 0 to 1: one never seen, by the
 * last quarter of a day; one that has been for a day, by the hours of it. */
struct vmf_kq_news {
	float novel, settled;
};

/* A few values, ascending, and what they weigh: to 1. */
struct vmf_kq_few {
	int n;
	float v[VMF_KQ_FEW], w[VMF_KQ_FEW];
};

/* Room of one thread, reused from series to series; { 0 } to begin with,
 * and ops set, and again where a forecast is made. */
struct vmf_kq {
	const struct vmf_kq_ops *ops;
	unsigned without;		/* bits of families that are left out */
	/* Vectors are asked for one lead several times, and have room each for
	 * what they weigh; else they share it. */
	bool again;
	/* the series */
	const double *y;
	int64_t n, season, day, week;	/* steps; week 0: there is none */
	int64_t monday;			/* steps of its week before y[0] */
	int32_t *order;			/* known steps, by value, */
	int32_t *order_phase, *order_week;	/* in season and in week */
	int64_t n_order;
	float *m[VMF_KQ_STATES];
	struct vmf_kq_vector vector[VMF_KQ_VECTORS];
	/* as of an origin: its past, of `at` steps */
	const double *past;
	int64_t from, at, known;
	float *value, *gap;		/* ascending, and to the next */
	int32_t *step, *phase, *in_week;	/* of each value */
	unsigned asleep;		/* vmf_kq_asleep */
	/* Bits of the members that are asleep, and of those that are so until
	 * they have something to say, not as they are left out. */
	uint64_t silent, waiting;
	struct vmf_kq_news news;
	float *x[VMF_KQ_STATES], last;
	float *like[VMF_KQ_LIKES];
	float narrow[VMF_KQ_LIKES];	/* 1 / band; 0: all are alike */
	int64_t base;			/* the least lag that rows are for */
	int64_t period, period_at;	/* found in so many days; 0: none */
	/* at a lead from it */
	int64_t lead;
	struct vmf_kq_few few[VMF_KQ_FEWS];	/* of KQ_WEEKLY and so on */
	int n_single;
	float single[VMF_KQ_SINGLES];	/* ascending, what each weighs: */
	float single_w[(VMF_KQ_SINGLES + VMF_KQ_LANES) * VMF_KQ_LANES];
	float single_total[VMF_KQ_LANES];
	struct vmf_kq_mix mix[2];
	/* room */
	float *lags, *thin;
	float *floats;
	int32_t *ints;
	int64_t floats_cap, ints_cap;
	/* what moments are of, and what is left after seasons */
	int64_t moments_season, moments_day, moments_week;
	float left[KQ_N_SPARSE + KQ_N_MOVED + KQ_N_SCALED][VMF_KQ_SEASONS];
	float period_left[KQ_N_PERIODIC];	/* after one */
};
void vmf_kq_free(struct vmf_kq *q);

/* The family of member m. */
static inline enum kq_family
vmf_kq_family(int m)
{
	if (m >= KQ_WEEKLY)
		return m >= KQ_PERIODIC ? KQ_F_SAME : m >= KQ_SCALED ?
		    KQ_F_MOVED : KQ_F_WEEK;
	if (m == KQ_NAIVE)
		return KQ_F_LAST;
	if (m == KQ_SNAIVE)
		return KQ_F_SEASON;
	if (m >= KQ_N_DENSE)
		return m >= KQ_MOVED ? KQ_F_MOVED : KQ_F_SAME;
	if (kq_dense[m].phase != KQ_ANY)
		return kq_phases[kq_dense[m].phase].week ? KQ_F_WEEK :
		    KQ_F_DAY;
	return kq_dense[m].like[0] != KQ_ANY ? KQ_F_STATE : KQ_F_AGE;
}

/* Whether it says nothing, where so much is asleep. */
static inline bool
vmf_kq_sleeps(unsigned asleep, int m)
{
	unsigned bit = m < KQ_PERIODIC ? 0 :
	    kq_periodic[m - KQ_PERIODIC].hour ? VMF_KQ_NO_HOUR :
	    VMF_KQ_NO_PERIOD;

	return (asleep >> vmf_kq_family(m) & 1) || (asleep & bit);
}

/* A series of n steps, y[0] known and NaN where missing; season, day and week
 * are in steps (week 0: none is looked at), and monday is how many of its week
 * were before y[0].  y is the caller's, and stays. */
int vmf_kq_series(struct vmf_kq *q, const double *y, int64_t n,
    int64_t season, int64_t day, int64_t week, int64_t monday,
    struct vmf_err *e) VMF_CHECK;
/* Stand before step t, 1 to n: nothing from there on is looked at. */
void vmf_kq_origin(struct vmf_kq *q, int64_t t);
/* Look at the step lead (from 0) steps after the origin, or at those around
 * it. */
void vmf_kq_lead(struct vmf_kq *q, int64_t lead);
/* The same, for the members that weigh single steps only. */
void vmf_kq_single(struct vmf_kq *q, int64_t lead);

/* The same, for the members of a few values: kq_few.c. */
void vmf_kq_find_few(struct vmf_kq *q);
/* The value a season before the lead, or more where that is missing; the last
 * one where those are. */
float vmf_kq_before(const struct vmf_kq *q);
/* Steps of an hour, where a day has 24 times as many; 0 where it has less than
 * three. */
int64_t vmf_kq_hour(int64_t day);
/*
 * Of the whole days of the first t steps: the period, in steps, that the series
 * repeats itself after; 0 where there is none.  By differences after lags (Ross
 * et al., "Average magnitude difference function pitch extractor", 1974): in
 * short steps first below a quarter of a day, by the last three days, then
 * below eight days by hours and the last 21, where it is to do so more closely
 * than after a day, a week and its season.  Missing steps count as they were a
 * day before.
 */
int64_t vmf_kq_period(struct vmf_kq *q, int64_t t);

/* What the members of v make of each value, into v->w, and their sums. */
void vmf_kq_weigh(struct vmf_kq *q, struct vmf_kq_vector *v);

/*
 * What each member loses when y comes: loss is 2 x pinball loss, mean of the
 * nine deciles, err the absolute error of the median; both are 0 of those who
 * wait (q->waiting), as what they lose is the caller's to say.  The members are
 * mixed into mix[0] by share.
 */
void vmf_kq_judge(struct vmf_kq *q, double y, const float *share,
    float *loss, float *err);
/*
 * Mix into mix[0] by share[0] and, where it is not NULL, mix[1] by share[1]:
 * first the members that weigh all steps, then (for each lead) the others.
 * v are the quantiles at vmf_kq_levels of one more forecast, or NULL, with a
 * share of its own, other[i].
 */
void vmf_kq_mix_dense(struct vmf_kq *q, const float *share[2]);
void vmf_kq_mix_atoms(struct vmf_kq *q, const float *share[2],
    const float *v, const float other[2]);
/* Mix one family into mix[0] by share, which is 0 for all others: members
 * that weigh all steps as of `lead`, which vmf_kq_lead looked at; the others
 * of the step that vmf_kq_single did since. */
void vmf_kq_mix_family(struct vmf_kq *q, enum kq_family f,
    const float *share, int64_t lead);
/* The fence (fence.h) of all but a hundredth of the history before the origin,
 * at either end; none of two steps. */
void vmf_kq_fence(const struct vmf_kq *q, float bound[2]);
/* The same, and as far as the history itself went. */
void vmf_kq_seen(const struct vmf_kq *q, double *lo, double *hi);
/* Of mix[i]: quantiles at ascending levels, the mean (in which one value
 * beyond the fence counts as on it, and several as the mixture's .05 or .95
 * where that is further), and the shares below y and not above it. */
void vmf_kq_quantiles(const struct vmf_kq *q, int i, const double *level,
    int n, float *v);
double vmf_kq_mean(const struct vmf_kq *q, int i);
void vmf_kq_pit(const struct vmf_kq *q, int i, double y, double *below,
    double *upto);

#endif
