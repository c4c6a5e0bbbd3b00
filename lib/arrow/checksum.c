/* SPDX-License-Identifier: MIT */
#include "arrow/checksum.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/names.h"
#include "base/rng.h"

/* Rows looked at together. */
#define PIECE 4096

/* A column of any of the streams. */
struct column {
	char *name;
	uint64_t name_hash, sum;
};

/* Of the strings of a dictionary, for as long as its codes keep their
 * meaning. */
struct hashes {
	uint64_t gen;
	uint64_t *hash;
	int64_t n, cap;
};

struct vmf_checksum {
	const char *columns;
	struct column *col;	/* sorted by name */
	int64_t n_cols, cap;
	/* of the present stream: */
	int *from;		/* place in a batch, per used column */
	int *to;		/* place in col */
	struct hashes *text;	/* by used column */
	int64_t n_used, used_cap, to_cap, text_n, text_cap;
	uint64_t row[PIECE];	/* of the present batch */
	int64_t n_rows;
	uint64_t sum;
};

static uint64_t
mix(uint64_t x)
{
	return vmf_mix64(x + VMF_RNG_STEP);
}

static uint64_t
hash2(uint64_t a, uint64_t b)
{
	return mix(mix(a) ^ b);
}

static uint64_t
bits_of(double v)
{
	uint64_t w;

	if (isnan(v))
		return 0x7ff8000000000000u;
	v += 0.0;		/* -0 is 0 */
	memcpy(&w, &v, sizeof(w));
	return w;
}

static uint64_t
hash_text(const char *s, int64_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	uint64_t h = hash2(4, (uint64_t)len);

	for (int64_t i = 0; i < len; i += 8) {
		uint64_t w = 0;

		for (int k = 0; k < 8 && i + k < len; k++)
			w |= (uint64_t)p[i + k] << 8 * k;
		h = mix(h ^ w);
	}
	return h;
}

static uint64_t
hash_value(const struct vmf_col *c, int64_t i)
{
	const float *f32;
	const double *f64;
	const char *s;
	int64_t n;
	uint64_t h;

	if (!vmf_col_valid(c, i))
		return mix(0);
	switch (c->type) {
	case VMF_BOOL:
		return hash2(1, c->d.b8[i]);
	case VMF_INT32:
		return hash2(1, (uint64_t)(int64_t)c->d.i32[i]);
	case VMF_INT64:
		return hash2(1, (uint64_t)c->d.i64[i]);
	case VMF_TIME:
		return hash2(3, (uint64_t)c->d.i64[i]);
	case VMF_FLOAT32:
		return hash2(2, bits_of((double)c->d.f32[i]));
	case VMF_FLOAT64:
		return hash2(2, bits_of(c->d.f64[i]));
	case VMF_UTF8:
	case VMF_BINARY:
		s = vmf_col_str(c, i, &n);
		return hash_text(s, n);
	case VMF_LIST_FLOAT32:
		f32 = vmf_col_list32(c, i, &n);
		h = hash2(5, (uint64_t)n);
		for (int64_t k = 0; k < n; k++)
			h = mix(h ^ bits_of((double)f32[k]));
		return h;
	case VMF_LIST_FLOAT64:
		f64 = vmf_col_list64(c, i, &n);
		h = hash2(5, (uint64_t)n);
		for (int64_t k = 0; k < n; k++)
			h = mix(h ^ bits_of(f64[k]));
		return h;
	case VMF_NULL:
		break;
	}
	return mix(0);
}

int
vmf_checksum_new(struct vmf_checksum **out, const char *columns,
    struct vmf_err *e)
{
	*out = vmf_calloc(1, sizeof(**out), e);
	if (*out == NULL)
		return VMF_ENOMEM;
	(*out)->columns = columns;
	return 0;
}

/* Place of the column of this name in s->col, made if new; or < 0. */
static int64_t
place(struct vmf_checksum *s, const char *name, struct vmf_err *e)
{
	struct column new = { NULL, hash_text(name, (int64_t)strlen(name)),
	    0 };
	int64_t at = 0, end = s->n_cols, middle;

	while (at < end) {
		middle = (at + end) / 2;
		if (strcmp(s->col[middle].name, name) < 0)
			at = middle + 1;
		else
			end = middle;
	}
	if (at < s->n_cols && strcmp(s->col[at].name, name) == 0)
		return at;
	if (vmf_grow(&s->col, &s->cap, s->n_cols + 1, e) != 0 ||
	    (new.name = vmf_strdup(name, e)) == NULL)
		return VMF_ENOMEM;
	memmove(&s->col[at + 1], &s->col[at],
	    (size_t)(s->n_cols - at) * sizeof(*s->col));
	s->col[at] = new;
	s->n_cols++;
	return at;
}

