# Models of downtimes: vmf-train --model downtime, vmf-predict with one, and
# vmf-eval --model downtime.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	rated 300 | learn rated
	made 300 | learn m
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# usual: m, learned of 300 moves once for all tests, and err, what it said.
usual() {
	cp "$BATS_FILE_TMPDIR/m" "$BATS_FILE_TMPDIR/err" .
}

# made N [SEED]: N moves of three workloads whose length goes with memory and
# whose downtime goes with the load, as CSV.
made() {
	awk -v n="$1" -v seed="${2:-1}" 'BEGIN {
		srand(seed)
		print "vm,workload,mode,mem_bytes,vcpus,load_pct,config," \
		    "downtime_ms,total_ms,transferred_bytes,status"
		split("web db batch", w, " ")
		for (i = 0; i < n; i++) {
			k = int(rand() * 3) + 1
			g = 2 ^ int(rand() * 6)
			load = 10 * int(rand() * 10)
			e = exp(0.2 * (rand() + rand() - 1))
			printf "v%d,%s,precopy,%.0f,4,%d,%s/%d/%d,%.1f,%.0f,%.0f,%s\n",
			    i, w[k], g * 2 ^ 30, load, w[k], g, load,
			    20 * k * (1 + load / 20) * e, 9500 * g * k * e,
			    g * 2 ^ 30 * k, i % 20 == 7 ? "failed" : "completed"
		}
	}' </dev/null
}

learn() {
	vmf-ingest -q --map migrations | vmf-train --model downtime \
	    --no-history -o "$1" 2>err
}

# predict MODEL COLUMNS: of the rows on stdin.
predict() {
	vmf-ingest -q --map migrations | vmf-predict -q --from "$1" |
	    vmf-cat --csv --columns "$2" | tail -n +2
}

has_trees() {
	! grep -q 'this build has no trees' err
}

@test "the summary says by what each outcome is learned" {
	local kinds='(without trees|with trees on what kriging leaves|with'
	kinds+=' trees|with the mean of two kinds of trees)$'
	made 80 | learn model
	for k in downtime_ms total_ms transferred_bytes; do
		run -0 grep -cE "^vmf-train: $k: of [0-9]+ moves in [0-9]+ configurations, $kinds" err
	done
}

# many N WORKLOADS: N moves, dealt to so many workloads.
many() {
	awk -v n="$1" -v w="$2" 'BEGIN {
		srand(3)
		print "vm,workload,mem_bytes,load_pct,config,total_ms,status"
		for (i = 0; i < n; i++) {
			k = i % w
			g = 2 ^ int(rand() * 6)
			load = 10 * int(rand() * 10)
			e = exp(0.2 * (rand() + rand() - 1))
			printf "v%d,w%d,%.0f,%d,w%d/%d/%d,%.0f,completed\n", i,
			    k, g * 2 ^ 30, load, k, g, load,
			    9500 * g * (1 + k % 5) * e
		}
	}' </dev/null
}

@test "many workloads are not a fit each" {
	not_small
	local TIMEFORMAT=%U k cpu=()
	for k in 20 100; do
		many 200 $k | vmf-ingest -q --map migrations -o moves
		cpu+=("$({ time vmf-train -q --model downtime --threads 1 \
		    -o $k.model moves; } 2>&1)")
	done
	echo "${cpu[*]}"
	# Of the time with 20, most is their 20 fits.
	awk -v a="${cpu[0]}" -v b="${cpu[1]}" 'BEGIN { exit !(b <= 2.5 * a) }'
	# Who is not of them is still predicted with more room.
	printf '%s\n' vm,workload,mem_bytes,load_pct a,w3,8e9,50 b,x,8e9,50 |
	    predict 100.model total_ms_q50,total_ms_q90,reason >out
	awk -F, '{ w[NR] = $2 / $1 }
	    END { exit !(w[2] > 1.05 * w[1]) }' out
	run -0 grep -c 'no move of its workload' out
	assert_output 1
}

@test "what is learned does not depend on threads, and is a stream" {
	made 80 | vmf-ingest -q --map migrations -o moves.arrows
	for t in 1 3; do
		vmf-train -q --model downtime --no-history --threads $t \
		    -o $t.model moves.arrows
	done
	same 1.model 3.model
	vmf-cat --csv --columns metric,model,status 1.model >out
	diff out - <<-'END'
	metric,model,status
	facts,downtime,ok
	downtime_ms,downtime,ok
	guest_downtime_ms,downtime,empty
	total_ms,downtime,ok
	transferred_bytes,downtime,ok
	downtime_ms without load,downtime,ok
	guest_downtime_ms without load,downtime,empty
	total_ms without load,downtime,ok
	transferred_bytes without load,downtime,ok
	downtime_ms without memory,downtime,ok
	guest_downtime_ms without memory,downtime,empty
	total_ms without memory,downtime,ok
	transferred_bytes without memory,downtime,ok
	downtime_ms without load or memory,downtime,ok
	guest_downtime_ms without load or memory,downtime,empty
	total_ms without load or memory,downtime,ok
	transferred_bytes without load or memory,downtime,ok
	downtime_ms without vcpus,downtime,ok
	guest_downtime_ms without vcpus,downtime,empty
	total_ms without vcpus,downtime,ok
	transferred_bytes without vcpus,downtime,ok
	downtime_ms without load or size,downtime,ok
	guest_downtime_ms without load or size,downtime,empty
	total_ms without load or size,downtime,ok
	transferred_bytes without load or size,downtime,ok
	END
}

