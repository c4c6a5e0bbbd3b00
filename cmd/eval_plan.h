/* SPDX-License-Identifier: MIT */
/* vmf-eval --plan: what was planned, and the hosts that it was for. */
#ifndef VMF_CMD_EVAL_PLAN_H
#define VMF_CMD_EVAL_PLAN_H

#include "cmd.h"
#include "eval/eval.h"

struct eval_replay {
	/* set by the caller, of the command line: */
	const char *path;		/* NULL: no plan */
	const char *hosts_path;		/* or NULL */
	double max_load, max_host_load;
	/* opened: */
	struct vmf_eval_plan plan;
	struct vmf_eval_hosts hosts;
	struct vmf_inventory inv;
};

/* Open what there is, for ev to score. */
int eval_replay_open(const struct cmd *c, struct eval_replay *o,
    struct vmf_eval *ev, struct vmf_err *e) VMF_CHECK;
/* After vmf_eval_free. */
void eval_replay_free(struct eval_replay *o);

#endif
