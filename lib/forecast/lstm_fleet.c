/* SPDX-License-Identifier: MIT */
#include "forecast/lstm_fleet.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "forecast/lstm_learn.h"
#include "forecast/lstm_row.h"
#include "learn/lstm.h"

#define CHUNK VMF_LSTM_CHUNK
#define LEADS VMF_LSTM_LEADS
#define LEVELS VMF_LSTM_LEVELS
/* Rows of a window that has more leads than a few days of hours. */
#define LEADS_FEW 96
#define ROWS_MANY 3
#define ROWS_MOST 100000
/* Least gain over the base, of its loss, that a network is kept for. */
#define GAIN 0.001
/* Of each correction, in u, so much is left off: loads repeat to the last
 * digit, which the local algorithm knows and a network only comes near. */
#define KEEP 0.05

static int
ready(struct vmf_err *e)
{
	struct vmf_lstm_work *none = NULL;

	return vmf_lstm_have() ? 0 : vmf_lstm_open(&none, NULL, false,
	    NULL, e);
}

static int64_t
width(const struct vmf_global *g)
{
	struct vmf_lstm_row r;

	(void)g;
	vmf_lstm_row_layout(&r);
	return vmf_lstm_row_packed(r.width);
}

/* One lead in each of so many equal parts of the horizon; of parts that
 * grow, where the horizon is long. */
static int64_t
choose_leads(const struct vmf_window *w, int64_t row, int64_t *lead)
{
	uint64_t key = w->key ^ (uint64_t)w->opts->start;
	int64_t n = w->h < LEADS ? w->h : LEADS;

	for (int64_t i = 0; i < n; i++) {
		double at = ((double)i + vmf_sample_draw(key,
		    row * LEADS + i)) / (double)n;

		if (w->h > LEADS_FEW)
			at *= sqrt(at);
		lead[i] = 1 + (int64_t)(at * (double)w->h);
	}
	return n;
}

static int
sample(const struct vmf_global *g, const struct vmf_window *w,
    struct vmf_sample *s, struct vmf_err *e)
{
	int64_t rows = w->h > LEADS_FEW ? ROWS_MANY : 1, lead[LEADS];
	struct vmf_lstm_view v;
	struct vmf_lstm_row r;
	float *row, *rec;
	int rc = 0;

	vmf_lstm_row_layout(&r);
	if (w->h < 1 || !vmf_lstm_view(&v, &w->y, w->opts))
		return 0;
	if ((row = vmf_calloc(r.width, (int64_t)sizeof(*row), e)) == NULL)
		return VMF_ENOMEM;
	for (int64_t k = 0; k < rows; k++) {
		int64_t n = choose_leads(w, k, lead);

		if ((rc = vmf_sample_add(s, w->key, w->opts->start,
		    w->opts->start + lead[n - 1] * g->step_s, &rec,
		    e)) != 0 || rec == NULL)
			break;
		vmf_lstm_row_context(row, &r, &v);
		vmf_lstm_row_leads(row, &r, &v, w, lead, n,
		    vmf_global_leads(g->step_s));
		vmf_lstm_row_after(row, &r, &v, w, lead, n);
		vmf_lstm_row_pack(rec, row, r.width);
	}
	free(row);
	return rc;
}

static int
learn(struct vmf_global *g, struct vmf_sample *s, struct vmf_err *e)
{
	struct vmf_lstm net = { 0 };
	double gain;
	int rc;

	if ((rc = vmf_lstm_learn(&net, g, s, &gain, e)) == 0 && gain >= GAIN)
		rc = vmf_lstm_save(&net, false, &g->blob, e);
	vmf_lstm_free(&net);
	return rc;
}

/* ---- forecasting ---- */

static int
load(struct vmf_global *g, struct vmf_err *e)
{
	struct vmf_lstm_shape shape;
	struct vmf_lstm *net = vmf_calloc(1, (int64_t)sizeof(*net), e);
	int rc;

	if (net == NULL)
		return VMF_ENOMEM;
	g->state = net;
	if ((rc = ready(e)) != 0 ||
	    (rc = vmf_lstm_load(net, g->blob.p, g->blob.n, false, e)) != 0)
		return rc;
	shape = net->shape;
	vmf_lstm_row_shape(&shape);
	if (memcmp(&shape, &net->shape, sizeof(shape)) != 0)
		return vmf_fail(e, VMF_EDATA, "a network of other inputs than "
		    "this version has");
	return 0;
}

static void
unload(struct vmf_global *g)
{
	vmf_lstm_free(g->state);
	free(g->state);
	g->state = NULL;
}

struct job {
	const struct vmf_global *g;
	const struct vmf_window *w;
	int64_t n;
	struct vmf_forecast *const *f;
	int64_t parts;
	struct vmf_lstm_device *device;
};

/* What one thread has in hand: windows that have a measure, of a chunk. */
struct hand {
	struct vmf_lstm_row r;
	struct vmf_lstm_work *work;
	struct vmf_lstm_chunk chunk;
	float *row[CHUNK], *q;
	struct vmf_lstm_view *view;	/* [CHUNK] */
	bool there[CHUNK];
};

static int
hand_open(struct hand *h, const struct vmf_lstm *net,
    struct vmf_lstm_device *device, struct vmf_err *e)
{
	int rc;

