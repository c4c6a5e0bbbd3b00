/* SPDX-License-Identifier: MIT */
/*
 * Batches as text: an aligned table, CSV, or JSON lines; one line a row, or
 * one line for each step that is not missing (long).
 */
#ifndef VMF_PRINT_H
#define VMF_PRINT_H

#include "arrow/arrow.h"

enum vmf_print_format { VMF_PRINT_TABLE, VMF_PRINT_CSV, VMF_PRINT_JSON };

struct vmf_print_options {
	enum vmf_print_format format;
	bool by_step;		/* --long */
	int64_t step_s;		/* of the lists; by_step only */
	int64_t limit;		/* lines; < 0: all */
	const char *glob;	/* of ids (fnmatch), or NULL */
	const char *columns;	/* "id,cpu_mean", or NULL: all */
	bool no_header;		/* CSV and table without the names */
};

struct vmf_printer;

/*
 * Begin printing rows of the schema to out; both must outlive the printer.
 * An unknown column is VMF_EDATA with the list of those there are.  By step
 * the columns are the id, `time` and the lists, and the schema must have an
 * id, a start and a list.
 */
int vmf_printer_open(struct vmf_printer **p, struct vmf_out *out,
    const struct vmf_schema *s, const struct vmf_print_options *opt,
    struct vmf_err *e) VMF_CHECK;
/* 0, or 1 when the limit is reached and nothing more will be printed. */
int vmf_printer_put(struct vmf_printer *p, const struct vmf_batch *b,
    struct vmf_err *e) VMF_CHECK;
/* Print what is still held (a table waits to see how wide cells are). */
int vmf_printer_finish(struct vmf_printer *p, struct vmf_err *e) VMF_CHECK;
void vmf_printer_free(struct vmf_printer *p);

/* Columns, types, units, roles and metadata, a line each. */
int vmf_print_schema(struct vmf_out *out, const struct vmf_schema *s,
    enum vmf_print_format format, struct vmf_err *e) VMF_CHECK;

#endif