@test "moves are predicted from what they are like" {
	usual
	grep -q '300 migrations in, 15 of them not completed' err
	{
		echo vm,workload,mode,mem_bytes,vcpus,load_pct
		echo a,web,precopy,4294967296,4,20
		echo b,db,precopy,4294967296,4,20
		echo c,db,precopy,4294967296,4,80
		echo d,db,precopy,34359738368,4,80
	} >vms.csv
	predict m downtime_ms_q50,downtime_ms_q90,total_ms_q50,total_ms_q90 \
	    <vms.csv >out
	# 40, 80, 200, 200 ms; 38, 76, 76, 608 s; within a quarter.
	printf '%s\n' 40,38000 80,76000 200,76000 200,608000 |
	    paste -d, out - | awk -F, '
		function near(x, y) { return x / y <= 1.25 && y / x <= 1.25 }
		!near($1, $5) || !near($3, $6) || !($2 >= $1) || !($4 >= $3) {
			print; bad = 1
		}
		END { exit bad || NR != 4 }'
}

@test "a workload that is not known widens the interval, and does not fail" {
	usual
	{
		echo vm,workload,mode,mem_bytes,vcpus,load_pct
		echo a,db,precopy,4294967296,4,20
		echo b,kafka,precopy,4294967296,4,20
		echo c,,,,,
	} >vms.csv
	predict m vm,status,downtime_ms_q50,downtime_ms_q90,total_ms_q50,total_ms_q90 \
	    <vms.csv >out
	awk -F, 'NR == 1 { known = $4 / $3; length_ = $6 / $5 }
		NR > 1 && ($4 / $3 <= known || $6 / $5 <= length_ ||
		    $2 != "unseen") { bad = 1 }
		NR == 1 && $2 != "ok" { bad = 1 }
		END { exit bad || NR != 3 }' out
	vmf-ingest -q --map migrations vms.csv |
	    vmf-predict --from m -o p.arrows 2>err
	grep -q '3 rows, 2 of a workload that is not known' err
}

@test "a way to move that no move went widens the interval, and is told" {
	usual
	{
		echo vm,workload,mode,mem_bytes,vcpus,load_pct
		echo a,db,precopy,4294967296,4,20
		echo b,db,postcopy,4294967296,4,20
	} >vms.csv
	predict m vm,status,reason,downtime_ms_q50,downtime_ms_q90 <vms.csv >out
	grep -q '^b,unseen,"no move known was sent in its way (mode, compression, ...): predicted wider"' out
	sed 's/"[^"]*"//' out | awk -F, 'NR == 1 { known = $5 / $4 }
		END { exit !($5 / $4 > known && NR == 2) }'
}

@test "a VM larger than any that was moved is predicted wider, and told" {
	usual
	{
		echo vm,workload,mode,mem_bytes,vcpus,load_pct
		echo a,db,precopy,34359738368,4,20
		echo b,db,precopy,13194139533312,4,20
		echo c,db,precopy,16777216,4,20
		echo d,db,precopy,34359738368,400,20
	} >vms.csv
	predict m vm,status,reason,downtime_ms_q50,downtime_ms_q90,total_ms_q50,total_ms_q90 \
	    <vms.csv >out
	awk -F, 'NR == 1 { known = $5 / $4; length_ = $7 / $6 }
		NR > 1 && ($5 / $4 <= known || $7 / $6 <= length_ ||
		    $2 != "unseen") { print; bad = 1 }
		NR == 1 && $2 != "ok" { print; bad = 1 }
		END { exit bad || NR != 4 }' out
	assert_equal "$(cut -d, -f3 out | grep -c ' mem_bytes is far ')" 2
	assert_equal "$(cut -d, -f3 out | grep -c ' vcpus is far ')" 1
	vmf-ingest -q --map migrations vms.csv |
	    vmf-predict --from m -o p.arrows 2>err
	grep -q '4 rows, 0 of a workload that is not known, 3 far from any move known' err
}

@test "hypervisor's and guest's downtime are never mixed" {
	made 80 | sed 's/downtime_ms/guest_downtime_ms/' | learn guest
	usual
	echo vm,workload,mem_bytes,vcpus,load_pct >vms.csv
	echo a,db,4294967296,4,20 >>vms.csv
	vmf-ingest -q --map migrations vms.csv |
	    vmf-predict -q --from guest | vmf-cat --csv | head -n 1 >names
	grep -q guest_downtime_ms_q50 names
	run ! grep -qE '(^|,)downtime_ms_q50' names
	vmf-ingest -q --map migrations vms.csv |
	    vmf-predict -q --from m | vmf-cat --csv | head -n 1 >names
	run ! grep -q guest_downtime_ms_q50 names
}

# What is known of a move only when it is over, and by what it is called, may
# be anything.
@test "nothing that is known only after a move is learned from" {
	usual
	made 300 | awk -F, -v OFS=, '
		NR == 1 { print $0, "iterations", "host", "target", "reason"; next }
		{ $1 = "vm-" NR % 7
		  print $0, int(1e6 * rand()), "h" NR % 5, "h" NR % 3, "r" NR }
	    ' | learn other
	cmp m other
	# One outcome is not learned from by another.
	made 300 | awk -F, -v OFS=, 'NR > 1 { $10 *= 1 + NR % 17 } 1' | learn sent
	run ! cmp -s m sent
	for x in m sent; do
		made 50 2 | predict $x downtime_ms_q50,total_ms_q90 >$x.out
	done
	[ "$(wc -l <m.out)" -eq 50 ]
	cmp m.out sent.out
}

