/* SPDX-License-Identifier: MIT */
/*
 * From files to readings: rows of text become batches by a source map.
 *
 * There are two readers.  The reference goes row by row through libcsv; the
 * fast one cuts the text into blocks, which threads read at once, and leaves
 * what is not plain to the reference.  Both give the same batches, counts
 * and messages.  Memory: of the reference a block of text, a row, and the
 * batch being filled; of the fast one about 1 MB a thread, and a copy of the
 * ids.
 */
#ifndef VMF_INGEST_H
#define VMF_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/cpu.h"
#include "base/err.h"
#include "base/file.h"
#include "ingest/bind.h"
#include "ingest/map.h"

struct vmf_ingest;

enum vmf_ingest_reader { VMF_READER_FAST, VMF_READER_LIBCSV };

struct vmf_ingest_opts {
	enum vmf_ingest_reader reader;
	enum vmf_simd simd;	/* of the fast reader; one that there is */
	int threads;		/* of the fast reader; 0 and 1: none beside
				 * the caller's */
	const char *tmpdir;	/* for packed files unpacked side by side */
	int64_t block_bytes;	/* of the fast reader; 0: as it likes */
	enum vmf_stamp stamp;	/* AUTO: as the map says */
	const char *pattern;	/* of VMF_STAMP_PATTERN */
	int64_t start_s;	/* VMF_TIME_NONE: as the map says */
	int64_t step_s;		/* 0: as the map says */
	const char *id;		/* the VM, in place of the file's name */
	struct vmf_pick pick;	/* which columns */
	bool skip_bad;		/* count bad rows instead of failing */
	struct vmf_out *bad_out;	/* and write them here, or NULL */
};

struct vmf_ingest_counts {
	int64_t files;
	int64_t rows_in;	/* without headers and lines that are none */
	int64_t headers;	/* met again among the rows */
	int64_t rows_out;	/* samples */
	int64_t bad;
	int64_t passed;		/* rows that are of no metric */
	int64_t missing;	/* values of metrics that were not there; of
				 * those with a where none is looked for */
	int64_t bytes;		/* of the files, as they are on disk */
	const char *first_bad;	/* message of the first bad row, "" if none */
};

/* map and what opts points to must outlive in.  VMF_EUSAGE where the options
 * and the map do not agree (a start that is needed or of no use, ...). */
int vmf_ingest_new(struct vmf_ingest **in, const struct vmf_map *map,
    const struct vmf_ingest_opts *opts, struct vmf_err *e) VMF_CHECK;

/* The n files that vmf_ingest_open will be given, in this order (NULL or "-":
 * standard input), so that they can be read ahead.  Call it once, before the
 * first; without it each file is known when it is opened. */
int vmf_ingest_expect(struct vmf_ingest *in, const char *const *path, int n,
    struct vmf_err *e) VMF_CHECK;

/*
 * Open the next file (NULL or "-": standard input) and read its header,
 * which must be that of the first file (in a wide map the VMs may differ).
 * VMF_EUSAGE where the file's name should be the VM's and there is none.
 */
int vmf_ingest_open(struct vmf_ingest *in, const char *path,
    struct vmf_err *e) VMF_CHECK;

/* The readings' schema, known once the first file is open. */
const struct vmf_schema *vmf_ingest_schema(const struct vmf_ingest *in);

/*
 * Append rows of the open file to b (of that schema, the caller's, who writes
 * and clears it at 1) until it is worth sending, at most about
 * VMF_BATCH_BYTES: 1; or the file ends: 0, and the next file's rows may
 * follow in the same batch.  A row whose metrics are all missing is kept; in
 * a wide map a missing value is no sample.
 */
int vmf_ingest_fill(struct vmf_ingest *in, struct vmf_batch *b,
    struct vmf_err *e) VMF_CHECK;

/* After the last file: VMF_EDATA where bad rows were passed over, and those
 * are all rows, or a column that was taken for a metric never held a number,
 * or where all rows are of no metric. */
int vmf_ingest_finish(struct vmf_ingest *in, struct vmf_err *e) VMF_CHECK;

/* The next metric from column *i of the schema's metrics and attributes on
 * that has a where and never had a value, or NULL; *field is the name of the
 * column that it looks at. */
const struct vmf_bound *vmf_ingest_unmet(const struct vmf_ingest *in,
    int64_t *i, struct vmf_field_text *field);

/* The format of times, of the file opened last; *guessed: neither the options
 * nor the map tell it, AUTO where that file had none. */
enum vmf_stamp vmf_ingest_stamp(const struct vmf_ingest *in, bool *guessed);

void vmf_ingest_counts(const struct vmf_ingest *in,
    struct vmf_ingest_counts *c);
void vmf_ingest_free(struct vmf_ingest *in);

#endif
