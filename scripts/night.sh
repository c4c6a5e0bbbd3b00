# shellcheck shell=sh disable=SC2034,SC2154
# The stages of a night and its books: what scripts/nightly is told in.
#
# Who reads this has set
#   $me, $date     the script, and the night
#   $log, $begun   its log, and the lines there when it began
#   $work          the folder that becomes the night, or ""
#   $err           a folder for what its commands say, or ""
# and, from median_start on, the settings under their names there, without
# "NIGHT_".  These give up, by give_up, unless they say otherwise.

say() {
	printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >>"$log"
}

give_up() {
	# First, as the disk may be full, and the log wants a line.
	[ -z "$work" ] || rm -rf "$work"
	why=$*
	say "FAILED: ${why#failed: }"
	{
		printf '%s: %s: %s\n' "$me" "$date" "$*"
		echo "$me: the end of $log:"
		# Not what an earlier run of this date said.
		tail -n "+$((begun + 1))" "$log" | tail -n 25 | sed 's/^/  /'
	} >&2
	exit 1
}

# End the commands that run, then the night; a shell that waits for a command
# in the background does so at once.
stopped() {
	trap '' HUP INT TERM
	set +f
	if [ -n "$err" ]; then
		: >"$err/stop"
		for pid in "$err"/*.pid; do
			[ ! -s "$pid" ] || [ -e "${pid%.pid}.rc" ] ||
			    kill "$(cat "$pid")" 2>/dev/null
		done
		wait
	fi
	give_up "stopped by a signal"
}

# holders: the processes that hold the lock, as far as this user may see them:
# "vmf-train (process 7), sh (process 5)".
holders() {
	find -L /proc/[0-9]*/fd -maxdepth 1 -samefile "$out/lock" |
	    cut -d / -f 3 | sort -nu | while read -r pid; do
		name=$(cat "/proc/$pid/comm") || continue
		printf '%s%s (process %s)' "$sep" "$name" "$pid"
		sep=', '
	done
} 2>/dev/null

# at_work: why the lock cannot be had, in a line.
at_work() {
	sep='' keep="the lock file is not to be removed"
	# One that has just begun may have yet to say who it is.
	for wait in 1 0; do
		pid='' day='' since=''
		{ read -r pid day since <"$out/lock"; } 2>/dev/null
		who=$(holders)
		case $who in
		*"(process ${pid:-none})"*) break ;;
		esac
		sleep "$wait"
	done
	night="the night of $day (process $pid, since $since)"
	case ${since:+known},$who in
	known,*"(process $pid)"*)
		echo "another run is at work in $out: $night;" \
		    "wait for it; $keep: $out/lock"
		;;
	known,?*)
		echo "$night is gone, and what it left is at work in $out:" \
		    "wait for $who, or end it; $keep: $out/lock"
		;;
	*)
		who=${who:-a process that this user cannot see}
		echo "another run is at work in $out: ${since:+$night, }$who" \
		    "holds $out/lock; wait for it; $keep"
		;;
	esac
}

