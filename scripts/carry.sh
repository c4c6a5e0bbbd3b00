# shellcheck shell=sh disable=SC2034,SC2154
# A plan carried out: what plan-to-virsh and plan-to-openstack share.
#
# Who reads this has set $me and defines, of a VM in $vm, $host, $target and
# $wave (and $plan_vcpus, $plan_mem_mb, ..., "" where the plan has none):
#   tool_option NAME [VALUE]  take an option of its own, $taken words; 1: there
#                             is no such option
#   tool_ready                the options are read; misuse() what is wrong
#   tool_command              the command of the move into $command, by words;
#                             there can be none: $why says why; what there is
#                             to say of one that can be: $note
#   tool_check                is all as the plan says?  1: not, and the VM is
#                             left alone; 2: that cannot be told, or no move
#                             is possible; $why says what, and $stays is empty
#                             where the VM is not on its host
#   tool_move                 move it, from where may_begin says so, and fill
#                             the columns below; else $why and 1, or 2: it was
#                             not begun, or another moved it
# The last two run in a subshell of their own, with files in $mine.*.
set -u
LC_ALL=C
export LC_ALL
us=$(printf '\037')
nl='
'
# The columns of a migrations stream that are known here; vmf-stream(5).
columns=vm,host,target,start,workload,algorithm,mode,auto_converge,compression
columns=$columns,tunnelled,storage,mem_bytes,mem_used_bytes,vcpus,load_pct
columns=$columns,dirty_rate_bytes_s,bandwidth_bytes_s,downtime_limit_ms,config
columns=$columns,downtime_ms,total_ms,transferred_bytes,iterations,status,reason
mode='' auto_converge='' compression='' tunnelled='' storage='' bandwidth=''
# Looks at once at VMs that are not moved: sshd has ten who did not log in yet.
most_looks=8

say() {
	[ -n "$quiet" ] || printf '%s: %s\n' "$me" "$*" >&2
}

warn() {
	printf '%s: %s\n' "$me" "$*" >&2
}

misuse() {
	warn "$*"
	echo "Try '$me --help'." >&2
	exit 2
}

fail() {
	warn "$*"
	exit 1
}

# decimal DIGITS: sets $n to it, which a shell takes for octal after a 0.
decimal() {
	n=${1#"${1%%[!0]*}"}
	n=${n:-0}
}

# number OPTION VALUE LEAST: sets $n to the value.
number() {
	case $2 in
	*[!0-9]* | '' | ??????????*)
		misuse "option '$1': found '$2', expected a whole number"
		;;
	esac
	decimal "$2"
	[ "$n" -ge "$3" ] ||
	    misuse "option '$1': found '$2', expected at least $3"
}

# words ARG...: sets $command to the line by which a shell runs it.
words() {
	command=''
	for w in "$@"; do
		case $w in
		*\'*)
			w=$(printf %s "$w" | sed "s/'/'\\\\''/g") || return 1
			w="'$w'"
			;;
		*[!A-Za-z0-9_@%+=:,./-]* | '') w="'$w'" ;;
		esac
		command="$command${command:+ }$w"
	done
}

# A field of CSV.
field() {
	case $1 in
	*[\",]*)
		printf '"'
		printf %s "$1" | sed 's/"/""/g'
		printf '"'
		;;
	*) printf %s "$1" ;;
	esac
}

# Without what is no UTF-8: bytes of another character set, half a letter.
whole_letters() {
	if command -v iconv >/dev/null; then
		iconv -c -f UTF-8 -t UTF-8 2>/dev/null
	else
		tr '\200-\377' '?'
	fi
}

# said FILE: what a command complained of, in a line.
said() {
	line=$(sed -n 's/^error: //p' "$1" | head -n 2 | paste -s -d '|' - |
	    sed 's/|/: /')
	[ -n "$line" ] || line=$(grep -v '^[[:space:]]*$' "$1" | tail -n 1)
	printf %s "${line:-no message}" | tr '\001-\037\177' '?' |
	    cut -b 1-300 | whole_letters
}