@test "nothing that QEMU's moves tell only afterwards is learned from" {
	data qemu_migration
	# Whether their counters have commas in them: no quotes, no.
	awk 'NR % 12 == 1' "$DATA/mrmpplm_migrations.csv" >some.csv
	run ! grep -q '"' some.csv
	awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++)
		    if ($i !~ /^(workload|algorithm|ram_mb|status|total_time_ms|downtime_ms|transferred_bytes)$/)
			after[i] = n++; print; next }
		{ for (i in after) $i = int(1e6 * rand()); print }' some.csv >noise.csv
	run ! cmp -s some.csv noise.csv
	for x in some noise; do
		vmf-ingest -q --map qemu-migration $x.csv |
		    vmf-train -q --model downtime --no-history -o $x.model
	done
	[ -s some.model ]
	cmp some.model noise.model
}

@test "nothing to learn from: arithmetic, by hand" {
	echo vm,downtime_ms | learn none
	grep -q 'nothing to learn from' err
	# 1 GiB at 100 MiB/s: 10.24 s; half of it is written to meanwhile,
	# 5.12, 2.56, 1.28, 0.64, 0.32 s; then 160 ms, within the limit.
	{
		echo vm,mode,mem_bytes,bandwidth_bytes_s,dirty_rate_bytes_s,auto_converge
		echo a,precopy,1073741824,104857600,52428800,
		echo b,stopcopy,1073741824,104857600,52428800,
		echo c,postcopy,1073741824,104857600,52428800,
		echo d,precopy,1073741824,104857600,209715200,
		echo e,precopy,1073741824,104857600,209715200,1
	} >vms.csv
	predict none vm,downtime_ms_q50,total_ms_q50,status,reason <vms.csv >out
	run -0 grep -c ',fallback,nothing was learned: by arithmetic' out
	assert_output 5
	run -0 head -n 3 out
	assert_line --index 0 --partial 'a,170,20330,'
	assert_line --index 1 --partial 'b,10250,10250,'
	assert_line --index 2 --partial 'c,10,10250,'
	run -0 sed -n 4p out
	assert_output --partial 'd,10250,'
	assert_output --partial 'pre-copy will not converge'
	run -0 sed -n 5p out
	refute_output --partial 'will not converge'
}

@test "moves that name no configuration are told apart by what they are like" {
	slow
	# Loads that are far from each other; algorithms are of several words.
	made 150 | awk -F, -v OFS=, '
		NR == 1 { print $0, "algorithm" }
		$6 == 0 || $6 == 20 || $6 == 80 { print $0, "x-ü." $2 }' >named.csv
	cut -d, -f 1-6,8- named.csv | awk -v OFS=, 'NR == 1 { print $0, "start" }
		NR > 1 { print $0, "2024-01-0" (NR * 2 % 5 + 1) }' >bare.csv
	for k in named bare; do
		learn $k.model <$k.csv
		predict $k.model downtime_ms_q50,downtime_ms_q90,total_ms_q50 \
		    <named.csv >$k
	done
	same named bare
	[ "$(sort -u bare | wc -l)" -gt 10 ]
	# And what the model knows ended with the last of them.
	run -0 vmf-cat --csv --no-header --columns updated bare.model
	assert_line --index 1 2024-01-05T00:00:00Z
}

@test "a number that no move had does not count" {
	usual
	{
		echo vm,workload,mem_bytes,vcpus,load_pct,dirty_rate_bytes_s
		echo a,db,4294967296,4,20,
		echo b,db,4294967296,4,20,90000000
	} | predict m downtime_ms_q50,downtime_ms_q90,total_ms_q50 >out
	[ "$(sort -u out | wc -l)" -eq 1 ]
}

@test "how a VM will be moved is as usual where it is not told" {
	slow
	# Most are tunnelled pre-copies at 1 GB/s; the others take longer.
	made 120 | awk -F, -v OFS=, 'NR == 1 {
		print $0, "tunnelled", "bandwidth_bytes_s"; next }
	    NR % 5 == 0 { $3 = "hybrid"; $9 *= 3; print $0, 0, 1e8; next }
	    { print $0, 1, 1e9 }' | learn m
	{
		echo vm,workload,mode,mem_bytes,vcpus,load_pct,tunnelled,bandwidth_bytes_s
		echo a,db,,4294967296,4,20,,
		echo a,db,precopy,4294967296,4,20,1,1e9
		echo a,db,hybrid,4294967296,4,20,0,1e8
	} | predict m downtime_ms_q50,total_ms_q50,total_ms_q90,status >out
	assert_equal "$(sed -n 1p out)" "$(sed -n 2p out)"
	awk -F, 'NR == 2 { usual = $2 } END { exit !($2 > 1.5 * usual) }' out
}

# rated N: moves without a workload whose downtime goes with the dirty rate,
# and that with the load, as scripts/plan-to-virsh --dirty-rate records them.
rated() {
	awk -v n="$1" 'BEGIN {
		srand(3)
		print "vm,mode,mem_bytes,vcpus,load_pct,dirty_rate_bytes_s," \
		    "downtime_ms,total_ms,status"
		for (i = 0; i < n; i++) {
			load = 1 + 59 * rand()
			rate = 2e6 * load * (0.7 + 0.6 * rand())
			mem = 4 * 2 ^ (int(3 * rand()) + 30)
			printf "v%d,precopy,%.0f,4,%.1f,%.0f,%.0f,%.0f,completed\n",
			    i, mem, load, rate,
			    (60 + rate / 4e5) * (0.8 + 0.4 * rand()),
			    mem / (9e8 - rate) * 1000
		}
	}' </dev/null
}

