/* SPDX-License-Identifier: MIT */
#include "forecast/lstm_row.h"

#include <math.h>
#include <string.h>

#define STEPS (VMF_LSTM_POOLS + VMF_LSTM_RAW)
#define LEVELS VMF_LSTM_LEVELS
#define MID (LEVELS / 2)
#define WEEK_S 604800
#define TAU 6.283185307179586

/* Numbers of a step. */
enum { X_MEAN, X_MAX, X_MISSING, X_SIN, X_COS, X_RAW, N_X };
/* Of a series. */
enum { S_LOC, S_SPREAD, S_MISSING, S_LENGTH, S_Q10, S_Q50, S_Q90, S_LAST,
    S_MEAN_6, S_MEAN_24, S_MEAN_168, S_EQUAL, S_LEAST, S_LAG_24, S_LAG_1,
    S_GAP, N_S };
/* Of a lead; first what says the quantiles to start from: the median, and
 * the others by what softplus makes of them. */
enum { Z_BASE, Z_LEAD = Z_BASE + LEVELS, Z_SEASONS, Z_SIN, Z_COS,
    Z_WEEK_SIN, Z_WEEK_COS, Z_SLOT, Z_SLOT_MISSING, Z_SLOT_MEAN, Z_NEAR,
    Z_NEAR_7, Z_NEAR_7_MISSING, Z_LAST, Z_DAY, N_Z };
enum { N_MEASURE = 3 };

/* Beyond this far from its past a value is as good as there. */
#define U_INPUT 8.0
#define U_MAX 30.0
/* Quantiles are at least so far apart. */
#define GAP_MIN 1e-5
#define SPREAD_MIN 0.01
/* What the loss in values, relative to the mean step from a season to the
 * next, counts beside that in u. */
#define VALUES_SHARE 0.1
/* What is under the same slot of so many seasons. */
#define SLOTS 7

void
vmf_lstm_row_shape(struct vmf_lstm_shape *s)
{
	s->steps = STEPS;
	s->in = N_X;
	s->statics = N_S;
	s->lead_in = N_Z;
}

void
vmf_lstm_row_layout(struct vmf_lstm_row *r)
{
	r->x = 0;
	r->s = r->x + STEPS * N_X;
	r->measure = r->s + N_S;
	r->z = r->measure + N_MEASURE;
	r->y = r->z + VMF_LSTM_LEADS * N_Z;
	r->weight = r->y + VMF_LSTM_LEADS;
	r->width = r->weight + VMF_LSTM_LEADS;
}

static double
clamp(double v, double most)
{
	return v > most ? most : v < -most ? -most : v;
}

static double
value_at(const struct vmf_lstm_view *v, int64_t t)
{
	return t >= 0 && t < v->y->n ? v->y->y[t] : NAN;
}

/* What is known of steps [from, to): its mean, maximum and share. */
static void
pool(const struct vmf_lstm_view *v, int64_t from, int64_t to, double *mean,
    double *max, double *known)
{
	int64_t n = 0;
	double sum = 0.0;

	*max = NAN;
	for (int64_t t = from; t < to; t++) {
		double y = value_at(v, t);

		if (isnan(y))
			continue;
		sum += y;
		if (!(*max >= y))
			*max = y;
		n++;
	}
	*mean = n > 0 ? sum / (double)n : NAN;
	*known = (double)n / (double)(to - from);
}

static bool
measure(struct vmf_lstm_view *v)
{
	double n = 0.0, sum = 0.0, square = 0.0;

	v->c = 0.0;
	for (int k = 0; k < VMF_LSTM_PAST; k++)
		if (!isnan(v->mean[k])) {
			v->c += fabs(v->mean[k]);
			n += 1.0;
		}
	if (n == 0.0)
		return false;
	v->c /= n;
	if (!(v->c > 0.0))
		v->c = vmf_own_scale(v->y, v->y->n + v->y->gap);
	if (!(v->c > 0.0))
		return false;
	for (int k = 0; k < VMF_LSTM_PAST; k++)
		if (!isnan(v->mean[k]))
			sum += asinh(v->mean[k] / v->c);
	v->loc = sum / n;
	for (int k = 0; k < VMF_LSTM_PAST; k++)
		if (!isnan(v->mean[k])) {
			double d = asinh(v->mean[k] / v->c) - v->loc;

			square += d * d;
		}
	v->spread = sqrt(square / n);
	if (v->spread < SPREAD_MIN)
		v->spread = SPREAD_MIN;
	return true;
}