# row STATUS REASON: the outcome of the VM in hand.  What is not known here of
# its move is as the plan has it.
row() {
	comma=''
	for v in "$vm" "$host" "$target" "$start" "$plan_workload" \
	    "$plan_algorithm" "${mode:-$plan_mode}" \
	    "${auto_converge:-$plan_auto_converge}" \
	    "${compression:-$plan_compression}" \
	    "${tunnelled:-$plan_tunnelled}" "${storage:-$plan_storage}" \
	    "${mem_bytes:-$plan_mem_bytes}" "$plan_mem_used_bytes" "$vcpus" \
	    "${load_pct:-$plan_load_pct}" "${dirty_rate:-$plan_dirty_rate}" \
	    "${bandwidth:-$plan_bandwidth}" "$plan_downtime_limit" \
	    "$plan_config" "$downtime_ms" "$total_ms" "$transferred_bytes" \
	    "$iterations" "$1" "$2"; do
		printf %s "$comma"
		field "$v"
		comma=,
	done
	echo
}

# An awk function: the fields of a record of CSV into f[], and their number.
# shellcheck disable=SC2016 # of awk
csv_awk='
function cut(s,  n, k, v) {
	for (n = 0;;) {
		if (substr(s, 1, 1) == "\"") {
			s = substr(s, 2)
			v = ""
			while ((k = index(s, "\"")) > 0) {
				v = v substr(s, 1, k - 1)
				if (substr(s, k + 1, 1) != "\"")
					break
				v = v "\""
				s = substr(s, k + 2)
			}
			s = substr(s, k + 1)
		} else {
			k = index(s, ",")
			v = k ? substr(s, 1, k - 1) : s
			s = k ? substr(s, k) : ""
		}
		f[++n] = v
		if (substr(s, 1, 1) != ",")
			return n
		s = substr(s, 2)
	}
}
# Lines are put together until quotes are in pairs.
{
	sub(/\r$/, "")
	record = open ? record "\n" $0 : $0
	open = gsub(/"/, "&", record) % 2
	if (open)
		next
	n_fields = cut(record)
	if (!n_names) {
		n_names = n_fields
		for (i = 1; i <= n_fields; i++)
			at[f[i]] = i
	}
}'

# read_plan FILE: the moves of a plan into $work/moves, in the order of their
# starts: wave, start, end, vm, host, target, vcpus, mem_mb, load, and what
# else it has of the columns that are known before a move.
read_plan() {
	plan=$1 plan_name=$1
	if [ "$plan" = - ]; then
		plan=$work/plan plan_name='standard input'
		cat >"$plan" || exit 1
	fi
	if ! { vmf-cat -q --csv -o "$work/plan.csv" -- "$plan" &&
	    vmf-cat -q --schema -- "$plan" >"$work/schema"; } 2>"$work/err"; then
		why=$(said "$work/err")
		why=${why#vmf-cat: }
		case $why in
		*"$plan"*) why=${why%%"$plan"*}$plan_name${why#*"$plan"} ;;
		esac
		fail "$why"
	fi
	# Other tools may have dropped what kind it is.
	{
		sed -n 's/^vmf:kind  *//p' "$work/schema" >"$work/command" &&
		    kind=$(cat "$work/command") &&
		    sed -n 's/^\(vmf:history\)\{0,1\}  *\(vmf-window\)/\2/p' \
			"$work/schema" >"$work/command" &&
		    made_by=$(cat "$work/command")
	} 2>"$work/err" || fail "$plan_name: $(said "$work/err")"
	[ "${kind:-plan}" = plan ] ||
	    fail "$plan_name: a stream of kind '$kind', expected 'plan'"
	# A load is in the unit of the metric, and those of CPUs are in %.
	case $made_by in
	*--metric[\ =]cpu_mean* | *--metric[\ =]cpu_max*) percent=1 ;;
	*--metric* | '') percent= ;;
	*) percent=1 ;;
	esac
	plan_name=$plan_name awk -v us="$us" -v need="$need" "$csv_awk"'
	function no(what) {
		gsub(/\n/, "\\n", what)
		gsub(/\t/, "\\t", what)
		gsub(/[\001-\037\177]/, "?", what)
		print ENVIRON["plan_name"] ": " what
		bad = 1
		exit 1
	}
	# Seconds since 1970 of 2024-05-01T00:00:00Z (days by Fliegel and Van
	# Flandern, 1968).
	function seconds(s,  y, m, d, a) {
		if (s !~ /^[0-9]+-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z$/)
			no("the time \"" s "\" is none such as " \
			    "2024-05-01T00:00:00Z")
		split(s, part, /[-T:Z]/)
		y = part[1]; m = part[2]; d = part[3]
		a = int((14 - m) / 12)
		y += 4800 - a
		m += 12 * a - 3
		d += int((153 * m + 2) / 5) + 365 * y + int(y / 4) - \
		    int(y / 100) + int(y / 400) - 2472633
		return d * 86400 + part[4] * 3600 + part[5] * 60 + part[6]
	}
	function get(column) {
		return column in at ? f[at[column]] : ""
	}
	# What vmf-ingest will not read is the column of somebody else.
	function like(column, pattern,  s) {
		s = get(column)
		return s ~ "^(" pattern ")$" ? s : ""
	}
	function text(column,  s) {
		s = get(column)
		gsub(/[\001-\037\177]/, "?", s)
		return s
	}
	BEGIN {
		number = "[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?"
		flag = "0|1|true|false|yes|no|on|off"
	}
	!seen_head {
		seen_head = 1
		n = split(need, want, " ")
		for (i = 1; i <= n; i++)
			if (!(want[i] in at))
				no("no column \"" want[i] "\": expected a " \
				    "plan of vmf-window" (want[i] == "target" \
				    ? " with --place, or of a forecast with " \
				    "a column target" : ""))
		next
	}
	get("rank") != "" && get("rank") + 0 != 1 { next }
	{
		id = get("id")
		if (id in seen)
			no("the VM \"" id "\" is there twice")
		seen[id] = 1
	}
	get("status") != "placed" { none++; next }
	{
		line = text("wave") us sprintf("%.0f", seconds(get("start"))) \
		    us sprintf("%.0f", seconds(get("end"))) us text("id") us \
		    text("host") us text("target") us text("vcpus") us \
		    text("mem_mb") us text("load")
		odd = (id get("host") get("target")) ~ /[\001-\037\177]/
		print line us text("workload") us text("algorithm") us \
		    like("mode", "precopy|postcopy|hybrid|stopcopy") us \
		    like("auto_converge", flag) us text("compression") us \
		    like("tunnelled", flag) us \
		    like("storage", "shared|block") us \
		    like("mem_bytes", number) us \
		    like("mem_used_bytes", number) us \
		    like("load_pct", number) us \
		    like("dirty_rate_bytes_s", number) us \
		    like("bandwidth_bytes_s", number) us \
		    like("downtime_limit_ms", number) us text("config") us \
		    (odd ? 1 : "") >out
	}
	END {
		if (bad)
			exit 1
		if (!seen_head)
			no("no plan")
		print none + 0
	}' out="$work/unsorted" "$work/plan.csv" >"$work/said" ||
	    fail "$(head -n 1 "$work/said")"
	[ -e "$work/unsorted" ] || : >"$work/unsorted"
	# Waves are the starts, where the plan does not number them.
	{
		n_none=$(tail -n 1 "$work/said") && [ -n "$n_none" ] &&
		    sort -s -t "$us" -k 2,2n "$work/unsorted" \
			>"$work/sorted" &&
		    awk -F "$us" -v OFS="$us" '
			{ if (NR == 1 || $2 != last) wave++
			  last = $2
			  if ($1 == "") $1 = wave
			  print }' "$work/sorted" >"$work/moves" &&
		    n_moves=$(wc -l <"$work/moves") && [ -n "$n_moves" ]
	} || fail "$plan_name: its moves cannot be put in order"
}

