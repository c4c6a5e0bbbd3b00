# vmf-window as the planner of a fleet: limits, targets, drains, plans that
# are replaced.  The search for them is in 43-plan-search.bats.

load helper
load plan

@test "--per-host: the one that loses more by waiting goes first" {
	fleet host <<-E >f
	a 1,9,9,9 h1
	b 1,2,9,9 h1
	c 1,2,9,9 h2
	E
	run -0 plan id,start,load,rank,wave,status --per-host 1 <f
	assert_equal "$(hours <<<"$output")" "a,00,1,1,1,placed
b,01,2,1,2,placed
c,00,1,1,1,placed"
	run -0 plan id,start --per-host 2 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,00 b,00 c,00"
	vmf-window -q --length 1h --per-host 2 -o plan f
	run -0 vmf-cat --csv plan
	assert_line --index 0 'id,host,start,end,load,rank,wave,status,reason'
}

@test "the most VMs first, then the least cost" {
	# b's only room is where a would be cheapest.
	fleet host <<-E >f
	a 1,90,90 h
	b 2,-,- h
	E
	run -0 plan id,start,load --per-host 1 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,01,90 b,00,2"
}

@test "--total, --per-cluster: moves at once, in a sliding window" {
	fleet host cluster <<-E >f
	a 1*6 h1 c1
	b 1*6 h2 c1
	c 1*6 h3 c2
	E
	run -0 plan id,start --total 1 --length 2h <f
	assert_equal "$(hours <<<"$output" | cut -d, -f 2 | sort | xargs)" "00 02 04"
	run -0 plan id,start --per-cluster 1 <f
	assert_equal "$(hours <<<"$output" | cut -d, -f 2 | xargs | tr ' ' '\n' | sort | xargs)" "00 00 01"
	# Two hours do not fit six times into six hours: two are left.
	fleet host <<-E >f
	a 1*6 h
	b 1*6 h
	c 1*6 h
	d 1*6 h
	e 1*6 h
	E
	run -0 plan status,reason --per-host 1 --length 2h <f
	assert_equal "$(grep -c ^placed <<<"$output")" 3
	assert_equal "$(grep -c '^no-room,no room in any of 5 windows: all 5 by --per-host' <<<"$output")" 2
}

@test "batches are not needed: the next move begins when one has ended" {
	# Three at once, moves of 2 hours, everybody wants the first hours.
	fleet host <<-E >f
	a 1,1,9,9,9 h
	b 1,1,1,9,9 h
	c 1,1,1,1,9 h
	d 9,1,1,9,9 h
	E
	run -0 plan id,start,load --per-host 2 --length 2h <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,00,1 b,00,1 c,02,1 d,02,5"
}

@test "targets: kept, limited, and not where the VM is" {
	fleet host target <<-E >f
	a 1,2,3 h1 h3
	b 1,5,9 h2 h3
	c 1,2,3 h1 h1
	d 1,2,3 h1 -
	E
	run -0 plan id,host,target,start,status --per-target 1 <f
	assert_equal "$(hours <<<"$output" | sort -t, -k 4,4 -k 1,1 | cut -d, -f 2- | xargs)" \
	    "h1,h1,,forbidden h2,h3,00,placed h1,,00,placed h1,h3,01,placed"
	run -0 plan id,reason --per-target 1 <f
	assert_line 'c,its target is the host it is on'
}

@test "a target takes no more than --max-host-load, all its VMs counted" {
	printf '%s\n' host,cpus h1,10 h2,4 >hosts.csv
	# h2 holds 4 vCPUs at 60 %; a comes with 2 at 50 %: 3.4 of 4 is 85 %.
	fleet host target vcpus:int32 <<-E >f
	a 50,50,50 h1 h2 2
	b 60,60,60 h2 h1 4
	E
	run -0 plan id,start,status --hosts hosts.csv --max-host-load 85 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,00,placed b,00,placed"
	# At 84 % it has to wait for b to leave, and h1 takes that.
	run -0 plan id,start,status --hosts hosts.csv --max-host-load 84 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,01,placed b,00,placed"
	# b alone is more than 20 % of h1, and stays, and so does a.
	run -0 plan id,status,reason --hosts hosts.csv --max-host-load 20 <f
	assert_line 'a,no-room,no room in any of 3 windows: all 3 by the load of the target'
	assert_line --partial 'b,no-room,'
	# --max-load counts for hosts as well.
	run -0 plan id,start,status --hosts hosts.csv --max-load 84 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,01,placed b,00,placed"
	run -0 plan id,start,status --hosts hosts.csv --max-load 84 \
	    --max-host-load inf <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,00,placed b,00,placed"
}

@test "with --risk the load of a target is that of its VMs' quantiles" {
	printf '%s\n' host,cpus h1,64 h2,8 >hosts.csv
	# 2 x 70 that comes and 4 x 80 that is there are 460 of 8; expected
	# are 340.
	fleet host target vcpus:int32 cpu_mean_q90:list <<-E >f
	a 50,50,50 h1 h2 2 70,70,70
	b 60,60,60 h2 h1 4 80,80,80
	E
	run -0 plan id,start,status --hosts hosts.csv --max-host-load 43 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,00,placed b,00,placed"
	run -0 plan id,start,status --hosts hosts.csv --max-host-load 58 \
	    --risk 0.9 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,00,placed b,00,placed"
	run -0 plan id,start,load,load_q90 --hosts hosts.csv \
	    --max-host-load 57 --risk 0.9 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,01,50,70 b,00,60,80"
	# A quantile below the expected load does not make room.
	fleet host target vcpus:int32 cpu_mean_q10:list <<-E >f
	a 50,50,50 h1 h2 2 1,1,1
	b 60,60,60 h2 h1 4 1,1,1
	E
	run -0 plan id,start --hosts hosts.csv --max-host-load 42 --risk 0.1 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,01 b,00"
}

