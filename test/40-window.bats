# vmf-window: where a move is planned, and why not.  The search itself is
# held against one of every start and second in test/unit/window.c.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

# forecast START [STEP_S]: a forecast stream; lines of
# "id host cpu_mean cpu_mean_q90 status reason" on standard input.
forecast() {
	{
		echo "kind=forecast step=${2:-3600}"
		echo "id host start:time cpu_mean:list cpu_mean_q90:list status reason"
		while read -r id host mean q90 status reason; do
			echo "$id $host $1 $mean $q90 ${status:-ok} ${reason:--}"
		done
	} | "$ROWS"
}

# window OPTION...: the plan of standard input as CSV without header.
window() {
	vmf-window -q "$@" | vmf-cat --csv --no-header
}

# The start of the first window of one VM with these hourly loads.
best() {
	local start=$1 load=$2
	shift 2
	echo "a h $load -" | forecast "$start" | window "$@" | cut -d, -f 3
}

DAY=2024-05-01T00:00:00Z

@test "the least load, ties to the earliest, all columns" {
	forecast $DAY >f <<-E
	a h1 5,4,3,3,4,5 6,5,4,4,5,6
	b h2 1*6 2*6
	c h1 9,9,9,9,9,0.5 9,9,9,9,9,9
	E
	vmf-window --length 1h -o plan f 2>err
	run -0 vmf-cat --csv plan
	assert_line --index 0 'id,host,start,end,load,rank,status,reason'
	assert_line --index 1 'a,h1,2024-05-01T02:00:00Z,2024-05-01T03:00:00Z,3,1,placed,'
	assert_line --index 2 'b,h2,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,1,1,placed,'
	assert_line --index 3 'c,h1,2024-05-01T05:00:00Z,2024-05-01T06:00:00Z,0.5,1,placed,'
	assert_equal "$(cat err)" "vmf-window: 3 forecasts, 3 placed; windows of 1h"
	run -0 vmf-cat --schema plan
	assert_line --regexp '^vmf:kind +plan$'
	refute_line --regexp '^vmf:step'
}

@test "load is the mean of the steps weighted by how long they are covered" {
	# From 01:45, 90 minutes: a sixth of 7, four of 1, a sixth of 4.
	forecast $DAY >f <<<'a h 9,7,1,4,9 -'
	run -0 window --length 90m --not-before 2024-05-01T01:45:00Z \
	    --not-after 2024-05-01T03:15:00Z <f
	assert_output 'a,h,2024-05-01T01:45:00Z,2024-05-01T03:15:00Z,2.5,1,placed,'
	# Free to move, all of step 2 and half of step 3 are least.
	run -0 window --length 90m <f
	assert_output 'a,h,2024-05-01T02:00:00Z,2024-05-01T03:30:00Z,2,1,placed,'
}

@test "wholly inside the horizon, or a row that says why" {
	forecast $DAY >f <<<'a h 3,2,1 -'
	run -0 window --length 3h <f
	assert_output 'a,h,2024-05-01T00:00:00Z,2024-05-01T03:00:00Z,2,1,placed,'
	run -0 window --length 2h <f
	assert_output --partial '2024-05-01T01:00:00Z,2024-05-01T03:00:00Z,1.5'
	run -0 window --length 181m <f
	assert_output --partial 'a,h,,,,,no-window,no window of 181m'
	assert_output --partial 'between 2024-05-01T00:00:00Z and 2024-05-01T03:00:00Z'
}

@test "--slot: multiples since the epoch; by default the step or 5 minutes" {
	# The middle of a valley that is two steps of 30 s wide.
	forecast $DAY 30 >fine <<<'a h 9*7,1,1,9*7 -'
	run -0 window --length 1m <fine
	assert_output --partial 'a,h,2024-05-01T00:03:30Z'
	# Starts at :00, :05, :10, ...; 12 minutes fit best from 00:50.
	forecast $DAY >f <<<'a h 9,1,9 -'
	run -0 window --length 70m <f
	assert_output --partial 'a,h,2024-05-01T00:50:00Z'
	run -0 window --length 70m --slot 7m <f
	start=$(cut -d, -f 3 <<<"$output")
	assert_equal $(($(date -u -d "$start" +%s) % 420)) 0
	run -0 window --length 30m --slot 2h --not-before 2024-05-01T00:01:00Z <f
	assert_output --partial 'a,h,2024-05-01T02:00:00Z'
}

@test "a slot so small that nobody meant it is refused" {
	forecast 2024-05-01T00:00:00Z 86400 >f <<<'a h 1*200 -'
	fails 2 'possible starts, expected at most 10000000' \
	    vmf-window --length 60 --slot 1s f
}

