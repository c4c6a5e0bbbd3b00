/* SPDX-License-Identifier: MIT */
/*
 * From the buffers of a record batch to columns.  Private to lib/arrow.
 */
#ifndef VMF_DECODE_H
#define VMF_DECODE_H

#include "arrow/arrow.h"
#include "arrow/flat.h"
#include "base/mem.h"

/* How the other side stores values. */
enum vmf_layout {
	LAYOUT_NULL, LAYOUT_BOOL, LAYOUT_INT, LAYOUT_FLOAT, LAYOUT_DECIMAL,
	LAYOUT_TEXT,		/* utf8 or binary; width is the offsets' */
	LAYOUT_VIEW,		/* utf8_view or binary_view */
	LAYOUT_LIST,		/* width is the offsets' */
	LAYOUT_FIXED_LIST,
};

struct vmf_source {
	enum vmf_layout layout;
	enum vmf_type type;	/* what it becomes */
	int width;		/* bits of a value, or of an offset */
	bool is_signed;
	bool text;		/* must be valid UTF-8 */
	int64_t div, mul;	/* to seconds: value * mul / div, floored */
	int scale;		/* decimals: value / 10^scale */
	int64_t list_size;	/* fixed-size lists */
	enum vmf_layout item_layout;	/* of lists */
	int item_width, item_scale;
	bool item_signed;
	bool is_dict;		/* width, is_signed are the index's */
	int dict;		/* number of the dictionary in the reader */
};

/* A message's record batch, its positions checked, its buffers not yet. */
struct vmf_record {
	const char *name;	/* of the stream, for messages */
	int64_t byte;		/* where the message begins */
	const char *column;	/* being decoded */
	int64_t n_rows;
	const uint8_t *node;	/* pairs of int64: length, null count */
	const uint8_t *buffer;	/* pairs of int64: offset, length */
	const uint8_t *variadic;	/* int64 each */
	int64_t n_nodes, n_buffers, n_variadic;
	int64_t at_node, at_buffer, at_variadic;	/* used so far */
	const uint8_t *body;
	int64_t body_bytes;
	enum vmf_codec codec;
	int64_t high;		/* end of the buffers used in place so far */
	int64_t budget;		/* bytes that may still be unpacked */
	int64_t bodiless;	/* values without a byte in the body that may
				 * still come */
};

/* Room for a column's converted or unpacked buffers, kept for the next
 * batch. */
struct vmf_room {
	struct vmf_buf valid, offsets, data, raw, raw2;
};

/* Read the parts of a RecordBatch table; body and codec as well. */
int vmf_record_open(struct vmf_record *r, struct vmf_flat *f, int64_t table,
    struct vmf_err *e) VMF_CHECK;
/* Decode the next column (n rows) into c, which then points into the body
 * or into room.  Dictionary codes are checked against d when not NULL. */
int vmf_record_column(struct vmf_record *r, const struct vmf_source *s,
    struct vmf_dict *d, struct vmf_room *room, struct vmf_col *c,
    struct vmf_err *e) VMF_CHECK;
/* All nodes and buffers must have been used. */
int vmf_record_close(const struct vmf_record *r, struct vmf_err *e) VMF_CHECK;
void vmf_room_free(struct vmf_room *room);
int64_t vmf_room_bytes(const struct vmf_room *room);

#endif
