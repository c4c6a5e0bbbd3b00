/* SPDX-License-Identifier: MIT */
/* lib/series: sorting, and spilling in more runs than one merge takes. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "series/accum.h"
#include "series/exact.h"
#include "series/sorter.h"

#undef NDEBUG

#define N_IDS 100

static const char *tmpdir;

/* Deterministic, and good enough to be without order. */
static uint64_t
next(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return *x >> 33;
}

struct row {
	struct vmf_rec key;
	int64_t no;		/* in which it came */
};

static void
make_ids(struct vmf_ids *ids)
{
	char name[16];

	/* The first is the last in order. */
	for (int i = 0; i < N_IDS; i++) {
		snprintf(name, sizeof(name), "v%03d", N_IDS - i);
		assert(vmf_ids_add(ids, name, 4, NULL) == i);
	}
}

static int
compare_times(const struct vmf_key *a, const struct vmf_key *b)
{
	return (a->t > b->t) - (a->t < b->t);
}

static int
compare_ranks(const struct vmf_key *a, const struct vmf_key *b)
{
	return (a->rank > b->rank) - (a->rank < b->rank);
}

static void
keys(enum vmf_order order, int64_t n, int64_t t0, uint64_t t_range,
    uint64_t ranks)
{
	struct vmf_key *k = calloc((size_t)n, sizeof(*k));
	struct vmf_key *tmp = calloc((size_t)n, sizeof(*k));
	uint64_t x = 7;

	assert(k != NULL && tmp != NULL);
	for (int64_t i = 0; i < n; i++) {
		/* Two draws: one has 31 bits. */
		uint64_t wide = next(&x) << 31 ^ next(&x);

		k[i] = vmf_key((int64_t)((uint64_t)t0 + wide % t_range),
		    (uint32_t)(next(&x) % ranks), i);
	}
	vmf_keys_sort(k, tmp, n, order);
	for (int64_t i = 1; i < n; i++) {
		int t = compare_times(&k[i - 1], &k[i]);
		int r = compare_ranks(&k[i - 1], &k[i]);
		int c = order == VMF_ORDER_VM_TIME ? (r != 0 ? r : t) :
		    (t != 0 ? t : r);

		assert(c < 0 || (c == 0 && k[i - 1].at < k[i].at));
	}
	free(k);
	free(tmp);
}

static void
sorted_keys(void)
{
	for (int o = 0; o < 2; o++) {
		keys((enum vmf_order)o, 1, 0, 1, 1);
		keys((enum vmf_order)o, 5000, 0, 1, 1);
		keys((enum vmf_order)o, 5000, 1375308176, 2678400, 500);
		keys((enum vmf_order)o, 5000, -1000, 2000, 3);
		keys((enum vmf_order)o, 5000, INT64_MIN, (uint64_t)1 << 62,
		    UINT32_MAX);
		keys((enum vmf_order)o, 5000, INT64_MAX - 100, 100, 1 << 20);
	}
}

/* Rows in runs of run_rows, merged within mem_bytes. */
static void
sorter(int64_t n, int64_t run_rows, int64_t mem_bytes)
{
	struct vmf_err e = { "" };
	struct vmf_ids ids = { 0 };
	struct vmf_sorter s;
	const struct vmf_rec *rec;
	struct row last = { .key.id = -1 };
	uint64_t x = 1;
	int64_t got = 0;

	make_ids(&ids);
	vmf_sorter_init(&s, tmpdir, sizeof(struct row));
	for (int64_t i = 0; i < n; i++) {
		struct row *r;

		if (s.n == run_rows)
			assert(vmf_sorter_flush(&s, &ids, &e) == 0);
		r = vmf_sorter_room(&s, 1, &e);
		assert(r != NULL);
		/* Few keys: many ties, which keep the order they came in. */
		*r = (struct row){ .key.t = (int64_t)(next(&x) % 20) - 10,
		    .key.id = (int32_t)(next(&x) % N_IDS), .no = i };
		s.n++;
	}
	assert(vmf_sorter_finish(&s, &ids, mem_bytes, &e) == 0);
	while (vmf_sorter_next(&s, &rec, &e) > 0) {
		struct row r;

		memcpy(&r, rec, sizeof(r));
		if (last.key.id >= 0) {
			int c = vmf_ids_compare(&ids, last.key.id, r.key.id);

			assert(c < 0 || (c == 0 && (last.key.t < r.key.t ||
			    (last.key.t == r.key.t && last.no < r.no))));
		}
		last = r;
		got++;
	}
	assert(got == n);
	assert((s.spill.written > 0) == (n > run_rows));
	vmf_sorter_free(&s);
	vmf_ids_free(&ids);
}

