# Kernel quantiles (kq, and auto around them) through vmf-train, --update and
# vmf-predict.  Their figures are held against a slow way in test/unit/kq.c;
# what holds for every algorithm is in 51-arima.bats.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

# days N: the moment so many days after the first.
days() {
	date -u -d "2024-01-01 + $1 days" +%FT%TZ
}

# fleet VMS DAYS: hourly series of a made-up fleet.
fleet() {
	gen "$1" "$2" --seed 3 | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --metric cpu --stat mean,count -o s
}

# series STEP DAYS <<< "id values": one list, from the first moment on.
series() {
	{
		echo "kind=series step=$1 start=$(days 0) end=$(days "$2")"
		echo 'id start:time cpu_mean:list'
		while read -r id y; do
			echo "$id $(days 0) $y"
		done
	} | "$ROWS"
}

column() {
	vmf-cat --csv --no-header --columns "$1" "$2"
}

@test "--update day by day is learning at once, to the byte" {
	local vms=16
	[ -z "${VMF_SMALL:-}" ] || vms=12
	fleet $vms 13
	for model in kq auto snaive,kq; do
		vmf-train -q --no-history --model $model -o once s
		vmf-train -q --model $model --at "$(days 6)" -o m s
		for d in 7 8 10 13; do
			vmf-train -q --no-history --update m --at "$(days $d)" \
			    -o next s
			mv next m
		done
		same once m
		vmf-predict -q --no-history --from once -o f1 s
		vmf-predict -q --no-history --from m -o f2 s
		same f1 f2
	done
	# The same once more changes nothing.
	vmf-train -q --no-history --update once -o again s
	same <(column id,mase again) <(column id,mase m)
}

@test "--update: VMs that come and go, a history that lost its beginning" {
	fleet 12 12
	judge -c '
import polars as pl
s = pl.read_ipc_stream("s")
s[2:].write_ipc_stream("tail")
s[:9].write_ipc_stream("head")'
	local at=(--step 1h --at "$(days 12)")
	vmf-train -q --step 1h --at "$(days 9)" -o m head
	vmf-train --no-history "${at[@]}" --update m -o u tail 2>err
	run -0 cat err
	assert_line 'vmf-train: 3 of them new, 2 only in m'
	vmf-train -q --no-history "${at[@]}" -o once tail
	same once u
	# The oldest four days are gone from the series, not from the model.
	judge -c '
import polars as pl
from datetime import datetime, timezone
s = pl.read_ipc_stream("s")
cut = datetime(2024, 1, 5, tzinfo=timezone.utc)
skip = ((cut - pl.col("start")).dt.total_hours()).clip(0)
s.with_columns(pl.col("cpu_mean").list.slice(skip),
    pl.col("cpu_count").list.slice(skip),
    pl.max_horizontal("start", pl.lit(cut)).cast(s["start"].dtype)
    .alias("start")).write_ipc_stream("late")'
	vmf-train -q --model kq --at "$(days 10)" -o m s
	vmf-train -q --update m "${at[@]}" -o u late
	vmf-predict -q --from u "${at[@]}" --horizon 24 -o f1 late
	vmf-train -q --model kq -o once s
	vmf-predict -q --from once --horizon 24 -o f2 s
	run -0 awk -F, '{ a += $1; d += $1 < $2 ? $2 - $1 : $1 - $2 }
	    END { print NR, (d <= 0.1 * a ? "alike" : d / a) }' < <(paste -d , \
	    <(vmf-cat --long --csv --no-header --columns cpu_mean_q50 f1) \
	    <(vmf-cat --long --csv --no-header --columns cpu_mean_q50 f2))
	assert_line --regexp '^[0-9]+ alike$'
}

@test "--update refuses what does not fit" {
	fleet 3 8
	vmf-train -q -o m s
	fails 1 "m knows what was before $(days 8), but s is learned up to $(days 7) only" \
	    vmf-train --update m --at "$(days 7)" -o out s
	vmf-aggregate -q --step 2h -o two s
	fails 1 "m: the model's step is 3600 s, but that of two is 7200 s" \
	    vmf-train --update m -o out two
	for o in --model=kq --metric=cpu_mean --season=1d; do
		fails 2 "${o%=*} and --update: the model has its own" \
		    vmf-train "$o" --update m -o out s
	done
	fails 2 'cannot both be standard input' vmf-train --update - -o out <m
	fails 1 "of kind 'series', expected 'model'" \
	    vmf-train --update s -o out s
	head -c 900 m >cut
	fails 1 'cut' vmf-train --update cut -o out s
	[ ! -e out ]
}

