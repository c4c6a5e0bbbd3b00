# scripts/nightly: the night as cron runs it.

load helper
load night

# What a night is, but for its log.
sums() {
	(cd "$1" && find . -type f | LC_ALL=C sort | xargs sha256sum)
}

@test "a night: both series, model, forecast, plan; the books balance" {
	run -0 night day.csv.gz
	refute_output
	leaves out 2024-01-04 2024-01-04.log latest lock
	leaves out/latest/ series-5m.arrows series-1h.arrows fleet.model \
	    forecast.arrows plan.arrows plan.csv rows.txt checksums.txt \
	    window.txt inventory.csv
	assert_equal "$(readlink out/latest)" 2024-01-04

	in=$(zcat day.csv.gz | tail -n +2 | wc -l)
	once=$(zcat day.csv.gz | tail -n +2 | cut -d, -f1,2 | sort -u | wc -l)
	run -0 cat out/latest/rows.txt
	assert_line "ingest: $in rows in = $in used + 0 rejected + 0 duplicates"
	assert_line "dedup: $in rows in = $once used + 0 rejected + $((in - once)) duplicates"
	assert_line "aggregate: $once rows in = $once used + 0 rejected + 0 duplicates"
	[ "$in" -gt "$once" ]
	grep -qF "ingest: $in rows in" out/2024-01-04.log

	# Every VM of the inventory or of the samples has a plan.
	{ zcat day.csv.gz; cat vms.csv; } | cut -d, -f1 | grep -v '^vm$' |
	    sort -u >vms
	tail -n +2 out/latest/plan.csv | cut -d, -f1 | uniq | cmp - vms
}

@test "a night records what values each stream holds" {
	night day.csv.gz
	vmf-cat --checksum out/latest/plan.arrows | sed 's/^/plan.arrows: /' >want
	grep '^plan.arrows: ' out/latest/checksums.txt | cmp - want
	assert_equal "$(cut -d: -f1 out/latest/checksums.txt | uniq | tr '\n' ' ')" \
	    "ingest dedup series-5m.arrows series-1h.arrows fleet.model forecast.arrows plan.arrows "
	# Of what went through pipes as well.
	vmf-ingest -q -o readings day.csv.gz
	vmf-cat --checksum readings | sed 's/^/ingest: /' >want
	vmf-dedup -q readings | vmf-cat --checksum | sed 's/^/dedup: /' >>want
	grep -E '^(ingest|dedup): ' out/latest/checksums.txt | cmp - want
}

@test "hourly is the five-minute series, coarsened" {
	night day.csv.gz
	vmf-ingest -q day.csv.gz | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --join vms.csv -o direct
	vmf-cat --long --csv direct >a
	vmf-cat --long --csv out/latest/series-1h.arrows >b
	assert_equal "$(head -n 1 a)" "$(head -n 1 b)"
	assert_equal "$(wc -l <a)" "$(wc -l <b)"
	# Means over means, to a millionth.
	paste -d, a b | awk -F, 'NR > 1 { n = NF / 2
	    for (i = 1; i <= n; i++) { d = $i - $(i + n)
		if ($i != $(i + n) && !(d * d <= 1e-12 * $i * $i + 1e-14)) {
		    print; exit 1 } } }'
}

@test "a night that is done is left alone, unless forced" {
	night day.csv.gz
	sums out/2024-01-04 >a
	stat -c %i out/2024-01-04/plan.arrows >inode
	run -0 night day.csv.gz
	refute_output
	stat -c %i out/2024-01-04/plan.arrows | cmp - inode
	night --force day.csv.gz
	sums out/2024-01-04 | cmp - a
	run ! cmp -s inode <(stat -c %i out/2024-01-04/plan.arrows)
	leaves out 2024-01-04 2024-01-04.log latest lock
}

@test "latest is the newest night, whichever was run last" {
	night day.csv.gz
	sh "$NIGHTLY" --out out --date 2024-01-02 day.csv.gz
	assert_equal "$(readlink out/latest)" 2024-01-04
	sh "$NIGHTLY" --out out --date 2024-01-05 day.csv.gz
	assert_equal "$(readlink out/latest)" 2024-01-05
}

@test "killed at any moment and run again: the bytes of an undisturbed night" {
	night day.csv.gz
	sums out/2024-01-04 >want
	for ms in 000 005 010 020 040 060 080 120; do
		rm -rf out
		# A process group of its own, to kill the commands as well: what
		# a crash of the machine does.
		setsid sh "$NIGHTLY" --out out --date 2024-01-04 \
		    --join vms.csv day.csv.gz 2>/dev/null &
		pid=$!
		sleep "0.$ms"
		kill -KILL -- "-$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		# Its commands may take a moment to die, and hold the lock.
		flock -w 10 out/lock true 2>/dev/null || true
		[ ! -e out/2024-01-04 ] || sums out/2024-01-04 | cmp - want
		run -0 night day.csv.gz
		refute_output
		sums out/2024-01-04 | cmp - want
		leaves out 2024-01-04 2024-01-04.log latest lock
	done
}

@test "killed while the new night takes the old one's place" {
	night day.csv.gz
	sums out/2024-01-04 >want
	mv out/2024-01-04 out/.2024-01-04.old
	mkdir out/.2024-01-04.tmp
	echo half >out/.2024-01-04.tmp/plan.csv
	night day.csv.gz
	sums out/2024-01-04 | cmp - want
	leaves out 2024-01-04 2024-01-04.log latest lock
}

@test "a new night that cannot take the old one's place leaves it there" {
	night day.csv.gz
	sums out/2024-01-04 >want
	mkdir bin
	{
		echo '#!/bin/sh'
		# shellcheck disable=SC2016 # of the stand-in
		echo 'case $2 in */.2024-01-04.tmp) exit 1 ;; esac'
		echo "exec $(command -v mv) \"\$@\""
	} >bin/mv
	chmod +x bin/mv
	zcat day.csv.gz | head -n 2000 >fewer.csv
	PATH=$PWD/bin:$PATH run -1 night --force fewer.csv
	assert_line --index 0 --partial "nightly: 2024-01-04: cannot rename"
	sums out/2024-01-04 | cmp - want
	leaves out 2024-01-04 2024-01-04.log latest lock
}

