/* SPDX-License-Identifier: MIT */
/*
 * The exact Gaussian likelihood of a seasonal ARIMA and its maximum, for
 * histories so short that the first season, which a sum of squares has to
 * start from, is much of them.
 *
 * The differenced series is ARMA(r, r - 1) around a mean in Harvey's state
 * space form (Forecasting, structural time series models and the Kalman
 * filter, 1989, section 3.3).  Chandrasekhar's recursions (Morf, Sidhu and
 * Kailath 1974; Pearlman 1980, Biometrika 67) give the innovations and their
 * variances from a state of 3 r numbers, r steps of work each, where Kalman's
 * need r * r.  They want a series without gaps: a lane with a missing step
 * has no exact likelihood here.  The variance and the mean are profiled out.
 */
#ifndef VMF_ARIMA_EXACT_KERNEL_H
#define VMF_ARIMA_EXACT_KERNEL_H

#include "kernel/arima_kernel.h"

/* Seasons up to this, and the numbers of a state then. */
enum { ARIMA_EXACT_SEASON = 24,
    ARIMA_STATES = ARIMA_LAGS + ARIMA_EXACT_SEASON + 1 };
/* The step of the numerical gradient. */
#define ARIMA_NUDGE 1e-4
/* Partial autocorrelations are kept within this of 0. */
#define ARIMA_EXACT_ROOT 0.99999
#define ARIMA_UNBOUND 220.0	/* of that, without bounds */

/* phi(B) Phi(B^s) and theta(B) Theta(B^s), multiplied out. */
struct arima_poly {
	vreal phi[ARIMA_STATES];	/* of lag i + 1 */
	vreal theta[ARIMA_STATES];	/* of lag i; theta[0] = 1 */
};

/* r: lags of phi, and lags of theta and 1. */
VMF_HD void
arima_multiply(const struct arima_par *m, int s, int r, struct arima_poly *p)
{
	const vreal *b = m->b;

	for (int i = 0; i < r; i++)
		p->phi[i] = p->theta[i] = v_set(0.0);
	p->theta[0] = v_set(1.0);
	for (int i = 0; i < ARIMA_LAGS; i++) {
		p->phi[i] = b[ARIMA_PHI + i];
		p->theta[i + 1] = b[ARIMA_THETA + i];
	}
	if (r <= s)
		return;
	p->phi[s - 1] += b[ARIMA_SPHI];
	p->theta[s] += b[ARIMA_STHETA];
	for (int i = 0; i < ARIMA_LAGS; i++) {
		p->phi[s + i] -= b[ARIMA_SPHI] * b[ARIMA_PHI + i];
		p->theta[s + i + 1] += b[ARIMA_STHETA] * b[ARIMA_THETA + i];
	}
}

/*
 * Autocovariances g[0 .. 2 r] of the autoregression alone, of an error of
 * variance 1: down to the partial autocorrelations and up again (Durbin and
 * Levinson), with the variance that each order leaves.
 */
VMF_HD void
arima_ar_cov(const vreal *phi, int r, vreal *g)
{
	vreal a[ARIMA_STATES], k[ARIMA_STATES], one = v_set(1.0), var = one;

	for (int i = 0; i < r; i++)
		a[i] = phi[i];
	for (int m = r; m > 0; m--) {
		vreal km = a[m - 1], part = one - km * km;

		k[m - 1] = km;
		var = var / part;
		for (int i = 0, j = m - 2; i <= j; i++, j--) {
			vreal x = a[i], y = a[j];

			a[i] = (x + km * y) / part;
			a[j] = (y + km * x) / part;
		}
	}
	g[0] = var;
	for (int m = 1; m <= r; m++) {
		vreal km = k[m - 1], sum = km * var;

		for (int i = 0; i < m - 1; i++)
			sum += a[i] * g[m - 1 - i];
		g[m] = sum;
		for (int i = 0, j = m - 2; i <= j; i++, j--) {
			vreal x = a[i], y = a[j];

			a[i] = x - km * y;
			a[j] = y - km * x;
		}
		a[m - 1] = km;
		var = var * (one - km * km);
	}
	for (int m = r + 1; m <= 2 * r; m++) {
		g[m] = v_set(0.0);
		for (int i = 0; i < r; i++)
			g[m] += phi[i] * g[m - 1 - i];
	}
}

