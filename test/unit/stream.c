/* SPDX-License-Identifier: MIT */
/*
 * lib/arrow against itself: what is written is read back, batch by batch,
 * with every codec, at once or by a thread; dictionaries that grow, shrink and
 * are replaced.
 *
 * With arguments it is a filter for the other tests:
 *   stream IN OUT none|lz4|zstd ROWS
 * rewrites IN in batches of ROWS rows.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arrow/arrow.h"
#include "arrow/checksum.h"
#include "arrow/flat.h"
#include "arrow/read_in.h"
#include "base/num.h"

#undef NDEBUG

static struct vmf_err err;

static void
check(int rc)
{
	if (rc < 0) {
		fprintf(stderr, "stream: %s\n", err.msg);
		exit(1);
	}
}

static int
rewrite(const char *in, const char *to, const char *codec, int64_t rows)
{
	struct vmf_reader *r;
	struct vmf_out *o;
	struct vmf_writer *w;
	struct vmf_batch out;
	const struct vmf_batch *b;
	int got;

	check(vmf_reader_open(&r, in, VMF_MAX_BATCH, &err));
	check(vmf_out_open(&o, to, &err));
	check(vmf_writer_open(&w, o, vmf_reader_schema(r),
	    strcmp(codec, "lz4") == 0 ? VMF_CODEC_LZ4 :
	    strcmp(codec, "zstd") == 0 ? VMF_CODEC_ZSTD : VMF_CODEC_NONE,
	    &err));
	check(vmf_batch_init(&out, vmf_reader_schema(r), &err));
	while ((got = vmf_reader_next(r, &b, &err)) > 0) {
		for (int64_t i = 0; i < b->n; i++) {
			for (int k = 0; k < b->n_cols; k++)
				check(vmf_col_put_from(&out.col[k],
				    &b->col[k], i, &err));
			vmf_batch_row(&out);
			if (out.n == rows) {
				check(vmf_writer_put(w, &out, &err));
				vmf_batch_clear(&out);
			}
		}
	}
	check(got);
	check(vmf_writer_put(w, &out, &err));
	check(vmf_writer_finish(w, &err));
	check(vmf_out_finish(o, &err));
	vmf_batch_free(&out);
	vmf_writer_free(w);
	vmf_out_free(o);
	vmf_reader_free(r);
	return 0;
}

/* Value of row i, so that reading can be checked without a copy. */
static double
value(int64_t i)
{
	return i % 7 == 0 ? NAN : (double)(i % 1000) / 8;
}

/* Numbers into columns and out of them: what a type cannot hold is missing. */
static void
numbers(void)
{
	static const struct {
		enum vmf_type type;
		double in, out;
	} of[] = {
		{ VMF_BOOL, 2.0, 1.0 }, { VMF_BOOL, 0.0, 0.0 },
		{ VMF_BOOL, NAN, NAN }, { VMF_INT32, 2.6, 3.0 },
		{ VMF_INT32, 0x1p31, NAN }, { VMF_INT32, NAN, NAN },
		{ VMF_INT64, -0x1p63, -0x1p63 }, { VMF_INT64, 0x1p63, NAN },
		{ VMF_FLOAT32, 0.1, (double)0.1f }, { VMF_FLOAT64, 0.1, 0.1 },
	};
	struct vmf_schema s = { 0 };
	struct vmf_batch b;

	check(vmf_schema_add(&s, "text", VMF_UTF8, false, &err));
	for (int k = 0; k < (int)(sizeof(of) / sizeof(*of)); k++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", k);
		check(vmf_schema_add(&s, name, of[k].type, false, &err));
	}
	check(vmf_batch_init(&b, &s, &err));
	check(vmf_col_put_str(&b.col[0], "7", 1, &err));
	assert(isnan(vmf_col_num(&b.col[0], 0)));
	for (int k = 1; k < s.n; k++) {
		double v;

		check(vmf_col_put_num(&b.col[k], of[k - 1].in, &err));
		v = vmf_col_num(&b.col[k], 0);
		assert(isnan(of[k - 1].out) ? isnan(v) : v == of[k - 1].out);
	}
	vmf_batch_free(&b);
	vmf_schema_free(&s);
}

