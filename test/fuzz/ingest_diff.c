/* SPDX-License-Identifier: MIT */
/*
 * vmf-ingest's two readers against each other: the same bytes through libcsv
 * and through the fast reader at every level of wide instructions, in one
 * thread and in three, cut into blocks of many sizes.  Batches, counts, rows
 * kept as bad and messages must be the same.
 *
 * The input: flags, a map (as in ingest.c), then the text, or in half of
 * the cases choices from which a text is put together that looks like CSV
 * more than random bytes ever would.
 *
 * test/unit/ingest_diff.c has it run without libFuzzer, on inputs of its own
 * making.
 */
#define _GNU_SOURCE		/* memfd_create, F_SETPIPE_SZ */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "ingest/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "csv", "azure", "wide", "bitbrains",
    "planetlab", "nab", "alibaba2018" };
#define N_NAMES (sizeof(names) / sizeof(*names))

/* Maps of what no built-in one has, with the header and the shape of a row,
 * as put_rows has them. */
static const struct own {
	const char *json, *header, *shape;
	const char *other[2];	/* a second file's headers, or NULL */
} owns[] = {
	{ "{\"delimiter\": \";\", \"vm\": {\"column\": \"host\"},"
	    "\"time\": {\"column\": \"clock\"}, \"metrics\": ["
	    "{\"name\": \"cpu\", \"column\": \"value\","
	    "\"where\": {\"column\": \"key\", \"is\": \"c\"}},"
	    "{\"name\": \"mem\", \"column\": \"value\", \"scale\": 10,"
	    "\"where\": {\"column\": \"key\", \"is\": \"m\"}}]}",
	    "host;key;clock;value", "vktn",
	    { "host;key;value;clock", "host;key;time;value" } },
	{ "{\"vm\": {\"column\": 1, \"until\": \"0\"},"
	    "\"time\": {\"column\": 2},"
	    "\"others\": \"ignore\", \"metrics\": ["
	    "{\"name\": \"cpu\", \"column\": \"a\"},"
	    "{\"name\": \"mem\", \"column\": \"a\","
	    "\"percent_of\": \"b\", \"scale\": -1, \"offset\": 100,"
	    "\"where\": {\"column\": \"key\", \"is\": \"m\"}},"
	    "{\"name\": \"less\", \"column\": \"b\", \"offset\": -0.1},"
	    "{\"name\": \"dup\", \"column\": \"b\","
	    "\"percent_of\": \"a\"}]}", "vm,t,a,b,key", "vtnnk",
	    { "vm,t,b,a,key", "vm,t,key,a,b,x" } },
	{ "{\"vm\": {\"column\": \"id\"}, \"time\": {\"column\": \"t\"},"
	    "\"skip\": 2, \"comment\": \"#\", \"others\": \"guess\"}",
	    "Report,\n\"of the day\nid,t,cpu,vcpus", "vtnn", { NULL } },
	{ "{\"vm\": {\"from\": \"filename\"}, \"time\": {\"step\": \"5m\"},"
	    "\"header\": false, \"columns\": [\"c\"], \"skip\": 1,"
	    "\"comment\": \"#!\", \"metrics\": [{\"name\": \"cpu\","
	    "\"column\": \"c\"}]}", "1,2\"", "n", { NULL } },
	{ "{\"delimiter\": \";\", \"vm\": {\"column\": \"id\"},"
	    "\"time\": {\"column\": \"t\","
	    "\"format\": \"%d.%m.%y %I:%M %p\"},"
	    "\"others\": \"guess\"}", "id;t;cpu", "vpn", { NULL } },
	{ "{\"delimiter\": \";\", \"vm\": {\"column\": \"id\"},"
	    "\"time\": {\"column\": \"t\"}, \"decimal\": \",\","
	    "\"metrics\": [{\"name\": \"cpu\", \"column\": \"a\"},"
	    "{\"name\": \"mem\", \"column\": \"b\", \"unit\": \"%\","
	    "\"scale\": -1}], \"attributes\": [{\"name\": \"vcpus\","
	    "\"column\": \"n\"}]}", "id;t;a;b;n", "vtddd",
	    { "id;t;n;b;a", "id;t;b;a;n" } },
};
#define N_OWNS (sizeof(owns) / sizeof(*owns))

/* What a reader made of an input. */
struct result {
	struct vmf_buf batches, kept;
	struct vmf_ingest_counts n;
	struct vmf_err first_bad, err;
	int rc;
};

