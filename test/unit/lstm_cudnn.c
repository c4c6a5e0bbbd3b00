/* SPDX-License-Identifier: MIT */
/*
 * The network whose steps are read by cuDNN, which a stand-in takes the place
 * of (cudnn_stand_in.h): gpu/lstm_cudnn.c is compiled into this program.  It
 * says that layouts, sizes, order and failures are right; not how cuDNN itself
 * does.
 */
#ifndef VMF_CUDNN

#include <stdio.h>

int
main(void)
{
	printf("no headers of CUDA and cuDNN 9 here (CUDA_HOME)\n");
	return 77;
}

#else

#include <dlfcn.h>

#include "cudnn_stand_in.h"
#include "lstm_net.h"

/* ---- the library ---- */

static bool no_library;
static const char *no_symbol = "";

static void *
stand_in_dlopen(const char *name, int flags)
{
	static int library;

	(void)flags;
	if (no_library || strcmp(name, "libcudnn.so.9") != 0)
		return NULL;
	stand_in_live++;
	return &library;
}

static char *
stand_in_dlerror(void)
{
	static char text[] = "no such file";

	return text;
}

static int
stand_in_dlclose(void *p)
{
	(void)p;
	stand_in_live--;
	return 0;
}

static void *stand_in_dlsym(void *p, const char *name);

#define dlopen stand_in_dlopen
#define dlerror stand_in_dlerror
#define dlclose stand_in_dlclose
#define dlsym stand_in_dlsym
#include "../../gpu/lstm_cudnn.c"
#undef N

static void *
stand_in_dlsym(void *p, const char *name)
{
	static const struct {
		const char *name;
		void *at;
	} all[] = {
#define ADDRESS(x) { #x, (void *)(uintptr_t)x },
		CALLS(ADDRESS)
	};

	(void)p;
	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		if (strcmp(all[k].name, name) == 0 &&
		    strcmp(no_symbol, name) != 0)
			return all[k].at;
	return NULL;
}

/* ---- the device beside it ---- */

#include "forecast/panel.h"

static bool no_device;

bool
vmf_device_find(char *text, size_t size, int *ratio)
{
	snprintf(text, size, no_device ? "nothing here" : "a test");
	if (ratio != NULL)
		*ratio = 2;
	return !no_device;
}

int
vmf_device_open(struct vmf_device **d, int n_streams, struct vmf_err *e)
{
	(void)n_streams;
	*d = NULL;
	return vmf_fail(e, VMF_EDEV, "no lanes on a test");
}

void
vmf_device_free(struct vmf_device *d)
{
	(void)d;
}

/* ---- beside oneDNN ---- */

static double
apart(const float *a, const float *b, int64_t n)
{
	double worst = 0.0, largest = 0.0;

	for (int64_t i = 0; i < n; i++) {
		double d = fabs((double)a[i] - (double)b[i]);

		/* NaN is far from everything. */
		worst = d <= worst ? worst : d >= 0.0 ? d : INFINITY;
		largest = fmax(largest, fabs((double)a[i]));
	}
	return worst > 0.0 ? worst / largest : 0.0;
}

/* Quantiles, and each part of the gradient, twice over with other weights in
 * between, and by a work that only forecasts. */
static void
test_beside(const struct vmf_lstm_shape *s)
{
	struct vmf_lstm_device *d = net_device;
	struct net cpu = { 0 }, gpu = { 0 };
	struct vmf_lstm_work *only = NULL;
	struct vmf_err e;

	net_device = NULL;
	make(&cpu, s, 0.3f);
	net_device = d;
	make(&gpu, s, 0.3f);
	for (int lap = 0; lap < 3; lap++) {
		compute(&cpu);
		compute(&gpu);
		check(apart(cpu.q, gpu.q, CHUNK * LEADS * LEVELS) <= 1e-5,
		    "quantiles are not oneDNN's");
		check(fabs(cpu.loss - gpu.loss) <= 1e-5 * cpu.loss,
		    "the loss is not oneDNN's");
		for (int k = 0; k < VMF_LSTM_PARTS; k++) {
			double by = apart(cpu.grad + cpu.at[k], gpu.grad +
			    gpu.at[k], cpu.at[k + 1] - cpu.at[k]);

			if (by <= 1e-5)
				continue;
			printf("part %d of the gradient is %g from oneDNN's\n",
			    k, by);
			failures++;
		}
		for (int64_t i = 0; i < cpu.n; i++)
			cpu.w[i] = gpu.w[i] = 0.9f * cpu.w[i] + 0.01f;
	}
	compute(&gpu);
	must(vmf_lstm_open(&only, s, false, d, &e), &e);
	must(vmf_lstm_encode(only, gpu.w, &gpu.c, &e), &e);
	must(vmf_lstm_decode(only, gpu.w, &gpu.c, cpu.q, &e), &e);
	check(memcmp(cpu.q, gpu.q, CHUNK * LEADS * LEVELS *
	    sizeof(float)) == 0, "who only forecasts says something else");
	vmf_lstm_close(only);
	drop(&cpu);
	drop(&gpu);
}

