/* SPDX-License-Identifier: MIT */
/* Random numbers that a seed decides, by splitmix64: Steele, Lea and Flood,
 * "Fast Splittable Pseudorandom Number Generators", 2014, with the constants
 * of Stafford.  Not for secrets. */
#ifndef VMF_BASE_RNG_H
#define VMF_BASE_RNG_H

#include <stdint.h>

#define VMF_RNG_STEP UINT64_C(0x9e3779b97f4a7c15)

/* Its output function: a good hash of z, and no two z have the same. */
static inline uint64_t
vmf_mix64(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The n-th random number of a key, from 0 on, without those before it. */
static inline uint64_t
vmf_random(uint64_t key, uint64_t n)
{
	return vmf_mix64(key + (n + 1) * VMF_RNG_STEP);
}

/* One after the other; state is the seed at first. */
struct vmf_rng {
	uint64_t state;
};

static inline uint64_t
vmf_rng_next(struct vmf_rng *r)
{
	return vmf_mix64(r->state += VMF_RNG_STEP);
}

/* 0 to n - 1, n below 2^32. */
static inline int64_t
vmf_rng_below(struct vmf_rng *r, int64_t n)
{
	return (int64_t)((vmf_rng_next(r) >> 32) * (uint64_t)n >> 32);
}

/* 0 <= u < 1. */
static inline double
vmf_rng_unit(struct vmf_rng *r)
{
	return (double)(vmf_rng_next(r) >> 11) * 0x1p-53;
}

#endif
