# vmf-ingest's fast reader: the same bytes and the same messages as libcsv
# gives, at every level of wide instructions and with any number of threads.

load helper
load ingest

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# levels: those that this machine has.
levels() {
	local level
	for level in plain avx2 avx512; do
		! VMF_SIMD=$level vmf-ingest --map planetlab --start @0 \
		    -q -o /dev/null /dev/null 2>/dev/null || echo "$level"
	done
}

# both ARGS...: libcsv and all variants of the fast reader agree in bytes,
# messages and exit code; leaves them in ref.arrows, ref.err, ref.bad.
both() {
	local rc=0 got level threads
	rm -f ref.bad
	VMF_CSV=libcsv vmf-ingest --no-history "$@" >ref.arrows 2>ref.err || rc=$?
	[ ! -e kept ] || mv kept ref.bad
	for level in $(levels); do
		for threads in 1 2 5; do
			got=0
			VMF_SIMD=$level vmf-ingest --no-history --threads "$threads" \
			    "$@" >fast.arrows 2>fast.err || got=$?
			[ "$got" -eq "$rc" ] || cat fast.err
			assert_equal "$level $threads $got" "$level $threads $rc"
			diff -u ref.err fast.err
			# Behind an error it is of no matter how much was written.
			[ "$rc" -ne 0 ] || same ref.arrows fast.arrows
			[ ! -e ref.bad ] || same ref.bad kept
			rm -f kept
		done
	done
}

@test "the environment chooses, and is refused where it cannot be obeyed" {
	put a.csv 'vm,time,cpu\na,0,1\n'
	VMF_SIMD=sse9 fails 2 "VMF_SIMD is 'sse9', expected plain, avx2 or avx512" vmf-ingest a.csv
	VMF_CSV=fast2 fails 2 "VMF_CSV: found 'fast2', expected fast or libcsv" vmf-ingest a.csv
	levels | grep -qx plain
	if ! grep -qw avx512bw /proc/cpuinfo; then
		VMF_SIMD=avx512 fails 1 'does not have' vmf-ingest a.csv
	fi
	fails 2 '--threads' vmf-ingest --threads 0 a.csv
	fails 2 '--threads' vmf-ingest --threads 257 a.csv
}

@test "orders: by time, by VM, shuffled; many batches" {
	local vms=1500
	[ -z "${VMF_SMALL:-}" ] || vms=200
	for order in time vm shuffle; do
		gen $vms 1 --net --order $order >a.csv
		both a.csv
		gen $vms 1 --shape azure --order $order >a.csv
		both --map azure a.csv
	done
}

@test "line ends, blanks, quotes and empty lines among plain rows" {
	gen 40 1 | awk 'NR % 50 == 3 { print ""; } NR % 31 == 4 { sub(/,/, " ,\t") }
	    NR % 17 == 5 { sub(/^[^,]*/, "\"&\"") } NR % 41 == 6 { sub(/^/, "\"x\ny\",0,1,2\n") }
	    { printf "%s%s", $0, NR % 2 ? "\n" : "\r\n" }' >a.csv
	both a.csv
	grep -q ' 0 bad rows' ref.err
	printf '%s' "$(cat a.csv)" >b.csv
	both b.csv
}

