/* SPDX-License-Identifier: MIT */
#include "forecast/explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "forecast/gate.h"
#include "forecast/kq.h"
#include "forecast/kq_shares.h"
#include "forecast/panel.h"

enum { C_ID, C_METRIC, C_MODEL, C_FROM, C_TO, C_PART, C_SHARE, C_MEDIAN,
    C_LOSS, C_MAE, C_MOMENTS, N_COLS };
static const struct {
	const char *name;
	enum vmf_type type;
} cols[N_COLS] = {
	[C_ID] = { "id", VMF_UTF8 },
	[C_METRIC] = { "metric", VMF_UTF8 },
	[C_MODEL] = { "model", VMF_UTF8 },
	[C_FROM] = { "lead_from", VMF_INT64 },
	[C_TO] = { "lead_to", VMF_INT64 },
	[C_PART] = { "part", VMF_UTF8 },
	[C_SHARE] = { "share", VMF_FLOAT64 },
	[C_MEDIAN] = { "median_share", VMF_FLOAT64 },
	[C_LOSS] = { "loss", VMF_FLOAT64 },
	[C_MAE] = { "mae", VMF_FLOAT64 },
	[C_MOMENTS] = { "moments", VMF_FLOAT64 },
};

/* Of enum vmf_member. */
static const char *const names[VMF_N_MEMBERS] = { [VMF_M_SNAIVE] = "snaive",
    [VMF_M_THETA] = "theta", [VMF_M_ETS] = "ets", [VMF_M_ARIMA] = "arima" };

int
vmf_explain_schema(struct vmf_schema *s, const struct vmf_model *m,
    struct vmf_err *e)
{
	const struct vmf_meta *meta = &vmf_reader_schema(m->r)->meta;
	int rc;

	for (int c = 0; c < N_COLS; c++)
		if ((rc = vmf_schema_add(s, cols[c].name, cols[c].type,
		    false, e)) < 0)
			return rc;
	if ((rc = vmf_meta_set(&s->meta, "vmf:kind", "explanation",
	    e)) != 0 || (rc = vmf_grid_write(&m->grid, s, e)) != 0)
		return rc;
	return vmf_meta_set(&s->meta, "vmf:history",
	    vmf_meta_get(meta, "vmf:history"), e);
}

/* One row; NaN: nothing was measured. */
struct row {
	int64_t from, to;		/* leads, from 1; to 0: and on */
	const char *part;
	double share, median, loss, mae, moments;
};

static int
put(struct vmf_batch *b, const struct vmf_part *part, const struct row *r,
    struct vmf_err *e)
{
	const double num[] = { r->share, r->median, r->loss, r->mae,
	    r->moments };
	int rc;

	rc = part->id == NULL ? vmf_col_put_null(&b->col[C_ID], e) :
	    vmf_col_put_str(&b->col[C_ID], part->id, part->id_len, e);
	if (rc != 0 ||
	    (rc = vmf_col_put_str(&b->col[C_METRIC], part->metric,
	    part->metric_len, e)) != 0 ||
	    (rc = vmf_col_put_str(&b->col[C_MODEL], part->algo,
	    part->algo_len, e)) != 0 ||
	    (rc = vmf_col_put_int(&b->col[C_FROM], r->from, e)) != 0)
		return rc;
	rc = r->to == 0 ? vmf_col_put_null(&b->col[C_TO], e) :
	    vmf_col_put_int(&b->col[C_TO], r->to, e);
	if (rc != 0 ||
	    (rc = vmf_col_put_str(&b->col[C_PART], r->part,
	    (int64_t)strlen(r->part), e)) != 0)
		return rc;
	for (int k = 0; k < N_COLS - C_SHARE; k++)
		if ((rc = vmf_col_put_num(&b->col[C_SHARE + k], num[k],
		    e)) != 0)
			return rc;
	vmf_batch_row(b);
	return 0;
}

/* Algorithms in lanes: by the weights that their errors inside the history
 * earned, all together all[0] of the quantiles and all[1] of the median. */
static int
put_lanes(struct vmf_batch *b, const struct vmf_part *part, struct row r,
    const double all[2], struct vmf_err *e)
{
	for (int m = 0; m < VMF_N_MEMBERS; m++) {
		double w = part->params[VMF_PANEL_WEIGHTS + m];
		int rc;

		if (!(w > 0.0))
			continue;
		r.part = names[m];
		r.share = all[0] * w;
		r.median = all[1] * w;
		r.loss = r.mae = r.moments = NAN;
		if ((rc = put(b, part, &r, e)) != 0)
			return rc;
	}
	return 0;
}

