/* SPDX-License-Identifier: MIT */
/*
 * A source map of migrations: which column of a source is what, or which
 * text it is.  vmf-ingest(1) describes it.
 */
#ifndef VMF_MIGMAP_H
#define VMF_MIGMAP_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/err.h"
#include "ingest/map.h"
#include "ingest/migrations.h"

enum vmf_mig_format {
	VMF_MIG_CSV,
	VMF_MIG_DOMJOBINFO,	/* virsh domjobinfo --completed */
	VMF_MIG_QUERY,		/* QEMU's query-migrate, an object a line */
};

struct vmf_mig_word {
	char *from, *to;
};

struct vmf_mig_field {
	int col;		/* enum vmf_mig */
	char *value;		/* the same in every row, or NULL */
	struct vmf_map_ref *from;	/* several: joined by '/' */
	int n_from;
	double scale;
	struct vmf_mig_word *word;	/* texts that mean another */
	int n_words;
};

struct vmf_mig_map {
	enum vmf_mig_format format;
	char delim;
	enum vmf_map_others others;
	struct vmf_mig_field *field;
	int n_fields;
	bool has_only;		/* rows that have this text there, no others */
	struct vmf_map_ref only;
	char *only_is;
	struct vmf_map_ref *repeats;	/* rows that agree in all of these are
					 * one */
	int n_repeats;
};

/* Read a map whose "kind" is "migrations"; name is for messages.  *m is the
 * caller's to free, after failure too. */
int vmf_mig_map_parse(struct vmf_mig_map **m, const cJSON *root,
    const char *name, struct vmf_err *e) VMF_CHECK;
void vmf_mig_map_free(struct vmf_mig_map *m);

#endif