# read_train: what of NIGHT_TRAIN concerns others than vmf-train anew.  Sets
#   $go_on     its options where a model is gone on from, which has the others
#   $stale     for vmf-predict
#   $fields    the metrics that it names, as columns of samples: ",mem"
#   $metric    whose windows are planned, by NIGHT_WINDOW
# What the night itself says to vmf-train is a usage error.
read_train() {
	go_on='' stale='' named='' metric=cpu_mean
	set -f
	# shellcheck disable=SC2086 # a list of options
	set -- $NIGHT_TRAIN
	while [ $# -gt 0 ]; do
		word=$1 value=${2:-}
		shift
		case $word in
		--mo*) misuse "NIGHT_TRAIN: found $word, expected NIGHT_MODEL" ;;
		--u* | --a* | --c* | -o* | --o*)
			misuse "NIGHT_TRAIN: found $word, which each night" \
			    "says by itself"
			;;
		--met* | --ta* | --w* | --b* | --sea* | --sta*) ;;
		*)
			go_on="$go_on $word"
			continue
			;;
		esac
		case $word in
		*=*) value=${word#*=} ;;
		*) [ $# -eq 0 ] || shift ;;
		esac
		case $word in
		--met* | --ta*) named=$named,$value ;;
		--sta*)
			stale="--stale-after $value"
			go_on="$go_on $stale"
			;;
		esac
	done
	# shellcheck disable=SC2086 # a list of options
	set -- $NIGHT_WINDOW
	set +f
	while [ $# -gt 0 ]; do
		case $1 in
		--me*=*) metric=${1#*=} ;;
		--me*) metric=${2:-} ;;
		esac
		shift
	done
	# Of "mem_max>80@1-24" the metric is mem.
	if ! fields=$(printf '%s\n' "$named" | tr , '\n' |
	    sed -n 's/>.*//; s/_[a-z0-9]*$//; /^[A-Za-z0-9_.-][A-Za-z0-9_.-]*$/p' |
	    sort -u | grep -vxE 'vm|time|cpu' | sed 's/^/,/' | tr -d '\n'); then
		echo "$me: what NIGHT_TRAIN names cannot be told" >&2
		exit 1
	fi
}

# stage NAME COMMAND...: its messages, process and exit code into files.
stage() {
	stage=$err/$1
	shift
	rm -f "$stage.rc"
	{
		# A night that was stopped before the process was known by its
		# number is told by the file.
		# shellcheck disable=SC2016 # of the inner shell
		sh -c 'echo $$ >"$1"; [ ! -e "$2" ] || exit 143; shift 2
		    exec "$@"' sh "$stage.pid" "$err/stop" "$@"
	} 2>"$stage"
	# Where the disk is full there is none, which await tells.
	{ echo $? >"$stage.rc"; } 2>/dev/null
}

# no_room [REASON]: where who could not write did not say why, a try does.
no_room() {
	if [ $# -eq 0 ]; then
		set -- "$({ head -c 1048576 /dev/zero >"$err/room"; } 2>&1)"
		rm -f "$err/room"
	fi
	give_up "cannot write into ${TMPDIR:-/tmp} (TMPDIR)${1:+: ${1##*: }}"
}

# unheard NAME CODE: a stage without an exit code, or that failed without a
# word, had no room to put it.
unheard() {
	case $2 in
	'') no_room ;;
	1) [ -s "$err/$1" ] || no_room ;;
	esac
}

# await NAME...: what runs in the background has these stages, in the order of
# their pipe.  Their messages into the log; give up if one failed.  It is the
# first that did: those after it fail by an input that is cut off, and those
# before it are quietly ended (141).
await() {
	wait
	failed='' broken=''
	for s in "$@"; do
		case $(cat "$err/$s.rc") in
		0) ;;
		141) broken=$s ;;
		*)
			failed=$s
			break
			;;
		esac
	done
	failed=${failed:-$broken}
	if [ -n "$failed" ]; then
		rm -rf "$work"
		work=
	fi
	for s in "$@"; do
		sed "s/^/  /" "$err/$s" >>"$log"
		[ "$s" = "$failed" ] || continue
		code=$(cat "$err/$s.rc")
		unheard "$s" "$code"
		why=$(grep '^vmf-' "$err/$s" | tail -n 1)
		give_up "failed: $s (exit code $code)${why:+: $why}"
	done
}

# spoilt NAME: did stage NAME fail by what it read of another night?  Where
# memory was short, or it was killed, or what it wrote or has from this night is
# to blame, the next run may do better: the night is given up.
spoilt() {
	wait
	code=$(cat "$err/$1.rc")
	[ "$code" != 0 ] || return 1
	why=$(grep '^vmf-' "$err/$1" | tail -n 1)
	case $code,$why in
	*, | *'out of memory'* | *'allocate memory'* | *"$work/"* | \
	    *'standard output'*) ;;
	[12],*)
		sed "s/^/  /" "$err/$1" >>"$log"
		return 0
		;;
	esac
	await "$1"
	return 1
}