/* Partial sums of one step in many runs are added. */
static void
accumulators(void)
{
	struct vmf_err e = { "" };
	struct vmf_ids ids = { 0 };
	struct vmf_accum a;
	int64_t n, rounds = 200;
	uint8_t *seg;

	make_ids(&ids);
	assert(vmf_accum_init(&a, 2, VMF_ACC_SUM | VMF_ACC_MAX | VMF_ACC_MIN,
	    tmpdir, &e) == 0);
	for (int64_t round = 0; round < rounds; round++) {
		for (int32_t id = 0; id < N_IDS; id += 7) {
			/* Steps -9 and 1000: segments -2 and 125. */
			for (int64_t step = -9; step < 2000; step += 1009) {
				int k = (int)(step & (VMF_SEG_STEPS - 1));
				void *p = vmf_accum_at(&a, id, step, &e);

				assert(p != NULL);
				vmf_seg_sum(&a.layout, p, 1)[k] += id;
				vmf_seg_count(&a.layout, p, 1)[k]++;
				vmf_seg_max(&a.layout, p, 1)[k] =
				    (float)round;
				vmf_seg_min(&a.layout, p, 1)[k] =
				    (float)-round;
			}
		}
		if (round % 2 == 0)
			assert(vmf_accum_flush(&a, &ids, &e) == 0);
	}
	assert(vmf_accum_finish(&a, &ids, 1, &e) == 0);
	for (int i = 0; i < N_IDS; i++) {
		int32_t id = ids.order[i];

		assert(vmf_accum_next(&a, id, &seg, &n, &e) == 0);
		assert(n == (id % 7 == 0 ? 2 : 0));
		if (n == 0)
			continue;
		assert(((struct vmf_rec *)(void *)seg)->t == -2);
		assert(vmf_seg_count(&a.layout, seg, 1)[7] == rounds);
		assert(vmf_seg_sum(&a.layout, seg, 1)[7] ==
		    (double)(id * rounds));
		assert(vmf_seg_max(&a.layout, seg, 1)[7] ==
		    (float)(rounds - 1));
		assert(vmf_seg_min(&a.layout, seg, 1)[7] ==
		    (float)(1 - rounds));
		assert(vmf_seg_count(&a.layout, seg, 0)[7] == 0);
		seg += a.layout.rec_bytes;
		assert(((struct vmf_rec *)(void *)seg)->t == 125);
		assert(vmf_seg_count(&a.layout, seg, 1)[0] == rounds);
	}
	vmf_accum_free(&a);
	vmf_ids_free(&ids);
}

/* The page holds what segments would: values of steps that come and go, too
 * few rows of a step to turn it, entities that come later, and spilling. */
