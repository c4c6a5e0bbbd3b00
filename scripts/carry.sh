# shellcheck shell=sh disable=SC2034,SC2154
# A plan carried out: what plan-to-virsh and plan-to-openstack share.
#
# Who reads this has set $me, $side and $shared (the path of this file), and
# defines, of a VM in $vm, $host, $target and $wave (and $plan_vcpus, $plan_mem_mb, ..., "" where the plan has none):
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
# The last two run in a subshell of their own.  They write no files, as disks
# get full: hear() has what a command says in variables.
#
# The plan and the options are read here; moves.sh has the moves themselves.
set -uf
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

[ -r "${shared%/*}/moves.sh" ] || {
	echo "$me: no moves.sh beside $shared" >&2
	exit 1
}
# shellcheck source=scripts/moves.sh
. "${shared%/*}/moves.sh" || exit 1

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

# said TEXT: what a command complained of, in a line.
said() {
	line=$(printf '%s\n' "$1" | sed -n 's/^error: //p' | head -n 2 |
	    paste -s -d '|' - | sed 's/|/: /')
	[ -n "$line" ] || line=$(printf '%s\n' "$1" |
	    grep -v '^[[:space:]]*$' | tail -n 1)
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
	if ! why=$({ vmf-cat -q --csv -o "$work/plan.csv" -- "$plan" &&
	    vmf-cat -q --schema -- "$plan" >"$work/schema"; } 2>&1); then
		why=$(said "$why")
		why=${why#vmf-cat: }
		case $why in
		*"$plan"*) why=${why%%"$plan"*}$plan_name${why#*"$plan"} ;;
		esac
		fail "$why"
	fi
	# Other tools may have dropped what kind it is.
	{
		kind=$(sed -n 's/^vmf:kind  *//p' "$work/schema") &&
		    made_by=$(sed -n \
			's/^\(vmf:history\)\{0,1\}  *\(vmf-window\)/\2/p' \
			"$work/schema")
	} || fail "$plan_name: what made it cannot be told"
	[ "${kind:-plan}" = plan ] ||
	    fail "$plan_name: a stream of kind '$kind', expected 'plan'"
	# A load is in the unit of the metric, and those of CPUs are in %.
	case $made_by in
	*--metric[\ =]cpu_mean* | *--metric[\ =]cpu_max*) percent=1 ;;
	*--metric* | '') percent= ;;
	*) percent=1 ;;
	esac
	told=$(plan_name=$plan_name awk -v us="$us" -v need="$need" "$csv_awk"'
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
	}' out="$work/unsorted" "$work/plan.csv" 2>&1) ||
	    case $told in
	"$plan_name: "*) fail "${told%%"$nl"*}" ;;
	*) fail "$plan_name: its moves cannot be read: $(said "$told")" ;;
	esac
	[ -e "$work/unsorted" ] || : >"$work/unsorted"
	# Waves are the starts, where the plan does not number them.
	{
		n_none=${told##*"$nl"} && [ -n "$n_none" ] &&
		    sort -s -t "$us" -k 2,2n "$work/unsorted" \
			>"$work/sorted" &&
		    awk -F "$us" -v OFS="$us" '
			{ if (NR == 1 || $2 != last) wave++
			  last = $2
			  if ($1 == "") $1 = wave
			  print }' "$work/sorted" >"$work/moves" &&
		    n_moves=$(wc -l <"$work/moves") && [ -n "$n_moves" ]
	} 2>/dev/null ||
	    fail "$plan_name: its moves cannot be put in order: is there room \
in $work?"
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
	} 2>/dev/null ||
	    fail "how many moves the plan has at once cannot be told: \
is there room in $work?"
	parallel=${parallel:-$most_all}
	per_host=${per_host:-$most_from}
	per_target=${per_target:-$most_to}
}

