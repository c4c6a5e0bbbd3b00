# vmf-predict: values held against awk, every status, models and series that
# do not match.  Quantiles against hand-made figures: test/unit/snaive.c.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ROWS=$VMF_BIN/../unit/rows
	[ -x "$ROWS" ] || skip "no test programs (make units)"
}

START=2024-01-01T00:00:00Z
END=2024-01-03T00:00:00Z
RISE=$(seq -s , 1 24),$(seq -s , 2 25)

# series [END]: hourly; lines of "id host vcpus start cpu_mean mem_mean".
series() {
	{
		echo "kind=series step=3600 start=$START end=${1:-$END}"
		echo "id host vcpus:int32 status start:time cpu_mean:list mem_mean:list"
		while read -r id host vcpus start cpu mem; do
			echo "$id $host $vcpus ok $start $cpu ${mem:--}"
		done
	} | "$ROWS"
}

# Train and predict the series s: predict OPTION... >forecast
predict() {
	vmf-train --model snaive -q -o m s && vmf-predict -q --from m "$@" s
}

column() {
	vmf-cat --csv --no-header --columns "$1" "$2"
}

@test "columns, metadata, attributes unchanged, counts" {
	series >s <<-E
	a h1 4 $START $RISE
	b - - - -
	E
	vmf-train --model snaive -q -o m s
	vmf-predict --from m --horizon 3 -o f s 2>err
	assert_equal "$(cat err)" "vmf-predict: 2 forecasts, 1 ok, 1 empty; 0 skipped as unseen, 0 only in the model"
	run -0 vmf-cat --csv f
	assert_line --index 0 "id,host,vcpus,start,cpu_mean,$(for q in 10 20 30 40 50 60 70 80 90; do
		printf 'cpu_mean_q%s,' $q; done)model,status,reason,mase"
	assert_line --index 1 "a,h1,4,$END,\"[2,3,4]\",$(printf '"[2,3,4]",%.0s' 1 2 3 4 5)$(
		printf '"[3,4,5]",%.0s' 1 2 3 4)snaive,ok,,"
	assert_line --index 2 "b,,,$END,$(printf '"[null,null,null]",%.0s' 1 2 3 4 5 6 7 8 9 10)snaive,empty,no sample before $END,"
	run -0 vmf-cat --schema f
	assert_line --regexp '^cpu_mean_q10 +list<float32>'
	assert_line --regexp '^vmf:kind +forecast'
	assert_line --regexp '^vmf:step +3600'
	assert_line --regexp "^vmf:start +$END"
	assert_line --regexp '^vmf:end +2024-01-03T03:00:00Z'
	refute_line --regexp '^vmf:season'
}

@test "q50 of a fleet with gaps is what awk finds a season back" {
	# 30 series of 21 days with seasons of 24, a fifth of it missing.
	awk 'BEGIN {
		srand(7)
		for (v = 0; v < 30; v++) {
			n = 24 * 21 - int(rand() * 30)
			line = ""
			for (t = 0; t < n; t++)
				line = line (t ? "," : "") (rand() < 0.2 ? "-" : int(rand() * 800) / 8)
			printf "vm-%02d h 2 2024-01-01T00:00:00Z %s\n", v, line
		}
	}' >rows
	series 2024-01-22T00:00:00Z <rows >s
	predict --horizon 60 --quantiles 0.5 >f
	vmf-cat --long --csv --no-header f | cut -d, -f 1,3,4 >got
	awk '{
		n = split($5, y, ",")
		for (h = 0; h < 60; h++) {
			at = 504 + h - 24 * (int(h / 24) + 1)
			for (k = 0; k < 7 && (at + 1 > n || y[at + 1] == "-"); k++)
				at -= 24
			v = y[at + 1] + 0
			if (k == 7) exit 1
			print $1 "," v "," v
		}
	}' rows >want
	run diff want got
	assert_success
}

