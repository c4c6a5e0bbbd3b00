# vmf-aggregate: readings or finer series to series.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# rows LINE...: readings of these lines of CSV, the first the header.
rows() {
	printf '%s\n' "$@" | vmf-ingest -q
}

# agg OPTION...: of the readings on stdin, as CSV without a header; the
# summary is in "note".
agg() {
	vmf-aggregate "$@" 2>note | vmf-cat --csv --no-header
}

# count TEXT: the number before TEXT in the summary, 0 where it is not.
count() {
	local n
	n=$(grep -oE "[0-9]+ $1" note | head -n 1)
	echo "${n:-0}" | sed 's/ .*//'
}

fleet() {
	gen "$1" "$2" --seed 4 "${@:3}" | vmf-ingest -q | vmf-dedup -q
}

# agrees READINGS SERIES STEP METRICS STATS: every value of the series is
# what polars computes from the readings.
agrees() {
	judge "$VMF_ROOT/test/judges/aggregate.py" "$@"
}

@test "mean, max, min, count and percentiles by hand" {
	rows vm,time,cpu a,0,1 a,300,2 a,600,3 a,900,10 a,3600,7 b,100,4 \
	    b,200,8 >in
	run -0 agg --step 1h --stat mean,max,min,count,p50,p95,p0,p100 <in
	# p95 of 1 2 3 10: at 2.85 of 0..3, 3 + 0.85 x 7.
	assert_line 'a,ok,1970-01-01T00:00:00Z,"[4,7]","[10,7]","[1,7]","[4,1]","[2.5,7]","[8.95,7]","[1,7]","[10,7]"'
	assert_line 'b,ok,1970-01-01T00:00:00Z,[6],[8],[4],[2],[6],[7.8],[4],[8]'
	vmf-aggregate --step 1h in 2>note >out
	run -0 vmf-cat --schema out
	assert_line --regexp 'vmf:kind +series'
	assert_line --regexp 'vmf:step +3600'
	assert_line --regexp 'vmf:start +1970-01-01T00:00:00Z'
	assert_line --regexp 'vmf:end +1970-01-01T02:00:00Z'
	assert_line --regexp 'cpu_count +list<float32>'
	assert_equal "$(count 'rows in')" 7
	assert_equal "$(count steps)" 3
	assert_equal "$(vmf-cat --csv --no-header out | sed -n 1p)" \
	    'a,ok,1970-01-01T00:00:00Z,"[4,7]","[10,7]","[4,1]"'
}

@test "a step without a sample is missing in every list, never 0" {
	rows vm,time,cpu,mem a,0,0, a,10800,5,6 a,14400,,7 >in
	vmf-aggregate -q --step 1h --stat mean,count in | vmf-cat --json >out
	assert_equal "$(cat out)" '{"id":"a","status":"ok","start":"1970-01-01T00:00:00Z","cpu_mean":[0,null,null,5,null],"cpu_count":[1,null,null,1,null],"mem_mean":[null,null,null,6,7],"mem_count":[null,null,null,1,1]}'
}

@test "steps are multiples of the step since the epoch, also before it" {
	rows vm,time,cpu a,1969-12-31T23:59:59Z,1 a,1969-12-31T22:00:00Z,1 \
	    a,1970-01-01T00:00:00Z,1 >in
	run -0 agg --step 1h --stat count <in
	assert_output 'a,ok,1969-12-31T22:00:00Z,"[1,1,1]"'
	rows vm,time,cpu a,419,1 a,420,1 >in
	run -0 agg --step 7m --stat count <in
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,1]"'
}

@test "max of cpu is that of cpu_max where there is one" {
	rows vm,time,cpu,cpu_min,cpu_max,io_max a,0,5,1,9,3 a,300,6,2,8,4 \
	    a,600,7,,,5 >in
	run -0 agg --step 1h --stat mean,max,min <in
	assert_output a,ok,1970-01-01T00:00:00Z,[6],[9],[1],[4],[5],[3]
	assert_equal "$(vmf-aggregate -q --step 1h in | vmf-cat --csv |
	    head -n 1)" \
	    id,status,start,cpu_mean,cpu_max,cpu_count,io_max_mean,io_max_max,io_max_count
	# A step that only cpu_max knows.
	rows vm,time,cpu,cpu_max a,0,1,2 a,3600,,4 b,0,,3 >in
	vmf-aggregate -q --step 1h --stat mean,max in | vmf-cat --json >out
	grep -q '"id":"a",.*"cpu_mean":\[1,null\],"cpu_max":\[2,4\]' out
	grep -q '"id":"b",.*"cpu_mean":\[null\],"cpu_max":\[3\]' out
	run -0 agg --step 1h --stat mean <in
	assert_line a,ok,1970-01-01T00:00:00Z,[1]
	assert_line b,empty,,[]
}

@test "attributes: the newest value that is neither missing nor empty" {
	rows vm,time,cpu,vcpus,host a,600,1,0, a,300,1,4,new a,0,1,2,old \
	    b,0,1,, >in
	run -0 agg --step 1h --stat count <in
	assert_line a,4,new,ok,1970-01-01T00:00:00Z,[3]
	assert_line b,,,ok,1970-01-01T00:00:00Z,[1]
}

@test "attributes: 0 is a value, but of capacities" {
	rows vm,time,cpu a,0,1 a,300,2 b,0,3 c,0,3 >in
	printf '%s\n' vm,anti_affinity,pinned,weight,floor a,0,1,0,-1 \
	    b,,0,-0.5,0 >inv.csv
	vmf-aggregate -q --step 5m --stat mean,count --join inv.csv -o fine in
	run -0 agg --step 1h --stat count <fine
	assert_line a,0,1,0,-1,ok,1970-01-01T00:00:00Z,[2]
	assert_line b,,0,-0.5,0,ok,1970-01-01T00:00:00Z,[1]
	assert_line c,,,,,ok,1970-01-01T00:00:00Z,[1]
	vmf-aggregate -q --no-history --step 1h -o twice fine
	vmf-aggregate -q --no-history --step 1h --stat mean,count \
	    --join inv.csv -o once in
	same once twice
	# Of every width, in readings of others; of 0 and -0 there is one 0.
	cat >widths.py <<-'EOT'
		import sys, pyarrow as pa, pyarrow.ipc as ipc
		rows = range(3)
		at = {b"role": b"attribute"}
		cols = {"small": pa.float32(), "wide": pa.float64(),
		    "whole": pa.int32(), "long": pa.int64(),
		    "vcpus": pa.float32(), "mem_mb": pa.int64()}
		order = rows if sys.argv[2] == "a" else reversed(rows)
		order = list(order)
		zero = [-0.0, 0.0, -0.0]
		data = {"vm": ["a"] * 3, "time": pa.array([0, 0, -300],
		    pa.timestamp("s")), "cpu": [1.0, 1.0, 2.0]}
		data["small"] = pa.array(zero, pa.float32())
		data["wide"] = pa.array(zero, pa.float64())
		for k, values in (("whole", [0, None, 7]), ("long", [0, 0, 7]),
		        ("vcpus", [0, -1, 2]), ("mem_mb", [0, -1, 5])):
		    data[k] = pa.array(values, cols[k])
		t = pa.table(data).take(order)
		s = pa.schema([pa.field(f.name, f.type,
		    metadata=at if f.name in cols else None) for f in t.schema],
		    metadata={"vmf:kind": "readings"})
		with ipc.new_stream(sys.argv[1], s) as w:
		    w.write_table(t.cast(s))
	EOT
	for order in a b; do
		judge widths.py in.$order $order
		vmf-aggregate -q --no-history --step 5m --stat mean,count \
		    -o out.$order in.$order
	done
	same out.a out.b
	run -0 vmf-cat --csv --no-header \
	    --columns small,wide,whole,long,vcpus,mem_mb out.a
	assert_output 0,0,0,0,2,5
}

