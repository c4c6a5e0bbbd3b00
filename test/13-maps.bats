# vmf-ingest's maps: the built-in ones, and what one may say.

load helper
load ingest

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

@test "map azure" {
	put a.csv '0,x=/1,1,3,2\n300,x=/1,1.5,3.5,2.5\n'
	ingest --map azure a.csv
	run cat out
	assert_output "vm,time,cpu_min,cpu_max,cpu
x=/1,$T0,1,3,2
x=/1,$T5,1.5,3.5,2.5"
	put a.csv '0,x,1,3\n'
	refused 'a.csv:1: found 4 fields, expected 5' --map azure a.csv
}

@test "map wide: an empty field is no sample; files may hold other VMs" {
	put a.csv 't,b,a\n0,1,\n300,NA,2\n'
	put b.csv 'time,c\n0,3\n'
	ingest --map wide --metric mem a.csv b.csv
	run cat out
	assert_output "vm,time,mem
b,$T0,1
a,$T5,2
c,$T0,3"
	grep -q '3 rows in, 3 rows out, 0 bad rows, 2 missing' err
	fails 2 'expected --metric NAME' vmf-ingest --map wide a.csv
	put a.csv 't,b,b\n'
	refused "second of the name 'b'" --map wide --metric cpu a.csv
	put a.csv 't,b,a\n0,1,x\n'
	refused "a.csv:2: column 'a': found 'x'" --map wide --metric cpu a.csv
	put a.csv 't,b,a\n0,1,x\n300,1,2\n'
	ingest --map wide --metric cpu --bad-rows skip --ignore b a.csv
	lines "a,$T5,2"
	# Not every row silently lost.
	put a.csv 't,b,a\n0,x,y\n300,x,z\n'
	refused "none of 2 rows can be read (a.csv:2: column 'b': found 'x', expected a number)" \
	    --map wide --metric cpu --bad-rows skip a.csv
	put a.csv 'Zeit;b;a\n0;1,5;2\n'
	refused "a.csv:1: no column of a VM; found 'Zeit;b;a'; expected --delimiter ';'" \
	    --map wide --metric cpu a.csv
	# As pandas writes an index that has no name; a VM has to have one.
	put a.csv ',b\n0,1\n'
	ingest --map wide --metric cpu a.csv
	lines "b,$T0,1"
	put a.csv 't,b,\n0,1,2\n'
	refused "column 3 has no name" --map wide --metric cpu a.csv
}

BB='Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];\tCPU usage [%];\tMemory capacity provisioned [KB];\tMemory usage [KB];\tDisk read throughput [KB/s];\tDisk write throughput [KB/s];\tNetwork received throughput [KB/s];\tNetwork transmitted throughput [KB/s]\n'

@test "map bitbrains" {
	put 7.csv "${BB}1375308176;\t2;\t5852.5;\t747.5;\t12.75;\t8192.0;\t2048.0;\t1;\t2;\t3;\t4\n1375308476;\t0;\t0.0;\t0.0;\t0.0;\t0.0;\t5.0;\t0;\t0;\t0;\t0\n"
	ingest --map bitbrains 7.csv
	run cat out
	assert_output "vm,time,cpu,cpu_mhz,mem,disk_read,disk_write,net_rx,net_tx,vcpus,cpu_capacity_mhz,mem_mb
7,2013-07-31T22:02:56Z,12.75,747.5,25,1,2,3,4,2,5852.5,8
7,2013-07-31T22:07:56Z,0,0,,0,0,0,0,0,0,0"
	put 8.csv "${BB/CPU cores/Cores}"
	refused "no column 'CPU cores' for vcpus" --map bitbrains 8.csv
	fails 2 'expected --id ID' vmf-ingest --map bitbrains <7.csv
	vmf-ingest -q --no-history --map bitbrains --id 7 <7.csv | same - x.arrows
}

