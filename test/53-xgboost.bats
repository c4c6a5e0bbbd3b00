# Boosted trees over the fleet (xgboost), and probabilities of events
# (--target), through vmf-train, vmf-predict and vmf-eval.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	NO_XGB=
	vmf-train -V | grep -q 'xgboost: [0-9]' || NO_XGB=1
}

xgb() {
	[ -z "$NO_XGB" ] || skip "built without XGBoost"
}

# fleet VMS DAYS: hourly series of a made-up fleet, with its inventory.
fleet() {
	gen "$1" "$2" --seed 5 --inventory vms.csv >f.csv
	vmf-ingest -q f.csv | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --join vms.csv -o s
}

column() {
	vmf-cat --csv --no-header --columns "$1" "$2"
}

# The part of the whole fleet of metric $1, as text.
fleet_part() {
	judge - "$2" "$1" <<'EOF'
import sys
import pyarrow as pa
with pa.ipc.open_stream(sys.argv[1]) as r:
    t = r.read_all()
for row in t.to_pylist():
    if row["id"] is None and row["metric"] == sys.argv[2]:
        blob = row["blob"] or b""
        print(row["model"], row["status"], row["params"], len(blob))
        sys.stdout.flush()
        sys.stdout.buffer.write(blob)
EOF
}

@test "xgboost: a model in a pass of its own, the same bytes however it runs" {
	xgb
	fleet 16 12
	vmf-train -q --no-history --model xgboost -o m s
	vmf-train -q --no-history --model xgboost --threads 1 -o m1 s
	same m m1
	# From a file on standard input, which is not copied, and from a pipe.
	TMPDIR=/no/such vmf-train -q --no-history --model xgboost <s >m2
	same m m2
	cat s | vmf-train -q --no-history --model xgboost >m2
	same m m2
	# As many levels as can be asked for, none of which is one of the nine.
	many=$(seq 1 99 | awk '{ printf "%s%.4f", (NR > 1 ? "," : ""),
	    $1 / 101 + .0001 }')
	vmf-predict -q --from m --horizon 4 --quantiles "$many" -o all s
	vmf-cat --long --csv --no-header all | awk -F, '$4 != "" {
	    for (i = 5; i <= NF; i++) bad += $i < $(i - 1); n++ }
	    END { exit !(n > 0 && bad == 0) }'
	vmf-predict -q --no-history --from m --horizon 30 -o f s
	vmf-predict -q --no-history --from m --horizon 30 --threads 1 <s >f1
	same f f1
	assert_equal "$(column model f | sort -u)" xgboost
	# The leads that a forecast has do not change the first of them.
	vmf-predict -q --from m --horizon 6 -o short s
	same <(vmf-cat --long --csv --columns id,start,cpu_mean_q90 short) \
	    <(vmf-cat --long --csv --columns id,start,cpu_mean_q90 f |
	    awk -F, 'NR == 1 || n[$1]++ < 6')
}

@test "xgboost: a VM's forecast does not depend on its neighbours" {
	xgb
	fleet 16 12
	vmf-train -q --model xgboost -o m s
	vmf-predict -q --from m -o f s
	for vm in vm-0000003 vm-0000011; do
		gen 16 12 --seed 5 | grep -E "^(vm,|$vm)" | vmf-ingest -q |
		    vmf-dedup -q | vmf-aggregate -q --step 1h --join vms.csv \
		    -o one
		vmf-predict -q --at "$(vmf-cat --schema s |
		    awk '$1 == "vmf:end" { print $2 }')" --from m -o g one
		same <(vmf-cat --id $vm --csv --long f) \
		    <(vmf-cat --id $vm --csv --long g)
	done
}

