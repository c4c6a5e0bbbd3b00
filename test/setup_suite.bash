# Every test sees the same world: this build's commands first in PATH, bytes
# sorted as bytes, UTC, and none of the user's own VMF_ settings.

setup_suite() {
	local root name
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

	for name in $(compgen -e VMF_ || true); do
		case $name in
		VMF_B | VMF_DATA | VMF_PYTHON | VMF_SMALL | VMF_WHOLE | \
		    VMF_BLESS) ;;
		*) unset "$name" ;;
		esac
	done
	export VMF_ROOT=$root
	export VMF_BIN=$root/${VMF_B:-build}/bin
	if [ -z "${VMF_PYTHON:-}" ] && [ -x "$root/build/venv/bin/python" ]; then
		export VMF_PYTHON=$root/build/venv/bin/python
	fi
	export PATH=$VMF_BIN:$PATH LC_ALL=C TZ=UTC

	# A sanitizer's finding must not look like the exit 1 of a message.  What
	# was freed is kept from use for 16 MB, not 256: see test/torture/run.
	ASAN_OPTIONS=exitcode=99:allocator_may_return_null=1
	ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=16
	export ASAN_OPTIONS=$ASAN_OPTIONS:thread_local_quarantine_size_kb=64
	export LSAN_OPTIONS=exitcode=99
	# Threads of OpenMP that wait leave the core to the test beside them.
	export OMP_WAIT_POLICY=passive
	export UBSAN_OPTIONS=exitcode=99:print_stacktrace=1
}
