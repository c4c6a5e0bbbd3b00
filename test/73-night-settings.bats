# scripts/nightly: its settings, and what a night makes of them.

load helper
load night

@test "NIGHT_REPLAN: the plan before is kept to; a damaged one is told" {
	starts() {
		awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
		    $at["rank"] == 1 { print $1, $at["start"] }' \
		    out/latest/plan.csv
	}
	night day.csv.gz
	starts >first
	# By its ninth decile another plan is the best one.
	NIGHT_WINDOW='--risk 0.9' night --force day.csv.gz
	starts >other
	run -1 cmp first other
	night --force day.csv.gz
	NIGHT_REPLAN=1e6 NIGHT_WINDOW='--risk 0.9' night --force day.csv.gz
	starts | cmp - first
	grep -q 'of the plan before [1-9][0-9]* kept, 0 changed' \
	    out/2024-01-04.log
	# The newest night before, of which some starts are still to come.
	mv out/2024-01-04 out/2024-01-03
	NIGHT_REPLAN=1e6 NIGHT_WINDOW='--risk 0.9' run night day.csv.gz
	[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
	starts | cmp - first
	truncate -s -100 out/2024-01-04/plan.arrows
	NIGHT_REPLAN=1 run -3 night --force day.csv.gz
	assert_output --partial "2024-01-04/plan.arrows cannot be kept to, as it is damaged"
	starts | cmp - first
	mkfifo never
	NIGHT_REPLAN=much run -2 timeout 20 sh "$NIGHTLY" --out out \
	    --date 2024-01-05 never
	assert_output --partial "NIGHT_REPLAN: vmf-window: --hysteresis: found 'much', expected"
}

@test "settings from a file, from the environment, from the line, in this order" {
	cat >night.conf <<-END
		NIGHT_OUT=$PWD/conf-out
		NIGHT_INPUT="$PWD/*.csv.gz"
		NIGHT_INVENTORY=$PWD/vms.csv
		NIGHT_BLACKOUT='Mon-Fri 09:00-18:00
		Sat,Sun'
		NIGHT_TZ=Europe/Zurich
		NIGHT_LENGTH=1h
		NIGHT_STEP=15m
	END
	NIGHT_OUT=env-out sh "$NIGHTLY" --conf night.conf --date 2024-01-04
	[ -e conf-out/latest/series-15m.arrows ]
	[ ! -e env-out ]
	sh "$NIGHTLY" --conf "$PWD/night.conf" --out line-out --date 2024-01-04
	[ -e line-out/latest/plan.csv ]
	# Thursday and Friday have working hours: all plans are before or after.
	vmf-cat --json line-out/latest/plan.arrows >plan.json
	assert_equal "$(jq -r 'select(.start != null) | .start' plan.json |
	    grep -cE 'T(09|1[0-5]):')" 0
}

@test "settings that nobody reads are refused, and the nearest one named" {
	export NIGHT_INPUT=$PWD/day.csv.gz NIGHT_OUT=out
	NIGHT_BLACKOUTS=Sat run -2 sh "$NIGHTLY"
	assert_line --index 0 "nightly: unknown setting NIGHT_BLACKOUTS: the nearest is NIGHT_BLACKOUT"
	echo NIGHT_INVENTROY=vms.csv >conf
	run -2 sh "$NIGHTLY" --conf conf
	assert_line --index 0 "nightly: unknown setting NIGHT_INVENTROY: the nearest is NIGHT_INVENTORY"
	# A value without quotes, or one that goes wrong.
	echo NIGHT_BLACKOUT=Sat 09:00-18:00 >conf
	run -2 sh "$NIGHTLY" --conf conf
	assert_output --partial "nightly: ./conf: not all of it can be done: see above"
	echo 'NIGHT_WINDOW="--per-host 2' >conf
	run -2 sh "$NIGHTLY" --conf conf
	echo 'NIGHT_OUT="$WHERE_IS_IT"' >conf
	run -2 sh "$NIGHTLY" --conf conf
	printf 'NIGHT_OUT=crlf\r\nNIGHT_TZ=UTC\r\n' >conf
	run -2 sh "$NIGHTLY" --conf conf
	assert_line --index 0 "nightly: ./conf: its lines end with CR LF, expected LF alone (sed -i 's/\\r\$//' makes them so)"
	leaves . conf day.csv.gz vms.csv
	# What holds is in the log.
	printf 'NIGHT_LENGTH=1h\n' >conf
	NIGHT_MODEL=snaive sh "$NIGHTLY" --conf conf --date 2024-01-04
	run -0 grep ' settings: ' out/2024-01-04.log
	assert_output --partial "NIGHT_OUT='$PWD/out' NIGHT_INPUT='$PWD/day.csv.gz' NIGHT_MAP='csv' NIGHT_MAX_BAD='1' "
	assert_output --partial "NIGHT_MODEL='snaive' NIGHT_HORIZON='48' NIGHT_LENGTH='1h' NIGHT_TZ='UTC' "
}