@test "a blob that is none is refused with its row" {
	fleet 2 8
	for model in kq auto; do
		n=$([ $model = kq ] && echo 1 || echo 116)
		{
			echo "kind=model step=3600 season=86400 end=$(days 8) metric=cpu_mean model=$model"
			echo 'id metric model status params:list64 blob:binary mase:f64 updated:time'
			echo "vm-0000000 cpu_mean $model ok $(seq -s , 1 $n) abc - $(days 8)"
		} | "$ROWS" >m
		fails 1 'm: row 0: ' vmf-predict --from m -o out s
	done
	{
		echo "kind=model step=3600 season=86400 end=$(days 7) metric=cpu_mean model=kq"
		echo 'id metric model status params:list64 blob:binary mase:f64 updated:time'
		echo "vm-0000000 cpu_mean kq ok 1 abc - $(days 7)"
	} | "$ROWS" >m
	fails 1 'kq has a blob of 3 bytes, expected 1904' \
	    vmf-predict --from m -o out s
	fails 1 'm: kq has a blob of 3 bytes, expected 1904' \
	    vmf-train --update m -o out s
	[ ! -e out ]
}

@test "forecasts lie within the past; quantiles ascend at any levels" {
	fleet 20 9
	vmf-train -q --model kq -o m s
	vmf-predict -q --from m --horizon 3d \
	    --quantiles 0.001,0.02,0.1,0.45,0.5,0.55,0.9,0.98,0.999999 -o f s
	run -0 awk -F, '
	    NR == FNR {
		for (i = 2; i <= NF; i++)
			if ($i != "") {
				if (!($1 in lo) || $i + 0 < lo[$1]) lo[$1] = $i + 0
				if ($i + 0 > hi[$1]) hi[$1] = $i + 0
			}
		next
	    }
	    { for (i = 4; i <= 12; i++) {
		n++
		if ($i < 0 || $i > 2 * hi[$1]) bad++
		if (i > 4 && $i + 0 < $(i - 1) + 0) bad++
	    } } END { print (n > 0), bad + 0 }' \
	    <(column id,cpu_mean s | tr -d '"[]' | tr ' ' ,) \
	    <(vmf-cat --long --csv --no-header f | awk -F, '$4 != ""')
	assert_output "1 0"
}

@test "a job at the same minute of each hour; an off state goes on" {
	# At five past each hour 80, else 5: the exact step.
	for ((t = 0; t < 288 * 10; t++)); do
		printf '%s' "$((t % 12 == 1 ? 80 : 5)),"
	done | sed 's/^/job /; s/,$//' >job
	echo >>job
	# Half of the time off, for hours on end: off now is off soon.
	awk 'BEGIN {
		srand(4)
		printf "off "
		for (t = 0; t < 2880; t++) {
			if (t % 97 == 0) state = rand() < 0.5 ? 1 : 0
			printf "%s%d", t ? "," : "", (t >= 2850 ? 0 : state * (30 + 9 * rand()))
		}
		print ""
	}' >off
	cat job off | series 300 10 >s
	vmf-train -q --model kq -o m s
	vmf-predict -q --from m --horizon 288 --quantiles 0.1,0.5,0.9 -o f s
	run -0 awk -F, '$1 == "job" { bad += ($5 != (n % 12 == 1 ? 80 : 5)); n++ }
	    END { print n, bad + 0 }' <(vmf-cat --long --csv --no-header f)
	assert_output "288 0"
	run -0 awk -F, '$1 == "off" && n++ < 6 { bad += ($5 != 0) } END { print (n >= 6), bad + 0 }' \
	    <(vmf-cat --long --csv --no-header f)
	assert_output "1 0"
}

@test "an hour's burst once a day comes, and is over" {
	# Jobs each half hour, and from 20:00 an hour of 30 more.
	for last in 240 246 252; do
		awk -v last=$last 'BEGIN {
			srand(3)
			for (t = 0; t < 14 * 288 + 24; t++) {
				load = 3 + rand() + (t % 6 ? 0 : 35 + 6 * rand())
				step = (t + last) % 288
				load += step >= 240 && step < 252 ? 30 : 0
				printf "%s%.2f", t ? t < 14 * 288 ? "," : " " : "", load
			}
			print ""
		}' >all
		cut -d ' ' -f 1 all | sed 's/^/a /' | series 300 14 >s
		vmf-train -q --model kq -o m s
		vmf-predict -q --from m --horizon 24 --quantiles 0.5 -o f s
		vmf-cat --csv --long --no-header f | awk -F, -v last=$last -v all="$(cat all)" '
		    BEGIN { split(all, y, " ") }
		    { d = $3 - y[NR + 1]; sum += d < 0 ? -d : d }
		    END { print last, (sum / NR < 4 ? "as before" : sum / NR) }'
	done >far
	assert_equal "$(cat far)" "240 as before
