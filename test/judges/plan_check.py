"""plan_check.py FOLDER...: is plan.arrows a plan for problem.json?

Reads what plan_gen.py and vmf-window wrote, and proves every rule of
vmf-window(1) anew, in seconds and floating point, by code that has nothing in
common with the planner's.  Prints what is broken and exits 1.
"""
import csv
import datetime
import json
import sys

import numpy as np
import pyarrow.ipc as ipc

EPS = 1e-4                       # of loads, which plans hold in 16 bits


def stream(path):
    with ipc.open_stream(path) as r:
        return r.read_all()


class Problem:
    def __init__(self, folder):
        self.p = p = json.load(open(folder + "/problem.json"))
        f = stream(folder + "/forecast.arrows")
        self.id = f["id"].to_pylist()
        self.n = len(self.id)
        col = lambda k: (f[k].to_pylist() if k in f.column_names
                         else [None] * self.n)
        self.host, self.target = col("host"), col("target")
        self.cluster, self.group = col("cluster"), col("anti_affinity")
        self.vcpus, self.pinned = col("vcpus"), col("pinned")
        parse = lambda s: datetime.datetime.fromisoformat(s).timestamp()
        self.deadline = [None if d is None else parse(d)
                         for d in col("deadline")]
        self.t0 = f["start"].to_pylist()[0].timestamp()
        nan = lambda k: np.array([[np.nan if x is None else x for x in row]
                                  for row in f[k].to_pylist()])
        self.mean = nan("cpu_mean")
        self.by = nan("cpu_mean_q90") if p.get("risk") else self.mean
        both = self.mean + self.by
        self.by = np.where(np.isnan(both), np.nan, self.by)
        # What hosts hold: with a quantile that, or the mean where that is
        # more.  A step that is missing counts as the greatest that is known.
        most = lambda v: np.maximum(0, np.nan_to_num(np.nanmax(
            np.where(np.isnan(v), -1, v), axis=1)))[:, None]
        worst = np.maximum(self.mean, self.by)
        if not p.get("risk"):
            worst = self.mean
        top = np.maximum(most(worst), most(self.mean))
        self.held = np.where(np.isnan(worst), top, worst)
        # By how much a plan may count more: it holds loads in 16 bits, and
        # in as many what the quantile is above them (of few VMs and steps).
        self.slack = top[:, 0] / 2 ** 15
        if p.get("risk"):
            base = np.where(np.isnan(self.mean), most(self.mean), self.mean)
            self.slack += (self.held - base).max(axis=1) / 2 ** 14
        self.mem = col("mem_mb")
        rows = list(csv.DictReader(open(folder + "/hosts.csv")))
        self.cpus = {r["host"]: float(r["cpus"]) for r in rows}
        self.of = {r["host"]: r["cluster"] for r in rows}
        share = p.get("max-host-mem")
        self.ram = {r["host"]: float(r["mem_mb"]) * share / 100
                    for r in rows} if share else None
        self.step, self.L, self.slot = p["step"], p["length"], p["slot"]
        self.end = self.t0 + self.mean.shape[1] * self.step
        drain = p.get("drain")
        self.planned = [drain is None or h in drain for h in self.host]

    def window(self, v, start):
        """Mean of the steps' values from start on, by time; NaN where one
        is missing or the window is not inside."""
        a, b = start - self.t0, start - self.t0 + self.L
        if a < 0 or b > v.size * self.step:
            return np.nan
        e = np.arange(v.size) * self.step
        w = np.minimum(e + self.step, b) - np.maximum(e, a)
        return float((v[w > 0] * w[w > 0]).sum() / self.L)

    def may_start(self, i, start):
        """By what concerns VM i alone."""
        p = self.p
        if self.pinned[i] or start % self.slot:
            return False
        if self.deadline[i] is not None and start + self.L > self.deadline[i]:
            return False
        if "blackout" in p:
            a, b = p["blackout"]
            day = start - start % 86400
            for d in (day - 86400, day, day + 86400):
                if start < d + b and d + a < start + self.L:
                    return False
        x = self.window(self.by[i], start)
        return x <= p.get("max-load", np.inf) + 1e-9     # NaN: no

    def targets(self, i):
        p, h = self.p, self.host[i]
        drain = p.get("drain") or []
        if self.target[i] is not None:
            t = self.target[i]
            return [] if t in drain or t == h else [t]
        if not p.get("place"):
            return [] if drain else [None]
        return [t for t in self.cpus if t != h and t not in drain and
                self.of[t] == self.cluster[i]]

    def starts(self):
        s = -(-self.t0 // self.slot) * self.slot
        while s + self.L <= self.end:
            yield s
            s += self.slot


def broken(q, moves, slack=False):
    """What of the limits the moves {i: (start, target)} break, in words; with
    slack also what the planner may have thought they break."""
    p, L = q.p, q.L
    for name, keys in (
            ("per-host", lambda i, t: [q.host[i]]),
            ("per-target", lambda i, t: [t]),
            ("per-cluster", lambda i, t: {q.cluster[i], q.of.get(
                t, q.cluster[i])}),
            ("total", lambda i, t: ["all"])):
        most, by = p.get(name), {}
        if most is None:
            continue
        for i, (s, t) in moves.items():
            for k in keys(i, t):
                if k is not None:
                    by.setdefault(k, []).append(s)
        for k, v in by.items():
            for s in v:
                now = sum(u <= s < u + L for u in v)
                if now > most:
                    yield f"{name} {k}: {now} moves at {s}"
    if p.get("max-host-load"):
        steps = q.mean.shape[1]
        begin = q.t0 + np.arange(steps) * q.step
        for h in {t for _, t in moves.values() if t is not None}:
            have = np.zeros(steps)
            first = np.inf
            for i in range(q.n):
                s, t = moves.get(i, (None, None))
                there = np.zeros(steps, bool)
                if q.host[i] == h:
                    there |= (True if t is None else begin < s + L)
                if t == h:
                    there |= begin + q.step > s
                    first = min(first, s)
                x = q.held[i] + q.slack[i] if slack else q.held[i]
                have += np.where(there, x * q.vcpus[i], 0)
            room = p["max-host-load"] * q.cpus[h]
            over = (have > room * (1 + 1e-9)) & (begin + q.step > first)
            if over.any():
                yield f"host {h}: {have[over].max()} > {room}"
    for h in ({t for _, t in moves.values() if t is not None}
              if q.ram else ()):
        for at in sorted(s for s, t in moves.values() if t == h):
            have = 0
            for i in range(q.n):
                s, t = moves.get(i, (None, None))
                if (q.host[i] == h and (t is None or at < s + L)) or \
                        (t == h and at >= s):
                    have += q.mem[i]
            if have > q.ram[h]:
                yield f"memory {h}: {have} > {q.ram[h]} at {at}"
    groups = {}
    for i, g in enumerate(q.group):
        if g is not None:
            groups.setdefault(g, []).append(i)
    inf = float("inf")
    for members in groups.values():
        for a in members:
            for b in members:
                if a >= b:
                    continue
                def stays(i):
                    s, t = moves.get(i, (inf, None))
                    yield q.host[i], -inf, inf if t is None else s + L
                    if t is not None:
                        yield t, s, inf
                for ha, fa, ta in stays(a):
                    for hb, fb, tb in stays(b):
                        both = fa == -inf and fb == -inf
                        if ha == hb and not both and fa < tb and fb < ta:
                            yield f"{q.id[a]} and {q.id[b]} on {ha}"


def check(folder, plan="plan.arrows", maximal=True):
    q = Problem(folder)
    rows = stream(folder + "/" + plan).to_pylist()
    bad, moves, seen = [], {}, {}
    at = {s: i for i, s in enumerate(q.id)}
    risk = bool(q.p.get("risk"))
    if [r["id"] for r in rows] != sorted(r["id"] for r in rows):
        bad.append("rows are not sorted")
    for r in rows:
        i = at[r["id"]]
        if r["rank"] is not None and r["rank"] > 1:
            continue
        if i in seen:
            bad.append(f"{r['id']} twice")
        seen[i] = r
        if (r["status"] == "placed") != (r["start"] is not None):
            bad.append(f"{r['id']}: {r['status']} and {r['start']}")
        if r["start"] is None:
            if not r["reason"]:
                bad.append(f"{r['id']}: no reason")
            continue
        s, t = r["start"].timestamp(), r.get("target")
        moves[i] = (s, t)
        if r["end"].timestamp() != s + q.L:
            bad.append(f"{r['id']}: length")
        if not q.may_start(i, s):
            bad.append(f"{r['id']}: must not start at {s}")
        if t not in q.targets(i):
            bad.append(f"{r['id']}: must not go to {t}")
        for v, name in ((q.mean, "load"), (q.by, "load_q90")):
            if name == "load_q90" and not risk:
                continue
            x = q.window(v[i], s)
            if not abs(r[name] - x) <= EPS * (1 + np.nanmax(v[i])):
                bad.append(f"{r['id']}: {name} {r[name]}, is {x}")
    want = {i for i in range(q.n) if q.planned[i]}
    if set(seen) != want:
        bad.append(f"rows of {sorted(set(seen) ^ want)}")
    waves = {s: k + 1 for k, s in enumerate(sorted({s for s, _ in
                                                    moves.values()}))}
    for i, (s, _) in moves.items():
        if seen[i]["wave"] != waves[s]:
            bad.append(f"{q.id[i]}: wave {seen[i]['wave']}")
    bad += broken(q, moves)
    # Whoever has no place has none that is free.
    for i in (want & set(seen)) - set(moves) if maximal else ():
        alone = [s for s in q.starts() if q.may_start(i, s)]
        status = seen[i]["status"]
        if status != "no-room":
            if alone and q.targets(i):
                bad.append(f"{q.id[i]}: {status}, could move at {alone[0]}")
            continue
        for s in alone:
            for t in q.targets(i):
                if not any(broken(q, {**moves, i: (s, t)}, slack=True)):
                    bad.append(f"{q.id[i]}: no-room, but {s} to {t} is free")
    cost = sum(q.window(q.by[i], s) for i, (s, _) in moves.items())
    return bad, len(moves), cost


def self_test():
    """The checker finds what is broken in plans that were spoilt."""
    import os
    import tempfile

    import plan_gen
    import pyarrow as pa

    found = set()
    for seed in range(1, 13):
        with tempfile.TemporaryDirectory() as d:
            p, *rest = plan_gen.make("any", seed)
            plan_gen.write(d, p, *rest)
            q = Problem(d)
            everyone = {i: (next(q.starts()), (q.targets(i) or [None])[0])
                        for i in range(q.n) if q.planned[i]}
            found |= {line.split(" ")[0] for line in broken(q, everyone)}
            t = pa.table({"id": q.id[:1], "start": pa.array(
                [None], pa.timestamp("s", "UTC")), "end": pa.array(
                [None], pa.timestamp("s", "UTC")), "rank": pa.array(
                [None], pa.int32()), "wave": pa.array([None], pa.int32()),
                "status": ["no-room"], "reason": ["none"]})
            with ipc.new_stream(os.path.join(d, "plan.arrows"),
                                t.schema) as w:
                w.write_table(t)
            bad, _, _ = check(d)
            assert bad or q.n == 1, seed
    assert {"per-host", "per-target", "per-cluster", "total",
            "host", "memory"} <= found, found


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    failed = 0
    for folder in sys.argv[1:]:
        bad, n, cost = check(folder)
        for line in bad[:5]:
            print(f"{folder}: {line}")
        failed += bool(bad)
    print(f"{len(sys.argv) - 1 - failed} of {len(sys.argv) - 1} plans are "
          "sound")
    sys.exit(failed > 0)
