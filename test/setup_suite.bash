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

	# A sanitizer's finding must not look like the exit 1 of a message.
	export ASAN_OPTIONS=exitcode=99:allocator_may_return_null=1
	export LSAN_OPTIONS=exitcode=99
	export UBSAN_OPTIONS=exitcode=99:print_stacktrace=1
}
