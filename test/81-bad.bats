# Streams that are sound Arrow, and yet no series, readings, model or forecast
# that can be used: each is refused in one line that names the place.  (What
# is no sound Arrow is test/torture/damage's.)

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

DAY=2024-05-01T00:00:00Z
SERIES='kind=series step=3600'

# s LINE...: the stream of these lines, as test/unit/rows.c has them.
s() {
	printf '%s\n' "$@" | "$ROWS" >s
}

# agg CODE TEXT [OPTION...]: what vmf-aggregate says of s.
agg() {
	local code=$1 text=$2
	shift 2
	fails "$code" "$text" vmf-aggregate --step 2h "$@" -o out s
}

@test "series to coarsen: lists, starts and counts" {
	local cols='id start:time cpu_mean:list cpu_count:list'
	s "$SERIES" "$cols" "a $DAY 1,2 1"
	agg 1 's: row 0: found lists of 2 and 1 items, expected all equally long'
	s "$SERIES" "$cols" "a $DAY 1 1" 'b - 1 1'
	agg 1 's: row 1: found 1 steps and no start'
	s "$SERIES" "$cols" 'a 2024-05-01T00:01:00Z 1 1'
	agg 1 's: row 0: found start 1714521660 s, expected a multiple of the step, 3600 s'
	s "$SERIES" "$cols" 'a 9999-12-31T23:00:00Z 1 1'
	agg 1 's: row 0: found 1 steps from 253402297200 s on, expected times in the years 3 to 9997'
	s "$SERIES" "$cols" "- $DAY 1 1"
	agg 1 's: row 0: found no id (null), expected one in every row'
	s "$SERIES" "$cols" "a $DAY 1 -1"
	agg 1 's: row 0: found cpu_count -1, expected a count'
	s "$SERIES" "$cols" "a $DAY 1 1.5"
	agg 1 's: row 0: found cpu_count 1.5, expected a count'
	s "$SERIES" "$cols" "a $DAY 1,1 2147483648,2147483648"
	agg 1 's: row 0: cpu_count adds up to more than 2^32 samples in a step'
	# Rows without steps need no start, and counts of 0 are no samples.
	s "$SERIES" "$cols" 'a - - -' "b $DAY 1,2,3 0,1,-"
	run -0 vmf-aggregate -q --step 2h -o out s
	run -0 vmf-cat --csv --no-header --columns id,cpu_mean,cpu_count out
	assert_line --index 0 'a,[],[]'
	assert_line --index 1 'b,[2],[1]'
}

@test "series to coarsen: columns and metadata" {
	local row="a $DAY 1 1"
	s "$SERIES" 'id start:f64 cpu_mean:list' 'a 0 1'
	agg 1 's: found no columns id (utf8) and start (timestamp), expected those of series'
	s 'kind=series step=soon' 'id start:time cpu_mean:list cpu_count:list' "$row"
	agg 1 "s: found vmf:step 'soon', expected seconds"
	s "$SERIES" 'id start:time cpu_min:list cpu_count:list' "$row"
	agg 1 "s: found no column 'cpu_mean', expected it for cpu_mean: make the finer series with --stat mean" --stat mean
	agg 1 "s: found no column 'cpu_max'" --stat max
	s "$SERIES" 'id start:time host vcpus:int32 cpu_mean:list' "a $DAY h 2 1"
	agg 1 "s: found no column 'cpu_count'" --by host
	s "$SERIES" 'id start:time host vcpus:int32 cpu_mean:list cpu_count:list' \
	    "a $DAY h 2 1 1"
	agg 2 '--fine-step: found 40m, expected a multiple of the step of s, 3600 s' \
	    --by host --fine-step 40m
	agg 2 '--input-step: found 1800 s, expected 3600 s' --input-step 30m
	s "$SERIES" 'id start:time word' "a $DAY x"
	agg 1 's: found no metric, expected a column of numbers such as cpu'
	agg 2 '--stat: found more than 32 statistics' \
	    --stat "$(seq -s , -f p%g 1 33)"
	s - 'vm time:time cpu:list' "a $DAY 1,2"
	agg 1 "s: column 'cpu' is list<float32>, expected a number, text, bool or timestamp"
	# What series cannot hold is left out, and said.
	s "$SERIES" 'id start:time cpu_mean:list cpu_count:list raw:binary' \
	    "a $DAY 1 1 x"
	run -0 vmf-aggregate --step 2h -o out s
	assert_output --partial raw
	run -0 vmf-cat --schema out
	refute_output --partial raw
}

