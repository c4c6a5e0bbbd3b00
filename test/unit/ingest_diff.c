/* SPDX-License-Identifier: MIT */
/* ingest_diff [SEED [ROUNDS]]: the fuzzer of vmf-ingest's two readers on
 * texts made up from a seed. */
#include "../fuzz/ingest_diff.c"

static uint64_t
next(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

int
main(int argc, char *argv[])
{
	uint64_t x = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 400;
	uint8_t data[4096];

	for (long i = 0; i < rounds; i++) {
		size_t n = 3 + next(&x) % (i % 16 == 0 ? 4000 : 400);

		for (size_t k = 0; k < n; k++)
			data[k] = (uint8_t)next(&x);
		data[0] |= 0x40;	/* a text that is made */
		/* Repeated texts take long. */
		if (i % 16 != 0)
			data[0] &= 0xcf;
		(void)LLVMFuzzerTestOneInput(data, n);
	}
	printf("%ld inputs without a difference\n", rounds);
	return 0;
}