@test "--metric chooses, in the order of the stream" {
	rows vm,time,cpu,mem,net_rx a,0,1,2,3 >in
	run -0 agg --step 1h --stat mean --metric net_rx,cpu <in
	assert_output a,ok,1970-01-01T00:00:00Z,[1],[3]
	fails 1 "found no metric 'disk', expected one of: cpu, mem, net_rx" \
	    vmf-aggregate --step 1h --metric disk in
}

@test "--since and --until leave rows out and count them" {
	rows vm,time,cpu a,0,1 a,3600,2 a,7200,3 b,0,1 >in
	run -0 agg --step 1h --stat mean --since @3600 --until @7200 <in
	assert_output a,ok,1970-01-01T01:00:00Z,[2]
	assert_equal "$(count 'rows outside')" 3
	run -0 agg --step 1h --stat mean --since '1970-01-01 02:00' \
	    --tz +01:00 <in
	assert_output 'a,ok,1970-01-01T01:00:00Z,"[2,3]"'
}

@test "--join: attributes, VMs without samples, VMs not in the inventory" {
	rows vm,time,cpu,vcpus,host a,0,1,2,old b,0,2,8,old2 c,0,3,, >in
	printf '%s\r\n' vm,host,cluster,vcpus,weight,note,zone \
	    'a,new,7,4,1.5,"x, ""y""",NA' 'b,,7,,2,,NA' z,h,7,1,NA,n,south \
	    >inv.csv
	run -0 agg --step 1h --stat mean --join inv.csv <in
	assert_line --index 0 'a,4,new,7,1.5,"x, ""y""",NA,ok,1970-01-01T00:00:00Z,[1]'
	assert_line --index 1 b,8,old2,7,2,,NA,ok,1970-01-01T00:00:00Z,[2]
	assert_line --index 2 c,,,,,,,ok,1970-01-01T00:00:00Z,[3]
	assert_line --index 3 z,1,h,7,,n,south,empty,,[]
	assert_equal "$(count 'VMs not in the inventory')" 1
	assert_equal "$(count 'without samples')" 1
	run -0 agg --step 1h --stat mean --join inv.csv --inner <in
	refute_line --partial z,
	assert_equal "$(count 'rows out')" 3
	vmf-aggregate -q --step 1h --join inv.csv in | vmf-cat --schema >schema
	grep -qE '^vcpus +int32 +role=attribute' schema
	grep -qE '^weight +float64 +role=attribute' schema
	grep -qE '^cluster +utf8 +role=attribute' schema
}

@test "--join: an inventory may name VMs by id, numbers stay numbers" {
	rows vm,time,cpu 7,0,1 >in
	printf '\xef\xbb\xbfid,host,big,odd,anti_affinity\n7,1,5000000000,1e3,01\n' \
	    >inv.csv
	run -0 agg --step 1h --stat mean --join inv.csv <in
	assert_output 7,1,5000000000,1000,01,ok,1970-01-01T00:00:00Z,[1]
	vmf-aggregate -q --step 1h --join inv.csv in | vmf-cat --schema >schema
	grep -qE '^host +utf8' schema
	grep -qE '^big +int64' schema
	grep -qE '^odd +float64' schema
	# What digits would not come back from numbers is text.
	printf '%s\n' id,asset,serial,mixed,vcpus 7,007,18446744073709551616,.5,04 \
	    8,10,1,9007199254740993,4 >inv.csv
	vmf-aggregate -q --step 1h --join inv.csv in |
	    vmf-cat --csv --columns id,asset,serial,mixed,vcpus >out
	diff out - <<-'E'
	id,asset,serial,mixed,vcpus
	7,007,18446744073709551616,.5,4
	8,10,1,9007199254740993,4
	E
}

@test "--join: capitals in the names that are known" {
	printf '%s\n' VM,Host,vCPUs,Mem_MB,Pinned,Rack,rack,ID \
	    a,h1,2,100,y,R,r,7 >inv.csv
	printf '%s\n' vm,time,cpu a,0,1 | vmf-ingest -q >in
	vmf-aggregate -q --step 1h --join inv.csv --inner in |
	    vmf-cat --csv --columns id,host,vcpus,mem_mb,pinned,Rack,rack,ID \
	    >out
	diff out - <<-'E'
	id,host,vcpus,mem_mb,pinned,Rack,rack,ID
	a,h1,2,100,y,R,r,7
	E
	printf '%s\n' vm,host,Host a,h,h >inv.csv
	fails 1 "inv.csv:1: found column 'host' twice" \
	    vmf-aggregate --step 1h --join inv.csv in
	printf '%s\n' ID,Host a,h2 >inv.csv
	vmf-aggregate -q --step 1h --join inv.csv in |
	    vmf-cat --csv --no-header --columns id,host >out
	assert_equal "$(cat out)" a,h2
}

@test "--join: what is reckoned with is above 0" {
	printf '%s\n' vm,time,cpu a,0,1 | vmf-ingest -q >in
	for k in vcpus mem_mb cpu_capacity_mhz; do
		for v in -2 0 inf two; do
			printf '%s\n' vm,$k b,4 a,$v >inv.csv
			fails 1 "inv.csv: column '$k' of vm 'a': found '$v', expected a number above 0" \
			    vmf-aggregate --step 1h --join inv.csv in
		done
		printf '%s\n' vm,$k b,0.5 a, c,NA >inv.csv
		vmf-aggregate -q --step 1h --join inv.csv -o out in
	done
}

