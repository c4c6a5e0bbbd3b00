/* SPDX-License-Identifier: MIT */
/*
 * The network's arithmetic through oneDNN: its LSTM primitive forward and
 * backward, and its sgemm for the layers above.
 *
 * oneDNN divides work among OpenMP's threads, and sums in an order that
 * depends on how many there are.  So each thread that is in here asks OpenMP
 * for one, which it does for itself alone: chunks are what is done side by
 * side.  Primitives have their scratch memory with them, so that they may be
 * made by one thread and run by another.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>

#include "learn/lstm.h"

/* Of libgomp, which oneDNN is linked with; its header is gcc's alone. */
void omp_set_num_threads(int n);

#define N VMF_LSTM_CHUNK
#define CELLS (VMF_LSTM_CHUNK * VMF_LSTM_LEADS)

/* One array as oneDNN sees it. */
struct tensor {
	dnnl_memory_t mem;
	float *p;			/* owned, unless lent */
};

/* A primitive with what it reads and writes. */
enum { MAX_ARGS = 24 };
struct step {
	dnnl_primitive_desc_t desc;
	dnnl_primitive_t prim;
	dnnl_exec_arg_t arg[MAX_ARGS];
	int n_args;
	struct tensor scratch;
};

struct vmf_lstm_work {
	struct vmf_lstm_shape shape;
	int64_t at[VMF_LSTM_PARTS + 1];
	bool train;
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	struct step fwd, bwd;
	/* h0, c0: a beginning of zeros, which oneDNN would take for granted;
	 * but then 2.6 gets the gradient by Wr wrong (test/unit/lstm.c).
	 * Weights and their gradients as they lie in the network, and as the
	 * primitives want them. */
	struct tensor x, h0, c0, wx, wr, b, h, dx, dh0, dc0, dh, workspace;
	struct tensor wx_f, wr_f, wx_b, wr_b, gx, gr, gb, gx_b, gr_b;
	dnnl_primitive_t to_wx_f, to_wr_f, to_wx_b, to_wr_b, to_gx, to_gr;
	/* layers: of series [chunk][M], of cells [cells][M or 9] */
	float *top, *a, *b2, *o, *q, *dq, *da, *db, *d_top;
};

static int
check(dnnl_status_t s, const char *what, struct vmf_err *e)
{
	if (s == dnnl_success)
		return 0;
	return vmf_fail(e, s == dnnl_out_of_memory ? VMF_ENOMEM : VMF_EDEV,
	    "oneDNN: %s: status %d", what, (int)s);
}

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

/* ---- tensors ---- */

/* Of the layout md, with memory of its own. */
static int
tensor_of(struct vmf_lstm_work *w, struct tensor *t,
    const dnnl_memory_desc_t *md, struct vmf_err *e)
{
	int64_t bytes = (int64_t)dnnl_memory_desc_get_size(md);

	if (bytes == 0)
		return 0;
	if ((t->p = vmf_calloc((bytes + 63) / 64 * 64, 1, e)) == NULL)
		return VMF_ENOMEM;
	return check(dnnl_memory_create(&t->mem, md, w->engine, t->p),
	    "memory", e);
}

static int
dense(dnnl_memory_desc_t *md, int n_dims, const dnnl_dims_t dim,
    dnnl_format_tag_t tag, struct vmf_err *e)
{
	return check(dnnl_memory_desc_init_by_tag(md, n_dims, dim, dnnl_f32,
	    tag), "a layout", e);
}

static void
tensor_free(struct tensor *t)
{
	if (t->mem != NULL)
		dnnl_memory_destroy(t->mem);
	free(t->p);
}

/* ---- primitives ---- */

static void
add_arg(struct step *s, int what, const struct tensor *t)
{
	assert(s->n_args < MAX_ARGS);
	if (t->mem != NULL)
		s->arg[s->n_args++] = (dnnl_exec_arg_t){ what, t->mem };
}

static const dnnl_memory_desc_t *
layout(const struct step *s, int what)
{
	return dnnl_primitive_desc_query_md(s->desc,
	    dnnl_query_exec_arg_md, what);
}