@test "a row that lacks the dirty rate of the moves is not one that writes nothing" {
	slow
	local k=downtime_ms_q50,downtime_ms_q90,total_ms_q50,total_ms_q90
	cp "$BATS_FILE_TMPDIR/rated" with
	rated 300 | cut -d, -f1-5,7- | learn without
	{
		echo vm,mem_bytes,vcpus,load_pct
		echo a,8589934592,4,7
		echo b,8589934592,4,50
	} >vms.csv
	predict with status,$k <vms.csv >out
	predict without status,$k <vms.csv >other
	# Medians of 95 and 310 ms, all within 0.56 and 1.56 of them; 9.7 and
	# 10.7 s.  The same moves that never had a rate say the same.
	paste -d, out other | awk -F, '
		function near(x, y, by) { return x <= by * y && y <= by * x }
		{ m = NR == 1 ? 95 : 310; t = NR == 1 ? 9700 : 10700 }
		$1 != "ok" || !near($2, m, 1.2) || !($3 > $2 && $3 < 1.6 * m) ||
		    !near($4, t, 1.1) || !near($5, t, 1.15) ||
		    !near($2, $7, 1.1) || !near($3, $8, 1.15) ||
		    !near($4, $9, 1.05) { bad = 1 }
		END { exit bad || NR != 2 }'
	# With the rate it counts.
	{
		echo vm,mem_bytes,vcpus,load_pct,dirty_rate_bytes_s
		echo a,8589934592,4,50,70000000
		echo b,8589934592,4,50,130000000
	} | predict with downtime_ms_q50 >out
	awk '{ v[NR] = $1 } END { exit !(v[2] > 1.3 * v[1]) }' out
}

@test "moves of which half have a dirty rate are learned from" {
	slow
	awk 'BEGIN { srand(1)
		print "vm,mem_bytes,vcpus,dirty_rate_bytes_s," \
		    "bandwidth_bytes_s,workload,downtime_ms,total_ms"
		for (c = 0; c < 60; c++) {
			mem = 2 ^ (29 + int(8 * rand()))
			rate = c % 2 ? sprintf("%.0f", 2 ^ (10 + 22 * rand())) : ""
			for (k = 0; k < 5; k++)
				printf "vm%d,%.0f,4,%s,125000000,db,%.1f,%.1f\n", c,
				    mem, rate, 50 + 50 * rand(),
				    mem / 125e3 * (1 + 0.1 * rand())
		}
	}' | vmf-ingest -q --map migrations | vmf-train -q --model downtime -o m
	run -0 vmf-cat --csv --no-header --columns status m
	assert_line --index 0 ok
}

@test "a row that lacks the memory or load of the moves says so, and is wide" {
	cp "$BATS_FILE_TMPDIR/rated" m
	{
		echo vm,mem_bytes,vcpus,load_pct
		echo a,8589934592,4,10
		echo b,,4,10
		echo c,8589934592,4,
		echo d,,,
		echo e,0,4,10
	} >vms.csv
	vmf-ingest -q --map migrations -o vms.arrows vms.csv
	vmf-predict --from m --quantiles 0.1,0.5,0.9 -o out.arrows vms.arrows \
	    2>err
	grep -q '4 without a fact that counts' err
	vmf-cat --csv --columns status,total_ms_q10,total_ms_q50,total_ms_q90,downtime_ms_q10,downtime_ms_q50,downtime_ms_q90 \
	    out.arrows | tail -n +2 >out
	# Moves of 4, 8 and 16 GiB took about 5, 10 and 20 s; all of them 60 to
	# 430 ms.
	awk -F, '
		$1 != (NR == 1 ? "ok" : "partial") { bad = 1 }
		NR == 1 && $4 / $2 > 1.5 { bad = 2 }
		NR != 1 && NR != 3 && ($2 < 4000 || $2 > 6000 || $3 < 7000 ||
		    $3 > 14000 || $4 < 17000 || $4 > 26000) { bad = 3 }
		NR == 1 { wide = $7 / $5 }
		NR == 3 && !($4 / $2 < 2 && $7 / $5 > 1.5 * wide) { bad = 4 }
		NR == 5 && $2 "," $3 "," $4 != b { bad = 5 }
		NR == 2 { b = $2 "," $3 "," $4 }
		END { if (bad || NR != 5) { print bad; exit 1 } }' out
	vmf-cat --csv --columns reason out.arrows >out
	printf '%s\n' reason '' \
	    'its memory is not known: as moves of any memory' \
	    'its load is not known: as moves at any load' \
	    '"its memory, load and vCPUs are not known: as moves of any"' \
	    'its memory is not known: as moves of any memory' | diff - out
}

@test "a row that lacks the vCPUs of the moves says so, and is wide" {
	slow
	local k=total_ms_q50,downtime_ms_q10,downtime_ms_q50,downtime_ms_q90
	awk 'BEGIN {
		srand(4)
		print "vm,mode,mem_bytes,vcpus,load_pct,downtime_ms,total_ms," \
		    "status"
		for (i = 0; i < 120; i++) {
			mem = 4 * 2 ^ (int(3 * rand()) + 30)
			cpus = 2 ^ int(4 * rand())
			printf "v%d,precopy,%.0f,%d,%.1f,%.1f,%.0f,completed\n",
			    i, mem, cpus, 90 * rand(),
			    20 * cpus * (0.9 + 0.2 * rand()), mem / 1e6
		}
	}' </dev/null | learn m
	{
		echo vm,mem_bytes,vcpus,load_pct
		echo a,8589934592,8,20
		echo b,8589934592,,20
		echo c,,,20
		echo d,,,
	} >vms.csv
	predict m status,reason <vms.csv >out
	printf '%s\n' ok, \
	    'partial,its vCPUs are not known: as moves of any vCPUs' \
	    'partial,its memory and vCPUs are not known: as moves of any' \
	    'partial,"its memory, load and vCPUs are not known: as moves of any"' |
	    diff - out
	vmf-ingest -q --map migrations vms.csv | vmf-predict -q --from m \
	    --quantiles 0.1,0.5,0.9 | vmf-cat --csv --no-header \
	    --columns $k >out
	# 160 ms; of any vCPUs 20 to 160.  The length goes with memory alone.
	awk -F, '
		NR == 1 && !($2 > 120 && $4 < 200) { bad = 1 }
		NR > 1 && !($2 < 50 && $4 > 120) { bad = 2 }
		NR <= 2 && !($1 > 7700 && $1 < 9500) { bad = 3 }
		END { if (bad || NR != 4) { print bad; exit 1 } }' out
}