246 as before
252 as before"
}

@test "a day of five minutes without a season; two days; steps of a day" {
	awk 'BEGIN { srand(1); printf "a "; for (t = 0; t < 288; t++) printf "%s%d", t ? "," : "", 20 + 20 * rand(); print "" }' |
	    series 300 1 >s
	vmf-train -q --model kq --season 5m -o m s
	vmf-predict -q --from m --horizon 12 -o f s
	run -0 column status f
	assert_output ok
	awk 'BEGIN { srand(1); printf "a "; for (t = 0; t < 48; t++) printf "%s%d", t ? "," : "", t % 24 + 2 * rand(); print "" }' |
	    series 3600 2 >s
	vmf-train -q --model kq -o m s
	vmf-predict -q --from m --horizon 48 -o f s
	run -0 column status f
	assert_output ok
	awk 'BEGIN { srand(1); printf "a "; for (t = 0; t < 60; t++) printf "%s%d", t ? "," : "", 10 * (t % 7) + 2 * rand(); print "" }' |
	    series 86400 60 >s
	vmf-train -q --model kq --season 1w -o m s
	vmf-predict -q --from m --horizon 14 -o f s
	run -0 awk -F, '{ d = $3 - 10 * ((60 + NR - 1) % 7); s += d < 0 ? -d : d }
	    END { print NR, (s / NR < 8 ? "in phase" : s / NR) }' \
	    <(vmf-cat --long --csv --no-header f)
	assert_output "14 in phase"
}

@test "its 80 % interval holds on made-up load, and beats the seasonal naive" {
	not_small
	fleet 40 21
	vmf-eval -q --model kq,auto --origins 5 --horizon 24 s | vmf-cat --csv \
	    --no-header --columns model,coverage80,crps_rel,mase >e
	run -0 awk -F, '$1 == "snaive" { base = $4 }
	    $1 == "kq" || $1 == "auto" {
		n++
		ok += ($2 >= 0.72 && $2 <= 0.88 && $3 < 1)
		m[n] = $4
	    } END { print ok, (m[1] < base && m[2] < base) }' e
	assert_output "2 1"
}

@test "--explain: shares add up, follow what was lost, and need no series" {
	fleet 4 12
	for model in kq auto theta snaive; do
		vmf-train -q --model $model -o m s
		vmf-predict -q --no-history --explain --from m -o x
		vmf-predict -q --no-history --explain --from - -o x2 <m
		same x x2
		# Of 46 members of kq the 2 of the hour sleep, and so do the 3 of
		# a period where none is found; 4 algorithms; 4 groups of leads.
		case $model in
		kq) n=164 ;;
		auto) n=180 ;;
		*) n=1 ;;
		esac
		run -0 awk -F, -v n=$n '{ k = $1 "," $2; share[k] += $4; med[k] += $5
			rows[$1] += $3 !~ /^same step of [0-9]/ }
		    END { for (k in share)
			if (!(share[k] > 0.9999 && share[k] < 1.0001 &&
			    med[k] > 0.9999 && med[k] < 1.0001)) bad++
			for (i in rows) { vms++; bad += rows[i] != n }
			print vms, bad + 0 }' \
		    <(column id,lead_from,part,share,median_share x)
		assert_output "4 0"
	done
	# In a group, of two members that started alike the one that lost less
	# has more.
	vmf-train -q --model kq -o m s
	vmf-predict -q --no-history --explain --from m -o x
	run -0 awk -F, '$1 == "vm-0000000" && $2 == 5 && $3 ~ /^age 1d; time of day 2h$|^last value$/ {
		share[$3] = $4; loss[$3] = $5 }
	    END { a = "age 1d; time of day 2h"; b = "last value"
		print (loss[a] > 0 && (loss[a] < loss[b]) == (share[a] > share[b])) }' \
	    <(column id,lead_from,part,share,loss x)
	assert_output 1
	run -0 vmf-cat --schema x
	assert_output --partial explanation
	# A period of the VM's own, and the hour where steps are shorter.
	awk 'BEGIN {
		printf "seven "
		for (t = 0; t < 1152; t++)
			printf "%s%d", (t ? "," : ""), t % 7 < 2 ? 60 : 5
		print ""
	}' >seven
	for step in 3600 300; do
		series $step $((1152 * step / 86400)) <seven >p
		vmf-train -q --no-history --model kq -o m p
		vmf-predict -q --no-history --explain --from m -o x
		column part x | grep '^same step of [0-9h]' | sort -u
	done >names
	assert_equal "$(cat names)" "same step of 7; age 1.5 times
