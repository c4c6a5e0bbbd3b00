/* SPDX-License-Identifier: MIT */
/*
 * Columns by four numbers at once, included once for each wide level, which
 * has four_numbers, four_floats, four_doubles and begin_guess: TARGET and
 * OF_LEVEL are set by the file that does.
 */
TARGET void
OF_LEVEL(vmf_numcol_floats)(const struct vmf_cells *c, int64_t f, float *out)
{
	struct guess g = begin_guess(c, f, pow10_inverse);
	int64_t r = 0;

	while (r < c->n) {
		if (r + 4 <= c->n && !any_odd(c, r) &&
		    four_floats(c, r, f, &g, out)) {
			r += 4;
			continue;
		}
		for (int i = 0; i < 4 && r < c->n; i++)
			one_float(c, r++, f, out);
	}
}

TARGET void
OF_LEVEL(vmf_numcol_doubles)(const struct vmf_cells *c, int64_t f, double *out)
{
	struct guess g = begin_guess(c, f, pow10_double);
	int64_t r = 0;

	while (r < c->n) {
		if (r + 4 <= c->n && !any_odd(c, r) &&
		    four_doubles(c, r, f, &g, out)) {
			r += 4;
			continue;
		}
		for (int i = 0; i < 4 && r < c->n; i++)
			one_double(c, r++, f, out);
	}
}

TARGET bool
OF_LEVEL(vmf_numcol_ticks)(const struct vmf_cells *c, int64_t r, int64_t f,
    enum vmf_stamp stamp, bool detect, int64_t *out)
{
	struct guess g = begin_guess(c, f, pow10_double);
	uint64_t v[4];
	__m256i mant;
	__m256d scale;

	if (!four_numbers(c, r, f, &g, &mant, &scale) ||
	    _mm256_movemask_pd(_mm256_cmp_pd(scale, _mm256_set1_pd(1.0),
	    _CMP_NEQ_UQ)) != 0)
		return false;
	_mm256_storeu_si256((__m256i *)(void *)v, mant);
	return four_seconds(v, stamp, detect, out + r);
}
