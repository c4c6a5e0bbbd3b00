/* SPDX-License-Identifier: MIT */
/* What vmf-window was asked for. */
#ifndef VMF_WINDOW_OPTS_H
#define VMF_WINDOW_OPTS_H

#include "cmd.h"
#include "plan/planner.h"

struct window_opts {
	const char *length, *metric, *risk, *hosts, *replan, *downtime,
	    *inventory;
	struct vmf_window_opts win;
	struct vmf_limits limits;
	struct vmf_down_cost down;	/* its weights and budget */
	double hysteresis, assume_load;
	int64_t step_s, rounds, searches, threads;
	bool place, strict;
	struct cmd_strs blackout, drain, explain;
};

/* Options that can be read without the input, into the planner's.  The
 * blackouts are the caller's to free. */
int window_opts_read(struct window_opts *o, struct vmf_planner *p,
    struct vmf_blackout **blackout, struct vmf_err *e) VMF_CHECK;

/* Are the VMs to be planned together?  By an option, or because the forecast
 * has targets: some may be there already, or must not meet there. */
bool window_opts_fleet(const struct window_opts *o,
    const struct vmf_schema *forecast);

/* Is id in one of the texts of names with commas? */
bool window_opts_named(const struct cmd_strs *s, const char *id,
    int64_t len);

/* Are all names in the texts in said?  VMF_EDATA names one that is not. */
int window_opts_all(const struct cmd_strs *s, const struct vmf_dict *said,
    struct vmf_err *e) VMF_CHECK;

#endif