@test "a target takes no more memory than it has, if that is known" {
	printf '%s\n' host,mem_mb h1,10000 h2,9000 >hosts.csv
	fleet host target mem_mb:int32 <<-E >f
	a 1,2,3 h1 h2 4000
	b 1,2,3 h2 h1 6000
	E
	# b has to leave h2 before a comes.
	run -0 plan id,start --hosts hosts.csv <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,01 b,00"
	run -0 plan id,start --hosts hosts.csv --max-host-mem inf <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,00 b,00"
	run -0 plan id,start --hosts hosts.csv --max-host-mem 112 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,00 b,00"
	run -0 plan id,status,reason --hosts hosts.csv --max-host-mem 90 <f
	assert_line 'a,no-room,no room in any of 3 windows: all 3 by the memory of the target'
	assert_line 'b,no-room,no room in any of 3 windows: all 3 by the memory of the target'
	# A move of two hours counts at both ends until it has ended.
	run -0 plan id,start --length 2h --hosts hosts.csv <f
	assert_equal "$(hours <<<"$output" | xargs)" "a, b,00"
	# --place goes where there is memory, and VMs without a forecast take
	# theirs.
	printf '%s\n' host,mem_mb h1,9999 h2,5000 h3,5000 >hosts.csv
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list host mem_mb:int32'
		echo "a $DAY 1,2 h1 3000"
		echo 'b - - h2 2001'
	} | "$ROWS" >f
	run -0 plan id,target,status --place --hosts hosts.csv <f
	assert_line --index 0 'a,h3,placed'
}

@test "--place, --drain: all VMs of the host, no others, to where there is room" {
	printf '%s\n' host,cpus,cluster h1,8,c h2,8,c h3,8,c h4,8,other >hosts.csv
	fleet host cluster vcpus:int32 <<-E >f
	a 50,50,50 h1 c 4
	b 50,50,50 h1 c 4
	c 75,75,75 h2 c 4
	d 10,10,10 h3 c 4
	E
	vmf-window --length 1h --place --drain h1 --hosts hosts.csv \
	    --max-host-load 60 --per-host 1 -o plan f 2>err
	run -0 vmf-cat --csv --no-header --columns id,host,target,wave,status plan
	# h2 would be at 62.5 % with either; h3 takes both; h4 is elsewhere.
	assert_equal "$(cut -d, -f 1-3,5 <<<"$output" | xargs)" \
	    "a,h1,h3,placed b,h1,h3,placed"
	run cat err
	assert_output --partial '2 forecasts, 2 placed; 2 others stay'
	# Both drained: c and d cannot help.
	run -0 plan id,status,reason --place --drain h1,h2,h3 --hosts hosts.csv \
	    --max-host-load 60 <f
	assert_equal "$(grep -c "no-room,\"no room in any of 3 windows: there is no other host in its cluster, 'c'\"" <<<"$output")" 4
	run -0 plan id,target --place --drain h1 --drain h2 --hosts hosts.csv \
	    --max-host-load inf <f
	assert_equal "$(xargs <<<"$output")" "a,h3 b,h3 c,h3"
	# Spare hosts of no cluster, and names that do not agree, are told.
	printf '%s\n' host,cpus h1,8 h2,8 h3,8 spare,8 >bare.csv
	vmf-window --length 1h --place --drain h1 --hosts bare.csv \
	    --max-host-load inf -o plan f 2>err
	run cat err
	assert_output --partial "1 hosts, such as 'spare', are of no known cluster"
	printf '%s\n' host,cpus,cluster h1,8,C h2,8,C h3,8,C >other.csv
	vmf-window --length 1h --place --drain h1 --hosts other.csv \
	    --max-host-load inf -o plan f 2>err
	run cat err
	assert_output --partial "4 VMs, some on 'h1', say another cluster than their host"
	fails 1 "--drain: no host 'h9' in hosts.csv" vmf-window --length 1h \
	    --place --drain h9 --hosts hosts.csv -o out f
	fails 1 "--drain:" vmf-window --length 1h --drain h1 f
}

@test "anti-affinity: never together, unless they were" {
	fleet host target anti_affinity <<-E >f
	a 1,2,3,4 h1 h3 db
	b 1,2,3,4 h2 h3 db
	c 1,2,3,4 h3 h4 db
	d 1,2,3,4 h5 h6 web
	e 1,2,3,4 h5 h6 -
	E
	# One of a and b comes to h3, after c has left it.
	run -0 plan id,start,status,reason --total 9 <f
	assert_equal "$(grep -c '^[ab],.*,placed' <<<"$output")" 1
	assert_line --regexp "^[ab],2024-05-01T01:00:00Z,placed"
	assert_line --regexp '^[ab],,no-room,no room in any of 4 windows: all 4 by anti-affinity'
	assert_line --partial 'c,2024-05-01T00:00:00Z'
	# The columns alone are enough to plan all together.
	run -0 plan id,status <f
	assert_equal "$(grep -c placed <<<"$output")" 4
}

@test "a target is kept without limits too, and is not the VM's own host" {
	fleet host target <<-E >f
	a 1,2,3,4 h1 h1
	b 1,2,3,4 h2 h3
	c 4,3,2,1 h1 -
	E
	run -0 plan id,target,start,wave,status,reason <f
	assert_line --index 0 'a,h1,,,forbidden,its target is the host it is on'
	assert_line --index 1 'b,h3,2024-05-01T00:00:00Z,1,placed,'
	assert_line --index 2 'c,,2024-05-01T03:00:00Z,2,placed,'
	# One that no VM is on may be misspelt.
	run -0 --separate-stderr vmf-window --length 1h -o out f
	assert_regex "$stderr" "1 targets are hosts that no VM is on, such as 'h3': with --hosts FILE"
	printf '%s\n' host h1 h2 h3 >hosts.csv
	run -0 --separate-stderr vmf-window --length 1h --hosts hosts.csv -o out f
	refute_regex "$stderr" 'no VM is on'
	# Groups alone limit nothing: each VM for itself.
	fleet host anti_affinity <<-E >f
	a 1,2 h1 db
	b 1,2 h1 db
	E
	vmf-window -q --length 1h f | vmf-cat --csv >out
	run -0 head -n 1 out
	refute_output --partial wave
	assert_equal "$(grep -c placed out)" 2
}

