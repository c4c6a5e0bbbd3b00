/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE		/* memrchr */
/*
 * The fast reader.  Threads take blocks of text in turn and parse what is
 * plain in them; here they are used in order.  Runs of plain lines go into
 * the batch as they are; every other line is given to libcsv and rows.c, in
 * its place, so that all that depends on the rows before it (formats, codes,
 * counts, line numbers) is as if libcsv had read everything.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/thread.h"
#include "ingest/block.h"
#include "ingest/convert.h"
#include "ingest/ingest_in.h"

#define BLOCK_BYTES (256 * 1024)
/* Few chunks, so that they stay in the cache; the text of packed files whose
 * turn has not come goes to temporary files, up to this in all. */
#define AHEAD_CHUNKS 4
#define AHEAD_FILES_BYTES ((int64_t)4 << 30)

/* A file to come. */
struct infile {
	char *path;		/* NULL: standard input */
	bool regular;		/* who opens it need not wait for a writer */
	struct vmf_source *src;	/* when opened */
	bool opened;
	int rc;			/* of opening, told when its turn comes */
	struct vmf_err err;
};

/* Codes of a column: from the table that all threads see to those of the
 * batch's dictionary, of one gen. */
struct codes {
	uint64_t gen;
	int32_t *to;		/* -1: not in the dictionary yet */
	int64_t n, cap;
};

struct vmf_fast {
	struct vmf_ingest *in;
	struct vmf_pool *pool;
	bool started;
	struct vmf_block *block;
	int n_blocks;
	/* looked at by take, changed while it is held */
	struct infile *file;
	int64_t n_files, files_cap;
	int64_t reading;	/* file */
	int64_t turn;		/* file that is no regular one; -1: none yet */
	bool begun;		/* it has given a block */
	bool ready;		/* the columns are known */
	int allow;		/* blocks to take before that */
	bool stop;		/* an error: nothing after it counts */
	struct vmf_buf carry;	/* text after the last line end */
	int64_t closed_bytes;
	/* of the one who fills batches */
	struct vmf_idtab **tab;
	struct codes *codes;	/* as tab: the VM's column, then by column */
	int64_t n_tabs;
	int64_t opened;		/* files */
	bool bound;		/* the columns of the open one are known */
	int32_t *code;		/* of a run of lines, in the dictionary */
	int64_t code_cap;
	struct vmf_block *cur;
	int64_t pos;		/* byte of its text */
	int64_t at;		/* line there, once it is parsed */
	int64_t line;		/* of the file */
	int64_t bytes;
};

/* ---- taking blocks: one thread at a time ---- */

static void
open_file(struct vmf_fast *f, int64_t i)
{
	struct infile *x = &f->file[i];

	if (x->opened)
		return;
	x->opened = true;
	x->rc = vmf_source_open(&x->src, x->path, &x->err);
	if (x->rc == 0 && f->in->opt.threads > 1)
		vmf_source_ahead(x->src, AHEAD_CHUNKS, f->in->opt.tmpdir,
		    i == f->reading ? 0 :
		    AHEAD_FILES_BYTES / f->in->opt.threads);
}

static void
end_file(struct vmf_fast *f)
{
	struct infile *x = &f->file[f->reading++];

	if (x->src != NULL)
		f->closed_bytes += vmf_source_bytes(x->src);
	vmf_source_free(x->src);
	x->src = NULL;
	f->carry.n = 0;
	f->begun = false;
	f->allow = 0;
	/* A wide file's columns are its own. */
	if (f->in->map->wide)
		f->ready = false;
}

/* Text up to a line end, if there is one in reach; what is after it is for
 * the next block.  Sets b->last at the end, and b->rc where that is none. */
