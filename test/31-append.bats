# vmf-aggregate --append: a day joined to the history.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# series NAME STEP LINE...: a series of readings of these lines of CSV, the
# header first.
series() {
	local name=$1 step=$2
	shift 2
	printf '%s\n' "$@" | vmf-ingest -q |
	    vmf-aggregate -q --step "$step" --stat mean -o "$name"
}

# append OPTION...: to the series h, as CSV without a header; the summary is
# in "note".
append() {
	vmf-aggregate --append h "$@" 2>note | vmf-cat --csv --no-header
}

# count TEXT: the number before TEXT in the summary, 0 where it is not.
count() {
	local n
	n=$(grep -oE "[0-9]+ $1" note | head -n 1)
	echo "${n:-0}" | sed 's/ .*//'
}

# Readings of a small fleet, from 2024-01-01 on.
fleet() {
	gen "$1" "$2" --seed 6 "${@:3}" | vmf-ingest -q | vmf-dedup -q
}

@test "VMs appear, vanish, and come back; gaps are missing" {
	series h 1h vm,time,cpu a,0,1 a,3600,2 b,0,3 d,0,5
	series day 1h vm,time,cpu a,7200,10 c,7200,20 d,14400,30
	run -0 append day
	assert_line --index 0 'a,ok,1970-01-01T00:00:00Z,"[1,2,10]"'
	assert_line --index 1 b,ok,1970-01-01T00:00:00Z,[3]
	assert_line --index 2 c,ok,1970-01-01T02:00:00Z,[20]
	assert_line --index 3 'd,ok,1970-01-01T00:00:00Z,"[5,null,null,null,30]"'
	assert_equal "$(count 'rows joined to 3')" 3
	assert_equal "$(count 'only in the new piece')" 1
	assert_equal "$(count 'only in the history')" 1
	vmf-aggregate -q --append h day | vmf-cat --schema >schema
	grep -qE 'vmf:start +1970-01-01T00:00:00Z' schema
	grep -qE 'vmf:end +1970-01-01T05:00:00Z' schema
	grep -qE 'vmf:kind +series' schema
}

@test "--keep-span: steps fall out, and rows without any" {
	series h 1h vm,time,cpu a,0,1 a,3600,2 a,7200,3 b,0,9 c,0,7 c,10800,8 \
	    d,3600,1 d,14400,1
	series day 1h vm,time,cpu a,18000,4 d,18000,2
	# The new end is 06:00: with three hours, 03:00 is the first step.
	run -0 append --keep-span 3h day
	assert_output "$(printf '%s\n' a,ok,1970-01-01T05:00:00Z,[4] \
	    c,ok,1970-01-01T03:00:00Z,[8] \
	    'd,ok,1970-01-01T04:00:00Z,"[1,2]"')"
	assert_equal "$(count 'left out, without a step')" 1
	assert_equal "$(count 'steps further back')" 9
	# Of half a step, the whole step is out.
	run -0 append --keep-span 150m day
	assert_output "$(printf '%s\n' a,ok,1970-01-01T05:00:00Z,[4] \
	    'd,ok,1970-01-01T04:00:00Z,"[1,2]"')"
	run -0 append --keep-span 6h day
	assert_line 'a,ok,1970-01-01T00:00:00Z,"[1,2,3,null,null,4]"'
	assert_line b,ok,1970-01-01T00:00:00Z,[9]
}

@test "--prefer: whose value of a step counts where both have one" {
	printf '%s\n' vm,time,cpu,mem a,0,1,1 a,3600,2, a,7200,,3 a,14400,5,5 |
	    vmf-ingest -q | vmf-aggregate -q --step 1h --stat mean -o h
	printf '%s\n' vm,time,cpu,mem a,3600,,20 a,7200,30, a,10800,40,40 \
	    a,14400,50, | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --stat mean -o day
	# Where one has no value in a list, that of the other stays.
	for prefer in '' '--prefer fuller' '--prefer new'; do
		# shellcheck disable=SC2086
		run -0 append $prefer day
		assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,2,30,40,50]","[1,20,3,40,5]"'
		assert_equal "$(count 'steps in both')" 3
		assert_equal "$(count 'of them made of both')" 3
	done
	run -0 append --prefer old day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,2,30,40,5]","[1,20,3,40,5]"'
	assert_equal "$(count 'steps in both')" 3
	assert_equal "$(count 'of them made of both')" 2
	assert_equal "$(count 'of them kept')" 1
	# Older than the history, inside it, around it.
	series h 1h vm,time,cpu a,7200,1 a,14400,2
	series day 1h vm,time,cpu a,0,8
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[8,null,1,null,2]"'
	series day 1h vm,time,cpu a,10800,8
	run -0 append day
	assert_output 'a,ok,1970-01-01T02:00:00Z,"[1,8,2]"'
	series day 1h vm,time,cpu a,0,7 a,14400,8 a,18000,9
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[7,null,1,null,8,9]"'
	run -0 append --prefer old day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[7,null,1,null,2,9]"'
}

