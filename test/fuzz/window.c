/* SPDX-License-Identifier: MIT */
/*
 * vmf-window's files: the first byte says which of them the rest is, the next
 * three are options.  Hosts or the inventory as CSV, the plan before, a model
 * of downtimes, or the forecast itself; the others are made here.  What is
 * refused has a message; what is planned has a status in each row, begins on
 * a slot within the forecast, and keeps to the moves at once that the options
 * allow.
 */
#define _GNU_SOURCE		/* memfd_create, mkostemp */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/time.h"
#include "mutate.h"
#include "plan/planner.h"
#include "series/join.h"
#include "series/series.h"

#define START INT64_C(1704067200)
#define STEP 3600
#define STEPS 24
#define VMS 6
#define ROUNDS 40		/* of the search: it is not what is tried */
#define HEAD 4

enum { HOSTS, INVENTORY, OLD, DOWNTIME, FORECAST, N_FILES };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
    unsigned int seed);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* A file of these bytes; path has 64 bytes. */
static int
memory(char *path, const void *p, size_t n)
{
	struct vmf_err e;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0 && vmf_write_full(fd, p, (int64_t)n, "memory",
	    &e) == 0);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static const char hosts_csv[] = "host,cpus,mem_mb,cluster\n"
    "h1,16,65536,c1\nh2,16,65536,c1\nh3,8,32768,c1\nh4,32,1e6,c2\n";

/* VMs of three hosts, with all that a planner may ask of them. */
static void
put_vm(struct vmf_batch *b, int i)
{
	struct vmf_err e;
	float y[STEPS], q[STEPS];
	char id[16], host[8];

	for (int t = 0; t < STEPS; t++) {
		y[t] = t == 9 && i == 2 ? NAN : (float)((t * 7919 + i * 31) %
		    50);
		q[t] = y[t] * 1.5f;
	}
	snprintf(id, sizeof(id), "vm-%07d", i);
	snprintf(host, sizeof(host), "h%d", i % 3 + 1);
	must(vmf_col_put_str(&b->col[0], id, (int64_t)strlen(id), &e) == 0 &&
	    vmf_col_put_int(&b->col[1], START, &e) == 0 &&
	    vmf_col_put_list32(&b->col[2], y, STEPS, &e) == 0 &&
	    vmf_col_put_list32(&b->col[3], q, STEPS, &e) == 0 &&
	    vmf_col_put_str(&b->col[4], host, 2, &e) == 0 &&
	    vmf_col_put_int(&b->col[5], 1 + i % 4, &e) == 0 &&
	    vmf_col_put_int(&b->col[6], 1024 << i % 3, &e) == 0 &&
	    vmf_col_put_str(&b->col[7], i < 3 ? "g1" : "g2", 2, &e) == 0);
	vmf_batch_row(b);
}

/* The forecast where it is not the input: the path of a file without a
 * name. */
static const char *
forecast_path(void)
{
	static const char *const meta[][2] = { { "vmf:kind", "forecast" },
	    { "vmf:step", "3600" }, { "vmf:start", "2024-01-01T00:00:00Z" },
	    { "vmf:end", "2024-01-02T00:00:00Z" } };
	static const struct {
		const char *name;
		enum vmf_type type;
	} cols[] = { { "id", VMF_UTF8 }, { "start", VMF_TIME },
	    { "cpu_mean", VMF_LIST_FLOAT32 },
	    { "cpu_mean_q90", VMF_LIST_FLOAT32 }, { "host", VMF_UTF8 },
	    { "vcpus", VMF_INT32 }, { "mem_mb", VMF_INT32 },
	    { "anti_affinity", VMF_UTF8 } };
	static char path[64];
	char name[] = "/tmp/vmf-fuzz.XXXXXX";
	struct vmf_schema s = { 0 };
	struct vmf_batch b = { 0 };
	struct vmf_writer *w = NULL;
	struct vmf_out *o = NULL;
	struct vmf_err e;
	int fd;

	if (*path != '\0')
		return path;
	fd = mkostemp(name, O_CLOEXEC);
	must(fd >= 0);
	close(fd);
	for (size_t k = 0; k < sizeof(meta) / sizeof(*meta); k++)
		must(vmf_meta_set(&s.meta, meta[k][0], meta[k][1], &e) == 0);
	for (size_t k = 0; k < sizeof(cols) / sizeof(*cols); k++)
		must(vmf_schema_add(&s, cols[k].name, cols[k].type, false,
		    &e) >= 0);
	must(vmf_out_open(&o, name, &e) == 0 && vmf_writer_open(&w, o, &s,
	    VMF_CODEC_NONE, &e) == 0 && vmf_batch_init(&b, &s, &e) == 0);
	for (int i = 0; i < VMS; i++)
		put_vm(&b, i);
	must(vmf_writer_put(w, &b, &e) == 0 && vmf_writer_finish(w,
	    &e) == 0 && vmf_out_finish(o, &e) == 0);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && unlink(name) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	vmf_writer_free(w);
	vmf_out_free(o);
	vmf_batch_free(&b);
	vmf_schema_free(&s);
	return path;
}

