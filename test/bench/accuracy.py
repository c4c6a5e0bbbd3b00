"""The accuracy table: run by test/bench/accuracy, which sets up its world."""

import argparse
import csv
import datetime as dt
import glob
import gzip
import hashlib
import importlib.util
import io
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings

import numpy as np
import pyarrow as pa

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SETS = {
    # name: trace, step in seconds, metrics, horizon, leads that are scored
    "H/short": ("bitbrains", 3600, ["cpu_mhz_mean", "cpu_mean"], 48, 48),
    "5T/short": ("bitbrains", 300, ["cpu_mhz_mean", "cpu_mean"], 48, 48),
    "5T/medium": ("bitbrains", 300, ["cpu_mhz_mean", "cpu_mean"], 480, 480),
    "5T/long": ("bitbrains", 300, ["cpu_mhz_mean", "cpu_mean"], 720, 720),
    "azure-H": ("azure", 3600, ["cpu_mean"], 48, 48),
    "azure-5T": ("azure", 300, ["cpu_mean"], 48, 48),
    "azure-max-H": ("azure-max", 3600, ["cpu_mean"], 48, 48),
    "azure-max-5T": ("azure-max", 300, ["cpu_mean"], 48, 48),
    "nab-5T": ("nab", 300, ["value_mean"], 48, 48),
    "planetlab": ("planetlab", 300, ["cpu_mean"], 12, 12),
    # What users have besides, and nothing was chosen by.
    "H/mem": ("bitbrains-io", 3600, ["mem_mean"], 48, 48),
    "H/net": ("bitbrains-io", 3600, ["net_tx_mean"], 48, 48),
    "H/disk": ("bitbrains-io", 3600, ["disk_write_mean"], 48, 48),
    "alibaba-cpu": ("alibaba", 300, ["cpu_mean"], 48, 48),
    "alibaba-mem": ("alibaba", 300, ["mem_mean"], 48, 48),
    "centres-5T": ("centres", 300, ["cpu_mean"], 48, 48),
    # The same windows again, all models beside AutoARIMA at horizon 24.
    "H/24": ("bitbrains", 3600, ["cpu_mhz_mean", "cpu_mean"], 48, 24),
}
FOLDERS = {"bitbrains": "bitbrains_rnd", "azure": "azure_v1",
           "azure-max": "azure_v1", "nab": "nab_aws", "planetlab": "planetlab",
           "bitbrains-io": "bitbrains_rnd", "alibaba": "alibaba2018",
           "centres": "dc_aggregates"}
# How many windows a trace has; others have the tenth that GIFT-Eval takes.
ORIGINS = {"planetlab": 4}
# After how many seconds it repeats.  A day has no second one: no season.
SEASON_S = {"planetlab": 300}
# Where the share of the truth in the 80 % intervals has an interval of its
# own, by a bootstrap over VMs.
BY_VM = {"nab", "planetlab"}
# statsforecast's; the first five are set beside vmf's of the name before them,
# and all beside auto.
PEERS = {"snaive": "SeasonalNaive", "naive": "Naive", "arima": "AutoARIMA",
         "theta": "DynamicOptimizedTheta", "ets": "AutoETS",
         "autotheta": "AutoTheta", "ces": "AutoCES", "mstl": "MSTL"}
# statsforecast fits these without a season where it is longer than this:
# AutoETS by itself, AutoARIMA and AutoCES because they would not end.
SEASON_MAX = {"arima": 24, "ets": 24, "ces": 24}
COLUMNS = ["mase", "crps", "nd", "coverage80", "crps_rel"]


def judge_module():
    path = os.path.join(ROOT, "test", "judges", "eval.py")
    spec = importlib.util.spec_from_file_location("judge", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


JUDGE = judge_module()


def sh(command, **names):
    env = dict(os.environ, **{k: str(v) for k, v in names.items()})
    r = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       check=False)
    if r.returncode:
        sys.exit(f"accuracy: {command}\n{r.stderr.decode()}")
    return r.stdout


# ---- series ----

