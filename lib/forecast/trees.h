/* SPDX-License-Identifier: MIT */
/*
 * xgboost: boosted trees over the whole fleet, which change what kq says of a
 * step.  There are ten boosters, of the quantiles 0.1 to 0.9 and of the
 * mean; each starts from kq's own answer (the base margin), so that without
 * a tree the forecast is kq's.
 */
#ifndef VMF_TREES_H
#define VMF_TREES_H

#include "forecast/global.h"

extern const struct vmf_global_ops vmf_trees;

#endif