struct input {
	struct vmf_map map;
	char path[2][64];
	int n_files;
	bool skip, keep, afresh, given_stamp;
	const char *only;	/* or NULL: all columns */
	int64_t block_bytes;
};

/* ---- the text ---- */

struct choices {
	const uint8_t *p;
	size_t n;
};

static unsigned
choose(struct choices *c, unsigned of)
{
	unsigned v = 0;

	if (c->n > 0) {
		v = *c->p++;
		c->n--;
	}
	return v % of;
}

static void
put(struct vmf_buf *b, const char *s)
{
	if (vmf_buf_put(b, s, (int64_t)strlen(s), NULL) != 0)
		abort();
}

/* fixed >= 0: most have so many decimals, as in most files. */
static void
put_number(struct vmf_buf *b, struct choices *c, int fixed)
{
	static const char *const odd[] = { "", "NA", "nan", "NULL", "-nan",
	    "inf", "-Infinity", "1e39", "3.4028235e38", "3.4028236e38",
	    "340282356779733661637539395458142568447",
	    "340282356779733661637539395458142568448", "1e-46", "1.4e-45",
	    "7.006492321624085e-46", "7.006492321624086e-46",
	    "1.1754942807573643e-38", "0x10", "1_0", "--1", "-", "+", ".",
	    "+.5", "-.5", "5.", "-0", "1e", "1e5", "1E+2", "1e-2", "1.2.3",
	    "16777217", "16777217.0", "16777216.99999999999", "33554434.5",
	    "8388608.5", "8388609.5", "9007199254740993",
	    "18446744073709551616", "9999999999999999", "99999999999999999",
	    "0.30000001192092896", "1.00000005960464478", "12345678",
	    "1.000000059604644775390625", "1.00000005960464477539062500001",
	    "0.1234567890123456789", "000000000000000000000001.5",
	    "1234567890.12345678901234567890", "2147483647", "-2147483648",
	    "2147483648", "2.5", "1e400", "1e-400", "x", "1 2", " 7", "8 ",
	    "\t9\t", "1.5\t", "'1'", "\xc2\xa0.1", "1,5", "4,", "\x01" };
	char text[64];
	unsigned kind = choose(c, 8);
	int n = 0, digits, at;

	if (kind == 0) {
		put(b, odd[choose(c, sizeof(odd) / sizeof(*odd))]);
		return;
	}
	if (kind == 1 && choose(c, 4) == 0)
		text[n++] = '-';
	if (fixed >= 0 && kind < 7) {
		digits = 1 + fixed + (int)choose(c, 4);
		at = digits - fixed;
		if (fixed == 0)
			at = -1;
		goto write;
	}
	digits = kind < 5 ? 1 + (int)choose(c, 8) : 1 + (int)choose(c, 24);
	at = (int)choose(c, 26) - 1;
write:
	for (int i = 0; i < digits; i++) {
		if (i == at)
			text[n++] = '.';
		text[n++] = (char)('0' + choose(c, 10));
	}
	text[n] = '\0';
	put(b, text);
}

static void
put_time(struct vmf_buf *b, struct choices *c, unsigned kind)
{
	static const char *const odd[] = { "", "-1", "1700000000000", "soon",
	    "2024-05-01T12:00:00Z", "2024-05-01 12:00:00", "99999999999",
	    "100000000000", "1e9", " 300", "300.5", "-300.5", "+5",
	    "253402300800", "9223372036854775808", "00000000000000000000300",
	    "0300" };
	char text[64] = "";
	unsigned t = choose(c, 16) * 300;

	if (choose(c, 24) == 0)
		put(b, odd[choose(c, sizeof(odd) / sizeof(*odd))]);
	else if (kind == 0)
		snprintf(text, sizeof(text), "%u", 1700000000 + t);
	else if (kind == 1)
		snprintf(text, sizeof(text), "%u000", 1700000000 + t);
	else if (kind == 2)
		snprintf(text, sizeof(text), "2024-05-01 %02u:%02u:00",
		    t / 3600, t / 60 % 60);
	else
		snprintf(text, sizeof(text), "2024-05-01T%02u:%02u:00Z",
		    t / 3600, t / 60 % 60);
	put(b, text);
}

