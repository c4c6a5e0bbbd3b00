/* SPDX-License-Identifier: MIT */
/* A build without cuDNN: nothing opens, and so the rest is never called. */
#include "learn/lstm_cell.h"

static int
missing(struct vmf_err *e)
{
	return vmf_fail(e, VMF_EDEV, "lstm on a GPU needs cuDNN, which this "
	    "build is without: install the headers of cuDNN 9 and build "
	    "again with GPU=1");
}

int
vmf_lstm_device_open(struct vmf_lstm_device **d, struct vmf_err *e)
{
	*d = NULL;
	return missing(e);
}

void
vmf_lstm_device_free(struct vmf_lstm_device *d)
{
	(void)d;
}

const char *
vmf_lstm_device_name(const struct vmf_lstm_device *d)
{
	(void)d;
	return "none";
}

int
vmf_lstm_device_cell(struct vmf_lstm_device *d, struct vmf_lstm_cell **c,
    const struct vmf_lstm_shape *s, bool train, struct vmf_err *e)
{
	(void)d;
	(void)s;
	(void)train;
	*c = NULL;
	return missing(e);
}
