# vmf-dedup: each (vm, time) once.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# dedup OPTION...: of the CSV on stdin, as CSV; the summary is in "note".
dedup() {
	vmf-ingest -q | vmf-dedup "$@" 2>note | vmf-cat --csv
}

# count NAME: the number before NAME in the summary.
count() {
	sed -E "s/.*[ (]([0-9]+) $1.*/\\1/" note
}

# A fleet of time-ordered readings with two repeated rows in 1,000.
fleet() {
	gen 400 "$1" --seed 3 "${@:2}" | vmf-ingest -q
}

@test "any order in, (vm, time) order out, VMs as bytes" {
	printf '%s\n' vm,time,cpu b,300,1 a,600,2 a10,0,3 a,0,4 a2,0,5 b,0,6 |
	    dedup >out
	printf '%s\n' vm,time,cpu a,1970-01-01T00:00:00Z,4 \
	    a,1970-01-01T00:10:00Z,2 a10,1970-01-01T00:00:00Z,3 \
	    a2,1970-01-01T00:00:00Z,5 b,1970-01-01T00:00:00Z,6 \
	    b,1970-01-01T00:05:00Z,1 >want
	diff -u want out
	assert_equal "$(count 'rows in')" 6
	assert_equal "$(count out)" 6
	assert_equal "$(count duplicates)" 0
}

@test "--keep first, last, mean and max, by input order" {
	printf '%s\n' vm,time,cpu,mem a,300,5,1 a,0,1,10 a,0,9,20 a,0,2,60 \
	    >in.csv
	assert_equal "$(dedup <in.csv | sed -n 2p)" \
	    a,1970-01-01T00:00:00Z,1,10
	assert_equal "$(dedup --keep first <in.csv | sed -n 2p)" \
	    a,1970-01-01T00:00:00Z,1,10
	assert_equal "$(dedup --keep last <in.csv | sed -n 2p)" \
	    a,1970-01-01T00:00:00Z,2,60
	assert_equal "$(dedup --keep mean <in.csv | sed -n 2p)" \
	    a,1970-01-01T00:00:00Z,4,30
	assert_equal "$(dedup -k max <in.csv | sed -n 2p)" \
	    a,1970-01-01T00:00:00Z,9,60
	assert_equal "$(count duplicates)" 2
	assert_equal "$(count conflicting)" 2
}

@test "a null and a value merge, they do not conflict" {
	printf '%s\n' vm,time,cpu,mem,host,vcpus a,0,1,,h1, a,0,,7,,4 \
	    a,0,1,7,h1,4 >in.csv
	for keep in first last mean max; do
		run -0 dedup --keep $keep <in.csv
		assert_line a,1970-01-01T00:00:00Z,1,7,h1,4
		assert_equal "$(count merged)" 2
		assert_equal "$(count conflicting)" 0
		assert_equal "$(count identical)" 0
	done
}

@test "names after a row without one, where rows are sorted" {
	printf '%s\n' vm,time,cpu,host b,300,1, a,300,2,x b,0,3,y a,0,4, >in.csv
	run -0 sh -c 'vmf-ingest -q in.csv | vmf-dedup -q --sort always |
	    vmf-cat --csv --no-header'
	assert_output "a,1970-01-01T00:00:00Z,4,
a,1970-01-01T00:05:00Z,2,x
b,1970-01-01T00:00:00Z,3,y
b,1970-01-01T00:05:00Z,1,"
}

@test "identical, merged and conflicting rows are told apart" {
	# Of b, the third row repeats the second; of c, text conflicts.
	printf '%s\n' vm,time,cpu,mem,host a,0,1,2,h a,0,1,2,h a,0,1,,h \
	    b,0,1,2,h b,0,3,2,h b,0,3,2,h c,0,1,2,h c,0,1,2,i d,0,0,0,h \
	    d,0,-0,0,h | dedup >out
	assert_equal "$(count 'rows in')" 10
	assert_equal "$(count out)" 4
	assert_equal "$(count duplicates)" 6
	assert_equal "$(count identical)" 3
	assert_equal "$(count merged)" 1
	assert_equal "$(count conflicting)" 2
}

