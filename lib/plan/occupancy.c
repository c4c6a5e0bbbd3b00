/* SPDX-License-Identifier: MIT */
#include "plan/occupancy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* One choice in so many is passed over, so that plans are not greedy in the
 * same way each time: the "blinks" of Christiaens and Vanden Berghe, "Slack
 * Induction by String Removals for Vehicle Routing Problems" (2020). */
#define BLINK 64

/* Lists by a key: the entries of key g are list[from[g]] and on. */
static int
make_lists(int32_t **list, int32_t **from, const int32_t *key, int64_t n,
    int64_t n_keys, struct vmf_err *e)
{
	*list = vmf_calloc(n, (int64_t)sizeof(**list), e);
	*from = vmf_calloc(n_keys + 2, (int64_t)sizeof(**from), e);
	if (*list == NULL || *from == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++)
		if (key[i] >= 0)
			(*from)[key[i] + 2]++;
	for (int64_t g = 0; g <= n_keys; g++)
		(*from)[g + 1] += (*from)[g];
	for (int64_t i = 0; i < n; i++)
		if (key[i] >= 0)
			(*list)[(*from)[key[i] + 1]++] = (int32_t)i;
	return 0;
}

/* Hosts that may be chosen, by cluster; those of all after the last. */
static int
list_open(struct vmf_occupancy *o, struct vmf_err *e)
{
	const struct vmf_moves *m = o->m;
	int64_t n = m->n_hosts;
	int32_t *key = vmf_calloc(2 * n, (int64_t)sizeof(*key), e);
	int rc;

	if (key == NULL)
		return VMF_ENOMEM;
	for (int64_t h = 0; h < n; h++) {
		bool open = m->host[h].open;

		key[h] = open ? m->host[h].cluster : -1;
		key[n + h] = open ? m->n_clusters : -1;
	}
	rc = make_lists(&o->open, &o->open_from, key, 2 * n,
	    m->n_clusters + 1, e);
	o->turn = vmf_calloc(m->n_clusters + 1, (int64_t)sizeof(*o->turn), e);
	if (o->turn == NULL)
		rc = VMF_ENOMEM;
	for (int64_t k = 0; rc == 0 && k < 2 * n; k++)
		if (o->open[k] >= n)
			o->open[k] -= (int32_t)n;
	free(key);
	return rc;
}

static int
list_groups(struct vmf_occupancy *o, struct vmf_err *e)
{
	const struct vmf_moves *m = o->m;
	int32_t *key = vmf_calloc(m->n, (int64_t)sizeof(*key), e);
	int rc;

	if (key == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < m->n; i++)
		key[i] = m->vm[i].group;
	rc = make_lists(&o->member, &o->member_from, key, m->n, m->n_groups,
	    e);
	free(key);
	return rc;
}

/* Heads and links of lists, all empty. */
static int
make_links(int32_t **head, int64_t n_heads, int32_t **next, int32_t **prev,
    int64_t n, struct vmf_err *e)
{
	*head = vmf_calloc(n_heads, (int64_t)sizeof(int32_t), e);
	*next = vmf_calloc(n, (int64_t)sizeof(int32_t), e);
	*prev = vmf_calloc(n, (int64_t)sizeof(int32_t), e);
	if (*head == NULL || *next == NULL || *prev == NULL)
		return VMF_ENOMEM;
	for (int64_t k = 0; k < n_heads; k++)
		(*head)[k] = -1;
	return 0;
}

static int
make_counts(int32_t **count, int64_t n, struct vmf_err *e)
{
	*count = vmf_calloc(n, (int64_t)sizeof(**count), e);
	return *count == NULL ? VMF_ENOMEM : 0;
}

/* Counts of moves at once by host and slot: 16 bits each, as hosts are many.
 * No more moves from or to one of them than fit are planned. */
static int
make_small_counts(uint16_t **count, int64_t n, int64_t *limit,
    struct vmf_err *e)
{
	if (*limit == 0)
		return 0;
	if (*limit > UINT16_MAX)
		*limit = UINT16_MAX;
	*count = vmf_calloc(n, (int64_t)sizeof(**count), e);
	return *count == NULL ? VMF_ENOMEM : 0;
}

