/* SPDX-License-Identifier: MIT */
/*
 * A synthetic fleet's samples as CSV text, a piece at a time.
 */
#ifndef VMF_GEN_H
#define VMF_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum vmf_gen_shape {
	VMF_GEN_CSV,		/* vm,time,cpu,mem with a header */
	VMF_GEN_AZURE,		/* time, id, min, max, avg without one */
};

enum vmf_gen_order {
	VMF_GEN_TIME,		/* step by step, VMs in the fleet's order */
	VMF_GEN_VM,		/* VM by VM */
	VMF_GEN_SHUFFLE,	/* step by step, VMs in another order each */
};

/* Ids of chosen length are base64; the shortest that is sure to be unique. */
#define VMF_GEN_ID_MIN 11
#define VMF_GEN_ID_MAX 64
#define VMF_GEN_DECIMALS_MAX 15

struct vmf_gen_opts {
	enum vmf_gen_shape shape;
	enum vmf_gen_order order;
	uint64_t seed;
	int64_t n_vms;		/* 1 to 2^31 - 1 */
	int64_t start;		/* seconds since the epoch */
	int64_t step_s;
	int64_t n_steps;
	int id_len;		/* 0: vm-0000042 */
	bool net;		/* csv: the columns net_rx and net_tx as well */
	int decimals;		/* of all numbers; 0: the shape's own, which
				 * are the least (csv 3, azure 6) */
};

/* What has been written so far. */
struct vmf_gen_count {
	int64_t rows;		/* repeated ones included */
	int64_t twice;		/* of these, repeats of the row before */
	int64_t conflicts;	/* of these, same VM and time, other values */
};

struct vmf_gen;

/* *g is the caller's, to free with vmf_gen_free.  It holds one entry a VM,
 * of 72 bytes and its id. */
int vmf_gen_open(struct vmf_gen **g, const struct vmf_gen_opts *o,
    struct vmf_err *e) VMF_CHECK;

/* Append the next piece of text, whole lines of about 64 kB, to b.  Returns
 * 1, or 0 when there is no more. */
int vmf_gen_next(struct vmf_gen *g, struct vmf_buf *b, struct vmf_err *e)
    VMF_CHECK;

/* The same for the inventory, vm,host,cluster,vcpus,mem_mb; apart from the
 * samples, in any mixture with them. */
int vmf_gen_next_place(struct vmf_gen *g, struct vmf_buf *b,
    struct vmf_err *e) VMF_CHECK;

struct vmf_gen_count vmf_gen_counts(const struct vmf_gen *g);
void vmf_gen_free(struct vmf_gen *g);

#endif
