/* SPDX-License-Identifier: MIT */
#include "panel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "cmd.h"
#include "forecast/device.h"
#include "learn/lstm.h"
#include "learn/lstm_cell.h"
#include "simd.h"

int
cmd_panel(const struct cmd *c, struct vmf_panel *how, int64_t threads,
    unsigned on, struct vmf_err *e)
{
	const char *word = getenv("VMF_DEVICE");
	enum vmf_simd level;
	char note[1024];
	int rc;

	if ((rc = cmd_simd(&level, e)) != 0)
		return rc;
	if ((rc = vmf_lstm_simd(level, e)) != 0)
		return rc;
	how->lanes = vmf_lanes_of(level);
	how->threads = threads > 0 ? (int)threads : vmf_cores();
	/* CUDA reads it when it starts: of its eight queues, streams share. */
	if (word != NULL)
		(void)setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
	if ((rc = vmf_panel_device(how, word, on, note, sizeof(note),
	    e)) != 0)
		return rc;
	if (note[0] != '\0')
		cmd_note(c, "%s", note);
	return 0;
}

void
cmd_panel_device(char *text, size_t size)
{
	char why[512];

	if (vmf_device_find(why, sizeof(why), NULL))
		snprintf(text, size, "%s", why);
	else
		snprintf(text, size, "none (%s)", why);
}

void
cmd_panel_note(const struct cmd *c, const struct vmf_panel *how)
{
	struct vmf_device_work w;

	if (how->lstm != NULL)
		cmd_note(c, "lstm by %s", vmf_lstm_device_name(how->lstm));
	if (how->device == NULL)
		return;
	vmf_device_tally(how->device, &w);
	cmd_note(c, "%s: %" PRId64 " blocks of %d series, kernels %.3f s, "
	    "copies %.3f s, %" PRId64 " MB in, %" PRId64 " MB out",
	    vmf_device_name(how->device), w.n_blocks, VMF_DEVICE_W,
	    w.kernel_s, w.copy_s, w.bytes_in / 1000000,
	    w.bytes_out / 1000000);
}

void
cmd_panel_free(struct vmf_panel *how)
{
	vmf_panel_device_free(how);
}
