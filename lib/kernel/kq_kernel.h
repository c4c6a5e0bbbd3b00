/* SPDX-License-Identifier: MIT */
/*
 * Bodies of kernel quantiles: what a step of one series' own past weighs in
 * the forecast of a step to come.  The estimator is that of Nadaraya ("On
 * Estimating Regression", 1964) and Watson ("Smooth Regression Analysis",
 * 1964), of the distribution rather than the mean.
 *
 * Step t is [t].  Arrays are padded: up to VMF_KQ_W steps after their end
 * are read and written.  All is float, by +, -, x, / and bits only: the same
 * bytes whatever the instructions.
 *
 * What is made once an origin goes along the steps, eight at once.  What is
 * made once a lead, and is most of the work, goes along the values in
 * ascending order with eight members at once: rows of VMF_KQ_W members, row i
 * at [i * VMF_KQ_W].
 */
#ifndef VMF_KQ_KERNEL_H
#define VMF_KQ_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hd.h"

#define VMF_KQ_W 8
/* Sorted steps of which one sum of weights is kept. */
#define VMF_KQ_RUN 64

typedef float kqreal __attribute__((vector_size(4 * VMF_KQ_W)));
typedef int32_t kqint __attribute__((vector_size(4 * VMF_KQ_W)));

VMF_HD kqreal
kq_load(const float *p)
{
	kqreal v;

	memcpy(&v, p, sizeof(v));
	return v;
}

VMF_HD void
kq_store(float *p, kqreal v)
{
	memcpy(p, &v, sizeof(v));
}

VMF_HD kqreal
kq_set(float x)
{
	return (kqreal){ x, x, x, x, x, x, x, x };
}

/* gcc 12 has no vector ?: in C. */
VMF_HD kqreal
kq_max(kqreal a, kqreal b)
{
	kqint m = a < b;

	return (kqreal)(((kqint)b & m) | ((kqint)a & ~m));
}

/* 2^x for x <= 0, to 2e-7 of it; below -100 as at -100. */
VMF_HD kqreal
kq_exp2(kqreal x)
{
	kqreal f, p;
	kqint i;

	x = kq_max(x, kq_set(-100.0f));
	i = __builtin_convertvector(x, kqint);
	f = x - __builtin_convertvector(i, kqreal);
	p = kq_set(1.5403530e-4f) * f + kq_set(1.3333558e-3f);
	p = p * f + kq_set(9.6181291e-3f);
	p = p * f + kq_set(5.5504109e-2f);
	p = p * f + kq_set(2.4022651e-1f);
	p = p * f + kq_set(6.9314718e-1f);
	p = p * f + kq_set(1.0f);
	return p * (kqreal)((i + 127) << 23);
}

/* log2(x) for x >= 1, to 1e-5. */
VMF_HD kqreal
kq_log2(kqreal x)
{
	kqint bits = (kqint)x;
	kqreal e = __builtin_convertvector((bits >> 23) - 127, kqreal);
	kqreal m = (kqreal)((bits & 0x7fffff) | 0x3f800000), s, q;

	/* 2/ln 2 artanh((m - 1)/(m + 1)), whose argument is below 1/3. */
	s = (m - 1.0f) / (m + 1.0f);
	q = s * s;
	return e + s * (kq_set(2.8853901f) + q * (kq_set(0.96179669f) +
	    q * (kq_set(0.57707802f) + q * kq_set(0.41219859f))));
}

/*
 * x[t] = sign(m) log2(1 + |m| / c), n steps: nearly linear below c, so that
 * a state's distance means something at every load.
 */
VMF_HD void
kq_states(float *x, const float *m, int64_t n, float c)
{
	for (int64_t t = 0; t < n; t += VMF_KQ_W) {
		kqreal v = kq_load(m + t), a = kq_max(v, -v);
		kqint sign = (kqint)v & (int32_t)0x80000000;

		kq_store(x + t, (kqreal)((kqint)kq_log2(kq_set(1.0f) +
		    a / c) | sign));
	}
}

/* The variance of n numbers. */
VMF_HD float
kq_variance(const float *x, int64_t n)
{
	kqreal sum = kq_set(0.0f), sq = kq_set(0.0f);
	int64_t whole = n / VMF_KQ_W * VMF_KQ_W;
	float mean, all;

	for (int64_t t = 0; t < whole; t += VMF_KQ_W)
		sum = sum + kq_load(x + t);
	mean = ((sum[0] + sum[4]) + (sum[1] + sum[5])) +
	    ((sum[2] + sum[6]) + (sum[3] + sum[7]));
	for (int64_t t = whole; t < n; t++)
		mean += x[t];
	mean /= (float)n;
	for (int64_t t = 0; t < whole; t += VMF_KQ_W) {
		kqreal d = kq_load(x + t) - mean;

		sq = sq + d * d;
	}
	all = ((sq[0] + sq[4]) + (sq[1] + sq[5])) +
	    ((sq[2] + sq[6]) + (sq[3] + sq[7]));
	for (int64_t t = whole; t < n; t++)
		all += (x[t] - mean) * (x[t] - mean);
	return all / (float)n;
}

