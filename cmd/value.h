/* SPDX-License-Identifier: MIT */
/* The value of one option, from its text. */
#ifndef VMF_VALUE_H
#define VMF_VALUE_H

#include "cmd.h"

/* Read arg (NULL for CMD_FLAG) as o's type into o->dst; texts are not copied.
 * VMF_EUSAGE says what was found and what is expected. */
int cmd_set_option(const struct cmd_opt *o, const char *arg,
    struct vmf_err *e) VMF_CHECK;

#endif
