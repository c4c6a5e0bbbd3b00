# vmf-ingest on what monitoring systems, databases and spreadsheets export.

load helper
load ingest

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# both WHAT...: the same, by the fast reader and by libcsv.
both() {
	for VMF_CSV in fast libcsv; do
		export VMF_CSV
		"$@"
	done
	unset VMF_CSV
}

# example TEXT: the lines of the man page's example after the one with TEXT.
example() {
	awk -v s="$1" 'index($0, s) { on = 1 } on && /^\.Ed/ { exit }
	    text { gsub(/\\e/, "\\"); print } on && /^\.Bd/ { text = 1 }' \
	    "$VMF_ROOT/man/vmf-ingest.1"
}

# ---- a row a metric ----

zabbix() {
	put zabbix.csv 'host;key_;clock;value\nweb1;system.cpu.util;1714521600;12.5\nweb1;agent.version;1714521600;6.0 beta\nweb1;vm.memory.util;1714521600;40\nweb2;system.cpu.util;1714521600;50\n;agent.ping;soon;1\nweb2;vm.memory.util;1714521660;\nweb1;vm.memory.util;1714521660;42\nweb1;system.cpu.util;1714521660;13.5\n'
}

@test "where: a row a metric, as Zabbix exports them, up to the series" {
	zabbix
	# The man page's own example.
	example 'Zabbix' >sh
	grep -q zabbix.json sh
	sed -i 's/\\$//; /vmf-ingest/,$d' sh
	sh -eu sh
	want="vm,time,cpu,mem
web1,2024-05-01T00:00:00Z,12.5,
web1,2024-05-01T00:00:00Z,,40
web2,2024-05-01T00:00:00Z,50,
web2,2024-05-01T00:01:00Z,,
web1,2024-05-01T00:01:00Z,,42
web1,2024-05-01T00:01:00Z,13.5,"
	both ingest --map zabbix.json zabbix.csv
	assert_equal "$(cat out)" "$want"
	assert_equal "$(cat err)" 'vmf-ingest: 1 file, 8 rows in, 6 rows out, 0 bad rows, 0 missing values, 2 of no metric'
	# Rows of one VM and time are one, and each metric has its own mean.
	vmf-dedup -q x.arrows >one.arrows
	run -0 vmf-cat --csv one.arrows
	assert_output "vm,time,cpu,mem
web1,2024-05-01T00:00:00Z,12.5,40
web1,2024-05-01T00:01:00Z,13.5,42
web2,2024-05-01T00:00:00Z,50,
web2,2024-05-01T00:01:00Z,,"
	run -0 bash -c 'vmf-aggregate -q --step 5m one.arrows |
	    vmf-cat --csv --long --columns id,cpu_mean,cpu_count,mem_mean,mem_count'
	assert_output "id,time,cpu_mean,cpu_count,mem_mean,mem_count
web1,2024-05-01T00:00:00Z,13,2,41,2
web2,2024-05-01T00:00:00Z,50,1,,"
}

# many N: N rows of a metric each, most of them of no metric of the map.
many() {
	awk -v n="$1" 'BEGIN { print "host;key_;clock;value"
		split("system.cpu.util vm.memory.util agent.version x", k, " ")
		for (i = 0; i < n; i++) {
			j = i * i % 7 % 4 + 1
			v = j == 3 ? "6.0 beta" : j == 4 ? "" : i % 1000 / 8
			printf "h%d;%s;%d;%s\n", i % 50, k[j], 1.7e9 + i, v
		} }' </dev/null
}

@test "where: both readers agree on many rows, at any number of threads" {
	zabbix
	example 'Zabbix' | sed '/vmf-ingest/,$d' | sh -eu
	many 60000 >many.csv
	VMF_CSV=libcsv ingest --map zabbix.json many.csv
	cp x.arrows ref.arrows
	cp err ref.err
	for threads in 1 2 5; do
		ingest --threads $threads --map zabbix.json many.csv
		same x.arrows ref.arrows
		diff -u ref.err err
	done
	awk -F ';' '$2 == "vm.memory.util" { n++; s += $4 }
	    END { print n, s / n }' many.csv >want
	vmf-cat --csv x.arrows | awk -F, 'NR > 1 && $4 != "" { n++; s += $4 }
	    END { print n, s / n }' | diff -u want -
}

