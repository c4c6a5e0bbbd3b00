# vmf-train and vmf-eval --season-tz: days and weeks by a wall clock.  The
# judge lays the same readings on it, by Python's zoneinfo: what is learned of
# these in UTC is what is to come out.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

clock() {
	judge "$BATS_TEST_DIRNAME/judges/wall_clock.py" "$@"
}

# fleet ZONE START DAYS STEP VMS: the series utc and wall.
fleet() {
	clock fleet "$@"
	for f in utc wall; do
		vmf-ingest -q $f.csv | vmf-aggregate -q --no-history \
		    --step "${4}s" --metric cpu --stat mean -o $f
	done
}

# values FILE: a forecast but for its start.
values() {
	vmf-cat --csv --no-header "$1" | sed -E 's/,[0-9T:-]+Z,/,/'
}

# as_laid ZONE START DAYS STEP AT MODEL: by the clock is as laid on it.
as_laid() {
	fleet "$1" "$2" "$3" "$4" 9
	vmf-train -q --model "$6" --season-tz "$1" --at "$5" -o m utc
	vmf-predict -q --horizon 30 --at "$5" --from m -o f utc
	at=$(clock shows "$1" "$4" "$5")
	vmf-train -q --model "$6" --at "$at" -o m2 wall
	vmf-predict -q --horizon 30 --at "$at" --from m2 -o f2 wall
	same <(values f) <(values f2)
	run -0 vmf-cat --csv --no-header --columns start f
	assert_line --index 0 "${5}Z"
}

@test "a clock put forward: as laid on it" {
	as_laid Europe/Berlin 2026-03-10 24 3600 2026-04-01T00:00:00 auto
}

@test "a clock put back: as laid on it" {
	as_laid America/New_York 2026-10-10 29 3600 2026-11-06T00:00:00 kq
}

@test "half an hour, and a zone between two steps" {
	not_small
	as_laid Australia/Lord_Howe 2026-03-20 22 1800 2026-04-09T10:30:00 kq
	as_laid Asia/Kolkata 2026-03-10 24 3600 2026-04-01T00:00:00 kq
	# An hour does not move steps of two.
	as_laid America/Los_Angeles 2026-06-01 30 7200 2026-06-29T00:00:00 arima
}

@test "scores by the clock are those of what is laid on it" {
	fleet Europe/Berlin 2026-03-10 24 3600 9
	vmf-eval -q --model kq,theta --horizon 24 --origins 8 --by-vm \
	    --season-tz Europe/Berlin --at 2026-04-02T22:00:00 -o e utc
	vmf-eval -q --model kq,theta --horizon 24 --origins 8 --by-vm \
	    --at 2026-04-03 -o e2 wall
	cols=id,model,n_points,mase,crps,coverage80,regret
	same <(vmf-cat --csv --columns $cols e) \
	    <(vmf-cat --csv --columns $cols e2)
	run -0 vmf-cat --schema e
	assert_line --regexp '^vmf:start +2026-03-25T22:00:00Z'
}

@test "a forecast goes on over the change" {
	goes_on() {
		fleet Europe/Berlin "$1" 20 3600 1
		for at in "${@:2}"; do
			at="2026-${at}:00:00"
			vmf-train -q --model snaive \
			    --season-tz Europe/Berlin --at "$at" -o m utc
			vmf-predict -q --horizon 60 --at "$at" --from m \
			    -o f utc
			run -0 clock follows Europe/Berlin f
			assert_output '60 steps'
		done
	}
	goes_on 2026-03-15 03-28T12 03-29T00 03-29T01 03-31T00
	goes_on 2026-10-15 10-24T12 10-25T00 10-25T01 10-25T02 10-27T00
	# Without, an hour off.
	vmf-train -q --model snaive --at 2026-10-27 -o m utc
	vmf-predict -q --at 2026-10-24T12:00:00 --from m -o f utc
	run -1 clock follows Europe/Berlin f
}

@test "--update goes on over the change as learning at once" {
	fleet Europe/Berlin 2026-03-10 24 3600 5
	vmf-train -q --no-history --model auto --season-tz Europe/Berlin \
	    -o once utc
	vmf-train -q --model auto --season-tz Europe/Berlin \
	    --at 2026-03-28 -o m utc
	for at in 2026-03-29T01:00:00 2026-03-30 2026-04-03; do
		vmf-train -q --no-history --update m --at "$at" -o next utc
		mv next m
	done
	same m once
	run -0 vmf-cat --schema m
	assert_line --regexp '^vmf:season-tz +Europe/Berlin'
	assert_line --regexp '^vmf:end +2026-04-03T00:00:00Z'
	run -0 vmf-cat --csv --no-header --columns updated m
	assert_line --index 0 '2026-04-03T00:00:00Z'
	vmf-predict -q --no-history --explain --from m -o x
	vmf-predict -q --no-history --explain --from once -o x2
	same x x2
	# Within the hour that comes twice.
	fleet Europe/Berlin 2026-10-15 20 1800 2
	vmf-train -q --model auto --season-tz Europe/Berlin \
	    --at 2026-10-25T00:30:00 -o m utc
	for at in 01:00 01:30 02:00; do
		vmf-train -q --update m --at "2026-10-25T$at:00" -o next utc
		mv next m
		vmf-predict -q --at "2026-10-25T$at:00" --from m -o f utc
		run -0 vmf-cat --csv --no-header --columns start f
		assert_line --index 0 "2026-10-25T$at:00Z"
	done
}

@test "no fleet, a list within the hour that comes twice" {
	printf 'vm,time,cpu\na,2026-10-25T00:30:00Z,5\na,2026-10-25T01:00:00Z,7\n' |
	    vmf-ingest -q | vmf-aggregate -q --step 30m -o two
	vmf-train -q --season-tz Europe/Berlin -o m two
	vmf-predict --from m -o f two 2>err
	run -0 cat err
	assert_line --regexp '1 forecasts, 1 (short|constant|empty)'
	printf 'vm,time,cpu\n' | vmf-ingest -q | vmf-aggregate -q --step 1h -o none
	vmf-train -q --season-tz Europe/Berlin --at 2026-10-25 -o m none
	vmf-predict -q --at 2026-10-25 --from m -o f none
}

@test "--season-tz: what does not fit" {
	gen 3 2 | vmf-ingest -q | vmf-aggregate -q --step 1h -o s
	for command in vmf-train vmf-eval; do
		fails 2 "time zone 'Europe/Zürich' is not known" \
		    $command --season-tz Europe/Zürich -o out s
	done
	vmf-train -q --model snaive --season-tz +02:00 -o m s
	fails 2 'season-tz and --update: the model has its own' \
	    vmf-train --season-tz UTC --update m -o out s
	vmf-predict -q --from m -o f s
	fails 2 'season-tz and --forecast: the forecast has its own' \
	    vmf-eval --season-tz UTC --forecast f -o out s
	judge - m bad <<-'EOT'
	import sys
	import pyarrow as pa

	with pa.ipc.open_stream(sys.argv[1]) as r:
	    t = r.read_all()
	meta = dict(t.schema.metadata)
	meta[b"vmf:season-tz"] = b"Nowhere"
	t = t.replace_schema_metadata(meta)
	with pa.ipc.new_stream(sys.argv[2], t.schema) as w:
	    w.write_table(t)
	EOT
	fails 1 "bad: metadata vmf:season-tz: time zone 'Nowhere' is not known" \
	    vmf-predict --from bad -o out s
}
