# vmf-window as the planner of moves that are predicted: how long each takes,
# how long its VM stops, and what load a move and a host go by.  All else of
# plans is in 41-plan.bats.

load helper
load plan

# A model of downtimes whose moves depend on the load, and 40 VMs of which
# every fourth has a workload that it does not know.
downtimes() {
	awk 'BEGIN {
		srand(5)
		print "workload,mode,mem_bytes,load_pct,downtime_ms,total_ms,status"
		for (i = 0; i < 400; i++) {
			k = int(rand() * 2) + 1
			g = 2 ^ int(rand() * 6)
			load = 10 * int(rand() * 11)
			e = exp(0.1 * (rand() + rand() - 1))
			printf "%s,precopy,%.0f,%d,%.1f,%.0f,completed\n",
			    k == 1 ? "web" : "db", g * 2 ^ 30, load,
			    20 * k * (1 + load / 10) * e, 20000 * g * e
		}
	}' </dev/null | vmf-ingest -q --map migrations |
	    vmf-train -q --model downtime -o down.model
	awk -F, -v OFS=, 'NR == 1 { print $0, "workload"; next }
		{ print $0, NR % 4 == 0 ? "new" : NR % 2 ? "web" : "db" }' \
	    vms.csv >works.csv
	vmf-aggregate -q --step 1h --join works.csv -o s.arrows r.arrows
	vmf-train -q --model snaive -o s.model s.arrows
	vmf-predict -q --from s.model --horizon 24 -o d.arrows s.arrows
}

@test "a plan says how long a move takes and stops its VM, and counts it" {
	slow
	cd "$BATS_TEST_TMPDIR" || return 1
	gen 40 7 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q >r.arrows
	downtimes
	vmf-window -q --length 30m --downtime down.model -o p.arrows d.arrows
	vmf-cat --csv --columns id,start,load,downtime_ms_q50,downtime_ms_q90,total_ms_q50,total_ms_q90,status p.arrows |
	    awk -F, 'NR > 1 && $8 == "placed" {
		n++
		if (!($4 > 0 && $5 >= $4 && $6 > 0 && $7 >= $6))
			bad = 1
	    } END { exit bad || n < 30 }'
	# What is in the plan is what vmf-predict says at that load.
	row=$(vmf-cat --csv --columns id,load,downtime_ms_q50 p.arrows |
	    sed -n 2p)
	id=${row%%,*}
	load=${row#*,}
	printf 'workload,mem_bytes,load_pct\n%s,%s,%s\n' \
	    "$(awk -F, -v id="$id" '$1 == id { print $6 }' works.csv)" \
	    "$(awk -F, -v id="$id" '$1 == id { printf "%.0f", $5 * 1048576 }' works.csv)" \
	    "${load%,*}" | vmf-ingest -q --map migrations |
	    vmf-predict -q --from down.model | vmf-cat --csv \
	    --columns downtime_ms_q50 | tail -n 1 |
	    awk -v have="${load#*,}" '{ exit !($1 / have < 1.3 && have / $1 < 1.3) }'
	# The cost: a heavy price of downtime takes lighter windows still.
	vmf-window --length 30m --downtime down.model --cost-downtime 2 \
	    --cost-length 3 --explain "$id" -o q.arrows d.arrows 2>err
	grep -q 'and 2 for a second of median downtime, 3 for a minute' err
	cost() {
		sed -n 's/.*wave [0-9]*, cost \([^,]*\),.*/\1/p' err
	}
	want=$(vmf-cat --csv --columns id,load,downtime_ms_q50,total_ms_q50 \
	    q.arrows | awk -F, -v id="$id" '$1 == id {
		print $2 + 2 * $3 / 1000 + 3 * $4 / 60000 }')
	awk -v a="$(cost)" -v b="$want" 'BEGIN {
		d = a - b; exit !((d < 0 ? -d : d) <= 0.001 * b) }'
	# Its parts add up to it.
	sed -n 's/.*: that is \(.*\) of load, \(.*\) for .* s of .* and \(.*\) for .*/\1 \2 \3/p' err |
	    awk -v a="$(cost)" '{ d = $1 + $2 + $3 - a; n++
		bad = (d < 0 ? -d : d) > 0.0001 * a || $2 <= 0 || $3 <= 0 }
		END { exit n != 1 || bad }'
	fleet host downtime_ms_q50:f32 <<<'a 1,2 h 3' >g
	fails 1 "attribute 'downtime_ms_q50' has the name of a column of the plan" \
	    vmf-window --length 1h --downtime down.model -o out g
}