@test "moves are predicted at a load of CPUs, whatever --metric is" {
	slow
	made 120 | learn m
	{
		echo "kind=forecast step=3600"
		echo "id start:time cpu_mean:list mem_mean:list" \
		    "workload mem_bytes:f64 vcpus:int32"
		echo "a 2024-05-01T00:00:00Z 10,10 90,90 db 4294967296 4"
	} | "$VMF_BIN/../unit/rows" >f
	vmf-predict -q --from m -o want f
	vmf-predict --from m --metric mem_mean -o out f 2>err
	grep -q 'at the load of cpu_mean: mem_mean is none of CPUs' err
	cmp <(vmf-cat --csv want) <(vmf-cat --csv out)
	# A list of 64 bits, what is missing left out; and numbers as text.
	{
		echo "kind=forecast step=3600"
		echo "id start:time cpu_mean:list64 workload mem_bytes" \
		    "vcpus:int32"
		echo "a 2024-05-01T00:00:00Z 8,-,12 db 4294967296 4"
	} | "$VMF_BIN/../unit/rows" | vmf-predict -q --from m -o out
	local k=downtime_ms_q50,total_ms_q90,status
	cmp <(vmf-cat --csv --columns $k want) <(vmf-cat --csv --columns $k out)
	{
		echo "kind=migrations"
		echo "workload mem_bytes downtime_ms:f64 total_ms:f64 status"
		echo "db 4294967296 10 900 completed"
		echo "db 4GB 10 900 completed"
	} | "$VMF_BIN/../unit/rows" >moves
	fails 1 "moves: row 1: its mem_bytes is '4GB', expected a number" \
	    vmf-train --model downtime -o out moves
	{
		echo "kind=forecast step=3600"
		echo "id start:time mem_mean:list workload mem_bytes:f64 vcpus:int32"
		echo "a 2024-05-01T00:00:00Z 90,90 db 4294967296 4"
	} | "$VMF_BIN/../unit/rows" >f
	vmf-predict --from m --metric mem_mean -o out f 2>err
	grep -q 'mem_mean is no load of CPUs, and there is no cpu_mean' err
	run -0 vmf-cat --csv --no-header --columns status,reason out
	assert_output 'partial,its load is not known: as moves at any load'
}

@test "a row that lacks how much of its memory is in use is not all in use" {
	slow
	awk 'BEGIN {
		srand(2)
		print "vm,mode,mem_bytes,mem_used_bytes,vcpus,load_pct," \
		    "total_ms,status"
		for (i = 0; i < 120; i++) {
			mem = 4 * 2 ^ (int(3 * rand()) + 30)
			used = mem * (0.1 + 0.2 * rand())
			printf "v%d,precopy,%.0f,%.0f,4,%.1f,%.0f,completed\n",
			    i, mem, used, 90 * rand(), used / 1.2e6
		}
	}' </dev/null | learn m
	{
		echo vm,mem_bytes,mem_used_bytes,vcpus,load_pct
		echo a,8589934592,,4,20
		echo b,8589934592,1717986918,4,20
	} | predict m total_ms_q50,total_ms_q90,status >out
	# A fifth of it in the middle, 3 in 10 at most: 1.4 and 2.1 s.
	awk -F, '$3 != "ok" || $1 < 1200 || $1 > 1700 ||
		(NR == 1 && ($2 < 1600 || $2 > 2600)) ||
		(NR == 2 && $2 > 1700) { print; bad = 1 }
		END { exit bad || NR != 2 }' out
}

# joined INVENTORY: a series of two VMs with its columns, as Arrow.
joined() {
	printf '%s\n' vm,time,cpu a,0,20 b,0,20 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --join "$1"
}

@test "a workload that is a number, in an inventory too, is one by its text" {
	slow
	made 120 | sed 's/,web,/,1,/; s/,db,/,2,/; s/,batch,/,30,/' | learn m
	printf '%s\n' vm,workload,mem_mb,vcpus a,1,4096,4 b,30,4096,4 >vms.csv
	joined vms.csv | vmf-predict -q --from m | vmf-cat -q --csv \
	    --columns status,downtime_ms_q50,total_ms_q50 >out
	# A third VM makes text of the column; it has no samples, and a row.
	echo c,x,4096,4 >>vms.csv
	joined vms.csv | vmf-predict -q --from m | vmf-cat -q --csv \
	    --columns status,downtime_ms_q50,total_ms_q50 |
	    head -n 3 | diff - out
	awk -F, 'NR > 1 { if ($1 != "ok") bad = 1; v[NR] = $2 }
	    END { exit bad || !(v[3] > 2 * v[2]) }' out
}