static void
read_text(struct vmf_fast *f, struct vmf_source *src, struct vmf_block *b)
{
	int64_t want = f->in->opt.block_bytes > 0 ?
	    f->in->opt.block_bytes : BLOCK_BYTES, got;
	char *text, *lf = NULL;

	b->rc = vmf_block_reserve(b, want > f->carry.n ? want : f->carry.n,
	    &b->err);
	b->n = 0;
	if (b->rc != 0) {
		b->last = true;
		return;
	}
	b->n = f->carry.n;
	if (b->n > 0)
		memcpy(vmf_block_text(b), f->carry.p, (size_t)b->n);
	f->carry.n = 0;
	for (;;) {
		int64_t from = b->n;

		text = vmf_block_text(b);
		while (b->n < want && !b->last) {
			got = vmf_source_read(src, text + b->n, want - b->n,
			    &b->err);
			b->last = got <= 0;
			b->rc = got < 0 ? (int)got : 0;
			b->n += got > 0 ? got : 0;
		}
		if (b->last)
			return;
		lf = memrchr(text + from, '\n', (size_t)(b->n - from));
		if (lf != NULL || want >= VMF_BLOCK_MAX)
			break;
		want *= 4;
		b->rc = vmf_block_reserve(b, want, &b->err);
		b->last = b->rc != 0;
	}
	if (lf == NULL)
		return;
	got = text + b->n - (lf + 1);
	if (vmf_buf_put(&f->carry, lf + 1, got, &b->err) != 0) {
		b->rc = VMF_ENOMEM;
		b->last = true;
		return;
	}
	b->n -= got;
}

static int
take(void *arg, void *slot)
{
	struct vmf_fast *f = arg;
	struct vmf_block *b = slot;
	struct vmf_ingest *in = f->in;
	const char *pattern;
	struct infile *x;

	if (f->stop || f->reading == f->n_files ||
	    (!f->ready && f->allow == 0))
		return 0;
	x = &f->file[f->reading];
	/* A pipe may give nothing until those before it were used, and what
	 * is wrong with them is not to wait for it. */
	if (!x->regular && f->reading > f->turn)
		return 0;
	f->allow -= !f->ready;
	b->first = !f->begun;
	b->last = b->parsed = b->no_file = false;
	b->rc = 0;
	b->n = 0;
	open_file(f, f->reading);
	/* Packed files are unpacked side by side. */
	if (!f->begun)
		for (int64_t i = 1; i < f->in->opt.threads &&
		    f->reading + i < f->n_files; i++)
			if (f->file[f->reading + i].regular)
				open_file(f, f->reading + i);
	f->begun = true;
	if (x->rc != 0) {
		b->rc = x->rc;
		b->err = x->err;
		b->last = b->no_file = true;
	} else {
		read_text(f, x->src, b);
	}
	b->file_bytes = f->closed_bytes +
	    (x->src != NULL ? vmf_source_bytes(x->src) : 0);
	b->plan = (struct vmf_block_plan){
		.bind = f->ready ? &in->bind : NULL,
		.wide = in->map->wide,
		.blank_rows = in->map->time_by_row,
		.comment = in->map->comment,
		.delim = in->map->delim,
		.simd = in->opt.simd,
		.stamp = vmf_ingest_given(in, &pattern),
		.tab = f->tab,
	};
	b->plan.pattern = pattern;
	b->plan.detect = b->plan.stamp == VMF_STAMP_AUTO;
	f->stop = b->rc != 0;
	if (b->last)
		end_file(f);
	return 1;
}

static void
work(void *arg, void *slot)
{
	struct vmf_block *b = slot;

	(void)arg;
	if (b->plan.bind != NULL)
		vmf_block_parse(b, 0);
}

/* ---- files ---- */

int
vmf_fast_new(struct vmf_ingest *in, struct vmf_err *e)
{
	int n = (in->opt.threads > 1 ? in->opt.threads : 1) + 3;
	struct vmf_fast *f = vmf_calloc(1, sizeof(*f), e);
	struct vmf_pool_ops ops = { .take = take, .work = work, .arg = f };
	void **slot = vmf_calloc(n, sizeof(*slot), e);
	int rc = VMF_ENOMEM;

	in->fast = f;
	if (f == NULL || slot == NULL)
		goto done;
	f->in = in;
	f->turn = -1;
	f->block = vmf_calloc(n, sizeof(*f->block), e);
	if (f->block == NULL)
		goto done;
	f->n_blocks = n;
	for (int i = 0; i < n; i++)
		slot[i] = &f->block[i];
	rc = vmf_pool_new(&f->pool, &ops, slot, n, e);
done:
	free(slot);
	return rc;
}