bool
vmf_lstm_view(struct vmf_lstm_view *v, const struct vmf_slice *y,
    const struct vmf_forecast_opts *o)
{
	v->y = y;
	v->origin = y->n + y->gap;
	v->season = o->season;
	v->pool = o->season / 24 > 1 ? o->season / 24 : 1;
	v->start = o->start / o->step_s;
	for (int64_t k = 0; k < VMF_LSTM_PAST; k++) {
		int64_t to = v->origin - k * v->pool;

		pool(v, to - v->pool, to, &v->mean[k], &v->max[k],
		    &v->known[k]);
	}
	v->low = 0.0;
	for (int64_t t = 0; t < y->n; t++)
		if (y->y[t] < 0.0)
			v->low = -INFINITY;
	return measure(v);
}

double
vmf_lstm_to_u(const struct vmf_lstm_view *v, double value)
{
	return clamp((asinh(value / v->c) - v->loc) / v->spread, U_MAX);
}

double
vmf_lstm_from_u(const struct vmf_lstm_view *v, double u)
{
	double value = v->c * sinh(clamp(v->loc + v->spread * u, 30.0));

	return value > v->low ? value : v->low;
}

/* As an input: 0 where it is missing. */
static float
input(const struct vmf_lstm_view *v, double value)
{
	return isnan(value) ? 0.0f :
	    (float)clamp(vmf_lstm_to_u(v, value), U_INPUT);
}

/* ---- the context ---- */

static void
phase(float *sine, float *cosine, int64_t t, int64_t of)
{
	int64_t r = t % of;
	double a = TAU * (double)(r < 0 ? r + of : r) / (double)of;

	*sine = (float)sin(a);
	*cosine = (float)cos(a);
}

static void
put_steps(float *x, const struct vmf_lstm_view *v)
{
	int64_t from = v->origin - VMF_LSTM_RAW - VMF_LSTM_POOLS * v->pool;

	for (int64_t k = 0; k < STEPS; k++, x += N_X) {
		bool raw = k >= VMF_LSTM_POOLS;
		int64_t width = raw ? 1 : v->pool;
		double mean, max, known;

		pool(v, from, from + width, &mean, &max, &known);
		x[X_MEAN] = input(v, mean);
		x[X_MAX] = input(v, max) - x[X_MEAN];
		x[X_MISSING] = (float)(1.0 - known);
		phase(&x[X_SIN], &x[X_COS], v->start - v->origin + from,
		    v->season);
		x[X_RAW] = raw ? 1.0f : 0.0f;
		from += width;
	}
}

/* Mean of the newest n pools. */
static double
recent(const struct vmf_lstm_view *v, int n)
{
	double sum = 0.0;
	int known = 0;

	for (int k = 0; k < n; k++)
		if (!isnan(v->mean[k])) {
			sum += v->mean[k];
			known++;
		}
	return known > 0 ? sum / known : NAN;
}

/* Mean distance in u of pools lag apart; 0 where there are none. */
static double
lag(const struct vmf_lstm_view *v, int by)
{
	double sum = 0.0;
	int n = 0;

	for (int k = 0; k + by < VMF_LSTM_PAST; k++)
		if (!isnan(v->mean[k]) && !isnan(v->mean[k + by])) {
			sum += fabs(vmf_lstm_to_u(v, v->mean[k]) -
			    vmf_lstm_to_u(v, v->mean[k + by]));
			n++;
		}
	return n > 0 ? sum / n : 0.0;
}

