/* SPDX-License-Identifier: MIT */
/*
 * Hosts and clusters.  A VM's share of its host at a step is its mean load
 * there, cpu / 100 x vcpus in cores.  Sums by output step give the means;
 * maxima and percentiles are taken over the sums of the fine steps, because
 * VMs do not peak together: a sum of maxima is no maximum of anything.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "series/aggregate_in.h"

/* What rolling up one VM needs. */
struct vm {
	int32_t host;
	double vcpus;
};

/* Cores as a multiple of 2^-36: sums below 2^17 of them are exact in a
 * double, so that nothing is rounded off and kept. */
static double
on_grid(double cores)
{
	return rint(cores * 0x1p36) * 0x1p-36;
}

/* Add a VM's mean cpu at a step to the sums of its host. */
static int
add_share(struct vmf_aggregate *g, struct vmf_accum *a, const struct vm *vm,
    int64_t step, double cpu_pct, struct vmf_err *e)
{
	void *seg;
	int rc;

	if (vmf_accum_bytes(a, 1) > g->roll.room) {
		rc = vmf_accum_flush(a, &g->roll.hosts, e);
		if (rc != 0)
			return rc;
	}
	seg = vmf_accum_at(a, vm->host, step, e);
	if (seg == NULL)
		return VMF_ENOMEM;
	vmf_seg_count(&a->layout, seg, 0)[step & (VMF_SEG_STEPS - 1)]++;
	rc = vmf_accum_sum(a, seg, vm->host, step, 0,
	    on_grid(cpu_pct / 100.0 * vm->vcpus), e);
	return rc != 0 ? rc : vmf_accum_sum(a, seg, vm->host, step, 1,
	    on_grid(vm->vcpus), e);
}

static int
add_vm(struct vmf_aggregate *g, const struct vm *vm, uint8_t *segs,
    int64_t n, struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &g->accum.layout;
	int64_t present = 0, count = 0;	/* of output step `present` */
	int64_t before = INT64_MIN;	/* fine step */
	double sum = 0.0;
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < n * VMF_SEG_STEPS; i++) {
		uint8_t *seg = segs + i / VMF_SEG_STEPS * l->rec_bytes;
		int k = (int)(i % VMF_SEG_STEPS);
		uint32_t c = vmf_seg_count(l, seg, 0)[k];
		double s = vmf_seg_sum(l, seg, 0)[k];
		int64_t fine = ((struct vmf_rec *)(void *)seg)->t *
		    VMF_SEG_STEPS + k, step;

		if (c == 0)
			continue;
		if (before != INT64_MIN)
			g->roll.apart[fine - before < VMF_AGG_APART ?
			    fine - before : VMF_AGG_APART - 1]++;
		before = fine;
		step = vmf_agg_out_step(g, fine);
		if (count > 0 && step != present) {
			rc = add_share(g, &g->roll.coarse, vm, present,
			    sum / (double)count, e);
			sum = 0.0;
			count = 0;
		}
		present = step;
		sum += s;
		count += c;
		if (rc == 0)
			rc = add_share(g, &g->roll.fine, vm, fine, s / c, e);
		vmf_agg_seen(g, step, step);
	}
	if (rc == 0 && count > 0)
		rc = add_share(g, &g->roll.coarse, vm, present,
		    sum / (double)count, e);
	return rc;
}

/* Attributes of a host: its cluster, and the vcpus of all its VMs. */
static int
init_attrs(struct vmf_aggregate *g, struct vmf_err *e)
{
	struct vmf_schema s = { 0 };
	int rc = 0;

	if (g->opts.by == VMF_BY_HOST &&
	    vmf_attrs_find(&g->attrs, "cluster") >= 0)
		rc = vmf_schema_add(&s, "cluster", VMF_UTF8, false, e);
	if (rc >= 0)
		rc = vmf_schema_add(&s, "vcpus", VMF_FLOAT64, false, e);
	for (int i = 0; rc >= 0 && i < s.n; i++)
		rc = vmf_attrs_add(&g->roll.attrs, &s.field[i], -1, e);
	vmf_schema_free(&s);
	return rc < 0 ? rc : 0;
}