@test "attributes: the last value under mean and max" {
	printf '%s\n' vm,time,cpu,vcpus a,0,1,2 a,0,3,4 a,0,5, >in.csv
	assert_equal "$(dedup -k mean <in.csv | sed -n 2p)" \
	    a,1970-01-01T00:00:00Z,3,4
	assert_equal "$(dedup -k max <in.csv | sed -n 2p)" \
	    a,1970-01-01T00:00:00Z,5,4
}

@test "no rows: an empty stream of the same columns" {
	echo vm,time,cpu | vmf-ingest -q | vmf-dedup >out 2>note
	assert_equal "$(vmf-cat --csv out)" vm,time,cpu
	assert_equal "$(count 'rows in')" 0
}

@test "twice is as once" {
	fleet 1 | vmf-dedup -q --no-history >one
	vmf-dedup -q --no-history one >two
	same one two
}

@test "the order of the input does not matter" {
	gen 50 1 --seed 5 >in.csv
	{ head -n 1 in.csv; tail -n +2 in.csv | sort -t, -k1,1 -s; } >vm.csv
	{ head -n 1 in.csv; tail -n +2 in.csv | sort -t, -k3,3 -s; } >odd.csv
	for f in in vm odd; do
		# max: the same whichever of two conflicting rows is first.
		dedup --no-history -k max <$f.csv >$f.out
	done
	diff in.out vm.out
	diff in.out odd.out
	diff <(tail -n +2 in.out) <(tail -n +2 in.out | LC_ALL=C sort -u -t, -k1,2)
}

@test "what awk says of a fleet" {
	gen 60 2 --seed 9 >in.csv
	dedup <in.csv >out
	awk -F, 'NR > 1 { n++; k[$1 "," $2]++; r[$0]++ }
	    END { print n, length(k), n - length(r) }' in.csv >want
	echo "$(count 'rows in') $(count out) $(count identical)" >got
	diff want got
	[ "$(count duplicates)" -gt 0 ]
	[ "$(count conflicting)" -gt 0 ]
}

@test "time-ordered input larger than the memory: no spill, (time, vm)" {
	not_small
	fleet 4 --order time >in.arrows
	vmf-dedup -q --no-history in.arrows >all
	TMPDIR=/nowhere/at-all vmf-dedup --memory 32M in.arrows >out 2>note
	assert_equal "$(count 'bytes spilled')" 0
	grep -q 'order time,vm' note
	vmf-cat --schema out | grep -q 'vmf:order *time,vm'
	vmf-cat --schema all | grep -q 'vmf:order *vm,time'
	vmf-cat --csv out >out.csv
	tail -n +2 out.csv | sort -c -u -t, -k2,2 -k1,1
	# The same rows.
	diff <(tail -n +2 out.csv | sort) <(vmf-cat --csv all | tail -n +2 | sort)
}

@test "the names of a fleet travel once for many batches" {
	not_small
	# A VM more with every step, so that there are new names in each.
	awk 'BEGIN { for (t = 0; t < 150; t++) for (v = 0; v < 4000 + t; v++)
	    printf "vm-%060d,%d,%d\n", v * 7919 % 100003, t * 300, v }' |
	    sed '1i vm,time,cpu' | vmf-ingest -q >in.arrows
	vmf-dedup -q --memory 32M in.arrows >out
	# 16 bytes a row, and 63 a name in four dictionaries or less.
	rows=$(vmf-cat --csv out | tail -n +2 | wc -l)
	names=$((4150 * 67))
	bytes=$(stat -c %s out)
	[ "$bytes" -gt $((16 * rows + names)) ]
	[ "$bytes" -lt $((16 * rows + 4 * names + 100000)) ]
}

@test "sorted input larger than the memory: no spill, (vm, time)" {
	not_small
	fleet 4 --order vm >in.arrows
	vmf-dedup -q --no-history in.arrows | vmf-cat --csv >want
	TMPDIR=/nowhere/at-all vmf-dedup --memory 32M in.arrows 2>note |
	    vmf-cat --csv >out
	assert_equal "$(count 'bytes spilled')" 0
	grep -q 'order vm,time' note
	same want out
}

