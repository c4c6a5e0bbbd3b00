/* SPDX-License-Identifier: MIT */
#include "series/dedup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/time.h"
#include "series/fold.h"
#include "series/readings.h"

#define CHUNK 4096		/* rows looked at together */
#define BLOCK 512		/* rows written together */
#define BASE_BYTES ((int64_t)5 << 20)	/* the program itself */

enum mode {
	FILL,			/* all rows are in memory */
	STREAM,			/* some were handed on, in d->order */
	SPILL,			/* some are in runs */
};

struct vmf_dedup {
	struct vmf_dedup_opts opts;
	struct vmf_dedup_sink sink;
	struct vmf_dedup_stats stats;
	const struct vmf_schema *schema;
	struct vmf_readings in;
	struct vmf_ids ids;
	struct vmf_pack pack;
	struct vmf_sorter rows;
	struct vmf_fold fold;
	enum mode mode;
	enum vmf_order order;	/* when streaming */
	bool vm_sorted, time_sorted;	/* the rows so far */
	int32_t last_id;	/* of the row before */
	int64_t last_t;
	int64_t in_bytes;	/* of the largest batch met */
	int64_t out_bytes;	/* when a batch is full */
	struct vmf_writer *w;
	struct vmf_batch out;
	uint8_t *block;
	int64_t n_block;
	int32_t id[CHUNK];
};

int
vmf_dedup_open(struct vmf_dedup **dp, const struct vmf_schema *schema,
    const char *name, const struct vmf_dedup_opts *opts,
    const struct vmf_dedup_sink *sink, struct vmf_err *e)
{
	struct vmf_dedup *d;
	int rc;

	d = vmf_calloc(1, sizeof(*d), e);
	if (d == NULL)
		return VMF_ENOMEM;
	*dp = d;
	d->opts = *opts;
	d->sink = *sink;
	d->schema = schema;
	d->vm_sorted = d->time_sorted = true;
	d->last_id = -1;
	d->out_bytes = opts->memory / 16;
	if (d->out_bytes > VMF_BATCH_BYTES)
		d->out_bytes = VMF_BATCH_BYTES;
	rc = vmf_readings_bind(&d->in, schema, name, e);
	if (rc == 0)
		rc = vmf_pack_init(&d->pack, &d->in, e);
	if (rc != 0)
		return rc;
	vmf_sorter_init(&d->rows, opts->tmpdir, d->pack.rec_bytes);
	d->block = vmf_calloc(BLOCK, d->pack.rec_bytes, e);
	if (d->block == NULL)
		return VMF_ENOMEM;
	return vmf_fold_init(&d->fold, &d->pack, opts->keep, e);
}

/* ---- output ---- */

static int
open_output(struct vmf_dedup *d, struct vmf_err *e)
{
	struct vmf_schema s = { 0 };
	int rc;

	d->stats.order = d->mode == STREAM ? d->order : VMF_ORDER_VM_TIME;
	rc = vmf_schema_copy(&s, d->schema, e);
	if (rc == 0) {
		s.field[d->in.vm].dict = true;
		rc = vmf_meta_set(&s.meta, "vmf:kind", "readings", e);
	}
	if (rc == 0)
		rc = vmf_meta_set(&s.meta, "vmf:order", d->stats.order ==
		    VMF_ORDER_VM_TIME ? "vm,time" : "time,vm", e);
	if (rc == 0)
		rc = vmf_batch_init(&d->out, &s, e);
	if (rc == 0)
		rc = d->sink.open(d->sink.arg, &s, &d->w, e);
	vmf_schema_free(&s);
	return rc;
}

static int
flush_block(struct vmf_dedup *d, struct vmf_err *e)
{
	int rc = 0;

	if (d->w == NULL)
		rc = open_output(d, e);
	if (rc == 0)
		rc = vmf_pack_emit(&d->pack, d->block, d->n_block, &d->ids,
		    &d->out, e);
	d->n_block = 0;
	if (rc == 0 && vmf_batch_bytes(&d->out) >= d->out_bytes) {
		rc = vmf_writer_put(d->w, &d->out, e);
		vmf_batch_clear(&d->out);
	}
	return rc;
}

static int
write_row(struct vmf_dedup *d, struct vmf_err *e)
{
	memcpy(d->block + d->n_block * d->pack.rec_bytes,
	    vmf_fold_take(&d->fold), (size_t)d->pack.rec_bytes);
	d->stats.rows_out++;
	return ++d->n_block == BLOCK ? flush_block(d, e) : 0;
}