/* when[] of a host's attribute doubles as its state. */
#define UNSURE INT64_MAX	/* its VMs are in several clusters */

static int
host_attrs(struct vmf_aggregate *g, int32_t vm, const struct vm *v,
    struct vmf_err *e)
{
	struct vmf_attrs *to = &g->roll.attrs;
	int cluster = vmf_attrs_find(&g->attrs, "cluster");
	int own = vmf_attrs_find(to, "cluster");
	struct vmf_attr *vcpus;
	const char *s;
	char buf[32];
	int64_t len;
	int32_t code;
	int rc;

	rc = vmf_attrs_room(to, g->roll.hosts.dict.n, e);
	if (rc != 0)
		return rc;
	vcpus = &to->attr[vmf_attrs_find(to, "vcpus")];
	vcpus->value[v->host].f = v->vcpus +
	    (vmf_attr_has(vcpus, v->host) ? vcpus->value[v->host].f : 0.0);
	vcpus->when[v->host] = 0;
	if (own < 0)
		return 0;
	s = vmf_attr_text(&g->attrs.attr[cluster], vm, buf, &len);
	if (s == NULL || to->attr[own].when[v->host] == UNSURE)
		return 0;
	code = vmf_dict_intern(&to->attr[own].strs, s, len, e);
	if (code < 0)
		return VMF_ENOMEM;
	if (vmf_attr_has(&to->attr[own], v->host) &&
	    to->attr[own].value[v->host].i != code) {
		to->attr[own].when[v->host] = UNSURE;
		return 0;
	}
	to->attr[own].value[v->host].i = code;
	to->attr[own].when[v->host] = 0;
	return 0;
}

static int
roll_up_vm(struct vmf_aggregate *g, int32_t id, const struct vmf_attr *host,
    const struct vmf_attr *vcpus, struct vmf_err *e)
{
	struct vm vm = { .vcpus = (double)NAN };
	char buf[32];
	const char *s;
	uint8_t *segs;
	int64_t n, len;
	int rc;

	rc = vmf_accum_next(&g->accum, id, &segs, &n, e);
	if (rc != 0)
		return rc;
	s = vmf_attr_text(host, id, buf, &len);
	if (s == NULL || len == 0) {
		g->stats.without_host += n > 0;
		return 0;
	}
	if (vcpus != NULL)
		vm.vcpus = vmf_attr_num(vcpus, id);
	if (!(vm.vcpus > 0.0 && vm.vcpus < 1e9)) {
		vm.vcpus = 1.0;
		g->stats.without_vcpus += n > 0;
	}
	vm.host = vmf_ids_add(&g->roll.hosts, s, len, e);
	if (vm.host < 0)
		return VMF_ENOMEM;
	rc = host_attrs(g, id, &vm, e);
	return rc != 0 ? rc : add_vm(g, &vm, segs, n, e);
}

