/* SPDX-License-Identifier: MIT */
#include "window_opts.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/num.h"
#include "base/thread.h"
#include "base/time.h"
#include "forecast/quantile.h"
#include "series/series.h"

/* So that no sum of costs overflows: NaN is what was not given. */
static int
check_cost(const char *name, double x, struct vmf_err *e)
{
	return x < 0.0 || x > (double)FLT_MAX ? vmf_fail(e, VMF_EUSAGE,
	    "--%s is %g, expected a number, at least 0, that 32 bits hold",
	    name, x) : 0;
}

/* A bound far out of all forecasts would overflow when rounded to slots. */
static int
check_bound(const char *name, int64_t t, struct vmf_err *e)
{
	if (t != VMF_TIME_NONE && (t < VMF_TIME_LO || t > VMF_TIME_HI))
		return vmf_fail(e, VMF_EUSAGE, "%s is %" PRId64 " s since "
		    "1970, expected a time in the years 1 to 9999", name, t);
	return 0;
}

static int
check_limits(const struct window_opts *o, struct vmf_err *e)
{
	double max = o->limits.max_host_load;
	int rc;

	if (!isnan(max) && o->hosts == NULL && !isinf(max))
		return vmf_fail(e, VMF_EUSAGE, "--max-host-load needs what "
		    "hosts have: expected --hosts FILE");
	if (!isnan(max) && !(max > 0.0))
		return vmf_fail(e, VMF_EUSAGE, "--max-host-load is %g, "
		    "expected a number above 0", max);
	max = o->limits.max_host_mem;
	if (!isnan(max) && o->hosts == NULL && !isinf(max))
		return vmf_fail(e, VMF_EUSAGE, "--max-host-mem needs what "
		    "hosts have: expected --hosts FILE");
	if (!isnan(max) && !(max > 0.0))
		return vmf_fail(e, VMF_EUSAGE, "--max-host-mem is %g, "
		    "expected a number above 0", max);
	if ((rc = check_cost("hysteresis", o->hysteresis, e)) != 0 ||
	    (rc = check_cost("assume-load", o->assume_load, e)) != 0 ||
	    (rc = cmd_check_names("drain", &o->drain, "names of hosts",
	    e)) != 0 ||
	    (rc = cmd_check_names("explain", &o->explain, "names of VMs",
	    e)) != 0)
		return rc;
	if (o->hysteresis > 0.0 && o->replan == NULL)
		return vmf_fail(e, VMF_EUSAGE, "--hysteresis is about the "
		    "plan before: expected --replan PLAN");
	return 0;
}

/* --length, and what only --downtime makes sense of. */
static int
read_length(struct window_opts *o, struct vmf_err *e)
{
	struct vmf_down_cost *d = &o->down;
	const char *lone = !isnan(d->budget_ms) ? "budget-downtime" :
	    !isnan(d->per_s) ? "cost-downtime" : !isnan(d->per_min) ?
	    "cost-length" : NULL;
	int rc;

	if (o->length == NULL)
		return vmf_fail(e, VMF_EUSAGE, "expected --length TIME");
	d->auto_length = strcmp(o->length, "auto") == 0;
	if (d->auto_length)
		o->win.length_s = 60;	/* of the shortest move */
	else if (vmf_parse_duration(o->length, &o->win.length_s) != 0)
		return vmf_fail(e, VMF_EUSAGE, "--length: '%.64s', expected "
		    "a span of time such as 30m, or auto", o->length);
	if (d->auto_length && o->downtime == NULL)
		return vmf_fail(e, VMF_EUSAGE, "--length auto is what "
		    "--downtime MODEL says; expected it or a time");
	if (lone != NULL && o->downtime == NULL)
		return vmf_fail(e, VMF_EUSAGE, "--%s is about downtimes; "
		    "expected --downtime MODEL", lone);
	d->per_s = isnan(d->per_s) ? 1.0 : d->per_s;
	d->per_min = isnan(d->per_min) ? 0.1 : d->per_min;
	if ((rc = check_cost("cost-downtime", d->per_s, e)) != 0 ||
	    (rc = check_cost("cost-length", d->per_min, e)) != 0)
		return rc;
	return d->budget_ms < 0.0 ? vmf_fail(e, VMF_EUSAGE,
	    "--budget-downtime is %g, expected a number, at least 0",
	    d->budget_ms) : 0;
}