@test "settings that a command refuses are told before any work" {
	# Nobody writes to it: who waits for samples waits for ever.
	mkfifo never
	refused() {
		local code=$1 said=$2
		shift 2
		run "-$code" env "$@" timeout 20 sh "$NIGHTLY" --out out \
		    --date 2024-01-04 --join vms.csv never
		assert_line --index 0 --partial "nightly: 2024-01-04: $said"
		leaves out 2024-01-04.log lock
	}
	of_window="NIGHT_LENGTH, NIGHT_BLACKOUT, NIGHT_TZ, NIGHT_WINDOW: vmf-window:"
	refused 2 "$of_window blackout 'Funday', expected" NIGHT_BLACKOUT=Funday
	refused 2 "$of_window --tz: time zone 'Europe/Zuerich'" \
	    NIGHT_TZ=Europe/Zuerich
	refused 2 "$of_window --length: 'long', expected" NIGHT_LENGTH=long
	refused 2 "$of_window unknown or ambiguous option" NIGHT_WINDOW=--perhost
	refused 1 "$of_window --drain: no host 'nowhere' in an empty forecast" \
	    NIGHT_WINDOW='--place --drain nowhere'
	refused 1 "$of_window cannot open hosts.csv" \
	    NIGHT_WINDOW='--place --hosts hosts.csv'
	# Files of settings, and the levels of a night, are known.
	printf 'hostname,cpus\nh1,3\n' >other.csv
	refused 1 "$of_window other.csv:1: found no column 'host'" \
	    NIGHT_WINDOW='--place --hosts other.csv'
	refused 1 "$of_window an empty forecast: no quantile 0.95 of 'cpu_mean'; there are 0.1," \
	    NIGHT_WINDOW='--risk 0.95'
	printf 'vm;host\na;h1\n' >semi.csv
	run -1 timeout 20 sh "$NIGHTLY" --out out --date 2024-01-04 \
	    --join semi.csv never
	assert_line --index 0 --partial "NIGHT_STEP, NIGHT_INVENTORY: vmf-aggregate: semi.csv:1: found no column"
	refused 2 "NIGHT_HORIZON: vmf-predict: --horizon: 'x', expected" \
	    NIGHT_HORIZON=x
	refused 2 "NIGHT_MODEL: vmf-train: --model: 'best' is not known" \
	    NIGHT_MODEL=best
	refused 2 "NIGHT_SORT, NIGHT_MEMORY: vmf-dedup: --memory: " \
	    NIGHT_MEMORY=much
	refused 2 "NIGHT_STEP, NIGHT_INVENTORY: vmf-aggregate: --step: " \
	    NIGHT_STEP=often
	refused 2 "NIGHT_LONG, NIGHT_KEEP: vmf-aggregate: --step: found 1h, expected a multiple of the step of an empty fine, 7m" \
	    NIGHT_STEP=7m
	refused 2 "NIGHT_MAP, NIGHT_INGEST: vmf-ingest: --map: " NIGHT_MAP=nope
	refused 2 "NIGHT_MAP, NIGHT_INGEST: vmf-ingest: " \
	    NIGHT_INGEST='--tz Nowhere'
	refused 2 "NIGHT_AGGREGATE: vmf-aggregate: unknown or ambiguous option" \
	    NIGHT_AGGREGATE=--foo
	refused 2 "NIGHT_AGGREGATE: vmf-aggregate: --since is not before --until" \
	    NIGHT_AGGREGATE='--since 2031-01-01'
	# What the samples have is not known before.
	printf 'vm,time,cpu,mem,host\na,1704067200,1,9,h1\n' >own.csv
	NIGHT_MODEL=snaive NIGHT_WINDOW='--per-host 1 --risk 0.9' \
	    sh "$NIGHTLY" --out own --date 2024-01-02 own.csv
	grep -q "settings: vmf-window: .*no column 'host'" own/2024-01-02.log
	assert_equal "$(grep -c placed own/latest/plan.csv)" 1
}

