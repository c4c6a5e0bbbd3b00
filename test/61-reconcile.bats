# Hosts and clusters as what is forecast, and vmf-predict --reconcile: VMs'
# forecasts that add up to theirs.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

AT=2024-05-01T00:00:00Z

# forecast COLUMNS [TYPE]: two steps of a metric and its quantiles .1 and .9.
forecast() {
	local list=${2:-list}
	{
		echo "kind=forecast step=3600"
		echo "id $1 start:time cpu_mean:$list cpu_mean_q10:$list cpu_mean_q90:$list status"
		while read -r line; do
			echo "$line ok"
		done
	} | "$ROWS"
}

# long STREAM [COLUMN...]: a line a step, without its id and time.
long() {
	local f=$1
	shift
	vmf-cat --long --csv --no-header --columns "${*:-cpu_mean}" "$f" |
	    cut -d , -f 3-
}

# A deviation of 1 is a distance of 2 x 1.2815516 between .1 and .9.
D=2.5631031

@test "a VM of which nothing is predicted moves with all its quantiles" {
	forecast "host vcpus:int32" >vms <<-E
	a h1 2 $AT 0,0 0,0 0,0
	b h1 2 $AT 90,50 85,45 95,55
	E
	forecast "vcpus:int32" >hosts <<-E
	h1 4 $AT 99,40 98,39 100,41
	E
	vmf-predict -q --reconcile hosts -o f vms
	run -0 awk -F, 'NR <= 2 && ($1 < $2 || $1 > $3) || $1 > 100 { print }
	    NR == 1 { print ($1 > 1) }' <(long f cpu_mean,cpu_mean_q10,cpu_mean_q90)
	assert_output 1
}

@test "by hand: variances divide what is missing" {
	# a has 1 vCPU and a deviation of 1, b 2 vCPUs and one of 2: as they
	# would have together if they had nothing in common, sqrt(1 + 16) / 3,
	# is the host's.  So a and b get shares of 1 : 16 / 2, and the
	# host is as sure as its VMs: half of what they differ in.
	forecast "host vcpus:int32" >vms <<-E
	a h1 1 $AT 10,- 9,9 $(awk "BEGIN { print 9 + $D }"),20
	b h1 2 $AT 30,30 29,29 $(awk "BEGIN { print 29 + 2 * $D }"),40
	c h2 4 $AT 50,50 40,40 60,60
	E
	# The sum is 70; the host says 3 x 29 = 87.
	forecast "vcpus:int32" >hosts <<-E
	h1 3 $AT 29,30 28,25 $(awk "BEGIN { print 28 + $D * sqrt(17) / 3 }"),35
	E
	vmf-predict --reconcile hosts -o f vms 2>err
	assert_equal "$(cat err)" "vmf-predict: 3 VMs on 1 hosts that are forecast: 0 without a forecast of their own, 1 on others, left as they were; 0 hosts without VMs, 0 out of reach of theirs"
	vmf-predict -q --reconcile hosts --totals -o t vms
	long f cpu_mean,cpu_mean_q90 >steps
	# 8.5 in all: a 8.5 x 1 / 17, b 8.5 x 8 / 17.
	awk -F, '
	function near(a, b) { return a - b < 1e-4 && b - a < 1e-4 }
	NR == 1 { ok += near($1, 10.5) && near($2, (9 + '$D') * 1.05) }
	NR == 2 { ok += $1 == "" && near($2, 20) }
	NR == 3 { ok += near($1, 34) && near($2, (29 + 2 * '$D') * 34 / 30) }
	NR == 5 { ok += near($1, 50) && near($2, 60) }
	END { exit ok != 4 }' steps
	run -0 long t
	assert_line --index 0 --regexp '^26\.16[67]'
	# Where a is missing, b is all there is of the host.
	assert_line --index 1 "$(sed -n 4p steps | cut -d , -f 1)"
}

@test "lists of 64 bits, which polars writes, stay such" {
	for list in list list64; do
		forecast "host vcpus:int32" $list >vms <<-E
		a h1 1 $AT 10,10 9,9 11,11
		b h1 2 $AT 30,- 29,29 33,33
		E
		forecast "vcpus:int32" $list >hosts <<-E
		h1 3 $AT 29,30 28,25 31,35
		E
		vmf-predict -q --reconcile hosts -o "$list.out" vms
		vmf-predict -q --reconcile hosts --totals -o "$list.sum" vms
	done
	vmf-cat --schema list64.out | grep -E '^cpu_mean +list<float64>'
	for f in out sum; do
		paste -d , <(long list.$f) <(long list64.$f) | awk -F, '
			{ d = $1 - $2; if (d > 1e-5 || d < -1e-5) exit 1 }
			END { exit NR == 0 }'
	done
}