@test "pinned VMs and deadlines, with and without limits" {
	fleet host pinned deadline <<-E >f
	a 3,2,1 h yes -
	b 3,2,1 h no 2024-05-01T02:00:00Z
	c 3,2,1 h - -
	d 3,2,1 h - 2024-05-01T00:30:00Z
	E
	for limit in "" "--total 9"; do
		# shellcheck disable=SC2086
		run -0 plan id,start,status,reason $limit <f
		assert_line --index 0 'a,,forbidden,it is pinned'
		assert_line --index 1 'b,2024-05-01T01:00:00Z,placed,'
		assert_line --index 2 'c,2024-05-01T02:00:00Z,placed,'
		assert_line --index 3 --partial 'd,,no-window,no window of 1h'
	done
	# The earlier of a deadline and --not-after holds.
	run -0 plan id,start --not-after 2024-05-01T02:30:00Z <f
	assert_line --index 1 'b,2024-05-01T01:00:00Z'
	run -0 plan id,start --not-after 2024-05-01T01:30:00Z <f
	assert_line --index 1 'b,2024-05-01T00:00:00Z'
	assert_line --index 2 'c,2024-05-01T00:00:00Z'
	echo 'a 1 h no soon' | fleet host pinned deadline >f
	fails 1 "row 0, 'a': its deadline is not a time" \
	    vmf-window --length 1h f
}

@test "pinned is one of many words, and never a word that is not known" {
	# In an inventory a word makes all of the column text.
	local yes="1 2 10 1.0 y Y yes YES on On t true True 0.5"
	local no="0 0.0 n no No off OFF f false FALSE NA -"
	local k=10 v
	for v in $yes $no; do echo "v$((k += 1)) 1 h $v"; done >rows
	fleet host pinned <rows >f
	for limit in "" "--total 99"; do
		# shellcheck disable=SC2086
		run -0 plan status,pinned $limit <f
		assert_equal "$(grep -c forbidden <<<"$output")" \
		    "$(wc -w <<<"$yes")"
		assert_equal "$(grep -c placed <<<"$output")" \
		    "$(wc -w <<<"$no")"
	done
	for v in x 2x -1 yess inf-; do
		printf '%s\n' "a 1 h no" "b 1 h $v" | fleet host pinned >f
		fails 1 "f: row 1, 'b': its pinned is '$v', expected yes or no" \
		    vmf-window --length 1h f
		assert_equal "$(wc -l <<<"$stderr")" 1
		fails 1 "row 1, 'b': its pinned is '$v'" \
		    vmf-window --length 1h --total 1 f
	done
	fleet host pinned:f64 <<-E >f
	a 1 h 1
	b 1 h 0
	c 1 h -
	E
	run -0 plan id,status <f
	assert_equal "$(xargs <<<"$output")" "a,forbidden b,placed c,placed"
	fleet pinned:f64 <<<"a 1 -1" >f
	fails 1 "row 0, 'a': its pinned is -1, expected" \
	    vmf-window --length 1h f
	fleet pinned:binary <<<"a 1 7" >f
	fails 1 "its pinned is neither text nor a number" \
	    vmf-window --length 1h f
}

@test "--top: alternatives that the rest of the plan leaves room for" {
	fleet host <<-E >f
	a 1,2,3 h
	b 1,9,9 h
	E
	run -0 plan id,start,load,rank,wave --per-host 1 --top 3 <f
	assert_equal "$(hours <<<"$output" | xargs)" "a,01,2,1,2 a,02,3,2, b,00,1,1,1 b,02,9,2,"
	# a moves alone, c starts where it ends: with --no-overlap one is left.
	run -0 plan id,start,rank --per-host 1 --top 9 --length 90m \
	    --slot 30m --no-overlap <f
	assert_equal "$(grep -c '^a' <<<"$output")" 1
}

@test "--replan: nothing changes for less than --hysteresis" {
	fleet host <<-E >f
	a 1,5,5 h
	b 5,5,1 h
	E
	vmf-window -q --length 1h --slot 1h --per-host 1 -o old f
	fleet host <<-E >g
	a 4,2,9 h
	b 5,5,1 h
	E
	run -0 plan id,start --per-host 1 --replan old --hysteresis 2 <g
	assert_equal "$(hours <<<"$output" | xargs)" "a,00 b,02"
	run -0 plan id,start --per-host 1 --replan old --hysteresis 1.9 <g
	assert_equal "$(hours <<<"$output" | xargs)" "a,01 b,02"
	vmf-window --length 1h --slot 1h --per-host 1 --replan old -o new g 2>err
	run cat err
	assert_output --partial 'of the plan before 1 kept, 1 changed'
	# Equal loads: the old plan stays, wherever it was.
	fleet host <<<'a 3,3,3 h' >e
	fleet host <<<'a 3,3,1 h' | vmf-window -q --length 1h --slot 1h \
	    --total 1 -o old
	run -0 plan id,start --total 1 --replan old <e
	assert_equal "$(hours <<<"$output")" "a,02"
	# What is no longer possible is planned anew.
	run -0 plan id,start --total 1 --replan old --hysteresis 9 \
	    --not-after 2024-05-01T02:00:00Z <e
	assert_equal "$(hours <<<"$output")" "a,00"
	fails 2 '--replan' vmf-window --length 1h --hysteresis 1 e
	fails 1 "of kind 'forecast', expected 'plan'" \
	    vmf-window --length 1h --replan e -o out e
	head -c $(($(stat -c %s old) - 8)) old >cut
	fails 1 'end' vmf-window --length 1h --replan cut -o out e
}

@test "--explain: the cost, and what kept a VM from its cheapest start" {
	fleet host <<-E >f
	a 1,9,9 h
	b 1,2,9 h
	E
	vmf-window -q --length 1h --slot 1h --per-host 1 --explain b,a -o plan \
	    f 2>err
	run cat err
	assert_line --index 0 'b: cost of a start: mean of the expected load (cpu_mean) in the 1h from it on; starts every 1h'
	assert_line 'b: placed at 2024-05-01T01:00:00Z, wave 2, cost 2, expected load 2'
	assert_line 'b: its cheapest start costs 1; cheaper ones that others keep it from: 1 window: all 1 by --per-host'
	assert_line 'a: its cheapest start'
	fails 1 "no VM 'zz'" vmf-window --length 1h --per-host 1 --explain zz \
	    -o out f
	# And without limits.
	vmf-window -q --length 1h --slot 1h --max-load 5 --explain b -o plan f 2>err
	run cat err
	assert_line 'b: 3 starts, 3 out of blackouts, 3 of these with a forecast, 2 of these within --max-load'
	assert_line 'b: rank 1: 2024-05-01T00:00:00Z, cost 1, expected load 1'
}