@test "one at a time" {
	mkdir out
	flock out/lock sleep 5 &
	holder=$!
	while flock -n out/lock true; do
		sleep 0.05
	done
	run -1 night day.csv.gz
	assert_output --regexp "^nightly: another run is at work in $PWD/out: [^;]*sleep \\(process [0-9]+\\) holds $PWD/out/lock; wait for it; the lock file is not to be removed\$"
	kill "$holder" 2>/dev/null || true
	leaves out lock
}

@test "who is at work is told, and what a killed night has left" {
	mkfifo never
	mkdir bin
	printf '#!/bin/sh\nexec sleep 60\n' >bin/vmf-ingest
	chmod +x bin/vmf-ingest
	PATH=$PWD/bin:$PATH sh "$NIGHTLY" --out out --date 2024-01-04 never \
	    >/dev/null 2>&1 3>&- &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -e out/2024-01-04.log ] || break
		sleep 0.1
	done
	at='20[0-9-]+T[0-9:]+Z'
	run -1 sh "$NIGHTLY" --out out --date 2024-01-05 day.csv.gz
	assert_output --regexp "^nightly: another run is at work in $PWD/out: the night of 2024-01-04 \\(process $pid, since $at\\); wait for it; the lock file is not to be removed: $PWD/out/lock\$"
	kill -KILL "$pid"
	wait "$pid" || true
	run -1 sh "$NIGHTLY" --out out --date 2024-01-05 day.csv.gz
	assert_output --regexp "^nightly: the night of 2024-01-04 \\(process $pid, since $at\\) is gone, and what it left is at work in $PWD/out: wait for [^;]*sleep \\(process [0-9]+\\)[^;]*, or end it; the lock file is not to be removed: $PWD/out/lock\$"
	grep -oE 'process [0-9]+' <<<"${output#*what it left}" |
	    cut -d' ' -f2 | xargs kill || true
	flock -w 10 out/lock true
	night day.csv.gz
	leaves out 2024-01-04 2024-01-04.log latest lock
	# Nobody is at work who has ended, well or not.
	[ ! -s out/lock ]
	run -1 night --force nowhere.csv
	[ ! -s out/lock ]
}

@test "bad rows are kept and counted; too many fail the night" {
	{
		zcat day.csv.gz
		echo 'vm-0000001,yesterday,1,1'
		echo 'vm-0000001,1704067200,much,1'
	} >some.csv
	run -0 night some.csv
	refute_output
	grep -q ' used + 2 rejected + 0 duplicates' out/latest/rows.txt
	grep -q 'yesterday' out/latest/rejected.csv

	{
		echo vm,time,cpu
		echo a,1704067200,1
		echo a,now,1
	} >many.csv
	run -1 sh "$NIGHTLY" --out bad --date 2024-01-04 many.csv
	assert_output --partial "1 of 2 rows rejected, more than NIGHT_MAX_BAD=1 % (the first: many.csv:3: column 'time': found 'now'"
	assert_output --partial "; they, or 1000 of them, are in $PWD/bad/2024-01-04.rejected.csv"
	leaves bad 2024-01-04.log 2024-01-04.rejected.csv lock
	assert_equal "$(cat bad/2024-01-04.rejected.csv)" a,now,1
	# Gone when the night is done again.
	NIGHT_MAX_BAD=50 run -3 sh "$NIGHTLY" --out bad --date 2024-01-04 many.csv
	[ ! -e bad/2024-01-04.rejected.csv ]
	NIGHT_MAX_BAD=50 sh "$NIGHTLY" --out bad --date 2024-01-02 many.csv
	[ -e bad/latest/plan.csv ]
}

@test "samples that cannot all be right: the night is done, and told" {
	export NIGHT_MODEL=snaive
	zcat day.csv.gz >day.csv
	# The day twice, with other values.
	awk -F, -v OFS=, 'NR > 1 { $3 = 100 - $3; print }' day.csv >other.csv
	in=$(tail -n +2 day.csv | wc -l)
	run -3 night <(cat day.csv other.csv)
	assert_output --regexp "^nightly: 2024-01-04: [0-9]+ of $((2 * in)) samples have other values than one of the same VM and moment, more than NIGHT_MAX_BAD=1 %: the first counts, which need not be the right one\$"
	[ -e out/latest/plan.csv ]
	head -n 50 other.csv >>day.csv
	run -0 night --force day.csv
	refute_output
	# Shares of 1, and one value for all.
	awk -F, -v OFS=, 'NR > 1 { $3 /= 100 } { print }' day.csv >share.csv
	run -3 night --force share.csv
	assert_output "nightly: 2024-01-04: cpu is never above 1: expected percent; of a share, a map's scale of 100 makes it"
	awk -F, -v OFS=, 'NR > 1 { $3 = 0 } { print }' day.csv >still.csv
	run -3 night --force still.csv
	assert_output "nightly: 2024-01-04: cpu is 0 in all samples: expected loads that differ"
	[ -e out/latest/plan.csv ]
}

@test "rows without a value are no use, and counted as such" {
	printf 'vm,time,cpu,mem\na,1704067200,1,1\na,1704067500,,\nb,1704067200,,2\n' >void.csv
	NIGHT_MAX_BAD=0 sh "$NIGHTLY" --out out --date 2024-01-02 void.csv
	run -0 cat out/latest/rows.txt
	assert_line "ingest: 3 rows in = 3 used + 0 rejected + 0 duplicates"
	assert_line "aggregate: 3 rows in = 2 used + 1 rejected + 0 duplicates"
}

