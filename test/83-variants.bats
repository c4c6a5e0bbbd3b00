# What models run on: VMF_DEVICE.  (The widths of VMF_SIMD are in 51-arima.)

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	gen 40 14 | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --no-history -o s
}

# Skip where -V names no device.
device() {
	local found
	found=$(vmf-train -V | sed -n 's/^device: //p')
	case $found in
	none*) skip "no GPU: $found" ;;
	esac
}

@test "-V names the device, or says why there is none" {
	for c in vmf-train vmf-predict vmf-eval; do
		run -0 "$c" -V
		assert_line --regexp '^device: (none \(.+\)|.+, compute capability [0-9]+\.[0-9], .+ GiB, driver for CUDA [0-9]+\.[0-9]+)$'
		# A setting that is wrong does not keep it from telling.
		VMF_DEVICE=nonsense run -0 "$c" -V
	done
	run -0 vmf-cat -V
	assert_line "device: not used"
}

@test "VMF_DEVICE takes cpu, gpu and auto, and nothing else" {
	vmf-train -q -o m s
	for word in tpu GPU 'gpu ' 0; do
		fails 2 "VMF_DEVICE is '$word', expected cpu, gpu or auto" \
		    env VMF_DEVICE="$word" vmf-train -o out s
		fails 2 "expected cpu, gpu or auto" \
		    env VMF_DEVICE="$word" vmf-predict --from m -o out s
		fails 2 "expected cpu, gpu or auto" \
		    env VMF_DEVICE="$word" vmf-eval -o out s
	done
	[ ! -e out ]
}

@test "no device: gpu is refused and says what to do, auto takes the CPU" {
	vmf-train -V | grep -q '^device: none' || skip "there is a GPU here"
	for c in vmf-train 'vmf-predict --from m' vmf-eval; do
		vmf-train -q --no-history -o m s
		# shellcheck disable=SC2086 # a command and its options
		fails 1 'VMF_DEVICE is gpu, but there is none: ' \
		    env VMF_DEVICE=gpu $c -o out s
		[[ $stderr == *'take cpu, or auto'* ]]
		[ ! -e out ]
	done
	for word in auto cpu ''; do
		VMF_DEVICE=$word vmf-train --no-history -o m2 s 2>err
		same m m2
		run -0 cat err
		refute_output --partial 'kernels'
		# Nor does one look for it where nothing runs on it.
		VMF_DEVICE=$word vmf-train -q --no-history --model snaive -o n s
		VMF_DEVICE=$word vmf-predict -q --from n -o f s
	done
}

@test "kernels have no operation but those that IEEE 754 lays down" {
	grep -q -- '-fmad=false' "$VMF_ROOT/$VMF_B/flags" ||
	    skip "this build has no kernels for a GPU"
	run -1 grep -E -- 'fast.math|-ftz|prec-(div|sqrt)' "$VMF_ROOT/$VMF_B/flags"
	# The stamp names nvcc after the compilers' words.
	nvcc=$(tr ' ' '\n' <"$VMF_ROOT/$VMF_B/flags" | grep -m 1 '/nvcc$')
	"$nvcc" -std=c++20 -O2 -fmad=false -I"$VMF_ROOT/lib" -arch=compute_90 \
	    -ptx -o lanes.ptx "$VMF_ROOT/gpu/lanes.cu"
	grep -oE '[a-z0-9_.]+\.f(32|64)\b' lanes.ptx |
	    grep -vE '^(ld|st|mov|setp|selp|cvt|neg|abs|min|max)\.' | sort -u >ops
	run -0 cat ops
	assert_output "add.rn.f64
div.rn.f64
mul.rn.f64
rcp.rn.f64
sqrt.rn.f64
sub.rn.f64"
}

