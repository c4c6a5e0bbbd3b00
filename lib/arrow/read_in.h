/* SPDX-License-Identifier: MIT */
/* What the parts of the reader share: read.c and grown.c. */
#ifndef VMF_READ_IN_H
#define VMF_READ_IN_H

#include "arrow/arrow.h"
#include "arrow/decode.h"
#include "arrow/flat.h"

struct vmf_reader_dict {
	int64_t id;
	struct vmf_source values;
	struct vmf_dict d;
	bool seen;			/* one was sent */
};

struct vmf_reader {
	int fd;
	char *name;
	int64_t max_batch;
	int64_t byte;			/* read so far */
	struct vmf_schema schema;
	struct vmf_source *source;	/* one a field */
	struct vmf_room *room;
	struct vmf_reader_dict *dict;
	int n_dicts;
	int64_t dict_cap;
	struct vmf_batch batch;
	struct vmf_buf meta, body;
	struct vmf_buf part;		/* of a dictionary that grew */
	int64_t text_left;		/* that may still be looked at in
					 * the schema */
	int64_t rows_before;		/* of the present batch */
	bool ended;
};

/* What is being read, for the message when it is cut off. */
struct vmf_whole {
	const char *what;
	int64_t begin, n;	/* its first byte in the stream, and bytes */
};

/* Read n bytes more into b, in chunks: a claim of a gigabyte costs nothing
 * before the bytes are there. */
int vmf_reader_more(struct vmf_reader *r, struct vmf_buf *b, int64_t n,
    const struct vmf_whole *w, struct vmf_err *e) VMF_CHECK;
/* Put the values of c after those of d, or in place of them; begin is the
 * byte of the message. */
int vmf_reader_set_dict(struct vmf_reader *r, struct vmf_dict *d,
    const struct vmf_col *c, bool delta, int64_t begin, struct vmf_err *e)
    VMF_CHECK;

/* grown.c */
/*
 * vmf's own writer sends a dictionary anew, whole, when there are names more
 * in it.  The part that is known already is compared as it comes and kept
 * nowhere: a million names are 70 MB.
 */
struct vmf_grown {
	struct vmf_dict *d;
	int64_t begin;		/* byte of the message */
	int64_t n;		/* strings, the known ones first */
	int64_t off_at, data_at, data_n;	/* bytes of the body */
	int64_t used;		/* of them, by the strings known */
};

/* Could the message be one?  By what it says before its body. */
bool vmf_grown_may_be(struct vmf_reader *r, struct vmf_flat *f,
    int64_t header, int64_t begin, int64_t body, struct vmf_grown *g);
/*
 * Read the body, n bytes, of a dictionary that may have grown.  1: it has,
 * and is in its place; 0: it has not, and the body is in r->body as ever.
 */
int vmf_grown_read(struct vmf_reader *r, struct vmf_grown *g, int64_t n,
    struct vmf_err *e) VMF_CHECK;

#endif