int
window_opts_read(struct window_opts *o, struct vmf_planner *p,
    struct vmf_blackout **blackout, struct vmf_err *e)
{
	const struct vmf_window_opts *w = &o->win;
	struct vmf_quantiles risk;
	int rc;

	if ((rc = read_length(o, e)) != 0 ||
	    (rc = check_bound("--not-before", w->not_before, e)) != 0 ||
	    (rc = check_bound("--not-after", w->not_after, e)) != 0 ||
	    (rc = check_limits(o, e)) != 0)
		return rc;
	if (w->not_before != VMF_TIME_NONE && w->not_after != VMF_TIME_NONE &&
	    w->not_before >= w->not_after)
		return vmf_fail(e, VMF_EUSAGE, "--not-before is not earlier "
		    "than --not-after: expected room for a window between "
		    "them");
	if (o->risk != NULL) {
		if ((rc = vmf_quantiles_parse(&risk, o->risk, "--risk",
		    e)) != 0)
			return rc;
		if (risk.n != 1)
			return vmf_fail(e, VMF_EUSAGE, "--risk: '%.64s', "
			    "expected one quantile", o->risk);
		p->plan.risk_ppm = risk.ppm[0];
	}
	*blackout = vmf_calloc(o->blackout.n, (int64_t)sizeof(**blackout), e);
	if (*blackout == NULL)
		return VMF_ENOMEM;
	for (int k = 0; k < o->blackout.n; k++)
		if ((rc = vmf_blackout_parse(&(*blackout)[k],
		    o->blackout.v[k], e)) != 0)
			return rc;
	p->plan.metric = o->metric;
	p->plan.opts = *w;
	/* As for hosts: no limit. */
	if (isinf(w->max_load) && w->max_load > 0.0)
		p->plan.opts.max_load = NAN;
	p->plan.opts.blackout = *blackout;
	p->plan.opts.n_blackouts = o->blackout.n;
	p->plan.place = o->place;
	p->plan.assume_load = o->assume_load;
	p->limits = o->limits;
	p->limits.hysteresis = o->hysteresis;
	p->search.max_rounds = o->rounds;
	p->search.searches = o->searches;
	p->search.threads = o->threads > 0 ? (int)o->threads : vmf_cores();
	p->drain = o->drain.v;
	p->n_drains = o->drain.n;
	return 0;
}

bool
window_opts_fleet(const struct window_opts *o,
    const struct vmf_schema *forecast)
{
	const struct vmf_limits *l = &o->limits;

	return l->per_host > 0 || l->per_target > 0 || l->per_cluster > 0 ||
	    l->total > 0 || o->place || o->drain.n > 0 || o->hosts != NULL ||
	    o->replan != NULL || o->downtime != NULL ||
	    vmf_schema_find(forecast, "target") >= 0;
}

bool
window_opts_named(const struct cmd_strs *s, const char *id, int64_t len)
{
	for (int k = 0; k < s->n; k++)
		if (vmf_names_has(s->v[k], id, len))
			return true;
	return false;
}

int
window_opts_all(const struct cmd_strs *s, const struct vmf_dict *said,
    struct vmf_err *e)
{
	for (int k = 0; k < s->n; k++) {
		const char *at = s->v[k], *id;
		int64_t n;

		while (vmf_names_next(&at, &id, &n))
			if (vmf_dict_find(said, id, n) < 0)
				return vmf_fail(e, VMF_EDATA, "--explain: no "
				    "VM '%.*s' in the plan",
				    (int)(n > 200 ? 200 : n), id);
	}
	return 0;
}
