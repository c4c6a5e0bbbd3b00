# vmf-eval: scores against an independent judge, against hand-made figures and
# against those known of a real trace.  What a point is worth: test/unit/eval.c.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

START=2024-01-01T00:00:00Z
END=2024-01-05T00:00:00Z
RISE=$(seq -s , 1 24)

# series [END]: hourly; lines of "id start cpu_mean mem_mean".
series() {
	{
		echo "kind=series step=3600 start=$START end=${1:-$END}"
		echo "id status start:time cpu_mean:list mem_mean:list"
		while read -r id start cpu mem; do
			echo "$id ok $start $cpu ${mem:--}"
		done
	} | "$ROWS"
}

# scores COLUMNS [FILE]: as CSV, without the header.
scores() {
	vmf-cat --csv --no-header --columns "$1" "${2:--}"
}

# A fleet with gaps, late and constant VMs into s; the moment N steps before
# its end.
fleet() {
	gen "$@" | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 1h -o s
	FLEET_END=$(vmf-cat --schema s | awk '$1 == "vmf:end" { print $2 }')
}

before_end() {
	date -u -d "$FLEET_END - $1 hours" +%Y-%m-%dT%H:%M:%SZ
}

# forecast NAME AT [OPTION...]: options of vmf-train; HORIZON steps.
forecast() {
	local to=$1 at=$2
	shift 2
	vmf-train -q --model "${MODEL:-snaive}" --at "$at" -o model "$@" s
	vmf-predict -q --from model --at "$at" --horizon "$HORIZON" -o "$to" s
}

judged() {
	run -0 judge "$VMF_ROOT/test/judges/eval.py" "$@"
	assert_output --regexp '^[1-9][0-9]* scores checked, 0 differ$'
}

@test "columns, metadata, the models beside, statuses" {
	series >s <<-E
	a $START $RISE,$RISE,$RISE,$RISE
	b $START 5*96
	c 2024-01-04T20:00:00Z 1,2,3,4
	d - -
	E
	vmf-eval --model snaive --horizon 12 -o e s 2>err
	assert_equal "$(cat err)" "vmf-eval: 4 VMs, 1 windows of 12 steps"
	run -0 vmf-cat --schema e
	assert_line --regexp '^vmf:kind +scores'
	assert_line --regexp '^vmf:step +3600'
	assert_line --regexp '^vmf:start +2024-01-04T12:00:00Z'
	assert_line --regexp "^vmf:end +$END"
	assert_line --regexp '^vmf:season +86400'
	assert_line --regexp '^vmf-?.*vmf-eval 0|vmf:history +vmf-eval 0'
	run -0 scores model,beside,metric,n_series,n_windows,n_points,n_missed,n_ok,n_short,n_constant,n_stale,n_empty e
	assert_output "$(
		echo 'snaive,false,cpu_mean,2,2,24,4,1,0,1,0,2'
		echo 'snaive_point,true,cpu_mean,2,2,24,4,1,0,1,0,2'
		echo 'naive,true,cpu_mean,2,2,24,4,2,0,0,0,2')"
	run -0 scores model,beside <(vmf-eval -q --model naive,snaive s)
	assert_output "$(printf '%s\n' naive,false snaive,false snaive_point,true)"
}

# is FILE MODEL COLUMN VALUE: to 12 digits; null is missing.
is() {
	local got
	got=$(vmf-cat --json "$1" | jq -r --arg m "$2" --arg c "$3" \
	    'select(.model == $m) | .[$c]')
	awk -v a="$got" -v b="$4" 'BEGIN {
		if (a == b || (a != "null" && b != "null" &&
		    (a - b) ^ 2 <= 1e-24 * (1 + b * b))) exit 0
		exit 1
	}' || fail "$2: $3 is $got, expected $4"
}