@test "where: beside other metrics, of several columns, with --only" {
	put a.csv 'vm,time,kind,v,of\na,0,c,1,4\na,0,m,2,4\na,0,x,3,4\na,0,"m",4,8\na,0,m,,\n'
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"},
	 "metrics": [
	  {"name": "cpu", "column": "v", "where": {"column": 3, "is": "c"}},
	  {"name": "mem", "column": "v", "percent_of": "of",
	   "where": {"column": "kind", "is": "m"}},
	  {"name": "all", "column": "of"}]}
	END
	both ingest --map m.json a.csv
	# One metric has every row: none is passed over.
	lines "a,$T0,1,,4" "a,$T0,,50,4" "a,$T0,,,4" "a,$T0,,50,8" "a,$T0,,,"
	grep -q '1 missing values$' err
	both ingest --map m.json --only mem a.csv
	lines "a,$T0,50" "a,$T0,50" "a,$T0,"
	grep -q '0 missing values, 2 of no metric$' err
	# A source without times: a row passed over counts as a step.
	cat >t.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"step": "5m", "start": "@0"},
	 "others": "ignore", "metrics": [
	  {"name": "mem", "column": "v", "where": {"column": "kind", "is": "m"}}]}
	END
	both ingest --map t.json a.csv
	lines "a,$T5,2" a,1970-01-01T00:15:00Z,4 a,1970-01-01T00:20:00Z,
	# What is wrong in a row of a metric is a bad row.
	put b.csv 'vm,time,kind,v,of\na,0,y,soft,\na,0,c,soft,4\na,0,m,1,2\n'
	both refused "b.csv:3: column 'v': found 'soft', expected a number" \
	    --map m.json --only cpu b.csv
	both ingest --bad-rows skip --map m.json --only mem,cpu b.csv
	lines "a,$T0,,50"
}

@test "where: what no row has is said, and is an error where it is all" {
	zabbix
	example 'Zabbix' | sed '/vmf-ingest/,$d' | sh -eu
	sed -i 's/vm.memory.util/vm.memory.utl/' zabbix.json
	both ingest --map zabbix.json zabbix.csv
	grep -qxF "vmf-ingest: mem has no value: expected rows with 'vm.memory.utl' in column 'key_'" err
	sed -i 's/system.cpu.util/system.cpu.utl/' zabbix.json
	both refused "none of 8 rows is of a metric of the map (zabbix.csv:2: column 'key_': found 'system.cpu.util', expected 'system.cpu.utl')" \
	    --map zabbix.json zabbix.csv
	# The way there, from what goes wrong without it.
	put tall.csv 'vm,time,key_,value\na,0,system.cpu.util,5\n'
	both refused "column 'key_': found 'system.cpu.util', expected a number (a column that is no metric: --ignore 'key_', or name it in a --map FILE.json; one that names the metric of its row: \"where\" there)" tall.csv
}

# ---- lines that are no rows ----

# map KEYS: a map with these keys besides.
map() {
	printf '{%s, "vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "cpu", "column": "cpu"}]}\n' "$1" >m.json
}

@test "skip: lines before the header, or before rows without one" {
	put a.csv 'Report of "May\n,,,\nvm,time,x\nvm,time,cpu\na,0,1\na,300,x\n'
	map '"skip": 3'
	both refused "a.csv:6: column 'cpu': found 'x', expected a number" --map m.json a.csv
	both ingest --bad-rows skip --map m.json a.csv
	lines "a,$T0,1"
	grep -q ' 2 rows in, 1 rows out, 1 bad rows' err
	# A byte order mark stands before all of it; each file has its own.
	put b.csv '\xef\xbb\xbf\r\n"\r\n\r\nvm,time,cpu\r\nb,0,2\r\n'
	both ingest --bad-rows skip --map m.json a.csv b.csv
	lines "a,$T0,1" "b,$T0,2"
	map '"skip": 2, "header": false, "columns": ["vm", "time", "cpu"]'
	put c.csv 'x,1,2\n"\nc,0,1\nc,300,2\n'
	both ingest --map m.json c.csv c.csv
	lines "c,$T0,1" "c,$T5,2" "c,$T0,1" "c,$T5,2"
	both ingest --threads 4 --map m.json c.csv c.csv
	lines "c,$T0,1" "c,$T5,2" "c,$T0,1" "c,$T5,2"
	map '"skip": 9'
	both refused 'a.csv: found 6 lines, expected a header after 9, which "skip" says' \
	    --map m.json a.csv
	# Longer than what is read at once.
	{ head -c 700000 /dev/zero | tr '\0' ','; echo; cat b.csv; } >d.csv
	map '"skip": 4'
	both ingest --map m.json d.csv
	lines "b,$T0,2"
}

