/* SPDX-License-Identifier: MIT */
/* A build without kernels for a device: nothing is found, nothing opens. */
#include <stdio.h>

#include "forecast/device.h"

#define WHY "this build has no kernels for a GPU (make GPU=1 has)"

bool
vmf_device_find(char *text, size_t size, int *ratio)
{
	(void)ratio;
	snprintf(text, size, WHY);
	return false;
}

int
vmf_device_open(struct vmf_device **d, int n_streams, struct vmf_err *e)
{
	(void)n_streams;
	*d = NULL;
	return vmf_fail(e, VMF_EDEV, "no device: " WHY);
}

void
vmf_device_free(struct vmf_device *d)
{
	(void)d;
}

int
vmf_device_streams(const struct vmf_device *d)
{
	(void)d;
	return 0;
}

int64_t
vmf_device_bytes(const struct vmf_device *d)
{
	(void)d;
	return 0;
}

const char *
vmf_device_name(const struct vmf_device *d)
{
	(void)d;
	return "none";
}

void
vmf_device_tally(struct vmf_device *d, struct vmf_device_work *w)
{
	(void)d;
	*w = (struct vmf_device_work){ 0 };
}

int
vmf_device_memory(struct vmf_device *d, int stream, int64_t bytes,
    void **host, void **dev, struct vmf_err *e)
{
	(void)d;
	(void)stream;
	(void)bytes;
	*host = *dev = NULL;
	return vmf_fail(e, VMF_EDEV, "no device: " WHY);
}

int
vmf_device_run(struct vmf_device *d, int stream,
    const struct vmf_device_batch *b, struct vmf_err *e)
{
	(void)d;
	(void)stream;
	(void)b;
	return vmf_fail(e, VMF_EDEV, "no device: " WHY);
}
