/* SPDX-License-Identifier: MIT */
/*
 * Past migrations, as vmf-stream(5) has them, in memory: what was known
 * before each (its facts), and what came of it.
 */
#ifndef VMF_PAST_H
#define VMF_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "downtime/precopy.h"

enum vmf_fact {			/* numbers */
	VMF_FACT_MEM, VMF_FACT_USED, VMF_FACT_VCPUS, VMF_FACT_LOAD,
	VMF_FACT_DIRTY, VMF_FACT_BANDWIDTH, VMF_FACT_LIMIT,
	VMF_FACT_AUTO_CONVERGE, VMF_FACT_TUNNELLED,
	VMF_N_FACTS
};
enum vmf_fact_word {
	VMF_WORD_WORKLOAD, VMF_WORD_ALGORITHM, VMF_WORD_MODE,
	VMF_WORD_COMPRESSION, VMF_WORD_STORAGE,
	VMF_N_WORDS
};
enum vmf_outcome {
	VMF_OUT_DOWNTIME, VMF_OUT_GUEST_DOWNTIME, VMF_OUT_TOTAL,
	VMF_OUT_BYTES,
	VMF_N_OUTCOMES
};
/* "downtime_ms", ...: columns' names. */
const char *vmf_outcome_name(enum vmf_outcome k);
const char *vmf_fact_name(enum vmf_fact k);
const char *vmf_fact_word_name(enum vmf_fact_word k);

struct vmf_facts {
	double num[VMF_N_FACTS];	/* NaN: not known */
	int32_t word[VMF_N_WORDS];	/* of the dictionaries; -1: not known,
					 * -2: none of them */
};

/* What arithmetic says of these facts; limit and the like as of
 * vmf_precopy. */
struct vmf_precopy vmf_facts_precopy(const struct vmf_facts *f,
    const struct vmf_dict words[VMF_N_WORDS]);
double vmf_precopy_outcome(const struct vmf_precopy *p, enum vmf_outcome k);

/* Where facts stand in a stream: columns, or -1.  Memory may also be mem_mb,
 * in MiB.  An inventory has the type that fits all of a column: numbers may
 * stand there as text, and words that are numbers as these. */
struct vmf_facts_at {
	int num[VMF_N_FACTS], word[VMF_N_WORDS];
	int mem_mb;
};
void vmf_facts_find(struct vmf_facts_at *at, const struct vmf_schema *s);
/* The facts of row i.  With add, words that are new get codes; without, they
 * are -2.  Negative numbers, and those above 1e24, are not known, and a memory
 * or use of 0 is not either.  VMF_EDATA where text is no number: the caller
 * says of which row. */
int vmf_facts_read(const struct vmf_facts_at *at, const struct vmf_batch *b,
    int64_t i, bool add, struct vmf_dict words[VMF_N_WORDS],
    struct vmf_facts *f, struct vmf_err *e) VMF_CHECK;

struct vmf_past {
	int64_t n, cap;
	struct vmf_facts *facts;
	double (*out)[VMF_N_OUTCOMES];	/* NaN: not known */
	int32_t *config;	/* rows of the same are never divided */
	int32_t *set;		/* the stream it is of: 0, 1, ... */
	int64_t out_cap, config_cap, set_cap;
	int32_t n_sets;		/* streams read */
	struct vmf_dict words[VMF_N_WORDS], configs;
	int64_t n_read, n_failed;	/* rows; those not completed are
					 * counted only */
	int64_t updated;	/* the newest start, or VMF_TIME_NONE */
};

/*
 * Read the stream to its end, after what p has.  Its vmf:kind is migrations
 * or not given, and it has at least one outcome: else VMF_EDATA.  A row's
 * config is that of its column and its words and memory, or its facts where it
 * has none (numbers to the nearest quarter of a doubling); those of two streams
 * are not the same.
 */
int vmf_past_read(struct vmf_past *p, struct vmf_reader *r,
    struct vmf_err *e) VMF_CHECK;
void vmf_past_free(struct vmf_past *p);

#endif
