/* SPDX-License-Identifier: MIT */
/*
 * What vmf runs on, checked when it is built: whatever can fail includes
 * this, by base/err.h.  Streams and models are used where they lie, and their
 * numbers are little-endian; sizes and indexes are int64_t, and sums of loads
 * __int128, which machines of 32 bits do not have.
 */
#ifndef VMF_MACHINE_H
#define VMF_MACHINE_H

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vmf runs on little-endian machines only: streams are used as they lie"
#endif
#if __SIZEOF_POINTER__ < 8
#error "vmf runs on machines of 64 bits only: sizes are int64_t"
#endif

#endif
