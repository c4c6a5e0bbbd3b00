/* SPDX-License-Identifier: MIT */
/*
 * The inventory: a CSV file with a row a VM, whose columns become or
 * override attributes.
 */
#ifndef VMF_JOIN_H
#define VMF_JOIN_H

#include "series/attrs.h"
#include "series/ids.h"

struct vmf_inventory {
	char *name;		/* of the file, for messages */
	const char *key;	/* what a row is one of: "vm", "host" */
	struct vmf_schema schema;	/* columns but the VM's, with types */
	struct vmf_dict vm;	/* code = row */
	char *text;		/* all cells, a NUL after each */
	int64_t text_n, text_cap;
	int64_t *cell;		/* in text, by row and column; -1: missing */
	int64_t n_cells, cell_cap;
};

/*
 * Read the CSV file at path: a header with vm (or id) and any other names,
 * then a row a VM.  Names that are known, such as vm, host or pinned, may
 * be written in capitals.  host, cluster and target are text; another is
 * int32 or int64 if all its values are whole numbers, float64 if all are
 * numbers, else text.  Empty is missing; in a column of numbers NA and nan
 * are as well.  VMF_EDATA names file and line: no VM column, a repeated
 * name or VM, a wrong count of fields, a bad quote, text that is not UTF-8;
 * or column and VM, where vcpus, mem_mb or cpu_capacity_mhz is not above 0.
 */
int vmf_inventory_read(struct vmf_inventory *inv, const char *path,
    struct vmf_err *e) VMF_CHECK;

/* vmf_inventory_read of hosts, say: key, a literal, is the column that names
 * the rows ("id" may stand for "vm" alone), and inv->vm holds their names. */
int vmf_inventory_read_by(struct vmf_inventory *inv, const char *key,
    const char *path, struct vmf_err *e) VMF_CHECK;
/* Text of a row and column of inv->schema; NULL when missing. */
const char *vmf_inventory_cell(const struct vmf_inventory *inv, int64_t row,
    int col);
/* Does its column of this name say anything: is there one, and a value in it?
 * In a column of nothing but "NA" and the like there is none. */
bool vmf_inventory_tells(const struct vmf_inventory *inv, const char *name);

/*
 * Enter the inventory's VMs into ids and its values into attrs, over the
 * values there are; a missing value overrides nothing.  Where both have a
 * column, its type becomes one that holds both: text, float64 or int64.
 */
int vmf_inventory_apply(const struct vmf_inventory *inv, struct vmf_ids *ids,
    struct vmf_attrs *attrs, struct vmf_err *e) VMF_CHECK;

/* Rows, and bytes held. */
int64_t vmf_inventory_rows(const struct vmf_inventory *inv);
int64_t vmf_inventory_bytes(const struct vmf_inventory *inv);
void vmf_inventory_free(struct vmf_inventory *inv);

#endif