/* Several maxima at once: one alone has to wait for itself at every step. */
#define LANES 4

static double
greatest_of(const double top[LANES], double least)
{
	for (int l = 0; l < LANES; l++)
		least = top[l] > least ? top[l] : least;
	return least;
}

/* What step t adds: q f, and above g, of so many bytes each. */
static inline double
step_adds(const uint16_t *q, double f, const void *above, int bytes, double g,
    int64_t t)
{
	if (bytes == 0)
		return q[t] * f;
	return q[t] * f + g * (bytes == 1 ? ((const uint8_t *)above)[t] :
	    ((const uint16_t *)above)[t]);
}

/* Add that to n steps; the greatest sum, or least if that is more. */
static inline __attribute__((always_inline)) double
add_steps(double *to, int64_t n, const uint16_t *q, double f,
    const void *above, int bytes, double g, double least)
{
	double top[LANES] = { least, least, least, least };
	int64_t t = 0;

	for (; t + LANES <= n; t += LANES)
		for (int l = 0; l < LANES; l++) {
			double x = to[t + l] + step_adds(q, f, above, bytes,
			    g, t + l);

			to[t + l] = x;
			top[l] = x > top[l] ? x : top[l];
		}
	for (; t < n; t++) {
		to[t] += step_adds(q, f, above, bytes, g, t);
		top[0] = to[t] > top[0] ? to[t] : top[0];
	}
	return greatest_of(top, least);
}

static void
add_load(struct vmf_occupancy *o, int64_t i, int32_t host, int64_t from,
    double sign)
{
	const struct vmf_moves *m = o->m;
	int64_t at = i * m->n_steps + from, n = m->n_steps - from;
	const uint16_t *q = m->load + at;
	double *to = o->load + host * m->n_steps + from;
	double f = sign * m->vm[i].factor, g = sign * m->vm[i].more;
	double *top = &o->load_top[host];

	if (n <= 0)
		return;
	/* A text of its own each. */
	if (!m->keep_above)
		*top = add_steps(to, n, q, f, NULL, 0, g, *top);
	else if (m->above8 != NULL)
		*top = add_steps(to, n, q, f, m->above8 + at, 1, g, *top);
	else
		*top = add_steps(to, n, q, f, m->above + at, 2, g, *top);
}

static void
add_mem(struct vmf_occupancy *o, int64_t i, int32_t host, int64_t from,
    double sign)
{
	double *to = o->mem + host * o->n_slots, least = o->mem_top[host];
	double by = sign * o->m->vm[i].mem_mb;
	double top[LANES] = { least, least, least, least };
	int64_t j = from;

	for (; j + LANES <= o->n_slots; j += LANES)
		for (int l = 0; l < LANES; l++) {
			double x = to[j + l] + by;

			to[j + l] = x;
			top[l] = x > top[l] ? x : top[l];
		}
	for (; j < o->n_slots; j++) {
		to[j] += by;
		top[0] = to[j] > top[0] ? to[j] : top[0];
	}
	o->mem_top[host] = greatest_of(top, least);
}

int
vmf_occupancy_open(struct vmf_occupancy *o, struct vmf_moves *m,
    struct vmf_err *e)
{
	struct vmf_limits *l = &m->limits;
	int64_t slots = m->n_starts + m->width - 1;
	int rc;

