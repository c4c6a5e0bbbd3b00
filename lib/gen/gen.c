/* SPDX-License-Identifier: MIT */
#include "gen/gen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/rng.h"
#include "gen/fleet.h"

#define PIECE_BYTES (64 << 10)
/* Longest line: an id, a time, five numbers, separators. */
#define LINE_MAX_BYTES (VMF_GEN_ID_MAX + 6 * 24)

struct vmf_gen {
	struct vmf_gen_opts o;
	struct vmf_fleet fleet;
	char *ids;		/* n_vms of id_len bytes, no NUL */
	int64_t id_len;
	bool header_done, place_header_done;
	int64_t step, vm;	/* the next sample's */
	int64_t at;		/* shuffle: index of the next VM */
	int64_t stride;		/* shuffle: added to at; prime to n_vms */
	int64_t place;		/* the next line of the inventory */
	struct vmf_moment moment[VMF_FLEET_LAGS];	/* of step */
	struct vmf_gen_count count;
};

/* v >= 0 in decimal at p, at least width digits; returns the end. */
static char *
put_int(char *p, int64_t v, int width)
{
	char tmp[24];
	int n = 0;

	do {
		tmp[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0 || n < width);
	while (n > 0)
		*p++ = tmp[--n];
	return p;
}

/* 0 <= v < 10000 as four digits. */
static char *
put_4(char *p, uint32_t v)
{
	p[0] = (char)('0' + v / 1000);
	p[1] = (char)('0' + v / 100 % 10);
	p[2] = (char)('0' + v / 10 % 10);
	p[3] = (char)('0' + v % 10);
	return p + 4;
}

/* Whole part of a load or rate in thousandths, and three decimals. */
static char *
put_milli(char *p, int64_t v)
{
	uint32_t whole = (uint32_t)(v / 1000), frac = (uint32_t)(v % 1000);

	if (whole < 10)
		*p++ = (char)('0' + whole);
	else
		p = put_int(p, whole, 1);
	*p++ = '.';
	*p++ = (char)('0' + frac / 100);
	*p++ = (char)('0' + frac / 10 % 10);
	*p++ = (char)('0' + frac % 10);
	return p;
}

/* A load in millionths, with all its six decimals, as Azure has them. */
static char *
put_micro(char *p, int64_t v)
{
	uint32_t whole = (uint32_t)(v / 1000000), frac = (uint32_t)(v %
	    1000000);

	if (whole < 10)
		*p++ = (char)('0' + whole);
	else
		p = put_int(p, whole, 1);
	*p++ = '.';
	*p++ = (char)('0' + frac / 100000);
	*p++ = (char)('0' + frac / 10000 % 10);
	return put_4(p, frac % 10000);
}

/* Random decimals after number k of VM i's sample. */
static char *
put_more(const struct vmf_gen *g, char *p, int64_t i, int k)
{
	int more = g->o.decimals - (g->o.shape == VMF_GEN_AZURE ? 6 : 3);
	uint64_t bits;

	if (more <= 0)
		return p;
	bits = vmf_random(g->fleet.vm[i].key ^ (uint64_t)k,
	    (uint64_t)g->step);
	for (; more > 0; more--) {
		*p++ = (char)('0' + bits % 10);
		bits /= 10;
	}
	return p;
}

static char *
put_time(char *p, int64_t t)
{
	if (t < 0) {
		*p++ = '-';
		t = -t;
	}
	return put_int(p, t, 1);
}

/*
 * An opaque id.  Its first 11 characters are 64 bits that the index maps to
 * one to one, so no two VMs share them.
 */
static void
put_id64(char *p, int len, uint64_t seed, int64_t i)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint64_t bits = vmf_random(seed, (uint64_t)i), key = bits;

	for (int k = 0; k < len; k++) {
		if (k > 0 && k % VMF_GEN_ID_MIN == 0)
			bits = vmf_random(key, (uint64_t)k);
		p[k] = digits[bits & 63];
		bits >>= 6;
	}
}