same step of 7; age 16 times
same step of 7; age 4 times; last 0.3
same step of hour; age 1.5 times
same step of hour; age 16 times; as a season before"
	# Of no load and of one that never changed there is nothing to tell.
	printf '%s\n' "a $(seq -s , 48)" "b -*48" "c 7*48" | series 3600 2 >few
	vmf-train -q --model theta -o n few
	vmf-predict -q --explain --from n -o y
	run -0 column id,part y
	assert_output a,theta
	rm y
	fails 2 '--explain tells what the model knows; leave out s' \
	    vmf-predict --explain --from m -o y s
	fails 1 "of kind 'series', expected 'model'" \
	    vmf-predict --explain --from s -o y
	[ ! -e y ]
}

@test "a load that ended long ago is not predicted to be none" {
	# A VM of 38 days that has said nothing for 62.
	{
		echo "kind=series step=3600 start=$(days 0) end=$(days 100)"
		echo 'id start:time cpu_mean:list'
		for id in gone live; do
			n=$([ $id = gone ] && echo 900 || echo 2400)
			echo "$id $(days 0) $(seq 0 $((n - 1)) |
			    awk '{ printf "%s%d", (NR > 1 ? "," : ""),
				40 + $1 % 24 }')"
		done
	} | "$ROWS" >s
	for model in kq auto; do
		vmf-train -q --model $model -o m s
		vmf-predict -q --from m --quantiles 0.1,0.5,0.9 -o f s
		run -0 awk -F, '$1 == "gone" { n++; bad += !($3 >= 40 && $5 >= 40 &&
			$6 <= 63.5) } END { print n, bad + 0 }' \
		    <(vmf-cat --long --csv --no-header f)
		assert_output "48 0"
		run -0 column id,status f
		assert_output --partial gone,stale
	done
}

# moved SWING HOURS TIMES: three weeks of two VMs that swing by day, for the last
# hours one off, and one of so many times its load.
moved() {
	awk -v swing="$1" -v hours="$2" -v times="$3" 'BEGIN { srand(6)
		for (v = 0; v < 2; v++) {
			printf "%s ", (v ? "up" : "off")
			for (t = 0; t < 504; t++) {
				y = 20 + swing * sin(t / 24 * 6.2832) + rand()
				if (t >= 504 - hours)
					y = v ? times * y : 0.5 + 0.1 * rand()
				printf "%s%.2f", (t > 0 ? "," : ""), y
			}
			print ""
		}
	}' | series 3600 21
}

@test "a level that was never seen goes on" {
	# Three weeks by day; since half a day off, and twice as much.
	moved 5 12 2 >s
	for model in kq auto; do
		vmf-train -q --model $model -o m s
		vmf-predict -q --from m --horizon 24 --quantiles 0.1,0.5,0.9 \
		    -o f s
		run -0 awk -F, '$1 == "up" { n++; up += $5 / 24 }
		    $1 == "off" { off += $5 / 24 }
		    END { print n, (up > 32), (off < 8) }' \
		    <(vmf-cat --long --csv --no-header f)
		assert_output "24 1 1"
	done
}

@test "a level that has been for a day is that of the day before" {
	# Up and down by day; three times as much for thirty hours, then off.
	moved 12 30 3 >s
	for model in kq auto; do
		vmf-train -q --model $model -o m s
		vmf-predict -q --from m --horizon 24 --quantiles 0.5 -o f s
		run -0 awk -F, '$1 == "up" {
			d = $4 - 61.5 - 36 * sin(n / 24 * 6.2832)
			n++
			up += (d < 0 ? -d : d)
		    }
		    $1 == "off" { off += $3; mid += $4 }
		    END { print n, (up < 48), (off < 120), (mid < 24) }' \
		    <(vmf-cat --long --csv --no-header f)
		assert_output "24 1 1 1"
	done
}

@test "one absurd sample of a history moves neither expected value nor median" {
	for bad in 12 -2147483648 4294967295; do
		awk -v bad="$bad" 'BEGIN { srand(3)
			split("hurt office weekly", name, " ")
			for (v = 1; v <= 3; v++) {
				printf "%s ", name[v]
				for (t = 0; t < 672; t++) {
					y = 12 + 5 * sin(t / 24 * 6.2832) + rand()
					# What is rare, and due, is no damage.
					if (v == 3)
						y = t % 168 == 10 ? 900 : rand() / 9
					# At work from tomorrow on, for two days not.
					if (v == 2 && t % 168 >= 120) y = rand()
					if (v < 3 && t == (v == 1 ? 150 : 572)) y = bad
					printf "%s%.2f", (t > 0 ? "," : ""), y
				}
				print ""
			}
		}' | series 3600 28 >s
		for model in kq auto; do
			vmf-train -q --model $model -o m s
			vmf-predict -q --from m --horizon 24 --quantiles 0.5 -o f s
			run -0 awk -F, '$1 == "hurt" && ($3 < 5 || $3 > 19) {
				print } $1 == "weekly" && $3 > 300 { due++ }
				$1 == "office" { mean += $3; mid += $4 }
				END { print due, (mean > 90 && mean < 420),
				    (mid > 250 && mid < 336) }' \
			    <(vmf-cat --long --csv --no-header f)
			assert_output "1 1 1"
		done
	done
}

