/* SPDX-License-Identifier: MIT */
#include "forecast/lstm_learn.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "base/thread.h"
#include "forecast/lstm_row.h"

/* Chunks of a step, each on a thread. */
#define PARTS 4
#define STEP_ROWS (PARTS * VMF_LSTM_CHUNK)
/* Rows of an epoch, at most, and of the test. */
#define EPOCH_ROWS 16384
#define TEST_ROWS 6144
#define TEST_SHARE 0.15
/* Too few to learn from, and to be tested on. */
#define LEARN_MIN 200
#define TEST_MIN 50
#define UNITS 64
#define RATE 3e-3
#define CLIP 1.0
/* Epochs in a row that are no better, until it ends. */
#define PATIENCE 5

/* What a run that was killed goes on from, after "vmf-lstm-state": numbers,
 * the network, and the weights of the best epoch. */
struct state {
	char magic[16];
	uint64_t rows;			/* what it was made from */
	int64_t epoch, bad, done;
	double rate, best, base;
};

struct learner {
	const struct vmf_global *g;
	struct vmf_sample *s;
	struct vmf_lstm_row r;
	int64_t n_learn, n_test, steps, epochs;
	struct vmf_lstm net;
	struct state at;
	float *best;
	/* of each part */
	struct vmf_lstm_work *work[PARTS];
	struct vmf_lstm_chunk chunk[PARTS];
	float *grad[PARTS], *q[PARTS], *row[PARTS];
	double loss[PARTS], weight[PARTS];
	bool from_base;			/* the test is of what rows begin at */
	/* of what is told */
	struct timespec began;
	int64_t began_epoch;
};

static void
fill(struct learner *l, int part, int64_t c, int64_t i)
{
	vmf_lstm_row_unpack(l->row[part], l->s->rec + i * l->s->width,
	    l->r.width);
	vmf_lstm_row_put(&l->chunk[part], c, l->row[part], &l->r);
}

/* What the row in hand starts from, as if the network had said it. */
static void
begin_at(struct learner *l, int part, int64_t c)
{
	for (int64_t k = 0; k < VMF_LSTM_LEADS; k++) {
		float *q = l->q[part] + (c * VMF_LSTM_LEADS + k) *
		    VMF_LSTM_LEVELS;
		double u[VMF_LSTM_LEVELS];

		vmf_lstm_row_base(l->row[part], &l->r, k, u);
		for (int j = 0; j < VMF_LSTM_LEVELS; j++)
			q[j] = (float)u[j];
	}
}

/* The gradient of one chunk of rows that are drawn. */
static int
learn_part(void *arg, int64_t i, struct vmf_err *e)
{
	struct learner *l = arg;
	int p = (int)i, rc;
	uint64_t key = (uint64_t)l->g->seed * VMF_RNG_STEP + 1;

	for (int64_t c = 0; c < VMF_LSTM_CHUNK; c++) {
		double d = vmf_sample_draw(key, l->net.steps * STEP_ROWS +
		    i * VMF_LSTM_CHUNK + c);

		fill(l, p, c, (int64_t)(d * (double)l->n_learn));
	}
	l->loss[p] = l->weight[p] = 0.0;
	if ((rc = vmf_lstm_encode(l->work[p], l->net.w, &l->chunk[p],
	    e)) != 0)
		return rc;
	return vmf_lstm_grad(l->work[p], l->net.w, &l->chunk[p], l->grad[p],
	    &l->loss[p], &l->weight[p], e);
}

/* The loss on one part's share of the newest rows: each PARTSth chunk. */
static int
test_part(void *arg, int64_t i, struct vmf_err *e)
{
	struct learner *l = arg;
	int64_t first = l->s->n - l->n_test, apart, n;
	int p = (int)i, rc;

	n = l->n_test < TEST_ROWS ? l->n_test : TEST_ROWS;
	apart = l->n_test / n;
	l->loss[p] = l->weight[p] = 0.0;
	for (int64_t at = i * VMF_LSTM_CHUNK; at < n; at += STEP_ROWS) {
		struct vmf_lstm_chunk *chunk = &l->chunk[p];

		for (int64_t c = 0; c < VMF_LSTM_CHUNK; c++) {
			int64_t k = at + c < n ? at + c : n - 1;

			fill(l, p, c, first + k * apart);
			if (l->from_base)
				begin_at(l, p, c);
			if (at + c >= n)
				memset(chunk->weight + c * VMF_LSTM_LEADS, 0,
				    VMF_LSTM_LEADS * sizeof(float));
		}
		if (!l->from_base && ((rc = vmf_lstm_encode(l->work[p],
		    l->net.avg, chunk, e)) != 0 ||
		    (rc = vmf_lstm_decode(l->work[p], l->net.avg, chunk,
		    l->q[p], e)) != 0))
			return rc;
		vmf_lstm_loss(chunk, l->q[p], NULL, &l->loss[p],
		    &l->weight[p]);
	}
	return 0;
}

