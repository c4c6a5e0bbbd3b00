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

#define CHUNK 1024		/* rows looked at together */
#define BLOCK 1024		/* rows written together */
/* Of a batch: it is still in the cache when it is written. */
#define OUT_BYTES ((int64_t)1 << 20)
/* For a batch on its way out, with its bitmaps or its compressed copy, and
 * what the heap does not give back.  With less of it the window would be
 * longer, and pages touched for the first time are what windows cost most. */
#define SPARE_MAX ((int64_t)48 << 20)
#define BASE_BYTES ((int64_t)5 << 20)	/* the program itself */

#define NONE INT64_MIN

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
	/* Rows are counted from 0.  The last that came before its time, and
	 * before its turn by (vm, time); NONE: there is none. */
	int64_t late_time, late_vm;
	int64_t taken;		/* rows handed on or spilled */
	int32_t last_id;	/* of the row before */
	int64_t last_t;
	int64_t in_bytes;	/* that the reader held at the most */
	int64_t spare;		/* bytes that are not for rows */
	int32_t named;		/* VMs whose names need not be looked at */
	struct vmf_writer *w;
	struct vmf_batch out;
	const uint8_t *row[BLOCK];	/* rows to write, in order */
	int64_t n_rows;
	uint8_t *block;		/* those of them that stand nowhere else */
	int64_t n_block;
	int32_t id[CHUNK];
};

int
vmf_dedup_open(struct vmf_dedup **dp, const struct vmf_schema *schema,
    const struct vmf_dedup_opts *opts, const struct vmf_dedup_sink *sink,
    struct vmf_err *e)
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
	d->late_time = d->late_vm = NONE;
	d->last_id = -1;
	d->spare = opts->memory / 16 * 3;
	if (d->spare > SPARE_MAX)
		d->spare = SPARE_MAX;
	rc = vmf_pack_init(&d->pack, schema, e);
	if (rc != 0)
		return rc;
	vmf_sorter_init(&d->rows, opts->tmpdir, d->pack.rec_bytes);
	d->block = vmf_calloc(BLOCK, d->pack.rec_bytes, e);
	if (d->block == NULL)
		return VMF_ENOMEM;
	return vmf_fold_init(&d->fold, &d->pack, opts->keep, e);
}