static void
put_series(float *s, const struct vmf_lstm_view *v)
{
	double all[VMF_LSTM_PAST], room[VMF_LSTM_PAST], missing = 0.0;
	int64_t n = 0, equal = 0, pairs = 0, least = 0;

	for (int k = 0; k < VMF_LSTM_PAST; k++) {
		missing += 1.0 - v->known[k];
		if (!isnan(v->mean[k]))
			all[n++] = v->mean[k];
	}
	vmf_sort_doubles(all, room, n);
	for (int64_t k = 0; k < n; k++)
		least += all[k] == all[0];
	for (int64_t t = v->origin - VMF_LSTM_PAST; t < v->origin; t++) {
		double a = value_at(v, t), b = value_at(v, t - 1);

		pairs += !isnan(a) && !isnan(b);
		equal += a == b;
	}
	s[S_LOC] = (float)v->loc;
	s[S_SPREAD] = (float)log(v->spread);
	s[S_MISSING] = (float)(missing / VMF_LSTM_PAST);
	s[S_LENGTH] = (float)n / VMF_LSTM_PAST;
	s[S_Q10] = input(v, vmf_quantile_sorted(all, n, 0.1));
	s[S_Q50] = input(v, vmf_quantile_sorted(all, n, 0.5));
	s[S_Q90] = input(v, vmf_quantile_sorted(all, n, 0.9));
	s[S_LAST] = input(v, v->y->y[v->y->n - 1]);
	s[S_MEAN_6] = input(v, recent(v, 6));
	s[S_MEAN_24] = input(v, recent(v, 24));
	s[S_MEAN_168] = input(v, recent(v, 168));
	s[S_EQUAL] = pairs > 0 ? (float)equal / (float)pairs : 0.0f;
	s[S_LEAST] = (float)least / (float)n;
	s[S_LAG_24] = (float)lag(v, 24);
	s[S_LAG_1] = (float)lag(v, 1);
	s[S_GAP] = v->y->gap > 0 ? 1.0f : 0.0f;
}

void
vmf_lstm_row_context(float *row, const struct vmf_lstm_row *r,
    const struct vmf_lstm_view *v)
{
	memset(row, 0, (size_t)r->width * sizeof(*row));
	put_steps(row + r->x, v);
	put_series(row + r->s, v);
	row[r->measure + VMF_LSTM_LOC] = (float)v->loc;
	row[r->measure + VMF_LSTM_SPREAD] = (float)v->spread;
}

/* ---- leads ---- */

/* x with softplus(x) = gap. */
static double
unsoftplus(double gap)
{
	if (!(gap > GAP_MIN))
		gap = GAP_MIN;
	return gap > 20.0 ? gap : log(expm1(gap));
}

static double
softplus(double x)
{
	return x > 20.0 ? x : log1p(exp(x));
}

static void
put_base(float *z, const struct vmf_lstm_view *v, const struct vmf_window *w,
    int64_t t)
{
	double u[LEVELS];

	for (int j = 0; j < LEVELS; j++)
		u[j] = vmf_lstm_to_u(v, (double)
		    w->base->q[w->level_at[j] * w->base->h + t]);
	z[Z_BASE + MID] = (float)u[MID];
	for (int j = 0; j < MID; j++) {
		z[Z_BASE + j] = (float)unsoftplus(u[j + 1] - u[j]);
		z[Z_BASE + MID + 1 + j] = (float)unsoftplus(
		    u[MID + 1 + j] - u[MID + j]);
	}
}

