# vmf-gen: the fleet that the other tests and the benchmarks stand on.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# note NAME: the number after NAME in the summary kept in the file "note".
note() {
	sed -E "s/.*[:,] $1 ([0-9]+).*/\\1/" note
}

@test "the same seed gives the same bytes, on every machine" {
	vmf-gen -q --vms 50 --days 2 --seed 7 --net >a
	vmf-gen -q --vms 50 --days 2 --seed 7 --net >b
	same a b
	run -0 sha256sum <a
	assert_output "c3ae14e2961dd2b9683d96b5b7d96d4e5878882c06c874aaf68609a5a46af547  -"
}

@test "another seed gives another fleet" {
	gen 20 1 --seed 1 >a
	gen 20 1 --seed 2 >b
	run ! cmp -s a b
}

@test "csv: header, Unix seconds on the step, loads within 0 and 100" {
	gen 100 2 --start '2024-05-01 00:00' >a
	assert_equal "$(head -n 1 a)" vm,time,cpu,mem
	run -0 awk -F, 'NR > 1 && (NF != 4 || $1 !~ /^vm-[0-9]+$/ ||
	    length($1) != 10 ||
	    $2 % 300 || $2 < 1714521600 || $2 >= 1714694400 ||
	    $3 !~ /^[0-9]+\.[0-9][0-9][0-9]$/ || $3 > 100 ||
	    $4 !~ /^([0-9]+\.[0-9][0-9][0-9])?$/ || $4 > 100) { print; exit }' a
	refute_output
}

@test "csv --net: two columns more, the others as without" {
	gen 10 1 >a
	gen 10 1 --net >b
	assert_equal "$(head -n 1 b)" vm,time,cpu,mem,net_rx,net_tx
	cut -d, -f1-4 b | cmp - a
	run -0 awk -F, 'NF != 6 || (NR > 1 && $5 + $6 < 0) { print; exit }' b
	refute_output
}

@test "azure: no header, 64-character ids, min <= avg <= max" {
	gen 100 1 --shape azure --start @0 >a
	run -0 awk -F, 'NF != 5 || length($2) != 64 || $3 > $5 || $5 > $4 ||
	    $4 > 100 || $5 !~ /^[0-9]+\.[0-9][0-9][0-9][0-9][0-9][0-9]$/ ||
	    $1 % 300 || $1 >= 86400 { print; exit }' a
	refute_output
	assert [ "$(cut -d, -f2 a | sort -u | wc -l)" -gt 95 ]
}

@test "azure and csv show the same loads" {
	gen 20 1 --shape azure --id-length 20 >a
	gen 20 1 --id-length 20 >c
	awk -F, '{ printf "%s,%s,%.3f\n", $2, $1, $5 }' a >a3
	tail -n +2 c | cut -d, -f1-3 >c3
	# %.3f of six decimals and the rounded millionths may part at a 5.
	run -0 awk -F, 'NR == FNR { v[NR] = $3; k[NR] = $1 $2; next }
	    k[FNR] != $1 $2 || (v[FNR] - $3) ^ 2 > 0.0000012 { print; exit }' a3 c3
	refute_output
}

@test "ids of a chosen length are distinct and as long" {
	vmf-gen -q --vms 20000 --shape inventory --id-length 11 | tail -n +2 |
	    cut -d, -f1 >ids
	run -0 awk 'length($1) != 11 { print; exit }' ids
	refute_output
	assert_equal "$(sort -u ids | wc -l)" "$(wc -l <ids)"
}

@test "a VM is the same one in a larger fleet" {
	gen 30 1 | sort >a
	gen 60 1 | awk -F, '$1 == "vm" || substr($1, 4) + 0 < 30' | sort >b
	same a b
}

@test "--order time, vm and shuffle: the same lines" {
	gen 40 1 --order time >t
	gen 40 1 --order vm >v
	gen 40 1 --order shuffle >s
	sort t >ts
	sort v | cmp - ts
	sort s | cmp - ts
	tail -n +2 t | sort -s -t, -k2,2n -c
	tail -n +2 v | sort -s -t, -k1,1 -k2,2n -c
	tail -n +2 s | sort -s -t, -k2,2n -c
	run ! cmp -s s t
}

@test "the summary counts what is there" {
	vmf-gen --vms 300 --days 2 >a 2>note
	tail -n +2 a >rows
	assert_equal "$(wc -l <rows)" "$(note rows)"
	assert_equal "$(uniq -d rows | wc -l)" "$(note duplicates)"
	assert_equal "$(uniq rows | cut -d, -f1,2 | uniq -d | wc -l)" \
	    "$(note conflicts)"
	assert [ "$(note duplicates)" -gt 50 ]
	assert [ "$(note conflicts)" -gt 5 ]
}