@test "a bound on samples, settings over several lines, numbers with zeros" {
	export NIGHT_MODEL=snaive NIGHT_MAX_BAD=08 NIGHT_MAX_STALE=010
	NIGHT_AGGREGATE='--since 2024-01-02' run -0 night day.csv.gz
	refute_output
	vmf-cat --schema out/latest/series-1h.arrows |
	    grep -q '^vmf:end *2024-01-04T00:00:00Z$'
	assert_equal "$(vmf-cat --csv --no-header --columns start \
	    out/latest/series-1h.arrows | sort -u)" 2024-01-02T00:00:00Z
	grep -q "NIGHT_MAX_BAD='8'.* NIGHT_MAX_STALE='10'" out/2024-01-04.log
	NIGHT_AGGREGATE='
	    --since
	    2024-01-03' NIGHT_WINDOW="
	    --per-host 2
	    --risk 0.9" run -0 night --force day.csv.gz
	refute_output
	grep -q "NIGHT_AGGREGATE='--since 2024-01-03'" out/2024-01-04.log
	# The books are made of what is told.
	for setting in INGEST AGGREGATE WINDOW; do
		run -2 env "NIGHT_$setting=--x
		    -q" sh "$NIGHTLY" --out out --date 2024-01-04 day.csv.gz
		assert_output --partial "NIGHT_$setting: found --quiet"
	done
}

@test "a plan of moves as long as is predicted is scored the next night" {
	command -v vmf-eval >/dev/null || skip "no vmf-eval"
	export NIGHT_MODEL=snaive NIGHT_LENGTH=auto
	awk 'BEGIN {
		print "workload,mem_bytes,vcpus,load_pct,total_ms,downtime_ms"
		for (i = 0; i < 40; i++)
			print "w" i % 5 "," (1 + i % 7) * 1e9 "," 1 + i % 3 "," \
			    i "," 20000 + 900 * i "," 30 + i
	}' | vmf-ingest -q --map migrations |
	    vmf-train -q --model downtime -o downtime.model
	export NIGHT_WINDOW="--downtime $PWD/downtime.model"
	zcat day.csv.gz >s4.csv
	gen 12 4 >s5.csv
	night s4.csv
	run -0 sh "$NIGHTLY" --out out --date 2024-01-05 --join vms.csv s5.csv
	refute_output
	assert_equal "$(cut -d, -f1-3 out/scores.csv | tail -n 1)" \
	    2024-01-05,2024-01-04,snaive
}

@test "samples of another unit are told, and guests of many vCPUs are not" {
	export NIGHT_MODEL=snaive
	hundred() {
		awk -F, -v OFS=, -v by="$1" 'NR > 1 { $3 *= by } 1'
	}
	zcat day.csv.gz | hundred 100 >raw.csv
	run -3 night raw.csv
	assert_output --regexp '^nightly: 2024-01-04: cpu goes to [0-9]+(\.[0-9]+)?, and in [0-9]+ of 12 VMs above 110 for each vCPU: expected percent, or a NIGHT_MAX_PERCENT above 110$'
	NIGHT_MAX_PERCENT=010000 run -0 night --force raw.csv
	refute_output
	# Percent of one CPU; without vcpus nobody can tell.
	zcat day.csv.gz | awk -F, -v OFS=, 'NR == FNR { n[$1] = $4; next }
	    FNR > 1 { $3 *= n[$1] } 1' vms.csv - >one.csv
	run -0 night --force one.csv
	refute_output
	zcat day.csv.gz | hundred 8 >eight.csv
	run -3 sh "$NIGHTLY" --out bare --date 2024-01-04 eight.csv
	assert_output --regexp ' of 12 VMs above 110: expected percent, or a NIGHT_MAX_PERCENT above 110$'
	NIGHT_MAX_PERCENT=much run -2 night day.csv.gz
	assert_output --partial "NIGHT_MAX_PERCENT: found 'much', expected a whole number"

	# Joined to a history, each way, and once more as it should have been.
	export NIGHT_KEEP=28d NIGHT_MAX_PERCENT=10000
	night --force day.csv.gz
	vmf-gen -q --vms 12 --days 1 --start 2024-01-04T00:00:00Z >next.csv
	for by in 100 0.01; do
		hundred $by <next.csv >raw.csv
		run -3 night --force --date 2024-01-05 raw.csv
		assert_line --regexp "^nightly: 2024-01-05: cpu_mean is [0-9.]+ times that in the series of 2024-01-04, and in [0-9]+ of 12 VMs more than 10 times (as high|lower): expected the same unit \\(do this night again by --force\\), or a NIGHT_MAX_CHANGE above 10\$"
		refute_output --partial mem_mean
		NIGHT_MAX_CHANGE=100000 run night --force --date 2024-01-05 raw.csv
		refute_output --partial cpu_mean
	done
	run -0 night --force --date 2024-01-05 next.csv
	refute_output
}

