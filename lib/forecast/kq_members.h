/* SPDX-License-Identifier: MIT */
/*
 * The members of the kernel quantile family: what each of them takes for
 * alike.  Chosen, and their shares measured, on the windows of Bitbrains
 * (August 2013) and Azure that end 60 hours and more before the last ones.
 */
#ifndef VMF_KQ_MEMBERS_H
#define VMF_KQ_MEMBERS_H

#include <stdbool.h>

/* States: the mean of the load over so many steps, at least, and so much of
 * a day. */
enum { KQ_LAST, KQ_THREE, KQ_HOUR, KQ_QUARTER, KQ_DAY, VMF_KQ_STATES };
static const struct {
	int steps;
	double day;
} kq_windows[VMF_KQ_STATES] = {
	{ 1, 0.0 }, { 3, 0.0 }, { 6, 1.0 / 24 }, { 1, 0.25 }, { 1, 1.0 },
};

/* Half-lives, in days. */
enum { KQ_2H, KQ_6H, KQ_1D, KQ_3D, KQ_1W, KQ_1M, VMF_KQ_AGES };
static const float kq_half_lives[VMF_KQ_AGES] = { 0.08f, 0.25f, 1.0f, 3.0f,
    7.0f, 30.0f };

/* Distances in the season or in the week, as standard deviations in days; and
 * what the same time of the week's other days counts beside it.  KQ_ANY is
 * none. */
enum { KQ_NEAR_2H, KQ_NEAR_4H, KQ_WEEK_30M, KQ_WEEK_1H, KQ_WEEK_1H_DAYS,
    KQ_WEEK_2H, VMF_KQ_PHASES, KQ_ANY = -1 };
static const struct kq_phase {
	bool week;
	float days, others;
} kq_phases[VMF_KQ_PHASES] = {
	{ false, 1.0f / 12, 0.0f }, { false, 1.0f / 6, 0.0f },
	{ true, 1.0f / 48, 0.0f }, { true, 1.0f / 24, 0.0f },
	{ true, 1.0f / 24, 0.1f }, { true, 1.0f / 12, 0.0f },
};

/* Distances of a state, as parts of its standard deviation. */
enum { KQ_LAST_05, KQ_LAST_10, KQ_LAST_30, KQ_THREE_10, KQ_THREE_20,
    KQ_HOUR_10, KQ_HOUR_20, KQ_QUARTER_15, KQ_DAY_20, KQ_DAY_30,
    VMF_KQ_LIKES };
static const struct {
	int state;
	float band;
} kq_bands[VMF_KQ_LIKES] = {
	{ KQ_LAST, 0.05f }, { KQ_LAST, 0.1f }, { KQ_LAST, 0.3f },
	{ KQ_THREE, 0.1f }, { KQ_THREE, 0.2f }, { KQ_HOUR, 0.1f },
	{ KQ_HOUR, 0.2f }, { KQ_QUARTER, 0.15f }, { KQ_DAY, 0.2f },
	{ KQ_DAY, 0.3f },
};

/* A weight is 2^-(age / half-life) x (floor + likeness of the moment) x
 * (floor + likeness) of one or two states. */