@test "the fleet has what a real one has" {
	gen 500 14 --step 1h --inventory vms.csv |
	    awk -F, 'NR > 1 && !(($1 $2) in seen) { seen[$1 $2]; n[$1]++;
		s[$1] += $3; if (!($1 in lo) || $3 + 0 < lo[$1]) lo[$1] = $3 + 0;
		if ($3 + 0 > hi[$1]) hi[$1] = $3 + 0; if ($4 == "") empty++
	    }
	    END { for (v in n) {
		if (n[v] < 300) short++
		if (lo[v] == hi[v] && n[v] > 300) constant++
		if (s[v] / n[v] < 2) idle++
		if (hi[v] > 60) busy++
	    }
	    for (v in n) vms++
	    print vms, short, constant, idle, busy, empty }' >seen
	read -r vms short constant idle busy empty <seen
	echo "$(cat seen)"
	assert [ "$vms" -lt 500 ]
	assert [ "$vms" -gt 490 ]
	assert [ "$short" -gt 20 ]
	assert [ "$constant" -gt 10 ]
	assert [ "$idle" -gt 80 ]
	assert [ "$busy" -gt 60 ]
	assert [ "$empty" -gt 50 ]
	# In the inventory but silent, and the other way round.
	assert [ "$(wc -l <vms.csv)" -gt 490 ]
}

@test "working days are busier than nights and weekends" {
	gen 300 7 --step 1h | awk -F, 'NR > 1 { h = ($2 / 3600) % 24
	    d = int(($2 - 1704067200) / 86400)
	    if (d < 5 && h >= 10 && h < 15) { day += $3; nd++ }
	    if (d < 5 && h < 4) { night += $3; nn++ }
	    if (d >= 5 && h >= 10 && h < 15) { we += $3; nw++ } }
	    END { day /= nd; night /= nn; we /= nw
	    print day, night, we
	    exit !(day > 1.5 * night && day > 1.2 * we) }'
}

@test "batch jobs begin on the minute they always begin on" {
	gen 400 3 --step 1m --seed 3 | awk -F, 'NR > 1 {
	    if (($1 in was) && $3 - was[$1] > 35) { at[$1, $2 / 60 % 60]++; n[$1]++ }
	    was[$1] = $3 }
	    END { for (k in at) { split(k, p, SUBSEP)
		if (n[p[1]] >= 24 && at[k] > 0.95 * n[p[1]]) found++ }
	    print found + 0; exit found < 5 }'
}

@test "inventory: one line a listed VM, one host in one cluster" {
	vmf-gen -q --vms 1000 --shape inventory -o a.csv
	vmf-gen -q --vms 1000 --days 1 --inventory b.csv >samples
	same a.csv b.csv
	assert_equal "$(head -n 1 a.csv)" vm,host,cluster,vcpus,mem_mb
	run -0 awk -F, 'NR > 1 && (NF != 5 || $4 < 1 || $4 > 32 || $5 / $4 < 1024 ||
	    (($2 in c) && c[$2] != $3)) { print; exit } { c[$2] = $3 }' a.csv
	refute_output
	tail -n +2 samples | cut -d, -f1 | sort -u >sent
	tail -n +2 a.csv | cut -d, -f1 | sort -u >listed
	assert [ -n "$(comm -23 sent listed)" ]
	assert [ -n "$(comm -13 sent listed)" ]
}

@test "one VM, one step; steps that do not divide the day; before 1970" {
	run -0 vmf-gen -q --vms 1 --step 1d
	assert_line --index 1 --regexp '^vm-0000000,1704067200,'
	assert_equal "${#lines[@]}" 2
	assert_equal "$(vmf-gen -q --vms 1 --step 7h | wc -l)" 4
	# The zone counts for what is before it, shortened or not.
	for tz in --tz --t --tz=Europe/Zurich --t=Europe/Zurich; do
		[[ $tz == *=* ]] && set -- || set -- Europe/Zurich
		gen 1 1 --step 1d --start '2024-05-01 00:00' $tz "$@" |
		    grep -q ',1714514400,' || fail "$tz"
	done
	run -0 vmf-gen -q --vms 1 --step 1d --start 1969-12-31T00:00:00Z
	assert_line --index 1 --regexp '^vm-0000000,-86400,'
}

@test "-o writes all or nothing" {
	gen 10 1 >a
	gen 10 1 -o b
	same a b
	fails 1 'nowhere' vmf-gen -o nowhere/c
	fails 1 'nowhere' vmf-gen --inventory nowhere/c
	leaves . a b fails.err fails.out
}

@test "usage errors exit 2" {
	fails 2 "--shape: found 'wide'" vmf-gen --shape wide
	fails 2 "--order: found 'id'" vmf-gen --order id
	fails 2 "--vms: found '0'" vmf-gen --vms 0
	fails 2 "--step: found '0'" vmf-gen --step 0
	fails 2 "--step: found 172800 s" vmf-gen --step 2d
	fails 2 "--id-length: found '8'" vmf-gen --id-length 8
	fails 2 '--net' vmf-gen --net --shape azure
	fails 2 '-o FILE' vmf-gen --shape inventory --inventory x
	fails 2 "unexpected operand 'x'" vmf-gen x
	fails 2 'too many' vmf-gen --vms 1000000000 --days 100000 --step 1s
	fails 2 '--start' vmf-gen --start @9000000000000000000
}

@test "--decimals: digits after the others, which stay" {
	gen 5 1 --seed 3 >short
	gen 5 1 --seed 3 --decimals 14 >long
	grep -qE '^vm-0000001,[0-9]+,[0-9]+\.[0-9]{14},[0-9]+\.[0-9]{14}$' long
	sed -E 's/(\.[0-9]{3})[0-9]{11}/\1/g' long >cut
	same short cut
	gen 2 1 --shape azure --decimals 15 >azure
	grep -qE ',[0-9]+\.[0-9]{15}$' azure
	fails 2 "at least 6" vmf-gen --shape azure --decimals 4
	fails 2 "from 3 to 15" vmf-gen --decimals 16
}
