/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE		/* sched_getaffinity */
#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif

#include "base/mem.h"

#define STACK_BYTES (1 << 20)

struct vmf_pool {
	struct vmf_pool_ops ops;
	void **slot;
	bool *done;		/* by slot */
	int n_slots;
	pthread_t *thread;
	int n_threads;
	pthread_mutex_t lock;
	pthread_cond_t may_take;	/* for helpers */
	pthread_cond_t progress;	/* for the one who asks */
	int64_t taken, given;	/* jobs; slots [given, taken) are full */
	bool holds;		/* slot of job given - 1 is the caller's */
	bool taking;		/* a thread is in take */
	bool held;		/* by vmf_pool_hold */
	bool dry;		/* take had nothing */
	bool stop;
};

int
vmf_cores(void)
{
	cpu_set_t set;
	int n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n < 1 ? 1 : n;
}

bool
vmf_can_cancel(void)
{
#ifdef __GLIBC__
	/* What it opens is what a cancelled thread is unwound with. */
	void *p;

	return backtrace(&p, 1) > 0;
#else
	return true;
#endif
}

int
vmf_pool_new(struct vmf_pool **out, const struct vmf_pool_ops *ops,
    void *const *slot, int n_slots, struct vmf_err *e)
{
	struct vmf_pool *l = vmf_calloc(1, sizeof(*l), e);

	*out = NULL;
	if (l == NULL)
		return VMF_ENOMEM;
	l->ops = *ops;
	l->n_slots = n_slots;
	l->slot = vmf_calloc(n_slots, sizeof(*l->slot), e);
	l->done = vmf_calloc(n_slots, sizeof(*l->done), e);
	if (l->slot == NULL || l->done == NULL) {
		free(l->slot);
		free(l->done);
		free(l);
		return VMF_ENOMEM;
	}
	for (int i = 0; i < n_slots; i++)
		l->slot[i] = slot[i];
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->may_take, NULL);
	pthread_cond_init(&l->progress, NULL);
	*out = l;
	return 0;
}

static bool
can_take(const struct vmf_pool *l)
{
	return !l->taking && !l->held && !l->dry &&
	    l->taken - l->given + l->holds < l->n_slots;
}

/* Take a job and do it; the lock is held before and after. */
static void
one_job(struct vmf_pool *l)
{
	int64_t at = l->taken % l->n_slots;
	void *slot = l->slot[at];
	int got;

	l->taking = true;
	pthread_mutex_unlock(&l->lock);
	got = l->ops.take(l->ops.arg, slot);
	pthread_mutex_lock(&l->lock);
	l->taking = false;
	if (got == 0)
		l->dry = true;
	else
		l->taken++;
	/* Who asks for results may take as well. */
	pthread_cond_signal(&l->progress);
	if (!l->held && !l->dry)
		pthread_cond_signal(&l->may_take);
	if (got == 0)
		return;
	l->done[at] = false;
	pthread_mutex_unlock(&l->lock);
	l->ops.work(l->ops.arg, slot);
	pthread_mutex_lock(&l->lock);
	l->done[at] = true;
	if (l->given % l->n_slots == at)
		pthread_cond_signal(&l->progress);
}

static void *
helper(void *arg)
{
	struct vmf_pool *l = arg;
	int old;

	/* What may be left in the middle enables it there. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		if (can_take(l))
			one_job(l);
		else
			pthread_cond_wait(&l->may_take, &l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

void
vmf_pool_start(struct vmf_pool *l, int n_threads)
{
	sigset_t all, old;
	pthread_attr_t attr;

	if (n_threads <= 0 || l->thread != NULL || !vmf_can_cancel())
		return;
	l->thread = vmf_calloc(n_threads, sizeof(*l->thread), NULL);
	if (l->thread == NULL)
		return;
	pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	/* Signals are for the thread that began. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (l->n_threads < n_threads && pthread_create(
	    &l->thread[l->n_threads], &attr, helper, l) == 0)
		l->n_threads++;
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void *
vmf_pool_next(struct vmf_pool *l)
{
	void *slot = NULL;

	pthread_mutex_lock(&l->lock);
	if (l->holds && l->n_threads > 0)
		pthread_cond_signal(&l->may_take);
	l->holds = false;
	for (;;) {
		if (l->given < l->taken && l->done[l->given % l->n_slots]) {
			slot = l->slot[l->given++ % l->n_slots];
			l->holds = true;
			break;
		}
		if (can_take(l))
			one_job(l);
		else if (l->given == l->taken && l->dry && !l->taking)
			break;
		else
			pthread_cond_wait(&l->progress, &l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return slot;
}

void
vmf_pool_hold(struct vmf_pool *l)
{
	pthread_mutex_lock(&l->lock);
	l->held = true;
	while (l->taking)
		pthread_cond_wait(&l->progress, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

void
vmf_pool_resume(struct vmf_pool *l)
{
	pthread_mutex_lock(&l->lock);
	l->held = l->dry = false;
	pthread_cond_broadcast(&l->may_take);
	pthread_mutex_unlock(&l->lock);
}

void
vmf_pool_free(struct vmf_pool *l)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_broadcast(&l->may_take);
	pthread_mutex_unlock(&l->lock);
	for (int i = 0; i < l->n_threads; i++)
		pthread_cancel(l->thread[i]);
	for (int i = 0; i < l->n_threads; i++)
		pthread_join(l->thread[i], NULL);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->may_take);
	pthread_cond_destroy(&l->progress);
	free(l->thread);
	free(l->slot);
	free(l->done);
	free(l);
}

/* ---- jobs that are numbered ---- */

struct each {
	int64_t next, n;
	int (*job)(void *arg, int64_t i, struct vmf_err *e);
	void *arg;
};

struct each_job {
	int64_t i;
	int rc;
	struct vmf_err e;
};

static int
each_take(void *arg, void *slot)
{
	struct each *r = arg;
	struct each_job *j = slot;

	if (r->next == r->n)
		return 0;
	j->i = r->next++;
	return 1;
}

static void
each_work(void *arg, void *slot)
{
	const struct each *r = arg;
	struct each_job *j = slot;

	j->rc = r->job(r->arg, j->i, &j->e);
}

int
vmf_each(int64_t n, int threads, int (*job)(void *arg, int64_t i,
    struct vmf_err *e), void *arg, struct vmf_err *e)
{
	struct each r = { .n = n, .job = job, .arg = arg };
	struct vmf_pool_ops ops = { each_take, each_work, &r };
	struct vmf_pool *l = NULL;
	struct each_job *slot = NULL, *done;
	void **at = NULL;
	int n_slots, rc = 0;

	if (threads < 1)
		threads = 1;
	if (threads > n)
		threads = n > 0 ? (int)n : 1;
	n_slots = threads == 1 ? 1 : threads + 2;
	slot = vmf_calloc(n_slots, (int64_t)sizeof(*slot), e);
	at = vmf_calloc(n_slots, (int64_t)sizeof(*at), e);
	if (slot == NULL || at == NULL) {
		rc = VMF_ENOMEM;
		goto done;
	}
	for (int i = 0; i < n_slots; i++)
		at[i] = &slot[i];
	if ((rc = vmf_pool_new(&l, &ops, at, n_slots, e)) != 0)
		goto done;
	if (threads > 1)
		vmf_pool_start(l, threads - 1);
	while ((done = vmf_pool_next(l)) != NULL)
		if (done->rc != 0) {
			rc = done->rc;
			if (e != NULL)
				*e = done->e;
			break;
		}
done:
	vmf_pool_free(l);
	free(slot);
	free(at);
	return rc;
}
