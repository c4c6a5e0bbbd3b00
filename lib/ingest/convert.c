/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE		/* memmem */
#include "ingest/convert.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"

/* Numbers with a comma or points are not longer. */
#define COMMA_BYTES 500

struct vmf_field_text
vmf_field_trim(const struct vmf_field_text *f)
{
	struct vmf_field_text t = *f;

	while (t.len > 0 && (*t.s == ' ' || *t.s == '\t')) {
		t.s++;
		t.len--;
	}
	while (t.len > 0 &&
	    (t.s[t.len - 1] == ' ' || t.s[t.len - 1] == '\t'))
		t.len--;
	return t;
}

struct vmf_field_text
vmf_field_until(const struct vmf_field_text *f, const char *until)
{
	const char *at = memmem(f->s, (size_t)f->len, until, strlen(until));
	struct vmf_field_text t = { f->s, at == NULL ? 0 : at - f->s };

	return at == NULL ? *f : vmf_field_trim(&t);
}

bool
vmf_field_missing(const struct vmf_field_text *t)
{
	switch (t->len) {
	case 0:
		return true;
	case 2:
		return strncasecmp(t->s, "na", 2) == 0;
	case 3:
		return strncasecmp(t->s, "nan", 3) == 0;
	case 4:
		return strncasecmp(t->s, "null", 4) == 0;
	default:
		return false;
	}
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* *t with a decimal comma becomes one with a point, in buf; false where it is
 * written otherwise. */
static bool
from_comma(struct vmf_field_text *t, char buf[COMMA_BYTES])
{
	const char *p = t->s, *end = t->s + t->len, *first;
	int64_t n = 0;

	if (memchr(p, ',', (size_t)t->len) == NULL &&
	    memchr(p, '.', (size_t)t->len) == NULL)
		return true;
	if (t->len > COMMA_BYTES)
		return false;
	if (*p == '-' || *p == '+')
		buf[n++] = *p++;
	for (first = p; p < end && is_digit(*p);)
		buf[n++] = *p++;
	/* 0.123 is a decimal point in the wrong place. */
	if (p < end && *p == '.' && (p == first || p - first > 3 ||
	    *first == '0'))
		return false;
	while (p < end && *p == '.') {
		if (end - p < 4 || !is_digit(p[1]) || !is_digit(p[2]) ||
		    !is_digit(p[3]) || (end - p > 4 && is_digit(p[4])))
			return false;
		memcpy(buf + n, p + 1, 3);
		n += 3;
		p += 4;
	}
	if (p < end && *p == ',') {
		buf[n++] = '.';
		p++;
	}
	/* What is left may be digits and an exponent. */
	for (; p < end; p++) {
		if (*p == '.' || *p == ',')
			return false;
		buf[n++] = *p;
	}
	*t = (struct vmf_field_text){ buf, n };
	return true;
}

int
vmf_field_double(const struct vmf_field_text *f, bool comma, double *v)
{
	struct vmf_field_text t = vmf_field_trim(f);
	char buf[COMMA_BYTES];

	if (t.len == 0 || (*t.s >= 'A' && vmf_field_missing(&t))) {
		*v = NAN;
		return 0;
	}
	if (comma && !from_comma(&t, buf))
		return VMF_EDATA;
	return vmf_parse_double(t.s, t.len, v);
}

int
vmf_field_float(const struct vmf_field_text *f, bool comma, float *v)
{
	struct vmf_field_text t = vmf_field_trim(f);
	char buf[COMMA_BYTES];

	if (t.len == 0 || (*t.s >= 'A' && vmf_field_missing(&t))) {
		*v = NAN;
		return 0;
	}
	if (comma && !from_comma(&t, buf))
		return VMF_EDATA;
	return vmf_parse_float(t.s, t.len, v);
}

/* The number before a percent sign, where there is one. */
static struct vmf_field_text
before_percent(const struct vmf_field_text *f)
{
	struct vmf_field_text t = vmf_field_trim(f);

	if (t.len == 0 || t.s[t.len - 1] != '%')
		return *f;
	t.len--;
	t = vmf_field_trim(&t);
	return t.len > 0 && (is_digit(t.s[t.len - 1]) ||
	    t.s[t.len - 1] == '.' || t.s[t.len - 1] == ',') ? t : *f;
}

enum vmf_conv
vmf_convert_number(const struct vmf_bound *c, const struct vmf_field_text *f,
    const struct vmf_field_text *of, double *v, bool *seen)
{
	struct vmf_field_text t = *f;
	double d = NAN;
	float single;

	*seen = false;
	if (c->percent)
		t = before_percent(f);
	if (vmf_field_double(&t, c->comma, v) != 0)
		return VMF_CONV_NO_NUMBER;
	if (isinf(*v))
		return VMF_CONV_INFINITE;
	*seen = !isnan(*v);
	if (vmf_bound_plain(c)) {
		if (vmf_field_float(&t, c->comma, &single) != 0)
			return VMF_CONV_NO_NUMBER;
		*v = (double)single;
		return isinf(single) ? VMF_CONV_NO_FLOAT32 : VMF_CONV_OK;
	}
	if (c->percent_of >= 0 && vmf_field_double(of, c->comma, &d) != 0)
		return VMF_CONV_NO_NUMBER_OF;
	return vmf_convert_value(c, v, d);
}
