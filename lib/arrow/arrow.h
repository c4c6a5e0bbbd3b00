/* SPDX-License-Identifier: MIT */
/*
 * The stream: Arrow IPC, streaming format, as vmf-stream(5) describes it.
 *
 * In memory a batch is a set of columns of one of the types below, however
 * the other side stored them: the reader turns large_utf8, utf8_view, any
 * integer width, any time unit, large lists, fixed-size lists, decimals and
 * dates into these.  NaN is "missing" in float columns and in lists of
 * floats, in memory; in the stream it is a null.  All other types have a
 * validity bitmap.
 */
#ifndef VMF_ARROW_H
#define VMF_ARROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"

enum vmf_type {
	VMF_NULL,		/* all missing */
	VMF_BOOL,
	VMF_INT32,
	VMF_INT64,
	VMF_FLOAT32,
	VMF_FLOAT64,
	VMF_TIME,		/* timestamp[s, UTC] */
	VMF_UTF8,
	VMF_BINARY,
	VMF_LIST_FLOAT32,
	VMF_LIST_FLOAT64,
};

/* "float32", "list<float32>", ...: the words of messages and --schema. */
const char *vmf_type_name(enum vmf_type type);

/* ---- metadata and schema: owned strings, freed by vmf_schema_free ---- */

struct vmf_meta {
	int n;
	char **key;
	char **value;
};

/* NULL when the key is absent.  set replaces; a NULL value removes. */
const char *vmf_meta_get(const struct vmf_meta *m, const char *key);
int vmf_meta_set(struct vmf_meta *m, const char *key, const char *value,
    struct vmf_err *e) VMF_CHECK;

struct vmf_field {
	char *name;
	uint64_t hash;		/* of the name */
	enum vmf_type type;
	bool dict;		/* utf8 only: dictionary-encoded */
	struct vmf_meta meta;	/* "unit", "role" */
};

struct vmf_schema {
	int n;
	int64_t cap;
	struct vmf_field *field;
	struct vmf_meta meta;	/* "vmf:kind", "vmf:step", ... */
};

/* Index of the new field, or < 0. */
int vmf_schema_add(struct vmf_schema *s, const char *name,
    enum vmf_type type, bool dict, struct vmf_err *e) VMF_CHECK;
/* The same as a field of another schema, with its metadata. */
int vmf_schema_add_field(struct vmf_schema *s, const struct vmf_field *f,
    struct vmf_err *e) VMF_CHECK;
/*
 * An extension type is the type it is stored as and a name in the field's
 * metadata; others refuse the name on a type that it is not of.  unnamed takes
 * it away, and so does retype where it changes the type.
 */
#define VMF_EXTENSION_NAME "ARROW:extension:name"
#define VMF_EXTENSION_META "ARROW:extension:metadata"
void vmf_field_unnamed(struct vmf_field *f);
void vmf_field_retype(struct vmf_field *f, enum vmf_type type, bool dict);
/* Index, or -1. */
int vmf_schema_find(const struct vmf_schema *s, const char *name);
/* to must be empty ({ 0 }). */
int vmf_schema_copy(struct vmf_schema *to, const struct vmf_schema *from,
    struct vmf_err *e) VMF_CHECK;
void vmf_schema_free(struct vmf_schema *s);

/* ---- columns and batches ---- */

/*
 * A dictionary of distinct strings.  gen changes whenever existing codes
 * lose their meaning; n may grow within one gen.  Remap tables are made anew
 * when gen differs from the one they were made for, and extended when n
 * grew.
 */
struct vmf_dict {
	uint64_t gen;
	int64_t n;
	int32_t *off;		/* n + 1 */
	char *bytes;
	uint8_t *valid;		/* bitmap, or NULL: all valid */
	int64_t off_cap, bytes_cap, valid_cap;
	/* of dictionaries that are built, not read: */
	uint32_t *slot;		/* hash table of code + 1 */
	int64_t n_slots;
};

/* Code of the string, added if new; < 0 on failure (no memory, or more than
 * 2 GiB of strings). */
int32_t vmf_dict_intern(struct vmf_dict *d, const char *s, int64_t len,
    struct vmf_err *e) VMF_CHECK;
/* Code, or -1 when the string is not in it.  For dictionaries built here:
 * those of a reader have no table to find strings by. */
int32_t vmf_dict_find(const struct vmf_dict *d, const char *s, int64_t len);
const char *vmf_dict_str(const struct vmf_dict *d, int32_t code,
    int64_t *len);