# number NAME PATTERN [GROUP]: of the command's summary, which begins with
# PATTERN, the number in its first or other parentheses.  Only the first such
# line: what follows may quote the samples.  Fails where sed does: who takes
# nothing for a number asks.
number() {
	sed -nE "/^vmf-$1: $2/{
	    s/^vmf-$1: $2.*/\\${3:-1}/p
	    q
	}" "$err/$1"
}

# extra NAME PHRASE: the number before PHRASE among the things that the summary
# tells after semicolons, or 0.
extra() {
	n=$(sed -nE "/^vmf-$1: [0-9]+ rows in, /{
	    s/; cannot be coarsened.*//
	    s/.*; ([0-9]+) $2(;.*)?\$/\\1/p
	    q
	}" "$err/$1") && echo "${n:-0}"
}

# unknown NAME: gives up, as what its command has said cannot be told.
unknown() {
	give_up "what vmf-$1 said cannot be told"
}

# balance WHAT IN USED REJECTED DUPLICATES: a row of the books.
balance() {
	for n in "$2" "$3" "$4" "$5"; do
		case $n in
		*[!0-9]* | '') give_up "$1: no count of rows ($*)" ;;
		esac
	done
	line="$1: $2 rows in = $3 used + $4 rejected + $5 duplicates"
	[ "$2" -eq $(($3 + $4 + $5)) ] || give_up "the books do not balance: $line"
	say "$line"
	echo "$line" >>"$work/rows.txt" ||
	    give_up "cannot write $work/rows.txt"
}

# equal WHAT A B: what one stage wrote, the next one read.
equal() {
	[ "$2" = "$3" ] || give_up "$1: $2, but $3"
}

# record NAME SUMS: what values it holds, which SUMS says, for checksums.txt.
record() {
	sed "s|^|$1: |" "$2" >>"$work/checksums.txt" ||
	    give_up "cannot write $work/checksums.txt"
}

# count FILE [uniq]: sets $count to its rows, or to its ids.
count() {
	# A line a row, whatever is in its id.
	stage count vmf-cat --json --columns id "$1" |
	    ${2:-cat} | wc -l 2>/dev/null >"$err/count.n" &
	await count
	count=$(cat "$err/count.n")
	case $count in
	*[!0-9]* | '') give_up "how many rows $1 has cannot be told" ;;
	esac
}

# meta KEY FILE: sets $meta to what the metadata of a stream say, or to "".
meta() {
	stage meta vmf-cat --schema "$2" >"$err/schema" &
	await meta
	meta=$(sed -n "s/^$1  *//p" "$err/schema") ||
	    give_up "the metadata of $2 cannot be told"
}

# seconds TIME: sets $seconds to those since 1970.
seconds() {
	seconds=$(date -u -d "$1" +%s) || give_up "what time $1 is cannot be told"
}

# utc SECONDS: sets $utc to their time.
utc() {
	utc=$(date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ) ||
	    give_up "what time @$1 is cannot be told"
}

# digits TIME: sets $digits to those of a date, or of a time as vmf has it.
digits() {
	old_ifs=$IFS
	IFS=-T:Z
	# shellcheck disable=SC2086 # it is to be split
	set -- $1
	IFS=$old_ifs
	digits=${1:-0}${2:-}${3:-}${4:-00}${5:-00}${6:-00}
	case $digits in
	*[!0-9]*) digits=0 ;;
	esac
}

# earlier A B: is date or time A before B?  By the shell alone: a program that
# is killed would have said no.
earlier() {
	digits "$1"
	set -- "$digits" "$2"
	digits "$2"
	[ "$1" -lt "$digits" ]
}

