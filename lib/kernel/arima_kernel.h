/* SPDX-License-Identifier: MIT */
/*
 * Bodies of seasonal ARIMA, (p,d,q)(P,D,Q)s with p, q <= 3 and d, D, P, Q
 * <= 1: pure functions of the lanes' series, no allocation.
 *
 *	phi(B) Phi(B^s) ((1-B)^d (1-B^s)^D y - m) = theta(B) Theta(B^s) e
 *
 * with phi(B) = 1 - phi1 B - ..., theta(B) = 1 + theta1 B + ...  The model is
 * run as a cascade of its factors, so that a step costs as much as there are
 * parameters, whatever the season: going in, prediction by prediction,
 *
 *	c = theta's sum of past e
 *	a = c's prediction + Theta c(t-s) + phi's sum of past a
 *	w = a's prediction             + Phi w(t-s)
 *	z = w's prediction + m         + d z(t-1)
 *	y = z's prediction             + D y(t-s)
 *
 * and the error e of y is added to each on the way back.  Of a missing step
 * the error is 0: the forecast takes its place.  Orders differ from lane to
 * lane by coefficients that are 0.
 */
#ifndef VMF_ARIMA_KERNEL_H
#define VMF_ARIMA_KERNEL_H

#include "kernel/lanes.h"

/* Parameters: phi 0-2, theta 3-5, Phi 6, Theta 7, m 8. */
enum { ARIMA_PHI = 0, ARIMA_THETA = 3, ARIMA_SPHI = 6, ARIMA_STHETA = 7,
    ARIMA_MEAN = 8, ARIMA_K = 9, ARIMA_LAGS = 3,
    ARIMA_KK = ARIMA_K * (ARIMA_K + 1) / 2 };

/* Partial autocorrelations are kept within these. */
#define ARIMA_ROOT 0.99
#define ARIMA_SROOT 0.98

struct arima_par {
	vreal b[ARIMA_K];
	vreal d, sd;		/* 0 or 1: d and D */
};

/* The last season of what the cascade remembers, s of each. */
struct arima_ring {
	vseq y, w, c, u, v;
};
#define ARIMA_RINGS 5

struct arima_state {
	vreal a[ARIMA_LAGS], e[ARIMA_LAGS];
	vreal u[ARIMA_LAGS], v[ARIMA_LAGS];
	vreal z, y;
};

/* What a pass adds up, over the steps that count. */
struct arima_sums {
	vreal sse, n;
	vreal h[ARIMA_KK];	/* C'C, lower triangle by rows */
	vreal g[ARIMA_K];	/* C'e; C is minus the Jacobian of e */
};

/*
 * One step: *y is the value (NaN: missing), ring slot at is s steps old and
 * is overwritten.  Before first + s D + d steps there is no forecast, and the
 * error is 0.  Returns the error; *ok is where there was one.
 */
VMF_HD vreal
arima_step(const struct arima_par *m, struct arima_state *x,
    const struct arima_ring *r, int64_t at, vreal y, vmask begun, vmask *ok)
{
	const vreal *b = m->b;
	vreal c, a, w, z, p, e, ry = r->y[at];
	vmask known = v_known(y);

	c = b[3] * x->e[0] + b[4] * x->e[1] + b[5] * x->e[2];
	a = c + b[7] * r->c[at] +
	    (b[0] * x->a[0] + b[1] * x->a[1] + b[2] * x->a[2]);
	w = a + b[6] * r->w[at];
	z = w + b[8] + m->d * x->z;
	p = z + m->sd * ry;
	*ok = known & begun;
	e = v_keep(*ok, y - p);
	p = v_sel(begun, p, x->y);
	x->y = v_sel(known, y, p);
	x->z = x->y - m->sd * ry;
	x->a[2] = x->a[1];
	x->a[1] = x->a[0];
	x->a[0] = v_keep(begun, a + e);
	x->e[2] = x->e[1];
	x->e[1] = x->e[0];
	x->e[0] = e;
	r->y[at] = x->y;
	r->w[at] = v_keep(begun, w + e);
	r->c[at] = v_keep(begun, c + e);
	return e;
}