static double
mean_loss(const struct learner *l)
{
	double loss = 0.0, weight = 0.0;

	for (int p = 0; p < PARTS; p++) {
		loss += l->loss[p];
		weight += l->weight[p];
	}
	return weight > 0.0 ? loss / weight : 0.0;
}

static int
test(struct learner *l, bool from_base, double *loss, struct vmf_err *e)
{
	int rc;

	l->from_base = from_base;
	rc = vmf_each(PARTS, l->g->how.threads, test_part, l, e);
	*loss = mean_loss(l);
	return rc;
}

/* One step of the network. */
static int
step(struct learner *l, struct vmf_err *e)
{
	double weight = 0.0;
	int rc = vmf_each(PARTS, l->g->how.threads, learn_part, l, e);

	if (rc != 0)
		return rc;
	for (int p = 0; p < PARTS; p++)
		weight += l->weight[p];
	if (!(weight > 0.0))
		weight = 1.0;
	for (int64_t i = 0; i < l->net.n; i++) {
		float sum = 0.0f;

		for (int p = 0; p < PARTS; p++)
			sum += l->grad[p][i];
		l->grad[0][i] = (float)(sum / weight);
	}
	return vmf_lstm_step(&l->net, l->grad[0], l->at.rate, CLIP, e);
}

/* ---- what is said ---- */

