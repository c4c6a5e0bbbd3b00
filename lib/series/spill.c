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
	struct vmf_rec *rec;	/* where packed ones are unpacked to */
	uint8_t *buf;
	int64_t cap;		/* bytes of buf */
	int64_t at, n;		/* bytes consumed and present in buf */
	int64_t step;		/* bytes of the record at the head */
	int64_t off;		/* byte of the file to read next */
	int64_t left;		/* bytes of the run not yet read */
};

struct vmf_run_head {
	int64_t t;
	uint32_t rank;
	int32_t run;		/* of in: earlier ones win ties */
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

/* Bytes for a run that is read; for the one that is written. */
static int64_t
in_bytes(const struct vmf_spill *s, int64_t least)
{
	if (s->form.pack == NULL)
		return buffer_bytes(s->rec_bytes, least);
	return s->rec_bytes + ((least > s->form.most ? least : s->form.most) +
	    7) / 8 * 8;
}

static int64_t
out_bytes(const struct vmf_spill *s)
{
	if (s->form.pack == NULL)
		return buffer_bytes(s->rec_bytes, WRITE_BYTES);
	return WRITE_BYTES > s->form.most ? WRITE_BYTES : s->form.most;
}

int64_t
vmf_spill_least(const struct vmf_spill *s)
{
	/* Two runs in, one out, twice. */
	return 4 * in_bytes(s, READ_BYTES) + 2 * out_bytes(s);
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
	int64_t cap = out_bytes(s);
	int64_t most = s->form.pack != NULL ? s->form.most : s->rec_bytes;
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
	if (s->buf_n + most > cap) {
		rc = write_buffer(s, e);
		if (rc != 0)
			return rc;
	}
	if (s->form.pack != NULL) {
		s->buf_n += s->form.pack(s->form.arg, rec, s->buf + s->buf_n);
		return 0;
	}
	memcpy(s->buf + s->buf_n, rec, (size_t)s->rec_bytes);
	s->buf_n += s->rec_bytes;
	return 0;
}

int
vmf_spill_end_run(struct vmf_spill *s, struct vmf_err *e)
{
	int64_t off = s->n_runs == 0 ? 0 :
	    s->run[s->n_runs - 1].off + s->run[s->n_runs - 1].bytes;
	int rc;

	rc = write_buffer(s, e);
	if (rc == 0 && s->end > off) {
		rc = vmf_grow(&s->run, &s->run_cap, s->n_runs + 1, e);
		if (rc == 0)
			s->run[s->n_runs++] = (struct vmf_run){
			    .off = off, .bytes = s->end - off };
	}
	return rc;
}

/* Read on after what is left in the run's buffer. */
static int
read_on(struct vmf_spill *s, struct vmf_run_in *in, struct vmf_err *e)
{
	int64_t kept = in->n - in->at, n;
	int rc;

	memmove(in->buf, in->buf + in->at, (size_t)kept);
	in->at = 0;
	in->n = kept;
	n = in->left < in->cap - kept ? in->left : in->cap - kept;
	rc = vmf_pread_full(s->fd, in->buf + kept, n, in->off, spill_name, e);
	if (rc != 0)
		return rc;
	in->n += n;
	in->off += n;
	in->left -= n;
	return 0;
}

/* The run's next record, to in->rec and its head: 1, or 0 at its end. */
static int
run_fill(struct vmf_spill *s, struct vmf_run_head *head, struct vmf_err *e)
{
	struct vmf_run_in *in = &s->in[head->run];
	int64_t need = s->form.pack != NULL ? s->form.most : s->rec_bytes;
	int rc;

	if (in->n - in->at < need && in->left > 0) {
		rc = read_on(s, in, e);
		if (rc != 0)
			return rc;
	}
	if (in->at == in->n)
		return 0;
	if (s->form.pack == NULL) {
		in->step = s->rec_bytes;
		in->rec = (void *)(in->buf + in->at);
	} else {
		in->step = s->form.unpack(s->form.arg, in->buf + in->at,
		    in->n - in->at, in->rec);
	}
	if (in->step <= 0 || in->rec->id < 0 || in->rec->id >= s->n_ids)
		return vmf_fail(e, VMF_EIO, "%s in '%s' ($TMPDIR): byte %lld: "
		    "found no record, expected the one that was written there",
		    spill_name, s->dir,
		    (long long)(in->off - in->n + in->at));
	head->rank = s->rank[in->rec->id];
	head->t = in->rec->t;
	return 1;
}

static bool
run_before(const struct vmf_run_head *a, const struct vmf_run_head *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (a->t != b->t)
		return a->t < b->t;
	return a->run < b->run;
}

static void
sift_down(struct vmf_run_head *head, int64_t n, int64_t i)
{
	struct vmf_run_head x = head[i];
	int64_t k;

	while ((k = 2 * i + 1) < n) {
		if (k + 1 < n && run_before(&head[k + 1], &head[k]))
			k++;
		if (!run_before(&head[k], &x))
			break;
		head[i] = head[k];
		i = k;
	}
	head[i] = x;
}

/* Open runs from..from+n-1 as a heap, with buffers of buf_bytes each. */
static int
merge_open(struct vmf_spill *s, int64_t from, int64_t n, int64_t buf_bytes,
    struct vmf_err *e)
{
	free(s->in);
	free(s->in_buf);
	free(s->head);
	s->n_in = 0;
	s->advance = false;
	s->in_buf = NULL;
	s->head = NULL;
	s->in = vmf_calloc(n, sizeof(*s->in), e);
	if (s->in != NULL)
		s->head = vmf_calloc(n, sizeof(*s->head), e);
	if (s->head != NULL)
		s->in_buf = vmf_calloc(n, buf_bytes, e);
	if (s->in_buf == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		struct vmf_run_in *in = &s->in[i];
		struct vmf_run_head *head = &s->head[s->n_in];
		const struct vmf_run *run = &s->run[from + i];
		int got;

		*in = (struct vmf_run_in){ .buf = s->in_buf + i * buf_bytes,
		    .cap = buf_bytes, .off = run->off, .left = run->bytes };
		if (s->form.pack != NULL) {
			in->rec = (void *)in->buf;
			in->buf += s->rec_bytes;
			in->cap -= s->rec_bytes;
		}
		head->run = (int32_t)i;
		got = run_fill(s, head, e);
		if (got < 0)
			return got;
		s->n_in += got;
	}
	for (int64_t i = s->n_in / 2 - 1; i >= 0; i--)
		sift_down(s->head, s->n_in, i);
	return 0;
}

int
vmf_spill_next(struct vmf_spill *s, const struct vmf_rec **rec,
    struct vmf_err *e)
{
	struct vmf_run_in *in;
	int got;

