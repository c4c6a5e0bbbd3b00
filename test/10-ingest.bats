# vmf-ingest: packings, times, missing values, bad rows, real traces.

load helper
load ingest

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# ---- text and packings ----

@test "plain CSV: order kept, blanks, quotes, CR LF and empty lines" {
	put a.csv 'vm,time,cpu\n b 1 ,300, 2.5 \r\n\n"a,""x""",0,1e1\r\n   \n"l1\nl2",0,-0.5'
	ingest a.csv
	printf '%s\n' 'vm,time,cpu' "b 1,$T5,2.5" "\"a,\"\"x\"\"\",$T0,10" \
	    '"l1' "l2\",$T0,-0.5" | diff -u - out
	run cat err
	assert_output "vmf-ingest: 1 file, 3 rows in, 3 rows out, 0 bad rows, 0 missing values"
	# Blanks are no part of a number in quotes either.
	put a.csv 'vm,time,cpu\n"a",0," 5\t "\n'
	ingest a.csv
	lines "a,$T0,5"
}

@test "rows of many columns are as others" {
	awk 'BEGIN {
		for (r = -1; r < 5000; r++) {
			printf "%s", (r < 0 ? "vm,time" : "a," 60 * r)
			for (i = 0; i < 40; i++)
				printf ",%s", (r < 0 ? "m" i : r % 100 + i)
			print ""
		}
	}' </dev/null >a.csv
	ingest a.csv
	[ "$(wc -l <out)" = 5001 ]
	diff <(cut -d, -f3- a.csv) <(cut -d, -f3- out)
}

@test "names that fill a batch end it" {
	awk 'BEGIN {
		p = sprintf("%2000s", ""); gsub(/ /, "x", p)
		print "vm,time,cpu"
		for (i = 0; i < 12000; i++) print i p ",60," i % 7
	}' </dev/null >a.csv
	vmf-ingest -q --threads 1 -o one a.csv
	vmf-ingest -q --threads 2 -o two a.csv
	same one two
	vmf-cat --csv one | cut -c1-9,2000- | awk -F, 'NR > 1 &&
	    (substr($1, 1, length(NR - 2)) != NR - 2 || $3 != (NR - 2) % 7) {
		print; bad = 1 } END { exit bad || NR != 12001 }'
	# 16 MB of names, and no more rows with them.
	judge - <<-'E'
		import pyarrow.ipc as ipc
		n = [b.num_rows for b in ipc.open_stream("one")]
		assert len(n) == 2 and 8300 < n[0] < 8500, n
	E
}

@test "a byte order mark is no part of the first name" {
	put a.csv '\xef\xbb\xbfvm,time,cpu\na,0,1\n'
	ingest a.csv
	lines "a,$T0,1"
}

@test "columns in any order; metrics come before attributes" {
	put a.csv 'host,mem,time,cpu,vm,vcpus,mem_mb,cluster,cpu_capacity_mhz,target\nh1,2,0,1,a,4,2048.5,c1,2600.25,t1\n,,300,3,a,,,NA,,\n'
	ingest a.csv
	run head -n 1 out
	assert_output vm,time,mem,cpu,host,vcpus,mem_mb,cluster,cpu_capacity_mhz,target
	lines "a,$T0,2,1,h1,4,2048.5,c1,2600.25,t1" "a,$T5,,3,,,,,,"
}

@test "gzip and zstd are known by content, whatever the name" {
	put a.csv 'vm,time,cpu\na,0,1\na,300,2\n'
	ingest a.csv
	cp x.arrows plain.arrows
	gzip -c a.csv >packed.txt
	zstd -qc a.csv >packed.csv
	cp a.csv plain.gz
	for f in packed.txt packed.csv plain.gz; do
		ingest "$f"
		same x.arrows plain.arrows
		vmf-ingest --no-history -q <"$f" | same - plain.arrows
		cat "$f" | vmf-ingest --no-history -q - | same - plain.arrows
	done
}

@test "gzip of several members, zstd of several frames, padding" {
	put a.csv 'vm,time,cpu\na,0,1\n'
	put b.csv 'a,300,2\n'
	put c.csv ''
	{ gzip -c a.csv; gzip -c c.csv; gzip -c b.csv; } >m.gz
	{ zstd -qc a.csv; zstd -qc c.csv; zstd -qc b.csv; } >m.zst
	{ cat m.gz; head -c 700 /dev/zero; } >padded.gz
	for f in m.gz m.zst padded.gz; do
		ingest "$f"
		lines "a,$T0,1" "a,$T5,2"
	done
}