@test "--drain of a host that nobody knows" {
	printf '%s\n' host,cpus h1,8 h2,8 >hosts.csv
	fleet host target <<<'a 1,2 h1 h2' >f
	fails 1 "--drain: no host 'h9' in f" vmf-window --length 1h \
	    --drain h1,h9 f
	fails 1 "--drain: no host 'h9' in hosts.csv" vmf-window --length 1h \
	    --drain h1,h9 --hosts hosts.csv f
}

@test "--strict: the plan is written, and the exit code is 1" {
	fleet host <<-E >f
	a 1 h
	b 1 h
	E
	fails 1 '--strict: 1 of 2 VMs are not placed' vmf-window --length 1h \
	    --per-host 1 --strict -o plan f
	run -0 vmf-cat --csv --no-header --columns status plan
	assert_equal "$(sort <<<"$output" | xargs)" "no-room placed"
	fails 1 '--strict: 2 of 2' vmf-window --length 2h --strict -o plan f
	run -0 vmf-window -q --length 1h --strict -o plan f
}

@test "limits that cannot be met: a plan of what is possible, and reasons" {
	printf '%s\n' host,cpus,mem_mb h1,8,9000 h2,8,9000 >hosts.csv
	fleet host vcpus:int32 mem_mb:int32 <<-E >f
	a 50,50,50 h1 4 4000
	b 60,60,60 h1 4 6000
	E
	# A drain without room for one of two; blackouts of all there is.
	run -0 --separate-stderr vmf-window --length 1h --slot 1h \
	    --drain h1 --place --hosts hosts.csv -o plan f
	run -0 vmf-cat --csv --no-header --columns id,status,reason plan
	assert_line --index 0 'a,placed,'
	assert_line --index 1 'b,no-room,no room in any of 3 windows on 1 host: all 3 by the memory of the target'
	run -0 plan id,status --total 1 --blackout 00:00-12:00 \
	    --blackout 12:00-24:00 <f
	assert_equal "$(xargs <<<"$output")" "a,blackout b,blackout"
	fails 1 '--strict: 1 of 2 VMs are not placed' vmf-window --length 1h \
	    --drain h1 --place --hosts hosts.csv --strict -o plan f
	fails 1 '--strict: 2 of 2 VMs are not placed' vmf-window --length 1h \
	    --total 1 --blackout Mon-Sun --strict -o plan f
}

@test "a VM that the inventory lacks costs itself its place, and nobody else" {
	printf '%s\n' host,cpus,mem_mb h1,8,9000 h2,8,9000 h3,1,9000 >hosts.csv
	fleet host vcpus:int32 mem_mb:int32 <<-E >f
	a 50,50,50 h1 2 4000
	b 50,50,50 h2 - 4000
	c 50,50,50 h2 2 -
	d 50,50,50 - - -
	e 50,50,50 h3 2 0
	E
	run -0 --separate-stderr vmf-window --length 1h --slot 1h --place \
	    --hosts hosts.csv --max-host-load 90 -o p f
	assert_equal "$stderr" "vmf-window: 5 forecasts, 1 placed, 4 forbidden; mean cost 50, of any plan at least 50; 4 without vcpus or mem_mb that a limit needs; 1 on no known host; targets limited by load and memory; windows of 1h"
	run -0 vmf-cat --csv --no-header --columns id,target,status,reason p
	assert_output "a,h2,placed,
b,,forbidden,\"its vcpus is missing or not above 0, and a limit on the load of hosts needs it\"
c,,forbidden,\"its mem_mb is missing or not above 0, and the memory of hosts (--max-host-mem) needs it\"
d,,forbidden,\"its mem_mb is missing or not above 0, and the memory of hosts (--max-host-mem) needs it\"
e,,forbidden,\"its mem_mb is missing or not above 0, and the memory of hosts (--max-host-mem) needs it\""
	fails 1 '--strict: 4 of 5 VMs are not placed' vmf-window --length 1h \
	    --place --hosts hosts.csv --max-host-load 90 --strict -o p f
	# What is known of it counts: b is one vCPU at least.
	printf '%s\n' host,cpus h1,8 h2,1.5 >small.csv
	fleet host vcpus:int32 <<-E >g
	a 100,100,100 h1 1
	b 80,80,80 h2 -
	E
	run -0 plan id,status --place --hosts small.csv --max-host-load 100 <g
	assert_equal "$(xargs <<<"$output")" "a,no-room b,forbidden"
	run -0 plan id,status --place --hosts small.csv --max-host-load 121 <g
	assert_equal "$(xargs <<<"$output")" "a,placed b,forbidden"
	# Where no limit asks, or it has nowhere to go, nothing is lacking.
	run -0 plan id,status --place --hosts hosts.csv --max-host-mem inf <f
	assert_equal "$(grep -c placed <<<"$output")" 5
	run -0 plan id,status --place --drain h1 --hosts hosts.csv <f
	assert_output "a,placed"
}

@test "which limits of hosts hold, and which column is none, is told" {
	fleet host vcpus:int32 mem_mb:int32 <<<'a 50,50 h1 2 4000' >f
	said() {
		vmf-window --length 1h --place "$@" -o p f 2>err || return
		cat err
	}
	printf '%s\n' host,cpus,memory_mb,rack h1,8,9000,1 h2,8,6,1 >hosts.csv
	run -0 said --hosts hosts.csv
	assert_line --index 0 "vmf-window: hosts.csv: column 'memory_mb' is not used, expected cpus, mem_mb or cluster"
	assert_line --index 1 "vmf-window: hosts.csv: column 'rack' is not used, expected cpus, mem_mb or cluster"
	assert_line --index 2 --partial "; targets limited by neither load nor memory; windows of 1h"
	run -0 said --hosts hosts.csv --max-load 90
	assert_line --partial "; targets limited by load alone; "
	printf '%s\n' host,cpus,mem_mb,cluster h1,8,9000,c h2,8,9000,c >hosts.csv
	run -0 said --hosts hosts.csv
	assert_output --partial "; targets limited by memory alone; "
	assert_equal "${#lines[@]}" 1
	run -0 said --hosts hosts.csv --max-load 90
	assert_output --partial "; targets limited by load and memory; "
	# Not all to the first host, where nothing is known of any.
	for k in 1 2 3 4 5 6 7 8 9; do
		echo "v$k 5$k,60 h$((k % 3 + 1)) 2 4000"
	done | fleet host vcpus:int32 mem_mb:int32 >f
	run -0 said
	assert_line --index 0 "vmf-window: --place without --hosts: what room hosts have is not known, and their VMs take turns in where they go"
	run -0 vmf-cat --csv --no-header --columns target p
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" "3 h1 3 h2 3 h3"
	run -0 said
	refute_output --partial limited
}

