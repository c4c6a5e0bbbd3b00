/* SPDX-License-Identifier: MIT */
/* What vmf-ingest says at the end, of readings. */
#ifndef VMF_INGEST_NOTE_H
#define VMF_INGEST_NOTE_H

#include "cmd.h"
#include "ingest/ingest.h"

/* What was seen in the rows so far; { 0 } before the first. */
struct ingest_watch {
	bool late;		/* a time since 2000 */
	bool near;		/* a time before 2100 */
	bool early;		/* until both, one near 1970 */
	bool whole;		/* a cpu above 1 */
	int64_t n_parts;	/* those above 0, until then */
	bool differs;		/* a cpu from the first one */
	int64_t n_same;		/* those like it, until then */
	double same;
	float least, most;	/* cpu, 0 until there is one beyond */
};

/* Look at a batch of readings before it goes out, as far as there is
 * something to find out. */
void ingest_watch(struct ingest_watch *w, const struct vmf_schema *s,
    const struct vmf_batch *b);

/* Lines that count the rows, and doubt units that look wrong; in may be NULL:
 * migrations, which report themselves.  bad_rows: their file, or NULL. */
void ingest_note(const struct cmd *c, const struct vmf_ingest *in,
    const struct ingest_watch *w, const struct vmf_ingest_opts *o,
    const char *bad_rows);

#endif
