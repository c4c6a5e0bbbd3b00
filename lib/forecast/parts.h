/* SPDX-License-Identifier: MIT */
/*
 * What auto and kq are made of, and either of them without some of it.
 */
#ifndef VMF_PARTS_H
#define VMF_PARTS_H

#include <stdint.h>

#include "base/err.h"
#include "forecast/forecast.h"
#include "forecast/model.h"

/* The other algorithms of auto, as enum vmf_member has them; kq; and its
 * families, as enum kq_family has them; and the gate of auto. */
enum { VMF_PARTS = 14 };
/* The name of part i, as --without has it. */
const char *vmf_part_name(int i);

/*
 * Leave the parts that words name out of the n algorithms: where one of them
 * has such a part, room[i] becomes it without, and algo[i] points there.
 * what names the option or key in messages, of code.  An error where a part
 * is not known, none of the algorithms has it, or nothing would be left.
 */
int vmf_parts_leave(const struct vmf_algo **algo, int n,
    struct vmf_algo *room, const char *words, const char *what, int code,
    struct vmf_err *e) VMF_CHECK;

#endif
