# For tests of scripts/nightly: a fleet of 12 VMs and three days, and its night.

setup() {
	command -v vmf-aggregate >/dev/null || skip "no vmf-aggregate"
	cd "$BATS_TEST_TMPDIR" || return 1
	NIGHTLY=$VMF_ROOT/scripts/nightly
	gen 12 3 --inventory vms.csv | gzip >day.csv.gz
}

night() {
	sh "$NIGHTLY" --out out --date 2024-01-04 --join vms.csv "$@"
}