@test "packed data that end too early are an error, wherever they end" {
	gen 3 1 | head -n 60 >a.csv
	gzip -c a.csv >a.gz
	zstd -qc a.csv >a.zst
	for f in a.gz a.zst; do
		size=$(stat -c %s "$f")
		for n in $(seq 1 7) $(seq 8 41 $((size - 1))) $((size - 1)); do
			head -c "$n" "$f" >cut
			refused "cut" cut
		done
		refused "byte $((size - 1))" cut
	done
	head -c 300 a.gz >cut.gz
	refused "cut.gz: gzip data are truncated: the file ends at byte 300" cut.gz
	head -c 300 a.zst >cut.zst
	refused "cut.zst: zstd data are truncated: the file ends at byte 300" cut.zst
}

@test "damaged packing, text after it, and kinds that are not read" {
	gen 3 1 >a.csv
	gzip -c a.csv >a.gz
	cp a.gz bad.gz
	printf 'XXXX' | dd of=bad.gz bs=1 seek=500 conv=notrunc status=none
	refused 'bad.gz: byte ' bad.gz
	# Flags of a header that no standard has, in the first member or another.
	{ printf '\037\213\010\340'; tail -c +5 a.gz; } >flags.gz
	refused "flags.gz: byte" flags.gz
	cat a.gz flags.gz >both.gz
	refused "gzip data are damaged: unknown header flags set" both.gz
	{ cat a.gz; echo more; } >tail.gz
	refused "after the gzip data" tail.gz
	zstd -qc a.csv >tail.zst
	echo some more text >>tail.zst
	refused 'tail.zst: byte ' tail.zst
	printf 'BZh91AY' >b
	refused 'b: found bzip2 data' b
	printf '\xfd7zXZ\0\0' >b
	refused 'found xz data' b
	printf '\xff\xfev\0m\0' >b
	refused 'b: found UTF-16 text, expected text in UTF-8, plain or packed by gzip or zstd: iconv -f UTF-16 -t UTF-8 makes it so' b
	vmf-ingest -q a.csv >b
	refused 'an Arrow stream' b
}

@test "empty files: an error where a header belongs, else nothing" {
	: >empty
	refused 'empty: the file is empty, expected a header' empty
	gzip -c empty >empty.gz
	refused 'empty.gz: the file is empty' empty.gz
	put nl '\n\n'
	refused 'nl: the file is empty' nl
	ingest --map azure empty
	run wc -l <out
	assert_output 1
	ingest --map planetlab --start 2011-03-03T00:00:00Z empty empty.gz
	put header 'vm,time,cpu\n'
	ingest header
	run cat out
	assert_output vm,time,cpu
	vmf-cat --schema x.arrows | grep -q readings
}

@test "no such file, a folder" {
	refused 'cannot open nix.csv' nix.csv
	refused 'it is a folder' .
}

# ---- several files ----

@test "several files become one stream; their headers must agree" {
	put a.csv 'vm,time,cpu\na,0,1\n'
	put b.csv 'vm,time,cpu\nb,0,2\n'
	put c.csv 'vm,time,mem\nc,0,2\n'
	put d.csv 'vm,time,cpu,mem\nc,0,2,3\n'
	ingest b.csv a.csv
	lines "b,$T0,2" "a,$T0,1"
	refused "c.csv:1: column 3 is 'mem', expected 'cpu' as in a.csv" a.csv b.csv c.csv
	refused 'd.csv:1: found 4 columns, expected the 3 of a.csv' a.csv d.csv
}

@test "the time's format is each file's own" {
	put a.csv 'vm,time,cpu\na,300,1\n'
	put b.csv 'vm,time,cpu\na,1970-01-01T01:05:00+01:00,2\n'
	ingest a.csv b.csv
	lines "a,$T5,1" "a,$T5,2"
}

# ---- times ----

@test "times: Unix s, ms, us and ns by their size" {
	for t in 1700000000 1700000000999 1700000000999999 1700000000999999999 \
	    1700000000.75 ' 1700000000.0'; do
		put a.csv "vm,time,cpu\na,$t,1\n"
		ingest a.csv
		lines a,2023-11-14T22:13:20Z,1
	done
	put a.csv 'vm,time,cpu\na,-1,1\na,0,2\n'
	ingest a.csv
	lines "a,1969-12-31T23:59:59Z,1" "a,$T0,2"
}