	vmf_lstm_row_layout(&h->r);
	for (int c = 0; c < CHUNK; c++)
		if ((h->row[c] = vmf_calloc(h->r.width,
		    (int64_t)sizeof(float), e)) == NULL)
			return VMF_ENOMEM;
	h->q = vmf_calloc(CHUNK * LEADS * LEVELS, (int64_t)sizeof(float), e);
	h->view = vmf_calloc(CHUNK, (int64_t)sizeof(*h->view), e);
	if (h->q == NULL || h->view == NULL)
		return VMF_ENOMEM;
	if ((rc = vmf_lstm_chunk_init(&h->chunk, &net->shape, e)) != 0)
		return rc;
	return vmf_lstm_open(&h->work, &net->shape, false, device, e);
}

static void
hand_free(struct hand *h)
{
	for (int c = 0; c < CHUNK; c++)
		free(h->row[c]);
	free(h->q);
	free(h->view);
	vmf_lstm_chunk_free(&h->chunk);
	vmf_lstm_close(h->work);
}

/* The correction at level ppm, between those of the nine. */
static double
correction(const double *by, int32_t ppm)
{
	double at = ppm / 1e5 - 1.0;
	int j = (int)at;

	if (at <= 0.0)
		return by[0];
	if (j >= LEVELS - 1)
		return by[LEVELS - 1];
	return by[j] + (at - j) * (by[j + 1] - by[j]);
}

/* Step t of a forecast: from base's quantiles u0 to the network's q. */
static void
correct(struct vmf_forecast *f, const struct vmf_lstm_view *v, int64_t t,
    const double *u0, const float *q)
{
	double by[LEVELS], shift = 0.0, last = -INFINITY;

	for (int j = 0; j < LEVELS; j++) {
		by[j] = q[j] - u0[j];
		by[j] = by[j] > KEEP ? by[j] - KEEP : by[j] < -KEEP ?
		    by[j] + KEEP : 0.0;
		shift += vmf_lstm_from_u(v, u0[j] + by[j]) -
		    vmf_lstm_from_u(v, u0[j]);
	}
	for (int j = 0; j < f->levels.n; j++) {
		float *at = f->q + j * f->h + t;
		double u = vmf_lstm_to_u(v, *at), by_j, value;

		by_j = correction(by, f->levels.ppm[j]);
		value = by_j == 0.0 ? *at : vmf_lstm_from_u(v, u + by_j);
		if (value > last)
			last = value;
		*at = (float)last;
	}
	f->mean[t] = (float)fmax(f->mean[t] + shift / LEVELS, v->low);
}

/* Leads from + 1 on of the windows in hand. */
static int
decode(const struct job *x, struct hand *h, const struct vmf_lstm *net,
    int64_t at, int64_t from, struct vmf_err *e)
{
	int64_t far = vmf_global_leads(x->g->step_s);
	int rc;

	for (int64_t c = 0; c < CHUNK; c++) {
		int64_t lead[LEADS], n = 0;

		if (!h->there[c])
			continue;
		while (n < LEADS && from + n < x->f[at + c]->h) {
			lead[n] = from + n + 1;
			n++;
		}
		vmf_lstm_row_leads(h->row[c], &h->r, &h->view[c],
		    &x->w[at + c], lead, n, far);
		vmf_lstm_row_put(&h->chunk, c, h->row[c], &h->r);
	}
	if ((from == 0 && (rc = vmf_lstm_encode(h->work, net->w, &h->chunk,
	    e)) != 0) || (rc = vmf_lstm_decode(h->work, net->w, &h->chunk,
	    h->q, e)) != 0)
		return rc;
	for (int64_t c = 0; c < CHUNK; c++)
		for (int64_t l = 0; h->there[c] && l < LEADS &&
		    from + l < x->f[at + c]->h; l++) {
			double u0[LEVELS];

			vmf_lstm_row_base(h->row[c], &h->r, l, u0);
			correct(x->f[at + c], &h->view[c], from + l, u0,
			    h->q + (c * LEADS + l) * LEVELS);
		}
	return 0;
}

/* Each parts-th chunk of the windows. */
static int
predict_part(void *arg, int64_t i, struct vmf_err *e)
{
	const struct job *x = arg;
	const struct vmf_lstm *net = x->g->state;
	struct hand h = { 0 };
	int rc = hand_open(&h, net, x->device, e);

	for (int64_t at = i * CHUNK; at < x->n && rc == 0;
	    at += x->parts * CHUNK) {
		int64_t most = 0;

		for (int64_t c = 0; c < CHUNK; c++) {
			h.there[c] = at + c < x->n && vmf_lstm_view(
			    &h.view[c], &x->w[at + c].y, x->w[at + c].opts);
			if (!h.there[c])
				continue;
			vmf_lstm_row_context(h.row[c], &h.r, &h.view[c]);
			if (x->f[at + c]->h > most)
				most = x->f[at + c]->h;
		}
		for (int64_t from = 0; from < most && rc == 0; from += LEADS)
			rc = decode(x, &h, net, at, from, e);
	}
	hand_free(&h);
	return rc;
}

static int
predict(const struct vmf_global *g, const struct vmf_window *w, int64_t n,
    struct vmf_forecast *const *f, const struct vmf_panel *how,
    struct vmf_err *e)
{
	int64_t chunks = (n + CHUNK - 1) / CHUNK;
	struct job x = { .g = g, .w = w, .n = n, .f = f,
	    .parts = how->threads < 1 ? 1 : how->threads,
	    .device = how->lstm };

	if (x.parts > chunks)
		x.parts = chunks;
	return vmf_each(x.parts, (int)x.parts, predict_part, &x, e);
}

const struct vmf_global_ops vmf_lstm_ops = {
	.base = "kq",
	.ready = ready,
	.width = width,
	.rows_max = ROWS_MOST,
	.sample = sample,
	.learn = learn,
	.load = load,
	.predict = predict,
	.unload = unload,
};
