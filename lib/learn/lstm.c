/* SPDX-License-Identifier: MIT */
#include "learn/lstm.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* How fast the average forgets, and Adam's own constants. */
#define AVG_KEEP 0.99
#define BETA1 0.9
#define BETA2 0.999
#define EPSILON 1e-8

/* Bytes before the numbers. */
#define MAGIC "vmf-lstm"
#define VERSION 1
struct header {
	char magic[8];
	int32_t version, training;
	struct vmf_lstm_shape shape;
	int64_t steps;
	uint64_t crc;			/* CRC-32 of the numbers */
};

void
vmf_lstm_layout(const struct vmf_lstm_shape *s,
    int64_t at[VMF_LSTM_PARTS + 1])
{
	int64_t g = 4 * (int64_t)s->hidden, m = s->units;
	int64_t size[VMF_LSTM_PARTS] = {
		[VMF_LSTM_WX] = s->in * g, [VMF_LSTM_WR] = s->hidden * g,
		[VMF_LSTM_B] = g, [VMF_LSTM_WH] = s->hidden * m,
		[VMF_LSTM_WS] = s->statics * m,
		[VMF_LSTM_WZ] = s->lead_in * m, [VMF_LSTM_B1] = m,
		[VMF_LSTM_W2] = m * m, [VMF_LSTM_B2] = m,
		[VMF_LSTM_W3] = m * VMF_LSTM_LEVELS,
		[VMF_LSTM_W4] = (int64_t)s->lead_in * VMF_LSTM_LEVELS,
		[VMF_LSTM_B3] = VMF_LSTM_LEVELS };

	at[0] = 0;
	for (int k = 0; k < VMF_LSTM_PARTS; k++)
		at[k + 1] = at[k] + size[k];
}

static int
check_shape(const struct vmf_lstm_shape *s, struct vmf_err *e)
{
	const int32_t v[] = { s->steps, s->in, s->hidden, s->statics,
	    s->lead_in, s->units };
	static const char *const name[] = { "steps", "inputs",
	    "hidden units", "statics", "lead inputs", "units" };

	for (int k = 0; k < 6; k++)
		if (v[k] < 1 || v[k] > 1024)
			return vmf_fail(e, VMF_EDATA, "a network of %" PRId32
			    " %s, expected 1 to 1024", v[k], name[k]);
	return 0;
}

static int
make_room(struct vmf_lstm *net, const struct vmf_lstm_shape *s,
    bool training, struct vmf_err *e)
{
	int64_t at[VMF_LSTM_PARTS + 1];
	float **to[] = { &net->w, &net->avg, &net->m, &net->v };
	int rc;

	if ((rc = check_shape(s, e)) != 0)
		return rc;
	vmf_lstm_layout(s, at);
	net->shape = *s;
	net->n = at[VMF_LSTM_PARTS];
	for (int k = 0; k < (training ? 4 : 1); k++)
		if ((*to[k] = vmf_calloc(net->n, (int64_t)sizeof(float),
		    e)) == NULL)
			return VMF_ENOMEM;
	return 0;
}

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators"
 * (2014); in [-1, 1). */
static double
draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (double)(z >> 11) * 0x1p-52 - 1.0;
}

int
vmf_lstm_init(struct vmf_lstm *net, const struct vmf_lstm_shape *s,
    uint64_t seed, struct vmf_err *e)
{
	int64_t at[VMF_LSTM_PARTS + 1];
	int rc;
	/* Uniform, with the variance of a layer's output near that of what
	 * comes in (He et al., 2015, before a relu); the last layer begins
	 * with little to say. */
	double bound[VMF_LSTM_PARTS] = {
		[VMF_LSTM_WX] = sqrt(1.0 / s->hidden),
		[VMF_LSTM_WR] = sqrt(1.0 / s->hidden),
		[VMF_LSTM_WH] = sqrt(2.0 / (s->hidden + s->statics)),
		[VMF_LSTM_WS] = sqrt(2.0 / (s->hidden + s->statics)),
		[VMF_LSTM_WZ] = sqrt(2.0 / s->lead_in),
		[VMF_LSTM_W2] = sqrt(6.0 / s->units),
		[VMF_LSTM_W3] = 0.3 * sqrt(3.0 / s->units) };

	if ((rc = make_room(net, s, true, e)) != 0)
		return rc;
	vmf_lstm_layout(s, at);
	for (int k = 0; k < VMF_LSTM_PARTS; k++)
		for (int64_t i = at[k]; i < at[k + 1] && bound[k] > 0.0; i++)
			net->w[i] = (float)(bound[k] * draw(&seed));
	/* Gates that remember (Jozefowicz et al., 2015), and quantiles that
	 * lie a fifth of a spread apart. */
	for (int64_t i = 0; i < s->hidden; i++)
		net->w[at[VMF_LSTM_B] + s->hidden + i] = 1.0f;
	for (int j = 0; j < VMF_LSTM_LEVELS; j++)
		net->w[at[VMF_LSTM_B3] + j] = j == VMF_LSTM_LEVELS / 2 ?
		    0.0f : -1.5f;
	memcpy(net->avg, net->w, (size_t)net->n * sizeof(float));
	return 0;
}

