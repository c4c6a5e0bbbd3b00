/* SPDX-License-Identifier: MIT */
/*
 * The built-in maps, as a user would write them.  vmf-ingest(1) shows each;
 * a test holds the page to these texts.
 */
#include <string.h>

#include "ingest/map.h"

static const struct {
	const char *name;
	const char *json;
} maps[] = {
	/* vmf's own: vm,time, then metrics and well-known attributes. */
	{ "csv",
	"{\n"
	"  \"vm\": {\"column\": \"vm\"},\n"
	"  \"time\": {\"column\": \"time\"},\n"
	"  \"others\": \"guess\"\n"
	"}\n" },

	/* Azure Public Dataset V1 and V2, vm_cpu_readings. */
	{ "azure",
	"{\n"
	"  \"header\": false,\n"
	"  \"columns\": [\"timestamp\", \"vm id\", \"min cpu\", "
	    "\"max cpu\", \"avg cpu\"],\n"
	"  \"vm\": {\"column\": \"vm id\"},\n"
	"  \"time\": {\"column\": \"timestamp\", \"format\": \"s\"},\n"
	"  \"metrics\": [\n"
	"    {\"name\": \"cpu_min\", \"column\": \"min cpu\", "
	    "\"unit\": \"%\"},\n"
	"    {\"name\": \"cpu_max\", \"column\": \"max cpu\", "
	    "\"unit\": \"%\"},\n"
	"    {\"name\": \"cpu\", \"column\": \"avg cpu\", \"unit\": \"%\"}\n"
	"  ]\n"
	"}\n" },

	/* First column time, then one column a VM. */
	{ "wide",
	"{\n"
	"  \"layout\": \"wide\",\n"
	"  \"time\": {\"column\": 1}\n"
	"}\n" },

	/* GWA-T-12: the stamps are seconds, whatever the header says. */
	{ "bitbrains",
	"{\n"
	"  \"delimiter\": \";\",\n"
	"  \"vm\": {\"from\": \"filename\"},\n"
	"  \"time\": {\"column\": \"Timestamp [ms]\", \"format\": \"s\"},\n"
	"  \"metrics\": [\n"
	"    {\"name\": \"cpu\", \"column\": \"CPU usage [%]\", "
	    "\"unit\": \"%\"},\n"
	"    {\"name\": \"cpu_mhz\", \"column\": \"CPU usage [MHZ]\", "
	    "\"unit\": \"MHz\"},\n"
	"    {\"name\": \"mem\", \"column\": \"Memory usage [KB]\",\n"
	"     \"percent_of\": \"Memory capacity provisioned [KB]\", "
	    "\"unit\": \"%\"},\n"
	"    {\"name\": \"disk_read\", "
	    "\"column\": \"Disk read throughput [KB/s]\", "
	    "\"unit\": \"KB/s\"},\n"
	"    {\"name\": \"disk_write\", "
	    "\"column\": \"Disk write throughput [KB/s]\", "
	    "\"unit\": \"KB/s\"},\n"
	"    {\"name\": \"net_rx\", "
	    "\"column\": \"Network received throughput [KB/s]\", "
	    "\"unit\": \"KB/s\"},\n"
	"    {\"name\": \"net_tx\", "
	    "\"column\": \"Network transmitted throughput [KB/s]\", "
	    "\"unit\": \"KB/s\"}\n"
	"  ],\n"
	"  \"attributes\": [\n"
	"    {\"name\": \"vcpus\", \"column\": \"CPU cores\", "
	    "\"type\": \"int32\"},\n"
	"    {\"name\": \"cpu_capacity_mhz\", "
	    "\"column\": \"CPU capacity provisioned [MHZ]\",\n"
	"     \"type\": \"float64\", \"unit\": \"MHz\"},\n"
	"    {\"name\": \"mem_mb\", "
	    "\"column\": \"Memory capacity provisioned [KB]\",\n"
	"     \"type\": \"float64\", \"unit\": \"MB\", "
	    "\"scale\": 0.0009765625}\n"
	"  ]\n"
	"}\n" },

	/* CoMon: one number a line, a file a VM and day. */
	{ "planetlab",
	"{\n"
	"  \"header\": false,\n"
	"  \"columns\": [\"cpu\"],\n"
	"  \"vm\": {\"from\": \"filename\"},\n"
	"  \"time\": {\"step\": \"5m\"},\n"
	"  \"metrics\": [{\"name\": \"cpu\", \"column\": \"cpu\", "
	    "\"unit\": \"%\"}]\n"
	"}\n" },

	/* Numenta Anomaly Benchmark: timestamp,value. */
	{ "nab",
	"{\n"
	"  \"vm\": {\"from\": \"filename\"},\n"
	"  \"time\": {\"column\": \"timestamp\", \"format\": \"wall\"},\n"
	"  \"metrics\": [{\"name\": \"value\", \"column\": \"value\"}]\n"
	"}\n" },

	/* cluster-trace-v2018, machine_usage. */
	{ "alibaba2018",
	"{\n"
	"  \"header\": false,\n"
	"  \"columns\": [\"machine_id\", \"time\", \"cpu\", \"mem\", "
	    "\"mem_gps\",\n"
	"              \"mpki\", \"net_in\", \"net_out\", \"disk_io\"],\n"
	"  \"vm\": {\"column\": \"machine_id\"},\n"
	"  \"time\": {\"column\": \"time\", \"format\": \"s\"},\n"
	"  \"metrics\": [\n"
	"    {\"name\": \"cpu\", \"column\": \"cpu\", \"unit\": \"%\"},\n"
	"    {\"name\": \"mem\", \"column\": \"mem\", \"unit\": \"%\"},\n"
	"    {\"name\": \"mem_gps\", \"column\": \"mem_gps\"},\n"
	"    {\"name\": \"mpki\", \"column\": \"mpki\"},\n"
	"    {\"name\": \"net_rx\", \"column\": \"net_in\"},\n"
	"    {\"name\": \"net_tx\", \"column\": \"net_out\"},\n"
	"    {\"name\": \"disk_io\", \"column\": \"disk_io\", "
	    "\"unit\": \"%\"}\n"
	"  ]\n"
	"}\n" },
};

const char *
vmf_map_builtin(const char *name)
{
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		if (strcmp(maps[i].name, name) == 0)
			return maps[i].json;
	return NULL;
}