@test "xgboost: quantiles do not cross, and are better than kq's" {
	xgb
	not_small
	fleet 24 14
	vmf-eval -q --model kq,xgboost --origins 2 --horizon 24 -o scores s
	vmf-cat --csv --no-header --columns model,crps,mase scores >rows
	awk -F, '$1 == "kq" { c = $2; m = $3 }
	    $1 == "xgboost" { if (!($2 < 0.97 * c && $3 < m)) exit 1; n++ }
	    END { exit n != 1 }' rows || { cat rows; return 1; }
	vmf-train -q --model xgboost -o m s
	vmf-predict -q --from m -o f --quantiles 0.05,0.1,0.25,0.5,0.77,0.9,0.99 s
	vmf-cat --long --csv --no-header --columns cpu_mean_q05,cpu_mean_q10,cpu_mean_q25,cpu_mean_q50,cpu_mean_q77,cpu_mean_q90,cpu_mean_q99 f |
	    awk -F, '$3 != "" { n++; for (i = 4; i <= NF; i++)
	    if (!($i >= $(i - 1)) || $3 < 0) bad++ }
	    END { exit n < 1000 || bad }'
}

@test "nothing is learned of what lies after --at, or vmf-eval's first origin" {
	xgb
	not_small
	fleet 12 14
	judge - s t <<'EOF'
import sys
import pyarrow as pa
with pa.ipc.open_stream(sys.argv[1]) as r:
    t = r.read_all()
# Every value from the last two days on becomes another one.
import datetime as dt
at = dt.datetime(2024, 1, 13, tzinfo=dt.timezone.utc)
left = [s and (at - s).total_seconds() / 3600 for s in t["start"].to_pylist()]
names = [n for n in t.schema.names if pa.types.is_list(t.schema.field(n).type)]
for n in names:
    f = t.schema.field(n)
    rows = [v and [x if x is None or i < k else 3 * x + i
                   for i, x in enumerate(v)]
            for v, k in zip(t[n].to_pylist(), left)]
    t = t.set_column(t.schema.get_field_index(n), f, pa.array(rows, f.type))
with pa.ipc.new_stream(sys.argv[2], t.schema) as w:
    w.write_table(t)
EOF
	run ! same s t
	at=2024-01-13T00:00:00Z
	vmf-train -q --no-history --model xgboost --target 'cpu_max>60@1-6' \
	    --at $at -o m s
	vmf-train -q --no-history --model xgboost --target 'cpu_max>60@1-6' \
	    --at $at -o n t
	same m n
	# vmf-eval learns what vmf-train does up to its first origin: the model
	# forecasts the first window alike.
	vmf-predict -q --from m --metric cpu_mean --at $at --horizon 24 -o f s
	vmf-eval -q --forecast f s | vmf-cat --csv --columns model,crps,mase >a
	vmf-eval -q --model xgboost --origins 1 --horizon 24 --at 2024-01-14 s |
	    vmf-cat --csv --columns model,crps,mase >b
	same <(grep xgboost a) <(grep xgboost b)
	# So does a forecast of the one by the other.
	vmf-predict -q --from m --at $at -o f s
	vmf-predict -q --from n --at $at -o g s
	same <(vmf-cat --csv --long f) <(vmf-cat --csv --long g)
}

