/* SPDX-License-Identifier: MIT */
/*
 * The gate of auto: a small network, shared by the fleet, that sees what the
 * parts of a VM's forecast say of a lead, and trusts them more or less than
 * what they lost so far does.  It is learned from windows of the past, as the
 * other models of the whole fleet are (global.h), and used inside of kq.
 *
 * Parts are the families of kq's members and, last, the other algorithms'
 * forecast.
 */
#ifndef VMF_GATE_H
#define VMF_GATE_H

#include <stdint.h>

#include "forecast/global.h"
#include "forecast/kq_mix.h"
#include "learn/mixer.h"

enum { VMF_GATE_OTHER = VMF_KQ_FAMILIES,
    VMF_GATE_PARTS = VMF_KQ_FAMILIES + 1,
    VMF_GATE_LEADS = 12,	/* of a window, to learn from */
    VMF_GATE_NETS = 3 };
_Static_assert((int)VMF_GATE_PARTS == (int)VMF_MIXER_PARTS, "one a part");

/* What the parts say of a lead: quantiles at vmf_kq_levels, and what they
 * count in the mixture and in that of the median. */
struct vmf_kq_part {
	int64_t lead;			/* from 0 */
	float size;			/* mean |y| of the past */
	float q[VMF_GATE_PARTS][VMF_KQ_LEVELS];
	float mass[2][VMF_GATE_PARTS];
};
/* Some leads of a forecast, asked for by lead, ascending, and filled in. */
struct vmf_kq_parts {
	int n;
	struct vmf_kq_part at[VMF_GATE_LEADS];
};

struct vmf_gate {
	struct vmf_mixer net[VMF_GATE_NETS];
	/* of the rows that it was learned from: mean masses without and with
	 * it, and what it took off the loss of the newest, as a share */
	float mass[2][VMF_GATE_PARTS], gain;
	float part;			/* of what the networks say: is done */
};

/* What each part's mass is multiplied by; day is in steps. */
void vmf_gate_factors(const struct vmf_gate *g, const struct vmf_kq_part *p,
    int64_t day, float factor[VMF_GATE_PARTS]);
/* The name of part k. */
const char *vmf_gate_part(int k);
/* Of a blob, which may be anything: VMF_EDATA. */
int vmf_gate_get(struct vmf_gate *g, const void *blob, int64_t bytes,
    struct vmf_err *e) VMF_CHECK;

extern const struct vmf_global_ops vmf_gate_ops;

#endif
