"""True loads of hosts after a plan: plan_hosts.py SERIES PLAN HOSTS START STEPS
LIMIT prints how many hosts took VMs, how many of these were above the limit,
in how many steps, and the greatest load.  It knows nothing of vmf-eval.
"""
import csv
import datetime
import sys

import pyarrow.ipc as ipc


def rows(path):
    with ipc.open_stream(path) as r:
        return r.read_all().to_pylist()


series, plan, hosts, start, steps, limit = sys.argv[1:]
start = datetime.datetime.fromisoformat(start.replace("Z", "+00:00"))
steps, limit = int(steps), float(limit)
hour = datetime.timedelta(hours=1)
with open(hosts, newline="", encoding="utf-8") as f:
    cpus = {r["host"]: float(r["cpus"]) for r in csv.DictReader(f)}
moves = {r["id"]: r for r in rows(plan) if r["rank"] == 1}
used = {h: [0.0] * steps for h in cpus}
first = {}
for vm in rows(series):
    y = vm["cpu_mean"] or []
    at = int((start - vm["start"]) / hour) if vm["start"] else 0
    load = [y[at + t] if 0 <= at + t < len(y) else None
            for t in range(steps)]
    known = [x for x in load if x is not None]
    mean = sum(known) / len(known) if known else 0.0
    move = moves.get(vm["id"])
    for t in range(steps):
        a, b = start + t * hour, start + (t + 1) * hour
        x = vm["vcpus"] * (mean if load[t] is None else load[t])
        if vm["host"] in used and (move is None or move["end"] > a):
            used[vm["host"]][t] += x
        if move and move["target"] in used and move["start"] < b:
            used[move["target"]][t] += x
            first.setdefault(move["target"], steps)
            first[move["target"]] = min(first[move["target"]], t)
loads = {h: [x / cpus[h] for x in used[h][t:]] for h, t in first.items()}
over = {h: sum(x > limit for x in v) for h, v in loads.items()}
print(len(loads), sum(n > 0 for n in over.values()), sum(over.values()),
      f"{max(max(v) for v in loads.values()):.6g}")