# As many moves at once as the plan has, where no option says how many: of
# all, from a host, to a host.
plan_limits() {
	{
		awk -F "$us" '{
			for (i = 0; i <= 1; i++) {
				print $(2 + !i), i, "all"
				if ($5 != "") print $(2 + !i), i, "from " $5
				if ($6 != "") print $(2 + !i), i, "to " $6
			}
		}' "$work/moves" >"$work/edges" &&
		    sort -k 1,1n -k 2,2n "$work/edges" >"$work/sorted" &&
		    awk '{
			key = $0
			sub(/^[0-9]+ [01] /, "", key)
			n[key] += $2 ? 1 : -1
			kind = $3
			if (n[key] > most[kind]) most[kind] = n[key]
		    }
		    END {
			print most["all"] + 0, most["from"] + 0, most["to"] + 0
		    }' "$work/sorted" >"$work/limits" &&
		    read -r most_all most_from most_to <"$work/limits"
	} || fail "how many moves the plan has at once cannot be told"
	parallel=${parallel:-$most_all}
	per_host=${per_host:-$most_from}
	per_target=${per_target:-$most_to}
}

# take LINE: the VM in hand is that of a line of $work/moves.
take() {
	IFS=$us read -r wave begins ends vm host target plan_vcpus \
	    plan_mem_mb plan_load plan_workload plan_algorithm plan_mode \
	    plan_auto_converge plan_compression plan_tunnelled plan_storage \
	    plan_mem_bytes plan_mem_used_bytes plan_load_pct plan_dirty_rate \
	    plan_bandwidth plan_downtime_limit plan_config odd <<END
$1
END
	start='' mem_bytes='' dirty_rate='' downtime_ms='' total_ms=''
	transferred_bytes='' iterations='' why='' note='' stays=1
	vcpus=$plan_vcpus load_pct=${percent:+$plan_load}
	case $plan_mem_mb in
	*[!0-9]* | '' | ????????????*) ;;
	*) plan_mem_bytes=${plan_mem_bytes:-$((plan_mem_mb * 1048576))} ;;
	esac
}