/* What a plan always is. */
static void
sound(const struct vmf_planner *p, const struct vmf_schema *s,
    const struct vmf_batch *b)
{
	const struct vmf_moves *m = &p->moves;
	int status = vmf_schema_find(s, "status");
	int start = vmf_schema_find(s, "start");
	int load = vmf_schema_find(s, "load");

	must(status >= 0 && start >= 0 && load >= 0);
	for (int64_t i = 0; i < b->n; i++) {
		int64_t len, t;
		const char *word = vmf_col_str(&b->col[status], i, &len);
		bool placed = len == 6 && memcmp(word, "placed", 6) == 0;

		must(word != NULL && placed ==
		    vmf_col_valid(&b->col[start], i));
		if (!placed)
			continue;
		t = b->col[start].d.i64[i];
		must(t % m->slot_s == 0 && t >= m->start &&
		    t <= m->start + m->n_steps * m->step_s &&
		    isfinite(vmf_col_num(&b->col[load], i)));
	}
}

/* In no slot are more moves under way than --total and --per-host say. */
static void
at_once(const struct vmf_planner *p)
{
	const struct vmf_moves *m = &p->moves;

	for (int64_t k = 0; k < m->n_starts; k++) {
		int64_t n = 0;

		for (int64_t i = 0; i < m->n; i++) {
			const struct vmf_move *v = &m->vm[i];
			int64_t here = 0;

			if (v->slot < 0 || v->slot > k ||
			    k - v->slot >= v->width)
				continue;
			n++;
			for (int64_t j = 0; j < m->n; j++)
				here += m->vm[j].slot >= 0 &&
				    m->vm[j].slot <= k &&
				    k - m->vm[j].slot < m->vm[j].width &&
				    m->vm[j].host == v->host;
			must(p->limits.per_host == 0 ||
			    here <= p->limits.per_host);
		}
		must(p->limits.total == 0 || n <= p->limits.total);
	}
}

/* All rows of the forecast, and the plan of them. */
static int
plan(struct vmf_planner *p, struct vmf_err *e)
{
	struct vmf_series *f = p->plan.forecast;
	struct vmf_schema s = { 0 };
	struct vmf_batch b = { 0 };
	struct vmf_buf text = { 0 };
	int got, rc;

	if ((rc = vmf_planner_open(p, &s, e)) != 0 ||
	    (rc = vmf_batch_init(&b, &s, e)) != 0)
		goto done;
	while ((got = vmf_plan_next(&p->plan, e)) > 0)
		for (int64_t i = 0; i < f->b->n; i++)
			if ((rc = vmf_planner_row(p, i, e)) != 0)
				goto done;
	if ((rc = got) != 0 || (rc = vmf_planner_solve(p, e)) != 0)
		goto done;
	for (int64_t k = 0; rc == 0 && k < p->n_rows; k++)
		rc = vmf_planner_put(p, k, &b, e);
	if (rc == 0)
		rc = vmf_planner_explain(p, "vm-0000001", 10, &text, e);
	if (rc == 0) {
		sound(p, &s, &b);
		at_once(p);
	}
done:
	vmf_buf_free(&text);
	vmf_batch_free(&b);
	vmf_schema_free(&s);
	return rc;
}