/* The first column of the state's stationary covariance. */
VMF_HD void
arima_first_cov(const struct arima_poly *p, int r, vreal *cov)
{
	vreal g[2 * ARIMA_STATES + 1], w[ARIMA_STATES + 1];
	vreal psi[ARIMA_STATES];
	vreal cc[ARIMA_STATES];

	arima_ar_cov(p->phi, r, g);
	for (int k = 0; k < r; k++) {
		cc[k] = v_set(0.0);
		for (int i = 0; i + k < r; i++)
			cc[k] += p->theta[i] * p->theta[i + k];
		psi[k] = p->theta[k];
		for (int i = 0; i < k; i++)
			psi[k] += p->phi[i] * psi[k - 1 - i];
	}
	for (int h = 0; h <= r; h++) {
		w[h] = cc[0] * g[h];
		for (int k = 1; k < r; k++)
			w[h] += cc[k] * (g[h + k] + g[h > k ? h - k : k - h]);
	}
	for (int i = 0; i < r; i++) {
		cov[i] = v_set(0.0);
		for (int j = i; j < r; j++)
			cov[i] += p->phi[j] * w[j - i + 1] +
			    p->theta[j] * psi[j - i];
	}
}

/* What is differenced of step t: NaN where a step is missing. */
VMF_HD vreal
arima_difference(vcseq y, int64_t stride, int64_t t, int64_t s,
    const struct arima_par *m)
{
	vmask once = v_lt(v_set(0.5), m->d), season = v_lt(v_set(0.5), m->sd);
	vreal nan = v_set(NAN);
	vreal y1 = t >= 1 ? y[(t - 1) * stride] : nan;
	vreal ys = t >= s ? y[(t - s) * stride] : nan;
	vreal y1s = t > s ? y[(t - s - 1) * stride] : nan;

	return y[t * stride] - v_keep(season, ys) -
	    v_keep(once, y1 - v_keep(season, y1s));
}

/* A likelihood: the sum of squares in units of the innovations' variances,
 * the logarithms of those variances, and steps. */
struct arima_exact {
	vreal sse, log_var, n, mean;
};

/* The state that the next step is predicted from: of the series, and of a
 * mean of 1. */
struct arima_past {
	struct arima_poly poly;
	vreal x[ARIMA_STATES + 1], u[ARIMA_STATES + 1];
};

/*
 * The likelihood at m of the steps [begin, n), r states; past is left at step
 * n.  The mean is the best there is where the mask mean allows one, else 0.
 */
VMF_HD void
arima_likelihood(vcseq y, int64_t stride, int64_t n, int64_t s, int r,
    vreal begin, const struct arima_par *m, vmask mean,
    struct arima_past *past, struct arima_exact *out)
{
	const vreal *phi = past->poly.phi;
	vreal *x = past->x, *u = past->u;
	vreal gain[ARIMA_STATES], w[ARIMA_STATES + 1];
	vreal zero = v_set(0.0), one = v_set(1.0), var, change, logs = zero;
	vreal yy = zero, yu = zero, uu = zero, count = zero, prod = one;
	vmask sound = v_le(zero, one);

