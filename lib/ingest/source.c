/* SPDX-License-Identifier: MIT */
#include "ingest/source.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#ifdef VMF_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "base/file.h"
#include "base/mem.h"
#include "base/msan.h"
#include "ingest/ahead.h"

#define IN_BYTES (256 * 1024)
#define CHUNK_BYTES VMF_AHEAD_CHUNK

enum kind { KIND_PLAIN, KIND_GZIP, KIND_ZSTD };

struct vmf_source {
	int fd;
	char *name;
	enum kind kind;
	uint8_t *in;		/* IN_BYTES */
	int64_t in_n, in_pos;	/* bytes in it, bytes used of it */
	int64_t in_base;	/* byte of the file that in[0] is */
	bool eof;
	bool between;		/* no gzip member or zstd frame is open */
	bool padded;		/* zeros were met after a gzip member */
	int rc;			/* what is after the text read so far */
	struct vmf_err err;
#ifdef VMF_ISAL
	struct inflate_state *z;
#else
	z_stream z;
	bool z_open;
#endif
	ZSTD_DStream *zd;
	struct vmf_ahead *ahead;	/* NULL: unpacked by who reads, into: */
	uint8_t *chunk;		/* CHUNK_BYTES */
	int64_t chunk_n, chunk_pos;
};

/* The byte of the file that is used next. */
static long long
at(const struct vmf_source *s)
{
	return (long long)(s->in_base + s->in_pos);
}

/* A thread that waits for a pipe may be cancelled there, and only there:
 * else a run that fails would end no sooner than its input. */
static int64_t
read_file(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	int64_t got;
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	got = vmf_read_full(s->fd, p, n, s->name, e);
	pthread_setcancelstate(old, NULL);
	return got;
}

static int
refill(struct vmf_source *s, struct vmf_err *e)
{
	int64_t got;

	if (s->in_pos < s->in_n)
		return 0;
	s->in_base += s->in_n;
	s->in_n = s->in_pos = 0;
	if (s->eof)
		return 0;
	got = read_file(s, s->in, IN_BYTES, e);
	if (got < 0)
		return (int)got;
	s->in_n = got;
	s->eof = got < IN_BYTES;
	return 0;
}

/* ---- gzip ---- */

#ifdef VMF_ISAL

static int
gzip_begin(struct vmf_source *s, struct vmf_err *e)
{
	/* Flags that nobody knows must not be passed over (RFC 1952, 2.3.1.2);
	 * igzip does, where they are within what was read. */
	if (s->in_n - s->in_pos > 3 && (s->in[s->in_pos + 3] & 0xe0) != 0)
		return vmf_fail(e, VMF_EDATA, "%s: byte %lld: gzip data are "
		    "damaged: unknown header flags set", s->name, at(s) + 3);
	if (s->z == NULL)
		s->z = vmf_calloc(1, sizeof(*s->z), e);
	if (s->z == NULL)
		return VMF_ENOMEM;
	isal_inflate_init(s->z);
	s->z->crc_flag = ISAL_GZIP;	/* header and trailer as well */
	return 0;
}

/* Unpack into p; *n becomes what was written.  1: the member is over. */
static int
gzip_step(struct vmf_source *s, void *p, int64_t *n, struct vmf_err *e)
{
	struct inflate_state *z = s->z;
	const char *what = "a block that cannot be";
	int rc;

	z->next_in = s->in + s->in_pos;
	z->avail_in = (uint32_t)(s->in_n - s->in_pos);
	z->next_out = p;
	z->avail_out = (uint32_t)*n;
	rc = isal_inflate(z);
	*n -= z->avail_out;
	VMF_WRITTEN(p, *n);
	s->in_pos = s->in_n - (int64_t)z->avail_in;
	if (rc >= 0)
		return rc == ISAL_DECOMP_OK &&
		    z->block_state == ISAL_BLOCK_FINISH;
	if (rc == ISAL_INCORRECT_CHECKSUM)
		what = "incorrect check sum or length";
	else if (rc == ISAL_INVALID_WRAPPER || rc == ISAL_UNSUPPORTED_METHOD)
		what = "incorrect header";
	else if (rc == ISAL_INVALID_SYMBOL)
		what = "invalid code";
	else if (rc == ISAL_INVALID_LOOKBACK)
		what = "invalid distance";
	return vmf_fail(e, VMF_EDATA, "%s: byte %lld: gzip data are "
	    "damaged: %s", s->name, at(s), what);
}

static void
gzip_end(struct vmf_source *s)
{
	free(s->z);
}

#else

static int
gzip_begin(struct vmf_source *s, struct vmf_err *e)
{
	int rc = s->z_open ? inflateReset(&s->z) :
	    inflateInit2(&s->z, 15 + 16);

	s->z_open = rc == Z_OK;
	return rc == Z_OK ? 0 : vmf_fail_nomem(e, 1 << 16);
}

