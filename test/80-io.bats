# What every command does at the ends of its pipes: damage, full disks,
# readers that leave, closed descriptors, terminals, signals.

load helper

# One small input a command, made once; the large ones fill a pipe.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	make_inputs 2 8h small
	make_inputs 150 5m large
}

make_inputs() {
	local dir=$3
	mkdir -p "$dir"
	vmf-gen -q --vms "$1" --days 2 --step "$2" --start @0 \
	    --inventory "$dir/vms.csv" | gzip -n >"$dir/csv.gz"
	vmf-ingest -q --no-history -o "$dir/raw" "$dir/csv.gz"
	vmf-dedup -q --no-history -o "$dir/once" "$dir/raw"
	command -v vmf-aggregate >/dev/null || return 0
	vmf-aggregate -q --no-history --step "$2" --metric cpu \
	    --stat mean -o "$dir/series" "$dir/once"
	vmf-train -q --no-history --model snaive \
	    -o "$dir/model" "$dir/series"
	vmf-predict -q --no-history --from "$dir/model" \
	    --horizon 6 --quantiles 0.9 -o "$dir/forecast" "$dir/series"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	F=$BATS_FILE_TMPDIR
}

commands() {
	for f in "$VMF_BIN"/vmf-*; do
		[ ! -x "$f" ] || basename "$f"
	done
}

# how COMMAND [small|large]: sets in (its input; empty: it has none), args,
# and binary (it writes a stream).
how() {
	local dir=$F/${2:-small}
	args=(-q) in='' binary=1
	case $1 in
	vmf-gen) args+=(--vms 2000) binary='' ;;
	vmf-ingest) in=$dir/csv.gz ;;
	vmf-dedup) in=$dir/raw ;;
	vmf-aggregate) in=$dir/once args+=(--step 1h) ;;
	vmf-train) in=$dir/series args+=(--model snaive) ;;
	vmf-predict) in=$dir/series args+=(--from "$dir/model" --horizon 6) ;;
	vmf-window) in=$dir/forecast args+=(--length 1h) ;;
	vmf-eval) in=$dir/series args+=(--horizon 1 --origins 1 --by-vm) ;;
	vmf-cat) in=$dir/series args+=(--csv) binary='' ;;
	*) fail "$1: this file does not know how to run it (function how)" ;;
	esac
}

# expect CODE TEXT COMMAND...: as fails, with the command's name shown.
expect() {
	echo "# $3" >&2
	fails "$@"
}

# The loops over every byte run in a shell of their own: bats looks at each
# command of a test, which costs more than the command.

# steps WHOLE SOME FEW: every how many bytes.  The numbers are coprime with the
# lengths that things have in a stream.  A sanitizer's start takes 20 times as
# long; scripts/check-deep sets VMF_WHOLE.
steps() {
	if [ -n "${VMF_SMALL:-}" ]; then
		echo "$3"
	elif [ -n "${VMF_WHOLE:-}" ]; then
		echo "$1"
	else
		echo "$2"
	fi
}

# cut_everywhere COMMAND INPUT ARG...: each proper prefix is an error.
cut_everywhere() {
	sh -c 'by=$1 c=$2 in=$3 i=0
	shift 3
	n=$(wc -c <"$in")
	while [ "$i" -lt "$n" ]; do
		head -c "$i" "$in" >cut
		rc=0
		"$c" "$@" <cut >out 2>err || rc=$?
		line=
		read -r line <err || :
		case $rc$line in
		"1$c: "*) ;;
		*)
			echo "$c: input cut at byte $i of $n: exit code $rc"
			cat err
			exit 1
			;;
		esac
		i=$((i + by))
	done' sh "$(steps 1 7 31)" "$@"
}