def nab_csv(folder, path):
    """Each of the 17 on its own time: shifted so that all end together."""
    day = 86400
    with open(path, "w", newline="", encoding="ascii") as f:
        out = csv.writer(f)
        out.writerow(["vm", "time", "value"])
        for name in sorted(glob.glob(folder + "/data/*/*.csv")):
            with open(name, newline="", encoding="ascii") as g:
                rows = [(int(dt.datetime.fromisoformat(
                    r["timestamp"] + "+00:00").timestamp()), r["value"])
                    for r in csv.DictReader(g)]
            shift = 1400000000 // day * day - rows[-1][0] // 300 * 300
            vm = os.path.basename(name)[:-4]
            out.writerows((vm, t + shift, v) for t, v in rows)


def planetlab_csv(folder, path):
    """VMs of five days, each a series of its own, as if of one day."""
    with open(path, "w", newline="", encoding="ascii") as f:
        out = csv.writer(f)
        out.writerow(["vm", "time", "cpu"])
        for name in sorted(glob.glob(folder + "/*.tar.gz")):
            with tarfile.open(name) as days:
                for m in sorted(days.getmembers(), key=lambda m: m.name):
                    if not m.isfile():
                        continue
                    text = days.extractfile(m).read().decode("ascii")
                    out.writerows((m.name, 1400000000 // 86400 * 86400 +
                                   300 * i, v)
                                  for i, v in enumerate(text.split()))


def centres_csv(folder, path):
    """Three whole data centres, each shifted so that all end together."""
    end = 1400000000 // 86400 * 86400
    with open(path, "w", newline="", encoding="ascii") as f:
        out = csv.writer(f)
        out.writerow(["vm", "time", "cpu"])
        for name in sorted(glob.glob(folder + "/*.csv.gz")):
            with gzip.open(name, "rt", newline="", encoding="ascii") as g:
                rows = list(csv.DictReader(g))
            cpu = next(c for c in rows[0] if "cpu" in c)
            out.writerows((os.path.basename(name)[:-7], end - 300 *
                           (len(rows) - i), r[cpu])
                          for i, r in enumerate(rows))


def make_series(trace, data, tmp):
    """tmp/TRACE-300.arrows and tmp/TRACE-3600.arrows."""
    fine, coarse = f"{tmp}/{trace}-300.arrows", f"{tmp}/{trace}-3600.arrows"
    if os.path.exists(coarse):
        return
    tail = "vmf-dedup -q | vmf-aggregate -q -s 5m --stat mean,count -o $FINE"
    if trace in ("bitbrains", "bitbrains-io"):
        sh("mkdir -p $TMP/bb && tar -xzf $DATA/rnd-2013-8.tar.gz -C $TMP/bb && "
           "vmf-ingest -q --map bitbrains $TMP/bb/2013-8/*.csv | vmf-dedup -q "
           "| vmf-aggregate -q -s 5m --metric $METRIC --stat mean,count "
           "-o $FINE && rm -r $TMP/bb",
           METRIC="cpu,cpu_mhz" if trace == "bitbrains" else
           "mem,net_tx,disk_write", TMP=tmp, DATA=f"{data}/bitbrains_rnd", FINE=fine)
    elif trace in ("azure", "azure-max"):
        sh("vmf-ingest -q --map wide --metric cpu $FROM | " + tail,
           FROM=f"{data}/azure_v1/microsoft_"
           f"{'avg' if trace == 'azure' else 'max'}_100.csv.gz", FINE=fine)
    elif trace == "alibaba":
        sh("vmf-ingest -q --map alibaba2018 $DATA/machine_usage.csv.gz | " +
           tail, DATA=f"{data}/alibaba2018", FINE=fine)
    else:
        make = {"nab": nab_csv, "planetlab": planetlab_csv,
                "centres": centres_csv}[trace]
        make(f"{data}/{FOLDERS[trace]}", f"{tmp}/rows.csv")
        sh("vmf-ingest -q $TMP/rows.csv | " + tail, TMP=tmp, FINE=fine)
    sh("vmf-aggregate -q -s 1h -o $COARSE $FINE", FINE=fine, COARSE=coarse)


def read(path):
    with pa.ipc.open_stream(path) as r:
        return r.read_all()


def subset(path, ids, to):
    table = read(path)
    keep = table.filter(pa.compute.is_in(table["id"].cast(pa.string()),
                                         pa.array(sorted(ids))))
    with pa.ipc.new_stream(to, table.schema) as w:
        w.write_table(keep)


