/* SPDX-License-Identifier: MIT */
#include "gen/fleet.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/time.h"

#define SLOT_MIN 240		/* at most one gap and one burst in each */
#define HOSTS_PER_CLUSTER 32
#define VMS_PER_HOST 16

/* What a random number of a VM is for; each use counts by itself. */
enum use {
	USE_PROFILE,
	USE_HOUR,
	USE_MEM,
	USE_SLOT,
	USE_SAMPLE,
	USE_MORE,
	N_USES,
};

static uint64_t
draw(const struct vmf_vm *v, enum use use, int64_t count)
{
	return vmf_random(v->key, (uint64_t)count * N_USES + use);
}

/* 0 to n - 1 from 16 of the bits. */
static int64_t
pick(uint64_t bits, int shift, int64_t n)
{
	return (int64_t)(bits >> shift & 0xffff) * n >> 16;
}

/* lo to hi - 1 millionths, from 16 of the bits; lo and hi in thousandths of
 * a percent. */
static int32_t
pick_load(uint64_t bits, int shift, int64_t lo, int64_t hi)
{
	return (int32_t)((lo * 1000) + pick(bits, shift, (hi - lo) * 1000));
}

/* How many of 1,000 VMs are of each kind, and the thousandths of a percent
 * between which their load, its swing and its noise lie. */
static const struct kind {
	int share;
	int base_lo, base_hi, amp_lo, amp_hi, slow, fast;
} kinds[] = {
	[VMF_VM_IDLE] = { 220, 0, 2000, 0, 1, 300, 900 },
	[VMF_VM_STEADY] = { 90, 5000, 45000, 0, 1, 4000, 3000 },
	[VMF_VM_CONSTANT] = { 40, 0, 30000, 0, 1, 0, 0 },
	[VMF_VM_OFFICE] = { 300, 2000, 12000, 15000, 60000, 5000, 4000 },
	[VMF_VM_WEB] = { 150, 5000, 20000, 10000, 50000, 4000, 3000 },
	[VMF_VM_BATCH] = { 100, 500, 4000, 40000, 90000, 500, 1500 },
	[VMF_VM_BURST] = { 60, 500, 5000, 30000, 90000, 500, 1000 },
	[VMF_VM_FOLLOWER] = { 40, 0, 1, 0, 1, 0, 1000 },
};

/* 65,536ths of the daily swing, Monday to Sunday. */
static const int32_t office_week[] = { 65536, 65536, 62259, 65536, 58982,
    13107, 9830 };
static const int32_t web_week[] = { 45875, 45875, 49152, 52428, 58982,
    65536, 62259 };

static void
vm_born(const struct vmf_fleet *f, struct vmf_vm *v, uint64_t bits)
{
	v->first = 0;
	v->last = f->n_steps;
	if (bits % 100 < 8)
		v->first = pick(bits, 16, f->n_steps);
	if (bits / 100 % 100 < 7)
		v->last = v->first + 1 +
		    pick(bits, 32, f->n_steps - v->first);
}

static void
vm_init(const struct vmf_fleet *f, int64_t i)
{
	static const uint16_t periods[] = { 60, 360, 1440, 1440 };
	struct vmf_vm *v = &f->vm[i];
	uint64_t a, b, c;
	int64_t n;
	int k = 0;

	v->key = vmf_random(f->seed, (uint64_t)i);
	a = draw(v, USE_PROFILE, 0);
	b = draw(v, USE_PROFILE, 1);
	c = draw(v, USE_PROFILE, 2);

	/* The first VM leads, so that every follower finds somebody. */
	n = i == 0 ? 500 : pick(a, 0, 1000);
	while (n >= kinds[k].share)
		n -= kinds[k++].share;
	v->kind = (uint8_t)k;
	v->base = pick_load(a, 16, kinds[k].base_lo, kinds[k].base_hi);
	v->amp = pick_load(a, 32, kinds[k].amp_lo, kinds[k].amp_hi);
	v->slow = (int32_t)pick(a, 48, kinds[k].slow * 1000 + 1);
	v->fast = (int32_t)pick(b, 0, kinds[k].fast * 1000 + 1);
	v->mem = pick_load(b, 16, 5000, 85000);
	v->period = periods[pick(b, 32, 4)];
	v->phase = (uint16_t)pick(b, 48, 1440);
	v->length = (uint16_t)(5 + pick(c, 0, v->period / 4));
	/* The hill is over midday: office hours, or evenings. */
	if (k == VMF_VM_OFFICE)
		v->phase = (uint16_t)((1440 - 30 + pick(b, 48, 120)) % 1440);
	else if (k == VMF_VM_WEB)
		v->phase = (uint16_t)(1440 - 360 - pick(b, 48, 180));
	v->leaks = pick(c, 16, 1000) < 30;
	v->silent = i > 0 && pick(c, 32, 1000) < 5;
	v->unlisted = i > 0 && !v->silent && pick(c, 48, 1000) < 5;
	vm_born(f, v, draw(v, USE_PROFILE, 3));

	if (k == VMF_VM_FOLLOWER) {
		a = draw(v, USE_PROFILE, 4);
		v->leader = (int32_t)(a >> 16 & 0x7fffffff) % (int32_t)i;
		while (f->vm[v->leader].kind == VMF_VM_FOLLOWER)
			v->leader--;
		v->lag = (uint8_t)(a & (VMF_FLEET_LAGS - 1));
		v->share = (uint8_t)(64 + (a >> 8 & 63));
	}
}

