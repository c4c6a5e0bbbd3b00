/* SPDX-License-Identifier: MIT */
/* The synthetic fleet: its random numbers, followers, bounds. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gen/fleet.h"
#include "gen/gen.h"

#define START INT64_C(1704067200)

/* The first outputs of SplitMix64 for the seed 1234567, as published with
 * the algorithm (Vigna, splitmix64.c; Rosetta Code lists these). */
static void
test_random(void)
{
	static const uint64_t want[] = {
		UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
		UINT64_C(16408922859458223821),
	};

	for (uint64_t i = 0; i < 5; i++)
		assert(vmf_random(1234567, i) == want[i]);
}

static void
test_days(void)
{
	struct vmf_fleet f = { 0 };
	struct vmf_moment at[VMF_FLEET_LAGS];

	assert(vmf_fleet_init(&f, 1, 10, START, 300, 2016, NULL) == 0);
	/* A hill: nothing at midnight, all of it at noon, as steep on both
	 * sides. */
	assert(f.day[0] == 0 && f.day[720] == 65536);
	for (int m = 1; m < 1440; m++) {
		assert(f.day[m] == f.day[1440 - m]);
		assert(m > 720 || f.day[m] >= f.day[m - 1]);
	}
	/* 2024-01-01 is a Monday. */
	vmf_fleet_moments(&f, 0, at);
	assert(at[0].weekday == 0 && at[0].day_minute == 0);
	assert(at[0].hour_q == 0 && at[0].t == START);
	/* The lags look back, over midnight into Sunday. */
	assert(at[1].weekday == 6 && at[1].day_minute == 1435);
	assert(at[3].t == START - 900);
	vmf_fleet_moments(&f, 6 * 288 + 150, at);
	assert(at[0].weekday == 6 && at[0].day_minute == 750);
	assert(at[0].hour_q == 32768);
	vmf_fleet_free(&f);

	/* Before 1970 as well: 1969-12-29 was a Monday. */
	assert(vmf_fleet_init(&f, 1, 1, -3 * 86400, 60, 10, NULL) == 0);
	vmf_fleet_moments(&f, 0, at);
	assert(at[0].weekday == 0 && at[0].day_minute == 0);
	vmf_fleet_free(&f);
}

static void
test_fleet(void)
{
	enum { N = 1000, STEPS = 3 * 288 };
	struct vmf_fleet f = { 0 };
	int64_t (*load)[N] = calloc(STEPS, sizeof(*load));
	int64_t followed = 0, n_kind[VMF_VM_FOLLOWER + 1] = { 0 };

	assert(load != NULL);
	assert(vmf_fleet_init(&f, 5, N, START, 300, STEPS, NULL) == 0);
	for (int64_t t = 0; t < STEPS; t++) {
		struct vmf_moment at[VMF_FLEET_LAGS];
		struct vmf_sample s;

		vmf_fleet_moments(&f, t, at);
		for (int64_t i = 0; i < N; i++) {
			load[t][i] = -1;
			if (!vmf_fleet_sample(&f, i, at, &s))
				continue;
			load[t][i] = s.cpu;
			assert(s.cpu_min >= 0 && s.cpu_min <= s.cpu);
			assert(s.cpu_max >= s.cpu);
			assert(s.cpu_max <= 100 * VMF_PCT);
			assert(s.mem >= 0 && s.mem <= 100 * VMF_PCT);
			assert(s.net_rx >= 0 && s.net_tx >= 0);
			assert(t >= f.vm[i].first && t < f.vm[i].last);
			assert(!f.vm[i].silent);
		}
	}
	for (int64_t i = 0; i < N; i++) {
		const struct vmf_vm *v = &f.vm[i];

		n_kind[v->kind]++;
		if (v->kind != VMF_VM_FOLLOWER)
			continue;
		assert(v->leader < i);
		assert(f.vm[v->leader].kind != VMF_VM_FOLLOWER);
		for (int64_t t = v->lag; t < STEPS; t++) {
			int64_t lead = load[t - v->lag][v->leader];

			if (load[t][i] < 0 || lead < 0)
				continue;
			assert(llabs(load[t][i] - lead * v->share / 128) <=
			    v->fast + 1);
			followed++;
		}
	}
	for (int k = 0; k <= VMF_VM_FOLLOWER; k++)
		assert(n_kind[k] >= 10);
	assert(followed > 5000);
	vmf_fleet_free(&f);
	free(load);
}

/* Ids do not repeat even at their shortest. */
static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, VMF_GEN_ID_MIN);
}

static void
test_ids(void)
{
	struct vmf_gen_opts o = { .n_vms = 50000, .step_s = 300,
	    .n_steps = 1, .seed = 9, .id_len = VMF_GEN_ID_MIN };
	struct vmf_buf b = { 0 };
	struct vmf_gen *g;
	char (*id)[VMF_GEN_ID_MIN] = calloc((size_t)o.n_vms, sizeof(*id));
	const char *p, *end;
	int64_t n = 0;

	assert(id != NULL && vmf_gen_open(&g, &o, NULL) == 0);
	while (vmf_gen_next_place(g, &b, NULL) == 1)
		continue;
	p = memchr(b.p, '\n', (size_t)b.n);
	end = (char *)b.p + b.n;
	for (p++; p < end; p = (char *)memchr(p, '\n', (size_t)(end - p)) + 1)
		memcpy(id[n++], p, VMF_GEN_ID_MIN);
	assert(n > o.n_vms * 9 / 10 && n <= o.n_vms);
	qsort(id, (size_t)n, sizeof(*id), compare);
	for (int64_t i = 1; i < n; i++)
		assert(compare(id[i - 1], id[i]) != 0);
	vmf_gen_free(g);
	vmf_buf_free(&b);
	free(id);
}

int
main(void)
{
	test_random();
	test_days();
	test_fleet();
	test_ids();
	return 0;
}
