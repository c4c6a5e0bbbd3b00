# The scores of vmf-eval, worked out by other means: plain loops over pyarrow
# lists and numpy, from the definitions in vmf-eval(1).
#
#   eval.py SCORES SERIES METRIC[,METRIC...] FORECAST... -- REFERENCE...
#
# SCORES is vmf-eval's output as CSV; the row of each model of FORECAST... (one
# stream an origin) must say what they score on SERIES, beside the references
# (snaive's forecasts of the same origins).  Prints what differs and exits 1.
import csv
import math
import sys

import numpy as np
import pyarrow as pa

LEVELS = [k / 10 for k in range(1, 10)]
DAY, WINDOW = 86400, 1800


def load(path):
    with pa.ipc.open_stream(path) as r:
        meta = {k.decode(): v.decode()
                for k, v in (r.schema.metadata or {}).items()}
        return r.read_all(), meta


def array(values):
    return np.array([np.nan if v is None else v for v in values or []],
                    dtype=np.float64)


def seconds(t):
    return None if t is None else int(t.timestamp())


class Series:
    def __init__(self, path, metrics, season_s=DAY):
        table, meta = load(path)
        self.step = int(meta["vmf:step"])
        self.season = max(1, season_s // self.step)
        self.rows = {}
        for row in table.to_pylist():
            start = seconds(row["start"])
            for m in metrics:
                self.rows[row["id"], m] = (start, array(row[m]))

    def value(self, key, t):
        start, y = self.rows[key]
        k = None if start is None else (t - start) // self.step
        return y[k] if k is not None and 0 <= k < len(y) else np.nan

    # The known past of a moment, and MASE's scale.
    def scale(self, key, at):
        start, y = self.rows[key]
        if start is None:
            return np.nan
        y = y[:max(0, (at - start) // self.step)]
        s = self.season
        d = np.abs(y[s:] - y[:-s]) if len(y) > s else np.array([])
        d = d[~np.isnan(d)]
        return d.mean() if len(d) else np.nan


def forecasts(paths, metrics):
    found = {}
    for path in paths:
        table, _ = load(path)
        for row in table.to_pylist():
            at = seconds(row["start"])
            for m in metrics:
                mean = array(row[m])
                names = [f"{m}_q{round(100 * p):02d}" for p in LEVELS]
                q = np.array([array(row[n]) for n in names]) \
                    if names[0] in row else np.array([mean] * 9)
                found[row["id"], m, at] = (row.get("model") or "forecast",
                                           mean, q)
    return found


def pinball(y, q):
    return sum(2 * max(p * (y - v), (p - 1) * (y - v))
               for p, v in zip(LEVELS, q)) / 9


def coverage(y, q):
    a, b = sum(v < y for v in q), sum(v <= y for v in q)
    lo, hi = a / 10, (b + 1) / 10
    return max(0, min(hi, 0.9) - max(lo, 0.1)) / (hi - lo)


def regret(y, mean, width):
    best = chosen = None
    for t in range(len(y) - width + 1):
        if np.isnan(y[t:t + width]).any():
            continue
        true = y[t:t + width].mean()
        if best is None or true < best:
            best = true
        x = mean[t:t + width].sum()
        if not np.isnan(x) and (chosen is None or x < chosen[0]):
            chosen = (x, true)
    return None if chosen is None else chosen[1] - best


def divide(a, b):
    return a / b if b > 0 else math.nan


def judge(series, metrics, own, ref):
    width = max(1, -(-WINDOW // series.step))
    sums = {}
    for key in sorted(own):
        vm, metric, at = key
        if (vm, metric) not in series.rows:
            continue
        model, mean, q = own[key]
        s = sums.setdefault(model, {
            "points": [], "pairs": {}, "regret": {}, "missed": 0})
        actual = np.array([series.value((vm, metric), at + t * series.step)
                           for t in range(len(mean))])
        scale = series.scale((vm, metric), at)
        _, rmean, rq = ref.get(key, (None, None, None))
        for t, y in enumerate(actual):
            if np.isnan(y):
                continue
            if np.isnan(q[:, t]).any():
                s["missed"] += 1
                continue
            loss = pinball(y, q[:, t])
            s["points"].append((abs(y), abs(y - q[4, t]), loss,
                                coverage(y, q[:, t]),
                                divide(abs(y - q[4, t]), scale)))
            if rq is not None and not np.isnan(rq[:, t]).any():
                s["pairs"].setdefault((vm, metric), []).append(
                    (loss, pinball(y, rq[:, t]), abs(y)))
        if rmean is not None:
            a, b = regret(actual, mean, width), regret(actual, rmean, width)
            if a is not None and b is not None:
                s["regret"].setdefault(vm, []).append((a, b))
    return {m: scores(s) for m, s in sums.items()}


def scores(s):
    p = np.array(s["points"]).reshape(-1, 5)
    ratio = p[:, 4][np.isfinite(p[:, 4])]
    pairs = {k: np.array(v).sum(axis=0) for k, v in s["pairs"].items()}
    rel = [v[0] / v[1] for v in pairs.values() if v[1] > 0]
    all_pairs = sum(pairs.values()) if pairs else np.zeros(3)
    regrets = np.array([np.sum(v, axis=0) for v in s["regret"].values()])
    regrets = regrets.reshape(-1, 2)
    n = sum(len(v) for v in s["regret"].values())
    out = {
        "n_points": len(p), "n_missed": s["missed"],
        "mase": ratio.mean() if len(ratio) else math.nan,
        "crps": divide(p[:, 2].sum(), p[:, 0].sum()),
        "nd": divide(p[:, 1].sum(), p[:, 0].sum()),
        "mae": divide(p[:, 1].sum(), len(p)),
        "coverage80": divide(p[:, 3].sum(), len(p)),
        "crps_snaive": divide(all_pairs[1], all_pairs[2]),
        "crps_rel": np.mean(rel) if rel else math.nan,
        "regret": divide(regrets[:, 0].sum(), regrets[:, 1].sum()),
        "regret_mean": divide(regrets[:, 0].sum(), n),
    }
    if len(regrets) >= 20:
        rng = np.random.default_rng(1)
        b = [regrets[rng.integers(0, len(regrets), len(regrets))].sum(axis=0)
             for _ in range(2000)]
        b = [x[0] / x[1] for x in b if x[1] > 0]
        out["interval"] = np.quantile(b, [0.025, 0.975])
    return out


def differs(got, want):
    if math.isnan(want):
        return not math.isnan(got)
    return not math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-9)


def main(argv):
    table, path, metrics, *rest = argv
    metrics = metrics.split(",")
    own, ref = rest[:rest.index("--")], rest[rest.index("--") + 1:]
    series = Series(path, metrics)
    want = judge(series, metrics, forecasts(own, metrics),
                 forecasts(ref, metrics))
    with open(table, newline="") as f:
        rows = {r["model"]: r for r in csv.DictReader(f)
                if r["beside"] == "false"}
    bad = checked = 0
    for model, w in want.items():
        for name, value in w.items():
            if name == "interval":
                lo, hi = float(rows[model]["regret_lo"]), \
                    float(rows[model]["regret_hi"])
                span = max(value[1] - value[0], 1e-9)
                wrong = abs(lo - value[0]) > 0.2 * span or \
                    abs(hi - value[1]) > 0.2 * span
                got, value = (lo, hi), tuple(value)
            else:
                got = float(rows[model][name] or "nan")
                wrong = differs(got, value)
            checked += 1
            if wrong:
                print(f"{model}: {name} is {got}, expected {value}")
                bad += 1
    print(f"{checked} scores checked, {bad} differ")
    return bad > 0 or checked == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