	for (int i = 0; i <= r; i++)
		x[i] = u[i] = w[i] = zero;
	arima_multiply(m, (int)s, r, &past->poly);
	arima_first_cov(&past->poly, r, w);
	var = w[0];
	for (int i = 0; i < r; i++)
		gain[i] = phi[i] * var + w[i + 1];
	for (int i = 0; i < r; i++)
		w[i] = gain[i];
	change = -one / var;
	for (int64_t t = 0; t < n; t++) {
		vmask on = v_le(begin, v_set((double)t));
		vreal z = arima_difference(y, stride, t, s, m);
		vreal inv = one / var, e = z - x[0], f = one - u[0];
		vreal part = change * w[0], e_inv = v_keep(on, e * inv);
		vreal f_inv = v_keep(on, f * inv), x0 = x[0], u0 = u[0];
		vreal w0 = w[0];

		yy += e_inv * v_keep(on, e);
		yu += e_inv * f;
		uu += f_inv * f;
		count += v_keep(on, one);
		prod *= v_sel(on, var, one);
		/* Counted from the end, where all lanes are: what a lane
		 * adds up must not depend on its neighbours' lengths. */
		if (((n - t) & 7) == 0) {
			logs += v_log(prod);
			prod = one;
		}
		/* Falls towards that of the error itself, 1; where rounding
		 * takes it further, near a unit root, there is no telling. */
		var = v_sel(on, var + part * w0, var);
		sound &= v_le(v_set(0.999), var);
		for (int i = 0; i < r; i++) {
			vreal tw = phi[i] * w0 + w[i + 1];

			x[i] = v_sel(on, phi[i] * x0 + x[i + 1] +
			    gain[i] * e_inv, x[i]);
			u[i] = v_sel(on, phi[i] * u0 + u[i + 1] +
			    gain[i] * f_inv, u[i]);
			/* w(t + 1) by the gain of t. */
			w[i] = v_sel(on, tw - gain[i] * (w0 * inv), w[i]);
			gain[i] = v_sel(on, gain[i] + tw * part, gain[i]);
		}
		change = v_sel(on, change - part * part / var, change);
	}
	out->mean = v_keep(mean, yu / v_max(uu, v_set(1e-300)));
	out->sse = v_sel(sound, v_max(yy - out->mean * yu, zero),
	    v_set(NAN));
	out->log_var = logs + v_log(prod);
	out->n = count;
}

/*
 * Forecasts of h steps after step n - 1, from all of the steps [begin, n):
 * f[j], of the lanes of the mask that have no gap; the others keep theirs.
 */
VMF_HD void
arima_exact_ahead(vcseq y, int64_t stride, int64_t n, int64_t s, int r,
    vreal begin, const struct arima_par *m, vmask lanes, int64_t h, vseq f)
{
	struct arima_past past;
	struct arima_exact x;
	vmask none = v_lt(v_set(1.0), v_set(0.0));
	vmask season = v_lt(v_set(0.5), m->sd), once = v_lt(v_set(0.5), m->d);
	vreal mean = m->b[ARIMA_MEAN], before, nan = v_set(NAN);
	vreal *a = past.x;

	arima_likelihood(y, stride, n, s, r, begin, m, none, &past, &x);
	lanes &= v_known(x.sse);
	for (int i = 0; i < r; i++)
		a[i] -= mean * past.u[i];
	before = y[(n - 1) * stride] - v_keep(season, n > s ?
	    y[(n - 1 - s) * stride] : nan);
	for (int64_t j = 0; j < h; j++) {
		vreal a0 = a[0], z, ys;

		z = a0 + mean + v_keep(once, before);
		before = z;
		ys = j >= s ? f[j - s] : n + j >= s ?
		    y[(n + j - s) * stride] : nan;
		f[j] = v_sel(lanes, z + v_keep(season, ys), f[j]);
		for (int i = 0; i < r; i++)
			a[i] = past.poly.phi[i] * a0 + a[i + 1];
	}
}

/* -2 log likelihood, less n (1 + log 2 pi). */
VMF_HD vreal
arima_deviance(const struct arima_exact *x)
{
	vreal n = v_max(x->n, v_set(1.0));

	return n * v_log(v_max(x->sse / n, v_set(1e-300))) + x->log_var;
}

/*
 * Without bounds: partial autocorrelations r become x = r / sqrt(1 - r^2)
 * (Monahan 1984, Biometrika 71), of all parameters but the mean.
 */
