# The algorithms in lanes (theta, ets, arima, kq, auto) through vmf-train and
# vmf-predict: what does not depend on what, and sane forecasts of odd series.
# Their figures are held against other tools' in test/unit/arima.c and
# test/judges/arima.py.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

START=2024-01-01T00:00:00Z
ALGOS="theta ets arima kq auto"

# hours DAYS: a stream of hourly series of so many days; "id cpu_mean" lines.
hours() {
	local end
	end=$(date -u -d "2024-01-01 + $1 days" +%FT%TZ)
	{
		echo "kind=series step=3600 start=$START end=$end"
		echo 'id start:time cpu_mean:list'
		while read -r id y || [ -n "$id" ]; do
			echo "$id $START $y"
		done
	} | "$ROWS"
}

# fleet N DAYS: N noisy daily cycles, of different lengths, some with gaps.
fleet() {
	awk -v n="$1" -v days="$2" 'BEGIN {
		srand(11)
		for (v = 0; v < n; v++) {
			line = ""
			first = v % 5 == 4 ? int(days * 24 / 3) : 0
			for (t = 0; t < days * 24; t++) {
				y = 20 + v % 7 + 8 * sin(6.28318 * (t % 24) / 24) + 3 * (rand() - 0.5)
				if (v % 3 == 0)
					y += 5 * (rand() < 0.05)
				miss = t < first || (v % 4 == 1 && rand() < 0.1)
				line = line (t ? "," : "") (miss ? "-" : sprintf("%.3f", y))
			}
			printf "vm-%03d %s\n", v, line
		}
	}' | hours "$2"
}

column() {
	vmf-cat --csv --no-header --columns "$1" "$2"
}

# long FILE: id,step,value... a line a step.
long() {
	vmf-cat --long --csv --no-header "$1"
}

@test "the expected value is within the outer quantiles, on every scale" {
	local a days
	for days in 9 20; do
		vmf-gen -q --vms 12 --days $days --step 1h | vmf-ingest -q |
		    vmf-aggregate -q --step 1h -o s
		for a in theta ets arima; do
			vmf-train -q --model $a -o m s
			vmf-predict -q --from m --horizon 30 \
			    --quantiles 0.001,0.5,0.999 s |
			    vmf-cat --long --csv --no-header >f
			awk -F, -v what="$a $days" '
			$3 < $4 - 1e-4 || $3 > $6 + 1e-4 {
				print what, $0
				bad = 1
			} END { exit bad || NR != 12 * 30 }' f
		done
	done
}

@test "auto is the default; model and forecast name the algorithm" {
	fleet 3 14 >s
	vmf-train -q -o m s
	run -0 column model m
	assert_output "$(printf '%s\n' auto auto auto)"
	for a in $ALGOS; do
		vmf-train -q --model "$a" -o m s
		vmf-predict -q --from m --horizon 5 -o f s
		run -0 column model,status f
		assert_output "$(printf "$a,ok\n%.0s" 1 2 3)"
		run -0 vmf-cat --schema m
		assert_line --regexp "^vmf:model +$a"
	done
}

@test "a daily cycle goes on: each is closer to it than half of its noise" {
	awk 'BEGIN {
		srand(5)
		for (t = 0; t < 24 * 21; t++)
			printf "%s%.4f", t ? "," : "a ", 50 + 20 * sin(6.28318530 * t / 24) + 4 * (rand() - 0.5)
	}' | hours 21 >s
	for a in $ALGOS; do
		vmf-train -q --model "$a" -o m s
		vmf-predict -q --from m --horizon 48 --quantiles 0.5 -o f s
		run -0 awk -F, -v a="$a" '{
			e = $3 - (50 + 20 * sin(6.28318530 * (NR - 1) / 24))
			s += e < 0 ? -e : e
		} END { print NR, (s / NR <= 1.0 ? "near" : a " " s / NR) }' \
		    < <(long f)
		assert_output "48 near"
	done
}

