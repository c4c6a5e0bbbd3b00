/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "forecast/device.h"
#include "forecast/panel.h"

int
vmf_panel_device(struct vmf_panel *how, const char *word, bool in_lanes,
    char *note, size_t size, struct vmf_err *e)
{
	struct vmf_err why = { "" };
	char text[512];
	bool must;
	int ratio = 0, rc;

	snprintf(note, size, "%s", "");
	if (word == NULL || *word == '\0' || strcmp(word, "cpu") == 0)
		return 0;
	must = strcmp(word, "gpu") == 0;
	if (!must && strcmp(word, "auto") != 0)
		return vmf_fail(e, VMF_EUSAGE, "VMF_DEVICE is '%.32s', "
		    "expected cpu, gpu or auto", word);
	if (!must && !in_lanes)
		return 0;
	if (!vmf_device_find(text, sizeof(text), &ratio))
		return !must ? 0 : vmf_fail(e, VMF_EDEV, "VMF_DEVICE is gpu, "
		    "but there is none: %s; take cpu, or auto, which takes a "
		    "GPU where there is one", text);
	if (!in_lanes)
		return 0;
	if (!must && ratio > VMF_DEVICE_RATIO_MAX) {
		snprintf(note, size, "%s is %d times slower with doubles than "
		    "with floats: the CPU is taken (VMF_DEVICE=gpu insists)",
		    text, ratio);
		return 0;
	}
	rc = vmf_device_open(&how->device,
	    vmf_device_streams_for(how->threads), must ? e : &why);
	if (rc == 0 || must)
		return rc;
	if (rc != VMF_EDEV)
		return vmf_fail(e, rc, "%s", why.msg);
	snprintf(note, size, "%s: the CPU is taken (VMF_DEVICE=gpu insists)",
	    why.msg);
	vmf_device_free(how->device);
	how->device = NULL;
	return 0;
}