@test "any other order larger than the memory: spilled, the same rows" {
	not_small
	fleet 4 --order vm | vmf-cat --csv >vm.csv
	# Neither order: by the load.
	{ head -n 1 vm.csv; tail -n +2 vm.csv | sort -s -t, -k3,3; } |
	    vmf-ingest -q >in.arrows
	vmf-dedup -q --memory 1G in.arrows | vmf-cat --csv >want
	vmf-dedup --memory 32M in.arrows 2>note | vmf-cat --csv >out
	[ "$(count 'bytes spilled')" -gt 10000000 ]
	same want out
	tail -n +2 out | sort -c -u -t, -k1,2
	fails 1 "spilling to '/nowhere/at-all'" env TMPDIR=/nowhere/at-all \
	    vmf-dedup --memory 32M in.arrows
}

@test "a row too late for the window is an error, but not for --sort always" {
	not_small
	fleet 4 --order time >in.arrows
	{ vmf-cat --csv in.arrows; vmf-cat --csv in.arrows | sed -n 2,9p; } |
	    vmf-ingest -q >late.arrows
	n=$(vmf-cat --csv in.arrows | tail -n +2 | wc -l)
	fails 1 "row $n: found vm" vmf-dedup --memory 32M late.arrows
	[[ $stderr == *"--sort always"* ]]
	vmf-dedup --memory 32M --sort always late.arrows 2>note |
	    vmf-cat --csv >out
	vmf-dedup -q in.arrows | vmf-cat --csv >want
	same want out
	# As no end marker was written, what is after fails too.
	run bash -c 'vmf-dedup --memory 32M late.arrows 2>/dev/null |
	    vmf-aggregate --step 1h 2>&1 >/dev/null'
	assert_failure 1
	assert_output --partial "vmf-aggregate: "
}

@test "rows that come late inside the window are put right" {
	not_small
	fleet 4 --order time | vmf-cat --csv >in.csv
	# Blocks of 5,000 lines, each with its last line first.
	{ head -n 1 in.csv; tail -n +2 in.csv |
	    awk 'NR % 5000 { b[++n] = $0; next }
	    { print; for (i = 1; i <= n; i++) print b[i]; n = 0 }
	    END { for (i = 1; i <= n; i++) print b[i] }'; } >late.csv
	# The first rows are in order, so that it streams.
	{ head -n 200001 in.csv; tail -n +200002 late.csv; } | vmf-ingest -q |
	    TMPDIR=/nowhere/at-all vmf-dedup --memory 20M 2>note |
	    vmf-cat --csv | tail -n +2 | sort >out
	vmf-ingest -q in.csv | vmf-dedup -q | vmf-cat --csv | tail -n +2 |
	    sort >want
	grep -q 'order time,vm' note
	assert_equal "$(wc -l <out)" "$(wc -l <want)"
	same want out
}

@test "rows of one moment, and of a moment each" {
	# Ten thousand VMs in two steps, and more with more repeated rows than
	# are put in one by one; and steps of a row.
	for shape in "NR % 10000,int(NR / 10000) * 300" \
	    "NR % 20000,int(NR / 20000) * 300" "NR % 77,NR" \
	    "NR % 3000,int(NR / 40)"; do
		awk 'BEGIN { print "vm,time,cpu"; for (NR = 0; NR < 400000; NR++) {
		    printf "v%d,%d,%d\n", '"$shape"', NR % 100
		    for (i = 0; NR % 193 == 0 && i <= NR % 3; i++)
		        printf "v%d,%d,%d\n", '"$shape"', 7 } }' |
		    vmf-ingest -q >in.arrows
		vmf-dedup -q --memory 1G in.arrows | vmf-cat --csv |
		    tail -n +2 | sort -t, -k2,2 -k1,1 >want
		vmf-dedup --memory 18M in.arrows 2>note | vmf-cat --csv |
		    tail -n +2 >out
		grep -q 'order time,vm' note
		same want out
	done
}