@test "bad rows of every kind, far apart: counted, kept and named the same" {
	gen 400 1 >a.csv
	awk 'NR % 9973 == 2 { sub(/[^,]*$/, "x") } NR % 7919 == 3 { $0 = $0 ",9" }
	    NR % 5003 == 4 { sub(/^/, "a\"b") } NR % 6007 == 5 { $0 = "\"" $0 "\n\",0,1,1" }
	    NR % 8011 == 6 { sub(/,[0-9]*/, ",soon") } NR % 4001 == 7 { sub(/[^,]*$/, "1e39") }
	    NR % 3001 == 8 { $0 = "vm\xff" $0 } NR % 9001 == 9 { $0 = $0 "\rx" }
	    { print }' a.csv >b.csv
	both --bad-rows skip b.csv
	grep -q 'the first bad row: b.csv:' ref.err
	both --bad-rows kept b.csv
	[ -s ref.bad ]
	both b.csv
	# The line, whoever reads it and wherever the blocks are cut.
	n=$(wc -l <a.csv)
	for at in 2 3000 50000 $((n - 1)) $n; do
		sed "${at}s/[^,]*\$/oops/" a.csv >b.csv
		both b.csv
		run cat ref.err
		assert_output --partial "vmf-ingest: b.csv:$at: column 'mem': found 'oops', expected a number"
	done
	{ cat a.csv; printf '"open'; } >b.csv
	both b.csv
	run cat ref.err
	assert_output --partial "b.csv:$((n + 1)): the file ends inside a quoted field"
}

@test "rows and fields longer than a block" {
	{ printf 'vm,time,cpu\n'
	  for n in 1 2 3 4; do
		echo "a,$n,1"
		head -c $((n * 260000)) /dev/zero | tr '\0' "$n"; echo ",$n,$n"
		echo "b,$n,2"
	  done; } >a.csv
	both a.csv
	run cat ref.err
	assert_output --partial '12 rows in, 12 rows out'
	{ cat a.csv; head -c 1048577 /dev/zero | tr '\0' x; echo ,1,1; } >b.csv
	both b.csv
	run cat ref.err
	assert_output --partial 'b.csv:14: the field is too long'
	{ printf 't'; seq -f ',vm%.0f' 60000; } | tr -d '\n' >w.csv
	for t in 0 300 600; do
		echo
		{ echo $t; seq -f ',%.0f.5' 60000; } | tr -d '\n'
	done >rows
	cat w.csv rows >wide.csv
	both --map wide --metric cpu wide.csv
	run cat ref.err
	assert_output --partial ' 0 bad rows, 0 missing'
}

@test "a byte order mark, with a header and without" {
	put a.csv '\xef\xbb\xbfvm,time,cpu\na,0,1\n\xef\xbb\xbfb,0,"2"\n'
	both a.csv
	put a.csv '\xef\xbb\xbfm_1,386640,41,92,,,43.5,33.25,5\nm_1,386640,41,92,,,43.5,33.25,5\n\xef\xbb\xbfm_1,386640,41,92,,,43.5,33.25,5\n'
	both --map alibaba2018 a.csv
	vmf-cat --csv ref.arrows >out
	run sed -n 2,3p out
	assert_output "m_1,1970-01-05T11:24:00Z,41,92,,,43.5,33.25,5
m_1,1970-01-05T11:24:00Z,41,92,,,43.5,33.25,5"
	put a.csv '\xef\xbb\xbf0,x=/1,1,3,2\n300,x=/1,1.5,3.5,2.5\n'
	both --map azure a.csv
	put a.csv 'x,1,2\n"\xef\xbb\xbfy",2,3\n\xef\xbb\xbfz,2,3\n'
	cat >m.json <<-'END'
	{"header": false, "columns": ["a", "b", "c"], "vm": {"column": 1}, "time": {"column": 2},
	 "metrics": [{"name": "cpu", "column": 3}]}
	END
	both --map m.json a.csv
}

@test "times in every format, and a change of format" {
	for f in 's/$//' 's/$/000/' 's/$/000000/' 's/$/000000000/' 's/$/.0/'; do
		{ echo vm,time,cpu; seq 1700000000 300 1700900000 | sed "$f" | sed 's/.*/a,&,1.5/'; } >a.csv
		both a.csv
	done
	{ echo vm,time,cpu; for h in $(seq -w 0 23); do
		for m in $(seq -w 0 5 59); do echo "a,2024-05-01T$h:$m:00Z,1"; done
	  done; } >a.csv
	both a.csv
	sed 's/T/ /; s/Z//' a.csv >b.csv
	both --tz Europe/Zurich b.csv
	{ cat a.csv; echo b,1700000000,1; } >b.csv
	both b.csv
	both --bad-rows skip b.csv
	{ echo vm,time,cpu; for i in 1 2 3; do echo a,soon,1; done; echo a,1700000000,2; echo a,1700000000000,3; } >b.csv
	both --bad-rows skip b.csv
}

