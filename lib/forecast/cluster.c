/* SPDX-License-Identifier: MIT */
#include "forecast/cluster.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* Quantiles of the fleet that clusters end at. */
static const double sizes[VMF_CLUSTER_SIZES - 1] = { 0.5, 0.9 };
static const double varies = 0.5;

struct vmf_trait
vmf_trait_of(const double *y, int64_t n)
{
	double sum = 0.0, all = 0.0, square = 0.0, mean;
	int64_t known = 0;

	for (int64_t t = 0; t < n; t++)
		if (!isnan(y[t])) {
			sum += y[t];
			all += fabs(y[t]);
			known++;
		}
	mean = sum / (double)known;
	for (int64_t t = 0; t < n; t++)
		if (!isnan(y[t]))
			square += (y[t] - mean) * (y[t] - mean);
	all /= (double)known;
	return (struct vmf_trait){ .size = (float)all, .vary = all > 0.0 ?
	    (float)(sqrt(square / (double)known) / all) : 0.0f };
}

static int
compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static float
at(const float *sorted, int64_t n, double share)
{
	return sorted[(int64_t)(share * (double)(n - 1))];
}

int
vmf_clusters_find(struct vmf_clusters *c, const struct vmf_trait *t,
    int64_t n, struct vmf_err *e)
{
	float *x = vmf_calloc(n, (int64_t)sizeof(*x), e);

	if (x == NULL)
		return VMF_ENOMEM;
	for (int64_t i = 0; i < n; i++)
		x[i] = t[i].size;
	qsort(x, (size_t)n, sizeof(*x), compare);
	for (int k = 0; k < VMF_CLUSTER_SIZES - 1; k++)
		c->size[k] = at(x, n, sizes[k]);
	for (int64_t i = 0; i < n; i++)
		x[i] = t[i].vary;
	qsort(x, (size_t)n, sizeof(*x), compare);
	c->vary = at(x, n, varies);
	free(x);
	return 0;
}

int
vmf_cluster_of(const struct vmf_clusters *c, struct vmf_trait t)
{
	int size = 0;

	while (size < VMF_CLUSTER_SIZES - 1 && t.size > c->size[size])
		size++;
	return size * VMF_CLUSTER_VARIES + (t.vary > c->vary);
}

void
vmf_cluster_name(int cluster, char name[VMF_CLUSTER_NAME])
{
	static const char *const size[VMF_CLUSTER_SIZES] = { "small",
	    "large", "the largest" };

	snprintf(name, VMF_CLUSTER_NAME, "%s %s", size[cluster /
	    VMF_CLUSTER_VARIES], cluster % VMF_CLUSTER_VARIES == 0 ?
	    "steady" : "varying");
}