@test "--join: a bad inventory is named with its line" {
	rows vm,time,cpu a,0,1 >in
	join() { vmf-aggregate --step 1h --join inv.csv in; }
	printf 'vm,host\na,h\nb,"x\ny"\na,h\n' >inv.csv
	fails 1 "inv.csv:5: found VM 'a' again" join
	printf 'vm,host\na,h\n\nb\n' >inv.csv
	fails 1 "inv.csv:4: found 1 fields, expected 2" join
	printf 'host,cluster\na,h\n' >inv.csv
	fails 1 "inv.csv:1: found no column 'vm' or 'id'" join
	printf 'vm;host\na;h\n' >inv.csv
	fails 1 "expected one, and commas between columns" join
	printf 'vm,host\n,h\n' >inv.csv
	fails 1 "inv.csv:2: found an empty VM name" join
	printf 'vm,host,host\n' >inv.csv
	fails 1 "inv.csv:1: found column 'host' twice" join
	printf 'vm,host\na,"h\n' >inv.csv
	fails 1 "inv.csv:" join
	printf 'vm,host\na,"h"x\n' >inv.csv
	fails 1 "inv.csv:2: " join
	printf 'vm,host\na,\xff\n' >inv.csv
	fails 1 "inv.csv:2: found bytes that are not UTF-8" join
	printf 'vm,status\na,x\n' >inv.csv
	fails 1 "found column 'status', expected another name" join
	printf 'vm,cpu_mean\na,x\n' >inv.csv
	fails 1 "found column 'cpu_mean'" join
	: >inv.csv
	fails 1 "inv.csv:1: found no header" join
	rm inv.csv
	fails 1 "inv.csv" join
}

@test "--by host: sums of cores, by hand" {
	# Two VMs that peak one after the other, c on another host.
	rows vm,time,cpu a,0,100 a,300,0 b,0,0 b,300,100 b,3600,50 c,0,30 \
	    d,0,9 >in
	printf '%s\n' vm,host,cluster,vcpus a,h1,k1,2 b,h1,k1,6 c,h2,k1, \
	    e,h3,k2,4 >inv.csv
	run -0 agg --step 1h --by host --stat mean,max,min,p50,count \
	    --join inv.csv <in
	# h1: each VM's mean of the hour is 50 %: 1 + 3 = 4 cores of 8.  At
	# 0:00 it was 2 cores, 25 %, at 0:05 6 cores, 75 %.
	assert_line 'h1,k1,8,ok,1970-01-01T00:00:00Z,"[50,50]","[75,50]","[25,50]","[50,50]","[2,1]","[4,3]","[2,1]","[6,3]","[2,3]","[4,3]"'
	assert_line 'h2,k1,1,ok,1970-01-01T00:00:00Z,[30],[30],[30],[30],[1],[0.3],[1],[0.3],[0.3],[0.3]'
	assert_line 'h3,k2,4,empty,,[],[],[],[],[],[],[],[],[],[]'
	assert_equal "$(count 'VMs without vcpus, weighing 1')" 1
	assert_equal "$(count 'VMs without a host left out')" 1
	vmf-aggregate -q --step 1h --by host --stat mean,p95 --join inv.csv in |
	    vmf-cat --csv | head -n 1 >out
	assert_equal "$(cat out)" \
	    id,cluster,vcpus,status,start,cpu_mean,cpu_p95,cpu_cores,vms,cpu_cores_p95
	run -0 agg --step 1h --by host --inner --join inv.csv <in
	refute_line --partial h3
	run -0 agg --step 1h --by cluster --stat mean --join inv.csv <in
	# k1: 1 + 3 + 0.3 cores of 9.
	assert_line --regexp '^k1,9,ok,1970-01-01T00:00:00Z,"\[47\.7777[0-9]*,50\]","\[4\.3,3\]","\[3,1\]"$'
}

@test "percentiles of more samples in a step than are sorted by hand" {
	{
		echo vm,time,cpu
		# 1 to 100 in another order, 36 s apart.
		awk 'BEGIN { for (i = 0; i < 100; i++)
			printf "a,%d,%d\n", 36 * i, (37 * i) % 100 + 1 }'
	} | vmf-ingest -q >in
	run -0 agg --step 1h --stat p50,p95,p99.9,min,max,count <in
	assert_output a,ok,1970-01-01T00:00:00Z,[50.5],[95.05],[99.901],[1],[100],[100]
}

@test "--by host: VMs that say different clusters, and an inventory without" {
	rows vm,time,cpu a,0,1 b,0,3 c,0,5 >in
	printf '%s\n' vm,host,cluster a,h,k1 b,h,k2 c,g,k2 >inv.csv
	run -0 agg --step 1h --by host --stat mean --join inv.csv <in
	assert_line --regexp '^g,k2,1,ok,'
	assert_line --regexp '^h,,2,ok,.*\[2\],'
	printf 'vm,host,\na,h,x\n' >inv.csv
	fails 1 'inv.csv:1: found a column without a name' \
	    vmf-aggregate --step 1h --join inv.csv in
	printf 'vm,host\na,h,x\n' >inv.csv
	fails 1 'inv.csv:2: found 3 fields, expected 2' \
	    vmf-aggregate --step 1h --join inv.csv in
	# A row without a VM, in a stream of names by number.
	judge - <<-'E'
	import pyarrow as pa, pyarrow.ipc as ipc
	for name, index, words in (("null", [0, None], ["a"]),
	        ("hole", [0, 1], ["a", None])):
	    vm = pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), words)
	    t = pa.table({"vm": vm, "time": pa.array([0, 300],
	        pa.timestamp("s")), "cpu": [1.0, 2.0]})
	    with ipc.new_stream(name, t.schema) as w:
	        w.write_table(t)
	E
	fails 1 'null: row 1: ' vmf-aggregate --step 1h null
	fails 1 'hole: row 1: ' vmf-aggregate --step 1h hole
}

@test "--by host: the fine step" {
	rows vm,time,cpu,host,vcpus a,0,0,h,2 a,60,100,h,2 a,120,50,h,2 >in
	run -0 agg --step 10m --by host --stat max <in
	assert_output h,2,ok,1970-01-01T00:00:00Z,[50],[1],[1],[1]
	run -0 agg --step 10m --by host --stat max --fine-step 1m <in
	assert_output h,2,ok,1970-01-01T00:00:00Z,[100],[1],[1],[2]
	run -0 agg --step 1m --by host --stat max <in
	assert_output 'h,2,ok,1970-01-01T00:00:00Z,"[0,100,50]","[0,2,1]","[1,1,1]","[0,2,1]"'
	fails 2 "5m is not a part of --step 7m" \
	    vmf-aggregate --step 7m --by host in
	fails 2 "--fine-step is for --by" \
	    vmf-aggregate --step 7m --fine-step 1m in
}

# staggered S FROM STEPS: four VMs of one host, samples every S seconds, two of
# them half of that later.
staggered() {
	awk -v s="$1" -v from="$2" -v n="$3" 'BEGIN {
		print "vm,time,cpu,host,vcpus"
		for (i = 0; i < n; i++)
			for (v = 0; v < 4; v++)
				printf "v%d,%d,100,h,1\n", v,
				    from + i * s + (v % 2) * s / 2
	}' | vmf-ingest -q
}

