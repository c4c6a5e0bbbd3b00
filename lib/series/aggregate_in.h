/* SPDX-License-Identifier: MIT */
/* What the parts of vmf_aggregate share: aggregate.c (input), aggbind.c
 * (columns), aggout.c (output) and rollup.c (hosts and clusters). */
#ifndef VMF_AGGREGATE_IN_H
#define VMF_AGGREGATE_IN_H

#include "series/accum.h"
#include "series/aggregate.h"
#include "series/readings.h"

#define VMF_AGG_CHUNK 1024	/* rows looked at together */
#define VMF_AGG_APART 1024	/* fine steps */

struct vmf_agg_metric {
	char *name;
	const char *unit;	/* of the schema, or NULL */
	int col;		/* readings: values; -1 in series */
	int max_col, min_col;	/* readings: cpu_max; series: lists; or -1 */
	int mean_col, count_col;	/* series: lists, or -1 */
};

/* A list of the output. */
struct vmf_agg_list {
	char *name;
	int metric;
	struct vmf_stat stat;
	bool cores;		/* hosts: in cores rather than % */
	bool vms;		/* hosts: the count of VMs present */
	float *v;		/* of the row in hand */
	int64_t cap;
};

/* Sums over the VMs of a host (or cluster), by fine and by output step.
 * Metric 0: cores, counted by VM; metric 1: vcpus. */
struct vmf_rollup {
	struct vmf_ids hosts;
	struct vmf_attrs attrs;
	struct vmf_accum fine, coarse;
	int64_t room;		/* bytes for each of them */
	/* How often a VM's next sample is so many fine steps away; the last
	 * counts what is further. */
	int64_t apart[VMF_AGG_APART];
};

struct vmf_aggregate {
	struct vmf_aggregate_opts opts;
	struct vmf_aggregate_stats stats;
	const struct vmf_schema *schema;
	const char *name;
	bool series;		/* what is read */
	struct vmf_readings in;	/* when it is readings */
	int id_col, start_col;	/* when it is series */
	int64_t in_step;
	int64_t step;		/* of the output */
	int64_t acc_step;	/* of accum: step, or the fine step */
	struct vmf_agg_metric *metric;
	int n_metrics;
	int64_t metric_cap;
	struct vmf_agg_list *list;
	int n_lists;
	int64_t list_cap;
	bool want_log;		/* some list is a percentile of values */
	struct vmf_ids ids;
	struct vmf_attrs attrs;
	struct vmf_accum accum;
	struct vmf_sorter log;	/* (id, step) and a float a metric */
	const struct vmf_rec *log_head;
	struct vmf_rollup roll;
	int64_t first_step, last_step;	/* of the fleet, in output steps */
	bool any;		/* there was a sample */
	int64_t in_bytes;
	struct vmf_batch out;
	float *scratch;		/* columns that are not float32 */
	float *values;		/* of one step, for percentiles: */
	int64_t n_values, value_cap;
	int64_t value_room;	/* bytes that they may take */
	int64_t *value_at;	/* by metric: where its next one goes */
	int64_t value_at_cap;
};

/* aggbind.c */
int vmf_agg_bind(struct vmf_aggregate *g, struct vmf_err *e) VMF_CHECK;

/* aggregate.c: memory that is left for accumulators, logs and merging; and
 * how many parts it has: accumulators, the log and the samples of a step, or
 * the sums of VMs and those of hosts. */
int64_t vmf_agg_budget(const struct vmf_aggregate *g);
int64_t vmf_agg_parts(const struct vmf_aggregate *g);
/* Make room for k more segments and log records; VMF_EUSAGE where --memory is
 * too little for that. */
int vmf_agg_make_room(struct vmf_aggregate *g, int64_t k, struct vmf_err *e)
    VMF_CHECK;

/* aggout.c */
/* The q-quantile (0..1) of n > 0 sorted values, linear between the two
 * nearest (Hyndman and Fan, type 7; numpy's default). */
double vmf_agg_quantile(const float *sorted, int64_t n, double q);
void vmf_agg_sort(float *v, int64_t n);
/* Give all lists n_steps of NaN; VMF_EDATA where a row of so many steps,
 * from output step first on, is more than can be. */
int vmf_agg_begin_row(struct vmf_aggregate *g, const struct vmf_ids *ids,
    int32_t id, int64_t first, int64_t n_steps, struct vmf_err *e) VMF_CHECK;
/* Append the row: id, attributes, status, start, lists. */
int vmf_agg_put_row(struct vmf_aggregate *g, const struct vmf_sink *to,
    const struct vmf_ids *ids, const struct vmf_attrs *attrs, int32_t id,
    int64_t first, int64_t n_steps, struct vmf_err *e) VMF_CHECK;
/* The output step that step of acc_step lies in. */
int64_t vmf_agg_out_step(const struct vmf_aggregate *g, int64_t acc_step);
void vmf_agg_seen(struct vmf_aggregate *g, int64_t first, int64_t last);

/* rollup.c */
int vmf_agg_rollup(struct vmf_aggregate *g, struct vmf_err *e) VMF_CHECK;
int vmf_agg_write_hosts(struct vmf_aggregate *g, const struct vmf_sink *to,
    struct vmf_err *e) VMF_CHECK;
void vmf_rollup_free(struct vmf_rollup *r);

static inline int64_t
vmf_agg_floor(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

#endif