# take_move NUMBER: that of a line of $work/moves, whether or not there is a
# sed (memory may be short).
take_move() {
	line=$(sed -n "${1}{p;q;}" "$work/moves" 2>/dev/null)
	if [ -z "$line" ]; then
		n=0
		while IFS= read -r line && [ $((n += 1)) -lt "$1" ]; do
			:
		done <"$work/moves"
	fi
	take "$line"
}

# What time it is, into $clock; where there is no telling it stays as it was.
look_at_clock() {
	t=$(date +%s) && clock=${t:-$clock}
}

utc() {
	date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ
}

# put FILE...: all of it to standard output, or a line that says why not.
put() {
	cat "$@" 2>"$work/err" && return
	rc=$?
	# Who looks at the first commands only has seen enough.
	[ "$rc" -ne 141 ] || [ -n "$run" ] || exit 141
	why=$(said "$work/err")
	[ "$rc" -ne 141 ] || why='Broken pipe'
	warn "standard output: ${why##*: }"
	return 1
}

# The commands of all moves into $work/commands; $n_commands of them.
dry_run() {
	last='' n_told=0 n_commands=0
	while IFS= read -r line; do
		take "$line"
		if [ "$begins" != "$last" ]; then
			at=$(utc "$begins") && [ -n "$at" ] || return 1
			printf '# wave %s, %s\n' "$wave" "$at" || return 1
			last=$begins
		fi
		! nameable || tool_command || return 1
		if [ -n "$why" ]; then
			printf '# %s: %s\n' "$vm" "$why" || return 1
		else
			printf '%s\n' "${note:+# $vm: $note$nl}$command" ||
			    return 1
			n_commands=$((n_commands + 1))
		fi
		n_told=$((n_told + 1))
	done <"$work/moves"
	[ "$n_told" -eq "$n_moves" ]
}

# ---- the moves themselves ----

# nameable: as tool_check, of a VM whose name and hosts a command can have.
nameable() {
	[ -n "$odd" ] || return 0
	why='control characters in its name or that of a host'
	return 1
}

# one: check and move the VM in hand.
one() {
	start=$(utc "$(date +%s)")
	: >"$mine.err"
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

# halt REASON: no move begins any more, nor does one that is only looked at.
halt() {
	[ -z "$stop" ] || return 0
	stop=$1
	printf '%s\n' "$stop" >"$work/stop"
}

# may_begin: the VM in hand begins to move now, or does no more: then $why.
may_begin() {
	if [ -e "$work/stop" ]; then
		why=$(cat "$work/stop")
		why=${why:-no move begins any more}
		return 1
	fi
	: >"$mine.begun"
}

# not_moved STATUS REASON: the VM in hand stays; is it on its host at all?
not_moved() {
	: >"$mine.err"
	nameable && tool_check
	rc=$?
	if [ -z "$stays" ]; then
		end_with cancelled
		return
	fi
	[ "$rc" -ne 2 ] || set -- "$1" "$2; $why"
	why=$2
	end_with "$1"
}

# end_with STATUS: when all is done there is the VM's outcome: status, reason,
# whether it is still on its host, and the row.
end_with() {
	status=$1
	{
		printf '%s\n%s\n%s\n' "$status" "$why" "$stays"
		case $status in
		late | held) status=cancelled ;;
		esac
		row "$status" "$why"
	} >"$mine.part"
	mv "$mine.part" "$mine.outcome"
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
	printf '%s\n' "$host$us$ends$us$vm" >>"$work/held"
}