@test "samples that end hours before the forecast: the level of then is not now's" {
	# The same cycle of four weeks, without its last 0 to 23 hours.
	awk 'BEGIN {
		for (gap = 0; gap <= 23; gap += 23 / 3) {
			srand(9)
			printf "gap-%02d ", gap
			for (t = 0; t < 672; t++) {
				y = 40 - 30 * cos(t / 24 * 6.2832) + 3 * rand()
				printf "%s%s", t ? "," : "", t < 672 - int(gap) ? \
				    sprintf("%.2f", y) : "-"
			}
			print ""
		}
	}' | series 3600 28 >s
	for model in kq auto; do
		vmf-train -q --model $model -o m s
		vmf-predict -q --from m --horizon 24 --quantiles 0.1,0.9 -o f s
		run -0 awk -F, -v m="$model" '{
			y = 41.5 - 30 * cos((n[$1]++) / 24 * 6.2832)
			e[$1] += $3 > y ? $3 - y : y - $3
			wide[$1] += $5 - $4
		} END {
			for (v in e)
				if (!(e[v] < 24 * 2 && wide[v] < 24 * 12))
					print m, v, e[v] / 24, wide[v] / 24
		}' <(vmf-cat --long --csv --no-header f)
		refute_output
	done
}

@test "how absurd a sample is does not matter, up to what a float holds" {
	for bad in 1e9 1e18 1e20 3.3e38; do
		awk -v bad="$bad" 'BEGIN { srand(5)
			printf "hurt "
			for (t = 0; t < 672; t++) {
				y = 50 + 20 * sin(t / 24 * 6.2832) + 9 * rand()
				printf "%s%s", (t > 0 ? "," : ""), t == 400 ? bad : y
			}
			print ""
		}' | series 3600 28 >s
		vmf-train -q --model kq -o m s
		vmf-predict -q --from m --horizon 24 --quantiles 0.1,0.9 -o f s
		run -0 vmf-cat --csv --no-header --columns mase m
		run -0 awk '{ print ($1 > 0.4 && $1 < 3) }' <<<"$output"
		assert_output 1
		vmf-cat --long --csv --no-header f >"of-$bad"
	done
	for bad in 1e18 1e20 3.3e38; do
		run -0 awk -F, 'NR == FNR { lo[$2] = $4; hi[$2] = $5; next }
			{ off = ($4 - lo[$2]) ^ 2 + ($5 - hi[$2]) ^ 2
			if (!(off < 100)) print; n++ } END { print n }' \
		    of-1e9 "of-$bad"
		assert_output 24
	done
}

@test "load that grows: auto learns from who knows growth" {
	# Five weeks in which load triples, day and night in proportion.
	awk 'BEGIN { srand(8)
		for (v = 1; v <= 8; v++) {
			printf "vm-%d ", v
			for (t = 0; t < 840; t++) {
				y = (10 + 5 * v * t / 840) *
				    (1 + 0.5 * sin(t / 24 * 6.2832)) + rand()
				printf "%s%.2f", (t > 0 ? "," : ""), y
			}
			print ""
		}
	}' | series 3600 35 >s
	vmf-eval -q --model kq,arima,auto --horizon 24 --origins 2 s >e
	run -0 awk -F, '{ mase[$1] = $2 } END {
		print (mase["arima"] < 0.6 * mase["kq"]), \
		    (mase["auto"] < 0.8 * mase["kq"]) }' <(column model,mase e)
	assert_output "1 1"
}