@test "a map with a column a VM: the books count its rows and its samples" {
	printf 'time,a,b c\n1704067200,1,2\n1704067500,3,4\n' >wide.csv
	NIGHT_INGEST='--metric cpu' sh "$NIGHTLY" --out out --map wide \
	    --date 2024-01-02 wide.csv
	run -0 cat out/latest/rows.txt
	assert_line "ingest: 2 rows in = 2 used + 0 rejected + 0 duplicates"
	assert_line "dedup: 4 rows in = 4 used + 0 rejected + 0 duplicates"

	# One's own, and one that only has the word in it.
	cat >own.json <<-'END'
		{ "layout" :
		    "wide", "time": {"column": 1}, "metrics": [{"name": "cpu"}] }
	END
	cp out/latest/rows.txt want
	sh "$NIGHTLY" --out own --map own.json --date 2024-01-02 wide.csv
	same own/latest/rows.txt want
	cat >long.json <<-'END'
		{"vm": {"column": "wide"}, "time": {"column": "t"},
		 "metrics": [{"name": "cpu", "column": "layout"}]}
	END
	printf 't,wide,layout\n1704067200,a,1\n1704067500,a,2\n' >long.csv
	sh "$NIGHTLY" --out long --map long.json --date 2024-01-02 long.csv
	grep -qx "ingest: 2 rows in = 2 used + 0 rejected + 0 duplicates" \
	    long/latest/rows.txt
}

@test "counts are those of the summary, whatever a bad row says" {
	{
		zcat day.csv.gz
		echo 'x,33 bad rows,1,1'
	} >odd.csv
	in=$(tail -n +2 odd.csv | wc -l)
	run -0 night odd.csv
	run -0 cat out/latest/rows.txt
	assert_line "ingest: $in rows in = $((in - 1)) used + 1 rejected + 0 duplicates"
	{
		zcat day.csv.gz
		echo 'x,", 7 rows in, 9 rows out, 33 bad rows",1,1'
		echo 'x,"'
		echo 'vmf-ingest: 1 file, 7 rows in, 9 rows out, 33 bad rows,",1,1'
	} >odder.csv
	run -0 night --force odder.csv
	run -0 head -n 1 out/latest/rows.txt
	assert_output "ingest: $((in + 1)) rows in = $((in - 1)) used + 2 rejected + 0 duplicates"
}

@test "a clock that is years ahead costs its samples, and not the night" {
	night day.csv.gz
	mv out want
	{
		zcat day.csv.gz
		echo vm-0000001,4102444800,1,1
	} >ahead.csv
	run -0 night ahead.csv
	refute_output
	# What one sample more may change: the books, and names in histories.
	same out/latest/plan.csv want/latest/plan.csv
	grep -q '^aggregate: .* used + 1 rejected + 0 duplicates$' \
	    out/latest/rows.txt

	# All of them: the night is not that of its samples.
	run -1 sh "$NIGHTLY" --out old --date 2023-12-01 day.csv.gz
	assert_output --partial 'samples are of 2023-12-03T00:00:00Z or later, more than NIGHT_MAX_BAD=1 %: see to the clocks, or name the night by --date, or put --until TIME into NIGHT_AGGREGATE'
	leaves old 2023-12-01.log lock
	# The operator's own bound is in the place of this one.
	NIGHT_AGGREGATE='--until 2024-01-03' sh "$NIGHTLY" --out old \
	    --date 2023-12-01 day.csv.gz
	vmf-cat --schema old/latest/series-1h.arrows |
	    grep -q '^vmf:end *2024-01-03T00:00:00Z$'
}

@test "a clock that is hours ahead costs its samples, and not the night" {
	export NIGHT_MODEL=snaive
	night day.csv.gz
	mv out want
	for keep in '' 28d; do
		rm -rf out
		{
			zcat day.csv.gz
			echo vm-0000001,$((1704067200 + 3 * 86400 + 70000)),1,1
		} >ahead.csv
		NIGHT_KEEP=$keep run -0 night ahead.csv
		refute_output
		same out/latest/plan.csv want/latest/plan.csv
		grep -qx 'end at 2024-01-04T00:00:00Z: [0-9]* rows in = [0-9]* used + 1 rejected + 0 duplicates' \
		    out/latest/rows.txt
		vmf-cat --schema out/latest/series-5m.arrows |
		    grep -q '^vmf:end *2024-01-04T00:00:00Z$'
	done
	# Many samples: told as well.  An hour is that of who came last.
	zcat day.csv.gz | awk -F, -v OFS=, '
	    $1 == "vm-0000001" { $2 += 36000 } { print }' >behind.csv
	run -3 night --force behind.csv
	assert_output --regexp '^nightly: 2024-01-04: 1[0-9][0-9] of [0-9]+ steps of samples are after 2024-01-04T00:00:00Z, where those of the others end: more than NIGHT_MAX_BAD=1 %; see to the clocks, or put --until TIME into NIGHT_AGGREGATE$'
	# More than a tenth are no wrong clocks.
	{
		zcat day.csv.gz
		echo vm-0000001,$((1704067200 + 3 * 86400 + 70000)),1,1
		echo vm-0000002,$((1704067200 + 3 * 86400 + 70000)),1,1
	} >late.csv
	run -0 night --force late.csv
	vmf-cat --schema out/latest/series-1h.arrows |
	    grep -q '^vmf:end *2024-01-04T20:00:00Z$'
	# The operator's own bound is in the place of all this.
	NIGHT_AGGREGATE='--until 2024-01-05' run -0 night --force ahead.csv
	vmf-cat --schema out/latest/series-1h.arrows |
	    grep -q '^vmf:end *2024-01-04T20:00:00Z$'
}