static void
pages(void)
{
	struct vmf_err e = { "" };
	struct vmf_ids ids = { 0 };
	struct vmf_accum a;
	struct vmf_page_cell *page, *c;
	int64_t n, want[2][8] = { { 0 } }, in_segments = 0;
	uint8_t *seg;

	make_ids(&ids);
	assert(vmf_accum_init(&a, 2, VMF_ACC_SUM | VMF_ACC_MAX | VMF_ACC_MIN,
	    tmpdir, &e) == 0);
	for (int64_t round = 0; round < 60; round++) {
		int64_t step = round % 10 < 8 ? round / 10 : 6 + round % 2;
		int64_t n_ids = round < 20 ? N_IDS / 2 : N_IDS;
		int64_t rows = round % 10 < 8 ? n_ids : 1;

		/* Once so little that the page has no room either. */
		assert(vmf_accum_room(&a, 1, round == 41 ? 1000 :
		    round % 3 == 0 ? 40000 : 1 << 20, &ids, &e) == 0);
		assert(vmf_accum_page(&a, step, rows, &ids, &page, &e) == 0);
		for (int32_t id = 0; id < rows; id++) {
			double x = id + (double)round / 64, *sum;
			void *p = NULL;

			want[id == N_IDS - 1][step]++;
			if (page == NULL) {
				in_segments++;
				p = vmf_accum_at(&a, id, step, &e);
				vmf_seg_count(&a.layout, p, 1)[step]++;
				assert(vmf_accum_sum(&a, p, id, step, 1, x,
				    &e) == 0);
				sum = vmf_seg_sum(&a.layout, p, 1);
				assert(isfinite(sum[step]));
				continue;
			}
			c = page + 2 * id + 1;
			c->used = 1;
			c->count++;
			assert(vmf_accum_page_sum(&a, c, id, 1, x, &e) == 0);
			c->max = !(c->max >= (float)x) ? (float)x : c->max;
			c->min = !(c->min <= (float)x) ? (float)x : c->min;
		}
		if (round % 17 == 16)
			assert(vmf_accum_flush(&a, &ids, &e) == 0);
	}
	assert(in_segments > 0);
	assert(vmf_accum_finish(&a, &ids, 1, &e) == 0);
	for (int i = 0; i < N_IDS; i++) {
		int32_t id = ids.order[i];

		assert(vmf_accum_next(&a, id, &seg, &n, &e) == 0);
		assert(n == 1);
		if (id != N_IDS - 1)
			continue;
		for (int64_t k = 0; k < 6; k++) {
			double sum = 0.0;

			for (int64_t j = 0; k >= 2 && j < 8; j++)
				sum += id + (double)(10 * k + j) / 64;
			assert(vmf_seg_count(&a.layout, seg, 1)[k] ==
			    want[1][k] && want[1][k] == (k < 2 ? 0 : 8));
			assert(vmf_seg_sum(&a.layout, seg, 1)[k] == sum);
			assert(k < 2 || vmf_seg_max(&a.layout, seg, 1)[k] ==
			    (float)(id + (double)(10 * k + 7) / 64));
			assert(k < 2 || vmf_seg_min(&a.layout, seg, 1)[k] ==
			    (float)(id + (double)(10 * k) / 64));
			assert(vmf_seg_count(&a.layout, seg, 0)[k] == 0);
		}
	}
	vmf_accum_free(&a);
	vmf_ids_free(&ids);
}

/* What is in the file is not what was written: one line, and no more. */
static void
damaged(int how)
{
	struct vmf_err e = { "" };
	struct vmf_ids ids = { 0 };
	struct vmf_accum a;
	int64_t n, end;
	uint8_t *seg, byte = 0xff;
	void *p;
	int rc;

	make_ids(&ids);
	assert(vmf_accum_init(&a, 3, VMF_ACC_SUM | VMF_ACC_MAX, tmpdir, &e) ==
	    0);
	for (int run = 0; run < 2; run++) {
		for (int32_t id = 0; id < N_IDS; id++) {
			p = vmf_accum_at(&a, id, 5, &e);
			vmf_seg_count(&a.layout, p, 1)[5] = 1;
			vmf_seg_sum(&a.layout, p, 1)[5] = id;
			vmf_seg_max(&a.layout, p, 1)[5] = (float)id;
		}
		assert(vmf_accum_flush(&a, &ids, &e) == 0);
	}
	/* t, id, three masks and 16 bytes each. */
	end = 2 * N_IDS * (8 + 4 + 3 + 16);
	assert(a.spill.end == end && a.spill.written == end);
	if (how == 0)
		assert(ftruncate(a.spill.fd, end - 1) == 0);
	else if (how == 1)	/* the last's mask */
		assert(pwrite(a.spill.fd, &byte, 1, end - 18) == 1);
	else			/* the first's id */
		assert(pwrite(a.spill.fd, &byte, 1, how == 2 ? 8 : 11) == 1);
	rc = vmf_accum_finish(&a, &ids, 1 << 20, &e);
	for (int i = 0; rc == 0 && i < N_IDS; i++) {
		rc = vmf_accum_next(&a, ids.order[i], &seg, &n, &e);
		assert(rc != 0 || (n == 1 &&
		    vmf_seg_sum(&a.layout, seg, 1)[5] == 2 * ids.order[i]));
	}
	assert(rc == VMF_EIO);
	assert(strstr(e.msg, "temporary file") != NULL &&
	    strchr(e.msg, '\n') == NULL);
	assert(how == 0 || strstr(e.msg, "found no record") != NULL);
	vmf_accum_free(&a);
	vmf_ids_free(&ids);
}

