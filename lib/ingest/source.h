/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an input file, unpacked.  Plain text, gzip and zstd are told
 * apart by their first bytes, never by the name, so that a pipe works as
 * well.  Several gzip members or zstd frames one after another are one text.
 * Memory: one block of input and the decoder's window, and what is unpacked
 * ahead.  gzip is unpacked by ISA-L where the build has it, else by zlib.
 */
#ifndef VMF_SOURCE_H
#define VMF_SOURCE_H

#include <stdint.h>

#include "base/err.h"

struct vmf_source;

/* path NULL or "-": standard input.  VMF_EDATA for a file of a kind that is
 * known but not read (xz, bzip2, zip, UTF-16, an Arrow stream).  A thread
 * that is cancelled while it waits for the first bytes leaves *s to be freed;
 * after any other failure it is NULL. */
int vmf_source_open(struct vmf_source **s, const char *path,
    struct vmf_err *e) VMF_CHECK;

/* Have a thread of its own unpack what is packed, from now on, so many
 * chunks of 256 KiB ahead of who reads, and until somebody does so many
 * bytes more into a temporary file in tmpdir. */
void vmf_source_ahead(struct vmf_source *s, int n_chunks,
    const char *tmpdir, int64_t file_bytes);

/* Up to n bytes of unpacked text; 0 at the end.  Packed data that are
 * damaged, or end before their own end mark, are VMF_EDATA with the byte of
 * the file; of the 256 KiB of text that the damage is in none are given. */
int64_t vmf_source_read(struct vmf_source *s, void *p, int64_t n,
    struct vmf_err *e) VMF_CHECK;

/* Bytes of the file taken so far, packed: for progress. */
int64_t vmf_source_bytes(const struct vmf_source *s);

void vmf_source_free(struct vmf_source *s);

#endif