/* Forget all strings, keep the memory, begin a new gen. */
void vmf_dict_clear(struct vmf_dict *d);
void vmf_dict_free(struct vmf_dict *d);

/*
 * One column of n rows.  Columns of a reader's batch are views into the
 * reader and change with its next batch; columns of a batch made by
 * vmf_batch_init own their memory and grow with vmf_col_put_*.
 */
struct vmf_col {
	enum vmf_type type;
	bool is_dict;
	int64_t n;
	uint8_t *valid;		/* bitmap; NULL: all valid.  Not for floats. */
	union {
		void *p;
		uint8_t *b8;	/* VMF_BOOL: one byte a value, 0 or 1 */
		int32_t *i32;	/* VMF_INT32, and codes when is_dict */
		int64_t *i64;	/* VMF_INT64, VMF_TIME (seconds) */
		float *f32;	/* VMF_FLOAT32; items of VMF_LIST_FLOAT32 */
		double *f64;	/* VMF_FLOAT64; items of VMF_LIST_FLOAT64 */
		char *bytes;	/* VMF_UTF8, VMF_BINARY */
	} d;
	int32_t *off;		/* n + 1, for utf8, binary and lists */
	struct vmf_dict *dict;	/* when is_dict */
	/* room, in bytes for valid and elements for the others; 0 in views */
	int64_t valid_cap, d_cap, off_cap;
};

struct vmf_batch {
	int64_t n;		/* rows */
	int n_cols;
	struct vmf_col *col;
	bool owned;
};

static inline bool
vmf_bit(const uint8_t *bits, int64_t i)
{
	return bits == NULL || (bits[i >> 3] >> (i & 7) & 1);
}

/* False where row i is missing; for floats, NaN is missing. */
bool vmf_col_valid(const struct vmf_col *c, int64_t i);

/* Bytes of row i of a utf8 (dictionary or not) or binary column; NULL and
 * *len = 0 when missing. */
const char *vmf_col_str(const struct vmf_col *c, int64_t i, int64_t *len);

/* Items of row i of a list column; 0 of them when the row is missing. */
const float *vmf_col_list32(const struct vmf_col *c, int64_t i, int64_t *n);
const double *vmf_col_list64(const struct vmf_col *c, int64_t i, int64_t *n);

/* Row i of any numeric, bool or time column as a double; NaN when missing
 * or not a number. */
double vmf_col_num(const struct vmf_col *c, int64_t i);

/* A batch that grows, with the schema's columns.  clear keeps the memory
 * (and the dictionaries). */
