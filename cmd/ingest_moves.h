/* SPDX-License-Identifier: MIT */
/* vmf-ingest with a map of migrations. */
#ifndef VMF_INGEST_MOVES_H
#define VMF_INGEST_MOVES_H

#include "cmd.h"
#include "ingest/ingest.h"
#include "ingest/migread.h"

/* vmf_map_load, with the name of the only metric, the delimiter and the decimal
 * point (or NULL), against the options that are for readings only. */
int ingest_load_map(struct vmf_map *map, const char *name,
    const char *metric, const char *delim, const char *decimal,
    const struct vmf_ingest_opts *o, struct vmf_err *e) VMF_CHECK;

/* Read all operands by the map and write them.  0, or < 0 with e. */
int ingest_moves(const struct cmd *c, const struct vmf_map *map,
    const struct vmf_ingest_opts *o, struct cmd_output *out,
    struct vmf_err *e) VMF_CHECK;

#endif
