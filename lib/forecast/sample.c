/* SPDX-License-Identifier: MIT */
#include "forecast/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

uint64_t
vmf_sample_key(const char *id, int64_t len, const char *name)
{
	/* FNV-1a, whose high bits are mixed once more. */
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (int64_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)id[i]) * UINT64_C(0x100000001b3);
	h *= UINT64_C(0x100000001b3);
	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return vmf_mix64(h);
}

double
vmf_sample_draw(uint64_t key, int64_t i)
{
	return (double)(vmf_random(key, (uint64_t)i) >> 11) * 0x1p-53;
}

void
vmf_sample_init(struct vmf_sample *s, int64_t width, int64_t mem_bytes,
    int64_t rows_max)
{
	int64_t row = width * (int64_t)sizeof(*s->rec) + 24;

	*s = (struct vmf_sample){ .width = width, .rows_max = rows_max,
	    .limit = UINT64_MAX };
	if (rows_max > mem_bytes / row)
		s->rows_max = mem_bytes / row < 1 ? 1 : mem_bytes / row;
}

bool
vmf_sample_wants(const struct vmf_sample *s, uint64_t key)
{
	return key < s->limit;
}

/* Lower the limit, and drop what is not below it. */
static void
thin(struct vmf_sample *s)
{
	int64_t to = 0;

	s->limit -= s->limit / 10 + 1;
	for (int64_t i = 0; i < s->n; i++) {
		if (!vmf_sample_wants(s, s->key[i]))
			continue;
		if (to < i) {
			memcpy(s->rec + to * s->width, s->rec + i * s->width,
			    (size_t)s->width * sizeof(*s->rec));
			s->from[to] = s->from[i];
			s->until[to] = s->until[i];
			s->key[to] = s->key[i];
		}
		to++;
	}
	s->n = to;
}

int
vmf_sample_add(struct vmf_sample *s, uint64_t key, int64_t from,
    int64_t until, float **rec, struct vmf_err *e)
{
	int rc;

	*rec = NULL;
	while (s->n >= s->rows_max && vmf_sample_wants(s, key))
		thin(s);
	if (!vmf_sample_wants(s, key))
		return 0;
	if ((rc = vmf_grow(&s->rec, &s->rec_cap, (s->n + 1) * s->width,
	    e)) != 0 ||
	    (rc = vmf_grow(&s->from, &s->from_cap, s->n + 1, e)) != 0 ||
	    (rc = vmf_grow(&s->until, &s->until_cap, s->n + 1, e)) != 0 ||
	    (rc = vmf_grow(&s->key, &s->key_cap, s->n + 1, e)) != 0)
		return rc;
	s->from[s->n] = from;
	s->until[s->n] = until;
	s->key[s->n] = key;
	*rec = s->rec + s->n++ * s->width;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The moment of the split: of all rows, share begin there or later. */
static int
split_at(const struct vmf_sample *s, double share, int64_t *at,
    struct vmf_err *e)
{
	int64_t *t = vmf_calloc(s->n, (int64_t)sizeof(*t), e);

	if (t == NULL)
		return VMF_ENOMEM;
	memcpy(t, s->from, (size_t)s->n * sizeof(*t));
	qsort(t, (size_t)s->n, sizeof(*t), compare);
	*at = t[(int64_t)((1.0 - share) * (double)(s->n - 1))];
	free(t);
	return 0;
}

static int
part_of(const struct vmf_sample *s, int64_t i, int64_t at)
{
	return s->from[i] >= at ? 2 : s->until[i] <= at ? 0 : 1;
}

int
vmf_sample_split(struct vmf_sample *s, double share, int64_t *n_learn,
    int64_t *n_test, struct vmf_err *e)
{
	struct vmf_sample to = { .width = s->width, .rows_max = s->rows_max,
	    .limit = s->limit };
	int64_t at, count[3] = { 0 };
	float *rec;
	int rc;

	*n_learn = *n_test = 0;
	if (s->n == 0)
		return 0;
	if ((rc = split_at(s, share, &at, e)) != 0)
		return rc;
	for (int part = 0; part < 3; part++)
		for (int64_t i = 0; i < s->n; i++) {
			if (part_of(s, i, at) != part)
				continue;
			count[part]++;
			if ((rc = vmf_sample_add(&to, s->key[i], s->from[i],
			    s->until[i], &rec, e)) != 0) {
				vmf_sample_free(&to);
				return rc;
			}
			memcpy(rec, s->rec + i * s->width,
			    (size_t)s->width * sizeof(*rec));
		}
	vmf_sample_free(s);
	*s = to;
	if (count[0] > 0 && count[2] > 0) {
		*n_learn = count[0];
		*n_test = count[2];
	}
	return 0;
}

void
vmf_sample_free(struct vmf_sample *s)
{
	free(s->rec);
	free(s->from);
	free(s->until);
	free(s->key);
	*s = (struct vmf_sample){ 0 };
}