@test "nothing was measured after now" {
	export NIGHT_MODEL=snaive
	at=$(($(date +%s) / 3600 * 3600))
	vmf-gen -q --vms 12 --days 2 --seed 3 \
	    --start "$(date -u -d "@$((at - 2 * 86400))" +%FT%TZ)" >now.csv
	for vm in 1 2 3 4; do
		echo "vm-000000$vm,$((at + 18000)),1,1"
	done >>now.csv
	run -0 sh "$NIGHTLY" --out out now.csv
	refute_output
	grep -q '^aggregate: .* used + 4 rejected + 0 duplicates$' \
	    out/latest/rows.txt
}

@test "NIGHT_KEEP: a VM that the inventory and the samples lack is gone" {
	export NIGHT_KEEP=9d NIGHT_MODEL=snaive
	day 1 >day1.csv
	night --date 2024-01-02 day1.csv
	grep -v vm-0000003 vms.csv >fewer.csv
	host=$(sed -n 's/^vm-0000003,\([^,]*\).*/\1/p' vms.csv)
	printf '%s\n' host,cluster "$host,cluster-000" new,cluster-000 >hosts.csv
	for d in 2 3; do
		day $d | grep -v vm-0000003 >day$d.csv
		# Nobody is missed who is gone.
		export NIGHT_WINDOW=--strict
		[ $d = 2 ] ||
		    NIGHT_WINDOW="--place --hosts hosts.csv --drain $host"
		run -0 sh "$NIGHTLY" --out out --date 2024-01-0$((d + 1)) \
		    --join fewer.csv day$d.csv
		refute_output
	done
	run -0 grep '^vm-0000003,' out/latest/plan.csv
	assert_output --regexp ',forbidden,"?it is gone: not in fewer.csv; forecast is stale: .*no sample since 2024-01-02T00:00:00Z'
	grep -q '; 1 gone; ' out/2024-01-04.log
	# One that has samples is there, whatever the inventory says.
	run -0 sh "$NIGHTLY" --out out --date 2024-01-05 --join fewer.csv \
	    <(day 4)
	run -0 grep '^vm-0000003,' out/latest/plan.csv
	assert_output --partial ,placed,
}

@test "a fleet that is stale fails the night, with the setting named" {
	# A day ahead of the others, and not yet after the night; too many to
	# be left out.
	{
		zcat day.csv.gz
		echo vm-0000001,1704412800,1,1
		echo vm-0000002,1704412800,1,1
	} >ahead.csv
	run -1 night ahead.csv
	assert_output --regexp 'nightly: 2024-01-04: [0-9]+ of [0-9]+ VMs are stale, more than NIGHT_MAX_STALE=50 %: .*2024-01-05T00:05:00Z.*--until TIME into NIGHT_AGGREGATE'
	leaves out 2024-01-04.log lock
	NIGHT_AGGREGATE='--until 2024-01-04' night ahead.csv
	NIGHT_MAX_STALE=100 night --force ahead.csv
	[ -e out/latest/plan.csv ]
	# Which windows stand on little is counted.
	n=$(grep -c ',placed,.*forecast is stale' out/latest/plan.csv)
	[ "$n" -gt 6 ]
	grep -q "done: 12 VMs in .*: [0-9]* placed, [0-9]* of them on forecasts that are not ok, $n on stale ones" \
	    out/2024-01-04.log
}

@test "samples that end long before the night: it is done, and told" {
	export NIGHT_HORIZON=96
	run -3 sh "$NIGHTLY" --out out --date 2024-01-07 day.csv.gz
	assert_output "nightly: 2024-01-07: the samples end at 2024-01-04T00:00:00Z, more than NIGHT_MAX_AGE=2 days before the night"
	[ -e out/latest/plan.csv ]
	NIGHT_MAX_AGE=3 sh "$NIGHTLY" --out out --date 2024-01-07 --force day.csv.gz
}

# starts PLAN: when its windows begin, in order.
starts() {
	vmf-cat --json "$1" | jq -r 'select(.start != null) | .start' | sort
}

@test "no window before the plan is made, nor before a day long ago" {
	command -v jq >/dev/null || skip "no jq"
	export NIGHT_HORIZON=96
	# The days that this speaks of are those it began with.
	[[ $(date -u +%T) < 23:57 ]] || skip "the day ends in a moment"
	yesterday=$(date -u -d yesterday +%F)
	gen 12 3 --start "$(date -u -d '4 days ago' +%F)T00:00:00Z" >late.csv
	now=$(date -u +%FT%TZ)
	run -0 sh "$NIGHTLY" --out out late.csv
	refute_output
	from=$(sed -n "s/.*the plan is from \(.*\) on; the forecast ends at $(
	    date -u -d '3 days' +%F)T00:00:00Z\$/\1/p" out/*.log)
	# An empty one is before now.
	[[ ! $from < $now && ! $from > $(date -u +%FT%TZ) ]]
	[ "$(starts out/latest/plan.arrows | wc -l)" -gt 6 ]
	[[ ! $(starts out/latest/plan.arrows | head -n 1) < $now ]]
	# Which is not by chance.
	vmf-window -q --length 30m -o any out/latest/forecast.arrows
	[[ $(starts any | head -n 1) < $now ]]
	# Yesterday's night, done today, is still one to carry out.
	now=$(date -u +%FT%TZ)
	sh "$NIGHTLY" --out out --date "$yesterday" late.csv
	[[ ! $(starts "out/$yesterday/plan.arrows" | head -n 1) < $now ]]

	sh "$NIGHTLY" --out old --date 2024-01-05 day.csv.gz
	assert_equal "$(starts old/latest/plan.arrows | cut -dT -f1 |
	    head -n 1)" 2024-01-05
	# The operator's own bound is in the place of this one.
	NIGHT_WINDOW='--not-before 2024-01-06' sh "$NIGHTLY" --out old --force \
	    --date 2024-01-05 day.csv.gz
	assert_equal "$(starts old/latest/plan.arrows | cut -dT -f1 |
	    head -n 1)" 2024-01-06
}

