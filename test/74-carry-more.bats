# Plans carried out where something is full, gone or killed, and one run
# beside another.  The rest is in 72-carry.bats.

load helper
load carry

# tiny SIZE COMMAND: a shell's command, with $TMPDIR a disk of that size.
tiny() {
	mkdir -p tiny
	unshare -rm sh -c "mount -t tmpfs -o size=$1 tmpfs tiny || exit 99
		TMPDIR=\$PWD/tiny
		export TMPDIR
		$2"
}

can_mount() {
	tiny 64k true 2>/dev/null || skip "no disk can be made here (unshare)"
}

# instead TEXT: a virsh that does this, in sh, before it does what it is asked.
instead() {
	mkdir -p first
	printf '%s\n' '#!/bin/sh' "$1" \
	    "exec '$VMF_ROOT/test/stand-ins/virsh' \"\$@\"" >first/virsh
	chmod +x first/virsh
	PATH=$PWD/first:$PATH
}

# Each VM that has moved has one row, which says so, in the files.
all_told() {
	local f n=0
	for f in fleet/h2/*-*; do
		[ -e "$f" ] || continue
		n=$((n + 1))
		assert_equal "$(head -n 1 "$f") $(cat "$@" | grep -c \
		    "^$(head -n 1 "$f"),h1,h2,2.*,1098437886,4,completed,\$")" \
		    "$(head -n 1 "$f") 1"
	done
	assert_equal "$(cat "$@" | grep -c ',completed,')" "$n"
}

@test "a disk too small: nothing begins, or each move is known" {
	can_mount
	for k in 0 1 2 3 4 5; do
		echo "v$k h1 h2 $((k > 2 ? k : 0))"
	done | plan now
	for size in 4k 12k 20k 24k 28k 32k 36k 60k 64k; do
		rm -rf fleet/h1/* fleet/h2/* fleet/log
		for k in 0 1 2 3 4 5; do
			vm h1 "v$k"
		done
		rm -f rows.csv
		rc=0
		tiny $size "timeout 60 sh '$VMF_ROOT/scripts/plan-to-virsh' \
		    --run --lock fleet/one-run --now -q -o rows.csv plan" >out 2>err || rc=$?
		echo "$size: exit $rc: $(cat err)"
		[ $rc -le 1 ]
		touch rows.csv
		all_told rows.csv
		if [ $rc -eq 0 ]; then
			assert_equal "$(ls fleet/h2 | wc -l)" 6
		else
			run ! grep -v '^plan-to-virsh: ' err
			[ -s err ]
		fi
		# Who does not move has a row, once there is a plan.
		[ ! -s rows.csv ] || assert_equal "$(wc -l <rows.csv)" 7
		run ! grep -q failed rows.csv
	done
	[ $rc -eq 0 ]
}

@test "a disk that gets full meanwhile: what is under way is known" {
	can_mount
	for k in 0 1 2 3 4 5; do
		vm h1 "v$k"
		echo "v$k h1 h2 $((k > 1))"
	done | plan now
	# Room is only where the first two had theirs.
	instead 'case $* in *migrate*) cat /dev/zero >>"$TMPDIR/fill" ;; esac'
	run tiny 256k "sh '$VMF_ROOT/scripts/plan-to-virsh' --run --lock fleet/one-run --now \
	    -o rows.csv plan 2>err"
	assert_equal "$status $output" '1 '
	all_told rows.csv
	run -0 cat rows.csv
	assert_equal "${#lines[@]}" 7
	refute_output --partial ,failed,
	assert_line --regexp '^v5,.*,cancelled,no room in .* for what becomes'
	run -0 cat err
	assert_line "plan-to-virsh: v0: moved to h2"
	assert_line "plan-to-virsh: v1: moved to h2"
	assert_line --partial "6 moves: "
}

@test "a file that cannot take its rows: they go to standard output" {
	can_mount
	for k in 0 1 2; do
		vm h1 "v$k"
		echo "v$k h1 h2 $k"
	done | plan now
	# Two pages: the file is nearly one, and it is made anew beside itself.
	{
		echo "$HEADER"
		for _ in $(seq 200); do
			echo "old,h1,h2$(printf '%23s' '' | tr ' ' ,)"
		done
	} | head -c 4080 | sed '$d' >old.csv
	tiny 8k "cp old.csv tiny/rows.csv; TMPDIR=/tmp
	    sh '$VMF_ROOT/scripts/plan-to-virsh' --run --lock fleet/one-run --now -q \
	    -o tiny/rows.csv plan 2>err
	    [ \$? -eq 1 ] && cmp old.csv tiny/rows.csv && ls tiny" >out 2>&1 ||
	    { cat out err | cut -c 1-99; false; }
	cat out err
	assert_equal "$(head -n 1 out)" "$HEADER"
	assert_equal "$(tail -n 1 out)" rows.csv
	all_told out
	[ "$(ls fleet/h2 | wc -l)" -lt 3 ]
	grep -q '^v2,.*,cancelled,tiny/rows.csv could not be written$' out
	grep -q 'cannot write tiny/rows.csv: .*No space left on device' err
	grep -q 'the rows that tiny/rows.csv lacks are on standard output' err
}

@test "an outcome that cannot be written is told by the exit status" {
	for name in a b c; do
		vm h1 $name
	done
	echo broken >fleet/fail/b
	plan now <<-E
	a h1 h2 0
	b h1 h2 0
	c h1 h2 1
	E
	mkdir temp
	# A folder where it is to be written.
	instead 'case $* in *migrate*)
		for f in temp/*/of.*.outcome; do
			rm -rf "$f" && mkdir "$f"
		done ;;
	esac'
	TMPDIR=temp run -1 --separate-stderr to_virsh --run --now \
	    --max-failures 9 --parallel 1 plan
	assert_line --regexp '^a,h1,h2,2.*,completed,what it said of it could not be written to temp/'
	assert_line --regexp '^b,h1,h2,.*,failed,what it said of it could not be written to temp/'
	assert_line --regexp '^c,h1,h2,2.*,completed,what it said'
	assert_equal "${#lines[@]}" 4
}

