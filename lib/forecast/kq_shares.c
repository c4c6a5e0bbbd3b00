/* SPDX-License-Identifier: MIT */
#include "forecast/kq_shares.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "series/series.h"

/* Origins that the fleet's shares count for, and even levels. */
#define FLEET_ORIGINS 3.0f
/* What losses of the week's members are multiplied by: they have a few weeks
 * to be judged by, of which days are not independent. */
#define WEEK_LOSS 1.15f
#define LEVEL_ORIGINS 40.0
/* How far a level may be moved. */
#define LEVEL_MOVED 0.03
/* How steeply the odds of a forecast that is mixed in fall with what it
 * loses, and the least and the most that they are multiplied by. */
#define OTHER_POWER 6.0
#define OTHER_LEAST 0.1
#define OTHER_MOST 3.0
/* Coarse steps have few origins: odds fall where it loses more than so many
 * times as much, and do not rise.  What it lost is of the newest quarter, what
 * kq did also of weeks in which it knew less. */
#define OTHER_FALL 1.4
/* Days of at most so many steps are coarse. */
#define COARSE 48

/* A day has so many steps at least. */
#define DAY_MIN 24
#define WEEK_S (7 * 86400)

int64_t
vmf_kq_day(int64_t step_s)
{
	int64_t day = 86400 / step_s;

	return day < DAY_MIN ? DAY_MIN : day;
}

int64_t
vmf_kq_week(int64_t step_s, int64_t season)
{
	int64_t week = WEEK_S / step_s;

	return WEEK_S % step_s == 0 && week > 1 && season % week != 0 ?
	    week : 0;
}

int64_t
vmf_kq_monday(int64_t start, int64_t step_s, int64_t week)
{
	/* 1970 began on a Thursday. */
	int64_t s = (start + 3 * 86400) % WEEK_S;

	return week == 0 ? 0 : (s < 0 ? s + WEEK_S : s) / step_s;
}

unsigned
vmf_kq_asleep(unsigned without, int64_t week, int64_t past, int64_t day,
    int64_t period)
{
	unsigned asleep = without;

	if (week == 0 || past < week)
		asleep |= 1u << KQ_F_WEEK;
	/* Something has to speak. */
	if (asleep == (1u << VMF_KQ_FAMILIES) - 1)
		asleep = without;
	if (period == 0)
		asleep |= VMF_KQ_NO_PERIOD;
	if (vmf_kq_hour(day) == 0)
		asleep |= VMF_KQ_NO_HOUR;
	return asleep;
}

const char *const vmf_kq_families[VMF_KQ_FAMILIES] = {
	[KQ_F_DAY] = "kq-day", [KQ_F_WEEK] = "kq-week",
	[KQ_F_STATE] = "kq-state", [KQ_F_AGE] = "kq-age",
	[KQ_F_SAME] = "kq-same", [KQ_F_MOVED] = "kq-moved",
	[KQ_F_SEASON] = "kq-season", [KQ_F_LAST] = "kq-last",
};

static const char *const states[VMF_KQ_STATES] = { [KQ_LAST] = "last",
    [KQ_THREE] = "last three", [KQ_HOUR] = "hour",
    [KQ_QUARTER] = "quarter of a day", [KQ_DAY] = "day" };

/* Append how close a state must be to be alike, in standard deviations. */
static int
name_like(int like, char *to, int room)
{
	if (like == KQ_ANY)
		return 0;
	if (like == KQ_SEASON)
		return snprintf(to, (size_t)room, "; as a season before");
	return snprintf(to, (size_t)room, "; %s %g",
	    states[kq_bands[like].state], (double)kq_bands[like].band);
}

/* Append how close a moment must be. */
static int
name_phase(const struct kq_phase *p, char *to, int room)
{
	const char *of = p->week ? "week" : "day";

	return snprintf(to, (size_t)room, "; time of %s %.2gh%s", of,
	    24.0 * (double)p->days, p->others > 0.0f ? " and less of day" :
	    "");
}