int
vmf_fleet_init(struct vmf_fleet *f, uint64_t seed, int64_t n, int64_t start,
    int64_t step_s, int64_t n_steps, struct vmf_err *e)
{
	assert(n > 0 && n <= INT32_MAX && step_s > 0 && n_steps > 0);
	f->seed = vmf_random(seed, 0);
	f->n = n;
	f->start = start;
	f->step_s = step_s;
	f->n_steps = n_steps;
	f->n_hosts = (n + VMS_PER_HOST - 1) / VMS_PER_HOST;
	f->vm = vmf_calloc(n, sizeof(*f->vm), e);
	if (f->vm == NULL)
		return VMF_ENOMEM;

	/*
	 * Bhaskara I's sine, a quotient of whole numbers within 0.2 % of the
	 * true one: libm's last digit is not the same everywhere.
	 */
	for (int64_t m = 0; m < 1440; m++) {
		int64_t p = m * (1440 - m);

		f->day[m] = (int32_t)(65536 * 16 * p /
		    (5 * 1440 * 1440 - 4 * p));
		/* Squared: nights are longer than peaks. */
		f->day[m] = (int32_t)((int64_t)f->day[m] * f->day[m] >> 16);
	}
	for (int64_t i = 0; i < n; i++)
		vm_init(f, i);
	return 0;
}

void
vmf_fleet_free(struct vmf_fleet *f)
{
	free(f->vm);
	f->vm = NULL;
}

void
vmf_fleet_moments(const struct vmf_fleet *f, int64_t step,
    struct vmf_moment at[VMF_FLEET_LAGS])
{
	for (int lag = 0; lag < VMF_FLEET_LAGS; lag++) {
		struct vmf_moment *m = &at[lag];
		int64_t hour_start;

		m->step = step - lag;
		m->t = f->start + m->step * f->step_s;
		hour_start = vmf_time_floor(m->t, 3600);
		m->minute = vmf_time_floor(m->t, 60) / 60;
		m->hour = hour_start / 3600;
		m->hour_q = (m->t - hour_start) * 65536 / 3600;
		m->slot = vmf_time_floor(m->minute, SLOT_MIN) / SLOT_MIN;
		m->slot_minute = (int)(m->minute - m->slot * SLOT_MIN);
		m->day_minute = (int)(m->minute -
		    vmf_time_floor(m->minute, 1440));
		/* The epoch began on a Thursday, day 3. */
		m->weekday = (int)((vmf_time_floor(m->minute, 1440) / 1440 %
		    7 + 7 + 3) % 7);
	}
}

/* -1 to 1 in 32,768ths, drifting from hour to hour. */
static int64_t
drift(const struct vmf_vm *v, enum use use, const struct vmf_moment *m)
{
	int64_t a = (int64_t)(draw(v, use, m->hour) & 0xffff) - 32768;
	int64_t b = (int64_t)(draw(v, use, m->hour + 1) & 0xffff) - 32768;

	return a + (b - a) * m->hour_q / 65536;
}

static int64_t
swing(const struct vmf_fleet *f, const struct vmf_vm *v,
    const struct vmf_moment *m, const int32_t week[7])
{
	int at = m->day_minute + v->phase;

	return (int64_t)v->amp * f->day[at < 1440 ? at : at - 1440] / 65536 *
	    week[m->weekday] / 65536;
}

static int64_t
clamp_pct(int64_t load)
{
	return load < 0 ? 0 : load > 100 * VMF_PCT ? 100 * VMF_PCT : load;
}

/* Load of a VM that follows nobody; sample and slot are its random bits of
 * this step and of this stretch. */