@test "by hand: an error of 1, a season that repeats" {
	series 2024-01-04T00:00:00Z >s <<-E
	a $START $RISE,$RISE,$(seq -s , 2 25)
	E
	vmf-eval --model snaive -q --origins 1 --horizon 24 -o e s
	is e snaive n_points 24
	is e snaive nd "$(awk 'BEGIN { printf "%.17g", 24 / 324 }')"
	is e snaive mae 1
	is e snaive crps "$(awk 'BEGIN { printf "%.17g", 24 / 324 }')"
	is e snaive_point crps "$(awk 'BEGIN { printf "%.17g", 24 / 324 }')"
	# The past repeats exactly: nothing to divide by.
	is e snaive mase null
	is e snaive crps_rel 1
	# 24 for ever: errors 22, 21, ... 0, 1.
	is e naive mae "$(awk 'BEGIN { printf "%.17g", 254 / 24 }')"
	# All choose the first step, the best.
	is e snaive regret_mean 0
	is e naive regret_mean 0
	is e naive regret null
}

@test "by hand: zeros, and steps that are missing" {
	series 2024-01-04T00:00:00Z >s <<-E
	a $START 0*24,4*12,0*12,0*12,4*6,-*6
	E
	vmf-eval --model snaive -q --origins 1 --horizon 24 -o e s
	# 12 + 6 errors of 4 over a sum of 24 and a scale of 2.
	is e snaive n_points 18
	is e snaive n_missed 0
	is e snaive nd 3
	is e snaive_point crps 3
	is e snaive mae 4
	is e snaive mase 2
	# Expected least is step 12, where the load was 4; 0 was to be had.
	is e snaive regret_mean 4
	is e snaive regret 1
	# 0 for ever: of equals the first, which is one of the best.
	is e naive nd 1
	is e naive mase "$(awk 'BEGIN { printf "%.17g", 12 / 18 }')"
	is e naive regret 0
	is e naive regret_mean 0
}

@test "a window of several steps, where one is missing" {
	series 2024-01-04T00:00:00Z >s <<-E
	a $START $RISE,$RISE,-,9,1,9,8,8,9*18
	E
	vmf-eval --model snaive -q --length 2h --origins 1 --horizon 24 -o e s
	# Expected least are steps 0 and 1, but 0 is not known: 9 and 1 then,
	# with 5 the best.
	is e snaive regret_mean 0
	vmf-eval --model snaive -q --length 3h --origins 1 --horizon 24 -o e s
	# 9, 1 and 9; best are 1, 9 and 8.
	is e snaive regret_mean "$(awk 'BEGIN { printf "%.17g", 1 / 3 }')"
}

@test "rolling origins are what train and predict make at each, says the judge" {
	slow
	judge -c 'import numpy, pyarrow'
	fleet 40 8
	HORIZON=13
	for MODEL in snaive arima auto; do
		# vmf-eval learns a gate once, before the first origin.
		local without=()
		[ $MODEL != auto ] || without=(--without gate)
		for w in 3 2 1; do
			forecast f$w "$(before_end $((w * 13)))" "${without[@]}"
			[ $MODEL != snaive ] || cp f$w ref$w
		done
		vmf-eval -q --model $MODEL "${without[@]}" --origins 3 \
		    --horizon 13 s | vmf-cat --csv >e.csv
		judged e.csv s cpu_mean f3 f2 f1 -- ref3 ref2 ref1
	done
	MODEL=snaive

	# Two metrics are two series each.
	for w in 3 2 1; do
		forecast f$w "$(before_end $((w * 13)))" --metric mem_mean,cpu_mean
	done
	vmf-eval --model snaive --metric mem_mean,cpu_mean --origins 3 --horizon 13 -o e s 2>err
	assert_equal "$(cat err)" \
	    "vmf-eval: 40 VMs, 3 windows of 13 steps; metrics pooled, each a series by itself"
	vmf-cat --csv e >e.csv
	judged e.csv s mem_mean,cpu_mean f3 f2 f1 -- f3 f2 f1
	assert_equal "$(scores metric,n_series e | head -n 1)" \
	    '"mem_mean,cpu_mean",78'

	# Learned at the first origin, then kept.
	vmf-train -q --model snaive --at "$(before_end 39)" -o model s
	for w in 3 2 1; do
		vmf-predict -q --from model --at "$(before_end $((w * 13)))" \
		    --horizon 13 -o f$w s
	done
	vmf-eval --model snaive -q --refit-at never --origins 3 --horizon 13 s |
	    vmf-cat --csv >never.csv
	judged never.csv s cpu_mean f3 f2 f1 -- f3 f2 f1
	run ! cmp -s never.csv e.csv
}