int vmf_batch_init(struct vmf_batch *b, const struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;
void vmf_batch_clear(struct vmf_batch *b);
void vmf_batch_free(struct vmf_batch *b);
/* Rows from..from+n-1 of a column without offsets, as a view; from is a
 * multiple of 8. */
struct vmf_col vmf_col_part(const struct vmf_col *c, int64_t from, int64_t n);

/* Bytes of the rows, to know when about 16 MB are full. */
int64_t vmf_batch_bytes(const struct vmf_batch *b);
#define VMF_BATCH_BYTES (16 << 20)

/* Append one value.  The type must be the column's (assert); put_num takes
 * any numeric, bool or time column and rounds to its type (NaN: missing).
 * put_str serves utf8, dictionary and binary. */
int vmf_col_put_null(struct vmf_col *c, struct vmf_err *e) VMF_CHECK;
int vmf_col_put_bool(struct vmf_col *c, bool v, struct vmf_err *e) VMF_CHECK;
int vmf_col_put_int(struct vmf_col *c, int64_t v, struct vmf_err *e)
    VMF_CHECK;	/* VMF_INT32 (must fit), VMF_INT64, VMF_TIME */
int vmf_col_put_num(struct vmf_col *c, double v, struct vmf_err *e) VMF_CHECK;
int vmf_col_put_str(struct vmf_col *c, const char *s, int64_t len,
    struct vmf_err *e) VMF_CHECK;
int vmf_col_put_list32(struct vmf_col *c, const float *v, int64_t n,
    struct vmf_err *e) VMF_CHECK;
int vmf_col_put_list64(struct vmf_col *c, const double *v, int64_t n,
    struct vmf_err *e) VMF_CHECK;
/* Append row i of from, a column of the same type (dictionary or not). */
int vmf_col_put_from(struct vmf_col *c, const struct vmf_col *from,
    int64_t i, struct vmf_err *e) VMF_CHECK;
/* Append n rows to a column of fixed width, to be filled by the caller:
 * returns the place of the first (an element of d, or a code), or NULL on
 * failure.  None of them is missing, NaN aside. */
void *vmf_col_extend(struct vmf_col *c, int64_t n, struct vmf_err *e)
    VMF_CHECK;
/* Append n codes of the column's dictionary; < 0: missing. */
int vmf_col_put_codes(struct vmf_col *c, const int32_t *code, int64_t n,
    struct vmf_err *e) VMF_CHECK;
/* Rows are finished by these: check (assert) that all columns have one
 * value, or n values, more, and count. */
void vmf_batch_row(struct vmf_batch *b);
void vmf_batch_rows(struct vmf_batch *b, int64_t n);

/* ---- reader ---- */

struct vmf_reader;

#define VMF_MAX_BATCH ((int64_t)1 << 30)	/* --max-batch */
#define VMF_MAX_BATCH_MOST ((int64_t)1 << 31)	/* offsets have 32 bits */
#define VMF_MAX_COLUMNS 10000	/* of a stream that is read, or written */

/*
 * Open path (NULL or "-": standard input) and read the schema.  max_batch is
 * the most bytes that a batch may take, as it came and unpacked together,
 * and a dictionary as well.  Everything is checked before it is used; a
 * message names the byte offset.
 */
int vmf_reader_open(struct vmf_reader **r, const char *path,
    int64_t max_batch, struct vmf_err *e) VMF_CHECK;
/* vmf_reader_open of a descriptor, called name in messages: it is the reader's
 * from here on, whatever comes of it. */
int vmf_reader_open_fd(struct vmf_reader **r, int fd, const char *name,
    int64_t max_batch, struct vmf_err *e) VMF_CHECK;
const struct vmf_schema *vmf_reader_schema(const struct vmf_reader *r);
/* The name to put into messages: the path or "standard input". */
const char *vmf_reader_name(const struct vmf_reader *r);
/* 1 and the next batch (valid until the next call), 0 at the end marker,
 * < 0 on failure: a stream that ends without the marker is VMF_EDATA. */
int vmf_reader_next(struct vmf_reader *r, const struct vmf_batch **b,
    struct vmf_err *e) VMF_CHECK;
/* Rows in the batches before the present one: row i of the batch is row
 * vmf_reader_row() + i of the stream, counted from 0. */
int64_t vmf_reader_row(const struct vmf_reader *r);
/* Bytes of the stream that are read. */
int64_t vmf_reader_at(const struct vmf_reader *r);
/* Bytes that the reader holds: the batch as it came, what was unpacked or
 * converted, dictionaries.  For commands that keep to --memory. */
int64_t vmf_reader_bytes(const struct vmf_reader *r);
void vmf_reader_free(struct vmf_reader *r);

/* ---- writer ---- */

enum vmf_codec { VMF_CODEC_NONE, VMF_CODEC_LZ4, VMF_CODEC_ZSTD };

struct vmf_writer;

/* Begin a stream on o (which stays the caller's, to finish and free after
 * the writer) and write the schema, which is copied. */
int vmf_writer_open(struct vmf_writer **w, struct vmf_out *o,
    const struct vmf_schema *s, enum vmf_codec codec, struct vmf_err *e)
    VMF_CHECK;
/*
 * Write the batch's rows, with the dictionaries that they need.  A column's
 * own dictionary of which this batch uses less than half is started afresh
 * when it has to be sent again, unless its strings are likely to be used
 * again: then the codes in b are changed to match.
 * A batch of no rows writes nothing; one of many, all of whose columns are of
 * one width, is several in a stream without compression.  Columns must match
 * the schema.
 * b has its rows afterwards, but after vmf_writer_behind; vmf_batch_clear
 * makes room for the next.
 */
int vmf_writer_put(struct vmf_writer *w, struct vmf_batch *b,
    struct vmf_err *e) VMF_CHECK;
/*
 * From here on a thread writes the batches that own their columns, one at a
 * time, while the caller fills the next: vmf_writer_put takes the columns, and
 * leaves others in their place.  The bytes are the same.  That one could not
 * be written is told by the put that follows, or by vmf_writer_finish.  Where
 * there is no thread to be had, put writes at once as before.
 */
void vmf_writer_behind(struct vmf_writer *w);
/* From here on the rows that are put are taken into s as well, which stays the
 * caller's. */
struct vmf_checksum;
int vmf_writer_sum(struct vmf_writer *w, struct vmf_checksum *s,
    struct vmf_err *e) VMF_CHECK;
/* Write the end marker; vmf_out_finish must follow. */
int vmf_writer_finish(struct vmf_writer *w, struct vmf_err *e) VMF_CHECK;
void vmf_writer_free(struct vmf_writer *w);

#endif