@test "times: RFC 3339 and wall clock, with --tz" {
	put a.csv 'vm,time,cpu\na,2024-05-01T12:00:00Z,1\na,2024-05-01T12:00:00.9+02:00,2\na,2024-05-01 12:00:00-0330,3\n'
	ingest --tz Europe/Zurich a.csv
	lines a,2024-05-01T12:00:00Z,1 a,2024-05-01T10:00:00Z,2 a,2024-05-01T15:30:00Z,3
	put a.csv 'vm,time,cpu\na,2024-05-01 12:00:00,1\na,2024-01-01 12:00:00,2\na,2024-01-01T12:00,3\n'
	ingest --tz Europe/Zurich a.csv
	lines a,2024-05-01T10:00:00Z,1 a,2024-01-01T11:00:00Z,2 a,2024-01-01T11:00:00Z,3
	ingest --tz +05:30 a.csv
	lines a,2024-05-01T06:30:00Z,1 a,2024-01-01T06:30:00Z,2 a,2024-01-01T06:30:00Z,3
	ingest a.csv
	lines a,2024-05-01T12:00:00Z,1 a,2024-01-01T12:00:00Z,2 a,2024-01-01T12:00:00Z,3
}

@test "times: both clock changes" {
	put a.csv 'vm,time,cpu\na,2024-03-31 01:59:59,1\na,2024-03-31 02:30:00,2\na,2024-03-31 03:00:00,3\na,2024-10-27 02:30:00,4\na,2024-10-27 03:00:00,5\n'
	ingest --tz Europe/Zurich a.csv
	lines a,2024-03-31T00:59:59Z,1 a,2024-03-31T01:30:00Z,2 \
	    a,2024-03-31T01:00:00Z,3 a,2024-10-27T00:30:00Z,4 a,2024-10-27T02:00:00Z,5
}

@test "times: --time-format fixes what would be guessed" {
	put a.csv 'vm,time,cpu\na,1700000000000,1\n'
	ingest --time-format us a.csv
	lines a,1970-01-20T16:13:20Z,1
	refused "found '1700000000000', expected Unix seconds" --time-format s a.csv
	refused 'expected RFC 3339' --time-format rfc3339 a.csv
	put a.csv 'vm,time,cpu\na,86400000,1\na,1700000000000,2\n'
	ingest --time-format ms a.csv
	lines a,1970-01-02T00:00:00Z,1 a,2023-11-14T22:13:20Z,2
	fails 2 'expected auto, s, ms' vmf-ingest --time-format h a.csv
	fails 2 'Mars' vmf-ingest --tz Mars/Olympus a.csv
}

@test "times: zones as databases write them" {
	put a.csv 'vm,time,cpu\na,2024-05-01 12:00:00 UTC,1\na,2024-05-01 12:05:00.25 UTC,2\na,2024-05-01 14:10:00 +0200,3\na,2024-05-01 14:15:00+02,4\na,2024-05-01 14:20:00 CEST,5\n'
	refused "a.csv:6: column 'time': found '2024-05-01 14:20:00 CEST', expected RFC 3339" \
	    --tz Europe/Zurich a.csv
	sed -i '/CEST/d' a.csv
	ingest --tz Europe/Zurich a.csv
	lines a,2024-05-01T12:00:00Z,1 a,2024-05-01T12:05:00Z,2 \
	    a,2024-05-01T12:10:00Z,3 a,2024-05-01T12:15:00Z,4
}

@test "times: another format later is a bad row" {
	for second in 1700000000000 2024-05-01T12:00:00Z '2024-05-01 12:00:00' '' NA; do
		put a.csv "vm,time,cpu\na,1700000000,1\na,$second,2\n"
		refused "a.csv:3: column 'time': found '$second', expected Unix seconds" a.csv
	done
	put a.csv 'vm,time,cpu\na,1700000000000,1\na,1700000000,2\n'
	refused "a.csv:3: column 'time': found '1700000000', expected Unix milliseconds" a.csv
	put a.csv 'vm,time,cpu\na,2024-05-01T12:00:00Z,1\na,2024-05-01 12:00:00,2\n'
	refused 'a.csv:3: ' a.csv
	put a.csv 'vm,time,cpu\na,2024-02-30 00:00:00,1\n'
	refused "found '2024-02-30 00:00:00', expected a time" a.csv
	put a.csv 'vm,time,cpu\na,9223372036854775807999,1\n'
	refused 'a.csv:2: ' a.csv
	# The first time that can be read decides.
	put a.csv 'vm,time,cpu\na,soon,1\na,2024-05-01T12:00:00Z,2\na,300,3\n'
	ingest --bad-rows skip a.csv
	lines a,2024-05-01T12:00:00Z,2
}

# ---- values ----

@test "missing values; a row of nothing else is kept" {
	put a.csv 'vm,time,cpu,mem\na,0,,1\na,1,NA,NaN\na,2,nan,null\na,3," ",NULL\nnan,4,2,na\n'
	ingest a.csv
	lines "a,$T0,,1" a,1970-01-01T00:00:01Z,, a,1970-01-01T00:00:02Z,, \
	    a,1970-01-01T00:00:03Z,, nan,1970-01-01T00:00:04Z,2,
	grep -q '5 rows out, 0 bad rows, 8 missing values' err
}