	*o = (struct vmf_occupancy){ .m = m, .n_slots = slots };
	if ((rc = make_small_counts(&o->out, m->n_hosts * slots,
	    &l->per_host, e)) != 0 ||
	    (rc = make_small_counts(&o->in, m->n_hosts * slots,
	    &l->per_target, e)) != 0 ||
	    (l->per_cluster > 0 && (rc = make_counts(&o->cluster,
	    m->n_clusters * slots, e)) != 0) ||
	    (rc = make_counts(&o->total, slots, e)) != 0 ||
	    (rc = make_links(&o->in_head, m->n_hosts, &o->in_next,
	    &o->in_prev, m->n, e)) != 0 ||
	    (rc = make_links(&o->at_head, m->n_starts, &o->at_next,
	    &o->at_prev, m->n, e)) != 0 ||
	    (rc = list_groups(o, e)) != 0 || (rc = list_open(o, e)) != 0)
		return rc;
	o->full = vmf_calloc(2 * slots, 1, e);
	if (o->full == NULL)
		return VMF_ENOMEM;
	o->full_to = o->full + slots;
	if (m->keep_mem) {
		o->mem = vmf_calloc(m->n_hosts * slots,
		    (int64_t)sizeof(*o->mem), e);
		o->mem_top = vmf_calloc(m->n_hosts,
		    (int64_t)sizeof(*o->mem_top), e);
		if (o->mem == NULL || o->mem_top == NULL)
			return VMF_ENOMEM;
		for (int64_t i = 0; i < m->n; i++)
			if (m->vm[i].host >= 0)
				add_mem(o, i, m->vm[i].host, 0, 1.0);
		/* Whole numbers are exact up to 2^53, of VMs that are there
		 * and as much that comes. */
		for (int64_t h = 0; h < m->n_hosts; h++)
			if (o->mem_top[h] > 0x1p52)
				m->host[h].mem_mb = -1.0;
	}
	if (!m->keep_load || isnan(l->max_host_load))
		return 0;
	o->load = vmf_calloc(m->n_hosts * m->n_steps,
	    (int64_t)sizeof(*o->load), e);
	o->load_top = vmf_calloc(m->n_hosts, (int64_t)sizeof(*o->load_top),
	    e);
	if (o->load == NULL || o->load_top == NULL)
		return VMF_ENOMEM;
	vmf_moves_exact(m, o->load_top);
	for (int64_t i = 0; i < m->n; i++)
		if (m->vm[i].host >= 0)
			add_load(o, i, m->vm[i].host, 0, 1.0);
	return 0;
}

void
vmf_occupancy_free(struct vmf_occupancy *o)
{
	free(o->out);
	free(o->in);
	free(o->cluster);
	free(o->total);
	free(o->load);
	free(o->mem);
	free(o->load_top);
	free(o->mem_top);
	free(o->in_head);
	free(o->in_next);
	free(o->in_prev);
	free(o->at_head);
	free(o->at_next);
	free(o->at_prev);
	free(o->member);
	free(o->member_from);
	free(o->open);
	free(o->open_from);
	free(o->turn);
	free(o->full);
	*o = (struct vmf_occupancy){ 0 };
}

double
vmf_occupancy_cost(const struct vmf_occupancy *o, int64_t i, int64_t slot,
    int32_t to)
{
	const struct vmf_move *v = &o->m->vm[i];
	double cost = vmf_moves_cost(o->m, i, slot);

	if (vmf_moves_changes(v, slot, to))
		cost += o->m->limits.hysteresis;
	return cost;
}

static void
link_in(int32_t *head, int32_t *next, int32_t *prev, int32_t i)
{
	next[i] = *head;
	prev[i] = -1;
	if (*head >= 0)
		prev[*head] = i;
	*head = i;
}

static void
link_out(int32_t *head, int32_t *next, int32_t *prev, int32_t i)
{
	if (prev[i] >= 0)
		next[prev[i]] = next[i];
	else
		*head = next[i];
	if (next[i] >= 0)
		prev[next[i]] = prev[i];
}

/* The cluster at the other end, where that is another one. */
static int32_t
other_cluster(const struct vmf_moves *m, int64_t i, int32_t to)
{
	int32_t c = to >= 0 ? m->host[to].cluster : -1;

	return c == m->vm[i].cluster ? -1 : c;
}

static void
add_one(uint16_t *n, int by)
{
	*n = (uint16_t)(*n + by);
}