@test "the bench of a GPU says what it needs" {
	run -0 sh "$VMF_ROOT/test/bench/gpu" --help
	assert_line --partial 'Needs an NVIDIA GPU'
	run -2 sh "$VMF_ROOT/test/bench/gpu" --series
	run -2 sh "$VMF_ROOT/test/bench/gpu" --nope 1
	# What was built elsewhere is run where it is, and only there.
	mkdir -p t/test/bench && cp "$VMF_ROOT/test/bench/gpu" t/test/bench
	run -1 sh t/test/bench/gpu --built
	assert_output --partial 'there is no build/release-gpu1/bench/gpu'
	mkdir -p t/build/release-gpu1/bench
	echo abc >t/build/release-gpu1/bench/commit
	printf '#!/bin/sh\necho "runs: $*"\n' >t/build/release-gpu1/bench/gpu
	chmod +x t/build/release-gpu1/bench/gpu
	run -0 sh t/test/bench/gpu --built --series 5
	assert_line 'commit: abc'
	assert_line 'runs: 5 50'
	# The first run goes on where a part fails, and tells in the end.
	local b=t/build/release-gpu1/bench
	printf '#!/bin/sh\nexit 0\n' >$b/device
	chmod +x $b/device
	mkdir tools
	printf '#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift 2; done\nexec "$@"\n' \
	    >tools/compute-sanitizer
	chmod +x tools/compute-sanitizer
	PATH="$PWD/tools:$PATH" run -0 sh t/test/bench/gpu --built first-run
	assert_line 'runs: 1000000 50'
	assert_line 'runs: 64 1'
	assert_line --regexp '^== memcheck: passed'
	assert_line '== all passed'
	# What was cut off did not see all.
	mv tools/compute-sanitizer kept
	printf '#!/bin/sh\nexit 124\n' >tools/compute-sanitizer
	chmod +x tools/compute-sanitizer
	PATH="$PWD/tools:$PATH" run -0 sh t/test/bench/gpu --built first-run
	assert_line --regexp '^== memcheck: stopped'
	assert_line '== passed, memcheck cut off'
	refute_line '== all passed'
	mv kept tools/compute-sanitizer
	for part in gpu device; do
		cp $b/$part kept
		printf '#!/bin/sh\necho "I am it"\nexit 3\n' >$b/$part
		PATH="$PWD/tools:$PATH" run -1 sh t/test/bench/gpu --built \
		    first-run
		assert_line 'I am it'
		assert_line --regexp '^== .*: FAILED, exit 3'
		assert_line '== FAILED'
		cp kept $b/$part
	done
}

@test "the bench of a GPU needs no library but glibc's, and says why it stops" {
	local bench="$VMF_ROOT/build/release-gpu1/bench/gpu"
	[ "$VMF_B" = build/release-gpu1 ] ||
	    skip "this build has no kernels for a GPU"
	run -0 ldd "$bench"
	refute_line --regexp '(csv|zstd|lz4|cjson|xgboost|dnnl|isal|libz)'
	vmf-train -V | grep -q '^device: none' || skip "there is a GPU here"
	run -1 "$bench" 100 1
	assert_output --partial 'gpu: no device: '
}

# within TOLERANCE FILE FILE [row]: numbers of both are so near, each in parts
# of itself or, with row, of the row's largest, but of .001 where that is more;
# NaN is near nothing.  As all of the text is laid down to the bit by IEEE 754,
# they should be equal; a float32 has seven digits.
within() {
	paste -d '\n' "$2" "$3" | tr -d '"[]' | awk -v tol="$1" -v row="${4:-}" '
	function size(x) { return x < 0 ? -x : +x }
	NR % 2 { n = split($0, a, /[:,]/); line = $0; next }
	{
		k = split($0, b, /[:,]/)
		if (k != n) { print "row " NR / 2 " is of another length"; exit 1 }
		top = 0
		for (i = 1; i <= n && row != ""; i++)
			if (a[i] ~ /^-?[0-9.]/ && size(a[i]) > top) top = size(a[i])
		for (i = 1; i <= n; i++) {
			if (a[i] == b[i]) continue
			of = row != "" ? top : size(a[i])
			if (of < .001) of = .001
			if (a[i] !~ /^-?[0-9.]/ || b[i] !~ /^-?[0-9.]/ ||
			    !(size(a[i] - b[i]) <= tol * of)) {
				print "row " NR / 2 ": " a[i] " and " b[i]; exit 1
			}
		}
	}
	END { if (NR < 2) { print "nothing to compare"; exit 1 } }'
}

@test "the tolerance sees what is not within it" {
	echo '{"id":"a","x":[1.5,2,null]}' >a
	echo '{"id":"a","x":[1.500000001,2,null]}' >b
	run -0 within 1e-9 a b
	echo '{"id":"a","x":[1.50000001,2,null]}' >b
	run -1 within 1e-9 a b
	run -0 within 1e-8 a b row
	echo '{"id":"a","x":[1.5,2,nan]}' >b
	run -1 within 1e-9 a b
	echo '{"id":"a","x":[1.5,2]}' >b
	run -1 within 1e-9 a b
	: >b
	run -1 within 1e-9 a b
	# A small number beside a large one is not lost, but one next to 0 is.
	echo '{"id":"a","x":[4000,0.5,0.0000001]}' >a
	echo '{"id":"a","x":[4000,0.50000001,0.0000001]}' >b
	run -1 within 1e-9 a b
	run -0 within 1e-9 a b row
	echo '{"id":"a","x":[4000,0.5,0.0000001000001]}' >b
	run -0 within 1e-9 a b
}