# median_start SERIES: sets $meta to the moment by which half of the VMs that
# have samples have begun.
median_start() {
	stage starts vmf-cat --csv --no-header --columns start "$1" \
	    >"$err/starts.csv" &
	await starts
	meta=$(grep . "$err/starts.csv" | sort |
	    awk '{ at[NR] = $0 } END { print at[int((NR + 1) / 2)] }')
	[ -n "$meta" ] || give_up "where the samples of $1 begin cannot be told"
}

# The series of NIGHT_LONG from that of NIGHT_STEP, after the night before,
# against which the inventory of tonight has the last word.
coarsen() {
	words='' inner=''
	[ -z "$old" ] || words=$join
	case " $NIGHT_AGGREGATE " in
	*' --inner '*) inner=--inner ;;
	esac
	stage coarsen vmf-aggregate --memory "$memory" --step "$long" \
	    --stat mean,max,count ${NIGHT_KEEP:+--keep-span "$NIGHT_KEEP" \
		--append "${old:-$work/none}${old:+/series-$long.arrows}" \
		--create} ${words:+--join "$words" $inner} -z \
	    -o "$work/series-$long.arrows" "$fine" &
	keeps coarsen
}

# keeps NAME: as await, of a stage that reads the series of the night before.
keeps() {
	if [ -z "$old" ] || ! spoilt "$1"; then
		await "$1"
		return
	fi
	give_up "failed: $1: $why; do the night of $before again with its" \
	    "samples and --force, or unset NIGHT_KEEP and name the samples of" \
	    "the whole history"
}

# since SECONDS: the series of NIGHT_LONG, from a moment on, in $err/since.
since() {
	stage since-1 vmf-aggregate --memory "$memory" --step "$long" \
	    --stat mean,max,count --since "@$1" -o "$err/since" \
	    "$work/series-$long.arrows" &
	await since-1
}