@test "--by host: a fine step that is shorter than the time between samples" {
	staggered 600 0 12 >in
	run -0 agg --step 1h --by host --stat mean,max --inner <in
	assert_output 'h,4,ok,1970-01-01T00:00:00Z,"[100,100]","[100,100]","[4,4]","[4,4]","[2,2]"'
	grep -q ': VMs have samples in 50 % of the fine steps of 5m: .*lack VMs; use --fine-step 10m$' note
	run -0 agg --step 1h --by host --stat mean,max --fine-step 10m <in
	assert_output 'h,4,ok,1970-01-01T00:00:00Z,"[100,100]","[100,100]","[4,4]","[4,4]","[4,4]"'
	refute grep -q 'fine steps' note
	vmf-aggregate -q --step 1h --by host in 2>note >out
	assert_equal "$(cat note)" ''
	# Means are not of fine steps.
	run -0 agg --step 1h --by host --stat mean,count <in
	refute grep -q 'fine steps' note
	# Of series too, and where there is no fine step that would do.
	vmf-aggregate -q --step 5m -o fine in
	printf '%s\n' vm,cluster v0,k v1,k v2,k v3,k >inv.csv
	run -0 agg --step 1h --by cluster --stat p95 --join inv.csv fine
	grep -q 'in 50 % of the fine steps of 5m: .*--fine-step 10m$' note
	run -0 agg --step 5m --by host --stat max <in
	grep -q 'in 50 % of the fine steps of 5m: .*; use a longer --step$' note
	staggered 420 0 40 >in
	run -0 agg --step 1h --by host --stat max <in
	grep -q 'in 7[12] % of the fine steps of 5m: .*--fine-step 10m$' note
	# A VM that stood still, and a sample in twenty that was lost, are no
	# reason.
	awk 'BEGIN {
		print "vm,time,cpu,host"
		for (i = 0; i < 400; i++)
			if (i % 20 != 7 && (i < 100 || i > 200))
				print "a," 300 * i ",5,h"
	}' | vmf-ingest -q >in
	run -0 agg --step 1h --by host --stat max <in
	refute grep -q 'fine steps' note
}

@test "--by needs a host, and cpu" {
	rows vm,time,cpu,mem a,0,1,2 >in
	fails 1 "found no column 'host'" vmf-aggregate --step 1h --by host in
	rows vm,time,mem,host a,0,1,h >mem
	fails 1 "found no metric 'cpu'" vmf-aggregate --step 1h --by host mem
	fails 2 "only cpu is summed" \
	    vmf-aggregate --step 1h --by host --metric mem in
}

# close LEFT RIGHT TOLERANCE: two files of CSV, of the same lines; numbers
# from the third field on may differ by that much, relative above 1.
close() {
	assert_equal "$(head -n 1 "$1")" "$(head -n 1 "$2")"
	assert_equal "$(wc -l <"$1")" "$(wc -l <"$2")"
	paste -d, "$1" "$2" | awk -F, -v tol="$3" 'NR > 1 {
	    for (i = 1; i <= NF / 2; i++) {
		a = $i; b = $(i + NF / 2); d = a - b; d = d < 0 ? -d : d
		ok = i < 3 ? a == b : d <= tol * (a > 1 ? a : 1)
		if (!ok || (a == "") != (b == "")) { print; exit 1 }
	    } }'
}

@test "coarsening gives what the readings give" {
	fleet 40 3 >in
	vmf-aggregate -q --step 5m --stat mean,max,min,count -o fine in
	vmf-aggregate -q --step 1h --stat mean,max,min,count in |
	    vmf-cat --long --csv >want
	# The order of the default statistics is mean, max, min, count.
	vmf-aggregate -q --step 1h fine | vmf-cat --long --csv >got
	close want got 1e-6
	vmf-aggregate -q --step 15m --stat mean,count,max,min fine |
	    vmf-aggregate -q --step 1h | vmf-cat --long --csv >twice
	close want twice 1e-6
	[ "$(wc -l <want)" -gt 1000 ]
}

@test "coarsening by host gives what the readings give" {
	gen 40 2 --shape inventory >inv.csv
	fleet 40 2 >in
	vmf-aggregate -q --step 5m --join inv.csv -o fine in
	for by in host cluster; do
		vmf-aggregate -q --step 1h --by $by --stat mean,max,p95,count \
		    --join inv.csv in | vmf-cat --long --csv >want
		vmf-aggregate -q --step 1h --by $by --stat mean,max,p95,count \
		    fine | vmf-cat --long --csv >got
		close want got 1e-6
		[ "$(wc -l <want)" -gt 40 ]
	done
}

@test "what a series cannot give is said" {
	rows vm,time,cpu a,0,1 a,300,5 >in
	vmf-aggregate -q --step 5m --stat mean,p95 -o mean in
	vmf-aggregate -q --step 5m -o fine in
	fails 1 "found no column 'cpu_count', expected it for cpu_mean" \
	    vmf-aggregate --step 1h --stat mean mean
	fails 1 "found no column 'cpu_count'" vmf-aggregate --step 1h mean
	fails 1 "a percentile of percentiles is none" \
	    vmf-aggregate --step 1h --stat p95 fine
	fails 1 "found no column 'cpu_min'" \
	    vmf-aggregate --step 1h --stat min fine
	fails 2 "a multiple of the step of fine, 5m" \
	    vmf-aggregate --step 7m fine
	vmf-aggregate -q --step 5m --stat mean,count,p95 -o p95 in
	run -0 agg --step 1h <p95
	assert_output a,ok,1970-01-01T00:00:00Z,[3],[2]
	grep -q 'cannot be coarsened, left out: cpu_p95' note
	rows vm,time,cpu,host a,0,1,h |
	    vmf-aggregate -q --step 5m --by host -o host
	fails 1 "cannot be coarsened" vmf-aggregate --step 1h host
	rows vm,time,cpu_cores a,0,2 | vmf-aggregate -q --step 5m | agg --step 1h
	fails 2 "found no --step" vmf-aggregate in
	fails 2 "--input-step" vmf-aggregate --step 1h --input-step 5m in
	fails 2 "expected 300 s as in the metadata" \
	    vmf-aggregate --step 1h --input-step 1m fine
	fails 1 "found no column 'vm' in a stream of kind series" \
	    vmf-dedup fine
}

@test "the same entity in several rows of series" {
	rows vm,time,cpu,vcpus a,0,1,2 a,300,3,4 |
	    vmf-aggregate -q --step 5m -o one.s
	rows vm,time,cpu,vcpus a,600,8,8 b,0,5,1 |
	    vmf-aggregate -q --step 5m -o two.s
	cat >cat.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		t = [ipc.open_stream(n).read_all() for n in ("two.s", "one.s")]
		with ipc.new_stream("both.s", t[0].schema) as w:
		    for x in t:
		        w.write_table(x)
	EOT
	judge cat.py
	run -0 agg --step 1h <both.s
	assert_line --index 0 a,8,ok,1970-01-01T00:00:00Z,[4],[8],[3]
	assert_line --index 1 b,1,ok,1970-01-01T00:00:00Z,[5],[5],[1]
}

