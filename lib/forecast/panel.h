/* SPDX-License-Identifier: MIT */
/*
 * The algorithms that run in lanes (theta, ets, arima and auto): series are
 * laid side by side in blocks, learned and forecast together, on several
 * threads.  What comes out for a series depends neither on its neighbours
 * nor on the width, the number of threads or the order.
 */
#ifndef VMF_PANEL_H
#define VMF_PANEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "forecast/forecast.h"
#include "kernel/lanes_block.h"

/*
 * Parameters of every algorithm in lanes, the same for all of them: the
 * least and greatest value of the history, the scale (see log_scale.h), the
 * members' weights, their own parameters, and quantiles of the standardised
 * errors in VMF_BANDS bands of leads, the latter two on that scale; and for
 * groups of leads what the forecast lost, in parts of the absolute errors of
 * the last value and of the season before, on average: twice the pinball loss
 * (mean of nine deciles), and its median's absolute error; 0: nothing was
 * lost, or nothing is known; 1e6 at most.
 */
enum { VMF_BANDS = 5, VMF_BAND_LEVELS = 17, VMF_PANEL_GROUPS = 4,
    VMF_PANEL_SAMPLES = 4,
    VMF_PANEL_LOW = 0, VMF_PANEL_HIGH = 1, VMF_PANEL_SCALE = 2,
    VMF_PANEL_WEIGHTS = 3,
    VMF_PANEL_THETA = VMF_PANEL_WEIGHTS + VMF_N_MEMBERS,
    VMF_PANEL_ETS = VMF_PANEL_THETA + VMF_THETA_PARAMS,
    VMF_PANEL_ARIMA = VMF_PANEL_ETS + VMF_ETS_PARAMS,
    VMF_PANEL_BANDS = VMF_PANEL_ARIMA + VMF_ARIMA_PARAMS,
    VMF_PANEL_LOST = VMF_PANEL_BANDS + VMF_BANDS * VMF_BAND_LEVELS,
    VMF_PANEL_PARAMS = VMF_PANEL_LOST + 2 * VMF_PANEL_GROUPS };

extern const int vmf_member_at[VMF_N_MEMBERS];
extern const int vmf_member_len[VMF_N_MEMBERS];

/* Leads that errors are measured at: two seasons, within bounds. */
#define VMF_LEADS_MIN 12
#define VMF_LEADS_MAX 576

/* One series: learned into fit, from the start that with is where it is not
 * NULL; or forecast into f by what with knows. */
struct vmf_panel_job {
	const struct vmf_slice *y;	/* status ok: enough history */
	int64_t season;
	/* leads (from 0) that what is lost is measured at, VMF_PANEL_SAMPLES
	 * to a group, -1: none; NULL: it is not */
	const int64_t *sample;
	struct vmf_fit *fit;
	const struct vmf_fit *with;
	struct vmf_forecast *f;
	/* the panel's: y as its members see it, within its fence, and what it
	 * took for that */
	struct vmf_slice held;
	double *own;
};

struct vmf_device;
struct vmf_lstm_device;

/* What the host spent on a device's batches, in seconds summed over threads:
 * laying histories out, and making weights and quantiles. */
struct vmf_panel_spent {
	double fill_s, combine_s;
};

/* How to run; all is the caller's. */
struct vmf_panel {
	const struct vmf_lanes *lanes;	/* NULL: the widest there is */
	int threads;			/* 0: one */
	struct vmf_device *device;	/* NULL: the CPU; else it does what is
					 * in lanes, by a thread a stream */
	bool fall_back;			/* to the CPU, for what the device, or
					 * the host for it, has no memory */
	struct vmf_panel_spent *spent;	/* NULL, or what is added to */
	struct vmf_lstm_device *lstm;	/* NULL: the CPU; else it reads what
					 * lstm looks at (learn/lstm_cell.h) */
	bool trees;			/* xgboost's are trained on a GPU */
};

/* A device whose floats are more times as fast as its doubles is not worth
 * its copies. */
#define VMF_DEVICE_RATIO_MAX 4

/* What may run on a device. */
enum { VMF_ON_LANES = 1, VMF_ON_LSTM = 2,
    VMF_ON_TREES = 4 };	/* when they are learned */

/*
 * Open what of a device `on` asks for, bits of the above, for how, whose
 * threads are set, as word says: cpu, also NULL and "", gpu, or auto.  note
 * becomes why auto does without a device that there is, or "".  VMF_EUSAGE
 * for another word; VMF_EDEV for gpu where there is none or it does not open;
 * VMF_ENOMEM.  What was opened is in how, also then.
 */
int vmf_panel_device(struct vmf_panel *how, const char *word, unsigned on,
    char *note, size_t size, struct vmf_err *e) VMF_CHECK;
/* Gives it back. */
void vmf_panel_device_free(struct vmf_panel *how);

/* The lanes of a variant, as VMF_SIMD names them. */
const struct vmf_lanes *vmf_lanes_of(enum vmf_simd level);

/* Learn; members is bits of enum vmf_member, averaged where several.  The jobs
 * are put into another order. */
int vmf_panel_fit(struct vmf_panel_job *job, int64_t n, unsigned members,
    const struct vmf_panel *how, struct vmf_err *e) VMF_CHECK;
/* Forecast; the params have been checked by vmf_panel_check. */
int vmf_panel_predict(struct vmf_panel_job *job, int64_t n,
    const struct vmf_panel *how, struct vmf_err *e) VMF_CHECK;
/* VMF_EDATA when params cannot be what vmf_panel_fit made of the members. */
int vmf_panel_check(const char *name, unsigned members, const double *params,
    int64_t n_params, struct vmf_err *e) VMF_CHECK;

#endif
