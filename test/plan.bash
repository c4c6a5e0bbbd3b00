# What tests of vmf-window as the planner of a fleet are written with.
# shellcheck shell=bash

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

DAY=2024-05-01T00:00:00Z

# fleet COLUMNS: a forecast stream of hours; lines of
# "id cpu_mean VALUE..." on standard input, the values those of the columns.
fleet() {
	{
		echo "kind=forecast step=3600"
		echo "id start:time cpu_mean:list $*"
		while read -r id load rest; do
			echo "$id $DAY $load $rest"
		done
	} | "$ROWS"
}

# plan COLUMNS OPTION...: those columns of the plan of standard input.
plan() {
	local columns=$1
	shift
	vmf-window -q --length 1h --slot 1h "$@" |
	    vmf-cat --csv --no-header --columns "$columns"
}

# Hour of the day instead of the time.
hours() {
	sed -E 's/2024-05-01T([0-9]+):00:00Z/\1/g'
}
