# The habits of the house that a machine can check.

load helper

setup() {
	cd "$VMF_ROOT" || return 1
}

# files EXT...: what the project holds, tracked or about to be.
files() {
	find . -path ./build -prune -o -path ./.git -prune -o -type f -print |
	    sed 's#^\./##' | sort | grep -E "\\.($1)\$"
}

code() {
	files 'c|cc|h|cu'
}

# none TEXT: standard input has no line; else show the first few.
none() {
	local found
	found=$(head -n 10)
	if [ -n "$found" ]; then
		echo "$1:" >&2
		echo "$found" >&2
		return 1
	fi
}

# C text without comments and without what stands in quotes; lines kept.
bare() {
	awk '{
		line = $0
		gsub(/\\./, "", line)
		gsub(/"[^"]*"/, "\"\"", line)
		gsub(/\047[^\047]*\047/, "0", line)
		out = ""
		while (line != "") {
			if (inside) {
				at = index(line, "*/")
				if (at == 0) break
				line = substr(line, at + 2); inside = 0
			} else {
				at = index(line, "/*")
				if (at == 0) { out = out line; break }
				out = out substr(line, 1, at - 1)
				line = substr(line, at + 2); inside = 1
			}
		}
		print FILENAME ":" FNR ": " out
	}' "$@"
}

@test "no trailing blanks, no lines of blanks, an end of line at the end" {
	{ code; files 'bats|bash|md|[1-8]'; echo Makefile; } >"$BATS_TEST_TMPDIR/all"
	xargs grep -nE '[ 	]+$' <"$BATS_TEST_TMPDIR/all" | none "trailing blanks"
	while read -r f; do
		[ -z "$(tail -c 1 "$f")" ] || echo "$f"
	done <"$BATS_TEST_TMPDIR/all" | none "no end of line at the end"
}

@test "C is indented with tabs, and no line goes past 80 columns" {
	# Four blanks after the tabs continue a line; eight would be a tab.
	code | xargs grep -nE '^	* {8}|^ {2,3}[^ *]|^ +	' |
	    none "blanks where a tab belongs"
	for f in $(code); do
		expand "$f" | awk -v f="$f" 'length($0) > 80 {
			print f ":" FNR ": " length($0) " columns" }'
	done | none "long lines"
}