static void
count(struct vmf_occupancy *o, int64_t i, int32_t slot, int32_t to, int by)
{
	const struct vmf_move *v = &o->m->vm[i];
	int64_t w = v->width;
	int32_t other = other_cluster(o->m, i, to);

	for (int64_t j = slot; j < slot + w; j++) {
		o->total[j] += by;
		if (o->out != NULL && v->host >= 0)
			add_one(&o->out[v->host * o->n_slots + j], by);
		if (o->in != NULL && to >= 0)
			add_one(&o->in[to * o->n_slots + j], by);
		if (o->cluster != NULL && v->cluster >= 0)
			o->cluster[v->cluster * o->n_slots + j] += by;
		if (o->cluster != NULL && other >= 0)
			o->cluster[other * o->n_slots + j] += by;
	}
}

void
vmf_occupancy_put(struct vmf_occupancy *o, int64_t i, int32_t slot,
    int32_t to)
{
	struct vmf_move *v = &o->m->vm[i];

	v->slot = slot;
	v->to = to;
	o->n_placed++;
	o->cost += vmf_occupancy_cost(o, i, slot, to);
	count(o, i, slot, to, 1);
	link_in(&o->at_head[slot], o->at_next, o->at_prev, (int32_t)i);
	if (to < 0)
		return;
	link_in(&o->in_head[to], o->in_next, o->in_prev, (int32_t)i);
	if (o->mem != NULL) {
		add_mem(o, i, to, slot, 1.0);
		if (v->host >= 0)
			add_mem(o, i, v->host, slot + v->width, -1.0);
	}
	if (o->load == NULL)
		return;
	add_load(o, i, to, o->m->begins[slot], 1.0);
	if (v->host >= 0)
		add_load(o, i, v->host, vmf_moves_left(o->m, i, slot), -1.0);
}

void
vmf_occupancy_take(struct vmf_occupancy *o, int64_t i)
{
	struct vmf_move *v = &o->m->vm[i];
	int32_t slot = v->slot, to = v->to;

	o->n_placed--;
	o->cost -= vmf_occupancy_cost(o, i, slot, to);
	count(o, i, slot, to, -1);
	link_out(&o->at_head[slot], o->at_next, o->at_prev, (int32_t)i);
	v->slot = v->to = -1;
	if (to < 0)
		return;
	link_out(&o->in_head[to], o->in_next, o->in_prev, (int32_t)i);
	if (o->mem != NULL) {
		add_mem(o, i, to, slot, -1.0);
		if (v->host >= 0)
			add_mem(o, i, v->host, slot + v->width, 1.0);
	}
	if (o->load == NULL)
		return;
	add_load(o, i, to, o->m->begins[slot], -1.0);
	if (v->host >= 0)
		add_load(o, i, v->host, vmf_moves_left(o->m, i, slot), 1.0);
}

void
vmf_occupancy_lift(struct vmf_occupancy *o, int64_t i)
{
	struct vmf_move *v = &o->m->vm[i];

	v->lifted = true;
	if (v->host >= 0 && o->mem != NULL)
		add_mem(o, i, v->host, 0, -1.0);
	if (v->host >= 0 && o->load != NULL)
		add_load(o, i, v->host, 0, -1.0);
}

void
vmf_occupancy_land(struct vmf_occupancy *o, int64_t i)
{
	struct vmf_move *v = &o->m->vm[i];

	v->lifted = false;
	if (v->host >= 0 && o->mem != NULL)
		add_mem(o, i, v->host, 0, 1.0);
	if (v->host >= 0 && o->load != NULL)
		add_load(o, i, v->host, 0, 1.0);
}

/* Is there more on host h, which takes VMs, than it has room for? */
static bool
overfull(const struct vmf_occupancy *o, int64_t h)
{
	const struct vmf_moves *m = o->m;
	bool load = o->load != NULL && o->load_top[h] > m->host[h].room;
	bool mem = o->mem != NULL && o->mem_top[h] > m->host[h].mem_mb;
	int64_t first = o->n_slots;

	if ((!load && !mem) || o->in_head[h] < 0)
		return false;
	for (int32_t j = o->in_head[h]; j >= 0; j = o->in_next[j])
		if (m->vm[j].slot < first)
			first = m->vm[j].slot;
	for (int64_t j = first; mem && j < o->n_slots; j++)
		if (o->mem[h * o->n_slots + j] > m->host[h].mem_mb)
			return true;
	for (int64_t t = m->begins[first]; load && t < m->n_steps; t++)
		if (o->load[h * m->n_steps + t] > m->host[h].room)
			return true;
	return false;
}