@test "a time of more rows than memory holds" {
	not_small
	# All of the first time, VMs in order or not: no order is known.
	for vm in 'v' 'v * 7919 % 100003'; do
		awk 'BEGIN { print "vm,time,cpu,mem"
		    for (t = 0; t < 3; t++) for (v = 0; v < 100003; v++)
		    printf "vm-%07d,%d,%d,%d\n", '"$vm"', t * 300, v, t }' |
		    vmf-ingest -q >in.arrows
		vmf-dedup -q --memory 1G in.arrows | vmf-cat --csv >want
		vmf-dedup --memory 18M in.arrows 2>note | vmf-cat --csv >out
		[ "$(count 'bytes spilled')" -gt 0 ]
		grep -q 'order vm,time' note
		same want out
	done
	# A later one: the order is known, and rows were handed on.
	awk 'BEGIN { print "vm,time,cpu,mem"
	    for (t = 0; t < 80; t++) for (v = 0; v < 5000; v++)
	    printf "vm-%07d,%d,%d,%d\n", v, t * 300, v, t
	    for (v = 0; v < 200001; v++)
	    printf "vm-%07d,%d,%d,%d\n", v * 7919 % 200003, t * 300, v, t }' |
	    vmf-ingest -q >in.arrows
	fails 1 "at 1970-01-01T06:40:00Z, expected nothing before vm 'vm-" \
	    vmf-dedup --memory 30M in.arrows
	[[ $stderr == *"' at that time: "*"are more than --memory holds"* ]]
	vmf-dedup -q --sort always --memory 30M in.arrows >out
}

@test "memory stays below --memory on ten times the rows" {
	not_small
	command -v /usr/bin/time >/dev/null || skip "no /usr/bin/time"
	for order in time vm shuffle; do
		for days in 2 20; do
			fleet $days --order $order | /usr/bin/time -f '%M' \
			    -o kb vmf-dedup -q --memory 48M >/dev/null
			echo "$order $days $(cat kb)"
			[ "$(cat kb)" -le $((48 * 1024)) ]
		done
	done
}

@test "a row without vm or time is named" {
	printf 'vm,time,cpu\na,0,1\n' | vmf-ingest -q >ok.arrows
	cat >make.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		t = pa.timestamp("s", "UTC")
		for name, vm, time in (("vm", ["a", None], [0, 0]),
		        ("time", ["a", "a"], [0, None])):
		    b = pa.table({"vm": pa.array(vm), "time": pa.array(time, t),
		        "cpu": pa.array([1.0, 2.0])})
		    with ipc.new_stream(name + ".arrows", b.schema) as w:
		        w.write_table(b)
	EOT
	judge make.py
	fails 1 "vm.arrows: row 1: found no vm" vmf-dedup vm.arrows
	fails 1 "time.arrows: row 1: found no time" vmf-dedup time.arrows
}

@test "columns of any type that others write" {
	cat >make.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc, decimal
		n = 3
		b = pa.table({
		    "cpu": pa.array([1.5, None, 2.5]),
		    "vm": pa.array(["b", "b", "a"], pa.large_string()),
		    "ops": pa.array([None, 5, 7], pa.int64()),
		    "up": pa.array([True, None, False]),
		    "booted": pa.array([5, None, 6], pa.timestamp("ms")),
		    "none": pa.nulls(n),
		    "time": pa.array([0, 0, 0], pa.timestamp("us", "Europe/Paris")),
		    "host": pa.array(["x", None, "y"]).dictionary_encode(),
		    "small": pa.array([None, 1, 2], pa.int8()),
		})
		with ipc.new_stream("in.arrows", b.schema) as w:
		    w.write_table(b)
		c = b.drop_columns(["none"]).append_column("l",
		    pa.array([[1.0], [], None]))
		with ipc.new_stream("list.arrows", c.schema) as w:
		    w.write_table(c)
		with ipc.new_stream("novm.arrows",
		        b.drop_columns(["vm"]).schema) as w:
		    w.write_table(b.drop_columns(["vm"]))
		d = b.set_column(6, "time", pa.array([0, 0, 0]))
		with ipc.new_stream("int.arrows", d.schema) as w:
		    w.write_table(d)
	EOT
	judge make.py
	vmf-dedup in.arrows 2>note | vmf-cat --csv >out
	cat >want <<-'EOT'
		cpu,vm,ops,up,booted,none,time,host,small
		2.5,a,7,false,1970-01-01T00:00:00Z,,1970-01-01T00:00:00Z,y,2
		1.5,b,5,true,1970-01-01T00:00:00Z,,1970-01-01T00:00:00Z,x,1
	EOT
	diff -u want out
	assert_equal "$(count merged)" 1
	fails 1 "column 'l' is list<float64>" vmf-dedup list.arrows
	fails 1 "found no column 'vm'" vmf-dedup novm.arrows
	fails 1 "column 'time' is int64, expected timestamp" \
	    vmf-dedup int.arrows
}