# ---- vmf ----

def vmf_models():
    r = subprocess.run(["vmf-eval", "--model", "?", os.devnull],
                       capture_output=True, text=True, check=False)
    known = r.stderr.split("expected one of: ")[1].split(";")[0].split(", ")
    return [m for m in ["snaive", "arima", "theta", "ets", "auto"]
            if m in known] + \
        [m for m in known if m not in
         ("snaive", "snaive_point", "naive", "arima", "theta", "ets", "auto")]


def season_s(trace):
    return SEASON_S.get(trace, 86400)


def vmf_eval(path, trace, metrics, horizon, models, more=""):
    windows = f"--origins {ORIGINS[trace]}" if trace in ORIGINS else \
        "--protocol gift"
    text = sh(f"vmf-eval -q {windows} --season {season_s(trace)}s {more} "
              "--horizon $H --metric $METRIC --model $MODEL --memory $MEMORY "
              "$FILE | vmf-cat --csv", H=horizon, METRIC=",".join(metrics),
              MODEL=",".join(models), FILE=path)
    return list(csv.DictReader(io.StringIO(text.decode())))


def vmf_scores(path, trace, metrics, horizon, models):
    """Scores of all VMs by model, and where the trace is of BY_VM the 95 %
    interval of coverage80."""
    rows = {r["model"]: r for r in vmf_eval(path, trace, metrics, horizon,
                                            models)}
    if trace in BY_VM:
        own = {}
        for r in vmf_eval(path, trace, metrics, horizon, models, "--by-vm"):
            n = int(r["n_points"] or 0)
            if n and r["coverage80"]:
                own.setdefault(r["model"], []).append(
                    (n, n * float(r["coverage80"])))
        for model, vms in own.items():
            rows[model]["coverage80_interval"] = bootstrap(vms)
    return rows


def bootstrap(vms):
    """95 % interval of sum(b) / sum(a) over VMs (a, b), drawn anew 2,000
    times."""
    vms, rng = np.array(vms), np.random.default_rng(1)
    sums = np.array([vms[rng.integers(0, len(vms), len(vms))].sum(axis=0)
                     for _ in range(2000)])
    return np.quantile(sums[:, 1] / sums[:, 0], [0.025, 0.975])


# ---- statsforecast ----

def model_of(name, season):
    from statsforecast import models as sf
    s = season if season <= SEASON_MAX.get(name, season) else 1
    label = PEERS[name] + (" (season 1)" if s != season else "")
    if name == "naive":
        return sf.Naive(), label
    return getattr(sf, PEERS[name])(season_length=s), label


def peer_forecast(model, y, h):
    """Mean and nine quantiles; y has no missing value."""
    r = model.forecast(y=y, h=h, level=[20, 40, 60, 80])
    q = [r[f"lo-{c}"] for c in (80, 60, 40, 20)] + [r["mean"]] + \
        [r[f"hi-{c}"] for c in (20, 40, 60, 80)]
    return np.asarray(r["mean"], float), np.array(q, float)


def filled(y):
    """The known past, gaps filled with the value before: statsforecast takes
    no missing values."""
    known = np.flatnonzero(~np.isnan(y))
    if len(known) == 0:
        return y[:0]
    y = y[known[0]:known[-1] + 1].copy()
    at = np.where(np.isnan(y), 0, np.arange(len(y)))
    return y[np.maximum.accumulate(at)]


def versions():
    """Of everything that a peer's forecast depends on."""
    from importlib.metadata import version
    return ", ".join(f"{p} {version(p)}" for p in
                     ("statsforecast", "numpy", "pandas", "scipy")) \
        + f", Python {platform.python_version()}"