void
vmf_fast_free(struct vmf_fast *f)
{
	if (f == NULL)
		return;
	vmf_pool_free(f->pool);
	for (int i = 0; i < f->n_blocks; i++)
		vmf_block_free(&f->block[i]);
	free(f->block);
	for (int64_t i = 0; i < f->n_files; i++) {
		vmf_source_free(f->file[i].src);
		free(f->file[i].path);
	}
	free(f->file);
	vmf_buf_free(&f->carry);
	for (int64_t i = 0; i < f->n_tabs; i++) {
		vmf_idtab_free(f->tab[i]);
		free(f->codes[i].to);
	}
	free(f->tab);
	free(f->codes);
	free(f->code);
	free(f);
}

static int
add_file(struct vmf_fast *f, const char *path, struct vmf_err *e)
{
	struct infile x = { 0 };
	struct stat st = { 0 };
	int rc = vmf_grow(&f->file, &f->files_cap, f->n_files + 1, e);

	x.regular = path != NULL && strcmp(path, "-") != 0 &&
	    stat(path, &st) == 0 && S_ISREG(st.st_mode);
	if (rc == 0 && path != NULL) {
		x.path = vmf_strdup(path, e);
		rc = x.path == NULL ? VMF_ENOMEM : 0;
	}
	if (rc == 0)
		f->file[f->n_files++] = x;
	return rc;
}

int
vmf_fast_expect(struct vmf_fast *f, const char *const *path, int n,
    struct vmf_err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < n; i++)
		rc = add_file(f, path[i], e);
	return rc;
}

/* The next block into cur; NULL after an error. */
static void
next_block(struct vmf_fast *f)
{
	/* Before the columns are known blocks are taken one by one. */
	if (!f->bound) {
		vmf_pool_hold(f->pool);
		f->allow = 1;
		vmf_pool_resume(f->pool);
	}
	f->cur = vmf_pool_next(f->pool);
	f->pos = f->at = 0;
	if (f->cur != NULL)
		f->bytes = f->cur->file_bytes;
}

int
vmf_fast_open(struct vmf_fast *f, const char *path, struct vmf_err *e)
{
	int rc = 0;

	/* What is left of the file before. */
	while (f->opened > 0 && f->cur != NULL && !f->cur->last)
		next_block(f);
	if (f->opened == f->n_files || !f->file[f->opened].regular) {
		vmf_pool_hold(f->pool);
		if (f->opened == f->n_files)
			rc = add_file(f, path, e);
		f->turn = f->opened;
		vmf_pool_resume(f->pool);
	}
	if (rc != 0)
		return rc;
	f->opened++;
	f->bound = f->bound && !f->in->map->wide;
	next_block(f);
	assert(f->cur != NULL && f->cur->first);
	f->line = 1;
	if (!f->cur->no_file)
		return 0;
	if (e != NULL)
		*e = f->cur->err;
	return f->cur->rc;
}

/* Tables for the columns of text, of which there are no more in a later
 * file. */
static int
make_tables(struct vmf_fast *f, struct vmf_err *e)
{
	const struct vmf_bind *bd = &f->in->bind;
	int64_t n = 1 + (bd->map->wide ? 0 : bd->n_cols);
	int rc = 0;

	f->tab = vmf_calloc(n, sizeof(*f->tab), e);
	f->codes = vmf_calloc(n, sizeof(*f->codes), e);
	if (f->tab == NULL || f->codes == NULL)
		return VMF_ENOMEM;
	f->n_tabs = n;
	for (int64_t i = 0; rc == 0 && i < n; i++)
		if (i == 0 ? bd->id >= 0 : bd->col[i - 1].type == VMF_UTF8)
			rc = vmf_idtab_new(&f->tab[i], e);
	return rc;
}