@test "a forecast from elsewhere, says the judge: quantiles, a point, part of the fleet" {
	judge -c 'import numpy, pyarrow'
	fleet 60 8
	HORIZON=30
	forecast ref "$(before_end 24)"
	# Its last 6 hours are not known yet.
	forecast own "$(before_end 24)" --season 5h
	vmf-eval --forecast own -o e s 2>err
	assert_equal "$(cat err)" \
	    "vmf-eval: 60 forecasts scored; 0 only in the forecast, 0 only in the series"
	vmf-cat --csv e >e.csv
	judged e.csv s cpu_mean own -- ref
	assert_equal "$(scores model,beside e | paste -sd ' ')" \
	    "snaive,false snaive,true snaive_point,true naive,true"
	# What stands beside is the rolling evaluation's.
	vmf-eval -q --forecast own --by-vm s |
	    scores model,beside,n_points,crps,regret_mean,status |
	    grep ,true, >a
	vmf-eval -q --forecast ref --by-vm s |
	    scores model,beside,n_points,crps,regret_mean,status |
	    grep -v 'snaive,false' >b
	same a b

	# More quantiles than needed, written in another order by polars.
	vmf-predict -q --from model --at "$(before_end 24)" --horizon 30 \
	    --quantiles 0.025,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,0.975 -o more s
	judge -c '
import polars as pl
f = pl.read_ipc_stream("more")
f.select(reversed(f.columns)).drop("status", "mase").write_ipc_stream("shuffled")
f = f.select("id", "start", "cpu_mean", pl.lit("mine").alias("model"))
f = f.filter(pl.col("id").str.ends_with("3").not_())
f = pl.concat([f, f.head(1).with_columns(id=pl.lit("vm-zzz"))])
f.write_ipc_stream("point")'
	vmf-eval -q --step 1h --forecast shuffled -o e2 s
	scores crps,mase,coverage80,regret,regret_lo e | head -n 1 >a
	scores crps,mase,coverage80,regret,regret_lo e2 | head -n 1 >b
	same a b

	vmf-eval --step 1h --forecast point -o e s 2>err
	run -0 cat err
	assert_line --index 0 "vmf-eval: point has no quantiles: scored as a point forecast"
	assert_line --index 1 "vmf-eval: 54 forecasts scored; 1 only in the forecast, 6 only in the series"
	vmf-cat --csv e >e.csv
	judged e.csv s cpu_mean point -- ref
	assert_equal "$(scores crps e | head -n 1)" "$(scores nd e | head -n 1)"
}

@test "several models in one forecast: a row each, paired with the same VMs" {
	series >s <<-E
	a $START $RISE,$RISE,$RISE,$RISE
	b $START $RISE,$RISE,$RISE,$RISE
	c $START 1*96
	E
	{
		echo "kind=forecast step=3600 start=2024-01-04T00:00:00Z end=$END"
		echo "id start:time cpu_mean:list model status"
		echo "a 2024-01-04T00:00:00Z $(seq -s , 2 25) x ok"
		echo "b 2024-01-04T12:00:00Z $(seq -s , 13 24) y fallback"
		echo "c 2024-01-04T00:00:00Z -*24 - -"
	} | "$ROWS" >f
	vmf-eval -q --forecast f -o e s
	run -0 scores model,beside,n_series,n_points,n_missed,mae,n_ok,n_empty,n_fallback e
	assert_line --index 0 x,false,1,24,0,1,1,0,0
	assert_line --index 1 y,false,1,12,0,0,0,0,1
	assert_line --index 2 forecast,false,0,0,24,,0,1,0
	assert_line --index 3 snaive,true,3,60,0,0,2,0,0
	run -0 scores id,model,n_points,status <(vmf-eval -q --by-vm --forecast f s)
	assert_line --index 0 a,x,24,ok
	assert_line --index 1 a,snaive,24,ok
	assert_line --index 4 b,y,12,fallback
	assert_line --index 8 c,forecast,0,empty
	assert_line --index 9 c,snaive,24,constant
}