@test "steps that are missing are not planned over" {
	assert_equal "$(best $DAY 1,-,2,2,9 --length 2h)" 2024-05-01T02:00:00Z
	assert_equal "$(best $DAY 1,-,2,2,9 --length 1h)" 2024-05-01T00:00:00Z
	echo 'a h 1,-,2 -' | forecast $DAY >f
	run -0 window --length 2h <f
	assert_output --partial 'a,h,,,,,no-window,'
	assert_output --partial 'missing step'
}

@test "--risk ranks by the quantile, shows both, and needs the column" {
	forecast $DAY >f <<<'a h 1,2,3 30,20,10'
	run -0 vmf-window -q --length 1h --risk 0.9 -o plan f
	run -0 vmf-cat --csv plan
	assert_line --index 0 'id,host,start,end,load,load_q90,rank,status,reason'
	assert_line --index 1 'a,h,2024-05-01T02:00:00Z,2024-05-01T03:00:00Z,3,10,1,placed,'
	fails 1 "no quantile 0.8 of 'cpu_mean'; there are 0.9" \
	    vmf-window --length 1h --risk 0.8 f
	fails 1 "no list column 'mem_mean'; there are cpu_mean, cpu_mean_q90" \
	    vmf-window --length 1h --metric mem_mean f
	# A step without a quantile is as good as missing.
	forecast $DAY >f <<<'a h 1,2,3 -,20,30'
	run -0 window --length 1h --risk 0.9 <f
	assert_output --partial 'a,h,2024-05-01T01:00:00Z'
}

@test "--max-load at --risk: at most, not less than" {
	forecast $DAY >f <<<'a h 1,2,3 30,20,25'
	run -0 window --length 1h --max-load 1 <f
	assert_output --partial ',1,1,placed,'
	run -0 window --length 1h --max-load 0.99 <f
	assert_output 'a,h,,,,,over-load,"the least load, 1 at 2024-05-01T00:00:00Z, is more than 0.99"'
	run -0 window --length 1h --risk 0.9 --max-load 20 <f
	assert_output --partial ',2,20,1,placed,'
	run -0 window --length 1h --risk 0.9 --max-load 19 <f
	assert_output --partial ',over-load,"the least load, 20 at 2024-05-01T01:00:00Z'
}

@test "--top K: ranked, other starts; --no-overlap; fewer where there are" {
	forecast $DAY >f <<<'a h 5,1,2,9,1 -'
	run -0 window --length 1h --slot 1h --top 3 <f
	assert_line --index 0 'a,h,2024-05-01T01:00:00Z,2024-05-01T02:00:00Z,1,1,placed,'
	assert_line --index 1 'a,h,2024-05-01T04:00:00Z,2024-05-01T05:00:00Z,1,2,placed,'
	assert_line --index 2 'a,h,2024-05-01T02:00:00Z,2024-05-01T03:00:00Z,2,3,placed,'
	run -0 window --length 1h --top 3 <f
	assert_line --index 2 --partial '2024-05-01T01:05:00Z,2024-05-01T02:05:00Z,1.0833334,3'
	run -0 window --length 2h --slot 1h --top 9 <f
	assert_equal "${#lines[@]}" 4
	run -0 window --length 2h --slot 1h --top 9 --no-overlap <f
	assert_equal "${#lines[@]}" 2
	assert_line --index 0 --partial 'a,h,2024-05-01T01:00:00Z'
	assert_line --index 1 --partial 'a,h,2024-05-01T03:00:00Z'
}

@test "--not-before and --not-after, on the wall clock of --tz" {
	assert_equal "$(best $DAY 1,2,3,4 --length 1h \
	    --not-before 2024-05-01T00:01:00Z)" 2024-05-01T00:05:00Z
	assert_equal "$(best $DAY 4,3,2,1 --length 1h \
	    --not-after 2024-05-01T03:00:00Z)" 2024-05-01T02:00:00Z
	# 04:00 in Zurich is 02:00 UTC.
	assert_equal "$(best $DAY 4,3,2,1 --length 1h \
	    --not-after '2024-05-01 04:00' --tz Europe/Zurich)" 2024-05-01T01:00:00Z
	echo 'a h 1,2 -' | forecast $DAY >f
	run -0 window --length 1h --not-before 2024-05-01T01:01:00Z <f
	assert_output --partial ',no-window,no window of 1h'
	run -0 window --length 1h --not-before 2024-05-02 <f
	assert_output --partial ',no-window,"the forecast ends at 2024-05-01T02:00:00Z, and no window begins before 2024-05-02T00:00:00Z: expected a longer --horizon of vmf-predict"'
}

