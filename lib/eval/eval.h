/* SPDX-License-Identifier: MIT */
/*
 * How good forecasts are: of models, from origins that roll through series
 * that are known to the end; or of a forecast stream, once its time has
 * passed.  A batch of series is held, and of each model the sums of its
 * scores.
 *
 * A model cannot look past an origin: it is given a copy of what lies before
 * it, in memory of its own that ends there.
 */
#ifndef VMF_EVAL_H
#define VMF_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "arrow/arrow.h"
#include "base/err.h"
#include "eval/eval_hosts.h"
#include "eval/eval_risk.h"
#include "forecast/forecast.h"
#include "forecast/global.h"
#include "forecast/many.h"
#include "forecast/model.h"
#include "forecast/risk.h"
#include "forecast/score.h"
#include "series/series.h"
#include "series/sorted.h"

/* After so long without a sample a VM is stale, as in vmf-predict. */
#define VMF_EVAL_STALE_S 86400

/* What is always there beside the models. */
enum vmf_rival_kind {
	VMF_RIVAL_MODEL,	/* an algorithm, or a forecast's model */
	VMF_RIVAL_SNAIVE,	/* the reference */
	VMF_RIVAL_SNAIVE_POINT,	/* its q50 as all quantiles */
	VMF_RIVAL_NAIVE,	/* the last known value as all quantiles */
};

/* Sums over series. */
struct vmf_tally {
	struct vmf_score sum;
	int64_t n_series;		/* with a scored point */
	double rel;			/* of CRPS relative to snaive's */
	int64_t n_rel;
	int64_t n_status[VMF_N_STATUS];	/* VMs at their newest origin */
	double cpu_s;
	int64_t n_plan;			/* planned windows, and their loads: */
	double plan_load, plan_true;	/* expected and true */
	double plan_mean;		/* at any time of the forecast */
	int64_t plan_over;		/* of them above max_load */
	int64_t n_beside;		/* those that others stand beside: */
	double plan_best, plan_snaive;	/* true loads of other choices */
	double plan_regret;		/* true less best */
};

/* A plan of the given forecast, sorted by id as that is. */
struct vmf_eval_plan {
	struct vmf_sorted at;		/* its rows */
	double max_load;		/* a limit on the true load, or NaN */
	struct vmf_eval_hosts *hosts;	/* NULL, or what it did to them */
	int64_t n_scored;		/* counted: its windows */
	/* private */
	int start, end, load, rank;	/* columns */
	int target;			/* or -1 */
	struct vmf_eval_move move;	/* of the VM in hand, if it has one */
	char *name;			/* its target */
	int64_t name_cap;
};

/* A row of the scores. */
struct vmf_rival {
	char *name;
	enum vmf_rival_kind kind;
	const struct vmf_algo *algo;	/* NULL: not ours to run */
	bool beside;			/* nobody asked for it */
	struct vmf_tally all, vm;	/* vm: of the VM in hand */
	enum vmf_status status;		/* of the VM in hand */
	bool seen;			/* the VM in hand has a forecast */
	struct vmf_boot *boot;
	struct vmf_risk_score *risk;	/* NULL: no target, or no model of it */
};