int
vmf_agg_rollup(struct vmf_aggregate *g, struct vmf_err *e)
{
	const char *by = g->opts.by == VMF_BY_HOST ? "host" : "cluster";
	int host = vmf_attrs_find(&g->attrs, by);
	int vcpus = vmf_attrs_find(&g->attrs, "vcpus");
	int rc;

	if (host < 0)
		return vmf_fail(e, VMF_EDATA, "%s: found no column '%s', "
		    "expected one in the stream or in --join FILE for --by "
		    "%s", g->name, by, by);
	rc = init_attrs(g, e);
	/* From here on the fleet's grid is that of the hosts. */
	g->any = false;
	g->roll.room = vmf_agg_budget(g) / 4;
	for (int64_t i = 0; rc == 0 && i < g->ids.dict.n; i++)
		rc = roll_up_vm(g, g->ids.order[i], &g->attrs.attr[host],
		    vcpus < 0 ? NULL : &g->attrs.attr[vcpus], e);
	if (rc != 0)
		return rc;
	for (int i = 0; i < g->roll.attrs.n; i++)
		for (int64_t k = 0; k < g->roll.attrs.n_ids; k++)
			if (g->roll.attrs.attr[i].when[k] == UNSURE)
				g->roll.attrs.attr[i].when[k] = INT64_MIN;
	vmf_accum_free(&g->accum);
	rc = vmf_accum_finish(&g->roll.fine, &g->roll.hosts, g->roll.room,
	    e);
	return rc != 0 ? rc : vmf_accum_finish(&g->roll.coarse,
	    &g->roll.hosts, g->roll.room, e);
}

/* ---- output ---- */

/* A host's load in one step: cores, and what they are a share of. */
static float
load(double cores, double vcpus, bool in_cores)
{
	return (float)(in_cores ? cores : 100.0 * cores / vcpus);
}

static void
fill_coarse(struct vmf_aggregate *g, uint8_t *seg, int64_t first)
{
	const struct vmf_seg_layout *l = &g->roll.coarse.layout;
	int64_t at = ((struct vmf_rec *)(void *)seg)->t * VMF_SEG_STEPS -
	    first;

	for (int k = 0; k < VMF_SEG_STEPS; k++) {
		uint32_t vms = vmf_seg_count(l, seg, 0)[k];

		if (vms == 0)
			continue;
		g->stats.steps++;
		for (int i = 0; i < g->n_lists; i++) {
			struct vmf_agg_list *list = &g->list[i];

			if (list->vms)
				list->v[at + k] = (float)vms;
			else if (list->stat.kind == VMF_STAT_MEAN)
				list->v[at + k] = load(
				    vmf_seg_sum(l, seg, 0)[k],
				    vmf_seg_sum(l, seg, 1)[k], list->cores);
		}
	}
}

/* The fine values of one output step, gathered in g->values: pairs of cores
 * and vcpus. */
static int
fill_fine_step(struct vmf_aggregate *g, int64_t at, struct vmf_err *e)
{
	int64_t n = g->n_values / 2;
	float *one;
	int rc;

	rc = vmf_grow(&g->values, &g->value_cap, 3 * n, e);
	if (rc != 0)
		return rc;
	one = g->values + 2 * n;
	for (int i = 0; i < g->n_lists; i++) {
		struct vmf_agg_list *list = &g->list[i];

		if (list->vms || list->stat.kind == VMF_STAT_MEAN)
			continue;
		if (list->stat.kind == VMF_STAT_COUNT) {
			list->v[at] = (float)n;
			continue;
		}
		for (int64_t k = 0; k < n; k++)
			one[k] = g->values[2 * k + !list->cores];
		vmf_agg_sort(one, n);
		list->v[at] = list->stat.kind == VMF_STAT_MAX ? one[n - 1] :
		    list->stat.kind == VMF_STAT_MIN ? one[0] :
		    (float)vmf_agg_quantile(one, n, list->stat.share);
	}
	return 0;
}

static int
fill_fine(struct vmf_aggregate *g, uint8_t *segs, int64_t n, int64_t first,
    struct vmf_err *e)
{
	const struct vmf_seg_layout *l = &g->roll.fine.layout;
	int64_t present = 0;
	int rc = 0;

