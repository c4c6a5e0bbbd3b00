# SPDX-License-Identifier: MIT
"""vmf's arima on three textbook series, against what statsforecast and
statsmodels make of them.

    python3 test/reference/textbook.py          check vmf, by textbook.json
    python3 test/reference/textbook.py --make   make textbook.json anew

The series are R's AirPassengers (Box and Jenkins), lynx (Brockwell and Davis,
1991) and wineind (Hyndman's forecast package), as the pmdarima package hands
them out.  Needs vmf-train and vmf-predict in PATH; to check, numpy and
pyarrow; to make, requirements.txt beside this file.

textbook.json has, of each series and of the orders and differences that vmf
chose when it was made,
- "best": the least AICc that statsforecast's AutoARIMA or statsmodels over all
  p, q <= 3 and P, Q <= 1 finds with these differences, and whose it is;
- "same": the AICc of statsmodels' own estimates at these orders;
- "forecast": statsmodels' forecasts from them, of two seasons (lynx: ten
  steps).

Checked is a line each, exit code 1 when one fails:
- the AICc at vmf's estimates, by the exact likelihood of the differenced
  series (here: from its covariance matrix, the variance profiled out), is at
  most 2 above the best;
- vmf's forecasts are within 5 % of statsmodels' at every step.  Both are
  counts that never were negative; a forecast below 0 is taken for 0.  They are
  those of the model itself: quantiles are it and the spread of its errors
  times their quantiles, which the params have, so that two say what it is.
"""
import json
import os
import subprocess
import sys
import tempfile
import warnings

# Small matrices: more threads only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc

HERE = os.path.dirname(os.path.abspath(__file__))
STORE = os.path.join(HERE, "textbook.json")
SERIES = {"airpassengers": (12, 24), "lynx": (1, 10), "wineind": (12, 24)}
SCALE, ARIMA, BANDS = 2, 17, 85     # of the params, see vmf-model(5)
LEVELS = 17
AT = {0.8: 11, 0.95: 13}            # of these


def vmf(y, season, horizon):
    """vmf's orders, mean, parameters and forecast."""
    with tempfile.TemporaryDirectory() as tmp:
        schema = pa.schema([("id", pa.string()),
                            ("start", pa.timestamp("s", "UTC")),
                            ("y", pa.list_(pa.float64()))])
        path = os.path.join(tmp, "s")
        with ipc.new_stream(path, schema) as w:
            w.write_table(pa.table({
                "id": ["a"], "start": pa.array([0], pa.timestamp("s", "UTC")),
                "y": [list(y)]}, schema=schema))
        end = ["--step", "1h", "--at",
               np.datetime_as_string(np.datetime64(len(y) * 3600, "s")) + "Z"]
        subprocess.run(["vmf-train", "-q", "--model", "arima", "--metric", "y",
                        "--season", f"{season}h", *end, "-o", tmp + "/m",
                        path], check=True)
        subprocess.run(["vmf-predict", "-q", "--from", tmp + "/m", *end,
                        "--horizon", str(horizon), "--quantiles",
                        ",".join(map(str, AT)), "-o", tmp + "/f", path],
                       check=True)
        p = ipc.open_stream(tmp + "/m").read_all()["params"][0].as_py()
        f = ipc.open_stream(tmp + "/f").read_all()
        q = [f[f"y_q{100 * level:.0f}"][0].as_py() for level in AT]
    f = point(p, np.array(q), season)
    p = p[ARIMA:ARIMA + 16]
    return [int(x) for x in p[:6]], p[6], p[7:15], f


