/* SPDX-License-Identifier: MIT */
/* What models run on, as the environment and --threads say. */
#ifndef VMF_CMD_PANEL_H
#define VMF_CMD_PANEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "forecast/panel.h"

/*
 * The variant that VMF_SIMD names (cmd_simd), so many threads (0: one for each
 * core), and what of a device `on` (vmf_algo_on) has use for, as VMF_DEVICE
 * asks for it (vmf_panel_device); a note where auto does without one that
 * there is.
 */
struct cmd;
int cmd_panel(const struct cmd *c, struct vmf_panel *how, int64_t threads,
    unsigned on, struct vmf_err *e) VMF_CHECK;

/* What -V says of the device. */
void cmd_panel_device(char *text, size_t size);

/* A note of what the device did, if it did. */
void cmd_panel_note(const struct cmd *c, const struct vmf_panel *how);

/* Gives the device back. */
void cmd_panel_free(struct vmf_panel *how);

#endif