static const struct kq_dense {
	int age, phase;
	float phase_floor;
	int like[2];
	float like_floor;
} kq_dense[] = {
	{ KQ_6H, KQ_ANY, 0.0f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_1D, KQ_ANY, 0.0f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_1D, KQ_NEAR_2H, 0.1f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_3D, KQ_ANY, 0.0f, { KQ_LAST_05, KQ_ANY }, 0.01f },
	{ KQ_1D, KQ_NEAR_4H, 0.1f, { KQ_LAST_10, KQ_ANY }, 0.02f },
	{ KQ_1M, KQ_ANY, 0.0f, { KQ_LAST_05, KQ_THREE_10 }, 0.01f },
	{ KQ_3D, KQ_ANY, 0.0f, { KQ_LAST_10, KQ_THREE_20 }, 0.02f },
	{ KQ_1M, KQ_NEAR_4H, 0.2f, { KQ_LAST_10, KQ_HOUR_20 }, 0.02f },
	{ KQ_1W, KQ_ANY, 0.0f, { KQ_LAST_05, KQ_HOUR_10 }, 0.01f },
	{ KQ_1W, KQ_NEAR_2H, 0.1f, { KQ_THREE_20, KQ_ANY }, 0.03f },
	{ KQ_3D, KQ_NEAR_2H, 0.1f, { KQ_HOUR_20, KQ_ANY }, 0.05f },
	{ KQ_1D, KQ_ANY, 0.0f, { KQ_HOUR_20, KQ_ANY }, 0.03f },
	{ KQ_3D, KQ_ANY, 0.0f, { KQ_LAST_10, KQ_DAY_30 }, 0.05f },
	{ KQ_1W, KQ_NEAR_2H, 0.1f, { KQ_HOUR_20, KQ_DAY_20 }, 0.05f },
	{ KQ_1D, KQ_NEAR_2H, 0.1f, { KQ_QUARTER_15, KQ_ANY }, 0.05f },
	{ KQ_6H, KQ_NEAR_2H, 0.1f, { KQ_LAST_30, KQ_ANY }, 0.05f },
	{ KQ_2H, KQ_ANY, 0.0f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_6H, KQ_ANY, 0.0f, { KQ_LAST_10, KQ_THREE_20 }, 0.05f },
	{ KQ_2H, KQ_ANY, 0.0f, { KQ_LAST_30, KQ_ANY }, 0.05f },
	{ KQ_1W, KQ_WEEK_30M, 1e-5f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_1M, KQ_WEEK_30M, 1e-5f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_1W, KQ_WEEK_1H, 1e-5f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_1M, KQ_WEEK_1H, 1e-5f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_1M, KQ_WEEK_1H_DAYS, 1e-5f, { KQ_ANY, KQ_ANY }, 0.0f },
	{ KQ_1M, KQ_WEEK_1H_DAYS, 1e-5f, { KQ_DAY_30, KQ_ANY }, 0.05f },
	{ KQ_1M, KQ_WEEK_2H, 1e-5f, { KQ_QUARTER_15, KQ_ANY }, 0.05f },
	{ KQ_1M, KQ_WEEK_2H, 1e-5f, { KQ_HOUR_20, KQ_ANY }, 0.05f },
};

/* The very same step of the season in seasons past, and at a share the
 * steps beside it; half-lives in days. */
#define KQ_BESIDE 0.3f
#define KQ_SPARSE_FLOOR 0.03f
static const struct kq_sparse {
	float half_life;
	int like;
} kq_sparse[] = {
	{ 2.0f, KQ_ANY },
	{ 7.0f, KQ_ANY },
	{ 7.0f, KQ_LAST_30 },
	{ 7.0f, KQ_DAY_30 },
};

/* The same, without those beside, and each value moved by a part of what the
 * state has changed since then. */
static const struct kq_moved {
	float half_life;
	int state;
	float part;
} kq_moved[] = {
	{ 7.0f, KQ_DAY, 1.0f },
	{ 7.0f, KQ_HOUR, 0.7f },
	{ 3.0f, KQ_QUARTER, 1.0f },
};

/* And each value times what the state is now in parts of what it was then, or
 * the power of 3/4 of that: of loads whose days grow with their level. */
static const struct kq_scaled {
	float half_life;
	int state;
	bool damped;
} kq_scaled[] = {
	{ 7.0f, KQ_DAY, false },
	{ 7.0f, KQ_HOUR, true },
	{ 3.0f, KQ_QUARTER, false },
};

/* The very same step of periods past: of the hour, where steps are so short
 * that it has some, else of a period that was found in the series itself.
 * Half-lives in periods.  Of KQ_SEASON, each hour counts as much as its step
 * was like the one that is looked at a season before. */
enum { KQ_SEASON = -2 };
static const struct kq_periodic {
	bool hour;
	float half_life;
	int like;
} kq_periodic[] = {
	{ false, 16.0f, KQ_ANY },
	{ false, 1.5f, KQ_ANY },
	{ false, 4.0f, KQ_LAST_30 },
	{ true, 1.5f, KQ_ANY },
	{ true, 16.0f, KQ_SEASON },
};

/* And the values of the season before, the last one, those of the very same
 * step of the week, and of the very same step of days of a kind: workdays,
 * Saturdays or Sundays. */
