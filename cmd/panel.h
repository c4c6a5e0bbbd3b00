/* SPDX-License-Identifier: MIT */
/* What models run on, as the environment and --threads say. */
#ifndef VMF_CMD_PANEL_H
#define VMF_CMD_PANEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "forecast/panel.h"

/*
 * The variant that VMF_SIMD names (cmd_simd), so many threads (0: one for each
 * core), and the device that VMF_DEVICE asks for: cpu, which is the default,
 * gpu, or auto, which is gpu where there is one.  VMF_EUSAGE for another
 * word; VMF_EDEV for gpu where there is none, and where it fails.
 */
int cmd_panel(struct vmf_panel *how, int64_t threads, struct vmf_err *e)
    VMF_CHECK;

/* What -V says of the device. */
void cmd_panel_device(char *text, size_t size);

/* A note of what the device did, if it did. */
struct cmd;
void cmd_panel_note(const struct cmd *c, const struct vmf_panel *how);

/* Gives the device back. */
void cmd_panel_free(struct vmf_panel *how);

#endif
