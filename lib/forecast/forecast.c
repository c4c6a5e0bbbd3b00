/* SPDX-License-Identifier: MIT */
#include "forecast/forecast.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"

const char *
vmf_status_name(enum vmf_status s)
{
	static const char *const names[VMF_N_STATUS] = { "ok", "short",
	    "constant", "stale", "empty", "unseen", "fallback" };

	return names[s];
}

void
vmf_scratch_free(struct vmf_scratch *w)
{
	free(w->a);
	free(w->b);
	*w = (struct vmf_scratch){ 0 };
}

void
vmf_fit_free(struct vmf_fit *f)
{
	free(f->params);
	vmf_buf_free(&f->blob);
	*f = (struct vmf_fit){ 0 };
}

int
vmf_forecast_init(struct vmf_forecast *f, int64_t h,
    const struct vmf_quantiles *levels, struct vmf_err *e)
{
	f->h = h;
	f->levels = *levels;
	f->mean = vmf_calloc(h, (int64_t)sizeof(*f->mean), e);
	/* h is at most a few million and there are at most 99 levels. */
	f->q = vmf_calloc(h * levels->n, (int64_t)sizeof(*f->q), e);
	return f->mean == NULL || f->q == NULL ? VMF_ENOMEM : 0;
}

void
vmf_forecast_free(struct vmf_forecast *f)
{
	free(f->mean);
	free(f->q);
	*f = (struct vmf_forecast){ 0 };
}

int64_t
vmf_history_pairs(int64_t season)
{
	return season < 10 ? season : 10;
}

enum vmf_status
vmf_history_status(const struct vmf_slice *y, int64_t season)
{
	int64_t pairs = 0;
	bool constant = true;

	if (y->n == 0)
		return VMF_EMPTY;
	for (int64_t t = 0; t < y->n; t++) {
		if (isnan(y->y[t]))
			continue;
		if (y->y[t] != y->y[0])
			constant = false;
		if (t >= season && !isnan(y->y[t - season]))
			pairs++;
	}
	if (pairs < vmf_history_pairs(season))
		return VMF_SHORT;
	return constant ? VMF_CONSTANT : VMF_OK;
}

int
vmf_forecast_flat(struct vmf_forecast *f, const struct vmf_slice *y,
    int64_t from, int64_t to, struct vmf_scratch *w, struct vmf_err *e)
{
	double sum = 0.0;
	int64_t known = 0;
	int rc;

	assert(y->n > 0);
	if ((rc = vmf_grow(&w->a, &w->a_cap, y->n, e)) != 0 ||
	    (rc = vmf_grow(&w->b, &w->b_cap, y->n, e)) != 0)
		return rc;
	for (int64_t t = 0; t < y->n; t++)
		if (!isnan(y->y[t])) {
			w->a[known++] = y->y[t];
			sum += y->y[t];
		}
	vmf_sort_doubles(w->a, w->b, known);
	/* The mean of equal numbers is that number, to the last bit. */
	if (w->a[0] == w->a[known - 1])
		sum = w->a[0] * (double)known;
	for (int64_t t = from; t < to; t++)
		f->mean[t] = (float)(sum / (double)known);
	for (int j = 0; j < f->levels.n; j++) {
		float v = (float)vmf_quantile_sorted(w->a, known,
		    f->levels.ppm[j] / 1e6);

		for (int64_t t = from; t < to; t++)
			f->q[j * f->h + t] = v;
	}
	return 0;
}

bool
vmf_history_stale(const struct vmf_slice *y,
    const struct vmf_forecast_opts *o)
{
	return y->gap > 0 && y->gap * o->step_s >= o->stale_after_s;
}

/* Append a sentence to the reason. */
static void VMF_PRINTF(2, 3)
say(struct vmf_forecast *f, const char *fmt, ...)
{
	size_t used = strlen(f->reason);
	va_list ap;

	if (used > 0 && used + 3 < sizeof(f->reason)) {
		memcpy(f->reason + used, "; ", 3);
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(f->reason + used, sizeof(f->reason) - used, fmt, ap);
	va_end(ap);
}

static void
say_stale(struct vmf_forecast *f, const struct vmf_slice *y,
    const struct vmf_forecast_opts *o)
{
	char when[32], span[32];

	vmf_time_format_utc(o->start - y->gap * o->step_s, when);
	vmf_format_duration(y->gap * o->step_s, span);
	say(f, "no sample since %s, %s before the forecast starts", when,
	    span);
}

static void
fill_missing(struct vmf_forecast *f)
{
	for (int64_t t = 0; t < f->h; t++)
		f->mean[t] = NAN;
	for (int64_t t = 0; t < f->h * f->levels.n; t++)
		f->q[t] = NAN;
}

int
vmf_forecast_begin(struct vmf_forecast *f, const struct vmf_slice *y,
    const struct vmf_forecast_opts *o, bool seen, bool known,
    struct vmf_scratch *w, struct vmf_err *e)
{
	char value[32];
	int rc;

	f->reason[0] = '\0';
	f->mase = NAN;
	f->status = vmf_history_status(y, o->season);
	switch (f->status) {
	case VMF_EMPTY:
		vmf_time_format_utc(o->start, value);
		say(f, "no sample before %s", value);
		fill_missing(f);
		return 0;
	case VMF_OK:
		if (seen && !known)
			say(f, "the model was trained on too little of it: "
			    "fitted now");
		return 0;
	default:
		break;
	}
	if ((rc = vmf_forecast_flat(f, y, 0, f->h, w, e)) != 0)
		return rc;
	if (f->status == VMF_SHORT &&
	    y->n >= o->season + vmf_history_pairs(o->season)) {
		say(f, "too few of %" PRId64 " steps of history are known a "
		    "season of %" PRId64 " apart (%" PRId64 " are needed): "
		    "their mean and quantiles", y->n, o->season,
		    vmf_history_pairs(o->season));
	} else if (f->status == VMF_SHORT) {
		say(f, "%" PRId64 " steps of history are too short for a "
		    "season of %" PRId64 ": their mean and quantiles", y->n,
		    o->season);
	} else {
		vmf_format_double(y->y[0], value);
		say(f, "every sample is %s", value);
	}
	return 0;
}

int
vmf_forecast_fill(struct vmf_forecast *f, const struct vmf_slice *y,
    int64_t filled, struct vmf_scratch *w, struct vmf_err *e)
{
	int rc;

	for (int64_t from = 0, to; from < f->h; from = to) {
		for (to = from; to < f->h && isnan(f->mean[to]); to++)
			filled++;
		if (to > from && (rc = vmf_forecast_flat(f, y, from, to, w,
		    e)) != 0)
			return rc;
		if (to == from)
			to++;
	}
	if (filled > 0) {
		f->status = VMF_FALLBACK;
		say(f, "%" PRId64 " of %" PRId64 " steps have no known value "
		    "in the seasons before: there, the mean and quantiles of "
		    "the history", filled, f->h);
	}
	return 0;
}

void
vmf_forecast_end(struct vmf_forecast *f, const struct vmf_slice *y,
    const struct vmf_forecast_opts *o, bool seen)
{
	if (f->status == VMF_EMPTY)
		return;
	if (!seen) {
		f->status = VMF_UNSEEN;
		say(f, "not in the model: fitted now");
	}
	if (vmf_history_stale(y, o)) {
		f->status = VMF_STALE;
		say_stale(f, y, o);
	}
}