# samples VM,CPU FROM TO: a line of readings every five minutes.
samples() {
	awk -v what="$1" -v from="$2" -v to="$3" 'BEGIN {
		split(what, w, ",")
		for (t = from; t < to; t += 300)
			print w[1] "," t "," w[2]
	}'
}

# hours NAME OPTION...: hours of readings on stdin, without a header.
hours() {
	local name=$1
	shift
	{ echo vm,time,cpu && cat; } | vmf-ingest -q |
	    vmf-aggregate -q --step 1h "$@" -o "$name"
}

@test "of a step that both have, the one of more samples is kept" {
	samples a,10 0 7200 | hours h
	# A sample that is late does not destroy its hour.
	echo a,3500,99 | hours day
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[10,10]","[10,10]","[12,12]"'
	assert_equal "$(count 'steps in both')" 1
	assert_equal "$(count 'of them kept from the history')" 1
	refute grep -q replaced note
	# The hour again, whole, replaces it; and one more sample does.
	samples a,20 3600 7200 | hours day
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[10,20]","[10,20]","[12,12]"'
	assert_equal "$(count 'steps in both')" 1
	assert_equal "$(count 'of them replaced')" 1
	refute grep -q kept note
	{ samples a,20 3600 7200 && echo a,3601,20; } | hours day
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[10,20]","[10,20]","[12,13]"'
	# Files that are cut at 02:15: the fuller part of the hour, from
	# whichever side it comes.
	samples a,10 0 8100 | hours h
	samples a,20 8100 14400 | hours day
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[10,10,20,20]","[10,10,20,20]","[12,12,9,12]"'
	samples a,10 0 9900 | hours h
	samples a,20 9900 14400 | hours day
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[10,10,10,20]","[10,10,10,20]","[12,12,9,12]"'
	# All the same where that is asked for.
	run -0 append --prefer new day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[10,10,20,20]","[10,10,20,20]","[12,12,3,12]"'
	samples a,30 7200 14400 | hours day
	run -0 append --prefer old day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[10,10,10,30]","[10,10,10,30]","[12,12,9,12]"'
	# Nothing was counted: the new one.
	samples a,10 0 3600 | hours h --stat mean,p95
	echo a,3500,99 | hours day --stat mean,p95
	run -0 append day
	assert_output a,ok,1970-01-01T00:00:00Z,[99],[99]
}

@test "each metric goes by its own samples, percentiles along with it" {
	{
		echo vm,time,cpu,mem
		samples a,10 0 3600 | sed 's/$/,/'
		echo a,0,,50
	} | vmf-ingest -q >in
	vmf-aggregate -q --step 1h --stat mean,p95,count -o h in
	printf '%s\n' vm,time,cpu,mem a,300,20,60 a,600,30,70 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --stat mean,p95,count -o day
	run -0 append day
	assert_output a,ok,1970-01-01T00:00:00Z,[10],[10],[12],[65],[69.5],[2]
	assert_equal "$(count 'of them made of both')" 1
	# What is not there in the new piece stays.
	printf '%s\n' vm,time,cpu,mem a,300,,60 a,600,,70 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --stat mean,p95,count -o day
	run -0 append day
	assert_output a,ok,1970-01-01T00:00:00Z,[10],[10],[12],[65],[69.5],[2]
	# Series of another tool, where one metric is not counted: it goes by
	# the samples of the others.
	cat >uncounted.py <<-'EOT'
		import sys, pyarrow.ipc as ipc
		t = ipc.open_stream(sys.argv[1]).read_all()
		t = t.drop_columns(["mem_count"])
		with ipc.new_stream(sys.argv[1] + ".less", t.schema) as w:
		    w.write_table(t)
	EOT
	printf '%s\n' vm,time,cpu,mem a,300,20,60 a,600,30,70 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --stat mean,p95,count -o day
	judge uncounted.py h
	judge uncounted.py day
	mv h.less h
	run -0 append day.less
	assert_output a,ok,1970-01-01T00:00:00Z,[10],[10],[12],[50],[50]
}

@test "a step of a host is that of more VMs and finer steps" {
	printf '%s\n' vm,host,vcpus a,h,2 b,h,2 c,h,4 >inv.csv
	by_host() { hours "$1" --by host --join inv.csv "${@:2}"; }
	{ samples a,10 0 3600 && samples b,20 0 3600; } | by_host h
	# One of the VMs, all of the hour: as many fine steps, fewer VMs.
	samples c,50 0 3600 | by_host day
	run -0 append day
	assert_output h,8,ok,1970-01-01T00:00:00Z,[15],[15],[12],[0.6],[2],[0.6]
	assert_equal "$(count 'of them kept')" 1
	# All of them, in a part of it.
	{ samples a,30 0 1500 && samples b,30 0 1500; } | by_host day
	run -0 append day
	assert_output h,8,ok,1970-01-01T00:00:00Z,[15],[15],[12],[0.6],[2],[0.6]
	# The hour again.
	{ samples a,30 0 3600 && samples b,30 0 3600; } | by_host day
	run -0 append day
	assert_output h,8,ok,1970-01-01T00:00:00Z,[30],[30],[12],[1.2],[2],[1.2]
	assert_equal "$(count 'of them replaced')" 1
	# By the VMs alone where fine steps are not counted.
	{ samples a,10 0 3600 && samples b,20 0 3600; } | by_host h --stat mean
	samples c,50 0 3600 | by_host day --stat mean
	run -0 append day
	assert_output h,8,ok,1970-01-01T00:00:00Z,[15],[0.6],[2]
}