@test "a history of a day or three has a rhythm, and no trend" {
	# From half a day to four before the start, each of the same cycle.
	awk 'BEGIN {
		srand(6)
		for (n = 36; n <= 84; n += 12) {
			printf "vm-%d ", n
			for (t = 0; t < 96; t++)
				printf "%s%s", t ? "," : "", t < 96 - n ? "-" : \
				    sprintf("%.3f", 50 + 20 * sin(6.28318530 * t / 24) + 4 * (rand() - 0.5))
			print ""
		}
	}' | hours 4 >s
	for a in theta ets arima; do
		vmf-train -q --model "$a" -o m s
		vmf-predict -q --from m --horizon 48 --quantiles 0.1,0.5,0.9 -o f s
		run -0 awk -F, -v a="$a" '{
			y = 50 + 20 * sin(6.28318530 * (n[$1]++) / 24)
			e[$1] += $5 > y ? $5 - y : y - $5
			in_it[$1] += $4 <= y && y <= $6
		} END {
			for (v in e)
				if (!(e[v] / n[v] < 3 && in_it[v] > 24))
					print a, v, e[v] / n[v], in_it[v]
		}' < <(long f)
		refute_output
	done
}

@test "same bytes for any number of threads, any width, any batch" {
	slow
	fleet 37 14 >s
	vmf-train -q --no-history --threads 1 -o m s
	vmf-predict -q --no-history --threads 1 --from m -o f s
	for n in 2 3 7; do
		vmf-train -q --no-history --threads $n -o m2 s
		same m m2
		vmf-predict -q --no-history --threads $n --from m -o f2 s
		same f f2
	done
	for simd in plain avx2 avx512; do
		rc=0
		VMF_SIMD=$simd vmf-train -q --no-history -o m2 s 2>err || rc=$?
		if [ $rc -ne 0 ]; then
			run -0 cat err
			assert_output --partial 'this processor does not have'
			continue
		fi
		same m m2
		VMF_SIMD=$simd vmf-predict -q --no-history --from m -o f2 s
		same f f2
	done
	fails 2 "VMF_SIMD is 'sse', expected plain, avx2 or avx512" \
	    env VMF_SIMD=sse vmf-train -o out s
	fails 2 'threads' vmf-train --threads 0 -o out s
	[ ! -e out ]
}

@test "neighbours change nothing" {
	# But for the gate of auto, which a fleet of its size can have.
	fleet 20 14 >s
	vmf-train -q --no-history --without gate -o m s
	vmf-predict -q --no-history --from m --horizon 30 -o f s
	vmf-cat --json m >m.json
	vmf-cat --json f >f.json
	# One VM alone, and every third: the same rows.
	for keep in 'NR == 10' 'NR % 3 == 2' 'NR > 13'; do
		vmf-cat --csv --no-header --columns id s |
		    awk "$keep" >ids
		judge -c '
import polars as pl
ids = open("ids").read().split()
s = pl.read_ipc_stream("s")
s.filter(pl.col("id").is_in(ids)).write_ipc_stream("part")'
		local at=(--step 1h --at 2024-01-15T00:00:00Z)
		vmf-train -q --no-history --without gate "${at[@]}" -o m2 part
		vmf-predict -q --no-history --from m2 "${at[@]}" \
		    --horizon 30 -o f2 part
		vmf-cat --json m2 >m2.json
		vmf-cat --json f2 >f2.json
		awk "$keep" m.json | diff - m2.json
		awk "$keep" f.json | diff - f2.json
	done
}

@test "no peeking: what begins at --at or later changes nothing" {
	awk 'BEGIN { for (t = 0; t < 24 * 16; t++) printf "%s%d", t ? "," : "a ", t < 24 * 14 ? (t * 7) % 24 : 9000 }' |
	    hours 16 >longer
	awk 'BEGIN { for (t = 0; t < 24 * 14; t++) printf "%s%d", t ? "," : "a ", (t * 7) % 24 }' |
	    hours 14 >shorter
	vmf-train -q --no-history -o m1 shorter
	vmf-train -q --no-history --at 2024-01-15 -o m2 longer
	same m1 m2
	vmf-predict -q --no-history --from m1 -o f1 shorter
	vmf-predict -q --no-history --from m1 --at 2024-01-15 -o f2 longer
	same f1 f2
}

@test "a load that was never negative is not predicted to be; quantiles ascend" {
	awk 'BEGIN {
		srand(3)
		for (v = 0; v < 12; v++) {
			printf "vm-%02d ", v
			for (t = 0; t < 240; t++)
				printf "%s%.3f", t ? "," : "", v % 3 == 0 ? (rand() < 0.1) * 40 : v % 3 == 1 ? rand() * rand() * 10 : (240 - t) * rand() / 40
			print ""
		}
	}' | hours 10 >s
	for a in $ALGOS; do
		vmf-train -q --model "$a" -o m s
		vmf-predict -q --from m --horizon 60 --quantiles 0.005,0.07,0.5,0.93,0.9999 -o f s
		run -0 awk -F, '{
			for (i = 3; i <= 8; i++)
				if (!($i >= 0) || (i > 4 && $i < $(i - 1))) bad++
			n++
		} END { print n, bad + 0 }' < <(long f)
		assert_output "720 0"
	done
}

