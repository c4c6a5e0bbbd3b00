/* SPDX-License-Identifier: MIT */
/*
 * How a live migration goes by arithmetic alone: rounds over memory, each of
 * which sends what was written to during the one before (Clark et al., "Live
 * Migration of Virtual Machines", NSDI 2005), until what is left can be sent
 * within the downtime limit.
 */
#ifndef VMF_PRECOPY_H
#define VMF_PRECOPY_H

#include <stdbool.h>

enum vmf_move_mode {
	VMF_MODE_PRECOPY,	/* also where nothing is said */
	VMF_MODE_POSTCOPY,
	VMF_MODE_HYBRID,	/* one round of pre-copy, then post-copy */
	VMF_MODE_STOPCOPY,
};

/* NaN: not known. */
struct vmf_precopy_in {
	enum vmf_move_mode mode;
	bool auto_converge;
	double bytes;		/* to be sent at first; 1 GiB where not known */
	double dirty_bytes_s;	/* 0 where not known */
	double bandwidth_bytes_s;	/* 1 Gbit/s where not known */
	double limit_ms;	/* 300, QEMU's own, where not known */
};

struct vmf_precopy {
	double downtime_ms, total_ms, bytes;
	int rounds;
	bool converges;		/* false: it ends only because rounds are
				 * counted, and the guest is stopped with
				 * more left than the limit allows */
};

#define VMF_PRECOPY_ROUNDS 100		/* at most */
#define VMF_PRECOPY_SWITCH_MS 10.0	/* of every downtime: devices, CPUs */

/*
 * Rounds: V(0) = bytes, t(i) = V(i) / bandwidth, V(i+1) = min(bytes, dirty
 * rate x t(i)), until V(i) / bandwidth is within the limit.  With
 * auto-converge the guest is slowed down by 20 % from the third round on
 * and by 10 % more every second round, at most 99 %, as QEMU does it, and
 * its dirty rate with it.
 */
struct vmf_precopy vmf_precopy(const struct vmf_precopy_in *in);

#endif