@test "a step delivered twice is as once, whatever the width of its lists" {
	fleet 40 3 >all
	vmf-aggregate -q --no-history --step 1h -o h all
	vmf-aggregate -q --step 1h --since 2024-01-02T00:30:00Z -o day all
	vmf-aggregate --no-history --append h -o out day 2>note
	same h out
	[ "$(count 'of them kept')" -gt 30 ]
	[ "$(count 'of them replaced')" -gt 1500 ]
	vmf-aggregate -q --no-history --append day -o out h
	vmf-cat --csv out | diff - <(vmf-cat --csv h)
	cat >wide.py <<-'EOT'
		import sys, pyarrow as pa, pyarrow.ipc as ipc
		t = ipc.open_stream("h").read_all()
		f = pa.schema([pa.field(c.name, pa.list_(pa.float64()) if
		    pa.types.is_list(c.type) else c.type, metadata=c.metadata)
		    for c in t.schema], metadata=t.schema.metadata)
		with ipc.new_stream("wide", f) as w:
		    w.write_table(t.cast(f))
	EOT
	judge wide.py
	vmf-aggregate -q --no-history --append wide -o out day
	vmf-cat --csv out | diff - <(vmf-cat --csv h)
}

@test "--join: what the inventory says today counts, nothing and 0 as well" {
	printf '%s\n' vm,time,cpu a,0,5 b,0,5 c,0,5 | vmf-ingest -q >in
	printf '%s\n' vm,pinned,target,rack,host a,1,h9,r1,h1 b,1,h9,r2,h2 \
	    c,1,h9,r3,h3 z,1,h9,r4,h4 >inv1.csv
	printf '%s\n' vm,pinned,target,host a,0,,h1 b,,h8, z,0,,h5 >inv2.csv
	vmf-aggregate -q --step 1h --stat mean --join inv1.csv -o h in
	printf '%s\n' vm,time,cpu a,7200,5 | vmf-ingest -q >day
	# rack is not in it, so it stays; so is c.
	run -0 append --stat mean --join inv2.csv day
	assert_line --index 0 'a,0,,r1,h1,ok,1970-01-01T00:00:00Z,"[5,null,5]"'
	assert_line --index 1 b,,h8,r2,,ok,1970-01-01T00:00:00Z,[5]
	assert_line --index 2 c,1,h9,r3,h3,ok,1970-01-01T00:00:00Z,[5]
	assert_line --index 3 z,0,,r4,h5,empty,,[]
	# --inner leaves out rows, and not what is known of others.
	run -0 append --stat mean --inner --join inv2.csv day
	assert_line --index 0 'a,0,,r1,h1,ok,1970-01-01T00:00:00Z,"[5,null,5]"'
	assert_line --index 1 b,,h8,r2,,ok,1970-01-01T00:00:00Z,[5]
	assert_line --index 2 c,1,h9,r3,h3,ok,1970-01-01T00:00:00Z,[5]
	refute_line --partial z,
	assert_equal "$(count 'rows joined to 4')" 1
	assert_equal "$(count 'only in the history')" 2
	assert_equal "$(count 'without samples left out')" 2
	run -0 append --create --stat mean --inner --join inv2.csv day
	refute_line --partial z,
	rm h
	run -0 append --create --step 1h --stat mean --inner --join inv2.csv day
	assert_output a,0,,h1,ok,1970-01-01T02:00:00Z,[5]
	# A file that is late: it ends before the history does.
	printf '%s\n' vm,time,cpu,host a,10800,5,h1 b,10800,5,h1 |
	    vmf-ingest -q | vmf-aggregate -q --step 1h --stat mean -o h
	printf '%s\n' vm,time,cpu a,3600,5 b,3600,5 | vmf-ingest -q >day
	printf '%s\n' vm,host a,h2 >inv.csv
	run -0 append --stat mean --join inv.csv day
	assert_line --index 0 'a,h2,ok,1970-01-01T01:00:00Z,"[5,null,5]"'
	assert_line --index 1 'b,h1,ok,1970-01-01T01:00:00Z,"[5,null,5]"'
}

@test "attributes: the newest that is neither missing nor empty" {
	series h 1h vm,time,cpu,vcpus,host,cluster a,0,1,2,h1,x b,0,1,4,h2,y \
	    c,7200,1,4,h3,z
	series day 1h vm,time,cpu,vcpus,host,target a,3600,1,0,h9,5 b,3600,1,8,, \
	    c,0,1,16,h8,6
	run -0 append day
	assert_line --index 0 'a,2,h9,x,5,ok,1970-01-01T00:00:00Z,"[1,1]"'
	assert_line --index 1 'b,8,h2,y,,ok,1970-01-01T00:00:00Z,"[1,1]"'
	# The history of c ends later than its new piece.
	assert_line --index 2 'c,4,h3,z,6,ok,1970-01-01T00:00:00Z,"[1,null,1]"'
}