@test "quantiles: the errors of as many seasons back as the value stands" {
	# A step a day, season a day: a random walk that rises and falls.
	# Errors a season back -1 or 1 (half each), two back -2, 0 or 2.
	series 2024-01-03T01:00:00Z >s <<<"a h 1 $START 5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5,6,5,4,5"
	vmf-train --model snaive -q --season 1h -o m s
	vmf-predict -q --from m --horizon 4 --quantiles 0.01,0.1,0.5,0.9,0.99 -o f s
	run -0 column cpu_mean_q01,cpu_mean_q10,cpu_mean_q50,cpu_mean_q90,cpu_mean_q99 f
	assert_output '"[4,3,4,5]","[4,3,4,5]","[5,5,5,5]","[6,7,6,5]","[6,7,6,5]"'
}

@test "quantiles ascend, the median is the value, none is below 0" {
	awk 'BEGIN {
		srand(3)
		for (v = 0; v < 20; v++) {
			printf "vm-%02d h 2 2024-01-01T00:00:00Z ", v
			for (t = 0; t < 240; t++)
				printf "%s%.3f", t ? "," : "", rand() * rand() * 10
			print ""
		}
	}' | series 2024-01-11T00:00:00Z >s
	predict --quantiles 0.005,0.07,0.5,0.51,0.93,0.9999 >f
	run -0 vmf-cat --schema f
	for q in 00_5 07 50 51 93 99_99; do
		assert_line --regexp "^cpu_mean_q$q "
	done
	run -0 awk -F, '{
		if ($3 != $6) bad++
		for (i = 4; i <= 9; i++)
			if (!($i >= 0) || (i > 4 && $i < $(i - 1))) bad++
		n++
	} END { print n, bad + 0 }' < <(vmf-cat --long --csv --no-header f)
	assert_output "960 0"
}

@test "a load that was below 0 may be again" {
	series >s <<<"a h 1 $START -1*24,-9*24"
	predict --horizon 1 --quantiles 0.1 >f
	run -0 column cpu_mean_q10 f
	assert_output '[-17]'
}

@test "statuses: short, constant, stale, empty, fallback" {
	series >s <<-E
	a h 1 $START $RISE
	b h 1 2024-01-02T20:00:00Z 1,2,3,4
	c h 1 $START 7*48
	d h 1 $START 0,1*23
	e h 1 $START -*48
	f h 1 $START 1*5,2*5,-*14,3*5,4*5,-*14
	g h 1 $START $(printf '%s,-*4,' 1 2 3 4 5 6 7 8 9)10
	E
	predict --horizon 24 --quantiles 0.5,0.9 >f
	run -0 column id,status,reason f
	assert_line --index 0 a,ok,
	assert_line --index 1 --partial 'b,short,4 steps of history are too short for a season of 24'
	assert_line --index 2 c,constant,every\ sample\ is\ 7
	assert_line --index 3 --partial 'no sample since 2024-01-02T00:00:00Z, 1d before the forecast starts'
	assert_line --index 3 --partial d,stale,
	assert_line --index 4 "e,empty,no sample before $END"
	assert_line --index 5 --partial 'f,fallback,"14 of 24 steps have no known value'
	# Every fifth hour: long enough, but never a day apart.
	assert_line --index 6 'g,short,too few of 46 steps of history are known a season of 24 apart (10 are needed): their mean and quantiles'
	# Each is a sane forecast: the mean and quantiles of what there is.
	run -0 vmf-cat --csv --no-header --id b --columns cpu_mean,cpu_mean_q90 f
	assert_output "\"[$(printf '2.5,%.0s' {1..23})2.5]\",\"[$(printf '3.7,%.0s' {1..23})3.7]\""
	run -0 vmf-cat --csv --no-header --id c --columns cpu_mean_q90 f
	assert_output "\"[$(printf '7,%.0s' {1..23})7]\""
	run -0 vmf-cat --csv --no-header --id e --columns cpu_mean f
	assert_output "\"[$(printf 'null,%.0s' {1..23})null]\""
	run -0 vmf-cat --csv --no-header --id f --columns cpu_mean f
	assert_output "\"[3,3,3,3,3,4,4,4,4,4,$(printf '2.5,%.0s' {1..13})2.5]\""
	# What is not stale for a longer time is not stale.
	run -0 vmf-predict -q --from m --stale-after 25h -o f s
	run -0 vmf-cat --csv --no-header --id d --columns status f
	assert_output short
}

