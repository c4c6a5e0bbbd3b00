/* SPDX-License-Identifier: MIT */
/*
 * The LSTM by oneDNN's primitive, forward and backward (lstm_cell.h).
 * Primitives have their scratch memory with them, so that they may be made by
 * one thread and run by another.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "learn/lstm_cell.h"
#include "learn/lstm_dnnl.h"

#define N VMF_LSTM_CHUNK

/* One array as oneDNN sees it. */
struct tensor {
	dnnl_memory_t mem;
	float *p;			/* owned */
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

struct cell {
	struct vmf_lstm_cell cell;	/* first: what is seen of it */
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
};

/* ---- tensors ---- */

/* Of the layout md, with memory of its own. */
static int
tensor_of(struct cell *w, struct tensor *t,
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
make_step(struct cell *w, struct step *s, const dnnl_rnn_desc_t *d,
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
run(struct cell *w, dnnl_primitive_t prim,
    const dnnl_exec_arg_t *arg, int n, struct vmf_err *e)
{
	int rc = check(dnnl_primitive_execute(prim, w->stream, n, arg),
	    "a primitive", e);

	return rc != 0 ? rc : check(dnnl_stream_wait(w->stream), "waiting",
	    e);
}

/* From one layout into another. */
static int
make_reorder(struct cell *w, dnnl_primitive_t *prim,
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
reorder(struct cell *w, dnnl_primitive_t prim,
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
make_forward(struct cell *w, const struct layouts *l,
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
make_backward(struct cell *w, const struct layouts *l,
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

/* ---- what is computed ---- */

static void
copy(struct tensor *t, const float *from, int64_t n)
{
	memcpy(t->p, from, (size_t)n * sizeof(float));
}

static int64_t
part(const struct cell *w, int k)
{
	return w->at[k + 1] - w->at[k];
}

static int
forward(struct vmf_lstm_cell *cell, const float *weights, const float *x,
    struct vmf_err *e)
{
	struct cell *w = (struct cell *)cell;
	const struct vmf_lstm_shape *s = &w->shape;
	int rc;

	copy(&w->x, x, (int64_t)s->steps * N * s->in);
	copy(&w->wx, weights + w->at[VMF_LSTM_WX], part(w, VMF_LSTM_WX));
	copy(&w->wr, weights + w->at[VMF_LSTM_WR], part(w, VMF_LSTM_WR));
	copy(&w->b, weights + w->at[VMF_LSTM_B], part(w, VMF_LSTM_B));
	if ((rc = reorder(w, w->to_wx_f, &w->wx, &w->wx_f, e)) != 0 ||
	    (rc = reorder(w, w->to_wr_f, &w->wr, &w->wr_f, e)) != 0)
		return rc;
	return run(w, w->fwd.prim, w->fwd.arg, w->fwd.n_args, e);
}

static void
clear(struct tensor *t)
{
	const dnnl_memory_desc_t *md;

	if (dnnl_memory_get_memory_desc(t->mem, &md) == dnnl_success)
		memset(t->p, 0, dnnl_memory_desc_get_size(md));
}

/* Its gradients are added to what is there. */
static int
backward(struct vmf_lstm_cell *cell, float *grad, struct vmf_err *e)
{
	struct cell *w = (struct cell *)cell;
	int rc;

	assert(w->train);
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

/* ---- one of them ---- */

static void
step_free(struct step *s)
{
	if (s->prim != NULL)
		dnnl_primitive_destroy(s->prim);
	if (s->desc != NULL)
		dnnl_primitive_desc_destroy(s->desc);
	tensor_free(&s->scratch);
}

static void
close_cell(struct vmf_lstm_cell *cell)
{
	struct cell *w = (struct cell *)cell;
	struct tensor *t[] = { &w->x, &w->h0, &w->c0, &w->wx, &w->wr, &w->b,
	    &w->h, &w->dx, &w->dh0, &w->dc0, &w->dh, &w->workspace,
	    &w->wx_f, &w->wr_f, &w->wx_b, &w->wr_b, &w->gx, &w->gr,
	    &w->gb, &w->gx_b, &w->gr_b };
	dnnl_primitive_t prim[] = { w->to_wx_f, w->to_wr_f, w->to_wx_b,
	    w->to_wr_b, w->to_gx, w->to_gr };

	step_free(&w->fwd);
	step_free(&w->bwd);
	for (size_t k = 0; k < sizeof(prim) / sizeof(prim[0]); k++)
		if (prim[k] != NULL)
			dnnl_primitive_destroy(prim[k]);
	for (size_t k = 0; k < sizeof(t) / sizeof(t[0]); k++)
		tensor_free(t[k]);
	if (w->stream != NULL)
		dnnl_stream_destroy(w->stream);
	if (w->engine != NULL)
		dnnl_engine_destroy(w->engine);
	free(w);
}

static const struct vmf_lstm_cell_ops ops = { .forward = forward,
	.backward = backward, .close = close_cell };

int
vmf_lstm_cell_open(struct vmf_lstm_cell **out,
    const struct vmf_lstm_shape *s, bool train, struct vmf_err *e)
{
	int64_t before = (int64_t)(s->steps - 1) * N * s->hidden;
	struct cell *w;
	struct layouts l;
	int rc;

	if ((w = vmf_calloc(1, (int64_t)sizeof(*w), e)) == NULL)
		return VMF_ENOMEM;
	w->cell.ops = &ops;
	*out = &w->cell;
	w->shape = *s;
	w->train = train;
	vmf_lstm_layout(s, w->at);
	if ((rc = check(dnnl_engine_create(&w->engine, dnnl_cpu, 0),
	    "no engine", e)) != 0 ||
	    (rc = check(dnnl_stream_create(&w->stream, w->engine,
	    dnnl_stream_default_flags), "no stream", e)) != 0 ||
	    (rc = make_layouts(s, &l, e)) != 0 ||
	    (rc = make_forward(w, &l, e)) != 0)
		return rc;
	w->cell.h = w->h.p + before;
	if (!train)
		return 0;
	rc = make_backward(w, &l, e);
	w->cell.dh = w->dh.p == NULL ? NULL : w->dh.p + before;
	return rc;
}