/* The next row in order. */
static int
feed(struct vmf_dedup *d, const struct vmf_rec *rec, struct vmf_err *e)
{
	const struct vmf_rec *key = vmf_fold_key(&d->fold);
	int rc;

	if (d->fold.n > 0) {
		if (key->id == rec->id && key->t == rec->t) {
			vmf_fold_more(&d->fold, rec, &d->stats);
			return 0;
		}
		rc = write_row(d, e);
		if (rc != 0)
			return rc;
	}
	vmf_fold_first(&d->fold, rec);
	return 0;
}

/* ---- memory ---- */

/* What is left for rows and for merging. */
static int64_t
budget(const struct vmf_dedup *d)
{
	/*
	 * A batch is held by the reader as it came and, where its types are
	 * not ours or it is compressed, once more; another one on its way
	 * out, with its bitmaps or its compressed copy.
	 */
	return d->opts.memory - BASE_BYTES - 2 * d->in_bytes -
	    3 * d->out_bytes - vmf_ids_bytes(&d->ids) -
	    vmf_pack_bytes(&d->pack);
}

static int
check_budget(const struct vmf_dedup *d, struct vmf_err *e)
{
	int64_t least = 2 * CHUNK * vmf_sorter_row_bytes(d->pack.rec_bytes);
	int64_t merge = vmf_spill_least(d->pack.rec_bytes);
	int64_t short_bytes;

	if (least < merge)
		least = merge;
	short_bytes = least - budget(d);
	if (short_bytes <= 0)
		return 0;
	/* Batches on their way out grow with the memory. */
	short_bytes += short_bytes / 4;
	return vmf_fail(e, VMF_EUSAGE, "--memory %lldM is too little for "
	    "batches of %lldM, %lld VMs and their strings; expected at least "
	    "%lldM", (long long)(d->opts.memory >> 20),
	    (long long)(d->in_bytes >> 20), (long long)d->ids.dict.n,
	    (long long)(((d->opts.memory + short_bytes) >> 20) + 1));
}

/* Hand on the first half of the rows, in order. */
static int
stream_half(struct vmf_dedup *d, struct vmf_err *e)
{
	int64_t half = (d->rows.n + 1) / 2;
	int rc;

	rc = vmf_ids_rank(&d->ids, e);
	if (rc == 0)
		rc = vmf_sorter_sort(&d->rows, d->order, &d->ids, e);
	for (int64_t i = 0; rc == 0 && i < half; i++)
		rc = feed(d, vmf_sorter_at(&d->rows, d->rows.key[i].at), e);
	if (rc == 0)
		vmf_sorter_drop(&d->rows, half);
	return rc;
}

static int
make_room(struct vmf_dedup *d, struct vmf_err *e)
{
	if (d->mode == FILL) {
		if (!d->opts.sort_always && (d->vm_sorted || d->time_sorted)) {
			d->mode = STREAM;
			d->order = d->vm_sorted ? VMF_ORDER_VM_TIME :
			    VMF_ORDER_TIME_VM;
		} else {
			d->mode = SPILL;
		}
	}
	return d->mode == STREAM ? stream_half(d, e) :
	    vmf_sorter_flush(&d->rows, &d->ids, e);
}

/* ---- input ---- */

/* Keep track of the order in which the rows came. */
static void
watch_order(struct vmf_dedup *d, const int64_t *t, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		if (d->last_id >= 0) {
			if (d->id[i] == d->last_id)
				d->vm_sorted = d->vm_sorted &&
				    t[i] >= d->last_t;
			else if (d->vm_sorted && vmf_ids_compare(&d->ids,
			    d->last_id, d->id[i]) > 0)
				d->vm_sorted = false;
			if (t[i] < d->last_t)
				d->time_sorted = false;
		}
		d->last_id = d->id[i];
		d->last_t = t[i];
		if (!d->vm_sorted && !d->time_sorted)
			return;
	}
}

static int
too_late(struct vmf_dedup *d, int32_t id, int64_t t, int64_t row,
    struct vmf_err *e)
{
	const struct vmf_rec *key = vmf_fold_key(&d->fold);
	bool by_time = d->order == VMF_ORDER_TIME_VM;
	char now[32], then[32], window[32];
	const char *vm, *vm0;
	int64_t len, len0;

	vm = vmf_dict_str(&d->ids.dict, id, &len);
	vm0 = vmf_dict_str(&d->ids.dict, key->id, &len0);
	vmf_time_format_utc(t, now);
	vmf_time_format_utc(key->t, then);
	vmf_format_double((double)d->rows.n, window);
	return vmf_fail(e, VMF_EDATA, "%s: row %lld: found vm '%.*s' at %s, "
	    "expected nothing before %s%.*s%s%s: the rows came in %s order "
	    "and were handed on, all but the last %s; use a larger --memory, "
	    "or --sort always, which takes any order", d->in.name,
	    (long long)row, (int)(len < 99 ? len : 99), vm, now,
	    by_time ? "" : "vm '", by_time ? 0 : (int)(len0 < 99 ? len0 : 99),
	    vm0, by_time ? "" : "' at ", then, by_time ? "time" :
	    "(vm, time)", window);
}

