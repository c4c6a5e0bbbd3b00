/* SPDX-License-Identifier: MIT */
/*
 * Tilts of kinds: that they find which part is right, that those of few rows
 * are drawn to 0, and their slope against differences of the loss; clusters:
 * traits by hand, and that neither the order of VMs nor a factor matters.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/cluster.h"
#include "learn/tilt.h"
#include "check.h"

enum { PARTS = VMF_MIXER_PARTS, N = 600, KINDS = 5 };

static uint32_t state = 7;

/* Of [0, 1). */
static float
draw(void)
{
	state = state * 1664525u + 1013904223u;
	return (float)((double)(state >> 8) / 16777216.0);
}

/* Part k stands for the value k, and y comes. */
static void
make_row(struct vmf_mixer_row *r, float y)
{
	int pair = 0;

	memset(r, 0, sizeof(*r));
	for (int k = 0; k < PARTS; k++) {
		r->mass[0][k] = 1.0f / PARTS;
		r->miss[k] = fabsf((float)k - y);
		for (int l = 0; l <= k; l++)
			r->apart[pair++] = (float)(k - l);
	}
}

/* Kinds 0 and 1 are of leads, 2 and 3 of clusters; of 4 there is no row.
 * Part 1 is right in cluster 2, of most rows, and part 6 in cluster 3. */
static void
make(struct vmf_tilt_rows *r, int few)
{
	struct vmf_mixer_row *row = calloc(N, sizeof(*row));
	uint8_t (*kind)[VMF_TILT_KINDS] = calloc(N, sizeof(*kind));
	float *weight = calloc(N, sizeof(*weight));

	if (row == NULL || kind == NULL || weight == NULL)
		exit(1);
	for (int i = 0; i < N; i++) {
		bool is_few = i < few;

		kind[i][0] = (uint8_t)(i % 2);
		kind[i][1] = is_few ? 3 : 2;
		weight[i] = 0.5f + draw();
		make_row(&row[i], (is_few ? 6.0f : 1.0f) + draw() - 0.5f);
	}
	*r = (struct vmf_tilt_rows){ .n = N, .row = row, .weight = weight,
	    .kind = kind };
}

static void
done(struct vmf_tilt_rows *r)
{
	free((void *)(uintptr_t)r->row);
	free((void *)(uintptr_t)r->weight);
	free((void *)(uintptr_t)r->kind);
}

static int
best(float (*tilt)[PARTS], int cluster)
{
	int k = 0;

	for (int l = 1; l < PARTS; l++)
		if (tilt[0][l] + tilt[cluster][l] > tilt[0][k] +
		    tilt[cluster][k])
			k = l;
	return k;
}

static double
size_of(const float *tilt)
{
	double sum = 0.0;

	for (int k = 0; k < PARTS; k++)
		sum += fabs((double)tilt[k]);
	return sum;
}

