# What tests of vmf-ingest are written with; they read "out".
# shellcheck shell=bash

# put FILE TEXT: TEXT with the escapes of printf.
put() {
	printf '%b' "$2" >"$1"
}

# ingest ARGS...: the readings as CSV in "out", the messages in "err".
ingest() {
	vmf-ingest --no-history -o x.arrows "$@" 2>err || {
		cat err >&2
		return 1
	}
	vmf-cat --csv x.arrows >out
}

# lines WANTED...: "out" holds these lines after its header.
lines() {
	tail -n +2 out >got
	printf '%s\n' "$@" | diff -u - got
}

# refused TEXT ARGS...: exit 1 with TEXT, and no output is left.
refused() {
	local text=$1
	shift
	rm -f refused.arrows
	fails 1 "$text" vmf-ingest -o refused.arrows "$@"
	[ ! -e refused.arrows ]
}

# What "lines" is told of times.
# shellcheck disable=SC2034 # read where this is loaded
T0=1970-01-01T00:00:00Z
# shellcheck disable=SC2034
T5=1970-01-01T00:05:00Z
