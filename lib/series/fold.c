/* SPDX-License-Identifier: MIT */
#include "series/fold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int
vmf_fold_init(struct vmf_fold *f, const struct vmf_pack *pack,
    enum vmf_keep keep, struct vmf_err *e)
{
	*f = (struct vmf_fold){ .pack = pack, .keep = keep };
	f->row = vmf_calloc(pack->rec_bytes, 1, e);
	f->ref = vmf_calloc(pack->rec_bytes, 1, e);
	f->version = vmf_calloc(pack->rec_bytes, VMF_FOLD_VERSIONS, e);
	f->sum = vmf_calloc(pack->n_cols, sizeof(*f->sum), e);
	return f->row == NULL || f->ref == NULL || f->version == NULL ||
	    f->sum == NULL ? VMF_ENOMEM : 0;
}

void
vmf_fold_first(struct vmf_fold *f, const struct vmf_rec *rec)
{
	memcpy(f->row, rec, (size_t)f->pack->rec_bytes);
	f->n = 1;
}

/* A value for the mean, which does not depend on their order. */
static void
sum_up(struct vmf_fold *f, int i, const void *rec)
{
	const struct vmf_pack_col *c = &f->pack->col[i];
	struct vmf_fold_sum *s = &f->sum[i];
	double v;

	s->differ |= s->count > 0 && !vmf_pack_equal(f->pack, c, f->row, rec);
	s->count++;
	if (vmf_pack_is_whole(c)) {
		s->whole += vmf_pack_int(c, rec);
		return;
	}
	v = vmf_pack_num(c, rec);
	s->scaled += v * 0x1p-64;
	if (fabs(v) < 0x1p960)
		vmf_exact_add(&s->exact, v);
	else
		s->huge = true;
}

/* The second row of a key: what single rows do not need. */
static void
begin(struct vmf_fold *f)
{
	memcpy(f->ref, f->row, (size_t)f->pack->rec_bytes);
	memcpy(f->version, f->row, (size_t)f->pack->rec_bytes);
	f->n_versions = 1;
	for (int i = 0; i < f->pack->n_cols; i++) {
		const struct vmf_pack_col *c = &f->pack->col[i];

		if (f->keep != VMF_KEEP_MEAN || !c->metric)
			continue;
		f->sum[i].count = 0;
		f->sum[i].differ = f->sum[i].huge = false;
		f->sum[i].whole = 0;
		f->sum[i].scaled = 0.0;
		f->sum[i].exact.n = 0;
		if (!vmf_pack_null(f->pack, c, f->row))
			sum_up(f, i, f->row);
	}
}

static bool
rows_equal(const struct vmf_pack *p, const void *a, const void *b)
{
	if (memcmp(a, b, (size_t)p->rec_bytes) == 0)
		return true;
	/* 0 and -0 differ in bytes only. */
	for (int i = 0; i < p->n_cols; i++)
		if (!vmf_pack_equal(p, &p->col[i], a, b))
			return false;
	return true;
}

static bool
seen_before(struct vmf_fold *f, const void *rec)
{
	int64_t bytes = f->pack->rec_bytes;

	for (int i = 0; i < f->n_versions; i++)
		if (rows_equal(f->pack, f->version + i * bytes, rec))
			return true;
	if (f->n_versions < VMF_FOLD_VERSIONS)
		memcpy(f->version + f->n_versions++ * bytes, rec,
		    (size_t)bytes);
	return false;
}

static void
fold_col(struct vmf_fold *f, int i, const struct vmf_rec *rec)
{
	const struct vmf_pack *p = f->pack;
	const struct vmf_pack_col *c = &p->col[i];

	/* rec has a value here. */
	if (f->keep == VMF_KEEP_FIRST || vmf_pack_null(p, c, f->row)) {
		if (vmf_pack_null(p, c, f->row))
			vmf_pack_copy(p, c, f->row, rec);
	} else if (f->keep == VMF_KEEP_LAST || !c->metric) {
		vmf_pack_copy(p, c, f->row, rec);
	} else if (f->keep == VMF_KEEP_MAX &&
	    vmf_pack_less(c, f->row, rec)) {
		vmf_pack_copy(p, c, f->row, rec);
	}
	if (f->keep == VMF_KEEP_MEAN && c->metric)
		sum_up(f, i, rec);
}

void
vmf_fold_more(struct vmf_fold *f, const struct vmf_rec *rec,
    struct vmf_dedup_stats *stats)
{
	const struct vmf_pack *p = f->pack;
	bool conflict = false;

	if (f->n++ == 1)
		begin(f);
	stats->dups++;
	for (int i = 0; i < p->n_cols; i++) {
		const struct vmf_pack_col *c = &p->col[i];

		if (vmf_pack_null(p, c, rec))
			continue;
		if (vmf_pack_null(p, c, f->ref))
			vmf_pack_copy(p, c, f->ref, rec);
		else if (!vmf_pack_equal(p, c, f->ref, rec))
			conflict = true;
		fold_col(f, i, rec);
	}
	if (seen_before(f, rec))
		stats->identical++;
	else if (conflict)
		stats->conflicts++;
	else
		stats->merged++;
}

/* Rounded to nearest, ties to even, as numbers that are not whole are. */
static int64_t
whole_mean(const struct vmf_fold_sum *s)
{
	__int128 mean = s->whole / s->count, left = s->whole % s->count;

	if (left < 0) {
		left += s->count;
		mean--;
	}
	mean += 2 * left > s->count || (2 * left == s->count && mean % 2 != 0);
	return (int64_t)mean;
}

const uint8_t *
vmf_fold_take(struct vmf_fold *f)
{
	const struct vmf_pack *p = f->pack;

	for (int i = 0; f->keep == VMF_KEEP_MEAN && f->n > 1 &&
	    i < p->n_cols; i++) {
		const struct vmf_pack_col *c = &p->col[i];
		const struct vmf_fold_sum *s = &f->sum[i];
		double n = (double)s->count;

		/* What all say stays as it is, to the last bit. */
		if (!c->metric || s->count == 0 || !s->differ)
			continue;
		if (vmf_pack_is_whole(c))
			vmf_pack_put_int(c, f->row, whole_mean(s));
		else
			vmf_pack_put_num(c, f->row, s->huge ? s->scaled / n *
			    0x1p64 : vmf_exact_round(&s->exact) / n);
	}
	f->n = 0;
	return f->row;
}

void
vmf_fold_free(struct vmf_fold *f)
{
	free(f->row);
	free(f->ref);
	free(f->version);
	free(f->sum);
	*f = (struct vmf_fold){ 0 };
}
