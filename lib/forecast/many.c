/* SPDX-License-Identifier: MIT */
#include "forecast/many.h"

#include <math.h>

void
vmf_many_free(struct vmf_many *m)
{
	vmf_scratch_free(&m->scratch);
	vmf_fit_free(&m->own);
	*m = (struct vmf_many){ 0 };
}

int
vmf_forecast_many(const struct vmf_algo *algo, struct vmf_problem *p,
    int64_t n, struct vmf_many *m, struct vmf_err *e)
{
	int rc;

	for (int64_t i = 0; i < n; i++) {
		struct vmf_fit *own = p[i].own != NULL ? p[i].own : &m->own;

		own->n_params = 0;
		own->blob.n = 0;
		own->mase = NAN;
		m->failed = i;
		if ((rc = vmf_forecast_series(p[i].f, algo, &p[i].y,
		    &p[i].opts, p[i].fit, p[i].seen, own, &m->scratch,
		    e)) != 0)
			return rc;
	}
	return 0;
}
