/* SPDX-License-Identifier: MIT */
/*
 * A stream from text, for the other tests:
 *   rows <text >stream
 * The first line is metadata, key=value with blanks between, "vmf:" put
 * before each key; "-" is none.  The second is columns, name:type, where the
 * type is utf8 (or nothing), dict, binary, int32, f32, f64, time, list or
 * list64.  Each other line is a row; "-" is missing, lists have commas
 * between their items, "3*24" is 24 times 3, "[]" is an empty list.  A line
 * "batch" ends a batch.  Without input it checks itself.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrow/arrow.h"
#include "base/num.h"
#include "base/time.h"

static struct vmf_err err;

static void
check(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "rows: %s: %s\n", what, err.msg);
		exit(1);
	}
}

static double
number(const char *s)
{
	double v;

	if (strcmp(s, "-") == 0)
		return NAN;
	check(vmf_parse_double(s, (int64_t)strlen(s), &v), s);
	return v;
}

static int64_t
items(char *s, double *v, int64_t max)
{
	int64_t n = 0;

	if (strcmp(s, "[]") == 0)
		return 0;
	for (char *p; s != NULL; s = p) {
		int64_t times = 1;
		char *star;

		if ((p = strchr(s, ',')) != NULL)
			*p++ = '\0';
		if ((star = strchr(s, '*')) != NULL) {
			*star++ = '\0';
			check(vmf_parse_int64(star, (int64_t)strlen(star),
			    &times), star);
		}
		for (; times > 0 && n < max; times--)
			v[n++] = number(s);
	}
	return n;
}

static void
put(struct vmf_col *c, char *s)
{
	static double v[100000];
	static float f[100000];
	int64_t n;

	if (strcmp(s, "-") == 0) {
		check(vmf_col_put_null(c, &err), s);
		return;
	}
	switch (c->type) {
	case VMF_LIST_FLOAT32:
	case VMF_LIST_FLOAT64:
		n = items(s, v, 100000);
		for (int64_t i = 0; i < n; i++)
			f[i] = (float)v[i];
		check(c->type == VMF_LIST_FLOAT32 ?
		    vmf_col_put_list32(c, f, n, &err) :
		    vmf_col_put_list64(c, v, n, &err), s);
		break;
	case VMF_TIME:
		check(vmf_time_parse_any(s, (int64_t)strlen(s), &n), s);
		check(vmf_col_put_int(c, n, &err), s);
		break;
	case VMF_UTF8:
	case VMF_BINARY:
		check(vmf_col_put_str(c, s, (int64_t)strlen(s), &err), s);
		break;
	default:
		check(vmf_col_put_num(c, number(s), &err), s);
		break;
	}
}

static void
metadata(struct vmf_schema *s, char *line)
{
	char key[64], *save;

	for (char *w = strtok_r(line, " \n", &save); w != NULL;
	    w = strtok_r(NULL, " \n", &save)) {
		char *eq = strchr(w, '=');

		if (eq == NULL)
			continue;
		*eq = '\0';
		snprintf(key, sizeof(key), "vmf:%s", w);
		check(vmf_meta_set(&s->meta, key, eq + 1, &err), w);
	}
}

static void
columns(struct vmf_schema *s, char *line)
{
	static const struct {
		const char *name;
		enum vmf_type type;
	} types[] = { { "utf8", VMF_UTF8 }, { "dict", VMF_UTF8 },
	    { "binary", VMF_BINARY }, { "int32", VMF_INT32 },
	    { "f32", VMF_FLOAT32 }, { "f64", VMF_FLOAT64 },
	    { "time", VMF_TIME }, { "list", VMF_LIST_FLOAT32 },
	    { "list64", VMF_LIST_FLOAT64 } };
	char *save;

	for (char *w = strtok_r(line, " \n", &save); w != NULL;
	    w = strtok_r(NULL, " \n", &save)) {
		char *type = strchr(w, ':');
		size_t k = 0;

		if (type != NULL)
			*type++ = '\0';
		while (type != NULL && strcmp(types[k].name, type) != 0)
			if (++k == sizeof(types) / sizeof(types[0])) {
				fprintf(stderr, "rows: type %s\n", type);
				exit(1);
			}
		check(vmf_schema_add(s, w, types[k].type, k == 1, &err), w);
	}
}

int
main(void)
{
	struct vmf_schema schema = { 0 };
	struct vmf_batch b = { 0 };
	struct vmf_out *o = NULL;
	struct vmf_writer *w = NULL;
	char *line = NULL, *save;
	size_t cap = 0;

	if (getline(&line, &cap, stdin) < 0) {
		double v[4];
		char text[] = "1,-,2*2";

		if (items(text, v, 4) == 4 && v[0] == 1 && isnan(v[1]) &&
		    v[2] == 2 && v[3] == 2) {
			free(line);
			return 0;
		}
		return 1;
	}
	metadata(&schema, line);
	if (getline(&line, &cap, stdin) < 0)
		return 1;
	columns(&schema, line);
	check(vmf_batch_init(&b, &schema, &err), "batch");
	check(vmf_out_open(&o, NULL, &err), "output");
	check(vmf_writer_open(&w, o, &schema, VMF_CODEC_NONE, &err), "writer");
	while (getline(&line, &cap, stdin) >= 0) {
		char *f = strtok_r(line, " \n", &save);

		if (f == NULL)
			continue;
		if (strcmp(f, "batch") == 0) {
			check(vmf_writer_put(w, &b, &err), "put");
			vmf_batch_clear(&b);
			continue;
		}
		for (int k = 0; k < b.n_cols; k++) {
			char none[] = "-";

			put(&b.col[k], f == NULL ? none : f);
			f = f == NULL ? NULL : strtok_r(NULL, " \n", &save);
		}
		vmf_batch_row(&b);
	}
	check(vmf_writer_put(w, &b, &err), "put");
	check(vmf_writer_finish(w, &err), "finish");
	check(vmf_out_finish(o, &err), "finish");
	vmf_writer_free(w);
	vmf_out_free(o);
	vmf_batch_free(&b);
	vmf_schema_free(&schema);
	free(line);
	return 0;
}