/*
 * The likeness of states: w[t] = exp(-z^2 / 2), z the distance of state t
 * from now, over band.  scale is 1 / band, 0 where all states are the same.
 */
VMF_HD void
kq_likeness(float *w, const float *x, int64_t n, float now, float scale)
{
	/* exp(-z^2 / 2) = 2^-(z^2 log2(e) / 2) */
	float k = 0.72134752f * scale * scale;

	for (int64_t t = 0; t < n; t += VMF_KQ_W) {
		kqreal d = kq_load(x + t) - now;

		kq_store(w + t, kq_exp2(d * d * -k));
	}
}

/* Of two columns, what goes to rows 0, 1, 4 and 5 of the eight, and to 2, 3,
 * 6 and 7. */
VMF_HD kqreal
kq_low(kqreal a, kqreal b)
{
	return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
}

VMF_HD kqreal
kq_high(kqreal a, kqreal b)
{
	return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
}

/* Rows 0, 1, 4 and 5 of the eight at rows, from pairs of columns. */
VMF_HD void
kq_two_rows(float *rows, kqreal ab, kqreal cd, kqreal ef, kqreal gh)
{
	kqreal u, v;

	u = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13);
	v = __builtin_shufflevector(ef, gh, 0, 1, 8, 9, 4, 5, 12, 13);
	kq_store(rows, __builtin_shufflevector(u, v, 0, 1, 2, 3, 8, 9, 10,
	    11));
	kq_store(rows + 32, __builtin_shufflevector(u, v, 4, 5, 6, 7, 12,
	    13, 14, 15));
	u = __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
	v = __builtin_shufflevector(ef, gh, 2, 3, 10, 11, 6, 7, 14, 15);
	kq_store(rows + 8, __builtin_shufflevector(u, v, 0, 1, 2, 3, 8, 9,
	    10, 11));
	kq_store(rows + 40, __builtin_shufflevector(u, v, 4, 5, 6, 7, 12,
	    13, 14, 15));
}

/* Eight columns, one after the other, into eight rows. */
VMF_HD void
kq_transpose(float *rows, const kqreal *c)
{
	kq_two_rows(rows, kq_low(c[0], c[1]), kq_low(c[2], c[3]),
	    kq_low(c[4], c[5]), kq_low(c[6], c[7]));
	kq_two_rows(rows + 16, kq_high(c[0], c[1]), kq_high(c[2], c[3]),
	    kq_high(c[4], c[5]), kq_high(c[6], c[7]));
}

/*
 * What eight members make of states and ages: rows[j] = 2^-((n + shift - j) /
 * half_life) x (floor + f) of one or two likenesses (f NULL is none), that of
 * step j - shift; of steps before the first, whose likeness is not known, it
 * is 0.  n + shift rows.
 */
VMF_HD void
kq_factors(float *rows, int64_t n, int64_t shift,
    const float *const f[VMF_KQ_W][2], const float floor[VMF_KQ_W],
    const float half_life[VMF_KQ_W])
{
	kqreal half = kq_load(half_life), before = kq_set(1.0f);
	float none[VMF_KQ_W];

	for (int i = 0; i < VMF_KQ_W; i++) {
		none[i] = 1.0f;
		for (int k = 0; k < 2; k++)
			if (f[i][k] != NULL)
				none[i] *= floor[i];
	}
	before = kq_load(none);
	for (int64_t j = 0; j < shift; j++)
		kq_store(rows + j * VMF_KQ_W, before * kq_exp2(
		    (float)(j - n - shift) / half));
	for (int64_t t = 0; t < n; t += VMF_KQ_W) {
		float *to = rows + (t + shift) * VMF_KQ_W;
		kqreal c[VMF_KQ_W];

		for (int i = 0; i < VMF_KQ_W; i++) {
			c[i] = kq_set(1.0f);
			for (int k = 0; k < 2; k++)
				if (f[i][k] != NULL)
					c[i] = c[i] * (kq_load(f[i][k] + t) +
					    floor[i]);
		}
		kq_transpose(to, c);
		for (int64_t i = 0; i < VMF_KQ_W; i++)
			kq_store(to + i * VMF_KQ_W,
			    kq_load(to + i * VMF_KQ_W) * kq_exp2(
			    -kq_max(kq_set((float)(n - t - i)),
			    kq_set(0.0f)) / half));
	}
}

