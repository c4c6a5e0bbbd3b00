/* SPDX-License-Identifier: MIT */
/* The bodies of kq_kernel.h in the variants there are: what they do is said
 * there. */
#ifndef VMF_KQ_OPS_H
#define VMF_KQ_OPS_H

#include <stdint.h>

/* Members side by side. */
enum { VMF_KQ_LANES = 8 };

struct vmf_kq_ops {
	void (*states)(float *x, const float *m, int64_t n, float c);
	float (*variance)(const float *x, int64_t n);
	void (*likeness)(float *w, const float *x, int64_t n, float now,
	    float scale);
	void (*factors)(float *rows, int64_t n, int64_t shift,
	    const float *const f[VMF_KQ_LANES][2],
	    const float floor[VMF_KQ_LANES],
	    const float half_life[VMF_KQ_LANES]);
	void (*moments)(float *rows, int64_t season,
	    const float k[VMF_KQ_LANES], const float floor[VMF_KQ_LANES]);
	void (*weigh)(float *w, float *total, int64_t n, const float *rows,
	    const int32_t *step, const float *moments, const int32_t *phase);
	void (*losses)(float *loss, float *err, const float *w,
	    const float *total, const float *gap, int64_t n, int64_t below,
	    float over);
	void (*blend)(float *s, const float *w, int64_t n,
	    const float *share);
	void (*total)(float *total, const float *w, int64_t n);
	void (*powers)(float *share, const float *start, const float *loss,
	    float least, float own, float power);
	void (*lags)(float *differs, int64_t most, const float *x,
	    int64_t from, int64_t to);
	float (*dot)(const float *a, const float *b, int64_t n);
	void (*runs)(float *run, const float *s, int64_t n);
};
extern const struct vmf_kq_ops vmf_kq_plain, vmf_kq_avx2, vmf_kq_avx512;

#endif