/* An id at p, not ended by a NUL; returns its length. */
static int64_t
put_id(char *p, const struct vmf_gen_opts *o, int64_t i)
{
	if (o->id_len > 0) {
		put_id64(p, o->id_len, o->seed, i);
		return o->id_len;
	}
	memcpy(p, "vm-", 3);
	return put_int(p + 3, i, o->n_vms > 10000000 ? 10 : 7) - p;
}

/*
 * Begin a step.  Shuffled, it visits (at + k x stride) mod n: every VM once,
 * in an order that needs no table of n entries.
 */
static void
step_begin(struct vmf_gen *g)
{
	int64_t n = g->o.n_vms;

	vmf_fleet_moments(&g->fleet, g->step, g->moment);
	if (g->o.order != VMF_GEN_SHUFFLE || g->vm != 0)
		return;
	g->at = (int64_t)(vmf_random(g->o.seed, (uint64_t)g->step) >> 1) % n;
	g->stride = (int64_t)(vmf_random(~g->o.seed, (uint64_t)g->step) >> 1) %
	    n;
	while (vmf_gcd(g->stride, n) != 1)
		g->stride = (g->stride + 1) % n;
}

int
vmf_gen_open(struct vmf_gen **gp, const struct vmf_gen_opts *o,
    struct vmf_err *e)
{
	struct vmf_gen *g = vmf_calloc(1, sizeof(*g), e);
	char id[VMF_GEN_ID_MAX];
	int rc;

	*gp = NULL;
	if (g == NULL)
		return VMF_ENOMEM;
	assert(o->id_len == 0 || (o->id_len >= VMF_GEN_ID_MIN &&
	    o->id_len <= VMF_GEN_ID_MAX));
	g->o = *o;
	rc = vmf_fleet_init(&g->fleet, o->seed, o->n_vms, o->start,
	    o->step_s, o->n_steps, e);
	if (rc != 0)
		goto fail;
	g->id_len = put_id(id, o, 0);
	g->ids = vmf_calloc(o->n_vms, g->id_len, e);
	if (g->ids == NULL) {
		rc = VMF_ENOMEM;
		goto fail;
	}
	for (int64_t i = 0; i < o->n_vms; i++)
		put_id(g->ids + i * g->id_len, o, i);
	step_begin(g);
	*gp = g;
	return 0;
fail:
	vmf_gen_free(g);
	return rc;
}

void
vmf_gen_free(struct vmf_gen *g)
{
	if (g == NULL)
		return;
	vmf_fleet_free(&g->fleet);
	free(g->ids);
	free(g);
}

struct vmf_gen_count
vmf_gen_counts(const struct vmf_gen *g)
{
	return g->count;
}

static char *
put_row(const struct vmf_gen *g, char *p, int64_t i,
    const struct vmf_sample *s)
{
	const char *id = g->ids + i * g->id_len;

	if (g->o.shape == VMF_GEN_AZURE) {
		p = put_time(p, g->moment[0].t);
		*p++ = ',';
		memcpy(p, id, (size_t)g->id_len);
		p += g->id_len;
		*p++ = ',';
		p = put_more(g, put_micro(p, s->cpu_min), i, 0);
		*p++ = ',';
		p = put_more(g, put_micro(p, s->cpu_max), i, 1);
		*p++ = ',';
		p = put_more(g, put_micro(p, s->cpu), i, 2);
		*p++ = '\n';
		return p;
	}
	memcpy(p, id, (size_t)g->id_len);
	p += g->id_len;
	*p++ = ',';
	p = put_time(p, g->moment[0].t);
	*p++ = ',';
	p = put_more(g, put_milli(p, (s->cpu + 500) / 1000), i, 0);
	*p++ = ',';
	if (!s->no_mem)
		p = put_more(g, put_milli(p, (s->mem + 500) / 1000), i, 1);
	if (g->o.net) {
		*p++ = ',';
		p = put_more(g, put_milli(p, s->net_rx), i, 2);
		*p++ = ',';
		p = put_more(g, put_milli(p, s->net_tx), i, 3);
	}
	*p++ = '\n';
	return p;
}

