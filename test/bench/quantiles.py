"""The rows of test/bench/quantiles.c by a newer XGBoost's own quantile loss."""

import sys

import numpy as np
import xgboost as xgb

raw = open(sys.argv[1], "rb").read()
width, learn, stop, judged, cols = np.frombuffer(raw, "<i8", 5)
rec = np.frombuffer(raw, "<f4", offset=40).reshape(-1, width)
parts = np.split(rec, [learn, learn + stop])
assert len(parts[2]) == judged
print("XGBoost", xgb.__version__, "reg:quantileerror")


def pinball(y, q, level):
    d = y - q
    return float(np.mean(np.where(d > 0, level * d, (level - 1) * d)))


for j in range(9):
    level = (j + 1) / 10
    x, base, y = zip(*[(p[:, :cols], p[:, cols + j], p[:, -1]) for p in parts])
    best = None
    # Its leaves are quantiles of the rows in them, so that regularisation is
    # not ours: the better of two, by the rows to stop by.
    for leaf, depth in ((20, 6), (100, 6)):
        train = xgb.QuantileDMatrix(x[0], y[0], base_margin=base[0], max_bin=64)
        test = xgb.QuantileDMatrix(x[1], y[1], base_margin=base[1], max_bin=64,
                                   ref=train)
        model = xgb.train(
            {"objective": "reg:quantileerror", "quantile_alpha": level,
             "tree_method": "hist", "max_depth": depth, "eta": 0.05,
             "subsample": 0.7, "colsample_bytree": 0.5, "max_bin": 64,
             "min_child_weight": leaf, "seed": j, "nthread": 2}, train, 400,
            evals=[(test, "t")], early_stopping_rounds=40, verbose_eval=False)
        if best is None or model.best_score < best.best_score:
            best = model
    out = best.predict(xgb.DMatrix(x[2], base_margin=base[2]),
                       iteration_range=(0, best.best_iteration + 1))
    print(f"{level:.1f} {pinball(y[2], out, level):.5f} "
          f"{best.best_iteration + 1}", flush=True)
