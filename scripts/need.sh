# Read by demo and check: install the Debian packages that are missing.

# What a build needs.
# shellcheck disable=SC2034 # for those who read this file
need_build="gcc make libc6-dev libcsv-dev zlib1g-dev libzstd-dev liblz4-dev
	libcjson-dev libisal-dev libxgboost-dev libdnnl-dev"

# need PACKAGE...: install those that are not there, with a word about it.
need() {
	if ! command -v dpkg-query >/dev/null; then
		echo "$0: no dpkg-query here: not a Debian system; going on" \
		    "with what there is (wanted: $*)" >&2
		return 0
	fi
	missing=
	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
		    grep -qx installed || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0

	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "$0: missing packages, and neither root nor sudo" \
			    "to install them; as root, run:" >&2
			echo "    apt-get install$missing" >&2
			return 1
		fi
		as_root=sudo
	fi
	echo "$0: installing with apt-get:$missing" >&2
	# Old lists may still do where the network does not answer.
	$as_root apt-get -qq update >&2 ||
	    echo "$0: apt-get update failed; trying without" >&2
	# shellcheck disable=SC2086 # a list of words
	if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
	    -o Dpkg::Use-Pty=0 install --yes --no-install-recommends $missing \
	    >/dev/null; then
		echo "$0: apt-get could not install:$missing" >&2
		return 1
	fi
}

cores() {
	nproc 2>/dev/null || echo 1
}