@test "unseen: computed now, or left out; ids only in the model are counted" {
	series >old <<-E
	a h 1 $START $RISE
	b h 1 $START $RISE
	x h 1 $START $RISE
	y h 1 $START $RISE
	E
	series >s <<-E
	a h 1 $START $RISE
	a2 h 1 $START $RISE
	b h 1 $START $RISE
	c h 1 2024-01-02T20:00:00Z 1,2,3,4
	E
	vmf-train --model snaive -q --metric cpu_mean,mem_mean -o m old
	vmf-predict --from m --metric cpu_mean --horizon 3 -o f s 2>err
	assert_equal "$(cat err)" "vmf-predict: 4 forecasts, 2 ok, 2 unseen; 0 skipped as unseen, 2 only in the model"
	run -0 column id,cpu_mean,cpu_mean_q90,status f
	assert_line --index 0 'a,"[2,3,4]","[3,4,5]",ok'
	assert_line --index 1 'a2,"[2,3,4]","[3,4,5]",unseen'
	assert_line --index 2 'b,"[2,3,4]","[3,4,5]",ok'
	assert_line --index 3 'c,"[2.5,2.5,2.5]","[3.7,3.7,3.7]",unseen'
	vmf-predict --unseen skip --from m --metric cpu_mean --horizon 3 -o f s 2>err
	assert_equal "$(cat err)" "vmf-predict: 2 forecasts, 2 ok; 2 skipped as unseen, 2 only in the model"
	run -0 column id f
	assert_output "$(printf 'a\nb')"
	series >others <<-E
	p h 1 $START $RISE
	q h 1 $START $RISE
	E
	for how in cold skip; do
		vmf-predict --unseen $how --from m --metric cpu_mean -o f others 2>err
		run -0 head -n 1 err
		assert_output 'vmf-predict: m knows none of the series, only 4 others: expected the same ids'
	done
	# Nor where one is stale, and counted as that.
	vmf-predict --stale-after 1h --at "$(date -u -d "$START + 4 days" +%FT%TZ)" \
	    --from m --metric cpu_mean -o f others 2>err
	grep -q 'knows none of the series, only 4 others' err
}

@test "quantiles beyond what a float holds are the greatest there is" {
	local low high
	low=$(yes 1 | head -n 24 | paste -sd ,)
	high=$(yes 3e38 | head -n 24 | paste -sd ,)
	series 2024-01-05T00:00:00Z >s <<<"a h 1 $START $low,$high,$low,$high"
	predict --metric cpu_mean --horizon 2 --quantiles 0.5,0.9 -o f
	run -0 vmf-cat --long --csv --no-header f
	assert_line --index 0 'a,2024-01-05T00:00:00Z,3e+38,3e+38,3.4028235e+38'
}

@test "a model older than the series: new values, learned quantiles" {
	series >s <<<"a h 1 $START $RISE"
	vmf-train --model snaive -q -o m s
	series 2024-01-04T00:00:00Z >new <<<"a h 1 $START $RISE,70*24"
	vmf-predict -q --from m --horizon 2 --quantiles 0.5,0.9 -o f new
	run -0 column start,cpu_mean_q50,cpu_mean_q90,status f
	assert_output '2024-01-04T00:00:00Z,"[70,70]","[71,71]",ok'
	# What was too short then may be enough now.
	series >s <<<"a h 1 $START $(seq -s , 1 24)"
	vmf-train --model snaive -q -o m s
	series >new <<<"a h 1 $START $RISE"
	vmf-predict -q --from m --horizon 2 --quantiles 0.5,0.9 -o f new
	run -0 column cpu_mean_q90,status,reason f
	assert_output '"[3,4]",ok,the model was trained on too little of it: fitted now'
}

