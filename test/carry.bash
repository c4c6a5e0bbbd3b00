# What the files of tests about plans carried out share.

setup() {
	command -v vmf-cat >/dev/null || skip "no vmf-cat"
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
	cd "$BATS_TEST_TMPDIR" || return 1
	PATH=$VMF_ROOT/test/stand-ins:$PATH
	export FLEET=$PWD/fleet
	mkdir -p fleet/h1 fleet/h2 fleet/h3 fleet/h4 fleet/slow fleet/fail \
	    fleet/lost fleet/servers fleet/services fleet/refuse fleet/took \
	    fleet/meanwhile fleet/astray fleet/stuck fleet/killed \
	    fleet/lapse fleet/elsewhere
	for h in h1 h2 h3 h4; do
		echo enabled up >fleet/services/$h
	done
	HEADER=vm,host,target,start,workload,algorithm,mode,auto_converge
	HEADER=$HEADER,compression,tunnelled,storage,mem_bytes,mem_used_bytes
	HEADER=$HEADER,vcpus,load_pct,dirty_rate_bytes_s,bandwidth_bytes_s
	HEADER=$HEADER,downtime_limit_ms,config,downtime_ms,total_ms
	HEADER=$HEADER,transferred_bytes,iterations,status,reason
}

# tool NAME ARG...: with a lock of this test alone, where one is taken.
tool() {
	local a name=$1
	shift
	for a; do
		[ "$a" != --run ] || {
			set -- --lock fleet/one-run "$@"
			break
		}
	done
	sh "$VMF_ROOT/scripts/plan-to-$name" "$@"
}

to_virsh() {
	tool virsh "$@"
}

to_openstack() {
	tool openstack --poll 0 "$@"
}

# vm HOST NAME [NUMBER [STATE]]: in both fleets.
vm() {
	n=$((${n:-100} + 1))
	uuid=$(printf '%08x-0000-4000-8000-000000000000' "$n")
	printf '%s\n' "$2" "${3:-$n}" "${4:-running}" 2 2097152 \
	    >"fleet/$1/$uuid"
	status=ACTIVE
	[ "${4:-running}" = running ] || status=SHUTOFF
	printf '%s\n' "$2" "$status" "$1" - >"fleet/servers/$uuid"
}

# plan START: a plan of moves of an hour; lines of "VM HOST TARGET HOUR" on
# standard input.
plan() {
	{
		echo kind=plan history=vmf-window
		echo id host target mem_mb:int32 start:time end:time \
		    load:f32 rank:int32 wave:int32 status reason
		while read -r id host target hour; do
			at=$(($(date -u -d "$1" +%s) + hour * 3600))
			echo "$id $host $target 2048" \
			    "$(date -u -d "@$at" +%FT%TZ)" \
			    "$(date -u -d "@$((at + 3600))" +%FT%TZ)" \
			    "12.5 1 $((hour + 1)) placed -"
		done
	} | "$ROWS" >plan
}

columns() {
	awk -F, -v want="$1" '
	NR == 1 {
		for (i = 1; i <= NF; i++) at[$i] = i
		n = split(want, w, ",")
		next
	}
	{ for (i = 1; i <= n; i++) printf "%s%s", $at[w[i]], i < n ? "," : "\n" }'
}

# The most moves at once of those that the log has, by the field ($1).
at_once() {
	awk -v by="$1" '{ k = by ? $by : "all"; n[k] += $1 == "+" ? 1 : -1
	    if (n[k] > most) most = n[k] } END { print most + 0 }' fleet/log
}
