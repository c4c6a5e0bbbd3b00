# What all test files share: "load helper" at their top.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

# fails CODE TEXT COMMAND...: the command exits with CODE and says TEXT on
# stderr; standard input is the caller's.  What it wrote is in
# $BATS_TEST_TMPDIR/fails.out, the message in fails.err and $stderr.
fails() {
	local want=$1 text=$2 rc=0
	local err=$BATS_TEST_TMPDIR/fails.err
	shift 2

	"$@" >"$BATS_TEST_TMPDIR/fails.out" 2>"$err" || rc=$?
	stderr=$(cat "$err")
	if [ "$rc" -ne "$want" ]; then
		echo "exit code $rc, expected $want: $*" >&2
		echo "stderr: $stderr" >&2
		return 1
	fi
	case $stderr in
	*"$text"*) ;;
	*)
		echo "no '$text' in the message of: $*" >&2
		echo "stderr: $stderr" >&2
		return 1
		;;
	esac
	case $stderr in
	vmf-*": "* | *$'\n'vmf-*": "*) ;;
	*)
		echo "no line 'vmf-x: ...' in the message of: $*" >&2
		echo "stderr: $stderr" >&2
		return 1
		;;
	esac
}

# gen VMS DAYS [OPTION...]: a small fleet as CSV on stdout.
gen() {
	local vms=$1 days=$2
	shift 2

	vmf-gen -q --vms "$vms" --days "$days" "$@"
}

# data FOLDER: sets $DATA to a folder of the real traces, or skips the test
# (call it in the test itself, not in $(...)).
data() {
	DATA=${VMF_DATA:-$VMF_ROOT/../shared/data}/$1
	[ -d "$DATA" ] || skip "no real traces: $1 (set VMF_DATA)"
}

# Skip what takes long, or needs much memory, when the tests run under a
# sanitizer.
not_small() {
	[ -z "${VMF_SMALL:-}" ] || skip "too large for this mode of the build"
}

# Skip what scripts/check has no time for; scripts/check-deep sets VMF_WHOLE.
whole() {
	[ -n "${VMF_WHOLE:-}" ] || skip "takes long (set VMF_WHOLE)"
}

# Skip what takes a sanitizer long: scripts/check-deep has it run all.
slow() {
	[ -z "${VMF_SMALL:-}" ] || whole
}

# judge ARGS...: the interpreter with the judges (pyarrow, polars, duckdb),
# or skips.
judge() {
	[ -n "${VMF_PYTHON:-}" ] || skip "no pyarrow, polars, duckdb (set VMF_PYTHON)"
	"$VMF_PYTHON" "$@"
}

# large_batches FILE: the stream again, in compressed batches of 16 MB and
# more, as others write them.
large_batches() {
	judge - "$1" <<-'EOT'
		import sys
		import pyarrow as pa, pyarrow.ipc as ipc
		t = ipc.open_stream(sys.argv[1]).read_all()
		t = t.unify_dictionaries().combine_chunks()
		o = ipc.IpcWriteOptions(compression="zstd")
		with ipc.new_stream(sys.stdout.buffer, t.schema, options=o) as w:
		    w.write_table(t, max_chunksize=700000)
	EOT
}

# same FILE FILE: equal bytes.
same() {
	cmp -- "$1" "$2"
}

# leaves FOLDER [NAME...]: the folder holds exactly these names.
leaves() {
	local dir=$1 found
	shift
	found=$(find "$dir" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort)
	assert_equal "$found" "$(for n in "$@"; do echo "$n"; done | sort)"
}