@test "no peeking: what begins at --at or later changes nothing" {
	series >s <<<"a h 1 $START $RISE"
	series 2024-01-05T00:00:00Z >longer <<<"a h 1 $START $RISE,900*48"
	vmf-train --model snaive -q -o m s
	vmf-predict -q --no-history --from m -o f1 s
	vmf-predict -q --no-history --from m --at $END -o f2 longer
	same f1 f2
	# A model that has seen more is told.
	vmf-train --model snaive -q -o m2 longer
	vmf-predict --from m2 --at $END -o f3 longer 2>err
	run -0 cat err
	assert_line --index 0 --partial 'm2 knows samples from after'
	# Later than the end: the steps between are missing.
	vmf-predict -q --from m --at 2024-01-03T06:00:00Z --horizon 20 -o f4 s
	run -0 column start,cpu_mean,status f4
	assert_output "2024-01-03T06:00:00Z,\"[$(seq -s , 8 25),2,3]\",ok"
}

@test "--horizon: steps or a span of time" {
	series >s <<<"a h 1 $START $RISE"
	vmf-train --model snaive -q -o m s
	items() {
		vmf-predict -q --from m "$@" s | vmf-cat --long --csv --no-header | wc -l
	}
	assert_equal "$(items)" 48
	assert_equal "$(items --horizon 7)" 7
	assert_equal "$(items --horizon 2d)" 48
	assert_equal "$(items --horizon 500h)" 500
	fails 2 'a multiple of the step' vmf-predict --from m --horizon 90m s
	fails 2 'expected a number of steps' vmf-predict --from m --horizon x s
	fails 2 'expected 1 to' vmf-predict --from m --horizon 0 s
	fails 2 'expected 1 to' vmf-predict --from m --horizon 9999999 s
}

@test "several metrics: lists of each, status of the first" {
	series >s <<-E
	a h 1 $START $RISE 7*48
	b h 1 $START 7*48 $RISE
	E
	vmf-train --model snaive -q --metric cpu_mean,mem_mean -o m s
	vmf-predict -q --from m --horizon 1 --quantiles 0.9 -o f s
	run -0 vmf-cat --csv --columns id,cpu_mean,cpu_mean_q90,mem_mean,mem_mean_q90,status,reason f
	assert_line --index 1 'a,[2],[3],[7],[7],ok,mem_mean: constant: every sample is 7'
	assert_line --index 2 'b,[7],[7],[2],[3],constant,every sample is 7'
	vmf-predict -q --from m --metric mem_mean --horizon 1 --quantiles 0.9 -o f s
	run -0 vmf-cat --csv --no-header f
	assert_line --index 1 "b,h,1,$END,[2],[3],snaive,ok,,"
}

@test "batches of the model and of the series need not agree" {
	awk 'BEGIN {
		for (v = 0; v < 200; v++) {
			printf "vm-%03d h 2 2024-01-01T00:00:00Z ", v
			for (t = 0; t < 48; t++)
				printf "%s%d", t ? "," : "", (t * v) % 17
			print ""
		}
	}' >rows
	series <rows >s
	awk 'NR % 7 == 0 { print "batch" } { print }' rows >cut
	awk -v s="$START" -v e="$END" 'BEGIN {
		print "kind=series step=3600 start=" s " end=" e
		print "id host vcpus:int32 status start:time cpu_mean:list mem_mean:list"
	} $1 == "batch" { print; next } { print $1, $2, $3, "ok", $4, $5, "-" }' \
	    cut | "$ROWS" >s2
	vmf-train --model snaive -q --no-history -o m s
	vmf-train --model snaive -q --no-history -o m2 s2
	same m m2
	vmf-predict -q --no-history --from m -o f s
	vmf-predict -q --no-history --from m -o f2 s2
	same f f2
	vmf-train --model snaive -q s | vmf-predict -q --no-history --from - -o f3 s
	same f f3
}

