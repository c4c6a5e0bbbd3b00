# SPDX-License-Identifier: MIT
"""What statsforecast and statsmodels make of three textbook series, beside
vmf's arima.

    python3 test/reference/textbook.py [--grid]

The series are R's AirPassengers (Box and Jenkins), lynx (Brockwell and Davis,
1991) and wineind (Hyndman's forecast package), as the pmdarima package hands
them out.  Needs vmf-train and vmf-predict in PATH and, from PyPI, pyarrow,
statsmodels and statsforecast.  Writes a line a check; exits 1 when one fails:

- AICc of vmf's model by exact likelihood (statsmodels' Kalman filter, on the
  differenced series, the variance profiled) at vmf's estimates, at most 2
  above the best model that statsforecast's AutoARIMA or (--grid) statsmodels
  over all p, q <= 3 and P, Q <= 1 finds with the same differences;
- forecasts of two seasons (ten steps of lynx) within 5 % of statsmodels' at
  equal orders, its own estimates, at every step.
"""
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
from statsmodels.tsa.statespace.sarimax import SARIMAX

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
SERIES = {"airpassengers": (12, 24), "lynx": (1, 10), "wineind": (12, 24)}
ARIMA = 15          # of the params, see vmf-model(5)


def vmf(y, season, horizon):
    """vmf's orders, parameters and forecast."""
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
                        "--season", "%dh" % season, *end, "-o", tmp + "/m",
                        path], check=True)
        subprocess.run(["vmf-predict", "-q", "--from", tmp + "/m", *end,
                        "--horizon", str(horizon), "-o", tmp + "/f", path],
                       check=True)
        p = ipc.open_stream(tmp + "/m").read_all()["params"][0].as_py()
        f = ipc.open_stream(tmp + "/f").read_all()["y"][0].as_py()
    p = p[ARIMA:ARIMA + 16]
    order = [int(x) for x in p[:6]]
    return order, p[6], p[7:15], np.array(f)


def differenced(y, d, sd, season):
    for _ in range(sd):
        y = y[season:] - y[:-season]
    for _ in range(d):
        y = y[1:] - y[:-1]
    return y


def aicc(loglike, k, n):
    return -2 * loglike + 2 * k + 2 * k * (k + 1) / (n - k - 1)


def chosen(order, b):
    """The parameters that the orders have."""
    p, _, q, sp, _, sq = order
    return list(b[0:p]) + list(b[3:3 + q]) + list(b[6:6 + sp]) + \
        list(b[7:7 + sq])


def exact(y, season, order, mean, b):
    """AICc at given estimates."""
    p, d, q, sp, sd, sq = order
    w = differenced(y, d, sd, season) - mean
    m = SARIMAX(w, order=(p, 0, q),
                seasonal_order=(sp, 0, sq, season if season > 1 else 0),
                concentrate_scale=True)
    par = np.array(chosen(order, b))
    return aicc(m.loglike(par), len(par) + 1 + (mean != 0), len(w))


def fitted(y, season, order, mean, start=None):
    """statsmodels' own estimates, from its own start and, where given, from
    another: the better one's AICc and result."""
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
    return aicc(r.llf, p + q + sp + sq + 1 + bool(mean), len(w)), r


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


def main():
    grid = "--grid" in sys.argv
    bad = 0
    for name, (season, horizon) in SERIES.items():
        y = np.loadtxt(os.path.join(HERE, name + ".txt"))
        order, mean, b, f = vmf(y, season, horizon)
        ours = exact(y, season, order, mean, b)
        start = chosen(order, b)
        if mean != 0:       # statsmodels has the intercept
            start = [mean * (1 - sum(b[0:3])) * (1 - b[6])] + start
        own, r = fitted(y, season, order, mean != 0, np.array(start))
        best, who = own, "statsmodels, same orders"
        try:
            from statsforecast.models import AutoARIMA
            m = AutoARIMA(season_length=season).fit(y).model_
            a = m["arma"]       # p, q, P, Q, s, d, D
            print("%s: statsforecast (%d,%d,%d)(%d,%d,%d) AICc %.2f" % (
                name, a[0], a[5], a[1], a[2], a[6], a[3], m["aicc"]))
            if (a[5], a[6]) == (order[1], order[4]) and m["aicc"] < best:
                best, who = m["aicc"], "statsforecast"
        except ImportError:
            print("%s: no statsforecast" % name)
        if grid:
            for p in range(4):
                for q in range(4):
                    for s in range(4 if season > 1 else 1):
                        o = [p, order[1], q, s >> 1, order[4], s & 1]
                        try:
                            v, _ = fitted(y, season, o,
                                          order[1] + order[4] == 0)
                        except (np.linalg.LinAlgError, ValueError):
                            continue
                        if v < best:
                            best, who = v, "statsmodels %s" % o
        ok = ours <= best + 2
        bad += not ok
        print("%s: vmf (%d,%d,%d)(%d,%d,%d) %s AICc %.2f, best %.2f (%s), "
              "at these orders %.2f: %s" % (
                  name, *order, np.round(b, 3), ours, best, who, own,
                  "ok" if ok else "FAILED"))
        g = integrate(y, r.forecast(horizon), order[1], order[4], season)
        off = np.max(np.abs(f - g) / np.abs(g))
        ok = off <= 0.05
        bad += not ok
        print("%s: forecasts differ by at most %.2f %%: %s" % (
            name, 100 * off, "ok" if ok else "FAILED"))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