/* Any steps of any metrics come back as they were, in any way to pack. */
static void
packed(void)
{
	struct vmf_err e = { "" };
	struct vmf_ids ids = { 0 };
	uint64_t x = 7;
	uint8_t *seg;
	int64_t n;

	make_ids(&ids);
	for (unsigned what = 0; what < 8; what++) {
		struct vmf_accum a, b;

		assert(vmf_accum_init(&a, 3, what, tmpdir, &e) == 0);
		assert(vmf_accum_init(&b, 3, what, tmpdir, &e) == 0);
		for (int32_t id = 0; id < N_IDS; id++)
			for (int k = 0; k < 24; k++) {
				int i = k % 8, m = k / 8;
				void *p = vmf_accum_at(&a, id, 0, &e);
				void *q = vmf_accum_at(&b, id, 0, &e);
				unsigned r = (unsigned)next(&x);

				if (r & 1 || (id % 3 == 0 && r & 6))
					continue;
				if (r & 8)
					vmf_seg_count(&a.layout, p, m)[i] = r;
				if ((what & VMF_ACC_SUM) && r & 16)
					vmf_seg_sum(&a.layout, p, m)[i] = r;
				if ((what & VMF_ACC_MAX) && r & 32)
					vmf_seg_max(&a.layout, p, m)[i] =
					    (float)r;
				if ((what & VMF_ACC_MIN) && r & 64)
					vmf_seg_min(&a.layout, p, m)[i] =
					    (float)r;
				memcpy(q, p, (size_t)a.layout.rec_bytes);
			}
		assert(vmf_accum_flush(&a, &ids, &e) == 0);
		assert(a.spill.end < N_IDS * a.layout.rec_bytes);
		assert(vmf_accum_finish(&a, &ids, 1 << 20, &e) == 0);
		for (int i = 0; i < N_IDS; i++) {
			int32_t id = ids.order[i];

			assert(vmf_accum_next(&a, id, &seg, &n, &e) == 0);
			assert(n == 1 && memcmp(seg, vmf_accum_at(&b, id, 0,
			    &e), (size_t)a.layout.rec_bytes) == 0);
		}
		vmf_accum_free(&a);
		vmf_accum_free(&b);
	}
	vmf_ids_free(&ids);
}

/* Where two doubles are equally near, what is left decides. */
static void
exact(void)
{
	static const struct {
		double v[3], sum;
	} of[] = {
		{ { 1.0, 0x1p-53, 0.0 }, 1.0 },
		{ { 1.0, 0x1p-53, 0x1p-106 }, 1.0 + 0x1p-52 },
		{ { 1.0, 0x1p-53, -0x1p-106 }, 1.0 },
		{ { 1.0 + 0x1p-52, 0x1p-53, 0.0 }, 1.0 + 0x1p-51 },
		{ { 1.0 + 0x1p-52, 0x1p-53, -0x1p-106 }, 1.0 + 0x1p-52 },
		{ { -1.0, -0x1p-53, -0x1p-106 }, -1.0 - 0x1p-52 },
		{ { -1.0, -0x1p-53, 0x1p-106 }, -1.0 },
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		struct vmf_exact x = { .n = 0 };

		for (int k = 0; k < 3; k++)
			vmf_exact_add(&x, of[i].v[k]);
		assert(vmf_exact_round(&x) == of[i].sum);
	}
}