@test "a reason that is cut is cut at a whole character" {
	local e k n names
	e=$(printf 'é%.0s' $(seq 60))
	for k in '' x; do
		n=$(for i in 0 1 2 3 4 5 6; do echo "m$k$i$e"; done)
		# a is stale: its samples end three days before b's.
		{
			echo "vm,time,cpu,$(paste -sd, <<<"$n")"
			for h in $(seq 0 119); do
				[ "$h" -ge 48 ] || echo "a,$((h * 3600)),1,2,2,2,2,2,2,2"
				echo "b,$((h * 3600)),1,2,2,2,2,2,2,2"
			done
		} | vmf-ingest -q | vmf-aggregate -q --step 1h --stat mean -o s
		names=cpu_mean,$(sed 's/$/_mean/' <<<"$n" | paste -sd,)
		vmf-train -q --model snaive --metric "$names" -o m s
		vmf-predict -q --from m --horizon 4 s |
		    vmf-cat --csv --no-header --columns reason |
		    sed -n 1p >"cut$k"
		iconv -f UTF-8 -t UTF-8 "cut$k" >/dev/null
	done
	# One of the two is cut within a letter of two bytes.
	run -1 cmp <(wc -c <cut) <(wc -c <cutx)
}

@test "an attribute with a name of the forecast's own is left out and told" {
	printf '%s\n' "kind=series step=3600 start=$START end=$END" \
	    'id model start:time cpu_mean:list' "a DL380 $START $RISE" |
	    "$ROWS" >s
	vmf-train --model snaive -q -o m s
	vmf-predict --from m -o f s 2>err
	run -0 cat err
	assert_line --index 0 --partial 'left out, as a forecast has columns of these names: model'
	run -0 column model f
	assert_output snaive
}

@test "a model that does not match, or is none" {
	series >s <<<"a h 1 $START $RISE"
	vmf-train --model snaive -q -o m s
	printf '%s\n' "kind=series step=300 end=$END" \
	    'id start:time cpu_mean:list' "a $START 1" | "$ROWS" >s5
	fails 1 "the model's step is 3600 s, but that of s5 is 300 s" \
	    vmf-predict --from m -o out s5
	fails 1 "no model of 'mem_mean'; its first metric is 'cpu_mean'" \
	    vmf-predict --from m --metric mem_mean -o out s
	printf '%s\n' "kind=series step=3600 end=$END" \
	    'id start:time mem_mean:list' "a $START 1" | "$ROWS" >other
	fails 1 "no list column 'cpu_mean'; there are mem_mean" \
	    vmf-predict --from m -o out other
	fails 1 "of kind 'series', expected 'model'" \
	    vmf-predict --from s -o out s
	fails 1 "of kind 'model', expected 'series'" \
	    vmf-predict --from m -o out m
	fails 2 'expected --from MODEL' vmf-predict -o out s
	fails 2 'both be standard input' vmf-predict --from - -o out <s
	[ ! -e out ]
}

@test "the night by way of polars, which drops metadata and writes its own types" {
	awk 'BEGIN {
		for (v = 1; v <= 50; v++) {
			printf "vm-%03d h%d 2 2024-01-01T00:00:00Z ", v, v % 3
			for (t = 0; t < 48; t++)
				printf "%s%s", t ? "," : "", t % 11 ? (t * v) % 53 : "-"
			print ""
		}
		print "vm-900 - - - -"
	}' | series >s
	vmf-train --model snaive -q -o m s
	vmf-predict -q --from m --horizon 24 -o f s
	vmf-window -q --length 30m -o p f
	judge -c '
import polars as pl
s = pl.read_ipc_stream("s")
s = s.with_columns(pl.col("id").cast(pl.Categorical),
    pl.col("cpu_mean").cast(pl.List(pl.Float64)))
