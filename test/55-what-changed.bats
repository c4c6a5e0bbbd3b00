# Forecasts where the history is not as it was: phases that nothing is known of,
# loads that have left their range since the model was learned, VMs that are
# gone.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# hours DAYS EXPRESSION: series of a few VMs, of hours; the load of VM v in
# hour h of day d by an expression of awk, "" for none.
hours() {
	awk -v days="$1" "BEGIN { srand(3); print \"vm,time,cpu\"
	    for (v = 0; v < 4; v++)
	    for (d = 0; d < days; d++)
	    for (h = 0; h < 24; h++) { y = $2
		if (y != \"\") printf \"v%d,%d,%.3f\\n\", v,
		    1704067200 + 86400 * d + 3600 * h, y } }" | vmf-ingest -q |
	    vmf-aggregate -q --step 1h
}

# list COLUMN N: item N, from 1 on, of each row of the stream on stdin.
list() {
	vmf-cat --csv --no-header --columns "$1" | tr -d '"[]' | cut -d, -f"$2"
}

@test "an hour of the day that nothing is known of is not the least load" {
	# But for one value, weeks ago.
	hours 30 'h == 5 ? (d == 2 ? 0.2 : "") : 80 + 5 * rand()' >s
	local model
	for model in '--without theta,ets,arima,kq' '--without theta,ets,arima' ''; do
		# shellcheck disable=SC2086 # options
		vmf-train -q $model -o m s
		vmf-predict -q --from m --horizon 24 -o f s
		for value in $(list cpu_mean 6 <f); do
			awk -v v="$value" 'BEGIN { exit !(v > 60) }'
		done
	done
}

# moved FROM TO CONDITION: of loads that went from one level to another since
# models were learned, the median in half a day meets the condition of awk on v.
moved() {
	local model
	hours 25 "(d < 20 ? $1 : $2) + (w[v] += rand() - 0.5)" >s
	for model in ets auto; do
		vmf-train -q --model $model --at 2024-01-21 -o m s
		vmf-predict -q --from m --horizon 24 -o f s
		for value in $(list cpu_mean_q50 12 <f); do
			awk -v v="$value" "BEGIN { exit !($3) }" || return 1
		done
	done
}

@test "loads that have grown since a model was learned are not held down" {
	moved 20 70 'v > 50'
	# Nor held up.
	moved 70 20 'v < 45'
}

@test "--target: odds that are all extreme are calibrated as well" {
	hours 40 'rand() < 0.05 ? 90 : 0' >s
	vmf-eval -q --model kq,auto --target 'cpu_mean>80@1-12' --horizon 24 \
	    --origins 5 s | vmf-cat --csv --no-header --columns \
	    model,n_cases,brier,brier_rate,log_loss >scores
	grep -qE '^kq,20,' scores
	awk -F, '/^(kq|auto),/ { n++; bad += !($3 < 1.3 * $4 && $5 < 0.9) }
	    END { exit n != 2 || bad }' scores
	vmf-train -q --model kq --target 'cpu_mean>80@1-12' -o m s
	# Some 46 of 100 windows of half a day have one.
	for p in $(vmf-predict -q --from m s | list cpu_mean_gt80_1_12 1); do
		awk -v p="$p" 'BEGIN { exit !(p > 0.2 && p < 0.8) }'
	done
}

@test "--target: of a VM that was always idle, and is stale now" {
	hours 20 'v == 3 ? (d < 16 ? 0 : "") : v == 2 ? 0 : (rand() < 0.2 ? 90 : 10 * rand())' >s
	vmf-train -q --model kq --target 'cpu_mean>80@1-12' -o m s
	vmf-predict -q --from m s | vmf-cat --csv --no-header \
	    --columns id,status,cpu_mean_gt80_1_12 >p
	awk -F, '$1 == "v2" { n += $2 == "constant" && $3 < 0.05 }
	    $1 == "v3" { n += $2 == "stale" && $3 < 0.05 }
	    END { exit n != 2 }' p
}

@test "--target: a forecast that is shorter than its event is scored all the same" {
	hours 20 '50 + 40 * rand()' >s
	vmf-train -q --model kq --target 'cpu_mean>85@1-48' --at 2024-01-16 -o m s
	vmf-predict -q --from m --at 2024-01-16 --horizon 24 -o short s
	vmf-predict -q --from m --at 2024-01-16 --horizon 48 -o long s
	for f in short long; do
		vmf-eval -q --forecast $f --target 'cpu_mean>85@1-48' s |
		    vmf-cat --csv --no-header --columns n_cases,brier |
		    head -n 1 >$f.csv
	done
	grep -q '^4,' short.csv
	cmp short.csv long.csv
}

@test "--without: in any order; --at before the first sample" {
	hours 12 '50 + 5 * rand()' >s
	vmf-train -q --without kq,gate,kq-day -o a s
	vmf-train -q --without gate,kq-day,kq -o b s
	diff <(vmf-cat --checksum a) <(vmf-cat --checksum b)
	fails 2 "s: nothing to score up to 2020-01-01T00:00:00Z" \
	    vmf-eval --model snaive --at 2020-01-01 s
	# Nor after the last: there are rows, and they have no scores.
	vmf-eval --model snaive --at 2031-01-01 --horizon 24 --origins 3 \
	    -o scores s 2>err
	grep -q '^vmf-eval: nothing is scored: no step from 2030-12-29T00:00:00Z to 2031-01-01T00:00:00Z is both known' err
}

@test "a load that rose at the end of a short history does not rise for ever" {
	# As long as it takes to be no "short" one, idle but for its last hours.
	hours 4 'd * 24 + h < 90 ? 0 : 70 + rand()' >s
	local model
	for model in arima theta ets auto; do
		vmf-train -q --model $model -o m s
		vmf-predict -q --from m --horizon 48 s |
		    vmf-cat --csv --no-header --columns cpu_mean,cpu_mean_q90 |
		    tr -d '"[]' | tr ',' '\n' | awk '{ n++ } !($1 >= 0 && $1 <= 107) { bad++ }
			END { exit n != 4 * 96 || bad }'
	done
}