@test "weeks: a weekend is predicted to be one, once there was one" {
	# Three weeks of hours; the load of working days by day, less on others.
	work() {
		awk -v days="$1" 'BEGIN { srand(4)
			for (v = 1; v <= 5; v++) {
				printf "vm-%d ", v
				for (t = 0; t < 24 * days; t++) {
					d = int(t / 24) % 7; h = t % 24
					y = 5 + 2 * rand()
					if (d < 5 && h >= 8 && h < 18)
						y += 10 * v
					printf "%s%.1f", (t > 0 ? "," : ""), y
				}
				print ""
			}
		}' | series 3600 "$1"
	}
	work 28 >s
	for model in kq auto; do
		vmf-eval -q --model $model --horizon 24 --origins 7 s >e
		run -0 awk -F, -v m=$model '{ mase[$1] = $2 }
		    END { print (mase[m] < 0.4 * mase["snaive_point"]) }' \
		    <(column model,mase e)
		assert_output 1
		vmf-train -q --model $model -o m s
		vmf-predict -q --explain --from m -o x
		run -0 awk -F, '/ of w(eek|orkday)/ { week += $2 } { all += $2 }
		    END { print (week > 0.5 * all) }' <(column part,share x)
		assert_output 1
		vmf-train -q --model $model --without kq-week -o m s
		vmf-predict -q --explain --from m -o x
		run -0 awk '/ of w(eek|orkday)/' <(column part x)
		assert_output ""
		# Who has no week after it has no such members.
		work 7 >few
		vmf-train -q --model $model --at "$(days 6)" -o m few
		vmf-predict -q --explain --from m -o x
		run -0 awk '/ of w(eek|orkday)/' <(column part x)
		assert_output ""
	done
	# With a season of a week there is nothing that they could add.
	vmf-train -q --model kq --season 7d -o m s
	vmf-predict -q --explain --from m -o x
	run -0 awk '/ of w(eek|orkday)/' <(column part x)
	assert_output ""
}

@test "a holiday is no rule for the same day of next week" {
	awk 'BEGIN {
		srand(5)
		print "vm,time,cpu"
		for (v = 0; v < 8; v++)
			for (t = 0; t < 35 * 24; t++) {
				d = int(t / 24); h = t % 24
				on = d % 7 < 5 && h >= 8 && h < 18 && d != 28
				printf "v%d,%d,%.3f\n", v, 1704067200 + 3600 * t,
				    5 + (on ? 40 + 5 * v : 0) + 2 * rand()
			}
	}' </dev/null | vmf-ingest -q | vmf-dedup -q | vmf-aggregate -q -s 1h -o s
	for model in kq auto; do
		vmf-train -q --model $model -o m s
		vmf-predict -q --from m --horizon 24 s |
		    vmf-cat -q --csv --no-header --long --columns id,cpu_mean_q50 |
		    awk -F, '$2 ~ /T(0[89]|1[0-7]):/ {
			split($1, a, "v")
			e = $3 - (46 + 5 * a[2])
			sum += e < 0 ? -e : e
			n++
		    }
		    END { exit !(n == 80 && sum / n <= 1) }'
	done
}

@test "--without: parts have no share, in the model and what is made of it" {
	slow
	fleet 6 12
	parts() {
		vmf-predict -q --explain --from "$1" -o x
		vmf-cat --csv --no-header --columns part,share x |
		    awk -F, '!($1 in n) { n[$1] = 1; k++ } { s += $2 }
			END { printf "%d %.3f\n", k, s }'
	}
	vmf-train -q --without arima,kq-day,kq-last -o m s
	# 41 members that speak less 8 and 1, four algorithms less 1; 6 VMs, 4
	# groups.
	run -0 parts m
	assert_output "35 24.000"
	vmf-train -q --without kq,theta -o m s
	run -0 parts m
	assert_output "3 6.000"
	vmf-predict -q --no-history --from m -o f s
	# The same without a model, and what a night makes of it.
	vmf-eval -q --without kq,theta --origins 1 --horizon 24 s >e1
	vmf-eval -q --model auto --origins 1 --horizon 24 s >e2
	run ! cmp -s e1 e2
	vmf-train -q --no-history --without kq-same,ets -o once s
	vmf-train -q --without kq-same,ets --at "$(days 9)" -o m s
	vmf-train -q --no-history --update m -o u s
	same once u
	# A VM that the model does not know is forecast in the same way.
	judge -c '
import polars as pl
m = pl.read_ipc_stream("s")
m[:2].write_ipc_stream("head")'
	vmf-train -q --without kq --step 1h --at "$(days 12)" -o part head
	vmf-train -q --without kq -o all s
	vmf-predict -q --no-history --from part -o f1 s
	vmf-predict -q --no-history --from all -o f2 s
	same <(column id,cpu_mean,cpu_mean_q90 f1) <(column id,cpu_mean,cpu_mean_q90 f2)
}

@test "--without: what is not there cannot be left out" {
	fleet 2 8
	fails 2 "--without: 'kqx' is not known" vmf-train --without kqx -o out s
	fails 2 'there is no arima in what is asked for' \
	    vmf-train --model kq --without arima -o out s
	fails 2 'there is no kq-day in what is asked for' \
	    vmf-eval --model arima --without kq-day -o out s
	fails 2 'nothing of auto would be left beside kq' \
	    vmf-train --without snaive,theta,ets,arima -o out s
	fails 2 'nothing of kq would be left' \
	    vmf-train --model kq --without kq -o out s
	fails 2 'leave out kq itself' vmf-train -o out s --without \
	    kq-day,kq-week,kq-state,kq-age,kq-same,kq-moved,kq-season,kq-last
	fails 2 '--without needs --model' \
	    vmf-eval --forecast s --without kq -o out s
	vmf-train -q -o m s
	fails 2 '--without and --update: the model has its own' \
	    vmf-train --update m --without kq -o out s
	[ ! -e out ]
}