static void
round_trip(enum vmf_codec codec, int64_t rows, int64_t batch_rows,
    int64_t n_ids, bool behind, const char *path)
{
	struct vmf_schema s = { 0 };
	struct vmf_batch b;
	const struct vmf_batch *in;
	struct vmf_out *o;
	struct vmf_writer *w;
	struct vmf_reader *r;
	char id[32];
	float list[5];
	int64_t i = 0, n, len;
	int got;

	check(vmf_schema_add(&s, "vm", VMF_UTF8, true, &err));
	check(vmf_schema_add(&s, "time", VMF_TIME, false, &err));
	check(vmf_schema_add(&s, "cpu", VMF_FLOAT32, false, &err));
	check(vmf_schema_add(&s, "n", VMF_INT32, false, &err));
	check(vmf_schema_add(&s, "l", VMF_LIST_FLOAT32, false, &err));
	check(vmf_schema_add(&s, "note", VMF_UTF8, false, &err));
	check(vmf_schema_add(&s, "on", VMF_BOOL, false, &err));
	check(vmf_schema_add(&s, "none", VMF_NULL, false, &err));
	check(vmf_meta_set(&s.meta, "vmf:kind", "readings", &err));
	check(vmf_meta_set(&s.field[2].meta, "unit", "%", &err));
	check(vmf_out_open(&o, path, &err));
	check(vmf_writer_open(&w, o, &s, codec, &err));
	if (behind)
		vmf_writer_behind(w);
	check(vmf_batch_init(&b, &s, &err));
	for (i = 0; i < rows; i++) {
		len = snprintf(id, sizeof(id), "vm-%lld",
		    (long long)(i * n_ids / rows));
		check(vmf_col_put_str(&b.col[0], id, len, &err));
		check(vmf_col_put_int(&b.col[1], i * 300, &err));
		check(vmf_col_put_num(&b.col[2], value(i), &err));
		check(i % 3 == 0 ? vmf_col_put_null(&b.col[3], &err) :
		    vmf_col_put_int(&b.col[3], i, &err));
		for (int k = 0; k < 5; k++)
			list[k] = (float)value(i + k);
		check(i % 11 == 0 ? vmf_col_put_null(&b.col[4], &err) :
		    vmf_col_put_list32(&b.col[4], list, i % 6, &err));
		check(vmf_col_put_str(&b.col[5], "\xc3\xa9", i % 2 * 2,
		    &err));
		check(vmf_col_put_bool(&b.col[6], i % 5 == 0, &err));
		check(vmf_col_put_null(&b.col[7], &err));
		vmf_batch_row(&b);
		if (b.n == batch_rows) {
			check(vmf_writer_put(w, &b, &err));
			vmf_batch_clear(&b);
		}
	}
	check(vmf_writer_put(w, &b, &err));
	check(vmf_writer_finish(w, &err));
	check(vmf_out_finish(o, &err));
	vmf_writer_free(w);
	vmf_out_free(o);
	vmf_batch_free(&b);

	check(vmf_reader_open(&r, path, VMF_MAX_BATCH, &err));
	assert(strcmp(vmf_meta_get(&vmf_reader_schema(r)->meta, "vmf:kind"),
	    "readings") == 0);
	assert(strcmp(vmf_meta_get(&vmf_reader_schema(r)->field[2].meta,
	    "unit"), "%") == 0);
	i = 0;
	while ((got = vmf_reader_next(r, &in, &err)) > 0) {
		assert(vmf_reader_row(r) == i);
		for (int64_t k = 0; k < in->n; k++, i++) {
			const float *items;
			const char *t;

			t = vmf_col_str(&in->col[0], k, &len);
			n = snprintf(id, sizeof(id), "vm-%lld",
			    (long long)(i * n_ids / rows));
			assert(n == len && memcmp(t, id, (size_t)n) == 0);
			assert(in->col[1].d.i64[k] == i * 300);
			assert(isnan(value(i)) ? isnan(in->col[2].d.f32[k]) :
			    in->col[2].d.f32[k] == (float)value(i));
			assert(vmf_col_valid(&in->col[3], k) == (i % 3 != 0));
			assert(i % 3 == 0 || in->col[3].d.i32[k] == i);
			items = vmf_col_list32(&in->col[4], k, &n);
			assert(vmf_col_valid(&in->col[4], k) == (i % 11 != 0));
			assert(n == (i % 11 == 0 ? 0 : i % 6));
			for (int64_t j = 0; j < n; j++)
				assert(isnan(value(i + j)) ?
				    isnan(items[j]) :
				    items[j] == (float)value(i + j));
			t = vmf_col_str(&in->col[5], k, &len);
			assert(t != NULL && len == i % 2 * 2);
			assert(in->col[6].d.b8[k] == (i % 5 == 0));
			assert(!vmf_col_valid(&in->col[7], k));
		}
	}
	check(got);
	assert(i == rows);
	vmf_reader_free(r);
	vmf_schema_free(&s);
}

