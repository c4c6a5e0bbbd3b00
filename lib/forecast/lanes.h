/* SPDX-License-Identifier: MIT */
/*
 * Several series at once, one a lane.  Kernel bodies (*_kernel.h) are written
 * over vreal, and the text is compiled once for each width: VMF_W doubles to
 * a vreal (1, 4 with AVX2, 8 with AVX-512; 1 under CUDA).  The operations of
 * a lane and their order are the same for every width, and -ffp-contract=off
 * forbids fused ones: so all widths give the same bytes.
 *
 * Step t of the lanes is y[t * stride]; NaN is a missing step.  A vmask is
 * all ones or all zeros in each lane.  What bodies keep or write by step is a
 * vseq, or a vcseq that is only read: an array of vreal.
 *
 * With VMF_STRIDE, which C++ alone can have and CUDA does, VMF_W is 1 and the
 * text sees one lane of VMF_STRIDE that lie side by side: neighbouring threads
 * read neighbouring words.
 */
#ifndef VMF_LANES_H
#define VMF_LANES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hd.h"

#if !defined(VMF_W)
#define VMF_W 1
#endif

#if VMF_W == 1

typedef double vreal;
typedef int64_t vmask;

VMF_HD vreal v_set(double x) { return x; }
VMF_HD vmask v_lt(vreal a, vreal b) { return -(int64_t)(a < b); }
VMF_HD vmask v_le(vreal a, vreal b) { return -(int64_t)(a <= b); }
VMF_HD vreal v_sel(vmask m, vreal a, vreal b) { return m ? a : b; }
VMF_HD double v_get(const vreal *a, int i) { (void)i; return *a; }
VMF_HD void v_put(vreal *a, int i, double x) { (void)i; *a = x; }

#else

typedef double vreal __attribute__((vector_size(8 * VMF_W)));
typedef int64_t vmask __attribute__((vector_size(8 * VMF_W)));

VMF_HD vreal
v_set(double x)
{
	vreal v;

	for (int i = 0; i < VMF_W; i++)
		v[i] = x;
	return v;
}

VMF_HD vmask v_lt(vreal a, vreal b) { return (vmask)(a < b); }
VMF_HD vmask v_le(vreal a, vreal b) { return (vmask)(a <= b); }

/* gcc 12 has no vector ?: in C. */
VMF_HD vreal
v_sel(vmask m, vreal a, vreal b)
{
	return (vreal)(((vmask)a & m) | ((vmask)b & ~m));
}

VMF_HD double v_get(const vreal *a, int i) { return (*a)[i]; }
VMF_HD void v_put(vreal *a, int i, double x) { (*a)[i] = x; }

#endif

#ifdef VMF_STRIDE

struct vseq {
	double *p;
	VMF_HD_OP double &operator[](int64_t t) const
	{
		return p[t * VMF_STRIDE];
	}
};

struct vcseq {
	const double *p;
	VMF_HD_OP vcseq(const double *q) : p(q) { }
	VMF_HD_OP vcseq(vseq s) : p(s.p) { }
	VMF_HD_OP double operator[](int64_t t) const
	{
		return p[t * VMF_STRIDE];
	}
};

VMF_HD vseq v_seq(double *p) { vseq s = { p }; return s; }
VMF_HD vcseq v_cseq(const double *p) { return vcseq(p); }
VMF_HD vseq operator+(vseq s, int64_t t) { return v_seq(&s[t]); }

#else

typedef vreal *vseq;
typedef const vreal *vcseq;

/* Arrays of doubles, VMF_W to a step. */
VMF_HD vseq v_seq(double *p) { return (vseq)(void *)p; }
VMF_HD vcseq v_cseq(const double *p) { return (vcseq)(const void *)p; }

#endif

/* Known: false for NaN. */
VMF_HD vmask v_known(vreal a) { return v_le(a, a); }
/* a where m, else 0. */
VMF_HD vreal v_keep(vmask m, vreal a) { return v_sel(m, a, v_set(0.0)); }
VMF_HD vreal v_min(vreal a, vreal b) { return v_sel(v_lt(b, a), b, a); }
VMF_HD vreal v_max(vreal a, vreal b) { return v_sel(v_lt(a, b), b, a); }
VMF_HD vreal v_clamp(vreal a, vreal lo, vreal hi)
{
	return v_min(v_max(a, lo), hi);
}
VMF_HD vreal v_abs(vreal a) { return v_max(a, -a); }

/* By lane through libm, which has no vector form that gives its bytes. */
VMF_HD vreal
v_log(vreal a)
{
	for (int i = 0; i < VMF_W; i++)
		v_put(&a, i, log(v_get(&a, i)));
	return a;
}

VMF_HD vreal
v_sqrt(vreal a)
{
	for (int i = 0; i < VMF_W; i++)
		v_put(&a, i, sqrt(v_get(&a, i)));
	return a;
}

#endif
