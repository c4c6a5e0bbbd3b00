/* SPDX-License-Identifier: MIT */
/*
 * A map laid on the columns that a file really has: which field of a row is
 * the VM, which the time, and which become columns of the stream.
 */
#ifndef VMF_BIND_H
#define VMF_BIND_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "base/mem.h"
#include "ingest/csvread.h"
#include "ingest/map.h"

/* What a user says of columns; what it points to must outlive the binding. */
struct vmf_pick {
	const char *const *ignore;	/* of the source, to pass over */
	int n_ignore;
	const char *const *only;	/* lists of names of the stream: metrics
					 * and attributes that are wanted */
	int n_only;		/* 0: all are */
};

/* A column of the stream. */
struct vmf_bound {
	bool attribute;
	bool guessed;		/* the map did not name it */
	bool comma;		/* numbers are 1.234,5 */
	bool percent;		/* and may have a % after them */
	enum vmf_type type;
	const char *name, *unit;	/* the map's, or in text */
	int64_t name_len;
	double scale, offset;
	int64_t from;		/* field, from 0; -1 in a wide map */
	int64_t percent_of;	/* field, or -1 */
	int64_t where;		/* the field, or -1, that holds is in the rows
				 * which have a value; NaN in all others */
	const char *is;
	int64_t is_len;
	int64_t n_good, n_bad;	/* numbers read, and what was none */
};

struct vmf_bind {
	const struct vmf_map *map;
	int64_t n_fields;
	struct vmf_field_text *name;	/* of each field, in text */
	struct vmf_buf text;
	int64_t id, time;	/* fields; -1: not from a field */
	int64_t n_cols, cols_cap;	/* metrics, then attributes */
	struct vmf_bound *col;
	bool some_rows;		/* every metric has a where: rows that are of
				 * none of them are passed over */
	const char *lacking;	/* the name that made vmf_bind_make fail, or
				 * NULL */
	int64_t n_values, values_cap;
	int64_t *value;		/* wide: the fields that hold values */
};

/*
 * Lay map (which must outlive b, { 0 } before) on the n columns of the given
 * names; where says in messages whose they are ("x.csv:1").  Columns that
 * the map wants and that are not there, names that come twice or are not
 * UTF-8, columns that nobody named, and --ignore and --only of no column are
 * VMF_EDATA.  Where pick->only says what is wanted, all else may be there or
 * not, and be called anything.
 */
int vmf_bind_make(struct vmf_bind *b, const struct vmf_map *map,
    const struct vmf_field_text *name, int64_t n,
    const struct vmf_pick *pick, const char *where, struct vmf_err *e)
    VMF_CHECK;
void vmf_bind_free(struct vmf_bind *b);

/* Whether a further file's header is that of the first. */
bool vmf_bind_same(const struct vmf_bind *b, const struct vmf_row *header);

/*
 * Where the fields of the first file are in one whose header is another: at
 * has b->n_fields, -1 for those that nobody needs.  VMF_EDATA where columns
 * are not to be found by their names, as all of them matter and they are not
 * the same in another order, or where one that is needed is not there once.
 */
int vmf_bind_follow(const struct vmf_bind *b, const struct vmf_pick *pick,
    const struct vmf_row *header, const char *file, const char *first_file,
    int64_t *at, struct vmf_err *e) VMF_CHECK;

/* The schema of the readings: vm, time, metrics, attributes.  s must be
 * { 0 } and is the caller's. */
int vmf_bind_schema(const struct vmf_bind *b, struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;

/* Whether rows that hold s in the field of c's where are of c. */
static inline bool
vmf_bound_is(const struct vmf_bound *c, const char *s, int64_t len)
{
	return len == c->is_len && memcmp(s, c->is, (size_t)len) == 0;
}

/* Text for messages: at most 40 bytes of it, what is not ASCII as '?'. */
const char *vmf_show_text(const char *s, int64_t len, char buf[48]);
/* Column i of a header, whose names before it are seen, comes once: else
 * VMF_EDATA, or VMF_ENOMEM. */
int vmf_bind_once(struct vmf_dict *seen, const struct vmf_field_text *f,
    int64_t i, const char *where, struct vmf_err *e) VMF_CHECK;
/* The n names of a header that lacks the wanted one, as far as there is room,
 * with what may be the reason: other letters, another delimiter. */
const char *vmf_show_names(const struct vmf_field_text *name, int64_t n,
    const char *wanted, char buf[400]);

#endif