@test "--length auto: windows as long as the moves, and moves at once by them" {
	cd "$BATS_TEST_TMPDIR" || return 1
	gen 40 7 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q >r.arrows
	downtimes
	vmf-window --length auto --slot 5m --downtime down.model --total 1 \
	    --explain vm-0000003 -o p.arrows d.arrows 2>err
	grep -q 'in the p90 of its length' err || { cat err; return 1; }
	vmf-cat --csv --columns start,end,total_ms_q90,status p.arrows |
	    sed 's/T/ /g; s/Z//g' | awk -F, '
		function s(t) { gsub(/[-:]/, " ", t); return mktime(t) }
		$4 == "placed" {
			n++
			from[n] = s($1); to[n] = s($2)
			len = to[n] - from[n]
			# By the mean load; that of the window may be less.
			if (len % 60 || len < 60 || len > 3 * ($3 / 1000 + 60))
				bad = 1
			seen[len] = 1
		}
		END {
			for (i = 1; i <= n; i++)
				for (j = 1; j < i; j++)
					if (from[i] < to[j] && from[j] < to[i])
						bad = 1
			for (l in seen)
				kinds++
			exit bad || n < 10 || kinds < 3
		}'
	# Every fourth VM's workload is one of which no move is known.
	grep -q '10 VMs of a workload of which no move is known: what is' err
	run -0 vmf-cat --csv --no-header --columns workload,reason p.arrows
	assert_equal "$(grep -c '^new,.*no move of its workload is known: predicted wider' <<<"$output")" 10
	assert_equal "$(grep -c '^[^n].*no move' <<<"$output")" 0
	vmf-cat --schema d.arrows | grep -q '^workload'
	fails 2 '--length auto is what' vmf-window --length auto d.arrows
	fails 2 "expected a span of time" vmf-window --length soon d.arrows
}

@test "moves are predicted at the load of CPUs, whatever windows are compared by" {
	local q=downtime_ms_q50,downtime_ms_q90,load,start
	gen 4 7 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q >r.arrows
	downtimes
	fleet workload mem_bytes:f64 <<-E >cpu
	a 10,10 db 4294967296
	b 90,90 db 4294967296
	E
	fleet mem_mean:list workload mem_bytes:f64 <<-E >both
	a 10,10 90,70 db 4294967296
	b 30,90 60,50 db 4294967296
	E
	plan $q --downtime down.model <cpu >want
	plan $q --downtime down.model --metric mem_mean <both >out
	# The same at the same load of CPUs, the window being that of the other.
	paste -d, out want | awk -F, '
		function near(x, y) { x = x / y - 1; return x * x <= 1e-6 }
		!near($1, $5) || !near($2, $6) || $3 != 90 - 20 * NR ||
		    $4 !~ /T01:/ { bad = 1 }
		END { exit bad || NR != 2 }'
	vmf-window --length 1h --downtime down.model --metric mem_mean \
	    -o p both 2>err
	grep -q 'at the load of cpu_mean: mem_mean is none of CPUs' err
	# Where there is none it is not known, and the interval is wide.
	{
		echo "kind=forecast step=3600"
		echo "id start:time mem_mean:list workload mem_bytes:f64"
		echo "a $DAY 60,50 db 4294967296"
	} | "$ROWS" >mem
	vmf-window --length 1h --downtime down.model --metric mem_mean \
	    -o p mem 2>err
	grep -q 'a load that is not known: mem_mean is no load of CPUs, and' err
	vmf-cat --csv --no-header --columns $q p |
	    paste -d, - <(head -n 1 want) |
	    awk -F, '{ exit !($2 / $1 > 1.3 * $6 / $5) }'
	# A memory that is not known is told of too, of whom as well.
	fleet workload mem_bytes:f64 <<-E >no
	a 10,10 db 0
	b 10,10 db 4294967296
	E
	vmf-window --length 1h --downtime down.model -o p no 2>err
	grep -q '1 VMs lack memory, load or vCPUs that moves had' err
	run -0 vmf-cat --csv --no-header --columns id,status,reason p
	assert_line 'b,placed,'
	assert_line 'a,placed,its move is predicted in part: its memory is not known: as moves of any memory'
	vmf-window -q --length 1h --downtime down.model --budget-downtime 0 \
	    -o p no
	run -0 vmf-cat --csv --no-header --columns id,status,reason p
	assert_line --index 0 --regexp '^a,over-budget,.*ms; its move is predicted in part: its memory'
	# Of what cannot move nothing is predicted.
	vmf-window -q --length 3h --downtime down.model -o p no
	run -0 vmf-cat --csv --no-header --columns reason p
	refute_output --partial 'in part'
}