# The gate's part of a model, as text.
gate_part() {
	judge - "$1" <<'EOF'
import sys
import pyarrow as pa
with pa.ipc.open_stream(sys.argv[1]) as r:
    t = r.read_all()
rows = t.to_pylist()
print([i for i, x in enumerate(rows) if x["id"] is None],
      [len(x["blob"]) for x in rows if x["id"] is None])
EOF
}

@test "the gate of auto: once a fleet, the same bytes however it runs" {
	not_small
	fleet 26 20
	vmf-train -q --no-history -o m s
	run -0 gate_part m
	assert_output "[0] [11184]"
	vmf-train -q --no-history --threads 1 <s >m1
	same m m1
	vmf-predict -q --no-history --from m -o f s
	vmf-predict -q --no-history --from m --threads 1 <s >f1
	same f f1
	vmf-train -q --without gate -o m3 s
	run -0 gate_part m3
	assert_output "[] []"
	vmf-predict -q --no-history --from m3 -o f3 s
	run ! same f f3
	# A night learns it anew, as learning at once does.
	vmf-train -q --at "$(days 17)" -o old s
	vmf-train -q --no-history --update old -o u s
	same m u
	# Its means, of shares that add up.
	vmf-predict -q --explain --from m -o x
	run -0 awk -F, '$1 ~ /^before/ { a += $2; n++ } $1 ~ /^after/ { b += $2; n++ }
	    $1 ~ /^gate: off/ { gain = $2 } END { print n, (a > .999 && a < 1.001),
	    (b > .999 && b < 1.001), (gain >= .001 && gain < .5) }' \
	    <(column part,share x)
	assert_output "18 1 1 1"
	# And what its clusters are worth, where they are.
	run -0 awk -F, '/^(clusters|widths): off/ && $2 >= 0 && $2 < .5 { n++ }
	    /^cluster .*: 80 % interval/ && !($2 >= 0 && $2 <= .0600001) { n = 9 }
	    END { print n }' <(column part,share x)
	assert_output 2
}

@test "a small fleet's gate: its clusters, and what it does to forecasts" {
	gen 20 20 --seed 3 | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --metric cpu --stat mean,count -o s
	vmf-train -q --no-history -o m s
	run -0 gate_part m
	assert_output "[0] [11184]"
	vmf-predict -q --explain --from m | vmf-cat --csv >x
	# Parts of each of six clusters, that add up.
	run -0 awk -F, '$6 ~ /^cluster / && $6 !~ /interval/ {
		split($6, at, ": "); sum[at[1]] += $7; n++ }
	    END {
		for (c in sum)
			bad += !(sum[c] > .999 && sum[c] < 1.001)
		print n, length(sum), bad + 0
	    }' x
	assert_output "54 6 0"
	run -0 grep -cE ',(clusters|gate): off the loss.*,0\.0[0-9]*,' x
	assert_output 2
	# Tilts, networks and widths: all else is the same.
	vmf-train -q --no-history --without gate -o without s
	for h in 3 30; do
		vmf-predict -q --no-history --horizon $h --from m -o f s
		vmf-predict -q --no-history --horizon $h --threads 1 \
		    --from m <s >f1
		same f f1
		vmf-predict -q --no-history --horizon $h --from without -o g s
		run ! same f g
	done
}

@test "the gate: loads that are on or off need wider intervals" {
	not_small
	awk 'BEGIN { srand(8)
		for (v = 10; v < 40; v++) {
			printf "vm-%d ", v
			high = 5 + 35 * rand()
			on = 0
			for (t = 0; t < 504; t++) {
				if (rand() < 0.02) on = 1 - on
				printf "%s%.2f", (t > 0 ? "," : ""),
				    2 + high * on + rand()
			}
			print ""
		}
	}' | series 3600 21 >s
	vmf-train -q --no-history -o m s
	vmf-predict -q --explain --from m | vmf-cat --csv >x
	run -0 grep -cE ',widths: off the loss.*,0\.0[0-9]*,' x
	assert_output 1
	run -0 awk -F, '$6 ~ /80 % interval wider/ { n++; most = $7 > most ? $7 : most }
	    END { print n, (most > 0 && most <= 0.0600001) }' x
	assert_output "12 1"
}