@test "series to learn, forecast and score" {
	s "$SERIES" 'id:int32 start:time cpu_mean:list' "1 $DAY 1"
	fails 1 "s: column 'id' is int32, expected utf8" vmf-train -o out s
	s "$SERIES" 'id start cpu_mean:list' "a $DAY 1"
	fails 1 "s: column 'start' is utf8, expected a timestamp" \
	    vmf-eval -o out s
	s 'kind=series step=99999999999' 'id start:time cpu_mean:list' 'a - 1'
	fails 1 's: a step of 99999999999 s, expected at most' vmf-train -o out s
	s "$SERIES" 'id start:time cpu_mean:list' "a $DAY 1"
	fails 2 '--at is 300000000000000 s since 1970, expected a time in the years 1 to 9999' \
	    vmf-train --at @300000000000000 -o out s
	s "$SERIES end=2024-05-01T09:00:00Z" 'id start:time cpu_mean:list' \
	    "a $DAY 24*9" "b $DAY 24*5"
	vmf-train -q --model snaive -o m s
	fails 2 'more than 99 quantiles' vmf-predict --from m -o out \
	    --quantiles "$(seq -s , -f %.3f .001 .001 .1)" s
	fails 2 'more than 64 names' vmf-train -o out \
	    --metric "$(seq -s , -f cpu%g 65)" s
	# Weeks, of which there are not so many before the year 10000.
	s 'kind=series step=604800 end=2024-05-30T00:00:00Z' \
	    'id start:time cpu_mean:list' 'a 2024-05-02T00:00:00Z 1,2,3,4'
	vmf-train -q --model snaive --season 14d -o weeks s
	fails 2 '--horizon is 1000000 steps, expected an end before the year 10000' \
	    vmf-predict --from weeks --horizon 1000000 -o out s
	# A column of the forecast is there already.
	s "$SERIES end=2024-05-01T09:00:00Z" \
	    'id start:time cpu_mean:list cpu_mean_q50:f64' "a $DAY 9*3 1"
	fails 1 "attribute 'cpu_mean_q50' has the name of a column of the forecast" \
	    vmf-predict --from m -o out s
	[ ! -e out ]
}

@test "models: columns, words, and parts that are not there" {
	local meta='kind=model step=3600 end=2024-05-02T00:00:00Z season=86400 metric=cpu_mean model=snaive'
	local cols='id metric model status params:list64 blob:binary mase:f64 updated:time'
	s "$SERIES end=2024-05-05T00:00:00Z" 'id start:time cpu_mean:list' \
	    "a $DAY 1,2,3,4*93"
	mv s series
	s "$meta" "${cols/mase:f64/mase}" "a cpu_mean snaive ok - - x $DAY"
	fails 1 "s: column 'mase' is utf8, expected float64" \
	    vmf-predict --from s -o out series
	s "$meta" "${cols/blob:binary /}" "a cpu_mean snaive ok - 1 $DAY"
	fails 1 "s: no column 'blob', expected a model" \
	    vmf-predict --from s -o out series
	s "$meta" "$cols" "a cpu_mean - ok - - 1 $DAY"
	fails 1 's: row 0: model is missing' vmf-predict --from s -o out series
	s "$meta" "$cols" "a - snaive ok - - 1 $DAY"
	fails 1 's: row 0: metric is missing' vmf-predict --from s -o out series
	s "$meta" "$cols" "a cpu_mean tarot ok - - 1 $DAY"
	fails 1 "s: row 0: model 'tarot' is not known to this version; known: " \
	    vmf-predict --from s -o out series
	s "$meta" "$cols" 'a cpu_mean snaive ok - - 1 2024-06-01T00:00:00Z'
	fails 1 's: row 0: updated lies after the end of the series' \
	    vmf-train --update s -o out series
	s "${meta/snaive/kq}" "$cols" "a cpu_mean kq ok 1,2 - 1 $DAY"
	fails 1 's: row 0: kq has 2 params, expected 1' \
	    vmf-predict --from s -o out series
	s "${meta/snaive/kq}" "$cols" "a cpu_mean kq ok 1 xyz 1 $DAY"
	fails 1 's: row 0: kq has a blob of 3 bytes, expected' \
	    vmf-predict --from s -o out series
	s "${meta/model=snaive/model=tarot}" "$cols"
	fails 1 "s: metadata vmf:model: 'tarot' is not known to this version; known: " \
	    vmf-predict --from s -o out series
	s "${meta/metric=cpu_mean/metric=cpu,,mem}" "$cols"
	fails 1 "s: metadata vmf:metric: 'cpu,,mem', expected names with a comma between" \
	    vmf-predict --from s -o out series
	s "${meta/ metric=cpu_mean/}" "$cols"
	fails 1 's: metadata vmf:metric is missing, expected a model as vmf-train writes it' \
	    vmf-predict --from s -o out series
	[ ! -e out ]
}