void
vmf_kq_name(int m, int64_t period, char name[VMF_KQ_NAME])
{
	int n;

	if (m == KQ_WEEKLY) {
		snprintf(name, VMF_KQ_NAME, "same step of week; age 28d");
	} else if (m == KQ_DAYS) {
		snprintf(name, VMF_KQ_NAME, "same step of "
		    "workday/Sat/Sun; age 28d");
	} else if (m >= KQ_PERIODIC) {
		const struct kq_periodic *k = &kq_periodic[m - KQ_PERIODIC];

		n = k->hour ? snprintf(name, VMF_KQ_NAME, "same step of hour") :
		    snprintf(name, VMF_KQ_NAME, "same step of %lld",
		    (long long)period);
		n += snprintf(name + n, (size_t)(VMF_KQ_NAME - n),
		    "; age %g times", (double)k->half_life);
		name_like(k->like, name + n, VMF_KQ_NAME - n);
	} else if (m >= KQ_SCALED) {
		const struct kq_scaled *k = &kq_scaled[m - KQ_SCALED];

		snprintf(name, VMF_KQ_NAME, "same step; age %gd; times the "
		    "%s's change%s", (double)k->half_life, states[k->state],
		    k->damped ? "^0.75" : "");
	} else if (m == KQ_NAIVE) {
		snprintf(name, VMF_KQ_NAME, "last value");
	} else if (m == KQ_SNAIVE) {
		snprintf(name, VMF_KQ_NAME, "season before");
	} else if (m >= KQ_MOVED) {
		const struct kq_moved *k = &kq_moved[m - KQ_MOVED];

		snprintf(name, VMF_KQ_NAME, "same step; age %gd; moved by "
		    "%g of the %s", (double)k->half_life, (double)k->part,
		    states[k->state]);
	} else if (m >= KQ_N_DENSE) {
		const struct kq_sparse *k = &kq_sparse[m - KQ_N_DENSE];

		n = snprintf(name, VMF_KQ_NAME, "same step; age %gd",
		    (double)k->half_life);
		name_like(k->like, name + n, VMF_KQ_NAME - n);
	} else {
		const struct kq_dense *k = &kq_dense[m];

		n = snprintf(name, VMF_KQ_NAME, "age %gd",
		    (double)kq_half_lives[k->age]);
		if (k->phase != KQ_ANY)
			n += name_phase(&kq_phases[k->phase], name + n,
			    VMF_KQ_NAME - n);
		for (int i = 0; i < 2; i++)
			n += name_like(k->like[i], name + n,
			    VMF_KQ_NAME - n);
	}
}

int64_t
vmf_kq_end(int k, int64_t day)
{
	switch (k) {
	case 0:
		return day / 24;
	case 1:
		return day / 6;
	case 2:
		return day;
	default:
		return day * 5 / 2;
	}
}

int64_t
vmf_kq_sample(int k, int64_t day, int i)
{
	int64_t lo = k == 0 ? 0 : vmf_kq_end(k - 1, day);
	int64_t n = vmf_kq_end(k, day) - lo;

	if (n <= VMF_KQ_SAMPLES)
		return i < n ? lo + i : -1;
	return lo + n * (2 * i + 1) / (2 * VMF_KQ_SAMPLES);
}

/* Give `part` of all shares to n members. */
static void
draw_to(const struct kq_newest *to, int n, float *share, float part,
    unsigned asleep)
{
	float all = 0.0f;

	for (int i = 0; i < n; i++)
		if (!vmf_kq_sleeps(asleep, to[i].member))
			all += to[i].share;
	if (!(part > 0.0f && all > 0.0f))
		return;
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		share[m] *= 1.0f - part;
	for (int i = 0; i < n; i++)
		if (!vmf_kq_sleeps(asleep, to[i].member))
			share[to[i].member] += part * to[i].share / all;
}

