/* SPDX-License-Identifier: MIT */
/*
 * From files to migrations, row by row: CSV by a map, libvirt's
 * `virsh domjobinfo --completed`, and QEMU's query-migrate, an object a
 * line.  Migrations are few: nothing here is made for speed.
 */
#ifndef VMF_MIGREAD_H
#define VMF_MIGREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "base/file.h"
#include "ingest/migmap.h"

struct vmf_mig_in;

struct vmf_mig_opts {
	const char *id;		/* the VM, where the source has none; NULL */
	const char *const *ignore;	/* columns to pass over */
	int n_ignore;
	bool skip_bad;		/* count bad rows instead of failing */
	struct vmf_out *bad_out;	/* and write them here, or NULL */
};

struct vmf_mig_counts {
	int64_t files, rows_in, rows_out;
	int64_t bad, repeated, others;	/* others: not those of "only" */
	const char *first_bad;	/* message of the first bad row, "" if none */
};

/* map and what opts points to must outlive in. */
int vmf_mig_new(struct vmf_mig_in **in, const struct vmf_mig_map *map,
    const struct vmf_mig_opts *opts, struct vmf_err *e) VMF_CHECK;
/* Open the next file (NULL or "-": standard input); it may be packed. */
int vmf_mig_open(struct vmf_mig_in *in, const char *path,
    struct vmf_err *e) VMF_CHECK;
/* Append a row of the open file to b, of vmf_mig_schema: 1, 0 at its end,
 * < 0 on failure. */
int vmf_mig_next(struct vmf_mig_in *in, struct vmf_batch *b,
    struct vmf_err *e) VMF_CHECK;
void vmf_mig_counts(const struct vmf_mig_in *in, struct vmf_mig_counts *c);
void vmf_mig_in_free(struct vmf_mig_in *in);

#endif
