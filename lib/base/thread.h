/* SPDX-License-Identifier: MIT */
/*
 * A pool of threads: jobs are taken in order, worked on side by side, and
 * handed out in the order they were taken, so that the result does not depend
 * on how many threads there are or on their timing.
 *
 * Jobs live in slots, which are the caller's and go round: while all are
 * full, nothing is taken.  The thread that asks for results works too; with
 * no threads started it does everything.
 */
#ifndef VMF_THREAD_H
#define VMF_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Cores that this process may run on, at least 1. */
int vmf_cores(void);

/* Whether a thread may be cancelled, at any later time: glibc opens libgcc_s
 * for the first, and aborts where there is no memory or descriptor for it.
 * Here that is done now.  False: start no thread that has to be. */
bool vmf_can_cancel(void);

struct vmf_pool;

struct vmf_pool_ops {
	/* Fill the slot with the next job; 0: there is none for now.  One
	 * thread at a time is in here. */
	int (*take)(void *arg, void *slot);
	/* Do the job; many threads at a time, each with its own slot. */
	void (*work)(void *arg, void *slot);
	void *arg;
};

int vmf_pool_new(struct vmf_pool **l, const struct vmf_pool_ops *ops,
    void *const *slot, int n_slots, struct vmf_err *e) VMF_CHECK;

/* Start helpers, once; where the system has no more threads it is fewer. */
void vmf_pool_start(struct vmf_pool *l, int n_threads);

/* The next job, done; valid until the next call.  NULL when take had none
 * and all before were handed out. */
void *vmf_pool_next(struct vmf_pool *l);

/* Between these take is not running, and what it looks at may be changed;
 * after the second it is asked again. */
void vmf_pool_hold(struct vmf_pool *l);
void vmf_pool_resume(struct vmf_pool *l);

/* Cancels the helpers where they allow it, which at first they do not, and
 * waits for them; jobs that are left are dropped. */
void vmf_pool_free(struct vmf_pool *l);

/*
 * Do jobs 0 to n - 1, on so many threads at most.  Returns the first code
 * that is not 0, in the order of the jobs, with its message; the others may
 * be done or not.
 */
int vmf_each(int64_t n, int threads, int (*job)(void *arg, int64_t i,
    struct vmf_err *e), void *arg, struct vmf_err *e) VMF_CHECK;

#endif
