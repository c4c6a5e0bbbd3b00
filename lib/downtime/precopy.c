/* SPDX-License-Identifier: MIT */
#include "downtime/precopy.h"

#include <math.h>

#define GIB 1073741824.0
#define GBIT_S 125000000.0
#define LIMIT_MS 300.0

static double
known(double v, double otherwise)
{
	return v > 0.0 && isfinite(v) ? v : otherwise;
}

/* The share of its speed that auto-converge leaves the guest. */
static double
throttled(int round)
{
	double slow = round < 2 ? 0.0 : 0.2 + 0.1 * (double)((round - 2) / 2);

	return 1.0 - (slow < 0.99 ? slow : 0.99);
}

static void
rounds(const struct vmf_precopy_in *in, double all, double speed,
    struct vmf_precopy *p)
{
	double dirty = known(in->dirty_bytes_s, 0.0), left = all;
	double limit = known(in->limit_ms, LIMIT_MS) / 1000.0;

	while (left / speed > limit && p->rounds < VMF_PRECOPY_ROUNDS) {
		double t = left / speed;
		double rate = dirty * (in->auto_converge ?
		    throttled(p->rounds) : 1.0);

		p->bytes += left;
		p->total_ms += 1000.0 * t;
		p->rounds++;
		left = rate * t < all ? rate * t : all;
		if (in->mode == VMF_MODE_HYBRID)
			break;
	}
	p->converges = left / speed <= limit ||
	    in->mode == VMF_MODE_HYBRID;
	p->bytes += left;
	p->total_ms += 1000.0 * left / speed + VMF_PRECOPY_SWITCH_MS;
	p->downtime_ms = VMF_PRECOPY_SWITCH_MS +
	    (in->mode == VMF_MODE_HYBRID ? 0.0 : 1000.0 * left / speed);
}

struct vmf_precopy
vmf_precopy(const struct vmf_precopy_in *in)
{
	double all = known(in->bytes, GIB);
	double speed = known(in->bandwidth_bytes_s, GBIT_S);
	struct vmf_precopy p = { .converges = true };

	if (in->mode == VMF_MODE_PRECOPY || in->mode == VMF_MODE_HYBRID) {
		rounds(in, all, speed, &p);
		return p;
	}
	p.bytes = all;
	p.total_ms = 1000.0 * all / speed + VMF_PRECOPY_SWITCH_MS;
	p.downtime_ms = in->mode == VMF_MODE_STOPCOPY ? p.total_ms :
	    VMF_PRECOPY_SWITCH_MS;
	return p;
}