@test "--explain: how the plan of a night came about, as it was then" {
	export NIGHT_MODEL=snaive
	{
		echo host,cpus,mem_mb,cluster
		echo x,64,1048576,cluster-000
		tail -n +2 vms.csv | cut -d, -f2,3 | sort -u |
		    sed 's/,/,64,1048576,/'
	} >hosts.csv
	NIGHT_BLACKOUT='Mon-Fri 09:00-18:00
	    Sat' NIGHT_WINDOW="--place --ho=hosts.csv --per-host 2 --strict
	    --max-host-load 90" night day.csv.gz
	leaves out/latest/ series-5m.arrows series-1h.arrows fleet.model \
	    forecast.arrows plan.arrows plan.csv rows.txt checksums.txt \
	    window.txt inventory.csv hosts.csv
	vmf-window -q --length 30m --tz UTC --not-before 2024-01-04T00:00:00Z \
	    --inventory vms.csv --blackout 'Mon-Fri 09:00-18:00' \
	    --blackout Sat --place --hosts hosts.csv --per-host 2 \
	    --max-host-load 90 --explain vm-0000003,vm-0000005 -o plan \
	    out/latest/forecast.arrows 2>want
	[ "$(wc -l <want)" -gt 4 ]
	# Whatever has become of these, and of the settings.
	rm vms.csv hosts.csv
	find out -type f -exec sha256sum {} + >before
	NIGHT_WINDOW=--top NIGHT_INPUT=gone run -0 --separate-stderr sh \
	    "$NIGHTLY" --out out --explain vm-0000003 --explain vm-0000005
	assert_equal "$stderr" ''
	assert_equal "$output" "$(cat want)"
	find out -type f -exec sha256sum {} + | cmp - before

	# A plan that the one before was replaced by, with its own folder gone.
	mv out/2024-01-04 out/2024-01-03
	ln -sfn 2024-01-03 out/latest
	gen 12 3 --inventory vms.csv >/dev/null
	NIGHT_REPLAN=0.5 run night day.csv.gz
	rm -r out/2024-01-03
	run -0 sh "$NIGHTLY" --out out --date 2024-01-04 --explain vm-0000003
	assert_output --partial 'vm-0000003: placed at '
	# What cannot be done.
	of="nightly: 2024-01-04: the plan cannot be explained"
	run -1 sh "$NIGHTLY" --out out --explain vm-7
	assert_output "$of: vmf-window: --explain: no VM 'vm-7' in the plan"
	mv out/2024-01-04/before.arrows .
	run -1 sh "$NIGHTLY" --out out --explain vm-0000003
	assert_output "$of: $PWD/out/2024-01-04/before.arrows is gone"
	mv before.arrows out/2024-01-04
	sed -i s/0.5/90/ out/2024-01-04/window.txt
	sed -i s/30m/5h/ out/2024-01-04/window.txt
	run -1 sh "$NIGHTLY" --out out --explain vm-0000003
	assert_output --partial "nightly: 2024-01-04: the plan that this explains is not that of the night"
	rm out/2024-01-04/window.txt
	run -1 sh "$NIGHTLY" --out out --explain vm-0000003
	assert_output --partial "$of: there is no $PWD/out/2024-01-04/window.txt"
	run -1 sh "$NIGHTLY" --out out --date 2024-01-09 --explain vm-0000003
	assert_output "nightly: 2024-01-09: the plan cannot be explained: there is no night 2024-01-09 in $PWD/out"
	run -2 sh "$NIGHTLY" --out out --explain vm-0000003 day.csv.gz
	assert_output --partial "--explain does no night: leave out day.csv.gz"
	run -2 sh "$NIGHTLY" --out out --explain vm-0000003 --force
}

