# What vmf-window makes of the columns of a forecast that other tools have
# written: names that are numbers, numbers that are text, clusters that only
# some VMs tell.  All else of plans is in 41-plan.bats.

load helper
load plan

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