static int
run(int which, const char *path, const uint8_t *o, struct vmf_err *e)
{
	static const char *const drain[] = { "h1" };
	struct vmf_series forecast = { 0 };
	struct vmf_inventory hosts = { 0 };
	struct vmf_downtime model = { 0 };
	struct vmf_down_cost down = { .m = &model, .metric = "cpu_mean",
	    .per_s = 1.0, .per_min = 0.1, .budget_ms = o[2] & 1 ? 300.0 :
	    NAN, .auto_length = (o[2] & 2) != 0 };
	struct vmf_planner p = { .plan = { .forecast = &forecast,
	    .metric = "cpu_mean", .risk_ppm = o[0] & 1 ? 900000 : 0,
	    .assume_load = o[2] & 32 ? 100.0 : NAN,
	    .place = (o[0] & 2) != 0, .opts = { .length_s = o[0] & 4 ? 60 :
	    5400, .not_before = VMF_TIME_NONE, .not_after = VMF_TIME_NONE,
	    .top = 1 + (o[0] >> 3 & 1), .max_load = o[0] & 16 ? 40.0 :
	    NAN } }, .limits = { .per_host = o[1] & 3,
	    .per_target = o[1] >> 2 & 1, .per_cluster = o[1] >> 3 & 3,
	    .total = o[1] >> 5 & 3, .max_host_load = o[1] & 128 ? 60.0 :
	    NAN, .max_host_mem = NAN, .hysteresis = o[2] & 4 ? 1.0 : 0.0 },
	    .drain = drain, .n_drains = o[2] >> 3 & 1,
	    .search = { .max_rounds = ROUNDS, .searches = 2 } };
	struct vmf_reader *in = NULL, *r = NULL;
	char mem[64];
	int fd = memory(mem, hosts_csv, sizeof(hosts_csv) - 1), rc;

	if ((rc = vmf_reader_open(&in, which == FORECAST ? path :
	    forecast_path(), 1 << 20, e)) != 0 ||
	    (rc = vmf_series_open(&forecast, in, "forecast", 0,
	    VMF_TIME_NONE, e)) != 0)
		goto done;
	if (which == HOSTS || o[2] & 16) {
		if ((rc = vmf_inventory_read_by(&hosts, "host",
		    which == HOSTS ? path : mem, e)) != 0)
			goto done;
		p.hosts = &hosts;
	}
	if (which == DOWNTIME) {
		if ((rc = vmf_reader_open(&r, path, 1 << 20, e)) != 0 ||
		    (rc = vmf_downtime_read(&model, r, e)) != 0)
			goto done;
		p.down = &down;
	}
	if (which == OLD && (rc = vmf_reader_open(&p.old, path, 1 << 20,
	    e)) != 0)
		goto done;
	rc = plan(&p, e);
done:
	vmf_planner_free(&p);
	vmf_down_cost_free(&down);
	vmf_downtime_free(&model);
	vmf_inventory_free(&hosts);
	vmf_series_free(&forecast);
	vmf_reader_free(p.old);
	vmf_reader_free(r);
	vmf_reader_free(in);
	close(fd);
	return rc;
}

/* The inventory of VMs, which vmf-aggregate joins. */
static int
inventory(const char *path, struct vmf_err *e)
{
	struct vmf_inventory inv = { 0 };
	int rc = vmf_inventory_read(&inv, path, e);

	for (int64_t i = 0; rc == 0 && i < vmf_inventory_rows(&inv); i++)
		for (int k = 0; k < inv.schema.n; k++) {
			const char *s = vmf_inventory_cell(&inv, i, k);

			must(s == NULL || *s != '\0');
		}
	vmf_inventory_free(&inv);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmf_err e = { "" };
	char path[64];
	int fd, rc;

	if (size < HEAD)
		return 0;
	must(vmf_tz_set("UTC", &e) == 0);
	fd = memory(path, data + HEAD, size - HEAD);
	rc = data[0] % N_FILES == INVENTORY ? inventory(path, &e) :
	    run(data[0] % N_FILES, path, data + 1, &e);
	must(rc == 0 || *e.msg != '\0');
	close(fd);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
    unsigned int seed)
{
	if (size <= HEAD)
		return LLVMFuzzerMutate(data, size, max);
	if (seed % 8 == 0)
		data[1 + seed / 8 % 3] ^= (uint8_t)(1 << seed / 32 % 8);
	if (data[0] % N_FILES <= INVENTORY)
		return HEAD + LLVMFuzzerMutate(data + HEAD, size - HEAD,
		    max - HEAD);
	return HEAD + mutate_stream(data + HEAD, size - HEAD, max - HEAD,
	    seed);
}
