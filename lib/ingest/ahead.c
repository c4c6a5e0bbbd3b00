/* SPDX-License-Identifier: MIT */
#include "ingest/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/thread.h"

struct chunk {
	uint8_t *p;		/* VMF_AHEAD_CHUNK */
	int64_t n, at;
};

struct vmf_ahead {
	struct vmf_ahead_opts opt;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	struct chunk *ring;
	struct chunk next;	/* being made */
	int64_t made, used;	/* chunks of the ring, of all */
	int64_t pos;		/* bytes used of chunk `used` */
	/* What the ring has no room for; it is after all that the ring holds,
	 * which takes nothing until this is read. */
	int fd;			/* -1: none */
	int64_t written, read;
	int64_t at;		/* of what was read last */
	int64_t file_at;	/* of the file's end */
	bool wanted;		/* somebody reads */
	bool ended;		/* nothing more is made */
	bool no_mem;		/* for the next chunk: that is why */
	bool stop;
};

static void
unlock(void *lock)
{
	pthread_mutex_unlock(lock);
}

/* Put what was made into the file; false where it has to wait for room in
 * the ring after all. */
static bool
to_file(struct vmf_ahead *a)
{
	const struct chunk *c = &a->next;

	if (a->written + c->n > a->opt.file_bytes)
		return false;
	if (a->fd < 0 && vmf_open_temp(a->opt.tmpdir, &a->fd, NULL) != 0) {
		a->opt.file_bytes = 0;
		return false;
	}
	if (vmf_pwrite_full(a->fd, c->p, c->n, a->written, "", NULL) == 0)
		return true;
	/* The disk is full: the rest takes its turn. */
	a->opt.file_bytes = 0;
	return false;
}

/* Hand over what was made; the lock is held.  False: stop. */
static bool
hand_over(struct vmf_ahead *a)
{
	struct chunk *slot, old;
	bool ok;

	while (!a->stop && (a->made - a->used == a->opt.n_chunks ||
	    a->written > a->read)) {
		if (a->wanted || a->opt.file_bytes == 0) {
			pthread_cond_wait(&a->moved, &a->lock);
			continue;
		}
		pthread_mutex_unlock(&a->lock);
		ok = to_file(a);
		pthread_mutex_lock(&a->lock);
		if (!ok)
			continue;
		a->written += a->next.n;
		a->file_at = a->next.at;
		pthread_cond_signal(&a->moved);
		return true;
	}
	if (a->stop)
		return false;
	slot = &a->ring[a->made % a->opt.n_chunks];
	old = *slot;
	*slot = a->next;
	a->next = old;
	a->made++;
	pthread_cond_signal(&a->moved);
	return true;
}

static void *
run(void *arg)
{
	struct vmf_ahead *a = arg;
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	for (;;) {
		if (a->next.p == NULL)
			a->next.p = vmf_calloc(VMF_AHEAD_CHUNK, 1, NULL);
		a->next.n = a->next.p == NULL ? 0 :
		    a->opt.make(a->opt.arg, a->next.p, &a->next.at);
		pthread_mutex_lock(&a->lock);
		a->no_mem = a->next.p == NULL;
		if (a->next.n == 0 || !hand_over(a))
			break;
		pthread_mutex_unlock(&a->lock);
	}
	a->ended = true;
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct vmf_ahead *
vmf_ahead_start(const struct vmf_ahead_opts *opts)
{
	struct vmf_ahead *a = vmf_calloc(1, sizeof(*a), NULL);
	sigset_t all, old;
	int rc;

	if (a == NULL || !vmf_can_cancel()) {
		free(a);
		return NULL;
	}
	a->opt = *opts;
	a->fd = -1;
	a->ring = vmf_calloc(opts->n_chunks, sizeof(*a->ring), NULL);
	a->next.p = vmf_calloc(VMF_AHEAD_CHUNK, 1, NULL);
	if (a->ring == NULL || a->next.p == NULL)
		goto fail;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->moved, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		return a;
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->moved);
fail:
	free(a->ring);
	free(a->next.p);
	free(a);
	return NULL;
}

/* Wait for something to read; what is there then only grows. */
static void
wait_made(struct vmf_ahead *a, int64_t *n_ring, int64_t *n_file)
{
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	pthread_mutex_lock(&a->lock);
	pthread_cleanup_push(unlock, &a->lock);
	a->wanted = true;
	while (a->made == a->used && a->written == a->read && !a->ended)
		pthread_cond_wait(&a->moved, &a->lock);
	*n_ring = a->made - a->used;
	*n_file = a->written - a->read;
	if (*n_ring == 0)
		a->at = a->file_at;
	pthread_cleanup_pop(1);
	pthread_setcancelstate(old, NULL);
}

int64_t
vmf_ahead_read(struct vmf_ahead *a, void *p, int64_t n, struct vmf_err *e)
{
	const struct chunk *c;
	int64_t n_ring, n_file;
	int rc = 0;

	wait_made(a, &n_ring, &n_file);
	if (n_ring > 0) {
		c = &a->ring[a->used % a->opt.n_chunks];
		if (n > c->n - a->pos)
			n = c->n - a->pos;
		memcpy(p, c->p + a->pos, (size_t)n);
		a->pos += n;
		a->at = c->at;
		if (a->pos < c->n)
			return n;
		a->pos = 0;
	} else if (n_file > 0) {
		if (n > n_file)
			n = n_file;
		rc = vmf_pread_full(a->fd, p, n, a->read, "a temporary file",
		    e);
		if (rc != 0)
			return rc;
	} else {
		/* Set before it ended. */
		return a->no_mem ? vmf_fail_nomem(e, VMF_AHEAD_CHUNK) : 0;
	}
	pthread_mutex_lock(&a->lock);
	if (n_ring > 0)
		a->used++;
	else
		a->read += n;
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
	return n;
}

int64_t
vmf_ahead_at(const struct vmf_ahead *a)
{
	return a->at;
}

void
vmf_ahead_free(struct vmf_ahead *a)
{
	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
	pthread_cancel(a->thread);
	pthread_join(a->thread, NULL);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->moved);
	for (int i = 0; i < a->opt.n_chunks; i++)
		free(a->ring[i].p);
	free(a->ring);
	free(a->next.p);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}
