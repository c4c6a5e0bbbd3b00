# shellcheck shell=sh disable=SC2034,SC2154
# The moves of a plan themselves; carry.sh reads this, and has what it needs.
#
# What is known of the moves is in variables, and a move begins only when there
# is room for what is to be known of it: whatever gets full then, none is lost.
#   $running   lines "r NUMBER PID move|look|ask" of what is under way
#   $todo      lines "t NUMBER" of what is not begun
#   $held      lines of h, a host that a VM did not leave, when it was to, and
#              the VM, between $us
#   $rows      the rows that $output does not have
# NUMBER is that of a line in $work/moves, which is not written to any more.
rs=$(printf '\036')

# hear COMMAND...: its exit status; what it says into $answer, what it
# complains of into $complaint.  Pipes, no files.
hear() {
	heard=$(
		{
			answer=$("$@" 2>&3 3>&-)
			printf '%s' "$rs$?$rs$answer"
		} 3>&1
	)
	complaint=${heard%%"$rs"*}
	heard=${heard#*"$rs"}
	answer=${heard#*"$rs"}
	case ${heard%%"$rs"*} in
	'' | *[!0-9]* | ????*) return 1 ;;
	esac
	return "${heard%%"$rs"*}"
}

# Lines of $answer, for what reads a stream.
answered() {
	printf '%s\n' "$answer"
}

# nameable: as tool_check, of a VM whose name and hosts a command can have.
nameable() {
	[ -n "$odd" ] || return 0
	why='control characters in its name or that of a host'
	return 1
}

# one: check and move the VM in hand.
one() {
	start=$(utc "$(date +%s)")
	nameable && tool_check
	case $? in
	0)
		tool_move
		case $? in
		0) status=completed stays='' ;;
		2) status=cancelled start='' ;;
		*) status=failed ;;
		esac
		;;
	1) status=cancelled start='' ;;
	*) status=failed start='' ;;
	esac
	end_with "$status"
}

# may_halt: a place for why no move begins any more, as that of room().
may_halt() {
	{ printf '\n%4094s\n' '' >"$work/stop"; } 2>/dev/null
}

# halt REASON: no move begins any more, nor does one that is only looked at.
halt() {
	[ -z "$stop" ] || return 0
	stop=$1
	# To cut a file off takes no room at all.
	{ printf '%s\n' "$stop" 1<>"$work/stop" ||
	    true >"$work/stop"; } 2>/dev/null
}

# may_begin: the VM in hand begins to move now, or does no more: then $why.
may_begin() {
	why='no move begins any more'
	if ! { IFS= read -r why <"$work/stop"; } 2>/dev/null ||
	    [ -n "$why" ]; then
		why=${why:-no move begins any more}
		return 1
	fi
	{ true >"$mine.begun"; } 2>/dev/null || {
		why="$mine.begun cannot be written"
		return 1
	}
	{ printf '%s\n' "$start" >"$mine.begun"; } 2>/dev/null
	return 0
}

# When the move in hand began, into $start, if that could be written.
begun_at() {
	start=''
	{ read -r start <"$mine.begun"; } 2>/dev/null
}

# not_moved STATUS REASON: the VM in hand stays; is it on its host at all?
not_moved() {
	nameable && tool_check
	rc=$?
	[ -n "$stays" ] || end_with cancelled
	[ "$rc" -ne 2 ] || set -- "$1" "$2; $why"
	why=$2
	end_with "$1"
}

# arrived_after REASON: the move of the VM in hand ended, and what it said of
# it is lost: is it where it was to go?
arrived_after() {
	why=''
	nameable && tool_check
	rc=$?
	case $target:$why in
	?*:"it is on $target already") ;;
	:'it is on '*", not on $host")
		target=${why#it is on }
		target=${target%%,*}
		;;
	*)
		[ "$rc" -ne 0 ] || why="it is on $host"
		why="$1; ${why:-where it is is not told}"
		end_with unknown
		;;
	esac
	begun_at
	why="it arrived, but what it took is not known: $1" stays=''
	end_with completed
}