@test "--plan: the windows that were planned, by their true load" {
	# 10 steps are known of the 24 that were forecast from noon on.
	series 2024-01-04T22:00:00Z >s <<-E
	a $START $RISE,$RISE,$RISE,1*12,$(seq -s , 31 40)
	b $START $RISE,$RISE,$RISE,1*12,5*4,-,5*5
	c $START 7*94
	d $START $RISE,$RISE,$RISE,1*12,2*10
	g - -
	E
	{
		echo "kind=forecast step=3600 start=2024-01-04T12:00:00Z end=2024-01-05T12:00:00Z"
		echo "id start:time cpu_mean:list model"
		for id in a b c d g; do
			echo "$id 2024-01-04T12:00:00Z 3*24 m"
		done
	} | "$ROWS" >f
	{
		echo "kind=plan"
		echo "id start:time end:time load:f64 rank:int32 status"
		# 45 minutes of 32 and 15 of 33; the second best is not looked at.
		echo "a 2024-01-04T13:15:00Z 2024-01-04T14:15:00Z 3 1 placed"
		echo "a 2024-01-04T18:15:00Z 2024-01-04T19:15:00Z 3 2 placed"
		# Not known.
		echo "b 2024-01-04T16:30:00Z 2024-01-04T16:40:00Z 3 1 placed"
		echo "bb 2024-01-04T16:30:00Z 2024-01-04T16:40:00Z 3 1 placed"
		echo "c - - - - no-window"
		echo "d 2024-01-04T20:00:00Z 2024-01-04T22:00:00Z 3.5 1 placed"
	} | "$ROWS" >p
	vmf-eval -q --forecast f --plan p -o e s
	run -0 scores model,n_plan,plan_load,plan_true,plan_mean e
	assert_line --index 0 m,2,3.25,17.125,18.75
	assert_line --index 1 snaive,0,,,
	# Beside the best hour and that of seasonal naive; two above 10, of which
	# one is above 30.
	run -0 scores model,plan_best,plan_snaive,plan_regret,n_over e
	assert_line --index 0 m,16.5,16.5,0.625,0
	for x in 1 30 40; do
		vmf-eval -q --forecast f --plan p --max-load $x s |
		    scores n_over | head -n 1
	done >n
	assert_equal "$(paste -sd ' ' n)" "2 1 0"
	fails 2 '--max-load needs --plan' vmf-eval --max-load 3 s
	run -0 scores id,model,n_plan,plan_true <(vmf-eval -q --by-vm --forecast f --plan p s)
	assert_line --index 0 a,m,1,32.25
	assert_line --index 4 b,m,0,
	# To the last known minute, and one past it.
	for end in 22:00:00Z 22:00:01Z; do
		printf '%s\n' kind=plan 'id start:time end:time load:f64 rank:int32' \
		    "d 2024-01-04T21:59:00Z 2024-01-04T$end 3 1" | "$ROWS" >one
		vmf-eval -q --forecast f --plan one s | scores n_plan | head -n 1
	done >n
	assert_equal "$(paste -sd ' ' n)" "1 0"

	{
		echo "kind=plan"
		echo "id start:time end:time load:f64 rank:int32 status"
		echo "e 2024-01-04T13:15:00Z 2024-01-04T14:15:00Z 3 1 placed"
	} | "$ROWS" >other
	# A window so long that none of it is known beside it, a VM without
	# steps, and one after all.
	{
		echo "kind=plan"
		echo "id start:time end:time load:f64 rank:int32 status"
		echo "a 2024-01-04T00:00:00Z 2024-01-04T12:00:00Z 3 1 placed"
		echo "g 2024-01-04T13:15:00Z 2024-01-04T14:15:00Z 3 1 placed"
		echo "h 2024-01-04T13:15:00Z 2024-01-04T14:15:00Z 3 1 placed"
	} | "$ROWS" >long
	run -0 sh -c 'vmf-eval -q --forecast f --plan long s |
	    vmf-cat --csv --no-header --columns n_plan,plan_true,plan_best,plan_regret'
	assert_line --index 0 '1,1,,'
	vmf-eval --forecast f --plan other s 2>err >scores.arrows
	grep -qxF 'vmf-eval: no window of other is scored: expected a plan of f, with windows in the series' err
	vmf-eval --forecast f --plan p s 2>err >scores.arrows
	run -1 grep 'is scored' err
	fails 2 '--plan needs --forecast' vmf-eval --plan p -o x s
	fails 1 "of kind 'forecast', expected 'plan'" vmf-eval --forecast f --plan f -o x s
	printf '%s\n' kind=plan 'id start:time end:time load' "a - - x" | "$ROWS" >bad
	fails 1 "column 'load' is utf8, expected a number" vmf-eval --forecast f --plan bad -o x s
	printf '%s\n' kind=plan 'id start:time end:time load:f64' "a - - 1" | "$ROWS" >bad
	fails 1 "no column 'rank', which every plan has" vmf-eval --forecast f --plan bad -o x s
	for ((k = 0; k < $(stat -c %s p); k += 97)); do
		head -c $k p >part
		fails 1 'part: ' vmf-eval --forecast f --plan part -o x s
	done
	[ ! -e x ]
}

