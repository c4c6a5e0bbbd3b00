/* SPDX-License-Identifier: MIT */
/*
 * The stream reader on any bytes: an error or batches, never a crash, and
 * no more memory than the limit given.  Every value is touched, as a command
 * would.
 */
#define _GNU_SOURCE		/* memfd_create */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arrow/arrow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double
touch(const struct vmf_batch *b)
{
	double sum = 0;

	for (int k = 0; k < b->n_cols; k++) {
		const struct vmf_col *c = &b->col[k];

		for (int64_t i = 0; i < b->n; i++) {
			int64_t n = 0;
			const char *s;
			const float *f;
			const double *d;

			switch (c->type) {
			case VMF_UTF8:
			case VMF_BINARY:
				s = vmf_col_str(c, i, &n);
				for (int64_t j = 0; j < n; j++)
					sum += s[j];
				break;
			case VMF_LIST_FLOAT32:
				f = vmf_col_list32(c, i, &n);
				for (int64_t j = 0; j < n; j++)
					sum += (double)f[j];
				break;
			case VMF_LIST_FLOAT64:
				d = vmf_col_list64(c, i, &n);
				for (int64_t j = 0; j < n; j++)
					sum += d[j];
				break;
			default:
				sum += vmf_col_num(c, i);
			}
		}
	}
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmf_err err = { "" };
	struct vmf_reader *r = NULL;
	const struct vmf_batch *b;
	volatile double sum = 0;
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || vmf_write_full(fd, data, (int64_t)size, "memory",
	    &err) != 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (vmf_reader_open(&r, path, 1 << 20, &err) == 0)
		while (vmf_reader_next(r, &b, &err) > 0)
			sum = sum + touch(b);
	vmf_reader_free(r);
	close(fd);
	return 0;
}