VMF_HD void
arima_unbound(const struct arima_par *m, vreal *x)
{
	vreal hi = v_set(ARIMA_EXACT_ROOT), one = v_set(1.0);

	arima_to_partial(m->b + ARIMA_PHI, 1.0, ARIMA_EXACT_ROOT,
	    x + ARIMA_PHI);
	arima_to_partial(m->b + ARIMA_THETA, -1.0, ARIMA_EXACT_ROOT,
	    x + ARIMA_THETA);
	for (int i = ARIMA_SPHI; i <= ARIMA_STHETA; i++)
		x[i] = v_clamp(m->b[i], -hi, hi);
	for (int i = 0; i < ARIMA_MEAN; i++)
		x[i] = x[i] / v_sqrt(one - x[i] * x[i]);
}

VMF_HD void
arima_bound(const vreal *x, struct arima_par *m)
{
	vreal r[ARIMA_MEAN], hi = v_set(ARIMA_EXACT_ROOT), one = v_set(1.0);

	for (int i = 0; i < ARIMA_MEAN; i++)
		r[i] = v_clamp(x[i] / v_sqrt(one + x[i] * x[i]), -hi, hi);
	arima_of_partial(r + ARIMA_PHI, 1.0, m->b + ARIMA_PHI);
	arima_of_partial(r + ARIMA_THETA, -1.0, m->b + ARIMA_THETA);
	m->b[ARIMA_SPHI] = r[ARIMA_SPHI];
	m->b[ARIMA_STHETA] = r[ARIMA_STHETA];
}

/* The curvature h by the parameters col of m becomes that by x. */
VMF_HD void
arima_curvature(const vreal *x, const struct arima_par *m, const int *col,
    int k, vreal *h)
{
	vreal jac[ARIMA_K * ARIMA_K], hj[ARIMA_K * ARIMA_K];
	vreal trial[ARIMA_MEAN];
	struct arima_par near = *m, at = *m;

	arima_bound(x, &at);
	for (int i = 0; i < ARIMA_MEAN; i++)
		trial[i] = x[i];
	for (int i = 0; i < k; i++) {
		trial[col[i]] += v_set(ARIMA_NUDGE);
		arima_bound(trial, &near);
		trial[col[i]] = x[col[i]];
		for (int j = 0; j < k; j++)
			jac[j * k + i] = (near.b[col[j]] - at.b[col[j]]) /
			    v_set(ARIMA_NUDGE);
	}
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++) {
			hj[i * k + j] = v_set(0.0);
			for (int l = 0; l < k; l++)
				hj[i * k + j] += h[l < i ?
				    i * (i + 1) / 2 + l :
				    l * (l + 1) / 2 + i] * jac[l * k + j];
		}
	for (int i = 0, to = 0; i < k; i++)
		for (int j = 0; j <= i; j++, to++) {
			h[to] = v_set(0.0);
			for (int l = 0; l < k; l++)
				h[to] += jac[l * k + i] * hj[l * k + j];
		}
}

/* The deviance and its slopes by the k parameters col of x, those of act;
 * m becomes x with the mean that is best. */
VMF_HD vreal
arima_slopes(vcseq y, int64_t stride, int64_t n, int64_t s, int r,
    vreal begin, vreal *x, struct arima_par *m, const int *col, int k,
    const vmask *act, struct arima_exact *out, vreal *g)
{
	struct arima_past past;
	struct arima_par trial = *m;
	vreal dev, nudge = v_set(ARIMA_NUDGE);

	arima_bound(x, m);
	arima_likelihood(y, stride, n, s, r, begin, m, act[ARIMA_MEAN], &past,
	    out);
	m->b[ARIMA_MEAN] = out->mean;
	dev = arima_deviance(out);
	for (int i = 0; i < k; i++) {
		struct arima_exact above, below;
		vreal keep = x[col[i]];

		x[col[i]] = keep + nudge;
		arima_bound(x, &trial);
		arima_likelihood(y, stride, n, s, r, begin, &trial,
		    act[ARIMA_MEAN], &past, &above);
		x[col[i]] = keep - nudge;
		arima_bound(x, &trial);
		arima_likelihood(y, stride, n, s, r, begin, &trial,
		    act[ARIMA_MEAN], &past, &below);
		x[col[i]] = keep;
		g[i] = v_keep(act[col[i]], (arima_deviance(&above) -
		    arima_deviance(&below)) / (nudge + nudge));
	}
	return dev;
}

