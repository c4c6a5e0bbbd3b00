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
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
    unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_n,
    const uint8_t *b, size_t b_n, uint8_t *out, size_t max,
    unsigned int seed);

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

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
    unsigned int seed)
{
	return mutate_stream(data, size, max, seed);
}

/* Messages of the one put among those of the other. */
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_n, const uint8_t *b,
    size_t b_n, uint8_t *out, size_t max, unsigned int seed)
{
	struct mutation m = { out, a_n, max, seed };
	struct mutation from = { (uint8_t *)(uintptr_t)b, b_n, b_n, seed };
	struct message g[MESSAGES_MAX], h[MESSAGES_MAX];
	int n, k;

	if (a_n > max)
		return 0;
	memcpy(out, a, a_n);
	n = messages(&m, g);
	k = messages(&from, h);
	(void)draw(&m, 2);
	if (n > 0 && k > 0) {
		const struct message *to = &g[draw(&m, (uint32_t)n)];
		const struct message *f = &h[draw(&m, (uint32_t)k)];

		(void)replace(&m, to->at, draw(&m, 2) == 0 ? 0 :
		    to->end - to->at, b + f->at, f->end - f->at);
	}
	return m.n;
}