@test "map planetlab: times by row, an empty line is a missing value" {
	put 'a b_' '1\n2\n'
	put c.d_e.gz.csv.gz '3\n\n 5 \n'
	ingest --map planetlab --start '2011-03-03 00:00' --tz +01:00 'a b_' c.d_e.gz.csv.gz
	lines 'a b_,2011-03-02T23:00:00Z,1' 'a b_,2011-03-02T23:05:00Z,2' \
	    c.d_e.gz,2011-03-02T23:00:00Z,3 c.d_e.gz,2011-03-02T23:05:00Z, \
	    c.d_e.gz,2011-03-02T23:10:00Z,5
	put x '1\nx\n3\n'
	ingest --map planetlab --start @0 --step 1h --bad-rows skip x
	lines "x,$T0,1" x,1970-01-01T02:00:00Z,3
	fails 2 'expected --start TIME' vmf-ingest --map planetlab x
	fails 2 'the map has a time column' vmf-ingest --start @0 x
	fails 2 'the map has a time column' vmf-ingest --step 5m x
	fails 2 'of no use' vmf-ingest --map planetlab --start @0 --time-format s x
	put y '1\n1,2\n'
	refused 'y:2: found 2 fields, expected 1' --map planetlab --start @0 y
	put x '1\n2\n'
	refused 'beyond the year 9999' --map planetlab --start 9999-12-31T23:59:00Z x
}

@test "map nab" {
	put rds_cpu.csv 'timestamp,value\n2014-02-14 14:27:00,51.5\n'
	ingest --map nab rds_cpu.csv
	run cat out
	assert_output "vm,time,value
rds_cpu,2014-02-14T14:27:00Z,51.5"
	ingest --map nab --metric cpu --id 'my vm' rds_cpu.csv
	run cat out
	assert_output "vm,time,cpu
my vm,2014-02-14T14:27:00Z,51.5"
	fails 2 'expected one' vmf-ingest --map nab --id x rds_cpu.csv rds_cpu.csv
	fails 2 '--metric' vmf-ingest --map nab --metric time rds_cpu.csv
	fails 2 'names its metrics itself' vmf-ingest --map azure --metric cpu rds_cpu.csv
	fails 2 'the map takes the VM from' vmf-ingest --id x rds_cpu.csv
}

@test "map alibaba2018" {
	put a.csv 'm_1,386640,41,92,,,43.5,33.25,5\nm_1,386670,43,92,1.5,2,43.5,33.25,5\n'
	ingest --map alibaba2018 a.csv
	run cat out
	assert_output "vm,time,cpu,mem,mem_gps,mpki,net_rx,net_tx,disk_io
m_1,1970-01-05T11:24:00Z,41,92,,,43.5,33.25,5
m_1,1970-01-05T11:24:30Z,43,92,1.5,2,43.5,33.25,5"
}

@test "what vmf-gen writes is read, in both shapes" {
	gen 5 1 >a.csv
	ingest a.csv
	assert_equal "$(wc -l <out)" "$(wc -l <a.csv)"
	grep -q ', 0 bad rows' err
	gen 5 1 --shape azure | gzip >b.gz
	ingest --map azure b.gz
	assert_equal "$(($(wc -l <out) - 1))" "$(zcat b.gz | wc -l)"
}

# ---- maps of one's own ----

# page_map NAME: the JSON that the man page shows.
page_map() {
	awk -v s=".Ss The map $1" '$0 == s { on = 1 } /^\.Ed/ { on = text = 0 }
	    text { print } on && /^\.Bd/ { text = 1 }' "$VMF_ROOT/man/vmf-ingest.1"
}

@test "the man page shows every built-in map, and as a file it does the same" {
	put a.csv 'vm,time,cpu,host\na,0,1,h\n'
	put w.csv 't,b,a\n0,1,\n300,NA,2\n'
	put az.csv '0,x=/1,1,3,2\n'
	put ali.csv 'm_1,386640,41,92,,,43.5,33.25,5\n'
	put pl '1\n2\n'
	put nab.csv 'timestamp,value\n2014-02-14 14:27:00,51.5\n'
	put 7.csv "${BB}1375308176;\t2;\t5852.5;\t747.5;\t12.75;\t8192.0;\t2048.0;\t1;\t2;\t3;\t4\n"
	while read -r name file args; do
		page_map "$name" >"$name.json"
		vmf-ingest --map "$name" --show-map | diff -u - "$name.json"
		# shellcheck disable=SC2086
		ingest --map "$name" $args "$file"
		cp x.arrows builtin.arrows
		# shellcheck disable=SC2086
		ingest --map "$name.json" $args "$file"
		same x.arrows builtin.arrows
	done <<-'END'
	csv a.csv
	azure az.csv
	wide w.csv --metric cpu
	bitbrains 7.csv
	planetlab pl --start @0
	nab nab.csv
	alibaba2018 ali.csv
	END
	for name in migrations qemu-migration postgres-migration \
	    openstack-migration openstack-downtime domjobinfo query-migrate; do
		page_map "$name" >"$name.json"
		vmf-ingest --map "$name" --show-map | diff -u - "$name.json"
	done
	fails 2 'one of csv, azure' vmf-ingest --map csv.json --show-map
	# Into a file as well; a map's name is no file's.
	vmf-ingest --map "$name" --show-map -o shown >out
	diff -u "$name.json" shown
	[ ! -s out ]
	put f.csv 'timestamp,value\n2024-05-01 00:00:00,1\n'
	vmf-ingest -q --map nab -o nab f.csv
	vmf-ingest -q --map nab -o nab f.csv
	fails 2 "found 'nix', expected csv, azure" vmf-ingest --map nix a.csv
}