@test "empty input: an empty series, without start and end" {
	rows vm,time,cpu | vmf-aggregate --step 1h >out 2>note
	assert_equal "$(vmf-cat --csv out)" \
	    id,status,start,cpu_mean,cpu_max,cpu_count
	run -0 vmf-cat --schema out
	refute_output --partial vmf:start
	refute_output --partial vmf:end
	assert_line --regexp 'vmf:step +3600'
	assert_equal "$(vmf-aggregate -q --step 1d out | vmf-cat --csv)" \
	    id,status,start,cpu_mean,cpu_max,cpu_count
	# Only missing values: the VM has no sample.
	rows vm,time,cpu a,0, a,300, >in
	run -0 agg --step 1h <in
	assert_output a,empty,,[],[],[]
	assert_equal "$(count 'rows without a value')" 2
}

@test "a clock that jumped costs no memory, and is said when it must be" {
	rows vm,time,cpu a,2024-05-01T00:00:00Z,1 a,1970-01-01T00:00:00Z,2 \
	    b,2024-05-01T00:00:00Z,3 b,2100-01-01T00:00:00Z,4 >in
	fails 1 "found samples of 'a' from 1970-01-01T00:00:00Z to 2024-05-01" \
	    vmf-aggregate --step 1m in
	[[ $stderr == *"--since"* ]]
	run -0 agg --step 1m --stat mean --since 2024-01-01 --until 2025-01-01 \
	    <in
	assert_line a,ok,2024-05-01T00:00:00Z,[1]
	assert_line b,ok,2024-05-01T00:00:00Z,[3]
}

@test "times that no calendar has are an error, unless left out" {
	cat >far.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		for name, t in (("far", 2**63 - 9), ("past", 5 - 2**63),
		    ("ad1", -62135596795)):
		    b = pa.table({"vm": ["a", "a"], "time": pa.array([0, t],
		        pa.timestamp("s")), "cpu": [1.0, 2.0]})
		    with ipc.new_stream(name, b.schema) as w:
		        w.write_table(b)
	EOT
	judge far.py
	fails 1 "far: row 1: found time 9223372036854775799 s" \
	    vmf-aggregate --step 1h far
	fails 1 "past: row 1: found time" vmf-aggregate --step 1h past
	fails 1 "in the years 3 to 9997" vmf-aggregate --step 7d ad1
	run -0 agg --step 1h --stat count --since @0 --until @100 <far
	assert_output a,ok,1970-01-01T00:00:00Z,[1]
}

@test "streams that polars and DuckDB write, their metadata dropped" {
	fleet 10 1 >in
	cat >make.py <<-'EOT'
		import polars as pl, pyarrow as pa, pyarrow.ipc as ipc, duckdb
		t = pl.read_ipc_stream("in")
		t.write_ipc_stream("polars")
		d = duckdb.sql("select vm::varchar vm, time, cpu::double cpu, mem "
		    "from t").to_arrow_table()
		with ipc.new_stream("duckdb", d.schema) as w:
		    w.write_table(d)
	EOT
	judge make.py
	vmf-aggregate -q --step 5m in >want.s
	vmf-cat --csv want.s >want
	for f in polars duckdb; do
		vmf-aggregate -q --step 5m $f | vmf-cat --csv | diff - want
	done
	cat >series.py <<-'EOT'
		import polars as pl
		pl.read_ipc_stream("want.s").write_ipc_stream("series")
	EOT
	judge series.py
	fails 2 "expected --input-step" vmf-aggregate --step 1h series
	vmf-aggregate -q --step 1h --input-step 5m series | vmf-cat --csv >got
	vmf-aggregate -q --step 1h want.s | vmf-cat --csv | diff - got
}

# odd FILE: readings with an attribute of each type, by pyarrow; of b they are
# missing in the newest row, but the whole number, which is 0.
odd() {
	cat >odd.py <<-'EOT'
		import sys
		import pyarrow as pa, pyarrow.ipc as ipc
		own = {"role": "attribute"}
		def col(name, t, v):
		    return pa.field(name, t, metadata=own), pa.array(v, t)
		cols = [col("flag", pa.bool_(), [True, False, None]),
		    col("made", pa.timestamp("s", "UTC"), [86400, 60, None]),
		    col("f4", pa.float32(), [1.5, 0.25, float("nan")]),
		    col("f8", pa.float64(), [2.5, 1e-3, None]),
		    col("big", pa.int64(), [9000000000, -7, 0]),
		    col("word", pa.utf8(), ["x", "y", ""])]
		plain = [(pa.field("vm", pa.utf8()), pa.array(["a", "b", "b"])),
		    (pa.field("time", pa.timestamp("s", "UTC")),
		    pa.array([0, 0, 300], pa.timestamp("s", "UTC"))),
		    (pa.field("cpu", pa.float32()),
		    pa.array([1, 2, 4], pa.float32()))]
		both = plain + cols
		s = pa.schema([f for f, _ in both])
		with ipc.new_stream(sys.argv[1], s) as w:
		    w.write_table(pa.table([v for _, v in both], schema=s))
	EOT
	judge odd.py "$1"
}

@test "attributes of every type, of which the newest that says something counts" {
	odd in
	columns=id,flag,made,f4,f8,big,word,cpu_mean
	vmf-aggregate -q --step 1h --stat mean,count -o s in
	run -0 vmf-cat --csv --no-header --columns $columns s
	assert_line --index 0 'a,true,1970-01-02T00:00:00Z,1.5,2.5,9000000000,x,[1]'
	assert_line --index 1 'b,false,1970-01-01T00:01:00Z,0.25,0.001,0,y,[3]'
	# Through dedup, and through coarser steps.
	vmf-dedup -q in | vmf-aggregate -q --step 1h --stat mean,count -o t
	same <(vmf-cat --csv s) <(vmf-cat --csv t)
	vmf-aggregate -q --step 2h --stat mean s |
	    vmf-cat --csv --no-header --columns $columns >coarse
	assert_equal "$output" "$(cat coarse)"
	# An inventory that has words or other numbers for them.
	printf '%s\n' vm,flag,made,f4,f8,big a,maybe,never,7,8,1.5 >inv.csv
	vmf-aggregate -q --step 1h --stat mean --join inv.csv -o s in
	run -0 vmf-cat --csv --no-header --columns $columns s
	assert_line --index 0 'a,maybe,never,7,8,1.5,x,[1]'
	assert_line --index 1 'b,false,1970-01-01T00:01:00Z,0.25,0.001,0,y,[3]'
	vmf-cat --schema s | awk '{ print $1, $2 }' >schema
	for c in 'flag utf8' 'made utf8' 'f4 float64' 'f8 float64' 'big utf8'; do
		grep -qx "$c" schema
	done
	printf '%s\n' vm,f4,f8,big a,low,high,all >inv.csv
	vmf-aggregate -q --step 1h --stat mean --join inv.csv -o s in
	run -0 vmf-cat --csv --no-header --columns f4,f8,big s
	assert_output low,high,all$'\n'0.25,0.001,0
	# Another text of the same columns in what is joined to a history.
	vmf-aggregate -q --step 1h --stat mean -o h in
	printf '%s\n' vm,time,cpu a,3600,3 | vmf-ingest -q >day
	printf '%s\n' vm,flag,made,f4,f8,big a,no,then,low,high,all >inv.csv
	vmf-aggregate -q --append h --step 1h --stat mean --join inv.csv day |
	    vmf-cat --csv --no-header --columns ${columns%,word,*} >got
	run -0 cat got
	assert_line --index 0 'a,no,then,low,high,all'
	assert_line --index 1 'b,false,1970-01-01T00:01:00Z,0.25,0.001,0'
}

