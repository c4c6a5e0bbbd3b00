/* SPDX-License-Identifier: MIT */
/*
 * A source map: which column of a source is what.  The built-in maps and
 * those of users are the same JSON, read by the same code; vmf-ingest(1)
 * describes it.
 */
#ifndef VMF_MAP_H
#define VMF_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "ingest/stamp.h"

/* A column of the source, by its name or, where that is NULL, by its
 * position from 1. */
struct vmf_map_ref {
	char *name;
	int64_t pos;
};

struct vmf_map_col {
	bool attribute;		/* else a metric */
	char *name;		/* in the stream; NULL: --metric must tell */
	enum vmf_type type;	/* float32 for metrics; utf8, int32, float64 */
	char *unit;		/* or NULL */
	double scale;		/* the number read is multiplied by this */
	double offset;		/* and this is added in the end */
	bool has_from;		/* a metric of wide, by filename, has none */
	struct vmf_map_ref from;
	bool has_percent_of;	/* 100 x from / percent_of */
	struct vmf_map_ref percent_of;
	struct vmf_map_ref where;	/* only of rows that have there: */
	char *where_is;		/* or NULL: of all */
};

/* What to do with columns that the map does not name. */
enum vmf_map_others {
	VMF_OTHERS_ERROR,
	VMF_OTHERS_IGNORE,
	VMF_OTHERS_GUESS,	/* an attribute by its name, else a metric */
};

struct vmf_mig_map;

struct vmf_map {
	struct vmf_mig_map *migrations;	/* not NULL: of these, not of
					 * readings, and the rest is empty */
	char delim;
	bool comma;		/* numbers are 1.234,5 */
	int64_t skip;		/* lines before the header */
	char *comment;		/* lines that begin so are none; or NULL */
	bool header;		/* the first row holds the columns' names */
	int n_columns;		/* without a header: the columns' names */
	char **column;
	bool wide;		/* a column of values for each VM */
	bool id_from_file;	/* the VM is the file's name */
	struct vmf_map_ref id;
	char *until;		/* what ends the id there, or NULL */
	bool time_by_row;	/* row i is at start + i x step */
	struct vmf_map_ref time;
	enum vmf_stamp stamp;
	char *pattern;		/* of VMF_STAMP_PATTERN */
	int64_t start_s;	/* VMF_TIME_NONE: --start must tell */
	int64_t step_s;
	enum vmf_map_others others;
	int n_cols;		/* metrics, then attributes */
	int64_t cols_cap;
	struct vmf_map_col *col;
};

/* The JSON text of a built-in map, or NULL. */
const char *vmf_map_builtin(const char *name);
/* "azure, wide, ...": for messages. */
#define VMF_MAP_NAMES \
	"csv, azure, wide, bitbrains, planetlab, nab, alibaba2018, " \
	"migrations, qemu-migration, postgres-migration, " \
	"openstack-migration, openstack-downtime, domjobinfo, " \
	"query-migrate"

/*
 * Read a map from JSON text; name is for messages ("map 'azure'", a file's
 * path).  Strict: what is unknown, given twice, missing or of the wrong
 * type is VMF_EDATA naming it.  m must be { 0 }; vmf_map_free after failure
 * too.
 */
int vmf_map_parse(struct vmf_map *m, const char *text, int64_t len,
    const char *name, struct vmf_err *e) VMF_CHECK;
/* A built-in map by its name, or a file's (one with a '/' or ending in
 * .json).  VMF_EUSAGE when it is neither. */
int vmf_map_load(struct vmf_map *m, const char *which, struct vmf_err *e)
    VMF_CHECK;
void vmf_map_free(struct vmf_map *m);

/* --delimiter in place of the map's own: one character, "\\t" or "tab". */
int vmf_map_set_delimiter(struct vmf_map *m, const char *text,
    struct vmf_err *e) VMF_CHECK;

/* --decimal in place of the map's own: "." or ",". */
int vmf_map_set_decimal(struct vmf_map *m, const char *text,
    struct vmf_err *e) VMF_CHECK;

/* Give the map's only metric the name of --metric. */
int vmf_map_set_metric(struct vmf_map *m, const char *name,
    struct vmf_err *e) VMF_CHECK;

/* Append a column; the name is copied. */
int vmf_map_add(struct vmf_map *m, bool attribute, const char *name,
    enum vmf_type type, const char *unit, struct vmf_err *e) VMF_CHECK;

/* The type of an attribute that is known by its name alone (host, vcpus,
 * ...), and its unit; false when the name is none. */
bool vmf_map_known_attribute(const char *name, int64_t len,
    enum vmf_type *type, const char **unit);
/* The unit of a metric that is known by its name, or NULL. */
const char *vmf_map_known_unit(const char *name, int64_t len);

#endif