static int64_t
own_load(const struct vmf_fleet *f, const struct vmf_vm *v,
    const struct vmf_moment *m, uint64_t sample, uint64_t slot)
{
	int64_t load = v->base, at;

	switch (v->kind) {
	case VMF_VM_CONSTANT:
		return load;
	case VMF_VM_OFFICE:
		load += swing(f, v, m, office_week);
		break;
	case VMF_VM_WEB:
		load += swing(f, v, m, web_week);
		break;
	case VMF_VM_BATCH:
		at = m->day_minute + v->phase;
		if (at % v->period < v->length)
			load += v->amp;
		break;
	case VMF_VM_BURST:
		at = m->slot_minute - pick(slot, 16, SLOT_MIN - 60);
		if ((slot & 7) == 0 && at >= 0 && at < 5 + pick(slot, 32, 55))
			load += v->amp;
		break;
	default:
		break;
	}
	load += v->slow * drift(v, USE_HOUR, m) / 32768;
	load += v->fast * ((int64_t)(sample & 0xffff) - 32768) / 32768;
	return clamp_pct(load);
}

static int64_t
memory(const struct vmf_vm *v, const struct vmf_moment *m)
{
	int64_t mem = v->mem + 5 * VMF_PCT * drift(v, USE_MEM, m) / 32768;

	/* A third of a percent an hour, restarted after four days. */
	if (v->leaks)
		mem += (m->hour + v->phase) % 96 * VMF_PCT / 3;
	return clamp_pct(mem);
}

bool
vmf_fleet_sample(const struct vmf_fleet *f, int64_t i,
    const struct vmf_moment at[VMF_FLEET_LAGS], struct vmf_sample *s)
{
	const struct vmf_vm *v = &f->vm[i];
	const struct vmf_moment *m = &at[0];
	uint64_t slot, bits, more;
	int64_t from, spread;

	if (v->silent || m->step < v->first || m->step >= v->last)
		return false;
	slot = draw(v, USE_SLOT, m->slot);
	bits = draw(v, USE_SAMPLE, m->t);
	/* A gap in one stretch of 100, 5 minutes to 2 hours long; and one
	 * sample of 1,024 is lost by itself. */
	from = m->slot_minute - pick(slot, 16, SLOT_MIN);
	if (pick(slot, 48, 100) == 0 && from >= 0 &&
	    from < 5 + pick(slot, 32, 115))
		return false;
	if ((bits >> 54) == 0)
		return false;

	if (v->kind == VMF_VM_FOLLOWER) {
		const struct vmf_vm *l = &f->vm[v->leader];
		const struct vmf_moment *then = &at[v->lag];

		s->cpu = own_load(f, l, then, draw(l, USE_SAMPLE, then->t),
		    draw(l, USE_SLOT, then->slot)) * v->share / 128;
		s->cpu += v->fast * ((int64_t)(bits & 0xffff) - 32768) /
		    32768;
		s->cpu = clamp_pct(s->cpu);
	} else {
		s->cpu = own_load(f, v, m, bits, slot);
	}
	s->mem = memory(v, m);

	more = draw(v, USE_MORE, m->t);
	spread = v->kind == VMF_VM_CONSTANT ? 0 : s->cpu / 4 + VMF_PCT / 2;
	s->cpu_min = clamp_pct(s->cpu - spread * (int64_t)(more & 0xffff) /
	    65536);
	s->cpu_max = clamp_pct(s->cpu + spread *
	    (int64_t)(more >> 16 & 0xffff) / 32768);
	/* A vCPU at full load moves some 10 MB/s, each VM in its own way. */
	s->net_rx = s->cpu / 1000 * (1 + (v->phase & 127)) +
	    (int64_t)(more >> 32 & 0x3fff);
	s->net_tx = s->cpu / 1000 * (1 + (v->phase >> 4 & 127)) +
	    (int64_t)(more >> 48 & 0x3fff);

	from = (int64_t)(bits >> 16 & 0xfff);
	s->no_mem = (bits >> 28 & 0x3ff) == 0;
	s->twice = from < 8;
	s->conflict = from == 8;
	return true;
}

struct vmf_place
vmf_fleet_place(const struct vmf_fleet *f, int64_t i)
{
	static const uint8_t vcpus[] = { 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 8, 8,
	    8, 16, 32 };
	uint64_t bits = draw(&f->vm[i], USE_PROFILE, 5);
	struct vmf_place p;

	p.host = (int64_t)((bits >> 32) % (uint64_t)f->n_hosts);
	p.cluster = p.host / HOSTS_PER_CLUSTER;
	p.vcpus = vcpus[bits & 15];
	p.mem_mb = p.vcpus * (INT64_C(1024) << (bits >> 4 & 3));
	return p;
}