@test "a number of a move that is none is an error, with its row" {
	usual
	for k in auto_converge,yes bandwidth_bytes_s,abc mem_bytes,4G; do
		printf '%s\n' "vm,${k%,*}" a,1 "b,${k#*,}" >vms.csv
		joined vms.csv >series
		fails 1 "series: row 1: its ${k%,*} is '${k#*,}', expected a number" \
		    vmf-predict --from m series
	done
	vmf-train -q --model snaive series | vmf-predict -q --from - \
	    -o forecast series
	fails 1 "forecast: row 1: its mem_bytes is '4G', expected a number" \
	    vmf-window --length 1h --downtime m forecast
	# None is one that is not known.
	printf '%s\n' vm,workload,mem_bytes,vcpus a,db,4294967296,4 b,db,NA,4 \
	    >vms.csv
	joined vms.csv | vmf-predict -q --from m |
	    vmf-cat -q --csv --columns status | tail -n +2 >out
	printf '%s\n' ok partial | diff - out
	# In a column of text, too.
	{
		echo kind=series step=3600
		echo id workload mem_bytes vcpus:int32 start:time cpu_mean:list
		echo 'a db 4294967296 4 2024-05-01T00:00:00Z 1*24'
		echo 'b db NA 4 2024-05-01T00:00:00Z 1*24'
	} | "$VMF_BIN/../unit/rows" | vmf-predict -q --from m |
	    vmf-cat -q --csv --columns status | tail -n +2 | diff out -
}

@test "levels, columns in the way, and what is no model" {
	usual
	echo vm,workload >vms.csv
	echo a,db >>vms.csv
	vmf-ingest -q --map migrations -o vms.arrows vms.csv
	vmf-predict -q --from m --quantiles 0.1,0.9 vms.arrows |
	    vmf-cat --csv | head -n 1 >names
	grep -q 'downtime_ms_q10,downtime_ms_q90,total_ms_q10' names
	fails 2 'has 0.1, 0.2 ... 0.9' \
	    vmf-predict --from m --quantiles 0.95 vms.arrows
	vmf-predict -q --from m -o once.arrows vms.arrows
	fails 2 '--explain is about forecasts, and m is a model of downtimes' \
	    vmf-predict --explain --from m
	fails 2 '--horizon is about forecasts' \
	    vmf-predict --from m --horizon 48 vms.arrows
	for o in '--epochs 4' '--memory 1M' '--without kq' '--seed 3' \
	    '--stale-after 1h'; do
		# shellcheck disable=SC2086 # a name and its value
		fails 2 "${o% *} is about series" \
		    vmf-train --model downtime $o vms.arrows
	done
	fails 2 'of the other options it has' \
	    vmf-eval --model downtime --season 1w vms.arrows
	fails 1 "there is a column 'downtime_ms_q50' already" \
	    vmf-predict --from m once.arrows
	fails 1 "expected migrations" vmf-train --model downtime m
	printf 'vm,time,cpu\na,0,1\n' | vmf-ingest -q -o r.arrows
	fails 1 "found a stream of kind 'readings'" \
	    vmf-train --model downtime r.arrows
	fails 2 'about series' vmf-train --model downtime --season 1d vms.arrows
	fails 1 'm: a model of downtimes, which is learned anew' \
	    vmf-train --update m -o n vms.arrows
	fails 2 "stands alone" vmf-train --model downtime,kq vms.arrows
}

@test "a damaged model is an error" {
	made 80 | learn m
	echo vm >vms.csv
	echo a >>vms.csv
	vmf-ingest -q --map migrations -o vms.arrows vms.csv
	size=$(stat -c %s m)
	for at in $(seq 1500 $((size / 9)) "$size"); do
		cp m bad
		printf '\377' | dd of=bad bs=1 seek="$at" conv=notrunc 2>dd.err
		rc=0
		vmf-predict -q --from bad vms.arrows >out 2>err || rc=$?
		[ $rc -le 1 ]
	done
	# The usual word is a number of one: not half of one.
	judge -c '
import pyarrow as pa
t = pa.ipc.open_stream("m").read_all()
p = t["params"].to_pylist()
p[0][-1] = -0.5
t = t.set_column(t.schema.get_field_index("params"),
                 t.schema.field("params"), pa.array(p, t.schema.field("params").type))
with pa.ipc.new_stream("half", t.schema) as w:
    w.write_table(t)'
	fails 1 'half: row 0 of the model is damaged' \
	    vmf-predict --from half vms.arrows
	# More strange words in two sites than an int can add up.
	fails 1 'downtime-strange: row 1 of the model is damaged' vmf-predict \
	    --from "$VMF_ROOT/test/fuzz/corpus/model/downtime-strange" vms.arrows
}

# as_before: "out" has the three rows of four numbers that are read.
as_before() {
	paste -d, - out | awk -F, '
		function near(x, y) { x = x / y - 1; return x * x <= 1e-18 }
		{ for (k = 1; k <= 4; k++) if (!near($k, $(k + 4))) bad = 1 }
		END { exit bad || NR != 3 }'
}

@test "a model of version 2 predicts what it did" {
	{
		echo vm,workload,algorithm,mem_bytes
		echo a,web,XBZRLE,3221225472
		echo b,db,Vanilla,17179869184
		echo c,mail,,1073741824
	} >vms.csv
	predict "$VMF_ROOT/test/fuzz/corpus/model/downtime-2" \
	    downtime_ms_q50,downtime_ms_q90,total_ms_q50,total_ms_q90 \
	    <vms.csv >out
	# By the version that wrote it, of 32 moves of eight configurations.
	printf '%s\n' \
	    29.9400587130,38.0185575858,32205.8936376492,35264.7187805271 \
	    51.4874854692,65.3799630129,333860.7124862988,365569.8633970617 \
	    43.6792582634,127.0350322870,15592.5222859181,30183.8240019524 | as_before
}