int
vmf_fast_ready(struct vmf_fast *f, struct vmf_err *e)
{
	int rc = 0;

	f->line = vmf_csv_line(f->in->csv);
	if (f->bound)
		return 0;
	f->bound = true;
	if (f->tab == NULL)
		rc = make_tables(f, e);
	if (rc != 0)
		return rc;
	vmf_pool_hold(f->pool);
	f->ready = f->reading < f->opened || !f->in->map->wide;
	f->cur->plan.bind = &f->in->bind;
	f->cur->plan.tab = f->tab;
	vmf_pool_resume(f->pool);
	/* One small file is not worth a thread. */
	if (!f->started && (!f->cur->last || f->n_files > 1)) {
		vmf_pool_start(f->pool, f->in->opt.threads - 1);
		f->started = true;
	}
	return 0;
}

int64_t
vmf_fast_bytes(const struct vmf_fast *f)
{
	return f->bytes;
}

int64_t
vmf_fast_read(void *arg, void *p, int64_t n, struct vmf_err *e)
{
	struct vmf_fast *f = arg;
	const char *from, *lf;

	while (f->cur != NULL && f->pos == f->cur->n) {
		if (f->cur->last && f->cur->rc != 0 && e != NULL)
			*e = f->cur->err;
		if (f->cur->last)
			return f->cur->rc;
		next_block(f);
	}
	if (f->cur == NULL)
		return 0;
	from = vmf_block_text(f->cur) + f->pos;
	if (n > f->cur->n - f->pos)
		n = f->cur->n - f->pos;
	lf = memchr(from, '\n', (size_t)n);
	if (lf != NULL)
		n = lf - from + 1;
	memcpy(p, from, (size_t)n);
	f->pos += n;
	return n;
}

/* ---- lines ---- */

/* A dictionary that was begun afresh has other codes. */
static void
keep_up(struct codes *c, const struct vmf_dict *d)
{
	if (c->gen == d->gen)
		return;
	for (int64_t i = 0; i < c->n; i++)
		c->to[i] = -1;
	c->gen = d->gen;
}

/*
 * Dictionary codes of up to n lines, into code; how many there are before
 * one that the dictionary does not hold yet.
 */
static int64_t
map_codes(struct codes *c, const struct vmf_dict *d, const int32_t *all,
    int64_t r, int64_t n, int32_t *code)
{
	int64_t i;

	keep_up(c, d);
	for (i = 0; i < n; i++) {
		int32_t x = all[r + i];

		if (x == VMF_ID_MISSING) {
			code[i] = -1;
			continue;
		}
		if (x < VMF_ID_UNKNOWN)
			x = all[VMF_ID_AS_LINE(x)];
		if (x < 0 || x >= c->n || c->to[x] < 0)
			break;
		code[i] = c->to[x];
	}
	return i;
}

/* Put the text of a line's field into the dictionary; the table has the field
 * as it stands, the dictionary what is the id.  1: it has no code in the
 * table, which is full, or it is no id. */
static int
learn(struct vmf_fast *f, int64_t tab, int64_t field, struct vmf_dict *d,
    int64_t r, int32_t *all, struct vmf_err *e)
{
	struct codes *c = &f->codes[tab];
	struct vmf_field_text id;
	const char *s, *end;
	int32_t *code = &all[r], x;
	int rc;

	keep_up(c, d);
	/* What is learned for the line that it is the same as holds for all
	 * that are. */
	if (*code < VMF_ID_UNKNOWN)
		code = &all[VMF_ID_AS_LINE(*code)];
	x = *code;
	if (x == VMF_ID_MISSING || (x >= 0 && x < c->n && c->to[x] >= 0))
		return 0;
	vmf_cell(&f->cur->cells, r, field, &s, &end);
	id = (struct vmf_field_text){ s, end - s };
	if (tab == 0 && f->in->map->until != NULL)
		id = vmf_field_until(&id, f->in->map->until);
	/* Only ids are never empty: such a row is bad. */
	if (tab == 0 && id.len == 0)
		return 1;
	if (x < 0) {
		rc = vmf_idtab_add(f->tab[tab], s, end - s, &x, e);
		if (rc != 0)
			return rc;
		if (x < 0)
			return 1;
		*code = x;
	}
	rc = vmf_grow(&c->to, &c->cap, (int64_t)x + 1, e);
	if (rc != 0)
		return rc;
	while (c->n <= x)
		c->to[c->n++] = -1;
	c->to[x] = vmf_dict_intern(d, id.s, id.len, e);
	return c->to[x] < 0 ? c->to[x] : 0;
}

