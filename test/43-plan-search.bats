# The search for a plan of a fleet: random problems, beside other code that
# proves plans, and problems in which VMs wait for each other.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# problem KIND SEED: its files are here, and its options in args.
problem() {
	judge -B "$VMF_ROOT/test/judges/plan_gen.py" "$1" "$2" .
	readarray -t args < <(judge -c "
import json
print(*json.load(open('problem.json'))['args'], sep='\n')")
}

# no_worse OPTIONS...: plans of the problem by each of them are sound, and none
# costs more than the one before.
no_worse() {
	local last= cost options
	for options; do
		# shellcheck disable=SC2086 # a list of words
		vmf-window "${args[@]}" $options -o plan.arrows \
		    forecast.arrows 2>err
		judge -B "$VMF_ROOT/test/judges/plan_check.py" .
		cost=$(sed -n 's/.*mean cost \([0-9.]*\).*/\1/p' err)
		[ -z "$last" ] || awk -v a="$cost" -v b="$last" \
		    'BEGIN { exit !(a <= b) }'
		last=$cost
	done
}

@test "random problems: every plan is proved by other code" {
	judge "$VMF_ROOT/test/judges/plan_check.py" --self-test
	local few=0 some=10 many=150
	[ -z "${VMF_WHOLE:-}" ] || few=3 some=60 many=1000
	[ -z "${VMF_SMALL:-}" ] || few=0 some=12 many=40
	judge -B "$VMF_ROOT/test/judges/plan_many.py" 1001 "$few"
	# Short searches: what keeps the limits is the same code.  (1136 took
	# one that moves without a target for gone.)
	judge -B "$VMF_ROOT/test/judges/plan_many.py" 1101 "$some" 20000
	judge -B "$VMF_ROOT/test/judges/plan_many.py" 2001 "$many" 300 1
}

@test "several VMs leave first, each to where another left, for one more" {
	not_small
	# Problems, their most VMs, and the least cost of these, by a solver
	# (test/bench/plan place).
	local seed most cost
	while read -r seed most cost; do
		mkdir "$BATS_TEST_TMPDIR/p$seed"
		cd "$BATS_TEST_TMPDIR/p$seed"
		problem place "$seed"
		vmf-window "${args[@]}" --rounds 200000 --searches 1 \
		    -o plan.arrows forecast.arrows 2>said
		run -0 cat said
		assert_output --partial " $most placed"
		awk -v a="$output" -v n="$most" -v b="$cost" 'BEGIN {
			sub(/.*mean cost /, "", a)
			exit !(a * n <= b * 1.01)
		}'
	done <<-E
	26 12 353.15
	34 6 107.88
	101 10 332.30
	157 10 281.01
	E
	judge -B "$VMF_ROOT/test/judges/plan_check.py" "$BATS_TEST_TMPDIR"/p*
}

@test "a chain of a few VMs, in many slots, takes no minutes" {
	not_small
	# Each can only come when the next has left, which would rather later.
	printf '%s\n' "kind=forecast step=3600" \
	    'id host target mem_mb:int32 start:time cpu_mean:list' >rows
	for k in 4 3 2 1; do
		echo "v$((4 - k)) h$k h$((k - 1)) 8192 2024-05-01T00:00:00Z" \
		    "$(seq 24 | sort -n $([ $k != 1 ] || echo -r) |
			paste -s -d, -)"
	done >>rows
	"$VMF_BIN/../unit/rows" <rows >forecast.arrows
	printf 'host,mem_mb\n' >hosts.csv
	printf 'h%d,8192\n' 0 1 2 3 4 >>hosts.csv
	(
		ulimit -t 2
		vmf-window --length 30m --hosts hosts.csv --total 20 --searches 1 \
		    -o plan.arrows forecast.arrows 2>said
	)
	run -0 cat said
	assert_output --partial ' 4 placed'
}

@test "--rounds: a longer search is no worse, and limits hold in a short one" {
	problem moment 3
	no_worse '--rounds 20' '--rounds 20000'
	fails 2 'expected' vmf-window --length 30m --rounds 0 forecast.arrows
}

@test "--searches: the best of them, whatever the threads" {
	problem moment 3
	no_worse '--rounds 200 --searches 1' '--rounds 200 --searches 2' \
	    '--rounds 200 --searches 6'
	vmf-window -q --no-history "${args[@]}" --rounds 200 --searches 6 \
	    --threads 1 -o one forecast.arrows
	vmf-window -q --no-history "${args[@]}" --rounds 200 --searches 6 \
	    --threads 4 -o four forecast.arrows
	same one four
	# Four by themselves where the plan is tight.
	set -- --rounds 200 forecast.arrows
	vmf-window -q --no-history "${args[@]}" -o own "$@"
	vmf-window -q --no-history "${args[@]}" --searches 4 -o four "$@"
	same own four
	fails 2 'expected' vmf-window --length 30m --searches 0 forecast.arrows
}

@test "--progress: what it is at, VMs placed, and at what cost" {
	not_small
	problem moment 3
	# Longer than a second before and after the first line.
	{ cat forecast.arrows; sleep 1.2; } |
	    vmf-window "${args[@]}" --progress --rounds 600000 \
		--searches 1 -o plan.arrows 2>err
	run -0 cat err
	assert_line "vmf-window: prices of what many VMs want ..."
	assert_line --regexp '^vmf-window: [0-9]+ VMs placed, mean cost [0-9.]+; [0-9]+ % of 600000 rounds \.\.\.$'
}