@test "attributes: 0 is a value, but of capacities" {
	printf '%s\n' vm,time,cpu a,0,1 b,0,2 | vmf-ingest -q >in
	printf '%s\n' vm,anti_affinity,pinned,deadline a,7,1,5 b,0,1,0.5 \
	    >inv1.csv
	printf '%s\n' vm,anti_affinity,pinned,deadline a,0,0,0 b,,,0 >inv2.csv
	vmf-aggregate -q --step 1h --stat mean --join inv1.csv -o h in
	printf '%s\n' vm,time,cpu a,3600,1 b,3600,2 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --stat mean --join inv2.csv -o day
	run -0 append day
	assert_line --index 0 'a,0,0,0,ok,1970-01-01T00:00:00Z,"[1,1]"'
	assert_line --index 1 'b,0,1,0,ok,1970-01-01T00:00:00Z,"[2,2]"'
}

@test "attributes whose type changed: a wider number, or text" {
	printf '%s\n' vm,time,cpu a,0,1 b,0,2 | vmf-ingest -q >in
	printf '%s\n' vm,rack,size,zone a,7,7,7 b,8,8,8 >inv1.csv
	printf '%s\n' vm,rack,size,zone a,r1,1.5,9000000000 >inv2.csv
	vmf-aggregate -q --step 1h --stat mean --join inv1.csv -o h in
	run -0 append --stat mean --join inv2.csv in
	assert_line --index 0 a,r1,1.5,9000000000,ok,1970-01-01T00:00:00Z,[1]
	assert_line --index 1 b,8,8,8,ok,1970-01-01T00:00:00Z,[2]
	vmf-aggregate -q --append h --stat mean --join inv2.csv in |
	    vmf-cat --schema >schema
	grep -qE '^rack +utf8 +role=attribute' schema
	grep -qE '^size +float64 +role=attribute' schema
	grep -qE '^zone +int64 +role=attribute' schema
}

@test "VMs of an inventory without samples" {
	printf '%s\n' vm,host a,h1 z,h2 >inv.csv
	printf '%s\n' vm,time,cpu a,0,1 a,3600,1 y,0,1 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --stat mean --join inv.csv -o h
	printf '%s\n' vm,host a,h1 y,h3 x,h4 >inv.csv
	printf '%s\n' vm,time,cpu a,7200,1 | vmf-ingest -q >in
	run -0 append --stat mean --join inv.csv in
	# z was empty in the history and is not in today's inventory: all are
	# kept where no span is given.
	assert_output "$(printf '%s\n' \
	    'a,h1,ok,1970-01-01T00:00:00Z,"[1,1,1]"' x,h4,empty,,[] \
	    y,h3,ok,1970-01-01T00:00:00Z,[1] z,h2,empty,,[])"
	assert_equal "$(count 'left out, without a step')" 0
	run -0 append --inner --stat mean --join inv.csv in
	assert_output "$(printf '%s\n' \
	    'a,h1,ok,1970-01-01T00:00:00Z,"[1,1,1]"' \
	    y,h3,ok,1970-01-01T00:00:00Z,[1])"
	assert_equal "$(count 'left out, without a step$')" 1
	run ! grep 'in the span' note
	# y has lost its last step, and is in the inventory: empty.
	run -0 append --stat mean --join inv.csv --keep-span 2h in
	assert_output "$(printf '%s\n' 'a,h1,ok,1970-01-01T01:00:00Z,"[1,1]"' \
	    x,h4,empty,,[] y,h3,empty,,[])"
}

@test "day by day is as all at once" {
	fleet 30 8 >all
	for d in 1 2 3 4 5 6 7 8; do
		vmf-aggregate -q --append h --create --keep-span 3d -o h \
		    --no-history --step 1h --since 2024-01-0$d \
		    --until 2024-01-0$((d + 1)) all
	done
	vmf-aggregate -q --no-history --step 1h --inner --since 2024-01-06 \
	    -o want all
	same h want
	leaves . all h want
	# Series joined as they are, and readings without --step.
	rm h
	for d in 1 2 3 4; do
		vmf-aggregate -q --step 1h --since 2024-01-0$d \
		    --until 2024-01-0$((d + 1)) all |
		    vmf-aggregate -q --append h --create -o h
	done
	vmf-aggregate -q --append h -o h --no-history --since 2024-01-05 all
	vmf-aggregate -q --no-history --step 1h --inner -o want all
	same h want
}

@test "hosts, and percentiles, are joined as any list is" {
	printf '%s\n' vm,time,cpu,host a,0,1,h a,3600,5,h | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --by host --stat p95 -o h
	printf '%s\n' vm,time,cpu,host a,7200,9,h | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --by host --stat p95 -o day
	run -0 append day
	assert_output 'h,1,ok,1970-01-01T00:00:00Z,"[1,5,9]","[0.01,0.05,0.09]","[1,1,1]","[0.01,0.05,0.09]"'
}

