/* SPDX-License-Identifier: MIT */
/*
 * Readings, or finer series, to series: one row an entity, on a grid of
 * steps that are multiples of the step since the epoch.
 */
#ifndef VMF_AGGREGATE_H
#define VMF_AGGREGATE_H

#include "arrow/arrow.h"
#include "series/join.h"
#include "series/sink.h"

enum vmf_by { VMF_BY_VM, VMF_BY_HOST, VMF_BY_CLUSTER };

enum vmf_stat_kind {
	VMF_STAT_MEAN,
	VMF_STAT_MAX,
	VMF_STAT_MIN,
	VMF_STAT_COUNT,
	VMF_STAT_PERCENTILE,
};

struct vmf_stat {
	enum vmf_stat_kind kind;
	double share;		/* of a percentile: 0.95 */
	char name[16];		/* "p95": after METRIC_ in the column */
};

#define VMF_STATS_MAX 32

struct vmf_stats {
	struct vmf_stat v[VMF_STATS_MAX];
	int n;
};

/* A list such as mean,max,p95,count.  VMF_EUSAGE names the word. */
int vmf_stats_parse(struct vmf_stats *s, const char *list, struct vmf_err *e)
    VMF_CHECK;

/* A step longer than this would not be one. */
#define VMF_STEP_MAX ((int64_t)366 * 86400)
/* A row longer than this is a clock that jumped. */
#define VMF_STEPS_MAX ((int64_t)50000000)

struct vmf_aggregate_opts {
	int64_t step_s;		/* 0: that of the series read */
	int64_t fine_step_s;	/* 0: default */
	int64_t input_step_s;	/* 0: from the metadata */
	enum vmf_by by;
	struct vmf_stats stats;	/* n = 0: the default */
	const char *metrics;	/* comma-separated; NULL: all */
	const struct vmf_inventory *inv;	/* or NULL: none */
	bool inner;
	bool hand_empty;	/* with inner: rows without samples are not
				 * counted, but handed over; the sink leaves
				 * them out */
	int64_t since, until;	/* VMF_TIME_NONE: no limit */
	int64_t memory;		/* bytes in all, the reader's batch included */
	int64_t reserved;	/* of these for what the caller holds */
	int64_t max_batch;
	const char *tmpdir;
};

/* The least opts.memory that is worth trying. */
#define VMF_AGGREGATE_LEAST ((int64_t)16 << 20)

struct vmf_aggregate_stats {
	bool from_series;	/* rows are then those of entities */
	int64_t rows_in;
	int64_t outside;	/* rows (steps of series) by since and until */
	int64_t valueless;	/* rows without any value */
	int64_t rows_out;
	int64_t steps;		/* of the rows written, with a value */
	int64_t not_in_inventory;
	int64_t without_samples;	/* in the inventory or the stream */
	int64_t without_vcpus, without_host;
	int64_t spilled_bytes;
	int64_t start, end;	/* of the grid; VMF_TIME_NONE: no sample */
	char left_out[256];	/* names of lists that cannot be coarsened */
};

struct vmf_aggregate;

/* What to do with a stream of that schema.  schema and name (for messages)
 * must live as long as g.  VMF_EDATA or VMF_EUSAGE say what does not fit. */
int vmf_aggregate_open(struct vmf_aggregate **g,
    const struct vmf_schema *schema, const char *name,
    const struct vmf_aggregate_opts *opts, struct vmf_err *e) VMF_CHECK;
/* The next batch; first_row is vmf_reader_row(), and held_bytes what the
 * reader holds, vmf_reader_bytes(). */
int vmf_aggregate_add(struct vmf_aggregate *g, const struct vmf_batch *b,
    int64_t first_row, int64_t held_bytes, struct vmf_err *e) VMF_CHECK;
/* No more batches: the schema of the output, which needs to know the grid;
 * out must be { 0 } and is the caller's. */
int vmf_aggregate_finish(struct vmf_aggregate *g, struct vmf_schema *out,
    struct vmf_err *e) VMF_CHECK;
/* Hand over all rows, sorted by id, in batches of the schema of finish. */
int vmf_aggregate_write(struct vmf_aggregate *g, const struct vmf_sink *to,
    struct vmf_err *e) VMF_CHECK;
const struct vmf_aggregate_stats *vmf_aggregate_stats(
    const struct vmf_aggregate *g);
/* The same as a line for people, without an end of line. */
void vmf_aggregate_summary(const struct vmf_aggregate *g, char *text,
    size_t size);
/* A line for people where sums of hosts or clusters lack VMs because the fine
 * step is shorter than the time between samples; false: there is no reason to
 * think so. */
bool vmf_aggregate_doubt(const struct vmf_aggregate *g, char *text,
    size_t size);
/* True when opts ask for nothing but a stream of that schema, series that say
 * their step, as it is. */
bool vmf_aggregate_as_is(const struct vmf_aggregate_opts *opts,
    const struct vmf_schema *schema);
void vmf_aggregate_free(struct vmf_aggregate *g);

#endif
