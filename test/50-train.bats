# vmf-train: the model stream, what is learned of whom, and what is refused.
# The quantiles are held against hand-made figures in test/unit/snaive.c.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

# series END: hourly; lines of "id start cpu_mean [mem_mean]" on stdin.
series() {
	{
		echo "kind=series step=3600 start=2024-01-01T00:00:00Z end=$1"
		echo "id start:time cpu_mean:list mem_mean:list"
		cat
	} | "$ROWS"
}

# Two days by the hour: 1 to 24, then 2 to 25.
RISE=$(seq -s , 1 24),$(seq -s , 2 25)
END=2024-01-03T00:00:00Z

# Column NAME of vmf-cat --csv without quotes, one value a line.
column() {
	vmf-cat --csv --no-header --columns "$1" "$2"
}

@test "columns, metadata, a row a series" {
	series $END >s <<-E
	a 2024-01-01T00:00:00Z $RISE $RISE
	b - - -
	E
	vmf-train --model snaive -o m s 2>err
	assert_equal "$(cat err)" "vmf-train: 2 series in, 1 ok, 1 empty"
	run -0 vmf-cat --schema m
	assert_line --regexp '^id +utf8'
	assert_line --regexp '^metric +utf8'
	assert_line --regexp '^model +utf8'
	assert_line --regexp '^status +utf8'
	assert_line --regexp '^params +list<float64>'
	assert_line --regexp '^blob +binary'
	assert_line --regexp '^mase +float64'
	assert_line --regexp '^updated +timestamp'
	assert_line --regexp '^vmf:kind +model'
	assert_line --regexp '^vmf:step +3600'
	assert_line --regexp '^vmf:season +86400'
	assert_line --regexp '^vmf:metric +cpu_mean'
	assert_line --regexp '^vmf:model +snaive'
	assert_line --regexp "^vmf:end +$END"
	run -0 vmf-cat --csv --no-header m
	# The least value, and every error is 1: quantiles below the median
	# are held at 0.
	assert_line --index 0 "a,cpu_mean,snaive,ok,\"[1,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1]\",,,$END"
	assert_line --index 1 "b,cpu_mean,snaive,empty,[],,,$END"
}

@test "several metrics: a row each, in the order given" {
	series $END >s <<-E
	a 2024-01-01T00:00:00Z $RISE 5*48
	b 2024-01-01T00:00:00Z 5*48 $RISE
	E
	vmf-train --model snaive -q --metric mem_mean,cpu_mean -o m s
	run -0 vmf-cat --csv --no-header --columns id,metric,status m
	assert_output "$(printf '%s\n' a,mem_mean,constant a,cpu_mean,ok \
	    b,mem_mean,ok b,cpu_mean,constant)"
	run -0 vmf-cat --schema m
	assert_line --regexp '^vmf:metric +mem_mean,cpu_mean'
}

@test "statuses: ok, short, constant, stale, empty" {
	series $END >s <<-E
	a 2024-01-01T00:00:00Z $RISE -
	b 2024-01-01T15:00:00Z 1*32,2 -
	c 2024-01-01T14:00:00Z 1*33,2 -
	d 2024-01-01T00:00:00Z 7*48 -
	e 2024-01-01T00:00:00Z $(cut -d, -f -24 <<<"$RISE"),-*24 -
	f 2024-01-01T00:00:00Z $(cut -d, -f -25 <<<"$RISE"),-*23 -
	g 2024-01-01T00:00:00Z -*48 -
	h - [] -
	E
	vmf-train --model snaive -q -o m s
	run -0 column id,status m
	# b has nine pairs of values a season apart, c has ten; e ends 24 h
	# before the end, f one sample later.
	assert_output "$(printf '%s\n' a,ok b,short c,ok d,constant e,stale \
	    f,short g,empty h,empty)"
	vmf-train --model snaive -q --stale-after 1h -o m s
	run -0 column id,status m
	assert_line f,stale
	assert_line a,ok
	vmf-train --model snaive -q --stale-after 25h -o m s
	run -0 column id,status m
	assert_line e,short
}