@test "NIGHT_TRAIN: a probability of memory each night, gone on from and scored" {
	export NIGHT_MODEL=snaive NIGHT_KEEP=28d
	export NIGHT_TRAIN="--target
	    mem_max>80@1-24 --metric=cpu_mean,mem_mean --stale-after 2d"
	night day.csv.gz
	for d in 4 5; do
		vmf-gen -q --vms 12 --days 1 --start "2024-01-0${d}T00:00:00Z" |
		    run -0 night --date 2024-01-0$((d + 1)) -
	done
	vmf-cat --csv --no-header --columns id,mem_max_gt80_1_24 \
	    out/latest/forecast.arrows >p
	assert_equal "$(awk -F, '$2 > 0 && $2 < 1' p | wc -l)" 12
	[ "$(grep -c ,placed, out/latest/plan.csv)" -eq 12 ]
	assert_equal "$(cat out/latest/train.txt)" \
	    "--target mem_max>80@1-24 --metric=cpu_mean,mem_mean --stale-after 2d"
	run ! grep -q anew out/2024-01-06.log
	vmf-cat --schema out/latest/forecast.arrows | grep -q -e \
	    'vmf-predict .* --stale-after 2d'
	# A row a metric; of the plan's that of its windows as well.
	run -0 grep ^2024-01-06,2024-01-05,snaive, out/scores.csv
	assert_equal "$(cut -d, -f4 <<<"$output" | sort | xargs)" \
	    "cpu_mean mem_max mem_mean"
	assert_equal "$(awk -F, '{ print NF }' out/scores.csv | uniq)" 22
	assert_equal "$(cut -d, -f19 <<<"$output" | xargs)" 12
	# Other words, other things to learn.
	vmf-gen -q --vms 12 --days 1 --start 2024-01-06T00:00:00Z >next.csv
	NIGHT_TRAIN='--season-tz Europe/Zurich' run -0 night \
	    --date 2024-01-07 next.csv
	grep -q "NIGHT_TRAIN of 2024-01-06 was '--target mem_max>80@1-24.*learning anew" \
	    out/2024-01-07.log
	assert_equal "$(cat out/latest/train.txt)" '--season-tz Europe/Zurich'
	vmf-cat --schema out/latest/fleet.model |
	    grep -q '^vmf:season-tz *Europe/Zurich$'
	run ! grep -q mem_max <(vmf-cat --schema out/latest/forecast.arrows)
}

@test "NIGHT_TRAIN: what cannot be is told before any work" {
	mkfifo never
	refused() {
		run "-$1" env NIGHT_MODEL=snaive "${@:3}" timeout 20 \
		    sh "$NIGHTLY" --out out --date 2024-01-04 never
		assert_line --index 0 --partial "nightly: $2"
	}
	refused 2 'NIGHT_TRAIN: found --model, expected NIGHT_MODEL' \
	    NIGHT_TRAIN='--threads 1 --model ets'
	refused 2 'NIGHT_TRAIN: found --at, which each night says by itself' \
	    NIGHT_TRAIN='--at 2024-01-01'
	of='2024-01-04: NIGHT_MODEL, NIGHT_TRAIN: vmf-train: '
	refused 2 "${of}unknown or ambiguous option" NIGHT_TRAIN=--targets
	refused 2 "${of}--target" NIGHT_TRAIN='--target mem_max'
	refused 1 "${of}an empty series: no list column 'mem_p95'; there are cpu_mean, cpu_max, cpu_count, mem_mean, mem_max, mem_count" \
	    NIGHT_TRAIN='--metric cpu_mean,mem_p95'
	refused 1 "2024-01-04: NIGHT_TRAIN, NIGHT_WINDOW: --metric of either: vmf-window: an empty forecast: no list column 'cpu_mean'; there are mem_mean," \
	    NIGHT_TRAIN='--metric mem_mean'
	NIGHT_MODEL=snaive NIGHT_TRAIN='--metric mem_mean' \
	    NIGHT_WINDOW='--metric mem_mean' run -0 night day.csv.gz
	refute_output
}