@test "comment: lines that begin so, wherever they stand" {
	put a.csv '# exported "now\n\n#,,\nvm,time,cpu\n#a,0,9\na,0,1\n #b,0,2\n"#c\n#d",0,3\n# end'
	map '"comment": "#"'
	both ingest --map m.json a.csv
	lines "a,$T0,1" "#b,$T0,2" '"#c' "#d\",$T0,3"
	grep -q ' 3 rows in, 3 rows out, 0 bad rows' err
	put b.csv 'vm,time,cpu\n#\n#\na,0,1\n#\n\n#x\na,300,soft\n'
	both refused "b.csv:8: column 'cpu': found 'soft'" --map m.json b.csv
	put c.csv 'vm,time,cpu\n//\n/a,0,1\n///'
	map '"comment": "//"'
	both ingest --map m.json c.csv
	lines "/a,$T0,1"
	# Where rows have no times none is a step.
	echo '{"comment": "#", "header": false, "columns": ["c"], "vm": {"from": "filename"}, "time": {"step": "5m", "start": "@0"}, "metrics": [{"name": "cpu", "column": "c"}]}' >m.json
	put v '# load\n1\n#\n2\n'
	both ingest --map m.json v
	lines "v,$T0,1" "v,$T5,2"
	# Among very many rows.
	gen 20 1 >d.csv
	awk '{ print } NR % 97 == 5 { print "#", $0 }' d.csv >e.csv
	echo '{"comment": "#", "vm": {"column": "vm"}, "time": {"column": "time"}, "others": "guess"}' >m.json
	ingest d.csv
	cp x.arrows plain.arrows
	both ingest --map m.json e.csv
	same x.arrows plain.arrows
}

@test "the header again is passed over and counted, and is no bad row" {
	put a.csv 'vm,time,cpu\na,0,1\nvm,time,cpu\na,300,2\n"vm", time ,cpu\n'
	both ingest a.csv
	lines "a,$T0,1" "a,$T5,2"
	assert_equal "$(cat err)" "vmf-ingest: 1 file, 2 rows in, 2 rows out, 0 bad rows, 0 missing values, the header 2 times more"
	put b.csv 'vm,time,cpu\na,0,1\nvm,time,CPU\n'
	both refused "b.csv:3: column 'time': found 'time'" b.csv
	# Only in place of a bad row: these are data.
	put c.csv '1,7\n1,7\n2,7\n'
	echo '{"vm": {"column": 1}, "time": {"step": "5m", "start": "@0"}, "metrics": [{"name": "cpu", "column": 2}]}' >m.json
	both ingest --map m.json c.csv
	lines "1,$T0,7" "2,$T5,7"
	# A step less where rows have no times, and no row of another metric.
	put d.csv 'vm,key,v\na,c,1\nvm,key,v\na,x,?\na,c,3\n'
	echo '{"vm": {"column": "vm"}, "time": {"step": "5m", "start": "@0"}, "metrics": [{"name": "cpu", "column": "v", "where": {"column": "key", "is": "c"}}]}' >m.json
	both ingest --map m.json d.csv
	lines "a,$T0,1" a,1970-01-01T00:10:00Z,3
	grep -qF '3 rows in, 2 rows out, 0 bad rows, 0 missing values, 1 of no metric, the header 1 time more' err
	# In a wide table, and not kept with the bad rows.
	put w.csv 't,x,y\n0,1,2\nt,x,y\n300,a,b\n600,3,4\n'
	both ingest --map wide --metric cpu --bad-rows kept w.csv
	assert_equal "$(wc -l <out)" 5
	assert_equal "$(cat kept)" 300,a,b
}