@test "forecasts: steps that differ, VMs that nobody has" {
	local cols='id host vcpus:int32 start:time cpu_mean:list cpu_mean_q10:list cpu_mean_q90:list status'
	s 'kind=forecast step=3600' "$cols" "h1 - 4 $DAY 5 4 6 ok"
	mv s hosts
	s 'kind=forecast step=1800' "$cols" "a h1 4 $DAY 5 4 6 ok"
	fails 1 'hosts has steps of 3600 s, but s of 1800 s; expected the same' \
	    vmf-predict --reconcile hosts -o out s
	# A forecast of VMs of which one is not in the series, and one has none.
	s "$SERIES end=2024-05-01T06:00:00Z" 'id start:time cpu_mean:list' \
	    "b $DAY 1,2,3,4,5,6" "c $DAY 2,3,4,5,6,7"
	mv s series
	s 'kind=forecast step=3600 start=2024-05-01T04:00:00Z' \
	    'id start:time cpu_mean:list' 'a 2024-05-01T04:00:00Z 1,1' \
	    'b 2024-05-01T04:00:00Z 5,6' 'c - -' 'z 2024-05-01T04:00:00Z 1,1'
	vmf-eval --forecast s -o out series 2>err
	run -0 cat err
	assert_line 'vmf-eval: 2 forecasts scored; 2 only in the forecast, 0 only in the series'
	# b was predicted 5 and 6, and had them; c is scored by nobody.
	run -0 vmf-cat --csv --no-header --columns n_series,mae out
	assert_line --index 0 1,0
}

@test "a history to append to" {
	local cols='id start:time cpu_mean:list cpu_count:list'
	s "$SERIES end=2024-05-01T02:00:00Z" "$cols" "a $DAY 1,2 1,1"
	mv s h
	append() {
		fails 1 "$1" vmf-aggregate --append h -o out s
	}
	s "$SERIES end=2024-05-01T04:00:00Z" "$cols" \
	    'a 2024-05-01T02:00:00Z 1,2 1'
	append "s: row 0: 'cpu_mean' has 2 steps and 'cpu_count' has 1"
	mv s new
	s "$SERIES end=2024-05-01T02:00:00Z" "$cols" "a $DAY 1,2 1"
	mv s bad
	fails 1 "bad: row 0: 'cpu_mean' has 2 steps and 'cpu_count' has 1" \
	    vmf-aggregate --append bad -o out new
	s "$SERIES end=2024-05-01T02:00:00Z" "$cols" "a $DAY - 1,2"
	mv s bad
	# A list that is missing has no value at any step.
	vmf-aggregate -q --append bad -o joined h
	run -0 vmf-cat --csv --no-header --columns cpu_mean,cpu_count joined
	assert_output '"[1,2]","[1,2]"'
	s "$SERIES" 'id cpu_mean:list cpu_count:list' 'a 1 1'
	append "s: no column 'start', which every series and forecast has"
	s "$SERIES end=2024-05-01T02:00:00Z" "$cols note:binary" "a $DAY 1,2 1,1 x"
	mv s h
	s "$SERIES end=2024-05-01T04:00:00Z" "$cols note" \
	    'a 2024-05-01T02:00:00Z 1,2 1,1 x'
	append "s: column 'note' is utf8, expected binary as in h"
	[ ! -e out ]
}