static void
tell(struct learner *l, int64_t k, double loss)
{
	struct timespec now;
	char text[256], left[32];
	double s, done = (double)(l->at.epoch - l->began_epoch) +
	    (double)k / (double)l->steps;

	if (l->g->tell == NULL || done <= 0.0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	s = (double)(now.tv_sec - l->began.tv_sec) +
	    1e-9 * (double)(now.tv_nsec - l->began.tv_nsec);
	s *= ((double)(l->epochs - l->began_epoch) - done) / done;
	vmf_format_duration((int64_t)s + 1, left);
	snprintf(text, sizeof(text), "lstm of %s: epoch %" PRId64 " of at "
	    "most %" PRId64 ", loss %.4f, of the newest %.4f (%.4f without "
	    "it), %s left at most", l->g->metric, l->at.epoch + 1, l->epochs,
	    loss, l->at.best, l->at.base, left);
	l->g->tell(l->g->tell_arg, text);
}

/* ---- a file to go on from ---- */

/* Fowler, Noll and Vo's hash of all that decides what is learned. */
static uint64_t
hash(uint64_t h, const void *p, int64_t n)
{
	const uint8_t *b = p;

	for (int64_t i = 0; i < n; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t
hash_all(const struct learner *l)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	int64_t v[] = { l->g->seed, l->epochs, l->g->step_s, l->g->season,
	    l->n_learn, l->n_test, l->s->width, l->s->n };

	h = hash(h, v, (int64_t)sizeof(v));
	h = hash(h, &l->net.shape, (int64_t)sizeof(l->net.shape));
	return hash(h, l->s->rec, l->s->n * l->s->width *
	    (int64_t)sizeof(float));
}

/* FILE.METRIC; the caller's to free. */
static char *
state_path(const struct vmf_global *g, struct vmf_err *e)
{
	struct vmf_buf b = { 0 };

	if (vmf_buf_printf(&b, e, "%s.%s", g->checkpoint, g->metric) != 0 ||
	    vmf_buf_put(&b, "", 1, e) != 0) {
		vmf_buf_free(&b);
		return NULL;
	}
	return (char *)b.p;
}

static int
save(struct learner *l, struct vmf_err *e)
{
	struct vmf_buf b = { 0 };
	struct vmf_out *out = NULL;
	char *path;
	int rc;

	if (l->g->checkpoint == NULL)
		return 0;
	if ((path = state_path(l->g, e)) == NULL)
		return VMF_ENOMEM;
	if ((rc = vmf_buf_put(&b, &l->at, (int64_t)sizeof(l->at), e)) == 0 &&
	    (rc = vmf_buf_put(&b, l->best, l->net.n * (int64_t)
	    sizeof(float), e)) == 0 &&
	    (rc = vmf_lstm_save(&l->net, true, &b, e)) == 0 &&
	    (rc = vmf_out_open(&out, path, e)) == 0 &&
	    (rc = vmf_out_write(out, b.p, b.n, e)) == 0)
		rc = vmf_out_finish(out, e);
	vmf_out_free(out);
	vmf_buf_free(&b);
	free(path);
	return rc;
}

/* Bytes of a state into l, where they are of these rows and options. */
static int
take_state(struct learner *l, const uint8_t *p, int64_t n, const char *path,
    struct vmf_err *e)
{
	int64_t most = l->net.n * (int64_t)sizeof(float);
	struct vmf_lstm net = { 0 };
	struct state at;
	int rc;

	if (n >= (int64_t)sizeof(at))
		memcpy(&at, p, sizeof(at));
	if (n < (int64_t)sizeof(at) || memcmp(at.magic, l->at.magic,
	    sizeof(at.magic)) != 0)
		return vmf_fail(e, VMF_EDATA, "%s is not a state to go on "
		    "from; remove it, or name another --checkpoint", path);
	if (at.rows != l->at.rows)
		return 0;
	if (n < (int64_t)sizeof(at) + most)
		return vmf_fail(e, VMF_EDATA, "%s is cut off; remove it, or "
		    "name another --checkpoint", path);
	rc = vmf_lstm_load(&net, p + sizeof(at) + most,
	    n - (int64_t)sizeof(at) - most, true, e);
	if (rc == 0 && memcmp(&net.shape, &l->net.shape,
	    sizeof(net.shape)) != 0)
		rc = vmf_fail(e, VMF_EDATA, "a network of other sizes");
	if (rc != 0) {
		vmf_lstm_free(&net);
		return vmf_fail_in(e, rc, "%s", path);
	}
	vmf_lstm_free(&l->net);
	l->net = net;
	l->at = at;
	memcpy(l->best, p + sizeof(at), (size_t)most);
	return 0;
}

static int
resume(struct learner *l, struct vmf_err *e)
{
	struct vmf_buf b = { 0 };
	int64_t got = 0;
	int fd, rc = 0;
	char *path;

	if (l->g->checkpoint == NULL)
		return 0;
	if ((path = state_path(l->g, e)) == NULL)
		return VMF_ENOMEM;
	if (access(path, F_OK) != 0) {
		free(path);
		return 0;
	}
	if ((rc = vmf_open_in(path, &fd, e)) != 0) {
		free(path);
		return rc;
	}
	do {
		if ((rc = vmf_buf_reserve(&b, 1 << 20, e)) != 0)
			break;
		got = vmf_read_full(fd, b.p + b.n, 1 << 20, path, e);
		b.n += got > 0 ? got : 0;
	} while (got == 1 << 20);
	vmf_close_in(fd);
	if (rc == 0)
		rc = got < 0 ? (int)got : take_state(l, b.p, b.n, path, e);
	vmf_buf_free(&b);
	free(path);
	return rc;
}

/* ---- all of it ---- */

static int
make_room(struct learner *l, struct vmf_err *e)
{
	int64_t cells = VMF_LSTM_CHUNK * VMF_LSTM_LEADS;
	int rc;

	l->best = vmf_calloc(l->net.n, (int64_t)sizeof(float), e);
	if (l->best == NULL)
		return VMF_ENOMEM;
	for (int p = 0; p < PARTS; p++) {
		if ((rc = vmf_lstm_chunk_init(&l->chunk[p], &l->net.shape,
		    e)) != 0 ||
		    (rc = vmf_lstm_open(&l->work[p], &l->net.shape, true,
		    l->g->how.lstm, e)) != 0)
			return rc;
		l->grad[p] = vmf_calloc(l->net.n, (int64_t)sizeof(float), e);
		l->q[p] = vmf_calloc(cells * VMF_LSTM_LEVELS,
		    (int64_t)sizeof(float), e);
		l->row[p] = vmf_calloc(l->r.width, (int64_t)sizeof(float), e);
		if (l->grad[p] == NULL || l->q[p] == NULL ||
		    l->row[p] == NULL)
			return VMF_ENOMEM;
	}
	return 0;
}

static void
free_room(struct learner *l)
{
	for (int p = 0; p < PARTS; p++) {
		vmf_lstm_close(l->work[p]);
		vmf_lstm_chunk_free(&l->chunk[p]);
		free(l->grad[p]);
		free(l->q[p]);
		free(l->row[p]);
	}
	vmf_lstm_free(&l->net);
	free(l->best);
}

static int
epoch(struct learner *l, struct vmf_err *e)
{
	double sum = 0.0, loss;
	int rc;

	for (int64_t k = 0; k < l->steps; k++) {
		if ((rc = step(l, e)) != 0)
			return rc;
		sum += mean_loss(l);
		tell(l, k + 1, sum / (double)(k + 1));
	}
	if ((rc = test(l, false, &loss, e)) != 0)
		return rc;
	l->at.bad++;
	if (loss < l->at.best) {
		l->at.best = loss;
		l->at.bad = 0;
		memcpy(l->best, l->net.avg, (size_t)l->net.n *
		    sizeof(float));
	} else {
		l->at.rate *= 0.5;
	}
	l->at.epoch++;
	l->at.done = l->at.bad >= PATIENCE || l->at.epoch >= l->epochs;
	return save(l, e);
}

static int
begin(struct learner *l, struct vmf_err *e)
{
	struct vmf_lstm_shape shape = { .hidden = l->g->hidden > 0 ?
	    (int32_t)l->g->hidden : VMF_LSTM_HIDDEN, .units = UNITS };
	int rc;

	vmf_lstm_row_shape(&shape);
	if ((rc = vmf_lstm_init(&l->net, &shape, (uint64_t)l->g->seed,
	    e)) != 0)
		return rc;
	vmf_lstm_row_begin(&l->net);
	if ((rc = make_room(l, e)) != 0)
		return rc;
	l->epochs = l->g->epochs > 0 ? l->g->epochs : VMF_LSTM_EPOCHS;
	l->steps = (l->n_learn < EPOCH_ROWS ? l->n_learn : EPOCH_ROWS) /
	    STEP_ROWS + 1;
	l->at = (struct state){ .magic = "vmf-lstm-state1", .rate = RATE,
	    .rows = hash_all(l) };
	if ((rc = test(l, true, &l->at.base, e)) != 0)
		return rc;
	l->at.best = l->at.base;
	memcpy(l->best, l->net.avg, (size_t)l->net.n * sizeof(float));
	return resume(l, e);
}

int
vmf_lstm_learn(struct vmf_lstm *net, const struct vmf_global *g,
    struct vmf_sample *s, double *gain, struct vmf_err *e)
{
	struct learner l = { .g = g, .s = s };
	int rc;

	*gain = 0.0;
	vmf_lstm_row_layout(&l.r);
	if ((rc = vmf_sample_split(s, TEST_SHARE, &l.n_learn, &l.n_test,
	    e)) != 0)
		return rc;
	if (l.n_learn < LEARN_MIN || l.n_test < TEST_MIN)
		return 0;
	if ((rc = begin(&l, e)) == 0) {
		clock_gettime(CLOCK_MONOTONIC, &l.began);
		l.began_epoch = l.at.epoch;
		while (rc == 0 && !l.at.done)
			rc = epoch(&l, e);
	}
	if (rc == 0 && l.at.base > 0.0) {
		*gain = 1.0 - l.at.best / l.at.base;
		memcpy(l.net.w, l.best, (size_t)l.net.n * sizeof(float));
		free(l.net.avg);
		free(l.net.m);
		free(l.net.v);
		l.net.avg = l.net.m = l.net.v = NULL;
		*net = l.net;
		l.net = (struct vmf_lstm){ 0 };
	}
	free_room(&l);
	return rc;
}
