# SPDX-License-Identifier: MIT
"""Every value of a series against those that polars computes.

usage: aggregate.py READINGS SERIES STEP_S METRICS STATS

Exits 1 unless each step of each VM has the same values within 1e-6
(relative; absolute below 1), and no step is missing on either side.
"""
import sys

import numpy as np
import polars as pl

readings, series, step, metrics, stats = sys.argv[1:6]
step = int(step)
metrics, stats = metrics.split(","), stats.split(",")

s = pl.read_ipc_stream(series)
ids = s["id"].to_list()
if ids != sorted(ids, key=lambda i: i.encode()):
    sys.exit("the rows are not sorted by id")
lists = [c for c in s.columns if s[c].dtype == pl.List(pl.Float32)]
got = (
    s.filter(pl.col("start").is_not_null())
    .select("id", pl.col("start").dt.epoch("s"), *lists)
    .with_columns(i=pl.int_ranges(0, pl.col(lists[0]).list.len()))
    .explode(["i"] + lists)
    .with_columns(t=pl.col("start") + pl.col("i") * step)
)
r = pl.read_ipc_stream(readings).with_columns(
    pl.col("vm").cast(pl.String),
    t=pl.col("time").dt.epoch("s") // step * step,
)

bad = 0
for metric in metrics:
    v = pl.col(metric).cast(pl.Float64)
    how = {"mean": v.mean(), "max": v.max(), "min": v.min(),
           "count": v.count()}
    want = r.group_by("vm", "t").agg(
        (how[x] if x in how else
         v.quantile(float(x[1:]) / 100, "linear")).alias(x) for x in stats)
    both = got.select("id", "t", *[f"{metric}_{x}" for x in stats]).join(
        want, left_on=["id", "t"], right_on=["vm", "t"], how="full",
        coalesce=True)
    for x in stats:
        a = both[f"{metric}_{x}"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        b = both[x].cast(pl.Float64).fill_null(np.nan).to_numpy()
        if x == "count":
            b = np.where(b == 0, np.nan, b)
        ok = np.abs(a - b) <= 1e-6 * np.maximum(1.0, np.abs(b))
        ok |= np.isnan(a) & np.isnan(b)
        print(f"{metric}_{x}: {np.isfinite(a).sum()} values, "
              f"{(~ok).sum()} differ")
        bad += int((~ok).sum())
sys.exit(1 if bad else 0)