@test "--at: what begins later is not looked at" {
	series $END >s <<-E
	a 2024-01-01T00:00:00Z $RISE
	E
	series 2024-01-04T00:00:00Z >longer <<-E
	a 2024-01-01T00:00:00Z $RISE,900*24
	E
	vmf-train --model snaive -q --no-history -o m1 s
	vmf-train --model snaive -q --no-history --at $END -o m2 longer
	same m1 m2
	# A moment before any sample is an empty history.
	vmf-train --model snaive -q --at 2024-01-01 -o m3 s
	run -0 column status m3
	assert_output empty
	fails 2 'expected a multiple of the step' \
	    vmf-train --model snaive --at 2024-01-02T00:30:00Z s
}

@test "--season: any multiple of the step" {
	series $END >s <<-E
	a 2024-01-01T00:00:00Z 1,2,3,4*45 -
	E
	vmf-train --model snaive -q --season 3h -o m s
	run -0 vmf-cat --json m
	assert_output --partial '"params":[1,'
	run -0 vmf-cat --schema m
	assert_line --regexp '^vmf:season +10800'
	fails 2 '--season is 5400 s, expected a multiple' \
	    vmf-train --model snaive --season 90m s
	# Longer than any history: all are short.
	vmf-train --model snaive -q --season 52w -o m s
	run -0 column status m
	assert_output short
}

@test "mase: the last season against the past, by hand" {
	# Season 3: 10 20 30 12 24 33 15; forecast of the last three 20 30 12,
	# errors 4 3 3, and the past differs by 2 over a season.
	series 2024-01-01T07:00:00Z >s <<-E
	a 2024-01-01T00:00:00Z 10,20,30,12,24,33,15 -
	E
	vmf-train --model snaive -q --season 3h -o m s
	run -0 column mase m
	assert_output --partial 1.66666
}

@test "float64 lists and dictionaries of ids are the same" {
	series $END >s <<<"a 2024-01-01T00:00:00Z $RISE -"
	printf '%s\n' "kind=series step=3600 start=2024-01-01T00:00:00Z end=$END" \
	    'id:dict start:time cpu_mean:list64' \
	    "a 2024-01-01T00:00:00Z $RISE" | "$ROWS" >s64
	vmf-train --model snaive -q --no-history -o m1 s
	vmf-train --model snaive -q --no-history -o m2 s64
	same m1 m2
}

@test "metadata that was dropped: --step and --at" {
	printf '%s\n' - 'id start:time cpu_mean:list' \
	    "a 2024-01-01T00:00:00Z $RISE" | "$ROWS" >s
	fails 1 'vmf:step is missing' vmf-train --model snaive s
	fails 1 'vmf:end is missing' vmf-train --model snaive --step 1h s
	vmf-train --model snaive -q --step 1h --at $END -o m s
	run -0 column status m
	assert_output ok
	# A moment that the step does not fit, and a step that is not the
	# stream's.
	fails 2 'multiple of the step' vmf-train --model snaive --step 1h --at 2024-01-03T00:10:00Z s
	series $END >s <<<"a 2024-01-01T00:00:00Z $RISE -"
	fails 2 'vmf:step is 3600 s, but --step is 300 s' vmf-train --model snaive --step 5m s
}

