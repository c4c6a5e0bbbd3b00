/* SPDX-License-Identifier: MIT */
/*
 * Attributes of the entities of a fleet (host, vcpus, ...): of each the
 * newest value.  Null, NaN and text without a letter are none; 0 is one, but
 * for capacities.
 */
#ifndef VMF_ATTRS_H
#define VMF_ATTRS_H

#include "arrow/arrow.h"
#include "series/ids.h"

union vmf_value {
	int64_t i;		/* VMF_INT32, VMF_INT64, VMF_TIME, VMF_BOOL;
				 * VMF_UTF8: the code in strs */
	double f;		/* VMF_FLOAT32, VMF_FLOAT64 */
};

struct vmf_attr {
	enum vmf_type type;	/* that of the schema's field */
	bool above_0;		/* only such a number is a value */
	int col;		/* of the stream; -1: only in the inventory */
	union vmf_value *value;	/* by entity */
	int64_t *when;		/* by entity; VMF_TIME_NONE: no value */
	int64_t value_cap, when_cap;
	struct vmf_dict strs;
	struct vmf_remap map;
};

struct vmf_attrs {
	struct vmf_schema schema;	/* a field an attribute, no dict */
	struct vmf_attr *attr;
	int n;
	int64_t cap;
	int64_t n_ids;		/* entities that there is room for */
};

/* True of what a machine has of something (vcpus, mem_mb or
 * cpu_capacity_mhz): traces say 0 of one that is off. */
bool vmf_attr_is_capacity(const char *name);
/* What holds the values of an attribute of both types: a wider number, or
 * text. */
enum vmf_type vmf_attr_common(const char *name, enum vmf_type a,
    enum vmf_type b);
/* Is this text a value?  Where only a number above 0 is one, not one that is
 * 0, below, or nan. */
bool vmf_attr_says(const char *s, int64_t len, bool above_0);
/* The new attribute's index, or < 0. */
int vmf_attrs_add(struct vmf_attrs *a, const struct vmf_field *f, int col,
    struct vmf_err *e) VMF_CHECK;
/* Index, or -1. */
int vmf_attrs_find(const struct vmf_attrs *a, const char *name);
/* Make room for entities 0..n_ids-1; the new ones have no values. */
int vmf_attrs_room(struct vmf_attrs *a, int64_t n_ids, struct vmf_err *e)
    VMF_CHECK;

/* Take rows from..from+n-1 of the batch, each entity id[i] (-1: leave out)
 * at when[i].  Of rows of the same time the greatest value
 * wins (text by bytes), so that their order does not matter. */
int vmf_attrs_rows(struct vmf_attrs *a, const struct vmf_batch *b,
    int64_t from, int64_t n, const int32_t *id, const int64_t *when,
    struct vmf_err *e) VMF_CHECK;

/* Set one value, however new the present one is.  The type is the
 * attribute's; text by vmf_attr_set_str. */
void vmf_attr_set(struct vmf_attr *a, int32_t id, union vmf_value v);
int vmf_attr_set_str(struct vmf_attr *a, int32_t id, const char *s,
    int64_t len, struct vmf_err *e) VMF_CHECK;

/* Turn all values of attribute k into those of a wider type: any number
 * into another, any type into text. */
int vmf_attrs_convert(struct vmf_attrs *a, int k, enum vmf_type type,
    struct vmf_err *e) VMF_CHECK;

static inline bool
vmf_attr_has(const struct vmf_attr *a, int32_t id)
{
	return a->when[id] != INT64_MIN;
}

/* NaN when missing, and of text that is no number. */
double vmf_attr_num(const struct vmf_attr *a, int32_t id);
/* As text; NULL when missing.  buf is used for what is not text. */
const char *vmf_attr_text(const struct vmf_attr *a, int32_t id,
    char buf[32], int64_t *len);
/* Append the entity's value to an output column of the attribute's type. */
int vmf_attr_put(const struct vmf_attr *a, int32_t id, struct vmf_col *c,
    struct vmf_err *e) VMF_CHECK;

int64_t vmf_attrs_bytes(const struct vmf_attrs *a);
void vmf_attrs_free(struct vmf_attrs *a);

#endif