@test "no VM is below 0 or above 100 %, and what that leaves is the others'" {
	forecast "host vcpus:int32" >vms <<-E
	a h1 1 $AT 1,99 0,50 90,100
	b h1 1 $AT 20,20 19,19 21,21
	E
	forecast "vcpus:int32" >hosts <<-E
	h1 2 $AT 1,90 1,90 1.01,90.01
	E
	vmf-predict -q --reconcile hosts -o f vms
	vmf-predict -q --reconcile hosts --totals -o t vms
	{ long f; long t; } | paste -s -d , - | awk -F, '{
		for (i = 1; i <= 6; i++)
			bad += !($i >= 0 && $i <= 100)
		for (i = 1; i <= 2; i++) {
			d = ($i + $(i + 2)) / 2 - $(i + 4)
			bad += !(d * d <= 1e-8)
		}
		# By the variance alone a would be below 0, and above 100.
		bad += !($1 == 0 && $2 == 100 && $3 < 15 && $4 > 25)
	    } END { exit bad }'
}

@test "hosts and clusters are trained, predicted and scored as VMs are" {
	gen 40 9 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q >r
	for by in host cluster; do
		vmf-aggregate -q --step 1h --by $by --join vms.csv r |
		    tee s | vmf-train -q --model kq,arima -o m
		vmf-predict -q --from m --horizon 24 -o f s
		n=2
		[ "$by" = host ] || n=3
		n=$(tail -n +2 vms.csv | cut -d , -f "$n" | sort -u | wc -l)
		assert_equal "$(vmf-cat --csv --no-header --columns status f |
		    sort | uniq -c | xargs)" "$n ok"
		vmf-eval --model kq --horizon 24 --origins 2 s |
		    vmf-cat --csv --columns model,n_series,mase |
		    awk -F, -v n="$n" '$1 == "kq" {
			ok = $2 == n && $3 > 0 && $3 < 5 } END { exit !ok }'
	done
}

@test "sums agree to 1e-6, from files and pipes, whatever the batches" {
	gen 60 9 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q >r
	vmf-aggregate -q --step 1h --join vms.csv -o s r
	vmf-train -q --model kq -o m s
	vmf-predict -q --from m --horizon 24 -o vms s
	for by in host cluster; do
		vmf-aggregate -q --step 1h --by $by --join vms.csv -o t r
		vmf-train -q --model kq -o m t
		vmf-predict -q --from m --horizon 24 -o totals t
		vmf-predict -q --reconcile totals --by $by --no-history -o f vms
		vmf-predict -q --reconcile totals --by $by --no-history \
		    <vms | cmp - f
		vmf-predict -q --reconcile <(cat totals) --by $by \
		    --no-history -o g vms
		same f g
		vmf-predict -q --reconcile totals --by $by --totals -o u vms
		judge - $by <<-'E'
		import sys
		import numpy as np
		import pyarrow.ipc as ipc
		rows = lambda f: ipc.open_stream(f).read_all().to_pylist()
		was, now, n = rows("vms"), rows("f"), 0
		assert [r["id"] for r in was] == [r["id"] for r in now]
		for u in rows("u"):
		    mine = [v for v in now if v[sys.argv[1]] == u["id"]]
		    c = np.array([v["vcpus"] for v in mine], float)
		    x = np.array([v["cpu_mean"] for v in mine], float)
		    total = np.array(u["cpu_mean"], float)
		    off = np.abs(c @ x / c.sum() - total) / total
		    assert (off <= 1e-6).all(), off.max()
		    n += len(mine)
		assert n == 60
		for a, b in zip(was, now):
		    q = np.array([b[f"cpu_mean_q{k}0"] for k in range(1, 10)])
		    assert (np.diff(q, axis=0) >= 0).all() and (q >= 0).all()
		    del a["cpu_mean"], b["cpu_mean"]
		    for k in range(1, 10):
		        del a[f"cpu_mean_q{k}0"], b[f"cpu_mean_q{k}0"]
		    assert a == b
		E
	done
	# Again, and there is nothing left to do.
	vmf-aggregate -q --step 1h --by host --join vms.csv -o t r
	vmf-train -q --model kq -o m t
	vmf-predict -q --from m --horizon 24 -o totals t
	vmf-predict -q --reconcile totals -o f vms
	vmf-predict -q --reconcile totals --totals -o u vms
	vmf-predict -q --reconcile u -o again f
	paste -d , <(long f) <(long again) | awk -F, '{ d = $1 - $2
		bad += !(d * d <= 1e-8 * (1 + $1 * $1)) } END { exit bad }'
}

