/* SPDX-License-Identifier: MIT */
/*
 * Who is bound by the inventory, and planned under another name: a VM that
 * the inventory calls VM7 and the samples vm7, or vm7.example.com:9100, is
 * two.  What binds it (pinned, deadline, anti_affinity) then binds nobody who
 * is moved.
 */
#ifndef VMF_BINDS_H
#define VMF_BINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "series/join.h"

#define VMF_BINDS_DOUBT 1800

struct vmf_binds {
	const struct vmf_inventory *inv;
	bool *bound;		/* by row of it: does it bind this VM? */
	bool *seen;		/* alike: has the VM samples? */
	char **alike;		/* alike: another VM's name that may be its;
				 * NULL: none so far */
	struct vmf_dict name, shorter;	/* in small letters, without a port:
					 * of those bound, and what is before
					 * each '.' of these */
	int64_t *name_row, name_cap, *shorter_row, shorter_cap;
	/* counted: VMs with samples, and those of them that inv lacks */
	int64_t n_vms, n_unknown;
};

/* b is { 0 }; inv stays the caller's, and has to outlive it. */
int vmf_binds_open(struct vmf_binds *b, const struct vmf_inventory *inv,
    struct vmf_err *e) VMF_CHECK;
/* A VM that has samples. */
int vmf_binds_vm(struct vmf_binds *b, const char *id, int64_t len,
    struct vmf_err *e) VMF_CHECK;
/*
 * After all VMs: is there something to doubt?  Then text is a line of it,
 * without its end.  Where each VM with samples is in the inventory, none can
 * be another one of its names.
 */
bool vmf_binds_doubt(const struct vmf_binds *b, char text[VMF_BINDS_DOUBT]);
void vmf_binds_free(struct vmf_binds *b);

#endif
