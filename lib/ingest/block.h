/* SPDX-License-Identifier: MIT */
/*
 * A block: the next text of a file, as a rule cut at a line end, and the
 * columns of the lines in it that are plain.  A thread that parses a block
 * knows nothing of the blocks before it; what it guesses (that the block
 * begins with a row, the format of the times) is checked by the one who uses
 * the columns.
 */
#ifndef VMF_BLOCK_H
#define VMF_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "ingest/bind.h"
#include "ingest/cells.h"
#include "ingest/idtab.h"
#include "ingest/scan.h"
#include "ingest/stamp.h"

/* The longest block, for rows that are longer than a usual one. */
#define VMF_BLOCK_MAX ((int64_t)8 << 20)

/* How to read a block, set with its text. */
struct vmf_block_plan {
	const struct vmf_bind *bind;	/* NULL: not known yet */
	bool wide;
	bool blank_rows;
	const char *comment;	/* or NULL: see vmf_csv_set_comment */
	char delim;
	enum vmf_simd simd;
	enum vmf_stamp stamp;	/* AUTO: that of the first time found */
	const char *pattern;	/* of VMF_STAMP_PATTERN */
	bool detect;		/* and each must be found to be of it */
	struct vmf_idtab **tab;	/* of the VM's column, then by column */
};

struct vmf_block {
	/* the text, VMF_CELLS_PAD after the begin of buf */
	char *buf;
	int64_t cap, n;
	bool first, last;	/* of its file */
	bool no_file;		/* which could not be opened */
	int rc;			/* what is after the text, if not the end */
	struct vmf_err err;
	int64_t file_bytes;	/* of all files, read up to here */
	struct vmf_block_plan plan;
	/* parsed: from byte base on there are cells.n lines, then tail */
	bool parsed;
	int64_t base, tail;
	struct vmf_cells cells;
	enum vmf_stamp stamp;	/* that the times are in */
	int64_t *time;
	int32_t *id;
	struct vmf_id_state *state;	/* as plan.tab */
	/* by column: float for float32, double for other numbers, int32_t
	 * codes for text; in a wide map a row of floats for each value */
	void **col;
	/* room; row has a word more than lines, sep one more before the
	 * first */
	struct vmf_marks marks;
	uint32_t *sep, *row;
	uint8_t *odd;
	int64_t sep_cap, odd_pos_cap, row_cap, odd_cap, time_cap, id_cap;
	int64_t state_cap, n_cols, n_col_room;
	int64_t *col_cap;
};

static inline char *
vmf_block_text(const struct vmf_block *b)
{
	return b->buf + VMF_CELLS_PAD;
}

/* Byte of the text that line r begins on; of the tail, if there are no more
 * lines. */
static inline int64_t
vmf_block_line(const struct vmf_block *b, int64_t r)
{
	return r == b->cells.n ? b->tail : b->base + (int64_t)(uint32_t)
	    (b->cells.sep[(int64_t)b->cells.row[r] - 1] + 1);
}

/* Room for n bytes of text; what is there is kept. */
int vmf_block_reserve(struct vmf_block *b, int64_t n, struct vmf_err *e)
    VMF_CHECK;

/* Parse the text from byte base on by the block's plan.  Without memory
 * there are no lines, all is tail. */
void vmf_block_parse(struct vmf_block *b, int64_t base);

void vmf_block_free(struct vmf_block *b);

#endif