/* A number with a decimal comma, as most are. */
static void
put_comma(struct vmf_buf *b, struct choices *c, int fixed)
{
	static const char *const odd[] = { "1.234,5", "12.34", "0.123", "1.",
	    "1.234.567", "1,2,3", "1.234", "1.23,4", ",5", "5,", ",", "1,5 ",
	    "-1.234,5", "+1.234", "1.2345,6", "28,92 %", "12 %", "12%", "%",
	    " %", "1e3", "1,5e3", "1.5e3", "1.234.", "NA %", "1,5%%", "2147.0",
	    "2.147.483.647", "2.147.483.648,0", "1e39 %", "12\t%" };
	int64_t from = b->n;

	if (choose(c, 8) == 0) {
		put(b, odd[choose(c, sizeof(odd) / sizeof(*odd))]);
		return;
	}
	put_number(b, c, fixed);
	for (int64_t i = from; i < b->n; i++)
		if (b->p[i] == '.')
			b->p[i] = ',';
}

static void
put_pattern(struct vmf_buf *b, struct choices *c)
{
	static const char *const odd[] = { "1.5.24 1:05 am", "",
	    "29.02.23 1:05 am", "01.05.24  12:59\tPM ", "01.05.24 13:00 PM",
	    "01.05.24 00:00 AM", "01.05.24 01:00 AMx", "01.05.2024 01:00 AM",
	    "1.5.24", "01.05.24 01:00" };
	unsigned t = choose(c, 16);
	char text[64] = "";

	if (choose(c, 12) == 0)
		put(b, odd[choose(c, sizeof(odd) / sizeof(*odd))]);
	else
		snprintf(text, sizeof(text), "%02u.05.24 %02u:00 %cM",
		    t + 1, t % 12 + 1, t % 3 ? 'P' : 'A');
	put(b, text);
}

static void
put_text(struct vmf_buf *b, struct choices *c)
{
	static const char *const odd[] = { "", "NA", "null", "\xff", "a b",
	    " a", "a ", "z\xc3\xbcrich", "\xc3", "\"q\"", "\"q,r\"",
	    "\"q\nr\"", "\"q\r\nr\"", "\"q\"\"r\"", "q\"r", "\"q\"r", "\"q",
	    "a\rb", "\r", "\t", "\x01\x02", "0", "0a", "v 0", "\" 0\"",
	    "\"v 0\"", "v\3770" };
	char text[96];
	unsigned kind = choose(c, 16), n;

	if (kind == 0) {
		put(b, odd[choose(c, sizeof(odd) / sizeof(*odd))]);
		if (choose(c, 16) == 0 && vmf_buf_put(b, "", 1, NULL) != 0)
			abort();	/* a NUL */
		return;
	}
	n = choose(c, 12);
	snprintf(text, sizeof(text), "vm-%0*u", kind < 4 ? 60 : kind < 6 ?
	    (int)choose(c, 80) % 70 + 1 : 3, n);
	put(b, text);
}

/* What names the metric of a row. */
static void
put_key(struct vmf_buf *b, struct choices *c)
{
	static const char *const keys[] = { "c", "m", "c", "m", "c", "m",
	    "x", "key", " c", "m\t", "C", "", "cm", "\"m\"", "c\xff", "\"" };

	put(b, keys[choose(c, sizeof(keys) / sizeof(*keys))]);
}

static void
put_line_end(struct vmf_buf *b, struct choices *c, unsigned style)
{
	static const char *const odd[] = { "", "\n\n", "\r", "\r\r\n",
	    "\n   \n", "\n\r\n", " \n", "\t\r\n", ",\n", "\n\n\n\n", "\"\n",
	    ";\n", ",,\n" };

	if (choose(c, 24) == 0)
		put(b, odd[choose(c, sizeof(odd) / sizeof(*odd))]);
	else
		put(b, style ? "\r\n" : "\n");
}

/* A line that may be no row; of a header the last one. */
static void
put_no_row(struct vmf_buf *b, const struct own *own, struct choices *c)
{
	static const char *const lines[] = { "#", "#!", "# a,b,c,d,e",
	    "#!a;b;c;d", "#\"", " # x", "\"#\",1,2,3", "",
	    "#a,1700000300,1,2" };
	const char *last = strrchr(own->header, '\n');
	unsigned which = choose(c, 13);

	put(b, which < 9 ? lines[which] :
	    last != NULL ? last + 1 : own->header);
	put(b, "\n");
}