# damage_everywhere COMMAND INPUT ARG...: one byte after the other is
# changed: an error or a result, but no crash and no hang.
damage_everywhere() {
	sh -c 'by=$1 c=$2 in=$3 i=0
	shift 3
	n=$(wc -c <"$in")
	while [ "$i" -lt "$n" ]; do
		{
			head -c "$i" "$in"
			printf "\\377"
			tail -c "+$((i + 2))" "$in"
		} >bad
		rc=0
		timeout 20 "$c" "$@" <bad >out 2>err || rc=$?
		if [ "$rc" -gt 1 ]; then
			echo "$c: byte $i of $n: exit code $rc"
			cat err
			exit 1
		fi
		i=$((i + by))
	done' sh "$(steps 5 23 45)" "$@"
}

@test "every command is known here, and succeeds on its input" {
	for c in $(commands); do
		how "$c"
		echo "# $c" >&2
		if [ -n "$in" ]; then
			"$c" "${args[@]}" <"$in" >a
			"$c" "${args[@]}" "$in" >b
			# The history names the file; vmf-cat does not show it.
			[ -n "$binary" ] || same a b
		else
			"$c" "${args[@]}" >a
		fi
		[ -s a ]
		"$c" "${args[@]}" -o c ${in:+"$in"}
		[ -s c ]
	done
}

@test "input cut at any byte: exit 1 and a message (readings)" {
	for c in vmf-dedup vmf-aggregate; do
		command -v $c >/dev/null || continue
		how $c
		cut_everywhere $c "$in" "${args[@]}"
	done
}

@test "input cut at any byte: exit 1 and a message (series)" {
	for c in vmf-train vmf-predict vmf-eval vmf-cat; do
		command -v $c >/dev/null || continue
		how $c
		cut_everywhere $c "$in" "${args[@]}"
	done
}

@test "input cut at any byte: exit 1 and a message (forecast, model)" {
	command -v vmf-window >/dev/null || skip "no vmf-window"
	how vmf-window
	cut_everywhere vmf-window "$in" "${args[@]}"
	# The model is read by name: a shell hands it the cut one.
	how vmf-predict
	mkdir bin
	cat >bin/vmf-predict <<-END
		#!/bin/sh
		cat >model.cut
		exec $VMF_BIN/vmf-predict -q --from model.cut --horizon 6 $in
	END
	chmod +x bin/vmf-predict
	PATH=$PWD/bin:$PATH cut_everywhere vmf-predict "$F/small/model"
}

@test "input cut at any byte: exit 1 and a message (gzip, zstd, lz4)" {
	how vmf-ingest
	cut_everywhere vmf-ingest "$in" "${args[@]}"
	for z in zstd lz4; do
		vmf-dedup -q --no-history --compress=$z -o packed "$F/small/raw"
		cut_everywhere vmf-cat packed --csv
	done
}

@test "every byte damaged in turn: a message or a result, no crash" {
	for c in vmf-dedup vmf-cat vmf-window; do
		command -v $c >/dev/null || continue
		how $c
		damage_everywhere $c "$in" "${args[@]}"
	done
}

@test "a producer that dies fails every command after it" {
	command -v vmf-aggregate >/dev/null || skip "no vmf-aggregate"
	mkdir out
	size=$(stat -c %s "$F/large/raw")
	rc=0
	head -c $((size / 2)) "$F/large/raw" | vmf-dedup -q 2>dedup.err |
	    vmf-aggregate -q --step 1h -o out/series 2>aggregate.err || rc=$?
	[ "$rc" -eq 1 ]
	grep -q '^vmf-dedup: ' dedup.err
	grep -q '^vmf-aggregate: ' aggregate.err
	leaves out
}

@test "a full disk as standard output: exit 1 and a message" {
	for c in $(commands); do
		how "$c"
		expect 1 'standard output' sh -c '"$@" >/dev/full' sh "$c" \
		    "${args[@]}" ${in:+"$in"}
		expect 1 '/dev/full' "$c" "${args[@]}" -o /dev/full ${in:+"$in"}
	done
}

