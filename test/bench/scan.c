/* SPDX-License-Identifier: MIT */
/*
 * What vmf-ingest's parts take alone, in one thread: scan PART FILE.  PART
 * is read (the file, a block at a time, and a look at each 64 bytes), scan
 * (that, and where fields end) or numbers (both, and what the first column
 * and those from the third on say, as times and floats).  FILE has no quotes,
 * and as many fields in each line as in the first.
 */
#define _GNU_SOURCE		/* memrchr */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/numcol.h"
#include "ingest/scan.h"

#define BLOCK (256 * 1024)	/* as lib/ingest/fast.c has */

static char room[VMF_CELLS_PAD + BLOCK + VMF_CELLS_PAD];
static uint32_t mark[1 + BLOCK + 16], odd_at[BLOCK + 16], row[BLOCK + 1];
static uint8_t odd[BLOCK];
static int64_t when[BLOCK];
static float value[BLOCK];

int
main(int argc, char **argv)
{
	char *text = room + VMF_CELLS_PAD;
	struct vmf_marks m = { .pos = mark + 1, .odd = odd_at };
	struct vmf_cells c = { .text = text, .sep = mark + 1, .row = row,
	    .odd = odd };
	enum vmf_stamp stamp = VMF_STAMP_AUTO;
	enum vmf_simd level = vmf_simd_best();
	int64_t have = 0, rows = 0, marks = 0, sum = 0, fields, n;
	bool scan, numbers, first = true;
	double total = 0.0;
	int fd;

	if (argc != 3 || (fd = open(argv[2], O_RDONLY)) < 0) {
		fprintf(stderr, "usage: scan read|scan|numbers FILE\n");
		return 2;
	}
	numbers = strcmp(argv[1], "numbers") == 0;
	scan = numbers || strcmp(argv[1], "scan") == 0;
	while ((n = read(fd, text + have, (size_t)(BLOCK - have))) > 0) {
		char *lf;

		have += n;
		if ((lf = memrchr(text, '\n', (size_t)have)) == NULL)
			return 1;
		n = lf + 1 - text;
		for (int64_t i = 0; i < n; i += 64)
			sum += text[i];
		if (scan) {
			char next = text[n];

			text[n] = 0;
			vmf_scan(level, text, n, ',', &m);
			text[n] = next;
			marks += m.n_pos;
			rows += m.n_lines;
		}
		if (numbers) {
			fields = m.n_pos / m.n_lines;
			assert(m.n_odd == 0 && m.n_pos == fields * m.n_lines);
			mark[0] = UINT32_MAX;	/* a place before the text */
			/* The first line may be names. */
			c.n = m.n_lines - first;
			for (int64_t r = 0; r < c.n; r++)
				row[r] = (uint32_t)((r + first) * fields);
			memset(odd, 0, (size_t)c.n);
			vmf_numcol_times(level, &c, 0, &stamp, NULL, true,
			    when);
			for (int64_t f = 2; f < fields; f++) {
				vmf_numcol_floats(level, &c, f, value);
				total += value[0] + value[c.n - 1];
			}
			sum += when[0];
		}
		first = false;
		have -= n;
		memmove(text, lf + 1, (size_t)have);
	}
	printf("%" PRId64 " rows, %" PRId64 " fields, %" PRId64 " %g\n", rows,
	    marks, sum, total);
	return n < 0;
}
