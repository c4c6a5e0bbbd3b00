# vmf-ingest: migrations, from CSV by maps, from libvirt and from QEMU.

load helper
load ingest

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# moves ARGS...: columns of the migrations as CSV in "out", the messages in
# "err"; $cols names them.
moves() {
	vmf-ingest --no-history -o x.arrows "$@" 2>err || {
		cat err >&2
		return 1
	}
	vmf-cat --csv --columns "$cols" x.arrows >out
}

@test "CSV with the columns' names: any of them, in any order, and back" {
	cols=vm,start,workload,mode,auto_converge,mem_bytes,downtime_ms,status
	cat >a.csv <<-'END'
	status,downtime_ms,vm,start,mode,auto_converge,mem_bytes,workload
	completed,26,a,2024-05-01T12:00:00Z,precopy,yes,1073741824,web
	failed,,b,1714564800,,0,NA,
	cancelled, 0.5 ,"c",,hybrid,off,1e9,"w,x"
	END
	moves --map migrations a.csv
	lines 'a,2024-05-01T12:00:00Z,web,precopy,1,1073741824,26,completed' \
	    'b,2024-05-01T12:00:00Z,,,0,,,failed' \
	    'c,,"w,x",hybrid,0,1000000000,0.5,cancelled'
	cp x.arrows first.arrows
	vmf-cat --csv first.arrows >all.csv
	[ "$(head -n 1 all.csv | tr , '\n' | wc -l)" -eq 26 ]
	vmf-ingest -q --no-history --map migrations -o x.arrows all.csv
	same first.arrows x.arrows
	grep -q '3 rows in, 3 migrations out' err
}

@test "the schema says the unit, and what is known only after the move" {
	echo downtime_ms >a.csv
	vmf-ingest -q --map migrations a.csv | vmf-cat --schema --json >schema
	grep '"column":"mem_bytes"' schema | grep '"unit":"bytes"' |
	    grep -q '"known":"before"'
	grep '"column":"downtime_ms"' schema | grep '"unit":"ms"' |
	    grep -q '"known":"after"'
	run -0 grep -c '"known":"after"' schema
	assert_output 7
	run -0 grep -c '"known":"before"' schema
	assert_output 19
}

@test "what is no column, no number, no word is refused by name" {
	printf 'vm,speed\na,1\n' >a.csv
	refused "a.csv:1: column 'speed' is not one of migrations" \
	    --map migrations a.csv
	cols=vm
	moves --map migrations --ignore speed a.csv
	lines a
	printf 'vm,vm\na,1\n' >a.csv
	refused "a.csv:1: column 2 is the second of the name 'vm'" \
	    --map migrations a.csv
	printf 'vm,total_ms\na,-1\n' >a.csv
	refused "a.csv:2: total_ms is '-1', expected a number, at least 0" \
	    --map migrations a.csv
	printf 'vm,mode\na,precopy\nb,live\n' >a.csv
	refused "a.csv:3: mode is 'live', expected precopy postcopy" \
	    --map migrations a.csv
	printf 'vm,tunnelled\na,2\n' >a.csv
	refused "tunnelled is '2', expected 0 or 1" --map migrations a.csv
	printf 'vm,start\na,tomorrow\n' >a.csv
	refused "start is 'tomorrow', expected a time" --map migrations a.csv
	printf 'vm,start\na\n' >a.csv
	refused "a.csv:2: found 1 fields, expected 2" --map migrations a.csv
	: >a.csv
	refused "the file is empty" --map migrations a.csv
	fails 2 'for readings' vmf-ingest --map migrations --step 5m a.csv
	fails 2 '--id is for sources' vmf-ingest --map migrations --id x a.csv
}

@test "bad rows are counted, and kept as they stood" {
	cols=vm,total_ms
	printf 'vm,total_ms\na,1\nb,x\n"c,2\n",3\nd,inf\ne,5\n' >a.csv
	moves --map migrations --bad-rows bad.csv a.csv
	lines 'a,1' '"c,2' '",3' 'e,5'
	grep -q '2 bad rows' err
	grep -q "the first bad row: a.csv:3: total_ms is 'x'" err
	printf 'b,x\nd,inf\n' | diff - bad.csv
	printf 'vm,downtime_ms\na,x' >a.csv
	moves --map migrations --bad-rows bad.csv a.csv a.csv
	printf 'a,x\na,x\n' | diff - bad.csv
}