@test "attributes, percentages, scales and whole numbers" {
	cat >m.json <<-'END'
	{"header": false, "columns": ["id", "t", "load", "used", "all", "host", "n"],
	 "vm": {"column": "id"}, "time": {"column": "t"},
	 "metrics": [{"name": "cpu", "column": "load", "scale": 100},
	             {"name": "mem", "column": "used", "percent_of": "all"}],
	 "attributes": [{"name": "host", "column": "host"},
	                {"name": "vcpus", "column": "n", "type": "int32"},
	                {"name": "mem_mb", "column": "all", "type": "float64", "scale": 0.0009765625}]}
	END
	awk 'BEGIN { for (i = 0; i < 60000; i++) printf "vm%d,%d,%.3f,%s,%s,%s,%s\n", i % 7000, 300 * int(i / 7000),
	    i % 101 / 100, i % 97 ? i % 1000 : "", i % 89 ? 1000 : 0, i % 83 ? "h" i % 300 : "NA",
	    i % 79 ? i % 64 : (i % 2 ? "" : "4.0") }' >a.csv
	both --map m.json a.csv
	grep -q ' 0 bad rows' ref.err
	sed '40000s/[^,]*$/2.5/' a.csv >b.csv
	both --map m.json b.csv
	run cat ref.err
	assert_output "vmf-ingest: b.csv:40000: column 'n': found '2.5', expected a whole number of 32 bits (--bad-rows skip goes on without such rows)"
}

