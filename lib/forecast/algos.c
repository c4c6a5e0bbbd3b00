/* SPDX-License-Identifier: MIT */
/*
 * The algorithms there are.  In a file of their own: who forecasts by one of
 * them alone, as test/bench/gpu does, is not linked with what others need.
 */
#include <string.h>

#include "forecast/forecast.h"
#include "forecast/gate.h"
#include "forecast/lstm_fleet.h"
#include "forecast/panel.h"
#include "forecast/snaive.h"
#include "forecast/trees.h"
#include "kernel/lanes_block.h"

static const struct vmf_algo theta = {
	.name = "theta", .members = 1u << VMF_M_THETA,
};
static const struct vmf_algo ets = {
	.name = "ets", .members = 1u << VMF_M_ETS,
};
static const struct vmf_algo arima = {
	.name = "arima", .members = 1u << VMF_M_ARIMA,
};
static const struct vmf_algo kq = {
	.name = "kq", .kernels = true,
};
static const struct vmf_algo xgboost = {
	.name = "xgboost", .kernels = true, .global = &vmf_trees,
};
static const struct vmf_algo lstm = {
	.name = "lstm", .global = &vmf_lstm_ops, .kernels = true,
};
static const struct vmf_algo ensemble = {
	.name = "auto", .members = (1u << VMF_N_MEMBERS) - 1, .kernels = true,
	.global = &vmf_gate_ops,
};

static const struct vmf_algo *const algos[] = {
	&vmf_snaive, &theta, &ets, &arima, &kq, &xgboost, &lstm,
	&ensemble,
};
#define N_ALGOS ((int)(sizeof(algos) / sizeof(algos[0])))
#define ALGO_NAMES "snaive, theta, ets, arima, kq, xgboost, lstm, auto"

const struct vmf_algo *
vmf_algo_find(const char *name, int64_t len)
{
	for (int i = 0; i < N_ALGOS; i++)
		if (vmf_text_is(name, len, algos[i]->name))
			return algos[i];
	return NULL;
}

unsigned
vmf_algo_on(const struct vmf_algo *const *algo, int n)
{
	unsigned on = 0;

	for (int i = 0; i < n; i++)
		if (algo[i] != NULL)
			on |= (algo[i]->members != 0 ? VMF_ON_LANES : 0u) |
			    (algo[i] == &lstm ? VMF_ON_LSTM : 0u) |
			    (algo[i] == &xgboost ? VMF_ON_TREES : 0u);
	return on;
}

const char *
vmf_algo_names(void)
{
	return ALGO_NAMES;
}

int
vmf_algo_unknown(const char *name, const char *others, int code,
    struct vmf_err *e)
{
	if (strcmp(name, "downtime") == 0)
		return vmf_fail(e, code, "--model: downtime stands alone: "
		    "found other models beside it");
	return vmf_fail(e, code, "--model: '%.64s' is not known, expected "
	    "one of: %s%s; or downtime, of migrations, alone", name,
	    ALGO_NAMES, others);
}