@test "virsh domjobinfo --completed, a job after the other" {
	cols=vm,workload,mem_bytes,compression,downtime_ms,total_ms,transferred_bytes,iterations,status,reason
	cat >jobs.txt <<-'END'
	workload: web
	Job type:         Completed
	Operation:        Outgoing migration
	Time elapsed:     3742         ms
	Time elapsed w/o network: 3739         ms
	Data processed:   1.003 GiB
	Memory processed: 512.500 MiB
	Memory total:     4.000 GiB
	Memory bandwidth: 108.5 MiB/s
	Dirty rate:       0            pages/s
	Iteration:        3
	Compression cache: 64.000 MiB
	Total downtime:   60           ms
	Setup time:       7            ms

	vm: other
	Job type:         Failed
	Error message:    timed out
	END
	moves --map domjobinfo --id web-1 jobs.txt
	lines 'web-1,web,4294967296,xbzrle,60,3742,537395200,3,completed,' \
	    'other,,,,,,,,failed,timed out'
	moves --map domjobinfo jobs.txt
	run -0 sed -n 2p out
	assert_output --partial 'jobs,web'
	# The dirty rate at the end is 0, and is not one from before.
	vmf-cat --csv --columns dirty_rate_bytes_s x.arrows | tail -n +2 |
	    run ! grep .
	printf 'Job type: None\n' >none.txt
	refused "none.txt:1: the job's type is 'None'" --map domjobinfo none.txt
	printf 'Time elapsed: 5 ms\n' >none.txt
	refused "no 'Job type'" --map domjobinfo none.txt
	printf 'Job type: Completed\nTime elapsed: 5 weeks\n' >none.txt
	refused "none.txt:2: Time elapsed is '5 weeks'" --map domjobinfo none.txt
	printf 'Job type\n' >none.txt
	refused "no colon" --map domjobinfo none.txt
}

@test "QEMU's query-migrate, an object a line" {
	cols=vm,mode,auto_converge,compression,mem_bytes,downtime_ms,total_ms,transferred_bytes,iterations,status,reason
	cat >q.jsonl <<-'END'
	{"return": {"status": "completed", "total-time": 3742, "downtime": 60, "ram": {"total": 4312604672, "transferred": 537395200, "dirty-sync-count": 3, "dirty-pages-rate": 0, "mbps": 900.5}}, "vm": "a"}

	{"status": "completed", "total-time": 2000, "downtime": 5, "ram": {"total": 1024, "transferred": 2048, "postcopy-requests": 7, "precopy-bytes": 0}, "cpu-throttle-percentage": 20, "xbzrle-cache": {}, "vm": "b", "mem_bytes": 4096}
	{"status": "failed", "error-desc": "no, \"not\" so", "vm": "c"}
	END
	moves --map query-migrate q.jsonl
	lines 'a,,,,4312604672,60,3742,537395200,3,completed,' \
	    'b,postcopy,1,xbzrle,4096,5,2000,2048,,completed,' \
	    'c,,,,,,,,,failed,"no, ""not"" so"'
	echo '{"status": "active"}' >q.jsonl
	refused "q.jsonl:1: the status is 'active'" --map query-migrate q.jsonl
	echo '[1]' >q.jsonl
	refused "found no JSON object" --map query-migrate q.jsonl
	cols=vm
	printf '{"status": "completed"}\n{"x\n{"status": "completed"}\n' >q.jsonl
	moves --map query-migrate --bad-rows skip q.jsonl
	lines q q
	grep -q '1 bad rows' err
}