@test "--by-vm: a row a model and VM, which add up to the rows of all" {
	fleet 30 6
	vmf-eval --model snaive -q --by-vm --horizon 7 -o v s
	vmf-eval --model snaive -q --horizon 7 -o e s
	assert_equal "$(scores id,model v | wc -l)" 90
	assert_equal "$(scores id,model v | sed -n 1,4p | paste -sd ' ')" \
	    "vm-0000000,snaive vm-0000000,snaive_point vm-0000000,naive vm-0000001,snaive"
	for m in snaive naive; do
		for n in n_series n_windows n_points n_missed; do
			assert_equal "$(scores model,$n v | awk -F, -v m=$m '$1 == m { s += $2 } END { print s }')" \
			    "$(scores model,$n e | awk -F, -v m=$m '$1 == m { print $2 }')"
		done
	done
	# crps_rel is the mean of the VMs'.
	want=$(scores model,crps_rel v | awk -F, '$1 == "naive" && $2 != "" {
		s += $2; n++ } END { printf "%.9f", s / n }')
	assert_equal "$(scores model,crps_rel e | awk -F, '$1 == "naive" { printf "%.9f", $2 }')" "$want"
	run -0 scores regret_lo,cpu_s v
	assert_line --index 0 ,
}

@test "same bytes whatever the batches, but for cpu_s" {
	slow
	fleet 50 6
	columns=$(vmf-cat --csv <(vmf-eval --model snaive -q s) | head -n 1 | sed 's/,cpu_s//')
	vmf-eval --model arima,auto -q --threads 1 s | scores "$columns" >a
	for rows in 1 7; do
		"$VMF_BIN/../unit/stream" s cut none $rows
		vmf-eval --model arima,auto -q --threads 3 cut |
		    scores "$columns" | cmp - a
	done
	"$VMF_BIN/../unit/stream" s cut zstd 3
	HORIZON=24
	forecast f "$(before_end 24)"
	vmf-eval -q --forecast f s | scores "$columns" >a
	vmf-eval -q --forecast f cut | scores "$columns" | cmp - a
	"$VMF_BIN/../unit/stream" f fcut none 5
	vmf-eval -q --forecast fcut <s | scores "$columns" | cmp - a
	vmf-eval -q --forecast - s <f | scores "$columns" | cmp - a
}

@test "nothing after an origin changes what is forecast from it" {
	fleet 20 8
	at=$(before_end 24)
	columns=model,n_points,mase,crps,nd,mae,coverage80,regret_mean
	vmf-eval --model snaive,auto -q --at "$at" --origins 3 --horizon 12 s |
	    scores "$columns" >a
	vmf-aggregate -q --until "$at" --step 1h s >short
	vmf-eval --model snaive,auto -q --origins 3 --horizon 12 short | scores "$columns" >b
	same a b
}

@test "metadata that polars drops: --step, --at and --origins stand in" {
	fleet 10 6
	columns=model,n_points,mase,crps,regret,regret_hi
	vmf-eval --model snaive -q --origins 2 --horizon 12 s | scores "$columns" >a
	judge -c 'import polars as pl; pl.read_ipc_stream("s").write_ipc_stream("p")'
	fails 1 'vmf:step is missing' vmf-eval p
	fails 1 'vmf:end is missing' vmf-eval --step 1h p
	fails 1 'vmf:start is missing' vmf-eval --step 1h --at "$FLEET_END" p
	fails 2 '1000000 windows of 1000000 steps are more than there is time for' \
	    vmf-eval --step 1h --at "$FLEET_END" --origins 1000000 \
	    --horizon 1000000 p
	vmf-eval --model snaive -q --step 1h --at "$FLEET_END" --origins 2 --horizon 12 p |
	    scores "$columns" >b
	same a b
}

