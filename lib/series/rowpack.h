/* SPDX-License-Identifier: MIT */
/*
 * Readings as records of one size, for sorting and spilling, and back.
 * Strings are entered into a dictionary of their column, and the record
 * holds their code; so all distinct strings are held in memory.
 */
#ifndef VMF_ROWPACK_H
#define VMF_ROWPACK_H

#include "series/readings.h"
#include "series/spill.h"

/* From our codes to those of an output dictionary, which starts afresh from
 * time to time. */
struct vmf_recode {
	int32_t *to;		/* -1: not entered yet */
	int64_t n, cap;
	uint64_t gen;
};

struct vmf_pack_col {
	int col;		/* of the output */
	int in;			/* of the batches; -1: they have none */
	enum vmf_type type;
	bool metric;
	int64_t off;		/* byte in the record */
	int null_bit;		/* -1: the value itself tells */
	struct vmf_dict strs;
	struct vmf_remap map;
	struct vmf_recode recode;
};

struct vmf_pack {
	struct vmf_pack_col *col;	/* all but vm and time */
	int n_cols;
	int64_t null_off;	/* byte of the null bits */
	int64_t rec_bytes;
	bool clear;		/* some bytes are no column's */
	int vm, time;		/* columns of the output */
	int time_in;		/* and of the batches */
	struct vmf_recode vm_recode;
};

/* Lay out the columns of a schema that vmf_unite_add made. */
int vmf_pack_init(struct vmf_pack *p, const struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;
/* The batches from here on are of stream r, one of those of that schema:
 * columns by their names, and what it lacks is missing. */
void vmf_pack_from(struct vmf_pack *p, const struct vmf_schema *s,
    const struct vmf_readings *r);

/* Rows from..from+n-1 of the batch, of VMs id[0..n), into n records. */
int vmf_pack_rows(struct vmf_pack *p, const struct vmf_batch *b,
    int64_t from, int64_t n, const int32_t *id, void *rec,
    struct vmf_err *e) VMF_CHECK;

/* Append the records rec[0..n) to a batch of the stream's schema. */
int vmf_pack_emit(struct vmf_pack *p, const uint8_t *const *rec, int64_t n,
    const struct vmf_ids *ids, struct vmf_batch *b, struct vmf_err *e)
    VMF_CHECK;

/* One value of a record. */
bool vmf_pack_null(const struct vmf_pack *p, const struct vmf_pack_col *c,
    const void *rec);
bool vmf_pack_equal(const struct vmf_pack *p, const struct vmf_pack_col *c,
    const void *a, const void *b);
void vmf_pack_copy(const struct vmf_pack *p, const struct vmf_pack_col *c,
    void *to, const void *from);
/* Of columns of numbers, that are whole or not; put_num rounds to the column's
 * type. */
static inline bool
vmf_pack_is_whole(const struct vmf_pack_col *c)
{
	return c->type == VMF_INT32 || c->type == VMF_INT64;
}

int64_t vmf_pack_int(const struct vmf_pack_col *c, const void *rec);
void vmf_pack_put_int(const struct vmf_pack_col *c, void *rec, int64_t v);
double vmf_pack_num(const struct vmf_pack_col *c, const void *rec);
void vmf_pack_put_num(const struct vmf_pack_col *c, void *rec, double v);
/* Of either kind: a < b. */
bool vmf_pack_less(const struct vmf_pack_col *c, const void *a,
    const void *b);

/* Bytes of the strings held. */
int64_t vmf_pack_bytes(const struct vmf_pack *p);
void vmf_pack_free(struct vmf_pack *p);

#endif
