/* SPDX-License-Identifier: MIT */
/*
 * A synthetic fleet: what each VM is and what it does at any moment.
 *
 * Everything is a pure function of (seed, VM, moment), in whole numbers and
 * with random numbers of our own, so that the same seed gives the same fleet
 * on every machine, in any order, and a VM is the same one in a larger
 * fleet.  Loads are in millionths of a percent: 100 % is 100,000,000.
 */
#ifndef VMF_FLEET_H
#define VMF_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define VMF_PCT ((int64_t)1000000)	/* one percent of load */

#define VMF_FLEET_LAGS 4	/* a follower is 0 to 3 steps behind */

enum vmf_vm_kind {
	VMF_VM_IDLE,
	VMF_VM_STEADY,
	VMF_VM_CONSTANT,
	VMF_VM_OFFICE,		/* working hours, quiet weekends */
	VMF_VM_WEB,		/* evenings, busy weekends */
	VMF_VM_BATCH,		/* jobs that begin on a fixed minute */
	VMF_VM_BURST,		/* mostly idle, sometimes flat out */
	VMF_VM_FOLLOWER,	/* does what another does, a little later */
};

struct vmf_vm {
	uint64_t key;		/* of all its random numbers */
	int64_t first, last;	/* steps it lives: [first, last) */
	int32_t base, amp;	/* load, millionths of a percent */
	int32_t slow, fast;	/* largest noise: over hours, of one sample */
	int32_t mem;		/* the same unit, of its memory */
	int32_t leader;		/* index of the VM that it follows */
	uint16_t phase, period, length;	/* minutes */
	uint8_t lag;		/* steps behind the leader */
	uint8_t share;		/* 128ths of the leader's load */
	uint8_t kind;		/* enum vmf_vm_kind */
	bool silent;		/* in the inventory, but never sends */
	bool unlisted;		/* sends, but is not in the inventory */
	bool leaks;		/* memory climbs until a restart */
};

/* What all VMs share at one moment. */
struct vmf_moment {
	int64_t step;		/* counted from the fleet's first */
	int64_t t;		/* seconds since the epoch */
	int64_t minute;		/* since the epoch */
	int64_t hour, hour_q;	/* hour since the epoch; 65,536ths of it gone */
	int64_t slot;		/* four hours: a gap and a burst at most */
	int slot_minute;
	int day_minute;		/* 0 to 1,439 */
	int weekday;		/* 0 is Monday */
};

struct vmf_fleet {
	uint64_t seed;
	int64_t start;		/* seconds since the epoch */
	int64_t step_s;
	int64_t n_steps;
	int64_t n;		/* VMs */
	int64_t n_hosts;
	struct vmf_vm *vm;
	int32_t day[1440];	/* a hill of half a sine, 0 to 65,536 */
};

/* One sample; flags say what else happens to it. */
struct vmf_sample {
	int64_t cpu, cpu_min, cpu_max, mem;	/* millionths of a percent */
	int64_t net_rx, net_tx;			/* thousandths of KB/s */
	bool no_mem;		/* the field is empty */
	bool twice;		/* sent once more, the same */
	bool conflict;		/* sent once more, with other values */
};

/*
 * n VMs (1 to 2^31 - 1) over n_steps of step_s seconds from start.  f must be
 * { 0 }; it takes 72 bytes a VM, freed by vmf_fleet_free.
 */
int vmf_fleet_init(struct vmf_fleet *f, uint64_t seed, int64_t n,
    int64_t start, int64_t step_s, int64_t n_steps, struct vmf_err *e)
    VMF_CHECK;
void vmf_fleet_free(struct vmf_fleet *f);

/* The moments of a step and of the VMF_FLEET_LAGS - 1 before it: at[0] is
 * the step's own. */
void vmf_fleet_moments(const struct vmf_fleet *f, int64_t step,
    struct vmf_moment at[VMF_FLEET_LAGS]);

/* True, and s filled, where VM i sends a sample at this step; false in gaps
 * and when it does not live. */
bool vmf_fleet_sample(const struct vmf_fleet *f, int64_t i,
    const struct vmf_moment at[VMF_FLEET_LAGS], struct vmf_sample *s);

/* The inventory's view of VM i. */
struct vmf_place {
	int64_t host, cluster;
	int64_t vcpus, mem_mb;
};
struct vmf_place vmf_fleet_place(const struct vmf_fleet *f, int64_t i);

#endif
