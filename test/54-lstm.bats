# lstm: one network for the fleet.  Its arithmetic is held against PyTorch in
# test/unit/lstm.c; here is what a user sees of it.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	gen 34 15 --seed 3 | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 1h -o s
	# A build without oneDNN says so, and has nothing else to test.
	vmf-train -q --model lstm --epochs 5 -o m s 2>err || touch without
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

with() {
	[ ! -e without ] || skip "$(tail -n 1 err)"
}

train() {
	vmf-train -q --no-history --model lstm --epochs 5 "$@"
}

@test "without oneDNN: the package is named, at once" {
	[ -e without ] || skip "this build has oneDNN"
	fails 1 'libdnnl-dev' vmf-train --model lstm s
	[ ! -e m ]
	fails 1 'libdnnl-dev' vmf-eval --model lstm s
}

@test "one part for the fleet, and kq's for each VM" {
	with
	run -0 vmf-cat --csv --no-header --columns id,model,status,mase m
	assert_line --index 0 ',lstm,ok,'
	run -0 vmf-cat --json m
	assert_equal "$(jq -r 'select(.id == null) | .blob | length > 1000' \
	    <<<"$output")" true
	train --metric cpu_mean -o two s
	run -0 vmf-cat --schema two
	assert_line --regexp '^vmf:model +lstm'
	vmf-train -q --no-history --model kq -o k s
	# But for the name, what the model has of a VM is what kq has.
	diff <(vmf-cat --json two | jq -c 'select(.id) | del(.model)') \
	    <(vmf-cat --json k | jq -c 'del(.model)')
}

@test "the same bytes, whatever the threads; others by another seed" {
	slow
	with
	train -o a s
	train --threads 1 -o b s
	train --threads 3 -o c s
	same a b
	same a c
	train --seed 1 -o d s
	fails_to_match a d
	train --hidden 16 -o d s
	fails_to_match a d
	[ "$(wc -c <d)" -lt "$(wc -c <a)" ]
	VMF_SIMD=plain train -o a s
	VMF_SIMD=plain train -o b s
	same a b
}

# fails_to_match FILE FILE: they differ.
fails_to_match() {
	local rc=0
	cmp -s -- "$1" "$2" || rc=$?
	assert_equal "$rc" 1
}

@test "forecasts: levels do not cross, any levels, any horizon, any batch" {
	with
	vmf-predict -q --from m --horizon 60 -o f s
	run -0 vmf-cat --csv --no-header --columns model f
	assert_equal "$(sort -u <<<"$output")" lstm
	vmf-cat --json f | jq -e 'select(.cpu_mean_q50[0] != null) |
	    [.cpu_mean_q10, .cpu_mean_q20, .cpu_mean_q50, .cpu_mean_q80,
	    .cpu_mean_q90] | transpose | all(. == sort)' >got
	assert_equal "$(sort -u got)" true
	# It says something else than kq does.
	vmf-train -q --model kq -o k s
	vmf-predict -q --from k --horizon 60 -o g s
	fails_to_match <(vmf-cat --csv --columns id,cpu_mean_q50 f) \
	    <(vmf-cat --csv --columns id,cpu_mean_q50 g)
	# As many as can be asked for, none of which is one of the nine.
	many=$(seq 1 99 | awk '{ printf "%s%.4f", (NR > 1 ? "," : ""),
	    $1 / 101 + .0001 }')
	vmf-predict -q --from m --horizon 4 --quantiles "$many" -o all s
	vmf-cat --long --csv --no-header all | awk -F, '$4 != "" {
	    for (i = 5; i <= NF; i++) bad += $i < $(i - 1); n++ }
	    END { exit !(n > 0 && bad == 0) }'
	# Fewer levels, and others between: those that both have are equal.
	vmf-predict -q --from m --quantiles 0.05,0.1,0.5,0.85 -o h s
	vmf-predict -q --from m -o i s
	same <(vmf-cat --csv --columns id,cpu_mean,cpu_mean_q10,cpu_mean_q50 h) \
	    <(vmf-cat --csv --columns id,cpu_mean,cpu_mean_q10,cpu_mean_q50 i)
	vmf-cat --json h | jq -e 'select(.cpu_mean_q50[0] != null) |
	    [.cpu_mean_q05, .cpu_mean_q10, .cpu_mean_q50, .cpu_mean_q85] |
	    transpose | all(. == sort)' >got
	assert_equal "$(sort -u got)" true
	# Leads after the last one that was learned.
	vmf-predict -q --from m --horizon 100 --quantiles 0.5 -o l s
	same <(vmf-cat --json l | jq -c '[.id, .cpu_mean[:48]]') \
	    <(vmf-cat --json i | jq -c '[.id, .cpu_mean]')
	# A VM alone is forecast as among others.
	id=$(vmf-cat --csv --no-header --columns id,status f |
	    sed -n 's/,ok$//p' | sed -n 7p)
	vmf-cat --id "$id" --json f | jq -c .cpu_mean_q90 >all
	judge - "$id" <<-'E'
	import sys
	import pyarrow as pa, pyarrow.ipc as ipc, pyarrow.compute as pc
	t = ipc.open_stream("s").read_all()
	one = t.filter(pc.equal(t["id"], sys.argv[1]))
	with ipc.new_stream("one", one.schema) as w:
	    w.write_table(one)
	E
	vmf-predict -q --from m --horizon 60 -o p one
	vmf-cat --json p | jq -c .cpu_mean_q90 >alone
	same all alone
}