# ---- messages that lead on ----

@test "JSON is said to be JSON, and the example of Prometheus reads it" {
	cat >answer.json <<-'END'
	{"status":"success","data":{"resultType":"matrix","result":[
	{"metric":{"instance":"a:9100"},"values":[[1714521600.781,"0.25"],[1714521660.781,"0.5"]]},
	{"metric":{"instance":"b:9100"},"values":[[1714521600.781,"NaN"]]}]}}
	END
	local text='found JSON, expected CSV: jq -r '"'... | @csv'"' makes it, see the example of Prometheus in vmf-ingest(1)'
	put lines.json '{"vm":"a","cpu":1}\n{"vm":"b","cpu":2}\n'
	put list.json '\n  [\n  1,\n'
	put ok.csv 'vm,time,cpu\na,0,1\n'
	both refused "answer.json:1: $text" answer.json
	both refused "lines.json:1: $text" ok.csv lines.json
	both refused "list.json:2: $text" list.json
	both refused "list.json:2: $text" --map wide --metric cpu list.json
	both refused "lines.json:1: $text" --map azure lines.json
	# What is well read may begin so.
	put w.csv '[t],{vm\n0,1\n'
	both ingest --map wide --metric cpu w.csv
	lines "{vm,$T0,1"
	example 'Prometheus answers' >sh
	grep -q 'jq -r' sh
	sh -eu sh
	run -0 vmf-cat --csv day.arrows
	assert_output "vm,time,cpu
a,2024-05-01T00:00:00Z,25
a,2024-05-01T00:01:00Z,50
b,2024-05-01T00:00:00Z,"
}

@test "a header that stands further down is found, for the message" {
	put a.csv 'Report of May\n,,\n\nvm,time,cpu\na,0,1\n'
	both refused "a.csv:1: no column 'time' for time; found 'Report of May'; --map FILE.json tells which it is (--show-map prints one to begin with); line 4 has it: \"skip\": 3 in a map, if it is the header" a.csv
	# One that is too far, and one that is of another name.
	{ yes x | head -n 10; cat a.csv; } >b.csv
	both refused "no column 'time' for time" b.csv
	case $stderr in
	*skip*) fail "$stderr" ;;
	esac
	put c.csv 'id,time\n"\nvm,time\n'
	both refused "no column 'vm' for vm; found 'id', 'time'" c.csv
	case $stderr in
	*skip*) fail "$stderr" ;;
	esac
}

# ---- what a number stands for ----

@test "offset: 100 minus what is idle, as sadf writes it" {
	put sa01.csv '# hostname;interval;timestamp;CPU;%%user;%%idle\nweb1;600;2024-05-01 00:10:01 UTC;-1;1.00;98.50\n# hostname;interval;timestamp;CPU;%%user;%%idle\nweb1;600;2024-05-01 00:20:01 UTC;-1;1.00;0\nweb1;600;2024-05-01 00:30:01 UTC;-1;1.00;\n'
	sed -i 's/%%/%/g' sa01.csv
	cp sa01.csv sa02.csv
	example 'sadf -d' >sh
	sh -eu sh
	vmf-cat --csv day.arrows >out
	lines web1,2024-05-01T00:10:01Z,1.5 web1,2024-05-01T00:20:01Z,100 \
	    web1,2024-05-01T00:30:01Z, web1,2024-05-01T00:10:01Z,1.5 \
	    web1,2024-05-01T00:20:01Z,100 web1,2024-05-01T00:30:01Z,
	# After the scale and the share; computed in double, rounded once.
	put a.csv 'vm,time,free,all\na,0,2,8\na,300,1,0\na,600,0.1,3\na,900,-0,1\n'
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"},
	 "metrics": [
	  {"name": "mem", "column": "free", "percent_of": "all", "scale": -1, "offset": 100},
	  {"name": "more", "column": "free", "offset": 16777216},
	  {"name": "same", "column": "free", "scale": 1, "offset": 0}]}
	END
	both ingest --map m.json a.csv
	lines "a,$T0,75,16777218,2" "a,$T5,,16777216,1" \
	    a,1970-01-01T00:10:00Z,96.666664,16777216,0.1 \
	    a,1970-01-01T00:15:00Z,100,16777216,-0
	put b.csv 'vm,time,free,all\na,0,3.4028235e38,1\n'
	sed -i 's/16777216/3e38/' m.json
	both refused "b.csv:2: column 'free': found '3.4028235e38', expected a number in the range of float32" \
	    --only more --map m.json b.csv
}