/* Rows that fit the map, most of them. */
static void
put_rows(struct vmf_buf *b, const struct vmf_map *m, const struct own *own,
    struct choices *c)
{
	static const char bb[] = "Timestamp [ms];\tCPU cores;\tCPU capacity "
	    "provisioned [MHZ];\tCPU usage [MHZ];\tCPU usage [%];\tMemory "
	    "capacity provisioned [KB];\tMemory usage [KB];\tDisk read "
	    "throughput [KB/s];\tDisk write throughput [KB/s];\tNetwork "
	    "received throughput [KB/s];\tNetwork transmitted throughput "
	    "[KB/s]\n";
	/* Of each built-in map: t time, v text, n number; k, p, d as put_key,
	 * put_pattern, put_comma. */
	static const char *const shape[] = { "vtnnvn", "tvnnn", "tnnnn",
	    "tnnnnnnnnnn", "n", "tn", "vtnnnnnnn" };
	unsigned which = 0, style = choose(c, 2), kind = choose(c, 4);
	int fixed = choose(c, 2) ? (int)choose(c, 14) : -1;
	char delim[2] = { m->delim, '\0' };
	const char *s;

	if (own != NULL) {
		put(b, own->header);
		put_line_end(b, c, style);
	} else if (m->wide) {
		which = 2;
		put(b, "time,a,b,c,d\n");
	} else if (m->delim == ';') {
		which = 3;
		put(b, bb);
	} else if (m->time_by_row) {
		which = 4;
	} else if (m->id_from_file) {
		which = 5;
		put(b, "timestamp,value\n");
	} else if (m->n_columns == 9) {
		which = 6;
	} else if (!m->header) {
		which = 1;
	} else {
		put(b, choose(c, 8) == 0 ? "\xef\xbb\xbf" : "");
		put(b, "vm,time,cpu,mem,host,vcpus");
		put_line_end(b, c, style);
	}
	while (c->n > 0) {
		s = own != NULL ? own->shape : shape[which];
		if (own != NULL && choose(c, 16) == 0)
			put_no_row(b, own, c);
		for (; *s != '\0'; s++) {
			if (*s == 't')
				put_time(b, c, kind);
			else if (*s == 'v')
				put_text(b, c);
			else if (*s == 'k')
				put_key(b, c);
			else if (*s == 'p')
				put_pattern(b, c);
			else if (*s == 'd')
				put_comma(b, c, fixed);
			else
				put_number(b, c, fixed);
			if (s[1] != '\0' && choose(c, 64) != 0)
				put(b, delim);
			if (which == 3 && s[1] != '\0')
				put(b, "\t");
		}
		put_line_end(b, c, style);
	}
}

/* ---- reading ---- */

static void
add(struct vmf_buf *b, const void *p, int64_t n)
{
	if (vmf_buf_put(b, &n, sizeof(n), NULL) != 0 ||
	    (n > 0 && vmf_buf_put(b, p, n, NULL) != 0))
		abort();
}

/* All that a writer would send of a batch. */
static void
add_batch(struct result *r, struct vmf_batch *b, bool afresh)
{
	add(&r->batches, &b->n, sizeof(b->n));
	for (int i = 0; i < b->n_cols; i++) {
		struct vmf_col *c = &b->col[i];
		int64_t size = c->type == VMF_TIME ||
		    c->type == VMF_FLOAT64 ? 8 : 4;

		for (int64_t k = 0; k < b->n; k++) {
			uint8_t ok = vmf_col_valid(c, k);

			if (vmf_buf_put(&r->batches, &ok, 1, NULL) != 0)
				abort();
		}
		add(&r->batches, c->d.p, b->n * size);
		if (!c->is_dict)
			continue;
		add(&r->batches, c->dict->off, c->dict->n == 0 ? 0 :
		    (c->dict->n + 1) * 4);
		add(&r->batches, c->dict->bytes, c->dict->n == 0 ? 0 :
		    c->dict->off[c->dict->n]);
		/* As the writer does with one that it seldom uses. */
		if (afresh)
			vmf_dict_clear(c->dict);
	}
	vmf_batch_clear(b);
}

static void
read_all(const struct input *in, struct vmf_ingest_opts opts,
    struct result *r)
{
	const char *path[2] = { in->path[0], in->path[1] };
	struct vmf_ingest *g = NULL;
	struct vmf_batch b = { 0 };
	char bad_path[64], text[4096];
	int fd[2] = { -1, -1 }, got = 0;

