/* SPDX-License-Identifier: MIT */
#include "arrow/behind.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct vmf_behind {
	int (*put)(void *arg, struct vmf_batch *b, struct vmf_err *e);
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	struct vmf_batch batch;	/* the thread's while it is full */
	bool full, stop;
	int rc;			/* of the first that could not be written */
	struct vmf_err err;
};

static void *
run(void *arg)
{
	struct vmf_behind *h = arg;
	struct vmf_batch view;
	struct vmf_err err = { "" };
	int rc;

	pthread_mutex_lock(&h->lock);
	for (;;) {
		while (!h->full && !h->stop)
			pthread_cond_wait(&h->moved, &h->lock);
		if (!h->full)
			break;
		pthread_mutex_unlock(&h->lock);
		view = h->batch;
		view.owned = false;
		rc = h->put(h->arg, &view, &err);
		pthread_mutex_lock(&h->lock);
		h->rc = rc;
		h->err = err;
		h->full = false;
		pthread_cond_signal(&h->moved);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

struct vmf_behind *
vmf_behind_start(const struct vmf_schema *s,
    int (*put)(void *arg, struct vmf_batch *b, struct vmf_err *e), void *arg)
{
	struct vmf_behind *h = vmf_calloc(1, sizeof(*h), NULL);
	sigset_t most, old;
	int rc;

	if (h == NULL)
		return NULL;
	h->put = put;
	h->arg = arg;
	if (vmf_batch_init(&h->batch, s, NULL) != 0)
		goto fail;
	/* Of nothing yet, whatever the first batch has. */
	for (int i = 0; i < s->n; i++)
		if (h->batch.col[i].is_dict)
			h->batch.col[i].dict->gen = 0;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->moved, NULL);
	/* Who writes into a closed pipe is to be told so. */
	sigfillset(&most);
	sigdelset(&most, SIGPIPE);
	pthread_sigmask(SIG_SETMASK, &most, &old);
	rc = pthread_create(&h->thread, NULL, run, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		return h;
	pthread_mutex_destroy(&h->lock);
	pthread_cond_destroy(&h->moved);
fail:
	vmf_batch_free(&h->batch);
	free(h);
	return NULL;
}

int
vmf_behind_wait(struct vmf_behind *h, struct vmf_err *e)
{
	int rc;

	pthread_mutex_lock(&h->lock);
	while (h->full)
		pthread_cond_wait(&h->moved, &h->lock);
	rc = h->rc;
	if (rc != 0 && e != NULL)
		*e = h->err;
	pthread_mutex_unlock(&h->lock);
	return rc;
}

/* What is new in a dictionary that is built. */
static int
copy_dict(struct vmf_dict *to, const struct vmf_dict *from, struct vmf_err *e)
{
	int64_t have = to->gen == from->gen ? to->n : 0, at, end;
	int rc;

	assert(from->valid == NULL);
	to->gen = from->gen;
	to->n = have;
	if (have == from->n)
		return 0;
	at = have > 0 ? from->off[have] : 0;
	end = from->off[from->n];
	rc = vmf_grow(&to->off, &to->off_cap, from->n + 1, e);
	if (rc == 0)
		rc = vmf_grow(&to->bytes, &to->bytes_cap, end, e);
	if (rc != 0)
		return rc;
	memcpy(to->off + have, from->off + have,
	    (size_t)(from->n - have + 1) * sizeof(*to->off));
	if (end > at)
		memcpy(to->bytes + at, from->bytes + at, (size_t)(end - at));
	to->n = from->n;
	return 0;
}

int
vmf_behind_put(struct vmf_behind *h, struct vmf_batch *b, struct vmf_err *e)
{
	int rc = 0;

	assert(b->owned && b->n_cols == h->batch.n_cols);
	for (int i = 0; rc == 0 && i < b->n_cols; i++)
		if (b->col[i].is_dict)
			rc = copy_dict(h->batch.col[i].dict, b->col[i].dict,
			    e);
	if (rc != 0)
		return rc;
	for (int i = 0; i < b->n_cols; i++) {
		struct vmf_col *to = &h->batch.col[i], *from = &b->col[i];
		struct vmf_dict *dict = to->dict;
		struct vmf_col old = *to;

		*to = *from;
		to->dict = dict;
		old.dict = from->dict;
		old.n = 0;
		*from = old;
	}
	h->batch.n = b->n;
	b->n = 0;
	pthread_mutex_lock(&h->lock);
	h->full = true;
	pthread_cond_signal(&h->moved);
	pthread_mutex_unlock(&h->lock);
	return 0;
}

void
vmf_behind_free(struct vmf_behind *h)
{
	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->moved);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_mutex_destroy(&h->lock);
	pthread_cond_destroy(&h->moved);
	vmf_batch_free(&h->batch);
	free(h);
}