# Clocks that are hours ahead: the samples end with the last step in which more
# than a tenth as many VMs have some as in the fullest of three days, where
# others go on for more than a step.  What comes later is left out.
trim_clocks() {
	meta vmf:end "$work/series-$long.arrows"
	seconds "$meta"
	end_s=$seconds
	# Not looked at closely where the last steps are full.
	since $((end_s - 2 * long_s))
	stage since-2 vmf-cat --csv --no-header --columns start "$err/since" \
	    >"$err/starts.csv" &
	await since-2
	count "$fine"
	at_end=$(grep -c . "$err/starts.csv")
	[ -n "$at_end" ] ||
	    give_up "how many VMs have samples at the end cannot be told"
	[ "$at_end" -gt 0 ] && [ $((at_end * 10)) -le "$count" ] || return 0
	since $((end_s - 3 * 86400))
	meta vmf:kind "$err/since"
	list=$(sed -n 's/^\([^ ]*_count\)  *list.*/\1/p' "$err/schema" |
	    head -n 1)
	stage since-3 vmf-cat --csv --no-header --long --columns "$list" \
	    "$err/since" >"$err/steps.csv" &
	await since-3
	# Its lines are id,time,value; an id may hold commas.
	last=$(awk -F, '
	    { t = $(NF - 1); n[t]++ }
	    n[t] > most { most = n[t] }
	    END { for (t in n) if (n[t] * 10 > most && t > last) last = t
		print last }' "$err/steps.csv")
	[ -n "$last" ] || give_up "where most samples end cannot be told"
	seconds "$last"
	cut_s=$((seconds + long_s))
	[ $((end_s - cut_s)) -gt "$long_s" ] || return 0
	utc "$cut_s"
	cut=$utc
	steps='[0-9]+ rows in, [0-9]+ rows out with ([0-9]+) steps'
	had=$(number aggregate "$steps")
	stage aggregate vmf-aggregate --memory "$memory" --step "$step" \
	    --stat mean,max,count --until "$cut" -z -o "$work/cut.arrows" \
	    "$fine" &
	await aggregate
	mv -T "$work/cut.arrows" "$fine" || give_up "cannot write $fine"
	kept=$(number aggregate "$steps")
	balance "end at $cut" "$had" "$kept" $((had - kept)) 0
	end=$(number aggregate "$steps from [^ ]+ to ([^ ;]+)" 2)
	[ $(((had - kept) * 100)) -le $((had * max_bad)) ] ||
	    doubt "$((had - kept)) of $had steps of samples are after $cut, where" \
		"those of the others end: more than NIGHT_MAX_BAD=$max_bad %;" \
		"see to the clocks, or put --until TIME into NIGHT_AGGREGATE"
	coarsen
}

# of_vms NAME FILE LISTS: the mean and the greatest value of each VM's lists,
# lines of id,list,mean,most, into $err/NAME.vms: of the first VMs, up to a
# million steps, as that many VMs tell a unit.
of_vms() {
	stage "$1" vmf-cat --csv --no-header --long -n 1000000 \
	    --columns "$3" "$2" | awk -F, -v lists="$3" '
	    function put(  k) {
		for (k = 1; k <= n_lists; k++)
			if (n[k] > 0)
				print id "," list[k] "," sum[k] / n[k] "," \
				    most[k]
		split("", n)
		split("", sum)
	    }
	    BEGIN { n_lists = split(lists, list, ",") }
	    # An id may hold commas.
	    NF < n_lists + 2 { next }
	    {
		now = $1
		for (k = 2; k < NF - n_lists; k++)
			now = now "," $k
		if (now != id)
			put()
		id = now
		for (k = 1; k <= n_lists; k++) {
			v = $(NF - n_lists + k)
			if (v == "")
				continue
			v += 0
			if (n[k]++ == 0 || v > most[k])
				most[k] = v
			sum[k] += v
		}
	    }
	    END { put(); print "all,,," }' >"$err/$1.vms" &
	keeps "$1"
	[ "$(tail -n 1 "$err/$1.vms")" = all,,, ] ||
	    give_up "which values $2 has cannot be told"
}

unlike() {
	give_up "whether samples are of another unit cannot be told"
}

# Each line of $err/odd.
doubt_odd() {
	odd=$(sort "$err/odd") || unlike
	[ -z "$odd" ] || doubt "$odd"
}

# look_at_units FILE: does what came tonight, which is in it, look like another
# unit: percent far above 100, or other means than the series it is joined to?
look_at_units() {
	stage units vmf-cat --schema "$1" >"$err/schema" &
	await units
	# Of others no list could be named.
	means=$(awk '$1 ~ /^[A-Za-z0-9_.-]+_mean$/ && $2 ~ /^list/ {
	    printf "%s%s", sep, $1; sep = "," }' "$err/schema") || unlike
	percent=$(awk '$1 ~ /^[A-Za-z0-9_.-]+_max$/ && $2 ~ /^list/ {
	    for (i = 3; i <= NF; i++) if ($i == "unit=%") {
		printf "%s%s", sep, $1; sep = "," } }' "$err/schema") || unlike
	{ : >"$err/vcpus"; } 2>/dev/null || no_room
	if [ -n "$percent" ] && grep -q '^vcpus ' "$err/schema"; then
		stage vcpus vmf-cat --csv --no-header -n 1000000 \
		    --columns id,vcpus "$1" >"$err/vcpus" &
		await vcpus
	fi
	[ -z "$percent" ] || of_vms percent "$1" "$percent"
	if [ -n "$percent" ]; then
		# A guest may be measured in percent of one of its CPUs.
		awk -F, -v most="$max_percent" '
		    { name = $0; sub(/,[^,]*$/, "", name) }
		    FILENAME == ARGV[1] { cpus[name] = $NF; next }
		    NF < 4 || $(NF - 2) == "" { next }
		    {
			sub(/,[^,]*,[^,]*$/, "", name)
			list = $(NF - 2)
			sub(/_max$/, "", list)
			at = list ~ /^cpu/ && cpus[name] > 1 ? cpus[name] : 1
			many[list] += at > 1
			n[list]++
			if ($NF > top[list])
				top[list] = $NF
			over[list] += $NF > most * at
		    }
		    END {
			for (m in n)
				if (over[m] * 2 > n[m])
					print m " goes to " top[m] ", and in " \
					    over[m] " of " n[m] " VMs above " \
					    most (many[m] ? " for each vCPU" : \
					    "") ": expected percent, or a " \
					    "NIGHT_MAX_PERCENT above " most
		    }' "$err/vcpus" "$err/percent.vms" >"$err/odd" || unlike
		doubt_odd
	fi
	[ -n "$old" ] && [ -n "$means" ] || return 0
	stage units vmf-cat --schema "$old/series-$long.arrows" \
	    >"$err/schema" &
	keeps units
	means=$(awk -v lists="$means" '
	    { is[$1] = $2 ~ /^list/ }
	    END {
		n = split(lists, list, ",")
		for (k = 1; k <= n; k++)
			if (is[list[k]]) {
				printf "%s%s", sep, list[k]
				sep = ","
			}
	    }' "$err/schema") ||
	    unlike
	[ -n "$means" ] || return 0
	of_vms new "$1" "$means"
	of_vms known "$old/series-$long.arrows" "$means"
	awk -F, -v most="$max_change" -v before="$before" '
	    { name = $0; sub(/,[^,]*,[^,]*$/, "", name); v = $(NF - 1) + 0 }
	    NF < 4 || $(NF - 2) == "" || v <= 0 { next }
	    FILENAME == ARGV[1] { was[name] = v; next }
	    name in was {
		m = $(NF - 2)
		n[m]++
		up[m] += v > most * was[name]
		down[m] += v * most < was[name]
		sum[m] += log(v / was[name])
	    }
	    END {
		for (m in n) {
			if (up[m] * 2 <= n[m] && down[m] * 2 <= n[m])
				continue
			far = up[m] > down[m] ? up[m] : down[m]
			print m " is " sprintf("%.3g", exp(sum[m] / n[m])) \
			    " times that in the series of " before ", and in " \
			    far " of " n[m] " VMs more than " most " times " \
			    (up[m] > down[m] ? "as high" : "lower") \
			    ": expected the same unit (do this night again " \
			    "by --force), or a NIGHT_MAX_CHANGE above " most
		}
	    }' "$err/known.vms" "$err/new.vms" >"$err/odd" || unlike
	doubt_odd
}

# doubt TEXT...: into $warned: the night is done, but whoever reads stderr is to
# see this.
doubt() {
	warned="${warned:+$warned
}$*"
}

# Nobody can move a VM in the past: the plan begins now.  That of a DATE long
# ago, which nobody will carry out, begins with its day, whenever it is made.
set_from() {
	if ! { recent=$(date -u -d yesterday +%Y-%m-%d) &&
	    from=$(date -u +%Y-%m-%dT%H:%M:%SZ); }; then
		give_up "what time it is cannot be told"
	fi
	! earlier "$date" "$recent" || from=${date}T00:00:00Z
}

# score METRIC [plan]: how good the forecast of the night before was of it,
# and the windows that were planned by it: rows into scores.csv.  Sets $scored:
# 0, 4 where nothing is known yet, or another number.
score() {
	# What is predicted of each move is no one length.
	case $length in
	auto) set -- "$@" ;;
	*) set -- "$@" --length "$length" ;;
	esac
	of=$1 more=n_plan,plan_load,plan_true,plan_mean
	# Not cpu_s: the same night has the same bytes.
	columns=beside,model,metric,n_series,n_windows,n_points
	columns=$columns,n_missed,mase,crps,nd,mae,coverage80
	columns=$columns,crps_snaive,crps_rel
	columns=$columns,regret,regret_lo,regret_hi
	shift
	if [ "${1:-}" = plan ]; then
		shift
		set -- "$@" --plan "$out/$before/plan.arrows"
		columns=$columns,$more more=''
	fi
	stage eval vmf-eval "$@" --metric "$of" \
	    --forecast "$out/$before/forecast.arrows" \
	    -o "$err/scores.arrows" "$work/series-$long.arrows" &
	wait
	sed "s/^/  /" "$err/eval" >>"$log"
	scored=1
	if [ "$(cat "$err/eval.rc")" = 0 ] &&
	    vmf-cat --csv --columns "$columns" -o "$err/scores.csv" \
		"$err/scores.arrows" 2>"$err/eval"; then
		head=1
		[ ! -e "$work/scores.csv" ] || head=''
		awk -F, -v n="$date" -v f="$before" -v more="$more" \
		    -v head="$head" '
		    NR == 1 && head {
			sub(/^beside/, "night,forecast")
			print $0 (more == "" ? "" : "," more) }
		    $1 == "false" && $6 > 0 {
			sub(/^false/, n "," f)
			print $0 (more == "" ? "" : ",,,,"); rows++ }
		    END { exit rows ? 0 : 4 }' "$err/scores.csv" \
		    >>"$work/scores.csv"
		scored=$?
	fi
	case $scored in
	0) return ;;
	4) say "nothing is known yet of what $before forecast of $of" ;;
	*)
		doubt "the forecast of $before could not be scored:" \
		    "$(grep '^vmf-' "$err/eval" | tail -n 1)"
		;;
	esac
}