@test "values that are no finite float32 are bad rows" {
	for v in inf -Inf infinity 1e39 3.5e38 1e400 abc 1,5x 0x10 '1 2' --1 1e 12%% %; do
		put a.csv "vm,time,cpu\na,0,1\na,300,\"$v\"\n"
		refused "a.csv:3: column 'cpu': found '" a.csv
	done
	put a.csv 'vm,time,cpu\na,0,3.4028235e38\na,300,1e-50\na,600,+.5\na,900,1.\n'
	ingest a.csv
	lines "a,$T0,3.4028235e+38" "a,$T5,0" a,1970-01-01T00:10:00Z,0.5 a,1970-01-01T00:15:00Z,1
	put a.csv 'vm,time,cpu,vcpus\na,0,1,2.5\n'
	refused "column 'vcpus': found '2.5', expected a whole number" a.csv
	put a.csv 'vm,time,cpu,vcpus\na,0,1,3000000000\n'
	refused 'a whole number of 32 bits' a.csv
	put a.csv 'vm,time,cpu,vcpus\na,0,1,4.0\n'
	ingest a.csv
	lines "a,$T0,1,4"
}

@test "a column of text is refused with the way round it" {
	put a.csv 'vm,time,cpu,os\na,0,1,linux\na,300,2,bsd\n'
	printf '%s\n' vm,time,cpu 'a,0,"12,5"' >b.csv
	refused "b.csv:2: column 'cpu': found '12,5', expected a number with a decimal point, not a comma" b.csv
	for x in '12 pct' '-1.5 GB' 7ms; do
		printf '%s\n' vm,time,cpu "a,0,$x" >b.csv
		refused "b.csv:2: column 'cpu': found '$x', expected a number without a unit" b.csv
	done
	for x in 0x10 1e 1e+ '1 2' 1e5.5 1_000; do
		printf '%s\n' vm,time,cpu a,0,1 "a,300,$x" >b.csv
		run -1 vmf-ingest -q b.csv
		assert_output "vmf-ingest: b.csv:3: column 'cpu': found '$x', expected a number (--bad-rows skip goes on without such rows)"
	done
	printf '%s\n' vm,time,cpu a,0,1e400 >b.csv
	refused "found '1e400', expected a number in the range of float64" b.csv
	printf '%s\n' vm,time,cpu a,0,10.0.0.1 >b.csv
	refused "found '10.0.0.1', expected a number (a column" b.csv
	refused "a.csv:2: column 'os': found 'linux', expected a number (a column that is no metric: --ignore 'os'" a.csv
	ingest --ignore os a.csv
	lines "a,$T0,1" "a,$T5,2"
	# Not every row silently lost:
	refused "column 'os' never holds a number" --bad-rows skip a.csv
	refused "no column 'disk', which --ignore names" --ignore disk a.csv
	refused "--ignore names it" --ignore vm a.csv
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"},
	 "metrics": [{"name": "cpu", "column": "cpu"}],
	 "attributes": [{"name": "os", "column": "os"}]}
	END
	ingest --map m.json a.csv
	lines "a,$T0,1,linux" "a,$T5,2,bsd"
	# At once, where bad rows are left out and there are many.
	awk 'BEGIN { print "vm,time,cpu,note"
		for (i = 0; i < 5000; i++) print "a," 60 * i ",1,word"
		print "\"" }' </dev/null >a.csv
	for threads in 1 2; do
		refused "column 'note' never holds a number" --bad-rows skip \
		    --threads $threads a.csv
	done
}

@test "ids: UTF-8, not empty" {
	put a.csv 'vm,time,cpu\nz\xc3\xbcrich \xe2\x82\xac,0,1\n'
	ingest a.csv
	lines "zürich €,$T0,1"
	put a.csv 'vm,time,cpu\na,0,1\n,0,1\n'
	refused "a.csv:3: column 'vm': found '', expected the VM's id" a.csv
	put a.csv 'vm,time,cpu\n\xff\xfe\xfd,0,1\n'
	refused "a.csv:2: column 'vm': found '???'" a.csv
	put a.csv 'vm,time,cpu,host\na,0,1,\xc3\n'
	refused "expected text in UTF-8" a.csv
}