@test "--assume-load: who has no forecast can leave a host that is drained" {
	printf '%s\n' host,cpus h1,8 h2,1 >hosts.csv
	{
		echo 'kind=forecast step=3600'
		echo 'id status start:time cpu_mean:list cpu_mean_q90:list host vcpus:int32'
		echo "a ok $DAY 10,10 12,12 h2 1"
		echo "b empty $DAY -,- -,- h1 1"
		echo "c ok $DAY 10,- 12,- h1 1"
	} | "$ROWS" >f
	drain() {
		run -0 --separate-stderr vmf-window --length 1h --slot 1h --place \
		    --hosts hosts.csv --max-host-load 80 --drain h1 -o p "$@" f
		run -0 vmf-cat --csv --no-header \
		    --columns id,target,load,status,reason p
	}
	drain
	assert_output "b,,,no-window,each of the 2 possible windows meets a missing step of the forecast; forecast is empty
c,h2,10,placed,"
	for risk in '' '--risk 0.9'; do
		# shellcheck disable=SC2086 # an option and its value, or none
		drain --assume-load 50 $risk
		assert_output "b,h2,50,placed,a load of 50 is assumed; forecast is empty
c,h2,10,placed,"
		grep -qx 'vmf-window: 1 VMs of whose load nothing is predicted: 50 is assumed, and their reason says so' <<<"$stderr"
	done
	# It counts where it comes: 10 of a, 10 of c, and more than 60.
	drain --assume-load 61
	refute_output --partial b,h2
	assert_output --partial 'no room in any of'
	assert_output --partial 'a load of 61 is assumed; forecast is empty'
	# Each VM for itself, and a bound on the load.
	run -0 plan id,load,status --assume-load 7 <f
	assert_line b,7,placed
	run -0 plan id,status,reason --assume-load 7 --max-load 6 <f
	assert_line 'b,over-load,"the least load, 7 at 2024-05-01T00:00:00Z, is more than 6; a load of 7 is assumed; forecast is empty"'
	for x in -1 inf 1e+300; do
		fails 2 "--assume-load is $x, expected a number, at least 0" \
		    vmf-window --length 1h --assume-load $x f
	done
}

@test "--inventory: who is stale and not in it is gone, and takes no room" {
	printf '%s\n' host,mem_mb h1,9000 h2,9000 >hosts.csv
	printf '%s\n' vm,host a,h1 c,h1 >vms.csv
	{
		echo 'kind=forecast step=3600'
		echo 'id status start:time cpu_mean:list host mem_mb:int32'
		echo "a ok $DAY 1,2 h1 4000"
		echo "b stale $DAY 1,2 h2 6000"
		echo "c stale $DAY 1,2 h1 1000"
		echo "d ok $DAY 1,2 h1 1000"
		echo "e empty - - h9 -"
	} | "$ROWS" >f
	# h9 is gone as well, and no error.
	run -0 --separate-stderr vmf-window --length 1h --slot 1h --place \
	    --hosts hosts.csv --inventory vms.csv --strict -o p f
	assert_equal "$stderr" \
	    "vmf-window: 5 forecasts, 3 placed, 2 forbidden; mean cost 1, of any plan at least 1; 2 gone; targets limited by memory alone; windows of 1h"
	run -0 vmf-cat --csv --no-header --columns id,host,target,status,reason p
	assert_output "a,h1,h2,placed,
b,h2,,forbidden,it is gone: not in vms.csv; forecast is stale
c,h1,h2,placed,forecast is stale
d,h1,h2,placed,
e,h9,,forbidden,it is gone: not in vms.csv; forecast is empty"
	fails 1 "'e': host 'h9' is not in hosts.csv" vmf-window --length 1h \
	    --place --hosts hosts.csv -o p f
	# Each VM for itself, and a drain.
	run -0 plan id,status --inventory vms.csv <f
	assert_equal "$(xargs <<<"$output")" \
	    "a,placed b,forbidden c,placed d,placed e,forbidden"
	run -0 plan id,status --inventory vms.csv --place --drain h2 \
	    --hosts hosts.csv <f
	assert_output b,forbidden
	# And with a limit that asks for no host.
	{
		echo 'kind=forecast step=3600'
		echo 'id status start:time cpu_mean:list'
		echo "a ok $DAY 1,2"
		echo "b stale $DAY 1,2"
	} | "$ROWS" >g
	run -0 plan id,status --total 1 --inventory vms.csv <g
	assert_equal "$(xargs <<<"$output")" "a,placed b,forbidden"
	fails 1 'cannot open nowhere.csv' vmf-window --length 1h \
	    --inventory nowhere.csv -o p f
	# The name of a file may be no text, and long: the reason is.
	odd=$(printf 'v\351%s.csv' "$(printf 'é%.0s' {1..110})")
	cp vms.csv "$odd"
	for limit in '' --total=9; do
		# shellcheck disable=SC2086 # an option, or none
		vmf-window -q --length 1h $limit --inventory "$odd" -o p g
		run -0 vmf-cat --csv --no-header --columns id,reason p
		assert_line --regexp '^b,it is gone: not in v\?(é){95,98}; forecast is stale$'
	done
}