# The exit status of a process by which it tells the outcome, where nothing can
# be written; 10 more where the VM is not on its host.
outcomes='completed failed cancelled late held unknown'

# end_with STATUS: the VM's outcome is told, and the process ends: status,
# reason, whether it is still on its host, the row, and a point when that is
# all, in the place that begin kept for it.
end_with() {
	code=100
	for s in $outcomes; do
		[ "$s" != "$1" ] || break
		code=$((code + 1))
	done
	[ -n "$stays" ] || code=$((code + 10))
	said_status=$1
	case $1 in
	late | held) said_status=cancelled ;;
	esac
	line=$(row "$said_status" "$why")
	{
		printf '%s\n' "$1" "$why" "$stays" "$line" && echo .
	} 2>/dev/null 1<>"$mine.outcome"
	exit "$code"
}

# read_outcome: what end_with wrote; 1: it is not all there.
read_outcome() {
	status='' why='' stays='' line='' whole=''
	{
		IFS= read -r status
		[ -n "$status" ] || return 1
		IFS= read -r why
		IFS= read -r stays
		IFS= read -r line
		IFS= read -r whole
	} 2>/dev/null <"$mine.outcome"
	[ "$whole" = . ]
}

# by_status CODE: the same by the exit status alone, of the VM in hand.
by_status() {
	[ "$1" -ge 100 ] && [ "$1" -lt 120 ] || return 1
	stays=1
	[ "$1" -lt 110 ] || stays=''
	code=$(($1 % 10))
	for status in $outcomes; do
		[ "$code" -gt 0 ] || break
		code=$((code - 1))
	done
	why="what it said of it could not be written to $work"
	begun_at
	case $status in
	unknown) ;;
	late | held | cancelled)
		start=''
		line=$(row cancelled "$why")
		;;
	*) line=$(row "$status" "$why") ;;
	esac
}

# Has another moved the VM in hand since it was looked at?  For a tool_move
# that was refused, with $why.
moved_by_another() {
	refusal=$why
	tool_check
	if [ -n "$stays" ]; then
		why=$refusal
		return 1
	fi
	case $why in
	'it is on '*) why="$why: another moved it" ;;
	esac
}

# No VM arrives at this one's host that was to come when it had left.
hold() {
	held="${held}h$us$host$us$ends$us$vm$nl"
}

# keep_row NUMBER ROW: the move has a row from now on.
keep_row() {
	changed=1
	[ -n "$2" ] || return 0
	rows=$rows$2$nl
	with_row="$with_row$1 "
}

# What is not begun has a row as well: nothing of a plan gets lost.
not_begun() {
	start=''
	keep_row "$1" "$(row cancelled "$2")"
	n_cancelled=$((n_cancelled + 1))
	say "$vm: not begun: $2"
}

# The rows after what the file has by now, as another run may add to it as
# well: whole, or as it was.
add_rows() {
	flock 8 &&
	    if [ -s "$output" ]; then
		cat "$output" && printf %s "$rows" | cat
	    else
		printf '%s\n%s' "$columns" "$rows" | cat
	    fi >"$output.tmp.$$" &&
	    if [ -e "$output" ]; then
		chmod --reference="$output" "$output.tmp.$$"
	    fi &&
	    mv -f "$output.tmp.$$" "$output"
}

publish() {
	changed=''
	[ -n "$output" ] || return 0
	# One run at a time: the folder is what both can hold.
	if trouble=$({ add_rows; } 2>&1 8<"$(dirname "$output")"); then
		rows=''
		return 0
	fi
	rm -f "$output.tmp.$$"
	warn "cannot write $output: $(said "$trouble"); $output is as it was"
	unwritten=1
	halt "$output could not be written"
}