@test "jobs that are none, or say what they cannot: the line and what it is" {
	job() {
		printf "$2" >j.txt
		refused "j.txt:$1" --map domjobinfo j.txt
	}
	job "1: the operation is 'Save', expected Outgoing migration" \
	    'Operation: Save\nJob type: Completed\n'
	job "1: Time elapsed is 'x ms', expected a number and its unit" \
	    'Time elapsed: x ms\nJob type: Completed\n'
	job "1: mem_bytes is 'much', expected a number, at least 0" \
	    'mem_bytes: much\nJob type: Completed\n'
	# Blank lines before all, the ends of lines of another system, amounts
	# in all units, and a throttle that was on.
	cols=vm,mode,mem_bytes,auto_converge,total_ms,status
	printf '\n \r\nvm: a\r\nJob type: Completed\r\nMemory total: 2 TiB\r\nTime elapsed: 3 s\r\nAuto converge throttle: 20\r\n' >j.txt
	moves --map domjobinfo j.txt
	lines a,,2199023255552,1,3000,completed
	# What is said by a column's name counts, before or after virsh's word.
	printf 'total_ms: 7\nJob type: Completed\nMemory total: 2 TiB\nTime elapsed: 3 s\nmem_bytes: 5\nstatus: failed\nvm: a\n' >j.txt
	moves --map domjobinfo j.txt
	lines a,,5,,7,failed
	printf '\n{"status": "completed", "vm": "b", "auto_converge": true, "mode": "precopy"}\n{"status": "completed", "vm": "c", "auto_converge": false, "mem_bytes": 1e9}' >j.txt
	moves --map query-migrate j.txt
	lines b,precopy,,1,,completed c,,1000000000,0,,completed
	printf '{"status": "completed", "vm": "\377"}\n' >j.txt
	refused 'j.txt:1: found bytes that are not UTF-8, expected JSON' \
	    --map query-migrate j.txt
	printf '{"status": "completed", "mode": "live"}\n' >j.txt
	refused "j.txt:1: mode is 'live', expected precopy" \
	    --map query-migrate j.txt
	head -c 20000000 /dev/zero | tr '\0' x >j.txt
	refused 'j.txt:1: the line is longer than' --map query-migrate j.txt
	printf 'Job type: Completed\n' >"$(printf 'a\377.txt')"
	refused "the file's name is not UTF-8, expected the name of a VM" \
	    --map domjobinfo "$(printf 'a\377.txt')"
	fails 2 '--id: expected text in UTF-8 that is not empty' \
	    vmf-ingest --map domjobinfo --id "$(printf '\377')" j.txt
	# One job is one row: what comes twice is of another.
	job "3: 'Job type' comes a second time in the job" \
	    'vm: a\nJob type: Completed\nJob type: Failed\n'
	job "3: 'vm' comes a second time" \
	    'vm: a\nJob type: Completed\nvm: b\nJob type: Failed\n'
	job "2: Time elapsed is '3 GiB', expected a number and its unit, ms" \
	    'Job type: Completed\nTime elapsed: 3 GiB\n'
	job "2: Memory total is '3 ms', expected a number and its unit, such" \
	    'Job type: Completed\nMemory total: 3 ms\n'
	job "2: Iteration is '3 s', expected a number" \
	    'Job type: Completed\nIteration: 3 s\n'
	query() {
		echo "$2" >j.txt
		refused "j.txt:1: $1" --map query-migrate j.txt
	}
	query 'found more after the JSON object, expected one a line' \
	    '{"status": "completed"} {"status": "failed"}'
	query 'found more after the JSON object' '{"status": "completed"}x'
	query "'status' comes twice, expected it once" \
	    '{"status": "completed", "status": "failed"}'
	query "'downtime' comes twice" \
	    '{"return": {"status": "completed", "downtime": 1, "downtime": 2}}'
	query "'total' comes twice" \
	    '{"status": "completed", "ram": {"total": 1, "total": 2}}'
	query "total-time is '100', expected a number of at least 0" \
	    '{"status": "completed", "total-time": "100"}'
	query "downtime is '-3', expected a number" \
	    '{"status": "completed", "downtime": -3}'
	query "transferred is 'inf', expected a number" \
	    '{"status": "completed", "ram": {"transferred": 1e400}}'
	query "postcopy-bytes is 'an object', expected a number" \
	    '{"status": "completed", "ram": {"postcopy-bytes": {}}}'
	query 'workload is an array, expected a text or a number' \
	    '{"status": "completed", "workload": ["web"]}'
	# A byte order mark is no part of the first line.
	cols=vm,workload,downtime_ms,compression,status
	printf '\357\273\277workload: w\nJob type: Completed\n' >j.txt
	moves --map domjobinfo j.txt
	lines j,w,,,completed
	printf '\357\273\277{"status": "completed", "downtime": null, "compression": {}} \t\r\n' >j.txt
	moves --map query-migrate j.txt
	lines j,,,zlib,completed
	# Bad ones are kept byte for byte, each in lines of its own.
	printf '\r\nvm: a\r\nJob type: x\r\n \r\nvm: b\r\nJob type: y' >j.txt
	rm -f bad
	moves --map domjobinfo --bad-rows bad j.txt j.txt
	printf 'vm: a\r\nJob type: x\r\n \r\nvm: b\r\nJob type: y\n\n' >want
	cat want want | diff - bad
	printf '{"status": "x"}\r\n{"status": "y"}' >j.txt
	moves --map query-migrate --bad-rows bad j.txt j.txt
	printf '{"status": "x"}\r\n{"status": "y"}\n' >want
	cat want want | diff - bad
	fails 2 '--ignore is for sources with columns' \
	    vmf-ingest --map query-migrate --ignore vm j.txt
	# What a map gives to all rows, where they do not say it.
	echo '{"kind": "migrations", "format": "query-migrate", "fields": [{"name": "workload", "value": "web"}, {"name": "mem_bytes", "value": "5", "scale": 1024}]}' >m.json
	printf '{"status": "completed", "vm": "a"}\n{"status": "completed", "vm": "b", "mem_bytes": 7, "workload": "db"}\n' >j.txt
	cols=vm,workload,mem_bytes
	moves --map m.json j.txt
	lines a,web,5120 b,db,7
	# CSV: a header and a row that cannot be.
	printf 'vm,tot\0al_ms\na,1\n' >a.csv
	refused 'a.csv:1: ' --map migrations a.csv
	printf 'vm,total_ms\na,"1\n' >a.csv
	refused 'a.csv:2: ' --map migrations a.csv
}