@test "a full disk under -o: exit 1, a message, nothing left" {
	[ "$(id -u)" -eq 0 ] || skip "not root: no small disk to fill"
	mkdir disk
	mount -t tmpfs -o size=16k none disk 2>/dev/null ||
	    skip "no tmpfs to be had here"
	for c in $(commands); do
		how "$c" large
		rc=0
		"$c" "${args[@]}" -o disk/out ${in:+"$in"} 2>err || rc=$?
		if [ "$rc" -ne 0 ]; then
			grep -q "^$c: .*No space left" err || bad=$c
			[ -z "$(ls -A disk)" ] || bad=$c
		fi
		rm -f disk/out
	done
	umount disk
	[ -z "${bad:-}" ]
}

@test "a reader that leaves ends every command quietly" {
	for c in $(commands); do
		how "$c" large
		rc=$("$c" "${args[@]}" ${in:+"$in"} 2>err |
		    head -c 1 >/dev/null; echo "${PIPESTATUS[0]}")
		echo "# $c: $rc" >&2
		[ "$rc" -eq 0 ] || [ "$rc" -eq 141 ]
		[ ! -s err ]
	done
}

@test "empty and closed standard input: exit 1 and a message" {
	for c in $(commands); do
		how "$c"
		[ -n "$in" ] || continue
		expect 1 'standard input' "$c" "${args[@]}" </dev/null
		expect 1 'cannot read standard input: Bad file descriptor' \
		    "$c" "${args[@]}" <&-
		: >empty
		expect 1 'empty' "$c" "${args[@]}" empty
		# A named file needs no standard input.
		"$c" "${args[@]}" "$in" <&- >out
	done
}

@test "closed standard output: exit 1, but -o needs none" {
	for c in $(commands); do
		how "$c"
		expect 1 'standard output is closed' \
		    sh -c '"$@" >&-' sh "$c" "${args[@]}" ${in:+"$in"}
		"$c" "${args[@]}" -o out ${in:+"$in"} >&-
		[ -s out ]
		rm out
		# Nor may data land where messages should have gone.
		"$c" "${args[@]}" -o out ${in:+"$in"} 2>&-
		[ -s out ]
		rm out
	done
	for said in --help -V; do
		expect 1 'standard output is closed' \
		    sh -c '"$@" >&-' sh vmf-gen $said
	done
}

@test "files that are not there, or are folders" {
	mkdir folder
	for c in $(commands); do
		how "$c"
		expect 1 'nowhere/out' "$c" "${args[@]}" -o nowhere/out ${in:+"$in"}
		expect 1 'folder' "$c" "${args[@]}" -o folder ${in:+"$in"}
		[ -n "$in" ] || continue
		expect 1 'nowhere' "$c" "${args[@]}" nowhere
		expect 1 'folder' "$c" "${args[@]}" folder
	done
	leaves folder
}

@test "a terminal is never given binary, nor waited on for input" {
	command -v script >/dev/null || skip "no script(1)"
	for c in $(commands); do
		how "$c"
		echo "# $c" >&2
		rc=0
		script -qec "$c ${args[*]} $in" /dev/null </dev/null >seen || rc=$?
		if [ -n "$binary" ]; then
			[ "$rc" -eq 2 ] || [ "$rc" -eq 1 ]
			grep -q 'terminal' seen
			run ! grep -q ARROW seen
		else
			[ "$rc" -eq 0 ]
		fi
		[ -n "$in" ] || continue
		rc=0
		timeout 20 script -qec "$c ${args[*]} -o $PWD/out" /dev/null \
		    </dev/null >seen || rc=$?
		[ "$rc" -eq 2 ] || [ "$rc" -eq 1 ]
		grep -q 'terminal' seen
	done
}

@test "-o: after a failure nothing is left, and the old file stays" {
	mkdir out
	for c in $(commands); do
		how "$c"
		[ -n "$in" ] || continue
		head -c $(($(stat -c %s "$in") - 9)) "$in" >cut
		expect 1 '' "$c" "${args[@]}" -o out/new cut
		leaves out
		echo old >out/there
		expect 1 '' "$c" "${args[@]}" -o out/there cut
		leaves out there
		assert_equal "$(cat out/there)" old
		rm out/there
	done
}

