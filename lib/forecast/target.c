/* SPDX-License-Identifier: MIT */
#include "forecast/target.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "forecast/model.h"

/* Log odds are kept within these: 1 in 10,000. */
#define ODDS_MAX 9.2
#define NEWTON_MAX 50
#define STEP_LEAST 1e-6	/* part of a step of it */

/* "A-B", of len bytes. */
static bool
parse_steps(struct vmf_target *t, const char *s, int64_t len)
{
	const char *dash = memchr(s, '-', (size_t)len);

	return dash != NULL &&
	    vmf_parse_int64(s, dash - s, &t->from) == 0 &&
	    vmf_parse_int64(dash + 1, s + len - dash - 1, &t->to) == 0 &&
	    t->from >= 1 && t->from <= t->to &&
	    t->to <= VMF_TARGET_LEADS_MAX;
}

int
vmf_target_parse(struct vmf_target *t, const char *text, int64_t len,
    const char *what, int code, struct vmf_err *e)
{
	const char *sign = memchr(text, '>', (size_t)len), *at;
	char number[32];
	int64_t rest;

	*t = (struct vmf_target){ .from = 1, .to = VMF_TARGET_LEADS };
	if (sign == NULL || sign == text || sign - text > 64)
		return vmf_fail(e, code, "%s: '%.*s', expected METRIC>X or "
		    "METRIC>X@A-B", what, (int)(len > 64 ? 64 : len), text);
	memcpy(t->metric, text, (size_t)(sign - text));
	rest = text + len - sign - 1;
	at = memchr(sign + 1, '@', (size_t)rest);
	if (at != NULL && !parse_steps(t, at + 1, text + len - at - 1))
		return vmf_fail(e, code, "%s: '%.*s', expected steps of the "
		    "forecast after the @, such as 1-12, up to %d", what,
		    (int)(len > 64 ? 64 : len), text, VMF_TARGET_LEADS_MAX);
	if (vmf_parse_double(sign + 1, at != NULL ? at - sign - 1 : rest,
	    &t->above) != 0 || !isfinite(t->above))
		return vmf_fail(e, code, "%s: '%.*s', expected a number "
		    "after the >", what, (int)(len > 64 ? 64 : len), text);
	vmf_format_double(t->above, number);
	snprintf(t->text, sizeof(t->text), "%s>%s@%" PRId64 "-%" PRId64,
	    t->metric, number, t->from, t->to);
	return 0;
}

int
vmf_targets_parse(struct vmf_targets *t, const char *text, const char *what,
    int code, struct vmf_err *e)
{
	struct vmf_words w = { 0 };
	int rc;

	*t = (struct vmf_targets){ 0 };
	if (text == NULL)
		return 0;
	if ((rc = vmf_words_parse(&w, text, what, code, e)) == 0 &&
	    (t->v = vmf_calloc(w.n, (int64_t)sizeof(*t->v), e)) == NULL)
		rc = VMF_ENOMEM;
	for (int k = 0; k < w.n && rc == 0; k++) {
		rc = vmf_target_parse(&t->v[k], w.v[k],
		    (int64_t)strlen(w.v[k]), what, code, e);
		for (int i = 0; i < k && rc == 0; i++)
			if (strcmp(t->v[i].text, t->v[k].text) == 0)
				rc = vmf_fail(e, code, "%s: '%s' is there "
				    "twice", what, t->v[k].text);
		t->n++;
	}
	vmf_words_free(&w);
	return rc;
}

/* Is the metric one of those between commas? */
static bool
is_listed(const char *metrics, const char *metric)
{
	size_t n = strlen(metric);

	for (const char *c = metrics; c != NULL; c = strchr(c, ',')) {
		c += *c == ',';
		if (strncmp(c, metric, n) == 0 && (c[n] == ',' ||
		    c[n] == '\0'))
			return true;
	}
	return false;
}

int
vmf_targets_metrics(const struct vmf_targets *t, const char *metrics,
    struct vmf_buf *out, struct vmf_err *e)
{
	int rc = vmf_buf_put(out, metrics, (int64_t)strlen(metrics) + 1, e);

	for (int k = 0; k < t->n && rc == 0; k++) {
		if (is_listed((const char *)out->p, t->v[k].metric))
			continue;
		out->n--;
		if ((rc = vmf_buf_printf(out, e, ",%s",
		    t->v[k].metric)) == 0)
			rc = vmf_buf_put(out, "", 1, e);
	}
	return rc;
}

void
vmf_targets_free(struct vmf_targets *t)
{
	free(t->v);
	*t = (struct vmf_targets){ 0 };
}

void
vmf_target_column(const struct vmf_target *t, char *buf, int64_t n)
{
	char number[32];

	vmf_format_double(t->above, number);
	for (char *c = number; *c != '\0'; c++)
		*c = *c == '.' || *c == '+' ? '_' : *c == '-' ? 'm' : *c;
	snprintf(buf, (size_t)n, "%s_gt%s_%" PRId64 "_%" PRId64, t->metric,
	    number, t->from, t->to);
}

/* Is step i, from 0, of a window of h steps known?  y NULL: all are. */
static bool
is_known(const double *y, int64_t h, int64_t i)
{
	return i < h && (y == NULL || !isnan(y[i]));
}

bool
vmf_target_whole(const struct vmf_target *t, const double *y, int64_t h)
{
	for (int64_t i = t->from - 1; i < t->to; i++)
		if (!is_known(y, h, i))
			return false;
	return true;
}

bool
vmf_target_came(const struct vmf_target *t, const double *y, int64_t h)
{
	for (int64_t i = t->from - 1; i < t->to && i < h; i++)
		if (y[i] > t->above)
			return true;
	return false;
}