	*r = (struct result){ 0 };
	opts.start_s = in->map.time_by_row ? 0 : VMF_TIME_NONE;
	opts.id = in->map.id_from_file ? "x" : NULL;
	opts.skip_bad = in->skip;
	opts.block_bytes = in->block_bytes;
	if (in->given_stamp && !in->map.time_by_row)
		opts.stamp = VMF_STAMP_S;
	if (in->keep) {
		if (pipe(fd) != 0 || fcntl(fd[0], F_SETPIPE_SZ, 1 << 20) < 0 ||
		    fcntl(fd[0], F_SETFL, O_NONBLOCK) != 0)
			abort();
		snprintf(bad_path, sizeof(bad_path), "/proc/self/fd/%d",
		    fd[1]);
		if (vmf_out_open(&opts.bad_out, bad_path, NULL) != 0)
			abort();
	}
	r->rc = vmf_ingest_new(&g, &in->map, &opts, &r->err);
	if (r->rc == 0)
		r->rc = vmf_ingest_expect(g, path, in->n_files, &r->err);
	for (int i = 0; r->rc == 0 && i < in->n_files; i++) {
		r->rc = vmf_ingest_open(g, path[i], &r->err);
		if (r->rc == 0 && i == 0)
			r->rc = vmf_batch_init(&b, vmf_ingest_schema(g),
			    &r->err);
		while (r->rc == 0 &&
		    (got = vmf_ingest_fill(g, &b, &r->err)) > 0)
			add_batch(r, &b, in->afresh);
		if (r->rc == 0)
			r->rc = got;
	}
	if (r->rc == 0)
		r->rc = vmf_ingest_finish(g, &r->err);
	if (r->rc < 0 && *r->err.msg == '\0')
		abort();
	/* Behind an error some rows more or less are of no matter. */
	if (r->rc == 0 && b.n_cols > 0)
		add_batch(r, &b, false);
	if (g != NULL) {
		vmf_ingest_counts(g, &r->n);
		snprintf(r->first_bad.msg, sizeof(r->first_bad.msg), "%s",
		    r->n.first_bad);
	}
	vmf_batch_free(&b);
	vmf_ingest_free(g);
	if (in->keep) {
		ssize_t n;

		if (vmf_out_finish(opts.bad_out, NULL) != 0)
			abort();
		vmf_out_free(opts.bad_out);
		close(fd[1]);
		while ((n = read(fd[0], text, sizeof(text))) > 0)
			if (vmf_buf_put(&r->kept, text, n, NULL) != 0)
				abort();
		close(fd[0]);
	}
}

static void
differ(const char *what, const struct result *a, const struct result *b,
    const struct vmf_ingest_opts *o)
{
	fprintf(stderr, "the readers differ in %s (%s, %d threads):\n"
	    "libcsv: %d %s; %lld in, %lld out, %lld bad, %lld missing; %s\n"
	    "fast:   %d %s; %lld in, %lld out, %lld bad, %lld missing; %s\n",
	    what, vmf_simd_name(o->simd), o->threads, a->rc, a->err.msg,
	    (long long)a->n.rows_in, (long long)a->n.rows_out,
	    (long long)a->n.bad, (long long)a->n.missing, a->first_bad.msg,
	    b->rc, b->err.msg, (long long)b->n.rows_in,
	    (long long)b->n.rows_out, (long long)b->n.bad,
	    (long long)b->n.missing, b->first_bad.msg);
	abort();
}

static bool
same_buf(const struct vmf_buf *a, const struct vmf_buf *b)
{
	return a->n == b->n &&
	    (a->n == 0 || memcmp(a->p, b->p, (size_t)a->n) == 0);
}

static void
compare(const struct result *a, const struct result *b,
    const struct vmf_ingest_opts *o)
{
	if (a->rc != b->rc || strcmp(a->err.msg, b->err.msg) != 0)
		differ("the error", a, b, o);
	if (a->n.rows_in != b->n.rows_in || a->n.headers != b->n.headers ||
	    a->n.passed != b->n.passed ||
	    a->n.rows_out != b->n.rows_out ||
	    a->n.bad != b->n.bad || a->n.missing != b->n.missing ||
	    a->n.files != b->n.files)
		differ("counts", a, b, o);
	if (strcmp(a->first_bad.msg, b->first_bad.msg) != 0)
		differ("the first bad row", a, b, o);
	if (!same_buf(&a->kept, &b->kept))
		differ("the bad rows", a, b, o);
	if (!same_buf(&a->batches, &b->batches))
		differ("the batches", a, b, o);
}

static void
free_result(struct result *r)
{
	vmf_buf_free(&r->batches);
	vmf_buf_free(&r->kept);
}