static int
make_step(struct vmf_lstm_work *w, struct step *s, const dnnl_rnn_desc_t *d,
    const struct step *hint, struct vmf_err *e)
{
	dnnl_primitive_attr_t attr = NULL;
	int rc = check(dnnl_primitive_attr_create(&attr), "attributes", e);

	if (rc == 0)
		rc = check(dnnl_primitive_attr_set_scratchpad_mode(attr,
		    dnnl_scratchpad_mode_user), "scratch memory", e);
	if (rc == 0)
		rc = check(dnnl_primitive_desc_create(&s->desc, d, attr,
		    w->engine, hint == NULL ? NULL : hint->desc),
		    "no LSTM for this processor", e);
	if (attr != NULL)
		dnnl_primitive_attr_destroy(attr);
	if (rc != 0 || (rc = check(dnnl_primitive_create(&s->prim, s->desc),
	    "the LSTM", e)) != 0)
		return rc;
	if ((rc = tensor_of(w, &s->scratch, layout(s, DNNL_ARG_SCRATCHPAD),
	    e)) != 0)
		return rc;
	add_arg(s, DNNL_ARG_SCRATCHPAD, &s->scratch);
	return 0;
}

static int
run(struct vmf_lstm_work *w, dnnl_primitive_t prim,
    const dnnl_exec_arg_t *arg, int n, struct vmf_err *e)
{
	int rc = check(dnnl_primitive_execute(prim, w->stream, n, arg),
	    "a primitive", e);

	return rc != 0 ? rc : check(dnnl_stream_wait(w->stream), "waiting",
	    e);
}

/* From one layout into another; a tensor that was lent is read. */
static int
make_reorder(struct vmf_lstm_work *w, dnnl_primitive_t *prim,
    const struct tensor *from, const struct tensor *to, struct vmf_err *e)
{
	const dnnl_memory_desc_t *a, *b;
	dnnl_primitive_desc_t desc = NULL;
	int rc;

	if ((rc = check(dnnl_memory_get_memory_desc(from->mem, &a),
	    "a layout", e)) != 0 ||
	    (rc = check(dnnl_memory_get_memory_desc(to->mem, &b),
	    "a layout", e)) != 0 ||
	    (rc = check(dnnl_reorder_primitive_desc_create(&desc, a,
	    w->engine, b, w->engine, NULL), "another layout", e)) != 0)
		return rc;
	rc = check(dnnl_primitive_create(prim, desc), "another layout", e);
	dnnl_primitive_desc_destroy(desc);
	return rc;
}

static int
reorder(struct vmf_lstm_work *w, dnnl_primitive_t prim,
    const struct tensor *from, const struct tensor *to, struct vmf_err *e)
{
	const dnnl_exec_arg_t arg[] = { { DNNL_ARG_FROM, from->mem },
	    { DNNL_ARG_TO, to->mem } };

	return run(w, prim, arg, 2, e);
}

/* ---- the LSTM ---- */

struct layouts {
	dnnl_memory_desc_t x, first, h, wx, wr, b, none;
	dnnl_memory_desc_t wx_any, wr_any;
};

static int
make_layouts(const struct vmf_lstm_shape *s, struct layouts *l,
    struct vmf_err *e)
{
	const dnnl_dims_t x = { s->steps, N, s->in };
	const dnnl_dims_t h = { s->steps, N, s->hidden };
	const dnnl_dims_t first = { 1, 1, N, s->hidden };
	const dnnl_dims_t wx = { 1, 1, s->in, 4, s->hidden };
	const dnnl_dims_t wr = { 1, 1, s->hidden, 4, s->hidden };
	const dnnl_dims_t b = { 1, 1, 4, s->hidden };
	int rc;

	memset(&l->none, 0, sizeof(l->none));
	if ((rc = dense(&l->x, 3, x, dnnl_tnc, e)) != 0 ||
	    (rc = dense(&l->h, 3, h, dnnl_tnc, e)) != 0 ||
	    (rc = dense(&l->first, 4, first, dnnl_ldnc, e)) != 0 ||
	    (rc = dense(&l->wx, 5, wx, dnnl_ldigo, e)) != 0 ||
	    (rc = dense(&l->wr, 5, wr, dnnl_ldigo, e)) != 0 ||
	    (rc = dense(&l->b, 4, b, dnnl_ldgo, e)) != 0 ||
	    (rc = dense(&l->wx_any, 5, wx, dnnl_format_tag_any, e)) != 0)
		return rc;
	return dense(&l->wr_any, 5, wr, dnnl_format_tag_any, e);
}