/* Two at once keep what is theirs. */
static void
test_two(const struct vmf_lstm_shape *s)
{
	struct net a = { 0 }, b = { 0 };
	struct vmf_err e;
	float *alone;

	make(&a, s, 0.3f);
	make(&b, s, 0.2f);
	compute(&a);
	alone = calloc((size_t)a.n, sizeof(*alone));
	memcpy(alone, a.grad, (size_t)a.n * sizeof(*alone));
	must(vmf_lstm_encode(a.work, a.w, &a.c, &e), &e);
	must(vmf_lstm_encode(b.work, b.w, &b.c, &e), &e);
	must(vmf_lstm_grad(b.work, b.w, &b.c, b.grad, &b.loss, &b.weight,
	    &e), &e);
	must(vmf_lstm_grad(a.work, a.w, &a.c, a.grad, &a.loss, &a.weight,
	    &e), &e);
	check(memcmp(alone, a.grad, (size_t)a.n * sizeof(*alone)) == 0,
	    "another work shows in a gradient");
	free(alone);
	drop(&a);
	drop(&b);
}

/* ---- what fails ---- */

static int
once(const struct net *t, bool train, float *grad, struct vmf_err *e)
{
	struct vmf_lstm_device *d = NULL;
	struct vmf_lstm_work *w = NULL;
	double loss = 0.0, weight = 0.0;
	int rc;

	if ((rc = vmf_lstm_device_open(&d, e)) == 0 &&
	    (rc = vmf_lstm_open(&w, &t->s, train, d, e)) == 0 &&
	    (rc = vmf_lstm_encode(w, t->w, &t->c, e)) == 0)
		rc = train ? vmf_lstm_grad(w, t->w, &t->c, grad, &loss,
		    &weight, e) : vmf_lstm_decode(w, t->w, &t->c, t->q, e);
	vmf_lstm_close(w);
	vmf_lstm_device_free(d);
	return rc;
}

/* Each call in turn: it is named, and nothing is kept. */
static void
test_failures(struct net *t)
{
	int live = stand_in_live;

	for (int train = 0; train < 2; train++) {
		int all = 0, untold = 0;

		do {
			struct vmf_err e = { "" };
			int rc;

			stand_in_calls = 0;
			stand_in_fail_at = ++all;
			stand_in_failed = NULL;
			stand_in_wrong[0] = '\0';
			stand_in_remembers = false;
			rc = once(t, train, t->grad, &e);
			check(stand_in_live == live, "something is kept");
			if (stand_in_failed == NULL)
				break;
			if (rc == 0) {
				untold++;
				check(strcmp(stand_in_failed,
				    "cudaStreamSynchronize") == 0,
				    "a failure is not told");
				continue;
			}
			check(rc == VMF_EDEV &&
			    strstr(e.msg, stand_in_failed) == e.msg &&
			    strstr(e.msg, "a test") != NULL &&
			    strstr(e.msg, "the test says so") != NULL, e.msg);
			check(!stand_in_remembers, "who launches next is "
			    "told of a failure that was told");
		} while (true);
		check(all > (train ? 90 : 84), "fewer calls than there are");
		/* Where two wait to close: the first tries. */
		check(untold == 2, "other failures than those of closing "
		    "are not told");
	}
	stand_in_fail_at = 0;
}

/* One more work of t, through to its quantiles; the calls that it took to
 * open it. */
static int
open_again(struct vmf_lstm_device *d, struct net *t, bool train, int code,
    struct vmf_lstm_work **w)
{
	struct vmf_err e = { "" };
	int before = stand_in_calls, calls;

	must(vmf_lstm_open(w, &t->s, train, d, &e), &e);
	calls = stand_in_calls - before;
	if (code != 0)
		stand_in_fail_at = stand_in_calls + 3;
	check(vmf_lstm_encode(*w, t->w, &t->c, &e) == code, e.msg);
	stand_in_fail_at = 0;
	if (code == 0)
		must(vmf_lstm_decode(*w, t->w, &t->c, t->q, &e), &e);
	return calls;
}

/* What is closed serves the next of its kind, and nobody else, and only if
 * nothing failed in it; what it says is what a new one says. */