@test "--risk: moves are predicted at the quantile, and the budget is held there" {
	gen 4 7 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q >r.arrows
	downtimes
	local q=id,status,downtime_ms_q50,downtime_ms_q90 r='--risk 0.9'
	local down='--downtime down.model' net='--metric net_mean'
	fleet cpu_mean_q90:list net_mean:list net_mean_q90:list workload \
	    mem_bytes:f64 <<-E >f
	a 10,10 90,90 1,1 2,2 db 4294967296
	E
	# The same whether windows are compared by it or by another.
	# shellcheck disable=SC2086 # options and their values
	plan $q $down $r <f >want
	# shellcheck disable=SC2086
	plan $q $down $r $net <f >out
	paste -d, out want | awk -F, '
		function near(x, y) { x = x / y - 1; return x * x <= 1e-8 }
		!near($3, $7) || !near($4, $8) { bad = 1 }
		END { exit bad || NR != 1 }'
	# At the expected load it would be within a third of that.
	most=$(awk -F, '{ print $4 / 2 }' want)
	# shellcheck disable=SC2086
	run -0 plan id,status $down $net --budget-downtime "$most" <f
	assert_output a,placed
	# shellcheck disable=SC2086
	run -0 plan id,status $down $net $r --budget-downtime "$most" <f
	assert_output a,over-budget
	# Where one step has no quantile it is the mean of the others; where
	# there is no list, the expected load, and a line says so.
	fleet cpu_mean_q90:list net_mean:list net_mean_q90:list workload \
	    mem_bytes:f64 <<-E >f
	a 10,10 -,90 1,1 2,2 db 4294967296
	b 10,10 - 1,1 2,2 db 4294967296
	E
	# shellcheck disable=SC2086
	run -0 plan id,status $down $net $r --budget-downtime "$most" <f
	assert_output 'a,over-budget
b,placed'
	fleet net_mean:list net_mean_q90:list workload mem_bytes:f64 <<-E >f
	a 10,10 1,1 2,2 db 4294967296
	E
	# shellcheck disable=SC2086
	vmf-window --length 1h $down $net $r --budget-downtime "$most" \
	    -o p f 2>err
	grep -q 'at the expected load of cpu_mean: net_mean is none of CPUs' err
	run -0 vmf-cat --csv --no-header --columns id,status p
	assert_output a,placed
}

@test "--length auto: by the mean load itself, not by loads about it" {
	awk 'BEGIN {
		srand(7)
		print "mem_bytes,load_pct,downtime_ms,total_ms,status"
		for (i = 0; i < 150; i++) {
			load = 100 * rand()
			e = exp(0.1 * (rand() + rand() - 1))
			printf "8589934592,%.1f,%.1f,%.0f,completed\n", load,
			    100 * e, 2e6 * e * (1.1 + sin(load / 8))
		}
	}' </dev/null | vmf-ingest -q --map migrations |
	    vmf-train -q --model downtime -o wave.model
	fleet mem_bytes:f64 <<-E >f
	a 11*48 8589934592
	b 20*24,30*24 8589934592
	c 37*48 8589934592
	d 62*48 8589934592
	e 86*48 8589934592
	f 0*48 8589934592
	E
	vmf-predict -q --from wave.model f |
	    vmf-cat --csv --no-header --columns total_ms_q90 >want
	vmf-window -q --length auto --slot 1h --downtime wave.model -o p f
	vmf-cat --csv --no-header --columns start,end p |
	    sed 's/T/ /g; s/Z//g; s/[-:]/ /g' | paste -d, - want | awk -F, '
		{
			s = mktime($2) - mktime($1)
			ms = 60000 * s / 60
			seen[s] = 1
			if (s % 60 || !(ms >= $3 && ms - 60000 < $3))
				bad = 1
		}
		END { for (s in seen) n++; exit bad || NR != 6 || n < 4 }'
	# Loads are taken as whole per cent, the next above.
	for load in 36.001 37; do
		fleet mem_bytes:f64 <<<"a $load*48 8589934592" >f
		run -0 plan end --length auto --slot 1h \
		    --downtime wave.model <f
		echo "$output"
	done >ends
	[ "$(uniq ends | wc -l)" -eq 1 ]
}

@test "--max-host-load is of CPUs" {
	printf 'host,cpus\nh1,8\nh2,8\n' >hosts.csv
	fleet mem_mean:list host vcpus:int32 <<<'a 10,10 80,70 h1 4' >f
	fails 2 'the CPUs of hosts, and mem_mean is no load of CPUs in %' \
	    vmf-window --length 1h --metric mem_mean --hosts hosts.csv \
	    --place --max-host-load 90 f
	vmf-window --length 1h --metric mem_mean --hosts hosts.csv --place \
	    --max-load 75 -o p f 2>err
	grep -q -- '--max-load holds for windows, and not for hosts: mem_mean' err
	run -0 vmf-cat --csv --no-header --columns load,status p
	assert_output 70,placed
	vmf-window --length 1h --hosts hosts.csv --place --max-load 75 -o p f \
	    2>err
	run -1 grep 'not for hosts' err
}