# What is not begun has a row as well: nothing of a plan gets lost.
not_begun() {
	start=''
	row cancelled "$1" >>"$work/rows"
	n_cancelled=$((n_cancelled + 1))
	say "$vm: not begun: $1"
	changed=1
}

# Rows after the first $published to what the file has by now, as another run
# may add to it as well: whole, or as it was.
add_rows() {
	flock 8 &&
	    {
		if [ -s "$output" ]; then
			cat "$output"
		else
			echo "$columns"
		fi && tail -n "+$((published + 1))" "$work/rows"
	    } >"$output.tmp.$$" &&
	    if [ -e "$output" ]; then
		chmod --reference="$output" "$output.tmp.$$"
	    fi &&
	    mv -f "$output.tmp.$$" "$output"
}

publish() {
	changed=''
	[ -n "$output" ] || return 0
	# One run at a time: the folder is what both can hold.
	if n=$(wc -l <"$work/rows") && [ -n "$n" ] &&
	    (add_rows) 8<"$(dirname "$output")" 2>"$work/err"; then
		published=$n
		return 0
	fi
	rm -f "$output.tmp.$$"
	warn "cannot write $output: $(said "$work/err"); $output is as it was"
	unwritten=1
	halt "$output could not be written"
}

# Is the process of a running move gone without a word?
gone() {
	[ -d "/proc/self" ] || return 1
	state=''
	read -r _ _ state _ 2>/dev/null <"/proc/$1/stat"
	[ "$state" = Z ] || [ -z "$state" ]
}

# Moves that have ended: into the rows, and out of $running.
reap() {
	turn=$((turn + 1))
	still=$work/running.$turn
	: >"$still"
	while read -r i pid what; do
		mine=$work/of.$i
		if [ ! -e "$mine.outcome" ] && ! gone "$pid"; then
			echo "$i $pid $what" >>"$still"
			continue
		fi
		wait "$pid" 2>/dev/null
		take_move "$i"
		[ -e "$mine.outcome" ] || {
			why="its process was killed"
			printf 'failed\n%s\n1\n' "$why"
			row failed "$why"
		} >"$mine.outcome"
		{
			IFS= read -r status
			IFS= read -r why
			IFS= read -r stays
			IFS= read -r line
			printf '%s\n' "$line" >>"$work/rows"
		} <"$mine.outcome"
		[ ! -s "$mine.log" ] || cat "$mine.log" >&2
		rm -f "$mine".*
		changed=1
		[ -z "$stays" ] || hold
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
		*)
			n_failed=$((n_failed + 1))
			warn "$vm: failed: $why"
			echo "$wave" >>"$work/failed"
			[ "$(grep -cx -- "$wave" "$work/failed")" -le \
			    "$max_failures" ] ||
			    halt "more than $max_failures failed in wave $wave"
			;;
		esac
	done <"$running"
	# A signal may come between any two of these.
	ended=$running
	running=$still
	rm -f "$ended"
}