@test "a GPU gives what the CPU gives: train, refit, predict, eval" {
	device
	gen 3000 14 --seed 8 | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --no-history -o s
	for model in auto arima theta ets; do
		VMF_DEVICE=cpu vmf-train -q --no-history --model $model -o cpu.m s
		VMF_DEVICE=gpu vmf-train --no-history --model $model -o gpu.m s 2>err
		grep -q 'kernels' err
		for how in '' --refit; do
			# shellcheck disable=SC2086 # an option or none
			VMF_DEVICE=cpu vmf-predict -q --no-history $how --from cpu.m -o cpu.f s
			# shellcheck disable=SC2086
			VMF_DEVICE=gpu vmf-predict -q --no-history $how --from gpu.m -o gpu.f s
			for x in m f; do
				vmf-cat --json cpu.$x >cpu.json
				vmf-cat --json gpu.$x >gpu.json
				case $x in
				m) run -0 within 1e-9 cpu.json gpu.json ;;
				f) run -0 within 1e-6 cpu.json gpu.json row ;;
				esac
				cmp cpu.$x gpu.$x || echo "# $model $how: $x is within, not equal" >&3
			done
		done
	done
	VMF_DEVICE=cpu vmf-eval -q --no-history --origins 2 --horizon 24 s |
	    vmf-cat --json --columns model,mase,crps,nd >cpu.json
	VMF_DEVICE=gpu vmf-eval -q --no-history --origins 2 --horizon 24 s |
	    vmf-cat --json --columns model,mase,crps,nd >gpu.json
	run -0 within 1e-9 cpu.json gpu.json
}

@test "a GPU reads what lstm looks at: forecasts near the CPU's" {
	device
	VMF_DEVICE=cpu vmf-train -q --no-history --model lstm --epochs 3 -o cpu.m s ||
	    skip "this build has no lstm"
	VMF_DEVICE=gpu vmf-train --no-history --model lstm --epochs 3 -o gpu.m s 2>err || {
		grep -q 'needs cuDNN' err
		skip "$(tail -n 1 err)"
	}
	grep -q 'lstm by cuDNN 9' err
	VMF_DEVICE=cpu vmf-predict -q --no-history --from cpu.m -o cpu.f s
	VMF_DEVICE=gpu vmf-predict -q --no-history --from cpu.m -o gpu.f s
	vmf-cat --json cpu.f >cpu.json
	vmf-cat --json gpu.f >gpu.json
	run -0 within 1e-4 cpu.json gpu.json row
	# What either has learned is of use to the other.
	VMF_DEVICE=cpu vmf-predict -q --no-history --from gpu.m -o f s
}

@test "a GPU learns trees, and the CPU forecasts by them" {
	device
	VMF_DEVICE=cpu vmf-train -q --no-history --model xgboost -o cpu.m s ||
	    skip "this build has no xgboost"
	VMF_DEVICE=gpu vmf-train -q --no-history --model xgboost -o gpu.m s 2>err || {
		grep -q 'built with CUDA' err
		skip "$(tail -n 1 err)"
	}
	for word in cpu gpu; do
		VMF_DEVICE=$word vmf-predict -q --no-history --from gpu.m -o $word.f s
		VMF_DEVICE=$word vmf-eval -q --no-history --model xgboost \
		    --origins 1 --horizon 24 s |
		    vmf-cat --json --columns model,crps,nd >$word.json
	done
	same cpu.f gpu.f
	run -0 within .05 cpu.json gpu.json
}

@test "a GPU: five minutes, lengths of all kinds, any number of threads" {
	device
	gen 200 6 --seed 4 | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 5m --no-history -o s
	VMF_DEVICE=cpu vmf-train -q --no-history -o cpu.m s
	VMF_DEVICE=gpu vmf-train -q --no-history -o gpu.m s
	vmf-cat --json cpu.m >cpu.json
	vmf-cat --json gpu.m >gpu.json
	run -0 within 1e-9 cpu.json gpu.json
	for n in 1 3 16; do
		VMF_DEVICE=gpu vmf-train -q --no-history --threads $n -o m2 s
		same gpu.m m2
	done
}