/* The slots of the same phase before the origin; t is steps of y. */
static void
put_slots(float *z, const struct vmf_lstm_view *v, int64_t t)
{
	int64_t back = (t - v->origin) / v->season + 1, n = 0;
	int64_t half = v->season / 48 > 1 ? v->season / 48 : 1;
	int64_t at = t - back * v->season;
	double one = value_at(v, at), mean, max, known, sum = 0.0;

	z[Z_SLOT] = input(v, one);
	z[Z_SLOT_MISSING] = isnan(one) ? 1.0f : 0.0f;
	for (int64_t k = 0; k < SLOTS; k++) {
		double y = value_at(v, at - k * v->season);

		if (!isnan(y)) {
			sum += input(v, y);
			n++;
		}
	}
	z[Z_SLOT_MEAN] = n > 0 ? (float)(sum / (double)n) : 0.0f;
	pool(v, at - half, at + half + 1 < v->origin ? at + half + 1 :
	    v->origin, &mean, &max, &known);
	z[Z_NEAR] = input(v, mean);
	at -= (SLOTS - 1) * v->season;
	pool(v, at - half, at + half + 1, &mean, &max, &known);
	z[Z_NEAR_7] = input(v, mean);
	z[Z_NEAR_7_MISSING] = isnan(mean) ? 1.0f : 0.0f;
}

void
vmf_lstm_row_leads(float *row, const struct vmf_lstm_row *r,
    const struct vmf_lstm_view *v, const struct vmf_window *w,
    const int64_t *lead, int64_t n, int64_t far)
{
	float *z = row + r->z;

	for (int64_t i = 0; i < n; i++, z += N_Z) {
		int64_t k = lead[i] < far ? lead[i] : far;

		put_base(z, v, w, lead[i] - 1);
		z[Z_LEAD] = (float)(log((double)k) / 3.0 - 1.0);
		z[Z_SEASONS] = (float)clamp((double)k / (double)v->season,
		    3.0);
		phase(&z[Z_SIN], &z[Z_COS], v->start + lead[i] - 1,
		    v->season);
		phase(&z[Z_WEEK_SIN], &z[Z_WEEK_COS], (v->start + lead[i] -
		    1) * w->opts->step_s, WEEK_S);
		put_slots(z, v, v->origin + lead[i] - 1);
		z[Z_LAST] = row[r->s + S_LAST];
		z[Z_DAY] = row[r->s + S_MEAN_24];
	}
}

void
vmf_lstm_row_after(float *row, const struct vmf_lstm_row *r,
    const struct vmf_lstm_view *v, const struct vmf_window *w,
    const int64_t *lead, int64_t n)
{
	double step = 0.0;
	int64_t pairs = 0;

	for (int k = 0; k + 24 < VMF_LSTM_PAST; k++)
		if (!isnan(v->mean[k]) && !isnan(v->mean[k + 24])) {
			step += fabs(v->mean[k] - v->mean[k + 24]);
			pairs++;
		}
	step = pairs > 0 ? step / (double)pairs : v->c;
	row[r->measure + VMF_LSTM_GAIN] = (float)(VALUES_SHARE * v->c /
	    (step > 0.05 * v->c ? step : 0.05 * v->c));
	for (int64_t i = 0; i < n; i++) {
		double y = w->after[lead[i] - 1];

		if (isnan(y))
			continue;
		row[r->y + i] = (float)vmf_lstm_to_u(v, y);
		row[r->weight + i] = 1.0f;
	}
}

/* IEEE 754 binary16 by integers: clang 14 has no type for it on x86-64. */
static uint16_t
to_half(float v)
{
	uint32_t x, sign, q, rest, half;
	int shift = 13;

	memcpy(&x, &v, sizeof(x));
	sign = x >> 16 & 0x8000;
	x &= 0x7fffffff;
	if (x > 0x7f800000)		/* NaN */
		return (uint16_t)(sign | 0x7e00);
	if (x >= 0x47800000)		/* 2^16 and more */
		return (uint16_t)(sign | 0x7c00);
	if (x < 0x38800000) {		/* below 2^-14: units of 2^-24 */
		shift = 126 - (int)(x >> 23);
		if (shift > 24)
			return (uint16_t)sign;
		x = (x & 0x7fffff) | 0x800000;
	} else {
		x -= 0x38000000;
	}
	/* To the nearest, ties to even; a carry goes into the exponent. */
	q = x >> shift;
	rest = x & ((1u << shift) - 1);
	half = 1u << (shift - 1);
	q += rest > half || (rest == half && (q & 1) != 0);
	return (uint16_t)(sign | q);
}