/* Rows that belong before what was handed on already cannot be put right. */
static int
check_late(struct vmf_dedup *d, const int64_t *t, int64_t n, int64_t row,
    struct vmf_err *e)
{
	const struct vmf_rec *key = vmf_fold_key(&d->fold);
	int32_t last = -1;
	int cmp = 0;

	for (int64_t i = 0; i < n; i++) {
		if (d->order == VMF_ORDER_TIME_VM && t[i] > key->t)
			continue;
		if (d->id[i] != last) {
			last = d->id[i];
			cmp = vmf_ids_compare(&d->ids, last, key->id);
		}
		if (d->order == VMF_ORDER_TIME_VM ?
		    t[i] < key->t || cmp < 0 :
		    cmp < 0 || (cmp == 0 && t[i] < key->t))
			return too_late(d, d->id[i], t[i], row + i, e);
	}
	return 0;
}

int
vmf_dedup_add(struct vmf_dedup *d, const struct vmf_batch *b,
    int64_t first_row, struct vmf_err *e)
{
	const int64_t *t = b->col[d->in.time].d.i64;
	int64_t n, room;
	void *rec;
	int rc;

	if (vmf_batch_bytes(b) > d->in_bytes)
		d->in_bytes = vmf_batch_bytes(b);
	for (int64_t i = 0; i < b->n; i += n) {
		n = b->n - i < CHUNK ? b->n - i : CHUNK;
		rc = vmf_readings_ids(&d->in, b, i, n, NULL, first_row,
		    &d->ids, d->id, e);
		if (rc == 0)
			rc = check_budget(d, e);
		room = budget(d) / vmf_sorter_row_bytes(d->pack.rec_bytes);
		if (rc == 0 && d->rows.n + n > room)
			rc = make_room(d, e);
		if (rc == 0 && d->mode == STREAM)
			rc = check_late(d, t + i, n, first_row + i, e);
		if (rc != 0)
			return rc;
		if (d->mode == FILL)
			watch_order(d, t + i, n);
		rec = vmf_sorter_room(&d->rows, n, e);
		if (rec == NULL)
			return VMF_ENOMEM;
		rc = vmf_pack_rows(&d->pack, b, i, n, d->id, rec, e);
		if (rc != 0)
			return rc;
		d->rows.n += n;
	}
	d->stats.rows_in += b->n;
	return 0;
}

int
vmf_dedup_finish(struct vmf_dedup *d, struct vmf_err *e)
{
	const struct vmf_rec *rec;
	int got, rc;

	if (d->mode == STREAM) {
		rc = vmf_ids_rank(&d->ids, e);
		if (rc == 0)
			rc = vmf_sorter_sort(&d->rows, d->order, &d->ids, e);
		for (int64_t i = 0; rc == 0 && i < d->rows.n; i++)
			rc = feed(d, vmf_sorter_at(&d->rows,
			    d->rows.key[i].at), e);
	} else {
		rc = vmf_sorter_finish(&d->rows, &d->ids, budget(d), e);
		while (rc == 0 &&
		    (got = vmf_sorter_next(&d->rows, &rec, e)) != 0)
			rc = got < 0 ? got : feed(d, rec, e);
	}
	if (rc == 0 && d->fold.n > 0)
		rc = write_row(d, e);
	/* Opens the output where there was no row at all. */
	if (rc == 0)
		rc = flush_block(d, e);
	if (rc == 0)
		rc = vmf_writer_put(d->w, &d->out, e);
	d->stats.spilled_bytes = d->rows.spill.written;
	assert(rc != 0 ||
	    d->stats.rows_in == d->stats.rows_out + d->stats.dups);
	return rc;
}

const struct vmf_dedup_stats *
vmf_dedup_stats(const struct vmf_dedup *d)
{
	return &d->stats;
}

void
vmf_dedup_free(struct vmf_dedup *d)
{
	if (d == NULL)
		return;
	vmf_readings_free(&d->in);
	vmf_ids_free(&d->ids);
	vmf_pack_free(&d->pack);
	vmf_sorter_free(&d->rows);
	vmf_fold_free(&d->fold);
	vmf_batch_free(&d->out);
	free(d->block);
	free(d);
}