# Is the process of a running move gone without a word?
gone() {
	[ -d "/proc/self" ] || return 1
	state=''
	{ read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null
	[ "$state" = Z ] || [ -z "$state" ]
}

# wait_for PID: its exit status, once it has ended.
wait_for() {
	wait "$1" 2>/dev/null
	rc=$?
	# SIGUSR1 and SIGUSR2 end the wait, not the process.
	while [ "$rc" -eq 138 ] || [ "$rc" -eq 140 ]; do
		wait "$1" 2>/dev/null
		rc=$?
	done
	return "$rc"
}

# ended NUMBER PID WHAT: it has; 1: it is asked where the VM is, in $line of
# $running.
ended() {
	wait_for "$2"
	rc=$?
	take_move "$1"
	if ! read_outcome && ! by_status "$rc"; then
		why='its process was killed'
		stays=1
		if [ "$3" = ask ]; then
			status=unknown
		elif [ -e "$mine.begun" ]; then
			arrived_after "$why" </dev/null >/dev/null 2>&1 &
			line="r $1 $! ask"
			return 1
		else
			status=failed start=''
			line=$(row failed "$why")
		fi
	fi
	[ ! -s "$mine.log" ] || cat "$mine.log" >&2
	rm -f "$mine.outcome" "$mine.log" "$mine.begun"
	[ -z "$stays" ] || hold
	[ "$status" = unknown ] || keep_row "$1" "$line"
	case $status in
	completed)
		n_completed=$((n_completed + 1))
		say "$vm: moved${target:+ to $target}${why:+: $why}"
		;;
	cancelled)
		n_cancelled=$((n_cancelled + 1))
		warn "$vm: not begun: $why"
		;;
	late | held)
		n_cancelled=$((n_cancelled + 1))
		[ "$status" = held ] || n_late=$((n_late + 1))
		say "$vm: not begun: $why"
		;;
	unknown)
		n_unknown=$((n_unknown + 1))
		warn "$vm: what became of its move is not known: $why"
		halt "what became of the move of $vm is not known"
		;;
	*)
		n_failed=$((n_failed + 1))
		warn "$vm: failed: $why"
		failures=$failures$us$wave$us
		n=0 left_of=$failures
		while :; do
			case $left_of in
			*"$us$wave$us"*) ;;
			*) break ;;
			esac
			left_of=${left_of#*"$us$wave$us"}
			n=$((n + 1))
		done
		[ "$n" -le "$max_failures" ] ||
		    halt "more than $max_failures failed in wave $wave"
		;;
	esac
}

# Moves that have ended: into the rows, and out of $running.
reap() {
	still=''
	IFS=$nl
	for r in $running; do
		unset IFS
		# shellcheck disable=SC2086 # words
		set -- $r
		mine=$work/of.$2
		if ! read_outcome && ! gone "$3"; then
			still=$still$r$nl
		elif ! ended "$2" "$3" "$4"; then
			still=$still$line$nl
		fi
	done
	unset IFS
	# A signal may come between any two of these.
	running=$still
}