@test "--keep of whole numbers, doubles and text, in many columns" {
	cat >make.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		c = {"vm": pa.array(["a", "a", "a", "b"]),
		    "time": pa.array([0, 0, 0, 0], pa.timestamp("s")),
		    "i": pa.array([3, 5, None, 1], pa.int32()),
		    "l": pa.array([2**40, 2**40 + 4, None, -1], pa.int64()),
		    "d": pa.array([0.25, 0.75, None, 1e-9]),
		    "word": pa.array(["x", "", "z", None])}
		# More than 32 that can be missing.
		for k in range(40):
		    c[f"n{k}"] = pa.array([k, k, None, None], pa.int32())
		with ipc.new_stream("in", pa.table(c).schema) as w:
		    w.write_table(pa.table(c))
	EOT
	judge make.py
	keep() {
		vmf-dedup -q --keep "$1" in |
		    vmf-cat --csv --no-header --columns i,l,d,word,n39 >out
		assert_equal "$(head -n 1 out)" "$2"
		assert_equal "$(tail -n 1 out)" '1,-1,0.000000001,,'
	}
	keep first 3,1099511627776,0.25,x,39
	keep last 5,1099511627780,0.75,z,39
	keep mean 4,1099511627778,0.5,z,39
	keep max 5,1099511627780,0.75,z,39
	# To the last digit, in any order; what all say stays as it is.
	cat >make.py <<-'EOT'
		import itertools, pyarrow as pa, pyarrow.ipc as ipc
		rows = [(2**53, -7, .1, .1, 1.5e308), (2**53 + 1, -8, .1, .2,
		    1.5e308), (2**53 + 1, -8, .1, 1e16, 1e308)]
		for k, p in enumerate(itertools.permutations(rows)):
		    i, n, same, d, huge = zip(*p)
		    t = pa.table({"vm": ["a"] * 3, "time": pa.array([0] * 3,
		        pa.timestamp("s")), "i": i, "n": n, "same": same, "d": d,
		        "huge": huge})
		    with ipc.new_stream(f"in{k}", t.schema) as w:
		        w.write_table(t)
	EOT
	judge make.py
	for k in 0 1 2 3 4 5; do
		vmf-dedup -q --keep max in$k | vmf-cat --csv --no-header |
		    diff - <(echo 'a,1970-01-01T00:00:00Z,9007199254740993,-7,0.1,1e+16,1.5e+308')
		vmf-dedup -q --keep mean in$k | vmf-cat --csv --no-header |
		    diff - <(echo 'a,1970-01-01T00:00:00Z,9007199254740993,-8,0.1,3333333333333333.5,1.3333333333333333e+308')
	done
}