/* A large batch of columns of one width goes out in parts, whose bitmaps are
 * cut out of its own; compressed it stays whole. */
static void
parts(enum vmf_codec codec, const char *path)
{
	static const enum vmf_type type[] = { VMF_UTF8, VMF_TIME,
	    VMF_FLOAT32, VMF_FLOAT64, VMF_INT32, VMF_INT64, VMF_BOOL,
	    VMF_NULL };
	int n_cols = (int)(sizeof(type) / sizeof(*type)), got, n_batches = 0;
	int64_t rows = 150001, i = 0, len;
	struct vmf_schema s = { 0 };
	struct vmf_batch b;
	const struct vmf_batch *in;
	struct vmf_out *o;
	struct vmf_writer *w;
	struct vmf_reader *r;
	char id[32];

	for (int k = 0; k < n_cols; k++) {
		snprintf(id, sizeof(id), "c%d", k);
		check(vmf_schema_add(&s, id, type[k], k == 0, &err));
	}
	check(vmf_out_open(&o, path, &err));
	check(vmf_writer_open(&w, o, &s, codec, &err));
	check(vmf_batch_init(&b, &s, &err));
	for (i = 0; i < rows; i++) {
		len = snprintf(id, sizeof(id), "vm-%lld",
		    (long long)(i % 1000));
		for (int k = 0; k < n_cols; k++)
			check((i + k) % 7 == 0 || type[k] == VMF_NULL ?
			    vmf_col_put_null(&b.col[k], &err) :
			    type[k] == VMF_UTF8 ?
			    vmf_col_put_str(&b.col[k], id, len, &err) :
			    type[k] == VMF_BOOL ?
			    vmf_col_put_bool(&b.col[k], i % 5 == 0, &err) :
			    vmf_col_put_num(&b.col[k], (double)i, &err));
		vmf_batch_row(&b);
	}
	check(vmf_writer_put(w, &b, &err));
	check(vmf_writer_finish(w, &err));
	check(vmf_out_finish(o, &err));
	check(vmf_reader_open(&r, path, VMF_MAX_BATCH, &err));
	for (i = 0; (got = vmf_reader_next(r, &in, &err)) > 0; n_batches++)
		for (int64_t j = 0; j < in->n; j++, i++)
			for (int k = 0; k < n_cols; k++) {
				const struct vmf_col *c = &in->col[k];
				bool null = (i + k) % 7 == 0 ||
				    type[k] == VMF_NULL;
				const char *t;

				assert(vmf_col_valid(c, j) == !null);
				if (null)
					continue;
				if (type[k] != VMF_UTF8) {
					assert(vmf_col_num(c, j) ==
					    (type[k] == VMF_BOOL ?
					    (double)(i % 5 == 0) :
					    (double)i));
					continue;
				}
				t = vmf_col_str(c, j, &len);
				assert(len == snprintf(id, sizeof(id),
				    "vm-%lld", (long long)(i % 1000)));
				assert(memcmp(t, id, (size_t)len) == 0);
			}
	check(got);
	assert(i == rows);
	assert(codec == VMF_CODEC_NONE ? n_batches > 2 : n_batches == 1);
	vmf_reader_free(r);
	vmf_batch_free(&b);
	vmf_writer_free(w);
	vmf_out_free(o);
	vmf_schema_free(&s);
}

