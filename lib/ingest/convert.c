/* SPDX-License-Identifier: MIT */
#include "ingest/convert.h"

#include <strings.h>

#include "base/num.h"

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

int
vmf_field_double(const struct vmf_field_text *f, double *v)
{
	struct vmf_field_text t = vmf_field_trim(f);

	if (t.len == 0 || (*t.s >= 'A' && vmf_field_missing(&t))) {
		*v = NAN;
		return 0;
	}
	return vmf_parse_double(t.s, t.len, v);
}

int
vmf_field_float(const struct vmf_field_text *f, float *v)
{
	struct vmf_field_text t = vmf_field_trim(f);

	if (t.len == 0 || (*t.s >= 'A' && vmf_field_missing(&t))) {
		*v = NAN;
		return 0;
	}
	return vmf_parse_float(t.s, t.len, v);
}

enum vmf_conv
vmf_convert_number(const struct vmf_bound *c, const struct vmf_field_text *f,
    const struct vmf_field_text *of, double *v, bool *seen)
{
	double d = NAN;
	float single;

	*seen = false;
	if (vmf_field_double(f, v) != 0)
		return VMF_CONV_NO_NUMBER;
	if (isinf(*v))
		return VMF_CONV_INFINITE;
	*seen = !isnan(*v);
	if (vmf_bound_plain(c)) {
		if (vmf_field_float(f, &single) != 0)
			return VMF_CONV_NO_NUMBER;
		*v = (double)single;
		return isinf(single) ? VMF_CONV_NO_FLOAT32 : VMF_CONV_OK;
	}
	if (c->percent_of >= 0 && vmf_field_double(of, &d) != 0)
		return VMF_CONV_NO_NUMBER_OF;
	return vmf_convert_value(c, v, d);
}
