# --help, -V and the man pages: they agree with each other and with what the
# commands take.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	MAN=$VMF_ROOT/man
	# As it is installed.
	mkdir -p bin share/vmf
	for s in nightly plan-to-virsh plan-to-openstack; do
		cp "$VMF_ROOT/scripts/$s" "bin/vmf-$s"
		chmod +x "bin/vmf-$s"
	done
	cp "$VMF_ROOT"/scripts/night.sh "$VMF_ROOT"/scripts/carry.sh \
	    "$VMF_ROOT"/scripts/moves.sh share/vmf
	PATH=$PATH:$PWD/bin
}

commands() {
	for f in "$VMF_BIN"/vmf-*; do
		[ ! -x "$f" ] || basename "$f"
	done
}

# What has a text of --help and a page.
pages() {
	commands
	echo vmf-nightly
	echo vmf-plan-to-virsh
	echo vmf-plan-to-openstack
}

# Options of a text of --help, without the dashes.
help_options() {
	"$1" --help | sed -nE 's/^ +(-[a-zA-Z], )?--([a-z][a-z0-9-]*).*/\2/p' |
	    sort -u
}

# Options that a page describes: its ".It Fl" lines.
man_options() {
	sed -n 's/^\.It Fl //p' "$MAN/$1.1" | tr ' ' '\n' |
	    sed -nE 's/^-([a-z][a-z0-9-]+).*/\1/p' | sort -u
}

# The section NAME of a page, as a person sees it, in one line.
section() {
	mandoc -T ascii "$MAN/$1.1" | sed 's/.\x08//g' |
	    awk -v s="$2" '/^[A-Z]/ { on = ($0 == s) ; next } on' |
	    tr -s ' \t\n' ' ' | sed 's/^ //; s/ $//'
}

@test "--help exits 0, on stdout, and begins with the usage" {
	for c in $(pages); do
		"$c" --help >out 2>err
		[ ! -s err ]
		run -0 head -n 1 out
		assert_output --partial "usage: $c"
		"$c" -h | cmp - out
	done
}

@test "the usage is the man page's SYNOPSIS" {
	command -v mandoc >/dev/null || skip "no mandoc"
	for c in $(pages); do
		# Lines of usage go on with blanks, up to the first sentence.
		usage=$("$c" --help | awk 'NR == 1 || /^ / { print; next } { exit }' |
		    sed 's/^usage: //' | tr -s ' \t\n' ' ' | sed 's/ $//')
		assert_equal "$(section "$c" SYNOPSIS)" "$usage"
	done
}

@test "every option of --help is in the man page, and the other way round" {
	for c in $(pages); do
		help_options "$c" >help
		man_options "$c" >man
		run diff --label "$c --help" --label "man/$c.1" -u help man
		assert_success
	done
}

@test "the night's settings are those of its --help and of its page" {
	settings() {
		grep -oE 'NIGHT_[A-Z_]+' | sort -u
	}
	vmf-nightly --help | settings >help
	[ "$(wc -l <help)" -gt 15 ]
	# Not what only messages name.
	grep -oE '\$\{NIGHT_[A-Z_]+' "$VMF_ROOT/scripts/nightly" | settings |
	    diff -u - help
	grep '^\.It Ev ' "$MAN/vmf-nightly.1" | settings | diff -u - help
}

@test "every option of --help exists" {
	for c in $(pages); do
		for o in $(help_options "$c"); do
			# Either a flag, and --help follows, or --help is its value.
			timeout 10 "$c" "--$o" --help >out 2>err </dev/null || true
			run ! grep -E "unknown|ambiguous" err
		done
	done
}

@test "an option without its value does not take the file before it" {
	printf 'vm,time,cpu\na,0,1\n' >in.csv
	cp in.csv was.csv
	for c in $(commands); do
		for o in $(help_options "$c"); do
			timeout 10 "$c" in.csv "--$o" >out 2>err </dev/null || true
			same in.csv was.csv
		done
		fails 2 "option '-o' needs a value" "$c" in.csv -o
		fails 2 "option '--output' needs a value" \
		    "$c" in.csv in.csv --output
	done
	fails 2 "option '--join' needs a value" vmf-aggregate in.csv --join
	fails 2 "option '-n' needs a value" vmf-cat in.csv -n
}

@test "no option is missing from --help" {
	for c in $(commands); do
		for o in $(cd "$VMF_ROOT" &&
		    sed -nE 's/^[ \t]*\{ *CMD_[A-Z]+, "([a-z-]+)".*/\1/p' "cmd/$c.c"); do
			run -0 help_options "$c"
			assert_line "$o"
		done
	done
}

@test "-V says name, version and how it was built" {
	for c in $(commands); do
		run -0 --separate-stderr "$c" -V
		assert_line --index 0 "$c $(cat "$VMF_ROOT/VERSION")"
		assert_line --partial "build: "
		assert_line --partial "device: "
		[ -z "$stderr" ]
		fails 1 'standard output' sh -c "$c -V >/dev/full"
		fails 1 'standard output' sh -c "$c --help >/dev/full"
	done
	for s in nightly plan-to-virsh plan-to-openstack; do
		for o in -V --version; do
			run -0 --separate-stderr sh "$VMF_ROOT/scripts/$s" $o
			assert_line --index 0 "$s $(cat "$VMF_ROOT/VERSION")"
			assert_line --partial "device: "
			[ -z "$stderr" ]
		done
		run -1 sh -c "sh '$VMF_ROOT/scripts/$s' -V >/dev/full"
	done
}

