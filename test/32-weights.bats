# vmf-aggregate: vcpus and other columns of every type, and what memory holds
# of a step.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# Readings and the series of an hour, of two VMs of 4 and 8 vcpus on a host:
# r.TYPE and s.TYPE.
fleet_of_types() {
	judge - <<-'EOT'
		import pyarrow as pa
		for name, ty in (("i32", pa.int32()), ("i64", pa.int64()),
		        ("f32", pa.float32()), ("f64", pa.float64()),
		        ("text", pa.string())):
		    v = ["4", "8"] if name == "text" else [4, 8]
		    t = pa.table({"vm": ["a", "b"],
		        "time": pa.array([0, 0], pa.timestamp("s", "UTC")),
		        "cpu": pa.array([50, 50], pa.float32()),
		        "host": ["h", "h"], "vcpus": pa.array(v, ty)})
		    with pa.ipc.new_stream("r." + name, t.schema) as w:
		        w.write_table(t)
	EOT
	for t in i32 i64 f32 f64 text; do
		vmf-aggregate -q --step 1h -o s.$t r.$t
	done
}

# by_host OPTION... FILE: vcpus and cores of the host; nobody lacks vcpus.
by_host() {
	vmf-aggregate --step 1h --by host "$@" 2>note | vmf-cat --csv \
	    --no-header --columns vcpus,cpu_cores
	! grep 'without vcpus' note
}

@test "--by: a VM weighs its vcpus, whatever their type" {
	fleet_of_types
	printf 'vm,vcpus\na,0.5\n' >half.csv
	printf 'vm,vcpus\na,2\n' >two.csv
	for t in i32 i64 f32 f64 text; do
		for f in r.$t s.$t; do
			run -0 by_host $f
			assert_output '12,[6]'
			run -0 by_host -j half.csv $f
			assert_output '8.5,[4.25]'
			run -0 by_host -j two.csv $f
			assert_output '10,[5]'
		done
	done
	# A size stays a number, and text what it was.
	for t in i32 i64 f32 f64; do
		vmf-aggregate -q --step 1h -j half.csv r.$t >out
		run -0 vmf-cat --schema out
		assert_line --regexp '^vcpus +float64 '
	done
	vmf-aggregate -q --step 1h -j half.csv r.text >out
	run -0 vmf-cat --schema out
	assert_line --regexp '^vcpus +utf8 '
}

@test "--by: vcpus whose type changed within the history" {
	fleet_of_types
	for old in i32 i64 f32 f64 text; do
		for new in i32 i64 f32 f64; do
			[ $old = text ] ||
			    vmf-aggregate -q --append s.$old s.$new -o h
			[ $old != text ] ||
			    vmf-aggregate -q --append s.$new s.$old -o h
			run -0 by_host h
			assert_output '12,[6]'
			[ $old = text ] || vmf-cat --schema h |
			    grep -qE '^vcpus +(int|float)'
		done
	done
}

@test "--join: NA in a column of numbers overrides nothing, text neither" {
	judge - <<-'EOT'
		import pyarrow as pa
		t = pa.table({"vm": ["a", "b"], "cpu": [1.0, 2.0],
		    "time": pa.array([0, 0], pa.timestamp("s")),
		    "rack": pa.array([10, 20], pa.int64()), "zone": ["1", "2"]})
		m = {"role": "attribute"}
		t = t.cast(pa.schema([f.with_metadata(m) if f.name == "rack" else f
		    for f in t.schema]))
		with pa.ipc.new_stream("in", t.schema) as w:
		    w.write_table(t)
	EOT
	printf 'vm,rack,zone\na,NA,nan\nb,1.5,3\n' >inv.csv
	vmf-aggregate -q --step 1h -j inv.csv in >out
	run -0 vmf-cat --csv --no-header --columns id,rack,zone out
	assert_output $'a,10,1\nb,1.5,3'
}

@test "--join: a quote that is never closed is on its line" {
	printf 'vm,time,cpu\na,0,1\n' | vmf-ingest -q >in
	quote() {
		printf '%b' "$1" >inv.csv
		fails 1 "inv.csv:$2: found a quote that is never closed" \
		    vmf-aggregate --step 1h --join inv.csv in
	}
	quote 'vm,host\n"a' 2
	quote 'vm,host\n"a\n' 2
	quote 'vm,host\n\n\n"a,h\nb,h\n' 4
	quote 'vm,host\n"a\nb","h\nc\n' 3
	quote '"vm,host\na,h\n' 1
	quote 'vm,host\n"a","h"\nb,h\nc,"\n' 4
}

@test "percentiles keep to --memory, whatever a step has" {
	not_small
	awk 'BEGIN { print "vm,time,cpu,mem"; for (i = 0; i < 1200000; i++)
	    printf "a,%d,%d,%s\n", 3 * i, i * 7919 % 1000003,
	    i % 2 ? i : "" }' | vmf-ingest -q >in
	fails 2 "in: found 1800000 values of 'a' in the step of 366d at 1970-01-01T00:00:00Z, whose percentiles take 7M, expected at most the " \
	    vmf-aggregate --step 366d --stat p50,p99 --memory 16M -o out in
	[[ $stderr == *" that --memory 16M has for them; use --memory "*"M, or a shorter --step"* ]]
	[ ! -e out ]
	least=${stderr##*use --memory }
	least=${least%%M,*}
	vmf-aggregate -q --step 366d --stat p50,p99 in | vmf-cat --csv >want
	for m in "$least" 24; do
		vmf-aggregate -q --step 366d --stat p50,p99 --memory "${m}M" \
		    in | vmf-cat --csv >out
		same want out
	done
	vmf-aggregate -q --step 7d --stat p50,p99 --memory 16M in >out
	command -v /usr/bin/time >/dev/null || skip "no /usr/bin/time"
	/usr/bin/time -f %M -o kb vmf-aggregate -q --step 366d \
	    --stat p50,p99 --memory "${least}M" in >out
	[ "$(cat kb)" -le $((least * 1024)) ]
}

@test "vcpus that are text: 0 is no value, and neither is nan" {
	judge - <<-'EOT'
		import pyarrow as pa
		t = pa.table({"vm": ["a"] * 4 + ["b"], "cpu": [50.0] * 5,
		    "time": pa.array([0, 60, 120, 180, 0], pa.timestamp("s")),
		    "host": ["h"] * 5, "vcpus": ["4", "0", "nan", "-1", "8"]})
		for name in ("plain", "dict"):
		    with pa.ipc.new_stream(name, t.schema) as w:
		        w.write_table(t)
		    t = t.set_column(4, "vcpus", t["vcpus"].dictionary_encode())
		off = t.slice(1, 1).set_column(4, "vcpus", pa.array(["0.0"]))
		off = off.set_column(2, "time", pa.array([7200],
		    pa.timestamp("s")))
		with pa.ipc.new_stream("off", off.schema) as w:
		    w.write_table(off)
	EOT
	for f in plain dict; do
		run -0 by_host $f
		assert_output '12,[6]'
		vmf-aggregate -q --step 1h -o h $f
		vmf-aggregate -q --append h -o new off
		run -0 vmf-cat --csv --no-header --columns id,vcpus new
		assert_output $'a,4\nb,8'
	done
}
