/* SPDX-License-Identifier: MIT */
/*
 * The network on the CPU: its forward pass and gradient (lstm_net.h), that
 * neighbours in a chunk do not show, and what is saved of it.
 */
#include "forecast/device.h"
#include "learn/lstm_cell.h"
#include "lstm_net.h"

/* Whatever stands in a chunk beside it, and wherever it stands, a series
 * gives the same bytes. */
static void
test_neighbours(const struct vmf_lstm_shape *s)
{
	struct net t = { 0 }, u = { 0 };
	int64_t each = LEADS * LEVELS;
	struct vmf_err e;
	bool ok = true;

	make(&t, s, 0.15f);
	make(&u, s, 0.15f);
	compute(&t);
	for (int64_t c = 0; c < CHUNK; c++) {
		int64_t to = (c * 7 + 3) % CHUNK;

		for (int64_t k = 0; k < s->steps; k++)
			memcpy(u.c.x + (k * CHUNK + to) * s->in,
			    t.c.x + (k * CHUNK + c) * s->in,
			    (size_t)s->in * sizeof(float));
		memcpy(u.c.s + to * s->statics, t.c.s + c * s->statics,
		    (size_t)s->statics * sizeof(float));
		memcpy(u.c.z + to * LEADS * s->lead_in,
		    t.c.z + c * LEADS * s->lead_in,
		    (size_t)(LEADS * s->lead_in) * sizeof(float));
	}
	must(vmf_lstm_encode(u.work, u.w, &u.c, &e), &e);
	must(vmf_lstm_decode(u.work, u.w, &u.c, u.q, &e), &e);
	for (int64_t c = 0; c < CHUNK; c++)
		ok &= memcmp(t.q + c * each, u.q + (c * 7 + 3) % CHUNK * each,
		    (size_t)each * sizeof(float)) == 0;
	check(ok, "a series' place in the chunk shows");
	drop(&t);
	drop(&u);
}

/* A network that is saved and loaded goes on as if nothing had been. */
static void
test_saved(const struct vmf_lstm_shape *s)
{
	struct vmf_lstm a = { 0 }, b = { 0 }, c = { 0 };
	struct vmf_buf buf = { 0 };
	struct net t = { 0 };
	struct vmf_err e;
	double first = 0.0;

	make(&t, s, 0.15f);
	must(vmf_lstm_init(&a, s, 5, &e), &e);
	for (int k = 0; k < 30; k++) {
		memcpy(t.w, a.w, (size_t)t.n * sizeof(float));
		compute(&t);
		if (k == 0)
			first = t.loss;
		must(vmf_lstm_step(&a, t.grad, 1e-2, 10.0, &e), &e);
		if (k != 15)
			continue;
		must(vmf_lstm_save(&a, true, &buf, &e), &e);
	}
	check(t.loss < 0.9 * first, "30 steps of Adam, and nothing learned");
	must(vmf_lstm_load(&b, buf.p, buf.n, true, &e), &e);
	for (int k = 16; k < 30; k++) {
		memcpy(t.w, b.w, (size_t)t.n * sizeof(float));
		compute(&t);
		must(vmf_lstm_step(&b, t.grad, 1e-2, 10.0, &e), &e);
	}
	check(a.steps == b.steps && memcmp(a.w, b.w, (size_t)a.n * 4) == 0 &&
	    memcmp(a.avg, b.avg, (size_t)a.n * 4) == 0 &&
	    memcmp(a.v, b.v, (size_t)a.n * 4) == 0,
	    "going on from what was saved gives other weights");
	check(vmf_lstm_load(&c, buf.p, buf.n, false, &e) == VMF_EDATA,
	    "what was saved to go on from is taken for a model");
	vmf_lstm_free(&c);
	check(vmf_lstm_load(&c, buf.p, buf.n - 1, true, &e) == VMF_EDATA,
	    "a byte less is taken");
	vmf_lstm_free(&c);
	buf.n = 0;
	must(vmf_lstm_save(&a, false, &buf, &e), &e);
	must(vmf_lstm_load(&c, buf.p, buf.n, false, &e), &e);
	check(memcmp(c.w, a.avg, (size_t)a.n * 4) == 0,
	    "what forecasts is not the average");
	vmf_lstm_free(&c);
	/* Long learned, the average keeps 99 % of itself in each step. */
	a.steps = 5000;
	memcpy(t.w, a.avg, (size_t)a.n * sizeof(float));
	must(vmf_lstm_step(&a, t.grad, 1e-2, 10.0, &e), &e);
	for (int64_t i = 0; i < a.n; i++)
		check(fabs((double)a.avg[i] - (0.99 * (double)t.w[i] +
		    0.01 * (double)a.w[i])) <= 1e-6,
		    "the average keeps another part of itself");
	buf.p[buf.n - 3] ^= 1;
	check(vmf_lstm_load(&c, buf.p, buf.n, false, &e) == VMF_EDATA,
	    "a bit is another, and it is taken");
	vmf_lstm_free(&c);
	buf.n = 0;
	a.avg[7] = NAN;
	must(vmf_lstm_save(&a, false, &buf, &e), &e);
	check(vmf_lstm_load(&c, buf.p, buf.n, false, &e) == VMF_EDATA,
	    "a weight that is not a number is taken");
	vmf_lstm_free(&c);
	t.grad[1] = NAN;
	check(vmf_lstm_step(&a, t.grad, 1e-2, 10.0, &e) == VMF_EDATA,
	    "a gradient that is not a number is taken");
	vmf_lstm_free(&a);
	vmf_lstm_free(&b);
	vmf_buf_free(&buf);
	drop(&t);
}

int
main(void)
{
	const struct vmf_lstm_shape used = { .steps = 20, .in = 8,
	    .hidden = 64, .statics = 16, .lead_in = 20, .units = 64 };
	const struct vmf_lstm_shape odd = { .steps = 7, .in = 5, .hidden = 37,
	    .statics = 3, .lead_in = 9, .units = 21 };
	struct vmf_err e = { "" };
	char gpu[512];

	if (!vmf_lstm_have()) {
		printf("built without oneDNN\n");
		return 77;
	}
	test_reference();
	test_differences(&used);
	test_differences(&odd);
	test_neighbours(&used);
	test_neighbours(&odd);
	test_saved(&odd);
	/* And on a GPU, where there is one: with no cuDNN beside it that is
	 * no success, unless the build is without. */
	if (vmf_lstm_device_open(&net_device, &e) == 0) {
		test_reference();
		test_differences(&used);
		test_differences(&odd);
		test_neighbours(&used);
		test_neighbours(&odd);
	} else if (vmf_device_find(gpu, sizeof(gpu), NULL)) {
		printf("%s: %s\n", gpu, e.msg);
		failures += strstr(e.msg, "build is without") == NULL;
	}
	vmf_lstm_device_free(net_device);
	return failures > 0;
}