struct vmf_eval {
	/* set by the caller before vmf_eval_open: */
	struct vmf_series *series;	/* open; scored up to its grid.end */
	struct vmf_series *given;	/* NULL, or a forecast to score */
	struct vmf_eval_plan *plan;	/* NULL, or what was planned by it */
	struct vmf_words metrics;
	int64_t horizon;		/* steps; of given, its own */
	int64_t origins;		/* 0: by the rule of vmf_eval_origins */
	int64_t season_s, length_s;	/* of MASE and snaive; of a window */
	bool refit_never;		/* fit at the first origin, then keep */
	bool by_vm;
	/* NULL, or parts to leave out of models that are added after */
	const char *without;
	/* n = 0, or an event (one) whose probability is scored as well, that
	 * of given in its column of it; its metric is one of metrics */
	struct vmf_targets targets;
	/* counted: */
	int64_t n_vms;
	int64_t n_only_given;		/* forecasts of VMs not in series */
	int64_t n_only_series;		/* VMs without a forecast */
	int n_points;			/* metrics of given without quantiles */
	int64_t origins_used;
	int64_t first;			/* the first origin; UTC, whatever
					 * the series' clock */
	/* Models of the whole fleet, to be learned after vmf_eval_open from
	 * what is before first, by vmf_eval_learn. */
	struct vmf_globals globals;
	/* private */
	struct vmf_algo less[VMF_WORDS_MAX];	/* without some parts */
	struct vmf_rival *rival;
	int n_rivals;
	int64_t rivals_cap;
	int64_t season, width;		/* in steps */
	int *list;			/* columns, of each metric */
	int *given_list;		/* mean and q10 ... q90, or -1 */
	int64_t given_row;		/* of the batch in hand */
	bool given_any, given_ended;
	int given_model, given_status;	/* columns, or -1 */
	int given_risk;			/* column, where there is a target */
	double *ahead;			/* steps that the target looks at */
	int64_t ahead_cap;
	struct vmf_many many;
	struct vmf_case *cases;
	int64_t n_cases;
	struct vmf_problem *problem;
	struct vmf_fit *fit;		/* cells of them */
	int64_t cells;
	struct vmf_score *score;
	enum vmf_status *status;
	struct vmf_side_cols *cols;	/* by model of globals */
	struct vmf_side_rows *sides;
	struct vmf_risk_room room;
	float *prob;			/* [n_cases] */
};

/*
 * Add a model to be evaluated, or in given one that is named there; algo
 * may be NULL.  Returns its index, or < 0.
 */
int vmf_eval_add(struct vmf_eval *ev, const char *name, int64_t len,
    enum vmf_rival_kind kind, const struct vmf_algo *algo,
    struct vmf_err *e) VMF_CHECK;

/* The algorithms that text names, with commas between: --model's, also in
 * messages; without those parts.  Those that are always there may be among
 * them. */
int vmf_eval_add_models(struct vmf_eval *ev, const char *text,
    struct vmf_err *e) VMF_CHECK;

/*
 * The number of windows of the protocol of GIFT-Eval (Aksu et al., "GIFT-
 * Eval: A Benchmark for General Time Series Forecasting Model Evaluation",
 * 2024): a tenth of the grid, rounded up to whole windows, at most 20.
 */
int64_t vmf_eval_origins(int64_t grid_steps, int64_t horizon);

/*
 * Check options against the series (VMF_EUSAGE), add snaive, snaive_point
 * and naive where they are not there yet, and fill s, which is { 0 }, with
 * the schema of the scores.
 */
int vmf_eval_open(struct vmf_eval *ev, struct vmf_schema *s,
    struct vmf_err *e) VMF_CHECK;
/* What of its models may run on a device: see vmf_algo_on. */
unsigned vmf_eval_on(const struct vmf_eval *ev);
/* Whether vmf_eval_learn is to come, and then the series from their
 * beginning once more. */
bool vmf_eval_learns(const struct vmf_eval *ev);
/* Learn what is learned of the whole fleet; the series are read to their
 * end. */
int vmf_eval_learn(struct vmf_eval *ev, struct vmf_err *e) VMF_CHECK;
/* Evaluate the models on the series' batch in hand.  With by_vm the scores
 * of its VMs are appended to out. */
int vmf_eval_batch(struct vmf_eval *ev, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
/* Score the rows of the given forecast whose ids are in the series' batch in
 * hand, or before it; given is read on as needed. */
int vmf_eval_given(struct vmf_eval *ev, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
/* After the last batch: given is read to its end, and the rows of all VMs
 * are appended to out, unless by_vm. */
int vmf_eval_finish(struct vmf_eval *ev, struct vmf_batch *out,
    struct vmf_err *e) VMF_CHECK;
void vmf_eval_free(struct vmf_eval *ev);

#endif
