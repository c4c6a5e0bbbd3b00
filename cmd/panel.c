/* SPDX-License-Identifier: MIT */
#include "panel.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "cmd.h"
#include "forecast/device.h"
#include "learn/lstm.h"
#include "simd.h"

/* Does VMF_DEVICE want one? */
static int
wanted(bool *gpu, struct vmf_err *e)
{
	const char *word = getenv("VMF_DEVICE");
	char text[512];

	*gpu = false;
	if (word == NULL || *word == '\0' || strcmp(word, "cpu") == 0)
		return 0;
	if (strcmp(word, "gpu") != 0 && strcmp(word, "auto") != 0)
		return vmf_fail(e, VMF_EUSAGE, "VMF_DEVICE is '%.32s', "
		    "expected cpu, gpu or auto", word);
	*gpu = vmf_device_find(text, sizeof(text));
	if (!*gpu && strcmp(word, "gpu") == 0)
		return vmf_fail(e, VMF_EDEV, "VMF_DEVICE is gpu, but there is "
		    "none: %s; take cpu, or auto, which takes a GPU where "
		    "there is one", text);
	return 0;
}

int
cmd_panel(struct vmf_panel *how, int64_t threads, struct vmf_err *e)
{
	enum vmf_simd level;
	bool gpu;
	int rc;

	if ((rc = cmd_simd(&level, e)) != 0)
		return rc;
	if ((rc = vmf_lstm_simd(level, e)) != 0)
		return rc;
	how->lanes = vmf_lanes_of(level);
	how->threads = threads > 0 ? (int)threads : vmf_cores();
	if ((rc = wanted(&gpu, e)) != 0 || !gpu)
		return rc;
	return vmf_device_open(&how->device,
	    vmf_device_streams_for(how->threads), e);
}

void
cmd_panel_device(char *text, size_t size)
{
	char why[512];

	if (vmf_device_find(why, sizeof(why)))
		snprintf(text, size, "%s", why);
	else
		snprintf(text, size, "none (%s)", why);
}

void
cmd_panel_note(const struct cmd *c, const struct vmf_panel *how)
{
	struct vmf_device_work w;

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
	vmf_device_free(how->device);
	how->device = NULL;
}
