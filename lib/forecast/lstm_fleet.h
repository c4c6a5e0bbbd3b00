/* SPDX-License-Identifier: MIT */
/*
 * lstm: one network for the whole fleet, which corrects what kq says of a
 * series (vmf_global_ops; learn/lstm.h has the network, lstm_row.h what it
 * is told, lstm_learn.h how it learns).
 */
#ifndef VMF_LSTM_FLEET_H
#define VMF_LSTM_FLEET_H

#include "forecast/global.h"

extern const struct vmf_global_ops vmf_lstm_ops;

#endif