static float
from_half(uint16_t h)
{
	uint32_t e = h >> 10 & 31, m = h & 1023, x;
	float v;

	if (e == 0) {
		v = (float)m * 0x1p-24f;
		return (h & 0x8000) != 0 ? -v : v;
	}
	x = (uint32_t)(h & 0x8000) << 16 | m << 13 |
	    (e == 31 ? 0x7f800000 : (e + 112) << 23);
	memcpy(&v, &x, sizeof(v));
	return v;
}

int64_t
vmf_lstm_row_packed(int64_t n)
{
	return (n + 1) / 2;
}

void
vmf_lstm_row_pack(float *to, const float *row, int64_t n)
{
	uint16_t half[2] = { 0 };

	for (int64_t i = 0; i < n; i += 2) {
		half[0] = to_half(row[i]);
		half[1] = i + 1 < n ? to_half(row[i + 1]) : 0;
		memcpy(&to[i / 2], half, sizeof(half));
	}
}

void
vmf_lstm_row_unpack(float *row, const float *from, int64_t n)
{
	uint16_t half[2];

	for (int64_t i = 0; i < n; i += 2) {
		memcpy(half, &from[i / 2], sizeof(half));
		row[i] = from_half(half[0]);
		if (i + 1 < n)
			row[i + 1] = from_half(half[1]);
	}
}

void
vmf_lstm_row_put(struct vmf_lstm_chunk *chunk, int64_t c, const float *row,
    const struct vmf_lstm_row *r)
{
	for (int64_t k = 0; k < STEPS; k++)
		memcpy(chunk->x + (k * VMF_LSTM_CHUNK + c) * N_X,
		    row + r->x + k * N_X, N_X * sizeof(*row));
	memcpy(chunk->s + c * N_S, row + r->s, N_S * sizeof(*row));
	memcpy(chunk->z + c * VMF_LSTM_LEADS * N_Z, row + r->z,
	    VMF_LSTM_LEADS * N_Z * sizeof(*row));
	memcpy(chunk->y + c * VMF_LSTM_LEADS, row + r->y,
	    VMF_LSTM_LEADS * sizeof(*row));
	memcpy(chunk->weight + c * VMF_LSTM_LEADS, row + r->weight,
	    VMF_LSTM_LEADS * sizeof(*row));
	chunk->loc[c] = row[r->measure + VMF_LSTM_LOC];
	chunk->spread[c] = row[r->measure + VMF_LSTM_SPREAD];
	chunk->gain[c] = row[r->measure + VMF_LSTM_GAIN];
}

void
vmf_lstm_row_base(const float *row, const struct vmf_lstm_row *r, int64_t l,
    double u[LEVELS])
{
	const float *z = row + r->z + l * N_Z + Z_BASE;

	u[MID] = z[MID];
	for (int j = MID + 1; j < LEVELS; j++)
		u[j] = u[j - 1] + softplus(z[j]);
	for (int j = MID - 1; j >= 0; j--)
		u[j] = u[j + 1] - softplus(z[j]);
}

void
vmf_lstm_row_begin(struct vmf_lstm *net)
{
	int64_t at[VMF_LSTM_PARTS + 1], m = net->shape.units;

	vmf_lstm_layout(&net->shape, at);
	for (int64_t i = at[VMF_LSTM_W3]; i < at[VMF_LSTM_PARTS]; i++)
		net->w[i] = 0.0f;
	for (int j = 0; j < LEVELS; j++)
		net->w[at[VMF_LSTM_W4] + (Z_BASE + j) * LEVELS + j] = 1.0f;
	/* The spacings, which reach from -11 to 30, are not to drown the other
	 * inputs. */
	for (int64_t i = 0; i < LEVELS * m; i++)
		net->w[at[VMF_LSTM_WZ] + Z_BASE * m + i] *= 0.3f;
	memcpy(net->avg, net->w, (size_t)net->n * sizeof(float));
}