void
vmf_kq_shares(const struct vmf_kq_ops *ops, const float *loss, float w,
    int k, int64_t day, unsigned asleep, struct vmf_kq_news news, float *share)
{
	enum { ROOM = (VMF_KQ_MEMBERS + VMF_KQ_LANES - 1) / VMF_KQ_LANES *
	    VMF_KQ_LANES };
	const float *fleet = kq_fleet[day > COARSE][k];
	float start[ROOM], lost[ROOM], part[ROOM], least = INFINITY;
	float own = w / (w + FLEET_ORIGINS), sum = 0.0f;

	for (int m = 0; m < ROOM; m++) {
		start[m] = m < VMF_KQ_MEMBERS ? fleet[m] : 1.0f;
		lost[m] = m >= VMF_KQ_MEMBERS ? 1.0f :
		    vmf_kq_sleeps(asleep, m) ? INFINITY :
		    vmf_kq_family(m) == KQ_F_WEEK ? WEEK_LOSS * loss[m] :
		    loss[m];
	}
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		least = lost[m] < least ? lost[m] : least;
	/* Where one never failed, those that did count for nothing; where
	 * nothing is known, all count as in the fleet. */
	for (int m = 0; m < ROOM && !(least > 0.0f); m++)
		lost[m] = lost[m] > 0.0f ? INFINITY : 1.0f;
	if (!(least > 0.0f))
		least = 1.0f;
	for (int m = 0; m < ROOM; m += VMF_KQ_LANES)
		ops->powers(part + m, start + m, lost + m, least, own,
		    kq_power[day > COARSE][k] * own);
	for (int m = 0; m < VMF_KQ_MEMBERS; m++) {
		part[m] = lost[m] < INFINITY ? part[m] : 0.0f;
		sum += part[m];
	}
	for (int m = 0; m < VMF_KQ_MEMBERS; m++)
		share[m] = part[m] / sum;
	/* Who knows what a day of it looks like need not guess. */
	draw_to(kq_newest, KQ_N_NEWEST, share, kq_novel[k] * news.novel *
	    (1.0f - news.settled), asleep);
	draw_to(kq_daily, KQ_N_DAILY, share, kq_settled[day > COARSE][k] *
	    news.settled, asleep);
}

double
vmf_kq_other(const struct vmf_kq_group *g, int k, int64_t day,
    const double lost[2], bool median)
{
	double share = kq_other[day > COARSE][median][k];
	double plain = 0.5 * ((double)g->err[KQ_NAIVE] +
	    (double)g->err[KQ_SNAIVE]);
	double own = (double)g->w / (double)(g->w + FLEET_ORIGINS);
	double mine = (double)(median ? g->mix_err : g->mix_loss), odds;

	if (!(lost[median] > 0.0))
		return share;
	/* Where naive forecasts were never wrong, neither is kq. */
	mine = plain > 0.0 ? mine / plain : 0.0;
	odds = mine / lost[median];
	if (day <= COARSE)
		odds = fmin(odds * OTHER_FALL, 1.0);
	odds = pow(odds, OTHER_POWER * own);
	odds = share / (1.0 - share) *
	    fmin(fmax(odds, OTHER_LEAST), OTHER_MOST);
	return odds / (1.0 + odds);
}

double
vmf_kq_level(const struct vmf_kq_group *g, int k, int64_t day, double other,
    double level)
{
	double inside = fabs(level - 0.5) * 2.0, cum = 0.0, moved = 0.0;
	double n = (double)g->w + LEVEL_ORIGINS;
	int half = VMF_KQ_BINS / 2;

	for (int b = 0; b < half; b++) {
		double p = ((double)g->pit[half + b] +
		    (double)g->pit[half - 1 - b] + LEVEL_ORIGINS / half) / n;

		if (cum + p >= inside) {
			moved = ((double)b + (inside - cum) / p) / half -
			    inside;
			break;
		}
		cum += p;
	}
	moved = moved * 0.5;
	moved = moved > LEVEL_MOVED ? LEVEL_MOVED : moved;
	moved = moved < -LEVEL_MOVED ? -LEVEL_MOVED : moved;
	moved = level < 0.5 ? level - moved : level + moved;
	/* Where little of it is mixed in, it widens little. */
	other = fmin(other / kq_other[day > COARSE][0][k], 1.0);
	return vmf_kq_widen(level, moved, (1.0 - other) *
	    kq_wider[0][day > COARSE][k] + other *
	    kq_wider[1][day > COARSE][k]);
}

double
vmf_kq_widen(double level, double moved, double more)
{
	double inside = fabs(level - 0.5) * 2.0;

	/* Both ends stay: 0.8^2 (1 - 0.8) is 0.128. */
	more *= 0.5 * inside * inside * (1.0 - inside) / 0.128;
	moved += level < 0.5 ? -more : more;
	/* Not more than half of the way to the end. */
	if (level < 0.5)
		return moved < 0.5 * level ? 0.5 * level : moved;
	return moved > 0.5 + 0.5 * level ? 0.5 + 0.5 * level : moved;
}

/* ---- bytes ---- */