@test "bad input and options: one line, exit code, nothing written" {
	series $END >s <<<"a 2024-01-01T00:00:00Z $RISE -"
	fails 2 'downtime stands alone' vmf-train --model snaive,downtime x
	for o in '--epochs 3' '--hidden 5' '--seed 7' '--checkpoint ck'; do
		# shellcheck disable=SC2086 # a name and its value
		fails 2 "${o% *} is about lstm, and --model is kq" \
		    vmf-train --model kq $o s
	done
	fails 2 "'prophet' is not known, expected one of: snaive" \
	    vmf-train --model snaive --model prophet -o out s
	fails 2 "'snaive' is there twice" vmf-train --model snaive --model snaive,snaive s
	fails 2 "--metric: 'cpu_mean,', expected names" \
	    vmf-train --model snaive --metric cpu_mean, s
	fails 1 "no list column 'cpu_max'; there are cpu_mean, mem_mean" \
	    vmf-train --model snaive --metric cpu_max -o out s
	fails 1 'no_such_file' vmf-train --model snaive no_such_file -o out
	series $END >s <<-E
	b 2024-01-01T00:00:00Z 1 -
	b 2024-01-01T00:00:00Z 1 -
	E
	fails 1 "row 1: id 'b' follows 'b', expected ids that ascend" \
	    vmf-train --model snaive -o out s
	series $END >s <<<"- 2024-01-01T00:00:00Z 1 -"
	fails 1 'row 0: id is missing' vmf-train --model snaive -o out s
	series $END >s <<<"a 2024-01-01T00:30:00Z 1 -"
	fails 1 'row 0: start is 2024-01-01T00:30:00Z, expected a multiple of the step, 3600 s' \
	    vmf-train --model snaive -o out s
	series $END >s <<<"a 2024-01-01T00:00:00Z 1,2 1,2,3"
	fails 1 "row 0: 'cpu_mean' has 2 steps and 'mem_mean' has 3" \
	    vmf-train --model snaive -o out s
	series $END >s <<<"a 2024-01-02T23:00:00Z 1,2 -"
	fails 1 "row 0: 2 steps reach past the end of the grid, $END" \
	    vmf-train --model snaive -o out s
	series $END >s <<<"a - 1,2 -"
	fails 1 "row 0: 'cpu_mean' has 2 steps but 'start' is missing" \
	    vmf-train --model snaive -o out s
	series 2024-01-03T00:30:00Z >s <<<"a - - -"
	fails 1 'vmf:end is 2024-01-03T00:30:00Z, expected a multiple' \
	    vmf-train --model snaive -o out s
	printf '%s\n' "kind=series step=0 end=$END" 'id start:time cpu_mean:list' |
	    "$ROWS" >s
	fails 1 "vmf:step is '0', expected a positive" vmf-train --model snaive -o out s
	printf '%s\n' "kind=series step=60 end=$END" 'id start:time x:f32' |
	    "$ROWS" >s
	fails 1 'no column is a list' vmf-train --model snaive -o out s
	printf '%s\n' "kind=series step=60 end=$END" 'vm start:time x:list' |
	    "$ROWS" >s
	fails 1 "no column 'id'" vmf-train --model snaive -o out s
	printf '%s\n' "kind=readings" 'vm time:time cpu:f32' | "$ROWS" >s
	fails 1 "of kind 'readings', expected 'series'" vmf-train --model snaive -o out s
	[ ! -e out ]
}

@test "an empty stream of series is an empty model" {
	series $END </dev/null >s
	vmf-train --model snaive -q -o m s
	run -0 vmf-cat --csv m
	assert_output 'id,metric,model,status,params,blob,mase,updated'
}

@test "where batches of the model end follows from what is in them" {
	not_small
	head='kind=series step=3600 start=2024-01-01T00:00:00Z end=2024-01-03T00:00:00Z'
	for cut in 0 1999 7000; do
		{
			echo "$head"
			echo "id start:time cpu_mean:list"
			awk -v cut=$cut 'BEGIN {
				for (v = 0; v < 20000; v++) {
					if (cut > 0 && v % cut == 1) print "batch"
					printf "%05d 2024-01-01T00:00:00Z ", v
					for (t = 0; t < 48; t++)
						printf "%s%d", t ? "," : "", (t * v) % 17
					print ""
				}
			}'
		} | "$ROWS" | vmf-train -q --no-history --model theta -o m$cut
	done
	[ "$(wc -c <m0)" -gt 17000000 ]
	same m0 m1999
	same m0 m7000
}