/* All texts of line r into their dictionaries; as learn. */
static int
learn_line(struct vmf_fast *f, struct vmf_batch *b, int64_t r,
    struct vmf_err *e)
{
	const struct vmf_bind *bd = &f->in->bind;
	int rc = 0;

	if (bd->id >= 0)
		rc = learn(f, 0, bd->id, b->col[0].dict, r, f->cur->id, e);
	for (int64_t i = 0; rc == 0 && i < bd->n_cols; i++)
		if (bd->col[i].type == VMF_UTF8)
			rc = learn(f, 1 + i, bd->col[i].from,
			    b->col[2 + i].dict, r, f->cur->col[i], e);
	return rc;
}

/* How many of n lines from r on have all their texts in the dictionaries;
 * the codes of dictionary column k go to f->code + k x n. */
static int64_t
known_lines(struct vmf_fast *f, const struct vmf_batch *b, int64_t r,
    int64_t n)
{
	const struct vmf_bind *bd = &f->in->bind;
	int64_t m = n, k = 0;

	if (bd->id >= 0)
		m = map_codes(&f->codes[0], b->col[0].dict, f->cur->id, r,
		    m, f->code + n * k++);
	for (int64_t i = 0; m > 0 && i < bd->n_cols; i++)
		if (bd->col[i].type == VMF_UTF8)
			m = map_codes(&f->codes[1 + i], b->col[2 + i].dict,
			    f->cur->col[i], r, m, f->code + n * k++);
	return m;
}

static int
append_time(struct vmf_fast *f, struct vmf_col *c, int64_t r, int64_t n,
    struct vmf_err *e)
{
	int64_t *to = vmf_col_extend(c, n, e);
	bool ok = true;

	if (to == NULL)
		return VMF_ENOMEM;
	if (!f->in->map->time_by_row) {
		memcpy(to, f->cur->time + r, (size_t)n * sizeof(*to));
		return 0;
	}
	for (int64_t i = 0; i < n; i++)
		ok = ok && vmf_ingest_row_time(f->in, f->in->n_rows + i,
		    &to[i]);
	assert(ok);
	return 0;
}

/* Are all of them of int32's, and none missing? */
static bool
whole_numbers(const double *d, int64_t n)
{
	bool all = true;

	for (int64_t i = 0; all && i < n; i++)
		all = d[i] >= -0x1p31 && d[i] < 0x1p31 &&
		    (double)(int32_t)d[i] == d[i];
	return all;
}

/* One column of numbers. */
static int
append_numbers(struct vmf_ingest *in, struct vmf_bound *bound,
    struct vmf_col *c, const void *from, int64_t r, int64_t n,
    struct vmf_err *e)
{
	const double *d = (const double *)from + r;
	const float *v = (const float *)from + r;
	int64_t missing = 0;
	void *to;
	int rc = 0;