@test "--delimiter: tabs and others, of readings and of migrations" {
	local want='vm,time,cpu
a,1970-01-01T00:00:00Z,1.5'
	put t.tsv 'vm\ttime\tcpu\na\t0\t1.5\n'
	put s.csv 'vm;time;cpu\na;0;1.5\n'
	for d in '\t' TAB "$(printf '\t')"; do
		ingest --delimiter "$d" t.tsv
		assert_equal "$(cat out)" "$want"
		VMF_CSV=libcsv ingest --delimiter "$d" t.tsv
		assert_equal "$(cat out)" "$want"
	done
	ingest --delimiter ';' s.csv
	assert_equal "$(cat out)" "$want"
	put m.csv 'vm;total_ms\na;5\n'
	run -0 vmf-cat --csv --columns vm,total_ms <(vmf-ingest -q \
	    --map migrations --delimiter ';' m.csv)
	assert_line a,5
	fails 1 "expected --delimiter ';'" vmf-ingest --map qemu-migration m.csv
	for d in '' ab '"' . 1 é; do
		fails 2 "--delimiter: found '$d', expected one character" \
		    vmf-ingest --delimiter "$d" t.tsv
	done
	fails 2 '--delimiter is of no use' \
	    vmf-ingest --map domjobinfo --delimiter ';' m.csv
}

@test "the summary says nothing that a terminal would obey" {
	put a.csv 'vm,time,cpu\na,0,1\na,1,\033[2J\n'
	name=$(printf 'b\033[2J.csv')
	cp a.csv "$name"
	vmf-ingest --bad-rows skip -o x "$name" 2>err
	grep -qF 'the first bad row: b?[2J.csv:3' err
}

@test "units that look wrong are doubted in the summary" {
	seq 0 119 | awk 'BEGIN { print "vm,time,cpu" }
	    { print "a," 1714521600 + 300 * $1 "," $1 / 120 }' >share.csv
	awk -F, -v OFS=, 'NR > 1 { $3 *= 100 } { print }' share.csv >percent.csv
	vmf-ingest -o x share.csv 2>err
	grep -qxF "vmf-ingest: cpu is never above 1: expected percent; of a share, a map's scale of 100 makes it" err
	vmf-ingest -o x percent.csv 2>err
	assert_equal "$(wc -l <err)" 1
	vmf-ingest --time-format ms -o x percent.csv 2>err
	grep -qxF 'vmf-ingest: all times are before 2000: expected Unix milliseconds, as --time-format says' err
	echo '{"vm": {"column": "vm"}, "time": {"column": "time", "format": "us"}, "metrics": [{"name": "cpu", "column": "cpu"}]}' >us.json
	vmf-ingest --map us.json -o x percent.csv 2>err
	grep -qxF 'vmf-ingest: all times are before 2000: expected Unix microseconds, as the map says' err
	put date.csv 'vm,time,cpu\na,20240501,1\na,20240502,2\n'
	vmf-ingest -o x date.csv 2>err
	grep -qxF 'vmf-ingest: all times are before 2000: expected Unix time; a date is 2024-05-01, not 20240501' err
	put date.csv 'vm,time,cpu\na,20240501120000,1\na,20240502120000,2\n'
	vmf-ingest -o x date.csv 2>err
	grep -qxF 'vmf-ingest: all times are after 2100: expected Unix time; a date is 2024-05-01, not 20240501' err
	# Times that the source does not have are those of --start.
	mkdir days
	seq 3 >days/x
	vmf-ingest --map planetlab --start 1990-01-01 -o x days/x 2>err
	assert_equal "$(wc -l <err)" 1
	for from in 'a,0,1.5' 'a,1999-05-01 00:00:00,1.5' 'a,1999-05-01T00:00:00Z,1.5'; do
		put old.csv "vm,time,cpu\n$from\n"
		vmf-ingest -o x old.csv 2>err
		assert_equal "$(wc -l <err)" 1
	done
	# A fleet whose load never changes is not measured.
	awk -F, -v OFS=, 'NR > 1 { $3 = 0 } { print }' share.csv >still.csv
	vmf-ingest -o x still.csv 2>err
	grep -qxF "vmf-ingest: cpu is 0 in all samples: expected loads that differ" err
	sed '$ s/.$/5/' still.csv | vmf-ingest -o x 2>err
	run ! grep "all samples" err
	# A sign that was lost, a counter.
	{ cat percent.csv; echo "a,1714600000,-1"; } >low.csv
	vmf-ingest -o x low.csv 2>err
	grep -qxF "vmf-ingest: cpu is -1 at least: expected percent, none below 0" err
	{ cat percent.csv; echo "a,1714600000,4294967295"; } >high.csv
	vmf-ingest -o x high.csv 2>err
	grep -qxF "vmf-ingest: cpu is 4.2949673e+09 at most: expected percent; of a counter, its rate" err
	# A trace may begin at 0.
	put z.csv 'vm,time,cpu\na,0,1.5\n'
	vmf-ingest --time-format s -o x z.csv 2>err
	assert_equal "$(wc -l <err)" 1
}