#define VERSION 7
#define GROUP_FLOATS (3 + 2 * VMF_KQ_MEMBERS + VMF_KQ_BINS)
#define BYTES (32 + VMF_KQ_GROUPS * (8 + 4 * GROUP_FLOATS))

static uint8_t *
put(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*p++ = (uint8_t)(v >> 8 * i);
	return p;
}

static uint64_t
get(const uint8_t **p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)*(*p)++ << 8 * i;
	return v;
}

static uint8_t *
put_floats(uint8_t *p, const float *x, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t v;

		memcpy(&v, &x[i], 4);
		p = put(p, v, 4);
	}
	return p;
}

static const uint8_t *
get_floats(const uint8_t *p, float *x, int n, int *bad)
{
	for (int i = 0; i < n; i++) {
		uint32_t v = (uint32_t)get(&p, 4);

		memcpy(&x[i], &v, 4);
		*bad |= !(x[i] >= 0.0f && x[i] <= 1e37f);
	}
	return p;
}

int
vmf_kq_state_put(const struct vmf_kq_state *s, struct vmf_buf *blob,
    struct vmf_err *e)
{
	uint8_t buf[BYTES], *p = buf;

	p = put(p, VERSION, 4);
	p = put(p, VMF_KQ_MEMBERS, 4);
	p = put(p, s->without, 8);
	p = put(p, (uint64_t)s->first, 8);
	p = put(p, (uint64_t)s->period, 8);
	for (int k = 0; k < VMF_KQ_GROUPS; k++) {
		const struct vmf_kq_group *g = &s->g[k];

		p = put(p, (uint64_t)g->next, 8);
		p = put_floats(p, &g->w, 1);
		p = put_floats(p, &g->mix_loss, 1);
		p = put_floats(p, &g->mix_err, 1);
		p = put_floats(p, g->loss, VMF_KQ_MEMBERS);
		p = put_floats(p, g->err, VMF_KQ_MEMBERS);
		p = put_floats(p, g->pit, VMF_KQ_BINS);
	}
	return vmf_buf_put(blob, buf, BYTES, e);
}

int
vmf_kq_state_get(struct vmf_kq_state *s, const char *name,
    const struct vmf_buf *blob, int64_t step_s, struct vmf_err *e)
{
	const uint8_t *p = blob->p;
	uint64_t version, members, without;
	int bad = 0;

	if (blob->n != BYTES)
		return vmf_fail(e, VMF_EDATA, "%s has a blob of %lld bytes, "
		    "expected %d: another version made it, train anew", name,
		    (long long)blob->n, (int)BYTES);
	version = get(&p, 4);
	members = get(&p, 4);
	if (version != VERSION || members != VMF_KQ_MEMBERS)
		return vmf_fail(e, VMF_EDATA, "%s has a blob of version %llu "
		    "with %llu members, expected %d with %d: train anew",
		    name, (unsigned long long)version,
		    (unsigned long long)members, VERSION, VMF_KQ_MEMBERS);
	without = get(&p, 8);
	bad |= without >= (1u << VMF_KQ_FAMILIES) - 1;
	s->without = (unsigned)without;
	s->first = (int64_t)get(&p, 8);
	bad |= s->first < VMF_TIME_LO || s->first > VMF_TIME_HI ||
	    s->first % step_s != 0;
	s->period = (int64_t)get(&p, 8);
	bad |= s->period < 0 || s->period > VMF_TIME_HI;
	for (int k = 0; k < VMF_KQ_GROUPS; k++) {
		struct vmf_kq_group *g = &s->g[k];

		g->next = (int64_t)get(&p, 8);
		bad |= g->next <= s->first || g->next > VMF_TIME_HI ||
		    g->next % step_s != 0;
		p = get_floats(p, &g->w, 1, &bad);
		p = get_floats(p, &g->mix_loss, 1, &bad);
		p = get_floats(p, &g->mix_err, 1, &bad);
		p = get_floats(p, g->loss, VMF_KQ_MEMBERS, &bad);
		p = get_floats(p, g->err, VMF_KQ_MEMBERS, &bad);
		p = get_floats(p, g->pit, VMF_KQ_BINS, &bad);
	}
	if (bad)
		return vmf_fail(e, VMF_EDATA, "%s has a blob that no fit "
		    "makes", name);
	return 0;
}