int
vmf_checksum_schema(struct vmf_checksum *s, const struct vmf_schema *f,
    const char *stream, struct vmf_err *e)
{
	for (const char *c = s->columns; c != NULL && *c != '\0';) {
		size_t len = strcspn(c, ",");
		bool found = false;

		for (int i = 0; i < f->n && !found; i++)
			found = strlen(f->field[i].name) == len &&
			    memcmp(f->field[i].name, c, len) == 0;
		if (!found)
			return vmf_fail(e, VMF_EDATA, "--columns: found "
			    "'%.*s', which %s does not have", (int)len, c,
			    stream);
		c += len + (c[len] == ',');
	}
	if (vmf_grow(&s->from, &s->used_cap, f->n, e) != 0 ||
	    vmf_grow(&s->to, &s->to_cap, f->n, e) != 0 ||
	    vmf_grow(&s->text, &s->text_cap, f->n, e) != 0)
		return VMF_ENOMEM;
	/* Codes of the stream before mean nothing any more. */
	for (int64_t k = 0; k < f->n; k++) {
		if (k >= s->text_n)
			s->text[s->text_n++] = (struct hashes){ 0 };
		s->text[k].n = 0;
	}
	s->n_used = 0;
	for (int i = 0; i < f->n; i++) {
		const char *name = f->field[i].name;

		if (s->columns != NULL && !vmf_names_has(s->columns, name,
		    (int64_t)strlen(name)))
			continue;
		if (place(s, name, e) < 0)
			return VMF_ENOMEM;
		s->from[s->n_used++] = i;
	}
	/* A name that is new moves those after it. */
	for (int64_t k = 0; k < s->n_used; k++)
		s->to[k] = (int)place(s, f->field[s->from[k]].name, e);
	return 0;
}

/* Hash each string once, not once a row, nor once a batch. */
static int
add_strings(struct hashes *h, const struct vmf_dict *d, struct vmf_err *e)
{
	if (h->gen != d->gen)
		h->n = 0;
	h->gen = d->gen;
	if (vmf_grow(&h->hash, &h->cap, d->n, e) != 0)
		return VMF_ENOMEM;
	for (; h->n < d->n; h->n++) {
		int64_t len;
		const char *t = vmf_dict_str(d, (int32_t)h->n, &len);

		h->hash[h->n] = t == NULL ? mix(0) : hash_text(t, len);
	}
	return 0;
}

/* Add n cells of one column, from one on, to the rows and to its sum. */
static int
add_column(struct vmf_checksum *s, struct column *to, struct hashes *text,
    const struct vmf_col *c, int64_t from, int64_t n, struct vmf_err *e)
{
	if (c->is_dict && add_strings(text, c->dict, e) != 0)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		uint64_t v = c->is_dict && vmf_col_valid(c, from + i) ?
		    text->hash[c->d.i32[from + i]] : hash_value(c, from + i);
		uint64_t cell = mix(to->name_hash ^ v);

		to->sum += cell;
		s->row[i] += cell;
	}
	return 0;
}

/* Nulls alone: each row is like the next, and no bytes hold any of them, so
 * that a stream of a few may claim 2^31. */
static bool
all_alike(const struct vmf_checksum *s, const struct vmf_batch *b)
{
	for (int64_t k = 0; k < s->n_used; k++)
		if (b->col[s->from[k]].type != VMF_NULL)
			return false;
	return true;
}

static void
add_alike(struct vmf_checksum *s, uint64_t n)
{
	uint64_t row = 0;

	for (int64_t k = 0; k < s->n_used; k++) {
		struct column *to = &s->col[s->to[k]];
		uint64_t cell = mix(to->name_hash ^ mix(0));

		to->sum += n * cell;
		row += cell;
	}
	s->sum += n * mix(row);
}

int
vmf_checksum_add(struct vmf_checksum *s, const struct vmf_batch *b,
    struct vmf_err *e)
{
	int64_t n;

	s->n_rows += b->n;
	if (all_alike(s, b)) {
		add_alike(s, (uint64_t)b->n);
		return 0;
	}
	for (int64_t from = 0; from < b->n; from += n) {
		n = b->n - from < PIECE ? b->n - from : PIECE;
		memset(s->row, 0, (size_t)n * sizeof(*s->row));
		for (int64_t k = 0; k < s->n_used; k++) {
			int rc = add_column(s, &s->col[s->to[k]],
			    &s->text[k], &b->col[s->from[k]], from, n, e);

			if (rc != 0)
				return rc;
		}
		for (int64_t i = 0; i < n; i++)
			s->sum += mix(s->row[i]);
	}
	return 0;
}

int
vmf_checksum_print(const struct vmf_checksum *s, struct vmf_out *o,
    struct vmf_err *e)
{
	struct vmf_buf text = { 0 };
	int rc = vmf_buf_printf(&text, e, "%" PRId64 " rows\n"
	    "%016" PRIx64 "  *\n", s->n_rows, s->sum);

	for (int64_t i = 0; rc == 0 && i < s->n_cols; i++)
		rc = vmf_buf_printf(&text, e, "%016" PRIx64 "  %s\n",
		    s->col[i].sum, s->col[i].name);
	if (rc == 0)
		rc = vmf_out_write(o, text.p, text.n, e);
	vmf_buf_free(&text);
	return rc;
}

void
vmf_checksum_free(struct vmf_checksum *s)
{
	if (s == NULL)
		return;
	for (int64_t i = 0; i < s->n_cols; i++)
		free(s->col[i].name);
	free(s->col);
	free(s->from);
	free(s->to);
	for (int64_t k = 0; k < s->text_n; k++)
		free(s->text[k].hash);
	free(s->text);
	free(s);
}
