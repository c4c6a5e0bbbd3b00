/* SPDX-License-Identifier: MIT */
#include "downtime/downtime_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
vmf_down_view(struct vmf_down_view *v, struct vmf_downtime *m,
    const struct vmf_reader *r, const char *metric)
{
	const struct vmf_schema *s = vmf_reader_schema(r);
	int c = vmf_schema_find(s, metric);

	*v = (struct vmf_down_view){ .r = r, .m = m, .load = -1 };
	vmf_facts_find(&v->at, s);
	if (c >= 0 && (s->field[c].type == VMF_LIST_FLOAT32 ||
	    s->field[c].type == VMF_LIST_FLOAT64))
		v->load = c;
}

bool
vmf_is_cpu_load(const struct vmf_schema *s, const char *metric)
{
	int c = vmf_schema_find(s, metric);
	const char *unit = c < 0 ? NULL : vmf_meta_get(&s->field[c].meta,
	    "unit");

	return c >= 0 && strncmp(metric, "cpu_", 4) == 0 &&
	    strncmp(metric, "cpu_cores", 9) != 0 &&
	    (s->field[c].type == VMF_LIST_FLOAT32 ||
	    s->field[c].type == VMF_LIST_FLOAT64) &&
	    (unit == NULL || strcmp(unit, "%") == 0);
}

const char *
vmf_down_load_of(const struct vmf_schema *s, const char *metric)
{
	return vmf_is_cpu_load(s, metric) ? metric :
	    vmf_is_cpu_load(s, "cpu_mean") ? "cpu_mean" : NULL;
}

const char *
vmf_down_partial(const struct vmf_downtime *m, const struct vmf_facts *f,
    char text[VMF_DOWN_WHY])
{
	static const struct {
		enum vmf_fact fact;
		const char *name, *any;
	} of[] = { { VMF_FACT_MEM, "memory", "of any memory" },
	    { VMF_FACT_LOAD, "load", "at any load" },
	    { VMF_FACT_VCPUS, "vCPUs", "of any vCPUs" } };
	const char *name[3] = { "" }, *any = "of any";
	unsigned lacks = vmf_downtime_lacks(m, f);
	int n = 0;

	text[0] = '\0';
	if (!vmf_downtime_can(m, f))
		snprintf(text, VMF_DOWN_WHY, "it lacks a fact that the moves "
		    "had (memory, its use, load, vCPUs or dirty rate), and "
		    "this old model cannot do without: learn it anew");
	for (int k = 0; k < 3; k++)
		if (lacks >> of[k].fact & 1) {
			any = n == 0 ? of[k].any : "of any";
			name[n++] = of[k].name;
		}
	if (n == 0 || text[0] != '\0')
		return text;
	snprintf(text, VMF_DOWN_WHY, "its %s%s%s%s%s %s not known: as moves "
	    "%s", name[0], n == 3 ? ", " : n == 2 ? " and " : "", n > 1 ?
	    name[1] : "", n == 3 ? " and " : "", n == 3 ? name[2] : "",
	    n > 1 || lacks >> VMF_FACT_VCPUS & 1 ? "are" : "is", any);
	return text;
}

/* Of the items that are known; NaN where there are none. */
static double
mean_of_list(const struct vmf_col *c, int64_t i)
{
	const float *f = NULL;
	const double *d = NULL;
	double sum = 0.0;
	int64_t n, known = 0;

	if (c->type == VMF_LIST_FLOAT32)
		f = vmf_col_list32(c, i, &n);
	else
		d = vmf_col_list64(c, i, &n);
	for (int64_t t = 0; t < n; t++) {
		double v = f != NULL ? (double)f[t] : d[t];

		if (isfinite(v)) {
			sum += v;
			known++;
		}
	}
	return known > 0 ? sum / (double)known : NAN;
}

int
vmf_down_facts(struct vmf_down_view *v, const struct vmf_batch *b, int64_t i,
    struct vmf_facts *f, struct vmf_err *e)
{
	int rc = vmf_facts_read(&v->at, b, i, true, v->m->words, f, e);

	if (rc == VMF_EDATA)
		return vmf_fail_in(e, rc, "%s: row %" PRId64,
		    vmf_reader_name(v->r), vmf_reader_row(v->r) + i);
	if (rc == 0 && isnan(f->num[VMF_FACT_LOAD]) && v->load >= 0)
		f->num[VMF_FACT_LOAD] = mean_of_list(&b->col[v->load], i);
	return rc;
}

/* ---- the stream ---- */

static const char *
unit_of(int t)
{
	return t == VMF_OUT_BYTES ? "bytes" : "ms";
}

static int
add_outcome(const struct vmf_down_out *o, int t, struct vmf_schema *s,
    struct vmf_err *e)
{
	char name[64];
	int c, rc;

	for (int j = 0; j < o->levels.n; j++) {
		vmf_quantile_column(name, sizeof(name),
		    vmf_outcome_name((enum vmf_outcome)t),
		    o->levels.ppm[j]);
		if (vmf_schema_find(s, name) >= 0)
			return vmf_fail(e, VMF_EDATA, "there is a column "
			    "'%s' already", name);
		if ((c = vmf_schema_add(s, name, VMF_FLOAT64, false, e)) < 0)
			return c;
		if ((rc = vmf_meta_set(&s->field[c].meta, "unit",
		    unit_of(t), e)) != 0)
			return rc;
	}
	return 0;
}

int
vmf_down_out_open(struct vmf_down_out *o, const struct vmf_reader *in,
    struct vmf_schema *s, struct vmf_err *e)
{
	const struct vmf_schema *from = vmf_reader_schema(in);
	int rc;