@test "--blackout: days, times, over midnight, several; a row where all is dark" {
	# 2024-05-01 is a Wednesday.
	local up=1,2,3,4,5,6,7,8,9,10,11,12
	assert_equal "$(best $DAY $up --length 1h --blackout '00:00-03:30')" \
	    2024-05-01T03:30:00Z
	assert_equal "$(best $DAY $up --length 1h --blackout 'Thu,Fri')" \
	    2024-05-01T00:00:00Z
	assert_equal "$(best $DAY $up --length 1h --blackout 'Mon-Tue 22:00-04:00')" \
	    2024-05-01T04:00:00Z
	assert_equal "$(best $DAY $up --length 1h --blackout 'Wed 22:00-04:00')" \
	    2024-05-01T00:00:00Z
	assert_equal "$(best $DAY $up --length 1h --blackout '00:00-02:00' \
	    --blackout 'Wed-Fri 01:30-04:00' --blackout '05:00-06:00')" \
	    2024-05-01T04:00:00Z
	# An end at the beginning of a blackout is not an overlap.
	assert_equal "$(best $DAY 3,2,1,0 --length 2h --blackout '02:00-24:00')" \
	    2024-05-01T00:00:00Z
	echo 'a h 1*12 -' | forecast $DAY >f
	run -0 window --length 1h --blackout Wed <f
	assert_output --partial 'a,h,,,,,blackout,each of the 133 possible windows'
	fails 2 "blackout '22.00-04:00', expected" \
	    vmf-window --length 1h --blackout 22.00-04:00 f
	fails 2 "blackout '22:00-04.00', expected" \
	    vmf-window --length 1h --blackout 22:00-04.00 f
	fails 2 "blackout 'Mon-Fri 9-18', expected" \
	    vmf-window --length 1h --blackout 'Mon-Fri 9-18' f
	fails 2 'time zone' vmf-window --length 1h --tz Europe/Zurch f
}

@test "--blackout when clocks are turned forward: Europe/Zurich, 31 March 2024" {
	# 01:00 UTC is when 02:00 becomes 03:00.  Sunday 00:00 is 23:00 UTC.
	local start=2024-03-30T23:00:00Z up=1,2,3,4,5,6
	best_zurich() {
		best $start $up --length 30m --tz Europe/Zurich --blackout "$1"
	}
	assert_equal "$(best_zurich 'Sun 00:00-02:00')" 2024-03-31T01:00:00Z
	assert_equal "$(best_zurich 'Sun 00:00-03:00')" 2024-03-31T01:00:00Z
	assert_equal "$(best_zurich 'Sun 00:00-03:30')" 2024-03-31T01:30:00Z
	# Over midnight, Saturday's; 04:00 is two hours after UTC by then.
	assert_equal "$(best_zurich 'Sat 22:00-04:00')" 2024-03-31T02:00:00Z
	# The hour that is not shown darkens nothing.
	assert_equal "$(best $start 9,9,1,1,9,9 --length 30m --tz Europe/Zurich \
	    --blackout 'Sun 02:00-03:00')" 2024-03-31T01:00:00Z
}

@test "--blackout when clocks are turned back: Europe/Zurich, 27 October 2024" {
	# 01:00 UTC is when 03:00 becomes 02:00; Sunday 00:00 is 22:00 UTC.
	local start=2024-10-26T22:00:00Z up=1,2,3,4,5,6
	best_zurich() {
		best $start $up --length 30m --tz Europe/Zurich --blackout "$1"
	}
	assert_equal "$(best_zurich 'Sun 00:00-02:00')" 2024-10-27T00:00:00Z
	# 02:00 to 03:00 is shown twice, from 00:00 to 02:00 UTC.
	assert_equal "$(best_zurich 'Sun 00:00-03:00')" 2024-10-27T02:00:00Z
	# Half past two is shown at 00:30 and 01:30: between them it is light.
	assert_equal "$(best_zurich 'Sun 00:00-02:30')" 2024-10-27T00:30:00Z
	assert_equal "$(best $start 9,9,9,1,9,9 --length 1h --tz Europe/Zurich \
	    --blackout '02:00-02:30')" 2024-10-27T01:30:00Z
	assert_equal "$(best_zurich 'Sat 22:00-04:00')" 2024-10-27T03:00:00Z
}