@test "rows that say little, and cells that do not say what they should" {
	judge - <<-'E'
	import pyarrow as pa, pyarrow.ipc as ipc
	def put(name, kind, **cols):
	    t = pa.table(cols).replace_schema_metadata({"vmf:kind": kind,
	        "vmf:step": "3600", "vmf:start": "1970-01-01T00:00:00Z",
	        "vmf:end": "1970-01-01T02:00:00Z"})
	    with ipc.new_stream(name, t.schema) as w:
	        w.write_table(t)
	def times(*v):
	    return pa.array(v, pa.timestamp("s"))
	def cpu(*v):
	    return pa.array(v, pa.float32())
	put("time", "readings", vm=["a", "a", "b"], time=times(0, None, 600),
	    cpu=cpu(1, 2, 3))
	put("name", "readings", vm=pa.DictionaryArray.from_arrays(
	    pa.array([0, 1], pa.int32()), pa.array(["a", None])),
	    time=times(0, 600), cpu=cpu(1, 2))
	put("row", "readings", vm=pa.array(["a", None]).dictionary_encode(),
	    time=times(0, 600), cpu=cpu(1, 2))
	put("binary", "readings", vm=["a"], time=times(0), cpu=cpu(1),
	    tag=pa.array([b"x"], pa.binary()))
	put("few", "readings", vm=["a", "b", "c"], time=times(0, 0, 0),
	    cpu=cpu(1, 2, None), vcpus=pa.array([1, None, 2], pa.int32()),
	    host=pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int32()),
	    pa.array(["h", None, ""])),
	    cluster=pa.nulls(3, pa.string()), age=pa.array([1.5, None, 2]))
	f64 = pa.list_(pa.float64())
	put("wide", "series", id=["a"], start=times(0),
	    cpu_mean=pa.array([[1.0, 2.5]], f64),
	    cpu_count=pa.array([[1.0, 2.0]], f64))
	f32 = pa.list_(pa.float32())
	put("most", "series", id=["a"], start=times(0), host=["h"],
	    cpu_max=pa.array([[1.0, 2.5]], f32))
	put("means", "series", id=["a"], start=times(0), host=["h"],
	    cpu_mean=pa.array([[1.0, 2.5]], f32))
	put("early", "series", id=["a"], start=times(-10**12),
	    cpu_mean=pa.array([[1.0, 2.0]], f64))
	put("huge", "readings", vm=["a", "b"], time=times(0, 600),
	    cpu=pa.array([1.0, -1e300]), mem=cpu(float("inf"), 1))
	put("wider", "series", id=["a", "b"], start=times(0, 0),
	    cpu_mean=pa.array([[1.0, 2.5], [1.0, 2.5]], f64),
	    cpu_max=pa.array([[1.0, 2.5], [1.0, 1e39]], f64))
	put("full", "readings", vm=["a", "b"], time=times(0, 0),
	    cpu=cpu(3e38, 3e38), vcpus=pa.array([999, 1], pa.int32()),
	    host=["h", "h"])
	E
	fails 1 'time: row 1: found no time (null)' vmf-aggregate --step 1h \
	    --since 1970-01-01 -o out time
	fails 1 'name: row 1: found no vm (null)' \
	    vmf-aggregate --step 1h -o out name
	fails 1 'row: row 1: found no vm (null)' \
	    vmf-aggregate --step 1h -o out row
	fails 1 "binary: column 'tag' is binary, expected a number, text, bool" \
	    vmf-aggregate --step 1h -o out binary
	fails 1 'early: row 0: start is -1000000000000 s since 1970, expected a time in the years 1 to 9999' \
	    vmf-train --model snaive -o out early
	# What a float32 does not hold, but where nobody asks for it.
	fails 1 "huge: row 1: found 'cpu' -1e+300 of 'b', expected at most 3.40282e+38, or missing" \
	    vmf-aggregate --step 1h -m cpu -o out huge
	fails 1 "huge: row 0: found 'mem' inf of 'a'" \
	    vmf-aggregate --step 1h -m mem -o out huge
	vmf-aggregate -q --step 1h -m cpu --until 1970-01-01T00:10:00Z huge >few2
	fails 1 "wider: row 1: found 'cpu_max' 1e+39 at item 1 of 'b'" \
	    vmf-aggregate --step 1h -o out wider
	vmf-aggregate -q --stat mean wider >few2
	fails 1 "full: the VMs of 'h' add up to a 'cpu_cores' that is above 3.40282e+38" \
	    vmf-aggregate --step 1h --by host --stat mean -o out full
	[ ! -e out ]
	for stat in mean p50; do
		run -0 sh -c "vmf-aggregate -q --step 1h --metric cpu \
		    --stat $stat few | vmf-cat --csv --no-header \
		    --columns id,host,vcpus,cluster,cpu_$stat"
		assert_output $'a,h,1,,[1]\nb,,,,[2]\nc,,2,,[]'
	done
	# A host has what is known of its VMs.
	run -0 sh -c 'vmf-aggregate -q --step 1h --metric cpu --by host few |
	    vmf-cat --csv --no-header --columns id,cluster,vcpus,cpu_mean,vms'
	assert_output 'h,,1,[1],[1]'
	# A number that an int32 does not hold, and a word for an age.
	printf '%s\n' vm,age,vcpus,tag a,x,99999999999,q b,2,,w >inv.csv
	run -0 sh -c 'vmf-aggregate -q --step 1h --metric cpu --join inv.csv few |
	    vmf-cat --csv --no-header --columns id,vcpus,age,tag'
	assert_output $'a,99999999999,x,q\nb,,2,w\nc,2,,'
	run -0 sh -c 'vmf-aggregate -q --step 2h wide |
	    vmf-cat --csv --no-header --columns cpu_mean,cpu_count'
	assert_output '[2],[3]'
	# Maxima alone are counted by nothing, and those before --since not at all.
	run -0 --separate-stderr sh -c 'vmf-aggregate --step 2h --stat max \
	    --since 1970-01-01T01:00:00Z most | vmf-cat --csv --no-header \
	    --columns start,cpu_max'
	assert_output '1970-01-01T00:00:00Z,[2.5]'
	fails 1 "means: found no column 'cpu_count', expected it for --by" \
	    vmf-aggregate --step 1h --by host means
	fails 1 "means: found no column 'cpu_count', expected it for cpu_mean: make the finer series with --stat mean,count" \
	    vmf-aggregate --step 2h --by host means
	fails 1 "most: found no column 'cpu_mean', expected it for cpu_mean: make the finer series with --stat mean" \
	    vmf-aggregate --step 2h --by host most
	[[ $stderr != *mean,mean* ]]
}

