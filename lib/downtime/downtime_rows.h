/* SPDX-License-Identifier: MIT */
/*
 * A model of downtimes on the rows of a stream: VMs with their attributes,
 * series or forecasts of them, or migrations to come.
 */
#ifndef VMF_DOWNTIME_ROWS_H
#define VMF_DOWNTIME_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "downtime/downtime.h"
#include "forecast/quantile.h"

/*
 * Facts from the columns that have their names; the memory may be mem_mb,
 * and the load of a row without load_pct is the mean of its list of the
 * metric, in %.
 */
struct vmf_down_view {
	const struct vmf_reader *r;	/* the caller's */
	struct vmf_downtime *m;	/* the caller's; new words are added */
	struct vmf_facts_at at;
	int load;		/* the list, or -1 */
};
void vmf_down_view(struct vmf_down_view *v, struct vmf_downtime *m,
    const struct vmf_reader *r, const char *metric);
/* Is the list a load of CPUs, in % of the vCPUs: cpu_mean, cpu_max or the
 * like, in % or of no unit? */
bool vmf_is_cpu_load(const struct vmf_schema *s, const char *metric);
/* The list that moves are predicted by: the metric where it is a load of CPUs,
 * or else cpu_mean; NULL where there is neither. */
const char *vmf_down_load_of(const struct vmf_schema *s, const char *metric);
/* Which facts a row lacks that it cannot do without, in words; "": none.
 * Returns text. */
#define VMF_DOWN_WHY 256
const char *vmf_down_partial(const struct vmf_downtime *m,
    const struct vmf_facts *f, char text[VMF_DOWN_WHY]);
/* VMF_EDATA, with the row, where a number is text that is none. */
int vmf_down_facts(struct vmf_down_view *v, const struct vmf_batch *b,
    int64_t i, struct vmf_facts *f, struct vmf_err *e) VMF_CHECK;

/* From a stream to the same rows with what is predicted of each outcome:
 * columns such as downtime_ms_q50, and status and reason. */
struct vmf_down_out {
	/* set by the caller: */
	struct vmf_downtime *m;
	struct vmf_quantiles levels;	/* of .1, .2 ... .9 */
	const char *metric;
	/* told by vmf_down_out_open: */
	const char *load_of;		/* vmf_down_load_of the metric */
	/* counted: */
	int64_t n, n_strange, n_far, n_partial, n_diverge;
	/* private */
	struct vmf_down_view view;
	int *col, n_cols;
	bool known[VMF_N_OUTCOMES];	/* outcomes with columns */
	struct vmf_facts *f;
	double (*q)[VMF_DOWN_LEVELS];
	uint8_t *strange;
	int64_t f_cap, q_cap, strange_cap;
};
/* s, { 0 }, is filled; in is kept until the end.  VMF_EUSAGE for a level
 * that the model does not have. */
int vmf_down_out_open(struct vmf_down_out *o, const struct vmf_reader *in,
    struct vmf_schema *s, struct vmf_err *e) VMF_CHECK;
int vmf_down_out_batch(struct vmf_down_out *o, const struct vmf_batch *b,
    struct vmf_batch *out, struct vmf_err *e) VMF_CHECK;
void vmf_down_out_free(struct vmf_down_out *o);

#endif