@test "a load that rises is predicted to, one that went up and down goes no further" {
	# A memory that fills up by a tenth of a percent an hour; a machine
	# that is idle, or full for some hours a day, not the same ones.
	awk 'BEGIN {
		srand(4)
		for (t = 0; t < 24 * 20; t++) {
			up = up (t ? "," : "") sprintf("%.3f", 10 + 0.1 * t + rand())
			if (t % 24 == 0)
				from = int(rand() * 18)
			on = on (t ? "," : "") (t % 24 >= from && t % 24 < from + 6 ? 90 : 1)
		}
		print "full", on
		print "rises", up
	}' | hours 20 >s
	for model in theta ets arima auto; do
		vmf-train -q --no-history --model $model -o m s
		vmf-predict -q --no-history --from m --horizon 48 -o f s
		# 10 + 0.1 * 527 is 62.7, the greatest was 58.9.
		run -0 judge -c '
import polars as pl
f = {r["id"]: r for r in pl.read_ipc_stream("f").iter_rows(named=True)}
print(f["full"]["cpu_mean_q90"][30] <= 90, f["full"]["cpu_mean_q10"][30] >= 1,
      f["full"]["cpu_mean_q90"][30] > 80)
if "'$model'" != "auto":
    print(f["rises"]["cpu_mean_q50"][47] > 59.5)'
		if [ $model = auto ]; then
			assert_output "True True True"
		else
			assert_output "True True True
True"
		fi
	done
}

@test "a trend, and a day that adds to it: no scale of logarithms" {
	# Load doubles in five weeks; day and noise stay as they were.
	awk 'BEGIN { srand(5)
		for (v = 1; v <= 6; v++) {
			printf "vm-%d ", v
			for (t = 0; t < 840; t++) {
				y = 20 + (15 + v) * t / 560 + 2 * rand()
				y += 8 * sin(t / 24 * 6.2832)
				printf "%s%.2f", (t > 0 ? "," : ""), y
			}
			print ""
		}
	}' | hours 35 >s
	vmf-eval -q --model theta,ets,arima --horizon 24 --origins 2 s >e
	run -0 awk -F, '$1 !~ /naive/ { print $1, ($2 < 0.6) }' \
	    <(column model,mase e)
	assert_output "theta 1
ets 1
arima 1"
}

@test "odd series: constant, short, intermittent, one step, a huge spike, tiny" {
	{
		echo "a $(printf '7,%.0s' {1..335})7"
		echo "b $(printf -- '-,%.0s' {1..316})$(seq -s , 1 20)"
		echo "c $(printf '0,%.0s' {1..300})$(printf '5,%.0s' {1..35})0"
		echo "d $(printf -- '-,%.0s' {1..335})3"
		echo "e $(for t in {1..335}; do printf '%d,' $((t % 24)); done)1000000000"
		echo "f $(for t in {1..335}; do printf '%de-30,' $((t % 24 + 1)); done)1e-30"
		echo "g $(for t in {1..335}; do printf '%de30,' $((t % 7 + 1)); done)1e30"
		echo "h $(for t in {1..336}; do printf '%s,' $((t % 24)); done | sed 's/,$//')"
		echo "i $(for t in {1..335}; do [ $((t % 2)) = 1 ] && printf '1,' || printf -- '-,'; done)2"
	} | hours 14 >s
	for a in $ALGOS; do
		vmf-train -q --model "$a" -o m s
		vmf-predict -q --from m --horizon 48 -o f s
		run -0 column id,status f
		assert_line a,constant
		assert_line b,short
		assert_line c,ok
		assert_line d,short
		assert_line e,ok
		assert_line f,ok
		assert_line g,ok
		assert_line h,ok
		run -0 awk -F, '{
			for (i = 3; i <= 12; i++)
				if ($i == "" || $i + 0 != $i + 0 || $i ~ /[nN]a[nN]|[iI]nf/) bad++
		} END { print NR, bad + 0 }' < <(long f)
		assert_output "$((9 * 48)) 0"
	done
	# What repeats exactly goes on.
	vmf-cat --csv --no-header --id h --columns cpu_mean f |
	    tr -d '"[]' | tr , '\n' |
	    awk '{ d = $1 - (NR % 24); if (d < 0) d = -d; if (d > 0.01) bad++ } END { exit bad > 0 || NR != 48 }'
}