/* The likeness of moments d steps of a season apart, the shorter way round:
 * rows[d] = floor + 2^(-k d^2); k 0 and floor 0 for members that have none.
 * Two seasons of rows, so that a difference needs no remainder. */
VMF_HD void
kq_moments(float *rows, int64_t season, const float k[VMF_KQ_W],
    const float floor[VMF_KQ_W])
{
	kqreal by = kq_load(k), least = kq_load(floor);

	for (int64_t j = 0; j < 2 * season; j++) {
		int64_t d = j % season;

		d = d > season - d ? season - d : d;
		kq_store(rows + j * VMF_KQ_W, least + kq_exp2(
		    by * -((float)d * (float)d)));
	}
}

/*
 * What eight members make of each value, in ascending order: the row of its
 * step, w[i] = rows[step[i]], by that of its moment where there are such,
 * moments[-phase[i]].  Their sums into total.
 */
VMF_HD void
kq_weigh(float *w, float *total, int64_t n, const float *rows,
    const int32_t *step, const float *moments, const int32_t *phase)
{
	kqreal sum = kq_set(0.0f);

	for (int64_t i = 0; i < n; i++) {
		kqreal v = kq_load(rows + (int64_t)step[i] * VMF_KQ_W);

		if (moments != NULL)
			v = v * kq_load(moments -
			    (int64_t)phase[i] * VMF_KQ_W);
		kq_store(w + i * VMF_KQ_W, v);
		sum = sum + v;
	}
	for (int64_t i = n; i < n + VMF_KQ_W; i++)
		kq_store(w + i * VMF_KQ_W, kq_set(0.0f));
	kq_store(total, sum);
}

/* How many of the nine deciles are not above the values so far: of shares of
 * the total that add up to cum, scale 10 / total. */
VMF_HD kqint
kq_deciles(kqreal cum, kqreal scale)
{
	kqint k = __builtin_convertvector(cum * scale, kqint);

	/* -1 where it is so */
	return k + (k > 9);
}

/*
 * What eight members lose when y comes, of which n values are given with
 * what they weigh: gap[i] is value i + 1 less value i, `below` values are
 * less than y, and y is `over` above the last of these (where there is none,
 * below the first value).
 * loss is 90 times the mean over the nine deciles of 2 x pinball loss, err
 * the absolute error of the fifth.  A decile's loss is an integral over what
 * lies between it and y, so that all nine are found in one pass: of the gap
 * after value i, k deciles are below it; where y is not, they lose their
 * levels, 1 + ... + k tenths of it, and where y is, the 9 - k above it lose
 * what is left of theirs to one, 1 + ... + (9 - k) tenths.
 */
VMF_HD void
kq_losses(float *loss, float *err, const float *w, const float *total,
    const float *gap, int64_t n, int64_t below, float over)
{
	kqreal scale = kq_set(10.0f) / kq_load(total), sum = kq_set(0.0f);
	kqreal lost, median;
	int64_t i = 0;

	lost = kq_set(below == 0 ? 90.0f * over : 0.0f);
	median = kq_set(below == 0 ? over : 0.0f);
	for (; i < below; i++) {
		float last = i == below - 1 ? over : gap[i];
		kqint k;
		kqreal f, g = kq_set(last);

		sum = sum + kq_load(w + i * VMF_KQ_W);
		k = kq_deciles(sum, scale);
		f = __builtin_convertvector(k, kqreal);
		lost = lost + g * (f * f + f);
		median = median + (kqreal)((kqint)g & (k > 4));
	}
	if (i > 0 && i < n) {
		kqint k = kq_deciles(sum, scale);
		kqreal f = __builtin_convertvector(k, kqreal);
		kqreal g = kq_set(gap[i - 1] - over);

		lost = lost + g * ((f - 19.0f) * f + 90.0f);
		median = median + (kqreal)((kqint)g & (k < 5));
	}
	for (; i < n - 1; i++) {
		kqint k;
		kqreal f, g = kq_set(gap[i]);

		sum = sum + kq_load(w + i * VMF_KQ_W);
		k = kq_deciles(sum, scale);
		f = __builtin_convertvector(k, kqreal);
		lost = lost + g * ((f - 19.0f) * f + 90.0f);
		median = median + (kqreal)((kqint)g & (k < 5));
	}
	kq_store(loss, lost);
	kq_store(err, median);
}