int64_t
vmf_occupancy_ousted(const struct vmf_occupancy *o, int64_t i)
{
	const struct vmf_moves *m = o->m;
	const struct vmf_move *v = &m->vm[i];
	int64_t h = v->host;

	if (h < 0)
		return -1;
	for (int64_t g = v->group < 0 ? 0 : o->member_from[v->group];
	    v->group >= 0 && g < o->member_from[v->group + 1]; g++)
		if (o->member[g] != i && m->vm[o->member[g]].to == h &&
		    (v->slot < 0 || v->to < 0 || m->vm[o->member[g]].slot <
		    v->slot + v->width))
			return o->member[g];
	return overfull(o, h) ? o->in_head[h] : -1;
}

/* The first start at which VM i's group lets it come to host h; n_starts:
 * none.  Who is on the way there blocks it for good, who is there until its
 * own move ends. */
static int64_t
group_from(const struct vmf_occupancy *o, int64_t i, int32_t h)
{
	const struct vmf_moves *m = o->m;
	int32_t g = m->vm[i].group;
	int64_t from = 0;

	if (g < 0)
		return 0;
	for (int64_t k = o->member_from[g]; k < o->member_from[g + 1]; k++) {
		int64_t j = o->member[k];
		const struct vmf_move *u = &m->vm[j];

		if (j == i || u->lifted)
			continue;
		if (u->to == h || (u->host == h && u->to < 0))
			return m->n_starts;
		if (u->host == h && u->slot + u->width > from)
			from = u->slot + u->width;
	}
	return from;
}

/* The first step from which on there is room for VM i on host h. */
static int64_t
load_from(const struct vmf_occupancy *o, int64_t i, int32_t h)
{
	const struct vmf_moves *m = o->m;
	const double *have = o->load + h * m->n_steps;
	double room = m->host[h].room, top = 0.0;
	int64_t t = m->n_steps;

	if (o->load_top[h] + m->vm[i].top <= room)
		return 0;
	while (t > 0 && have[t - 1] + vmf_moves_used(m, i, t - 1) <= room) {
		t--;
		top = have[t] > top ? have[t] : top;
	}
	if (t == 0)
		o->load_top[h] = top;
	return t;
}

/* The first slot from which on there is memory for VM i on host h. */
static int64_t
mem_from(const struct vmf_occupancy *o, int64_t i, int32_t h)
{
	const double *have = o->mem + h * o->n_slots;
	double room = o->m->host[h].mem_mb - o->m->vm[i].mem_mb, top = 0.0;
	int64_t j = o->n_slots;

	if (o->mem_top[h] <= room)
		return 0;
	while (j > 0 && have[j - 1] <= room) {
		j--;
		top = have[j] > top ? have[j] : top;
	}
	if (j == 0)
		o->mem_top[h] = top;
	return j;
}

/* The first start whose move begins in step t or later. */
static int64_t
start_in_step(const struct vmf_moves *m, int64_t t)
{
	int64_t at = m->start + t * m->step_s - m->first;
	int64_t k = at <= 0 ? 0 : (at + m->slot_s - 1) / m->slot_s;

	return t >= m->n_steps || k > m->n_starts ? m->n_starts : k;
}

static void
mark_full(uint8_t *full, const int32_t *count, int64_t n, int64_t most)
{
	if (count == NULL || most == 0)
		return;
	for (int64_t j = 0; j < n; j++)
		full[j] |= count[j] >= most;
}

static void
mark_host(uint8_t *full, const uint16_t *count, int64_t n, int64_t most)
{
	for (int64_t j = 0; j < n; j++)
		full[j] |= count[j] >= most;
}