# Who may begin now, of $todo, which keeps the others.  A move that the
# plan has after the end of another waits for that, whatever it takes; at a
# host that a VM was to leave and did not, no VM arrives that was to come
# after it.  Who is too late, or is not to arrive, may have moved before, in an
# earlier run: that is looked at first, and waited for like a move.
choose() {
	rest=$work/todo.$turn
	: >"$rest"
	look_at_clock
	if awk -F "$us" -v us="$us" -v at="$clock" -v now="$now" \
	    -v parallel="$parallel" -v per_host="$per_host" \
	    -v per_target="$per_target" -v rest="$rest" \
	    -v most_looks="$most_looks" '
	FILENAME == ARGV[1] { split($0, w, " "); runs[w[1]] = w[3]; next }
	FILENAME == ARGV[2] {
		if (!($1 in held) || $2 < held[$1]) {
			held[$1] = $2
			by[$1] = $3
		}
		next
	}
	FILENAME == ARGV[3] {
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
	{
		i = $1
		begins = $3 + 0; ends = $4 + 0; host = $6; target = $7
		late = !now && ends <= at
		if (!late && (wait || (least != "" && begins >= least))) {
			wait = 1
			print >rest
			next
		}
		if (!now && begins > at) {
			wait = 1
			print "next" us begins
			print >rest
			next
		}
		stay = target in held && begins >= held[target]
		if (late || stay) {
			if (looks < most_looks) {
				print late ? "late" us i : \
				    "held" us i us by[target]
				looks++
			} else
				print >rest
		} else if (all < parallel && (host == "" || from[host] < per_host) \
		    && (target == "" || to[target] < per_target)) {
			print "begin" us i
			all++; from[host]++; to[target]++
		} else
			print >rest
		if (least == "" || ends < least)
			least = ends
	}' "$running" "$work/held" "$work/moves" "$todo" >"$work/chosen"; then
		rm -f "$todo"
		todo=$rest
	else
		: >"$work/chosen"
		halt "who may begin cannot be told"
	fi
}

begin() {
	say "wave $wave: $vm from $host${target:+ to $target}"
	mine=$work/of.$1
	one </dev/null >/dev/null 2>"$mine.log" &
	echo "$1 $! move" >>"$running"
}

# leave_be NUMBER STATUS REASON: the VM in hand, wherever it is.
leave_be() {
	mine=$work/of.$1
	not_moved "$2" "$3" </dev/null >/dev/null 2>"$mine.log" &
	echo "$1 $! look" >>"$running"
}

under_way() {
	while read -r i _; do
		[ -e "$work/of.$i.begun" ] || continue
		take_move "$i"
		warn "under way: $vm from $host${target:+ to $target}"
	done <"$running"
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

# nap SECONDS: a signal ends it.
nap() {
	# Who reads what is said here is not to wait for it.
	sleep "$1" >/dev/null 2>&1 &
	napping=$!
	wait "$napping" 2>/dev/null
	kill -KILL "$napping" 2>/dev/null
}

start_output() {
	published=0
	echo "$columns" >"$work/before"
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

carry_out() {
	n_completed=0 n_failed=0 n_cancelled=0 n_late=0
	stop='' changed=1 unwritten='' was_interrupted='' left=''
	turn=0 running=$work/running todo=$work/todo
	for f in running held failed rows; do
		: >"$work/$f"
	done
	clock=$(date +%s)
	if [ -z "$clock" ] ||
	    ! awk -v us="$us" '{ print NR us $0 }' "$work/moves" >"$todo"; then
		fail "the moves cannot be numbered, or the time not told"
	fi
	start_output
	publish
	[ -z "$unwritten" ] || exit 1
	look=1
	while :; do
		before=$n_completed:$n_failed:$n_cancelled
		reap
		[ "$before" = "$n_completed:$n_failed:$n_cancelled" ] || look=1
		look_at_clock
		if [ -z "$stop" ] && [ -s "$todo" ] &&
		    { [ -n "$look" ] || [ "$clock" -ge "$next" ]; }; then
			look='' next=9999999999
			choose
			while IFS=$us read -r what i by; do
				if [ "$what" = next ]; then
					next=$i
					continue
				fi
				take_move "$i"
				case $what in
				begin) begin "$i" ;;
				late)
					leave_be "$i" late "its window ended at \
$(utc "$ends")"
					;;
				held)
					leave_be "$i" held "$by, which was to \
leave $target before, is still there"
					;;
				esac
			done <"$work/chosen"
		fi
		[ -z "$changed" ] || publish
		[ -z "$left" ] || break
		if [ ! -s "$running" ]; then
			if [ ! -s "$todo" ] || [ -n "$stop" ]; then
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
		while IFS=$us read -r i _; do
			take_move "$i"
			not_begun "$stop"
		done <"$todo"
		while read -r i _; do
			[ ! -e "$work/of.$i.begun" ] || continue
			take_move "$i"
			not_begun "$stop"
		done <"$running"
		publish
	fi
	[ -n "$output" ] || put "$work/before" "$work/rows" || unwritten=1
	# What moved is known here alone.
	if [ -n "$output" ] &&
	    [ "$published" -lt "$(wc -l <"$work/rows")" ]; then
		warn "the rows that $output lacks are on standard output"
		tail -n "+$((published + 1))" "$work/rows" |
		    put "$work/before" -
	fi
	say "$n_moves moves: $n_completed completed, $n_failed failed," \
	    "$n_cancelled not begun"
	[ "$n_late" -eq 0 ] || warn "of $n_moves moves $n_late were not begun:" \
	    "their windows had ended"
	if [ -n "$left" ] && [ -n "$(under_way 2>&1)" ]; then
		warn "these moves go on by themselves, without a row:"
		under_way
	elif [ $((n_completed + n_failed + n_cancelled)) -ne "$n_moves" ]; then
		warn "of $n_moves moves some have no row"
		unwritten=1
	fi
	[ -z "$was_interrupted" ] || exit 130
	# A plan that is over was not carried out.
	[ "$n_failed" -eq 0 ] && [ -z "$unwritten$stop" ] &&
	    { [ "$n_late" -eq 0 ] || [ "$n_late" -lt "$n_moves" ]; }
	exit
}

