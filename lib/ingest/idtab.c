/* SPDX-License-Identifier: MIT */
#include "ingest/idtab.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "ingest/convert.h"

#ifdef VMF_X86
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

#define SEG_BITS 12		/* entries of a segment */
#define SEG_MAX (1 << 16)
#define CHUNK_BYTES (256 * 1024)
#define FULL_BYTES ((int64_t)256 << 20)

struct entry {
	const char *s;
	int32_t len;
	_Atomic int32_t next;	/* code that came after this the last time;
				 * a guess, of no order with anything */
};

struct chunk {
	struct chunk *older;
	char text[];		/* used from a multiple of 64 on */
};

/* High half of the hash and code + 1, or 0: one word, so that whoever sees
 * the code sees the entry. */
struct slots {
	struct slots *older;	/* threads may still look into it */
	int64_t mask;
	_Atomic uint64_t v[];
};

struct vmf_idtab {
	struct entry *seg[SEG_MAX];
	_Atomic int32_t n;
	_Atomic(struct slots *) slots;
	struct chunk *chunk;
	int64_t chunk_n, chunk_cap, bytes;
};

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Sixteen bytes a step (wyhash's mixing, by Wang Yi, public domain); up to
 * 16 bytes after s are read, as of all texts here. */
static inline uint64_t
hash(const char *s, int64_t len)
{
	uint64_t h = (uint64_t)len ^ 0x9e3779b97f4a7c15u, a, b;

	while (len > 16) {
		h = mix(vmf_word(s) ^ 0xa0761d6478bd642fu, vmf_word(s + 8) ^ h);
		s += 16;
		len -= 16;
	}
	a = vmf_word(s);
	b = vmf_word(s + 8);
	if (len < 8) {
		a &= ((uint64_t)1 << (8 * len)) - 1;
		b = 0;
	} else if (len < 16) {
		b &= ((uint64_t)1 << (8 * (len - 8))) - 1;
	}
	h = mix(a ^ 0xe7037ed1a0b428dbu, b ^ h);
	return mix(h, 0x8ebc6af09c88c6e3u);
}

static inline struct entry *
entry(const struct vmf_idtab *t, int32_t code)
{
	return &t->seg[code >> SEG_BITS][code & ((1 << SEG_BITS) - 1)];
}

static struct slots *
new_slots(int64_t n, struct vmf_err *e)
{
	struct slots *s = vmf_calloc((int64_t)sizeof(*s) +
	    n * (int64_t)sizeof(s->v[0]), 1, e);

	if (s != NULL)
		s->mask = n - 1;
	return s;
}

int
vmf_idtab_new(struct vmf_idtab **out, struct vmf_err *e)
{
	struct vmf_idtab *t = vmf_calloc(1, sizeof(*t), e);
	struct slots *s = new_slots(1024, e);

	*out = NULL;
	if (t == NULL || s == NULL) {
		free(t);
		free(s);
		return VMF_ENOMEM;
	}
	atomic_init(&t->slots, s);
	*out = t;
	return 0;
}

void
vmf_idtab_free(struct vmf_idtab *t)
{
	struct slots *s;
	struct chunk *c;

	if (t == NULL)
		return;
	for (int i = 0; i < SEG_MAX && t->seg[i] != NULL; i++)
		free(t->seg[i]);
	for (s = atomic_load(&t->slots); s != NULL;) {
		struct slots *older = s->older;

		free(s);
		s = older;
	}
	while (t->chunk != NULL) {
		c = t->chunk->older;
		free(t->chunk);
		t->chunk = c;
	}
	free(t);
}

/* Code of the text, or -1. */
static inline int32_t
look_up(const struct vmf_idtab *t, const struct slots *sl, const char *s,
    int64_t len, uint64_t h)
{
	for (int64_t i = (int64_t)h & sl->mask;; i = (i + 1) & sl->mask) {
		uint64_t v = atomic_load_explicit(&sl->v[i],
		    memory_order_acquire);
		const struct entry *x;

		if (v == 0)
			return -1;
		if ((v ^ h) >> 32 != 0)
			continue;
		x = entry(t, (int32_t)(uint32_t)v - 1);
		if (x->len == len && vmf_same(x->s, s, len))
			return (int32_t)(uint32_t)v - 1;
	}
}

static void
put_slot(struct slots *sl, uint64_t h, int32_t code)
{
	int64_t i = (int64_t)h & sl->mask;

	while (atomic_load_explicit(&sl->v[i], memory_order_relaxed) != 0)
		i = (i + 1) & sl->mask;
	atomic_store_explicit(&sl->v[i], (h >> 32 << 32) |
	    ((uint64_t)(uint32_t)code + 1), memory_order_release);
}

/* At most half full, so that probes stay short. */
static int
grow_slots(struct vmf_idtab *t, int32_t n, struct vmf_err *e)
{
	struct slots *old = atomic_load_explicit(&t->slots,
	    memory_order_relaxed), *s;

	if (((int64_t)n + 1) * 2 <= old->mask)
		return 0;
	s = new_slots((old->mask + 1) * 4, e);
	if (s == NULL)
		return VMF_ENOMEM;
	for (int32_t code = 0; code < n; code++) {
		const struct entry *x = entry(t, code);

		put_slot(s, hash(x->s, x->len), code);
	}
	s->older = old;
	atomic_store_explicit(&t->slots, s, memory_order_release);
	return 0;
}

/* Room for len bytes of text with 64 that can be read after them: the first
 * of these, up to a whole word, by threads that compare, so they are of no
 * other text.  Long ones begin where a cache line does. */
static char *
text_room(struct vmf_idtab *t, int64_t len, struct vmf_err *e)
{
	int64_t align = len >= 48 ? 64 : 8;
	int64_t cap = len + 192 > CHUNK_BYTES ? len + 192 : CHUNK_BYTES;
	int64_t at = 0;
	struct chunk *c = t->chunk;

	if (c != NULL)
		at = t->chunk_n + (int64_t)
		    (-(uintptr_t)(c->text + t->chunk_n) &
		    (uintptr_t)(align - 1));
	if (c == NULL || t->chunk_cap - at < len + 64) {
		c = vmf_calloc((int64_t)sizeof(*c) + cap, 1, e);
		if (c == NULL)
			return NULL;
		c->older = t->chunk;
		t->chunk = c;
		t->chunk_cap = cap;
		at = (int64_t)(-(uintptr_t)c->text & (uintptr_t)(align - 1));
	}
	t->chunk_n = at + len;
	return c->text + at;
}

int
vmf_idtab_add(struct vmf_idtab *t, const char *s, int64_t len, int32_t *code,
    struct vmf_err *e)
{
	int32_t n = atomic_load_explicit(&t->n, memory_order_relaxed);
	uint64_t h = hash(s, len);
	struct entry *x;
	char *text;
	int rc;

	*code = look_up(t, atomic_load_explicit(&t->slots,
	    memory_order_relaxed), s, len, h);
	if (*code >= 0)
		return 0;
	if (t->bytes + len > FULL_BYTES || n >> SEG_BITS >= SEG_MAX)
		return 0;
	rc = grow_slots(t, n, e);
	if (rc != 0)
		return rc;
	if (t->seg[n >> SEG_BITS] == NULL) {
		t->seg[n >> SEG_BITS] = vmf_calloc(1 << SEG_BITS,
		    sizeof(*x), e);
		if (t->seg[n >> SEG_BITS] == NULL)
			return VMF_ENOMEM;
	}
	text = text_room(t, len, e);
	if (text == NULL)
		return VMF_ENOMEM;
	memcpy(text, s, (size_t)len);
	x = entry(t, n);
	x->s = text;
	x->len = (int32_t)len;
	atomic_init(&x->next, n + 1);
	t->bytes += len + (int64_t)sizeof(*x) + 32;
	put_slot(atomic_load_explicit(&t->slots, memory_order_relaxed), h,
	    n);
	atomic_store_explicit(&t->n, n + 1, memory_order_release);
	*code = n;
	return 0;
}

/* ---- looking up ---- */

/* What a text that is not in the table is; at line r. */
static int32_t
unknown(struct vmf_id_state *st, const char *s, int64_t len, int64_t r,
    bool may_miss, uint8_t *odd)
{
	struct vmf_field_text f = { s, len };

	if (may_miss && vmf_field_missing(&f))
		return VMF_ID_MISSING;
	if (len == 0 || len > INT32_MAX || !vmf_utf8_valid(s, len)) {
		*odd = 1;
		return VMF_ID_UNKNOWN;
	}
	st->unknown = s;
	st->unknown_len = len;
	st->unknown_line = (int32_t)(st->n + r);
	return VMF_ID_UNKNOWN;
}

/* A new VM whose lines follow each other would else be looked for, in vain,
 * once a line. */
static inline bool
still_unknown(const struct vmf_id_state *st, const char *s, int64_t len)
{
	return st->unknown != NULL && st->unknown_len == len &&
	    vmf_same(st->unknown, s, len);
}

/* Remember what came after prev; 1 if that was another the last time. */
static inline int
set_next(const struct vmf_idtab *t, int32_t prev, int32_t code)
{
	struct entry *x;

	if (prev < 0 || code < 0)
		return 0;
	x = entry(t, prev);
	if (atomic_load_explicit(&x->next, memory_order_relaxed) == code)
		return 0;
	atomic_store_explicit(&x->next, code, memory_order_relaxed);
	return 1;
}

/*
 * Ids in no order: all hashes of a few rows first, then their slots, then
 * their entries, so that the memory is on its way when it is needed.
 */
#define AHEAD 32

static int64_t
find_hashed(const struct vmf_idtab *t, const struct slots *sl,
    const struct vmf_cells *c, int64_t f, int64_t from, bool may_miss,
    struct vmf_id_state *st, int32_t *code)
{
	const char *s[AHEAD], *end[AHEAD];
	uint64_t h[AHEAD];
	int64_t n = c->n - from < AHEAD ? c->n - from : AHEAD;

	for (int64_t i = 0; i < n; i++) {
		if (c->odd[from + i])
			continue;
		vmf_cell(c, from + i, f, &s[i], &end[i]);
		h[i] = hash(s[i], end[i] - s[i]);
		__builtin_prefetch((const void *)&sl->v[
		    (int64_t)h[i] & sl->mask]);
	}
	for (int64_t i = 0; i < n; i++) {
		uint64_t v;

		if (c->odd[from + i])
			continue;
		v = atomic_load_explicit(&sl->v[(int64_t)h[i] & sl->mask],
		    memory_order_acquire);
		if (v != 0)
			__builtin_prefetch(entry(t,
			    (int32_t)(uint32_t)v - 1));
	}
	for (int64_t i = 0; i < n; i++) {
		uint64_t v;
		const char *x;

		if (c->odd[from + i])
			continue;
		v = atomic_load_explicit(&sl->v[(int64_t)h[i] & sl->mask],
		    memory_order_acquire);
		if (v == 0)
			continue;
		x = entry(t, (int32_t)(uint32_t)v - 1)->s;
		__builtin_prefetch(x);
		__builtin_prefetch(x + 63);
	}
	for (int64_t i = 0; i < n; i++) {
		int64_t r = from + i;

		if (c->odd[r])
			continue;
		code[r] = look_up(t, sl, s[i], end[i] - s[i], h[i]);
		if (code[r] < 0)
			code[r] = unknown(st, s[i], end[i] - s[i], r,
			    may_miss, &c->odd[r]);
		/* Guesses that were not made count too, or they would be
		 * made again after every few rows. */
		st->misses += set_next(t, st->prev, code[r]);
		st->prev = code[r];
	}
	return n;
}

/*
 * The code that came after prev the last time.  Mostly it is the next one,
 * and to have the processor suppose so saves it waiting for each entry
 * before it can look at the next: the empty asm keeps the compiler from
 * seeing that both branches give the same.
 */
static inline int32_t
guess_next(const struct vmf_idtab *t, int32_t prev)
{
	int32_t next, guess = prev + 1;

	if (prev < 0)
		return -1;
	next = atomic_load_explicit(&entry(t, prev)->next,
	    memory_order_relaxed);
#ifdef __GNUC__
	__asm__("" : "+r"(guess));
#endif
	return __builtin_expect(next == guess, 1) ? guess : next;
}

/* Texts of one length, at a constant level of wide instructions. */
#ifdef VMF_X86
VMF_TARGET_AVX512 INLINE bool
same_avx512(const char *a, const char *b, int64_t len)
{
	__mmask64 part;

	for (; len > 64; len -= 64, a += 64, b += 64)
		if (_mm512_cmpneq_epi8_mask(_mm512_loadu_si512(a),
		    _mm512_loadu_si512(b)) != 0)
			return false;
	part = _bzhi_u64(~(uint64_t)0, (uint32_t)len);
	return _mm512_mask_cmpneq_epi8_mask(part,
	    _mm512_maskz_loadu_epi8(part, a),
	    _mm512_maskz_loadu_epi8(part, b)) == 0;
}
#endif

/* The loop of vmf_idtab_find, for one way to compare. */
INLINE void
find(struct vmf_idtab *t, const struct vmf_cells *c, int64_t f,
    bool may_miss, struct vmf_id_state *st, int32_t *code,
    bool (*same)(const char *a, const char *b, int64_t len))
{
	int32_t n_seen = atomic_load_explicit(&t->n, memory_order_acquire);
	const struct slots *sl = atomic_load_explicit(&t->slots,
	    memory_order_acquire);
	int64_t r = 0;

	while (r < c->n) {
		const char *s, *end;
		int64_t len;
		int32_t guess;

		/* A guess that fails costs more than none. */
		if (st->misses > 16 && st->misses * 4 > st->n + r) {
			r += find_hashed(t, sl, c, f, r, may_miss, st, code);
			continue;
		}
		if (c->odd[r]) {
			r++;
			continue;
		}
		vmf_cell(c, r, f, &s, &end);
		len = end - s;
		guess = guess_next(t, st->prev);
		if (guess >= 0 && guess < n_seen) {
			const struct entry *x = entry(t, guess);

			/* Texts lie in the order of their codes; one that
			 * is not there costs nothing. */
			__builtin_prefetch(x->s + 8 * len);
			__builtin_prefetch(x + 16);
			if (x->len == len && same(x->s, s, len)) {
				code[r++] = st->prev = guess;
				continue;
			}
		}
		if (still_unknown(st, s, len)) {
			code[r++] = VMF_ID_AS_LINE(st->unknown_line);
			continue;
		}
		st->misses++;
		code[r] = look_up(t, sl, s, len, hash(s, len));
		if (code[r] < 0)
			code[r] = unknown(st, s, len, r, may_miss,
			    &c->odd[r]);
		(void)set_next(t, st->prev, code[r]);
		st->prev = code[r++];
	}
	st->n += c->n;
}

static void
find_plain(struct vmf_idtab *t, const struct vmf_cells *c, int64_t f,
    bool may_miss, struct vmf_id_state *st, int32_t *code)
{
	find(t, c, f, may_miss, st, code, vmf_same);
}

#ifdef VMF_X86
VMF_TARGET_AVX512 static void
find_avx512(struct vmf_idtab *t, const struct vmf_cells *c, int64_t f,
    bool may_miss, struct vmf_id_state *st, int32_t *code)
{
	find(t, c, f, may_miss, st, code, same_avx512);
}
#endif

void
vmf_idtab_find(struct vmf_idtab *t, enum vmf_simd level,
    const struct vmf_cells *c, int64_t f, bool may_miss,
    struct vmf_id_state *st, int32_t *code)
{
#ifdef VMF_X86
	if (level == VMF_SIMD_AVX512) {
		find_avx512(t, c, f, may_miss, st, code);
		return;
	}
#else
	(void)level;
#endif
	find_plain(t, c, f, may_miss, st, code);
}
