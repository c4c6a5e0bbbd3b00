/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "forecast/device.h"
#include "forecast/panel.h"
#include "learn/boost.h"
#include "learn/lstm_cell.h"

/* What auto does without is told, after what was told before. */
static void
add_note(char *note, size_t size, const char *why)
{
	size_t n = strlen(note);

	snprintf(note + n, size - n, "%s%s: the CPU is taken (VMF_DEVICE=gpu "
	    "insists)", n > 0 ? "; " : "", why);
}

static void
free_lanes(struct vmf_panel *how)
{
	vmf_device_free(how->device);
	how->device = NULL;
}

static void
free_lstm(struct vmf_panel *how)
{
	vmf_lstm_device_free(how->lstm);
	how->lstm = NULL;
}

void
vmf_panel_device_free(struct vmf_panel *how)
{
	free_lanes(how);
	free_lstm(how);
}

/* One of them did not open: what auto makes of it. */
static int
without(int rc, const struct vmf_err *why, char *note, size_t size,
    struct vmf_err *e)
{
	if (rc != VMF_EDEV)
		return vmf_fail(e, rc, "%s", why->msg);
	add_note(note, size, why->msg);
	return 0;
}

/* text is the device's name, ratio how many times as fast its floats are. */
static int
open_lanes(struct vmf_panel *how, bool must, const char *text, int ratio,
    char *note, size_t size, struct vmf_err *e)
{
	struct vmf_err why = { "" };
	char slow[640];
	int rc;

	if (!must && ratio > VMF_DEVICE_RATIO_MAX) {
		snprintf(slow, sizeof(slow), "%s is %d times slower with "
		    "doubles than with floats", text, ratio);
		add_note(note, size, slow);
		return 0;
	}
	how->fall_back = !must;
	rc = vmf_device_open(&how->device,
	    vmf_device_streams_for(how->threads), must ? e : &why);
	if (rc == 0 || must)
		return rc;
	free_lanes(how);
	return without(rc, &why, note, size, e);
}

static int
open_lstm(struct vmf_panel *how, bool must, char *note, size_t size,
    struct vmf_err *e)
{
	struct vmf_err why = { "" };
	int rc = vmf_lstm_device_open(&how->lstm, must ? e : &why);

	if (rc == 0 || must)
		return rc;
	free_lstm(how);
	return without(rc, &why, note, size, e);
}

static int
open_trees(struct vmf_panel *how, bool must, char *note, size_t size,
    struct vmf_err *e)
{
	struct vmf_err why = { "" };
	int rc = vmf_boost_gpu(must ? e : &why);

	how->trees = rc == 0;
	return rc == 0 || must ? rc : without(rc, &why, note, size, e);
}

int
vmf_panel_device(struct vmf_panel *how, const char *word, unsigned on,
    char *note, size_t size, struct vmf_err *e)
{
	char text[512];
	bool must;
	int ratio = 0, rc = 0;

	snprintf(note, size, "%s", "");
	if (word == NULL || *word == '\0' || strcmp(word, "cpu") == 0)
		return 0;
	must = strcmp(word, "gpu") == 0;
	if (!must && strcmp(word, "auto") != 0)
		return vmf_fail(e, VMF_EUSAGE, "VMF_DEVICE is '%.32s', "
		    "expected cpu, gpu or auto", word);
	if (!must && on == 0)
		return 0;
	if (!vmf_device_find(text, sizeof(text), &ratio))
		return !must ? 0 : vmf_fail(e, VMF_EDEV, "VMF_DEVICE is gpu, "
		    "but there is none: %s; take cpu, or auto, which takes a "
		    "GPU where there is one", text);
	if ((on & VMF_ON_LANES) != 0 && (rc = open_lanes(how, must, text,
	    ratio, note, size, e)) != 0)
		return rc;
	if ((on & VMF_ON_LSTM) != 0 && (rc = open_lstm(how, must, note, size,
	    e)) != 0)
		return rc;
	return (on & VMF_ON_TREES) == 0 ? 0 :
	    open_trees(how, must, note, size, e);
}