@test "the bytes do not depend on --memory, nor on batches" {
	fleet 300 3 >all
	vmf-aggregate -q --step 5m --until 2024-01-03 -o h all
	vmf-aggregate -q --step 5m --since 2024-01-03 -o day all
	for m in 32M 64M 1G; do
		vmf-aggregate -q --no-history --memory $m --append h \
		    --keep-span 2d -o out.$m day
		vmf-aggregate -q --no-history --memory $m --append h \
		    --keep-span 2d --since 2024-01-03 -o from.$m all
	done
	same out.32M out.64M
	same out.32M out.1G
	same out.32M from.32M
	same out.32M from.1G
	# Half a day of them twice.
	for m in 32M 64M 1G; do
		vmf-aggregate -q --no-history --memory $m --append h \
		    --since 2024-01-02T12:00:00Z -o twice.$m all
		vmf-aggregate -q --no-history --memory $m --append h \
		    -o out.$m day
	done
	same twice.32M twice.64M
	same twice.32M twice.1G
	same twice.32M out.32M
}

@test "a history that is not there" {
	series day 1h vm,time,cpu a,0,1 a,3600,2 b,0,1
	fails 1 "found no file h, expected one; --create" \
	    vmf-aggregate --append h day
	run -0 append --create day
	assert_line 'a,ok,1970-01-01T00:00:00Z,"[1,2]"'
	run -0 append --create --keep-span 1h day
	assert_output a,ok,1970-01-01T01:00:00Z,[2]
	leaves . day fails.err fails.out note
}

@test "a history without rows" {
	series day 1h vm,time,cpu a,0,1 a,3600,2
	printf '%s\n' vm,time,cpu a,0, | vmf-ingest -q >in
	vmf-aggregate -q --step 1h --stat mean --inner -o h in
	vmf-cat --csv --no-header h >rows
	[ ! -s rows ]
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,2]"'
	mv h in
	mv day h
	run -0 append in
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,2]"'
	# Readings: what the history takes of --memory is asked for, too.
	mv in h
	printf '%s\n' vm,time,cpu a,0,1 a,3600,2 | vmf-ingest -q >in
	run -0 append --step 1h --stat mean in
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,2]"'
}

@test "what does not fit is said, and HISTORY stays as it was" {
	printf '%s\n' vm,time,cpu a,0,1 a,300,2 | vmf-ingest -q >in
	vmf-aggregate -q --step 1h -o h in
	cp h was
	series day 5m vm,time,cpu a,0,1
	fails 1 "day: found steps of 5m, expected 1h as in h" \
	    vmf-aggregate --append h -o h day
	series day 1h vm,time,cpu a,0,1
	fails 1 "day: found the lists cpu_mean, expected those of h: cpu_mean, cpu_max, cpu_count" \
	    vmf-aggregate --append h -o h day
	fails 1 "expected a stream of" vmf-aggregate --append in -o h day ||
	    fails 1 "kind 'readings'" vmf-aggregate --append in -o h day
	head -c 200 h >cut
	fails 1 "cut" vmf-aggregate --append cut -o h day
	fails 1 "input" vmf-aggregate --append h -o h <cut
	: >empty
	fails 1 "empty" vmf-aggregate --append empty -o h day
	fails 2 "--append: found '-'" vmf-aggregate --append - day
	fails 2 "--prefer: found 'both'" \
	    vmf-aggregate --append h --prefer both day
	fails 2 "go with --append" vmf-aggregate --step 1h --keep-span 1d in
	fails 2 "go with --append" vmf-aggregate --step 1h --create in
	# A clock that is years ahead must not cost the history.
	printf '%s\n' vm,time,cpu a,3600,1 b,4000000000,2 | vmf-ingest -q >in
	fails 1 "nothing would be left of h" \
	    vmf-aggregate --append h --keep-span 28d -o h in
	same h was
	# Nor one that ends where the span begins; a span is a step or more.
	series h 1h vm,time,cpu a,0,1 a,3600,1
	series day 1h vm,time,cpu a,14400,2
	for span in 3h 179m 10801; do
		fails 1 "nothing would be left of h" \
		    vmf-aggregate --append h --keep-span $span day
	done
	run -0 append --keep-span 4h day
	assert_output 'a,ok,1970-01-01T01:00:00Z,"[1,null,null,2]"'
	fails 2 "--keep-span: found 28s, expected at least a step, 1h" \
	    vmf-aggregate --append h --keep-span 28 day
	# Nor do seconds of a year's time on end fit in a row.
	series h 1s vm,time,cpu a,0,1
	cp h was
	series day 1s vm,time,cpu a,1704067200,2
	fails 1 "found steps of 'a' from 1970-01-01T00:00:00Z to 2024-01-01T00:00:00Z, expected a row that --memory and --max-batch can hold" \
	    vmf-aggregate --append h -o h day
	same h was
}