@test "xgboost beside others, with --update, --memory and VMs that are new" {
	xgb
	slow
	fleet 12 12
	vmf-train -q --no-history --model xgboost,kq --metric cpu_mean,mem_mean \
	    -o once s
	vmf-train -q --model xgboost,kq --metric cpu_mean,mem_mean \
	    --at 2024-01-11T00:00:00Z -o then s
	vmf-train -q --no-history --update then -o next s
	same once next
	# What an id has is what kq has.
	vmf-train -q --model kq -o kq s
	judge - once kq <<'EOF'
import sys
import pyarrow as pa
def parts(path):
    with pa.ipc.open_stream(path) as r:
        rows = r.read_all().to_pylist()
    return {r["id"]: (r["params"], r["blob"], r["mase"]) for r in rows
            if r["id"] and r["metric"] == "cpu_mean" and
            r["model"] == ("xgboost" if "once" in path else "kq")}
a, b = map(parts, sys.argv[1:])
assert len(a) == 12 and a.keys() == b.keys()
assert all(repr(a[i]) == repr(b[i]) for i in a)
EOF
	# Less memory: fewer rows, and fewer series.
	vmf-train -q --model xgboost --memory 1M -o small s
	rows() {
		fleet_part cpu_mean "$1" | head -n 1 | tr -d '[,' |
		    cut -d' ' -f 4 | cut -d. -f 1
	}
	[ "$(rows small)" -lt "$(rows once)" ]
	vmf-predict -q --from small s | vmf-cat >/dev/null
	# A VM that the model does not know.
	gen 16 12 --seed 5 --inventory vms.csv | vmf-ingest -q | vmf-dedup -q |
	    vmf-aggregate -q --step 1h --join vms.csv -o more
	vmf-predict -q --from once more | vmf-cat --csv --columns id,status |
	    grep -q 'vm-0000015,unseen'
}

@test "xgboost: loads of 0, of one value, and below 0" {
	xgb
	awk 'BEGIN {
		srand(3); print "vm,time,load"
		for (v = 0; v < 16; v++)
			for (t = 0; t < 24 * 14; t++)
				printf "v%02d,%d,%s\n", v, 3600 * t, (v == 0 ? 0 : v == 1 ? 5 : v == 2 ? -3 - rand() : 20 + 10 * sin(t / 24 * 6.283) + 3 * rand() + v)
	}' </dev/null | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --stat mean -o odd
	vmf-train -q --model xgboost --metric load_mean -o m odd
	vmf-predict -q --from m --horizon 24 --quantiles 0.1,0.9 -o f odd
	run -0 column id,status f
	assert_line --index 0 v00,constant
	assert_line --index 1 v01,constant
	assert_line --index 2 v02,ok
	run -0 awk -F, '{ n++ }
	    $1 == "v00" && !($3 == 0 && $4 == 0 && $5 == 0) { bad++ }
	    $1 == "v01" && !($3 == 5 && $4 == 5 && $5 == 5) { bad++ }
	    $1 == "v02" && !(-5 < $4 && $4 <= $5 && $5 < -2) { bad++ }
	    $1 > "v02" && !(0 <= $4 && $4 <= $5) { bad++ }
	    END { print n, bad + 0 }' < <(vmf-cat --csv --long --no-header \
	    --columns load_mean,load_mean_q10,load_mean_q90 f)
	assert_output "384 0"
}

@test "too few rows: the forecast is kq's" {
	xgb
	fleet 3 4
	vmf-train -q --model xgboost -o m s
	fleet_part cpu_mean m | grep -q '^xgboost short .* 0$'
	vmf-train -q --model kq -o k s
	vmf-predict -q --from m s | vmf-cat --csv --long >a
	vmf-predict -q --from k s | vmf-cat --csv --long >b
	same <(sed s/xgboost/kq/ a) b
}

@test "a part of the fleet that is damaged, or not there" {
	xgb
	fleet 16 12
	vmf-train -q --model xgboost -o m s
	part() {
		judge - m bad "$@" <<'EOF'
import sys
import pyarrow as pa
with pa.ipc.open_stream(sys.argv[1]) as r:
    t = r.read_all()
rows = t.to_pylist()
exec(sys.argv[3])
with pa.ipc.new_stream(sys.argv[2], t.schema) as w:
    w.write_table(pa.Table.from_pylist(rows, t.schema))
EOF
		fails 1 "$2" vmf-predict -q --from bad s
	}
	part 'rows.pop(0)' "no part of 'xgboost' without an id"
	part 'rows.insert(0, rows[0])' 'a second part'
	part 'rows[0]["model"] = "theta"' 'learns each series by itself'
	part 'rows[0]["blob"] = rows[0]["blob"][:-1]' 'row 0'
	part 'rows[0]["blob"] += b"x"' 'after the last booster'
	part 'rows[0]["blob"] = b"{}\n"' 'version'
	part 'rows[0]["blob"] = b"x" * 100' 'line of JSON'
	part 'b = bytearray(rows[0]["blob"]); b[-5000] ^= 1; rows[0]["blob"] = bytes(b)' 'checksum'
	part 'rows[0]["metric"] = "cpu_mean>x"' 'expected a number'
}