@test "a map's delimiter, scale, positions and other columns" {
	put a.csv 'x\ta\t600\t0.5\t4\t8\n'
	cat >m.json <<-'END'
	{"delimiter": "\t", "header": false,
	 "columns": ["junk", "id", "t", "load", "used", "all"],
	 "vm": {"column": 2}, "time": {"column": "t", "format": "s"},
	 "metrics": [{"name": "cpu", "column": "load", "scale": 100, "unit": "%"},
	             {"name": "mem", "column": 5, "percent_of": "all"}],
	 "attributes": [{"name": "mem_mb", "column": "all", "type": "int32",
	                 "scale": 1024, "unit": "MB"}],
	 "others": "ignore"}
	END
	ingest --map ./m.json a.csv
	run cat out
	assert_output "vm,time,cpu,mem,mem_mb
a,1970-01-01T00:10:00Z,50,50,8192"
	put b.csv 'a\tb\n'
	refused 'b.csv:1: found 2 fields, expected 6' --map m.json b.csv
	# A metric whose name is asked for, beside an attribute.
	cat >m.json <<-'END'
	{"vm": {"from": "filename"}, "time": {"step": "5m", "start": "@300"},
	 "metrics": [{"column": "c"}],
	 "attributes": [{"name": "host", "column": "h"}]}
	END
	put b.csv 'h,c\nx,1\n'
	ingest --map m.json --metric cpu b.csv
	run cat out
	assert_output "vm,time,cpu,host
b,$T5,1,x"
	# Of one column: a line of nothing is no row where rows have times.
	cat >m.json <<-'END'
	{"vm": {"from": "filename"}, "time": {"column": "t", "format": "s"},
	 "metrics": [{"name": "cpu", "column": "t"}]}
	END
	put b.csv 't\n0\n\n300\n  \n'
	ingest --map m.json b.csv
	lines "b,$T0,0" "b,$T5,300"
}

@test "attributes whose names are known have their types without a word" {
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"},
	 "metrics": [{"name": "cpu", "column": "cpu"}],
	 "attributes": [{"name": "host", "column": "h"},
	  {"name": "vcpus", "column": "n"},
	  {"name": "mem_mb", "column": "kb", "scale": 0.0009765625},
	  {"name": "rack", "column": "r"}]}
	END
	put a.csv 'vm,time,cpu,h,n,kb,r\na,0,10,7,2,1024,1\nb,0,50,7,8,2048,1\n'
	ingest --map m.json a.csv
	vmf-cat --schema --json x.arrows >schema
	for is in host:utf8 vcpus:int32 mem_mb:float64 rack:utf8; do
		grep "\"column\":\"${is%:*}\"" schema | grep -q "${is#*:}" || {
			cat schema
			fail "$is"
		}
	done
	# A host's load is that of its CPUs.
	run -0 --separate-stderr bash -c 'vmf-aggregate -q --step 1h --by host \
	    x.arrows | vmf-cat --csv --long --columns cpu_mean,cpu_cores'
	assert_line --index 1 --regexp ",42,4.2\$"
}