@test "no time left for a window: the night is done, and told" {
	# As old as NIGHT_MAX_AGE lets them be, and the forecast is no longer.
	run -3 sh "$NIGHTLY" --out out --date 2024-01-06 day.csv.gz
	assert_output "nightly: 2024-01-06: no VM has a window: 12 no-window; windows of 30m; the plan begins at 2024-01-06T00:00:00Z, and the forecast ends at 2024-01-06T00:00:00Z"
	assert_equal "$(grep -c ,no-window, out/latest/plan.csv)" 12
	# Whatever the reason.
	NIGHT_BLACKOUT=Mon-Sun run -3 night day.csv.gz
	assert_output --partial "no VM has a window: 1"
}

@test "NIGHT_KEEP: a history that cannot be read is no night" {
	export NIGHT_KEEP=3d
	day 1 >day1.csv
	day 2 >day2.csv
	sh "$NIGHTLY" --out out --date 2024-01-02 day1.csv
	mv out/2024-01-02/series-1h.arrows whole
	for bytes in 100 $(($(stat -c %s whole) - 300)); do
		head -c "$bytes" whole >out/2024-01-02/series-1h.arrows
		run -1 sh "$NIGHTLY" --out out --date 2024-01-03 day2.csv
		assert_line --index 0 --regexp "^nightly: 2024-01-03: failed: history: vmf-cat: $PWD/out/2024-01-02/series-1h.arrows: cut off at byte $bytes,.*; do the night of 2024-01-02 again with its samples and --force, or unset NIGHT_KEEP and name the samples of the whole history\$"
	done
}

@test "no samples, no plan" {
	echo vm,time,cpu >none.csv
	run -1 night none.csv
	assert_line --index 0 \
	    "nightly: 2024-01-04: no samples: of 0 rows none has a value that counts"
	printf 'vm,time,cpu,mem\na,1704067200,,\n' >void.csv
	run -1 night void.csv
	assert_line --index 0 \
	    "nightly: 2024-01-04: no samples: of 1 rows none has a value that counts"
	leaves out 2024-01-04.log lock
}

@test "stopped by TERM: at once, with nothing left and nothing running" {
	mkfifo slow.csv
	sleep 60 >slow.csv 3>&- &
	holder=$!
	sh "$NIGHTLY" --out out --date 2024-01-04 slow.csv >said 2>&1 3>&- &
	pid=$!
	for ((i = 0; i < 50; i++)); do
		[ ! -d out/.2024-01-04.tmp ] || break
		sleep 0.1
	done
	sleep 0.3
	began=$SECONDS rc=0
	kill -TERM "$pid"
	wait "$pid" || rc=$?
	[ $((SECONDS - began)) -le 5 ]
	assert_equal "$rc" 1
	# Nothing of it holds the lock any more.
	flock -n out/lock true
	kill "$holder"
	leaves out 2024-01-04.log lock
	run -0 head -n 1 said
	assert_output "nightly: 2024-01-04: stopped by a signal"
	night day.csv.gz
}

# day N: the samples of that day of January alone.
day() {
	vmf-gen -q --vms 12 --days 1 --seed 3 --start "2024-01-0${1}T00:00:00Z"
}

@test "NIGHT_KEEP: each night reads its own day, and goes on from the last" {
	export NIGHT_KEEP=3d
	for d in 1 2 3 4; do
		day $d >day$d.csv
		run -0 sh "$NIGHTLY" --out out --date 2024-01-0$((d + 1)) day$d.csv
		refute_output
	done
	# The long series is that of all files at once, but for its first day.
	vmf-ingest -q day?.csv | vmf-dedup -q --sort always |
	    vmf-aggregate -q --step 5m --stat mean,max,count |
	    vmf-aggregate -q --step 1h --stat mean,max,count \
		--since 2024-01-02 -o whole
	vmf-cat --long --csv whole >a
	vmf-cat --long --csv out/2024-01-05/series-1h.arrows >b
	[ -s a ]
	cmp a b
	# The five-minute series is the day's.
	run -0 vmf-cat --schema out/2024-01-05/series-5m.arrows
	assert_line --regexp '^vmf:start +2024-01-04T00:00:00Z$'
	# Nothing was learned anew but by the first night.
	run -0 grep -c 'only in .*/fleet.model' out/2024-01-0?.log
	assert_output "out/2024-01-02.log:0
out/2024-01-03.log:1
out/2024-01-04.log:1
out/2024-01-05.log:1"
	# Done once more, as after a crash: the same bytes.
	sums out/2024-01-05 >first
	sh "$NIGHTLY" --out out --date 2024-01-05 --force day4.csv
	sums out/2024-01-05 | diff first -
}

@test "NIGHT_KEEP: what the inventory withdraws is no longer in force" {
	local inner
	export NIGHT_KEEP=3d NIGHT_MODEL=snaive
	day 1 >day1.csv
	day 2 | grep -v '^vm-0000002,' >day2.csv
	names=$(cut -d, -f1 day1.csv | grep -v '^vm$' | sort -u)
	sed 's/$/,h1,1,h9,7/' <<<"$names" | sed '1i vm,host,pinned,target,rack' \
	    >inv1.csv
	sed 's/$/,h2,0,/' <<<"$names" | sed '1i vm,host,pinned,target' >inv2.csv
	for inner in '' --inner; do
		export NIGHT_AGGREGATE=$inner
		rm -rf out
		sh "$NIGHTLY" --out out --date 2024-01-02 --join inv1.csv \
		    day1.csv || [ $? -eq 3 ]
		sh "$NIGHTLY" --out out --date 2024-01-03 --join inv2.csv \
		    day2.csv || [ $? -eq 3 ]
		run -0 vmf-cat --csv --no-header \
		    --columns id,host,pinned,target,rack \
		    out/2024-01-03/series-1h.arrows
		assert_output "$(sed 's/$/,h2,0,,7/' <<<"$names")"
	done
}

