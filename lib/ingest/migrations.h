/* SPDX-License-Identifier: MIT */
/*
 * The columns of a stream of migrations, as vmf-stream(5) lists them: the
 * same for every source, missing where it has none.
 */
#ifndef VMF_MIGRATIONS_H
#define VMF_MIGRATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "base/mem.h"

enum vmf_mig {
	VMF_MIG_VM, VMF_MIG_START, VMF_MIG_HOST, VMF_MIG_TARGET,
	VMF_MIG_WORKLOAD, VMF_MIG_ALGORITHM, VMF_MIG_MODE,
	VMF_MIG_AUTO_CONVERGE, VMF_MIG_COMPRESSION, VMF_MIG_TUNNELLED,
	VMF_MIG_STORAGE, VMF_MIG_MEM_BYTES, VMF_MIG_MEM_USED_BYTES,
	VMF_MIG_VCPUS, VMF_MIG_LOAD_PCT, VMF_MIG_DIRTY_RATE,
	VMF_MIG_BANDWIDTH, VMF_MIG_DOWNTIME_LIMIT, VMF_MIG_CONFIG,
	VMF_MIG_DOWNTIME, VMF_MIG_GUEST_DOWNTIME, VMF_MIG_TOTAL,
	VMF_MIG_TRANSFERRED, VMF_MIG_ITERATIONS, VMF_MIG_STATUS,
	VMF_MIG_REASON,
	VMF_N_MIG
};

enum vmf_mig_kind {
	VMF_MIG_IS_TEXT,
	VMF_MIG_IS_WORD,	/* one of a closed list */
	VMF_MIG_IS_NUMBER,	/* float64, at least 0 */
	VMF_MIG_IS_FLAG,	/* float64, 0 or 1 */
	VMF_MIG_IS_TIME,
};

struct vmf_mig_col {
	const char *name;
	enum vmf_mig_kind kind;
	const char *more;	/* the unit; of a word, the list by blanks */
	bool after;		/* known only after the move */
};

const struct vmf_mig_col *vmf_mig_col(int k);
/* The column of that name, or -1. */
int vmf_mig_find(const char *name, int64_t len);
/* Fill s, which is { 0 }, with all of them. */
int vmf_mig_schema(struct vmf_schema *s, struct vmf_err *e) VMF_CHECK;

/* One row in the making: { 0 } at first. */
struct vmf_mig_row {
	bool has[VMF_N_MIG];
	double num[VMF_N_MIG];
	int64_t time_s;
	struct vmf_buf text[VMF_N_MIG];
};
void vmf_mig_clear(struct vmf_mig_row *r);
void vmf_mig_free(struct vmf_mig_row *r);

/*
 * Read the text of column k, which replaces what it had; blanks around it do
 * not count, and an empty text, NA, NaN and null are missing.  Numbers are
 * multiplied by scale.  Returns 0, < 0, or 1 where it is none of the
 * column's kind: then *expected says what is.
 */
int vmf_mig_set(struct vmf_mig_row *r, int k, const char *s, int64_t len,
    double scale, const char **expected, struct vmf_err *e) VMF_CHECK;
/* A number as it is; one that is not finite or below 0 is missing. */
void vmf_mig_num(struct vmf_mig_row *r, int k, double v);

/* Append the row. */
int vmf_mig_put(const struct vmf_mig_row *r, struct vmf_batch *b,
    struct vmf_err *e) VMF_CHECK;

#endif