/*
 * What is rounded off is kept, whether before a run is written or when runs
 * are merged: in two segments of each, sums of 1, 2^-53 and 2^-106, which are
 * rounded once.  A sum that is not finite has no rest.
 */
static void
spilled_sums(void)
{
	static const double part[] = { 1.0, 0x1p-53, 0x1p-106 };
	struct vmf_err e = { "" };
	struct vmf_ids ids = { 0 };

	make_ids(&ids);
	for (int runs = 1; runs <= 3; runs += 2) {
		struct vmf_accum a;
		int64_t n;
		uint8_t *seg;

		assert(vmf_accum_init(&a, 2, VMF_ACC_SUM, tmpdir, &e) == 0);
		for (int run = 0; run < 3; run++) {
			for (int32_t id = 0; id < N_IDS; id++)
				for (int64_t step = 5; step < 30; step += 20) {
					void *p = vmf_accum_at(&a, id, step,
					    &e);

					assert(p != NULL);
					assert(vmf_accum_sum(&a, p, id, step,
					    1, part[run], &e) == 0);
					assert(vmf_accum_sum(&a, p, id, step,
					    0, run == 0 ? 1.0 : 0x1.8p1023,
					    &e) == 0);
				}
			if (run + runs >= 3)
				assert(vmf_accum_flush(&a, &ids, &e) == 0);
		}
		assert(vmf_accum_finish(&a, &ids, 1 << 20, &e) == 0);
		for (int i = 0; i < N_IDS; i++) {
			assert(vmf_accum_next(&a, ids.order[i], &seg, &n,
			    &e) == 0);
			assert(n == 2);
			for (int k = 0; k < 2; k++, seg += a.layout.rec_bytes) {
				int at = k == 0 ? 5 : 25 % VMF_SEG_STEPS;

				assert(vmf_seg_sum(&a.layout, seg, 1)[at] ==
				    1.0 + 0x1p-52);
				assert(vmf_seg_sum(&a.layout, seg, 0)[at] ==
				    INFINITY);
			}
		}
		vmf_accum_free(&a);
	}
	vmf_ids_free(&ids);
}

/* Of so many metrics that a segment is larger than a slab. */
static void
large_segments(void)
{
	struct vmf_err e = { "" };
	struct vmf_ids ids = { 0 };
	struct vmf_accum a;
	int64_t n;
	uint8_t *seg;

	make_ids(&ids);
	assert(vmf_accum_init(&a, 50000, VMF_ACC_SUM, tmpdir, &e) == 0);
	for (int32_t id = 0; id < 3; id++)
		vmf_seg_sum(&a.layout, vmf_accum_at(&a, id, 3, &e),
		    49999)[3] = id;
	assert(vmf_accum_finish(&a, &ids, 1 << 20, &e) == 0);
	for (int i = 0; i < N_IDS; i++) {
		assert(vmf_accum_next(&a, ids.order[i], &seg, &n, &e) == 0);
		assert(n == (ids.order[i] < 3));
		assert(n == 0 || vmf_seg_sum(&a.layout, seg, 49999)[3] ==
		    ids.order[i]);
	}
	vmf_accum_free(&a);
	vmf_ids_free(&ids);
}

