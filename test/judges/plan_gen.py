"""plan_gen.py KIND SEED FOLDER: a random problem for vmf-window.

Writes forecast.arrows, hosts.csv and problem.json, whose "args" are the
options of the command.  KIND is moment (60 VMs, 48 slots), place (12 VMs, 24
slots, 4 hosts), large (60, 48, 8 hosts) or any (small, with all that there
is, impossible limits among it).
"""
import csv
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc

T0 = 1714521600                  # 2024-05-01, a Wednesday, 00:00 UTC


def iso(t):
    return str(np.datetime64(int(t), "s")) + "Z"


def loads(rng, n, steps, step_s):
    """Percent: a day's wave that VMs share, so that they want the same
    hours, noise, and bursts."""
    t = np.arange(steps) * step_s / 3600
    top = rng.uniform(5, 60, (n, 1))
    phase = rng.normal(0, 1.5, (n, 1))
    day = 0.5 + 0.5 * np.sin(2 * np.pi * (t[None] - 3 + phase) / 8)
    v = top * (0.3 + day) + rng.gamma(2, 2, (n, steps))
    v += (rng.random((n, steps)) < 0.05) * rng.uniform(0, 40, (n, steps))
    return np.clip(v, 0, 100).astype(np.float32)


def make(kind, seed):
    rng = np.random.default_rng([{"moment": 1, "place": 2, "large": 3,
                                  "any": 4}[kind], seed])
    pick = lambda *a: a[rng.integers(len(a))]
    odd = kind == "any"
    n, slots, n_hosts = {"moment": (60, 48, pick(4, 8, 15)),
                         "place": (12, 24, 4), "large": (60, 48, 8),
                         "any": (int(rng.integers(1, 40)),
                                 int(rng.integers(1, 49)),
                                 int(rng.integers(1, 9)))}[kind]
    placing = kind in ("place", "large") or (odd and rng.random() < 0.5)
    fixed = not placing and rng.random() < 0.5
    width = int(rng.integers(1, 7))
    slot_s, step_s = 300, pick(300, 300, 900, 3600) if odd else 300
    length_s = width * slot_s - (pick(0, 0, 100) if odd else 0)
    span = (slots + width - 1) * slot_s
    steps = -(-span // step_s)
    hosts = [f"h{h}" for h in range(n_hosts)]
    clusters = [f"c{h % pick(1, 1, 2)}" for h in range(n_hosts)]
    at = rng.integers(0, n_hosts, n)
    mean = loads(rng, n, steps, step_s)
    q90 = np.clip(mean * rng.uniform(1, 1.6, mean.shape) + 1, 0, 100
                  ).astype(np.float32)
    if odd and rng.random() < 0.3:
        gone = rng.random(mean.shape) < 0.05
        mean[gone] = np.nan
    vcpus = rng.integers(1, 9, n)
    args, p = [], {}

    def opt(name, value, chance=1.0):
        if rng.random() < chance:
            args.append(f"--{name}")
            args.append(str(value))
            p[name] = value

    opt("length", f"{length_s}s")
    p["length"] = length_s
    opt("slot", "300s")
    p["slot"] = slot_s
    opt("risk", 0.9, 0.5)
    opt("max-load", pick(35, 50, 70), 0.4)
    room = n_hosts * slots // width
    opt("per-host", pick(1, 1, 2, 3), 0.8)
    if fixed or placing:
        opt("per-target", pick(1, 2, 3), 0.6)
    opt("per-cluster", pick(1, 2, 3, 4), 0.3 if odd else 0.2)
    opt("total", int(rng.integers(1, max(2, 2 + 2 * n * width // slots))),
        0.6)
    if len(args) and not {"per-host", "total", "per-target",
                          "per-cluster"} & set(p):
        opt("total", pick(1, 2, 3))
    if rng.random() < 0.3:
        a = int(rng.integers(0, slots)) * slot_s // 60
        b = min(a + int(rng.integers(10, 60)), 1439)
        when = f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}"
        if a // 60 < 24:
            opt("blackout", when)
            p["blackout"] = [a * 60, b * 60]
    table = {"id": [f"vm-{i:04}" for i in range(n)],
             "host": [hosts[h] for h in at],
             "cluster": [clusters[h] for h in at],
             "vcpus": vcpus.tolist()}
    if fixed:
        table["target"] = [hosts[(h + 1 + rng.integers(n_hosts - 1)) %
                                 n_hosts] if n_hosts > 1 and
                           (rng.random() < 0.95 or not odd) else
                           (None if odd else hosts[h]) for h in at]
    if placing:
        args.append("--place")
        p["place"] = True
    if (fixed or placing) and rng.random() < 0.5:
        g = rng.integers(0, max(1, n // 3), n)
        table["anti_affinity"] = [f"g{k}" if rng.random() < 0.6 else None
                                  for k in g]
    if rng.random() < 0.3:
        table["pinned"] = (rng.random(n) < 0.1).tolist()
    if rng.random() < 0.3:
        table["deadline"] = [iso(T0 + rng.integers(width, slots + width) *
                                 slot_s) if rng.random() < 0.3 else None
                             for _ in range(n)]
    drained = []
    if (placing or fixed) and odd and rng.random() < 0.3:
        drained = [hosts[h] for h in range(n_hosts)
                   if rng.random() < 0.4 and (at == h).any()]
        if drained:
            opt("drain", ",".join(drained))
            p["drain"] = drained
    limit = (fixed or placing) and rng.random() < 0.7
    worst = np.maximum(mean, q90) if p.get("risk") else mean
    known = np.where(np.isnan(worst), 0, worst)
    base = np.stack([(known[at == h] * vcpus[at == h, None]).sum(0)
                     for h in range(n_hosts)])
    share = pick(60, 80)
    # Room for what is there, and for some more.
    more = rng.uniform(0.5 if odd else 1.0, 1.5, n_hosts)
    cpus = np.maximum(1, np.ceil((base.max(1) * more + pick(30, 150)) /
                                 share)).astype(int)
    args += ["--hosts", "hosts.csv"]
    p["max-host-load"] = None
    if limit:
        opt("max-host-load", share)
    else:
        args += ["--max-host-load", "inf"]
    if (fixed or placing) and rng.random() < 0.5:
        mem = rng.choice([512, 1000, 2048, 4096], n)
        table["mem_mb"] = mem.tolist()
        taken = np.bincount(at, weights=mem, minlength=n_hosts)
        share = pick(100, 100, 80)
        # Less than there is, if odd: no VM comes before others have left.
        has = np.ceil((taken * rng.uniform(0.7 if odd else 1.0, 1.3, n_hosts)
                       + pick(0 if odd else 1000, 4000)) / share * 100)
        has = np.maximum(1, has).astype(int).tolist()
        hosts = list(zip(hosts, cpus.tolist(), clusters, has))
        p["max-host-mem"] = share
        if share != 100:
            args += ["--max-host-mem", str(share)]
        elif odd and rng.random() < 0.1:
            args += ["--max-host-mem", "inf"]
            p["max-host-mem"] = None
    else:
        hosts = list(zip(hosts, cpus.tolist(), clusters))
    p["args"] = args
    p["slots"], p["step"], p["steps"] = slots, step_s, steps
    p["seed"], p["kind"] = seed, kind
    return p, table, mean, q90, hosts


def write(folder, p, table, mean, q90, hosts):
    step, (n, steps) = p["step"], mean.shape
    cols = {k: pa.array(v) for k, v in table.items()}
    for k in ("target", "anti_affinity", "deadline"):
        if k in table:
            cols[k] = pa.array(table[k], pa.utf8())
    cols["start"] = pa.array(np.full(n, T0), pa.timestamp("s", "UTC"))
    off = np.arange(n + 1, dtype=np.int32) * steps
    for name, v in (("cpu_mean", mean), ("cpu_mean_q90", q90)):
        flat = v.reshape(-1)
        cols[name] = pa.ListArray.from_arrays(
            off, pa.array(flat, mask=np.isnan(flat)))
    b = pa.record_batch(cols)
    b = b.replace_schema_metadata({"vmf:kind": "forecast",
                                   "vmf:step": str(step)})
    with ipc.new_stream(folder + "/forecast.arrows", b.schema) as w:
        w.write_batch(b)
    with open(folder + "/hosts.csv", "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["host", "cpus", "cluster", "mem_mb"][:len(hosts[0])])
        w.writerows(hosts)
    with open(folder + "/problem.json", "w") as f:
        json.dump(p, f)


if __name__ == "__main__":
    write(sys.argv[3], *make(sys.argv[1], int(sys.argv[2])))