void
vmf_lstm_free(struct vmf_lstm *net)
{
	free(net->w);
	free(net->avg);
	free(net->m);
	free(net->v);
	*net = (struct vmf_lstm){ 0 };
}

int
vmf_lstm_step(struct vmf_lstm *net, const float *grad, double rate,
    double clip, struct vmf_err *e)
{
	double norm = 0.0, scale = 1.0, keep, c1, c2;

	for (int64_t i = 0; i < net->n; i++)
		norm += (double)grad[i] * grad[i];
	norm = sqrt(norm);
	if (!(norm <= 1e30))
		return vmf_fail(e, VMF_EDATA, "step %" PRId64 " of the "
		    "network: its gradient is not finite", net->steps);
	if (norm > clip)
		scale = clip / norm;
	net->steps++;
	c1 = rate / (1.0 - pow(BETA1, (double)net->steps));
	c2 = 1.0 / (1.0 - pow(BETA2, (double)net->steps));
	keep = (double)net->steps / (double)(net->steps + 10);
	if (keep > AVG_KEEP)
		keep = AVG_KEEP;
	for (int64_t i = 0; i < net->n; i++) {
		double g = scale * grad[i];
		double m = BETA1 * net->m[i] + (1.0 - BETA1) * g;
		double v = BETA2 * net->v[i] + (1.0 - BETA2) * g * g;

		net->m[i] = (float)m;
		net->v[i] = (float)v;
		net->w[i] -= (float)(c1 * m / (sqrt(c2 * v) + EPSILON));
		net->avg[i] += (float)((1.0 - keep) *
		    (net->w[i] - net->avg[i]));
	}
	return 0;
}

int
vmf_lstm_save(const struct vmf_lstm *net, bool training, struct vmf_buf *b,
    struct vmf_err *e)
{
	struct header h = { .version = VERSION, .training = training,
	    .shape = net->shape, .steps = net->steps };
	const float *from[] = { net->avg != NULL ? net->avg : net->w,
	    net->w, net->m, net->v };
	size_t bytes = (size_t)net->n * sizeof(float);
	int rc;

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	for (int k = 0; k < (training ? 4 : 1); k++)
		h.crc = crc32_z((uLong)h.crc, (const Bytef *)from[k], bytes);
	if ((rc = vmf_buf_put(b, &h, (int64_t)sizeof(h), e)) != 0)
		return rc;
	for (int k = 0; k < (training ? 4 : 1); k++)
		if ((rc = vmf_buf_put(b, from[k], (int64_t)bytes, e)) != 0)
			return rc;
	return 0;
}

int
vmf_lstm_load(struct vmf_lstm *net, const void *p, int64_t n, bool training,
    struct vmf_err *e)
{
	struct header h;
	const char *at = p;
	int parts = training ? 4 : 1, rc;