@test "the gate: loads may be in bytes" {
	not_small
	gen 20 20 --seed 3 | awk -F, -v OFS=, 'NR > 1 { $3 = 1e9 * $3 } 1' |
	    vmf-ingest -q | vmf-aggregate -q --step 1h --metric cpu -o s
	vmf-train -q --no-history -o m s
	run -0 gate_part m
	assert_output "[0] [11184]"
	vmf-predict -q --from m s | vmf-cat --csv --columns status | grep -q ok
}

@test "the gate: nothing from the first origin on is looked at" {
	not_small
	fleet 26 20
	# Other values from day 18 on.
	judge - <<'EOF'
import polars as pl
import pyarrow as pa
with pa.ipc.open_stream("s") as r:
    t = r.read_all()
i = t.schema.get_field_index("cpu_mean")
rows = [[v if k < 18 * 24 else 99.0 - (v or 0) for k, v in enumerate(x)]
        for x in t.column(i).to_pylist()]
t = t.set_column(i, t.schema.field(i), pa.array(rows, t.schema.field(i).type))
with pa.ipc.new_stream("other", t.schema) as w:
    w.write_table(t)
EOF
	vmf-train -q --no-history --at "$(days 18)" -o m s
	vmf-train -q --no-history --at "$(days 18)" -o m1 other
	run -0 gate_part m
	assert_output "[0] [11184]"
	same m m1
	vmf-eval -q --no-history --horizon 24 --origins 2 --at "$(days 20)" s \
	    >e
	vmf-eval -q --no-history --without gate --horizon 24 --origins 2 \
	    --at "$(days 20)" s >e1
	run ! cmp -s e e1
}

@test "--budget leaves out what is worth least for its time, and says so" {
	slow
	fleet 8 14
	vmf-train --no-history --budget 100 -o all s 2>err
	run -0 cat err
	assert_line --partial 'nothing is left out'
	vmf-train -q --no-history -o m s
	same all m
	vmf-train --no-history --budget 0.9 -o less s 2>err
	run -0 cat err
	assert_line --regexp 'and 0\.[0-9]+ without [a-z,-]+; on 6 series that changes CRPS by [+-][0-9.]+ %'
	# It is as if that had been asked for.
	parts=$(sed -n 's/.* without \([a-z,-]*\);.*/\1/p' err)
	vmf-train -q --no-history --without "$parts" -o asked s
	same less asked
	fails 2 '--budget is 0.01 ms, expected ' vmf-train --budget 0.01 -o out s
	fails 2 '--budget is 0 ms, expected ' vmf-train --budget 0 -o out s
	fails 2 '--budget is -1 ms, expected ' vmf-train --budget -1 -o out s
	fails 2 '--budget is for auto' vmf-train --model kq --budget 1 -o out s
	fails 2 '--budget and --update: the model has its own' \
	    vmf-train --update m --budget 1 -o out s
	[ ! -e out ]
	# From a pipe, on one thread, and beside what is left out already.
	vmf-train -q --no-history --threads 1 --budget 0.9 <s >again
	same less again
	# A season of a week leaves no other week to look at.
	vmf-train -q --season 7d --budget 0.9 -o x s
	vmf-train -q --without theta --budget 0.5 -o x s 2>err
	vmf-train -q --without theta,kq-week,kq-state --budget 0.5 -o x s
	vmf-cat --schema x | grep '^vmf:without' >parts
	[ "$(grep -o 'kq-week' parts | wc -l)" -eq 1 ]
}

# Each step of the day has a level of its own: what looks at very steps is
# right, and no less so between the leads that others are asked at.
@test "auto's gate learns of the step that came, within an hour too" {
	awk 'BEGIN {
		srand(7)
		print "vm,time,cpu"
		for (v = 0; v < 16; v++) {
			for (s = 0; s < 96; s++)
				level[s] = -20 * log(rand() * rand())
			for (t = 0; t < 21 * 96; t++)
				printf "v%02d,%d,%.3f\n", v, 1704067200 + 900 * t,
				    level[t % 96] + rand()
		}
	}' </dev/null | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q -s 15m -o s
	for w in '' '--without gate'; do
		# shellcheck disable=SC2086 # an option and its argument
		vmf-eval -q --model auto $w --horizon 96 --origins 2 s |
		    vmf-cat --csv --no-header --columns model,crps,coverage80 |
		    grep auto
	done >out
	[ "$(sort -u out | wc -l)" -eq 2 ]
	awk -F, '{ crps[NR] = $2; cover[NR] = $3 }
		END { exit !(NR == 2 && crps[1] <= 1.01 * crps[2] &&
		    cover[1] <= cover[2] + .03) }' out
}