@test "a process that is killed: its VM is asked for, and is not said to fail" {
	for name in a b c; do
		vm h1 $name
	done
	plan now <<-E
	a h1 h2 0
	b h1 h2 1
	c h1 h2 2
	E
	# The one that waits for virsh, before b's move and after a's.
	mkdir first
	cat >first/virsh <<-E
	#!/bin/sh
	case \$* in
	*migrate*)
		p=\$PPID
		for _ in 1 2; do
			p=\$(cut -d ' ' -f 4 /proc/\$p/stat)
		done
		case \$* in
		*00000065*)
			'$VMF_ROOT/test/stand-ins/virsh' "\$@"
			kill -KILL \$p
			exit
			;;
		esac
		kill -KILL \$p
		exit 1
		;;
	esac
	exec '$VMF_ROOT/test/stand-ins/virsh' "\$@"
	E
	chmod +x first/virsh
	PATH=$PWD/first:$PATH run -1 --separate-stderr to_virsh --run --now plan
	assert_line --regexp '^a,h1,h2,2.*,completed,"?it arrived, but what it took is not known: its process was killed"?$'
	assert_line --regexp '^c,.*,cancelled,what became of the move of b is not known$'
	assert_equal "${#lines[@]}" 3
	lines=()
	mapfile -t lines <<<"$stderr"
	assert_line "plan-to-virsh: b: what became of its move is not known: its process was killed; it is on h1"
	assert_line "plan-to-virsh: 3 moves: 1 completed, 0 failed, 1 not begun, 1 not known"
	assert_line --index -1 "plan-to-virsh: no row: b from h1 to h2"
}

# begins NAME: waits until its move has begun.
begins() {
	for _ in $(seq 100); do
		! grep -qs "^+.* $1\$" fleet/log || return 0
		sleep 0.1
	done
	return 1
}

# interrupted PID: the run ended as one that was.
interrupted() {
	local rc=0
	wait "$1" || rc=$?
	assert_equal "$rc" 130
}

# two_plans: a, which takes a while, and b, an hour later, in "plan.1"; c in
# "plan".
two_plans() {
	for name in a b c; do
		vm h1 $name
	done
	echo 30 >fleet/slow/a
	printf '%s\n' 'a h1 h2 0' 'b h1 h2 1' | plan now
	mv plan plan.1
	plan now <<<'c h1 h2 0'
}