# Who may begin now, of $todo, which keeps the others.  A move that the
# plan has after the end of another waits for that, whatever it takes; at a
# host that a VM was to leave and did not, no VM arrives that was to come
# after it.  Who is too late, or is not to arrive, may have moved before, in an
# earlier run: that is looked at first, and waited for like a move.
choose() {
	look_at_clock
	if chosen=$(printf %s "$running$held$todo" |
	    awk -F "$us" -v us="$us" -v at="$clock" -v now="$now" \
	    -v parallel="$parallel" -v per_host="$per_host" \
	    -v per_target="$per_target" -v most_looks="$most_looks" '
	!pass && $1 == "h" {
		if (!($2 in held) || $3 < held[$2]) {
			held[$2] = $3
			by[$2] = $4
		}
		next
	}
	!pass {
		split($0, w, " ")
		if (w[1] == "r")
			runs[w[2]] = w[4]
		else
			todo[w[2]]
		next
	}
	pass == 1 {
		if (!(FNR in runs))
			next
		if (runs[FNR] == "look")
			looks++
		else {
			all++
			from[$5]++
			to[$6]++
		}
		if (least == "" || $3 + 0 < least)
			least = $3 + 0
		next
	}
	!(FNR in todo) { next }
	{
		i = FNR
		begins = $2 + 0; ends = $3 + 0; host = $5; target = $6
		late = !now && ends <= at
		if (!late && (wait || (least != "" && begins >= least))) {
			wait = 1
			rest[++n_rest] = i
			next
		}
		if (!now && begins > at) {
			wait = 1
			rest[++n_rest] = i
			print "next" us begins
			next
		}
		stay = target in held && begins >= held[target]
		if (late || stay) {
			if (looks < most_looks) {
				print late ? "late" us i : \
				    "held" us i us by[target]
				looks++
			} else
				rest[++n_rest] = i
		} else if (all < parallel && \
		    (host == "" || from[host] < per_host) && \
		    (target == "" || to[target] < per_target)) {
			print "begin" us i
			all++; from[host]++; to[target]++
		} else
			rest[++n_rest] = i
		if (least == "" || ends < least)
			least = ends
	}
	END {
		print us us "rest"
		for (i = 1; i <= n_rest; i++)
			print "t " rest[i]
		print "."
	}' - pass=1 "$work/moves" pass=2 "$work/moves"); then
		case $chosen in
		*"$us${us}rest$nl"*.)
			todo=${chosen#*"$us${us}rest$nl"}
			todo=${todo%.}
			chosen=${chosen%%"$us${us}rest$nl"*}
			return
			;;
		esac
	fi
	chosen=''
	halt "who may begin cannot be told"
}

# room NUMBER: a place for what is to be told of the move in $line: it is
# written over later, which takes no room of a disk that has got full.  Who
# reads it before sees an empty line.
room() {
	mine=$work/of.$1
	{ printf "\\n%$((2 * ${#line} + 4096))s\\n" '' >"$mine.outcome" &&
	    true >"$mine.log"; } 2>/dev/null && return
	{ true >"$mine.outcome"; } 2>/dev/null
	halt "no room in $work for what becomes of a move"
	warn "$stop"
	todo="${todo}t $1$nl"
	return 1
}

begin() {
	room "$1" || return
	say "wave $wave: $vm from $host${target:+ to $target}"
	one </dev/null >/dev/null 2>"$mine.log" &
	running="${running}r $1 $! move$nl"
}

# leave_be NUMBER STATUS REASON: the VM in hand, wherever it is.
leave_be() {
	room "$1" || return
	not_moved "$2" "$3" </dev/null >/dev/null 2>"$mine.log" &
	running="${running}r $1 $! look$nl"
}

# numbers LINES: of $running or $todo.
numbers() {
	IFS=$nl
	for r in $1; do
		r=${r#* }
		echo "${r%% *}"
	done
	unset IFS
}

under_way() {
	unset IFS
	for i in $(numbers "$running"); do
		[ -e "$work/of.$i.begun" ] || continue
		take_move "$i"
		warn "under way: $vm from $host${target:+ to $target}"
	done
}

interrupted() {
	# One that comes twice at the same moment was meant once.
	look_at_clock
	if [ -n "$was_interrupted" ] &&
	    [ "$clock" -le $((was_interrupted + 1)) ]; then
		return
	fi
	# carry_out sees it when what it does is whole.
	if [ -n "$was_interrupted" ]; then
		trap '' USR1
		left=1
		return
	fi
	was_interrupted=$clock
	halt interrupted
	warn "interrupted: no move begins any more; waiting for those under way"
	# Not here: another VM may be in hand.
	(under_way)
	warn "once more leaves them to themselves"
}

# handed_over: as interrupted, but by a run that waits with --take-over; it
# asks more than once.
handed_over() {
	[ -z "$was_handed" ] || return 0
	was_handed=1
	halt 'another run took over'
	warn "another run takes over: no move begins any more; waiting for" \
	    "those under way"
	(under_way)
}

# nap SECONDS: a signal ends it.
nap() {
	# Who reads what is said here is not to wait for it, nor who wants the
	# lock.
	sleep "$1" >/dev/null 2>&1 9>&- &
	napping=$!
	wait "$napping" 2>/dev/null
	kill -KILL "$napping" 2>/dev/null
}

start_output() {
	[ -n "$output" ] || return 0
	# A link stays one, and a device or a pipe no file takes the place of.
	if [ -h "$output" ]; then
		at=$(readlink -f "$output")
		[ -n "$at" ] || fail "$output: a link to no place for a file"
		output=$at
	fi
	[ ! -e "$output" ] || [ -f "$output" ] ||
	    fail "$output: not a regular file, to which rows could be added"
	[ -s "$output" ] || return 0
	[ "$(head -n 1 "$output")" = "$columns" ] ||
	    fail "$output: its first line is not the columns of migrations \
that are to be added; expected those or no such file"
	if ! { last=$(tail -c 1 "$output") && [ -z "$last" ]; }; then
		fail "$output: its last line has no end: it is not whole"
	fi
}

# The moves that are chosen begin.
begin_chosen() {
	IFS=$nl
	for l in $chosen; do
		unset IFS
		what=${l%%"$us"*}
		by=${l#*"$us"}
		i=${by%%"$us"*}
		by=${by#*"$us"}
		if [ "$what" = next ]; then
			next=$i
			continue
		fi
		if [ -n "$stop" ]; then
			todo="${todo}t $i$nl"
			continue
		fi
		take_move "$i"
		case $what in
		begin) begin "$i" ;;
		late) leave_be "$i" late "its window ended at $(utc "$ends")" ;;
		held)
			leave_be "$i" held "$by, which was to \
leave $target before, is still there"
			;;
		esac
	done
	unset IFS
}

# What is not begun when no move begins any more.
leave_rest() {
	for i in $(numbers "$todo"); do
		take_move "$i"
		not_begun "$i" "$stop"
	done
	for i in $(numbers "$running"); do
		[ ! -e "$work/of.$i.begun" ] || continue
		take_move "$i"
		not_begun "$i" "$stop"
	done
}

# The rows that no file has, where they can be read.
tell_rows() {
	printf '%s\n%s' "$columns" "$rows" | put && return
	unwritten=1
	[ -z "$rows" ] || printf %s "$rows" >&2
}

# name_lost: the moves without a row, but those that go on by themselves.
name_lost() {
	i=0
	while [ "$((i += 1))" -le "$n_moves" ]; do
		case $with_row in
		*" $i "*) continue ;;
		esac
		[ -z "$left" ] || [ ! -e "$work/of.$i.begun" ] || continue
		unwritten=1
		take_move "$i"
		warn "no row: $vm from $host${target:+ to $target}"
	done
}