/* Slots without room at VM i's end of the move. */
static void
mark_source(const struct vmf_occupancy *o, int64_t i, uint8_t *full)
{
	const struct vmf_limits *l = &o->m->limits;
	const struct vmf_move *v = &o->m->vm[i];
	int64_t n = o->n_slots;

	memset(full, 0, (size_t)n);
	mark_full(full, o->total, n, l->total);
	if (v->host >= 0 && o->out != NULL)
		mark_host(full, o->out + v->host * n, n, l->per_host);
	if (v->cluster >= 0 && o->cluster != NULL)
		mark_full(full, o->cluster + v->cluster * n, n,
		    l->per_cluster);
}

/* And at the target's; false where nothing is added. */
static bool
mark_target(const struct vmf_occupancy *o, int64_t i, int32_t to,
    const uint8_t *full, uint8_t *full_to)
{
	const struct vmf_limits *l = &o->m->limits;
	int64_t n = o->n_slots;
	int32_t other = other_cluster(o->m, i, to);

	if (to < 0 || (o->in == NULL && (other < 0 || o->cluster == NULL)))
		return false;
	memcpy(full_to, full, (size_t)n);
	if (o->in != NULL)
		mark_host(full_to, o->in + to * n, n, l->per_target);
	if (other >= 0 && o->cluster != NULL)
		mark_full(full_to, o->cluster + other * n, n,
		    l->per_cluster);
	return true;
}

/* The cheapest start from the given one on into c, if that is cheaper than
 * what is there. */
static void
scan(const struct vmf_occupancy *o, int64_t i, int32_t to,
    const uint8_t *full, int64_t from, int64_t last, const double *price,
    struct vmf_rng *rng, double *best, struct vmf_choice *c)
{
	const struct vmf_moves *m = o->m;
	const struct vmf_move *v = &m->vm[i];
	const uint16_t *q = m->cost + i * m->n_starts;
	double unit = ldexp(1.0, v->cost_exp), more = m->limits.hysteresis;
	double low = v->cost_below * unit;
	int64_t w = v->width, ends = from + w - 1, k = from;

	/* Slots from..ends - 1 of the first window; then one more for each. */
	for (int64_t j = from; j < ends && j < o->n_slots; j++)
		if (full[j])
			k = j + 1;
	for (int64_t j = ends; j < last + w; j++) {
		int64_t s = j - w + 1;
		double x;

		if (full[j])
			k = j + 1;
		if (s < k || q[s] == VMF_COST_NONE)
			continue;
		x = q[s] * unit - low + (vmf_moves_changes(v, s, to) ? more :
		    0.0);
		if (price != NULL)
			x += price[s];
		if (!(x < *best))
			continue;
		if (rng != NULL && vmf_rng_below(rng, BLINK) == 0)
			continue;
		*best = x;
		c->slot = (int32_t)s;
		c->to = to;
	}
}

int64_t
vmf_occupancy_room_from(struct vmf_occupancy *o, int64_t i, int32_t to)
{
	int64_t from, k;

	if (to < 0)
		return 0;
	if (to == o->m->vm[i].host ||
	    (from = group_from(o, i, to)) >= o->m->n_starts)
		return o->m->n_starts;
	if (o->load != NULL) {
		k = start_in_step(o->m, load_from(o, i, to));
		if (k > from)
			from = k;
	}
	if (o->mem != NULL && (k = mem_from(o, i, to)) > from)
		from = k;
	return from < o->m->n_starts ? from : o->m->n_starts;
}

static void
try_host(struct vmf_occupancy *o, int64_t i, int32_t to, int64_t last,
    const double *price, struct vmf_rng *rng, double *best,
    struct vmf_choice *c)
{
	int64_t from = vmf_occupancy_room_from(o, i, to);

	if (from < o->m->n_starts)
		scan(o, i, to, mark_target(o, i, to, o->full, o->full_to) ?
		    o->full_to : o->full, from, last, price, rng, best, c);
}

const int32_t *
vmf_occupancy_targets(const struct vmf_occupancy *o, int64_t i, int64_t *n)
{
	const struct vmf_move *v = &o->m->vm[i];
	int64_t c = v->cluster;

	if (!v->place) {
		*n = 1;
		return &v->target;
	}
	if (c < 0)
		c = o->m->n_clusters;
	*n = o->open_from[c + 1] - o->open_from[c];
	return o->open + o->open_from[c];
}

