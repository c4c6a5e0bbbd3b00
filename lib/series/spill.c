/* SPDX-License-Identifier: MIT */
#include "series/spill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define WRITE_BYTES (256 * 1024)
/* Reads of 64 kB and more keep a disk busy; more runs than FAN_IN at once
 * cost more in the heap than another pass. */
#define READ_BYTES (64 * 1024)
#define READ_BYTES_MAX (1024 * 1024)
#define FAN_IN 512

struct vmf_run_in {
	uint8_t *buf;
	int64_t cap;		/* bytes of buf */
	int64_t at, n;		/* bytes consumed and present in buf */
	int64_t off;		/* byte of the file to read next */
	int64_t left;		/* bytes of the run not yet read */
	/* of the record at the head: */
	uint32_t rank;
	int64_t t;
	int64_t no;		/* of the run: earlier ones win ties */
};

static const char spill_name[] = "temporary file";

void
vmf_spill_init(struct vmf_spill *s, const char *dir, int64_t rec_bytes)
{
	assert(rec_bytes >= (int64_t)sizeof(struct vmf_rec) &&
	    rec_bytes % 8 == 0);
	*s = (struct vmf_spill){ .dir = dir, .rec_bytes = rec_bytes,
	    .fd = -1 };
}

static int64_t
buffer_bytes(int64_t rec_bytes, int64_t least)
{
	int64_t n = least / rec_bytes;

	return (n < 1 ? 1 : n) * rec_bytes;
}

int64_t
vmf_spill_least(int64_t rec_bytes)
{
	/* Two runs in, one out, twice. */
	return 4 * buffer_bytes(rec_bytes, READ_BYTES) +
	    2 * buffer_bytes(rec_bytes, WRITE_BYTES);
}

static int
write_buffer(struct vmf_spill *s, struct vmf_err *e)
{
	int rc;

	if (s->buf_n == 0)
		return 0;
	rc = vmf_pwrite_full(s->fd, s->buf, s->buf_n, s->end, spill_name, e);
	if (rc != 0)
		return vmf_fail_in(e, rc, "spilling to '%s' ($TMPDIR)",
		    s->dir);
	s->end += s->buf_n;
	s->written += s->buf_n;
	s->buf_n = 0;
	return 0;
}

int
vmf_spill_put(struct vmf_spill *s, const struct vmf_rec *rec,
    struct vmf_err *e)
{
	int64_t cap = buffer_bytes(s->rec_bytes, WRITE_BYTES);
	int rc;

	if (s->buf == NULL) {
		s->buf = vmf_calloc(cap, 1, e);
		if (s->buf == NULL)
			return VMF_ENOMEM;
	}
	if (s->fd < 0) {
		rc = vmf_open_temp(s->dir, &s->fd, e);
		if (rc != 0)
			return vmf_fail_in(e, rc, "--memory is full and "
			    "spilling to '%s' ($TMPDIR) failed", s->dir);
	}
	if (s->buf_n + s->rec_bytes > cap) {
		rc = write_buffer(s, e);
		if (rc != 0)
			return rc;
	}
	memcpy(s->buf + s->buf_n, rec, (size_t)s->rec_bytes);
	s->buf_n += s->rec_bytes;
	return 0;
}

int
vmf_spill_end_run(struct vmf_spill *s, struct vmf_err *e)
{
	int64_t off = s->n_runs == 0 ? 0 :
	    s->run[s->n_runs - 1].off +
	    s->run[s->n_runs - 1].n * s->rec_bytes;
	int rc;

	rc = write_buffer(s, e);
	if (rc == 0 && s->end > off) {
		rc = vmf_grow(&s->run, &s->run_cap, s->n_runs + 1, e);
		if (rc == 0)
			s->run[s->n_runs++] = (struct vmf_run){
			    .off = off, .n = (s->end - off) / s->rec_bytes };
	}
	return rc;
}

/* Fill the run's buffer; 1 when there is a record at its head, 0 at its
 * end. */
static int
run_fill(struct vmf_spill *s, struct vmf_run_in *in, struct vmf_err *e)
{
	const struct vmf_rec *rec;
	int rc;

	if (in->at == in->n) {
		in->at = 0;
		in->n = in->left < in->cap ? in->left : in->cap;
		if (in->n == 0)
			return 0;
		rc = vmf_pread_full(s->fd, in->buf, in->n, in->off,
		    spill_name, e);
		if (rc != 0)
			return rc;
		in->off += in->n;
		in->left -= in->n;
	}
	rec = (const struct vmf_rec *)(in->buf + in->at);
	in->rank = s->rank[rec->id];
	in->t = rec->t;
	return 1;
}

static bool
run_before(const struct vmf_run_in *a, const struct vmf_run_in *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (a->t != b->t)
		return a->t < b->t;
	return a->no < b->no;
}