@test "a map of one's own: words, joined columns, values, repeats, only" {
	cols=workload,mem_bytes,config,auto_converge,total_ms
	cat >m.json <<-'END'
	{"kind": "migrations", "delimiter": ";",
	 "only": {"column": "ok", "is": "yes"},
	 "repeats": ["size", "s", "n"],
	 "fields": [
	  {"name": "workload", "value": "w"},
	  {"name": "mem_bytes", "column": "size", "words": {"big": "1e9"},
	   "scale": 2},
	  {"name": "config", "columns": ["size", "n"]},
	  {"name": "auto_converge", "column": "ac"},
	  {"name": "total_ms", "column": "s", "scale": 1000}],
	 "others": "ignore"}
	END
	cat >a.csv <<-'END'
	n;size;s;ok;ac;x
	1;big;1.5;yes;on;9
	1;big;1.5;yes;off;9
	2;7;2;no;on;9
	2;7;2;yes;off;9
	END
	moves --map m.json a.csv
	lines 'w,2000000000,big/1,1,1500' 'w,14,7/2,0,2000'
	# By position, and with another delimiter.
	sed 's/"columns": \["size", "n"\]/"columns": [2, 1]/
	    s/"repeats": \[[^]]*\]/"repeats": [2, "s", 1]/
	    s/"delimiter": ";"/"delimiter": ":"/' m.json >pos.json
	tr ';' : <a.csv >pos.csv
	moves --map ./pos.json pos.csv
	lines 'w,2000000000,big/1,1,1500' 'w,14,7/2,0,2000'
	grep -q '4 rows in, 2 migrations out, 0 bad rows, 1 repeated, 1 of another' err
	# A bad copy does not take the place of a good one.
	echo '{"kind": "migrations", "repeats": ["vm", "iter"], "fields": [{"name": "vm", "column": "vm"}, {"name": "total_ms", "column": "t"}], "others": "ignore"}' >m.json
	printf 'vm,iter,t\na,1,oops\na,1,5\na,1,oops' >r.csv
	cols=vm,total_ms
	moves --map m.json --bad-rows skip r.csv
	lines a,5
	grep -q '1 migrations out, 1 bad rows, 1 repeated' err
	# A column that the map has is not to be guessed as well.
	echo '{"kind": "migrations", "others": "guess", "fields": [{"name": "total_ms", "column": "t"}]}' >g.json
	printf 'vm,t,total_ms\na,1,2\n' >g.csv
	refused "g.csv:1: column 'total_ms' comes twice" --map ./g.json g.csv
	# The header, as readings have it.
	refused "r.csv:1: no column 'x', which --ignore names" \
	    --map m.json --ignore x r.csv
	refused "r.csv:1: column 3 is one of the map, and --ignore names it" \
	    --map m.json --ignore t r.csv
	printf 'vm,iter,t,t\na,1,5,6\n' >r.csv
	refused "r.csv:1: column 4 is the second of the name 't'" \
	    --map m.json r.csv
	bad() {
		printf '%s' "$2" >m.json
		refused "$1" --map ./m.json a.csv
	}
	bad 'kind: found another word' '{"kind": "moves"}'
	bad 'format: found another word' '{"kind": "migrations", "format": "x"}'
	bad "name: found speed" \
	    '{"kind": "migrations", "fields": [{"name": "speed", "value": "1"}]}'
	bad 'found neither column nor value' \
	    '{"kind": "migrations", "fields": [{"name": "vm"}]}'
	bad 'found both a column and a value' \
	    '{"kind": "migrations", "fields": [{"name": "vm", "column": "n", "value": "x"}]}'
	bad 'words: found it beside value' \
	    '{"kind": "migrations", "fields": [{"name": "vm", "value": "a", "words": {"a": "b"}}]}'
	bad 'words: found a text twice' \
	    '{"kind": "migrations", "fields": [{"name": "vm", "column": "n", "words": {"a": "b", "a": "c"}}]}'
	bad 'value: found fast' \
	    '{"kind": "migrations", "fields": [{"name": "mode", "value": "fast"}]}'
	bad 'scale: found it for a column that is no number' \
	    '{"kind": "migrations", "fields": [{"name": "vm", "column": "n", "scale": 2}]}'
	bad 'each name once' \
	    '{"kind": "migrations", "fields": [{"name": "vm", "value": "n"}, {"name": "vm", "value": "n"}]}'
	bad "unknown key 'vm'" '{"kind": "migrations", "vm": {"column": "n"}}'
	bad "no column 'q'" \
	    '{"kind": "migrations", "others": "ignore", "fields": [{"name": "vm", "column": "q"}]}'
	bad 'only: found one of column and is' \
	    '{"kind": "migrations", "only": {"column": "n"}}'
	bad 'only: found it in a source without columns' \
	    '{"kind": "migrations", "format": "domjobinfo", "only": {"column": "n", "is": "1"}}'
}