VMF_HD void
arima_begin(struct arima_state *x, const struct arima_ring *r, int64_t s,
    int derivatives)
{
	vreal zero = v_set(0.0);

	for (int i = 0; i < ARIMA_LAGS; i++)
		x->a[i] = x->e[i] = x->u[i] = x->v[i] = zero;
	x->z = x->y = zero;
	for (int64_t i = 0; i < s; i++)
		r->y[i] = r->w[i] = r->c[i] = zero;
	for (int64_t i = 0; derivatives && i < s; i++)
		r->u[i] = r->v[i] = zero;
}

/*
 * A pass over steps [from, n): errors of the steps t with t >= skip, their
 * squares and the normal equations of the k parameters col (ascending).
 * Derivatives are short recursions of e itself: de(t)/dphi_i is -u(t-i) with
 * phi(B) u = e, de/dtheta_i is -v(t-i) with theta(B) v = e, and the same with
 * lag s for the seasonal ones.  That of m is its limit,
 * -phi(1) Phi(1) / (theta(1) Theta(1)).
 */
VMF_HD_PASS void
arima_pass(vcseq y, int64_t stride, int64_t from, int64_t n, int64_t s,
    vreal begin, vreal skip, const struct arima_par *m,
    const struct arima_ring *r, const int *col, int k, struct arima_sums *out)
{
	/* Of its own, as a ring that is written might be them. */
	const struct arima_par own = *m;
	const struct arima_ring ring = *r;
	const vreal *b = own.b;
	struct arima_state x;
	vreal c[ARIMA_K], one = v_set(1.0), level;
	int64_t at = 0;

	arima_begin(&x, &ring, s, 1);
	level = (one - b[0] - b[1] - b[2]) * (one - b[6]) /
	    ((one + b[3] + b[4] + b[5]) * (one + b[7]));
	out->sse = out->n = v_set(0.0);
	for (int i = 0; i < k * (k + 1) / 2; i++)
		out->h[i] = v_set(0.0);
	for (int i = 0; i < k; i++)
		out->g[i] = v_set(0.0);
	for (int64_t t = from; t < n; t++) {
		vreal now = v_set((double)t), e, u, v;
		vmask ok;
		int j = 0;

		c[0] = x.u[0];
		c[1] = x.u[1];
		c[2] = x.u[2];
		c[3] = x.v[0];
		c[4] = x.v[1];
		c[5] = x.v[2];
		c[6] = ring.u[at];
		c[7] = ring.v[at];
		c[8] = level;
		e = arima_step(&own, &x, &ring, at, y[t * stride],
		    v_le(begin, now), &ok);
		u = e + (b[0] * x.u[0] + b[1] * x.u[1] + b[2] * x.u[2]);
		x.u[2] = x.u[1];
		x.u[1] = x.u[0];
		x.u[0] = u;
		v = e - (b[3] * x.v[0] + b[4] * x.v[1] + b[5] * x.v[2]);
		x.v[2] = x.v[1];
		x.v[1] = x.v[0];
		x.v[0] = v;
		ring.u[at] = e + b[6] * c[6];
		ring.v[at] = e - b[7] * c[7];
		at = at + 1 == s ? 0 : at + 1;
		ok &= v_le(skip, now);
		e = v_keep(ok, e);
		out->sse += e * e;
		out->n += v_keep(ok, one);
		for (int i = 0; i < k; i++) {
			vreal ci = v_keep(ok, c[col[i]]);

			out->g[i] += ci * e;
			for (int l = 0; l <= i; l++)
				out->h[j++] += ci * c[col[l]];
		}
	}
}

/*
 * Partial autocorrelations r, within root of 0, of 1 - f1 B - f2 B^2 - f3 B^3
 * (Durbin and Levinson), f being times sign; and back to f.
 */
VMF_HD void
arima_to_partial(const vreal *f, double sign, double root, vreal *r)
{
	vreal hi = v_set(root), lo = v_set(-root);
	vreal one = v_set(1.0), sg = v_set(sign);
	vreal f1 = f[0] * sg, f2 = f[1] * sg, f3 = v_clamp(f[2] * sg, lo, hi);
	vreal g1;

	g1 = (f1 + f3 * f2) / (one - f3 * f3);
	r[2] = f3;
	r[1] = v_clamp((f2 + f3 * f1) / (one - f3 * f3), lo, hi);
	r[0] = v_clamp(g1 / (one - r[1]), lo, hi);
}

