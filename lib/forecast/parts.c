/* SPDX-License-Identifier: MIT */
#include "forecast/parts.h"

#include <string.h>

#include "forecast/global.h"
#include "forecast/kq_shares.h"
#include "kernel/lanes_block.h"

_Static_assert((int)VMF_PARTS == (int)VMF_N_MEMBERS + 2 +
    (int)VMF_KQ_FAMILIES, "members, kq, its families, and the gate");
#define KQ VMF_N_MEMBERS
#define ALL_FAMILIES ((1u << VMF_KQ_FAMILIES) - 1)
#define GATE (VMF_PARTS - 1)
#define PART_NAMES "snaive, theta, ets, arima, kq, kq-day, kq-week, " \
    "kq-state, kq-age, kq-same, kq-moved, kq-season, kq-last, gate"

const char *
vmf_part_name(int i)
{
	static const char *const members[] = {
		[VMF_M_SNAIVE] = "snaive", [VMF_M_THETA] = "theta",
		[VMF_M_ETS] = "ets", [VMF_M_ARIMA] = "arima", [KQ] = "kq",
	};

	return i <= KQ ? members[i] : i == GATE ? "gate" :
	    vmf_kq_families[i - KQ - 1];
}

/* Is it made of parts? */
static bool
has_parts(const struct vmf_algo *a)
{
	return a->kernels && (a->global == NULL ||
	    a->global->predict == NULL);
}

/* Take part i out of a; false: it has none such. */
static bool
leave(struct vmf_algo *a, int i)
{
	if ((!a->kernels && i >= KQ) || (i == GATE && a->global == NULL))
		return false;
	if (i < KQ && !(a->members & 1u << i))
		return false;
	if (i > KQ && i < GATE && (a->without & 1u << (i - KQ - 1)) != 0)
		return false;
	if (i < KQ)
		a->members &= ~(1u << i);
	else if (i == GATE)
		a->global = NULL;
	else if (i == KQ)
		a->kernels = false;
	else
		a->without |= 1u << (i - KQ - 1);
	return true;
}

static int
find(const char *word)
{
	int i = 0;

	while (i < VMF_PARTS && strcmp(vmf_part_name(i), word) != 0)
		i++;
	return i;
}

int
vmf_parts_leave(const struct vmf_algo **algo, int n, struct vmf_algo *room,
    const char *words, const char *what, int code, struct vmf_err *e)
{
	struct vmf_words w = { 0 };
	int rc = vmf_words_parse(&w, words, what, code, e);

	for (int i = 0; i < n; i++)
		if (rc == 0 && algo[i] != NULL && has_parts(algo[i])) {
			room[i] = *algo[i];
			algo[i] = &room[i];
		}
	/* kq last: what is within it can be named beside it. */
	for (int k = 0; rc == 0 && k < 2 * w.n; k++) {
		int part = find(w.v[k % w.n]);
		bool any = false;

		if ((part == KQ) != (k >= w.n))
			continue;
		if (part == VMF_PARTS)
			rc = vmf_fail(e, code, "%s: '%.64s' is not known, "
			    "expected one of: %s", what, w.v[k % w.n],
			    PART_NAMES);
		for (int i = 0; rc == 0 && i < n; i++)
			if (algo[i] == &room[i])
				any |= leave(&room[i], part);
		if (rc == 0 && !any)
			rc = vmf_fail(e, code, "%s: there is no %s in what is "
			    "asked for, or it is out already", what,
			    w.v[k % w.n]);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		const struct vmf_algo *was;

		/* It is within kq. */
		if (algo[i] == &room[i] && !room[i].kernels)
			room[i].global = NULL;

		if (algo[i] != &room[i])
			continue;
		was = vmf_algo_find(room[i].name,
		    (int64_t)strlen(room[i].name));
		if (room[i].kernels && room[i].without == ALL_FAMILIES)
			rc = vmf_fail(e, code, "%s: all families of kq; leave "
			    "out kq itself", what);
		else if (room[i].members == 0 && was->members != 0)
			rc = vmf_fail(e, code, "%s: nothing of %s would be "
			    "left beside kq; --model kq is that", what,
			    room[i].name);
		else if (room[i].members == 0 && !room[i].kernels)
			rc = vmf_fail(e, code, "%s: nothing of %s would be "
			    "left", what, room[i].name);
	}
	vmf_words_free(&w);
	return rc;
}