@test "headers: names missing, twice, without a name" {
	put a.csv 'vm,cpu\na,1\n'
	refused "a.csv:1: no column 'time'" a.csv
	put a.csv 'vm;time;cpu\na;0;1\n'
	refused "no column 'time' for time; found 'vm;time;cpu'; expected --delimiter ';'" a.csv
	put a.csv 'vm\ttime\tcpu\na\t0\t1\n'
	refused "expected --delimiter '\\t'" a.csv
	put a.csv 'vm,Time,cpu\na,0,1\n'
	refused "a.csv:1: no column 'time' for time; found 'vm', 'Time', 'cpu' (small and capital letters differ)" a.csv
	put a.csv "vm,when$(printf ',metric%d' $(seq 500))\n"
	refused "found 'vm', 'when', 'metric1'," a.csv
	[[ $stderr == *"', ...; --map FILE.json tells which it is (--show-map prints one to begin with)" ]]
	put a.csv 'vm,time,cpu,cpu\na,0,1,2\n'
	refused "a.csv:1: column 4 is the second of the name 'cpu'" a.csv
	put a.csv ',vm,time,cpu\n0,a,0,2\n'
	refused "column 1 has no name" a.csv
	ingest --ignore '' a.csv
	lines "a,$T0,2"
	put a.csv 'vm,time,cp"u\n'
	refused 'a.csv:1: found a quote' a.csv
}

# ---- bad rows ----

bad_rows() {
	put a.csv 'vm,time,cpu\na,0,1\nb,1,2,3\nc,x,4\n"d\nd",5,y\r\ne,6\nf"f,7,8\n"g"g,8,9\nh,9,1\x00\ni,1\r0,11\n,5,6\n"q\nq",300,12\nz,z'
	put wanted 'b,1,2,3\nc,x,4\n"d\nd",5,y\r\ne,6\nf"f,7,8\n"g"g,8,9\nh,9,1\x00\ni,1\r0,11\n,5,6\nz,z\n'
}

@test "--bad-rows fail is the default and names file and line" {
	bad_rows
	refused 'a.csv:3: found 4 fields, expected 3' a.csv
	refused 'a.csv:3: found 4 fields, expected 3' --bad-rows fail a.csv
	put b.csv 'vm,time,cpu\n"a\n\n\nb",0,1\nc,0\n'
	refused 'b.csv:6: found 2 fields, expected 3' b.csv
	put b.csv 'vm,time,cpu\r\n\r\n"a\r\nb",0,1\r\nc,0,x\r\n'
	refused "b.csv:5: column 'cpu': found 'x'" b.csv
	put b.csv 'vm,time,cpu\na,0,1\x00\n'
	refused 'b.csv:2: found a NUL' b.csv
	put b.csv 'vm,time,cpu\na,0\r,1\n'
	refused 'b.csv:2: found a carriage return' b.csv
}

@test "--bad-rows skip counts them and shows the first" {
	bad_rows
	ingest --bad-rows skip a.csv
	printf '%s\n' vm,time,cpu "a,$T0,1" '"q' "q\",$T5,12" | diff -u - out
	grep -q '12 rows in, 2 rows out, 10 bad rows, 0 missing' err
	grep -q 'first bad row: a.csv:3: found 4 fields, expected 3' err
}

@test "--bad-rows FILE keeps them byte for byte" {
	bad_rows
	ingest --bad-rows kept a.csv
	same kept wanted
	grep -q '2 rows out, 10 bad rows' err
	gzip -c a.csv >a.gz
	ingest --bad-rows kept a.gz
	same kept wanted
	# Nothing where the run fails.
	rm kept
	put b.csv 'vm,time,cpu\na,0\n"a,0,1\n'
	refused 'b.csv:3: the file ends inside a quoted field' --bad-rows kept b.csv
	leaves . a.csv a.gz b.csv err fails.err fails.out out wanted x.arrows
	fails 2 '--bad-rows' vmf-ingest --bad-rows - a.csv
	refused 'cannot write /dev/full' --bad-rows /dev/full a.csv
}

@test "a quote that never ends is an error even where bad rows are skipped" {
	put a.csv 'vm,time,cpu\na,0,1\nb,"0,1\nc,0,1\n'
	refused 'a.csv:3: the file ends inside a quoted field' a.csv
	refused 'a.csv:3: the file ends inside a quoted field' --bad-rows skip a.csv
	{ printf 'vm,time,cpu\na,0,1\n"b'; head -c 1100000 /dev/zero | tr '\0' x; echo '",0,1'; } >long.csv
	refused 'long.csv:3: the field is too long' --bad-rows skip long.csv
	{ printf 'vm,time,cpu\na,0,1\n'; head -c 1100000 /dev/zero | tr '\0' x; } >long.csv
	refused 'long.csv:3: the field is too long' long.csv
	{ printf 'vm,time,cpu\n"'; yes 'line,of,text' | head -c 3000000; } >long.csv
	refused 'long.csv:2: the field is too long' long.csv
}