VMF_HD void
arima_of_partial(const vreal *r, double sign, vreal *f)
{
	vreal sg = v_set(sign), g1 = r[0] - r[1] * r[0];

	f[0] = (g1 - r[2] * r[1]) * sg;
	f[1] = (r[1] - r[2] * g1) * sg;
	f[2] = r[2] * sg;
}

/* Keep it stationary. */
VMF_HD void
arima_project(vreal *f, double sign)
{
	vreal r[ARIMA_LAGS];

	arima_to_partial(f, sign, ARIMA_ROOT, r);
	arima_of_partial(r, sign, f);
}

/* (H + lambda diag H) x = g by Cholesky; x of a lane whose H is singular is
 * damped to nothing. */
VMF_HD void
arima_solve(const vreal *h, const vreal *g, int k, vreal lambda, vreal *x)
{
	vreal l[ARIMA_KK], inv[ARIMA_K], one = v_set(1.0);
	int row = 0;

	for (int i = 0; i < k; i++) {
		vreal s;
		int rj = 0;

		for (int j = 0; j < i; j++) {
			s = h[row + j];
			for (int q = 0; q < j; q++)
				s -= l[row + q] * l[rj + q];
			l[row + j] = s * inv[j];
			rj += j + 1;
		}
		s = h[row + i] * (one + lambda);
		for (int q = 0; q < i; q++)
			s -= l[row + q] * l[row + q];
		/* Without this pivot, the parameter stays where it is. */
		s = v_sqrt(v_max(s, h[row + i] * v_set(1e-10)));
		inv[i] = v_sel(v_lt(v_set(0.0), s), one / s, v_set(0.0));
		l[row + i] = s;
		row += i + 1;
	}
	row = 0;
	for (int i = 0; i < k; i++) {
		vreal s = g[i];

		for (int q = 0; q < i; q++)
			s -= l[row + q] * x[q];
		x[i] = s * inv[i];
		row += i + 1;
	}
	for (int i = k - 1; i >= 0; i--) {
		vreal s = x[i];

		for (int q = i + 1; q < k; q++)
			s -= l[q * (q + 1) / 2 + i] * x[q];
		x[i] = s * inv[i];
	}
}

/*
 * Levenberg and Marquardt's steps towards the least sum of squares, iters of
 * them in all lanes; act masks the parameters that are free in a lane.  m
 * holds the start and then the best.
 */
VMF_HD_PASS void
arima_descend(vcseq y, int64_t stride, int64_t from, int64_t n,
    int64_t s, vreal begin, vreal skip, struct arima_par *m,
    const struct arima_ring *r, const int *col, int k, const vmask *act,
    int iters, struct arima_sums *best)
{
	struct arima_sums now;
	struct arima_par trial = *m;
	vreal step[ARIMA_K], lambda = v_set(1e-3);

	arima_pass(y, stride, from, n, s, begin, skip, m, r, col, k, best);
	for (int it = 0; it < iters; it++) {
		vmask good;
		int j = 0;

		if (act != NULL)
			for (int i = 0; i < k; i++) {
				for (int l = 0; l < i; l++)
					best->h[j + l] = v_keep(act[i],
					    best->h[j + l]);
				for (int l = i; l < k; l++)
					best->h[l * (l + 1) / 2 + i] =
					    v_keep(act[i],
					    best->h[l * (l + 1) / 2 + i]);
				best->g[i] = v_keep(act[i], best->g[i]);
				j += i + 1;
			}
		arima_solve(best->h, best->g, k, lambda, step);
		for (int i = 0; i < k; i++)
			trial.b[col[i]] = m->b[col[i]] + step[i];
		arima_project(trial.b + ARIMA_PHI, 1.0);
		arima_project(trial.b + ARIMA_THETA, -1.0);
		for (int i = ARIMA_SPHI; i <= ARIMA_STHETA; i++)
			trial.b[i] = v_clamp(trial.b[i], v_set(-ARIMA_SROOT),
			    v_set(ARIMA_SROOT));
		arima_pass(y, stride, from, n, s, begin, skip, &trial, r, col,
		    k, &now);
		good = v_lt(now.sse, best->sse);
		lambda *= v_sel(good, v_set(0.1), v_set(10.0));
		best->sse = v_sel(good, now.sse, best->sse);
		for (int i = 0; i < k; i++) {
			m->b[col[i]] = v_sel(good, trial.b[col[i]],
			    m->b[col[i]]);
			best->g[i] = v_sel(good, now.g[i], best->g[i]);
		}
		for (int i = 0; i < k * (k + 1) / 2; i++)
			best->h[i] = v_sel(good, now.h[i], best->h[i]);
	}
}

