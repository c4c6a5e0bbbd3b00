/* SPDX-License-Identifier: MIT */
/*
 * What ingest.c (files), rows.c (one row, by the reference) and fast.c (many
 * rows at once) share; nobody else includes it.
 */
#ifndef VMF_INGEST_IN_H
#define VMF_INGEST_IN_H

#include "base/mem.h"
#include "ingest/bind.h"
#include "ingest/csvread.h"
#include "ingest/ingest.h"
#include "ingest/source.h"

#define VMF_ROW_BAD 1		/* in->why says why */
#define VMF_ROW_PASSED 2

struct vmf_fast;

struct vmf_ingest {
	const struct vmf_map *map;
	struct vmf_ingest_opts opt;
	struct vmf_bind bind;
	struct vmf_schema schema;
	bool bound;
	char *first_file;
	struct vmf_fast *fast;	/* NULL: libcsv reads all */
	/* the open file */
	char *file;		/* its name for messages */
	struct vmf_source *src;	/* NULL when fast */
	struct vmf_csv *csv;
	enum vmf_stamp stamp;
	const char *pattern;	/* its, or NULL */
	bool detect;		/* stamp is that of the first time, if any */
	int64_t n_rows;		/* of the file, bad ones too */
	int64_t n_fields;	/* of its rows */
	bool follow;		/* its columns are not where the first file's
				 * were: in at by the first file's; libcsv
				 * reads it */
	int64_t *at;
	struct vmf_field_text *followed;	/* a row, as it would be */
	int64_t at_cap, followed_cap;
	/* the row at hand */
	double *num;		/* by column; in a wide map by value */
	struct vmf_field_text *str;
	int64_t num_cap, str_cap;
	bool again;		/* it is the header */
	struct vmf_err why;	/* what is wrong with it */
	struct vmf_err first_bad, first_passed;
	/* what the row before had: most have the same again */
	struct vmf_buf id;
	int32_t id_code;
	uint64_t id_gen;	/* of the dictionary; 0: code not valid */
	char time_text[40];
	int64_t time_len, time_s;
	int32_t *code;		/* wide: by value, -1 unknown */
	int64_t code_cap;
	uint64_t code_gen;
	/* when a batch is full */
	int64_t base_dict;	/* bytes of its dictionaries when empty */
	int64_t check_rows;	/* looked at after each multiple of these */
	struct vmf_ingest_counts count;
	int64_t closed_bytes;
};

/* ---- rows.c ---- */

/* Append the row to b, or pass over it by --bad-rows. */
int vmf_ingest_row(struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_batch *b, struct vmf_err *e) VMF_CHECK;

/* Whether a row begins as JSON does. */
bool vmf_ingest_is_json(const struct vmf_row *row);
/* VMF_EDATA: it does. */
int vmf_ingest_json(const struct vmf_ingest *in, const struct vmf_row *row,
    struct vmf_err *e);

/* VMF_EDATA: the column was taken for a metric and holds no number. */
int vmf_ingest_never(const struct vmf_ingest *in, const struct vmf_bound *c,
    struct vmf_err *e) VMF_CHECK;

/* The time of the row'th row of the open file, in a map without times;
 * false where it is out of range. */
bool vmf_ingest_row_time(const struct vmf_ingest *in, int64_t row,
    int64_t *t);

/* Code of in->id, where the VM is the file's name. */
int vmf_ingest_id_code(struct vmf_ingest *in, struct vmf_dict *d,
    struct vmf_err *e) VMF_CHECK;

/* The same for value i of a wide map. */
int vmf_ingest_wide_code(struct vmf_ingest *in, struct vmf_dict *d,
    int64_t i, struct vmf_err *e) VMF_CHECK;

/* Bytes of the batch's dictionaries, which travel before it. */
int64_t vmf_ingest_dict_bytes(const struct vmf_batch *b);

/* True when the batch should go out, asked after every row: the answer
 * depends on the rows alone, not on who read them. */
bool vmf_ingest_full(const struct vmf_ingest *in, const struct vmf_batch *b);

/* ---- ingest.c ---- */

/* The format that times are said to have, with its pattern; or AUTO. */
enum vmf_stamp vmf_ingest_given(const struct vmf_ingest *in,
    const char **pattern);

/* ---- fast.c ---- */

int vmf_fast_new(struct vmf_ingest *in, struct vmf_err *e) VMF_CHECK;
void vmf_fast_free(struct vmf_fast *f);
/* The files to come; they may be read ahead. */
int vmf_fast_expect(struct vmf_fast *f, const char *const *path, int n,
    struct vmf_err *e) VMF_CHECK;
/* The next file, which is path; its text is then read by vmf_fast_read. */
int vmf_fast_open(struct vmf_fast *f, const char *path, struct vmf_err *e)
    VMF_CHECK;
/* Text for libcsv, as struct vmf_csv_text has it; arg is the vmf_fast. */
int64_t vmf_fast_read(void *arg, void *p, int64_t n, struct vmf_err *e);
/* The columns are known: rows may be read. */
int vmf_fast_ready(struct vmf_fast *f, struct vmf_err *e) VMF_CHECK;
/* vmf_ingest_fill. */
int vmf_fast_fill(struct vmf_fast *f, struct vmf_batch *b, struct vmf_err *e)
    VMF_CHECK;
int64_t vmf_fast_bytes(const struct vmf_fast *f);

#endif