@test "a map that is wrong: which key, what was found, what was expected" {
	put a.csv 'vm,time,cpu\na,0,1\n'
	cat >maps <<-'END'
	columns: found an empty array, expected the names of all columns, as there is no header	{"header": false, "columns": [], "vm": {"column": "a"}}
	columns: found a string, expected the names of all columns, as there is no header	{"header": false, "columns": "a", "vm": {"column": "a"}}
	columns: found a number, expected strings that are not empty	{"header": false, "columns": ["a", 1], "vm": {"column": "a"}}
	columns: found a name twice, expected each once	{"header": false, "columns": ["a", "a"], "vm": {"column": "a"}}
	vm: found a string, expected {"column": NAME} or {"from": "filename"}	{"vm": "a"}
	metrics[0].unit: found a number, expected a string	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "cpu", "column": "cpu", "unit": 5}]}
	vm.from: found another word, expected "filename"	{"vm": {"from": "header"}}
	vm.from: found a number, expected "filename"	{"vm": {"from": 1}}
	vm: found neither column nor from, expected one of them	{"vm": {}}
	vm: found both column and from, expected one of them	{"vm": {"column": "vm", "from": "filename"}}
	vm.column: found a number that is no position, expected a column's name or its position from 1	{"vm": {"column": 0}}
	vm.column: found a boolean, expected a column's name or its position from 1	{"vm": {"column": true}}
	vm.column: found an empty string, expected a column's name or its position from 1	{"vm": {"column": ""}}
	time: found a number, expected {"column": NAME} or {"step": "5m"}	{"vm": {"column": "vm"}, "time": 5}
	time.format: found a pattern without year, month and day, expected auto, s, ms, us, ns, rfc3339, wall or a pattern such as %d.%m.%Y %H:%M	{"vm": {"column": "vm"}, "time": {"column": "time", "format": "%H:%M"}}
	time.format: found another word, expected auto, s, ms, us, ns, rfc3339, wall or a pattern such as %d.%m.%Y %H:%M	{"vm": {"column": "vm"}, "time": {"column": "time", "format": "days"}}
	time.format: found it without column, expected both	{"vm": {"column": "vm"}, "time": {"format": "s"}}
	time: found both column and step, expected one of them	{"vm": {"column": "vm"}, "time": {"column": "time", "step": "5m"}}
	time.step: found another text, expected a span of time such as "5m"	{"vm": {"column": "vm"}, "time": {"step": "soon"}}
	time.start: found it with column, expected it with step	{"vm": {"column": "vm"}, "time": {"column": "time", "start": "2024-01-01"}}
	time.start: found another text, expected a time such as "2024-05-01T12:00:00Z"	{"vm": {"column": "vm"}, "time": {"step": "5m", "start": "soon"}}
	metrics: found an object, expected an array	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": {}}
	metrics[0]: found a number, expected an object with name and column	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [5]}
	metrics[0].name: found time, expected another name: vm and time are taken	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "time", "column": "cpu"}]}
	metrics[1].name: found a, expected each name once in the map	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "a", "column": "cpu"}, {"name": "a", "column": "cpu"}]}
	attributes[0].name: found nothing, expected a name	{"vm": {"column": "vm"}, "time": {"column": "time"}, "attributes": [{"column": "cpu"}]}
	attributes[0].type: found another word, expected utf8, int32 or float64	{"vm": {"column": "vm"}, "time": {"column": "time"}, "attributes": [{"name": "a", "column": "cpu", "type": "date"}]}
	attributes[0].scale: found it for text, expected a type of int32 or float64 beside it	{"vm": {"column": "vm"}, "time": {"column": "time"}, "attributes": [{"name": "a", "column": "cpu", "scale": 2}]}
	metrics[0].scale: found zero or infinity, expected a number	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "a", "column": "cpu", "scale": 0}]}
	metrics[0].scale: found a string, expected a number	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "a", "column": "cpu", "scale": "2"}]}
	metrics[0].where: found a string, expected {"column": NAME, "is": TEXT}	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "a", "column": "cpu", "where": "b"}]}
	metrics[0].where: found one of column and is, expected both	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "a", "column": "cpu", "where": {"is": "b"}}]}
	metrics[0]: found a column in a wide map, expected none: every column but the time holds values	{"layout": "wide", "time": {"column": "t"}, "metrics": [{"name": "a", "where": {"column": "b", "is": "c"}}]}
	vm.until: found a number, expected a string	{"vm": {"column": "vm", "until": 1}}
	vm.until: found it without column, expected both	{"vm": {"from": "filename", "until": ":"}}
	decimal: found another text, expected "." or ","	{"decimal": ";"}
	skip: found another number, expected the number of lines before the first row, as 3	{"skip": 1.5}
	skip: found a string, expected the number of lines before the first row, as 3	{"skip": "3"}
	comment: found another text, expected what such lines begin with, as "#"	{"comment": "a\nb"}
	comment: found an empty string, expected a string	{"comment": ""}
	metrics[0].offset: found a string, expected a number	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "a", "column": "cpu", "offset": "2"}]}
	metrics[0].offset: found infinity, expected a number	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "a", "column": "cpu", "offset": 1e999}]}
	metrics[0].column: found nothing, expected a column's name or its position from 1	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "a"}]}
	attributes[0].column: found nothing, expected a column's name or its position from 1	{"vm": {"column": "vm"}, "time": {"column": "time"}, "attributes": [{"name": "a"}], "metrics": [{"name": "b", "column": "cpu"}]}
	metrics: found one without a name, expected a name for each where there are several	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"column": "cpu"}, {"column": "time"}]}
	metrics: found none, expected at least one	{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": []}
	header: found a number, expected true or false	{"header": 1}
	delimiter: found another text, expected one character such as ",", ";", "|" or "\t"	{"delimiter": "ab"}
	layout: found another word, expected long or wide	{"layout": "round"}
	others: found another word, expected error, ignore or guess	{"others": "some"}
	vm: found it in a wide map, expected none: the header names the VMs	{"layout": "wide", "time": {"column": "t"}, "vm": {"column": "vm"}}
	header: found false in a wide map, expected true: the header names the VMs	{"layout": "wide", "time": {"column": "t"}, "header": false}
	time: found step in a wide map, expected column	{"layout": "wide", "time": {"step": "5m"}}
	metrics: found more than one in a wide map, expected one	{"layout": "wide", "time": {"column": "t"}, "metrics": [{"name": "a"}, {"name": "b"}]}
	metrics[0]: found a column in a wide map, expected none: every column but the time holds values	{"layout": "wide", "time": {"column": "t"}, "metrics": [{"name": "a", "column": "b"}]}
	vm: found nothing, expected {"column": NAME} or {"from": "filename"}	{"time": {"column": "t"}, "metrics": []}
	columns: found it beside a header, expected "header": false, or no columns	{"columns": ["vm"], "time": {"step": "5m"}, "vm": {"column": "vm"}}
	columns: found nothing, expected the names of all columns, as there is no header	{"header": false, "time": {"step": "5m"}, "vm": {"column": 1}}
	others: found guess without a header, expected error or ignore	{"header": false, "time": {"step": "5m"}, "columns": ["vm"], "vm": {"column": "vm"}, "others": "guess"}
	kind: found another word, expected migrations	{"kind": "moves"}
	format: found another word, expected csv, domjobinfo or query-migrate	{"kind": "migrations", "format": "xml"}
	delimiter: found another text, expected one character such as ",", ";", "|" or "\t"	{"kind": "migrations", "delimiter": "::"}
	fields: found an object, expected an array	{"kind": "migrations", "fields": {}}
	fields[0]: found a number, expected an object with name and column	{"kind": "migrations", "fields": [1]}
	fields[0].name: found speed, expected a column of migrations, see vmf-stream(5)	{"kind": "migrations", "fields": [{"name": "speed", "column": "s"}]}
	fields[0].name: found nothing, expected a column of migrations, see vmf-stream(5)	{"kind": "migrations", "fields": [{"column": "s"}]}
	fields[0]: found neither column nor value, expected one of column, columns and value	{"kind": "migrations", "fields": [{"name": "vm"}]}
	fields[0]: found both a column and a value, expected one of column, columns and value	{"kind": "migrations", "fields": [{"name": "vm", "column": "a", "value": "b"}]}
	fields[0].columns: found it beside column, expected one of them	{"kind": "migrations", "fields": [{"name": "vm", "column": "a", "columns": ["b"]}]}
	fields[0].columns: found an empty array, expected an array of columns' names or positions from 1	{"kind": "migrations", "fields": [{"name": "vm", "columns": []}]}
	fields[0].columns: found a number, expected an array of columns' names or positions from 1	{"kind": "migrations", "fields": [{"name": "vm", "columns": 1}]}
	fields[0].columns: found a number that is no position, expected a column's name or its position from 1	{"kind": "migrations", "fields": [{"name": "vm", "columns": [0]}]}
	fields[0].columns: found it for a column that is not text, expected column	{"kind": "migrations", "fields": [{"name": "mem_bytes", "columns": ["a", "b"]}]}
	fields[0].scale: found it for a column that is no number, expected none	{"kind": "migrations", "fields": [{"name": "vm", "column": "a", "scale": 2}]}
	fields[0].scale: found a number, expected a number above 0	{"kind": "migrations", "fields": [{"name": "mem_bytes", "column": "a", "scale": -2}]}
	fields[0].value: found much, expected a number, at least 0	{"kind": "migrations", "fields": [{"name": "mem_bytes", "value": "much"}]}
	fields[1].name: found vm, expected each name once in the map	{"kind": "migrations", "fields": [{"name": "vm", "column": "a"}, {"name": "vm", "column": "b"}]}
	fields[0].words: found an empty object, expected {"text": "what it means", ...}	{"kind": "migrations", "fields": [{"name": "mode", "column": "a", "words": {}}]}
	fields[0].words: found a number, expected strings	{"kind": "migrations", "fields": [{"name": "mode", "column": "a", "words": {"a": 1}}]}
	only: found a string, expected {"column": NAME, "is": TEXT}	{"kind": "migrations", "only": "a"}
	only: found one of column and is, expected both	{"kind": "migrations", "only": {"column": "a"}}
	repeats: found a string, expected an array of columns' names or positions from 1	{"kind": "migrations", "repeats": "a"}
	repeats: found it in a source without columns, expected none	{"kind": "migrations", "format": "domjobinfo", "repeats": ["a"]}
	only: found it in a source without columns, expected none	{"kind": "migrations", "format": "domjobinfo", "only": {"column": "a", "is": "b"}}
	fields[0].column: found it in a source without columns, expected value	{"kind": "migrations", "format": "query-migrate", "fields": [{"name": "vm", "column": "a"}]}
	END
	# In a shell of its own: bats looks at each command of a test.
	sh -c 'tab=$(printf "\t") n=0
	while IFS=$tab read -r want map; do
		echo "$map" >m.json
		rc=0
		vmf-ingest --map m.json -o out a.csv 2>err || rc=$?
		[ "$rc" -eq 1 ] &&
		    [ "$(cat err)" = "vmf-ingest: m.json: $want" ] || {
			echo "exit $rc of $map"
			cat err
			exit 1
		}
		n=$((n + 1))
	done <maps
	echo "$n maps"' >said || fail "$(cat said)"
	assert_equal "$(cat said)" "85 maps"
	[ ! -e out ]
	printf '{"vm": "\377"}' >m.json
	fails 1 'found bytes that are not UTF-8, expected JSON' \
	    vmf-ingest --map m.json a.csv
	head -c 1100000 /dev/zero | tr '\0' ' ' >m.json
	fails 1 'the map is longer than 1048576 bytes' \
	    vmf-ingest --map m.json a.csv
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"},
	 "metrics": [{"name": "cpu", "column": "cpu"}],
	 "attributes": [{"name": "host", "column": "cpu"}]}
	END
	fails 2 "--metric: 'host' is an attribute of the map" \
	    vmf-ingest --map m.json --metric host a.csv
	echo '{"kind": "migrations", "fields": [{"name": "vm", "column": 7}]}' >m.json
	fails 1 'a.csv:1: found 3 columns, but the map names column 7' \
	    vmf-ingest --map m.json a.csv
}