bool
vmf_occupancy_best(struct vmf_occupancy *o, int64_t i, int64_t last,
    const double *price, struct vmf_rng *rng, int64_t max_hosts,
    struct vmf_choice *c)
{
	const struct vmf_move *v = &o->m->vm[i];
	double best = INFINITY, floor;
	const int32_t *list;
	int64_t n, at, *turn;

	c->slot = c->to = -1;
	if (last > o->m->n_starts - 1)
		last = o->m->n_starts - 1;
	mark_source(o, i, o->full);
	if (!v->place) {
		try_host(o, i, v->target, last, price, rng, &best, c);
	} else {
		struct vmf_choice any = { -1, -1, 0.0 };

		/* No host can do better than one that is never full. */
		floor = INFINITY;
		scan(o, i, -1, o->full, 0, last, price, NULL, &floor, &any);
		list = vmf_occupancy_targets(o, i, &n);
		/* Hosts that do as well take turns. */
		turn = &o->turn[v->cluster < 0 ? o->m->n_clusters :
		    v->cluster];
		at = n == 0 ? 0 : rng != NULL ? vmf_rng_below(rng, n) :
		    (*turn)++ % n;
		if (v->old_to >= 0)
			try_host(o, i, v->old_to, last, price, rng, &best,
			    c);
		for (int64_t k = 0; k < n && k < max_hosts && best > floor;
		    k++)
			try_host(o, i, list[(at + k) % n], last, price, rng,
			    &best, c);
	}
	if (c->slot < 0)
		return false;
	c->cost = vmf_occupancy_cost(o, i, c->slot, c->to);
	return true;
}

bool
vmf_occupancy_could(struct vmf_occupancy *o, int64_t i)
{
	const struct vmf_move *v = &o->m->vm[i];
	struct vmf_choice any = { -1, -1, 0.0 };
	double floor = INFINITY;

	count(o, i, v->slot, v->to, -1);
	mark_source(o, i, o->full);
	count(o, i, v->slot, v->to, 1);
	scan(o, i, v->old_to, o->full, 0, o->m->n_starts - 1, NULL, NULL,
	    &floor, &any);
	return any.slot >= 0 && (any.slot < v->slot ||
	    floor < vmf_occupancy_cost(o, i, v->slot, v->to));
}

/* From when on host has room for VM i, by each of its limits. */
struct open_from {
	int64_t group, step, slot;
};

static struct open_from
host_from(const struct vmf_occupancy *o, int64_t i, int32_t host)
{
	struct open_from f = { 0 };

	if (host < 0)
		return f;
	f.group = group_from(o, i, host);
	if (o->load != NULL)
		f.step = load_from(o, i, host);
	if (o->mem != NULL)
		f.slot = mem_from(o, i, host);
	return f;
}

/* What keeps VM i from a start and a host; -1: nothing. */
static int
obstacle(const struct vmf_occupancy *o, int64_t i, int64_t slot, int32_t to,
    struct open_from from)
{
	const struct vmf_limits *l = &o->m->limits;
	const struct vmf_move *v = &o->m->vm[i];
	int32_t other = other_cluster(o->m, i, to);

	for (int64_t j = slot; j < slot + v->width; j++) {
		if (l->total > 0 && o->total[j] >= l->total)
			return VMF_BY_TOTAL;
		if (o->out != NULL && v->host >= 0 &&
		    o->out[v->host * o->n_slots + j] >= l->per_host)
			return VMF_BY_HOST;
		if (o->cluster != NULL && v->cluster >= 0 && o->cluster[
		    v->cluster * o->n_slots + j] >= l->per_cluster)
			return VMF_BY_CLUSTER;
		if (o->cluster != NULL && other >= 0 && o->cluster[other *
		    o->n_slots + j] >= l->per_cluster)
			return VMF_BY_CLUSTER;
		if (o->in != NULL && to >= 0 &&
		    o->in[to * o->n_slots + j] >= l->per_target)
			return VMF_BY_TARGET;
	}
	if (slot < from.group || (to >= 0 && to == v->host))
		return VMF_BY_GROUP;
	if (o->m->begins[slot] < from.step)
		return VMF_BY_LOAD;
	return slot < from.slot ? VMF_BY_MEM : -1;
}

