/* SPDX-License-Identifier: MIT */
/*
 * Bodies of kernel quantiles: what a step of one series' own past weighs in
 * the forecast of a step to come.  The estimator is that of Nadaraya ("On
 * Estimating Regression", 1964) and Watson ("Smooth Regression Analysis",
 * 1964), of the distribution rather than the mean.
 *
 * Step t is [t].  Arrays are padded: up to VMF_KQ_W steps behind their end
 * are read and written.  All is float, eight steps at once, by +, -, x, /
 * and bits only: the same bytes whatever the instructions.
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

/* w[t] = 2^-((n - t) / half_life). */
VMF_HD void
kq_ages(float *w, int64_t n, float half_life)
{
	kqreal age = (kqreal){ 0, 1, 2, 3, 4, 5, 6, 7 } - (float)n;

	for (int64_t t = 0; t < n; t += VMF_KQ_W) {
		kqreal v = age / half_life, zero = kq_set(0.0f);

		kq_store(w + t, kq_exp2(-kq_max(-v, zero)));
		age = age + 8.0f;
	}
}

/*
 * The likeness of states: w[t] = exp(-z^2 / 2), z the distance of the state
 * lag steps before t from now, over band; 0 for the first lag steps, whose
 * state is not known.  scale is 1 / band, 0 where all states are the same.
 */
VMF_HD void
kq_likeness(float *w, const float *x, int64_t n, int64_t lag, float now,
    float scale)
{
	/* exp(-z^2 / 2) = 2^-(z^2 log2(e) / 2) */
	float k = 0.72134752f * scale * scale;
	int64_t from = lag < n ? lag : n;

	memset(w, 0, (size_t)from * sizeof(*w));
	for (int64_t t = from; t < n; t += VMF_KQ_W) {
		kqreal d = kq_load(x + t - lag) - now;

		kq_store(w + t, kq_exp2(d * d * -k));
	}
}

/* w[t] = a[t] * (floor_i + f_i[t]) for the factors there are; f NULL is
 * none. */
VMF_HD void
kq_product(float *w, int64_t n, const float *a, const float *const f[3],
    const float floor[3])
{
	for (int64_t t = 0; t < n; t += VMF_KQ_W) {
		kqreal v = kq_load(a + t);

		for (int i = 0; i < 3; i++)
			if (f[i] != NULL)
				v = v * (kq_load(f[i] + t) + floor[i]);
		kq_store(w + t, v);
	}
}

/* w[t] += share * a[t]. */
VMF_HD void
kq_add(float *w, const float *a, int64_t n, float share)
{
	for (int64_t t = 0; t < n; t += VMF_KQ_W)
		kq_store(w + t, kq_load(w + t) + kq_load(a + t) * share);
}

/* The likeness of moments: w[t] = exp(-d^2 / (2 sd^2)), d the steps between t
 * and to in a season of so many, the shorter way round; n steps. */
VMF_HD void
kq_phases(float *w, int64_t n, int64_t to, int64_t season, float sd)
{
	int64_t len = season < n ? season : n;
	float k = -0.72134752f / (sd * sd);

	for (int64_t t = 0; t < len; t++) {
		int64_t d = (to - t) % season;

		d = d > season - d ? season - d : d;
		w[t] = (float)d * (float)d * k;
	}
	for (int64_t t = len; t < len + VMF_KQ_W; t++)
		w[t] = 0.0f;
	for (int64_t t = 0; t < len; t += VMF_KQ_W)
		kq_store(w + t, kq_exp2(kq_load(w + t)));
	for (int64_t t = len; t < n; t += len)
		memcpy(w + t, w, (size_t)(n - t < len ? n - t : len) *
		    sizeof(*w));
}

/* The sum of the products, in an order of its own; both are 0 behind n. */
VMF_HD float
kq_dot(const float *a, const float *b, int64_t n)
{
	kqreal v = kq_set(0.0f);

	for (int64_t t = 0; t < n; t += VMF_KQ_W)
		v = v + kq_load(a + t) * kq_load(b + t);
	return ((v[0] + v[4]) + (v[1] + v[5])) +
	    ((v[2] + v[6]) + (v[3] + v[7]));
}

/* Move weights to where their values stand in ascending order: rank[t], n for
 * a missing one; then the sum of each run of VMF_KQ_RUN.  s has room for
 * whole runs and n more.  Returns the sum of all. */
VMF_HD float
kq_sorted(float *s, float *run, int64_t known, const float *w,
    const int32_t *rank, int64_t n)
{
	int64_t runs = (known + VMF_KQ_RUN - 1) / VMF_KQ_RUN;
	float sum = 0.0f;

	for (int64_t t = 0; t < n; t++)
		s[rank[t]] = w[t];
	memset(s + known, 0, (size_t)(runs * VMF_KQ_RUN - known + 1) *
	    sizeof(*s));
	for (int64_t r = 0; r < runs; r++) {
		const float *p = s + r * VMF_KQ_RUN;
		kqreal v = kq_load(p);
		float all;

		for (int i = VMF_KQ_W; i < VMF_KQ_RUN; i += VMF_KQ_W)
			v = v + kq_load(p + i);
		all = ((v[0] + v[4]) + (v[1] + v[5])) +
		    ((v[2] + v[6]) + (v[3] + v[7]));
		run[r] = all;
		sum += all;
	}
	return sum;
}

#endif