@test "--target: a probability of any model, calibrated, and scored" {
	slow
	fleet 12 12
	models="kq snaive"
	[ -n "$NO_XGB" ] || models="$models xgboost"
	for model in $models; do
		vmf-train -q --no-history --model $model \
		    --target 'cpu_max>60@1-12,cpu_mean>30' -o m s
		vmf-train -q --no-history --model $model --threads 1 \
		    --target 'cpu_max>60@1-12,cpu_mean>30' -o m1 s
		same m m1
		vmf-predict -q --from m --horizon 6 -o f s
		column cpu_max_gt60_1_12,cpu_mean_gt30_1_48 f |
		    awk -F, '$1 != "" { n++; if (!($1 >= 0 && $1 <= 1 &&
		    $2 >= 0 && $2 <= 1)) exit 1 } END { exit n < 10 }'
	done
	assert_equal "$(judge - f <<'EOF'
import sys
import pyarrow as pa
with pa.ipc.open_stream(sys.argv[1]) as r:
    print(r.schema.field("cpu_max_gt60_1_12").metadata[b"target"].decode())
EOF
	)" 'cpu_max>60@1-12'
	# It goes on with --update, and travels into the plan.
	vmf-train -q --no-history --update m -o m2 s
	same <(vmf-cat --csv --columns id,metric,model,params m) \
	    <(vmf-cat --csv --columns id,metric,model,params m2)
	vmf-window -q --length 1h f | vmf-cat --schema |
	    grep -q cpu_max_gt60_1_12
	fleet 30 14
	vmf-eval -q --model kq --target 'cpu_max>40@1-24' --horizon 24 \
	    --origins 4 -o scores s
	vmf-cat --csv --no-header --columns model,n_cases,n_came,brier,brier_rate,auc scores >rows
	awk -F, '$1 == "kq" { n++; if (!($2 > 60 && $3 > 5 && $3 < $2 &&
	    $4 < 0.7 * $5 && $6 > 0.9)) exit 1 } END { exit n != 1 }' rows ||
	    { cat rows; return 1; }
}

@test "--target: trees where they pay, the same by any threads" {
	[ -z "$NO_XGB" ] || skip "built without XGBoost"
	slow
	gen 30 14 --seed 5 | vmf-ingest -q |
	    vmf-aggregate -q --step 1h --metric cpu -o s
	for n in 1 2; do
		vmf-train -q --no-history --model xgboost --threads $n \
		    --target 'cpu_mean>30@1-6' -o m$n s
	done
	same m1 m2
	# The bytes of trees in the target's part.
	run -0 judge - <<'EOF'
import json
import pyarrow as pa
with pa.ipc.open_stream("m1") as r:
    for row in r.read_all().to_pylist():
        if row["id"] is None and ">" in row["metric"]:
            h = json.loads(row["blob"].split(b"\n", 1)[0])
            print(h["bytes"] > 10000)
EOF
	assert_output True
	vmf-predict -q --from m1 --horizon 6 -o f s
	column cpu_mean_gt30_1_6 f | awk '{ n += $1 >= 0 && $1 <= 1 }
	    END { exit !(n == NR && n == 30) }'
	# Three quarters of the way from the rate to what came, at least.
	vmf-eval -q --model xgboost --target 'cpu_mean>30@1-6' --horizon 6 \
	    --origins 2 -o scores s
	vmf-cat --csv --no-header --columns model,brier,brier_rate scores |
	    awk -F, '$1 == "xgboost" { n++; bad = !($2 < 0.25 * $3) }
		END { exit n != 1 || bad }'
}