static void
test_idle(struct net *t)
{
	size_t bytes = CHUNK * LEADS * LEVELS * sizeof(float);
	struct vmf_lstm_work *a = NULL, *b = NULL;
	struct vmf_lstm_device *d = NULL;
	struct vmf_err e = { "" };
	int live = stand_in_live, open;
	float *first = malloc(bytes);

	must(vmf_lstm_device_open(&d, &e), &e);
	check(open_again(d, t, false, 0, &a) > 0, "opened by nothing");
	memcpy(first, t->q, bytes);
	vmf_lstm_close(a);
	open = stand_in_live;
	check(open_again(d, t, true, 0, &a) > 0, "one that only forecasts "
	    "is to learn");
	check(open_again(d, t, false, 0, &b) == 0, "an idle one is opened "
	    "again");
	check(memcmp(first, t->q, bytes) == 0, "an idle one says something "
	    "else");
	vmf_lstm_close(a);
	a = NULL;
	check(open_again(d, t, false, 0, &a) > 0, "one serves two");
	vmf_lstm_close(a);
	vmf_lstm_close(b);
	check(stand_in_live > open, "nothing is kept for the next");
	for (int k = 0; k < 2; k++) {
		check(open_again(d, t, false, VMF_EDEV, &a) == 0,
		    "there were two");
		vmf_lstm_close(a);
	}
	check(open_again(d, t, false, 0, &a) > 0, "one that failed is kept");
	check(memcmp(first, t->q, bytes) == 0, "a new one says something "
	    "else");
	vmf_lstm_close(a);
	vmf_lstm_device_free(d);
	check(stand_in_live == live, "an idle one outlives its device");
	free(first);
}

static void
test_library(const struct net *t)
{
	struct vmf_err e = { "" };
	int live = stand_in_live;

	no_library = true;
	check(once(t, true, t->grad, &e) == VMF_EDEV && strstr(e.msg,
	    "needs cuDNN 9, which cannot be loaded: no such file") != NULL,
	    e.msg);
	no_library = false;
	for (size_t k = 0; k < sizeof(named) / sizeof(named[0]); k++) {
		no_symbol = named[k].name;
		check(once(t, true, t->grad, &e) == VMF_EDEV &&
		    strstr(e.msg, "libcudnn.so.9 has no cudnn") == e.msg &&
		    strstr(e.msg, no_symbol) != NULL, e.msg);
	}
	no_symbol = "";
	no_device = true;
	check(once(t, true, t->grad, &e) == VMF_EDEV &&
	    strcmp(e.msg, "no device: nothing here") == 0, e.msg);
	no_device = false;
	stand_in_odd_bias = true;
	check(once(t, true, t->grad, &e) == VMF_EDEV &&
	    strstr(e.msg, "cuDNN 9.1.2, a test has weights of 1 x 1 x 2") ==
	    e.msg, e.msg);
	stand_in_odd_bias = false;
	stand_in_far_matrix = true;
	check(once(t, true, t->grad, &e) == VMF_EDEV &&
	    strstr(e.msg, "weights outside of their") != NULL, e.msg);
	stand_in_far_matrix = false;
	check(once(t, true, t->grad, &e) == 0, e.msg);
	check(stand_in_live == live, "something is kept");
}

/* ---- VMF_DEVICE ---- */

static void
words(const char *word, unsigned on, int code, bool opens, const char *says)
{
	struct vmf_panel how = { .threads = 2 };
	struct vmf_err e = { "" };
	char note[512];
	int live = stand_in_live;
	int rc = vmf_panel_device(&how, word, on, note, sizeof(note), &e);

	check(rc == code, rc != 0 ? e.msg : "a word was taken");
	check(rc != 0 || (how.lstm != NULL) == opens, "opens");
	check(strcmp(rc != 0 ? e.msg : note, says) == 0,
	    rc != 0 ? e.msg : note);
	vmf_panel_device_free(&how);
	check(how.lstm == NULL && stand_in_live == live, "it is kept");
}

#define WITHOUT "lstm on a GPU needs cuDNN 9, which cannot be loaded: no " \
	"such file; install it, or name its folder in LD_LIBRARY_PATH"
#define NO_START "cudnnCreate on device 0 (cuDNN 9.1.2, a test): the test " \
	"says so"
#define INSTEAD ": the CPU is taken (VMF_DEVICE=gpu insists)"

