/* SPDX-License-Identifier: MIT */
#include "ingest/source.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/mem.h"

#define IN_BYTES (256 * 1024)

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
	bool padded;		/* zeros were met behind a gzip member */
	z_stream z;
	bool z_open;
	ZSTD_DStream *zd;
};

/* The byte of the file that is used next. */
static long long
at(const struct vmf_source *s)
{
	return (long long)(s->in_base + s->in_pos);
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
	got = vmf_read_full(s->fd, s->in, IN_BYTES, s->name, e);
	if (got < 0)
		return (int)got;
	s->in_n = got;
	s->eof = got < IN_BYTES;
	return 0;
}

static bool
starts(const struct vmf_source *s, const char *magic, int64_t len)
{
	return s->in_n >= len && memcmp(s->in, magic, (size_t)len) == 0;
}

static int
detect(struct vmf_source *s, struct vmf_err *e)
{
	static const struct {
		const char *magic;
		int64_t len;
		const char *what;
	} refused[] = {
		{ "\xfd" "7zXZ", 5, "xz data" },
		{ "BZh", 3, "bzip2 data" },
		{ "PK\3\4", 4, "a zip archive" },
		{ "\xff\xff\xff\xff", 4, "an Arrow stream" },
		{ "\xff\xfe", 2, "UTF-16 text" },
		{ "\xfe\xff", 2, "UTF-16 text" },
	};

	s->between = true;
	/* One byte 0x1f begins no text: a gzip file cut after it. */
	if (starts(s, "\x1f\x8b", 2) || (s->in_n == 1 && s->in[0] == 0x1f)) {
		s->kind = KIND_GZIP;
		if (inflateInit2(&s->z, 15 + 16) != Z_OK)
			return vmf_fail_nomem(e, 1 << 16);
		s->z_open = true;
		return 0;
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
			    "packed by gzip or zstd", s->name,
			    refused[i].what);
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
	if (rc == 0)
		rc = refill(s, e);
	if (rc == 0)
		rc = detect(s, e);
	if (rc != 0)
		goto fail;
	*out = s;
	return 0;
fail:
	vmf_source_free(s);
	return rc;
}

static int64_t
read_plain(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	int64_t have = s->in_n - s->in_pos;
	int rc;

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
		    "behind the gzip data, expected a further member or the "
		    "end of the file", s->name, at(s), c);
	if (inflateReset(&s->z) != Z_OK)
		return vmf_fail_nomem(e, 1 << 16);
	s->between = false;
	return 0;
}

static int64_t
read_gzip(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	z_stream *z = &s->z;
	int rc;

	z->next_out = p;
	z->avail_out = (uInt)n;
	while (z->avail_out > 0) {
		rc = refill(s, e);
		if (rc != 0)
			return rc;
		if (s->in_pos == s->in_n) {
			if (s->between)
				break;
			return vmf_fail(e, VMF_EDATA, "%s: gzip data are "
			    "truncated: the file ends at byte %lld, inside a "
			    "member", s->name, at(s));
		}
		if (s->between) {
			rc = next_member(s, e);
			if (rc != 0)
				return rc;
			continue;
		}
		z->next_in = s->in + s->in_pos;
		z->avail_in = (uInt)(s->in_n - s->in_pos);
		rc = inflate(z, Z_NO_FLUSH);
		s->in_pos = s->in_n - (int64_t)z->avail_in;
		if (rc == Z_STREAM_END)
			s->between = true;
		else if (rc == Z_MEM_ERROR)
			return vmf_fail_nomem(e, 1 << 16);
		else if (rc != Z_OK && rc != Z_BUF_ERROR)
			return vmf_fail(e, VMF_EDATA,
			    "%s: byte %lld: gzip data are damaged: %s",
			    s->name, at(s),
			    z->msg != NULL ? z->msg : zError(rc));
	}
	return n - (int64_t)z->avail_out;
}

static int64_t
read_zstd(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	ZSTD_outBuffer out = { p, (size_t)n, 0 };
	int rc;

	while (out.pos < out.size) {
		ZSTD_inBuffer in;
		size_t before = out.pos, ret;

		rc = refill(s, e);
		if (rc != 0)
			return rc;
		if (s->in_pos == s->in_n && s->between)
			break;
		in = (ZSTD_inBuffer){ s->in + s->in_pos,
		    (size_t)(s->in_n - s->in_pos), 0 };
		ret = ZSTD_decompressStream(s->zd, &out, &in);
		if (ZSTD_isError(ret))
			return vmf_fail(e, VMF_EDATA,
			    "%s: byte %lld: zstd data are damaged: %s",
			    s->name, at(s), ZSTD_getErrorName(ret));
		s->in_pos += (int64_t)in.pos;
		s->between = ret == 0;
		/* The decoder may hold text back after its last input. */
		if (in.size == 0 && out.pos == before && ret != 0)
			return vmf_fail(e, VMF_EDATA, "%s: zstd data are "
			    "truncated: the file ends at byte %lld, inside a "
			    "frame", s->name, at(s));
	}
	return (int64_t)out.pos;
}

int64_t
vmf_source_read(struct vmf_source *s, void *p, int64_t n, struct vmf_err *e)
{
	if (n > 1 << 30)
		n = 1 << 30;	/* zlib counts in 32 bits */
	switch (s->kind) {
	case KIND_GZIP:
		return read_gzip(s, p, n, e);
	case KIND_ZSTD:
		return read_zstd(s, p, n, e);
	case KIND_PLAIN:
		break;
	}
	return read_plain(s, p, n, e);
}

const char *
vmf_source_name(const struct vmf_source *s)
{
	return s->name;
}

int64_t
vmf_source_bytes(const struct vmf_source *s)
{
	return s->in_base + s->in_pos;
}

void
vmf_source_free(struct vmf_source *s)
{
	if (s == NULL)
		return;
	if (s->z_open)
		inflateEnd(&s->z);
	ZSTD_freeDStream(s->zd);
	vmf_close_in(s->fd);
	free(s->in);
	free(s->name);
	free(s);
}