# ---- times by a pattern ----

# times PATTERN TEXT WANTED...: each text's time by the pattern, "bad" where it
# is a bad row.
times() {
	local pattern=$1
	shift
	: >want
	echo 'vm;time;cpu' >t.csv
	while [ $# -gt 0 ]; do
		printf 'a;"%s";1\nb;%s;1\n' "$1" "$1" >>t.csv
		[ "$2" = bad ] || printf '%s\n' "a,$2,1" "b,$2,1" >>want
		shift 2
	done
	both ingest --delimiter ';' --tz "${tz:-UTC}" --time-format "$pattern" --bad-rows kept t.csv
	tail -n +2 out | diff -u want -
}

@test "times by a pattern: German, American, with names, halves and zones" {
	times '%d.%m.%Y %H:%M' '01.05.2024 13:05' 2024-05-01T13:05:00Z \
	    '1.5.2024  3:05' 2024-05-01T03:05:00Z '29.02.2023 00:00' bad \
	    '29.02.2024 00:00' 2024-02-29T00:00:00Z '01.05.2024 13:05:00' bad \
	    '01.05.2024 13:60' bad '01.05.2024 24:00' bad '01.13.2024 00:00' bad \
	    '00.05.2024 00:00' bad '01.05.24 13:05' bad '01.05.2024' bad \
	    '01.05.202413:05' bad '' bad NA bad '1714521600' bad
	times '%m/%d/%Y %I:%M:%S %p' '5/1/2024 1:05:09 PM' 2024-05-01T13:05:09Z \
	    '05/01/2024 12:00:00 am' 2024-05-01T00:00:00Z \
	    '05/01/2024 12:00:00 Pm' 2024-05-01T12:00:00Z \
	    '05/01/2024 13:00:00 PM' bad '05/01/2024 0:00:00 AM' bad \
	    '05/01/2024 1:00:00' bad '05/01/2024 1:00:00 XM' bad
	times '%a, %e %b %y %T.%f' 'Wed, 1 May 24 13:05:09.999' 2024-05-01T13:05:09Z \
	    'wednesday,  1 may 69 13:05:09.1' 1969-05-01T13:05:09Z \
	    'Wed, 31 December 68 00:00:00.0' 2068-12-31T00:00:00Z \
	    'Wed, 1 Mai 24 13:05:09.9' bad 'Wed, 1 May 24 13:05:09.' bad
	times '%d/%b/%Y:%H:%M:%S %z' '10/Oct/2023:13:55:36 -0700' 2023-10-10T20:55:36Z \
	    '10/Oct/2023:13:55:36 +02:00' 2023-10-10T11:55:36Z \
	    '10/Oct/2023:13:55:36 +02' 2023-10-10T11:55:36Z \
	    '10/Oct/2023:13:55:36 Z' 2023-10-10T13:55:36Z \
	    '10/Oct/2023:13:55:36 0200' bad '10/Oct/2023:13:55:36 +2' bad \
	    '10/Oct/2023:13:55:36 +02:' bad '10/Oct/2023:13:55:36 +25' bad \
	    '10/Okt/2023:13:55:36 Z' bad
	times '%F 100%% %R' '2024-05-01 100% 12:34' 2024-05-01T12:34:00Z
	times '%D' '05/01/24' 2024-05-01T00:00:00Z 05/01/x4 bad 05/01/4 bad
	times '%F%z' 2024-05-01+01 2024-04-30T23:00:00Z 2024-05-01 bad \
	    2024-05-01+021 bad 2024-05-01-01:60 bad 2024-05-01+01x bad
	# On the wall clock, whatever the locale.
	tz=Europe/Zurich LC_ALL=de_DE.UTF-8 times '%d. %B %Y %R' \
	    '1. May 2024 12:00' 2024-05-01T10:00:00Z \
	    '31. Mar 2024 02:30' 2024-03-31T01:30:00Z \
	    '27. October 2024 02:30' 2024-10-27T00:30:00Z \
	    '1. Mai 2024 12:00' bad
}

@test "times by a pattern: of a map, for many rows, and those that are wrong" {
	awk 'BEGIN { print "vm;time;cpu"; for (i = 0; i < 30000; i++)
		printf "v%d;%02d.05.2024 %02d:%02d;%d\n", i % 7,
		    i / 1440 + 1, i / 60 % 24, i % 60, i % 100 }' </dev/null >a.csv
	echo '{"delimiter": ";", "vm": {"column": "vm"}, "time": {"column": "time", "format": "%d.%m.%Y %H:%M"}, "others": "guess"}' >m.json
	VMF_CSV=libcsv ingest --map m.json a.csv
	cp x.arrows ref.arrows
	ingest --threads 3 --map m.json a.csv
	same x.arrows ref.arrows
	assert_equal "$(sed -n '30001p' out)" v4,2024-05-21T19:59:00Z,99
	assert_equal "$(cat err)" 'vmf-ingest: 1 file, 30000 rows in, 30000 rows out, 0 bad rows, 0 missing values'
	echo 'a;1.5.2024;1' >>a.csv
	both refused "a.csv:30002: column 'time': found '1.5.2024', expected a time as %d.%m.%Y %H:%M, in the years 1 to 9999" \
	    --map m.json a.csv
	while IFS='|' read -r pattern text; do
		fails 2 "--time-format: found '$pattern', $text" \
		    vmf-ingest --time-format "$pattern" a.csv
	done <<-'END'
	%d.%m.%Q|a pattern with a letter that is none of %Y
	%d.%m.%Y%|a pattern with a letter that is none of %Y
	%d.%m.%Y %Y|a pattern that has a part of the time twice
	%F %d|a pattern that has a part of the time twice
	%F %H %I %p|a pattern that has a part of the time twice
	%F %I:%M|a pattern with one of %I and %p
	%F %H:%M %p|a pattern with one of %I and %p
	%d.%m. %H:%M|a pattern without year, month and day
	END
}

