/* SPDX-License-Identifier: MIT */
/* The output beside the inputs. */
#ifndef VMF_OVERWRITE_H
#define VMF_OVERWRITE_H

#include "cmd.h"

/*
 * After parsing: VMF_EUSAGE where -o is the same file (device and inode) as
 * an operand, standard input, or an option of type CMD_FILE.  A file that
 * goes on may be written over: an option of type CMD_PRIOR, and operands
 * where c->same_kind.
 */
int cmd_check_output(const struct cmd *c, const struct cmd_opt *table,
    struct vmf_err *e) VMF_CHECK;

#endif