@test "-o: a name as long as names may be" {
	mkdir out
	name=$(printf 'n%.0s' {1..255})
	gen 2 1 --step 1h | vmf-ingest -q -o "out/$name"
	leaves out "$name"
	vmf-cat --checksum "out/$name" | grep -q '48 rows'
}

# Start the command on half its input, and wait until it has begun.
start_half() {
	mkfifo pipe
	"$c" "${args[@]}" -o out/new <pipe 2>err &
	pid=$!
	exec 9>pipe
	head -c $(($(stat -c %s "$in") / 2)) "$in" >&9
	for _ in 1 2 3 4 5; do
		[ -z "$(ls -A out)" ] || break
		sleep 0.1
	done
}

@test "-o: a device stays one, and what cannot be looked at is not replaced" {
	gen 2 1 --step 1h >x.csv
	vmf-ingest -q -o /dev/null x.csv
	[ -c /dev/null ]
	# What standard output already goes to is written into.
	vmf-ingest -q -o s x.csv
	vmf-cat -q --csv s >want
	{ echo before && vmf-cat -q --csv -o /dev/stdout s && echo after; } >got
	{ echo before && cat want && echo after; } | same - got
	echo before >got
	vmf-cat -q --csv -o got s 2>>got
	{ echo before && cat want; } | same - got
	# Too many levels: stat() fails, and says something else than that
	# there is no such file.
	ln -s loop loop
	fails 1 'cannot write loop: ' vmf-ingest -q -o loop x.csv
	assert_equal "$(readlink loop)" loop
	# A link that points nowhere yet is no reason to stop.
	ln -s later link
	vmf-ingest -q -o link x.csv
	assert_equal "$(readlink link)" later
	vmf-cat --csv later >/dev/null
	mkdir in
	ln -s in/two one
	ln -s ../three in/two
	ln -s "$PWD/in/five" in/four
	vmf-ingest -q -o one x.csv
	vmf-ingest -q -o in/four x.csv
	[ -L one ] && [ -L in/two ] && [ -L in/four ]
	same three later
	same in/five later
	ln -s nowhere/x away
	fails 1 'cannot create away: ' vmf-ingest -q -o away x.csv
	[ -L away ]
}

@test "-o: what is also read is not written over" {
	gen 3 2 --step 1h >x.csv
	gen 3 2 --shape inventory >inv.csv
	gzip -k x.csv
	vmf-ingest -q -o r x.csv
	vmf-aggregate -q --step 1h --join inv.csv -o s r
	vmf-train -q --model snaive --season 1d -o m s
	vmf-predict -q --from m --horizon 24 -o f s
	vmf-window -q --length 1h --total 1 -o p f
	ln x.csv hard
	ln -s x.csv soft
	sha256sum x.csv x.csv.gz inv.csv r s m f p >sums
	fails 2 "-o: 'x.csv' is also read, as input" vmf-ingest -o x.csv x.csv
	for to in hard soft ./x.csv; do
		fails 2 "-o: '$to' is also read" vmf-ingest inv.csv -o $to x.csv
	done
	fails 2 "as input" vmf-ingest x.csv.gz -o x.csv.gz
	# Nor added to by standard output, -o or not.
	for c in "vmf-ingest x.csv" "vmf-dedup r" "vmf-cat s" \
	    "vmf-aggregate --append s s" "vmf-train --update m s"; do
		for file in x.csv r s m; do
			[[ " $c " == *" $file "* ]] || continue
			run -2 bash -c "$c >>$file"
			assert_output --partial "standard output is also read, as"
		done
	done
	run -2 bash -c "vmf-cat <s >>s"
	assert_output --partial "also read, as standard input"
	fails 2 "as standard input" vmf-ingest -o x.csv <x.csv
	fails 2 "as standard input" vmf-ingest -o x.csv - <x.csv
	fails 2 "-o: 'inv.csv' is also read, as --join" \
	    vmf-aggregate --step 1h --join inv.csv -o inv.csv r
	fails 2 "as input" vmf-aggregate --step 1h -o r r
	fails 2 "as input" vmf-train --model snaive -o s s
	fails 2 "as --from" vmf-predict --from m -o m s
	fails 2 "as input" vmf-predict --from m -o s s
	fails 2 "as input" vmf-window --length 1h -o f f
	fails 2 "as --forecast" vmf-eval --forecast f -o f s
	fails 2 "as input" vmf-cat -o f f
	fails 2 "--inventory: 'inv.csv' is also the output" \
	    vmf-gen --inventory inv.csv -o inv.csv
	fails 2 "--inventory: 'new' is also the output" \
	    vmf-gen --inventory new -o new
	fails 2 "--inventory: './new' is also the output" \
	    vmf-gen --inventory ./new -o new
	fails 2 "--inventory: '-' is also the output" vmf-gen --inventory -
	vmf-gen -q --vms 2 --inventory - -o new >inv
	head -n 1 inv | grep -q '^vm,host,'
	fails 2 "--output: found '', expected the name of a file" \
	    vmf-window --length 1h -o '' f
	assert_equal "$(tail -n 1 <<<"$stderr")" "Try 'vmf-window --help'."
	sha256sum --quiet -c sums
	# What goes on may be written over.
	vmf-dedup -q -o r r
	vmf-train -q --update m -o m s
	vmf-window -q --length 1h --total 1 --replan p -o p f
	vmf-aggregate -q --append s -o s r
	# A device is not replaced.
	vmf-ingest -q -o /dev/null - </dev/null || true
	vmf-cat -o /dev/null s
}

