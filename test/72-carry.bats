# scripts/plan-to-virsh and plan-to-openstack: plans carried out, against
# stand-ins that answer as the real commands do (test/stand-ins).

load helper
load carry

# there_and_back TOOL: eight VMs of 1, 2, 4 and 8 GiB, two of a size, from h1 to
# h2 and back, into rows.csv.  By virsh each takes 10 s a GiB and stops for 20
# ms a GiB.  One more fails, with much to say.
there_and_back() {
	local k from to gib at
	at="$(date -u +%FT%TZ) $(date -u -d '1 hour' +%FT%TZ)"
	for k in 0 1 2 3 4 5 6 7; do
		gib=$((1 << k / 2))
		vm h1 "v,\"$k\""
		sed -i "5s/.*/$((gib * 1048576))/" "fleet/h1/$uuid"
		echo "$((gib * 10000)) $((gib * 20))" >"fleet/took/v,\"$k\""
	done
	vm h1 lost
	# A letter of two bytes in the place where reasons are cut.
	printf '%0299dé, "so it said"\n' 0 | tee fleet/refuse/lost >fleet/fail/lost
	for from in h1 h2; do
		to=h$((3 - ${from#h}))
		{
			echo kind=plan history=vmf-window
			echo id host target mem_mb:int32 start:time end:time \
			    load:f32 rank:int32 wave:int32 status reason
			for k in 0 1 2 3 4 5 6 7; do
				echo "v,\"$k\" $from $to $((1024 << k / 2))" \
				    "$at 12.5 1 1 placed -"
			done
			[ "$from" = h2 ] || echo "lost h1 $to 2048 $at 12.5 1 1 placed -"
		} | "$ROWS" >plan
		"$1" --run -q --max-failures 9 -o rows.csv plan 2>err || true
	done
	vmf-ingest -q --map migrations rows.csv >moves
	# For whoever has to know why it fails.
	grep -v ,completed, rows.csv >&2
	cat err >&2
	assert_equal "$(vmf-cat --csv --no-header --columns status moves |
	    sort | uniq -c | xargs)" "16 completed 1 failed"
	assert_equal "$(vmf-cat --csv --no-header --columns vm moves | sort | xargs)" \
	    "$(printf "v,%s v,%s " 0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7)lost"
	vmf-train --model downtime -o model moves 2>err
	grep -q '17 migrations in, 1 of them not completed' err
	# The forecast of another plan.
	{
		echo kind=forecast step=3600
		echo id host target mem_mb:int32 vcpus:int32 start:time \
		    cpu_mean:list
		echo 'a h1 h2 1024 2 2024-05-01T00:00:00Z 12.5*24'
		echo 'b h1 h2 4096 2 2024-05-01T00:00:00Z 12.5*24'
		echo 'c h1 h2 8192 2 2024-05-01T00:00:00Z 12.5*24'
	} | "$ROWS" >forecast
}

@test "a dry run prints the commands, wave by wave, and moves nothing" {
	plan 2024-05-01 <<-E
	a h1 h2 1
	b h1 h3 0
	it's h2 h1 1
	-x h2 h1 1
	E
	to_virsh plan >out 2>err
	diff -u - out <<-'E'
	# wave 1, 2024-05-01T00:00:00Z
	virsh -c qemu+ssh://h1/system migrate --live --persistent --undefinesource --domain=b --desturi=qemu+ssh://h3/system
	# wave 2, 2024-05-01T01:00:00Z
	virsh -c qemu+ssh://h1/system migrate --live --persistent --undefinesource --domain=a --desturi=qemu+ssh://h2/system
	virsh -c qemu+ssh://h2/system migrate --live --persistent --undefinesource '--domain=it'\''s' --desturi=qemu+ssh://h1/system
	virsh -c qemu+ssh://h2/system migrate --live --persistent --undefinesource --domain=-x --desturi=qemu+ssh://h1/system
	E
	run -0 cat err
	assert_output --partial 'nothing was moved: 4 commands'
	to_openstack <plan | diff -u - <(cat <<-'E'
	# wave 1, 2024-05-01T00:00:00Z
	openstack --os-compute-api-version 2.30 server migrate --live-migration --host=h3 -- b
	# wave 2, 2024-05-01T01:00:00Z
	openstack --os-compute-api-version 2.30 server migrate --live-migration --host=h2 -- a
	openstack --os-compute-api-version 2.30 server migrate --live-migration --host=h1 -- 'it'\''s'
	openstack --os-compute-api-version 2.30 server migrate --live-migration --host=h1 -- -x
	E
	)
	[ ! -e fleet/asked ]
}

@test "commands are printed whole, or a line says why not" {
	# More than a pipe holds.
	for k in $(seq 600); do
		echo "v$k h1 h2 $((k / 60))"
	done | plan 2024-05-01
	for to in to_virsh to_openstack; do
		script=plan-to-${to#to_}
		full() { "$to" "$@" >/dev/full; }
		closed() { "$to" "$@" >&-; }
		run -1 full -q plan
		assert_output "$script: standard output: No space left on device"
		run -1 closed -q plan
		assert_output "$script: standard output: Bad file descriptor"
		# Nobody is moved whose row has nowhere to go.
		run -1 closed --run --now plan
		assert_output "$script: standard output: Bad file descriptor"
		run -1 full --help
		assert_output --partial "No space left on device"
		assert_equal "${#lines[@]}" 1
		run -1 closed --help
		assert_equal "${#lines[@]}" 1
		"$to" -q plan 2>err | head -n 1 >out
		assert_equal "$(cat out err)" "# wave 1, 2024-05-01T00:00:00Z"
	done
	[ ! -e fleet/asked ]
	vm h1 a
	plan now <<<'a h1 h2 0'
	row_lost() { to_virsh --run -q plan >/dev/full; }
	run -1 row_lost
	assert_line --index 0 \
	    "plan-to-virsh: standard output: No space left on device"
	# What moved is told all the same.
	assert_line --index 1 --regexp '^a,h1,h2,2.*,completed,$'
	assert_equal "${#lines[@]}" 2
}

@test "only commands are counted as commands" {
	plan 2024-05-01 <<-E
	a h1 h2 0
	b h1/system h2 0
	c h1 h2 1
	E
	run -0 --separate-stderr to_virsh plan
	assert_line "# b: 'h1/system' is no name of a host"
	assert_equal "$(echo "$output" | grep -c ^virsh)" 2
	assert_equal "$stderr" "plan-to-virsh: nothing was moved: 2 commands; 1 moves have none: see there; --run runs them"
}

@test "a VM without a target: virsh leaves it, nova's scheduler chooses" {
	vm h1 a
	vm h1 b
	at="$(date -u +%FT%TZ) $(date -u -d '1 hour' +%FT%TZ)"
	printf '%s\n' kind=plan "id host target start:time end:time status" \
	    "a h1 - $at placed" "b h1 h2 $at placed" | "$ROWS" >plan
	run -0 --separate-stderr to_virsh plan
	assert_line --index 1 "# a: it has no target"
	assert_line --index 2 --partial "--domain=b"
	run -0 --separate-stderr to_openstack plan
	assert_line --index 1 "# a: no target: nova's scheduler chooses one"
	assert_line --index 2 --regexp "server migrate --live-migration -- a\$"
	assert_line --index 3 --regexp "--host=h2 -- b\$"
	run -0 --separate-stderr to_openstack --run -q plan
	assert_line --regexp '^a,h1,chosen,2.*,completed,$'
	run -0 --separate-stderr to_virsh --run -q plan
	assert_line --regexp '^a,h1,,,.*,cancelled,it has no target$'
	assert_line --regexp '^b,h1,h2,2.*,completed,$'
}

@test "what the plan knows of a move before it is in its row" {
	vm h1 a
	vm h1 b
	at="$(date -u +%FT%TZ) $(date -u -d '1 hour' +%FT%TZ)"
	{
		echo kind=plan history=vmf-window
		echo id host target mem_mb:int32 vcpus:int32 workload algorithm \
		    mode auto_converge storage mem_used_bytes:f64 \
		    downtime_limit_ms:f64 bandwidth_bytes_s load_pct:f32 config \
		    dirty_rate_bytes_s start:time end:time load:f32 status
		echo 'a h1 h2 2048 4 web,"x" mine hybrid true block 1e9 300' \
		    "1e8 50 set-1 7e6 $at 12.5 placed"
		# Columns of other meanings.
		echo "b h1 h2 2048 4 db - prod gold ceph - - fast - - NA $at" \
		    - placed
	} | "$ROWS" >plan
	known=vm,workload,algorithm,mode,auto_converge,storage,mem_bytes
	known=$known,mem_used_bytes,vcpus,load_pct,dirty_rate_bytes_s
	known=$known,bandwidth_bytes_s,downtime_limit_ms,config,status
	to_openstack --run -q -o stack.csv plan
	vmf-ingest -q --map migrations stack.csv |
	    vmf-cat --csv --no-header --columns "$known" | sort >moves
	diff -u - moves <<-'E'
	a,"web,""x""",mine,hybrid,1,block,2147483648,1000000000,4,12.5,7000000,100000000,300,set-1,completed
	b,db,,,,,2147483648,,4,,,,,,completed
	E
	# What virsh and its options say goes before that.
	to_virsh --run -q --dirty-rate -o virsh.csv plan
	vmf-ingest -q --map migrations virsh.csv |
	    vmf-cat --csv --no-header --columns "$known" | sort >moves
	diff -u - moves <<-'E'
	a,"web,""x""",mine,precopy,0,shared,2147483648,1000000000,2,12.5,7340032,100000000,300,set-1,completed
	b,db,,precopy,0,shared,2147483648,,2,,7340032,,,,completed
	E
}

@test "virsh: what a move took, in the columns of migrations" {
	vm h1 a
	vm h2 b
	plan now <<-E
	a h1 h2 0
	b h2 h3 0
	E
	run -0 --separate-stderr to_virsh --run --dirty-rate \
	    --options '--live --auto-converge --compressed --bandwidth 100' plan
	assert_line --index 0 "$HEADER"
	# In the order in which they ended.
	assert_line --regexp '^a,h1,h2,20[0-9T:-]+Z,,,precopy,1,xbzrle,0,shared,2147483648,,2,12\.5,7340032,104857600,,,34,1386,1098437886,4,completed,$'
	assert_line --partial b,h2,h3,20
	assert_equal "${#lines[@]}" 3
	grep -qxF '<-c><qemu+ssh://h1/system><migrate><--live><--auto-converge><--compressed><--bandwidth><100><--domain=00000065-0000-4000-8000-000000000000><--desturi=qemu+ssh://h2/system>' fleet/asked
	[ -e fleet/h2/00000065-0000-4000-8000-000000000000 ]
	[ -e fleet/h3/00000066-0000-4000-8000-000000000000 ]
}

@test "openstack: what a move took, in the columns of migrations" {
	vm h1 a
	echo 3 >fleet/slow/a
	plan now <<<'a h1 h2 0'
	run -0 --separate-stderr to_openstack --run --options --block-migration \
	    plan
	assert_line --index 0 "$HEADER"
	assert_line --index 1 --regexp '^a,h1,h2,20[0-9T:-]+Z,,,,,,,block,2147483648,,,12\.5,,,,,,22000,,,completed,$'
	grep -qxF '<--os-compute-api-version><2.30><server><migrate><--live-migration><--block-migration><--host=h2><00000065-0000-4000-8000-000000000000>' fleet/asked
	run -0 cat fleet/migrations
	assert_output --partial 1,00000065-0000-4000-8000-000000000000,completed,h1,h2
}

@test "what virsh's moves took is learned, and predicts the next" {
	there_and_back to_virsh
	vmf-predict -q --from model forecast | vmf-cat --csv --columns \
	    id,downtime_ms_q50,total_ms_q50,transferred_bytes_q50,status |
	    awk -F, 'NR > 1 { g = $1 == "a" ? 1 : $1 == "b" ? 4 : 8
		d = $2 / g / 20; t = $3 / g / 10000; b = $4 / 1098437886
		n += d >= 0.7 && d <= 1.4 && t >= 0.7 && t <= 1.4 &&
		    b >= 0.9 && b <= 1.1 && $5 == "ok" }
	    END { exit n != 3 }'
	vmf-window -q --downtime model --length auto --per-host 1 forecast |
	    vmf-cat --csv --columns id,total_ms_q50,status |
	    awk -F, 'NR > 1 { n += $3 == "placed" && $2 > last; last = $2 }
	    END { exit n != 3 }'
}

@test "what openstack's moves took is learned, and predicts the next" {
	there_and_back to_openstack
	vmf-predict -q --quantiles 0.1,0.5,0.9 --from model forecast >downtimes
	# Of its own it tells when a move began and ended, to the second.
	run -0 vmf-cat --csv downtimes
	refute_line --index 0 --partial downtime_ms
	vmf-cat --csv --columns total_ms_q10,total_ms_q50,total_ms_q90 downtimes |
	    awk -F, 'NR > 1 { n += $2 >= 20000 && $2 <= 24000 && $1 >= 15000 &&
		$3 <= 30000 } END { exit n != 3 }'
	vmf-window -q --downtime model --length auto --per-host 1 forecast |
	    vmf-cat --csv --columns status >statuses
	assert_equal "$(grep -c placed statuses)" 3
}

@test "names with blanks, quotes, dashes, numbers: each VM is itself" {
	# Number 7 is not the VM that is called 7.
	local names=("a b" "it's" 'say "hi"' -x --help 7 '$(touch oops)' 'a,b' '*' 'b\n')
	{
		echo vm,time,cpu
		for name in "${names[@]}"; do
			for t in 0 3600 7200; do
				printf '"%s",%s,5\n' "${name//\"/\"\"}" "$t"
			done
		done
	} >samples.csv
	{
		echo vm,host,target
		for name in "${names[@]}"; do
			printf '"%s",h1,h2\n' "${name//\"/\"\"}"
			vm h1 "$name"
		done
	} >vms.csv
	vm h1 seven 7
	vmf-ingest -q samples.csv | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --join vms.csv -o series
	vmf-train -q -o model series
	vmf-predict -q --from model --horizon 3 -o forecast series
	vmf-window -q --length 1h --total 4 -o plan forecast
	to_openstack -q --run --now --output stack.csv plan
	to_virsh -q --run --now --output virsh.csv plan 2>err
	[ ! -e oops ]
	assert_equal "$(cat err)" ''
	run -0 --separate-stderr to_virsh plan
	assert_line "# 7: virsh takes this name for a VM's number; --run does not"
	refute_output --partial '--domain=7 '
	for f in stack virsh; do
		vmf-cat --csv --no-header --columns id plan | sort >want
		# Into names again, by another reader of CSV.
		cut -d, -f 1 <(grep -v '^"a,b"' $f.csv) | tail -n +2 >have
		echo '"a,b"' >>have
		sort have | diff -u want -
	done
	for name in "${names[@]}"; do
		grep -qxF -- "- h1 h2 $name" fleet/log
	done
	assert_equal "$(grep -c '^- ' fleet/log)" $((2 * ${#names[@]}))
}

@test "the load of a plan is a row's load where it is one of CPUs" {
	printf 'vm,time,cpu,mem\na,%s,5,70\n' "$(date +%s)" >samples.csv
	printf 'vm,host,target\na,h1,h2\n' >vms.csv
	vm h1 a
	vmf-ingest -q samples.csv | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --join vms.csv -o series
	for metric in cpu_mean mem_mean cpu_max; do
		vmf-train -q --metric $metric series |
		    vmf-predict -q --from - --horizon 3 -o forecast series
		vmf-window -q --length 1h --metric $metric -o plan forecast
		run -0 --separate-stderr to_virsh --run --now -q plan
		assert_equal "$(echo "$output" | columns load_pct,status)" \
		    "$([ $metric = mem_mean ] || echo 5),completed"
		mv fleet/h2/* fleet/h1/
	done
	# A plan that does not say what it was made by may be of anything.
	vmf-window -q --no-history --length 1h --metric cpu_max -o plan forecast
	run -0 --separate-stderr to_virsh --run --now -q plan
	assert_equal "$(echo "$output" | columns load_pct,status)" ',completed'
}

@test "a VM that its host does not find may be there all the same" {
	now=$(date -u +%FT%TZ)
	# A connection that was lost: x is there, and y cannot come yet.
	vm h1 x
	echo >fleet/lapse/h1.x
	echo >"fleet/lapse/h1.$uuid"
	vm h2 y
	plan "$now" <<-E
	x h1 h3 0
	y h2 h1 1
	E
	run -1 --separate-stderr to_virsh --run --now --max-failures 1 plan
	assert_equal "$(echo "$output" | columns vm,status,reason)" \
	    "x,failed,h1: failed to get domain 'x'
y,cancelled,\"x"
	assert_output --partial '"x, which was to leave h1 before, is still there"'
	[ ! -e fleet/log ]
	# It is found among all of the host, and after its move the same word
	# means no more.
	echo >fleet/lapse/h1.x
	echo >"fleet/lapse/h3.$(basename fleet/h1/*)"
	echo x h1 h3 0 | plan "$now"
	run -0 --separate-stderr to_virsh --run --now plan
	assert_equal "$(echo "$output" | columns vm,status,transferred_bytes)" \
	    x,completed,1098437886
	# By its UUID as well.
	mv fleet/h3/* fleet/h1/
	id=$(basename fleet/h1/*)
	echo >"fleet/lapse/h1.$id"
	echo "$id h1 h3 0" | plan "$now"
	run -1 --separate-stderr to_virsh --run --now plan
	assert_equal "$(echo "$output" | columns status,reason)" \
	    "failed,h1: failed to get domain '$id'"
}

@test "openstack: a server of another project is found by its name, or by none" {
	now=$(date -u +%FT%TZ)
	vm h1 'a.b"c'
	touch "fleet/elsewhere/$uuid"
	vm h1 twice
	touch "fleet/elsewhere/$uuid"
	vm h2 twice
	touch "fleet/elsewhere/$uuid"
	plan "$now" <<-E
	a.b"c h1 h2 0
	nosuch h1 h2 0
	twice h1 h2 0
	E
	run -1 --separate-stderr to_openstack --run --now --max-failures 1 plan
	assert_equal "$(tail -n +2 <<<"$output" | sort | sed 's/,.*,\([a-z]*,\)/ \1/')" \
	    '"a.b""c" completed,
nosuch cancelled,No Server found for nosuch
twice failed,2 servers of other projects have its name: expected IDs'
}

@test "what is only looked at does not begin when others have failed" {
	vm h1 a
	vm h1 c
	echo "no room" >fleet/fail/a
	echo 5 >fleet/h3/late
	plan "$(date -u +%FT%TZ)" <<-E
	a h1 h2 0
	c h1 h3 0
	E
	run -1 --separate-stderr to_virsh --run --now plan
	assert_equal "$(echo "$output" | columns vm,status,reason | sort)" \
	    "a,failed,no room
c,cancelled,more than 0 failed in wave 1"
	! grep -q ' c$' fleet/log || fail "c began"
}

@test "numbers of options are decimal, with zeros before them too" {
	vm h1 a
	echo a h1 h2 0 | plan "$(date -u +%FT%TZ)"
	run -0 --separate-stderr to_virsh --run --now -q --timeout 08 \
	    --max-failures 00 --parallel 09 --options '--live --bandwidth 010' plan
	assert_equal "$(echo "$output" | columns bandwidth_bytes_s,status)" \
	    10485760,completed
	run -2 to_virsh --run --timeout 00 plan
	assert_output --partial "expected at least 1"
}

@test "each VM is looked at again just before its move" {
	vm h1 gone-over
	mv fleet/h1/* fleet/h3/
	sed -i s/h1/h3/ fleet/servers/*
	vm h2 there
	vm h1 off "" "shut off"
	vm h1 good
	plan now <<-E
	gone-over h1 h2 0
	there h1 h2 0
	off h1 h2 0
	good h1 h2 0
	nobody h1 h2 0
	E
	run -0 --separate-stderr to_virsh --run -q plan
	assert_line --regexp '^gone-over,h1,h2,,.*,cancelled,it is neither on h1 nor on h2$'
	assert_line --regexp '^there,h1,h2,,.*,cancelled,it is on h2 already$'
	assert_line --regexp '^off,h1,h2,,.*,cancelled,"its state is shut off, not running"$'
	assert_line --regexp '^good,h1,h2,2.*,completed,$'
	assert_line --regexp '^nobody,h1,h2,,.*,cancelled,it is neither on h1 nor on h2$'
	run -0 --separate-stderr to_openstack --run -q plan
	assert_line --regexp '^gone-over,.*,cancelled,"it is on h3, not on h1"$'
	assert_line --regexp '^there,.*,cancelled,it is on h2 already$'
	assert_line --regexp '^off,.*,cancelled,"its status is SHUTOFF, not ACTIVE"$'
	assert_line --regexp '^good,h1,h2,2.*,completed,$'
	assert_line --regexp '^nobody,.*,cancelled,No Server found for nobody$'
}

@test "a target that is down, a host that cannot be reached: failures" {
	vm h1 a
	plan now <<<'a h1 h2 0'
	touch fleet/h2/down
	echo enabled down >fleet/services/h2
	run -1 --separate-stderr to_virsh --run -q plan
	assert_line --regexp '^a,h1,h2,,.*,failed,target h2: failed to connect to the hypervisor: Cannot recv data'
	run -1 --separate-stderr to_openstack --run -q plan
	assert_line --regexp '^a,h1,h2,,.*,failed,target h2: enabled and down$'
	rm fleet/services/h2
	run -1 --separate-stderr to_openstack --run -q plan
	assert_line --regexp ',failed,target h2: no nova-compute there$'
	rm fleet/h2/down
	touch fleet/h1/down
	run -1 --separate-stderr to_virsh --run -q plan
	assert_line --regexp ',failed,"?h1: failed to connect'
	[ ! -e fleet/log ]
}

@test "--max-failures: the wave stops, the rest is told and not begun" {
	for name in a b c d; do
		vm h1 $name
	done
	echo 'operation failed: migration out job: unexpectedly failed' >fleet/fail/a
	plan now <<-E
	a h1 h2 0
	b h1 h2 0
	c h1 h2 0
	d h1 h3 1
	E
	run -1 --separate-stderr to_virsh --run --now -q --parallel 1 plan
	assert_line --regexp '^a,h1,h2,2.*,failed,operation failed: migration out job: unexpectedly failed$'
	for name in b c d; do
		assert_line --regexp "^$name,.*,cancelled,more than 0 failed in wave 1\$"
	done
	assert_equal "$stderr" 'plan-to-virsh: a: failed: operation failed: migration out job: unexpectedly failed'
	run -1 --separate-stderr to_virsh --run --now --max-failures 1 -q plan
	for name in b c d; do
		assert_line --regexp "^$name,.*,completed,\$"
	done
	echo error >fleet/fail/a
	echo 'No valid host was found. There are not enough hosts available.' >fleet/refuse/b
	run -1 --separate-stderr to_openstack --run --now --max-failures 2 -q plan
	assert_line --regexp '^a,.*,failed,migration [1-9]: error$'
	assert_line --regexp '^b,.*,failed,No valid host was found'
	assert_line --regexp '^d,.*,completed,$'
}

@test "a sliding window: never more at once than the limits" {
	for k in 1 2 3 4 5 6; do
		vm h1 "a$k"
		vm h2 "b$k"
		echo $((k % 3 + 5)) | tee "fleet/slow/a$k" >"fleet/slow/b$k"
	done
	for k in 1 2 3 4 5 6; do
		echo "a$k h1 h3 0"
		echo "b$k h2 h3 0"
	done >moves
	plan now <moves
	run -0 to_virsh --run -q --parallel 3 --per-host 2 plan
	assert_equal "$(at_once 0) $(at_once 2)" "3 2"
	assert_equal "$(grep -c '^-' fleet/log)" 12
	rm fleet/log
	run -0 to_openstack --run -q --per-target 2 plan
	assert_equal "$(at_once 0)" 2
	# As many as the plan has, otherwise: four, then the rest.
	rm fleet/log
	mv fleet/h3/* fleet/h1/
	awk 'NR <= 12 { $4 = int((NR - 1) / 4); $2 = "h1"; print }' moves | plan now
	run -0 to_virsh --run --now -q plan
	assert_equal "$(at_once 0)" 4
}

@test "what a move was to come after is waited for, however long it takes" {
	vm h1 slow
	vm h2 next
	echo 10 >fleet/slow/slow
	plan now <<-E
	slow h1 h3 0
	next h2 h1 1
	E
	run -0 to_virsh --run --now -q plan
	assert_equal "$(cat fleet/log)" "+ h1 h3 slow
- h1 h3 slow
+ h2 h1 next
- h2 h1 next"
	# And does not come where there may be no room.
	rm fleet/log
	vm h1 stuck
	vm h2 later
	echo 'internal error' >fleet/fail/stuck
	plan now <<-E
	stuck h1 h3 0
	later h2 h1 1
	E
	run -1 --separate-stderr to_virsh --run --now -q --max-failures 9 plan
	assert_line --regexp '^later,.*,cancelled,"stuck, which was to leave h1 before, is still there"$'
}

@test "who stays keeps others away, and those stay as well" {
	vm h1 x
	vm h2 y
	vm h3 z
	echo error | tee fleet/fail/x >fleet/refuse/x
	plan now <<-E
	x h1 h4 0
	y h2 h1 1
	z h3 h2 2
	E
	for to in to_virsh to_openstack; do
		rm -f fleet/log
		run -1 --separate-stderr "$to" --run --now -q --max-failures 9 \
		    plan
		assert_line --regexp '^x,.*,failed,error$'
		assert_line --regexp '^y,.*,cancelled,"x, which was to leave h1 before, is still there"$'
		assert_line --regexp '^z,.*,cancelled,"y, which was to leave h2 before, is still there"$'
		run ! grep -q '[yz]$' fleet/log
	done
	# But not one that came in an earlier run.
	mv fleet/h2/* fleet/h1/
	run -1 --separate-stderr to_virsh --run --now -q --max-failures 9 plan
	assert_line --regexp '^y,h2,h1,,.*,cancelled,it is on h1 already$'
	assert_line --regexp '^z,.*,completed,$'
}

@test "who is too late and still there keeps others away" {
	for name in a c d e f g i j k l m n; do
		vm h1 "$name"
	done
	vm h3 b
	for name in a c d e f g i j k l m n; do
		echo "$name h1 h2 0"
	done >moves
	echo b h3 h1 1 >>moves
	plan '90 minutes ago' <moves
	for to in to_virsh to_openstack; do
		run -0 --separate-stderr "$to" --run -q plan
		assert_equal "$(echo "$output" | grep -c 'its window ended')" 12
		assert_line --regexp '^b,.*,cancelled,"[a-n], which was to leave h1 before, is still there"$'
		[ ! -e fleet/log ]
	done
}

@test "who is too late, but was moved by an earlier run, is in nobody's way" {
	vm h1 a
	vm h3 b
	plan now <<<'a h1 h2 0'
	for to in to_virsh to_openstack; do
		"$to" --run -q -o $to.csv plan
	done
	plan '90 minutes ago' <<-E
	a h1 h2 0
	b h3 h1 1
	E
	for to in to_virsh to_openstack; do
		run -0 --separate-stderr "$to" --run -q -o $to.csv plan
		assert_equal "$(columns vm,status,reason <$to.csv | xargs)" \
		    "a,completed, a,cancelled,it is on h2 already b,completed,"
		refute [ -n "$(echo "$stderr" | grep windows)" ]
	done
}

@test "times are waited for; a window that is over is not used" {
	vm h1 a
	vm h1 b
	# All of them: the plan was not carried out.
	plan '3 hours ago' <<<'a h1 h2 0'
	run -1 --separate-stderr to_virsh --run -q plan
	assert_line --regexp '^a,.*,cancelled,its window ended at 20.*Z$'
	assert_equal "$stderr" \
	    "plan-to-virsh: of 1 moves 1 were not begun: their windows had ended"
	[ ! -e fleet/log ]
	plan '3 hours ago' <<-E
	a h1 h2 0
	b h1 h3 3
	E
	run -0 --separate-stderr to_openstack --run -q plan
	assert_line --regexp '^b,.*,completed,$'
	assert_equal "$stderr" \
	    "plan-to-openstack: of 2 moves 1 were not begun: their windows had ended"
	rm fleet/log
	before=$(date +%s)
	plan '2 seconds' <<<'b h1 h2 0'
	run -0 --separate-stderr to_virsh --run -q plan
	assert_line --regexp '^b,.*,completed,$'
	[ $(($(date +%s) - before)) -ge 2 ]
}

@test "--output: rows are added, the file is always whole" {
	vm h1 a
	vm h1 b
	plan now <<<'a h1 h2 0'
	to_virsh --run -q -o rows.csv plan
	plan now <<<'b h1 h2 0'
	to_virsh --run -q -o rows.csv plan
	assert_equal "$(cut -d, -f 1 rows.csv | xargs)" "vm a b"
	# Not into what is something else, nor after half a line.
	echo 'vm,time,cpu' >other.csv
	run -1 to_virsh --run -q -o other.csv plan
	assert_output --partial 'other.csv: its first line is not the columns'
	printf %s "$(cat rows.csv)" >half.csv
	run -1 to_virsh --run -q -o half.csv plan
	assert_output --partial 'half.csv: its last line has no end'
	assert_equal "$(cat other.csv)" vm,time,cpu
	# Where it cannot be written nothing begins.
	rm fleet/log
	run -1 to_virsh --run -q -o no/such/folder plan
	assert_output --partial 'cannot write no/such/folder'
	[ ! -e fleet/log ]
	leaves . fleet half.csv other.csv plan rows.csv
}

@test "--output: rows that the file cannot take go to standard output" {
	vm h1 a
	vm h1 b
	mkdir rows
	plan now <<-E
	a h1 h2 0
	b h1 h2 1
	E
	# A move takes the place of the file away.
	printf '%s\n' '#!/bin/sh' 'case $* in *migrate*) rm -rf rows ;; esac' \
	    "exec '$VMF_ROOT/test/stand-ins/virsh' \"\$@\"" >virsh
	chmod +x virsh
	PATH=$PWD:$PATH run -1 --separate-stderr to_virsh --run --now -q \
	    -o rows/r.csv plan
	assert_line --index 0 "$HEADER"
	assert_line --regexp '^a,.*,completed,$'
	assert_line --regexp '^b,'
	grep -qx 'plan-to-virsh: the rows that rows/r.csv lacks are on standard output' <<<"$stderr"
}

@test "--output: a pipe is none, a link stays one, two runs lose nothing" {
	vm h1 a
	vm h1 b
	plan now <<<'a h1 h2 0'
	mkfifo pipe
	run -1 to_virsh --run -q -o pipe plan
	assert_output --partial 'pipe: not a regular file'
	[ -p pipe ]
	ln -s rows.csv link
	to_virsh --run -q -o link plan
	[ -h link ]
	chmod 640 rows.csv
	assert_equal "$(cut -d, -f 1 rows.csv | xargs)" "vm a"
	# One began before the other, and ends after it.
	cp plan plan.a
	vm h1 c
	plan now <<<'c h1 h2 0'
	cp plan plan.c
	plan now <<<'b h1 h2 0'
	echo 2 >fleet/slow/b
	to_virsh --run -q -o rows.csv plan &
	sleep 0.5
	to_virsh --run -q --lock fleet/other -o rows.csv plan.c
	wait $!
	assert_equal "$(cut -d, -f 1 rows.csv | sort | xargs)" "a b c vm"
	assert_equal "$(stat -c %a rows.csv)" 640
}

@test "interrupted: running moves are told and waited for, the file is whole" {
	for name in a b c; do
		vm h1 $name
		echo 30 >fleet/slow/$name
	done
	plan now <<-E
	a h1 h2 0
	b h1 h2 0
	c h1 h3 0
	E
	for signal in INT TERM; do
		rm -f fleet/log rows.csv
		# A group of its own, and the whole of it gets the signal, as by
		# Ctrl-C.
		env --default-signal=INT setsid sh \
		    "$VMF_ROOT/scripts/plan-to-virsh" --run --lock fleet/one-run --parallel 2 \
		    -o rows.csv plan 2>err &
		pid=$!
		for _ in $(seq 100); do
			[ "$(cat fleet/log 2>/dev/null | wc -l)" -lt 2 ] || break
			sleep 0.05
		done
		kill -$signal -- "-$pid"
		rc=0
		wait "$pid" || rc=$?
		assert_equal "$rc" 130
		run -0 cat err
		assert_line "plan-to-virsh: interrupted: no move begins any more; waiting for those under way"
		assert_line "plan-to-virsh: under way: a from h1 to h2"
		assert_line "plan-to-virsh: under way: b from h1 to h2"
		run -0 cat rows.csv
		assert_line --index 0 "$HEADER"
		assert_line --regexp '^a,.*,completed,$'
		assert_line --regexp '^b,.*,completed,$'
		assert_line --regexp '^c,.*,cancelled,interrupted$'
		assert_equal "${#lines[@]}" 4
		leaves . err fleet plan rows.csv
		mv fleet/h2/* fleet/h1/
	done
}

@test "interrupted twice: the moves go on by themselves" {
	for name in a b c; do
		vm h1 $name
	done
	# So long that it is under way at the second, whatever else is.
	echo 80 >fleet/slow/a
	echo error >fleet/fail/b
	plan now <<-E
	b h1 h2 0
	a h1 h2 0
	c h1 h2 0
	d h1 h2 1
	E
	sh "$VMF_ROOT/scripts/plan-to-virsh" --run --lock fleet/one-run --parallel 1 \
	    --max-failures 9 -o rows.csv plan 2>err &
	pid=$!
	for _ in $(seq 50); do
		! grep -qs 'a$' fleet/log || break
		sleep 0.1
	done
	kill -TERM "$pid"
	sleep 2.1
	kill -TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	assert_equal "$rc" 130
	run -0 cat err
	assert_line "plan-to-virsh: these moves go on by themselves, without a row:"
	assert_line --index -1 "plan-to-virsh: under way: a from h1 to h2"
	# What was known by then, and what was not begun.
	run -0 cat rows.csv
	assert_line --index 1 --regexp '^b,.*,failed,error$'
	assert_line --index 2 --regexp '^c,h1,h2,,.*,cancelled,interrupted$'
	assert_line --index 3 --regexp '^d,h1,h2,,.*,cancelled,interrupted$'
	assert_equal "${#lines[@]}" 4
	for _ in $(seq 150); do
		[ ! -e fleet/h2/00000065-0000-4000-8000-000000000000 ] || break
		sleep 0.1
	done
	[ -e fleet/h2/00000065-0000-4000-8000-000000000000 ]
}

@test "--timeout: a move that does not end is given up" {
	vm h1 a
	echo 600 >fleet/slow/a
	plan now <<<'a h1 h2 0'
	run -1 --separate-stderr to_virsh --run -q --timeout 1 plan
	assert_line --regexp '^a,h1,h2,2.*,failed,given up after 1 s$'
	[ -e fleet/h1/00000065-0000-4000-8000-000000000000 ]
	assert_equal "$(tail -n 1 fleet/log)" "- h1 h2 a"
	run -1 --separate-stderr to_openstack --run -q --timeout 1 plan
	assert_line --regexp '^a,h1,h2,2.*,failed,given up after 1 s$'
	assert_equal "$(tail -n 1 fleet/log)" "abort a"
}

@test "openstack: what nova still does is waited for, whatever was said" {
	vm h1 a
	vm h1 b
	vm h1 c
	touch fleet/stuck/a fleet/killed/b
	echo 3 >fleet/slow/a
	plan now <<-E
	a h1 h2 0
	b h1 h2 0
	c h1 h2 0
	E
	run -0 --separate-stderr to_openstack --run -q --timeout 1 --poll 1 \
	    --parallel 1 plan
	assert_line --regexp '^a,.*,completed,given up after 1 s; not aborted: Migration is not running$'
	assert_line --regexp '^b,.*,completed,'
	assert_equal "$(at_once 0)" 1
}

@test "virsh lost its connection, and the VM has arrived" {
	vm h1 a
	echo 'End of file while reading data: Input/output error' >fleet/lost/a
	plan now <<<'a h1 h2 0'
	run -0 --separate-stderr to_virsh --run -q plan
	assert_line --regexp '^a,h1,h2,2.*,34,1386,1098437886,4,completed,End of file while reading data: Input/output error$'
}

@test "a VM that another moved meanwhile is not counted as moved" {
	vm h1 a
	vm h1 b
	vm h1 c
	vm h3 d
	vm h1 e
	plan now <<-E
	a h1 h2 0
	b h1 h2 0
	c h1 h2 0
	e h1 h2 0
	d h3 h1 1
	E
	echo h4 >fleet/meanwhile/e
	echo h2 | tee fleet/meanwhile/a >fleet/meanwhile/c
	echo 'Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainMigratePerform3Params)' >fleet/lost/b
	run -0 --separate-stderr to_virsh --run --now -q plan
	for name in a b c; do
		assert_line --regexp "^$name,h1,h2,,.*,,,,,cancelled,it is on h2 already: another moved it\$"
	done
	# To a third host.
	assert_line --regexp "^e,.*,cancelled,it is neither on h1 nor on h2\$"
	# Its host is as empty as if it had been this run.
	assert_line --regexp "^d,.*,completed,\$"
	echo 'Migration to the host it is on' | tee fleet/refuse/a >fleet/refuse/c
	run -0 --separate-stderr to_openstack --run --now -q plan
	for name in a c; do
		assert_line --regexp "^$name,h1,h2,,.*,,,,,cancelled,it is on h2 already: another moved it\$"
	done
	assert_line --regexp "^b,.*,completed,\$"
	assert_line --regexp "^d,.*,completed,\$"
}

@test "a move that ended well, but elsewhere, is none to the target" {
	vm h1 a
	vm h1 b
	echo h3 >fleet/astray/a
	echo h1 >fleet/astray/b
	plan now <<-E
	a h1 h2 0
	b h1 h2 0
	E
	run -1 --separate-stderr to_openstack --run -q --max-failures 9 plan
	assert_line --regexp '^a,h1,h2,,.*,cancelled,"it is on h3, not on h1: another moved it"$'
	assert_line --regexp '^b,h1,h2,2.*,failed,migration [12] ended at h1; it is on h1$'
	run -1 --separate-stderr to_virsh --run -q --max-failures 9 plan
	assert_line --regexp '^a,.*,failed,"virsh said that it was moved, but it is not on h2, nor on h1"$'
	assert_line --regexp '^b,.*,failed,"virsh said that it was moved, but it is not on h2"$'
}

@test "a name of a host that is none does not reach ssh" {
	vm h1 a
	plan now <<-E
	a h1 -oProxyCommand=x 0
	b h1/system?x h2 0
	E
	run -0 --separate-stderr to_virsh --run -q plan
	assert_line --regexp "^a,.*,cancelled,'-oProxyCommand=x' is no name of a host\$"
	assert_line --regexp "^b,.*,cancelled,'h1/system\?x' is no name of a host\$"
	[ ! -e fleet/asked ]
}

@test "bad plans and options: one line, exit code, nothing asked" {
	bad() {
		local code=$1 text=$2
		shift 2
		run "-$code" to_virsh "$@"
		assert_line --index 0 "plan-to-virsh: $text"
	}
	echo 'a 1 h1' | { echo 'kind=forecast step=3600'; echo 'id start:time cpu_mean:list host'
	    while read -r id load host; do echo "$id 2024-05-01T00:00:00Z $load $host"; done; } |
	    "$ROWS" >f
	vmf-window -q --length 1h -o plan f
	bad 1 'plan: no column "target": expected a plan of vmf-window with --place, or of a forecast with a column target' plan
	bad 1 "f: a stream of kind 'forecast', expected 'plan'" f
	run -0 to_openstack -q plan
	assert_line --index 1 "# a: no target: nova's scheduler chooses one"
	assert_line --index 2 'openstack --os-compute-api-version 2.30 server migrate --live-migration -- a'
	plan now <<-E
	a h1 h2 0
	a h1 h3 0
	E
	bad 1 'plan: the VM "a" is there twice' plan
	head -c 200 plan >cut
	run -1 to_virsh cut
	assert_line --index 0 --partial 'plan-to-virsh: cut'
	run -1 to_virsh </dev/null
	assert_output --regexp '^plan-to-virsh: standard input: [^/]*$'
	head -c 200 plan | { run -1 to_virsh; assert_output --regexp '^plan-to-virsh: standard input: [^/]*$'; }
	# The name whole, in one line.
	{
		printf 'vm,time,cpu\n"a\nb\tc\033",0,5\n' >samples.csv
		printf 'vm,host,target\n"a\nb\tc\033",h1,h2\n' >vms.csv
		vmf-ingest -q samples.csv | vmf-dedup -q |
		    vmf-aggregate -q --step 1h --join vms.csv -o series
		vmf-train -q -o model series
		vmf-predict -q --from model --horizon 3 series |
		    vmf-window -q --length 1h -o odd
	}
	run -0 to_virsh odd
	assert_line "# a?b?c?: control characters in its name or that of a host"
	assert_line --partial '0 commands; 1 moves have none'
	run to_virsh --run --now odd
	assert_line --partial 'a?b?c?,h1,h2,'
	assert_line --partial ',cancelled,control characters in its name or that of a host'
	bad 1 'cannot open none: No such file or directory' none
	bad 2 "option '--parallel': found '0', expected at least 1" --parallel 0 plan
	bad 2 "option '--max-failures': found 'x', expected a whole number" --max-failures x plan
	bad 2 "option '--timeout' needs a value" --timeout
	bad 2 "unknown option '--no-such'" --no-such plan
	bad 2 "unexpected operand 'b'" plan b
	bad 2 "unexpected operand '--run'" -- plan --run
	bad 2 "unexpected operand ''" plan ''
	bad 2 "--uri: found 'qemu:///system', expected %s for the host in it" --uri qemu:///system plan
	bad 2 '--output, --now, --lock and --take-over are about --run' -o out plan
	bad 2 '--output, --now, --lock and --take-over are about --run' --take-over plan
	plan now </dev/null
	run -0 --separate-stderr to_virsh --run plan
	assert_output "$HEADER"
	# Options may stand after the operand.
	run -0 --separate-stderr to_virsh --run plan -q -o rows.csv
	assert_equal "$output$stderr$(cat rows.csv)" "$HEADER"
	[ ! -e fleet/asked ]
}