/* A dictionary of which less than half is used is begun afresh: many ids in
 * order must not make the stream quadratic. */
static void
dictionary_stays_small(const char *path)
{
	struct vmf_reader *r;
	const struct vmf_batch *b;
	int got;

	round_trip(VMF_CODEC_NONE, 20000, 100, 10000, false, path);
	check(vmf_reader_open(&r, path, VMF_MAX_BATCH, &err));
	while ((got = vmf_reader_next(r, &b, &err)) > 0)
		assert(b->col[0].dict->n <= 151);
	check(got);
	vmf_reader_free(r);
}

/*
 * A schema whose many fields share one long piece of metadata that ends with
 * this byte: FlatBuffers may point twice at one place, but memory must not
 * grow with it, nor time where it is dropped as no UTF-8.
 */
static void
shared_metadata(char last, const char *path)
{
	static const uint8_t message[] = { 2, 1, 4, 8 }, schema[] = { 2, 4 };
	static const uint8_t field[] = { 4, 1, 1, 4, 0, 4, 4 };
	static const uint8_t none[] = { 0 }, pair[] = { 4, 4 };
	struct vmf_reader *r;
	struct vmf_fbb f = { 0 };
	struct vmf_out *o;
	static char big[100000];
	uint32_t prefix[2] = { 0xffffffff, 0 };
	int64_t root, m, s, v, meta, kv, type, t, name;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 2] = last;
	root = vmf_fbb_begin(&f);
	m = vmf_fbb_table(&f, message, 4);
	vmf_fbb_link(&f, root, m);
	vmf_fbb_put(&f, vmf_fbb_slot(&f, m, 0), 4, 2);
	vmf_fbb_put(&f, vmf_fbb_slot(&f, m, 1), 1, 1);
	s = vmf_fbb_table(&f, schema, 2);
	vmf_fbb_link(&f, vmf_fbb_slot(&f, m, 2), s);
	v = vmf_fbb_vector(&f, vmf_fbb_slot(&f, s, 1), 500, 4);
	t = 0;
	for (int i = 0; i < 500; i++) {
		char id[16];

		t = vmf_fbb_table(&f, field, 7);
		vmf_fbb_link(&f, v + 4 * i, t);
		snprintf(id, sizeof(id), "c%d", i);
		vmf_fbb_string(&f, vmf_fbb_slot(&f, t, 0), id);
		vmf_fbb_put(&f, vmf_fbb_slot(&f, t, 2), 1, 1);
	}
	/* Offsets point forward: what is shared stands after all. */
	name = f.b.n;
	type = vmf_fbb_table(&f, none, 1);
	for (int i = 0; i < 500; i++) {
		uint32_t off;

		memcpy(&off, f.b.p + v + 4 * i, 4);
		t = v + 4 * i + off;
		vmf_fbb_link(&f, vmf_fbb_slot(&f, t, 3), type);
	}
	vmf_fbb_align(&f, 4);
	meta = vmf_fbb_vector(&f, vmf_fbb_slot(&f, t, 6), 1, 4) - 4;
	for (int i = 0; i < 500; i++) {
		uint32_t off;

		memcpy(&off, f.b.p + v + 4 * i, 4);
		vmf_fbb_link(&f, vmf_fbb_slot(&f, v + 4 * i + off, 6), meta);
	}
	kv = vmf_fbb_table(&f, pair, 2);
	vmf_fbb_link(&f, meta + 4, kv);
	vmf_fbb_string(&f, vmf_fbb_slot(&f, kv, 0), "key");
	vmf_fbb_string(&f, vmf_fbb_slot(&f, kv, 1), big);
	vmf_fbb_align(&f, 8);
	assert(!f.nomem && name > 0);
	prefix[1] = (uint32_t)f.b.n;
	check(vmf_out_open(&o, path, &err));
	check(vmf_out_write(o, prefix, 8, &err));
	check(vmf_out_write(o, f.b.p, f.b.n, &err));
	prefix[1] = 0;
	check(vmf_out_write(o, prefix, 8, &err));
	check(vmf_out_finish(o, &err));
	vmf_out_free(o);
	vmf_buf_free(&f.b);
	assert(vmf_reader_open(&r, path, VMF_MAX_BATCH, &err) == VMF_EDATA);
	assert(strstr(err.msg, "longer than the schema itself") != NULL);
}