static void
both(const struct input *in)
{
	struct vmf_ingest_opts o = { .reader = VMF_READER_LIBCSV,
	    .pick = { .only = &in->only, .n_only = in->only != NULL } };
	struct result a, b;

	read_all(in, o, &a);
	o.reader = VMF_READER_FAST;
	for (int level = 0; level <= VMF_SIMD_AVX512; level++) {
		if (!vmf_simd_have((enum vmf_simd)level))
			continue;
		o.simd = (enum vmf_simd)level;
		o.threads = level == VMF_SIMD_AVX2 ? 3 : 1;
		read_all(in, o, &b);
		compare(&a, &b, &o);
		free_result(&b);
	}
	free_result(&a);
}

/* ---- inputs ---- */

static int
make_file(const char *text, int64_t n, char path[64])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || vmf_write_full(fd, text, n, "memory", NULL) != 0)
		abort();
	/* Through /proc each opening begins at the first byte. */
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t blocks[] = { 0, 16, 24, 40, 64, 100, 256, 1000,
	    4096 };
	struct input in = { .n_files = 1 };
	struct vmf_err err = { "" };
	struct vmf_buf text = { 0 };
	int fd[2] = { -1, -1 }, rc, repeat;
	const uint8_t *nul;
	const struct own *own = NULL;
	bool made, few;

	if (size < 3)
		return 0;
	in.skip = data[0] & 1;
	in.keep = (data[0] & 3) == 3;
	in.afresh = data[0] & 4;
	in.n_files = data[0] & 8 ? 2 : 1;
	repeat = (data[0] & 0x30) == 0x30 ? 200 : 1;
	made = data[0] & 0x40;
	in.given_stamp = data[0] & 0x80;
	in.block_bytes = blocks[data[1] %
	    (sizeof(blocks) / sizeof(*blocks))];
	few = data[1] / (sizeof(blocks) / sizeof(*blocks)) % 4 == 3;
	data += 2;
	size -= 2;
	if (*data < N_NAMES + N_OWNS || made) {
		size_t which = *data % (N_NAMES + N_OWNS);

		own = which < N_NAMES ? NULL : &owns[which - N_NAMES];
		rc = own == NULL ? vmf_map_load(&in.map, names[which], &err) :
		    vmf_map_parse(&in.map, own->json,
		    (int64_t)strlen(own->json), "own", &err);
		if (own != NULL && rc != 0)
			abort();
		data++;
		size--;
	} else {
		nul = memchr(data, '\0', size);
		if (nul == NULL)
			return 0;
		rc = vmf_map_parse(&in.map, (const char *)data, nul - data,
		    "map", &err);
		size -= (size_t)(nul - data) + 1;
		data = nul + 1;
	}
	if (rc == 0 && in.map.n_cols == 1 && in.map.col[0].name == NULL)
		rc = vmf_map_set_metric(&in.map, "cpu", &err);
	if (rc != 0)
		goto done;
	if (few && !in.map.wide)
		in.only = in.map.n_cols > 0 ? in.map.col[0].name : "cpu";
	if (made) {
		struct choices c = { data, size };

		put_rows(&text, &in.map, own, &c);
	} else if (vmf_buf_put(&text, data, (int64_t)size, NULL) != 0) {
		abort();
	}
	for (int64_t n = text.n; repeat > 1 && text.n < 1 << 18; repeat--)
		if (vmf_buf_reserve(&text, n, NULL) != 0 ||
		    vmf_buf_put(&text, text.p, n, NULL) != 0)
			abort();
	in.keep = in.keep && text.n < 1 << 19;
	fd[0] = make_file((const char *)text.p, text.n, in.path[0]);
	if (in.n_files > 1 && made && own != NULL && own->other[0] != NULL) {
		int64_t n = (int64_t)strlen(own->header);
		struct vmf_buf second = { 0 };

		put(&second, own->other[text.n % 2]);
		if (vmf_buf_put(&second, text.p + n, (text.n - n) / 2,
		    NULL) != 0)
			abort();
		fd[1] = make_file((const char *)second.p, second.n,
		    in.path[1]);
		vmf_buf_free(&second);
	} else if (in.n_files > 1) {
		fd[1] = make_file((const char *)text.p, text.n / 2,
		    in.path[1]);
	}
	both(&in);
done:
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	vmf_buf_free(&text);
	vmf_map_free(&in.map);
	return 0;
}