/* Unpack into p; *n becomes what was written.  1: the member is over. */
static int
gzip_step(struct vmf_source *s, void *p, int64_t *n, struct vmf_err *e)
{
	z_stream *z = &s->z;
	int rc;

	z->next_in = s->in + s->in_pos;
	z->avail_in = (uInt)(s->in_n - s->in_pos);
	z->next_out = p;
	z->avail_out = (uInt)*n;
	rc = inflate(z, Z_NO_FLUSH);
	*n -= z->avail_out;
	VMF_WRITTEN(p, *n);
	s->in_pos = s->in_n - (int64_t)z->avail_in;
	if (rc == Z_STREAM_END)
		return 1;
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return 0;
	if (rc == Z_MEM_ERROR)
		return vmf_fail_nomem(e, 1 << 16);
	return vmf_fail(e, VMF_EDATA, "%s: byte %lld: gzip data are "
	    "damaged: %s", s->name, at(s),
	    z->msg != NULL ? z->msg : zError(rc));
}

static void
gzip_end(struct vmf_source *s)
{
	if (s->z_open)
		inflateEnd(&s->z);
}

#endif

static bool
starts(const struct vmf_source *s, const char *magic, int64_t len)
{
	return s->in_n >= len && memcmp(s->in, magic, (size_t)len) == 0;
}