/* The same moment with another load, as two collectors would see it. */
static void
disagree(struct vmf_sample *s)
{
	int64_t by = s->cpu < 50 * VMF_PCT ? 3 * VMF_PCT / 2 :
	    -3 * VMF_PCT / 2;
	int64_t *v[] = { &s->cpu, &s->cpu_min, &s->cpu_max };

	for (int k = 0; k < 3; k++) {
		*v[k] += by;
		if (*v[k] < 0)
			*v[k] = 0;
		if (*v[k] > 100 * VMF_PCT)
			*v[k] = 100 * VMF_PCT;
	}
}

/* Go on to the next sample; false after the last. */
static bool
advance(struct vmf_gen *g)
{
	if (g->o.order == VMF_GEN_VM) {
		if (++g->step == g->o.n_steps) {
			g->step = 0;
			g->vm++;
		}
		if (g->vm == g->o.n_vms)
			return false;
		step_begin(g);
		return true;
	}
	g->at += g->stride;
	if (g->at >= g->o.n_vms)
		g->at -= g->o.n_vms;
	if (++g->vm == g->o.n_vms) {
		g->vm = 0;
		if (++g->step == g->o.n_steps)
			return false;
		step_begin(g);
	}
	return true;
}

int
vmf_gen_next(struct vmf_gen *g, struct vmf_buf *b, struct vmf_err *e)
{
	static const char header[] = "vm,time,cpu,mem",
	    net_header[] = ",net_rx,net_tx";
	struct vmf_sample s;
	char *p, *full;

	if (g->step == g->o.n_steps || g->vm == g->o.n_vms)
		return 0;
	if (vmf_buf_reserve(b, PIECE_BYTES + 3 * LINE_MAX_BYTES, e) != 0)
		return VMF_ENOMEM;
	p = (char *)b->p + b->n;
	full = p + PIECE_BYTES;
	if (!g->header_done && g->o.shape == VMF_GEN_CSV) {
		memcpy(p, header, sizeof(header) - 1);
		p += sizeof(header) - 1;
		if (g->o.net) {
			memcpy(p, net_header, sizeof(net_header) - 1);
			p += sizeof(net_header) - 1;
		}
		*p++ = '\n';
	}
	g->header_done = true;
	do {
		int64_t i = g->o.order == VMF_GEN_SHUFFLE ? g->at : g->vm;

		if (!vmf_fleet_sample(&g->fleet, i, g->moment, &s))
			continue;
		p = put_row(g, p, i, &s);
		g->count.rows++;
		if (s.twice) {
			p = put_row(g, p, i, &s);
			g->count.rows++;
			g->count.twice++;
		}
		if (s.conflict) {
			disagree(&s);
			p = put_row(g, p, i, &s);
			g->count.rows++;
			g->count.conflicts++;
		}
	} while (advance(g) && p < full);
	b->n = p - (char *)b->p;
	return 1;
}

int
vmf_gen_next_place(struct vmf_gen *g, struct vmf_buf *b, struct vmf_err *e)
{
	int64_t until = g->place + 1024;

	if (g->place == g->o.n_vms)
		return 0;
	if (!g->place_header_done && vmf_buf_printf(b, e,
	    "vm,host,cluster,vcpus,mem_mb\n") != 0)
		return VMF_ENOMEM;
	g->place_header_done = true;
	for (; g->place < g->o.n_vms && g->place < until; g->place++) {
		struct vmf_place p = vmf_fleet_place(&g->fleet, g->place);

		if (g->fleet.vm[g->place].unlisted)
			continue;
		if (vmf_buf_put(b, g->ids + g->place * g->id_len, g->id_len,
		    e) != 0 || vmf_buf_printf(b, e,
		    ",host-%05lld,cluster-%03lld,%lld,%lld\n",
		    (long long)p.host, (long long)p.cluster,
		    (long long)p.vcpus, (long long)p.mem_mb) != 0)
			return VMF_ENOMEM;
	}
	return 1;
}