# Ctrl-C goes to every process of a terminal, as SIGTERM may, and must end none
# that works: they ignore these, and are told once, by SIGUSR1, by the one that
# waits here.
guarded() {
	(
		trap '' HUP INT TERM
		trap interrupted USR1
		carry_out
	) &
	child=$!
	trap 'kill -USR1 "$child" 2>/dev/null' HUP INT TERM
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

# carry ARG...: all of it.
carry() {
	run='' now='' output='' quiet='' parallel='' per_host='' per_target=''
	max_failures=0 timeout=3600
	operands=0 operand='' only=''
	while [ $# -gt 0 ]; do
		case $only$1 in
		--run) run=1 ;;
		--now) now=1 ;;
		-q | --quiet) quiet=1 ;;
		-h | --help)
			usage || exit 1
			exit 0
			;;
		-o | --output | --max-failures | --parallel | --per-host | \
		    --per-target | --timeout)
			[ $# -ge 2 ] || misuse "option '$1' needs a value"
			case $1 in
			-o | --output) output=$2 ;;
			--max-failures) number "$1" "$2" 0 && max_failures=$n ;;
			--parallel) number "$1" "$2" 1 && parallel=$n ;;
			--per-host) number "$1" "$2" 1 && per_host=$n ;;
			--per-target) number "$1" "$2" 1 && per_target=$n ;;
			--timeout) number "$1" "$2" 1 && timeout=$n ;;
			esac
			shift
			;;
		# No option begins with a slash.
		--) only=/ ;;
		-?*)
			if ! tool_option "$@"; then
				misuse "unknown option '$1'"
			fi
			shift $((taken - 1))
			;;
		*)
			operands=$((operands + 1))
			[ "$operands" -eq 1 ] ||
			    misuse "unexpected operand '$1'"
			operand=$1
			;;
		esac
		shift
	done
	[ -n "$run" ] || [ -z "$output$now" ] ||
	    misuse "--output and --now are about --run"
	[ "$output" != - ] || output=
	# Rows of moves want a place before they begin.
	[ -n "$run" ] && [ -n "$output" ] || (exec 3>&1) 2>/dev/null ||
	    fail "standard output: Bad file descriptor"
	tool_ready
	if ! command -v vmf-cat >/dev/null; then
		PATH=$here:$here/../build/bin:$PATH
		export PATH
		command -v vmf-cat >/dev/null ||
		    fail "no vmf-cat in PATH, beside this script or in" \
			"build/bin"
	fi
	work=$(mktemp -d) || exit 1
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' HUP INT TERM
	read_plan "${operand:--}"
	[ "$n_none" -eq 0 ] ||
	    say "$n_none other VMs of the plan have no window"
	if [ -z "$run" ]; then
		# All of them or none: half a script would move half a fleet.
		dry_run >"$work/commands" 2>"$work/err" ||
		    fail "the commands cannot be made: $(said "$work/err")"
		put "$work/commands" || exit 1
		none=$((n_moves - n_commands))
		[ "$none" -eq 0 ] || none="; $none moves have none: see there"
		say "nothing was moved: $n_commands commands${none#0}; --run" \
		    "runs them"
		exit 0
	fi
	plan_limits
	guarded
}
