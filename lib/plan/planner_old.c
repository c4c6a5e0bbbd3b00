/* SPDX-License-Identifier: MIT */
/* The plan that is to be replaced, read beside the forecast. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "plan/planner_in.h"

static int
find(const struct vmf_planner *p, const char *name, enum vmf_type type,
    bool must, int *col, struct vmf_err *e)
{
	const struct vmf_schema *s = vmf_reader_schema(p->old);

	*col = vmf_schema_find(s, name);
	if (*col < 0 && must)
		return vmf_fail(e, VMF_EDATA, "%s: no column '%s', which "
		    "every plan has", vmf_reader_name(p->old), name);
	if (*col >= 0 && s->field[*col].type != type &&
	    s->field[*col].type != VMF_NULL)
		return vmf_fail(e, VMF_EDATA, "%s: column '%s' is %s, "
		    "expected %s", vmf_reader_name(p->old), name,
		    vmf_type_name(s->field[*col].type), vmf_type_name(type));
	return 0;
}

int
vmf_planner_old_open(struct vmf_planner *p, struct vmf_err *e)
{
	const struct vmf_schema *s = vmf_reader_schema(p->old);
	const char *kind = vmf_meta_get(&s->meta, "vmf:kind");
	struct vmf_old_plan *b = &p->before;
	int rc;

	b->at.r = p->old;
	if (kind != NULL && strcmp(kind, "plan") != 0)
		return vmf_fail(e, VMF_EDATA, "%s: a stream of kind '%.32s', "
		    "expected 'plan'", vmf_reader_name(p->old), kind);
	if ((rc = find(p, "id", VMF_UTF8, true, &b->at.id, e)) != 0 ||
	    (rc = find(p, "start", VMF_TIME, true, &b->start, e)) != 0 ||
	    (rc = find(p, "target", VMF_UTF8, false, &b->target, e)) != 0)
		return rc;
	b->rank = vmf_schema_find(s, "rank");
	return 0;
}

/* Is the row at b->at.row a move, and no alternative to one? */
static bool
is_move(const struct vmf_old_plan *b)
{
	const struct vmf_col *c = b->at.b->col;

	return (b->rank < 0 || vmf_col_num(&c[b->rank], b->at.row) <= 1.0) &&
	    c[b->start].type == VMF_TIME &&
	    vmf_col_valid(&c[b->start], b->at.row);
}

/* The row at b->at.row is a move of VM v: what of it can still be done. */
static int
take(struct vmf_planner *p, struct vmf_move *v, struct vmf_err *e)
{
	const struct vmf_old_plan *b = &p->before;
	const struct vmf_moves *m = &p->moves;
	const struct vmf_col *c = b->at.b->col;
	int64_t at, len = 0;
	const char *s = NULL;
	int32_t to = -1;

	if (b->target >= 0)
		s = vmf_col_str(&c[b->target], b->at.row, &len);
	if (s != NULL && len > 0 &&
	    (to = vmf_dict_find(&p->hosts_seen, s, len)) < 0 && v->place) {
		/* A host whose VMs come later, or one that is gone. */
		if ((to = vmf_planner_add_host(p, s, len, e)) < 0)
			return to;
	}
	if (to >= 0 && to == v->host) {
		p->n_done++;
		return 0;
	}
	/* Of a name that is not known to is -1, as a target is that it has
	 * not. */
	if ((!v->place && (to != v->target || (len > 0 && to < 0))) ||
	    (v->place && to < 0)) {
		p->n_past++;
		return 0;
	}
	v->old_to = to;
	if (__builtin_sub_overflow(c[b->start].d.i64[b->at.row], m->first,
	    &at) || at < 0 || at % m->slot_s != 0 ||
	    at / m->slot_s >= m->n_starts)
		p->n_past++;
	else
		v->old_slot = (int32_t)(at / m->slot_s);
	return 0;
}

int
vmf_planner_old_row(struct vmf_planner *p, int64_t i, struct vmf_move *v,
    struct vmf_err *e)
{
	int64_t len, o_len;
	const char *id = vmf_series_id(p->plan.forecast, i, &len), *o_id;
	int got, rc;

	while ((got = vmf_sorted_peek(&p->before.at, &o_id, &o_len, e)) > 0) {
		int cmp = vmf_id_cmp(o_id, o_len, id, len);

		if (cmp > 0)
			break;
		if (is_move(&p->before)) {
			if (cmp < 0)
				p->n_past++;
			else if ((rc = take(p, v, e)) != 0)
				return rc;
		}
		if ((rc = vmf_sorted_next(&p->before.at, o_id, o_len, e)) != 0)
			return rc;
	}
	return got < 0 ? got : 0;
}

int
vmf_planner_old_close(struct vmf_planner *p, struct vmf_err *e)
{
	const char *id;
	int64_t len;
	int got, rc;

	while ((got = vmf_sorted_peek(&p->before.at, &id, &len, e)) > 0) {
		p->n_past += is_move(&p->before);
		if ((rc = vmf_sorted_next(&p->before.at, id, len, e)) != 0)
			return rc;
	}
	return got;
}
