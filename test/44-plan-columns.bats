# What vmf-window makes of the columns of a forecast that other tools have
# written: names that are numbers, numbers that are text, clusters that only
# some VMs tell.  All else of plans is in 41-plan.bats.

load helper
load plan

@test "--inventory: who is bound under another name is told" {
	{
		echo 'kind=forecast step=3600'
		echo 'id status start:time cpu_mean:list pinned'
		echo "10.0.0.1 empty - - yes"
		echo "10.0.0.2:9100 ok $DAY 1,2 -"
		echo "Db02:9100 stale $DAY 1,2 -"
		echo "VM000 empty - - yes"
		echo "db01 empty - - yes"
		echo "db01.prod.example.com:9100 ok $DAY 1,2 -"
		echo "db02.prod.example.com empty - - yes"
		echo "vm000 ok $DAY 1,2 -"
		echo "web ok $DAY 1,2 no"
	} | "$ROWS" >f
	printf '%s\n' vm,Pinned web,no 10.0.0.1,1 db02.prod.example.com,y \
	    db01,on VM000,true >vms.csv
	said() {
		# The forecast has no deadlines and groups of its own.
		vmf-window --length 1h --inventory vms.csv "$@" f 2>&1 \
		    >plan | grep -v ' forecasts, \|is not in the forecast'
	}
	# Db02 is stale, and not in it: gone, and nobody's other name.
	for limit in '' --total=9; do
		# shellcheck disable=SC2086 # an option, or none
		run -0 said $limit
		assert_output "vmf-window: vms.csv: 4 VMs pinned, or with a deadline or anti_affinity, have no samples: 'db01' (the samples have 'db01.prod.example.com:9100'), 'VM000' (the samples have 'vm000'), '10.0.0.1', ...; 3 of 4 VMs with samples are not in it, and nothing binds them"
	done
	# Others that bind, and what does not.
	printf '%s\n' vm,deadline,anti_affinity,pinned web,,,0 VM000,NA,,no \
	    db02,2024-06-01T00:00:00Z,, x1,,g,off >vms.csv
	run -0 said
	assert_output --partial "vms.csv: 2 VMs pinned, or with a deadline or anti_affinity, have no samples: 'db02', 'x1'; 3 of 4 "
	# Whoever has samples is in it: it is switched off, and not misspelt.
	printf '%s\n' vm,pinned web, vm000, db01.prod.example.com:9100, \
	    10.0.0.2:9100, db01,yes >vms.csv
	run -1 said
	refute_output
	# It may list those alone that it binds.
	printf '%s\n' vm,pinned web,yes >vms.csv
	run -1 said
	printf '%s\n' vm,rack web,yes >vms.csv
	run -1 said
	# Nothing of it but the names is used.
	printf '%s\n' vm,pinned,deadline web,yes,2024-06-01T00:00:00Z >vms.csv
	vmf-window --length 1h --inventory vms.csv -o plan f 2>err
	run -0 cat err
	assert_line "vmf-window: vms.csv: column 'deadline' is not in the forecast and holds for nobody, expected vmf-aggregate --join to have brought it in"
	refute_output --partial "column 'pinned'"
}

@test "hosts, targets and clusters may be numbers" {
	local as line
	for as in utf8 int32 f64; do
		# Not to where it is, and out of its target in one move at once.
		run -0 plan id,host,target,status < <(fleet host:$as target:$as <<-'EOF'
			a 1,2,3 1 2
			b 1,2,3 2 2
		EOF
		)
		assert_output "a,1,2,placed
b,2,2,forbidden"
		run -0 plan id,target --place < <(fleet host:$as cluster:$as <<-'EOF'
			a 1,2,3 1 7
			b 1,2,3 2 8
			c 1,2,3 3 7
		EOF
		)
		assert_output "a,3
b,
c,1"
		printf 'host,cpus\n1,8\n2,8\n' >hosts.csv
		run -0 plan id,target --place --hosts hosts.csv < <(fleet \
		    host:$as vcpus:int32 <<<'a 1,2,3 1 2')
		assert_output "a,2"
		run -0 plan id,start --per-host 1 < <(fleet host:$as <<-'EOF'
			a 1,9 1
			b 1,2 1
		EOF
		)
		assert_output "a,2024-05-01T00:00:00Z
b,2024-05-01T01:00:00Z"
	done
}