	if (n < (int64_t)sizeof(h))
		return vmf_fail(e, VMF_EDATA, "a network of %" PRId64
		    " bytes, expected more", n);
	memcpy(&h, p, sizeof(h));
	if (memcmp(h.magic, MAGIC, sizeof(h.magic)) != 0 ||
	    h.version != VERSION || h.training != training || h.steps < 0)
		return vmf_fail(e, VMF_EDATA, "these bytes are not a network "
		    "as this version saves it");
	if ((rc = make_room(net, &h.shape, training, e)) != 0)
		return rc;
	if (n != (int64_t)sizeof(h) + parts * net->n *
	    (int64_t)sizeof(float))
		return vmf_fail(e, VMF_EDATA, "a network of %" PRId64
		    " bytes, expected %" PRId64, n, (int64_t)sizeof(h) +
		    parts * net->n * (int64_t)sizeof(float));
	at += sizeof(h);
	if (crc32_z(0, (const Bytef *)at, (size_t)n - sizeof(h)) != h.crc)
		return vmf_fail(e, VMF_EDATA, "a network that is damaged: its "
		    "CRC-32 is another");
	net->steps = h.steps;
	for (int k = 0; k < parts; k++) {
		float *to[] = { training ? net->avg : net->w, net->w, net->m,
		    net->v };

		memcpy(to[k], at, (size_t)net->n * sizeof(float));
		at += (size_t)net->n * sizeof(float);
		for (int64_t i = 0; i < net->n; i++)
			if (!isfinite(to[k][i]))
				return vmf_fail(e, VMF_EDATA, "weight %"
				    PRId64 " of the network is not finite",
				    i);
	}
	return 0;
}

int
vmf_lstm_chunk_init(struct vmf_lstm_chunk *c, const struct vmf_lstm_shape *s,
    struct vmf_err *e)
{
	int64_t cells = VMF_LSTM_CHUNK * VMF_LSTM_LEADS;
	struct { float **p; int64_t n; } want[] = {
		{ &c->x, (int64_t)s->steps * VMF_LSTM_CHUNK * s->in },
		{ &c->s, (int64_t)VMF_LSTM_CHUNK * s->statics },
		{ &c->z, cells * s->lead_in },
		{ &c->y, cells }, { &c->weight, cells },
		{ &c->loc, VMF_LSTM_CHUNK }, { &c->spread, VMF_LSTM_CHUNK },
		{ &c->gain, VMF_LSTM_CHUNK } };

	for (int k = 0; k < (int)(sizeof(want) / sizeof(want[0])); k++)
		if ((*want[k].p = vmf_calloc(want[k].n,
		    (int64_t)sizeof(float), e)) == NULL)
			return VMF_ENOMEM;
	return 0;
}

void
vmf_lstm_chunk_free(struct vmf_lstm_chunk *c)
{
	free(c->x);
	free(c->s);
	free(c->z);
	free(c->y);
	free(c->weight);
	free(c->loc);
	free(c->spread);
	free(c->gain);
	*c = (struct vmf_lstm_chunk){ 0 };
}

/* One level's loss of v against y, and (where it is not NULL) its slope. */
static double
pinball(double v, double y, double level, double *slope)
{
	double tilt = y >= v ? -level : 1.0 - level;

	if (slope != NULL)
		*slope = tilt;
	return tilt * (v - y);
}

/* The slopes by q of a cell's loss into dq, where it is not NULL. */
static double
cell_loss(const struct vmf_lstm_chunk *c, int64_t series, int64_t cell,
    const float *q, float *dq)
{
	double loc = c->loc[series], spread = c->spread[series];
	double gain = c->gain[series], sum = 0.0;
	double y = c->y[cell], to = gain > 0.0 ? sinh(loc + spread * y) : 0.0;

	for (int j = 0; j < VMF_LSTM_LEVELS; j++) {
		double level = (j + 1) / 10.0, slope, more;

		sum += pinball(q[j], y, level, &slope);
		if (gain > 0.0) {
			double v = loc + spread * q[j];

			/* Far outside nobody learns from the slope. */
			v = v > 12.0 ? 12.0 : v < -12.0 ? -12.0 : v;
			sum += gain * pinball(sinh(v), to, level, &more);
			slope += gain * more * cosh(v) * spread;
		}
		if (dq != NULL)
			dq[j] = (float)(c->weight[cell] * slope /
			    VMF_LSTM_LEVELS);
	}
	return c->weight[cell] * sum / VMF_LSTM_LEVELS;
}

void
vmf_lstm_loss(const struct vmf_lstm_chunk *c, const float *q, float *dq,
    double *loss, double *weight)
{
	for (int64_t k = 0; k < VMF_LSTM_CHUNK * VMF_LSTM_LEADS; k++) {
		float *to = dq == NULL ? NULL : dq + k * VMF_LSTM_LEVELS;

		if (!(c->weight[k] > 0.0f)) {
			for (int j = 0; j < VMF_LSTM_LEVELS && to != NULL; j++)
				to[j] = 0.0f;
			continue;
		}
		*loss += cell_loss(c, k / VMF_LSTM_LEADS, k,
		    q + k * VMF_LSTM_LEVELS, to);
		*weight += c->weight[k];
	}
}