@test "--budget-downtime: no start above it, and rows that say why not" {
	cd "$BATS_TEST_TMPDIR" || return 1
	gen 40 7 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q >r.arrows
	downtimes
	vmf-window -q --length 30m --downtime down.model \
	    --budget-downtime 100 -o p.arrows d.arrows
	vmf-cat --csv --columns status,downtime_ms_q90,reason p.arrows |
	    awk -F, '$1 == "placed" { n++; if (!($2 <= 100.001)) bad = 1 }
		$1 == "over-budget" { over++
			if ($3 !~ /least p90 of its downtime/) bad = 1 }
		END { exit bad || n < 5 || over < 5 }'
	vmf-window -q --length 30m --downtime down.model \
	    --budget-downtime 0 -o p.arrows d.arrows
	vmf-cat --csv --columns status p.arrows | run ! grep -q placed
	# Windows that a limit of the load rules out have no downtime to count.
	vmf-window -q --length 30m --downtime down.model \
	    --budget-downtime 100 --max-load 20 -o q.arrows d.arrows
	vmf-cat --csv --columns status,downtime_ms_q90,load q.arrows |
	    awk -F, '$1 == "placed" { n++; bad += !($2 <= 100.001 &&
		$3 <= 20) } END { exit bad || n < 1 }'
	# A model that knows no downtime says so, wherever it is gone by.
	awk 'BEGIN {
		srand(5)
		print "mem_bytes,total_ms,status"
		for (i = 0; i < 60; i++)
			printf "%.0f,%.0f,completed\n", 2 ^ (30 + i % 6),
			    2000 * 2 ^ (i % 6) * (1 + rand() / 9)
	}' </dev/null | vmf-ingest -q --map migrations |
	    vmf-train -q --model downtime -o length.model
	vmf-window --length auto --downtime length.model \
	    --budget-downtime 500 -o q.arrows d.arrows 2>err
	grep -q 'no downtime was learned from moves: what is predicted of it is by arithmetic, and so is what --budget-downtime goes by' err
	vmf-cat --csv --no-header --columns status,reason q.arrows |
	    awk '/^placed/ { n++ } !/no downtime was learned: by arithmetic/ {
		bad = 1 } END { exit bad || !n }'
	# Who has no forecast has no load, and a row all the same.
	fleet workload mem_bytes:f64 <<-E >f
	a 1,2,3 web 4294967296
	b - web 4294967296
	E
	vmf-window -q --length 1h --downtime down.model -o q.arrows f
	run -0 vmf-cat --csv --no-header --columns id,status q.arrows
	assert_output $'a,placed\nb,no-window'
	# What no move had is not for nothing where pre-copy will not end.
	fleet workload mem_bytes:f64 dirty_rate_bytes_s:f64 <<-E >f
	a 1,2,3 web 1073741824 1e6
	b 1,2,3 web 1073741824 1e10
	E
	vmf-window --length 1h --downtime down.model --budget-downtime 300 \
	    -o q.arrows f 2>err
	run -0 vmf-cat --csv --no-header --columns id,status,reason q.arrows
	assert_output 'a,placed,
b,over-budget,"it would be stopped for 8600 ms, more than 300 ms; by arithmetic pre-copy will not converge: its memory is written to as fast as it is sent"'
	grep -q ' 1 VMs whose memory is written to as fast as it is sent: .*, which --budget-downtime goes by' err
	grep -q ' 2 VMs have a dirty rate, and no move that was learned had one' err
	vmf-window -q --length 1h --downtime down.model -o q.arrows f
	run -0 vmf-cat --csv --no-header --columns id,status,reason q.arrows
	assert_output 'a,placed,
b,placed,by arithmetic pre-copy will not converge: its memory is written to as fast as it is sent'
	fails 2 'expected --downtime MODEL' \
	    vmf-window --length 30m --budget-downtime 5 d.arrows
	local x
	for x in -1 inf 1e+308; do
		fails 2 "--cost-length is $x, expected a number, at least 0, that 32 bits hold" \
		    vmf-window --length 30m --downtime down.model \
		    --cost-length $x d.arrows
		fails 2 "--cost-downtime is $x, expected a number, at least 0, that 32 bits hold" \
		    vmf-window --length 30m --downtime down.model \
		    --cost-downtime $x d.arrows
	done
	fails 2 '--budget-downtime is -1, expected a number, at least 0' \
	    vmf-window --length 30m --downtime down.model \
	    --budget-downtime -1 d.arrows
	fails 1 'no model of downtimes' \
	    vmf-window --length 30m --downtime s.model d.arrows
}
