/* SPDX-License-Identifier: MIT */
/* What vmf-predict says at the end. */
#ifndef VMF_PREDICT_NOTE_H
#define VMF_PREDICT_NOTE_H

#include "cmd.h"
#include "forecast/predict.h"

/* Lines of how many series are forecast, and how; model is the name of the
 * stream that it is by. */
void predict_note(const struct cmd *c, const struct vmf_predict *p,
    const char *model);

#endif