@test "columns that do not fit: units, types, lists of other lengths" {
	series h 1h vm,time,cpu a,0,1
	series day 1h vm,time,cpu a,3600,2
	judge - <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		def get(name):
		    return ipc.open_stream(name).read_all()
		def put(name, t):
		    with ipc.new_stream(name, t.schema) as w:
		        w.write_table(t)
		def unit(t, u):
		    i = t.schema.get_field_index("cpu_mean")
		    f = t.schema.field(i)
		    f = f.with_metadata({**(f.metadata or {}), b"unit": u})
		    return t.cast(t.schema.set(i, f))
		h, day = get("h"), get("day")
		put("h.pct", unit(h, b"%"))
		put("day.mhz", unit(day, b"MHz"))
		put("h.binary", h.append_column("tag", pa.array([b"x"], pa.binary())))
		put("day.text", day.append_column("tag", pa.array(["x"])))
		put("h.null", h.append_column("tag", pa.nulls(1)))
		put("day.null", day.append_column("tag", pa.nulls(1)))
		i = h.schema.get_field_index("cpu_mean")
		f = h.schema.field(i)
		h = h.set_column(i, f, pa.array([[1.0, None, None]], f.type))
		h = h.replace_schema_metadata({**h.schema.metadata,
		    b"vmf:end": b"1970-01-01T03:00:00Z"})
		put("h.gap", h)
		put("h.uneven", h.append_column("cpu_max", pa.array([[1.0, 2.0]],
		    f.type)))
		put("h.huge", h.set_column(i, "cpu_mean", pa.array(
		    [[1.0, 1e300, 1.0]], pa.list_(pa.float64()))))
		put("h.inf", h.set_column(i, "cpu_mean", pa.array(
		    [[float("-inf"), 1.0, 1.0]], f.type)))
		put("h.none", h.append_column("cpu_max", pa.array([None], f.type)))
		put("h.many", pa.table({"id": ["a"], "start": h["start"]} |
		    {f"m{k}_mean": pa.array([[1.0] * 2000], f.type)
		    for k in range(2000)}).replace_schema_metadata({
		    b"vmf:kind": b"series", b"vmf:step": b"3600",
		    b"vmf:end": b"1970-06-01T00:00:00Z"}))
	EOT
	fails 1 "day.mhz: column 'cpu_mean' is in MHz, expected % as in h.pct" \
	    vmf-aggregate --append h.pct day.mhz
	fails 1 "day.text: column 'tag' is utf8, expected binary as in h.binary" \
	    vmf-aggregate --append h.binary day.text
	# A column of nothing takes the type of what comes, or stays one.
	cp h.null h
	run -0 append day.text
	assert_output 'a,x,ok,1970-01-01T00:00:00Z,"[1,2]"'
	run -0 append day.null
	assert_output 'a,,ok,1970-01-01T00:00:00Z,"[1,2]"'
	# Steps that are missing at the end do not come along.
	cp h.gap h
	series day 1h vm,time,cpu b,3600,2
	run -0 append day
	assert_output $'a,ok,1970-01-01T00:00:00Z,[1]\nb,ok,1970-01-01T01:00:00Z,[2]'
	printf '%s\n' vm,time,cpu a,3600,2 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --stat mean,max -o day
	fails 1 "h.uneven: row 0: 'cpu_mean' has 3 steps and 'cpu_max' has 2, expected lists equally long" \
	    vmf-aggregate --append h.uneven day
	# One that is missing has no value at any step, as for vmf-train.
	cp h.none h
	run -0 append day
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,2]","[null,2]"'
	vmf-aggregate -q --append day -o back h.none
	run -0 vmf-cat --csv --no-header --columns cpu_mean,cpu_max back
	assert_output '"[1,2]","[null,2]"'
	series day 1h vm,time,cpu a,3600,2
	fails 1 "h.huge: row 0: found 'cpu_mean' 1e+300 at item 1 of 'a', expected at most 3.40282e+38, or missing" \
	    vmf-aggregate --append h.huge day
	fails 1 "h.inf: row 0: found 'cpu_mean' -inf at item 0 of 'a'" \
	    vmf-aggregate --append day h.inf
	# No list is looked through for each of the others.
	(ulimit -t 3 && vmf-aggregate -q --append h.many -o out h.many)
}

@test "no more columns than are read again" {
	{
		echo "vm,time$(printf ',m%d' {1..3400})"
		echo "a,0$(printf ',%d' {1..3400})"
	} | vmf-ingest -q >in
	fails 1 "in: 3400 metrics make a series of 10203 columns, expected at most 10000: choose with --metric and --stat" \
	    vmf-aggregate --step 1h -o h in
	vmf-aggregate -q --step 1h --stat mean,max -o h in
	{
		echo "vm$(printf ',a%d' {1..3300})"
		echo "a$(printf ',%d' {1..3300})"
	} >inv.csv
	fails 1 "found 10103 columns to write, expected at most 10000" \
	    vmf-aggregate --step 1h --stat mean,max --join inv.csv -o out in
	[ ! -e out ]
}