@test "a gap before the start is forecast over; stale is told" {
	{
		echo "a $(for t in {1..300}; do printf '%d,' $((t % 24)); done)$(printf -- '-,%.0s' {1..35})-"
	} | hours 14 >s
	for a in $ALGOS; do
		vmf-train -q --model "$a" -o m s
		vmf-predict -q --from m --horizon 24 -o f s
		run -0 column status f
		assert_output stale
		# Step 337 and on, in phase.
		run -0 awk -F, '{ d = $3 - ((336 + NR) % 24); s += d < 0 ? -d : d }
		    END { print (s / NR <= 1.5 ? "in phase" : s / NR) }' < <(long f)
		assert_output "in phase"
	done
}

@test "a newer history is filtered by the stored parameters; --refit estimates anew" {
	fleet 8 14 >s
	fleet 8 17 >new
	for a in $ALGOS; do
		vmf-train -q --no-history --model "$a" -o m s
		vmf-predict -q --no-history --from m -o f new
		vmf-predict -q --no-history --from m --refit -o r new
		run -0 column status f
		assert_output "$(printf 'ok\n%.0s' {1..8})"
		run -0 column status r
		assert_output "$(printf 'ok\n%.0s' {1..8})"
		run ! same f r
		# Both go on from the new end.
		run -0 awk -F, '{ d = $3 - $13; s += d < 0 ? -d : d; n++ }
		    END { print n, (s / n < 3 ? "alike" : s / n) }' \
		    < <(paste -d , <(long f | cut -d, -f 1-12) <(long r | cut -d, -f 3))
		assert_output "384 alike"
	done
}

@test "unseen: fitted cold, or left out" {
	fleet 6 14 >s
	judge -c '
import polars as pl
s = pl.read_ipc_stream("s")
s[::2].write_ipc_stream("half")'
	vmf-train -q --step 1h --at 2024-01-15 --model arima -o m half
	vmf-predict --from m --horizon 3 -o f s 2>err
	assert_equal "$(cat err)" "vmf-predict: 6 forecasts, 3 ok, 3 unseen; 0 skipped as unseen, 0 only in the model"
	# Cold is what it would have been.
	vmf-train -q --model arima -o all s
	vmf-predict -q --from all --horizon 3 -o f2 s
	diff <(column cpu_mean,cpu_mean_q90 f) <(column cpu_mean,cpu_mean_q90 f2)
	vmf-predict --from m --unseen skip --horizon 3 -o f s 2>err
	assert_equal "$(cat err)" "vmf-predict: 3 forecasts, 3 ok; 3 skipped as unseen, 0 only in the model"
}

@test "a history of days whose steps are many" {
	# 216 half hours, a season of 48.
	awk 'BEGIN {
		srand(5); print "vm,time,cpu"
		for (t = 0; t < 216; t++)
			printf "a,%d,%.4f\n", 1800 * t, 50 + 20 * sin(6.28318530 * t / 48) + 4 * (rand() - 0.5)
	}' </dev/null | vmf-ingest -q | vmf-aggregate -q --step 30m -o s
	vmf-train -q --no-history --model arima -o m s
	VMF_SIMD=plain vmf-train -q --no-history --model arima -o m2 s
	same m m2
	vmf-predict -q --from m --horizon 48 --quantiles 0.5 -o f s
	run -0 awk -F, '{
		e = $3 - (50 + 20 * sin(6.28318530 * (NR + 23) / 48))
		s += e < 0 ? -e : e
	} END { print NR, (s / NR <= 2.0 ? "near" : s / NR) }' < <(long f)
	assert_output "48 near"
}

@test "seasons: one step, a week of hours" {
	awk 'BEGIN {
		srand(2)
		for (t = 0; t < 24 * 42; t++)
			printf "%s%.3f", t ? "," : "a ", (int(t / 24) % 7 < 5 ? 30 : 10) + rand()
	}' | hours 42 >s
	for a in $ALGOS; do
		vmf-train -q --model "$a" --season 1w -o m s
		vmf-predict -q --from m --horizon 168 --quantiles 0.5 -o f s
		run -0 awk -F, '{ d = $3 - (int((NR - 1) / 24) % 7 < 5 ? 30.5 : 10.5); s += d < 0 ? -d : d }
		    END { print NR, (s / NR < 1 ? "near" : s / NR) }' < <(long f)
		assert_output "168 near"
		vmf-train -q --model "$a" --season 1h -o m s
		vmf-predict -q --from m --horizon 3 -o f s
		run -0 column status f
		assert_output ok
	done
}