/* Names that differ at their ends are told apart by less than their length
 * times the square of their number. */
static void
names_alike(void)
{
	enum { N = 10000, LEN = 6000 };
	struct vmf_schema s = { 0 };
	struct vmf_checksum *sum;
	char *name = vmf_calloc(1, LEN + 1, &err);
	clock_t begin;

	assert(name != NULL);
	memset(name, 'a', LEN);
	check(vmf_checksum_new(&sum, NULL, &err));
	begin = clock();
	for (int i = 0; i < N; i++) {
		/* The last first, as a sorted list likes them least. */
		snprintf(name + LEN - 5, 6, "%05d", N - i);
		assert(vmf_schema_find(&s, name) < 0);
		check(vmf_schema_add(&s, name, VMF_BOOL, false, &err));
	}
	assert(vmf_schema_find(&s, name) == N - 1);
	check(vmf_checksum_schema(sum, &s, "this", &err));
	/* 300 GB are 10 s and more. */
	assert((clock() - begin) / CLOCKS_PER_SEC < 5);
	vmf_checksum_free(sum);
	vmf_schema_free(&s);
	free(name);
}

/* Deltas to a large dictionary with a null in it cost their own length. */
static void
small_deltas(void)
{
	enum { MANY = 1 << 20, DELTAS = 30000 };
	struct vmf_reader r = { .name = (char *)(uintptr_t)"this",
	    .max_batch = VMF_MAX_BATCH };
	struct vmf_dict d = { .gen = 1 };
	struct vmf_col c = { .type = VMF_UTF8, .n = MANY };
	uint8_t odd[] = { 5 };		/* of three the middle one is none */
	char none[1] = "";
	clock_t begin;

	c.off = vmf_calloc(MANY + 1, sizeof(*c.off), &err);
	c.valid = vmf_calloc(MANY / 8, 1, &err);
	c.d.bytes = none;
	assert(c.off != NULL && c.valid != NULL);
	c.valid[0] = 2;
	check(vmf_reader_set_dict(&r, &d, &c, false, 0, &err));
	free(c.valid);
	begin = clock();
	c.n = 3;
	for (int i = 0; i < DELTAS; i++) {
		c.valid = i % 2 == 0 ? odd : NULL;
		check(vmf_reader_set_dict(&r, &d, &c, true, 0, &err));
	}
	/* 30,000 times a million bits are a minute. */
	assert((clock() - begin) / CLOCKS_PER_SEC < 5);
	assert(d.n == MANY + 3 * DELTAS && d.gen == 2);
	for (int64_t i = 0; i < d.n; i++)
		assert(vmf_bit(d.valid, i) == (i < MANY ? i == 1 :
		    (i - MANY) % 6 != 1));
	free(c.off);
	vmf_dict_free(&d);
}

/* Names of which some change in one byte from one dictionary to the next. */
static void
put_names(struct vmf_writer *w, struct vmf_batch *b, int64_t n,
    int64_t changed, struct vmf_err *e)
{
	char id[64];

	vmf_batch_clear(b);
	vmf_dict_clear(b->col[0].dict);
	for (int64_t i = 0; i < n; i++) {
		int len = snprintf(id, sizeof(id), "a-virtual-machine-of-a-"
		    "large-fleet-%08lld%c", (long long)i,
		    i == changed ? '!' : '.');

		check(vmf_col_put_str(&b->col[0], id, len, e));
		vmf_batch_row(b);
	}
	check(vmf_writer_put(w, b, e));
}

/* What a dictionary says, whether it only grew or changed where the reader,
 * comparing it part by part, is in the middle of it. */