@test "--explain: of trees and targets no row, of VMs what they begin with" {
	slow
	fleet 8 14
	local shares=id,metric,lead_to,part,share,median_share
	for model in kq auto xgboost; do
		[ $model != xgboost ] || [ -z "$NO_XGB" ] || continue
		vmf-train -q --no-history --model ${model/xgboost/kq} -o m s
		vmf-predict -q --explain --from m -o plain
		vmf-train -q --no-history --model $model \
		    --target 'cpu_mean>30' -o m s
		vmf-predict -q --explain --from m -o x
		same <(column $shares plain) <(column $shares x)
		[ "$(column id x | wc -l)" -gt 500 ]
	done
}

@test "--target: a part of it that is damaged" {
	fleet 8 14
	vmf-train -q --no-history --model kq --target 'cpu_max>40@1-6' -o m s
	cat >said <<'EOF'
h["version"] = 0;version of a target's part is not
h["odds"] = [1, 2];expected 3 odds
h["odds"][1] = "x";odds hold what is not a number
h["bytes"] += 1;bytes of trees, which is not what the header says
rest += b"x";1 bytes of trees, which is not what the header says
h = 5;version of a target's part is not
h["sides"] = 1;sides is not a list of at most
h["traits"] = [1];traits holds what is not a name
EOF
	# bad.N: what line N of these makes of the header h.
	judge - <<'EOF'
import json
import pyarrow as pa
with pa.ipc.open_stream("m") as r:
    t = r.read_all()
for i, said in enumerate(open("said")):
    rows = t.to_pylist()
    part, = [r for r in rows if r["id"] is None]
    line, rest = part["blob"].split(b"\n", 1)
    h = json.loads(line)
    exec(said.split(";")[0])
    part["blob"] = json.dumps(h).encode() + b"\n" + rest
    with pa.ipc.new_stream(f"bad.{i}", t.schema) as w:
        w.write_table(pa.Table.from_pylist(rows, t.schema))
EOF
	local i=0 text
	while IFS=';' read -r _ text; do
		fails 1 "$text" vmf-predict -q --from bad.$i -o out s
		i=$((i + 1))
	done <said
	assert_equal $i 8
	[ ! -e out ]
}