@test "several files: metrics and attributes by name" {
	printf '%s\n' time,a,b 0,1,2 300,3, >cpu.csv
	printf '%s\n' time,b,a 300,20,7 0,10, >mem.csv
	for m in cpu mem; do
		vmf-ingest -q --map wide --metric $m -o $m.arrows $m.csv
	done
	printf '%s\n' vm,time,cpu,host,vcpus b,300,,h,4 |
	    vmf-ingest -q -o host.arrows
	vmf-dedup cpu.arrows mem.arrows - <host.arrows 2>note >out
	run -0 vmf-cat --csv out
	assert_output "vm,time,cpu,mem,host,vcpus
a,1970-01-01T00:00:00Z,1,,,
a,1970-01-01T00:05:00Z,3,7,,
b,1970-01-01T00:00:00Z,2,10,,
b,1970-01-01T00:05:00Z,,20,h,4"
	assert_equal "$(count 'rows in')" 7
	assert_equal "$(count merged)" 3
	assert_equal "$(count conflicting)" 0
	run -0 vmf-cat --schema out
	assert_line --regexp 'vmf-ingest .*--metric cpu'
	assert_line --regexp 'vmf-ingest .*--metric mem'
	assert_line --regexp 'vmf-dedup .* cpu.arrows mem.arrows -'
	# It may be written over one of them; and a file twice is as once.
	vmf-dedup -q -o cpu.arrows cpu.arrows mem.arrows host.arrows
	vmf-cat --csv cpu.arrows | diff - <(vmf-cat --csv out)
	vmf-dedup -q out out | vmf-cat --csv | diff - <(vmf-cat --csv out)
}

@test "several files: the order of the input is that of the files" {
	printf '%s\n' vm,time,cpu,mem a,0,1,9 a,0,2,8 | vmf-ingest -q -o x
	printf '%s\n' vm,time,mem,cpu a,0,5,3 | vmf-ingest -q -o y
	printf '%s\n' vm,time,cpu a,0,0.5 | vmf-ingest -q -o z
	keep() {
		local how=$1 want=$2
		shift 2
		run -0 sh -c 'how=$1; shift
		    vmf-dedup -q --keep "$how" "$@" | vmf-cat --csv --no-header \
		    --columns cpu,mem' sh "$how" "$@"
		assert_output "$want"
	}
	keep first 1,9 x y z
	keep first 3,5 y x z
	keep first 0.5,9 z x y
	keep last 0.5,5 x y z
	keep last 2,8 z y x
	keep max 3,9 y z x
	keep mean "1.625,7.3333335" x y z
}

@test "several files: columns of every type that one has, and dictionaries" {
	cat >make.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		t = pa.timestamp("s", "UTC")
		def put(name, vm, **cols):
		    b = pa.table({"vm": pa.array(vm).dictionary_encode(), **cols,
		        "time": pa.array([0] * len(vm), t)})
		    with ipc.new_stream(name, b.schema) as w:
		        w.write_table(b)
		many = {f"n{k}": pa.array([k, k], pa.int32()) for k in range(40)}
		put("few", ["b", "a"], cpu=pa.array([1.5, 2.5], pa.float32()),
		    none=pa.nulls(2), tag=pa.array(["x", "y"]).dictionary_encode())
		put("more", ["c", "a"], cpu=pa.nulls(2),
		    wide=pa.array([1e300, 2.0]), none=pa.array([7, 8], pa.int64()),
		    up=pa.array([True, False]), tag=pa.array(["z", None]),
		    zone=pa.array(["q", "r"]), at=pa.array([60, 120], t), **many)
		put("null", ["a"], cpu=pa.nulls(1), none=pa.nulls(1))
	EOT
	judge make.py
	for order in 'few more' 'more few' 'null more few' 'few null more'; do
		# shellcheck disable=SC2086
		run -0 vmf-cat --csv --no-header --columns \
		    vm,cpu,none,tag,wide,up,zone,at,n0,n39 <(vmf-dedup -q $order)
		assert_output "a,2.5,8,y,2,false,r,1970-01-01T00:02:00Z,0,39
b,1.5,,x,,,,,,
c,,7,z,1e+300,true,q,1970-01-01T00:01:00Z,0,39"
	done
}