	g->n_values = 0;
	for (int64_t i = 0; rc == 0 && i < n * VMF_SEG_STEPS; i++) {
		uint8_t *seg = segs + i / VMF_SEG_STEPS * l->rec_bytes;
		int k = (int)(i % VMF_SEG_STEPS);
		double cores = vmf_seg_sum(l, seg, 0)[k];
		double vcpus = vmf_seg_sum(l, seg, 1)[k];
		int64_t step;

		if (vmf_seg_count(l, seg, 0)[k] == 0)
			continue;
		step = vmf_agg_out_step(g, ((struct vmf_rec *)(void *)
		    seg)->t * VMF_SEG_STEPS + k);
		if (g->n_values > 0 && step != present) {
			rc = fill_fine_step(g, present - first, e);
			g->n_values = 0;
		}
		present = step;
		if (rc == 0)
			rc = vmf_grow(&g->values, &g->value_cap,
			    g->n_values + 2, e);
		if (rc == 0) {
			g->values[g->n_values++] = load(cores, vcpus, true);
			g->values[g->n_values++] = load(cores, vcpus, false);
		}
	}
	if (rc == 0 && g->n_values > 0)
		rc = fill_fine_step(g, present - first, e);
	return rc;
}

static int
too_large(const struct vmf_aggregate *g, int list, int32_t id,
    struct vmf_err *e)
{
	int64_t len;
	const char *host = vmf_dict_str(&g->roll.hosts.dict, id, &len);

	return vmf_fail(e, VMF_EDATA, "%s: the VMs of '%.*s' add up to a "
	    "'%s' that is above %g, expected less", g->name,
	    (int)(len < 200 ? len : 200), host, g->list[list].name,
	    (double)FLT_MAX);
}

static int
write_host(struct vmf_aggregate *g, const struct vmf_sink *to, int32_t id,
    struct vmf_err *e)
{
	struct vmf_rollup *r = &g->roll;
	const struct vmf_seg_layout *l = &r->coarse.layout;
	int64_t n, n_fine, first = 0, last = -1;
	uint8_t *segs, *fine;
	int a = 0, z = VMF_SEG_STEPS - 1, rc;

	rc = vmf_accum_next(&r->coarse, id, &segs, &n, e);
	if (rc == 0)
		rc = vmf_accum_next(&r->fine, id, &fine, &n_fine, e);
	if (rc != 0)
		return rc;
	if (n > 0) {
		uint8_t *end = segs + (n - 1) * l->rec_bytes;

		while (vmf_seg_count(l, segs, 0)[a] == 0)
			a++;
		while (vmf_seg_count(l, end, 0)[z] == 0)
			z--;
		first = ((struct vmf_rec *)(void *)segs)->t * VMF_SEG_STEPS +
		    a;
		last = ((struct vmf_rec *)(void *)end)->t * VMF_SEG_STEPS +
		    z;
	} else {
		g->stats.without_samples++;
		if (g->opts.inner)
			return 0;
	}
	rc = vmf_agg_begin_row(g, &r->hosts, id, first, last - first + 1, e);
	for (int64_t i = 0; rc == 0 && i < n; i++)
		fill_coarse(g, segs + i * l->rec_bytes, first);
	if (rc == 0)
		rc = fill_fine(g, fine, n_fine, first, e);
	for (int i = 0; rc == 0 && i < g->n_lists; i++)
		for (int64_t k = 0; rc == 0 && k <= last - first; k++)
			if (isinf(g->list[i].v[k]))
				rc = too_large(g, i, id, e);
	return rc != 0 ? rc : vmf_agg_put_row(g, to, &r->hosts, &r->attrs, id,
	    first, last - first + 1, e);
}

int
vmf_agg_write_hosts(struct vmf_aggregate *g, const struct vmf_sink *to,
    struct vmf_err *e)
{
	int rc = 0;

	for (int64_t i = 0; rc == 0 && i < g->roll.hosts.dict.n; i++)
		rc = write_host(g, to, g->roll.hosts.order[i], e);
	return rc;
}

void
vmf_rollup_free(struct vmf_rollup *r)
{
	vmf_ids_free(&r->hosts);
	vmf_attrs_free(&r->attrs);
	vmf_accum_free(&r->fine);
	vmf_accum_free(&r->coarse);
}