@test "a pinned VM that the samples spell otherwise is told" {
	export NIGHT_MODEL=snaive
	awk -F, -v OFS=, 'NR == 1 { print $0, "pinned"; next }
		{ print $0, NR == 3 ? "yes" : "" }' vms.csv >own.csv
	vm=$(sed -n 3p own.csv | cut -d, -f1)
	run -0 night --join own.csv day.csv.gz
	refute_output
	sed "s/^$vm,/${vm^^},/" own.csv >odd.csv
	run -3 night --force --join odd.csv day.csv.gz
	assert_output "nightly: 2024-01-04: odd.csv: 1 VM pinned, or with a deadline or anti_affinity, has no samples: '${vm^^}' (the samples have '$vm'); 1 of 12 VMs with samples are not in it, and nothing binds them"
	grep -q "^$vm,.*,placed" out/latest/plan.csv
	# With ports, all of them.
	zcat day.csv.gz | sed '2,$s/^[^,]*/&.prod.example.com:9100/' >port.csv
	run -3 night --force --join own.csv port.csv
	assert_output --partial "own.csv: 1 VM pinned, or with a deadline or anti_affinity, has no samples: '$vm' (the samples have '$vm.prod.example.com:9100'); 12 of 12 VMs "
}

@test "NIGHT_STEP and NIGHT_LONG alike, in any spelling: one series" {
	export NIGHT_MODEL=snaive NIGHT_LONG=1h
	night day.csv.gz
	vmf-cat --long --csv out/latest/series-1h.arrows >want
	for step in 1h 3600 60m; do
		for keep in '' 28d; do
			rm -rf out
			NIGHT_STEP=$step NIGHT_KEEP=$keep run -0 night day.csv.gz
			refute_output
			leaves out/latest/ series-1h.arrows fleet.model \
			    forecast.arrows plan.arrows plan.csv rows.txt \
			    checksums.txt window.txt inventory.csv
			vmf-cat --long --csv out/latest/series-1h.arrows >got
			assert_equal "$(wc -l <got)" "$(wc -l <want)"
		done
	done
	NIGHT_STEP=1h NIGHT_KEEP=28d run -0 night --date 2024-01-05 day.csv.gz
	refute_output
}

@test "NIGHT_LONG that no day holds is named as such, before any work" {
	mkfifo never
	NIGHT_LONG=7h run -2 timeout 20 sh "$NIGHTLY" --out out \
	    --date 2024-01-15 never
	assert_line --index 0 "nightly: 2024-01-15: NIGHT_LONG: found '7h', expected a step that divides the season of forecasts, a day"
	leaves out 2024-01-15.log lock
	# The date is a multiple of no such step, but samples need not be.
	NIGHT_LONG=8h NIGHT_MODEL=snaive NIGHT_HORIZON=9 run -0 night day.csv.gz
	refute_output
}