/* Sums across rows, of which eight become one vector: first of pairs of
 * lanes, then of pairs of these, then of halves. */
VMF_HD kqreal
kq_pairs(kqreal a, kqreal b)
{
	return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) +
	    __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
}

VMF_HD kqreal
kq_fours(kqreal a, kqreal b)
{
	return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
	    __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}

VMF_HD kqreal
kq_halves(kqreal a, kqreal b)
{
	return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
	    __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
}

/* Mix eight members: s[i] += the sum of share x w[i].  s has room for a
 * multiple of VMF_KQ_W, and w rows of 0 after n. */
VMF_HD void
kq_blend(float *s, const float *w, int64_t n, const float *share)
{
	kqreal f = kq_load(share);

	for (int64_t t = 0; t < n; t += VMF_KQ_W, w += VMF_KQ_W * VMF_KQ_W) {
		kqreal a = kq_pairs(kq_load(w) * f, kq_load(w + 8) * f);
		kqreal b = kq_pairs(kq_load(w + 16) * f,
		    kq_load(w + 24) * f);
		kqreal c = kq_pairs(kq_load(w + 32) * f,
		    kq_load(w + 40) * f);
		kqreal d = kq_pairs(kq_load(w + 48) * f,
		    kq_load(w + 56) * f);

		kq_store(s + t, kq_load(s + t) +
		    kq_halves(kq_fours(a, b), kq_fours(c, d)));
	}
}

/* The sum of n rows. */
VMF_HD void
kq_total(float *total, const float *w, int64_t n)
{
	kqreal sum = kq_set(0.0f);

	for (int64_t i = 0; i < n; i++)
		sum = sum + kq_load(w + i * VMF_KQ_W);
	kq_store(total, sum);
}

/*
 * Shares by losses: share[m] = start[m]^(1 - own) x (least / loss[m])^power,
 * eight members; not yet adding up to 1.  Losses are not less than least,
 * which is above 0; starts are 0 < start <= 1.
 */
VMF_HD void
kq_powers(float *share, const float *start, const float *loss, float least,
    float own, float power)
{
	kqreal p = kq_log2(kq_set(1.0f) / kq_load(start)) * (own - 1.0f) -
	    kq_log2(kq_load(loss) / least) * power;

	kq_store(share, kq_exp2(p));
}

/*
 * How much x differs from itself so many steps before: differs[p] is the sum
 * of |x[t] - x[t - p]| over from <= t < to, p from 1 to most, which is a
 * multiple of VMF_KQ_W and not above from.  differs[0] is 0.
 */
VMF_HD void
kq_lags(float *differs, int64_t most, const float *x, int64_t from, int64_t to)
{
	differs[0] = 0.0f;
	for (int64_t p = 0; p < most; p += VMF_KQ_W) {
		/* Lane i is lag p + VMF_KQ_W - i. */
		const float *then = x - p - VMF_KQ_W;
		kqreal a = kq_set(0.0f), b = a;
		int64_t t = from;

		for (; t + 1 < to; t += 2) {
			kqreal d = kq_load(then + t) - x[t];
			kqreal f = kq_load(then + t + 1) - x[t + 1];

			a = a + kq_max(d, -d);
			b = b + kq_max(f, -f);
		}
		if (t < to) {
			kqreal d = kq_load(then + t) - x[t];

			a = a + kq_max(d, -d);
		}
		for (int i = 0; i < VMF_KQ_W; i++)
			differs[p + VMF_KQ_W - i] = a[i] + b[i];
	}
}

/* The sum of the products, in an order of its own; both are 0 after n. */
VMF_HD float
kq_dot(const float *a, const float *b, int64_t n)
{
	kqreal v = kq_set(0.0f);

	for (int64_t t = 0; t < n; t += VMF_KQ_W)
		v = v + kq_load(a + t) * kq_load(b + t);
	return ((v[0] + v[4]) + (v[1] + v[5])) +
	    ((v[2] + v[6]) + (v[3] + v[7]));
}

/* The sum of each run of VMF_KQ_RUN; s has room for whole runs, and is 0
 * after n. */
VMF_HD void
kq_runs(float *run, const float *s, int64_t n)
{
	for (int64_t r = 0; r * VMF_KQ_RUN < n; r++) {
		const float *p = s + r * VMF_KQ_RUN;
		kqreal v = kq_load(p);

		for (int i = VMF_KQ_W; i < VMF_KQ_RUN; i += VMF_KQ_W)
			v = v + kq_load(p + i);
		run[r] = ((v[0] + v[4]) + (v[1] + v[5])) +
		    ((v[2] + v[6]) + (v[3] + v[7]));
	}
}

#endif