@test "--target's scores are those of another hand" {
	fleet 30 10
	vmf-eval -q --model kq --target 'cpu_max>40@2-9' --horizon 12 \
	    --origins 1 -o scores s
	at=$(vmf-cat --schema scores | awk '$1 == "vmf:start" { print $2 }')
	vmf-train -q --model kq --target 'cpu_max>40@2-9' --at "$at" -o m s
	vmf-predict -q --from m --at "$at" --horizon 12 -o f s
	# A forecast's are those of the model that made it.
	vmf-eval -q --forecast f --target 'cpu_max>40@2-9' -o given s
	risk=model,n_cases,n_came,brier,brier_rate,log_loss,auc,rel_n,rel_p,rel_came
	for file in scores given; do
		vmf-cat --csv --columns $risk $file | sed -n 2p >$file.csv
	done
	diff scores.csv given.csv
	grep -qE '^kq,(2[1-9]|30),' given.csv
	vmf-cat --csv --columns $risk given | grep -q '^snaive,,,,,,,,,$'
	fails 1 "f: no column 'cpu_max_gt41_2_9' of probabilities" \
	    vmf-eval --forecast f --target 'cpu_max>41@2-9' s
	judge - f <<'EOF'
import sys
import pyarrow as pa
with pa.ipc.open_stream(sys.argv[1]) as r:
    t = r.read_all()
k = t.schema.get_field_index("cpu_max_gt40_2_9")
p = t.column(k).to_pylist()
p[3] = 1.5
t = t.set_column(k, "cpu_max_gt40_2_9", pa.array(p, pa.float64()))
with pa.ipc.new_stream("f.bad", t.schema) as w:
    w.write_table(t)
EOF
	fails 1 "f.bad: row 3, column 'cpu_max_gt40_2_9': found 1.5, expected a probability from 0 to 1" \
	    vmf-eval --forecast f.bad --target 'cpu_max>40@2-9' s
	judge - s f scores <<'EOF'
import math
import sys
import pyarrow as pa
def read(path):
    with pa.ipc.open_stream(path) as r:
        return r.read_all().to_pylist()
s, f, scores = map(read, sys.argv[1:])
f = {r["id"]: r for r in f}
row = [r for r in scores if r["model"] == "kq"][0]
pairs = []
for r in s:
    at = (f[r["id"]]["start"] - r["start"]).total_seconds() / 3600
    y = [r["cpu_max"][int(at) + i] if 0 <= at + i < len(r["cpu_max"]) else None
         for i in range(1, 9)]
    p = f[r["id"]]["cpu_max_gt40_2_9"]
    known = [v for v in y if v is not None]
    came = any(v > 40 for v in known)
    if p is not None and len(known) == 8:
        pairs.append((p, came))
n = len(pairs)
assert n == row["n_cases"] and n > 20, (n, row["n_cases"])
assert sum(c for _, c in pairs) == row["n_came"] > 2
brier = sum((p - c) ** 2 for p, c in pairs) / n
loss = -sum(math.log(p if c else 1 - p) for p, c in pairs) / n
assert abs(brier - row["brier"]) <= 1e-6
assert abs(loss - row["log_loss"]) <= 1e-4
yes = [p for p, c in pairs if c]
no = [p for p, c in pairs if not c]
auc = sum((a > b) + 0.5 * (a == b) for a in yes for b in no) / len(yes) / len(no)
assert abs(auc - row["auc"]) <= 0.02, (auc, row["auc"])
assert sum(row["rel_n"]) == n
for b in range(10):
    mine = [(p, c) for p, c in pairs if min(int(p * 10), 9) == b]
    assert len(mine) == row["rel_n"][b]
    if mine:
        assert abs(sum(p for p, _ in mine) / len(mine) - row["rel_p"][b]) <= 1e-6
        assert abs(sum(c for _, c in mine) / len(mine) - row["rel_came"][b]) <= 1e-9
EOF
}

# noisy VMS DAYS SPIKE LOST: hours of noise, above 80 with the probability
# SPIKE, each on its own, of which the share LOST is missing.
noisy() {
	awk -v vms="$1" -v days="$2" -v spike="$3" -v lost="$4" 'BEGIN {
		srand(7)
		print "vm,time,cpu"
		for (v = 0; v < vms; v++)
			for (h = 0; h < 24 * days; h++) {
				x = rand() < spike ? 90 + rand() : 10 + rand()
				if (rand() >= lost)
					printf "v%d,%d,%.3f\n", v, \
					    1704067200 + 3600 * h, x
			}
	}' | vmf-ingest -q | vmf-aggregate -q --step 1h
}

@test "a fleet of which nothing was learned is told" {
	noisy 3 12 0 0 >s
	vmf-train --model xgboost --memory 1K -o m s 2>err
	grep -q '^vmf-train: xgboost learned nothing of cpu_mean from 0 series and 0 rows: too few' err
}