@test "one run at a time: the second is told whose it is" {
	two_plans
	to_virsh --run -q -o rows.csv plan.1 3>&- &
	first=$!
	begins a
	run -1 to_virsh --run plan
	assert_output --regexp "^plan-to-virsh: fleet/one-run: process [0-9]+ carries out $PWD/plan.1 since 20[0-9T:-]+Z: interrupt it \(kill [0-9]+: it waits for its moves under way\), then begin this one; or use --take-over\$"
	pid=$(cut -d ' ' -f 1 fleet/one-run)
	assert_output --partial "(kill $pid:"
	# To look is free, and so is another lock.
	run -0 to_virsh -q plan
	run -0 to_virsh --run -q --lock fleet/other plan
	kill "$pid"
	interrupted $first
	assert_equal "$(columns vm,status,reason <rows.csv | xargs)" \
	    "a,completed, b,cancelled,interrupted"
	run -0 to_virsh --run -q plan
	run -1 to_virsh --run --lock no/such/folder plan
	assert_output --partial "cannot write no/such/folder: "
}

@test "the lock is one for a user, whatever the plan and the folder" {
	two_plans
	mkdir first
	# A user that no machine has.
	printf '%s\n' '#!/bin/sh' "echo test-$$" >first/id
	chmod +x first/id
	PATH=$PWD/first:$PATH
	script=$VMF_ROOT/scripts/plan-to-virsh
	sh "$script" --run -q -o rows.csv plan.1 3>&- &
	first=$!
	begins a
	mkdir elsewhere
	run -1 sh -c "cd elsewhere && exec sh '$script' --run ../plan"
	assert_output --partial "/vmf-plan-to-virsh.test-$$.lock: process"
	lock=${output#plan-to-virsh: }
	lock=${lock%%: *}
	# Another side has its own.
	run -0 sh "$VMF_ROOT/scripts/plan-to-openstack" --run --poll 0 -q plan
	kill "$(cut -d ' ' -f 1 "$lock")"
	wait $first || true
	rm "$lock" "${lock%virsh*}openstack.test-$$.lock"
}

@test "--take-over: the run before begins no more, and is waited for" {
	two_plans
	to_virsh --run -q -o rows.csv plan.1 2>err.1 3>&- &
	first=$!
	begins a
	run -0 --separate-stderr to_virsh --run --take-over -o more.csv plan
	[[ $stderr = *"waiting for the end of another run: process "* ]]
	interrupted $first
	assert_equal "$(columns vm,status,reason <rows.csv | xargs)" \
	    "a,completed, b,cancelled,another run took over"
	assert_equal "$(columns vm,status <more.csv)" c,completed
	assert_equal "$(cut -d ' ' -f 1,4 fleet/log | xargs)" "+ a - a + c - c"
	run -0 cat err.1
	assert_line --index 0 "plan-to-virsh: another run takes over: no move begins any more; waiting for those under way"
	assert_line --index 1 "plan-to-virsh: under way: a from h1 to h2"
	assert_equal "${#lines[@]}" 2
	# Nobody there: as without.
	mv fleet/h2/* fleet/h1/
	run -0 to_virsh --run -q --take-over plan
}

@test "--take-over: never of one that began later" {
	two_plans
	to_virsh --run -q -o rows.csv plan.1 3>&- &
	first=$!
	begins a
	read -r pid since what <fleet/one-run
	echo "$pid $((since + 100)) $what" >fleet/one-run
	run -1 to_virsh --run --take-over plan
	assert_output --partial "expected none that began after this one"
	kill "$pid"
	interrupted $first
}

@test "a run that was killed has the lock until its moves are over" {
	two_plans
	setsid sh "$VMF_ROOT/scripts/plan-to-virsh" --run -q \
	    --lock fleet/one-run plan.1 >out 2>err 3>&- &
	begins a
	read -r pid _ <fleet/one-run
	# The one that waits, and the one that works.
	kill -KILL $(cat /proc/$pid/task/$pid/children) "$pid"
	run -1 to_virsh --run plan
	assert_output "plan-to-virsh: fleet/one-run: another run has it, or moves that a killed one left: wait for their end, then begin this one"
	run -0 to_virsh --run -q --take-over plan
	assert_equal "$(cut -d ' ' -f 1,4 fleet/log | xargs)" "+ a - a + c - c"
}