@test "a line on standard error is one write" {
	gen 3 2 --step 1h >x.csv
	vmf-ingest -q -o r x.csv
	# Each write is a packet of its own.
	judge - <<-'END'
	import socket, subprocess
	a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	for args in (["vmf-cat", "nosuch"], ["vmf-cat", "--nosuch"],
	             ["vmf-cat", "x" * 3000], ["vmf-dedup", "-o", "o", "r"]):
	    subprocess.run(args, stderr=b, stdout=subprocess.DEVNULL)
	b.close()
	got = []
	while True:
	    text = a.recv(65536)
	    if not text:
	        break
	    got.append(text)
	print(got)
	assert len(got) == 5, got
	assert all(g.endswith(b"\n") and g.count(b"\n") == 1 for g in got), got
	assert got[0].startswith(b"vmf-cat: cannot open nosuch"), got
	END
}

@test "threads end where no descriptor is left to open a library by" {
	gen 2 1 --step 1h | gzip >0.gz
	for i in 1 2 3 4 5 6 7 8 9; do
		cp 0.gz $i.gz
		rc=0
		(ulimit -n 9; exec vmf-ingest -q --threads 8 *.gz -o out) \
		    2>err || rc=$?
		[ "$rc" -eq 1 ] || [ "$rc" -eq 0 ]
		[ "$(wc -l <err)" -eq "$rc" ]
	done
}

@test "-o: signals that end a command leave nothing" {
	mkdir out
	for sig in TERM HUP USR1 ALRM; do
		# Under nohup HUP is nothing that ends a command.
		! (kill -$sig $BASHPID) || continue
		for c in $(commands); do
			how "$c" large
			rc=0
			if [ -n "$in" ]; then
				start_half
				kill -$sig "$pid"
				wait "$pid" || rc=$?
				exec 9>&-
				rm pipe
			else
				"$c" -q --vms 2000 --days 3650 -o out/new &
				pid=$!
				sleep 0.3
				kill -$sig "$pid"
				wait "$pid" || rc=$?
			fi
			echo "# $c $sig: $rc" >&2
			[ "$rc" -eq $((128 + $(kill -l $sig))) ]
			leaves out
		done
	done
}

@test "-o: SIGKILL leaves nothing under the final name" {
	mkdir out
	for c in $(commands); do
		how "$c" large
		[ -n "$in" ] || continue
		start_half
		kill -KILL "$pid"
		wait "$pid" || true
		exec 9>&-
		rm pipe
		[ ! -e out/new ]
	done
}