@test "an unknown option exits 2 with a hint" {
	for c in $(commands); do
		fails 2 "Try '$c --help'" "$c" --no-such-option </dev/null
		fails 2 "no-such-option" "$c" --no-such-option </dev/null
		fails 2 "'-?'" "$c" '-?' </dev/null
		fails 2 "--output" "$c" --output </dev/null
	done
	# Nor is it otherwise where the value is looked at later.
	fails 2 "Try 'vmf-window --help'" vmf-window --length 1h --risk 90 x
	assert_equal "$(wc -l <<<"$stderr")" 2
}

@test "what is said of a wrong option is one line, whatever it holds" {
	local bad=$'a\e[31m\nb' long
	long=$(printf '%04000d' 0)
	for cmd in $(commands); do
		fails 2 "option '--a?[31m?b'" "$cmd" "--$bad"
		assert_equal "$(wc -l <fails.err)" 2
		fails 2 "expected zstd, lz4 or none" "$cmd" --compress="$long" ||
		    fails 2 "unknown or ambiguous" "$cmd" --compress=x
		assert_equal "$(wc -l <fails.err)" 2
	done
	fails 2 "--length: '????', expected" vmf-window --length $'\a\b\t\n'
}

@test "every command has a page with the sections of all pages" {
	for c in $(pages); do
		page=$MAN/$c.1
		[ -e "$page" ] || fail "no man/$c.1"
		for s in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			grep -qE "^\.Sh \"?$s\"?\$" "$page" || fail "man/$c.1: no .Sh $s"
		done
		grep -q "^\.Nm $c\$" "$page"
	done
}

@test "mandoc finds nothing to warn about" {
	command -v mandoc >/dev/null || skip "no mandoc"
	run -0 mandoc -T lint -W warning "$MAN"/*.[1-8]
	refute_output
}

@test "pages refer to pages that are there" {
	local missing=0
	while read -r from name sec; do
		if [ ! -e "$MAN/$name.$sec" ]; then
			echo "$from: no man/$name.$sec" >&2
			missing=1
		fi
	done < <(cd "$MAN" && grep -HE '^\.Xr vmf' ./*.[1-8] |
	    sed -E 's/^([^:]*):\.Xr ([^ ]+) ([0-9]).*/\1 \2 \3/')
	[ "$missing" -eq 0 ]
}

# Lines of a page's EXAMPLES that are commands.
examples() {
	awk '/^\.Sh / { on = /EXAMPLES/; next }
	    !on { next }
	    /^\.Dl / { sub(/^\.Dl /, ""); print; next }
	    /^\.Bd/ { lit = 1; next }
	    /^\.Ed/ { lit = 0; next }
	    lit' "$1" | sed 's/\\e/\\/g; s/\\-/-/g; s/\\(aq/'"'"'/g; s/\\&//g'
}

@test "examples name commands and options that there are" {
	for page in "$MAN"/*.[1-8]; do
		grep -q '^\.Sh EXAMPLES' "$page" || continue
		examples "$page" >lines
		grep -q 'vmf-' lines || fail "$page: no command among its examples"
		tr -s ' \t' '\n\n' <lines | while read -r word; do
			case $word in
			'|' | [A-Z]*=*) cmd= ;;
			vmf-[a-z]* | /*/vmf-[a-z]*)
				cmd=${word##*/}
				;;
			--[a-z]*)
				[ -n "${cmd:-}" ] || continue
				o=${word#--}
				o=${o%%[^a-z0-9-]*}
				command -v "$cmd" >/dev/null || continue
				help_options "$cmd" | grep -qx -e "$o" ||
				    echo "$(basename "$page"): $cmd has no --$o"
				;;
			esac
		done >unknown
		run -0 cat unknown
		refute_output
	done
}

@test "the man pages' names are those of their files" {
	for page in "$MAN"/*.[1-8]; do
		base=$(basename "$page")
		grep -qi "^\.Dt ${base%.*} ${base##*.}\$" "$page" || fail "$base: .Dt"
		grep -q '^\.Dd [A-Z][a-z]* [0-9]*, 20[0-9][0-9]$' "$page" ||
		    fail "$base: .Dd"
	done
}

@test "scripts find what they share through a link, and from their own folder" {
	local name
	cd "$BATS_TEST_TMPDIR"
	for name in plan-to-virsh plan-to-openstack nightly; do
		ln -s "$VMF_ROOT/scripts/$name" "vmf-$name"
		run -0 "./vmf-$name" --help
		assert_line --index 0 --regexp "^usage: vmf-$name "
		PATH=$PWD:$PATH run -0 "vmf-$name" --help
		cd "$VMF_ROOT/scripts"
		run -0 sh "$name" --help
		cd "$BATS_TEST_TMPDIR"
	done
}

@test "standard input is read by one" {
	cd "$BATS_TEST_TMPDIR"
	: >none
	fails 2 'an operand and another cannot both be standard input' \
	    vmf-ingest - - <none
	fails 2 '--hosts and an operand cannot both be standard input' \
	    vmf-window --length 1h --place --hosts - - <none
	fails 2 '--replan and the input cannot both be standard input' \
	    vmf-window --length 1h --replan - <none
	fails 2 '--join and the input cannot both be standard input' \
	    vmf-aggregate -s 1h --join - <none
	fails 2 '--join and --append cannot both be standard input' \
	    vmf-aggregate -s 1h --append - --join - x <none
}