s.write_ipc_stream("s2")
f = pl.read_ipc_stream("f")
assert f.height == 51 and f.schema["cpu_mean_q90"] == pl.List(pl.Float32), f.schema
assert f["cpu_mean"].list.len().to_list() == [24] * 51
f.write_ipc_stream("f2")
p = pl.read_ipc_stream("p")
assert p["status"].to_list() == ["placed"] * 50 + ["no-window"]
assert p["start"].dtype == pl.Datetime and p["rank"].dtype == pl.Int32
m = pl.read_ipc_stream("m")
assert m["params"].list.len().to_list() == [18] * 50 + [0]
'
	vmf-train --model snaive -q --step 1h --at $END -o m2 s2
	vmf-predict -q --from m2 --step 1h --at $END --horizon 24 s2 |
	    vmf-cat --csv >f2.csv
	vmf-cat --csv f >f.csv
	same f.csv f2.csv
	vmf-window -q --length 30m --step 1h f2 | vmf-cat --csv >p2.csv
	vmf-cat --csv p >p.csv
	same p.csv p2.csv
}

@test "cut off anywhere, the series or the model is an error" {
	series >s <<-E
	a h 1 $START $RISE
	b h 1 $START $RISE
	E
	vmf-train --model snaive -q --no-history -o m s
	local size
	for name in s m; do
		size=$(stat -c %s $name)
		for ((k = 0; k < size; k += 41)); do
			head -c $k $name >cut
			case $name in
			s) fails 1 'cut: ' vmf-predict --from m -o out cut ;;
			m) fails 1 'cut: ' vmf-predict --from cut -o out s ;;
			esac
			[ ! -e out ]
		done
	done
	for ((k = 0; k < $(stat -c %s s); k += 97)); do
		head -c $k s >cut
		fails 1 'cut: ' vmf-train --model snaive -o out cut
		[ ! -e out ]
	done
}

# model ROW...: a model stream by hand; "id metric model params".
model() {
	{
		echo "kind=model step=3600 season=${season:-86400} end=$END metric=cpu_mean model=snaive"
		echo 'id metric model status params:list64 blob:binary mase:f64 updated:time'
		while read -r id metric algo params; do
			echo "$id $metric $algo ok $params - - $END"
		done
	} | "$ROWS"
}

@test "a damaged model: the row and what was expected" {
	series >s <<<"a h 1 $START $RISE"
	model >m <<<'a cpu_mean snaive 1,2,3'
	fails 1 'm: row 0: snaive has 3 params, expected 1 + 17' \
	    vmf-predict --from m -o out s
	model >m <<<'a cpu_mean snaive 1,5,4*16'
	fails 1 'row 0: snaive has 4 at param 2, expected finite quantiles that ascend' \
	    vmf-predict --from m -o out s
	model >m <<<'a cpu_mean snaive 1,0*9,-*8'
	fails 1 'row 0: snaive has ' vmf-predict --from m -o out s
	model >m <<-E
	b cpu_mean snaive 1,0*17
	a cpu_mean snaive 1,0*17
	E
	fails 1 "row 1: id 'a' follows 'b'" vmf-predict --from m -o out s
	model >m <<<'a cpu_mean prophet 1'
	fails 1 "row 0: model 'prophet' is not known to this version; known: snaive" \
	    vmf-predict --from m -o out s
	season=5000 model >m <<<'a cpu_mean snaive 1,0*17'
	fails 1 'vmf:season is 5000, expected seconds, a multiple of vmf:step' \
	    vmf-predict --from m -o out s
	[ ! -e out ]
}

@test "a model of loads above 0 does not hide later ones below it" {
	awk 'BEGIN {
		srand(3)
		print "vm,time,cpu"
		for (t = 0; t < 720; t++) {
			x = 10 + 5 * sin(6.2832 * t / 24) + rand()
			printf "a,%d,%.3f\n", 1704067200 + 3600 * t,
			    x - (t < 480 ? 0 : 30)
		}
	}' </dev/null | vmf-ingest -q | vmf-dedup -q | vmf-aggregate -q -s 1h -o s
	for m in theta ets arima auto; do
		vmf-train -q --model $m --at 2024-01-21 -o m s
		for o in '' --refit; do
			# shellcheck disable=SC2086 # an option, or none
			vmf-predict -q --from m $o --horizon 24 s |
			    vmf-cat -q --csv --no-header --long \
			    --columns cpu_mean,cpu_mean_q90 |
			    awk -F, '$3 > -10 || $4 > -8' >high
			run ! grep . high
		done
	done
}