# keep_call ARGUMENT...: what vmf-window is called with, into the folder of the
# night, for --explain: an argument a line in window.txt, and the files that
# these name as they are now.
keep_call() {
	: >"$work/window.txt" || return 1
	while [ $# -gt 0 ]; do
		word=$1 kept=''
		shift
		# As vmf-window takes them, cut short as well.
		case $word in
		--str*) continue ;; # it changes the exit code alone
		--i*) kept=inventory.csv ;;
		--ho*) kept=hosts.csv ;;
		--do*) kept=downtime.model ;;
		--re*) kept=before.arrows ;;
		esac
		if [ -z "$kept" ]; then
			echo "$word" >>"$work/window.txt" || return 1
			continue
		fi
		case $word in
		*=*) set -- "${word#*=}" "$@" ;;
		esac
		# A plan is never changed, but replaced.
		{ [ "$kept" = before.arrows ] &&
		    ln -f -- "$1" "$work/$kept"; } 2>/dev/null ||
		    cp -- "$1" "$work/$kept" || return 1
		printf '%s\n' "${word%%=*}" "$kept" >>"$work/window.txt" ||
		    return 1
		shift
	done
}

# explain_plan: how the plan of a night that is done came to the windows of
# the VMs $explain.
explain_plan() {
	day=${of_date:-$(readlink "$out/latest")}
	folder=$out/$day
	cannot="$me: ${day:-latest}: the plan cannot be explained"
	if [ -z "$day" ] || [ ! -d "$folder" ]; then
		echo "$cannot: there is no night ${of_date:-yet} in $out" >&2
		return 1
	fi
	if [ ! -r "$folder/window.txt" ]; then
		echo "$cannot: there is no $folder/window.txt, which has how" \
		    "it was made (nights of older versions have none)" >&2
		return 1
	fi
	set -- --explain "$explain"
	while IFS= read -r word; do
		set -- "$@" "$word"
	done <"$folder/window.txt"
	cd "$folder" || return 1
	for file in forecast.arrows inventory.csv hosts.csv downtime.model \
	    before.arrows; do
		[ "$file" = forecast.arrows ] ||
		    grep -qxF "$file" window.txt || continue
		if [ ! -r "$file" ]; then
			echo "$cannot: $folder/$file is gone" >&2
			return 1
		fi
	done
	if ! said=$(mktemp -d); then
		echo "$cannot: no folder in ${TMPDIR:-/tmp} (TMPDIR)" >&2
		return 1
	fi
	trap 'rm -rf "$said"' EXIT
	trap 'exit 1' HUP INT TERM
	{
		vmf-window -q "$@" forecast.arrows 2>"$said/text"
		echo $? >"$said/rc"
	} | vmf-cat --checksum 2>/dev/null | sed 's/^/plan.arrows: /' \
	    >"$said/sums"
	if [ "$(cat "$said/rc")" != 0 ]; then
		echo "$cannot: $(tail -n 1 "$said/text")" >&2
		return 1
	fi
	cat "$said/text" || return 1
	grep '^plan.arrows: ' checksums.txt | cmp -s - "$said/sums" || {
		echo "$me: $day: the plan that this explains is not that of" \
		    "the night, $folder/plan.arrows: expected the same" \
		    "version of vmf-window" >&2
		return 1
	}
}