bool
vmf_occupancy_fits(struct vmf_occupancy *o, int64_t i, int32_t slot,
    int32_t to)
{
	return o->m->cost[i * o->m->n_starts + slot] != VMF_COST_NONE &&
	    obstacle(o, i, slot, to, host_from(o, i, to)) < 0;
}

int
vmf_occupancy_counted(const struct vmf_occupancy *o, int64_t i, int32_t slot,
    int32_t to)
{
	return obstacle(o, i, slot, to, (struct open_from){ 0 });
}

bool
vmf_occupancy_counts(const struct vmf_occupancy *o, int64_t i, int32_t slot,
    int32_t to)
{
	return o->m->cost[i * o->m->n_starts + slot] != VMF_COST_NONE &&
	    vmf_occupancy_counted(o, i, slot, to) < 0;
}

bool
vmf_occupancy_holds(const struct vmf_occupancy *o, int64_t i)
{
	const struct vmf_move *v = &o->m->vm[i];

	return v->to < 0 || (!overfull(o, v->to) &&
	    v->slot >= group_from(o, i, v->to));
}

/* c among the cheapest in list, which has room for most. */
static int64_t
insert(struct vmf_choice *list, int64_t n, int64_t most,
    const struct vmf_choice *c)
{
	int64_t k = n < most ? n : most - 1;

	if (n == most && list[k].cost <= c->cost)
		return n;
	for (; k > 0 && list[k - 1].cost > c->cost; k--)
		list[k] = list[k - 1];
	list[k] = *c;
	return n < most ? n + 1 : n;
}

int64_t
vmf_occupancy_choices(struct vmf_occupancy *o, int64_t i,
    struct vmf_rng *rng, int64_t max_hosts, struct vmf_choice *list,
    int64_t most)
{
	const struct vmf_moves *m = o->m;
	int64_t n, got = 0, at;
	const int32_t *to = vmf_occupancy_targets(o, i, &n);

	at = n > max_hosts ? vmf_rng_below(rng, n) : 0;
	for (int64_t h = 0; h < n && h < max_hosts; h++) {
		struct vmf_choice c = { .to = to[(at + h) % n] };
		struct open_from from;

		if (c.to >= 0 && c.to == m->vm[i].host)
			continue;
		from = host_from(o, i, c.to);
		for (int64_t k = 0; k < m->n_starts; k++) {
			if (m->cost[i * m->n_starts + k] == VMF_COST_NONE ||
			    obstacle(o, i, k, c.to, from) >= 0)
				continue;
			c.slot = (int32_t)k;
			c.cost = vmf_occupancy_cost(o, i, k, c.to);
			got = insert(list, got, most, &c);
		}
	}
	return got;
}

int64_t
vmf_occupancy_obstacles(struct vmf_occupancy *o, int64_t i, double below,
    int64_t n_by[VMF_N_OBSTACLES])
{
	const struct vmf_move *v = &o->m->vm[i];
	const uint16_t *cost = o->m->cost + i * o->m->n_starts;
	int64_t n, seen = 0;
	const int32_t *list = vmf_occupancy_targets(o, i, &n);
	int32_t to;

	/* In the units in which costs are kept. */
	below = fmin(ldexp(below, -v->cost_exp) + v->cost_below,
	    VMF_COST_NONE);
	for (int64_t k = 0; k < o->m->n_starts; k++)
		seen += cost[k] < below;
	for (int64_t h = 0; h < n; h++) {
		struct open_from from;

		to = list[h];
		if (v->place && to == v->host)
			continue;
		from = host_from(o, i, to);
		for (int64_t k = 0; k < o->m->n_starts; k++) {
			int by;

			if (!(cost[k] < below))
				continue;
			by = obstacle(o, i, k, to, from);
			if (by >= 0)
				n_by[by]++;
		}
	}
	return seen;
}
