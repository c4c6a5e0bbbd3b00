/* SPDX-License-Identifier: MIT */
/*
 * What other programs say of migrations: the lines of QEMU's query-migrate,
 * virsh's domjobinfo, CSV by the maps there are, or by one that the input
 * brings.  The first byte chooses (past the maps there are, the text up to a
 * NUL is a map), the next has flags, and the rest is the file, packed or not.
 * Each row is a migration, bad, repeated or of another kind; what is made of
 * it is sound; what fails says why; and a VM that is not named is the one
 * that was given.
 */
#define _GNU_SOURCE		/* memfd_create */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "ingest/map.h"
#include "ingest/migread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "query-migrate", "domjobinfo",
    "migrations", "qemu-migration", "postgres-migration",
    "openstack-migration", "openstack-downtime" };
#define N_NAMES (sizeof(names) / sizeof(*names))

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Is s one of the words of the list, with blanks between them? */
static bool
is_word(const char *list, const char *s, int64_t len)
{
	for (size_t n; *list != '\0'; list += n + (list[n] == ' ')) {
		n = strcspn(list, " ");
		if ((int64_t)n == len && memcmp(list, s, n) == 0)
			return true;
	}
	return false;
}

/* Numbers at least 0 or missing, words of their lists, texts in UTF-8. */
static void
sound(const struct vmf_batch *b)
{
	for (int k = 0; k < VMF_N_MIG; k++) {
		const struct vmf_mig_col *c = vmf_mig_col(k);

		for (int64_t i = 0; i < b->n; i++) {
			int64_t len;
			const char *s;
			double v;

			if (!vmf_col_valid(&b->col[k], i))
				continue;
			switch (c->kind) {
			case VMF_MIG_IS_NUMBER:
			case VMF_MIG_IS_FLAG:
				v = vmf_col_num(&b->col[k], i);
				must(v >= 0.0 && isfinite(v) &&
				    (c->kind == VMF_MIG_IS_NUMBER ||
				    v == 0.0 || v == 1.0));
				break;
			case VMF_MIG_IS_TEXT:
			case VMF_MIG_IS_WORD:
				s = vmf_col_str(&b->col[k], i, &len);
				must(len > 0 && vmf_utf8_valid(s, len));
				must(c->kind == VMF_MIG_IS_TEXT ||
				    is_word(c->more, s, len));
				break;
			case VMF_MIG_IS_TIME:
				break;
			}
		}
	}
}

static void
read_all(const struct vmf_mig_map *map, const char *path, unsigned flags)
{
	static const char *const ignore[] = { "x", "speed" };
	struct vmf_mig_opts o = { .id = map->format != VMF_MIG_CSV &&
	    flags & 1 ? "given" : NULL, .ignore = ignore, .n_ignore = 2,
	    .skip_bad = (flags & 2) != 0 };
	struct vmf_err e = { "" };
	struct vmf_mig_counts n;
	struct vmf_mig_in *in = NULL;
	struct vmf_schema s = { 0 };
	struct vmf_batch b = { 0 };
	int got = -1;

	must(vmf_mig_schema(&s, &e) == 0 && vmf_batch_init(&b, &s, &e) == 0);
	if (vmf_mig_new(&in, map, &o, &e) != 0 ||
	    vmf_mig_open(in, path, &e) != 0)
		goto done;
	while ((got = vmf_mig_next(in, &b, &e)) > 0)
		continue;
	vmf_mig_counts(in, &n);
	must(n.rows_out == b.n && n.files == 1 &&
	    (n.bad > 0) == (*n.first_bad != '\0'));
	must(got < 0 || n.rows_in == n.rows_out + n.bad + n.repeated +
	    n.others);
	for (int64_t i = 0; o.id != NULL && i < b.n; i++)
		must(vmf_col_valid(&b.col[VMF_MIG_VM], i));
	sound(&b);
done:
	must(got == 0 || *e.msg != '\0');
	vmf_mig_in_free(in);
	vmf_batch_free(&b);
	vmf_schema_free(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmf_map map = { 0 };
	struct vmf_err e = { "" };
	const uint8_t *nul;
	const char *text;
	unsigned flags;
	char path[64];
	int fd, rc;

	if (size < 2 || size > 1 << 16)
		return 0;
	must(vmf_tz_set("UTC", &e) == 0);
	flags = data[1];
	if (data[0] % 8 < N_NAMES) {
		text = vmf_map_builtin(names[data[0] % 8]);
		rc = vmf_map_parse(&map, text, (int64_t)strlen(text), "map",
		    &e);
		must(rc == 0);
		data += 2;
		size -= 2;
	} else {
		data += 2;
		size -= 2;
		nul = memchr(data, '\0', size);
		if (nul == NULL)
			return 0;
		rc = vmf_map_parse(&map, (const char *)data, nul - data,
		    "map", &e);
		must(rc == 0 || *e.msg != '\0');
		size -= (size_t)(nul + 1 - data);
		data = nul + 1;
	}
	if (rc == 0 && map.migrations != NULL) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		must(fd >= 0 && vmf_write_full(fd, data, (int64_t)size,
		    "memory", &e) == 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		read_all(map.migrations, path, flags);
		close(fd);
	}
	vmf_map_free(&map);
	return 0;
}
