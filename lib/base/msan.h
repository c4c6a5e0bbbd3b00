/* SPDX-License-Identifier: MIT */
/*
 * What a library that is not ours wrote into memory of ours: the memory
 * sanitizer does not see it written, and is told (MODE=msan).
 */
#ifndef VMF_MSAN_H
#define VMF_MSAN_H

#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define VMF_WRITTEN(p, n) __msan_unpoison((p), (size_t)(n))
#endif
#endif
#ifndef VMF_WRITTEN
#define VMF_WRITTEN(p, n) ((void)(p), (void)(n))
#endif

#endif