@test "metadata that was lost on the way" {
	series h 1h vm,time,cpu a,0,1
	series day 1h vm,time,cpu a,3600,1
	cat >lose.py <<-'EOT'
		import sys, pyarrow.ipc as ipc
		t = ipc.open_stream(sys.argv[1]).read_all()
		meta = {k: v for k, v in t.schema.metadata.items()
		    if k.decode() not in sys.argv[3:]}
		t = t.replace_schema_metadata(meta)
		with ipc.new_stream(sys.argv[2], t.schema) as w:
		    w.write_table(t)
	EOT
	judge lose.py h lost vmf:step
	fails 1 "lost: metadata vmf:step is missing" \
	    vmf-aggregate --append lost day
	# Of the piece that is --input-step, whatever step is asked for.
	judge lose.py day lost vmf:step
	for how in '--step 1h' ''; do
		# shellcheck disable=SC2086
		fails 2 "lost: found series without vmf:step in the metadata, expected --input-step" \
		    vmf-aggregate $how --append h lost
		# shellcheck disable=SC2086
		run -0 append $how --input-step 1h lost
		assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,1]"'
	done
	judge lose.py h lost vmf:end
	fails 1 "lost: row 0: found 1 steps, and no vmf:end" \
	    vmf-aggregate --append lost day
	judge lose.py day lost vmf:start vmf:end
	fails 1 "lost: row 0: found 1 steps, and no vmf:end" \
	    vmf-aggregate --append h lost
}

@test "series that polars wrote: wide lists, other text" {
	series h 1h vm,time,cpu,host a,0,1,x b,0,2,
	series day 1h vm,time,cpu,host a,3600,3,y
	cat >wide.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		t = ipc.open_stream("h").read_all()
		f = pa.schema([("id", pa.large_utf8()), ("host",
		    pa.large_utf8()), ("status", pa.large_utf8()), ("start",
		    pa.timestamp("us", "UTC")), ("cpu_mean",
		    pa.large_list(pa.float64()))], metadata=t.schema.metadata)
		with ipc.new_stream("wide", f) as w:
		    w.write_table(t.cast(f))
	EOT
	judge wide.py
	mv wide h
	run -0 append day
	assert_line --index 0 'a,y,ok,1970-01-01T00:00:00Z,"[1,3]"'
	assert_line --index 1 b,,ok,1970-01-01T00:00:00Z,[2]
}

@test "rows out of order are named" {
	series one 1h vm,time,cpu b,0,1
	series two 1h vm,time,cpu a,0,1
	cat >join.py <<-'EOT'
		import pyarrow.ipc as ipc
		t = [ipc.open_stream(n).read_all() for n in ("one", "two")]
		with ipc.new_stream("h", t[0].schema) as w:
		    for x in t:
		        w.write_table(x)
	EOT
	judge join.py
	fails 1 "h: row 1: id 'a' follows 'b'" vmf-aggregate --append h two
	fails 1 "row 1: id 'a' follows 'b'" vmf-aggregate --append two h
}

@test "killed at any moment: HISTORY is the old or the new one, whole" {
	local ms=0 olds=0 news=0
	not_small
	fleet 400 4 >all
	vmf-aggregate -q --no-history --step 5m --until 2024-01-04 -o old all
	vmf-aggregate -q --no-history --step 5m --since 2024-01-04 -o day all
	vmf-aggregate -q --no-history --append old --keep-span 3d -o new day
	for i in $(seq 60); do
		cp old h
		vmf-aggregate -q --no-history --append h --keep-span 3d \
		    -o h day &
		sleep "0.$(printf %03d $ms)"
		kill -KILL $! 2>kill.err || true
		wait $! || true
		if cmp -s h old; then
			olds=$((olds + 1))
		else
			same h new
			news=$((news + 1))
		fi
		ms=$((ms + 1))
		[ $news -lt 5 ] || break
	done
	echo "$olds times the old one, $news times the new one"
	[ $olds -gt 0 ]
	# And what a killed one leaves does not matter to the next.
	cp old h
	vmf-aggregate -q --no-history --append h --keep-span 3d -o h day
	same h new
}

@test "the output is refused before the input is read" {
	series h 1h vm,time,cpu a,0,1
	mkdir none
	rmdir none
	fails 1 "none/h" vmf-aggregate --append h -o none/h absent
	fails 1 "none/h" vmf-aggregate --step 1h -o none/h absent
	fails 1 "none/h" vmf-dedup -o none/h absent
}

@test "whole numbers become fractions where today's inventory has one" {
	printf 'vm,time,cpu\na,1704067200,1\nb,1704067200,3\nc,1704067200,3\n' |
	    vmf-ingest -q | vmf-dedup -q >d
	printf 'vm,vcpus\na,2\nb,4\n' >then.csv
	printf 'vm,vcpus\na,2.5\nc,1\n' >now.csv
	vmf-aggregate -q -s 1h --join then.csv -o s d
	vmf-aggregate -q -s 2h --join now.csv -o t s
	run -0 vmf-cat --csv --no-header --columns id,vcpus t
	assert_output $'a,2.5\nb,4\nc,1'
	run -0 vmf-cat --schema t
	assert_line --regexp '^vcpus +float64 '
}

