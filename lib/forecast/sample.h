/* SPDX-License-Identifier: MIT */
/*
 * Rows to learn a model of the whole fleet from: a sample that keeps to a
 * bound however large the fleet is, and its split by time.
 *
 * Each row has a key, a random number made of what the row is about (a
 * series, say: then all rows of a series stay or go together).  While there
 * is room all rows are kept; each time there is none, the limit that keys lie
 * below is lowered by a tenth, and rows above it are dropped.  What is kept in
 * the end depends on the keys and on how many rows there are, not on their
 * order (a bottom-k sketch: Cohen and Kaplan, "Summarizing Data using
 * Bottom-k Sketches", 2007, with limits from a fixed row of them).
 */
#ifndef VMF_SAMPLE_H
#define VMF_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vmf_sample {
	int64_t width;		/* floats of a row */
	int64_t rows_max;
	int64_t n;
	float *rec;		/* [n][width] */
	int64_t *from;		/* [n]: the moment before which all is known
				 * that the row would predict by */
	int64_t *until;		/* [n]: the moment before which its answer is
				 * known */
	/* private */
	uint64_t *key;
	uint64_t limit;		/* keys lie below it */
	int64_t rec_cap, from_cap, until_cap, key_cap;
};

/* A key for a series of the fleet: id of len bytes, and a name. */
uint64_t vmf_sample_key(const char *id, int64_t len, const char *name);
/* A number of [0, 1) that depends on key and i alone: splitmix64 (Steele, Lea
 * and Flood, "Fast Splittable Pseudorandom Number Generators", 2014). */
double vmf_sample_draw(uint64_t key, int64_t i);

/* Rows of width floats that take mem_bytes at most, and no more than rows_max
 * of them; at least one fits. */
void vmf_sample_init(struct vmf_sample *s, int64_t width, int64_t mem_bytes,
    int64_t rows_max);
/* False: a row of this key would not be kept, now or later. */
bool vmf_sample_wants(const struct vmf_sample *s, uint64_t key);
/* *rec is the new row's place, to be filled before the next call, or NULL
 * where it is not kept. */
int vmf_sample_add(struct vmf_sample *s, uint64_t key, int64_t from,
    int64_t until, float **rec, struct vmf_err *e) VMF_CHECK;
/*
 * Put the rows in the order of time, in so far as: first *n_learn rows whose
 * answer was known before a moment; in the end *n_test rows that begin at it
 * or later, about `share` of all; and between them those that lie across it,
 * for neither.  Within each of the three they keep their order.  Both are 0
 * where that leaves one of them empty.
 */
int vmf_sample_split(struct vmf_sample *s, double share, int64_t *n_learn,
    int64_t *n_test, struct vmf_err *e) VMF_CHECK;
void vmf_sample_free(struct vmf_sample *s);

#endif