# Two nights, of which the second goes on from the first.
two_kept() {
	export NIGHT_KEEP=3d
	for d in 1 2; do
		day $d >day$d.csv
		sh "$NIGHTLY" --out out --date 2024-01-0$((d + 1)) day$d.csv
	done
}

@test "NIGHT_KEEP: another model, or a damaged one, is learned anew" {
	two_kept
	day 3 >day3.csv
	NIGHT_MODEL=theta run -0 sh "$NIGHTLY" --out out --date 2024-01-04 day3.csv
	refute_output
	grep -q 'learning anew' out/2024-01-04.log
	truncate -s -100 out/2024-01-03/fleet.model
	rm -r out/2024-01-04
	run -3 sh "$NIGHTLY" --out out --date 2024-01-04 day3.csv
	assert_output --partial "the model of 2024-01-03 cannot be gone on from, and is learned anew: vmf-"
	assert_output --partial "fleet.model: cut off at byte"
	assert_equal "$(tail -n +2 out/2024-01-04/plan.csv | wc -l)" 12
}

@test "NIGHT_KEEP: a model that could not be gone on from this time is no other" {
	two_kept
	sums out/2024-01-03 >want
	mkdir bin
	{
		echo '#!/bin/sh'
		# shellcheck disable=SC2016 # of the stand-in
		echo 'case "$*" in *--update*) kill -KILL $$ ;; esac'
		echo "exec $(command -v vmf-train) \"\$@\""
	} >bin/vmf-train
	chmod +x bin/vmf-train
	rm -r out/2024-01-03
	PATH=$PWD/bin:$PATH run -1 sh "$NIGHTLY" --out out --date 2024-01-03 \
	    day2.csv
	assert_line --index 0 "nightly: 2024-01-03: failed: update (exit code 137)"
	[ ! -e out/2024-01-03 ]
	sh "$NIGHTLY" --out out --date 2024-01-03 day2.csv
	sums out/2024-01-03 | cmp - want
}

@test "NIGHT_KEEP: a day that nobody read is told; no history, no plan" {
	export NIGHT_KEEP=9d
	for d in 1 3; do
		day $d >day$d.csv
	done
	sh "$NIGHTLY" --out out --date 2024-01-02 day1.csv
	run -3 sh "$NIGHTLY" --out out --date 2024-01-04 day3.csv
	told="there are no samples of most VMs from 2024-01-02T00:00:00Z, where the series of 2024-01-02 end, to 2024-01-03T00:00:00Z"
	assert_output --partial "$told"
	[ -e out/2024-01-04/plan.csv ]
	# A late sample of one VM is no day of all.
	{
		cat day3.csv
		echo vm-0000001,$((1704067200 + 36000)),1,1
	} >late.csv
	run -3 sh "$NIGHTLY" --out out --date 2024-01-04 --force late.csv
	assert_output --partial "$told"
	rm -r out/2024-01-04 out/2024-01-02/series-1h.arrows
	# Before any work: who waits for these samples waits for ever.
	mkfifo never
	run -1 timeout 20 sh "$NIGHTLY" --out out --date 2024-01-04 never
	assert_output --partial "put it back, set NIGHT_LONG as it was, or unset NIGHT_KEEP"
	[ ! -e out/2024-01-04 ]
}

@test "NIGHT_KEEP: a night done late says which ones do not have it" {
	export NIGHT_KEEP=9d NIGHT_MODEL=snaive
	for d in 1 2 3; do
		day $d >day$d.csv
	done
	sh "$NIGHTLY" --out out --date 2024-01-02 day1.csv
	run -3 sh "$NIGHTLY" --out out --date 2024-01-04 day3.csv
	run -0 sh "$NIGHTLY" --out out --date 2024-01-05 day3.csv
	run -3 sh "$NIGHTLY" --out out --date 2024-01-03 day2.csv
	assert_output "nightly: 2024-01-03: newer nights stand on a history without this one: do 2024-01-04, 2024-01-05 once more, in this order, each by --date, its own FILEs and --force"
	[ -e out/2024-01-03/plan.csv ]
	assert_equal "$(readlink out/latest)" 2024-01-05
	# As it says: then nothing is missing.
	run -3 sh "$NIGHTLY" --out out --date 2024-01-04 --force day3.csv
	assert_output --partial "do 2024-01-05 once more"
	run -0 sh "$NIGHTLY" --out out --date 2024-01-05 --force day3.csv
	refute_output
	assert_equal "$(vmf-cat --csv --long --columns id,time,cpu_mean \
	    out/latest/series-1h.arrows | grep -c 'vm-0000000,2024-01-02')" 24
	# Without a history to go on from, nights do not hang together.
	NIGHT_KEEP='' run -0 sh "$NIGHTLY" --out out --date 2024-01-03 --force \
	    day2.csv
}

@test "samples from standard input" {
	zcat day.csv.gz | night -
	in=$(zcat day.csv.gz | tail -n +2 | wc -l)
	grep -q "^ingest: $in rows in" out/latest/rows.txt
}

@test "without a standard input" {
	night day.csv.gz <&-
	[ -e out/latest/plan.csv ]
}

@test "input that is not there, or is cut off, fails the night with the log's end" {
	run -1 night nowhere.csv
	assert_output --partial 'nowhere.csv'
	assert_line --index 0 --regexp '^nightly: 2024-01-04: failed: ingest \(exit code 1\): vmf-ingest: .*'
	# Not what came of it in those after.
	refute_output --partial vmf-dedup
	refute_output --partial vmf-aggregate
	leaves out 2024-01-04.log lock

	head -c 1000 day.csv.gz >cut.csv.gz
	run -1 night cut.csv.gz
	assert_output --partial 'cut.csv.gz'
	leaves out 2024-01-04.log lock

	echo 'not,a,known,header' >odd.csv
	run -1 night odd.csv
	assert_output --partial 'odd.csv'
	leaves out 2024-01-04.log lock

	run -1 night --join nowhere.csv day.csv.gz
	assert_line --index 0 'nightly: 2024-01-04: NIGHT_STEP, NIGHT_INVENTORY: vmf-aggregate: cannot open nowhere.csv: No such file or directory'
	leaves out 2024-01-04.log lock

	# And the next night is not hindered.
	night day.csv.gz
	[ -e out/latest/plan.csv ]
}