enum { KQ_N_DENSE = (int)(sizeof(kq_dense) / sizeof(kq_dense[0])),
    KQ_N_SPARSE = (int)(sizeof(kq_sparse) / sizeof(kq_sparse[0])),
    KQ_N_MOVED = (int)(sizeof(kq_moved) / sizeof(kq_moved[0])),
    KQ_N_SCALED = (int)(sizeof(kq_scaled) / sizeof(kq_scaled[0])),
    KQ_N_PERIODIC = (int)(sizeof(kq_periodic) / sizeof(kq_periodic[0])),
    KQ_MOVED = KQ_N_DENSE + KQ_N_SPARSE, KQ_SNAIVE = KQ_MOVED + KQ_N_MOVED,
    KQ_NAIVE, KQ_WEEKLY, KQ_DAYS, KQ_SCALED,
    KQ_PERIODIC = KQ_SCALED + KQ_N_SCALED,
    VMF_KQ_MEMBERS = KQ_PERIODIC + KQ_N_PERIODIC };

/* Where the load is of a level never seen, so much of all shares, by groups of
 * leads, goes to the members of the newest values: those of ages of six hours
 * and of two, the value a season before moved by the quarter of a day, and the
 * last one. */
static const float kq_novel[4] = { 0.6f, 0.6f, 0.5f, 0.4f };
static const struct kq_newest {
	int member;
	float share;
} kq_newest[] = {
	{ 0, 0.2f }, { 16, 0.2f }, { KQ_MOVED + 2, 0.4f }, { KQ_NAIVE, 0.2f },
};
enum { KQ_N_NEWEST = (int)(sizeof(kq_newest) / sizeof(kq_newest[0])) };
/* And where it has been for a day, to those of the day before: of series with
 * few steps a day, and with many, whose last values know most of an hour. */
static const float kq_settled[2][4] = { { 0.5f, 0.7f, 0.8f, 0.8f },
    { 0.1f, 0.3f, 0.8f, 0.8f } };
static const struct kq_newest kq_daily[] = {
	{ KQ_SNAIVE, 0.5f }, { KQ_N_DENSE, 0.2f }, { 2, 0.15f }, { 14, 0.15f },
};
enum { KQ_N_DAILY = (int)(sizeof(kq_daily) / sizeof(kq_daily[0])) };

/* Members that look at the past in one way: those that weigh all steps, by
 * their distance in the season, or in the week, else by the likeness of
 * states, else by age alone; and those that weigh single steps, by the step of
 * the season, the same and moved, the season before, and the last value.  Those
 * of the same step of the week, or of days of a kind, are of the family of the
 * week; values scaled are of those moved, and periods of the same step. */
enum kq_family { KQ_F_DAY, KQ_F_WEEK, KQ_F_STATE, KQ_F_AGE, KQ_F_SAME,
    KQ_F_MOVED, KQ_F_SEASON, KQ_F_LAST, VMF_KQ_FAMILIES };

/* Mean shares of the members over these fleets' VMs, by groups of leads (to
 * an hour, four hours, a day, and beyond): of series with few steps a day,
 * and with many.  Those that look at the week have a hundredth each, as these
 * fleets have little of one, and so have those that came later: values scaled,
 * and periods. */