carry_out() {
	n_completed=0 n_failed=0 n_cancelled=0 n_late=0 n_unknown=0
	stop='' changed=1 unwritten='' was_interrupted='' was_handed='' left=''
	running='' todo='' held='' failures='' rows='' with_row=' '
	clock=$(date +%s)
	if [ -z "$clock" ] || ! todo=$(awk '{ print "t " NR }' "$work/moves")
	then
		fail "the moves cannot be numbered, or the time not told"
	fi
	todo=${todo:+$todo$nl}
	may_halt || fail "no room in $work for why moves stop"
	start_output
	publish
	[ -z "$unwritten" ] || exit 1
	look=1
	while :; do
		before=$n_completed:$n_failed:$n_cancelled
		reap
		[ "$before" = "$n_completed:$n_failed:$n_cancelled" ] || look=1
		look_at_clock
		if [ -z "$stop" ] && [ -n "$todo" ] &&
		    { [ -n "$look" ] || [ "$clock" -ge "$next" ]; }; then
			look='' next=9999999999
			choose
			begin_chosen
		fi
		[ -z "$changed" ] || publish
		[ -z "$left" ] || break
		if [ -z "$running" ]; then
			if [ -z "$todo" ] || [ -n "$stop" ]; then
				break
			fi
			pause=$((next - clock))
			[ "$pause" -le 30 ] || pause=30
			if [ -z "$look" ] && [ "$pause" -gt 0 ]; then
				nap "$pause"
			fi
		else
			nap 0.2
		fi
	done
	if [ -n "$stop" ]; then
		leave_rest
		publish
	fi
	# What moved is known here alone.
	if [ -z "$output" ]; then
		tell_rows
	elif [ -n "$rows" ]; then
		warn "the rows that $output lacks are on standard output"
		tell_rows
	fi
	lost=", $n_unknown not known"
	[ "$n_unknown" -gt 0 ] || lost=''
	say "$n_moves moves: $n_completed completed, $n_failed failed," \
	    "$n_cancelled not begun$lost"
	[ "$n_late" -eq 0 ] ||
	    warn "of $n_moves moves $n_late were not begun:" \
	    "their windows had ended"
	if [ -n "$left" ] && [ -n "$(under_way 2>&1)" ]; then
		warn "these moves go on by themselves, without a row:"
		under_way
	fi
	name_lost
	[ -z "$was_interrupted$was_handed" ] || exit 130
	# A plan that is over was not carried out.
	[ "$n_failed" -eq 0 ] && [ -z "$unwritten$stop" ] &&
	    { [ "$n_late" -eq 0 ] || [ "$n_late" -lt "$n_moves" ]; }
	exit
}