@test "a metric that is not in % adds up as it is" {
	forecast "host" >vms <<-E
	a h1 $AT 1000,10 900,9 1100,11
	b h1 $AT 2000,20 1900,19 2100,21
	E
	forecast "" >hosts <<-E
	h1 $AT 3300,60 3200,59 3400,61
	E
	fails 1 "no column 'vcpus'" vmf-predict --reconcile hosts vms
	judge - <<-'E'
	import pyarrow as pa
	import pyarrow.ipc as ipc
	t = ipc.open_stream("vms").read_all()
	s = pa.schema([f.with_metadata({"unit": "MHz"}) if f.name[:3] == "cpu"
	               else f for f in t.schema], t.schema.metadata)
	with ipc.new_stream("mhz", s) as w:
	    w.write_table(t.cast(s))
	E
	vmf-predict -q --reconcile hosts -o f mhz
	vmf-predict -q --reconcile hosts --totals -o t mhz
	{ long f; long t; } | paste -s -d , - | awk -F, '{
		bad += !($1 + $3 == $5 && $2 + $4 == $6)
		bad += !($1 > 1000 && $1 < $3 && $5 > 3100 && $5 < 3300)
	    } END { exit bad }'
}

@test "no forecast, no host: left as they were" {
	forecast "host vcpus:int32" >vms <<-E
	a h1 1 $AT 10,10 9,9 11,11
	b h1 - $AT - - -
	c - 2 $AT 10,10 9,9 11,11
	E
	forecast "vcpus:int32" >hosts <<-E
	h1 1 $AT 20,20 19,19 21,21
	h2 1 $AT - - -
	h3 1 $AT 5,5 4,4 6,6
	E
	# What b lacks is asked of nobody who has no forecast.
	vmf-predict --reconcile hosts -o f vms 2>err
	grep -q '3 VMs on 2 hosts that are forecast: 1 without a forecast of their own, 1 on others.* 1 hosts without VMs' err
	run -0 vmf-cat --csv --no-header --columns id,cpu_mean f
	assert_line --index 0 'a,"[15,15]"'
	assert_line --index 1 'b,'
	assert_line --index 2 'c,"[10,10]"'
	vmf-predict -q --reconcile hosts --totals vms |
	    vmf-cat --csv --no-header --columns id,cpu_mean |
	    diff - <(printf '%s\n' 'h1,"[15,15]"' h2, 'h3,"[5,5]"')
	forecast "host vcpus:int32" >vms <<-E
	a h1 1 $AT 10,10 9,9 11,11
	b h1 - $AT 10,10 9,9 11,11
	E
	fails 1 "row 1, 'b': vcpus is missing" vmf-predict --reconcile hosts vms
}

@test "bad input and options: one line, exit code, nothing written" {
	forecast "host vcpus:int32" >vms <<-E
	a h1 1 $AT 10,10 9,9 11,11
	E
	forecast "vcpus:int32" >hosts <<-E
	h1 1 $AT 20,20 19,19 21,21
	E
	forecast "vcpus:int32" >long <<-E
	h1 1 $AT 20,20,20 19,19,19 21,21,21
	E
	{
		echo kind=forecast step=3600
		echo id host start:time cpu_mean:list cpu_mean_q50:list
		echo a h1 $AT 10,10 10,10
	} | "$ROWS" >bare
	fails 1 "2 steps from $AT, but others have 3" \
	    vmf-predict --reconcile long -o f vms
	fails 1 "1 quantiles, expected two or more" \
	    vmf-predict --reconcile hosts -o f bare
	fails 1 "no column 'cluster', which --reconcile needs" \
	    vmf-predict --reconcile hosts --by cluster -o f vms
	fails 2 "expected host or cluster" \
	    vmf-predict --reconcile hosts --by rack -o f vms
	fails 2 "leave out --from" \
	    vmf-predict --reconcile hosts --from m -o f vms
	fails 2 "leave out --horizon" \
	    vmf-predict --reconcile hosts --horizon 3 -o f vms
	fails 2 "cannot both be standard input" vmf-predict --reconcile - <vms
	fails 2 "--totals is about --reconcile" vmf-predict --totals vms
	fails 2 "--by is about --reconcile" vmf-predict --by host vms
	# The forecast of clusters is none of hosts.
	forecast "vcpus:int32" >clusters <<-E
	c1 1 $AT 20,20 19,19 21,21
	E
	fails 1 "clusters: no VM is on any host that it forecasts" \
	    vmf-predict --reconcile clusters -o f vms
	rm clusters
	fails 2 "leave out --unseen" \
	    vmf-predict --reconcile hosts --unseen cold -o f vms
	head -c $(($(wc -c <hosts) - 8)) hosts >cut
	fails 1 "end" vmf-predict --reconcile cut -o f vms
	leaves . bare cut fails.err fails.out hosts long vms
}

@test "Bitbrains: hosts made up of VMs are predicted no worse than apart" {
	not_small
	data bitbrains_rnd
	judge -B "$VMF_ROOT/test/bench/sums.py" 20 kq 2013-08-23T00:00:00Z >out
	awk '/vms  *apart/ { crps = $5 } /vms  *reconciled/ { new = $5 }
	    /hosts  *apart/ { own = $9 } /hosts  *reconciled/ { r = $9 }
	    END { exit !(r > 0 && r <= own && new > 0 && new <= 1.01 * crps) }' out
}