int
vmf_dedup_from(struct vmf_dedup *d, const struct vmf_schema *schema,
    const char *name, struct vmf_err *e)
{
	int rc;

	vmf_readings_free(&d->in);
	rc = vmf_readings_bind(&d->in, schema, name, e);
	if (rc == 0)
		vmf_pack_from(&d->pack, d->schema, &d->in);
	return rc;
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
		vmf_field_retype(&s.field[d->pack.vm], VMF_UTF8, true);
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
flush_rows(struct vmf_dedup *d, struct vmf_err *e)
{
	int rc = 0;

	if (d->w == NULL)
		rc = open_output(d, e);
	if (rc == 0)
		rc = vmf_pack_emit(&d->pack, d->row, d->n_rows, &d->ids,
		    &d->out, e);
	d->n_rows = d->n_block = 0;
	if (rc == 0 && vmf_batch_bytes(&d->out) >= OUT_BYTES) {
		rc = vmf_writer_put(d->w, &d->out, e);
		vmf_batch_clear(&d->out);
	}
	return rc;
}

/* Write a record, which must stand where it is until flush_rows. */
static int
write_row(struct vmf_dedup *d, const uint8_t *rec, struct vmf_err *e)
{
	d->row[d->n_rows++] = rec;
	d->stats.rows_out++;
	return d->n_rows == BLOCK ? flush_rows(d, e) : 0;
}

/* Write what the fold has made of the key in hand. */
static int
write_fold(struct vmf_dedup *d, struct vmf_err *e)
{
	uint8_t *to = d->block + d->n_block++ * d->pack.rec_bytes;

	memcpy(to, vmf_fold_take(&d->fold), (size_t)d->pack.rec_bytes);
	return write_row(d, to, e);
}

static bool
same_key(const struct vmf_rec *a, const struct vmf_rec *b)
{
	return a->id == b->id && a->t == b->t;
}

/* The next row in order; rows of its key may still come. */
static int
feed(struct vmf_dedup *d, const struct vmf_rec *rec, struct vmf_err *e)
{
	int rc;

	if (d->fold.n > 0) {
		if (same_key(vmf_fold_key(&d->fold), rec)) {
			vmf_fold_more(&d->fold, rec, &d->stats);
			return 0;
		}
		rc = write_fold(d, e);
		if (rc != 0)
			return rc;
	}
	vmf_fold_first(&d->fold, rec);
	return 0;
}

/* Row k of those sorted last (sorted), or of those in memory. */
static struct vmf_rec *
nth(const struct vmf_dedup *d, bool sorted, int64_t k)
{
	return vmf_sorter_at(&d->rows, sorted ? d->rows.at[k] : k);
}

/*
 * The next n rows in order.  Rows of the last key are fed, as more of them
 * may come; single rows before it go out from where they stand.
 */
static int
feed_all(struct vmf_dedup *d, bool sorted, int64_t from, int64_t n,
    struct vmf_err *e)
{
	int64_t k = from, end = from + n, last = end - 1;
	int rc = 0;

	if (n == 0)
		return 0;
	while (last > from && same_key(nth(d, sorted, last - 1),
	    nth(d, sorted, last)))
		last--;
	while (rc == 0 && k < last && d->fold.n > 0 && same_key(
	    vmf_fold_key(&d->fold), nth(d, sorted, k)))
		rc = feed(d, nth(d, sorted, k++), e);
	if (rc == 0 && k < last && d->fold.n > 0)
		rc = write_fold(d, e);
	while (rc == 0 && k < last) {
		struct vmf_rec *r = nth(d, sorted, k++), *next = NULL;

		if (k < last)
			next = nth(d, sorted, k);
		if (next == NULL || !same_key(r, next)) {
			rc = write_row(d, (const uint8_t *)r, e);
			continue;
		}
		rc = feed(d, r, e);
		for (; rc == 0 && k < last && same_key(r, nth(d, sorted, k));
		    k++)
			rc = feed(d, nth(d, sorted, k), e);
		if (rc == 0)
			rc = write_fold(d, e);
	}
	while (rc == 0 && k < end)
		rc = feed(d, nth(d, sorted, k++), e);
	return rc;
}

/* Write rows *k to end-1 of those sorted last, which are single, or as many
 * as go together; *k is the next one. */
static int
write_rows(struct vmf_dedup *d, int64_t *k, int64_t end, struct vmf_err *e)
{
	const uint8_t **row = d->row + d->n_rows;
	int64_t n = BLOCK - d->n_rows;

	if (n > end - *k)
		n = end - *k;
	for (int64_t i = 0; i < n; i++)
		row[i] = (const uint8_t *)nth(d, true, *k + i);
	*k += n;
	d->n_rows += n;
	d->stats.rows_out += n;
	return d->n_rows == BLOCK ? flush_rows(d, e) : 0;
}

/* Write the n rows of a time, sorted, with the twins among them. */
static int
feed_step(struct vmf_dedup *d, int64_t n, struct vmf_err *e)
{
	int64_t n_twins = d->rows.n_twins, k = 0, i = 0, single;
	int rc = 0;

	/* Rows of the time may have come before. */
	if (n_twins < 0 || (d->fold.n > 0 &&
	    vmf_fold_key(&d->fold)->t == nth(d, true, 0)->t))
		return feed_all(d, true, 0, n, e);
	while (rc == 0 && k < n) {
		if (d->fold.n > 0)
			rc = write_fold(d, e);
		single = i < n_twins ? d->rows.twin[i] - 1 : n - 1;
		while (rc == 0 && k < single)
			rc = write_rows(d, &k, single, e);
		if (rc == 0)
			rc = feed(d, nth(d, true, k++), e);
		for (; rc == 0 && i < n_twins && d->rows.twin[i] == k; i++)
			rc = feed(d, nth(d, true, k++), e);
	}
	return rc;
}

/* ---- memory ---- */

/* What is left for rows and for merging. */
static int64_t
budget(const struct vmf_dedup *d)
{
	return d->opts.memory - BASE_BYTES - d->in_bytes -
	    vmf_readings_bytes(&d->in) - d->spare -
	    vmf_ids_bytes(&d->ids) - vmf_pack_bytes(&d->pack);
}

static int
check_budget(const struct vmf_dedup *d, struct vmf_err *e)
{
	int64_t least = 2 * CHUNK * vmf_sorter_row_bytes(d->pack.rec_bytes);
	int64_t merge = vmf_spill_least(&d->rows.spill);
	int64_t short_bytes;

	if (least < merge)
		least = merge;
	short_bytes = least - budget(d);
	if (short_bytes <= 0)
		return 0;
	/* What is spare grows with the memory. */
	short_bytes += short_bytes / 4;
	return vmf_fail(e, VMF_EUSAGE, "--memory %lldM is too little for "
	    "input of %lldM, %lld VMs and their strings; expected at least "
	    "%lldM", (long long)(d->opts.memory >> 20),
	    (long long)(d->in_bytes >> 20), (long long)d->ids.dict.n,
	    (long long)(((d->opts.memory + short_bytes) >> 20) + 1));
}

/* True where the rows in memory came in time order (in (vm, time) order). */
static bool
in_time_order(const struct vmf_dedup *d)
{
	return d->late_time <= d->taken;
}

static bool
in_vm_order(const struct vmf_dedup *d)
{
	return d->late_vm <= d->taken;
}

/*
 * True where the rows in memory tell no order.  Those of one time are in time
 * order whatever comes next, and by VM in both orders; and where memory does
 * not hold a time, its half would be handed on while the rest is to come.
 */
static bool
one_time(const struct vmf_dedup *d)
{
	return d->late_time == NONE && d->rows.n > 0 &&
	    vmf_sorter_at(&d->rows, 0)->t == d->last_t;
}

/* Hand on the rows of the times up to row `goal`, or the last time but one;
 * how many in *n. */
static int
stream_steps(struct vmf_dedup *d, int64_t goal, int64_t *n, struct vmf_err *e)
{
	int64_t i = 0, end;
	int rc = 0;

	for (; rc == 0 && i < goal; i = end) {
		int64_t t = vmf_sorter_at(&d->rows, i)->t;

		for (end = i + 1; end < d->rows.n &&
		    vmf_sorter_at(&d->rows, end)->t == t;)
			end++;
		/* More of the last time may come. */
		if (end == d->rows.n && goal < d->rows.n)
			break;
		rc = vmf_sorter_sort_step(&d->rows, i, end - i, &d->ids, e);
		if (rc == 0)
			rc = feed_step(d, end - i, e);
	}
	*n = i;
	return rc;
}

/*
 * Enter the VMs that are new into the output's dictionary, before the rows
 * that name them: it is sent again with every batch for which it has grown.
 */
static int
enter_names(struct vmf_dedup *d, struct vmf_err *e)
{
	struct vmf_dict *to;
	const char *s;
	int64_t len;
	int rc = 0;

	if (d->w == NULL)
		rc = open_output(d, e);
	if (rc != 0)
		return rc;
	to = d->out.col[d->pack.vm].dict;
	for (; d->named < d->ids.dict.n; d->named++) {
		s = vmf_dict_str(&d->ids.dict, d->named, &len);
		rc = vmf_dict_intern(to, s, len, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Hand on the rows up to row `goal`, in order. */
static int
stream_rows(struct vmf_dedup *d, int64_t goal, struct vmf_err *e)
{
	int64_t n = 0;
	int rc;

	rc = vmf_ids_rank(&d->ids, e);
	if (rc == 0 && d->order == VMF_ORDER_TIME_VM)
		rc = enter_names(d, e);
	if (rc == 0 && d->order == VMF_ORDER_TIME_VM && in_time_order(d)) {
		rc = stream_steps(d, goal, &n, e);
	} else if (rc == 0 && d->order == VMF_ORDER_VM_TIME &&
	    in_vm_order(d)) {
		n = goal;
		rc = feed_all(d, false, 0, n, e);
	}
	if (rc == 0)
		rc = flush_rows(d, e);
	if (rc != 0 || n > 0) {
		vmf_sorter_pop(&d->rows, n);
		d->taken += n;
		return rc;
	}
	rc = vmf_sorter_sort(&d->rows, d->order, &d->ids, e);
	if (rc == 0)
		rc = feed_all(d, true, 0, goal, e);
	if (rc == 0)
		rc = flush_rows(d, e);
	if (rc == 0)
		rc = vmf_sorter_drop(&d->rows, goal, e);
	/* Those that are left do not stand as they came any more. */
	d->taken += goal;
	d->late_time = d->late_vm = d->taken + d->rows.n;
	return rc;
}

static int
make_room(struct vmf_dedup *d, struct vmf_err *e)
{
	int rc;

	if (d->mode == FILL) {
		if (!d->opts.sort_always && !one_time(d) &&
		    (d->late_vm == NONE || d->late_time == NONE)) {
			d->mode = STREAM;
			d->order = d->late_vm == NONE ? VMF_ORDER_VM_TIME :
			    VMF_ORDER_TIME_VM;
		} else {
			d->mode = SPILL;
		}
	}
	if (d->mode == STREAM)
		return stream_rows(d, (d->rows.n + 1) / 2, e);
	d->taken += d->rows.n;
	rc = vmf_sorter_flush(&d->rows, &d->ids, e);
	return rc;
}

/* ---- input ---- */

/* True where the n times, the one before them first, do not go back. */
static bool
ascending(int64_t before, const int64_t *t, int64_t n)
{
	int64_t back = n > 0 && t[0] < before;

	for (int64_t i = 1; i < n; i++)
		back |= t[i] < t[i - 1];
	return !back;
}

/* Keep track of the order in which the rows came. */
static void
watch_order(struct vmf_dedup *d, const int64_t *t, int64_t n)
{
	int64_t row = d->taken + d->rows.n, last_t = d->last_t;
	int32_t last_id = d->last_id;
	/* What was not in (vm, time) order once need not be told. */
	bool by_vm = d->mode == STREAM ? d->order == VMF_ORDER_VM_TIME :
	    d->late_vm == NONE;

	if (last_id < 0) {
		last_id = d->id[0];
		last_t = t[0];
	}
	if (!by_vm && ascending(last_t, t, n)) {
		d->last_t = t[n - 1];
		d->last_id = d->id[n - 1];
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		if (t[i] < last_t)
			d->late_time = row + i;
		if (by_vm && (d->id[i] == last_id ? t[i] < last_t :
		    vmf_ids_compare(&d->ids, last_id, d->id[i]) > 0)) {
			d->late_vm = row + i;
			by_vm = d->mode == STREAM;
		}
		last_t = t[i];
		last_id = d->id[i];
	}
	d->last_t = last_t;
	d->last_id = last_id;
}

static int
too_late(struct vmf_dedup *d, int32_t id, int64_t t, int64_t row,
    struct vmf_err *e)
{
	const struct vmf_rec *key = vmf_fold_key(&d->fold);
	bool by_time = d->order == VMF_ORDER_TIME_VM;
	/* Some rows of that time went, and others are still here. */
	bool full = by_time && t == key->t && d->rows.n > 0 &&
	    vmf_sorter_at(&d->rows, 0)->t == t;
	char now[32], then[32], window[32];
	const char *vm, *vm0;
	int64_t len, len0;

	vm = vmf_dict_str(&d->ids.dict, id, &len);
	vm0 = vmf_dict_str(&d->ids.dict, key->id, &len0);
	vmf_time_format_utc(t, now);
	vmf_time_format_utc(key->t, then);
	vmf_format_double((double)d->rows.n, window);
	if (full)
		return vmf_fail(e, VMF_EDATA, "%s: row %lld: found vm '%.*s' "
		    "at %s, expected nothing before vm '%.*s' at that time: "
		    "the rows came in time order, those of one time are more "
		    "than --memory holds, and all but the last %s were "
		    "handed on; use a larger --memory, or --sort always, "
		    "which takes any order", d->in.name, (long long)row,
		    (int)(len < 99 ? len : 99), vm, now,
		    (int)(len0 < 99 ? len0 : 99), vm0, window);
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

	/* Mostly all are after it, in order. */
	if (d->order == VMF_ORDER_TIME_VM && t[0] > key->t &&
	    ascending(t[0], t, n))
		return 0;
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
    int64_t first_row, int64_t held_bytes, struct vmf_err *e)
{
	const int64_t *t = b->col[d->in.time].d.i64;
	int64_t n, room;
	void *rec;
	int rc;

	if (held_bytes > d->in_bytes)
		d->in_bytes = held_bytes;
	for (int64_t i = 0; i < b->n; i += n) {
		n = b->n - i < CHUNK ? b->n - i : CHUNK;
		if (d->rows.base > 0)
			n = vmf_sorter_fit(&d->rows, n);
		if (n == 0) {
			rc = make_room(d, e);
			if (rc != 0)
				return rc;
			continue;
		}
		rc = vmf_readings_ids(&d->in, b, i, n, NULL, first_row,
		    &d->ids, d->id, e);
		if (rc == 0)
			rc = check_budget(d, e);
		room = budget(d) / vmf_sorter_row_bytes(d->pack.rec_bytes);
		if (rc == 0 && d->rows.n + n > room) {
			rc = make_room(d, e);
			/* The ring may have begun to turn. */
			if (rc == 0)
				n = vmf_sorter_fit(&d->rows, n);
		}
		if (rc == 0 && d->mode == STREAM)
			rc = check_late(d, t + i, n, first_row + i, e);
		if (rc != 0)
			return rc;
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
		rc = stream_rows(d, d->rows.n, e);
	} else if (d->rows.spill.n_runs == 0) {
		/* All are here. */
		bool sorted = d->late_vm != NONE;

		rc = vmf_ids_rank(&d->ids, e);
		if (rc == 0 && sorted)
			rc = vmf_sorter_sort(&d->rows, VMF_ORDER_VM_TIME,
			    &d->ids, e);
		if (rc == 0)
			rc = feed_all(d, sorted, 0, d->rows.n, e);
	} else {
		rc = vmf_sorter_finish(&d->rows, &d->ids, budget(d), e);
		while (rc == 0 &&
		    (got = vmf_sorter_next(&d->rows, &rec, e)) != 0)
			rc = got < 0 ? got : feed(d, rec, e);
	}
	if (rc == 0 && d->fold.n > 0)
		rc = write_fold(d, e);
	/* Opens the output where there was no row at all. */
	if (rc == 0)
		rc = flush_rows(d, e);
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