static void
sift_down(struct vmf_run_in *in, int64_t n, int64_t i)
{
	struct vmf_run_in x = in[i];
	int64_t k;

	while ((k = 2 * i + 1) < n) {
		if (k + 1 < n && run_before(&in[k + 1], &in[k]))
			k++;
		if (!run_before(&in[k], &x))
			break;
		in[i] = in[k];
		i = k;
	}
	in[i] = x;
}

/* Open runs from..from+n-1 as a heap, with buffers of buf_bytes each. */
static int
merge_open(struct vmf_spill *s, int64_t from, int64_t n, int64_t buf_bytes,
    struct vmf_err *e)
{
	free(s->in);
	free(s->in_buf);
	s->n_in = 0;
	s->advance = false;
	s->in_buf = NULL;
	s->in = vmf_calloc(n, sizeof(*s->in), e);
	if (s->in != NULL)
		s->in_buf = vmf_calloc(n, buf_bytes, e);
	if (s->in_buf == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		struct vmf_run_in *in = &s->in[s->n_in];
		const struct vmf_run *run = &s->run[from + i];
		int got;

		*in = (struct vmf_run_in){ .buf = s->in_buf + i * buf_bytes,
		    .cap = buf_bytes, .off = run->off,
		    .left = run->n * s->rec_bytes, .no = i };
		got = run_fill(s, in, e);
		if (got < 0)
			return got;
		s->n_in += got;
	}
	for (int64_t i = s->n_in / 2 - 1; i >= 0; i--)
		sift_down(s->in, s->n_in, i);
	return 0;
}

int
vmf_spill_next(struct vmf_spill *s, const struct vmf_rec **rec,
    struct vmf_err *e)
{
	struct vmf_run_in *in = s->in;
	int got;

	if (s->n_in == 0)
		return 0;
	if (s->advance) {
		in->at += s->rec_bytes;
		got = run_fill(s, in, e);
		if (got < 0)
			return got;
		if (got == 0)
			*in = s->in[--s->n_in];
		if (s->n_in == 0)
			return 0;
		sift_down(in, s->n_in, 0);
	}
	s->advance = true;
	*rec = (const struct vmf_rec *)(in->buf + in->at);
	return 1;
}

/* One pass: every fan_in neighbouring runs become one, in another file. */
static int
merge_pass(struct vmf_spill *s, int64_t fan_in, int64_t buf_bytes,
    struct vmf_err *e)
{
	struct vmf_spill to;
	const struct vmf_rec *rec;
	int got, rc = 0;

	vmf_spill_init(&to, s->dir, s->rec_bytes);
	for (int64_t i = 0; rc == 0 && i < s->n_runs; i += fan_in) {
		int64_t n = s->n_runs - i < fan_in ? s->n_runs - i : fan_in;

		rc = merge_open(s, i, n, buf_bytes, e);
		while (rc == 0 && (got = vmf_spill_next(s, &rec, e)) != 0)
			rc = got < 0 ? got : vmf_spill_put(&to, rec, e);
		if (rc == 0)
			rc = vmf_spill_end_run(&to, e);
	}
	to.written += s->written;
	to.rank = s->rank;
	if (rc == 0) {
		vmf_spill_free(s);
		*s = to;
	} else {
		vmf_spill_free(&to);
	}
	return rc;
}

int
vmf_spill_merge(struct vmf_spill *s, const uint32_t *rank, int64_t mem_bytes,
    struct vmf_err *e)
{
	int64_t least = buffer_bytes(s->rec_bytes, READ_BYTES), fan_in, each;
	int rc;

	free(s->buf);
	s->buf = NULL;
	s->rank = rank;
	if (s->n_runs == 0)
		return 0;
	mem_bytes -= buffer_bytes(s->rec_bytes, WRITE_BYTES);
	fan_in = mem_bytes / least;
	if (fan_in > FAN_IN)
		fan_in = FAN_IN;
	if (fan_in < 2)
		fan_in = 2;
	while (s->n_runs > fan_in) {
		rc = merge_pass(s, fan_in, least, e);
		if (rc != 0)
			return rc;
	}
	each = mem_bytes / s->n_runs;
	if (each > READ_BYTES_MAX)
		each = READ_BYTES_MAX;
	return merge_open(s, 0, s->n_runs,
	    buffer_bytes(s->rec_bytes, each > least ? each : least), e);
}

void
vmf_spill_free(struct vmf_spill *s)
{
	if (s->rec_bytes > 0 && s->fd >= 0)
		close(s->fd);
	free(s->run);
	free(s->buf);
	free(s->in);
	free(s->in_buf);
	*s = (struct vmf_spill){ .fd = -1 };
}