	if (bound->type == VMF_FLOAT64) {
		to = vmf_col_extend(c, n, e);
		if (to == NULL)
			return VMF_ENOMEM;
		memcpy(to, d, (size_t)n * sizeof(*d));
		return 0;
	}
	if (bound->type == VMF_INT32 && c->valid == NULL &&
	    whole_numbers(d, n)) {
		int32_t *i32 = vmf_col_extend(c, n, e);

		for (int64_t i = 0; i32 != NULL && i < n; i++)
			i32[i] = (int32_t)d[i];
		return i32 == NULL ? VMF_ENOMEM : 0;
	}
	if (bound->type != VMF_FLOAT32) {
		for (int64_t i = 0; rc == 0 && i < n; i++)
			rc = vmf_col_put_num(c, d[i], e);
		return rc;
	}
	to = vmf_col_extend(c, n, e);
	if (to == NULL)
		return VMF_ENOMEM;
	memcpy(to, v, (size_t)n * sizeof(*v));
	for (int64_t i = 0; i < n; i++)
		missing += v[i] != v[i];
	if (bound->where < 0)
		in->count.missing += missing;
	/* Only whether there is any matters, and only to columns that were
	 * guessed. */
	bound->n_good += n - missing;
	return 0;
}

/* n plain lines from r on, whose codes known_lines has put apart by m. */
static int
append_lines(struct vmf_fast *f, struct vmf_batch *b, int64_t r, int64_t n,
    int64_t m, struct vmf_err *e)
{
	struct vmf_ingest *in = f->in;
	struct vmf_bind *bd = &in->bind;
	int64_t k = 0;
	int32_t *to;
	int rc, code;

	if (bd->id >= 0) {
		rc = vmf_col_put_codes(&b->col[0], f->code + m * k++, n, e);
	} else {
		code = vmf_ingest_id_code(in, b->col[0].dict, e);
		if (code < 0)
			return code;
		to = vmf_col_extend(&b->col[0], n, e);
		for (int64_t i = 0; to != NULL && i < n; i++)
			to[i] = code;
		rc = to == NULL ? VMF_ENOMEM : 0;
	}
	if (rc == 0)
		rc = append_time(f, &b->col[1], r, n, e);
	for (int64_t i = 0; rc == 0 && i < bd->n_cols; i++)
		rc = bd->col[i].type == VMF_UTF8 ?
		    vmf_col_put_codes(&b->col[2 + i], f->code + m * k++, n,
		    e) :
		    append_numbers(in, &bd->col[i], &b->col[2 + i],
		    f->cur->col[i], r, n, e);
	if (rc != 0)
		return rc;
	vmf_batch_rows(b, n);
	in->count.rows_out += n;
	return 0;
}

/* Line r of a wide file. */
static int
append_wide(struct vmf_fast *f, struct vmf_batch *b, int64_t r,
    struct vmf_err *e)
{
	struct vmf_ingest *in = f->in;
	int64_t n = in->bind.n_values, m = 0, k = 0;
	float *const *col = (float *const *)f->cur->col;
	int32_t *code;
	int64_t *time;
	float *v;

	for (int64_t i = 0; i < n; i++)
		m += !isnan(col[i][r]);
	in->count.missing += n - m;
	if (m == 0)
		return 0;
	code = vmf_col_extend(&b->col[0], m, e);
	time = vmf_col_extend(&b->col[1], m, e);
	v = vmf_col_extend(&b->col[2], m, e);
	if (code == NULL || time == NULL || v == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		if (isnan(col[i][r]))
			continue;
		code[k] = vmf_ingest_wide_code(in, b->col[0].dict, i, e);
		if (code[k] < 0)
			return code[k];
		time[k] = f->cur->time[r];
		v[k++] = col[i][r];
	}
	vmf_batch_rows(b, m);
	in->count.rows_out += m;
	return 0;
}

/* True when what the block's parser took for granted holds for n lines. */
static bool
as_guessed(const struct vmf_fast *f, int64_t n)
{
	const struct vmf_ingest *in = f->in;
	int64_t t;

	if (in->map->time_by_row)
		return vmf_ingest_row_time(in, in->n_rows, &t) &&
		    vmf_ingest_row_time(in, in->n_rows + n - 1, &t);
	return in->stamp != VMF_STAMP_AUTO && f->cur->stamp == in->stamp;
}