@test "a share of another column, and numbers that do not fit: both readers" {
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"},
	 "metrics": [{"name": "mem", "column": "used", "percent_of": "all"}],
	 "attributes": [
	  {"name": "n", "column": "n", "type": "int32"},
	  {"name": "big", "column": "big", "type": "float64", "scale": 1e300}]}
	END
	sh -c 'while IFS="|" read -r row text; do
		for csv in libcsv fast; do
			printf "%s\n%s\n" vm,time,used,all,n,big "$row" >a.csv
			rc=0
			VMF_CSV=$csv vmf-ingest --map m.json -o out a.csv \
			    2>err || rc=$?
			[ "$rc" -eq 1 ] && grep -qF "a.csv:2: $text" err || {
				echo "$csv, exit $rc of $row"
				cat err
				exit 1
			}
		done
	done' >said <<-'END' || fail "$(cat said)"
	a,0,1,x,1,1|column 'all': found 'x', expected a number
	a,0,1,inf,1,1|column 'all': found 'inf', expected a finite number
	a,0,inf,1,1,1|column 'used': found 'inf', expected a finite number
	a,0,x,1,1,1|column 'used': found 'x', expected a number
	a,0,1e38,1e-38,1,1|column 'used': found '1e38', expected a number in the range of float32
	a,0,1,1,1.5,1|column 'n': found '1.5', expected a whole number of 32 bits
	a,0,1,1,3e9,1|column 'n': found '3e9', expected a whole number of 32 bits
	a,0,1,1,1,1e300|column 'big': found '1e300', expected a number in the range of float64
	END
	[ ! -e out ]
	put a.csv 'vm,time,x,cpu\na,0,1,2\n'
	echo '{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "cpu", "column": "x"}], "others": "guess"}' >two.json
	refused "two columns would be 'cpu' in the stream" --map two.json a.csv
	# Of nothing there is no share.
	put a.csv 'vm,time,used,all,n,big\na,0,1,0,2,\na,300,1,4,2,1\n'
	for csv in libcsv fast; do
		VMF_CSV=$csv vmf-ingest -q --map m.json -o x.arrows a.csv
		run -0 vmf-cat --csv --no-header --columns mem,n,big x.arrows
		assert_output ,2,$'\n'25,2,1e+300
	done
	fails 2 '--time-format is of no use' vmf-ingest --map planetlab \
	    --start @0 --time-format s a.csv
	fails 2 '--id: expected text in UTF-8 that is not empty' vmf-ingest \
	    --map planetlab --start @0 --id "$(printf '\377')" a.csv
	put "$(printf 'v\377.csv')" '1\n'
	refused "the file's name is not UTF-8" --map planetlab --start @0 \
	    "$(printf 'v\377.csv')"
	put a.csv 'vm,time,cp\0377u\na,0,1\n'
	refused "the name of column 3, 'cp" a.csv
}