	if (s->n_in == 0)
		return 0;
	if (s->advance) {
		in = &s->in[s->head[0].run];
		in->at += in->step;
		got = run_fill(s, &s->head[0], e);
		if (got < 0)
			return got;
		if (got == 0)
			s->head[0] = s->head[--s->n_in];
		if (s->n_in == 0)
			return 0;
		sift_down(s->head, s->n_in, 0);
	}
	s->advance = true;
	*rec = s->in[s->head[0].run].rec;
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
	to.form = s->form;
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
	to.n_ids = s->n_ids;
	if (rc == 0) {
		vmf_spill_free(s);
		*s = to;
	} else {
		vmf_spill_free(&to);
	}
	return rc;
}

int
vmf_spill_merge(struct vmf_spill *s, const uint32_t *rank, int64_t n_ids,
    int64_t mem_bytes, struct vmf_err *e)
{
	int64_t least = in_bytes(s, READ_BYTES), fan_in, each;
	int rc;

	free(s->buf);
	s->buf = NULL;
	s->rank = rank;
	s->n_ids = n_ids;
	if (s->n_runs == 0)
		return 0;
	mem_bytes -= out_bytes(s);
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
	if (s->form.pack != NULL)
		each -= s->rec_bytes + 8;
	if (each > READ_BYTES_MAX)
		each = READ_BYTES_MAX;
	return merge_open(s, 0, s->n_runs,
	    in_bytes(s, each > READ_BYTES ? each : READ_BYTES), e);
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
	free(s->head);
	*s = (struct vmf_spill){ .fd = -1 };
}