@test "options" {
	series >s <<<"a $START $RISE,$RISE,$RISE,$RISE"
	windows() {
		vmf-eval --model snaive "$@" -o e s 2>&1 | sed 's/.* VMs, //'
	}
	assert_equal "$(windows --horizon 12h)" "1 windows of 12 steps"
	assert_equal "$(windows --horizon 2 --origins 30)" "30 windows of 2 steps"
	assert_equal "$(windows --horizon 2)" "5 windows of 2 steps"
	assert_equal "$(windows --protocol gift)" "1 windows of 48 steps"
	fails 2 'expected 48, 480 or 720' vmf-eval --protocol gift --horizon 24 -o x s
	fails 2 '2 windows of 48 steps, expected fewer' vmf-eval --origins 2 -o x s
	fails 2 'leave out --origins' vmf-eval --protocol gift --origins 2 -o x s
	fails 2 'expected gift' vmf-eval --protocol m4 -o x s
	fails 2 'expected never or origin' vmf-eval --refit-at noon -o x s
	fails 2 "'oracle' is not known, expected one of:" vmf-eval --model oracle -o x s
	fails 1 "no list column 'x'; there are cpu_mean, mem_mean" vmf-eval --metric x -o x s
	fails 2 'is there twice' vmf-eval --metric cpu_mean,cpu_mean -o x s
	fails 2 'a multiple of the step' vmf-eval --season 90m -o x s
	fails 2 'a multiple of the step' vmf-eval --horizon 90m -o x s
	fails 2 'expected 1 to' vmf-eval --horizon 0 -o x s
	for o in '--model snaive' '--origins 1' '--horizon 4' '--protocol gift' "--at $END"; do
		# shellcheck disable=SC2086
		fails 2 "${o%% *} and --forecast" vmf-eval --forecast s $o -o x s
	done
	fails 2 'both be standard input' vmf-eval --forecast - -o x <s
	[ ! -e x ]
}

@test "a forecast that does not fit, or is none" {
	series >s <<<"a $START $RISE,$RISE,$RISE,$RISE"
	vmf-train -q --model snaive s | vmf-predict -q --from - --quantiles 0.1,0.5,0.9 -o three s
	fails 1 "three: quantiles of cpu_mean, but no list 'cpu_mean_q20'; expected all of 0.1" \
	    vmf-eval --forecast three -o x s
	fails 1 "of kind 'series', expected 'forecast'" vmf-eval --forecast s -o x s
	fails 1 "of kind 'forecast', expected 'series'" vmf-eval --forecast three -o x three
	fails 1 "no list column 'mem_mean'" \
	    vmf-eval --metric mem_mean --forecast three -o x s
	printf '%s\n' "kind=forecast step=300" 'id start:time cpu_mean:list' \
	    "a $END 1" | "$ROWS" >five
	fails 1 "the forecast's step is 300 s, but that of s is 3600 s" \
	    vmf-eval --forecast five -o x s
	printf '%s\n' "kind=forecast step=3600" 'id start:time cpu_mean:list' \
	    "b $END 1" "a $END 1" | "$ROWS" >order
	fails 1 "order: row 1: id 'a' follows 'b'" vmf-eval --forecast order -o x s
	[ ! -e x ]
	# Nothing in common scores nothing.
	printf '%s\n' "kind=forecast step=3600" 'id start:time cpu_mean:list' \
	    "b $END 1" | "$ROWS" >other
	fails 1 'other: none of its VMs is scored: 1 only in the forecast, 1 only in the series' \
	    vmf-eval --forecast other -o x s
	[ ! -e x ]
}