@test "a column of an inventory without a value changes no size, nor a type" {
	local none
	printf '%s\n' vm,time,cpu,vcpus,mem_mb a,0,10,8,4096 b,0,50,2,2048 |
	    vmf-ingest -q >r
	printf 'vm,host\na,h\nb,h\n' >host.csv
	vmf-aggregate -q --step 1h --by host --join host.csv -o want r
	vmf-aggregate -q --step 1h --join host.csv -o h r
	for none in ',,' ,NA,nan; do
		printf 'vm,host,vcpus,mem_mb\na,h%s\nb,h%s\n' $none $none >none.csv
		vmf-aggregate -q --step 1h --by host --join none.csv r |
		    vmf-cat --csv | cmp - <(vmf-cat --csv want)
		# A day on which nothing is known of them but that.
		printf 'vm,time,cpu\na,3600,1\nb,3600,1\n' | vmf-ingest -q |
		    vmf-aggregate -q --step 1h --join none.csv --append h \
		    --keep-span 1d -o new
		vmf-cat --schema new | grep -qE '^vcpus +int32'
		run -0 vmf-cat --csv --no-header --columns id,vcpus,mem_mb new
		assert_output "a,8,4096
b,2,2048"
	done
	# What else it leaves empty is withdrawn, and of its type all the same.
	printf 'vm,prio\na,\nb,\n' >none.csv
	printf 'vm,prio\na,3\nb,4\n' >prio.csv
	vmf-aggregate -q --step 1h --join prio.csv -o h r
	printf 'vm,time,cpu\na,3600,1\n' | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --join none.csv --append h \
	    --keep-span 1d -o new
	run -0 vmf-cat --csv --no-header --columns id,prio new
	assert_output "a,
b,"
	vmf-cat --schema new | grep -qE '^prio +int32'
	# Nor does text of readings become a number.
	echo '{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "cpu", "column": "cpu"}], "attributes": [{"name": "prio", "column": "prio"}]}' >m.json
	printf 'vm,time,cpu,prio\na,3600,1,high\n' | vmf-ingest -q --map ./m.json -o text
	fails 1 "text: 'a': column 'prio': found text 'high', expected what h has there" \
	    vmf-aggregate --step 1h --join none.csv --append h -o new text
}

@test "a history that does not say its step: --step does" {
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
	printf '%s\n' "kind=series end=1970-01-01T02:00:00Z" \
	    "id status start:time cpu_mean:list" "a ok @0 1,2" | "$ROWS" >h
	printf 'vm,time,cpu\na,7200,3\n' | vmf-ingest -q >r
	fails 1 "vmf:step is missing" vmf-aggregate --append h --stat mean -o out r
	run -0 append --step 1h --stat mean r
	assert_output 'a,ok,1970-01-01T00:00:00Z,"[1,2,3]"'
}

@test "attributes of samples that fall out are older than those that are kept" {
	printf '%s\n' vm,time,cpu,host,vcpus \
	    a,2024-03-01T00:00:00Z,1,new,8 b,2024-03-01T00:00:00Z,1,hb,2 |
	    vmf-ingest -q | vmf-aggregate -q --step 1h -o h
	printf '%s\n' vm,time,cpu,host,vcpus \
	    a,2024-01-10T00:00:00Z,1,old,2 b,2024-03-02T00:00:00Z,1,hb,2 |
	    vmf-ingest -q | vmf-aggregate -q --append h --keep-span 28d -o new
	run -0 vmf-cat --csv --no-header --columns id,host,vcpus,start new
	assert_output "a,new,8,2024-03-01T00:00:00Z
b,hb,2,2024-03-01T00:00:00Z"
}

@test "whole numbers that a float does not hold stay what they are" {
	printf '%s\n' vm,time,cpu a,0,1 b,0,1 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h -o h
	printf 'vm,asset\na,9007199254740993\n' >long.csv
	printf 'vm,asset\nb,1.5\n' >half.csv
	vmf-aggregate -q --join long.csv -o h1 h
	for how in '--append h1 h' h1; do
		# shellcheck disable=SC2086
		run -0 vmf-cat --csv --no-header --columns id,asset \
		    <(vmf-aggregate -q --join half.csv $how)
		assert_output "a,9007199254740993
b,1.5"
	done
}

@test "lists that are missing in a row hold nothing, to coarser steps too" {
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
	printf '%s\n' "kind=series step=3600 end=1970-01-01T02:00:00Z" \
	    "id status start:time cpu_mean:list cpu_count:list mem_mean:list mem_count:list" \
	    "a ok @0 1,2 1,1 - -" "b ok @0 3,4 1,1 5,6 1,1" | "$ROWS" >s
	run -0 vmf-cat --csv --no-header <(vmf-aggregate -q --step 2h \
	    --stat mean s)
	assert_output 'a,ok,1970-01-01T00:00:00Z,[1.5],[null]
b,ok,1970-01-01T00:00:00Z,[3.5],[5.5]'
}
