/* SPDX-License-Identifier: MIT */
/*
 * The network's arithmetic: its LSTM by lstm_cell.h, and the layers above it
 * by oneDNN's sgemm.
 *
 * oneDNN divides work among OpenMP's threads, and sums in an order that
 * depends on how many there are.  So each thread that is in here asks OpenMP
 * for one, which it does for itself alone: chunks are what is done side by
 * side.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/lstm.h"
#include "learn/lstm_cell.h"
#include "learn/lstm_dnnl.h"

/* Of libgomp, which oneDNN is linked with; its header is gcc's alone. */
void omp_set_num_threads(int n);

#define N VMF_LSTM_CHUNK
#define CELLS (VMF_LSTM_CHUNK * VMF_LSTM_LEADS)

struct vmf_lstm_work {
	struct vmf_lstm_shape shape;
	int64_t at[VMF_LSTM_PARTS + 1];
	bool train;
	struct vmf_lstm_cell *cell;
	/* layers: of series [chunk][M], of cells [cells][M or 9] */
	float *top, *a, *b2, *o, *q, *dq, *da, *db, *d_top;
};

static float *
floats(int64_t n, struct vmf_err *e)
{
	return vmf_calloc(n, (int64_t)sizeof(float), e);
}

bool
vmf_lstm_have(void)
{
	return true;
}

int
vmf_lstm_simd(enum vmf_simd level, struct vmf_err *e)
{
	dnnl_cpu_isa_t isa = level == VMF_SIMD_AVX512 ?
	    dnnl_cpu_isa_avx512_core : level == VMF_SIMD_AVX2 ?
	    dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41;

	/* To ask what is set would settle it. */
	return check(dnnl_set_max_cpu_isa(isa), "which instructions", e);
}

static int
make_layers(struct vmf_lstm_work *w, struct vmf_err *e)
{
	int64_t m = w->shape.units, lv = VMF_LSTM_LEVELS;

	if ((w->top = floats(N * m, e)) == NULL ||
	    (w->a = floats(CELLS * m, e)) == NULL ||
	    (w->b2 = floats(CELLS * m, e)) == NULL ||
	    (w->o = floats(CELLS * lv, e)) == NULL)
		return VMF_ENOMEM;
	if (!w->train)
		return 0;
	return (w->q = floats(CELLS * lv, e)) == NULL ||
	    (w->dq = floats(CELLS * lv, e)) == NULL ||
	    (w->da = floats(CELLS * m, e)) == NULL ||
	    (w->db = floats(CELLS * m, e)) == NULL ||
	    (w->d_top = floats(N * m, e)) == NULL ? VMF_ENOMEM : 0;
}

int
vmf_lstm_open(struct vmf_lstm_work **out, const struct vmf_lstm_shape *s,
    bool train, struct vmf_lstm_device *device, struct vmf_err *e)
{
	struct vmf_lstm_work *w;
	int rc;

	omp_set_num_threads(1);
	if ((w = vmf_calloc(1, (int64_t)sizeof(*w), e)) == NULL)
		return VMF_ENOMEM;
	*out = w;
	w->shape = *s;
	w->train = train;
	vmf_lstm_layout(s, w->at);
	rc = device == NULL ? vmf_lstm_cell_open(&w->cell, s, train, e) :
	    vmf_lstm_device_cell(device, &w->cell, s, train, e);
	return rc != 0 ? rc : make_layers(w, e);
}

void
vmf_lstm_close(struct vmf_lstm_work *w)
{
	if (w == NULL)
		return;
	float *own[] = { w->top, w->a, w->b2, w->o, w->q, w->dq, w->da,
	    w->db, w->d_top };

	if (w->cell != NULL)
		w->cell->ops->close(w->cell);
	for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
		free(own[k]);
	free(w);
}

/* ---- what is computed ---- */

/* c (m x n) = a (m x k) b (k x n) + beta c; a or b given transposed where
 * the letter is T. */