@test "bad input: one line, exit code, nothing written" {
	fleet host vcpus:int32 <<<'a 1,2 h1 2' >f
	printf '%s\n' host,cpus h1,4 >hosts.csv
	printf '%s\n' host,cpus h2,4 >other.csv
	printf '%s\n' host,cluster h1,c >none.csv
	printf '%s\n' host,cpus h1, >empty.csv
	printf '%s\n' host,cpus h1,4 h1,5 >twice.csv
	fails 1 "row 0, 'a': host 'h1' is not in other.csv" vmf-window \
	    --length 1h --hosts other.csv -o out f
	fails 1 "none.csv: no column 'cpus'" vmf-window --length 1h --place \
	    --max-load 50 --hosts none.csv -o out f
	fails 1 "empty.csv: host 'h1': cpus is '', expected" vmf-window \
	    --length 1h --hosts empty.csv -o out f
	fails 1 "twice.csv:3: found host 'h1' again" vmf-window --length 1h \
	    --hosts twice.csv -o out f
	fails 1 'what hosts have is not known' vmf-window --length 1h --place \
	    --max-load 50 -o out f
	fails 2 'expected --hosts FILE' vmf-window --length 1h \
	    --max-host-load 50 -o out f
	fails 2 '--per-host' vmf-window --length 1h --per-host 0 f
	printf '%s\n' host,mem_mb h1,4 h2,9 >mem.csv
	printf '%s\n' host,mem_mb h1,4 h2, >hole.csv
	fails 1 "no column 'mem_mb', which the memory of hosts (--max-host-mem) needs" \
	    vmf-window --length 1h --place --hosts mem.csv -o out f
	: >none.csv
	fails 1 "none.csv:1: found no header, expected a line such as host,cpus,mem_mb,cluster" \
	    vmf-window --length 1h --hosts none.csv -o out f
	printf '%s\n' host,mem_mb h1,9 h2,lots >words.csv
	fails 1 "words.csv: column 'mem_mb' of host 'h2': found 'lots', expected a number above 0" \
	    vmf-window --length 1h --hosts words.csv -o out f
	fails 1 "hole.csv: host 'h2': mem_mb is '', expected a number above 0" \
	    vmf-window --length 1h --place --hosts hole.csv -o out f
	fails 1 "hosts.csv: no column 'mem_mb', which --max-host-mem needs" \
	    vmf-window --length 1h --place --hosts hosts.csv \
	    --max-host-mem 80 -o out f
	fails 2 '--max-host-mem needs what hosts have: expected --hosts FILE' \
	    vmf-window --length 1h --max-host-mem 80 -o out f
	fails 2 '--max-host-mem is -1' vmf-window --length 1h --hosts mem.csv \
	    --max-host-mem -1 -o out f
	fleet host mem_mb:int32 <<<'a 1,2 h1 -' >g
	fails 1 "g: no VM has mem_mb above 0, which the memory of hosts (--max-host-mem) needs" \
	    vmf-window --length 1h --place --hosts mem.csv -o out g
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list host'
		echo "a $DAY 1,2 h"
		echo "a $DAY 1,2 h"
	} | "$ROWS" >g
	fails 1 "'a'" vmf-window --length 1h --total 1 -o out g
	fails 1 "'a'" vmf-window --length 1h -o out g
	fleet vcpus:int32 <<<'a 1,2 2' >g
	fails 1 "no column 'host', which --per-host needs" vmf-window \
	    --length 1h --per-host 1 -o out g
	fails 1 "no column 'cluster', which --per-cluster needs" vmf-window \
	    --length 1h --per-cluster 1 -o out g
	fleet host vcpus:int32 <<<'a 1,2 h1 -' >g
	fails 1 "g: no VM has vcpus above 0, which a limit" vmf-window --length 1h --place \
	    --max-load 50 --hosts hosts.csv -o out g
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list host'
		echo "a $DAY 1,2 h"
		echo 'b 2024-05-01T01:00:00Z 1 h'
	} | "$ROWS" >g
	fails 1 "row 1, 'b': 1 steps from 2024-05-01T01:00:00Z, but rows before have 2 from" \
	    vmf-window --length 1h --total 1 -o out g
	[ ! -e out ]
}

@test "a length that no forecast has" {
	fleet host <<<'a 1,2,3 h1' >f
	run -0 vmf-window -q --length 5000w --slot 1s --total 1 -o p f
	run -0 vmf-cat --csv --no-header --columns id,status,reason p
	assert_output --partial a,no-window,
}

@test "no VMs, no windows, no loads: rows that say why" {
	fleet host </dev/null >f
	run -0 plan id --total 1 <f
	assert_output ''
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list host'
		echo 'a - - h'
		echo "b $DAY 1,2 h"
		echo 'c - - -'
	} | "$ROWS" >f
	run -0 plan id,start,status,reason --per-host 1 <f
	assert_line --index 0 'a,,no-window,the forecast has no steps'
	assert_line --index 1 --partial 'b,2024-05-01T00:00:00Z,placed'
	assert_line --index 2 'c,,forbidden,"its host is not known, and --per-host limits that"'
	run -0 plan id,status --per-host 1 --length 3h <f
	assert_line 'b,no-window'
}

@test "the same bytes from any batches, and on every run" {
	gen 300 3 --inventory vms.csv >samples.csv
	vmf-ingest -q samples.csv | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --join vms.csv -o series
	vmf-train -q --model snaive -o model series
	vmf-predict -q --from model --horizon 24 -o f series
	set -- --length 30m --per-host 1 --total 7 --rounds 30000
	vmf-window -q "$@" --no-history -o one f
	vmf-window -q "$@" --no-history -o two f
	same one two
	judge - <<-'E'
	import pyarrow as pa, pyarrow.ipc as ipc
	t = ipc.open_stream("f").read_all()
	with ipc.new_stream("g", t.schema) as w:
	    w.write_table(t, max_chunksize=7)
	E
	vmf-window -q "$@" --no-history -o two g
	vmf-cat --csv one >one.csv
	vmf-cat --csv two | same one.csv -
}

# old ROW...: a plan of the columns id, start, target and rank.
old() {
	{
		echo kind=plan
		echo 'id start:time target rank:int32'
		printf '%s\n' "$@"
	} | "$ROWS"
}