@test "every step of every VM as polars computes it" {
	fleet 50 3 >in
	vmf-aggregate -q --step 1h --stat mean,max,min,count,p95,p50 -o out in
	agrees in out 3600 cpu,mem mean,max,min,count,p95,p50
}

@test "any order of the input, and any memory, give the same series" {
	not_small
	gen 300 6 --seed 2 --order vm | vmf-ingest -q | vmf-dedup -q >vm
	vmf-aggregate -q --step 5m --stat mean,max,min,count,p95 \
	    --memory 1G vm | vmf-cat --csv | cksum >want
	vmf-cat --csv vm >vm.csv
	{ head -n 1 vm.csv; tail -n +2 vm.csv | sort -s -t, -k2,2; } |
	    vmf-ingest -q >time
	{ head -n 1 vm.csv; tail -n +2 vm.csv | sort -s -t, -k3,3; } |
	    vmf-ingest -q >odd
	for f in vm time odd; do
		vmf-aggregate --step 5m --stat mean,max,min,count,p95 \
		    --memory 56M $f 2>note | vmf-cat --csv | cksum >got
		echo "$f $(cat note)"
		[ "$(count 'bytes spilled')" -gt 0 ]
		same want got
	done
	fails 1 "spilling to '/nowhere/at-all'" env TMPDIR=/nowhere/at-all \
	    vmf-aggregate --step 5m --stat p95 --memory 56M odd
}

@test "memory stays below --memory on ten times the rows" {
	not_small
	command -v /usr/bin/time >/dev/null || skip "no /usr/bin/time"
	gen 300 1 --shape inventory >inv.csv
	for opts in '--stat mean,max,p95' '--by host --stat mean,p95'; do
		for order in time vm shuffle; do
			for days in 2 20; do
				# shellcheck disable=SC2086
				gen 300 $days --order $order | vmf-ingest -q |
				    /usr/bin/time -f '%M' -o kb vmf-aggregate \
				    -q --step 5m --join inv.csv $opts \
				    --memory 56M >/dev/null
				echo "$opts $order $days $(cat kb)"
				[ "$(cat kb)" -le $((56 * 1024)) ]
			done
		done
	done
	# What sums round off, of one step and of a VM or ten.
	for vms in 1 10; do
		awk -v vms=$vms 'BEGIN { print "vm,time,cpu"
		    for (i = 0; i < 400000; i++)
			print "v" i % vms "," int(i / 5) "," \
			    (i < vms ? 1e12 : i % 997 / 10) }' |
		    vmf-ingest -q >in
		vmf-aggregate -q --no-history --step 1d -o want in
		/usr/bin/time -f '%M' -o kb vmf-aggregate -q --no-history \
		    --memory 16M --step 1d -o got in
		echo "$vms $(cat kb)"
		[ "$(cat kb)" -le $((16 * 1024)) ]
		same want got
	done
}

