# vmf-cat --checksum: the values of a stream, whatever their packing.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	gen 6 1 --step 30m --net >day.csv
	vmf-ingest -q day.csv >readings
	vmf-dedup -q readings | vmf-aggregate -q --step 1h >series
	vmf-train -q --model arima series >model
}

checksum() {
	judge "$VMF_ROOT/test/judges/checksum.py" "$@"
}

@test "it is what vmf-cat(1) says, of every kind of stream" {
	[ -n "${VMF_PYTHON:-}" ] || skip "no pyarrow (set VMF_PYTHON)"
	for f in readings series model; do
		vmf-cat --checksum $f >got
		checksum sum $f >want
		diff want got
	done
	vmf-cat --checksum readings series >got
	checksum sum readings series >want
	diff want got
}

@test "other types, dictionaries, units of time, batches, order: the same" {
	[ -n "${VMF_PYTHON:-}" ] || skip "no pyarrow (set VMF_PYTHON)"
	vmf-cat --checksum series >want
	checksum recast series other
	vmf-cat --checksum other | diff want -
	vmf-cat --checksum readings >want
	checksum recast readings other
	vmf-cat --checksum other | diff want -
}

@test "booleans, whole numbers of any width, empty columns, odd numbers" {
	cat >odd.py <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		nan = float("nan")
		t = pa.table({"flag": pa.array([True, False, None]),
		    "i8": pa.array([-1, 0, None], pa.int8()),
		    "i64": pa.array([-2**63, 2**63 - 1, None]),
		    "u32": pa.array([2**32 - 1, 0, None], pa.uint32()),
		    "f": pa.array([-0.0, nan, float("-inf")]),
		    "none": pa.nulls(3),
		    "b": pa.array([b"", b"\x00\xff", None], pa.binary()),
		    "t": pa.array([-1, 0, None], pa.timestamp("s")),
		    "l": pa.array([[0.5, None], [], None],
		    pa.list_(pa.float64()))})
		with ipc.new_stream("odd", t.schema) as w:
		    w.write_table(t)
	EOT
	judge odd.py
	vmf-cat --checksum odd >got
	checksum sum odd | diff - got
	not_small
	# Rows that are only claimed take no memory, and no time.
	judge - <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		for n in 1, 1000, 2**31 - 9:
		    t = pa.table({"a": pa.nulls(n), "n": pa.nulls(n)})
		    with ipc.new_stream(f"claim{n}", t.schema) as w:
		        w.write_table(t)
	EOT
	vmf-cat --checksum claim1000 >got
	checksum sum claim1000 | diff - got
	vmf-cat --checksum claim1 >one
	(ulimit -v 100000 && vmf-cat --checksum claim2147483639) >got
	judge - <<-'EOT' >want
		n = 2**31 - 9
		print(n, "rows")
		for line in list(open("one"))[1:]:
		    sum, name = line.split()
		    print(f"{int(sum, 16) * n % 2**64:016x}  {name}")
	EOT
	diff want got
}

@test "sorted, compressed and split it stays the same; parts add up" {
	vmf-dedup -q readings >sorted
	vmf-dedup -q -zlz4 sorted >packed
	vmf-cat --checksum sorted >want
	vmf-cat --checksum packed | diff want -
	# The same samples in another order, by way of CSV.
	vmf-cat --csv sorted >all.csv
	{ head -n 1 all.csv; tail -n +2 all.csv | sort -t, -k3; } >by-cpu.csv
	vmf-ingest -q by-cpu.csv | vmf-cat --checksum >shuffled
	vmf-ingest -q all.csv | vmf-cat --checksum | diff shuffled -
	{ head -n 1 all.csv; sed -n 2,50p all.csv; } | vmf-ingest -q >a
	{ head -n 1 all.csv; sed -n '51,$p' all.csv; } | vmf-ingest -q >b
	vmf-cat --checksum a b | diff shuffled -
	vmf-cat --checksum b a | diff shuffled -
}

@test "a row lost, a row twice, two values in each other's row: it differs" {
	[ -n "${VMF_PYTHON:-}" ] || skip "no pyarrow (set VMF_PYTHON)"
	vmf-cat --checksum readings >want
	for how in lost twice swapped; do
		checksum spoil readings spoilt $how
		vmf-cat --checksum spoilt >got
		run ! diff <(sed -n 2p want) <(sed -n 2p got)
	done
	# Each column for itself still has the same values.
	diff <(tail -n +3 want) <(tail -n +3 got)
}

