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
#include <string.h>

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
VMF_HD vmask v_bits(vreal a) { vmask m; memcpy(&m, &a, 8); return m; }
VMF_HD vreal v_of_bits(vmask m) { vreal a; memcpy(&a, &m, 8); return a; }
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

VMF_HD vmask v_bits(vreal a) { return (vmask)a; }
VMF_HD vreal v_of_bits(vmask m) { return (vreal)m; }
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

/*
 * The natural logarithm, within two units in the last place, by operations
 * that IEEE 754 lays down to the bit: libm's differ from one machine to the
 * next, and from a device's.  a = 2^k m with m from sqrt(1/2) to sqrt(2), and
 * log m = 2 (s + s^3 / 3 + s^5 / 5 + ...) with s = (m - 1) / (m + 1).
 */
VMF_HD vreal
v_log(vreal a)
{
	const int64_t root = INT64_C(0x3fe6a09e667f3bcd);	/* sqrt(1/2) */
	const int64_t one = INT64_C(0x3ff0000000000000);
	vmask tiny = v_lt(a, v_set(0x1p-1022)), bits;
	vreal k, m, s, z, sum = v_set(1.0 / 23.0);

	/* What is not below infinity is told by a itself, at the end. */
	m = v_sel(v_lt(a, v_set(INFINITY)), a, v_set(1.0));
	bits = v_bits(v_sel(tiny, a * v_set(0x1p54), m)) + (one - root);
	/* The exponent as a double: the last bits of 2^52 and more. */
	k = v_of_bits(((bits >> 52) & 0x7ff) | INT64_C(0x4330000000000000)) -
	    v_set(0x1p52 + 1023.0) - v_keep(tiny, v_set(54.0));
	m = v_of_bits((bits & INT64_C(0xfffffffffffff)) + root) - v_set(1.0);
	s = m / (v_set(2.0) + m);
	z = s * s;
	for (int i = 21; i > 1; i -= 2)
		sum = sum * z + v_set(1.0 / i);
	/* ln 2 in two parts, the first of so few bits that k times it is
	 * exact. */
	m = k * v_set(0x1.62e42feep-1) + (s * v_set(2.0) + (s * v_set(2.0) *
	    (z * sum) + k * v_set(0x1.a39ef35793c76p-33)));
	m = v_sel(v_lt(a, v_set(INFINITY)), m, a);
	m = v_sel(v_lt(v_set(0.0), a), m, v_set(NAN));
	return v_sel(v_le(a, v_set(0.0)) & v_le(v_set(0.0), a),
	    v_set(-INFINITY), m);
}

VMF_HD vreal
v_sqrt(vreal a)
{
	for (int i = 0; i < VMF_W; i++)
		v_put(&a, i, sqrt(v_get(&a, i)));
	return a;
}

#endif