@test "a full disk fails the night and leaves no half of it" {
	[ "$(id -u)" -eq 0 ] || skip "not root: no small disk to fill"
	mkdir out
	mount -t tmpfs -o size=40k none out 2>/dev/null ||
	    skip "no tmpfs to be had here"
	rc=0
	night day.csv.gz >said 2>&1 || rc=$?
	ls -A out >left
	umount out
	[ "$rc" -eq 1 ]
	grep -q 'No space left' said
	run ! grep -qE '^(\.?2024-01-04(\.tmp)?|latest)$' left
}

@test "books that cannot be written fail the night" {
	mkdir bin
	printf '#!/bin/sh\nln -sf /dev/full "$OUT"/.*tmp/rows.txt\nexec %s "$@"\n' \
	    "$(command -v vmf-train)" >bin/vmf-train
	chmod +x bin/vmf-train
	OUT=$PWD/out PATH=$PWD/bin:$PATH NIGHT_MODEL=snaive run -1 night day.csv.gz
	assert_output --partial "rows.txt"
	leaves out 2024-01-04.log lock
}

@test "a program that is killed is no number, and no other run" {
	mkdir bin
	for name in wc flock; do
		# shellcheck disable=SC2016 # of the stand-in
		printf '#!/bin/sh\nkill -KILL $$\n' >bin/$name
		chmod +x bin/$name
		PATH=$PWD/bin:$PATH run -1 night day.csv.gz
		rm bin/$name
		case $name in
		wc) assert_line --index 0 --regexp '^nightly: 2024-01-04: how many rows [^ ]+ has cannot be told$' ;;
		flock) assert_line "nightly: cannot lock $PWD/out/lock" ;;
		esac
		[ ! -e out/2024-01-04 ]
	done
}

@test "a folder that cannot be written is told in one line" {
	mkdir -p held/lock
	run -1 sh "$NIGHTLY" --out held --date 2024-01-04 day.csv.gz
	assert_output "nightly: cannot write $PWD/held/lock: Is a directory"
	run -1 sh "$NIGHTLY" --out day.csv.gz --date 2024-01-04 day.csv.gz
	assert_line --index 0 --partial 'nightly: cannot create directory'
	run -2 sh "$NIGHTLY" --conf .
	assert_line --index 0 'nightly: cannot read .'
}

@test "a full TMPDIR, or none, is told in one line, and nothing is left" {
	[ "$(id -u)" -eq 0 ] || skip "not root: no small disk to fill"
	mkdir small
	for size in 4k 32k 48k 64k; do
		mount -t tmpfs -o size=$size none small 2>/dev/null ||
		    skip "no tmpfs to be had here"
		rc=0
		TMPDIR=$PWD/small night day.csv.gz >said 2>&1 || rc=$?
		umount small
		assert_equal "$rc" 1
		assert_equal "$(head -n 1 said)" "nightly: 2024-01-04: cannot write into $PWD/small (TMPDIR): No space left on device"
		leaves out 2024-01-04.log lock
	done
	TMPDIR=$PWD/none run -1 night day.csv.gz
	assert_line --index 0 "nightly: 2024-01-04: cannot make a folder in $PWD/none (TMPDIR): No such file or directory"
	leaves out 2024-01-04.log lock
}

@test "what hinders the trial of the settings is not taken for one of them" {
	# Forecasts have the most bytes of what is tried.
	gen 60 1 --inventory vms.csv >day.csv
	limited() {
		ulimit -f "$1"
		shift
		NIGHT_MODEL=snaive night "$@"
	}
	for blocks in 4 8 16; do
		run -1 limited "$blocks" day.csv
		assert_line --index 0 --regexp "^nightly: 2024-01-04: (cannot write into ${TMPDIR:-/tmp} \\(TMPDIR\\)|failed: [a-z]+ \\(exit code 1\\): vmf-[a-z]+: cannot write .*): File too large\$"
	done
	mkdir bin
	printf '#!/bin/sh\nkill -KILL $$\n' >bin/vmf-predict
	chmod +x bin/vmf-predict
	PATH=$PWD/bin:$PATH NIGHT_MODEL=snaive run -1 night day.csv
	assert_line --index 0 'nightly: 2024-01-04: failed: a trial of NIGHT_HORIZON (exit code 137)'
	printf '#!/bin/sh\necho vmf-predict: out of memory >&2\nexit 1\n' \
	    >bin/vmf-predict
	PATH=$PWD/bin:$PATH NIGHT_MODEL=snaive run -1 night day.csv
	assert_line --index 0 'nightly: 2024-01-04: failed: vmf-predict: out of memory, before any sample was read'
}

@test "the end of the log is that of this run" {
	run -1 night nowhere.csv
	run -1 night elsewhere.csv
	assert_output --partial elsewhere.csv
	refute_output --partial nowhere.csv
	grep -q nowhere.csv out/2024-01-04.log
}

@test "NIGHT_KEEP: too short is told as such" {
	NIGHT_KEEP=28 run -2 night day.csv.gz
	assert_line --index 0 "nightly: NIGHT_KEEP: found '28', expected a span of time with its unit, such as 28d"
	NIGHT_KEEP=1s run -2 night day.csv.gz
	assert_line --index 0 "nightly: 2024-01-04: NIGHT_LONG, NIGHT_KEEP: vmf-aggregate: --keep-span: found 1s, expected at least a step, 1h"
	NIGHT_KEEP=1h NIGHT_MODEL=snaive run -1 night day.csv.gz
	assert_line --index 0 --regexp "nightly: 2024-01-04: of 12 VMs with samples, only [0-9]+ are in series-1h.arrows: NIGHT_KEEP=1h is too short"
}

