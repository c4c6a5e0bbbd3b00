/* SPDX-License-Identifier: MIT */
#include "series/sorted.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "series/series.h"

int
vmf_sorted_peek(struct vmf_sorted *s, const char **id, int64_t *len,
    struct vmf_err *e)
{
	while (!s->ended && (s->b == NULL || s->row == s->b->n)) {
		int got = vmf_reader_next(s->r, &s->b, e);

		if (got < 0)
			return got;
		s->ended = got == 0;
		s->row = 0;
	}
	if (s->ended)
		return 0;
	*id = vmf_col_str(&s->b->col[s->id], s->row, len);
	if (*id == NULL || (s->last != NULL &&
	    vmf_id_cmp(s->last, s->last_len, *id, *len) > 0))
		return vmf_fail(e, VMF_EDATA, "%s: row %" PRId64 ": its id "
		    "is missing or before that of the row before; expected "
		    "rows sorted by id", vmf_reader_name(s->r),
		    vmf_reader_row(s->r) + s->row);
	return 1;
}

int
vmf_sorted_next(struct vmf_sorted *s, const char *id, int64_t len,
    struct vmf_err *e)
{
	int rc = vmf_grow(&s->last, &s->last_cap, len + 1, e);

	if (rc != 0)
		return rc;
	memcpy(s->last, id, (size_t)len);
	s->last_len = len;
	s->row++;
	return 0;
}

void
vmf_sorted_free(struct vmf_sorted *s)
{
	free(s->last);
}