# ---- decimal commas, percent signs ----

@test "decimal commas: --decimal and the map's, points between groups only" {
	put a.csv 'vm;time;cpu;mem;vcpus\na;0;28,92;1.234.567,5;4\na;300;-1.234;,5;1.024\na;600;7;NA;2,0\na;900;1,5e1;5,;\n'
	both ingest --delimiter ';' --decimal , a.csv
	lines "a,$T0,28.92,1234567.5,4" "a,$T5,-1234,0.5,1024" \
	    a,1970-01-01T00:10:00Z,7,,2 a,1970-01-01T00:15:00Z,15,5,
	echo '{"delimiter": ";", "decimal": ",", "vm": {"column": "vm"}, "time": {"column": "time"}, "others": "guess"}' >m.json
	cp x.arrows ref.arrows
	both ingest --map m.json a.csv
	same x.arrows ref.arrows
	printf '%s\n' vm,time,cpu 'a,0,"28,92"' >q.csv
	both ingest --decimal , q.csv
	lines "a,$T0,28.92"
	for x in 28.92 1.23 0.123 1234.567 1.2345 1.234.56 1,2,3 1,234.5 .5 1. , 1..234 '12 MB'; do
		printf '%s\n' 'vm;time;cpu' 'a;0;1' "a;300;$x" >b.csv
		both refused "b.csv:3: column 'cpu': found '$x', expected a number" \
		    --map m.json b.csv
	done
	printf 'vm;time;cpu\na;0;1\na;300;1,%0600d\n' 0 >l.csv
	both refused "l.csv:3: column 'cpu': found '1,000" --map m.json l.csv
	both refused "found '12 MB', expected a number without a unit" --map m.json b.csv
	printf '%s\n' 'vm;time;cpu' 'a;0;28.92' >c.csv
	both refused "found '28.92', expected a number such as 1.234,5, with a decimal comma" --map m.json c.csv
	# The option over the map, and the way there.
	both ingest --map m.json --decimal . c.csv
	lines "a,$T0,28.92"
	printf '%s\n' 'vm;time;cpu' 'a;0;28,92' >d.csv
	both refused "d.csv:2: column 'cpu': found '28,92', expected a number with a decimal point, not a comma (--decimal , is for those)" \
	    --delimiter ';' d.csv
	fails 2 "--decimal: found ';', expected . or ," vmf-ingest --decimal ';' a.csv
}

