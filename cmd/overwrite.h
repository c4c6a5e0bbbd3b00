/* SPDX-License-Identifier: MIT */
/* The outputs beside the inputs, and each beside the others. */
#ifndef VMF_OVERWRITE_H
#define VMF_OVERWRITE_H

#include "cmd.h"

/*
 * After parsing: VMF_EUSAGE where -o, or standard output without it, is the
 * same file (device and inode) as an operand, standard input, or an option of
 * type CMD_FILE or CMD_MAP.  A file that goes on may be written over by -o: an
 * option of type CMD_PRIOR, and operands where c->same_kind.
 */
int cmd_check_output(const struct cmd *c, const struct cmd_opt *table,
    struct vmf_err *e) VMF_CHECK;

/* cmd_check_output of another file that is written, by the option of this name:
 * no file that is read may be it. */
int cmd_check_written(const struct cmd *c, const struct cmd_opt *table,
    const char *option, const char *output, struct vmf_err *e) VMF_CHECK;

/* The same of --sums, which may not be the output either. */
int cmd_check_sums(const struct cmd *c, const struct cmd_opt *table,
    struct vmf_err *e) VMF_CHECK;

/* VMF_EUSAGE where more than one of the options that read a file and of the
 * operands is standard input; so is an operand that is not there, where a
 * command always reads one. */
int cmd_check_stdin(const struct cmd *c, const struct cmd_opt *table,
    struct vmf_err *e) VMF_CHECK;

/* VMF_EUSAGE where path, which option names, and other, which is `what`, are
 * written to one place, be it there already or not; NULL and "-" are standard
 * output.  Devices are many places. */
int cmd_check_apart(const char *option, const char *path, const char *other,
    const char *what, struct vmf_err *e) VMF_CHECK;

#endif
