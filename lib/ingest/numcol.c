/* SPDX-License-Identifier: MIT */
#include "ingest/numcol_in.h"

/* ---- plain ---- */

static void
floats_plain(const struct vmf_cells *c, int64_t f, float *out)
{
	for (int64_t r = 0; r < c->n; r++) {
		const char *s, *end;
		struct decimal d;

		if (c->odd[r])
			continue;
		vmf_cell(c, r, f, &s, &end);
		if (!read_decimal(s, end, &d) || !decimal_float(&d, &out[r]))
			slow_float(c, r, s, end, &out[r]);
	}
}

static void
doubles_plain(const struct vmf_cells *c, int64_t f, double *out)
{
	for (int64_t r = 0; r < c->n; r++) {
		const char *s, *end;
		struct decimal d;

		if (c->odd[r])
			continue;
		vmf_cell(c, r, f, &s, &end);
		if (!read_decimal(s, end, &d) ||
		    !decimal_double(&d, &out[r]))
			slow_double(c, r, s, end, &out[r]);
	}
}

void
vmf_numcol_floats(enum vmf_simd level, const struct vmf_cells *c, int64_t f,
    float *out)
{
	switch (level) {
#ifdef VMF_X86
	case VMF_SIMD_AVX512:
		vmf_numcol_floats_avx512(c, f, out);
		break;
	case VMF_SIMD_AVX2:
		vmf_numcol_floats_avx2(c, f, out);
		break;
#endif
	default:
		floats_plain(c, f, out);
		break;
	}
}

void
vmf_numcol_doubles(enum vmf_simd level, const struct vmf_cells *c, int64_t f,
    double *out)
{
	switch (level) {
#ifdef VMF_X86
	case VMF_SIMD_AVX512:
		vmf_numcol_doubles_avx512(c, f, out);
		break;
	case VMF_SIMD_AVX2:
		vmf_numcol_doubles_avx2(c, f, out);
		break;
#endif
	default:
		doubles_plain(c, f, out);
		break;
	}
}

/* ---- times ---- */

/* Digits alone. */
static bool
ticks(const char *s, const char *end, enum vmf_stamp stamp, bool detect,
    int64_t *t)
{
	uint64_t v = 0;

	return end - s <= 18 && s < end && digits(s, end, &v) == end &&
	    ticks_seconds(v, stamp, detect, t);
}

/* Lines r to r + 3, where there are so many and they are plain. */
INLINE bool
four_times(enum vmf_simd level, const struct vmf_cells *c, int64_t r,
    int64_t f, enum vmf_stamp stamp, bool detect, int64_t *out)
{
#ifdef VMF_X86
	if (r + 4 <= c->n && !any_odd(c, r))
		return level == VMF_SIMD_AVX512 ?
		    vmf_numcol_ticks_avx512(c, r, f, stamp, detect, out) :
		    level == VMF_SIMD_AVX2 &&
		    vmf_numcol_ticks_avx2(c, r, f, stamp, detect, out);
#else
	(void)level, (void)c, (void)r, (void)f, (void)stamp, (void)detect;
	(void)out;
#endif
	return false;
}

void
vmf_numcol_times(enum vmf_simd level, const struct vmf_cells *c, int64_t f,
    enum vmf_stamp *stamp, const char *pattern, bool detect, int64_t *out)
{
	const char *last = NULL, *raw;
	int64_t last_len = 0, last_t = 0, raw_len;

	for (int64_t r = 0; r < c->n; r++) {
		const char *s, *end;
		enum vmf_stamp found;

		if (c->odd[r])
			continue;
		/* Most lines have the time of the one before, with the same
		 * blanks around it. */
		vmf_cell_raw(c, r, f, &s, &end);
		if (last != NULL && end - s == last_len &&
		    vmf_same(s, last, last_len)) {
			out[r] = last_t;
			continue;
		}
		if (four_times(level, c, r, f, *stamp, detect, out)) {
			r += 3;
			vmf_cell_raw(c, r, f, &last, &end);
			last_len = end - last;
			last_t = out[r];
			continue;
		}
		raw = s;
		raw_len = end - s;
		vmf_cell(c, r, f, &s, &end);
		if (!ticks(s, end, *stamp, detect, &out[r])) {
			found = *stamp;
			if (detect)
				found = vmf_stamp_detect(s, end - s);
			if (*stamp == VMF_STAMP_AUTO)
				*stamp = found;
			if (found == VMF_STAMP_AUTO || found != *stamp ||
			    vmf_stamp_parse(found, pattern, s, end - s,
			    &out[r]) != 0) {
				c->odd[r] = 1;
				continue;
			}
		}
		last = raw;
		last_len = raw_len;
		last_t = out[r];
	}
}