static int
gemm(char ta, char tb, int64_t m, int64_t n, int64_t k, const float *a,
    const float *b, float beta, float *c, struct vmf_err *e)
{
	return check(dnnl_sgemm(ta, tb, m, n, k, 1.0f, a, ta == 'N' ? k : m,
	    b, tb == 'N' ? n : k, beta, c, n), "sgemm", e);
}

int
vmf_lstm_encode(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, struct vmf_err *e)
{
	omp_set_num_threads(1);
	return w->cell->ops->forward(w->cell, weights, c->x, e);
}

static void
bias_relu(float *a, int64_t rows, int64_t n, const float *bias)
{
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < n; j++) {
			float v = a[i * n + j] + bias[j];

			a[i * n + j] = v > 0.0f ? v : 0.0f;
		}
}

static float
softplus(float x)
{
	return x > 15.0f ? x : log1pf(expf(x));
}

/* From the last layer's numbers to quantiles. */
static void
to_quantiles(const float *o, float *q)
{
	enum { MID = VMF_LSTM_LEVELS / 2 };

	for (int64_t k = 0; k < CELLS; k++, o += VMF_LSTM_LEVELS,
	    q += VMF_LSTM_LEVELS) {
		q[MID] = o[MID];
		for (int j = MID + 1; j < VMF_LSTM_LEVELS; j++)
			q[j] = q[j - 1] + softplus(o[j]);
		for (int j = MID - 1; j >= 0; j--)
			q[j] = q[j + 1] - softplus(o[j]);
	}
}

/* From slopes by the quantiles to those by the last layer's numbers. */
static void
from_quantiles(const float *o, float *dq)
{
	enum { MID = VMF_LSTM_LEVELS / 2 };

	for (int64_t k = 0; k < CELLS; k++, o += VMF_LSTM_LEVELS,
	    dq += VMF_LSTM_LEVELS) {
		float up = 0.0f, down = 0.0f, mid = dq[MID];

		for (int j = VMF_LSTM_LEVELS - 1; j > MID; j--) {
			up += dq[j];
			dq[j] = up / (1.0f + expf(-o[j]));
		}
		for (int j = 0; j < MID; j++) {
			down += dq[j];
			dq[j] = -down / (1.0f + expf(-o[j]));
		}
		dq[MID] = mid + up + down;
	}
}

int
vmf_lstm_decode(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, float *q, struct vmf_err *e)
{
	const struct vmf_lstm_shape *s = &w->shape;
	const float *p[VMF_LSTM_PARTS];
	int64_t m = s->units;
	int rc;

	omp_set_num_threads(1);
	for (int k = 0; k < VMF_LSTM_PARTS; k++)
		p[k] = weights + w->at[k];
	if ((rc = gemm('N', 'N', N, m, s->hidden, w->cell->h,
	    p[VMF_LSTM_WH], 0.0f, w->top, e)) != 0 ||
	    (rc = gemm('N', 'N', N, m, s->statics, c->s, p[VMF_LSTM_WS],
	    1.0f, w->top, e)) != 0)
		return rc;
	for (int64_t k = 0; k < CELLS; k++)
		memcpy(w->a + k * m, w->top + k / VMF_LSTM_LEADS * m,
		    (size_t)m * sizeof(float));
	if ((rc = gemm('N', 'N', CELLS, m, s->lead_in, c->z,
	    p[VMF_LSTM_WZ], 1.0f, w->a, e)) != 0)
		return rc;
	bias_relu(w->a, CELLS, m, p[VMF_LSTM_B1]);
	if ((rc = gemm('N', 'N', CELLS, m, m, w->a, p[VMF_LSTM_W2], 0.0f,
	    w->b2, e)) != 0)
		return rc;
	bias_relu(w->b2, CELLS, m, p[VMF_LSTM_B2]);
	for (int64_t k = 0; k < CELLS; k++)
		memcpy(w->o + k * VMF_LSTM_LEVELS, p[VMF_LSTM_B3],
		    VMF_LSTM_LEVELS * sizeof(float));
	if ((rc = gemm('N', 'N', CELLS, VMF_LSTM_LEVELS, m, w->b2,
	    p[VMF_LSTM_W3], 1.0f, w->o, e)) != 0 ||
	    (rc = gemm('N', 'N', CELLS, VMF_LSTM_LEVELS, s->lead_in, c->z,
	    p[VMF_LSTM_W4], 1.0f, w->o, e)) != 0)
		return rc;
	to_quantiles(w->o, q);
	return 0;
}