@test "decimal commas: the same numbers as with points, wherever they go" {
	vmf-gen -q --vms 200 --days 1 >p.csv
	tr ,. ';,' <p.csv >c.csv
	ingest p.csv
	cp x.arrows ref.arrows
	for threads in 1 3; do
		ingest --delimiter ';' --decimal , --threads $threads c.csv
		same x.arrows ref.arrows
	done
	# Scaled, shared, by where, and in a wide table.
	put a.csv 'vm;time;k;v;of\na;0;x;1,5;2,5\na;0;y;1,5;0,5\n'
	cat >m.json <<-'END'
	{"delimiter": ";", "decimal": ",", "vm": {"column": "vm"}, "time": {"column": "time"},
	 "metrics": [{"name": "s", "column": "v", "percent_of": "of", "scale": 2},
	  {"name": "w", "column": "v", "where": {"column": "k", "is": "y"}}],
	 "attributes": [{"name": "mem_mb", "column": "of"}], "others": "ignore"}
	END
	both ingest --map m.json a.csv
	lines "a,$T0,120,,2.5" "a,$T0,600,1.5,0.5"
	put w.csv 't;a;b\n0;1,25;2\n'
	both ingest --map wide --metric x --delimiter ';' --decimal , w.csv
	lines "a,$T0,1.25" "b,$T0,2"
}

@test "a percent sign after a number whose unit is %" {
	put a.csv 'vm,time,cpu,mem,disk\na,0,12%,1.5 %,3\na,300,7,8\t%,4\n'
	both ingest a.csv
	lines "a,$T0,12,1.5,3" "a,$T5,7,8,4"
	put b.csv 'vm;time;cpu\na;0;12,5 %\n'
	both ingest --delimiter ';' --decimal , b.csv
	lines "a,$T0,12.5"
	for x in % ' %' 1%% 'NA %' 'x %' '1 % 2'; do
		printf '%s\n' vm,time,cpu a,0,1 "a,300,$x" >c.csv
		both refused "c.csv:3: column 'cpu': found '" c.csv
	done
	# Not where the unit is another, or where the map makes it percent.
	printf '%s\n' vm,time,disk a,0,12% >d.csv
	both refused "column 'disk': found '12%', expected a number without a unit" d.csv
	printf '%s\n' vm,time,cpu a,0,12% >e.csv
	echo '{"vm": {"column": "vm"}, "time": {"column": "time"}, "metrics": [{"name": "cpu", "column": "cpu", "scale": 100}]}' >m.json
	both refused "column 'cpu': found '12%', expected a number without a unit" --map m.json e.csv
	sed -i 's/"scale": 100/"scale": -1, "offset": 100/' m.json
	both ingest --map m.json e.csv
	lines "a,$T0,88"
}

# ---- ids ----

@test "until: the id is what is before it" {
	put a.csv 'vm,time,cpu\nweb1:9100,0,1\nweb1:9182,300,2\nweb2,0,3\nweb2 : x:1,300,4\n" w",0,5\n" w : ",0,6\n'
	echo '{"vm": {"column": "vm", "until": ":"}, "time": {"column": "time"}, "metrics": [{"name": "cpu", "column": "cpu"}]}' >m.json
	both ingest --map m.json a.csv
	lines "web1,$T0,1" "web1,$T5,2" "web2,$T0,3" "web2,$T5,4" " w,$T0,5" "w,$T0,6"
	for x in ':9100' ' :' '"  :1"' ''; do
		printf '%s\n' vm,time,cpu a:1,0,1 "$x,0,2" "b:1,0,3" >b.csv
		both refused "b.csv:3: column 'vm': found '" --map m.json b.csv
		both refused "expected the VM's id before ':', UTF-8 and not empty" \
		    --map m.json b.csv
		both ingest --bad-rows skip --map m.json b.csv
		lines "a,$T0,1" "b,$T0,3"
	done
	# Longer than one byte, and very many of them.
	vmf-gen -q --vms 3000 --days 1 --step 1h --order shuffle >c.csv
	ingest c.csv
	cp x.arrows ref.arrows
	awk -F, -v OFS=, 'NR > 1 { $1 = $1 ".example" NR % 3 ".example" }
	    { print }' c.csv >d.csv
	sed -i 's/":"/".example"/; s/}, "metrics.*/}, "others": "guess"}/' m.json
	for threads in 1 3; do
		ingest --threads $threads --map m.json d.csv
		same x.arrows ref.arrows
	done
	VMF_CSV=libcsv ingest --map m.json d.csv
	same x.arrows ref.arrows
}