# samples UNTIL: of 9 days those before that day of January.
samples() {
	[ -e all.csv ] || gen 12 9 >all.csv
	awk -F, -v end=$((1704067200 + ($1 - 1) * 86400)) \
	    'NR == 1 || $2 < end' all.csv
}

# nights FROM TO: one after the other, each on the samples before it.
nights() {
	for ((day = $1; day <= $2; day++)); do
		samples "$day" >"s$day.csv"
		NIGHT_MODEL=snaive sh "$NIGHTLY" --out out \
		    --date "2024-01-0$day" "s$day.csv"
	done
}

@test "the night before is scored on today's samples" {
	command -v vmf-eval >/dev/null || skip "no vmf-eval"
	run -0 nights 4 6
	refute_output
	leaves out 2024-01-04 2024-01-05 2024-01-06 2024-01-04.log \
	    2024-01-05.log 2024-01-06.log latest lock scores.csv
	run -0 cut -d, -f1-5 out/scores.csv
	assert_output "$(printf '%s\n' night,forecast,model,metric,n_series \
	    2024-01-05,2024-01-04,snaive,cpu_mean,12 \
	    2024-01-06,2024-01-05,snaive,cpu_mean,12)"
	# The row is what vmf-eval says.
	columns=$(head -n 1 out/scores.csv | sed 's/^night,forecast,//')
	vmf-eval -q --forecast out/2024-01-05/forecast.arrows \
	    --plan out/2024-01-05/plan.arrows \
	    out/2024-01-06/series-1h.arrows |
	    vmf-cat --csv --no-header --columns "$columns" | head -n 1 >want
	grep ^2024-01-06 out/scores.csv | cut -d, -f3- | cmp - want

	# Once more, or after a crash before the row was there: the same.
	cp out/scores.csv want
	NIGHT_MODEL=snaive sh "$NIGHTLY" --out out --force --date 2024-01-05 s5.csv
	same out/scores.csv want
	grep -v ^2024-01-06 want >out/scores.csv
	sh "$NIGHTLY" --out out --date 2024-01-06 s6.csv
	same out/scores.csv want
	rm out/scores.csv
	sh "$NIGHTLY" --out out --date 2024-01-06 s6.csv
	assert_equal "$(cut -d, -f1 out/scores.csv | paste -sd ' ')" "night 2024-01-06"

	# Nothing new: there is nothing to score, and no row.
	sh "$NIGHTLY" --out out --date 2024-01-07 s6.csv
	grep -q 'nothing is known yet of what 2024-01-06 forecast' out/2024-01-07.log
	[ ! -e out/2024-01-07/scores.csv ]
}

# A forecast with a season of 5 hours in the place of that of the newest night.
spoil() {
	local night=out/$(readlink out/latest)
	vmf-train -q --model snaive --season 5h \
	    --metric cpu_mean,mem_mean "$night/series-1h.arrows" |
	    vmf-predict -q --from - -o "$night/forecast.arrows" \
		"$night/series-1h.arrows"
}

@test "worse than snaive three nights running: told, exit 3, the night is done" {
	command -v vmf-eval >/dev/null || skip "no vmf-eval"
	# Each metric for itself.
	export NIGHT_TRAIN='--metric cpu_mean,mem_mean'
	# Working days: a weekend is none of seasonal naive's.
	nights 3 3
	for day in 4 5; do
		spoil
		run -0 nights $day $day
		refute_output
	done
	spoil
	run -3 nights 6 6
	assert_line --index 0 --regexp \
	    '^nightly: 2024-01-06: snaive was worse than seasonal naive in the last 3 nights: CRPS 0\.[0-9]* \(snaive 0\.[0-9]*\), .*\), .*\)$'
	assert_line --index 1 "nightly: 2024-01-06: see $PWD/out/scores.csv"
	[ -e out/2024-01-06/plan.csv ]
	assert_equal "$(readlink out/latest)" 2024-01-06
	grep -q 'worse than seasonal naive' out/2024-01-06.log
	# It is done; a night as good as snaive ends the row.
	run -0 sh "$NIGHTLY" --out out --date 2024-01-06 s6.csv
	run -0 nights 7 7
	refute_output
	spoil
	run -0 nights 8 8
}

@test "a forecast that cannot be scored is told, and hinders nothing" {
	command -v vmf-eval >/dev/null || skip "no vmf-eval"
	nights 4 4
	head -c 500 out/latest/forecast.arrows >cut
	mv cut out/latest/forecast.arrows
	run -3 nights 5 5
	assert_output --partial \
	    'nightly: 2024-01-05: the forecast of 2024-01-04 could not be scored: vmf-eval: '
	[ -e out/2024-01-05/plan.csv ]
	[ ! -e out/2024-01-05/scores.csv ]
	run -0 nights 6 6
	assert_equal "$(tail -n +2 out/scores.csv | cut -d, -f1-2)" 2024-01-06,2024-01-05
}

@test "an id with a line end costs no night, also where plans have alternatives" {
	vmf-gen --vms 4 --days 3 | awk -F, -v OFS=, \
	    '$1 == "vm-0000001" { $1 = "\"vm\n1\"" } { print }' >odd.csv
	NIGHT_MODEL=snaive NIGHT_WINDOW="--top 2" run -0 sh "$NIGHTLY" \
	    --out odd --date 2024-01-04 odd.csv
	refute_output
	run -0 vmf-cat --csv --no-header --columns rank odd/latest/plan.arrows
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" "4 1 4 2"
}