@test "--replan: a start and a target that can still be had, and no others" {
	printf '%s\n' host,cpus h1,8 h2,8 h3,8 >hosts.csv
	fleet host <<<'b 3,3,3 h1' >f
	set -- --place --hosts hosts.csv --replan old
	kept() {
		run -0 plan id,start,target "$@" <f
		hours <<<"$output"
	}
	old 'a - - 1' "b ${DAY/T00/T02} h3 1" 'c - - 1' >old
	assert_equal "$(kept "$@")" b,02,h3
	# Another rank, no start, no such host, its own, or none.
	local row first
	first=$(run -0 plan id,start,target --place --hosts hosts.csv <f
		hours <<<"$output")
	assert_equal "${first%,*}" b,00
	for row in "b ${DAY/T00/T02} h3 2" 'b - h3 1' "b ${DAY/T00/T02} h9 1" \
	    "b ${DAY/T00/T02} h1 1" "b ${DAY/T00/T02} - 1"; do
		old "$row" >old
		assert_equal "$(kept "$@")" "$first"
	done
	# Between slots, before all, after them: the target is kept.
	for row in ${DAY/T00:00/T01:30} 2024-04-30T23:00:00Z \
	    2024-05-01T09:00:00Z; do
		for target in h2 h3; do
			old "b $row $target 1" >old
			assert_equal "$(kept "$@")" "b,00,$target"
		done
	done
	# Nor a host that is of another cluster by now.
	printf '%s\n' host,cpus,cluster h1,8,x h2,8,x h3,8,y >hosts.csv
	old "b ${DAY/T00/T02} h3 1" >old
	assert_equal "$(kept "$@")" b,00,h2
	printf '%s\n' host,cpus h1,8 h2,8 h3,8 >hosts.csv
	# A target of its own is kept to: the plan before went elsewhere.
	fleet host target <<<'b 3,3,3 h1 h2' >f
	old "b ${DAY/T00/T02} h3 1" >old
	assert_equal "$(kept --hosts hosts.csv --replan old)" b,00,h2
	old "b ${DAY/T00/T02} h2 1" >old
	assert_equal "$(kept --hosts hosts.csv --replan old)" b,02,h2
}

@test "--replan: what became of each old move is told" {
	printf '%s\n' host,cpus h1,8 h2,8 h3,8 >hosts.csv
	fleet host <<-E >f
	b 3,3,3 h1
	c 3,3,3 h3
	d 3,3,3 h1
	e 3,3,3 h1
	E
	# Kept; on its target; its start is over, its target is not; no such
	# host; a VM that is gone, at both ends.  Alternatives are no moves.
	old "a ${DAY/T00/T02} h2 1" "b ${DAY/T00/T02} h2 1" "b $DAY h2 2" \
	    "c ${DAY/T00/T01} h3 1" 'd 2024-04-30T23:00:00Z h3 1' \
	    "e ${DAY/T00/T02} h9 1" "z ${DAY/T00/T02} h2 1" >old
	vmf-window --length 1h --slot 1h --place --hosts hosts.csv \
	    --replan old -o plan f 2>err
	run cat err
	assert_output --partial \
	    'of the plan before 1 kept, 0 changed, 1 done, 4 no longer possible'
	run -0 plan id,start,target --place --hosts hosts.csv --replan old <f
	[[ $(hours <<<"$output" | xargs) == "b,02,h2 c,00,"*" d,00,h3 e,00,"* ]]
	# A start that is forbidden by now.
	vmf-window --length 1h --slot 1h --place --hosts hosts.csv \
	    --blackout '02:00-03:00' --replan old -o plan f 2>err
	run cat err
	assert_output --partial \
	    'of the plan before 0 kept, 0 changed, 1 done, 5 no longer possible'
}

@test "--replan: moves that make room for each other are kept, in any order" {
	printf '%s\n' host,cpus,mem_mb h1,8,3 h2,8,3 h3,8,3 h4,8,3 >hosts.csv
	# Each host holds one; who is first by id is last to find room.
	fleet host mem_mb:f64 <<-E >f
	a 1,1,1,1 h1 2
	b 1,1,1,1 h2 2
	c 1,1,1,1 h3 2
	E
	old "a ${DAY/T00/T03} h2 1" "b ${DAY/T00/T02} h3 1" \
	    "c ${DAY/T00/T01} h4 1" >old
	vmf-window --length 1h --slot 1h --place --hosts hosts.csv \
	    --max-host-mem 100 --rounds 1 --replan old -o plan f 2>err
	run cat err
	assert_output --partial 'of the plan before 3 kept, 0 changed'
}

@test "--replan: what is no plan is refused, with the column or the row" {
	fleet host <<<'b 3,3,3 h1' >f
	printf '%s\n' kind=plan 'id rank:int32' 'b 1' | "$ROWS" >old
	fails 1 "old: no column 'start', which every plan has" \
	    vmf-window --length 1h --replan old -o out f
	printf '%s\n' kind=plan 'id start:f64' 'b 1' | "$ROWS" >old
	fails 1 "old: column 'start' is " vmf-window --length 1h \
	    --replan old -o out f
	[[ $stderr == *'expected time'* ]]
	old "c $DAY h2 1" "b $DAY h2 1" >old
	fails 1 'old: row 1: its id is missing or before that of the row before' \
	    vmf-window --length 1h --replan old -o out f
	old "- $DAY h2 1" >old
	fails 1 'old: row 0: its id is missing' vmf-window --length 1h \
	    --replan old -o out f
	[ ! -e out ]
}

@test "--explain: no room, pinned, risk, and what the plan before had" {
	fleet host pinned cpu_mean_q90:list <<-E >f
	a 1,9,9 h - 2,9,9
	b 9,9,9 h yes 9,9,9
	c 1,9,9 h - 2,9,9
	d 1,9,9 h - 2,9,9
	e 1,9,9 h - 2,9,9
	E
	{
		echo kind=plan
		echo 'id start:time rank:int32'
		echo "c ${DAY/T00/T02} 1"
	} | "$ROWS" >old
	vmf-window -q --length 1h --slot 1h --per-host 1 --risk 0.9 \
	    --replan old --hysteresis 1 --explain a,b,c,d,e -o plan f 2>err
	run cat err
	assert_line --index 0 "a: cost of a start: mean of the steps' quantile 0.9 of the load (cpu_mean) in the 1h from it on; starts every 1h"
	assert_line 'b: forbidden: it is pinned'
	assert_equal "$(grep -c ': no-room: no room in any of 3 windows: all 3 by --per-host$' err)" 1
	assert_line --partial 'c: the plan before had 2024-05-01T02:00:00Z, cost 9; a change costs 1 more'
	# Without limits, and a VM that has no window.
	vmf-window -q --length 1h --risk 0.9 --explain b -o plan f 2>err
	run cat err
	assert_line 'b: forbidden: it is pinned'
}

