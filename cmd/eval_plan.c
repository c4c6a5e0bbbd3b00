/* SPDX-License-Identifier: MIT */
#include "eval_plan.h"

int
eval_replay_open(const struct cmd *c, struct eval_replay *o,
    struct vmf_eval *ev, struct vmf_err *e)
{
	int rc;

	if (o->path == NULL)
		return 0;
	o->plan.max_load = o->max_load;
	ev->plan = &o->plan;
	if (o->hosts_path != NULL) {
		if ((rc = vmf_inventory_read_by(&o->inv, "host",
		    o->hosts_path, e)) != 0)
			return rc;
		o->hosts.inv = &o->inv;
		o->hosts.max_load = o->max_host_load;
		o->plan.hosts = &o->hosts;
	}
	return cmd_open_in(c, o->path, &o->plan.at.r, e);
}

void
eval_replay_free(struct eval_replay *o)
{
	vmf_reader_free(o->plan.at.r);
	vmf_eval_hosts_free(&o->hosts);
	vmf_inventory_free(&o->inv);
}