@test "vcpus and memory may be text that is a number" {
	printf 'host,cpus,mem_mb\nh,8,4096\ng,8,4096\n' >hosts.csv
	run -0 plan id,target,status --place --hosts hosts.csv \
	    --max-host-load 90 < <(fleet host vcpus mem_mb <<-'EOF'
		a 50 h 2 1024
		b 50 h eight 1024
	EOF
	)
	assert_output "a,g,placed
b,,forbidden"
}

@test "a VM's cluster is its host's, whichever VM of it says so" {
	local row
	for row in 'a 1 h - | b 1 h A | d 1 x B' 'a 1 h A | b 1 h - | d 1 x B'; do
		run -0 plan id,status --place < <(tr '|' '\n' <<<"$row" |
		    fleet host cluster)
		assert_output "a,no-room
b,no-room
d,no-room"
	done
}

@test "--explain: a move that is kept as a change would gain too little" {
	fleet target host <<<'a 5,5 h g' >before
	vmf-window -q --length 1h --slot 1h -o plan before
	fleet target host <<<'a 5,1 h g' >now
	run -0 --separate-stderr vmf-window --length 1h --slot 1h \
	    --replan plan --hysteresis 10 --explain a -o new now
	# shellcheck disable=SC2154 # run sets it
	grep -qx 'a: its cheapest start costs 1, which gains less than a change costs' \
	    <<<"$stderr"
}

@test "a quantile that is not known is one of missing steps, and no VM the less" {
	printf '%s\n' host,cpus h1,6 h2,6 >hosts.csv
	local none
	for none in - '[]' -,-; do
		# b has no window, and leaves no room for a where it is.
		fleet host vcpus:int32 cpu_mean_q90:list <<-E >f
		a 50,50 h1 4 50,50
		b 50,50 h2 4 $none
		E
		run -0 plan id,target,status,reason --risk 0.9 --place \
		    --hosts hosts.csv --max-host-load 60 <f
		assert_output "a,,no-room,no room in any of 2 windows on 1 host: all 2 by the load of the target
b,,no-window,each of the 2 possible windows meets a missing step of the forecast"
		run -0 plan id,status,reason --risk 0.9 <f
		assert_line 'b,no-window,each of the 2 possible windows meets a missing step of the forecast'
	done
	# The first row says how many steps there are, with a quantile or not.
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list cpu_mean_q90:list'
		echo "a $DAY 1,2 -"
		echo "b $DAY 1 1"
	} | "$ROWS" >f
	fails 1 "row 1, 'b': 1 steps from 2024-05-01T00:00:00Z, but rows before have 2" \
	    vmf-window --length 1h --risk 0.9 --total 1 f
}

@test "--assume-load: who has no steps at all has those of the others" {
	printf '%s\n' host,cpus h1,8 h2,1 >hosts.csv
	printf '%s\n' host h1 >h.csv
	local batch
	# The same from any batches, also where the first has no steps.
	for batch in '' batch; do
		{
			echo 'kind=forecast step=3600'
			echo 'id start:time cpu_mean:list cpu_mean_q90:list host vcpus:int32'
			echo 'a - - - h1 1'
			echo "b - [] - h1 1"
			echo "$batch"
			echo 'c - - - h1 1'
			echo "$batch"
			echo "d $DAY 10,10 12,12 h2 1"
			echo "$batch"
			echo 'e - - - h1 1'
		} | grep . | "$ROWS" >f
		run -0 plan id,target,load,status,reason --place --drain h1 \
		    --hosts hosts.csv --max-host-load 50 --assume-load 9 \
		    --risk 0.9 <f
		assert_output 'a,h2,9,placed,a load of 9 is assumed
b,h2,9,placed,a load of 9 is assumed
c,h2,9,placed,a load of 9 is assumed
e,h2,9,placed,a load of 9 is assumed'
		# It counts: 10 and three times 11 are there, not four times.
		run -0 plan id,status --place --drain h1 --hosts hosts.csv \
		    --max-host-load 50 --assume-load 11 <f
		assert_equal "$(grep -c placed <<<"$output")" 3
		# Each VM for itself.
		run -0 plan id,start,load --assume-load 9 <f
		assert_equal "$(hours <<<"$output" | xargs)" \
		    'a,00,9 b,00,9 c,00,9 d,00,10 e,00,9'
		run -0 plan id,reason <f
		assert_line 'e,the forecast has no steps'
		# Messages count rows as before.
		fails 1 "row 3, 'd': host 'h2' is not in h.csv" vmf-window \
		    --length 1h --assume-load 9 --hosts h.csv f
	done
	{
		echo 'kind=forecast step=3600'
		echo 'id start:time cpu_mean:list host'
		echo 'a - - h1'
		echo batch
		echo 'b - - h1'
	} | "$ROWS" >f
	run -0 plan id,status,reason --assume-load 9 --total 1 <f
	assert_output 'a,no-window,the forecast has no steps
b,no-window,the forecast has no steps'
}