@test "damaged parameters are refused with the row" {
	local algo=arima good own
	fleet 1 14 >s
	season() { echo "kind=model step=3600 season=86400 end=2024-01-15T00:00:00Z metric=cpu_mean model=$algo"; }
	params() {
		{
			season
			echo 'id metric model status params:list64 blob:binary mase:f64 updated:time'
			echo "vm-000 cpu_mean $algo ok $1 - - 2024-01-15T00:00:00Z"
		} | "$ROWS" >m
	}
	params 1,2,3
	fails 1 'm: row 0: arima has 3 params, expected 1' \
	    vmf-predict --from m -o out s
	params "$(seq -s , 1 116)"
	fails 1 'm: row 0: arima has ' vmf-predict --from m -o out s
	# What a fit made, but for one number.
	bad() {
		params "$(jq -r --argjson i "$1" --argjson v "$2" \
		    '.[$i] = $v | map(. // "-" | tostring) | join(",")' \
		    <<<"$good")"
		fails 1 "m: row 0: $algo has $3" vmf-predict --from m -o out s
	}
	# g I: number I as it is printed.
	g() {
		printf %g "$(jq ".[$1]" <<<"$good")"
	}
	for algo in theta ets arima; do
		vmf-train -q --no-history --model $algo -o n s
		good=$(vmf-cat --json n | jq -c .params)
		case $algo in theta) own=4 ;; ets) own=5 ;; arima) own=6 ;; esac
		bad 3 0.5 '0.5 at param 3, expected a weight of its own'
		bad $own -1 "-1 at param $own, expected a weight of its own"
		bad $own 0.5 'weights that add up to 0.5, expected 1'
		bad 0 null 'nan at param 0, expected a finite number'
		bad 85 1e9 "$(g 86) at param 86, expected quantiles that ascend"
		bad 170 -1 '-1 at param 170, expected what was lost'
		case $algo in
		theta)
			bad 7 0 '0 at param 7, which no fit makes'
			bad 8 1.5 '1.5 at param 8, which no fit makes'
			bad 9 -1 '-1 at param 9, which no fit makes'
			;;
		ets)
			bad 10 -0.5 '-0.5 at param 10, which no fit makes'
			bad 16 -1 '-1 at param 16, which no fit makes'
			;;
		arima)
			bad 17 4 '4 at param 17, which no fit makes'
			bad 18 0.5 '0.5 at param 18, which no fit makes'
			bad 24 1.5 '1.5 at param 24, which no fit makes'
			bad 26 2 "$(g 24) at param 24, which no fit makes"
			bad 27 -1.5 '-1.5 at param 27, which no fit makes'
			bad 30 2 '2 at param 30, which no fit makes'
			bad 32 -1 '-1 at param 32, which no fit makes'
			bad 33 1.5 '1.5 at param 33, which no fit makes'
			bad 33 0 '0 at param 33, which no fit makes'
			bad 50 -1 '-1 at param 50, which no fit makes'
			;;
		esac
	done
	[ ! -e out ]
}

@test "the 80 % interval of noise around a cycle covers 78 to 92 %" {
	awk 'BEGIN {
		srand(9)
		for (v = 0; v < 40; v++) {
			line = ""
			for (t = 0; t < 24 * 21; t++)
				line = line (t ? "," : "") sprintf("%.3f", 50 + 10 * sin(6.28318530 * t / 24) + 10 * (rand() + rand() - 1))
			printf "vm-%03d %s\n", v, line
		}
	}' | hours 21 >s
	vmf-eval -q --model theta,ets,arima,auto --origins 3 -o e s
	run -0 awk -F, '$2 !~ /naive/ { n++; good += $1 >= 0.78 && $1 <= 0.92 }
	    END { print n, good }' < <(column coverage80,model e)
	assert_output "4 4"
}

@test "textbook series: AICc and forecasts beside statsforecast and statsmodels" {
	run -0 judge "$VMF_ROOT/test/reference/textbook.py"
	assert_output --partial 'wineind: forecasts differ by at most'
}
