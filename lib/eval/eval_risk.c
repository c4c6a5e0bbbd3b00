/* SPDX-License-Identifier: MIT */
#include "eval/eval_risk.h"

#include <math.h>

static const struct {
	const char *name;
	enum vmf_type type;
} columns[] = { { "n_cases", VMF_INT64 }, { "n_came", VMF_INT64 },
    { "brier", VMF_FLOAT64 }, { "brier_rate", VMF_FLOAT64 },
    { "log_loss", VMF_FLOAT64 }, { "auc", VMF_FLOAT64 },
    { "rel_n", VMF_LIST_FLOAT64 }, { "rel_p", VMF_LIST_FLOAT64 },
    { "rel_came", VMF_LIST_FLOAT64 } };
#define N_COLUMNS ((int)(sizeof(columns) / sizeof(*columns)))

/* Probabilities of 0 and 1 have no logarithm of their own. */
#define P_MIN 1e-6

void
vmf_risk_score_add(struct vmf_risk_score *s, double p, int came)
{
	double in = fmin(fmax(p, P_MIN), 1.0 - P_MIN);
	double at = (log(in / (1.0 - in)) / 0.01 + VMF_RISK_FINE) / 2.0;
	int b = (int)(p * VMF_RISK_BINS);
	int64_t f = (int64_t)at;

	if (b == VMF_RISK_BINS)
		b--;
	f = f < 0 ? 0 : f >= VMF_RISK_FINE ? VMF_RISK_FINE - 1 : f;
	s->n++;
	s->came += came;
	s->brier += (p - came) * (p - came);
	s->log_loss -= log(came ? in : 1.0 - in);
	s->bin_n[b]++;
	s->bin_came[b] += came;
	s->bin_p[b] += p;
	s->fine[came][f]++;
}

double
vmf_risk_score_auc(const struct vmf_risk_score *s)
{
	double below = 0.0, pairs = 0.0;

	for (int f = 0; f < VMF_RISK_FINE; f++) {
		pairs += (double)s->fine[1][f] * (below +
		    0.5 * (double)s->fine[0][f]);
		below += (double)s->fine[0][f];
	}
	return s->came > 0 && s->came < s->n ? pairs / ((double)s->came *
	    (double)(s->n - s->came)) : NAN;
}

int
vmf_risk_schema(struct vmf_schema *s, struct vmf_err *e)
{
	for (int k = 0; k < N_COLUMNS; k++) {
		int rc = vmf_schema_add(s, columns[k].name, columns[k].type,
		    false, e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int
vmf_risk_put(struct vmf_col **c, const struct vmf_risk_score *s,
    struct vmf_err *e)
{
	double n, rate, v[4], bin[3][VMF_RISK_BINS];
	int rc;

	for (int k = 0; k < N_COLUMNS && s == NULL; k++)
		if ((rc = vmf_col_put_null((*c)++, e)) != 0)
			return rc;
	if (s == NULL)
		return 0;
	n = s->n > 0 ? (double)s->n : NAN;
	rate = (double)s->came / n;
	v[0] = s->brier / n;
	v[1] = rate * (1.0 - rate);
	v[2] = s->log_loss / n;
	v[3] = vmf_risk_score_auc(s);
	if ((rc = vmf_col_put_int((*c)++, s->n, e)) != 0 ||
	    (rc = vmf_col_put_int((*c)++, s->came, e)) != 0)
		return rc;
	for (int k = 0; k < 4; k++)
		if ((rc = vmf_col_put_num((*c)++, v[k], e)) != 0)
			return rc;
	for (int b = 0; b < VMF_RISK_BINS; b++) {
		double m = s->bin_n[b] > 0 ? (double)s->bin_n[b] : NAN;

		bin[0][b] = (double)s->bin_n[b];
		bin[1][b] = s->bin_p[b] / m;
		bin[2][b] = (double)s->bin_came[b] / m;
	}
	for (int k = 0; k < 3; k++)
		if ((rc = vmf_col_put_list64((*c)++, bin[k], VMF_RISK_BINS,
		    e)) != 0)
			return rc;
	return 0;
}
