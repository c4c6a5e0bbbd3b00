/* SPDX-License-Identifier: MIT */
/* What the two files that call oneDNN share. */
#ifndef VMF_LSTM_DNNL_H
#define VMF_LSTM_DNNL_H

#include <oneapi/dnnl/dnnl.h>

#include "base/err.h"

/* 0, or a message of what failed: VMF_ENOMEM or VMF_EDEV. */
static inline int
check(dnnl_status_t s, const char *what, struct vmf_err *e)
{
	if (s == dnnl_success)
		return 0;
	return vmf_fail(e, s == dnnl_out_of_memory ? VMF_ENOMEM : VMF_EDEV,
	    "oneDNN: %s: status %d", what, (int)s);
}

#endif