# ---- several files ----

@test "files whose columns are in another order, or more: by their names" {
	put a.csv 'vm,time,cpu,mem,host\na,0,1,2,h\n'
	put b.csv 'host,mem,cpu,time,vm\nh2,4,3,300,b\nhost,mem,cpu,time,vm\n,x,3,300,b\n'
	put c.csv 'new,vm,mem,time,cpu\n"x,y",c,6,0,5\nz,c,6,300,5,\n'
	# The same columns, all of which matter.
	for threads in 1 3; do
		both ingest --threads $threads --bad-rows skip a.csv b.csv a.csv
		lines "a,$T0,1,2,h" "b,$T5,3,4,h2" "a,$T0,1,2,h"
		grep -q '4 rows in, 3 rows out, 1 bad rows, 0 missing values, the header 1 time more' err
	done
	both refused "b.csv:4: column 'mem': found 'x', expected a number" b.csv a.csv
	both refused "b.csv:4: column 'mem': found 'x', expected a number" a.csv b.csv
	both refused "c.csv:1: column 1 is 'new', expected 'vm' as in a.csv; --only NAME,..., or \"others\": \"ignore\" in a map, finds columns by their names" a.csv c.csv
	# Others may be there or not where they do not matter.
	both ingest --only mem,cpu --bad-rows kept a.csv c.csv
	lines "a,$T0,1,2" "c,$T0,5,6"
	assert_equal "$(cat kept)" z,c,6,300,5,
	both refused 'c.csv:3: found 6 fields, expected 5' --only cpu a.csv c.csv
	cat >m.json <<-'END'
	{"vm": {"column": "vm"}, "time": {"column": "time"}, "others": "ignore",
	 "metrics": [{"name": "part", "column": "cpu", "percent_of": "mem"},
	  {"name": "one", "column": "mem", "where": {"column": "vm", "is": "c"}}]}
	END
	both ingest --bad-rows skip --map m.json a.csv c.csv b.csv
	lines "a,$T0,50," "c,$T0,83.333336,6" "b,$T5,75,"
	both refused "c.csv:1: found the column 'host' not at all or twice, expected it once, as in a.csv" \
	    --only cpu,host a.csv c.csv
	put d.csv 'vm,time,cpu,cpu\nd,0,7,8\n'
	both refused "d.csv:1: found the column 'cpu' not at all or twice" --only cpu a.csv d.csv
	# A place is a place.
	sed -i 's/"column": "cpu"/"column": 3/' m.json
	both refused "c.csv:1: found the column 'cpu' not at all or twice, expected it in its place, as in a.csv" \
	    --map m.json a.csv c.csv
	put e.csv 'vm,time,cpu,more,mem\ne,0,7,8,9\n'
	both ingest --map m.json a.csv e.csv
	lines "a,$T0,50," "e,$T0,77.77778,"
}

@test "files of other columns among others, with threads and packed ones" {
	vmf-gen -q --vms 300 --days 1 >p.csv
	awk -F, -v OFS=, '{ print $4, "x" NR, $2, $1, $3 }' p.csv >q.csv
	gzip -kf q.csv
	ingest p.csv p.csv p.csv p.csv
	cp x.arrows ref.arrows
	for threads in 1 2 5; do
		ingest --only cpu,mem --threads $threads p.csv q.csv p.csv q.csv.gz
		same x.arrows ref.arrows
	done
}