static void
test_words(void)
{
	words(NULL, VMF_ON_LSTM, 0, false, "");
	words("cpu", VMF_ON_LSTM, 0, false, "");
	words("gpu", VMF_ON_LSTM, 0, true, "");
	words("auto", VMF_ON_LSTM, 0, true, "");
	words("gpu", 0, 0, false, "");
	no_library = true;
	words("cpu", VMF_ON_LSTM, 0, false, "");
	words("gpu", VMF_ON_LSTM, VMF_EDEV, false, WITHOUT);
	words("auto", VMF_ON_LSTM, 0, false, WITHOUT INSTEAD);
	words("auto", VMF_ON_LSTM | VMF_ON_LANES, 0, false,
	    "no lanes on a test" INSTEAD "; " WITHOUT INSTEAD);
	no_library = false;
	/* One that is there, and does not start. */
	stand_in_fail_name = "cudnnCreate";
	stand_in_wrong[0] = '\0';
	words("gpu", VMF_ON_LSTM, VMF_EDEV, false, NO_START);
	words("auto", VMF_ON_LSTM, 0, false, NO_START INSTEAD);
	stand_in_fail_name = "";
	words("auto", VMF_ON_LSTM | VMF_ON_LANES, 0, true,
	    "no lanes on a test" INSTEAD);
	no_device = true;
	words("auto", VMF_ON_LSTM, 0, false, "");
	words("gpu", VMF_ON_LSTM, VMF_EDEV, false, "VMF_DEVICE is gpu, but "
	    "there is none: nothing here; take cpu, or auto, which takes a "
	    "GPU where there is one");
	no_device = false;
}

/* ---- the stand-in itself ---- */

/* What it is to refuse, it refuses: a call of c with one thing wrong. */
static void
test_refusals(const struct net *t)
{
	struct vmf_lstm_cell *cell = NULL;
	struct vmf_err e = { "" };
	struct cell *c, was;

	must(vmf_lstm_device_cell(net_device, &cell, &t->s, true, &e), &e);
	c = (struct cell *)cell;
	was = *c;
#define REFUSED(change, says) do { \
	change; \
	check(ops.forward(cell, t->w, t->c.x, &e) == VMF_EDEV && \
	    strstr(e.msg, says) != NULL, says " is not refused"); \
	*c = was; \
} while (0)
	REFUSED(c->work_bytes--, "too little work space");
	REFUSED(c->reserve_bytes--, "too little reserve space");
	REFUSED(c->x_is = c->y_is, "descriptors of other sizes");
	REFUSED(c->x = c->host, "cudaMemcpyAsync");
	REFUSED(c->y = c->host, "not on the device");
	c->rnn->flags = 0;
	REFUSED(, "a layout that is not switched on");
	c->rnn->flags = CUDNN_RNN_PADDED_IO_ENABLED;
	c->state_is->dim[1]--;
	REFUSED(, "a state of another size");
	c->state_is->dim[1]++;
#undef REFUSED
	/* Weights' gradients before those that they are made from. */
	must(ops.forward(cell, t->w, t->c.x, &e), &e);
	memset(cell->dh, 0, c->h_bytes);
	must(ops.backward(cell, t->grad, &e), &e);
	check(t->grad[0] == 0.0f, "a slope of nothing");
	must(ops.backward(cell, t->grad, &e), &e);
	check(strcmp(stand_in_wrong, "calls in another order") == 0,
	    "backward twice is taken");
	/* Lengths are the device's, if there are any. */
	check(c->d->call.cudnnRNNForward(c->handle, c->rnn,
	    CUDNN_FWD_MODE_TRAINING, (const int32_t *)c->host, c->x_is, c->x,
	    c->y_is, c->y, c->state_is, c->zeros, c->h, c->state_is, c->zeros,
	    NULL, c->w_bytes, c->w, c->work_bytes, c->work, c->reserve_bytes,
	    c->reserve) == CUDNN_STATUS_BAD_PARAM, "lengths of the host's");
	cell->ops->close(cell);
}

int
main(void)
{
	const struct vmf_lstm_shape used = { .steps = 20, .in = 8,
	    .hidden = 64, .statics = 16, .lead_in = 20, .units = 64 };
	const struct vmf_lstm_shape odd = { .steps = 7, .in = 5, .hidden = 37,
	    .statics = 3, .lead_in = 9, .units = 21 };
	const struct vmf_lstm_shape small = { .steps = 3, .in = 2,
	    .hidden = 4, .statics = 1, .lead_in = 2, .units = 3 };
	const struct vmf_lstm_shape one = { .steps = 1, .in = 1, .hidden = 1,
	    .statics = 1, .lead_in = 1, .units = 1 };
	struct vmf_err e = { "" };
	struct net t = { 0 };

	if (!vmf_lstm_have()) {
		printf("built without oneDNN\n");
		return 77;
	}
	must(vmf_lstm_device_open(&net_device, &e), &e);
	check(strcmp(vmf_lstm_device_name(net_device),
	    "cuDNN 9.1.2, a test") == 0, vmf_lstm_device_name(net_device));
	test_reference();
	test_differences(&odd);
	test_beside(&used);
	test_beside(&odd);
	test_beside(&one);
	test_two(&odd);
	make(&t, &small, 0.3f);
	test_failures(&t);
	test_idle(&t);
	test_library(&t);
	test_refusals(&t);
	drop(&t);
	test_words();
	vmf_lstm_device_free(net_device);
	check(stand_in_live == 0, "something is kept at the end");
	return failures > 0;
}

#endif
