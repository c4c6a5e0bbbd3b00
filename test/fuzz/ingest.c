/* SPDX-License-Identifier: MIT */
/*
 * vmf-ingest on any bytes: the first chooses the map (past the built-in ones
 * the text up to a NUL is a map of its own), the rest is the file, packed or
 * not.  Every row is read or counted as bad, every id is there, and what
 * fails says why.
 */
#define _GNU_SOURCE		/* memfd_create */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/time.h"
#include "ingest/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "csv", "azure", "wide", "bitbrains",
    "planetlab", "nab", "alibaba2018" };
#define N_NAMES (sizeof(names) / sizeof(*names))

static void
read_all(const struct vmf_map *map, const char *path)
{
	struct vmf_err err = { "" };
	struct vmf_ingest_opts opts = { .start_s = map->time_by_row ? 0 :
	    VMF_TIME_NONE, .id = map->id_from_file ? "x" : NULL,
	    .skip_bad = true };
	struct vmf_ingest_counts n;
	struct vmf_ingest *in = NULL;
	struct vmf_batch b = { 0 };
	int64_t rows = 0;
	int got = -1;

	if (vmf_ingest_new(&in, map, &opts, &err) != 0 ||
	    vmf_ingest_open(in, path, &err) != 0 ||
	    vmf_batch_init(&b, vmf_ingest_schema(in), &err) != 0)
		goto done;
	while ((got = vmf_ingest_fill(in, &b, &err)) > 0) {
		rows += b.n;
		vmf_batch_clear(&b);
	}
	rows += b.n;
	vmf_ingest_counts(in, &n);
	if (got == 0 && (rows != n.rows_out ||
	    (!map->wide && n.rows_in != n.rows_out + n.bad + n.passed)))
		abort();
	for (int64_t i = 0; i < b.n; i++) {
		int64_t len;

		if (vmf_col_str(&b.col[0], i, &len) == NULL || len == 0)
			abort();
	}
	if (got < 0 && *err.msg == '\0')
		abort();
done:
	vmf_batch_free(&b);
	vmf_ingest_free(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmf_err err = { "" };
	struct vmf_map map = { 0 };
	const uint8_t *nul;
	char path[64];
	int fd, rc;

	if (size == 0)
		return 0;
	if (*data < N_NAMES) {
		rc = vmf_map_load(&map, names[*data], &err);
		data++;
		size--;
	} else {
		nul = memchr(data, '\0', size);
		if (nul == NULL)
			return 0;
		rc = vmf_map_parse(&map, (const char *)data, nul - data,
		    "map", &err);
		size -= (size_t)(nul - data) + 1;
		data = nul + 1;
	}
	if (rc == 0 && map.n_cols == 1 && map.col[0].name == NULL)
		rc = vmf_map_set_metric(&map, "cpu", &err);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || vmf_write_full(fd, data, (int64_t)size, "memory",
	    NULL) != 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rc == 0)
		read_all(&map, path);
	vmf_map_free(&map);
	close(fd);
	return 0;
}