@test "columns that a map does not know" {
	put a.csv 'vm,time,cpu,new\na,0,1,x\n'
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"},
	 "metrics": [{"name": "cpu", "column": "cpu"}]}
	END
	refused "a.csv:1: the map does not know column 'new'" --map m.json a.csv
	ingest --map m.json --ignore new a.csv
	lines "a,$T0,1"
}

@test "a map's column is no metric of its own besides" {
	put a.csv 'vm,time,cpu,Cores\na,0,1,4\n'
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"}, "others": "guess",
	 "attributes": [{"name": "vcpus", "column": "Cores", "type": "int32"}]}
	END
	ingest --map m.json a.csv
	run cat out
	assert_output "vm,time,cpu,vcpus
a,$T0,1,4"
}

@test "--only: no other column is read, whatever is in it" {
	put a.csv 'vm,time,cpu,mem,os,os,\377\na,0,1,2,linux,x,y\na,300,3,?,,,\n'
	for csv in fast libcsv; do
		export VMF_CSV=$csv
		ingest --only mem,cpu --bad-rows skip a.csv
		lines "a,$T0,1,2"
		ingest --only cpu a.csv
		run cat out
		assert_output "vm,time,cpu
a,$T0,1
a,$T5,3"
		# By the stream's names, not the source's; several times.
		put b.csv 't;CPU;id;Cores;disk\n0;50;a;4;x\n'
		cat >m.json <<-'END'
		{"delimiter": ";", "vm": {"column": "id"}, "time": {"column": "t"},
		 "metrics": [
		  {"name": "cpu", "column": "CPU", "percent_of": "Cores"},
		  {"name": "disk", "column": "disk"}],
		 "attributes": [{"name": "vcpus", "column": "Cores", "type": "int32"},
		  {"name": "host", "column": "gone"}]}
		END
		ingest --map m.json --only cpu b.csv
		lines "a,$T0,1250"
		ingest --map m.json --only vm,vcpus, --only cpu,time b.csv
		run cat out
		assert_output "vm,time,cpu,vcpus
a,$T0,1250,4"
		put c.csv '0,x=/1,1,3,2\n'
		ingest --map azure --only cpu,cpu_max c.csv
		run cat out
		assert_output "vm,time,cpu_max,cpu
x=/1,$T0,3,2"
	done
	refused "a.csv:1: no metric or attribute 'disk', which --only names; found 'cpu', 'mem', 'os', 'os', '?'" \
	    --only cpu,disk a.csv
	refused "b.csv:1: no metric or attribute 'CPU', which --only names; found 'cpu', 'disk', 'vcpus', 'host' (small and capital letters differ)" \
	    --map m.json --only CPU b.csv
	refused "b.csv:1: no column 'gone' for host" --map m.json --only host b.csv
	# What is wanted has to be clear.
	echo '{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "mem", "column": "mem"}]}' >m2.json
	refused "a.csv:1: column 6 is the second of the name 'os'" --only os a.csv
	put d.csv 't;CPU;id;Cores;CPU\n0;50;a;4;60\n'
	refused "d.csv:1: column 5 is the second of the name 'CPU'" \
	    --map m.json --only cpu d.csv
	refused "a.csv:1: column 4 is the mem of the map, and --ignore names it" \
	    --map m2.json --only mem --ignore mem a.csv
	fails 2 "--only: found ',', expected names" vmf-ingest --only , a.csv
	fails 2 '--only is for sources with a column for each metric' \
	    vmf-ingest --map wide --metric cpu --only cpu a.csv
	fails 2 '--metric, --decimal, --start, --step, --only and --time-format are for readings' \
	    vmf-ingest --map migrations --only vm a.csv
}