@test "cut off anywhere, the series or the forecast is an error" {
	series >s <<-E
	a $START $RISE,$RISE,$RISE,$RISE
	b $START $RISE,$RISE,$RISE,$RISE
	E
	vmf-train -q --model snaive s | vmf-predict -q --no-history --from - -o f s
	for name in s f; do
		for ((k = 0; k < $(stat -c %s $name); k += 97)); do
			head -c $k $name >part
			case $name in
			s)
				fails 1 'part: ' vmf-eval -o out part
				fails 1 'part: ' vmf-eval --forecast f -o out part
				;;
			f) fails 1 'part: ' vmf-eval --forecast part -o out s ;;
			esac
			[ ! -e out ]
		done
	done
}

@test "Bitbrains August: the known figures of seasonal naive in all four settings" {
	data bitbrains_rnd
	not_small
	tar -xzf "$DATA/rnd-2013-8.tar.gz"
	vmf-ingest -q --map bitbrains 2013-8/*.csv | vmf-dedup -q |
	    vmf-aggregate -q --step 5m --metric cpu,cpu_mhz --stat mean,count -o 5m
	rm -r 2013-8
	vmf-aggregate -q --step 1h -o 1h 5m
	# The values do not depend on the quantiles, which are learned once.
	known() {
		vmf-eval --model snaive -q --metric cpu_mhz_mean,cpu_mean --protocol gift \
		    --refit-at never --horizon "$2" "$1" |
		    scores model,n_series,nd,crps,mase |
		    awk -F, -v nd="$3" -v mase="$4" '
			$1 == "snaive" { a = $3; m = $5; n = $2 }
			$1 == "snaive_point" { c = $4 }
			END { print n, a, c, m, "expected", nd, nd, mase
			    exit !(n == 1000 && (a / nd - 1) ^ 2 < 1e-4 &&
			    (c / nd - 1) ^ 2 < 1e-4 && (m / mase - 1) ^ 2 < 1e-4) }'
	}
	known 1h 48 .5340 1.2796
	known 5m 48 .3917 1.0065
	known 5m 480 .3808 1.0763
	known 5m 720 .6407 1.2879
}

@test "Bitbrains: real loads, ties and zeros among them, says the judge" {
	not_small
	data bitbrains_rnd
	judge -c 'import numpy, pyarrow'
	tar -xzf "$DATA/rnd-2013-8.tar.gz" --wildcards '2013-8/1[0-4]*.csv'
	vmf-ingest -q --map bitbrains 2013-8/*.csv | vmf-dedup -q |
	    vmf-aggregate -q --step 5m --metric cpu,cpu_mhz --stat mean \
		--since 2013-08-20T00:00:00Z -o s
	rm -r 2013-8
	FLEET_END=$(vmf-cat --schema s | awk '$1 == "vmf:end" { print $2 }')
	HORIZON=48
	forecast f2 "$(before_end 8)" --metric cpu_mhz_mean,cpu_mean
	forecast f1 "$(before_end 4)" --metric cpu_mhz_mean,cpu_mean
	vmf-eval --model snaive -q --metric cpu_mhz_mean,cpu_mean --origins 2 s |
	    vmf-cat --csv >e.csv
	judged e.csv s cpu_mhz_mean,cpu_mean f2 f1 -- f2 f1
	forecast own "$(before_end 4)" --metric cpu_mhz_mean,cpu_mean --season 1h
	vmf-eval -q --metric cpu_mhz_mean,cpu_mean --forecast own s |
	    vmf-cat --csv >e.csv
	judged e.csv s cpu_mhz_mean,cpu_mean own -- f1
}

@test "--max-host-load: what hosts had after the moves, beside a judge" {
	local at=2024-01-15T00:00:00Z limit
	gen 40 16 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q -o r
	vmf-aggregate -q --step 1h --join vms.csv --inner -o s r
	vmf-train -q --model snaive --at $at -o m s
	vmf-predict -q --from m --at $at --horizon 24 -o f s
	{
		echo host,cpus,mem_mb
		tail -n +2 vms.csv | cut -d , -f 2 | sort -u |
		    sed 's/$/,70,1048576/'
	} >hosts.csv
	vmf-window -q --length 45m --slot 15m --place --hosts hosts.csv \
	    --per-host 2 --per-target 2 -o p f
	for limit in 5 20 30 90; do
		run -0 judge "$VMF_ROOT/test/judges/plan_hosts.py" s p \
		    hosts.csv $at 24 $limit
		want=$output
		vmf-eval -q --forecast f --plan p --hosts hosts.csv \
		    --max-host-load $limit -o e s
		run -0 awk -F, '$1 == "false" { printf "%d %d %d %.6g\n", $2, $3, $4, $5 }' \
		    <(vmf-cat --csv --no-header --columns \
		    beside,n_hosts,n_hosts_over,host_steps_over,host_load_max e)
		assert_output "$want"
	done
	[ "${want%% *}" -gt 1 ]
	fails 2 "--hosts and --max-host-load need each other" \
	    vmf-eval --forecast f --plan p --hosts hosts.csv -o out s
	fails 2 "--hosts needs --plan" vmf-eval --forecast f --hosts hosts.csv s
	echo host,mem_mb >none.csv
	fails 1 "none.csv: no column 'cpus', which --max-host-load needs" vmf-eval \
	    --forecast f --plan p --hosts none.csv --max-host-load 9 -o out s
	sed 's/,70,/,many,/' hosts.csv >many.csv
	fails 1 "many.csv: row 1: cpus is 'many', expected a number above 0" \
	    vmf-eval --forecast f --plan p --hosts many.csv \
	    --max-host-load 9 -o out s
	{
		echo kind=forecast step=3600
		echo id host vcpus:int32 start:time cpu_mean:list
		echo "vm-0000000 h1 1 $at 1*24"
	} | "$VMF_BIN/../unit/rows" >when
	fails 1 "when: its metadata do not say from when to when it is" \
	    vmf-eval --forecast when --plan p --hosts hosts.csv \
	    --max-host-load 9 -o out s
	# Plans are sorted as forecasts are.
	judge - <<-'E'
	import pyarrow as pa
	with pa.OSFile("p") as f:
	    t = pa.ipc.open_stream(f).read_all()
	o = t.take(list(reversed(range(len(t)))))
	with pa.OSFile("back", "wb") as f, pa.ipc.new_stream(f, t.schema) as w:
	    w.write_table(o)
	E
	fails 1 "back: row 1: its id is missing or before that of the row before" \
	    vmf-eval --forecast f --plan back s
	# Who has nothing to replay counts as nothing.
	judge - <<-'E'
	import pyarrow as pa
	with pa.OSFile("s") as f:
	    t = pa.ipc.open_stream(f).read_all()
	k = t.schema.get_field_index("cpu_mean")
	y = [None if i == 3 else v for i, v in enumerate(t["cpu_mean"].to_pylist())]
	t = t.set_column(k, t.schema.field(k), pa.array(y, t.schema.field(k).type))
	with pa.OSFile("silent", "wb") as f, pa.ipc.new_stream(f, t.schema) as w:
	    w.write_table(t)
	E
	for y in s silent; do
		vmf-eval -q --forecast f --plan p --hosts hosts.csv \
		    --max-host-load 9 -o e $y
		vmf-cat --csv --no-header --columns n_hosts,host_load_max e |
		    head -n 1
	done >loads
	awk -F, '{ n[NR] = $1; most[NR] = $2 }
	    END { exit !(NR == 2 && n[1] == n[2] && most[1] >= most[2]) }' loads
	# VMs of other hosts than these have no part in it.
	head -n 2 hosts.csv >one.csv
	vmf-eval -q --forecast f --plan p --hosts one.csv --max-host-load 9 -o e s
	run -0 vmf-cat --csv --no-header --columns n_hosts e
	assert_line --index 0 1
	cut -d , -f 1,2 vms.csv | paste -d , - <(echo vcpus; echo; seq 39) >zero.csv
	vmf-aggregate -q --step 1h --join zero.csv --inner -o zero r
	fails 1 "zero: row 0, 'vm-0000000': no vcpus above 0, which --max-host-load needs" \
	    vmf-eval --forecast f --plan p --hosts hosts.csv \
	    --max-host-load 9 -o out zero
	vmf-aggregate -q --step 1h -o bare r
	fails 1 "bare: no column 'vcpus', which --max-host-load needs" vmf-eval \
	    --forecast f --plan p --hosts hosts.csv --max-host-load 9 -o out bare
	[ ! -e out ]
}