static int
make_forward(struct vmf_lstm_work *w, const struct layouts *l,
    struct vmf_err *e)
{
	dnnl_rnn_desc_t d;
	int rc;

	if ((rc = check(dnnl_lstm_forward_desc_init(&d, w->train ?
	    dnnl_forward_training : dnnl_forward_inference,
	    dnnl_unidirectional_left2right, &l->x, &l->first, &l->first,
	    &l->wx_any, &l->wr_any, &l->b, &l->h, &l->none, &l->none, 0),
	    "the LSTM forward", e)) != 0 ||
	    (rc = make_step(w, &w->fwd, &d, NULL, e)) != 0 ||
	    (rc = tensor_of(w, &w->x, &l->x, e)) != 0 ||
	    (rc = tensor_of(w, &w->h0, &l->first, e)) != 0 ||
	    (rc = tensor_of(w, &w->c0, &l->first, e)) != 0 ||
	    (rc = tensor_of(w, &w->h, &l->h, e)) != 0 ||
	    (rc = tensor_of(w, &w->wx, &l->wx, e)) != 0 ||
	    (rc = tensor_of(w, &w->wr, &l->wr, e)) != 0 ||
	    (rc = tensor_of(w, &w->b, &l->b, e)) != 0 ||
	    (rc = tensor_of(w, &w->wx_f, layout(&w->fwd,
	    DNNL_ARG_WEIGHTS_LAYER), e)) != 0 ||
	    (rc = tensor_of(w, &w->wr_f, layout(&w->fwd,
	    DNNL_ARG_WEIGHTS_ITER), e)) != 0 ||
	    (rc = make_reorder(w, &w->to_wx_f, &w->wx, &w->wx_f, e)) != 0 ||
	    (rc = make_reorder(w, &w->to_wr_f, &w->wr, &w->wr_f, e)) != 0)
		return rc;
	if (w->train && (rc = tensor_of(w, &w->workspace, layout(&w->fwd,
	    DNNL_ARG_WORKSPACE), e)) != 0)
		return rc;
	add_arg(&w->fwd, DNNL_ARG_SRC_LAYER, &w->x);
	add_arg(&w->fwd, DNNL_ARG_SRC_ITER, &w->h0);
	add_arg(&w->fwd, DNNL_ARG_SRC_ITER_C, &w->c0);
	add_arg(&w->fwd, DNNL_ARG_WEIGHTS_LAYER, &w->wx_f);
	add_arg(&w->fwd, DNNL_ARG_WEIGHTS_ITER, &w->wr_f);
	add_arg(&w->fwd, DNNL_ARG_BIAS, &w->b);
	add_arg(&w->fwd, DNNL_ARG_DST_LAYER, &w->h);
	add_arg(&w->fwd, DNNL_ARG_WORKSPACE, &w->workspace);
	return 0;
}

static int
make_backward(struct vmf_lstm_work *w, const struct layouts *l,
    struct vmf_err *e)
{
	struct step *s = &w->bwd;
	dnnl_rnn_desc_t d;
	int rc;