@test "--target: gaps and short histories make nothing more likely" {
	not_small
	# Half of the windows of 24 steps, and of those of 100, hold a spike.
	local days spike lost steps model
	while read -r days spike lost steps; do
		noisy 40 "$days" "$spike" "$lost" >noise
		for model in snaive kq; do
			vmf-train -q --model $model -o m noise \
			    --target "cpu_mean>80@1-$steps"
			vmf-predict -q --from m --horizon "$steps" noise |
			    vmf-cat --csv --no-header --columns \
			    "cpu_mean_gt80_1_$steps" >p
			awk -v what="$model $days $lost" '{ sum += $1 }
			END {
				print what, sum / NR
				exit !(sum / NR > 0.35 && sum / NR < 0.65)
			}' p
		done
	done <<-'EOF'
		30 0.02847 0 24
		30 0.02847 0.05 24
		30 0.02847 0.3 24
		12 0.006908 0 100
	EOF
	noisy 40 30 0.02847 0.05 >noise
	vmf-eval -q --model kq --target 'cpu_mean>80@1-24' --horizon 24 noise |
	    vmf-cat --csv | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++)
		at[$i] = i }
	$at["model"] == "kq" {
		print $at["n_came"], $at["n_cases"]
		n++
		bad = $at["n_came"] / $at["n_cases"]
		bad = !(bad > 0.4 && bad < 0.6 && $at["n_cases"] > 35)
	} END { exit bad || n != 1 }'
}

@test "--target: what never came in weeks of one value is not likely" {
	noisy 3 28 0 0 | vmf-cat --csv --long --no-header --columns id,start,cpu_mean |
	    awk -F, 'BEGIN { print "vm,time,cpu" } { print $1 "," $2 "," ($1 == "v0" ? 0 : $3) }' |
	    vmf-ingest -q | vmf-aggregate -q --step 1h --stat mean -o one
	vmf-train -q --model snaive --target 'cpu_mean>0@1-24' -o m one
	run -0 awk -F, '$1 == "v0" { print ($2 < 0.05) } $1 > "v0" { print ($2 > 0.95) }' \
	    <(vmf-predict -q --from m one |
	    vmf-cat --csv --no-header --columns id,cpu_mean_gt0_1_24)
	assert_output $'1\n1\n1'
}

@test "VMF_DEVICE: gpu is refused where there is none, auto is the CPU then" {
	xgb
	vmf-train -V | grep -q '^device: none' || skip "there is a GPU here"
	fleet 16 12
	fails 1 'VMF_DEVICE is gpu, but there is none: ' \
	    env VMF_DEVICE=gpu vmf-train --model xgboost -o m s
	[ ! -e m ]
	vmf-train -q --no-history --model xgboost -o m s
	VMF_DEVICE=auto vmf-train --no-history --model xgboost -o a s 2>err
	same m a
	run -1 grep -E 'CPU|CUDA' err
}

@test "--target: what cannot be read" {
	fleet 3 3
	fails 2 'expected METRIC>X' vmf-train --target cpu_max s
	fails 2 'expected METRIC>X' vmf-train --target '>80' s
	fails 2 'number after the >' vmf-train --target 'cpu_max>x' s
	fails 2 'number after the >' vmf-train --target 'cpu_max>inf' s
	fails 2 'steps of the forecast' vmf-train --target 'cpu_max>80@0-3' s
	fails 2 'steps of the forecast' vmf-train --target 'cpu_max>80@5-3' s
	fails 2 'steps of the forecast' vmf-train --target 'cpu_max>80@7' s
	fails 2 'there twice' \
	    vmf-train --target 'cpu_max>80,cpu_max>80.0@1-48' s
	fails 1 'cpu_p95' vmf-train -o m --target 'cpu_p95>80' s
	fails 2 'at most --horizon' \
	    vmf-eval --target 'cpu_max>80' --horizon 12 --origins 1 s
	fails 2 '--metric does not name' vmf-eval --metric cpu_mean \
	    --target 'cpu_max>80' s
	fails 2 'expected one' vmf-eval --target 'cpu_max>80,cpu_max>70' s
}

@test "a build without XGBoost says which package is missing" {
	[ -n "$NO_XGB" ] || skip "built with XGBoost"
	fleet 40 14
	fails 1 libxgboost-dev vmf-train --model xgboost -o m s
	vmf-train -q --model kq --target 'cpu_max>60' -o m s
	vmf-predict -q --from m s | vmf-cat >/dev/null
}
