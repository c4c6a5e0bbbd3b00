/* SPDX-License-Identifier: MIT */
/*
 * What the scalar side and the lanes hand to each other: a block of series,
 * one a lane, all of them ending at the same moment.
 */
#ifndef VMF_LANES_BLOCK_H
#define VMF_LANES_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What forecasts are made of. */
enum vmf_member { VMF_M_SNAIVE, VMF_M_THETA, VMF_M_ETS, VMF_M_ARIMA,
    VMF_N_MEMBERS };

/* Parameters of each, as vmf-model(5) lists them. */
/* arima is an average of several, each with its weight as the last. */
enum { VMF_THETA_PARAMS = 3, VMF_ETS_PARAMS = 7, VMF_ARIMA_MODELS = 4,
    VMF_ARIMA_ONE = 17, VMF_ARIMA_WEIGHT = 16,
    VMF_ARIMA_PARAMS = VMF_ARIMA_MODELS * VMF_ARIMA_ONE,
    VMF_MEMBER_PARAMS = VMF_ARIMA_PARAMS };

#define VMF_ORIGINS_MAX 48

/* A history of fewer steps is worth more work: arima tries all orders. */
#define VMF_SHORT_STEPS 240

/*
 * Arrays are the caller's, aligned to 64 bytes, W doubles to a step: lane i
 * of step t is [t * W + i].
 */
struct vmf_block {
	int64_t n;		/* steps; the last is just before the start */
	int64_t season;
	double *y;		/* n, on that scale; NaN: missing */
	double *first;		/* of each lane, the first known step; n where
				 * there is none */
	double *hold;		/* of each lane, steps at the end not learned
				 * from when the errors are measured */
	double *scale;		/* of each lane, what log_scale.h calls c */
	unsigned members;	/* bits of enum vmf_member */
	int again;		/* orders are chosen: par holds the start */
	int64_t horizon;
	/* origins, as steps before the end, that errors are measured from:
	 * ascending; each forecasts as many steps, horizon at most; and the
	 * same as steps, at[k] = n - origin[k] */
	int64_t n_origins;
	int64_t *origin, *at;
	/* by member: */
	double *par[VMF_N_MEMBERS];	/* VMF_MEMBER_PARAMS */
	double *f[VMF_N_MEMBERS];	/* n_origins * horizon forecasts */
	double *sd[VMF_N_MEMBERS];	/* horizon: spread of their errors */
	double *room;		/* vmf_lanes_room(n, season, horizon) */
};

/* Doubles of room for W lanes. */
int64_t vmf_lanes_room(int64_t n, int64_t season, int64_t horizon, int w);

/* One variant's entry points.  w is its W. */
struct vmf_lanes {
	int w;
	/* learn members from all but the last hold steps, forecast at the
	 * origins into f, then learn from all: par and sd */
	void (*fit)(struct vmf_block *b);
	/* forecast horizon steps from the end (one origin, 0) by par */
	void (*predict)(struct vmf_block *b);
};
extern const struct vmf_lanes vmf_lanes_plain, vmf_lanes_avx2,
    vmf_lanes_avx512;

#ifdef __cplusplus
}
#endif

#endif