@test "maps are checked strictly" {
	put a.csv 'vm,time,cpu\na,0,1\n'
	vm='"vm": {"column": "vm"}'
	time='"time": {"column": "time"}'
	cpu='"metrics": [{"name": "cpu", "column": "cpu"}]'
	while IFS='|' read -r json text; do
		eval "printf '%s' \"$(printf '%s' "$json" | sed 's/"/\\"/g')\"" >m.json
		refused "$text" --map m.json a.csv
	done <<-'END'
	{$vm, $time, $cpu, "colour": 1}|m.json: unknown key 'colour', expected one of delimiter, header
	{"vm": {"colum": "vm"}, $time, $cpu}|unknown key 'colum' in vm, expected one of column, from
	{$vm, $time, "metrics": [{"name": "cpu", "colunm": "cpu"}]}|unknown key 'colunm' in metrics[0]
	{$vm, $vm, $time, $cpu}|m.json: vm: found the key twice
	{$time, $cpu}|m.json: vm: found nothing
	{$vm, $cpu}|m.json: time: found nothing
	{$vm, $time}|m.json: metrics: found none, expected at least one
	{"vm": "vm", $time, $cpu}|m.json: vm: found a string
	{"vm": {"column": "vm", "from": "filename"}, $time, $cpu}|both column and from
	{"vm": {"column": 0}, $time, $cpu}|m.json: vm.column: found a number that is no position
	{$vm, "time": {"column": "time", "format": "h"}, $cpu}|m.json: time.format: found another word
	{$vm, "time": {"step": "5"m}, $cpu}|JSON is damaged near
	{$vm, "time": {"step": "5x"}, $cpu}|m.json: time.step
	{$vm, "time": {"column": "time", "step": "5m"}, $cpu}|both column and step
	{$vm, "time": {"column": "time", "start": "2024-01-01T00:00:00Z"}, $cpu}|m.json: time.start
	{$vm, $time, "metrics": [{"name": "time", "column": "cpu"}]}|vm and time are taken
	{$vm, $time, "metrics": [{"name": "cpu"}]}|m.json: metrics[0].column: found nothing
	{$vm, $time, "metrics": [{"name": "a", "column": "cpu"}, {"name": "a", "column": 1}]}|metrics[1].name: found a
	{$vm, $time, "metrics": [{"name": "a", "column": "cpu", "scale": 0}]}|metrics[0].scale
	{$vm, $time, "metrics": [{"name": "a", "column": "gpu"}]}|a.csv:1: no column 'gpu' for a
	{$vm, $time, "metrics": [{"name": "a", "column": 9}]}|a.csv:1: found 3 columns, expected column 9 for a
	{$vm, $time, $cpu, "attributes": [{"name": "x", "column": "cpu", "type": "int8"}]}|attributes[0].type
	{$vm, $time, $cpu, "attributes": [{"name": "vcpus", "column": "cpu", "type": "utf8"}]}|attributes[0].type: found utf8, expected a number for this name
	{$vm, $time, $cpu, "attributes": [{"name": "host", "column": "cpu", "type": "int32"}]}|attributes[0].type: found int32, expected utf8 for this name
	{$vm, $time, $cpu, "attributes": [{"column": "cpu"}]}|attributes[0].name
	{$vm, $time, $cpu, "header": "no"}|m.json: header: found a string
	{$vm, $time, $cpu, "header": false}|m.json: columns: found nothing
	{$vm, $time, $cpu, "columns": ["a"]}|m.json: columns: found it beside a header
	{$vm, $time, $cpu, "header": false, "columns": ["a", "a"]}|m.json: columns: found a name twice
	{$vm, $time, $cpu, "delimiter": ",,"}|m.json: delimiter
	{$vm, $time, $cpu, "others": "keep"}|m.json: others
	{$vm, $time, $cpu, "layout": "wide"}|m.json: vm: found it in a wide map
	{$time, $cpu, "layout": "wide"}|m.json: metrics[0]: found a column in a wide map
	[]|m.json: found an array, expected a JSON object
	{|JSON is damaged
	{$vm, $time, $cpu} more|JSON is damaged near 'more'
	END
	refused 'cannot open no.json' --map no.json a.csv
}
