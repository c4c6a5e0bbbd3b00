/* SPDX-License-Identifier: MIT */
/*
 * The built-in maps, as a user would write them.  vmf-ingest(1) shows each;
 * a test holds the page to these texts.
 */
#include <string.h>

#include "ingest/map.h"

/* What both of the files of OSIC's benchmark say of a move. */
#define OPENSTACK_FIELDS \
	"    {\"name\": \"workload\", \"value\": \"spark-streaming\"},\n" \
	"    {\"name\": \"mode\", \"value\": \"precopy\"},\n" \
	"    {\"name\": \"mem_bytes\", \"column\": \"flavor\",\n" \
	"     \"words\": {\"small\": \"4294967296\", \"medium\": " \
	    "\"8589934592\",\n" \
	"       \"large\": \"17179869184\"}},\n" \
	"    {\"name\": \"vcpus\", \"column\": \"flavor\",\n" \
	"     \"words\": {\"small\": \"2\", \"medium\": \"4\", \"large\": " \
	    "\"8\"}},\n" \
	"    {\"name\": \"bandwidth_bytes_s\", \"value\": \"1250000000\"},\n" \
	"    {\"name\": \"storage\", \"column\": \"storage\"},\n" \
	"    {\"name\": \"tunnelled\", \"column\": \"tunneling\"},\n" \
	"    {\"name\": \"config\", \"columns\": [\"flavor\", \"storage\", " \
	    "\"tunneling\"]},\n"

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

	/* vmf's own: the columns of migrations by their names. */
	{ "migrations",
	"{\n"
	"  \"kind\": \"migrations\",\n"
	"  \"others\": \"guess\"\n"
	"}\n" },

	/* Measured QEMU moves; what is known only after a move, the dirty
	 * rate of 0 at its end first of all, is left alone. */
	{ "qemu-migration",
	"{\n"
	"  \"kind\": \"migrations\",\n"
	"  \"fields\": [\n"
	"    {\"name\": \"workload\", \"column\": \"workload\"},\n"
	"    {\"name\": \"algorithm\", \"column\": \"algorithm\"},\n"
	"    {\"name\": \"mode\", \"value\": \"precopy\"},\n"
	"    {\"name\": \"compression\", \"column\": \"algorithm\",\n"
	"     \"words\": {\"Vanilla\": \"none\", \"Dtrack\": \"none\", "
	    "\"HBFDP-MD5\": \"none\",\n"
	"       \"HBFDP-SHA1\": \"none\", \"HBFDP-Murmur3\": \"none\", "
	    "\"XBZRLE\": \"xbzrle\",\n"
	"       \"Dtrack_XBZRLE\": \"xbzrle\", \"HBFDP_XBZRLE-MD5\": "
	    "\"xbzrle\", \"HBFDP_XBZRLE-SHA1\": \"xbzrle\",\n"
	"       \"HBFDP_XBZRLE-Murmur3\": \"xbzrle\", \"Compress\": "
	    "\"zlib\", \"Dtrack_Compress\": \"zlib\",\n"
	"       \"HBFDP_Compress-MD5\": \"zlib\", \"HBFDP_Compress-SHA1\": "
	    "\"zlib\", \"HBFDP_Compress-Murmur3\": \"zlib\"}},\n"
	"    {\"name\": \"mem_bytes\", \"column\": \"ram_mb\", \"scale\": "
	    "1048576},\n"
	"    {\"name\": \"vcpus\", \"value\": \"1\"},\n"
	"    {\"name\": \"bandwidth_bytes_s\", \"value\": \"125000000\"},\n"
	"    {\"name\": \"config\", \"columns\": [\"workload\", "
	    "\"algorithm\", \"ram_mb\"]},\n"
	"    {\"name\": \"downtime_ms\", \"column\": \"downtime_ms\"},\n"
	"    {\"name\": \"total_ms\", \"column\": \"total_time_ms\"},\n"
	"    {\"name\": \"transferred_bytes\", \"column\": "
	    "\"transferred_bytes\"},\n"
	"    {\"name\": \"iterations\", \"column\": \"iterations\"},\n"
	"    {\"name\": \"status\", \"column\": \"status\"}\n"
	"  ],\n"
	"  \"others\": \"ignore\"\n"
	"}\n" },

	/* PostgreSQL in QEMU, evaluation_runs.csv: runs without a migration
	 * are passed over, and so are those that stop the guest by hand, of
	 * which QEMU's downtime is the last part only. */
	{ "postgres-migration",
	"{\n"
	"  \"kind\": \"migrations\",\n"
	"  \"only\": {\"column\": \"kind\", \"is\": \"migration\"},\n"
	"  \"fields\": [\n"
	"    {\"name\": \"workload\", \"columns\": [\"workload\", "
	    "\"threads\"]},\n"
	"    {\"name\": \"mode\", \"column\": \"scenario\",\n"
	"     \"words\": {\"Precopy_Convergent\": \"precopy\", "
	    "\"Precopy_Nonconvergent_16T\": \"precopy\",\n"
	"       \"Precopy_Nonconvergent_OnlyReads_16T\": \"precopy\", "
	    "\"Autoconverge_16T\": \"precopy\",\n"
	"       \"Postcopy_4T\": \"postcopy\", \"Postcopy_16T\": "
	    "\"postcopy\",\n"
	"       \"Postcopy_Late_16T_5s\": \"hybrid\", "
	    "\"Postcopy_Late_16T_25s\": \"hybrid\",\n"
	"       \"Postcopy_Late_16T_40s\": \"hybrid\"}},\n"
	"    {\"name\": \"auto_converge\", \"column\": \"scenario\",\n"
	"     \"words\": {\"Precopy_Convergent\": \"0\", "
	    "\"Precopy_Nonconvergent_16T\": \"0\",\n"
	"       \"Precopy_Nonconvergent_OnlyReads_16T\": \"0\", "
	    "\"Autoconverge_16T\": \"1\",\n"
	"       \"Postcopy_4T\": \"0\", \"Postcopy_16T\": \"0\",\n"
	"       \"Postcopy_Late_16T_5s\": \"0\", \"Postcopy_Late_16T_25s\": "
	    "\"0\",\n"
	"       \"Postcopy_Late_16T_40s\": \"0\"}},\n"
	"    {\"name\": \"compression\", \"value\": \"none\"},\n"
	"    {\"name\": \"mem_bytes\", \"column\": \"guest_memory_gib\", "
	    "\"scale\": 1073741824},\n"
	"    {\"name\": \"vcpus\", \"value\": \"4\"},\n"
	"    {\"name\": \"bandwidth_bytes_s\", \"value\": \"134217728\"},\n"
	"    {\"name\": \"config\", \"column\": \"scenario\"},\n"
	"    {\"name\": \"downtime_ms\", \"column\": "
	    "\"migration_downtime_ms\"},\n"
	"    {\"name\": \"total_ms\", \"column\": "
	    "\"migration_duration_qmp_s\", \"scale\": 1000},\n"
	"    {\"name\": \"transferred_bytes\", \"column\": "
	    "\"total_transferred_gib\",\n"
	"     \"scale\": 1073741824},\n"
	"    {\"name\": \"iterations\", \"column\": \"dirty_sync_count\"},\n"
	"    {\"name\": \"status\", \"column\": \"migration_status\"}\n"
	"  ],\n"
	"  \"others\": \"ignore\"\n"
	"}\n" },

	/* OSIC's nova benchmark; a move in two of its files is one. */
	{ "openstack-migration",
	"{\n"
	"  \"kind\": \"migrations\",\n"
	"  \"repeats\": [\"flavor\", \"storage\", \"tunneling\", "
	    "\"iteration\", \"vm\",\n"
	"              \"live_migration_s\"],\n"
	"  \"fields\": [\n"
	"    {\"name\": \"vm\", \"column\": \"vm\"},\n"
	OPENSTACK_FIELDS
	"    {\"name\": \"total_ms\", \"column\": \"live_migration_s\", "
	    "\"scale\": 1000},\n"
	"    {\"name\": \"status\", \"value\": \"completed\"}\n"
	"  ],\n"
	"  \"others\": \"ignore\"\n"
	"}\n" },

	/* Its ping losses: what the guest's users saw, a VM and test. */
	{ "openstack-downtime",
	"{\n"
	"  \"kind\": \"migrations\",\n"
	"  \"fields\": [\n"
	"    {\"name\": \"vm\", \"column\": \"vm_ip\"},\n"
	OPENSTACK_FIELDS
	"    {\"name\": \"guest_downtime_ms\", \"column\": \"downtime_s\", "
	    "\"scale\": 1000},\n"
	"    {\"name\": \"status\", \"value\": \"completed\"}\n"
	"  ],\n"
	"  \"others\": \"ignore\"\n"
	"}\n" },

	/* What virsh domjobinfo --completed prints. */
	{ "domjobinfo",
	"{\n"
	"  \"kind\": \"migrations\",\n"
	"  \"format\": \"domjobinfo\"\n"
	"}\n" },

	/* QEMU's query-migrate, an object a line. */
	{ "query-migrate",
	"{\n"
	"  \"kind\": \"migrations\",\n"
	"  \"format\": \"query-migrate\"\n"
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