def point(p, q, season):
    """What the quantiles q lie around."""
    assert p[SCALE] == 0
    n = max(2 * season, 12)
    ends = np.array([1, max(n // 12, 2), n // 4, n // 2])
    band = np.searchsorted(ends, np.arange(q.shape[1]), side="right")
    near, far = (np.array([p[BANDS + LEVELS * b + at] for b in band])
                 for at in AT.values())
    assert np.all(q[0] > 0) and np.all(far > near)
    return np.maximum(q[1] - far * (q[1] - q[0]) / (far - near), 0)


def differenced(y, d, sd, season):
    for _ in range(sd):
        y = y[season:] - y[:-season]
    for _ in range(d):
        y = y[1:] - y[:-1]
    return y


def aicc(deviance, k, n):
    return deviance + 2 * k + 2 * k * (k + 1) / (n - k - 1)


def exact(y, season, order, mean, b):
    """AICc at given estimates."""
    _, d, _, _, sd, _ = order
    w = differenced(y, d, sd, season) - mean
    n = len(w)

    def lags(*at):
        p = np.zeros(season + 4)
        p[0] = 1
        for lag, value in at:
            p[lag] += value
        return p
    ar = np.convolve(lags(*((i + 1, -b[i]) for i in range(3))),
                     lags((season, -b[6])))
    ma = np.convolve(lags(*((i + 1, b[3 + i]) for i in range(3))),
                     lags((season, b[7])))
    # Autocovariances from weights of errors long gone.
    psi = np.zeros(200000)
    psi[:len(ma)] = ma
    for t in range(1, len(psi)):
        k = min(t, len(ar) - 1)
        psi[t] -= ar[1:k + 1] @ psi[t - 1::-1][:k]
    cov = np.array([psi[:len(psi) - h] @ psi[h:] for h in range(n)])
    low = np.linalg.cholesky(cov[np.abs(np.subtract.outer(
        np.arange(n), np.arange(n)))])
    e = np.linalg.solve(low, w)
    deviance = n * np.log(2 * np.pi * (e @ e) / n) + n + \
        2 * np.log(np.diag(low)).sum()
    return aicc(deviance, sum(order) - d - sd + 1 + (mean != 0), n)


def check():
    bad = 0
    with open(STORE, encoding="ascii") as f:
        known = json.load(f)
    for name, (season, horizon) in SERIES.items():
        y = np.loadtxt(os.path.join(HERE, name + ".txt"))
        order, mean, b, f = vmf(y, season, horizon)
        ref = known[name]
        text = "({},{},{})({},{},{})".format(*order)
        if order != ref["order"]:
            print(f"{name}: vmf {text}, textbook.json has {ref['order']}: "
                  "FAILED (--make)")
            bad += 1
            continue
        ours = exact(y, season, order, mean, b)
        ok = ours <= ref["best"][0] + 2
        bad += not ok
        print(f"{name}: vmf {text} AICc {ours:.2f}, best "
              f"{ref['best'][0]:.2f} ({ref['best'][1]}), statsmodels at these "
              f"orders {ref['same']:.2f}: {'ok' if ok else 'FAILED'}")
        g = np.maximum(ref["forecast"], 0)
        off = np.max(np.abs(f - g) / np.where(g > 0, g, 1))
        ok = len(g) == horizon and off <= 0.05
        bad += not ok
        print(f"{name}: forecasts differ by at most {100 * off:.2f} %: "
              f"{'ok' if ok else 'FAILED'}")
    return bad > 0


# ---- by statsmodels and statsforecast ----

def fitted(y, season, order, mean, start=None):
    """statsmodels' own estimates, from its own start and, where given, from
    another: the better one's AICc and result."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX
    p, d, q, sp, sd, sq = order
    w = differenced(y, d, sd, season)
    m = SARIMAX(w, order=(p, 0, q), trend="c" if mean else "n",
                seasonal_order=(sp, 0, sq, season if season > 1 else 0),
                concentrate_scale=True)
    r = m.fit(disp=0, maxiter=200)
    if start is not None and len(start) == len(m.start_params):
        again = m.fit(start_params=start, disp=0, maxiter=200)
        if not r.llf >= again.llf:
            r = again
    return aicc(-2 * r.llf, p + q + sp + sq + 1 + bool(mean), len(w)), r


def chosen(order, mean, b):
    """vmf's parameters in statsmodels' order, which has an intercept."""
    p, _, q, sp, _, sq = order
    out = list(b[0:p]) + list(b[3:3 + q]) + list(b[6:6 + sp]) + \
        list(b[7:7 + sq])
    return ([mean * (1 - sum(b[0:3])) * (1 - b[6])] if mean else []) + out


def integrate(y, w, d, sd, season):
    """Forecasts of y from those of its differences."""
    z = y if not sd else y[season:] - y[:-season]
    out_z = list(np.cumsum(w) + z[-1]) if d else list(w)
    if not sd:
        return np.array(out_z)
    full = list(y)
    for v in out_z:
        full.append(v + full[-season])
    return np.array(full[len(y):])


def make_one(name, season, horizon):
    from statsforecast.models import AutoARIMA
    y = np.loadtxt(os.path.join(HERE, name + ".txt"))
    order, mean, b, _ = vmf(y, season, horizon)
    own, r = fitted(y, season, order, mean != 0,
                    np.array(chosen(order, mean, b)))
    best = [own, "statsmodels, the same orders"]
    m = AutoARIMA(season_length=season).fit(y).model_
    a = m["arma"]           # p, q, P, Q, s, d, D
    auto = f"({a[0]},{a[5]},{a[1]})({a[2]},{a[6]},{a[3]})"
    if (a[5], a[6]) == (order[1], order[4]) and m["aicc"] < best[0]:
        best = [m["aicc"], "statsforecast " + auto]
    for p in range(4):
        for q in range(4):
            for s in range(4 if season > 1 else 1):
                o = [p, order[1], q, s >> 1, order[4], s & 1]
                try:
                    v, _ = fitted(y, season, o, order[1] + order[4] == 0)
                except (np.linalg.LinAlgError, ValueError):
                    continue
                if v < best[0]:
                    best = [v, "statsmodels ({},{},{})({},{},{})".format(*o)]
    forecast = integrate(y, r.forecast(horizon), order[1], order[4], season)
    return {"order": order, "best": [round(best[0], 4), best[1]],
            "same": round(own, 4),
            "statsforecast": [auto, round(m["aicc"], 4)],
            "forecast": [round(v, 4) for v in forecast]}


def make():
    from importlib.metadata import version
    warnings.filterwarnings("ignore")
    out = {"made": "textbook.py --make, " + ", ".join(
        f"{p} {version(p)}" for p in ("statsmodels", "statsforecast",
                                      "numpy", "scipy"))}
    for name, (season, horizon) in SERIES.items():
        out[name] = make_one(name, season, horizon)
    with open(STORE, "w", encoding="ascii") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    elif sys.argv[1:]:
        sys.exit("textbook.py: usage: textbook.py [--make]")
    sys.exit(check())