@test "too little memory for the input's batches says how much it needs" {
	not_small
	fleet 400 8 | vmf-dedup -q >small
	large_batches small >in
	fails 2 'is too little for input of' vmf-aggregate --memory 16M \
	    --step 1h -o out in
	[ ! -e out ]
	least=${stderr##*at least }
	vmf-aggregate -q --memory "${least%%$'\n'*}" --step 1h -o out in
}

@test "large values keep their digits" {
	rows vm,time,mem_b a,0,1099511627776 a,300,1099511627776 \
	    a,600,1099511627776 >in
	run -0 agg --step 1h --stat mean,max <in
	assert_output --regexp '^a,ok,1970-01-01T00:00:00Z,\[([^,]*)\],\[\1\]$'
}

@test "usage" {
	: >empty
	fails 2 "--stat: found 'median'" vmf-aggregate -s 1h --stat median empty
	fails 2 "--stat: found 'mean' twice" \
	    vmf-aggregate -s 1h --stat mean,mean empty
	for s in p p101 p1e1 p-1 '' mean,; do
		fails 2 "--stat: found" vmf-aggregate -s 1h --stat "$s" empty
	done
	fails 2 "--by: found 'rack'" vmf-aggregate -s 1h --by rack empty
	fails 2 "--step: found" vmf-aggregate -s 0 empty
	fails 2 "expected at most 366d" vmf-aggregate -s 9999d empty
	fails 2 "expected at least 16M" vmf-aggregate -s 1h --memory 1M empty
	fails 2 "--since is not before --until" \
	    vmf-aggregate -s 1h --since @5 --until @5 empty
	fails 2 "--join: found '-'" vmf-aggregate -s 1h --join - empty
}

@test "other kinds of streams are refused by name" {
	rows vm,time,cpu a,0,1 >in
	cat >kind.py <<-'EOT'
		import pyarrow.ipc as ipc
		t = ipc.open_stream("in").read_all()
		t = t.replace_schema_metadata({"vmf:kind": "plan"})
		with ipc.new_stream("plan", t.schema) as w:
		    w.write_table(t)
	EOT
	judge kind.py
	fails 1 "found a stream of kind plan, expected readings or series" \
	    vmf-aggregate -s 1h plan
}

@test "Bitbrains, August: hours as polars computes them, and their sum" {
	not_small
	data bitbrains_rnd
	tar -xzf "$DATA/rnd-2013-8.tar.gz"
	vmf-ingest -q --map bitbrains 2013-8/*.csv >raw
	sum() {
		vmf-cat --long --csv "$1" |
		    awk -F, 'NR > 1 && $3 != "" { n++; s += $3; id[$1] }
		    END { printf "%d %d %.1f\n", n, length(id), s }'
	}
	vmf-aggregate -q --step 1h --stat mean raw >without
	run -0 sum without
	assert_output '359653 500 2507346.2'
	vmf-dedup -q raw >in
	vmf-aggregate -q --step 1h --stat mean in >hours
	run -0 sum hours
	assert_output '359653 500 2507347.1'
	assert_equal "$(vmf-cat --long --csv hours | wc -l)" 359654
	# Values one by one, of some VMs.
	[ -n "${VMF_WHOLE:-}" ] ||
		vmf-ingest -q --map bitbrains 2013-8/*7.csv | vmf-dedup -q >in
	rm -r raw 2013-8
	vmf-aggregate -q --step 5m --stat mean,max,min,count in |
	    vmf-aggregate -q --step 1h >coarse
	agrees in coarse 3600 cpu,mem,net_rx mean,max,min,count
	vmf-aggregate -q --step 1h --stat mean,max,p95 in >full
	agrees in full 3600 cpu,mem,disk_read mean,max,p95
}

@test "one result, whatever the order of the rows and --memory" {
	for order in time vm shuffle; do
		fleet 300 4 --order $order >$order
		for m in 32M 512M; do
			vmf-aggregate --no-history --step 1h --memory $m \
			    --stat mean,max,min,count,p95 -o out.$order.$m \
			    $order 2>note
			same out.time.32M out.$order.$m
			vmf-aggregate --no-history --step 1m --memory $m \
			    -o fine.$order.$m $order 2>>note
			same fine.time.32M fine.$order.$m
			assert_equal "$(grep -c 'bytes spilled' note)" \
			    "$([ $m = 32M ] && echo 2 || echo 0)"
		done
	done
	gen 300 4 --seed 4 --shape inventory >inv.csv
	for order in time vm shuffle; do
		for m in 32M 512M; do
			vmf-aggregate -q --no-history --step 1h --memory $m \
			    --by host --stat mean,max,p95,count \
			    --join inv.csv -o host.$order.$m $order
			same host.time.32M host.$order.$m
		done
	done
}

@test "sums are exact: values of any size, in any order" {
	# 1e30 and 1e-30 in one step; in plain doubles the small ones are lost.
	awk 'BEGIN { srand(7); print "vm,time,cpu"
	    for (i = 0; i < 4000; i++) {
		v = (rand() - 0.5) * 10 ^ int(rand() * 70 - 35)
		printf "v%d,%d,%.9g\n", rand() * 20, rand() * 20000, v
		printf "v%d,%d,%.9g\n", rand() * 20, rand() * 20000, -v
	    }
	    print "x,0,1e30"; print "x,1,1"; print "x,2,1e-30"
	    print "x,3,-1e30"; print "x,4,-1" }' >in.csv
	vmf-ingest -q in.csv |
	    vmf-aggregate -q --no-history --step 1h -o want
	for seed in 1 2 3; do
		{ head -n 1 in.csv; tail -n +2 in.csv |
		    shuf --random-source=<(yes $seed); } >in2.csv
		vmf-ingest -q in2.csv |
		    vmf-aggregate -q --no-history --step 1h -o got
		same want got
	done
	# A fifth of 1e-30, as a float is printed.
	run -0 vmf-cat --csv --no-header want
	assert_line --partial 'x,ok,1970-01-01T00:00:00Z,[2e-31],[1e+30],[5]' ||
	    assert_line --partial x,ok,1970-01-01T00:00:00Z,[2e-31],[1e30],[5]
	# As Python's fsum has it.
	cat >fsum.py <<-'EOT'
		import csv, math, struct, collections, pyarrow.ipc as ipc
		f32 = lambda x: struct.unpack("f", struct.pack("f", x))[0]
		want = collections.defaultdict(list)
		for r in csv.DictReader(open("in.csv")):
		    want[r["vm"], int(r["time"]) // 3600].append(
		        f32(float(r["cpu"])))
		n = 0
		for r in ipc.open_stream("want").read_all().to_pylist():
		    first = int(r["start"].timestamp()) // 3600
		    for i, got in enumerate(r["cpu_mean"]):
		        v = want[r["id"], first + i]
		        if v:
		            assert got == f32(math.fsum(v) / len(v)), (r, i)
		            n += 1
		assert n == len([v for v in want.values() if v]) > 100
	EOT
	judge fsum.py
}

@test "attributes of rows of one time: the greatest, whatever the order" {
	rows vm,time,cpu,vcpus,host a,0,1,2,x a,0,1,8,a a,0,1,4,y >in
	run -0 agg --step 1h --stat count <in
	assert_output a,8,y,ok,1970-01-01T00:00:00Z,[3]
	rows vm,time,cpu,vcpus,host a,0,1,4,y a,0,1,2,x a,0,1,8,a >in
	run -0 agg --step 1h --stat count <in
	assert_output a,8,y,ok,1970-01-01T00:00:00Z,[3]
}

@test "0 and -0 are one number" {
	rows vm,time,cpu a,0,0 a,1,-0 >in
	vmf-aggregate -q --no-history --step 1h --stat max,min,p50 -o one in
	rows vm,time,cpu a,0,-0 a,1,0 >in
	vmf-aggregate -q --no-history --step 1h --stat max,min,p50 -o two in
	same one two
}

@test "an inventory with a word for a number, or packed, is refused by name" {
	printf 'vm,time,cpu\na,0,1\nb,0,3\n' | vmf-ingest -q -o in.arrows
	printf 'vm,host,vcpus\na,h,2\nb,h,many\n' >words.csv
	fails 1 "words.csv: column 'vcpus' of vm 'b': found 'many', expected a number" \
		vmf-aggregate --step 1h --join words.csv -o x in.arrows
	gzip -k words.csv
	fails 1 "words.csv.gz: gzip, expected CSV" \
		vmf-aggregate --step 1h --join words.csv.gz -o x in.arrows
}

@test "a fleet that memory hardly holds is spilled once a step, not once a row" {
	not_small
	vmf-gen -q --shape azure --vms 20000 --days 1 --start @0 |
	    vmf-ingest -q --map azure -o r.arrows
	vmf-aggregate -q --no-history --step 1h --metric cpu -o all r.arrows
	vmf-aggregate --no-history --step 1h --metric cpu --memory 24M \
	    -o part r.arrows 2>said
	cmp all part
	# 24 hours of 20,000 VMs, 29 bytes each: 14 MB if none were merged.
	spilled=$(sed -n 's/.*; \([0-9]*\) bytes spilled.*/\1/p' said)
	[ "$spilled" -gt 0 ]
	[ "$spilled" -lt 28000000 ]
}

@test "a fleet larger than memory spills what there is, not what might come" {
	not_small
	# A segment is eight steps, of which each flush has about one.
	gen 100000 1 --step 2h | vmf-ingest -q -o r.arrows
	vmf-aggregate -q --no-history --step 2h -o all r.arrows
	vmf-aggregate --no-history --step 2h --memory 32M -o part r.arrows \
	    2>said
	cmp all part
	rows=$(sed -n 's/.*: \([0-9]*\) rows.*/\1/p' said)
	spilled=$(sed -n 's/.*; \([0-9]*\) bytes spilled.*/\1/p' said)
	[ "$spilled" -gt $((20 * rows)) ]
	[ "$spilled" -lt $((2 * 48 * rows)) ]
}