static void
test_learn(void)
{
	float tilt[KINDS][PARTS], again[KINDS][PARTS], few[KINDS][PARTS];
	struct vmf_tilt_rows r;
	struct vmf_err e = { "" };
	double before, after;

	make(&r, N / 3);
	check(vmf_tilt_learn(tilt, KINDS, &r, 1e-3f, &e) == 0, "it learns");
	before = vmf_tilt_loss(NULL, &r);
	after = vmf_tilt_loss(tilt, &r);
	check(after < 0.5 * before, "the loss falls by half");
	check(best(tilt, 2) == 1 && best(tilt, 3) == 6,
	    "the part that is right");
	check(!(size_of(tilt[4]) > 0.0), "no rows, no tilt");
	check(vmf_tilt_learn(again, KINDS, &r, 1e-3f, &e) == 0 &&
	    memcmp(tilt, again, sizeof(tilt)) == 0, "the same bits");
	check(vmf_tilt_learn(again, KINDS, &r, 1.0f, &e) == 0 &&
	    size_of(again[3]) < 0.3 * size_of(tilt[3]), "a pull to 0");
	/* The least loss is where it is level: no tilt alone makes it less. */
	check(vmf_tilt_learn(again, KINDS, &r, 0.1f, &e) == 0, "once more");
	for (int k = 0; k < PARTS; k++)
		for (int s = -1; s <= 1; s += 2) {
			double was, is, t = (double)again[3][k];

			was = vmf_tilt_loss(again, &r) + 0.05 * t * t;
			again[3][k] = (float)(t + 0.1 * s);
			is = vmf_tilt_loss(again, &r) + 0.05 *
			    (double)again[3][k] * (double)again[3][k];
			again[3][k] = (float)t;
			check(is >= was - 2e-3, "the least loss");
		}
	done(&r);
	make(&r, 6);
	check(vmf_tilt_learn(few, KINDS, &r, 0.1f, &e) == 0 &&
	    size_of(few[3]) < 0.8 * size_of(again[3]),
	    "few rows are drawn to 0");
	for (int i = 0; i < 6; i++)
		((float *)(uintptr_t)r.weight)[i] = 0.0f;
	check(vmf_tilt_learn(few, KINDS, &r, 0.1f, &e) == 0 &&
	    !(size_of(few[3]) > 0.0) && best(few, 2) == 1,
	    "rows that count nothing");
	for (int i = 0; i < N; i++)
		((float *)(uintptr_t)r.weight)[i] = 0.0f;
	check(vmf_tilt_learn(few, KINDS, &r, 1e-3f, &e) == 0 &&
	    !(size_of(few[0]) + size_of(few[2]) > 0.0), "nothing counts");
	done(&r);
}

static void
test_clusters(void)
{
	static const double y[] = { 3.0, NAN, 1.0, 2.0, 2.0 };
	static const double zero[] = { 0.0, 0.0 };
	struct vmf_trait t[100], back[100], got = vmf_trait_of(y, 5);
	struct vmf_clusters c, d;
	struct vmf_err e = { "" };
	int count[VMF_CLUSTERS] = { 0 };
	char name[VMF_CLUSTER_NAME];
	bool same = true;

	check(fabs((double)got.size - 2.0) < 1e-6 &&
	    fabs((double)got.vary - sqrt(0.5) / 2.0) < 1e-6, "traits");
	got = vmf_trait_of(zero, 2);
	check(!(got.size > 0.0f) && !(got.vary > 0.0f), "no load");
	for (int i = 0; i < 100; i++) {
		t[i] = (struct vmf_trait){ 1000.0f * draw(), draw() };
		back[99 - i] = t[i];
	}
	check(vmf_clusters_find(&c, t, 100, &e) == 0 &&
	    vmf_clusters_find(&d, back, 100, &e) == 0 &&
	    memcmp(&c, &d, sizeof(c)) == 0, "the order of VMs");
	for (int i = 0; i < 100; i++)
		count[vmf_cluster_of(&c, t[i])]++;
	check(count[0] + count[1] == 50 && count[2] + count[3] == 40 &&
	    count[4] + count[5] == 10 && count[0] + count[2] + count[4] == 50,
	    "half, nine tenths, and half of those that vary");
	for (int i = 0; i < 100; i++)
		back[i] = (struct vmf_trait){ 8.0f * t[i].size, t[i].vary };
	check(vmf_clusters_find(&d, back, 100, &e) == 0, "8 times as large");
	for (int i = 0; i < 100; i++)
		same = same && vmf_cluster_of(&c, t[i]) ==
		    vmf_cluster_of(&d, back[i]);
	check(same, "a factor");
	check(vmf_cluster_of(&c, (struct vmf_trait){ 1e9f, 1e9f }) ==
	    VMF_CLUSTERS - 1 && vmf_cluster_of(&c, (struct vmf_trait){ 0.0f,
	    0.0f }) == 0, "one that was not there");
	vmf_cluster_name(VMF_CLUSTERS - 1, name);
	check(strcmp(name, "the largest varying") == 0, "its name");
}

int
main(void)
{
	test_learn();
	test_clusters();
	return failures > 0;
}