@test "a forecast that is not ok is told in the plan" {
	forecast $DAY >f <<-E
	a h -,-,- - empty no_sample
	b h - - empty
	c h 3,2,1 - stale no_sample_since_yesterday
	E
	run -0 window --length 1h <f
	assert_line --index 0 --partial 'a,h,,,,,no-window,'
	assert_line --index 0 --partial 'forecast is empty: no_sample'
	assert_line --index 1 'b,h,,,,,no-window,the forecast has no steps; forecast is empty'
	assert_line --index 2 'c,h,2024-05-01T02:00:00Z,2024-05-01T03:00:00Z,1,1,placed,forecast is stale: no_sample_since_yesterday'
}

@test "rows of their own starts" {
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list64'
		echo 'a 2024-05-01T00:00:00Z 2,1'
		echo 'b 2024-05-02T00:00:00Z 2,1'
		echo 'c 2024-05-01T00:00:00Z 1,2'
		echo 'd - -'
	} | "$ROWS" >f
	run -0 window --length 1h --blackout 'Wed 01:00-02:00' <f
	assert_line --index 0 --partial 'a,2024-05-01T00:00:00Z'
	assert_line --index 1 --partial 'b,2024-05-02T01:00:00Z'
	assert_line --index 2 --partial 'c,2024-05-01T00:00:00Z'
	assert_line --index 3 'd,,,,,no-window,the forecast has no steps'
}

@test "metadata that was dropped: --step" {
	printf '%s\n' - 'id start:time cpu_mean:list' \
	    "a $DAY 2,1,3" | "$ROWS" >f
	fails 1 'vmf:step is missing' vmf-window --length 1h f
	run -0 window --length 1h --step 1h <f
	assert_output --partial 'a,2024-05-01T01:00:00Z'
	echo 'a h 1,2 -' | forecast $DAY >f
	fails 2 '--step is 300 s' vmf-window --length 1h --step 5m f
}

@test "bad input and options: one line, exit code, nothing written" {
	echo 'a h 1,2 -' | forecast $DAY >f
	fails 2 '--length' vmf-window f
	fails 1 "--explain: no VM 'nosuch' in the plan" \
	    vmf-window --length 1h --explain a,nosuch f
	fails 1 "--explain: no VM 'nosuch' in the plan" \
	    vmf-window --length 1h --total 1 --explain nosuch f
	vmf-window --length 30 f 2>err >/dev/null
	run -0 grep -c 'windows of 30s$' err
	fails 2 'expected one quantile' vmf-window --length 1h --risk 0.1,0.9 f
	fails 2 'above 0 and below 1' vmf-window --length 1h --risk 90 f
	fails 2 '--not-before is 9223372036854775807 s' vmf-window --length 1h \
	    --not-before @9223372036854775807 f
	run -0 window --length 1h --not-before @253402300799 --slot 106751991167300d <f
	assert_output --partial ',no-window,'
	run -0 window --length 106751991167300d <f
	assert_output --partial ',no-window,'
	fails 2 '--top' vmf-window --length 1h --top 0 f
	printf 'kind=series step=3600\nid start:time cpu_mean:list\n' |
	    "$ROWS" >s
	fails 1 "of kind 'series', expected 'forecast'" \
	    vmf-window --length 1h -o out s
	printf '%s\n' 'kind=forecast step=3600' 'id start:time cpu_mean:list' \
	    "b $DAY 1" batch "a $DAY 1" | "$ROWS" >f
	fails 1 "row 1: id 'a' follows 'b'" vmf-window --length 1h -o out f
	printf '%s\n' 'kind=forecast step=3600' 'id start:time cpu_mean:list' \
	    "a 2024-05-01T00:10:00Z 1" | "$ROWS" >f
	fails 1 'row 0: start is 2024-05-01T00:10:00Z, expected a multiple' \
	    vmf-window --length 1h -o out f
	printf '%s\n' 'kind=forecast step=3600' \
	    'id start:time cpu_mean:list x:list' "a $DAY 1,2 1" | "$ROWS" >f
	fails 1 "row 0: 'cpu_mean' has 2 steps and 'x' has 1" \
	    vmf-window --length 1h -o out f
	printf '%s\n' 'kind=forecast step=3600' 'id start:time cpu_mean:list' \
	    "a $DAY 1,inf" | "$ROWS" >f
	fails 1 "row 0: 'cpu_mean' is inf at item 1" \
	    vmf-window --length 1h -o out f
	[ ! -e out ]
}

@test "an empty forecast is an empty plan" {
	forecast $DAY </dev/null >f
	run -0 vmf-window -q --length 1h -o plan f
	run -0 vmf-cat --csv plan
	assert_output 'id,host,start,end,load,rank,status,reason'
}