/* The logarithm of the odds that the value of a step, whose quantiles are q,
 * is above x. */
static double
step_odds(const double q[9], double x)
{
	double below, tail;
	int j = 0;

	while (j < 9 && q[j] <= x)
		j++;
	if (j == 9) {
		tail = (q[8] - q[4]) / log(5.0);
		below = 1.0 - (tail > 0.0 ? 0.1 * exp((q[8] - x) / tail) :
		    x > q[8] ? 0.0 : 0.1);
	} else if (j == 0) {
		tail = (q[4] - q[0]) / log(5.0);
		below = tail > 0.0 ? 0.1 * exp((x - q[0]) / tail) : 0.0;
	} else {
		below = 0.1 * j + 0.1 * (x - q[j - 1]) / (q[j] - q[j - 1]);
	}
	return below >= 1.0 ? -ODDS_MAX : below <= 0.0 ? ODDS_MAX :
	    fmax(-ODDS_MAX, fmin(ODDS_MAX, log((1.0 - below) / below)));
}

bool
vmf_target_odds(const struct vmf_target *t, const struct vmf_forecast *f,
    const double *y, int64_t h, double odds[2])
{
	double none = 0.0, p;
	bool any = false;

	odds[0] = -ODDS_MAX;
	for (int64_t i = t->from - 1; i < t->to && i < f->h; i++) {
		double q[9], o;

		if (!is_known(y, h, i))
			continue;
		any = true;
		for (int j = 0; j < 9; j++) {
			q[j] = (double)f->q[j * f->h + i];
			if (isnan(q[j]))
				return false;
		}
		o = step_odds(q, t->above);
		if (o > odds[0])
			odds[0] = o;
		/* log(1 - p) */
		none -= log1p(exp(o));
	}
	if (!any)
		return false;
	p = -expm1(none);
	odds[1] = p >= 1.0 ? ODDS_MAX : fmax(-ODDS_MAX, fmin(ODDS_MAX,
	    log(p) - none));
	return true;
}

double
vmf_target_calibrated(const double abc[3], const double odds[2])
{
	return fmax(-ODDS_MAX, fmin(ODDS_MAX, abc[0] + abc[1] * odds[0] +
	    abc[2] * odds[1]));
}

/* Solve m x = v, of a symmetric positive definite m, in place. */
static void
solve(double m[3][3], double v[3])
{
	for (int i = 0; i < 3; i++)
		for (int j = i + 1; j < 3; j++) {
			double r = m[j][i] / m[i][i];

			for (int k = i; k < 3; k++)
				m[j][k] -= r * m[i][k];
			v[j] -= r * v[i];
		}
	for (int i = 2; i >= 0; i--) {
		for (int k = i + 1; k < 3; k++)
			v[i] -= m[i][k] * v[k];
		v[i] /= m[i][i];
	}
}

/* What Newton's method makes as great as can be: the logarithm of how likely
 * what came is, less half the squares of how far abc is from its start. */
static double
likelihood(const float *odds, int64_t stride, const float *came,
    int64_t came_stride, int64_t n, const double start[3],
    const double abc[3])
{
	double sum = 0.0;

	for (int i = 0; i < 3; i++)
		sum -= 0.5 * (abc[i] - start[i]) * (abc[i] - start[i]);
	for (int64_t r = 0; r < n; r++) {
		double z = abc[0] + abc[1] * (double)odds[r * stride] +
		    abc[2] * (double)odds[r * stride + 1];

		z = came[r * came_stride] > 0.5f ? -z : z;
		sum -= fmax(z, 0.0) + log1p(exp(-fabs(z)));
	}
	return sum;
}

void
vmf_target_fit(const float *odds, int64_t stride, const float *came,
    int64_t came_stride, int64_t n, double abc[3])
{
	static const double start[3] = { 0.0, 0.5, 0.5 };
	double now;

	memcpy(abc, start, sizeof(start));
	now = likelihood(odds, stride, came, came_stride, n, start, abc);
	for (int round = 0; round < NEWTON_MAX; round++) {
		double m[3][3] = { { 1.0, 0, 0 }, { 0, 1.0, 0 },
		    { 0, 0, 1.0 } };
		double v[3], to[3], then = -INFINITY, far = 0.0, part = 1.0;

		for (int i = 0; i < 3; i++)
			v[i] = start[i] - abc[i];
		for (int64_t r = 0; r < n; r++) {
			double x[3] = { 1.0, (double)odds[r * stride],
			    (double)odds[r * stride + 1] };
			double z = abc[0] + abc[1] * x[1] + abc[2] * x[2];
			double p = 1.0 / (1.0 + exp(-z));
			double d = (double)came[r * came_stride] - p;

			for (int i = 0; i < 3; i++) {
				v[i] += d * x[i];
				for (int j = 0; j < 3; j++)
					m[i][j] += p * (1.0 - p) * x[i] *
					    x[j];
			}
		}
		solve(m, v);
		for (int i = 0; i < 3; i++)
			far = fmax(far, fabs(v[i]));
		if (far < 1e-9)
			break;
		/* Full steps may overshoot where odds are extreme. */
		for (; part >= STEP_LEAST && !(then >= now); part /= 2.0) {
			for (int i = 0; i < 3; i++)
				to[i] = abc[i] + part * v[i];
			then = likelihood(odds, stride, came, came_stride, n,
			    start, to);
		}
		if (!(then >= now))
			break;
		memcpy(abc, to, sizeof(to));
		now = then;
	}
}
