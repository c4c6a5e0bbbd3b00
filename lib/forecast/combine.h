/* SPDX-License-Identifier: MIT */
/*
 * From the members' errors inside the history to weights and intervals, and
 * from their forecasts to one.
 */
#ifndef VMF_COMBINE_H
#define VMF_COMBINE_H

#include <stdint.h>

#include "base/err.h"
#include "forecast/forecast.h"
#include "forecast/panel.h"
#include "kernel/lanes_block.h"

/* Steps, seasons and leads that the lanes' room is counted in. */
enum { VMF_ROOM_STEPS = 3, VMF_ROOM_SEASONS = 8, VMF_ROOM_LEADS = 4 };

/* Room that is reused. */
struct vmf_combine {
	double *err, *tmp;
	int64_t err_cap, tmp_cap;
};
void vmf_combine_free(struct vmf_combine *c);

/*
 * Lane i of a block of w that was learned of the job: params of VMF_PANEL_*
 * and mase into its fit.
 */
int vmf_combine_fit(const struct vmf_panel_job *job,
    const struct vmf_block *b, int w, int i, struct vmf_combine *c,
    struct vmf_err *e) VMF_CHECK;
/* Lane i of a block that was forecast: mean and quantiles into f. */
void vmf_combine_predict(struct vmf_forecast *f, const double *params,
    const struct vmf_block *b, int w, int i);

#endif