static int
put_kernels(struct vmf_batch *b, const struct vmf_part *part,
    const struct vmf_algo *algo, const struct vmf_model *m, struct vmf_err *e)
{
	int64_t step_s = m->grid.step_s;
	struct vmf_buf blob = { .p = (uint8_t *)(uintptr_t)part->blob,
	    .n = part->blob_bytes };
	int64_t day = vmf_kq_day(step_s);
	static const struct vmf_kq_news none;
	struct vmf_kq_state s;
	int rc = vmf_kq_state_get(&s, algo->name, &blob, step_s, e);
	unsigned asleep = rc != 0 ? 0 : vmf_kq_asleep(s.without,
	    vmf_kq_week(step_s, m->season_s / step_s),
	    (vmf_wall_of(&m->wall, m->grid.end) - s.first) / step_s, day,
	    s.period);

	for (int k = 0; rc == 0 && k < VMF_KQ_GROUPS; k++) {
		const struct vmf_kq_group *g = &s.g[k];
		double other[2] = { 0.0, 0.0 };	/* of quantiles, the median */
		float share[VMF_KQ_MEMBERS], median[VMF_KQ_MEMBERS];
		char name[VMF_KQ_NAME];
		struct row r = { .part = name, .moments = (double)g->w,
		    .from = k == 0 ? 1 : vmf_kq_end(k - 1, day) + 1,
		    .to = k < VMF_KQ_GROUPS - 1 ? vmf_kq_end(k, day) : 0 };

		for (int u = 0; algo->members != 0 && u < 2; u++)
			other[u] = vmf_kq_other(g, k, day,
			    &part->params[VMF_PANEL_LOST + 2 * k], u == 1);
		vmf_kq_shares(&vmf_kq_plain, g->loss, g->w, k, day, asleep,
		    none, share);
		vmf_kq_shares(&vmf_kq_plain, g->err, g->w, k, day, asleep,
		    none, median);
		for (int i = 0; rc == 0 && i < VMF_KQ_MEMBERS; i++) {
			if (vmf_kq_sleeps(asleep, i))
				continue;
			vmf_kq_name(i, s.period, name);
			r.share = (1.0 - other[0]) * (double)share[i];
			r.median = (1.0 - other[1]) * (double)median[i];
			r.loss = r.moments > 0.0 ?
			    (double)g->loss[i] / r.moments : NAN;
			r.mae = r.moments > 0.0 ?
			    (double)g->err[i] / r.moments : NAN;
			rc = put(b, part, &r, e);
		}
		if (rc == 0 && algo->members != 0)
			rc = put_lanes(b, part, r, other, e);
	}
	return rc;
}

/* The gate, of the whole fleet: what parts count on average with it, beside
 * what they did; the last row says what share of the loss it takes off. */
static int
put_gate(struct vmf_batch *b, const struct vmf_part *part,
    struct vmf_err *e)
{
	struct row r = { .from = 1, .median = NAN, .loss = NAN, .mae = NAN,
	    .moments = NAN };
	struct vmf_gate g;
	char text[128];
	int rc = vmf_gate_get(&g, part->blob, part->blob_bytes, e);

	if (rc != 0)
		return rc;
	for (int w = 0; w < 2; w++)
		for (int k = 0; k < VMF_GATE_PARTS && rc == 0; k++) {
			snprintf(text, sizeof(text), "%s the gate: %s",
			    w == 0 ? "before" : "after", vmf_gate_part(k));
			r.part = text;
			r.share = (double)g.mass[w][k];
			rc = put(b, part, &r, e);
		}
	for (int c = 0; c < VMF_CLUSTERS && g.cluster_gain > 0.0f; c++)
		for (int k = 0; k < VMF_GATE_PARTS && rc == 0; k++) {
			char name[VMF_CLUSTER_NAME];

			vmf_cluster_name(c, name);
			snprintf(text, sizeof(text), "cluster %s: %s", name,
			    vmf_gate_part(k));
			r.part = text;
			r.share = (double)g.cluster[1][c][k];
			rc = put(b, part, &r, e);
		}
	for (int c = 0; c < VMF_CLUSTERS && g.wider_gain > 0.0f; c++)
		for (int u = 0; u < 2 && rc == 0; u++) {
			char name[VMF_CLUSTER_NAME];

			vmf_cluster_name(c, name);
			snprintf(text, sizeof(text), "cluster %s: 80 %% "
			    "interval wider %s", name, u == 0 ? "below" :
			    "above");
			r.part = text;
			r.share = 0.5 * (double)g.wider[u][c];
			rc = put(b, part, &r, e);
		}
	r.part = "widths: off the loss of the newest windows";
	r.share = (double)g.wider_gain;
	if (rc == 0)
		rc = put(b, part, &r, e);
	r.part = "clusters: off the loss of the newest windows";
	r.share = (double)g.cluster_gain;
	if (rc == 0)
		rc = put(b, part, &r, e);
	r.part = "gate: off the loss of the newest windows";
	r.share = (double)g.gain;
	return rc != 0 ? rc : put(b, part, &r, e);
}

int
vmf_explain_put(struct vmf_batch *b, const struct vmf_model *m,
    const struct vmf_part *part, struct vmf_err *e)
{
	static const double whole[2] = { 1.0, 1.0 };
	const struct vmf_algo *algo = part->of;
	struct row all = { .from = 1, .part = algo->name, .share = 1.0,
	    .median = 1.0, .loss = NAN, .mae = NAN, .moments = NAN };
	int rc;

	/* Trees, networks and targets are of the whole fleet, and have no
	 * share that could be told. */
	if (part->id == NULL)
		return algo->global != &vmf_gate_ops || memchr(part->metric,
		    '>', (size_t)part->metric_len) != NULL ? 0 :
		    put_gate(b, part, e);
	/* Nothing was learned of it. */
	if (part->n_params == 0)
		return 0;
	if (algo->members != 0 && (rc = vmf_panel_check(algo->name,
	    algo->members, part->params, part->n_params, e)) != 0)
		return rc;
	if (algo->kernels)
		return put_kernels(b, part, algo, m, e);
	return algo->members == 0 ? put(b, part, &all, e) :
	    put_lanes(b, part, all, whole, e);
}