# take LINE: the VM in hand is that of a line of $work/moves.
take() {
	IFS=$us
	# shellcheck disable=SC2086 # fields
	set -- $1
	unset IFS
	wave=${1-} begins=${2-} ends=${3-} vm=${4-} host=${5-} target=${6-}
	plan_vcpus=${7-} plan_mem_mb=${8-} plan_load=${9-}
	plan_workload=${10-} plan_algorithm=${11-} plan_mode=${12-}
	plan_auto_converge=${13-} plan_compression=${14-}
	plan_tunnelled=${15-} plan_storage=${16-} plan_mem_bytes=${17-}
	plan_mem_used_bytes=${18-} plan_load_pct=${19-}
	plan_dirty_rate=${20-} plan_bandwidth=${21-}
	plan_downtime_limit=${22-} plan_config=${23-} odd=${24-}
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

# put: standard input to standard output, or a line that says why not.
put() {
	rc=1 why='Bad file descriptor'
	{
		why=$(cat 2>&1 >&4)
		rc=$?
	} 2>/dev/null 4>&1
	[ "$rc" -ne 0 ] || return 0
	# Who looks at the first commands only has seen enough.
	[ "$rc" -ne 141 ] || [ -n "$run" ] || exit 141
	why=$(said "$why")
	[ "$rc" -ne 141 ] || why='Broken pipe'
	warn "standard output: ${why##*: }"
	return 1
}

# The commands of all moves; to standard error, how many there are.
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
	[ "$n_told" -eq "$n_moves" ] && echo "$n_commands" >&2
}

# The commands: installed beside the script, or built beside its folder.
find_commands() {
	command -v vmf-cat >/dev/null && return
	PATH=$here:$here/../build/bin:$PATH
	export PATH
	command -v vmf-cat >/dev/null ||
	    fail "no vmf-cat in PATH, beside this script or in build/bin"
}

# carry ARG...: all of it.
carry() {
	run='' now='' output='' quiet='' parallel='' per_host='' per_target=''
	max_failures=0 timeout=3600 lock='' take_over=''
	operands=0 operand='' only=''
	while [ $# -gt 0 ]; do
		case $only$1 in
		--run) run=1 ;;
		--now) now=1 ;;
		--take-over) take_over=1 ;;
		-q | --quiet) quiet=1 ;;
		-h | --help)
			usage || exit 1
			exit 0
			;;
		-V | --version)
			find_commands
			text=$(vmf-cat -V) || exit 1
			echo "$me${text#vmf-cat}" || exit 1
			exit 0
			;;
		-o | --output | --max-failures | --parallel | --per-host | \
		    --per-target | --timeout | --lock)
			[ $# -ge 2 ] || misuse "option '$1' needs a value"
			case $1 in
			-o | --output) output=$2 ;;
			--lock) lock=$2 ;;
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
	[ -n "$run" ] || [ -z "$output$now$take_over$lock" ] ||
	    misuse "--output, --now, --lock and --take-over are about --run"
	[ "$output" != - ] || output=
	# Rows of moves want a place before they begin.
	[ -n "$run" ] && [ -n "$output" ] || (exec 3>&1) 2>/dev/null ||
	    fail "standard output: Bad file descriptor"
	tool_ready
	find_commands
	work=$(mktemp -d) || exit 1
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' HUP INT TERM
	read_plan "${operand:--}"
	[ "$n_none" -eq 0 ] ||
	    say "$n_none other VMs of the plan have no window"
	if [ -z "$run" ]; then
		# All of them or none: half a script would move half a fleet.
		why=$(dry_run 2>&1 >"$work/commands") ||
		    fail "the commands cannot be made: $(said "$why")"
		n_commands=${why##*"$nl"}
		put <"$work/commands" || exit 1
		none=$((n_moves - n_commands))
		[ "$none" -eq 0 ] || none="; $none moves have none: see there"
		say "nothing was moved: $n_commands commands${none#0}; --run" \
		    "runs them"
		exit 0
	fi
	plan_limits
	plan_path=$plan_name
	[ "${operand:--}" = - ] || plan_path=$(readlink -f -- "$operand")
	take_lock
	# What the moves may want the room of.
	rm -f "$work/plan" "$work/plan.csv" "$work/schema" "$work/unsorted" \
	    "$work/sorted" "$work/edges" "$work/limits"
	guarded
}