@test "--drain in NIGHT_WINDOW: the books have those that stay" {
	gen 40 3 --inventory vms.csv >day.csv
	host=$(sed -n 2p vms.csv | cut -d, -f2)
	NIGHT_MODEL=snaive NIGHT_WINDOW="--place --drain $host" night day.csv
	grep -qx "window: 40 rows in = 40 used + 0 rejected + 0 duplicates" \
	    out/latest/rows.txt
	n=$(grep -c "^[^,]*,$host," vms.csv)
	assert_equal "$(tail -n +2 out/latest/plan.csv | wc -l)" "$n"
	# One that cannot leave is told, and with --strict as well.
	awk -F, -v OFS=, -v h="$host" 'NR == 1 { print $0, "pinned"; next }
		{ print $0, $2 == h && !n++ ? "yes" : "no" }' vms.csv >pinned.csv
	mv pinned.csv vms.csv
	NIGHT_MODEL=snaive NIGHT_WINDOW="--place --drain $host" \
	    run -3 night --force day.csv
	assert_output --partial "1 of the $n VMs on drained hosts have no window: their rows in plan.csv say why"
	for w in "--place --strict --drain $host" --strict; do
		NIGHT_MODEL=snaive NIGHT_WINDOW=$w run -3 night --force day.csv
		assert_output --partial "1 of "
		assert_output --partial " VMs are not placed; their rows in plan.csv say why"
		grep -q ',forbidden,it is pinned' out/latest/plan.csv
	done
	# One that the inventory has there, and that has no samples.
	awk -F, -v OFS=, 'NR > 1 { $NF = "no" } 1' vms.csv >all.csv
	{ cat all.csv; echo "silent,$host"; } | awk -F, -v OFS=, 'NR == 1 { n = NF }
		{ while (NF < n) $(NF + 1) = ""; print }' >vms.csv
	NIGHT_MODEL=snaive NIGHT_WINDOW="--place --drain $host" \
	    run -3 night --force day.csv
	assert_output --partial "1 of the $((n + 1)) VMs on drained hosts have no window"
	NIGHT_MODEL=snaive NIGHT_WINDOW="--place --drain $host --assume-load 100" \
	    run -0 night --force day.csv
	grep '^silent,' out/latest/plan.csv |
	    grep -q ',placed,a load of 100 is assumed; forecast is empty'
	NIGHT_WINDOW='--place -q' run -2 night --force day.csv
	assert_output --partial "NIGHT_WINDOW: found --quiet, expected none"
}

@test "the README's settings give a plan that can be carried out" {
	gen 40 3 --inventory vms.csv | gzip >day.csv.gz
	awk '/^    NIGHT_OUT=/ { on = 1 } /^$/ { on = 0 } on' \
	    "$VMF_ROOT/README.md" | sed "s#/srv/vmf#$PWD/out#; s#/srv/samples#$PWD#" >conf
	grep -q NIGHT_WINDOW conf
	{ echo host,cpus,mem_mb; tail -n +2 vms.csv | cut -d, -f 2 | sort -u |
	    sed 's/$/,64,1048576/'; } >hosts.csv
	sh "$NIGHTLY" --conf conf --date 2024-01-04
	sh "$VMF_ROOT/scripts/plan-to-virsh" -q out/latest/plan.arrows >moves
	[ "$(grep -c '^virsh .* migrate ' moves)" -gt 30 ]
}

@test "paths with blanks, and patterns, one a line" {
	mkdir 'of today'
	zcat day.csv.gz | sed 1q | tee 'of today/b c.csv' >'of today/d.csv'
	zcat day.csv.gz | sed 1d | sed -n 'n;p' >>'of today/d.csv'
	zcat day.csv.gz | sed 1d | sed -n 'p;n' >>'of today/b c.csv'
	in=$(cat 'of today'/* | grep -vc ^vm,)
	NIGHT_INPUT="
	    of today/b c.csv
	  $PWD/of today/d*.csv " night
	grep -q "^ingest: $in rows in" out/latest/rows.txt
}

@test "usage errors exit 2" {
	run -2 sh "$NIGHTLY" --nights
	assert_output --partial "Try 'nightly --help'"
	run -2 sh "$NIGHTLY" --out
	run -2 sh "$NIGHTLY" --out out
	assert_output --partial 'NIGHT_INPUT'
	run -2 sh "$NIGHTLY" day.csv.gz
	assert_output --partial 'NIGHT_OUT'
	run -2 night --date today day.csv.gz
	assert_output --partial "found 'today'"
	run -2 night --date 2024-19-39 day.csv.gz
	assert_output --partial "found '2024-19-39'"
	run -2 night --date 2023-02-29 day.csv.gz
	NIGHT_MAX_BAD=0.5 run -2 night day.csv.gz
	assert_output --partial "NIGHT_MAX_BAD: found '0.5', expected a whole number"
	NIGHT_MAX_STALE=half run -2 night day.csv.gz
	assert_output --partial "NIGHT_MAX_STALE: found 'half'"
	run -2 night --conf nowhere day.csv.gz
	run -0 sh "$NIGHTLY" --help
	assert_output --partial 'usage: nightly'
	unheard() { sh "$NIGHTLY" --help >/dev/full; }
	run -1 unheard
	assert_output --partial 'No space left on device'
	leaves . day.csv.gz vms.csv
}