@test "several files: what does not fit is said, with both names" {
	cat >make.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		def put(name, meta=None, **cols):
		    t = {"vm": ["a"], "time": pa.array([0], pa.timestamp("s")),
		        **cols}
		    s = pa.schema([pa.field(k, v.type if isinstance(v, pa.Array)
		        else pa.string(), metadata=meta if k == "cpu" else None)
		        for k, v in t.items()])
		    with ipc.new_stream(name, s) as w:
		        w.write_table(pa.table(list(t.values()), schema=s))
		f32 = pa.array([1], pa.float32())
		put("percent", {"unit": "%"}, cpu=f32)
		put("none", None, cpu=f32)
		put("mhz", {"unit": "MHz"}, cpu=f32)
		put("wide", None, cpu=pa.array([1.0]))
		put("attr", {"role": "attribute"}, cpu=f32)
		put("text", None, time=["x"])
		put("list", None, l=pa.array([[1.0]]))
		with ipc.new_stream("novm", pa.schema([("x", f32.type)])) as w:
		    w.write_table(pa.table({"x": f32}))
	EOT
	judge make.py
	fails 1 "mhz: column 'cpu' is in MHz, expected % as in percent" \
	    vmf-dedup -o out none percent mhz
	fails 1 "wide: column 'cpu' is float64, expected float32 as in percent" \
	    vmf-dedup -o out percent wide
	fails 1 "attr: column 'cpu' is an attribute, expected a metric as in none" \
	    vmf-dedup -o out none attr
	fails 1 "text: column 'time' is utf8, expected timestamp" \
	    vmf-dedup -o out none text
	fails 1 "list: column 'l' is list<float64>, expected a number, text" \
	    vmf-dedup -o out none list
	fails 1 "novm: found no column 'vm'" vmf-dedup -o out none novm
	fails 1 "absent" vmf-dedup -o out none absent
	[ ! -e out ]
	vmf-dedup -q none percent >out
	vmf-cat --schema out | grep -q 'cpu .*unit=%'
}

@test "several files, each sorted, larger than memory: spilled" {
	not_small
	for d in 1 2 3; do
		fleet 2 --order vm --start 2024-01-0$d >d$d
	done
	fleet 2 --order time --start 2024-01-02 --seed 8 >t
	vmf-dedup -q --no-history --memory 1G d3 d1 t d2 >want
	vmf-dedup --no-history --memory 24M d3 d1 t d2 2>note >out
	[ "$(count 'bytes spilled')" -gt 0 ]
	same want out
	# As one file of the same rows.
	for f in d3 d1 t d2; do
		vmf-cat --csv $f >$f.csv
	done
	vmf-ingest -q d3.csv d1.csv t.csv d2.csv -o r
	vmf-dedup -q --memory 1G r | vmf-cat --csv >one
	vmf-cat --csv out | diff -q - one
}

@test "usage" {
	: >empty
	fails 2 "--keep: found 'all'" vmf-dedup --keep all empty
	fails 2 "--sort: found 'no'" vmf-dedup --sort no empty
	fails 2 "expected at least 16M" vmf-dedup --memory 1M empty
	fails 2 "cannot both be standard input" vmf-dedup - -
	fails 1 "empty" vmf-dedup empty
}

@test "too little memory for the input's batches says how much it needs" {
	not_small
	fleet 8 | vmf-dedup -q >small.arrows
	large_batches small.arrows >in.arrows
	fails 2 "is too little" vmf-dedup --memory 16M in.arrows
	least=${stderr##*at least }
	vmf-dedup -q --memory "${least%%$'\n'*}" in.arrows >/dev/null
}

@test "Bitbrains, August: 15,297 of 4,337,555 rows are duplicates" {
	not_small
	data bitbrains_rnd
	tar -xzf "$DATA/rnd-2013-8.tar.gz"
	vmf-ingest -q --map bitbrains 2013-8/*.csv | vmf-dedup 2>note >out
	assert_equal "$(count 'rows in')" 4337555
	assert_equal "$(count out)" 4322258
	assert_equal "$(count duplicates)" 15297
	assert_equal "$(count identical)" 15291
	assert_equal "$(count conflicting)" 6
	assert_equal "$(count 'bytes spilled')" 0
}