	if ((rc = check(dnnl_lstm_backward_desc_init(&d, dnnl_backward,
	    dnnl_unidirectional_left2right, &l->x, &l->first, &l->first,
	    &l->wx_any, &l->wr_any, &l->b, &l->h, &l->none, &l->none, &l->x,
	    &l->first, &l->first, &l->wx_any, &l->wr_any, &l->b, &l->h,
	    &l->none, &l->none, 0), "the LSTM backward", e)) != 0 ||
	    (rc = make_step(w, s, &d, &w->fwd, e)) != 0 ||
	    (rc = tensor_of(w, &w->dx, &l->x, e)) != 0 ||
	    (rc = tensor_of(w, &w->dh0, &l->first, e)) != 0 ||
	    (rc = tensor_of(w, &w->dc0, &l->first, e)) != 0 ||
	    (rc = tensor_of(w, &w->dh, &l->h, e)) != 0 ||
	    (rc = tensor_of(w, &w->gx, &l->wx, e)) != 0 ||
	    (rc = tensor_of(w, &w->gr, &l->wr, e)) != 0 ||
	    (rc = tensor_of(w, &w->gb, &l->b, e)) != 0 ||
	    (rc = tensor_of(w, &w->wx_b, layout(s, DNNL_ARG_WEIGHTS_LAYER),
	    e)) != 0 ||
	    (rc = tensor_of(w, &w->wr_b, layout(s, DNNL_ARG_WEIGHTS_ITER),
	    e)) != 0 ||
	    (rc = tensor_of(w, &w->gx_b, layout(s,
	    DNNL_ARG_DIFF_WEIGHTS_LAYER), e)) != 0 ||
	    (rc = tensor_of(w, &w->gr_b, layout(s,
	    DNNL_ARG_DIFF_WEIGHTS_ITER), e)) != 0 ||
	    (rc = make_reorder(w, &w->to_wx_b, &w->wx, &w->wx_b, e)) != 0 ||
	    (rc = make_reorder(w, &w->to_wr_b, &w->wr, &w->wr_b, e)) != 0 ||
	    (rc = make_reorder(w, &w->to_gx, &w->gx_b, &w->gx, e)) != 0 ||
	    (rc = make_reorder(w, &w->to_gr, &w->gr_b, &w->gr, e)) != 0)
		return rc;
	add_arg(s, DNNL_ARG_SRC_LAYER, &w->x);
	add_arg(s, DNNL_ARG_SRC_ITER, &w->h0);
	add_arg(s, DNNL_ARG_SRC_ITER_C, &w->c0);
	add_arg(s, DNNL_ARG_WEIGHTS_LAYER, &w->wx_b);
	add_arg(s, DNNL_ARG_WEIGHTS_ITER, &w->wr_b);
	add_arg(s, DNNL_ARG_BIAS, &w->b);
	add_arg(s, DNNL_ARG_DST_LAYER, &w->h);
	add_arg(s, DNNL_ARG_WORKSPACE, &w->workspace);
	add_arg(s, DNNL_ARG_DIFF_SRC_LAYER, &w->dx);
	add_arg(s, DNNL_ARG_DIFF_SRC_ITER, &w->dh0);
	add_arg(s, DNNL_ARG_DIFF_SRC_ITER_C, &w->dc0);
	add_arg(s, DNNL_ARG_DIFF_WEIGHTS_LAYER, &w->gx_b);
	add_arg(s, DNNL_ARG_DIFF_WEIGHTS_ITER, &w->gr_b);
	add_arg(s, DNNL_ARG_DIFF_BIAS, &w->gb);
	add_arg(s, DNNL_ARG_DIFF_DST_LAYER, &w->dh);
	return 0;
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
    bool train, struct vmf_err *e)
{
	struct vmf_lstm_work *w;
	struct layouts l;
	int rc;

	omp_set_num_threads(1);
	if ((w = vmf_calloc(1, (int64_t)sizeof(*w), e)) == NULL)
		return VMF_ENOMEM;
	*out = w;
	w->shape = *s;
	w->train = train;
	vmf_lstm_layout(s, w->at);
	if ((rc = check(dnnl_engine_create(&w->engine, dnnl_cpu, 0),
	    "no engine", e)) != 0 ||
	    (rc = check(dnnl_stream_create(&w->stream, w->engine,
	    dnnl_stream_default_flags), "no stream", e)) != 0 ||
	    (rc = make_layouts(s, &l, e)) != 0 ||
	    (rc = make_forward(w, &l, e)) != 0 ||
	    (rc = make_layers(w, e)) != 0)
		return rc;
	return train ? make_backward(w, &l, e) : 0;
}

static void
step_free(struct step *s)
{
	if (s->prim != NULL)
		dnnl_primitive_destroy(s->prim);
	if (s->desc != NULL)
		dnnl_primitive_desc_destroy(s->desc);
	tensor_free(&s->scratch);
}