	for (int j = 0; j < o->levels.n; j++)
		if (o->levels.ppm[j] % 100000 != 0)
			return vmf_fail(e, VMF_EUSAGE, "--quantiles: %g, but "
			    "a model of downtimes has 0.1, 0.2 ... 0.9",
			    o->levels.ppm[j] / 1e6);
	o->col = vmf_calloc(from->n, (int64_t)sizeof(*o->col), e);
	if (o->col == NULL)
		return VMF_ENOMEM;
	for (int c = 0; c < from->n; c++) {
		enum vmf_type t = from->field[c].type;
		const char *name = from->field[c].name;

		if (t == VMF_LIST_FLOAT32 || t == VMF_LIST_FLOAT64 ||
		    strcmp(name, "status") == 0 ||
		    strcmp(name, "reason") == 0)
			continue;
		if ((rc = vmf_schema_add_field(s, &from->field[c], e)) < 0)
			return rc;
		o->col[o->n_cols++] = c;
	}
	for (int t = 0; t < VMF_N_OUTCOMES; t++)
		o->known[t] = o->m->target[t].n > 0;
	for (int t = 0; t < VMF_N_OUTCOMES; t++) {
		o->known[t] |= !vmf_downtime_learned(o->m);
		if (o->known[t] && (rc = add_outcome(o, t, s, e)) != 0)
			return rc;
	}
	if ((rc = vmf_schema_add(s, "status", VMF_UTF8, false, e)) < 0 ||
	    (rc = vmf_schema_add(s, "reason", VMF_UTF8, false, e)) < 0 ||
	    (rc = vmf_meta_set(&s->meta, "vmf:kind", "downtimes", e)) != 0)
		return rc;
	o->load_of = vmf_down_load_of(from, o->metric);
	vmf_down_view(&o->view, o->m, in, o->load_of == NULL ? "" :
	    o->load_of);
	return vmf_meta_set(&s->meta, "vmf:history",
	    vmf_meta_get(&from->meta, "vmf:history"), e);
}

/* What is to be said of a row. */
static int
put_status(struct vmf_down_out *o, int64_t i, struct vmf_col *c,
    struct vmf_err *e)
{
	struct vmf_facts f = vmf_downtime_usual(o->m, &o->f[i]);
	struct vmf_precopy p = vmf_facts_precopy(&f, o->m->words);
	char why_partial[VMF_DOWN_WHY], why_wide[VMF_DOWN_WHY_WIDE];
	const char *lacks = vmf_down_partial(o->m, &o->f[i], why_partial);
	bool learned = vmf_downtime_learned(o->m);
	const char *status = !learned ? "fallback" :
	    o->strange[i] != 0 ? "unseen" : *lacks != '\0' ? "partial" : "ok";
	const char *why[] = { !learned ? "nothing was learned: by "
	    "arithmetic" : vmf_down_why_wide(o->strange[i], why_wide), lacks,
	    p.converges ? "" : "by arithmetic pre-copy will not converge: its "
	    "memory is written to as fast as it is sent" };
	char text[512] = "";
	int rc = vmf_col_put_str(c, status, (int64_t)strlen(status), e);
	size_t used = 0;

	o->n_strange += o->strange[i] == VMF_DOWN_NEW_WORKLOAD;
	o->n_far += o->strange[i] > VMF_DOWN_NEW_WORKLOAD;
	o->n_partial += *lacks != '\0';
	o->n_diverge += !p.converges;
	for (int k = 0; k < 3; k++)
		if (*why[k] != '\0')
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, "%s%s", used > 0 ? "; " : "",
			    why[k]);
	if (rc != 0 || used == 0)
		return rc != 0 ? rc : vmf_col_put_null(c + 1, e);
	return vmf_col_put_str(c + 1, text, (int64_t)used, e);
}

int
vmf_down_out_batch(struct vmf_down_out *o, const struct vmf_batch *b,
    struct vmf_batch *out, struct vmf_err *e)
{
	struct vmf_col *c = out->col;
	int64_t n = b->n;
	int rc;

	if ((rc = vmf_grow(&o->f, &o->f_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&o->q, &o->q_cap, n + 1, e)) != 0 ||
	    (rc = vmf_grow(&o->strange, &o->strange_cap, n + 1, e)) != 0)
		return rc;
	memset(o->strange, 0, (size_t)n);
	for (int64_t i = 0; i < n; i++)
		if ((rc = vmf_down_facts(&o->view, b, i, &o->f[i],
		    e)) != 0)
			return rc;
	for (int k = 0; k < o->n_cols; k++, c++)
		for (int64_t i = 0; i < n; i++)
			if ((rc = vmf_col_put_from(c, &b->col[o->col[k]], i,
			    e)) != 0)
				return rc;
	for (int t = 0; t < VMF_N_OUTCOMES; t++) {
		if (!o->known[t])
			continue;
		if ((rc = vmf_downtime_quantiles(o->m, (enum vmf_outcome)t,
		    o->f, n, o->m->words, o->q, o->strange, e)) != 0)
			return rc;
		for (int j = 0; j < o->levels.n; j++, c++)
			for (int64_t i = 0; i < n; i++)
				if ((rc = vmf_col_put_num(c, o->q[i]
				    [o->levels.ppm[j] / 100000 - 1],
				    e)) != 0)
					return rc;
	}
	for (int64_t i = 0; i < n; i++)
		if ((rc = put_status(o, i, c, e)) != 0)
			return rc;
	o->n += n;
	vmf_batch_rows(out, n);
	return 0;
}

void
vmf_down_out_free(struct vmf_down_out *o)
{
	free(o->col);
	free(o->f);
	free(o->q);
	free(o->strange);
}
