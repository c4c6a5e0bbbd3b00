# shellcheck shell=sh disable=SC2034,SC2154
# The stages of a night and its books: what scripts/nightly is told in.
#
# Who reads this has set
#   $me, $date     the script, and the night
#   $log, $begun   its log, and the lines there when it began
#   $work          the folder that becomes the night, or ""
#   $err           a folder for what its commands say, or ""
# and these give up, by give_up, unless they say otherwise.

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

no_room() {
	give_up "cannot write into ${TMPDIR:-/tmp} (TMPDIR)"
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
	stage count vmf-cat --csv --no-header --columns id "$1" |
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
