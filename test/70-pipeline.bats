# The README's pipelines, verbatim, and what they must come to.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	# Every block that is marked "sh" is a test; nothing else is.
	awk '/^```sh$/ { on = 1; n++; next } /^```$/ { on = 0 } on {
	    print >(sprintf("block-%02d.sh", n)) }' "$VMF_ROOT/README.md"
	# Scripts by the names that they are installed by.
	mkdir -p bin share/vmf
	for s in nightly plan-to-virsh plan-to-openstack; do
		cp "$VMF_ROOT/scripts/$s" "bin/vmf-$s"
	done
	cp "$VMF_ROOT"/scripts/night.sh "$VMF_ROOT"/scripts/carry.sh \
	    "$VMF_ROOT"/scripts/moves.sh share/vmf
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	PATH=$PATH:$PWD/bin
}

@test "every pipeline of the README runs as it stands" {
	command -v jq >/dev/null || skip "no jq"
	ls block-*.sh
	# As a person's shell would, but for stopping at the first failure; a
	# pipe's earlier failures reach its end by the missing end marker.
	for block in block-*.sh; do
		bash -e "$block" >"$block.out" 2>"$block.err" || {
			echo "exit code $? of:" >&2
			cat "$block" "$block.err" >&2
			return 1
		}
		run ! grep -E '^vmf-[a-z]+: .*(cannot|expected)' "$block.err"
	done
	# All but the first and the last leave something to read.
	for n in 2 3 4 5 6; do
		[ -s "block-0$n.sh.out" ]
	done
	run -0 cat "$(grep -l plan-to-virsh block-*.sh).out"
	assert_line --index 0 --regexp '^# wave 1, 2024-01-15T'
	assert_line --index 1 --regexp '^virsh -c qemu\+ssh://host-[0-9]*/system migrate '
	for f in samples.csv.gz vms.csv series.arrows fleet.model \
	    forecast.arrows plan.arrows plan.csv fine.arrows hours.arrows; do
		[ -s $f ]
	done
}

@test "the README names every command's state, and no command that is not there" {
	grep -oE 'vmf-[a-z]+(-[a-z]+)*' "$VMF_ROOT/README.md" | sort -u >named
	while read -r name; do
		case $name in
		vmf-stream | vmf-model) continue ;;
		esac
		[ -e "$VMF_ROOT/cmd/$name.c" ] ||
		    [ -e "$VMF_ROOT/scripts/${name#vmf-}" ] || fail "no $name"
	done <named
}

@test "hours by the README's pipeline are the means that awk finds" {
	[ -s series.arrows ] || skip "the README's pipelines did not run"
	vmf-cat --long --csv --columns id,cpu_mean series.arrows >ours
	zcat samples.csv.gz | awk -F, 'NR > 1 && !(($1, $2) in seen) {
		seen[$1, $2]; h = $1 "," ($2 - $2 % 3600)
		s[h] += $3; n[h]++ }
	    END { for (h in s) printf "%s,%.9g\n", h, s[h] / n[h] }' |
	    sort >theirs
	assert_equal "$(tail -n +2 ours | wc -l)" "$(wc -l <theirs)"
	# 2024-01-01T00:00:00Z is 1704067200.
	tail -n +2 ours | awk -F, '{
		day = substr($2, 9, 2) - 1; hour = substr($2, 12, 2)
		printf "%s,%d,%s\n", $1, 1704067200 + day * 86400 + hour * 3600, $3
	    }' | sort | paste -d, - theirs | awk -F, '{
		d = $3 - $6
		if ($1 != $4 || $2 != $5 ||
		    !(d * d <= 1e-12 * $6 * $6 + 1e-12)) { print; exit 1 } }'
}

@test "a plan for every VM: none is lost, and each has a window or a reason" {
	[ -s plan.arrows ] || skip "the README's pipelines did not run"
	vmf-cat --csv --columns id,status,reason,start plan.arrows >plan
	{ zcat samples.csv.gz; cat vms.csv; } | cut -d, -f1 | grep -v '^vm$' |
	    sort -u >all
	tail -n +2 plan | cut -d, -f1 | cmp - all
	awk -F, 'NR > 1 && ($2 != "placed" && $3 == "" ||
	    $2 == "placed" && $4 == "") { print; exit 1 }' plan
}

@test "the whole pipe at once, without a file between" {
	command -v vmf-aggregate >/dev/null || skip "no vmf-aggregate"
	mkdir -p "$BATS_TEST_TMPDIR/a"
	cd "$BATS_TEST_TMPDIR/a"
	gen 20 7 >s.csv
	vmf-ingest -q s.csv | vmf-dedup -q | vmf-aggregate -q --step 1h \
	    -o series
	vmf-train -q -o model series
	vmf-predict -q --from model -o forecast series
	vmf-window -q --length 1h --no-history -o one forecast
	vmf-ingest -q s.csv | vmf-dedup -q | vmf-aggregate -q --step 1h |
	    vmf-predict -q --from model | vmf-window -q --length 1h \
	    --no-history -o two
	same one two
}

@test "every order of the samples gives the same plan" {
	command -v vmf-aggregate >/dev/null || skip "no vmf-aggregate"
	cd "$BATS_TEST_TMPDIR"
	for order in time vm shuffle; do
		gen 30 7 --order $order | vmf-ingest -q | vmf-dedup -q |
		    vmf-aggregate -q --no-history --step 1h -o $order
	done
	vmf-cat --csv time >t
	vmf-cat --csv vm | cmp - t
	vmf-cat --csv shuffle | cmp - t
	same time shuffle
}