/* h += sign a a' / d, in the lanes of the mask. */
VMF_HD void
arima_rank_one(vreal *h, const vreal *a, vreal d, int k, vmask ok)
{
	int at = 0;

	d = v_sel(ok, d, v_set(1.0));
	for (int i = 0; i < k; i++)
		for (int j = 0; j <= i; j++)
			h[at++] += v_keep(ok, a[i] * a[j] / d);
}

/*
 * Quasi-Newton steps (Broyden, Fletcher, Goldfarb, Shanno; damped as
 * Levenberg's are) towards the greatest likelihood, iters of them in all
 * lanes.  h is the curvature at the start, of the k parameters col
 * (ascending, the mean not among them); act masks those that are free.  m
 * holds the start and then the best; returns its deviance.
 */
VMF_HD_PASS vreal
arima_climb(vcseq y, int64_t stride, int64_t n, int64_t s, int r,
    vreal begin, struct arima_par *m, const int *col, int k,
    const vmask *act, vreal *h, int iters, struct arima_exact *best)
{
	struct arima_par trial = *m;
	vreal g[ARIMA_K], g2[ARIMA_K], step[ARIMA_K], down[ARIMA_K];
	vreal x[ARIMA_MEAN], to[ARIMA_MEAN];
	vreal zero = v_set(0.0), lambda = v_set(1e-3), dev;

	arima_unbound(m, x);
	for (int i = 0; i < ARIMA_MEAN; i++)
		to[i] = x[i];
	arima_curvature(x, m, col, k, h);
	dev = arima_slopes(y, stride, n, s, r, begin, x, m, col, k, act, best,
	    g);
	for (int it = 0; it < iters; it++) {
		struct arima_exact now;
		vreal hs[ARIMA_K], sy = zero, shs = zero, dev2;
		vmask good, curved;

		for (int i = 0; i < k; i++)
			down[i] = -g[i];
		arima_solve(h, down, k, lambda, step);
		for (int i = 0; i < k; i++)
			to[col[i]] = v_clamp(x[col[i]] +
			    v_keep(act[col[i]], step[i]),
			    v_set(-ARIMA_UNBOUND), v_set(ARIMA_UNBOUND));
		dev2 = arima_slopes(y, stride, n, s, r, begin, to, &trial, col,
		    k, act, &now, g2);
		good = v_lt(dev2, dev);
		for (int i = 0; i < k; i++) {
			step[i] = to[col[i]] - x[col[i]];
			down[i] = g2[i] - g[i];
			sy += step[i] * down[i];
		}
		for (int i = 0; i < k; i++) {
			hs[i] = zero;
			for (int j = 0; j < k; j++)
				hs[i] += step[j] * (j < i ?
				    h[i * (i + 1) / 2 + j] :
				    h[j * (j + 1) / 2 + i]);
			shs += step[i] * hs[i];
		}
		curved = v_lt(v_set(1e-10) * shs, sy) & v_lt(zero, shs);
		arima_rank_one(h, down, sy, k, curved);
		arima_rank_one(h, hs, -shs, k, curved);
		lambda *= v_sel(good, v_set(0.1), v_set(10.0));
		dev = v_sel(good, dev2, dev);
		best->sse = v_sel(good, now.sse, best->sse);
		for (int i = 0; i < ARIMA_K; i++)
			m->b[i] = v_sel(good, trial.b[i], m->b[i]);
		for (int i = 0; i < k; i++) {
			x[col[i]] = v_sel(good, to[col[i]], x[col[i]]);
			g[i] = v_sel(good, g2[i], g[i]);
		}
	}
	return dev;
}

#endif