# holder: who has the lock, into $holder, since when, $since, and of what plan,
# $holds; 1: that is not told, or the run itself has ended.
holder() {
	holder='' since='' holds=''
	{ read -r holder since holds <"$lock"; } 2>/dev/null
	case $holder:$since in
	*[!0-9:]* | :* | *:) return 1 ;;
	esac
	# A number may be another process by now.
	at=$(stat -L -c %d:%i "$lock" 2>/dev/null) && [ -n "$at" ] &&
	    [ "$at" = "$(stat -L -c %d:%i "/proc/$holder/fd/9" 2>/dev/null)" ]
}

# take_lock: one run at a time, as each counts its own moves alone.  What it
# starts inherits the lock: as long as moves are under way it is held.
take_lock() {
	if [ -z "$lock" ]; then
		user=$(id -u)
		[ -n "$user" ] || fail "cannot tell the user"
		for d in /run/lock /tmp; do
			[ ! -d "$d" ] || [ ! -w "$d" ] || break
		done
		lock=$d/vmf-plan-to-$side.$user.lock
	fi
	started=$(date +%s)
	[ -n "$started" ] || fail "cannot tell the time"
	# As in scripts/nightly: a shell whose exec fails ends.
	why=$({ true >>"$lock"; } 2>&1) ||
	    fail "cannot write $lock: ${why##*: }"
	exec 9>>"$lock"
	# Until carry_out hears it: who asks asks again.
	trap '' USR2
	waiting=''
	while :; do
		flock -n 9
		case $? in
		0) break ;;
		1) ;;
		*) fail "cannot lock $lock" ;;
		esac
		who='another run has it, or moves that a killed one left'
		end='wait for their end, then begin this one'
		if holder; then
			at=$(utc "$since")
			who="process $holder carries out $holds since $at"
			end="interrupt it (kill $holder: it waits for its \
moves under way), then begin this one; or use --take-over"
			[ "$since" -le "$started" ] ||
			    end='expected none that began after this one'
		fi
		if [ -z "$take_over" ] || [ "${since:-0}" -gt "$started" ]
		then
			fail "$lock: $who: $end"
		fi
		if holder; then
			kill -USR2 "$holder" 2>/dev/null
		fi
		[ "$waiting" = "$who" ] ||
		    say "waiting for the end of another run: $who"
		waiting=$who
		nap 1
	done
	{ printf '%s\n' "$$ $started $plan_path" >"$lock"; } 2>/dev/null
}

# Ctrl-C goes to every process of a terminal, as SIGTERM may, and must end none
# that works: they ignore these, and are told once, by SIGUSR1, by the one that
# waits here.
guarded() {
	(
		trap '' HUP INT TERM
		trap interrupted USR1
		trap handed_over USR2
		carry_out
	) &
	child=$!
	trap 'kill -USR1 "$child" 2>/dev/null' HUP INT TERM
	trap 'kill -USR2 "$child" 2>/dev/null' USR2
	while :; do
		wait "$child"
		rc=$?
		# Of the wait, or of the one that is waited for?
		if [ "$rc" -le 128 ] || ! kill -0 "$child" 2>/dev/null; then
			break
		fi
	done
	exit "$rc"
}