@test "loads that are tiny or below 0 keep their order, and are told" {
	local most
	for most in '' '--total 1' '--total 1 --risk 0.9'; do
		{
			echo 'kind=forecast step=3600'
			echo 'id start:time cpu_mean:list64 cpu_mean_q90:list64'
			echo "a $DAY 3e-9,2e-9,1e-9,2e-9 4e-9,3e-9,2e-9,3e-9"
		} | "$ROWS" >f
		# shellcheck disable=SC2086 # options and their values
		run -0 plan start,load $most <f
		assert_output --partial T02:00:00Z,
		awk -F, '{ x = $2 / 1e-9 - 1; exit !(x * x < 1e-8) }' <<<"$output"
		{
			echo 'kind=forecast step=3600'
			echo 'id start:time cpu_mean:list cpu_mean_q90:list'
			echo "a $DAY 3,2,-5,-7,3 4,3,-5,-6,4"
		} | "$ROWS" >f
		# shellcheck disable=SC2086
		run -0 plan start,load --top 3 $most <f
		assert_equal "$(hours <<<"$output" | xargs)" '03,-7 02,-5 01,2'
	done
	# Who waits is who loses least by it, at any sign.
	fleet <<-E >f
	a -9,-8
	b -2,-9
	c 5,-1
	E
	run -0 plan id,start --total 2 <f
	assert_equal "$(hours <<<"$output" | xargs)" 'a,00 b,01 c,01'
	# And who has no place, he who costs most.
	fleet <<-E >f
	a -3
	b -2
	c 5
	E
	run -0 plan id,status --total 2 <f
	assert_output 'a,placed
b,placed
c,no-room'
	run -0 --separate-stderr vmf-window --length 1h --total 2 \
	    --explain b -o p f
	# shellcheck disable=SC2154 # run sets it
	grep -q 'b: .*cost -2, expected load -2$' <<<"$stderr"
	grep -q 'mean cost -2.5' <<<"$stderr"
}

@test "--replan: a target that the VM has no longer is no longer possible" {
	fleet host target <<-E >before
	a 3,2,3,1 h1 h2
	b 3,2,3,1 h2 h1
	c 3,2,3,1 h2 h9
	E
	vmf-window -q --length 1h --slot 1h -o plan before
	fleet host <<-E >now
	a 3,2,3,1 h1
	b 3,2,3,1 h2
	c 3,2,3,1 h2
	E
	vmf-window --length 1h --slot 1h --replan plan -o new now 2>err
	run cat err
	assert_output --partial \
	    'of the plan before 0 kept, 0 changed, 3 no longer possible'
	# Where neither has one it is kept.
	vmf-window -q --length 1h --slot 1h --total 1 -o plan now
	vmf-window --length 1h --slot 1h --total 1 --replan plan -o new now \
	    2>err
	grep -q 'of the plan before 3 kept, 0 changed;' err
}

@test "--max-load inf is no limit; no names at all are a mistake" {
	fleet host target <<<'a 3,2 h1 h2' >f
	run -0 plan id,start --max-load inf <f
	assert_equal "$(hours <<<"$output")" a,01
	run -0 --separate-stderr vmf-window --length 1h --max-load inf \
	    --explain a -o p f
	refute [ "$(grep -c 'at most' <<<"$stderr")" -gt 0 ]
	local x
	for x in '' , ,,; do
		fails 2 "--drain: found '$x', expected names of hosts" \
		    vmf-window --length 1h --drain "$x" f
		fails 2 "--explain: found '$x', expected names of VMs" \
		    vmf-window --length 1h --explain "$x" f
	done
	fails 2 '--hysteresis is 1e+308, expected a number, at least 0, that 32 bits hold' \
	    vmf-window --length 1h --replan f --hysteresis 1e308 f
}