static void
dictionary_grows(bool behind, const char *path)
{
	static const int64_t step[][2] = { { 20000, -1 }, { 20007, -1 },
	    { 20007, -1 }, { 20007, 19000 }, { 20100, 19000 }, { 20100, 0 },
	    { 20100, 20099 }, { 30000, 20099 }, { 3, -1 }, { 20000, -1 } };
	struct vmf_schema s = { 0 };
	struct vmf_batch b;
	const struct vmf_batch *in;
	struct vmf_out *o;
	struct vmf_writer *w;
	struct vmf_reader *r;
	uint64_t gen = 0;
	char id[64];
	int n_steps = (int)(sizeof(step) / sizeof(*step));
	int64_t len, most = 0;

	check(vmf_schema_add(&s, "vm", VMF_UTF8, true, &err));
	check(vmf_out_open(&o, path, &err));
	check(vmf_writer_open(&w, o, &s, VMF_CODEC_NONE, &err));
	if (behind)
		vmf_writer_behind(w);
	check(vmf_batch_init(&b, &s, &err));
	for (int k = 0; k < n_steps; k++)
		put_names(w, &b, step[k][0], step[k][1], &err);
	check(vmf_writer_finish(w, &err));
	check(vmf_out_finish(o, &err));
	check(vmf_reader_open(&r, path, VMF_MAX_BATCH, &err));
	for (int k = 0; k < n_steps; k++) {
		bool grew = k > 0 && step[k][1] == step[k - 1][1] &&
		    step[k][0] >= step[k - 1][0];

		assert(vmf_reader_next(r, &in, &err) == 1);
		assert(in->n == step[k][0]);
		/* Codes keep their meaning where it only grew. */
		assert((in->col[0].dict->gen == gen) == grew);
		gen = in->col[0].dict->gen;
		for (int64_t i = 0; i < in->n; i++) {
			int want = snprintf(id, sizeof(id), "a-virtual-"
			    "machine-of-a-large-fleet-%08lld%c",
			    (long long)i, i == step[k][1] ? '!' : '.');
			const char *got = vmf_col_str(&in->col[0], i, &len);

			assert(len == want && memcmp(got, id, (size_t)len) ==
			    0);
		}
		/* Of what only grows no second copy is held. */
		if (k == 1)
			most = vmf_reader_bytes(r);
		assert(k != 2 || vmf_reader_bytes(r) < most + 4096);
	}
	check(vmf_reader_next(r, &in, &err));
	vmf_reader_free(r);
	vmf_batch_free(&b);
	vmf_writer_free(w);
	vmf_out_free(o);
	vmf_schema_free(&s);
}

int
main(int argc, char *argv[])
{
	char path[] = "/tmp/vmf-unit-XXXXXX";
	int64_t rows;
	int fd;

	if (argc == 5) {
		check(vmf_parse_int64(argv[4], (int64_t)strlen(argv[4]),
		    &rows));
		return rewrite(argv[1], argv[2], argv[3], rows);
	}
	fd = mkstemp(path);
	assert(fd >= 0);
	close(fd);
	numbers();
	for (int codec = VMF_CODEC_NONE; codec <= VMF_CODEC_ZSTD; codec++) {
		round_trip((enum vmf_codec)codec, 0, 10, 1, false, path);
		round_trip((enum vmf_codec)codec, 1, 10, 1, false, path);
		round_trip((enum vmf_codec)codec, 1000, 1000, 3, false, path);
		round_trip((enum vmf_codec)codec, 1000, 64, 900, false, path);
		round_trip((enum vmf_codec)codec, 1001, 7, 1001, false, path);
		round_trip((enum vmf_codec)codec, 1, 10, 1, true, path);
		round_trip((enum vmf_codec)codec, 1000, 64, 900, true, path);
		round_trip((enum vmf_codec)codec, 1001, 7, 1001, true, path);
		parts((enum vmf_codec)codec, path);
	}
	dictionary_stays_small(path);
	dictionary_grows(false, path);
	dictionary_grows(true, path);
	names_alike();
	small_deltas();
	shared_metadata('x', path);
	shared_metadata((char)0xff, path);
	unlink(path);
	return 0;
}