@test "a model of version 4 predicts what it did, and says what it lacks" {
	{
		echo vm,workload,mem_bytes,vcpus,load_pct
		echo a,web,3221225472,2,30
		echo b,db,,4,30
		echo c,web,3221225472,,30
	} >vms.csv
	predict "$VMF_ROOT/test/fuzz/corpus/model/downtime-4" \
	    downtime_ms_q50,downtime_ms_q90,total_ms_q50,total_ms_q90 \
	    <vms.csv >out
	# By the version that wrote it, of ten moves.
	printf '%s\n' \
	    54.6944375281,60.9611900384,26444.6631008504,30111.4916477251 \
	    150.1387208952,167.8256030593,33634.6073866513,94951.9591376974 \
	    92.9102479164,103.5557152896,26515.7263554395,30192.4085642635 | as_before
	predict "$VMF_ROOT/test/fuzz/corpus/model/downtime-4" status,reason \
	    <vms.csv >out
	printf '%s\n' ok partial partial | diff - <(cut -d, -f1 out)
	grep -q 'this old model cannot do without: learn it anew' out
}

@test "vmf-eval holds configurations out, or workloads" {
	not_small
	made 150 | vmf-ingest -q --map migrations -o moves.arrows
	vmf-eval --model downtime moves.arrows 2>err |
	    vmf-cat --csv --columns model,metric,held_out,n_folds,n,median_rel,pinball,coverage50,coverage90 >out
	grep -q '142 completed migrations, 8 not completed' err
	awk -F, '$1 == "downtime" { own[$2] = $7; rel[$2] = $6; c[$2] = $9 }
		$1 == "by_workload" { by[$2] = $7 }
		END {
			m = "downtime_ms"
			exit !(own[m] <= 0.6 * by[m] && rel[m] <= 0.2 &&
			    c[m] >= 0.8 && c[m] <= 0.97)
		}' out
	run -0 grep -c ',config,5,142,' out
	assert_output 9
	vmf-eval -q --model downtime --hold-out workload moves.arrows |
	    vmf-cat --csv --columns model,metric,held_out,coverage90 >out
	run -0 grep -c ',workload,' out
	assert_output 9
	awk -F, '$1 == "downtime" && $2 == "total_ms" { ok = $4 >= 0.5 }
		END { exit !ok }' out
}

@test "vmf-eval of migrations: options, and too few of them" {
	made 9 | vmf-ingest -q --map migrations -o moves.arrows
	fails 2 'about migrations' \
	    vmf-eval --model downtime --horizon 4 moves.arrows
	fails 2 "expected config, workload or file" \
	    vmf-eval --model downtime --hold-out vm moves.arrows
	fails 2 'about migrations' \
	    vmf-eval --model downtime --target 'cpu_max>80' moves.arrows
	# And what is about migrations is not ignored elsewhere.
	for option in '--hold-out workload' '--folds 5'; do
		# shellcheck disable=SC2086 # two words
		fails 2 'it needs --model downtime' \
		    vmf-eval --model snaive $option moves.arrows
	done
	made 3 | vmf-ingest -q --map migrations -o few.arrows
	fails 1 "expected 5 or more" vmf-eval --model downtime few.arrows
}

@test "vmf-eval holds files out: what is learned in one place, of another" {
	slow
	made 100 | vmf-ingest -q --map migrations -o here.arrows
	# The same names of configurations, slower; no lengths.
	made 90 2 | awk -F, -v OFS=, 'NR > 1 { $8 *= 1.5; $9 = "" } 1' |
	    vmf-ingest -q --map migrations -o there.arrows
	vmf-eval --model downtime --hold-out file --no-history -o s \
	    here.arrows there.arrows 2>err
	grep -q '180 completed migrations, 10 not completed' err
	vmf-cat --csv --columns model,metric,held_out,n_folds,n s >out
	# Lengths: of what is here alone, so that none are predicted of it.
	grep -v arithmetic out | diff - <(
		cat <<-'END'
		model,metric,held_out,n_folds,n
		downtime,downtime_ms,here.arrows,2,95
		by_workload,downtime_ms,here.arrows,2,95
		downtime,transferred_bytes,here.arrows,2,95
		by_workload,transferred_bytes,here.arrows,2,95
		downtime,downtime_ms,there.arrows,2,85
		by_workload,downtime_ms,there.arrows,2,85
		downtime,transferred_bytes,there.arrows,2,85
		by_workload,transferred_bytes,there.arrows,2,85
		END
	)
	# A third is missing where moves take half as long again.
	vmf-cat --csv --columns model,metric,held_out,median_rel s |
	    awk -F, '$1 == "downtime" && $2 == "downtime_ms" &&
		$3 == "there.arrows" { ok = $4 >= 0.2 && $4 <= 0.45 }
		END { exit !ok }'
	fails 1 'the moves are of one file' \
	    vmf-eval --model downtime --hold-out file here.arrows
	fails 2 "unexpected operand 'there.arrows'" \
	    vmf-eval --model snaive here.arrows there.arrows
}