static const float kq_fleet[2][4][VMF_KQ_MEMBERS] = {
	{
		{ 0.024f, 0.016f, 0.018f, 0.039f, 0.054f, 0.035f, 0.057f,
		    0.047f, 0.031f, 0.028f, 0.026f, 0.024f, 0.037f, 0.029f,
		    0.034f, 0.063f, 0.039f, 0.042f, 0.043f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.019f,
		    0.017f, 0.039f, 0.017f, 0.019f, 0.029f, 0.024f, 0.013f,
		    0.039f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f },
		{ 0.048f, 0.025f, 0.024f, 0.035f, 0.046f, 0.028f, 0.044f,
		    0.038f, 0.027f, 0.031f, 0.028f, 0.031f, 0.034f, 0.026f,
		    0.031f, 0.062f, 0.052f, 0.033f, 0.035f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.028f,
		    0.028f, 0.034f, 0.023f, 0.023f, 0.031f, 0.023f, 0.010f,
		    0.020f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f },
		{ 0.061f, 0.042f, 0.042f, 0.028f, 0.032f, 0.018f, 0.027f,
		    0.027f, 0.019f, 0.035f, 0.035f, 0.034f, 0.032f, 0.028f,
		    0.034f, 0.039f, 0.039f, 0.030f, 0.034f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.046f,
		    0.042f, 0.039f, 0.031f, 0.025f, 0.035f, 0.021f, 0.012f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f },
		{ 0.052f, 0.052f, 0.048f, 0.031f, 0.032f, 0.019f, 0.026f,
		    0.024f, 0.020f, 0.037f, 0.038f, 0.038f, 0.031f, 0.028f,
		    0.035f, 0.034f, 0.031f, 0.031f, 0.027f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.052f,
		    0.059f, 0.039f, 0.034f, 0.020f, 0.028f, 0.015f, 0.010f,
		    0.010f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f },
	},
	{
		{ 0.023f, 0.016f, 0.017f, 0.031f, 0.049f, 0.056f, 0.071f,
		    0.054f, 0.054f, 0.031f, 0.028f, 0.032f, 0.029f, 0.031f,
		    0.028f, 0.072f, 0.037f, 0.075f, 0.062f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.015f,
		    0.015f, 0.018f, 0.014f, 0.007f, 0.011f, 0.010f, 0.006f,
		    0.012f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f },
		{ 0.035f, 0.023f, 0.022f, 0.039f, 0.047f, 0.047f, 0.061f,
		    0.050f, 0.043f, 0.035f, 0.032f, 0.039f, 0.035f, 0.031f,
		    0.032f, 0.055f, 0.051f, 0.053f, 0.049f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.017f,
		    0.015f, 0.020f, 0.015f, 0.010f, 0.020f, 0.015f, 0.007f,
		    0.006f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f },
		{ 0.044f, 0.034f, 0.035f, 0.037f, 0.040f, 0.035f, 0.041f,
		    0.038f, 0.032f, 0.039f, 0.038f, 0.036f, 0.033f, 0.032f,
		    0.034f, 0.042f, 0.046f, 0.041f, 0.044f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.033f,
		    0.031f, 0.032f, 0.025f, 0.014f, 0.017f, 0.015f, 0.007f,
		    0.004f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f },
		{ 0.040f, 0.039f, 0.039f, 0.039f, 0.039f, 0.031f, 0.039f,
		    0.034f, 0.030f, 0.041f, 0.039f, 0.036f, 0.033f, 0.034f,
		    0.036f, 0.038f, 0.038f, 0.037f, 0.036f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f, 0.042f,
		    0.044f, 0.038f, 0.028f, 0.011f, 0.016f, 0.010f, 0.005f,
		    0.005f, 0.011f, 0.011f, 0.011f, 0.011f, 0.011f,
		    0.011f, 0.011f, 0.011f, 0.011f, 0.011f },
	},
};
/* How much more than 0.8 of a mixture its 80 % interval takes: what those of
 * earlier windows lacked; of kq alone, and with a forecast mixed in by its
 * share below, which widens them. */
static const double kq_wider[2][2][4] = {
	{ { 0.019, 0.010, 0.019, 0.037 }, { -0.014, -0.010, -0.009, 0.003 } },
	{ { -0.022, -0.032, -0.033, -0.022 },
	    { -0.026, -0.024, -0.024, -0.028 } },
};
/* How steeply shares fall with losses: far ahead of fine steps, what lost
 * least so far says less of what will. */
static const float kq_power[2][4] = {
	{ 10.0f, 10.0f, 10.0f, 10.0f },
	{ 10.0f, 10.0f, 7.0f, 5.0f },
};
/* The share of a forecast by the other algorithms, where there is one: of all
 * quantiles but the median, as those are wide; and of the median. */
static const double kq_other[2][2][4] = {
	{ { 0.3, 0.3, 0.3, 0.3 }, { 0.3, 0.3, 0.3, 0.3 } },
	{ { 0.1, 0.1, 0.2, 0.3 }, { 0.2, 0.2, 0.25, 0.3 } },
};

#endif
