/* SPDX-License-Identifier: MIT */
/*
 * Rows of one key become one row.  Used by dedup.c only.
 */
#ifndef VMF_FOLD_H
#define VMF_FOLD_H

#include "series/dedup.h"
#include "series/exact.h"
#include "series/rowpack.h"

/* Different rows of one key that are remembered, to tell a repeated row from
 * a conflicting one.  More than this many versions of one sample are taken
 * for conflicts even where they repeat. */
#define VMF_FOLD_VERSIONS 8

/* Values of a column for their mean: whole numbers, or others. */
struct vmf_fold_sum {
	int64_t count;
	bool differ;
	bool huge;		/* scaled counts: exact could overflow */
	__int128 whole;
	double scaled;		/* the sum times 2^-64 */
	struct vmf_exact exact;
};

struct vmf_fold {
	const struct vmf_pack *pack;
	enum vmf_keep keep;
	int64_t n;		/* rows of the key in hand; 0: none */
	uint8_t *row;		/* what is kept */
	uint8_t *ref;		/* of each column the first value not null */
	uint8_t *version;	/* VMF_FOLD_VERSIONS rows as they came */
	int n_versions;
	struct vmf_fold_sum *sum;	/* for the mean, by column */
};

int vmf_fold_init(struct vmf_fold *f, const struct vmf_pack *pack,
    enum vmf_keep keep, struct vmf_err *e) VMF_CHECK;
/* Begin with the first row of a key. */
void vmf_fold_first(struct vmf_fold *f, const struct vmf_rec *rec);
/* Another row of it; counted in stats. */
void vmf_fold_more(struct vmf_fold *f, const struct vmf_rec *rec,
    struct vmf_dedup_stats *stats);
/* The row to write; the fold is empty then. */
const uint8_t *vmf_fold_take(struct vmf_fold *f);
void vmf_fold_free(struct vmf_fold *f);

static inline const struct vmf_rec *
vmf_fold_key(const struct vmf_fold *f)
{
	return (const struct vmf_rec *)(const void *)f->row;
}

#endif
