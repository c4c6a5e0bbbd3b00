/* SPDX-License-Identifier: MIT */
/*
 * A checksum of the values of streams, whatever their order, batches,
 * compression and integer, float, string and time types: what two tables
 * that mean the same have in common.  Sums of parts are the sum of the
 * whole, modulo 2^64.
 *
 * With mix(x) the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast
 * Splittable Pseudorandom Number Generators", OOPSLA 2014; Vigna's constants)
 * on x + 0x9e3779b97f4a7c15, and hash(w1, ..., wn) = h_n with h_0 = 0 and
 * h_i = mix(h_(i-1) ^ w_i) over words of 64 bits, a value is
 *
 *   missing (null, NaN)     hash(0)
 *   bool, integer           hash(1, v)          two's complement
 *   float                   hash(2, bits of v as a double; -0 as 0)
 *   time                    hash(3, seconds since the epoch)
 *   text, binary            hash(4, bytes, words...)    low byte first, the
 *                           last word filled up with 0
 *   list                    hash(5, items, items' bits as for floats...),
 *                           a missing one as 0x7ff8000000000000
 *
 * a cell is mix(hash of the column's name as text ^ its value), a row is
 * mix(the sum of its cells); the checksum of a column is the sum of its
 * cells, and that of the whole the sum of its rows.
 */
#ifndef VMF_CHECKSUM_H
#define VMF_CHECKSUM_H

#include "arrow/arrow.h"

struct vmf_checksum;

/* columns: "id,cpu_mean", the only ones to look at, or NULL: all. */
int vmf_checksum_new(struct vmf_checksum **s, const char *columns,
    struct vmf_err *e) VMF_CHECK;

/* Take in the columns of a stream; batches of it follow.  A name of
 * `columns` that the stream lacks is VMF_EDATA. */
int vmf_checksum_schema(struct vmf_checksum *s, const struct vmf_schema *f,
    const char *stream, struct vmf_err *e) VMF_CHECK;
int vmf_checksum_add(struct vmf_checksum *s, const struct vmf_batch *b,
    struct vmf_err *e) VMF_CHECK;

/* "N rows", then 16 hexadecimal digits, two blanks and "*" for the whole, or
 * a column's name for each: columns sorted by name, as bytes. */
int vmf_checksum_print(const struct vmf_checksum *s, struct vmf_out *o,
    struct vmf_err *e) VMF_CHECK;

void vmf_checksum_free(struct vmf_checksum *s);

#endif
