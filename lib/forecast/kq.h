/* SPDX-License-Identifier: MIT */
/*
 * Kernel quantiles with weights of their own for each series: the members of
 * kq_members.h forecast from origins all along the history, what each lost
 * there is discounted and added up, and a forecast is their mixture.
 *
 * The sums are kept with the model.  Learning goes on from where they end,
 * and gives the same bytes as learning all at once, as long as the history
 * begins at the same step.
 */
#ifndef VMF_KQ_H
#define VMF_KQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "forecast/forecast.h"
#include "forecast/panel.h"

struct vmf_gate;

/* One series: learned into fit, going on from `from` where it is not NULL
 * (which may be fit itself); or forecast into f by `from`. */
struct vmf_kq_job {
	const struct vmf_slice *y;	/* status ok: enough history */
	const struct vmf_forecast_opts *opts;
	struct vmf_fit *fit;		/* its blob, and mase */
	const struct vmf_fit *from;
	unsigned without;		/* families, where nothing goes on */
	struct vmf_forecast *f;		/* NULL: learn */
	/* NULL, or one more forecast, at vmf_kq_levels, to be mixed in, and
	 * by group what it lost (VMF_PANEL_LOST) */
	const struct vmf_forecast *other;
	const double *other_lost;
	const struct vmf_gate *gate;	/* of the fleet, or NULL */
};

/* All jobs, on several threads; a result depends on nothing but its job. */
int vmf_kq_run(struct vmf_kq_job *job, int64_t n,
    const struct vmf_panel *how, struct vmf_err *e) VMF_CHECK;
/* VMF_EDATA when blob cannot be what vmf_kq_run made for such steps. */
int vmf_kq_check(const char *name, const struct vmf_buf *blob,
    int64_t step_s, struct vmf_err *e) VMF_CHECK;

#endif