/*
 * From the state after step n - 1 on: h forecasts f[0], ...; tw and tc are
 * room for h values each.  at is the ring slot of step n.
 */
VMF_HD void
arima_ahead(const struct arima_par *m, const struct arima_state *from,
    const struct arima_ring *r, int64_t s, int64_t at, int64_t h, vseq f,
    vseq tw, vseq tc)
{
	const vreal *b = m->b;
	struct arima_state x = *from;

	for (int64_t j = 0; j < h; j++) {
		vreal ry, rw, rc, c, a, w, z;

		if (j < s) {
			int64_t i = at + j < s ? at + j : at + j - s;

			ry = r->y[i];
			rw = r->w[i];
			rc = r->c[i];
		} else {
			ry = f[j - s];
			rw = tw[j - s];
			rc = tc[j - s];
		}
		c = b[3] * x.e[0] + b[4] * x.e[1] + b[5] * x.e[2];
		a = c + b[7] * rc +
		    (b[0] * x.a[0] + b[1] * x.a[1] + b[2] * x.a[2]);
		w = a + b[6] * rw;
		z = w + b[8] + m->d * x.z;
		f[j] = z + m->sd * ry;
		tw[j] = w;
		tc[j] = c;
		x.z = z;
		x.a[2] = x.a[1];
		x.a[1] = x.a[0];
		x.a[0] = a;
		x.e[2] = x.e[1];
		x.e[1] = x.e[0];
		x.e[0] = v_set(0.0);
	}
}

/*
 * Run the model over steps [from, n) and forecast h steps at each of the
 * n_at moments at[] (descending: the last comes first; at[i] = n is the end):
 * f[i * h + j] becomes the forecast of step at[i] + j from what is before
 * at[i]; or so much of it as weight says is added, where weight is not NULL.
 * tmp is room for 2 h values, 3 h with a weight.
 */
VMF_HD_PASS void
arima_roll(vcseq y, int64_t stride, int64_t from, int64_t n, int64_t s,
    vreal begin, const struct arima_par *m, const struct arima_ring *r,
    const int64_t *at, int64_t n_at, int64_t h, const vreal *weight, vseq f,
    vseq tmp)
{
	/* As in arima_pass. */
	const struct arima_par own = *m;
	const struct arima_ring ring = *r;
	struct arima_state x;
	int64_t slot = 0;

	arima_begin(&x, &ring, s, 0);
	for (int64_t t = from; t <= n; t++) {
		vmask ok;

		while (n_at > 0 && at[n_at - 1] <= t) {
			vseq to = f + --n_at * h, ahead = tmp + 2 * h;

			arima_ahead(&own, &x, &ring, s, slot, h,
			    weight != NULL ? ahead : to, tmp, tmp + h);
			for (int64_t j = 0; weight != NULL && j < h; j++)
				to[j] += v_keep(v_lt(v_set(0.0), *weight),
				    *weight * ahead[j]);
		}
		if (t == n)
			break;
		(void)arima_step(&own, &x, &ring, slot, y[t * stride],
		    v_le(begin, v_set((double)t)), &ok);
		slot = slot + 1 == s ? 0 : slot + 1;
	}
}

/* psi[j], the weight of an error j steps before: psi[0] = 1, h of them. */
VMF_HD void
arima_psi(const struct arima_par *m, const struct arima_ring *r, int64_t s,
    int64_t h, vseq psi, vseq tmp)
{
	struct arima_par q = *m;
	struct arima_state x;
	vreal one = v_set(1.0);

	q.b[ARIMA_MEAN] = v_set(0.0);
	arima_begin(&x, r, s, 0);
	x.a[0] = x.e[0] = x.z = x.y = one;
	r->y[s - 1] = r->w[s - 1] = r->c[s - 1] = one;
	psi[0] = one;
	if (h > 1)
		arima_ahead(&q, &x, r, s, 0, h - 1, psi + 1, tmp, tmp + h);
}

#endif