/* Counts of two runs that do not fit in one. */
static void
too_many(void)
{
	struct vmf_err e = { "" };
	struct vmf_ids ids = { 0 };
	struct vmf_accum a;
	int64_t n;
	uint8_t *seg;
	int rc;

	make_ids(&ids);
	assert(vmf_accum_init(&a, 1, 0, tmpdir, &e) == 0);
	for (uint32_t count = 1; count != 0; count = count == 1 ? UINT32_MAX :
	    0) {
		vmf_seg_count(&a.layout, vmf_accum_at(&a, 0, 3, &e),
		    0)[3] = count;
		assert(vmf_accum_flush(&a, &ids, &e) == 0);
	}
	rc = vmf_accum_finish(&a, &ids, 1 << 20, &e);
	for (int i = 0; rc == 0 && i < N_IDS; i++)
		rc = vmf_accum_next(&a, ids.order[i], &seg, &n, &e);
	assert(rc == VMF_EDATA && strstr(e.msg, "2^32 samples") != NULL);
	vmf_accum_free(&a);
	vmf_ids_free(&ids);
}

/* A spill that nothing was put in has no record, and has none again. */
static void
no_runs(void)
{
	struct vmf_err e = { "" };
	struct vmf_spill s;
	const struct vmf_rec *rec;

	vmf_spill_init(&s, tmpdir, sizeof(struct vmf_rec));
	assert(vmf_spill_merge(&s, NULL, 0, 1 << 20, &e) == 0);
	assert(vmf_spill_next(&s, &rec, &e) == 0);
	assert(vmf_spill_next(&s, &rec, &e) == 0);
	vmf_spill_free(&s);
}

static void
no_folder(void)
{
	struct vmf_err e = { "" };
	struct vmf_spill s;
	struct vmf_rec rec = { 0 };

	vmf_spill_init(&s, "/nowhere/at-all", sizeof(rec));
	assert(vmf_spill_put(&s, &rec, &e) == VMF_EIO);
	assert(strstr(e.msg, "/nowhere/at-all") != NULL);
	vmf_spill_free(&s);
}

/* Names that come a few at a time, anywhere among those that are there. */
static void
ranks(void)
{
	static const int more[] = { 1, 0, 1, 2, 7, 1, 300, 1, 40, 3000, 2, 1 };
	struct vmf_ids ids = { 0 };
	struct vmf_err e = { "" };
	uint64_t x = 3;
	char name[24];

	for (size_t k = 0; k < sizeof(more) / sizeof(*more); k++) {
		for (int i = 0; i < more[k]; i++) {
			/* Now and then before or after all others, and of
			 * other lengths. */
			uint64_t v = next(&x), w = v % 5 == 0 ? 0 :
			    v % 7 == 0 ? 999999 : next(&x) % 100000;
			int len = snprintf(name, sizeof(name), "%06llu%.*s",
			    (unsigned long long)w, (int)(v % 4), "zzz");

			assert(vmf_ids_add(&ids, name, len, &e) >= 0);
		}
		assert(vmf_ids_rank(&ids, &e) == 0);
		assert(ids.ranked == ids.dict.n);
		for (int64_t i = 0; i < ids.ranked; i++) {
			assert(ids.rank[ids.order[i]] == (uint32_t)i);
			assert(i == 0 || vmf_ids_compare(&ids,
			    ids.order[i - 1], ids.order[i]) < 0);
		}
	}
	vmf_ids_free(&ids);
}

int
main(void)
{
	tmpdir = getenv("TMPDIR");
	if (tmpdir == NULL)
		tmpdir = "/tmp";
	sorted_keys();
	ranks();
	sorter(0, 1, 1 << 20);
	sorter(1, 10, 1 << 20);
	sorter(3000, 5000, 1 << 20);	/* in memory */
	sorter(3000, 3000, 1 << 20);
	sorter(20000, 1000, 8 << 20);	/* one merge */
	sorter(20000, 100, 1);		/* two runs at a time */
	sorter(20000, 77, 1 << 20);	/* passes */
	sorter(20000, 1000, 1 << 30);	/* more than is of use */
	accumulators();
	pages();
	for (int how = 0; how < 4; how++)
		damaged(how);
	packed();
	exact();
	spilled_sums();
	large_segments();
	too_many();
	no_runs();
	no_folder();
	return 0;
}