/* So many lines are behind us. */
static int64_t
went_over(struct vmf_fast *f, int64_t n)
{
	f->in->count.rows_in += n;
	f->in->n_rows += n;
	f->line += n;
	f->at += n;
	f->pos = vmf_block_line(f->cur, f->at);
	return n;
}

/* Lines from f->at on, of n, that are of no metric; 0: libcsv takes the
 * first of all, for what is said of it. */
static int64_t
passed_lines(struct vmf_fast *f, const uint8_t *odd, int64_t n)
{
	int64_t m = 0;

	if (f->in->count.passed == 0)
		return 0;
	while (m < n && odd[m] == VMF_LINE_PASSED)
		m++;
	f->in->count.passed += m;
	return went_over(f, m);
}

/*
 * Plain lines from f->at on into the batch, as many as may be before it has
 * to be asked whether it is full.  Returns their number, 0 where libcsv has
 * to take the first.
 */
static int64_t
plain_lines(struct vmf_fast *f, struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_ingest *in = f->in;
	int64_t n = f->cur->cells.n - f->at, m;
	const uint8_t *odd = f->cur->odd + f->at, *next;
	int rc;

	if (*odd == VMF_LINE_PASSED)
		return passed_lines(f, odd, n);
	if (in->map->wide)
		n = 1;
	else if (n > in->check_rows - b->n % in->check_rows)
		n = in->check_rows - b->n % in->check_rows;
	next = memchr(odd, VMF_LINE_ODD, (size_t)n);
	if (next != NULL)
		n = next - odd;
	if (in->bind.some_rows && n > 0 &&
	    (next = memchr(odd, VMF_LINE_PASSED, (size_t)n)) != NULL)
		n = next - odd;
	if (n == 0 || !as_guessed(f, n))
		return 0;
	if (in->map->wide) {
		rc = append_wide(f, b, f->at, e);
		m = 1;
	} else {
		rc = vmf_grow(&f->code, &f->code_cap, n * f->n_tabs, e);
		if (rc != 0)
			return rc;
		m = known_lines(f, b, f->at, n);
		if (m == 0) {
			rc = learn_line(f, b, f->at, e);
			if (rc != 0)
				return rc > 0 ? 0 : rc;
			n = 1;
			m = known_lines(f, b, f->at, n);
			assert(m == 1);
		}
		rc = append_lines(f, b, f->at, m, n, e);
	}
	if (rc != 0)
		return rc;
	return went_over(f, m);
}

/* The row at f->pos, by libcsv. */
static int
csv_row(struct vmf_fast *f, struct vmf_batch *b, struct vmf_err *e)
{
	struct vmf_csv *csv = f->in->csv;
	struct vmf_row row;
	int rc;

	vmf_csv_set_line(csv, f->line);
	rc = vmf_csv_next(csv, &row, e);
	f->line = vmf_csv_line(csv);
	if (rc > 0) {
		rc = vmf_ingest_row(f->in, &row, b, e);
		return rc != 0 ? rc : 1;
	}
	return rc;
}

int
vmf_fast_fill(struct vmf_fast *f, struct vmf_batch *b, struct vmf_err *e)
{
	int64_t n;
	bool rows;

	while (f->cur != NULL) {
		/* Where the columns are elsewhere, lines mean nothing. */
		rows = f->in->follow;
		if (!f->cur->parsed && !rows)
			vmf_block_parse(f->cur, f->pos);
		while (!rows && f->at < f->cur->cells.n &&
		    vmf_block_line(f->cur, f->at) < f->pos)
			f->at++;
		if (f->pos == f->cur->n && !f->cur->last) {
			next_block(f);
			continue;
		}
		n = 0;
		if (!rows && f->at < f->cur->cells.n)
			n = plain_lines(f, b, e);
		if (n == 0)
			n = csv_row(f, b, e);
		if (n <= 0)
			return (int)n;
		if (vmf_ingest_full(f->in, b))
			return 1;
	}
	return 0;
}