@test "no file of more than 1,000 lines, none of cmd/ of more than 300" {
	{ code; files 'bats|bash'; } | while read -r f; do
		n=$(wc -l <"$f")
		[ "$n" -le 1000 ] || echo "$f $n"
	done | none "long files"
	for f in cmd/*.[ch]; do
		n=$(wc -l <"$f")
		[ "$n" -le 300 ] || echo "$f $n"
	done | none "long files of commands (the algorithm belongs in lib/)"
}

@test "a licence line at the top of every file of code" {
	code | while read -r f; do
		head -n 1 "$f" | grep -q 'SPDX-License-Identifier: MIT' || echo "$f"
	done | none "no SPDX line"
}

@test "no banned functions" {
	for f in $(code); do bare "$f"; done | grep -E '(^|[^a-zA-Z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|strtok|gmtime|localtime|asctime|ctime|atoi|atol|atoll|atof|alloca|rand|srand|random|drand48|system|popen|mktemp|tmpnam)[ ]*\(' |
	    none "banned functions"
}

@test "lib neither prints, exits nor reads the environment" {
	for f in $(find lib gpu -name '*.[ch]' -o -name '*.cu'); do bare "$f"; done |
	    grep -E '(^|[^a-zA-Z0-9_])(printf|fprintf|vfprintf|puts|fputs|putchar|perror|exit|_exit|abort|getenv|secure_getenv|err|errx|warn|warnx)[ ]*\(' |
	    none "only cmd/ prints, exits and reads the environment"
}

@test "a lower room never includes a higher one" {
	higher() {
		grep -rnE "#[ ]*include \"($2)/" "lib/$1" || true
	}
	{
		higher base 'arrow|kernel|ingest|series|learn|forecast|eval|downtime|plan|gen'
		higher kernel 'arrow|ingest|series|learn|forecast|eval|downtime|plan|gen'
		higher arrow 'kernel|ingest|series|learn|forecast|eval|downtime|plan|gen'
		higher learn 'arrow|kernel|ingest|series|forecast|eval|downtime|plan|gen'
		higher gen 'arrow|kernel|ingest|series|learn|forecast|eval|downtime|plan'
		higher ingest 'kernel|series|learn|forecast|eval|downtime|plan|gen'
		higher series 'kernel|ingest|learn|forecast|eval|downtime|plan|gen'
		higher forecast 'ingest|eval|downtime|plan|gen'
		higher eval 'ingest|downtime|plan|gen'
		higher downtime 'ingest|kernel|eval|plan|gen'
		higher plan 'ingest|kernel|eval|gen'
		grep -rn 'include "cmd\.h"' lib gpu || true
		# Two headers are the ways to a device.
		grep -rnE 'include [<"](gpu/|kernels|cuda)' lib cmd || true
		grep -rnE 'include "(arrow|ingest|series|eval|downtime|plan|gen)/' gpu || true
	} | none "base < arrow < ingest, series < forecast < downtime < plan; forecast < eval; base < kernel, learn < forecast"
}

@test "what it cannot run on is refused by name when it is built" {
	# The compiler of the build is asked as that of another machine; the
	# headers of that one need not be there.
	run ! "${CC:-cc}" -std=c11 -fsyntax-only -Ilib -m32 lib/base/err.c
	assert_output --partial "machines of 64 bits only"
	run ! "${CC:-cc}" -std=c11 -fsyntax-only -Ilib -U__BYTE_ORDER__ \
	    -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__ lib/base/err.c
	assert_output --partial "little-endian machines only"
	"${CC:-cc}" -std=c11 -fsyntax-only -Ilib lib/base/err.c
}

@test "what libvmf.a exports begins with vmf_" {
	local lib=${VMF_BIN%/bin}/libvmf.a
	[ -e "$lib" ] || lib=$(dirname "$(readlink -f "$VMF_BIN")")/libvmf.a
	[ -e "$lib" ] || skip "no libvmf.a"
	nm -g --defined-only "$lib" 2>/dev/null | awk 'NF == 3 && $2 ~ /[TDBRC]/ &&
	    $3 !~ /^vmf_/ && $3 !~ /^(__asan|__odr_asan|__ubsan|__gcov)/ { print $3 }' |
	    none "names without vmf_"
}

@test "no variables of the whole program in lib" {
	local lib=${VMF_BIN%/bin}/libvmf.a
	[ -e "$lib" ] || lib=$(dirname "$(readlink -f "$VMF_BIN")")/libvmf.a
	[ -e "$lib" ] || skip "no libvmf.a"
	[ -z "${VMF_SMALL:-}" ] || skip "sanitizers add variables of their own"
	# The process's wall clock (time.o) and the list of names that a signal
	# handler must find (file.o) are one per process by nature; lanes.o is
	# nvcc's, which keeps what it registered.
	objdump -t "$lib" | awk '/file format/ { sub(/:.*/, ""); file = $0 }
	    / [.](bss|data|data[.]rel|data[.]rel[.]local)\t/ && !/ d / {
		print file, $NF }' |
	    grep -vE '^(time|file|lanes)\.o | __odr_asan' | none "globals"
}

@test "shell scripts are clean" {
	command -v shellcheck >/dev/null || skip "no shellcheck"
	{ echo scripts/*.sh | tr ' ' '\n'
	  grep -rlE '^#!/bin/sh' scripts test .ci; } |
	    xargs shellcheck -x -s sh
	shellcheck -s bash test/*.bash
}

# With a make that does nothing but fail, in a folder of its own.
@test "check-deep knows each of its parts, and tells one that it does not" {
	cd "$BATS_TEST_TMPDIR" && mkdir -p t/scripts t/bin || return 1
	cp "$VMF_ROOT"/scripts/check-deep "$VMF_ROOT"/scripts/need.sh t/scripts
	for tool in make cppcheck git; do
		printf '#!/bin/sh\nexit 1\n' >t/bin/$tool
		chmod +x t/bin/$tool
	done
	PATH=$PWD/t/bin:$PATH run -1 sh t/scripts/check-deep
	parts=$(sed -n "/^parts='/,/'\$/p" t/scripts/check-deep |
	    sed "s/parts=//" | tr -d "'")
	for part in $parts; do
		echo "$output" | grep -qE "^$part: (FAILED|skipped)\$"
	done
	# shellcheck disable=SC2086 # words
	set -- $parts
	[ $# -gt 15 ]
	PATH=$PWD/t/bin:$PATH run -2 sh t/scripts/check-deep damage nightz
	assert_output "check-deep: no part 'nightz'"
}

@test "nothing left to do, says the code" {
	{ code; files 'bats|bash|md'; } | grep -v 90-style |
	    xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b' | none "left to do"
}

@test "every command has a page, a test and a place in the README" {
	for f in cmd/vmf-*.c; do
		name=$(basename "$f" .c)
		[ -e "man/$name.1" ] || echo "$name: no man page"
		grep -q "$name" README.md || echo "$name: not in the README"
		grep -lq "$name" test/*.bats || echo "$name: no test"
	done | none "commands"
}