@test "several files, packed and not: in their order" {
	mkdir d
	for i in 1 2 3 4 5 6; do
		gen $((i * 20)) 1 --seed $i >d/$i.csv
	done
	gzip d/2.csv d/3.csv d/6.csv
	zstd -q --rm d/5.csv
	both d/*
	grep -q '6 files' ref.err
	sed -i '1s/mem/mem2/' d/4.csv
	both d/*
	run cat ref.err
	assert_output "vmf-ingest: d/4.csv:1: column 4 is 'mem2', expected 'mem' as in d/1.csv; --only NAME,..., or \"others\": \"ignore\" in a map, finds columns by their names"
	head -c 20000 d/3.csv.gz >d/cut && mv d/cut d/3.csv.gz
	both d/*
	run cat ref.err
	assert_output --partial 'd/3.csv.gz: gzip data are truncated: the file ends at byte 20000'
	rm d/2.csv.gz
	both d/1.csv d/2.csv.gz d/3.csv.gz
	run cat ref.err
	assert_output --partial 'cannot open d/2.csv.gz'
}

@test "every built-in map on real traces" {
	data bitbrains_rnd
	not_small
	tar -xzf "$DATA/rnd-2013-8.tar.gz"
	find 2013-8 -name '*.csv' | sort | head -n 60 >names
	# shellcheck disable=SC2046
	both --map bitbrains $(cat names)
	data azure_v1
	both --map wide --metric cpu "$DATA/microsoft_avg_100.csv.gz"
	data alibaba2018
	both --map alibaba2018 "$DATA/machine_usage.csv.gz"
	data nab_aws
	both --map nab "$DATA"/data/*/*.csv
	data planetlab
	tar -xzf "$DATA/20110303.tar.gz"
	both --map planetlab --start @0 20110303/*
}

@test "texts made from a seed: no difference" {
	diff=${VMF_BIN%/bin}/unit/ingest_diff
	[ -x "$diff" ] || diff=$VMF_ROOT/build/release-gpu0/unit/ingest_diff
	[ -x "$diff" ] || skip "no unit programs (make units)"
	"$diff" 20261122 300
}

@test "an error ends the run though its input goes on" {
	gen 300 1 >a.csv
	start=$(date +%s)
	{ sed '2s/[^,]*$/x/' a.csv; sleep 20; } | {
		rc=0
		vmf-ingest --threads 4 -o x.arrows 2>err || rc=$?
		[ $(($(date +%s) - start)) -lt 15 ] || rc=slow
		echo "$rc" >rc.new
		mv rc.new rc
	} 3>&- &
	for _ in $(seq 100); do
		[ ! -e rc ] || break
		sleep 0.1
	done
	assert_equal "$(cat rc)" 1
	grep -q 'standard input:2: column' err
}

@test "pipes are opened in their turn, and what is wrong before them is told" {
	gen 60 5 >a.csv
	mkfifo f1 f2
	vmf-ingest --no-history a.csv a.csv >want
	{ cat a.csv >f1; cat a.csv >f2; } 3>&- &
	timeout 8 vmf-ingest --no-history --threads 3 f1 f2 >got
	same want got
	put bad.csv 'vm,time,cpu\na,x,1\n'
	fails 1 'bad.csv:2:' timeout 8 vmf-ingest --threads 3 bad.csv f1
	# Without a map's columns, too: those of a wide file are its own.
	put w.csv 't,a,b\n0,1,x\n'
	fails 1 'w.csv:2:' timeout 8 vmf-ingest --map wide --metric cpu \
	    --threads 3 w.csv f1
}

@test "progress: rows, speed, and the time left of a file" {
	gen 700 1 >a.csv
	{ cat a.csv; sleep 1.2; tail -n +2 a.csv; tail -n +2 a.csv; } |
	    vmf-ingest --progress -o x.arrows 2>err
	grep -qE '^vmf-ingest: [0-9]+ rows, [0-9]+ MB, [0-9]+ MB/s \.\.\.$' err
	# Of a file each line tells the time left; a fast run has none.
	vmf-ingest -q --progress -o x.arrows a.csv a.csv a.csv 2>err
	run grep -vE '^vmf-ingest: [0-9]+ rows, .* MB/s, [0-9]+ s left \.\.\.$' err
	assert_output ''
}

@test "memory: a few MB a thread, whatever the rows" {
	not_small
	gen 2000 1 --shape azure >a.csv
	for threads in 1 2 8; do
		vmf-ingest -q --threads $threads --map azure a.csv a.csv a.csv >/dev/null &
		pid=$! peak=0
		while hwm=$(awk '/^VmHWM/ { print $2 }' /proc/$pid/status 2>/dev/null) && [ -n "$hwm" ]; do
			peak=$hwm
		done
		wait $pid
		[ "$peak" -lt 40000 ] || { echo "$threads threads: $peak kB" >&2; return 1; }
	done
}

@test "many batches: the same bytes by a thread, its failure told, its pipe closed" {
	gen 2000 1 --order shuffle >a.csv
	for how in '' --compress=zstd; do
		for threads in 1 2 4; do
			vmf-ingest --no-history -q --threads $threads $how \
			    -o x$threads a.csv
		done
		same x1 x2
		same x1 x4
	done
	full() { vmf-ingest -q --threads 2 a.csv >/dev/full; }
	fails 1 'cannot write standard output' full
	codes=$(vmf-ingest -q --threads 2 a.csv | head -c 1 >/dev/null
	    echo "${PIPESTATUS[0]}")
	assert_equal "$codes" 141
	# A bad row far after what has been written ends it as ever.
	echo 'vm,x' >>a.csv
	bad() { vmf-ingest -q --threads 2 a.csv >part; }
	fails 1 'a.csv:531641: found 2 fields' bad
	[ "$(stat -c %s part)" -gt 1000000 ]
}