@test "of some columns; of none, of nothing, of what is damaged" {
	vmf-cat --checksum --columns cpu,vm readings >got
	assert_equal "$(tail -n +2 got | cut -c19- | tr '\n' ' ')" "* cpu vm "
	vmf-cat --checksum readings | grep -E '  (cpu|vm)$' |
	    diff - <(tail -n +3 got)
	fails 1 "--columns: found 'nosuch'" \
	    vmf-cat --checksum --columns nosuch readings
	fails 2 "--columns: found ''" vmf-cat --checksum --columns '' readings
	fails 2 "goes with --columns alone" vmf-cat --checksum --csv readings
	fails 2 "unexpected operand 'series'" vmf-cat readings series
	printf 'vm,time,cpu\n' | vmf-ingest -q | vmf-cat --checksum >got
	assert_equal "$(head -n 2 got)" "0 rows
0000000000000000  *"
	head -c 2000 readings >cut
	fails 1 "cut" vmf-cat --checksum -o sums readings cut
	[ ! -e sums ]
}

@test "--sums says of a stream, as it is written, what --checksum says of it" {
	each() {
		rm -f sums
		"$@" -q --sums sums -o out || return 1
		vmf-cat --checksum out | diff sums -
	}
	vmf-cat --csv readings >readings.csv
	each vmf-ingest readings.csv
	# By the thread that writes behind, and by none.
	vmf-gen -q --vms 300 --days 2 >many.csv
	each vmf-ingest --threads 2 many.csv
	each vmf-ingest --threads 1 -z many.csv
	# Dictionaries are begun anew where most of their strings are used up.
	mv out many
	each vmf-dedup --memory 16M --sort always many
	mv out once
	each vmf-aggregate --step 1h once
	mv out hours
	each vmf-aggregate --step 1h --keep-span 1d --append hours hours
	each vmf-train --model kq hours
	mv out model
	each vmf-predict --from model hours
	mv out forecast
	each vmf-window --length 1h forecast
	each vmf-eval --model snaive --horizon 6 hours
	# On standard output, beside a file.
	vmf-dedup -q -o out --sums - readings >sums
	vmf-cat --checksum out | diff sums -
	# It says nothing about what is in the rows.
	vmf-cat --schema out | grep -q 'vmf-dedup [^ ]* readings$'
}

@test "--sums: nothing of what is not whole, and no file that is another's" {
	head -c 2000 readings >cut
	fails 1 "cut" vmf-dedup -q --sums sums -o out cut
	[ ! -e sums ] && [ ! -e out ]
	fails 1 "no/such" vmf-dedup -q --sums no/such -o out readings
	[ ! -e out ]
	cp readings kept
	fails 2 "--sums: 'kept' is also read, as input" \
	    vmf-dedup --sums kept -o out kept
	cmp kept readings
	# Nor may it be what is gone on from, which -o may replace.
	vmf-aggregate -q --step 1h -o hist readings
	cp hist kept.hist
	fails 2 "--sums: 'hist' is also read, as --append" \
	    vmf-aggregate --append hist -o out --sums hist readings
	cmp hist kept.hist
	[ ! -e out ]
	# No output under its name when its sums cannot be written.
	fails 1 "/dev/full" vmf-dedup --sums /dev/full -o out readings
	[ ! -e out ]
	fails 2 "--sums: './out' is also the output" \
	    vmf-dedup --sums ./out -o out readings
	fails 2 "--sums: '-' is also the output" vmf-dedup --sums - readings
	fails 2 "is also that of --sums" \
	    vmf-ingest --bad-rows bad --sums bad -o out readings.csv
	fails 2 "unknown or ambiguous option '--sums'" vmf-cat --sums a readings
	run -141 bash -c 'trap - PIPE; vmf-gen -q --vms 500 --days 3 |
	    vmf-ingest -q --sums sums | head -c 1 >/dev/null
	    exit ${PIPESTATUS[1]}'
	[ -z "$(ls -A | grep sums)" ]
}
