/* SPDX-License-Identifier: MIT */
/*
 * Rows of fields from a source of text: CSV as RFC 4180 has it, with any
 * one-byte delimiter, by libcsv.  Blanks around an unquoted field are not
 * part of it; quoted fields may hold delimiters, doubled quotes and line
 * ends.  Lines end in LF or CR LF.  A byte order mark is passed over.
 *
 * This is the boundary between bytes and meaning: a reader knows nothing of
 * columns, what turns rows into batches knows nothing of quotes.
 */
#ifndef VMF_CSVREAD_H
#define VMF_CSVREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define VMF_CSV_MAX_FIELD ((int64_t)1 << 20)	/* bytes */
#define VMF_CSV_MAX_FIELDS ((int64_t)2 << 20)	/* of a row */
#define VMF_CSV_MAX_ROW ((int64_t)64 << 20)	/* bytes */
#define VMF_CSV_MAX_COMMENT 15	/* bytes of what begins one */

struct vmf_field_text {
	const char *s;		/* not terminated */
	int64_t len;
};

struct vmf_row {
	int64_t line;		/* that it begins on, from 1 */
	int64_t n;
	const struct vmf_field_text *field;
	const char *raw;	/* as it stood, with its line end if any */
	int64_t raw_len;
	const char *bad;	/* NULL, or what is wrong with it as CSV; then
				 * there are no fields */
};

struct vmf_csv;

/*
 * Where the text comes from: up to n bytes, 0 at the end, < 0 on failure.
 * When no call gives bytes from after a line end, the reader never holds
 * text beyond the row it returned.
 */
struct vmf_csv_text {
	int64_t (*read)(void *arg, void *p, int64_t n, struct vmf_err *e);
	void *arg;
	const char *name;	/* for messages */
};

/* Empty lines are passed over, unless blank_rows: then each is a row of one
 * empty field.  What text points to must outlive c. */
int vmf_csv_open(struct vmf_csv **c, const struct vmf_csv_text *text,
    char delim, bool blank_rows, struct vmf_err *e) VMF_CHECK;

/* Lines that begin with text (at most VMF_CSV_MAX_COMMENT bytes, without a
 * line end; it must outlive c) are passed over where a row may begin. */
void vmf_csv_set_comment(struct vmf_csv *c, const char *text);

/* Pass over n lines, whatever is in them, before the first row.  0 or < 0;
 * *n becomes the number of those that were not there. */
int vmf_csv_skip(struct vmf_csv *c, int64_t *n, struct vmf_err *e)
    VMF_CHECK;

/* The line, from 1, that the next row is looked for on; and set it, where
 * rows were passed over outside the reader, which must hold no text.  Behind
 * the first line there is no byte order mark. */
int64_t vmf_csv_line(const struct vmf_csv *c);
void vmf_csv_set_line(struct vmf_csv *c, int64_t line);

/*
 * 1 and the next row, valid until the next call; 0 at the end; < 0 on
 * failure: what the source reports, a quote that never ends, and a field or
 * a row beyond the limits above.  A row that is bad as CSV (a quote inside
 * an unquoted field, text after a closing quote, a NUL, a CR inside the
 * line) is returned as such and ends at the next line end.  What comes out
 * does not depend on how the text was cut by read.
 */
int vmf_csv_next(struct vmf_csv *c, struct vmf_row *row, struct vmf_err *e)
    VMF_CHECK;

void vmf_csv_free(struct vmf_csv *c);

#endif