@test "rows longer than a block, and many of them" {
	{ printf 'vm,time,cpu\n'
	  for n in 1 2 3; do
		head -c 900000 /dev/zero | tr '\0' "$n"; echo ",$n,$n"
	  done; } >a.csv
	ingest a.csv
	run awk -F, 'NR > 1 { print length($1), $3 }' out
	assert_output "900000 1
900000 2
900000 3"
	gen 40 10 >b.csv
	n=$(($(wc -l <b.csv) - 1))
	ingest b.csv
	run wc -l <out
	assert_output $((n + 1))
}

# ---- real traces ----

@test "Bitbrains August: 4,337,555 rows of 500 VMs" {
	data bitbrains_rnd
	not_small
	tar -xzf "$DATA/rnd-2013-8.tar.gz"
	vmf-ingest --map bitbrains -o x.arrows 2013-8/*.csv 2>err
	run cat err
	assert_output "vmf-ingest: 500 files, 4337555 rows in, 4337555 rows out, 0 bad rows, 60289 missing values"
	# By awk from the files themselves.
	wanted=$(cat 2013-8/*.csv | tr -d '\t\r' | awk -F';' '/^T/ { next }
	    { n++; cpu += $5; rx += $10; cores += $2; mb += $6 / 1024; t += $1 }
	    $6 > 0 { m++; mem += 100 * $7 / $6 }
	    END { printf "%d %d %.0f %.0f %d %.0f %.0f %.0f\n", n, m, cpu, rx, cores, mb, mem, t % 1e9 }')
	[ -n "${VMF_PYTHON:-}" ] || skip "the counts agree; no judge for the sums (set VMF_PYTHON)"
	found=$(judge - <<-'END'
	import pyarrow.ipc as ipc, numpy as np
	n = m = cores = t = 0; s = dict(cpu=0.0, net_rx=0.0, mem_mb=0.0, mem=0.0)
	for b in ipc.open_stream(open("x.arrows", "rb")):
	    n += b.num_rows
	    t += int(b.column("time").cast("int64").to_numpy().sum())
	    cores += int(b.column("vcpus").to_numpy().sum())
	    m += b.num_rows - b.column("mem").null_count
	    for k in s:
	        s[k] += float(np.nansum(b.column(k).to_numpy(zero_copy_only=False).astype("f8")))
	print(n, m, "%.0f %.0f %d %.0f %.0f %.0f" % (s["cpu"], s["net_rx"], cores, s["mem_mb"], s["mem"], t % 10**9))
	END
	)
	assert_equal "$found" "$wanted"
}

@test "PlanetLab: 1,052 VMs of 288 steps, sum 3,730,979" {
	data planetlab
	for day in 20110303 20110306 20110309 20110322 20110325; do
		tar -xzf "$DATA/$day.tar.gz"
		files=$(find "$day" -type f | wc -l)
		sum=$(find "$day" -type f -exec cat {} + | awk '{ s += $1 } END { print s }')
		vmf-ingest -q --map planetlab --start "${day:0:4}-${day:4:2}-${day:6:2}T00:00:00Z" \
		    -o x.arrows "$day"/*
		run sh -c "vmf-cat --csv x.arrows | awk -F, 'NR > 1 { n[\$1]++; s += \$3 }
		    END { for (v in n) { vms++; full += n[v] == 288 } print vms, full, s }'"
		assert_output "$files $files $sum"
		if [ "$day" = 20110303 ]; then
			assert_output "1052 1052 3730979"
		fi
		# The ids are the files' names, blanks and all.
		vmf-cat --csv x.arrows | tail -n +2 | cut -d, -f1 | sort -u >ids
		find "$day" -type f -printf '%f\n' | sort | diff - ids
	done
}

@test "Azure V1: every value of 100 VMs, average and maximum" {
	data azure_v1
	for f in avg max; do
		zcat "$DATA/microsoft_${f}_100.csv.gz" >wide.csv
		vmf-ingest --map wide --metric cpu -o x.arrows \
		    "$DATA/microsoft_${f}_100.csv.gz" 2>err
		grep -q '8004 rows in, 800400 rows out, 0 bad rows, 0 missing' err
		not_small
		wanted=$(awk -F, 'NR == 1 { for (i = 2; i <= NF; i++) id[i] = $i; next }
		    { for (i = 2; i <= NF; i++) { n++; s += $i; v[id[i]] += $i } }
		    END { printf "%d %.1f %.1f\n", n, s, v["vm_223811"] }' wide.csv)
		run sh -c "vmf-cat --csv x.arrows | awk -F, 'NR > 1 { n++; s += \$3; v[\$1] += \$3 }
		    END { printf \"%d %.1f %.1f\n\", n, s, v[\"vm_223811\"] }'"
		assert_output "$wanted"
	done
}

@test "NAB: every file, every row" {
	data nab_aws
	for f in "$DATA"/data/*/*.csv; do
		id=$(basename "$f" .csv)
		vmf-ingest -q --map nab -o x.arrows "$f"
		vmf-cat --csv x.arrows | tail -n +2 | tr T ' ' | tr -d Z >got
		tr -d '\r' <"$f" | tail -n +2 | paste -d, - got |
		    awk -F, -v id="$id" '{ e = $2 - $5; if (e < 0) e = -e }
		    NF != 5 || $3 != id || $1 != $4 || !(e <= 1e-7 * $2) {
		    print; bad = 1 } END { exit bad || NR < 1000 }'
	done
	vmf-ingest --map nab -o x.arrows "$DATA"/data/*/*.csv 2>err
	grep -q '17 files, 67740 rows in, 67740 rows out, 0 bad' err
}

@test "Alibaba 2018: every row, with its empty fields" {
	data alibaba2018
	vmf-ingest --map alibaba2018 -o x.arrows "$DATA/machine_usage.csv.gz" 2>err
	grep -q '100002 rows in, 100002 rows out, 0 bad rows, 156650 missing' err
	not_small
	wanted=$(zcat "$DATA/machine_usage.csv.gz" | awk -F, '{ n++; vm[$1]++; t += $2
	    for (i = 3; i <= 9; i++) if ($i != "") { c[i]++; s[i] += $i } }
	    END { printf "%d %d", n, length(vm)
	    for (i = 3; i <= 9; i++) printf " %d %.0f", c[i], s[i]; print "" }')
	run sh -c "vmf-cat --csv x.arrows | awk -F, 'NR > 1 { n++; vm[\$1]++
	    for (i = 3; i <= 9; i++) if (\$i != \"\") { c[i]++; s[i] += \$i } }
	    END { printf \"%d %d\", n, length(vm)
	    for (i = 3; i <= 9; i++) printf \" %d %.0f\", c[i], s[i]; print \"\" }'"
	assert_output "$wanted"
}

@test "memory does not grow with the rows" {
	not_small
	gen 300 3 --order time >a.csv
	peak() {
		bash -c 'ulimit -v 100000; vmf-ingest --threads 1 -q --no-history "$@" | tail -c 1 >/dev/null
		    exit "${PIPESTATUS[0]}"' - "$@"
	}
	peak a.csv
	peak a.csv a.csv a.csv a.csv a.csv a.csv a.csv a.csv a.csv a.csv
}

@test "--bad-rows never replaces what is read, nor the output" {
	cd "$BATS_TEST_TMPDIR"
	printf 'vm,time,cpu\na,0,1\n' >u.csv
	cp u.csv keep.csv
	ln -s u.csv link.csv
	fails 2 "is also read" vmf-ingest --bad-rows u.csv -o x u.csv
	fails 2 "is also read" vmf-ingest --bad-rows link.csv -o x u.csv
	fails 2 "is also the output" vmf-ingest --bad-rows z -o z u.csv
	: >there
	fails 2 "is also the output" vmf-ingest --bad-rows there -o there u.csv
	# Nor what is read otherwise.
	fails 2 "as standard input" vmf-ingest --bad-rows u.csv -o x <u.csv
	fails 2 "as standard input" vmf-ingest --bad-rows u.csv -o x - <u.csv
	fails 2 "as standard input" \
	    vmf-ingest --map migrations --bad-rows u.csv -o x <u.csv
	vmf-ingest --map csv --show-map >m.json
	cp m.json keep.json
	fails 2 "as --map" \
	    vmf-ingest --map m.json --bad-rows ./m.json -o x u.csv
	same m.json keep.json
	# One place by two names, there or not.
	fails 2 "is also the output" vmf-ingest --bad-rows ./z -o z u.csv
	fails 2 "is also the output" \
	    vmf-ingest --bad-rows "$PWD/z" -o ../"${PWD##*/}"/z u.csv
	mkdir d
	ln -s ../z d/to
	ln -s d/to to
	fails 2 "is also the output" vmf-ingest --bad-rows to -o z u.csv
	fails 2 "is also the output" vmf-ingest --bad-rows d/to -o to u.csv
	{ vmf-ingest --bad-rows /dev/stdout u.csv 2>err || true; } | cat >std
	grep -q 'is also the output' err
	rc=0
	vmf-ingest --bad-rows std u.csv >std 2>err || rc=$?
	assert_equal "$rc" 2
	grep -q 'is also the output' err
	[ ! -s std ]
	vmf-ingest -q --bad-rows /dev/null u.csv >/dev/null
	same u.csv keep.csv
	[ ! -e z ] && [ ! -e x ]
}