static int
detect(struct vmf_source *s, struct vmf_err *e)
{
	static const char utf16[] = "UTF-16 text";
	static const struct {
		const char *magic;
		int64_t len;
		const char *what;
	} refused[] = {
		{ "\xfd" "7zXZ", 5, "xz data" },
		{ "BZh", 3, "bzip2 data" },
		{ "PK\3\4", 4, "a zip archive" },
		{ "\xff\xff\xff\xff", 4, "an Arrow stream" },
		{ "\xff\xfe", 2, utf16 },
		{ "\xfe\xff", 2, utf16 },
	};

	s->between = true;
	/* One byte 0x1f begins no text: a gzip file cut after it. */
	if (starts(s, "\x1f\x8b", 2) || (s->in_n == 1 && s->in[0] == 0x1f)) {
		s->kind = KIND_GZIP;
		return gzip_begin(s, e);
	}
	/* Also a skippable frame, which pzstd writes first. */
	if (starts(s, "\x28\xb5\x2f\xfd", 4) || (s->in_n >= 4 &&
	    (s->in[0] & 0xf0) == 0x50 &&
	    memcmp(s->in + 1, "\x2a\x4d\x18", 3) == 0)) {
		s->kind = KIND_ZSTD;
		s->zd = ZSTD_createDStream();
		return s->zd == NULL ? vmf_fail_nomem(e, 1 << 17) : 0;
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (starts(s, refused[i].magic, refused[i].len))
			return vmf_fail(e, VMF_EDATA,
			    "%s: found %s, expected text in UTF-8, plain or "
			    "packed by gzip or zstd%s", s->name,
			    refused[i].what, refused[i].what == utf16 ?
			    ": iconv -f UTF-16 -t UTF-8 makes it so" : "");
	return 0;
}

int
vmf_source_open(struct vmf_source **out, const char *path, struct vmf_err *e)
{
	struct vmf_source *s;
	int rc = VMF_ENOMEM;

	*out = NULL;
	s = vmf_calloc(1, sizeof(*s), e);
	if (s == NULL)
		return VMF_ENOMEM;
	s->fd = -1;
	s->name = vmf_strdup(vmf_in_name(path), e);
	s->in = vmf_calloc(IN_BYTES, 1, e);
	if (s->name == NULL || s->in == NULL)
		goto fail;
	rc = vmf_open_in(path, &s->fd, e);
	if (rc != 0)
		goto fail;
	/* The thread may be cancelled here: the caller's to free then. */
	*out = s;
	rc = refill(s, e);
	if (rc == 0)
		rc = detect(s, e);
	if (rc == 0)
		return 0;
	*out = NULL;
fail:
	vmf_source_free(s);
	return rc;
}

static int64_t
read_plain(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	int64_t have = s->in_n - s->in_pos;
	int rc;

	/* Past what was looked at to tell the kind nothing is copied. */
	if (have == 0 && n >= IN_BYTES / 4 && !s->eof) {
		have = read_file(s, p, n, e);
		if (have < 0)
			return have;
		s->in_base += s->in_n + have;
		s->in_n = s->in_pos = 0;
		s->eof = have < n;
		return have;
	}
	if (have == 0) {
		rc = refill(s, e);
		if (rc != 0)
			return rc;
		have = s->in_n;
	}
	if (n > have)
		n = have;
	if (n > 0)
		memcpy(p, s->in + s->in_pos, (size_t)n);
	s->in_pos += n;
	return n;
}

/* Between two members: zeros that pad to a tape's block are passed over, as
 * gzip(1) does; anything but a further member is refused. */
static int
next_member(struct vmf_source *s, struct vmf_err *e)
{
	uint8_t c = s->in[s->in_pos];

	if (c == 0 && at(s) > 0) {
		s->padded = true;
		s->in_pos++;
		return 0;
	}
	if (c != 0x1f || s->padded)
		return vmf_fail(e, VMF_EDATA, "%s: byte %lld: found 0x%02x "
		    "after the gzip data, expected a further member or the "
		    "end of the file", s->name, at(s), c);
	s->between = false;
	return gzip_begin(s, e);
}

static int64_t
read_gzip(struct vmf_source *s, uint8_t *p, int64_t n, struct vmf_err *e)
{
	int64_t done = 0, got, in_pos;
	int rc = 0;

	while (rc >= 0 && done < n) {
		if (s->between) {
			rc = refill(s, e);
			if (rc == 0 && s->in_pos == s->in_n)
				break;
			if (rc == 0)
				rc = next_member(s, e);
			continue;
		}
		got = n - done;
		in_pos = s->in_pos;
		rc = gzip_step(s, p + done, &got, e);
		done += got;
		s->between = rc == 1;
		if (rc != 0 || got > 0 || s->in_pos > in_pos)
			continue;
		/* It wants more. */
		rc = refill(s, e);
		if (rc == 0 && s->in_pos == s->in_n)
			rc = vmf_fail(e, VMF_EDATA, "%s: gzip data are "
			    "truncated: the file ends at byte %lld, inside a "
			    "member", s->name, at(s));
	}
	s->rc = rc < 0 ? rc : 0;
	return done;
}

static int64_t
read_zstd(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	ZSTD_outBuffer out = { p, (size_t)n, 0 };

	while (s->rc == 0 && out.pos < out.size) {
		ZSTD_inBuffer in;
		size_t before = out.pos, ret;

		s->rc = refill(s, e);
		if (s->rc != 0 || (s->in_pos == s->in_n && s->between))
			break;
		in = (ZSTD_inBuffer){ s->in + s->in_pos,
		    (size_t)(s->in_n - s->in_pos), 0 };
		ret = ZSTD_decompressStream(s->zd, &out, &in);
		if (ZSTD_isError(ret)) {
			s->rc = vmf_fail(e, VMF_EDATA,
			    "%s: byte %lld: zstd data are damaged: %s",
			    s->name, at(s), ZSTD_getErrorName(ret));
			break;
		}
		s->in_pos += (int64_t)in.pos;
		s->between = ret == 0;
		/* The decoder may hold text back after its last input. */
		if (in.size == 0 && out.pos == before && ret != 0)
			s->rc = vmf_fail(e, VMF_EDATA, "%s: zstd data are "
			    "truncated: the file ends at byte %lld, inside a "
			    "frame", s->name, at(s));
	}
	VMF_WRITTEN(p, out.pos);
	return (int64_t)out.pos;
}

/*
 * Unpack a chunk; 0 at the end, or where s->rc says what is there.  Of a
 * chunk in which the damage is found nothing is used: it is where the
 * nonsense is.  All chunks are of one size, so that it does not depend on
 * who reads how much at a time.
 */
static int64_t
unpack(void *arg, uint8_t *p, int64_t *pos)
{
	struct vmf_source *s = arg;
	int64_t n;

	if (s->rc != 0)
		return 0;
	n = s->kind == KIND_GZIP ? read_gzip(s, p, CHUNK_BYTES, &s->err) :
	    read_zstd(s, p, CHUNK_BYTES, &s->err);
	*pos = at(s);
	return s->rc != 0 ? 0 : n;
}

void
vmf_source_ahead(struct vmf_source *s, int n_chunks, const char *tmpdir,
    int64_t file_bytes)
{
	const struct vmf_ahead_opts opts = { .make = unpack, .arg = s,
	    .n_chunks = n_chunks, .tmpdir = tmpdir,
	    .file_bytes = file_bytes };

	if (s->kind != KIND_PLAIN && s->ahead == NULL)
		s->ahead = vmf_ahead_start(&opts);
}

static int64_t
read_chunk(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	int64_t pos;

	if (s->chunk == NULL)
		s->chunk = vmf_calloc(CHUNK_BYTES, 1, e);
	if (s->chunk == NULL)
		return VMF_ENOMEM;
	if (s->chunk_pos == s->chunk_n) {
		s->chunk_pos = 0;
		s->chunk_n = unpack(s, s->chunk, &pos);
	}
	if (n > s->chunk_n - s->chunk_pos)
		n = s->chunk_n - s->chunk_pos;
	memcpy(p, s->chunk + s->chunk_pos, (size_t)n);
	s->chunk_pos += n;
	return n;
}

int64_t
vmf_source_read(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	int64_t got;

	if (s->kind == KIND_PLAIN)
		return read_plain(s, p, n, e);
	got = s->ahead != NULL ? vmf_ahead_read(s->ahead, p, n, e) :
	    read_chunk(s, p, n, e);
	if (got != 0 || s->rc == 0)
		return got;
	if (e != NULL)
		*e = s->err;
	return s->rc;
}

int64_t
vmf_source_bytes(const struct vmf_source *s)
{
	return s->ahead != NULL ? vmf_ahead_at(s->ahead) : at(s);
}

void
vmf_source_free(struct vmf_source *s)
{
	if (s == NULL)
		return;
	vmf_ahead_free(s->ahead);
	free(s->chunk);
	gzip_end(s);
	ZSTD_freeDStream(s->zd);
	vmf_close_in(s->fd);
	free(s->in);
	free(s->name);
	free(s);
}