/* Nothing comes through where nothing came out. */
static void
back_relu(const float *out, float *d, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (!(out[i] > 0.0f))
			d[i] = 0.0f;
}

/* Sums of columns. */
static void
sum_rows(const float *d, int64_t rows, int64_t n, float *sum)
{
	memset(sum, 0, (size_t)n * sizeof(float));
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < n; j++)
			sum[j] += d[i * n + j];
}

/* The two layers and what is above them; slopes by the last layer's numbers
 * are in dq, and those by the state are left in dh. */
static int
back_layers(struct vmf_lstm_work *w, const float *const *p,
    const struct vmf_lstm_chunk *c, float *grad, struct vmf_err *e)
{
	const struct vmf_lstm_shape *s = &w->shape;
	int64_t m = s->units, lv = VMF_LSTM_LEVELS;
	float *g[VMF_LSTM_PARTS];
	int rc;

	for (int k = 0; k < VMF_LSTM_PARTS; k++)
		g[k] = grad + w->at[k];
	sum_rows(w->dq, CELLS, lv, g[VMF_LSTM_B3]);
	if ((rc = gemm('T', 'N', s->lead_in, lv, CELLS, c->z, w->dq, 0.0f,
	    g[VMF_LSTM_W4], e)) != 0 ||
	    (rc = gemm('T', 'N', m, lv, CELLS, w->b2, w->dq, 0.0f,
	    g[VMF_LSTM_W3], e)) != 0 ||
	    (rc = gemm('N', 'T', CELLS, m, lv, w->dq, p[VMF_LSTM_W3], 0.0f,
	    w->db, e)) != 0)
		return rc;
	back_relu(w->b2, w->db, CELLS * m);
	sum_rows(w->db, CELLS, m, g[VMF_LSTM_B2]);
	if ((rc = gemm('T', 'N', m, m, CELLS, w->a, w->db, 0.0f,
	    g[VMF_LSTM_W2], e)) != 0 ||
	    (rc = gemm('N', 'T', CELLS, m, m, w->db, p[VMF_LSTM_W2], 0.0f,
	    w->da, e)) != 0)
		return rc;
	back_relu(w->a, w->da, CELLS * m);
	sum_rows(w->da, CELLS, m, g[VMF_LSTM_B1]);
	for (int64_t i = 0; i < N; i++)
		sum_rows(w->da + i * VMF_LSTM_LEADS * m, VMF_LSTM_LEADS, m,
		    w->d_top + i * m);
	if ((rc = gemm('T', 'N', s->lead_in, m, CELLS, c->z, w->da, 0.0f,
	    g[VMF_LSTM_WZ], e)) != 0 ||
	    (rc = gemm('T', 'N', s->statics, m, N, c->s, w->d_top, 0.0f,
	    g[VMF_LSTM_WS], e)) != 0 ||
	    (rc = gemm('T', 'N', s->hidden, m, N, w->cell->h, w->d_top,
	    0.0f, g[VMF_LSTM_WH], e)) != 0)
		return rc;
	return gemm('N', 'T', N, s->hidden, m, w->d_top, p[VMF_LSTM_WH],
	    0.0f, w->cell->dh, e);
}

int
vmf_lstm_grad(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, float *grad, double *loss,
    double *weight, struct vmf_err *e)
{
	const float *p[VMF_LSTM_PARTS];
	int rc;

	assert(w->train);
	for (int k = 0; k < VMF_LSTM_PARTS; k++)
		p[k] = weights + w->at[k];
	if ((rc = vmf_lstm_decode(w, weights, c, w->q, e)) != 0)
		return rc;
	vmf_lstm_loss(c, w->q, w->dq, loss, weight);
	from_quantiles(w->o, w->dq);
	if ((rc = back_layers(w, p, c, grad, e)) != 0)
		return rc;
	return w->cell->ops->backward(w->cell, grad, e);
}