@test "measured moves: what the model reaches, configurations held out" {
	whole
	data qemu_migration
	vmf-ingest -q --map qemu-migration -o moves.arrows \
	    "$DATA/mrmpplm_migrations.csv"
	vmf-train --model downtime -o model moves.arrows 2>err
	run -1 grep null err
	run -0 grep -c 'of 4158 moves in 223 configurations, with' err
	assert_output 3
	vmf-eval --model downtime moves.arrows 2>err |
	    vmf-cat --csv --columns model,metric,median_rel,p90_rel,p90_abs,pinball,pinball_log,coverage50,coverage90 >out
	has_trees || skip "no libxgboost"
	awk -F, '{ k = $1 "," $2; rel[k] = $3; p90[k] = $4; abs_[k] = $5
		    pin[k] = $6; log_[k] = $7; c50[k] = $8; c90[k] = $9 }
		END {
			d = "downtime,downtime_ms"; t = "downtime,total_ms"
			b = "by_workload,downtime_ms"; u = "by_workload,total_ms"
			exit !(rel[d] <= 0.39 && abs_[d] <= 160 &&
			    rel[t] <= 0.075 && p90[t] <= 0.29 &&
			    pin[d] <= 0.96 * pin[b] && log_[d] <= 0.87 * log_[b] &&
			    pin[t] <= 0.28 * pin[u] &&
			    c90[d] >= 0.87 && c90[d] <= 0.93 &&
			    c90[t] >= 0.87 && c90[t] <= 0.93 &&
			    c50[d] >= 0.45 && c50[d] <= 0.55 &&
			    c50[t] >= 0.45 && c50[t] <= 0.55)
		}' out
}

@test "a config of several workloads is one of each" {
	{
		echo kind=migrations
		echo workload config mem_bytes:f64 downtime_ms:f64 total_ms:f64
		for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			echo "a host$i 4e9 $((10 + i)) 40000"
			echo "b host$i 4e9 $((100 + i)) 40000"
			echo "c host$i 4e9 $((1000 + i)) 40000"
		done
	} | "$VMF_BIN/../unit/rows" >mixed
	vmf-train -q --model downtime -o m mixed
	{
		echo kind=series step=3600
		echo id workload mem_bytes:f64 start:time cpu_mean:list
		echo 'x a 4e9 2024-05-01T00:00:00Z 1*24'
	} | "$VMF_BIN/../unit/rows" | vmf-predict -q --from m |
	    vmf-cat -q --csv --no-header --columns downtime_ms_q50 >out
	awk '{ exit !($1 > 10 && $1 < 25) }' out
	run -0 vmf-cat --csv --no-header --columns model,metric,n_folds,n_configs,n \
	    <(vmf-eval -q --model downtime --hold-out workload mixed)
	assert_line downtime,downtime_ms,3,36,36
	# Whole numbers are names as well.
	sed 's/host//' <(vmf-cat --csv --columns workload,config,downtime_ms mixed) |
	    awk -F, 'NR > 1 { print $1, $2 * 1, $3 }' >numbers
	{ echo kind=migrations; echo workload config:int32 downtime_ms:f64
	  cat numbers; } | "$VMF_BIN/../unit/rows" | vmf-train --model downtime -o m 2>err
	grep -q 'downtime_ms: of 36 moves in 36 configurations' err
	{ echo kind=migrations; echo status:int32 downtime_ms:f64
	  echo 1 5; } | "$VMF_BIN/../unit/rows" >odd
	fails 1 "odd: column 'status' is int32, expected utf8" \
	    vmf-train --model downtime -o m odd
}

@test "moves of which nothing came are nothing to learn from" {
	{
		echo kind=migrations
		echo id workload mem_bytes:f64 downtime_ms:f64 total_ms:f64
		echo 'a web 4e9 - -'
		echo 'b web 8e9 - -'
	} | "$VMF_BIN/../unit/rows" >none
	vmf-train --model downtime -o m none 2>err
	grep -q 'nothing to learn from' err
	vmf-predict -q --from m none |
	    vmf-cat --csv --no-header --columns status,reason >out
	assert_equal "$(sort -u out)" "fallback,nothing was learned: by arithmetic"
}

@test "a VM that is far by one outcome's moves is told, whatever the others" {
	{
		echo kind=migrations
		echo workload mem_bytes:f64 downtime_ms:f64 total_ms:f64
		for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			echo "web ${i}e9 $((10 + i)) $((10000 * i))"
		done
		for i in 1 2 3 4 5; do
			echo "web ${i}e12 - ${i}0000000"
		done
	} | "$VMF_BIN/../unit/rows" >moves
	vmf-train -q --model downtime -o m moves
	{
		echo kind=forecast step=3600
		echo id workload mem_bytes:f64 start:time cpu_mean:list
		echo 'a web 4e9 2024-05-01T00:00:00Z 1*24'
		echo 'b web 1e12 2024-05-01T00:00:00Z 1*24'
	} | "$VMF_BIN/../unit/rows" >vms
	far='its mem_bytes is far from that of any move known: predicted wider'
	run -0 vmf-cat --csv --no-header --columns id,status,reason \
	    <(vmf-predict -q --from m vms)
	assert_output "a,ok,
b,unseen,$far"
	# Where no length was learned, too.
	vmf-cat -q --csv --columns workload,mem_bytes,downtime_ms moves |
	    awk -F, 'NR > 1 && $3 != "" { print $1, $2, $3 }' >short
	{ echo kind=migrations; echo workload mem_bytes:f64 downtime_ms:f64
	  cat short; } | "$VMF_BIN/../unit/rows" |
	    vmf-train -q --model downtime -o m
	run -0 vmf-cat --csv --no-header --columns id,reason \
	    <(vmf-window -q --length 30m --downtime m vms)
	assert_output "a,no length was learned: by arithmetic
b,$far; no length was learned: by arithmetic"
	# Numbers of no machine are not known.
	echo kind=migrations >odd.txt
	echo workload mem_bytes:f64 bandwidth_bytes_s:f64 downtime_ms:f64 >>odd.txt
	echo web 1e40 1e-300 5 >>odd.txt
	"$VMF_BIN/../unit/rows" <odd.txt | vmf-train -q --model downtime -o m
}