class Store:
    """Peers' forecasts on disk, with their CPU seconds: they take hours, and
    are the same until the library or the series change.  A run that is
    interrupted goes on where it was."""

    KEY = ["versions", "model", "trace", "step", "vm", "metric", "origin",
           "horizon", "past"]

    def __init__(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.db = sqlite3.connect(path, timeout=600)
        self.db.execute(
            f"create table if not exists forecast ({', '.join(self.KEY)}, "
            "cpu_s real, mean blob, quantiles blob, "
            f"primary key ({', '.join(self.KEY)})) without rowid")

    def get(self, key):
        """CPU seconds, mean and quantiles (None: it failed), or None."""
        row = self.db.execute(
            "select cpu_s, mean, quantiles from forecast where " +
            " and ".join(k + " = ?" for k in self.KEY), key).fetchone()
        if row is None:
            return None
        if row[1] is None:
            return row[0], None, None
        mean = np.frombuffer(row[1])
        return row[0], mean, np.frombuffer(row[2]).reshape(9, len(mean))

    def put(self, key, cpu_s, mean, q):
        blobs = [None if x is None else np.ascontiguousarray(x).tobytes()
                 for x in (mean, q)]
        with self.db:
            self.db.execute("insert or replace into forecast values (" +
                            ", ".join("?" * (len(self.KEY) + 3)) + ")",
                            (*key, cpu_s, *blobs))


class Peer:
    """One of statsforecast's models on VMs in turn, until the time is up."""

    def __init__(self, name, series, trace, metrics, origins, horizon, store):
        self.name, self.series, self.metrics = name, series, metrics
        self.origins, self.horizon, self.store = origins, horizon, store
        self.season = season_s(trace) // series.step
        self.own, self.ids = {}, []
        self.cpu_s, self.n, self.failed = 0.0, 0, 0
        self.label = model_of(name, self.season)[1]
        self.warm = False
        self.where = (versions(), self.label, trace, series.step)

    def run(self, ids, limit_s):
        """VMs whose forecasts are known, and others while limit_s of CPU
        last."""
        spent = 0.0
        for vm in ids:
            todo = list(self.problems(vm))
            got = [self.store.get(key) for _, key, _, _ in todo]
            if spent >= limit_s and None in got:
                continue
            for (at, key, y, gap), known in zip(todo, got):
                if known is None:
                    known = self.fit(y, gap)
                    self.store.put(key, *known)
                    spent += known[0]
                self.cpu_s += known[0]
                self.n += 1
                if known[1] is None:
                    self.failed += 1
                else:
                    self.own[at] = ("peer", known[1], known[2])
            self.ids.append(vm)

    def problems(self, vm):
        for metric in self.metrics:
            start, values = self.series.rows[vm, metric]
            for at in self.origins:
                end = (at - start) // self.series.step
                past = values[:max(0, end)]
                y = filled(past)
                if len(y) == 0:
                    continue
                # The last value is `gap` steps old.
                gap = end - (np.flatnonzero(~np.isnan(past))[-1] + 1)
                key = (*self.where, vm, metric, at, self.horizon,
                       hashlib.sha256(y.tobytes() +
                                      int(gap).to_bytes(8)).hexdigest())
                yield (vm, metric, at), key, y, int(gap)

    def fit(self, y, gap):
        """CPU seconds, mean and quantiles; what the first call loads is not
        counted."""
        if not self.warm:
            self.warm = True
            n = 4 * max(24, self.season)
            self.fit(100 + np.sin(np.arange(1.0 * n)) +
                     np.random.default_rng(1).random(n), 0)
        mean = q = None
        before = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                mean, q = peer_forecast(model_of(self.name, self.season)[0],
                                        y, self.horizon + gap)
                mean, q = mean[gap:], q[:, gap:]
        except Exception:  # whatever it fails by, it has no forecast
            pass
        return time.process_time() - before, mean, q


def reference(path, trace, metrics, origins, horizon, model, tmp):
    """One of vmf's models at each origin, as the judge reads it."""
    paths = []
    for k, at in enumerate(origins):
        when = dt.datetime.fromtimestamp(at, dt.timezone.utc)
        paths.append(f"{tmp}/ref-{k}.arrows")
        sh(f"vmf-train -q --model $MODEL --season {season_s(trace)}s "
           "--at $AT --metric $METRIC $FILE | "
           "vmf-predict -q --from - --at $AT --horizon $H -o $TO $FILE",
           AT=when.strftime("%Y-%m-%dT%H:%M:%SZ"), METRIC=",".join(metrics),
           FILE=path, H=horizon, TO=paths[-1], MODEL=model)
    return JUDGE.forecasts(paths, metrics)


# ---- the table ----

def text(v, digits=4):
    v = float(v) if v not in (None, "") else float("nan")
    return "" if np.isnan(v) else f"{v:.{digits}f}" if v < 1e6 else f"{v:.0e}"


def line(name, by, model, vms, r, cpu_ms):
    regret = text(r["regret"], 3)
    if regret and r.get("regret_lo"):
        regret += f" [{text(r['regret_lo'], 2)}, {text(r['regret_hi'], 2)}]"
    scores = {c: text(r[c]) for c in COLUMNS}
    if r.get("coverage80_interval") is not None:
        lo, hi = r["coverage80_interval"]
        scores["coverage80"] += f" [{text(lo, 3)}, {text(hi, 3)}]"
    cells = [name, by, model, str(vms), *scores.values(), regret,
             "" if cpu_ms is None else f"{cpu_ms:.3g}"]
    print("| " + " | ".join(cells) + " |", flush=True)


def vmf_lines(name, path, trace, metrics, horizon, models, show, note):
    vms = read(path).num_rows
    for model, r in vmf_scores(path, trace, metrics, horizon,
                               models).items():
        if show is None or model in show:
            n = max(1, int(r["n_windows"]))
            line(name, "vmf" + note, model, vms, r,
                 1000 * float(r["cpu_s"]) / n if r["cpu_s"] else None)


def origins_of(path, trace, horizon):
    with pa.ipc.open_stream(path) as r:
        meta = {k.decode(): v.decode() for k, v in r.schema.metadata.items()}
    step = int(meta["vmf:step"])
    start, end = (int(dt.datetime.fromisoformat(
        meta[k].replace("Z", "+00:00")).timestamp())
        for k in ("vmf:start", "vmf:end"))
    n = ORIGINS.get(trace) or min(
        20, -(-((end - start) // step) // (10 * horizon)))
    return [end - w * horizon * step for w in range(n, 0, -1)]


def sampled(path, trace, first, seed):
    """VMs with two seasons before the first origin, in an order of the
    seed."""
    first = dt.datetime.fromtimestamp(first, dt.timezone.utc)
    table = read(path)
    ids = [r["id"] for r in table.select(["id", "start"]).to_pylist()
           if r["start"] is not None and (first - r["start"]).total_seconds()
           >= 2 * season_s(trace)]
    random.Random(seed).shuffle(ids)
    return ids


def peers_of(path, trace, metrics, horizon, o, tmp):
    """Each peer with its forecasts of as many of the sampled VMs as there is
    time for."""
    origins = origins_of(path, trace, horizon)
    ids = sampled(path, trace, origins[0], o.seed)
    series = JUDGE.Series(path, metrics, season_s(trace))
    store = Store(o.store)
    for name in o.peer.split(","):
        if name == "mstl" and season_s(trace) == series.step:
            continue
        picked = ids[:o.arima_vms if name == "arima" else o.peer_vms]
        peer = Peer(name, series, trace, metrics, origins, horizon, store)
        peer.run(picked, o.limit)
        yield peer


def peer_lines(name, path, trace, metrics, horizon, models, o, tmp):
    """Each peer's scores, and on the same VMs those of vmf's model of that
    name and of auto, which knows no other VMs here."""
    origins, last = origins_of(path, trace, horizon), None
    for peer in peers_of(path, trace, metrics, horizon, o, tmp):
        if not peer.ids:
            continue
        sample = f"{tmp}/sample.arrows"
        subset(path, peer.ids, sample)
        ref = reference(sample, trace, metrics, origins, horizon, "snaive",
                        tmp)
        own = {k: v for k, v in peer.own.items() if k in ref}
        got = JUDGE.judge(JUDGE.Series(sample, metrics, season_s(trace)),
                          metrics, own, ref)
        r = got.get("peer", {c: None for c in COLUMNS + ["regret"]})
        if "interval" in r:
            r["regret_lo"], r["regret_hi"] = r["interval"]
        failed = f", {peer.failed} failed" if peer.failed else ""
        line(name, "statsforecast", peer.label + failed, len(peer.ids), r,
             1000 * peer.cpu_s / max(1, peer.n))
        beside = [peer.name] if peer.name in models + ["naive"] else []
        if "auto" in models and peer.ids != last:
            beside.append("auto")
        last = peer.ids
        if beside:
            vmf_lines(name, sample, trace, metrics, horizon, beside, beside,
                      ", same VMs")


# ---- the first leads, series by series ----

def by_series(series, own, leads):
    """MASE of each series and origin over its first leads."""
    out = {}
    for (vm, metric, at), (_, _, q) in own.items():
        scale = series.scale((vm, metric), at)
        y = np.array([series.value((vm, metric), at + t * series.step)
                      for t in range(leads)])
        e = np.abs(y - q[4, :leads])
        e = e[~np.isnan(e)]
        if len(e) and scale > 0:
            out[vm, metric, at] = e.mean() / scale
    return out


def lead_table(path, trace, metrics, horizon, leads, models, o, tmp):
    """All models beside AutoARIMA on its VMs and origins: mean and median
    over series and origins of each one's MASE, what they are above
    AutoARIMA's with the intervals of a bootstrap over VMs, and CPU."""
    peers = {p.name: p for p in peers_of(path, trace, metrics, horizon, o,
                                         tmp)}
    arima = peers.get("arima")
    if arima is None or not arima.ids:
        return
    sample, origins = f"{tmp}/sample.arrows", origins_of(path, trace, horizon)
    subset(path, arima.ids, sample)
    series = JUDGE.Series(sample, metrics, season_s(trace))
    found = {("statsforecast", p.label): by_series(series, {
        k: v for k, v in p.own.items() if k[0] in set(arima.ids)}, leads)
        for p in peers.values()}
    cpu_ms = {("statsforecast", p.label): 1000 * p.cpu_s / max(1, p.n)
              for p in peers.values()}
    scored = vmf_scores(sample, trace, metrics, horizon, models)
    for m in models:
        found["vmf", m] = by_series(series, reference(
            sample, trace, metrics, origins, leads, m, tmp), leads)
        cpu_ms["vmf", m] = 1000 * float(scored[m]["cpu_s"] or "nan") / \
            max(1, int(scored[m]["n_windows"]))
    keys = sorted(set.intersection(*(set(v) for v in found.values())))
    vms = sorted({k[0] for k in keys})
    rows = {vm: [i for i, k in enumerate(keys) if k[0] == vm] for vm in vms}
    base = ("statsforecast", arima.label)
    theirs = np.array([found[base][k] for k in keys])
    print(f"\nThe first {leads} leads of {', '.join(metrics)}: {len(vms)} VMs, "
          f"{len(origins)} origins, {len(keys)} windows that all have a "
          f"forecast and a scale of (+: above {arima.label}'s, with 95 % "
          "intervals).\n")
    print("| by | model | mean MASE | | median MASE | | CPU ms | "
          f"{arima.label}'s / it |")
    print("|---|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(1)
    draws = [np.concatenate([rows[vms[i]] for i in rng.integers(
        0, len(vms), len(vms))]).astype(int) for _ in range(2000)]
    for (by, model), v in found.items():
        v = np.array([v[k] for k in keys])
        cells = [by, model]
        for of in (np.mean, np.median):
            lo, hi = np.quantile([of(v[d]) - of(theirs[d]) for d in draws],
                                 [0.025, 0.975])
            cells += [f"{of(v):.4f}", f"{of(v) - of(theirs):+.3f} "
                      f"[{lo:+.2f}, {hi:+.2f}]"]
        ms = cpu_ms[by, model]
        cells += [f"{ms:.3g}", f"{cpu_ms[base] / ms:,.0f}" if ms > 0 else ""]
        print("| " + " | ".join(cells) + " |")
    print(flush=True)


def head(o, models):
    def first(command):
        r = subprocess.run(command, shell=True, capture_output=True,
                           text=True, check=False)
        return r.stdout.split("\n")[0].strip()
    cpu = first("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo") or \
        platform.processor()
    print(f"Machine: {cpu}, {os.cpu_count()} cores, "
          f"{first('uname -sr')}, {platform.machine()}.")
    print(f"{first('vmf-eval -V')}, commit "
          f"{first('git rev-parse --short=12 HEAD')}"
          f"{first('git status --porcelain -uno') and ' and changes'}; models "
          f"{', '.join(models)}.")
    if o.peers != "none":
        print(f"Peers: {versions()}, one process; seed {o.seed}, up to "
              f"{o.peer_vms} VMs (AutoARIMA {o.arima_vms}); missing values "
              "filled with the one before.")
    print("CPU ms: of one forecast of one series, learning included (vmf "
          "works on several series at once: few of them cost more each).\n")
    names = ["setting", "by", "model", "VMs", "MASE", "CRPS", "ND",
             "coverage80", "CRPS / snaive", "regret / snaive", "CPU ms"]
    print("| " + " | ".join(names) + " |")
    print("|" + "---|" * len(names), flush=True)


def main():
    p = argparse.ArgumentParser(prog="accuracy", description="The accuracy "
                                "table of vmf, beside statsforecast's.")
    p.add_argument("--set", default=",".join(SETS),
                   help="of " + ", ".join(SETS) + " [all]")
    p.add_argument("--metric", help="of the set's metrics, these [all]")
    p.add_argument("--model", help="vmf's models [all that are known]")
    p.add_argument("--memory", default="256M", help="for vmf's models that "
                   "learn from the whole fleet [256M]")
    p.add_argument("--data", default=os.environ.get(
        "VMF_DATA", os.path.join(ROOT, "..", "shared", "data")),
        help="folder of the traces [$VMF_DATA]")
    p.add_argument("--peers", choices=["sample", "none", "only"],
                   default="sample", help="only: make what the store lacks "
                   "of the peers' forecasts, and no table")
    p.add_argument("--peer", default=",".join(PEERS),
                   help="peers, by vmf's names: " + ", ".join(PEERS) +
                   " [all]")
    p.add_argument("--peer-vms", type=int, default=60,
                   help="VMs for each peer, at most [60]")
    p.add_argument("--arima-vms", type=int, default=60,
                   help="VMs for AutoARIMA, at half a minute each [60]")
    p.add_argument("--limit", type=float, default=60,
                   help="CPU seconds for each peer and setting, but for "
                   "forecasts that the store has [60]; the VM in hand is "
                   "finished")
    p.add_argument("--store", default=os.path.join(
        ROOT, "build", "accuracy", "peers.sqlite"),
        help="the peers' forecasts [build/accuracy/peers.sqlite]")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--sample-only", action="store_true",
                   help="leave out vmf on all VMs")
    o = p.parse_args()
    os.environ["MEMORY"] = o.memory
    chosen = o.set.split(",")
    for name in chosen:
        if name not in SETS:
            p.error(f"--set: '{name}' is not known, expected "
                    f"{', '.join(SETS)}")
    for name in o.peer.split(","):
        if name not in PEERS:
            p.error(f"--peer: '{name}' is not known, expected "
                    f"{', '.join(PEERS)}")
    models = o.model.split(",") if o.model else vmf_models()
    if o.peers != "only":
        head(o, models)
    with tempfile.TemporaryDirectory() as tmp:
        for name in chosen:
            one_set(name, models, o, tmp)


def one_set(name, models, o, tmp):
    trace, step, metrics, horizon, leads = SETS[name]
    if o.metric:
        metrics = [m for m in metrics if m in o.metric.split(",")]
        name += " " + ",".join(metrics)
    folder = FOLDERS[trace]
    if not os.path.isdir(os.path.join(o.data, folder)):
        print(f"accuracy: no {folder} in {o.data}: {name} is left out",
              file=sys.stderr)
        return
    if not metrics:
        return
    make_series(trace, o.data, tmp)
    path = f"{tmp}/{trace}-{step}.arrows"
    if o.peers == "only":
        for peer in peers_of(path, trace, metrics, horizon, o, tmp):
            print(f"{name} {','.join(metrics)} {peer.label}: "
                  f"{len(peer.ids)} VMs, {peer.n} forecasts, "
                  f"{peer.cpu_s:.0f} CPU s", flush=True)
        return
    if leads < horizon:
        lead_table(path, trace, metrics, horizon, leads, models, o, tmp)
        return
    if not o.sample_only:
        vmf_lines(name, path, trace, metrics, horizon, models, None, "")
    if o.peers != "none":
        peer_lines(name, path, trace, metrics, horizon, models, o, tmp)


if __name__ == "__main__":
    main()
