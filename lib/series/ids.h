/* SPDX-License-Identifier: MIT */
/*
 * The names of a fleet: every VM (or host) gets a small number when it is
 * first seen, and its place in byte order when that is asked for.
 */
#ifndef VMF_IDS_H
#define VMF_IDS_H

#include "arrow/arrow.h"

struct vmf_ids {
	struct vmf_dict dict;	/* number = code */
	uint32_t *rank;		/* by number: place in memcmp order */
	int32_t *order;		/* by place: number */
	int64_t rank_cap, order_cap;
	int64_t ranked;		/* names that rank and order cover */
};

/* The name's number, new or old; < 0 on failure. */
int32_t vmf_ids_add(struct vmf_ids *ids, const char *s, int64_t len,
    struct vmf_err *e) VMF_CHECK;

/* Bring rank and order up to date.  Names added later never change which of
 * two older ones is first, so what was sorted by older ranks stays sorted. */
int vmf_ids_rank(struct vmf_ids *ids, struct vmf_err *e) VMF_CHECK;

/* < 0, 0 or > 0 as name a comes before, is, or comes after name b. */
int vmf_ids_compare(const struct vmf_ids *ids, int32_t a, int32_t b);

/* Bytes held, those that ranks will need included. */
int64_t vmf_ids_bytes(const struct vmf_ids *ids);
void vmf_ids_free(struct vmf_ids *ids);

/* Bytes held by a dictionary of ours. */
int64_t vmf_dict_bytes(const struct vmf_dict *d);

/*
 * From the codes of a stream's dictionary to those of one of ours.  Only
 * strings that rows use are entered: a stream's dictionary may name VMs that
 * have no rows.
 */
struct vmf_remap {
	int32_t *to;		/* REMAP_NEW: not looked up yet */
	int64_t n, cap;
	uint64_t gen;		/* of the dictionary it was made for */
	bool made;
};

#define VMF_REMAP_NONE (-1)	/* the entry is a null */
#define VMF_REMAP_NEW (-2)

/* Make m fit the dictionary as it now is. */
int vmf_remap_begin(struct vmf_remap *m, const struct vmf_dict *from,
    struct vmf_err *e) VMF_CHECK;
/* Enter from's string code in to and in m; the new code, or < -2. */
int32_t vmf_remap_enter(struct vmf_remap *m, const struct vmf_dict *from,
    int32_t code, struct vmf_dict *to, struct vmf_err *e) VMF_CHECK;
void vmf_remap_free(struct vmf_remap *m);

#endif