@test "data of five minutes: leads of a day, the same by any threads" {
	with
	gen 20 4 --step 5m --seed 4 | vmf-ingest -q |
	    vmf-aggregate -q --step 5m --metric cpu --stat mean -o five
	set -- -q --no-history --model lstm --epochs 1 --hidden 4
	vmf-train "$@" --threads 1 -o five.m five
	vmf-train "$@" --threads 3 -o five.m3 five
	same five.m five.m3
	vmf-predict -q --from five.m --horizon 288 --quantiles 0.1,0.5,0.9 \
	    -o f five
	vmf-cat --csv --long --no-header \
	    --columns cpu_mean_q10,cpu_mean_q50,cpu_mean_q90 f >long
	run -0 awk -F, '!($3 >= 0 && $3 <= $4 && $4 <= $5) { bad++ }
	    END { print NR, bad + 0 }' long
	assert_output "5760 0"
}

@test "vmf-eval learns it before the first origin, and not from after it" {
	with
	not_small
	vmf-eval -q --model lstm --origins 2 --horizon 24 -o e s
	run -0 vmf-cat --csv --no-header --columns model,n_series e
	assert_line --regexp '^lstm,[1-9]'
	# What is learned up to a moment is the same whatever comes then.
	end=$(vmf-cat --schema s | awk '$1 == "vmf:end" { print $2 }')
	at=$(date -u -d "$end 2 days ago" +%Y-%m-%dT%H:%M:%SZ)
	train --at "$at" -o a s
	judge - "$(date -u -d "$at" +%s)" <<-'E'
	import sys
	import pyarrow as pa, pyarrow.ipc as ipc
	t = ipc.open_stream("s").read_all()
	rows = t["cpu_mean"].to_pylist()
	for r, start in zip(rows, t["start"].to_pylist()):
	    for i in range(len(r or [])):
	        when = start.timestamp() + 3600 * i
	        if when >= int(sys.argv[1]):
	            r[i] = 7.0 * (i % 13)
	t = t.set_column(t.schema.get_field_index("cpu_mean"),
	    t.schema.field("cpu_mean"), pa.array(rows, t.schema.field("cpu_mean").type))
	with ipc.new_stream("other", t.schema) as w:
	    w.write_table(t)
	E
	train --at "$at" -o c other
	same a c
}

@test "--checkpoint: a run that was killed goes on to the same bytes" {
	slow
	with
	vmf-train -q --no-history --model lstm --epochs 8 -o whole s
	rm -f ck.cpu_mean
	vmf-train -q --no-history --model lstm --epochs 8 --checkpoint ck \
	    -o part s &
	pid=$!
	for _ in $(seq 1500); do
		[ ! -e ck.cpu_mean ] || break
		sleep 0.02
	done
	kill -9 $pid
	wait $pid || true
	[ -e ck.cpu_mean ]
	[ ! -e part ] || fail "it ended before it was killed"
	vmf-train --progress --no-history --model lstm --epochs 8 \
	    --checkpoint ck -o part s 2>err2
	same whole part
	grep -q 'lstm of cpu_mean: epoch [1-9]' err2
	! grep -q 'epoch 1 of' err2 || fail "it began anew"
	# Once more: there is nothing left to do.
	vmf-train --progress --no-history --model lstm --epochs 8 \
	    --checkpoint ck -o again s 2>err3
	same whole again
	! grep -q 'epoch' err3
	# Other options are another run.
	train --checkpoint ck -o b s
	train -o a s
	same a b
}

