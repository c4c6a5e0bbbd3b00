/* SPDX-License-Identifier: MIT */
/* What migread.c and migjob.c share; nobody else includes it. */
#ifndef VMF_MIGREAD_IN_H
#define VMF_MIGREAD_IN_H

#include "base/mem.h"
#include "ingest/csvread.h"
#include "ingest/migread.h"
#include "ingest/source.h"

#define VMF_MIG_BAD 1		/* in->why says why */

struct vmf_mig_bound {		/* a field of the map in this file */
	const struct vmf_mig_field *field;	/* NULL: guessed */
	int col;
	int64_t *from;		/* columns of the file */
	int n_from;
};

struct vmf_mig_in {
	const struct vmf_mig_map *map;
	struct vmf_mig_opts opt;
	struct vmf_mig_counts count;
	struct vmf_err why, first_bad;
	struct vmf_mig_row row;
	/* the open file */
	char *file;		/* its name for messages */
	char *stem;		/* the VM by its name, or NULL */
	struct vmf_source *src;
	struct vmf_csv *csv;
	int64_t n_header;	/* columns of the file */
	struct vmf_mig_bound *bound;
	int64_t n_bound, bound_cap;
	int64_t only, *repeats;
	struct vmf_dict seen;	/* rows by the columns of "repeats" */
	struct vmf_buf key;
	/* files of lines */
	struct vmf_buf text;
	int64_t at, line;
	int64_t whole;		/* bytes of the line, with its end */
	bool ended;
	struct vmf_buf raw;	/* the row as it stood */
};

/* Fill in->why, where the row begins at the line. */
int vmf_mig_why(struct vmf_mig_in *in, int64_t line, const char *fmt, ...)
    VMF_PRINTF(3, 4);
/* The next line, without its end, which is up to in->whole: 1, 0 at the end
 * of the file, < 0 on failure; valid until the next call. */
int vmf_mig_line(struct vmf_mig_in *in, const char **s, int64_t *len,
    struct vmf_err *e) VMF_CHECK;

/* The next row of these formats into in->row and in->raw: 1, 0 at the end of
 * the file, < 0 on failure; *bad is set where it is a bad one. */
int vmf_mig_domjobinfo(struct vmf_mig_in *in, bool *bad, struct vmf_err *e)
    VMF_CHECK;
int vmf_mig_query(struct vmf_mig_in *in, bool *bad, struct vmf_err *e)
    VMF_CHECK;

#endif