# window STAGE FORECAST PLAN: the plan of a forecast, by all settings, and by
# the plan $replan where there is one.
window() {
	name=$1 forecast=$2 plan=$3
	set -- --length "$length" --tz "$tz" --not-before "$from" \
	    ${join:+--inventory "$join"} ${replan:+--replan "$replan" \
		--hysteresis "$NIGHT_REPLAN"}
	while read -r when; do
		[ -z "$when" ] || set -- "$@" --blackout "$when"
	done <<END
${NIGHT_BLACKOUT:-}
END
	set -f
	# shellcheck disable=SC2086 # a list of options
	set -- "$@" $NIGHT_WINDOW
	set +f
	if [ "$name" = window ] && keep_call "$@" 2>"$err/keep"; then
		rm -f "$err/keep"
	fi
	stage "$name" vmf-window "$@" -z -o "$plan" "$forecast"
	# The plan is there, whole; what --strict says is told below.
	! grep -q '^vmf-window: --strict: ' "$err/$name" ||
	    echo 0 >"$err/$name.rc"
}

# tried SETTINGS: gives up if the stage "try" failed, by these settings.
tried() {
	wait
	code=$(cat "$err/try.rc")
	unheard try "$code"
	[ "$code" != 0 ] || return 0
	why=$(grep '^vmf-' "$err/try" | head -n 1)
	# The settings are to blame for neither.
	case $why in
	*'cannot write '*"$err/try."* | *'cannot create '*"$err/try."*)
		no_room "$why"
		;;
	*'out of memory'* | *'allocate memory'*)
		give_up "failed: $why, before any sample was read"
		;;
	'')
		give_up "failed: a trial of $1 (exit code $code)"
		;;
	esac
	case $why in
	*"$err/try."*)
		why="${why%%"$err/try."*}an empty ${why#*"$err/try."}"
		;;
	*' --season is 86400 '*)
		set -- NIGHT_LONG
		why="found '$long', expected a step that divides the season \
of forecasts, a day"
		;;
	esac
	case $NIGHT_TRAIN,$why in
	?*,'vmf-window: '*' no list column '*)
		set -- "NIGHT_TRAIN, NIGHT_WINDOW"
		why="--metric of either: $why"
		;;
	esac
	case $1,$why in
	NIGHT_MODEL* | *' no list column '*) ;;
	*' an empty '*' column '* | *'; there are none' | *': --explain: '*)
		# Of the samples, which are not known yet; what files of
		# settings lack is known.
		say "settings: $why"
		return 0
		;;
	esac
	[ "$code" = 2 ] || give_up "$1: $why"
	rm -rf "$work"
	say "FAILED: $1: $why"
	printf '%s: %s: %s: %s\n' "$me" "$date" "$1" "$why" >&2
	exit 2
}

# misused SETTINGS: as tried, but of the stage "try" only what a command takes
# for misuse counts: what else it wants depends on the samples.
misused() {
	wait
	[ "$(cat "$err/try.rc")" != 2 ] || tried "$1"
}