@test "the sets that were measured: their rows, and their traps" {
	data qemu_migration
	cols=workload,compression,mem_bytes,config,downtime_ms,dirty_rate_bytes_s
	moves --map qemu-migration "$DATA/mrmpplm_migrations.csv"
	grep -q '4158 rows in, 4158 migrations out' err
	run -0 sed -n 2p out
	assert_output 'quicksort,none,17179869184,quicksort/Dtrack/16384,26,'
	[ "$(cut -d, -f 4 out | tail -n +2 | sort -u | wc -l)" -eq 223 ]
	[ "$(cut -d, -f 6 out | tail -n +2 | sort -u)" = "" ]
	cols=config,mode,auto_converge,downtime_ms,dirty_rate_bytes_s
	moves --map postgres-migration "$DATA/postgres_evaluation_runs.csv"
	grep -q '160 rows in, 90 migrations out, 0 bad rows, 0 repeated, 70 of' err
	run -0 grep -c 'Autoconverge_16T,precopy,1,' out
	assert_output 10
	data openstack_migration
	cols=storage,tunnelled,mem_bytes,total_ms,downtime_ms,guest_downtime_ms
	moves --map openstack-migration "$DATA/migration_times_flat.csv"
	grep -q '4627 rows in, 3547 migrations out, 0 bad rows, 1080 repeated' err
	run -0 sed -n 2p out
	assert_output 'block,0,17179869184,214444.48685646057,,'
	moves --map openstack-downtime "$DATA/vm_downtime_flat.csv"
	run -0 sed -n 2p out
	assert_output 'block,0,8589934592,,,3000'
}