@test "groups and deadlines may be numbers" {
	fleet host target anti_affinity:int32 deadline:f64 <<-E >f
	a 1,2,3,4 h1 h3 7 -
	b 1,2,3,4 h2 h3 7 -
	c 1,2,3,4 h2 h3 8 -
	d 4,3,2,1 h2 h4 - 1714528800
	E
	run -0 plan id,start,status --total 9 <f
	assert_equal "$(grep -c '^[ab],.*,placed' <<<"$output")" 1
	assert_line c,2024-05-01T00:00:00Z,placed
	# Until 02:00: the hour from 01:00 is the cheapest that ends in time.
	assert_line d,2024-05-01T01:00:00Z,placed
	# Numbers that are one as doubles are two groups.
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list host target'
		echo "a $DAY 1,2 h1 h3"
		echo "b $DAY 1,2 h2 h3"
	} | "$ROWS" >f
	judge - <<-'EOT'
		import pyarrow as pa, pyarrow.ipc as ipc
		t = ipc.open_stream("f").read_all()
		t = t.append_column("anti_affinity", pa.array(
		    [9007199254740993, 9007199254740992], pa.int64()))
		with ipc.new_stream("g", t.schema) as w:
		    w.write_table(t)
	EOT
	run -0 plan id,status --total 9 <g
	assert_output $'a,placed\nb,placed'
	fleet host deadline:f64 <<<'a 1,2 h1 1e300' >f
	fails 1 "row 0, 'a': its deadline is not a time" \
	    vmf-window --length 1h -o out f
	# What is neither text nor a number says nothing.
	fleet host deadline:binary anti_affinity:binary <<<'a 1,2 h1 7 7' >f
	run -0 plan id,status --total 1 <f
	assert_output a,placed
}

@test "limits name the column that they lack" {
	printf '%s\n' host,cpus,mem_mb h1,4,9000 h2,4,9000 >hosts.csv
	fleet vcpus:int32 mem_mb:int32 <<<'a 1,2 2 100' >f
	fails 1 "no column 'host', which a limit on the load of hosts needs" \
	    vmf-window --length 1h --place --max-load 50 --hosts hosts.csv -o out f
	fails 1 "no column 'host', which the memory of hosts (--max-host-mem) needs" \
	    vmf-window --length 1h --place --hosts hosts.csv -o out f
	fails 1 "no column 'host', which --drain needs" vmf-window \
	    --length 1h --place --drain h1 --hosts hosts.csv -o out f
	fleet host mem_mb:int32 <<<'a 1,2 h1 100' >f
	fails 1 "no column 'vcpus', which a limit on the load of hosts needs" \
	    vmf-window --length 1h --place --max-load 50 --hosts hosts.csv -o out f
	fails 1 '--per-target: ' vmf-window --length 1h --per-target 1 -o out f
	# Columns of the plan, taken by an attribute.
	fleet host load_q90:f32 cpu_mean_q90:list <<<'a 1,2 h 5 1,2' >f
	fails 1 "attribute 'load_q90' has the name of a column of the plan" \
	    vmf-window --length 1h --risk 0.9 -o out f
	fails 1 "no quantile 0.7 of 'cpu_mean'; there are 0.9" \
	    vmf-window --length 1h --risk 0.7 -o out f
	fleet host <<<'a 1,2 h' >f
	fails 1 "no quantile 0.7 of 'cpu_mean'; there are none" \
	    vmf-window --length 1h --risk 0.7 -o out f
	[ ! -e out ]
}

@test "a drained target, and no target at all, are no room" {
	printf '%s\n' host,cpus h1,8 h2,8 h3,8 >hosts.csv
	fleet host target <<-E >f
	a 1,2 h1 h2
	b 1,2 h1 -
	c 1,2 h1 h3
	d 1,2 h2 h3
	E
	run -0 plan id,status,reason --drain h1,h2 --hosts hosts.csv <f
	assert_line 'a,no-room,its target is to be drained'
	assert_line 'b,no-room,"it has no target, and --place is not given"'
	assert_line 'c,placed,'
}

@test "VMs without a forecast come first and take their room" {
	printf '%s\n' host,cpus h1,8 h2,8 h3,8 >hosts.csv
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list cpu_mean_q90:list host vcpus:int32'
		echo 'a - - - h2 4'
		echo "b $DAY 50,50 50,50 h1 8"
		echo "c $DAY 60,60 90,90 h3 8"
	} | "$ROWS" >f
	# a has no load that is known, so h2 takes b; h3 is full with c.
	for risk in '' '--risk 0.9'; do
		# shellcheck disable=SC2086
		run -0 plan id,target,status --place --drain h1 $risk \
		    --hosts hosts.csv --max-host-load 60 --per-host 70000 <f
		assert_output b,h2,placed
	done
}

@test "anti-affinity: group 0 holds in series that were coarsened and joined" {
	local day
	printf '%s\n' vm,host,vcpus,anti_affinity vm-0000000,h1,2,0 \
	    vm-0000001,h2,2,0 vm-0000002,h3,2,1 vm-0000003,h3,2,2 >aa.csv
	gen 4 14 | vmf-ingest -q | vmf-dedup -q >in
	for day in 05 15; do
		vmf-aggregate -q --step 5m --join aa.csv --until 2024-01-$day in |
		    vmf-aggregate -q --step 1h --append h --create -o h
	done
	vmf-train -q --model snaive h >m
	vmf-predict -q --from m h >f
	# h3 takes one of the two.
	run -0 plan target,status --drain h1,h2 --place <f
	assert_equal "$(sort <<<"$output")" ,no-room$'\n'h3,placed
}
