/* SPDX-License-Identifier: MIT */
/* The bodies of kq_kernel.h in the variants there are: what they do is said
 * there. */
#ifndef VMF_KQ_OPS_H
#define VMF_KQ_OPS_H

#include <stdint.h>

struct vmf_kq_ops {
	void (*states)(float *x, const float *m, int64_t n, float c);
	void (*ages)(float *w, int64_t n, float half_life);
	void (*likeness)(float *w, const float *x, int64_t n, int64_t lag,
	    float now, float scale);
	void (*phases)(float *w, int64_t n, int64_t to, int64_t season,
	    float sd);
	void (*product)(float *w, int64_t n, const float *a,
	    const float *const f[3], const float floor[3]);
	void (*add)(float *w, const float *a, int64_t n, float share);
	float (*dot)(const float *a, const float *b, int64_t n);
	float (*sorted)(float *s, float *run, int64_t known, const float *w,
	    const int32_t *rank, int64_t n);
};
extern const struct vmf_kq_ops vmf_kq_plain, vmf_kq_avx2, vmf_kq_avx512;

#endif