void
vmf_lstm_close(struct vmf_lstm_work *w)
{
	if (w == NULL)
		return;
	struct tensor *t[] = { &w->x, &w->h0, &w->c0, &w->wx, &w->wr, &w->b,
	    &w->h, &w->dx, &w->dh0, &w->dc0, &w->dh, &w->workspace,
	    &w->wx_f, &w->wr_f, &w->wx_b, &w->wr_b, &w->gx, &w->gr,
	    &w->gb, &w->gx_b, &w->gr_b };
	dnnl_primitive_t prim[] = { w->to_wx_f, w->to_wr_f, w->to_wx_b,
	    w->to_wr_b, w->to_gx, w->to_gr };
	float *own[] = { w->top, w->a, w->b2, w->o, w->q, w->dq, w->da,
	    w->db, w->d_top };

	step_free(&w->fwd);
	step_free(&w->bwd);
	for (size_t k = 0; k < sizeof(prim) / sizeof(prim[0]); k++)
		if (prim[k] != NULL)
			dnnl_primitive_destroy(prim[k]);
	for (size_t k = 0; k < sizeof(t) / sizeof(t[0]); k++)
		tensor_free(t[k]);
	for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
		free(own[k]);
	if (w->stream != NULL)
		dnnl_stream_destroy(w->stream);
	if (w->engine != NULL)
		dnnl_engine_destroy(w->engine);
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

static void
copy(struct tensor *t, const float *from, int64_t n)
{
	memcpy(t->p, from, (size_t)n * sizeof(float));
}

static int64_t
part(const struct vmf_lstm_work *w, int k)
{
	return w->at[k + 1] - w->at[k];
}

int
vmf_lstm_encode(struct vmf_lstm_work *w, const float *weights,
    const struct vmf_lstm_chunk *c, struct vmf_err *e)
{
	const struct vmf_lstm_shape *s = &w->shape;
	int rc;

	omp_set_num_threads(1);
	copy(&w->x, c->x, (int64_t)s->steps * N * s->in);
	copy(&w->wx, weights + w->at[VMF_LSTM_WX], part(w, VMF_LSTM_WX));
	copy(&w->wr, weights + w->at[VMF_LSTM_WR], part(w, VMF_LSTM_WR));
	copy(&w->b, weights + w->at[VMF_LSTM_B], part(w, VMF_LSTM_B));
	if ((rc = reorder(w, w->to_wx_f, &w->wx, &w->wx_f, e)) != 0 ||
	    (rc = reorder(w, w->to_wr_f, &w->wr, &w->wr_f, e)) != 0)
		return rc;
	return run(w, w->fwd.prim, w->fwd.arg, w->fwd.n_args, e);
}

/* The LSTM's state behind the last step. */
static float *
last(const struct vmf_lstm_work *w, const struct tensor *t)
{
	return t->p + (int64_t)(w->shape.steps - 1) * N * w->shape.hidden;
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
	if ((rc = gemm('N', 'N', N, m, s->hidden, last(w, &w->h),
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
	    (rc = gemm('T', 'N', s->hidden, m, N, last(w, &w->h), w->d_top,
	    0.0f, g[VMF_LSTM_WH], e)) != 0)
		return rc;
	return gemm('N', 'T', N, s->hidden, m, w->d_top, p[VMF_LSTM_WH],
	    0.0f, last(w, &w->dh), e);
}

static void
clear(struct tensor *t)
{
	const dnnl_memory_desc_t *md;

	if (dnnl_memory_get_memory_desc(t->mem, &md) == dnnl_success)
		memset(t->p, 0, dnnl_memory_desc_get_size(md));
}

/* The LSTM; its gradients are added to what is there. */
static int
back_lstm(struct vmf_lstm_work *w, float *grad, struct vmf_err *e)
{
	int rc;

	clear(&w->gx_b);
	clear(&w->gr_b);
	clear(&w->gb);
	if ((rc = reorder(w, w->to_wx_b, &w->wx, &w->wx_b, e)) != 0 ||
	    (rc = reorder(w, w->to_wr_b, &w->wr, &w->wr_b, e)) != 0 ||
	    (rc = run(w, w->bwd.prim, w->bwd.arg, w->bwd.n_args, e)) != 0 ||
	    (rc = reorder(w, w->to_gx, &w->gx_b, &w->gx, e)) != 0 ||
	    (rc = reorder(w, w->to_gr, &w->gr_b, &w->gr, e)) != 0)
		return rc;
	memcpy(grad + w->at[VMF_LSTM_WX], w->gx.p,
	    (size_t)part(w, VMF_LSTM_WX) * sizeof(float));
	memcpy(grad + w->at[VMF_LSTM_WR], w->gr.p,
	    (size_t)part(w, VMF_LSTM_WR) * sizeof(float));
	memcpy(grad + w->at[VMF_LSTM_B], w->gb.p,
	    (size_t)part(w, VMF_LSTM_B) * sizeof(float));
	return 0;
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
	return back_lstm(w, grad, e);
}