@test "--checkpoint: a file that is none, or is damaged" {
	with
	echo "something else" >bad.cpu_mean
	fails 1 'bad.cpu_mean is not a state to go on from' \
	    vmf-train --model lstm --epochs 5 --checkpoint bad s
	assert_equal "$(cat bad.cpu_mean)" "something else"
	rm -f ok.cpu_mean
	train --checkpoint ok -o a s
	head -c 4000 ok.cpu_mean >bad.cpu_mean
	fails 1 'bad.cpu_mean is cut off' \
	    vmf-train --model lstm --epochs 5 --checkpoint bad s
	head -c -1 ok.cpu_mean >bad.cpu_mean
	printf X >>bad.cpu_mean
	fails 1 'damaged' \
	    vmf-train --model lstm --epochs 5 --checkpoint bad s
	fails 1 'no/such/folder' \
	    vmf-train --model lstm --epochs 5 --checkpoint no/such/folder/x s
}

@test "progress has the loss and the time left" {
	with
	not_small
	# A line a second: there has to be time for one.
	vmf-train --progress --model lstm --epochs 40 --hidden 128 --threads 1 \
	    -o p s 2>err4
	grep -qE 'lstm of cpu_mean: epoch [0-9]+ of at most 40, loss 0\.[0-9]+, of the newest 0\.[0-9]+ \(0\.[0-9]+ without it\), [0-9]+s left at most' err4
	vmf-train --model lstm --epochs 2 -o p s 2>err4
	! grep -q epoch err4
}

@test "too few VMs: kq is all there is" {
	with
	gen 2 12 --seed 5 | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 1h -o few
	train -o a few
	run -0 vmf-cat --csv --no-header --columns id,model,status a
	assert_line --index 0 ',lstm,short'
	vmf-train -q --model kq -o k few
	vmf-predict -q --from a -o f few
	vmf-predict -q --from k -o g few
	same <(vmf-cat --csv --columns id,cpu_mean,cpu_mean_q90 f) \
	    <(vmf-cat --csv --columns id,cpu_mean,cpu_mean_q90 g)
}

@test "a damaged network is refused, with its row" {
	with
	judge - <<-'E'
	import pyarrow as pa, pyarrow.ipc as ipc
	t = ipc.open_stream("m").read_all()
	blob = t["blob"].to_pylist()
	def put(name, first):
	    v = pa.array([first] + blob[1:], t.schema.field("blob").type)
	    u = t.set_column(t.schema.get_field_index("blob"),
	        t.schema.field("blob"), v)
	    with ipc.new_stream(name, u.schema) as w:
	        w.write_table(u)
	b = blob[0]
	put("m1", b[:-1])
	put("m2", b[:5000] + bytes([b[5000] ^ 1]) + b[5001:])
	put("m3", b"")
	put("m4", b[:16] + b"\xff" * 8 + b[24:])
	E
	fails 1 'expected' vmf-predict --from m1 s
	fails 1 'damaged' vmf-predict --from m2 s
	fails 1 'expected' vmf-predict --from m4 s
}

@test "--target: calibrated as kq is, without trees" {
	with
	vmf-train -q --no-history --model lstm --epochs 1 \
	    --target 'cpu_mean>50@1-24' -o t s
	run -0 vmf-cat --csv --no-header --columns id,metric,status t
	assert_line --regexp '^,cpu_mean>50@1-24,ok'
	vmf-train -q --model kq --target 'cpu_mean>50@1-24' -o u s
	vmf-predict -q --from t -o f s
	vmf-predict -q --from u -o g s
	col=cpu_mean_gt50_1_24
	same <(vmf-cat --csv --columns "id,$col" f) \
	    <(vmf-cat --csv --columns "id,$col" g)
	# What is told of a VM is the kq that the network begins as.
	vmf-predict -q --explain --from t -o x
	vmf-predict -q --explain --from u -o y
	col=id,metric,lead_to,part,share,median_share
	same <(vmf-cat --csv --columns "$col" x) \
	    <(vmf-cat --csv --columns "$col" y)
}

@test "VMF_DEVICE: gpu is refused where there is none, auto is the CPU then" {
	with
	vmf-train -V | grep -q '^device: none' || skip "there is a GPU here"
	for c in 'vmf-train --model lstm' 'vmf-predict --from m' \
	    'vmf-eval --model lstm'; do
		# shellcheck disable=SC2086 # a command and its options
		fails 1 'VMF_DEVICE is gpu, but there is none: ' \
		    env VMF_DEVICE=gpu $c -o out s
		[ ! -e out ]
	done
	train -o a s
	VMF_DEVICE=auto vmf-train --no-history --model lstm --epochs 5 \
	    -o b s 2>err5
	same a b
	run -1 grep -E 'CPU|cuDNN' err5
	vmf-predict -q --no-history --from m -o f s
	VMF_DEVICE=auto vmf-predict -q --no-history --from m -o g s
	same f g
}

@test "usage" {
	fails 2 '--epochs' vmf-train --model lstm --epochs 0 s
	fails 2 '--hidden' vmf-train --model lstm --hidden 2000 s
	fails 2 '--seed' vmf-train --model lstm --seed -1 s
}
